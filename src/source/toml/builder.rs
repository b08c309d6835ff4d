//! The parser's events made into a tree at once.

use std::borrow::Cow;
use std::cell::Cell;

use toml_parser::decoder::{Encoding, ScalarKind};
use toml_parser::parser::EventReceiver;
use toml_parser::{ErrorSink, ParseError, Raw, Span as Range};

use super::batch::Batches;
use super::errors;
use super::tables::{DROPPED, Key, ROOT, TableId, Tables};
use crate::source::assembly::{Assembly, MAX_FAULTS, Stop, push};
use crate::source::{Fault, FaultKind, MAX_DEPTH, Node, SourceId, Span, Value};

/// What the two receivers, of events and of errors, tell each other.
#[derive(Debug, Default)]
pub(super) struct Signals {
    /// Nothing more is read.
    pub(super) stopped: Cell<bool>,
    /// How many brackets the batch repeats before it goes on.
    pub(super) repeated: Cell<usize>,
    /// The batch ends within a value.
    pub(super) partial: Cell<bool>,
    /// There was a bracket, so that the text's start is passed.
    entered: Cell<bool>,
    /// The parser goes over a bracket without an event, but there will be one of its end.
    unannounced: Cell<bool>,
}

impl Signals {
    fn quiet(&self) -> bool {
        self.stopped.get() || self.repeated.get() > 0
    }
}

/// The receiver of the parser's own errors.
#[derive(Debug)]
pub(super) struct Errors<'a, 't> {
    id: SourceId,
    text: &'t str,
    signals: &'a Signals,
    pub(super) faults: Vec<Fault>,
    /// The offset of the last one.
    pub(super) last: Option<usize>,
}

impl<'a, 't> Errors<'a, 't> {
    pub(super) fn new(id: SourceId, text: &'t str, signals: &'a Signals) -> Self {
        Self { id, text, signals, faults: Vec::new(), last: None }
    }
}

impl ErrorSink for Errors<'_, '_> {
    fn report_error(&mut self, error: ParseError) {
        if self.signals.quiet() {
            return;
        }
        if error.description() == "missing key for inline table element" {
            self.signals.unannounced.set(true);
        }
        let at = error.unexpected().unwrap_or_default();
        // In a value at fault the parser may stumble over how the batch ends, too.
        let made_up = self.signals.entered.get() && Batches::is_made_up(at);
        let made_up = made_up || (self.signals.partial.get() && error.description().starts_with("unclosed "));
        self.last = self.last.max(Some(at.start()));
        if !made_up && self.faults.len() < MAX_FAULTS {
            self.faults.push(errors::of_grammar(self.id, self.text, &error));
        }
    }
}

/// A list or table in brackets that is being read.
#[derive(Debug)]
enum Open {
    List {
        start: usize,
        depth: usize,
        items: Vec<Node>,
    },
    Table {
        start: usize,
        id: TableId,
        /// How many parts of keys belong to what is around.
        keys: usize,
    },
}

/// The receiver of events, which builds the tree.
#[derive(Debug)]
pub(super) struct Builder<'a, 't> {
    pub(super) assembly: &'a mut Assembly<'t>,
    signals: &'a Signals,
    tables: Tables,
    /// The table of the last header.
    current: TableId,
    open: Vec<Open>,
    /// The keys whose values are being read, outermost first.
    keys: Vec<Key>,
    /// Whether a dot follows the last part of a key.
    dotted: bool,
}

impl<'a, 't> Builder<'a, 't> {
    /// Starts on an empty document.
    pub(super) fn new(assembly: &'a mut Assembly<'t>, signals: &'a Signals) -> Self {
        let span = assembly.span(0, assembly.text.len());
        let tables = Tables::new(span);
        let counted = assembly.count(1, span);
        let builder =
            Self { assembly, signals, tables, current: ROOT, open: Vec::new(), keys: Vec::new(), dotted: false };
        builder.heed(counted);
        builder
    }

    /// The tree.
    pub(super) fn finish(mut self) -> Node {
        if !self.signals.stopped.get() {
            self.abandon();
        }
        self.tables.shrink(self.current);
        self.tables.finish(ROOT)
    }

    /// Takes what there is of the value that is being read for all of it.
    pub(super) fn abandon(&mut self) {
        while !self.open.is_empty() {
            self.close(0);
        }
        self.keys.clear();
        self.signals.unannounced.set(false);
    }

    fn heed<T>(&self, result: Result<T, Stop>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(Stop) => {
                self.signals.stopped.set(true);
                None
            }
        }
    }

    fn span(&self, range: Range) -> Span {
        self.assembly.span(range.start(), range.end())
    }

    /// How many parts of keys belong to what is around the innermost bracket.
    fn outer_keys(&self) -> usize {
        match self.open.last() {
            Some(Open::Table { keys, .. }) => *keys,
            Some(Open::List { .. }) => self.keys.len(),
            None => 0,
        }
    }

    /// How deep the next value is.
    fn depth(&self) -> usize {
        let keys = self.keys.len() - self.outer_keys().min(self.keys.len());
        match self.open.last() {
            Some(Open::List { depth, .. }) => depth + 1,
            Some(Open::Table { id, .. }) => self.tables.depth(*id) + keys.max(1),
            None => self.tables.depth(self.current) + keys.max(1),
        }
    }

    /// Puts a value where it belongs.
    fn put(&mut self, node: Node) {
        let id = match self.open.last_mut() {
            Some(Open::List { items, .. }) => {
                push(items, node);
                return;
            }
            Some(Open::Table { id, .. }) => *id,
            None => self.current,
        };
        let outer = self.outer_keys();
        let keys = self.keys.get(outer..).unwrap_or(&[]);
        let set =
            if keys.iter().all(|key| key.sound) { self.tables.set(self.assembly, id, keys, node) } else { Ok(()) };
        self.heed(set);
        self.keys.truncate(outer);
    }

    /// Notes that a bracket opens; gives the depth of what is in it.
    fn enter(&mut self, range: Range) -> Option<usize> {
        if self.signals.stopped.get() {
            return None;
        }
        self.signals.entered.set(true);
        let depth = self.depth();
        let mark = self.assembly.character(range.start());
        let nested = self.assembly.nest(depth, mark).and_then(|()| self.assembly.count(1, mark));
        self.heed(nested).map(|()| depth)
    }

    /// Tells whether a bracket that opens was open before the batch.
    fn is_repeated(&self) -> bool {
        let left = self.signals.repeated.get();
        self.signals.repeated.set(left.saturating_sub(1));
        left > 0
    }

    /// Tells whether an event of a closing bracket is to be taken.
    fn closes(&self, range: Range) -> bool {
        !self.signals.quiet() && !Batches::is_made_up(range) && !self.signals.unannounced.replace(false)
    }

    /// Ends the innermost bracket.
    fn close(&mut self, end: usize) {
        let node = match self.open.pop() {
            Some(Open::List { start, mut items, .. }) => {
                items.shrink_to_fit();
                Node::new(self.assembly.span(start, end), Value::Seq(items))
            }
            Some(Open::Table { start, id, keys }) => {
                self.keys.truncate(keys);
                self.tables.shrink(id);
                self.tables.finish_inline(id, self.assembly.span(start, end))
            }
            None => return,
        };
        self.put(node);
    }

    /// Leaves the table of the last header.
    fn leave(&mut self) {
        if self.signals.quiet() {
            return;
        }
        self.abandon();
        self.tables.shrink(self.current);
        self.tables.drop_dropped();
        // Until the header is whole.
        self.current = DROPPED;
        self.dotted = false;
    }

    fn header(&mut self, several: bool) {
        if self.signals.quiet() || !self.keys.iter().all(|key| key.sound) {
            return;
        }
        let opened = self.tables.open(self.assembly, &self.keys, several);
        if let Some(Some(id)) = self.heed(opened) {
            self.current = id;
        }
        self.keys.clear();
    }

    /// What a scalar is; null if a fault is noted of it.
    fn decode(&mut self, range: Range, encoding: Option<Encoding>) -> Value {
        let span = self.span(range);
        let mut text = Cow::Borrowed("");
        let mut sink = Decoding { assembly: self.assembly, token: range, sound: true };
        let raw = Raw::new_unchecked(sink.assembly.text.get(span.range()).unwrap_or(""), encoding, range);
        let kind = raw.decode_scalar(&mut text, &mut sink);
        if !sink.sound {
            return Value::Null;
        }
        match kind {
            ScalarKind::String => return Value::Str(text.as_ref().into()),
            ScalarKind::Boolean(truth) => return Value::Bool(truth),
            ScalarKind::Integer(radix) => {
                if let Ok(number) = i64::from_str_radix(&text, radix.value()) {
                    return Value::Int(number);
                }
                self.assembly.number(span);
            }
            ScalarKind::Float => {
                match text.parse::<f64>() {
                    Ok(number) if number.is_finite() => return Value::Float(number),
                    _ => self.assembly.number(span),
                };
            }
            ScalarKind::DateTime => {
                let fault = Fault::new(FaultKind::Unsupported, span, "a date or time means nothing here");
                self.assembly.fault(fault.help("put it in quotes"));
            }
        }
        Value::Null
    }
}

/// The receiver of the errors within one token.
struct Decoding<'a, 't> {
    assembly: &'a mut Assembly<'t>,
    token: Range,
    sound: bool,
}

impl ErrorSink for Decoding<'_, '_> {
    fn report_error(&mut self, error: ParseError) {
        self.sound = false;
        if self.assembly.faults.len() < MAX_FAULTS {
            let fault = errors::of_token(self.assembly.id, self.assembly.text, &error, self.token);
            self.assembly.fault(fault);
        }
    }
}

impl EventReceiver for Builder<'_, '_> {
    fn std_table_open(&mut self, _: Range, _: &mut dyn ErrorSink) {
        self.leave();
    }

    fn std_table_close(&mut self, _: Range, _: &mut dyn ErrorSink) {
        self.header(false);
    }

    fn array_table_open(&mut self, _: Range, _: &mut dyn ErrorSink) {
        self.leave();
    }

    fn array_table_close(&mut self, _: Range, _: &mut dyn ErrorSink) {
        self.header(true);
    }

    fn array_open(&mut self, range: Range, _: &mut dyn ErrorSink) -> bool {
        if self.is_repeated() {
            return true;
        }
        let Some(depth) = self.enter(range) else { return false };
        self.open.push(Open::List { start: range.start(), depth, items: Vec::new() });
        true
    }

    fn array_close(&mut self, range: Range, _: &mut dyn ErrorSink) {
        if self.closes(range) && matches!(self.open.last(), Some(Open::List { .. })) {
            self.close(range.end());
        }
    }

    fn inline_table_open(&mut self, range: Range, _: &mut dyn ErrorSink) -> bool {
        if self.is_repeated() {
            return true;
        }
        let Some(depth) = self.enter(range) else { return false };
        let id = self.tables.start_inline(self.span(range), depth);
        self.open.push(Open::Table { start: range.start(), id, keys: self.keys.len() });
        true
    }

    fn inline_table_close(&mut self, range: Range, _: &mut dyn ErrorSink) {
        if self.closes(range) && matches!(self.open.last(), Some(Open::Table { .. })) {
            self.close(range.end());
        }
    }

    fn simple_key(&mut self, range: Range, encoding: Option<Encoding>, _: &mut dyn ErrorSink) {
        if self.signals.quiet() {
            return;
        }
        let outer = self.outer_keys();
        if !std::mem::take(&mut self.dotted) {
            self.keys.truncate(outer);
        }
        if let Some(key) = self.keys.get(outer..).and_then(|keys| keys.get(MAX_DEPTH)) {
            let stop = self.assembly.too_deep(key.span);
            self.heed::<()>(Err(stop));
            return;
        }
        let span = self.span(range);
        let mut name = Cow::Borrowed("");
        let mut sink = Decoding { assembly: self.assembly, token: range, sound: true };
        let raw = Raw::new_unchecked(sink.assembly.text.get(span.range()).unwrap_or(""), encoding, range);
        raw.decode_key(&mut name, &mut sink);
        let sound = sink.sound;
        let name = self.assembly.key(&name);
        self.keys.push(Key { name, span, sound });
    }

    fn key_sep(&mut self, _: Range, _: &mut dyn ErrorSink) {
        self.dotted = !self.signals.quiet();
    }

    fn scalar(&mut self, range: Range, encoding: Option<Encoding>, _: &mut dyn ErrorSink) {
        if self.signals.quiet() || Batches::is_made_up(range) {
            return;
        }
        let span = self.span(range);
        let value = if range.is_empty() {
            self.assembly.fault(Fault::new(FaultKind::Syntax, span, "a key without a value"));
            Value::Null
        } else {
            self.decode(range, encoding)
        };
        let counted = self.assembly.count(1, span);
        if self.heed(counted).is_some() {
            self.put(Node::new(span, value));
        }
    }
}
