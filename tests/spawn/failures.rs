//! Starts that fail: what is said, how soon, and that nothing is left.

use super::*;

#[tokio::test(start_paused = true)]
async fn each_failure_has_its_code_comes_soon_and_leaves_nothing() {
    for (profile, code, seconds) in [
        ("Missing", "no-image", 2),
        ("Exits", "exited", 3),
        ("Ends", "exited", 3),
        ("Unhealthy", "unhealthy", 6),
        ("Homeless", "no-node", 31),
        ("Unplaced", "timeout", 31),
        ("Never", "timeout", 31),
    ] {
        // To have been seen running is not enough: those that end at once run for a fifth of a second.
        for wait in [Wait::Listening, Wait::Running] {
            let swarm = FakeSwarm::new();
            let told = Hub { wait, ..hub("alice", profile) }.start(&swarm).await;
            assert_eq!(told.failed(), code, "{profile}");
            assert!(told.took.as_secs() <= seconds, "{profile} took {:?}", told.took);
            assert!(told.result["message"].as_str().unwrap().ends_with('.') && told.result["hint"].is_string());
            assert_empty(&swarm);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_no_node_has_is_told_apart_from_what_is_in_use_with_one_call() {
    for (has, words) in [(0, "with a GPU: no node has one"), (1, "with a free GPU: all are in use")] {
        let swarm = FakeSwarm::new();
        swarm.now(|state| state.nodes[0].generic_resources = [("gpu".to_owned(), has)].into());
        let told = hub("alice", "Unequipped").start(&swarm).await;
        assert_eq!(told.failed(), "no-node");
        assert!(told.result["message"].as_str().unwrap().contains(words), "{}", told.result);
        assert!(told.progress.iter().any(|event| event["message"] == format!("Waiting for a node {words}")));
        assert_eq!(swarm.calls("nodes").len(), 1);
        assert_empty(&swarm);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_takes_files_and_scratch_volumes_along() {
    let swarm = FakeSwarm::new();
    let alice =
        Hub { wait: Wait::Listening, options: file("a"), timeout: Duration::from_secs(8), ..hub("alice", "Scratch") };
    let volume = alice.scratch();
    add_volume(&swarm, &volume);
    assert_eq!(alice.start(&swarm).await.failed(), "not-listening");
    assert_empty(&swarm);
}

#[tokio::test(start_paused = true)]
async fn a_volume_that_cannot_be_mounted_goes_too() {
    let swarm = FakeSwarm::new();
    let alice = hub("alice", "Unmounted");
    add_volume(&swarm, &alice.scratch());
    assert_eq!(alice.start(&swarm).await.failed(), "rejected");
    assert_empty(&swarm);
}

#[tokio::test(start_paused = true)]
async fn a_volume_that_a_node_made_before_it_had_the_image_goes_too() {
    let soon = Some(Duration::from_millis(900));
    for (profile, cancel, code) in
        [("Absent", None, "no-image"), ("Pulled", None, "timeout"), ("Pulled", soon, "cancelled")]
    {
        let swarm = FakeSwarm::new();
        let alice = Hub { cancel, ..hub("alice", profile) };
        add_volume(&swarm, &alice.scratch());
        assert_eq!(alice.start(&swarm).await.failed(), code);
        assert_empty(&swarm);
    }
    // Without a node nothing was made: what is there is somebody else's.
    let swarm = FakeSwarm::new();
    let alice = Hub { cancel: Some(Duration::from_millis(10)), ..hub("alice", "Pulled") };
    add_volume(&swarm, &alice.scratch());
    assert_eq!(alice.start(&swarm).await.failed(), "cancelled");
    assert_eq!(swarm.now(|state| state.volumes.len()), 1);
}

impl Hub {
    /// The name of the volume that goes with the server.
    pub(crate) fn scratch(&self) -> String {
        format!("scratch-{}", self.name().trim_start_matches("jupyter-").trim_end_matches("-1"))
    }
}

#[tokio::test(start_paused = true)]
async fn a_start_that_is_given_up_at_any_moment_leaves_nothing() {
    for millis in (0..1_500).step_by(3) {
        let swarm = FakeSwarm::new();
        let cancel = Some(Duration::from_millis(millis));
        let told = Hub { cancel, options: file("a"), ..hub("alice", "Slow") }.start(&swarm).await;
        assert_eq!(told.failed(), "cancelled", "after {millis} ms");
        // A creation that was under way may be carried out a moment later.
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_empty(&swarm);
    }
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_fails_is_told_and_leaves_nothing() {
    for (call, fault, code, seconds) in [
        ("service", Fault::Fails("raft"), "engine-away", 31),
        ("service", Fault::Unreachable, "engine-away", 31),
        ("create_service", Fault::Unreachable, "engine-away", 32),
        ("create_service", Fault::Refused("invalid"), "engine-refused", 1),
        ("create_config", Fault::Refused("invalid"), "engine-refused", 1),
        ("tasks", Fault::Refused("invalid"), "engine-refused", 1),
    ] {
        let swarm = FakeSwarm::new();
        swarm.faults(call, 1, if seconds > 1 { 40 } else { 1 }, fault);
        let timeout = Duration::from_secs(60);
        let told = Hub { timeout, options: file("a"), ..hub("alice", "Runs") }.start(&swarm).await;
        assert_eq!(told.failed(), code, "{call}");
        assert!(told.took.as_secs() <= seconds, "{call} took {:?}", told.took);
        assert_empty(&swarm);
    }
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_is_away_for_a_while_costs_that_while() {
    for call in ["service", "configs", "create_config", "create_service", "tasks"] {
        let hang = Fault::Slow(Duration::from_secs(5));
        for (fault, times) in [(Fault::Unreachable, 5), (Fault::CutBefore, 5), (Fault::CutAfter, 5), (hang, 1)] {
            let swarm = FakeSwarm::new();
            swarm.faults(call, 1, times, fault.clone());
            let told = Hub { options: file("a"), ..hub("alice", "Runs") }.start(&swarm).await;
            told.started();
            assert!(told.took.as_secs() <= 7, "{call} took {:?}", told.took);
            assert_eq!(swarm.now(|state| (state.services.len(), state.configs.len())), (1, 1), "{call} {fault:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_removed_is_named() {
    let swarm = FakeSwarm::new();
    swarm.faults("remove_service", 1, 100, Fault::Unreachable);
    let told = Hub { wait: Wait::Listening, ..hub("alice", "Exits") }.start(&swarm).await;
    assert_eq!(told.result["left"], json!([format!("service {}", hub("alice", "Exits").name())]));
    swarm.mend();
    hub("alice", "Exits").stop(&swarm, None).await;
    assert_empty(&swarm);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_removed_meanwhile_is_no_server() {
    let swarm = FakeSwarm::new();
    let starting = hub("alice", "Slow");
    let remove = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        swarm.now(|state| state.remove(&starting.name())).unwrap();
    };
    let (told, ()) = tokio::join!(starting.start(&swarm), remove);
    assert_eq!(told.failed(), "engine-refused");
    assert!(told.took.as_secs() < 4);
}
