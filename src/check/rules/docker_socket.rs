//! SG224 docker-socket.

use super::ServerView;
use crate::diag::{Diagnostic, code};
use crate::ir::MountKind;

/// Finds bind mounts through which a container reaches the engine's socket.
pub(super) fn check(view: &ServerView<'_>) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for (mount, node) in view.mounts() {
        let MountKind::Bind { source, .. } = &mount.kind else { continue };
        let Some(what) = reaches(source.expose()) else { continue };
        let Some(node) = node.get("source") else { continue };
        findings.push(
            Diagnostic::new(&code::DOCKER_SOCKET, format!("{what} is mounted into the server"))
                .at(node.span, "whoever holds it is root on the node")
                .note(
                    "on a manager it rules the whole swarm; `read_only` does not keep anybody from writing to a socket",
                )
                .help("remove the mount, or mount a narrower directory"),
        );
    }
    findings
}

/// What of the engine's lies in a path, if its socket does.
fn reaches(path: &str) -> Option<&'static str> {
    let mut parts = path.split('/').filter(|part| !part.is_empty() && *part != ".");
    if !path.starts_with('/') {
        return None;
    }
    match [parts.next(), parts.next(), parts.next(), parts.next()] {
        [None, ..] => Some("the node's whole file system"),
        [Some("run"), None, ..] | [Some("var"), Some("run"), None, _] => Some("the directory of the engine's socket"),
        [Some("run"), Some("docker.sock"), None, _] | [Some("var"), Some("run"), Some("docker.sock"), None] => {
            Some("the engine's socket")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_to_the_socket() {
        for path in ["/", "//", "/./", "/run", "/run/", "/var//run", "/run/docker.sock", "/var/run/docker.sock/"] {
            assert!(reaches(path).is_some(), "{path}");
        }
        for path in ["", "run", "/var", "/run/user", "/var/run/docker.sock/x", "/srv/run", "/docker.sock"] {
            assert!(reaches(path).is_none(), "{path}");
        }
    }
}
