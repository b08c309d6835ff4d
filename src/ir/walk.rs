//! A walk over every text of a service.
//!
//! Each function takes its type apart field by field, so that a field that is added later does not compile until it
//! is walked too.

use super::{
    Container, CredentialSpec, DnsConfig, Driver, Endpoint, FileReference, Healthcheck, Host, Mount, MountKind,
    Network, Pairs, Placement, Port, Privileges, Resources, RestartPolicy, SelinuxContext, Service, Text, Ulimit,
    UpdateConfig,
};
use crate::source::Pointer;

/// The place of a text in the resolved config tree, turned into a pointer only when asked.
#[derive(Clone, Copy, Debug)]
pub struct At<'a> {
    parent: Option<&'a At<'a>>,
    segment: Segment<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Segment<'a> {
    Key(&'a str),
    Index(usize),
}

impl<'a> At<'a> {
    fn root(key: &'a str) -> Self {
        Self { parent: None, segment: Segment::Key(key) }
    }

    fn key(&'a self, key: &'a str) -> Self {
        Self { parent: Some(self), segment: Segment::Key(key) }
    }

    fn index(&'a self, index: usize) -> Self {
        Self { parent: Some(self), segment: Segment::Index(index) }
    }

    /// How many bytes its last key has.
    fn key_size(&self) -> usize {
        match self.segment {
            Segment::Key(key) => key.len(),
            Segment::Index(_) => 0,
        }
    }

    /// The place as a pointer.
    pub fn pointer(&self) -> Pointer {
        let parent = self.parent.map_or_else(Pointer::root, Self::pointer);
        match self.segment {
            Segment::Key(key) => parent.child(key),
            Segment::Index(index) => parent.child(index),
        }
    }
}

type Visit<'v> = dyn FnMut(&At<'_>, &Text) + 'v;

impl Service {
    /// Tells whether any of its texts is secret.
    pub fn has_secrets(&self) -> bool {
        let mut found = false;
        self.for_each_text(&mut |_, text| found |= text.is_secret());
        found
    }

    /// How many bytes its texts have, with their keys; the engine stores little more of it.
    pub fn size(&self) -> usize {
        let mut size = 0;
        self.for_each_text(&mut |at, text| size += at.key_size() + text.expose().len());
        size
    }

    /// Visits every text with its place.
    pub fn for_each_text(&self, visit: &mut Visit<'_>) {
        let Self {
            name: _,
            labels,
            container: container_spec,
            resources,
            restart_policy,
            placement: placed,
            networks,
            log_driver,
            endpoint,
            update_config,
            rollback_config,
        } = self;
        pairs(&At::root("labels"), labels, visit);
        container(&At::root("container_spec"), container_spec, visit);
        let Resources {
            cpu_limit: _,
            mem_limit: _,
            pids_limit: _,
            cpu_reservation: _,
            mem_reservation: _,
            generic_resources: _,
        } = resources;
        if let Some(RestartPolicy { condition: _, delay: _, max_attempts: _, window: _ }) = restart_policy {}
        placement(&At::root("placement"), placed, visit);
        for (index, Network { target, aliases, driver_opts }) in networks.iter().enumerate() {
            let all = At::root("networks");
            let at = all.index(index);
            visit(&at.key("target"), target);
            list(&at.key("aliases"), aliases, visit);
            pairs(&at.key("options"), driver_opts, visit);
        }
        if let Some(log_driver) = log_driver {
            driver(&At::root("log_driver"), log_driver, visit);
        }
        let Endpoint { mode: _, ports } = endpoint;
        for Port { protocol: _, target: _, published: _, mode: _ } in ports {}
        for config in [update_config, rollback_config].into_iter().flatten() {
            let UpdateConfig {
                parallelism: _,
                delay: _,
                failure_action: _,
                monitor: _,
                max_failure_ratio: _,
                order: _,
            } = config;
        }
    }
}

fn list(at: &At<'_>, texts: &[Text], visit: &mut Visit<'_>) {
    for (index, text) in texts.iter().enumerate() {
        visit(&at.index(index), text);
    }
}

fn pairs(at: &At<'_>, pairs: &Pairs, visit: &mut Visit<'_>) {
    for (key, value) in pairs {
        visit(&at.key(key), value);
    }
}

fn maybe(at: &At<'_>, text: Option<&Text>, visit: &mut Visit<'_>) {
    if let Some(text) = text {
        visit(at, text);
    }
}

fn driver(at: &At<'_>, driver: &Driver, visit: &mut Visit<'_>) {
    let Driver { name, options } = driver;
    maybe(&at.key("name"), name.as_ref(), visit);
    pairs(&at.key("options"), options, visit);
}

fn placement(at: &At<'_>, placement: &Placement, visit: &mut Visit<'_>) {
    let Placement { constraints, spread, max_replicas: _, platforms } = placement;
    list(&at.key("constraints"), constraints, visit);
    list(&at.key("preferences"), spread, visit);
    let at = at.key("platforms");
    for (index, (architecture, os)) in platforms.iter().enumerate() {
        visit(&at.index(index), architecture);
        visit(&at.index(index), os);
    }
}

fn container(at: &At<'_>, container: &Container, visit: &mut Visit<'_>) {
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
        stop_grace_period: _,
        stop_signal,
        healthcheck,
        hosts,
        dns_config,
        configs,
        secrets,
        privileges: privileged,
        isolation,
        init: _,
        cap_add,
        cap_drop,
        sysctls,
        ulimits,
        tty: _,
        open_stdin: _,
        read_only: _,
    } = container;
    visit(&at.key("image"), image);
    list(&at.key("command"), command.as_deref().unwrap_or_default(), visit);
    list(&at.key("args"), args.as_deref().unwrap_or_default(), visit);
    maybe(&at.key("hostname"), hostname.as_ref(), visit);
    pairs(&at.key("env"), env, visit);
    maybe(&at.key("workdir"), workdir.as_ref(), visit);
    maybe(&at.key("user"), user.as_ref(), visit);
    list(&at.key("groups"), groups, visit);
    pairs(&at.key("labels"), labels, visit);
    for (index, one) in mounts.iter().enumerate() {
        mount(&at.key("mounts").index(index), one, visit);
    }
    maybe(&at.key("stop_signal"), stop_signal.as_ref(), visit);
    if let Some(Healthcheck { test, interval: _, timeout: _, start_period: _, start_interval: _, retries: _ }) =
        healthcheck
    {
        list(&at.key("healthcheck").key("test"), test.as_deref().unwrap_or_default(), visit);
    }
    for (index, Host { name, address }) in hosts.iter().enumerate() {
        visit(&at.key("hosts").index(index), name);
        visit(&at.key("hosts").key(name.expose()), address);
    }
    if let Some(DnsConfig { nameservers, search, options }) = dns_config {
        let at = at.key("dns_config");
        list(&at.key("nameservers"), nameservers, visit);
        list(&at.key("search"), search, visit);
        list(&at.key("options"), options, visit);
    }
    for (key, references) in [("configs", configs), ("secrets", secrets)] {
        for (index, reference) in references.iter().enumerate() {
            file_reference(&at.key(key).index(index), key, reference, visit);
        }
    }
    if let Some(privileged) = privileged {
        privileges(&at.key("privileges"), privileged, visit);
    }
    maybe(&at.key("isolation"), isolation.as_ref(), visit);
    list(&at.key("cap_add"), cap_add, visit);
    list(&at.key("cap_drop"), cap_drop, visit);
    pairs(&at.key("sysctls"), sysctls, visit);
    for Ulimit { name: _, soft: _, hard: _ } in ulimits {}
}

fn mount(at: &At<'_>, mount: &Mount, visit: &mut Visit<'_>) {
    let Mount { target, read_only: _, consistency: _, kind } = mount;
    match kind {
        MountKind::Bind { source, propagation: _, non_recursive: _ } | MountKind::Npipe { source } => {
            visit(&at.key("source"), source);
        }
        MountKind::Volume { source, no_copy: _, labels, driver: config, subpath } => {
            maybe(&at.key("source"), source.as_ref(), visit);
            pairs(&at.key("labels"), labels, visit);
            if let Some(config) = config {
                driver(&at.key("driver_config"), config, visit);
            }
            maybe(&at.key("subpath"), subpath.as_ref(), visit);
        }
        MountKind::Tmpfs { size: _, mode: _ } => {}
    }
    visit(&at.key("target"), target);
}

fn file_reference(at: &At<'_>, list: &str, reference: &FileReference, visit: &mut Visit<'_>) {
    let FileReference { name, id, file, uid, gid, mode: _ } = reference;
    let (name_key, id_key) =
        if list == "configs" { ("config_name", "config_id") } else { ("secret_name", "secret_id") };
    visit(&at.key(name_key), name);
    maybe(&at.key(id_key), id.as_ref(), visit);
    visit(&at.key("filename"), file);
    visit(&at.key("uid"), uid);
    visit(&at.key("gid"), gid);
}

fn privileges(at: &At<'_>, privileges: &Privileges, visit: &mut Visit<'_>) {
    let Privileges { credential_spec, selinux } = privileges;
    match credential_spec {
        Some(CredentialSpec::File(file)) => visit(&at.key("credentialspec_file"), file),
        Some(CredentialSpec::Registry(value)) => visit(&at.key("credentialspec_registry"), value),
        None => {}
    }
    if let Some(SelinuxContext { disable: _, user, role, kind, level }) = selinux {
        maybe(&at.key("selinux_user"), user.as_ref(), visit);
        maybe(&at.key("selinux_role"), role.as_ref(), visit);
        maybe(&at.key("selinux_type"), kind.as_ref(), visit);
        maybe(&at.key("selinux_level"), level.as_ref(), visit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emit::fixture;

    #[test]
    fn visits_every_text_of_the_fixture() {
        // Every text's content is unique in the fixture's debug form, so counting there checks the walk.
        let service = fixture::everything();
        let mut places = Vec::new();
        service.for_each_text(&mut |at, text| places.push((at.pointer().as_str().to_owned(), text.clone())));
        let shown = format!("{service:?}");
        for (_, text) in &places {
            assert!(shown.contains(&format!("{:?}", text.expose())), "{text}");
        }
        for place in [
            "/labels/team",
            "/container_spec/image",
            "/container_spec/env/GREETING",
            "/container_spec/mounts/0/driver_config/options/password",
            "/container_spec/mounts/0/subpath",
            "/container_spec/hosts/storage",
            "/container_spec/configs/0/config_name",
            "/container_spec/privileges/selinux_type",
            "/networks/0/aliases/0",
            "/log_driver/options/max-size",
            "/placement/platforms/0",
        ] {
            assert!(places.iter().any(|(at, _)| at == place), "{place} in {places:?}");
        }
    }

    #[test]
    fn finds_a_secret_wherever_it_is() {
        let mut service = fixture::everything();
        assert!(!service.has_secrets());
        service.container.healthcheck = Some(Healthcheck {
            test: Some(vec![Text::secret(String::from("s3cret").into())]),
            ..Healthcheck::default()
        });
        assert!(service.has_secrets());
    }
}
