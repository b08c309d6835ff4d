//! SG228 shared-sshfs.

use super::ServerView;
use crate::diag::{Diagnostic, code};
use crate::ir::{Mount, MountKind};
use crate::source::Node;

/// The sshfs plugin's ways to log in.
const CREDENTIALS: [&str; 3] = ["id_rsa", "identity_file", "password"];

/// Finds sshfs volumes with one name for all users and options of each user's own. The engine keeps the options that a
/// volume was made with (swarm-facts 3), so that everybody on the node would be given the first one's files.
pub(super) fn check(view: &ServerView<'_>, mount: &Mount, node: &Node) -> Option<Diagnostic> {
    let different = different(view, mount, node)?;
    let source = node.get("source")?;
    let mut diagnostic =
        Diagnostic::new(&code::SHARED_SSHFS, "every user of a node would be given the first one's files")
            .at(source.span, "the name is the same for every user");
    if different.span != node.span {
        diagnostic = diagnostic.at(different.span, "and this is not");
    } else {
        diagnostic = diagnostic.note("the mount logs in with each user's own credential");
    }
    Some(
        diagnostic
            .note("the engine keeps the options that a volume was made with, and ignores later ones")
            .help("put `{name}` into the volume's name"),
    )
}

/// What of an sshfs volume differs from user to user while its name does not; the mount itself stands for a credential
/// that it does not name.
pub(super) fn different<'n>(view: &ServerView<'_>, mount: &Mount, node: &'n Node) -> Option<&'n Node> {
    let MountKind::Volume { source: Some(_), driver: Some(driver), .. } = &mount.kind else { return None };
    // Only the plugin has this option, and each of its volumes has it.
    driver.options.iter().find(|(key, _)| &**key == "sshcmd")?;
    if (view.varies)(node.get("source")?) {
        return None;
    }
    let options = match node.get("driver_config") {
        Some(config) => config.get("options")?,
        None => node,
    };
    let own = |key: &&str| options.get(key);
    let further = node.get("options").filter(|_| node.get("driver_config").is_none());
    let values = ["sshcmd", "port"].iter().chain(&CREDENTIALS).filter_map(own).chain(further);
    let unnamed = CREDENTIALS.iter().filter_map(own).next().is_none() && CREDENTIALS.iter().any(|key| (view.own)(key));
    values.into_iter().find(|value| (view.differs)(value)).or_else(|| unnamed.then_some(node))
}
