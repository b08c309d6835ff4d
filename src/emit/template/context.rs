//! What a template is given.

use minijinja::Value as Context;
use minijinja::value::Serde;
use serde_json::{Map, Value, json};

use super::Entry;
use crate::ir::{
    Container, CredentialSpec, DnsConfig, Driver, Endpoint, FileReference, Healthcheck, Host, Mount, MountKind,
    Network, Pairs, Placement, Port, Privileges, Resources, RestartPolicy, SelinuxContext, Service, Text, Ulimit,
    UpdateConfig,
};

/// The names that a template knows.
pub(super) fn context(entries: &[Entry<'_>]) -> Context {
    let services: Vec<Value> = entries
        .iter()
        .map(|Entry { service: one, spec }| {
            let mut value = service(one);
            if let (Value::Object(fields), Some(spec)) = (&mut value, spec) {
                fields.insert("spec".to_owned(), spec.clone());
            }
            value
        })
        .collect();
    let mut names = Map::new();
    if let [only] = services.as_slice() {
        names.insert("service".to_owned(), only.clone());
        if let Some(spec) = only.get("spec") {
            names.insert("spec".to_owned(), spec.clone());
        }
    }
    names.insert("services".to_owned(), services.into());
    Context::from(Serde(names))
}

fn text(text: &Text) -> Value {
    text.expose().into()
}

fn maybe(one: Option<&Text>) -> Value {
    one.map_or(Value::Null, text)
}

fn texts(texts: &[Text]) -> Value {
    texts.iter().map(text).collect()
}

fn pairs(pairs: &Pairs) -> Value {
    pairs.iter().map(|(key, value)| (key.to_string(), text(value))).collect()
}

fn word(word: Option<&std::sync::Arc<str>>) -> Value {
    word.map_or(Value::Null, |word| (&**word).into())
}

fn service(service: &Service) -> Value {
    let Service {
        name,
        labels,
        container: container_spec,
        resources,
        restart_policy,
        placement,
        networks,
        log_driver,
        endpoint,
        update_config,
        rollback_config,
    } = service;
    let Resources { cpu_limit, mem_limit, pids_limit, cpu_reservation, mem_reservation, generic_resources } = resources;
    let Placement { constraints, spread, max_replicas, platforms } = placement;
    let generic: Map<String, Value> =
        generic_resources.iter().map(|(kind, count)| (kind.to_string(), (*count).into())).collect();
    let platforms: Vec<Value> =
        platforms.iter().map(|(architecture, os)| json!([architecture.expose(), os.expose()])).collect();
    json!({
        "name": &**name,
        "labels": pairs(labels),
        "container_spec": container(container_spec),
        "resource_spec": {
            "cpu_limit": cpu_limit,
            "mem_limit": mem_limit,
            "pids_limit": pids_limit,
            "cpu_reservation": cpu_reservation,
            "mem_reservation": mem_reservation,
            "generic_resources": generic,
        },
        "restart_policy": restart_policy.as_ref().map(|RestartPolicy { condition, delay, max_attempts, window }| {
            json!({
                "condition": word(condition.as_ref()),
                "delay": delay,
                "max_attempts": max_attempts,
                "window": window,
            })
        }),
        "placement": {
            "constraints": texts(constraints),
            "preferences": texts(spread),
            "maxreplicas": max_replicas,
            "platforms": platforms,
        },
        "networks": networks.iter().map(network).collect::<Value>(),
        "log_driver": log_driver.as_ref().map(driver),
        "endpoint_spec": endpoint_spec(endpoint),
        "update_config": update_config.as_ref().map(update),
        "rollback_config": rollback_config.as_ref().map(update),
    })
}

fn network(network: &Network) -> Value {
    let Network { target, aliases, driver_opts } = network;
    json!({"target": text(target), "aliases": texts(aliases), "options": pairs(driver_opts)})
}

fn driver(driver: &Driver) -> Value {
    let Driver { name, options } = driver;
    json!({"name": maybe(name.as_ref()), "options": pairs(options)})
}

fn endpoint_spec(endpoint: &Endpoint) -> Value {
    let Endpoint { mode, ports } = endpoint;
    let ports = ports.iter().map(|Port { protocol, target, published, mode }| {
        json!({"protocol": &**protocol, "target": target, "published": published, "mode": &**mode})
    });
    json!({"mode": mode.as_str(), "ports": ports.collect::<Value>()})
}

fn update(config: &UpdateConfig) -> Value {
    let UpdateConfig { parallelism, delay, failure_action, monitor, max_failure_ratio, order } = config;
    json!({
        "parallelism": parallelism,
        "delay": delay,
        "failure_action": word(failure_action.as_ref()),
        "monitor": monitor,
        "max_failure_ratio": max_failure_ratio,
        "order": word(order.as_ref()),
    })
}

fn container(container: &Container) -> Value {
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
        privileges: privileged,
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
    let hosts: Map<String, Value> =
        hosts.iter().map(|Host { name, address }| (name.expose().to_owned(), text(address))).collect();
    let ulimits: Map<String, Value> = ulimits
        .iter()
        .map(|Ulimit { name, soft, hard }| (name.to_string(), json!({"soft": soft, "hard": hard})))
        .collect();
    json!({
        "image": text(image),
        "command": command.as_deref().map(texts),
        "args": args.as_deref().map(texts),
        "hostname": maybe(hostname.as_ref()),
        "env": pairs(env),
        "workdir": maybe(workdir.as_ref()),
        "user": maybe(user.as_ref()),
        "groups": texts(groups),
        "labels": pairs(labels),
        "mounts": mounts.iter().map(mount).collect::<Value>(),
        "stop_grace_period": stop_grace_period,
        "stop_signal": maybe(stop_signal.as_ref()),
        "healthcheck": healthcheck.as_ref().map(health),
        "hosts": hosts,
        "dns_config": dns_config.as_ref().map(|DnsConfig { nameservers, search, options }| {
            json!({"nameservers": texts(nameservers), "search": texts(search), "options": texts(options)})
        }),
        "configs": configs.iter().map(|one| reference(one, "config")).collect::<Value>(),
        "secrets": secrets.iter().map(|one| reference(one, "secret")).collect::<Value>(),
        "privileges": privileged.as_ref().map(privileges),
        "isolation": maybe(isolation.as_ref()),
        "init": init,
        "cap_add": texts(cap_add),
        "cap_drop": texts(cap_drop),
        "sysctls": pairs(sysctls),
        "ulimits": ulimits,
        "tty": tty,
        "open_stdin": open_stdin,
        "read_only": read_only,
    })
}

fn mount(mount: &Mount) -> Value {
    let Mount { target, read_only, consistency, kind } = mount;
    let mut value = json!({
        "type": "",
        "source": null,
        "target": text(target),
        "read_only": read_only,
        "consistency": word(consistency.as_ref()),
        "propagation": null,
        "non_recursive": null,
        "no_copy": false,
        "labels": {},
        "driver_config": null,
        "subpath": null,
        "tmpfs_size": null,
        "tmpfs_mode": null,
    });
    let particular = match kind {
        MountKind::Bind { source, propagation, non_recursive } => json!({
            "type": "bind",
            "source": text(source),
            "propagation": word(propagation.as_ref()),
            "non_recursive": non_recursive,
        }),
        MountKind::Volume { source, no_copy, labels, driver: config, subpath } => json!({
            "type": "volume",
            "source": maybe(source.as_ref()),
            "no_copy": no_copy,
            "labels": pairs(labels),
            "driver_config": config.as_ref().map(driver),
            "subpath": maybe(subpath.as_ref()),
        }),
        MountKind::Tmpfs { size, mode } => json!({"type": "tmpfs", "tmpfs_size": size, "tmpfs_mode": mode}),
        MountKind::Npipe { source } => json!({"type": "npipe", "source": text(source)}),
    };
    if let (Value::Object(fields), Value::Object(particular)) = (&mut value, particular) {
        fields.extend(particular);
    }
    value
}

fn health(healthcheck: &Healthcheck) -> Value {
    let Healthcheck { test, interval, timeout, start_period, start_interval, retries } = healthcheck;
    json!({
        "test": test.as_deref().map(texts),
        "interval": interval,
        "timeout": timeout,
        "start_period": start_period,
        "start_interval": start_interval,
        "retries": retries,
    })
}

fn reference(reference: &FileReference, kind: &str) -> Value {
    let FileReference { name, id, file, uid, gid, mode } = reference;
    json!({
        format!("{kind}_name"): text(name),
        format!("{kind}_id"): maybe(id.as_ref()),
        "filename": text(file),
        "uid": text(uid),
        "gid": text(gid),
        "mode": mode,
    })
}

fn privileges(privileges: &Privileges) -> Value {
    let Privileges { credential_spec, selinux } = privileges;
    let (file, registry) = match credential_spec {
        Some(CredentialSpec::File(file)) => (Some(file), None),
        Some(CredentialSpec::Registry(value)) => (None, Some(value)),
        None => (None, None),
    };
    let none = SelinuxContext::default();
    let SelinuxContext { disable, user, role, kind, level } = selinux.as_ref().unwrap_or(&none);
    json!({
        "credentialspec_file": maybe(file),
        "credentialspec_registry": maybe(registry),
        "selinux_disable": disable,
        "selinux_user": maybe(user.as_ref()),
        "selinux_role": maybe(role.as_ref()),
        "selinux_type": maybe(kind.as_ref()),
        "selinux_level": maybe(level.as_ref()),
    })
}
