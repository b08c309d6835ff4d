//! SG232 name-from-user.

use super::ServerView;
use crate::check::canonical::printable;
use crate::diag::{Diagnostic, code};
use crate::source::Node;

/// Filters whose results nobody can choose.
const SAFE: &[&str] = &["md5", "sha256"];

/// Finds names in DNS that are made of what a user's name or attributes say: somebody could be called as the hub or as
/// another user (swarm-facts 9).
pub(super) fn check(view: &ServerView<'_>) -> Vec<Diagnostic> {
    let hostname = view.spec.get("container_spec").and_then(|container| container.get("hostname"));
    let networks = view.spec.get("networks").and_then(Node::as_seq).unwrap_or_default();
    let aliases = networks.iter().filter_map(|network| network.get("aliases")).filter_map(Node::as_seq).flatten();
    let help = if view.hidden {
        "use `{name}` or `{service}`, which nobody can choose"
    } else {
        "use `{service}`, which starts with `service_prefix`: with this naming scheme `{name}` keeps usernames"
    };
    let found = |what: &str, node: &Node| {
        let name = printable(&(view.chosen_in_dns)(node, SAFE)?);
        Some(
            Diagnostic::new(
                &code::NAME_FROM_USER,
                format!("`{name}` decides under which {what} the server is reached"),
            )
            .at(node.span, "a user could take the name of the hub, or of another service")
            .help(help),
        )
    };
    let hostname = hostname.into_iter().filter_map(|node| found("host name", node));
    hostname.chain(aliases.filter_map(|node| found("alias", node))).collect()
}
