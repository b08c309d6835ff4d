//! When a service has converged, and when it has failed: what its tasks tell, without an engine.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::plan::observed::ObservedTask;

use super::clock::Clocks;

/// What is expected of a service, by its body.
#[derive(Clone, Debug)]
pub(in super::super) struct Expected {
    /// How many tasks are to run.
    pub(super) replicas: usize,
    /// After how many ended tasks nothing is to be hoped for.
    attempts: usize,
    /// Whether a task that ends well is started anew.
    restarts_on_success: bool,
    /// How long a task must have run.
    pub(super) stable_for: Duration,
    /// The memory that a container may use, in bytes.
    pub(super) memory: Option<u64>,
}

/// A third attempt that ends as the first two tells that the next ones will, too.
const ATTEMPTS: usize = 3;

impl Default for Expected {
    fn default() -> Self {
        Self::of(&Value::Null, Duration::ZERO)
    }
}

impl Expected {
    /// Reads it from a `ServiceSpec`.
    pub(in super::super) fn of(spec: &Value, stable_for: Duration) -> Self {
        let number = |at: &str| spec.pointer(at).and_then(Value::as_u64);
        let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let condition = spec.pointer("/TaskTemplate/RestartPolicy/Condition").and_then(Value::as_str).unwrap_or("any");
        let retries = number("/TaskTemplate/RestartPolicy/MaxAttempts").filter(|most| *most > 0);
        let attempts = match condition {
            "none" => 1,
            _ => retries.map_or(ATTEMPTS, |retries| count(retries.saturating_add(1)).min(ATTEMPTS)),
        };
        Self {
            replicas: number("/Mode/Replicated/Replicas").map_or(1, count),
            attempts,
            restarts_on_success: condition == "any",
            stable_for,
            memory: number("/TaskTemplate/Resources/Limits/MemoryBytes"),
        }
    }
}

/// What was seen of a service so far.
#[derive(Debug, Default)]
pub(in super::super) struct Seen {
    /// Since when at the latest each task has run.
    running: BTreeMap<String, Run>,
    /// When the list was asked for that was looked at last.
    looked: Option<Instant>,
    /// The tasks that ended by themselves, by their ids: the swarm forgets all but the last few.
    ended: BTreeMap<String, ObservedTask>,
    /// The tasks that run, and are to.
    pub(super) runs: Vec<ObservedTask>,
    /// The task that is in question now.
    pub(super) current: Option<ObservedTask>,
    /// The id of the last task that ended.
    last_ended: Option<String>,
    /// The newest task, if it ended by itself before and no other goes on.
    left: Option<ObservedTask>,
}

/// How long a task has run, in our time.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// It began at this moment or before.
    since: Instant,
    /// It did not run yet at this moment, whatever its node's clock says, or it does not matter whether it did.
    after: Instant,
}

/// A list of tasks, to look at.
pub(in super::super) struct Look<'a> {
    /// When it was asked for.
    pub(super) asked: Instant,
    /// When it came.
    pub(super) now: Instant,
    /// From when on running counts.
    pub(super) counts_from: Instant,
    /// What is known of the nodes' clocks.
    pub(super) clocks: &'a Clocks,
}

/// What a look at the tasks tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Not yet.
    Waiting,
    /// It runs, and has kept running.
    Stable,
    /// It ends whenever it is started.
    Failed,
}

impl Seen {
    /// Takes in the tasks of the service, but for those that were there `before`.
    pub(super) fn look(
        &mut self,
        tasks: &[&ObservedTask],
        before: &BTreeSet<String>,
        expected: &Expected,
        look: &Look<'_>,
    ) -> Verdict {
        let Look { asked, now, counts_from, clocks } = *look;
        let mut tasks = tasks.to_vec();
        tasks.sort_by(|a, b| (&a.created_at, &a.timestamp).cmp(&(&b.created_at, &b.timestamp)));
        let is_over = tasks.iter().all(|task| task.is_over());
        let newest = tasks.last().filter(|task| is_over && task.has_ended() && before.contains(&task.id));
        self.left = newest.map(|task| (*task).clone());
        tasks.retain(|task| !before.contains(&task.id));
        self.running.retain(|id, _| tasks.iter().any(|task| task.id == *id && task.runs()));
        let mut gave_up = false;
        for task in &tasks {
            if task.runs() {
                let after = self.looked.map_or(counts_from, |looked| looked.max(counts_from));
                let run = self.running.entry(task.id.clone()).or_insert(Run { since: now, after });
                let by_clock = clocks.age(task, now).and_then(|age| now.checked_sub(age));
                run.since = by_clock.map_or(run.since, |since| since.min(run.since)).max(run.after);
            }
            if task.has_ended() && !self.ended.contains_key(&task.id) {
                self.ended.insert(task.id.clone(), (*task).clone());
                self.last_ended = Some(task.id.clone());
            }
            gave_up |= task.state == "complete" && !expected.restarts_on_success;
        }
        self.runs = tasks.iter().filter(|task| task.runs()).map(|task| (*task).clone()).collect();
        // Of two new tasks the one that is to run is in question, not the one that made room for it.
        let is_wanted = |task: &&&ObservedTask| matches!(task.desired_state.as_str(), "running" | "ready" | "accepted");
        let current = tasks.iter().rev().find(is_wanted).or(tasks.last());
        self.current = current.filter(|_| self.left.is_none()).map(|task| (*task).clone());
        self.looked = Some(asked);
        if expected.replicas == 0 || self.stable_at(expected).is_some_and(|at| at <= now) {
            Verdict::Stable
        } else if gave_up || self.ended.len() >= expected.attempts {
            Verdict::Failed
        } else {
            Verdict::Waiting
        }
    }

    /// When as many tasks as are wanted will have run for long enough, if none ends; `None` while not so many run.
    pub(super) fn stable_at(&self, expected: &Expected) -> Option<Instant> {
        let mut since: Vec<Instant> = self.running.values().map(|run| run.since).collect();
        since.sort_unstable();
        since.get(expected.replicas.checked_sub(1)?).map(|since| *since + expected.stable_for)
    }

    /// Tells whether a task runs, though maybe not for long enough.
    pub(super) fn is_running(&self) -> bool {
        !self.running.is_empty()
    }

    /// The task with which a service ended for good before it was waited for: the swarm makes the next one when one ends, if it
    /// makes any.
    pub(super) fn left(&self) -> Option<&ObservedTask> {
        self.left.as_ref()
    }

    /// How many tasks have ended by themselves.
    pub(super) fn attempts(&self) -> usize {
        self.ended.len()
    }

    /// The last task that ended by itself.
    pub(super) fn last_ended(&self) -> Option<&ObservedTask> {
        self.ended.get(self.last_ended.as_ref()?)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const STABLE: Duration = Duration::from_secs(2);

    fn task(id: &str, state: &str, desired: &str) -> ObservedTask {
        let text = |text: &str| text.to_owned();
        ObservedTask {
            id: text(id),
            state: text(state),
            desired_state: text(desired),
            created_at: text(id),
            ..Default::default()
        }
    }

    fn any() -> Expected {
        Expected::of(&Value::Null, STABLE)
    }

    /// Looks at each list of tasks a second after the one before.
    fn verdicts(expected: &Expected, before: &[&str], looks: &[&[ObservedTask]]) -> Vec<Verdict> {
        let before = before.iter().map(|id| (*id).to_owned()).collect();
        let (mut seen, start, mut clocks) = (Seen::default(), Instant::now(), Clocks::default());
        let looks = looks.iter().zip(0..);
        let look = |(tasks, second): (&&[ObservedTask], u64)| {
            let now = start + Duration::from_secs(second);
            clocks.learn(*tasks, now);
            let tasks: Vec<&ObservedTask> = tasks.iter().collect();
            seen.look(&tasks, &before, expected, &Look { asked: now, now, counts_from: start, clocks: &clocks })
        };
        looks.map(look).collect()
    }

    #[test]
    fn running_for_long_enough_is_stable() {
        let runs: &[ObservedTask] = &[task("a", "running", "running")];
        let starts: &[ObservedTask] = &[task("a", "starting", "running")];
        assert_eq!(
            verdicts(&any(), &[], &[starts, runs, runs, runs]),
            [Verdict::Waiting, Verdict::Waiting, Verdict::Waiting, Verdict::Stable]
        );
    }

    #[test]
    fn what_ran_before_it_was_seen_to_counts_unless_a_look_contradicts() {
        let at = |id: &str, state: &str, second: u64| ObservedTask {
            node_id: "node".to_owned(),
            timestamp: format!("2026-11-26T10:00:{second:02}Z"),
            ..task(id, state, "running")
        };
        // It has run for 3 s by the node's clock, which the other task tells, but not for more than 1 s by our looks.
        let starts: &[ObservedTask] = &[at("a", "starting", 0), at("b", "starting", 0)];
        let runs: &[ObservedTask] = &[at("a", "running", 10), at("b", "starting", 13)];
        assert_eq!(verdicts(&any(), &[], &[starts, runs, runs]), [Verdict::Waiting, Verdict::Waiting, Verdict::Stable]);
        // Nobody looked before.
        let none: &[ObservedTask] = &[];
        let looks: [&[ObservedTask]; 3] = [runs, runs, runs];
        assert_eq!(verdicts(&any(), &[], &looks)[2], Verdict::Stable);
        assert_eq!(verdicts(&any(), &[], &[none, runs, runs, runs])[1..3], [Verdict::Waiting, Verdict::Stable]);
        // Without a clock it counts from the first look that shows it.
        let silent: &[ObservedTask] = &[task("a", "running", "running")];
        assert_eq!(
            verdicts(&any(), &[], &[none, silent, silent, silent])[1..],
            [Verdict::Waiting, Verdict::Waiting, Verdict::Stable]
        );
    }

    #[test]
    fn the_time_is_told_when_as_many_run_as_are_wanted() {
        let expected = Expected::of(&json!({"Mode": {"Replicated": {"Replicas": 2}}}), STABLE);
        let (mut seen, start, clocks) = (Seen::default(), Instant::now(), Clocks::default());
        let mut look = |tasks: &[ObservedTask], second: u64| {
            let (now, tasks) = (start + Duration::from_secs(second), tasks.iter().collect::<Vec<_>>());
            let look = Look { asked: now, now, counts_from: start, clocks: &clocks };
            seen.look(&tasks, &BTreeSet::new(), &expected, &look);
            seen.stable_at(&expected).map(|at| at - start)
        };
        assert_eq!(look(&[task("a", "running", "running")], 1), None);
        let both = [task("a", "running", "running"), task("b", "running", "running")];
        assert_eq!(look(&both, 3), Some(Duration::from_secs(5)));
        assert_eq!(look(&both, 4), Some(Duration::from_secs(5)));
    }

    #[test]
    fn another_task_starts_the_time_anew() {
        let one: &[ObservedTask] = &[task("a", "running", "running")];
        let other: &[ObservedTask] = &[task("a", "failed", "shutdown"), task("b", "running", "running")];
        assert_eq!(
            verdicts(&any(), &[], &[one, one, other, other, other]),
            [Verdict::Waiting, Verdict::Waiting, Verdict::Waiting, Verdict::Waiting, Verdict::Stable]
        );
    }

    #[test]
    fn tasks_from_before_do_not_count() {
        let old: &[ObservedTask] = &[task("a", "running", "running")];
        assert_eq!(verdicts(&any(), &["a"], &[old, old, old, old]), [Verdict::Waiting; 4]);
    }

    #[test]
    fn what_the_swarm_wants_to_end_does_not_run() {
        let lost: &[ObservedTask] = &[task("a", "running", "shutdown")];
        assert_eq!(verdicts(&any(), &[], &[lost, lost, lost, lost]), [Verdict::Waiting; 4]);
    }

    #[test]
    fn the_third_end_fails_though_the_swarm_forgets_the_first() {
        let ended = |id| [task(id, "failed", "shutdown")];
        assert_eq!(
            verdicts(&any(), &[], &[&ended("a"), &ended("a"), &ended("b"), &ended("c")]),
            [Verdict::Waiting, Verdict::Waiting, Verdict::Waiting, Verdict::Failed]
        );
    }

    #[test]
    fn a_restart_policy_that_gives_up_fails_at_once() {
        let policy = |policy: Value| Expected::of(&json!({"TaskTemplate": {"RestartPolicy": policy}}), STABLE);
        let failed: &[ObservedTask] = &[task("a", "failed", "shutdown")];
        let twice: &[ObservedTask] = &[task("a", "failed", "shutdown"), task("b", "failed", "shutdown")];
        let complete: &[ObservedTask] = &[task("a", "complete", "shutdown")];
        let none = policy(json!({"Condition": "none"}));
        assert_eq!(verdicts(&none, &[], &[failed]), [Verdict::Failed]);
        assert_eq!(verdicts(&none, &[], &[complete]), [Verdict::Failed]);
        let on_failure = policy(json!({"Condition": "on-failure"}));
        assert_eq!(verdicts(&on_failure, &[], &[failed]), [Verdict::Waiting]);
        assert_eq!(verdicts(&on_failure, &[], &[complete]), [Verdict::Failed]);
        assert_eq!(verdicts(&any(), &[], &[complete]), [Verdict::Waiting]);
        let once_more = policy(json!({"MaxAttempts": 1}));
        assert_eq!(verdicts(&once_more, &[], &[failed, twice]), [Verdict::Waiting, Verdict::Failed]);
        let for_ever = policy(json!({"MaxAttempts": 0}));
        assert_eq!(verdicts(&for_ever, &[], &[failed, twice]), [Verdict::Waiting; 2]);
    }

    #[test]
    fn nothing_is_expected_of_no_replicas() {
        let expected = Expected::of(&json!({"Mode": {"Replicated": {"Replicas": 0}}}), STABLE);
        assert_eq!(verdicts(&expected, &[], &[&[]]), [Verdict::Stable]);
    }
}
