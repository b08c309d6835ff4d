//! Mounts and drivers.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::amount::{FileMode, Memory, Port};
use super::value::{EnvValue, Scalars, SecretText};

/// A mount: a table, or text in the short form `source:target[:ro]`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum MountEntry {
    /// The short form.
    Short(String),
    /// The table.
    Long(Box<Mount>),
}

/// What a mount mounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MountType {
    /// A volume, made on the node when it is missing.
    Volume,
    /// A path of the node.
    Bind,
    /// Memory.
    Tmpfs,
    /// A Windows named pipe.
    Npipe,
    /// A volume on the sshfs volume plugin.
    Sshfs,
}

/// Docker Desktop's hint about how soon host and container see each other's writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Consistency {
    /// As the platform does it.
    Default,
    /// At once.
    Consistent,
    /// The host is ahead.
    Cached,
    /// The container is ahead.
    Delegated,
}

/// Whether mounts below a bind's source and target reach the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Propagation {
    /// Neither way.
    Private,
    /// Neither way, mounts below included.
    Rprivate,
    /// Both ways.
    Shared,
    /// Both ways, mounts below included.
    Rshared,
    /// From the host only.
    Slave,
    /// From the host only, mounts below included.
    Rslave,
}

/// A mount: docker-py's `Mount`, and the type `sshfs` with its options.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mount {
    /// What is mounted. `sshfs` stands for a volume on the sshfs volume plugin.
    #[serde(rename = "type")]
    #[schemars(extend("default" = "volume", "examples" = ["volume", "bind", "sshfs"]))]
    pub kind: Option<MountType>,
    /// The volume's name, the node's path or the pipe. Absent or empty: an anonymous volume, which goes with its
    /// container.
    #[schemars(extend("examples" = ["jupyterhub-user-{name}", "/srv/data"]))]
    pub source: Option<String>,
    /// The absolute path inside the container.
    #[schemars(length(min = 1), extend("examples" = ["/home/jovyan/work"]))]
    pub target: String,
    /// Refuses writing.
    #[schemars(extend("default" = false, "examples" = [true]))]
    pub read_only: Option<bool>,
    /// Docker Desktop's hint; Linux engines ignore it. Absent: as the platform does it.
    #[schemars(extend("examples" = ["cached"]))]
    pub consistency: Option<Consistency>,
    /// Whether mounts below source and target reach the other side (`bind` only).
    #[schemars(extend("default" = "rprivate", "examples" = ["rslave"]))]
    pub propagation: Option<Propagation>,
    /// Leaves out what is mounted below the source (`bind` only).
    #[schemars(extend("default" = false, "examples" = [true]))]
    pub non_recursive: Option<bool>,
    /// Does not copy the image's files into a new volume (`volume` only).
    #[schemars(extend("default" = false, "examples" = [true]))]
    pub no_copy: Option<bool>,
    /// The volume's labels. `autoremove = "True"` removes the volume when the server stops.
    #[schemars(extend("examples" = [{"autoremove": "False"}]))]
    pub labels: Option<Scalars>,
    /// The volume's driver (`volume` only).
    #[schemars(extend("examples" = [{"name": "local", "options": {"type": "nfs", "o": "addr=10.0.0.2", "device": ":/export"}}]))]
    pub driver_config: Option<DriverConfig>,
    /// The path inside the volume that is mounted (`volume` only, from API 1.45). Absent: the whole volume.
    #[schemars(extend("examples" = ["users/{name}"]))]
    pub subpath: Option<String>,
    /// The size of the memory (`tmpfs` only). Absent: no limit.
    #[schemars(extend("examples" = ["64M"]))]
    pub tmpfs_size: Option<Memory>,
    /// The mode of the memory's root (`tmpfs` only).
    #[schemars(extend("default" = "1777", "examples" = ["0770"]))]
    pub tmpfs_mode: Option<FileMode>,
    /// The volume plugin's name (`sshfs` only).
    #[schemars(extend("default" = "ucphhpc/sshfs:latest", "examples" = ["ucphhpc/sshfs:latest"]))]
    pub driver: Option<String>,
    /// What to mount, as `user@host:path` (`sshfs` only, required there).
    #[schemars(extend("examples" = ["{username}@storage.example.org:/home/{username}", {"env": "SSHCMD"}]))]
    pub sshcmd: Option<SecretText>,
    /// The password (`sshfs` only).
    #[schemars(extend("examples" = ["{password}", {"env": "STORAGE_PASSWORD"}]))]
    pub password: Option<SecretText>,
    /// The private key's text (`sshfs` only).
    #[schemars(extend("examples" = ["{id_rsa}", {"file": "keys/{username}/id_rsa"}]))]
    pub id_rsa: Option<SecretText>,
    /// The path of a private key on the node (`sshfs` only).
    #[schemars(extend("examples" = ["/root/.ssh/id_rsa"]))]
    pub identity_file: Option<SecretText>,
    /// The SSH server's port (`sshfs` only).
    #[schemars(extend("default" = 22, "examples" = [2222]))]
    pub port: Option<Port>,
    /// Forgets the connection's state when the volume is unmounted (`sshfs` only).
    #[schemars(extend("default" = false, "examples" = [true]))]
    pub ephemeral: Option<bool>,
    /// Options of the sshfs program, each `-o key[=value]` (`sshfs` only).
    #[schemars(extend("examples" = [{"allow_other": "", "reconnect": ""}]))]
    pub options: Option<Scalars>,
}

/// A volume's driver with its options.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DriverConfig {
    /// The driver's name.
    #[schemars(extend("default" = "local", "examples" = ["ucphhpc/sshfs:latest"]))]
    pub name: Option<String>,
    /// The driver's options.
    #[schemars(extend("examples" = [{"sshcmd": "{sshcmd}", "password": {"env": "STORAGE_PASSWORD"}}]))]
    pub options: Option<BTreeMap<String, EnvValue>>,
}

/// The driver of a server's log, with its options.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogDriver {
    /// The driver's name. Absent: the node's default one.
    #[schemars(extend("examples" = ["json-file"]))]
    pub name: Option<String>,
    /// The driver's options.
    #[schemars(extend("examples" = [{"max-size": "10m"}]))]
    pub options: Option<Scalars>,
}
