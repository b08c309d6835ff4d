//! What became of each action.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use crate::plan::graph::{Action, Body, NewService, ObjectKind, Plan, VolumeRemoval};

use super::event::{Act, Subject};
use super::redact::REDACTED;

/// What was done, what was not, and what failed.
#[derive(Debug)]
pub struct Outcome {
    /// One for each action, in the plan's order; then those services that were only waited for.
    pub reports: Vec<Report>,
    /// Why not everything was tried, where that is so.
    pub stopped: Option<Stop>,
    /// Whether nothing is undone any more: everything that comes before has succeeded, and volumes or old Swarm configs and
    /// secrets have begun to go, which nobody brings back.
    pub is_final: bool,
    /// What is undone by a rollback, in the order in which it was done.
    pub(super) journal: Vec<Undo>,
}

impl Outcome {
    /// An outcome that cannot be undone.
    #[cfg(test)]
    pub(crate) fn of(reports: Vec<Report>, stopped: Option<Stop>) -> Self {
        Self { reports, stopped, is_final: false, journal: Vec::new() }
    }

    /// Tells whether everything was done, and runs as far as that was waited for.
    pub fn is_complete(&self) -> bool {
        self.stopped.is_none() && self.reports.iter().all(|report| report.state.is_good())
    }

    /// Those that failed.
    pub fn failed(&self) -> impl Iterator<Item = &Report> {
        self.reports.iter().filter(|report| matches!(report.state, State::Failed { .. }))
    }

    /// Tells whether the swarm was changed, or may have been, in what a rollback undoes.
    pub fn is_undoable(&self) -> bool {
        !self.journal.is_empty()
    }
}

/// What became of one action.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// What it is about.
    pub subject: Subject,
    /// What was to be done.
    pub act: Act,
    /// What became of it.
    pub state: State,
}

/// What became of an action.
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    /// Nothing was tried.
    NotDone {
        /// Why.
        reason: String,
    },
    /// A part of it was done.
    Begun {
        /// What is done of it, and why no more.
        reason: String,
    },
    /// A call was sent, and nobody knows whether it was carried out.
    Unknown {
        /// Why; searched for secrets.
        reason: String,
    },
    /// It was done; whether the service runs was not seen.
    Accepted,
    /// It was done, and there is nothing to wait for.
    Done,
    /// It was done, and the service has kept running.
    Converged {
        /// The time since the engine took the call.
        after: Duration,
    },
    /// It failed.
    Failed {
        /// Why; searched for secrets.
        reason: String,
        /// Whether the engine took the call, so that it is the service that does not run.
        accepted: bool,
    },
}

impl State {
    /// Tells whether nothing is wrong with it.
    pub fn is_good(&self) -> bool {
        matches!(self, Self::Accepted | Self::Done | Self::Converged { .. })
    }
}

impl State {
    /// A call is under way; whatever ends the run may end it before the answer comes.
    pub(super) fn under_way() -> Self {
        Self::Unknown { reason: "its answer was not waited for".to_owned() }
    }
}

/// Why no new calls are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Whoever started it wants it to end.
    Cancelled,
    /// The engine does not answer any more; searched for secrets.
    NoEngine(String),
    /// The engine does not answer for a swarm any more.
    NoSwarm(String),
}

impl std::fmt::Display for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Cancelled => f.write_str("interrupted"),
            Self::NoEngine(reason) => write!(f, "the engine does not answer: {reason}"),
            Self::NoSwarm(reason) => f.write_str(reason),
        }
    }
}

/// What was done, with what it takes to undo it.
#[derive(Clone, Debug)]
pub(super) enum Undo {
    /// A service was made; without an id, it may have been.
    Created { new: NewService, id: Option<String> },
    /// A service was changed, or may have been.
    Updated { subject: Subject, id: String, before: Body, sent: Body },
    /// A service was removed.
    Removed { subject: Subject, before: Body },
    /// A Swarm config or secret was made; without an id, it may have been.
    CreatedObject { kind: ObjectKind, id: Option<String>, name: String },
    /// Something is gone for good.
    Gone { subject: Subject },
}

/// The outcome in the making: it is there also if the work on it is dropped.
#[derive(Default)]
pub(super) struct Ledger {
    reports: RefCell<Vec<Report>>,
    /// What was struck is `None`.
    journal: RefCell<Vec<Option<Undo>>>,
    is_final: Cell<bool>,
}

impl Ledger {
    pub(super) fn new(plan: &Plan) -> Self {
        let not_done = || State::NotDone { reason: "not reached".to_owned() };
        let report = |action| {
            let (subject, act) = describe(action);
            Report { subject, act, state: not_done() }
        };
        Self { reports: RefCell::new(plan.actions.iter().map(report).collect()), ..Self::default() }
    }

    /// Adds a report and gives its place.
    pub(super) fn add(&self, report: Report) -> usize {
        let mut reports = self.reports.borrow_mut();
        reports.push(report);
        reports.len() - 1
    }

    pub(super) fn set(&self, index: usize, state: State) {
        if let Some(report) = self.reports.borrow_mut().get_mut(index) {
            report.state = state;
        }
    }

    pub(super) fn state(&self, index: usize) -> Option<State> {
        self.reports.borrow().get(index).map(|report| report.state.clone())
    }

    /// Writes down a call before it is made, and gives its place.
    pub(super) fn note(&self, undo: Undo) -> usize {
        let mut journal = self.journal.borrow_mut();
        journal.push(Some(undo));
        journal.len() - 1
    }

    /// Replaces what was noted: more is known of it, or (`None`) it has not happened.
    pub(super) fn settle(&self, entry: usize, undo: Option<Undo>) {
        if let Some(noted) = self.journal.borrow_mut().get_mut(entry) {
            *noted = undo;
        }
    }

    /// Nothing is undone from now on.
    pub(super) fn close(&self) {
        self.is_final.set(true);
    }

    pub(super) fn count(&self, counts: impl Fn(&Report) -> bool) -> usize {
        self.reports.borrow().iter().filter(|report| counts(report)).count()
    }

    /// Ends the ledger: what is under way in it was given up.
    pub(super) fn into_outcome(self, stopped: Option<Stop>) -> Outcome {
        let is_final = self.is_final.get();
        let journal = self.journal.into_inner().into_iter().flatten().filter(|_| !is_final).collect();
        Outcome { reports: self.reports.into_inner(), stopped, is_final, journal }
    }
}

/// A volume of a service, without its name where that is a secret.
pub(super) fn volume_of(volume: &VolumeRemoval, service: &str) -> Subject {
    let name = if volume.is_secret { REDACTED } else { &volume.name }.to_owned();
    Subject::Volume { name, service: service.to_owned() }
}

/// What an action is about, and what it does.
pub(super) fn describe(action: &Action) -> (Subject, Act) {
    match action {
        Action::CreateObject(object) => (Subject::Object { kind: object.kind, name: object.name.clone() }, Act::Create),
        Action::CreateService(new) => (new.into(), Act::Create),
        Action::UpdateService(update) => ((&update.new).into(), Act::Update),
        Action::ReplaceService { new, .. } => (new.into(), Act::Replace),
        Action::RemoveService(old) => (old.into(), Act::Remove),
        Action::RemoveVolume { volume, service } => (volume_of(volume, service), Act::Remove),
        Action::RemoveObject { kind, name, .. } => (Subject::Object { kind: *kind, name: name.clone() }, Act::Remove),
    }
}
