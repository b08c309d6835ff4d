//! From a checked document and a user to a server.
//!
//! ```text
//! files -> document::load -> Document -> Compiler { base tree, profiles, roster }
//! base <- profile <- overrides <- request      (merge, by the table in policy)
//! merged tree + Scope (what names stand for)   (decode, template) -> ir::Service
//! ```

pub mod access;
pub mod amount;
pub mod choice;
pub mod decode;
pub mod document;
pub mod everybody;
pub mod expression;
mod judgement;
mod layers;
pub mod ledger;
pub mod merge;
pub mod naming;
pub mod object;
pub mod options;
pub mod origin;
pub mod policy;
pub mod profile;
pub mod roster;
pub mod scope;
pub mod secret;
pub mod settings;
pub mod template;
pub mod upload;
mod wording;

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use crate::check;
use crate::check::level::Levels;
use crate::diag::{Diagnostic, Diagnostics, Severity, closest, code};
use crate::ir::Service;
use crate::source::records::Records;
use crate::source::{Author, Entry, Map, Node, SourceId, SourceMap, Span, Value, World};

use decode::Decoder;
use document::{Document, Inputs};
use layers::Layers;
use merge::Mode;
use naming::{NameError, Part};
use profile::Profile;
use roster::{Roster, User};
use scope::{BUILTINS, Memo, OF_USERS, SAME_FOR_ALL, Scope};
use settings::{SecretNames, Settings};
use template::{Segment, segments};
use upload::Upload;
use wording::root;

/// What a server is asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request<'r> {
    /// The profile that the operator names.
    pub profile: Option<&'r str>,
    /// The server's name; empty for the default one.
    pub server_name: &'r str,
    /// The user's own request.
    pub options: Option<&'r Node>,
    /// Literal attributes for this run.
    pub set: &'r [Entry],
    /// The hub's environment.
    pub hub_env: &'r [Entry],
    /// The name of the stack that the service will be part of.
    pub stack: Option<&'r str>,
}

/// The names that a user's server has with every profile.
#[derive(Debug)]
struct Names {
    owner: Arc<str>,
    server: Arc<str>,
    service: Arc<str>,
    /// Why the service cannot have its name.
    problem: Option<NameError>,
    /// What else is the same with every profile.
    memo: Memo,
}

/// Whose server is resolved, and how.
#[derive(Clone, Copy)]
struct Asked<'r> {
    user: &'r User<'r>,
    names: &'r Names,
    request: &'r Request<'r>,
    /// Whether the user is a stand-in.
    probe: bool,
}

/// What a server is made from.
struct Basis<'c, 'e> {
    profile: &'c Profile,
    /// The service of an earlier server of the profile, for the same request and no longer needed.
    earlier: Option<&'e mut Service>,
}

impl<'c> From<&'c Profile> for Basis<'c, '_> {
    fn from(profile: &'c Profile) -> Self {
        Self { profile, earlier: None }
    }
}

/// One server of one user, resolved.
#[derive(Debug)]
pub struct Server<'c> {
    /// What will be sent.
    pub service: Service,
    /// The user.
    pub user: Arc<str>,
    /// The profile's name.
    pub profile: Arc<str>,
    /// The merged tree that the service came from: every node still points at its text.
    pub spec: Cow<'c, Node>,
    /// Where the user is listed; `None` for one who is not.
    pub listed: Option<Span>,
    /// The files that its request brought; the service refers to them.
    pub uploads: Vec<Upload>,
}

impl Server<'_> {
    /// Tells whether nothing but the profile and the user made it what it is.
    fn is_the_profiles(&self) -> bool {
        matches!(self.spec, Cow::Borrowed(_)) && self.uploads.is_empty()
    }
}

/// A loaded config, ready to resolve servers.
pub struct Compiler<'a> {
    world: &'a dyn World,
    sources: &'a SourceMap,
    authors: Vec<Author>,
    /// What the config says besides service attributes.
    pub settings: Settings,
    /// All users.
    pub roster: Roster,
    /// The SHA-256 of all documents' texts, in hex.
    pub digest: String,
    levels: Levels,
    /// All documents merged, without the users.
    root: Node,
    /// What several of them say of one profile or user.
    layers: Layers,
    profiles: Vec<Profile>,
    /// The profiles' copies for the threads of [`everybody::in_order`] after the first.
    copies: Vec<OnceLock<Vec<Profile>>>,
    allow: Option<Node>,
    defaults: Map,
    known: HashSet<Arc<str>>,
    expressions: expression::Cache,
    vault: secret::Vault,
}

impl<'a> Compiler<'a> {
    /// Loads a config.
    ///
    /// `None` means that errors were found; they are in `diagnostics`.
    pub fn load(
        inputs: &Inputs,
        world: &'a dyn World,
        sources: &'a SourceMap,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let Document { mut root, digest, users, levels, layers } = document::load(inputs, world, sources, diagnostics)?;
        let settings = Settings::read(&root, diagnostics);
        settings::check_literals(&root, diagnostics);
        check_reserved(&root, &users, diagnostics);
        let listed = match &mut root.value {
            Value::Map(map) => map.remove("users"),
            _ => None,
        };
        let listed = match listed.map(|entry| entry.value.value) {
            Some(Value::Map(map)) => map.entries,
            _ => Vec::new(),
        };
        let roster = Roster::new(listed, users, diagnostics);
        let base = document::base(&root);
        let profiles = Profile::read_all(&root, base, &layers, world, sources, diagnostics);
        let defaults = root.get("user_defaults").and_then(Node::as_map).cloned().unwrap_or_default();
        let mut known: HashSet<Arc<str>> = BUILTINS.iter().map(|name| Arc::from(*name)).collect();
        known.extend(roster.attributes().iter().map(|(name, _)| Arc::clone(name)));
        known.extend(defaults.iter().map(|entry| Arc::clone(&entry.key)));
        known.extend(settings.user_format_attributes.iter().cloned());
        let authors = sources.authors();
        let allow = root.get("user_options").and_then(|options| options.get("allow")).cloned();
        let compiler = Self {
            world,
            sources,
            authors,
            settings,
            roster,
            digest,
            levels,
            root,
            layers,
            profiles,
            copies: (0..everybody::MAX_THREADS).map(|_| OnceLock::new()).collect(),
            allow,
            defaults,
            known,
            expressions: expression::Cache::default(),
            vault: secret::Vault::default(),
        };
        let levelled = std::mem::take(diagnostics);
        for diagnostic in levelled {
            compiler.push(diagnostic, diagnostics);
        }
        if diagnostics.has_errors() {
            compiler.mark_secrets();
            return None;
        }
        Some(compiler)
    }

    /// All documents merged, without the users.
    pub fn root(&self) -> &Node {
        &self.root
    }

    /// The texts that it was loaded from.
    pub fn sources(&self) -> &'a SourceMap {
        self.sources
    }

    /// The profiles, as this thread may use them without waiting for others.
    fn profiles(&self) -> &[Profile] {
        match everybody::thread().and_then(|thread| self.copies.get(thread.checked_sub(1)?)) {
            Some(copy) => copy.get_or_init(|| self.profiles.iter().map(Profile::apart).collect()),
            None => &self.profiles,
        }
    }

    /// The names of all profiles, in their order.
    pub fn profile_names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.profiles().iter().map(|profile| &profile.name)
    }

    /// The names of the profiles that a user may use.
    pub fn allowed_profiles(&self, user: &User<'_>) -> Vec<Arc<str>> {
        self.profiles()
            .iter()
            .filter(|profile| profile.access.admits(user))
            .map(|profile| Arc::clone(&profile.name))
            .collect()
    }

    /// Finds a user; one that the config does not list is made up, with a warning where the config lists any.
    pub fn user(&self, name: &str, diagnostics: &mut Diagnostics) -> Option<User<'_>> {
        if let Some(problem) = roster::bad_name(name) {
            diagnostics.push(roster::nobody(problem));
            return None;
        }
        Some(self.roster.find(name).unwrap_or_else(|| {
            if !self.roster.is_empty() {
                let shown = check::canonical::printable(name);
                let diagnostic = Diagnostic::new(&code::UNKNOWN_USER, format!("the config lists no user `{shown}`"));
                let diagnostic = match closest(name, self.roster.user_names()) {
                    Some(near) => diagnostic.help(format!("did you mean `{}`?", check::canonical::printable(near))),
                    None => diagnostic,
                };
                self.push(diagnostic, diagnostics);
            }
            User::unlisted(name)
        }))
    }

    /// Resolves one server; `None` means that errors were found.
    pub fn resolve(&self, user: &User<'_>, request: &Request<'_>, diagnostics: &mut Diagnostics) -> Option<Server<'_>> {
        match self.profile_for(user, request) {
            Ok(profile) => {
                let names = self.names(user, request);
                self.resolve_as(Asked { user, names: &names, request, probe: false }, profile.into(), diagnostics)
            }
            Err(failure) => {
                self.push(failure.about(&user.name), diagnostics);
                None
            }
        }
    }

    /// Resolves one server with a profile that the user may use.
    fn resolve_as<'c>(
        &'c self,
        asked: Asked<'_>,
        basis: Basis<'c, '_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Server<'c>> {
        let mut findings = Vec::new();
        let server = self.server(asked, basis, &mut findings);
        let mut failed = false;
        for diagnostic in findings {
            let Some(diagnostic) = self.levels.apply(diagnostic.about(&asked.user.name)) else { continue };
            failed |= diagnostic.severity == Severity::Error;
            diagnostics.push(diagnostic);
        }
        server.filter(|_| !failed)
    }

    /// Checks every profile without a user: attributes that only a user has are given a stand-in, and what depends on
    /// them is not judged.
    pub fn probe(&self, diagnostics: &mut Diagnostics) {
        let user = User::unlisted("user");
        let request = Request::default();
        let names = self.names(&user, &request);
        let mut findings = Vec::new();
        let asked = Asked { user: &user, names: &names, request: &request, probe: true };
        let mut known = ledger::Profiles::default();
        let mut differing = Vec::new();
        for (index, profile) in self.profiles().iter().enumerate() {
            if let Some(server) = self.server(asked, profile.into(), &mut findings) {
                differing.extend(known.add(self, index, &server).into_iter().map(|first| [first, index]));
            }
        }
        for pair in differing {
            let pair = pair.iter().filter_map(|index| self.profiles().get(*index));
            let servers: Vec<_> =
                pair.filter_map(|profile| self.server(asked, profile.into(), &mut Vec::new())).collect();
            findings.extend(ledger::between_profiles(self, &servers));
        }
        for diagnostic in findings {
            self.push(diagnostic, diagnostics);
        }
    }

    /// The comments that allow what nothing found; to be asked after everything was checked. Without users, nothing is said
    /// of what only users show.
    pub fn unused_comments(&self) -> Vec<Diagnostic> {
        self.levels.unused(|code| !self.roster.is_empty() || self.is_judged_without_users(code))
    }

    /// Adds a finding at its level.
    pub fn push(&self, diagnostic: Diagnostic, diagnostics: &mut Diagnostics) {
        if let Some(diagnostic) = self.levels.apply(diagnostic) {
            diagnostics.push(diagnostic);
        }
    }

    /// The name of a user's service; one that the engine would refuse may be among them.
    pub fn service_name(&self, user: &User<'_>, server_name: &str) -> String {
        self.names(user, &Request { server_name, ..Request::default() }).service.to_string()
    }

    /// The names of a user's server, whatever its profile.
    fn names(&self, user: &User<'_>, request: &Request<'_>) -> Names {
        let scheme = self.settings.scheme;
        let owner = naming::owner(scheme, &user.name);
        let server = naming::server_part(request.server_name);
        let (service, problem) = match naming::service_name(scheme, &self.settings.prefix, &owner, &server) {
            Ok(name) => (name, None),
            Err(problem) => ("invalid".to_owned(), Some(problem)),
        };
        Names { owner: owner.into(), server: server.into(), service: service.into(), problem, memo: Memo::default() }
    }

    fn check_names(&self, asked: Asked<'_>, findings: &mut Vec<Diagnostic>) {
        match (&asked.names.problem, asked.request.stack) {
            // Without a user, only what is the same for all is known.
            (Some(problem), _) if asked.probe && problem.part() != Part::Prefix => {}
            (Some(problem), _) => findings.push(self.bad_service_name(problem, asked.user)),
            (None, Some(stack)) => self.check_stacked(stack, &asked.names.service, asked.user, findings),
            (None, None) => {}
        }
        findings.extend(self.hub_service(asked));
    }

    /// Finds a service that has the hub's name, alone or in its stack (swarm-facts 9).
    fn hub_service(&self, asked: Asked<'_>) -> Option<Diagnostic> {
        let Asked { user, names, request, probe } = asked;
        let hub = self.settings.hub.as_deref().filter(|_| !probe)?;
        let is_hubs = |name: &str| name.eq_ignore_ascii_case(hub);
        let is_hubs_stacked = |stack: &str| is_hubs(&format!("{stack}_{}", names.service));
        (is_hubs(&names.service) || request.stack.is_some_and(is_hubs_stacked)).then(|| {
            Diagnostic::new(&code::HUB_NAME_TAKEN, "a service would have the hub's own name")
                .maybe_at(user.span, "this user's service")
                .maybe_at(self.settings.hub_span, "the hub's name")
                .help("set another `service_prefix`")
        })
    }

    fn server<'c>(
        &'c self,
        asked: Asked<'_>,
        Basis { profile, earlier }: Basis<'c, '_>,
        findings: &mut Vec<Diagnostic>,
    ) -> Option<Server<'c>> {
        let Asked { user, names, request, probe } = asked;
        findings.extend(profile.findings.iter().cloned());
        let spec = self.layered(user, profile, request, findings)?;
        self.check_names(asked, findings);
        let scope = Scope::new(self, asked, &spec, &profile.name);
        let fixed = (!probe && matches!(spec, Cow::Borrowed(_))).then_some(&profile.fixed);
        let mut decoder = Decoder::new(&scope);
        if let Some(fixed) = fixed {
            decoder = decoder.after(fixed, earlier);
        }
        let mut service = decode::service(&mut decoder, &spec, request.hub_env);
        findings.extend(decoder.into_findings());
        let uploads = self.uploads(names, request, findings);
        service.container.configs.extend(uploads.iter().map(Upload::reference));
        findings.extend(
            self.viewed(&service, &spec, probe, profile.access.is_one(), |view| self.judge(view, &scope, fixed)),
        );
        let (profile, listed) = (Arc::clone(&profile.name), user.span);
        Some(Server { service, user: Arc::clone(&user.name), profile, spec, listed, uploads })
    }

    /// The profile's tree with the user's and the request's layers.
    fn layered<'c>(
        &'c self,
        user: &User<'_>,
        profile: &'c Profile,
        request: &Request<'_>,
        findings: &mut Vec<Diagnostic>,
    ) -> Option<Cow<'c, Node>> {
        let mut spec = Cow::Borrowed(&profile.spec);
        if let Some(overrides) = &user.overrides {
            match overrides {
                Cow::Borrowed(merged) => {
                    let layers = self.layers.of_user(&user.name, merged);
                    layers.iter().for_each(|layer| profile::lay(spec.to_mut(), layer, findings));
                }
                // Of a users file, which nothing has checked yet.
                Cow::Owned(overrides) => {
                    let mut overrides = overrides.clone();
                    let found = profile::check_layer(&mut overrides);
                    let fits = !found.has_errors();
                    findings.extend(found);
                    if !fits {
                        return None;
                    }
                    profile::lay(spec.to_mut(), &overrides, findings);
                }
            }
        }
        if let Some(options) = request.options {
            let layer = options::layer(options, self.allow.as_ref(), self.settings.uploads, findings)?;
            if layer.as_map().is_some_and(|map| !map.is_empty()) {
                merge::merge(spec.to_mut(), &layer, Mode::Deep);
            }
        }
        Some(spec)
    }

    fn check_stacked(&self, stack: &str, service: &str, user: &User<'_>, findings: &mut Vec<Diagnostic>) {
        let length = stack.len() + 1 + service.len();
        if length > naming::MAX_SERVICE_NAME {
            findings.push(
                Diagnostic::new(
                    &code::BAD_SERVICE_NAME,
                    format!("in the stack the service's name would be {length} characters long, 63 are allowed"),
                )
                .maybe_at(self.settings.prefix_span.or(user.span), "")
                .help("shorten the stack's name or `service_prefix`"),
            );
        }
    }

    fn bad_service_name(&self, error: &NameError, user: &User<'_>) -> Diagnostic {
        let diagnostic = Diagnostic::new(&code::BAD_SERVICE_NAME, error.to_string());
        match (error.part(), error) {
            (Part::Prefix, NameError::NotALabel { .. }) => diagnostic
                .maybe_at(self.settings.prefix_span, "")
                .help("write it with lower-case letters, digits and inner dashes only"),
            (Part::Prefix, NameError::TooLong { .. }) => {
                diagnostic.maybe_at(self.settings.prefix_span, "").help("shorten it")
            }
            (Part::Owner, _) => diagnostic
                .maybe_at(user.span, "for this user")
                .help("set `naming.scheme` to `sha256` or `slug`, which fit every name"),
            (Part::Server, _) => {
                diagnostic.maybe_at(self.settings.prefix_span, "").help("shorten the server's name or `service_prefix`")
            }
        }
    }

    /// Tells whether the text of a node can differ from user to user.
    fn varies(&self, node: &Node) -> bool {
        let Some(text) = node.as_str() else { return true };
        segments(text).any(|segment| match segment {
            Segment::Literal(_) | Segment::Unclosed { .. } => false,
            Segment::Placeholder { path, .. } => !SAME_FOR_ALL.contains(&root(path)),
            Segment::Angle { path, .. } => self.is_known(root(path)) && !SAME_FOR_ALL.contains(&root(path)),
            Segment::Expression { source, .. } => match self.expressions.get(source) {
                Ok(compiled) => {
                    let mut names = compiled.all_names();
                    names.any(|name| !SAME_FOR_ALL.contains(&name.as_str()))
                }
                Err(_) => true,
            },
            // The service, its tasks and its nodes differ.
            Segment::Swarm { .. } => true,
        })
    }

    fn author(&self, source: SourceId) -> Author {
        match self.authors.get(source.index()) {
            Some(author) => *author,
            None => self.sources.get(source).author(),
        }
    }

    /// Tells whether a name is a built-in or an attribute that the config declares.
    fn is_known(&self, name: &str) -> bool {
        self.known.contains(name)
    }

    fn suggest(&self, name: &str) -> Option<&str> {
        let mut known: Vec<&str> = self.known.iter().map(|name| &**name).collect();
        known.sort_unstable();
        closest(name, known)
    }

    /// Marks what must not be shown of the users files; called before anything of them is shown.
    pub fn mark_secrets(&self) {
        for records in self.roster.files() {
            let names = [&self.settings.secret_names, &SecretNames::default()];
            let named = |name: &str| names.iter().any(|names| names.matches(name));
            if records.is_flat() && !records.keys().iter().any(|(name, _)| named(name)) {
                continue;
            }
            for index in 0..records.len() {
                for field in records.get(index).fields {
                    for names in names {
                        names.visit_data(&field, &mut |node| self.sources.mark_secret(node.span));
                    }
                }
            }
        }
    }
}

/// Refuses attributes that have the name of a built-in.
fn check_reserved(root: &Node, files: &[Records], diagnostics: &mut Diagnostics) {
    let shadow = |name: &str, span| {
        (BUILTINS.contains(&name) && !OF_USERS.contains(&name)).then(|| {
            Diagnostic::new(&code::RESERVED_ATTRIBUTE, format!("`{name}` is a built-in and cannot be an attribute"))
                .at(span, "")
                .help("give the attribute another name")
        })
    };
    // `profile` is a built-in, and for a user it chooses one.
    let is_attribute = |name: &str| !roster::RESERVED.contains(&name);
    for user in root.get("users").and_then(Node::as_map).into_iter().flatten() {
        for entry in user.value.as_map().into_iter().flatten().filter(|entry| is_attribute(&entry.key)) {
            diagnostics.extend(shadow(&entry.key, entry.key_span));
        }
    }
    for entry in root.get("user_defaults").and_then(Node::as_map).into_iter().flatten() {
        diagnostics.extend(shadow(&entry.key, entry.key_span));
    }
    for records in files {
        // `name` names the user there, and `username` is its other spelling.
        for (name, span) in records.keys().iter().filter(|(name, _)| &**name != "name" && is_attribute(name)) {
            diagnostics.extend(shadow(name, *span));
        }
    }
}
