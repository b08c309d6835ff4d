//! The schema as a place to look things up: which keys a table takes, and what to call the values of a key.

use serde_json::{Map, Value};

use crate::source::{Node, Pointer};

/// The schema document, beside a tree that does not fit it.
#[derive(Clone, Copy)]
pub(super) struct Outline<'a> {
    document: &'a Value,
    /// Tells lists from tables where the schema takes either.
    root: &'a Node,
}

impl<'a> Outline<'a> {
    /// Looks at a schema document.
    pub(super) fn new(document: &'a Value, root: &'a Node) -> Self {
        Self { document, root }
    }

    /// The schema of the value that a pointer names in a config.
    pub(super) fn at(self, pointer: &Pointer) -> Option<&'a Value> {
        let mut node = Some(self.root);
        pointer.segments().try_fold(self.document, |schema, segment| {
            let list = node.and_then(Node::as_seq);
            node = match list {
                Some(items) => segment.parse().ok().and_then(|index: usize| items.get(index)),
                None => node.and_then(|node| node.get(&segment)),
            };
            self.step(schema, &segment, list.is_some())
        })
    }

    fn step(self, schema: &'a Value, segment: &str, of_list: bool) -> Option<&'a Value> {
        self.branches(schema).into_iter().find_map(|branch| {
            let property = branch.get("properties").and_then(|properties| properties.get(segment));
            let rest = || branch.get("additionalProperties").filter(|rest| rest.is_object());
            let item = || branch.get("items").filter(|_| segment.bytes().all(|byte| byte.is_ascii_digit()));
            if of_list { item() } else { property.or_else(rest).or_else(item) }
        })
    }

    /// The schemas that a schema stands for: its references followed, the branches of its unions apart.
    pub(super) fn branches(self, schema: &'a Value) -> Vec<&'a Value> {
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let target = reference.strip_prefix('#').and_then(|pointer| self.document.pointer(pointer));
            return target.map_or_else(Vec::new, |target| self.branches(target));
        }
        match schema.get("anyOf").and_then(Value::as_array) {
            Some(branches) => branches.iter().flat_map(|branch| self.branches(branch)).collect(),
            None => vec![schema],
        }
    }

    /// The keys that a table takes; none for a map of any keys and for what is no table.
    pub(super) fn keys(self, schema: &'a Value) -> Option<&'a Map<String, Value>> {
        let mut branches = self.branches(schema).into_iter();
        branches.find_map(|branch| branch.get("properties")).and_then(Value::as_object)
    }

    /// The words or numbers of which a value must be one.
    pub(super) fn options(self, schema: &'a Value) -> Option<&'a [Value]> {
        let mut branches = self.branches(schema).into_iter();
        branches.find_map(|branch| branch.get("enum")).and_then(Value::as_array).map(Vec::as_slice)
    }

    /// A limit that a schema sets (`minimum`, `maxItems`, ...).
    pub(super) fn limit(self, schema: &'a Value, keyword: &str) -> Option<&'a Value> {
        self.branches(schema).into_iter().find_map(|branch| branch.get(keyword))
    }

    /// Tells whether values of a JSON type may stand here.
    pub(super) fn takes(self, schema: &'a Value, kind: &str) -> bool {
        self.branches(schema).into_iter().any(|branch| types(branch).any(|name| name == kind))
    }

    /// Tells whether a list of values of a JSON type may stand here.
    pub(super) fn lists(self, schema: &'a Value, kind: &str) -> bool {
        let mut items = self.branches(schema).into_iter().filter_map(|branch| branch.get("items"));
        items.any(|items| self.takes(items, kind))
    }

    /// What may stand here, in words: `a list of strings or a table`.
    pub(super) fn words(self, schema: &'a Value) -> String {
        let mut words: Vec<String> = Vec::new();
        for branch in self.branches(schema) {
            if let Some(options) = branch.get("enum").and_then(Value::as_array) {
                words.push(one_of(options));
                continue;
            }
            for name in types(branch) {
                let word = match name {
                    "array" => match branch.get("items") {
                        Some(items) => format!("a list of {}", self.plural(items)),
                        None => "a list".to_owned(),
                    },
                    "object" => "a table".to_owned(),
                    "integer" => "an integer".to_owned(),
                    name => format!("a {name}"),
                };
                if !words.contains(&word) {
                    words.push(word);
                }
            }
        }
        either(&words)
    }

    fn plural(self, schema: &'a Value) -> String {
        let mut words: Vec<&str> = Vec::new();
        for branch in self.branches(schema) {
            for name in types(branch) {
                let word = match name {
                    "array" => "lists",
                    "object" => "tables",
                    "integer" => "integers",
                    "number" => "numbers",
                    "boolean" => "booleans",
                    _ => "strings",
                };
                if !words.contains(&word) {
                    words.push(word);
                }
            }
        }
        either(&words)
    }
}

fn types(schema: &Value) -> impl Iterator<Item = &str> {
    let (one, several) = match schema.get("type") {
        Some(Value::String(name)) => (Some(name.as_str()), None),
        Some(Value::Array(names)) => (None, Some(names)),
        _ => (None, None),
    };
    one.into_iter().chain(several.into_iter().flatten().filter_map(Value::as_str))
}

/// Joins words: `a`, `a or b`, `a, b or c`.
pub(super) fn either<S: AsRef<str>>(words: &[S]) -> String {
    let mut text = String::new();
    for (index, word) in words.iter().enumerate() {
        let left = words.len() - index;
        text.push_str(word.as_ref());
        text.push_str(match left {
            1 => "",
            2 => " or ",
            _ => ", ",
        });
    }
    text
}

/// Lists words or numbers in backticks: `` one of `a`, `b` ``.
pub(super) fn one_of(options: &[Value]) -> String {
    let words: Vec<String> = options.iter().map(|option| format!("`{}`", option_text(option))).collect();
    match words.as_slice() {
        [only] => only.clone(),
        _ => format!("one of {}", words.join(", ")),
    }
}

/// A word or number as a user would write it, without quotes.
pub(super) fn option_text(option: &Value) -> String {
    match option {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
