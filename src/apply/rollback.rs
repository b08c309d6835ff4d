//! Undoes what a run has changed.
//!
//! In reverse: first what was made or changed, then what had been removed before (its name may have been given to what
//! was made), at last the Swarm configs and secrets that nothing refers to any more. A service that somebody else has
//! changed since is left as it is, and so is told what cannot be had back. That the services run again is not waited
//! for: they may not have run before.
//!
//! A run whose servers all run, and that has begun to remove what they do not need, is final: it leaves nothing to undo.
//! Volumes are not to be had back, and services of before refer to Swarm configs and secrets by ids that come no more.

use std::future::{Future, ready};

use futures_util::{StreamExt as _, stream};
use serde_json::Value;

use crate::plan::graph::{Body, NewService};
use crate::plan::normalize::canonical;
use crate::plan::observed::ObservedNetwork;

use super::api::{ApiError, SwarmApi};
use super::event::{Act, Event, Subject};
use super::execute::service::{Ended, has_same_owner, is_applied};
use super::outcome::{Ledger, Outcome, Report, State, Undo};
use super::work::{Failure, ROUNDS, Run, Work};

impl<A: SwarmApi> Run<'_, A> {
    /// Undoes what led to an outcome; what becomes of it has one report for each thing that was changed, with what had
    /// been done to it. `networks` are the swarm's: services store their ids.
    pub async fn roll_back(
        &self,
        deployment: &str,
        outcome: &Outcome,
        networks: &[ObservedNetwork],
        events: &mut dyn FnMut(&Event),
        cancel: impl Future<Output = ()>,
    ) -> Outcome {
        let work = Work::new(self, deployment, Ledger::default(), events);
        work.until(cancel, work.undo_all(&outcome.journal, networks)).await;
        let stopped = work.halt.reason();
        work.ledger.into_outcome(stopped)
    }
}

impl Undo {
    fn stage(&self) -> usize {
        match self {
            Self::Created { .. } | Self::Updated { .. } => 1,
            Self::Removed { .. } => 2,
            Self::CreatedObject { .. } | Self::Gone { .. } => 3,
        }
    }

    fn subject(&self) -> (Subject, Act) {
        match self {
            Self::Created { new, .. } => (new.into(), Act::Create),
            Self::Updated { subject, .. } => (subject.clone(), Act::Update),
            Self::Removed { subject, .. } | Self::Gone { subject } => (subject.clone(), Act::Remove),
            Self::CreatedObject { kind, name, .. } => {
                (Subject::Object { kind: *kind, name: name.clone() }, Act::Create)
            }
        }
    }
}

impl<A: SwarmApi> Work<'_, A> {
    async fn undo_all(&self, journal: &[Undo], networks: &[ObservedNetwork]) {
        for undo in journal {
            let (subject, act) = undo.subject();
            self.ledger.add(Report { subject, act, state: State::NotDone { reason: "not reached".to_owned() } });
        }
        for stage in 1..=3 {
            let undos = journal.iter().enumerate().rev().filter(|(_, undo)| undo.stage() == stage);
            let undos = stream::iter(undos).map(|(index, undo)| self.undo_one(index, undo, networks));
            undos.buffer_unordered(self.run.settings.parallelism.max(1)).for_each(|()| ready(())).await;
        }
    }

    async fn undo_one(&self, index: usize, undo: &Undo, networks: &[ObservedNetwork]) {
        if let Some(stop) = self.halt.reason() {
            return self.ledger.set(index, State::NotDone { reason: stop.to_string() });
        }
        self.ledger.set(index, State::under_way());
        let (subject, act) = undo.subject();
        self.running.set(self.running.get() + 1);
        let undone = match undo {
            Undo::Created { new, id } => {
                let is_as_sent = |live: &Value| is_as_sent(live, &new.body.0, networks);
                self.undo_creation(&subject, new, id.as_deref(), is_as_sent).await
            }
            Undo::Updated { id, before, sent, .. } => {
                self.undo_update(&subject, id, before, |live| is_as_sent(live, &sent.0, networks)).await
            }
            Undo::Removed { before, .. } => self.undo_removal(&subject, before).await,
            Undo::CreatedObject { kind, id, name } => self.undo_object(*kind, id.as_deref(), name).await,
            Undo::Gone { .. } => Err(Failure::Failed("it is gone for good".to_owned())),
        };
        self.running.set(self.running.get() - 1);
        match undone {
            Ok(()) => {
                self.ledger.set(index, State::Done);
                self.tell(&Event::Undone { subject, act });
            }
            Err(Failure::Failed(reason)) => {
                self.ledger.set(index, State::Failed { reason: reason.clone(), accepted: false });
                self.tell(&Event::NotUndone { subject, act, reason });
            }
            Err(Failure::Unsure(reason)) => {
                self.ledger.set(index, State::Unknown { reason: reason.clone() });
                self.tell(&Event::NotUndone { subject, act, reason });
            }
            Err(Failure::Stopped { .. } | Failure::Begun(_)) => {}
        }
    }

    async fn undo_creation(
        &self,
        subject: &Subject,
        new: &NewService,
        id: Option<&str>,
        is_as_sent: impl Fn(&Value) -> bool,
    ) -> Result<(), Failure> {
        let Some(live) = self.look(subject, id.unwrap_or(&new.name)).await? else { return Ok(()) };
        if !has_same_owner(&live.spec, &new.body.0) || !is_as_sent(&live.spec) {
            return Err(changed_since());
        }
        match self.repeat(subject, || self.run.api.remove_service(&live.id)).await? {
            Ok(()) | Err(ApiError::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failed(&error)),
        }
    }

    async fn undo_update(
        &self,
        subject: &Subject,
        id: &str,
        before: &Body,
        is_as_sent: impl Fn(&Value) -> bool,
    ) -> Result<(), Failure> {
        let auth = self.auth(&before.0);
        for _ in 0..ROUNDS {
            let Some(live) = self.look(subject, id).await? else {
                return Err(Failure::Failed("it was removed by somebody else".to_owned()));
            };
            if live.spec == before.0 {
                return Ok(());
            }
            if !is_as_sent(&live.spec) {
                return Err(changed_since());
            }
            let call = || self.run.api.update_service(id, live.version, &before.0, auth.as_ref());
            match self.repeat(subject, call).await? {
                Ok(()) => return Ok(()),
                Err(ApiError::OutOfSequence { .. }) => {}
                Err(error) => return Err(self.failed(&error)),
            }
        }
        Err(changed_since())
    }

    async fn undo_removal(&self, subject: &Subject, before: &Body) -> Result<(), Failure> {
        let Subject::Service { name, user, server } = subject.clone() else { return Ok(()) };
        let new = NewService { name, user, server, body: before.clone(), start_timeout: 0 };
        match self.create_noted(&new, None, &mut false).await? {
            Ended::Taken(_) => Ok(()),
            Ended::Changed(_) => Err(changed_since()),
        }
    }
}

/// Tells whether nobody has changed a service since a run has sent it: neither by another run, nor by hand, which leaves the
/// labels as they are.
fn is_as_sent(live: &Value, sent: &Value, networks: &[ObservedNetwork]) -> bool {
    let (mut live_form, sent_form) = (canonical(live, networks), canonical(sent, networks));
    live_form.align(&sent_form);
    is_applied(live, sent) && live_form == sent_form
}

fn changed_since() -> Failure {
    Failure::Failed("it was changed by somebody else since, and is left as it is".to_owned())
}
