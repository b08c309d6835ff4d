use super::*;
use crate::emit::fixture;
use crate::ir::{Mount, MountKind};

/// The fixture less what flags cannot say.
fn most() -> Service {
    let mut service = fixture::most();
    service.container.open_stdin = Some(false);
    service
}

fn refused(service: &Service, api: ApiVersion) -> Vec<String> {
    let refused = command(service, api).unwrap_err();
    refused.iter().map(|one| one.pointer.as_str().to_owned()).collect()
}

#[test]
fn one_flag_to_a_line() {
    let expected = "docker service create \\
  --name jupyter-alice-1 \\
  --replicas 1 \\
  --endpoint-mode dnsrr \\
  jupyter/base-notebook:lab-4.1.0
";
    assert_eq!(command(&fixture::least(), ApiVersion::V1_41).unwrap(), expected);
}

#[test]
fn everything_that_flags_cannot_say_is_told_at_once() {
    let mut service = fixture::everything();
    let expected = [
        "/container_spec/mounts/0/subpath",
        "/container_spec/healthcheck/start_interval",
        "/container_spec/privileges/selinux_disable",
        "/container_spec/privileges/selinux_user",
        "/container_spec/privileges/selinux_role",
        "/container_spec/privileges/selinux_type",
        "/container_spec/privileges/selinux_level",
        "/container_spec/open_stdin",
        "/placement/platforms",
    ];
    assert_eq!(refused(&service, ApiVersion::V1_41), expected);
    service.container.privileges = None;
    service.container.open_stdin = None;
    service.placement.platforms.clear();
    assert_eq!(refused(&service, ApiVersion::V1_44), ["/container_spec/mounts/0/subpath"]);
    let line = command(&service, ApiVersion::V1_45).unwrap();
    for flag in ["--group staff", "--dns-option ndots:1", "--health-start-interval 500ms", "tmpfs-mode=1770"] {
        assert!(line.contains(flag), "{flag} in {line}");
    }
}

#[test]
fn what_the_cli_would_cut_or_change_is_refused() {
    let mut service = most();
    let container = &mut service.container;
    container.env.push(("A=B".into(), "x".into()));
    container.labels.push(("a b".into(), "x".into()));
    container.hosts[0].name = "a=b".into();
    container.args = Some(vec!["nul\0".into()]);
    let source = Some("./here".into());
    let kind = MountKind::Volume {
        source,
        no_copy: false,
        labels: vec![("k=".into(), "v".into())],
        driver: Some(Driver { name: None, options: vec![("o".into(), "1\r\n2".into())] }),
        subpath: None,
    };
    container.mounts.push(Mount { target: "/t".into(), read_only: false, consistency: None, kind });
    container.healthcheck.as_mut().unwrap().test = Some(vec!["CMD".into(), "true".into()]);
    service.placement.spread = vec!["a=b".into()];
    service.networks[0].aliases.push(" padded".into());
    service.networks[1].target = "-dash".into();
    service.log_driver.as_mut().unwrap().name = None;
    service.resources.mem_reservation = Some(i64::MAX);
    let expected = [
        "/container_spec/env/A=B",
        "/container_spec/labels/a b",
        "/container_spec/mounts/7/labels/k=",
        "/container_spec/mounts/7/source",
        "/container_spec/mounts/7",
        "/container_spec/healthcheck/test",
        "/container_spec/hosts/a=b",
        "/resource_spec/mem_reservation",
        "/placement/preferences/0",
        "/networks/0/aliases/1",
        "/networks/1",
        "/log_driver/options",
        "/container_spec/args/0",
    ];
    assert_eq!(refused(&service, ApiVersion::V1_41), expected);
}

#[test]
fn secrets_never_stand_in_arguments() {
    let mut service = most();
    service.container.env[0].1 = Text::secret("s3cret".to_owned().into());
    let refused = command(&service, ApiVersion::V1_41).unwrap_err();
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].code, &code::SECRETS_IN_ARGUMENTS);
    assert_eq!(refused[0].pointer.as_str(), "/container_spec/env/EMPTY");
    assert!(!format!("{refused:?}").contains("s3cret"));
}

#[test]
fn a_check_that_is_off_is_off() {
    let mut service = most();
    service.container.healthcheck = Some(Healthcheck { test: Some(vec!["NONE".into()]), ..Healthcheck::default() });
    assert!(command(&service, ApiVersion::V1_41).unwrap().contains("  --no-healthcheck \\\n"));
    service.container.healthcheck.as_mut().unwrap().retries = Some(1);
    assert_eq!(refused(&service, ApiVersion::V1_41), ["/container_spec/healthcheck/test"]);
}
