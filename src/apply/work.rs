//! What all steps of carrying out a plan share: bounded calls, retries, the halt, events.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

use crate::plan::graph::{NewService, ObjectKind, ServiceUpdate};
use crate::plan::observed::ObservedService;

use super::api::{ApiError, ApiResult, RegistryAuth, SwarmApi};
use super::event::{Event, Subject};
use super::outcome::{Ledger, Stop};
use super::redact::Redactor;
use super::wait::Watched;

/// How to carry out a plan.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How many calls may be under way at once.
    pub parallelism: usize,
    /// How long a task must have run.
    pub stable_for: Duration,
    /// How long a service may take until it runs; else what it says itself.
    pub timeout: Option<Duration>,
    /// Whether nothing is waited for.
    pub detach: bool,
    /// Whether volumes go also where something that comes before it failed: nothing of this run is to be brought back.
    pub keep_going: bool,
    /// How long a call is repeated that the engine does not answer.
    pub patience: Duration,
    /// How long one call may take.
    pub call_timeout: Duration,
    /// How long calls that are under way may take when the run is cancelled.
    pub grace: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            parallelism: 16,
            stable_for: Duration::from_secs(2),
            timeout: None,
            detach: false,
            keep_going: false,
            patience: Duration::from_secs(20),
            call_timeout: Duration::from_secs(60),
            grace: Duration::from_secs(10),
        }
    }
}

/// Compares a service anew that is not any more what the plan saw.
pub trait Replan {
    /// Tells what to do about a service that somebody else has changed, made, or (`live` is `None`) removed.
    fn replan(&self, wanted: &NewService, live: Option<&ObservedService>) -> Replanned;
}

/// What is to be done about a service that has changed in the meantime.
#[derive(Clone, Debug)]
pub enum Replanned {
    /// It is as it should be.
    Done,
    /// It is to be changed.
    Update(Box<ServiceUpdate>),
    /// It is to be made.
    Create(Box<NewService>),
    /// Nothing may be done; with the reason.
    Refuse(String),
}

/// Refuses whatever has changed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Refuse;

impl Replan for Refuse {
    fn replan(&self, _: &NewService, live: Option<&ObservedService>) -> Replanned {
        let happened = if live.is_some() { "changed" } else { "removed" };
        Replanned::Refuse(format!("it was {happened} by somebody else in the meantime; plan and apply again"))
    }
}

/// All that carrying out a plan needs besides the plan.
pub struct Run<'a, A> {
    /// The engine.
    pub api: &'a A,
    /// Who compares anew.
    pub replan: &'a dyn Replan,
    /// The credentials for an image, by its reference.
    pub auth: &'a dyn Fn(&str) -> Option<RegistryAuth>,
    /// Knows the secrets, and learns the plan's.
    pub redactor: &'a Redactor,
    /// How.
    pub settings: Settings,
}

/// Why a step ends without its effect.
#[derive(Debug)]
pub(super) enum Failure {
    /// It failed for good; the reason is searched for secrets.
    Failed(String),
    /// It is given up, and a call may have been carried out that was not answered.
    Unsure(String),
    /// The run was halted.
    Stopped {
        /// Whether a call may have been carried out that was not answered.
        unknown: bool,
    },
    /// The run was halted after a part of the step was done: this part.
    Begun(&'static str),
}

impl Failure {
    /// The failure of a look at what became of a call; `may_be_done` tells whether the call may have been carried out.
    pub(super) fn after(self, may_be_done: bool) -> Self {
        match self {
            Self::Failed(reason) if may_be_done => Self::Unsure(reason),
            other => other,
        }
    }

    /// The failure of a step of which a part was done.
    pub(super) fn with(self, done: Option<&'static str>) -> Self {
        match (self, done) {
            (Self::Failed(reason), Some(done)) => Self::Failed(format!("{reason}; {done}")),
            (Self::Stopped { unknown: false }, Some(done)) => Self::Begun(done),
            (failure, _) => failure,
        }
    }
}

/// How often a service is read anew that others keep changing.
pub(super) const ROUNDS: usize = 8;

/// One run under way.
pub(super) struct Work<'a, A> {
    pub(super) run: &'a Run<'a, A>,
    pub(super) deployment: &'a str,
    pub(super) ledger: Ledger,
    pub(super) halt: Halt,
    pub(super) watched: Watched,
    /// The ids of the Swarm configs and secrets that were made.
    pub(super) made: RefCell<BTreeMap<(ObjectKind, String), String>>,
    /// The services that stay until their volumes are gone, by the places of their actions; with what was noted of them.
    pub(super) begun: RefCell<BTreeMap<usize, Option<usize>>>,
    pub(super) running: Cell<usize>,
    /// When the engine last answered anything.
    answered: Cell<Instant>,
    /// Since when it has answered nothing, once a call has had no answer.
    silent: Cell<Option<Instant>>,
    events: RefCell<&'a mut dyn FnMut(&Event)>,
}

impl<'a, A: SwarmApi> Work<'a, A> {
    pub(super) fn new(
        run: &'a Run<'a, A>,
        deployment: &'a str,
        ledger: Ledger,
        events: &'a mut dyn FnMut(&Event),
    ) -> Self {
        Self {
            run,
            deployment,
            ledger,
            halt: Halt::default(),
            watched: Watched::default(),
            made: RefCell::default(),
            begun: RefCell::default(),
            running: Cell::new(0),
            answered: Cell::new(Instant::now()),
            silent: Cell::new(None),
            events: RefCell::new(events),
        }
    }

    pub(super) fn tell(&self, event: &Event) {
        (self.events.borrow_mut())(event);
    }

    /// The engine's words without secrets.
    pub(super) fn words(&self, error: &ApiError) -> String {
        self.run.redactor.redact(&error.to_string())
    }

    pub(super) fn failed(&self, error: &ApiError) -> Failure {
        Failure::Failed(self.words(error))
    }

    pub(super) fn auth(&self, body: &Value) -> Option<RegistryAuth> {
        (self.run.auth)(body.pointer("/TaskTemplate/ContainerSpec/Image")?.as_str()?)
    }

    /// Makes one call, within the bound on its time.
    ///
    /// An engine that has not answered one call in its time has the patience for the others, and not their time again.
    pub(super) async fn call<T>(&self, call: impl Future<Output = ApiResult<T>>) -> ApiResult<T> {
        let Settings { call_timeout, patience, .. } = self.run.settings;
        let left = self.silent.get().map(|since| patience.saturating_sub(since.elapsed()).max(SHORTEST_CALL));
        let begun = Instant::now();
        let answer = self.call_within(left.map_or(call_timeout, |left| left.min(call_timeout)), call).await;
        if is_unanswered(&answer) && self.answered.get() <= begun && self.silent.get().is_none() {
            self.silent.set(Some(Instant::now()));
        }
        answer
    }

    pub(super) async fn call_within<T>(
        &self,
        bound: Duration,
        call: impl Future<Output = ApiResult<T>>,
    ) -> ApiResult<T> {
        let no_answer = |message: String| Err(ApiError::NoAnswer { message });
        let answer = tokio::select! {
            biased;
            answer = timeout(bound, call) => {
                answer.unwrap_or_else(|_| no_answer(format!("no answer within {} s", bound.as_secs_f32().ceil())))
            }
            () = self.halt.lost() => no_answer("the engine does not answer".to_owned()),
        };
        if !is_unanswered(&answer) {
            self.answered.set(Instant::now());
            self.silent.set(None);
        }
        answer
    }

    /// Makes a call that may be made twice, as often as it takes.
    pub(super) async fn repeat<T, F>(&self, subject: &Subject, call: impl Fn() -> F) -> Result<ApiResult<T>, Failure>
    where
        F: Future<Output = ApiResult<T>>,
    {
        let mut patience = Patience::default();
        loop {
            match self.call(call()).await {
                Err(error) if error.is_passing() => self.again(&mut patience, subject, &error).await?,
                answer => return Ok(answer),
            }
        }
    }

    /// Waits until a call may be made again that failed in passing.
    pub(super) async fn again(
        &self,
        patience: &mut Patience,
        subject: &Subject,
        error: &ApiError,
    ) -> Result<(), Failure> {
        let since = *patience.since.get_or_insert_with(|| self.silent.get().unwrap_or_else(Instant::now));
        patience.unanswered |= matches!(error, ApiError::NoAnswer { .. });
        let pause = FIRST_PAUSE.saturating_mul(1 << patience.tries.min(8)).min(LONGEST_PAUSE);
        patience.tries += 1;
        let reason = self.words(error);
        let is_over = match error {
            ApiError::Engine { .. } if !has_no_leader(error) => patience.tries > ENGINE_TRIES,
            _ => patience.tries > 1 && since.elapsed() + pause > self.run.settings.patience,
        };
        if is_over {
            // Others have had no answer for long either: it is not this call's fault.
            let answered = self.answered.get();
            if answered < since || answered.elapsed() >= self.run.settings.patience / 2 {
                self.stop(Stop::NoEngine(reason.clone()));
            }
            return Err(if patience.unanswered { Failure::Unsure(reason) } else { Failure::Failed(reason) });
        }
        self.tell(&Event::Retrying { subject: subject.clone(), reason, pause });
        let unknown = patience.unanswered || !matches!(error, ApiError::Unreachable { .. });
        self.pause(pause).await.map_err(|_| Failure::Stopped { unknown })
    }

    /// Sleeps, unless the run is halted.
    pub(super) async fn pause(&self, pause: Duration) -> Result<(), Failure> {
        tokio::select! {
            biased;
            () = self.halt.halted() => Err(Failure::Stopped { unknown: false }),
            () = sleep(pause) => Ok(()),
        }
    }

    /// Makes no new calls from now on.
    pub(super) fn stop(&self, stop: Stop) {
        if self.halt.set(stop.clone()) {
            self.tell(&Event::Stopping { reason: stop.to_string(), running: self.running.get() });
        }
    }
}

/// The pause before the first repetition; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);
/// The least that a call may take.
const SHORTEST_CALL: Duration = Duration::from_secs(1);
/// How often a call is repeated to which the engine answers that it failed: mostly it will fail for ever.
const ENGINE_TRIES: u32 = 3;

fn is_unanswered<T>(answer: &ApiResult<T>) -> bool {
    matches!(answer, Err(ApiError::NoAnswer { .. } | ApiError::Unreachable { .. }))
}

/// A new leader is elected within seconds.
fn has_no_leader(error: &ApiError) -> bool {
    matches!(error, ApiError::Engine { message, .. } if message.contains("does not have a leader"))
}

/// How often and how long a call has failed in passing.
#[derive(Default)]
pub(super) struct Patience {
    since: Option<Instant>,
    tries: u32,
    /// Whether a call was not answered, and may have been carried out.
    unanswered: bool,
}

/// Tells everybody that no new calls are to be made.
#[derive(Default)]
pub(super) struct Halt {
    stop: RefCell<Option<Stop>>,
    notify: Notify,
}

impl Halt {
    /// Gives false if it was halted before.
    fn set(&self, stop: Stop) -> bool {
        let is_first = self.stop.borrow().is_none();
        if is_first {
            *self.stop.borrow_mut() = Some(stop);
            self.notify.notify_waiters();
        }
        is_first
    }

    pub(super) fn reason(&self) -> Option<Stop> {
        self.stop.borrow().clone()
    }

    pub(super) fn is_set(&self) -> bool {
        self.stop.borrow().is_some()
    }

    pub(super) async fn halted(&self) {
        self.until(|_| true).await;
    }

    /// Waits until it is halted because the engine is gone: no answer will come.
    async fn lost(&self) {
        self.until(|stop| matches!(stop, Stop::NoEngine(_))).await;
    }

    async fn until(&self, is_it: impl Fn(&Stop) -> bool) {
        loop {
            let notified = self.notify.notified();
            if self.stop.borrow().as_ref().is_some_and(&is_it) {
                return;
            }
            notified.await;
        }
    }
}
