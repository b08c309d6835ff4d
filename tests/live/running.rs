//! What is deployed runs: the stand-ins are what they say, and an example's server is found by its hub.

use std::path::Path;

use serde_json::{Value, json};

use crate::engine::{Engine, NOTEBOOK, run};
use crate::scenario::Scenario;
use crate::until::until;

/// Creates a service of a stand-in with some resources.
fn create(scenario: &Scenario<'_>, behaviour: &str, resources: Value) -> String {
    let name = format!("{}-{behaviour}", scenario.name());
    let body = json!({
        "Name": name,
        "TaskTemplate": {
            "ContainerSpec": {"Image": format!("stand-in/notebook:{behaviour}"), "StopGracePeriod": 2_000_000_000},
            "Resources": resources,
        },
    });
    let answer = scenario.engine().ask("POST", "/services/create", Some(&body));
    assert_eq!(answer.status, 201, "{}", answer.text());
    name
}

#[test]
fn stand_ins_are_what_they_say() {
    let scenario = Scenario::new(Engine::shared(), "stand-ins");
    let engine = scenario.engine();
    let fails = [
        ("exits", "task: non-zero exit (3)"),
        ("exits-later", "task: non-zero exit (4)"),
        ("hungry", "task: non-zero exit (137)"),
        ("unhealthy", "unhealthy container"),
        ("none", "No such image: stand-in/notebook:none"),
    ];
    let lasts = ["serves", "checked", "stubborn"];
    for (behaviour, _) in fails {
        create(&scenario, behaviour, json!({"Limits": {"MemoryBytes": 32 << 20}}));
    }
    for behaviour in lasts {
        create(&scenario, behaviour, json!({}));
    }
    for (behaviour, reason) in fails {
        let service = format!("stand-ins-{behaviour}");
        let failed = || engine.tasks(&service).iter().any(|task| task["Status"]["Err"].to_string().contains(reason));
        until(&format!("{behaviour} fails"), 60, failed, || engine.told(&service));
    }
    for behaviour in lasts {
        let service = format!("stand-ins-{behaviour}");
        engine.wait_for(&service);
        assert_eq!(engine.tasks(&service).len(), 1, "{}", engine.told(&service));
    }
    let stops = |behaviour: &str| {
        let container = engine.container(1, &format!("stand-ins-{behaviour}"));
        run(&mut engine.docker(&["stop", "--time", "2", &container]));
        let state = run(&mut engine.docker(&["inspect", "--format", "{{.State.ExitCode}}", &container]));
        String::from_utf8(state).unwrap().trim().to_owned()
    };
    assert_eq!([stops("serves"), stops("stubborn")], ["0", "137"]);
}

#[test]
fn a_hub_finds_the_quickstarts_server() {
    let mut scenario = Scenario::new(Engine::shared(), "quickstart");
    scenario.owns("jupyterhub-user-");
    let engine = scenario.engine();
    engine.has_network("jupyterhub_default");
    let hub = ["service", "create", "--detach", "--no-resolve-image", "--network", "jupyterhub_default"];
    run(engine.docker(&hub).args(["--endpoint-mode", "dnsrr", "--name", "quickstart-hub", NOTEBOOK]));
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quickstart/swarmgen.toml");
    scenario.runs(&[
        "-c",
        config.to_str().unwrap(),
        "render",
        "--user",
        "alice",
        "--stack",
        "quickstart",
        "-o",
        "stack.yml",
    ]);
    let stack = scenario.folder().join("stack.yml");
    let read: Value = serde_yaml::from_slice(&std::fs::read(&stack).unwrap()).unwrap();
    let (name, service) = read["services"].as_object().unwrap().iter().next().unwrap();
    engine.has_image(service["image"].as_str().unwrap());
    let deploy =
        ["stack", "deploy", "--detach=true", "--resolve-image", "never", "-c", stack.to_str().unwrap(), "quickstart"];
    run(&mut engine.docker(&deploy));
    engine.wait_for("quickstart-hub");
    engine.wait_for(&format!("quickstart_{name}"));
    // A hub knows the server by the name that the config gives it.
    let ask = format!("printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc {name} 8888");
    let hub = engine.container(1, "quickstart-hub");
    let page = || engine.docker(&["exec", &hub, "sh", "-c", &ask]).output().unwrap().stdout;
    let served = || String::from_utf8_lossy(&page()).ends_with("\r\n\r\nnotebook\n");
    until("the hub is shown a page", 20, served, || String::from_utf8_lossy(&page()).into_owned());
}
