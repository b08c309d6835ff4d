//! SG516 full-network.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::ClusterView;
use crate::diag::{Diagnostic, code};
use crate::ir::EndpointMode;
use crate::plan::observed::{ObservedNetwork, ObservedState};

/// Addresses of a subnet that no task gets: its own, its gateway, its broadcast (swarm-facts 6).
const OWN: u64 = 3;

/// Finds networks that have not enough addresses for everybody: a task without one stays in `new`, without an error, for
/// ever.
pub(super) fn check(view: &ClusterView<'_>) -> Vec<Diagnostic> {
    let wanted: BTreeSet<String> = view.servers.iter().map(|server| server.service.name.to_ascii_lowercase()).collect();
    let mut findings = Vec::new();
    // Networks of other drivers have their addresses from each node by itself.
    let is_overlay =
        |network: &&ObservedNetwork| network.scope == "swarm" && network.driver == "overlay" && !network.ingress;
    for network in view.state.networks.iter().filter(is_overlay) {
        let is_this = |target: &str| target == network.id || target == network.name;
        // A user has one server at a time, with whichever profile.
        let mut counted = BTreeSet::new();
        let mut asking = view.servers.iter().filter_map(|server| {
            let networks = &server.service.networks;
            let index = networks.iter().position(|network| is_this(network.target.expose()))?;
            counted.insert(&*server.service.name).then_some((server, index))
        });
        let Some((first, index)) = asking.next() else { continue };
        let Some(room) = room(network, view.state.nodes.len() as u64) else { continue };
        let per_server = |mode| if mode == EndpointMode::Vip { 2 } else { 1 };
        let servers = asking.map(|(server, _)| per_server(server.service.endpoint.mode)).sum::<u64>()
            + per_server(first.service.endpoint.mode);
        let others: u64 = view
            .state
            .services
            .iter()
            .filter(|service| !wanted.contains(&service.name().to_ascii_lowercase()))
            .filter(|service| !view.leaving.contains(service.name()))
            .map(|service| addresses(&service.spec, &is_this, view.state))
            .sum();
        if servers + others <= room {
            continue;
        }
        let message = format!(
            "the network `{}` has {room} addresses for services, and {} are needed",
            network.name,
            servers + others
        );
        let at = format!("/networks/{index}");
        findings.push(
            first
                .finding(&code::FULL_NETWORK, message, &at, "too small for all servers")
                .note(format!("{servers} for this config's servers, {others} for other services"))
                .note("the engine starts no task without an address, and gives no reason")
                .help(
                    "create a larger network with `docker network create --driver overlay --subnet 10.20.0.0/16 NAME`",
                ),
        );
    }
    findings
}

/// How many addresses a network has for services and tasks; `None` where the engine has not told its subnet.
///
/// Families do not stand in for each other: the one with less room counts.
fn room(network: &ObservedNetwork, nodes: u64) -> Option<u64> {
    let mut families: BTreeMap<Family, u64> = BTreeMap::new();
    for (family, size) in network.subnets.iter().filter_map(|subnet| subnet_size(subnet)) {
        let room = families.entry(family).or_default();
        *room = room.saturating_add(size.saturating_sub(OWN));
    }
    families.into_values().min().map(|room| room.saturating_sub(nodes))
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Family {
    V4,
    V6,
}

/// The family of a subnet, and how many addresses it has.
fn subnet_size(subnet: &str) -> Option<(Family, u64)> {
    let (address, length) = subnet.split_once('/')?;
    let length: u32 = length.parse().ok()?;
    let (family, bits) = if address.contains(':') { (Family::V6, 128u32) } else { (Family::V4, 32) };
    Some((family, 1u64.checked_shl(bits.checked_sub(length)?.min(63)).unwrap_or(u64::MAX)))
}

/// How many addresses a service of the swarm takes on a network.
fn addresses(spec: &Value, is_this: &dyn Fn(&str) -> bool, state: &ObservedState) -> u64 {
    let task = spec.get("TaskTemplate");
    let attached = [task.and_then(|task| task.get("Networks")), spec.get("Networks")];
    let attached = attached.into_iter().flatten().filter_map(Value::as_array).flatten();
    let mut targets = attached.filter_map(|network| network.get("Target").and_then(Value::as_str));
    if !targets.any(is_this) {
        return 0;
    }
    let replicas = match spec.get("Mode").and_then(|mode| mode.get("Global")) {
        Some(_) => state.nodes.len() as u64,
        None => spec.pointer("/Mode/Replicated/Replicas").and_then(Value::as_u64).unwrap_or(1),
    };
    let mode = spec.pointer("/EndpointSpec/Mode").and_then(Value::as_str);
    replicas + u64::from(mode != Some("dnsrr"))
}
