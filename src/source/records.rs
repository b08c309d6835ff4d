//! Users files: lists of records of any length.
//!
//! Those that have a record per line are only looked through at first, to find where each record starts and what is
//! wrong. A record is read again when it is asked for, so a list costs little more than its text.

mod csv;
mod packed;
mod tree;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use self::packed::Packed;
use super::assembly::{Assembly, Bound, MAX_FAULTS, duplicate};
use super::{Entry, Fault, FaultKind, Node, Source, SourceId, SourceMap, Span, Syntax, json};

/// How many values a users file may hold once its YAML aliases are expanded, besides one for every two bytes: without aliases
/// none has more.
const MAX_ALIASED: usize = 1 << 16;
/// The most faults that are told of one users file, and the most findings about the users in it.
pub(crate) const MOST_TOLD: usize = 20;
/// The field that every record has.
const NAME: &str = "name";
/// Another word for it.
const USERNAME: &str = "username";

/// How a users file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordsSyntax {
    /// Comma-separated values with a header (RFC 4180).
    Csv,
    /// One JSON document.
    Json,
    /// One JSON value per line.
    JsonLines,
    /// One YAML document.
    Yaml,
    /// One TOML document.
    Toml,
    /// One name per line.
    Lines,
}

impl RecordsSyntax {
    /// Tells the syntax by a file name's extension; `None` for any other.
    pub fn of_path(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Csv),
            "jsonl" | "ndjson" => Some(Self::JsonLines),
            "txt" => Some(Self::Lines),
            _ => Syntax::of_path(path).map(|syntax| match syntax {
                Syntax::Toml => Self::Toml,
                Syntax::Yaml => Self::Yaml,
                Syntax::Json => Self::Json,
            }),
        }
    }
}

/// One record.
#[derive(Clone, Debug)]
pub struct Record {
    /// The record's text.
    pub span: Span,
    /// Its attributes, among them `name`, however the file calls it; no key twice.
    pub fields: Vec<Entry>,
}

/// The records of one users file.
#[derive(Debug)]
pub struct Records {
    source: Arc<Source>,
    id: SourceId,
    keys: Vec<(Arc<str>, Span)>,
    faults: Vec<Fault>,
    form: Form,
}

#[derive(Debug)]
enum Form {
    /// Where each row starts.
    Csv { columns: Vec<(Arc<str>, Span)>, rows: Vec<u32> },
    /// Where each line starts that has a value.
    JsonLines(Vec<u32>),
    /// Where each name starts.
    Lines { name: (Arc<str>, Span), starts: Vec<u32> },
    /// All of them.
    Packed(Packed),
}

impl Records {
    /// Looks through a users file.
    ///
    /// A JSON, YAML or TOML document is a list of tables or of names, a table of such tables by name, or a table with
    /// such a list under its only key, or such a table under `users`.
    ///
    /// # Errors
    ///
    /// The first twenty faults, at least one. Entries that say no user are none of them: see [`faults`](Self::faults).
    pub fn read(sources: &SourceMap, id: SourceId, syntax: RecordsSyntax) -> Result<Self, Vec<Fault>> {
        let source = sources.get(id);
        let text = source.text();
        let start = Span::new(id, 0, 0);
        if u32::try_from(text.len()).is_err() {
            let fault = Fault::new(FaultKind::TooMany, start, "the file is larger than 4 GiB");
            return Err(vec![fault.help("split the file")]);
        }
        let mut keys = Keys::default();
        let mut misfits = Misfits::default();
        let read = match syntax {
            RecordsSyntax::Csv => csv::read(id, text, &mut keys, &mut misfits),
            RecordsSyntax::JsonLines => read_json_lines(id, text, &mut keys, &mut misfits),
            RecordsSyntax::Lines => Ok(read_lines(id, text, &mut keys)),
            RecordsSyntax::Json => {
                json::parse_within(id, text, Bound::NONE).and_then(|root| tree::read(root, &mut keys, &mut misfits))
            }
            RecordsSyntax::Yaml => {
                let bound = Bound::on_aliases((text.len() / 2).saturating_add(MAX_ALIASED));
                super::yaml::parse_within(id, text, bound).and_then(|root| tree::read(root, &mut keys, &mut misfits))
            }
            RecordsSyntax::Toml => super::toml::parse_within(id, text, Bound::NONE)
                .and_then(|root| tree::read(root, &mut keys, &mut misfits)),
        };
        let first = |mut faults: Vec<Fault>| {
            faults.sort_by_key(|fault| fault.span);
            faults.truncate(MOST_TOLD);
            faults
        };
        let form = read.map_err(first)?;
        misfits.hidden.into_iter().for_each(|span| sources.mark_secret(span));
        if matches!(&form, Form::Lines { starts, .. } | Form::JsonLines(starts) if starts.is_empty()) {
            return Err(vec![Fault::new(FaultKind::Empty, start, "the document is empty")]);
        }
        Ok(Self { source, id, keys: keys.all, faults: first(misfits.faults), form })
    }

    /// What is wrong with entries that say no user, the first twenty; the file is of no use with any.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        match &self.form {
            Form::Csv { rows: starts, .. } | Form::JsonLines(starts) | Form::Lines { starts, .. } => starts.len(),
            Form::Packed(records) => records.len(),
        }
    }

    /// Tells whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Tells whether no value can be a table, so that [`keys`](Self::keys) are all the names that there are.
    pub fn is_flat(&self) -> bool {
        matches!(self.form, Form::Csv { .. } | Form::Lines { .. })
    }

    /// Every attribute name that occurs and where it does first, in this order.
    pub fn keys(&self) -> &[(Arc<str>, Span)] {
        &self.keys
    }

    /// Reads one record; beyond the last one, an empty one.
    pub fn get(&self, index: usize) -> Record {
        let text = self.source.text();
        let start = |starts: &[u32]| starts.get(index).map(|start| *start as usize);
        let record = match &self.form {
            Form::Csv { columns, rows } => start(rows).map(|start| csv::record(self.id, text, start, columns)),
            Form::JsonLines(starts) => start(starts).and_then(|start| {
                let mut assembly = Assembly::new(self.id, text, Bound::NONE);
                let node = json::parse_part(&mut assembly, start, line_end(text, start))?;
                tree::record(node, None, &mut Vec::new(), &mut Misfits::default())
            }),
            Form::Lines { name: (key, _), starts } => start(starts).map(|start| {
                let line = text.get(start..line_end(text, start)).unwrap_or("").trim_end();
                let span = Span::new(self.id, start, start + line.len());
                let value = Node::string(span, line);
                Record { span, fields: vec![Entry { key: Arc::clone(key), key_span: span, value }] }
            }),
            Form::Packed(records) => records.get(index, &self.keys),
        };
        record.unwrap_or_else(|| Record { span: Span::new(self.id, 0, 0), fields: Vec::new() })
    }
}

/// The attribute names that were seen.
#[derive(Debug, Default)]
struct Keys {
    all: Vec<(Arc<str>, Span)>,
    index: HashMap<Arc<str>, usize>,
}

impl Keys {
    /// Takes note of a name; returns its number.
    fn see(&mut self, key: &Arc<str>, span: Span) -> usize {
        if let Some(index) = self.index.get(key) {
            return *index;
        }
        let index = self.all.len();
        self.index.insert(Arc::clone(key), index);
        self.all.push((Arc::clone(key), span));
        index
    }
}

/// The entries that say no user.
#[derive(Debug, Default)]
struct Misfits {
    faults: Vec<Fault>,
    /// Values in them without a key that would tell whether they are secret.
    hidden: Vec<Span>,
}

impl Misfits {
    fn add(&mut self, span: Span, message: impl Into<String>, help: &str) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(Fault::new(FaultKind::User, span, message).help(help));
        }
    }

    /// A record that nobody can be found by.
    fn nameless(&mut self, span: Span) {
        self.add(span, "the record has no name", "give it a `name`");
    }
}

/// The fault of a record that says both `name` and `username`, or one of them twice.
fn renamed(key: &str, span: Span, first: Span) -> Fault {
    let fault = duplicate(key, span).and(first, "first set here");
    if key == USERNAME { fault.help("keep either `name` or `username`") } else { fault }
}

/// Where a line ends, without its line break.
fn line_end(text: &str, start: usize) -> usize {
    let rest = text.get(start..).unwrap_or("");
    let line = rest.find('\n').and_then(|end| rest.get(..end)).unwrap_or(rest);
    start + line.strip_suffix('\r').unwrap_or(line).len()
}

/// The offsets at which lines start, paired with the lines.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut next = 0;
    text.split_inclusive('\n').map(move |line| {
        let start = next;
        next += line.len();
        (start, line)
    })
}

fn read_lines(id: SourceId, text: &str, keys: &mut Keys) -> Form {
    let named = lines(text).filter_map(|(start, line)| {
        let name = line.trim();
        let lead = line.len() - line.trim_start().len();
        (!name.is_empty() && !name.starts_with('#')).then_some((start + lead) as u32)
    });
    let starts: Vec<u32> = named.collect();
    let first = starts.first().map_or(0, |start| *start as usize);
    let span = Span::new(id, first, line_end(text, first));
    let name: Arc<str> = NAME.into();
    keys.see(&name, span);
    Form::Lines { name: (name, span), starts }
}

fn read_json_lines(id: SourceId, text: &str, keys: &mut Keys, misfits: &mut Misfits) -> Result<Form, Vec<Fault>> {
    let mut starts = Vec::new();
    let mut faults = Vec::new();
    for (start, line) in lines(text) {
        if faults.len() >= MAX_FAULTS {
            break;
        }
        if line.trim_matches([' ', '\t', '\r', '\n']).is_empty() {
            continue;
        }
        let mut assembly = Assembly::new(id, text, Bound::NONE);
        let node = json::parse_part(&mut assembly, start, line_end(text, start));
        faults.append(&mut assembly.faults);
        for entry in
            node.and_then(|node| tree::record(node, None, &mut faults, misfits)).into_iter().flat_map(|it| it.fields)
        {
            keys.see(&entry.key, entry.key_span);
        }
        starts.push(start as u32);
    }
    if faults.is_empty() { Ok(Form::JsonLines(starts)) } else { Err(faults) }
}

#[cfg(test)]
mod tests;
