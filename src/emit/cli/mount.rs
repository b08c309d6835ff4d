//! Flags that take records: mounts, networks, configs and secrets.

use super::Command;
use super::shell::record;
use crate::emit::{ApiVersion, entry_at};
use crate::ir::{Driver, FileReference, Mount, MountKind, Network, Pairs};
use crate::source::Pointer;

impl Command {
    /// Adds a flag whose value is a record, unless the record would not be read back as it is.
    fn record(&mut self, flag: &'static str, fields: &[String], at: &dyn Fn() -> Pointer) {
        if fields.iter().any(|field| field.contains("\r\n")) {
            let message = format!("`--{flag}` turns CRLF into LF");
            self.refusals.add(at(), message, Some("end lines in LF, or render `service` or `stack`"));
        }
        self.flag(flag, &record(fields), at);
    }

    pub(super) fn mount(&mut self, mount: &Mount, index: usize, api: ApiVersion) {
        let at = || entry_at("mounts", index);
        let Mount { target, read_only, consistency, kind } = mount;
        let mut fields = Vec::new();
        let source = match kind {
            MountKind::Bind { source, propagation, non_recursive } => {
                fields.push("type=bind".to_owned());
                fields.extend(propagation.iter().map(|word| format!("bind-propagation={word}")));
                if *non_recursive == Some(true) {
                    fields.push("bind-recursive=disabled".to_owned());
                }
                Some(source)
            }
            MountKind::Volume { source, no_copy, labels, driver, subpath } => {
                fields.push("type=volume".to_owned());
                if *no_copy {
                    fields.push("volume-nocopy=true".to_owned());
                }
                fields.extend(self.record_pairs("volume-label", labels, &|| at().child("labels")));
                if let Some(Driver { name, options }) = driver {
                    fields.extend(name.iter().map(|name| format!("volume-driver={}", name.expose())));
                    let at = || at().child("driver_config").child("options");
                    fields.extend(self.record_pairs("volume-opt", options, &at));
                }
                if let Some(subpath) = subpath {
                    self.refusals.needs_api(api, ApiVersion::V1_45, at().child("subpath"), "subpath");
                    fields.push(format!("volume-subpath={}", subpath.expose()));
                }
                source.as_ref()
            }
            MountKind::Tmpfs { size, mode } => {
                fields.push("type=tmpfs".to_owned());
                if let Some(size) = size {
                    self.memory_survives(*size, || at().child("tmpfs_size"));
                    fields.push(format!("tmpfs-size={size}"));
                }
                fields.extend(mode.iter().map(|mode| format!("tmpfs-mode={mode:04o}")));
                None
            }
            MountKind::Npipe { source } => {
                fields.push("type=npipe".to_owned());
                Some(source)
            }
        };
        if let Some(source) = source.map(|source| source.expose()) {
            if source == "." || source.starts_with("./") {
                let message = "`--mount` makes the source relative to the folder the command runs in";
                self.refusals.add(at().child("source"), message, Some("write an absolute path"));
            }
            fields.insert(1, format!("source={source}"));
        }
        fields.insert(if source.is_some() { 2 } else { 1 }, format!("target={}", target.expose()));
        if *read_only {
            fields.push("readonly=true".to_owned());
        }
        fields.extend(consistency.iter().map(|word| format!("consistency={word}")));
        self.record("mount", &fields, &at);
    }

    /// `key=value` behind a field's name; a key with `=` would end there.
    fn record_pairs(&mut self, field: &str, pairs: &Pairs, at: &dyn Fn() -> Pointer) -> Vec<String> {
        let mut fields = Vec::with_capacity(pairs.len());
        for (key, value) in pairs {
            self.check_key(key, &|| at().child(key));
            fields.push(format!("{field}={key}={}", value.expose()));
        }
        fields
    }

    pub(super) fn network(&mut self, network: &Network, index: usize) {
        let Network { target, aliases, driver_opts } = network;
        let at = || Pointer::parse("/networks").child(index);
        let mut fields = vec![format!("name={}", target.expose())];
        fields.extend(aliases.iter().map(|alias| format!("alias={}", alias.expose())));
        fields.extend(self.record_pairs("driver-opt", driver_opts, &|| at().child("options")));
        // What is no record to the CLI's pattern is taken for a name as a whole.
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if !target.expose().starts_with(word) {
            self.refusals.add(at(), "`--network` takes no such name", Some("render `service` or `stack`"));
        }
        for (key, value) in driver_opts {
            if trims(key) || trims(value.expose()) {
                self.trimmed(at().child("options").child(key));
            }
        }
        for (index, _) in aliases.iter().enumerate().filter(|(_, alias)| trims(alias.expose())) {
            self.trimmed(at().child("aliases").child(index));
        }
        if trims(target.expose()) {
            self.trimmed(at().child("target"));
        }
        self.record("network", &fields, &at);
    }

    fn trimmed(&mut self, at: Pointer) {
        self.refusals.add(at, "`--network` drops the space around this", Some("remove the space"));
    }

    pub(super) fn reference(&mut self, flag: &'static str, reference: &FileReference, index: usize) {
        // The CLI asks the swarm for the id by the name.
        let FileReference { name, id: _, file, uid, gid, mode } = reference;
        let fields = [
            format!("source={}", name.expose()),
            format!("target={}", file.expose()),
            format!("uid={}", uid.expose()),
            format!("gid={}", gid.expose()),
            format!("mode={mode:#05o}").replace("0o", "0"),
        ];
        let list = if flag == "config" { "configs" } else { "secrets" };
        self.record(flag, &fields, &|| entry_at(list, index));
    }
}

fn trims(text: &str) -> bool {
    text.trim() != text
}
