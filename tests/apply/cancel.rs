//! Runs that are cancelled.

use std::time::Duration;

use swarmgen::apply::Stop;
use tokio::time::{Instant, sleep};

use super::*;

pub(super) async fn cancelled(swarm: &FakeSwarm, plan: &Plan, after: Duration) -> Ran {
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
    assert!(matches!(ran.state("jupyter-u000"), State::Unknown { .. }));
    assert_eq!(ran.state("jupyter-u001"), State::Accepted);
    assert!(ran.outcome.is_undoable());
}

#[tokio::test(start_paused = true)]
async fn waiting_and_pauses_end_at_once() {
    let swarm = FakeSwarm::new();
    swarm.faults("create_service", 1, 2, Fault::CutBefore);
    let plan = creating(&[wanted("lost", "runs"), wanted("slow", "slow:50000")]);
    let start = Instant::now();
    let ran = cancelled(&swarm, &plan, Duration::from_millis(100)).await;
    assert!(start.elapsed() < Duration::from_millis(150), "{:?}", start.elapsed());
    let lost = ran.state("jupyter-lost");
    assert_eq!(lost, State::Unknown { reason: "interrupted".to_owned() }, "nobody knows what became of it");
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
    assert!(!ran.outcome.is_undoable());
}

#[tokio::test(start_paused = true)]
async fn a_replacement_that_is_cut_says_what_of_it_is_done() {
    let mounts = json!([{"Type": "volume", "Source": "home", "Target": "/home"}]);
    let new = with(wanted("a", "runs"), "TaskTemplate/ContainerSpec/Mounts", mounts);
    for volumes in [vec![], vec![old_volume("home")]] {
        let mut seen = std::collections::BTreeMap::new();
        for millis in
            (1..60).chain(1_000..1_040).chain(3_000..3_100).chain(4_000..4_600).step_by(2).map(Duration::from_millis)
        {
            let swarm = swarm_with(std::slice::from_ref(&new)).await;
            let home = swarmgen::plan::observed::ObservedVolume { name: "home".to_owned(), ..Default::default() };
            swarm.now(|state| state.volumes.push(home));
            let old = removal(&swarm.services()[0]);
            let id = old.id.clone();
            let actions = vec![Action::ReplaceService { old, volumes: volumes.clone(), new: new.clone() }];
            let state = cancelled(&swarm, &plan(actions), millis).await.state("jupyter-a");
            let there = swarm.services().pop();
            let runs = there.as_ref().is_some_and(|there| there.spec["Mode"]["Replicated"]["Replicas"] != 0);
            let is_old = there.is_some_and(|there| there.id == id);
            let expected = match (is_old, runs) {
                (true, true) => State::NotDone { reason: "interrupted".to_owned() },
                (true, false) => State::Begun {
                    reason: "the service has no tasks any more, and is still there: interrupted".to_owned(),
                },
                (false, false) => State::Begun { reason: "the old service is removed already: interrupted".to_owned() },
                (false, true) if state.is_good() => state.clone(),
                (false, true) => State::Accepted,
            };
            *seen.entry((is_old, runs)).or_insert(0) += 1;
            assert_eq!(state, expected, "{millis:?}");
        }
        let states = if volumes.is_empty() { 2 } else { 3 };
        assert!(seen.len() >= states, "{seen:?}");
    }
}
