//! Short forms become long ones.
//!
//! After this, a tree has one way to say each thing: profile short cuts (`images[].mounts`) stand under
//! `container_spec`, strings that stand for tables are tables, and lists that stand for tables are tables. Every node
//! keeps the span of the text that it came from.

use std::sync::Arc;

use crate::diag::{Diagnostic, Diagnostics, code};
use crate::source::{Entry, Map, Node, Span, Value};

/// The keys of `container_spec` that a profile or an override may say directly.
pub const PROFILE_SHORTCUTS: &[&str] =
    &["args", "command", "configs", "env", "mounts", "secrets", "uid_gid", "user", "workdir"];

/// Brings a checked config tree into its one form.
///
/// The tree must have passed the schema: what does not fit it is left as it is.
pub fn canonicalize(root: &mut Node, diagnostics: &mut Diagnostics) {
    let Value::Map(map) = &mut root.value else { return };
    move_into_container(map, &["configs"], diagnostics);
    service(map, diagnostics);
    lift_image(map, diagnostics);
    if let Some(Node { value: Value::Seq(profiles), .. }) = map.get_mut("images") {
        for profile in profiles {
            layer(profile, diagnostics);
        }
    }
    if let Some(Node { value: Value::Map(users), .. }) = map.get_mut("users") {
        for user in &mut users.entries {
            if let Value::Map(user) = &mut user.value.value
                && let Some(overrides) = user.get_mut("overrides")
            {
                layer(overrides, diagnostics);
            }
        }
    }
    if let Some(Node { value: Value::Str(path), span }) = map.get("users_file") {
        let list = vec![Node::string(*span, Arc::clone(path))];
        let span = *span;
        if let Some(node) = map.get_mut("users_file") {
            *node = Node::new(span, Value::Seq(list));
        }
    }
}

/// Brings a profile, an override or a request's options into the one form.
pub fn layer(node: &mut Node, diagnostics: &mut Diagnostics) {
    if let Value::Map(map) = &mut node.value {
        move_into_container(map, PROFILE_SHORTCUTS, diagnostics);
        service(map, diagnostics);
        lift_image(map, diagnostics);
    }
}

/// Moves short cuts below `container_spec`, which is made if there is none.
fn move_into_container(map: &mut Map, keys: &[&str], diagnostics: &mut Diagnostics) {
    for key in keys {
        let Some(entry) = map.remove(key) else { continue };
        if map.get("container_spec").is_none() {
            map.insert(Entry {
                key: "container_spec".into(),
                key_span: entry.key_span,
                value: Node::new(entry.key_span, Value::Map(Map::new())),
            });
        }
        let Some(Node { value: Value::Map(container), .. }) = map.get_mut("container_spec") else { continue };
        match container.entry(key) {
            Some(other) => diagnostics.push(
                Diagnostic::new(&code::CONFLICTING_KEYS, format!("`{key}` is set twice"))
                    .at(entry.key_span, "set here")
                    .at(other.key_span, format!("and here, as `container_spec.{key}`"))
                    .help("keep one of them"),
            ),
            None => container.insert(entry),
        }
    }
}

/// The image stands beside `container_spec` in every layer, as in SwarmSpawner's `images`.
fn lift_image(map: &mut Map, diagnostics: &mut Diagnostics) {
    let Some(Node { value: Value::Map(container), .. }) = map.get_mut("container_spec") else { return };
    let Some(image) = container.remove("image") else { return };
    match map.entry("image") {
        Some(other) => diagnostics.push(
            Diagnostic::new(&code::CONFLICTING_KEYS, "`image` is set twice")
                .at(image.key_span, "as `container_spec.image`")
                .at(other.key_span, "and here")
                .help("keep one of them"),
        ),
        None => map.insert(image),
    }
}

/// The service attributes of one layer.
fn service(map: &mut Map, diagnostics: &mut Diagnostics) {
    for entry in &mut map.entries {
        match &*entry.key {
            "container_spec" => container(&mut entry.value, diagnostics),
            "placement" => placement(&mut entry.value),
            "networks" => each(&mut entry.value, |network| string_to_table(network, "target")),
            "endpoint_spec" => ports(&mut entry.value, diagnostics),
            _ => {}
        }
    }
}

fn container(node: &mut Node, diagnostics: &mut Diagnostics) {
    let Value::Map(map) = &mut node.value else { return };
    if let Some(uid_gid) = map.remove("uid_gid") {
        match map.entry("user") {
            Some(user) => diagnostics.push(
                Diagnostic::new(&code::CONFLICTING_KEYS, "`uid_gid` and `user` both say who the container runs as")
                    .at(uid_gid.key_span, "set here")
                    .at(user.key_span, "and here")
                    .help("keep one of them"),
            ),
            None => map.insert(Entry { key: "user".into(), ..uid_gid }),
        }
    }
    for entry in &mut map.entries {
        match &*entry.key {
            "env" => env(&mut entry.value, diagnostics),
            "command" | "args" => words(&mut entry.value, diagnostics),
            "mounts" => each(&mut entry.value, |mount| short_mount(mount, diagnostics)),
            "configs" => each(&mut entry.value, |config| string_to_table(config, "config_name")),
            "secrets" => each(&mut entry.value, |secret| string_to_table(secret, "secret_name")),
            "healthcheck" => {
                if let Some(test) = entry.value_at("test")
                    && let Value::Str(_) = &test.value
                {
                    let span = test.span;
                    let command = std::mem::replace(test, Node::new(span, Value::Null));
                    *test = Node::new(span, Value::Seq(vec![Node::string(span, "CMD-SHELL"), command]));
                }
            }
            "ulimits" => {
                if let Value::Map(limits) = &mut entry.value.value {
                    for limit in &mut limits.entries {
                        both_limits(&mut limit.value);
                    }
                }
            }
            _ => {}
        }
    }
}

impl Entry {
    fn value_at(&mut self, key: &str) -> Option<&mut Node> {
        match &mut self.value.value {
            Value::Map(map) => map.get_mut(key),
            _ => None,
        }
    }
}

fn each(node: &mut Node, mut change: impl FnMut(&mut Node)) {
    if let Value::Seq(items) = &mut node.value {
        for item in items {
            change(item);
        }
    }
}

fn table(span: Span, entries: Vec<(&str, Node)>) -> Node {
    let entries =
        entries.into_iter().map(|(key, value)| Entry { key: key.into(), key_span: value.span, value }).collect();
    Node::new(span, Value::Map(Map { entries }))
}

fn string_to_table(node: &mut Node, key: &str) {
    if let Value::Str(_) = node.value {
        let span = node.span;
        let text = std::mem::replace(node, Node::new(span, Value::Null));
        *node = table(span, vec![(key, text)]);
    }
}

fn both_limits(node: &mut Node) {
    if !matches!(node.value, Value::Map(_)) {
        let limit = node.clone();
        *node = table(node.span, vec![("soft", limit.clone()), ("hard", limit)]);
    }
}

/// `["NAME=value"]`, as docker-py takes it too.
fn env(node: &mut Node, diagnostics: &mut Diagnostics) {
    let Value::Seq(items) = &node.value else { return };
    let mut map = Map::new();
    for item in items {
        let Some(text) = item.as_str() else { continue };
        let Some((name, value)) = text.split_once('=') else {
            diagnostics.push(
                Diagnostic::new(&code::BAD_ENV, "an entry of `env` has no `=`")
                    .at(item.span, "expected `NAME=value`")
                    .help("write `env` as a table: `{ NAME = \"value\" }`"),
            );
            continue;
        };
        if let Some(first) = map.entry(name) {
            diagnostics.push(
                Diagnostic::new(&code::DUPLICATE_KEY, format!("`{}` is set twice in `env`", printable(name)))
                    .at(item.span, "")
                    .at(first.key_span, "first set here"),
            );
            continue;
        }
        map.insert(Entry { key: name.into(), key_span: item.span, value: Node::string(item.span, value) });
    }
    node.value = Value::Map(map);
}

/// A name from the input, safe and short enough for a message.
pub fn printable(text: &str) -> String {
    let mut shown: String = text.chars().take(80).flat_map(char::escape_debug).collect();
    if text.chars().nth(80).is_some() {
        shown.push('…');
    }
    shown
}

/// A command as one string is split as a POSIX shell splits words, as docker-py does.
fn words(node: &mut Node, diagnostics: &mut Diagnostics) {
    let Some(text) = node.as_str() else { return };
    let span = node.span;
    match split_words(text) {
        Some(words) => node.value = Value::Seq(words.into_iter().map(|word| Node::string(span, word)).collect()),
        None => diagnostics.push(
            Diagnostic::new(&code::BAD_VALUE, "the command has an unclosed quote")
                .at(span, "")
                .help("write the command as a list of words"),
        ),
    }
}

fn split_words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\n' | '\r' => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '\'' => break,
                        c => word.push(c),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '"' => break,
                        '\\' => match chars.next()? {
                            c @ ('"' | '\\' | '$' | '`') => word.push(c),
                            '\n' => {}
                            c => word.extend(['\\', c]),
                        },
                        c => word.push(c),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(chars.next()?),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Some(words)
}

/// `source:target[:ro|rw]`, as docker-py and the docker CLI take it.
fn short_mount(node: &mut Node, diagnostics: &mut Diagnostics) {
    let Some(text) = node.as_str() else { return };
    let span = node.span;
    let string = |text: &str| Node::string(span, text);
    let parts: Vec<&str> = text.split(':').collect();
    let (source, target, mode) = match parts.as_slice() {
        [target] => (None, *target, None),
        [source, target] => (Some(*source), *target, None),
        [source, target, mode @ ("ro" | "rw")] => (Some(*source), *target, Some(*mode)),
        _ => {
            diagnostics.push(
                Diagnostic::new(&code::BAD_VALUE, "the short form of a mount is `source:target` or `source:target:ro`")
                    .at(span, "")
                    .help("write the mount as a table with `type`, `source` and `target`"),
            );
            return;
        }
    };
    let bind = source.is_some_and(|source| source.starts_with('/'));
    let mut entries = vec![("type", string(if bind { "bind" } else { "volume" })), ("target", string(target))];
    if let Some(source) = source {
        entries.push(("source", string(source)));
    }
    if mode == Some("ro") {
        entries.push(("read_only", Node::new(span, Value::Bool(true))));
    }
    *node = table(span, entries);
}

fn placement(node: &mut Node) {
    if let Value::Seq(_) = node.value {
        let span = node.span;
        let constraints = std::mem::replace(node, Node::new(span, Value::Null));
        *node = table(span, vec![("constraints", constraints)]);
    }
    let Value::Map(map) = &mut node.value else { return };
    if let Some(preferences) = map.get_mut("preferences") {
        each(preferences, |preference| join_pair(preference, "="));
    }
    if let Some(platforms) = map.get_mut("platforms") {
        // docker-py's pairs are (architecture, operating system), the CLI's text is `os/architecture`.
        each(platforms, |platform| {
            if let Value::Seq(pair) = &mut platform.value {
                pair.reverse();
            }
            join_pair(platform, "/");
        });
    }
}

fn join_pair(node: &mut Node, separator: &str) {
    if let Value::Seq(items) = &node.value
        && let [first, second] = items.as_slice()
        && let (Some(first), Some(second)) = (first.as_str(), second.as_str())
    {
        *node = Node::string(node.span, format!("{first}{separator}{second}"));
    }
}

/// docker-py's `{published: target}` and `{published: [target, protocol, mode]}`.
fn ports(node: &mut Node, diagnostics: &mut Diagnostics) {
    let Value::Map(map) = &mut node.value else { return };
    let Some(ports) = map.get_mut("ports") else { return };
    let Value::Map(by_published) = &ports.value else { return };
    let mut list = Vec::new();
    for entry in by_published {
        let Some(published) = entry.key.parse::<u16>().ok().filter(|port| *port != 0) else {
            diagnostics.push(
                Diagnostic::new(&code::BAD_ENDPOINT, "a published port is a number from 1 to 65535")
                    .at(entry.key_span, "")
                    .help("write `{ 8000 = 8888 }` to publish the server's port 8888 as 8000, or list tables with a `target` each"),
            );
            continue;
        };
        let published = Node::new(entry.key_span, Value::Int(published.into()));
        let mut port = vec![("published", published)];
        match &entry.value.value {
            Value::Seq(parts) => {
                for (part, words) in parts.iter().skip(1).zip([&["tcp", "udp", "sctp"] as &[_], &["ingress", "host"]]) {
                    if !part.as_str().is_some_and(|word| words.contains(&word)) {
                        let words = words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
                        diagnostics.push(
                            Diagnostic::new(&code::NOT_ONE_OF, format!("expected one of {words}")).at(part.span, ""),
                        );
                    }
                }
                port.extend(["target", "protocol", "mode"].into_iter().zip(parts.iter().cloned()));
            }
            _ => port.push(("target", entry.value.clone())),
        }
        list.push(table(entry.value.span, port));
    }
    ports.value = Value::Seq(list);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_a_shell_does() {
        let split = |text| split_words(text).unwrap();
        assert_eq!(split("a  b"), ["a", "b"]);
        assert_eq!(split(r#"sh -c 'a "b"' "c \"d\" \e" f\ g ''"#), ["sh", "-c", r#"a "b""#, r#"c "d" \e"#, "f g", ""]);
        assert_eq!(split_words("a 'b"), None);
        assert_eq!(split_words("a \"b"), None);
    }
}
