//! The committed JSON Schema: that it is the one of the types, and that it says all that editors and readers need.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use swarmgen::model;

fn committed() -> Value {
    serde_json::from_str(model::CONFIG_SCHEMA).unwrap()
}

/// Calls a function with each table's name and the table: the root and the definitions that have properties.
fn tables(schema: &Value) -> Vec<(String, &Map<String, Value>)> {
    let definitions = schema["$defs"].as_object().unwrap();
    let root = ("Config".to_owned(), schema.as_object().unwrap());
    let all = definitions.iter().map(|(name, definition)| (name.clone(), definition.as_object().unwrap()));
    std::iter::once(root).chain(all.filter(|(_, definition)| definition.contains_key("properties"))).collect()
}

fn properties(schema: &Value) -> Vec<(String, &Value)> {
    let mut all = Vec::new();
    for (name, table) in tables(schema) {
        for (key, property) in table["properties"].as_object().unwrap() {
            all.push((format!("{name}.{key}"), property));
        }
    }
    all
}

/// Follows a property's reference, if it is one.
fn resolved<'a>(schema: &'a Value, property: &'a Value) -> &'a Value {
    match property.get("$ref").and_then(Value::as_str) {
        Some(reference) => schema.pointer(reference.trim_start_matches('#')).unwrap(),
        None => property,
    }
}

#[test]
fn the_committed_schema_is_the_one_of_the_types() {
    let mut text = serde_json::to_string_pretty(&model::schema()).unwrap();
    text.push('\n');
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/config.schema.json");
    if std::env::var_os("SWARMGEN_UPDATE").is_some() {
        std::fs::write(path, text).unwrap();
        return;
    }
    assert!(
        std::fs::read_to_string(path).unwrap() == text,
        "schema/config.schema.json is out of date: run `SWARMGEN_UPDATE=1 cargo test --test schema`"
    );
}

#[test]
fn the_schema_says_what_it_is() {
    let schema = committed();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schema["$id"], model::SCHEMA_ID);
    assert!(schema["title"].is_string());
}

#[test]
fn every_key_is_described_and_has_an_example() {
    let schema = committed();
    for (name, property) in properties(&schema) {
        let description = property["description"].as_str().unwrap_or_default();
        assert!(description.ends_with('.'), "{name}: {description:?}");
        let examples = property["examples"].as_array();
        assert!(examples.is_some_and(|examples| !examples.is_empty()), "{name} has no example");
    }
    for (name, definition) in schema["$defs"].as_object().unwrap() {
        assert!(definition["description"].is_string(), "{name}");
    }
}

#[test]
fn examples_and_defaults_are_valid() {
    let schema = committed();
    for (name, property) in properties(&schema) {
        let mut own = property.clone();
        own["$defs"] = schema["$defs"].clone();
        let validator = jsonschema::validator_for(&own).unwrap();
        let examples = property["examples"].as_array().into_iter().flatten();
        for value in examples.chain(property.get("default")) {
            let error = validator.validate(value).err().map(|error| error.to_string());
            assert_eq!(error, None, "{name}: {value}");
        }
    }
}

#[test]
fn a_key_has_a_default_or_says_what_its_absence_means() {
    let schema = committed();
    let required: BTreeSet<String> = tables(&schema)
        .into_iter()
        .flat_map(|(name, table)| {
            let keys = table.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
            keys.into_iter().map(move |key| format!("{name}.{}", key.as_str().unwrap()))
        })
        .collect();
    let scalar = |property: &Value| {
        let kind = &resolved(&schema, property)["type"];
        let names: Vec<&str> = match kind {
            Value::String(name) => vec![name],
            Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
            _ => vec![],
        };
        names.iter().any(|name| ["boolean", "integer", "number", "string"].contains(name))
            || resolved(&schema, property).get("enum").is_some()
    };
    for (name, property) in properties(&schema) {
        let description = property["description"].as_str().unwrap_or_default();
        let absent = description.contains("Absent") || description.contains("as in `container_spec`");
        if scalar(property) {
            assert!(
                property.get("default").is_some() || required.contains(&name) || absent,
                "{name} has no default and does not say what its absence means"
            );
        }
        assert!(!(required.contains(&name) && property.get("default").is_some()), "{name}");
    }
}

#[test]
fn tables_forbid_unknown_keys_unless_they_are_maps() {
    fn walk(value: &Value, path: &str) {
        match value {
            Value::Object(map) => {
                if map.get("type").is_some_and(|kind| kind == "object") || map.contains_key("properties") {
                    let rest = map.get("additionalProperties");
                    let closed = rest == Some(&Value::Bool(false));
                    let map_of_values = rest.is_some_and(Value::is_object);
                    assert!(closed || map_of_values, "{path}");
                    assert!(closed || !map.contains_key("properties") || path == "/$defs/User", "{path}");
                }
                for (key, child) in map {
                    if key != "examples" && key != "default" {
                        walk(child, &format!("{path}/{key}"));
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, path)),
            _ => {}
        }
    }
    walk(&committed(), "");
}

#[test]
fn unions_have_at_most_one_branch_of_a_type() {
    fn walk(schema: &Value, value: &Value) {
        match value {
            Value::Object(map) => {
                assert!(!map.contains_key("oneOf"), "{value}");
                for branch in map.get("anyOf").and_then(Value::as_array).into_iter().flatten() {
                    assert_ne!(branch.get("type"), Some(&Value::from("null")));
                }
                if let Some(branches) = map.get("anyOf").and_then(Value::as_array) {
                    let types: Vec<&Value> = branches
                        .iter()
                        .flat_map(|branch| match &resolved(schema, branch)["type"] {
                            Value::Array(names) => names.iter().collect(),
                            name => vec![name],
                        })
                        .collect();
                    let distinct: BTreeSet<&str> = types.iter().map(|name| name.as_str().unwrap()).collect();
                    assert_eq!(types.len(), distinct.len(), "{value}");
                }
                map.values().for_each(|child| walk(schema, child));
            }
            Value::Array(items) => items.iter().for_each(|item| walk(schema, item)),
            _ => {}
        }
    }
    let schema = committed();
    walk(&schema, &schema);
}

#[test]
fn the_types_read_what_the_schema_accepts() {
    let schema = committed();
    let mut config = Map::new();
    for (key, property) in schema["properties"].as_object().unwrap() {
        config.insert(key.clone(), property["examples"][0].clone());
    }
    let config = Value::Object(config);
    assert!(jsonschema::validator_for(&schema).unwrap().is_valid(&config));
    let read: model::Config = serde_json::from_value(config).unwrap();
    assert_eq!(read.version, Some(1));
    assert_eq!(read.images.map(|images| images.len()), Some(1));
}

/// The arguments of docker-py 7.1.0's types (`docker/types/services.py`, `healthcheck.py`), by our definitions.
const DOCKER_PY: &[(&str, &str)] = &[
    (
        "ContainerSpec",
        "image command args hostname env workdir user labels mounts stop_grace_period secrets tty groups open_stdin \
         read_only stop_signal healthcheck hosts dns_config configs privileges isolation init cap_add cap_drop sysctls",
    ),
    (
        "Mount",
        "target source type read_only consistency propagation no_copy labels driver_config tmpfs_size tmpfs_mode",
    ),
    ("Resources", "cpu_limit mem_limit cpu_reservation mem_reservation generic_resources"),
    ("UpdateConfig", "parallelism delay failure_action monitor max_failure_ratio order"),
    ("RestartPolicy", "condition delay max_attempts window"),
    ("DriverConfig", "name options"),
    ("EndpointSpec", "mode ports"),
    ("SecretReference", "secret_id secret_name filename uid gid mode"),
    ("ConfigReference", "config_id config_name filename uid gid mode"),
    ("Placement", "constraints preferences platforms maxreplicas"),
    ("DnsConfig", "nameservers search options"),
    (
        "Privileges",
        "credentialspec_file credentialspec_registry selinux_disable selinux_user selinux_role selinux_type selinux_level",
    ),
    ("Network", "target aliases options"),
    ("Healthcheck", "test interval timeout retries start_period"),
];

#[test]
fn every_argument_of_docker_py_has_its_key() {
    let schema = committed();
    for (definition, arguments) in DOCKER_PY {
        let keys = schema["$defs"][definition]["properties"].as_object().unwrap();
        let missing: Vec<&str> = arguments.split(' ').filter(|argument| !keys.contains_key(*argument)).collect();
        assert_eq!(missing, [""; 0], "{definition}");
    }
}
