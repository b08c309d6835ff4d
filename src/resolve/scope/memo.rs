//! What one profile leaves for the same user's other profiles.

use std::cell::RefCell;
use std::sync::Arc;

use crate::ir::{Mount, Text};
use crate::source::Span;

use super::Place;

/// What does not depend on the profile, for the user's other profiles.
#[derive(Debug, Default)]
pub struct Memo {
    texts: RefCell<Vec<Expanded>>,
    /// By what profiles' mounts are told apart by.
    mounts: RefCell<Vec<(usize, Mount)>>,
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

    /// What a mount became.
    pub fn mount(&self, alike: usize) -> Option<Mount> {
        let mounts = self.mounts.borrow();
        mounts.iter().find(|(own, _)| *own == alike).map(|(_, mount)| mount.clone())
    }

    /// Keeps what a mount became.
    pub fn keep_mount(&self, alike: usize, mount: &Mount) {
        self.mounts.borrow_mut().push((alike, mount.clone()));
    }
}
