//! SG221 hub-name-taken, of host names and aliases; `resolve` finds services of that name.

use super::ServerView;
use crate::diag::{Diagnostic, code};
use crate::source::{Node, Span};

/// Finds servers that answer to the hub's name in DNS, which would divert what is meant for the hub (swarm-facts 9).
pub(super) fn check(view: &ServerView<'_>) -> Vec<Diagnostic> {
    let Some(hub) = view.hub else { return Vec::new() };
    let taken = |name: &str| name.eq_ignore_ascii_case(hub);
    let found = |span: Span, what: &str| {
        Diagnostic::new(&code::HUB_NAME_TAKEN, format!("this {what} is the hub's own name"))
            .at(span, "servers on the network would be reached under it instead of the hub")
            .help("choose another name")
    };
    let mut findings = Vec::new();
    let container = view.spec.get("container_spec");
    if let Some(hostname) = &view.service.container.hostname
        && taken(hostname.expose())
        && let Some(node) = container.and_then(|container| container.get("hostname"))
    {
        findings.push(found(node.span, "host name"));
    }
    let nodes = view.spec.get("networks").and_then(Node::as_seq).unwrap_or_default();
    for (network, node) in view.service.networks.iter().zip(nodes) {
        let aliases = node.get("aliases").and_then(Node::as_seq).unwrap_or_default();
        for (alias, node) in network.aliases.iter().zip(aliases) {
            if taken(alias.expose()) {
                findings.push(found(node.span, "alias"));
            }
        }
    }
    findings
}
