//! SG219 bad-reference, of what the config itself declares.

use super::ConfigView;
use crate::check::object::is_name;
use crate::diag::{Diagnostic, code};
use crate::source::Node;

/// Finds Swarm configs and secrets that are declared under a name which the engine does not take.
pub(super) fn check(view: &ConfigView<'_>) -> Vec<Diagnostic> {
    let all = |key: &str| view.root.get(key).and_then(Node::as_map).into_iter().flatten();
    all("swarm_configs")
        .chain(all("swarm_secrets"))
        .filter(|entry| !is_name(&entry.key))
        .map(|entry| {
            Diagnostic::new(&code::BAD_REFERENCE, "the engine takes no config or secret of this name")
                .at(entry.key_span, "")
                .help("use 1 to 64 letters, digits, `-`, `_` and `.`, a letter or digit at both ends")
        })
        .collect()
}
