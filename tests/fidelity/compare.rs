//! What differs between a recorded request and ours, once both are written alike.
//!
//! Alike means: no nulls and nothing empty; variables as a table; networks with the task; no service labels and none of
//! our own; no endpoint mode, which SwarmSpawner leaves to the engine.

use serde_json::{Map, Value};

use super::replay::Outcome;

/// One place where two requests differ.
#[derive(Debug)]
pub(crate) struct Difference {
    /// The place, keys joined by slashes.
    pub(crate) path: String,
    /// What was recorded there.
    pub(crate) theirs: Option<Value>,
    /// What is ours.
    pub(crate) ours: Option<Value>,
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

/// Without nulls and what is empty.
fn pruned(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.into_iter().map(|(key, value)| (key, pruned(value))).filter(|(_, value)| !is_empty(value)).collect(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(pruned).collect()),
        other => other,
    }
}

/// A request as it is compared.
pub(crate) fn normal(body: &Value) -> Value {
    let mut body = body.clone();
    let map = body.as_object_mut().unwrap();
    map.remove("Labels");
    let networks = map.remove("Networks");
    // What the engine takes for none.
    if map.get("Mode").is_some_and(|mode| *mode == serde_json::json!({ "Replicated": { "Replicas": 1 } })) {
        map.remove("Mode");
    }
    if let Some(Value::Object(endpoint)) = map.get_mut("EndpointSpec") {
        endpoint.remove("Mode");
        for port in endpoint.get_mut("Ports").and_then(Value::as_array_mut).into_iter().flatten() {
            // What the engine takes for none.
            let port = port.as_object_mut().unwrap();
            port.retain(|key, value| !(key == "PublishMode" && *value == "ingress"));
        }
    }
    if let Some(Value::Object(task)) = map.get_mut("TaskTemplate") {
        if let Some(networks) = networks {
            task.insert("Networks".to_owned(), networks);
        }
        if let Some(Value::Object(container)) = task.get_mut("ContainerSpec") {
            if let Some(Value::Array(env)) = container.get("Env") {
                let mut table = Map::new();
                for line in env.iter().filter_map(Value::as_str) {
                    let (name, value) = line.split_once('=').unwrap_or((line, ""));
                    table.insert(name.to_owned(), Value::from(value));
                }
                container.insert("Env".to_owned(), Value::Object(table));
            }
            for list in ["CapabilityAdd", "CapabilityDrop"] {
                for name in container.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
                    // The engine's own way to write them.
                    let text = name.as_str().unwrap_or_default().to_uppercase();
                    *name = Value::from(if text.starts_with("CAP_") { text } else { format!("CAP_{text}") });
                }
            }
            for mount in container.get_mut("Mounts").and_then(Value::as_array_mut).into_iter().flatten() {
                // What is empty, as a number or a text can be.
                let mount = mount.as_object_mut().unwrap();
                mount.retain(|key, value| !(key == "ReadOnly" && *value == Value::Bool(false)));
                mount.retain(|key, value| !(key == "Source" && value.as_str() == Some("")));
            }
            if let Some(Value::Object(labels)) = container.get_mut("Labels") {
                labels.retain(|key, _| !key.starts_with("swarmgen."));
            }
        }
    }
    pruned(body)
}

fn walk(theirs: Option<&Value>, ours: Option<&Value>, path: &str, out: &mut Vec<Difference>) {
    match (theirs, ours) {
        (Some(Value::Object(theirs)), Some(Value::Object(ours))) => {
            for (key, value) in theirs {
                walk(Some(value), ours.get(key), &format!("{path}/{key}"), out);
            }
            for (key, value) in ours.iter().filter(|(key, _)| !theirs.contains_key(*key)) {
                walk(None, Some(value), &format!("{path}/{key}"), out);
            }
        }
        (Some(Value::Array(theirs)), Some(Value::Array(ours))) if theirs.len() == ours.len() => {
            for (index, (theirs, ours)) in theirs.iter().zip(ours).enumerate() {
                walk(Some(theirs), Some(ours), &format!("{path}/{index}"), out);
            }
        }
        (theirs, ours) if theirs == ours => {}
        (theirs, ours) => out.push(Difference { path: path.to_owned(), theirs: theirs.cloned(), ours: ours.cloned() }),
    }
}

/// Everything that differs.
pub(crate) fn differences(expected: &Value, outcome: &Outcome) -> Vec<Difference> {
    let mut out = Vec::new();
    match (expected.get("request"), &outcome.body) {
        (Some(theirs), Ok(ours)) => walk(Some(&normal(theirs)), Some(&normal(ours)), "", &mut out),
        (theirs, Ok(ours)) => out.push(Difference {
            path: "error".to_owned(),
            theirs: Some(expected.get("error").or(theirs).unwrap_or(&Value::Null).clone()),
            ours: Some(normal(ours)),
        }),
        (theirs, Err(told)) => out.push(Difference {
            path: "refused".to_owned(),
            theirs: Some(theirs.map_or_else(|| expected.get("error").unwrap_or(&Value::Null).clone(), normal)),
            ours: Some(Value::from(told.as_str())),
        }),
    }
    out
}
