//! Whole rosters: on all processors, in the roster's order.

use std::borrow::Borrow;
use std::cell::{Cell, OnceCell};
use std::collections::{HashMap, HashSet};
use std::ops::{ControlFlow, Range};
use std::sync::mpsc::sync_channel;
use std::thread;

use crate::check::canonical::printable;
use crate::check::rules::lossy_number::{self, Spelled};
use crate::check::rules::{self, ConfigView, ProfileView};
use crate::diag::{Diagnostic, Diagnostics, closest, code};
use crate::ir::Service;
use crate::source::{Author, Entry, Node, Value};

use super::ledger::{Claims, Ledger};
use super::naming::Scheme;
use super::profile::Profile;
use super::roster::User;
use super::settings::SecretNames;
use super::template::{Segment, segments};
use super::wording::root;
use super::{Asked, Basis, Compiler, Request, Server, naming, options, secret};

/// The most users that one piece of work has.
const CHUNK: usize = 128;
/// The fewest: starting a thread takes as long as a few users.
const LEAST_CHUNK: usize = 16;
/// How many finished pieces may wait on each thread.
const AHEAD: usize = 2;

/// The most threads that are ever started.
pub(super) const MAX_THREADS: usize = 64;

thread_local! {
    /// Which of the threads of [`in_order`] this is.
    static THREAD: Cell<Option<usize>> = const { Cell::new(None) };
}

/// The number of this thread among those of [`in_order`], if it is one.
pub(super) fn thread() -> Option<usize> {
    THREAD.get()
}

/// Does work for each of `count` things in pieces, on all processors, and takes the results in order.
///
/// Only a few results exist at a time. When `take` breaks, what is left is not done.
pub fn in_order<T: Send>(
    count: usize,
    work: impl Fn(Range<usize>) -> T + Sync,
    mut take: impl FnMut(T) -> ControlFlow<()>,
) {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let size = (count / (4 * processors)).clamp(LEAST_CHUNK, CHUNK);
    let chunks = count.div_ceil(size);
    let range = |chunk: usize| chunk * size..count.min((chunk + 1) * size);
    let threads = processors.min(chunks).min(MAX_THREADS);
    if threads < 2 {
        let _ = (0..chunks).try_for_each(|chunk| take(work(range(chunk))));
        return;
    }
    thread::scope(|scope| {
        let receivers: Vec<_> = (0..threads)
            .map(|first| {
                let (sender, receiver) = sync_channel(AHEAD);
                let work = &work;
                scope.spawn(move || {
                    THREAD.set(Some(first));
                    let mut own = (first..chunks).step_by(threads).map(|chunk| work(range(chunk)));
                    // The receiver goes when nobody wants more.
                    let _ = own.try_for_each(|result| sender.send(result));
                });
                receiver
            })
            .collect();
        for receiver in receivers.iter().cycle().take(chunks) {
            // A thread that panicked has no result; the scope passes the panic on.
            let Ok(result) = receiver.recv() else { break };
            if take(result).is_break() {
                break;
            }
        }
        drop(receivers);
    });
}

impl Compiler<'_> {
    /// Checks each profile that a user may use, and that there is one.
    pub fn check_user(&self, user: &User<'_>, request: &Request<'_>, diagnostics: &mut Diagnostics) {
        diagnostics.merge(self.check_users([(0, user)], request, &mut Claims::default()));
    }

    /// Checks users one after the other, each with an index: what is the same for a profile's servers goes from one to the next.
    fn check_users<'u>(
        &self,
        users: impl IntoIterator<Item = (usize, impl Borrow<User<'u>>)>,
        request: &Request<'_>,
        claims: &mut Claims,
    ) -> Diagnostics {
        let mut found = Diagnostics::new();
        let profiles = self.profiles();
        let mut services: Vec<Option<Service>> = profiles.iter().map(|_| None).collect();
        for (index, user) in users {
            let user = user.borrow();
            if let Err(failure) = self.profile_for(user, request) {
                self.push(failure.about(&user.name), &mut found);
            }
            let names = self.names(user, request);
            let asked = Asked { user, names: &names, request, probe: false };
            let own = profiles.iter().zip(&mut services).filter(|(profile, _)| profile.access.admits(user));
            for (profile, service) in own {
                let basis = Basis { profile, earlier: service.as_mut() };
                let server = self.resolve_as(asked, basis, &mut found);
                debug_assert!(
                    server.as_ref().is_none_or(|server| self.is_fresh(asked, profile, server)),
                    "something of an earlier server is left"
                );
                server.iter().for_each(|server| claims.add(self, index, server));
                *service = server.filter(Server::is_the_profiles).map(|server| server.service);
            }
        }
        found
    }

    /// Tells whether nothing of another server is left in one.
    fn is_fresh(&self, asked: Asked<'_>, profile: &Profile, server: &Server<'_>) -> bool {
        let fresh = self.resolve_as(asked, profile.into(), &mut Diagnostics::new());
        fresh.is_some_and(|fresh| fresh.service == server.service)
    }

    /// A user's servers, one with each profile that the user may use, and nothing told of what went wrong with them: that is
    /// for [`check_user`](Self::check_user).
    pub fn servers_of(&self, user: &User<'_>) -> Vec<Server<'_>> {
        let request = Request::default();
        let names = self.names(user, &request);
        let asked = Asked { user, names: &names, request: &request, probe: false };
        let profiles = self.profiles().iter().filter(|profile| profile.access.admits(user));
        profiles.filter_map(|profile| self.resolve_as(asked, profile.into(), &mut Diagnostics::new())).collect()
    }

    /// The servers of a stand-in, one with each profile, where a config lists no users.
    pub fn stand_ins(&self) -> Vec<Server<'_>> {
        let user = User::unlisted("user");
        let request = Request::default();
        let names = self.names(&user, &request);
        let asked = Asked { user: &user, names: &names, request: &request, probe: true };
        self.profiles().iter().filter_map(|profile| self.server(asked, profile.into(), &mut Vec::new())).collect()
    }

    /// Judges the config as a whole: what no single server shows.
    pub fn check_config(&self, diagnostics: &mut Diagnostics) {
        let mut admitted = vec![0; self.profiles().len()];
        let mut groups = HashSet::new();
        let mut passed_over = 0;
        let mut capitals = None;
        let mut numbers = HashMap::new();
        let keeps_case = matches!(self.settings.scheme, Scheme::Username | Scheme::Last32);
        for index in 0..self.roster.len() {
            let user = self.roster.user(index);
            for (count, profile) in admitted.iter_mut().zip(self.profiles()) {
                *count += usize::from(profile.access.admits(&user));
            }
            if keeps_case
                && let Some(span) = user.span
                && naming::owner(self.settings.scheme, &user.name).bytes().any(|byte| byte.is_ascii_uppercase())
            {
                capitals.get_or_insert((span, 0)).1 += 1;
            }
            let chooses_none = user.profile.is_none();
            passed_over += usize::from(
                chooses_none && self.profiles().first().is_some_and(|profile| !profile.access.admits(&user)),
            );
            self.check_numbers(&user, &mut numbers, diagnostics);
            groups.extend(user.groups);
        }
        for found in self.defaults.iter().flat_map(|entry| self.lossy_numbers(entry)) {
            self.push(found, diagnostics);
        }
        let images = self.root.get("images").and_then(Node::as_seq).unwrap_or_default();
        let profiles =
            self.profiles().iter().zip(admitted).enumerate().map(|(index, (profile, admitted))| ProfileView {
                name: &profile.name,
                spec: &profile.spec,
                entry: images.get(index),
                access: profile.access.entries(),
                admitted,
            });
        let used = OnceCell::new();
        let view = ConfigView {
            root: &self.root,
            profiles: profiles.collect(),
            users: self.roster.len(),
            has_user: &|name| self.roster.contains(name),
            has_group: &|name| groups.contains(name),
            near_user: &|name| closest(name, self.roster.user_names()),
            near_group: &|name| closest(name, groups.iter().map(|group| &**group)),
            capitals,
            passed_over,
            attributes: self.roster.attributes(),
            uses: &|name| used.get_or_init(|| self.used_names()).contains(name),
            measure: &|key, node| {
                options::measure(key, node).map_err(|error| (error.message.to_string(), error.help.to_string()))
            },
            varies: &|node| self.varies(node),
            size: &|node, secret, most| secret::size(self, node, secret, most),
        };
        for diagnostic in rules::config(&view) {
            self.push(diagnostic, diagnostics);
        }
    }

    /// Finds numbers among a user's attributes that are inserted as another text. Of a users file, whose records say the
    /// same of many users, each attribute is told once; `firsts` has those that are.
    fn check_numbers(
        &self,
        user: &User<'_>,
        firsts: &mut HashMap<std::sync::Arc<str>, Diagnostic>,
        diagnostics: &mut Diagnostics,
    ) {
        for entry in user.attributes.iter().filter(|entry| !matches!(entry.value.value, Value::Str(_))) {
            for found in self.lossy_numbers(entry) {
                let told = match self.author(entry.value.span.source) {
                    Author::Config => found,
                    Author::Data => {
                        firsts.entry(std::sync::Arc::clone(&entry.key)).or_insert(found).clone().about(&user.name)
                    }
                };
                self.push(told, diagnostics);
            }
        }
    }

    fn lossy_numbers(&self, attribute: &Entry) -> Vec<Diagnostic> {
        let names = [&self.settings.secret_names, &SecretNames::default()];
        let spelled = Spelled {
            spelling: &|node| self.spelling(node),
            // What of a users file is secret is told by the names alone.
            is_hidden: &|node| self.author(node.span.source) == Author::Config && self.is_hidden(node),
            is_secret: &|name| names.iter().any(|names| names.matches(name)),
        };
        lossy_number::attribute(attribute, &spelled)
    }

    /// The names that the config's templates start with.
    fn used_names(&self) -> HashSet<String> {
        let mut used = HashSet::new();
        self.collect_names(&self.root, &mut used);
        self.layers.iter().for_each(|layer| self.collect_names(layer, &mut used));
        for value in self.roster.config_values() {
            self.collect_names(value, &mut used);
        }
        used
    }

    fn collect_names(&self, node: &Node, used: &mut HashSet<String>) {
        let mut add = |path: &str| used.insert(root(path).to_owned());
        match &node.value {
            Value::Str(text) if self.author(node.span.source) == Author::Config => {
                for segment in segments(text) {
                    match segment {
                        Segment::Placeholder { path, .. } | Segment::Angle { path, .. } => {
                            add(path);
                        }
                        Segment::Expression { source, .. } => {
                            if let Ok(compiled) = self.expressions.get(source) {
                                for name in compiled.all_names() {
                                    add(name);
                                }
                            }
                        }
                        Segment::Literal(_) | Segment::Swarm { .. } | Segment::Unclosed { .. } => {}
                    }
                }
            }
            Value::Seq(items) => items.iter().for_each(|item| self.collect_names(item, used)),
            Value::Map(map) => map.iter().for_each(|entry| self.collect_names(&entry.value, used)),
            _ => {}
        }
    }

    /// Checks all users that the config lists, and that no two of them would share a service, or what else is one user's.
    pub fn check_all(&self, request: &Request<'_>, diagnostics: &mut Diagnostics) {
        let mut ledger = Ledger::new(self, |index| self.servers_of(&self.roster.user(index)));
        let work = |range: Range<usize>| {
            let mut claims = Claims::default();
            (self.check_users(range.map(|index| (index, self.roster.user(index))), request, &mut claims), claims)
        };
        in_order(self.roster.len(), work, |(found, claims)| {
            diagnostics.merge(found);
            ledger.join(claims, diagnostics);
            ControlFlow::Continue(())
        });
        ledger.finish(diagnostics);
        self.check_owners(diagnostics);
    }

    /// Finds users with the same owner, under the schemes that do not rule it out.
    pub fn check_owners(&self, diagnostics: &mut Diagnostics) {
        if self.settings.scheme.is_unique() {
            return;
        }
        let mut owners: HashMap<String, usize> = HashMap::with_capacity(self.roster.len());
        for index in 0..self.roster.len() {
            let user = self.roster.user(index);
            match owners.entry(self.owner_folded(&user.name)) {
                std::collections::hash_map::Entry::Occupied(first) => {
                    let first = self.roster.user(*first.get());
                    diagnostics.push(self.owner_clash(&user, &first));
                }
                std::collections::hash_map::Entry::Vacant(vacant) => {
                    vacant.insert(index);
                }
            }
        }
    }

    /// Finds listed users with the same owner as this one, under the schemes that do not rule it out.
    pub fn check_owner(&self, user: &User<'_>, diagnostics: &mut Diagnostics) {
        if self.settings.scheme.is_unique() {
            return;
        }
        let owner = self.owner_folded(&user.name);
        for index in 0..self.roster.len() {
            let other = self.roster.user(index);
            if other.name != user.name && self.owner_folded(&other.name) == owner {
                diagnostics.push(self.owner_clash(user, &other));
            }
        }
    }

    /// Names clash regardless of case: DNS ignores it, and the engine does too.
    fn owner_folded(&self, username: &str) -> String {
        naming::owner(self.settings.scheme, username).to_lowercase()
    }

    fn owner_clash(&self, user: &User<'_>, other: &User<'_>) -> Diagnostic {
        Diagnostic::new(
            &code::OWNER_CLASH,
            format!(
                "`{}` and `{}` would share one service and its volumes",
                printable(&user.name),
                printable(&other.name)
            ),
        )
        .maybe_at(user.span, "this user")
        .maybe_at(other.span, "has the same owner as this one")
        .note(format!("the scheme `{}` gives both the same name", self.settings.scheme.name()))
        .help("set `naming.scheme` to `sha256` or `slug`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order() {
        let mut all = Vec::new();
        in_order(
            1000,
            |range| range,
            |range| {
                all.extend(range);
                ControlFlow::Continue(())
            },
        );
        assert_eq!(all, (0..1000).collect::<Vec<_>>());
    }

    #[test]
    fn a_break_stops_the_work() {
        let mut taken = 0;
        in_order(
            100_000,
            |range| range,
            |_| {
                taken += 1;
                if taken == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            },
        );
        assert_eq!(taken, 3);
    }
}
