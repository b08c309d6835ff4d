//! Why a task does not run: the engine's words, and ours where it has none.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::plan::observed::{ObservedNode, ObservedTask};

use super::condition::{Expected, Seen};

/// What reasons are made of.
pub(super) struct Reasons<'a> {
    /// The nodes by their ids, as far as they are known.
    pub(super) nodes: &'a BTreeMap<String, ObservedNode>,
    /// Takes secrets out of the engine's words.
    pub(super) redact: &'a dyn Fn(&str) -> String,
}

impl Reasons<'_> {
    /// Why the service ends whenever it is started.
    pub(super) fn ended(&self, seen: &Seen, expected: &Expected) -> String {
        let reason = seen.last_ended().map_or_else(|| self.now(seen, expected), |task| self.task(task, expected));
        match seen.attempts() {
            0 | 1 => reason,
            attempts => format!("{reason} ({attempts} attempts)"),
        }
    }

    /// Why the service does not run in time.
    pub(super) fn late(&self, seen: &Seen, expected: &Expected, timeout: Duration) -> String {
        let now = self.now(seen, expected);
        let before = seen.last_ended().filter(|ended| seen.current.as_ref().is_none_or(|task| task.id != ended.id));
        let before = before.map(|task| format!("; before that: {}", self.task(task, expected))).unwrap_or_default();
        format!("does not run after {} s: {now}{before}", timeout.as_secs())
    }

    /// Why the service does not run now.
    pub(super) fn now(&self, seen: &Seen, expected: &Expected) -> String {
        match &seen.current {
            Some(task) => self.task(task, expected),
            None => match seen.left() {
                Some(task) => format!("the swarm has given it up: {}", self.task(task, expected)),
                None => "the swarm has made no task for it; it may be without a leader".to_owned(),
            },
        }
    }

    /// Why a task does not run.
    fn task(&self, task: &ObservedTask, expected: &Expected) -> String {
        let node = self.nodes.get(&task.node_id);
        let lost = node.filter(|node| node.state != "ready");
        let own = match (lost, task.state.as_str()) {
            (Some(node), state) if !matches!(state, "failed" | "rejected" | "complete") => {
                Some(format!("its node `{}` is {}", name(node), node.state))
            }
            _ => None,
        };
        if let Some(own) = own {
            return if task.error.is_empty() { own } else { format!("{own} ({})", (self.redact)(&task.error)) };
        }
        if !task.error.is_empty() {
            let words = (self.redact)(&task.error);
            return match self.killed(task, expected) {
                Some(hint) => format!("{words}; {hint}"),
                None => words,
            };
        }
        let place = node.map_or_else(|| "its node".to_owned(), |node| format!("node `{}`", name(node)));
        match task.state.as_str() {
            "new" | "created" | "allocated" => {
                "it gets no address: an overlay network that it is on is full, or the swarm has no leader".to_owned()
            }
            "pending" => "no node has been chosen for it".to_owned(),
            "assigned" | "accepted" => format!("{place} has not begun with it: it may be cut off from its managers"),
            "preparing" => format!(
                "{place} still prepares it: the image is being pulled, a volume is being mounted, or the node has no \
                 address of its own on an overlay network that is full"
            ),
            "ready" => {
                "it is ready, and waits until the task before it is gone or its restart delay is over".to_owned()
            }
            "starting" => "its health check has not passed yet".to_owned(),
            "running" if task.desired_state == "running" => "it has not kept running".to_owned(),
            "running" => format!("{place} does not end it, and the swarm has made no other task"),
            "complete" => "its command ends by itself (exit code 0)".to_owned(),
            "failed" => match task.exit_code {
                Some(code) => format!("its command ends with exit code {code}"),
                None => "it failed, and the engine gives no reason".to_owned(),
            },
            "orphaned" => format!("{place} was lost"),
            state => format!("its task is `{state}`, and the engine gives no reason"),
        }
    }

    /// The kernel's out-of-memory killer leaves nothing but the exit code.
    fn killed(&self, task: &ObservedTask, expected: &Expected) -> Option<String> {
        let is_killed = task.exit_code == Some(137) || task.error.contains("(137)");
        is_killed.then(|| match expected.memory {
            Some(limit) => {
                format!("it was killed, as a rule because it needs more memory than its limit of {} MiB", limit >> 20)
            }
            None => "it was killed, as a rule because the node has not enough memory".to_owned(),
        })
    }
}

fn name(node: &ObservedNode) -> &str {
    if node.hostname.is_empty() { &node.id } else { &node.hostname }
}
