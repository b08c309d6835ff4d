//! Arguments of `spawner`.

use clap::ValueEnum;

use super::live::EngineArgs;

/// Arguments of `spawner`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  swarmgen spawner settings
  swarmgen spawner poll -c /etc/jupyterhub/swarmgen.toml -H unix:///var/run/docker.sock")]
pub(crate) struct Spawner {
    /// What is asked. The request is a JSON object on a line of standard input, the answers are JSON objects, one a line, on
    /// standard output: docs/spawner-protocol.md
    #[arg(value_enum)]
    pub(crate) command: SpawnerCommand,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
}

/// What a hub asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SpawnerCommand {
    /// What a hub must know of the config
    Settings,
    /// What a user may choose, or what a filled-in form means
    Form,
    /// For a server, and waits until it listens
    Start,
    /// Whether it runs, and where
    Poll,
    /// For its end
    Stop,
}
