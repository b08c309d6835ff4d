//! What rules ask about the texts that a server came from.

use std::ops::Range;

use crate::source::{Author, Node, Value};

use super::scope::{BUILTINS, OF_ONE_USER, SAME_FOR_ALL};
use super::template::{Segment, may_be_template, segments};
use super::{Compiler, secret};

/// Built-ins that differ between users and whose whole text no user can choose.
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
                compiled.all_names().find(|name| is_chosen(name)).cloned()
            }
            Segment::Literal(_) | Segment::Swarm { .. } | Segment::Unclosed { .. } => None,
        })
    }

    /// The first name in a node's template whose value is a name in DNS that somebody may have chosen: what
    /// [`chosen_name`](Self::chosen_name) finds, a server's name, and where the naming scheme keeps usernames readable the
    /// owner too, unless something that nobody can choose stands beside it.
    pub(super) fn chosen_dns_name(&self, node: &Node, safe: &[&str]) -> Option<String> {
        if let Some(name) = self.chosen_name(node, safe) {
            return Some(name);
        }
        let text = node.as_str().filter(|text| may_be_template(text))?;
        if self.author(node.span.source) != Author::Config {
            return None;
        }
        let is_kept = |name: &str| match name {
            "name" | "owner" => !self.settings.scheme.hides_usernames(),
            name => name == "server",
        };
        let mut chosen = None;
        for segment in segments(text) {
            match segment {
                // A dash or a dot alone sets nothing apart.
                Segment::Literal(text) if text.contains(|c: char| c.is_alphanumeric()) => return None,
                Segment::Literal(_) => {}
                Segment::Placeholder { path, .. } if is_kept(path) => {
                    chosen.get_or_insert(path.to_owned());
                }
                Segment::Angle { path, .. } if is_kept(path) => {
                    chosen.get_or_insert(path.to_owned());
                }
                Segment::Expression { source, .. } => {
                    let last = source.rsplit_once('|').map_or("", |(_, filter)| filter.trim());
                    let compiled = self.expressions.get(source).ok()?;
                    let mut names = compiled.all_names();
                    if safe.contains(&last) || source.contains(['"', '\'']) || !names.clone().all(|name| is_kept(name))
                    {
                        return None;
                    }
                    chosen = chosen.or_else(|| names.next().cloned());
                }
                Segment::Placeholder { .. }
                | Segment::Angle { .. }
                | Segment::Swarm { .. }
                | Segment::Unclosed { .. } => return None,
            }
        }
        chosen
    }

    /// Tells whether a node's text is a template, so that it differs from server to server or is not known before one is.
    pub(super) fn is_template(&self, node: &Node) -> bool {
        match &node.value {
            Value::Str(text) => {
                may_be_template(text)
                    && self.author(node.span.source) == Author::Config
                    && segments(text).any(|segment| !matches!(segment, Segment::Literal(_) | Segment::Swarm { .. }))
            }
            Value::Map(map) => secret::is_reference(map),
            _ => false,
        }
    }

    /// Tells whether a tree can be judged without users: nothing in it comes from their attributes.
    pub(super) fn is_known_without_users(&self, node: &Node) -> bool {
        match &node.value {
            Value::Map(map) => {
                !secret::is_reference(map) && map.iter().all(|entry| self.is_known_without_users(&entry.value))
            }
            Value::Seq(items) => items.iter().all(|item| self.is_known_without_users(item)),
            Value::Str(text) if self.is_template(node) => segments(text).all(|segment| match segment {
                Segment::Placeholder { path, .. } => BUILTINS.contains(&path),
                Segment::Angle { path, .. } => BUILTINS.contains(&path) || !self.is_known(root(path)),
                Segment::Expression { .. } | Segment::Unclosed { .. } => false,
                Segment::Literal(_) | Segment::Swarm { .. } => true,
            }),
            _ => true,
        }
    }

    /// Tells whether any text below a node differs from user to user, once the attributes that it names are looked up.
    pub(super) fn differs(&self, node: &Node) -> bool {
        self.differs_beyond(node, &mut Vec::new())
    }

    /// Tells whether some user has an attribute of this name, a hub may send it, or its default differs between users.
    pub(super) fn is_own(&self, name: &str) -> bool {
        self.is_own_beyond(name, &mut Vec::new())
    }

    /// Tells whether a text is meant for one user: it is made of what tells users apart, or of an attribute whose default is,
    /// unless the user is given another value.
    pub(super) fn is_personal(&self, node: &Node, is_given: &dyn Fn(&str) -> bool) -> bool {
        self.is_personal_beyond(node, is_given, &mut Vec::new())
    }

    fn is_personal_beyond(&self, node: &Node, is_given: &dyn Fn(&str) -> bool, seen: &mut Vec<String>) -> bool {
        self.names_any(node, is_made_of_names, &mut |name| {
            OF_ONE_USER.contains(&name)
                || self.defaults.get(name).filter(|_| !is_given(name)).is_some_and(|default| {
                    let is_new = !seen.iter().any(|earlier| earlier == name);
                    is_new && {
                        seen.push(name.to_owned());
                        self.is_personal_beyond(default, is_given, seen)
                    }
                })
        })
    }

    /// `seen` are the attributes already looked up.
    fn differs_beyond(&self, node: &Node, seen: &mut Vec<String>) -> bool {
        self.names_any(node, |_| true, &mut |name| {
            !SAME_FOR_ALL.contains(&name) && (BUILTINS.contains(&name) || self.is_own_beyond(name, seen))
        })
    }

    /// Tells whether a template below a node names something of that kind; of expressions those that `counts`.
    fn names_any(&self, node: &Node, counts: fn(&str) -> bool, is: &mut dyn FnMut(&str) -> bool) -> bool {
        match &node.value {
            Value::Map(map) => map.iter().any(|entry| self.names_any(&entry.value, counts, is)),
            Value::Seq(items) => items.iter().any(|item| self.names_any(item, counts, is)),
            Value::Str(text) if may_be_template(text) && self.author(node.span.source) == Author::Config => {
                segments(text).any(|segment| match segment {
                    Segment::Placeholder { path, .. } => is(root(path)),
                    Segment::Angle { path, .. } => self.is_known(root(path)) && is(root(path)),
                    Segment::Expression { source, .. } => {
                        counts(source)
                            && self
                                .expressions
                                .get(source)
                                .is_ok_and(|compiled| compiled.all_names().any(|name| is(name)))
                    }
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

pub(super) fn root(path: &str) -> &str {
    path.split('.').next().unwrap_or(path)
}

/// Tells whether the value of an expression has what it names in it: one that chooses, or that takes a part by a pattern, sorts
/// users into groups.
fn is_made_of_names(expression: &str) -> bool {
    const CHOICES: [&str; 10] = ["if", "in", "is", "or", "and", "not", "regex_replace", "split", "first", "last"];
    let mut words = expression.split(|c: char| !c.is_alphanumeric() && c != '_');
    !expression.contains(['=', '<', '>']) && !words.any(|word| CHOICES.contains(&word))
}
