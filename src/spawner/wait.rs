//! Waiting for a server: its tasks are listed once a second until one runs, then less often the longer that lasts; its port is
//! tried meanwhile. Where a class starts at once, all of them share a processor with the servers that they wait for.

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::apply::SwarmApi;
use crate::apply::api::{ApiError, TaskFilter};
use crate::plan::observed::ObservedTask;

use super::event::{Failed, FailureCode};
use super::reach::{Found, Reach};
use super::request::{Existing, Wait};
use super::start::Start;
use super::{Teller, failed, wanted_task, words};

/// When the tasks are first looked at: they run after half a second where nothing has to be fetched.
const FIRST_LOOK: Duration = Duration::from_millis(400);
/// Between two looks at the tasks until one runs.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);
/// The most between two looks at one that runs: so much later is its end noticed.
const BETWEEN_LATER_LOOKS: Duration = Duration::from_secs(4);
/// Between the first tries of the port.
const BETWEEN_TRIES: Duration = Duration::from_millis(50);
/// The most between two tries.
const BETWEEN_LATER_TRIES: Duration = Duration::from_millis(500);
/// How long one try may take.
const TRY: Duration = Duration::from_millis(500);
/// How long a task must run before that is said to be enough: a container that ends at once runs for a moment, too.
const STAYS: Duration = Duration::from_secs(2);
/// How long the engine may be away while a server starts.
pub(super) const AWAY: Duration = Duration::from_secs(30);

/// What was seen last of a service, for an account of why it is late.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) task: Option<ObservedTask>,
    /// Whether a node was to run it: from then on its volumes may exist.
    pub(super) had_node: bool,
    found: Option<Found>,
    /// The generic resources that no node has; `None` until the nodes were asked for.
    pub(super) absent: Option<Vec<(String, i64)>>,
}

impl<A: SwarmApi> Start<'_, A> {
    /// Waits until the server can be reached.
    pub(super) async fn wait(
        &self,
        id: &str,
        reach: &Reach,
        seen: &RefCell<Seen>,
        teller: &Teller<'_>,
    ) -> Result<Found, Box<Failed>> {
        let looks = self.look(id, reach, seen, teller);
        let tries = self.try_port(seen);
        tokio::select! {
            found = looks => found,
            found = tries => Ok(found),
        }
    }

    /// Looks at the tasks until one runs, and that is enough, or until one has ended.
    async fn look(
        &self,
        id: &str,
        reach: &Reach,
        seen: &RefCell<Seen>,
        teller: &Teller<'_>,
    ) -> Result<Found, Box<Failed>> {
        let filter = TaskFilter::Service(id.to_owned());
        let mut next = Instant::now() + FIRST_LOOK;
        let mut away_since: Option<Instant> = None;
        let mut running_since: Option<Instant> = None;
        loop {
            sleep_until(next).await;
            next = Instant::now() + BETWEEN_LOOKS;
            let tasks = match self.api.tasks(&filter).await {
                Ok(tasks) => {
                    away_since = None;
                    tasks
                }
                Err(ApiError::NotFound { message }) => {
                    let said = "The server was removed while it started.";
                    return Err(failed(FailureCode::EngineRefused, said, self.redactor.redact(&message)));
                }
                Err(error) => {
                    let since = *away_since.get_or_insert_with(Instant::now);
                    if !error.is_passing() || since.elapsed() > AWAY {
                        return Err(super::engine_failed(&error, self.redactor));
                    }
                    continue;
                }
            };
            seen.borrow_mut().had_node |= tasks.iter().any(|task| !task.node_id.is_empty());
            let current = wanted_task(&tasks);
            // A server that is kept may have ended, and been started again by the swarm, long ago.
            let is_history =
                self.existing == Existing::Keep && current.is_some_and(|current| current.state == "running");
            if let Some(ended) = tasks.iter().find(|task| task.has_ended()).filter(|_| !is_history) {
                let why = words::of_ended(ended, self.redactor.redact(&ended.error));
                seen.borrow_mut().task = Some(ended.clone());
                return Err(why);
            }
            let task = current.cloned();
            let resources = &self.service.resources;
            let is_asked = seen.borrow().absent.is_some();
            if !is_asked && !resources.generic_resources.is_empty() && task.as_ref().is_some_and(words::is_short) {
                // Without an answer the next look asks again.
                if let Ok(nodes) = self.api.nodes().await {
                    seen.borrow_mut().absent = Some(words::absent(resources, &nodes));
                }
            }
            let absent = seen.borrow().absent.clone().unwrap_or_default();
            let (stage, message) = words::progress(task.as_ref(), resources, &absent);
            teller.progress(stage, message);
            let known = seen.borrow().found.clone();
            let found = match &task {
                Some(task) => {
                    let found = reach.find(self.api, task, known).await;
                    found.map_err(|error| super::engine_failed(&error, self.redactor))?
                }
                None => None,
            };
            {
                let mut seen = seen.borrow_mut();
                seen.task.clone_from(&task);
                seen.found.clone_from(&found);
            }
            if task.is_none_or(|task| task.state != "running") {
                running_since = None;
                continue;
            }
            let since = *running_since.get_or_insert_with(Instant::now);
            // It ends in its first seconds or hardly ever.
            next += (since.elapsed() / 4).clamp(BETWEEN_LOOKS, BETWEEN_LATER_LOOKS) - BETWEEN_LOOKS;
            match (self.wait, found) {
                (Wait::Running, Some(found)) if since.elapsed() >= STAYS => return Ok(found),
                (_, None) => {
                    let message = "This server is on no network and has no published port to be reached at.";
                    return Err(failed(FailureCode::Config, message, "no `networks`, and no port with mode `host`"));
                }
                (Wait::Listening, Some(_)) if self.http_timeout.is_some_and(|most| since.elapsed() > most) => {
                    let seconds = self.http_timeout.unwrap_or_default().as_secs();
                    let detail = format!("nothing listens on port {} after {seconds} s", self.port);
                    return Err(words::of_late(seen.borrow().task.as_ref(), resources, &absent, detail));
                }
                (Wait::Running | Wait::Listening, Some(_)) => {}
            }
        }
    }

    /// Tries the port as soon as an address is known, until something listens there.
    async fn try_port(&self, seen: &RefCell<Seen>) -> Found {
        let mut first = None;
        let mut pause = BETWEEN_TRIES;
        loop {
            sleep(pause).await;
            if self.wait == Wait::Running {
                continue;
            }
            let Some(found) = seen.borrow().found.clone() else { continue };
            // A fiftieth of what it took so far is not noticed.
            pause = (first.get_or_insert_with(Instant::now).elapsed() / 50).clamp(BETWEEN_TRIES, BETWEEN_LATER_TRIES);
            if listens(&found.address, found.port).await {
                return found;
            }
        }
    }
}

/// Tells whether something listens.
async fn listens(address: &str, port: u16) -> bool {
    let Ok(address) = address.parse::<IpAddr>() else { return false };
    matches!(timeout(TRY, TcpStream::connect(SocketAddr::new(address, port))).await, Ok(Ok(_)))
}
