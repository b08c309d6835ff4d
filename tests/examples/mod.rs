//! The folders under `examples/` and what their `cases.toml` says to render.

#![allow(dead_code, reason = "each test file uses some of it")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde::Deserialize;

/// A `cases.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    #[serde(default)]
    validate: Validate,
    case: Vec<Case>,
}

/// What `swarmgen validate` needs besides the config.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Validate {
    #[serde(default)]
    env: BTreeMap<String, String>,
}

/// One rendering and the file that holds what it gives.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) args: Vec<String>,
    pub(crate) out: String,
    #[serde(default)]
    pub(crate) env: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) secrets: bool,
}

/// One folder.
pub(crate) struct Example {
    /// The folder's path below `examples/`.
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    /// The config's file name.
    pub(crate) config: String,
    pub(crate) validate_env: BTreeMap<String, String>,
    pub(crate) cases: Vec<Case>,
}

/// Every folder with a `cases.toml`, sorted.
pub(crate) fn all() -> Vec<Example> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut found = Vec::new();
    visit(&root, &root, &mut found);
    found.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(found.len() >= 20, "only {} examples were found", found.len());
    found
}

fn visit(root: &Path, folder: &Path, found: &mut Vec<Example>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            visit(root, &path, found);
        }
    }
    if folder.join("cases.toml").is_file() {
        found.push(load(folder.strip_prefix(root).unwrap().to_str().unwrap(), folder));
    }
}

/// Reads a folder's `cases.toml`.
pub(crate) fn load(name: &str, folder: &Path) -> Example {
    let cases = folder.join("cases.toml");
    let text = std::fs::read_to_string(&cases).unwrap();
    let cases: Cases = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", cases.display()));
    let names = ["swarmgen.toml", "swarmgen.yaml", "swarmgen.json"];
    let mut configs = names.into_iter().filter(|name| folder.join(name).is_file());
    let (Some(config), None) = (configs.next(), configs.next()) else {
        panic!("{} has no config, or more than one", folder.display());
    };
    Example {
        name: name.to_owned(),
        folder: folder.to_owned(),
        config: config.to_owned(),
        validate_env: cases.validate.env,
        cases: cases.case,
    }
}

/// The program, in a folder, with nothing of the machine's own settings.
pub(crate) fn swarmgen(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_swarmgen"));
    command.current_dir(folder).env_remove("SWARMGEN_CONFIG").env_remove("CLICOLOR_FORCE");
    command
}

/// Runs a command that must succeed and gives what it wrote to standard output.
pub(crate) fn stdout_of(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

impl Case {
    /// What the case passes after an argument (`--format`), if it has it.
    pub(crate) fn value_of(&self, argument: &str) -> Option<&str> {
        self.args.windows(2).find(|pair| pair[0] == argument).map(|pair| pair[1].as_str())
    }

    /// The case with another format.
    pub(crate) fn with_format(&self, format: &str) -> Self {
        let mut case = self.clone();
        match case.args.iter().position(|argument| argument == "--format") {
            Some(index) => case.args[index + 1] = format.to_owned(),
            None => case.args.extend(["--format".to_owned(), format.to_owned()]),
        }
        case
    }

    /// The case with further arguments.
    pub(crate) fn with(&self, arguments: &[&str]) -> Self {
        let mut case = self.clone();
        case.args.extend(arguments.iter().map(|&argument| argument.to_owned()));
        case
    }
}

impl Example {
    /// The command of a case, with the config under the name given.
    pub(crate) fn command(&self, folder: &Path, config: &str, case: &Case) -> Command {
        let mut command = swarmgen(folder);
        command.args(["-c", config]).args(&case.args).envs(&case.env);
        if case.secrets {
            command.arg("--show-secrets");
        }
        command
    }

    /// Renders a case, which must succeed.
    pub(crate) fn render(&self, case: &Case) -> Vec<u8> {
        stdout_of(&mut self.command(&self.folder, &self.config, case))
    }

    /// Validates a config in a folder with the environment that `cases.toml` names.
    pub(crate) fn validate(&self, folder: &Path, config: &str) -> Output {
        swarmgen(folder).args(["-c", config, "validate"]).envs(&self.validate_env).output().unwrap()
    }
}
