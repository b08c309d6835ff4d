//! SG253 target-clash.

use std::collections::HashMap;

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
    let mut taken: HashMap<String, (Kind, &str, Span)> = HashMap::new();
    let mut findings = Vec::new();
    for (kind, text, node) in mounts.chain(configs).chain(secrets) {
        if view.probe && (view.varies)(node) {
            continue;
        }
        let own = (kind, text.expose(), node.span);
        match taken.get(&whole(kind, text.expose())) {
            Some((first, spelling, _)) if (*first, *spelling) == (kind, text.expose()) => {}
            Some((first, _, span)) => findings.push(clash(kind, node.span, *first, *span)),
            None => {
                taken.insert(whole(kind, text.expose()), own);
            }
        }
    }
    findings
}

fn clash(kind: Kind, span: Span, first: Kind, first_span: Span) -> Diagnostic {
    let of = if kind == first {
        format!("two {}s have", &kind.word()[2..])
    } else {
        format!("{} and {} have", first.word(), kind.word())
    };
    Diagnostic::new(&code::TARGET_CLASH, format!("{of} one path in the container"))
        .at(span, kind.word())
        .at(first_span, first.word())
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
fn whole(kind: Kind, path: &str) -> String {
    let folder = if path.starts_with('/') { "" } else { kind.folder() };
    let mut whole = String::with_capacity(folder.len() + path.len() + 1);
    for part in folder.split('/').chain(path.split('/')).filter(|part| !part.is_empty() && *part != ".") {
        whole.push('/');
        whole.push_str(part);
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_whole() {
        for (kind, path, expected) in [
            (Kind::Mount, "/srv//x/", "/srv/x"),
            (Kind::Config, "x", "/x"),
            (Kind::Config, "./x", "/x"),
            (Kind::Secret, "x", "/run/secrets/x"),
            (Kind::Secret, "/x", "/x"),
        ] {
            assert_eq!(whole(kind, path), expected);
        }
    }
}
