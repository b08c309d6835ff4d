//! The servers that are wanted on the swarm: resolved all at once, before anything is compared or sent.

use std::ops::ControlFlow;

use anyhow::anyhow;

use crate::diag::{Counts, Diagnostic, Diagnostics, Severity, code};
use crate::resolve::everybody::in_order;
use crate::resolve::ledger::{Claims, Ledger};
use crate::resolve::object::{self, Object};
use crate::resolve::{Compiler, Request, Server};
use crate::source::{Disk, SourceMap};

use super::args::Global;
use super::args::live::Wanted;
use super::asked::Asked;
use super::config;
use super::error::Failure;
use super::ui::Ui;

/// The wanted servers, and the Swarm configs and secrets that they may refer to.
pub(super) struct Servers<'c> {
    /// The servers, in the roster's order; they name Swarm configs and secrets as the swarm does.
    pub(super) servers: Vec<Server<'c>>,
    /// The name of all these servers; empty for the default ones.
    pub(super) name: String,
    /// What the config declares.
    pub(super) objects: Vec<Object>,
}

/// Resolves the servers of one user or of all; `None` means that errors were found.
pub(super) fn wanted<'c>(
    compiler: &'c Compiler<'c>,
    asked: &Asked<'_>,
    user: Option<&str>,
    diagnostics: &mut Diagnostics,
) -> Option<Servers<'c>> {
    if let (Some(hub), false) = (&compiler.settings.hub, asked.has_hub_env()) {
        let message = format!("the hub `{hub}` starts these servers, each with a token of its own");
        diagnostics.push(
            Diagnostic::new(&code::HUB_SERVERS, message)
                .maybe_at(compiler.settings.hub_span, "the hub")
                .help("start them in the hub; or give the environment that it would, with `--hub-env FILE`"),
        );
        return None;
    }
    let request = asked.request(None);
    let objects = compiler.objects(diagnostics);
    let servers: Vec<Server<'c>> = match user {
        Some(name) => {
            let user = compiler.user(name, diagnostics)?;
            compiler.check_owner(&user, diagnostics);
            compiler.resolve(&user, &request, diagnostics).into_iter().collect()
        }
        None => {
            compiler.check_owners(diagnostics);
            all(compiler, &request, diagnostics)
        }
    };
    if diagnostics.has_errors() {
        return None;
    }
    let (mut servers, objects) = (servers, objects?);
    if !objects.is_empty() {
        servers.iter_mut().for_each(|server: &mut Server<'_>| object::bind(&mut server.service, &objects));
    }
    Some(Servers { servers, name: request.server_name.to_owned(), objects })
}

fn all<'c>(compiler: &'c Compiler<'c>, request: &Request<'_>, diagnostics: &mut Diagnostics) -> Vec<Server<'c>> {
    let mut servers = Vec::with_capacity(compiler.roster.len());
    let resolve = |index, found: &mut _| compiler.resolve(&compiler.roster.user(index), request, found);
    let mut ledger = Ledger::new(compiler, |index| resolve(index, &mut Diagnostics::new()).into_iter().collect());
    in_order(
        compiler.roster.len(),
        |range| {
            let (mut found, mut claims) = (Diagnostics::new(), Claims::default());
            let resolved = range.filter_map(|index| {
                let server = resolve(index, &mut found)?;
                claims.add(compiler, index, &server);
                Some(server)
            });
            (resolved.collect::<Vec<_>>(), found, claims)
        },
        |(some, found, claims)| {
            servers.extend(some);
            diagnostics.merge(found);
            ledger.join(claims, diagnostics);
            ControlFlow::Continue(())
        },
    );
    ledger.finish(diagnostics);
    servers
}

/// Loads the config, resolves the servers that are wanted of it, and does something with them.
///
/// Where there are errors, what was found is shown here. Otherwise it is handed on with the servers, so that one report holds
/// it together with what is found on the swarm.
pub(super) fn with<T>(
    wanted: &Wanted,
    global: &Global,
    sources: &SourceMap,
    ui: &Ui,
    work: impl FnOnce(&Compiler<'_>, &Servers<'_>, Diagnostics) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let mut diagnostics = Diagnostics::new();
    let compiler = config::inputs(global, &[], &mut diagnostics)
        .and_then(|inputs| Compiler::load(&inputs, &Disk, sources, &mut diagnostics));
    let asked = Asked::read(&wanted.server, sources, &mut diagnostics);
    let servers = match (&compiler, &asked) {
        (Some(compiler), Some(asked)) if !diagnostics.has_errors() => {
            compiler.check_config(&mut diagnostics);
            self::wanted(compiler, asked, wanted.user.as_deref(), &mut diagnostics)
        }
        _ => None,
    };
    if let Some(compiler) = compiler.as_ref().filter(|_| !diagnostics.is_empty()) {
        compiler.mark_secrets();
    }
    match (&compiler, servers) {
        (Some(compiler), Some(servers)) if !diagnostics.has_errors() => {
            let nothing = servers.servers.is_empty() && wanted.prune && !wanted.allow_empty;
            if nothing {
                let message = "the config wants no servers, and `--prune` would remove all that there are: \
                               add `--allow-empty` if that is meant";
                ui.report_from(Severity::Warning, &diagnostics, sources);
                return Err(Failure::Other(anyhow!(message)));
            }
            work(compiler, &servers, diagnostics)
        }
        _ => {
            ui.report_from(Severity::Warning, &diagnostics, sources);
            let counts = Counts { notes: 0, ..diagnostics.counts() };
            if counts != Counts::default() {
                ui.note(&counts.to_string());
            }
            Err(Failure::Input)
        }
    }
}
