//! Servers that cannot run: each ends in time, with the engine's own reason where it has one.

use std::time::Instant;

use serde_json::json;

use crate::commands::Ran;
use crate::engine::{Engine, NOTEBOOK, run};
use crate::scenario::Scenario;
use crate::until::until;

/// A profile with a user of the same name.
fn profile(name: &str, image: &str, rest: &str) -> String {
    format!("[[images]]\nname = \"{name}\"\nimage = \"{image}\"\n{rest}\n[users.{name}]\nprofile = \"{name}\"\n")
}

#[test]
fn each_fault_of_a_task_ends_in_its_reason() {
    let scenario = Scenario::new(Engine::shared(), "tasks");
    // Somebody else has the port.
    let taken = json!({
        "Name": "tasks-x-port",
        "TaskTemplate": {"ContainerSpec": {"Image": NOTEBOOK}},
        "EndpointSpec": {"Ports": [{"TargetPort": 8888, "PublishedPort": 30500, "PublishMode": "host"}]},
    });
    assert_eq!(scenario.engine().ask("POST", "/services/create", Some(&taken)).status, 201);
    scenario.engine().wait_for("tasks-x-port");
    let serves = "stand-in/notebook:serves";
    let faults = [
        ("absent", "stand-in/notebook:absent", "", "No such image: stand-in/notebook:absent"),
        ("exits", "stand-in/notebook:exits", "", "task: non-zero exit (3)"),
        (
            "nowhere",
            serves,
            "placement = [\"node.labels.gpu==true\"]",
            "no suitable node (scheduling constraints not satisfied on 1 node",
        ),
        ("hungry", "stand-in/notebook:hungry", "resource_spec = { mem_limit = \"32M\" }", "137"),
        ("port", serves, "endpoint_spec = { ports = { 30500 = [8888, \"tcp\", \"host\"] } }", "port already in use"),
        ("unhealthy", "stand-in/notebook:unhealthy", "", "unhealthy container"),
        (
            "source",
            serves,
            "mounts = [{ type = \"bind\", source = \"/nowhere\", target = \"/n\" }]",
            "bind source path does not exist: /nowhere",
        ),
        ("program", serves, "command = [\"/no/such\"]", "no such file or directory"),
    ];
    let profiles: Vec<String> = faults.iter().map(|(name, image, rest, _)| profile(name, image, rest)).collect();
    scenario.has_config("", &format!("[users.fine]\n{}", profiles.concat()));
    let begun = Instant::now();
    let ran = scenario.applies(&["--timeout", "40s", "--progress", "json"]).ends_with(4);
    let seconds = begun.elapsed().as_secs();
    assert!(seconds < 50, "{seconds} s");
    assert_eq!(ran.users_that("converged"), ["fine"]);
    let outcome = ran.outcome();
    for (name, .., reason) in faults {
        let report = outcome["reports"].as_array().unwrap().iter().find(|report| report["subject"]["user"] == name);
        let report = report.unwrap();
        assert!(report["state"] == "failed" && report["reason"].as_str().unwrap().contains(reason), "{report}");
    }
    // They stay as they are, for somebody to look at, and are waited for again.
    let status = scenario.ran(&["status", "--format", "json"]).ends_with(0).stdout;
    for (name, .., reason) in faults {
        assert!(status.contains(reason), "{name}: {status}");
    }
    scenario.destroys_all().ends_with(0);
    assert_eq!(scenario.service_names(), [""; 0]);
    run(&mut scenario.engine().docker(&["service", "rm", "tasks-x-port"]));
}

/// A class whose servers may run on either node, or only on the second.
fn on_two_nodes(scenario: &Scenario<'_>, rest: &str) {
    scenario.has_config(rest, "[users.anna]\n[users.ben]");
}

#[test]
fn a_node_that_is_drained_in_mid_apply_is_told_or_left() {
    let engine = Engine::pair();
    let scenario = Scenario::new(&engine, "drained");
    let availability = |to: &str| run(&mut engine.docker(&["node", "update", "--availability", to, "node2"]));
    // Wherever else there is room, servers move.
    on_two_nodes(&scenario, "");
    let child = scenario.begins_to_apply(&["--stable-for", "5s", "--timeout", "60s", "--progress", "json"]);
    engine.wait_for("drained-ben-1");
    availability("drain");
    let ran = Ran::from(child.wait_with_output().unwrap()).ends_with(0);
    assert_eq!(ran.users_that("converged"), ["anna", "ben"]);
    let node = engine.get("/nodes/node1")["ID"].clone();
    let tasks = ["drained-anna-1", "drained-ben-1"].map(|name| engine.tasks(name));
    let running = tasks.iter().flatten().filter(|task| task["DesiredState"] == "running");
    assert!(running.clone().count() == 2 && running.clone().all(|task| task["NodeID"] == node), "{tasks:#?}");
    // Elsewhere, they wait, and the engine says why.
    availability("active");
    on_two_nodes(&scenario, "placement = [\"node.hostname==node2\"]");
    let child = scenario.begins_to_apply(&["--stable-for", "5s", "--timeout", "20s", "--progress", "json"]);
    until("both run on the second node", 40, || on_node_2(&engine) == 2, || engine.told("drained-ben-1"));
    availability("drain");
    let ran = Ran::from(child.wait_with_output().unwrap());
    availability("active");
    let ran = ran.ends_with(4);
    assert_eq!(ran.users_that("failed"), ["anna", "ben"]);
    assert!(ran.outcome().to_string().contains("no suitable node"), "{}", ran.outcome());
    scenario.applies(&["--timeout", "60s"]).ends_with(0);
}

/// How many containers of services run on the second node.
fn on_node_2(engine: &Engine) -> usize {
    let filter = ["ps", "-q", "--filter", "label=com.docker.swarm.service.name"];
    let ids = run(&mut engine.docker_on(2, &filter));
    String::from_utf8(ids).unwrap().split_whitespace().count()
}

#[test]
fn a_worker_that_is_lost_in_mid_apply_is_told() {
    let engine = Engine::pair();
    let scenario = Scenario::new(&engine, "lost");
    on_two_nodes(&scenario, "placement = [\"node.hostname==node2\"]");
    let child = scenario.begins_to_apply(&["--stable-for", "60s", "--timeout", "30s", "--progress", "json"]);
    until("both run on the second node", 40, || on_node_2(&engine) == 2, || engine.told("lost-ben-1"));
    engine.lose_node(2);
    let ran = Ran::from(child.wait_with_output().unwrap()).ends_with(4);
    assert_eq!(ran.users_that("failed"), ["anna", "ben"]);
    let outcome = ran.outcome().to_string();
    assert!(outcome.contains("node2") || outcome.contains("no suitable node"), "{outcome}");
    // It shows, too, that they do not run, though the engine counts them as running.
    let status = scenario.ran(&["status"]).ends_with(0);
    assert!(!status.stdout.contains("2 running"), "{}", status.stdout);
}
