//! Which engine: found as the docker CLI finds it.
//!
//! In this order: `-H`, `--context`, `DOCKER_HOST`, `DOCKER_CONTEXT`, the `currentContext` of the docker config, and
//! at last the socket of this machine. Source: docker/cli, `cli/command/cli.go`, `opts/hosts.go`,
//! `cli/context/docker/load.go`.

mod address;
mod context;

use std::fmt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::emit::ApiVersion;
use crate::source::{ReadError, World};

pub(super) use address::bracketed;
pub use address::{Address, SshRemote};

/// The most that is read of a file of the docker config, in bytes.
const LARGEST: u64 = 4 << 20;

/// What the command line says of the engine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    /// `-H`, `--host`.
    pub hosts: Vec<String>,
    /// `--context`.
    pub context: Option<String>,
}

/// An engine that can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Where it listens.
    pub address: Address,
    /// What named it.
    pub origin: Origin,
    /// The version of the API that is to be spoken, where `DOCKER_API_VERSION` says; else the newest that both know.
    pub api: Option<ApiVersion>,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.address)?;
        match &self.origin {
            Origin::Argument | Origin::Default => Ok(()),
            Origin::Variable => write!(f, " (from DOCKER_HOST)"),
            Origin::Context(name) => write!(f, " (context `{name}`)"),
        }
    }
}

/// What named an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `-H`.
    Argument,
    /// `DOCKER_HOST`.
    Variable,
    /// A context of that name.
    Context(String),
    /// Nothing: this machine's own.
    Default,
}

/// What TLS is spoken with. All are PEM texts.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// Whom to trust; the system's certificates where there is none.
    pub authority: Option<String>,
    /// Our certificate and its key.
    pub identity: Option<(String, Zeroizing<String>)>,
    /// Whether the engine's certificate is looked at.
    pub verify: bool,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("authority", &self.authority.is_some())
            .field("identity", &self.identity.is_some())
            .field("verify", &self.verify)
            .finish()
    }
}

/// Why there is no engine to ask.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// `-H` was given more than once.
    #[error("several engines are named: give `-H` once")]
    SeveralHosts,
    /// `-H` and `--context` were both given.
    #[error("`-H` and `--context` both name an engine: give one of them")]
    HostAndContext,
    /// An address that cannot be read.
    #[error("`{address}` is no address of an engine: {reason}")]
    Address {
        /// The address.
        address: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A context that the docker config does not have.
    #[error(
        "there is no context `{name}` in {}; `docker context ls` lists those that exist{}", .folder.display(), .origin
    )]
    NoContext {
        /// Its name.
        name: String,
        /// Where contexts are kept.
        folder: PathBuf,
        /// What named it, where that was no argument.
        origin: &'static str,
    },
    /// A context that names no engine.
    #[error("context `{name}` names no docker endpoint; make it anew with `docker context create --docker host=..`")]
    NoEndpoint {
        /// Its name.
        name: String,
    },
    /// A file of the docker config that cannot be read.
    #[error("cannot read {}: {reason}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Certificates or a key that cannot be used.
    #[error("cannot speak TLS: {0}")]
    Certificates(String),
    /// What this program was built without.
    #[error("this swarmgen was built without what {endpoint} needs (the feature `remote`); use a unix socket")]
    NotBuiltIn {
        /// The endpoint.
        endpoint: String,
    },
    /// A version in `DOCKER_API_VERSION` that cannot be read or is too old.
    #[error(
        "DOCKER_API_VERSION is `{0}`; swarmgen speaks 1.41 and newer (Engine 20.10): unset it or name one of those"
    )]
    PinnedVersion(String),
    /// An engine that is too old.
    #[error("the engine at {endpoint} speaks API {api} at most; swarmgen needs 1.41 (Engine 20.10): update the engine")]
    TooOld {
        /// The endpoint.
        endpoint: String,
        /// The newest API that it speaks.
        api: ApiVersion,
    },
    /// An engine that is too new.
    #[error("the engine at {endpoint} speaks API {api} at least; swarmgen knows {known} at most: update swarmgen")]
    TooNew {
        /// The endpoint.
        endpoint: String,
        /// The oldest API that it speaks.
        api: ApiVersion,
        /// The newest API that we speak.
        known: ApiVersion,
    },
    /// What answers is no engine.
    #[error("what answers at {endpoint} is no Docker engine: {reason}")]
    NoEngine {
        /// The endpoint.
        endpoint: String,
        /// Why not.
        reason: String,
    },
    /// The engine did not answer.
    #[error(transparent)]
    Api(#[from] super::api::ApiError),
}

/// Finds the engine.
///
/// # Errors
///
/// Arguments that do not go together, addresses, contexts and certificates that cannot be read.
pub fn find(arguments: &Arguments, world: &dyn World) -> Result<Endpoint, ConnectError> {
    let variables = Variables(world);
    let api = match variables.get("DOCKER_API_VERSION") {
        Some(text) => match ApiVersion::parse(&text) {
            Some(version) if version >= ApiVersion::V1_41 => Some(version),
            _ => return Err(ConnectError::PinnedVersion(text)),
        },
        None => None,
    };
    let context = arguments.context.as_deref().filter(|name| !name.is_empty());
    let hosts = &arguments.hosts;
    if context.is_some() && !hosts.is_empty() {
        return Err(ConnectError::HostAndContext);
    }
    let (name, origin) = match context {
        Some(name) => (Some(name.to_owned()), ""),
        None if !hosts.is_empty() || variables.get("DOCKER_HOST").is_some() => (None, ""),
        None => match variables.get("DOCKER_CONTEXT") {
            Some(name) => (Some(name), " (DOCKER_CONTEXT names it)"),
            None => (current_context(&variables)?, " (the docker config's `currentContext` names it)"),
        },
    };
    match name {
        Some(name) if name != "default" => {
            let address = context::load(&name, origin, &variables)?;
            Ok(Endpoint { address, origin: Origin::Context(name), api })
        }
        _ => {
            let (address, origin) = outside_contexts(hosts, &variables)?;
            Ok(Endpoint { address, origin, api })
        }
    }
}

/// The engine of `-H`, of `DOCKER_HOST`, or of this machine.
fn outside_contexts(hosts: &[String], variables: &Variables<'_>) -> Result<(Address, Origin), ConnectError> {
    let variable = variables.get("DOCKER_HOST");
    let (text, origin) = match (hosts, &variable) {
        ([], Some(text)) => (text.as_str(), Origin::Variable),
        ([], None) => ("", Origin::Default),
        ([host], _) => (host.as_str(), Origin::Argument),
        _ => return Err(ConnectError::SeveralHosts),
    };
    let verify = variables.get("DOCKER_TLS_VERIFY").is_some();
    let speaks_tls = verify || variables.get("DOCKER_TLS").is_some();
    let mut address = address::of_host(text, speaks_tls)?;
    // A socket or ssh needs no certificates, whatever the variables say.
    if let (Address::Tcp { tls, .. }, true) = (&mut address, speaks_tls) {
        let folder = match variables.get("DOCKER_CERT_PATH") {
            Some(folder) => PathBuf::from(folder),
            None => variables.folder().unwrap_or_default(),
        };
        let authority = folder.join("ca.pem");
        let pem = variables.file(&authority)?;
        if pem.is_none() {
            let reason = "no such file; DOCKER_CERT_PATH names the folder of ca.pem, cert.pem and key.pem".to_owned();
            return Err(ConnectError::File { path: authority, reason });
        }
        *tls = Some(tls_of(pem, &folder, verify, variables)?);
    }
    Ok((address, origin))
}

/// A certificate without its key is as none.
fn tls_of(
    authority: Option<Zeroizing<String>>,
    folder: &Path,
    verify: bool,
    variables: &Variables<'_>,
) -> Result<Tls, ConnectError> {
    let certificate = variables.file(&folder.join("cert.pem"))?;
    let key = variables.file(&folder.join("key.pem"))?;
    Ok(Tls {
        authority: authority.map(|pem| pem.to_string()),
        identity: certificate.zip(key).map(|(certificate, key)| (certificate.to_string(), key)),
        verify,
    })
}

fn current_context(variables: &Variables<'_>) -> Result<Option<String>, ConnectError> {
    #[derive(serde::Deserialize)]
    struct Config {
        #[serde(default, rename = "currentContext")]
        current_context: Option<String>,
    }
    let Some(path) = variables.folder().map(|folder| folder.join("config.json")) else { return Ok(None) };
    match variables.file(&path)? {
        Some(text) if !text.trim().is_empty() => {
            let config: Config = read_json(&text, &path)?;
            Ok(config.current_context.filter(|name| !name.is_empty()))
        }
        _ => Ok(None),
    }
}

/// Reads JSON of the docker config; what it holds is in no error.
fn read_json<T: serde::de::DeserializeOwned>(text: &str, path: &Path) -> Result<T, ConnectError> {
    serde_json::from_str(text).map_err(|error| {
        let reason = format!("it is not what docker writes there: line {}, column {}", error.line(), error.column());
        ConnectError::File { path: path.to_owned(), reason }
    })
}

/// Environment and files as the docker CLI sees them.
pub(super) struct Variables<'a>(pub(super) &'a dyn World);

impl Variables<'_> {
    /// A variable that says something.
    fn get(&self, name: &str) -> Option<String> {
        self.0.variable(name).ok().map(|value| value.to_string()).filter(|value| !value.is_empty())
    }

    /// The folder of the docker config: `DOCKER_CONFIG`, else `.docker` of the home directory.
    pub(super) fn folder(&self) -> Option<PathBuf> {
        let home = || self.get(if cfg!(windows) { "USERPROFILE" } else { "HOME" });
        self.get("DOCKER_CONFIG").map(PathBuf::from).or_else(|| Some(Path::new(&home()?).join(".docker")))
    }

    /// A file's text; none where there is no such file.
    pub(super) fn file(&self, path: &Path) -> Result<Option<Zeroizing<String>>, ConnectError> {
        match self.0.read(path, Some(LARGEST)) {
            Ok(text) => Ok(Some(text)),
            Err(ReadError::NotFound) => Ok(None),
            Err(error) => Err(ConnectError::File { path: path.to_owned(), reason: error.to_string() }),
        }
    }
}

#[cfg(test)]
mod tests;
