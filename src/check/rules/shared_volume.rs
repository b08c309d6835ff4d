//! SG203 shared-volume.

use super::{ServerView, shared_sshfs};
use crate::diag::{Diagnostic, code};
use crate::ir::{Mount, MountKind};
use crate::source::Node;

/// Finds named volumes that every user would mount with the right to write.
pub(super) fn check(view: &ServerView<'_>, mount: &Mount, node: &Node) -> Option<Diagnostic> {
    let MountKind::Volume { source: Some(_), .. } = mount.kind else { return None };
    let source = node.get("source")?;
    if mount.read_only || (view.varies)(source) {
        return None;
    }
    // Of these it is told that they are one user's.
    if shared_sshfs::different(view, mount, node).is_some() {
        return None;
    }
    Some(
        Diagnostic::new(&code::SHARED_VOLUME, "all users would share this volume and may all write to it")
            .at(source.span, "the same for every user")
            .help("put `{name}` into the name, or set `read_only = true`"),
    )
}
