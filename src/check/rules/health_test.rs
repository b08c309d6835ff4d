//! SG252 health-test.

use super::ServerView;
use crate::diag::{Diagnostic, code, fix};
use crate::source::Node;

/// Finds health tests that the engine does not run, or runs as something else. Source: moby's `daemon/health.go`.
pub(super) fn check(view: &ServerView<'_>) -> Vec<Diagnostic> {
    found(view).into_iter().collect()
}

fn found(view: &ServerView<'_>) -> Option<Diagnostic> {
    let words = view.service.container.healthcheck.as_ref()?.test.as_deref()?;
    let test = view.spec.get("container_spec")?.get("healthcheck")?.get("test")?;
    let nodes = test.as_seq()?;
    let (first, node) = words.first().zip(nodes.first())?;
    if words.len() != nodes.len() || (view.probe && (view.varies)(node)) {
        return None;
    }
    let told = |message: &str, node: &Node, label: &str| {
        Diagnostic::new(&code::HEALTH_TEST, message.to_owned()).at(node.span, label.to_owned())
    };
    match (first.expose(), nodes.get(1..).unwrap_or_default()) {
        ("NONE", _) | ("CMD", [_, ..]) => None,
        ("CMD-SHELL", [command]) => command
            .as_str()
            .filter(|command| command.trim().is_empty())
            .map(|_| told("the health test has no command", command, "").help("name the command that asks the server")),
        ("CMD" | "CMD-SHELL", []) => {
            Some(told("the health test has no command", test, "").help("name the command that asks the server"))
        }
        ("CMD-SHELL", [_, further, ..]) => Some(
            told("`CMD-SHELL` takes one command", further, "the command does not get this")
                .note("the shell takes the first string for the command, and the others for its own arguments")
                .help("write the command as one string, or `CMD` in place of `CMD-SHELL`"),
        ),
        (word, _) => {
            let diagnostic = told("the health test starts with none of `CMD`, `CMD-SHELL` and `NONE`", node, "")
                .note("the engine runs no such test, and takes the server to be well at once");
            let folded = word.to_ascii_uppercase().replace('_', "-");
            let meant = ["CMD", "CMD-SHELL", "NONE"].into_iter().find(|kind| *kind == folded);
            Some(match meant.filter(|_| node.as_str() == Some(word)) {
                Some(meant) => diagnostic.help(format!("write `{meant}` in capitals")).fix(
                    node.span,
                    fix::quoted(meant),
                    format!("write `{meant}`"),
                ),
                None => diagnostic.help("put `\"CMD\"` before it, or write the test as one string for a shell"),
            })
        }
    }
}
