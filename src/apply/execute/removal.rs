//! Services that go, and their volumes with them.
//!
//! Only a service tells which volumes go with it. So it stays until they are gone, without tasks: a run that ends before
//! that leaves what the next one needs to know.

use std::cell::Cell;
use std::collections::BTreeMap;

use serde_json::Value;

use crate::plan::graph::{Action, Body, Plan, Removal, VolumeRemoval};

use super::super::api::{ApiError, SwarmApi};
use super::super::event::Subject;
use super::super::outcome::{State, Undo, volume_of};
use super::super::remove::patience;
use super::super::work::{Failure, ROUNDS, Work};

/// What a plan removes.
pub(super) struct Going<'p> {
    /// The services by name, with the places of their actions.
    services: BTreeMap<&'p str, (usize, &'p Removal)>,
    /// The places of the actions that remove volumes, by their services.
    volumes: BTreeMap<&'p str, Vec<usize>>,
}

impl<'p> Going<'p> {
    pub(super) fn of(plan: &'p Plan) -> Self {
        let services = plan.actions.iter().enumerate().filter_map(|(index, action)| match action {
            Action::RemoveService(old) => Some((&*old.name, (index, old))),
            _ => None,
        });
        let mut volumes: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, action) in plan.actions.iter().enumerate() {
            if let Action::RemoveVolume { service, .. } = action {
                volumes.entry(service).or_default().push(index);
            }
        }
        Self { services: services.collect(), volumes }
    }

    /// The removal of a service.
    pub(super) fn removal(&self, service: &str) -> Option<&'p Removal> {
        self.services.get(service).map(|(_, old)| *old)
    }
}

/// What became of a service that is to have no tasks any more.
enum Scaled {
    /// It has none, or will have none in a moment; with what a rollback needs to know of it.
    ToNone { entry: Option<usize> },
    /// It is gone.
    Gone,
    /// It has no number of tasks, or the engine does not take such a change of it.
    Not,
}

impl<A: SwarmApi> Work<'_, A> {
    /// Removes a service, or begins to: one with volumes that go stays until they are gone.
    pub(super) async fn remove(&self, going: &Going<'_>, index: usize, old: &Removal) -> Result<State, Failure> {
        if going.volumes.contains_key(&*old.name)
            && let Scaled::ToNone { entry } = self.scale_to_none(old).await?
        {
            self.begun.borrow_mut().insert(index, entry);
            return Ok(State::Begun { reason: WITHOUT_TASKS.to_owned() });
        }
        self.remove_service(old).await.map(|()| State::Done)
    }

    /// Removes a service whose volumes are gone.
    pub(super) async fn finish_removal(&self, index: usize, old: &Removal) -> Result<State, Failure> {
        self.remove_service(old).await.map_err(|failure| failure.with(Some(WITHOUT_TASKS)))?;
        // That brings back more than the change before it.
        if let Some(entry) = self.begun.borrow().get(&index).copied().flatten() {
            self.ledger.settle(entry, None);
        }
        Ok(State::Done)
    }

    /// Tells whether volumes that go with a service are not gone.
    pub(super) fn has_volumes_left(&self, going: &Going<'_>, service: &str) -> bool {
        let mut volumes = going.volumes.get(service).into_iter().flatten();
        volumes.any(|index| self.ledger.state(*index) != Some(State::Done))
    }

    /// Tells whether a service is gone or without tasks, or was not to be removed by this plan.
    pub(super) fn is_ended(&self, going: &Going<'_>, service: &str) -> bool {
        let Some((index, _)) = going.services.get(service) else { return true };
        matches!(self.ledger.state(*index), Some(State::Done | State::Begun { .. }))
    }

    /// Removes a service that is to be made anew, and the volumes that are; `done` tells what of it is done.
    pub(super) async fn make_way(
        &self,
        old: &Removal,
        volumes: &[VolumeRemoval],
        done: &Cell<Option<&'static str>>,
    ) -> Result<(), Failure> {
        let mut entry = None;
        let mut is_there = true;
        if !volumes.is_empty() {
            match self.scale_to_none(old).await? {
                Scaled::ToNone { entry: noted } => {
                    entry = noted;
                    done.set(Some(WITHOUT_TASKS));
                }
                Scaled::Gone => is_there = false,
                Scaled::Not => {
                    self.remove_service(old).await?;
                    is_there = false;
                }
            }
        }
        if !is_there {
            done.set(Some(REMOVED));
        }
        for volume in volumes {
            self.remove_volume(&volume.name, volume_of(volume, &old.name), patience(&old.before.0)).await?;
        }
        if is_there {
            self.remove_service(old).await?;
            done.set(Some(REMOVED));
            if let Some(entry) = entry {
                self.ledger.settle(entry, None);
            }
        }
        Ok(())
    }

    /// Ends a service's tasks, as `docker service scale NAME=0` does, and keeps the service.
    ///
    /// The containers of earlier tasks stay then, and use the volumes. With any further update of the service the engine
    /// removes them, too (seen with 20.10.24): so there are two.
    async fn scale_to_none(&self, old: &Removal) -> Result<Scaled, Failure> {
        let subject = Subject::from(old);
        let mut before = None;
        let mut entry = None;
        let mut is_swept = false;
        let mut done = None;
        for _ in 0..ROUNDS {
            let live = self.look(&subject, &old.id).await.map_err(|failure| failure.with(done))?;
            let Some(live) = live else { return Ok(Scaled::Gone) };
            let before = before.get_or_insert_with(|| Body(live.spec.clone())).clone();
            let mut sent = live.spec.clone();
            let Some(mode) = sent.pointer_mut("/Mode/Replicated").and_then(Value::as_object_mut) else {
                return Ok(Scaled::Not);
            };
            if mode.insert("Replicas".to_owned(), 0.into()) == Some(0.into()) {
                if is_swept {
                    return Ok(Scaled::ToNone { entry });
                }
                let Some(task) = sent.get_mut("TaskTemplate").and_then(Value::as_object_mut) else {
                    return Ok(Scaled::Not);
                };
                let forced = task.get("ForceUpdate").and_then(Value::as_u64).unwrap_or_default();
                task.insert("ForceUpdate".to_owned(), forced.wrapping_add(1).into());
                is_swept = true;
            }
            let undo = Undo::Updated { subject: subject.clone(), id: old.id.clone(), before, sent: Body(sent.clone()) };
            let noted = *entry.get_or_insert_with(|| self.ledger.note(undo.clone()));
            self.ledger.settle(noted, Some(undo));
            let call = || self.run.api.update_service(&old.id, live.version, &sent, None);
            match self.repeat(&subject, call).await.map_err(|failure| failure.with(done))? {
                Ok(()) if is_swept => return Ok(Scaled::ToNone { entry }),
                Ok(()) => done = Some(WITHOUT_TASKS),
                Err(ApiError::OutOfSequence { .. }) => is_swept = false,
                Err(error) => {
                    self.ledger.settle(noted, None);
                    return Ok(if matches!(error, ApiError::NotFound { .. }) { Scaled::Gone } else { Scaled::Not });
                }
            }
        }
        Err(Failure::Failed("somebody else keeps changing it at the same time; run this again".to_owned()))
    }

    /// Removes a service; one that is not there is as good as removed.
    pub(super) async fn remove_service(&self, old: &Removal) -> Result<(), Failure> {
        let subject = Subject::from(old);
        let undo = Undo::Removed { subject: subject.clone(), before: old.before.clone() };
        let entry = self.ledger.note(undo);
        let calls = Cell::new(0);
        let call = || {
            calls.set(calls.get() + 1);
            self.run.api.remove_service(&old.id)
        };
        match self.repeat(&subject, call).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(ApiError::NotFound { .. })) => {
                if calls.get() == 1 {
                    // Somebody else has removed it.
                    self.ledger.settle(entry, None);
                }
                Ok(())
            }
            Ok(Err(error)) => {
                self.ledger.settle(entry, None);
                Err(self.failed(&error))
            }
            Err(failure) => Err(failure),
        }
    }
}

/// What is told of a service that stays until its volumes are gone.
pub(super) const WITHOUT_TASKS: &str = "the service has no tasks any more, and is still there";
/// What is told of a service that is not there any more, and whose successor is not there yet.
const REMOVED: &str = "the old service is removed already";
