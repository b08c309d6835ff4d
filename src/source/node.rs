//! Values with their places.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::pointer::Pointer;
use super::span::Span;

/// A value and where it stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Node {
    /// The value's text; for a table or list that has no text of its own (TOML headers), its key or header.
    pub span: Span,
    /// The value.
    pub value: Value,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// YAML's and JSON's null.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A finite number with a fraction or exponent.
    Float(f64),
    /// A string, unescaped.
    Str(Arc<str>),
    /// A list.
    Seq(Vec<Node>),
    /// A table.
    Map(Map),
}

/// One key of a table with its value.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// The key.
    pub key: Arc<str>,
    /// The key's text.
    pub key_span: Span,
    /// The value.
    pub value: Node,
}

/// A table: its entries in the order written, no key twice.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Map {
    /// The entries.
    pub entries: Vec<Entry>,
}

impl PartialEq for Node {
    /// Compares values only: the same data in another place, or another syntax, is equal.
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl PartialEq for Map {
    fn eq(&self, other: &Self) -> bool {
        self.entries.len() == other.entries.len()
            && self.entries.iter().zip(&other.entries).all(|(a, b)| a.key == b.key && a.value == b.value)
    }
}

impl Map {
    /// Makes an empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Finds an entry by its key (linear: tables of settings are small).
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| &*entry.key == key)
    }

    /// Finds a value by its key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// Finds a value by its key, to change it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.entries.iter_mut().find(|entry| &*entry.key == key).map(|entry| &mut entry.value)
    }

    /// Replaces the entry of the same key in its place, or adds one at the end.
    pub fn insert(&mut self, entry: Entry) {
        match self.entries.iter_mut().find(|own| own.key == entry.key) {
            Some(own) => *own = entry,
            None => self.entries.push(entry),
        }
    }

    /// Takes an entry out.
    pub fn remove(&mut self, key: &str) -> Option<Entry> {
        let index = self.entries.iter().position(|entry| &*entry.key == key)?;
        Some(self.entries.remove(index))
    }

    /// Iterates over the entries in the order written.
    pub fn iter(&self) -> std::slice::Iter<'_, Entry> {
        self.entries.iter()
    }

    /// Tells whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl<'a> IntoIterator for &'a Map {
    type Item = &'a Entry;
    type IntoIter = std::slice::Iter<'a, Entry>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Node {
    /// Makes a node.
    pub fn new(span: Span, value: Value) -> Self {
        Self { span, value }
    }

    /// Makes a string.
    pub fn string(span: Span, text: impl Into<Arc<str>>) -> Self {
        Self { span, value: Value::Str(text.into()) }
    }

    /// The string, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The whole number, if it is one.
    pub fn as_int(&self) -> Option<i64> {
        match self.value {
            Value::Int(number) => Some(number),
            _ => None,
        }
    }

    /// The truth value, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self.value {
            Value::Bool(truth) => Some(truth),
            _ => None,
        }
    }

    /// The list, if it is one.
    pub fn as_seq(&self) -> Option<&[Node]> {
        match &self.value {
            Value::Seq(items) => Some(items),
            _ => None,
        }
    }

    /// The table, if it is one.
    pub fn as_map(&self) -> Option<&Map> {
        match &self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The value of a key, if this is a table that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.as_map()?.get(key)
    }

    /// The entry of a key, if this is a table that has it.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.as_map()?.entry(key)
    }

    /// The node that a pointer names.
    pub fn at(&self, pointer: &Pointer) -> Option<&Node> {
        pointer.segments().try_fold(self, |node, segment| match &node.value {
            Value::Map(map) => map.get(&segment),
            Value::Seq(items) => items.get(segment.parse::<usize>().ok()?),
            _ => None,
        })
    }

    /// A copy that shares no text with this one: threads that each have their own never wait for each other's
    /// reference counts.
    #[must_use]
    pub fn apart(&self) -> Self {
        let text = |text: &Arc<str>| Arc::from(&**text);
        let value = match &self.value {
            Value::Str(own) => Value::Str(text(own)),
            Value::Seq(items) => Value::Seq(items.iter().map(Self::apart).collect()),
            Value::Map(map) => {
                let own = |entry: &Entry| Entry {
                    key: text(&entry.key),
                    key_span: entry.key_span,
                    value: entry.value.apart(),
                };
                Value::Map(Map { entries: map.iter().map(own).collect() })
            }
            scalar => scalar.clone(),
        };
        Self { span: self.span, value }
    }

    /// The node that a pointer names or, where the tree ends before, the deepest one on the way.
    pub fn nearest(&self, pointer: &Pointer) -> &Node {
        let mut node = self;
        for segment in pointer.segments() {
            let next = match &node.value {
                Value::Map(map) => map.get(&segment),
                Value::Seq(items) => segment.parse::<usize>().ok().and_then(|index| items.get(index)),
                _ => None,
            };
            match next {
                Some(next) => node = next,
                None => break,
            }
        }
        node
    }

    /// The word for the value's type that diagnostics use.
    pub fn type_name(&self) -> &'static str {
        match self.value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Int(_) => "an integer",
            Value::Float(_) => "a number",
            Value::Str(_) => "a string",
            Value::Seq(_) => "a list",
            Value::Map(_) => "a table",
        }
    }
}
