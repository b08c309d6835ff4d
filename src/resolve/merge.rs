//! Laying one tree over another.
//!
//! Every node keeps its span, so the merged tree itself tells which layer and line each value came from.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use crate::source::{Map, Node, Value};

use super::policy::{Identity, Policy, policy};

/// How eagerly tables are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// As the policy table says.
    Table,
    /// Every table key by key (`merge = "deep"`).
    Deep,
}

/// Lays `over` on `base`, both canonical.
pub fn merge(base: &mut Node, over: &Node, mode: Mode) {
    lay(base, over, mode, &mut Vec::new());
}

fn lay<'a>(base: &mut Node, over: &'a Node, mode: Mode, path: &mut Vec<&'a str>) {
    let policy = policy(path);
    match (&mut base.value, &over.value, policy) {
        (Value::Map(own), Value::Map(theirs), Policy::ByKey) => by_key(own, theirs, mode, path),
        (Value::Map(own), Value::Map(theirs), Policy::Replace | Policy::ByDriver) if mode == Mode::Deep => {
            by_key(own, theirs, mode, path);
        }
        (Value::Map(own), Value::Map(theirs), Policy::ByDriver) if same_driver(own, theirs) => {
            by_key(own, theirs, Mode::Deep, path);
        }
        (Value::Seq(own), Value::Seq(theirs), Policy::ByEntry(identity)) => {
            for item in theirs {
                let key = entry_identity(item, identity);
                match own.iter_mut().find(|own| key.is_some() && entry_identity(own, identity) == key) {
                    // What two documents say of one profile combines as two layers do: nothing said is lost, least
                    // of all who may use it.
                    Some(own) if identity == Identity::Name => lay(own, item, mode, &mut Vec::new()),
                    Some(own) if mode == Mode::Deep => lay_entry(own, item),
                    Some(own) => *own = item.clone(),
                    None => own.push(item.clone()),
                }
            }
        }
        _ => *base = over.clone(),
    }
}

fn by_key<'a>(own: &mut Map, theirs: &'a Map, mode: Mode, path: &mut Vec<&'a str>) {
    // Tables of settings are small, tables of users need not be.
    let index: Option<HashMap<Arc<str>, usize>> = (own.entries.len() > 64)
        .then(|| own.entries.iter().enumerate().map(|(index, entry)| (Arc::clone(&entry.key), index)).collect());
    for entry in theirs {
        let known = match &index {
            Some(index) => index.get(&entry.key).copied(),
            None => own.entries.iter().position(|own| own.key == entry.key),
        };
        path.push(&entry.key);
        match known.and_then(|known| own.entries.get_mut(known)) {
            Some(own) => {
                own.key_span = entry.key_span;
                lay(&mut own.value, &entry.value, mode, path);
            }
            None => own.entries.push(entry.clone()),
        }
        path.pop();
    }
}

fn lay_entry(own: &mut Node, over: &Node) {
    match (&mut own.value, &over.value) {
        (Value::Map(own), Value::Map(theirs)) => {
            for entry in theirs {
                match own.entries.iter_mut().find(|own| own.key == entry.key) {
                    Some(own) => {
                        own.key_span = entry.key_span;
                        lay_entry(&mut own.value, &entry.value);
                    }
                    None => own.entries.push(entry.clone()),
                }
            }
        }
        _ => *own = over.clone(),
    }
}

/// A layer that names no driver means the one below.
fn same_driver(own: &Map, theirs: &Map) -> bool {
    match (own.get("name").and_then(Node::as_str), theirs.get("name").and_then(Node::as_str)) {
        (Some(own), Some(theirs)) => own == theirs,
        (_, None) => true,
        (None, Some(_)) => false,
    }
}

/// What identifies an entry of a list; `None` where it lacks that.
pub fn entry_identity(item: &Node, identity: Identity) -> Option<String> {
    let text = |key| item.get(key).and_then(Node::as_str);
    match identity {
        Identity::Target => text("target").map(|target| normal_target(target).into_owned()),
        Identity::File(name) => text("filename").or_else(|| text(name)).map(str::to_owned),
        Identity::Name => text("name").map(str::to_owned),
    }
}

/// A path without slashes at its end, doubled ones or parts that are a dot, for comparing targets.
pub fn normal_target(path: &str) -> Cow<'_, str> {
    if !path.contains("//") && !path.contains("/.") && (path.len() < 2 || !path.ends_with('/')) {
        return Cow::Borrowed(path);
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let root = if path.starts_with('/') { "/" } else { "" };
    Cow::Owned(format!("{root}{}", parts.join("/")))
}

/// Takes out of `base` what a path of `unset` names; tells whether it was there.
///
/// A path is dotted from the root (`resource_spec.cpu_limit`); one that starts with a key of `container_spec` may
/// leave that out (`env.FOO`). An entry of a list follows a colon (`mounts:/data`).
pub fn unset(base: &mut Node, path: &str) -> bool {
    // What the canonical form has under another name.
    let path = match path {
        "uid_gid" | "container_spec.uid_gid" => "container_spec.user",
        "container_spec.image" => "image",
        path => path,
    };
    let (path, entry) = match path.split_once(':') {
        Some((path, entry)) => (path, Some(entry)),
        None => (path, None),
    };
    let first = path.split('.').next().unwrap_or_default();
    if base.get(first).is_some() && remove(base, path, entry, &mut Vec::new()) {
        return true;
    }
    match &mut base.value {
        Value::Map(map) => map.get_mut("container_spec").is_some_and(|container| {
            container.get(first).is_some() && remove(container, path, entry, &mut vec!["container_spec"])
        }),
        _ => false,
    }
}

fn remove<'a>(node: &mut Node, path: &'a str, entry: Option<&str>, above: &mut Vec<&'a str>) -> bool {
    let Value::Map(map) = &mut node.value else { return false };
    // A key may hold dots itself (labels, sysctls): the whole rest is tried first.
    if map.entry(path).is_some() {
        let Some(wanted) = entry else { return map.remove(path).is_some() };
        above.push(path);
        let (Policy::ByEntry(identity), Some(Node { value: Value::Seq(items), .. })) =
            (policy(above), map.get_mut(path))
        else {
            return false;
        };
        let wanted = if identity == Identity::Target { normal_target(wanted).into_owned() } else { wanted.to_owned() };
        let before = items.len();
        items.retain(|item| entry_identity(item, identity).as_ref() != Some(&wanted));
        return items.len() < before;
    }
    let Some((key, rest)) = path.split_once('.') else { return false };
    above.push(key);
    map.get_mut(key).is_some_and(|child| remove(child, rest, entry, above))
}
