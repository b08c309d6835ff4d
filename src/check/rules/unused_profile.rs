//! SG237 unused-profile.

use super::ConfigView;
use crate::check::canonical::printable;
use crate::diag::{Diagnostic, code};

/// Finds profiles that nobody may use: their `access` is empty, or admits none of the listed users.
pub(super) fn check(view: &ConfigView<'_>) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for profile in &view.profiles {
        let (Some(entry), Some(access)) = (profile.entry, profile.access) else { continue };
        let name = printable(profile.name);
        let message = if access.is_empty() {
            format!("the `access` of `{name}` is empty, so that nobody may use it")
        } else if view.users > 0 && profile.admitted == 0 {
            format!("none of the listed users may use `{name}`")
        } else {
            continue;
        };
        let Some(node) = entry.get("access") else { continue };
        findings.push(
            Diagnostic::new(&code::UNUSED_PROFILE, message)
                .at(node.span, "")
                .help("add users or groups (`\"group:NAME\"`), or remove `access` to admit everybody"),
        );
    }
    findings
}
