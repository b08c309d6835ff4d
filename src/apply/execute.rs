//! Carries out a plan, stage by stage.
//!
//! ```text
//! stage 1, 2   all at once within the parallelism; one that fails does not keep the others from being done
//! stage 3      only if everything before was taken by the engine
//! waiting      from the first service on, beside the calls
//! stage 4      only if everything before succeeded, and all that was waited for has converged; then the services that
//!              stayed until their volumes are gone
//! stage 5      only if everything before succeeded
//! ```

mod object;
mod removal;
pub(super) mod service;

use std::future::{Future, ready};
use std::pin::pin;

use futures_util::future::{Either, join, select};
use futures_util::{StreamExt as _, stream};
use serde_json::Value;
use tokio::time::timeout;

use crate::plan::graph::{Action, Plan, TaskFate};

use super::api::SwarmApi;
use super::event::{Act, Event};
use super::outcome::{Ledger, Outcome, Report, State, Stop, describe};
use super::remove::patience;
use super::wait::Standing;
use super::work::{Failure, Run, Work};
use removal::Going;

impl<A: SwarmApi> Run<'_, A> {
    /// Carries out a plan; `standing` are services that need no change but do not run, and are waited for too.
    ///
    /// When `cancel` ends, no new calls are made, those under way are given the grace to end, and what was done is told.
    /// What happens is told to `events` as it happens.
    pub async fn apply(
        &self,
        plan: &Plan,
        standing: &[Standing],
        events: &mut dyn FnMut(&Event),
        cancel: impl Future<Output = ()>,
    ) -> Outcome {
        self.redactor.learn_plan(plan);
        let work = Work::new(self, &plan.deployment, Ledger::new(plan), events);
        work.tell(&Event::Started { actions: plan.actions.len() });
        work.until(cancel, work.carry_out(plan, standing)).await;
        let stopped = work.halt.reason();
        work.ledger.into_outcome(stopped)
    }
}

impl<A: SwarmApi> Work<'_, A> {
    /// Works until it is done, or until the grace after the cancellation is over.
    pub(super) async fn until(&self, cancel: impl Future<Output = ()>, work: impl Future<Output = ()>) {
        let work = pin!(work);
        if let Either::Right(((), work)) = select(work, pin!(cancel)).await {
            self.stop(Stop::Cancelled);
            // What is still under way then stays unknown in the ledger.
            let _ = timeout(self.run.settings.grace, work).await;
        }
    }

    async fn carry_out(&self, plan: &Plan, standing: &[Standing]) {
        for one in standing {
            let report = Report { subject: one.subject.clone(), act: Act::Await, state: State::Accepted };
            let index = self.ledger.add(report);
            self.watch_standing(index, one);
        }
        let going = Going::of(plan);
        let calls = async {
            self.stage(plan, &going, 1, None).await;
            let is_anew =
                |action: &Action| matches!(action, Action::UpdateService(update) if update.task == TaskFate::Anew);
            if plan.actions.iter().any(is_anew) {
                self.look_at_tasks_before().await;
            }
            self.stage(plan, &going, 2, None).await;
            self.stage(plan, &going, 3, self.failures()).await;
            self.watched.close();
        };
        join(calls, self.wait()).await;
        // What goes from here on does not come back.
        let hindrance = if self.run.settings.keep_going { None } else { self.failures() };
        self.stage(plan, &going, 4, hindrance).await;
        self.finish_removals(plan, &going, hindrance).await;
        self.stage(plan, &going, 5, self.failures()).await;
    }

    /// Why what comes last is not done, where that is so.
    fn failures(&self) -> Option<&'static str> {
        let failed = self.ledger.count(|report| matches!(report.state, State::Failed { .. } | State::Unknown { .. }));
        (failed > 0).then_some("something that comes before it failed")
    }

    /// Makes the calls of one stage, or none with `hindrance`.
    async fn stage(&self, plan: &Plan, going: &Going<'_>, stage: usize, hindrance: Option<&str>) {
        let parallelism = self.run.settings.parallelism.max(1);
        let actions = plan.actions.iter().enumerate().filter(|(_, action)| action.stage() == stage);
        let acts = stream::iter(actions).map(async |(index, action)| {
            let stop = self.halt.reason().map(|stop| stop.to_string());
            let hindrance = match action {
                Action::RemoveVolume { service, .. } if !self.is_ended(going, service) => {
                    Some(format!("its service `{service}` is still there"))
                }
                _ => hindrance.map(str::to_owned),
            };
            match stop.or(hindrance) {
                Some(reason) => self.ledger.set(index, State::NotDone { reason }),
                None => self.act(going, index, action).await,
            }
        });
        acts.buffer_unordered(parallelism).for_each(|()| ready(())).await;
    }

    /// Removes the services that stayed until their volumes are gone.
    async fn finish_removals(&self, plan: &Plan, going: &Going<'_>, hindrance: Option<&str>) {
        let begun: Vec<usize> = self.begun.borrow().keys().copied().collect();
        let acts = stream::iter(begun).map(async |index| {
            let Some(action @ Action::RemoveService(old)) = plan.actions.get(index) else { return };
            let again = |why: &str| format!("{why}; run this again to remove it and its volumes");
            let left = || "its volumes are not; run this again to remove both".to_owned();
            let stop = self.halt.reason().map(|stop| stop.to_string());
            let hindrance = stop.or_else(|| hindrance.map(again));
            match hindrance.or_else(|| self.has_volumes_left(going, &old.name).then(left)) {
                Some(reason) => {
                    self.ledger.set(index, State::Begun { reason: format!("{}: {reason}", removal::WITHOUT_TASKS) });
                }
                None => self.carry_on(index, action, self.finish_removal(index, old)).await,
            }
        });
        acts.buffer_unordered(self.run.settings.parallelism.max(1)).for_each(|()| ready(())).await;
    }

    async fn act(&self, going: &Going<'_>, index: usize, action: &Action) {
        if let Action::RemoveVolume { .. } | Action::RemoveObject { .. } = action {
            self.ledger.close();
        }
        let done = async {
            match action {
                Action::CreateObject(object) => self.create_object(object).await.map(|()| State::Done),
                Action::CreateService(_) | Action::UpdateService(_) | Action::ReplaceService { .. } => {
                    self.serve(index, action).await
                }
                Action::RemoveService(old) => self.remove(going, index, old).await,
                Action::RemoveVolume { volume, service } => {
                    let bound = patience(going.removal(service).map_or(&Value::Null, |old| &old.before.0));
                    self.remove_volume(&volume.name, describe(action).0, bound).await.map(|()| State::Done)
                }
                Action::RemoveObject { kind, id, name, .. } => {
                    self.remove_object(*kind, id, name).await.map(|()| State::Done)
                }
            }
        };
        self.carry_on(index, action, done).await;
    }

    /// Writes down what becomes of an action, and tells it.
    async fn carry_on(&self, index: usize, action: &Action, done: impl Future<Output = Result<State, Failure>>) {
        self.ledger.set(index, State::under_way());
        self.running.set(self.running.get() + 1);
        let (subject, act) = describe(action);
        let done = done.await;
        self.running.set(self.running.get() - 1);
        match done {
            Ok(state @ State::Begun { .. }) => self.ledger.set(index, state),
            Ok(state) => {
                self.ledger.set(index, state);
                self.tell(&Event::Accepted { subject, act });
            }
            Err(Failure::Failed(reason)) => {
                self.ledger.set(index, State::Failed { reason: reason.clone(), accepted: false });
                self.tell(&Event::Failed { subject, act, reason });
            }
            Err(Failure::Unsure(reason)) => {
                self.ledger.set(index, State::Unknown { reason: reason.clone() });
                self.tell(&Event::Failed { subject, act, reason });
            }
            Err(Failure::Stopped { unknown }) => {
                let reason = self.halt.reason().map(|stop| stop.to_string()).unwrap_or_default();
                self.ledger.set(index, if unknown { State::Unknown { reason } } else { State::NotDone { reason } });
            }
            Err(Failure::Begun(done)) => {
                let stop = self.halt.reason().map(|stop| stop.to_string()).unwrap_or_default();
                self.ledger.set(index, State::Begun { reason: format!("{done}: {stop}") });
            }
        }
    }
}
