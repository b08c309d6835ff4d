//! The swarm, read once.

use futures_util::try_join;

use super::api::{ApiError, EngineInfo, SwarmApi, TaskFilter};
use crate::plan::ObservedState;

/// The label that names a service's deployment.
const DEPLOYMENT: &str = "swarmgen.deployment";

/// Why a swarm could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ObserveError {
    /// The engine is in no swarm.
    #[error("this engine is in no swarm; make one with `docker swarm init`, or name a manager of yours with `-H`")]
    NoSwarm,
    /// The engine is a worker, or a manager that is none yet or no longer.
    #[error(
        "this engine is no manager of its swarm, and only managers know its services; name one of {} with `-H` or `--context`",
        managers(.0)
    )]
    NoManager(Vec<String>),
    /// The swarm is locked.
    #[error("this swarm is locked; open it with `docker swarm unlock`")]
    Locked,
    /// The engine cannot take part in its swarm, or is about to join one.
    #[error("this engine's swarm is not ready ({state}){}; see `docker info`", colon(.error))]
    NotReady {
        /// The engine's word for it.
        state: String,
        /// The engine's reason; it may be empty.
        error: String,
    },
    /// A call failed.
    #[error(transparent)]
    Api(#[from] ApiError),
}

fn managers(addresses: &[String]) -> String {
    if addresses.is_empty() { "them".to_owned() } else { addresses.join(", ") }
}

fn colon(error: &str) -> String {
    if error.is_empty() { String::new() } else { format!(": {error}") }
}

/// Makes sure that the engine answers for a swarm.
///
/// # Errors
///
/// No swarm, no manager, a locked swarm.
pub fn check(info: &EngineInfo) -> Result<(), ObserveError> {
    match info.swarm_state.as_str() {
        "active" if info.is_manager => Ok(()),
        "active" => Err(ObserveError::NoManager(info.managers.clone())),
        "locked" => Err(ObserveError::Locked),
        "inactive" | "" => Err(ObserveError::NoSwarm),
        state => Err(ObserveError::NotReady { state: state.to_owned(), error: info.swarm_error.clone() }),
    }
}

/// Reads the swarm, and of its tasks those of a deployment: eight calls, however many services there are.
///
/// # Errors
///
/// An engine that answers for no swarm, and the first call that failed.
pub async fn observe(engine: &impl SwarmApi, deployment: &str) -> Result<ObservedState, ObserveError> {
    let info = engine.info().await?;
    check(&info)?;
    let filter = TaskFilter::Label(format!("{DEPLOYMENT}={deployment}"));
    let (services, networks, configs, secrets, nodes, volumes, tasks) = try_join!(
        engine.services(None),
        engine.networks(),
        engine.configs(),
        engine.secrets(),
        engine.nodes(),
        engine.volumes(),
        engine.tasks(&filter),
    )?;
    Ok(ObservedState { api: info.api, node: info.node_id, services, networks, configs, secrets, volumes, nodes, tasks })
}
