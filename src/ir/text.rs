//! Strings that may be secret.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

/// A string that will be sent; it shows itself as `«redacted»` where it holds a secret.
///
/// Only [`Text::expose`] gives a secret away. Cloning is cheap; a secret is zeroized when its last owner goes.
#[derive(Clone)]
pub struct Text(Inner);

#[derive(Clone)]
enum Inner {
    Plain(Arc<str>),
    Secret(Arc<Zeroizing<String>>),
}

impl Text {
    /// Makes a secret.
    pub fn secret(value: Zeroizing<String>) -> Self {
        Self(Inner::Secret(Arc::new(value)))
    }

    /// The string itself. Whoever calls this takes care of where it goes.
    pub fn expose(&self) -> &str {
        match &self.0 {
            Inner::Plain(text) => text,
            Inner::Secret(text) => text,
        }
    }

    /// Tells whether it holds a secret.
    pub fn is_secret(&self) -> bool {
        matches!(self.0, Inner::Secret(_))
    }
}

impl Default for Text {
    fn default() -> Self {
        Self(Inner::Plain("".into()))
    }
}

impl From<Arc<str>> for Text {
    fn from(text: Arc<str>) -> Self {
        Self(Inner::Plain(text))
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(Inner::Plain(text.into()))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(Inner::Plain(text.into()))
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for Text {}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Inner::Plain(text) => f.write_str(text),
            Inner::Secret(_) => f.write_str("«redacted»"),
        }
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Inner::Plain(text) => fmt::Debug::fmt(text, f),
            Inner::Secret(_) => f.write_str("«redacted»"),
        }
    }
}
