//! SG101 unknown-key, in the paths of `user_options.allow`.

use super::ConfigView;
use crate::check::schema;
use crate::diag::{Code, Diagnostic, code, fix};
use crate::source::{Entry, Map, Node, Value};

/// What a path can be told to be.
const CODES: [&Code; 2] = [&code::UNKNOWN_KEY, &code::NOT_IN_SWARM];

/// Finds paths that lead to nothing: no request could set them.
pub(super) fn check(view: &ConfigView<'_>) -> Vec<Diagnostic> {
    let allow = view.root.get("user_options").and_then(|options| options.get("allow")).and_then(Node::as_map);
    allow.into_iter().flatten().filter_map(problem).collect()
}

/// What is wrong with a path, as the schema says of a request that sets it.
pub(super) fn problem(entry: &Entry) -> Option<Diagnostic> {
    if schema::overrides_know(&entry.key) {
        return None;
    }
    let span = entry.key_span;
    let leaf = Node::new(span, Value::Null);
    let request = entry.key.rsplit('.').fold(leaf, |value, key| {
        let entries = vec![Entry { key: key.into(), key_span: span, value }];
        Node::new(span, Value::Map(Map { entries }))
    });
    let mut found = schema::check_overrides(&request).into_iter().find(|found| CODES.contains(&found.code))?;
    if let Some(meant) = found.fix.take() {
        let meant = meant.replacement.trim_matches('"').to_owned();
        let mut keys: Vec<&str> = entry.key.split('.').collect();
        let wrong = keys.iter().position(|key| found.message.starts_with(&format!("unknown key `{key}`")))?;
        if let Some(key) = keys.get_mut(wrong) {
            *key = &meant;
        }
        let path = keys.join(".");
        let title = format!("write `{path}`");
        found = found.fix(span, fix::quoted(&path), title);
    }
    Some(found)
}
