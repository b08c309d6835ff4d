//! What is known of a server whose start the hub has forgotten: the live service says it, not the config of now.

use super::*;

/// A server with files and volumes.
fn laden(user: &'static str) -> Hub {
    Hub { options: file("a"), ..hub(user, "Scratch") }
}

#[tokio::test(start_paused = true)]
async fn a_kept_servers_files_and_volumes_go_with_it() {
    let swarm = FakeSwarm::new();
    laden("alice").start(&swarm).await.started();
    add_volume(&swarm, &laden("alice").scratch());
    // What is asked for now has neither.
    let kept = Hub { existing: Existing::Keep, ..hub("alice", "Other") };
    let told = kept.start(&swarm).await;
    let ids: Vec<String> = swarm.now(|state| state.configs.iter().map(|config| config.id.clone()).collect());
    assert_eq!((&told.started().configs, &told.started().volumes), (&ids, &vec![kept.scratch()]));
    kept.stop(&swarm, told.state.as_ref()).await;
    assert_empty(&swarm);
}

#[tokio::test(start_paused = true)]
async fn a_found_servers_files_and_volumes_go_with_it() {
    let swarm = FakeSwarm::new();
    let alice = laden("alice");
    alice.start(&swarm).await.started();
    add_volume(&swarm, &alice.scratch());
    let found: State = serde_json::from_value(alice.poll(&swarm, None).await["state"].clone()).unwrap();
    alice.stop(&swarm, Some(&found)).await;
    assert_empty(&swarm);
}

#[tokio::test(start_paused = true)]
async fn a_kept_server_is_reached_as_its_own_service_says() {
    let swarm = FakeSwarm::new();
    let first = hub("alice", "Published").start(&swarm).await;
    assert_eq!((&*first.started().address, first.started().port), ("192.0.2.1", 31000));
    let told = Hub { existing: Existing::Keep, ..hub("alice", "Runs") }.start(&swarm).await;
    assert_eq!(told.started(), first.started());
}

#[tokio::test(start_paused = true)]
async fn a_server_at_its_nodes_port_is_found_by_its_name() {
    let swarm = FakeSwarm::new();
    let alice = hub("alice", "Published");
    let told = alice.start(&swarm).await;
    let status = alice.poll(&swarm, None).await;
    assert_eq!((&status["address"], &status["port"]), (&json!(told.started().address), &json!(31000)));
}

#[tokio::test(start_paused = true)]
async fn a_server_at_its_nodes_port_that_moved_has_the_other_nodes_address() {
    let swarm = FakeSwarm::new();
    swarm.add_node("node2", "ready");
    swarm.now(|state| state.nodes[1].address = "192.0.2.2".to_owned());
    let alice = hub("alice", "Published");
    let told = alice.start(&swarm).await;
    swarm.mend();
    assert_eq!(alice.poll(&swarm, told.state.as_ref()).await["address"], json!("192.0.2.1"));
    assert_eq!(swarm.calls("").len(), 1);
    swarm.now(|state| state.displace_to(&alice.name(), "node2"));
    let status = alice.poll(&swarm, told.state.as_ref()).await;
    assert_eq!((&status["address"], &status["port"]), (&json!("192.0.2.2"), &json!(31000)));
    assert_eq!(status["state"]["address"], json!("192.0.2.2"));
}
