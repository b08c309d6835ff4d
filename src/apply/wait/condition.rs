//! When a service has converged, and when it has failed: what its tasks tell, without a clock or an engine.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::plan::observed::ObservedTask;

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
    /// Since when each task that runs was seen to.
    running: BTreeMap<String, Instant>,
    /// The tasks that ended by themselves, by their ids: the swarm forgets all but the last few.
    ended: BTreeMap<String, ObservedTask>,
    /// The task that is in question now.
    pub(super) current: Option<ObservedTask>,
    /// The id of the last task that ended.
    last_ended: Option<String>,
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
        now: Instant,
    ) -> Verdict {
        let mut tasks: Vec<&ObservedTask> = tasks.iter().filter(|task| !before.contains(&task.id)).copied().collect();
        tasks.sort_by(|a, b| (&a.created_at, &a.timestamp).cmp(&(&b.created_at, &b.timestamp)));
        self.running.retain(|id, _| tasks.iter().any(|task| task.id == *id && runs(task)));
        let mut gave_up = false;
        for task in &tasks {
            if runs(task) {
                self.running.entry(task.id.clone()).or_insert(now);
            }
            if has_ended(task) && !self.ended.contains_key(&task.id) {
                self.ended.insert(task.id.clone(), (*task).clone());
                self.last_ended = Some(task.id.clone());
            }
            gave_up |= task.state == "complete" && !expected.restarts_on_success;
        }
        // Of two new tasks the one that is to run is in question, not the one that made room for it.
        let is_wanted = |task: &&&ObservedTask| matches!(task.desired_state.as_str(), "running" | "ready" | "accepted");
        let current = tasks.iter().rev().find(is_wanted).or(tasks.last());
        self.current = current.map(|task| (*task).clone());
        let stable = self.running.values().filter(|since| now.duration_since(**since) >= expected.stable_for).count();
        if stable >= expected.replicas {
            Verdict::Stable
        } else if gave_up || self.ended.len() >= expected.attempts {
            Verdict::Failed
        } else {
            Verdict::Waiting
        }
    }

    /// Tells whether a task runs, though maybe not for long enough.
    pub(super) fn is_running(&self) -> bool {
        !self.running.is_empty()
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

/// Tells whether a task has ended by itself.
pub(super) fn has_ended(task: &ObservedTask) -> bool {
    matches!(task.state.as_str(), "failed" | "rejected" | "complete")
}

/// A task of a lost node stays `running` while the swarm wants it to end.
fn runs(task: &ObservedTask) -> bool {
    task.state == "running" && task.desired_state == "running"
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
        let (mut seen, start) = (Seen::default(), Instant::now());
        let looks = looks.iter().zip(0..);
        let look = |(tasks, second): (&&[ObservedTask], u64)| {
            let tasks: Vec<&ObservedTask> = tasks.iter().collect();
            seen.look(&tasks, &before, expected, start + Duration::from_secs(second))
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
