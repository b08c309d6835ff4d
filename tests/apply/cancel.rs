//! Runs that are cancelled.

use std::time::Duration;

use swarmgen::apply::Stop;
use tokio::time::{Instant, sleep};

use super::*;

async fn cancelled(swarm: &FakeSwarm, plan: &Plan, after: Duration) -> Ran {
    let redactor = Redactor::default();
    let run = Run { api: swarm, replan: &Compare, auth: &|_| None, redactor: &redactor, settings: settings() };
    let mut events = Vec::new();
    let mut keep = |event: &Event| events.push(event.clone());
    let outcome = run.apply(plan, &[], &mut keep, sleep(after)).await;
    Ran { outcome, events }
}

fn count(ran: &Ran, fits: fn(&State) -> bool) -> usize {
    ran.outcome.reports.iter().filter(|report| fits(&report.state)).count()
}

#[tokio::test(start_paused = true)]
async fn calls_under_way_end_and_no_new_ones_are_made() {
    let swarm = FakeSwarm::new();
    let start = Instant::now();
    let ran = cancelled(&swarm, &creating(&users(200)), Duration::from_millis(105)).await;
    assert!(start.elapsed() < Duration::from_millis(120), "{:?}", start.elapsed());
    assert_eq!(ran.outcome.stopped, Some(Stop::Cancelled));
    // Eleven rounds of eight had begun.
    assert_eq!(swarm.names().len(), 88);
    assert_eq!(count(&ran, |state| *state == State::Accepted), 88);
    assert_eq!(count(&ran, |state| matches!(state, State::NotDone { reason } if reason == "interrupted")), 112);
    assert!(!ran.outcome.is_complete());
    let stopping = Event::Stopping { reason: "interrupted".to_owned(), running: 8 };
    assert!(ran.events.contains(&stopping), "{:?}", ran.events);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_hangs_is_given_up_after_the_grace_and_known_to_be_unknown() {
    let swarm = FakeSwarm::new();
    swarm.fault("create_service", 1, Fault::Hangs);
    let start = Instant::now();
    let ran = cancelled(&swarm, &creating(&users(3)), Duration::from_secs(1)).await;
    assert_eq!(start.elapsed(), Duration::from_secs(11));
    assert_eq!(ran.state("jupyter-u000"), State::Unknown);
    assert_eq!(ran.state("jupyter-u001"), State::Accepted);
    assert!(ran.outcome.has_changed_anything());
}

#[tokio::test(start_paused = true)]
async fn waiting_and_pauses_end_at_once() {
    let swarm = FakeSwarm::new();
    swarm.faults("create_service", 1, 2, Fault::CutBefore);
    let plan = creating(&[wanted("lost", "runs"), wanted("slow", "slow:50000")]);
    let start = Instant::now();
    let ran = cancelled(&swarm, &plan, Duration::from_millis(100)).await;
    assert!(start.elapsed() < Duration::from_millis(150), "{:?}", start.elapsed());
    assert_eq!(ran.state("jupyter-lost"), State::Unknown, "nobody knows what became of it");
    let swarm = FakeSwarm::new();
    let ran = cancelled(&swarm, &plan, Duration::from_secs(8)).await;
    assert!(matches!(ran.state("jupyter-lost"), State::Converged { .. }));
    assert_eq!(ran.state("jupyter-slow"), State::Accepted);
}

#[tokio::test(start_paused = true)]
async fn what_was_never_sent_is_known_not_to_be_done() {
    let swarm = FakeSwarm::new();
    swarm.faults("create_service", 1, 100, Fault::Unreachable);
    let ran = cancelled(&swarm, &creating(&[wanted("a", "runs")]), Duration::from_millis(100)).await;
    assert_eq!(ran.state("jupyter-a"), State::NotDone { reason: "interrupted".to_owned() });
    assert!(!ran.outcome.has_changed_anything());
}
