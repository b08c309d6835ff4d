//! Each check, with a swarm that lacks one thing.

use super::*;
use crate::emit::fixture::least;
use crate::ir::{Driver, EndpointMode, FileReference, Mount, MountKind, Network, Text};
use crate::plan::observed::{Labels, ObservedNetwork, ObservedNode, ObservedObject, ObservedService, ObservedTask};
use crate::source::{Author, SourceMap, Syntax, parse};

/// A secret.
const CANARY: &str = "canary-5b1e";

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn swarm() -> ObservedState {
    ObservedState {
        networks: vec![
            ObservedNetwork {
                id: "n1".to_owned(),
                name: "hub".to_owned(),
                driver: "overlay".to_owned(),
                scope: "swarm".to_owned(),
                subnets: vec!["10.0.1.0/29".to_owned()],
                ..ObservedNetwork::default()
            },
            ObservedNetwork {
                name: "ingress".to_owned(),
                scope: "swarm".to_owned(),
                ingress: true,
                ..Default::default()
            },
            ObservedNetwork { name: "mine".to_owned(), scope: "local".to_owned(), ..Default::default() },
        ],
        configs: vec![ObservedObject { id: "c1".to_owned(), name: "motd".to_owned(), ..ObservedObject::default() }],
        nodes: vec![ObservedNode {
            id: "node1".to_owned(),
            hostname: "Lab".to_owned(),
            role: "manager".to_owned(),
            availability: "active".to_owned(),
            state: "ready".to_owned(),
            labels: labels(&[("gpu", "true")]),
            os: "linux".to_owned(),
            architecture: "x86_64".to_owned(),
            nano_cpus: 2_000_000_000,
            memory: 4 << 30,
            generic_resources: [("gpu".to_owned(), 2)].into_iter().collect(),
            plugins: vec![("Volume".to_owned(), "local".to_owned()), ("Volume".to_owned(), "sshfs:latest".to_owned())],
            ..ObservedNode::default()
        }],
        ..ObservedState::default()
    }
}

/// What is told of some servers like this one, as code and message.
fn told_of(count: usize, change: impl Fn(&mut Service), state: &ObservedState) -> Vec<String> {
    told_with(count, change, state, &BTreeMap::new(), &[])
}

fn told_with(
    count: usize,
    change: impl Fn(&mut Service),
    state: &ObservedState,
    images: &BTreeMap<String, ImageState>,
    made: &[String],
) -> Vec<String> {
    let leaving = BTreeSet::from(["leaves".to_owned()]);
    let sources = SourceMap::new();
    let id = sources.add("x.json".to_owned(), "", Author::Config, "{}".to_owned());
    let spec = parse(&sources, id, Syntax::Json).unwrap();
    let users: Vec<Arc<str>> = (0..count).map(|index| Arc::from(format!("user{index}"))).collect();
    let services: Vec<Service> = (0..count)
        .map(|index| {
            let mut service = least();
            service.name = format!("jupyter-user{index}-1").into();
            change(&mut service);
            service
        })
        .collect();
    let servers: Vec<WantedView<'_>> = users
        .iter()
        .zip(&services)
        .map(|(user, service)| WantedView { user, server: "", service, spec: &spec })
        .collect();
    let view = ClusterView {
        state,
        deployment: "physics",
        servers: &servers,
        images,
        made,
        leaving: &leaving,
        of_users: true,
    };
    let findings = check(&view);
    assert!(!format!("{findings:?}").contains(CANARY), "{findings:?}");
    findings.iter().map(|finding| format!("{} {}", finding.code.id, finding.message)).collect()
}

fn network(target: &str) -> Network {
    Network { target: target.into(), aliases: Vec::new(), driver_opts: Vec::new() }
}

#[test]
fn what_is_there_is_not_told_of() {
    let full = |service: &mut Service| {
        service.networks = vec![network("hub")];
        service.placement.constraints =
            ["node.labels.gpu == TRUE", "node.role!=worker", "node.hostname==lab", "node.platform.arch==amd64"]
                .map(Text::from)
                .to_vec();
        service.placement.platforms = vec![("amd64".into(), "linux".into())];
        service.resources.cpu_limit = Some(2_000_000_000);
        service.resources.mem_reservation = Some(4 << 30);
        service.resources.generic_resources = vec![("gpu".into(), 2)];
    };
    assert_eq!(told_of(1, full, &swarm()), [""; 0]);
}

#[test]
fn networks() {
    let told = |target: &'static str| told_of(1, |service| service.networks = vec![network(target)], &swarm());
    assert_eq!(told("n1"), [""; 0]);
    assert_eq!(told("host"), [""; 0]);
    assert_eq!(told("huub"), ["SG510 the swarm has no network `huub`"]);
    assert_eq!(told("ingress"), ["SG510 `ingress` is the routing mesh, to which no service is attached"]);
    assert_eq!(told("mine"), ["SG510 the network `mine` is not the swarm's: its scope is local"]);
}

#[test]
fn networks_of_one_name_and_of_other_drivers() {
    let told = |state: &ObservedState| told_of(1, |service| service.networks = vec![network("hub")], state);
    let mut twice = swarm();
    let local = ObservedNetwork {
        id: "n0".to_owned(),
        name: "hub".to_owned(),
        driver: "bridge".to_owned(),
        scope: "local".to_owned(),
        ..ObservedNetwork::default()
    };
    twice.networks.insert(0, local);
    assert_eq!(told(&twice), [""; 0], "the engine takes the swarm's");
    twice.networks.retain(|network| network.id != "n1");
    assert_eq!(told(&twice), ["SG510 the network `hub` is not the swarm's: its scope is local"]);
    // Made from networks of the nodes' own (`--config-from`).
    let mut other = swarm();
    other.networks[0].driver = "macvlan".to_owned();
    assert_eq!(told(&other), [""; 0], "the engine takes it");
    let many = |service: &mut Service| service.networks = vec![network("hub")];
    assert_eq!(told_of(5, many, &other), [""; 0], "each node has addresses of its own");
}

fn reference(name: &str, id: Option<&str>) -> FileReference {
    FileReference {
        name: name.into(),
        id: id.map(Text::from),
        file: "/x".into(),
        uid: "0".into(),
        gid: "0".into(),
        mode: 0o444,
    }
}

#[test]
fn objects() {
    let told = |name: &'static str, id: Option<&'static str>| {
        told_of(1, move |service| service.container.configs = vec![reference(name, id)], &swarm())
    };
    assert_eq!(told("motd", None), [""; 0]);
    assert_eq!(told("motd", Some("c1")), [""; 0]);
    assert_eq!(told("mood", None), ["SG511 the swarm has no config `mood`"]);
    assert_eq!(told("mood", Some("c1")), ["SG511 the config with the id `c1` is called `motd`, not `mood`"]);
    assert_eq!(told("motd", Some("c2")), ["SG511 the swarm has no config with the id `c2`"]);
    let secret = |service: &mut Service| service.container.secrets = vec![reference("motd", None)];
    assert_eq!(told_of(1, secret, &swarm()), ["SG511 the swarm has no secret `motd`"]);
    assert_eq!(told_with(1, secret, &swarm(), &BTreeMap::new(), &["motd".to_owned()]), [""; 0]);
}

#[test]
fn plugins() {
    let told = |name: &'static str| {
        let driver = Some(Driver { name: Some(name.into()), options: Vec::new() });
        let kind =
            MountKind::Volume { source: Some("v".into()), no_copy: false, labels: Vec::new(), driver, subpath: None };
        let mount = Mount { target: "/t".into(), read_only: false, consistency: None, kind };
        told_of(1, move |service| service.container.mounts = vec![mount.clone()], &swarm())
    };
    assert_eq!(told("local"), [""; 0]);
    assert_eq!(told("sshfs:latest"), [""; 0]);
    assert_eq!(told("sshfs"), ["SG512 no node of the swarm lists the volume plugin `sshfs`"]);
}

#[test]
fn placements() {
    let told = |constraint: &'static str, state: &ObservedState| {
        told_of(1, |service| service.placement.constraints = vec![constraint.into()], state)
    };
    let swarm = swarm();
    assert_eq!(told("node.labels.rack!=7", &swarm), [""; 0], "a label that is missing is empty");
    assert_eq!(told("node.labels.rack==7", &swarm), ["SG513 no node that takes tasks fulfils `node.labels.rack==7`"]);
    assert_eq!(told("node.role==worker", &swarm), ["SG513 no node that takes tasks fulfils `node.role==worker`"]);
    let mut drained = swarm.clone();
    drained.nodes[0].availability = "drain".to_owned();
    assert_eq!(told("node.id==node1", &drained), ["SG513 no node that takes tasks fulfils `node.id==node1`"]);
    assert_eq!(told_of(1, |_| {}, &drained), ["SG513 no node takes tasks now"]);
    let mut two = swarm.clone();
    let other = ObservedNode { labels: labels(&[("ssd", "1")]), ..swarm.nodes[0].clone() };
    two.nodes.push(other);
    let both = |service: &mut Service| {
        service.placement.constraints = vec!["node.labels.gpu==true".into(), "node.labels.ssd==1".into()];
    };
    assert_eq!(told_of(1, both, &two), ["SG513 no node that takes tasks fulfils all constraints"]);
    let windows = |service: &mut Service| service.placement.platforms = vec![("".into(), "windows".into())];
    assert_eq!(told_of(1, windows, &swarm), ["SG513 no node that takes tasks runs such a platform"]);
}

#[test]
fn amounts() {
    let cpus = |service: &mut Service| service.resources.cpu_reservation = Some(2_500_000_000);
    assert_eq!(told_of(1, cpus, &swarm()), ["SG514 2.5 CPUs are asked for, and the largest such node has 2"]);
    let memory = |service: &mut Service| service.resources.mem_reservation = Some((4 << 30) + (1 << 20));
    assert_eq!(
        told_of(1, memory, &swarm()),
        ["SG514 4097 MiB of memory are set aside, and the largest such node has 4096 MiB"]
    );
    let generic = |kind: &'static str, count| {
        told_of(1, move |service| service.resources.generic_resources = vec![(kind.into(), count)], &swarm())
    };
    assert_eq!(generic("gpu", 3), ["SG514 3 `gpu` are asked for, and no such node has more than 2"]);
    assert_eq!(generic("tpu", 1), ["SG514 no node that may run it has `tpu` resources"]);
    // One node has the processors, another one the memory.
    let mut two = swarm();
    two.nodes.push(ObservedNode {
        id: "node2".to_owned(),
        nano_cpus: 8_000_000_000,
        memory: 1 << 30,
        ..two.nodes[0].clone()
    });
    let asks = |cpus: i64, memory: i64| {
        let change = |service: &mut Service| {
            service.resources.cpu_limit = Some(cpus);
            service.resources.mem_reservation = Some(memory);
        };
        told_of(1, change, &two)
    };
    assert_eq!(asks(8_000_000_000, 1 << 30), [""; 0]);
    let none = "SG514 no node that may run it has all of the CPUs, memory and other resources that are asked for";
    assert_eq!(asks(8_000_000_000, 2 << 30), [none]);
}

#[test]
fn images() {
    let told = |state: ImageState| {
        let images = [(least().container.image.expose().to_owned(), state)].into_iter().collect();
        told_with(1, |_| {}, &swarm(), &images, &[])
    };
    assert_eq!(told(ImageState::Resolved), [""; 0]);
    assert_eq!(told(ImageState::OnNode), [""; 0]);
    assert_eq!(
        told(ImageState::Missing("manifest unknown".to_owned())),
        ["SG515 the image `jupyter/base-notebook:lab-4.1.0` was not found"]
    );
    assert_eq!(
        told(ImageState::Unknown("no answer".to_owned())),
        ["SG515 nothing is known of the image `jupyter/base-notebook:lab-4.1.0`"]
    );
}

#[test]
fn a_node_that_runs_an_image_has_it() {
    let own = least().container.image.expose().to_owned();
    let told = |image: &str, state: &str| {
        let task = ObservedTask {
            image: image.to_owned(),
            state: state.to_owned(),
            desired_state: "running".to_owned(),
            ..ObservedTask::default()
        };
        let swarm = ObservedState { tasks: vec![task], ..swarm() };
        let images = [(own.clone(), ImageState::Unknown("no answer".to_owned()))].into_iter().collect();
        told_with(1, |_| {}, &swarm, &images, &[]).len()
    };
    assert_eq!([told(&own, "running"), told(&format!("{own}@sha256:1"), "running")], [0, 0]);
    assert_eq!([told(&own, "rejected"), told(&format!("{own}-2"), "running")], [1, 1]);
}

#[test]
fn addresses() {
    // A /29 has 8 addresses: less 3 and one node, 4.
    let attached = |service: &mut Service| service.networks = vec![network("hub")];
    assert_eq!(told_of(4, attached, &swarm()), [""; 0]);
    let full = "SG516 the network `hub` has 4 addresses for services, and 5 are needed";
    assert_eq!(told_of(5, attached, &swarm()), [full]);
    let vip = |service: &mut Service| {
        attached(service);
        service.endpoint.mode = EndpointMode::Vip;
    };
    assert_eq!(told_of(2, vip, &swarm()), [""; 0]);
    assert_eq!(told_of(3, vip, &swarm()), ["SG516 the network `hub` has 4 addresses for services, and 6 are needed"]);
    let mut shared = swarm();
    let spec = |name: &str| {
        serde_json::json!({
            "Name": name,
            "TaskTemplate": {"Networks": [{"Target": "n1"}]},
            "Mode": {"Replicated": {"Replicas": 2}},
            "EndpointSpec": {"Mode": "vip"},
        })
    };
    let service =
        |name: &str| ObservedService { id: "s".to_owned(), version: 1, spec: spec(name), ..ObservedService::default() };
    shared.services.push(service("proxy"));
    assert_eq!(told_of(1, attached, &shared), [""; 0]);
    assert_eq!(told_of(2, attached, &shared), [full]);
    shared.services[0].spec["Name"] = "leaves".into();
    assert_eq!(told_of(4, attached, &shared), [""; 0], "it makes way");
    // Families do not stand in for each other.
    let mut dual = swarm();
    dual.networks[0].subnets.push("fd00::/64".to_owned());
    assert_eq!(told_of(4, attached, &dual), [""; 0]);
    assert_eq!(told_of(5, attached, &dual), [full]);
    // Of one family they add up: another /29 has 5 more.
    dual.networks[0].subnets.push("10.0.2.0/29".to_owned());
    assert_eq!(told_of(9, attached, &dual), [""; 0]);
    assert_eq!(told_of(10, attached, &dual).len(), 1);
    // Each second server is another profile of the user before, and the only one on the network.
    let with_a_second_profile = |service: &mut Service| {
        let number: usize =
            service.name.trim_matches(|char: char| !char.is_ascii_digit()).trim_end_matches("-1").parse().unwrap();
        if number % 2 == 1 {
            service.name = format!("jupyter-user{}-1", number - 1).into();
            attached(service);
        }
    };
    assert_eq!(told_of(8, with_a_second_profile, &swarm()), [""; 0]);
    assert_eq!(told_of(10, with_a_second_profile, &swarm()), [full]);
}

#[test]
fn names_that_are_taken() {
    let taken = |labels: serde_json::Value| {
        let mut state = swarm();
        state.services.push(ObservedService {
            id: "s".to_owned(),
            version: 1,
            spec: serde_json::json!({"Name": "Jupyter-User0-1", "Labels": labels}),
            ..ObservedService::default()
        });
        told_of(1, |_| {}, &state)
    };
    let ours = serde_json::json!({"swarmgen.deployment": "physics", "swarmgen.user": "user0", "swarmgen.server": ""});
    assert_eq!(taken(ours.clone()), [""; 0]);
    let told = ["SG517 the swarm has a service `Jupyter-User0-1` already"];
    assert_eq!(taken(serde_json::json!({})), told);
    for key in ["swarmgen.deployment", "swarmgen.user", "swarmgen.server"] {
        let mut other = ours.clone();
        other[key] = "other".into();
        assert_eq!(taken(other), told, "{key}");
    }
}

#[test]
fn secrets_are_in_no_finding() {
    let secret = || Text::secret(zeroize::Zeroizing::new(CANARY.to_owned()));
    let all = |service: &mut Service| {
        service.networks = vec![Network { target: secret(), aliases: Vec::new(), driver_opts: Vec::new() }];
        service.placement.constraints =
            vec![Text::secret(zeroize::Zeroizing::new(format!("node.labels.x == {CANARY}")))];
        service.container.image = secret();
        let by_name = FileReference { name: secret(), ..reference("x", None) };
        let by_id = FileReference { id: Some(secret()), ..reference("x", None) };
        let other = FileReference { name: secret(), ..reference("x", Some("c1")) };
        service.container.configs = vec![by_name, by_id, other];
        let driver = Some(Driver { name: Some(secret()), options: Vec::new() });
        let kind =
            MountKind::Volume { source: Some("v".into()), no_copy: false, labels: Vec::new(), driver, subpath: None };
        service.container.mounts = vec![Mount { target: "/t".into(), read_only: false, consistency: None, kind }];
    };
    let images = [(CANARY.to_owned(), ImageState::Missing(format!("{CANARY}: denied")))].into_iter().collect();
    let told = told_with(1, all, &swarm(), &images, &[]);
    assert_eq!(
        told,
        [
            "SG510 the swarm has no network `«redacted»`",
            "SG511 the swarm has no config `«redacted»`",
            "SG511 the swarm has no config with the id `«redacted»`",
            "SG511 the config with the id `c1` is called `motd`, not `«redacted»`",
            "SG512 no node of the swarm lists the volume plugin `«redacted»`",
            "SG513 no node that takes tasks fulfils `«redacted»`",
            "SG515 the image `«redacted»` was not found",
        ]
    );
}
