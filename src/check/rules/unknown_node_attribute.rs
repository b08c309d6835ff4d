//! SG248 unknown-node-attribute.

use super::ServerView;
use crate::check::canonical::printable;
use crate::check::placement::{parse, spread_descriptor};
use crate::diag::{Diagnostic, closest, code, fix};
use crate::ir::Text;
use crate::source::Node;

/// The attributes that constraints can name, in any case. Source: swarmkit's `manager/constraint/constraint.go`.
const ATTRIBUTES: [&str; 6] =
    ["node.hostname", "node.id", "node.ip", "node.platform.arch", "node.platform.os", "node.role"];
/// What the names of labels start with; preferences can name nothing else. Source: swarmkit's
/// `manager/scheduler/nodeset.go`.
const LABELS: [&str; 2] = ["engine.labels.", "node.labels."];
/// What people call the attributes.
const CALLED: [(&str, &str); 12] = [
    ("arch", "node.platform.arch"),
    ("hostname", "node.hostname"),
    ("id", "node.id"),
    ("ip", "node.ip"),
    ("node.addr", "node.ip"),
    ("node.arch", "node.platform.arch"),
    ("node.architecture", "node.platform.arch"),
    ("node.name", "node.hostname"),
    ("node.os", "node.platform.os"),
    ("node.platform.architecture", "node.platform.arch"),
    ("os", "node.platform.os"),
    ("role", "node.role"),
];
/// The values of `node.role`.
const ROLES: [&str; 2] = ["manager", "worker"];

/// Finds constraints and preferences that name what no node has. The engine takes them: the server waits for ever, or
/// is spread over nothing (swarm-facts 5).
pub(super) fn check(view: &ServerView<'_>) -> Vec<Diagnostic> {
    let placement = &view.service.placement;
    let constraints = pairs(view, "constraints", &placement.constraints);
    let spread = pairs(view, "preferences", &placement.spread);
    constraints.filter_map(constraint).chain(spread.filter_map(preference)).collect()
}

/// The texts with their nodes; none if some could not be made, and none that is not known.
fn pairs<'a>(view: &ServerView<'a>, key: &str, texts: &'a [Text]) -> impl Iterator<Item = (&'a str, &'a Node)> {
    let nodes = if texts.is_empty() { None } else { view.spec.get("placement").and_then(|node| node.get(key)) };
    let nodes = nodes.and_then(Node::as_seq).filter(|nodes| nodes.len() == texts.len()).unwrap_or_default();
    let (probe, varies) = (view.probe, view.varies);
    let pairs = texts.iter().zip(nodes).filter(move |(_, node)| !(probe && varies(node)));
    pairs.filter(|(text, _)| !text.is_secret()).map(|(text, node)| (text.expose(), node))
}

fn constraint((text, node): (&str, &Node)) -> Option<Diagnostic> {
    let part = parse(text).filter(|part| !part.key.is_empty())?;
    if is_label(part.key) {
        return None;
    }
    if !is_one_of(part.key, &ATTRIBUTES) {
        let message = match stands_in(node, part.key) {
            true => format!("no node has the attribute `{}`", printable(part.key)),
            false => "this constraint names an attribute that no node has".to_owned(),
        };
        let diagnostic = Diagnostic::new(&code::UNKNOWN_NODE_ATTRIBUTE, message).at(node.span, "");
        let diagnostic = diagnostic.note("the server would wait for a node for ever");
        return Some(advise(diagnostic, node, part.key, suggestion(part.key)));
    }
    if !part.key.eq_ignore_ascii_case("node.role") || is_one_of(part.value, &ROLES) {
        return None;
    }
    let message = "a node's role is `manager` or `worker`";
    let diagnostic = Diagnostic::new(&code::UNKNOWN_NODE_ATTRIBUTE, message).at(node.span, "");
    let diagnostic = diagnostic.note(match part.equal {
        true => "the server would wait for a node for ever",
        false => "every node fulfils this",
    });
    let near = closest(part.value, ROLES).map(str::to_owned);
    Some(match near {
        Some(near) => advise(diagnostic, node, part.value, Some(near)),
        None => diagnostic.help("write `node.role==worker`, or name a label: `node.labels.KEY==VALUE`"),
    })
}

fn preference((descriptor, node): (&str, &Node)) -> Option<Diagnostic> {
    if is_label(descriptor) {
        return None;
    }
    let message = "servers are spread over the values of a label only";
    let diagnostic = Diagnostic::new(&code::UNKNOWN_NODE_ATTRIBUTE, message).at(node.span, "this names no label");
    let diagnostic = diagnostic.note("the engine takes the preference and does nothing with it");
    let meant = suggestion(descriptor).filter(|meant| is_label(meant));
    let own = node.as_str().and_then(spread_descriptor).filter(|own| *own == descriptor);
    Some(match meant.filter(|_| own.is_some()) {
        Some(meant) => advise(diagnostic, node, descriptor, Some(meant)),
        None => diagnostic.help("give the nodes a label, and write `spread=node.labels.KEY`"),
    })
}

/// Says what was meant, and writes it where the word stands in the config as it is.
fn advise(diagnostic: Diagnostic, node: &Node, word: &str, meant: Option<String>) -> Diagnostic {
    let Some(meant) = meant else {
        let known = ATTRIBUTES.map(|name| format!("`{name}`")).join(", ");
        return diagnostic.help(format!("write `node.labels.KEY`, `engine.labels.KEY` or one of {known}"));
    };
    let diagnostic = diagnostic.help(format!("did you mean `{}`?", printable(&meant)));
    match node.as_str().filter(|own| own.matches(word).count() == 1) {
        Some(own) => {
            let title = format!("write `{}`", printable(&meant));
            diagnostic.fix(node.span, fix::quoted(&own.replacen(word, &meant, 1)), title)
        }
        None => diagnostic,
    }
}

fn stands_in(node: &Node, word: &str) -> bool {
    node.as_str().is_some_and(|own| own.contains(word))
}

fn is_one_of(word: &str, words: &[&str]) -> bool {
    words.iter().any(|known| known.eq_ignore_ascii_case(word))
}

fn is_label(name: &str) -> bool {
    let starts = |prefix: &&str| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    LABELS.iter().any(|prefix| name.len() > prefix.len() && starts(prefix))
}

/// The attribute that was most likely meant.
fn suggestion(key: &str) -> Option<String> {
    let folded = key.to_ascii_lowercase();
    if let Some((_, meant)) = CALLED.iter().find(|(called, _)| *called == folded) {
        return Some((*meant).to_owned());
    }
    let mut parts = key.splitn(3, '.');
    let (first, second, rest) = (parts.next()?, parts.next(), parts.next());
    match (second, rest) {
        (Some(second), Some(rest)) if !rest.is_empty() => {
            let prefix = format!("{first}.{second}.");
            if let Some(meant) = closest(&prefix, LABELS) {
                return Some(format!("{meant}{rest}"));
            }
        }
        (Some(label), None) if !label.is_empty() && closest(first, ["labels"]).is_some() => {
            return Some(format!("node.labels.{label}"));
        }
        _ => {}
    }
    closest(key, ATTRIBUTES).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggestions() {
        for (key, meant) in [
            ("node.hostnam", Some("node.hostname")),
            ("node.label.gpu", Some("node.labels.gpu")),
            ("node.lables.a.b", Some("node.labels.a.b")),
            ("engine.label.x", Some("engine.labels.x")),
            ("labels.gpu", Some("node.labels.gpu")),
            ("hostname", Some("node.hostname")),
            ("node.Name", Some("node.hostname")),
            ("node.plattform.os", Some("node.platform.os")),
            ("node.foo", None),
            ("gpu", None),
        ] {
            assert_eq!(suggestion(key).as_deref(), meant, "{key}");
        }
    }

    #[test]
    fn labels_have_names() {
        assert!(is_label("node.labels.x") && is_label("Engine.Labels.x"));
        assert!(!is_label("node.labels.") && !is_label("node.labels") && !is_label("node.label.x"));
    }
}
