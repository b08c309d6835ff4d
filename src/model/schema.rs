//! The JSON Schema of the config language, derived from its types.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use serde_json::{Map, Value, json};

use super::Config;

/// The schema's identifier. A URN: it names the schema wherever it is kept.
pub const SCHEMA_ID: &str = "urn:swarmgen:config:1";

/// Derives the JSON Schema (draft 2020-12) of a config document from [`Config`].
///
/// The committed copy is [`CONFIG_SCHEMA`](super::CONFIG_SCHEMA), which programs use: deriving is for tests that keep
/// the two alike.
pub fn schema() -> Schema {
    let settings = SchemaSettings::draft2020_12().for_deserialize().with_transform(Plain);
    let mut schema = settings.into_generator().into_root_schema_for::<Config>();
    schema.insert("title".into(), "swarmgen config".into());
    let mut first = Map::new();
    first.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
    first.insert("$id".into(), SCHEMA_ID.into());
    for key in ["title", "description", "type"] {
        first.extend(schema.remove(key).map(|value| (key.to_owned(), value)));
    }
    let rest = std::mem::take(schema.ensure_object());
    first.extend(rest.into_iter().filter(|(key, _)| key != "$schema"));
    first.into()
}

/// Writes unions so that a violation is told about the branch that was meant: null is no branch (a key that is not
/// wanted is left out), branches of different types become one schema, documented constants become one `enum`.
#[derive(Clone, Debug)]
struct Plain;

impl Transform for Plain {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        let Some(object) = schema.as_object_mut() else { return };
        object.remove("format");
        drop_null(object);
        join_constants(object);
        join_branches(object);
        widen_integer(object);
        reflow(object);
    }
}

fn drop_null(object: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".into(), only);
        }
    }
    if let Some(Value::Array(options)) = object.get_mut("enum") {
        options.retain(|option| !option.is_null());
    }
    if let Some(Value::Array(branches)) = object.get_mut("anyOf") {
        branches.retain(|branch| branch.get("type") != Some(&json!("null")));
    }
    if let Some(Value::Array(branches)) = object.get("anyOf")
        && let [Value::Object(only)] = branches.as_slice()
    {
        let only = only.clone();
        object.shift_remove("anyOf");
        for (key, value) in only {
            object.entry(key).or_insert(value);
        }
    }
}

/// Turns `oneOf` of constants with descriptions into an `enum` whose values the description lists.
fn join_constants(object: &mut Map<String, Value>) {
    let Some(branches) = object.get("oneOf").and_then(Value::as_array) else { return };
    let constants: Option<Vec<(Value, String)>> = branches
        .iter()
        .map(|branch| Some((branch.get("const")?.clone(), branch.get("description")?.as_str()?.to_owned())))
        .collect();
    let Some(constants) = constants else { return };
    let mut description = object.get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
    description.push('\n');
    for (value, meaning) in &constants {
        description.push_str(&format!("\n- `{}`: {meaning}", value.as_str().unwrap_or_default()));
    }
    object.shift_remove("oneOf");
    object.insert("description".into(), description.into());
    object.insert("type".into(), "string".into());
    object.insert("enum".into(), constants.into_iter().map(|(value, _)| value).collect());
}

/// Joins the branches that are no references into one, where each is of another type and no keyword is said twice.
fn join_branches(object: &mut Map<String, Value>) {
    let Some(Value::Array(branches)) = object.get("anyOf") else { return };
    let mut references = Vec::new();
    let mut types = Vec::new();
    let mut joined = Map::new();
    for branch in branches {
        let Value::Object(branch) = branch else { return };
        if branch.contains_key("$ref") {
            references.push(Value::Object(branch.clone()));
            continue;
        }
        for (key, value) in branch {
            match (key.as_str(), value) {
                ("description", _) => {}
                ("type", Value::String(_)) => types.push(value.clone()),
                ("type", Value::Array(several)) => types.extend(several.iter().cloned()),
                _ if joined.contains_key(key) => return,
                _ => {
                    joined.insert(key.clone(), value.clone());
                }
            }
        }
    }
    let whole = types.contains(&json!("number"));
    types.retain(|name| !(whole && name == "integer"));
    let mut plain = Map::new();
    match types.as_slice() {
        [] => return,
        [only] => plain.insert("type".into(), only.clone()),
        _ => plain.insert("type".into(), Value::Array(types)),
    };
    plain.extend(joined);
    if references.is_empty() {
        object.shift_remove("anyOf");
        for (key, value) in plain {
            object.entry(key).or_insert(value);
        }
    } else {
        references.insert(0, Value::Object(plain));
        object.insert("anyOf".into(), Value::Array(references));
    }
}

/// Drops bounds that are only those of a Rust type, and writes whole bounds without a fraction.
fn widen_integer(object: &mut Map<String, Value>) {
    for key in ["minimum", "maximum"] {
        let Some(bound) = object.get(key).and_then(Value::as_f64) else { continue };
        if bound.fract() == 0.0 {
            object.insert(key.into(), json!(bound as i64));
        }
    }
    if object.contains_key("enum") {
        object.shift_remove("minimum");
        object.shift_remove("maximum");
    }
}

/// Puts each paragraph of a description on one line: doc comments are wrapped for the source's sake.
fn reflow(object: &mut Map<String, Value>) {
    let Some(Value::String(description)) = object.get_mut("description") else { return };
    let paragraphs: Vec<String> = description
        .split("\n\n")
        .map(|paragraph| match paragraph.starts_with("- ") {
            true => paragraph.to_owned(),
            false => paragraph.split('\n').map(str::trim).collect::<Vec<_>>().join(" "),
        })
        .collect();
    *description = paragraphs.join("\n\n");
}
