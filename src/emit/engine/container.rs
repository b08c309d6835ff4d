//! `ContainerSpec`.

use serde_json::Value;

use super::super::{ApiVersion, Refusals, container_at, entry_at};
use super::{Ids, Object, driver};
use crate::diag::code;
use crate::ir::{
    Container, CredentialSpec, DnsConfig, FileReference, Healthcheck, Host, Mount, MountKind, Privileges,
    SelinuxContext, Text, Ulimit,
};

pub(super) fn spec(container: &Container, api: ApiVersion, ids: &dyn Ids, refusals: &mut Refusals) -> Object {
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
    let mut spec = Object::default();
    spec.put("Image", image.expose());
    spec.pairs("Labels", labels);
    spec.texts("Command", command.as_deref().unwrap_or_default());
    spec.texts("Args", args.as_deref().unwrap_or_default());
    spec.text("Hostname", hostname.as_ref());
    spec.list("Env", env.iter().map(|(name, value)| format!("{name}={}", value.expose()).into()));
    spec.text("Dir", workdir.as_ref());
    spec.text("User", user.as_ref());
    spec.texts("Groups", groups);
    if let Some(privileges) = privileges {
        spec.put("Privileges", privileges_of(privileges));
    }
    spec.maybe("TTY", *tty);
    spec.maybe("OpenStdin", *open_stdin);
    spec.maybe("ReadOnly", *read_only);
    spec.list("Mounts", mounts.iter().enumerate().map(|(index, one)| mount(one, index, api, refusals)));
    spec.text("StopSignal", stop_signal.as_ref());
    spec.maybe("StopGracePeriod", *stop_grace_period);
    if let Some(healthcheck) = healthcheck {
        spec.put("Healthcheck", health(healthcheck, api, refusals));
    }
    spec.list(
        "Hosts",
        hosts.iter().map(|Host { name, address }| format!("{} {}", address.expose(), name.expose()).into()),
    );
    if let Some(DnsConfig { nameservers, search, options }) = dns_config {
        let mut dns = Object::default();
        dns.texts("Nameservers", nameservers);
        dns.texts("Search", search);
        dns.texts("Options", options);
        spec.put("DNSConfig", dns);
    }
    for (key, kind, references) in [("Secrets", Kind::Secret, secrets), ("Configs", Kind::Config, configs)] {
        let mut references: Vec<(usize, &FileReference)> = references.iter().enumerate().collect();
        // As `docker stack deploy` sorts them: in another order the same files would restart a server.
        references.sort_by(|(_, a), (_, b)| a.name.expose().cmp(b.name.expose()));
        let references = references.into_iter();
        spec.list(key, references.map(|(index, one)| reference(one, kind, index, ids, refusals)));
    }
    spec.text("Isolation", isolation.as_ref());
    spec.maybe("Init", *init);
    spec.pairs("Sysctls", sysctls);
    spec.texts("CapabilityAdd", cap_add);
    spec.texts("CapabilityDrop", cap_drop);
    spec.list(
        "Ulimits",
        ulimits.iter().map(|Ulimit { name, soft, hard }| {
            let mut ulimit = Object::default();
            ulimit.put("Name", &**name);
            ulimit.put("Soft", *soft);
            ulimit.put("Hard", *hard);
            ulimit.into()
        }),
    );
    spec
}

fn privileges_of(privileges: &Privileges) -> Object {
    let Privileges { credential_spec, selinux } = privileges;
    let mut object = Object::default();
    if let Some(spec) = credential_spec {
        let mut credential = Object::default();
        match spec {
            CredentialSpec::File(file) => credential.put("File", file.expose()),
            CredentialSpec::Registry(value) => credential.put("Registry", value.expose()),
        }
        object.put("CredentialSpec", credential);
    }
    if let Some(SelinuxContext { disable, user, role, kind, level }) = selinux {
        let mut context = Object::default();
        context.maybe("Disable", *disable);
        context.text("User", user.as_ref());
        context.text("Role", role.as_ref());
        context.text("Type", kind.as_ref());
        context.text("Level", level.as_ref());
        object.put("SELinuxContext", context);
    }
    object
}

fn mount(mount: &Mount, index: usize, api: ApiVersion, refusals: &mut Refusals) -> Value {
    let Mount { target, read_only, consistency, kind } = mount;
    let mut options = Object::default();
    let (kind, source, options_key) = match kind {
        MountKind::Bind { source, propagation, non_recursive } => {
            options.word("Propagation", propagation.as_ref());
            options.maybe("NonRecursive", *non_recursive);
            ("bind", Some(source), "BindOptions")
        }
        MountKind::Volume { source, no_copy, labels, driver: config, subpath } => {
            if *no_copy {
                options.put("NoCopy", true);
            }
            options.pairs("Labels", labels);
            if let Some(config) = config {
                options.put("DriverConfig", driver(config));
            }
            if let Some(subpath) = subpath {
                let at = entry_at("mounts", index).child("subpath");
                refusals.needs_api(api, ApiVersion::V1_45, at, "subpath");
                options.put("Subpath", subpath.expose());
            }
            ("volume", source.as_ref(), "VolumeOptions")
        }
        MountKind::Tmpfs { size, mode } => {
            options.maybe("SizeBytes", *size);
            options.maybe("Mode", *mode);
            ("tmpfs", None, "TmpfsOptions")
        }
        MountKind::Npipe { source } => ("npipe", Some(source), "BindOptions"),
    };
    let mut object = Object::default();
    // Without it the engine takes any mount for a bind.
    object.put("Type", kind);
    object.text("Source", source);
    object.put("Target", target.expose());
    if *read_only {
        object.put("ReadOnly", true);
    }
    object.word("Consistency", consistency.as_ref());
    object.some(options_key, options);
    object.into()
}

fn health(healthcheck: &Healthcheck, api: ApiVersion, refusals: &mut Refusals) -> Object {
    let Healthcheck { test, interval, timeout, start_period, start_interval, retries } = healthcheck;
    let mut object = Object::default();
    object.texts("Test", test.as_deref().unwrap_or_default());
    object.maybe("Interval", *interval);
    object.maybe("Timeout", *timeout);
    object.maybe("Retries", *retries);
    object.maybe("StartPeriod", *start_period);
    if let Some(start_interval) = start_interval {
        let at = container_at("healthcheck").child("start_interval");
        refusals.needs_api(api, ApiVersion::V1_44, at, "start_interval");
        object.put("StartInterval", *start_interval);
    }
    object
}

#[derive(Clone, Copy)]
enum Kind {
    Config,
    Secret,
}

fn reference(reference: &FileReference, kind: Kind, index: usize, ids: &dyn Ids, refusals: &mut Refusals) -> Value {
    let FileReference { name, id, file, uid, gid, mode } = reference;
    let (word, list, id_key, name_key) = match kind {
        Kind::Config => ("config", "configs", "ConfigID", "ConfigName"),
        Kind::Secret => ("secret", "secrets", "SecretID", "SecretName"),
    };
    let known = || match kind {
        Kind::Config => ids.config(name.expose()),
        Kind::Secret => ids.secret(name.expose()),
    };
    let id = id.as_ref().map(Text::expose).map(str::to_owned).or_else(known);
    if id.is_none() {
        let message = format!("the id of {word} `{name}` is not known");
        let help = format!("name the ids with `--ids FILE` or ask an engine with `--cluster`, or write `{word}_id`");
        refusals.add_code(&code::MISSING_ID, entry_at(list, index), message, Some(&help));
    }
    let mut object = Object::default();
    let mut target = Object::default();
    target.put("Name", file.expose());
    target.put("UID", uid.expose());
    target.put("GID", gid.expose());
    // Without it the engine stores 0, which nobody can read.
    target.put("Mode", *mode);
    object.put("File", target);
    object.maybe(id_key, id);
    object.put(name_key, name.expose());
    object.into()
}
