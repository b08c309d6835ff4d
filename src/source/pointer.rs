//! RFC 6901 pointers.

use std::borrow::Cow;
use std::fmt;

use super::cut_short;

/// The path of a value in a tree (RFC 6901).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pointer(String);

impl Pointer {
    /// Points at the whole tree.
    pub fn root() -> Self {
        Self::default()
    }

    /// Takes a pointer as written (`/container_spec/mounts/0`).
    pub fn parse(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Points at a table's key or a list's index.
    #[must_use]
    pub fn child(&self, segment: impl fmt::Display) -> Self {
        let segment = segment.to_string().replace('~', "~0").replace('/', "~1");
        Self(format!("{}/{segment}", self.0))
    }

    /// The pointer as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The keys and indices from the root on, unescaped.
    pub fn segments(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.0.split('/').skip(1).map(|segment| {
            if segment.contains('~') {
                Cow::Owned(segment.replace("~1", "/").replace("~0", "~"))
            } else {
                Cow::Borrowed(segment)
            }
        })
    }
}

impl fmt::Display for Pointer {
    /// Writes it the way people write paths: `container_spec.mounts[0].target`. Of a long key only the beginning.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, segment) in self.segments().enumerate() {
            let segment = cut_short(&segment);
            if segment.parse::<usize>().is_ok() && index > 0 {
                write!(f, "[{segment}]")?;
            } else if index > 0 {
                write!(f, ".{segment}")?;
            } else {
                write!(f, "{segment}")?;
            }
        }
        Ok(())
    }
}
