//! What rules ask about the texts that a server came from.

use std::ops::Range;

use crate::source::{Author, Node, Value};

use super::Compiler;
use super::scope::{BUILTINS, SAME_FOR_ALL};
use super::template::{Segment, may_be_template, segments};

/// Built-ins that differ between users and that no user can choose.
const MADE: &[&str] = &["gid", "name", "owner", "server", "service", "uid"];

impl Compiler<'_> {
    /// The first name in a node's template whose value its user may have chosen: their own name or an attribute; not in
    /// an expression that ends in one of the filters in `safe`.
    pub(super) fn chosen_name(&self, node: &Node, safe: &[&str]) -> Option<String> {
        let text = node.as_str().filter(|text| may_be_template(text))?;
        if self.author(node.span.source) != Author::Config {
            return None;
        }
        let is_chosen = |name: &str| !SAME_FOR_ALL.contains(&name) && !MADE.contains(&name);
        segments(text).find_map(|segment| match segment {
            Segment::Placeholder { path, .. } => is_chosen(root(path)).then(|| path.to_owned()),
            Segment::Angle { path, .. } => {
                (self.is_known(root(path)) && is_chosen(root(path))).then(|| path.to_owned())
            }
            Segment::Expression { source, .. } => {
                let last = source.rsplit_once('|').map_or("", |(_, filter)| filter.trim());
                if safe.contains(&last) {
                    return None;
                }
                let compiled = self.expressions.get(source).ok()?;
                compiled.names.iter().chain(&compiled.sliced).find(|name| is_chosen(name)).cloned()
            }
            Segment::Literal(_) | Segment::Swarm { .. } | Segment::Unclosed { .. } => None,
        })
    }

    /// Tells whether any text below a node differs from user to user, once the attributes that it names are looked up.
    pub(super) fn differs(&self, node: &Node) -> bool {
        self.differs_beyond(node, &mut Vec::new())
    }

    /// Tells whether some user has an attribute of this name, a hub may send it, or its default differs between users.
    pub(super) fn is_own(&self, name: &str) -> bool {
        self.is_own_beyond(name, &mut Vec::new())
    }

    /// `seen` are the attributes already looked up.
    fn differs_beyond(&self, node: &Node, seen: &mut Vec<String>) -> bool {
        let mut name_differs =
            |name: &str| !SAME_FOR_ALL.contains(&name) && (BUILTINS.contains(&name) || self.is_own_beyond(name, seen));
        match &node.value {
            Value::Map(map) => map.iter().any(|entry| self.differs_beyond(&entry.value, seen)),
            Value::Seq(items) => items.iter().any(|item| self.differs_beyond(item, seen)),
            Value::Str(text) if may_be_template(text) && self.author(node.span.source) == Author::Config => {
                segments(text).any(|segment| match segment {
                    Segment::Placeholder { path, .. } => name_differs(root(path)),
                    Segment::Angle { path, .. } => self.is_known(root(path)) && name_differs(root(path)),
                    Segment::Expression { source, .. } => self.expressions.get(source).is_ok_and(|compiled| {
                        compiled.names.iter().chain(&compiled.sliced).any(|name| name_differs(name))
                    }),
                    Segment::Literal(_) | Segment::Swarm { .. } | Segment::Unclosed { .. } => false,
                })
            }
            _ => false,
        }
    }

    fn is_own_beyond(&self, name: &str, seen: &mut Vec<String>) -> bool {
        if seen.iter().any(|earlier| earlier == name) {
            return false;
        }
        seen.push(name.to_owned());
        self.roster.attributes().iter().any(|(known, _)| &**known == name)
            || self.settings.user_format_attributes.iter().any(|known| &**known == name)
            || self.defaults.get(name).is_some_and(|default| self.differs_beyond(default, seen))
    }

    /// Tells whether a node's text is sent as it stands in a config document.
    pub(super) fn is_literal(&self, node: &Node) -> bool {
        self.author(node.span.source) == Author::Config
            && node.as_str().is_none_or(|text| segments(text).all(|segment| matches!(segment, Segment::Literal(_))))
    }

    /// How the document spells a node; nothing where the text is not to be had.
    pub(super) fn spelling(&self, node: &Node) -> Option<String> {
        let source = self.sources.get(node.span.source);
        Some(source.text().get(node.span.range())?.trim().to_owned())
    }

    /// Tells whether how the document spells a node must not be shown.
    pub(super) fn is_hidden(&self, node: &Node) -> bool {
        let source = self.sources.get(node.span.source);
        let overlaps = |secret: &Range<u32>| secret.start < node.span.end && node.span.start < secret.end;
        // What of users files must not be shown is known only later.
        source.author() != Author::Config || source.secrets().iter().any(overlaps)
    }
}

fn root(path: &str) -> &str {
    path.split('.').next().unwrap_or(path)
}
