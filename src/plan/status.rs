//! How the deployment's servers are, as the swarm tells.
//!
//! `schema/status.v1.schema.json` is derived from these types. Within a version keys may be added, none changes or goes.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::diag::render::{document, document_schema};
use crate::resolve::decode::{LABEL_DEPLOYMENT, LABEL_SERVER, LABEL_USER};

use super::label::MADE_BY;
use super::observed::{ObservedNode, ObservedService, ObservedState, ObservedTask};

/// The container label that SwarmSpawner and we write the profile's name to.
const LABEL_PROFILE: &str = "image_name";

/// The schema's identifier. A URN: it names the schema wherever it is kept.
pub const SCHEMA_ID: &str = "urn:swarmgen:status:1";

/// Renders servers as a document, with a final line end.
pub fn render(servers: &[ServerStatus], deployment: &str) -> String {
    document(&Document { version: 1, deployment, servers: servers.iter().collect() })
}

/// Derives the JSON Schema (draft 2020-12) of the document.
pub fn schema() -> schemars::Schema {
    document_schema::<Document<'_>>("swarmgen status", SCHEMA_ID)
}

/// What `swarmgen status --format json` writes.
#[derive(Serialize, JsonSchema)]
struct Document<'a> {
    /// The version of this format.
    #[schemars(range(min = 1, max = 1))]
    version: u32,
    /// The deployment's name.
    deployment: &'a str,
    /// The servers, sorted by user, server and service.
    servers: Vec<&'a ServerStatus>,
}

/// One server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ServerStatus {
    /// The user's name.
    pub user: String,
    /// The server's name; empty for the default one.
    pub server: String,
    /// The profile's name.
    pub profile: String,
    /// The service's name.
    pub service: String,
    /// What made it: `apply`, `spawner`, or empty for a stack.
    pub made_by: String,
    /// What it is doing.
    pub state: ServerState,
    /// The engine's word for the task's state; empty where there is no task.
    pub task: String,
    /// The host's name of the node that it runs on; empty while there is none.
    pub node: String,
    /// When it came into its state, in the engine's time.
    pub since: String,
    /// Why it does not run or, of one that runs, why it last did not; empty where there is no reason.
    pub error: String,
}

/// What a server is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ServerState {
    /// Its task runs.
    Running,
    /// Its task is on the way.
    Starting,
    /// No node takes it, or it waits for an address.
    Pending,
    /// Its tasks end again and again.
    Failing,
    /// Its node is away: the engine still takes the task for running.
    Lost,
    /// It has ended, and nothing starts it again.
    Stopped,
}

impl ServerState {
    /// All of them, the best first.
    pub const ALL: [Self; 6] = [Self::Running, Self::Starting, Self::Pending, Self::Failing, Self::Lost, Self::Stopped];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Starting => "starting",
            Self::Pending => "pending",
            Self::Failing => "failing",
            Self::Lost => "lost",
            Self::Stopped => "stopped",
        }
    }
}

/// The deployment's servers, sorted by user, server and service.
pub fn servers(state: &ObservedState, deployment: &str) -> Vec<ServerStatus> {
    let nodes: BTreeMap<&str, &ObservedNode> = state.nodes.iter().map(|node| (&*node.id, node)).collect();
    let mut tasks: BTreeMap<&str, Vec<&ObservedTask>> = BTreeMap::new();
    for task in &state.tasks {
        tasks.entry(&task.service_id).or_default().push(task);
    }
    for list in tasks.values_mut() {
        list.sort_by(|a, b| b.created_at.cmp(&a.created_at));
    }
    let ours = state.services.iter().filter(|service| service.label(LABEL_DEPLOYMENT) == Some(deployment));
    let mut servers: Vec<ServerStatus> = ours
        .map(|service| one(service, tasks.get(&*service.id).map(Vec::as_slice).unwrap_or_default(), &nodes))
        .collect();
    servers.sort_by(|a, b| (&a.user, &a.server, &a.service).cmp(&(&b.user, &b.server, &b.service)));
    servers
}

/// A service with its tasks, the newest first.
fn one(service: &ObservedService, tasks: &[&ObservedTask], nodes: &BTreeMap<&str, &ObservedNode>) -> ServerStatus {
    let label = |key: &str| service.label(key).unwrap_or_default().to_owned();
    let profile =
        service.spec.pointer("/TaskTemplate/ContainerSpec/Labels").and_then(|labels| labels.get(LABEL_PROFILE));
    // A task of before that still runs says more than a newer one that was never wanted.
    let wanted = |task: &&&ObservedTask| matches!(&*task.desired_state, "running" | "ready");
    let current = tasks.iter().find(wanted).or_else(|| tasks.first()).copied();
    let node = current.and_then(|task| nodes.get(&*task.node_id).copied());
    let state = current.map_or(ServerState::Pending, |task| state_of(task, tasks, node));
    let reason = |task: &&&ObservedTask| !task.error.is_empty();
    let error = match state {
        // Those that an update ended say nothing of the server.
        ServerState::Running => {
            tasks.iter().find(|task| has_failed(task)).map(|task| task.error.clone()).unwrap_or_default()
        }
        ServerState::Lost => "its node is away".to_owned(),
        _ => tasks.iter().find(reason).map(|task| task.error.clone()).unwrap_or_default(),
    };
    ServerStatus {
        user: label(LABEL_USER),
        server: label(LABEL_SERVER),
        profile: profile.and_then(serde_json::Value::as_str).unwrap_or_default().to_owned(),
        service: service.name().to_owned(),
        made_by: label(MADE_BY),
        state,
        task: current.map(|task| task.state.clone()).unwrap_or_default(),
        node: node.map(|node| node.hostname.clone()).unwrap_or_default(),
        since: current.map(|task| task.timestamp.clone()).unwrap_or_default(),
        error,
    }
}

fn has_failed(task: &ObservedTask) -> bool {
    matches!(&*task.state, "failed" | "rejected")
}

fn state_of(task: &ObservedTask, tasks: &[&ObservedTask], node: Option<&ObservedNode>) -> ServerState {
    let has_failed = tasks.iter().any(|task| has_failed(task));
    match &*task.state {
        "running" if node.is_some_and(|node| matches!(&*node.state, "down" | "disconnected")) => ServerState::Lost,
        "running" => ServerState::Running,
        // Between two attempts the next task waits.
        _ if has_failed && task.state != "complete" => ServerState::Failing,
        "new" | "allocated" | "pending" => ServerState::Pending,
        "complete" | "shutdown" | "remove" | "orphaned" => ServerState::Stopped,
        "failed" | "rejected" => ServerState::Failing,
        _ => ServerState::Starting,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn state(tasks: Vec<ObservedTask>) -> ObservedState {
        ObservedState {
            services: vec![ObservedService {
                id: "s".to_owned(),
                version: 1,
                spec: json!({
                    "Name": "jupyter-a-1",
                    "Labels": {"swarmgen.deployment": "physics", "swarmgen.user": "a", "swarmgen.made-by": "apply"},
                    "TaskTemplate": {"ContainerSpec": {"Labels": {"image_name": "Python"}}},
                }),
                ..ObservedService::default()
            }],
            nodes: vec![ObservedNode {
                id: "n".to_owned(),
                hostname: "lab".to_owned(),
                state: "ready".to_owned(),
                ..ObservedNode::default()
            }],
            tasks,
            ..ObservedState::default()
        }
    }

    fn task(state: &str, desired: &str, created: &str, error: &str) -> ObservedTask {
        ObservedTask {
            service_id: "s".to_owned(),
            node_id: "n".to_owned(),
            state: state.to_owned(),
            desired_state: desired.to_owned(),
            created_at: created.to_owned(),
            error: error.to_owned(),
            ..ObservedTask::default()
        }
    }

    fn told(tasks: Vec<ObservedTask>) -> (ServerState, String) {
        let servers = servers(&state(tasks), "physics");
        (servers[0].state, servers[0].error.clone())
    }

    #[test]
    fn a_server_is_what_its_wanted_task_is() {
        let state = state(vec![task("running", "running", "2", "")]);
        assert_eq!(servers(&state, "chemistry"), []);
        let server = &servers(&state, "physics")[0];
        assert_eq!((&*server.user, &*server.profile, &*server.node), ("a", "Python", "lab"));
        assert_eq!(server.state, ServerState::Running);
        assert_eq!(told(vec![]), (ServerState::Pending, String::new()));
        let old = task("shutdown", "shutdown", "3", "");
        assert_eq!(told(vec![old, task("running", "running", "2", "")]).0, ServerState::Running);
        let waits = task("pending", "running", "1", "no suitable node");
        assert_eq!(told(vec![waits]), (ServerState::Pending, "no suitable node".to_owned()));
        assert_eq!(told(vec![task("preparing", "running", "1", "")]).0, ServerState::Starting);
        assert_eq!(told(vec![task("complete", "shutdown", "1", "")]).0, ServerState::Stopped);
    }

    #[test]
    fn what_fails_again_and_again_is_failing_between_the_attempts_too() {
        let failed = task("failed", "shutdown", "1", "task: non-zero exit (3)");
        let next = task("ready", "ready", "2", "");
        assert_eq!(told(vec![failed, next]), (ServerState::Failing, "task: non-zero exit (3)".to_owned()));
    }

    #[test]
    fn one_that_runs_again_tells_why_it_did_not() {
        let failed = task("failed", "shutdown", "2", "task: non-zero exit (137)");
        let earlier = task("failed", "shutdown", "1", "task: non-zero exit (3)");
        let updated = task("shutdown", "shutdown", "3", "");
        let runs = task("running", "running", "4", "");
        let told = told(vec![earlier, failed, updated, runs]);
        assert_eq!(told, (ServerState::Running, "task: non-zero exit (137)".to_owned()));
    }

    #[test]
    fn a_task_on_a_node_that_is_away_is_lost() {
        let mut state = state(vec![task("running", "running", "2", "")]);
        state.nodes[0].state = "down".to_owned();
        let server = &servers(&state, "physics")[0];
        assert_eq!((server.state, &*server.error), (ServerState::Lost, "its node is away"));
    }
}
