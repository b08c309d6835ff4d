//! Where a server is reached: at its task's address on the first of its networks, or at a port of its node.

use serde_json::Value;

use crate::apply::api::{ApiResult, SwarmApi};
use crate::ir::Service;
use crate::plan::graph::variable;
use crate::plan::observed::{ObservedService, ObservedTask};

use super::request::{State, VERSION};
use super::stop::Goods;

/// How the tasks of a service are reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// On a network, known by its name or id, at the server's own port.
    Network(String, u16),
    /// At a port of the node.
    Node(u16),
    /// From nowhere.
    Nowhere,
}

/// A server that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The id of the network that its address is on; empty for a node's address.
    pub(super) network: String,
    /// Its address.
    pub(super) address: String,
    /// The port there.
    pub(super) port: u16,
    /// The node's id.
    pub(super) node: String,
}

impl Reach {
    /// That of a service to be made, whose server listens on this port.
    pub(super) fn of_service(service: &Service, port: u16) -> Self {
        if let Some(network) = service.networks.first() {
            return Self::Network(network.target.expose().to_owned(), port);
        }
        let mut ports = service.endpoint.ports.iter();
        let published = ports.find(|own| own.target == port && &*own.mode == "host").and_then(|own| own.published);
        published.map_or(Self::Nowhere, Self::Node)
    }

    /// That of a service that is there. Where its server does not say on which port it listens, it is this one.
    fn of_live(there: &ObservedService, port: u16) -> Self {
        let port = variable(&there.spec, "JUPYTERHUB_SERVICE_URL").and_then(port_of).unwrap_or(port);
        let networks = there.spec.pointer("/TaskTemplate/Networks").or_else(|| there.spec.get("Networks"));
        let first = networks.and_then(|networks| networks.get(0)).and_then(|network| network.get("Target"));
        if let Some(network) = first.and_then(Value::as_str) {
            return Self::Network(network.to_owned(), port);
        }
        let ports = there.spec.pointer("/EndpointSpec/Ports").and_then(Value::as_array);
        let is_it = |own: &&Value| {
            own.get("TargetPort").and_then(Value::as_u64) == Some(port.into())
                && own.get("PublishMode").and_then(Value::as_str) == Some("host")
        };
        let published = ports.into_iter().flatten().find(is_it).and_then(|own| own.get("PublishedPort"));
        let published = published.and_then(Value::as_u64).and_then(|own| u16::try_from(own).ok());
        published.map_or(Self::Nowhere, Self::Node)
    }

    /// That of a server whose state was kept.
    pub(super) fn of_state(state: &State) -> Self {
        match state.port {
            0 => Self::Nowhere,
            port if state.network.is_empty() => Self::Node(port),
            port => Self::Network(state.network.clone(), port),
        }
    }

    /// Where a task is, as soon as a node has it: the swarm gives addresses to tasks that still wait for one.
    ///
    /// `known` is where the server was before. A node's address is the same as long as the node is, and asked for once.
    pub(super) async fn find<A: SwarmApi>(
        &self,
        api: &A,
        task: &ObservedTask,
        known: Option<Found>,
    ) -> ApiResult<Option<Found>> {
        let node = task.node_id.clone();
        if node.is_empty() {
            return Ok(None);
        }
        match self {
            Self::Network(network, port) => {
                let on = |own: &&crate::plan::observed::TaskAddress| {
                    (own.network_id == *network || own.network == *network) && !own.address.is_empty()
                };
                Ok(task.addresses.iter().find(on).map(|own| Found {
                    network: own.network_id.clone(),
                    address: own.address.clone(),
                    port: *port,
                    node,
                }))
            }
            Self::Node(_) if known.as_ref().is_some_and(|known| known.node == node) => Ok(known),
            Self::Node(port) => {
                let found = api.nodes().await?.into_iter().find(|own| own.id == node);
                Ok(found.map(|own| Found { network: String::new(), address: own.address, port: *port, node }))
            }
            Self::Nowhere => Ok(None),
        }
    }
}

/// The port of a URL that names one.
fn port_of(url: &str) -> Option<u16> {
    let host = url.split_once("://")?.1.split('/').next()?;
    host.rsplit_once(':')?.1.parse().ok()
}

impl State {
    /// What the start of a service that is there has said, but for where its server is; `configs` hold its uploads.
    pub(super) fn of_live(there: &ObservedService, port: u16, configs: Vec<String>) -> (Self, Reach) {
        let goods = Goods::of_service(there, configs);
        let reach = Reach::of_live(there, port);
        let (network, port) = match &reach {
            Reach::Network(network, port) => (network.clone(), *port),
            Reach::Node(port) => (String::new(), *port),
            Reach::Nowhere => (String::new(), 0),
        };
        let state = Self {
            version: VERSION,
            service: goods.name,
            service_id: there.id.clone(),
            port,
            network,
            configs: goods.configs,
            volumes: goods.volumes,
            ..Self::default()
        };
        (state, reach)
    }

    /// Where the server was found.
    pub(super) fn found(&self) -> Found {
        let Self { network, address, port, node, .. } = self.clone();
        Found { network, address, port, node }
    }

    /// The same with the server where it was found.
    pub(super) fn at(&self, found: &Found) -> Self {
        let Found { network, address, port, node } = found.clone();
        Self { network, address, port, node, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_tells_its_port() {
        for (url, port) in [
            ("http://0.0.0.0:8888/user/alice/", Some(8888)),
            ("http://[::]:80", Some(80)),
            ("http://0.0.0.0/user/a:1/", None),
            ("8888", None),
        ] {
            assert_eq!(port_of(url), port, "{url}");
        }
    }
}
