//! The calls.

use std::collections::BTreeMap;

use serde_json::Value;
use swarmgen::apply::SwarmApi;
use swarmgen::apply::api::{ApiResult, EngineInfo, ImageDigest, RegistryAuth, TaskFilter};
use swarmgen::ir::Text;
use swarmgen::plan::observed::{
    Labels, ObservedNetwork, ObservedNode, ObservedObject, ObservedService, ObservedTask, ObservedVolume,
};

use super::FakeSwarm;
use super::state::{State, conflict, not_found};

fn has_label(labels: &Labels, filter: &str) -> bool {
    let (key, value) = filter.split_once('=').unwrap_or((filter, ""));
    labels.get(key).is_some_and(|found| found == value)
}

type Objects = fn(&mut State) -> &mut Vec<ObservedObject>;
const CONFIGS: Objects = |state| &mut state.configs;
const SECRETS: Objects = |state| &mut state.secrets;

fn create_object(state: &mut State, objects: Objects, name: &str, labels: &Labels) -> ApiResult<String> {
    if objects(state).iter().any(|one| one.name.eq_ignore_ascii_case(name)) {
        return Err(conflict(format!("{name} already exists")));
    }
    let (id, labels) = (state.id(), labels.clone());
    let object = ObservedObject { id: id.clone(), name: name.to_owned(), created_at: String::new(), labels };
    objects(state).push(object);
    Ok(id)
}

fn remove_object(state: &mut State, objects: Objects, id: &str) -> ApiResult<()> {
    let is_used = state.services().iter().any(|service| service.spec.to_string().contains(&format!("\"{id}\"")));
    let place = objects(state).iter().position(|one| one.id == id).ok_or_else(|| not_found(id))?;
    if is_used {
        let message = format!("rpc error: {id} is in use by a service");
        return Err(swarmgen::apply::api::ApiError::Refused { status: 400, message });
    }
    objects(state).remove(place);
    Ok(())
}

impl SwarmApi for FakeSwarm {
    async fn info(&self) -> ApiResult<EngineInfo> {
        self.call("info", "", |state| {
            Ok(EngineInfo {
                is_manager: true,
                node_id: "node1".to_owned(),
                swarm_state: if state.is_in_swarm { "active" } else { "inactive" }.to_owned(),
                time: state.time(),
                ..EngineInfo::default()
            })
        })
        .await
    }

    async fn services(&self, label: Option<&str>) -> ApiResult<Vec<ObservedService>> {
        let fits = |service: &ObservedService| {
            label.is_none_or(|label| {
                label
                    .split_once('=')
                    .map_or_else(|| service.label(label).is_some(), |(key, value)| service.label(key) == Some(value))
            })
        };
        self.call("services", "", |state| Ok(state.services().into_iter().filter(fits).collect())).await
    }

    async fn service(&self, id: &str) -> ApiResult<ObservedService> {
        self.call("service", id, |state| state.service(id)).await
    }

    async fn create_service(&self, spec: &Value, _: Option<&RegistryAuth>) -> ApiResult<String> {
        self.call("create_service", spec["Name"].as_str().unwrap_or_default(), |state| state.create(spec)).await
    }

    async fn update_service(&self, id: &str, version: u64, spec: &Value, _: Option<&RegistryAuth>) -> ApiResult<()> {
        self.call("update_service", id, |state| state.update(id, version, spec)).await
    }

    async fn remove_service(&self, id: &str) -> ApiResult<()> {
        self.call("remove_service", id, |state| state.remove(id)).await
    }

    async fn tasks(&self, filter: &TaskFilter) -> ApiResult<Vec<ObservedTask>> {
        let list = |state: &mut State| {
            let mut tasks = state.tasks();
            match filter {
                TaskFilter::All => {}
                TaskFilter::Label(label) => tasks.retain(|task| has_label(&task.labels, label)),
                TaskFilter::Service(id) => {
                    let id = state.service(id)?.id;
                    tasks.retain(|task| task.service_id == id);
                }
            }
            // What the engine tells of a task does not show these.
            tasks.iter_mut().for_each(|task| task.labels.clear());
            Ok(tasks)
        };
        self.call("tasks", "", list).await
    }

    async fn networks(&self) -> ApiResult<Vec<ObservedNetwork>> {
        self.call("networks", "", |_| Ok(Vec::new())).await
    }

    async fn nodes(&self) -> ApiResult<Vec<ObservedNode>> {
        self.call("nodes", "", |state| Ok(state.nodes.clone())).await
    }

    async fn configs(&self) -> ApiResult<Vec<ObservedObject>> {
        self.call("configs", "", |state| Ok(state.configs.clone())).await
    }

    async fn create_config(&self, name: &str, labels: &Labels, _: &[u8]) -> ApiResult<String> {
        self.call("create_config", name, |state| create_object(state, CONFIGS, name, labels)).await
    }

    async fn remove_config(&self, id: &str) -> ApiResult<()> {
        self.call("remove_config", id, |state| remove_object(state, CONFIGS, id)).await
    }

    async fn secrets(&self) -> ApiResult<Vec<ObservedObject>> {
        self.call("secrets", "", |state| Ok(state.secrets.clone())).await
    }

    async fn create_secret(&self, name: &str, labels: &Labels, _: &Text) -> ApiResult<String> {
        self.call("create_secret", name, |state| create_object(state, SECRETS, name, labels)).await
    }

    async fn remove_secret(&self, id: &str) -> ApiResult<()> {
        self.call("remove_secret", id, |state| remove_object(state, SECRETS, id)).await
    }

    async fn volumes(&self) -> ApiResult<Vec<ObservedVolume>> {
        self.call("volumes", "", |state| Ok(state.volumes.clone())).await
    }

    async fn remove_volume(&self, name: &str) -> ApiResult<()> {
        self.call("remove_volume", name, |state| state.remove_volume(name)).await
    }

    async fn image_digest(&self, image: &str, _: Option<&RegistryAuth>) -> ApiResult<ImageDigest> {
        self.call("image_digest", image, |_| Err(not_found(image))).await
    }

    async fn has_image(&self, image: &str) -> ApiResult<bool> {
        self.call("has_image", image, |_| Ok(true)).await
    }

    async fn network_peers(&self, id: &str) -> ApiResult<BTreeMap<String, usize>> {
        self.call("network_peers", id, |_| Ok(BTreeMap::new())).await
    }
}
