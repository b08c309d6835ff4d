//! dockerspawner's SwarmSpawner.
//!
//! Source: dockerspawner 14, `dockerspawner.py` and `swarmspawner.py`.

use super::super::draft::{Draft, Out};
use super::super::report::Origin;
use super::super::text;
use super::super::value::Py;
use super::Translator;

/// What several traits say together.
#[derive(Debug, Default)]
pub(super) struct Traits {
    /// `image`.
    image: Option<(String, Origin)>,
    /// `allowed_images`: names and references.
    allowed: Vec<(String, String)>,
    /// `volume_driver`.
    driver: Option<String>,
    /// `volume_driver_options`.
    driver_options: Draft,
    /// What is mounted.
    mounts: Vec<Out>,
}

/// What has no meaning for services, or is the swarm's business.
const WITHOUT_EFFECT: &[&str] = &[
    "remove",
    "remove_containers",
    "use_internal_ip",
    "use_internal_hostname",
    "pull_policy",
    "use_docker_client_env",
    "client_kwargs",
    "tls_config",
    "hub_connect_url",
    "host_ip",
    "container_ip",
    "debug",
];

impl Translator {
    /// Takes one of its traits; `false` if it is none of its own.
    pub(super) fn docker_setting(&mut self, name: &str, value: &Py) -> bool {
        match name {
            "image" | "container_image" => {
                self.docker.image = value.as_str().map(|image| (image.to_owned(), self.origin.clone()));
            }
            "allowed_images" | "image_whitelist" => self.allowed_images(name, value),
            "network_name" => {
                if let Some(network) = value.as_str().filter(|network| !network.is_empty()) {
                    self.put("networks", Some(Out::strings([network])));
                }
            }
            "hub_connect_ip" | "hub_ip_connect" => {
                let out = self.plain(name, value);
                self.put("jupyterhub_service_name", out);
            }
            "prefix" | "container_prefix" => {
                let prefix = value.text().to_ascii_lowercase();
                self.put("service_prefix", Some(Out::Str(prefix)));
            }
            "port" | "container_port" => {
                let out = self.plain(name, value);
                self.put("service_port", out);
            }
            "volumes" | "read_only_volumes" => self.volumes(name, value),
            "mounts" => {
                let Out::List(mut mounts) = self.mounts(name, value) else { return true };
                let items = value.as_items().unwrap_or_default();
                for (mount, item) in mounts.iter_mut().zip(items) {
                    let Out::Table(table) = mount else { continue };
                    for key in ["source", "target"] {
                        if let Some(text) = item.get(key).and_then(Py::as_str) {
                            table.set(key, Out::Str(self.named(text)));
                        }
                    }
                }
                self.docker.mounts.append(&mut mounts);
            }
            "volume_driver" => self.docker.driver = value.as_str().map(str::to_owned).filter(|name| !name.is_empty()),
            "volume_driver_options" => {
                if let Some(Out::Table(options)) = self.plain(name, value) {
                    self.docker.driver_options = options;
                }
            }
            "cmd" => {
                let out = self.words(name, value);
                if let Some(out) = out {
                    self.draft.table("container_spec").set("args", out);
                }
            }
            "args" => {
                // They follow the command.
                let Some(Out::List(further)) = self.words(name, value) else { return true };
                let spec = self.draft.table("container_spec");
                match spec.get_mut("args") {
                    Some(Out::List(words)) => words.extend(further),
                    _ => {
                        let advice = "write the image's command and these in `container_spec.args`";
                        self.left(name, "follows the image's own command, which no service can take up", advice);
                    }
                }
            }
            "extra_container_spec" => self.container_spec(value),
            "extra_resources_spec" => {
                if let Some(Out::Table(more)) = self.part("resource_spec", value, name) {
                    for (key, value) in more.iter() {
                        self.draft.table("resource_spec").set(key, value.clone());
                    }
                }
            }
            "extra_placement_spec" | "extra_endpoint_spec" => {
                let key = if name.contains("placement") { "placement" } else { "endpoint_spec" };
                let out = self.part(key, value, name);
                self.put(key, out);
            }
            "extra_task_spec" => {
                for (key, value) in self.entries(name, value) {
                    let place = format!("{name}.{key}");
                    match key.as_str() {
                        "networks" | "log_driver" | "placement" | "restart_policy" => {
                            let out = self.part(&key, &value, &place);
                            self.put(&key, out);
                        }
                        _ => self.left(&place, "has no equivalent", "see what it was for"),
                    }
                }
            }
            "mem_limit" | "mem_guarantee" => {
                let key = if name == "mem_limit" { "mem_limit" } else { "mem_reservation" };
                if let Some(out) = self.memory(name, value) {
                    self.draft.table("resource_spec").set(key, out);
                }
            }
            "cpu_limit" | "cpu_guarantee" => {
                let key = if name == "cpu_limit" { "cpu_limit" } else { "cpu_reservation" };
                if let Some(out) = self.plain(name, value) {
                    self.draft.table("resource_spec").set(key, out);
                }
            }
            "name_template" | "container_name_template" => {
                let usual =
                    ["{prefix}-{username}", "{prefix}-{username}--{servername}", "{prefix}-{username}-{servername}"];
                if !value.as_str().is_some_and(|template| usual.contains(&template)) {
                    self.left(name, "has no equivalent", "services are called {prefix}-{owner}-{server}");
                }
            }
            other if WITHOUT_EFFECT.contains(&other) => {
                self.mended(name, "says nothing of a service", "it is left out");
            }
            _ => return false,
        }
        true
    }

    /// A string in which it fills in names.
    fn named(&mut self, text: &str) -> String {
        text::formatted(text, 1, &mut self.names).template
    }

    fn allowed_images(&mut self, name: &str, value: &Py) {
        match value {
            Py::Dict(items) => {
                for (shown, image) in items {
                    self.docker.allowed.push((shown.text(), image.text()));
                }
            }
            Py::List(_) | Py::Tuple(_) => {
                for image in value.as_items().unwrap_or_default() {
                    self.docker.allowed.push((image.text(), image.text()));
                }
            }
            Py::Str(all) if all == "*" => {
                self.left(name, "lets users run any image", "list the images that they may run in `images`");
            }
            _ => self.unfit(name, value, "a list or a dict"),
        }
    }

    /// `{"SOURCE": "TARGET"}`, or the target with a mode.
    fn volumes(&mut self, name: &str, value: &Py) {
        for (source, bound) in self.entries(name, value) {
            let place = format!("{name}.{source}");
            let target = bound.as_str().or_else(|| bound.get("bind").and_then(Py::as_str));
            let Some(target) = target else {
                self.unfit(&place, &bound, "a path");
                continue;
            };
            let mode = bound.get("mode").and_then(Py::as_str).unwrap_or("rw");
            let mut mount = Draft::default();
            let path = source.starts_with('/');
            mount.set("type", Out::Str(if path { "bind" } else { "volume" }.to_owned()));
            mount.set("source", Out::Str(self.named(&source)));
            mount.set("target", Out::Str(self.named(target)));
            if name == "read_only_volumes" || mode.split(',').any(|word| word == "ro") {
                mount.set("read_only", Out::Bool(true));
            }
            if let Some(propagation) = bound.get("propagation").and_then(Py::as_str).filter(|_| path) {
                mount.set("propagation", Out::Str(propagation.to_owned()));
            }
            if mode.contains(['z', 'Z']) {
                self.left(&place, "relabels for SELinux, which services cannot", "label the directory on the nodes");
            }
            if !path {
                self.mended(&place, "is bound like a path, which the engine refuses", "it is a volume");
            }
            self.docker.mounts.push(Out::Table(mount));
        }
    }

    /// What the traits say together: images and mounts.
    pub(super) fn docker_images(&mut self) {
        let Traits { image, allowed, driver, driver_options, mut mounts } = std::mem::take(&mut self.docker);
        if let Some(driver) = driver {
            for mount in &mut mounts {
                let Out::Table(table) = mount else { continue };
                if !matches!(table.get("type"), Some(Out::Str(kind)) if kind == "volume") {
                    continue;
                }
                let mut config = Draft::default();
                config.set("name", Out::Str(driver.clone()));
                if !driver_options.is_empty() {
                    config.set("options", Out::Table(driver_options.clone()));
                }
                table.set("driver_config", Out::Table(config));
            }
        }
        if !mounts.is_empty() {
            self.draft.table("container_spec").set("mounts", Out::List(mounts));
        }
        let (image, origin) =
            image.unwrap_or_else(|| ("quay.io/jupyterhub/singleuser:latest".to_owned(), Origin::default()));
        let choice = !allowed.is_empty();
        let mut images = allowed;
        // The default one comes first.
        match images.iter().position(|(name, reference)| *reference == image || *name == image) {
            Some(index) => images[..=index].rotate_right(1),
            None if choice => {}
            None => images.push(("Default".to_owned(), image)),
        }
        let images = images.into_iter().map(|(name, reference)| {
            let mut table = Draft::default();
            table.set("name", Out::Str(name));
            table.set("image", Out::Str(text::literal(&reference)));
            Out::Table(table)
        });
        self.draft.set("images", Out::List(images.collect()));
        if origin.line > 0 {
            self.draft.comment("images", origin.to_string());
        }
        if choice {
            self.draft.set("use_user_options", Out::Bool(true));
        }
    }
}
