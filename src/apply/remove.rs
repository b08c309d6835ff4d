//! Volumes that go with their services, and those that this engine cannot reach.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::plan::graph::Removal;
use crate::plan::label::{hides_volume, is_true};
use crate::plan::observed::{ObservedNode, ObservedState, ObservedTask};

use super::api::{ApiError, SwarmApi};
use super::event::Subject;
use super::outcome::Undo;
use super::work::{Failure, Work};

/// How long a volume may stay in use after its service is gone, besides the time that its container may take to stop.
/// Seen: 16 s where the first process ignores the signal to end (10 s of them are its grace).
const VOLUME_PATIENCE: Duration = Duration::from_secs(20);
const VOLUME_PAUSE: Duration = Duration::from_secs(1);
/// The engine's own grace for a container.
const STOP_GRACE: Duration = Duration::from_secs(10);

/// A volume that goes with its service, on a node whose engine is not the one at hand.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RemoteVolume {
    /// Its name; `None` where only the node can tell, as it is made of a template of Swarm's, and where it is a secret.
    pub name: Option<String>,
    /// The service that used it.
    pub service: String,
    /// The node's host name.
    pub host: String,
}

impl RemoteVolume {
    /// The command that removes it, or shows what to remove.
    pub fn command(&self) -> String {
        match &self.name {
            Some(name) => format!("docker -H ssh://{} volume rm {name}", self.host),
            None => format!("docker -H ssh://{} volume ls --filter label=autoremove", self.host),
        }
    }
}

/// Lists the volumes of services that go, labelled autoremove, that are on other nodes than the engine's own.
///
/// Where a service's tasks ran is told by those that the swarm still knows.
pub fn remote_volumes(state: &ObservedState, removed: &[&Removal]) -> Vec<RemoteVolume> {
    let nodes: BTreeMap<&str, &ObservedNode> = state.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
    let mut volumes = Vec::new();
    for old in removed {
        let is_elsewhere =
            |task: &&ObservedTask| task.service_id == old.id && !task.node_id.is_empty() && task.node_id != state.node;
        for task in state.tasks.iter().filter(is_elsewhere) {
            let host = nodes.get(task.node_id.as_str()).map_or(&task.node_id, |node| &node.hostname);
            for name in autoremoved(&old.before.0) {
                let is_told = |name: &&str| !name.contains("{{") && !hides_volume(&old.before.0, name);
                let name = Some(name).filter(is_told).map(str::to_owned);
                volumes.push(RemoteVolume { name, service: old.name.clone(), host: host.clone() });
            }
        }
    }
    volumes.sort();
    volumes.dedup();
    volumes
}

/// The named volumes of a `ServiceSpec` that are labelled to go with it.
pub fn autoremoved(spec: &Value) -> impl Iterator<Item = &str> {
    let goes =
        |mount: &Value| mount.pointer("/VolumeOptions/Labels/autoremove").and_then(Value::as_str).is_some_and(is_true);
    mounted(spec).filter(move |(mount, _)| goes(mount)).map(|(_, source)| source)
}

/// The named volumes that a `ServiceSpec` mounts.
pub fn volumes(spec: &Value) -> impl Iterator<Item = &str> {
    mounted(spec).map(|(_, source)| source)
}

fn mounted(spec: &Value) -> impl Iterator<Item = (&Value, &str)> {
    let mounts = spec.pointer("/TaskTemplate/ContainerSpec/Mounts").and_then(Value::as_array);
    mounts.into_iter().flatten().filter_map(|mount| {
        let is_volume = mount.get("Type").and_then(Value::as_str) == Some("volume");
        let source = mount.get("Source")?.as_str().filter(|source| !source.is_empty())?;
        is_volume.then_some((mount, source))
    })
}

/// How long the volumes of a service may stay in use once its tasks are ended.
pub(super) fn patience(spec: &Value) -> Duration {
    let grace = spec.pointer("/TaskTemplate/ContainerSpec/StopGracePeriod").and_then(Value::as_u64);
    VOLUME_PATIENCE + grace.map_or(STOP_GRACE, Duration::from_nanos)
}

impl<A: SwarmApi> Work<'_, A> {
    /// Removes a volume as soon as nothing uses it any more; one that is not there is as good as removed.
    pub(super) async fn remove_volume(&self, name: &str, subject: Subject, bound: Duration) -> Result<(), Failure> {
        let start = Instant::now();
        loop {
            match self.repeat(&subject, || self.run.api.remove_volume(name)).await? {
                Ok(()) => {
                    self.ledger.note(Undo::Gone { subject });
                    return Ok(());
                }
                Err(ApiError::NotFound { .. }) => return Ok(()),
                Err(ApiError::Conflict { .. }) if start.elapsed() < bound => self.pause(VOLUME_PAUSE).await?,
                Err(error @ ApiError::Conflict { .. }) => {
                    let (words, seconds) = (self.words(&error), bound.as_secs());
                    return Err(Failure::Failed(format!("it is still in use after {seconds} s: {words}")));
                }
                Err(error) => return Err(self.failed(&error)),
            }
        }
    }
}
