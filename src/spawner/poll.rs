//! How a server is: one question to the engine.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::apply::api::{ApiError, SwarmApi, TaskFilter};
use crate::apply::redact::Redactor;
use crate::plan::observed::{ObservedService, ObservedTask};

use super::event::{Event, Status};
use super::request::State;
use super::stop::Goods;
use super::{Owner, address_on, wanted_task};

/// So many tasks that ended, none of which runs, are a server that does not come back.
const ATTEMPTS: usize = 3;
/// Within what time they are made: what ended days ago says nothing of a server that the swarm starts again now.
const SERIES: SignedDuration = SignedDuration::from_mins(10);

/// A server that is asked about.
pub struct Poll<'a, A> {
    /// The engine.
    pub api: &'a A,
    /// Whose server it is.
    pub owner: Owner<'a>,
    /// The service's name.
    pub name: &'a str,
    /// The port that the server listens on.
    pub port: u16,
    /// What its start said, if that is known.
    pub state: Option<&'a State>,
    /// Knows the secrets.
    pub redactor: &'a Redactor,
}

/// What a start would have said of a service that is there.
fn state_of(there: &ObservedService, port: u16) -> State {
    let networks = there.spec.pointer("/TaskTemplate/Networks").or_else(|| there.spec.get("Networks"));
    let first = networks.and_then(|networks| networks.get(0)).and_then(|network| network.get("Target"));
    State {
        version: super::request::VERSION,
        service: there.name().to_owned(),
        service_id: there.id.clone(),
        port,
        network: first.and_then(Value::as_str).unwrap_or_default().to_owned(),
        volumes: Goods::of_service(there, Vec::new()).volumes,
        ..State::default()
    }
}

/// Tells how the server is whose start gave this state; without one, it is looked for by its name first.
pub async fn poll<A: SwarmApi>(question: &Poll<'_, A>) -> Event {
    let Poll { api, owner, name, port, state, redactor } = *question;
    let found;
    let state = match state {
        Some(state) => state,
        None => match api.service(name).await {
            Ok(there) if owner.owns(&there) => {
                found = state_of(&there, port);
                &found
            }
            Ok(_) | Err(ApiError::NotFound { .. }) => return status(gone()),
            Err(error) => return unknown(redactor.redact(&error.to_string())),
        },
    };
    match api.tasks(&TaskFilter::Service(state.service_id.clone())).await {
        Ok(tasks) => status(of_tasks(&tasks, state, redactor)),
        Err(ApiError::NotFound { .. }) => status(gone()),
        Err(error) => unknown(redactor.redact(&error.to_string())),
    }
}

fn status(status: Status) -> Event {
    Event::Status(Box::new(status))
}

fn none() -> Status {
    Status {
        running: Value::Bool(false),
        exists: None,
        address: None,
        port: None,
        exit_code: None,
        reason: None,
        state: None,
    }
}

fn gone() -> Status {
    Status { exists: Some(false), reason: Some("its service is gone".to_owned()), ..none() }
}

/// The engine does not answer: no server is dead for that.
pub fn unknown(reason: String) -> Event {
    status(Status { running: "unknown".into(), reason: Some(reason), ..none() })
}

fn of_tasks(tasks: &[ObservedTask], state: &State, redactor: &Redactor) -> Status {
    let mut ended: Vec<&ObservedTask> = tasks.iter().filter(|task| task.has_ended()).collect();
    ended.sort_by(|a, b| b.created_at.cmp(&a.created_at));
    let current = wanted_task(tasks);
    let runs = current.is_some_and(|task| task.state == "running");
    if current.is_none() || (!runs && attempts(&ended) >= ATTEMPTS) {
        let last = ended.first();
        let reason = last.map(|task| match task.error.as_str() {
            "" => format!("its task is {}", task.state),
            error => redactor.redact(error),
        });
        return Status { exists: Some(true), exit_code: last.and_then(|task| task.exit_code), reason, ..none() };
    }
    let address = current.and_then(|task| address_on(task, &state.network)).map(|address| address.address.clone());
    // A node's address is what it was: a task that moved to another node has a state of its own.
    let address =
        if state.network.is_empty() && !state.address.is_empty() { Some(state.address.clone()) } else { address };
    let moved = address.as_ref().is_some_and(|address| *address != state.address);
    Status {
        running: Value::Bool(true),
        exists: Some(true),
        port: address.as_ref().map(|_| state.port),
        state: moved.then(|| State { address: address.clone().unwrap_or_default(), ..state.clone() }),
        address,
        ..none()
    }
}

/// How many of the tasks that have ended, the newest first, belong to one series of attempts.
fn attempts(ended: &[&ObservedTask]) -> usize {
    let made = |task: &ObservedTask| task.created_at.parse::<Timestamp>().ok();
    let newest = ended.first().and_then(|task| made(task));
    let is_recent = |task: &ObservedTask| match (newest, made(task)) {
        (Some(newest), Some(made)) => newest.duration_since(made) <= SERIES,
        _ => true,
    };
    ended.iter().filter(|task| is_recent(task)).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::observed::TaskAddress;

    fn task(state: &str, desired: &str, address: &str) -> ObservedTask {
        ObservedTask {
            state: state.to_owned(),
            desired_state: desired.to_owned(),
            exit_code: Some(3),
            error: "task: non-zero exit (3)".to_owned(),
            addresses: vec![TaskAddress {
                network_id: "n".to_owned(),
                network: "hub".to_owned(),
                address: address.to_owned(),
            }],
            ..ObservedTask::default()
        }
    }

    fn told(tasks: &[ObservedTask]) -> Status {
        let state = State { network: "n".to_owned(), address: "10.0.1.7".to_owned(), port: 8888, ..State::default() };
        of_tasks(tasks, &state, &Redactor::default())
    }

    #[test]
    fn a_task_that_moved_is_found_again() {
        let same = told(&[task("running", "running", "10.0.1.7")]);
        assert_eq!((same.running, same.state), (Value::Bool(true), None));
        let moved = told(&[task("shutdown", "shutdown", "10.0.1.7"), task("running", "running", "10.0.1.9")]);
        assert_eq!(moved.state.unwrap().address, "10.0.1.9");
    }

    #[test]
    fn between_two_attempts_a_server_is_not_dead_and_after_many_it_is() {
        let ended = || task("failed", "shutdown", "");
        assert_eq!(told(&[ended(), task("ready", "ready", "10.0.1.7")]).running, Value::Bool(true));
        let dead = told(&[ended(), ended(), ended(), task("ready", "ready", "10.0.1.7")]);
        assert_eq!((dead.running, dead.exit_code, dead.exists), (Value::Bool(false), Some(3), Some(true)));
        assert_eq!(told(&[ended()]).reason.as_deref(), Some("task: non-zero exit (3)"));
        let at = |created: &str| ObservedTask { created_at: created.to_owned(), ..ended() };
        let starting = || task("ready", "ready", "10.0.1.7");
        let series = ["2026-11-20T08:00:00.5Z", "2026-11-20T08:02:00Z", "2026-11-20T08:09:59Z"].map(at);
        assert_eq!(told(&[&series[..], &[starting()]].concat()).running, Value::Bool(false));
        let long_ago = ["2026-11-01T08:00:00.5Z", "2026-11-12T08:00:00Z", "2026-11-20T08:00:00Z"].map(at);
        assert_eq!(told(&[&long_ago[..], &[starting()]].concat()).running, Value::Bool(true));
    }
}
