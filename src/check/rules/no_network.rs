//! SG239 no-network.

use super::ServerView;
use crate::diag::{Diagnostic, code};

/// Finds servers of a hub that are on no network: the hub cannot reach them, nor they the hub.
///
/// A note, since a snippet of a config, as every one of `SwarmSpawner`'s README, leaves the network to what surrounds it.
pub(super) fn check(view: &ServerView<'_>) -> Vec<Diagnostic> {
    if view.hub.is_none() || !view.service.networks.is_empty() {
        return Vec::new();
    }
    let span = view.spec.get("networks").map(|node| node.span).or(view.hub_span);
    vec![
        Diagnostic::new(&code::NO_NETWORK, "servers are on no network, so that the hub cannot reach them")
            .maybe_at(span, "")
            .help("set `networks` to an overlay network that the hub is on too"),
    ]
}
