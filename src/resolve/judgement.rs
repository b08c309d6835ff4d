//! What the rules say of a server; what they say of all of a profile's servers is asked once.

use super::Compiler;
use super::decode::Fixed;
use super::scope::Scope;
use crate::check::rules::{self, ServerRule, ServerView, SpecView};
use crate::diag::{Code, Diagnostic, code};
use crate::source::Node;

/// What the rules found that concerns every server of a profile.
#[derive(Debug)]
pub struct Judgement {
    findings: Vec<Diagnostic>,
    /// By rule about servers, whether its answer is among them.
    settled: Vec<bool>,
}

/// What is found only where users are listed.
const NEEDS_USERS: [&Code; 4] =
    [&code::UNKNOWN_ACCESS, &code::UNUSED_PROFILE, &code::RESTRICTED_DEFAULT, &code::FOLDED_NAME];

impl Compiler<'_> {
    /// Tells whether all that a rule can find in the config is found without users too.
    pub(super) fn is_judged_without_users(&self, code: &Code) -> bool {
        let reads = |rule: &ServerRule| {
            let mut nodes = self.profiles().iter().flat_map(|profile| rule.nodes(&profile.spec));
            nodes.all(|node| self.is_known_without_users(node))
        };
        !NEEDS_USERS.contains(&code) && rules::SERVER_RULES.iter().filter(|rule| rule.code == code).all(reads)
    }

    /// Asks all rules about a server and its tree; `fixed` keeps what holds for the profile, if the tree is the profile's.
    pub(super) fn judge(&self, view: &ServerView<'_>, scope: &Scope<'_>, fixed: Option<&Fixed>) -> Vec<Diagnostic> {
        let Some(fixed) = fixed else {
            let mut findings = rules::server(view, |_| true);
            findings.extend(self.judge_spec(view.spec));
            return findings;
        };
        let common = fixed.judgement.get_or_init(|| {
            let constant = |rule: &ServerRule| rule.nodes(view.spec).all(|node| scope.is_constant(node));
            let settled: Vec<bool> = rules::SERVER_RULES.iter().map(constant).collect();
            let mut findings = rules::server(view, |rule| settled[rule]);
            findings.extend(self.judge_spec(view.spec));
            Judgement { findings, settled }
        });
        debug_assert!(common.holds(view), "a rule looks at what its `reads` does not name");
        let mut findings = common.findings.clone();
        findings.extend(rules::server(view, |rule| !common.settled[rule]));
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
    /// Tells whether another server is told the same.
    fn holds(&self, view: &ServerView<'_>) -> bool {
        let told = |findings: &[Diagnostic]| findings.iter().map(|found| format!("{found:?}")).collect::<Vec<_>>();
        told(&self.findings).starts_with(&told(&rules::server(view, |rule| self.settled[rule])))
    }
}
