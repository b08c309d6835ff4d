//! The command line as a contract: exit codes, streams, which config is read, what is written and what is not.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its folder has failed")]

mod applied;
mod completions;
mod config;
mod engines;
mod explain;
#[path = "../fake_engine/mod.rs"]
#[allow(dead_code, reason = "shared with the emitters' tests")]
mod fake_engine;
mod files;
mod fix;
#[path = "../live/http.rs"]
#[allow(dead_code, reason = "the live tests ask engines themselves")]
mod http;
mod input;
mod judged;
mod levels;
mod memory;
mod messages;
#[path = "../page/mod.rs"]
mod page;
#[path = "../live/proxy.rs"]
#[allow(dead_code, reason = "the live tests do more harm")]
mod proxy;
mod refusals;
mod report;
mod secrets;
mod swarm;
mod terminal;
#[path = "../live/until.rs"]
mod until;
mod usage;
mod watch;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;

/// A config that is right and has no users.
const GOOD: &str = "[[images]]\nname = \"Python\"\nimage = \"registry.example.org/python:1\"\n";
/// A config with an error in its second line.
const BAD: &str = "version = 1\nservice_prefx = \"lab\"\n";
/// A config with a warning.
const WARNS: &str = "[[images]]\nname = \"Python\"\nimage = \"registry.example.org/python:latest\"\n";
/// A config with three users.
const CLASS: &str = "[[images]]\nname = \"Python\"\nimage = \"registry.example.org/python:1\"\n\n[users.alice]\n[users.bob]\n[users.\"carol@example.org\"]\n";
/// A config whose servers hold a secret.
const SECRET: &str = "[container_spec.env]\nTOKEN = { env = \"SECRET\" }\n\n[[images]]\nname = \"Python\"\nimage = \"registry.example.org/python:1\"\n\n[users.alice]\n[users.bob]\n";
/// The secret.
const CANARY: &str = "canary-5f2a";

/// A folder of its own in which commands are run.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A folder with `swarmgen.toml`.
    fn with(config: &str) -> Self {
        let folder = Self::new();
        folder.put("swarmgen.toml", config);
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn put(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// The names of everything in the folder or one below it, sorted.
    fn names(&self, below: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(below)).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::cargo_bin("swarmgen").unwrap();
        command.current_dir(self.0.path()).args(args);
        for variable in ["SWARMGEN_CONFIG", "SWARMGEN_COMPLETE", "NO_COLOR", "CLICOLOR_FORCE", "SECRET"] {
            command.env_remove(variable);
        }
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        Ran::from(self.command(args).output().unwrap())
    }
}

/// What a command left behind.
#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ran {
    /// Asserts success and gives back what went to standard output.
    #[track_caller]
    fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.stdout
    }

    /// Asserts that the input was found wrong, with this code, and that nothing went to standard output.
    #[track_caller]
    fn refused(self, id: &str) -> String {
        assert_eq!(self.code, Some(1), "{self:?}");
        assert!(self.stderr.contains(&format!("[{id}]: ")), "{self:?}");
        assert_eq!(self.stdout, "", "{self:?}");
        self.stderr
    }

    /// Asserts wrong usage, told on standard error.
    #[track_caller]
    fn misused(self, told: &str) {
        assert_eq!(self.code, Some(2), "{self:?}");
        assert!(self.stderr.contains(told), "{self:?}");
        assert_eq!(self.stdout, "", "{self:?}");
    }
}

/// The permissions of a file.
#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}
