//! Swarm configs and secrets.

use std::time::Duration;

use crate::plan::graph::{NewObject, ObjectKind};
use crate::plan::observed::ObservedObject;
use crate::resolve::decode::LABEL_DEPLOYMENT;

use super::super::api::{ApiError, ApiResult, SwarmApi};
use super::super::event::Subject;
use super::super::outcome::Undo;
use super::super::work::{Failure, Patience, Work};

impl<A: SwarmApi> Work<'_, A> {
    /// Makes a Swarm config or secret, unless it is there: its name tells its content.
    pub(super) async fn create_object(&self, object: &NewObject) -> Result<(), Failure> {
        let NewObject { kind, name, labels, content, place: _ } = object;
        let subject = Subject::Object { kind: *kind, name: name.clone() };
        let mut patience = Patience::default();
        let (mut may_be_ours, mut conflicts) = (false, 0);
        let id = loop {
            let answer = match kind {
                ObjectKind::Config => {
                    self.call(self.run.api.create_config(name, labels, content.expose().as_bytes())).await
                }
                ObjectKind::Secret => self.call(self.run.api.create_secret(name, labels, content)).await,
            };
            let error = match answer {
                Ok(id) => {
                    may_be_ours = true;
                    break id;
                }
                Err(error) => error,
            };
            if let ApiError::Conflict { .. } | ApiError::NoAnswer { .. } | ApiError::Engine { .. } = error {
                may_be_ours |= error.is_passing();
                let there = self
                    .repeat(&subject, || self.objects(*kind))
                    .await
                    .map_err(|failure| failure.after(may_be_ours))?;
                let there = there.map_err(|error| self.failed(&error))?;
                match there.into_iter().find(|one| one.name.eq_ignore_ascii_case(name)) {
                    Some(one) if one.labels.get(LABEL_DEPLOYMENT) == labels.get(LABEL_DEPLOYMENT) => break one.id,
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
        };
        self.made.borrow_mut().insert((*kind, name.clone()), id.clone());
        // One that was there before this run is none of its doing.
        if may_be_ours {
            self.ledger.note(Undo::CreatedObject { kind: *kind, id, name: name.clone() });
        }
        Ok(())
    }

    async fn objects(&self, kind: ObjectKind) -> ApiResult<Vec<ObservedObject>> {
        match kind {
            ObjectKind::Config => self.run.api.configs().await,
            ObjectKind::Secret => self.run.api.secrets().await,
        }
    }

    /// Removes a Swarm config or secret; one that is not there is as good as removed.
    pub(in super::super) async fn remove_object(&self, kind: ObjectKind, id: &str, name: &str) -> Result<(), Failure> {
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
