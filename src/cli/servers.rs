//! The servers that are wanted on the swarm: resolved all at once, before anything is compared or sent.

use std::ops::ControlFlow;

use crate::diag::{Diagnostic, Diagnostics, code};
use crate::resolve::everybody::in_order;
use crate::resolve::object::{self, Object};
use crate::resolve::{Compiler, Request, Server};

use super::asked::Asked;

/// The wanted servers, and the Swarm configs and secrets that they may refer to.
pub(super) struct Servers<'c> {
    /// The servers, in the roster's order; they name Swarm configs and secrets as the swarm does.
    pub(super) servers: Vec<Server<'c>>,
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
    let servers = match user {
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
    Some(bound(servers, objects?))
}

/// Lets servers name the declared Swarm configs and secrets as the swarm does.
pub(super) fn bound(mut servers: Vec<Server<'_>>, objects: Vec<Object>) -> Servers<'_> {
    if !objects.is_empty() {
        servers.iter_mut().for_each(|server| object::bind(&mut server.service, &objects));
    }
    Servers { servers, objects }
}

fn all<'c>(compiler: &'c Compiler<'c>, request: &Request<'_>, diagnostics: &mut Diagnostics) -> Vec<Server<'c>> {
    let mut servers = Vec::with_capacity(compiler.roster.len());
    in_order(
        compiler.roster.len(),
        |range| {
            let mut found = Diagnostics::new();
            let resolve = |index| compiler.resolve(&compiler.roster.user(index), request, &mut found);
            (range.filter_map(resolve).collect::<Vec<_>>(), found)
        },
        |(some, found)| {
            servers.extend(some);
            diagnostics.merge(found);
            ControlFlow::Continue(())
        },
    );
    servers
}
