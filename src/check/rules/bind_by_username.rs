//! SG225 bind-by-username.

use super::ServerView;
use crate::check::canonical::printable;
use crate::diag::{Diagnostic, code};
use crate::ir::{Mount, MountKind};
use crate::source::Node;

/// Filters whose results are no more than one part of a path.
const SAFE: &[&str] = &["md5", "sha256", "slug"];

/// Finds bind mounts whose source is made of what a user's name or attributes say: these can hold anything.
pub(super) fn check(view: &ServerView<'_>, mount: &Mount, node: &Node) -> Option<Diagnostic> {
    let MountKind::Bind { .. } = mount.kind else { return None };
    let source = node.get("source")?;
    let name = printable(&(view.chosen)(source, SAFE)?);
    let help = if view.owned {
        "use `{name}`, which is safe in paths and each user's own"
    } else {
        "use `{{ username|sha256 }}`, which is safe in paths and each user's own"
    };
    Some(
        Diagnostic::new(&code::BIND_BY_USERNAME, format!("`{name}` decides which directory of the node is mounted"))
            .at(source.span, "it can hold anything, and two users' can lead to one directory")
            .help(help),
    )
}
