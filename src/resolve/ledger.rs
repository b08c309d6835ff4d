//! Who claims what: the volumes, ports and aliases of all users' servers, so that no two get in each other's way.
//!
//! On a swarm a volume's name stands for one volume of a node, whoever's server names it. Of each claim only digests are
//! kept, so that a hundred thousand users' fit in little memory. Of two that clash, the servers are resolved again.

use std::collections::{BTreeSet, HashMap, hash_map};
use std::hash::{BuildHasher as _, Hash as _, Hasher as _};
use std::sync::LazyLock;

use ahash::RandomState;

use crate::check::canonical::printable;
use crate::check::rules::not_per_user::{self, Unique, demands};
use crate::check::rules::{is_shared_sshfs, mount_nodes};
use crate::check::volume::{By, Definition, conflict, definitions};
use crate::diag::{Diagnostic, Diagnostics};
use crate::source::{Entry, Node, Span};

use super::{Compiler, Server};

/// What several servers claim.
#[derive(Debug, Default)]
pub struct Claims {
    list: Vec<Claim>,
    /// Whether a volume's name in the config is meant for one user, by its place: it is the same for all their servers.
    personal: HashMap<Span, Personal, RandomState>,
    /// Digests of the names of services, with the user's index.
    services: Vec<(u64, u32)>,
    names: Vec<Named>,
}

/// A name in DNS that a server has besides its service's, and that might be another service's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Named {
    /// A digest of it.
    name: u64,
    /// The user's index in the roster.
    user: u32,
    /// Where the config says so.
    span: Span,
}

/// Whether a text is meant for one user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Personal {
    Never,
    Always,
    /// Where users have the default of an attribute.
    ByDefault,
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
    /// Where the config says so.
    span: Span,
    used: Use,
}

/// How a server uses what it claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Use {
    /// Whether others would notice: it is changed, or taken.
    changes: bool,
    /// Whether it is meant for one user.
    personal: bool,
}

impl Use {
    /// Tells whether two users' servers get in each other's way.
    fn clashes(self, other: Self) -> bool {
        self.changes && other.changes && (self.personal || other.personal)
    }
}

/// What one server claims, in words.
struct Stake<'s> {
    what: What<'s>,
    /// Where the config says so.
    node: &'s Node,
    used: Use,
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
    /// Whether another server of the same user defines it differently.
    mixed: bool,
    /// The first that changes it.
    changer: Option<u32>,
    /// Whether one of those that change it is meant to be the only one.
    personal: bool,
}

/// What is wrong between two claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Clash {
    /// Of how it is defined; the second definition.
    Definition(u64),
    /// Of how one user's profiles define it.
    Profiles,
    /// Of who has it.
    Use,
    /// With the name of a service.
    Service,
}

/// The claims of several users' servers so far.
pub struct Ledger<'c, F> {
    compiler: &'c Compiler<'c>,
    /// The servers of a user, by the index in the roster.
    servers: F,
    known: HashMap<u64, First, RandomState>,
    services: Vec<(u64, u32)>,
    names: Vec<Named>,
    /// What was told of what is claimed, by the clash and the second claim's place.
    told: HashMap<(u64, Clash, Span), Option<Diagnostic>>,
}

impl<'c, F: Fn(usize) -> Vec<Server<'c>>> Ledger<'c, F> {
    /// Makes one without claims; `servers` gives a user's servers once more.
    pub fn new(compiler: &'c Compiler<'c>, servers: F) -> Self {
        let (services, names) = (Vec::new(), Vec::new());
        Self { compiler, servers, known: HashMap::default(), services, names, told: HashMap::new() }
    }

    /// Adds claims, in the roster's order, and tells which of them clash with other users'.
    pub fn join(&mut self, Claims { list, personal: _, services, names }: Claims, diagnostics: &mut Diagnostics) {
        self.services.extend(services);
        self.names.extend(names);
        for claim in list {
            let Some((first, clash)) = self.clash(claim) else { continue };
            let Claim { key, user, span, .. } = claim;
            let user = user as usize;
            // What a profile says is told once, whoever has the volume.
            let what = if clash == Clash::Profiles { 0 } else { key };
            let told = self.told.entry((what, clash, span)).or_insert_with(|| {
                tell(
                    self.compiler,
                    (first as usize, &(self.servers)(first as usize)),
                    (user, &(self.servers)(user)),
                    claim,
                    clash,
                )
            });
            if let Some(told) = told {
                let told = told.clone().about(&self.compiler.roster.user(user).name);
                self.compiler.push(told, diagnostics);
            }
        }
    }

    /// Tells which servers have the name of another user's service, now that all have joined.
    pub fn finish(mut self, diagnostics: &mut Diagnostics) {
        self.names.sort_unstable();
        let names = std::mem::take(&mut self.names);
        for (service, owner) in std::mem::take(&mut self.services) {
            let first = names.partition_point(|named| named.name < service);
            for named in names.iter().skip(first).take_while(|named| named.name == service) {
                if named.user != owner {
                    self.tell_taken(*named, owner as usize, diagnostics);
                }
            }
        }
    }

    fn tell_taken(&mut self, named: Named, owner: usize, diagnostics: &mut Diagnostics) {
        let Named { name, user, span } = named;
        let user = user as usize;
        let told = self.told.entry((name, Clash::Service, span)).or_insert_with(|| {
            let (owners, seconds) = ((self.servers)(owner), (self.servers)(user));
            seconds.iter().find_map(|second| taken(&owners, second, span))
        });
        if let Some(told) = told {
            let told = told.clone().about(&self.compiler.roster.user(user).name);
            self.compiler.push(told, diagnostics);
        }
    }

    /// Takes note of a claim; tells with which user's it clashes, and how.
    fn clash(&mut self, claim: Claim) -> Option<(u32, Clash)> {
        let Claim { key, definition, user, span: _, used } = claim;
        let first = match self.known.entry(key) {
            hash_map::Entry::Vacant(vacant) => {
                let changer = used.changes.then_some(user);
                vacant.insert(First {
                    definition,
                    user,
                    mixed: false,
                    changer,
                    personal: used.changes && used.personal,
                });
                return None;
            }
            hash_map::Entry::Occupied(first) => first.into_mut(),
        };
        let differs = first.mixed || first.definition != definition;
        if first.user == user {
            first.mixed = differs;
        }
        let other = Use { changes: first.changer.is_some(), personal: first.personal };
        let changer = first.changer;
        if used.changes {
            // One that is meant to be the only one clashes with whoever comes.
            if first.changer.is_none() || (used.personal && !first.personal) {
                first.changer = Some(user);
            }
            first.personal |= used.personal;
        }
        if first.user == user {
            if first.definition != definition {
                return Some((user, Clash::Profiles));
            }
        } else if differs {
            return Some((first.user, Clash::Definition(definition)));
        }
        changer.filter(|changer| *changer != user && used.clashes(other)).map(|changer| (changer, Clash::Use))
    }
}

/// What is wrong between two users' servers, where the second makes a claim.
fn tell(
    compiler: &Compiler<'_>,
    (first, firsts): (usize, &[Server<'_>]),
    (second, seconds): (usize, &[Server<'_>]),
    claim: Claim,
    clash: Clash,
) -> Option<Diagnostic> {
    let is_claim = |own: &Stake<'_>| own.what.key() == claim.key && own.node.span == claim.span;
    seconds
        .iter()
        .find_map(|own_server| {
            let mut own = stakes(own_server, |node| is_personal(compiler, node, second)).filter(is_claim);
            own.find_map(|own| {
                firsts.iter().find_map(|server| {
                    let others = stakes(server, |node| is_personal(compiler, node, first));
                    let mut others = others.filter(|other| other.what.is_named_as(own.what));
                    others.find_map(|other| between(compiler, (server, &other), (own_server, &own), clash))
                })
            })
        })
        .flatten()
}

/// What is wrong between a claim and an earlier one of the same; the inner `None` if another rule tells of it.
fn between(
    compiler: &Compiler<'_>,
    (server, first): (&Server<'_>, &Stake<'_>),
    (own_server, own): (&Server<'_>, &Stake<'_>),
    clash: Clash,
) -> Option<Option<Diagnostic>> {
    match clash {
        Clash::Use => own.used.clashes(first.used).then(|| Some(with_first(own.shared(), "has it, too", server))),
        // Told of once all services are known.
        Clash::Service => None,
        // What one service makes of a volume twice is told of the service.
        Clash::Profiles if server.profile == own_server.profile => None,
        Clash::Profiles => own.conflict(first, By::Profile(&server.profile)).map(Some),
        Clash::Definition(_) => {
            let finding = own.conflict(first, By::Service)?;
            let is_told = |mount| {
                let (service, spec) = (&own_server.service, &own_server.spec);
                compiler.viewed(service, spec, false, false, |view| is_shared_sshfs(view, mount))
            };
            // Whoever allows SG228, which tells of these, knows of it.
            let is_told = own.mount().is_some_and(is_told);
            Some((!is_told).then(|| with_first(finding, "has the first definition", server)))
        }
    }
}

/// How a stand-in's servers, one with each profile, define volumes; of each volume only digests are kept.
#[derive(Default)]
pub(super) struct Profiles {
    /// By volume, its first definition and that profile's index.
    firsts: HashMap<u64, (u64, usize)>,
}

impl Profiles {
    /// Adds a profile's server; tells which earlier profiles define one of its volumes differently.
    pub(super) fn add(&mut self, compiler: &Compiler<'_>, index: usize, server: &Server<'_>) -> BTreeSet<usize> {
        let mut differing = BTreeSet::new();
        for own in known_volumes(compiler, server) {
            let key = digest([own.node.as_str().unwrap_or_default(), own.name()]);
            let (definition, first) = *self.firsts.entry(key).or_insert((own.what.definition(), index));
            if first != index && definition != own.what.definition() {
                differing.insert(first);
            }
        }
        differing
    }
}

/// The volumes of a stand-in's server whose definition is known.
///
/// What a template comes to be is not, but that the same comes to be the same.
fn known_volumes<'s>(compiler: &'s Compiler<'_>, server: &'s Server<'_>) -> impl Iterator<Item = Stake<'s>> {
    let nodes = mount_nodes(&server.spec);
    let is_known = |entry: &Entry| matches!(&*entry.key, "source" | "target") || !compiler.differs(&entry.value);
    stakes(server, |_| false).filter(move |own| {
        let node = own.mount().and_then(|mount| nodes.get(mount)).and_then(Node::as_map);
        node.is_some_and(|map| map.iter().all(is_known))
    })
}

/// Tells where a stand-in's servers, each with another profile, define one volume differently.
pub(super) fn between_profiles(compiler: &Compiler<'_>, servers: &[Server<'_>]) -> Vec<Diagnostic> {
    let mut firsts: HashMap<(Option<&str>, &str), (&str, Stake<'_>)> = HashMap::new();
    let mut findings = Vec::new();
    for server in servers {
        for own in known_volumes(compiler, server) {
            match firsts.entry((own.node.as_str(), own.name())) {
                hash_map::Entry::Occupied(first) => {
                    let (profile, first) = first.get();
                    let other = *profile != &*server.profile;
                    findings.extend(other.then(|| own.conflict(first, By::Profile(profile))).flatten());
                }
                hash_map::Entry::Vacant(vacant) => {
                    vacant.insert((&server.profile, own));
                }
            }
        }
    }
    findings
}

/// What is wrong where a server is given the name of a service of these on one of its networks.
fn taken(owners: &[Server<'_>], server: &Server<'_>, span: Span) -> Option<Diagnostic> {
    let own = demands(&server.service, &server.spec).into_iter().filter(|demand| demand.node.span == span);
    own.filter_map(|demand| Some((demand.what, demand.what.name()?))).find_map(|(what, (network, name))| {
        let is_there = |owner: &Server<'_>| owner.service.networks.iter().any(|own| own.target.expose() == network);
        let owner = owners.iter().find(|owner| owner.service.name.eq_ignore_ascii_case(name) && is_there(owner))?;
        Some(with_first(not_per_user::taken(what, span), "has that service", owner))
    })
}

fn with_first(finding: Diagnostic, does: &str, first: &Server<'_>) -> Diagnostic {
    finding.note(format!("user `{}` {does}", printable(&first.user)))
}

/// Tells whether a text is meant for one user in the servers of that user, who may be given values in place of defaults.
fn is_personal(compiler: &Compiler<'_>, node: &Node, user: usize) -> bool {
    let given = compiler.roster.user(user).attributes;
    compiler.is_personal(node, &|name| given.iter().any(|entry| &*entry.key == name))
}

impl Claims {
    /// Adds what the server of a user claims, by the user's index in the roster.
    pub fn add(&mut self, compiler: &Compiler<'_>, user: usize, server: &Server<'_>) {
        let Ok(number) = u32::try_from(user) else { return };
        let Self { list, personal, services, names } = self;
        let service = (service_digest(&server.service.name), number);
        if services.last() != Some(&service) {
            services.push(service);
        }
        let is_personal = |node: &Node| {
            let usual = *personal.entry(node.span).or_insert_with(|| {
                match [true, false].map(|given| compiler.is_personal(node, &|_| given)) {
                    [true, _] => Personal::Always,
                    [false, true] => Personal::ByDefault,
                    [false, false] => Personal::Never,
                }
            });
            usual == Personal::Always || (usual == Personal::ByDefault && is_personal(compiler, node, user))
        };
        for Stake { what, node, used } in stakes(server, is_personal) {
            if let What::Unique(unique) = what
                && let Some((_, name)) = unique.name()
                && may_be_anothers(name, &compiler.settings.prefix, &server.service.name)
            {
                let named = Named { name: service_digest(name), user: number, span: node.span };
                // The user's other profiles have it too.
                if !names.iter().rev().take_while(|known| known.user == number).any(|known| *known == named) {
                    names.push(named);
                }
            }
            list.push(Claim { key: what.key(), definition: what.definition(), user: number, span: node.span, used });
        }
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
        let used = Use { changes: !mounts.get(definition.mount)?.read_only, personal: is_personal(node) };
        Some(Stake { what: What::Volume(definition), node, used })
    });
    let demands = demands(&server.service, &server.spec).into_iter();
    let used = Use { changes: true, personal: true };
    volumes.chain(demands.map(move |demand| Stake { what: What::Unique(demand.what), node: demand.node, used }))
}

/// Tells whether a name that a server has might be that of another service than its own, all of which start alike.
fn may_be_anothers(name: &str, prefix: &str, service: &str) -> bool {
    let start = name.as_bytes().get(..prefix.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes())) && !name.eq_ignore_ascii_case(service)
}

/// A digest of the name of a service.
fn service_digest(name: &str) -> u64 {
    digest(["service", &name.to_ascii_lowercase()])
}

/// Tells whether Swarm makes another text of it for each service.
fn is_each_services(text: &str) -> bool {
    text.contains("{{") && [".Service", ".Task"].iter().any(|field| text.contains(field))
}

impl<'s> Stake<'s> {
    fn conflict(&self, first: &Self, by: By<'_>) -> Option<Diagnostic> {
        match (first.what, self.what) {
            (What::Volume(known), What::Volume(own)) => conflict((&known, first.node.span), (&own, self.node.span), by),
            _ => None,
        }
    }

    /// The volume's name; nothing of anything else.
    fn name(&self) -> &'s str {
        match self.what {
            What::Volume(Definition { name, .. }) => name.expose(),
            What::Unique(_) => "",
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
            // The engine's DNS makes nothing of capitals.
            Self::Unique(Unique::Alias(network, name) | Unique::Hostname(network, name)) => {
                digest(["name", network, &name.to_ascii_lowercase()])
            }
        }
    }

    fn definition(self) -> u64 {
        match self {
            Self::Volume(definition) => digest(definition.parts()),
            Self::Unique(_) => 0,
        }
    }

    fn is_named_as(self, other: What<'_>) -> bool {
        match (self, other) {
            (Self::Volume(own), What::Volume(other)) => own.name == other.name,
            (Self::Unique(own), What::Unique(other)) => match (own.name(), other.name()) {
                (Some((network, own)), Some((same, other))) => network == same && own.eq_ignore_ascii_case(other),
                _ => own == other,
            },
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
