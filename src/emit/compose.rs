//! `stack`: a Compose file of version 3.13 for `docker stack deploy`.
//!
//! The judge is the docker CLI: a key that it refuses, ignores or drops on its way to the engine counts as one that a
//! stack cannot say. A [`Stack`] is written piece by piece, so that a hundred thousand services need not be held at
//! once: [`head`](Stack::head), each [`service`](Stack::service), each service's [`volumes`](Stack::volumes), and the
//! [`tail`](Stack::tail).
//!
//! Source: <https://docs.docker.com/reference/compose-file/legacy-versions/> and the docker CLI's
//! `cli/compose/{schema,loader,convert}`.

mod deploy;
mod service;
mod volume;
mod yaml;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::hash::RandomState;
use std::sync::Arc;

use sha2::{Digest, Sha256};

pub use service::service_fragment;
pub(in crate::emit) use yaml::scalar;

use super::{Inexpressible, Refusals, entry_at};
use crate::ir::{Container, FileReference, Network, Service, Text};
use yaml::Writer;

/// The longest name that serves as its own key.
const LONGEST_KEY: usize = 255;

/// What a stack has besides its services, gathered while they are written.
#[derive(Debug, Default)]
pub struct Stack {
    networks: BTreeMap<String, String>,
    configs: BTreeMap<String, String>,
    secrets: BTreeMap<String, String>,
    volumes: HashMap<String, Volume>,
    volumes_begun: bool,
    hasher: RandomState,
}

#[derive(Debug)]
struct Volume {
    /// Of the definition: definitions themselves would be too much to keep.
    digest: u64,
    /// The service that needed it first.
    service: Arc<str>,
    written: bool,
}

impl Stack {
    /// Makes a stack without services.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes what comes before the services: a comment with the config's SHA-256 (hex), and the version.
    pub fn head(config_digest: &str, out: &mut Vec<u8>) {
        let version = env!("CARGO_PKG_VERSION");
        let head = format!("# swarmgen {version}, config sha256:{config_digest}\nversion: \"3.13\"\nservices:\n");
        out.extend_from_slice(head.as_bytes());
    }

    /// Writes a service and notes what it refers to.
    ///
    /// # Errors
    ///
    /// Everything of the service that a stack cannot say, and volumes that an earlier service defines differently;
    /// nothing is then written.
    pub fn service(&mut self, service: &Service, out: &mut Vec<u8>) -> Result<(), Vec<Inexpressible>> {
        let start = out.len();
        let mut refusals = Refusals::default();
        if let Err(refused) = service_fragment(service, out) {
            refusals.0 = refused;
        }
        self.note_volumes(service, &mut refusals);
        if !refusals.0.is_empty() {
            out.truncate(start);
            return Err(refusals.0);
        }
        for Network { target, aliases: _, driver_opts: _ } in &service.networks {
            note(&mut self.networks, network_key(target.expose()), target);
        }
        let Container { configs, secrets, .. } = &service.container;
        for (noted, references) in [(&mut self.configs, configs), (&mut self.secrets, secrets)] {
            for FileReference { name, .. } in references {
                note(noted, key_of(name.expose()), name);
            }
        }
        Ok(())
    }

    fn note_volumes(&mut self, service: &Service, refusals: &mut Refusals) {
        for definition in volume::definitions(&service.container.mounts) {
            let digest = definition.digest(&self.hasher);
            match self.volumes.get(&*definition.key) {
                Some(known) if known.digest == digest => {}
                Some(known) => {
                    let by = if known.service == service.name {
                        "another mount of the service defines it".to_owned()
                    } else {
                        format!("service `{}` does", known.service)
                    };
                    let message =
                        format!("volume `{}` has another driver, options or labels than {by}", definition.name);
                    let help = Some("give the volumes different names, or the same definition");
                    refusals.add(entry_at("mounts", definition.mount), message, help);
                }
                None => {
                    let volume = Volume { digest, service: Arc::clone(&service.name), written: false };
                    self.volumes.insert(definition.key.into_owned(), volume);
                }
            }
        }
    }

    /// Writes those volumes of a service that are not written yet.
    ///
    /// All services come before all volumes in the file: the caller either goes over the services twice, or gathers
    /// the volumes in another buffer. A service that was refused has none.
    pub fn volumes(&mut self, service: &Service, out: &mut Vec<u8>) {
        for definition in volume::definitions(&service.container.mounts) {
            let Some(volume) = self.volumes.get_mut(&*definition.key).filter(|volume| !volume.written) else {
                continue;
            };
            volume.written = true;
            if !std::mem::replace(&mut self.volumes_begun, true) {
                out.extend_from_slice(b"volumes:\n");
            }
            definition.write(out);
        }
    }

    /// Writes what comes last: the networks, configs and secrets, all of which exist on the swarm.
    pub fn tail(&self, out: &mut Vec<u8>) {
        let Self { networks, configs, secrets, volumes: _, volumes_begun: _, hasher: _ } = self;
        let mut writer = Writer::new(out, 0);
        for (section, entries) in [("networks", networks), ("configs", configs), ("secrets", secrets)] {
            let opened = writer.open(section);
            for (key, name) in entries {
                writer.open_named(key);
                writer.plain("external", true);
                writer.string("name", name);
                writer.close();
            }
            writer.close_unless_empty(opened);
        }
    }
}

/// Writes a whole stack.
///
/// # Errors
///
/// For each service that a stack cannot hold its index, and everything of it that a stack cannot say.
pub fn stack(services: &[Service], config_digest: &str) -> Result<Vec<u8>, Vec<(usize, Vec<Inexpressible>)>> {
    let mut stack = Stack::new();
    let (mut out, mut volumes, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    Stack::head(config_digest, &mut out);
    for (index, service) in services.iter().enumerate() {
        match stack.service(service, &mut out) {
            Ok(()) => stack.volumes(service, &mut volumes),
            Err(inexpressible) => refused.push((index, inexpressible)),
        }
    }
    if !refused.is_empty() {
        return Err(refused);
    }
    if services.is_empty() {
        // `services:` alone would be null.
        out.truncate(out.len() - 1);
        out.extend_from_slice(b" {}\n");
    }
    out.append(&mut volumes);
    stack.tail(&mut out);
    Ok(out)
}

fn note(noted: &mut BTreeMap<String, String>, key: Cow<'_, str>, name: &Text) {
    if !noted.contains_key(&*key) {
        noted.insert(key.into_owned(), name.expose().to_owned());
    }
}

/// The key of a network, volume, config or secret: its name where Compose takes that as a key, else a digest of it.
fn key_of(name: &str) -> Cow<'_, str> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if !name.is_empty() && name.len() <= LONGEST_KEY && name.bytes().all(legal) {
        Cow::Borrowed(name)
    } else {
        digest_key(name)
    }
}

fn digest_key(name: &str) -> Cow<'static, str> {
    let digest = hex::encode(Sha256::digest(name));
    Cow::Owned(format!("name-{}", digest.get(..32).unwrap_or(&digest)))
}

/// The key of a network: `default` is what Compose attaches services without networks to, so no network has that key.
fn network_key(name: &str) -> Cow<'_, str> {
    if name == "default" { digest_key(name) } else { key_of(name) }
}

/// The index of the first entry that stands in the list before.
fn unique(list: &[Text]) -> Option<usize> {
    (1..list.len()).find(|&index| list.get(index).is_some_and(|text| list.iter().take(index).any(|one| one == text)))
}

#[cfg(test)]
mod tests;
