//! SG513 no-node, SG514 node-too-small.

use std::collections::BTreeMap;

use super::{ClusterView, WantedView, listed};
use crate::check::placement::parse;
use crate::diag::{Diagnostic, code};
use crate::ir::{Placement, Resources};
use crate::plan::admission::{fulfils, known_as, same};
use crate::plan::observed::ObservedNode;

/// Finds servers that no node would ever take: for its placement, or for what it has in all.
pub(super) fn check(view: &ClusterView<'_>) -> Vec<Diagnostic> {
    let active: Vec<&ObservedNode> =
        view.state.nodes.iter().filter(|node| node.availability == "active" && node.state == "ready").collect();
    // Many servers share few placements.
    let mut eligible: BTreeMap<String, Vec<&ObservedNode>> = BTreeMap::new();
    let mut findings = Vec::new();
    for server in view.servers {
        let placement = &server.service.placement;
        let nodes = eligible
            .entry(format!("{:?}", placement))
            .or_insert_with(|| active.iter().copied().filter(|node| admits(placement, node)).collect());
        if nodes.is_empty() {
            findings.push(no_node(view, server, &active));
            continue;
        }
        findings.extend(too_small(server, nodes));
    }
    findings
}

/// Tells whether a node fulfils all constraints and runs one of the platforms.
fn admits(placement: &Placement, node: &ObservedNode) -> bool {
    let constraints = placement.constraints.iter().filter_map(|constraint| parse(constraint.expose()));
    let architecture = |wanted: &str| same(known_as(wanted), known_as(&node.architecture));
    let platforms = &placement.platforms;
    let runs = platforms.is_empty()
        || platforms.iter().any(|(arch, os)| {
            (arch.expose().is_empty() || architecture(arch.expose()))
                && (os.expose().is_empty() || same(os.expose(), &node.os))
        });
    constraints.into_iter().all(|constraint| fulfils(constraint, node)) && runs
}

fn no_node(view: &ClusterView<'_>, server: &WantedView<'_>, active: &[&ObservedNode]) -> Diagnostic {
    let placement = &server.service.placement;
    let unmet = placement.constraints.iter().enumerate().find(|(_, constraint)| {
        let parsed = parse(constraint.expose());
        parsed.is_some_and(|constraint| !active.iter().any(|node| fulfils(constraint, node)))
    });
    let (at, message) = match unmet {
        Some((index, constraint)) => {
            (format!("/placement/constraints/{index}"), format!("no node that takes tasks fulfils `{constraint}`"))
        }
        None if active.is_empty() => ("/placement".to_owned(), "no node takes tasks now".to_owned()),
        None if placement.constraints.is_empty() => {
            ("/placement/platforms".to_owned(), "no node that takes tasks runs such a platform".to_owned())
        }
        None => ("/placement/constraints".to_owned(), "no node that takes tasks fulfils all constraints".to_owned()),
    };
    let finding = server.finding(&code::NO_NODE, message, &at, "the server would wait for ever");
    let away: Vec<&str> = view
        .state
        .nodes
        .iter()
        .filter(|node| node.availability != "active" || node.state != "ready")
        .filter(|node| admits(placement, node))
        .map(|node| &*node.hostname)
        .collect();
    match away.is_empty() {
        true => finding.help("label a node: `docker node update --label-add KEY=VALUE NODE`, or change the placement"),
        false => finding.help(format!("bring a node back that is drained or away: {}", listed(away))),
    }
}

fn too_small(server: &WantedView<'_>, nodes: &[&ObservedNode]) -> Vec<Diagnostic> {
    let Resources { cpu_reservation, mem_reservation, generic_resources, cpu_limit, .. } = &server.service.resources;
    let finding = |key: &str, message: String| {
        let at = format!("/resource_spec/{key}");
        server.finding(&code::NODE_TOO_SMALL, message, &at, "more than any node has that may run it")
    };
    let most = |of: &dyn Fn(&ObservedNode) -> i64| nodes.iter().map(|node| of(node)).max().unwrap_or_default();
    let cpus = |nano: i64| nano as f64 / 1e9;
    let mut findings = Vec::new();
    let most_cpus = most(&|node| node.nano_cpus);
    // The engine of the node refuses a limit beyond its processors (swarm-facts 5).
    for (key, wanted) in [("cpu_reservation", cpu_reservation), ("cpu_limit", cpu_limit)] {
        if let Some(wanted) = wanted.filter(|wanted| *wanted > most_cpus) {
            let message =
                format!("{} CPUs are asked for, and the largest such node has {}", cpus(wanted), cpus(most_cpus));
            findings.push(finding(key, message).help("ask for less, or let it run on a larger node"));
        }
    }
    let most_memory = most(&|node| node.memory);
    if let Some(wanted) = mem_reservation.filter(|wanted| *wanted > most_memory) {
        let message = format!(
            "{} MiB of memory are set aside, and the largest such node has {} MiB",
            wanted >> 20,
            most_memory >> 20
        );
        findings.push(finding("mem_reservation", message).help("ask for less, or let it run on a larger node"));
    }
    for (kind, wanted) in generic_resources {
        let has = most(&|node| node.generic_resources.get(&**kind).copied().unwrap_or_default());
        if *wanted > has {
            let message = match has {
                0 => format!("no node that may run it has `{kind}` resources"),
                _ => format!("{wanted} `{kind}` are asked for, and no such node has more than {has}"),
            };
            let finding = finding("generic_resources", message);
            findings.push(finding.help(format!(
                "declare them on the node, in its daemon.json: `\"node-generic-resources\": [\"{kind}=ID\"]`"
            )));
        }
    }
    // Each by itself is somewhere, but no node has all.
    let suffices = |node: &&ObservedNode| {
        (*cpu_reservation).max(*cpu_limit).is_none_or(|wanted| wanted <= node.nano_cpus)
            && mem_reservation.is_none_or(|wanted| wanted <= node.memory)
            && generic_resources.iter().all(|(kind, wanted)| node.generic_resources.get(&**kind) >= Some(wanted))
    };
    if findings.is_empty() && !nodes.is_empty() && !nodes.iter().any(suffices) {
        let key = match (mem_reservation, cpu_reservation) {
            (Some(_), _) => "mem_reservation",
            (None, Some(_)) => "cpu_reservation",
            (None, None) => "cpu_limit",
        };
        let message = "no node that may run it has all of the CPUs, memory and other resources that are asked for";
        findings.push(finding(key, message.to_owned()).help("ask for less, or let it run on a larger node"));
    }
    findings
}
