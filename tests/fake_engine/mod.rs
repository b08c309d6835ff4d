//! An engine that keeps what the docker CLI sends to `POST /services/create`, for seeing what a stack or command means.
//!
//! To those who ask without a filter it shows the small swarm of `swarm.json`, in which one node has `jupyter/base-notebook:1`,
//! and a process that listens at port 30808.
//! tests/live compares the shape of its answers with a real engine's.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// Listens until the test's process ends.
pub(crate) struct FakeEngine {
    directory: tempfile::TempDir,
    swarm: Arc<Mutex<Value>>,
    created: Arc<Mutex<Vec<Value>>>,
}

impl FakeEngine {
    pub(crate) fn start() -> Self {
        hold_port();
        Self::of(swarm())
    }

    /// An engine of another swarm, in the form of `swarm.json`; its `tasks` are of its services, or of those that are made in
    /// the meantime: `new1`, `new2`...
    pub(crate) fn of(swarm: Value) -> Self {
        let swarm = Arc::new(Mutex::new(swarm));
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join("engine.sock")).unwrap();
        let created = Arc::new(Mutex::new(Vec::new()));
        let shared = (Arc::clone(&swarm), Arc::clone(&created));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (swarm, created) = shared.clone();
                std::thread::spawn(move || serve(stream, &swarm, &created));
            }
        });
        Self { directory, swarm, created }
    }

    /// From now on it is the engine of another swarm.
    #[allow(dead_code, reason = "most look at one swarm")]
    pub(crate) fn becomes(&self, swarm: Value) {
        *self.swarm.lock().unwrap() = swarm;
    }

    /// A command that reaches this engine by the docker CLI, with nothing of the machine's own settings.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("DOCKER_HOST", self.address());
        command.env("DOCKER_CONFIG", self.directory.path()).env_remove("DOCKER_CONTEXT").env("HOME", "/nobody");
        command
    }

    /// What `DOCKER_HOST` is to be for it.
    #[allow(dead_code, reason = "commands are made here or elsewhere")]
    pub(crate) fn address(&self) -> String {
        format!("unix://{}", self.directory.path().join("engine.sock").display())
    }

    /// Writes a file and says where.
    pub(crate) fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Deploys a stack as `st` and gives what was sent, sorted by name; the deployer's environment holds what no service
    /// may take from it.
    #[allow(dead_code, reason = "commands are no stacks")]
    pub(crate) fn deploy(&self, stack: &[u8]) -> Vec<Value> {
        let file = self.file("stack.yml", stack);
        let mut docker = self.command("docker");
        docker.args(["stack", "deploy", "--detach=true", "--resolve-image", "never", "-c"]).arg(file).arg("st");
        run(docker.env("EMPTY", "leaked").env("r", "leaked"));
        let mut created = self.take();
        created.sort_by_key(|spec| spec["Name"].to_string());
        created
    }

    /// The bodies received so far, which are then forgotten.
    pub(crate) fn take(&self) -> Vec<Value> {
        std::mem::take(&mut *self.created.lock().unwrap())
    }
}

/// Lets a process, this one, listen at a port of the small swarm's node.
fn hold_port() {
    static HELD: std::sync::Once = std::sync::Once::new();
    HELD.call_once(|| {
        // Where that port is taken, another process does what is wanted.
        if let Ok(listener) = std::net::TcpListener::bind(("127.0.0.1", 30808)) {
            std::mem::forget(listener);
        }
    });
}

fn serve(stream: UnixStream, swarm: &Mutex<Value>, created: &Mutex<Vec<Value>>) {
    let mut writer = stream.try_clone().unwrap();
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|length| length > 0) {
        let mut words = line.split_whitespace();
        let (method, target) = (words.next().unwrap().to_owned(), words.next().unwrap().to_owned());
        let body = read_body(&mut reader);
        let swarm = swarm.lock().unwrap().clone();
        let target = target.strip_prefix("/v1.41").unwrap_or(&target);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let filtered = query.contains("filters=");
        let (status, answer) = match path {
            "/configs" | "/secrets" if filtered => ("200 OK", named(query)),
            "/services" if query.contains("swarmgen.deployment") => ("200 OK", of_deployments(&swarm)),
            "/services" | "/networks" if filtered => ("200 OK", json!([])),
            "/tasks" => ("200 OK", tasks(&swarm, filtered, created.lock().unwrap().len())),
            "/services/create" => {
                let mut created = created.lock().unwrap();
                created.push(serde_json::from_slice(&body).unwrap());
                ("201 Created", json!({"ID": format!("new{}", created.len())}))
            }
            "/configs/create" | "/secrets/create" => ("201 Created", json!({"ID": "new"})),
            "/version" => ("200 OK", json!({"Version": "20.10.24", "ApiVersion": "1.41", "MinAPIVersion": "1.12"})),
            "/info" | "/services" | "/networks" | "/nodes" | "/configs" | "/secrets" | "/volumes" => {
                ("200 OK", swarm[&path[1..]].clone())
            }
            "/images/jupyter/base-notebook:1/json" => ("200 OK", json!({"Id": "sha256:1"})),
            _ => match (path.strip_prefix("/networks/"), path.split('/').nth(1)) {
                (Some(name), _) => ("200 OK", json!({"Name": name, "Id": name, "Scope": "swarm"})),
                (None, Some("images")) => ("404 Not Found", json!({"message": "No such image"})),
                (None, Some("distribution")) => ("403 Forbidden", json!({"message": "no registry here"})),
                _ => ("200 OK", json!({})),
            },
        };
        let answer = if method == "HEAD" || method == "DELETE" { String::new() } else { answer.to_string() };
        let head = "Api-Version: 1.41\r\nOstype: linux\r\nSwarm: active/manager";
        let length = answer.len();
        write!(
            writer,
            "HTTP/1.1 {status}\r\n{head}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{answer}"
        )
        .unwrap();
        line.clear();
    }
}

/// What there is on the small swarm.
pub(crate) fn swarm() -> Value {
    serde_json::from_str(include_str!("swarm.json")).unwrap()
}

/// The services that are some deployment's.
fn of_deployments(swarm: &Value) -> Value {
    let services = swarm["services"].as_array().unwrap().iter();
    services.filter(|one| one["Spec"]["Labels"]["swarmgen.deployment"].is_string()).cloned().collect()
}

/// All tasks, or those of services that are some deployment's, which is what the program filters for; so is each that was made.
fn tasks(swarm: &Value, of_a_deployment: bool, made: usize) -> Value {
    let services = of_deployments(swarm);
    let labelled = |id: &Value| services.as_array().unwrap().iter().any(|one| one["ID"] == *id);
    let number = |id: &Value| id.as_str().and_then(|id| id.strip_prefix("new")?.parse::<usize>().ok());
    let is_told = |id: &Value| match number(id) {
        Some(number) => number <= made,
        None => !of_a_deployment || labelled(id),
    };
    let tasks = swarm["tasks"].as_array().into_iter().flatten();
    tasks.filter(|task| is_told(&task["ServiceID"])).cloned().collect()
}

fn read_body(reader: &mut impl BufRead) -> Vec<u8> {
    let (mut length, mut chunked) = (0, false);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let line = line.trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        chunked |= line.starts_with("transfer-encoding:");
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    if !chunked {
        return body;
    }
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let mut chunk = vec![0; usize::from_str_radix(line.trim(), 16).unwrap()];
        reader.read_exact(&mut chunk).unwrap();
        reader.read_line(&mut line).unwrap();
        if chunk.is_empty() {
            return body;
        }
        body.append(&mut chunk);
    }
}

/// Configs or secrets of exactly the names that were asked for.
fn named(query: &str) -> Value {
    let mut decoded = Vec::new();
    let mut bytes = query.trim_start_matches("filters=").bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            byte => byte,
        });
    }
    let filters: Value = serde_json::from_slice(&decoded).unwrap();
    let names = filters["name"].as_object().unwrap().keys();
    names.map(|name| json!({"ID": format!("id-{name}"), "Spec": {"Name": name}})).collect()
}

/// Runs a command that must succeed.
pub(crate) fn run(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap_or_else(|error| {
        panic!("these tests need `{}`: {error}", command.get_program().display());
    });
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Takes back what the stack adds: its name, its labels, and each service's key as an alias.
#[allow(dead_code, reason = "commands are no stacks")]
pub(crate) fn without_stack(mut spec: Value) -> Value {
    let name = spec["Name"].as_str().unwrap().strip_prefix("st_").unwrap().to_owned();
    spec["Name"] = name.as_str().into();
    let drop_labels = |labels: &mut Value| {
        if let Some(labels) = labels.as_object_mut() {
            labels.retain(|key, _| !key.starts_with("com.docker.stack."));
        }
    };
    drop_labels(&mut spec["Labels"]);
    let task = &mut spec["TaskTemplate"];
    for network in task["Networks"].as_array_mut().into_iter().flatten() {
        network["Aliases"].as_array_mut().unwrap().retain(|alias| *alias != *name);
    }
    let container = &mut task["ContainerSpec"];
    drop_labels(&mut container["Labels"]);
    for mount in container["Mounts"].as_array_mut().into_iter().flatten() {
        if mount.get("VolumeOptions").is_some() {
            drop_labels(&mut mount["VolumeOptions"]["Labels"]);
        }
    }
    prune(spec)
}

/// Removes what the engine takes for absent: null, "", false, [], {}, no forced update and no
/// tolerated failures;
/// and sorts those lists whose order means nothing, since the CLI changes it.
pub(crate) fn prune(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(key, value)| {
                let mut value = prune(value);
                if let (Value::Array(values), "Ports" | "GenericResources") = (&mut value, key.as_str()) {
                    values.sort_by_key(Value::to_string);
                }
                (key, value)
            });
            fields.filter(|(key, value)| !is_absent(key, value)).collect()
        }
        Value::Array(values) => values.into_iter().map(prune).collect(),
        other => other,
    }
}

fn is_absent(key: &str, value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Number(number) => matches!(key, "ForceUpdate" | "MaxFailureRatio") && number.as_f64() == Some(0.0),
        Value::Bool(true) => false,
    }
}

/// The places at which two values differ, with what stands there.
pub(crate) fn differences(left: &Value, right: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare("", left, right, &mut found);
    found
}

fn compare(at: &str, left: &Value, right: &Value, found: &mut Vec<String>) {
    match (left, right) {
        (Value::Object(left), Value::Object(right)) => {
            let keys: std::collections::BTreeSet<&String> = left.keys().chain(right.keys()).collect();
            for key in keys {
                let [left, right] = [left, right].map(|fields| fields.get(key).unwrap_or(&Value::Null));
                compare(&format!("{at}/{key}"), left, right, found);
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (index, (left, right)) in left.iter().zip(right).enumerate() {
                compare(&format!("{at}/{index}"), left, right, found);
            }
        }
        (left, right) if left == right => {}
        (left, right) => found.push(format!("{at}: {left} is not {right}")),
    }
}
