//! The labels by which services tell who made them, what was last applied, and what of it is secret.

#[cfg(test)]
pub(crate) mod fixture;
mod hidden;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::field::Unit;

pub use hidden::{for_each_secret, hidden_fields, hides_volume, image_parts};

/// The service label that says who made it: `apply` or `spawner`.
pub const MADE_BY: &str = "swarmgen.made-by";
/// The service label with the digests of what was last applied.
pub const APPLIED: &str = "swarmgen.applied";
/// The service label with the fields that held secrets.
pub const HIDDEN: &str = "swarmgen.hidden";
/// The volume label that says that a volume goes with its server.
pub const AUTOREMOVE: &str = "autoremove";
/// Who made what this command line makes.
pub const BY_APPLY: &str = "apply";
/// Who made what the hub's spawner makes.
pub const BY_SPAWNER: &str = "spawner";

/// Hexadecimal digits of a digest.
const DIGITS: usize = 10;
/// Hexadecimal digits of the digest of what holds a secret: enough to tell that it changed, and too few to find it by.
const DIGITS_OF_SECRETS: usize = 4;

/// Tells whether a label is of the bookkeeping: written anew each time and no difference of its own.
pub fn is_bookkeeping(key: &str) -> bool {
    matches!(key, MADE_BY | APPLIED | HIDDEN)
}

/// Tells whether a value of the label `autoremove` says yes, as SwarmSpawner takes it.
pub fn is_true(value: &str) -> bool {
    matches!(value, "True" | "true" | "1")
}

/// Digests of what was last applied, by unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied(BTreeMap<String, String>);

impl Applied {
    /// The digests of what is wanted.
    pub fn of(units: &[Unit<'_>], hidden: &BTreeSet<String>) -> Self {
        let digest = |unit: &Unit<'_>| {
            let mut digest = unit.digest();
            let is_secret = unit.leaves.iter().any(|leaf| hidden.contains(&unit.full_name(leaf)))
                || hidden.contains(&unit.name)
                || looks_secret(&unit.name)
                || unit.leaves.iter().any(|leaf| looks_secret(&leaf.name));
            digest.truncate(if is_secret { DIGITS_OF_SECRETS } else { DIGITS });
            (unit.name.clone(), digest)
        };
        Self(units.iter().map(digest).collect())
    }

    /// Reads the label; `None` if it is no such label.
    pub fn parse(text: &str) -> Option<Self> {
        let map: BTreeMap<String, String> = serde_json::from_str(text).ok()?;
        map.values().all(|digest| digest.len() >= DIGITS_OF_SECRETS).then_some(Self(map))
    }

    /// The label's text.
    pub fn to_text(&self) -> String {
        let all: Map<String, Value> = self.0.iter().map(|(unit, digest)| (unit.clone(), (&**digest).into())).collect();
        Value::Object(all).to_string()
    }

    /// Tells whether a unit is as it was applied; both may be absent.
    pub fn is(&self, name: &str, unit: Option<&Unit<'_>>) -> bool {
        match (self.0.get(name), unit) {
            (Some(applied), Some(unit)) => unit.digest().starts_with(applied.as_str()),
            (None, None) => true,
            _ => false,
        }
    }
}

/// The label with the fields that held secrets: sorted, with spaces between them.
pub fn hidden_text(hidden: &BTreeSet<String>) -> String {
    let mut text = String::new();
    for path in hidden {
        if !text.is_empty() {
            text.push(' ');
        }
        for c in path.chars() {
            if c == '%' || c.is_whitespace() || c.is_control() {
                let mut bytes = [0; 4];
                for byte in c.encode_utf8(&mut bytes).bytes() {
                    // Writing to a string cannot fail.
                    let _ = write!(text, "%{byte:02X}");
                }
            } else {
                text.push(c);
            }
        }
    }
    text
}

/// Reads the label with the fields that held secrets.
pub fn parse_hidden(text: &str) -> BTreeSet<String> {
    text.split(' ').filter(|path| !path.is_empty()).map(percent_decoded).collect()
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let coded = after.get(..2).filter(|_| *first == b'%').and_then(|two| std::str::from_utf8(two).ok());
        match coded.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Writes the bookkeeping into a body.
pub fn write(body: &mut Value, applied: &Applied, hidden: &BTreeSet<String>) {
    let Some(body) = body.as_object_mut() else { return };
    let labels = body.entry("Labels").or_insert_with(|| Value::Object(Map::new()));
    if let Some(labels) = labels.as_object_mut() {
        labels.insert(APPLIED.to_owned(), applied.to_text().into());
        labels.insert(HIDDEN.to_owned(), hidden_text(hidden).into());
        labels.insert(MADE_BY.to_owned(), BY_APPLY.into());
    }
}

/// Parts of names whose values are secret, whatever the config says of them.
const SECRET_WORDS: [&str; 11] = [
    "apikey",
    "api_key",
    "cookie",
    "credential",
    "id_rsa",
    "passphrase",
    "passwd",
    "password",
    "private_key",
    "secret",
    "token",
];

/// Tells whether what has this name may be a secret.
pub fn looks_secret(name: &str) -> bool {
    // `secrets:/run/secrets/x` refers to a secret and holds none.
    if name.starts_with("secrets:") || matches!(name, "secret_name" | "secret_id") {
        return false;
    }
    let name = name.to_ascii_lowercase();
    SECRET_WORDS.iter().any(|word| name.contains(word))
        || ["_key", "-key", ".key", "_pwd", ".pwd", "_pass", ".pass"].iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests;
