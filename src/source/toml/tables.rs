//! TOML's tables under construction, and the rules of which key may set or extend which table.

use std::sync::Arc;

use crate::source::assembly::{Assembly, Stop, Table, duplicate};
use crate::source::{Entry, Map, Node, Span, Value};

/// One part of a key.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: Arc<str>,
    pub(super) span: Span,
    /// Whether it could be read.
    pub(super) sound: bool,
}

/// The index of a table that is under construction.
pub(super) type TableId = usize;

/// The document itself.
pub(super) const ROOT: TableId = 0;

/// A table that is dropped: what follows a header at fault.
pub(super) const DROPPED: TableId = 1;

/// What a key is set to.
#[derive(Debug)]
enum Slot {
    Value(Node),
    Table(TableId),
    /// An array of tables.
    Tables(Vec<TableId>),
}

/// The bytes of one.
#[cfg(test)]
pub(super) const SLOT: usize = size_of::<Slot>();

#[derive(Debug)]
struct Growing {
    span: Span,
    depth: u16,
    /// Whether only keys and headers of what is within have made it.
    implicit: bool,
    /// Whether a dotted key has made or extended it.
    dotted: bool,
    table: Table<Slot>,
}

/// All tables of a document that are not yet values.
///
/// A table written in braces is one while it is read; then it is a value, which nothing can extend.
#[derive(Debug)]
pub(super) struct Tables {
    /// Each by itself, so that more of them move none; gone once it is a value.
    all: Vec<Option<Box<Growing>>>,
    span: Span,
}

impl Tables {
    /// Starts with an empty document of a span.
    pub(super) fn new(span: Span) -> Self {
        let mut tables = Self { all: Vec::new(), span };
        tables.start(span, 1, false, false);
        tables.start(span, 1, false, false);
        tables
    }

    fn start(&mut self, span: Span, depth: usize, implicit: bool, dotted: bool) -> TableId {
        // No depth is larger: `Assembly::nest` sees to it.
        let depth = u16::try_from(depth).unwrap_or(u16::MAX);
        self.all.push(Some(Box::new(Growing { span, depth, implicit, dotted, table: Table::new() })));
        self.all.len() - 1
    }

    /// Starts a table that is written in braces.
    pub(super) fn start_inline(&mut self, span: Span, depth: usize) -> TableId {
        self.start(span, depth, false, false)
    }

    /// Ends the table that was last started in braces.
    pub(super) fn finish_inline(&mut self, id: TableId, span: Span) -> Node {
        let node = self.finish(id);
        self.all.truncate(id);
        Node::new(span, node.value)
    }

    /// How deep a table is, the document at 1.
    pub(super) fn depth(&self, id: TableId) -> usize {
        self.all.get(id).and_then(Option::as_ref).map_or(1, |grown| usize::from(grown.depth))
    }

    /// Gives back what a table will likely not need.
    pub(super) fn shrink(&mut self, id: TableId) {
        if let Some(grown) = self.get_mut(id) {
            grown.table.shrink();
        }
    }

    /// Forgets what followed a header at fault.
    pub(super) fn drop_dropped(&mut self) {
        if let Some(grown) = self.get_mut(DROPPED) {
            grown.table = Table::new();
        }
    }

    fn get_mut(&mut self, id: TableId) -> Option<&mut Growing> {
        self.all.get_mut(id)?.as_deref_mut()
    }

    fn slot(&mut self, id: TableId, key: &Key) -> Option<(&mut Span, &mut Slot)> {
        self.get_mut(id)?.table.get_mut(&key.name)
    }

    fn add(&mut self, id: TableId, key: &Key, slot: Slot) -> Result<(), Span> {
        let Some(grown) = self.get_mut(id) else { return Ok(()) };
        grown.table.add(Arc::clone(&key.name), key.span, slot)
    }

    /// Makes a table, with the depth and number of values checked.
    fn make(
        &mut self,
        assembly: &mut Assembly<'_>,
        depth: usize,
        key: &Key,
        implicit: bool,
        dotted: bool,
    ) -> Result<TableId, Stop> {
        assembly.nest(depth, key.span)?;
        // One with a header of its own takes as much as two values.
        assembly.count(if implicit { 1 } else { 2 }, key.span)?;
        Ok(self.start(key.span, depth, implicit, dotted))
    }

    /// Goes from a table down a path, making the tables that are not there; `None` if one cannot be extended.
    fn descend(
        &mut self,
        assembly: &mut Assembly<'_>,
        from: TableId,
        path: &[Key],
        dotted: bool,
    ) -> Result<Option<TableId>, Stop> {
        let mut at = from;
        for (index, key) in path.iter().enumerate() {
            let found = match self.slot(at, key) {
                None => {
                    let made = self.make(assembly, self.depth(at) + 1, key, true, dotted)?;
                    // There is none of this key.
                    let _ = self.add(at, key, Slot::Table(made));
                    at = made;
                    continue;
                }
                Some((first, Slot::Table(id))) => (*first, Some(*id)),
                // A dotted key cannot add to the last of several tables, though to what is in it.
                Some((first, Slot::Tables(_))) if dotted && index + 1 == path.len() => (*first, None),
                Some((first, Slot::Tables(ids))) => match ids.last() {
                    Some(last) => {
                        at = *last;
                        continue;
                    }
                    None => (*first, None),
                },
                Some((first, Slot::Value(_))) => (*first, None),
            };
            let (first, id) = found;
            let grown = id.and_then(|id| self.get_mut(id)).filter(|grown| !dotted || grown.implicit);
            match (grown, id) {
                (Some(grown), Some(id)) => {
                    grown.dotted |= dotted;
                    at = id;
                }
                _ => {
                    note(assembly, key, first);
                    return Ok(None);
                }
            }
        }
        Ok(Some(at))
    }

    /// Sets a key of a table, dotted or not, to a value.
    pub(super) fn set(
        &mut self,
        assembly: &mut Assembly<'_>,
        from: TableId,
        keys: &[Key],
        value: Node,
    ) -> Result<(), Stop> {
        let Some((key, path)) = keys.split_last() else { return Ok(()) };
        if let Some(id) = self.descend(assembly, from, path, true)?
            && let Err(first) = self.add(id, key, Slot::Value(value))
        {
            note(assembly, key, first);
        }
        Ok(())
    }

    /// Starts the table of a header such as `[a.b]`, or of `[[a.b]]` one more; `None` if it cannot be.
    pub(super) fn open(
        &mut self,
        assembly: &mut Assembly<'_>,
        keys: &[Key],
        several: bool,
    ) -> Result<Option<TableId>, Stop> {
        let Some((key, path)) = keys.split_last() else { return Ok(None) };
        let Some(parent) = self.descend(assembly, ROOT, path, false)? else { return Ok(None) };
        let depth = self.depth(parent) + 1;
        let (first, known) = match self.slot(parent, key) {
            None => {
                let slot = if several {
                    assembly.nest(depth, key.span)?;
                    assembly.count(1, key.span)?;
                    Slot::Tables(Vec::new())
                } else {
                    Slot::Table(self.make(assembly, depth, key, false, false)?)
                };
                let made = if let Slot::Table(id) = slot { Some(id) } else { None };
                let _ = self.add(parent, key, slot);
                if made.is_some() {
                    return Ok(made);
                }
                (key.span, None)
            }
            Some((_, Slot::Tables(_))) if several => (key.span, None),
            Some((first, Slot::Table(id))) if !several => (*first, Some(*id)),
            Some((first, _)) => {
                let first = *first;
                note(assembly, key, first);
                return Ok(None);
            }
        };
        let Some(id) = known else {
            let made = self.make(assembly, depth + 1, key, false, false)?;
            if let Some((_, Slot::Tables(ids))) = self.slot(parent, key) {
                ids.push(made);
            }
            return Ok(Some(made));
        };
        let Some(grown) = self.get_mut(id).filter(|grown| grown.implicit && !grown.dotted) else {
            note(assembly, key, first);
            return Ok(None);
        };
        grown.implicit = false;
        grown.span = key.span;
        if let Some((first, _)) = self.slot(parent, key) {
            *first = key.span;
        }
        Ok(Some(id))
    }

    /// Makes a table's value.
    pub(super) fn finish(&mut self, id: TableId) -> Node {
        let Some(grown) = self.all.get_mut(id).and_then(Option::take) else {
            return Node::new(self.span, Value::Null);
        };
        let Growing { span, table, .. } = *grown;
        let entries = table.into_entries().into_iter().map(|(key, key_span, slot)| {
            let value = match slot {
                Slot::Value(node) => node,
                Slot::Table(id) => self.finish(id),
                // It stands where its first header does.
                Slot::Tables(ids) => {
                    Node::new(key_span, Value::Seq(ids.into_iter().map(|id| self.finish(id)).collect()))
                }
            };
            Entry { key, key_span, value }
        });
        let entries = entries.collect();
        Node::new(span, Value::Map(Map { entries }))
    }
}

fn note(assembly: &mut Assembly<'_>, key: &Key, first: Span) {
    assembly.fault(duplicate(&key.name, key.span).and(first, "first set here"));
}
