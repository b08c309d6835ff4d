//! Judgements: what is well-formed and yet not what anybody wants.
//!
//! A rule is a function in a file of its own that returns findings. Rules about a document see its tree before it is
//! merged; rules about a server see its service and the merged tree that it came from, spans and all.

mod duplicate_profile;
mod floating_tag;
mod hub_name;
mod shared_volume;

use std::collections::HashMap;

use crate::diag::{Code, Diagnostic, Diagnostics, Severity, code};
use crate::ir::Service;
use crate::source::Node;

/// One server, for the rules about servers.
pub struct ServerView<'a> {
    /// What will be sent.
    pub service: &'a Service,
    /// The merged tree that it came from.
    pub spec: &'a Node,
    /// The name of the hub's service.
    pub hub: Option<&'a str>,
    /// Tells whether the text of a node can differ from user to user.
    pub varies: &'a dyn Fn(&Node) -> bool,
}

/// A rule about one document.
pub type DocumentRule = fn(&Node) -> Vec<Diagnostic>;
/// A rule about one server.
pub type ServerRule = fn(&ServerView<'_>) -> Vec<Diagnostic>;

/// The rules about documents, sorted by code.
pub static DOCUMENT_RULES: &[(&Code, DocumentRule)] = &[(&code::DUPLICATE_PROFILE, duplicate_profile::check)];

/// The rules about servers, sorted by code.
pub static SERVER_RULES: &[(&Code, ServerRule)] = &[
    (&code::FLOATING_TAG, floating_tag::check),
    (&code::SHARED_VOLUME, shared_volume::check),
    (&code::HUB_NAME_TAKEN, hub_name::check),
];

/// Applies the rules about documents.
pub fn document(root: &Node, diagnostics: &mut Diagnostics) {
    for (_, rule) in DOCUMENT_RULES {
        diagnostics.extend(rule(root));
    }
}

/// Applies the rules about servers.
pub fn server(view: &ServerView<'_>) -> Vec<Diagnostic> {
    SERVER_RULES.iter().flat_map(|(_, rule)| rule(view)).collect()
}

/// A rule's level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The rule is silent.
    Allow,
    /// Its findings are warnings.
    Warn,
    /// Its findings are errors.
    Deny,
}

impl Level {
    /// Finds a level by its word in `[lints]`.
    pub fn find(word: &str) -> Option<Self> {
        match word {
            "allow" => Some(Self::Allow),
            "warn" => Some(Self::Warn),
            "deny" => Some(Self::Deny),
            _ => None,
        }
    }
}

/// The levels that a config sets.
#[derive(Clone, Debug, Default)]
pub struct Levels {
    set: HashMap<&'static str, Level>,
}

impl Levels {
    /// Reads `[lints]`; a name that is no rule's is reported.
    pub fn read(lints: Option<&Node>, diagnostics: &mut Diagnostics) -> Self {
        let mut levels = Self::default();
        for entry in lints.and_then(Node::as_map).into_iter().flatten() {
            let Some(level) = entry.value.as_str().and_then(Level::find) else { continue };
            match code::find(&entry.key) {
                Some(code) if code.kind == code::Kind::Lint => {
                    levels.set.insert(code.id, level);
                }
                Some(code) => diagnostics.push(
                    Diagnostic::new(&code::UNKNOWN_LINT, format!("the level of `{}` cannot be changed", code.name))
                        .at(entry.key_span, "")
                        .note("without mending what it finds no right output exists"),
                ),
                None => {
                    let diagnostic = Diagnostic::new(
                        &code::UNKNOWN_LINT,
                        format!("no rule is called `{}`", super::canonical::printable(&entry.key)),
                    )
                    .at(entry.key_span, "");
                    let lints = code::ALL.iter().filter(|code| code.kind == code::Kind::Lint).map(|code| code.name);
                    diagnostics.push(match crate::diag::closest(&entry.key, lints) {
                        Some(name) => diagnostic.help(format!("did you mean `{name}`?")),
                        None => diagnostic,
                    });
                }
            }
        }
        levels
    }

    /// Gives a finding its level; `None` if the rule is silent.
    pub fn apply(&self, mut diagnostic: Diagnostic) -> Option<Diagnostic> {
        match self.set.get(diagnostic.code.id) {
            Some(Level::Allow) => return None,
            Some(Level::Warn) => diagnostic.severity = Severity::Warning,
            Some(Level::Deny) => diagnostic.severity = Severity::Error,
            None => {}
        }
        Some(diagnostic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registries_are_sorted() {
        assert!(DOCUMENT_RULES.windows(2).all(|pair| pair[0].0.id < pair[1].0.id));
        assert!(SERVER_RULES.windows(2).all(|pair| pair[0].0.id < pair[1].0.id));
    }
}
