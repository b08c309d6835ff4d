//! The deployment as one page, for people who would rather look than read.
//!
//! ```text
//! config + swarm + findings + plan --Report::of--> Report --page--> HTML (templates/report.html)
//! ```
//!
//! Nothing of a user but name, groups and profile is in it: attributes are the user's own. The engine's words come without
//! secrets from whoever asked it.

mod node;
mod page;
mod profile;
mod user;

use serde::Serialize;

use super::graph::Plan;
use super::observed::{ObservedState, ObservedTask};
use super::show;
use super::show::human::{self, Parts};
use super::status::{ServerState, ServerStatus};
use crate::diag::render::notes_text;
use crate::diag::{Counts, Diagnostic, Diagnostics, Severity};
use crate::resolve::Compiler;
use crate::source::SourceMap;

use node::NodeView;
use profile::ProfileView;
use user::UserView;

pub use page::render;

/// What a report is made of.
pub struct Material<'a> {
    /// The config.
    pub compiler: &'a Compiler<'a>,
    /// The swarm.
    pub state: &'a ObservedState,
    /// The tasks of all services, also of others': what nodes set aside is known by them.
    pub tasks: &'a [ObservedTask],
    /// The deployment's servers, sorted.
    pub servers: &'a [ServerStatus],
    /// What was found in the config and on the swarm.
    pub findings: &'a Diagnostics,
    /// How config and swarm differ, or why that is not known.
    pub differences: Result<&'a Plan, &'static str>,
    /// When the swarm was read.
    pub made: String,
    /// Tells how long ago a time of the engine's was.
    pub age: &'a dyn Fn(&str) -> String,
}

/// A deployment, as its page shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    deployment: String,
    made: String,
    version: &'static str,
    /// The SHA-256 of the config's texts.
    digest: String,
    summary: Summary,
    problems: Vec<Problem>,
    servers: Servers,
    differences: Differences,
    nodes: Vec<NodeView>,
    profiles: Vec<ProfileView>,
    users: Vec<UserView>,
    /// Whether the config lists any users.
    lists_users: bool,
}

/// How many there are of what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
struct Summary {
    running: usize,
    starting: usize,
    pending: usize,
    failing: usize,
    lost: usize,
    stopped: usize,
    /// Nodes that take tasks.
    ready: usize,
    /// Nodes that run and take no tasks.
    drained: usize,
    /// Nodes that are not there.
    away: usize,
    errors: usize,
    /// The errors and warnings in words.
    found: String,
}

/// A finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Problem {
    severity: &'static str,
    code: &'static str,
    name: &'static str,
    message: String,
    /// `file:line:column`; absent where no text is to blame.
    place: Option<String>,
    /// What to do.
    help: Vec<String>,
    /// What explains it, and whom it concerns.
    notes: Vec<String>,
}

/// The servers, those first that do not run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Servers {
    waiting: Vec<ServerView>,
    running: Vec<ServerView>,
}

/// A server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct ServerView {
    user: String,
    server: String,
    service: String,
    profile: String,
    state: &'static str,
    node: String,
    age: String,
    error: String,
}

/// What differs between the config and the swarm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Differences {
    /// Why nothing was compared.
    reason: Option<&'static str>,
    counts: String,
    #[serde(flatten)]
    parts: Parts,
}

impl Report {
    /// Puts together what the page shows.
    pub fn of(material: &Material<'_>) -> Self {
        let Material { compiler, state, tasks, servers, findings, differences, made, age } = material;
        let deployment = &*compiler.settings.deployment;
        let nodes = node::views(state, tasks, deployment);
        let mut found = findings.sorted();
        found.retain(|finding| finding.severity <= Severity::Warning);
        // Stable: errors first, each kind in the order of its places.
        found.sort_by_key(|finding| finding.severity);
        let (running, mut waiting): (Vec<_>, Vec<_>) =
            servers.iter().partition(|server| server.state == ServerState::Running);
        // Stable: of one state, they are in the order of their users.
        waiting.sort_by_key(|server| urgency(server.state));
        let views = |servers: Vec<&ServerStatus>| servers.into_iter().map(|server| view(server, age)).collect();
        Self {
            deployment: deployment.to_owned(),
            made: made.clone(),
            version: env!("CARGO_PKG_VERSION"),
            digest: compiler.digest.clone(),
            summary: summary(servers, &nodes, findings),
            problems: found.into_iter().map(|finding| problem(finding, compiler.sources())).collect(),
            servers: Servers { waiting: views(waiting), running: views(running) },
            differences: differences_of(differences),
            nodes,
            profiles: profile::views(compiler, servers),
            users: user::views(compiler, servers),
            lists_users: !compiler.roster.is_empty(),
        }
    }
}

/// What wants a person comes first.
fn urgency(state: ServerState) -> u8 {
    match state {
        ServerState::Failing => 0,
        ServerState::Lost => 1,
        ServerState::Pending => 2,
        ServerState::Stopped => 3,
        ServerState::Starting => 4,
        ServerState::Running => 5,
    }
}

fn view(server: &ServerStatus, age: &dyn Fn(&str) -> String) -> ServerView {
    let ServerStatus { user, server: name, profile, service, made_by: _, state, task: _, node, since, error } = server;
    ServerView {
        user: user.clone(),
        server: name.clone(),
        service: service.clone(),
        profile: profile.clone(),
        state: state.word(),
        node: node.clone(),
        age: age(since),
        error: error.clone(),
    }
}

fn summary(servers: &[ServerStatus], nodes: &[NodeView], findings: &Diagnostics) -> Summary {
    let in_state = |state| servers.iter().filter(|server| server.state == state).count();
    let ready = nodes.iter().filter(|node| node.is_there() && node.takes_tasks()).count();
    let drained = nodes.iter().filter(|node| node.is_there() && !node.takes_tasks()).count();
    let counts = findings.counts();
    Summary {
        running: in_state(ServerState::Running),
        starting: in_state(ServerState::Starting),
        pending: in_state(ServerState::Pending),
        failing: in_state(ServerState::Failing),
        lost: in_state(ServerState::Lost),
        stopped: in_state(ServerState::Stopped),
        ready,
        drained,
        away: nodes.len() - ready - drained,
        errors: counts.errors,
        found: Counts { notes: 0, ..counts }.to_string(),
    }
}

fn problem(finding: &Diagnostic, sources: &SourceMap) -> Problem {
    let place = finding.primary().map(|label| {
        let at = sources.position(label.span);
        format!("{}:{}:{}", sources.get(label.span.source).name(), at.line, at.column)
    });
    let lines = notes_text(finding, sources);
    let those = |start: &str| lines.iter().filter_map(|line| line.strip_prefix(start)).map(str::to_owned).collect();
    Problem {
        severity: finding.severity.word(),
        code: finding.code.id,
        name: finding.code.name,
        message: finding.message.clone(),
        place,
        help: those("help: "),
        notes: those("note: "),
    }
}

fn differences_of(differences: &Result<&Plan, &'static str>) -> Differences {
    match differences {
        Ok(plan) => Differences { reason: None, counts: show::Counts::of(plan).to_string(), parts: human::parts(plan) },
        Err(reason) => Differences { reason: Some(reason), counts: String::new(), parts: Parts::default() },
    }
}

#[cfg(test)]
mod tests;
