//! The rows: part by part of a spec, leaf by leaf.

/// How a value is written for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// As it is.
    Plain,
    /// 10^-9ths of a CPU.
    Cpus,
    /// Bytes.
    Bytes,
    /// Nanoseconds.
    Duration,
    /// A file's mode.
    Octal,
}

/// What is known of a leaf.
#[derive(Debug)]
pub struct Row {
    /// The leaf below its chunk, with `*` for any key; empty for the chunk itself.
    pub at: &'static str,
    /// What is compared and remembered as one: an entry or an attribute; `{}` stands for the first `*`.
    pub unit: &'static str,
    /// The leaf within its unit; `{}` stands for the last `*`. Empty where the unit is one leaf.
    pub leaf: &'static str,
    /// Where the config's merged tree may say it, the likeliest place first; `{}` stands for the last `*`, `{i}` for the
    /// entry's number and `{n}` for the entry of that name.
    pub places: &'static [&'static str],
    /// How it is shown.
    pub format: Format,
    /// Whether it is a word of the engine's or an image, which may be shown also where somebody else wrote it.
    pub open: bool,
    /// Whether it is a word of the engine's, and holds no text of the config's.
    pub word: bool,
}

/// A part of a spec that is sent as it is on the swarm unless something of it differs.
#[derive(Debug)]
pub struct Chunk {
    /// Its path.
    pub at: &'static [&'static str],
    /// Whether a change starts the task anew.
    pub restarts: bool,
    /// Its leaves.
    pub rows: &'static [Row],
}

const fn row(at: &'static str, unit: &'static str, leaf: &'static str, places: &'static [&'static str]) -> Row {
    Row { at, unit, leaf, places, format: Format::Plain, open: false, word: false }
}

impl Row {
    const fn open(self) -> Self {
        Self { open: true, ..self }
    }

    const fn word(self) -> Self {
        Self { open: true, word: true, ..self }
    }

    const fn shown(self, format: Format) -> Self {
        Self { format, ..self }
    }
}

const fn chunk(at: &'static [&'static str], restarts: bool, rows: &'static [Row]) -> Chunk {
    Chunk { at, restarts, rows }
}

macro_rules! update_rows {
    ($unit:literal) => {
        &[
            row("Delay", $unit, "delay", &[concat!("/", $unit, "/delay")]).shown(Format::Duration),
            row("FailureAction", $unit, "failure_action", &[concat!("/", $unit, "/failure_action")]).word(),
            row("MaxFailureRatio", $unit, "max_failure_ratio", &[concat!("/", $unit, "/max_failure_ratio")]),
            row("Monitor", $unit, "monitor", &[concat!("/", $unit, "/monitor")]).shown(Format::Duration),
            row("Order", $unit, "order", &[concat!("/", $unit, "/order")]).word(),
            row("Parallelism", $unit, "parallelism", &[concat!("/", $unit, "/parallelism")]),
        ]
    };
}

macro_rules! file_rows {
    ($list:literal, $id:literal, $id_key:literal, $name:literal, $name_key:literal) => {
        &[
            row(concat!("*/", $id), concat!($list, ":{}"), $id_key, &[concat!("/container_spec/", $list, "/{n}")]),
            row(concat!("*/", $name), concat!($list, ":{}"), $name_key, &[concat!("/container_spec/", $list, "/{n}")]),
            row("*/FileMode", concat!($list, ":{}"), "mode", &[concat!("/container_spec/", $list, "/{n}/mode")])
                .shown(Format::Octal),
            row("*/GID", concat!($list, ":{}"), "gid", &[concat!("/container_spec/", $list, "/{n}/gid")]),
            row("*/UID", concat!($list, ":{}"), "uid", &[concat!("/container_spec/", $list, "/{n}/uid")]),
        ]
    };
}

pub(super) const TASK: &str = "TaskTemplate";
pub(super) const CONTAINER: &str = "ContainerSpec";

/// The table, sorted by path.
pub static CHUNKS: &[Chunk] = &[
    chunk(
        &["EndpointSpec"],
        true,
        &[
            row("Mode", "endpoint_spec", "mode", &["/endpoint_spec/mode"]).word(),
            row("Ports", "endpoint_spec", "ports", &["/endpoint_spec/ports"]).word(),
        ],
    ),
    chunk(&["Labels"], false, &[row("*", "labels.{}", "", &["/labels/{}"])]),
    chunk(&["Mode"], false, &[row("Replicas", "replicas", "", &[]), row("Type", "mode", "", &[]).word()]),
    chunk(&["RollbackConfig"], false, update_rows!("rollback_config")),
    chunk(&[TASK, CONTAINER, "Args"], true, &[row("", "args", "", &["/container_spec/args"])]),
    chunk(&[TASK, CONTAINER, "CapabilityAdd"], true, &[row("", "cap_add", "", &["/container_spec/cap_add"]).open()]),
    chunk(&[TASK, CONTAINER, "CapabilityDrop"], true, &[row("", "cap_drop", "", &["/container_spec/cap_drop"]).open()]),
    chunk(&[TASK, CONTAINER, "Command"], true, &[row("", "command", "", &["/container_spec/command"])]),
    chunk(
        &[TASK, CONTAINER, "Configs"],
        true,
        file_rows!("configs", "ConfigID", "config_id", "ConfigName", "config_name"),
    ),
    chunk(
        &[TASK, CONTAINER, "DNSConfig"],
        true,
        &[
            row("Nameservers", "dns_config", "nameservers", &["/container_spec/dns_config/nameservers"]),
            row("Options", "dns_config", "options", &["/container_spec/dns_config/options"]),
            row("Search", "dns_config", "search", &["/container_spec/dns_config/search"]),
        ],
    ),
    chunk(&[TASK, CONTAINER, "Dir"], true, &[row("", "workdir", "", &["/container_spec/workdir"])]),
    chunk(&[TASK, CONTAINER, "Env"], true, &[row("*", "env.{}", "", &["/container_spec/env/{}"])]),
    chunk(&[TASK, CONTAINER, "Groups"], true, &[row("", "groups", "", &["/container_spec/groups"])]),
    chunk(
        &[TASK, CONTAINER, "Healthcheck"],
        true,
        &[
            row("Interval", "healthcheck", "interval", &["/container_spec/healthcheck/interval"])
                .shown(Format::Duration),
            row("Retries", "healthcheck", "retries", &["/container_spec/healthcheck/retries"]),
            row("StartInterval", "healthcheck", "start_interval", &["/container_spec/healthcheck/start_interval"])
                .shown(Format::Duration),
            row("StartPeriod", "healthcheck", "start_period", &["/container_spec/healthcheck/start_period"])
                .shown(Format::Duration),
            row("Test", "healthcheck", "test", &["/container_spec/healthcheck/test"]),
            row("Timeout", "healthcheck", "timeout", &["/container_spec/healthcheck/timeout"]).shown(Format::Duration),
        ],
    ),
    chunk(&[TASK, CONTAINER, "Hostname"], true, &[row("", "hostname", "", &["/container_spec/hostname"])]),
    chunk(&[TASK, CONTAINER, "Hosts"], true, &[row("*", "hosts.{}", "", &["/container_spec/hosts/{}"])]),
    chunk(&[TASK, CONTAINER, "Image"], true, &[row("", "image", "", &["/image", "/container_spec/image"]).open()]),
    chunk(&[TASK, CONTAINER, "Init"], true, &[row("", "init", "", &["/container_spec/init"])]),
    chunk(&[TASK, CONTAINER, "Isolation"], true, &[row("", "isolation", "", &["/container_spec/isolation"])]),
    chunk(
        &[TASK, CONTAINER, "Labels"],
        true,
        &[row("*", "container_spec.labels.{}", "", &["/container_spec/labels/{}"])],
    ),
    chunk(
        &[TASK, CONTAINER, "Mounts"],
        true,
        &[
            row(
                "*/BindOptions/NonRecursive",
                "mounts:{}",
                "non_recursive",
                &["/container_spec/mounts/{i}/non_recursive"],
            ),
            row("*/BindOptions/Propagation", "mounts:{}", "propagation", &["/container_spec/mounts/{i}/propagation"]),
            row("*/ReadOnly", "mounts:{}", "read_only", &["/container_spec/mounts/{i}/read_only"]),
            row("*/Source", "mounts:{}", "source", &["/container_spec/mounts/{i}/source"]),
            row("*/TmpfsOptions/Mode", "mounts:{}", "tmpfs_mode", &["/container_spec/mounts/{i}/tmpfs_mode"])
                .shown(Format::Octal),
            row("*/TmpfsOptions/SizeBytes", "mounts:{}", "tmpfs_size", &["/container_spec/mounts/{i}/tmpfs_size"])
                .shown(Format::Bytes),
            row("*/Type", "mounts:{}", "type", &["/container_spec/mounts/{i}/type"]).word(),
            row(
                "*/VolumeOptions/DriverConfig/Name",
                "mounts:{}",
                "driver",
                &["/container_spec/mounts/{i}/driver_config/name", "/container_spec/mounts/{i}/driver"],
            ),
            row(
                "*/VolumeOptions/DriverConfig/Options/*",
                "mounts:{}",
                "options.{}",
                &[
                    "/container_spec/mounts/{i}/driver_config/options/{}",
                    "/container_spec/mounts/{i}/options/{}",
                    "/container_spec/mounts/{i}/{}",
                ],
            ),
            row("*/VolumeOptions/Labels/*", "mounts:{}", "labels.{}", &["/container_spec/mounts/{i}/labels/{}"]),
            row("*/VolumeOptions/NoCopy", "mounts:{}", "no_copy", &["/container_spec/mounts/{i}/no_copy"]),
            row("*/VolumeOptions/Subpath", "mounts:{}", "subpath", &["/container_spec/mounts/{i}/subpath"]),
        ],
    ),
    chunk(&[TASK, CONTAINER, "OpenStdin"], true, &[row("", "open_stdin", "", &["/container_spec/open_stdin"])]),
    chunk(
        &[TASK, CONTAINER, "Privileges"],
        true,
        &[
            row(
                "CredentialSpec/File",
                "privileges",
                "credentialspec_file",
                &["/container_spec/privileges/credentialspec_file"],
            ),
            row(
                "CredentialSpec/Registry",
                "privileges",
                "credentialspec_registry",
                &["/container_spec/privileges/credentialspec_registry"],
            ),
            row(
                "SELinuxContext/Disable",
                "privileges",
                "selinux_disable",
                &["/container_spec/privileges/selinux_disable"],
            ),
            row("SELinuxContext/Level", "privileges", "selinux_level", &["/container_spec/privileges/selinux_level"]),
            row("SELinuxContext/Role", "privileges", "selinux_role", &["/container_spec/privileges/selinux_role"]),
            row("SELinuxContext/Type", "privileges", "selinux_type", &["/container_spec/privileges/selinux_type"]),
            row("SELinuxContext/User", "privileges", "selinux_user", &["/container_spec/privileges/selinux_user"]),
        ],
    ),
    chunk(&[TASK, CONTAINER, "ReadOnly"], true, &[row("", "read_only", "", &["/container_spec/read_only"])]),
    chunk(
        &[TASK, CONTAINER, "Secrets"],
        true,
        file_rows!("secrets", "SecretID", "secret_id", "SecretName", "secret_name"),
    ),
    chunk(
        &[TASK, CONTAINER, "StopGracePeriod"],
        true,
        &[row("", "stop_grace_period", "", &["/container_spec/stop_grace_period"]).shown(Format::Duration)],
    ),
    chunk(&[TASK, CONTAINER, "StopSignal"], true, &[row("", "stop_signal", "", &["/container_spec/stop_signal"])]),
    chunk(&[TASK, CONTAINER, "Sysctls"], true, &[row("*", "sysctls.{}", "", &["/container_spec/sysctls/{}"])]),
    chunk(&[TASK, CONTAINER, "TTY"], true, &[row("", "tty", "", &["/container_spec/tty"])]),
    chunk(
        &[TASK, CONTAINER, "Ulimits"],
        true,
        &[
            row("*/Hard", "ulimits.{}", "hard", &["/container_spec/ulimits/{}"]),
            row("*/Soft", "ulimits.{}", "soft", &["/container_spec/ulimits/{}"]),
        ],
    ),
    chunk(
        &[TASK, CONTAINER, "User"],
        true,
        &[row("", "user", "", &["/container_spec/user", "/container_spec/uid_gid"])],
    ),
    chunk(
        &[TASK, "LogDriver"],
        true,
        &[
            row("Name", "log_driver", "name", &["/log_driver/name"]),
            row("Options/*", "log_driver", "options.{}", &["/log_driver/options/{}"]),
        ],
    ),
    chunk(
        &[TASK, "Networks"],
        true,
        &[
            row("*/Aliases", "networks:{}", "aliases", &["/networks/{i}/aliases"]),
            row("*/DriverOpts/*", "networks:{}", "options.{}", &["/networks/{i}/options/{}"]),
            row("*/Target", "networks:{}", "target", &["/networks/{i}"]).open(),
        ],
    ),
    chunk(
        &[TASK, "Placement"],
        false,
        &[
            row("Constraints", "placement.constraints", "", &["/placement/constraints"]),
            row("MaxReplicas", "placement.maxreplicas", "", &["/placement/maxreplicas"]),
            row("Platforms", "placement.platforms", "", &["/placement/platforms"]),
            row("Preferences", "placement.preferences", "", &["/placement/preferences"]),
        ],
    ),
    chunk(
        &[TASK, "Resources"],
        true,
        &[
            row("Limits/MemoryBytes", "resource_spec.mem_limit", "", &["/resource_spec/mem_limit"])
                .shown(Format::Bytes),
            row("Limits/NanoCPUs", "resource_spec.cpu_limit", "", &["/resource_spec/cpu_limit"]).shown(Format::Cpus),
            row("Limits/Pids", "resource_spec.pids_limit", "", &["/resource_spec/pids_limit"]),
            row(
                "Reservations/GenericResources/*",
                "resource_spec.generic_resources.{}",
                "",
                &["/resource_spec/generic_resources/{}", "/accelerators"],
            ),
            row("Reservations/MemoryBytes", "resource_spec.mem_reservation", "", &["/resource_spec/mem_reservation"])
                .shown(Format::Bytes),
            row("Reservations/NanoCPUs", "resource_spec.cpu_reservation", "", &["/resource_spec/cpu_reservation"])
                .shown(Format::Cpus),
        ],
    ),
    chunk(
        &[TASK, "RestartPolicy"],
        true,
        &[
            row("Condition", "restart_policy", "condition", &["/restart_policy/condition"]).word(),
            row("MaxAttempts", "restart_policy", "max_attempts", &["/restart_policy/max_attempts"]),
            row("RestartDelay", "restart_policy", "delay", &["/restart_policy/delay"]).shown(Format::Duration),
            row("Window", "restart_policy", "window", &["/restart_policy/window"]).shown(Format::Duration),
        ],
    ),
    chunk(&["UpdateConfig"], false, update_rows!("update_config")),
];
