//! Comma-separated values (RFC 4180).
//!
//! Read here rather than with the `csv` crate, which neither tells where cells are nor refuses stray quotes.

use std::borrow::Cow;
use std::sync::Arc;

use super::{Form, Keys, Misfits, NAME, Record, USERNAME, renamed};
use crate::source::assembly::{MAX_FAULTS, duplicate};
use crate::source::{Entry, Fault, FaultKind, Node, SourceId, Span};

/// A cell: its text without quotes, and where that stands.
struct Cell<'t> {
    start: usize,
    end: usize,
    text: Cow<'t, str>,
}

/// What is wrong with a row's quotes, and where.
struct Broken {
    at: usize,
    message: &'static str,
    help: &'static str,
}

/// The cells of one row.
struct Row<'t> {
    text: &'t str,
    /// Where the next cell starts; `None` after the last one.
    next: Option<usize>,
    /// Where the row ends, once it has.
    end: usize,
    /// Where the next row starts, once this one has ended.
    after: usize,
    broken: Option<Broken>,
}

impl<'t> Row<'t> {
    fn new(text: &'t str, start: usize) -> Self {
        Self { text, next: Some(start), end: start, after: start, broken: None }
    }

    /// Goes over what follows a cell that ends at an offset; tells whether anything stands there that cannot.
    fn delimit(&mut self, end: usize) -> bool {
        let bytes = self.text.as_bytes();
        self.end = end;
        self.next = None;
        match (bytes.get(end), bytes.get(end + 1)) {
            (None, _) => self.after = end,
            (Some(b','), _) => self.next = Some(end + 1),
            (Some(b'\n'), _) => self.after = end + 1,
            (Some(b'\r'), Some(b'\n')) => self.after = end + 2,
            (Some(b'\r'), None) => self.after = end + 1,
            _ => return false,
        }
        true
    }

    fn fail(&mut self, at: usize, message: &'static str, help: &'static str) {
        self.broken.get_or_insert(Broken { at, message, help });
        let line = self.text.get(at..).unwrap_or("").find('\n');
        self.end = line.map_or(self.text.len(), |line| at + line);
        self.after = line.map_or(self.text.len(), |line| at + line + 1);
        self.next = None;
    }

    fn quoted(&mut self, quote: usize) -> Option<Cell<'t>> {
        let start = quote + 1;
        let mut from = start;
        let mut text = Cow::Borrowed("");
        loop {
            let rest = self.text.get(from..).unwrap_or("");
            let Some(length) = rest.find('"') else {
                self.fail(quote, "unclosed quote", "close the quote, or double it if it is part of the text");
                return None;
            };
            let piece = rest.get(..length).unwrap_or("");
            if text.is_empty() {
                text = Cow::Borrowed(piece)
            } else {
                text.to_mut().push_str(piece)
            }
            from += length + 1;
            if self.text.as_bytes().get(from) == Some(&b'"') {
                text.to_mut().push('"');
                from += 1;
            } else if self.delimit(from) {
                return Some(Cell { start, end: from - 1, text });
            } else {
                self.fail(from, "text after a closing quote", "quote the whole cell, and double the quotes in it");
                return None;
            }
        }
    }
}

impl<'t> Iterator for Row<'t> {
    type Item = Cell<'t>;

    fn next(&mut self) -> Option<Cell<'t>> {
        let start = self.next?;
        let bytes = self.text.as_bytes();
        if bytes.get(start) == Some(&b'"') {
            return self.quoted(start);
        }
        let mut end = start;
        loop {
            let rest = bytes.get(end..).unwrap_or(&[]);
            end += rest.iter().position(|byte| matches!(byte, b',' | b'\n' | b'\r' | b'"')).unwrap_or(rest.len());
            if bytes.get(end) == Some(&b'"') {
                self.fail(end, "a quote inside a cell without quotes", "quote the whole cell, and double its quotes");
                return None;
            }
            if self.delimit(end) {
                let text = Cow::Borrowed(self.text.get(start..end).unwrap_or(""));
                return Some(Cell { start, end, text });
            }
            // A lone carriage return is text.
            end += 1;
        }
    }
}

/// Looks through all rows.
pub(super) fn read(id: SourceId, text: &str, keys: &mut Keys, misfits: &mut Misfits) -> Result<Form, Vec<Fault>> {
    let mut faults = Vec::new();
    let mut at = blank(text, 0);
    if at == text.len() {
        return Err(vec![Fault::new(FaultKind::Empty, Span::new(id, 0, 0), "the document is empty")]);
    }
    let header = at;
    let mut row = Row::new(text, at);
    let mut columns: Vec<(Arc<str>, Span)> = Vec::new();
    for cell in row.by_ref() {
        let (key, span) = heading(id, &cell);
        if key.is_empty() {
            let fault = Fault::new(FaultKind::Syntax, span, "a column has no name");
            faults.push(fault.help("name every column in the first line"));
        }
        let name = if key == USERNAME { NAME } else { key };
        match columns.iter().find(|(known, _)| &**known == name) {
            Some((_, first)) if name == NAME => faults.push(renamed(key, span, *first)),
            Some((_, first)) if !key.is_empty() => faults.push(duplicate(key, span).and(*first, "first set here")),
            _ => {}
        }
        let name: Arc<str> = name.into();
        keys.see(&name, span);
        columns.push((name, span));
    }
    if let Some(broken) = row.broken.take() {
        faults.push(fault(id, text, &broken));
        return Err(faults);
    }
    at = row.after;
    let Some(name) = columns.iter().position(|(key, _)| &**key == NAME) else {
        let span = Span::new(id, header, row.end);
        let other = columns.len() == 1 && text.get(span.range()).is_some_and(|line| line.contains([';', '\t']));
        let help = if other { "separate the cells by commas" } else { "name the columns in the first line" };
        faults.push(Fault::new(FaultKind::Syntax, span, "no column is called `name`").help(help));
        return Err(faults);
    };
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut rows = Vec::new();
    loop {
        at = blank(text, at);
        if at == text.len() || faults.len() >= MAX_FAULTS {
            break;
        }
        let mut row = Row::new(text, at);
        let mut cells = 0;
        let mut named = false;
        for cell in row.by_ref() {
            named |= cells == name && !cell.text.trim().is_empty();
            cells += 1;
        }
        let span = Span::new(id, at, row.end);
        if let Some(broken) = row.broken.take() {
            faults.push(fault(id, text, &broken));
        } else if cells != columns.len() {
            let message = format!("the row has {cells} cells, the header {}", columns.len());
            let help = "give every row as many cells as the header, and quote those that hold commas";
            faults.push(Fault::new(FaultKind::Syntax, span, message).help(help));
        } else if !named {
            misfits.nameless(span);
        }
        rows.push(at as u32);
        at = row.after;
    }
    rows.shrink_to_fit();
    if faults.is_empty() { Ok(Form::Csv { columns, rows }) } else { Err(faults) }
}

/// Reads one row again.
pub(super) fn record(id: SourceId, text: &str, start: usize, columns: &[(Arc<str>, Span)]) -> Record {
    let mut row = Row::new(text, start);
    let mut fields = Vec::with_capacity(columns.len());
    for ((key, key_span), cell) in columns.iter().zip(row.by_ref()) {
        if !cell.text.is_empty() {
            let value = Node::string(Span::new(id, cell.start, cell.end), cell.text);
            fields.push(Entry { key: Arc::clone(key), key_span: *key_span, value });
        }
    }
    Record { span: Span::new(id, start, row.end), fields }
}

/// A header cell's name, without white space around it.
fn heading<'c>(id: SourceId, cell: &'c Cell<'_>) -> (&'c str, Span) {
    let lead = cell.text.len() - cell.text.trim_start().len();
    let key = cell.text.trim();
    let plain = matches!(cell.text, Cow::Borrowed(_));
    let span = if plain {
        Span::new(id, cell.start + lead, cell.start + lead + key.len())
    } else {
        Span::new(id, cell.start, cell.end)
    };
    (key, span)
}

/// Where the next line starts that is not blank.
fn blank(text: &str, mut at: usize) -> usize {
    loop {
        match text.as_bytes().get(at..).unwrap_or(&[]) {
            [b'\n', ..] => at += 1,
            [b'\r', b'\n', ..] => at += 2,
            [b'\r'] => at += 1,
            _ => return at,
        }
    }
}

fn fault(id: SourceId, text: &str, broken: &Broken) -> Fault {
    let width = text.get(broken.at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    Fault::new(FaultKind::Syntax, Span::new(id, broken.at, broken.at + width), broken.message).help(broken.help)
}
