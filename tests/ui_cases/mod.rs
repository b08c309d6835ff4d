//! The cases in tests/ui: how each is run.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use fake_engine::FakeEngine;

#[allow(dead_code, reason = "shared with the emitters' tests")]
#[path = "../fake_engine/mod.rs"]
mod fake_engine;

/// The engine of the runs that need one.
fn engine() -> &'static FakeEngine {
    static ENGINE: OnceLock<FakeEngine> = OnceLock::new();
    ENGINE.get_or_init(FakeEngine::start)
}

/// One `case.toml`.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) about: String,
    #[serde(default)]
    make: Vec<Make>,
    pub(crate) run: Vec<Run>,
}

/// What cannot stand in a repository: an empty folder, a large file.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Make {
    folder: Option<PathBuf>,
    file: Option<PathBuf>,
    #[serde(default)]
    size: u64,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Run {
    args: Vec<String>,
    #[serde(default)]
    each: Vec<String>,
    #[serde(default)]
    pub(crate) agree: Agree,
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// A file that standard output goes to, readable by all.
    stdout: Option<PathBuf>,
    #[serde(default = "one")]
    pub(crate) exit: i32,
    /// Whether it is run beside an engine, that of tests/fake_engine.
    #[serde(default)]
    swarm: bool,
    /// Whether the folder's code is found.
    #[serde(default = "yes")]
    pub(crate) finds: bool,
}

fn yes() -> bool {
    true
}

fn one() -> i32 {
    1
}

/// What the repetitions of a run have in common.
#[derive(Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Agree {
    /// Codes and places.
    #[default]
    Place,
    /// Codes: each syntax breaks in its own way.
    Code,
}

/// The folders, one for each code.
pub(crate) fn folders() -> Vec<PathBuf> {
    let ui = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui");
    let mut folders: Vec<PathBuf> = fs::read_dir(ui).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders
}

pub(crate) fn name_of(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

/// The code that a folder is about.
pub(crate) fn id_of(folder: &Path) -> String {
    name_of(folder).split('-').next().unwrap().to_uppercase()
}

/// Does something with the folders on all cores; what it gave back for each share of them.
pub(crate) fn shared<T: Send>(folders: &[PathBuf], act: impl Fn(&[PathBuf]) -> T + Sync) -> Vec<T> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let act = &act;
    std::thread::scope(|scope| {
        let chunks = folders.chunks(folders.len().div_ceil(threads));
        let started: Vec<_> = chunks.map(|folders| scope.spawn(move || act(folders))).collect();
        started.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

impl Case {
    /// Reads a folder's case.
    pub(crate) fn read(folder: &Path) -> Self {
        toml::from_str(&fs::read_to_string(folder.join("case.toml")).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
    }

    /// A copy of a case's folder, so that runs leave nothing behind.
    pub(crate) fn copy(&self, folder: &Path) -> tempfile::TempDir {
        let copy = tempfile::tempdir().unwrap();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if !matches!(name_of(&path), "case.toml" | "expected.txt") {
                fs::copy(&path, copy.path().join(name_of(&path))).unwrap();
            }
        }
        for make in &self.make {
            if let Some(folder) = &make.folder {
                fs::create_dir(copy.path().join(folder)).unwrap();
            }
            if let Some(file) = &make.file {
                fs::File::create(copy.path().join(file)).unwrap().set_len(make.size).unwrap();
            }
        }
        copy
    }
}

impl Run {
    /// The files that take `CONFIG`'s place in turn; one without a name if the run is not repeated.
    pub(crate) fn files(&self) -> Vec<&str> {
        if self.each.is_empty() { vec![""] } else { self.each.iter().map(String::as_str).collect() }
    }

    /// The arguments with a file in place of `CONFIG`.
    pub(crate) fn args(&self, file: &str) -> Vec<String> {
        self.args.iter().map(|arg| if arg == "CONFIG" { file.to_owned() } else { arg.clone() }).collect()
    }

    /// The command in a folder, without what the environment of the tests would change.
    pub(crate) fn command(&self, args: &[String], folder: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_swarmgen"));
        command.args(args).current_dir(folder).env_clear().envs(&self.env).stdin(Stdio::null());
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        if self.swarm {
            command.env("DOCKER_HOST", engine().address());
        }
        if let Some(path) = &self.stdout {
            let path = folder.join(path);
            let file = fs::File::create(&path).unwrap();
            #[cfg(unix)]
            fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
            command.stdout(file);
        }
        command
    }
}
