//! For how long a task has run at least, by its node's clock.
//!
//! A node writes down when a task came into its state, by a clock that may be any time off ours. But when that has arrived
//! here, the node's clock shows as much or more; from then on it shows what it did and the time since. So the newest of all
//! times that came from a node tell how late it is there at least, and with that how old the others are. The node that answers
//! says what its clock shows.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::plan::observed::ObservedTask;

/// What the nodes' clocks are known to show at least, by the nodes' ids.
#[derive(Debug, Default)]
pub(super) struct Clocks(BTreeMap<String, Shown>);

/// A clock that showed this time or a later one.
#[derive(Clone, Copy, Debug)]
struct Shown {
    at: Instant,
    time: Timestamp,
}

impl Shown {
    /// How long before now something was by this clock, at least; nothing if it is not known to be past.
    fn since(&self, time: Timestamp, now: Instant) -> Option<Duration> {
        let shown = time.duration_until(self.time);
        let passed = now.saturating_duration_since(self.at);
        Duration::try_from(shown.saturating_add(passed.try_into().ok()?)).ok()
    }
}

impl Clocks {
    /// Learns from tasks that have arrived now.
    pub(super) fn learn<'t>(&mut self, tasks: impl IntoIterator<Item = &'t ObservedTask>, now: Instant) {
        for task in tasks {
            if let Some(time) = time_of_node(task) {
                self.learn_time(&task.node_id, time, now);
            }
        }
    }

    /// Learns what a node's clock shows now, or showed a while ago.
    pub(super) fn learn_time(&mut self, node_id: &str, time: Timestamp, now: Instant) {
        let is_news = |shown: &Shown| shown.since(time, now).is_none();
        match self.0.get_mut(node_id) {
            Some(shown) if !is_news(shown) => {}
            Some(shown) => *shown = Shown { at: now, time },
            None => {
                self.0.insert(node_id.to_owned(), Shown { at: now, time });
            }
        }
    }

    /// For how long a task has been in its state, at least.
    pub(super) fn age(&self, task: &ObservedTask, now: Instant) -> Option<Duration> {
        self.0.get(&task.node_id)?.since(time_of_node(task)?, now)
    }
}

/// When a task came into its state, if it is the node that says so: earlier states are a manager's to give.
fn time_of_node(task: &ObservedTask) -> Option<Timestamp> {
    let is_of_node = matches!(
        task.state.as_str(),
        "accepted" | "preparing" | "ready" | "starting" | "running" | "complete" | "failed" | "rejected" | "shutdown"
    );
    if is_of_node && !task.node_id.is_empty() { task.timestamp.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(node: &str, state: &str, timestamp: &str) -> ObservedTask {
        ObservedTask {
            node_id: node.to_owned(),
            state: state.to_owned(),
            timestamp: timestamp.to_owned(),
            ..ObservedTask::default()
        }
    }

    #[test]
    fn the_newest_time_tells_how_old_the_others_are() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let seconds = |seconds: u64| Some(Duration::from_secs(seconds));
        let old = task("a", "running", "2026-11-26T10:00:01.5Z");
        let mut clocks = Clocks::default();
        assert_eq!(clocks.age(&old, at(0)), None);
        clocks.learn([&old], at(0));
        assert_eq!([clocks.age(&old, at(0)), clocks.age(&old, at(2))], [seconds(0), seconds(2)]);
        // It had run for 4 s when it was seen.
        clocks.learn([&old, &task("a", "preparing", "2026-11-26T10:00:05.5Z")], at(0));
        assert_eq!([clocks.age(&old, at(0)), clocks.age(&old, at(2))], [seconds(4), seconds(6)]);
        // What is older than what is known tells nothing.
        clocks.learn([&task("a", "failed", "2026-11-26T10:00:06.5Z")], at(1));
        clocks.learn([&task("a", "failed", "2026-11-26T10:00:06.5Z")], at(3));
        assert_eq!(clocks.age(&old, at(3)), seconds(7));
    }

    #[test]
    fn nodes_have_clocks_of_their_own_and_managers_do_not_count() {
        let now = Instant::now();
        let mut clocks = Clocks::default();
        let ahead = task("a", "running", "2026-11-26T11:00:00Z");
        let behind = task("b", "running", "2026-11-26T10:00:00Z");
        clocks.learn([&ahead, &behind, &task("b", "assigned", "2026-11-26T11:00:00Z"), &task("b", "running", "")], now);
        assert_eq!([clocks.age(&ahead, now), clocks.age(&behind, now)], [Some(Duration::ZERO); 2]);
        assert_eq!(clocks.age(&task("", "pending", "2026-11-26T10:00:00Z"), now), None);
    }
}
