//! What surrounds the container: docker-py's `Resources`, `Placement`, `EndpointSpec`, `RestartPolicy`, `UpdateConfig`
//! and `NetworkAttachmentConfig`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::amount::{Count, Cpus, Duration, Memory, Port, PositiveCount, Ratio};
use super::value::Scalars;

/// Limits and reservations: docker-py's `Resources`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resources {
    /// The most CPU time. Absent: no limit.
    #[schemars(extend("examples" = [1.5, "500m", 2]))]
    pub cpu_limit: Option<Cpus>,
    /// CPU time that a node must have free.
    #[schemars(extend("default" = 0, "examples" = [0.25]))]
    pub cpu_reservation: Option<Cpus>,
    /// The most memory. Absent: no limit.
    #[schemars(extend("examples" = ["512M", 536870912]))]
    pub mem_limit: Option<Memory>,
    /// Memory that a node must have free.
    #[schemars(extend("default" = 0, "examples" = ["256M"]))]
    pub mem_reservation: Option<Memory>,
    /// The most processes; 0 is no limit.
    #[schemars(extend("default" = 0, "examples" = [512]))]
    pub pids_limit: Option<Count>,
    /// Counts of generic resources that a node must have free, by kind.
    #[schemars(extend("examples" = [{"gpu": 1}]))]
    pub generic_resources: Option<BTreeMap<String, PositiveCount>>,
}

/// Where a server may run: a table, or a list of constraints.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum PlacementEntry {
    /// The constraints alone.
    Constraints(Vec<String>),
    /// The table.
    Placement(Placement),
}

/// Where a server may run: docker-py's `Placement`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Placement {
    /// Expressions that a node must fulfil, all of them.
    #[schemars(extend("examples" = [["node.labels.jupyter==true", "node.role!=manager"]]))]
    pub constraints: Option<Vec<String>>,
    /// Over what the servers are spread, as `spread=descriptor` or `["spread", "descriptor"]`.
    #[schemars(extend("examples" = [["spread=node.labels.datacenter"]]))]
    pub preferences: Option<Vec<Preference>>,
    /// Platforms that the image runs on, as `os/arch` or `["arch", "os"]`.
    #[schemars(extend("examples" = [["linux/amd64"]]))]
    pub platforms: Option<Vec<Platform>>,
    /// The most tasks of one service on a node; 0 is no limit.
    #[schemars(extend("default" = 0, "examples" = [1]))]
    pub maxreplicas: Option<Count>,
}

/// A placement preference: `spread=descriptor`, or the two words as a list.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Preference {
    /// As text.
    Text(String),
    /// As two words.
    Pair(#[schemars(length(equal = 2))] Vec<String>),
}

/// A platform: `os/arch`, or architecture and operating system as a list.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Platform {
    /// As text.
    Text(String),
    /// As two words.
    Pair(#[schemars(length(equal = 2))] Vec<String>),
}

/// How a server is reached: docker-py's `EndpointSpec`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EndpointSpec {
    /// How the service's name resolves. Absent: `vip` where an ingress port is published, else `dnsrr`.
    #[schemars(extend("examples" = ["dnsrr"]))]
    pub mode: Option<EndpointMode>,
    /// Published ports: a table of published ports with what they lead to, or a list of tables.
    #[schemars(extend("examples" = [{"8080": 8888}, {"8080": [8888, "tcp", "host"]}, [{"target": 8888, "published": 8080}]]))]
    pub ports: Option<Ports>,
}

/// How a service's name resolves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EndpointMode {
    /// To a virtual address.
    Vip,
    /// To the tasks' addresses.
    Dnsrr,
}

/// Published ports.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum Ports {
    /// By published port.
    Table(BTreeMap<String, PortTarget>),
    /// Each as a table.
    List(Vec<PortConfig>),
}

/// What a published port leads to: a port, or a list of the port, the protocol and the mode.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum PortTarget {
    /// The port inside the container.
    Port(Port),
    /// The port, the protocol and the mode.
    Parts(#[schemars(length(min = 1, max = 3))] Vec<Port>),
}

/// A published port.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PortConfig {
    /// The port inside the container.
    #[schemars(extend("examples" = [8888]))]
    pub target: Port,
    /// The port outside. Absent: the engine chooses one.
    #[schemars(extend("examples" = [8080]))]
    pub published: Option<Port>,
    /// The protocol.
    #[schemars(extend("default" = "tcp", "examples" = ["udp"]))]
    pub protocol: Option<Protocol>,
    /// Where it is published.
    #[schemars(extend("default" = "ingress", "examples" = ["host"]))]
    pub mode: Option<PublishMode>,
}

/// A port's protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

/// Where a port is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PublishMode {
    /// On every node, by the routing mesh.
    Ingress,
    /// On the task's node only.
    Host,
}

/// When a task that ended is started again: docker-py's `RestartPolicy`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RestartPolicy {
    /// After what kind of end.
    #[schemars(extend("default" = "any", "examples" = ["on-failure"]))]
    pub condition: Option<RestartCondition>,
    /// The time between attempts.
    #[schemars(extend("default" = "5s", "examples" = ["10s"]))]
    pub delay: Option<Duration>,
    /// How many attempts; 0 is without end.
    #[schemars(extend("default" = 0, "examples" = [3]))]
    pub max_attempts: Option<Count>,
    /// The time within which attempts are counted; 0 is for ever.
    #[schemars(extend("default" = 0, "examples" = ["2m"]))]
    pub window: Option<Duration>,
}

/// After what kind of end a task is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RestartCondition {
    /// Never.
    None,
    /// After an exit code other than 0.
    OnFailure,
    /// Always.
    Any,
}

/// How an update or a rollback proceeds: docker-py's `UpdateConfig`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateConfig {
    /// Tasks at once; 0 is all.
    #[schemars(extend("default" = 1, "examples" = [1]))]
    pub parallelism: Option<Count>,
    /// The time between batches.
    #[schemars(extend("default" = 0, "examples" = ["10s"]))]
    pub delay: Option<Duration>,
    /// What happens when an updated task fails.
    #[schemars(extend("default" = "pause", "examples" = ["rollback"]))]
    pub failure_action: Option<FailureAction>,
    /// How long an updated task is watched.
    #[schemars(extend("default" = "5s", "examples" = ["30s"]))]
    pub monitor: Option<Duration>,
    /// The part of tasks that may fail, from 0 to 1.
    #[schemars(extend("default" = 0, "examples" = [0.1]))]
    pub max_failure_ratio: Option<Ratio>,
    /// Whether the old task stops before the new one starts.
    #[schemars(extend("default" = "stop-first", "examples" = ["start-first"]))]
    pub order: Option<UpdateOrder>,
}

/// What happens when an updated task fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FailureAction {
    /// The update goes on.
    Continue,
    /// The update stops where it is.
    Pause,
    /// What was before comes back.
    Rollback,
}

/// Whether the old task stops before the new one starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UpdateOrder {
    /// The old one stops first.
    StopFirst,
    /// The new one starts first.
    StartFirst,
}

/// A network: its name, or a table.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum NetworkEntry {
    /// The name.
    Name(String),
    /// The table.
    Network(Network),
}

/// An attachment to a network: docker-py's `NetworkAttachmentConfig`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// The network's name or id.
    #[schemars(length(min = 1), extend("examples" = ["jupyterhub_default"]))]
    pub target: String,
    /// Further names of the service on it.
    #[schemars(extend("examples" = [["notebook-{name}"]]))]
    pub aliases: Option<Vec<String>>,
    /// Options for the network's driver.
    #[schemars(extend("examples" = [{"com.docker.network.endpoint.ifname": "eth1"}]))]
    pub options: Option<Scalars>,
}

/// Accelerators that a server is given: a count of a generic resource.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Accelerator {
    /// The generic resource's kind, as the nodes' engines name it.
    #[schemars(length(min = 1), extend("examples" = ["gpu"]))]
    pub kind: String,
    /// How many.
    #[schemars(extend("default" = 1, "examples" = [2]))]
    pub count: Option<PositiveCount>,
}
