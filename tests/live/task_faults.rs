//! Servers that do not come up: each run ends within its time, with exit code 4, the reason, and what did come up left running.

use std::process::Child;
use std::time::{Duration, Instant};

use crate::commands::Ran;
use crate::engine::{Engine, run};
use crate::scenario::Scenario;

/// How long a server may take.
const TIMEOUT: &str = "12s";
/// How much longer than that a run may take: it plans, asks the engine, and looks once a second.
const MARGIN: Duration = Duration::from_secs(15);

/// A run that is to fail within the time that a server may take.
struct Failing {
    child: Child,
    begun: Instant,
    timeout: u64,
}

impl Failing {
    fn begins(scenario: &Scenario<'_>, timeout: &str, arguments: &[&str]) -> Self {
        let begun = Instant::now();
        let child = scenario.begins_to_apply(&[&["--timeout", timeout, "--progress", "plain"], arguments].concat());
        Self { child, begun, timeout: timeout.trim_end_matches('s').parse().unwrap() }
    }

    /// Waits for its end, which comes in time, and gives what was told.
    fn ends(self) -> Ran {
        let ran = Ran::from(self.child.wait_with_output().unwrap()).ends_with(4);
        let (took, most) = (self.begun.elapsed(), Duration::from_secs(self.timeout) + MARGIN);
        assert!(took < most, "{took:?} are more than {most:?}: {}", ran.stderr);
        ran
    }
}

/// Applies what fails, and gives what was told.
fn ends_in_time(scenario: &Scenario<'_>, timeout: &str, arguments: &[&str]) -> Ran {
    Failing::begins(scenario, timeout, arguments).ends()
}

/// Checks that a run tells why a server failed, among its failures and not only among its findings.
#[track_caller]
fn fails_since(ran: Ran, user: &str, reason: &str) -> Ran {
    let mut failures = ran.stderr.lines().filter(|line| line.starts_with(&format!("error: {user} (service ")));
    assert!(failures.any(|line| line.contains(reason)), "{user} does not fail for {reason:?}: {}", ran.stderr);
    ran
}

/// Applies one user whose server is at fault, beside one whose server is not; the run says why.
#[track_caller]
fn fails(scenario: &Scenario<'_>, fault: &str, reason: &str) {
    scenario.has_config("", &format!("[users.well]\n[users.ill.overrides]\n{fault}\n"));
    let ran = ends_in_time(scenario, TIMEOUT, &[]);
    let name = scenario.name();
    assert!(scenario.engine().runs(&format!("{name}-well-1")), "{}", ran.stderr);
    assert_eq!(scenario.service_names(), [format!("{name}-ill-1"), format!("{name}-well-1")]);
    fails_since(ran.says("1 server created; 1 server failed"), "ill", reason);
}

#[test]
fn an_image_that_no_node_has() {
    let scenario = Scenario::new(Engine::shared(), "no-image");
    fails(&scenario, "image = \"stand-in/notebook:missing\"", "No such image: stand-in/notebook:missing");
}

#[test]
fn a_command_that_ends() {
    let scenario = Scenario::new(Engine::shared(), "ends");
    fails(&scenario, "image = \"stand-in/notebook:exits\"", "task: non-zero exit (3)");
    scenario.runs(&["destroy", "--all", "--yes"]);
    // It runs for longer than apply waits to see it stay up.
    let fault = "image = \"stand-in/notebook:exits-later\"\nenv = { AFTER = \"4\" }";
    scenario.has_config("", &format!("[users.well]\n[users.ill.overrides]\n{fault}\n"));
    fails_since(ends_in_time(&scenario, "20s", &["--stable-for", "8s"]), "ill", "task: non-zero exit (4)");
}

#[test]
fn the_config_says_how_long_a_server_may_take() {
    let scenario = Scenario::new(Engine::shared(), "patience");
    scenario
        .has_config("start_timeout = \"4s\"", "[users.ill.overrides]\nplacement = [\"node.labels.nowhere==true\"]\n");
    let begun = Instant::now();
    let ran = scenario.applies(&[]).ends_with(4);
    assert!(begun.elapsed() < Duration::from_secs(4) + MARGIN, "{:?}", begun.elapsed());
    fails_since(ran, "ill", "does not run after 4 s: no suitable node");
}

#[test]
fn what_the_swarm_has_given_up_is_told_by_the_next_run() {
    let scenario = Scenario::new(Engine::shared(), "hopeless");
    let fault = "image = \"stand-in/notebook:exits\"\nrestart_policy = { condition = \"none\" }";
    fails(&scenario, fault, "task: non-zero exit (3)");
    // Nothing is changed, and nobody waits for a task that never comes.
    let begun = Instant::now();
    let ran = ends_in_time(&scenario, "300s", &[]);
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    fails_since(ran, "ill", "the swarm has given it up: task: non-zero exit (3)");
}

#[test]
fn a_command_that_is_not_there() {
    let scenario = Scenario::new(Engine::shared(), "no-command");
    fails(&scenario, "command = [\"/no/such/command\"]", "/no/such/command");
}

#[test]
fn a_directory_that_no_node_has() {
    let scenario = Scenario::new(Engine::shared(), "no-source");
    let fault = "[[users.ill.overrides.mounts]]\ntype = \"bind\"\nsource = \"/nowhere\"\ntarget = \"/n\"\n";
    fails(&scenario, fault, "bind source path does not exist: /nowhere");
}

#[test]
fn a_constraint_that_no_node_fulfils() {
    let scenario = Scenario::new(Engine::shared(), "no-node");
    let fault = "placement.constraints = [\"node.labels.nowhere==true\"]";
    let reason = "does not run after 12 s: no suitable node (scheduling constraints not satisfied on 1 node)";
    fails(&scenario, fault, reason);
}

#[test]
fn more_than_a_node_has() {
    let scenario = Scenario::new(Engine::shared(), "too-much");
    let reason = "does not run after 12 s: no suitable node (insufficient resources on 1 node)";
    fails(&scenario, "resource_spec.mem_reservation = \"900G\"", reason);
}

#[test]
fn memory_that_does_not_suffice() {
    let scenario = Scenario::new(Engine::shared(), "hungry");
    let fault = "image = \"stand-in/notebook:hungry\"\nresource_spec.mem_limit = \"20M\"\nenv = { MEGABYTES = \"64\" }";
    // The engine has no more than the exit code of the kernel's killer; what that means is ours.
    let reason =
        "task: non-zero exit (137); it was killed, as a rule because it needs more memory than its limit of 20 MiB";
    fails(&scenario, fault, reason);
}

#[test]
fn a_health_check_that_fails() {
    let scenario = Scenario::new(Engine::shared(), "unwell");
    fails(&scenario, "image = \"stand-in/notebook:unhealthy\"", "unhealthy container");
}

#[test]
fn a_volume_plugin_that_no_node_has() {
    let scenario = Scenario::new(Engine::shared(), "no-plugin");
    let fault = "[[users.ill.overrides.mounts]]\ntype = \"volume\"\nsource = \"no-plugin-{name}\"\ntarget = \"/data\"\n\
                 driver_config.name = \"nowhere/none\"\n";
    fails(&scenario, fault, "does not run after 12 s: no suitable node (missing plugin on 1 node)");
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
    let reason = "port '30777' is already in use by service 'ports-other'";
    fails_since(ends_in_time(&scenario, TIMEOUT, &[]), "ill", reason);
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
    let reason = "does not run after 12 s: no suitable node (host-mode port already in use on 1 node)";
    fails_since(ends_in_time(&scenario, TIMEOUT, &[]), "ill", reason);
}

#[test]
fn a_full_network() {
    let scenario = Scenario::new(Engine::shared(), "full");
    let create = ["network", "create", "--driver", "overlay", "--subnet", "10.99.7.0/29", "full-net"];
    run(&mut scenario.engine().docker(&create));
    let configure = |users: usize| {
        let users: String = (1..=users).map(|number| format!("[users.u{number}]\n")).collect();
        scenario.has_config("networks = [\"full-net\"]\nlints.full-network = \"warn\"", &users);
    };
    // Of eight addresses three are the network's own, and one the node's.
    configure(4);
    let ran = scenario.applies(&["--timeout", "30s"]).ends_with(0);
    assert!(!ran.stderr.contains("SG516"), "{}", ran.stderr);
    configure(8);
    let ran = ends_in_time(&scenario, TIMEOUT, &[]).says("warning[SG516]");
    // The engine gives no reason; those that found an address run.
    let failed: Vec<&str> = ran.stderr.lines().filter(|line| line.starts_with("error: u")).collect();
    let ours = |line: &&str| line.contains("does not run after 12 s: it gets no address: an overlay network that");
    assert!(failed.iter().all(ours), "{}", ran.stderr);
    let running = (1..=8).filter(|user| scenario.engine().runs(&format!("full-u{user}-1"))).count();
    assert_eq!((running, failed.len()), (4, 4), "{}", ran.stderr);
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
    let run_that_fails = Failing::begins(&scenario, TIMEOUT, &["--stable-for", "4s"]);
    pair.wait_for("drained-u1-1");
    run(&mut pair.docker(&["node", "update", "--availability", "drain", "node2"]));
    let mut ran = run_that_fails.ends().says("\n6 servers failed");
    run(&mut pair.docker(&["node", "update", "--availability", "active", "node2"]));
    let reason =
        "no suitable node (1 node not available for new tasks; scheduling constraints not satisfied on 1 node)";
    for user in 1..=6 {
        ran = fails_since(ran, &format!("u{user}"), reason);
    }
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
    let run_that_fails = Failing::begins(&scenario, "25s", &["--stable-for", "20s"]);
    pair.wait_for("lost-u1-1");
    pair.lose_node(2);
    let mut ran = run_that_fails.ends();
    for user in 1..=3 {
        ran = fails_since(ran, &format!("u{user}"), "no suitable node (1 node not available for new tasks");
    }
    assert_eq!(scenario.service_names().len(), 3);
}
