//! What the Engine API calls `ContainerSpec`.

use std::collections::HashMap;
use std::sync::Arc;

use crate::check::canonical::printable;
use crate::check::known;
use crate::check::object::is_name;
use crate::diag::{Diagnostic, closest, code};
use crate::ir::{
    Container, CredentialSpec, DnsConfig, FileReference, Healthcheck, Host, Pairs, Privileges, SelinuxContext, Text,
    Ulimit,
};
use crate::source::{Entry, Map, Node, Span, Value};

use super::super::amount;
use super::super::scope::Place;
use super::super::settings::SecretNames;
use super::Decoder;
use super::fixed::{part, put};

/// The longest word, or variable with its name and `=`, that the kernel hands to a process (`MAX_ARG_STRLEN`, which counts
/// the NUL at its end).
const MAX_WORD: usize = 131_071;
/// The mode of a config's or secret's file, as docker-py sets it.
const FILE_MODE: u32 = 0o444;
/// The engine takes no health check times below this, in nanoseconds.
const MILLISECOND: i64 = 1_000_000;

impl Decoder<'_> {
    /// The container of a server; `hub_env` is the hub's environment, which wins over the config's.
    pub(super) fn container(&mut self, spec: &Node, hub_env: &[Entry]) -> Container {
        let empty = Node::new(spec.span, Value::Map(Map::new()));
        let node = spec.get("container_spec").unwrap_or(&empty);
        let get = |key: &str| node.get(key);
        let plain = |own: &mut Self, key: &str| own.field(node, key, Place::Plain);
        Container {
            image: self.once(part!(container.image), (spec, &["image"]), |own| own.image(spec)),
            command: self.once(part!(container.command), (node, &["command"]), |own| own.words(get("command"))),
            args: self.once(part!(container.args), (node, &["args"]), |own| own.words(get("args"))),
            hostname: self.once(part!(container.hostname), (node, &["hostname"]), |own| {
                own.field(node, "hostname", Place::Expanded)
            }),
            env: self.env(get("env"), hub_env),
            workdir: self.once(part!(container.workdir), (node, &["workdir"]), |own| plain(own, "workdir")),
            user: self.once(part!(container.user), (node, &["user"]), |own| plain(own, "user")),
            groups: self.once(part!(container.groups), (node, &["groups"]), |own| own.texts(get("groups"))),
            labels: self.once(part!(container.labels), (node, &["labels"]), |own| own.container_labels(get("labels"))),
            mounts: self.mounts(get("mounts")),
            stop_grace_period: self.once(part!(container.stop_grace_period), (node, &["stop_grace_period"]), |own| {
                own.amount(node, "stop_grace_period", amount::duration)
            }),
            stop_signal: self.once(part!(container.stop_signal), (node, &["stop_signal"]), |own| {
                get("stop_signal").map(|node| {
                    let help = "name it as `kill -l` does (`SIGINT`), or by its number";
                    own.known(node, known::is_signal, "the engine knows no such signal", help)
                })
            }),
            healthcheck: self.once(part!(container.healthcheck), (node, &["healthcheck"]), |own| {
                get("healthcheck").map(|check| own.healthcheck(check))
            }),
            hosts: self.once(part!(container.hosts), (node, &["hosts"]), |own| own.hosts(get("hosts"))),
            dns_config: self.once(part!(container.dns_config), (node, &["dns_config"]), |own| {
                get("dns_config").map(|dns| DnsConfig {
                    nameservers: own.nameservers(dns.get("nameservers")),
                    search: own.texts(dns.get("search")),
                    options: own.texts(dns.get("options")),
                })
            }),
            configs: self.once(part!(container.configs), (node, &["configs"]), |own| {
                own.files(get("configs"), "config_name", "config_id")
            }),
            secrets: self.once(part!(container.secrets), (node, &["secrets"]), |own| {
                own.files(get("secrets"), "secret_name", "secret_id")
            }),
            privileges: self.once(part!(container.privileges), (node, &["privileges"]), |own| {
                get("privileges").map(|node| own.privileges(node))
            }),
            isolation: self.once(part!(container.isolation), (node, &["isolation"]), |own| plain(own, "isolation")),
            init: self.once(part!(container.init), (node, &["init"]), |own| own.flag(node, "init")),
            cap_add: self.once(part!(container.cap_add), (node, &["cap_add"]), |own| own.capabilities(get("cap_add"))),
            cap_drop: self
                .once(part!(container.cap_drop), (node, &["cap_drop"]), |own| own.capabilities(get("cap_drop"))),
            sysctls: self
                .once(part!(container.sysctls), (node, &["sysctls"]), |own| own.pairs(get("sysctls"), Place::Plain)),
            ulimits: self.once(part!(container.ulimits), (node, &["ulimits"]), |own| own.ulimits(get("ulimits"))),
            tty: self.once(part!(container.tty), (node, &["tty"]), |own| own.flag(node, "tty")),
            open_stdin: self
                .once(part!(container.open_stdin), (node, &["open_stdin"]), |own| own.flag(node, "open_stdin")),
            read_only: self.once(part!(container.read_only), (node, &["read_only"]), |own| own.flag(node, "read_only")),
        }
    }

    fn image(&mut self, spec: &Node) -> Text {
        let Some(node) = spec.get("image") else {
            let diagnostic = Diagnostic::new(&code::MISSING_KEY, "no image is set")
                .at(spec.get("name").map_or(spec.span, |name| name.span), "for this profile")
                .help("give the profile an `image`, or set `container_spec.image` for all");
            self.push(diagnostic);
            return Text::default();
        };
        let image = self.plain(node);
        if crate::check::image::Reference::parse(image.expose()).is_none() {
            let message = match crate::check::image::problem(image.expose()) {
                Some(problem) => format!("the engine takes no such image reference: {problem}"),
                None => "the engine takes no such image reference".to_owned(),
            };
            self.bad(&code::BAD_IMAGE, node, message, "write `[registry/]repository[:tag][@digest]`");
        }
        image
    }

    fn env(&mut self, node: Option<&Node>, hub_env: &[Entry]) -> Pairs {
        const ROOT: &str = "JUPYTERHUB_ROOT_DIR";
        let settings = &self.scope.compiler.settings;
        let map = node.and_then(Node::as_map);
        let displaced = |entry: &Entry| {
            hub_env.iter().any(|hub| hub.key == entry.key) && !settings.env_override.contains(&entry.key)
        };
        // The hub's environment comes with a server: what it displaces is not the same for all.
        let part = hub_env.is_empty().then_some(part!(container.env));
        let mut env = self.mixed(part, map, |own, entry| (!displaced(entry)).then(|| own.variable(entry)));
        for entry in hub_env {
            if env.iter().any(|(name, _)| *name == entry.key) {
                continue;
            }
            let Some(text) = entry.value.as_str() else { continue };
            self.check_env_name(entry);
            if text.contains('\0') {
                self.bad(&code::BAD_VALUE, &entry.value, "the value holds a NUL byte", "");
            }
            let text = if &*entry.key == "JUPYTERHUB_SERVICE_URL" {
                Text::from(service_url(text, settings.port))
            } else if settings.secret_names.matches(&entry.key) || SecretNames::default().matches(&entry.key) {
                Text::secret(zeroize::Zeroizing::new(text.to_owned()))
            } else {
                Text::from(text)
            };
            let value = self.scope.literal(&text, Place::Expanded);
            self.check_env_length(entry, &value);
            put(&mut env, &entry.key, value, || Arc::clone(&entry.key));
        }
        let is_set = |entry: &Entry| &*entry.key == ROOT;
        if let Some(directory) = &settings.notebook_dir
            && !map.into_iter().flatten().chain(hub_env).any(is_set)
            // What an earlier server left holds for this one.
            && !(self.is_constant(directory) && env.iter().any(|(name, _)| &**name == ROOT))
        {
            let value = self.text(directory, Place::Expanded);
            put(&mut env, ROOT, value, || ROOT.into());
        }
        env
    }

    /// The words of a command.
    fn words(&mut self, node: Option<&Node>) -> Option<Vec<Text>> {
        let items = node?.as_seq().unwrap_or_default();
        let word = |item| {
            let word = self.plain(item);
            if word.expose().len() > MAX_WORD {
                let message = "this word is too long for a process to be given";
                self.bad(
                    &code::BAD_VALUE,
                    item,
                    message,
                    "a word may have 131,071 bytes: put longer text into a config",
                );
            }
            word
        };
        Some(items.iter().map(word).collect())
    }

    fn check_env_length(&mut self, entry: &Entry, value: &Text) {
        if entry.key.len() + 1 + value.expose().len() > MAX_WORD {
            self.bad(
                &code::BAD_ENV,
                &entry.value,
                format!("`{}` is too long for an environment variable", printable(&entry.key)),
                "name and value may have 131,071 bytes together: put longer text into a config",
            );
        }
    }

    fn variable(&mut self, entry: &Entry) -> Text {
        self.check_env_name(entry);
        let value = self.text(&entry.value, Place::Expanded);
        self.check_env_length(entry, &value);
        value
    }

    fn check_env_name(&mut self, entry: &Entry) {
        let name = &entry.key;
        if !name.is_empty() && !name.bytes().any(|byte| byte == b'=' || byte == 0) {
            return;
        }
        let (problem, help) = if name.is_empty() {
            ("is empty", "give it a name, or remove it")
        } else if name.contains('=') {
            ("holds `=`", "keep what comes before the `=` as the name, and write the rest as the value")
        } else {
            ("holds a NUL byte", "remove that byte")
        };
        self.push(
            Diagnostic::new(&code::BAD_ENV, format!("the name of an environment variable {problem}"))
                .at(entry.key_span, "")
                .help(help),
        );
    }

    /// The config's labels, and `image_name` as SwarmSpawner sets it: people's monitoring reads it.
    fn container_labels(&mut self, node: Option<&Node>) -> Pairs {
        let mut labels = self.pairs(node, Place::Plain);
        if !labels.iter().any(|(key, _)| &**key == "image_name") {
            labels.push(("image_name".into(), Text::from(Arc::clone(self.scope.profile))));
            labels.sort_by(|a, b| a.0.cmp(&b.0));
        }
        labels
    }

    fn healthcheck(&mut self, node: &Node) -> Healthcheck {
        Healthcheck {
            test: self.words(node.get("test")),
            interval: self.check_time(node, "interval"),
            timeout: self.check_time(node, "timeout"),
            start_period: self.check_time(node, "start_period"),
            start_interval: self.check_time(node, "start_interval"),
            retries: self.integer(node, "retries", 0..=i64::MAX),
        }
    }

    fn check_time(&mut self, node: &Node, key: &str) -> Option<i64> {
        let time = self.amount(node, key, amount::duration)?;
        if let Some(node) = node.get(key)
            && (1..MILLISECOND).contains(&time)
        {
            self.bad(
                &code::BAD_AMOUNT,
                node,
                format!("`{key}` is below a millisecond, which the engine refuses"),
                "whole numbers are seconds; write a unit (`\"30s\"`) or 0 for the default",
            );
        }
        Some(time)
    }

    fn hosts(&mut self, node: Option<&Node>) -> Vec<Host> {
        let map = node.and_then(Node::as_map);
        map.into_iter()
            .flatten()
            .map(|entry| {
                let help = "write an IP address, or `host-gateway` for the node's own";
                let address = self.known(&entry.value, known::is_host_address, "this is no IP address", help);
                Host { name: Text::from(Arc::clone(&entry.key)), address }
            })
            .collect()
    }

    fn nameservers(&mut self, node: Option<&Node>) -> Vec<Text> {
        let items = node.and_then(Node::as_seq).unwrap_or_default().iter();
        let help = "write the server's IP address, without a port";
        items.map(|item| self.known(item, known::is_address, "this is no IP address", help)).collect()
    }

    /// A text that is one of those that the engine knows.
    fn known(&mut self, node: &Node, is_known: fn(&str) -> bool, message: &str, help: &str) -> Text {
        let text = self.plain(node);
        if !is_known(text.expose()) {
            self.bad(&code::BAD_VALUE, node, message, help);
        }
        text
    }

    fn files(&mut self, node: Option<&Node>, name_key: &str, id_key: &str) -> Vec<FileReference> {
        let items = node.and_then(Node::as_seq).unwrap_or_default();
        let mut targets: HashMap<String, Span> = HashMap::new();
        let mut files = Vec::with_capacity(items.len());
        for item in items {
            let Some(name_node) = item.get(name_key) else {
                self.push(
                    Diagnostic::new(&code::MISSING_KEY, format!("a reference needs a `{name_key}`")).at(item.span, ""),
                );
                continue;
            };
            let name = self.plain(name_node);
            if !is_name(name.expose()) {
                self.bad(
                    &code::BAD_REFERENCE,
                    name_node,
                    "no config or secret on a swarm has such a name",
                    "a name has 1 to 64 letters, digits, `-`, `_` and `.`, a letter or digit at both ends",
                );
            }
            let file = self.field(item, "filename", Place::Plain).unwrap_or_else(|| name.clone());
            if let Some(node) = item.get("filename") {
                self.stays_in(node, file.expose(), "file's name");
            }
            let span = item.get("filename").unwrap_or(name_node).span;
            if let Some(first) = targets.insert(file.expose().to_owned(), span) {
                self.duplicate(if name_key == "config_name" { "configs" } else { "secrets" }, span, first);
            }
            files.push(FileReference {
                name,
                id: self.field(item, id_key, Place::Plain),
                file,
                uid: self.field(item, "uid", Place::Plain).unwrap_or_else(|| Text::from("0")),
                gid: self.field(item, "gid", Place::Plain).unwrap_or_else(|| Text::from("0")),
                mode: self.amount(item, "mode", amount::mode).unwrap_or(FILE_MODE),
            });
        }
        files
    }

    fn privileges(&mut self, node: &Node) -> Privileges {
        let file = self.field(node, "credentialspec_file", Place::Plain);
        let registry = self.field(node, "credentialspec_registry", Place::Plain);
        if file.is_some()
            && registry.is_some()
            && let Some(entry) = node.entry("credentialspec_registry")
        {
            self.push(
                Diagnostic::new(&code::CONFLICTING_KEYS, "a credential spec comes from a file or from the registry")
                    .at(entry.key_span, "")
                    .maybe_at(node.entry("credentialspec_file").map(|entry| entry.key_span), "set here too"),
            );
        }
        let selinux = SelinuxContext {
            disable: self.flag(node, "selinux_disable"),
            user: self.field(node, "selinux_user", Place::Plain),
            role: self.field(node, "selinux_role", Place::Plain),
            kind: self.field(node, "selinux_type", Place::Plain),
            level: self.field(node, "selinux_level", Place::Plain),
        };
        Privileges {
            credential_spec: file.map(CredentialSpec::File).or(registry.map(CredentialSpec::Registry)),
            selinux: (selinux != SelinuxContext::default()).then_some(selinux),
        }
    }

    /// Capabilities in the engine's form: upper case, with their prefix.
    fn capabilities(&mut self, node: Option<&Node>) -> Vec<Text> {
        let items = node.and_then(Node::as_seq).unwrap_or_default().iter();
        items
            .map(|item| {
                let text = self.plain(item);
                match known::capability(text.expose()) {
                    Ok(name) => Text::from(name),
                    Err(near) => {
                        let help = match near {
                            Some(near) => format!("did you mean `{near}`?"),
                            None => "capabilities(7) lists them; `ALL` stands for all".to_owned(),
                        };
                        self.bad(&code::BAD_VALUE, item, "Linux has no such capability", help);
                        text
                    }
                }
            })
            .collect()
    }

    fn ulimits(&mut self, node: Option<&Node>) -> Vec<Ulimit> {
        let map = node.and_then(Node::as_map);
        let mut ulimits: Vec<Ulimit> = map
            .into_iter()
            .flatten()
            .filter_map(|entry| {
                if !known::ULIMITS.contains(&&*entry.key) {
                    let near = closest(&entry.key, known::ULIMITS.iter().copied());
                    let help = near.map_or_else(|| known::ULIMITS.join(", "), |near| format!("did you mean `{near}`?"));
                    let finding = Diagnostic::new(&code::BAD_VALUE, "Linux has no such limit").at(entry.key_span, "");
                    self.push(finding.help(help));
                }
                let soft = self.integer(&entry.value, "soft", -1..=i64::MAX)?;
                let hard = self.integer(&entry.value, "hard", -1..=i64::MAX).unwrap_or(soft);
                // -1 is no limit at all.
                if hard != -1 && (soft == -1 || soft > hard) {
                    let help = "set `hard` at least as high, or write one number for both";
                    self.bad(&code::BAD_VALUE, &entry.value, "the soft limit is above the hard one", help);
                }
                Some(Ulimit { name: Arc::clone(&entry.key), soft, hard })
            })
            .collect();
        ulimits.sort_by(|a, b| a.name.cmp(&b.name));
        ulimits
    }
}

/// The hub's URL of the server with the port that the config names, on all addresses.
///
/// JupyterHub writes the port of its own `Spawner.port`, which SwarmSpawner leaves at 0, and often a loopback
/// address, where nothing outside the container could reach the server.
fn service_url(url: &str, port: u16) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let host = match authority.rsplit_once(':') {
        Some((host, old)) if old.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    let host = if matches!(host, "127.0.0.1" | "localhost" | "[::1]" | "") { "0.0.0.0" } else { host };
    format!("{scheme}://{host}:{port}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn service_urls_get_the_port() {
        assert_eq!(service_url("http://127.0.0.1:0/user/a/", 8888), "http://0.0.0.0:8888/user/a/");
        assert_eq!(service_url("http://0.0.0.0:1/", 8888), "http://0.0.0.0:8888/");
        assert_eq!(service_url("http://host/x:y/", 80), "http://host:80/x:y/");
        assert_eq!(service_url("nothing", 80), "nothing");
    }
}
