//! Recorded cases: settings, steps, and what the real package did.

use std::path::Path;

use serde_json::{Map, Value};
use swarmgen::import::translate::Setting;

use super::python;

/// One recorded case.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) title: String,
    /// The traits as recorded, those of a subclass too.
    pub(crate) traits: Map<String, Value>,
    /// Whether a subclass's attributes are among them.
    pub(crate) subclass: bool,
    pub(crate) settings: Vec<Setting>,
    /// Files that settings name, and their texts.
    pub(crate) files: Vec<(String, String)>,
    pub(crate) steps: Vec<Step>,
}

/// One step of a case and its outcome.
pub(crate) struct Step {
    pub(crate) op: String,
    pub(crate) user: String,
    pub(crate) server: String,
    pub(crate) attributes: Map<String, Value>,
    pub(crate) options: Option<Value>,
    pub(crate) form: Option<Map<String, Value>>,
    /// The Swarm configs that the engine knows: name and id.
    pub(crate) ids: Map<String, Value>,
    pub(crate) expected: Value,
}

fn ids(docker: Option<&Value>) -> Option<Map<String, Value>> {
    let configs = docker?.get("configs")?.as_array()?;
    let id = |config: &Value| Some((config["Spec"]["Name"].as_str()?.to_owned(), config["ID"].clone()));
    Some(configs.iter().filter_map(id).collect())
}

fn read(path: &Path, expected: &Path) -> Case {
    let parse = |path: &Path| -> Value { serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap() };
    let (case, outcome) = (parse(path), parse(expected));
    let name = case["case"].as_str().unwrap().to_owned();
    let mut files = Vec::new();
    let mut settings = Vec::new();
    let none = Map::new();
    let mut traits = Map::new();
    for key in ["subclass", "traits"] {
        for (trait_name, value) in case.get(key).and_then(Value::as_object).unwrap_or(&none) {
            settings.push(python::setting("SwarmSpawner", trait_name, value, &mut files));
            traits.insert(trait_name.clone(), value.clone());
        }
    }
    let mut steps = Vec::new();
    let mut engine = ids(case.get("docker")).unwrap_or_default();
    let outcomes = outcome.get("steps").and_then(Value::as_array);
    for (index, step) in case["steps"].as_array().unwrap().iter().enumerate() {
        if let Some(later) = ids(step.get("docker")) {
            engine = later;
        }
        let mut known = engine.clone();
        let outcome = outcomes.map_or(&outcome, |outcomes| &outcomes[index]).clone();
        for config in outcome["request"]["TaskTemplate"]["ContainerSpec"]["Configs"].as_array().into_iter().flatten() {
            // Those that the package made itself.
            let name = config["ConfigName"].as_str().unwrap_or_default().to_owned();
            if !engine.contains_key(&name) {
                known.insert(name, config["ConfigID"].clone());
            }
        }
        let object = |key: &str| step.get(key).and_then(Value::as_object).cloned();
        let text = |key: &str| step.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let spawner = object("spawner_attrs").unwrap_or_default();
        let server =
            spawner.get("server_name").and_then(Value::as_str).map_or_else(|| text("server_name"), str::to_owned);
        let mut options = step.get("user_options").cloned();
        let mut form = object("form");
        if options.is_none() && form.is_none() {
            // The hub keeps what a user chose last.
            let before = steps.iter().rfind(|earlier: &&Step| earlier.op == "spawn" && earlier.user == text("user"));
            (options, form) = before.map(|earlier| (earlier.options.clone(), earlier.form.clone())).unwrap_or_default();
        }
        steps.push(Step {
            op: text("op"),
            user: text("user"),
            server,
            attributes: object("user_attrs").unwrap_or_default(),
            options,
            form,
            ids: known,
            expected: outcome,
        });
    }
    let title = case["title"].as_str().unwrap().to_owned();
    let subclass = case.get("subclass").is_some();
    Case { name, title, traits, subclass, settings, files, steps }
}

/// All cases of a folder, by name.
pub(crate) fn read_all(folder: &Path) -> Vec<Case> {
    let mut paths: Vec<_> = std::fs::read_dir(folder.join("cases"))
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} holds no cases", folder.display());
    paths.iter().map(|path| read(path, &folder.join("expected").join(path.file_name().unwrap()))).collect()
}
