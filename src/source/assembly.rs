//! What the three syntaxes share in building a tree: its bounds, its keys, its faults.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::{Entry, Fault, FaultKind, MAX_DEPTH, MAX_NODES, Map, SourceId, Span};

/// The most faults that are told of one text: a file of another kind has one in every line.
pub(super) const MAX_FAULTS: usize = 1000;

/// How many entries a table may have before its keys are hashed to find duplicates.
const SMALL: usize = 16;

/// How many keys are kept to be shared: the names of a million users are not.
const MAX_SHARED: usize = 1 << 14;

/// How many values a text may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound {
    most: usize,
    /// What to do about more.
    help: &'static str,
}

impl Bound {
    /// That of a config.
    pub(super) const CONFIG: Self =
        Self { most: MAX_NODES, help: "put users into a users file, which may be of any size, or use fewer aliases" };
    /// None, where each value takes some of a text that is in memory anyway.
    pub(super) const NONE: Self = Self { most: usize::MAX, help: "" };

    /// That of a text which without aliases cannot hold so many.
    pub(super) fn on_aliases(most: usize) -> Self {
        Self { most, help: "use fewer aliases" }
    }
}

/// Reading cannot go on; the fault that tells why is already noted.
#[derive(Debug)]
pub(super) struct Stop;

/// The state of reading one text.
#[derive(Debug)]
pub(super) struct Assembly<'t> {
    pub(super) id: SourceId,
    pub(super) text: &'t str,
    pub(super) faults: Vec<Fault>,
    nodes: usize,
    bound: Bound,
    keys: HashSet<Arc<str>>,
}

impl<'t> Assembly<'t> {
    /// Starts on a text.
    pub(super) fn new(id: SourceId, text: &'t str, bound: Bound) -> Self {
        Self { id, text, faults: Vec::new(), nodes: 0, bound, keys: HashSet::new() }
    }

    /// A span of this text.
    pub(super) fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.id, start, end)
    }

    /// The span of the character at an offset; empty at the end of the text.
    pub(super) fn character(&self, at: usize) -> Span {
        let width = self.text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        self.span(at, at + width)
    }

    /// Notes a fault, up to [`MAX_FAULTS`].
    pub(super) fn fault(&mut self, fault: Fault) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(fault);
        }
    }

    /// Notes a fault after which nothing more can be read.
    pub(super) fn stop(&mut self, fault: Fault) -> Stop {
        // It explains why the rest is not looked at, so it is told even when the list is full.
        self.faults.truncate(MAX_FAULTS - 1);
        self.faults.push(fault);
        Stop
    }

    /// Counts values, those of an alias each time it is used.
    pub(super) fn count(&mut self, nodes: usize, span: Span) -> Result<(), Stop> {
        self.nodes = self.nodes.saturating_add(nodes);
        let Bound { most, help } = self.bound;
        if self.nodes <= most {
            return Ok(());
        }
        Err(self.stop(Fault::new(FaultKind::TooMany, span, format!("more than {most} values")).help(help)))
    }

    /// Checks the nesting of a table or list that is at a depth, the outermost at 1.
    pub(super) fn nest(&mut self, depth: usize, span: Span) -> Result<(), Stop> {
        if depth <= MAX_DEPTH { Ok(()) } else { Err(self.too_deep(span)) }
    }

    /// Notes that a table or list is nested too deep.
    pub(super) fn too_deep(&mut self, span: Span) -> Stop {
        self.stop(Fault::new(FaultKind::TooDeep, span, format!("nested deeper than {MAX_DEPTH} levels")))
    }

    /// The shared copy of a key: records repeat the same few.
    pub(super) fn key(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.keys.get(text) {
            return Arc::clone(known);
        }
        let key: Arc<str> = text.into();
        if self.keys.len() < MAX_SHARED {
            self.keys.insert(Arc::clone(&key));
        }
        key
    }

    /// Notes a number that no value can hold.
    pub(super) fn number(&mut self, span: Span) {
        let whole = self.text.get(span.range()).is_some_and(|text| {
            text.bytes().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'+' | b'-' | b'_' | b'o' | b'x'))
        });
        let digits = self.text.get(span.range()).unwrap_or("").trim_start_matches(['+', '-']);
        let message = if ["0x", "0o", "0b"].contains(&digits) {
            "the number has no digits"
        } else if whole {
            "the number does not fit in 64 bits"
        } else {
            "the number is not finite"
        };
        self.fault(Fault::new(FaultKind::Number, span, message).help("put it in quotes if it is text"));
    }
}

/// Adds to a list. The first gets no room for more: of lists with one value there may be many.
pub(super) fn push<T>(list: &mut Vec<T>, item: T) {
    if list.is_empty() {
        list.reserve_exact(1);
    }
    list.push(item);
}

/// The fault of a key that a table says twice.
pub(super) fn duplicate(key: &str, span: Span) -> Fault {
    let shown: String = super::cut_short(key).chars().flat_map(char::escape_debug).collect();
    Fault::new(FaultKind::DuplicateKey, span, format!("the key `{shown}` is set twice"))
}

/// A table under construction.
#[derive(Debug)]
pub(super) struct Table<V> {
    entries: Vec<(Arc<str>, Span, V)>,
    /// Where each key stands, once there are more than [`SMALL`]; boxed because most tables have none.
    #[expect(clippy::box_collection, reason = "a map is 48 bytes even when there is none")]
    index: Option<Box<HashMap<Arc<str>, usize>>>,
}

impl<V> Table<V> {
    pub(super) fn new() -> Self {
        Self { entries: Vec::new(), index: None }
    }

    fn position(&self, key: &str) -> Option<usize> {
        match &self.index {
            Some(index) => index.get(key).copied(),
            None => self.entries.iter().position(|(own, ..)| &**own == key),
        }
    }

    /// Where a key is already set.
    pub(super) fn first(&self, key: &str) -> Option<Span> {
        self.position(key).and_then(|index| self.entries.get(index)).map(|(_, span, _)| *span)
    }

    /// The key's place and value, to change them.
    pub(super) fn get_mut(&mut self, key: &str) -> Option<(&mut Span, &mut V)> {
        let index = self.position(key)?;
        self.entries.get_mut(index).map(|(_, span, value)| (span, value))
    }

    /// Adds an entry; with a key that is already set, changes nothing and tells where.
    pub(super) fn add(&mut self, key: Arc<str>, span: Span, value: V) -> Result<(), Span> {
        if let Some(first) = self.first(&key) {
            return Err(first);
        }
        if let Some(index) = &mut self.index {
            index.insert(Arc::clone(&key), self.entries.len());
        } else if self.entries.len() == SMALL {
            let keys = self.entries.iter().map(|(own, ..)| own).chain([&key]);
            self.index = Some(Box::new(keys.enumerate().map(|(index, own)| (Arc::clone(own), index)).collect()));
        }
        push(&mut self.entries, (key, span, value));
        Ok(())
    }

    /// Gives back the room for more entries.
    pub(super) fn shrink(&mut self) {
        self.entries.shrink_to_fit();
    }

    /// The entries in the order added.
    pub(super) fn into_entries(self) -> Vec<(Arc<str>, Span, V)> {
        self.entries
    }
}

impl Table<super::Node> {
    /// The table as a value.
    pub(super) fn into_map(self) -> Map {
        Map { entries: self.entries.into_iter().map(|(key, key_span, value)| Entry { key, key_span, value }).collect() }
    }
}
