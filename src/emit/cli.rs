//! `cli`: a `docker service create` command for a POSIX shell.
//!
//! The judge is what the docker CLI sends to the engine. It adds to every service empty `DNSConfig` and `Placement`
//! objects and `Init false`, which are its defaults for absent flags; what it would change or leave out of what the
//! config says is refused.
//!
//! Source: <https://docs.docker.com/reference/cli/docker/service/create/>.

mod mount;
mod shell;

pub(in crate::emit) use shell::quote;

use super::{ApiVersion, Inexpressible, Refusals, amount, container_at, refuse_selinux};
use crate::diag::code;
use crate::ir::{
    Container, CredentialSpec, DnsConfig, Driver, Endpoint, Healthcheck, Host, Pairs, Placement, Port, Privileges,
    Resources, RestartPolicy, Service, Text, Ulimit, UpdateConfig,
};
use crate::source::Pointer;

/// The longest word that the kernel hands to a process, without the NUL at its end (`MAX_ARG_STRLEN`), in bytes.
const MAX_WORD: usize = 131_071;

/// Makes the command, one flag to a line, ending in a line feed.
///
/// # Errors
///
/// Secrets, since every process of the machine can read a command's arguments; everything that flags cannot say.
pub fn command(service: &Service, api: ApiVersion) -> Result<String, Vec<Inexpressible>> {
    let mut command = Command::default();
    service.for_each_text(&mut |at, text| {
        if text.is_secret() {
            let message = "a command line would show this secret to every process";
            let help = "render `stack` or `service`, or keep the secret on the swarm under `secrets`";
            command.refusals.add_code(&code::SECRETS_IN_ARGUMENTS, at.pointer(), message, Some(help));
        }
    });
    if !command.refusals.0.is_empty() {
        return Err(command.refusals.0);
    }
    command.service(service, api);
    let Command { lines, refusals } = command;
    refusals.into_result(lines.join(" \\\n  ") + "\n")
}

/// A command in the making.
#[derive(Default)]
struct Command {
    lines: Vec<String>,
    refusals: Refusals,
}

impl Command {
    /// Adds a flag with its value; `at` says where the value is from.
    fn flag(&mut self, flag: &'static str, value: &str, at: &dyn Fn() -> Pointer) {
        let value = self.word(value, at);
        self.lines.push(format!("--{flag} {value}"));
    }

    fn word(&mut self, word: &str, at: &dyn Fn() -> Pointer) -> String {
        if word.contains('\0') {
            self.refusals.add(at(), "no argument of a command can hold a NUL", Some("remove it"));
        }
        if word.len() > MAX_WORD {
            let message = "no argument of a command can have more than 131,071 bytes";
            self.refusals.add(at(), message, Some("render `service` or `stack`"));
        }
        quote(word)
    }

    /// Adds a flag whose value is a number or one of few words.
    fn amount(&mut self, flag: &'static str, value: Option<impl std::fmt::Display>) {
        if let Some(value) = value {
            self.lines.push(format!("--{flag} {}", quote(&value.to_string())));
        }
    }

    fn time(&mut self, flag: &'static str, nanoseconds: Option<i64>) {
        self.amount(flag, nanoseconds.map(amount::duration));
    }

    fn text(&mut self, flag: &'static str, value: Option<&Text>, at: &dyn Fn() -> Pointer) {
        // The CLI has no empty value: it is the same as none, to the engine too.
        if let Some(value) = value.filter(|value| !value.expose().is_empty()) {
            self.flag(flag, value.expose(), at);
        }
    }

    fn texts(&mut self, flag: &'static str, values: &[Text], at: &dyn Fn() -> Pointer) {
        for (index, value) in values.iter().enumerate() {
            self.flag(flag, value.expose(), &|| at().child(index));
        }
    }

    fn pairs(&mut self, flag: &'static str, pairs: &Pairs, at: &dyn Fn() -> Pointer) {
        for (key, value) in pairs {
            self.check_key(key, &|| at().child(key));
            self.flag(flag, &format!("{key}={}", value.expose()), &|| at().child(key));
        }
    }

    /// Refuses keys that the CLI cuts elsewhere, or does not take.
    fn check_key(&mut self, key: &str, at: &dyn Fn() -> Pointer) {
        if key.is_empty() || key.contains(['=', ' ', '\t']) {
            let message = "the docker CLI takes no key that is empty or holds `=` or space";
            self.refusals.add(at(), message, Some("change the key, or render `service` or `stack`"));
        }
    }

    fn memory_survives(&mut self, bytes: i64, at: impl FnOnce() -> Pointer) {
        if !amount::bytes_survive(bytes) {
            self.refusals.add(at(), "the docker CLI rounds amounts of memory above 8 PiB", Some("ask for less"));
        }
    }

    fn service(&mut self, service: &Service, api: ApiVersion) {
        let Service {
            name,
            labels,
            container,
            resources,
            restart_policy,
            placement,
            networks,
            log_driver,
            endpoint,
            update_config,
            rollback_config,
        } = service;
        self.lines.push("docker service create".to_owned());
        self.flag("name", name, &|| Pointer::parse("/service_prefix"));
        self.lines.push("--replicas 1".to_owned());
        self.pairs("label", labels, &|| Pointer::parse("/labels"));
        self.container(container, api);
        self.resources(resources);
        if let Some(RestartPolicy { condition, delay, max_attempts, window }) = restart_policy {
            self.amount("restart-condition", condition.as_ref());
            self.time("restart-delay", *delay);
            self.amount("restart-max-attempts", *max_attempts);
            self.time("restart-window", *window);
        }
        self.placement(placement);
        for (index, network) in networks.iter().enumerate() {
            self.network(network, index);
        }
        if let Some(log_driver) = log_driver {
            self.log_driver(log_driver);
        }
        self.endpoint(endpoint);
        for (flags, key, config) in
            [(&UPDATE, "update_config", update_config), (&ROLLBACK, "rollback_config", rollback_config)]
        {
            if let Some(config) = config {
                self.update(flags, key, config);
            }
        }
        let image = self.word(container.image.expose(), &|| container_at("image"));
        self.lines.push(image);
        for (index, arg) in container.args.iter().flatten().enumerate() {
            let arg = self.word(arg.expose(), &|| container_at("args").child(index));
            self.lines.push(arg);
        }
    }

    fn container(&mut self, container: &Container, api: ApiVersion) {
        let Container {
            // Both come last.
            image: _,
            args: _,
            command,
            hostname,
            env,
            workdir,
            user,
            groups,
            labels,
            mounts,
            stop_grace_period,
            stop_signal,
            healthcheck,
            hosts,
            dns_config,
            configs,
            secrets,
            privileges,
            isolation,
            init,
            cap_add,
            cap_drop,
            sysctls,
            ulimits,
            tty,
            open_stdin,
            read_only,
        } = container;
        if let Some(command) = command.as_ref().filter(|command| !command.is_empty()) {
            let words: Vec<&str> = command.iter().map(Text::expose).collect();
            self.flag("entrypoint", &shell::join(&words), &|| container_at("command"));
        }
        self.text("hostname", hostname.as_ref(), &|| container_at("hostname"));
        self.pairs("env", env, &|| container_at("env"));
        self.text("workdir", workdir.as_ref(), &|| container_at("workdir"));
        self.text("user", user.as_ref(), &|| container_at("user"));
        self.texts("group", groups, &|| container_at("groups"));
        self.pairs("container-label", labels, &|| container_at("labels"));
        for (index, mount) in mounts.iter().enumerate() {
            self.mount(mount, index, api);
        }
        self.time("stop-grace-period", *stop_grace_period);
        self.text("stop-signal", stop_signal.as_ref(), &|| container_at("stop_signal"));
        if let Some(healthcheck) = healthcheck {
            self.healthcheck(healthcheck, api);
        }
        for Host { name, address } in hosts {
            let at = || container_at("hosts").child(name.expose());
            if name.expose().contains([':', '=']) {
                let help = Some("write the name without them");
                self.refusals.add(at(), "`--host` ends a name at its first `:` or `=`", help);
            }
            self.flag("host", &format!("{}:{}", name.expose(), address.expose()), &at);
        }
        if let Some(DnsConfig { nameservers, search, options }) = dns_config {
            let at = |key: &str| container_at("dns_config").child(key);
            self.texts("dns", nameservers, &|| at("nameservers"));
            self.texts("dns-search", search, &|| at("search"));
            self.texts("dns-option", options, &|| at("options"));
        }
        for (flag, references) in [("config", configs), ("secret", secrets)] {
            for (index, reference) in references.iter().enumerate() {
                self.reference(flag, reference, index);
            }
        }
        if let Some(Privileges { credential_spec, selinux }) = privileges {
            let at = |key: &str| container_at("privileges").child(key);
            match credential_spec {
                Some(CredentialSpec::File(file)) => {
                    let value = format!("file://{}", file.expose());
                    self.flag("credential-spec", &value, &|| at("credentialspec_file"));
                }
                Some(CredentialSpec::Registry(value)) => {
                    let value = format!("registry://{}", value.expose());
                    self.flag("credential-spec", &value, &|| at("credentialspec_registry"));
                }
                None => {}
            }
            if let Some(context) = selinux {
                refuse_selinux(context, "`docker service create` has no SELinux flags", &mut self.refusals);
            }
        }
        self.text("isolation", isolation.as_ref(), &|| container_at("isolation"));
        self.texts("cap-add", cap_add, &|| container_at("cap_add"));
        self.texts("cap-drop", cap_drop, &|| container_at("cap_drop"));
        self.pairs("sysctl", sysctls, &|| container_at("sysctls"));
        for Ulimit { name, soft, hard } in ulimits {
            self.flag("ulimit", &format!("{name}={soft}:{hard}"), &|| container_at("ulimits").child(name));
        }
        if let Some(init) = init {
            self.lines.push(format!("--init={init}"));
        }
        if *tty == Some(true) {
            self.lines.push("--tty".to_owned());
        }
        if *open_stdin == Some(true) {
            let help = Some("leave it out, or render `service` or `stack`");
            self.refusals.add(
                container_at("open_stdin"),
                "`docker service create` has no flag that keeps standard input open",
                help,
            );
        }
        if *read_only == Some(true) {
            self.lines.push("--read-only".to_owned());
        }
    }

    fn healthcheck(&mut self, healthcheck: &Healthcheck, api: ApiVersion) {
        let Healthcheck { test, interval, timeout, start_period, start_interval, retries } = healthcheck;
        let at = |key: &str| container_at("healthcheck").child(key);
        let words: Vec<&str> = test.iter().flatten().map(Text::expose).collect();
        match words.as_slice() {
            [] => {}
            ["NONE"] => {
                let others = [interval, timeout, start_period, start_interval, retries];
                if others.into_iter().any(Option::is_some) {
                    let help = Some("leave its other settings out");
                    self.refusals.add(at("test"), "`--no-healthcheck` excludes other health flags", help);
                }
                self.lines.push("--no-healthcheck".to_owned());
                return;
            }
            ["CMD-SHELL", line] if !line.is_empty() => self.flag("health-cmd", line, &|| at("test").child(1)),
            _ => {
                let help = Some("write the test as one string, which a shell runs, or render `service` or `stack`");
                self.refusals.add(at("test"), "`--health-cmd` runs only what a shell takes", help);
            }
        }
        self.time("health-interval", *interval);
        self.time("health-timeout", *timeout);
        self.time("health-start-period", *start_period);
        if start_interval.is_some() {
            self.refusals.needs_api(api, ApiVersion::V1_44, at("start_interval"), "start_interval");
            self.time("health-start-interval", *start_interval);
        }
        self.amount("health-retries", *retries);
    }

    fn resources(&mut self, resources: &Resources) {
        let Resources { cpu_limit, mem_limit, pids_limit, cpu_reservation, mem_reservation, generic_resources } =
            resources;
        let at = |key: &str| Pointer::parse("/resource_spec").child(key);
        self.amount("limit-cpu", cpu_limit.map(amount::cpus));
        self.amount("limit-memory", *mem_limit);
        self.amount("limit-pids", *pids_limit);
        self.amount("reserve-cpu", cpu_reservation.map(amount::cpus));
        self.amount("reserve-memory", *mem_reservation);
        for (key, bytes) in [("mem_limit", mem_limit), ("mem_reservation", mem_reservation)] {
            if let Some(bytes) = bytes {
                self.memory_survives(*bytes, || at(key));
            }
        }
        for (kind, count) in generic_resources {
            let at = || at("generic_resources").child(kind);
            self.check_key(kind, &at);
            self.flag("generic-resource", &format!("{kind}={count}"), &at);
        }
    }

    fn placement(&mut self, placement: &Placement) {
        let Placement { constraints, spread, max_replicas, platforms } = placement;
        let at = |key: &str| Pointer::parse("/placement").child(key);
        self.texts("constraint", constraints, &|| at("constraints"));
        for (index, descriptor) in spread.iter().enumerate() {
            let at = || at("preferences").child(index);
            if descriptor.expose().contains('=') {
                let help = Some("remove it, or render `service` or `stack`");
                self.refusals.add(at(), "`--placement-pref` takes no second `=`", help);
            }
            self.flag("placement-pref", &format!("spread={}", descriptor.expose()), &at);
        }
        self.amount("replicas-max-per-node", *max_replicas);
        if !platforms.is_empty() {
            let help = Some("use a constraint on `node.platform.os` or `node.platform.arch`");
            self.refusals.add(at("platforms"), "`docker service create` has no flag for platforms", help);
        }
    }

    fn log_driver(&mut self, driver: &Driver) {
        let Driver { name, options } = driver;
        self.text("log-driver", name.as_ref(), &|| Pointer::parse("/log_driver/name"));
        let at = || Pointer::parse("/log_driver/options");
        if name.as_ref().is_none_or(|name| name.expose().is_empty()) && !options.is_empty() {
            let message = "`docker service create` drops `--log-opt` without `--log-driver`";
            self.refusals.add(at(), message, Some("name the log driver"));
        }
        self.pairs("log-opt", options, &at);
    }

    fn endpoint(&mut self, endpoint: &Endpoint) {
        let Endpoint { mode, ports } = endpoint;
        self.amount("endpoint-mode", Some(mode.as_str()));
        for Port { protocol, target, published, mode } in ports {
            let published = published.map(|published| format!("published={published},")).unwrap_or_default();
            let value = format!("{published}target={target},protocol={protocol},mode={mode}");
            self.flag("publish", &value, &|| Pointer::parse("/endpoint_spec/ports"));
        }
    }

    fn update(&mut self, flags: &UpdateFlags, key: &str, config: &UpdateConfig) {
        let UpdateConfig { parallelism, delay, failure_action, monitor, max_failure_ratio, order } = config;
        self.amount(flags.parallelism, Some(parallelism));
        self.time(flags.delay, *delay);
        self.amount(flags.failure_action, failure_action.as_ref());
        self.time(flags.monitor, *monitor);
        if max_failure_ratio.is_some_and(|ratio| !ratio.is_finite()) {
            let at = Pointer::root().child(key).child("max_failure_ratio");
            self.refusals.add(at, "the failure ratio is no number", Some("write a number from 0 to 1"));
        }
        self.amount(flags.max_failure_ratio, *max_failure_ratio);
        self.amount(flags.order, order.as_ref());
    }
}

/// The names of the flags of an update or a rollback.
struct UpdateFlags {
    parallelism: &'static str,
    delay: &'static str,
    failure_action: &'static str,
    monitor: &'static str,
    max_failure_ratio: &'static str,
    order: &'static str,
}

static UPDATE: UpdateFlags = UpdateFlags {
    parallelism: "update-parallelism",
    delay: "update-delay",
    failure_action: "update-failure-action",
    monitor: "update-monitor",
    max_failure_ratio: "update-max-failure-ratio",
    order: "update-order",
};

static ROLLBACK: UpdateFlags = UpdateFlags {
    parallelism: "rollback-parallelism",
    delay: "rollback-delay",
    failure_action: "rollback-failure-action",
    monitor: "rollback-monitor",
    max_failure_ratio: "rollback-max-failure-ratio",
    order: "rollback-order",
};

#[cfg(test)]
mod tests;
