//! SG238 restricted-default.

use super::ConfigView;
use crate::diag::{Diagnostic, code};

/// Finds a first profile that some of those who choose none may not use: they get a later one.
///
/// A first profile that nobody may use is told by `unused-profile`.
pub(super) fn check(view: &ConfigView<'_>) -> Vec<Diagnostic> {
    let [first, _, ..] = view.profiles.as_slice() else { return Vec::new() };
    let (Some(entry), Some(access)) = (first.entry, first.access) else { return Vec::new() };
    let listed = view.users > 0;
    if access.is_empty() || (listed && (first.admitted == 0 || view.passed_over == 0)) {
        return Vec::new();
    }
    let Some(node) = entry.get("access") else { return Vec::new() };
    let diagnostic = Diagnostic::new(&code::RESTRICTED_DEFAULT, "not everybody may use the first profile")
        .at(node.span, "the others get a later one")
        .help("put a profile without `access` first, or give those users a `profile`");
    vec![match (listed, view.passed_over) {
        (false, _) => diagnostic.note("who chooses no profile gets the first one that they may use"),
        (true, 1) => diagnostic.note("1 listed user chooses no profile and may not use this one"),
        (true, count) => diagnostic.note(format!("{count} listed users choose no profile and may not use this one")),
    }]
}
