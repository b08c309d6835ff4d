//! `images`.

use super::super::draft::{Draft, Out};
use super::super::value::Py;
use super::Translator;

/// An image's keys.
const KEYS: &[&str] = &[
    "name",
    "image",
    "description",
    "access",
    "command",
    "args",
    "env",
    "mounts",
    "user",
    "uid_gid",
    "workdir",
    "secrets",
    "container_spec",
    "resource_spec",
    "placement",
    "networks",
    "log_driver",
    "endpoint_spec",
    "configs",
    "accelerators",
];

impl Translator {
    pub(super) fn images(&mut self, value: &Py) {
        let items = self.items("images", value);
        let images = items.iter().enumerate().filter_map(|(index, item)| self.image(&format!("images[{index}]"), item));
        let mut images: Vec<Out> = images.collect();
        self.tell_apart(&mut images);
        self.put("images", Some(Out::List(images)));
    }

    /// Gives profiles of one name names of their own.
    fn tell_apart(&mut self, images: &mut [Out]) {
        let mut seen: Vec<String> = Vec::new();
        for (index, image) in images.iter_mut().enumerate() {
            let Out::Table(table) = image else { continue };
            let Some(Out::Str(name)) = table.get("name").cloned() else { continue };
            let mut own = name.clone();
            for number in 2.. {
                if !seen.contains(&own) {
                    break;
                }
                own = format!("{name} ({number})");
            }
            if own != name {
                let advice = format!("the second is called `{own}`");
                self.mended(&format!("images[{index}].name"), "two images have this name", &advice);
                table.set("name", Out::Str(own.clone()));
            }
            seen.push(own);
        }
    }

    fn image(&mut self, place: &str, value: &Py) -> Option<Out> {
        if !matches!(value, Py::Dict(_)) {
            self.unfit(place, value, "a dict");
            return None;
        }
        let mut table = Draft::default();
        let mut entries = self.entries(place, value);
        entries.sort_by_key(|(key, _)| match key.as_str() {
            "name" => 0,
            "image" => 1,
            "description" => 2,
            _ => 3,
        });
        for (key, value) in entries {
            let place = format!("{place}.{key}");
            let Some(key) = self.respelt(&place, &key, &[KEYS]) else { continue };
            if matches!((key.as_str(), &value), ("placement" | "resource_spec" | "log_driver", Py::Dict(items)) if items.is_empty())
            {
                // It takes the place of what all have.
                table.set(key, Out::Table(Draft::default()));
                continue;
            }
            // What else is empty says nothing there.
            let empty = match &value {
                Py::None => true,
                Py::Dict(items) => items.is_empty(),
                Py::List(items) | Py::Tuple(items) => items.is_empty() && key != "args",
                _ => false,
            };
            if empty && key != "access" {
                continue;
            }
            let out = match key.as_str() {
                "name" => Some(Out::Str(value.text())),
                "image" | "description" => self.plain(&place, &value),
                "access" => match &value {
                    Py::Str(file) => {
                        let mut table = Draft::default();
                        table.set("file", Out::Str(file.clone()));
                        Some(Out::Table(table))
                    }
                    other => self.plain(&place, other),
                },
                "command" | "args" | "env" | "mounts" | "user" | "uid_gid" | "workdir" | "secrets" | "configs" => {
                    self.container_part(&key, &value, &place)
                }
                "container_spec" => {
                    let mut inner = Draft::default();
                    for (key, value) in self.entries(&place, &value) {
                        let place = format!("{place}.{key}");
                        if let Some(out) = self.container_part(&key, &value, &place) {
                            inner.set(key, out);
                        }
                    }
                    Some(Out::Table(inner))
                }
                part => self.part(part, &value, &place),
            };
            if let Some(out) = out {
                table.set(key, out);
            }
        }
        Some(Out::Table(table))
    }
}
