//! Mounts of a service, and the top-level volumes that they need.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::super::{Refusals, entry_at};
use super::service::{NAMESPACE_LABEL, check_keys, check_label};
use super::yaml::Writer;
use super::{key_of, unique};
use crate::check::canonical::printable;
use crate::ir::{Driver, Mount, MountKind, Pairs, Service, Text};
use crate::source::Pointer;

/// Writes the list of mounts.
pub(super) fn mounts(writer: &mut Writer<'_>, mounts: &[Mount], refusals: &mut Refusals) {
    let opened = writer.open("volumes");
    for (index, mount) in mounts.iter().enumerate() {
        writer.entry();
        write_mount(writer, mount, &|| entry_at("mounts", index), refusals);
    }
    writer.close_unless_empty(opened);
}

fn write_mount(writer: &mut Writer<'_>, mount: &Mount, at: &dyn Fn() -> Pointer, refusals: &mut Refusals) {
    let Mount { target, read_only, consistency, kind } = mount;
    // Only the long syntax: in the short one, a volume with a one-letter name is taken for a Windows drive.
    match kind {
        MountKind::Bind { source, propagation, non_recursive } => {
            writer.string("type", "bind");
            if !is_absolute(source.expose()) {
                let message = "a stack makes the bind source relative to the folder it is deployed from";
                refusals.add(at().child("source"), message, Some("write an absolute path"));
            }
            if *non_recursive == Some(true) {
                let help = Some("leave it out, or render `service`");
                refusals.add(at().child("non_recursive"), "a stack has no `non_recursive` for binds", help);
            }
            writer.string("source", source.expose());
            writer.string("target", target.expose());
            if let Some(propagation) = propagation {
                writer.open("bind");
                writer.string("propagation", propagation);
                writer.close();
            }
        }
        MountKind::Volume { source, no_copy, labels, driver, subpath } => {
            writer.string("type", "volume");
            match source {
                Some(source) => writer.string("source", &key_of(source.expose())),
                None => check_anonymous(*no_copy, labels, driver.as_ref(), at, refusals),
            }
            writer.string("target", target.expose());
            if subpath.is_some() {
                let help = Some("render `service` for Engine API 1.45 or newer");
                refusals.add(at().child("subpath"), "a stack has no `subpath` for volumes", help);
            }
            if *no_copy && source.is_some() {
                writer.open("volume");
                writer.plain("nocopy", true);
                writer.close();
            }
            check_label(labels, NAMESPACE_LABEL, &|| at().child("labels"), refusals);
            check_keys(labels, &|| at().child("labels"), refusals);
        }
        MountKind::Tmpfs { size, mode } => {
            writer.string("type", "tmpfs");
            writer.string("target", target.expose());
            if let Some(size) = size {
                writer.open("tmpfs");
                writer.plain("size", size);
                writer.close();
            }
            if mode.is_some() {
                let help = Some("leave it out, or render `service`");
                refusals.add(at().child("tmpfs_mode"), "a stack has no mode for tmpfs mounts", help);
            }
        }
        MountKind::Npipe { source } => {
            writer.string("type", "npipe");
            writer.string("source", source.expose());
            writer.string("target", target.expose());
        }
    }
    if *read_only {
        writer.plain("read_only", true);
    }
    if let Some(consistency) = consistency {
        writer.string("consistency", consistency);
    }
}

/// A stack keeps a volume's settings below its name: one without a name has nowhere to put them.
fn check_anonymous(
    no_copy: bool,
    labels: &Pairs,
    driver: Option<&Driver>,
    at: &dyn Fn() -> Pointer,
    refusals: &mut Refusals,
) {
    for (key, set) in [("no_copy", no_copy), ("labels", !labels.is_empty()), ("driver_config", driver.is_some())] {
        if set {
            let message = format!("a stack has no `{key}` for anonymous volumes");
            refusals.add(at().child(key), message, Some("give the volume a `source`"));
        }
    }
}

fn is_absolute(path: &str) -> bool {
    let windows = || {
        let mut chars = path.chars();
        chars.next().is_some_and(|drive| drive.is_ascii_alphabetic())
            && chars.next() == Some(':')
            && matches!(chars.next(), Some('\\' | '/'))
    };
    path.starts_with('/') || path.starts_with("\\\\") || windows()
}

/// A top-level volume.
pub(super) struct Definition<'s> {
    /// Its key, which mounts name as their source.
    pub(super) key: Cow<'s, str>,
    /// The index of the mount that needs it.
    pub(super) mount: usize,
    /// Its name, which may be secret.
    pub(super) name: &'s Text,
    labels: &'s Pairs,
    driver: Option<&'s Driver>,
}

/// The definitions that a service's named volumes need, in the order of its mounts.
pub(super) fn definitions(mounts: &[Mount]) -> impl Iterator<Item = Definition<'_>> {
    mounts.iter().enumerate().filter_map(
        |(mount, Mount { target: _, read_only: _, consistency: _, kind })| match kind {
            MountKind::Volume { source: Some(name), no_copy: _, labels, driver, subpath: _ } => {
                Some(Definition { key: key_of(name.expose()), mount, name, labels, driver: driver.as_ref() })
            }
            MountKind::Volume { source: None, .. }
            | MountKind::Bind { .. }
            | MountKind::Tmpfs { .. }
            | MountKind::Npipe { .. } => None,
        },
    )
}

/// In what a service's volume differs from what another service, or an earlier mount, makes of it: names, no values.
pub(super) fn difference(first: &Service, second: &Service, mount: usize) -> Option<String> {
    let own = definitions(&second.container.mounts).find(|own| own.mount == mount)?;
    let known = definitions(&first.container.mounts).find(|known| known.key == own.key)?;
    let options =
        |definition: &Definition<'_>| definition.driver.map(|driver| driver.options.clone()).unwrap_or_default();
    let name = |definition: &Definition<'_>| definition.driver.and_then(|driver| driver.name.clone());
    let mut differences = Vec::new();
    if name(&known) != name(&own) {
        differences.push("another driver".to_owned());
    }
    differences.extend(other_pairs("option", &options(&known), &options(&own)));
    differences.extend(other_pairs("label", known.labels, own.labels));
    (!differences.is_empty()).then(|| differences.join(" and "))
}

fn other_pairs(what: &str, known: &Pairs, own: &Pairs) -> Option<String> {
    let value =
        |pairs: &Pairs, key: &str| pairs.iter().find(|(name, _)| &**name == key).map(|(_, value)| value.clone());
    let keys: BTreeSet<&str> = known.iter().chain(own).map(|(key, _)| &**key).collect();
    let other = keys.into_iter().filter(|key| value(known, key) != value(own, key));
    let other: Vec<String> = other.map(|key| format!("`{}`", printable(key))).collect();
    match other.as_slice() {
        [] => None,
        [only] => Some(format!("another {what} {only}")),
        several => Some(format!("other {what}s {}", several.join(", "))),
    }
}

impl Definition<'_> {
    /// Writes it as an entry of the top-level `volumes`.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let Self { key, mount: _, name, labels, driver } = self;
        let mut writer = Writer::new(out, 1);
        writer.open_named(key);
        writer.string("name", name.expose());
        if let Some(Driver { name, options }) = driver {
            writer.maybe("driver", name.as_ref());
            if options.is_empty() && name.is_none() {
                // Without this the engine is sent no DriverConfig at all.
                writer.open("driver_opts");
                writer.close();
            }
            writer.some_pairs("driver_opts", options);
        }
        writer.some_pairs("labels", labels);
        writer.close();
    }
}

/// Refuses lists in which a stack allows no entry twice.
pub(super) fn check_unique(list: &[Text], at: &dyn Fn() -> Pointer, refusals: &mut Refusals) {
    if let Some(index) = unique(list) {
        let help = Some("remove the second one");
        refusals.add(at().child(index), "a stack takes no entry of this list twice", help);
    }
}
