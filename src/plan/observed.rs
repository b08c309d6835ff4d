//! The swarm as it was read once.
//!
//! Shapes follow the Engine API's (<https://docs.docker.com/reference/api/engine/version/v1.41/>); what planning does not
//! look at is left out. Times are RFC 3339 texts of the engine's own clock, to be compared with each other only.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::emit::ApiVersion;

use super::label::{AUTOREMOVE, is_true};
use crate::resolve::decode::is_plugin;

/// Keys with values, as the engine stores labels and options.
pub type Labels = BTreeMap<String, String>;

/// Everything that was read of a swarm, by a handful of calls however many services there are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ObservedState {
    /// The version of the Engine API that was negotiated.
    pub api: ApiVersion,
    /// The swarm's id.
    pub cluster: String,
    /// The id of the node whose engine was asked: `volumes` are of that node alone.
    pub node: String,
    /// What that node's clock showed before anything else was read.
    pub time: String,
    /// All services, also those of others.
    pub services: Vec<ObservedService>,
    /// All networks that the engine at hand knows.
    pub networks: Vec<ObservedNetwork>,
    /// All Swarm configs.
    pub configs: Vec<ObservedObject>,
    /// All Swarm secrets.
    pub secrets: Vec<ObservedObject>,
    /// The volumes of the node whose engine was asked.
    pub volumes: Vec<ObservedVolume>,
    /// All nodes.
    pub nodes: Vec<ObservedNode>,
    /// The tasks that were asked for: the deployment's.
    pub tasks: Vec<ObservedTask>,
}

impl ObservedState {
    /// The ids of the services of which a task runs, to be looked up however many there are.
    pub fn running(&self) -> BTreeSet<&str> {
        self.tasks.iter().filter(|task| task.runs()).map(|task| &*task.service_id).collect()
    }
}

/// A service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ObservedService {
    /// Its id.
    pub id: String,
    /// The version that an update must name (`Version.Index`).
    pub version: u64,
    /// Its `Spec` as the engine stores it. It may hold secrets: never show it.
    pub spec: Value,
    /// What that was before the last update (`PreviousSpec`); null where there was none.
    pub previous: Value,
    /// When it was made.
    pub created_at: String,
    /// When it was last changed, or how its last update goes.
    pub updated_at: String,
    /// How its last update goes; `None` where there was none.
    pub update: Option<UpdateStatus>,
}

impl ObservedService {
    /// Its name.
    pub fn name(&self) -> &str {
        self.spec.get("Name").and_then(Value::as_str).unwrap_or_default()
    }

    /// One of its service labels.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.spec.get("Labels")?.get(key)?.as_str()
    }

    /// All of its service labels.
    pub fn labels(&self) -> Labels {
        let labels = self.spec.get("Labels").and_then(Value::as_object).into_iter().flatten();
        labels.map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned())).collect()
    }
}

/// How an update of a service goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpdateStatus {
    /// `updating`, `paused`, `completed`, `rollback_started`, `rollback_paused` or `rollback_completed`.
    pub state: String,
    /// When it began, as the engine writes it: its tasks are made after that.
    pub started_at: String,
    /// The engine's words.
    pub message: String,
}

/// A network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObservedNetwork {
    /// Its id, which is what services store.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `overlay`, `bridge`, `host` and others.
    pub driver: String,
    /// `swarm`, `local` or `global`.
    pub scope: String,
    /// Whether it is the routing mesh.
    pub ingress: bool,
    /// Its subnets in CIDR notation.
    pub subnets: Vec<String>,
    /// Its labels.
    pub labels: Labels,
}

/// The network that a service's target stands for, as the engine looks it up: by id, then by name, the swarm's before those
/// of one node.
pub fn find_network<'n>(networks: &'n [ObservedNetwork], target: &str) -> Option<&'n ObservedNetwork> {
    let named = || networks.iter().filter(|network| network.name == target);
    let by_id = networks.iter().find(|network| network.id == target);
    by_id.or_else(|| named().find(|network| network.scope == "swarm")).or_else(|| named().next())
}

/// A Swarm config or secret; its content is never read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObservedObject {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created_at: String,
    /// Its labels.
    pub labels: Labels,
}

/// A volume of the node whose engine was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObservedVolume {
    /// Its name.
    pub name: String,
    /// Its driver.
    pub driver: String,
    /// The driver's options. They may hold secrets: never show their values.
    pub options: Labels,
    /// Its labels.
    pub labels: Labels,
}

impl ObservedVolume {
    /// Tells whether it goes with its server. A mount's labels are only for volumes that it makes.
    pub fn is_autoremoved(&self) -> bool {
        self.labels.get(AUTOREMOVE).is_some_and(|value| is_true(value))
    }

    /// Tells whether it holds no data of its own, as an sshfs one, or none that outlives its server.
    pub fn is_replaceable(&self) -> bool {
        is_plugin(&self.driver) || self.is_autoremoved()
    }
}

/// A node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObservedNode {
    /// Its id.
    pub id: String,
    /// Its host's name.
    pub hostname: String,
    /// `manager` or `worker`.
    pub role: String,
    /// `active`, `pause` or `drain`.
    pub availability: String,
    /// `ready`, `down`, `unknown` or `disconnected`.
    pub state: String,
    /// Whether it leads the managers, so that it is its clock by which the swarm writes down changes.
    pub leads: bool,
    /// Its address.
    pub address: String,
    /// The labels that the swarm gave it (`node.labels`).
    pub labels: Labels,
    /// The labels of its engine (`engine.labels`).
    pub engine_labels: Labels,
    /// The operating system (`linux`).
    pub os: String,
    /// The processor's architecture, as the engine tells it (`x86_64`).
    pub architecture: String,
    /// CPU time, in 10^-9ths of a CPU.
    pub nano_cpus: i64,
    /// Memory, in bytes.
    pub memory: i64,
    /// Counts of generic resources, by kind; named ones count one each.
    pub generic_resources: BTreeMap<String, i64>,
    /// Its engine's version.
    pub engine: String,
    /// Plugins as type and name (`Volume`, `local`).
    pub plugins: Vec<(String, String)>,
}

/// A task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObservedTask {
    /// Its id.
    pub id: String,
    /// Its service's id.
    pub service_id: String,
    /// The node that it was given to; empty while there is none.
    pub node_id: String,
    /// `new`, `pending`, `assigned`, `accepted`, `preparing`, `ready`, `starting`, `running`, `complete`, `shutdown`,
    /// `failed`, `rejected`, `remove` or `orphaned`.
    pub state: String,
    /// What the swarm wants of it: `running`, `ready`, `shutdown`, `remove` or `accepted`.
    pub desired_state: String,
    /// What it is doing, in the engine's words (`Status.Message`).
    pub message: String,
    /// Why it does not run, in the engine's words (`Status.Err`); empty where there is no reason.
    pub error: String,
    /// The exit code of its container, once that has ended.
    pub exit_code: Option<i64>,
    /// When it came into its state.
    pub timestamp: String,
    /// When it was made.
    pub created_at: String,
    /// When the swarm last wrote down a change of it: of one that runs, that it runs.
    pub updated_at: String,
    /// Its container's image.
    pub image: String,
    /// Its container's id; empty while there is none.
    pub container: String,
    /// What its node sets aside for it.
    pub reserved: Amounts,
    /// The labels of its service, which the engine does not tell with a task: those that the service has now, or, of a
    /// service that is gone, the one by which the task was found.
    pub labels: Labels,
    /// Its addresses.
    pub addresses: Vec<TaskAddress>,
}

impl ObservedTask {
    /// Tells whether it runs and is to: that of a lost node stays `running` while the swarm wants it to end.
    pub fn runs(&self) -> bool {
        self.state == "running" && self.desired_state == "running"
    }

    /// Tells whether it has ended by itself.
    pub fn has_ended(&self) -> bool {
        matches!(&*self.state, "failed" | "rejected" | "complete")
    }

    /// Tells whether it has ended, by itself or not.
    pub fn is_over(&self) -> bool {
        self.has_ended() || matches!(&*self.state, "shutdown" | "orphaned" | "remove")
    }
}

/// CPUs, memory and what else of them is counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Amounts {
    /// CPU time, in 10^-9ths of a CPU.
    pub nano_cpus: i64,
    /// Memory, in bytes.
    pub memory: i64,
    /// Counts of generic resources, by kind.
    pub generic_resources: BTreeMap<String, i64>,
}

/// An address of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskAddress {
    /// The id of the network that it is on.
    pub network_id: String,
    /// That network's name.
    pub network: String,
    /// The address.
    pub address: String,
}
