//! An engine that goes away while nothing is left to do but to wait.

use std::time::Duration;

use swarmgen::apply::Stop;
use tokio::time::Instant;

use super::*;

/// From the so-manyth list of tasks on, the engine meets a fault, until it has met so many lists.
fn goes(swarm: &FakeSwarm, fault: &Fault, first: usize, lists: usize) {
    swarm.faults("tasks", first, first + lists - 1, fault.clone());
    for call in ["info", "nodes", "services"] {
        swarm.faults(call, 1, 10_000, fault.clone());
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_engine_ends_the_wait_and_what_was_seen_is_told() {
    for (fault, reason, most) in [
        (Fault::Unreachable, "connection refused", 25),
        (Fault::CutBefore, "connection closed", 25),
        // Each answer is waited for.
        (Fault::Hangs, "no answer within 10 s", 50),
    ] {
        let swarm = FakeSwarm::new();
        goes(&swarm, &fault, 5, 10_000);
        let start = Instant::now();
        let ran = apply(&swarm, &creating(&[wanted("quick", "runs"), wanted("slow", "slow:50000")])).await;
        let elapsed = start.elapsed();
        assert!((Duration::from_secs(20)..Duration::from_secs(most)).contains(&elapsed), "{fault:?}: {elapsed:?}");
        assert_eq!(ran.outcome.stopped, Some(Stop::NoEngine(reason.to_owned())), "{fault:?}");
        assert!(matches!(ran.state("jupyter-quick"), State::Converged { .. }), "{fault:?}");
        assert_eq!(ran.state("jupyter-slow"), State::Accepted, "{fault:?}");
        let told = |is_it: fn(&Event) -> bool| ran.events.iter().filter(|event| is_it(event)).count();
        assert_eq!(told(|event| matches!(event, Event::Stopping { running: 0, .. })), 1, "{fault:?}");
        assert!(told(|event| matches!(event, Event::Blind { .. })) >= 1, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_is_soon_back_is_waited_for() {
    for fault in [Fault::Unreachable, Fault::CutBefore, Fault::CutAfter, Fault::Fails("away")] {
        let swarm = FakeSwarm::new();
        goes(&swarm, &fault, 3, 15);
        apply(&swarm, &creating(&[wanted("a", "slow:25000")])).await.assert_complete();
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_is_late_while_the_engine_is_away() {
    let swarm = FakeSwarm::new();
    goes(&swarm, &Fault::Unreachable, 3, 10);
    let settings = Settings { timeout: Some(Duration::from_secs(5)), ..settings() };
    let start = Instant::now();
    // It runs in time, and another one never does.
    let services = creating(&[wanted("a", "slow:4000"), wanted("b", "homeless")]);
    let ran = apply_with(&swarm, &services, settings).await;
    assert!(start.elapsed() > Duration::from_secs(11), "{:?}", start.elapsed());
    assert!(matches!(ran.state("jupyter-a"), State::Converged { .. }), "{:?}", ran.state("jupyter-a"));
    assert!(ran.reason("jupyter-b").starts_with("does not run after 5 s: no suitable node"), "{:?}", ran.outcome);
    assert_eq!(ran.outcome.stopped, None);
}

#[tokio::test(start_paused = true)]
async fn what_was_never_seen_before_the_engine_went_may_show_that_it_stays() {
    for first in [1, 2] {
        let swarm = FakeSwarm::new();
        goes(&swarm, &Fault::Unreachable, first, 10);
        let settings =
            Settings { timeout: Some(Duration::from_secs(6)), stable_for: Duration::from_secs(5), ..settings() };
        apply_with(&swarm, &creating(&[wanted("a", "slow:1500")]), settings).await.assert_complete();
    }
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_leaves_its_swarm_ends_the_wait() {
    let swarm = FakeSwarm::new();
    swarm.faults("tasks", 3, 10_000, Fault::Fails("This node is not a swarm manager."));
    swarm.now(|state| state.is_in_swarm = false);
    let ran = apply(&swarm, &creating(&[wanted("a", "slow:50000")])).await;
    let Some(Stop::NoSwarm(reason)) = &ran.outcome.stopped else { panic!("{:?}", ran.outcome) };
    assert!(reason.starts_with("this engine is in no swarm"), "{reason}");
}
