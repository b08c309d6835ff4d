//! The levels of rules: `[lints]`, the command line, and comments beside what a rule finds.

mod comment;

use std::collections::HashMap;

use crate::diag::{Code, Diagnostic, Diagnostics, Severity, closest, code};
use crate::source::{Node, Source};

use super::canonical::printable;
use comment::Allowance;

/// The name that stands for every finding that is a warning.
pub const WARNINGS: &str = "warnings";

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

    fn apply(self, mut diagnostic: Diagnostic) -> Option<Diagnostic> {
        diagnostic.severity = match self {
            Self::Allow => return None,
            Self::Warn => Severity::Warning,
            Self::Deny => Severity::Error,
        };
        Some(diagnostic)
    }
}

/// What a level is set for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// One rule.
    Rule(&'static Code),
    /// All that are warnings, unless set by name.
    Warnings,
}

/// Why a name has no level.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// A finding without whose mending no right output exists.
    #[error("the level of `{0}` cannot be changed")]
    Fixed(&'static str),
    /// No such rule.
    #[error("no rule is called `{name}`")]
    Unknown {
        /// The name, as it may be shown.
        name: String,
        /// The rule that may be meant.
        near: Option<&'static str>,
    },
}

impl Subject {
    /// Finds what a name or a code stands for.
    ///
    /// # Errors
    ///
    /// If there is no such rule, or its level cannot be changed.
    pub fn find(name: &str) -> Result<Self, NameError> {
        if name == WARNINGS {
            return Ok(Self::Warnings);
        }
        match code::find(name) {
            Some(code) if code.kind == code::Kind::Lint => Ok(Self::Rule(code)),
            Some(code) => Err(NameError::Fixed(code.name)),
            None => {
                let lints = code::ALL.iter().filter(|code| code.kind == code::Kind::Lint).map(|code| code.name);
                let near = closest(name, lints.chain([WARNINGS]));
                Err(NameError::Unknown { name: printable(name), near })
            }
        }
    }
}

impl NameError {
    fn diagnostic(&self) -> Diagnostic {
        let diagnostic = Diagnostic::new(&code::UNKNOWN_LINT, self.to_string());
        match self {
            Self::Fixed(_) => diagnostic.note("without mending what it finds no right output exists"),
            Self::Unknown { near: Some(near), .. } => diagnostic.help(format!("did you mean `{near}`?")),
            Self::Unknown { near: None, .. } => diagnostic,
        }
    }
}

/// The levels of a run.
#[derive(Debug, Default)]
pub struct Levels {
    rules: HashMap<&'static str, Level>,
    warnings: Option<Level>,
    comments: Vec<Allowance>,
}

impl Levels {
    /// Reads `[lints]`; a name that is no rule's is reported.
    pub fn read(&mut self, lints: Option<&Node>, diagnostics: &mut Diagnostics) {
        for entry in lints.and_then(Node::as_map).into_iter().flatten() {
            let Some(level) = entry.value.as_str().and_then(Level::find) else { continue };
            match Subject::find(&entry.key) {
                Ok(subject) => self.set(subject, level),
                Err(error) => diagnostics.push(error.diagnostic().at(entry.key_span, "")),
            }
        }
    }

    /// Sets a level, over what was set before.
    pub fn set(&mut self, subject: Subject, level: Level) {
        match subject {
            Subject::Rule(code) => {
                self.rules.insert(code.id, level);
            }
            Subject::Warnings => self.warnings = Some(level),
        }
    }

    /// Reads what a document's comments allow; a comment that cannot be read is reported.
    pub fn read_comments(&mut self, source: &Source, root: &Node, diagnostics: &mut Diagnostics) {
        comment::read(source, root, &mut self.comments, diagnostics);
    }

    /// Gives a finding its level; `None` if it is not to be told.
    pub fn apply(&self, diagnostic: Diagnostic) -> Option<Diagnostic> {
        if diagnostic.code.kind == code::Kind::Hard {
            return Some(diagnostic);
        }
        if self.comments.iter().any(|comment| comment.allows(&diagnostic)) {
            return None;
        }
        match self.rules.get(diagnostic.code.id) {
            Some(level) => level.apply(diagnostic),
            None => match self.warnings.filter(|_| diagnostic.severity == Severity::Warning) {
                Some(level) => level.apply(diagnostic),
                None => Some(diagnostic),
            },
        }
    }

    /// The comments that allowed nothing, of the rules that were asked.
    pub fn unused(&self, asked: impl Fn(&Code) -> bool) -> Vec<Diagnostic> {
        let unused = self.comments.iter().filter(|comment| asked(comment.code())).filter_map(Allowance::unused);
        unused.filter_map(|diagnostic| self.apply(diagnostic)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_by_name_wins_over_all_warnings() {
        let mut levels = Levels::default();
        levels.set(Subject::Warnings, Level::Deny);
        levels.set(Subject::Rule(&code::SHARED_VOLUME), Level::Warn);
        let severity = |code| levels.apply(Diagnostic::new(code, "")).map(|diagnostic| diagnostic.severity);
        assert_eq!(severity(&code::FLOATING_TAG), Some(Severity::Error));
        assert_eq!(severity(&code::SHARED_VOLUME), Some(Severity::Warning));
        assert_eq!(severity(&code::UNKNOWN_KEY), Some(Severity::Error));
        levels.set(Subject::Warnings, Level::Allow);
        assert_eq!(levels.apply(Diagnostic::new(&code::FLOATING_TAG, "")).map(|found| found.code.id), None);
    }

    #[test]
    fn names() {
        assert_eq!(Subject::find("floating-tag"), Ok(Subject::Rule(&code::FLOATING_TAG)));
        assert_eq!(Subject::find("sg202"), Ok(Subject::Rule(&code::FLOATING_TAG)));
        assert_eq!(Subject::find("warnings"), Ok(Subject::Warnings));
        assert_eq!(Subject::find("unknown-key"), Err(NameError::Fixed("unknown-key")));
        let near = Some("floating-tag");
        assert_eq!(Subject::find("floting-tag"), Err(NameError::Unknown { name: "floting-tag".to_owned(), near }));
    }
}
