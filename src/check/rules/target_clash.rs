//! SG253 target-clash.

use std::borrow::Cow;

use super::{ServerView, mount_nodes};
use crate::diag::{Diagnostic, code};
use crate::ir::{FileReference, Text};
use crate::source::{Node, Span};

/// What stands at a path in the container.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Mount,
    Config,
    Secret,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Mount => "a mount",
            Self::Config => "a config",
            Self::Secret => "a secret",
        }
    }

    /// Where names that are no whole paths lie (`ir::FileReference`).
    fn folder(self) -> &'static str {
        if self == Self::Secret { "run/secrets/" } else { "" }
    }
}

/// Finds mounts, configs and secrets that have one path. Of one kind with one spelling, an error tells before.
///
/// Source: moby's `daemon/oci_linux.go`, where all three become mounts, and two of one destination end the start.
pub(super) fn check(view: &ServerView<'_>) -> Vec<Diagnostic> {
    let container = &view.service.container;
    if container.configs.is_empty() && container.secrets.is_empty() {
        return Vec::new();
    }
    let (mounts, nodes) = (&container.mounts, mount_nodes(view.spec));
    // A mount that failed has no part in the service.
    let mounts = if mounts.len() == nodes.len() { mounts.as_slice() } else { &[] };
    let mounts = mounts.iter().zip(nodes);
    let mounts = mounts.filter_map(|(mount, node)| Some((Kind::Mount, &mount.target, node.get("target")?)));
    let configs = files(view, "configs", "config_name", &container.configs);
    let secrets = files(view, "secrets", "secret_name", &container.secrets);
    let configs = configs.map(|(text, node)| (Kind::Config, text, node));
    let secrets = secrets.map(|(text, node)| (Kind::Secret, text, node));
    let mut all: Vec<Placed<'_>> = mounts
        .chain(configs)
        .chain(secrets)
        .filter(|(_, _, node)| !view.probe || !(view.varies)(node))
        .map(|(kind, text, node)| {
            let spelling = text.expose();
            Placed { path: whole(kind, spelling), kind, spelling, span: node.span }
        })
        .collect();
    // Stable: of one path, they stay in their order.
    all.sort_by(|a, b| a.path.cmp(&b.path));
    let mut findings = Vec::new();
    for same in all.chunk_by(|a, b| a.path == b.path) {
        let (first, rest) = (&same[0], &same[1..]);
        let others = rest.iter().filter(|other| (other.kind, other.spelling) != (first.kind, first.spelling));
        findings.extend(others.map(|other| clash(other, first)));
    }
    findings
}

/// Something at a path in the container.
struct Placed<'a> {
    /// In the one spelling.
    path: Cow<'a, str>,
    kind: Kind,
    spelling: &'a str,
    span: Span,
}

fn clash(other: &Placed<'_>, first: &Placed<'_>) -> Diagnostic {
    let (word, first_word) = (other.kind.word(), first.kind.word());
    let of = if other.kind == first.kind {
        format!("two {}s have", &word[2..])
    } else {
        format!("{first_word} and {word} have")
    };
    Diagnostic::new(&code::TARGET_CLASH, format!("{of} one path in the container"))
        .at(other.span, word)
        .at(first.span, first_word)
        .note("each task ends before it starts, or one hides the other")
        .help("give one of them another path")
}

/// Files with the nodes that say their paths; none if some could not be made.
fn files<'a>(
    view: &ServerView<'a>,
    key: &str,
    name: &'static str,
    files: &'a [FileReference],
) -> impl Iterator<Item = (&'a Text, &'a Node)> {
    let container = view.spec.get("container_spec");
    let nodes = container.and_then(|container| container.get(key)).and_then(Node::as_seq).unwrap_or_default();
    let files = if files.len() == nodes.len() { files } else { &[] };
    files.iter().zip(nodes).filter_map(move |(file, node)| {
        Some((&file.file, node.get("filename").filter(|node| node.as_str().is_some()).or(node.get(name))?))
    })
}

/// The whole path, in one spelling.
fn whole(kind: Kind, path: &str) -> Cow<'_, str> {
    if path.starts_with('/') && !path.split('/').skip(1).any(|part| part.is_empty() || part == ".") {
        return Cow::Borrowed(path);
    }
    let folder = if path.starts_with('/') { "" } else { kind.folder() };
    let mut whole = String::with_capacity(folder.len() + path.len() + 1);
    for part in folder.split('/').chain(path.split('/')).filter(|part| !part.is_empty() && *part != ".") {
        whole.push('/');
        whole.push_str(part);
    }
    Cow::Owned(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_whole() {
        for (kind, path, expected) in [
            (Kind::Mount, "/srv/x", "/srv/x"),
            (Kind::Mount, "/srv//x/", "/srv/x"),
            (Kind::Mount, "/srv/./x", "/srv/x"),
            (Kind::Mount, "/", ""),
            (Kind::Config, "x", "/x"),
            (Kind::Config, "./x", "/x"),
            (Kind::Secret, "x", "/run/secrets/x"),
            (Kind::Secret, "/x", "/x"),
        ] {
            assert_eq!(whole(kind, path), expected);
        }
    }
}
