//! Finds values by their pointers, also in a table of very many users.

use std::collections::HashMap;

use crate::source::{Map, Node, Pointer, Value};

/// From how many entries on a table is given an index.
const LARGE: usize = 64;

/// A tree whose large tables are searched by an index.
pub(super) struct Finder<'a> {
    root: &'a Node,
    indices: HashMap<*const Map, HashMap<&'a str, &'a Node>>,
}

impl<'a> Finder<'a> {
    /// Searches a tree.
    pub(super) fn new(root: &'a Node) -> Self {
        Self { root, indices: HashMap::new() }
    }

    /// The value that a pointer names.
    pub(super) fn at(&mut self, pointer: &Pointer) -> Option<&'a Node> {
        let mut node = self.root;
        for segment in pointer.segments() {
            node = match &node.value {
                Value::Map(map) if map.entries.len() >= LARGE => {
                    let index = self
                        .indices
                        .entry(std::ptr::from_ref(map))
                        .or_insert_with(|| map.entries.iter().map(|entry| (&*entry.key, &entry.value)).collect());
                    index.get(&*segment).copied()?
                }
                Value::Map(map) => map.get(&segment)?,
                Value::Seq(items) => items.get(segment.parse::<usize>().ok()?)?,
                _ => return None,
            };
        }
        Some(node)
    }
}
