//! Waits until what was sent runs: one look at the tasks for all that is waited for, at most one a second.
//!
//! The swarm has no events for tasks, and none at all for tasks that find no node.

mod blind;
mod clock;
mod condition;
mod reason;
mod standing;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::join;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::plan::observed::{ObservedNode, ObservedService, ObservedTask};
use crate::resolve::decode::LABEL_DEPLOYMENT;

use super::api::{ApiResult, EngineInfo, SwarmApi, TaskFilter};
use super::event::{Act, Event, Progress, Subject};
use super::outcome::State;
use super::work::Work;

use blind::Blind;
use clock::Clocks;
pub(super) use condition::{Expected, Seen};
use condition::{Look, Verdict};
use reason::Reasons;
pub use standing::{Standing, standing};

/// The least time between the starts of two task lists.
const INTERVAL: Duration = Duration::from_secs(1);
/// A service without a task, or one that hangs, is looked into after this time, and again as often.
const DOUBT: Duration = Duration::from_secs(5);
/// Our own reasons are guesses: they are told only of what has hung for a while.
const GUESS_AFTER: Duration = Duration::from_secs(10);
/// How long a task list may take; another one may come sooner.
const LIST_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a look beside the tasks may take.
const LOOK_TIMEOUT: Duration = Duration::from_secs(15);

/// A service that is waited for.
#[derive(Debug)]
pub(super) struct Watch {
    /// Its place in the ledger.
    pub(super) index: usize,
    pub(super) subject: Subject,
    pub(super) id: String,
    pub(super) expected: Expected,
    /// The tasks that were there before; `None` if nobody knows, until the first look takes those for it that have ended.
    pub(super) known: Option<Rc<BTreeSet<String>>>,
    /// Whether the engine may roll it back by itself.
    pub(super) is_update: bool,
    /// Whether a task is known to be new without a look at how the update goes.
    pub(super) is_settled: bool,
    pub(super) accepted: Instant,
    /// From when on running counts; `None` until the first look, from which on it then does.
    pub(super) counts_from: Option<Instant>,
    pub(super) timeout: Duration,
    /// How long the tasks could not be listed meanwhile, which does not count.
    pub(super) unseen: Duration,
    pub(super) seen: Seen,
    /// The reason that was told last.
    pub(super) told: String,
}

/// All services that are waited for.
#[derive(Default)]
pub(super) struct Watched {
    /// By their ids.
    pending: RefCell<BTreeMap<String, Watch>>,
    /// The tasks that were there before the first service was changed.
    before: RefCell<Option<Rc<BTreeSet<String>>>>,
    /// Whether none comes any more.
    closed: Cell<bool>,
    changed: Notify,
    listed: Cell<Option<Instant>>,
    counts: Cell<(usize, usize)>,
}

impl Watched {
    pub(super) fn add(&self, watch: Watch) {
        self.pending.borrow_mut().insert(watch.id.clone(), watch);
        self.changed.notify_one();
    }

    pub(super) fn close(&self) {
        self.closed.set(true);
        self.changed.notify_one();
    }

    pub(super) fn before(&self) -> Option<Rc<BTreeSet<String>>> {
        self.before.borrow().clone()
    }

    /// When the next service has had its time.
    fn next_deadline(&self) -> Option<Instant> {
        self.pending.borrow().values().map(Watch::deadline).min()
    }

    /// The tasks can be listed again, which they could not since this moment: nobody is late for what nobody saw.
    fn sees_again(&self, since: Instant, now: Instant) {
        for watch in self.pending.borrow_mut().values_mut() {
            watch.unseen += now.saturating_duration_since(since.max(watch.accepted));
        }
    }

    /// When the tasks are to be looked at next: a second after the last time, or, if all run, once that was for long enough.
    fn next_look(&self) -> Instant {
        let Some(earliest) = self.listed.get().map(|listed| listed + INTERVAL) else { return Instant::now() };
        let pending = self.pending.borrow();
        let stable: Option<Vec<Instant>> =
            pending.values().map(|watch| watch.seen.stable_at(&watch.expected)).collect();
        let last = stable.and_then(|stable| stable.into_iter().max());
        last.filter(|last| *last < earliest + INTERVAL).map_or(earliest, |last| last.max(earliest))
    }
}

impl Watch {
    /// A task that began to run in time may show that it stays.
    fn deadline(&self) -> Instant {
        let more = if self.seen.is_running() { self.expected.stable_for + INTERVAL } else { Duration::ZERO };
        self.accepted + self.timeout + self.unseen + more
    }
}

/// How a wait ended.
enum Ending {
    Converged,
    Failed(String),
}

impl<A: SwarmApi> Work<'_, A> {
    /// How long a service may take until it runs.
    pub(super) fn timeout(&self, start_timeout: i64) -> Duration {
        let own = || Duration::from_nanos(u64::try_from(start_timeout).unwrap_or_default());
        self.run.settings.timeout.unwrap_or_else(own)
    }

    pub(super) fn watch_standing(&self, index: usize, standing: &Standing) {
        let Standing { subject, id, spec, start_timeout, is_updating } = standing;
        let (accepted, stable_for) = (Instant::now(), self.run.settings.stable_for);
        self.watched.add(Watch {
            index,
            subject: subject.clone(),
            id: id.clone(),
            expected: Expected::of(&spec.0, stable_for),
            known: None,
            is_update: *is_updating,
            is_settled: false,
            accepted,
            // What ran before this run counts, unless an update is about to end it.
            counts_from: accepted.checked_sub(stable_for).filter(|_| !is_updating),
            timeout: self.timeout(*start_timeout),
            unseen: Duration::ZERO,
            seen: Seen::default(),
            told: String::new(),
        });
    }

    /// Remembers the tasks that are there before services are changed.
    ///
    /// If they cannot be listed, an update is waited for until the engine says that it is over.
    pub(super) async fn look_at_tasks_before(&self) {
        if self.run.settings.detach || self.halt.is_set() {
            return;
        }
        if let Ok(tasks) = self.list_tasks(self.run.settings.patience).await {
            *self.watched.before.borrow_mut() = Some(Rc::new(tasks.into_iter().map(|task| task.id).collect()));
        }
    }

    async fn list_tasks(&self, bound: Duration) -> ApiResult<Vec<ObservedTask>> {
        self.watched.listed.set(Some(Instant::now()));
        let filter = TaskFilter::Label(self.label());
        self.call_within(bound, self.run.api.tasks(&filter)).await
    }

    /// Reads the clock of the engine's node. What it does not say is only known less well.
    async fn read_clock(&self, clocks: &mut Clocks) {
        let Ok(EngineInfo { node_id, time, .. }) = self.call_within(INTERVAL, self.run.api.info()).await else {
            return;
        };
        if let Ok(time) = time.parse() {
            clocks.learn_time(&node_id, time, Instant::now());
        }
    }

    fn label(&self) -> String {
        format!("{LABEL_DEPLOYMENT}={}", self.deployment)
    }

    /// Waits until nothing is waited for and nothing more comes, or until the run is halted.
    pub(super) async fn wait(&self) {
        let (mut nodes, mut clocks) = (Nodes::default(), Clocks::default());
        let mut blind: Option<Blind> = None;
        let mut is_clock_read = false;
        loop {
            let Some(deadline) = self.watched.next_deadline() else {
                if self.watched.closed.get() {
                    return;
                }
                tokio::select! {
                    biased;
                    () = self.halt.halted() => return,
                    () = self.watched.changed.notified() => continue,
                }
            };
            tokio::select! {
                biased;
                () = self.halt.halted() => return,
                () = sleep_until(self.watched.next_look()) => {}
            }
            // The last look is the one at the deadline.
            let left = deadline.saturating_duration_since(Instant::now());
            let bound = left.clamp(INTERVAL, LIST_TIMEOUT);
            let asked = Instant::now();
            let listed = tokio::select! {
                biased;
                () = self.halt.halted() => return,
                (listed, ()) = join(self.list_tasks(bound), async {
                    // Once: from then on it shows as much more as ours.
                    if !is_clock_read {
                        self.read_clock(&mut clocks).await;
                        is_clock_read = true;
                    }
                }) => listed,
            };
            match listed {
                Ok(tasks) => {
                    let now = Instant::now();
                    if let Some(Blind { since, .. }) = blind.take() {
                        self.watched.sees_again(since, now);
                    }
                    clocks.learn(&tasks, now);
                    // Set for each service by itself.
                    let look = Look { asked, now, counts_from: asked, clocks: &clocks };
                    tokio::select! {
                        biased;
                        () = self.halt.halted() => return,
                        () = self.judge(&tasks, look, &mut nodes) => {}
                    }
                }
                Err(error) => {
                    let is_late = Instant::now() >= deadline;
                    let blind = self.is_blind(&mut blind, asked, &error);
                    let may_be_lost = is_late || blind.since.elapsed() >= self.run.settings.patience;
                    let lost = async { if may_be_lost { self.lost().await } else { None } };
                    let lost = tokio::select! {
                        biased;
                        () = self.halt.halted() => return,
                        lost = lost => lost,
                    };
                    if let Some(lost) = lost {
                        if blind.since.elapsed() >= self.run.settings.patience {
                            return self.stop(lost);
                        }
                        // It may be back in a moment: nobody is late whom nobody can see.
                        continue;
                    }
                }
            }
            self.end_late(&nodes.known, blind.as_ref());
        }
    }

    /// Looks at every service that is waited for, and at more than its tasks where these do not tell.
    async fn judge(&self, tasks: &[ObservedTask], look: Look<'_>, nodes: &mut Nodes) {
        let now = look.now;
        let mut by_service: BTreeMap<&str, Vec<&ObservedTask>> = BTreeMap::new();
        for task in tasks {
            by_service.entry(&task.service_id).or_default().push(task);
        }
        let (mut stable, mut ended, mut doubtful, mut hangs) = (Vec::new(), Vec::new(), false, false);
        for (id, watch) in self.watched.pending.borrow_mut().iter_mut() {
            let own = by_service.get(id.as_str()).map(Vec::as_slice).unwrap_or_default();
            let old = || own.iter().filter(|task| task.has_ended()).map(|task| task.id.clone());
            let known = watch.known.get_or_insert_with(|| Rc::new(old().collect()));
            let counts_from = *watch.counts_from.get_or_insert(look.asked);
            match watch.seen.look(own, known, &watch.expected, &Look { counts_from, ..look }) {
                Verdict::Stable => {
                    doubtful |= watch.is_update || !watch.is_settled;
                    stable.push(id.clone());
                }
                Verdict::Failed => ended.push(id.clone()),
                Verdict::Waiting => {
                    let waited = now.duration_since(watch.accepted);
                    hangs |= waited >= DOUBT;
                    match watch.seen.left() {
                        // An update makes its tasks one after the other, and after a while.
                        Some(_) if waited >= DOUBT && !watch.is_update => ended.push(id.clone()),
                        _ => doubtful |= watch.seen.current.is_none() && waited >= DOUBT,
                    }
                }
            }
        }
        if hangs || !ended.is_empty() {
            self.look_at_nodes(nodes).await;
        }
        let services = if doubtful { self.look_at_services().await } else { None };
        for id in ended {
            let reason =
                self.with_watch(&id, &nodes.known, |watch, reasons| reasons.ended(&watch.seen, &watch.expected));
            self.end(&id, Ending::Failed(reason.unwrap_or_default()));
        }
        for id in stable {
            if let Some(ending) = self.settle(&id, services.as_ref()) {
                self.end(&id, ending);
            }
        }
        if let Some(services) = &services {
            self.end_removed(services, now);
        }
        self.tell_progress(&nodes.known, now);
    }

    /// How the wait for a service ends whose task keeps running; `None` if it goes on.
    fn settle(&self, id: &str, services: Option<&BTreeMap<String, ObservedService>>) -> Option<Ending> {
        let pending = self.watched.pending.borrow();
        let watch = pending.get(id)?;
        if !watch.is_update && watch.is_settled {
            return Some(Ending::Converged);
        }
        let service = services?.get(id)?;
        let failed = |what: &str, message: &str| {
            let message = self.run.redactor.redact(message);
            Some(Ending::Failed(format!("the engine has {what}: {message}")))
        };
        // Where the new ones are made first, those of before run on beside what fails.
        let is_old = || {
            let new = watch.seen.runs.iter().filter(|task| standing::is_of_update(task, service));
            new.count() < watch.expected.replicas
        };
        match service.update.as_ref().map(|update| (update.state.as_str(), &*update.message)) {
            // One that was over before this run is no matter of it.
            Some((state, message)) if state.starts_with("rollback") && watch.is_update => {
                failed("rolled it back to what it was", message)
            }
            Some(("paused", message)) if !watch.is_settled && is_old() => failed("paused its update", message),
            Some(("updating", _)) if !watch.is_settled => None,
            _ => Some(Ending::Converged),
        }
    }

    /// Ends the wait for services that somebody has removed.
    fn end_removed(&self, services: &BTreeMap<String, ObservedService>, now: Instant) {
        let is_gone = |watch: &Watch| {
            let waited = now.duration_since(watch.accepted);
            watch.seen.current.is_none() && waited >= DOUBT && !services.contains_key(&watch.id)
        };
        let gone: Vec<String> = self
            .watched
            .pending
            .borrow()
            .values()
            .filter(|watch| is_gone(watch))
            .map(|watch| watch.id.clone())
            .collect();
        for id in gone {
            self.end(&id, Ending::Failed("it was removed by somebody else".to_owned()));
        }
    }

    /// Ends the wait for services that have had their time.
    fn end_late(&self, nodes: &BTreeMap<String, ObservedNode>, blind: Option<&Blind>) {
        let now = Instant::now();
        let is_late = |watch: &&Watch| now >= watch.deadline();
        let late: Vec<String> =
            self.watched.pending.borrow().values().filter(is_late).map(|watch| watch.id.clone()).collect();
        for id in late {
            let reason = self.with_watch(&id, nodes, |watch, reasons| {
                let Some(Blind { reason, .. }) = blind else {
                    return reasons.late(&watch.seen, &watch.expected, watch.timeout);
                };
                let seconds = watch.timeout.as_secs();
                format!("was not seen to run after {seconds} s, as the engine does not list the tasks: {reason}")
            });
            self.end(&id, Ending::Failed(reason.unwrap_or_default()));
        }
    }

    fn with_watch<T>(
        &self,
        id: &str,
        nodes: &BTreeMap<String, ObservedNode>,
        make: impl Fn(&Watch, &Reasons<'_>) -> T,
    ) -> Option<T> {
        let redact = |text: &str| self.run.redactor.redact(text);
        let reasons = Reasons { nodes, redact: &redact };
        self.watched.pending.borrow().get(id).map(|watch| make(watch, &reasons))
    }

    fn end(&self, id: &str, ending: Ending) {
        let Some(watch) = self.watched.pending.borrow_mut().remove(id) else { return };
        let (converged, failed) = self.watched.counts.get();
        let after = watch.accepted.elapsed();
        match ending {
            Ending::Converged => {
                self.watched.counts.set((converged + 1, failed));
                self.ledger.set(watch.index, State::Converged { after });
                self.tell(&Event::Converged { subject: watch.subject, after });
            }
            Ending::Failed(reason) => {
                self.watched.counts.set((converged, failed + 1));
                self.ledger.set(watch.index, State::Failed { reason: reason.clone(), accepted: true });
                self.tell(&Event::Failed { subject: watch.subject, act: Act::Await, reason });
            }
        }
    }

    /// Tells how far the services are, and of those that hang why.
    fn tell_progress(&self, nodes: &BTreeMap<String, ObservedNode>, now: Instant) {
        let redact = |text: &str| self.run.redactor.redact(text);
        let reasons = Reasons { nodes, redact: &redact };
        let (converged, failed) = self.watched.counts.get();
        let mut progress = Progress { converged, failed, ..Progress::default() };
        let mut events = Vec::new();
        let mut pending = self.watched.pending.borrow_mut();
        for watch in pending.values_mut() {
            let current = watch.seen.current.as_ref();
            let state = current.map_or("none", |task| task.state.as_str());
            *progress.states.entry(state.to_owned()).or_default() += 1;
            let has_words = current.is_some_and(|task| !task.error.is_empty());
            if watch.seen.is_running() || !has_words && now.duration_since(watch.accepted) < GUESS_AFTER {
                continue;
            }
            let reason = reasons.now(&watch.seen, &watch.expected);
            if reason != watch.told {
                watch.told.clone_from(&reason);
                events.push(Event::Stuck { subject: watch.subject.clone(), reason });
            }
        }
        let mut slowest: Vec<&Watch> = pending.values().collect();
        slowest.sort_by(|a, b| (a.accepted, a.subject.name()).cmp(&(b.accepted, b.subject.name())));
        progress.slowest =
            slowest.iter().take(Progress::SLOWEST).map(|watch| watch.subject.name().to_owned()).collect();
        drop(pending);
        self.tell(&Event::Waiting(progress));
        events.iter().for_each(|event| self.tell(event));
    }

    async fn look_at_services(&self) -> Option<BTreeMap<String, ObservedService>> {
        let label = self.label();
        let services = self.call_within(LOOK_TIMEOUT, self.run.api.services(Some(&label))).await.ok()?;
        Some(services.into_iter().map(|service| (service.id.clone(), service)).collect())
    }

    async fn look_at_nodes(&self, nodes: &mut Nodes) {
        if nodes.read.is_some_and(|read| read.elapsed() < DOUBT) {
            return;
        }
        nodes.read = Some(Instant::now());
        if let Ok(list) = self.call_within(LOOK_TIMEOUT, self.run.api.nodes()).await {
            nodes.known = list.into_iter().map(|node| (node.id.clone(), node)).collect();
        }
    }
}

/// The nodes as they were read last.
#[derive(Default)]
struct Nodes {
    read: Option<Instant>,
    known: BTreeMap<String, ObservedNode>,
}
