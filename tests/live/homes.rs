//! Homes over SSH: a real SSH server, real sshfs, and a volume plugin that the engine speaks to as to any other.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use crate::engine::{Engine, run};
use crate::scenario::Scenario;
use crate::until::until;

/// Where the SSH server listens.
pub(crate) const ADDRESS: &str = "10.77.0.1";
/// The name by which configs know the plugin when they name none.
const DRIVER: &str = "ucphhpc/sshfs:latest";

static SHARED: LazyLock<Homes> = LazyLock::new(|| Homes::on(Engine::shared()));

/// An engine's SSH server and volume plugin.
pub(crate) struct Homes {
    engine: &'static Engine,
}

/// What opens a user's home, and nobody else's.
pub(crate) struct Credentials {
    pub(crate) password: String,
    pub(crate) key: String,
}

impl Homes {
    /// Those of the engine that all tests share.
    pub(crate) fn shared() -> &'static Self {
        &SHARED
    }

    fn on(engine: &'static Engine) -> Self {
        run(&mut engine.inside(1, &[&fixture("server"), "start"]));
        let socket = format!("/run/docker/plugins/{DRIVER}.sock");
        let listens = || engine.inside(1, &["test", "-S", &socket]).status().unwrap().success();
        if !listens() {
            // It ends with the engine.
            let plugin = ["setsid", "--fork", "python3", &fixture("plugin.py"), &socket, "/run/mounts"];
            let mut start = engine.inside(1, &plugin);
            start.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            assert!(start.status().unwrap().success());
        }
        until("the plugin listens", 10, listens, String::new);
        // The engine knows such a plugin once it was used, and tells the swarm's scheduler within 20 s.
        let options = ["-o", "sshcmd=nobody@nowhere:", "-o", "password=none"];
        run(engine.docker(&["volume", "create", "--driver", DRIVER]).args(options).arg("first-use"));
        run(&mut engine.docker(&["volume", "rm", "first-use"]));
        let told = || engine.get("/nodes").to_string().contains(&format!(r#"{{"Type":"Volume","Name":"{DRIVER}"}}"#));
        until("the scheduler knows the plugin", 60, told, || engine.get("/nodes").to_string());
        Self { engine }
    }

    /// Makes a user with a home and credentials of its own.
    pub(crate) fn has_user(&self, name: &str) -> Credentials {
        let password = format!("{name}: p$ss {{word}} «ü»");
        let mut add = self.engine.inside(1, &[&fixture("server"), "add", name]);
        let mut child = add.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(password.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{add:?}");
        Credentials { password, key: String::from_utf8(output.stdout).unwrap() }
    }

    /// What to mount a user's home by.
    pub(crate) fn sshcmd(&self, user: &str) -> String {
        format!("{user}@{ADDRESS}:/run/homes/{user}")
    }

    /// A file of a user's home, as the server has it.
    pub(crate) fn file(&self, user: &str, name: &str) -> String {
        let path = format!("/run/homes/{user}/{name}");
        String::from_utf8(run(&mut self.engine.inside(1, &["cat", &path]))).unwrap()
    }

    /// Who owns a file of a user's home, on the server.
    fn owner(&self, user: &str, name: &str) -> String {
        let path = format!("/run/homes/{user}/{name}");
        let owner = run(&mut self.engine.inside(1, &["stat", "-c", "%U", &path]));
        String::from_utf8(owner).unwrap().trim().to_owned()
    }
}

fn fixture(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/live/homes");
    folder.join(name).to_str().unwrap().to_owned()
}

/// A config whose servers have one mount: the user's home.
const CONFIG: &str = r#"
version = 1
deployment = "NAME"
service_prefix = "NAME"
naming.scheme = "slug"
networks = ["live"]

[[container_spec.mounts]]
type    = "sshfs"
source  = "NAME-{name}"
target  = "/home/jovyan/work"
sshcmd  = "{sshcmd}"
port    = 2222
options = { allow_other = "" }

[[images]]
name  = "Stand-in"
image = "stand-in/notebook:serves"
"#;

/// A user as it stands in a config: whose home it mounts, and by what.
fn user(name: &str, sshcmd: &str, credential: &str, secret: &str) -> String {
    format!("[users.{name}]\nsshcmd = {sshcmd:?}\n{credential} = {{ file = {secret:?} }}\n")
}

/// Deploys everybody's servers of a config with these users.
fn deploy(scenario: &Scenario<'_>, users: &[String]) {
    scenario.engine().has_network("live");
    let config = CONFIG.replace("NAME", scenario.name());
    scenario.write("swarmgen.toml", &format!("{config}\n{}", users.concat()));
    scenario.runs(&["render", "--all", "--format", "service", "-o", "services.json"]);
    let services = std::fs::read(scenario.folder().join("services.json")).unwrap();
    for body in serde_json::Deserializer::from_slice(&services).into_iter() {
        let answer = scenario.engine().ask("POST", "/services/create", Some(&body.unwrap()));
        assert_eq!(answer.status, 201, "{}", answer.text());
    }
}

/// A command in the container of a service.
fn within(scenario: &Scenario<'_>, service: &str, arguments: &[&str]) -> Command {
    let container = scenario.engine().container(1, service);
    let mut docker = scenario.engine().docker(&["exec", "--user", "1000", &container]);
    docker.args(arguments);
    docker
}

#[test]
fn a_file_written_in_a_container_is_on_the_server() {
    let homes = Homes::shared();
    let scenario = Scenario::new(Engine::shared(), "homes");
    let (anna, ben) = (homes.has_user("anna"), homes.has_user("ben"));
    scenario.write("anna.key", &anna.key);
    scenario.write("ben.password", &ben.password);
    let by_key = user("anna", &homes.sshcmd("anna"), "id_rsa", "anna.key");
    let by_password = user("ben", &homes.sshcmd("ben"), "password", "ben.password");
    deploy(&scenario, &[by_key, by_password]);
    for user in ["anna", "ben"] {
        let service = format!("homes-{user}-1");
        scenario.engine().wait_for(&service);
        let script = format!("echo written by {user} > /home/jovyan/work/note");
        run(&mut within(&scenario, &service, &["sh", "-c", &script]));
        assert_eq!(homes.file(user, "note"), format!("written by {user}\n"));
        assert_eq!(homes.owner(user, "note"), user);
    }
}

#[test]
fn credentials_open_no_other_home() {
    let homes = Homes::shared();
    let scenario = Scenario::new(Engine::shared(), "burglars");
    let (carl, dora) = (homes.has_user("carl"), homes.has_user("dora"));
    run(&mut homes.engine.inside(1, &["sh", "-c", "echo private > /run/homes/dora/diary"]));
    scenario.write("carl.key", &carl.key);
    scenario.write("carl.password", &carl.password);
    scenario.write("dora.key", &dora.key);
    // Dora's own key, so that it is not the home that cannot be mounted; then Carl's, as Dora and as himself.
    let users = [
        user("dora", &homes.sshcmd("dora"), "id_rsa", "dora.key"),
        user("carl-by-key", &homes.sshcmd("dora"), "id_rsa", "carl.key"),
        user("carl-by-password", &homes.sshcmd("dora"), "password", "carl.password"),
        user("carl", &format!("carl@{ADDRESS}:/run/homes/dora"), "id_rsa", "carl.key"),
    ];
    deploy(&scenario, &users);
    let engine = scenario.engine();
    engine.wait_for("burglars-dora-1");
    let read = |service: &str| within(&scenario, service, &["cat", "/home/jovyan/work/diary"]).output().unwrap();
    assert_eq!(read("burglars-dora-1").stdout, b"private\n");
    for burglar in ["burglars-carl-by-key-1", "burglars-carl-by-password-1"] {
        let refused = || engine.told(burglar).contains("sshfs command failed");
        until(&format!("{burglar} is refused"), 40, refused, || engine.told(burglar));
        assert!(!engine.runs(burglar));
    }
    // The server lets Carl in, but not into Dora's home.
    let trespasser = "burglars-carl-1";
    let told = || engine.runs(trespasser) || engine.told(trespasser).contains("sshfs command failed");
    until("the trespasser's mount is tried", 40, told, || engine.told(trespasser));
    if engine.runs(trespasser) {
        let output = read(trespasser);
        assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
    }
}
