//! Services that need no change and are waited for all the same: an earlier run was interrupted, or did not wait.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::plan::graph::{Body, Plan, Verdict};
use crate::plan::observed::{ObservedService, ObservedState, ObservedTask};

use super::super::event::Subject;
use super::clock::Clocks;
use super::condition::Expected;

/// A service that needs no change but does not run, or not for long enough to be known to stay up.
#[derive(Clone, Debug)]
pub struct Standing {
    /// What it is.
    pub subject: Subject,
    /// Its id.
    pub id: String,
    /// Its `ServiceSpec`.
    pub spec: Body,
    /// How long it may take until it runs, in nanoseconds.
    pub start_timeout: i64,
    /// Whether an update of it is under way, so that what runs may be its task of before.
    pub is_updating: bool,
}

/// Finds the services that a plan leaves as they are and of which not as many tasks have run for `stable_for` as are to run, as
/// far as the tasks themselves told when the swarm was read.
pub fn standing(plan: &Plan, state: &ObservedState, start_timeout: i64, stable_for: Duration) -> Vec<Standing> {
    let ages = Ages::of(state);
    let mut tasks: BTreeMap<&str, Vec<&ObservedTask>> = BTreeMap::new();
    for task in state.tasks.iter().filter(|task| task.runs()) {
        tasks.entry(&task.service_id).or_default().push(task);
    }
    let services: BTreeMap<&str, &ObservedService> =
        state.services.iter().map(|service| (service.name(), service)).collect();
    let mut standing = Vec::new();
    for item in plan.items.iter().filter(|item| matches!(item.verdict, Verdict::Unchanged)) {
        let Some(live) = services.get(&*item.service) else { continue };
        let own = tasks.get(&*live.id).map(Vec::as_slice).unwrap_or_default();
        let stays =
            |task: &&&ObservedTask| is_of_update(task, live) && ages.of_task(task).is_some_and(|age| age >= stable_for);
        if own.iter().filter(stays).count() >= Expected::of(&live.spec, stable_for).replicas {
            continue;
        }
        standing.push(Standing {
            subject: Subject::Service {
                name: item.service.clone(),
                user: item.user.clone(),
                server: item.server.clone(),
            },
            id: live.id.clone(),
            spec: Body(live.spec.clone()),
            start_timeout,
            is_updating: is_updating(live),
        });
    }
    standing
}

fn is_updating(service: &ObservedService) -> bool {
    service.update.as_ref().is_some_and(|update| update.state == "updating")
}

/// Tells whether a task is none of before an update that is under way, or that the engine has paused: what runs then is of
/// what was wanted before, while the service says what is wanted now.
pub(super) fn is_of_update(task: &ObservedTask, service: &ObservedService) -> bool {
    let time = |text: &str| text.parse::<Timestamp>().ok();
    let Some(update) = service.update.as_ref().filter(|update| ["updating", "paused"].contains(&&*update.state)) else {
        return true;
    };
    // A pause writes the service, too, and so would not do as a beginning.
    let begun = time(&update.started_at).or_else(|| time(&service.updated_at));
    time(&task.created_at).is_some_and(|made| begun <= Some(made))
}

/// For how long tasks had been in their states when a swarm was read, at least.
struct Ages {
    clocks: Clocks,
    read: Instant,
    /// What the clock showed by which the swarm writes down changes; `None` if it is not the one of the node that was asked.
    leaders_time: Option<Timestamp>,
}

impl Ages {
    fn of(state: &ObservedState) -> Self {
        let (mut clocks, read) = (Clocks::default(), Instant::now());
        let time: Option<Timestamp> = state.time.parse().ok();
        if let Some(time) = time {
            clocks.learn_time(&state.node, time, read);
        }
        clocks.learn(&state.tasks, read);
        let leaders: BTreeSet<&str> = state.nodes.iter().filter(|node| node.leads).map(|node| &*node.id).collect();
        Self { clocks, read, leaders_time: time.filter(|_| leaders.contains(&*state.node)) }
    }

    fn of_task(&self, task: &ObservedTask) -> Option<Duration> {
        let by_leader = || {
            let written: Timestamp = task.updated_at.parse().ok()?;
            Duration::try_from(written.duration_until(self.leaders_time?)).ok()
        };
        self.clocks.age(task, self.read).max(by_leader())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::observed::ObservedNode;

    #[test]
    fn the_leaders_clock_tells_for_how_long_a_task_has_run_on_another_node() {
        let text = |text: &str| text.to_owned();
        // The other node's clock is an hour behind.
        let task = ObservedTask {
            node_id: text("other"),
            state: text("running"),
            timestamp: text("2026-11-26T09:00:00Z"),
            updated_at: text("2026-11-26T10:00:00.25Z"),
            ..ObservedTask::default()
        };
        for (leads, age) in [(true, Duration::from_millis(4_750)), (false, Duration::ZERO)] {
            let node = ObservedNode { id: text("here"), leads, ..ObservedNode::default() };
            let state = ObservedState {
                node: text("here"),
                time: text("2026-11-26T10:00:05Z"),
                nodes: vec![node],
                tasks: vec![task.clone()],
                ..ObservedState::default()
            };
            assert_eq!(Ages::of(&state).of_task(&task), Some(age), "leads: {leads}");
        }
    }
}
