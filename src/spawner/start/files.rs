//! The Swarm configs and secrets that a server needs: those of the config, and the files that a request brought.

use std::cell::RefCell;

use serde_json::Value;

use crate::apply::api::{ApiError, SwarmApi};
use crate::ir::FileReference;
use crate::plan::label::{BY_APPLY, BY_SPAWNER, MADE_BY};
use crate::plan::object::{LABEL_OBJECT, ObservedIds};
use crate::plan::observed::{Labels, ObservedObject, ObservedState};
use crate::resolve::decode::{LABEL_DEPLOYMENT, LABEL_SERVER, LABEL_USER};
use crate::resolve::object::{Object, ObjectKind};
use crate::resolve::upload::Upload;

use super::{Made, Start};
use crate::spawner::event::{Failed, FailureCode};
use crate::spawner::{engine_failed, failed};

impl<A: SwarmApi> Start<'_, A> {
    /// The ids of the Swarm configs and secrets that the service refers to; those that the config declares and those that the
    /// request brought are made.
    pub(super) async fn ids(&self, made: &RefCell<Made>) -> Result<ObservedIds, Box<Failed>> {
        let container = &self.service.container;
        if container.configs.is_empty() && container.secrets.is_empty() {
            return Ok(ObservedIds::default());
        }
        let fail = |error: ApiError| engine_failed(&error, self.redactor);
        let mut state = ObservedState::default();
        if !container.configs.is_empty() {
            state.configs = self.patiently(|| self.api.configs()).await.map_err(fail)?;
        }
        if !container.secrets.is_empty() {
            state.secrets = self.patiently(|| self.api.secrets()).await.map_err(fail)?;
        }
        for object in self.objects {
            let there = match object.kind {
                ObjectKind::Config => &mut state.configs,
                ObjectKind::Secret => &mut state.secrets,
            };
            let references = match object.kind {
                ObjectKind::Config => &container.configs,
                ObjectKind::Secret => &container.secrets,
            };
            let is_named = references.iter().any(|reference| reference.name.expose() == object.swarm_name);
            if !is_named || there.iter().any(|own| own.name == object.swarm_name) {
                continue;
            }
            let labels = self.labels(&[(MADE_BY, BY_APPLY), (LABEL_OBJECT, &object.name)]);
            let created = match object.kind {
                ObjectKind::Config => {
                    let content = object.content.expose().as_bytes();
                    self.patiently(|| self.api.create_config(&object.swarm_name, &labels, content)).await
                }
                ObjectKind::Secret => {
                    self.patiently(|| self.api.create_secret(&object.swarm_name, &labels, &object.content)).await
                }
            };
            let id = match created {
                Ok(id) => id,
                // Another start was quicker, or the answer was lost: its content is the same, as its name is.
                Err(ApiError::Conflict { .. }) => self.find(object).await?,
                Err(error) => return Err(fail(error)),
            };
            there.push(ObservedObject { id, name: object.swarm_name.clone(), ..Default::default() });
        }
        let missing = |references: &[FileReference], there: &[ObservedObject]| {
            let is_upload = |name: &str| self.uploads.iter().any(|upload| &*upload.config == name);
            let lacks = |reference: &&FileReference| {
                let name = reference.name.expose();
                reference.id.is_none() && !is_upload(name) && !there.iter().any(|object| object.name == name)
            };
            references.iter().find(lacks).map(|reference| reference.name.expose().to_owned())
        };
        let lacking =
            missing(&container.configs, &state.configs).or_else(|| missing(&container.secrets, &state.secrets));
        if let Some(name) = lacking {
            let detail = format!("the swarm has no config or secret `{name}`");
            return Err(failed(
                FailureCode::Config,
                "Something that this server needs is missing on the swarm.",
                detail,
            ));
        }
        self.upload(&state, made).await?;
        Ok(ObservedIds::new(&state))
    }

    /// Puts the request's files on the swarm.
    async fn upload(&self, state: &ObservedState, made: &RefCell<Made>) -> Result<(), Box<Failed>> {
        let fail = |error: ApiError| engine_failed(&error, self.redactor);
        for upload in self.uploads {
            let user = [
                (MADE_BY, BY_SPAWNER),
                (LABEL_OBJECT, &*upload.path),
                (LABEL_USER, self.owner.user),
                (LABEL_SERVER, self.owner.server),
            ];
            let labels = self.labels(&user);
            let old = state.configs.iter().find(|config| config.name == *upload.config);
            if let Some(old) = old {
                let is_ours = labels.iter().filter(|(key, _)| *key != LABEL_OBJECT);
                if !is_ours.clone().all(|(key, value)| old.labels.get(key) == Some(value)) {
                    return Err(taken(&old.name));
                }
                // What an earlier start left.
                match self.patiently(|| self.api.remove_config(&old.id)).await {
                    Ok(()) | Err(ApiError::NotFound { .. }) => {}
                    Err(error) => return Err(fail(error)),
                }
            }
            made.borrow_mut().is_uploading = true;
            let content = upload.content.as_bytes();
            let id = match self.patiently(|| self.api.create_config(&upload.config, &labels, content)).await {
                Ok(id) => id,
                // The answer was lost.
                Err(ApiError::Conflict { .. }) => self.uploaded(upload, &labels).await?,
                Err(error) => return Err(fail(error)),
            };
            let mut made = made.borrow_mut();
            made.configs.push(id);
            made.is_uploading = false;
        }
        Ok(())
    }

    /// The id of a file that is on the swarm, if it is this server's.
    async fn uploaded(&self, upload: &Upload, labels: &Labels) -> Result<String, Box<Failed>> {
        let configs =
            self.patiently(|| self.api.configs()).await.map_err(|error| engine_failed(&error, self.redactor))?;
        let own = configs.into_iter().find(|config| config.name == *upload.config && config.labels == *labels);
        own.map(|config| config.id).ok_or_else(|| taken(&upload.config))
    }

    async fn find(&self, object: &Object) -> Result<String, Box<Failed>> {
        let there = match object.kind {
            ObjectKind::Config => self.patiently(|| self.api.configs()).await,
            ObjectKind::Secret => self.patiently(|| self.api.secrets()).await,
        };
        let there = there.map_err(|error| engine_failed(&error, self.redactor))?;
        let found = there.into_iter().find(|own| own.name == object.swarm_name);
        found.map(|own| own.id).ok_or_else(|| {
            let detail = format!("the {} `{}` came and went", object.kind.word(), object.swarm_name);
            failed(FailureCode::EngineRefused, "The swarm refused to run this server.", detail)
        })
    }

    fn labels(&self, more: &[(&str, &str)]) -> Labels {
        let deployment = (LABEL_DEPLOYMENT, self.owner.deployment);
        let all = more.iter().chain(std::iter::once(&deployment));
        all.map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    /// Puts the ids of the uploads' configs in: their names were no secret to the emitter, their ids are new.
    pub(super) fn fill_ids(&self, body: &mut Value, ids: &[String]) {
        let configs = body.pointer_mut("/TaskTemplate/ContainerSpec/Configs").and_then(Value::as_array_mut);
        for config in configs.into_iter().flatten() {
            let name = config.get("ConfigName").and_then(Value::as_str).unwrap_or_default();
            let index = self.uploads.iter().position(|upload| &*upload.config == name);
            if let Some(id) = index.and_then(|index| ids.get(index))
                && let Some(config) = config.as_object_mut()
            {
                config.insert("ConfigID".to_owned(), id.as_str().into());
            }
        }
    }
}

/// The name of an upload's config is another one's.
fn taken(name: &str) -> Box<Failed> {
    let detail = format!("the config `{name}` is there and not this server's");
    failed(FailureCode::Conflict, "The name of an uploaded file is taken on the swarm by something else.", detail)
}
