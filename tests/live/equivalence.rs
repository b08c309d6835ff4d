//! What `docker stack deploy` makes of a rendered stack is what the engine stores for the rendered Engine body, too.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use serde_json::{Value, json};

use crate::engine::{Engine, reach, run};
use crate::examples::{self, Case, Example};
use crate::fake_engine::differences;
use crate::scenario::Scenario;

/// What all stacks are deployed as, one after another.
const STACK: &str = "st";

/// The ids by which an engine knows the configs and secrets that a stack names, which are made first, as its networks are.
fn provide(engine: &Engine, stack: &Value) -> Value {
    for network in stack["networks"].as_object().into_iter().flat_map(serde_json::Map::values) {
        if let Some(name) = network["name"].as_str() {
            engine.has_network(name);
        }
    }
    let mut ids = BTreeMap::new();
    for kind in ["configs", "secrets"] {
        for name in stack[kind].as_object().into_iter().flat_map(serde_json::Map::keys) {
            ids.insert(name.clone(), engine.has_object(kind, name));
        }
    }
    json!(ids)
}

/// Deploys a stack and gives the specs that are stored then, by name.
fn deployed(engine: &Engine, stack: &[u8]) -> BTreeMap<String, Value> {
    let mut file = tempfile::Builder::new().suffix(".yml").tempfile().unwrap();
    file.write_all(stack).unwrap();
    let path = file.path().to_str().unwrap();
    run(&mut engine.docker(&["stack", "deploy", "--detach=true", "--resolve-image", "never", "-c", path, STACK]));
    let specs = stored(engine, |spec| spec["Labels"]["com.docker.stack.namespace"] == STACK);
    remove(engine, specs.keys());
    specs
}

/// Creates services and gives the specs that are stored then, by name.
fn created(engine: &Engine, bodies: &[Value]) -> BTreeMap<String, Value> {
    for body in bodies {
        let answer = engine.ask("POST", "/services/create", Some(body));
        assert_eq!(answer.status, 201, "{}: {}", body["Name"], answer.text());
    }
    let names: BTreeSet<&str> = bodies.iter().map(|body| body["Name"].as_str().unwrap()).collect();
    let specs = stored(engine, |spec| names.contains(spec["Name"].as_str().unwrap()));
    remove(engine, specs.keys());
    specs
}

/// Applies a case as it would be rendered, and gives the specs that are stored then, by name, without what `apply` writes
/// down for itself.
fn applied(engine: &Engine, example: &Example, case: &Case, names: &BTreeSet<String>) -> BTreeMap<String, Value> {
    let mut apply = Case { secrets: false, args: Vec::new(), ..case.clone() };
    // What a hub's config is not applied without.
    let mut hub_env = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    hub_env.write_all(b"{}").unwrap();
    let mut arguments = case.args.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "render" => apply.args.extend(["apply", "--detach", "--resolve-image", "never"].map(str::to_owned)),
            "--format" | "--ids" => drop(arguments.next()),
            "--all" => {}
            _ => apply.args.push(argument.clone()),
        }
    }
    if !case.args.iter().any(|argument| argument == "--hub-env") {
        apply = apply.with(&["--hub-env", hub_env.path().to_str().unwrap()]);
    }
    let mut command = example.command(&example.folder, &example.config, &apply);
    run(reach(&mut command, &engine.socket(1)));
    let mut specs = stored(engine, |spec| names.contains(spec["Name"].as_str().unwrap()));
    remove(engine, specs.keys());
    for labels in specs.values_mut().filter_map(|spec| spec["Labels"].as_object_mut()) {
        assert_eq!(labels.remove("swarmgen.made-by"), Some("apply".into()));
        assert!(labels.remove("swarmgen.applied").is_some());
        labels.remove("swarmgen.hidden");
    }
    specs
}

fn remove<'n>(engine: &Engine, names: impl Iterator<Item = &'n String>) {
    for name in names {
        assert_eq!(engine.ask("DELETE", &format!("/services/{name}"), None).status, 200);
    }
}

fn stored(engine: &Engine, wanted: impl Fn(&Value) -> bool) -> BTreeMap<String, Value> {
    let specs = engine.services().into_iter().map(|mut service| service["Spec"].take()).filter(wanted);
    specs.map(|spec| (spec["Name"].as_str().unwrap().to_owned(), spec)).collect()
}

/// Takes back what `docker stack deploy` adds: the stack's name and labels, the service's key among its aliases, its own
/// network where the service has none, and objects that say nothing.
fn without_stack(mut spec: Value) -> Value {
    let name = spec["Name"].as_str().unwrap().strip_prefix("st_").unwrap().to_owned();
    spec["Name"] = name.as_str().into();
    let unlabel = |labels: &mut Value| {
        if let Some(labels) = labels.as_object_mut() {
            labels.retain(|label, _| !label.starts_with("com.docker.stack."));
        }
    };
    unlabel(&mut spec["Labels"]);
    let task = &mut spec["TaskTemplate"];
    for network in task["Networks"].as_array_mut().into_iter().flatten() {
        network["Aliases"].as_array_mut().unwrap().retain(|alias| *alias != *name);
    }
    let container = &mut task["ContainerSpec"];
    unlabel(&mut container["Labels"]);
    for mount in container["Mounts"].as_array_mut().into_iter().flatten() {
        if let Some(options) = mount.get_mut("VolumeOptions") {
            unlabel(&mut options["Labels"]);
        }
    }
    spec
}

/// Leaves out what says nothing: null, and objects and lists without anything in them. What an engine stores otherwise,
/// false and 0 too, stays.
fn saying_something(value: Value) -> Value {
    let silent = |value: &Value| match value {
        Value::Null => true,
        Value::Array(values) => values.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    };
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(key, value)| (key, saying_something(value)));
            fields.filter(|(_, value)| !silent(value)).collect()
        }
        Value::Array(values) => values.into_iter().map(saying_something).collect(),
        other => other,
    }
}

/// The Engine bodies of the servers of a case whose format is a stack.
fn bodies(example: &Example, case: &Case, ids: &Value) -> Vec<Value> {
    let mut file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    write!(file, "{ids}").unwrap();
    let case = case.with_format("service").with(&["--ids", file.path().to_str().unwrap()]);
    serde_json::Deserializer::from_slice(&example.render(&case)).into_iter::<Value>().map(Result::unwrap).collect()
}

/// Compares the two ways of a case, and gives how many services it has.
fn compare(engine: &Engine, example: &Example, case: &Case) -> usize {
    let at = format!("{}/{}", example.name, case.out);
    let stack = example.render(case);
    let read: Value = serde_yaml::from_slice(&stack).unwrap();
    let bodies = bodies(example, case, &provide(engine, &read));
    let deployed = deployed(engine, &stack);
    let created = created(engine, &bodies);
    assert_eq!(deployed.len(), bodies.len(), "{at}");
    let applied = applied(engine, example, case, &created.keys().cloned().collect());
    for (name, spec) in &created {
        assert_eq!(differences(&applied[name], spec), [""; 0], "{at}: {name}: applied is not created");
    }
    for spec in deployed.into_values() {
        let mut ours = saying_something(without_stack(spec));
        let name = ours["Name"].as_str().unwrap().to_owned();
        let theirs = saying_something(created[&name].clone());
        if theirs["TaskTemplate"].get("Networks").is_none() {
            // A stack cannot say "no network".
            let networks = ours["TaskTemplate"].as_object_mut().unwrap().remove("Networks").unwrap();
            assert_eq!(networks.as_array().unwrap().len(), 1, "{at}: {name}");
        }
        assert_eq!(differences(&ours, &theirs), [""; 0], "{at}: {name}: deployed is not created");
    }
    bodies.len()
}

/// The whole class of an example.
fn everybody(example: &Example) -> Option<Case> {
    let mut case = example.cases.iter().find(|_| example.name == "classroom")?.clone();
    case.args = ["render", "--all", "--format", "stack"].map(str::to_owned).to_vec();
    Some(case)
}

#[test]
fn a_deployed_stack_is_the_created_service() {
    let scenario = Scenario::new(Engine::idle(), "equivalence");
    let mut services = 0;
    for example in examples::all() {
        let stacks = example.cases.iter().filter(|case| case.value_of("--format") == Some("stack")).cloned();
        for case in stacks.chain(everybody(&example)) {
            services += compare(scenario.engine(), &example, &case);
        }
    }
    assert!(services > 240, "only {services} were compared");
}
