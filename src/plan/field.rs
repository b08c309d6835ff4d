//! The table of a spec's fields: what the config calls each leaf of the canonical form, where the config says it, and whether
//! a change of it starts the task anew.
//!
//! Source for the restarts: Engine 20.10, tried out field by field.

pub mod table;

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::normalize::Canonical;
use super::place::{Place, Step};
use table::{CHUNKS, CONTAINER, Chunk, Row, TASK};

/// Units whose names hold a text of the config's, which may be a secret.
pub(in crate::plan) const NAMED_BY_TEXT: [&str; 5] = ["configs:", "hosts.", "mounts:", "networks:", "secrets:"];
/// Leaves that tell where something is kept rather than what it is.
const IDS: [&str; 2] = ["config_id", "secret_id"];

/// What is compared and remembered as one: a variable, a mount, an attribute.
pub struct Unit<'c> {
    /// Its name in the config's words: `env.TZ`, `mounts:/data`.
    pub name: String,
    /// The key of the entry; empty where it is none.
    pub key: Cow<'c, str>,
    /// The path of its part of the spec, from the root.
    pub chunk: Vec<&'c str>,
    /// Whether a change of it starts the task anew.
    pub restarts: bool,
    /// What it holds, sorted by name.
    pub leaves: Vec<Leaf<'c>>,
}

/// One value of a spec.
pub struct Leaf<'c> {
    /// Its name within its unit; empty where it is the whole of it.
    pub name: Cow<'c, str>,
    /// The key of its own; empty where it has none.
    pub key: &'c str,
    /// What is known of it; nothing if it is in the catch-all.
    pub row: Option<&'static Row>,
    /// The value.
    pub value: &'c Value,
}

impl Unit<'_> {
    /// A leaf's name with its unit's.
    pub fn full_name(&self, leaf: &Leaf<'_>) -> String {
        full_name(&self.name, &leaf.name)
    }

    /// A leaf, by its name within the unit.
    pub fn leaf(&self, name: &str) -> Option<&Leaf<'_>> {
        self.leaves.iter().find(|leaf| leaf.name == name)
    }

    /// The digest of its name and what it holds, in hex. Ids are left out: they are looked up anew each time.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        let mut text: Vec<u8> = Vec::with_capacity(64);
        text.extend_from_slice(self.name.as_bytes());
        for leaf in self.leaves.iter().filter(|leaf| !IDS.contains(&&*leaf.name)) {
            text.push(0);
            text.extend_from_slice(leaf.name.as_bytes());
            text.push(b'=');
            write_sorted(leaf.value, &mut text);
        }
        hash.update(zeroize::Zeroizing::new(text).as_slice());
        hex::encode(hash.finalize())
    }

    /// Where a leaf may stand in the config, the likeliest place first.
    pub fn places(&self, leaf: &Leaf<'_>, wanted: &Value) -> Vec<Place> {
        let Some(row) = leaf.row else { return Vec::new() };
        row.places.iter().filter_map(|place| self.place(place, leaf, wanted)).collect()
    }

    fn place(&self, place: &str, leaf: &Leaf<'_>, wanted: &Value) -> Option<Place> {
        let mut steps = Vec::new();
        let mut needed = None;
        for segment in place.split('/').skip(1) {
            let step = match segment {
                "{}" if leaf.key.is_empty() => Step::Key(self.key.to_string()),
                "{}" => Step::Key(leaf.key.to_owned()),
                "{i}" => Step::Index(self.index_in(wanted)?),
                "{n}" => {
                    let key = if self.name.starts_with("configs") { "config_name" } else { "secret_name" };
                    let name = self.leaf(key)?.value.as_str()?.to_owned();
                    Step::Entry { key, value: name }
                }
                key => Step::Key(key.to_owned()),
            };
            // An entry that is found is the place, even if it does not hold the attribute.
            let is_entry = !matches!(step, Step::Key(_));
            steps.push(step);
            if is_entry {
                needed = Some(steps.len());
            }
        }
        Some(Place { needed: needed.unwrap_or(steps.len()), steps })
    }

    /// The number of its entry in the list of the wanted spec, which is that of the config.
    fn index_in(&self, wanted: &Value) -> Option<usize> {
        let list = self.chunk.iter().try_fold(wanted, |value, key| value.get(*key))?.as_array()?;
        list.iter().position(|item| {
            let target = item.get("Target").and_then(Value::as_str).unwrap_or_default();
            target == self.key || crate::resolve::merge::normal_target(target) == self.key
        })
    }
}

/// A leaf's name with its unit's.
pub fn full_name(unit: &str, leaf: &str) -> String {
    match (leaf.is_empty(), unit) {
        (true, unit) => unit.to_owned(),
        (false, unit) => format!("{unit}.{leaf}"),
    }
}

/// What stands for a name that is itself a secret.
pub fn masked_name(list: &str, key: &str) -> String {
    // Enough to tell one from another, and not enough to guess from.
    let digest = hex::encode(Sha256::digest(key.as_bytes()));
    format!("{list}«{}»", digest.get(..4).unwrap_or_default())
}

/// The name of a list's entry, masked if that is what the paths tell that held secrets.
pub(in crate::plan) fn entry_name(list: &str, key: &str, hidden: &BTreeSet<String>) -> String {
    if hidden.iter().any(|path| path.contains('«')) {
        let masked = masked_name(list, key);
        if hidden.contains(&masked) {
            return masked;
        }
    }
    format!("{list}{key}")
}

/// JSON with the keys in order.
fn write_sorted(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            out.push(b'{');
            for key in keys {
                write_sorted(&Value::from(key.as_str()), out);
                out.push(b':');
                write_sorted(map.get(key).unwrap_or(&Value::Null), out);
                out.push(b',');
            }
            out.push(b'}');
        }
        Value::Array(items) => {
            out.push(b'[');
            for item in items {
                write_sorted(item, out);
                out.push(b',');
            }
            out.push(b']');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            // Writing to memory cannot fail.
            let _ = serde_json::to_writer(out, value);
        }
    }
}

/// The units of a spec, sorted by name. Names that are secret, as the paths tell that held secrets, are masked.
pub fn units<'c>(canonical: &'c Canonical, hidden: &BTreeSet<String>) -> Vec<Unit<'c>> {
    let mut walk = Walk { units: Vec::with_capacity(48), mask: hidden.iter().any(|path| path.contains('«')), hidden };
    let mut path = Vec::with_capacity(8);
    walk.descend(canonical.tree(), &mut path);
    walk.units.sort_by(|a, b| a.name.cmp(&b.name));
    walk.units
}

struct Walk<'c, 'h> {
    units: Vec<Unit<'c>>,
    /// Whether any name is masked.
    mask: bool,
    hidden: &'h BTreeSet<String>,
}

impl<'c> Walk<'c, '_> {
    /// Goes down to the chunks.
    fn descend(&mut self, value: &'c Value, path: &mut Vec<&'c str>) {
        let found = CHUNKS.binary_search_by(|chunk| chunk.at.iter().copied().cmp(path.iter().copied()));
        if let Ok(Some(chunk)) = found.map(|index| CHUNKS.get(index)) {
            let start = self.units.len();
            let depth = path.len();
            self.leaves(value, path, depth, chunk);
            for unit in self.units.iter_mut().skip(start) {
                unit.leaves.sort_by(|a, b| a.name.cmp(&b.name));
            }
            return;
        }
        match value {
            Value::Object(map) if is_above_chunks(path) => {
                for (key, value) in map {
                    path.push(key);
                    self.descend(value, path);
                    path.pop();
                }
            }
            _ => self.catch_all(value, path, path.clone()),
        }
    }

    fn leaves(&mut self, value: &'c Value, path: &mut Vec<&'c str>, depth: usize, chunk: &'static Chunk) {
        let below = path.get(depth..).unwrap_or_default();
        if let Some((row, keys)) = chunk.rows.iter().find_map(|row| Some((row, matches(row.at, below)?))) {
            let chunk_path = path.get(..depth).unwrap_or_default();
            return self.add(row, keys, value, chunk_path, chunk.restarts);
        }
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    path.push(key);
                    self.leaves(value, path, depth, chunk);
                    path.pop();
                }
            }
            _ => self.catch_all(value, path, path.get(..depth).unwrap_or_default().to_vec()),
        }
    }

    fn add(
        &mut self,
        row: &'static Row,
        (first, last): (&'c str, &'c str),
        value: &'c Value,
        chunk: &[&'c str],
        restarts: bool,
    ) {
        let has_key = row.unit.contains("{}");
        let mut name = row.unit.replacen("{}", first, 1);
        if self.mask
            && let Some(list) = NAMED_BY_TEXT.iter().find(|list| name.starts_with(**list))
        {
            name = entry_name(list, first, self.hidden);
        }
        let own_key = if row.leaf.contains("{}") { last } else { "" };
        let leaf = match row.leaf.contains("{}") {
            true => Cow::Owned(row.leaf.replacen("{}", last, 1)),
            false => Cow::Borrowed(row.leaf),
        };
        let leaf = Leaf { name: leaf, key: own_key, row: Some(row), value };
        // Leaves of one entry follow each other, those of one attribute too.
        match self.units.last_mut().filter(|unit| unit.name == name) {
            Some(unit) => unit.leaves.push(leaf),
            None => self.units.push(Unit {
                name,
                key: Cow::Borrowed(if has_key { first } else { "" }),
                chunk: chunk.to_vec(),
                restarts,
                leaves: vec![leaf],
            }),
        }
    }

    /// A leaf that no row knows: named by its path.
    fn catch_all(&mut self, value: &'c Value, path: &[&'c str], chunk: Vec<&'c str>) {
        let restarts = path.first() == Some(&TASK);
        let leaf = Leaf { name: Cow::Borrowed(""), key: "", row: None, value };
        let name = path.join(".");
        self.units.push(Unit { name, key: Cow::Borrowed(""), chunk, restarts, leaves: vec![leaf] });
    }
}

/// Tells whether chunks lie below a path.
fn is_above_chunks(path: &[&str]) -> bool {
    matches!(path, [] | [TASK] | [TASK, CONTAINER])
}

/// The first and the last key that the stars of a pattern stand for.
fn matches<'c>(pattern: &str, path: &[&'c str]) -> Option<(&'c str, &'c str)> {
    let mut keys: (&str, &str) = ("", "");
    let mut path = path.iter();
    if !pattern.is_empty() {
        for want in pattern.split('/') {
            let key = *path.next()?;
            if want == "*" {
                keys = (if keys.0.is_empty() { key } else { keys.0 }, key);
            } else if want != key {
                return None;
            }
        }
    }
    path.next().is_none().then_some(keys)
}

#[cfg(test)]
mod tests;
