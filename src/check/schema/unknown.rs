//! Keys that a table does not take: what was meant, and where it belongs.

use serde_json::{Map as JsonMap, Value};

use super::outline::{Outline, either};
use super::{foreign, rename, spelling};
use crate::diag::{Diagnostic, code};
use crate::source::{Entry, Map, Pointer, Span, cut_short};

/// An unknown key and the table that holds it.
pub(super) struct Unknown<'a> {
    /// The schema.
    pub(super) outline: Outline<'a>,
    /// The table's place.
    pub(super) table: &'a Pointer,
    /// The table.
    pub(super) present: &'a Map,
    /// The key and its value.
    pub(super) entry: &'a Entry,
}

/// A finding and the key of the same table that was meant, if there is one.
pub(super) struct Explained {
    /// The finding.
    pub(super) diagnostic: Diagnostic,
    /// The key that was meant.
    pub(super) meant: Option<String>,
}

/// How many keys a table may have for all of them to be listed.
const LISTED: usize = 8;

/// Keys that say nothing about the table they are from.
const COMMON: &[&str] = &["name", "options", "target", "file", "type"];

impl<'a> Unknown<'a> {
    /// Explains the key.
    pub(super) fn explain(&self) -> Explained {
        let key = &*self.entry.key;
        if key.len() > spelling::LONGEST {
            return Explained { diagnostic: self.plain(), meant: None };
        }
        let none = JsonMap::new();
        let known = self.outline.at(self.table).and_then(|schema| self.outline.keys(schema)).unwrap_or(&none);

        if let Some(same) = known.keys().find(|name| spelling::normalized(name) == spelling::normalized(key)) {
            return self.meant(same);
        }
        if let Some(advice) = foreign::advice(key).filter(|_| self.is_of_service(known)) {
            let message = format!("Docker Swarm has no notion of `{key}`");
            let diagnostic = Diagnostic::new(&code::NOT_IN_SWARM, message).at(self.entry.key_span, "not in Swarm");
            return Explained { diagnostic: diagnostic.help(advice), meant: None };
        }
        let renamed = rename::names(key);
        if let Some(name) = renamed.iter().find(|name| known.contains_key(**name)) {
            return self.meant(name);
        }
        let own = std::iter::once(key);
        if let Some(place) = own.chain(renamed.iter().copied()).find_map(|name| self.elsewhere(known, name)) {
            return Explained { diagnostic: self.misplaced(&place), meant: None };
        }
        if let Some(advice) = rename::advice(key) {
            return Explained { diagnostic: self.plain().help(advice), meant: None };
        }
        if let Some(near) = spelling::nearest(key, known.keys().map(String::as_str)) {
            return self.meant(near);
        }
        if let Some(name) = rename::names_near(key).iter().find(|name| known.contains_key(**name)) {
            return self.meant(name);
        }
        let diagnostic = self.plain();
        if known.is_empty() || known.len() > LISTED {
            return Explained { diagnostic, meant: None };
        }
        let names: Vec<String> = known.keys().map(|name| format!("`{name}`")).collect();
        Explained { diagnostic: diagnostic.help(format!("use {}", either(&names))), meant: None }
    }

    fn plain(&self) -> Diagnostic {
        let key = cut_short(&self.entry.key);
        let message = match self.table.as_str() {
            "" => format!("unknown key `{key}`"),
            _ => format!("unknown key `{key}` in `{}`", self.table),
        };
        Diagnostic::new(&code::UNKNOWN_KEY, message).at(self.entry.key_span, "not a key of this table")
    }

    fn meant(&self, name: &str) -> Explained {
        if self.present.get(name).is_some() {
            let diagnostic = self.plain().help(format!("join it to `{name}`, which is set too"));
            return Explained { diagnostic, meant: None };
        }
        let replacement = in_place_of(self.entry.key_span, &self.entry.key, name);
        let diagnostic = self.plain().help(format!("did you mean `{name}`?"));
        let diagnostic = diagnostic.fix(self.entry.key_span, replacement, format!("write `{name}`"));
        Explained { diagnostic, meant: Some(name.to_owned()) }
    }

    fn misplaced(&self, place: &Place) -> Diagnostic {
        let key = &self.entry.key;
        let under: Vec<String> = place.tables.iter().map(|table| format!("`{table}`")).collect();
        let (belongs, write) = match under.as_slice() {
            [] => ("at the top level".to_owned(), format!("write it as `{}` at the top level", place.name)),
            _ => {
                let table = place.tables.first().map(String::as_str).unwrap_or_default();
                (format!("under {}", either(&under)), format!("write it as `{table}.{}`", place.name))
            }
        };
        let here = match self.table.as_str() {
            "" => "at the top level".to_owned(),
            _ => format!("in `{}`", self.table),
        };
        let message = format!("unknown key `{key}` {here}: `{}` belongs {belongs}", place.name);
        Diagnostic::new(&code::UNKNOWN_KEY, message).at(self.entry.key_span, format!("belongs {belongs}")).help(write)
    }

    /// Finds the tables nearby that take a key: those in this table first, then those around it, the nearest first.
    fn elsewhere(&self, known: &'a JsonMap<String, Value>, name: &str) -> Option<Place> {
        if COMMON.contains(&name) {
            return None;
        }
        let takes = |schema| self.outline.keys(schema).is_some_and(|keys| keys.contains_key(name));
        let mut inner: Vec<&str> =
            known.iter().filter(|(_, schema)| takes(schema)).map(|(table, _)| table.as_str()).collect();
        if let Some(index) = inner.iter().position(|table| *table == "container_spec") {
            inner = vec![inner.swap_remove(index)];
        }
        if !inner.is_empty() {
            let prefix = match self.table.as_str() {
                "" => String::new(),
                _ => format!("{}.", self.table),
            };
            let tables = inner.into_iter().map(|table| format!("{prefix}{table}")).collect();
            return Some(Place { name: name.to_owned(), tables });
        }
        let mut around = self.table.clone();
        while let Some(outer) = around.as_str().rsplit_once('/').map(|(outer, _)| outer.to_owned()) {
            around = Pointer::parse(outer);
            if self.outline.at(&around).is_some_and(takes) {
                let tables = if around.as_str().is_empty() { vec![] } else { vec![around.to_string()] };
                return Some(Place { name: name.to_owned(), tables });
            }
        }
        None
    }

    /// Tells whether this is a table in which Compose's and `docker run`'s keys could have been meant.
    fn is_of_service(&self, known: &JsonMap<String, Value>) -> bool {
        ["container_spec", "mounts", "cpu_limit", "maxreplicas"].iter().any(|key| known.contains_key(*key))
    }
}

/// Where a key belongs.
struct Place {
    name: String,
    /// The tables; none for the top level.
    tables: Vec<String>,
}

/// Writes a word in place of another, quoted if that one was.
pub(super) fn in_place_of(span: Span, old: &str, new: &str) -> String {
    if span.range().len() == old.len() { new.to_owned() } else { format!("\"{new}\"") }
}
