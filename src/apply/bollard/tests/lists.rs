//! Lists as an engine writes them.

use super::*;
use crate::plan::observed::{Amounts, TaskAddress};

/// An engine that answers one path.
fn answering(path: &'static str, answer: Value) -> FakeEngine {
    FakeEngine::start(
        move |asked| {
            if asked.target == path { ok(&answer) } else { Answer::Status(500, asked.target.clone()) }
        },
    )
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn info_tells_the_engines_part_in_the_swarm() {
    let fake = answering(
        "/v1.41/info",
        json!({
            "ServerVersion": "20.10.24", "DriverStatus": null,
            "SystemTime": "2026-11-26T10:11:12.131415161Z",
            "Plugins": {"Volume": ["local", "ucphhpc/sshfs:latest"], "Network": ["overlay"], "Authorization": null},
            "Swarm": {"NodeID": "n1", "LocalNodeState": "active", "ControlAvailable": true, "Error": "",
                "Cluster": {"ID": "c1", "Version": {"Index": 9}},
                "RemoteManagers": [{"NodeID": "n1", "Addr": "10.0.0.1:2377"}]},
        }),
    );
    let info = run(async { fake.connect().await.info().await }).unwrap();
    assert_eq!(
        info,
        EngineInfo {
            api: ApiVersion::V1_41,
            engine: "20.10.24".into(),
            node_id: "n1".into(),
            cluster: "c1".into(),
            swarm_state: "active".into(),
            swarm_error: String::new(),
            is_manager: true,
            managers: vec!["10.0.0.1:2377".into()],
            volume_plugins: vec!["local".into(), "ucphhpc/sshfs:latest".into()],
            time: "2026-11-26T10:11:12.131415161Z".into(),
        }
    );
}

#[test]
fn nodes() {
    let fake = answering(
        "/v1.41/nodes",
        json!([{
            "ID": "n1", "Version": {"Index": 9},
            "Spec": {"Labels": {"gpu": "true"}, "Role": "worker", "Availability": "drain"},
            "Description": {
                "Hostname": "host", "Platform": {"Architecture": "x86_64", "OS": "linux"},
                "Resources": {"NanoCPUs": 2_000_000_000_i64, "MemoryBytes": 4096, "GenericResources": [
                    {"NamedResourceSpec": {"Kind": "GPU", "Value": "a"}},
                    {"NamedResourceSpec": {"Kind": "GPU", "Value": "b"}},
                    {"DiscreteResourceSpec": {"Kind": "SSD", "Value": 3}},
                ]},
                "Engine": {"EngineVersion": "20.10.24", "Labels": {"disk": "fast"},
                    "Plugins": [{"Type": "Volume", "Name": "local"}]},
            },
            "Status": {"State": "down", "Message": "away", "Addr": "10.0.0.2"},
            "ManagerStatus": {"Leader": true, "Reachability": "reachable", "Addr": "10.0.0.2:2377"},
        }, {"ID": "n2", "Spec": {"Labels": null}}]),
    );
    let nodes = run(async { fake.connect().await.nodes().await }).unwrap();
    assert_eq!(
        nodes,
        [
            ObservedNode {
                id: "n1".into(),
                hostname: "host".into(),
                role: "worker".into(),
                availability: "drain".into(),
                state: "down".into(),
                leads: true,
                address: "10.0.0.2".into(),
                labels: labels(&[("gpu", "true")]),
                engine_labels: labels(&[("disk", "fast")]),
                os: "linux".into(),
                architecture: "x86_64".into(),
                nano_cpus: 2_000_000_000,
                memory: 4096,
                generic_resources: [("GPU".to_owned(), 2), ("SSD".to_owned(), 3)].into(),
                engine: "20.10.24".into(),
                plugins: vec![("Volume".into(), "local".into())],
            },
            ObservedNode { id: "n2".into(), ..ObservedNode::default() },
        ]
    );
}

#[test]
fn tasks() {
    let fake = FakeEngine::start(|_| {
        ok(json!([{
            "ID": "t1", "Version": {"Index": 1}, "CreatedAt": "2026-01-01T00:00:00Z", "UpdatedAt": "2026-01-01T00:00:02Z",
            "Labels": {},
            "Spec": {"ContainerSpec": {"Image": "a:1", "Env": ["X=y"], "Isolation": "not known to any model"},
                "Resources": {"Limits": {"NanoCPUs": 9}, "Reservations": {"NanoCPUs": 5, "MemoryBytes": 7,
                    "GenericResources": [{"DiscreteResourceSpec": {"Kind": "gpu", "Value": 2}}]}}},
            "ServiceID": "s1", "Slot": 1, "NodeID": "n1", "DesiredState": "shutdown",
            "Status": {"Timestamp": "2026-01-01T00:00:01Z", "State": "failed", "Message": "started",
                "Err": "task: non-zero exit (3)", "ContainerStatus": {"ContainerID": "c1", "PID": 0, "ExitCode": 3},
                "PortStatus": {}},
            "NetworksAttachments": [
                {"Network": {"ID": "n1", "Spec": {"Name": "hub"}}, "Addresses": ["10.0.1.7/24"]},
                {"Network": {"ID": "n2"}, "Addresses": null},
            ],
        }, {
            "ID": "t2", "ServiceID": "s1", "DesiredState": "running", "Spec": {},
            "Status": {"State": "running", "ContainerStatus": {"ContainerID": "c2", "PID": 7, "ExitCode": 0}},
        }]))
    });
    let (by_label, by_service, all) = run(async {
        let engine = fake.connect().await;
        let label = TaskFilter::Label("swarmgen.deployment=physics".into());
        let by_label = engine.tasks(&label).await.unwrap();
        let by_service = engine.tasks(&TaskFilter::Service("s1".into())).await.unwrap();
        (by_label, by_service, engine.tasks(&TaskFilter::All).await.unwrap())
    });
    assert_eq!((&by_label, &by_label), (&by_service, &all));
    assert_eq!(
        by_label[0],
        ObservedTask {
            id: "t1".into(),
            service_id: "s1".into(),
            node_id: "n1".into(),
            state: "failed".into(),
            desired_state: "shutdown".into(),
            message: "started".into(),
            error: "task: non-zero exit (3)".into(),
            exit_code: Some(3),
            timestamp: "2026-01-01T00:00:01Z".into(),
            created_at: "2026-01-01T00:00:00Z".into(),
            updated_at: "2026-01-01T00:00:02Z".into(),
            image: "a:1".into(),
            container: "c1".into(),
            reserved: Amounts { nano_cpus: 5, memory: 7, generic_resources: [("gpu".to_owned(), 2)].into() },
            labels: Labels::new(),
            addresses: vec![TaskAddress { network_id: "n1".into(), network: "hub".into(), address: "10.0.1.7".into() }],
        }
    );
    assert_eq!((by_label[1].exit_code, by_label[1].container.as_str()), (None, "c2"), "it runs");
    let targets: Vec<String> = fake.take().into_iter().map(|asked| asked.target).collect();
    let filters = "/v1.41/tasks?filters=%7B%22";
    assert_eq!(targets[0], format!("{filters}label%22%3A%5B%22swarmgen.deployment%3Dphysics%22%5D%7D"));
    assert_eq!(targets[1], format!("{filters}service%22%3A%5B%22s1%22%5D%7D"));
    assert_eq!(targets[2], "/v1.41/tasks");
}

#[test]
fn networks_and_who_is_on_them() {
    let fake = FakeEngine::start(|asked| match asked.target.as_str() {
        "/v1.41/networks" => ok(json!([{
            "Name": "hub", "Id": "net1", "Scope": "swarm", "Driver": "overlay", "Ingress": false, "Labels": null,
            "IPAM": {"Driver": "default", "Options": null, "Config": [{"Subnet": "10.0.1.0/24", "Gateway": "10.0.1.1"}]},
            "Containers": {},
        }, {"Name": "none", "Id": "net2", "Scope": "local", "Driver": "null", "IPAM": {"Config": null}}])),
        "/v1.41/networks/net1?verbose=true" => ok(json!({
            "Name": "hub", "Peers": [{"Name": "x", "IP": "10.77.0.1"}],
            "Services": {
                "a": {"VIP": "<nil>", "Ports": [], "LocalLBIndex": 0, "Tasks": [
                    {"Name": "a.1", "EndpointID": "e", "EndpointIP": "10.0.1.5", "Info": {"Host IP": "10.77.0.1"}},
                    {"Name": "a.2", "EndpointID": "f", "EndpointIP": "10.0.1.6", "Info": {"Host IP": "10.77.0.2"}}]},
                "b": {"VIP": "10.0.1.9", "Tasks": [
                    {"Name": "b.1", "EndpointID": "g", "EndpointIP": "10.0.1.7", "Info": {"Host IP": "10.77.0.1"}}]},
                "": {"Tasks": null},
            },
        })),
        other => Answer::Status(404, other.to_owned()),
    });
    let (networks, peers) = run(async {
        let engine = fake.connect().await;
        (engine.networks().await.unwrap(), engine.network_peers("net1").await.unwrap())
    });
    assert_eq!(
        networks[0],
        ObservedNetwork {
            id: "net1".into(),
            name: "hub".into(),
            driver: "overlay".into(),
            scope: "swarm".into(),
            subnets: vec!["10.0.1.0/24".into()],
            ..ObservedNetwork::default()
        }
    );
    assert_eq!((networks[1].name.as_str(), networks[1].subnets.len()), ("none", 0));
    assert_eq!(peers, [("10.77.0.1".to_owned(), 2), ("10.77.0.2".to_owned(), 1)].into());
}

#[test]
fn objects_and_volumes() {
    let object = json!([{"ID": "o1", "CreatedAt": "2026-01-01T00:00:00Z", "Spec": {"Name": "motd", "Labels": {"a": "b"}, "Data": "eA=="}}]);
    let volume = json!({"Volumes": [
        {"Name": "v1", "Driver": "ucphhpc/sshfs:latest", "Options": {"sshcmd": "a@b:"}, "Labels": null, "Status": {"odd": {"to": "bollard"}}},
        {"Name": "v2", "Driver": "local", "Options": null, "Labels": {"autoremove": "True"}, "Mountpoint": "/x", "Scope": "local"},
    ], "Warnings": null});
    let fake = FakeEngine::start(move |asked| ok(if asked.target == "/v1.41/volumes" { &volume } else { &object }));
    let (configs, secrets, volumes) = run(async {
        let engine = fake.connect().await;
        (engine.configs().await.unwrap(), engine.secrets().await.unwrap(), engine.volumes().await.unwrap())
    });
    assert_eq!(configs, secrets);
    assert_eq!(
        configs,
        [ObservedObject {
            id: "o1".into(),
            name: "motd".into(),
            created_at: "2026-01-01T00:00:00Z".into(),
            labels: labels(&[("a", "b")]),
        }]
    );
    assert_eq!(volumes[0].options, labels(&[("sshcmd", "a@b:")]));
    assert_eq!((volumes[1].name.as_str(), &volumes[1].labels), ("v2", &labels(&[("autoremove", "True")])));
}

#[test]
fn an_empty_list_may_be_null() {
    let fake =
        FakeEngine::start(|asked| ok(if asked.target.ends_with("/volumes") { r#"{"Volumes": null}"# } else { "null" }));
    run(async {
        let engine = fake.connect().await;
        assert_eq!(engine.services(None).await.unwrap(), []);
        assert_eq!(engine.nodes().await.unwrap(), []);
        assert_eq!(engine.volumes().await.unwrap(), []);
        assert_eq!(engine.configs().await.unwrap(), []);
    });
}
