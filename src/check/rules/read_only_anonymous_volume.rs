//! SG227 read-only-anonymous-volume.

use super::ServerView;
use crate::diag::{Diagnostic, code};
use crate::ir::{Mount, MountKind};
use crate::source::Node;

/// Finds volumes without a name that nobody may write to: nothing could ever be in one.
///
/// Source: moby's `volume/mounts/linux_parser.go`.
pub(super) fn check(_: &ServerView<'_>, mount: &Mount, node: &Node) -> Option<Diagnostic> {
    (mount.read_only && matches!(mount.kind, MountKind::Volume { source: None, .. })).then(|| {
        Diagnostic::new(
            &code::READ_ONLY_ANONYMOUS_VOLUME,
            "a volume without a name is new for each container, and this one is read-only",
        )
        .at(node.get("read_only").map_or(node.span, |node| node.span), "nothing could ever be in it")
        .note("the engine refuses such a mount when the server starts")
        .help("name the volume in `source`, or remove `read_only`")
    })
}
