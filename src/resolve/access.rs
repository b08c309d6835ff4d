//! Who may use a profile.

use std::sync::Arc;

use crate::diag::{Diagnostic, Diagnostics, code};
use crate::source::{Author, Node, SourceMap, Span, World};

use super::roster::User;

/// Who may use a profile.
#[derive(Clone, Debug)]
pub enum Access {
    /// Everybody: the profile has no `access`.
    Everybody,
    /// Those listed.
    Listed {
        /// Usernames, sorted.
        users: Vec<Arc<str>>,
        /// Names of groups, sorted.
        groups: Vec<Arc<str>>,
        /// Each entry as it is written, and where.
        entries: Vec<(Arc<str>, Span)>,
    },
}

impl Access {
    /// Tells whether only one user has it.
    pub fn is_one(&self) -> bool {
        matches!(self, Self::Listed { users, groups, .. } if users.len() == 1 && groups.is_empty())
    }

    /// Reads a profile's `access`: a list, or a file with an entry on each line.
    ///
    /// In a file, blank lines and what follows a `#` at the start of a line do not count.
    pub fn read(node: Option<&Node>, world: &dyn World, sources: &SourceMap, diagnostics: &mut Diagnostics) -> Self {
        let Some(node) = node else { return Self::Everybody };
        let mut users: Vec<Arc<str>> = Vec::new();
        let mut groups: Vec<Arc<str>> = Vec::new();
        let mut entries = Vec::new();
        let mut add = |entry: &str, span: Span| {
            match entry.strip_prefix("group:") {
                Some(group) => groups.push(group.trim().into()),
                None => users.push(entry.into()),
            }
            entries.push((entry.into(), span));
        };
        if let Some(file) = node.get("file") {
            let source = sources.get(node.span.source);
            let path = source.directory().join(file.as_str().unwrap_or_default());
            match world.read(&path, None) {
                Ok(text) => {
                    let id =
                        sources.add(path.display().to_string(), source.directory(), Author::Data, text.to_string());
                    let lines = sources.get(id);
                    let text = lines.text();
                    for line in text.lines().map(str::trim) {
                        if !line.is_empty() && !line.starts_with('#') {
                            let start = line.as_ptr() as usize - text.as_ptr() as usize;
                            add(line, Span::new(id, start, start + line.len()));
                        }
                    }
                }
                Err(error) => diagnostics.push(
                    Diagnostic::new(&code::UNREADABLE, "the access file cannot be read")
                        .at(file.span, error.to_string())
                        .note(format!("the file is `{}`", path.display())),
                ),
            }
        }
        for item in node.as_seq().unwrap_or_default() {
            if let Some(entry) = item.as_str() {
                add(entry, item.span);
            }
        }
        users.sort_unstable();
        groups.sort_unstable();
        Self::Listed { users, groups, entries }
    }

    /// The entries as they are written; `None` if everybody may use the profile.
    pub fn entries(&self) -> Option<&[(Arc<str>, Span)]> {
        match self {
            Self::Everybody => None,
            Self::Listed { entries, .. } => Some(entries),
        }
    }

    /// Tells whether a user may use the profile. Whole names count, and case does.
    pub fn admits(&self, user: &User<'_>) -> bool {
        match self {
            Self::Everybody => true,
            Self::Listed { users, groups, .. } => {
                let lists = |names: &[Arc<str>], name| names.binary_search(name).is_ok();
                lists(users, &user.name) || user.groups.iter().any(|group| lists(groups, group))
            }
        }
    }
}
