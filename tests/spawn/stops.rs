//! The end of a server.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_stop_is_one_call_where_nothing_goes_with_the_server() {
    let swarm = FakeSwarm::new();
    let alice = hub("alice", "Runs");
    let told = alice.start(&swarm).await;
    swarm.mend();
    let stopped = alice.stop(&swarm, told.state.as_ref()).await;
    assert_eq!(stopped.result["removed"]["service"], json!(alice.name()));
    assert_eq!(stopped.result["unreachable"], json!([]));
    assert_eq!(stopped.stages(), ["removing"]);
    assert_eq!(swarm.calls("").len(), 1);
    assert_empty(&swarm);
}

#[tokio::test(start_paused = true)]
async fn volumes_labelled_autoremove_go_and_others_stay() {
    for with_state in [true, false] {
        let swarm = FakeSwarm::new();
        let alice = hub("alice", "Scratch");
        let told = alice.start(&swarm).await;
        let kept = alice.scratch().replace("scratch", "kept");
        add_volume(&swarm, &alice.scratch());
        add_volume(&swarm, &kept);
        swarm.mend();
        let stopped = alice.stop(&swarm, told.state.as_ref().filter(|_| with_state)).await;
        assert_eq!(stopped.result["removed"]["volumes"], json!([alice.scratch()]));
        let names: Vec<String> = swarm.now(|state| state.volumes.iter().map(|volume| volume.name.clone()).collect());
        assert_eq!(names, [kept]);
        let others = swarm.calls("").len() - swarm.calls("remove_volume").len();
        assert!(others <= 8, "{others} calls besides those for the volume");
    }
}

#[tokio::test(start_paused = true)]
async fn why_a_volume_stays_tells_no_secret() {
    for with_state in [true, false] {
        let swarm = FakeSwarm::new();
        let alice = hub("alice", "Scratch");
        let told = alice.start(&swarm).await;
        add_volume(&swarm, &alice.scratch());
        swarm.faults("remove_volume", 1, 1_000, Fault::Refused("cannot remove it with canary-of-the-token"));
        let stopped = alice.stop(&swarm, told.state.as_ref().filter(|_| with_state)).await;
        let reason = stopped.result["unreachable"][0]["reason"].as_str().unwrap();
        assert!(reason.contains("cannot remove it with «redacted»"), "{reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_volume_that_was_there_without_the_label_stays() {
    let swarm = FakeSwarm::new();
    let alice = hub("alice", "Scratch");
    let told = alice.start(&swarm).await;
    add_volume(&swarm, &alice.scratch());
    swarm.now(|state| state.volumes[0].labels.clear());
    swarm.mend();
    let stopped = alice.stop(&swarm, told.state.as_ref()).await;
    assert_eq!(stopped.result["removed"]["volumes"], json!([]));
    assert_eq!(stopped.result["unreachable"], json!([]));
    assert!(swarm.calls("remove_volume").is_empty());
    assert_eq!(swarm.now(|state| state.volumes.len()), 1);
}

#[tokio::test(start_paused = true)]
async fn a_volume_that_is_out_of_reach_is_named_with_what_removes_it() {
    let swarm = FakeSwarm::new();
    let alice = hub("alice", "Scratch");
    let told = alice.start(&swarm).await;
    swarm.add_node("node2", "ready");
    swarm.now(|state| state.displace_to(&alice.name(), "node2"));
    let stopped = alice.stop(&swarm, told.state.as_ref()).await;
    let command = format!("docker -H ssh://node2.example volume rm {}", alice.scratch());
    let wanted = json!([{"kind": "volume", "name": alice.scratch(), "node": "node2.example", "command": command}]);
    assert_eq!(stopped.result["unreachable"], wanted);
}

#[tokio::test(start_paused = true)]
async fn a_config_that_the_engine_keeps_is_named_with_the_reason() {
    let swarm = FakeSwarm::new();
    let alice = Hub { options: file("a"), ..hub("alice", "Scratch") };
    let told = alice.start(&swarm).await;
    let id = &told.state.as_ref().unwrap().configs[0];
    let fault = Fault::Refused("is in use by the following service: backup");
    swarm.faults("remove_config", 1, 1000, fault);
    let stopped = alice.stop(&swarm, told.state.as_ref()).await;
    assert_eq!(stopped.result["removed"]["configs"], json!([]));
    let left = &stopped.result["unreachable"][0];
    let command = format!("docker config rm {id}");
    assert_eq!([&left["kind"], &left["name"], &left["node"], &left["command"]], ["config", id, "", &command]);
    assert!(left["reason"].as_str().unwrap().contains("in use by the following service: backup"), "{left}");
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_is_not_to_wait_leaves_volumes_and_says_so() {
    let swarm = FakeSwarm::new();
    let alice = hub("alice", "Scratch");
    let told = alice.start(&swarm).await;
    add_volume(&swarm, &alice.scratch());
    let stopped = alice.stop_with(&swarm, told.state.as_ref(), true).await;
    assert!(stopped.took < Duration::from_millis(100), "{:?}", stopped.took);
    assert_eq!(stopped.result["unreachable"][0]["command"], format!("docker volume rm {}", alice.scratch()));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_gone_already_is_no_failure() {
    let swarm = FakeSwarm::new();
    let alice = hub("alice", "Runs");
    let told = alice.start(&swarm).await;
    swarm.now(|state| state.remove(&alice.name())).unwrap();
    for state in [told.state.as_ref(), None] {
        let stopped = alice.stop(&swarm, state).await;
        assert_eq!(stopped.result["event"], "stopped");
        assert_eq!(stopped.result["removed"]["service"], json!(null));
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_an_engine_that_is_away_and_gives_up_in_time() {
    let swarm = FakeSwarm::new();
    let alice = hub("alice", "Runs");
    let told = alice.start(&swarm).await;
    swarm.faults("remove_service", 1, 5, Fault::Unreachable);
    let stopped = alice.stop(&swarm, told.state.as_ref()).await;
    assert_eq!(stopped.result["event"], "stopped");
    assert!((5..7).contains(&stopped.took.as_secs()), "{:?}", stopped.took);
    let told = alice.start(&swarm).await;
    swarm.faults("remove_service", 1, 1000, Fault::Unreachable);
    let stopped = alice.stop(&swarm, told.state.as_ref()).await;
    assert_eq!(stopped.failed(), "engine-away");
    assert!(stopped.took <= Duration::from_secs(31));
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_goes_away_or_hangs_at_any_call_of_a_stop_leaves_nothing() {
    for call in ["tasks", "remove_service", "remove_config", "info", "volumes", "services", "remove_volume"] {
        for (fault, times) in [(Fault::Unreachable, 5), (Fault::Slow(Duration::from_secs(5)), 1)] {
            let swarm = FakeSwarm::new();
            let alice = Hub { options: file("a"), ..hub("alice", "Scratch") };
            add_volume(&swarm, &alice.scratch());
            let told = alice.start(&swarm).await;
            swarm.mend();
            swarm.faults(call, 1, times, fault);
            let begun = Instant::now();
            let mut stopped = alice.stop(&swarm, told.state.as_ref()).await;
            // What nothing was removed after, the caller tries again.
            while stopped.result["code"] == "engine-away" && stopped.took < Duration::from_secs(5) {
                stopped = alice.stop(&swarm, told.state.as_ref()).await;
            }
            assert_eq!(
                (&stopped.result["event"], &stopped.result["unreachable"]),
                (&"stopped".into(), &json!([])),
                "{call}"
            );
            assert!(swarm.calls(call).len() > times || times == 1, "{call}");
            // It costs that while, and nothing more.
            assert!((3..10).contains(&begun.elapsed().as_secs()), "{call} took {:?}", begun.elapsed());
            assert_empty(&swarm);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn volumes_stay_and_are_named_where_nobody_says_who_else_uses_them() {
    let swarm = FakeSwarm::new();
    let alice = hub("alice", "Scratch");
    let told = alice.start(&swarm).await;
    add_volume(&swarm, &alice.scratch());
    swarm.mend();
    swarm.faults("services", 1, 1000, Fault::Refused("no list today"));
    let stopped = alice.stop(&swarm, told.state.as_ref()).await;
    let left = &stopped.result["unreachable"][0];
    assert_eq!([&left["kind"], &left["name"], &left["node"]], ["volume", &alice.scratch(), ""]);
    assert!(left["reason"].as_str().unwrap().contains("no list today"), "{left}");
    assert!(swarm.calls("remove_volume").is_empty());
}

#[tokio::test(start_paused = true)]
async fn start_stop_and_start_again_at_once() {
    let swarm = FakeSwarm::new();
    let alice = Hub { options: file("a"), ..hub("alice", "Scratch") };
    let mut addresses = Vec::new();
    for _ in 0..3 {
        let told = alice.start(&swarm).await;
        addresses.push(told.started().address.clone());
        alice.stop(&swarm, told.state.as_ref()).await;
    }
    addresses.dedup();
    assert_eq!(addresses.len(), 3);
    assert_empty(&swarm);
}
