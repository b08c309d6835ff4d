//! A server that is there already.

use super::*;
use swarmgen::apply::api::SwarmApi as _;

#[tokio::test(start_paused = true)]
async fn a_server_of_ones_own_is_told_of_and_nothing_is_done() {
    let swarm = FakeSwarm::new();
    let alice = hub("alice", "Runs");
    alice.start(&swarm).await.started();
    swarm.mend();
    let told = alice.start(&swarm).await;
    let wanted = json!({
        "event": "exists", "running": true, "changed": false, "on_changed": "replace", "api_token": TOKEN,
    });
    assert_eq!(told.result, wanted);
    assert_eq!(swarm.calls("").iter().map(|call| call.name).collect::<Vec<_>>(), ["service", "tasks"]);
}

#[tokio::test(start_paused = true)]
async fn what_the_hub_says_anew_is_no_change_and_what_the_config_says_is() {
    let swarm = FakeSwarm::new();
    hub("alice", "Runs").start(&swarm).await.started();
    let told = Hub { token: "a-new-token", ..hub("alice", "Runs") }.start(&swarm).await;
    assert_eq!((&told.result["changed"], &told.result["api_token"]), (&json!(false), &json!(TOKEN)));
    let told = Hub { on_changed: "keep", ..hub("alice", "Other") }.start(&swarm).await;
    assert_eq!((&told.result["changed"], &told.result["on_changed"]), (&json!(true), &json!("keep")));
}

#[tokio::test(start_paused = true)]
async fn a_server_with_files_is_compared_too() {
    let swarm = FakeSwarm::new();
    let told = async |profile, text| Hub { options: file(text), ..hub("alice", profile) }.start(&swarm).await;
    told("Runs", "old").await.started();
    let changed = [told("Runs", "old").await, told("Other", "old").await, told("Runs", "new").await]
        .map(|told| told.result["changed"].clone());
    assert_eq!(changed, [json!(false), json!(true), json!(true)]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_ended_is_told_not_to_run() {
    let swarm = FakeSwarm::new();
    let alice = hub("alice", "Runs");
    alice.start(&swarm).await.started();
    swarm.now(|state| state.displace(&alice.name(), "homeless"));
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(alice.start(&swarm).await.result["running"], json!(false));
}

#[tokio::test(start_paused = true)]
async fn a_server_is_kept_as_it_is() {
    let swarm = FakeSwarm::new();
    let first = hub("alice", "Runs").start(&swarm).await;
    swarm.mend();
    let told = Hub { existing: Existing::Keep, ..hub("alice", "Other") }.start(&swarm).await;
    assert_eq!(told.started().service_id, first.started().service_id);
    assert_eq!(told.started().address, first.started().address);
    assert!(swarm.calls("create_service").is_empty() && swarm.calls("remove_service").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_the_swarm_has_started_again_is_kept() {
    let swarm = FakeSwarm::new();
    let alice = hub("alice", "Runs");
    let first = alice.start(&swarm).await;
    for image in ["exits", "runs"] {
        swarm.now(|state| state.displace(&alice.name(), image));
        tokio::time::sleep(Duration::from_secs(4)).await;
    }
    let told = Hub { existing: Existing::Keep, ..alice.clone() }.start(&swarm).await;
    assert_eq!(told.started().service_id, first.started().service_id);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_to_be_kept_and_does_not_run_stays() {
    let swarm = FakeSwarm::new();
    let alice = hub("alice", "Runs");
    alice.start(&swarm).await.started();
    swarm.now(|state| state.displace(&alice.name(), "exits"));
    tokio::time::sleep(Duration::from_secs(2)).await;
    let told = Hub { existing: Existing::Keep, ..alice.clone() }.start(&swarm).await;
    assert_eq!(told.failed(), "exited");
    // It was not made by this start.
    assert_eq!(swarm.names(), [alice.name()]);
}

#[tokio::test(start_paused = true)]
async fn the_volumes_of_a_server_that_could_not_be_kept_are_not_touched() {
    for cancel in [None, Some(Duration::from_secs(1))] {
        let swarm = FakeSwarm::new();
        let alice = hub("alice", "Scratch");
        alice.start(&swarm).await.started();
        add_volume(&swarm, &alice.scratch());
        swarm.now(|state| state.displace(&alice.name(), if cancel.is_some() { "starting" } else { "exits" }));
        tokio::time::sleep(Duration::from_secs(2)).await;
        swarm.mend();
        let told = Hub { existing: Existing::Keep, cancel, ..alice.clone() }.start(&swarm).await;
        assert_eq!(told.failed(), if cancel.is_some() { "cancelled" } else { "exited" });
        assert!(swarm.calls("remove_volume").is_empty(), "a server that the swarm starts again would be without it");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_is_replaced_with_its_token_and_its_files() {
    let swarm = FakeSwarm::new();
    let first = Hub { options: file("old"), ..hub("alice", "Runs") }.start(&swarm).await;
    let second = Hub { token: "a-new-token", existing: Existing::Replace, ..hub("alice", "Runs") };
    let told = second.start(&swarm).await;
    assert_ne!(told.started().service_id, first.started().service_id);
    let live = swarm.services();
    assert_eq!(live.len(), 1);
    assert!(live[0].spec.to_string().contains("a-new-token") && !live[0].spec.to_string().contains(TOKEN));
    // The old one's files would be nobody's.
    swarm.now(|state| assert_eq!(state.configs, []));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_ones_own_is_touched_by_no_start_and_no_stop() {
    let alice = hub("alice", "Runs");
    let labels = |deployment: &str, user: &str, by: &str| {
        json!({
            "swarmgen.deployment": deployment, "swarmgen.user": user, "swarmgen.server": "", "swarmgen.made-by": by,
        })
    };
    for labels in [
        json!({}),
        labels(DEPLOYMENT, "mallory", "spawner"),
        labels("other", "alice", "spawner"),
        labels(DEPLOYMENT, "alice", "apply"),
    ] {
        let swarm = FakeSwarm::new();
        let spec = json!({
            "Name": alice.name(), "Labels": labels, "Mode": {"Replicated": {"Replicas": 1}},
            "TaskTemplate": {"ContainerSpec": {"Image": "runs:1"}},
        });
        swarm.create_service(&spec, None).await.unwrap();
        for existing in [Existing::Tell, Existing::Keep, Existing::Replace] {
            let told = Hub { existing, ..alice.clone() }.start(&swarm).await;
            assert_eq!(told.failed(), "conflict", "{labels}");
        }
        let told = alice.stop(&swarm, None).await;
        assert_eq!(told.result["removed"]["service"], json!(null), "{labels}");
        assert_eq!(alice.poll(&swarm, None).await["running"], json!(false), "{labels}");
        assert_eq!(swarm.names(), [alice.name()], "{labels}");
    }
}
