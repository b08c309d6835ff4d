//! Arguments about the servers of users.

use std::path::PathBuf;

use clap_complete::engine::ArgValueCompleter;

use super::super::complete;

/// What decides a user's server besides the config.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct ServerArgs {
    /// The profile, whatever the config or the request would choose
    #[arg(short, long, value_name = "NAME", add = ArgValueCompleter::new(complete::profiles))]
    pub(crate) profile: Option<String>,
    /// A named server instead of the default one
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    pub(crate) server: String,
    /// Set an attribute for templates, as literal text
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub(crate) set: Vec<String>,
    /// The hub's environment for the server: a JSON, YAML or TOML table, or NAME=VALUE lines (.env)
    #[arg(long, value_name = "FILE")]
    pub(crate) hub_env: Option<PathBuf>,
    /// The user's own request, as a hub would pass it on (JSON, YAML or TOML)
    #[arg(long, value_name = "FILE")]
    pub(crate) user_options: Option<PathBuf>,
}
