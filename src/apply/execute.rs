//! Carries out a plan, stage by stage.
//!
//! ```text
//! stage 1, 2   all at once within the parallelism; one that fails does not keep the others from being done
//! stage 3      only if everything before was taken by the engine
//! waiting      from the first service on, beside the calls
//! stage 4      once all that was waited for has converged
//! ```

mod object;
pub(super) mod service;

use std::future::{Future, ready};
use std::pin::pin;

use futures_util::future::{Either, join, select};
use futures_util::{StreamExt as _, stream};
use tokio::time::timeout;

use crate::plan::graph::{Action, Plan, TaskFate};

use super::api::SwarmApi;
use super::event::{Act, Event};
use super::outcome::{Ledger, Outcome, Report, State, Stop, describe};
use super::wait::Standing;
use super::work::{Failure, Run, Work};

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
        let calls = async {
            self.stage(plan, 1, None).await;
            let is_anew =
                |action: &Action| matches!(action, Action::UpdateService(update) if update.task == TaskFate::Anew);
            if plan.actions.iter().any(is_anew) {
                self.look_at_tasks_before().await;
            }
            self.stage(plan, 2, None).await;
            self.stage(plan, 3, self.failures()).await;
            self.watched.close();
        };
        join(calls, self.wait()).await;
        self.stage(plan, 4, self.failures()).await;
    }

    /// Why what comes last is not done, where that is so.
    fn failures(&self) -> Option<&'static str> {
        let failed = self.ledger.count(|report| matches!(report.state, State::Failed { .. } | State::Unknown));
        (failed > 0).then_some("something that comes before it failed")
    }

    /// Makes the calls of one stage; with `hindrance`, none but those that depend on their own service alone.
    async fn stage(&self, plan: &Plan, stage: usize, hindrance: Option<&str>) {
        let parallelism = self.run.settings.parallelism.max(1);
        let actions = plan.actions.iter().enumerate().filter(|(_, action)| action.stage() == stage);
        let acts = stream::iter(actions).map(async |(index, action)| {
            let stop = self.halt.reason().map(|stop| stop.to_string());
            let hindrance = match action {
                Action::RemoveVolume { service, .. } if self.is_removed(plan, service) => None,
                Action::RemoveVolume { service, .. } => Some(format!("its service `{service}` is still there")),
                _ => hindrance.map(str::to_owned),
            };
            match stop.or(hindrance) {
                Some(reason) => self.ledger.set(index, State::NotDone { reason }),
                None => self.act(plan, index, action).await,
            }
        });
        acts.buffer_unordered(parallelism).for_each(|()| ready(())).await;
    }

    async fn act(&self, plan: &Plan, index: usize, action: &Action) {
        self.ledger.set(index, State::Unknown);
        self.running.set(self.running.get() + 1);
        let (subject, act) = describe(action);
        let done = match action {
            Action::CreateObject(object) => self.create_object(object).await.map(|()| State::Done),
            Action::CreateService(_) | Action::UpdateService(_) | Action::ReplaceService { .. } => {
                self.serve(index, action).await
            }
            Action::RemoveService(old) => self.remove_service(old).await.map(|()| State::Done),
            Action::RemoveVolume { name, service, .. } => {
                self.remove_volume(plan, name, service).await.map(|()| State::Done)
            }
            Action::RemoveObject { kind, id, name } => self.remove_object(*kind, id, name).await.map(|()| State::Done),
        };
        self.running.set(self.running.get() - 1);
        match done {
            Ok(state) => {
                self.ledger.set(index, state);
                self.tell(&Event::Accepted { subject, act });
            }
            Err(Failure::Failed(reason)) => {
                self.ledger.set(index, State::Failed { reason: reason.clone(), accepted: false });
                self.tell(&Event::Failed { subject, act, reason });
            }
            Err(Failure::Unsure(reason)) => self.tell(&Event::Failed { subject, act, reason }),
            Err(Failure::Stopped { unknown: true }) => {}
            Err(Failure::Stopped { unknown: false }) => {
                let reason = self.halt.reason().map(|stop| stop.to_string()).unwrap_or_default();
                self.ledger.set(index, State::NotDone { reason });
            }
        }
    }
}
