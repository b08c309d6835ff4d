//! Two nodes: work on both, one that is lost, and its return; what a manager cannot reach, and a worker cannot do.

use serde_json::json;

use crate::engine::{Engine, NOTEBOOK, run};
use crate::http;
use crate::scenario::Scenario;
use crate::until::until;

/// The state of the node of that name.
fn state(engine: &Engine, hostname: &str) -> String {
    let nodes = engine.get("/nodes");
    let mut states = nodes.as_array().unwrap().iter().filter(|node| node["Description"]["Hostname"] == hostname);
    let (Some(node), None) = (states.next(), states.next()) else { panic!("not one {hostname}: {nodes:#}") };
    node["Status"]["State"].as_str().unwrap().to_owned()
}

#[test]
fn a_second_node_works_is_lost_and_comes_back() {
    let mut engine = Engine::pair();
    {
        let scenario = Scenario::new(&engine, "nodes");
        engine.has_network("pair");
        for node in ["node1", "node2"] {
            let (name, constraint) = (format!("nodes-{node}"), format!("node.hostname=={node}"));
            let create = [
                "service",
                "create",
                "--detach",
                "--no-resolve-image",
                "--endpoint-mode",
                "dnsrr",
                "--network",
                "pair",
            ];
            run(engine.docker(&create).args(["--constraint", &constraint, "--name", &name, NOTEBOOK]));
        }
        engine.wait_for("nodes-node1");
        engine.wait_for("nodes-node2");
        let container = engine.container(2, "nodes-node2");
        let ask = "printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc nodes-node1 8888";
        let page = || engine.docker_on(2, &["exec", &container, "sh", "-c", ask]).output().unwrap().stdout;
        until(
            "node 2 sees node 1",
            20,
            || page().ends_with(b"notebook\n"),
            || String::from_utf8_lossy(&page()).into_owned(),
        );
        engine.lose_node(2);
        until("the swarm misses node 2", 40, || state(&engine, "node2") == "down", || state(&engine, "node2"));
        assert_eq!(engine.nodes().collect::<Vec<_>>(), [1]);
        scenario.leaves_others_alone();
    }
    drop(engine);
    engine = Engine::pair();
    assert_eq!([state(&engine, "node1"), state(&engine, "node2")], ["ready", "ready"]);
    assert_eq!(engine.nodes().collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn a_worker_is_no_engine_to_apply_to() {
    let engine = Engine::pair();
    let mut scenario = Scenario::new(&engine, "worker");
    scenario.has_config("", "[users.anna]\n");
    scenario.goes_through(&engine.socket(2));
    for arguments in [
        &["plan"] as &[&str],
        &["apply", "--yes"],
        &["destroy", "--all", "--yes"],
        &["status"],
        &["validate", "--cluster"],
    ] {
        let ran = scenario.ran(arguments).ends_with(5).says("error: this engine is no manager of its swarm");
        ran.says("name one of 10.77.0.1:2377 with `-H` or `--context`");
    }
    assert_eq!(scenario.service_names(), [""; 0]);
}

#[test]
fn nobody_knows_the_options_of_a_volume_on_a_worker() {
    let engine = Engine::pair();
    let scenario = Scenario::new(&engine, "unseen");
    let configure = |size: &str| {
        let options = format!("type = \"tmpfs\", device = \"tmpfs\", o = \"size={size}\"");
        scenario.has_config(
            "lints.node-local-volume = \"allow\"\nnetworks = []",
            &format!(
                "placement.constraints = [\"node.hostname==node2\"]\n\
                 mounts = [{{ type = \"volume\", source = \"unseen-{{name}}\", target = \"/v\", \
                 driver_config = {{ name = \"local\", options = {{ {options} }} }} }}]\n[users.anna]\n"
            ),
        );
    };
    let plan = |code: i32| scenario.ran(&["plan", "--resolve-image", "never"]).ends_with(code).stdout;
    configure("1m");
    scenario.applies(&["--timeout", "60s"]).ends_with(0);
    configure("2m");
    let changed = plan(3);
    let keeps = "the volume `unseen-anna` of anna is not on this node: on another one, it keeps its old options";
    assert!(changed.contains(keeps), "{changed}");
    scenario.applies(&["--timeout", "60s", "--yes"]).ends_with(0);
    // Nothing is left to do, and the volume is as it was.
    let unchanged = plan(0);
    let unknown = "the volume `unseen-anna` of anna is on a node that this engine cannot see";
    assert!(unchanged.contains(unknown), "{unchanged}");
    assert_eq!(http::get(&engine.socket(2), "/volumes/unseen-anna").json()["Options"]["o"], "size=1m");
    scenario.destroys_all().ends_with(0);
}

#[test]
fn a_volume_on_a_worker_is_never_said_to_be_gone() {
    let engine = Engine::pair();
    let scenario = Scenario::new(&engine, "away");
    let configure = |users: &str| {
        let mount = "type = \"volume\", source = \"away-{name}\", target = \"/home/jovyan\"";
        scenario.has_config(
            "lints.node-local-volume = \"allow\"",
            &format!(
                "placement.constraints = [\"node.hostname==node2\"]\n\
                 mounts = [{{ {mount}, labels = {{ autoremove = \"True\" }} }}]\n{users}"
            ),
        );
    };
    let there = |user: &str| http::get(&engine.socket(2), &format!("/volumes/away-{user}")).status;
    configure("[users.anna]\n[users.ben]\n[users.carl]\n");
    scenario.applies(&["--timeout", "60s"]).ends_with(0);
    assert_eq!(["anna", "ben", "carl"].map(there), [200; 3]);

    configure("[users.ben]\n[users.carl]\n");
    let plan = scenario.ran(&["plan", "--prune", "--resolve-image", "never"]).ends_with(3);
    let warns = "the volume `away-anna` of anna goes with its server, but is not on this node";
    assert!(plan.stdout.contains(warns), "{}", plan.stdout);
    let ran = scenario.applies(&["--prune", "--yes", "--progress", "json"]).ends_with(0);
    let command = |user: &str| format!("docker -H ssh://node2 volume rm away-{user}");
    assert_eq!(
        ran.outcome()["unreachable_volumes"],
        json!([{"volume": "away-anna", "service": "away-anna-1", "node": "node2", "command": command("anna")}])
    );
    let ran = scenario.ran(&["destroy", "--user", "ben", "--yes"]).ends_with(0);
    let told = |user: &str| {
        let place = "may be on node `node2`, which this engine cannot reach; there: ";
        format!("volume `away-{user}` of `away-{user}-1` {place}{}", command(user))
    };
    ran.says(&told("ben")).says("1 server removed");
    let ran = scenario.destroys_all().ends_with(0).says(&told("carl"));
    assert!(!ran.stderr.contains("removed volume"), "{}", ran.stderr);
    assert_eq!(["anna", "ben", "carl"].map(there), [200; 3]);
    // What the command does, by way of the node's socket in place of ssh.
    for user in ["anna", "ben", "carl"] {
        let remove = ["volume", "rm", &format!("away-{user}")];
        let gone = || engine.docker_on(2, &remove).output().unwrap().status.success();
        until("nothing uses it any more", 30, gone, || engine.told(&format!("away-{user}-1")));
    }
}
