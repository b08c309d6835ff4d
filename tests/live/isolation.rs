//! An engine of the tests' own comes alone, goes without a trace, and survives what befalls it.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::engine::{Engine, run};
use crate::http;
use crate::until::until;

fn script(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/engine"));
    command.arg("--dir").arg(folder).args(arguments);
    command
}

/// Processes of an engine: those whose command line names its folder.
fn processes(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains(folder.to_str().unwrap()) {
            found.push(line);
        }
    }
    found
}

/// Tells whether the machine has mounts of an engine's.
fn is_mounted(folder: &Path) -> bool {
    std::fs::read_to_string("/proc/self/mounts").unwrap().contains(folder.to_str().unwrap())
}

/// Somebody who needs an engine.
struct Need(Child);

impl Need {
    fn new() -> Self {
        Self(
            Command::new("sleep")
                .arg("600")
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap(),
        )
    }

    fn number(&self) -> String {
        self.0.id().to_string()
    }
}

impl Drop for Need {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The control groups of an engine.
fn groups(folder: &Path) -> String {
    let sum = format!("printf %s '{}' | cksum | cut -d' ' -f1", folder.display());
    let sum = String::from_utf8(run(Command::new("sh").arg("-c").arg(sum))).unwrap();
    let name = format!("swarmgen-engine-{}", sum.trim());
    String::from_utf8(run(Command::new("find").args(["/sys/fs/cgroup", "-maxdepth", "2", "-name", &name]))).unwrap()
}

/// Waits until nothing is left of an engine.
fn is_gone(folder: &Path) {
    let left = || (folder.exists(), is_mounted(folder), processes(folder), groups(folder));
    until("it is gone", 20, || left() == (false, false, Vec::new(), String::new()), || format!("{:#?}", left()));
}

/// Starts a container that does not end by itself.
fn start_container(socket: &Path) {
    run(Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/live/images/load")).arg(socket));
    let host = format!("unix://{}", socket.display());
    run(Command::new("docker").args(["-H", &host, "run", "--detach", "stand-in/notebook:stubborn"]));
}

#[test]
fn an_engine_is_apart_from_the_machine() {
    let engine = Engine::shared();
    for kind in ["ipc", "mnt", "net", "pid", "uts"] {
        let path = format!("/proc/self/ns/{kind}");
        let inside = run(&mut engine.inside(1, &["readlink", &path]));
        assert_ne!(String::from_utf8(inside).unwrap().trim(), std::fs::read_link(&path).unwrap().to_str().unwrap());
    }
    // What the engine writes to, whatever its settings say.
    let folders = ["/etc/docker", "/opt", "/var/lib", "/run", "/var/lib/docker"];
    let kinds = run(engine.inside(1, &["stat", "-f", "-c", "%T"]).args(folders));
    assert_eq!(String::from_utf8(kinds).unwrap(), "overlayfs\noverlayfs\noverlayfs\ntmpfs\ntmpfs\n");
    assert!(!is_mounted(engine.socket(1).parent().unwrap()));
}

#[test]
fn an_engine_goes_with_who_needs_it_and_leaves_no_trace() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("e");
    let socket = folder.join("1/docker.sock");
    let (first, second) = (Need::new(), Need::new());
    run(&mut script(&folder, &["start", "--while", &first.number()]));
    run(&mut script(&folder, &["start", "--while", &second.number()]));
    start_container(&socket);
    // It sees nothing of other engines.
    assert_ne!(http::get(&socket, "/info").json()["ID"], Engine::shared().get("/info")["ID"]);
    assert_eq!(http::get(&socket, "/containers/json").json().as_array().unwrap().len(), 1);
    assert_ne!(groups(&folder), "");

    drop(first);
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(http::get(&socket, "/_ping").status, 200, "one who needs it lives");
    drop(second);
    is_gone(&folder);
}

#[test]
fn an_engine_goes_with_its_folder() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("e");
    let need = Need::new();
    run(&mut script(&folder, &["start", "--while", &need.number()]));
    // The watcher has seen it by then.
    std::thread::sleep(Duration::from_secs(2));
    parent.close().unwrap();
    is_gone(&folder);
}

#[test]
fn an_engine_that_was_killed_starts_anew() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("e");
    let socket = folder.join("1/docker.sock");
    let need = Need::new();
    let start = || run(&mut script(&folder, &["start", "--while", &need.number()]));
    start();
    start_container(&socket);
    let before = http::get(&socket, "/info").json();
    start();
    assert_eq!(http::get(&socket, "/info").json()["Swarm"]["NodeID"], before["Swarm"]["NodeID"], "it ran");
    let pid = std::fs::read_to_string(folder.join("1/pid")).unwrap();
    run(Command::new("kill").args(["-KILL", pid.split(' ').next().unwrap()]));
    start();
    let after = http::get(&socket, "/info").json();
    assert_eq!(after["Swarm"]["LocalNodeState"], "active");
    assert_ne!(after["Swarm"]["NodeID"], before["Swarm"]["NodeID"]);
    assert_eq!(after["Containers"], 0);
    // Stopping what does not run is no error.
    for _ in 0..2 {
        run(&mut script(&folder, &["stop"]));
        is_gone(&folder);
    }
}
