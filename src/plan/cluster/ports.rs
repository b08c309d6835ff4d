//! SG521 port-held.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{ClusterView, listed};
use crate::diag::{Diagnostic, code};
use crate::ir::Port;
use crate::plan::observed::ObservedState;
use crate::resolve::Server;

/// The ports that servers would publish on all nodes and no service publishes yet: nothing may answer there. Whether anything
/// does is only known of TCP.
pub fn to_come(servers: &[Server<'_>], state: &ObservedState) -> BTreeSet<u16> {
    let ports = |list: &'_ Value| -> Vec<u64> {
        list.as_array().into_iter().flatten().filter_map(|port| port.get("PublishedPort")?.as_u64()).collect()
    };
    let of_service = |spec: &Value| spec.pointer("/EndpointSpec/Ports").map(ports).unwrap_or_default();
    let taken: BTreeSet<u64> = state.services.iter().flat_map(|service| of_service(&service.spec)).collect();
    let wanted = servers.iter().flat_map(|server| server.service.endpoint.ports.iter().filter_map(on_all_nodes));
    wanted.filter(|port| !taken.contains(&u64::from(*port))).collect()
}

/// Finds ports that something answers at already, by the nodes on which it does. The engine publishes such a port without an
/// error, and what the users reach is the other process (swarm-facts 7).
pub fn check(view: &ClusterView<'_>, held: &BTreeMap<u16, Vec<String>>) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for server in view.servers {
        for (index, port) in server.service.endpoint.ports.iter().enumerate() {
            let Some((number, nodes)) = on_all_nodes(port).and_then(|number| held.get_key_value(&number)) else {
                continue;
            };
            let message = format!("a process holds the port {number} of {}", listed(nodes.iter().map(|node| &**node)));
            let at = format!("/endpoint_spec/ports/{index}/published");
            let finding = server.finding(&code::PORT_HELD, message, &at, "users would reach that process");
            findings.push(
                finding
                    .note("no service publishes this port, and something answers there; the engine would tell no error")
                    .help(format!("choose another port, or end what listens: `ss -ltnp sport = :{number}` there")),
            );
        }
    }
    findings
}

/// The port that is published on every node, if that is a TCP one and not for the engine to choose.
fn on_all_nodes(port: &Port) -> Option<u16> {
    port.published.filter(|published| *published != 0 && &*port.mode == "ingress" && &*port.protocol == "tcp")
}
