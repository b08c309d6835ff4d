//! The engine's answers, read no further than they are looked at.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::{Result, Value, from_str};

use crate::apply::api::{EngineInfo, ImageDigest};
use crate::emit::ApiVersion;
use crate::plan::observed::{
    Amounts, Labels, ObservedNetwork, ObservedNode, ObservedObject, ObservedService, ObservedTask, ObservedVolume,
    TaskAddress, UpdateStatus,
};

/// Reads null as nothing, which is how the engine writes empty lists and maps.
fn nullable<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> std::result::Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Makes a struct that is read from an object, whose absent fields are empty.
macro_rules! answer {
    ($name:ident { $($field:ident: $kind:ty = $key:literal),* $(,)? }) => {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct $name {
            $(#[serde(rename = $key, deserialize_with = "nullable")] $field: $kind,)*
        }
    };
}

/// What versions of the API an engine speaks.
pub(super) struct Version {
    /// The newest.
    pub(super) newest: ApiVersion,
    /// The oldest, where it tells.
    pub(super) oldest: Option<ApiVersion>,
}

/// Reads `GET /version`.
pub(super) fn version(answer: &str) -> Option<Version> {
    answer!(Answer { newest: String = "ApiVersion", oldest: String = "MinAPIVersion" });
    let answer: Answer = from_str(answer).ok()?;
    Some(Version { newest: ApiVersion::parse(&answer.newest)?, oldest: ApiVersion::parse(&answer.oldest) })
}

/// Reads the answer to a change, in which nothing but that it is an engine's matters.
pub(super) fn acknowledged(answer: &str) -> Result<()> {
    from_str(answer).map(|serde::de::IgnoredAny| ())
}

/// Reads `GET /info`.
pub(super) fn info(answer: &str, api: ApiVersion) -> Result<EngineInfo> {
    answer!(Answer {
        version: String = "ServerVersion",
        swarm: Swarm = "Swarm",
        plugins: Plugins = "Plugins",
        time: String = "SystemTime",
    });
    answer!(Swarm {
        node_id: String = "NodeID",
        state: String = "LocalNodeState",
        control: bool = "ControlAvailable",
        error: String = "Error",
        managers: Vec<Peer> = "RemoteManagers",
        cluster: Cluster = "Cluster",
    });
    answer!(Cluster { id: String = "ID" });
    answer!(Peer { address: String = "Addr" });
    answer!(Plugins { volume: Vec<String> = "Volume" });
    let Answer { version, swarm, plugins, time } = from_str(answer)?;
    Ok(EngineInfo {
        api,
        engine: version,
        node_id: swarm.node_id,
        cluster: swarm.cluster.id,
        swarm_state: swarm.state,
        swarm_error: swarm.error,
        is_manager: swarm.control,
        managers: swarm.managers.into_iter().map(|peer| peer.address).collect(),
        volume_plugins: plugins.volume,
        time,
    })
}

/// Reads the id of what was created.
pub(super) fn id(answer: &str) -> Result<String> {
    #[derive(Deserialize)]
    struct Created {
        #[serde(alias = "Id")]
        #[serde(rename = "ID")]
        id: String,
    }
    from_str(answer).map(|created: Created| created.id)
}

#[derive(Deserialize)]
struct Service {
    #[serde(rename = "ID")]
    id: String,
    #[serde(rename = "Version")]
    version: ServiceVersion,
    #[serde(rename = "Spec")]
    spec: Value,
    #[serde(default, rename = "PreviousSpec")]
    previous: Value,
    #[serde(default, rename = "CreatedAt")]
    created_at: String,
    #[serde(default, rename = "UpdatedAt")]
    updated_at: String,
    #[serde(default, rename = "UpdateStatus")]
    update: Option<Update>,
}

#[derive(Deserialize)]
struct ServiceVersion {
    #[serde(rename = "Index")]
    index: u64,
}

answer!(Update { state: String = "State", started_at: String = "StartedAt", message: String = "Message" });

impl From<Service> for ObservedService {
    fn from(Service { id, version, spec, previous, created_at, updated_at, update }: Service) -> Self {
        // An engine may send an empty object where there was no update.
        let update = update.filter(|update| !update.state.is_empty());
        Self {
            id,
            version: version.index,
            spec,
            previous,
            created_at,
            updated_at,
            update: update.map(|Update { state, started_at, message }| UpdateStatus { state, started_at, message }),
        }
    }
}

/// A list; the engine may write an empty one as null.
fn list<'a, T: Deserialize<'a>, U: From<T>>(answer: &'a str) -> Result<Vec<U>> {
    let list: Option<Vec<T>> = from_str(answer)?;
    Ok(list.unwrap_or_default().into_iter().map(U::from).collect())
}

/// Reads `GET /services`.
pub(super) fn services(answer: &str) -> Result<Vec<ObservedService>> {
    list::<Service, _>(answer)
}

/// Reads `GET /services/{id}`.
pub(super) fn service(answer: &str) -> Result<ObservedService> {
    from_str::<Service>(answer).map(ObservedService::from)
}

answer!(Task {
    id: String = "ID",
    service_id: String = "ServiceID",
    node_id: String = "NodeID",
    status: Status = "Status",
    desired_state: String = "DesiredState",
    created_at: String = "CreatedAt",
    updated_at: String = "UpdatedAt",
    spec: TaskSpec = "Spec",
    labels: Labels = "Labels",
    attachments: Vec<Attachment> = "NetworksAttachments",
});
answer!(Status {
    timestamp: String = "Timestamp",
    state: String = "State",
    message: String = "Message",
    error: String = "Err",
    container: Container = "ContainerStatus",
});
answer!(Container { id: String = "ContainerID", exit_code: Option<i64> = "ExitCode" });
answer!(TaskSpec { container: ContainerSpec = "ContainerSpec", resources: TaskResources = "Resources" });
answer!(TaskResources { reserved: Resources = "Reservations" });
answer!(ContainerSpec { image: String = "Image" });

/// States in which a container has ended, so that its exit code means something.
const ENDED: [&str; 4] = ["complete", "failed", "shutdown", "remove"];

impl From<Task> for ObservedTask {
    fn from(task: Task) -> Self {
        let Task { id, service_id, node_id, status, desired_state, created_at, updated_at, spec, labels, attachments } =
            task;
        let addresses = attachments.into_iter().filter_map(|attachment| {
            // With the length of its network's prefix.
            let address = attachment.addresses.into_iter().next()?;
            Some(TaskAddress {
                network_id: attachment.network.id,
                network: attachment.network.spec.name,
                address: address.split('/').next().unwrap_or_default().to_owned(),
            })
        });
        let Status { timestamp, state, message, error, container } = status;
        let ended = ENDED.contains(&state.as_str()) && !container.id.is_empty();
        Self {
            id,
            service_id,
            node_id,
            exit_code: container.exit_code.filter(|_| ended),
            container: container.id,
            reserved: spec.resources.reserved.into(),
            state,
            desired_state,
            message,
            error,
            timestamp,
            created_at,
            updated_at,
            image: spec.container.image,
            labels,
            addresses: addresses.collect(),
        }
    }
}

/// Reads `GET /tasks`.
pub(super) fn tasks(answer: &str) -> Result<Vec<ObservedTask>> {
    list::<Task, _>(answer)
}

answer!(Attachment { network: AttachedNetwork = "Network", addresses: Vec<String> = "Addresses" });
answer!(AttachedNetwork { id: String = "ID", spec: NetworkSpec = "Spec" });
answer!(NetworkSpec { name: String = "Name" });

answer!(Network {
    id: String = "Id",
    name: String = "Name",
    driver: String = "Driver",
    scope: String = "Scope",
    ingress: bool = "Ingress",
    ipam: Ipam = "IPAM",
    labels: Labels = "Labels",
});
answer!(Ipam { config: Vec<Subnet> = "Config" });
answer!(Subnet { subnet: String = "Subnet" });

impl From<Network> for ObservedNetwork {
    fn from(Network { id, name, driver, scope, ingress, ipam, labels }: Network) -> Self {
        let subnets = ipam.config.into_iter().map(|config| config.subnet).filter(|subnet| !subnet.is_empty());
        Self { id, name, driver, scope, ingress, subnets: subnets.collect(), labels }
    }
}

/// Reads `GET /networks`.
pub(super) fn networks(answer: &str) -> Result<Vec<ObservedNetwork>> {
    list::<Network, _>(answer)
}

answer!(Node {
    id: String = "ID",
    spec: NodeSpec = "Spec",
    description: Description = "Description",
    status: NodeStatus = "Status",
    manager: Manager = "ManagerStatus",
});
answer!(Manager { leads: bool = "Leader" });
answer!(NodeSpec { role: String = "Role", availability: String = "Availability", labels: Labels = "Labels" });
answer!(NodeStatus { state: String = "State", address: String = "Addr" });
answer!(Description {
    hostname: String = "Hostname",
    platform: Platform = "Platform",
    resources: Resources = "Resources",
    engine: NodeEngine = "Engine",
});
answer!(Platform { architecture: String = "Architecture", os: String = "OS" });
answer!(Resources { cpus: i64 = "NanoCPUs", memory: i64 = "MemoryBytes", generic: Vec<Generic> = "GenericResources" });
answer!(Generic { named: Option<Named> = "NamedResourceSpec", discrete: Option<Discrete> = "DiscreteResourceSpec" });
answer!(Named { kind: String = "Kind" });
answer!(Discrete { kind: String = "Kind", value: i64 = "Value" });
answer!(NodeEngine { version: String = "EngineVersion", labels: Labels = "Labels", plugins: Vec<Plugin> = "Plugins" });
answer!(Plugin { kind: String = "Type", name: String = "Name" });

impl From<Resources> for Amounts {
    fn from(Resources { cpus, memory, generic }: Resources) -> Self {
        let mut generic_resources = BTreeMap::new();
        for Generic { named, discrete } in generic {
            let counted = named.map(|named| (named.kind, 1));
            let counts = discrete.map(|discrete| (discrete.kind, discrete.value));
            for (kind, count) in counted.into_iter().chain(counts) {
                *generic_resources.entry(kind).or_insert(0) += count;
            }
        }
        Self { nano_cpus: cpus, memory, generic_resources }
    }
}

impl From<Node> for ObservedNode {
    fn from(Node { id, spec, description, status, manager }: Node) -> Self {
        let Description { hostname, platform, resources, engine } = description;
        let Amounts { nano_cpus, memory, generic_resources } = resources.into();
        Self {
            id,
            hostname,
            role: spec.role,
            availability: spec.availability,
            state: status.state,
            leads: manager.leads,
            address: status.address,
            labels: spec.labels,
            engine_labels: engine.labels,
            os: platform.os,
            architecture: platform.architecture,
            nano_cpus,
            memory,
            generic_resources,
            engine: engine.version,
            plugins: engine.plugins.into_iter().map(|plugin| (plugin.kind, plugin.name)).collect(),
        }
    }
}

/// Reads `GET /nodes`.
pub(super) fn nodes(answer: &str) -> Result<Vec<ObservedNode>> {
    list::<Node, _>(answer)
}

answer!(Object { id: String = "ID", created_at: String = "CreatedAt", spec: ObjectSpec = "Spec" });
answer!(ObjectSpec { name: String = "Name", labels: Labels = "Labels" });

impl From<Object> for ObservedObject {
    fn from(Object { id, created_at, spec }: Object) -> Self {
        Self { id, name: spec.name, created_at, labels: spec.labels }
    }
}

/// Reads `GET /configs` and `GET /secrets`.
pub(super) fn objects(answer: &str) -> Result<Vec<ObservedObject>> {
    list::<Object, _>(answer)
}

answer!(Volume {
    name: String = "Name",
    driver: String = "Driver",
    options: Labels = "Options",
    labels: Labels = "Labels",
});

/// Reads `GET /volumes`.
pub(super) fn volumes(answer: &str) -> Result<Vec<ObservedVolume>> {
    answer!(Answer { volumes: Vec<Volume> = "Volumes" });
    let answer: Answer = from_str(answer)?;
    let observed = |Volume { name, driver, options, labels }| ObservedVolume { name, driver, options, labels };
    Ok(answer.volumes.into_iter().map(observed).collect())
}

/// Reads `GET /distribution/{name}/json`.
pub(super) fn digest(answer: &str) -> Result<ImageDigest> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(rename = "Descriptor")]
        descriptor: Descriptor,
        #[serde(default, rename = "Platforms", deserialize_with = "nullable")]
        platforms: Vec<ImagePlatform>,
    }
    #[derive(Deserialize)]
    struct Descriptor {
        digest: String,
    }
    answer!(ImagePlatform { architecture: String = "architecture", os: String = "os" });
    let Answer { descriptor, platforms } = from_str(answer)?;
    let platforms = platforms.into_iter().map(|ImagePlatform { architecture, os }| (architecture, os)).collect();
    Ok(ImageDigest { digest: descriptor.digest, platforms })
}

/// Reads `GET /networks/{id}?verbose=true`: the tasks with an address on the network, by their nodes' addresses.
pub(super) fn peers(answer: &str) -> Result<BTreeMap<String, usize>> {
    answer!(Answer { services: BTreeMap<String, NetworkService> = "Services" });
    answer!(NetworkService { tasks: Vec<Endpoint> = "Tasks" });
    answer!(Endpoint { info: BTreeMap<String, String> = "Info", address: String = "EndpointIP" });
    let answer: Answer = from_str(answer)?;
    let mut peers = BTreeMap::new();
    for Endpoint { mut info, address } in answer.services.into_values().flat_map(|service| service.tasks) {
        if !address.is_empty() {
            *peers.entry(info.remove("Host IP").unwrap_or_default()).or_insert(0) += 1;
        }
    }
    Ok(peers)
}
