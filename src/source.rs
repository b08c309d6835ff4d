//! Texts, the byte ranges in them, and the values that they hold.
//!
//! Everything that a user wrote, in a file, on the command line or through a hub, is a [`Source`] in a [`SourceMap`].
//! The three syntaxes become one tree of [`Node`]s, each with its [`Span`], so that a finding of any later stage can
//! point at the text that caused it.

mod assembly;
pub mod json;
pub mod node;
pub mod pointer;
pub mod records;
mod sniff;
pub mod span;
pub mod toml;
pub mod world;
pub mod yaml;

use std::borrow::Cow;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use zeroize::Zeroizing;

pub use node::{Entry, Map, Node, Value};
pub use pointer::Pointer;
pub use span::{Position, SourceId, Span};
pub use world::{Disk, ReadError, World};

/// The largest config document that is read, in bytes (16 MiB). Users files have no such bound.
pub const MAX_CONFIG_BYTES: u64 = 16 << 20;
/// The deepest nesting of tables and lists that a document may have.
pub const MAX_DEPTH: usize = 64;
/// The most values that one config document may hold once its YAML aliases are expanded; a table with a TOML header of its
/// own counts as two.
///
/// A value takes 40 bytes and more, however short its text: with this many, a tree stays small beside what the program
/// itself takes.
pub const MAX_NODES: usize = 1 << 17;

/// The beginning of a key, for a message: of one of megabytes nobody reads the rest.
pub(crate) fn cut_short(key: &str) -> Cow<'_, str> {
    match key.char_indices().nth(100) {
        Some((end, _)) => format!("{}…", key.get(..end).unwrap_or("")).into(),
        None => key.into(),
    }
}

/// How a text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// TOML 1.1.
    Toml,
    /// YAML 1.2, core schema, with merge keys.
    Yaml,
    /// JSON (RFC 8259).
    Json,
}

impl Syntax {
    /// Tells the syntax by a file name's extension; `None` for any other.
    pub fn of_path(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "toml" => Some(Self::Toml),
            "yaml" | "yml" => Some(Self::Yaml),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

/// Who wrote a text, which decides whether its strings are templates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Author {
    /// The operator, in a config document: strings are templates.
    Config,
    /// Anybody else (users files, `--set`, a hub, a request): strings are literal.
    Data,
}

/// One text and where it came from.
#[derive(Debug)]
pub struct Source {
    name: String,
    directory: PathBuf,
    author: Author,
    text: Zeroizing<String>,
    lines: OnceLock<Vec<u32>>,
    secrets: Mutex<Vec<Range<u32>>>,
}

impl Source {
    /// The name shown in diagnostics: the path as given, or what stands for it (`--set`, `<stdin>`).
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The directory that relative paths in this text start from.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Who wrote the text.
    pub fn author(&self) -> Author {
        self.author
    }

    /// The text, without a byte order mark.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The byte offset of the start of each line.
    pub fn line_starts(&self) -> &[u32] {
        self.lines.get_or_init(|| {
            let bytes = self.text.as_bytes();
            let after_newlines = bytes.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(i, _)| i as u32 + 1);
            std::iter::once(0).chain(after_newlines).collect()
        })
    }

    /// The line and column of a byte offset, both from 1; columns count characters.
    pub fn position(&self, offset: u32) -> Position {
        let (line, before) = self.line_before(offset);
        Position { line, column: before.chars().count() as u32 + 1 }
    }

    /// The line and column of a byte offset as [`position`](Self::position) counts them, but columns count UTF-16 code
    /// units.
    pub fn utf16_position(&self, offset: u32) -> Position {
        let (line, before) = self.line_before(offset);
        Position { line, column: before.encode_utf16().count() as u32 + 1 }
    }

    /// The number of a byte offset's line, from 1, and what stands on the line before the offset.
    fn line_before(&self, offset: u32) -> (u32, &str) {
        let starts = self.line_starts();
        let line = starts.partition_point(|start| *start <= offset).saturating_sub(1);
        let start = starts.get(line).copied().unwrap_or(0) as usize;
        let mut end = (offset as usize).clamp(start, self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        (line as u32 + 1, self.text.get(start..end).unwrap_or_default())
    }

    /// Marks a byte range as secret: it is never shown.
    pub fn mark_secret(&self, range: Range<u32>) {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).push(range);
    }

    /// The byte ranges marked secret, sorted and without overlaps.
    pub fn secrets(&self) -> Vec<Range<u32>> {
        let mut all = self.secrets.lock().unwrap_or_else(PoisonError::into_inner).clone();
        all.sort_by_key(|range| range.start);
        let mut merged: Vec<Range<u32>> = Vec::with_capacity(all.len());
        for range in all {
            match merged.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => merged.push(range),
            }
        }
        merged
    }
}

/// All texts of one run.
#[derive(Debug, Default)]
pub struct SourceMap {
    sources: RwLock<Vec<Arc<Source>>>,
}

impl SourceMap {
    /// Makes an empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text; a byte order mark at its start is dropped.
    ///
    /// `name` is what diagnostics show; `directory` is where relative paths in the text start.
    pub fn add(
        &self,
        name: impl Into<String>,
        directory: impl Into<PathBuf>,
        author: Author,
        text: String,
    ) -> SourceId {
        let mut text = Zeroizing::new(text);
        if text.starts_with('\u{feff}') {
            text.drain(..'\u{feff}'.len_utf8());
        }
        let source = Source {
            name: name.into(),
            directory: directory.into(),
            author,
            text,
            lines: OnceLock::new(),
            secrets: Mutex::default(),
        };
        let mut sources = self.sources.write().unwrap_or_else(PoisonError::into_inner);
        sources.push(Arc::new(source));
        SourceId::from_index(sources.len() - 1)
    }

    /// Returns one text.
    ///
    /// # Panics
    ///
    /// If the id is of another map, which is a bug.
    pub fn get(&self, id: SourceId) -> Arc<Source> {
        Arc::clone(&self.sources.read().unwrap_or_else(PoisonError::into_inner)[id.index()])
    }

    /// All texts, in the order in which they were added.
    pub fn all(&self) -> Vec<Arc<Source>> {
        self.sources.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Who wrote each text, by the texts' indices.
    pub fn authors(&self) -> Vec<Author> {
        self.sources.read().unwrap_or_else(PoisonError::into_inner).iter().map(|source| source.author).collect()
    }

    /// Where a span starts, as diagnostics name it.
    pub fn position(&self, span: Span) -> Position {
        self.get(span.source).position(span.start)
    }

    /// Marks a span as secret: its text is never shown.
    pub fn mark_secret(&self, span: Span) {
        self.get(span.source).mark_secret(span.start..span.end);
    }
}

/// What is wrong with a text that cannot be read as a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// The text breaks the syntax's grammar.
    Syntax,
    /// A table says the same key twice.
    DuplicateKey,
    /// Nested deeper than [`MAX_DEPTH`].
    TooDeep,
    /// More values than allowed ([`MAX_NODES`] in a config), aliases counted each time.
    TooMany,
    /// A number that fits neither a 64-bit integer nor a finite 64-bit float.
    Number,
    /// Something that the config language has no use for: dates, tags, keys that are no strings, several documents.
    Unsupported,
    /// Nothing but white space and comments.
    Empty,
    /// A user's entry that says no user, in a text that can be read.
    User,
}

/// One thing wrong with a text, found while reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What kind of thing.
    pub kind: FaultKind,
    /// The text at fault.
    pub span: Span,
    /// What is wrong, as a diagnostic's message: lower case, no final full stop.
    pub message: String,
    /// A second place that explains the first, with a few words (`first set here`).
    pub other: Option<(Span, &'static str)>,
    /// What to do about it, in the imperative.
    pub help: Option<String>,
}

impl Fault {
    /// Makes a fault with one place and no advice.
    pub fn new(kind: FaultKind, span: Span, message: impl Into<String>) -> Self {
        Self { kind, span, message: message.into(), other: None, help: None }
    }

    /// Adds a second place.
    #[must_use]
    pub fn and(mut self, span: Span, text: &'static str) -> Self {
        self.other = Some((span, text));
        self
    }

    /// Adds advice.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }
}

/// Reads a text as a tree.
///
/// # Errors
///
/// All faults that could be found, at least one, in no particular order.
pub fn parse(sources: &SourceMap, id: SourceId, syntax: Syntax) -> Result<Node, Vec<Fault>> {
    let source = sources.get(id);
    match syntax {
        Syntax::Toml => toml::parse(id, source.text()),
        Syntax::Yaml => yaml::parse(id, source.text()),
        Syntax::Json => json::parse(id, source.text()),
    }
}

#[cfg(test)]
mod tests;
