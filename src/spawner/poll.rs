//! How a server is: one question to the engine.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::apply::api::{ApiError, SwarmApi, TaskFilter};
use crate::apply::redact::Redactor;
use crate::plan::label::HIDDEN;
use crate::plan::observed::ObservedTask;

use super::event::{Event, Status};
use super::reach::{Found, Reach};
use super::request::State;
use super::stop::uploads;
use super::{Which, wanted_task};

/// So many tasks that ended, none of which runs, are a server that does not come back.
const ATTEMPTS: usize = 3;
/// Within what time they are made: what ended days ago says nothing of a server that the swarm starts again now.
const SERIES: SignedDuration = SignedDuration::from_mins(10);

/// Tells how a server is.
pub async fn poll<A: SwarmApi>(api: &A, which: Which<'_>) -> Event {
    let live;
    let (state, reach) = match which {
        Which::State(state) => (state, Reach::of_state(state)),
        Which::Name { owner, name, port } => match api.service(name).await {
            Ok(there) if owner.owns(&there) => {
                let uploads = match uploads(api, owner).await {
                    Ok(uploads) => uploads,
                    Err(error) => return unknown(error.to_string()),
                };
                let (state, reach) = State::of_live(&there, port, uploads);
                live = state;
                (&live, reach)
            }
            Ok(_) | Err(ApiError::NotFound { .. }) => return status(gone()),
            Err(error) => return unknown(error.to_string()),
        },
    };
    let tasks = match api.tasks(&TaskFilter::Service(state.service_id.clone())).await {
        Ok(tasks) => tasks,
        Err(ApiError::NotFound { .. }) => return status(gone()),
        Err(error) => return unknown(error.to_string()),
    };
    let Some(current) = living(&tasks) else {
        let last = ended_ones(&tasks).into_iter().next();
        let reason = match last {
            Some(task) => Some(reason(api, &state.service_id, task).await),
            None => None,
        };
        return status(ended(last, reason));
    };
    match reach.find(api, current, Some(state.found())).await {
        Ok(found) => status(lives(found.as_ref(), state)),
        Err(error) => unknown(error.to_string()),
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

/// The tasks that have ended, the newest first.
fn ended_ones(tasks: &[ObservedTask]) -> Vec<&ObservedTask> {
    let mut ended: Vec<&ObservedTask> = tasks.iter().filter(|task| task.has_ended()).collect();
    ended.sort_by(|a, b| b.created_at.cmp(&a.created_at));
    ended
}

/// The task that runs, or that the swarm is about to run; none where those before it have ended time and again.
fn living(tasks: &[ObservedTask]) -> Option<&ObservedTask> {
    wanted_task(tasks).filter(|task| task.state == "running" || attempts(&ended_ones(tasks)) < ATTEMPTS)
}

/// Why a task ended. The engine may quote of the service what is secret; the service knows what is.
async fn reason<A: SwarmApi>(api: &A, service: &str, task: &ObservedTask) -> String {
    if !task.error.is_empty()
        && let Ok(there) = api.service(service).await
        && there.label(HIDDEN).is_some()
    {
        let redactor = Redactor::default();
        redactor.learn_observed(&there);
        return redactor.redact(&task.error);
    }
    format!("its task is {}", task.state)
}

fn ended(last: Option<&ObservedTask>, reason: Option<String>) -> Status {
    Status { exists: Some(true), exit_code: last.and_then(|task| task.exit_code), reason, ..none() }
}

fn lives(found: Option<&Found>, state: &State) -> Status {
    let now = found.map(|found| state.at(found));
    Status {
        running: Value::Bool(true),
        exists: Some(true),
        address: found.map(|found| found.address.clone()),
        port: found.map(|found| found.port),
        state: now.filter(|now| now != state),
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

    fn task(state: &str, desired: &str) -> ObservedTask {
        ObservedTask {
            state: state.to_owned(),
            desired_state: desired.to_owned(),
            exit_code: Some(3),
            error: "task: non-zero exit (3)".to_owned(),
            ..ObservedTask::default()
        }
    }

    fn told(tasks: &[ObservedTask]) -> Status {
        let ended = || ended(ended_ones(tasks).into_iter().next(), None);
        living(tasks).map_or_else(ended, |_| lives(None, &State::default()))
    }

    #[test]
    fn between_two_attempts_a_server_is_not_dead_and_after_many_it_is() {
        let ended = || task("failed", "shutdown");
        assert_eq!(told(&[ended(), task("ready", "ready")]).running, Value::Bool(true));
        let dead = told(&[ended(), ended(), ended(), task("ready", "ready")]);
        assert_eq!((dead.running, dead.exit_code, dead.exists), (Value::Bool(false), Some(3), Some(true)));
        let at = |created: &str| ObservedTask { created_at: created.to_owned(), ..ended() };
        let starting = || task("ready", "ready");
        let series = ["2026-11-20T08:00:00.5Z", "2026-11-20T08:02:00Z", "2026-11-20T08:09:59Z"].map(at);
        assert_eq!(told(&[&series[..], &[starting()]].concat()).running, Value::Bool(false));
        let long_ago = ["2026-11-01T08:00:00.5Z", "2026-11-12T08:00:00Z", "2026-11-20T08:00:00Z"].map(at);
        assert_eq!(told(&[&long_ago[..], &[starting()]].concat()).running, Value::Bool(true));
    }
}
