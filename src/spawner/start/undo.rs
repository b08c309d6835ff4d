//! What a start made goes again if it comes to nothing.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::apply::api::{ApiError, SwarmApi};
use crate::plan::observed::ObservedService;
use crate::spawner::event::Unreachable;
use crate::spawner::stop::{Cleared, Goods, Left, clear, nodes, persistently, uploads};
use crate::spawner::wait::Seen;

use super::{BETWEEN_LOOKS, Start};

/// How long what a failed start leaves may take to go; what is there then, stays. Whoever ends the program waits longer:
/// `GRACE` in python/swarmgen/program.py.
const UNDO: Duration = Duration::from_secs(12);
/// So long before that it is tried again.
const MARGIN: Duration = Duration::from_secs(1);
/// How often a service is looked for that may come late.
const LOOKS: u32 = 3;

/// What was made so far, to be removed if it comes to nothing.
#[derive(Debug, Default)]
pub(super) struct Made {
    pub(super) service: Option<String>,
    pub(super) configs: Vec<String>,
    /// Whether a config of our making may exist though the engine's answer is missing.
    pub(super) is_uploading: bool,
    /// Whether a service of our making may exist though the engine's answer is missing.
    pub(super) is_unsure: bool,
    /// What is being removed to be replaced.
    pub(super) old: Option<Goods>,
    /// What of a server that was replaced could not be removed.
    pub(super) unreachable: Vec<Unreachable>,
}

/// What could not be removed.
#[derive(Debug, Default)]
pub(super) struct Undone {
    pub(super) left: Vec<Left>,
    pub(super) unreachable: Vec<Unreachable>,
}

impl<A: SwarmApi> Start<'_, A> {
    /// Removes what was made; what stays is given back.
    pub(super) async fn undo(&self, made: Made, seen: &Seen) -> Undone {
        let until = Instant::now() + UNDO;
        let (unreachable, feared) = (made.unreachable.clone(), self.feared(&made, seen));
        let mut undone = match timeout_at(until, self.remove(made, seen, until - MARGIN)).await {
            Ok(Cleared { left, unreachable, .. }) => Undone { left, unreachable },
            Err(_) => Undone { left: feared, unreachable: Vec::new() },
        };
        undone.unreachable.splice(0..0, unreachable);
        undone
    }

    async fn remove(&self, made: Made, seen: &Seen, deadline: Instant) -> Cleared {
        let feared = self.feared(&made, seen);
        let nothing_but = |left: Vec<Left>| Cleared { left, ..Cleared::default() };
        let Made { service, mut configs, is_uploading, is_unsure, old, .. } = made;
        // What was begun is brought to its end: half a server is of no use.
        if let Some(old) = old {
            return clear(self.api, &old, deadline, self.redactor).await.unwrap_or_else(|_| nothing_but(old.listed()));
        }
        if is_uploading {
            match uploads(self.api, self.owner).await {
                Ok(all) => configs = all,
                Err(_) => return nothing_but(feared),
            }
        }
        let id = match service {
            Some(id) => Some(id),
            // The engine may have made it though its answer was lost.
            None if is_unsure => match self.look_again().await {
                Ok(there) if self.owner.owns(&there) => Some(there.id),
                Ok(_) | Err(ApiError::NotFound { .. }) => None,
                Err(_) => return nothing_but(feared),
            },
            None => None,
        };
        let mut goods = Goods { name: self.service.name.to_string(), service: id, configs, ..Goods::default() };
        // Those of a server that was there before are its own.
        if let Some(id) = &goods.service {
            let volumes = Goods::volumes_of(self.service);
            match persistently(deadline, || nodes(self.api, id, &volumes)).await {
                Ok(nodes) => goods.nodes = nodes,
                Err(_) => return nothing_but(feared),
            }
            // A node makes the volumes that have a driver's options before it fetches the image. Without a node, there are none.
            if !goods.nodes.is_empty() {
                goods.volumes = volumes;
            }
        }
        clear(self.api, &goods, deadline, self.redactor).await.unwrap_or_else(|_| nothing_but(goods.listed()))
    }

    /// What may be there of this start if nothing of it can be removed.
    fn feared(&self, made: &Made, seen: &Seen) -> Vec<Left> {
        let has_service = made.service.is_some() || made.is_unsure;
        let configs = if made.is_uploading {
            self.uploads.iter().map(|upload| upload.config.to_string()).collect()
        } else {
            made.configs.clone()
        };
        let goods = Goods {
            name: self.service.name.to_string(),
            service: has_service.then(String::new),
            configs,
            volumes: if has_service && seen.had_node { Goods::volumes_of(self.service) } else { Vec::new() },
            nodes: Vec::new(),
        };
        made.old.iter().flat_map(Goods::listed).chain(goods.listed()).collect()
    }

    /// Looks for a service whose creation was not answered: the engine may be about to make it.
    async fn look_again(&self) -> Result<ObservedService, ApiError> {
        for _ in 1..LOOKS {
            match self.api.service(&self.service.name).await {
                Err(ApiError::NotFound { .. }) => tokio::time::sleep(BETWEEN_LOOKS).await,
                answer => return answer,
            }
        }
        self.api.service(&self.service.name).await
    }
}
