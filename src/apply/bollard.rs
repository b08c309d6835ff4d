//! [`SwarmApi`] by bollard: the one module that knows the client.
//!
//! What is sent and read is JSON of our own making, by bollard's connection and its reading of errors. Its models lose
//! what matters here (0.21.1: a service's `Healthcheck` is `HealthCheck` to them; a volume with a `Status` that is an
//! object fails the whole list), its requests lack the version in their path, and its `X-Registry-Auth` is not
//! URL-safe. So each call is its `ping`, whose answer is a text, and the transport (`transport.rs`) exchanges the request
//! for the one that is meant. What is sent is thereby in no log of bollard's, either.

mod convert;
mod fault;
mod transport;

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use ::bollard::Docker;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderValue, Method};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use self::transport::Meant;
use super::api::{ApiError, ApiResult, EngineInfo, ImageDigest, RegistryAuth, SwarmApi, TaskFilter};
use super::connect::{ConnectError, Endpoint};
use crate::emit::ApiVersion;
use crate::ir::Text;
use crate::plan::observed::{
    Labels, ObservedNetwork, ObservedNode, ObservedObject, ObservedService, ObservedTask, ObservedVolume,
};

/// The newest API that is spoken: services are in it what they are in 1.45.
///
/// Source: <https://docs.docker.com/reference/api/engine/version-history/>.
pub const NEWEST_API: ApiVersion = ApiVersion { major: 1, minor: 53 };

/// How long an engine may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For a connection, TLS included.
    pub connect: Duration,
    /// For the whole answer to a call, with the connection.
    pub answer: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), answer: Duration::from_secs(60) }
    }
}

/// A Docker engine.
#[derive(Clone)]
pub struct Engine {
    docker: Docker,
    endpoint: Arc<str>,
    api: ApiVersion,
    limits: Limits,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Engine({}, API {})", self.endpoint, self.api)
    }
}

impl Engine {
    /// Tells whether it is on this machine.
    pub fn is_local(&self) -> bool {
        self.endpoint.starts_with("unix://")
    }

    /// Connects to an engine and agrees on the version of the API.
    ///
    /// # Errors
    ///
    /// No engine there, one that is too old or too new, and certificates that cannot be used.
    pub async fn connect(endpoint: &Endpoint, limits: Limits) -> Result<Self, ConnectError> {
        let docker = transport::client(endpoint, limits.connect)?;
        let mut engine = Self { docker, endpoint: endpoint.to_string().into(), api: NEWEST_API, limits };
        engine.api = engine.agree(endpoint.api).await?;
        Ok(engine)
    }

    /// Prepares to ask an engine whose version of the API is known, without asking it anything yet.
    ///
    /// # Errors
    ///
    /// Certificates that cannot be used.
    pub fn known(endpoint: &Endpoint, limits: Limits, api: ApiVersion) -> Result<Self, ConnectError> {
        let docker = transport::client(endpoint, limits.connect)?;
        Ok(Self { docker, endpoint: endpoint.to_string().into(), api, limits })
    }

    /// The version of the API that is spoken.
    pub fn api(&self) -> ApiVersion {
        self.api
    }

    /// The newest version of the API that both know, or the pinned one.
    async fn agree(&self, pinned: Option<ApiVersion>) -> Result<ApiVersion, ConnectError> {
        let answer = self.ask(Meant::new(Method::GET, "/version".to_owned())).await?;
        let endpoint = self.endpoint.to_string();
        let no_engine = |reason: &str| ConnectError::NoEngine { endpoint: endpoint.clone(), reason: reason.to_owned() };
        let version = convert::version(&answer).ok_or_else(|| no_engine("its version cannot be read"))?;
        if version.newest < ApiVersion::V1_41 {
            return Err(ConnectError::TooOld { endpoint, api: version.newest });
        }
        match version.oldest {
            Some(api) if api > NEWEST_API => Err(ConnectError::TooNew { endpoint, api, known: NEWEST_API }),
            _ => Ok(pinned.unwrap_or(version.newest.min(NEWEST_API))),
        }
    }

    /// Sends a request and gives the answer's text. It is carried out at most once.
    async fn ask(&self, meant: Meant) -> ApiResult<String> {
        let docker = self.docker.clone().with_request_modifier(move |mut request| {
            request.extensions_mut().insert(meant.clone());
            request
        });
        match tokio::time::timeout(self.limits.answer, docker.ping()).await {
            Ok(answer) => answer.map_err(|error| fault::of(error, &self.endpoint)),
            Err(_) => {
                let seconds = self.limits.answer.as_secs_f64();
                Err(ApiError::NoAnswer { message: format!("no answer from {} within {seconds} s", self.endpoint) })
            }
        }
    }

    fn meant(&self, method: Method, path: &str) -> Meant {
        Meant::new(method, format!("/v{}{path}", self.api))
    }

    async fn get<T>(&self, path: &str, read: impl FnOnce(&str) -> serde_json::Result<T>) -> ApiResult<T> {
        let answer = self.ask(self.meant(Method::GET, path)).await?;
        self.read(&answer, read)
    }

    /// Reads an answer; what is in it is in no error.
    fn read<T>(&self, answer: &str, read: impl FnOnce(&str) -> serde_json::Result<T>) -> ApiResult<T> {
        read(answer).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let message = format!("cannot read the answer of {}: line {line}, column {column}", self.endpoint);
            ApiError::NoAnswer { message }
        })
    }

    /// Removes something; an engine says nothing more about that than that it is done.
    async fn delete(&self, path: &str) -> ApiResult<()> {
        let answer = self.ask(self.meant(Method::DELETE, path)).await?;
        if answer.trim().is_empty() {
            return Ok(());
        }
        let message = format!("{} answered a removal with a text, as no engine does", self.endpoint);
        Err(ApiError::NoAnswer { message })
    }

    async fn post(&self, path: &str, body: Bytes, auth: Option<&RegistryAuth>) -> ApiResult<String> {
        let mut meant = self.meant(Method::POST, path);
        meant.body = body;
        meant.auth = auth.map(header).transpose()?;
        self.ask(meant).await
    }

    /// Creates something and gives its id.
    async fn create(&self, path: &str, body: Bytes, auth: Option<&RegistryAuth>) -> ApiResult<String> {
        let answer = self.post(path, body, auth).await?;
        self.read(&answer, convert::id)
    }

    async fn create_object(&self, path: &str, name: &str, labels: &Labels, data: &[u8]) -> ApiResult<String> {
        let data = Zeroizing::new(STANDARD.encode(data));
        let others = json!({"Name": name, "Labels": labels}).to_string();
        // Put together by hand: a `Value` with the data in it would not be zeroized.
        let mut body = Zeroizing::new(Vec::with_capacity(data.len() + others.len() + 16));
        for part in ["{\"Data\":\"", &data, "\",", others.trim_start_matches('{')] {
            body.extend_from_slice(part.as_bytes());
        }
        self.create(path, Bytes::from_owner(Wiped(body)), None).await
    }
}

/// A body that is zeroized when the last who holds it lets go.
struct Wiped(Zeroizing<Vec<u8>>);

impl AsRef<[u8]> for Wiped {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

fn body(spec: &Value) -> Bytes {
    Bytes::from_owner(Wiped(Zeroizing::new(spec.to_string().into_bytes())))
}

fn header(auth: &RegistryAuth) -> ApiResult<HeaderValue> {
    let mut value = HeaderValue::from_str(auth.expose()).map_err(|_| ApiError::Refused {
        status: 400,
        message: "the registry's credentials cannot be sent in a header".to_owned(),
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// Percent-encodes what is no part of a path or query by itself; `keep` says which other characters stay.
fn encoded(text: &str, keep: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || keep.as_bytes().contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// A filter of lists: `key` with one value.
fn filter(key: &str, value: &str) -> String {
    encoded(&json!({key: [value]}).to_string(), "")
}

impl SwarmApi for Engine {
    async fn info(&self) -> ApiResult<EngineInfo> {
        self.get("/info", |answer| convert::info(answer, self.api)).await
    }

    async fn services(&self, label: Option<&str>) -> ApiResult<Vec<ObservedService>> {
        let query = label.map(|label| format!("?filters={}", filter("label", label))).unwrap_or_default();
        self.get(&format!("/services{query}"), convert::services).await
    }

    async fn service(&self, id: &str) -> ApiResult<ObservedService> {
        self.get(&format!("/services/{}", encoded(id, "")), convert::service).await
    }

    fn create_service(&self, spec: &Value, auth: Option<&RegistryAuth>) -> impl Future<Output = ApiResult<String>> {
        self.create("/services/create", body(spec), auth)
    }

    async fn update_service(&self, id: &str, version: u64, spec: &Value, auth: Option<&RegistryAuth>) -> ApiResult<()> {
        let path = format!("/services/{}/update?version={version}", encoded(id, ""));
        let answer = self.post(&path, body(spec), auth).await?;
        self.read(&answer, convert::acknowledged)
    }

    async fn remove_service(&self, id: &str) -> ApiResult<()> {
        self.delete(&format!("/services/{}", encoded(id, ""))).await
    }

    async fn tasks(&self, filtered: &TaskFilter) -> ApiResult<Vec<ObservedTask>> {
        let query = match filtered {
            TaskFilter::All => String::new(),
            TaskFilter::Label(label) => format!("?filters={}", filter("label", label)),
            TaskFilter::Service(service) => format!("?filters={}", filter("service", service)),
        };
        self.get(&format!("/tasks{query}"), convert::tasks).await
    }

    async fn networks(&self) -> ApiResult<Vec<ObservedNetwork>> {
        self.get("/networks", convert::networks).await
    }

    async fn nodes(&self) -> ApiResult<Vec<ObservedNode>> {
        self.get("/nodes", convert::nodes).await
    }

    async fn configs(&self) -> ApiResult<Vec<ObservedObject>> {
        self.get("/configs", convert::objects).await
    }

    async fn create_config(&self, name: &str, labels: &Labels, data: &[u8]) -> ApiResult<String> {
        self.create_object("/configs/create", name, labels, data).await
    }

    async fn remove_config(&self, id: &str) -> ApiResult<()> {
        self.delete(&format!("/configs/{}", encoded(id, ""))).await
    }

    async fn secrets(&self) -> ApiResult<Vec<ObservedObject>> {
        self.get("/secrets", convert::objects).await
    }

    async fn create_secret(&self, name: &str, labels: &Labels, data: &Text) -> ApiResult<String> {
        self.create_object("/secrets/create", name, labels, data.expose().as_bytes()).await
    }

    async fn remove_secret(&self, id: &str) -> ApiResult<()> {
        self.delete(&format!("/secrets/{}", encoded(id, ""))).await
    }

    async fn volumes(&self) -> ApiResult<Vec<ObservedVolume>> {
        self.get("/volumes", convert::volumes).await
    }

    async fn remove_volume(&self, name: &str) -> ApiResult<()> {
        self.delete(&format!("/volumes/{}", encoded(name, ""))).await
    }

    async fn image_digest(&self, image: &str, auth: Option<&RegistryAuth>) -> ApiResult<ImageDigest> {
        let mut meant = self.meant(Method::GET, &format!("/distribution/{}/json", encoded(image, "/:@")));
        meant.auth = auth.map(header).transpose()?;
        let answer = self.ask(meant).await?;
        self.read(&answer, convert::digest)
    }

    async fn has_image(&self, image: &str) -> ApiResult<bool> {
        match self.ask(self.meant(Method::GET, &format!("/images/{}/json", encoded(image, "/:@")))).await {
            Ok(_) => Ok(true),
            Err(ApiError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn network_peers(&self, id: &str) -> ApiResult<BTreeMap<String, usize>> {
        self.get(&format!("/networks/{}?verbose=true", encoded(id, "")), convert::peers).await
    }
}

#[cfg(test)]
mod tests;
