//! What `docker stack deploy` makes of a rendered stack is what the engine stores for the rendered Engine body, and for what
//! `apply` sends.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;

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

/// Applies what a case renders and gives the specs that are stored then, by name.
fn applied(engine: &Engine, example: &Example, case: &Case, names: &BTreeSet<&str>) -> BTreeMap<String, Value> {
    let mut hub_env = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    hub_env.write_all(b"{}").unwrap();
    let mut args = Vec::new();
    let mut given = case.args.iter().map(String::as_str);
    while let Some(argument) = given.next() {
        match argument {
            "render" => args.extend(["apply", "--detach", "--resolve-image", "never"]),
            "--all" => {}
            "--format" | "--stack" => drop(given.next()),
            other => args.push(other),
        }
    }
    if !args.contains(&"--hub-env") {
        args.extend(["--hub-env", hub_env.path().to_str().unwrap()]);
    }
    let run_with = |args: &[&str]| {
        let mut command = examples::swarmgen(&example.folder);
        reach(&mut command, &engine.socket(1)).args(["-c", &example.config]).args(args).envs(&case.env);
        run(command.env("SWARMGEN_KEY", "of the test"))
    };
    let theirs = |spec: &Value| names.contains(spec["Name"].as_str().unwrap());
    run_with(&args);
    let specs = stored(engine, theirs);
    run_with(&["destroy", "--all", "--yes"]);
    assert_eq!(stored(engine, theirs), BTreeMap::new());
    specs
}

/// Takes back what `apply` adds: who made it, and digests of what was applied.
fn without_marks(mut spec: Value) -> Value {
    const EVERYBODYS: [&str; 3] = ["swarmgen.deployment", "swarmgen.user", "swarmgen.server"];
    let labels = spec["Labels"].as_object_mut().unwrap();
    labels.retain(|label, _| !label.starts_with("swarmgen.") || EVERYBODYS.contains(&label.as_str()));
    spec
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
    let names = created.keys().map(String::as_str).collect();
    let applied = applied(engine, example, case, &names);
    assert_eq!((deployed.len(), applied.len()), (bodies.len(), bodies.len()), "{at}");
    for (name, spec) in applied {
        let (ours, theirs) = (saying_something(without_marks(spec)), saying_something(created[&name].clone()));
        assert_eq!(differences(&ours, &theirs), [""; 0], "{at}: {name}: applied is not created");
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

/// One user of the configs that were imported, of which the folders say nothing to render. The university's is no stack: its
/// anonymous volumes have drivers (SG401).
fn imported() -> [Example; 2] {
    ["basic", "dockerspawner"].map(|name| Example {
        name: format!("migration/{name}"),
        folder: Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/migration").join(name),
        config: "swarmgen.toml".to_owned(),
        validate_env: BTreeMap::new(),
        cases: vec![Case {
            args: ["render", "--user", "alice", "--format", "stack"].map(str::to_owned).to_vec(),
            out: "alice".to_owned(),
            env: BTreeMap::new(),
            secrets: false,
        }],
    })
}

#[test]
fn a_deployed_stack_is_the_created_service() {
    let scenario = Scenario::new(Engine::idle(), "equivalence");
    let mut services = 0;
    for example in examples::all().into_iter().chain(imported()) {
        let stacks = example.cases.iter().filter(|case| case.value_of("--format") == Some("stack")).cloned();
        for case in stacks.chain(everybody(&example)) {
            services += compare(scenario.engine(), &example, &case);
        }
    }
    assert!(services > 240, "only {services} were compared");
}
