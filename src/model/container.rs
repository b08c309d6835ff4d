//! The container's settings: docker-py's `ContainerSpec`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::amount::{Count, Duration, FileMode, Id, Limit};
use super::mount::MountEntry;
use super::value::{EnvValue, Scalars, Texts};

/// Environment variables: a table, or a list of `NAME=value`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Environment {
    /// By name.
    Table(BTreeMap<String, EnvValue>),
    /// Each as `NAME=value`.
    List(Vec<String>),
}

/// A Swarm config shown as a file: a table, or its name.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ConfigEntry {
    /// The name.
    Name(String),
    /// The table.
    Reference(ConfigReference),
}

/// A Swarm secret shown as a file: a table, or its name.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum SecretEntry {
    /// The name.
    Name(String),
    /// The table.
    Reference(SecretReference),
}

/// A Swarm config shown as a file: docker-py's `ConfigReference`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfigReference {
    /// The config's name on the swarm, or in `swarm_configs`.
    #[schemars(length(min = 1), extend("examples" = ["motd"]))]
    pub config_name: String,
    /// The config's id on the swarm. Absent: it is looked up by name.
    #[schemars(extend("examples" = ["f9o1qf3xfgrrbvtw0qs4mgw6q"]))]
    pub config_id: Option<String>,
    /// The file's path in the container. Absent: the config's name, below `/`.
    #[schemars(extend("examples" = ["/etc/motd"]))]
    pub filename: Option<String>,
    /// The file's owner.
    #[schemars(extend("default" = 0, "examples" = [1000, "{uid}"]))]
    pub uid: Option<Id>,
    /// The file's group.
    #[schemars(extend("default" = 0, "examples" = [100, "{gid}"]))]
    pub gid: Option<Id>,
    /// The file's mode.
    #[schemars(extend("default" = "0444", "examples" = ["0440"]))]
    pub mode: Option<FileMode>,
}

/// A Swarm secret shown as a file: docker-py's `SecretReference`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretReference {
    /// The secret's name on the swarm, or in `swarm_secrets`.
    #[schemars(length(min = 1), extend("examples" = ["database_password"]))]
    pub secret_name: String,
    /// The secret's id on the swarm. Absent: it is looked up by name.
    #[schemars(extend("examples" = ["bp3kzrk2z4jyj3dfxlmkjbwjv"]))]
    pub secret_id: Option<String>,
    /// The file's path in the container. Absent: the secret's name, below `/run/secrets`.
    #[schemars(extend("examples" = ["/run/secrets/database"]))]
    pub filename: Option<String>,
    /// The file's owner.
    #[schemars(extend("default" = 0, "examples" = [1000, "{uid}"]))]
    pub uid: Option<Id>,
    /// The file's group.
    #[schemars(extend("default" = 0, "examples" = [100, "{gid}"]))]
    pub gid: Option<Id>,
    /// The file's mode.
    #[schemars(extend("default" = "0444", "examples" = ["0400"]))]
    pub mode: Option<FileMode>,
}

/// How the engine tells whether the server is well: docker-py's `Healthcheck`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Healthcheck {
    /// The command: text for a shell, or a list that starts with `CMD`, `CMD-SHELL` or is just `NONE`, which switches
    /// the image's check off. Absent: the image's.
    #[schemars(extend("examples" = [["CMD", "curl", "-f", "http://localhost:{port}/api"], ["NONE"]]))]
    pub test: Option<Texts>,
    /// The time between checks.
    #[schemars(extend("default" = "30s", "examples" = ["1m"]))]
    pub interval: Option<Duration>,
    /// The time that one check may take.
    #[schemars(extend("default" = "30s", "examples" = ["10s"]))]
    pub timeout: Option<Duration>,
    /// The time before the first failure counts.
    #[schemars(extend("default" = "0s", "examples" = ["20s"]))]
    pub start_period: Option<Duration>,
    /// The time between checks during the start period (from API 1.44).
    #[schemars(extend("default" = "5s", "examples" = ["2s"]))]
    pub start_interval: Option<Duration>,
    /// Failures in a row that make it unhealthy.
    #[schemars(extend("default" = 3, "examples" = [5]))]
    pub retries: Option<Count>,
}

/// Name resolution inside the container: docker-py's `DNSConfig`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DnsConfig {
    /// Name servers' addresses.
    #[schemars(extend("examples" = [["10.0.0.53"]]))]
    pub nameservers: Option<Vec<String>>,
    /// Search domains.
    #[schemars(extend("examples" = [["example.org"]]))]
    pub search: Option<Vec<String>>,
    /// Resolver options.
    #[schemars(extend("examples" = [["ndots:1"]]))]
    pub options: Option<Vec<String>>,
}

/// Credential spec and SELinux context: docker-py's `Privileges`. Not to be confused with privileged containers, which
/// Swarm does not have.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Privileges {
    /// A credential spec file below the engine's data directory (Windows). Absent: none.
    #[schemars(extend("examples" = ["spec.json"]))]
    pub credentialspec_file: Option<String>,
    /// A credential spec in the registry (Windows). Absent: none.
    #[schemars(extend("examples" = ["spec"]))]
    pub credentialspec_registry: Option<String>,
    /// Switches SELinux off.
    #[schemars(extend("default" = false, "examples" = [true]))]
    pub selinux_disable: Option<bool>,
    /// SELinux's user label. Absent: the engine's own.
    #[schemars(extend("examples" = ["system_u"]))]
    pub selinux_user: Option<String>,
    /// SELinux's role label. Absent: the engine's own.
    #[schemars(extend("examples" = ["system_r"]))]
    pub selinux_role: Option<String>,
    /// SELinux's type label. Absent: the engine's own.
    #[schemars(extend("examples" = ["container_t"]))]
    pub selinux_type: Option<String>,
    /// SELinux's level label. Absent: the engine's own.
    #[schemars(extend("examples" = ["s0:c1,c2"]))]
    pub selinux_level: Option<String>,
}

/// A limit of a process's resources: one number for both, or a table.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Ulimit {
    /// Soft and hard alike.
    Both(Limit),
    /// Each.
    Each(UlimitPair),
}

/// A limit's two values.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UlimitPair {
    /// What a process starts with.
    #[schemars(extend("examples" = [1024]))]
    pub soft: Limit,
    /// What it may raise it to.
    #[schemars(extend("examples" = [4096]))]
    pub hard: Limit,
}

/// The container's settings: docker-py's `ContainerSpec`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ContainerSpec {
    /// The image, where no entry of `images` sets one. Absent: every profile needs its own.
    #[schemars(extend("examples" = ["jupyter/base-notebook:lab-4.1.0"]))]
    pub image: Option<String>,
    /// Replaces the image's `ENTRYPOINT`. Text is split as a shell would split it. Absent: the image's.
    #[schemars(extend("examples" = [["tini", "-g", "--"]]))]
    pub command: Option<Texts>,
    /// Replaces the image's `CMD`. Text is split as a shell would split it. Absent: the image's.
    #[schemars(extend("examples" = [["/usr/local/bin/start-singleuser.sh"]]))]
    pub args: Option<Texts>,
    /// The container's host name. Absent: the container's id.
    #[schemars(extend("examples" = ["{service}"]))]
    pub hostname: Option<String>,
    /// Environment variables; merged by name.
    #[schemars(extend("examples" = [{"JUPYTER_ENABLE_LAB": "1", "WHO": "{username}"}]))]
    pub env: Option<Environment>,
    /// The working directory. Absent: the image's.
    #[schemars(extend("examples" = ["/home/jovyan"]))]
    pub workdir: Option<String>,
    /// The user that the server runs as. Absent: the image's.
    #[schemars(extend("examples" = [1000, "1000:100", "root"]))]
    pub user: Option<Id>,
    /// The uid and gid that the server runs as, as `uid:gid` or the uid alone; also what `{uid}` and `{gid}` insert.
    /// Absent: `user`.
    #[schemars(extend("examples" = ["1000:100", 1000]))]
    pub uid_gid: Option<Id>,
    /// The container's labels; merged by key. For the service's labels see `labels` at the top.
    #[schemars(extend("examples" = [{"org.example.course": "physics"}]))]
    pub labels: Option<Scalars>,
    /// What is mounted; merged by target.
    #[schemars(extend("examples" = [[{"type": "volume", "source": "jupyterhub-user-{name}", "target": "/home/jovyan/work"}]]))]
    pub mounts: Option<Vec<MountEntry>>,
    /// The time that the container may take to stop before it is killed.
    #[schemars(extend("default" = "10s", "examples" = ["30s"]))]
    pub stop_grace_period: Option<Duration>,
    /// Swarm secrets shown as files; merged by file.
    #[schemars(extend("examples" = [["database_password"], [{"secret_name": "database_password", "mode": "0400"}]]))]
    pub secrets: Option<Vec<SecretEntry>>,
    /// Attaches a terminal.
    #[schemars(extend("default" = false, "examples" = [true]))]
    pub tty: Option<bool>,
    /// Supplementary groups.
    #[schemars(extend("examples" = [["users", 2000]]))]
    pub groups: Option<Vec<Id>>,
    /// Keeps standard input open.
    #[schemars(extend("default" = false, "examples" = [true]))]
    pub open_stdin: Option<bool>,
    /// Makes the root file system read-only.
    #[schemars(extend("default" = false, "examples" = [true]))]
    pub read_only: Option<bool>,
    /// The signal that asks the server to stop. Absent: the image's, else SIGTERM.
    #[schemars(extend("examples" = ["SIGINT"]))]
    pub stop_signal: Option<String>,
    /// How the engine tells whether the server is well. Absent: the image's check.
    #[schemars(extend("examples" = [{"test": ["NONE"]}]))]
    pub healthcheck: Option<Healthcheck>,
    /// Further lines of the hosts file: host names with their addresses.
    #[schemars(extend("examples" = [{"storage": "10.0.0.2"}]))]
    pub hosts: Option<BTreeMap<String, String>>,
    /// Name resolution. Absent: the node's.
    #[schemars(extend("examples" = [{"nameservers": ["10.0.0.53"]}]))]
    pub dns_config: Option<DnsConfig>,
    /// Swarm configs shown as files; merged by file.
    #[schemars(extend("examples" = [["motd"], [{"config_name": "motd", "filename": "/etc/motd"}]]))]
    pub configs: Option<Vec<ConfigEntry>>,
    /// Credential spec and SELinux context.
    #[schemars(extend("examples" = [{"selinux_disable": true}]))]
    pub privileges: Option<Privileges>,
    /// Windows' isolation technology.
    #[schemars(extend("default" = "default", "examples" = ["hyperv"]))]
    pub isolation: Option<Isolation>,
    /// Runs an init process that forwards signals and reaps. Absent: as the node's engine is set.
    #[schemars(extend("examples" = [true]))]
    pub init: Option<bool>,
    /// Capabilities to add.
    #[schemars(extend("examples" = [["NET_ADMIN"]]))]
    pub cap_add: Option<Vec<String>>,
    /// Capabilities to drop.
    #[schemars(extend("examples" = [["ALL"]]))]
    pub cap_drop: Option<Vec<String>>,
    /// Kernel parameters; merged by name.
    #[schemars(extend("examples" = [{"net.core.somaxconn": 1024}]))]
    pub sysctls: Option<Scalars>,
    /// Limits of processes' resources; merged by name.
    #[schemars(extend("examples" = [{"nofile": {"soft": 1024, "hard": 4096}, "nproc": 512}]))]
    pub ulimits: Option<BTreeMap<String, Ulimit>>,
}

/// Windows' isolation technology.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Isolation {
    /// As the node's engine is set.
    Default,
    /// By process.
    Process,
    /// By Hyper-V.
    Hyperv,
}
