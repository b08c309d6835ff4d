//! What several documents say of one profile, or in one user's `overrides`: layers of their own.
//!
//! In the merged tree they are combined, which does for what is no layer (`access`, `description`). A layer's `merge` and
//! `unset` act on the layers below it, and those are the earlier documents' too, so each is laid on by itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::source::Node;

/// The layers that several documents share, in the documents' order.
#[derive(Debug, Default)]
pub struct Layers {
    profiles: BTreeMap<Arc<str>, Vec<Node>>,
    overrides: BTreeMap<Arc<str>, Vec<Node>>,
}

impl Layers {
    /// Finds what more than one of these canonical documents says.
    pub fn new(documents: &[Node]) -> Self {
        let mut layers = Self::default();
        if documents.len() < 2 {
            return layers;
        }
        for document in documents {
            for profile in document.get("images").and_then(Node::as_seq).unwrap_or_default() {
                if let Some(Some(name)) = profile.get("name").map(Node::as_str) {
                    layers.profiles.entry(name.into()).or_default().push(profile.clone());
                }
            }
            for user in document.get("users").and_then(Node::as_map).into_iter().flatten() {
                if let Some(overrides) = user.value.get("overrides") {
                    layers.overrides.entry(Arc::clone(&user.key)).or_default().push(overrides.clone());
                }
            }
        }
        layers.profiles.retain(|_, own| own.len() > 1);
        layers.overrides.retain(|_, own| own.len() > 1);
        layers
    }

    /// The layers of a profile, of which the merged tree has `merged`.
    pub fn of_profile<'n>(&'n self, name: &str, merged: &'n Node) -> &'n [Node] {
        self.profiles.get(name).map_or(std::slice::from_ref(merged), Vec::as_slice)
    }

    /// The layers of a user's overrides, of which the merged tree has `merged`.
    pub fn of_user<'n>(&'n self, name: &str, merged: &'n Node) -> &'n [Node] {
        self.overrides.get(name).map_or(std::slice::from_ref(merged), Vec::as_slice)
    }

    /// All of them, always in the same order.
    pub fn iter(&self) -> impl Iterator<Item = &Node> {
        self.profiles.values().chain(self.overrides.values()).flatten()
    }
}
