//! How a server is.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_poll_is_one_call_and_says_that_a_server_runs() {
    let swarm = FakeSwarm::new();
    let alice = hub("alice", "Runs");
    let told = alice.start(&swarm).await;
    swarm.mend();
    let status = alice.poll(&swarm, Some(told.started())).await;
    assert_eq!((&status["running"], &status["address"]), (&json!(true), &json!(told.started().address)));
    assert_eq!(status.get("state"), None);
    assert_eq!(swarm.calls("").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_server_whose_state_was_lost_is_found_by_its_name() {
    let swarm = FakeSwarm::new();
    let alice = hub("alice", "Scratch");
    let told = alice.start(&swarm).await;
    let status = alice.poll(&swarm, None).await;
    assert_eq!(status["running"], json!(true));
    let mut found: State = serde_json::from_value(status["state"].clone()).unwrap();
    assert_eq!((&found.service_id, &found.volumes), (&told.started().service_id, &vec![alice.scratch()]));
    assert_eq!(found.address, told.started().address);
    found.address.clear();
    assert_eq!(alice.poll(&swarm, Some(&found)).await["address"], json!(told.started().address));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_moved_has_its_new_address_in_the_state() {
    let swarm = FakeSwarm::new();
    let alice = hub("alice", "Runs");
    let told = alice.start(&swarm).await;
    swarm.now(|state| state.displace(&alice.name(), "runs"));
    tokio::time::sleep(Duration::from_secs(3)).await;
    let status = alice.poll(&swarm, Some(told.started())).await;
    assert_eq!(status["running"], json!(true));
    assert_ne!(status["address"], json!(told.started().address));
    assert_eq!(status["state"]["address"], status["address"]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_no_node_has_taken_is_nowhere_though_the_swarm_has_given_it_an_address() {
    let swarm = FakeSwarm::new();
    let alice = hub("alice", "Runs");
    let told = alice.start(&swarm).await;
    swarm.now(|state| state.displace(&alice.name(), "homeless"));
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(swarm.tasks().iter().any(|task| task.node_id.is_empty() && !task.addresses.is_empty()));
    for state in [Some(told.started()), None] {
        let status = alice.poll(&swarm, state).await;
        assert_eq!((&status["running"], &status["address"]), (&json!(true), &json!(null)));
        assert_eq!(status.get("state"), None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_restarts_lives_and_one_that_ends_time_and_again_does_not() {
    let swarm = FakeSwarm::new();
    let alice = hub("alice", "Runs");
    let told = alice.start(&swarm).await;
    swarm.now(|state| state.displace(&alice.name(), "exits"));
    let state = Some(told.started());
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(alice.poll(&swarm, state).await["running"], json!(true), "it comes again");
    swarm.now(|state| state.displace(&alice.name(), "exits"));
    tokio::time::sleep(Duration::from_secs(2)).await;
    swarm.now(|state| state.displace(&alice.name(), "exits"));
    tokio::time::sleep(Duration::from_secs(2)).await;
    let status = alice.poll(&swarm, state).await;
    assert_eq!((&status["running"], &status["exists"], &status["exit_code"]), (&json!(false), &json!(true), &json!(3)));
    assert!(status["reason"].as_str().unwrap().contains("non-zero exit (3)"));
}

#[tokio::test(start_paused = true)]
async fn why_a_server_ended_tells_no_secret() {
    let swarm = FakeSwarm::new();
    let alice = hub("alice", "Runs");
    let told = alice.start(&swarm).await;
    for _ in 0..3 {
        swarm.now(|state| state.displace(&alice.name(), &format!("telltale:{TOKEN}")));
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    for state in [Some(told.started()), None] {
        let status = alice.poll(&swarm, state).await;
        assert_eq!(status["reason"], json!("invalid mount config: «redacted»"));
    }
    // Without the service nobody knows what of it is secret.
    swarm.faults("service", 1, 9, Fault::Fails("raft"));
    assert_eq!(alice.poll(&swarm, Some(told.started())).await["reason"], json!("its task is rejected"));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_gone_is_no_server() {
    let swarm = FakeSwarm::new();
    let alice = hub("alice", "Runs");
    let told = alice.start(&swarm).await;
    swarm.now(|state| state.remove(&alice.name())).unwrap();
    for state in [Some(told.started()), None] {
        let status = alice.poll(&swarm, state).await;
        assert_eq!((&status["running"], &status["exists"]), (&json!(false), &json!(false)));
    }
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_does_not_answer_leaves_it_open() {
    let faults = [Fault::Unreachable, Fault::CutBefore, Fault::CutAfter, Fault::Garbage, Fault::Fails("raft")];
    for fault in faults {
        let swarm = FakeSwarm::new();
        let alice = hub("alice", "Runs");
        let told = alice.start(&swarm).await;
        swarm.mend();
        swarm.faults("tasks", 1, 9, fault.clone());
        swarm.faults("service", 1, 9, fault);
        for state in [Some(told.started()), None] {
            let status = alice.poll(&swarm, state).await;
            assert_eq!(status["running"], json!("unknown"));
            assert!(status["reason"].is_string());
        }
    }
}
