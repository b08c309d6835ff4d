//! SG203 shared-volume.

use super::{ServerView, shared_sshfs};
use crate::diag::{Diagnostic, code};
use crate::ir::MountKind;

/// Finds named volumes that every user would mount with the right to write.
pub(super) fn check(view: &ServerView<'_>) -> Vec<Diagnostic> {
    view.mounts()
        .filter(|(mount, _)| !mount.read_only && matches!(mount.kind, MountKind::Volume { source: Some(_), .. }))
        .filter_map(|(mount, node)| Some((mount, node, node.get("source")?)))
        .filter(|(.., source)| !(view.varies)(source))
        // Of these it is told that they are one user's.
        .filter(|(mount, node, _)| shared_sshfs::different(view, mount, node).is_none())
        .map(|(.., source)| {
            Diagnostic::new(&code::SHARED_VOLUME, "all users would share this volume and may all write to it")
                .at(source.span, "the same for every user")
                .help("put `{name}` into the name, or set `read_only = true`")
        })
        .collect()
}
