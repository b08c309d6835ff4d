//! A server is started: looked for, created, waited for; or nothing of it stays.

mod files;
mod undo;

use std::cell::RefCell;
use std::future::Future;
use std::time::Duration;

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, sleep_until};

use crate::apply::api::{ApiError, RegistryAuth, SwarmApi};
use crate::apply::redact::Redactor;
use crate::emit::engine::{self, Ids};
use crate::emit::{ApiVersion, Inexpressible};
use crate::ir::{Service, Text};
use crate::plan::graph::variable;
use crate::plan::label::{BY_SPAWNER, HIDDEN, MADE_BY, hidden_fields, hidden_text};
use crate::resolve::object::Object;
use crate::resolve::upload::Upload;

use super::event::{Event, Failed, FailureCode, Stage, Started};
use super::reach::{Found, Reach};
use super::request::{Existing, State, VERSION, Wait};
use super::stop::{Goods, clear, persistently, uploads};
use super::wait::{AWAY, Seen};
use super::{LABEL_WANTED, Owner, Teller, engine_failed, failed, words};
use undo::Made;

/// How long the volumes of a server that is replaced may take to go, as long as its container takes to end.
const REPLACING: Duration = Duration::from_secs(30);
/// How long the name of a service that was removed may be taken.
const TAKEN: Duration = Duration::from_secs(12);
/// How often a creation is tried at which the engine fails.
const TRIES: u32 = 3;
/// Between two looks for one.
const BETWEEN_LOOKS: Duration = Duration::from_millis(400);

/// A server to be started, and all that it takes.
pub struct Start<'a, A> {
    /// The engine.
    pub api: &'a A,
    /// The version of the API that it speaks.
    pub version: ApiVersion,
    /// Whose server it is.
    pub owner: Owner<'a>,
    /// What is to run; it names Swarm configs and secrets as the swarm does.
    pub service: &'a Service,
    /// The profile's name.
    pub profile: &'a str,
    /// What the config declares: made where it is missing.
    pub objects: &'a [Object],
    /// The files that the request brought.
    pub uploads: &'a [Upload],
    /// The names of the variables that the hub sets: they say nothing of the config.
    pub hub_names: &'a [&'a str],
    /// The port that the server listens on.
    pub port: u16,
    /// What to do about a server that is there.
    pub existing: Existing,
    /// What the config says is to be done about one that differs.
    pub on_changed: &'static str,
    /// What to wait for.
    pub wait: Wait,
    /// How long a running server may take until it listens.
    pub http_timeout: Option<Duration>,
    /// When to give up.
    pub deadline: Instant,
    /// The credentials for an image.
    pub auth: &'a dyn Fn(&str) -> Option<RegistryAuth>,
    /// Knows the secrets.
    pub redactor: &'a Redactor,
}

/// How a look at what is there ends.
enum Look {
    /// Nothing is there.
    Free,
    /// This is the answer.
    Answer(Event),
    /// It is there and is to be taken as it is.
    Keep(Box<(State, Reach)>),
}

/// Takes the names of configs and secrets for their ids.
struct Named;

impl Ids for Named {
    fn config(&self, name: &str) -> Option<String> {
        Some(name.to_owned())
    }

    fn secret(&self, name: &str) -> Option<String> {
        Some(name.to_owned())
    }
}

impl<A: SwarmApi> Start<'_, A> {
    /// Starts the server; `cancel` ends when the caller gives up. The result is the last event.
    pub async fn run(&self, tell: &dyn Fn(&Event), cancel: impl Future<Output = ()>) -> Event {
        let teller = Teller::new(tell);
        let made = RefCell::new(Made::default());
        let seen = RefCell::new(Seen::default());
        let ended = tokio::select! {
            biased;
            () = cancel => Err(failed(FailureCode::Cancelled, "The start was cancelled.", "the caller gave up")),
            done = self.start(&made, &seen, &teller) => done,
            () = sleep_until(self.deadline) => Err(self.late(&seen.borrow())),
        };
        match ended {
            Ok(event) => event,
            Err(mut failure) => {
                let undone = self.undo(made.into_inner(), &seen.into_inner()).await;
                failure.left = undone.left.iter().map(ToString::to_string).collect();
                failure.unreachable = undone.unreachable;
                Event::Failed(failure)
            }
        }
    }

    async fn start(
        &self,
        made: &RefCell<Made>,
        seen: &RefCell<Seen>,
        teller: &Teller<'_>,
    ) -> Result<Event, Box<Failed>> {
        let wanted = self.wanted_digest();
        match self.look_for_it(&wanted, made).await? {
            Look::Answer(event) => return Ok(event),
            Look::Keep(there) => {
                let (state, reach) = *there;
                let found = self.wait(&state.service_id, &reach, seen, teller).await?;
                return Ok(self.started(&state, &found, made));
            }
            Look::Free => {}
        }
        teller.progress(Stage::Creating, "Asking the swarm for a server");
        let ids = self.ids(made).await?;
        let mut body = engine::body(self.service, self.version, &ids).map_err(inexpressible)?;
        self.label(&mut body, &wanted);
        self.fill_ids(&mut body, &made.borrow().configs);
        let id = self.create(&body, &wanted, made).await?;
        made.borrow_mut().service = Some(id.clone());
        let found = self.wait(&id, &Reach::of_service(self.service, self.port), seen, teller).await?;
        let state = State {
            version: VERSION,
            service: self.service.name.to_string(),
            service_id: id,
            configs: made.borrow().configs.clone(),
            volumes: Goods::volumes_of(self.service),
            ..State::default()
        };
        Ok(self.started(&state, &found, made))
    }

    /// Makes a call again while the engine is away, as long as a start waits for it.
    async fn patiently<T, F: Future<Output = Result<T, ApiError>>>(&self, call: impl Fn() -> F) -> Result<T, ApiError> {
        persistently(self.deadline.min(Instant::now() + AWAY), call).await
    }

    /// Looks whether there is a service of this name.
    async fn look_for_it(&self, wanted: &str, made: &RefCell<Made>) -> Result<Look, Box<Failed>> {
        let fail = |error: ApiError| engine_failed(&error, self.redactor);
        let there = match self.patiently(|| self.api.service(&self.service.name)).await {
            Ok(there) => there,
            Err(ApiError::NotFound { .. }) => return Ok(Look::Free),
            Err(error) => return Err(fail(error)),
        };
        if !self.owner.owns(&there) {
            let detail = format!("the service `{}` is there and not this server's", there.name());
            let message = "The name of this server is taken on the swarm by something else.";
            return Err(Box::new(Failed {
                hint: Some("Ask those who run this hub.".to_owned()),
                ..*failed(FailureCode::Conflict, message, detail)
            }));
        }
        match self.existing {
            Existing::Keep => {
                let uploads = self.patiently(|| uploads(self.api, self.owner)).await.map_err(fail)?;
                Ok(Look::Keep(Box::new(State::of_live(&there, self.port, uploads))))
            }
            Existing::Replace => {
                let goods = self.patiently(|| Goods::all(self.api, self.owner, &there)).await.map_err(fail)?;
                made.borrow_mut().old = Some(goods.clone());
                let deadline = self.deadline.min(Instant::now() + REPLACING);
                let cleared = clear(self.api, &goods, deadline, self.redactor).await.map_err(fail)?;
                let mut made = made.borrow_mut();
                made.old = None;
                made.unreachable = cleared.told();
                Ok(Look::Free)
            }
            Existing::Tell => {
                let filter = crate::apply::api::TaskFilter::Service(there.id.clone());
                let tasks = self.patiently(|| self.api.tasks(&filter)).await.map_err(fail)?;
                let running = super::wanted_task(&tasks).is_some_and(|task| task.state == "running");
                Ok(Look::Answer(Event::Exists {
                    running,
                    changed: there.label(LABEL_WANTED) != Some(wanted),
                    on_changed: self.on_changed,
                    api_token: variable(&there.spec, "JUPYTERHUB_API_TOKEN").map(str::to_owned),
                }))
            }
        }
    }

    /// Says in the service's labels who made it, what was wanted, and what of it is secret.
    fn label(&self, body: &mut Value, wanted: &str) {
        if let Some(labels) = body.get_mut("Labels").and_then(Value::as_object_mut) {
            labels.insert(MADE_BY.to_owned(), BY_SPAWNER.into());
            labels.insert(LABEL_WANTED.to_owned(), wanted.into());
            labels.insert(HIDDEN.to_owned(), hidden_text(&hidden_fields(self.service)).into());
        }
    }

    /// Creates the service. If no answer comes, it is looked for before it is tried again: there is never a second one.
    async fn create(&self, body: &Value, wanted: &str, made: &RefCell<Made>) -> Result<String, Box<Failed>> {
        let auth = (self.auth)(self.service.container.image.expose());
        let mut tries = 0;
        let (taken_until, away_until) = (Instant::now() + TAKEN, Instant::now() + AWAY);
        loop {
            tries += 1;
            made.borrow_mut().is_unsure = true;
            let error = match self.api.create_service(body, auth.as_ref()).await {
                Ok(id) => return Ok(id),
                Err(error) => error,
            };
            let unclear =
                matches!(error, ApiError::NoAnswer { .. } | ApiError::Engine { .. } | ApiError::Conflict { .. });
            if unclear && let Ok(there) = self.api.service(&self.service.name).await {
                if self.owner.owns(&there) && there.label(LABEL_WANTED) == Some(wanted) && same_token(body, &there.spec)
                {
                    return Ok(there.id);
                }
                made.borrow_mut().is_unsure = false;
                let detail = format!("the service `{}` was made by somebody else meanwhile", there.name());
                let message = "Another start of this server is under way.";
                return Err(Box::new(Failed {
                    hint: Some("Wait a moment, and try again.".to_owned()),
                    ..*failed(FailureCode::Conflict, message, detail)
                }));
            }
            // The name of a service that was removed just now is taken for a moment still.
            if matches!(error, ApiError::Conflict { .. }) && Instant::now() < taken_until {
                tokio::time::sleep(BETWEEN_LOOKS).await;
                continue;
            }
            if !error.is_passing() {
                made.borrow_mut().is_unsure = false;
            }
            let is_away = matches!(error, ApiError::NoAnswer { .. } | ApiError::Unreachable { .. });
            let again = if is_away { Instant::now() < away_until } else { error.is_passing() && tries < TRIES };
            if !again {
                return Err(engine_failed(&error, self.redactor));
            }
            tokio::time::sleep(Duration::from_millis(250) * tries.min(4)).await;
        }
    }

    /// A digest of what the config wants of this server, without what the hub says anew for each start.
    fn wanted_digest(&self) -> String {
        let mut service = self.service.clone();
        service.container.env.retain(|(name, _)| !self.hub_names.contains(&&**name));
        // A config or secret counts by its name: what it is on the swarm is none of the config's.
        let body = engine::body(&service, ApiVersion::V1_45, &Named).unwrap_or_default();
        let mut digest = hex::encode(Sha256::digest(body.to_string()));
        digest.truncate(16);
        digest
    }

    fn started(&self, state: &State, found: &Found, made: &RefCell<Made>) -> Event {
        let resources = &self.service.resources;
        let state = State { api: self.version.to_string(), ..state.at(found) };
        Event::Started(Box::new(Started {
            address: state.address.clone(),
            port: state.port,
            service: state.service.clone(),
            profile: self.profile.to_owned(),
            mem_limit: resources.mem_limit,
            cpu_limit: resources.cpu_limit.map(|nano| nano as f64 / 1e9),
            state,
            unreachable: made.take().unreachable,
        }))
    }

    fn late(&self, seen: &Seen) -> Box<Failed> {
        let task = seen.task.as_ref();
        let detail = task.map_or_else(
            || "no task was seen in time".to_owned(),
            |task| format!("in state `{}`: {} {}", task.state, task.message, self.redactor.redact(&task.error)),
        );
        words::of_late(task, &self.service.resources, seen.absent.as_deref().unwrap_or_default(), detail)
    }
}

/// Tells whether two specs hold the same hub's token: one start's own.
fn same_token(body: &Value, there: &Value) -> bool {
    const TOKEN: &str = "JUPYTERHUB_API_TOKEN";
    variable(body, TOKEN) == variable(there, TOKEN)
}

fn inexpressible(refused: Vec<Inexpressible>) -> Box<Failed> {
    let detail: Vec<String> = refused.into_iter().map(|what| format!("{}: {}", what.pointer, what.message)).collect();
    failed(FailureCode::Config, "This server cannot be run by the swarm's engine.", detail.join("; "))
}

/// Sets the limits that a server really has among its variables, as JupyterHub does with those of its own settings.
pub fn set_limits(service: &mut Service) {
    let resources = &service.resources;
    let cpus = |nano: i64| (nano as f64 / 1e9).to_string();
    let limits = [
        ("CPU_GUARANTEE", resources.cpu_reservation.map(cpus)),
        ("CPU_LIMIT", resources.cpu_limit.map(cpus)),
        ("MEM_GUARANTEE", resources.mem_reservation.map(|bytes| bytes.to_string())),
        ("MEM_LIMIT", resources.mem_limit.map(|bytes| bytes.to_string())),
    ];
    for (name, value) in limits {
        let Some(value) = value else { continue };
        let env = &mut service.container.env;
        match env.binary_search_by(|(own, _)| (**own).cmp(name)) {
            Ok(at) => {
                if let Some(entry) = env.get_mut(at) {
                    entry.1 = Text::from(value);
                }
            }
            Err(at) => env.insert(at, (name.into(), Text::from(value))),
        }
    }
}
