//! Servers that are started, asked for and stopped on a swarm in memory, in virtual time.

#![cfg(feature = "apply")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

#[path = "../fake_swarm/mod.rs"]
#[allow(dead_code, reason = "shared with tests/apply")]
mod fake_swarm;

mod adopted;
mod existing;
mod failures;
mod page;
mod polls;
mod settings;
mod starts;
mod stops;
mod volumes;

use std::cell::RefCell;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use swarmgen::apply::Redactor;
use swarmgen::diag::Diagnostics;
use swarmgen::emit::ApiVersion;
use swarmgen::resolve::document::Inputs;
use swarmgen::resolve::{Compiler, Request as Asked};
use swarmgen::source::{ReadError, SourceMap, World};
use swarmgen::spawner::request::{Existing, State, Wait};
use swarmgen::spawner::{Event, Owner, Request, Start, Stop, Which, poll, stop};
use tokio::time::Instant;
use zeroize::Zeroizing;

use fake_swarm::{FakeSwarm, Fault};

const DEPLOYMENT: &str = "class";
const TOKEN: &str = "canary-of-the-token";
const PORT: u16 = 8888;

const CONFIG: &str = r#"
version = 1
deployment = "class"
jupyterhub_service_name = "jupyterhub"
networks = ["hub"]
enable_user_upload_install_files = true
images = [
    { name = "Runs", image = "runs:1" },
    { name = "Other", image = "runs:2" },
    { name = "Missing", image = "missing:1" },
    { name = "Exits", image = "exits:1" },
    { name = "Ends", image = "ends:1" },
    { name = "Killed", image = "killed:1" },
    { name = "Slow", image = "slow:5000" },
    { name = "Never", image = "pulling:1" },
    { name = "Unhealthy", image = "unhealthy:1" },
    { name = "Homeless", image = "homeless:1" },
    { name = "Unequipped", image = "unequipped:1", accelerators = [{ kind = "gpu" }] },
    { name = "Published", image = "runs:4", networks = [], endpoint_spec = { ports = [
        { target = 8888, published = 31000, mode = "host" },
    ] } },
    { name = "Slow and published", image = "slow:5000", networks = [], endpoint_spec = { ports = [
        { target = 8888, published = 31000, mode = "host" },
    ] } },
    { name = "Unplaced", image = "addressless:1" },
    { name = "Telltale", image = "telltale:canary-of-the-token" },
    { name = "Unmounted", image = "telltale:2", mounts = [
        { source = "scratch-{name}", target = "/scratch", labels = { autoremove = "True" } },
    ] },
    { name = "Absent", image = "missing:1", mounts = [
        { source = "scratch-{name}", target = "/scratch", labels = { autoremove = "True" } },
    ] },
    { name = "Pulled", image = "pulling:1", mounts = [
        { source = "scratch-{name}", target = "/scratch", labels = { autoremove = "True" } },
    ] },
    { name = "Scratch", image = "runs:3", mounts = [
        { source = "scratch-{name}", target = "/scratch", labels = { autoremove = "True" } },
        { source = "kept-{name}", target = "/kept" },
    ] },
]
"#;

/// A config alone.
struct Memory(&'static str);

impl World for Memory {
    fn read(&self, _: &Path, _: Option<u64>) -> Result<Zeroizing<String>, ReadError> {
        Ok(Zeroizing::new(self.0.to_owned()))
    }

    fn variable(&self, _: &str) -> Result<Zeroizing<String>, ReadError> {
        Err(ReadError::NoVariable)
    }

    fn output(&self, _: &[String], _: &Path) -> Result<Zeroizing<String>, ReadError> {
        Err(ReadError::NoVariable)
    }
}

/// What a hub asks for.
#[derive(Clone, Debug)]
struct Hub {
    user: &'static str,
    server: &'static str,
    profile: &'static str,
    token: &'static str,
    options: Value,
    existing: Existing,
    on_changed: &'static str,
    wait: Wait,
    port: u16,
    http_timeout: Option<Duration>,
    timeout: Duration,
    /// When the hub gives up.
    cancel: Option<Duration>,
}

fn hub(user: &'static str, profile: &'static str) -> Hub {
    Hub {
        user,
        server: "",
        profile,
        token: TOKEN,
        options: json!({}),
        existing: Existing::Tell,
        on_changed: "replace",
        wait: Wait::Running,
        port: PORT,
        http_timeout: None,
        timeout: Duration::from_secs(30),
        cancel: None,
    }
}

impl Hub {
    fn owner(&self) -> Owner<'static> {
        Owner { deployment: DEPLOYMENT, user: self.user, server: self.server }
    }

    /// Asks for a start.
    async fn start(&self, swarm: &FakeSwarm) -> Told {
        let line = json!({
            "version": 1, "user": {"name": self.user}, "server": {"name": self.server},
            "hub": {"env": {"JUPYTERHUB_API_TOKEN": self.token, "JUPYTERHUB_USER": self.user}},
            "user_options": self.options,
        });
        let sources = SourceMap::new();
        let request = Request::read(&line.to_string(), &sources).unwrap();
        let inputs = Inputs { configs: vec!["c.toml".into()], users_files: Vec::new(), levels: Vec::new() };
        let mut found = Diagnostics::new();
        let compiler = Compiler::load(&inputs, &Memory(CONFIG), &sources, &mut found).unwrap();
        let user = compiler.user(self.user, &mut found).unwrap();
        let asked = Asked {
            profile: Some(self.profile),
            server_name: self.server,
            options: request.options.as_ref(),
            hub_env: &request.hub_env,
            ..Asked::default()
        };
        let server = compiler.resolve(&user, &asked, &mut found);
        let server = server.unwrap_or_else(|| panic!("{:?}", found.sorted()));
        compiler.mark_secrets();
        let redactor = Redactor::default();
        redactor.learn_service(&server.service);
        let begun = Instant::now();
        let start = Start {
            api: swarm,
            version: ApiVersion::V1_45,
            owner: self.owner(),
            service: &server.service,
            profile: &server.profile,
            objects: &[],
            uploads: &server.uploads,
            hub_names: &["JUPYTERHUB_API_TOKEN", "JUPYTERHUB_USER"],
            port: self.port,
            existing: self.existing,
            on_changed: self.on_changed,
            wait: self.wait,
            http_timeout: self.http_timeout,
            deadline: begun + self.timeout,
            auth: &|_| None,
            redactor: &redactor,
        };
        let told = RefCell::new(Vec::new());
        let cancel = async {
            match self.cancel {
                Some(after) => tokio::time::sleep(after).await,
                None => std::future::pending().await,
            }
        };
        let result = start.run(&|event| told.borrow_mut().push(event.clone()), cancel).await;
        Told::new(told.into_inner(), result, begun)
    }

    async fn poll(&self, swarm: &FakeSwarm, state: Option<&State>) -> Value {
        let name = self.name();
        serde_json::to_value(poll(swarm, self.which(&name, state)).await).unwrap()
    }

    async fn stop(&self, swarm: &FakeSwarm, state: Option<&State>) -> Told {
        self.stop_with(swarm, state, false).await
    }

    async fn stop_with(&self, swarm: &FakeSwarm, state: Option<&State>, now: bool) -> Told {
        let (name, begun) = (self.name(), Instant::now());
        let deadline = begun + self.timeout;
        let job = Stop { api: swarm, which: self.which(&name, state), now, deadline };
        let told = RefCell::new(Vec::new());
        let result = stop(&job, &|event| told.borrow_mut().push(event.clone())).await;
        Told::new(told.into_inner(), result, begun)
    }

    fn which<'a>(&'a self, name: &'a str, state: Option<&'a State>) -> Which<'a> {
        state.map_or(Which::Name { owner: self.owner(), name, port: self.port }, Which::State)
    }

    /// The service's name.
    fn name(&self) -> String {
        let sources = SourceMap::new();
        let inputs = Inputs { configs: vec!["c.toml".into()], users_files: Vec::new(), levels: Vec::new() };
        let mut found = Diagnostics::new();
        let compiler = Compiler::load(&inputs, &Memory(CONFIG), &sources, &mut found).unwrap();
        let user = compiler.user(self.user, &mut found).unwrap();
        compiler.service_name(&user, self.server)
    }
}

/// What was told, and when it was over.
#[derive(Debug)]
struct Told {
    progress: Vec<Value>,
    result: Value,
    state: Option<State>,
    took: Duration,
}

impl Told {
    fn new(progress: Vec<Event>, result: Event, begun: Instant) -> Self {
        let state = match &result {
            Event::Started(started) => Some(started.state.clone()),
            _ => None,
        };
        let progress = progress.into_iter().map(|event| serde_json::to_value(event).unwrap()).collect();
        Self { progress, result: serde_json::to_value(result).unwrap(), state, took: begun.elapsed() }
    }

    #[track_caller]
    fn started(&self) -> &State {
        self.state.as_ref().unwrap_or_else(|| panic!("{:#?}", self.result))
    }

    /// The code of a failure that left nothing.
    #[track_caller]
    fn failed(&self) -> &str {
        assert_eq!(self.result["event"], "failed", "{:#?}", self.result);
        assert_eq!(self.result["left"], json!([]), "{:#?}", self.result);
        self.result["code"].as_str().unwrap()
    }

    fn stages(&self) -> Vec<&str> {
        self.progress.iter().map(|event| event["stage"].as_str().unwrap()).collect()
    }

    /// Everything that was told, as text.
    fn text(&self) -> String {
        format!("{:?} {}", self.progress, self.result)
    }
}

/// Nothing is on the swarm but what was there before.
#[track_caller]
fn assert_empty(swarm: &FakeSwarm) {
    assert_eq!(swarm.names(), Vec::<String>::new());
    swarm.now(|state| assert_eq!((&state.configs, &state.volumes), (&Vec::new(), &Vec::new())));
}

/// A file that a request brings.
fn file(name: &str) -> Value {
    json!({"user_install_files": [{"name": name, "extension": ".txt", "data": "numpy\n"}]})
}

/// Puts a volume on the first node, as a task does.
fn add_volume(swarm: &FakeSwarm, name: &str) {
    let labels = [("autoremove".to_owned(), "True".to_owned())].into();
    let volume = swarmgen::plan::observed::ObservedVolume { name: name.to_owned(), labels, ..Default::default() };
    swarm.now(|state| state.volumes.push(volume));
}
