//! The formats of diagnostics that programs read: that they are well-formed, agree, and hold no secret.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its folder has failed")]

mod canaries;
mod cases;
#[path = "../plain_tree/mod.rs"]
mod plain_tree;
mod secrets;
mod streams;
#[allow(dead_code, reason = "shared with tests/ui.rs")]
#[path = "../ui_cases/mod.rs"]
mod ui_cases;

use std::path::Path;
use std::process::{Command, Stdio};

use jsonschema::Validator;
use serde_json::Value;

/// The formats that programs read.
const FORMATS: [&str; 3] = ["json", "sarif", "github"];

/// The schema of `--message-format json`, as committed.
fn own_schema() -> Validator {
    jsonschema::validator_for(&serde_json::from_str(COMMITTED).unwrap()).unwrap()
}

/// The official schema of SARIF.
fn sarif_schema() -> Validator {
    let mut schema: Value = serde_json::from_str(include_str!("sarif-schema-2.1.0.json")).unwrap();
    // This pattern has a bracket too many, which is no regular expression to all; the property is not written.
    for owner in ["run", "toolComponent"] {
        let language = schema.pointer_mut(&format!("/definitions/{owner}/properties/language")).unwrap();
        language.as_object_mut().unwrap().remove("pattern").unwrap();
    }
    jsonschema::validator_for(&schema).unwrap()
}

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/diagnostics.v1.schema.json");

const COMMITTED: &str = include_str!("../../schema/diagnostics.v1.schema.json");

/// What a command left behind.
#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// A command in a folder, without what the environment of the tests would change.
fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_swarmgen"));
    command.args(args).current_dir(folder).env_clear().stdin(Stdio::null());
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

fn run(mut command: Command) -> Ran {
    let output = command.output().unwrap();
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A folder with files of these names and texts.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// Reads exactly one document, which has to fit its schema.
#[track_caller]
fn read(text: &str, schema: &Validator) -> Value {
    let document: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}:\n{text}"));
    let error = schema.validate(&document).err().map(|error| format!("{error} at {}", error.instance_path()));
    assert_eq!(error, None, "{text}");
    document
}

#[test]
fn the_committed_schema_is_the_one_of_the_types() {
    let mut text = serde_json::to_string_pretty(&swarmgen::diag::render::json::schema()).unwrap();
    text.push('\n');
    if std::env::var_os("SWARMGEN_UPDATE").is_some() {
        std::fs::write(PATH, text).unwrap();
        return;
    }
    assert!(COMMITTED == text, "{PATH} is out of date: run `SWARMGEN_UPDATE=1 cargo test --test formats`");
}
