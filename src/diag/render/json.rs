//! Diagnostics for programs: one JSON document, in a format with a version.
//!
//! `schema/diagnostics.v1.schema.json` is derived from these types. Within a version keys may be added, none changes or
//! goes.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Serialize;

use super::open_fix;
use crate::diag::{self, Diagnostic, Severity};
use crate::source::{SourceMap, Span};

/// The schema's identifier. A URN: it names the schema wherever it is kept.
pub const SCHEMA_ID: &str = "urn:swarmgen:diagnostics:1";

/// Renders findings as a document, with a final line end.
pub fn render(diagnostics: &[&Diagnostic], sources: &SourceMap) -> String {
    let mut summary = Summary { errors: 0, warnings: 0, notes: 0 };
    for diagnostic in diagnostics {
        match diagnostic.severity {
            Severity::Error => summary.errors += 1,
            Severity::Warning => summary.warnings += 1,
            Severity::Note => summary.notes += 1,
        }
    }
    let diagnostics = diagnostics.iter().map(|diagnostic| finding(diagnostic, sources)).collect();
    super::document(&Document { version: 1, diagnostics, summary })
}

/// Derives the JSON Schema (draft 2020-12) of the document.
pub fn schema() -> schemars::Schema {
    super::document_schema::<Document<'_>>("swarmgen diagnostics", SCHEMA_ID)
}

/// What `swarmgen --message-format json` writes.
#[derive(Serialize, JsonSchema)]
struct Document<'a> {
    /// The version of this format.
    #[schemars(range(min = 1, max = 1))]
    version: u32,
    /// The findings, in the order of their places.
    diagnostics: Vec<Finding<'a>>,
    /// How many findings are listed of each severity.
    summary: Summary,
}

/// How many findings are listed of each severity.
#[derive(Serialize, JsonSchema)]
struct Summary {
    /// The errors: with any, nothing comes out.
    errors: usize,
    /// The warnings.
    warnings: usize,
    /// The notes.
    notes: usize,
}

/// One finding.
#[derive(Serialize, JsonSchema)]
struct Finding<'a> {
    /// The code, which is never given to another meaning.
    #[schemars(regex(pattern = "^SG[0-9]{3}$"))]
    code: &'static str,
    /// The code's name.
    name: &'static str,
    /// How bad it is.
    severity: Level,
    /// What is wrong.
    message: &'a str,
    /// The places; the first is the primary one. None where no text is to blame.
    labels: Vec<Label<'a>>,
    /// Advice and background.
    notes: Vec<Note<'a>>,
    /// A change that mends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Fix<'_>")]
    fix: Option<Fix<'a>>,
    /// The users that it concerns; absent where it concerns none in particular.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Users<'_>")]
    users: Option<Users<'a>>,
}

/// How bad a finding is.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Level {
    /// Nothing comes out.
    Error,
    /// Something comes out that may not be what was meant.
    Warning,
    /// Something comes out that is worth knowing about.
    Note,
}

/// A place with a few words about it.
#[derive(Serialize, JsonSchema)]
struct Label<'a> {
    /// The file as it was named, or what stands for it (`--set`, `<stdin>`).
    file: String,
    /// The words; may be empty.
    text: &'a str,
    /// Whether it is what the finding is about, rather than what explains it.
    primary: bool,
    /// Where it starts.
    start: Position,
    /// Where it ends: one past the last character.
    end: Position,
}

/// A position in a text.
#[derive(Serialize, JsonSchema)]
struct Position {
    /// The line, from 1.
    #[schemars(range(min = 1))]
    line: u32,
    /// The column in characters, from 1.
    #[schemars(range(min = 1))]
    column: u32,
    /// Bytes from the start of the text in UTF-8, a byte order mark not counted, from 0.
    offset: u32,
}

/// Advice or background.
#[derive(Serialize, JsonSchema)]
struct Note<'a> {
    /// Which of the two.
    kind: Kind,
    /// The words.
    text: &'a str,
}

/// Advice or background.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Kind {
    /// What to do.
    Help,
    /// A fact that explains.
    Note,
}

/// A change of texts.
#[derive(Serialize, JsonSchema)]
struct Fix<'a> {
    /// What it does.
    title: &'a str,
    /// The replacements, none of which overlaps another.
    edits: Vec<Edit<'a>>,
}

/// A replacement.
#[derive(Serialize, JsonSchema)]
struct Edit<'a> {
    /// The file as it was named.
    file: String,
    /// Where what is replaced starts.
    start: Position,
    /// Where what is replaced ends.
    end: Position,
    /// What replaces it.
    replacement: &'a str,
}

/// The users that a finding concerns.
#[derive(Serialize, JsonSchema)]
struct Users<'a> {
    /// How many there are.
    count: usize,
    /// The names of the first three.
    #[schemars(length(max = 3))]
    first: Vec<Cow<'a, str>>,
}

fn finding<'a>(diagnostic: &'a Diagnostic, sources: &SourceMap) -> Finding<'a> {
    let label = |(index, label): (usize, &'a diag::Label)| {
        let (file, start, end) = place(label.span, sources);
        Label { file, text: &label.text, primary: index == 0, start, end }
    };
    let note = |note: &'a diag::Note| match note {
        diag::Note::Help(text) => Note { kind: Kind::Help, text },
        diag::Note::Note(text) => Note { kind: Kind::Note, text },
    };
    let fix = open_fix(diagnostic, sources).map(|fix| {
        let (file, start, end) = place(fix.span, sources);
        Fix { title: &fix.title, edits: vec![Edit { file, start, end, replacement: &fix.replacement }] }
    });
    let users = &diagnostic.subjects;
    Finding {
        code: diagnostic.code.id,
        name: diagnostic.code.name,
        severity: match diagnostic.severity {
            Severity::Error => Level::Error,
            Severity::Warning => Level::Warning,
            Severity::Note => Level::Note,
        },
        message: &diagnostic.message,
        labels: diagnostic.labels.iter().enumerate().map(label).collect(),
        notes: diagnostic.notes.iter().map(note).collect(),
        fix,
        users: (users.count > 0).then(|| Users {
            count: users.count,
            first: users.first.iter().map(|name| Cow::Borrowed(&**name)).collect(),
        }),
    }
}

/// The file of a span, its start and its end.
fn place(span: Span, sources: &SourceMap) -> (String, Position, Position) {
    let source = sources.get(span.source);
    let position = |offset: u32| {
        let at = source.position(offset);
        Position { line: at.line, column: at.column, offset }
    };
    (source.name().to_owned(), position(span.start), position(span.end))
}
