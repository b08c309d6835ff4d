//! Servers that do not come up: each run ends within its time, with exit code 4, the reason, and what did come up left running.

use std::time::{Duration, Instant};

use crate::commands::Ran;
use crate::engine::{Engine, run};
use crate::scenario::Scenario;

/// How long a server may take, and how long a run may then take in all.
const TIMEOUT: &str = "12s";
const AT_MOST: Duration = Duration::from_secs(30);

/// Applies one user whose server is at fault, beside one whose server is not, and gives what was told.
fn fails(scenario: &Scenario<'_>, fault: &str) -> Ran {
    fails_after(scenario, fault, TIMEOUT)
}

fn fails_after(scenario: &Scenario<'_>, fault: &str, timeout: &str) -> Ran {
    scenario.has_config("", &format!("[users.well]\n[users.ill.overrides]\n{fault}\n"));
    let begun = Instant::now();
    let ran = scenario.applies(&["--timeout", timeout, "--progress", "plain"]).ends_with(4);
    assert!(begun.elapsed() < AT_MOST, "{:?}: {}", begun.elapsed(), ran.stderr);
    let name = scenario.name();
    assert!(scenario.engine().runs(&format!("{name}-well-1")), "{}", ran.stderr);
    assert_eq!(scenario.service_names(), [format!("{name}-ill-1"), format!("{name}-well-1")]);
    ran.says("1 server created; 1 server failed")
}

#[test]
fn an_image_that_no_node_has() {
    let scenario = Scenario::new(Engine::shared(), "no-image");
    fails(&scenario, "image = \"stand-in/notebook:missing\"")
        .says("error: ill (service ")
        .says("No such image: stand-in/notebook:missing");
}

#[test]
fn a_command_that_ends() {
    let scenario = Scenario::new(Engine::shared(), "ends");
    fails(&scenario, "image = \"stand-in/notebook:exits\"")
        .says("error: ill (service ")
        .says("task: non-zero exit (3)");
    scenario.runs(&["destroy", "--all", "--yes"]);
    // It runs for longer than apply waits to see it stay up.
    let fault = "image = \"stand-in/notebook:exits-later\"\nenv = { AFTER = \"4\" }";
    scenario.has_config("", &format!("[users.well]\n[users.ill.overrides]\n{fault}\n"));
    scenario.applies(&["--stable-for", "8s", "--timeout", "20s"]).ends_with(4).says("task: non-zero exit (4)");
}

#[test]
fn a_command_that_is_not_there() {
    let scenario = Scenario::new(Engine::shared(), "no-command");
    fails(&scenario, "command = [\"/no/such/command\"]").says("/no/such/command");
}

#[test]
fn a_directory_that_no_node_has() {
    let scenario = Scenario::new(Engine::shared(), "no-source");
    let fault = "[[users.ill.overrides.mounts]]\ntype = \"bind\"\nsource = \"/nowhere\"\ntarget = \"/n\"\n";
    fails(&scenario, fault).says("bind source path does not exist: /nowhere");
}

#[test]
fn a_constraint_that_no_node_fulfils() {
    let scenario = Scenario::new(Engine::shared(), "no-node");
    let ran = fails(&scenario, "placement.constraints = [\"node.labels.nowhere==true\"]");
    ran.says("no suitable node (scheduling constraints not satisfied on 1 node)");
}

#[test]
fn more_than_a_node_has() {
    let scenario = Scenario::new(Engine::shared(), "too-much");
    fails(&scenario, "resource_spec.mem_reservation = \"900G\"")
        .says("no suitable node (insufficient resources on 1 node)");
}

#[test]
fn memory_that_does_not_suffice() {
    let scenario = Scenario::new(Engine::shared(), "hungry");
    let fault = "image = \"stand-in/notebook:hungry\"\nresource_spec.mem_limit = \"20M\"\nenv = { MEGABYTES = \"64\" }";
    fails(&scenario, fault).says("mem_limit");
}

#[test]
fn a_health_check_that_fails() {
    let scenario = Scenario::new(Engine::shared(), "unwell");
    fails(&scenario, "image = \"stand-in/notebook:unhealthy\"").says("unhealthy");
}

#[test]
fn a_volume_plugin_that_no_node_has() {
    let scenario = Scenario::new(Engine::shared(), "no-plugin");
    let fault = "[[users.ill.overrides.mounts]]\ntype = \"volume\"\nsource = \"no-plugin-{name}\"\ntarget = \"/data\"\n\
                 driver_config.name = \"nowhere/none\"\n";
    fails(&scenario, fault).says("no suitable node (missing plugin on 1 node)");
}

#[test]
fn a_port_that_is_taken() {
    let scenario = Scenario::new(Engine::shared(), "ports");
    let publish = |port: u16, mode: &str| {
        format!(
            "endpoint_spec = {{ mode = \"vip\", ports = [{{ target = 8888, published = {port}, mode = \"{mode}\" }}] }}"
        )
    };
    // By another service: the engine refuses it.
    let engine = scenario.engine();
    let taken =
        ["service", "create", "--detach", "--name", "ports-other", "--publish", "30777:8888", crate::engine::NOTEBOOK];
    run(&mut engine.docker(&taken));
    let before = scenario.service_names();
    scenario.has_config("", &format!("[users.well]\n[users.ill.overrides]\n{}\n", publish(30777, "ingress")));
    let ran = scenario.applies(&["--timeout", TIMEOUT]).ends_with(4);
    ran.says("port '30777' is already in use by service 'ports-other'");
    assert_eq!(scenario.service_names(), [before, vec!["ports-well-1".to_owned()]].concat());
    assert!(engine.runs("ports-well-1"));
    // By another task of the node: it waits.
    run(&mut engine.docker(&["service", "rm", "ports-other"]));
    let host = "mode=host,published=30778,target=8888";
    run(&mut engine.docker(&[
        "service",
        "create",
        "--detach",
        "--name",
        "ports-other",
        "--publish",
        host,
        crate::engine::NOTEBOOK,
    ]));
    engine.wait_for("ports-other");
    scenario.has_config(
        "",
        &format!(
            "[users.well]\n[users.ill.overrides]\n{}\n",
            publish(30778, "host").replace("mode = \"vip\", ports", "ports")
        ),
    );
    let ran = scenario.applies(&["--timeout", TIMEOUT]).ends_with(4);
    ran.says("no suitable node (host-mode port already in use on 1 node)");
}

#[test]
fn a_full_network() {
    let scenario = Scenario::new(Engine::shared(), "full");
    let create = ["network", "create", "--driver", "overlay", "--subnet", "10.99.7.0/29", "full-net"];
    run(&mut scenario.engine().docker(&create));
    let users: String = (1..=8).map(|number| format!("[users.u{number}]\n")).collect();
    scenario.has_config("networks = [\"full-net\"]\nlints.full-network = \"warn\"", &users);
    let ran = scenario.applies(&["--timeout", TIMEOUT]).ends_with(4);
    let ran = ran.says("warning[SG516]").says("network `full-net`");
    assert!(ran.stderr.contains("servers failed"), "{}", ran.stderr);
}

#[test]
fn a_node_that_is_drained_in_the_middle() {
    let pair = Engine::pair();
    let scenario = Scenario::new(&pair, "drained");
    run(&mut pair.docker(&["node", "update", "--label-add", "drained=here", "node2"]));
    let users: String = (1..=6).map(|number| format!("[users.u{number}]\n")).collect();
    scenario.has_config(
        "",
        &format!("env = {{ A = \"a\" }}\nplacement.constraints = [\"node.labels.drained==here\"]\n{users}"),
    );
    let child = scenario.begins_to_apply(&["--timeout", TIMEOUT, "--stable-for", "4s"]);
    pair.wait_for("drained-u1-1");
    run(&mut pair.docker(&["node", "update", "--availability", "drain", "node2"]));
    let ran = Ran::from(child.wait_with_output().unwrap());
    run(&mut pair.docker(&["node", "update", "--availability", "active", "node2"]));
    let ran = ran
        .ends_with(4)
        .says("no suitable node (1 node not available for new tasks; scheduling constraints not satisfied on 1 node)");
    assert!(ran.stderr.contains("\n6 servers failed"), "{}", ran.stderr);
    // The next one finishes.
    scenario.applies(&["--timeout", "30s"]).ends_with(0);
    scenario.plans(&[]).is_empty();
    run(&mut pair.docker(&["node", "update", "--label-rm", "drained", "node2"]));
}

#[test]
fn a_worker_that_is_lost() {
    let pair = Engine::pair();
    let scenario = Scenario::new(&pair, "lost");
    let users: String = (1..=3).map(|number| format!("[users.u{number}]\n")).collect();
    let config = format!("placement.constraints = [\"node.hostname==node2\"]\n{users}");
    scenario.has_config("", &config);
    let child = scenario.begins_to_apply(&["--timeout", "25s", "--stable-for", "20s"]);
    pair.wait_for("lost-u1-1");
    pair.lose_node(2);
    let ran = Ran::from(child.wait_with_output().unwrap()).ends_with(4);
    assert!(ran.stderr.contains("no suitable node (1 node not available for new tasks"), "{}", ran.stderr);
    assert_eq!(scenario.service_names().len(), 3);
}
