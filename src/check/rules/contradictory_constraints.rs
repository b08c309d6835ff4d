//! SG230 contradictory-constraints.

use super::ServerView;
use crate::check::placement::{Constraint, parse};
use crate::diag::{Diagnostic, code};
use crate::source::Node;

/// Finds constraints that no node can fulfil together.
pub(super) fn check(view: &ServerView<'_>) -> Vec<Diagnostic> {
    let texts = &view.service.placement.constraints;
    if texts.len() < 2 {
        return Vec::new();
    }
    let nodes = view.spec.get("placement").and_then(|placement| placement.get("constraints")).and_then(Node::as_seq);
    let nodes = nodes.unwrap_or_default();
    if texts.len() != nodes.len() {
        return Vec::new();
    }
    let known = texts.iter().zip(nodes).filter(|(_, node)| !(view.probe && (view.varies)(node)));
    let constraints: Vec<(Constraint<'_>, &Node)> =
        known.filter_map(|(text, node)| Some((parse(text.expose())?, node))).collect();
    let mut findings = Vec::new();
    for (index, (constraint, node)) in constraints.iter().enumerate() {
        let Some((_, first)) = constraints[..index].iter().find(|(earlier, _)| exclude(earlier, constraint)) else {
            continue;
        };
        findings.push(
            Diagnostic::new(&code::CONTRADICTORY_CONSTRAINTS, "no node can fulfil both constraints")
                .at(node.span, "this one")
                .at(first.span, "and this one")
                .note("the server would wait for a node for ever")
                .help("remove one of them"),
        );
    }
    findings
}

/// Tells whether two constraints exclude each other. Values ignore case (swarm-facts 5); an address can lie in several
/// networks.
fn exclude(one: &Constraint<'_>, other: &Constraint<'_>) -> bool {
    if !same_key(one.key, other.key) || one.key.eq_ignore_ascii_case("node.ip") {
        return false;
    }
    let same = one.value.eq_ignore_ascii_case(other.value);
    match (one.equal, other.equal) {
        (true, true) => !same,
        (true, false) | (false, true) => same,
        (false, false) => !same && is_role(one) && is_role(other),
    }
}

/// Tells whether a constraint is about one of the two roles.
fn is_role(constraint: &Constraint<'_>) -> bool {
    let is = |value| constraint.value.eq_ignore_ascii_case(value);
    constraint.key.eq_ignore_ascii_case("node.role") && (is("manager") || is("worker"))
}

/// A label's name has its case, all else has none.
fn same_key(one: &str, other: &str) -> bool {
    const LABELS: &str = ".labels.";
    let start = one.to_ascii_lowercase().find(LABELS).map_or(one.len(), |at| at + LABELS.len());
    match (one.get(..start), other.get(..start)) {
        (Some(a), Some(b)) => a.eq_ignore_ascii_case(b) && one.get(start..) == other.get(start..),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contradictions() {
        let excluded = |one, other| parse(one).zip(parse(other)).map(|(one, other)| exclude(&one, &other));
        for (one, other) in [
            ("node.role==worker", "node.role == manager"),
            ("node.role!=worker", "node.role!=Manager"),
            ("node.Role==worker", "node.role!=Worker"),
            ("node.labels.a==x", "Node.Labels.a==y"),
        ] {
            assert_eq!(excluded(one, other), Some(true), "{one} {other}");
            assert_eq!(excluded(other, one), Some(true), "{other} {one}");
        }
        for (one, other) in [
            ("node.role==worker", "node.role==WORKER"),
            ("node.role==worker", "node.role!=manager"),
            ("node.labels.a==x", "node.labels.A==y"),
            ("node.labels.a==x", "node.labels.ab==y"),
            ("node.ip==10.0.0.0/8", "node.ip==10.1.0.0/16"),
        ] {
            assert_eq!(excluded(one, other), Some(false), "{one} {other}");
        }
    }
}
