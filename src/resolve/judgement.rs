//! What the rules say of a server; what they say of all of a profile's servers is asked once.

use super::Compiler;
use super::decode::Fixed;
use super::naming::Scheme;
use super::scope::Scope;
use crate::check::rules::{self, ServerView, SpecView};
use crate::diag::{Code, Diagnostic, code};
use crate::ir::Service;
use crate::source::Node;

/// What the rules found that concerns every server of a profile.
#[derive(Debug)]
pub struct Judgement {
    findings: Vec<Diagnostic>,
    /// By rule about servers, whether its answer is among them.
    settled: Vec<bool>,
    /// The same by rule about mounts, as far as the mounts are the same.
    settled_of_mounts: Vec<bool>,
    /// By mount, whether it is the same.
    mounts: Vec<bool>,
}

/// What is found only where users are listed.
const NEEDS_USERS: [&Code; 4] =
    [&code::UNKNOWN_ACCESS, &code::UNUSED_PROFILE, &code::RESTRICTED_DEFAULT, &code::FOLDED_NAME];

impl Compiler<'_> {
    /// Tells whether all that a rule can find in the config is found without users too.
    pub(super) fn is_judged_without_users(&self, code: &Code) -> bool {
        let known = |node: &Node| self.is_known_without_users(node);
        let servers = rules::SERVER_RULES.iter().filter(|rule| rule.code == code).map(|rule| rule.reads);
        let mut mounts = rules::MOUNT_RULES.iter().filter(|rule| rule.code == code).map(|rule| rule.reads).peekable();
        let of_mounts = mounts.peek().is_some();
        let reads: Vec<_> = servers.chain(mounts).collect();
        !NEEDS_USERS.contains(&code)
            && self.profiles().iter().all(|profile| {
                reads.iter().all(|reads| rules::nodes(reads, &profile.spec).all(known))
                    && (!of_mounts || rules::mount_nodes(&profile.spec).iter().all(known))
            })
    }

    /// Looks at a server as the rules do.
    pub(super) fn viewed<T>(
        &self,
        service: &Service,
        spec: &Node,
        probe: bool,
        lone: bool,
        look: impl FnOnce(&ServerView<'_>) -> T,
    ) -> T {
        look(&ServerView {
            service,
            spec,
            hub: self.settings.hub.as_deref(),
            hub_span: self.settings.hub_span,
            varies: &|node| self.varies(node),
            differs: &|node| self.differs(node),
            own: &|name| self.is_own(name),
            chosen: &|node, safe| self.chosen_name(node, safe),
            chosen_in_dns: &|node, safe| self.chosen_dns_name(node, safe),
            hidden: self.settings.scheme.hides_usernames(),
            owned: self.settings.scheme != Scheme::Last32,
            probe,
            // Under a hub anybody may log in; a config without one is for those whom it lists.
            others: probe || (self.roster.len() < 2 && self.settings.hub.is_some()),
            lone,
        })
    }

    /// Asks all rules about a server and its tree; `fixed` keeps what holds for the profile, if the tree is the profile's.
    pub(super) fn judge(&self, view: &ServerView<'_>, scope: &Scope<'_>, fixed: Option<&Fixed>) -> Vec<Diagnostic> {
        let Some(fixed) = fixed else {
            let mut findings = rules::server(view, |_| true);
            findings.extend(rules::mounts(view, |_, _| true));
            findings.extend(self.judge_spec(view.spec));
            return findings;
        };
        let common = fixed.judgement.get_or_init(|| {
            let constant = |reads| rules::nodes(reads, view.spec).all(|node| scope.is_constant(node));
            let mut common = Judgement {
                findings: Vec::new(),
                settled: rules::SERVER_RULES.iter().map(|rule| constant(rule.reads)).collect(),
                settled_of_mounts: rules::MOUNT_RULES.iter().map(|rule| constant(rule.reads)).collect(),
                mounts: rules::mount_nodes(view.spec).iter().map(|node| scope.is_constant(node)).collect(),
            };
            common.findings = common.ask(view, true);
            common.findings.extend(self.judge_spec(view.spec));
            common
        });
        debug_assert!(common.holds(view), "a rule looks at what its `reads` does not name");
        let mut findings = common.findings.clone();
        findings.extend(common.ask(view, false));
        findings
    }

    /// What the rules say of a tree, whosever server it is for.
    fn judge_spec(&self, spec: &Node) -> Vec<Diagnostic> {
        rules::spec(&SpecView {
            spec,
            hub: self.settings.hub.as_deref(),
            is_literal: &|node| self.is_literal(node),
            spelling: &|node| self.spelling(node),
            is_hidden: &|node| self.is_hidden(node),
            is_secret: &|name| self.settings.secret_names.matches(name),
            keeps: &|name| self.settings.env_override.contains(name),
        })
    }
}

impl Judgement {
    /// Asks the rules whose answers are the same for all servers of the profile, or else the others.
    fn ask(&self, view: &ServerView<'_>, settled: bool) -> Vec<Diagnostic> {
        let mut findings = rules::server(view, |rule| self.settled[rule] == settled);
        findings
            .extend(rules::mounts(view, |rule, mount| (self.settled_of_mounts[rule] && self.mounts[mount]) == settled));
        findings
    }

    /// Tells whether another server is told the same.
    fn holds(&self, view: &ServerView<'_>) -> bool {
        let told = |findings: &[Diagnostic]| findings.iter().map(|found| format!("{found:?}")).collect::<Vec<_>>();
        told(&self.findings).starts_with(&told(&self.ask(view, true)))
    }
}
