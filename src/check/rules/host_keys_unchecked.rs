//! SG251 host-keys-unchecked.

use super::SpecView;
use crate::diag::{Diagnostic, code};
use crate::source::Node;

/// Finds volumes on the sshfs plugin, which takes whichever host answers for the one that is meant.
pub(super) fn check(view: &SpecView<'_>) -> Vec<Diagnostic> {
    let mounts = view.spec.get("container_spec").and_then(|container| container.get("mounts")).and_then(Node::as_seq);
    mounts
        .unwrap_or_default()
        .iter()
        .filter_map(|mount| {
            // Only the plugin has this option, and each of its volumes has it.
            let options = mount.get("driver_config").map_or(Some(mount), |config| config.get("options"))?;
            let command = options.get("sshcmd")?;
            let diagnostic = Diagnostic::new(&code::HOST_KEYS_UNCHECKED, "the sshfs plugin checks no host keys");
            Some(
                diagnostic
                    .at(command.span, "whoever answers for this host is believed")
                    .note("a host in its place would be given the password, and could give other files")
                    .help("reach the storage over a network that you trust, and allow this"),
            )
        })
        .collect()
}
