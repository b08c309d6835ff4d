//! What a request may ask for.
//!
//! SwarmSpawner lets a request overwrite anything. Here a request may choose a profile and set what
//! `user_options.allow` lists, within its bounds; everything else is refused.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::check::canonical::PROFILE_SHORTCUTS;
use crate::diag::{Diagnostic, code};
use crate::source::{Entry, Map, Node, Value};

use super::amount::{self, AmountError, Raw};
use super::profile::check_layer;
use super::settings::raw;
use super::upload;

/// The keys of a request that choose a profile.
pub const PROFILE_KEYS: [&str; 3] = ["profile", "user_selected_image", "user_selected_name"];

/// The layer that a request makes, canonical: what it sets and may set. Files are another matter, if `uploads` says that it
/// may bring any. `None` means that some of what is found are errors.
pub fn layer(options: &Node, allow: Option<&Node>, uploads: bool, found: &mut Vec<Diagnostic>) -> Option<Node> {
    let Some(map) = options.as_map() else {
        found.push(
            Diagnostic::new(&code::WRONG_TYPE, format!("expected a table of options, found {}", options.type_name()))
                .at(options.span, ""),
        );
        return None;
    };
    let empty = Map::new();
    let allow = allow.and_then(Node::as_map).unwrap_or(&empty);
    let mut bounds = Bounds { allow, judged: HashSet::new(), refused: Vec::new() };
    let elsewhere = |key: &str| PROFILE_KEYS.contains(&key) || (uploads && key == upload::KEY);
    let granted = bounds.grant(map.iter().filter(|entry| !elsewhere(&entry.key)), "");
    let mut layer = Node::new(options.span, Value::Map(granted));
    let mut fits = bounds.refused.is_empty();
    if fits {
        let checked = check_layer(&mut layer);
        fits = !checked.has_errors();
        found.extend(checked);
    }
    if fits {
        // A short form says more than its own path: a list of variables, one limit for two.
        for entry in layer.as_map().into_iter().flatten() {
            bounds.judge(&entry.key, &entry.value);
        }
        fits = bounds.refused.is_empty();
    }
    found.append(&mut bounds.refused);
    fits.then_some(layer)
}

/// What a request may set, and what it may not.
struct Bounds<'a> {
    allow: &'a Map,
    /// The paths without short cuts that have been looked at.
    judged: HashSet<String>,
    refused: Vec<Diagnostic>,
}

impl Bounds<'_> {
    /// Those of the entries that are granted.
    fn grant<'e>(&mut self, entries: impl Iterator<Item = &'e Entry>, above: &str) -> Map {
        let mut granted = Map::new();
        for entry in entries {
            let path = if above.is_empty() { entry.key.to_string() } else { format!("{above}.{}", entry.key) };
            if self.allow.iter().any(|bound| canonical(&bound.key) == canonical(&path)) {
                let before = self.refused.len();
                self.judge(&path, &entry.value);
                if self.refused.len() == before {
                    granted.insert(entry.clone());
                }
                continue;
            }
            match &entry.value.value {
                // An empty table asks for nothing.
                Value::Map(map) => {
                    let inner = self.grant(map.iter(), &path);
                    if !inner.is_empty() {
                        granted.insert(Entry {
                            key: entry.key.clone(),
                            key_span: entry.key_span,
                            value: Node::new(entry.value.span, Value::Map(inner)),
                        });
                    }
                }
                _ => {
                    let shown = crate::check::canonical::printable(&path);
                    self.refused.push(
                        Diagnostic::new(&code::OPTION_NOT_ALLOWED, format!("a request may not set `{shown}`"))
                            .at(entry.key_span, "set here")
                            .help(format!("to open it to everybody, list `\"{shown}\"` under `[user_options.allow]`")),
                    );
                }
            }
        }
        granted
    }

    /// Checks a value, and what is in it, against every bound that is set for it: a wider path that is open, or the same one
    /// in another spelling, takes no bound away.
    fn judge(&mut self, path: &str, value: &Node) {
        if self.judged.insert(canonical(path).into_owned()) {
            let own = self.allow.iter().filter(|bound| canonical(&bound.key) == canonical(path));
            self.refused.extend(own.filter_map(|bound| within(path, value, bound).err()).map(|diagnostic| *diagnostic));
        }
        for entry in value.as_map().into_iter().flatten() {
            self.judge(&format!("{path}.{}", entry.key), &entry.value);
        }
    }
}

/// A path without short cuts: `env.A` is `container_spec.env.A`, and so on.
pub fn canonical(path: &str) -> Cow<'_, str> {
    let first = path.split('.').next().unwrap_or_default();
    match path.strip_prefix("container_spec.").unwrap_or(path) {
        "image" => Cow::Borrowed("image"),
        "uid_gid" | "user" => Cow::Borrowed("container_spec.user"),
        _ if PROFILE_SHORTCUTS.contains(&first) => Cow::Owned(format!("container_spec.{path}")),
        _ => Cow::Borrowed(path),
    }
}

/// Checks a value against what `user_options.allow` says of its path.
fn within(path: &str, value: &Node, bound: &Entry) -> Result<(), Box<Diagnostic>> {
    let key = path.rsplit('.').next().unwrap_or(path);
    if let Some(values) = bound.value.get("values").filter(|values| values.as_seq().is_some()) {
        let listed = values.as_seq().unwrap_or_default().iter().any(|one| one == value || same(path, one, value));
        if !listed {
            return Err(Box::new(
                Diagnostic::new(
                    &code::OPTION_OUT_OF_BOUNDS,
                    format!("`{key}` is none of the values that may be asked for"),
                )
                .at(value.span, "set here")
                .at(values.span, "the values"),
            ));
        }
    }
    for (side, word, help) in [
        ("max", "exceeds what user options may ask for", "or less"),
        ("min", "is below what user options may ask for", "or more"),
    ] {
        let Some(limit) = bound.value.get(side) else { continue };
        let asked = match measure(key, value) {
            Ok(asked) => asked,
            Err(error) => {
                let diagnostic = Diagnostic::new(&code::OPTION_OUT_OF_BOUNDS, format!("`{key}`: {}", error.message))
                    .at(value.span, "set here")
                    .at(limit.span, "the limit");
                return Err(Box::new(diagnostic.help(error.help)));
            }
        };
        let Ok(most) = measure(key, limit) else {
            return Err(Box::new(
                Diagnostic::new(&code::OPTION_OUT_OF_BOUNDS, format!("`{key}` has a limit that is no amount"))
                    .at(value.span, "set here")
                    .at(limit.span, "the limit"),
            ));
        };
        // To the engine these mean no limit at all.
        let endless = asked < 0.0 || asked == 0.0 && matches!(key, "max_attempts" | "maxreplicas" | "pids_limit");
        if (side == "max" && (asked > most || endless)) || (side == "min" && asked < most) {
            let shown = match &limit.value {
                Value::Str(text) => text.to_string(),
                Value::Int(number) => number.to_string(),
                Value::Float(number) => number.to_string(),
                _ => continue,
            };
            return Err(Box::new(
                Diagnostic::new(&code::OPTION_OUT_OF_BOUNDS, format!("`{key}` {word}"))
                    .at(value.span, "set here")
                    .at(limit.span, "the limit")
                    .help(format!("ask for {shown} {help}")),
            ));
        }
    }
    Ok(())
}

/// Tells whether two values are the same: amounts as amounts, all else as it is written.
fn same(path: &str, one: &Node, other: &Node) -> bool {
    let key = path.rsplit('.').next().unwrap_or(path);
    let is_users = ["container_spec.env.", "container_spec.labels.", "container_spec.sysctls.", "labels."]
        .iter()
        .any(|table| canonical(path).starts_with(table));
    if !is_users && AMOUNTS.contains(&key) {
        return matches!((measure(key, one), measure(key, other)), (Ok(one), Ok(other)) if one == other);
    }
    let text = |node: &Node| match &node.value {
        Value::Str(text) => Some(text.to_string()),
        Value::Int(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        _ => None,
    };
    matches!((text(one), text(other)), (Some(one), Some(other)) if one == other)
}

/// The keys whose values may be written in several ways.
const AMOUNTS: [&str; 13] = [
    "cpu_limit",
    "cpu_reservation",
    "mem_limit",
    "mem_reservation",
    "tmpfs_size",
    "delay",
    "interval",
    "monitor",
    "start_interval",
    "start_period",
    "stop_grace_period",
    "timeout",
    "window",
];

/// A value as a number in its key's unit, for comparing.
///
/// # Errors
///
/// What is wrong with it, where it is no such amount.
pub fn measure(key: &str, node: &Node) -> Result<f64, AmountError> {
    let no_number = || AmountError {
        message: "this is no number".to_owned(),
        help: "write a number, which can be compared with the limit".to_owned(),
    };
    let raw = raw(&node.value).ok_or_else(no_number)?;
    let amount = match key {
        "cpu_limit" | "cpu_reservation" => amount::cpus(raw),
        "mem_limit" | "mem_reservation" => amount::memory(raw),
        "tmpfs_size" => amount::size(raw),
        "delay" | "interval" | "monitor" | "start_interval" | "start_period" | "stop_grace_period" | "timeout"
        | "window" => amount::duration(raw),
        _ => {
            return match raw {
                Raw::Int(number) => Ok(number as f64),
                Raw::Float(number) => Ok(number),
                Raw::Text(text) => {
                    text.trim().parse().ok().filter(|number: &f64| number.is_finite()).ok_or_else(no_number)
                }
            };
        }
    };
    amount.map(|amount| amount as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_cuts_name_the_same_as_whole_paths() {
        for (short, whole) in [
            ("env.A", "container_spec.env.A"),
            ("mounts", "container_spec.mounts"),
            ("image", "container_spec.image"),
            ("uid_gid", "container_spec.user"),
            ("user", "container_spec.uid_gid"),
        ] {
            assert_eq!(canonical(short), canonical(whole));
        }
        assert_ne!(canonical("resource_spec.mem_limit"), canonical("resource_spec.cpu_limit"));
        assert_ne!(canonical("labels.a"), canonical("container_spec.labels.a"));
    }
}
