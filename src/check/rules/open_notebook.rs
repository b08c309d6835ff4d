//! SG241 open-notebook.
//!
//! Jupyter makes a token of its own where none is set, and an empty `JUPYTER_TOKEN` counts as none. A server is open only
//! where its command line sets an empty token, so that alone is told: the absence of a token is no finding. Source:
//! `IdentityProvider._token_default` of `jupyter_server`. A hub's servers ask the hub instead.

use super::ServerView;
use crate::diag::{Diagnostic, code};
use crate::ir::Text;
use crate::source::Node;

/// Finds servers without a hub that can be reached and whose command line switches the token off, without a password.
pub(super) fn check(view: &ServerView<'_>) -> Vec<Diagnostic> {
    let service = view.service;
    if view.hub.is_some() || (service.networks.is_empty() && service.endpoint.ports.is_empty()) {
        return Vec::new();
    }
    let container = &service.container;
    let words = [("command", &container.command), ("args", &container.args)];
    let all = || words.iter().flat_map(|(_, words)| words.iter().flatten());
    if all().any(|word| has_password(word.expose())) {
        return Vec::new();
    }
    for (key, words) in words {
        let words: &[Text] = words.as_deref().unwrap_or_default();
        let Some(index) = words.iter().enumerate().position(|(index, word)| {
            let next = words.get(index + 1).map(Text::expose);
            empties_token(word.expose(), next)
        }) else {
            continue;
        };
        let nodes = view.spec.get("container_spec").and_then(|container| container.get(key)).and_then(Node::as_seq);
        let Some(node) = nodes.and_then(|nodes| nodes.get(index)) else { continue };
        return vec![
            Diagnostic::new(&code::OPEN_NOTEBOOK, "this lets everybody in who can reach the server")
                .at(node.span, "the token is empty")
                .help("remove it, and set `JUPYTER_TOKEN` in `env` to a secret of the user's"),
        ];
    }
    Vec::new()
}

/// Tells whether a word of a command line sets an empty token; a shell's word may hold a whole command line.
fn empties_token(word: &str, next: Option<&str>) -> bool {
    word.match_indices(".token").any(|(at, found)| match word.get(at + found.len()..) {
        Some("") => matches!(next, Some("" | "''" | "\"\"")),
        Some(rest) => rest.strip_prefix('=').is_some_and(is_empty),
        None => false,
    })
}

/// Tells whether a value that ends at the first white space is empty, quotes aside.
fn is_empty(value: &str) -> bool {
    let value = value.split_whitespace().next().filter(|_| !value.starts_with(char::is_whitespace)).unwrap_or_default();
    value.chars().all(|c| matches!(c, '\'' | '"'))
}

fn has_password(word: &str) -> bool {
    word.match_indices("password").any(|(at, found)| {
        let rest = word.get(at + found.len()..).unwrap_or_default();
        rest.strip_prefix('=').is_some_and(|value| !is_empty(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_tokens_are_found() {
        for word in
            ["--ServerApp.token=", "--NotebookApp.token=''", "exec jupyter lab --IdentityProvider.token= --no-browser"]
        {
            assert!(empties_token(word, None), "{word}");
        }
        assert!(empties_token("--ServerApp.token", Some("")));
        for word in ["--ServerApp.token=abc", "--ServerApp.token='a'", "--ServerApp.tokens=", "--ServerApp.token"] {
            assert!(!empties_token(word, Some("--debug")), "{word}");
        }
        assert!(has_password("--ServerApp.password=argon2:x"));
        assert!(!has_password("--ServerApp.password=''"));
    }
}
