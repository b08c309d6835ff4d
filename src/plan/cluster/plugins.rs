//! SG512 missing-plugin.

use std::collections::BTreeSet;

use super::{ClusterView, listed};
use crate::diag::{Diagnostic, code};
use crate::ir::{Mount, MountKind, Text};
use crate::plan::observed::ObservedState;

/// The volume plugins that nodes list.
pub(super) fn listed_by_nodes(state: &ObservedState) -> BTreeSet<&str> {
    let plugins = state.nodes.iter().flat_map(|node| &node.plugins);
    plugins.filter(|(kind, _)| kind == "Volume").map(|(_, name)| &**name).collect()
}

/// The plugin that a mount's volume needs, where that is not every engine's own.
pub(super) fn driver_of(mount: &Mount) -> Option<&Text> {
    let MountKind::Volume { driver: Some(driver), .. } = &mount.kind else { return None };
    driver.name.as_ref().filter(|name| !matches!(name.expose(), "" | "local"))
}

/// Finds drivers of volumes that no node lists. Swarm starts a task only where the plugin is listed; one that runs outside of
/// the engine is listed after its first use on that node only (swarm-facts 10), so that this is a warning.
pub(super) fn check(view: &ClusterView<'_>) -> Vec<Diagnostic> {
    let listed_drivers = listed_by_nodes(view.state);
    let mut findings = Vec::new();
    for server in view.servers {
        for (index, mount) in server.service.container.mounts.iter().enumerate() {
            let Some(shown) = driver_of(mount) else { continue };
            let name = shown.expose();
            if listed_drivers.contains(name) {
                continue;
            }
            let at = format!("/container_spec/mounts/{index}");
            let message = format!("no node of the swarm lists the volume plugin `{shown}`");
            let finding = server.finding(&code::MISSING_PLUGIN, message, &at, "needs it");
            let near = [name.strip_suffix(":latest").unwrap_or_default().to_owned(), format!("{name}:latest")];
            findings.push(match near.iter().find(|near| listed_drivers.contains(near.as_str())) {
                Some(near) => finding.help(format!("the nodes list it as `{near}`, and names must be the same")),
                None => finding
                    .help(format!("on each node: `docker plugin install {shown}`"))
                    .note(format!("listed are {}", listed(listed_drivers.iter().copied())))
                    .note("one that runs outside of the engine is listed once `docker volume ls` has used it there"),
            });
        }
    }
    findings
}
