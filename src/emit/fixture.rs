//! Services for tests of the emitters.

use crate::ir::*;

fn texts(texts: &[&str]) -> Vec<Text> {
    texts.iter().map(|text| Text::from(*text)).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Pairs {
    pairs.iter().map(|(key, value)| ((*key).into(), Text::from(*value))).collect()
}

fn volume(source: Option<&str>) -> MountKind {
    MountKind::Volume {
        source: source.map(Text::from),
        no_copy: false,
        labels: Vec::new(),
        driver: None,
        subpath: None,
    }
}

/// A service with an image and nothing else.
pub(crate) fn least() -> Service {
    Service {
        name: "jupyter-alice-1".into(),
        labels: Vec::new(),
        container: Container { image: "jupyter/base-notebook:lab-4.1.0".into(), ..Container::default() },
        resources: Resources::default(),
        restart_policy: None,
        placement: Placement::default(),
        networks: Vec::new(),
        log_driver: None,
        endpoint: Endpoint { mode: EndpointMode::Dnsrr, ports: Vec::new() },
        update_config: None,
        rollback_config: None,
    }
}

/// A service with every field set, many of them in ways that only the Engine API knows.
pub(crate) fn everything() -> Service {
    let mut service = most();
    let container = &mut service.container;
    container.groups = texts(&["100", "staff"]);
    if let Some(health) = &mut container.healthcheck {
        health.start_interval = Some(500_000_000);
    }
    if let Some(dns) = &mut container.dns_config {
        dns.options = texts(&["ndots:1"]);
    }
    container.privileges = Some(Privileges {
        credential_spec: Some(CredentialSpec::Registry("spec-1".into())),
        selinux: Some(SelinuxContext {
            disable: Some(true),
            user: Some("seuser".into()),
            role: Some("serole".into()),
            kind: Some("setype".into()),
            level: Some("selevel".into()),
        }),
    });
    if let MountKind::Volume { subpath, .. } = &mut container.mounts[0].kind {
        *subpath = Some("deep/inside".into());
    }
    if let MountKind::Bind { non_recursive, .. } = &mut container.mounts[1].kind {
        *non_recursive = Some(true);
    }
    if let MountKind::Tmpfs { mode, .. } = &mut container.mounts[2].kind {
        *mode = Some(0o1770);
    }
    service.placement.platforms = vec![("amd64".into(), "linux".into())];
    service
}

/// A service with every field set that a stack knows.
pub(crate) fn most() -> Service {
    let update = |action: &str| UpdateConfig {
        parallelism: 0,
        delay: Some(1),
        failure_action: Some(action.into()),
        monitor: Some(7_500_000_000),
        max_failure_ratio: Some(0.25),
        order: Some("start-first".into()),
    };
    Service {
        labels: pairs(&[("swarmgen.user", "a$b c"), ("team", "physics")]),
        container: container(),
        resources: Resources {
            cpu_limit: Some(1_500_000_000),
            mem_limit: Some(536_870_913),
            pids_limit: Some(256),
            cpu_reservation: Some(250_000_001),
            mem_reservation: Some(268_435_456),
            generic_resources: vec![("gpu".into(), 2), ("ssd".into(), 1)],
        },
        restart_policy: Some(RestartPolicy {
            condition: Some("on-failure".into()),
            delay: Some(5_000_000_001),
            max_attempts: Some(3),
            window: Some(90_000_000_000),
        }),
        placement: Placement {
            constraints: texts(&["node.labels.jupyter==true", "node.role!=manager"]),
            spread: texts(&["node.labels.datacenter"]),
            max_replicas: Some(1),
            platforms: Vec::new(),
        },
        networks: vec![
            Network {
                target: "jupyterhub_default".into(),
                aliases: texts(&["alice"]),
                driver_opts: pairs(&[("com.docker.network.endpoint.ifname", "eth7")]),
            },
            Network { target: "second".into(), aliases: Vec::new(), driver_opts: Vec::new() },
        ],
        log_driver: Some(Driver { name: Some("json-file".into()), options: pairs(&[("max-size", "10m")]) }),
        endpoint: Endpoint {
            mode: EndpointMode::Vip,
            ports: vec![
                Port { protocol: "tcp".into(), target: 8888, published: Some(30001), mode: "ingress".into() },
                Port { protocol: "udp".into(), target: 9999, published: None, mode: "host".into() },
            ],
        },
        update_config: Some(update("rollback")),
        rollback_config: Some(update("pause")),
        ..least()
    }
}

fn container() -> Container {
    let reference = |name: &str, file: &str, mode| FileReference {
        name: name.into(),
        id: Some(format!("id-{name}").into()),
        file: file.into(),
        uid: "1000".into(),
        gid: "100".into(),
        mode,
    };
    Container {
        image: "jupyter/base-notebook:lab-4.1.0".into(),
        command: Some(texts(&["tini", "-g", "--", "it's \"quoted\"", ""])),
        args: Some(texts(&["start.sh", "--opt=$HOME", "two\nlines", "yes"])),
        hostname: Some("{{.Node.Hostname}}".into()),
        env: pairs(&[("EMPTY", ""), ("GREETING", "grüß $$ 'dich' \"hier\"\n"), ("NUMBER", "0123"), ("PATH", "")]),
        workdir: Some("/home/jovyan/work".into()),
        user: Some("1000:100".into()),
        groups: Vec::new(),
        labels: pairs(&[("container.label", "on"), ("we$rd", "x$y")]),
        mounts: mounts(),
        stop_grace_period: Some(1_500_000_000),
        stop_signal: Some("SIGINT".into()),
        healthcheck: Some(Healthcheck {
            test: Some(texts(&["CMD-SHELL", "curl -f http://localhost:8888/$X || exit 1"])),
            interval: Some(30_000_000_000),
            timeout: Some(1_500_000_000),
            start_period: Some(60_000_000_000),
            start_interval: None,
            retries: Some(3),
        }),
        hosts: vec![
            Host { name: "storage".into(), address: "10.0.0.7".into() },
            Host { name: "six".into(), address: "fd00::7".into() },
        ],
        dns_config: Some(DnsConfig {
            nameservers: texts(&["10.0.0.2"]),
            search: texts(&["example.org"]),
            options: Vec::new(),
        }),
        configs: vec![reference("motd", "/etc/motd", 0o444)],
        secrets: vec![reference("api-key", "api-key", 0o400)],
        privileges: Some(Privileges { credential_spec: Some(CredentialSpec::File("spec.json".into())), selinux: None }),
        isolation: Some("default".into()),
        init: Some(true),
        cap_add: texts(&["CAP_NET_ADMIN", "CAP_SYS_PTRACE"]),
        cap_drop: texts(&["CAP_MKNOD"]),
        sysctls: pairs(&[("net.core.somaxconn", "1024")]),
        ulimits: vec![
            Ulimit { name: "nofile".into(), soft: 1024, hard: 65_536 },
            Ulimit { name: "nproc".into(), soft: -1, hard: -1 },
        ],
        tty: Some(true),
        open_stdin: Some(true),
        read_only: Some(true),
    }
}

fn mounts() -> Vec<Mount> {
    let options = [("password", "p,\"q\" $r"), ("sshcmd", "alice@storage:/home/alice")];
    let sshfs = MountKind::Volume {
        source: Some("sshfs-alice".into()),
        no_copy: true,
        labels: pairs(&[("autoremove", "True"), ("owner", "$alice")]),
        driver: Some(Driver { name: Some("ucphhpc/sshfs:latest".into()), options: pairs(&options) }),
        subpath: None,
    };
    let bind = MountKind::Bind { source: "/srv/data".into(), propagation: Some("rslave".into()), non_recursive: None };
    let mount = |target: &str, read_only, kind| Mount { target: target.into(), read_only, consistency: None, kind };
    vec![
        mount("/home/jovyan/remote", false, sshfs),
        Mount { consistency: Some("cached".into()), ..mount("/data", true, bind) },
        mount("/scratch", false, MountKind::Tmpfs { size: Some(1_048_577), mode: None }),
        mount("/anonymous", false, volume(None)),
        mount("/v", false, volume(Some("v"))),
        mount("/templated", false, volume(Some("work-{{.Node.Hostname}}"))),
        mount("\\\\.\\pipe\\inside", false, MountKind::Npipe { source: "\\\\.\\pipe\\outside".into() }),
    ]
}
