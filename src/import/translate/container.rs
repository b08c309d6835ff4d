//! `container_spec`, and what JupyterHub's own traits say of containers.

use crate::diag::closest;

use super::super::draft::{Draft, Out};
use super::super::text;
use super::super::value::Py;
use super::{Limit, Translator};

/// What stands in `container_spec`, besides what has a shape of its own.
const KEYS: &[&str] = &[
    "args",
    "cap_add",
    "cap_drop",
    "command",
    "configs",
    "dns_config",
    "env",
    "groups",
    "healthcheck",
    "hostname",
    "hosts",
    "image",
    "init",
    "isolation",
    "labels",
    "mounts",
    "open_stdin",
    "privileges",
    "read_only",
    "secrets",
    "stop_grace_period",
    "stop_signal",
    "sysctls",
    "tty",
    "uid_gid",
    "user",
    "workdir",
];

/// What belongs beside `container_spec`.
const OUTSIDE: &[&str] = &[
    "networks",
    "restart_policy",
    "placement",
    "resource_spec",
    "log_driver",
    "endpoint_spec",
    "update_config",
    "rollback_config",
];

impl Translator {
    pub(super) fn container_spec(&mut self, value: &Py) {
        let subject = "container_spec";
        if !matches!(value, Py::Dict(_)) {
            self.unfit(subject, value, "a dict");
            return;
        }
        let mut table = match self.draft.remove(subject) {
            Some(Out::Table(table)) => table,
            _ => Draft::default(),
        };
        for (key, value) in self.entries(subject, value) {
            let place = format!("{subject}.{key}");
            let key = self.respelt(&place, &key, &[KEYS, OUTSIDE]);
            let Some(key) = key else { continue };
            if OUTSIDE.contains(&key.as_str()) {
                self.mended(&place, "SwarmSpawner fails at it there", "it stands beside `container_spec`");
                if let Some(out) = self.part(&key, &value, &place) {
                    self.draft.set(key, out);
                }
            } else if let Some(out) = self.container_part(&key, &value, &place) {
                table.set(key, out);
            }
        }
        if table.get("uid_gid").is_some() && table.remove("user").is_some() {
            self.mended("container_spec.user", "SwarmSpawner lets `uid_gid` win", "it is left out");
        }
        if !table.is_empty() {
            self.put(subject, Some(Out::Table(table)));
        }
    }

    /// The key that was meant; `None` if there is none.
    pub(super) fn respelt(&mut self, place: &str, key: &str, known: &[&[&str]]) -> Option<String> {
        if known.iter().any(|keys| keys.contains(&key)) {
            return Some(key.to_owned());
        }
        match closest(key, known.iter().flat_map(|keys| keys.iter().copied())) {
            Some(near) => {
                let near = near.to_owned();
                self.mended(place, "is no key there", &format!("taken for `{near}`"));
                Some(near)
            }
            None => {
                self.left(place, "is no key there", "see what it was for");
                None
            }
        }
    }

    /// One attribute of a container.
    pub(super) fn container_part(&mut self, key: &str, value: &Py, place: &str) -> Option<Out> {
        if *value == Py::None {
            return None;
        }
        match key {
            "env" => self.env(place, value),
            "mounts" => Some(self.mounts(place, value)),
            "configs" | "secrets" => Some(self.references(place, value)),
            "command" | "args" => self.words(place, value),
            "cap_add" | "cap_drop" | "groups" => {
                let items = self.items(place, value);
                Some(Out::List(items.iter().filter_map(|item| self.text(place, item)).collect()))
            }
            "user" | "workdir" | "hostname" | "stop_signal" | "isolation" => self.text(place, value),
            "uid_gid" => self.uid_gid(place, value),
            "stop_grace_period" => self.duration(place, value),
            "healthcheck" => self.healthcheck(place, value),
            "dns_config" => self.dns_config(place, value),
            "hosts" | "labels" | "sysctls" => Some(self.texts(place, value)),
            "privileges" => {
                let mut table = Draft::default();
                for (key, value) in self.entries(place, value) {
                    if let Some(out) = self.plain(&format!("{place}.{key}"), &value) {
                        table.set(key, out);
                    }
                }
                Some(Out::Table(table))
            }
            _ => self.plain(place, value),
        }
    }

    /// A string that SwarmSpawner formats; a number counts as its text.
    pub(super) fn text(&mut self, place: &str, value: &Py) -> Option<Out> {
        match value {
            Py::Str(text) => Some(self.formatted(place, text)),
            Py::Int(_) | Py::Float(_) | Py::Bool(_) => Some(Out::Str(value.text())),
            Py::None => None,
            _ => {
                self.unfit(place, value, "a string");
                None
            }
        }
    }

    /// A table of strings that SwarmSpawner formats.
    fn texts(&mut self, place: &str, value: &Py) -> Out {
        let mut table = Draft::default();
        for (key, value) in self.entries(place, value) {
            if let Some(out) = self.text(&format!("{place}.{key}"), &value) {
                table.set(key, out);
            }
        }
        Out::Table(table)
    }

    /// A command's words; a string is split as a shell does where that is plain.
    pub(super) fn words(&mut self, place: &str, value: &Py) -> Option<Out> {
        if let Py::Str(line) = value {
            if line.contains(['\'', '"', '\\', '$', '`']) {
                self.unfit(place, value, "a list of words");
                return None;
            }
            self.mended(place, "is a string, not a list", "it is split at its spaces");
            let words: Vec<Py> = line.split_whitespace().map(|word| Py::Str(word.to_owned())).collect();
            return self.words(place, &Py::List(words));
        }
        let items = self.items(place, value);
        Some(Out::List(items.iter().filter_map(|item| self.text(place, item)).collect()))
    }

    /// Environment variables.
    pub(super) fn env(&mut self, place: &str, value: &Py) -> Option<Out> {
        let mut table = Draft::default();
        if let Some(items) = value.as_items() {
            self.mended(place, "is a list, which SwarmSpawner does not take", "it is a table");
            for item in items {
                match item.as_str().and_then(|text| text.split_once('=')) {
                    Some((name, value)) => {
                        let out = self.variable(&format!("{place}.{name}"), &Py::Str(value.to_owned()));
                        table.set(name, out?);
                    }
                    None => self.unfit(place, item, "NAME=VALUE"),
                }
            }
            return Some(Out::Table(table));
        }
        for (name, value) in self.entries(place, value) {
            let place = format!("{place}.{name}");
            if let Some(out) = self.variable(&place, &value) {
                table.set(name, out);
            }
        }
        Some(Out::Table(table))
    }

    fn variable(&mut self, place: &str, value: &Py) -> Option<Out> {
        match value {
            Py::Str(text) => {
                let text = text::variable(text, &mut self.names);
                if let Some(mended) = text.mended {
                    self.mended(place, mended, "it says what was written");
                }
                Some(Out::Str(text.template))
            }
            Py::Int(_) | Py::Float(_) | Py::Bool(_) => {
                self.mended(
                    place,
                    &format!("is {}, at which SwarmSpawner fails", value.kind()),
                    "it is sent as its text",
                );
                Some(Out::Str(value.text()))
            }
            Py::Opaque(what) => {
                let advice = "write the value, or a template such as `{username}`";
                self.left(place, &format!("is {what}, asked at each start"), advice);
                None
            }
            _ => {
                self.unfit(place, value, "a string");
                None
            }
        }
    }

    /// JupyterHub's own `environment`, which the hub adds to each server's.
    pub(super) fn environment(&mut self, value: &Py) {
        let place = "environment";
        for (name, value) in self.entries(place, value) {
            let place = format!("{place}.{name}");
            let out = match &value {
                Py::Str(text) => Some(Out::Str(text::written(text, &mut self.names))),
                other => self.variable(&place, other),
            };
            if let Some(out) = out {
                self.draft.table("container_spec").table("env").set(name, out);
            }
        }
    }

    /// JupyterHub's own limits, of which SwarmSpawner makes variables only.
    pub(super) fn limit(&mut self, name: &str, value: &Py) {
        let key = match name {
            "mem_guarantee" => "mem_reservation",
            "cpu_guarantee" => "cpu_reservation",
            other => other,
        };
        let out = if key.starts_with("mem") { self.memory(name, value) } else { self.plain(name, value) };
        if let Some(out) = out {
            self.limits.push(Limit { name: name.to_owned(), key: key.to_owned(), out, origin: self.origin.clone() });
        }
    }

    /// Makes limits of JupyterHub's, but where `resource_spec` has its own: that is what SwarmSpawner sends.
    pub(super) fn finish_limits(&mut self) {
        for Limit { name, key, out, origin } in std::mem::take(&mut self.limits) {
            self.origin = origin;
            let table = self.draft.table("resource_spec");
            if table.get(&key).is_some() {
                self.left(
                    &name,
                    "sets no limit under SwarmSpawner",
                    &format!("`resource_spec.{key}` does, and stands"),
                );
            } else {
                table.set(&key, out);
                self.mended(&name, "SwarmSpawner sets no limit by it", &format!("it is `resource_spec.{key}`"));
            }
        }
    }

    /// `UID:GID`.
    pub(super) fn uid_gid(&mut self, place: &str, value: &Py) -> Option<Out> {
        match value {
            // What its own code needs on an image.
            Py::Dict(_) => value.get("uid_gid").and_then(|inner| self.uid_gid(place, inner)),
            other => self.text(place, other),
        }
    }

    fn healthcheck(&mut self, place: &str, value: &Py) -> Option<Out> {
        let mut table = Draft::default();
        for (key, value) in self.entries(place, value) {
            let key = match key.as_str() {
                "Test" => "test",
                "Interval" => "interval",
                "Timeout" => "timeout",
                "StartPeriod" => "start_period",
                "StartInterval" => "start_interval",
                "Retries" => "retries",
                other => other,
            };
            let place = format!("{place}.{key}");
            let out = match (key, &value) {
                ("test", Py::Str(_)) => self.text(&place, &value),
                ("test", _) => self.words(&place, &value),
                ("retries", _) => self.plain(&place, &value),
                _ => self.duration(&place, &value),
            };
            if let Some(out) = out {
                table.set(key, out);
            }
        }
        (!table.is_empty()).then_some(Out::Table(table))
    }

    fn dns_config(&mut self, place: &str, value: &Py) -> Option<Out> {
        let mut table = Draft::default();
        for (key, value) in self.entries(place, value) {
            let key = key.to_lowercase();
            if let Some(out) = self.plain(&format!("{place}.{key}"), &value) {
                table.set(key, out);
            }
        }
        (!table.is_empty()).then_some(Out::Table(table))
    }
}
