//! One form for a service's spec, whether it is wanted or as the engine stores it.
//!
//! Two specs that mean the same to the engine have the same canonical form: what the engine fills in is filled in, what it
//! drops is dropped, and what identifies the entries of a list has become their key, so that their order is none. It is for
//! comparing and never sent.
//!
//! Source: what Engine 20.10 stores of what it is sent, tried out field by field.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::label;
use super::observed::{ObservedNetwork, find_network};
use crate::check::image::Reference;
use crate::resolve::merge::normal_target;

/// The engine's default for how long a container may take to stop, in nanoseconds.
const STOP_GRACE_PERIOD: i64 = 10_000_000_000;
/// The engine's default pause between restarts, in nanoseconds.
const RESTART_DELAY: i64 = 5_000_000_000;
/// The engine's default time that an updated task is watched, in nanoseconds.
const MONITOR: i64 = 5_000_000_000;
/// Where keys are the config's own, so that an empty value says something.
const FREE: [&str; 5] = ["Labels", "Env", "Options", "Sysctls", "DriverOpts"];
/// Where 0 and false are not what the engine takes for an absent value.
const MEANT: [&str; 7] = ["FileMode", "Init", "Parallelism", "Replicas", "RestartDelay", "Soft", "StopGracePeriod"];

/// A spec in canonical form. It may hold secrets: it shows nothing of itself.
#[derive(Clone, PartialEq)]
pub struct Canonical {
    spec: Value,
}

impl std::fmt::Debug for Canonical {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Canonical(«redacted»)")
    }
}

impl Canonical {
    /// The form as a tree in the Engine API's words.
    pub(super) fn tree(&self) -> &Value {
        &self.spec
    }

    /// The image reference.
    pub(super) fn image(&self) -> Option<&str> {
        self.spec.get("TaskTemplate")?.get("ContainerSpec")?.get("Image")?.as_str()
    }

    /// Drops what the other spec leaves to whoever carries it out: the image's digest with its platforms, which a client pins
    /// for a tag, and ids of configs and secrets that one of the two does not know. Gives the digest.
    pub(crate) fn align(&mut self, wanted: &Self) -> Option<String> {
        let wanted_container = wanted.spec.get("TaskTemplate").and_then(|task| task.get("ContainerSpec"));
        let wanted_platforms =
            wanted.spec.get("TaskTemplate").and_then(|task| task.get("Placement")).and_then(|at| at.get("Platforms"));
        let floats = wanted.image().is_some_and(|image| !image.contains('@'));
        let task = self.spec.get_mut("TaskTemplate")?;
        let container = task.get_mut("ContainerSpec")?;
        for (list, id) in [("Configs", "ConfigID"), ("Secrets", "SecretID")] {
            for (file, reference) in container.get_mut(list).and_then(Value::as_object_mut).into_iter().flatten() {
                let other = wanted_container.and_then(|container| container.get(list)).and_then(|all| all.get(file));
                if other.is_some_and(|other| other.get(id).is_none())
                    && let Some(reference) = reference.as_object_mut()
                {
                    reference.remove(id);
                }
            }
        }
        let image = container.get_mut("Image").filter(|_| floats)?;
        let text = image.as_str()?;
        let (reference, digest) = text.split_once('@')?;
        let (reference, digest) = (canonical_image(reference).into_owned(), digest.to_owned());
        *image = Value::from(reference);
        if wanted_platforms.is_none()
            && let Some(placement) = task.get_mut("Placement").and_then(Value::as_object_mut)
        {
            placement.remove("Platforms");
            if placement.is_empty() {
                task.as_object_mut()?.remove("Placement");
            }
        }
        Some(digest)
    }
}

/// Brings a spec to its canonical form; networks are those that names and ids are looked up in.
pub fn canonical(spec: &Value, networks: &[ObservedNetwork]) -> Canonical {
    let mut spec = spec.clone();
    let Some(root) = spec.as_object_mut() else { return Canonical { spec: Value::Object(Map::new()) } };
    root.remove("Name");
    if let Some(labels) = table(root, "Labels") {
        labels.retain(|key, _| !label::is_bookkeeping(key));
    }
    let mode = root.remove("Mode");
    root.insert("Mode".to_owned(), canonical_mode(mode));
    for key in ["UpdateConfig", "RollbackConfig"] {
        canonical_update(root, key);
    }
    canonical_endpoint(root);
    let top_networks = root.remove("Networks");
    let mut task = match root.remove("TaskTemplate") {
        Some(Value::Object(task)) => task,
        _ => Map::new(),
    };
    canonical_task(&mut task, top_networks, networks);
    root.insert("TaskTemplate".to_owned(), Value::Object(task));
    drop_empty(&mut spec, false);
    Canonical { spec }
}

/// Removes what the engine does not store or takes for absent, from the leaves up.
fn drop_empty(value: &mut Value, free: bool) {
    match value {
        Value::Object(map) => map.retain(|key, value| {
            drop_empty(value, FREE.contains(&key.as_str()));
            match value {
                Value::Null => free,
                Value::Object(map) => !map.is_empty(),
                Value::Array(items) => !items.is_empty(),
                Value::String(text) => free || !text.is_empty(),
                Value::Bool(truth) => free || *truth || MEANT.contains(&key.as_str()),
                Value::Number(number) => free || number.as_f64() != Some(0.0) || MEANT.contains(&key.as_str()),
            }
        }),
        Value::Array(items) => {
            for item in items {
                drop_empty(item, false);
            }
        }
        _ => {}
    }
}

fn table<'m>(map: &'m mut Map<String, Value>, key: &str) -> Option<&'m mut Map<String, Value>> {
    map.get_mut(key).and_then(Value::as_object_mut)
}

/// The table of a key, which is made if it is not there.
fn made<'m>(map: &'m mut Map<String, Value>, key: &str) -> Option<&'m mut Map<String, Value>> {
    let value = map.entry(key).or_insert(Value::Null);
    if value.is_null() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut()
}

/// Fills in a value for an absent key, a null or what the engine takes for absent.
fn fill(map: &mut Map<String, Value>, key: &str, default: impl Into<Value>, is_absent: impl Fn(&Value) -> bool) {
    if map.get(key).is_none_or(|value| value.is_null() || is_absent(value)) {
        map.insert(key.to_owned(), default.into());
    }
}

fn is_empty_text(value: &Value) -> bool {
    value.as_str() == Some("")
}

fn is_zero(value: &Value) -> bool {
    value.as_f64() == Some(0.0)
}

fn never(_: &Value) -> bool {
    false
}

/// The mode as one table: its type and, where tasks are counted, how many. Ours are never of another type.
fn canonical_mode(mode: Option<Value>) -> Value {
    let mode = match mode {
        Some(Value::Object(mode)) => mode.into_iter().find(|(_, value)| !value.is_null()),
        _ => None,
    };
    let (kind, mut rest) = match mode {
        Some((kind, Value::Object(rest))) => (kind, rest),
        _ => ("Replicated".to_owned(), Map::new()),
    };
    match kind.as_str() {
        "Replicated" => fill(&mut rest, "Replicas", 1, never),
        _ => rest.clear(),
    }
    rest.insert("Type".to_owned(), Value::from(kind.to_lowercase()));
    Value::Object(rest)
}

/// Without the table, one task at a time; inside it, an absent count is all at once.
fn canonical_update(root: &mut Map<String, Value>, key: &str) {
    let parallelism = if root.get(key).is_some_and(Value::is_object) { 0 } else { 1 };
    let Some(config) = made(root, key) else { return };
    fill(config, "Parallelism", parallelism, never);
    fill(config, "FailureAction", "pause", is_empty_text);
    fill(config, "Order", "stop-first", is_empty_text);
    // A zero is not stored.
    fill(config, "Monitor", MONITOR, is_zero);
    if let Some(ratio) = config.get_mut("MaxFailureRatio")
        && let Some(number) = ratio.as_f64()
    {
        // The engine stores half as many bits.
        *ratio = Value::from(f64::from(number as f32));
    }
}

fn canonical_endpoint(root: &mut Map<String, Value>) {
    let Some(endpoint) = made(root, "EndpointSpec") else { return };
    fill(endpoint, "Mode", "vip", is_empty_text);
    let Some(Value::Array(ports)) = endpoint.remove("Ports") else { return };
    let text = |port: &Value, key: &str, default: &'static str| {
        let text = port.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        text.unwrap_or(default).to_owned()
    };
    let number = |port: &Value, key: &str| port.get(key).and_then(Value::as_u64).unwrap_or(0);
    let mut ports: Vec<((u64, u64), String)> = ports
        .iter()
        .map(|port| {
            let (published, target) = (number(port, "PublishedPort"), number(port, "TargetPort"));
            let outside = if published == 0 { String::new() } else { format!("{published}:") };
            let (protocol, mode) = (text(port, "Protocol", "tcp"), text(port, "PublishMode", "ingress"));
            let name = text(port, "Name", "");
            let name = if name.is_empty() { name } else { format!(" {name}") };
            ((published, target), format!("{outside}{target}/{protocol} {mode}{name}"))
        })
        .collect();
    ports.sort();
    let ports = ports.into_iter().map(|(_, port)| Value::from(port)).collect();
    endpoint.insert("Ports".to_owned(), Value::Array(ports));
}

fn canonical_task(task: &mut Map<String, Value>, top_networks: Option<Value>, known: &[ObservedNetwork]) {
    // How often a task was started anew by force is nobody's wish.
    task.remove("ForceUpdate");
    if task.get("Runtime").and_then(Value::as_str) == Some("container") {
        task.remove("Runtime");
    }
    if let Some(policy) = made(task, "RestartPolicy") {
        fill(policy, "Condition", "any", is_empty_text);
        let delay = policy.remove("Delay").filter(|delay| !delay.is_null());
        policy.insert("RestartDelay".to_owned(), delay.unwrap_or_else(|| RESTART_DELAY.into()));
    }
    if let Some(placement) = table(task, "Placement") {
        canonical_placement(placement);
    }
    if let Some(reservations) = table(task, "Resources").and_then(|resources| table(resources, "Reservations")) {
        let generic = reservations.remove("GenericResources");
        reservations.insert("GenericResources".to_owned(), canonical_generic(generic));
    }
    // The engine reads the service's own list only where the task has none.
    let has_some = |list: &Value| list.as_array().is_some_and(|list| !list.is_empty());
    let networks = task.remove("Networks").filter(has_some).or(top_networks);
    let networks = keyed(networks, |network| {
        let target = network.remove("Target")?;
        let word = network_word(target.as_str()?, known).to_owned();
        network.insert("Target".to_owned(), Value::from(&*word));
        sort(network, "Aliases");
        Some(word)
    });
    task.insert("Networks".to_owned(), networks);
    if let Some(container) = made(task, "ContainerSpec") {
        canonical_container(container);
    }
}

fn canonical_placement(placement: &mut Map<String, Value>) {
    if let Some(constraints) = placement.get_mut("Constraints").and_then(Value::as_array_mut) {
        for constraint in constraints.iter_mut() {
            let text = constraint.as_str().unwrap_or_default();
            let at = ["==", "!="].iter().find_map(|operator| text.find(operator));
            if let Some((left, right)) = at.and_then(|at| Some((text.get(..at)?, text.get(at..)?)))
                && let Some((operator, right)) = right.split_at_checked(2)
            {
                *constraint = Value::from(format!("{}{operator}{}", left.trim(), right.trim()));
            }
        }
    }
    sort(placement, "Constraints");
    if let Some(Value::Array(preferences)) = placement.remove("Preferences") {
        let over = |preference: &Value| {
            let over = preference.pointer("/Spread/SpreadDescriptor").and_then(Value::as_str);
            over.map_or_else(|| preference.clone(), |over| format!("spread={over}").into())
        };
        placement.insert("Preferences".to_owned(), preferences.iter().map(over).collect());
    }
    if let Some(Value::Array(platforms)) = placement.remove("Platforms") {
        let word = |platform: &Value, key: &str| platform.get(key).and_then(Value::as_str).unwrap_or("").to_owned();
        let text = |platform: &Value| format!("{}/{}", word(platform, "OS"), word(platform, "Architecture"));
        placement.insert("Platforms".to_owned(), platforms.iter().map(text).collect());
        sort(placement, "Platforms");
    }
}

/// Counts by kind, and under a name's own key those that are named one by one.
fn canonical_generic(list: Option<Value>) -> Value {
    let mut all = Map::new();
    for item in list.as_ref().and_then(Value::as_array).into_iter().flatten() {
        for (form, spec) in item.as_object().into_iter().flatten() {
            let kind = spec.get("Kind").and_then(Value::as_str).unwrap_or_default();
            let value = spec.get("Value").cloned().unwrap_or_default();
            match form.as_str() {
                "DiscreteResourceSpec" => all.insert(kind.to_owned(), value),
                _ => all.insert(format!("{kind}={}", value.as_str().unwrap_or_default()), Value::from("named")),
            };
        }
    }
    Value::Object(all)
}

/// The network's name where it stands for one network, else what the spec says.
fn network_word<'n>(target: &'n str, known: &'n [ObservedNetwork]) -> &'n str {
    match known.iter().find(|network| network.id == target) {
        // A name that another network answers to says nothing.
        Some(network) if find_network(known, &network.name).is_some_and(|own| own.id == network.id) => &network.name,
        Some(_) | None => target,
    }
}

fn canonical_container(container: &mut Map<String, Value>) {
    if let Some(image) = container.get_mut("Image")
        && let Some(Cow::Owned(text)) = image.as_str().map(canonical_image)
    {
        *image = Value::from(text);
    }
    fill(container, "StopGracePeriod", STOP_GRACE_PERIOD, never);
    if container.get("Isolation").and_then(Value::as_str) == Some("default") {
        container.remove("Isolation");
    }
    let env = container.remove("Env");
    container.insert("Env".to_owned(), canonical_env(env));
    let mounts = container.remove("Mounts");
    container.insert("Mounts".to_owned(), keyed(mounts, canonical_mount));
    for key in ["Configs", "Secrets"] {
        let references = container.remove(key);
        container.insert(key.to_owned(), keyed(references, canonical_file));
    }
    let ulimits = container.remove("Ulimits");
    let ulimits = keyed(ulimits, |ulimit| {
        fill(ulimit, "Soft", 0, never);
        ulimit.remove("Name")?.as_str().map(str::to_owned)
    });
    container.insert("Ulimits".to_owned(), ulimits);
    let hosts = container.remove("Hosts");
    container.insert("Hosts".to_owned(), canonical_hosts(hosts));
    for key in ["CapabilityAdd", "CapabilityDrop", "Groups"] {
        sort(container, key);
    }
}

/// The reference as the docker CLI writes it: without the default registry, with the default tag.
fn canonical_image(image: &str) -> Cow<'_, str> {
    let Some(reference) = Reference::parse(image) else { return Cow::Borrowed(image) };
    let name = ["docker.io/", "index.docker.io/"].iter().find_map(|registry| reference.name.strip_prefix(registry));
    let name = name.unwrap_or(reference.name);
    let name = name.strip_prefix("library/").filter(|rest| !rest.contains('/')).unwrap_or(name);
    if name.len() == reference.name.len() && (reference.tag.is_some() || reference.digest.is_some()) {
        return Cow::Borrowed(image);
    }
    let tag = match (reference.tag, reference.digest) {
        (Some(tag), _) => format!(":{tag}"),
        (None, Some(_)) => String::new(),
        (None, None) => ":latest".to_owned(),
    };
    let digest = reference.digest.map_or_else(String::new, |digest| format!("@{digest}"));
    Cow::Owned(format!("{name}{tag}{digest}"))
}

/// By name, the last of the same name; a name without a value removes the image's.
fn canonical_env(env: Option<Value>) -> Value {
    let mut all = Map::new();
    if let Some(Value::Array(env)) = env {
        for entry in env.iter().filter_map(Value::as_str) {
            match entry.split_once('=') {
                Some((name, value)) => all.insert(name.to_owned(), Value::from(value)),
                None => all.insert(entry.to_owned(), Value::Null),
            };
        }
    }
    Value::Object(all)
}

fn canonical_mount(mount: &mut Map<String, Value>) -> Option<String> {
    fill(mount, "Type", "bind", is_empty_text);
    // A hint to Docker Desktop that the engine does not store.
    mount.remove("Consistency");
    if let Some(options) = table(mount, "BindOptions")
        && options.get("Propagation").and_then(Value::as_str) == Some("rprivate")
    {
        options.remove("Propagation");
    }
    let target = mount.remove("Target")?;
    Some(normal_target(target.as_str()?).into_owned())
}

fn canonical_file(reference: &mut Map<String, Value>) -> Option<String> {
    match reference.remove("File") {
        Some(Value::Object(mut file)) => {
            let name = file.remove("Name")?;
            let mode = file.remove("Mode").filter(|mode| !mode.is_null());
            reference.insert("FileMode".to_owned(), mode.unwrap_or_else(|| 0.into()));
            reference.extend(file);
            name.as_str().map(str::to_owned)
        }
        // A runtime config is no file.
        _ => {
            let name = reference.get("ConfigName").and_then(Value::as_str).unwrap_or_default();
            Some(format!("runtime {name}"))
        }
    }
}

/// Addresses by name, in their order.
fn canonical_hosts(hosts: Option<Value>) -> Value {
    let mut all = Map::new();
    for line in hosts.as_ref().and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        let mut words = line.split_whitespace();
        let Some(address) = words.next() else { continue };
        for name in words {
            let addresses = all.entry(name).or_insert_with(|| json!([]));
            if let Some(addresses) = addresses.as_array_mut() {
                addresses.push(address.into());
            }
        }
    }
    Value::Object(all)
}

/// A list of tables as a table, by what a function takes out of each; the last of the same key stays.
fn keyed(list: Option<Value>, mut key: impl FnMut(&mut Map<String, Value>) -> Option<String>) -> Value {
    let mut all = Map::new();
    if let Some(Value::Array(items)) = list {
        for item in items {
            let Value::Object(mut item) = item else { continue };
            if let Some(key) = key(&mut item) {
                all.insert(key, Value::Object(item));
            }
        }
    }
    Value::Object(all)
}

/// Puts a list of texts in order.
fn sort(map: &mut Map<String, Value>, key: &str) {
    if let Some(list) = map.get_mut(key).and_then(Value::as_array_mut) {
        list.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
    }
}

#[cfg(test)]
mod tests;
