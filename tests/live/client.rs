//! The client on a real engine: what it sends is stored, what is stored is read, and refusals are told apart.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use swarmgen::apply::api::{ApiError, RegistryAuth, SwarmApi, TaskFilter};
use swarmgen::apply::bollard::{Engine as Client, Limits};
use swarmgen::apply::connect::{Address, Endpoint, Origin};
use swarmgen::apply::credentials::Credentials;
use swarmgen::apply::observe::ObserveError;
use swarmgen::apply::resolve::{LIMIT, resolve};
use swarmgen::emit::ApiVersion;
use swarmgen::ir::Text;
use swarmgen::plan::observed::Labels;

use crate::engine::{Engine, NOTEBOOK};
use crate::scenario::Scenario;

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

async fn client(socket: PathBuf) -> Client {
    let endpoint = Endpoint { address: Address::Unix(socket), origin: Origin::Argument, api: None };
    Client::connect(&endpoint, Limits::default()).await.unwrap()
}

/// A service of the test's with a field of each kind that clients are known to lose.
fn spec(name: &str, deployment: &str) -> Value {
    json!({
        "Name": name,
        "Labels": {"swarmgen.deployment": deployment, "swarmgen.user": "alice"},
        "TaskTemplate": {
            "ContainerSpec": {
                "Image": NOTEBOOK,
                "Env": ["A=b", "UMLAUT=\u{e4}"],
                "Healthcheck": {"Test": ["CMD", "true"], "Interval": 30_000_000_000_i64},
                "Mounts": [{"Type": "tmpfs", "Target": "/scratch", "TmpfsOptions": {"SizeBytes": 1_048_576, "Mode": 1023}}],
                "Sysctls": {"net.core.somaxconn": "1024"},
                "Ulimits": [{"Name": "nofile", "Soft": 100, "Hard": 200}],
                "Init": false,
            },
            "Resources": {"Limits": {"NanoCPUs": 500_000_000, "Pids": 50}},
        },
        "Mode": {"Replicated": {"Replicas": 1}},
        "EndpointSpec": {"Mode": "dnsrr"},
    })
}

/// Everything in `wanted` is in `stored`, whatever else is.
fn holds(stored: &Value, wanted: &Value) -> bool {
    match (stored, wanted) {
        (Value::Object(stored), Value::Object(wanted)) => {
            wanted.iter().all(|(key, value)| stored.get(key).is_some_and(|stored| holds(stored, value)))
        }
        (Value::Array(stored), Value::Array(wanted)) => {
            stored.len() == wanted.len() && stored.iter().zip(wanted).all(|(stored, wanted)| holds(stored, wanted))
        }
        _ => stored == wanted,
    }
}

#[test]
fn services_are_stored_and_read_without_loss() {
    let engine = Engine::shared();
    let scenario = Scenario::new(engine, "client-services");
    let (name, deployment) = (format!("{}-a", scenario.name()), scenario.name().to_owned());
    let wanted = spec(&name, &deployment);
    run(async {
        let client = client(engine.socket(1)).await;
        assert_eq!(client.api(), ApiVersion::V1_41);
        let auth = RegistryAuth::new("e30=".to_owned().into());
        let id = client.create_service(&wanted, Some(&auth)).await.unwrap();
        let stored = client.service(&id).await.unwrap();
        assert!(holds(&stored.spec, &wanted), "{:#}", stored.spec);
        assert_eq!(stored.spec, engine.service(&name).unwrap()["Spec"]);

        let again = client.create_service(&wanted, None).await.unwrap_err();
        assert!(matches!(again, ApiError::Conflict { .. }), "{again:?}");
        let refused = client.create_service(&json!({"Name": "-"}), None).await.unwrap_err();
        assert!(matches!(refused, ApiError::Refused { status: 400, .. }), "{refused:?}");
        client.update_service(&id, stored.version, &stored.spec, None).await.unwrap();
        let stale = client.update_service(&id, stored.version, &stored.spec, None).await.unwrap_err();
        assert!(matches!(stale, ApiError::OutOfSequence { .. }), "{stale:?}");

        engine.wait_for(&name);
        let by_service = client.tasks(&TaskFilter::Service(name.clone())).await.unwrap();
        let label = format!("swarmgen.deployment={deployment}");
        let by_label = client.tasks(&TaskFilter::Label(label.clone())).await.unwrap();
        assert_eq!(by_service, by_label);
        let task = by_service.iter().find(|task| task.state == "running").unwrap();
        assert_eq!((task.service_id.as_str(), task.image.as_str(), task.exit_code), (id.as_str(), NOTEBOOK, None));
        assert_eq!(client.services(Some(&label)).await.unwrap().len(), 1);

        client.remove_service(&id).await.unwrap();
        for gone in [
            client.remove_service(&id).await.unwrap_err(),
            client.service(&name).await.unwrap_err(),
            client.tasks(&TaskFilter::Service(name.clone())).await.unwrap_err(),
        ] {
            assert!(matches!(gone, ApiError::NotFound { .. }), "{gone:?}");
        }
    });
    scenario.leaves_others_alone();
}

#[test]
fn one_snapshot_holds_all() {
    let engine = Engine::shared();
    let scenario = Scenario::new(engine, "client-snapshot");
    let (name, deployment) = (format!("{}-a", scenario.name()), scenario.name().to_owned());
    let labels = Labels::from([("swarmgen.deployment".to_owned(), deployment.clone())]);
    engine.has_network("client");
    run(async {
        let client = client(engine.socket(1)).await;
        client.create_config(&name, &labels, b"\x00\xff").await.unwrap();
        let secret = client.create_secret(&name, &Labels::new(), &Text::from("s3cret")).await.unwrap();
        let twice = client.create_secret(&name, &Labels::new(), &Text::from("s3cret")).await.unwrap_err();
        assert!(matches!(twice, ApiError::Conflict { .. }), "{twice:?}");
        let mut wanted = spec(&name, &deployment);
        wanted["TaskTemplate"]["Networks"] = json!([{"Target": "client"}]);
        client.create_service(&wanted, None).await.unwrap();
        engine.wait_for(&name);

        let state = swarmgen::apply::observe(&client, &deployment).await.unwrap();
        let service = state.services.iter().find(|service| service.name() == name).unwrap();
        assert!(!service.created_at.is_empty() && service.label("swarmgen.user") == Some("alice"));
        let config = state.configs.iter().find(|config| config.name == name).unwrap();
        assert_eq!(config.labels, labels);
        assert_eq!(engine.get(&format!("/configs/{name}"))["Spec"]["Data"], "AP8=");
        assert!(state.secrets.iter().any(|known| known.id == secret && known.name == name));
        let network = state.networks.iter().find(|network| network.name == "client").unwrap();
        assert_eq!((network.driver.as_str(), network.scope.as_str(), network.subnets.len()), ("overlay", "swarm", 1));
        let [node] = &state.nodes[..] else { panic!("{:?}", state.nodes) };
        assert_eq!((node.id.as_str(), node.role.as_str(), node.state.as_str()), (&*state.node, "manager", "ready"));
        assert!(node.nano_cpus > 0 && node.memory > 0 && node.plugins.contains(&("Volume".into(), "local".into())));
        assert!(!state.tasks.is_empty() && state.tasks.iter().all(|task| task.service_id == service.id));
        assert_eq!(state.tasks[0].labels, service.labels());

        assert_eq!(client.network_peers(&network.id).await.unwrap().get(&node.address), Some(&1));
        assert_eq!(client.has_image(NOTEBOOK).await, Ok(true));
        assert_eq!(client.has_image("stand-in/none:1").await, Ok(false));
        let missing = client.remove_volume("client-none").await.unwrap_err();
        assert!(matches!(missing, ApiError::NotFound { .. }), "{missing:?}");
        let used = client.remove_config(&config.id).await;
        assert_eq!(used, Ok(()), "no service refers to it");
        client.remove_secret(&secret).await.unwrap();
        client.remove_service(&name).await.unwrap();
    });
    scenario.leaves_others_alone();
}

#[test]
fn an_image_of_no_registry_is_told_in_time() {
    let engine = Engine::shared();
    let image = "registry.invalid/none:1".to_owned();
    let resolved = run(async {
        let client = client(engine.socket(1)).await;
        let images = BTreeSet::from([image.clone()]);
        tokio::time::timeout(LIMIT + Duration::from_secs(1), resolve(&client, &images, &Credentials::default(), LIMIT))
            .await
    });
    let resolved = resolved.unwrap();
    assert!(resolved.pinned.is_empty());
    assert!(
        resolved.problems[&image].contains("registry.invalid") || resolved.problems[&image].contains("did not answer")
    );
}

#[test]
fn a_worker_names_its_manager() {
    let engine = Engine::pair();
    let error = run(async {
        let client = client(engine.socket(2)).await;
        swarmgen::apply::observe(&client, "any").await.unwrap_err()
    });
    let ObserveError::NoManager(managers) = error else { panic!("{error:?}") };
    assert_eq!(managers.len(), 1, "{managers:?}");
}
