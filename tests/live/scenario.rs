//! One test's part of an engine: a name of its own, a folder, and somebody else's objects beside it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::engine::{Engine, NOTEBOOK, reach, run};
use crate::fake_engine::differences;
use crate::http;
use crate::until::until;

/// What a test does and looks at. At its end everything under its name goes, and somebody else's objects must be as they were.
pub(crate) struct Scenario<'e> {
    engine: &'e Engine,
    name: String,
    folder: tempfile::TempDir,
    socket: PathBuf,
    /// How the names of further objects begin that go at the end.
    further: Vec<String>,
    others: Others,
}

/// What somebody else has on the same swarm, under names much like ours.
struct Others {
    name: String,
    /// The names of a config and a secret that are as those which a run makes and renews, and that nobody labelled.
    like_ours: [String; 2],
    before: Value,
}

impl<'e> Scenario<'e> {
    /// Begins one under a name that no other test has: a deployment, and the beginning of every name that it uses.
    pub(crate) fn new(engine: &'e Engine, name: &str) -> Self {
        sweep(engine, name, &[]);
        let folder = tempfile::tempdir().unwrap();
        let others = Others::new(engine, name);
        Self { engine, name: name.to_owned(), folder, socket: engine.socket(1), further: Vec::new(), others }
    }

    pub(crate) fn engine(&self) -> &'e Engine {
        self.engine
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Where the test's files are and where commands run.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        // As an editor does: a command that is about to read it finds the old text or the new one.
        let new = path.with_extension("new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, &path).unwrap();
        path
    }

    /// Lets everything go at the end whose name begins with something else, too: an example's volumes, say.
    pub(crate) fn owns(&mut self, beginning: &str) {
        self.further.push(beginning.to_owned());
    }

    /// Lets commands reach the engine through another socket from now on, say a proxy's.
    pub(crate) fn goes_through(&mut self, socket: &Path) {
        socket.clone_into(&mut self.socket);
    }

    /// The program, in the test's folder.
    pub(crate) fn swarmgen(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_swarmgen"));
        reach(&mut command, &self.socket).current_dir(self.folder.path()).args(arguments);
        command.env_remove("CLICOLOR_FORCE").env_remove("SWARMGEN_KEY");
        command
    }

    /// What the program does, whether it succeeds or not.
    pub(crate) fn tries(&self, arguments: &[&str]) -> Output {
        self.swarmgen(arguments).output().unwrap()
    }

    /// What the program writes to standard output when it succeeds, which it must.
    pub(crate) fn runs(&self, arguments: &[&str]) -> Vec<u8> {
        let output = self.tries(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// The services of this deployment, or whose names begin as this scenario's, sorted by name.
    pub(crate) fn services(&self) -> Vec<Value> {
        let ours = |service: &Value| {
            let name = service["Spec"]["Name"].as_str().unwrap();
            ["-", "_"].iter().any(|mark| name.starts_with(&format!("{}{mark}", self.name)))
                || service["Spec"]["Labels"]["swarmgen.deployment"] == *self.name
        };
        let others = &self.others.name;
        let mut services = self.engine.services();
        services.retain(|service| ours(service) && !service["Spec"]["Name"].as_str().unwrap().starts_with(others));
        services.sort_by_key(|service| service["Spec"]["Name"].to_string());
        services
    }

    /// Their names.
    pub(crate) fn service_names(&self) -> Vec<String> {
        self.services().iter().map(|service| service["Spec"]["Name"].as_str().unwrap().to_owned()).collect()
    }

    /// Tells whether something of this name is somebody else's.
    pub(crate) fn is_theirs(&self, name: &str) -> bool {
        name.starts_with(&self.others.name) || self.others.like_ours.iter().any(|own| own == name)
    }

    /// Checks that nothing of somebody else's was touched; the end of every scenario does.
    pub(crate) fn leaves_others_alone(&self) {
        assert_eq!(self.touched(), Vec::<String>::new(), "what somebody else has was touched");
    }

    /// What of somebody else's was touched, and how.
    fn touched(&self) -> Vec<String> {
        differences(&self.others.now(self.engine), &self.others.before)
    }
}

impl Drop for Scenario<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.leaves_others_alone();
        }
        sweep(self.engine, &self.name, &self.further);
    }
}

impl Others {
    fn new(engine: &Engine, scenario: &str) -> Self {
        let name = format!("{scenario}-x");
        let name = name.as_str();
        let like_ours = ["page", "word"].map(|kind| format!("{scenario}-{kind}-0123456789"));
        // The one is in use, so that the engine lets nobody remove it; of the other that is for us to leave alone.
        for volume in [name, &unused(name)] {
            run(&mut engine.docker(&["volume", "create", "--label", "autoremove=True", volume]));
        }
        run(&mut engine.docker(&["network", "create", "--driver", "overlay", name]));
        for (kind, like_ours) in ["configs", "secrets"].into_iter().zip(&like_ours) {
            for (name, labels) in [(name, json!({"theirs": ""})), (like_ours, json!({}))] {
                // "theirs" in base64, as the API takes it.
                let body = json!({"Name": name, "Labels": labels, "Data": "dGhlaXJz"});
                let answer = engine.ask("POST", &format!("/{kind}/create"), Some(&body));
                assert_eq!(answer.status, 201, "{}", answer.text());
            }
        }
        let body = json!({
            "Name": name,
            "Labels": {"swarmgen.deployment": name, "swarmgen.user": "alice", "swarmgen.server": "1"},
            "TaskTemplate": {"ContainerSpec": {
                "Image": NOTEBOOK,
                "Mounts": [{"Type": "volume", "Source": name, "Target": "/home/jovyan"}],
            }, "Placement": {
                // Some tests lose the other node.
                "Constraints": ["node.role==manager"],
            }},
        });
        let answer = engine.ask("POST", "/services/create", Some(&body));
        assert_eq!(answer.status, 201, "{}", answer.text());
        engine.wait_for_a_task(name);
        let mut others = Self { name: name.to_owned(), like_ours, before: Value::Null };
        others.before = others.now(engine);
        others
    }

    fn now(&self, engine: &Engine) -> Value {
        let Self { name, like_ours: [page, word], .. } = self;
        let read = |path: String| {
            let answer = http::get(&engine.socket(1), &path);
            if answer.status == 200 { answer.json() } else { Value::from(answer.text()) }
        };
        let tasks: Vec<Value> =
            engine.tasks(name).iter().map(|task| json!([task["ID"], task["Status"]["State"]])).collect();
        json!({
            "service": read(format!("/services/{name}")),
            "tasks": tasks,
            "volume": read(format!("/volumes/{name}")),
            "unused": read(format!("/volumes/{}", unused(name))),
            "page": read(format!("/configs/{page}")),
            "word": read(format!("/secrets/{word}")),
            "network": read(format!("/networks/{name}"))["Id"],
            "config": read(format!("/configs/{name}")),
            "secret": read(format!("/secrets/{name}")),
        })
    }
}

/// The name of somebody else's volume that nothing mounts.
fn unused(name: &str) -> String {
    format!("{name}-unused")
}

/// Removes everything whose name or deployment is this or begins so; containers are killed, since nothing of them matters.
fn sweep(engine: &Engine, name: &str, further: &[String]) {
    let beginnings = [format!("{name}-"), format!("{name}_")];
    let begins = |value: &Value| {
        let Some(text) = value.as_str() else { return false };
        text == name || beginnings.iter().chain(further).any(|beginning| text.starts_with(beginning))
    };
    for service in engine.services() {
        let spec = &service["Spec"];
        if begins(&spec["Name"]) || spec["Labels"]["swarmgen.deployment"] == *name {
            engine.ask("DELETE", &format!("/services/{}", service["ID"].as_str().unwrap()), None);
        }
    }
    until(&format!("{name} is swept"), 30, || sweep_rest(engine, &begins), || "something is in use".to_owned());
}

/// Removes what services leave behind, and tells whether all is gone.
fn sweep_rest(engine: &Engine, begins: &dyn Fn(&Value) -> bool) -> bool {
    let mut gone = true;
    for node in engine.nodes() {
        let socket = engine.socket(node);
        let containers = http::get(&socket, "/containers/json?all=true").json();
        for container in containers.as_array().unwrap() {
            if begins(&container["Labels"]["com.docker.swarm.service.name"]) {
                let id = container["Id"].as_str().unwrap();
                gone &= http::ask(&socket, "DELETE", &format!("/containers/{id}?force=true"), None).status < 300;
            }
        }
        let volumes = http::get(&socket, "/volumes").json();
        for volume in volumes["Volumes"].as_array().into_iter().flatten().filter(|volume| begins(&volume["Name"])) {
            let path = format!("/volumes/{}?force=1", volume["Name"].as_str().unwrap());
            gone &= http::ask(&socket, "DELETE", &path, None).status < 300;
        }
    }
    for kind in ["configs", "secrets", "networks"] {
        for object in engine.get(&format!("/{kind}")).as_array().unwrap() {
            let name = if kind == "networks" { &object["Name"] } else { &object["Spec"]["Name"] };
            let id = object["ID"].as_str().or(object["Id"].as_str()).unwrap();
            if begins(name) {
                gone &= engine.ask("DELETE", &format!("/{kind}/{id}"), None).status < 300;
            }
        }
    }
    gone
}

#[test]
fn what_befalls_others_is_seen() {
    let mut scenario = Scenario::new(Engine::shared(), "befalls");
    let others = scenario.others.name.clone();
    let [page, word] = scenario.others.like_ours.clone();
    let mut befalls = |what: &str, arguments: &[&str], name: &str| {
        assert_eq!(scenario.touched(), Vec::<String>::new());
        run(scenario.engine.docker(arguments).arg(name));
        let seen = || scenario.touched().iter().any(|difference| difference.starts_with(what));
        until(&format!("it is seen that {arguments:?}"), 20, seen, || format!("{:?}", scenario.touched()));
        scenario.others.before = scenario.others.now(scenario.engine);
    };
    befalls("/config", &["config", "rm"], &others);
    befalls("/secret", &["secret", "rm"], &others);
    befalls("/page", &["config", "rm"], &page);
    befalls("/word", &["secret", "rm"], &word);
    befalls("/unused", &["volume", "rm"], &unused(&others));
    befalls("/network", &["network", "rm"], &others);
    befalls("/service", &["service", "update", "--detach", "--label-add", "a=b"], &others);
    befalls("/tasks", &["service", "rm"], &others);
}
