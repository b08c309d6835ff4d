//! SG244 bound-beyond-profile.

use super::ConfigView;
use crate::check::canonical::PROFILE_SHORTCUTS;
use crate::diag::{Diagnostic, code};
use crate::source::{Entry, Node};

/// What a reservation must not be above.
const LIMITS: [(&str, &str); 2] = [
    ("resource_spec.cpu_reservation", "resource_spec.cpu_limit"),
    ("resource_spec.mem_reservation", "resource_spec.mem_limit"),
];

/// Finds bounds of `user_options.allow` that do not go with what the profiles say themselves: all that say anything.
pub(super) fn check(view: &ConfigView<'_>) -> Vec<Diagnostic> {
    let allow = view.root.get("user_options").and_then(|options| options.get("allow")).and_then(Node::as_map);
    let mut findings = Vec::new();
    for entry in allow.into_iter().flatten() {
        let key = entry.key.rsplit('.').next().unwrap_or_default();
        for side in ["min", "max"] {
            findings.extend(entry.value.get(side).and_then(|limit| outside(view, entry, key, (side, limit))));
        }
        let limits = LIMITS.iter().find(|(reservation, _)| *reservation == &*entry.key);
        if let (Some((_, limit)), Some(most)) = (limits, entry.value.get("max"))
            && allow.is_none_or(|allow| allow.get(limit).is_none())
        {
            findings.extend(above_limit(view, limit, most));
        }
    }
    findings
}

/// Every profile's own value lies outside: whoever asks for just that is refused.
fn outside(view: &ConfigView<'_>, entry: &Entry, key: &str, (side, limit): (&str, &Node)) -> Option<Diagnostic> {
    let bound = (view.measure)(key, limit).ok()?;
    let values = amounts(view, &entry.key);
    let beyond = |(_, own): &(&Node, f64)| if side == "max" { *own > bound } else { *own < bound };
    let (first, _) = values.first().filter(|_| values.iter().all(beyond))?;
    let word = if side == "max" { "below" } else { "above" };
    let message = format!("`{side}` is {word} what the profiles set themselves");
    let diagnostic = Diagnostic::new(&code::BOUND_BEYOND_PROFILE, message);
    Some(
        diagnostic
            .at(limit.span, "the bound")
            .at(first.span, "what servers get")
            .note("a request for what servers get without one is refused")
            .help(format!(
                "{} `{side}`, or change what the config sets",
                if side == "max" { "raise" } else { "lower" }
            )),
    )
}

/// A request may reserve more than any profile's server may use.
fn above_limit(view: &ConfigView<'_>, limit: &str, most: &Node) -> Option<Diagnostic> {
    let key = limit.rsplit('.').next().unwrap_or_default();
    let bound = (view.measure)(key, most).ok()?;
    let limits = amounts(view, limit);
    let (first, _) = limits.first().filter(|_| limits.iter().all(|(_, limit)| bound > *limit))?;
    let diagnostic = Diagnostic::new(&code::BOUND_BEYOND_PROFILE, "a request may reserve more than a server may use");
    Some(
        diagnostic
            .at(most.span, "the bound")
            .at(first.span, "the most that servers may use")
            .help(format!("lower `max`, or list `{limit}` too")),
    )
}

/// What the profiles set at a path, where it is the same for all users.
fn amounts<'a>(view: &ConfigView<'a>, path: &str) -> Vec<(&'a Node, f64)> {
    let first = path.split('.').next().unwrap_or_default();
    let container = PROFILE_SHORTCUTS.contains(&first).then_some("container_spec");
    let key = path.rsplit('.').next().unwrap_or_default();
    let at = |spec: &'a Node| {
        let path = container.into_iter().chain(path.split('.'));
        path.into_iter().try_fold(spec, |node, key| node.get(key))
    };
    let nodes = view.profiles.iter().filter_map(|profile| at(profile.spec));
    nodes.filter_map(|node| Some((node, (view.measure)(key, node).ok()?))).collect()
}
