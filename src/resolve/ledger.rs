//! Who claims what: the volumes, ports and aliases of all users' servers, so that no two get in each other's way.
//!
//! On a swarm a volume's name stands for one volume of a node, whoever's server names it. Of each claim only digests are
//! kept, so that a hundred thousand users' fit in little memory. Of two that clash, the servers are resolved again.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher as _, Hash as _, Hasher as _};
use std::sync::LazyLock;

use ahash::RandomState;

use crate::check::canonical::printable;
use crate::check::rules::not_per_user::{self, Unique, demands};
use crate::check::rules::{is_shared_sshfs, mount_nodes};
use crate::check::volume::{Definition, conflict, definitions};
use crate::diag::{Diagnostic, Diagnostics};
use crate::ir::{Driver, Text};
use crate::source::{Node, Span};

use super::{Compiler, Server};

/// What several servers claim.
#[derive(Debug, Default)]
pub struct Claims {
    list: Vec<Claim>,
    /// Whether a volume's name in the config is meant for one user, by its place: it is the same for all their servers.
    personal: HashMap<Span, bool, RandomState>,
}

/// What one server claims, without the words.
#[derive(Clone, Copy, Debug)]
struct Claim {
    /// What is claimed.
    key: u64,
    /// How it is defined.
    definition: u64,
    /// The user's index in the roster.
    user: u32,
    /// Whether nobody else may claim it, too.
    exclusive: bool,
}

/// What one server claims, in words.
struct Stake<'s> {
    what: What<'s>,
    /// Where the config says so.
    node: &'s Node,
    exclusive: bool,
}

#[derive(Clone, Copy)]
enum What<'s> {
    Volume(Definition<'s>),
    Unique(Unique<'s>),
}

/// The first claim of something.
struct First {
    definition: u64,
    user: u32,
    exclusive: bool,
    /// Whether another server of the same user defines it differently.
    mixed: bool,
}

/// The claims of several users' servers so far.
pub struct Ledger<'c, F> {
    compiler: &'c Compiler<'c>,
    /// The servers of a user, by the index in the roster.
    servers: F,
    known: HashMap<u64, First, RandomState>,
    /// By what is claimed and whether it is defined differently, what was told of it.
    told: HashMap<(u64, bool), Option<Diagnostic>>,
}

impl<'c, F: Fn(usize) -> Vec<Server<'c>>> Ledger<'c, F> {
    /// Makes one without claims; `servers` gives a user's servers once more.
    pub fn new(compiler: &'c Compiler<'c>, servers: F) -> Self {
        Self { compiler, servers, known: HashMap::default(), told: HashMap::new() }
    }

    /// Adds claims, in the roster's order, and tells which of them clash with other users'.
    pub fn join(&mut self, claims: Claims, diagnostics: &mut Diagnostics) {
        for claim in claims.list {
            let Claim { key, definition, user, exclusive } = claim;
            let first = match self.known.entry(key) {
                Entry::Vacant(vacant) => {
                    vacant.insert(First { definition, user, exclusive, mixed: false });
                    continue;
                }
                Entry::Occupied(first) => first.into_mut(),
            };
            first.exclusive |= exclusive;
            let differs = first.mixed || first.definition != definition;
            if first.user == user {
                first.mixed = differs;
            } else if differs || first.exclusive {
                let first = first.user;
                let told = self.told.entry((key, differs)).or_insert_with(|| {
                    tell(self.compiler, &(self.servers)(first as usize), &(self.servers)(user as usize), key)
                });
                if let Some(told) = told {
                    let told = told.clone().about(&self.compiler.roster.user(user as usize).name);
                    self.compiler.push(told, diagnostics);
                }
            }
        }
    }
}

/// What is wrong between two users' servers that claim one thing.
fn tell(compiler: &Compiler<'_>, firsts: &[Server<'_>], seconds: &[Server<'_>], key: u64) -> Option<Diagnostic> {
    let mut shared = None;
    for second in seconds {
        for own in stakes(second, |node| compiler.is_personal(node)).filter(|own| own.what.key() == key) {
            for first in firsts {
                for other in
                    stakes(first, |node| compiler.is_personal(node)).filter(|other| other.what.is_named_as(own.what))
                {
                    if let Some(finding) = own.conflict(&other) {
                        let is_told = |mount| {
                            compiler.viewed(&second.service, &second.spec, false, |view| is_shared_sshfs(view, mount))
                        };
                        // Whoever allows SG228, which tells of these, knows of it.
                        return (!own.mount().is_some_and(is_told))
                            .then(|| with_first(finding, "has the first definition", first));
                    }
                    if (own.exclusive || other.exclusive) && shared.is_none() {
                        shared = Some(with_first(own.shared(), "has it, too", first));
                    }
                }
            }
        }
    }
    shared
}

fn with_first(finding: Diagnostic, does: &str, first: &Server<'_>) -> Diagnostic {
    finding.note(format!("user `{}` {does}", printable(&first.user)))
}

impl Claims {
    /// Adds what the server of a user claims, by the user's index in the roster.
    pub fn add(&mut self, compiler: &Compiler<'_>, user: usize, server: &Server<'_>) {
        let Ok(user) = u32::try_from(user) else { return };
        let Self { list, personal } = self;
        let is_personal = |node: &Node| *personal.entry(node.span).or_insert_with(|| compiler.is_personal(node));
        list.extend(stakes(server, is_personal).map(|Stake { what, node: _, exclusive }| Claim {
            key: what.key(),
            definition: what.definition(),
            user,
            exclusive,
        }));
    }
}

/// What a server claims; `is_personal` tells of a template whether it is meant for one user.
fn stakes<'s>(
    server: &'s Server<'_>,
    mut is_personal: impl FnMut(&Node) -> bool + 's,
) -> impl Iterator<Item = Stake<'s>> {
    let (mounts, nodes) = (&server.service.container.mounts, mount_nodes(&server.spec));
    // A mount that failed has no part in the service.
    let mounts = if mounts.len() == nodes.len() { mounts.as_slice() } else { &[] };
    let volumes = definitions(mounts).filter(|definition| !is_each_services(definition.name.expose()));
    let volumes = volumes.filter_map(move |definition| {
        let node = nodes.get(definition.mount)?;
        let node = node.get("source").unwrap_or(node);
        let exclusive = !mounts.get(definition.mount)?.read_only && is_personal(node);
        Some(Stake { what: What::Volume(definition), node, exclusive })
    });
    let demands = demands(&server.service, &server.spec).into_iter();
    volumes.chain(demands.map(|demand| Stake { what: What::Unique(demand.what), node: demand.node, exclusive: true }))
}

/// Tells whether Swarm makes another text of it for each service.
fn is_each_services(text: &str) -> bool {
    text.contains("{{") && [".Service", ".Task"].iter().any(|field| text.contains(field))
}

impl Stake<'_> {
    fn conflict(&self, first: &Self) -> Option<Diagnostic> {
        match (first.what, self.what) {
            (What::Volume(known), What::Volume(own)) => {
                conflict((&known, first.node.span), (&own, self.node.span), "another service")
            }
            _ => None,
        }
    }

    fn mount(&self) -> Option<usize> {
        match self.what {
            What::Volume(definition) => Some(definition.mount),
            What::Unique(_) => None,
        }
    }

    fn shared(&self) -> Diagnostic {
        match self.what {
            What::Volume(_) => not_per_user::shared_volume(self.node.span),
            What::Unique(what) => not_per_user::shared(what, self.node.span),
        }
    }
}

impl What<'_> {
    fn key(self) -> u64 {
        match self {
            Self::Volume(Definition { name, .. }) => digest(["volume", name.expose()]),
            Self::Unique(Unique::Port(port, protocol)) => digest(["port", &port.to_string(), protocol]),
            Self::Unique(Unique::Alias(network, alias)) => digest(["alias", network, alias]),
        }
    }

    fn definition(self) -> u64 {
        let Self::Volume(Definition { mount: _, name: _, labels, driver }) = self else { return 0 };
        let labels = labels.iter().flat_map(|(key, text)| [&**key, text.expose()]);
        match driver {
            None => digest(labels),
            Some(Driver { name, options }) => {
                let options = options.iter().flat_map(|(key, text)| [&**key, text.expose()]);
                // A name cannot be taken for a label: those come in pairs.
                digest(labels.chain([name.as_ref().map_or("", Text::expose)]).chain(options))
            }
        }
    }

    fn is_named_as(self, other: What<'_>) -> bool {
        match (self, other) {
            (Self::Volume(own), What::Volume(other)) => own.name == other.name,
            (Self::Unique(own), What::Unique(other)) => own == other,
            (Self::Volume(_), What::Unique(_)) | (Self::Unique(_), What::Volume(_)) => false,
        }
    }
}

/// A digest of several texts, another one in each process.
///
/// Each user's server with each profile has some, so it is to be fast; that nobody can choose texts of one digest is enough.
fn digest<'t>(parts: impl IntoIterator<Item = &'t str>) -> u64 {
    static KEYS: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    let mut hasher = KEYS.build_hasher();
    for part in parts {
        part.hash(&mut hasher);
    }
    hasher.finish()
}
