//! What a service has besides its container.

use super::super::draft::{Draft, Out};
use super::super::value::Py;
use super::Translator;

impl Translator {
    /// One of the tables and lists that stand beside `container_spec`.
    pub(super) fn part(&mut self, key: &str, value: &Py, place: &str) -> Option<Out> {
        match key {
            "resource_spec" => self.resource_spec(place, value),
            "placement" => self.placement(place, value),
            "networks" => {
                let items = self.items(place, value);
                Some(Out::List(items.iter().filter_map(|item| self.network(place, item)).collect()))
            }
            "log_driver" => self.log_driver(place, value),
            "configs" => Some(self.references(place, value)),
            "accelerators" => self.accelerators(place, value),
            "endpoint_spec" => self.endpoint_spec(place, value),
            _ => self.plain(place, value),
        }
    }

    fn endpoint_spec(&mut self, place: &str, value: &Py) -> Option<Out> {
        let mut table = Draft::default();
        for (key, value) in self.entries(place, value) {
            let key = key.to_lowercase();
            let place = format!("{place}.{key}");
            let out = match value.as_items() {
                Some(items) if key == "ports" => {
                    Some(Out::List(items.iter().filter_map(|item| self.port(&place, item)).collect()))
                }
                _ => self.plain(&place, &value),
            };
            if let Some(out) = out {
                table.set(key, out);
            }
        }
        Some(Out::Table(table))
    }

    /// A published port, as the Engine API has it or as ours.
    fn port(&mut self, place: &str, value: &Py) -> Option<Out> {
        let mut table = Draft::default();
        for (key, value) in self.entries(place, value) {
            let key = match key.as_str() {
                "Protocol" => "protocol",
                "TargetPort" => "target",
                "PublishedPort" => "published",
                "PublishMode" => "mode",
                other => other,
            };
            if let Some(out) = self.plain(&format!("{place}.{key}"), &value) {
                table.set(key, out);
            }
        }
        Some(Out::Table(table))
    }

    /// Generic resources as docker-py takes them: by kind, or as the Engine API has them.
    fn generic_resources(&mut self, place: &str, value: &Py) -> Option<Out> {
        let Some(items) = value.as_items() else { return self.plain(place, value) };
        let mut table = Draft::default();
        for item in items {
            let discrete = item.get("DiscreteResourceSpec");
            let kind = discrete.and_then(|spec| spec.get("Kind")).and_then(Py::as_str);
            match (kind, discrete.and_then(|spec| spec.get("Value"))) {
                (Some(kind), Some(Py::Int(count))) => table.set(kind, Out::Int(*count)),
                _ => self.unfit(place, item, "a count of a kind"),
            }
        }
        Some(Out::Table(table))
    }

    fn resource_spec(&mut self, place: &str, value: &Py) -> Option<Out> {
        if !matches!(value, Py::Dict(_) | Py::Object(_)) {
            self.unfit(place, value, "a dict");
            return None;
        }
        let mut table = Draft::default();
        for (key, value) in self.entries(place, value) {
            let place = format!("{place}.{key}");
            let out = match key.as_str() {
                "cpu_limit" | "cpu_reservation" => self.cpus(&place, &value),
                "mem_limit" | "mem_reservation" => self.memory(&place, &value),
                "generic_resources" => self.generic_resources(&place, &value),
                _ => self.plain(&place, &value),
            };
            if let Some(out) = out {
                table.set(key, out);
            }
        }
        Some(Out::Table(table))
    }

    fn placement(&mut self, place: &str, value: &Py) -> Option<Out> {
        let mut table = Draft::default();
        for (key, value) in self.entries(place, value) {
            let place = format!("{place}.{key}");
            let key = match key.as_str() {
                "constraint" => {
                    self.mended(&place, "is no key there", "it is `constraints`");
                    "constraints"
                }
                other => other,
            };
            let out = match key {
                "constraints" => {
                    let items = self.items(&place, &value);
                    Some(Out::List(items.iter().filter_map(|item| self.plain(&place, item)).collect()))
                }
                "preferences" => {
                    let items = match &value {
                        // One pair alone.
                        Py::Tuple(words) if words.iter().all(|word| word.as_str().is_some()) => {
                            std::slice::from_ref(&value)
                        }
                        _ => self.items(&place, &value),
                    };
                    Some(Out::List(items.iter().filter_map(|item| self.preference(&place, item)).collect()))
                }
                "platforms" => {
                    let items = self.items(&place, &value);
                    Some(Out::List(items.iter().filter_map(|item| self.platform(&place, item)).collect()))
                }
                _ => self.plain(&place, &value),
            };
            if let Some(out) = out {
                table.set(key, out);
            }
        }
        Some(Out::Table(table))
    }

    /// `spread=DESCRIPTOR`, as text, as a pair, or as the Engine API has it.
    fn preference(&mut self, place: &str, value: &Py) -> Option<Out> {
        let pair = match value {
            Py::List(words) | Py::Tuple(words) => match words.as_slice() {
                [Py::Str(strategy), Py::Str(descriptor)] => Some((strategy.clone(), descriptor.clone())),
                _ => None,
            },
            Py::Dict(items) => match items.as_slice() {
                [(Py::Str(strategy), inner)] => inner
                    .get("SpreadDescriptor")
                    .and_then(Py::as_str)
                    .map(|to| (strategy.to_lowercase(), to.to_owned())),
                _ => None,
            },
            Py::Object(object) => match (object.args.as_slice(), object.kwargs.as_slice()) {
                ([Py::Str(strategy), Py::Str(descriptor)], _) => Some((strategy.clone(), descriptor.clone())),
                _ => None,
            },
            _ => None,
        };
        match pair {
            Some((strategy, descriptor)) => Some(Out::Str(format!("{strategy}={descriptor}"))),
            None => self.plain(place, value),
        }
    }

    fn platform(&mut self, place: &str, value: &Py) -> Option<Out> {
        match value.as_items() {
            Some([Py::Str(arch), Py::Str(os)]) => Some(Out::Str(format!("{os}/{arch}"))),
            _ => self.plain(place, value),
        }
    }

    fn network(&mut self, place: &str, value: &Py) -> Option<Out> {
        match value {
            Py::Int(_) => Some(Out::Str(value.text())),
            Py::Dict(_) | Py::Object(_) => {
                let mut table = Draft::default();
                for (key, value) in self.entries(place, value) {
                    let key = match key.as_str() {
                        "Target" | "Aliases" => key.to_lowercase(),
                        "DriverOpts" => "options".to_owned(),
                        other => other.to_owned(),
                    };
                    if let Some(out) = self.plain(&format!("{place}.{key}"), &value) {
                        table.set(key, out);
                    }
                }
                Some(Out::Table(table))
            }
            _ => self.plain(place, value),
        }
    }

    fn log_driver(&mut self, place: &str, value: &Py) -> Option<Out> {
        if !matches!(value, Py::Dict(_) | Py::Object(_)) {
            self.unfit(place, value, "a dict");
            return None;
        }
        let mut table = Draft::default();
        for (key, value) in self.entries(place, value) {
            let place = format!("{place}.{key}");
            let Some(key) = self.respelt(&place, &key, &[&["name", "options"]]) else { continue };
            if let Some(out) = self.plain(&place, &value) {
                table.set(key, out);
            }
        }
        (!table.is_empty()).then_some(Out::Table(table))
    }

    /// Swarm configs or secrets that a server is shown.
    pub(super) fn references(&mut self, place: &str, value: &Py) -> Out {
        let mut references = Vec::new();
        for (index, item) in self.items(place, value).iter().enumerate() {
            let place = format!("{place}[{index}]");
            if !matches!(item, Py::Dict(_) | Py::Object(_)) {
                self.unfit(&place, item, "a dict");
                continue;
            }
            let mut table = Draft::default();
            for (key, value) in self.entries(&place, item) {
                let place = format!("{place}.{key}");
                let out = match (key.as_str(), &value) {
                    ("mode", _) => self.mode(&place, &value),
                    ("uid" | "gid", Py::Str(text)) => match text.parse() {
                        Ok(id) => Some(Out::Int(id)),
                        Err(_) => self.plain(&place, &value),
                    },
                    _ => self.plain(&place, &value),
                };
                if let Some(out) = out {
                    table.set(key, out);
                }
            }
            references.push(Out::Table(table));
        }
        Out::List(references)
    }

    fn accelerators(&mut self, place: &str, value: &Py) -> Option<Out> {
        if !self.items(place, value).is_empty() {
            let advice = "name the nodes' generic resources in `accelerators`: [{ kind = \"gpu\", count = 1 }]";
            self.left(place, "SwarmSpawner's pools of accelerators have no equivalent", advice);
        }
        None
    }
}
