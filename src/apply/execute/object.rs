//! Swarm configs and secrets.

use std::time::Duration;

use crate::plan::graph::{NewObject, ObjectKind};
use crate::plan::label::{BY_APPLY, MADE_BY};
use crate::plan::observed::ObservedObject;
use crate::resolve::decode::LABEL_DEPLOYMENT;

use super::super::api::{ApiError, ApiResult, SwarmApi};
use super::super::event::Subject;
use super::super::outcome::Undo;
use super::super::work::{Failure, Patience, Work};

impl<A: SwarmApi> Work<'_, A> {
    /// Makes a Swarm config or secret, unless it is there: its name tells its content.
    pub(super) async fn create_object(&self, object: &NewObject) -> Result<(), Failure> {
        let NewObject { kind, name, .. } = object;
        let undo = |id| Undo::CreatedObject { kind: *kind, id, name: name.clone() };
        let entry = self.ledger.note(undo(None));
        let mut may_be_ours = false;
        let made = self.create_object_noted(object, &mut may_be_ours).await;
        match &made {
            Ok(id) if may_be_ours => self.ledger.settle(entry, Some(undo(Some(id.clone())))),
            // Nobody knows: a rollback looks whether it is there.
            Err(_) if may_be_ours => {}
            // One that was there before this run is none of its doing.
            _ => self.ledger.settle(entry, None),
        }
        match made {
            Ok(id) => {
                self.made.borrow_mut().insert((*kind, name.clone()), id);
                Ok(())
            }
            Err(Failure::Stopped { unknown }) => Err(Failure::Stopped { unknown: unknown || may_be_ours }),
            Err(failure) => Err(failure),
        }
    }

    /// Gives the id; `may_be_ours` tells whether it may be this run that has made what is there.
    async fn create_object_noted(&self, object: &NewObject, may_be_ours: &mut bool) -> Result<String, Failure> {
        let NewObject { kind, name, labels, content, place: _ } = object;
        let subject = Subject::Object { kind: *kind, name: name.clone() };
        let mut patience = Patience::default();
        let mut conflicts = 0;
        loop {
            let answer = match kind {
                ObjectKind::Config => {
                    self.call(self.run.api.create_config(name, labels, content.expose().as_bytes())).await
                }
                ObjectKind::Secret => self.call(self.run.api.create_secret(name, labels, content)).await,
            };
            let error = match answer {
                Ok(id) => {
                    *may_be_ours = true;
                    return Ok(id);
                }
                Err(error) => error,
            };
            if let ApiError::Conflict { .. } | ApiError::NoAnswer { .. } | ApiError::Engine { .. } = error {
                *may_be_ours |= error.is_passing();
                let there = self.object(*kind, name).await.map_err(|failure| failure.after(*may_be_ours))?;
                match there {
                    Some(one) if one.labels.get(LABEL_DEPLOYMENT) == labels.get(LABEL_DEPLOYMENT) => return Ok(one.id),
                    Some(_) => return Err(Failure::Failed("its name is taken by one of somebody else".to_owned())),
                    None => {}
                }
            }
            match error {
                // It was there, and is gone again.
                ApiError::Conflict { .. } if conflicts < 3 => {
                    conflicts += 1;
                    self.pause(Duration::from_millis(500)).await?;
                }
                error if error.is_passing() => self.again(&mut patience, &subject, &error).await?,
                error => return Err(self.failed(&error)),
            }
        }
    }

    /// Looks for a Swarm config or secret by its name.
    async fn object(&self, kind: ObjectKind, name: &str) -> Result<Option<ObservedObject>, Failure> {
        let subject = Subject::Object { kind, name: name.to_owned() };
        let there = self.repeat(&subject, || self.objects(kind)).await?.map_err(|error| self.failed(&error))?;
        Ok(there.into_iter().find(|one| one.name.eq_ignore_ascii_case(name)))
    }

    /// Removes a Swarm config or secret that a run may have made; one that is not there is as good as removed.
    pub(in super::super) async fn undo_object(
        &self,
        kind: ObjectKind,
        id: Option<&str>,
        name: &str,
    ) -> Result<(), Failure> {
        if let Some(id) = id {
            return self.remove_object(kind, id, name).await;
        }
        let is_ours = |one: &ObservedObject| {
            let label = |key: &str| one.labels.get(key).map(String::as_str);
            label(LABEL_DEPLOYMENT) == Some(self.deployment) && label(MADE_BY) == Some(BY_APPLY)
        };
        match self.object(kind, name).await?.filter(is_ours) {
            Some(one) => self.remove_object(kind, &one.id, name).await,
            None => Ok(()),
        }
    }

    async fn objects(&self, kind: ObjectKind) -> ApiResult<Vec<ObservedObject>> {
        match kind {
            ObjectKind::Config => self.run.api.configs().await,
            ObjectKind::Secret => self.run.api.secrets().await,
        }
    }

    /// Removes a Swarm config or secret; one that is not there is as good as removed.
    pub(super) async fn remove_object(&self, kind: ObjectKind, id: &str, name: &str) -> Result<(), Failure> {
        let subject = Subject::Object { kind, name: name.to_owned() };
        let call = || async move {
            match kind {
                ObjectKind::Config => self.run.api.remove_config(id).await,
                ObjectKind::Secret => self.run.api.remove_secret(id).await,
            }
        };
        match self.repeat(&subject, call).await? {
            Ok(()) | Err(ApiError::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failed(&error)),
        }
    }
}
