//! Two nodes: work on both, one that is lost, and its return.

use crate::engine::{Engine, NOTEBOOK, run};
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
