//! The swarm, read once.

use std::collections::BTreeMap;

use futures_util::try_join;

use super::api::{ApiError, EngineInfo, SwarmApi, TaskFilter};
use crate::plan::ObservedState;
use crate::plan::observed::{Labels, ObservedService, ObservedTask};

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
    let (services, networks, configs, secrets, nodes, volumes, mut tasks) = try_join!(
        engine.services(None),
        engine.networks(),
        engine.configs(),
        engine.secrets(),
        engine.nodes(),
        engine.volumes(),
        engine.tasks(&filter),
    )?;
    label(&mut tasks, &services, deployment);
    let EngineInfo { api, cluster, node_id: node, time, .. } = info;
    Ok(ObservedState { api, cluster, node, time, services, networks, configs, secrets, volumes, nodes, tasks })
}

/// Gives tasks the labels of their services.
fn label(tasks: &mut [ObservedTask], services: &[ObservedService], deployment: &str) {
    let services: BTreeMap<&str, &ObservedService> =
        services.iter().map(|service| (service.id.as_str(), service)).collect();
    for task in tasks {
        task.labels = match services.get(task.service_id.as_str()) {
            Some(service) => service.labels(),
            None => Labels::from([(DEPLOYMENT.to_owned(), deployment.to_owned())]),
        };
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::apply::fake::{Answer, FakeEngine, ok, run};

    fn info(swarm: serde_json::Value) -> EngineInfo {
        let fake = FakeEngine::start(move |_| ok(json!({"Swarm": swarm})));
        run(async { fake.connect().await.info().await }).unwrap()
    }

    #[test]
    fn engines_that_answer_for_no_swarm() {
        let peers = json!([{"NodeID": "x", "Addr": "10.0.0.1:2377"}, {"NodeID": "y", "Addr": "10.0.0.2:2377"}]);
        for (swarm, expected) in [
            (json!({"LocalNodeState": "active", "ControlAvailable": true}), ""),
            (
                json!({"LocalNodeState": "inactive", "ControlAvailable": false, "RemoteManagers": null}),
                "this engine is in no swarm; make one with `docker swarm init`, or name a manager of yours with `-H`",
            ),
            (
                json!({"LocalNodeState": "active", "ControlAvailable": false, "RemoteManagers": peers}),
                "this engine is no manager of its swarm, and only managers know its services; name one of 10.0.0.1:2377, 10.0.0.2:2377 with `-H` or `--context`",
            ),
            (
                json!({"LocalNodeState": "active", "ControlAvailable": false}),
                "this engine is no manager of its swarm, and only managers know its services; name one of them with `-H` or `--context`",
            ),
            (json!({"LocalNodeState": "locked"}), "this swarm is locked; open it with `docker swarm unlock`"),
            (
                json!({"LocalNodeState": "error", "Error": "could not find local IP address"}),
                "this engine's swarm is not ready (error): could not find local IP address; see `docker info`",
            ),
            (json!({"LocalNodeState": "pending"}), "this engine's swarm is not ready (pending); see `docker info`"),
        ] {
            let told = check(&info(swarm)).err().map(|error| error.to_string()).unwrap_or_default();
            assert_eq!(told, expected);
        }
    }

    const MANAGER: &str = r#"{"Swarm": {"NodeID": "n1", "LocalNodeState": "active", "ControlAvailable": true}}"#;

    #[test]
    fn one_snapshot_is_eight_calls() {
        let labels = json!({DEPLOYMENT: "physics", "swarmgen.user": "alice"});
        let services: Vec<_> = (0..200)
            .map(|index| json!({"ID": format!("s{index}"), "Version": {"Index": 1}, "Spec": {"Name": "x", "Labels": labels}}))
            .collect();
        let services = json!(services);
        let fake = FakeEngine::start(move |asked| match asked.target.split('?').next().unwrap() {
            "/v1.41/info" => ok(MANAGER),
            "/v1.41/services" => ok(&services),
            "/v1.41/volumes" => ok(r#"{"Volumes": [{"Name": "v"}]}"#),
            "/v1.41/tasks" => ok(r#"[{"ID": "t1", "ServiceID": "s1"}, {"ID": "t2", "ServiceID": "gone"}]"#),
            "/v1.41/networks" => ok(r#"[{"Id": "net"}]"#),
            "/v1.41/nodes" => ok(r#"[{"ID": "node"}]"#),
            "/v1.41/configs" => ok(r#"[{"ID": "config"}]"#),
            "/v1.41/secrets" => ok(r#"[{"ID": "secret"}]"#),
            _ => Answer::Status(404, asked.target.clone()),
        });
        let state = run(async { observe(&fake.connect().await, "physics").await }).unwrap();
        assert_eq!((state.node.as_str(), state.services.len()), ("n1", 200));
        let ids = (&*state.networks[0].id, &*state.nodes[0].id, &*state.configs[0].id, &*state.secrets[0].id);
        assert_eq!((ids, &*state.volumes[0].name), (("net", "node", "config", "secret"), "v"));
        assert_eq!(state.tasks[0].labels["swarmgen.user"], "alice");
        assert_eq!(state.tasks[1].labels, Labels::from([(DEPLOYMENT.to_owned(), "physics".to_owned())]));
        let asked = fake.take();
        assert_eq!(asked.len(), 8);
        let tasks = asked.iter().find(|asked| asked.target.contains("/tasks")).unwrap();
        assert!(tasks.target.ends_with("?filters=%7B%22label%22%3A%5B%22swarmgen.deployment%3Dphysics%22%5D%7D"));
    }

    #[test]
    fn nothing_is_read_where_there_is_no_swarm_and_a_failed_call_is_told() {
        let fake = FakeEngine::start(|_| ok(r#"{"Swarm": {"LocalNodeState": "inactive"}}"#));
        let error = run(async { observe(&fake.connect().await, "d").await }).unwrap_err();
        assert_eq!((error, fake.take().len()), (ObserveError::NoSwarm, 1));
        let fake = FakeEngine::start(|asked| match asked.target.as_str() {
            "/v1.41/info" => ok(MANAGER),
            "/v1.41/nodes" => Answer::Status(500, r#"{"message": "no leader"}"#.to_owned()),
            "/v1.41/volumes" => ok(r#"{"Volumes": null}"#),
            _ => ok("[]"),
        });
        let error = run(async { observe(&fake.connect().await, "d").await }).unwrap_err();
        assert_eq!(error, ObserveError::Api(ApiError::Engine { status: 500, message: "no leader".into() }));
    }
}
