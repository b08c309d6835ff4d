//! What a Python config set, as a config.

mod amount;
mod container;
mod docker;
mod mount;
mod profile;
mod service;

use super::allow;
use super::draft::{Draft, Form, Out};
use super::report::{Fate, Item, Origin, Report};
use super::text::{self, Dialect, Names};
use super::value::{Object, Py};
use crate::resolve::amount::duration_text;

/// One thing that a Python config set: `c.CLASS.NAME = VALUE`.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// The class, such as `SwarmSpawner`.
    pub class: String,
    /// The trait.
    pub name: String,
    /// Its value in the end.
    pub value: Py,
    /// Where it was set last.
    pub origin: Origin,
}

/// A config made of a Python config, and what there is to tell about it.
#[derive(Clone, Debug, Default)]
pub struct Imported {
    /// The config.
    pub draft: Draft,
    /// What is not carried over as it stands.
    pub report: Report,
}

impl Imported {
    /// The config under lines of comment; rules that it breaks on purpose are allowed where they are broken.
    pub fn text(&self, head: &[String], form: Form) -> String {
        allow::allowed(self.draft.text(head, form), form)
    }
}

/// Translates what was set for a spawner.
pub fn translate(settings: &[Setting], dialect: Dialect) -> Imported {
    let mut own = Translator { names: Names { dialect, ..Names::default() }, ..Translator::default() };
    own.start();
    for setting in settings {
        own.origin = setting.origin.clone();
        own.setting(setting);
    }
    own.finish()
}

/// What is being made.
#[derive(Debug, Default)]
struct Translator {
    draft: Draft,
    report: Report,
    names: Names,
    /// Where what is being translated was set.
    origin: Origin,
    /// What dockerspawner's traits say together.
    docker: docker::Traits,
    /// JupyterHub's own limits.
    limits: Vec<Limit>,
}

/// One of JupyterHub's own limits.
#[derive(Debug)]
struct Limit {
    /// The trait.
    name: String,
    /// The key of `resource_spec` that sets it.
    key: String,
    out: Out,
    origin: Origin,
}

/// Traits whose names and values are ours too.
const SAME: &[&str] = &[
    "allowed_user_upload_extensions",
    "enable_user_upload_install_files",
    "jupyterhub_service_name",
    "notebook_dir",
    "service_port",
    "service_prefix",
    "use_user_options",
    "user_upload_destination_directory",
];

impl Translator {
    /// What SwarmSpawner has without being told.
    fn start(&mut self) {
        self.draft.set("version", Out::Int(1));
        self.draft.set("jupyterhub_service_name", Out::Str("jupyterhub".to_owned()));
        let scheme = match self.names.dialect {
            Dialect::Swarm => "last32",
            Dialect::Cassiny => "md5",
            Dialect::Docker => "escaped",
        };
        self.draft.table("naming").set("scheme", Out::Str(scheme.to_owned()));
        self.draft.comment("naming", "Names as the spawner made them, so that volumes are found again.");
    }

    fn setting(&mut self, setting: &Setting) {
        let Setting { class, name, value, .. } = setting;
        if !matches!(class.as_str(), "SwarmSpawner" | "Spawner" | "DockerSpawner") {
            let subject = format!("c.{class}.{name}");
            let (message, advice) = match name.as_str() {
                "spawner_class" => ("says who starts servers", "keep it until swarmgen does"),
                _ => ("is the hub's own", "keep it in jupyterhub_config.py"),
            };
            self.note(Fate::Stays, &subject, message, advice);
            return;
        }
        if self.names.dialect == Dialect::Docker && self.docker_setting(name, value) {
            return;
        }
        match name.as_str() {
            _ if *value == Py::None => {}
            "service_prefix"
                if value.as_str().is_some_and(|prefix| prefix.bytes().any(|byte| byte.is_ascii_uppercase())) =>
            {
                self.mended(name, "has capitals, with which DNS does not find a service", "it is in lower case");
                self.put(name, Some(Out::Str(value.text().to_ascii_lowercase())));
            }
            "start_timeout" | "http_timeout" => {
                // The hub counts in seconds.
                let out = match value {
                    Py::Int(seconds @ 1..=1_000_000) => Some(Out::Str(duration_text(seconds * 1_000_000_000))),
                    other => self.plain(name, other),
                };
                self.put(name, out);
            }
            same if SAME.contains(&same) => {
                let out = self.plain(same, value);
                self.put(same, out);
            }
            "user_format_attributes" => {
                let names = value.as_items().unwrap_or_default().iter().filter_map(Py::as_str);
                self.names.attributes.extend(names.filter(|name| !is_builtin(name)).map(str::to_owned));
            }
            "images" | "dockerimages" => self.images(value),
            "container_spec" => self.container_spec(value),
            "environment" => self.environment(value),
            "mem_limit" | "cpu_limit" | "mem_guarantee" | "cpu_guarantee" => self.limit(name, value),
            "resource_spec" | "placement" | "networks" | "log_driver" | "configs" | "accelerators"
            | "endpoint_spec" => {
                if let Some(out) = self.part(name, value, name) {
                    self.put(name, Some(out));
                }
            }
            _ => {
                let subject = format!("c.{class}.{name}");
                let message = match value {
                    Py::Opaque(what) => format!("is {what}, which no config can hold"),
                    _ => "has no equivalent".to_owned(),
                };
                self.left(&subject, &message, advice(name));
            }
        }
    }

    fn put(&mut self, key: &str, out: Option<Out>) {
        if let Some(out) = out {
            self.draft.set(key, out);
            if self.origin.line > 0 {
                let comment = self.origin.to_string();
                self.draft.comment(key, comment);
            }
        }
    }

    fn note(&mut self, fate: Fate, subject: &str, message: &str, advice: &str) {
        let origin = self.origin.clone();
        let [subject, message, advice] = [subject, message, advice].map(str::to_owned);
        self.report.items.push(Item { fate, origin, subject, message, advice });
    }

    fn mended(&mut self, subject: &str, message: &str, advice: &str) {
        self.note(Fate::Mended, subject, message, advice);
    }

    fn left(&mut self, subject: &str, message: &str, advice: &str) {
        self.note(Fate::Left, subject, message, advice);
    }

    /// A value that cannot be what its key takes.
    fn unfit(&mut self, subject: &str, value: &Py, takes: &str) {
        let what = match value {
            Py::Opaque(what) => what,
            Py::Object(object) => &format!("a `{}` object", object.class),
            other => other.kind(),
        };
        self.left(subject, &format!("is {what}"), &format!("it takes {takes}: write it by hand"));
    }

    /// A string that SwarmSpawner formats.
    fn formatted(&mut self, subject: &str, text: &str) -> Out {
        self.formatted_times(subject, text, text::ROUNDS)
    }

    fn formatted_times(&mut self, subject: &str, text: &str, rounds: usize) -> Out {
        if self.names.dialect == Dialect::Docker {
            // It fills in what it mounts only.
            return Out::Str(text::literal(text));
        }
        let text = text::formatted(text, rounds, &mut self.names);
        if let Some(mended) = text.mended {
            self.mended(subject, mended, "it says what was written");
        }
        Out::Str(text.template)
    }

    /// A value as it is, its strings sent as they are written; `None` for what no config can hold.
    fn plain(&mut self, subject: &str, value: &Py) -> Option<Out> {
        Some(match value {
            Py::None => return None,
            Py::Bool(value) => Out::Bool(*value),
            Py::Int(number) => Out::Int(*number),
            Py::Float(number) => Out::Float(*number),
            Py::Str(text) => Out::Str(text::written(text, &mut self.names)),
            Py::List(items) | Py::Tuple(items) => {
                Out::List(items.iter().filter_map(|item| self.plain(subject, item)).collect())
            }
            Py::Dict(items) => {
                let mut table = Draft::default();
                for (key, value) in items {
                    let key = key.text();
                    if let Some(value) = self.plain(&format!("{subject}.{key}"), value) {
                        table.set(key, value);
                    }
                }
                Out::Table(table)
            }
            Py::Object(Object { class, .. }) => {
                self.left(subject, &format!("is a `{class}` object"), "write it by hand");
                return None;
            }
            Py::Opaque(what) => {
                self.left(subject, &format!("is {what}"), "write it by hand");
                return None;
            }
        })
    }

    /// The items of a list; a single string or dict counts as one.
    fn items<'v>(&mut self, subject: &str, value: &'v Py) -> &'v [Py] {
        match value {
            Py::List(items) | Py::Tuple(items) => items,
            Py::None => &[],
            Py::Str(_) | Py::Dict(_) | Py::Object(_) => {
                self.mended(subject, &format!("is {}, not a list", value.kind()), "it is a list of one");
                std::slice::from_ref(value)
            }
            _ => {
                self.unfit(subject, value, "a list");
                &[]
            }
        }
    }

    /// The entries of a dict, or of an object that was made with names.
    fn entries(&mut self, subject: &str, value: &Py) -> Vec<(String, Py)> {
        match value {
            Py::Dict(items) => items.iter().map(|(key, value)| (key.text(), value.clone())).collect(),
            Py::Object(object) => object.named(),
            Py::None => Vec::new(),
            _ => {
                self.unfit(subject, value, "a dict");
                Vec::new()
            }
        }
    }

    fn finish(mut self) -> Imported {
        if self.names.dialect == Dialect::Docker {
            self.docker_images();
        }
        self.finish_limits();
        let has_image = match self.draft.get("container_spec") {
            Some(Out::Table(spec)) => spec.get("image").is_some(),
            _ => false,
        };
        if self.draft.get("images").is_none() && !has_image {
            let mut image = Draft::default();
            image.set("name", Out::Str("Default Jupyter Notebook".to_owned()));
            image.set("image", Out::Str("ucphhpc/base-notebook:latest".to_owned()));
            self.draft.set("images", Out::List(vec![Out::Table(image)]));
            self.draft.comment("images", "SwarmSpawner's own default");
        }
        if !self.names.attributes.is_empty() {
            self.draft.set("user_format_attributes", Out::strings(self.names.attributes));
            self.draft.comment("user_format_attributes", "attributes of users that the templates name");
        }
        Imported { draft: self.draft, report: self.report }
    }
}

/// What to do about a trait of the spawner's that has no equivalent.
fn advice(name: &str) -> &'static str {
    match name {
        "pre_spawn_hook" | "post_stop_hook" | "progress_ready_hook" => {
            "what it makes for a user can be an attribute, a template or a mount; see docs/migration.md"
        }
        "auth_state_hook" => "name in `user_format_attributes` what it hands over",
        "options_form" | "options_from_form" | "form_template" | "option_template" | "user_upload_form" => {
            "the profiles of `images` and `user_options.allow` are what a user is asked"
        }
        "ip" | "port" | "hub_connect_ip" | "hub_connect_url" | "debug" | "poll_interval" => {
            "it is the hub's matter: keep it in jupyterhub_config.py if it is needed there"
        }
        "cmd" | "args" | "default_url" => {
            "SwarmSpawner does not read it: `container_spec.args` says what a server runs"
        }
        _ => "see what it was for",
    }
}

fn is_builtin(name: &str) -> bool {
    crate::resolve::scope::BUILTINS.contains(&name)
}

impl Object {
    /// The arguments by name, those by position under the names that the class gives them.
    fn named(&self) -> Vec<(String, Py)> {
        let names: &[&str] = match self.class.as_str() {
            "Healthcheck" | "Placement" | "Resources" | "EndpointSpec" | "Privileges" => &[],
            "DriverConfig" => &["name", "options"],
            "ConfigReference" => &["config_id", "config_name", "filename", "uid", "gid", "mode"],
            "SecretReference" => &["secret_id", "secret_name", "filename", "uid", "gid", "mode"],
            "Mount" => &["target", "source", "type"],
            "NetworkAttachmentConfig" => &["target", "aliases", "options"],
            "DNSConfig" => &["nameservers", "search", "options"],
            "SSHFSMounter" | "VolumeMounter" => {
                return match self.args.first() {
                    Some(Py::Dict(items)) => items.iter().map(|(key, value)| (key.text(), value.clone())).collect(),
                    _ => self.kwargs.clone(),
                };
            }
            _ => &[],
        };
        let by_place = names.iter().zip(&self.args).map(|(name, value)| ((*name).to_owned(), value.clone()));
        by_place.chain(self.kwargs.iter().cloned()).collect()
    }
}

#[cfg(test)]
mod tests;
