//! SG236 unknown-access.

use super::ConfigView;
use crate::check::canonical::printable;
use crate::diag::{Diagnostic, code};

/// How many entries of one `access` are told; a file may list a whole institution.
const MOST: usize = 10;

/// Finds entries of `access` that admit nobody who is listed.
///
/// A profile that nobody may use is told as a whole (`unused-profile`); of its entries only those are told that look
/// like a slip of the pen.
pub(super) fn check(view: &ConfigView<'_>) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    if view.users == 0 {
        return findings;
    }
    for profile in &view.profiles {
        let mut told = 0;
        for (entry, span) in profile.access.unwrap_or_default() {
            let group = entry.strip_prefix("group:").map(str::trim);
            let (known, message) = match group {
                Some(group) => {
                    ((view.has_group)(group), format!("no listed user is in a group `{}`", printable(group)))
                }
                None => ((view.has_user)(entry), format!("no listed user is called `{}`", printable(entry))),
            };
            if known {
                continue;
            }
            let near = match group {
                Some(group) => (view.near_group)(group).map(|near| format!("group:{}", printable(near))),
                None => (view.near_user)(entry).map(printable),
            };
            let diagnostic = Diagnostic::new(&code::UNKNOWN_ACCESS, message).at(*span, "");
            match near {
                Some(near) => findings.push(diagnostic.help(format!("did you mean `{near}`?"))),
                None if profile.admitted == 0 => {}
                None => findings.push(diagnostic.help("remove it, or list the user or the group")),
            }
            told += 1;
            if told == MOST {
                break;
            }
        }
    }
    findings
}
