//! A case through the importer, the compiler and the emitter: the commands that an operator would run.

use std::path::Path;
use std::process::Command;

use serde_json::{Map, Value, json};
use swarmgen::import::report::Report;
use swarmgen::import::translate::translate;

use super::case::{Case, Step};

/// What swarmgen makes of a step.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The request's body, or what is told instead.
    pub(crate) body: Result<Value, String>,
    /// The config.
    pub(crate) config: String,
    /// What the import tells.
    pub(crate) report: Report,
}

/// The options of a form that SwarmSpawner's clients post.
fn options_of_form(form: &Map<String, Value>) -> Value {
    let selected = form.get("select_image").and_then(|values| values.get(0)).and_then(Value::as_str);
    let Some(selected) = selected else { return json!({}) };
    // Python's own notation of a dict of strings.
    match serde_json::from_str::<Value>(&selected.replace('\'', "\"")) {
        Ok(Value::Object(image)) => json!({
            "user_selected_name": image.get("name"),
            "user_selected_image": image.get("image"),
        }),
        _ => json!({ "select_image": selected }),
    }
}

/// Attributes as literal values; a dict's keys are attributes themselves.
fn attributes(step: &Step) -> Vec<String> {
    let mut set = Vec::new();
    for (name, value) in &step.attributes {
        match value {
            Value::Object(inner) => {
                for (name, value) in inner {
                    set.push((name.clone(), value.clone()));
                }
            }
            other => set.push((name.clone(), other.clone())),
        }
    }
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    set.iter().map(|(name, value)| format!("{name}={}", text(value))).collect()
}

fn write(path: &Path, value: &Value) {
    std::fs::write(path, value.to_string()).unwrap();
}

/// Runs one step.
pub(crate) fn replay(case: &Case, step: &Step) -> Outcome {
    let imported = translate(&case.settings);
    let config = imported.draft.toml(&[]);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("swarmgen.toml"), &config).unwrap();
    for (name, text) in &case.files {
        std::fs::write(path(name), text).unwrap();
    }
    write(&path("ids.json"), &Value::Object(step.ids.clone()));
    let mut command = Command::new(env!("CARGO_BIN_EXE_swarmgen"));
    command.current_dir(folder.path()).env_remove("SWARMGEN_CONFIG");
    command.args(["render", "--format", "service", "--show-secrets", "--message-format", "short", "--ids", "ids.json"]);
    command.args(["--user", &step.user, "--server", &step.server]);
    if let Some(env) = step.expected.get("hub_env") {
        write(&path("hub-env.json"), env);
        command.args(["--hub-env", "hub-env.json"]);
    }
    let options = step.form.as_ref().map(options_of_form).or_else(|| step.options.clone());
    if let Some(options) = options {
        write(&path("options.json"), &options);
        command.args(["--user-options", "options.json"]);
    }
    for attribute in attributes(step) {
        command.args(["--set", &attribute]);
    }
    let output = command.output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(!told.contains("panicked"), "{}: {told}", case.name);
    let body = match output.status.success() {
        true => Ok(serde_json::from_slice(&output.stdout).unwrap()),
        false => Err(told),
    };
    Outcome { body, config, report: imported.report }
}
