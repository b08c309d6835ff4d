//! What swarmgen has to say about its input.
//!
//! A [`Diagnostic`] has a [`Code`], a severity, a message, labelled places and advice. Stages collect them in
//! [`Diagnostics`], which tells a finding that many users share only once. Rendering is apart, under [`render`].

pub mod code;
pub mod fix;
pub mod render;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

pub use code::Code;

use crate::source::{Fault, FaultKind, Span};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Nothing comes out.
    Error,
    /// Something comes out that may not be what was meant.
    Warning,
    /// Something comes out that is worth knowing about.
    Note,
}

impl Severity {
    /// The word that diagnostics print.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// How many findings there are of each severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Errors.
    pub errors: usize,
    /// Warnings.
    pub warnings: usize,
    /// Notes.
    pub notes: usize,
}

impl fmt::Display for Counts {
    /// In words, `2 errors, 1 warning`; nothing where there is none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (count, word) in [(self.errors, "error"), (self.warnings, "warning"), (self.notes, "note")] {
            if count > 0 {
                write!(f, "{separator}{count} {word}{}", if count == 1 { "" } else { "s" })?;
                separator = ", ";
            }
        }
        Ok(())
    }
}

/// A place in a text with a few words about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// The words; may be empty.
    pub text: String,
}

/// Advice or background below the snippet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// What to do, in the imperative.
    Help(String),
    /// A fact that explains.
    Note(String),
}

/// A change of the text that mends what a diagnostic tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What is replaced.
    pub span: Span,
    /// What replaces it.
    pub replacement: String,
    /// What it does, in the imperative.
    pub title: String,
}

/// One finding.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// Its code.
    pub code: &'static Code,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong: lower case, no final full stop, names in backticks. Never holds a user's name where a config
    /// place is to blame: that is what `subjects` is for.
    pub message: String,
    /// The places; the first is the primary one.
    pub labels: Vec<Label>,
    /// Advice and background, in order.
    pub notes: Vec<Note>,
    /// A safe mechanical mend.
    pub fix: Option<Fix>,
    /// The users it concerns: the first three by name, and how many in all.
    pub subjects: Subjects,
}

/// The users that a finding concerns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subjects {
    /// The first three names.
    pub first: Vec<Arc<str>>,
    /// How many there are.
    pub count: usize,
    /// The last one added: findings come user by user, so this tells a repetition.
    last: Option<Arc<str>>,
}

impl Subjects {
    /// One user.
    pub fn one(user: &Arc<str>) -> Self {
        Self { first: vec![Arc::clone(user)], count: 1, last: Some(Arc::clone(user)) }
    }

    fn join(&mut self, other: Self) {
        let known = other.first.iter().filter(|name| self.last.as_ref() == Some(name) || self.first.contains(name));
        self.count += other.count - known.count();
        for name in other.first {
            if self.first.len() < 3 && !self.first.contains(&name) {
                self.first.push(name);
            }
        }
        self.last = other.last;
    }
}

impl Diagnostic {
    /// Makes a diagnostic of a code with the code's own severity.
    pub fn new(code: &'static Code, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: code.severity,
            message: message.into(),
            labels: Vec::new(),
            notes: Vec::new(),
            fix: None,
            subjects: Subjects::default(),
        }
    }

    /// Adds a place; the first one added is the primary one.
    #[must_use]
    pub fn at(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// Adds a place if there is one.
    #[must_use]
    pub fn maybe_at(self, span: Option<Span>, text: impl Into<String>) -> Self {
        match span {
            Some(span) => self.at(span, text),
            None => self,
        }
    }

    /// Adds advice.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.notes.push(Note::Help(text.into()));
        self
    }

    /// Adds background.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(Note::Note(text.into()));
        self
    }

    /// Adds a mend.
    #[must_use]
    pub fn fix(mut self, span: Span, replacement: impl Into<String>, title: impl Into<String>) -> Self {
        self.fix = Some(Fix { span, replacement: replacement.into(), title: title.into() });
        self
    }

    /// Says which user it concerns.
    #[must_use]
    pub fn about(mut self, user: &Arc<str>) -> Self {
        self.subjects = Subjects::one(user);
        self
    }

    /// The primary place.
    pub fn primary(&self) -> Option<&Label> {
        self.labels.first()
    }
}

impl From<Fault> for Diagnostic {
    fn from(fault: Fault) -> Self {
        let code = match fault.kind {
            FaultKind::Syntax => &code::SYNTAX,
            FaultKind::DuplicateKey => &code::DUPLICATE_KEY,
            FaultKind::TooDeep => &code::TOO_DEEP,
            FaultKind::TooMany => &code::TOO_MANY_VALUES,
            FaultKind::Number => &code::NUMBER_OUT_OF_RANGE,
            FaultKind::Unsupported => &code::UNSUPPORTED_SYNTAX,
            FaultKind::Empty => &code::EMPTY_DOCUMENT,
            FaultKind::User => &code::BAD_USER,
        };
        let mut diagnostic = Self::new(code, fault.message).at(fault.span, "");
        if let Some((span, text)) = fault.other {
            diagnostic = diagnostic.at(span, text);
        }
        match fault.help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        }
    }
}

/// The findings of a run so far.
#[derive(Debug, Default)]
pub struct Diagnostics {
    all: Vec<Diagnostic>,
    index: HashMap<(&'static str, Option<Span>, String), usize>,
    errors: usize,
}

impl Diagnostics {
    /// Makes an empty collection.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a finding; one that differs from an earlier one only in whom it concerns joins it.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        let key = Self::key(&diagnostic);
        match self.index.get(&key).and_then(|index| self.all.get_mut(*index)) {
            Some(earlier) => earlier.subjects.join(diagnostic.subjects),
            None => {
                self.errors += usize::from(diagnostic.severity == Severity::Error);
                self.index.insert(key, self.all.len());
                self.all.push(diagnostic);
            }
        }
    }

    /// What tells findings apart.
    fn key(diagnostic: &Diagnostic) -> (&'static str, Option<Span>, String) {
        (diagnostic.code.id, diagnostic.primary().map(|label| label.span), diagnostic.message.clone())
    }

    /// Adds several findings.
    pub fn extend(&mut self, diagnostics: impl IntoIterator<Item = Diagnostic>) {
        for diagnostic in diagnostics {
            self.push(diagnostic);
        }
    }

    /// Adds those of another collection that are not here yet: the same users' findings, once more.
    pub fn extend_new(&mut self, other: Self) {
        for diagnostic in other.all {
            let key = Self::key(&diagnostic);
            if !self.index.contains_key(&key) {
                self.push(diagnostic);
            }
        }
    }

    /// Joins another collection to this one, its users counted.
    pub fn merge(&mut self, other: Self) {
        self.extend(other.all);
    }

    /// Tells whether anything was found that stops the run.
    pub fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// How many findings there are of each severity.
    pub fn counts(&self) -> Counts {
        let of = |severity| self.all.iter().filter(|diagnostic| diagnostic.severity == severity).count();
        Counts { errors: self.errors, warnings: of(Severity::Warning), notes: of(Severity::Note) }
    }

    /// Tells whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The findings in the order of their sources, places and codes.
    pub fn sorted(&self) -> Vec<&Diagnostic> {
        let mut sorted: Vec<&Diagnostic> = self.all.iter().collect();
        sorted.sort_by_key(|diagnostic| (diagnostic.primary().map(|label| label.span), diagnostic.code.id));
        sorted
    }

    /// Iterates over the findings in the order found.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.all.iter()
    }
}

impl From<Vec<Fault>> for Diagnostics {
    fn from(faults: Vec<Fault>) -> Self {
        let mut diagnostics = Self::new();
        diagnostics.extend(faults.into_iter().map(Diagnostic::from));
        diagnostics
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.all.into_iter()
    }
}

/// The candidate closest to a mistyped word, if one is close enough to be meant.
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = word.to_lowercase();
    let length = word.chars().count();
    let most = (length / 3).max(1);
    candidates
        .into_iter()
        // No fewer edits than letters that are missing; lower case may have another length, but not by much.
        .filter(|candidate| candidate.chars().count().abs_diff(length) <= most + 2)
        .map(|candidate| (strsim::damerau_levenshtein(&folded, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= most)
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_of_the_same_users_count_once() {
        let found = |message: &str, count: usize| {
            let mut found = Diagnostics::new();
            let users = (0..count).map(|index| Arc::from(format!("u{index}")));
            found.extend(users.map(|user| Diagnostic::new(&code::NO_NODE, message).about(&user)));
            found
        };
        let counts = |found: &Diagnostics| -> Vec<usize> { found.iter().map(|one| one.subjects.count).collect() };
        let mut all = found("a", 5);
        all.extend_new(found("a", 5));
        all.extend_new(found("b", 4));
        assert_eq!(counts(&all), [5, 4]);
        // Other users' join.
        all.merge(found("b", 5));
        assert!(counts(&all)[1] > 4);
    }
}
