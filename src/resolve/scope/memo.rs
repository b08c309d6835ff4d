//! What one profile leaves for the same user's other profiles.

use std::cell::RefCell;
use std::sync::Arc;

use crate::ir::{Mount, Text};
use crate::source::{Node, Span};

use super::Place;

/// What does not depend on the profile, for the user's other profiles.
#[derive(Debug, Default)]
pub struct Memo {
    texts: RefCell<Vec<Expanded>>,
    mounts: RefCell<Vec<(Node, Mount)>>,
}

/// A template and what it became.
#[derive(Debug)]
pub(super) struct Expanded {
    pub(super) span: Span,
    pub(super) place: Place,
    pub(super) template: Arc<str>,
    pub(super) text: Text,
}

impl Memo {
    /// What a template became.
    pub(super) fn text(&self, span: Span, place: Place, template: &Arc<str>) -> Option<Text> {
        let texts = self.texts.borrow();
        let is_it = |known: &&Expanded| known.span == span && known.place == place && known.template == *template;
        texts.iter().find(is_it).map(|known| known.text.clone())
    }

    /// Keeps what a template became.
    pub(super) fn keep(&self, expanded: Expanded) {
        self.texts.borrow_mut().push(expanded);
    }

    /// The mount that a node became.
    pub fn mount(&self, node: &Node) -> Option<Mount> {
        let mounts = self.mounts.borrow();
        let (_, mount) = mounts.iter().find(|(own, _)| own.span == node.span && own.value == node.value)?;
        Some(mount.clone())
    }

    /// Keeps the mount that a node became.
    pub fn keep_mount(&self, node: &Node, mount: &Mount) {
        self.mounts.borrow_mut().push((node.clone(), mount.clone()));
    }
}
