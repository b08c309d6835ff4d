//! The service around the container.

use std::sync::Arc;

use crate::check::canonical::printable;
use crate::check::placement::{constraint_problem, meant_constraint, meant_preference, spread_descriptor};
use crate::diag::{Diagnostic, code};
use crate::ir::{
    Driver, Endpoint, EndpointMode, Network, Pairs, Placement, Port, Resources, RestartPolicy, Service, Text,
    UpdateConfig,
};
use crate::source::{Entry, Node, Value};

use super::super::amount;
use super::super::scope::Place;
use super::fixed::{Part, part, put};
use super::{Decoder, LABEL_DEPLOYMENT, LABEL_PREFIX, LABEL_SERVER, LABEL_USER};

/// The least CPU time that a container can be limited to, in 10^-9ths of a CPU: less fails on the node (swarm-facts 5).
const LEAST_CPU: i64 = 10_000_000;
/// The least memory that a container can be limited to, in bytes.
const LEAST_MEMORY: i64 = 6 << 20;

/// How constraints are written.
const CONSTRAINTS: &str = "write `node.labels.KEY==VALUE`, or `!=`; the left side may also be `node.role`, `node.hostname`, \
     `node.id`, `node.platform.os`, `node.platform.arch` or `engine.labels.KEY`";

/// Decodes a server's merged tree; what went wrong is in the decoder.
pub fn service(decoder: &mut Decoder<'_>, spec: &Node, hub_env: &[Entry]) -> Service {
    let get = |key: &str| spec.get(key);
    Service {
        name: Arc::clone(&decoder.scope.names.service),
        labels: decoder.service_labels(get("labels")),
        container: decoder.container(spec, hub_env),
        resources: decoder
            .once(part!(resources), (spec, &["resource_spec", "accelerators"]), |own| own.resources(spec)),
        restart_policy: decoder.once(part!(restart_policy), (spec, &["restart_policy"]), |own| {
            get("restart_policy").map(|node| own.restart_policy(node))
        }),
        placement: decoder.once(part!(placement), (spec, &["placement"]), |own| own.placement(get("placement"))),
        networks: decoder.once(part!(networks), (spec, &["networks"]), |own| own.networks(get("networks"))),
        log_driver: decoder.once(part!(log_driver), (spec, &["log_driver"]), |own| {
            get("log_driver").and_then(|node| own.log_driver(node))
        }),
        endpoint: decoder.once(part!(endpoint), (spec, &["endpoint_spec"]), |own| own.endpoint(get("endpoint_spec"))),
        update_config: decoder.once(part!(update_config), (spec, &["update_config"]), |own| {
            get("update_config").map(|node| own.update_config(node))
        }),
        rollback_config: decoder.once(part!(rollback_config), (spec, &["rollback_config"]), |own| {
            get("rollback_config").map(|node| own.update_config(node))
        }),
    }
}

impl Decoder<'_> {
    /// The config's labels and those that say whose service it is.
    fn service_labels(&mut self, node: Option<&Node>) -> Pairs {
        for entry in node.and_then(Node::as_map).into_iter().flatten() {
            if entry.key.starts_with(LABEL_PREFIX) {
                self.push(
                    Diagnostic::new(&code::BAD_VALUE, format!("labels under `{LABEL_PREFIX}` are swarmgen's own"))
                        .at(entry.key_span, "")
                        .help("give the label another name"),
                );
            }
        }
        let part = Part { slot: |fixed| &fixed.service_labels, field: |service| &mut service.labels };
        let map = node.and_then(Node::as_map);
        let mut labels = self.mixed(Some(part), map, |own, entry| Some(own.text(&entry.value, Place::Plain)));
        let scope = self.scope;
        let user = Text::from(Arc::clone(&scope.user.name));
        put(&mut labels, LABEL_USER, user, || LABEL_USER.into());
        // What an earlier server left of these holds for this one.
        if !labels.iter().any(|(key, _)| &**key == LABEL_SERVER) {
            let deployment = Text::from(Arc::clone(&scope.compiler.settings.deployment));
            put(&mut labels, LABEL_DEPLOYMENT, deployment, || LABEL_DEPLOYMENT.into());
            put(&mut labels, LABEL_SERVER, Text::from(scope.server_name), || LABEL_SERVER.into());
        }
        labels
    }

    /// Limits and reservations, with what accelerators add.
    pub(in crate::resolve) fn resources(&mut self, spec: &Node) -> Resources {
        let mut resources = Resources::default();
        if let Some(node) = spec.get("resource_spec") {
            resources = Resources {
                cpu_limit: self.amount(node, "cpu_limit", amount::cpus),
                mem_limit: self.amount(node, "mem_limit", amount::memory),
                pids_limit: self.integer(node, "pids_limit", 0..=i64::MAX),
                cpu_reservation: self.amount(node, "cpu_reservation", amount::cpus),
                mem_reservation: self.amount(node, "mem_reservation", amount::memory),
                generic_resources: Vec::new(),
            };
            self.check_least(node, "cpu_limit", resources.cpu_limit, (LEAST_CPU, "0.01 CPUs"));
            self.check_least(node, "mem_limit", resources.mem_limit, (LEAST_MEMORY, "6 MiB"));
            let generic = node.get("generic_resources");
            for entry in generic.and_then(Node::as_map).into_iter().flatten() {
                if let Some(count) = self.generic_count(generic, entry) {
                    resources.generic_resources.push((Arc::clone(&entry.key), count));
                }
            }
        }
        for item in spec.get("accelerators").and_then(Node::as_seq).unwrap_or_default() {
            let Some(kind) = self.field(item, "kind", Place::Plain) else { continue };
            let count = if item.get("count").is_some() { self.integer(item, "count", 1..=i64::MAX) } else { Some(1) };
            let Some(count) = count else { continue };
            match resources.generic_resources.iter_mut().find(|(own, _)| **own == *kind.expose()) {
                Some((_, own)) => *own = own.saturating_add(count),
                None => resources.generic_resources.push((kind.expose().into(), count)),
            }
        }
        resources.generic_resources.sort();
        resources
    }

    /// Reports a limit that the engine takes and no container can have, so that every task would fail.
    fn check_least(&mut self, table: &Node, key: &str, limit: Option<i64>, (least, words): (i64, &str)) {
        if let (Some(limit), Some(node)) = (limit, table.get(key))
            && limit < least
        {
            self.bad(
                &code::BAD_AMOUNT,
                node,
                format!("`{key}`: no container starts with less than {words}"),
                "write a larger amount, or leave the key out for no limit",
            );
        }
    }

    fn generic_count(&mut self, table: Option<&Node>, entry: &Entry) -> Option<i64> {
        match self.integer(table?, &entry.key, i64::MIN..=i64::MAX)? {
            count if count > 0 => Some(count),
            0 => {
                self.bad(
                    &code::BAD_AMOUNT,
                    &entry.value,
                    "a count of 0 takes all of a node's, not none",
                    "write how many the server needs, or remove the resource",
                );
                None
            }
            _ => {
                self.bad(
                    &code::BAD_AMOUNT,
                    &entry.value,
                    "a count of a generic resource is a whole number above 0",
                    "",
                );
                None
            }
        }
    }

    fn restart_policy(&mut self, node: &Node) -> RestartPolicy {
        RestartPolicy {
            condition: self.word(node, "condition"),
            delay: self.amount(node, "delay", amount::duration),
            max_attempts: self.integer(node, "max_attempts", 0..=i64::MAX).map(i64::unsigned_abs),
            window: self.amount(node, "window", amount::duration),
        }
    }

    fn update_config(&mut self, node: &Node) -> UpdateConfig {
        UpdateConfig {
            // docker-py's default is 0, all at once; the CLI's and the stack's is 1. With one replica both are one.
            parallelism: self.integer(node, "parallelism", 0..=i64::MAX).map_or(1, i64::unsigned_abs),
            delay: self.amount(node, "delay", amount::duration),
            failure_action: self.word(node, "failure_action"),
            monitor: self.amount(node, "monitor", amount::duration),
            max_failure_ratio: self.ratio(node, "max_failure_ratio"),
            order: self.word(node, "order"),
        }
    }

    fn ratio(&mut self, table: &Node, key: &str) -> Option<f64> {
        let node = table.get(key)?;
        let ratio = match &node.value {
            Value::Float(number) => Some(*number),
            Value::Int(number) => Some(*number as f64),
            _ => self.text(node, Place::Plain).expose().trim().parse().ok(),
        };
        match ratio {
            Some(ratio) if (0.0..=1.0).contains(&ratio) => Some(ratio),
            _ => {
                self.bad(&code::OUT_OF_RANGE, node, format!("`{key}` is a number from 0 to 1"), "");
                None
            }
        }
    }

    fn placement(&mut self, node: Option<&Node>) -> Placement {
        let Some(node) = node else { return Placement::default() };
        let mut placement = Placement {
            max_replicas: self.integer(node, "maxreplicas", 0..=i64::MAX).map(i64::unsigned_abs),
            ..Placement::default()
        };
        for item in node.get("constraints").and_then(Node::as_seq).unwrap_or_default() {
            let constraint = self.plain(item);
            if let Some(problem) = constraint_problem(constraint.expose()) {
                let meant = self.shown(item).and_then(meant_constraint);
                let message = format!("the engine refuses this constraint: {problem}");
                let help = match &meant {
                    Some(meant) => format!("did you mean `{}`?", printable(meant)),
                    None => CONSTRAINTS.to_owned(),
                };
                self.bad_meant(&code::BAD_PLACEMENT, item, (message, help), meant);
            }
            placement.constraints.push(constraint);
        }
        for item in node.get("preferences").and_then(Node::as_seq).unwrap_or_default() {
            let preference = self.plain(item);
            match spread_descriptor(preference.expose()) {
                Some(descriptor) => placement.spread.push(Text::from(descriptor)),
                None => {
                    let meant = self.shown(item).and_then(meant_preference);
                    let message = "a placement preference has the form `spread=DESCRIPTOR`".to_owned();
                    let help = match &meant {
                        Some(meant) => format!("write `{}`", printable(meant)),
                        None => "write `spread=node.labels.KEY`".to_owned(),
                    };
                    self.bad_meant(&code::BAD_PLACEMENT, item, (message, help), meant);
                }
            }
        }
        for item in node.get("platforms").and_then(Node::as_seq).unwrap_or_default() {
            let platform = self.plain(item);
            match platform.expose().split_once('/') {
                Some((os, architecture)) if !os.is_empty() && !architecture.is_empty() => {
                    placement.platforms.push((Text::from(architecture), Text::from(os)));
                }
                _ => self.bad(
                    &code::BAD_PLACEMENT,
                    item,
                    "a platform has the form `os/architecture`",
                    "write `linux/amd64`",
                ),
            }
        }
        placement
    }

    fn networks(&mut self, node: Option<&Node>) -> Vec<Network> {
        let mut networks: Vec<Network> = Vec::new();
        for item in node.and_then(Node::as_seq).unwrap_or_default() {
            let Some(target_node) = item.get("target") else {
                self.push(Diagnostic::new(&code::MISSING_KEY, "a network needs a `target`").at(item.span, ""));
                continue;
            };
            let target = self.plain(target_node);
            match target.expose() {
                "" => self.bad(&code::BAD_NETWORK, target_node, "the name of the network is empty", ""),
                "ingress" => self.bad(
                    &code::BAD_NETWORK,
                    target_node,
                    "the engine attaches no service to `ingress`",
                    "use an overlay network that the hub or the proxy is on too",
                ),
                "none" => self.bad(
                    &code::BAD_NETWORK,
                    target_node,
                    "on the network `none` nobody can reach a server",
                    "use an overlay network that the hub or the proxy is on too",
                ),
                name if networks.iter().any(|own| own.target.expose() == name) => {
                    let name = if target.is_secret() { target.to_string() } else { printable(name) };
                    let message = format!("network `{name}` is listed twice");
                    self.bad(&code::BAD_NETWORK, target_node, message, "remove one of them");
                }
                _ => {}
            }
            networks.push(Network {
                target,
                aliases: self.texts(item.get("aliases")),
                driver_opts: self.pairs(item.get("options"), Place::Plain),
            });
        }
        networks
    }

    fn log_driver(&mut self, node: &Node) -> Option<Driver> {
        let driver = Driver {
            name: self.field(node, "name", Place::Plain),
            options: self.pairs(node.get("options"), Place::Plain),
        };
        if driver.name.is_none() && !driver.options.is_empty() {
            self.bad(
                &code::MISSING_KEY,
                node,
                "log options without a driver's `name` have no effect",
                "name the driver: `name = \"json-file\"`",
            );
        }
        (driver.name.is_some() || !driver.options.is_empty()).then_some(driver)
    }

    fn endpoint(&mut self, node: Option<&Node>) -> Endpoint {
        let ports: Vec<Port> = node
            .and_then(|node| node.get("ports"))
            .and_then(Node::as_seq)
            .unwrap_or_default()
            .iter()
            .filter_map(|port| self.port(port))
            .collect();
        self.check_published(node, &ports);
        let ingress = ports.iter().any(|port| &*port.mode == "ingress");
        let mode = match node.and_then(|node| node.get("mode")) {
            Some(mode) => {
                let dnsrr = mode.as_str() == Some("dnsrr");
                if dnsrr && ingress {
                    self.bad(
                        &code::BAD_ENDPOINT,
                        mode,
                        "a port of mode `ingress` needs a virtual address, which `dnsrr` has not",
                        "set the port's `mode = \"host\"`, or `mode = \"vip\"` here",
                    );
                }
                if dnsrr { EndpointMode::Dnsrr } else { EndpointMode::Vip }
            }
            None if ingress => EndpointMode::Vip,
            None => EndpointMode::Dnsrr,
        };
        Endpoint { mode, ports }
    }

    /// The engine refuses a port that a service publishes twice.
    fn check_published(&mut self, node: Option<&Node>, ports: &[Port]) {
        let nodes = node.and_then(|node| node.get("ports")).and_then(Node::as_seq).unwrap_or_default();
        // One that failed is told of already.
        if nodes.len() != ports.len() {
            return;
        }
        let mut known: Vec<(&Port, &Node)> = Vec::new();
        for (port, node) in ports.iter().zip(nodes).filter(|(port, _)| port.published.is_some()) {
            let is_same = |known: &Port| (known.published, &known.protocol) == (port.published, &port.protocol);
            if known.iter().any(|(known, _)| is_same(known)) {
                let node = node.get("published").unwrap_or(node);
                self.bad(&code::BAD_ENDPOINT, node, "the service publishes this port twice", "give each port its own");
            }
            known.push((port, node));
        }
    }

    fn port(&mut self, node: &Node) -> Option<Port> {
        let target = self.integer(node, "target", 1..=65535)?;
        let published = self.integer(node, "published", 0..=65535).filter(|port| *port != 0);
        Some(Port {
            protocol: self.word(node, "protocol").unwrap_or_else(|| "tcp".into()),
            target: u16::try_from(target).ok()?,
            published: published.and_then(|port| u16::try_from(port).ok()),
            mode: self.word(node, "mode").unwrap_or_else(|| "ingress".into()),
        })
    }
}
