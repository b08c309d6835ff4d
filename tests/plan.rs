//! Plans: each file under `tests/plan` is a config as it was applied, what became of it since, and the config now.
//!
//! `applied` is carried out against an engine of the test's own, `by_hand` changes what is there then, and `state` adds what
//! else is on the swarm. What the plan for `config` shows to people is beside it, in a file that ends in `.txt`;
//! `SWARMGEN_UPDATE=1` writes it anew. A case's secrets are canaries, which nothing that is shown may hold.

#![allow(clippy::unwrap_used, reason = "a test that cannot read its own files has failed")]

#[path = "plan/compile.rs"]
mod compile;
mod stored_spec;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use swarmgen::plan::graph::{Action, TaskFate};
use swarmgen::plan::observed::{ObservedNetwork, ObservedNode, ObservedService, ObservedTask, ObservedVolume};
use swarmgen::plan::planner::Pin;
use swarmgen::plan::show::{human, json as document};
use swarmgen::plan::{ObservedState, Options, Plan};

use compile::{plan_of, with_wanted};
use stored_spec::stored;

/// Stands in secrets only.
const CANARY: &str = "canary";

/// One file under `tests/plan`.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    about: String,
    applied: Option<String>,
    config: String,
    #[serde(default)]
    by_hand: Vec<ByHand>,
    #[serde(default)]
    services: Vec<String>,
    #[serde(default)]
    volumes: Vec<Volume>,
    #[serde(default)]
    nodes: usize,
    /// The nodes of services' tasks, from 0; a node's number is its id, and its label `rack`.
    #[serde(default)]
    tasks: BTreeMap<String, usize>,
    #[serde(default)]
    options: CaseOptions,
}

/// A change of a service's stored spec; without a value, what is there is removed.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct ByHand {
    service: String,
    at: String,
    value: Option<String>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Volume {
    name: String,
    driver: String,
    #[serde(default)]
    options: BTreeMap<String, String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

#[derive(Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct CaseOptions {
    prune: bool,
    only_user: Option<String>,
    take_over: bool,
    replace_volumes: bool,
    refresh_images: bool,
    pins: BTreeMap<String, String>,
    contents: BTreeMap<String, String>,
}

impl CaseOptions {
    fn options(&self) -> Options {
        let pin = |(image, digest): (&String, &String)| {
            let platforms = vec![("amd64".to_owned(), "linux".to_owned())];
            (image.clone(), Pin { digest: digest.clone(), platforms })
        };
        Options {
            prune: self.prune,
            only_user: self.only_user.clone(),
            take_over: self.take_over,
            replace_volumes: self.replace_volumes,
            refresh_images: self.refresh_images,
            pins: self.pins.iter().map(pin).collect(),
            contents: self.contents.clone(),
            ..Options::default()
        }
    }
}

fn networks() -> Vec<ObservedNetwork> {
    let network = |id: &str, name: &str| ObservedNetwork {
        id: id.to_owned(),
        name: name.to_owned(),
        driver: "overlay".to_owned(),
        scope: "swarm".to_owned(),
        ..ObservedNetwork::default()
    };
    vec![network("n1hub", "hub"), network("n2storage", "storage")]
}

/// Carries a plan out, as an engine stores what it is sent.
fn apply(plan: &Plan, state: &mut ObservedState) {
    for action in &plan.actions {
        match action {
            Action::CreateService(new) => {
                let spec = stored(&new.body.0, &state.networks);
                state.services.push(service(spec, state.services.len()));
            }
            Action::UpdateService(update) => {
                let spec = stored(&update.new.body.0, &state.networks);
                let own = state.services.iter_mut().find(|own| own.id == update.id).unwrap();
                own.spec = spec;
                own.version += 10;
            }
            Action::ReplaceService { old, volumes, new } => {
                let spec = stored(&new.body.0, &state.networks);
                let own = state.services.iter_mut().find(|own| own.id == old.id).unwrap();
                own.spec = spec;
                state.volumes.retain(|volume| volumes.iter().all(|old| old.name != volume.name));
            }
            Action::RemoveService(old) => state.services.retain(|own| own.id != old.id),
            Action::RemoveVolume { volume: old, .. } => state.volumes.retain(|volume| volume.name != old.name),
            Action::CreateObject(_) | Action::RemoveObject { .. } => {}
        }
    }
}

fn service(spec: Value, number: usize) -> ObservedService {
    ObservedService { id: format!("id{number}"), version: 10 + number as u64, spec, ..ObservedService::default() }
}

fn state(case: &Case) -> ObservedState {
    let mut state = ObservedState { networks: networks(), ..ObservedState::default() };
    if let Some(applied) = &case.applied {
        let plan = with_wanted(applied, |deployment, wanted| plan_of(deployment, wanted, &state, &Options::default()));
        apply(&plan, &mut state);
    }
    for ByHand { service, at, value } in &case.by_hand {
        let own = state.services.iter_mut().find(|own| own.name() == service);
        let own = own.unwrap_or_else(|| panic!("no service `{service}`"));
        let (parent, key) = at.rsplit_once('/').unwrap();
        let parent = own.spec.pointer_mut(parent).unwrap_or_else(|| panic!("{at}")).as_object_mut().unwrap();
        let key = key.replace("~1", "/");
        match value {
            Some(value) => parent.insert(key, serde_json::from_str(value).unwrap()),
            None => parent.remove(&key),
        };
    }
    for spec in &case.services {
        let spec: Value = serde_json::from_str(spec).unwrap();
        state.services.push(service(stored(&spec, &state.networks), state.services.len()));
    }
    state.volumes = case
        .volumes
        .iter()
        .map(|volume| ObservedVolume {
            name: volume.name.clone(),
            driver: volume.driver.clone(),
            options: volume.options.clone(),
            labels: volume.labels.clone(),
        })
        .collect();
    let node = |number: usize| ObservedNode {
        id: number.to_string(),
        labels: [("rack".to_owned(), number.to_string())].into(),
        ..ObservedNode::default()
    };
    state.nodes = (0..case.nodes.max(1)).map(node).collect();
    state.node = "0".to_owned();
    for (service, node) in &case.tasks {
        let own = state.services.iter().find(|own| own.name() == service);
        let own = own.unwrap_or_else(|| panic!("no service `{service}`"));
        state.tasks.push(ObservedTask {
            service_id: own.id.clone(),
            node_id: node.to_string(),
            state: "running".to_owned(),
            desired_state: "running".to_owned(),
            ..ObservedTask::default()
        });
    }
    state
}

/// What the plan shows, and after it the calls that it takes.
fn shown(plan: &Plan) -> String {
    let mut text = human::render(plan, false);
    text.push('\n');
    for action in &plan.actions {
        text.push_str(&match action {
            Action::CreateService(new) => format!("{}. create {}\n", action.stage(), new.name),
            Action::UpdateService(update) => {
                let task = match update.task {
                    TaskFate::Untouched | TaskFate::Starts => "",
                    TaskFate::Stays => ", stays",
                    TaskFate::Moves => ", moves",
                    TaskFate::Anew => ", restarts",
                };
                format!("{}. update {}{task}\n", action.stage(), update.new.name)
            }
            Action::ReplaceService { old, volumes, new } => {
                let volumes: Vec<&str> = volumes.iter().map(|volume| &*volume.name).collect();
                format!("{}. remove {}, then {volumes:?}, create {}\n", action.stage(), old.name, new.name)
            }
            Action::RemoveService(old) => format!("{}. remove {}\n", action.stage(), old.name),
            Action::RemoveVolume { volume, service } => {
                format!("{}. remove volume {} of {service}\n", action.stage(), volume.name)
            }
            Action::CreateObject(_) | Action::RemoveObject { .. } => String::new(),
        });
    }
    text
}

/// The labels of the bookkeeping, which may hold no secret either.
fn bookkeeping(plan: &Plan) -> String {
    let labels = plan.actions.iter().filter_map(|action| match action {
        Action::CreateService(new) => Some(&new.body.0["Labels"]),
        Action::UpdateService(update) => Some(&update.new.body.0["Labels"]),
        Action::ReplaceService { new, .. } => Some(&new.body.0["Labels"]),
        _ => None,
    });
    labels.map(|labels| format!("{} {}", labels["swarmgen.applied"], labels["swarmgen.hidden"])).collect()
}

fn check(path: &Path, schema: &jsonschema::Validator) -> Vec<String> {
    let case: Case = toml::from_str(&fs::read_to_string(path).unwrap()).unwrap_or_else(|error| panic!("{error}"));
    let mut state = state(&case);
    let options = case.options.options();
    let plan = with_wanted(&case.config, |deployment, wanted| plan_of(deployment, wanted, &state, &options));
    let mut wrong = Vec::new();
    let found = format!("{}\n\n{}", case.about, shown(&plan));
    let expected_path = path.with_extension("txt");
    let expected = fs::read_to_string(&expected_path).unwrap_or_default();
    if found != expected && std::env::var_os("SWARMGEN_UPDATE").is_some() {
        fs::write(&expected_path, &found).unwrap();
    } else if found != expected {
        let differs = expected.lines().zip(found.lines()).find(|(expected, found)| expected != found);
        wrong.push(format!("the plan differs: {differs:?}; SWARMGEN_UPDATE=1 writes it anew\n{found}"));
    }
    let json = document::render(&plan, None);
    if let Err(error) = schema.validate(&serde_json::from_str(&json).unwrap()) {
        wrong.push(format!("no such document: {error}"));
    }
    for text in [&found, &json, &human::render(&plan, true), &bookkeeping(&plan), &format!("{plan:?}")] {
        if text.contains(CANARY) {
            wrong.push(format!("a secret is shown: {text}"));
        }
    }
    // Carried out, nothing is left to do but what the plan says it does not do.
    apply(&plan, &mut state);
    let again = with_wanted(&case.config, |deployment, wanted| plan_of(deployment, wanted, &state, &options));
    if !again.actions.is_empty() {
        wrong.push(format!("a second plan is not empty:\n{}", shown(&again)));
    }
    wrong
}

/// The plan of one case as a document.
fn document_of(case: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plan").join(case);
    let case: Case = toml::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let (state, options) = (state(&case), case.options.options());
    let plan = with_wanted(&case.config, |deployment, wanted| plan_of(deployment, wanted, &state, &options));
    serde_json::from_str(&document::render(&plan, None)).unwrap()
}

#[test]
fn programs_are_told_which_volumes_go_and_why() {
    let removed = json!({"kind": "volume", "name": "jupyter-user-bob", "action": "remove", "cause": "unwanted"});
    assert_eq!(document_of("prune.toml")["objects"], json!([removed]));
    let replaced = |name: &str| json!({"kind": "volume", "name": name, "action": "replace", "cause": "config", "place": "swarmgen.toml:11:18"});
    let expected = ["sshfs-alice", "sshfs-bob"].map(replaced);
    assert_eq!(document_of("replace-volumes.toml")["objects"], json!(expected));
}

#[test]
fn programs_are_told_where_the_config_says_what_comes_back() {
    let changes = |case: &str| {
        let document = document_of(case);
        let changes = document["services"][0]["changes"].as_array().unwrap().iter();
        let told = |change: &Value| [&change["field"], &change["cause"], &change["place"]].map(Value::clone);
        changes.map(told).collect::<Vec<_>>()
    };
    assert_eq!(
        changes("drift.toml")[..3],
        [
            [json!("env.ADDED"), json!("drift"), Value::Null],
            [json!("env.TZ"), json!("drift"), json!("swarmgen.toml:8:14")],
            [json!("labels.team"), json!("drift"), json!("swarmgen.toml:14:8")],
        ]
    );
    assert_eq!(changes("moved-tag.toml"), [[json!("image"), json!("image"), json!("swarmgen.toml:16:9")]]);
    let content = |field: &str| [json!(field), json!("content"), json!("swarmgen.toml:3:1")];
    let fields = ["configs:/etc/motd.config_id", "configs:/etc/motd.config_name"];
    assert_eq!(changes("content.toml"), fields.map(content));
}

fn schema() -> jsonschema::Validator {
    jsonschema::validator_for(&serde_json::to_value(document::schema()).unwrap()).unwrap()
}

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plan");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = paths.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect();
    paths.sort();
    paths
}

#[test]
fn plans_are_as_committed() {
    let (cases, schema) = (cases(), schema());
    assert!(cases.len() > 10, "the cases are not found");
    let wrong: Vec<String> = cases
        .iter()
        .flat_map(|path| {
            let name = path.file_stem().unwrap().display().to_string();
            check(path, &schema).into_iter().map(move |wrong| format!("{name}: {wrong}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_committed_schemas_are_those_of_the_types() {
    let schemas = [("plan", document::schema()), ("status", swarmgen::plan::status::schema())];
    for (name, schema) in schemas {
        let mut text = serde_json::to_string_pretty(&schema).unwrap();
        text.push('\n');
        let path = format!("{}/schema/{name}.v1.schema.json", env!("CARGO_MANIFEST_DIR"));
        if std::env::var_os("SWARMGEN_UPDATE").is_some() {
            fs::write(path, text).unwrap();
            continue;
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == text, "{path} is out of date: SWARMGEN_UPDATE=1 writes it anew");
    }
}

/// The engine of these tests stores what a real one stored.
#[test]
fn specs_are_stored_as_by_an_engine() {
    let recorded: Value = serde_json::from_str(include_str!("plan/stored.json")).unwrap();
    let networks: Vec<ObservedNetwork> = recorded["networks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|network| ObservedNetwork {
            id: network["id"].as_str().unwrap().to_owned(),
            name: network["name"].as_str().unwrap().to_owned(),
            ..ObservedNetwork::default()
        })
        .collect();
    for pair in recorded["pairs"].as_array().unwrap() {
        if pair["sent"]["Mode"].get("ReplicatedJob").is_some() {
            continue;
        }
        assert_eq!(stored(&pair["sent"], &networks), pair["stored"], "{}", pair["sent"]);
    }
}

#[test]
fn a_saved_plan_is_read_back() {
    let plan =
        with_wanted("version = 1\nimages = [{ name = \"A\", image = \"a:1\" }]\n[users.alice]\n", |name, wanted| {
            plan_of(name, wanted, &ObservedState::default(), &Options::default())
        });
    let text = |text: &str| text.to_owned();
    let saved = document::Saved { arguments: vec![text("--prune")], cluster: text("c"), fingerprint: text("f") };
    let text = document::render(&plan, Some(saved));
    let read: document::Document = serde_json::from_str(&text).unwrap();
    assert_eq!(read.saved.as_ref().map(|saved| &*saved.fingerprint), Some("f"));
    assert!(schema().is_valid(&json!(read)));
    let mut later = read.clone();
    assert_eq!(read.differences(&later), [""; 0]);
    later.services[0].action = document::Action::Unchanged;
    let name = &read.services[0].service;
    assert_eq!(read.differences(&later), [format!("`{name}`: unchanged by now, to create in the plan")]);
    later.services[0].service = "other".to_owned();
    assert_eq!(read.differences(&later), [format!("`{name}` is gone"), "`other` is new".to_owned()]);
}
