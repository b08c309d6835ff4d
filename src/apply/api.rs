//! What is asked of an engine, behind a trait: a real one, or one for faults that cannot be made.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;

use serde_json::Value;
use zeroize::Zeroizing;

use crate::emit::ApiVersion;
use crate::ir::Text;
use crate::plan::observed::{
    Labels, ObservedNetwork, ObservedNode, ObservedObject, ObservedService, ObservedTask, ObservedVolume,
};

/// Why a call failed.
///
/// Messages are the engine's own words; they may quote secrets (swarm-facts: an invalid template quotes its whole
/// value), so that whoever shows one searches it for secrets first.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// The engine refused: a status of 400 to 499 other than those below.
    #[error("{message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The engine's words.
        message: String,
    },
    /// There is no such object.
    #[error("{message}")]
    NotFound {
        /// The engine's words.
        message: String,
    },
    /// An object of that name exists, or it is in use.
    #[error("{message}")]
    Conflict {
        /// The engine's words.
        message: String,
    },
    /// The service was changed since its version was read (status 500, told by its text "update out of sequence").
    #[error("{message}")]
    OutOfSequence {
        /// The engine's words.
        message: String,
    },
    /// The engine failed: a status from 500.
    #[error("{message}")]
    Engine {
        /// The HTTP status.
        status: u16,
        /// The engine's words.
        message: String,
    },
    /// No answer came, or none that can be read: whether the call was carried out is not known.
    #[error("{message}")]
    NoAnswer {
        /// What happened.
        message: String,
    },
    /// No connection could be made: the call was not carried out.
    #[error("{message}")]
    Unreachable {
        /// What happened, and with which endpoint.
        message: String,
    },
}

impl ApiError {
    /// Tells whether the same call may do better in a moment: the engine is away, answered nothing, or failed.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Engine { .. } | Self::NoAnswer { .. } | Self::Unreachable { .. })
    }
}

/// What calls give.
pub type ApiResult<T> = Result<T, ApiError>;

/// Credentials for a registry: the JSON that the engine expects, base64url-encoded (`X-Registry-Auth`).
#[derive(Clone)]
pub struct RegistryAuth(Zeroizing<String>);

impl RegistryAuth {
    /// Takes the encoded credentials.
    pub fn new(encoded: Zeroizing<String>) -> Self {
        Self(encoded)
    }

    /// The encoded credentials. Whoever calls this takes care of where they go.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RegistryAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RegistryAuth(«redacted»)")
    }
}

/// The engine at hand and the swarm that it manages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EngineInfo {
    /// The version of the Engine API that is spoken.
    pub api: ApiVersion,
    /// The engine's version.
    pub engine: String,
    /// The id of its node; empty where it is in no swarm.
    pub node_id: String,
    /// The swarm's id; empty where it is none of its managers.
    pub cluster: String,
    /// `inactive`, `pending`, `active`, `error` or `locked`.
    pub swarm_state: String,
    /// Why it is in that state, in the engine's words; empty where there is no reason.
    pub swarm_error: String,
    /// Whether it is a manager that answers questions about the swarm.
    pub is_manager: bool,
    /// The addresses of the swarm's managers, as far as it knows them.
    pub managers: Vec<String>,
    /// Its volume plugins.
    pub volume_plugins: Vec<String>,
    /// What its clock shows (`SystemTime`, RFC 3339); empty where it does not say.
    pub time: String,
}

/// What a registry says of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageDigest {
    /// The digest that the tag stands for (`sha256:...`).
    pub digest: String,
    /// The platforms that it runs on, as architecture and operating system.
    pub platforms: Vec<(String, String)>,
}

/// Which tasks to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskFilter {
    /// All, also those of others.
    All,
    /// Those whose service had this label when they were made, as `key=value`.
    Label(String),
    /// Those of a service, by its id or name.
    Service(String),
}

/// The calls of the Engine API that swarmgen makes.
///
/// Each call is one request; nothing is retried. A call whose future is dropped may still be carried out.
pub trait SwarmApi {
    /// Asks what engine this is (`GET /info`).
    fn info(&self) -> impl Future<Output = ApiResult<EngineInfo>>;
    /// Lists all services (`GET /services`), or those with a label, as `key=value`.
    fn services(&self, label: Option<&str>) -> impl Future<Output = ApiResult<Vec<ObservedService>>>;
    /// Reads one service by its id or name (`GET /services/{id}`).
    fn service(&self, id: &str) -> impl Future<Output = ApiResult<ObservedService>>;
    /// Creates a service and gives its id (`POST /services/create`).
    fn create_service(&self, spec: &Value, auth: Option<&RegistryAuth>) -> impl Future<Output = ApiResult<String>>;
    /// Changes a service (`POST /services/{id}/update`).
    fn update_service(
        &self,
        id: &str,
        version: u64,
        spec: &Value,
        auth: Option<&RegistryAuth>,
    ) -> impl Future<Output = ApiResult<()>>;
    /// Removes a service (`DELETE /services/{id}`).
    fn remove_service(&self, id: &str) -> impl Future<Output = ApiResult<()>>;
    /// Lists tasks (`GET /tasks`).
    fn tasks(&self, filter: &TaskFilter) -> impl Future<Output = ApiResult<Vec<ObservedTask>>>;
    /// Lists all networks (`GET /networks`).
    fn networks(&self) -> impl Future<Output = ApiResult<Vec<ObservedNetwork>>>;
    /// Lists all nodes (`GET /nodes`).
    fn nodes(&self) -> impl Future<Output = ApiResult<Vec<ObservedNode>>>;
    /// Lists all Swarm configs (`GET /configs`).
    fn configs(&self) -> impl Future<Output = ApiResult<Vec<ObservedObject>>>;
    /// Creates a Swarm config and gives its id (`POST /configs/create`).
    fn create_config(&self, name: &str, labels: &Labels, data: &[u8]) -> impl Future<Output = ApiResult<String>>;
    /// Removes a Swarm config (`DELETE /configs/{id}`).
    fn remove_config(&self, id: &str) -> impl Future<Output = ApiResult<()>>;
    /// Lists all Swarm secrets (`GET /secrets`).
    fn secrets(&self) -> impl Future<Output = ApiResult<Vec<ObservedObject>>>;
    /// Creates a Swarm secret and gives its id (`POST /secrets/create`).
    fn create_secret(&self, name: &str, labels: &Labels, data: &Text) -> impl Future<Output = ApiResult<String>>;
    /// Removes a Swarm secret (`DELETE /secrets/{id}`).
    fn remove_secret(&self, id: &str) -> impl Future<Output = ApiResult<()>>;
    /// Lists the volumes of the engine's node (`GET /volumes`).
    fn volumes(&self) -> impl Future<Output = ApiResult<Vec<ObservedVolume>>>;
    /// Removes a volume of the engine's node (`DELETE /volumes/{name}`); one in use is a conflict.
    fn remove_volume(&self, name: &str) -> impl Future<Output = ApiResult<()>>;
    /// Asks the image's registry for its digest (`GET /distribution/{name}/json`).
    fn image_digest(&self, image: &str, auth: Option<&RegistryAuth>) -> impl Future<Output = ApiResult<ImageDigest>>;
    /// Tells whether the engine's node has an image (`GET /images/{name}/json`), by its reference.
    fn has_image(&self, image: &str) -> impl Future<Output = ApiResult<bool>>;
    /// The addresses in use on a network, by node, where the engine tells (`GET /networks/{id}?verbose=true`).
    fn network_peers(&self, id: &str) -> impl Future<Output = ApiResult<BTreeMap<String, usize>>>;
}
