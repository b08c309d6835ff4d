//! A document's values, each once, and which holds which.

use std::collections::HashMap;
use std::sync::Arc;

use super::scalar::{Trouble, Written};
use crate::source::assembly::{Assembly, Stop, Table, duplicate};
use crate::source::{Entry, Fault, FaultKind, Map, Node, Span, Value};

/// A value's number in its [`Graph`].
pub(super) type Index = usize;

#[derive(Debug)]
struct Item {
    span: Span,
    kind: Kind,
    /// How many values the tree below has, itself included and aliases expanded.
    weight: usize,
    /// How many levels of tables and lists the tree below has.
    height: usize,
    /// Whether its end is yet to come: an alias to it would be within itself.
    open: bool,
}

#[derive(Debug)]
enum Kind {
    Scalar(Value),
    List(Vec<Index>),
    Table(Vec<(Arc<str>, Span, Index)>),
}

/// A table or list whose end is yet to come.
#[derive(Debug)]
struct Frame {
    item: Index,
    block: bool,
    content: Content,
}

#[derive(Debug)]
enum Content {
    List(Vec<Index>),
    Table { table: Table<Index>, key: Key, merges: Vec<(Index, Span)>, merge_key: Option<Span> },
}

/// The key whose value comes next.
#[derive(Debug)]
enum Key {
    None,
    Some(Arc<str>, Span),
    /// `<<`
    Merge,
    /// One that is already told to be wrong.
    Bad,
}

/// The values of one document.
#[derive(Debug, Default)]
pub(super) struct Graph {
    items: Vec<Item>,
    frames: Vec<Frame>,
    anchors: HashMap<usize, Index>,
    root: Option<Index>,
    /// The end of the last text that belongs to a value: where a block ends that has no bracket of its own.
    end: usize,
}

impl Graph {
    /// The document's value, once complete.
    pub(super) fn root(&self) -> Option<Index> {
        self.root
    }

    /// Tells whether a value is a null with no text.
    pub(super) fn is_unwritten(&self, index: Index) -> bool {
        self.items
            .get(index)
            .is_some_and(|item| matches!(item.kind, Kind::Scalar(Value::Null)) && item.span.start == item.span.end)
    }

    /// How many block collections are open.
    pub(super) fn blocks(&self) -> usize {
        self.frames.iter().filter(|frame| frame.block).count()
    }

    /// Takes a scalar.
    pub(super) fn scalar(
        &mut self,
        assembly: &mut Assembly<'_>,
        written: &Written<'_>,
        span: Span,
        anchor: usize,
    ) -> Result<(), Stop> {
        self.end = self.end.max(span.end as usize);
        if self.wants_key() {
            self.key(assembly, written, span);
            if anchor == 0 {
                return Ok(());
            }
            let index = self.add(span, Kind::Scalar(written.value().unwrap_or(Value::Null)));
            self.anchors.insert(anchor, index);
            return Ok(());
        }
        assembly.count(1, span)?;
        let value = written.value().unwrap_or_else(|trouble| {
            match trouble {
                Trouble::Number => assembly.number(span),
                Trouble::Tag => {
                    let fault = Fault::new(FaultKind::Unsupported, span, "the value is not of its tag's type");
                    assembly.fault(fault.help("remove the tag"));
                }
            }
            Value::Null
        });
        let index = self.add(span, Kind::Scalar(value));
        if anchor != 0 {
            self.anchors.insert(anchor, index);
        }
        self.place(assembly, index, span);
        Ok(())
    }

    /// Takes an alias.
    pub(super) fn alias(&mut self, assembly: &mut Assembly<'_>, anchor: usize, span: Span) -> Result<(), Stop> {
        self.end = self.end.max(span.end as usize);
        let target = self.anchors.get(&anchor).copied().unwrap_or(usize::MAX);
        let Some(item) = self.items.get(target).filter(|item| !item.open) else {
            let fault = Fault::new(FaultKind::Unsupported, span, "the alias is part of what it stands for");
            assembly.fault(fault.help("write the value out"));
            let index = self.add(span, Kind::Scalar(Value::Null));
            self.place(assembly, index, span);
            return Ok(());
        };
        if self.wants_key() {
            match &item.kind {
                Kind::Scalar(Value::Str(text)) => {
                    let written = Written { text: &Arc::clone(text), plain: false, tag: None };
                    self.key(assembly, &written, span);
                }
                Kind::Scalar(_) => {
                    let text = assembly.text.get(item.span.range()).unwrap_or("");
                    self.key(assembly, &Written { text, plain: true, tag: None }, span);
                }
                _ => self.place(assembly, target, span),
            }
            return Ok(());
        }
        assembly.nest(self.frames.len() + item.height, span)?;
        assembly.count(item.weight, span)?;
        self.place(assembly, target, span);
        Ok(())
    }

    /// Takes the start of a table or list.
    pub(super) fn open(
        &mut self,
        assembly: &mut Assembly<'_>,
        table: bool,
        span: Span,
        anchor: usize,
    ) -> Result<(), Stop> {
        assembly.nest(self.frames.len() + 1, assembly.character(span.start as usize))?;
        assembly.count(1, span)?;
        let (kind, content) = if table {
            let content = Content::Table { table: Table::new(), key: Key::None, merges: Vec::new(), merge_key: None };
            (Kind::Table(Vec::new()), content)
        } else {
            (Kind::List(Vec::new()), Content::List(Vec::new()))
        };
        let item = self.add(span, kind);
        if let Some(item) = self.items.get_mut(item) {
            item.open = true;
        }
        if anchor != 0 {
            self.anchors.insert(anchor, item);
        }
        self.frames.push(Frame { item, block: span.start == span.end, content });
        Ok(())
    }

    /// Takes the end of a table or list.
    pub(super) fn close(&mut self, assembly: &mut Assembly<'_>, span: Span) -> Result<(), Stop> {
        if span.end > span.start {
            self.end = self.end.max(span.end as usize);
        }
        let Some(frame) = self.frames.pop() else { return Ok(()) };
        let (kind, children) = match frame.content {
            Content::List(items) => (Kind::List(items.clone()), items),
            Content::Table { mut table, merges, .. } => {
                for (merged, place) in merges {
                    self.merge(assembly, &mut table, merged, place);
                }
                let entries = table.into_entries();
                let children = entries.iter().map(|(_, _, child)| *child).collect();
                (Kind::Table(entries), children)
            }
        };
        let children = || children.iter().filter_map(|child| self.items.get(*child));
        let weight = children().fold(1, |sum: usize, child| sum.saturating_add(child.weight));
        let height = children().map(|child| child.height).max().unwrap_or(0) + 1;
        let end = self.end;
        let Some(item) = self.items.get_mut(frame.item) else { return Ok(()) };
        item.span = assembly.span(item.span.start as usize, end);
        (item.kind, item.weight, item.height, item.open) = (kind, weight, height, false);
        let span = item.span;
        self.place(assembly, frame.item, span);
        Ok(())
    }

    /// The tree from a value on.
    pub(super) fn node(&self, index: Index) -> Option<Node> {
        let item = self.items.get(index)?;
        let value = match &item.kind {
            Kind::Scalar(value) => value.clone(),
            Kind::List(items) => Value::Seq(items.iter().map(|item| self.node(*item)).collect::<Option<_>>()?),
            Kind::Table(entries) => {
                let entries = entries.iter().map(|(key, key_span, value)| {
                    Some(Entry { key: Arc::clone(key), key_span: *key_span, value: self.node(*value)? })
                });
                Value::Map(Map { entries: entries.collect::<Option<_>>()? })
            }
        };
        Some(Node::new(item.span, value))
    }

    fn add(&mut self, span: Span, kind: Kind) -> Index {
        self.items.push(Item { span, kind, weight: 1, height: 0, open: false });
        self.items.len() - 1
    }

    fn wants_key(&self) -> bool {
        let content = self.frames.last().map(|frame| &frame.content);
        matches!(content, Some(Content::Table { key: Key::None, .. }))
    }

    fn key(&mut self, assembly: &mut Assembly<'_>, written: &Written<'_>, span: Span) {
        let Some(Content::Table { table, key, merge_key, .. }) = self.frames.last_mut().map(|frame| &mut frame.content)
        else {
            return;
        };
        if written.plain && span.start == span.end {
            let fault = Fault::new(FaultKind::Unsupported, span, "a value without a key");
            assembly.fault(fault.help("write a key before the colon"));
            *key = Key::Bad;
            return;
        }
        let merge = written.plain && written.tag.is_none() && written.text == "<<";
        let first = if merge { merge_key.replace(span) } else { table.first(written.text) };
        if let Some(first) = first {
            let fault = duplicate(written.text, span).and(first, "first set here");
            assembly.fault(if merge { fault.help("give one `<<` a list of aliases") } else { fault });
        }
        *key = if merge { Key::Merge } else { Key::Some(assembly.key(written.text), span) };
    }

    /// Gives a complete value to what holds it.
    fn place(&mut self, assembly: &mut Assembly<'_>, index: Index, span: Span) {
        match self.frames.last_mut().map(|frame| &mut frame.content) {
            None => self.root = Some(index),
            Some(Content::List(items)) => items.push(index),
            Some(Content::Table { table, key, merges, .. }) => match std::mem::replace(key, Key::None) {
                Key::Some(name, place) => {
                    // A duplicate was told when the key was read.
                    let _ = table.add(name, place, index);
                }
                Key::Merge => merges.push((index, span)),
                Key::Bad => {}
                Key::None => {
                    let fault = Fault::new(FaultKind::Unsupported, span, "a key cannot be a table or a list");
                    assembly.fault(fault.help("use a string as the key"));
                    *key = Key::Bad;
                }
            },
        }
    }

    /// Adds to a table what it does not say itself.
    fn merge(&self, assembly: &mut Assembly<'_>, table: &mut Table<Index>, merged: Index, span: Span) {
        let kind = |index: Index| self.items.get(index).map(|item| &item.kind);
        let parts = match kind(merged) {
            Some(Kind::List(parts)) => parts.as_slice(),
            _ => std::slice::from_ref(&merged),
        };
        for part in parts {
            let Some(Kind::Table(entries)) = kind(*part) else {
                let fault = Fault::new(FaultKind::Unsupported, span, "`<<` takes a table or a list of tables");
                return assembly.fault(fault.help("give it an alias to a table"));
            };
            for (key, place, value) in entries {
                let _ = table.add(Arc::clone(key), *place, *value);
            }
        }
    }
}
