//! Engines in swarm mode of the tests' own (scripts/engine), started once and ended with the test process.

use std::collections::BTreeSet;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::http::{self, Answer};
use crate::until::until;

/// What runs on every engine: a page on port 8888.
pub(crate) const NOTEBOOK: &str = "stand-in/notebook:serves";

/// The generic resource of which each node has one.
pub(crate) const RESOURCE: &str = "seat";

static SHARED: LazyLock<Engine> = LazyLock::new(|| Engine::start("shared", 1, None));
static PAIR: LazyLock<Mutex<Engine>> = LazyLock::new(|| Mutex::new(Engine::start("pair", 2, None)));
static IDLE: LazyLock<Engine> = LazyLock::new(|| {
    let engine = Engine::start("idle", 1, None);
    run(&mut engine.docker(&["node", "update", "--availability", "drain", "node1"]));
    engine
});

/// A swarm of one node or two, with the stand-ins on each.
pub(crate) struct Engine {
    folder: PathBuf,
    nodes: u8,
    /// The certificates that it has at a port, if it has one.
    certificates: Option<PathBuf>,
    /// Other names that the stand-in has.
    tagged: Mutex<BTreeSet<String>>,
}

impl Engine {
    /// The engine of one node that all tests share: no test may change its node.
    pub(crate) fn shared() -> &'static Self {
        &SHARED
    }

    /// A swarm of two nodes that a test has for itself as long as it holds this; it leaves both up and active.
    pub(crate) fn pair() -> MutexGuard<'static, Self> {
        let pair = PAIR.lock().unwrap_or_else(PoisonError::into_inner);
        // The last one may have lost a node.
        pair.run_nodes();
        pair
    }

    /// An engine that stores services and starts none, as its node is drained: for what is stored, and for many at once.
    pub(crate) fn idle() -> &'static Self {
        &IDLE
    }

    /// An engine that listens with the certificates of a folder at port 2376 of its node, too, and ends with the process.
    pub(crate) fn with_certificates(certificates: &Path) -> Self {
        Self::start("tls", 1, Some(certificates.to_owned()))
    }

    fn start(name: &str, nodes: u8, certificates: Option<PathBuf>) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/live").join(name);
        let engine = Self { folder, nodes, certificates, tagged: Mutex::default() };
        engine.run_nodes();
        engine
    }

    /// Starts the nodes that do not run, with the images that they then lack.
    fn run_nodes(&self) {
        let nodes = self.nodes.to_string();
        let process = std::process::id().to_string();
        let resource = format!("{RESOURCE}=window");
        let mut start = self.script(&["start", "--nodes", &nodes, "--resource", &resource, "--while", &process]);
        if let Some(folder) = &self.certificates {
            start.arg("--tls").arg(folder);
        }
        let output = start.output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "the live tests need root on Debian, and what scripts/setup installs; `scripts/engine start` says: {stderr}"
        );
        for node in 1..=self.nodes {
            let has = http::get(&self.socket(node), &format!("/images/{NOTEBOOK}/json")).status == 200;
            if !has {
                run(Command::new(self.root("tests/live/images/load")).arg(self.socket(node)));
                self.tagged.lock().unwrap().clear();
            }
        }
    }

    fn root(&self, path: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
    }

    fn script(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.root("scripts/engine"));
        command.arg("--dir").arg(&self.folder).args(arguments);
        command
    }

    /// The socket of a node's engine; the first node is the manager.
    pub(crate) fn socket(&self, node: u8) -> PathBuf {
        self.folder.join(node.to_string()).join("docker.sock")
    }

    /// The nodes that run.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = u8> {
        (1..=self.nodes).filter(|&node| UnixStream::connect(self.socket(node)).is_ok())
    }

    /// The docker CLI, talking to the manager.
    pub(crate) fn docker(&self, arguments: &[&str]) -> Command {
        self.docker_on(1, arguments)
    }

    /// The docker CLI, talking to a node.
    pub(crate) fn docker_on(&self, node: u8, arguments: &[&str]) -> Command {
        let mut command = Command::new("docker");
        reach(&mut command, &self.socket(node)).args(arguments);
        command
    }

    /// A command in a node's network, file system and processes.
    pub(crate) fn inside(&self, node: u8, arguments: &[&str]) -> Command {
        let mut command = self.script(&["exec", &node.to_string()]);
        command.args(arguments);
        command
    }

    /// Ends a node as a power cut would.
    pub(crate) fn lose_node(&self, node: u8) {
        run(&mut self.script(&["lose", &node.to_string()]));
    }

    /// What a `GET` of the manager's API gives, which must be there.
    pub(crate) fn get(&self, path: &str) -> Value {
        let answer = http::get(&self.socket(1), path);
        assert_eq!(answer.status, 200, "GET {path}: {}", answer.text());
        answer.json()
    }

    /// What any request to the manager's API gives.
    pub(crate) fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        http::ask(&self.socket(1), method, path, body)
    }

    /// Gives the stand-in another name on every node, so that an example's image can be run.
    pub(crate) fn has_image(&self, image: &str) {
        let mut tagged = self.tagged.lock().unwrap();
        if tagged.insert(image.to_owned()) {
            for node in 1..=self.nodes {
                run(&mut self.docker_on(node, &["tag", NOTEBOOK, image]));
            }
        }
    }

    /// Creates an overlay network unless it exists.
    pub(crate) fn has_network(&self, name: &str) {
        let is_there = || http::get(&self.socket(1), &format!("/networks/{name}")).status == 200;
        if !is_there() {
            let output = self.docker(&["network", "create", "--driver", "overlay", name]).output().unwrap();
            // Another test may have been faster, of which the engine tells in several words.
            assert!(output.status.success() || is_there(), "{}", String::from_utf8_lossy(&output.stderr));
        }
    }

    /// Creates a config or secret with some content unless it exists, and gives its id.
    pub(crate) fn has_object(&self, kind: &str, name: &str) -> String {
        // "some" in base64, as the API takes it.
        let answer = self.ask("POST", &format!("/{kind}/create"), Some(&json!({"Name": name, "Data": "c29tZQ=="})));
        assert!([201, 409].contains(&answer.status), "{}", answer.text());
        let object = self.get(&format!("/{kind}/{name}"));
        object["ID"].as_str().unwrap().to_owned()
    }

    /// All services, as the engine stores them.
    pub(crate) fn services(&self) -> Vec<Value> {
        self.get("/services").as_array().unwrap().clone()
    }

    /// The service of that very name, if there is one.
    pub(crate) fn service(&self, name: &str) -> Option<Value> {
        self.services().into_iter().find(|service| service["Spec"]["Name"] == name)
    }

    /// A service's tasks.
    pub(crate) fn tasks(&self, service: &str) -> Vec<Value> {
        let filters = http::encode(&json!({ "service": [service] }).to_string());
        let answer = http::get(&self.socket(1), &format!("/tasks?filters={filters}"));
        // A service that is gone has none.
        if answer.status == 404 { Vec::new() } else { answer.json().as_array().unwrap().clone() }
    }

    /// Tells whether a service has a task that runs.
    pub(crate) fn runs(&self, service: &str) -> bool {
        self.tasks(service).iter().any(|task| task["Status"]["State"] == "running" && task["DesiredState"] == "running")
    }

    /// Waits until a service has a task that runs.
    pub(crate) fn wait_for(&self, service: &str) {
        until(&format!("{service} runs"), 40, || self.runs(service), || self.told(service));
    }

    /// Waits until a service has a task that runs, or that waits for a node where none is active.
    pub(crate) fn wait_for_a_task(&self, service: &str) {
        let told = |task: &Value| task["Status"]["State"] == "running" || task["Status"]["Err"].is_string();
        until(&format!("{service} has a task"), 40, || self.tasks(service).iter().any(told), || self.told(service));
    }

    /// What became of a service's tasks, without what they are: a spec may hold secrets.
    pub(crate) fn told(&self, service: &str) -> String {
        let told = |task: &Value| json!([task["DesiredState"], task["Status"]]).to_string();
        self.tasks(service).iter().map(told).collect::<Vec<_>>().join("\n")
    }

    /// The container of a service's running task on a node.
    pub(crate) fn container(&self, node: u8, service: &str) -> String {
        let filter = format!("label=com.docker.swarm.service.name={service}");
        let ids = run(&mut self.docker_on(node, &["ps", "-q", "--filter", &filter]));
        let ids = String::from_utf8(ids).unwrap();
        let [id] = ids.split_whitespace().collect::<Vec<_>>()[..] else {
            panic!("{service} has not one container on node {node}: {ids:?}")
        };
        id.to_owned()
    }
}

/// Makes a command talk to the engine behind a socket, with nothing of the machine's own settings.
pub(crate) fn reach<'c>(command: &'c mut Command, socket: &Path) -> &'c mut Command {
    for variable in ["DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_API_VERSION", "SWARMGEN_CONFIG"]
    {
        command.env_remove(variable);
    }
    command.env("DOCKER_HOST", format!("unix://{}", socket.display())).env("DOCKER_CONFIG", "/nowhere")
}

/// Runs a command that must succeed, and gives its standard output.
pub(crate) fn run(command: &mut Command) -> Vec<u8> {
    for further in (0..10).rev() {
        let Output { status, stdout, stderr } = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        if status.success() {
            return stdout;
        }
        // The swarm itself has changed the service between the docker command's look and its request.
        let stderr = String::from_utf8_lossy(&stderr);
        assert!(further > 0 && stderr.contains("update out of sequence"), "{command:?}: {stderr}");
    }
    unreachable!()
}
