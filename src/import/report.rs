//! What an import tells besides the config.

use std::fmt;
use std::path::PathBuf;

/// Where a Python program set something.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1; 0 where it is not known.
    pub line: u32,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}", self.file.display()),
            line => write!(f, "{}:{line}", self.file.display()),
        }
    }
}

/// What became of something that is not carried over as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It has no equivalent: a person must look at it.
    Left,
    /// It was carried over as it must have been meant.
    Mended,
    /// It is not about servers, and stays in the Python config.
    Stays,
}

/// One thing that the import tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What became of it.
    pub fate: Fate,
    /// Where it was set.
    pub origin: Origin,
    /// What it is: a trait, or a key in one, such as `c.SwarmSpawner.pre_spawn_hook`.
    pub subject: String,
    /// What was found.
    pub message: String,
    /// What to do, or what was done.
    pub advice: String,
}

/// Everything that the import tells, in the order found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The items.
    pub items: Vec<Item>,
}

impl Report {
    /// Tells whether something needs a person.
    pub fn needs_a_person(&self) -> bool {
        self.items.iter().any(|item| item.fate == Fate::Left)
    }
}
