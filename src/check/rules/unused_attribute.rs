//! SG242 unused-attribute.

use super::ConfigView;
use crate::check::canonical::printable;
use crate::diag::{Diagnostic, code};
use crate::source::Node;

/// What an sshfs mount without a credential of its own takes from the user; nothing is said of these.
const CREDENTIALS: [&str; 3] = ["id_rsa", "identity_file", "password"];

/// Finds attributes that no template names: `[user_defaults]`' and users', each told once.
pub(super) fn check(view: &ConfigView<'_>) -> Vec<Diagnostic> {
    let defaults = view.root.get("user_defaults").and_then(Node::as_map).into_iter().flatten();
    let defaults: Vec<_> = defaults.map(|entry| (&*entry.key, entry.key_span)).collect();
    let own = view.attributes.iter().map(|(name, span)| (&**name, *span));
    let own = own.filter(|(name, _)| !defaults.iter().any(|(default, _)| default == name));
    let mut findings = Vec::new();
    for (name, span) in defaults.iter().copied().chain(own) {
        if CREDENTIALS.contains(&name) || (view.uses)(name) {
            continue;
        }
        findings.push(
            Diagnostic::new(&code::UNUSED_ATTRIBUTE, format!("no template of the config uses `{}`", printable(name)))
                .at(span, "")
                .help(format!("insert it somewhere as `{{{}}}`, or remove it", printable(name))),
        );
    }
    findings
}
