//! SG254 not-per-user and SG255 shared-alias.
//!
//! Of listed users, the ledger of `resolve` knows who shares what with whom. Where none are listed, or one beside those whom
//! a hub knows, only what stands in the config is known, which is the same for everybody.

use super::ServerView;
use crate::diag::{Code, Diagnostic, code};
use crate::ir::{Endpoint, Network, Port, Service};
use crate::source::{Node, Span};

/// What only one server of a swarm, or of a network, can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unique<'s> {
    /// A port of the routing mesh, with its protocol.
    Port(u16, &'s str),
    /// A network, and an alias on it.
    Alias(&'s str, &'s str),
    /// A network, and a host name, which is one on it too.
    Hostname(&'s str, &'s str),
}

/// A thing that only one server can have, and where the config says so.
#[derive(Clone, Copy, Debug)]
pub struct Demand<'s> {
    /// The thing.
    pub what: Unique<'s>,
    /// What says so.
    pub node: &'s Node,
    /// What names the network that it is on.
    network: Option<&'s Node>,
}

/// Finds published ports that the servers of all users would have.
pub(super) fn check(view: &ServerView<'_>) -> Vec<Diagnostic> {
    for_all(view, &code::NOT_PER_USER)
}

/// Finds aliases and host names that the servers of all users would have.
pub(super) fn check_aliases(view: &ServerView<'_>) -> Vec<Diagnostic> {
    for_all(view, &code::SHARED_ALIAS)
}

fn for_all(view: &ServerView<'_>, code: &Code) -> Vec<Diagnostic> {
    if !view.others || view.lone {
        return Vec::new();
    }
    let varies = |node: &Node| node.as_str().is_some() && (view.varies)(node);
    let all = demands(view.service, view.spec).into_iter().filter(|demand| demand.what.code() == code);
    let for_all = all.filter(|demand| !varies(demand.node) && !demand.network.is_some_and(varies));
    for_all.map(|demand| shared(demand.what, demand.node.span)).collect()
}

impl<'s> Unique<'s> {
    fn code(self) -> &'static Code {
        match self {
            Self::Port(..) => &code::NOT_PER_USER,
            Self::Alias(..) | Self::Hostname(..) => &code::SHARED_ALIAS,
        }
    }

    /// The network and the name on it.
    pub fn name(self) -> Option<(&'s str, &'s str)> {
        match self {
            Self::Port(..) => None,
            Self::Alias(network, name) | Self::Hostname(network, name) => Some((network, name)),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Port(..) => "port",
            Self::Alias(..) => "alias",
            Self::Hostname(..) => "host name",
        }
    }
}

/// What a server demands that only one can have.
pub fn demands<'s>(service: &'s Service, spec: &'s Node) -> Vec<Demand<'s>> {
    let mut demands = Vec::new();
    let Endpoint { mode: _, ports } = &service.endpoint;
    let nodes = spec.get("endpoint_spec").and_then(|endpoint| endpoint.get("ports")).and_then(Node::as_seq);
    for (Port { protocol, target: _, published, mode }, node) in ports.iter().zip(nodes.unwrap_or_default()) {
        if let (Some(published), "ingress") = (published, &**mode) {
            let node = node.get("published").unwrap_or(node);
            demands.push(Demand { what: Unique::Port(*published, protocol), node, network: None });
        }
    }
    let hostname = spec.get("container_spec").and_then(|container| container.get("hostname"));
    let hostname = service.container.hostname.as_ref().zip(hostname);
    // Of a template of its own, Swarm makes another text for each service or node.
    let hostname = hostname.filter(|(name, _)| !name.expose().is_empty() && !name.expose().contains("{{"));
    let nodes = spec.get("networks").and_then(Node::as_seq).unwrap_or_default();
    for (Network { target, aliases, driver_opts: _ }, node) in service.networks.iter().zip(nodes) {
        let (network, nodes) = (node.get("target"), node.get("aliases").and_then(Node::as_seq).unwrap_or_default());
        for (alias, node) in aliases.iter().zip(nodes) {
            demands.push(Demand { what: Unique::Alias(target.expose(), alias.expose()), node, network });
        }
        if let Some((name, node)) = hostname {
            demands.push(Demand { what: Unique::Hostname(target.expose(), name.expose()), node, network });
        }
    }
    demands
}

/// Several users' servers have what only one can have.
pub fn shared(what: Unique<'_>, span: Span) -> Diagnostic {
    let new = |message| Diagnostic::new(what.code(), message).at(span, "the same for several users");
    match what {
        Unique::Port(..) => new("several users' servers would publish this port")
            .note("the engine refuses all of them but the first")
            .help("give each user a port by an attribute, or leave it out: the engine chooses one"),
        Unique::Alias(..) => new("several users' servers would have this alias")
            .note("whoever asks for it reaches now one user's server, now another's")
            .help("put `{name}` into the alias, or leave it out: each service has a name of its own"),
        Unique::Hostname(..) => new("several users' servers would have this host name")
            .note("whoever asks for it reaches now one user's server, now another's")
            .help("put `{name}` into the host name, or leave it out: then it is the container's id"),
    }
}

/// A server has the name of another user's service on its network, which the engine's DNS then gives the addresses of both.
pub fn taken(what: Unique<'_>, span: Span) -> Diagnostic {
    Diagnostic::new(&code::NOT_PER_USER, format!("this {} is the name of another user's service", what.word()))
        .at(span, "")
        .note("whoever asks for that service, as a hub does, reaches now the one server, now the other")
        .help("put `{name}` into it, or leave it out: each service has a name of its own")
}

/// Several users may write to a volume that is meant for one.
pub fn shared_volume(span: Span) -> Diagnostic {
    Diagnostic::new(&code::NOT_PER_USER, "several users would share this volume and may all write to it")
        .at(span, "meant for one user, and the same for several")
        .help("put `{name}` into the name as it is, or set `read_only = true`")
}
