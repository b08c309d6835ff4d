//! A server is stopped: its service goes, and with it the user's uploads and the volumes labelled `autoremove`.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::apply::api::{ApiError, SwarmApi, TaskFilter};
use crate::apply::redact::Redactor;
use crate::apply::remove::{autoremoved, volumes};
use crate::ir::{MountKind, Service};
use crate::plan::label::{AUTOREMOVE, is_true};
use crate::plan::observed::{ObservedService, ObservedTask};
use crate::resolve::decode::LABEL_DEPLOYMENT;

use super::event::{Event, Kind, Removed, Stage, Unreachable};
use super::{Owner, Teller, Which, engine_failed};

/// Between two tries to remove a volume that is in use still.
const BETWEEN: Duration = Duration::from_secs(1);
/// So often is a volume found in use before it is looked who uses it.
const OWN_REFUSALS: u32 = 2;

/// A server to be stopped.
pub struct Stop<'a, A> {
    /// The engine.
    pub api: &'a A,
    /// Which one.
    pub which: Which<'a>,
    /// Whether nothing is waited for.
    pub now: bool,
    /// When to give up waiting.
    pub deadline: Instant,
}

/// What belongs to a server on the swarm.
#[derive(Clone, Debug, Default)]
pub(super) struct Goods {
    /// The service's name.
    pub(super) name: String,
    /// The service's id, if it is there.
    pub(super) service: Option<String>,
    /// The ids of the configs that hold uploads.
    pub(super) configs: Vec<String>,
    /// The volumes labelled `autoremove`.
    pub(super) volumes: Vec<String>,
    /// The ids of the nodes that the server ran on.
    pub(super) nodes: Vec<String>,
}

/// What was removed, and what was not.
#[derive(Debug, Default)]
pub(super) struct Cleared {
    pub(super) removed: Removed,
    pub(super) unreachable: Vec<Unreachable>,
    /// What is still there.
    pub(super) left: Vec<Left>,
}

/// Something that is still there, and why.
#[derive(Debug)]
pub(super) struct Left {
    kind: Kind,
    name: String,
    reason: Option<String>,
}

impl Cleared {
    /// What stays, wherever it is.
    pub(super) fn told(self) -> Vec<Unreachable> {
        self.unreachable.into_iter().chain(self.left.into_iter().map(Unreachable::from)).collect()
    }
}

impl Left {
    fn new(kind: Kind, name: &str) -> Self {
        Self { kind, name: name.to_owned(), reason: None }
    }

    fn because(self, error: &ApiError, redactor: &Redactor) -> Self {
        Self { reason: Some(redactor.redact(&error.to_string())), ..self }
    }
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.word(), self.name)?;
        self.reason.iter().try_for_each(|reason| write!(f, " ({reason})"))
    }
}

/// On the engine's own node.
impl From<Left> for Unreachable {
    fn from(Left { kind, name, reason }: Left) -> Self {
        Self { command: format!("docker {} rm {name}", kind.word()), kind, name, node: String::new(), reason }
    }
}

impl Goods {
    /// What a service that is there says of itself.
    pub(super) fn of_service(there: &ObservedService, configs: Vec<String>) -> Self {
        Self {
            name: there.name().to_owned(),
            service: Some(there.id.clone()),
            configs,
            volumes: autoremoved(&there.spec).map(str::to_owned).collect(),
            nodes: Vec::new(),
        }
    }

    /// All that belongs to a service that is there.
    pub(super) async fn all<A: SwarmApi>(api: &A, owner: Owner<'_>, there: &ObservedService) -> Result<Self, ApiError> {
        let mut goods = Self::of_service(there, uploads(api, owner).await?);
        goods.nodes = nodes(api, &there.id, &goods.volumes).await?;
        Ok(goods)
    }

    /// The volumes that go with a compiled service.
    pub(super) fn volumes_of(service: &Service) -> Vec<String> {
        let volumes = service.container.mounts.iter().filter_map(|mount| {
            let MountKind::Volume { source: Some(source), labels, .. } = &mount.kind else { return None };
            let goes =
                |(key, value): &(std::sync::Arc<str>, crate::ir::Text)| &**key == AUTOREMOVE && is_true(value.expose());
            labels.iter().any(goes).then(|| source.expose().to_owned())
        });
        volumes.collect()
    }

    /// What there is.
    pub(super) fn listed(&self) -> Vec<Left> {
        let service = self.service.iter().map(|_| Left::new(Kind::Service, &self.name));
        let configs = self.configs.iter().map(|id| Left::new(Kind::Config, id));
        let volumes = self.volumes.iter().map(|name| Left::new(Kind::Volume, name));
        service.chain(configs).chain(volumes).collect()
    }
}

/// Removes what belongs to a server; a volume that another server uses as well is for that one to remove.
///
/// # Errors
///
/// The engine could not be asked to remove the service; then nothing else was tried.
pub(super) async fn clear<A: SwarmApi>(
    api: &A,
    goods: &Goods,
    deadline: Instant,
    redactor: &Redactor,
) -> Result<Cleared, ApiError> {
    let mut cleared = Cleared::default();
    if let Some(id) = &goods.service {
        match persistently(deadline, || api.remove_service(id)).await {
            Ok(()) => cleared.removed.service = Some(goods.name.clone()),
            Err(ApiError::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    for id in &goods.configs {
        match persistently(deadline, || api.remove_config(id)).await {
            Ok(()) => cleared.removed.configs.push(id.clone()),
            Err(ApiError::NotFound { .. }) => {}
            Err(error) => cleared.left.push(Left::new(Kind::Config, id).because(&error, redactor)),
        }
    }
    if goods.volumes.is_empty() {
        return Ok(cleared);
    }
    let kept = |error: &ApiError| {
        let left = goods.volumes.iter().map(|name| Left::new(Kind::Volume, name).because(error, redactor));
        left.collect::<Vec<_>>()
    };
    let own = match persistently(deadline, || api.info()).await {
        Ok(info) => info.node_id,
        Err(error) => {
            cleared.left.extend(kept(&error));
            return Ok(cleared);
        }
    };
    let elsewhere: Vec<&String> = goods.nodes.iter().filter(|node| !node.is_empty() && **node != own).collect();
    if !elsewhere.is_empty() {
        let shared = shared(api, goods, deadline).await.unwrap_or_default();
        let nodes = api.nodes().await.unwrap_or_default();
        for node in elsewhere {
            let found = nodes.iter().find(|known| known.id == *node);
            let host = found.map_or(node.as_str(), |node| &node.hostname);
            let own = goods.volumes.iter().filter(|volume| !shared.contains(*volume));
            let volumes = own.map(|volume| Unreachable {
                kind: Kind::Volume,
                name: volume.clone(),
                node: host.to_owned(),
                reason: None,
                command: format!("docker -H ssh://{host} volume rm {volume}"),
            });
            cleared.unreachable.extend(volumes);
        }
    }
    // Where nobody knows any more where it ran, this node is as good as any.
    if goods.nodes.is_empty() || goods.nodes.contains(&own) {
        let there = match persistently(deadline, || api.volumes()).await {
            Ok(there) => there,
            Err(error) => {
                cleared.left.extend(kept(&error));
                return Ok(cleared);
            }
        };
        // One that was there before, without the label, is the user's: the engine looks at no labels of a mount then.
        let goes = |name: &&String| there.iter().any(|volume| volume.name == **name && volume.is_autoremoved());
        let mut going: Vec<&String> = goods.volumes.iter().filter(goes).collect();
        if !going.is_empty() {
            // A server that waits, or is about to be begun anew, has no container that would keep its volume.
            match shared(api, goods, deadline).await {
                Ok(shared) => going.retain(|volume| !shared.contains(*volume)),
                Err(error) => {
                    let left = going.iter().map(|name| Left::new(Kind::Volume, name).because(&error, redactor));
                    cleared.left.extend(left);
                    return Ok(cleared);
                }
            }
        }
        for volume in going {
            match remove_volume(api, goods, volume, deadline).await {
                Ok(()) => cleared.removed.volumes.push(volume.clone()),
                Err(ApiError::NotFound { .. }) => {}
                Err(error) => cleared.left.push(Left::new(Kind::Volume, volume).because(&error, redactor)),
            }
        }
    }
    Ok(cleared)
}

/// Removes a volume as soon as its container is gone.
///
/// # Errors
///
/// That of the engine; `NotFound` also where another server uses it.
async fn remove_volume<A: SwarmApi>(api: &A, goods: &Goods, name: &str, deadline: Instant) -> Result<(), ApiError> {
    let mut refusals = 0;
    loop {
        match persistently(deadline, || api.remove_volume(name)).await {
            Err(ApiError::Conflict { message }) if Instant::now() + BETWEEN < deadline => {
                refusals += 1;
                // At first it is the container of the server itself that uses it.
                if refusals == OWN_REFUSALS
                    && shared(api, goods, deadline).await.is_ok_and(|shared| shared.contains(name))
                {
                    return Err(ApiError::NotFound { message });
                }
                sleep(BETWEEN).await;
            }
            answer => return answer,
        }
    }
}

/// Those of the volumes that other servers use as well: a user's default server and a named one may have one home.
///
/// # Errors
///
/// That of the engine.
async fn shared<A: SwarmApi>(api: &A, goods: &Goods, deadline: Instant) -> Result<BTreeSet<String>, ApiError> {
    let services = persistently(deadline, || api.services(Some(LABEL_DEPLOYMENT))).await?;
    let others = services.iter().filter(|there| goods.service.as_deref() != Some(&there.id));
    let used: BTreeSet<&str> = others.flat_map(|there| volumes(&there.spec)).collect();
    Ok(goods.volumes.iter().filter(|volume| used.contains(volume.as_str())).cloned().collect())
}

/// Makes a call again that failed in passing, until the deadline.
pub(super) async fn persistently<T, F>(deadline: Instant, call: impl Fn() -> F) -> Result<T, ApiError>
where
    F: std::future::Future<Output = Result<T, ApiError>>,
{
    loop {
        match call().await {
            Err(error) if error.is_passing() && Instant::now() + BETWEEN < deadline => sleep(BETWEEN).await,
            answer => return answer,
        }
    }
}

/// Stops a server.
pub async fn stop<A: SwarmApi>(job: &Stop<'_, A>, tell: &dyn Fn(&Event)) -> Event {
    let teller = Teller::new(tell);
    teller.progress(Stage::Removing, "Stopping the server");
    let redactor = Redactor::default();
    match goods(job, &redactor).await {
        Ok(None) => Event::Stopped { removed: Removed::default(), unreachable: Vec::new() },
        Ok(Some(mut goods)) => {
            let mut left = Vec::new();
            if job.now {
                left = std::mem::take(&mut goods.volumes).iter().map(|name| Left::new(Kind::Volume, name)).collect();
            }
            match clear(job.api, &goods, job.deadline, &redactor).await {
                Ok(mut cleared) => {
                    cleared.left.append(&mut left);
                    Event::Stopped { removed: std::mem::take(&mut cleared.removed), unreachable: cleared.told() }
                }
                Err(error) => Event::Failed(engine_failed(&error, &redactor)),
            }
        }
        Err(error) => Event::Failed(engine_failed(&error, &redactor)),
    }
}

/// What is to go, and its secrets. A service that somebody else owns is never touched.
async fn goods<A: SwarmApi>(job: &Stop<'_, A>, redactor: &Redactor) -> Result<Option<Goods>, ApiError> {
    let state = match job.which {
        Which::State(state) => state,
        Which::Name { owner, name, port: _ } => {
            let there = match job.api.service(name).await {
                Ok(there) if owner.owns(&there) => there,
                Ok(_) => return Ok(None),
                Err(ApiError::NotFound { .. }) => {
                    // A start that was interrupted may have come no further than these.
                    let configs = uploads(job.api, owner).await?;
                    return Ok(Some(Goods { name: name.to_owned(), configs, ..Goods::default() }));
                }
                Err(error) => return Err(error),
            };
            redactor.learn_observed(&there);
            return Goods::all(job.api, owner, &there).await.map(Some);
        }
    };
    if !state.volumes.is_empty() {
        // Of a volume that stays the engine or its plugin says why, and may quote the service.
        match job.api.service(&state.service_id).await {
            Ok(there) => redactor.learn_observed(&there),
            Err(ApiError::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    let mut nodes = nodes(job.api, &state.service_id, &state.volumes).await?;
    if !state.node.is_empty() && !nodes.contains(&state.node) {
        nodes.push(state.node.clone());
    }
    Ok(Some(Goods {
        name: state.service.clone(),
        service: Some(state.service_id.clone()),
        configs: state.configs.clone(),
        volumes: state.volumes.clone(),
        nodes,
    }))
}

/// The ids of the configs that hold the uploads of a server.
pub(super) async fn uploads<A: SwarmApi>(api: &A, owner: Owner<'_>) -> Result<Vec<String>, ApiError> {
    use crate::plan::label::{BY_SPAWNER, MADE_BY};
    use crate::resolve::decode::{LABEL_SERVER, LABEL_USER};
    let wanted = [
        (MADE_BY, BY_SPAWNER),
        (LABEL_DEPLOYMENT, owner.deployment),
        (LABEL_USER, owner.user),
        (LABEL_SERVER, owner.server),
    ];
    let configs = api.configs().await?.into_iter();
    let ours = configs
        .filter(|config| wanted.iter().all(|(key, value)| config.labels.get(*key).map(String::as_str) == Some(*value)));
    Ok(ours.map(|config| config.id).collect())
}

/// Where a service's tasks ran, if that matters.
pub(super) async fn nodes<A: SwarmApi>(api: &A, service: &str, volumes: &[String]) -> Result<Vec<String>, ApiError> {
    if volumes.is_empty() {
        return Ok(Vec::new());
    }
    let tasks: Vec<ObservedTask> = match api.tasks(&TaskFilter::Service(service.to_owned())).await {
        Ok(tasks) => tasks,
        Err(ApiError::NotFound { .. }) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut nodes: Vec<String> = tasks.into_iter().map(|task| task.node_id).filter(|id| !id.is_empty()).collect();
    nodes.sort();
    nodes.dedup();
    Ok(nodes)
}
