//! Each fault of a task ends in a reason.

use std::time::Duration;

use super::*;

async fn reason(image: &str) -> String {
    reason_of(&FakeSwarm::new(), wanted("a", image)).await
}

async fn reason_of(swarm: &FakeSwarm, new: NewService) -> String {
    let start = tokio::time::Instant::now();
    let ran = apply(swarm, &creating(&[new])).await;
    assert!(start.elapsed() < Duration::from_secs(65), "{:?}", start.elapsed());
    ran.reason("jupyter-a")
}

#[tokio::test(start_paused = true)]
async fn the_engines_own_words_come_first() {
    assert_eq!(reason("missing").await, "No such image: missing:1 (3 attempts)");
    assert_eq!(reason("exits").await, "task: non-zero exit (3) (3 attempts)");
    assert_eq!(reason("unhealthy").await, "task: non-zero exit (143): dockerexec: unhealthy container (3 attempts)");
    assert_eq!(
        reason("homeless").await,
        "does not run after 60 s: no suitable node (scheduling constraints not satisfied on 1 node)"
    );
}

#[tokio::test(start_paused = true)]
async fn where_the_engine_says_nothing_there_are_our_words() {
    assert_eq!(reason("ends").await, "its command ends by itself (exit code 0) (3 attempts)");
    assert_eq!(
        reason("addressless").await,
        "does not run after 60 s: it gets no address: an overlay network that it is on is full, or the swarm has no \
         leader"
    );
    assert_eq!(
        reason("pulling").await,
        "does not run after 60 s: node `one.example` still prepares it: the image is being pulled, a volume is being \
         mounted, or the node has no address of its own on an overlay network that is full"
    );
    assert_eq!(reason("starting").await, "does not run after 60 s: its health check has not passed yet");
    assert_eq!(
        reason("stranded").await,
        "does not run after 60 s: node `one.example` has not begun with it: it may be cut off from its managers"
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_killed_may_have_wanted_more_memory() {
    let new = with(wanted("a", "killed"), "TaskTemplate/Resources", json!({"Limits": {"MemoryBytes": 512 << 20}}));
    assert_eq!(
        reason_of(&FakeSwarm::new(), new).await,
        "task: non-zero exit (137); it was killed, as a rule because it needs more memory than its limit of 512 MiB \
         (3 attempts)"
    );
    assert!(reason("killed").await.contains("the node has not enough memory"));
}

#[tokio::test(start_paused = true)]
async fn a_lost_node_is_named() {
    let swarm = FakeSwarm::new();
    swarm.add_node("lost", "down");
    let reason = reason_of(&swarm, wanted("a", "stranded@lost")).await;
    assert_eq!(reason, "does not run after 60 s: its node `lost.example` is down");
}

#[tokio::test(start_paused = true)]
async fn what_hangs_is_told_before_it_fails() {
    let swarm = FakeSwarm::new();
    let ran = apply(&swarm, &creating(&[wanted("a", "homeless"), wanted("b", "pulling")])).await;
    let stuck = |name: &str| {
        ran.events.iter().find_map(|event| match event {
            Event::Stuck { subject, reason } if subject.name() == name => Some(reason.clone()),
            _ => None,
        })
    };
    assert!(stuck("jupyter-a").unwrap().starts_with("no suitable node"));
    assert!(stuck("jupyter-b").unwrap().contains("still prepares it"));
}

#[tokio::test(start_paused = true)]
async fn failures_are_found_before_the_time_is_over() {
    let start = tokio::time::Instant::now();
    let none = with(wanted("a", "exits"), "TaskTemplate/RestartPolicy", json!({"Condition": "none"}));
    assert_eq!(reason_of(&FakeSwarm::new(), none).await, "task: non-zero exit (3)");
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_failed_before_is_told_with_a_time_out() {
    let swarm = FakeSwarm::new();
    let settings = Settings { timeout: Some(Duration::from_secs(4)), ..settings() };
    let ran = apply_with(&swarm, &creating(&[wanted("a", "exits")]), settings).await;
    assert_eq!(
        ran.reason("jupyter-a"),
        "does not run after 4 s: it is ready, and waits until the task before it is gone or its restart delay is \
         over; before that: task: non-zero exit (3)"
    );
}
