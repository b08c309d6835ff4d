//! SG251 host-keys-unchecked.

use super::ConfigView;
use crate::diag::{Diagnostic, code};
use crate::source::Node;

/// Finds volumes on the sshfs plugin, which takes whichever host answers for the one that is meant.
pub(super) fn check(view: &ConfigView<'_>) -> Vec<Diagnostic> {
    let containers = view.profiles.iter().filter_map(|profile| profile.spec.get("container_spec"));
    let mounts = containers.filter_map(|container| container.get("mounts")).filter_map(Node::as_seq).flatten();
    let mut found = Vec::new();
    for mount in mounts {
        // Only the plugin has this option, and each of its volumes has it.
        let options = mount.get("driver_config").map_or(Some(mount), |config| config.get("options"));
        let Some(command) = options.and_then(|options| options.get("sshcmd")) else { continue };
        if !found.contains(&command.span) {
            found.push(command.span);
        }
    }
    let told = |span| {
        Diagnostic::new(&code::HOST_KEYS_UNCHECKED, "the sshfs plugin checks no host keys")
            .at(span, "whoever answers for this host is believed")
            .note("a host in its place would be given the password, and could give other files")
            .help("reach the storage over a network that you trust, and allow this")
    };
    found.into_iter().map(told).collect()
}
