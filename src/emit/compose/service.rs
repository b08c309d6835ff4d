//! One service of a stack.

use super::super::{Inexpressible, Refusals, container_at, refuse_selinux};
use super::volume::{self, check_unique};
use super::yaml::Writer;
use super::{deploy, key_of, network_key};
use crate::emit::amount;
use crate::ir::{
    Container, CredentialSpec, DnsConfig, Driver, Endpoint, FileReference, Healthcheck, Host, Network, Pairs,
    Privileges, Service, Text, Ulimit,
};
use crate::source::Pointer;

/// The label with the stack's name, which `docker stack deploy` writes over.
pub(super) const NAMESPACE_LABEL: &str = "com.docker.stack.namespace";
/// The label with the image's name, which `docker stack deploy` writes over.
const IMAGE_LABEL: &str = "com.docker.stack.image";

/// Writes a service as an entry of `services`.
///
/// A service without networks is attached to the stack's own `default` network by the docker CLI.
///
/// # Errors
///
/// Everything of the service that a stack cannot say; nothing is then written.
pub fn service_fragment(service: &Service, out: &mut Vec<u8>) -> Result<(), Vec<Inexpressible>> {
    let start = out.len();
    let mut refusals = Refusals::default();
    write_service(&mut Writer::new(out, 1), service, &mut refusals);
    if !refusals.0.is_empty() {
        out.truncate(start);
    }
    refusals.into_result(())
}

fn write_service(writer: &mut Writer<'_>, service: &Service, refusals: &mut Refusals) {
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
    writer.open_named(name);
    write_container(writer, container, refusals);
    if let Some(Driver { name, options }) = log_driver {
        writer.open("logging");
        writer.maybe("driver", name.as_ref());
        writer.some_pairs("options", options);
        writer.close();
    }
    write_networks(writer, networks, refusals);
    let Endpoint { mode, ports } = endpoint;
    deploy::ports(writer, ports, refusals);
    writer.open("deploy");
    writer.string("mode", "replicated");
    writer.plain("replicas", 1);
    writer.string("endpoint_mode", mode.as_str());
    let at = || Pointer::parse("/labels");
    check_label(labels, NAMESPACE_LABEL, &at, refusals);
    check_label(labels, IMAGE_LABEL, &at, refusals);
    check_keys(labels, &at, refusals);
    writer.some_pairs("labels", labels);
    deploy::resources(writer, resources, refusals);
    if let Some(policy) = restart_policy {
        deploy::restart_policy(writer, policy);
    }
    deploy::placement(writer, placement, refusals);
    for (key, config) in [("update_config", update_config), ("rollback_config", rollback_config)] {
        if let Some(config) = config {
            deploy::update_config(writer, key, config, refusals);
        }
    }
    writer.close();
    writer.close();
}

fn write_container(writer: &mut Writer<'_>, container: &Container, refusals: &mut Refusals) {
    let Container {
        image,
        command,
        args,
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
    writer.string("image", image.expose());
    // Swarm's Command is Compose's entrypoint, and Swarm's Args are Compose's command.
    if let Some(command) = command {
        writer.list("entrypoint", command);
    }
    if let Some(args) = args {
        writer.list("command", args);
    }
    writer.maybe("hostname", hostname.as_ref());
    write_env(writer, env, refusals);
    writer.maybe("working_dir", workdir.as_ref());
    writer.maybe("user", user.as_ref());
    if !groups.is_empty() {
        let help = Some("build the groups into the image's user, or render `service` or `cli`");
        refusals.add(container_at("groups"), "a stack has no supplementary groups", help);
    }
    check_label(labels, NAMESPACE_LABEL, &|| container_at("labels"), refusals);
    check_keys(labels, &|| container_at("labels"), refusals);
    writer.some_pairs("labels", labels);
    volume::mounts(writer, mounts, refusals);
    write_references(writer, "configs", configs);
    write_references(writer, "secrets", secrets);
    if let Some(period) = stop_grace_period {
        writer.string("stop_grace_period", &amount::duration(*period));
    }
    writer.maybe("stop_signal", stop_signal.as_ref());
    if let Some(healthcheck) = healthcheck {
        write_healthcheck(writer, healthcheck, refusals);
    }
    write_hosts(writer, hosts, refusals);
    if let Some(dns) = dns_config {
        write_dns(writer, dns, refusals);
    }
    if let Some(privileges) = privileges {
        write_privileges(writer, privileges, refusals);
    }
    writer.maybe("isolation", isolation.as_ref());
    for (key, list) in [("cap_add", cap_add), ("cap_drop", cap_drop)] {
        check_unique(list, &|| container_at(key), refusals);
        writer.some_list(key, list);
    }
    check_keys(sysctls, &|| container_at("sysctls"), refusals);
    writer.some_pairs("sysctls", sysctls);
    let opened = writer.open("ulimits");
    for Ulimit { name, soft, hard } in ulimits {
        writer.open_named(name);
        writer.plain("soft", soft);
        writer.plain("hard", hard);
        writer.close();
    }
    writer.close_unless_empty(opened);
    for (key, flag) in [("init", init), ("tty", tty), ("stdin_open", open_stdin), ("read_only", read_only)] {
        if let Some(flag) = flag {
            writer.plain(key, flag);
        }
    }
}

fn write_env(writer: &mut Writer<'_>, env: &Pairs, refusals: &mut Refusals) {
    check_keys(env, &|| container_at("env"), refusals);
    let opened = writer.open("environment");
    for (name, value) in env {
        match value.expose() {
            // The CLI fills an empty value from the environment of whoever deploys. A key that ends in `=` has no
            // value there, and is sent as it is: `NAME=`.
            "" => writer.pair(&format!("{name}="), None),
            value => writer.pair(name, Some(value)),
        }
    }
    writer.close_unless_empty(opened);
}

fn write_networks(writer: &mut Writer<'_>, networks: &[Network], refusals: &mut Refusals) {
    let opened = writer.open("networks");
    for (index, Network { target, aliases, driver_opts }) in networks.iter().enumerate() {
        let at = || Pointer::parse("/networks").child(index);
        if networks.iter().take(index).any(|earlier| earlier.target == *target) {
            refusals.add(at(), "a stack attaches a service to a network only once", Some("remove one of the two"));
        }
        check_unique(aliases, &|| at().child("aliases"), refusals);
        writer.open_named(&network_key(target.expose()));
        writer.some_list("aliases", aliases);
        writer.some_pairs("driver_opts", driver_opts);
        writer.close();
    }
    writer.close_unless_empty(opened);
}

fn write_references(writer: &mut Writer<'_>, key: &'static str, references: &[FileReference]) {
    let opened = writer.open(key);
    // The CLI asks the swarm for the id by the name.
    for FileReference { name, id: _, file, uid, gid, mode } in references {
        writer.entry();
        writer.string("source", &key_of(name.expose()));
        writer.string("target", file.expose());
        writer.string("uid", uid.expose());
        writer.string("gid", gid.expose());
        // In decimal: YAML 1.1 and 1.2 disagree about how octal is written.
        writer.plain("mode", mode);
    }
    writer.close_unless_empty(opened);
}

fn write_healthcheck(writer: &mut Writer<'_>, healthcheck: &Healthcheck, refusals: &mut Refusals) {
    let Healthcheck { test, interval, timeout, start_period, start_interval, retries } = healthcheck;
    let at = |key: &str| container_at("healthcheck").child(key);
    writer.open("healthcheck");
    if let Some(test) = test {
        writer.list("test", test);
    }
    for (key, time) in [("interval", interval), ("timeout", timeout), ("start_period", start_period)] {
        if let Some(time) = time {
            writer.string(key, &amount::duration(*time));
        }
    }
    if start_interval.is_some() {
        // The CLI takes it and sends it whatever the engine's version; engines before 25 drop it.
        let help = Some("leave it out, or render `service` for Engine API 1.44 or newer");
        refusals.add(at("start_interval"), "a stack's `start_interval` is dropped by engines before 25", help);
    }
    if let Some(retries) = retries {
        if *retries < 0 {
            refusals.add(at("retries"), "a stack takes no negative number of retries", None);
        }
        writer.plain("retries", retries);
    }
    writer.close();
}

fn write_hosts(writer: &mut Writer<'_>, hosts: &[Host], refusals: &mut Refusals) {
    let mut lines = Vec::with_capacity(hosts.len());
    for Host { name, address } in hosts {
        let at = || container_at("hosts").child(name.expose());
        let line = Text::from(format!("{}:{}", name.expose(), address.expose()));
        if name.expose().contains(':') {
            refusals.add(at(), "a stack ends a host's name at its first `:`", Some("write the name without `:`"));
        }
        if lines.contains(&line) {
            refusals.add(at(), "a stack takes no line of the hosts file twice", Some("remove the second one"));
        }
        lines.push(line);
    }
    writer.some_list("extra_hosts", &lines);
}

fn write_dns(writer: &mut Writer<'_>, dns: &DnsConfig, refusals: &mut Refusals) {
    let DnsConfig { nameservers, search, options } = dns;
    let at = |key: &str| container_at("dns_config").child(key);
    check_unique(nameservers, &|| at("nameservers"), refusals);
    check_unique(search, &|| at("search"), refusals);
    writer.some_list("dns", nameservers);
    writer.some_list("dns_search", search);
    if !options.is_empty() {
        let help = Some("leave them out, or render `service` or `cli`");
        refusals.add(at("options"), "a stack has no DNS options", help);
    }
}

fn write_privileges(writer: &mut Writer<'_>, privileges: &Privileges, refusals: &mut Refusals) {
    let Privileges { credential_spec, selinux } = privileges;
    if let Some(spec) = credential_spec {
        writer.open("credential_spec");
        match spec {
            CredentialSpec::File(file) => writer.string("file", file.expose()),
            CredentialSpec::Registry(value) => writer.string("registry", value.expose()),
        }
        writer.close();
    }
    if let Some(context) = selinux {
        refuse_selinux(context, "a stack has no SELinux settings", refusals);
    }
}

/// Refuses a label that `docker stack deploy` replaces by its own.
pub(super) fn check_label(labels: &Pairs, label: &str, at: &dyn Fn() -> Pointer, refusals: &mut Refusals) {
    if labels.iter().any(|(key, _)| &**key == label) {
        let message = format!("`docker stack deploy` puts its own value in the label `{label}`");
        refusals.add(at().child(label), message, Some("remove the label"));
    }
}

/// Refuses keys in which Compose's schema finds no character: it looks for one that ends no line.
pub(super) fn check_keys(pairs: &Pairs, at: &dyn Fn() -> Pointer, refusals: &mut Refusals) {
    for (key, _) in pairs.iter().filter(|(key, _)| key.bytes().all(|byte| byte == b'\n')) {
        refusals.add(at().child(key), "a stack takes no empty key", Some("give it a name"));
    }
}
