//! SG247 folded-name.

use super::ConfigView;
use crate::diag::{Diagnostic, code};

/// Finds users whose name is written in two ways: DNS ignores case, so that a service's name is lowered, while `{name}`
/// elsewhere, as in a volume's name, keeps its capitals.
pub(super) fn check(view: &ConfigView<'_>) -> Vec<Diagnostic> {
    let Some((span, count)) = view.capitals else { return Vec::new() };
    let diagnostic = Diagnostic::new(&code::FOLDED_NAME, "this name has capitals, which the service's name has not")
        .at(span, "lowered in the service's name, kept in `{name}`")
        .help("set `naming.scheme` to `sha256` or `slug`");
    vec![if count > 1 { diagnostic.note(format!("{count} listed users have such names")) } else { diagnostic }]
}
