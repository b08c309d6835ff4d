//! What others make of the examples' stacks: `docker stack config`, `docker stack deploy` and PyYAML.
//!
//! Docker accepts keys that a deployment then drops, so acceptance proves little: each service that a deployment sends to
//! the engine is compared with the same server's `--format service`.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod examples;
mod fake_engine;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};

use examples::{Case, Example};
use fake_engine::{FakeEngine, differences, prune, without_stack};
use serde_json::Value;
use swarmgen::diag::Diagnostics;
use swarmgen::resolve::Compiler;
use swarmgen::resolve::document::Inputs;
use swarmgen::source::{Disk, SourceMap};

/// A stack of an example and the services that it should be.
struct Judged {
    at: String,
    stack: Vec<u8>,
    services: BTreeMap<String, Value>,
}

/// Everybody's server, of an example that lists its users and has no such case of its own.
fn everybody(example: &Example) -> Option<Case> {
    let secrets = match example.name.as_str() {
        "classroom" => true,
        "university" => false,
        _ => return None,
    };
    let args = ["render", "--all", "--format", "stack"].map(str::to_owned).to_vec();
    Some(Case { args, out: "(all)".to_owned(), env: BTreeMap::new(), secrets })
}

/// Each profile of an example that lists its users, for the first user who may have it.
fn profiles(example: &Example) -> Vec<Case> {
    let sources = SourceMap::new();
    let mut diagnostics = Diagnostics::new();
    let configs = vec![example.folder.join(&example.config)];
    let inputs = Inputs { configs, users_files: Vec::new(), levels: Vec::new() };
    let compiler = Compiler::load(&inputs, &Disk, &sources, &mut diagnostics).unwrap();
    let mut first = BTreeMap::new();
    for index in 0..compiler.roster.len() {
        let user = compiler.roster.user(index);
        for profile in compiler.allowed_profiles(&user) {
            first.entry(profile.to_string()).or_insert_with(|| user.name.to_string());
        }
    }
    let declared = compiler.stand_ins().into_iter().map(|server| server.profile.to_string()).collect();
    assert_eq!(first.keys().cloned().collect::<BTreeSet<_>>(), declared, "{}", example.name);
    let case = |(profile, user): (&String, &String)| Case {
        args: ["render", "--user", user, "--profile", profile, "--format", "stack"].map(str::to_owned).to_vec(),
        out: format!("({profile} of {user})"),
        env: BTreeMap::new(),
        secrets: false,
    };
    first.iter().map(case).collect()
}

/// Every stack of every example.
fn stacks() -> Vec<Judged> {
    let mut judged = Vec::new();
    for example in examples::all() {
        let stacks = example.cases.iter().filter(|case| case.value_of("--format") == Some("stack")).cloned();
        let profiles = if example.name == "university" { profiles(&example) } else { Vec::new() };
        for case in stacks.chain(everybody(&example)).chain(profiles) {
            let stack = example.render(&case);
            let services = services(&example, &case, &ids(&stack));
            judged.push(Judged { at: format!("{}/{}", example.name, case.out), stack, services });
        }
    }
    judged
}

/// The ids by which the fake engine knows a stack's configs and secrets.
fn ids(stack: &[u8]) -> Value {
    let stack = read(stack);
    let tables = ["configs", "secrets"].into_iter().filter_map(|key| stack[key].as_object());
    tables.flatten().map(|(name, _)| (name.clone(), Value::from(format!("id-{name}")))).collect()
}

/// The bodies of `POST /services/create` for the same servers, by the services' names.
fn services(example: &Example, case: &Case, ids: &Value) -> BTreeMap<String, Value> {
    let mut file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    write!(file, "{ids}").unwrap();
    let case = case.with_format("service").with(&["--ids", file.path().to_str().unwrap()]);
    let rendered = example.render(&case);
    let bodies = serde_json::Deserializer::from_slice(&rendered).into_iter::<Value>().map(Result::unwrap);
    bodies.map(|body| (body["Name"].as_str().unwrap().to_owned(), body)).collect()
}

/// Reads a stack with the tests' own YAML reader.
fn read(stack: &[u8]) -> Value {
    serde_yaml::from_slice(stack).unwrap()
}

/// Runs a judge over a text that it must accept.
fn judge(command: &mut Command, at: &str, text: &[u8]) -> Vec<u8> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let program = command.get_program().to_owned();
    let mut child = command.spawn().unwrap_or_else(|error| panic!("these tests need `{}`: {error}", program.display()));
    let mut stdin = child.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(text));
        child.wait_with_output().unwrap()
    });
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!stderr.contains("No module named 'yaml'"), "these tests need PyYAML: `pip install pyyaml`");
    assert!(output.status.success(), "{at}: {stderr}");
    output.stdout
}

#[test]
fn docker_deploys_what_was_meant() {
    let engine = FakeEngine::start();
    for Judged { at, stack, services } in stacks() {
        let created = engine.deploy(&stack);
        assert_eq!(created.len(), services.len(), "{at}");
        for sent in created {
            let mut sent = without_stack(sent);
            let name = sent["Name"].as_str().unwrap().to_owned();
            let expected = prune(services[&name].clone());
            if expected["TaskTemplate"].get("Networks").is_none() {
                // A stack has no way to say "no network of my own".
                let networks = sent["TaskTemplate"].as_object_mut().unwrap().remove("Networks");
                assert_eq!(networks.unwrap()[0]["Target"], "st_default", "{at}");
            }
            assert_eq!(differences(&sent, &expected), [""; 0], "{at}: {name}");
        }
    }
}

#[test]
fn docker_reads_what_was_meant() {
    let engine = FakeEngine::start();
    for Judged { at, stack, services } in stacks() {
        let mut docker = engine.command("docker");
        let understood = read(&judge(docker.args(["stack", "config", "-c", "-"]), &at, &stack));
        let read = understood["services"].as_object().unwrap();
        assert_eq!(read.len(), services.len(), "{at}");
        for (name, service) in services {
            assert_eq!(differences(&as_read(&read[&name]), &as_meant(&service)), [""; 0], "{at}: {name}");
        }
    }
}

/// What `docker stack config` says of a service, in plain words.
fn as_read(service: &Value) -> Value {
    let list = |key: &str| service[key].as_array().cloned().unwrap_or_default();
    let env = service["environment"].as_object().cloned().unwrap_or_default();
    let mut configs = list("configs");
    // A deployment sends them in this order.
    configs.sort_by_key(|config| config["source"].to_string());
    let limits = &service["deploy"]["resources"]["limits"];
    let reservations = &service["deploy"]["resources"]["reservations"];
    serde_json::json!({
        "image": service["image"],
        "args": list("command"),
        "env": env,
        "mounts": list("volumes").iter().map(|m| [m["type"].clone(), m["target"].clone()]).collect::<Vec<_>>(),
        "read_only": list("volumes").iter().map(|m| m["read_only"] == true).collect::<Vec<_>>(),
        "configs": configs.iter().map(|c| [&c["source"], &c["target"], &c["mode"]]).collect::<Vec<_>>(),
        "networks": service["networks"].as_object().map_or(0, serde_json::Map::len),
        "cpus": [nano(&limits["cpus"]), nano(&reservations["cpus"])],
        "memory": [bytes(&limits["memory"]), bytes(&reservations["memory"])],
        "constraints": service["deploy"]["placement"]["constraints"].as_array().cloned().unwrap_or_default(),
        "labels": service["deploy"]["labels"],
    })
}

/// What a `--format service` says, in the same words.
fn as_meant(service: &Value) -> Value {
    let task = &service["TaskTemplate"];
    let container = &task["ContainerSpec"];
    let list = |from: &Value, key: &str| from[key].as_array().cloned().unwrap_or_default();
    let pairs = list(container, "Env").into_iter().map(|pair| {
        let (name, value) = pair.as_str().unwrap().split_once('=').unwrap();
        (name.to_owned(), Value::from(value))
    });
    let amount = |kind: &str, key: &str| task["Resources"][kind][key].as_u64();
    let mounts = list(container, "Mounts");
    let configs = list(container, "Configs");
    serde_json::json!({
        "image": container["Image"],
        "args": list(container, "Args"),
        "env": pairs.collect::<serde_json::Map<_, _>>(),
        "mounts": mounts.iter().map(|m| [m["Type"].clone(), m["Target"].clone()]).collect::<Vec<_>>(),
        "read_only": mounts.iter().map(|m| m["ReadOnly"] == true).collect::<Vec<_>>(),
        "configs": configs.iter().map(|c| [&c["ConfigName"], &c["File"]["Name"], &c["File"]["Mode"]]).collect::<Vec<_>>(),
        "networks": list(task, "Networks").len(),
        "cpus": [amount("Limits", "NanoCPUs"), amount("Reservations", "NanoCPUs")],
        "memory": [amount("Limits", "MemoryBytes"), amount("Reservations", "MemoryBytes")],
        "constraints": list(&task["Placement"], "Constraints"),
        "labels": service["Labels"],
    })
}

/// CPUs as text, in billionths.
fn nano(cpus: &Value) -> Option<u64> {
    let cpus: f64 = cpus.as_str()?.parse().unwrap();
    Some((cpus * 1e9).round() as u64)
}

/// Bytes as text.
fn bytes(memory: &Value) -> Option<u64> {
    Some(memory.as_str()?.parse().unwrap())
}

#[test]
fn pyyaml_reads_the_same() {
    let script = "import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin.buffer.read()), sys.stdout)";
    for Judged { at, stack, .. } in stacks() {
        let python = judge(Command::new("python3").args(["-c", script]), &at, &stack);
        let python: Value = serde_json::from_slice(&python).unwrap();
        assert_eq!(differences(&python, &read(&stack)), [""; 0], "{at}");
    }
}
