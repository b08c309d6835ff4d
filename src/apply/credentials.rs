//! Credentials for registries, from where the docker CLI keeps them: `auths`, `credHelpers` and `credsStore` of the
//! docker config, and `DOCKER_AUTH_CONFIG`.
//!
//! Source: docker/cli, `cli/config/configfile/`, `cli/config/credentials/`; the helpers' protocol:
//! <https://github.com/docker/docker-credential-helpers>.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::general_purpose::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use futures_util::future::join_all;
use serde::{Deserialize, Deserializer, Serialize};
use tokio::io::AsyncWriteExt;
use zeroize::Zeroizing;

use super::api::RegistryAuth;
use super::connect::Variables;
use crate::check::image::Reference;
use crate::source::World;

/// How long a helper may take that can ask a person for a password.
pub const HELPER_LIMIT: Duration = Duration::from_secs(60);

/// Docker Hub as it stands in images.
const HUB: &str = "docker.io";

/// Docker Hub as it stands in the docker config.
const HUB_KEY: &str = "https://index.docker.io/v1/";

/// The credentials that some images need, each registry's asked for once.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    known: BTreeMap<String, RegistryAuth>,
    /// What went wrong, each a sentence: those registries are asked without credentials.
    pub problems: Vec<String>,
}

impl Credentials {
    /// Gathers the credentials of the images' registries, all at once; a helper may take as long as `limit`.
    pub async fn gather<'a>(images: impl IntoIterator<Item = &'a str>, world: &dyn World, limit: Duration) -> Self {
        let registries: BTreeSet<String> = images.into_iter().filter_map(registry_of).collect();
        let mut credentials = Self::default();
        if registries.is_empty() {
            return credentials;
        }
        let config = Config::load(world, &mut credentials.problems);
        let found = join_all(registries.into_iter().map(async |registry| {
            let key = if registry == HUB { HUB_KEY } else { registry.as_str() };
            let login = config.login(key, world, limit).await;
            (registry, login)
        }));
        for (registry, login) in found.await {
            match login {
                Ok(Some(login)) => drop(credentials.known.insert(registry, login.encoded())),
                Ok(None) => {}
                Err(problem) => credentials.problems.push(problem),
            }
        }
        credentials
    }

    /// What an image's registry is to be told, if anything.
    pub fn of(&self, image: &str) -> Option<&RegistryAuth> {
        self.known.get(&registry_of(image)?)
    }
}

/// The registry of an image: the first part of its name if that looks like a host, else Docker Hub.
///
/// Source: the distribution project's `reference/normalize.go`.
pub fn registry_of(image: &str) -> Option<String> {
    let name = Reference::parse(image)?.name;
    let first = name.split_once('/').map(|(first, _)| first);
    let is_host = |part: &&str| {
        part.contains(['.', ':']) || *part == "localhost" || part.bytes().any(|byte| byte.is_ascii_uppercase())
    };
    Some(match first.filter(is_host) {
        None | Some("index.docker.io") => HUB.to_owned(),
        Some(host) => host.to_owned(),
    })
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Zeroizing<String>, D::Error> {
    Option::<String>::deserialize(deserializer).map(|text| Zeroizing::new(text.unwrap_or_default()))
}

/// What of the docker config tells about credentials.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Config {
    auths: Option<BTreeMap<String, Entry>>,
    cred_helpers: Option<BTreeMap<String, String>>,
    creds_store: Option<String>,
    /// Of the environment, asked before all others.
    #[serde(skip)]
    first: BTreeMap<String, Entry>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    /// `user:password` in base64.
    #[serde(deserialize_with = "secret")]
    auth: Zeroizing<String>,
    username: Option<String>,
    #[serde(deserialize_with = "secret")]
    password: Zeroizing<String>,
    #[serde(rename = "identitytoken", deserialize_with = "secret")]
    identity_token: Zeroizing<String>,
    #[serde(rename = "registrytoken", deserialize_with = "secret")]
    registry_token: Zeroizing<String>,
}

/// What a registry is told, as the Engine API's `AuthConfig`.
#[derive(Default)]
struct Login {
    username: String,
    password: Zeroizing<String>,
    identity_token: Zeroizing<String>,
    registry_token: Zeroizing<String>,
    server: String,
}

impl Login {
    fn encoded(&self) -> RegistryAuth {
        #[derive(Serialize)]
        struct AuthConfig<'a> {
            #[serde(skip_serializing_if = "str::is_empty")]
            username: &'a str,
            #[serde(skip_serializing_if = "str::is_empty")]
            password: &'a str,
            #[serde(skip_serializing_if = "str::is_empty")]
            identitytoken: &'a str,
            #[serde(skip_serializing_if = "str::is_empty")]
            registrytoken: &'a str,
            serveraddress: &'a str,
        }
        let config = AuthConfig {
            username: &self.username,
            password: &self.password,
            identitytoken: &self.identity_token,
            registrytoken: &self.registry_token,
            serveraddress: &self.server,
        };
        // Strings always serialize.
        let json = Zeroizing::new(serde_json::to_vec(&config).unwrap_or_default());
        RegistryAuth::new(Zeroizing::new(URL_SAFE.encode(&*json)))
    }
}

impl Config {
    fn load(world: &dyn World, problems: &mut Vec<String>) -> Self {
        let variables = Variables(world);
        let mut config = Self::default();
        if let Some(path) = variables.folder().map(|folder| folder.join("config.json")) {
            match variables.file(&path) {
                Ok(Some(text)) if !text.trim().is_empty() => config = parse(&text, &path.display(), problems),
                Ok(_) => {}
                Err(error) => problems.push(error.to_string()),
            }
        }
        if let Ok(text) = world.variable("DOCKER_AUTH_CONFIG")
            && !text.trim().is_empty()
        {
            config.first = parse(&text, &"DOCKER_AUTH_CONFIG", problems).auths.unwrap_or_default();
        }
        config
    }

    /// Looks a registry up. A helper of its own comes before the store of all, and that before what stands in the file.
    async fn login(&self, key: &str, world: &dyn World, limit: Duration) -> Result<Option<Login>, String> {
        if let Some(entry) = entry(&self.first, key) {
            return entry.login(key).map(Some);
        }
        let own = self.cred_helpers.as_ref().and_then(|helpers| helpers.get(key)).filter(|name| !name.is_empty());
        let helper = own.or(self.creds_store.as_ref().filter(|name| !name.is_empty()));
        match helper {
            Some(helper) => ask(helper, key, world, limit).await,
            None => self.auths.as_ref().and_then(|auths| entry(auths, key)).map(|entry| entry.login(key)).transpose(),
        }
    }
}

/// Reads JSON whose content is in no problem.
fn parse(text: &str, place: &dyn std::fmt::Display, problems: &mut Vec<String>) -> Config {
    serde_json::from_str(text).unwrap_or_else(|error| {
        let (line, column) = (error.line(), error.column());
        problems.push(format!(
            "cannot read credentials for registries from {place}: it is not what docker writes there: line {line}, column {column}"
        ));
        Config::default()
    })
}

/// An entry by its key, or by a key that is an old URL of the same host.
fn entry<'a>(auths: &'a BTreeMap<String, Entry>, key: &str) -> Option<&'a Entry> {
    let host = |key: &'a str| {
        let rest = key.strip_prefix("https://").or(key.strip_prefix("http://")).unwrap_or(key);
        rest.split('/').next().unwrap_or_default()
    };
    auths.get(key).or_else(|| auths.iter().find(|(other, _)| host(other) == key).map(|(_, entry)| entry))
}

impl Entry {
    fn login(&self, key: &str) -> Result<Login, String> {
        let mut login = Login {
            username: self.username.clone().unwrap_or_default(),
            password: self.password.clone(),
            identity_token: self.identity_token.clone(),
            registry_token: self.registry_token.clone(),
            server: key.to_owned(),
        };
        if !self.auth.is_empty() {
            let (username, password) = decoded(&self.auth)
                .ok_or_else(|| format!("the credentials for {key} in the docker config cannot be read; log in anew"))?;
            (login.username, login.password) = (username, password);
        }
        Ok(login)
    }
}

/// Base64 with or without its padding.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

fn decoded(auth: &str) -> Option<(String, Zeroizing<String>)> {
    let bytes = Zeroizing::new(LENIENT.decode(auth.trim()).ok()?);
    let (username, password) = std::str::from_utf8(&bytes).ok()?.split_once(':')?;
    Some((username.to_owned(), Zeroizing::new(password.trim_matches('\0').to_owned())))
}

/// Asks a helper, which is told the registry and answers through pipes; none where it knows of no credentials.
async fn ask(helper: &str, key: &str, world: &dyn World, limit: Duration) -> Result<Option<Login>, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Answer {
        username: String,
        #[serde(deserialize_with = "secret")]
        secret: Zeroizing<String>,
    }
    let program = format!("docker-credential-{helper}");
    let failed = |reason: &str| {
        format!("no credentials for {key}: `{program} get` {reason}; try `echo {key} | {program} get >/dev/null`")
    };
    if Path::new(&program).components().count() != 1 {
        return Err(format!("no credentials for {key}: `{helper}` is no name of a credential helper"));
    }
    let mut command = tokio::process::Command::new(&program);
    command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    if let Ok(path) = world.variable("PATH") {
        command.env("PATH", path.as_str());
    }
    let mut child = command.spawn().map_err(|error| failed(&format!("does not start: {error}")))?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that reads nothing may still answer.
        let _ = stdin.write_all(key.as_bytes()).await;
    }
    let output = tokio::time::timeout(limit, child.wait_with_output())
        .await
        .map_err(|_| failed("does not answer"))?
        .map_err(|error| failed(&error.to_string()))?;
    let stdout = Zeroizing::new(output.stdout);
    if !output.status.success() {
        // The words that the protocol has for it.
        return match String::from_utf8_lossy(&stdout).contains("credentials not found") {
            true => Ok(None),
            false => Err(failed(&format!("failed ({})", output.status))),
        };
    }
    let answer: Answer = serde_json::from_slice(&stdout).map_err(|_| failed("answers something else"))?;
    let mut login = Login { server: key.to_owned(), ..Login::default() };
    match answer.username.as_str() {
        "<token>" => login.identity_token = answer.secret,
        _ => (login.username, login.password) = (answer.username, answer.secret),
    }
    Ok(Some(login))
}

#[cfg(test)]
mod tests;
