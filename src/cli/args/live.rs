//! Arguments of the commands that talk to an engine.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use clap_complete::engine::ArgValueCompleter;

use super::super::complete;
use super::server::ServerArgs;
use super::timeout;

/// How many contents of a Swarm config or secret stay, unless `--keep` says.
pub(crate) const KEPT: u16 = 3;

/// Which engine, found as the docker CLI finds it.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Engine")]
pub(crate) struct EngineArgs {
    /// The engine, as `unix://`, `tcp://` or `ssh://` [default: DOCKER_HOST, else the docker context]
    #[arg(short = 'H', long, value_name = "URL", conflicts_with = "context")]
    pub(crate) host: Option<String>,
    /// The docker context that names the engine [default: DOCKER_CONTEXT, else the current one]
    #[arg(long, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// How long the engine may take to answer, such as 90s or 2m
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = timeout)]
    pub(crate) engine_timeout: Duration,
}

impl Default for EngineArgs {
    fn default() -> Self {
        Self { host: None, context: None, engine_timeout: Duration::from_secs(60) }
    }
}

/// What is compared with the swarm.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Wanted {
    /// Only this user's servers [default: those of all users that the config lists]
    #[arg(short, long, value_name = "NAME", add = ArgValueCompleter::new(complete::users))]
    pub(crate) user: Option<String>,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    /// Remove what `apply` made and the config wants no more
    #[arg(long)]
    pub(crate) prune: bool,
    /// Let `--prune` remove everything where the config wants nothing
    #[arg(long, requires = "prune")]
    pub(crate) allow_empty: bool,
    /// Make services ours that the old spawner or a stack made for the same users
    #[arg(long)]
    pub(crate) take_over: bool,
    /// Replace sshfs and autoremove volumes of this engine's node whose options differ; the latter lose their data
    #[arg(long)]
    pub(crate) replace_volumes: bool,
    /// When to ask registries which image a tag stands for
    #[arg(long, value_enum, default_value_t = ResolveImage::Changed, value_name = "WHEN")]
    pub(crate) resolve_image: ResolveImage,
    /// How many contents of a Swarm config or secret stay on the swarm, the newest ones
    #[arg(long, value_name = "N", default_value_t = KEPT, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) keep: u16,
}

/// When registries are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ResolveImage {
    /// For services that are new or whose image is another
    Changed,
    /// For all
    Always,
    /// For none
    Never,
}

/// Arguments of `plan`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  swarmgen plan
  swarmgen plan --prune -o plan.json
  swarmgen plan --user alice --format json

Exit code: 0 nothing to do; 3 there are changes; 1 wrong input, or a conflict; 5 no usable engine.")]
pub(crate) struct Plan {
    #[command(flatten)]
    pub(crate) wanted: Wanted,
    /// How to write the plan
    #[arg(short, long, value_enum, default_value_t = PlanFormat::Human, value_name = "FORMAT")]
    pub(crate) format: PlanFormat,
    /// Save the plan for `apply FILE`; it holds no secrets
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
}

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PlanFormat {
    /// For people
    Human,
    /// A JSON document
    Json,
}

/// Arguments of `apply`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  swarmgen apply
  swarmgen apply --prune --yes --timeout 10m
  swarmgen apply plan.json

Exit code: 0 done, and all servers run; 1 wrong input, or a stale plan; 4 some servers do not run; 5 no usable engine.")]
pub(crate) struct Apply {
    /// A plan that `plan -o` saved: exactly this is done, without asking, or nothing
    #[arg(value_name = "PLAN", conflicts_with_all = ["user", "prune", "take_over", "replace_volumes", "set", "hub_env", "user_options", "profile", "server", "allow_empty", "resolve_image", "keep"])]
    pub(crate) plan: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) wanted: Wanted,
    /// Do not ask before services are removed, replaced or taken over
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// How long each server may take until it runs, such as 90s or 10m [default: `start_timeout`]
    #[arg(long, value_name = "TIME", value_parser = timeout)]
    pub(crate) timeout: Option<Duration>,
    /// How long a server must run to count as started
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = timeout)]
    pub(crate) stable_for: Duration,
    /// How many requests are made at once
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=512))]
    pub(crate) parallelism: u16,
    /// Do not wait until the servers run
    #[arg(short, long, conflicts_with = "rollback")]
    pub(crate) detach: bool,
    /// Undo what this run changed if it fails
    #[arg(long)]
    pub(crate) rollback: bool,
    /// How to show what happens
    #[arg(long, value_enum, default_value_t = Progress::Auto, value_name = "HOW")]
    pub(crate) progress: Progress,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
}

/// How it is shown what happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Progress {
    /// Bars on a terminal, else lines
    Auto,
    /// Bars
    Bars,
    /// A line for each event
    Plain,
    /// A JSON object for each event, on standard output
    Json,
    /// Only the outcome
    None,
}

/// Arguments of `destroy`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  swarmgen destroy --user bob
  swarmgen destroy --user bob --server thesis
  swarmgen destroy --all --yes

Volumes are removed only where they are labelled `autoremove`.")]
#[command(group(clap::ArgGroup::new("whose").required(true).args(["user", "all"])))]
pub(crate) struct Destroy {
    /// The user whose servers to remove
    #[arg(short, long, value_name = "NAME", add = ArgValueCompleter::new(complete::users))]
    pub(crate) user: Option<String>,
    /// Only this server; empty for the default one
    #[arg(long, value_name = "NAME", requires = "user")]
    pub(crate) server: Option<String>,
    /// Remove all servers of the deployment, and its Swarm configs and secrets
    #[arg(long)]
    pub(crate) all: bool,
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// How many requests are made at once
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=512))]
    pub(crate) parallelism: u16,
    /// How to show what happens
    #[arg(long, value_enum, default_value_t = Progress::Auto, value_name = "HOW")]
    pub(crate) progress: Progress,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
}

/// Arguments of `status`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  swarmgen status
  swarmgen status --user alice --format json
  swarmgen status --watch")]
pub(crate) struct Status {
    /// Only this user's servers
    #[arg(short, long, value_name = "NAME", add = ArgValueCompleter::new(complete::users))]
    pub(crate) user: Option<String>,
    /// How to write it
    #[arg(short, long, value_enum, default_value_t = PlanFormat::Human, value_name = "FORMAT")]
    pub(crate) format: PlanFormat,
    /// Show it again every 2 seconds, until interrupted, which ends with exit code 0
    #[arg(short, long)]
    pub(crate) watch: bool,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
}

/// Arguments of `report`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  swarmgen report -o physics.html
  swarmgen report -H ssh://manager.example.org -o /srv/www/physics.html

The page needs no other file and runs no script; it names users and holds no secrets.
Exit code: 0 the page is written, whatever it shows; 1 the config cannot be read; 5 no usable engine.")]
pub(crate) struct Report {
    /// Where to write it [default: standard output, unless that is a terminal]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
}
