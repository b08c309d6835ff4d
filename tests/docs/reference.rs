//! docs/config.md, from the JSON Schema.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Map, Value};
use swarmgen::model;

use super::markdown::{section, table};

struct Reference {
    schema: Value,
}

impl Reference {
    fn definition(&self, name: &str) -> &Value {
        &self.schema["$defs"][name]
    }

    /// The definition that a schema refers to.
    fn referred<'s>(&'s self, schema: &'s Value) -> Option<(&'s str, &'s Value)> {
        let name = schema.get("$ref")?.as_str()?.rsplit('/').next()?;
        Some((name, self.definition(name)))
    }

    /// What a key takes, in words.
    fn takes(&self, schema: &Value) -> String {
        if let Some((name, definition)) = self.referred(schema) {
            if definition.get("properties").is_some() {
                return format!("[{name}](#{})", name.to_lowercase());
            }
            if definition.get("enum").is_some() || definition.get("anyOf").is_some() || is_container(definition) {
                return self.takes(definition);
            }
            return format!("[{}](#values)", words(name));
        }
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            let values: Vec<String> = values.iter().map(|value| format!("`{}`", toml(value))).collect();
            return values.join(", ");
        }
        if let Some(branches) = schema.get("anyOf").and_then(Value::as_array) {
            let branches: Vec<String> = branches.iter().map(|branch| self.takes(branch)).collect();
            return branches.join(" or ");
        }
        let types = match &schema["type"] {
            Value::String(one) => vec![one.as_str()],
            Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
            other => panic!("a schema without a type: {other}"),
        };
        let of = |key: &str, word: &str| match schema.get(key) {
            Some(inner @ Value::Object(_)) if inner.get("$ref") != Some(&"#/$defs/AttributeValue".into()) => {
                let inner = self.takes(inner);
                if inner.contains(" or ") || inner.contains(", ") {
                    format!("{word} of ({inner})")
                } else {
                    format!("{word} of {inner}")
                }
            }
            _ => word.to_owned(),
        };
        let types: Vec<String> = types
            .into_iter()
            .map(|one| match one {
                "array" => of("items", "list"),
                "object" => of("additionalProperties", "table"),
                "integer" => "whole number".to_owned(),
                other => other.to_owned(),
            })
            .collect();
        types.join(" or ")
    }

    /// A table's keys, sorted as they are declared; `skip` tells which not to show.
    fn keys(&self, properties: &Map<String, Value>, required: &Value, skip: impl Fn(&str, &Value) -> bool) -> String {
        let required: Vec<&str> = required.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let rows = properties.iter().filter(|(key, property)| !skip(key, property)).map(|(key, property)| {
            let mut name = format!("`{key}`");
            if required.contains(&key.as_str()) {
                name.push_str(" (required)");
            }
            let mut about = property["description"].as_str().unwrap().replace('\n', " ");
            let values = self.referred(property).filter(|(_, definition)| definition.get("enum").is_some());
            if let Some((_, definition)) = values {
                let meanings = definition["description"].as_str().unwrap().lines();
                for meaning in meanings.filter_map(|line| line.strip_prefix("- ")) {
                    about.push_str("<br>");
                    about.push_str(meaning);
                }
            }
            let default = property.get("default").map(|default| format!("`{}`", toml(default))).unwrap_or_default();
            let example = format!("`{}`", toml(&property["examples"][0]));
            vec![name, self.takes(property), default, about, example]
        });
        table(&["key", "takes", "default", "", "example"], rows)
    }

    /// The tables in the order in which they are first referred to, each with the keys that refer to it.
    fn tables(&self) -> Vec<(String, Vec<String>)> {
        let mut order: Vec<String> = Vec::new();
        let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut queue = VecDeque::from([(String::new(), &self.schema)]);
        while let Some((above, schema)) = queue.pop_front() {
            for (key, property) in schema["properties"].as_object().unwrap() {
                let place = if above.is_empty() { key.clone() } else { format!("{above}.{key}") };
                let mut found = Vec::new();
                self.names_in(property, &mut found);
                for name in found {
                    let known = places.entry(name.clone()).or_default();
                    // What a profile and a user's overrides share with the root is told there.
                    let shared = |one: &String| place.ends_with(&format!(".{one}"));
                    if !(known.contains(&place) || known.iter().any(shared)) {
                        known.push(place.clone());
                    }
                    if !order.contains(&name) {
                        order.push(name.clone());
                        let short = if matches!(name.as_str(), "Profile" | "User" | "Overrides") {
                            place.clone()
                        } else {
                            key.clone()
                        };
                        queue.push_back((short, self.definition(&name)));
                    }
                }
            }
        }
        order
            .into_iter()
            .map(|name| {
                let at = places.remove(&name).unwrap();
                (name, at)
            })
            .collect()
    }

    /// The tables that a schema leads to without another table between.
    fn names_in(&self, schema: &Value, found: &mut Vec<String>) {
        if let Some((name, definition)) = self.referred(schema) {
            if definition.get("properties").is_some() {
                found.push(name.to_owned());
            } else if name != "AttributeValue" {
                self.names_in(definition, found);
            }
            return;
        }
        for key in ["items", "additionalProperties"] {
            if let Some(inner @ Value::Object(_)) = schema.get(key) {
                self.names_in(inner, found);
            }
        }
        for branch in schema.get("anyOf").and_then(Value::as_array).into_iter().flatten() {
            self.names_in(branch, found);
        }
    }
}

fn is_container(definition: &Value) -> bool {
    ["items", "additionalProperties"].into_iter().any(|key| definition.get(key).is_some())
}

/// `FileMode` as `file mode`.
fn words(name: &str) -> String {
    let mut words = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(c.to_ascii_lowercase());
    }
    words
}

/// A value as TOML writes it inline.
fn toml(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(toml).collect::<Vec<_>>().join(", ")),
        Value::Object(map) if map.is_empty() => "{}".to_owned(),
        Value::Object(map) => {
            let bare = |key: &str| key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
            let key = |key: &str| if bare(key) { key.to_owned() } else { Value::from(key).to_string() };
            let entries: Vec<String> = map.iter().map(|(name, one)| format!("{} = {}", key(name), toml(one))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        other => other.to_string(),
    }
}

#[test]
fn the_reference_is_the_schemas() {
    let reference = Reference { schema: serde_json::from_str(model::CONFIG_SCHEMA).unwrap() };
    let root = reference.schema["properties"].as_object().unwrap();
    let profile = reference.definition("Profile")["properties"].as_object().unwrap();
    let shared = |key: &str, property: &Value| profile.get(key).is_some_and(|own| own["$ref"] == property["$ref"]);
    section("docs/config.md", "settings", |_| reference.keys(root, &Value::Null, shared));
    section("docs/config.md", "attributes", |_| reference.keys(root, &Value::Null, |key, one| !shared(key, one)));
    section("docs/config.md", "tables", |_| {
        let mut text = String::new();
        for (name, places) in reference.tables() {
            let definition = reference.definition(&name);
            let places: Vec<String> = places.iter().map(|place| format!("`{place}`")).collect();
            let about = definition["description"].as_str().unwrap();
            text.push_str(&format!("\n### {name}\n\n{about}\nStands at {}.\n", places.join(", ")));
            let properties = definition["properties"].as_object().unwrap();
            let base = if name == "Overrides" { profile } else { root };
            let same = |key: &str, one: &Value| {
                matches!(name.as_str(), "Profile" | "Overrides")
                    && base.get(key).is_some_and(|base| base["$ref"] == one["$ref"] && base["type"] == one["type"])
            };
            if properties.iter().any(|(key, one)| same(key, one)) {
                let whose = if name == "Overrides" {
                    "[a profile's keys](#profile)"
                } else {
                    "[service attributes](#service-attributes)"
                };
                let keys: Vec<String> =
                    properties.iter().filter(|(key, one)| same(key, one)).map(|(key, _)| format!("`{key}`")).collect();
                text.push_str(&format!("\nIt takes these {whose}: {}.\n", keys.join(", ")));
            }
            if properties.iter().any(|(key, one)| !same(key, one)) {
                text.push_str(&format!("\n{}", reference.keys(properties, &definition["required"], same)));
            }
        }
        text.push('\n');
        text
    });
    section("docs/config.md", "values", |_| {
        let definitions = reference.schema["$defs"].as_object().unwrap().iter();
        let scalars = definitions.filter(|(name, definition)| {
            let composed = ["properties", "enum", "anyOf"].into_iter().any(|key| definition.get(key).is_some());
            !composed && !is_container(definition) && *name != "AttributeValue"
        });
        let rows =
            scalars.map(|(name, definition)| vec![words(name), definition["description"].as_str().unwrap().to_owned()]);
        table(&["value", "is"], rows)
    });
}
