//! A document's values as they are read: those with an anchor once, whatever stands for them, all others in their place.

use std::collections::HashMap;
use std::sync::Arc;

use super::scalar::{Trouble, Written};
use crate::source::assembly::{Assembly, Stop, Table, duplicate, push};
use crate::source::{Entry, Fault, FaultKind, Map, Node, Span, Value};

/// The number of a value that has an anchor.
type Index = usize;

/// A value.
#[derive(Clone, Debug)]
enum Part {
    /// One in which nothing has an anchor.
    Whole(Node),
    /// One that has an anchor, or an alias to it.
    Shared(Index),
    /// A list with a shared value somewhere in it.
    List(Span, Vec<Part>),
    /// A table with a shared value somewhere in it.
    Table(Span, Vec<(Arc<str>, Span, Part)>),
}

/// A value that has an anchor.
#[derive(Debug)]
struct Item {
    /// None until its end has come, before which an alias to it would be within itself.
    part: Option<Part>,
    size: Size,
    /// At least as many as there are places that stand for it.
    places: usize,
}

/// How large a value is.
#[derive(Clone, Copy, Debug)]
struct Size {
    /// How many values the tree below has, itself included and aliases expanded.
    weight: usize,
    /// How many levels of tables and lists the tree below has.
    height: usize,
}

const SCALAR: Size = Size { weight: 1, height: 0 };

impl Size {
    /// That of a table or list whose content was of this size, with one more value in it.
    fn with(self, part: Self) -> Self {
        Self { weight: self.weight.saturating_add(part.weight), height: self.height.max(part.height) }
    }

    /// That of a table or list with this content.
    fn closed(self) -> Self {
        Self { height: self.height + 1, ..self }
    }
}

impl Part {
    fn into_whole(self) -> Option<Node> {
        match self {
            Self::Whole(node) => Some(node),
            _ => None,
        }
    }
}

/// A table or list whose end is yet to come.
#[derive(Debug)]
struct Frame {
    span: Span,
    anchor: Option<Index>,
    content: Content,
    /// That of what is in it so far.
    size: Size,
}

#[derive(Debug)]
enum Content {
    List(Vec<Part>),
    Table { table: Table<Part>, key: Key, merges: Vec<(Part, Span)>, merge_key: Option<Span> },
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
    root: Option<Part>,
    /// The end of the last text that belongs to a value: where a block ends that has no bracket of its own.
    end: usize,
}

impl Graph {
    /// Tells whether there is a value, other than a null with no text.
    pub(super) fn is_written(&self) -> bool {
        match self.root.as_ref().and_then(|root| self.held(root)) {
            Some(Part::Whole(Node { value: Value::Null, span })) => span.start < span.end,
            root => root.is_some(),
        }
    }

    /// How many block collections are open.
    pub(super) fn blocks(&self) -> usize {
        self.frames.iter().filter(|frame| frame.span.start == frame.span.end).count()
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
            self.share(anchor, Some(Part::Whole(Node::new(span, written.value().unwrap_or(Value::Null)))));
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
        let part = Part::Whole(Node::new(span, value));
        let part = if anchor == 0 { part } else { Part::Shared(self.share(anchor, Some(part))) };
        self.place(assembly, part, SCALAR, span);
        Ok(())
    }

    /// Takes an alias.
    pub(super) fn alias(&mut self, assembly: &mut Assembly<'_>, anchor: usize, span: Span) -> Result<(), Stop> {
        self.end = self.end.max(span.end as usize);
        let target = self.anchors.get(&anchor).copied().unwrap_or(usize::MAX);
        let found = self.items.get(target).and_then(|item| Some((item.part.as_ref()?, item.size)));
        let Some((part, size)) = found else {
            let fault = Fault::new(FaultKind::Unsupported, span, "the alias is part of what it stands for");
            assembly.fault(fault.help("write the value out"));
            self.place(assembly, Part::Whole(Node::new(span, Value::Null)), SCALAR, span);
            return Ok(());
        };
        if self.wants_key() {
            match part {
                Part::Whole(Node { value: Value::Str(text), .. }) => {
                    let written = Written { text: &Arc::clone(text), plain: false, tag: None };
                    self.key(assembly, &written, span);
                }
                Part::Whole(Node {
                    value: Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_),
                    span: own,
                }) => {
                    let text = assembly.text.get(own.range()).unwrap_or("");
                    self.key(assembly, &Written { text, plain: true, tag: None }, span);
                }
                _ => self.place(assembly, Part::Shared(target), size, span),
            }
            return Ok(());
        }
        assembly.nest(self.frames.len() + size.height, span)?;
        assembly.count(size.weight, span)?;
        self.place(assembly, Part::Shared(target), size, span);
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
        let content = if table {
            Content::Table { table: Table::new(), key: Key::None, merges: Vec::new(), merge_key: None }
        } else {
            Content::List(Vec::new())
        };
        let anchor = (anchor != 0).then(|| self.share(anchor, None));
        self.frames.push(Frame { span, anchor, content, size: SCALAR });
        Ok(())
    }

    /// Takes the end of a table or list.
    pub(super) fn close(&mut self, assembly: &mut Assembly<'_>, span: Span) -> Result<(), Stop> {
        if span.end > span.start {
            self.end = self.end.max(span.end as usize);
        }
        let Some(frame) = self.frames.pop() else { return Ok(()) };
        let span = assembly.span(frame.span.start as usize, self.end);
        let mut size = frame.size;
        let part = match frame.content {
            Content::List(items) => list(span, items),
            Content::Table { mut table, merges, .. } => {
                let merged = !merges.is_empty();
                for (part, place) in merges {
                    self.merge(assembly, &mut table, &part, place);
                }
                let entries = table.into_entries();
                if merged {
                    entries.iter().for_each(|(_, _, part)| self.occupy(part));
                    size = entries.iter().fold(SCALAR, |size, (_, _, part)| size.with(self.size(part)));
                }
                self::table(span, entries)
            }
        };
        let size = size.closed();
        let part = match frame.anchor.and_then(|anchor| Some((anchor, self.items.get_mut(anchor)?))) {
            Some((anchor, item)) => {
                (item.part, item.size) = (Some(part), size);
                Part::Shared(anchor)
            }
            None => part,
        };
        self.place(assembly, part, size, span);
        Ok(())
    }

    /// The document's tree.
    pub(super) fn into_node(mut self) -> Option<Node> {
        let root = self.root.take()?;
        self.node(root)
    }

    /// The tree of a part. The last place that stands for an item takes it, the others have copies.
    fn node(&mut self, part: Part) -> Option<Node> {
        match part {
            Part::Whole(node) => Some(node),
            Part::Shared(index) => {
                let item = self.items.get_mut(index)?;
                item.places = item.places.saturating_sub(1);
                if item.places > 0 {
                    return self.copy(&Part::Shared(index));
                }
                let part = item.part.take()?;
                self.node(part)
            }
            Part::List(span, parts) => {
                let items = parts.into_iter().map(|part| self.node(part));
                Some(Node::new(span, Value::Seq(items.collect::<Option<_>>()?)))
            }
            Part::Table(span, parts) => {
                let entries = parts
                    .into_iter()
                    .map(|(key, key_span, part)| Some(Entry { key, key_span, value: self.node(part)? }));
                Some(Node::new(span, Value::Map(Map { entries: entries.collect::<Option<_>>()? })))
            }
        }
    }

    /// A copy of a part's tree.
    fn copy(&self, part: &Part) -> Option<Node> {
        match self.held(part)? {
            Part::Whole(node) => Some(node.clone()),
            Part::Shared(_) => None,
            Part::List(span, parts) => {
                let items = parts.iter().map(|part| self.copy(part));
                Some(Node::new(*span, Value::Seq(items.collect::<Option<_>>()?)))
            }
            Part::Table(span, parts) => {
                let entries = parts.iter().map(|(key, key_span, part)| {
                    Some(Entry { key: Arc::clone(key), key_span: *key_span, value: self.copy(part)? })
                });
                Some(Node::new(*span, Value::Map(Map { entries: entries.collect::<Option<_>>()? })))
            }
        }
    }

    /// Adds a value with an anchor, or one of which only the start is known.
    fn share(&mut self, anchor: usize, part: Option<Part>) -> Index {
        self.items.push(Item { part, size: SCALAR, places: 0 });
        self.anchors.insert(anchor, self.items.len() - 1);
        self.items.len() - 1
    }

    /// What a part is, itself or as an item.
    fn held<'p>(&'p self, part: &'p Part) -> Option<&'p Part> {
        match part {
            Part::Shared(index) => self.items.get(*index)?.part.as_ref(),
            part => Some(part),
        }
    }

    fn size(&self, part: &Part) -> Size {
        let size = match part {
            Part::Whole(node) => return size_of_node(node),
            Part::Shared(index) => return self.items.get(*index).map_or(SCALAR, |item| item.size),
            Part::List(_, parts) => parts.iter().fold(SCALAR, |size, part| size.with(self.size(part))),
            Part::Table(_, parts) => parts.iter().fold(SCALAR, |size, (_, _, part)| size.with(self.size(part))),
        };
        size.closed()
    }

    /// Notes that a part stands in one more place.
    fn occupy(&mut self, part: &Part) {
        match part {
            Part::Whole(_) => {}
            Part::Shared(index) => {
                if let Some(item) = self.items.get_mut(*index) {
                    item.places += 1;
                }
            }
            Part::List(_, parts) => parts.iter().for_each(|part| self.occupy(part)),
            Part::Table(_, parts) => parts.iter().for_each(|(_, _, part)| self.occupy(part)),
        }
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
    fn place(&mut self, assembly: &mut Assembly<'_>, part: Part, size: Size, span: Span) {
        if let Part::Shared(index) = &part
            && let Some(item) = self.items.get_mut(*index)
        {
            item.places += 1;
        }
        let Some(frame) = self.frames.last_mut() else {
            self.root = Some(part);
            return;
        };
        frame.size = frame.size.with(size);
        match &mut frame.content {
            Content::List(items) => push(items, part),
            Content::Table { table, key, merges, .. } => match std::mem::replace(key, Key::None) {
                Key::Some(name, place) => {
                    // A duplicate was told when the key was read.
                    let _ = table.add(name, place, part);
                }
                Key::Merge => merges.push((part, span)),
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
    fn merge(&self, assembly: &mut Assembly<'_>, table: &mut Table<Part>, merged: &Part, span: Span) {
        let mut sound = true;
        let mut add = |part: &Part| {
            if sound {
                match self.held(part) {
                    Some(Part::Whole(node)) => sound = add_node(table, node),
                    Some(Part::Table(_, entries)) => {
                        for (key, place, part) in entries {
                            let _ = table.add(Arc::clone(key), *place, part.clone());
                        }
                    }
                    _ => sound = false,
                }
            }
        };
        match self.held(merged) {
            Some(Part::List(_, parts)) => parts.iter().for_each(add),
            Some(Part::Whole(Node { value: Value::Seq(nodes), .. })) => {
                sound = nodes.iter().all(|node| add_node(table, node));
            }
            _ => add(merged),
        }
        if !sound {
            let fault = Fault::new(FaultKind::Unsupported, span, "`<<` takes a table or a list of tables");
            assembly.fault(fault.help("give it an alias to a table"));
        }
    }
}

/// Adds to a table what it does not say itself; tells whether the other is a table at all.
fn add_node(table: &mut Table<Part>, other: &Node) -> bool {
    let entries = other.as_map().into_iter().flatten();
    for Entry { key, key_span, value } in entries {
        if table.first(key).is_none() {
            let _ = table.add(Arc::clone(key), *key_span, Part::Whole(value.clone()));
        }
    }
    matches!(other.value, Value::Map(_))
}

fn list(span: Span, parts: Vec<Part>) -> Part {
    if !parts.iter().all(|part| matches!(part, Part::Whole(_))) {
        return Part::List(span, parts);
    }
    let mut nodes = Vec::with_capacity(parts.len());
    nodes.extend(parts.into_iter().filter_map(Part::into_whole));
    Part::Whole(Node::new(span, Value::Seq(nodes)))
}

fn table(span: Span, parts: Vec<(Arc<str>, Span, Part)>) -> Part {
    if !parts.iter().all(|(_, _, part)| matches!(part, Part::Whole(_))) {
        return Part::Table(span, parts);
    }
    let mut entries = Vec::with_capacity(parts.len());
    let entry = |(key, key_span, part): (_, _, Part)| Some(Entry { key, key_span, value: part.into_whole()? });
    entries.extend(parts.into_iter().filter_map(entry));
    Part::Whole(Node::new(span, Value::Map(Map { entries })))
}

fn size_of_node(node: &Node) -> Size {
    match &node.value {
        Value::Seq(items) => items.iter().fold(SCALAR, |size, item| size.with(size_of_node(item))).closed(),
        Value::Map(map) => map.iter().fold(SCALAR, |size, entry| size.with(size_of_node(&entry.value))).closed(),
        _ => SCALAR,
    }
}
