//! SG226 node-local-volume.

use super::ServerView;
use crate::check::placement::parse;
use crate::diag::{Diagnostic, code};
use crate::ir::{Mount, MountKind, Text};
use crate::source::Node;

/// Finds named volumes of the local driver, without options that lead elsewhere, where placement allows several nodes:
/// each node has a volume of its own under that name.
pub(super) fn check(view: &ServerView<'_>, mount: &Mount, node: &Node) -> Option<Diagnostic> {
    let is_local = match &mount.kind {
        MountKind::Volume { source: Some(_), driver: None, .. } => true,
        MountKind::Volume { source: Some(_), driver: Some(driver), .. } => {
            driver.options.is_empty() && driver.name.as_ref().is_none_or(|name| name.expose() == "local")
        }
        _ => false,
    };
    if !is_local || mount.read_only || view.service.placement.constraints.iter().any(pins) {
        return None;
    }
    Some(
        Diagnostic::new(&code::NODE_LOCAL_VOLUME, "this volume stays on the node where it was made")
            .at(node.get("source")?.span, "every node has one of its own under this name")
            .note("a server that starts on another node finds an empty volume there")
            .help(
                "pin the server to a node, or keep the files on shared storage (`sshfs`, NFS); on one node, allow it",
            ),
    )
}

/// Tells whether a constraint leaves one node.
fn pins(constraint: &Text) -> bool {
    let part = parse(constraint.expose());
    part.is_some_and(|part| part.equal && matches!(part.key, "node.hostname" | "node.id"))
}
