//! Volumes that go with a server, wherever it ran, and what is said of those that stay.

use super::*;

/// What is said of the volume of a server on the second node.
fn elsewhere(alice: &Hub) -> Value {
    let command = format!("docker -H ssh://node2.example volume rm {}", alice.scratch());
    json!([{"kind": "volume", "name": alice.scratch(), "node": "node2.example", "command": command}])
}

#[tokio::test(start_paused = true)]
async fn a_failed_start_says_what_stays_on_another_node() {
    let swarm = FakeSwarm::new();
    swarm.add_node("node2", "ready");
    let alice = Hub { wait: Wait::Listening, timeout: Duration::from_secs(8), ..hub("alice", "Scratch") };
    let moves = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        swarm.now(|state| state.displace_to(&alice.name(), "node2"));
    };
    let (told, ()) = tokio::join!(alice.start(&swarm), moves);
    assert_eq!(told.failed(), "not-listening");
    assert_eq!(told.result["unreachable"], elsewhere(&alice));
}

#[tokio::test(start_paused = true)]
async fn a_replaced_server_takes_its_volumes_along() {
    let swarm = FakeSwarm::new();
    let alice = hub("alice", "Scratch");
    alice.start(&swarm).await.started();
    add_volume(&swarm, &alice.scratch());
    let told = Hub { existing: Existing::Replace, ..alice.clone() }.start(&swarm).await;
    told.started();
    assert_eq!(told.result.get("unreachable"), None);
    // It would hold the credentials of then. The new server's first two seconds are no part of the removal.
    assert_eq!(swarm.calls("remove_volume").len() as u64, 1 + told.took.as_secs() - 2);
    swarm.now(|state| assert_eq!(state.volumes, []));
}

#[tokio::test(start_paused = true)]
async fn what_stays_of_a_replaced_server_is_said() {
    for profile in ["Scratch", "Exits"] {
        let swarm = FakeSwarm::new();
        swarm.add_node("node2", "ready");
        let alice = hub("alice", "Scratch");
        alice.start(&swarm).await.started();
        swarm.now(|state| state.displace_to(&alice.name(), "node2"));
        let new = Hub { existing: Existing::Replace, profile, wait: Wait::Running, ..alice.clone() };
        let told =
            Hub { wait: if profile == "Exits" { Wait::Listening } else { Wait::Running }, ..new }.start(&swarm).await;
        assert_eq!(told.result["event"], json!(if profile == "Exits" { "failed" } else { "started" }));
        assert_eq!(told.result["unreachable"], elsewhere(&alice));
    }
}

#[tokio::test(start_paused = true)]
async fn a_replacement_that_is_given_up_leaves_no_half_of_the_old_server() {
    for millis in (0..4_000).step_by(50) {
        let swarm = FakeSwarm::new();
        let alice = Hub { options: file("a"), ..hub("alice", "Scratch") };
        alice.start(&swarm).await.started();
        add_volume(&swarm, &alice.scratch());
        let cancel = Some(Duration::from_millis(millis));
        let told = Hub { existing: Existing::Replace, cancel, ..alice.clone() }.start(&swarm).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let is_whole =
            swarm.names().len() == 1 && swarm.now(|state| (state.configs.len(), state.volumes.len())) == (1, 1);
        if !is_whole && told.result["event"] == "failed" {
            assert_eq!(told.failed(), "cancelled");
            assert_empty(&swarm);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_volume_of_two_servers_goes_with_the_last() {
    let swarm = FakeSwarm::new();
    let alice = hub("alice", "Scratch");
    let second = Hub { server: "second", ..alice.clone() };
    let told = alice.start(&swarm).await;
    second.start(&swarm).await.started();
    add_volume(&swarm, &alice.scratch());
    let stopped = alice.stop(&swarm, told.state.as_ref()).await;
    assert_eq!(stopped.result["unreachable"], json!([]));
    assert!(stopped.took.as_secs() < 5, "{:?}", stopped.took);
    assert_eq!(swarm.now(|state| state.volumes.len()), 1);
    let stopped = second.stop(&swarm, None).await;
    assert_eq!(stopped.result["removed"]["volumes"], json!([alice.scratch()]));
    assert_empty(&swarm);
}

#[tokio::test(start_paused = true)]
async fn a_volume_of_a_server_that_waits_stays_for_it() {
    let swarm = FakeSwarm::new();
    let alice = hub("alice", "Scratch");
    let second = Hub { server: "second", ..alice.clone() };
    let told = alice.start(&swarm).await;
    second.start(&swarm).await.started();
    add_volume(&swarm, &alice.scratch());
    // Nothing of the second one runs that would keep it.
    swarm.now(|state| state.forget_tasks(&second.name()));
    let stopped = alice.stop(&swarm, told.state.as_ref()).await;
    assert_eq!((&stopped.result["removed"]["volumes"], &stopped.result["unreachable"]), (&json!([]), &json!([])));
    assert_eq!(swarm.now(|state| state.volumes.len()), 1);
    // Nor where nobody can say whether it is used.
    let told = alice.start(&swarm).await;
    swarm.faults("services", 1, 1000, Fault::Refused("no"));
    let stopped = alice.stop(&swarm, told.state.as_ref()).await;
    assert_eq!(stopped.result["unreachable"][0]["name"], alice.scratch());
    assert_eq!(swarm.now(|state| state.volumes.len()), 1);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_somebody_else_removed_leaves_nothing() {
    for with_state in [true, false] {
        let swarm = FakeSwarm::new();
        let alice = Hub { options: file("a"), ..hub("alice", "Scratch") };
        let told = alice.start(&swarm).await;
        if with_state {
            add_volume(&swarm, &alice.scratch());
        }
        swarm.now(|state| state.remove(&alice.name())).unwrap();
        tokio::time::sleep(Duration::from_secs(5)).await;
        let stopped = alice.stop(&swarm, told.state.as_ref().filter(|_| with_state)).await;
        assert_eq!(
            (&stopped.result["event"], &stopped.result["removed"]["service"]),
            (&json!("stopped"), &json!(null))
        );
        assert_eq!(stopped.result["unreachable"], json!([]));
        assert_empty(&swarm);
    }
}

#[tokio::test(start_paused = true)]
async fn a_volume_on_another_node_is_told_of_though_the_service_is_gone() {
    let swarm = FakeSwarm::new();
    swarm.add_node("node2", "ready");
    let alice = hub("alice", "Scratch");
    let told = alice.start(&swarm).await;
    swarm.now(|state| state.displace_to(&alice.name(), "node2"));
    let status = alice.poll(&swarm, told.state.as_ref()).await;
    let state: State = serde_json::from_value(status["state"].clone()).unwrap();
    swarm.now(|state| state.remove(&alice.name())).unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let stopped = alice.stop(&swarm, Some(&state)).await;
    assert_eq!(stopped.result["unreachable"], elsewhere(&alice));
}
