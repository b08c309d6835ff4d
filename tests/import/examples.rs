//! The configs below `examples/migration/`: what is committed beside each is what it is imported as.
//!
//! `SWARMGEN_UPDATE=1 cargo test --test import examples` writes it.

use std::path::PathBuf;
use std::process::{Command, Output};

use super::Folder;

/// A folder, what its import exits with and reports as left, and what `--check` needs besides the user.
const EXAMPLES: &[(&str, i32, &[&str], &[&str])] = &[
    ("basic", 0, &[], &[]),
    (
        "university",
        3,
        &["c.Spawner.pre_spawn_hook"],
        &["--set=department=Physics", "--set=sshcmd=alice@homes.example.edu:/h", KEY, "--ids=ids.json"],
    ),
    ("dockerspawner", 3, &["c.SwarmSpawner.extra_host_config"], &[]),
];

/// An attribute in the shape of a private key.
const KEY: &str = "--set=id_rsa=-----BEGIN OPENSSH PRIVATE KEY-----\nAA==\n-----END OPENSSH PRIVATE KEY-----\n";

/// An example, run where no package is installed and nothing is set.
struct Example {
    directory: PathBuf,
    python: Folder,
}

impl Example {
    fn of(name: &str) -> Self {
        let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples/migration").join(name);
        Self { directory, python: Folder::bare(&[]) }
    }

    fn swarmgen(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_swarmgen"));
        command.args(args).current_dir(&self.directory).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
        command.output().unwrap()
    }

    fn import(&self, args: &[&str]) -> Output {
        let python = format!("--python={}", self.python.python.display());
        self.swarmgen(&[&["import", "jupyterhub_config.py", &python], args].concat())
    }
}

#[test]
fn the_committed_configs_are_what_is_imported() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples/migration");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    assert_eq!(entries.filter(|path| path.is_dir()).count(), EXAMPLES.len());
    for (name, exit, left, _) in EXAMPLES {
        let example = Example::of(name);
        let output = example.import(&["--report=json"]);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(*exit), "{name}: {told}");
        let report: serde_json::Value = serde_json::from_str(&told).unwrap();
        let items = report["items"].as_array().unwrap().iter().filter(|item| item["fate"] == "left");
        assert_eq!(items.map(|item| item["subject"].as_str().unwrap()).collect::<Vec<_>>(), *left, "{name}");
        let made = String::from_utf8(output.stdout).unwrap();
        let path = example.directory.join("swarmgen.toml");
        if std::env::var_os("SWARMGEN_UPDATE").is_some() {
            std::fs::write(&path, &made).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap();
        let line = made.lines().zip(committed.lines()).position(|(made, committed)| made != committed);
        assert!(
            made == committed,
            "{}: line {} is not what is imported; `SWARMGEN_UPDATE=1 cargo test --test import examples` writes it",
            path.display(),
            line.unwrap_or_else(|| made.lines().count().min(committed.lines().count())) + 1
        );
    }
}

#[test]
fn the_committed_configs_are_valid() {
    for (name, ..) in EXAMPLES {
        let output = Example::of(name).swarmgen(&["validate"]);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{name}: {told}");
        assert!(!told.contains("warning["), "{name}: {told}");
    }
}

#[test]
fn a_check_gives_alices_service() {
    for (name, _, _, args) in EXAMPLES {
        let output = Example::of(name).import(&[&["--check", "--user=alice", "--show-secrets"], *args].concat());
        assert_eq!(output.status.code(), Some(0), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        let by_yaml = Example::of(name)
            .import(&[&["--check", "--user=alice", "--show-secrets", "--format=yaml"], *args].concat());
        assert!(output.stdout == by_yaml.stdout, "{name}: {}", String::from_utf8_lossy(&by_yaml.stderr));
        let spec: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let container = &spec["TaskTemplate"]["ContainerSpec"];
        assert_eq!(spec["Name"], "jupyter-alice-1", "{name}");
        assert!(container["Image"].as_str().is_some_and(|image| !image.is_empty()), "{name}");
        let homes = container["Mounts"].as_array().unwrap().iter();
        assert_eq!(homes.filter(|mount| mount["Target"] == "/home/jovyan/work").count(), 1, "{name}");
    }
}
