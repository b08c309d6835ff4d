//! What the schema's text is taken to say is what its compiled form says.

use std::cell::Cell;
use std::collections::HashSet;

use serde_json::{Value as Json, json};

use super::super::tree::{Room, View};
use super::super::{DOCUMENT, OVERRIDES};
use super::*;
use crate::model::CONFIG_SCHEMA;
use crate::source::{Author, Entry, Map, SourceMap, Span};

#[allow(dead_code, clippy::print_stdout, reason = "cargo runs the rest")]
#[path = "../../../../build.rs"]
mod build;

/// Values of which some fit nearly everywhere and some nowhere.
fn values() -> Vec<Json> {
    let long = |length: usize| Json::from("é".repeat(length));
    let many = |count: usize| Json::from(vec![json!("x"); count]);
    let keys = |count: usize| (0..count).map(|index| (format!("k{index}"), json!("x"))).collect::<Json>();
    vec![
        json!(null),
        json!(true),
        json!(-2),
        json!(-1),
        json!(0),
        json!(1),
        json!(65_535),
        json!(65_536),
        json!(i64::MAX),
        json!(0.0),
        json!(1.0),
        json!(-0.5),
        json!(1.5),
        json!("x"),
        json!(".txt"),
        json!("{name}"),
        long(0),
        long(2),
        long(63),
        long(64),
        long(65),
        many(0),
        many(1),
        many(2),
        many(3),
        keys(0),
        keys(1),
        keys(2),
        keys(3),
        json!({ "file": "x" }),
        json!({ "é".repeat(65): { "content": "x" } }),
        json!([{ "target": "/x" }]),
    ]
}

fn node(value: &Json, span: Span) -> Node {
    let value = match value {
        Json::Null => Value::Null,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => number.as_i64().map_or_else(|| Value::Float(number.as_f64().unwrap()), Value::Int),
        Json::String(text) => Value::Str(text.as_str().into()),
        Json::Array(items) => Value::Seq(items.iter().map(|item| node(item, span)).collect()),
        Json::Object(map) => {
            let entry = |(key, value): (&String, &Json)| Entry {
                key: key.as_str().into(),
                key_span: span,
                value: node(value, span),
            };
            Value::Map(Map { entries: map.iter().map(entry).collect() })
        }
    };
    Node::new(span, value)
}

/// A value as a schema describes it, with every key that it may have; of unions, one branch or another.
fn instance(schema: &Json, definitions: &Json, branch: usize, depth: usize) -> Json {
    if let Some(name) = schema["$ref"].as_str() {
        return instance(&definitions[name.strip_prefix("#/$defs/").unwrap()], definitions, branch, depth);
    }
    if let Some(branches) = schema["anyOf"].as_array() {
        return instance(&branches[branch % branches.len()], definitions, branch, depth);
    }
    if let Some(words) = schema["enum"].as_array() {
        return words[branch % words.len()].clone();
    }
    let below = |schema: &Json| instance(schema, definitions, branch, depth + 1);
    if let Some(properties) = schema["properties"].as_object().filter(|_| depth < 12) {
        return properties.iter().map(|(key, schema)| (key.clone(), below(schema))).collect();
    }
    if schema["additionalProperties"].is_object() && depth < 12 {
        return json!({ "x": below(&schema["additionalProperties"]) });
    }
    if schema["items"].is_object() && depth < 12 {
        return json!([below(&schema["items"])]);
    }
    if let Some(example) = schema["examples"].get(0) {
        return example.clone();
    }
    match schema["type"].as_array().map_or(&schema["type"], |types| &types[branch % types.len()]).as_str() {
        Some("string") => json!("x"),
        Some("integer") => json!(1),
        Some("number") => json!(0.5),
        Some("boolean") => json!(true),
        Some("array") => json!([]),
        Some("object") => json!({}),
        _ => json!(null),
    }
}

/// Asks about a value with each part of it changed in every way; about parts of the same names and values once.
fn each_change(
    whole: &mut Json,
    path: &mut Vec<String>,
    seen: &mut HashSet<String>,
    ask: &mut impl FnMut(&Json, &[String]),
) {
    fn part<'j>(whole: &'j mut Json, path: &[String]) -> &'j mut Json {
        path.iter().fold(whole, |value, key| match value {
            Json::Array(items) => &mut items[key.parse::<usize>().unwrap()],
            value => &mut value[key.as_str()],
        })
    }
    let own = part(whole, path).clone();
    if !seen.insert(format!("{:?}{own}", &path[path.len().saturating_sub(2)..])) {
        return;
    }
    for value in values() {
        *part(whole, path) = value;
        ask(whole, path);
    }
    let keys: Vec<String> = match &own {
        Json::Object(map) => map.keys().cloned().collect(),
        Json::Array(items) => (0..items.len()).map(|index| index.to_string()).collect(),
        _ => Vec::new(),
    };
    if let Json::Object(map) = &own {
        for key in &keys {
            let mut without = map.clone();
            without.remove(key);
            *part(whole, path) = without.into();
            ask(whole, path);
        }
        let mut more = map.clone();
        more.insert("unknown".to_owned(), json!("x"));
        *part(whole, path) = more.into();
        ask(whole, path);
    }
    *part(whole, path) = own;
    for key in keys {
        path.push(key);
        each_change(whole, path, seen, ask);
        path.pop();
    }
}

#[test]
fn it_says_what_the_compiled_schema_says() {
    let schema: Json = serde_json::from_str(CONFIG_SCHEMA).unwrap();
    let definitions = &schema["$defs"];
    let span = Span::new(SourceMap::new().add("test", "", Author::Config, String::new()), 0, 0);
    let overrides = SHAPE.definition("Overrides").unwrap();
    let sides = [
        (json!({ "version": 1 }), &schema, &SHAPE, &*DOCUMENT),
        (json!({}), &definitions["Overrides"], overrides, &*OVERRIDES),
    ];
    let (mut fitted, mut refused) = (0, 0);
    for (around, schema, shape, compiled) in sides {
        let mut seen = HashSet::new();
        let keys: Vec<&String> = schema["properties"].as_object().unwrap().keys().collect();
        // A key at a time: what one branch of a union refuses says nothing of the others.
        for key in keys {
            let branches = (0..4).map(|branch| instance(&schema["properties"][key], definitions, branch, 0));
            let mut branches: Vec<Json> = branches.collect();
            branches.dedup();
            for value in branches {
                let mut whole = around.clone();
                whole[key] = value;
                each_change(&mut whole, &mut Vec::new(), &mut seen, &mut |changed, path| {
                    let node = node(changed, span);
                    let fits = SHAPE.fits(shape, &node);
                    let valid = compiled.validator.is_valid(View::Value(&node, Room::new(&Cell::new(1))));
                    let has_pattern = key.as_str() == "allowed_user_upload_extensions";
                    assert!(
                        fits == valid || (has_pattern && valid),
                        "{fits} instead of {valid} at {path:?}: {changed}"
                    );
                    *(if fits { &mut fitted } else { &mut refused }) += 1;
                });
            }
        }
    }
    assert!(fitted > 3000 && refused > 10_000, "{fitted} fit, {refused} do not");
}

#[test]
fn an_unknown_keyword_is_not_read_over() {
    let written = |schema| build::shape(&serde_json::from_str(schema).unwrap());
    assert_eq!(written(r#"{ "description": "", "default": { "a": [] } }"#).unwrap(), "Shape { ..Shape::ANY }");
    for wrong in [
        r#"{ "multipleOf": 2 }"#,
        r#"{ "properties": { "a": { "not": {} } } }"#,
        r#"{ "type": "text" }"#,
        r#"{ "minimum": 0.5 }"#,
        r#"{ "enum": [1.5] }"#,
        r#"{ "enum": [] }"#,
        r#"{ "anyOf": [] }"#,
        r##"{ "$ref": "#/definitions/A" }"##,
        "[]",
    ] {
        assert!(written(wrong).is_err(), "{wrong}");
    }
}
