//! Mounts of a service, and the top-level volumes that they need.

use super::super::{Refusals, entry_at};
use super::service::{NAMESPACE_LABEL, check_keys, check_label};
use super::yaml::Writer;
use super::{key_of, unique};
use crate::check::volume::Definition;
use crate::ir::{Driver, Mount, MountKind, Pairs, Text};
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

/// Writes a definition as an entry of the top-level `volumes`.
pub(super) fn write(Definition { mount: _, name, labels, driver }: &Definition<'_>, out: &mut Vec<u8>) {
    let mut writer = Writer::new(out, 1);
    writer.open_named(&key_of(name.expose()));
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

/// Refuses lists in which a stack allows no entry twice.
pub(super) fn check_unique(list: &[Text], at: &dyn Fn() -> Pointer, refusals: &mut Refusals) {
    if let Some(index) = unique(list) {
        let help = Some("remove the second one");
        refusals.add(at().child(index), "a stack takes no entry of this list twice", help);
    }
}
