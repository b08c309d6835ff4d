//! Which ports of the swarm's nodes something answers at.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::bollard::Engine;
use crate::plan::observed::ObservedNode;

/// How long a node may take to take a connection. One behind a wall takes none: nothing is known of it then.
const LIMIT: Duration = Duration::from_secs(1);

/// A port at which no node takes connections. What takes some here, too, is not the node but a wall or a proxy on the way, which takes all.
const CONTROL: u16 = 1;

/// How many connections are tried at once.
const AT_ONCE: usize = 64;

/// Finds those of some ports at which nodes take connections, with the nodes' names.
pub async fn held(engine: &Engine, ports: &BTreeSet<u16>, nodes: &[ObservedNode]) -> BTreeMap<u16, Vec<String>> {
    let is_here = engine.is_local();
    let of_node = |node| ports.iter().filter_map(move |port| Some((node, *port, address(node, is_here)?)));
    let tried = nodes.iter().flat_map(of_node).map(async |(node, port, address)| {
        let is_held = takes(address, port).await && !takes(address, CONTROL).await;
        is_held.then(|| (port, node.hostname.clone()))
    });
    let mut held: BTreeMap<u16, Vec<String>> = BTreeMap::new();
    for (port, node) in stream::iter(tried).buffered(AT_ONCE).filter_map(std::future::ready).collect::<Vec<_>>().await {
        held.entry(port).or_default().push(node);
    }
    held
}

/// Tells whether an address takes connections at a port.
async fn takes(address: IpAddr, port: u16) -> bool {
    matches!(timeout(LIMIT, TcpStream::connect(SocketAddr::new(address, port))).await, Ok(Ok(_)))
}

/// A node's address, if it leads there from here: one for the machine itself does so on the machine.
fn address(node: &ObservedNode, is_here: bool) -> Option<IpAddr> {
    let address: IpAddr = node.address.parse().ok()?;
    let leads_there = is_here || !address.is_loopback();
    (node.state == "ready" && leads_there && !address.is_unspecified()).then_some(address)
}
