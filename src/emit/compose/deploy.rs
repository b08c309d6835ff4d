//! What Swarm does with a service: its ports, amounts, places and updates.

use super::super::{Refusals, amount};
use super::yaml::Writer;
use crate::ir::{Placement, Port, Resources, RestartPolicy, UpdateConfig};
use crate::source::Pointer;

/// Writes the published ports.
pub(super) fn ports(writer: &mut Writer<'_>, ports: &[Port], refusals: &mut Refusals) {
    let opened = writer.open("ports");
    for (index, port) in ports.iter().enumerate() {
        let Port { protocol, target, published, mode } = port;
        if ports.iter().take(index).any(|earlier| earlier == port) {
            let at = Pointer::parse("/endpoint_spec/ports").child(index);
            refusals.add(at, "a stack takes no port twice", Some("remove the second one"));
        }
        writer.entry();
        writer.plain("target", target);
        if let Some(published) = published {
            writer.plain("published", published);
        }
        writer.string("protocol", protocol);
        writer.string("mode", mode);
    }
    writer.close_unless_empty(opened);
}

/// Writes limits and reservations.
pub(super) fn resources(writer: &mut Writer<'_>, resources: &Resources, refusals: &mut Refusals) {
    let Resources { cpu_limit, mem_limit, pids_limit, cpu_reservation, mem_reservation, generic_resources } = resources;
    let all = writer.open("resources");
    let limits = writer.open("limits");
    cpus_and_memory(writer, *cpu_limit, *mem_limit, "mem_limit", refusals);
    if let Some(pids) = pids_limit {
        writer.plain("pids", pids);
    }
    writer.close_unless_empty(limits);
    let reservations = writer.open("reservations");
    cpus_and_memory(writer, *cpu_reservation, *mem_reservation, "mem_reservation", refusals);
    let generic = writer.open("generic_resources");
    for (kind, value) in generic_resources {
        writer.entry();
        writer.open("discrete_resource_spec");
        writer.string("kind", kind);
        writer.plain("value", value);
        writer.close();
    }
    writer.close_unless_empty(generic);
    writer.close_unless_empty(reservations);
    writer.close_unless_empty(all);
}

fn cpus_and_memory(
    writer: &mut Writer<'_>,
    cpus: Option<i64>,
    memory: Option<i64>,
    memory_key: &str,
    refusals: &mut Refusals,
) {
    if let Some(cpus) = cpus {
        writer.string("cpus", &amount::cpus(cpus));
    }
    if let Some(memory) = memory {
        if !amount::bytes_survive(memory) {
            let at = Pointer::parse("/resource_spec").child(memory_key);
            refusals.add(at, "the docker CLI rounds amounts of memory above 8 PiB", Some("ask for less"));
        }
        writer.string("memory", &memory.to_string());
    }
}

/// Writes when a task that ended is started again.
pub(super) fn restart_policy(writer: &mut Writer<'_>, policy: &RestartPolicy) {
    let RestartPolicy { condition, delay, max_attempts, window } = policy;
    writer.open("restart_policy");
    if let Some(condition) = condition {
        writer.string("condition", condition);
    }
    if let Some(delay) = delay {
        writer.string("delay", &amount::duration(*delay));
    }
    if let Some(attempts) = max_attempts {
        writer.plain("max_attempts", attempts);
    }
    if let Some(window) = window {
        writer.string("window", &amount::duration(*window));
    }
    writer.close();
}

/// Writes where tasks may run.
pub(super) fn placement(writer: &mut Writer<'_>, placement: &Placement, refusals: &mut Refusals) {
    let Placement { constraints, spread, max_replicas, platforms } = placement;
    let opened = writer.open("placement");
    writer.some_list("constraints", constraints);
    let preferences = writer.open("preferences");
    for descriptor in spread {
        writer.entry();
        writer.string("spread", descriptor.expose());
    }
    writer.close_unless_empty(preferences);
    if let Some(max) = max_replicas {
        writer.plain("max_replicas_per_node", max);
    }
    writer.close_unless_empty(opened);
    if !platforms.is_empty() {
        let help = Some("use a constraint on `node.platform.os` or `node.platform.arch`");
        refusals.add(Pointer::parse("/placement/platforms"), "a stack has no platforms", help);
    }
}

/// Writes how an update or a rollback proceeds.
pub(super) fn update_config(
    writer: &mut Writer<'_>,
    key: &'static str,
    config: &UpdateConfig,
    refusals: &mut Refusals,
) {
    let UpdateConfig { parallelism, delay, failure_action, monitor, max_failure_ratio, order } = config;
    writer.open(key);
    writer.plain("parallelism", parallelism);
    if let Some(delay) = delay {
        writer.string("delay", &amount::duration(*delay));
    }
    if let Some(action) = failure_action {
        writer.string("failure_action", action);
    }
    if let Some(monitor) = monitor {
        writer.string("monitor", &amount::duration(*monitor));
    }
    if let Some(ratio) = max_failure_ratio {
        if !ratio.is_finite() {
            let at = Pointer::root().child(key).child("max_failure_ratio");
            refusals.add(at, "the failure ratio is no number", Some("write a number from 0 to 1"));
        }
        writer.plain("max_failure_ratio", ratio);
    }
    if let Some(order) = order {
        writer.string("order", order);
    }
    writer.close();
}
