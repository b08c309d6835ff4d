//! What is sent: one user's service, with nothing left to decide.
//!
//! The types say what the Engine API's `ServiceSpec` says, in one canonical form: amounts in the engine's units
//! (nanoseconds, bytes, 10^-9ths of a CPU), environment sorted by name, short forms expanded. They hold no spans.
//! Every field is named after the Engine API's, so that an emitter that destructures them cannot forget one.
//!
//! Source of the shapes: <https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Service/operation/ServiceCreate>.

mod text;
mod walk;

use std::sync::Arc;

pub use text::Text;
pub use walk::At;

/// One server of one user as a Swarm service with one replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// The service's name: a DNS label.
    pub name: Arc<str>,
    /// The service's own labels, sorted by key.
    pub labels: Pairs,
    /// The container's settings.
    pub container: Container,
    /// Limits and reservations.
    pub resources: Resources,
    /// When a task that ended is started again; `None` leaves the engine's default.
    pub restart_policy: Option<RestartPolicy>,
    /// Where tasks may run.
    pub placement: Placement,
    /// The networks it is attached to, in order.
    pub networks: Vec<Network>,
    /// Where the container's output goes; `None` leaves the node's default.
    pub log_driver: Option<Driver>,
    /// How it is reached.
    pub endpoint: Endpoint,
    /// How an update proceeds; `None` leaves the engine's default.
    pub update_config: Option<UpdateConfig>,
    /// How a rollback proceeds; `None` leaves the engine's default.
    pub rollback_config: Option<UpdateConfig>,
}

/// Keys with values, sorted by key, no key twice.
pub type Pairs = Vec<(Arc<str>, Text)>;

/// What the Engine API calls `ContainerSpec`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Container {
    /// The image reference.
    pub image: Text,
    /// Replaces the image's `ENTRYPOINT`.
    pub command: Option<Vec<Text>>,
    /// Replaces the image's `CMD`.
    pub args: Option<Vec<Text>>,
    /// The container's host name; Swarm expands templates in it.
    pub hostname: Option<Text>,
    /// The environment, sorted by name; Swarm expands templates in the values.
    pub env: Pairs,
    /// The working directory.
    pub workdir: Option<Text>,
    /// The user, as `uid`, `uid:gid` or a name that the image knows.
    pub user: Option<Text>,
    /// Supplementary groups.
    pub groups: Vec<Text>,
    /// The container's labels, sorted by key.
    pub labels: Pairs,
    /// What is mounted, in the order of the config.
    pub mounts: Vec<Mount>,
    /// How long the container may take to stop, in nanoseconds.
    pub stop_grace_period: Option<i64>,
    /// The signal that asks it to stop.
    pub stop_signal: Option<Text>,
    /// The health check; `None` leaves the image's.
    pub healthcheck: Option<Healthcheck>,
    /// Lines of the hosts file, in the order of the config.
    pub hosts: Vec<Host>,
    /// Name resolution; `None` leaves the node's.
    pub dns_config: Option<DnsConfig>,
    /// Swarm configs shown as files, in the order of the config.
    pub configs: Vec<FileReference>,
    /// Swarm secrets shown as files, in the order of the config.
    pub secrets: Vec<FileReference>,
    /// Credential spec and SELinux context.
    pub privileges: Option<Privileges>,
    /// Windows' isolation technology.
    pub isolation: Option<Text>,
    /// Whether an init process forwards signals and reaps.
    pub init: Option<bool>,
    /// Capabilities added, with their `CAP_` prefix.
    pub cap_add: Vec<Text>,
    /// Capabilities dropped, with their `CAP_` prefix.
    pub cap_drop: Vec<Text>,
    /// Kernel parameters, sorted by name.
    pub sysctls: Pairs,
    /// Resource limits of processes, sorted by name.
    pub ulimits: Vec<Ulimit>,
    /// Whether a terminal is attached.
    pub tty: Option<bool>,
    /// Whether standard input stays open.
    pub open_stdin: Option<bool>,
    /// Whether the root file system is read-only.
    pub read_only: Option<bool>,
}

/// One mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// The path inside the container.
    pub target: Text,
    /// Whether writing is refused.
    pub read_only: bool,
    /// Docker Desktop's consistency hint.
    pub consistency: Option<Arc<str>>,
    /// What is mounted.
    pub kind: MountKind,
}

/// What a mount mounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MountKind {
    /// A path of the node.
    Bind {
        /// The path.
        source: Text,
        /// `private`, `rprivate`, `shared`, `rshared`, `slave` or `rslave`.
        propagation: Option<Arc<str>>,
        /// Whether mounts below the source are left out.
        non_recursive: Option<bool>,
    },
    /// A volume, made on the node when it is missing.
    Volume {
        /// Its name; `None` for an anonymous one, which goes with its container.
        source: Option<Text>,
        /// Whether the image's files are not copied into it when it is new.
        no_copy: bool,
        /// Its labels, sorted by key; Swarm expands templates in the values.
        labels: Pairs,
        /// Its driver; `None` for the node's own (`local`).
        driver: Option<Driver>,
        /// The path inside the volume that is mounted (API 1.45).
        subpath: Option<Text>,
    },
    /// Memory.
    Tmpfs {
        /// Its size in bytes.
        size: Option<i64>,
        /// Its mode.
        mode: Option<u32>,
    },
    /// A Windows named pipe.
    Npipe {
        /// The pipe.
        source: Text,
    },
}

/// A driver with its options: of a volume or a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Driver {
    /// The driver's name; `None` leaves the default one, with options.
    pub name: Option<Text>,
    /// Its options, sorted by key.
    pub options: Pairs,
}

/// A Swarm config or secret shown as a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileReference {
    /// The config's or secret's name on the swarm.
    pub name: Text,
    /// Its id, where the config says it or the swarm was asked.
    pub id: Option<Text>,
    /// The file's path: absolute, or below `/run/secrets` for secrets and `/` for configs.
    pub file: Text,
    /// The owner's uid.
    pub uid: Text,
    /// The group's gid.
    pub gid: Text,
    /// The file's mode.
    pub mode: u32,
}

/// A health check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Healthcheck {
    /// `[]` inherits, `["NONE"]` switches off, `["CMD", ..]` and `["CMD-SHELL", ..]` run; `None` keeps the image's.
    pub test: Option<Vec<Text>>,
    /// Between checks, in nanoseconds.
    pub interval: Option<i64>,
    /// For one check, in nanoseconds.
    pub timeout: Option<i64>,
    /// Before the first failure counts, in nanoseconds.
    pub start_period: Option<i64>,
    /// Between checks during the start period, in nanoseconds (API 1.44).
    pub start_interval: Option<i64>,
    /// Failures in a row that make it unhealthy.
    pub retries: Option<i64>,
}

/// One line of the hosts file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// The host's name.
    pub name: Text,
    /// Its address.
    pub address: Text,
}

/// Name resolution inside the container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DnsConfig {
    /// Name servers' addresses.
    pub nameservers: Vec<Text>,
    /// Search domains.
    pub search: Vec<Text>,
    /// Resolver options.
    pub options: Vec<Text>,
}

/// Security settings that Swarm knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Privileges {
    /// Windows' credential spec.
    pub credential_spec: Option<CredentialSpec>,
    /// SELinux's context.
    pub selinux: Option<SelinuxContext>,
}

/// Where a Windows credential spec comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialSpec {
    /// A file below the engine's data directory.
    File(Text),
    /// A value of the registry.
    Registry(Text),
}

/// An SELinux context.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SelinuxContext {
    /// Whether SELinux is switched off.
    pub disable: Option<bool>,
    /// The user label.
    pub user: Option<Text>,
    /// The role label.
    pub role: Option<Text>,
    /// The type label.
    pub kind: Option<Text>,
    /// The level label.
    pub level: Option<Text>,
}

/// A limit of a process's resources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ulimit {
    /// Its name (`nofile`).
    pub name: Arc<str>,
    /// What a process starts with.
    pub soft: i64,
    /// What it may raise it to.
    pub hard: i64,
}

/// Limits and reservations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// The most CPU time, in 10^-9ths of a CPU.
    pub cpu_limit: Option<i64>,
    /// The most memory, in bytes.
    pub mem_limit: Option<i64>,
    /// The most processes.
    pub pids_limit: Option<i64>,
    /// CPU time set aside, in 10^-9ths of a CPU.
    pub cpu_reservation: Option<i64>,
    /// Memory set aside, in bytes.
    pub mem_reservation: Option<i64>,
    /// Counts of generic resources set aside, sorted by kind.
    pub generic_resources: Vec<(Arc<str>, i64)>,
}

/// When a task that ended is started again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RestartPolicy {
    /// `none`, `on-failure` or `any`.
    pub condition: Option<Arc<str>>,
    /// Between attempts, in nanoseconds.
    pub delay: Option<i64>,
    /// How often; 0 is without end.
    pub max_attempts: Option<u64>,
    /// How long attempts are counted, in nanoseconds.
    pub window: Option<i64>,
}

/// Where tasks may run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// Expressions that a node must fulfil.
    pub constraints: Vec<Text>,
    /// Descriptors over which tasks are spread, the first ones first.
    pub spread: Vec<Text>,
    /// The most tasks of the service on a node.
    pub max_replicas: Option<u64>,
    /// Platforms that the image runs on, as architecture and operating system.
    pub platforms: Vec<(Text, Text)>,
}

/// An attachment to a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// The network's name or id.
    pub target: Text,
    /// Further names of the service on it.
    pub aliases: Vec<Text>,
    /// Options for the network's driver, sorted by key.
    pub driver_opts: Pairs,
}

/// How a service is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// How its name resolves.
    pub mode: EndpointMode,
    /// Its published ports.
    pub ports: Vec<Port>,
}

/// How a service's name resolves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EndpointMode {
    /// To a virtual address, unless something else is asked for.
    #[default]
    Vip,
    /// To its tasks' addresses.
    Dnsrr,
}

impl EndpointMode {
    /// The Engine API's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Vip => "vip",
            Self::Dnsrr => "dnsrr",
        }
    }
}

/// A published port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// `tcp`, `udp` or `sctp`.
    pub protocol: Arc<str>,
    /// The port inside the container.
    pub target: u16,
    /// The port outside; `None` lets the engine choose.
    pub published: Option<u16>,
    /// `ingress` or `host`.
    pub mode: Arc<str>,
}

/// How an update or a rollback proceeds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UpdateConfig {
    /// Tasks at once; 0 is all.
    pub parallelism: u64,
    /// Between batches, in nanoseconds.
    pub delay: Option<i64>,
    /// `continue`, `pause` or `rollback`.
    pub failure_action: Option<Arc<str>>,
    /// How long a task is watched, in nanoseconds.
    pub monitor: Option<i64>,
    /// The part of tasks that may fail, from 0 to 1.
    pub max_failure_ratio: Option<f64>,
    /// `stop-first` or `start-first`.
    pub order: Option<Arc<str>>,
}

impl Eq for UpdateConfig {}
