//! SG246 object-size.

use super::ConfigView;
use crate::check::canonical::printable;
use crate::check::object::{MOST_OF_CONFIG, MOST_OF_SECRET};
use crate::diag::{Diagnostic, code};
use crate::source::{Entry, Node};

/// Finds Swarm configs and secrets that the engine would not take for their size, as far as it is known here.
pub(super) fn check(view: &ConfigView<'_>) -> Vec<Diagnostic> {
    let all = |key: &str| view.root.get(key).and_then(Node::as_map).into_iter().flatten();
    let configs = all("swarm_configs").filter_map(|entry| of_config(view, entry));
    let secrets = all("swarm_secrets").filter_map(|entry| {
        let size = (view.size)(&entry.value, true, MOST_OF_SECRET)?;
        judge("secret", entry, &entry.value, size, MOST_OF_SECRET)
    });
    configs.chain(secrets).collect()
}

fn of_config(view: &ConfigView<'_>, entry: &Entry) -> Option<Diagnostic> {
    let (node, size) = match entry.value.get("content") {
        Some(content) => (content, content.as_str()?.len()),
        None => (entry.value.get("file")?, (view.size)(&entry.value, false, MOST_OF_CONFIG)?),
    };
    judge("config", entry, node, size, MOST_OF_CONFIG)
}

fn judge(what: &str, entry: &Entry, node: &Node, size: usize, most: usize) -> Option<Diagnostic> {
    let name = printable(&entry.key);
    if size == 0 {
        let diagnostic = Diagnostic::new(&code::OBJECT_SIZE, format!("the {what} `{name}` is empty"));
        return Some(
            diagnostic
                .at(node.span, format!("the engine takes no empty {what}"))
                .help("put something into it, or remove it and what refers to it"),
        );
    }
    if size <= most {
        return None;
    }
    let limit = if what == "config" { "1,023,999" } else { "511,999" };
    let help = if what == "config" {
        "split it, put it into the image, or mount a volume that holds it"
    } else {
        "keep only the secret part in it, and the rest in a config or a volume"
    };
    let diagnostic = Diagnostic::new(&code::OBJECT_SIZE, format!("the {what} `{name}` is too large"));
    Some(diagnostic.at(node.span, format!("the engine takes at most {limit} bytes")).help(help))
}
