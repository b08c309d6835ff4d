//! SG201 duplicate-profile.

use std::collections::HashMap;

use crate::check::canonical::printable;
use crate::diag::{Diagnostic, code};
use crate::source::Node;

/// Finds profiles of one document that share a name: a request for it could mean either.
pub(super) fn check(root: &Node) -> Vec<Diagnostic> {
    let mut seen = HashMap::new();
    let mut findings = Vec::new();
    for profile in root.get("images").and_then(Node::as_seq).unwrap_or_default() {
        let Some(node) = profile.get("name") else { continue };
        let Some(name) = node.as_str() else { continue };
        match seen.get(name) {
            Some(first) => findings.push(
                Diagnostic::new(&code::DUPLICATE_PROFILE, format!("two profiles are called `{}`", printable(name)))
                    .at(node.span, "")
                    .at(*first, "the first one")
                    .help("give each profile a name of its own"),
            ),
            None => {
                seen.insert(name, node.span);
            }
        }
    }
    findings
}
