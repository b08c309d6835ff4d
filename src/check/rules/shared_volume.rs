//! SG203 shared-volume.

use super::ServerView;
use crate::diag::{Diagnostic, code};
use crate::ir::MountKind;
use crate::source::Node;

/// Finds named volumes that every user would mount with the right to write.
pub(super) fn check(view: &ServerView<'_>) -> Vec<Diagnostic> {
    let nodes = view
        .spec
        .get("container_spec")
        .and_then(|container| container.get("mounts"))
        .and_then(Node::as_seq)
        .unwrap_or_default();
    let mounts = &view.service.container.mounts;
    if mounts.len() != nodes.len() {
        return Vec::new();
    }
    mounts
        .iter()
        .zip(nodes)
        .filter(|(mount, _)| !mount.read_only && matches!(mount.kind, MountKind::Volume { source: Some(_), .. }))
        .filter_map(|(_, node)| node.get("source"))
        .filter(|source| !(view.varies)(source))
        .map(|source| {
            Diagnostic::new(&code::SHARED_VOLUME, "all users would share this volume and may all write to it")
                .at(source.span, "the same for every user")
                .help("put `{name}` into the name, or set `read_only = true`")
        })
        .collect()
}
