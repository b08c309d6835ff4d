//! `stack`: a Compose file of version 3.13 for `docker stack deploy`.
//!
//! The judge is the docker CLI: a key that it refuses, ignores or drops on its way to the engine counts as one that a
//! stack cannot say. A [`Stack`] is written piece by piece, so that a hundred thousand services need not be held at
//! once: [`head`](Stack::head), the [`Part`]s with the services, their volumes, and the [`tail`](Stack::tail).
//!
//! Source: <https://docs.docker.com/reference/compose-file/legacy-versions/> and the docker CLI's
//! `cli/compose/{schema,loader,convert}`.

mod deploy;
mod service;
mod volume;
mod yaml;

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

pub use service::service_fragment;
pub(crate) use yaml::scalar;

use super::{Inexpressible, entry_at};
use crate::check::volume::{ANY_DIFFERENCE, CONFLICT_HELP, definitions, difference};
use crate::diag::code;
use crate::ir::{FileReference, Network, Service, Text};
use yaml::Writer;

/// The longest name that serves as its own key.
const LONGEST_KEY: usize = 255;

/// What names a volume or tells its definition: half a SHA-256, so that 100,000 of them fit in little memory.
type Digest = u128;

/// A run of a stack's services, written: what can be made apart from the rest, on another thread say.
#[derive(Debug, Default)]
pub struct Part {
    services: Zeroizing<Vec<u8>>,
    count: usize,
    networks: BTreeMap<String, String>,
    configs: BTreeMap<String, String>,
    secrets: BTreeMap<String, String>,
    volumes: Vec<Volume>,
    volume_text: Zeroizing<Vec<u8>>,
}

/// A volume's definition in [`Part::volume_text`].
#[derive(Debug)]
struct Volume {
    key: String,
    /// Whether the key may not be shown.
    is_secret: bool,
    /// Of the key, and of the definition.
    digests: (Digest, Digest),
    /// The index of the service that needs it, in its part.
    service: usize,
    /// The index of the mount that needs it.
    mount: usize,
    text: Range<usize>,
}

impl Part {
    /// Makes an empty part.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes a service and what it needs.
    ///
    /// # Errors
    ///
    /// Everything of the service that a stack cannot say. A part that was refused a service is good for nothing but
    /// further refusals.
    pub fn add(&mut self, service: &Service) -> Result<(), Vec<Inexpressible>> {
        let index = self.count;
        self.count += 1;
        service_fragment(service, &mut self.services)?;
        for definition in definitions(&service.container.mounts) {
            let start = self.volume_text.len();
            volume::write(&definition, &mut self.volume_text);
            let text = start..self.volume_text.len();
            let key = key_of(definition.name.expose()).into_owned();
            let digests = (digest([key.as_str()]), digest(definition.parts()));
            let (mount, is_secret) = (definition.mount, definition.name.is_secret());
            self.volumes.push(Volume { key, is_secret, digests, service: index, mount, text });
        }
        for Network { target, aliases: _, driver_opts: _ } in &service.networks {
            note(&mut self.networks, network_key(target.expose()), target);
        }
        let container = &service.container;
        for (noted, references) in [(&mut self.configs, &container.configs), (&mut self.secrets, &container.secrets)] {
            for FileReference { name, id: _, file: _, uid: _, gid: _, mode: _ } in references {
                note(noted, key_of(name.expose()), name);
            }
        }
        Ok(())
    }
}

/// Two services that define one volume differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The index in the stack of the service that came first.
    pub first: usize,
    /// The index of the service that came second.
    pub second: usize,
    /// The index of the second's mount.
    pub mount: usize,
    /// What is wrong with the second.
    pub what: Inexpressible,
}

impl Conflict {
    /// Says in what the two definitions differ, now that their services are at hand; no value is told.
    pub fn compare(&mut self, first: &Service, second: &Service) {
        if let Some(difference) = difference(first, second, self.mount) {
            self.what.message = self.what.message.replace(ANY_DIFFERENCE, &difference.words);
        }
    }
}

/// A stack while it is put together from its parts, in their order.
#[derive(Debug, Default)]
pub struct Stack {
    count: usize,
    networks: BTreeMap<String, String>,
    configs: BTreeMap<String, String>,
    secrets: BTreeMap<String, String>,
    /// By the digest of its key: the digest of its definition, and the index of the service that needed it first.
    volumes: HashMap<Digest, (Digest, u32)>,
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

    /// Adds a part: `services` is given its services, `volumes` those definitions that no earlier part has written.
    ///
    /// In the file all services come before all volumes.
    ///
    /// # Errors
    ///
    /// Volumes that an earlier service defines differently.
    pub fn join(&mut self, part: Part, volumes: &mut Vec<u8>) -> Result<Zeroizing<Vec<u8>>, Vec<Conflict>> {
        let Part { services, count, networks, configs, secrets, volumes: defined, volume_text } = part;
        let mut conflicts = Vec::new();
        for Volume { key, is_secret, digests: (key_digest, digest), service, mount, text } in defined {
            let text = volume_text.get(text).unwrap_or_default();
            let index = self.count + service;
            match self.volumes.entry(key_digest) {
                Entry::Occupied(known) if known.get().0 == digest => {}
                Entry::Occupied(known) => {
                    let first = known.get().1 as usize;
                    let by = if first == index { "another mount of the service" } else { "another service" };
                    let shown = if is_secret { "«redacted»" } else { &key };
                    let message = format!("volume `{shown}` has {ANY_DIFFERENCE} than {by} gives it");
                    let what = Inexpressible {
                        pointer: entry_at("mounts", mount),
                        message,
                        help: Some(CONFLICT_HELP.to_owned()),
                        code: &code::VOLUME_CONFLICT,
                    };
                    conflicts.push(Conflict { first, second: index, mount, what });
                }
                Entry::Vacant(vacant) => {
                    vacant.insert((digest, u32::try_from(index).unwrap_or(u32::MAX)));
                    if self.volumes.len() == 1 {
                        volumes.extend_from_slice(b"volumes:\n");
                    }
                    volumes.extend_from_slice(text);
                }
            }
        }
        self.count += count;
        self.networks.extend(networks);
        self.configs.extend(configs);
        self.secrets.extend(secrets);
        if conflicts.is_empty() { Ok(services) } else { Err(conflicts) }
    }

    /// Writes what comes last: the networks, configs and secrets, all of which exist on the swarm.
    pub fn tail(&self, out: &mut Vec<u8>) {
        let Self { count: _, networks, configs, secrets, volumes: _ } = self;
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

fn digest<'t>(parts: impl IntoIterator<Item = &'t str>) -> Digest {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let digest: [u8; 32] = hash.finalize().into();
    digest.iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte))
}

/// Writes a whole stack.
///
/// # Errors
///
/// For each service that a stack cannot hold its index, and everything of it that a stack cannot say.
pub fn stack(services: &[Service], config_digest: &str) -> Result<Vec<u8>, Vec<(usize, Vec<Inexpressible>)>> {
    let mut part = Part::new();
    let mut refused = Vec::new();
    for (index, service) in services.iter().enumerate() {
        if let Err(inexpressible) = part.add(service) {
            refused.push((index, inexpressible));
        }
    }
    let (mut stack, mut out, mut volumes) = (Stack::new(), Vec::new(), Vec::new());
    Stack::head(config_digest, &mut out);
    match stack.join(part, &mut volumes) {
        Ok(services) => out.extend_from_slice(&services),
        Err(conflicts) => refused.extend(conflicts.into_iter().map(|mut conflict| {
            if let (Some(first), Some(second)) = (services.get(conflict.first), services.get(conflict.second)) {
                conflict.compare(first, second);
            }
            (conflict.second, vec![conflict.what])
        })),
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
