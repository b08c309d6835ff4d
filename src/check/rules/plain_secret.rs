//! SG234 plain-secret.

use super::SpecView;
use crate::check::canonical::printable;
use crate::diag::{Diagnostic, code};
use crate::source::{Node, Value};

/// Finds variables with the name of a secret whose value stands in the config.
pub(super) fn check(view: &SpecView<'_>) -> Vec<Diagnostic> {
    let env = view.spec.get("container_spec").and_then(|container| container.get("env")).and_then(Node::as_map);
    env.into_iter()
        .flatten()
        .filter(|entry| (view.is_secret)(&entry.key) && is_plain(&entry.value) && (view.is_literal)(&entry.value))
        .map(|entry| {
            Diagnostic::new(
                &code::PLAIN_SECRET,
                format!("`{}` looks like a secret and stands in the config", printable(&entry.key)),
            )
            .at(entry.key_span, "")
            .note("whoever may read the config or inspect services reads it too")
            .help("keep it in a Swarm secret (`secrets`), or in a file or variable: `{ file = \"..\" }`, `{ env = \"..\" }`")
        })
        .collect()
}

/// Tells whether a value could be a secret itself; a path is where one may be found.
fn is_plain(node: &Node) -> bool {
    match &node.value {
        Value::Str(text) => !text.trim().is_empty() && !text.starts_with('/'),
        Value::Int(_) | Value::Float(_) => true,
        _ => false,
    }
}
