//! Plans that change one server, whose image and plugin are or are not there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::emit::fixture::least;
use crate::ir::{Driver, Mount, MountKind, Service, Text};
use crate::plan::graph::{Removal, ServiceUpdate, TaskFate};
use crate::plan::observed::{ObservedNode, ObservedTask};
use crate::source::{Author, SourceMap, Syntax, parse};

/// A secret.
const CANARY: &str = "canary-7c40";

/// A spec of alice's server.
fn body(image: &str, driver: Option<&str>) -> Value {
    let mounts: Vec<Value> =
        driver.iter().map(|name| json!({"VolumeOptions": {"DriverConfig": {"Name": name}}})).collect();
    json!({
        "Labels": {LABEL_DEPLOYMENT: "physics"},
        "TaskTemplate": {"ContainerSpec": {"Image": image, "Mounts": mounts}},
    })
}

fn new(body: Value) -> NewService {
    NewService {
        name: "jupyter-alice-1".to_owned(),
        user: "alice".to_owned(),
        server: String::new(),
        body: Body(body),
        start_timeout: 1,
    }
}

fn update(before: Value, after: Value, task: TaskFate) -> Action {
    let (new, before) = (new(after), Body(before));
    Action::UpdateService(ServiceUpdate { id: "s1".to_owned(), version: 1, new, before, task })
}

fn replace(before: Value, after: Value) -> Action {
    let new = new(after);
    let (name, user, server) = (new.name.clone(), new.user.clone(), String::new());
    let old = Removal { id: "s1".to_owned(), name, user, server, before: Body(before) };
    Action::ReplaceService { old, volumes: Vec::new(), new }
}

/// A swarm on which alice's server is in a state.
fn swarm(state: &str) -> ObservedState {
    let task = ObservedTask {
        service_id: "s1".to_owned(),
        state: state.to_owned(),
        image: "lab:1".to_owned(),
        ..ObservedTask::default()
    };
    let plugins = ["local", "sshfs:latest"].map(|name| ("Volume".to_owned(), name.to_owned())).to_vec();
    let node = ObservedNode { plugins, ..ObservedNode::default() };
    ObservedState { tasks: vec![task], nodes: vec![node], ..ObservedState::default() }
}

/// What is told of a plan with one action, and which images have to be known for it. Nothing knows `lab:2`.
fn told(action: Action, state: &ObservedState) -> (Vec<String>, Vec<String>) {
    let Some(body) = (match &action {
        Action::UpdateService(update) => Some(&update.new.body.0),
        Action::ReplaceService { new, .. } | Action::CreateService(new) => Some(&new.body.0),
        _ => None,
    }) else {
        panic!("{action:?}")
    };
    let mut service: Service = least();
    service.container.image = image(body).unwrap().into();
    let mount = |name: &str| Mount {
        target: "/data".into(),
        kind: MountKind::Volume {
            source: Some("home".into()),
            subpath: None,
            no_copy: false,
            labels: Vec::new(),
            driver: Some(Driver { name: Some(name.into()), options: Vec::new() }),
        },
        read_only: false,
        consistency: None,
    };
    service.container.mounts = drivers(body).map(mount).collect();
    told_of(action, &service, state)
}

fn told_of(action: Action, service: &Service, state: &ObservedState) -> (Vec<String>, Vec<String>) {
    let plan =
        Plan { deployment: "physics".to_owned(), items: Vec::new(), actions: vec![action], warnings: Vec::new() };
    let sources = SourceMap::new();
    let id = sources.add("x.json".to_owned(), "", Author::Config, "{}".to_owned());
    let spec = parse(&sources, id, Syntax::Json).unwrap();
    let user: Arc<str> = "alice".into();
    let unknown = ImageState::Unknown(format!("no answer of {CANARY}"));
    let known = [("lab:2", unknown.clone()), (CANARY, unknown), ("here:1", ImageState::OnNode)];
    let images: BTreeMap<String, ImageState> = known.map(|(name, state)| (name.to_owned(), state)).into();
    let servers = [WantedView { user: &user, server: "", service, spec: &spec }];
    let (deployment, of_users) = ("physics", true);
    let view = ClusterView {
        state,
        deployment,
        servers: &servers,
        images: &images,
        made: &[],
        leaving: &BTreeSet::new(),
        of_users,
    };
    let findings = check(&plan, &view);
    let told = findings.iter().map(|finding| format!("{} {}", finding.code.id, finding.message)).collect();
    (told, super::images(&plan, state).into_iter().collect())
}

const NO_IMAGE: &str = "SG520 running servers would be ended for the image `lab:2`, which was not found";

#[test]
fn an_image_that_is_nowhere_ends_no_running_server() {
    let (before, after) = (body("lab:1", None), body("lab:2", None));
    let changed = |task| update(before.clone(), after.clone(), task);
    let one = |name: &str| vec![name.to_owned()];
    assert_eq!(told(changed(TaskFate::Anew), &swarm("running")), (one(NO_IMAGE), one("lab:2")));
    assert_eq!(told(replace(before.clone(), after.clone()), &swarm("running")), (one(NO_IMAGE), one("lab:2")));
    // What does not run or is not ended loses nothing.
    let nothing = (Vec::new(), Vec::new());
    assert_eq!(told(changed(TaskFate::Anew), &swarm("failed")), nothing);
    assert_eq!(told(changed(TaskFate::Untouched), &swarm("running")), nothing);
    assert_eq!(told(Action::CreateService(new(after.clone())), &swarm("running")), nothing);
    let mut first = after.clone();
    first["UpdateConfig"] = json!({"Order": "start-first"});
    assert_eq!(told(update(before.clone(), first.clone(), TaskFate::Anew), &swarm("running")), nothing);
    assert_eq!(told(replace(before.clone(), first), &swarm("running")), (one(NO_IMAGE), one("lab:2")));
    // The tasks of what is to be taken over are not known.
    let mut foreign = before.clone();
    foreign["Labels"] = json!({});
    assert_eq!(told(update(foreign, after, TaskFate::Anew), &swarm("none")), (one(NO_IMAGE), one("lab:2")));
}

#[test]
fn an_image_that_is_somewhere_is_taken() {
    let to = |image: &str| told(update(body("lab:1", None), body(image, None), TaskFate::Anew), &swarm("running"));
    assert_eq!(to("here:1"), (Vec::new(), vec!["here:1".to_owned()]));
    // The same one, and one that a task runs.
    assert_eq!(to("lab:1"), (Vec::new(), Vec::new()));
    let back = update(body("lab:0", None), body("lab:1", None), TaskFate::Anew);
    assert_eq!(told(back, &swarm("running")), (Vec::new(), Vec::new()));
}

#[test]
fn a_plugin_that_is_nowhere_ends_no_running_server() {
    let to = |before, after| {
        let changed = update(body("lab:1", before), body("lab:1", after), TaskFate::Anew);
        told(changed, &swarm("running")).0
    };
    let expected = "SG520 running servers would be ended for the volume plugin `rclone`, which no node lists";
    assert_eq!(to(None, Some("rclone")), [expected]);
    assert_eq!(to(Some("sshfs:latest"), Some("rclone")), [expected]);
    // One that runs outside of the engine may be in use and not be listed.
    assert_eq!(to(Some("rclone"), Some("rclone")), [""; 0]);
    assert_eq!(to(None, Some("sshfs:latest")), [""; 0]);
    assert_eq!(to(None, Some("local")), [""; 0]);
}

#[test]
fn a_secret_in_an_images_name_is_not_shown() {
    let mut service = least();
    service.container.image = Text::secret(CANARY.to_owned().into());
    let changed = update(body("lab:1", None), body(CANARY, None), TaskFate::Anew);
    let (told, _) = told_of(changed, &service, &swarm("running"));
    assert_eq!(told, ["SG520 running servers would be ended for the image `«redacted»`, which was not found"]);
}
