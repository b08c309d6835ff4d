//! The tables that hold service attributes: the config itself, profiles and overrides.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::amount::{Duration, Id, Port};
use super::container::{ConfigEntry, ContainerSpec, Environment, SecretEntry};
use super::mount::{LogDriver, MountEntry};
use super::service::{Accelerator, EndpointSpec, NetworkEntry, PlacementEntry, Resources, RestartPolicy, UpdateConfig};
use super::user::{Naming, User, UserOptions};
use super::value::{AttributeValue, Scalars, SecretRef, Texts};

/// Declares a table with the service attributes after its own keys.
macro_rules! with_service_keys {
    ($(#[$meta:meta])* pub struct $name:ident { $($own:tt)* }) => {
        $(#[$meta])*
        pub struct $name {
            $($own)*
            /// The container's settings.
            #[schemars(extend("examples" = [{"args": ["/usr/local/bin/start-singleuser.sh"]}]))]
            pub container_spec: Option<Box<ContainerSpec>>,
            /// Limits and reservations; a later layer replaces them whole.
            #[schemars(extend("examples" = [{"cpu_limit": 1.5, "mem_limit": "512M"}]))]
            pub resource_spec: Option<Resources>,
            /// Where servers may run; a later layer replaces it whole.
            #[schemars(extend("examples" = [{"constraints": ["node.labels.jupyter==true"]}]))]
            pub placement: Option<PlacementEntry>,
            /// The networks that servers are attached to; a later layer replaces them whole.
            #[schemars(extend("examples" = [["jupyterhub_default"]]))]
            pub networks: Option<Vec<NetworkEntry>>,
            /// Where servers' output goes. Absent: the node's default.
            #[schemars(extend("examples" = [{"name": "json-file", "options": {"max-size": "10m"}}]))]
            pub log_driver: Option<LogDriver>,
            /// How servers are reached.
            #[schemars(extend("examples" = [{"mode": "dnsrr"}]))]
            pub endpoint_spec: Option<EndpointSpec>,
            /// When a server that ended is started again. Absent: the engine's default.
            #[schemars(extend("examples" = [{"condition": "on-failure", "max_attempts": 3}]))]
            pub restart_policy: Option<RestartPolicy>,
            /// How an update of a service proceeds. Absent: the engine's default.
            #[schemars(extend("examples" = [{"order": "stop-first"}]))]
            pub update_config: Option<UpdateConfig>,
            /// How a rollback of a service proceeds. Absent: the engine's default.
            #[schemars(extend("examples" = [{"order": "stop-first"}]))]
            pub rollback_config: Option<UpdateConfig>,
            /// The services' labels, as against the containers', which are `container_spec.labels`; merged by key.
            #[schemars(extend("examples" = [{"org.example.course": "physics"}]))]
            pub labels: Option<Scalars>,
            /// Swarm configs shown as files, as in `container_spec.configs`; merged by file.
            #[schemars(extend("examples" = [[{"config_name": "motd", "filename": "/etc/motd"}]]))]
            pub configs: Option<Vec<ConfigEntry>>,
            /// Generic resources that servers are given; a later layer replaces them whole.
            #[schemars(extend("examples" = [[{"kind": "gpu", "count": 1}]]))]
            pub accelerators: Option<Vec<Accelerator>>,
        }
    };
}

/// Declares a table that is one layer of a server: the container's most used keys stand in it directly.
macro_rules! with_layer_keys {
    ($(#[$meta:meta])* pub struct $name:ident { $($own:tt)* }) => {
        with_service_keys! {
            $(#[$meta])*
            pub struct $name {
                $($own)*
                /// How this layer's tables combine with those before: `deep` merges them key by key. Absent: each
                /// attribute's own way.
                #[schemars(extend("examples" = ["deep"]))]
                pub merge: Option<Merge>,
                /// What is removed of the layers before.
                #[schemars(extend("examples" = [["env.FOO", "mounts:/data"]]))]
                pub unset: Option<Vec<String>>,
                /// Replaces the image's `ENTRYPOINT`, as in `container_spec`.
                #[schemars(extend("examples" = [["tini", "-g", "--"]]))]
                pub command: Option<Texts>,
                /// Replaces the image's `CMD`, as in `container_spec`.
                #[schemars(extend("examples" = [["/usr/local/bin/start-singleuser.sh"]]))]
                pub args: Option<Texts>,
                /// Environment variables, as in `container_spec`; merged by name.
                #[schemars(extend("examples" = [{"GRANT_SUDO": "yes"}]))]
                pub env: Option<Environment>,
                /// What is mounted, as in `container_spec`; merged by target.
                #[schemars(extend("examples" = [["data:/data:ro"], [{"type": "tmpfs", "target": "/scratch", "tmpfs_size": "64M"}]]))]
                pub mounts: Option<Vec<MountEntry>>,
                /// The user that the server runs as, as in `container_spec`.
                #[schemars(extend("examples" = ["1000:100", "root"]))]
                pub user: Option<Id>,
                /// The uid and gid that the server runs as, as in `container_spec`.
                #[schemars(extend("examples" = ["1000:100", 1000]))]
                pub uid_gid: Option<Id>,
                /// The working directory, as in `container_spec`.
                #[schemars(extend("examples" = ["/home/jovyan"]))]
                pub workdir: Option<String>,
                /// Swarm secrets shown as files, as in `container_spec`; merged by file.
                #[schemars(extend("examples" = [["database_password"]]))]
                pub secrets: Option<Vec<SecretEntry>>,
            }
        }
    };
}

with_service_keys! {
    /// A swarmgen config: what JupyterHub's users get on a Docker Swarm. Strings are templates: `{name}` inserts a
    /// user's attribute.
    /// Every key may be absent: a list or table is then empty, and anything else that has no default is the image's or the
    /// engine's own.
    #[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    pub struct Config {
        /// The editor's pointer at this schema (JSON and YAML); swarmgen ignores it. Absent: the editor's own settings.
        #[serde(rename = "$schema")]
        #[schemars(extend("examples" = ["./schema/config.schema.json"]))]
        pub schema: Option<String>,
        /// The version of the config language.
        #[schemars(extend("enum" = [1], "default" = 1, "examples" = [1]))]
        pub version: Option<u8>,
        /// The name under which this config's services are known on the swarm. Absent: `service_prefix`.
        #[schemars(length(min = 1), extend("examples" = ["physics"]))]
        pub deployment: Option<String>,
        /// The hub's service on the swarm. Absent: the servers run without a hub.
        #[schemars(length(min = 1), extend("examples" = ["jupyterhub"]))]
        pub jupyterhub_service_name: Option<String>,
        /// What the services' names start with.
        #[schemars(length(min = 1), extend("default" = "jupyter", "examples" = ["jupyter"]))]
        pub service_prefix: Option<String>,
        /// The port that servers listen on; `{port}` inserts it.
        #[schemars(extend("default" = 8888, "examples" = [8888]))]
        pub service_port: Option<Port>,
        /// The directory that a server starts in; `{notebook_dir}` inserts it. Absent: the image's.
        #[schemars(extend("examples" = ["/home/jovyan/work"]))]
        pub notebook_dir: Option<String>,
        /// The time that a server may take to start. Absent: the hub's.
        #[schemars(extend("examples" = ["5m", 300]))]
        pub start_timeout: Option<Duration>,
        /// The time that a started server may take to answer. Absent: the hub's.
        #[schemars(extend("examples" = ["30s"]))]
        pub http_timeout: Option<Duration>,
        /// What the spawner does where a server runs that the config would make otherwise now, and its user starts it again.
        #[schemars(extend("default" = "keep", "examples" = ["replace"]))]
        pub on_changed: Option<OnChanged>,
        /// Lets users choose among `images`; what `user_options.allow` lists is open either way.
        #[schemars(extend("default" = false, "examples" = [true]))]
        pub use_user_options: Option<bool>,
        /// Attributes of the hub's users that templates may name.
        #[schemars(extend("examples" = [["uid", "mount"]]))]
        pub user_format_attributes: Option<Vec<String>>,
        /// Environment variables that the config sets even where the hub sets them too.
        #[schemars(extend("examples" = [["JUPYTERHUB_SINGLEUSER_APP"]]))]
        pub env_override: Option<Vec<String>>,
        /// Names of attributes that are secret; `*` at the start stands for any beginning.
        #[schemars(extend(
            "default" = ["password", "id_rsa", "token", "*_password", "*_key", "*_token"],
            "examples" = [["password", "*_token"]]
        ))]
        pub secret_attributes: Option<Vec<String>>,
        /// Files that list further users: CSV, JSON, JSON Lines, YAML or TOML. Absent: only `users` lists any.
        #[schemars(extend("examples" = ["class.csv", ["class.csv", "staff.toml"]]))]
        pub users_file: Option<Texts>,
        /// How services are named after users.
        #[schemars(extend("examples" = [{"scheme": "slug"}]))]
        pub naming: Option<Naming>,
        /// The profiles that users choose from: images, each with what differs for it.
        #[schemars(extend("examples" = [[{"name": "Minimal Python", "image": "jupyter/base-notebook:lab-4.1.0"}]]))]
        pub images: Option<Vec<Profile>>,
        /// What requests may set.
        #[schemars(extend("examples" = [{"allow": {"resource_spec.mem_limit": {"max": "4G"}}}]))]
        pub user_options: Option<UserOptions>,
        /// The form that users fill in before their server starts.
        #[schemars(extend("examples" = [{"template": "form.html.j2"}]))]
        pub form: Option<Form>,
        /// Attributes of every user that sets none of its own.
        #[schemars(extend("examples" = [{"sshcmd": "{username}@storage.example.org:/home/{username}"}]))]
        pub user_defaults: Option<BTreeMap<String, AttributeValue>>,
        /// The users, by name.
        #[schemars(extend("examples" = [{"alice": {"groups": ["gpu"], "profile": "GPU"}}]))]
        pub users: Option<BTreeMap<String, User>>,
        /// Swarm configs that `apply` creates and renews, by name.
        #[schemars(extend("propertyNames" = {"maxLength": 64}, "examples" = [{"motd": {"content": "Welcome"}}]))]
        pub swarm_configs: Option<BTreeMap<String, SwarmConfig>>,
        /// Swarm secrets that `apply` creates and renews, by name.
        #[schemars(extend("propertyNames" = {"maxLength": 64}, "examples" = [{"database_password": {"env": "DATABASE_PASSWORD"}}]))]
        pub swarm_secrets: Option<BTreeMap<String, SecretRef>>,
        /// The key that names of Swarm secrets are made with, so that they give nothing of the content away. Absent: the
        /// environment variable `SWARMGEN_KEY`.
        #[schemars(extend("examples" = [{"file": "swarmgen.key"}]))]
        pub key: Option<SecretRef>,
        /// The levels of rules that are judgements, by their names.
        #[schemars(extend("examples" = [{"floating-tag": "allow"}]))]
        pub lints: Option<BTreeMap<String, Level>>,
        /// Lets users upload files that list packages to install.
        #[schemars(extend("default" = false, "examples" = [true]))]
        pub enable_user_upload_install_files: Option<bool>,
        /// Extensions that uploaded files may have, each with its dot.
        #[schemars(
            inner(pattern("^[.]")),
            extend("default" = [".txt"], "examples" = [[".txt", ".yml"]])
        )]
        pub allowed_user_upload_extensions: Option<Vec<String>>,
        /// The directory in the container where uploaded files appear.
        #[schemars(extend("default" = "/user-installs", "examples" = ["/user-installs"]))]
        pub user_upload_destination_directory: Option<String>,
    }
}

with_layer_keys! {
    /// A profile, which users choose by its name: an image, and what differs for it.
    #[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    pub struct Profile {
        /// The profile's name, as users see it.
        #[schemars(length(min = 1), extend("examples" = ["Minimal Python"]))]
        pub name: String,
        /// The image. Absent: `container_spec.image`.
        #[schemars(length(min = 1), extend("examples" = ["jupyter/base-notebook:lab-4.1.0"]))]
        pub image: Option<String>,
        /// A few words for those who choose. Absent: the name alone.
        #[schemars(extend("examples" = ["Python with the usual packages"]))]
        pub description: Option<String>,
        /// Who may use it: names of users and `group:NAME`, or a file that lists them. Absent: everybody.
        #[schemars(extend("examples" = [["alice", "group:gpu"], {"file": "gpu-users.txt"}]))]
        pub access: Option<Access>,
    }
}

with_layer_keys! {
    /// What differs for one user.
    #[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    pub struct Overrides {
        /// The image, in place of the profile's. Absent: the profile's.
        #[schemars(length(min = 1), extend("examples" = ["jupyter/base-notebook:lab-4.1.0"]))]
        pub image: Option<String>,
    }
}

/// How a layer's tables combine with those before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Merge {
    /// Key by key.
    Deep,
}

/// Who may use a profile: a list, or a table that names a file.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Access {
    /// Names of users and `group:NAME`.
    List(Vec<String>),
    /// A file with one of them a line.
    File(AccessFile),
}

/// A file that lists who may use a profile.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessFile {
    /// The file: a name of a user or `group:NAME` on each line.
    #[schemars(length(min = 1), extend("examples" = ["gpu-users.txt"]))]
    pub file: String,
}

/// The content of a Swarm config: exactly one of the keys.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub struct SwarmConfig {
    /// A file with the content. Relative paths start at the config's directory. Absent: `content`.
    #[schemars(extend("examples" = ["motd.txt"]))]
    pub file: Option<String>,
    /// The content itself. Absent: `file`.
    #[schemars(extend("examples" = ["Welcome"]))]
    pub content: Option<String>,
}

/// What becomes of a running server that the config would make otherwise now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnChanged {
    /// It stays as it is until it is stopped.
    Keep,
    /// It is replaced.
    Replace,
}

/// The form that users fill in before their server starts.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Form {
    /// A MiniJinja template that makes the form's HTML. Relative paths start at the config's directory. Absent: swarmgen's
    /// own form.
    #[schemars(length(min = 1), extend("examples" = ["form.html.j2"]))]
    pub template: Option<String>,
}

/// The level of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// It says nothing.
    Allow,
    /// It says a warning.
    Warn,
    /// It says an error.
    Deny,
}
