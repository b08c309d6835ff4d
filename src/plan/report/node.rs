//! Nodes, and what of them is set aside for whom.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::plan::observed::{Amounts, ObservedNode, ObservedState, ObservedTask};
use crate::resolve::amount::{bytes_shown, cpus_text, kind_shown};
use crate::resolve::decode::LABEL_DEPLOYMENT;

/// The states of tasks that a node holds something for: from when they wait until they have ended, whatever is wanted of them.
///
/// Source: swarmkit's `manager/scheduler/scheduler.go` (`setupTasksList`).
const HOLDING: [&str; 7] = ["pending", "assigned", "accepted", "preparing", "ready", "starting", "running"];

/// A node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct NodeView {
    name: String,
    /// Several nodes may have one host's name.
    id: String,
    role: String,
    availability: String,
    state: String,
    address: String,
    engine: String,
    platform: String,
    /// How many of the deployment's tasks are on it.
    tasks: usize,
    /// How many tasks of others are on it.
    other_tasks: usize,
    rooms: Vec<Room>,
}

/// What there is of one thing on a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Room {
    name: String,
    total: String,
    /// Set aside for the deployment.
    ours: String,
    /// Set aside for others.
    others: String,
    free: String,
    /// Of the total, in percent, as a bar shows it.
    ours_percent: i64,
    others_percent: i64,
}

impl NodeView {
    /// Tells whether the swarm sees it.
    pub(super) fn is_there(&self) -> bool {
        self.state == "ready"
    }

    /// Tells whether new tasks may come.
    pub(super) fn takes_tasks(&self) -> bool {
        self.availability == "active"
    }
}

/// The nodes, by their names.
pub(super) fn views(state: &ObservedState, tasks: &[ObservedTask], deployment: &str) -> Vec<NodeView> {
    let ours = state.services.iter().filter(|service| service.label(LABEL_DEPLOYMENT) == Some(deployment));
    let ours: BTreeSet<&str> = ours.map(|service| &*service.id).collect();
    // Tasks outlive their services for a moment.
    let known: BTreeSet<&str> = state.tasks.iter().map(|task| &*task.id).collect();
    let is_ours = |task: &ObservedTask| ours.contains(&*task.service_id) || known.contains(&*task.id);
    let mut held: BTreeMap<&str, [Held; 2]> = BTreeMap::new();
    for task in tasks.iter().filter(|task| HOLDING.contains(&&*task.state)) {
        let [own, others] = held.entry(&task.node_id).or_default();
        if is_ours(task) { own.add(task) } else { others.add(task) }
    }
    let mut nodes: Vec<&ObservedNode> = state.nodes.iter().collect();
    nodes.sort_by(|a, b| (&a.hostname, &a.id).cmp(&(&b.hostname, &b.id)));
    nodes.into_iter().map(|node| view(node, held.get(&*node.id).unwrap_or(&Default::default()))).collect()
}

/// What is held for some tasks.
#[derive(Debug, Default)]
struct Held {
    tasks: usize,
    amounts: Amounts,
}

impl Held {
    fn add(&mut self, task: &ObservedTask) {
        let Amounts { nano_cpus, memory, generic_resources } = &task.reserved;
        self.tasks += 1;
        self.amounts.nano_cpus = self.amounts.nano_cpus.saturating_add(*nano_cpus);
        self.amounts.memory = self.amounts.memory.saturating_add(*memory);
        for (kind, count) in generic_resources {
            let own = self.amounts.generic_resources.entry(kind.clone()).or_default();
            *own = own.saturating_add(*count);
        }
    }
}

fn view(node: &ObservedNode, [own, others]: &[Held; 2]) -> NodeView {
    let mut rooms = vec![
        room("CPUs", [node.nano_cpus, own.amounts.nano_cpus, others.amounts.nano_cpus], &cpus_text),
        room("Memory", [node.memory, own.amounts.memory, others.amounts.memory], &bytes_shown),
    ];
    for (kind, total) in &node.generic_resources {
        let of = |held: &Held| held.amounts.generic_resources.get(kind).copied().unwrap_or_default();
        rooms.push(room(&kind_shown(kind), [*total, of(own), of(others)], &|count| count.to_string()));
    }
    NodeView {
        name: node.hostname.clone(),
        id: node.id.clone(),
        role: node.role.clone(),
        availability: node.availability.clone(),
        state: node.state.clone(),
        address: node.address.clone(),
        engine: node.engine.clone(),
        platform: format!("{}/{}", node.os, node.architecture),
        tasks: own.tasks,
        other_tasks: others.tasks,
        rooms,
    }
}

/// One thing with what there is of it in all, for us and for others.
fn room(name: &str, [total, ours, others]: [i64; 3], shown: &dyn Fn(i64) -> String) -> Room {
    let percent = |part: i64| if total > 0 { (part as f64 * 100.0 / total as f64).clamp(0.0, 100.0) as i64 } else { 0 };
    let ours_percent = percent(ours);
    Room {
        name: name.to_owned(),
        total: shown(total),
        ours: shown(ours),
        others: shown(others),
        free: shown(total.saturating_sub(ours).saturating_sub(others).max(0)),
        ours_percent,
        others_percent: percent(others).min(100 - ours_percent),
    }
}
