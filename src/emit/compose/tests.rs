use super::*;
use crate::emit::fixture;
use crate::ir::{Mount, MountKind};

fn pointers(refused: &[Inexpressible]) -> Vec<&str> {
    refused.iter().map(|one| one.pointer.as_str()).collect()
}

fn fragment(service: &Service) -> serde_yaml::Value {
    let mut out = Vec::new();
    service_fragment(service, &mut out).unwrap();
    serde_yaml::from_slice(&out).unwrap()
}

fn refused(service: &Service) -> Vec<String> {
    let mut out = b"kept".to_vec();
    let refused = service_fragment(service, &mut out).unwrap_err();
    assert_eq!(out, b"kept", "nothing of a refused service is written");
    pointers(&refused).into_iter().map(str::to_owned).collect()
}

#[test]
fn everything_that_a_stack_cannot_say_is_told_at_once() {
    let expected = [
        "/container_spec/groups",
        "/container_spec/mounts/0/subpath",
        "/container_spec/mounts/1/non_recursive",
        "/container_spec/mounts/2/tmpfs_mode",
        "/container_spec/healthcheck/start_interval",
        "/container_spec/dns_config/options",
        "/container_spec/privileges/selinux_disable",
        "/container_spec/privileges/selinux_user",
        "/container_spec/privileges/selinux_role",
        "/container_spec/privileges/selinux_type",
        "/container_spec/privileges/selinux_level",
        "/placement/platforms",
    ];
    assert_eq!(refused(&fixture::everything()), expected);
}

#[test]
fn the_least_service_says_how_it_runs() {
    let mut out = Vec::new();
    service_fragment(&fixture::least(), &mut out).unwrap();
    let expected = "  jupyter-alice-1:
    image: \"jupyter/base-notebook:lab-4.1.0\"
    deploy:
      mode: replicated
      replicas: 1
      endpoint_mode: dnsrr
";
    assert_eq!(String::from_utf8_lossy(&out), expected);
}

#[test]
fn swarms_command_is_the_entrypoint() {
    let service = &fragment(&fixture::most())["jupyter-alice-1"];
    assert_eq!(service["entrypoint"][0], "tini");
    assert_eq!(service["command"][0], "start.sh");
    assert_eq!(service["command"][1], "--opt=$$HOME");
}

#[test]
fn an_empty_variable_is_not_filled_by_the_deployer() {
    let environment = &fragment(&fixture::most())["jupyter-alice-1"]["environment"];
    assert!(environment["PATH="].is_null());
    assert!(environment.get("PATH").is_none());
}

#[test]
fn file_modes_are_decimal() {
    let service = &fragment(&fixture::most())["jupyter-alice-1"];
    assert_eq!(service["configs"][0]["mode"], 292);
    assert_eq!(service["secrets"][0]["mode"], 256);
}

#[test]
fn lists_that_must_be_unique_are_checked() {
    let mut service = fixture::most();
    let container = &mut service.container;
    let twice = |list: &mut Vec<Text>| list.push(list[0].clone());
    twice(&mut container.cap_add);
    twice(&mut container.cap_drop);
    let dns = container.dns_config.as_mut().unwrap();
    twice(&mut dns.nameservers);
    twice(&mut dns.search);
    container.hosts.push(container.hosts[0].clone());
    twice(&mut service.networks[0].aliases);
    service.networks.push(service.networks[1].clone());
    service.endpoint.ports.push(service.endpoint.ports[1].clone());
    let expected = [
        "/container_spec/hosts/storage",
        "/container_spec/dns_config/nameservers/1",
        "/container_spec/dns_config/search/1",
        "/container_spec/cap_add/2",
        "/container_spec/cap_drop/1",
        "/networks/0/aliases/1",
        "/networks/2",
        "/endpoint_spec/ports/2",
    ];
    assert_eq!(refused(&service), expected);
}

#[test]
fn what_the_cli_would_change_is_refused() {
    let mut service = fixture::most();
    let container = &mut service.container;
    for source in ["~/data", "data", "{{.Service.Name}}/data", ""] {
        let kind = MountKind::Bind { source: source.into(), propagation: None, non_recursive: Some(false) };
        container.mounts.push(Mount { target: "/t".into(), read_only: false, consistency: None, kind });
    }
    let source = "C:\\data".into();
    let kind = MountKind::Bind { source, propagation: None, non_recursive: None };
    container.mounts.push(Mount { target: "/t".into(), read_only: false, consistency: None, kind });
    if let MountKind::Volume { no_copy, labels, driver, .. } = &mut container.mounts[3].kind {
        *no_copy = true;
        labels.push(("a".into(), "b".into()));
        *driver = Some(crate::ir::Driver { name: None, options: Vec::new() });
    }
    container.labels.push(("com.docker.stack.namespace".into(), "x".into()));
    container.env.push(("".into(), "x".into()));
    container.hosts[0].name = "a:b".into();
    container.healthcheck.as_mut().unwrap().retries = Some(-1);
    service.labels.push(("com.docker.stack.image".into(), "x".into()));
    service.resources.mem_limit = Some((1 << 53) + 1);
    let expected = [
        "/container_spec/env/",
        "/container_spec/labels/com.docker.stack.namespace",
        "/container_spec/mounts/3/no_copy",
        "/container_spec/mounts/3/labels",
        "/container_spec/mounts/3/driver_config",
        "/container_spec/mounts/7/source",
        "/container_spec/mounts/8/source",
        "/container_spec/mounts/9/source",
        "/container_spec/mounts/10/source",
        "/container_spec/healthcheck/retries",
        "/container_spec/hosts/a:b",
        "/labels/com.docker.stack.image",
        "/resource_spec/mem_limit",
    ];
    assert_eq!(refused(&service), expected);
}

#[test]
fn volumes_are_shared_or_in_conflict() {
    let alice = fixture::most();
    let mut bob = Service { name: "jupyter-bob-1".into(), ..fixture::most() };
    let out = stack(&[alice.clone(), bob.clone()], "00").unwrap();
    let document: serde_yaml::Value = serde_yaml::from_slice(&out).unwrap();
    let keys: Vec<_> = document["volumes"].as_mapping().unwrap().keys().collect();
    let generated = key_of("work-{{.Node.Hostname}}");
    assert_eq!(keys, ["sshfs-alice", "v", &*generated]);
    assert_eq!(document["volumes"][&*generated]["name"], "work-{{.Node.Hostname}}");
    assert_eq!(document["volumes"]["sshfs-alice"]["labels"]["owner"], "$$alice");

    if let MountKind::Volume { labels, .. } = &mut bob.container.mounts[0].kind {
        labels.pop();
    }
    let refused = stack(&[alice, bob], "00").unwrap_err();
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].0, 1);
    assert_eq!(pointers(&refused[0].1), ["/container_spec/mounts/0"]);
    assert_eq!(refused[0].1[0].message, "volume `sshfs-alice` has another label `owner` than another service gives it");
}

#[test]
fn the_rest_of_a_stack_is_external_and_sorted() {
    let mut bob = Service { name: "jupyter-bob-1".into(), ..fixture::most() };
    bob.networks[0].target = "default".into();
    bob.networks[1].target = "a b".into();
    let out = stack(&[bob, fixture::most()], "00").unwrap();
    assert!(out.starts_with(b"# swarmgen 0.1.0, config sha256:00\nversion: \"3.13\"\nservices:\n"));
    let document: serde_yaml::Value = serde_yaml::from_slice(&out).unwrap();
    let networks = document["networks"].as_mapping().unwrap();
    let keys: Vec<&str> = networks.keys().filter_map(|key| key.as_str()).collect();
    assert!(keys.is_sorted() && keys.len() == 4 && !keys.contains(&"default"), "{keys:?}");
    for (section, name) in [("networks", "second"), ("configs", "motd"), ("secrets", "api-key")] {
        assert_eq!(document[section][name]["external"], true);
        assert_eq!(document[section][name]["name"], name);
    }
}

#[test]
fn an_empty_stack_is_one() {
    assert_eq!(stack(&[], "00").unwrap(), b"# swarmgen 0.1.0, config sha256:00\nversion: \"3.13\"\nservices: {}\n");
}
