//! The arguments as clap reads them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use clap_complete::engine::ArgValueCompleter;

pub(super) mod live;
pub(super) mod server;
pub(super) mod spawner;

use super::complete;
use crate::check::level::{NameError, Subject};

/// Compiles a declarative config into the Docker Swarm services of JupyterHub's users.
#[derive(Debug, Parser)]
#[command(
    name = "swarmgen",
    version,
    max_term_width = 100,
    propagate_version = true,
    after_long_help = "\
Examples:
  swarmgen init
  swarmgen validate
  swarmgen render --user alice"
)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// Arguments of every command.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Global {
    /// The config; several are merged in their order [default: what SWARMGEN_CONFIG names, else
    /// swarmgen.{toml,yaml,yml,json}, else config.*]
    #[arg(short, long, global = true, value_name = "FILE")]
    pub(super) config: Vec<PathBuf>,
    /// A file of users besides those that the config names (CSV, JSON, JSON Lines, YAML, TOML, or a name a
    /// line; `-` is standard input)
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) users_file: Vec<PathBuf>,
    /// How diagnostics are written. `json`, `sarif` and `github` go to standard output with `validate`,
    /// `apply` and `destroy`, and to standard error with other commands
    #[arg(long, global = true, value_enum, default_value_t = MessageFormat::Human, value_name = "FORMAT")]
    pub(super) message_format: MessageFormat,
    /// Silence a rule, or all `warnings`; by name or code
    #[arg(short = 'A', long, global = true, value_name = "RULE", value_parser = subject, add = ArgValueCompleter::new(complete::rules))]
    pub(super) allow: Vec<Subject>,
    /// Make what a rule finds a warning
    #[arg(short = 'W', long, global = true, value_name = "RULE", value_parser = subject, add = ArgValueCompleter::new(complete::rules))]
    pub(super) warn: Vec<Subject>,
    /// Make what a rule finds an error, or what all `warnings` do
    #[arg(short = 'D', long, global = true, value_name = "RULE", value_parser = subject, add = ArgValueCompleter::new(complete::rules))]
    pub(super) deny: Vec<Subject>,
    /// When to use colour
    #[arg(long, global = true, value_enum, default_value_t = Colour::Auto, value_name = "WHEN")]
    pub(super) color: Colour,
    /// Show errors only
    #[arg(short, long, global = true)]
    pub(super) quiet: bool,
    /// Show more: `validate` the files that it reads, `render` notes too
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    pub(super) verbose: u8,
}

fn subject(name: &str) -> Result<Subject, String> {
    Subject::find(name).map_err(|error| match &error {
        NameError::Unknown { near: Some(near), .. } => format!("{error}; did you mean `{near}`?"),
        _ => error.to_string(),
    })
}

/// Swarm puts a stack's name before its services', and takes letters, digits and inner dashes and underscores in those.
fn stack(name: &str) -> Result<String, &'static str> {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(inner) {
        Ok(name.to_owned())
    } else {
        Err("a stack's name has letters, digits, `-` and `_`, and starts with a letter or digit")
    }
}

/// How diagnostics are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum MessageFormat {
    /// With the text at fault, underlined
    Human,
    /// A line each
    Short,
    /// A JSON document (schema/diagnostics.v1.schema.json)
    Json,
    /// A SARIF 2.1.0 log, for code scanners
    Sarif,
    /// A GitHub workflow command each
    Github,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Colour {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Write a commented starter config
    Init(Init),
    /// Check a config: its schema, its rules and, with users, each user's every allowed profile
    Validate(Validate),
    /// Write what would be deployed for one user or for all
    Render(Box<Render>),
    /// Show what differs between the config and the swarm, and what `apply` would do about it
    Plan(Box<live::Plan>),
    /// Bring the services onto the swarm and wait until they run
    Apply(Box<live::Apply>),
    /// Remove servers, and their volumes that are labelled `autoremove`
    Destroy(live::Destroy),
    /// Show the deployment's servers
    Status(live::Status),
    /// Write a page of the deployment: servers, nodes, profiles, users, problems
    Report(live::Report),
    /// Answer the hub's spawner, or another program that starts servers for users
    Spawner(spawner::Spawner),
    /// Turn a jupyterhub_config.py into a config: runs it with your python3, as JupyterHub would
    Import(Box<Import>),
    /// Explain a diagnostic's code or, with `--user`, where a value of the user's server comes from
    Explain(Explain),
    /// Print the config's JSON Schema
    Schema(Schema),
    /// Print what a shell needs to complete arguments and the config's users and profiles
    Completions(Completions),
    /// Print the manual page, or write one for each command
    Man(Manual),
}

/// Arguments of `init`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  swarmgen init
  swarmgen init lab.toml --force")]
pub(super) struct Init {
    /// Where to write it
    #[arg(default_value = "swarmgen.toml")]
    pub(super) path: PathBuf,
    /// Replace the file if it exists
    #[arg(long)]
    pub(super) force: bool,
}

/// Arguments of `validate`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  swarmgen validate
  swarmgen validate base.toml physics.yaml --users-file class.csv
  swarmgen validate --user alice -D warnings
  swarmgen validate --fix --diff
  swarmgen validate --cluster")]
pub(super) struct Validate {
    /// The config; the same as `-c`
    #[arg(value_name = "CONFIG")]
    pub(super) configs: Vec<PathBuf>,
    /// Only this user
    #[arg(short, long, value_name = "NAME", add = ArgValueCompleter::new(complete::users))]
    pub(super) user: Option<String>,
    /// Check names as parts of this stack
    #[arg(long, value_name = "NAME", value_parser = stack)]
    pub(super) stack: Option<String>,
    /// Mend in the config's files what has one safe mend; comments and formatting stay
    #[arg(long)]
    pub(super) fix: bool,
    /// Show what `--fix` would change; with `--fix`, what it changed
    #[arg(long)]
    pub(super) diff: bool,
    /// Look at the live swarm too: networks, configs, secrets, plugins, nodes, images, addresses, names
    #[arg(long, conflicts_with_all = ["fix", "diff"])]
    pub(super) cluster: bool,
    #[command(flatten)]
    pub(super) engine: live::EngineArgs,
}

/// Arguments of `explain`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  swarmgen explain SG202
  swarmgen explain floating-tag
  swarmgen explain --user alice container_spec.env.TZ
  swarmgen explain --user alice --profile GPU mounts:/data")]
pub(super) struct Explain {
    /// A code or a rule's name; with `--user`, a path such as `env.TZ`, `mounts:/data` or `networks.0`
    #[arg(value_name = "CODE|PATH", add = ArgValueCompleter::new(complete::codes))]
    pub(super) subject: String,
    /// The user whose server the path is about
    #[arg(short, long, value_name = "NAME", add = ArgValueCompleter::new(complete::users))]
    pub(super) user: Option<String>,
    /// The profile, whatever the config or the request would choose
    #[arg(short, long, value_name = "NAME", requires = "user", add = ArgValueCompleter::new(complete::profiles))]
    pub(super) profile: Option<String>,
    /// The user's own request, as a hub would pass it on (JSON, YAML or TOML)
    #[arg(long, value_name = "FILE", requires = "user")]
    pub(super) user_options: Option<PathBuf>,
}

/// Arguments of `schema`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  swarmgen schema -o config.schema.json")]
pub(super) struct Schema {
    /// Where to write it [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
}

/// Arguments of `completions`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  swarmgen completions bash
  swarmgen completions zsh")]
pub(super) struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub(super) shell: clap_complete::Shell,
}

/// Arguments of `man`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  swarmgen man
  swarmgen man -o man/man1")]
pub(super) struct Manual {
    /// A directory to write a page for each command to [default: swarmgen(1) to standard output]
    #[arg(short, long, value_name = "DIR")]
    pub(super) output: Option<PathBuf>,
}

/// Arguments of `render`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  swarmgen render --user alice
  swarmgen render --user alice --stack physics -o alice.yml
  swarmgen render --all --format service -o services/
  swarmgen render --user alice --format service --cluster
  swarmgen render --user alice --profile GPU --set course=physics --format cli
  swarmgen render --all --format template --template list.txt")]
#[command(group(clap::ArgGroup::new("who").required(true).args(["user", "all"])))]
pub(super) struct Render {
    /// The user whose server to render
    #[arg(short, long, value_name = "NAME", add = ArgValueCompleter::new(complete::users))]
    pub(super) user: Option<String>,
    /// Render the servers of all users that the config lists
    #[arg(long)]
    pub(super) all: bool,
    #[command(flatten)]
    pub(super) server: server::ServerArgs,
    /// What to write
    #[arg(short, long, value_enum, default_value_t = Format::Stack, value_name = "FORMAT")]
    pub(super) format: Format,
    /// The template of `--format template`, a MiniJinja file
    #[arg(long, value_name = "FILE", required_if_eq("format", "template"))]
    pub(super) template: Option<PathBuf>,
    /// The name that the stack will be deployed under, which counts towards the length of names
    #[arg(long, value_name = "NAME", value_parser = stack)]
    pub(super) stack: Option<String>,
    /// The ids of Swarm configs and secrets for `service`: a JSON, YAML or TOML table NAME = ID
    #[arg(long, value_name = "FILE")]
    pub(super) ids: Option<PathBuf>,
    /// Ask an engine for the ids; name declared Swarm configs and secrets as `apply` puts them on the swarm
    #[arg(long, conflicts_with = "ids")]
    pub(super) cluster: bool,
    /// The Engine API version that `service` and `cli` are for [default: the engine's with `--cluster`, else 1.41]
    #[arg(long, value_name = "VERSION")]
    pub(super) api: Option<String>,
    /// Where to write: a file or, with `--all`, a directory for a file per user [default: standard output]
    #[arg(short, long, value_name = "FILE|DIR")]
    pub(super) output: Option<PathBuf>,
    /// Write secrets also to a terminal or a pipe
    #[arg(long)]
    pub(super) show_secrets: bool,
    #[command(flatten)]
    pub(super) engine: live::EngineArgs,
}

impl Render {
    /// The file or directory to write to; `None` for standard output, which `-` stands for too.
    pub(super) fn output_path(&self) -> Option<&Path> {
        self.output.as_deref().filter(|path| *path != Path::new("-"))
    }
}

/// Arguments of `import`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  swarmgen import jupyterhub_config.py -o swarmgen.toml
  swarmgen import jupyterhub_config.py -o swarmgen.yaml
  swarmgen import /srv/jupyterhub/jupyterhub_config.py --python /opt/hub/bin/python3
  swarmgen import jupyterhub_config.py --check --user alice")]
pub(super) struct Import {
    /// The Python config. It is run: import only what you would start your hub with
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// Where to write the config [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// The config's syntax [default: that of the output's name, else TOML]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(super) format: Option<ImportForm>,
    /// Replace the file if it exists
    #[arg(long)]
    pub(super) force: bool,
    /// How to tell what became of each setting, on standard error
    #[arg(long, value_enum, default_value_t = ImportReport::Human, value_name = "FORMAT")]
    pub(super) report: ImportReport,
    /// The interpreter, best the hub's own [default: python3]
    #[arg(long, value_name = "PATH")]
    pub(super) python: Option<PathBuf>,
    /// How long the Python config may run, such as 90s or 2m
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = timeout)]
    pub(super) timeout: Duration,
    /// Write no config but the ServiceSpec of `--user`, to hold against `docker service inspect`
    #[arg(long, requires = "user")]
    pub(super) check: bool,
    /// The user of `--check`
    #[arg(short, long, value_name = "NAME", requires = "check")]
    pub(super) user: Option<String>,
    /// Set an attribute of the user for `--check`, as literal text
    #[arg(long = "set", value_name = "NAME=VALUE", requires = "check")]
    pub(super) set: Vec<String>,
    /// The hub's environment for `--check`, as `render` takes it
    #[arg(long, value_name = "FILE", requires = "check")]
    pub(super) hub_env: Option<PathBuf>,
    /// The ids of Swarm configs and secrets for `--check`, as `render` takes them
    #[arg(long, value_name = "FILE", requires = "check")]
    pub(super) ids: Option<PathBuf>,
    /// The Engine API version that `--check` is for
    #[arg(long, value_name = "VERSION", default_value = "1.41", requires = "check")]
    pub(super) api: String,
    /// Write the secrets of `--check` also to a terminal or a pipe
    #[arg(long, requires = "check")]
    pub(super) show_secrets: bool,
}

/// The syntaxes that `import` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ImportForm {
    /// TOML
    Toml,
    /// YAML
    Yaml,
}

/// How `import` reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ImportReport {
    /// A line for each setting that is not carried over as it stands
    Human,
    /// A JSON document
    Json,
}

/// Reads a number of seconds, minutes or milliseconds.
fn timeout(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = match unit {
        "ms" => Some(1),
        "" | "s" => Some(1000),
        "m" => Some(60_000),
        _ => None,
    };
    match (number.parse::<u32>(), unit) {
        (Ok(number), Some(unit)) if (1..=86_400_000).contains(&(u64::from(number) * unit)) => {
            Ok(Duration::from_millis(u64::from(number) * unit))
        }
        _ => Err("write it as 90s, 2m or 500ms, a day at most".to_owned()),
    }
}

/// What `render` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// A Compose file for `docker stack deploy`
    Stack,
    /// The JSON body of `POST /services/create`; with `--all` a line each
    Service,
    /// `docker service create` commands
    Cli,
    /// What your own template makes of it
    Template,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn every_command_has_examples_that_are_right() {
        Args::command().debug_assert();
        let command = Args::command();
        for one in std::iter::once(&command).chain(command.get_subcommands()) {
            let examples = one.get_after_long_help().map(ToString::to_string).unwrap_or_default();
            let lines = examples.lines().skip(1).map(str::trim).take_while(|line| !line.is_empty());
            let lines: Vec<&str> = lines.collect();
            assert!(examples.starts_with("Examples:\n") && !lines.is_empty(), "{}", one.get_name());
            for line in lines {
                let parsed = Args::try_parse_from(line.split_whitespace());
                assert!(parsed.is_ok(), "{line}: {}", parsed.err().map(|error| error.to_string()).unwrap_or_default());
                assert!(one.get_name() == "swarmgen" || line.contains(one.get_name()), "{line}");
            }
        }
    }
}
