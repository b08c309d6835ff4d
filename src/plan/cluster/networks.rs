//! SG510 missing-network.

use super::{ClusterView, listed};
use crate::diag::{Diagnostic, closest, code};
use crate::plan::observed::find_network;

/// Finds networks that the swarm does not have, or that no service can be attached to.
pub(super) fn check(view: &ClusterView<'_>) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for server in view.servers {
        for (index, network) in server.service.networks.iter().enumerate() {
            let (target, shown) = (network.target.expose(), &network.target);
            // The nodes' own networks are rule SG240's.
            if matches!(target, "host" | "bridge" | "none") {
                continue;
            }
            let at = format!("/networks/{index}");
            let found = find_network(&view.state.networks, target);
            let finding = |message: String, label: &str| server.finding(&code::MISSING_NETWORK, message, &at, label);
            let Some(found) = found else {
                let names: Vec<&str> = overlays(view).collect();
                let finding = finding(format!("the swarm has no network `{shown}`"), "no such network");
                findings.push(match closest(target, names.iter().copied()) {
                    Some(near) => finding.help(format!("did you mean `{near}`?")),
                    None if names.is_empty() => {
                        finding.help(format!("create it: `docker network create --driver overlay {shown}`"))
                    }
                    None => finding.help(format!("create it, or name one that is there: {}", listed(names))),
                });
                continue;
            };
            // Whatever their drivers: the engine takes a service on any network of the swarm's.
            if found.ingress {
                findings.push(
                    finding(format!("`{shown}` is the routing mesh, to which no service is attached"), "no overlay")
                        .help("name an overlay network of the swarm"),
                );
            } else if found.scope != "swarm" {
                let (scope, driver) = (&found.scope, &found.driver);
                let message = format!("the network `{shown}` is not the swarm's: its scope is {scope}");
                findings.push(
                    finding(message, "known to one node only")
                        .note(format!("its driver is {driver}; the engine refuses services on networks of one node"))
                        .help(format!("create one with `docker network create --driver overlay {shown}-swarm`")),
                );
            }
        }
    }
    findings
}

/// The names of the networks that services can be attached to.
fn overlays<'a>(view: &'a ClusterView<'_>) -> impl Iterator<Item = &'a str> {
    view.state.networks.iter().filter(|network| network.scope == "swarm" && !network.ingress).map(|one| &*one.name)
}
