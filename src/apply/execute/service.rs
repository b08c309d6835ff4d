//! Services: made, changed, replaced and removed, whatever others do meanwhile.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::plan::graph::{Action, Body, NewService, ObjectKind, ServiceUpdate, TaskFate};
use crate::plan::observed::ObservedService;
use crate::resolve::decode::{LABEL_DEPLOYMENT, LABEL_SERVER, LABEL_USER};

use super::super::api::{ApiError, SwarmApi};
use super::super::event::{Event, Subject};
use super::super::outcome::{State, Undo};
use super::super::wait::{Expected, Seen, Watch};
use super::super::work::{Failure, Patience, ROUNDS, Replanned, Work};

/// The service label that tells who made it.
const LABEL_MADE_BY: &str = "swarmgen.made-by";
/// The service label with the digests of what was applied.
const LABEL_APPLIED: &str = "swarmgen.applied";

/// How often, with pauses, the name of a service that is not there any more may be taken: for a minute.
const NAME_PAUSES: usize = 120;
const NAME_PAUSE: Duration = Duration::from_millis(500);

/// What is tried next.
enum Step {
    Create {
        new: NewService,
        /// The id of the service that had the name until now.
        replaced: Option<String>,
    },
    Update(ServiceUpdate),
}

/// How a step ended.
pub(in super::super) enum Ended {
    /// The engine has it.
    Taken(Taken),
    /// The service is not what was expected: this is what is there now.
    Changed(Option<ObservedService>),
}

/// A service that is as it should be.
pub(in super::super) struct Taken {
    id: String,
    new: NewService,
    task: Task,
}

/// Which task of a service to wait for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Task {
    /// Any: the service was made.
    Any,
    /// One that was not there before.
    New,
    /// One that runs once the update is over that somebody else has started.
    Settled,
    /// None: nothing is started.
    None,
}

impl<A: SwarmApi> Work<'_, A> {
    /// Makes, changes or replaces a service, and has it waited for.
    pub(super) async fn serve(&self, index: usize, action: &Action) -> Result<State, Failure> {
        let step = match action {
            Action::CreateService(new) => Step::Create { new: new.clone(), replaced: None },
            Action::UpdateService(update) => Step::Update(update.clone()),
            Action::ReplaceService { old, new, .. } => {
                Step::Create { new: new.clone(), replaced: Some(old.id.clone()) }
            }
            _ => return Ok(State::Done),
        };
        let done = Cell::new(None);
        let made = async {
            if let Action::ReplaceService { old, volumes, .. } = action {
                self.make_way(old, volumes, &done).await?;
            }
            self.carry(step).await
        };
        let Taken { id, new, task } = made.await.map_err(|failure| failure.with(done.get()))?;
        if task == Task::None {
            return Ok(State::Done);
        }
        if !self.run.settings.detach {
            let known = match task {
                Task::Any => Some(Rc::default()),
                Task::New => self.watched.before(),
                Task::Settled | Task::None => None,
            };
            let accepted = Instant::now();
            self.watched.add(Watch {
                index,
                subject: (&new).into(),
                id,
                expected: Expected::of(&new.body.0, self.run.settings.stable_for),
                is_update: task != Task::Any,
                is_settled: known.is_some(),
                counts_from: known.is_some().then_some(accepted),
                known,
                accepted,
                timeout: self.timeout(new.start_timeout),
                unseen: Duration::ZERO,
                seen: Seen::default(),
                told: String::new(),
            });
        }
        Ok(State::Accepted)
    }

    /// Tries until the engine has it.
    async fn carry(&self, mut step: Step) -> Result<Taken, Failure> {
        for _ in 0..ROUNDS {
            let ended = match &step {
                Step::Create { new, replaced } => self.create(new, replaced.as_deref()).await?,
                Step::Update(update) => self.update(update).await?,
            };
            let live = match ended {
                Ended::Taken(taken) => return Ok(taken),
                Ended::Changed(live) => live,
            };
            let wanted = match step {
                Step::Create { new, .. } => new,
                Step::Update(update) => update.new,
            };
            self.tell(&Event::Changed { subject: (&wanted).into(), exists: live.is_some() });
            step = match (self.run.replan.replan(&wanted, live.as_ref()), live) {
                (Replanned::Done, Some(live)) => {
                    return Ok(Taken { id: live.id, new: wanted, task: Task::Settled });
                }
                (Replanned::Done, None) => return Err(Failure::Failed("it was removed by somebody else".to_owned())),
                (Replanned::Create(new), _) => {
                    self.run.redactor.learn_body(&new.body.0);
                    Step::Create { new: *new, replaced: None }
                }
                (Replanned::Update(update), _) => {
                    self.run.redactor.learn_body(&update.new.body.0);
                    self.run.redactor.learn_body(&update.before.0);
                    Step::Update(*update)
                }
                (Replanned::Refuse(reason), _) => return Err(Failure::Failed(self.run.redactor.redact(&reason))),
            };
        }
        Err(Failure::Failed("somebody else keeps changing it at the same time; apply again".to_owned()))
    }

    async fn create(&self, new: &NewService, replaced: Option<&str>) -> Result<Ended, Failure> {
        let body = self.with_ids(new)?;
        let sent = NewService { body: body.clone(), ..new.clone() };
        let entry = self.ledger.note(Undo::Created { new: sent.clone(), id: None });
        let mut may_be_ours = false;
        let ended = self.create_noted(&sent, replaced, &mut may_be_ours).await;
        match &ended {
            Ok(Ended::Taken(Taken { id, .. })) if may_be_ours => {
                self.ledger.settle(entry, Some(Undo::Created { new: sent, id: Some(id.clone()) }));
            }
            // Nobody knows: a rollback looks whether it is there.
            Err(_) if may_be_ours => {}
            _ => self.ledger.settle(entry, None),
        }
        match ended {
            Err(Failure::Stopped { unknown }) => Err(Failure::Stopped { unknown: unknown || may_be_ours }),
            ended => ended,
        }
    }

    /// Creates a service; `may_be_ours` tells whether it may be this run that has made what is there.
    pub(in super::super) async fn create_noted(
        &self,
        new: &NewService,
        replaced: Option<&str>,
        may_be_ours: &mut bool,
    ) -> Result<Ended, Failure> {
        let subject = Subject::from(new);
        let taken = |id| Ok(Ended::Taken(Taken { id, new: new.clone(), task: Task::Any }));
        let auth = self.auth(&new.body.0);
        let mut patience = Patience::default();
        let mut pauses = 0;
        loop {
            let error = match self.call(self.run.api.create_service(&new.body.0, auth.as_ref())).await {
                Ok(id) => {
                    *may_be_ours = true;
                    return taken(id);
                }
                Err(error @ (ApiError::Conflict { .. } | ApiError::NoAnswer { .. } | ApiError::Engine { .. })) => error,
                Err(error @ ApiError::Unreachable { .. }) => {
                    self.again(&mut patience, &subject, &error).await?;
                    continue;
                }
                Err(error) => return Err(self.failed(&error)),
            };
            *may_be_ours |= error.is_passing();
            let live = self.look(&subject, &new.name).await.map_err(|failure| failure.after(*may_be_ours))?;
            let live = live.filter(|live| Some(live.id.as_str()) != replaced);
            match live {
                Some(live) if !has_same_owner(&live.spec, &new.body.0) => {
                    return Err(Failure::Failed("its name is taken by a service of somebody else".to_owned()));
                }
                Some(live) if is_applied(&live.spec, &new.body.0) => return taken(live.id),
                Some(live) => return Ok(Ended::Changed(Some(live))),
                None if error.is_passing() => self.again(&mut patience, &subject, &error).await?,
                // The name of a removed service stays taken until its tasks are gone.
                None if pauses < NAME_PAUSES => {
                    pauses += 1;
                    self.pause(NAME_PAUSE).await?;
                }
                None => return Err(self.failed(&error)),
            }
        }
    }

    /// Reads a service by its name or id, if it is there.
    pub(in super::super) async fn look(&self, subject: &Subject, id: &str) -> Result<Option<ObservedService>, Failure> {
        match self.repeat(subject, || self.run.api.service(id)).await? {
            Ok(service) => Ok(Some(service)),
            Err(ApiError::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed(&error)),
        }
    }

    async fn update(&self, update: &ServiceUpdate) -> Result<Ended, Failure> {
        let body = self.with_ids(&update.new)?;
        let subject = Subject::from(&update.new);
        let (id, before) = (update.id.clone(), update.before.clone());
        let entry = self.ledger.note(Undo::Updated { subject, id, before, sent: body.clone() });
        let mut may_be_ours = false;
        let ended = self.update_noted(update, &body, &mut may_be_ours).await;
        if !may_be_ours {
            self.ledger.settle(entry, None);
        }
        match ended {
            Err(Failure::Stopped { unknown }) => Err(Failure::Stopped { unknown: unknown || may_be_ours }),
            ended => ended,
        }
    }

    async fn update_noted(
        &self,
        update: &ServiceUpdate,
        body: &Body,
        may_be_ours: &mut bool,
    ) -> Result<Ended, Failure> {
        let ServiceUpdate { id, version, new, before, task: fate } = update;
        let subject = Subject::from(new);
        let task = match fate {
            TaskFate::Anew => Task::New,
            TaskFate::Starts => Task::Settled,
            // Where the task runs, and what its node is like, may be otherwise by now.
            _ if placement(&before.0) != placement(&body.0) => Task::Settled,
            _ => Task::None,
        };
        let taken = || Ok(Ended::Taken(Taken { id: id.clone(), new: new.clone(), task }));
        let auth = self.auth(&body.0);
        let mut patience = Patience::default();
        let mut version = *version;
        let mut lost_races = 0;
        loop {
            let error = match self.call(self.run.api.update_service(id, version, &body.0, auth.as_ref())).await {
                Ok(()) => {
                    *may_be_ours = true;
                    return taken();
                }
                Err(ApiError::NotFound { .. }) => return Ok(Ended::Changed(None)),
                Err(error) if error.is_passing() || matches!(error, ApiError::OutOfSequence { .. }) => error,
                Err(error) => return Err(self.failed(&error)),
            };
            if let ApiError::Unreachable { .. } = error {
                self.again(&mut patience, &subject, &error).await?;
                continue;
            }
            *may_be_ours |= error.is_passing();
            let live = self.look(&subject, id).await.map_err(|failure| failure.after(*may_be_ours))?;
            let Some(live) = live else { return Ok(Ended::Changed(None)) };
            if live.spec == before.0 {
                // Only how its last update goes has changed, or the call was lost.
                version = live.version;
                if error.is_passing() {
                    self.again(&mut patience, &subject, &error).await?;
                } else {
                    lost_races += 1;
                    if lost_races > ROUNDS {
                        return Err(self.failed(&error));
                    }
                }
            } else if *may_be_ours && is_applied(&live.spec, &body.0) && !is_applied(&before.0, &body.0) {
                return taken();
            } else {
                return Ok(Ended::Changed(Some(live)));
            }
        }
    }

    /// The body with the ids of the Swarm configs and secrets that were made before it.
    fn with_ids(&self, new: &NewService) -> Result<Body, Failure> {
        let mut body = new.body.clone();
        let made = self.made.borrow();
        for (list, id_key, name_key, kind) in [
            ("/TaskTemplate/ContainerSpec/Configs", "ConfigID", "ConfigName", ObjectKind::Config),
            ("/TaskTemplate/ContainerSpec/Secrets", "SecretID", "SecretName", ObjectKind::Secret),
        ] {
            let references = body.0.pointer_mut(list).and_then(Value::as_array_mut);
            for reference in references.into_iter().flatten().filter_map(Value::as_object_mut) {
                let text = |key: &str| reference.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
                if !text(id_key).is_empty() {
                    continue;
                }
                let subject = Subject::Object { kind, name: text(name_key) };
                let Some(id) = made.get(&(kind, text(name_key))) else {
                    return Err(Failure::Failed(format!("its {subject} is not there")));
                };
                reference.insert(id_key.to_owned(), id.clone().into());
            }
        }
        Ok(body)
    }
}

fn placement(spec: &Value) -> Option<&Value> {
    spec.pointer("/TaskTemplate/Placement")
}

pub(in super::super) fn label<'a>(spec: &'a Value, key: &str) -> Option<&'a str> {
    spec.get("Labels")?.get(key)?.as_str()
}

/// Tells whether two services are the same user's same server of the same deployment.
pub(in super::super) fn has_same_owner(live: &Value, wanted: &Value) -> bool {
    label(live, LABEL_DEPLOYMENT).is_some()
        && [LABEL_DEPLOYMENT, LABEL_USER, LABEL_SERVER, LABEL_MADE_BY]
            .iter()
            .all(|key| label(live, key) == label(wanted, key))
}

/// Tells whether what was last applied to a service is what is wanted.
pub(in super::super) fn is_applied(live: &Value, wanted: &Value) -> bool {
    label(live, LABEL_APPLIED) == label(wanted, LABEL_APPLIED)
}
