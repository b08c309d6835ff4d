//! SG224 docker-socket.

use super::ServerView;
use crate::diag::{Diagnostic, code};
use crate::ir::{Mount, MountKind};
use crate::source::Node;

/// What of the engine's lies in a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reached {
    /// Everything.
    All,
    Socket,
    SocketDirectory,
    /// The socket of an engine that an ordinary user runs.
    Rootless,
    /// What the engine keeps: images, containers, volumes, the swarm's keys.
    Files,
}

/// Finds bind mounts through which a container reaches the engine's socket, or the files that it keeps.
pub(super) fn check(_: &ServerView<'_>, mount: &Mount, node: &Node) -> Option<Diagnostic> {
    let MountKind::Bind { source, .. } = &mount.kind else { return None };
    let (what, label, note) = reached(source.expose())?.words();
    Some(
        Diagnostic::new(&code::DOCKER_SOCKET, format!("{what} is mounted into the server"))
            .at(node.get("source")?.span, label)
            .note(note)
            .help("remove the mount, or mount a narrower directory"),
    )
}

impl Reached {
    /// What is mounted, what that means, and what does not help.
    fn words(self) -> (&'static str, &'static str, &'static str) {
        const ROOT: &str = "whoever holds it is root on the node";
        const SWARM: &str =
            "on a manager it rules the whole swarm; `read_only` does not keep anybody from writing to a socket";
        match self {
            Self::All => ("the node's whole file system", ROOT, SWARM),
            Self::Socket => ("the engine's socket", ROOT, SWARM),
            Self::SocketDirectory => ("the directory of the engine's socket", ROOT, SWARM),
            Self::Rootless => (
                "a rootless engine's socket",
                "whoever holds it acts as the user who runs that engine",
                "`read_only` does not keep anybody from writing to a socket",
            ),
            Self::Files => (
                "what the engine keeps on the node",
                "it holds the files of all containers and volumes",
                "the swarm's keys lie there too; `read_only` does not keep anybody from reading them",
            ),
        }
    }
}

/// What of the engine's a path leads to.
fn reached(path: &str) -> Option<Reached> {
    if !path.starts_with('/') {
        return None;
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    // `/var/run` is a link to `/run`.
    let parts = match parts.as_slice() {
        ["var", rest @ ..] if rest.first() == Some(&"run") => rest,
        parts => parts,
    };
    match parts {
        [] => Some(Reached::All),
        ["run"] => Some(Reached::SocketDirectory),
        ["run", "docker.sock"] => Some(Reached::Socket),
        ["run", "user"] | ["run", "user", _] | ["run", "user", _, "docker.sock"] => Some(Reached::Rootless),
        // Below these lies what belongs to one container or volume.
        ["var"] | ["var", "lib"] | ["var", "lib", "docker"] | ["var", "lib", "docker", _] => Some(Reached::Files),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_to_the_engine() {
        for (expected, paths) in [
            (Reached::All, &["/", "//", "/./"] as &[_]),
            (Reached::SocketDirectory, &["/run", "/run/", "/var//run"]),
            (Reached::Socket, &["/run/docker.sock", "/var/run/docker.sock/"]),
            (Reached::Rootless, &["/run/user/1000/docker.sock", "/run/user/1000", "/var/run/user/1000/docker.sock"]),
            (Reached::Files, &["/var/lib/docker", "/var/lib/docker/volumes/", "/var/lib", "/var"]),
        ] {
            for path in paths {
                assert_eq!(reached(path), Some(expected), "{path}");
            }
        }
        for path in [
            "",
            "run",
            "/run/user/1000/x.sock",
            "/var/run/docker.sock/x",
            "/srv/run",
            "/docker.sock",
            "/var/lib/docker/volumes/data/_data",
            "/var/lib/dockerx",
            "/var/www",
        ] {
            assert_eq!(reached(path), None, "{path}");
        }
    }
}
