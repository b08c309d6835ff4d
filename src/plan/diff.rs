//! What differs between a wanted spec and the one on the swarm, and why.
//!
//! Three are compared: what is wanted, what is there, and by its digests what was last applied. What is there and is no
//! longer what was applied was changed by hand; what is wanted and is not what was applied the config says anew.
//!
//! A value from the swarm is shown only if it is as we applied it and was no secret then, or if it is of a kind that can be
//! none: a number, a truth value, a word of the engine's.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::field::table::Format;
use super::field::{Leaf, Unit};
use super::graph::{Cause, Change, Shown};
use super::label::{Applied, looks_secret};
use super::place::{Locate, Place, Step};
use crate::emit::amount;
use crate::resolve::amount::memory_text;
use crate::resolve::decode::LABEL_PREFIX;

/// Shorter texts are found everywhere, so that hiding what holds them would hide all.
const SHORTEST_SECRET: usize = 4;

/// Both specs with all that tells why they differ.
pub struct Comparison<'a> {
    /// The wanted spec's units.
    pub wanted: &'a [Unit<'a>],
    /// The units of the spec on the swarm.
    pub live: &'a [Unit<'a>],
    /// The wanted body, in the order of the config.
    pub body: &'a Value,
    /// What was last applied; `None` where the service is not ours.
    pub applied: Option<&'a Applied>,
    /// The fields that hold secrets now.
    pub hidden: &'a BTreeSet<String>,
    /// The fields that held secrets when they were applied; `None` where nobody knows.
    pub was_hidden: Option<&'a BTreeSet<String>>,
    /// Names of Swarm configs and secrets whose content is the config's, with the places that declare them.
    pub contents: &'a BTreeMap<String, String>,
    /// Writes a place of the config.
    pub place: &'a Locate<'a>,
}

/// The differences of two specs.
#[derive(Debug, Default)]
pub struct Differences {
    /// Each of them, sorted by field.
    pub changes: Vec<Change>,
    /// The parts of the spec that differ.
    pub chunks: BTreeSet<Vec<String>>,
    /// Whether the task is started anew.
    pub restarts: bool,
}

impl Differences {
    /// Tells whether a part of the spec differs.
    pub fn has(&self, chunk: &[&str]) -> bool {
        self.chunks.iter().any(|own| own.iter().map(String::as_str).eq(chunk.iter().copied()))
    }
}

impl Comparison<'_> {
    /// Compares unit by unit.
    pub fn differences(&self) -> Differences {
        let mut found = Differences::default();
        let (mut wanted, mut live) = (self.wanted.iter().peekable(), self.live.iter().peekable());
        loop {
            let order = match (wanted.peek(), live.peek()) {
                (Some(wanted), Some(live)) => wanted.name.cmp(&live.name),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => break,
            };
            match order {
                Ordering::Less => self.differ(wanted.next(), None, &mut found),
                Ordering::Greater => self.differ(None, live.next(), &mut found),
                Ordering::Equal => self.differ(wanted.next(), live.next(), &mut found),
            }
        }
        let secrets = self.secrets();
        for change in &mut found.changes {
            for shown in [&mut change.before, &mut change.after].into_iter().flatten() {
                if matches!(shown, Shown::Text(text) if secrets.iter().any(|secret| text.contains(secret))) {
                    *shown = Shown::Hidden;
                }
            }
        }
        found
    }

    /// The secrets of both specs: they are not shown wherever they turn up.
    fn secrets(&self) -> Vec<&str> {
        fn texts<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
            match value {
                Value::String(text) if text.len() >= SHORTEST_SECRET => found.push(text),
                Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
                _ => {}
            }
        }
        let mut found = Vec::new();
        let was_hidden = self.was_hidden.map(|hidden| (self.live, hidden));
        for (units, hidden) in [Some((self.wanted, self.hidden)), was_hidden].into_iter().flatten() {
            for unit in units {
                for leaf in unit.leaves.iter().filter(|leaf| is_in(hidden, unit, leaf)) {
                    texts(leaf.value, &mut found);
                }
            }
        }
        found
    }

    fn differ(&self, wanted: Option<&Unit<'_>>, live: Option<&Unit<'_>>, found: &mut Differences) {
        let before = found.changes.len();
        match (wanted, live) {
            (Some(wanted), Some(live)) => self.differ_within(wanted, live, &mut found.changes),
            (Some(unit), None) => {
                let place = (self.place)(&self.places_of(unit));
                let cause = self.cause(unit, wanted, live, place);
                let after = Some(self.shown_unit(unit, |leaf| self.shown_wanted(unit, leaf)));
                found.changes.push(Change { field: unit.name.clone(), before: None, after, cause });
            }
            (None, Some(unit)) => {
                let cause = self.cause(unit, wanted, live, None);
                let before = Some(self.shown_unit(unit, |leaf| self.shown_live(unit, leaf)));
                found.changes.push(Change { field: unit.name.clone(), before, after: None, cause });
            }
            (None, None) => {}
        }
        let Some(unit) = wanted.or(live).filter(|_| found.changes.len() > before) else { return };
        found.chunks.insert(unit.chunk.iter().map(|key| (*key).to_owned()).collect());
        found.restarts |= unit.restarts;
    }

    fn differ_within(&self, wanted: &Unit<'_>, live: &Unit<'_>, changes: &mut Vec<Change>) {
        let mut names: Vec<&str> = wanted.leaves.iter().chain(&live.leaves).map(|leaf| &*leaf.name).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let (after, before) = (wanted.leaf(name), live.leaf(name));
            if after.map(|leaf| leaf.value) == before.map(|leaf| leaf.value) {
                continue;
            }
            let Some(leaf) = after.or(before) else { continue };
            let place = (self.place)(&wanted.places(leaf, self.body));
            changes.push(Change {
                field: wanted.full_name(leaf),
                before: before.map(|leaf| self.shown_live(live, leaf)),
                after: after.map(|leaf| self.shown_wanted(wanted, leaf)),
                cause: self.cause(wanted, Some(wanted), Some(live), place),
            });
        }
    }

    /// Where the config may say an entry that is new.
    fn places_of(&self, unit: &Unit<'_>) -> Vec<Place> {
        let Some(first) = unit.leaves.first() else { return Vec::new() };
        let mut places = unit.places(first, self.body);
        if unit.leaves.len() > 1 {
            for place in &mut places {
                let is_entry = place.steps.iter().any(|step| !matches!(step, Step::Key(_)));
                let length = if is_entry { place.needed } else { place.steps.len().saturating_sub(1) };
                place.steps.truncate(length);
                place.needed = length;
            }
        }
        places
    }

    fn cause(
        &self,
        unit: &Unit<'_>,
        wanted: Option<&Unit<'_>>,
        live: Option<&Unit<'_>>,
        place: Option<String>,
    ) -> Cause {
        if unit.name.strip_prefix("labels.").is_some_and(|key| key.starts_with(LABEL_PREFIX)) {
            return Cause::Ownership;
        }
        let object = wanted.and_then(object_name);
        let declared = object.and_then(|name| self.contents.get(name)).cloned();
        if declared.is_some() && live.is_some_and(|live| object_name(live) != object) {
            return Cause::Content(declared);
        }
        // What refers to it names it otherwise than the swarm, so that only the declaration is found.
        let place = place.or(declared);
        let Some(applied) = self.applied else { return Cause::Config(place) };
        match (applied.is(&unit.name, live), applied.is(&unit.name, wanted)) {
            (true, _) => Cause::Config(place),
            (false, true) => Cause::Drift(place),
            (false, false) => Cause::ConfigAndDrift(place),
        }
    }

    /// A unit in one line.
    fn shown_unit(&self, unit: &Unit<'_>, shown: impl Fn(&Leaf<'_>) -> Shown) -> Shown {
        match unit.leaves.as_slice() {
            [leaf] if leaf.name.is_empty() || leaf.name == "target" => shown(leaf),
            leaves => {
                // A network's target is its unit's name.
                let telling = leaves.iter().filter(|leaf| leaf.name != "target");
                let all: Vec<(&Leaf<'_>, Shown)> = telling.map(|leaf| (leaf, shown(leaf))).collect();
                if all.iter().all(|(_, shown)| *shown == Shown::Hidden) {
                    return Shown::Hidden;
                }
                let words = all.iter().map(|(leaf, shown)| match shown {
                    Shown::Text(text) if text.starts_with('[') => format!("{}={text}", leaf.name),
                    Shown::Text(text) => format!("{}={}", leaf.name, quoted(text)),
                    Shown::Hidden => format!("{}=«redacted»", leaf.name),
                });
                Shown::Text(words.collect::<Vec<_>>().join(" "))
            }
        }
    }

    fn is_hidden(&self, unit: &Unit<'_>, leaf: &Leaf<'_>) -> bool {
        is_in(self.hidden, unit, leaf)
            || self.was_hidden.is_some_and(|hidden| is_in(hidden, unit, leaf))
            || looks_secret(&unit.name)
            || looks_secret(&leaf.name)
    }

    fn shown_wanted(&self, unit: &Unit<'_>, leaf: &Leaf<'_>) -> Shown {
        if self.is_hidden(unit, leaf) { Shown::Hidden } else { Shown::Text(text(leaf)) }
    }

    fn shown_live(&self, unit: &Unit<'_>, leaf: &Leaf<'_>) -> Shown {
        let is_open = leaf.row.is_some_and(|row| row.open || leaf.value.is_number() || leaf.value.is_boolean());
        let as_applied =
            || self.was_hidden.is_some() && self.applied.is_some_and(|applied| applied.is(&unit.name, Some(unit)));
        if self.is_hidden(unit, leaf) || !(is_open || as_applied()) { Shown::Hidden } else { Shown::Text(text(leaf)) }
    }
}

/// The name of the Swarm config or secret that an entry refers to.
fn object_name<'u>(unit: &'u Unit<'_>) -> Option<&'u str> {
    unit.leaf("config_name").or_else(|| unit.leaf("secret_name"))?.value.as_str()
}

fn is_in(hidden: &BTreeSet<String>, unit: &Unit<'_>, leaf: &Leaf<'_>) -> bool {
    !hidden.is_empty() && (hidden.contains(&unit.name) || hidden.contains(&unit.full_name(leaf)))
}

/// A leaf's value in one line.
fn text(leaf: &Leaf<'_>) -> String {
    let format = leaf.row.map_or(Format::Plain, |row| row.format);
    match (leaf.value, leaf.value.as_i64(), format) {
        (_, Some(nano), Format::Cpus) => amount::cpus(nano),
        (_, Some(nano), Format::Duration) => amount::duration(nano),
        (_, Some(bytes), Format::Bytes) => memory_text(bytes),
        (_, Some(mode), Format::Octal) => format!("{mode:#05o}").replacen("0o", "0", 1),
        (Value::String(text), ..) => text.clone(),
        (Value::Null, ..) => "(unset in the image)".to_owned(),
        (Value::Array(items), ..) if items.iter().all(Value::is_string) => {
            let items: Vec<String> = items.iter().filter_map(Value::as_str).map(quoted).collect();
            format!("[{}]", items.join(", "))
        }
        // Half as many bits as JSON's numbers have.
        (Value::Number(number), None, _) => {
            number.as_f64().map_or_else(String::new, |number| (number as f32).to_string())
        }
        (value, ..) => value.to_string(),
    }
}

/// A text between quotes where it would not be told from what surrounds it.
pub(super) fn quoted(text: &str) -> String {
    let is_plain =
        !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || matches!(c, '"' | ',' | '[' | ']'));
    if is_plain { text.to_owned() } else { format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")) }
}
