//! Which nodes a placement allows, and what becomes of a running task when the placement changes.
//!
//! Seen on Engine 20.10: an update that changes the placement alone leaves a task where it runs as long as its node fulfils
//! the new constraints, whatever the platforms, the preferences and the replicas per node say. Another task is ended, and a
//! new one is placed, or waits for a node.

use std::net::IpAddr;

use serde_json::Value;

use crate::check::placement::{Constraint, parse};

use super::graph::TaskFate;
use super::observed::{Labels, ObservedNode, ObservedState};

/// What becomes of a service's tasks when its placement, and nothing else of them, becomes that of a body.
pub(super) fn fate(service: &str, body: &Value, state: &ObservedState) -> TaskFate {
    let constraints = body.pointer("/TaskTemplate/Placement/Constraints").and_then(Value::as_array);
    let constraints: Vec<&str> = constraints.into_iter().flatten().filter_map(Value::as_str).collect();
    let is_meant = |desired: &str| matches!(desired, "running" | "ready" | "accepted");
    let mut fate = TaskFate::Untouched;
    for task in state.tasks.iter().filter(|task| task.service_id == service && is_meant(&task.desired_state)) {
        // Nothing is lost by a task that no node has yet.
        if task.node_id.is_empty() {
            continue;
        }
        match state.nodes.iter().find(|node| node.id == task.node_id) {
            Some(node) if constraints.iter().all(|constraint| allows(constraint, node)) => fate = TaskFate::Stays,
            _ => return TaskFate::Moves,
        }
    }
    fate
}

/// Tells whether a constraint as the engine takes it allows a node; the engine refuses one that cannot be read.
fn allows(constraint: &str, node: &ObservedNode) -> bool {
    parse(constraint).is_none_or(|constraint| fulfils(constraint, node))
}

/// The two names that each of these architectures has (swarmkit's scheduler knows them too).
pub(super) fn known_as(architecture: &str) -> &str {
    match architecture {
        "amd64" => "x86_64",
        "arm64" => "aarch64",
        other => other,
    }
}

/// Tells whether two values are the same: case is ignored.
pub(super) fn same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

/// Tells whether a node fulfils a constraint. Values ignore case; a key that swarm does not know is never equal.
///
/// Source: swarmkit's `manager/constraint/constraint.go`.
pub(super) fn fulfils(constraint: Constraint<'_>, node: &ObservedNode) -> bool {
    let Constraint { key, equal, value } = constraint;
    let found = match key.to_ascii_lowercase().as_str() {
        "node.id" => Some(node.id.as_str()),
        "node.hostname" => Some(node.hostname.as_str()),
        "node.role" => Some(node.role.as_str()),
        "node.platform.os" => Some(node.os.as_str()),
        "node.platform.arch" => {
            return same(known_as(value), known_as(&node.architecture)) == equal;
        }
        "node.ip" => return has_address(node, value).is_some_and(|has| has == equal),
        _ => {
            let label = |prefix: &str, labels: &Labels| {
                let has_prefix = key.get(..prefix.len()).is_some_and(|start| same(start, prefix));
                has_prefix.then(|| labels.get(key.get(prefix.len()..).unwrap_or_default()).cloned().unwrap_or_default())
            };
            let value_of = label("node.labels.", &node.labels).or_else(|| label("engine.labels.", &node.engine_labels));
            return match value_of {
                Some(found) => same(&found, value) == equal,
                None => false,
            };
        }
    };
    found.is_some_and(|found| same(found, value) == equal)
}

/// Tells whether a node's address is this one, or in this subnet; `None` where it is neither.
fn has_address(node: &ObservedNode, value: &str) -> Option<bool> {
    let own: Option<IpAddr> = node.address.parse().ok();
    let Some((address, length)) = value.split_once('/') else {
        let address: IpAddr = value.parse().ok()?;
        return Some(own == Some(address));
    };
    let (address, length): (IpAddr, u32) = (address.parse().ok()?, length.parse().ok()?);
    let within = |a: u128, b: u128, bits: u32| {
        let beyond = bits.checked_sub(length)?;
        // A shift by all bits leaves nothing to compare.
        Some(a.checked_shr(beyond) == b.checked_shr(beyond))
    };
    match (address, own) {
        (IpAddr::V4(a), Some(IpAddr::V4(b))) => within(a.to_bits().into(), b.to_bits().into(), 32),
        (IpAddr::V6(a), Some(IpAddr::V6(b))) => within(a.to_bits(), b.to_bits(), 128),
        _ => Some(false),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::plan::observed::ObservedTask;

    fn node(id: &str, address: &str) -> ObservedNode {
        ObservedNode { id: id.to_owned(), address: address.to_owned(), ..ObservedNode::default() }
    }

    #[test]
    fn addresses_are_single_or_of_a_subnet() {
        let fits = |constraint: &str| allows(constraint, &node("n", "10.77.0.1"));
        for yes in [
            "node.ip==10.77.0.1",
            "node.ip != 10.77.0.2",
            "node.ip==10.0.0.0/8",
            "node.ip!=10.76.0.0/16",
            "node.ip==0.0.0.0/0",
            "node.ip==10.77.0.1/32",
            "node.ip!=fe80::/10",
        ] {
            assert!(fits(yes), "{yes}");
        }
        for no in [
            "node.ip==10.77.0.2",
            "node.ip!=10.77.0.1",
            "node.ip==10.76.0.0/16",
            "node.ip!=0.0.0.0/0",
            "node.ip==::/0",
            // The engine takes them for no address, which none is.
            "node.ip==10.0.0.0/33",
            "node.ip!=lab",
        ] {
            assert!(!fits(no), "{no}");
        }
        assert!(allows("node.ip==fe80::/10", &node("n", "fe80::1")));
        assert!(allows("node.ip!=::/0", &node("n", "")));
    }

    fn task(node: &str, desired: &str) -> ObservedTask {
        ObservedTask {
            service_id: "s".to_owned(),
            node_id: node.to_owned(),
            desired_state: desired.to_owned(),
            ..ObservedTask::default()
        }
    }

    #[test]
    fn a_task_moves_whose_node_is_not_allowed_any_more() {
        let fate_of = |tasks: &[ObservedTask], placement: Value| {
            let nodes = vec![node("n1", "10.77.0.1"), node("n2", "10.77.0.2")];
            let state = ObservedState { nodes, tasks: tasks.to_vec(), ..ObservedState::default() };
            fate("s", &json!({"TaskTemplate": {"Placement": placement}}), &state)
        };
        let on = |id: &str| json!({"Constraints": [format!("node.id=={id}")]});
        let here = [task("n1", "running"), task("n2", "shutdown")];
        assert_eq!(fate_of(&here, on("n1")), TaskFate::Stays);
        assert_eq!(fate_of(&here, on("n2")), TaskFate::Moves);
        assert_eq!(fate_of(&here, Value::Null), TaskFate::Stays);
        // One of several is enough.
        assert_eq!(fate_of(&[task("n1", "running"), task("n2", "running")], on("n2")), TaskFate::Moves);
        // The engine does not look at these until it places a task.
        let other = json!({"Platforms": [{"Architecture": "arm64", "OS": "linux"}], "MaxReplicas": 1});
        assert_eq!(fate_of(&here, other), TaskFate::Stays);
        assert_eq!(fate_of(&[task("", "running")], on("n2")), TaskFate::Untouched);
        assert_eq!(fate_of(&[], on("n2")), TaskFate::Untouched);
        assert_eq!(fate_of(&[task("gone", "running")], Value::Null), TaskFate::Moves);
        let others = [ObservedTask { service_id: "other".to_owned(), ..task("n1", "running") }];
        assert_eq!(fate_of(&others, on("n2")), TaskFate::Untouched);
    }
}
