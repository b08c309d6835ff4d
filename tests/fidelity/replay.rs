//! A case through the importer, the compiler and the emitter: the commands that an operator would run.

use std::path::Path;
use std::process::Command;

use serde_json::{Map, Value, json};
use swarmgen::diag::Diagnostics;
use swarmgen::import::draft::Form;
use swarmgen::import::report::Report;
use swarmgen::import::text::Dialect;
use swarmgen::import::translate::translate;
use swarmgen::resolve::Compiler;
use swarmgen::resolve::document::Inputs;
use swarmgen::source::{Disk, SourceMap};

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

/// The options of a form that SwarmSpawner's clients post, as its own code reads it.
fn options_of_form(form: &Map<String, Value>) -> Value {
    let mut options = Map::new();
    if form.get("select_image").and_then(Value::as_array).is_some_and(|choices| choices.len() > 1) {
        options.insert("select_image".to_owned(), form["select_image"].clone());
    } else if let Some(selected) = form.get("select_image").and_then(|values| values.get(0)).and_then(Value::as_str) {
        // Python's own notation of a dict of strings.
        match serde_json::from_str::<Value>(&selected.replace('\'', "\"")) {
            Ok(Value::Object(image)) => {
                for (key, option) in [("name", "user_selected_name"), ("image", "user_selected_image")] {
                    if let Some(value) = image.get(key) {
                        options.insert(option.to_owned(), value.clone());
                    }
                }
            }
            _ => {
                options.insert("select_image".to_owned(), Value::from(selected));
            }
        }
    }
    if let Some(files) = form.get("user-upload_file").and_then(Value::as_array) {
        let files = files.iter().map(|file| {
            let whole = file["filename"].as_str().unwrap_or_default();
            let (name, extension) = whole.rfind('.').map_or((whole, ""), |at| whole.split_at(at));
            json!({ "name": name, "extension": extension, "data": file["body"]["__bytes__"] })
        });
        options.insert("user_install_files".to_owned(), files.collect());
    }
    Value::Object(options)
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

/// The hub's environment; where it was not recorded, what the request shows of it.
pub(crate) fn hub_env(step: &Step) -> Option<Map<String, Value>> {
    if let Some(env) = step.expected.get("hub_env") {
        return env.as_object().cloned();
    }
    let lines = step.expected["request"]["TaskTemplate"]["ContainerSpec"]["Env"].as_array()?;
    let pairs = lines.iter().filter_map(Value::as_str).filter_map(|line| line.split_once('='));
    let of_hub = pairs.filter(|(name, _)| name.starts_with("JUPYTERHUB_") || name.starts_with("JPY_"));
    Some(of_hub.map(|(name, value)| (name.to_owned(), Value::from(value))).collect())
}

/// Runs one step.
pub(crate) fn replay(case: &Case, step: &Step) -> Outcome {
    let imported = translate(&case.settings, Dialect::Swarm);
    let config = imported.text(&[], Form::Toml);
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
    if let Some(env) = hub_env(step) {
        write(&path("hub-env.json"), &Value::Object(env));
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

/// The images that a form offers: the package's, and the profiles that the user may choose with us.
pub(crate) fn offered(case: &Case, step: &Step) -> (Vec<String>, Vec<String>) {
    let html = step.expected["options_form"].as_str().unwrap_or_default();
    let theirs = html.split("</option>").filter_map(|option| {
        let (_, rest) = option.split_once("<option value=\"")?;
        // The name is not escaped, and the value holds it too.
        let at = rest.find("}\">")?;
        Some(rest[at + 3..].to_owned())
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("swarmgen.toml");
    std::fs::write(&path, translate(&case.settings, Dialect::Swarm).text(&[], Form::Toml)).unwrap();
    let inputs = Inputs { configs: vec![path], ..Inputs::default() };
    let (sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
    let compiler = Compiler::load(&inputs, &Disk, &sources, &mut diagnostics).expect("the config is good");
    let user = compiler.user(&step.user, &mut diagnostics).expect("the user is good");
    let ours = compiler.allowed_profiles(&user).iter().map(|name| name.to_string()).collect();
    (theirs.collect(), ours)
}
