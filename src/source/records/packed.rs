//! Records of a document that must be read as a whole: as trees they would take many times the room of their text.

use std::sync::Arc;

use postcard::{from_bytes, to_allocvec};

use super::{Keys, Record};
use crate::source::{Entry, Node, Span};

/// Records, each packed into bytes.
#[derive(Debug, Default)]
pub(super) struct Packed {
    bytes: Vec<u8>,
    /// Where each record ends.
    ends: Vec<usize>,
}

/// A field: the number of its key, and where that stands.
type Field<N> = (usize, Span, N);

impl Packed {
    /// Adds a record, whose keys are among the known ones from now on.
    pub(super) fn push(&mut self, record: &Record, keys: &mut Keys) -> Result<(), postcard::Error> {
        let fields = record.fields.iter();
        let fields: Vec<Field<&Node>> =
            fields.map(|entry| (keys.see(&entry.key, entry.key_span), entry.key_span, &entry.value)).collect();
        self.bytes.extend(to_allocvec(&(record.span, fields))?);
        self.ends.push(self.bytes.len());
        Ok(())
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Unpacks one; `keys` are all known ones.
    pub(super) fn get(&self, index: usize, keys: &[(Arc<str>, Span)]) -> Option<Record> {
        let start = index.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied())?;
        let bytes = self.bytes.get(start..*self.ends.get(index)?)?;
        let unpacked: Result<(Span, Vec<Field<Node>>), _> = from_bytes(bytes);
        debug_assert!(unpacked.is_ok(), "{unpacked:?}");
        let (span, fields) = unpacked.ok()?;
        let entry = |(key, key_span, value): Field<Node>| {
            keys.get(key).map(|(key, _)| Entry { key: Arc::clone(key), key_span, value })
        };
        Some(Record { span, fields: fields.into_iter().filter_map(entry).collect() })
    }

    /// Gives back the room for more.
    pub(super) fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
        self.ends.shrink_to_fit();
    }
}
