//! What an engine stores of a spec that it is sent, as Engine 20.10 does: see tests/plan/stored.json.

use serde_json::{Map, Value, json};
use swarmgen::plan::observed::ObservedNetwork;

/// The keys whose tables stay though they are empty.
const EMPTY_STAYS: [&str; 13] = [
    "DNSConfig",
    "DriverConfig",
    "Global",
    "Healthcheck",
    "Labels",
    "Limits",
    "LogDriver",
    "Placement",
    "Replicated",
    "Reservations",
    "Resources",
    "TmpfsOptions",
    "VolumeOptions",
];
/// The keys whose zero or false stays.
const ZERO_STAYS: [&str; 9] =
    ["Disable", "ForceUpdate", "Init", "MaxAttempts", "Mode", "Parallelism", "Replicas", "Soft", "StopGracePeriod"];

/// The stored form.
pub(crate) fn stored(sent: &Value, networks: &[ObservedNetwork]) -> Value {
    let mut spec = sent.clone();
    let root = spec.as_object_mut().unwrap();
    fill(root, "Labels", json!({}));
    attach(root, networks);
    fill(root, "Mode", json!({"Replicated": {}}));
    if let Some(replicated) = root["Mode"].get_mut("Replicated") {
        fill(replicated.as_object_mut().unwrap(), "Replicas", json!(1));
    }
    for key in ["UpdateConfig", "RollbackConfig"] {
        if let Some(update) = root.get_mut(key).and_then(Value::as_object_mut) {
            let ratio = update.get("MaxFailureRatio").and_then(Value::as_f64).unwrap_or(0.0) as f32;
            // The engine writes the shortest decimal of a 32-bit number.
            update.insert("MaxFailureRatio".into(), serde_json::from_str(&ratio.to_string()).unwrap());
            for (key, value) in
                [("Parallelism", json!(0)), ("FailureAction", json!("pause")), ("Order", json!("stop-first"))]
            {
                fill(update, key, value);
            }
        }
    }
    if let Some(endpoint) = root.get_mut("EndpointSpec").and_then(Value::as_object_mut) {
        fill(endpoint, "Mode", json!("vip"));
        for port in items(endpoint, "Ports") {
            fill(port, "Protocol", json!("tcp"));
            fill(port, "PublishMode", json!("ingress"));
        }
    }
    let task = root.get_mut("TaskTemplate").unwrap().as_object_mut().unwrap();
    task.insert("ForceUpdate".into(), task.get("ForceUpdate").cloned().unwrap_or(json!(0)));
    fill(task, "Runtime", json!("container"));
    attach(task, networks);
    if let Some(policy) = task.get_mut("RestartPolicy").and_then(Value::as_object_mut) {
        fill(policy, "Condition", json!("any"));
        fill(policy, "MaxAttempts", json!(0));
    }
    container(task.get_mut("ContainerSpec").unwrap().as_object_mut().unwrap());
    prune(&mut spec, "");
    spec
}

fn container(container: &mut Map<String, Value>) {
    fill(container, "Isolation", json!("default"));
    for mount in items(container, "Mounts") {
        fill(mount, "Type", json!("bind"));
        mount.remove("Consistency");
        if let Some(options) = mount.get_mut("BindOptions").and_then(Value::as_object_mut)
            && options.get("NonRecursive") == Some(&json!(true))
        {
            fill(options, "Propagation", json!("rprivate"));
        }
    }
    for ulimit in items(container, "Ulimits") {
        fill(ulimit, "Soft", json!(0));
    }
    for list in ["Configs", "Secrets"] {
        for reference in items(container, list) {
            let file = reference.get_mut("File").unwrap().as_object_mut().unwrap();
            for (key, value) in [("UID", json!("")), ("GID", json!("")), ("Mode", json!(0))] {
                fill(file, key, value);
            }
        }
    }
    if let Some(privileges) = container.get_mut("Privileges").and_then(Value::as_object_mut) {
        for key in ["CredentialSpec", "SELinuxContext"] {
            privileges.entry(key).or_insert(Value::Null);
        }
        if let Some(spec) = privileges["CredentialSpec"].as_object_mut() {
            ["Config", "File", "Registry"].iter().for_each(|key| fill(spec, key, json!("")));
        }
        if let Some(context) = privileges["SELinuxContext"].as_object_mut() {
            fill(context, "Disable", json!(false));
            ["User", "Role", "Type", "Level"].iter().for_each(|key| fill(context, key, json!("")));
        }
    }
}

fn fill(map: &mut Map<String, Value>, key: &str, value: Value) {
    if map.get(key).is_none_or(|own| own.is_null() || own == "") {
        map.insert(key.to_owned(), value);
    }
}

fn items<'m>(map: &'m mut Map<String, Value>, key: &str) -> impl Iterator<Item = &'m mut Map<String, Value>> {
    let list = map.get_mut(key).and_then(Value::as_array_mut);
    list.into_iter().flatten().filter_map(Value::as_object_mut)
}

/// Names of networks become their ids.
fn attach(map: &mut Map<String, Value>, networks: &[ObservedNetwork]) {
    for network in items(map, "Networks") {
        let target = network["Target"].as_str().unwrap();
        if let Some(known) = networks.iter().find(|known| known.name == target) {
            network.insert("Target".into(), json!(known.id));
        }
    }
}

/// Drops what is not stored.
fn prune(value: &mut Value, parent: &str) {
    match value {
        Value::Object(map) => map.retain(|key, value| {
            let free = matches!(parent, "Labels" | "Options" | "Sysctls" | "DriverOpts");
            let filled = matches!(parent, "CredentialSpec" | "SELinuxContext" | "File" | "Privileges" | "Mode");
            let duration = match (parent, &**key) {
                ("RestartPolicy", "Delay" | "Window") => true,
                ("UpdateConfig" | "RollbackConfig", "MaxFailureRatio") => true,
                _ => ZERO_STAYS.contains(&&**key) && !(parent == "TmpfsOptions" && key == "Mode"),
            };
            // Labels of a service stay, those of a container or a volume do not when there are none.
            let stays = EMPTY_STAYS.contains(&&**key) && (key != "Labels" || parent.is_empty());
            prune(value, key);
            match value {
                Value::Null => filled,
                Value::Bool(truth) => *truth || duration,
                Value::Number(number) => number.as_f64() != Some(0.0) || duration || filled,
                Value::String(text) => !text.is_empty() || free || filled,
                Value::Array(items) => !items.is_empty(),
                Value::Object(map) => !map.is_empty() || stays,
            }
        }),
        Value::Array(items) => items.iter_mut().for_each(|item| prune(item, "")),
        _ => {}
    }
}
