//! The stand-ins for an engine in other tests answer in the shape in which a real one does.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::engine::{Engine, NOTEBOOK};
use crate::scenario::Scenario;

/// Whose keys are names of whoever wrote them.
const FREE: [&str; 5] = ["Labels", "Options", "Constraints", "Env", "DriverOpts"];

/// The places of a value, each with its kind; those within lists are one.
fn shape(at: &str, value: &Value, shape_of: &mut BTreeSet<String>) {
    let kind = match value {
        Value::Null => return,
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(items) => {
            items.iter().for_each(|item| shape(&format!("{at}[]"), item, shape_of));
            "list"
        }
        Value::Object(fields) => {
            if !FREE.iter().any(|free| at.ends_with(free)) {
                fields.iter().for_each(|(key, value)| shape(&format!("{at}/{key}"), value, shape_of));
            }
            "object"
        }
    };
    shape_of.insert(format!("{at}: {kind}"));
}

#[test]
fn a_stand_ins_answers_look_like_a_real_ones() {
    let scenario = Scenario::new(Engine::shared(), "shapes");
    let engine = scenario.engine();
    engine.has_network("shapes-net");
    let [config, secret] = ["configs", "secrets"].map(|kind| engine.has_object(kind, "shapes-a"));
    let file = |name: &str| json!({"Name": name, "UID": "0", "GID": "0", "Mode": 292});
    let body = json!({
        "Name": "shapes-a",
        "Labels": {"a": "b"},
        "TaskTemplate": {
            "ContainerSpec": {
                "Image": NOTEBOOK,
                "Args": ["a"],
                "Env": ["A=b"],
                "Mounts": [{"Type": "volume", "Source": "shapes-v", "Target": "/v", "VolumeOptions": {"Labels": {"a": "b"}}}],
                "Configs": [{"ConfigID": config, "ConfigName": "shapes-a", "File": file("/c")}],
                "Secrets": [{"SecretID": secret, "SecretName": "shapes-a", "File": file("s")}],
            },
            "Resources": {"Limits": {"NanoCPUs": 500_000_000, "MemoryBytes": 67_108_864}, "Reservations": {"NanoCPUs": 10_000_000, "MemoryBytes": 8_388_608}},
            "Placement": {"Constraints": ["node.role==manager"]},
            "RestartPolicy": {"Condition": "any"},
            "Networks": [{"Target": "shapes-net", "Aliases": ["a"]}],
        },
        "Mode": {"Replicated": {"Replicas": 1}},
        "EndpointSpec": {"Mode": "dnsrr"},
    });
    assert_eq!(engine.ask("POST", "/services/create", Some(&body)).status, 201);
    engine.wait_for("shapes-a");
    let fake: Value = serde_json::from_str(include_str!("../fake_engine/swarm.json")).unwrap();
    let mut compared = 0;
    for (path, answer) in fake.as_object().unwrap() {
        let (mut theirs, mut real) = (BTreeSet::new(), BTreeSet::new());
        shape(path, answer, &mut theirs);
        shape(path, &engine.get(&format!("/{path}")), &mut real);
        let invented: Vec<&String> = theirs.difference(&real).collect();
        assert_eq!(invented, Vec::<&String>::new(), "{real:#?}");
        compared += theirs.len();
    }
    assert!(compared > 60, "only {compared} places were compared");
    // How it refuses.
    let missing = engine.ask("GET", "/images/none:1/json", None);
    assert!(missing.status == 404 && missing.json()["message"].is_string(), "{}", missing.text());
}
