//! Text being put together.

use zeroize::Zeroizing;

use crate::ir::Text;

use super::super::template::escape_for_swarm;
use super::Place;

/// Text being put together.
#[derive(Default)]
pub struct Assembly {
    pub(super) done: String,
    /// Literal text since the last of Swarm's templates, not yet escaped.
    pub(super) literal: String,
    secret: bool,
}

impl Assembly {
    /// Takes the text; what is left is empty room.
    pub(super) fn finish(&mut self, place: Place) -> Text {
        if self.done.is_empty() && (place != Place::Expanded || !self.literal.contains("{{")) {
            std::mem::swap(&mut self.done, &mut self.literal);
        } else {
            self.flush(place, false);
        }
        if std::mem::take(&mut self.secret) {
            return Text::secret(Zeroizing::new(std::mem::take(&mut self.done)));
        }
        let text = Text::from(self.done.as_str());
        self.done.clear();
        text
    }

    /// Ends the literal text before one of Swarm's templates.
    pub(super) fn flush(&mut self, place: Place, before_action: bool) {
        match place {
            Place::Expanded => escape_for_swarm(&self.literal, before_action, &mut self.done),
            Place::Plain | Place::Path => self.done.push_str(&self.literal),
        }
        if self.secret {
            zeroize::Zeroize::zeroize(&mut self.literal);
        }
        self.literal.clear();
    }

    /// Adds literal text.
    pub(super) fn push(&mut self, text: &Text) {
        self.secret |= text.is_secret();
        self.literal.push_str(text.expose());
    }
}

impl Drop for Assembly {
    fn drop(&mut self) {
        if self.secret {
            zeroize::Zeroize::zeroize(&mut self.done);
            zeroize::Zeroize::zeroize(&mut self.literal);
        }
    }
}
