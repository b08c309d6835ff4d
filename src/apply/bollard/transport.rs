//! What bollard's requests go through.

use std::time::Duration;

use ::bollard::errors::Error;
use ::bollard::{API_DEFAULT_VERSION, BollardRequest, Docker, body_full};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderName, HeaderValue, Method, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

use super::fault;
use crate::apply::connect::{Address, ConnectError, Endpoint, bracketed};
use crate::apply::dial::Dial;

/// The request that is meant by a call.
#[derive(Clone)]
pub(super) struct Meant {
    method: Method,
    target: String,
    /// Its body.
    pub(super) body: Bytes,
    /// What the registry is to be told.
    pub(super) auth: Option<HeaderValue>,
}

impl Meant {
    /// A request without a body; the target is path and query.
    pub(super) fn new(method: Method, target: String) -> Self {
        Self { method, target, body: Bytes::new(), auth: None }
    }
}

/// Makes bollard's client of an endpoint.
///
/// # Errors
///
/// As [`Dial::new`].
pub(super) fn client(endpoint: &Endpoint, connect: Duration) -> Result<Docker, ConnectError> {
    let dial = Dial::new(endpoint, connect)?;
    let (host, prefix) = match &endpoint.address {
        Address::Tcp { host, port, path, .. } => (format!("{}:{port}", bracketed(host)), path.clone()),
        Address::Unix(_) | Address::Ssh(_) => ("localhost".to_owned(), String::new()),
    };
    let client = Client::builder(TokioExecutor::new()).build(dial);
    let transport = move |request: BollardRequest| {
        let request = exchanged(request, &host, &prefix);
        let client = client.clone();
        async move { client.request(request?).await.map_err(|error| std::io::Error::other(error).into()) }
    };
    // The time that counts is the caller's: bollard's ends with the answer's head.
    let forever = 365 * 24 * 3600;
    Docker::connect_with_custom_transport(transport, Some("http://engine"), forever, API_DEFAULT_VERSION)
        .map_err(|error| ConnectError::Api(fault::of(error, &endpoint.to_string())))
}

/// The request that is meant, in place of bollard's.
fn exchanged(request: BollardRequest, host: &str, prefix: &str) -> Result<BollardRequest, Error> {
    let (mut parts, _) = request.into_parts();
    let meant = parts.extensions.remove::<Meant>().ok_or_else(|| std::io::Error::other("a request without a call"))?;
    parts.method = meant.method;
    parts.uri = Uri::builder()
        .scheme("http")
        .authority("engine")
        .path_and_query(format!("{prefix}{}", meant.target))
        .build()
        .map_err(std::io::Error::other)?;
    let host = HeaderValue::from_str(host).map_err(std::io::Error::other)?;
    parts.headers.insert(HOST, host);
    parts.headers.insert(USER_AGENT, HeaderValue::from_static(concat!("swarmgen/", env!("CARGO_PKG_VERSION"))));
    if meant.body.is_empty() {
        parts.headers.remove(CONTENT_TYPE);
    }
    if let Some(auth) = meant.auth {
        parts.headers.insert(HeaderName::from_static("x-registry-auth"), auth);
    }
    Ok(BollardRequest::from_parts(parts, body_full(meant.body)))
}
