//! SG240 host-network.

use super::ServerView;
use crate::diag::{Diagnostic, code};
use crate::source::Node;

/// Finds networks that each node has for itself, `host` and `bridge`, which the engine takes for services all the same.
///
/// Names resolve on neither of them.
pub(super) fn check(view: &ServerView<'_>) -> Vec<Diagnostic> {
    let networks = &view.service.networks;
    if !networks.iter().any(|network| matches!(network.target.expose(), "host" | "bridge")) {
        return Vec::new();
    }
    let nodes = view.spec.get("networks").and_then(Node::as_seq).unwrap_or_default();
    let mut findings = Vec::new();
    for (network, node) in networks.iter().zip(nodes) {
        let (message, note) = match network.target.expose() {
            "host" => (
                "on the network `host` a server shares its node's ports",
                "two servers on one node would listen on the same port, and the hub finds neither by name",
            ),
            "bridge" => (
                "the network `bridge` ends at its node",
                "servers on other nodes are not on it, and the hub finds no server by name",
            ),
            _ => continue,
        };
        findings.push(
            Diagnostic::new(&code::HOST_NETWORK, message)
                .at(node.get("target").unwrap_or(node).span, "")
                .note(note)
                .help("use an overlay network that the hub or the proxy is on too"),
        );
    }
    findings
}
