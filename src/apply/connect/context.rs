//! The docker CLI's contexts: files below `contexts/`, in folders named by the SHA-256 of the context's name.
//!
//! Source: docker/cli, `cli/context/store/`.

use std::collections::BTreeMap;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{Address, ConnectError, Variables, address, read_json, tls_of};

/// `meta.json`.
#[derive(Deserialize)]
struct Metadata {
    #[serde(default, rename = "Endpoints")]
    endpoints: BTreeMap<String, Option<Meta>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[derive(Default)]
struct Meta {
    host: Option<String>,
    #[serde(rename = "SkipTLSVerify")]
    skip_tls_verify: Option<bool>,
}

/// Reads the engine's address from a context.
pub(super) fn load(name: &str, origin: &'static str, variables: &Variables<'_>) -> Result<Address, ConnectError> {
    let contexts = variables.folder().unwrap_or_default().join("contexts");
    let folder = hex::encode(Sha256::digest(name.as_bytes()));
    let path = contexts.join("meta").join(&folder).join("meta.json");
    let Some(text) = variables.file(&path)? else {
        return Err(ConnectError::NoContext { name: name.to_owned(), folder: contexts, origin });
    };
    let mut metadata: Metadata = read_json(&text, &path)?;
    let Some(Meta { host, skip_tls_verify }) = metadata.endpoints.remove("docker").flatten() else {
        return Err(ConnectError::NoEndpoint { name: name.to_owned() });
    };
    let host = match host {
        Some(host) if !host.is_empty() => host,
        // As `docker context create` without `--docker`: this machine's.
        _ => return address::of_host("", false),
    };
    let certificates = contexts.join("tls").join(folder).join("docker");
    let authority = variables.file(&certificates.join("ca.pem"))?;
    let skips = skip_tls_verify.unwrap_or(false);
    let known = authority.is_some();
    let tls = tls_of(authority, &certificates, !skips, variables)?;
    let speaks_tls = known || tls.identity.is_some() || skips;
    address::of_context(&host, speaks_tls.then_some(tls))
}
