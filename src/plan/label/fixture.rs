//! Secrets in services for tests.

use zeroize::Zeroizing;

use crate::ir::*;

/// The service with its text of this number as a secret, and where that is.
pub(crate) fn with_secret(service: &Service, number: usize, canary: &str) -> (Service, String) {
    let mut places = Vec::new();
    service.for_each_text(&mut |at, _| places.push(at.pointer().as_str().to_owned()));
    let place = places[number].clone();
    // An architecture and its operating system have one place.
    let is_second = places[..number].contains(&place);
    let text = Text::secret(Zeroizing::new(canary.to_owned()));
    let mut service = service.clone();
    let segments: Vec<&str> = place.split('/').skip(1).collect();
    let index = |text: &str| text.parse::<usize>().unwrap();
    let container = &mut service.container;
    let pair = |pairs: &mut Pairs, key: &str, text: Text| {
        let key = key.replace("~1", "/").replace("~0", "~");
        pairs.iter_mut().find(|(own, _)| **own == *key).unwrap().1 = text;
    };
    match segments.as_slice() {
        ["labels", key] => pair(&mut service.labels, key, text),
        ["container_spec", "image"] => container.image = text,
        ["container_spec", "command", i] => container.command.as_mut().unwrap()[index(i)] = text,
        ["container_spec", "args", i] => container.args.as_mut().unwrap()[index(i)] = text,
        ["container_spec", "hostname"] => container.hostname = Some(text),
        ["container_spec", "env", key] => pair(&mut container.env, key, text),
        ["container_spec", "workdir"] => container.workdir = Some(text),
        ["container_spec", "user"] => container.user = Some(text),
        ["container_spec", "groups", i] => container.groups[index(i)] = text,
        ["container_spec", "labels", key] => pair(&mut container.labels, key, text),
        ["container_spec", "stop_signal"] => container.stop_signal = Some(text),
        ["container_spec", "isolation"] => container.isolation = Some(text),
        ["container_spec", "cap_add", i] => container.cap_add[index(i)] = text,
        ["container_spec", "cap_drop", i] => container.cap_drop[index(i)] = text,
        ["container_spec", "sysctls", key] => pair(&mut container.sysctls, key, text),
        ["container_spec", "healthcheck", "test", i] => {
            container.healthcheck.as_mut().unwrap().test.as_mut().unwrap()[index(i)] = text;
        }
        ["container_spec", "hosts", name] => match name.parse::<usize>() {
            Ok(at) => container.hosts[at].name = text,
            Err(_) => container.hosts.iter_mut().find(|host| host.name.expose() == *name).unwrap().address = text,
        },
        ["container_spec", "dns_config", list, i] => {
            let dns = container.dns_config.as_mut().unwrap();
            match *list {
                "nameservers" => dns.nameservers[index(i)] = text,
                "search" => dns.search[index(i)] = text,
                _ => dns.options[index(i)] = text,
            }
        }
        ["container_spec", "configs", i, key] => reference(&mut container.configs[index(i)], key, text),
        ["container_spec", "secrets", i, key] => reference(&mut container.secrets[index(i)], key, text),
        ["container_spec", "privileges", key] => privilege(container.privileges.as_mut().unwrap(), key, text),
        ["container_spec", "mounts", i, rest @ ..] => mount(&mut container.mounts[index(i)], rest, text),
        ["networks", i, "target"] => service.networks[index(i)].target = text,
        ["networks", i, "aliases", j] => service.networks[index(i)].aliases[index(j)] = text,
        ["networks", i, "options", key] => pair(&mut service.networks[index(i)].driver_opts, key, text),
        ["log_driver", "name"] => service.log_driver.as_mut().unwrap().name = Some(text),
        ["log_driver", "options", key] => pair(&mut service.log_driver.as_mut().unwrap().options, key, text),
        ["placement", "constraints", i] => service.placement.constraints[index(i)] = text,
        ["placement", "preferences", i] => service.placement.spread[index(i)] = text,
        ["placement", "platforms", i] => {
            let (architecture, os) = &mut service.placement.platforms[index(i)];
            *(if is_second { os } else { architecture }) = text;
        }
        segments => panic!("{segments:?}"),
    }
    (service, place)
}

fn reference(file: &mut FileReference, key: &str, text: Text) {
    match key {
        "config_name" | "secret_name" => file.name = text,
        "config_id" | "secret_id" => file.id = Some(text),
        "filename" => file.file = text,
        "uid" => file.uid = text,
        _ => file.gid = text,
    }
}

fn privilege(privileges: &mut Privileges, key: &str, text: Text) {
    let selinux = privileges.selinux.as_mut().unwrap();
    match key {
        "credentialspec_registry" => {
            privileges.credential_spec = Some(CredentialSpec::Registry(text));
        }
        "selinux_user" => selinux.user = Some(text),
        "selinux_role" => selinux.role = Some(text),
        "selinux_type" => selinux.kind = Some(text),
        _ => selinux.level = Some(text),
    }
}

fn mount(mount: &mut Mount, rest: &[&str], text: Text) {
    use MountKind::{Bind, Npipe, Volume};
    match (rest, &mut mount.kind) {
        (["target"], _) => mount.target = text,
        (["source"], Bind { source, .. } | Npipe { source }) => *source = text,
        (["source"], Volume { source, .. }) => *source = Some(text),
        (["subpath"], Volume { subpath, .. }) => *subpath = Some(text),
        (["driver_config", "name"], Volume { driver: Some(driver), .. }) => driver.name = Some(text),
        (["driver_config", "options", key], Volume { driver: Some(driver), .. }) => {
            driver.options.iter_mut().find(|(own, _)| **own == **key).unwrap().1 = text;
        }
        (["labels", key], Volume { labels, .. }) => {
            labels.iter_mut().find(|(own, _)| **own == **key).unwrap().1 = text;
        }
        (rest, _) => panic!("{rest:?}"),
    }
}
