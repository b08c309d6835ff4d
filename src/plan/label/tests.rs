use super::*;
use crate::emit::engine::{NoIds, body};
use crate::emit::{ApiVersion, fixture};
use crate::plan::field::units;
use crate::plan::normalize::canonical;
use serde_json::json;

const NEWEST: ApiVersion = ApiVersion { major: 1, minor: 99 };

fn set(items: &[&str]) -> BTreeSet<String> {
    items.iter().map(|item| (*item).to_owned()).collect()
}

#[test]
fn hidden_fields_survive_the_label() {
    let fields = set(&["env.A B", "mounts:/a%20b.source", "mounts:/grün.options.password", "env.T\n"]);
    let text = hidden_text(&fields);
    assert!(!text.contains('\n'));
    assert_eq!(parse_hidden(&text), fields);
    assert_eq!(hidden_text(&set(&[])), "");
    assert_eq!(parse_hidden(""), set(&[]));
    assert_eq!(parse_hidden("a%ZZ %"), set(&["a%ZZ", "%"]));
}

#[test]
fn digests_survive_the_label_and_tell_what_changed() {
    let spec = |value: &str| json!({"TaskTemplate": {"ContainerSpec": {"Env": [format!("A={value}"), "B=2"]}}});
    let (one, other) = (canonical(&spec("1"), &[]), canonical(&spec("2"), &[]));
    let hidden = set(&["env.B"]);
    let (one, other) = (units(&one, &hidden), units(&other, &hidden));
    let applied = Applied::of(&one, &hidden);
    let read = Applied::parse(&applied.to_text()).unwrap();
    assert_eq!(read, applied);
    let find = |units: &[Unit<'_>], name: &str, expected: bool| {
        let unit = units.iter().find(|unit| unit.name == name);
        assert_eq!(read.is(name, unit), expected, "{name}");
    };
    find(&one, "env.A", true);
    find(&other, "env.A", false);
    find(&other, "env.B", true);
    assert!(read.is("env.C", None) && !read.is("env.A", None));
    let (open, secret) = (&read.0["env.A"], &read.0["env.B"]);
    assert_eq!((open.len(), secret.len()), (10, 4), "a secret's digest is no help in guessing it");
    assert_eq!(Applied::parse(r#"{"env.A": ""}"#), None, "an empty digest would fit everything");
    assert_eq!(Applied::parse("[1]"), None);
}

#[test]
fn the_bookkeeping_is_no_difference() {
    let mut with = json!({"Labels": {"team": "physics"}});
    write(&mut with, &Applied::default(), &set(&["env.A"]));
    assert_eq!(with["Labels"][MADE_BY], "apply");
    assert_eq!(with["Labels"][HIDDEN], "env.A");
    assert_eq!(canonical(&with, &[]), canonical(&json!({"Labels": {"team": "physics"}}), &[]));
    assert_ne!(canonical(&with, &[]), canonical(&json!({}), &[]));
}

#[test]
fn names_that_tell_of_secrets() {
    for name in ["env.DB_PASSWORD", "options.password", "env.JUPYTERHUB_API_TOKEN", "env.SSH_KEY", "labels.x.pass"] {
        assert!(looks_secret(name), "{name}");
    }
    for name in ["env.TZ", "secrets:/run/secrets/key", "secret_name", "env.KEYBOARD", "mounts:/home.source"] {
        assert!(!looks_secret(name), "{name}");
    }
}

/// The texts of the fixture, each once made a secret: the field that is told holds it in the wanted body.
#[test]
fn the_field_of_every_secret_is_found() {
    let service = fixture::everything();
    let mut count = 0;
    service.for_each_text(&mut |_, _| count += 1);
    assert!(count > 80, "{count}");
    for secret in 0..count {
        let canary = format!("canary-{secret}-yranac");
        let (changed, place) = with_secret(&service, secret, &canary);
        let Some(changed) = changed else { continue };
        let hidden = hidden_fields(&changed);
        let body = body(&changed, NEWEST, &NoIds).unwrap();
        let form = canonical(&body, &[]);
        let units = units(&form, &hidden);
        for unit in &units {
            assert!(!unit.name.contains(&canary), "{place}: {}", unit.name);
            for leaf in unit.leaves.iter().filter(|leaf| leaf.value.to_string().contains(&canary)) {
                let name = unit.full_name(leaf);
                assert!(hidden.contains(&name) || hidden.contains(&unit.name), "{place}: {name} not in {hidden:?}");
            }
        }
        let labels = format!("{} {}", Applied::of(&units, &hidden).to_text(), hidden_text(&hidden));
        assert!(!labels.contains(&canary), "{place}: {labels}");
        let held = body.to_string().contains(&canary);
        let told = units.iter().any(|unit| {
            unit.name.contains('«') || unit.leaves.iter().any(|leaf| hidden.contains(&unit.full_name(leaf)))
        });
        assert!(!held || told, "{place}: {hidden:?}");
    }
}

/// The service with its text of this number as a secret, and where that is; `None` where the text is the host's name, which
/// is a key of the config.
fn with_secret(service: &crate::ir::Service, number: usize, canary: &str) -> (Option<crate::ir::Service>, String) {
    let mut place = String::new();
    let mut at = 0;
    service.for_each_text(&mut |own, _| {
        if at == number {
            place = own.pointer().as_str().to_owned();
        }
        at += 1;
    });
    let text = Text::secret(zeroize::Zeroizing::new(canary.to_owned()));
    let mut service = service.clone();
    let segments: Vec<&str> = place.split('/').skip(1).collect();
    let index = |text: &str| text.parse::<usize>().unwrap();
    let container = &mut service.container;
    let pair = |pairs: &mut crate::ir::Pairs, key: &str, text: Text| {
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
            Ok(_) => return (None, place),
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
        ["placement", "platforms", i] => service.placement.platforms[index(i)].0 = text,
        segments => panic!("{segments:?}"),
    }
    (Some(service), place)
}

fn reference(file: &mut crate::ir::FileReference, key: &str, text: Text) {
    match key {
        "config_name" | "secret_name" => file.name = text,
        "config_id" | "secret_id" => file.id = Some(text),
        "filename" => file.file = text,
        "uid" => file.uid = text,
        _ => file.gid = text,
    }
}

fn privilege(privileges: &mut crate::ir::Privileges, key: &str, text: Text) {
    let selinux = privileges.selinux.as_mut().unwrap();
    match key {
        "credentialspec_registry" => {
            privileges.credential_spec = Some(crate::ir::CredentialSpec::Registry(text));
        }
        "selinux_user" => selinux.user = Some(text),
        "selinux_role" => selinux.role = Some(text),
        "selinux_type" => selinux.kind = Some(text),
        _ => selinux.level = Some(text),
    }
}

fn mount(mount: &mut crate::ir::Mount, rest: &[&str], text: Text) {
    use crate::ir::MountKind::{Bind, Npipe, Volume};
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
