//! A swarm in memory, modelled on what was seen of real ones, with faults where they are wanted, in virtual time.

mod api;
mod life;
mod state;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use swarmgen::apply::api::{ApiError, ApiResult};
use swarmgen::plan::observed::{ObservedNode, ObservedService, ObservedTask};
use tokio::time::{Instant, sleep};

pub(crate) use state::State;

/// What goes wrong with a call.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// No connection.
    Unreachable,
    /// The connection ends before the call is carried out.
    CutBefore,
    /// The connection ends after it was carried out.
    CutAfter,
    /// The engine fails before it carries it out.
    Fails(&'static str),
    /// The engine fails after it has carried it out.
    FailsAfter,
    /// It is carried out, and the answer cannot be read.
    Garbage,
    /// It takes this much longer.
    Slow(Duration),
    /// It is carried out, and never answered.
    Hangs,
    /// It is refused with these words.
    Refused(&'static str),
    /// Somebody else removes the service just before.
    RemovedBefore,
    /// Somebody else changes the service's environment just before.
    ChangedBefore,
    /// The service's version moves just before, and nothing else.
    MovedBefore,
}

/// A fault of some calls.
struct Rule {
    call: &'static str,
    /// Which ones, from 1.
    first: usize,
    last: usize,
    fault: Fault,
}

/// A call that was made.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) name: &'static str,
    pub(crate) at: Instant,
}

#[derive(Default)]
struct Traffic {
    calls: Vec<Call>,
    counts: BTreeMap<&'static str, usize>,
    running: usize,
    most_running: usize,
    rules: Vec<Rule>,
}

/// The swarm.
pub(crate) struct FakeSwarm {
    state: RefCell<State>,
    traffic: RefCell<Traffic>,
    /// The time of a call on either way.
    latency: Duration,
}

/// Counts a call until its future is gone.
struct Running<'a>(&'a FakeSwarm);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.traffic.borrow_mut().running -= 1;
    }
}

impl FakeSwarm {
    pub(crate) fn new() -> Self {
        Self { state: RefCell::new(State::new()), traffic: RefCell::default(), latency: Duration::from_millis(5) }
    }

    /// One call of those by that name goes wrong, counted from 1.
    pub(crate) fn fault(&self, call: &'static str, nth: usize, fault: Fault) {
        self.faults(call, nth, nth, fault);
    }

    /// Several calls go wrong.
    pub(crate) fn faults(&self, call: &'static str, first: usize, last: usize, fault: Fault) {
        self.traffic.borrow_mut().rules.push(Rule { call, first, last, fault });
    }

    /// Nothing goes wrong any more, and counting starts anew.
    pub(crate) fn mend(&self) {
        *self.traffic.borrow_mut() = Traffic::default();
    }

    /// The calls of a name, or all.
    pub(crate) fn calls(&self, name: &str) -> Vec<Call> {
        let traffic = self.traffic.borrow();
        traffic.calls.iter().filter(|call| name.is_empty() || call.name == name).cloned().collect()
    }

    /// How many calls were under way at once at most.
    pub(crate) fn most_running(&self) -> usize {
        self.traffic.borrow().most_running
    }

    /// The state as it is now.
    pub(crate) fn now<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.borrow_mut();
        state.advance(Instant::now());
        look(&mut state)
    }

    /// The services as they are now.
    pub(crate) fn services(&self) -> Vec<ObservedService> {
        self.now(|state| state.services())
    }

    /// The names of the services, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.services().iter().map(|service| service.name().to_owned()).collect();
        names.sort();
        names
    }

    /// All tasks, also of services that are gone.
    pub(crate) fn tasks(&self) -> Vec<ObservedTask> {
        self.now(|state| state.tasks())
    }

    pub(crate) fn add_node(&self, id: &str, state: &str) {
        let text = |text: &str| text.to_owned();
        let node =
            ObservedNode { id: text(id), hostname: format!("{id}.example"), state: text(state), ..Default::default() };
        self.now(|swarm| swarm.nodes.push(node));
    }

    async fn call<T>(
        &self,
        name: &'static str,
        subject: &str,
        effect: impl FnOnce(&mut State) -> ApiResult<T>,
    ) -> ApiResult<T> {
        let fault = self.begin(name);
        let _running = Running(self);
        sleep(self.latency).await;
        let words = |text: &str| text.to_owned();
        match &fault {
            Some(Fault::Unreachable) => return Err(ApiError::Unreachable { message: words("connection refused") }),
            Some(Fault::CutBefore) => return Err(ApiError::NoAnswer { message: words("connection closed") }),
            Some(Fault::Fails(text)) => return Err(ApiError::Engine { status: 500, message: words(text) }),
            Some(Fault::Refused(text)) => return Err(ApiError::Refused { status: 400, message: words(text) }),
            Some(Fault::Slow(time)) => sleep(*time).await,
            Some(Fault::RemovedBefore) => self.now(|state| state.remove(subject)).unwrap(),
            Some(Fault::ChangedBefore) => self.now(|state| state.meddle(subject)),
            Some(Fault::MovedBefore) => self.now(|state| state.touch(subject)),
            _ => {}
        }
        let answer = self.now(effect);
        sleep(self.latency).await;
        match &fault {
            Some(Fault::CutAfter) => Err(ApiError::NoAnswer { message: words("connection reset") }),
            Some(Fault::Garbage) => Err(ApiError::NoAnswer { message: words("the answer is no JSON") }),
            Some(Fault::FailsAfter) => Err(ApiError::Engine { status: 502, message: words("bad gateway") }),
            Some(Fault::Hangs) => std::future::pending().await,
            _ => answer,
        }
    }

    /// Writes down a call, and tells what is to go wrong with it.
    fn begin(&self, name: &'static str) -> Option<Fault> {
        let mut traffic = self.traffic.borrow_mut();
        traffic.calls.push(Call { name, at: Instant::now() });
        traffic.running += 1;
        traffic.most_running = traffic.most_running.max(traffic.running);
        let count = traffic.counts.entry(name).or_default();
        *count += 1;
        let nth = *count;
        let rule = traffic.rules.iter().find(|rule| rule.call == name && (rule.first..=rule.last).contains(&nth))?;
        Some(rule.fault.clone())
    }
}
