//! Mounts.

use crate::resolve::decode::is_plugin;

use super::super::draft::{Draft, Out};
use super::super::value::Py;
use super::Translator;

/// A mount's keys.
const KEYS: &[&str] = &[
    "type",
    "source",
    "target",
    "read_only",
    "consistency",
    "propagation",
    "non_recursive",
    "no_copy",
    "labels",
    "driver_config",
    "driver_options",
    "subpath",
    "tmpfs_size",
    "tmpfs_mode",
];

/// The plugin's own options, which are keys of a mount over SSHFS.
const PLUGIN_KEYS: &[&str] = &["sshcmd", "password", "id_rsa", "identity_file", "port", "ephemeral"];

impl Translator {
    /// A list of mounts.
    pub(super) fn mounts(&mut self, place: &str, value: &Py) -> Out {
        let items = self.items(place, value);
        let mounts =
            items.iter().enumerate().filter_map(|(index, item)| self.mount(&format!("{place}[{index}]"), item));
        Out::List(mounts.collect())
    }

    fn mount(&mut self, place: &str, value: &Py) -> Option<Out> {
        if let Py::Str(text) = value {
            self.mended(place, "is a string, at which SwarmSpawner fails", "it is read as docker-py does");
            return Some(self.formatted(place, text));
        }
        let mut table = Draft::default();
        let mut driver = Draft::default();
        for (key, value) in self.entries(place, value) {
            let place = format!("{place}.{key}");
            if key == "label" {
                self.mended(&place, "is no key there, at which SwarmSpawner fails", "it is `labels`");
            }
            let Some(key) = self.respelt(&place, &api_key(&key), &[KEYS]) else { continue };
            let out = match key.as_str() {
                "labels" => {
                    let mut labels = Draft::default();
                    for (name, value) in self.entries(&place, &value) {
                        if let Some(out) = self.text(&format!("{place}.{name}"), &value) {
                            labels.set(name, out);
                        }
                    }
                    Some(Out::Table(labels))
                }
                "driver_config" => {
                    match &value {
                        Py::Str(name) => driver.set("name", Out::Str(name.clone())),
                        Py::None => {}
                        _ => {
                            for (key, value) in self.entries(&place, &value) {
                                let key = key.to_lowercase();
                                let out = match key.as_str() {
                                    "options" => Some(self.options(&place, &value)),
                                    _ => self.text(&place, &value),
                                };
                                if let Some(out) = out {
                                    driver.set(key, out);
                                }
                            }
                        }
                    }
                    None
                }
                "driver_options" => {
                    let options = self.options(&place, &value);
                    driver.set("options", options);
                    None
                }
                "tmpfs_mode" => self.mode(&place, &value),
                "tmpfs_size" => self.memory(&place, &value),
                "source" | "target" | "type" | "consistency" | "propagation" | "subpath" => self.text(&place, &value),
                _ => self.plain(&place, &value),
            };
            match out {
                // An empty source is none.
                Some(Out::Str(text)) if key == "source" && text.is_empty() => {}
                Some(out) => table.set(key, out),
                None => {}
            }
        }
        let name = match driver.get("name") {
            Some(Out::Str(name)) => name.clone(),
            _ => String::new(),
        };
        if is_plugin(&name) && !matches!(table.get("type"), Some(Out::Str(kind)) if kind != "volume") {
            self.over_sshfs(place, &mut table, driver, &name);
        } else if !driver.is_empty() {
            table.set("driver_config", Out::Table(driver));
        }
        Some(Out::Table(table))
    }

    fn options(&mut self, place: &str, value: &Py) -> Out {
        let mut options = Draft::default();
        for (name, value) in self.entries(place, value) {
            if let Some(out) = self.text(&format!("{place}.{name}"), &value) {
                options.set(name, out);
            }
        }
        Out::Table(options)
    }

    /// A volume on the plugin: its options are keys of the mount.
    fn over_sshfs(&mut self, place: &str, table: &mut Draft, mut driver: Draft, name: &str) {
        let mut mount = Draft::default();
        mount.set("type", Out::Str("sshfs".to_owned()));
        for (key, value) in table.iter().filter(|(key, _)| *key != "type") {
            mount.set(key, value.clone());
        }
        if name != "ucphhpc/sshfs:latest" {
            mount.set("driver", Out::Str(name.to_owned()));
        }
        let options = match driver.remove("options") {
            Some(Out::Table(options)) => options,
            _ => Draft::default(),
        };
        let mut further = Draft::default();
        for (key, value) in options.iter() {
            match key {
                "autoremove" => {
                    self.mended(place, "`autoremove` is no option of the plugin", "it is a label of the volume");
                    if !matches!(mount.get("labels"), Some(Out::Table(labels)) if labels.get("autoremove").is_some()) {
                        mount.table("labels").set("autoremove", value.clone());
                    }
                }
                "IdentityFile" => mount.set("identity_file", value.clone()),
                "port" => {
                    let number = match value {
                        Out::Str(text) => text.parse().ok().map(Out::Int),
                        _ => None,
                    };
                    mount.set("port", number.unwrap_or_else(|| value.clone()));
                }
                own if PLUGIN_KEYS.contains(&own) => mount.set(own, value.clone()),
                other => further.set(other, value.clone()),
            }
        }
        if !further.is_empty() {
            mount.set("options", Out::Table(further));
        }
        *table = mount;
    }
}

/// A key of docker-py's, for one of the Engine API's.
fn api_key(key: &str) -> String {
    match key {
        "label" => "labels".to_owned(),
        "ReadOnly" => "read_only".to_owned(),
        "Source" | "Target" | "Type" | "Consistency" => key.to_lowercase(),
        other => other.to_owned(),
    }
}
