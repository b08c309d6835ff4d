//! A placement that changes: the plan says which tasks have to leave their nodes, and the engine does as it says.

use serde_json::Value;

use crate::engine::{Engine, run};
use crate::scenario::Scenario;

/// Two users with a placement, each on a node that may be fixed, too.
fn configure(scenario: &Scenario<'_>, placement: &str, nodes: Option<[&str; 2]>) {
    let placement = match nodes {
        Some(_) => String::new(),
        None => format!("placement = {{ {placement} }}\n"),
    };
    let mut users = String::new();
    for (index, user) in ["anna", "ben"].iter().enumerate() {
        users.push_str(&format!("[users.{user}]\n"));
        if let Some(nodes) = nodes {
            let node = nodes[index];
            users.push_str(&format!("overrides.placement.constraints = [\"node.hostname=={node}\"]\n"));
        }
    }
    scenario.has_config("", &format!("{placement}{users}"));
}

/// The task of each user that is to run: its id and its node's name.
fn tasks(scenario: &Scenario<'_>) -> [(String, String); 2] {
    let engine = scenario.engine();
    let nodes = engine.get("/nodes");
    let name = |id: &Value| {
        let node = nodes.as_array().unwrap().iter().find(|node| node["ID"] == *id);
        node.map_or_else(String::new, |node| node["Description"]["Hostname"].as_str().unwrap().to_owned())
    };
    ["anna", "ben"].map(|user| {
        let tasks = engine.tasks(&format!("{}-{user}-1", scenario.name()));
        let task = tasks.iter().find(|task| task["DesiredState"] == "running").unwrap();
        (task["ID"].as_str().unwrap().to_owned(), name(&task["NodeID"]))
    })
}

/// What the plan says of each user's task: whether it is started anew, and whether since it has to move.
fn planned(scenario: &Scenario<'_>) -> [(bool, bool); 2] {
    let plan = scenario.ran(&["plan", "--resolve-image", "never", "--format", "json"]).ends_with(3);
    let plan: Value = serde_json::from_str(&plan.stdout).unwrap();
    [0, 1].map(|index| {
        let service = &plan["services"][index];
        assert_eq!(service["action"], "update", "{plan}");
        (service["restarts"].as_bool().unwrap(), service["moves"].as_bool().unwrap())
    })
}

const STAYS: (bool, bool) = (false, false);
const MOVES: (bool, bool) = (true, true);

#[test]
fn a_plan_says_which_tasks_move_and_the_engine_moves_those() {
    let pair = Engine::pair();
    let scenario = Scenario::new(&pair, "moving");
    run(&mut pair.docker(&["node", "update", "--label-add", "moving=here", "node1"]));
    configure(&scenario, "", Some(["node1", "node2"]));
    scenario.applies(&["--timeout", "40s"]).ends_with(0);
    let [anna, ben] = tasks(&scenario);
    assert_eq!([&*anna.1, &*ben.1], ["node1", "node2"]);

    // One node is meant no more.
    configure(&scenario, r#"constraints = ["node.labels.moving==here", "node.ip==10.77.0.0/16"]"#, None);
    assert_eq!(planned(&scenario), [STAYS, MOVES]);
    let shown = scenario.ran(&["plan", "--resolve-image", "never"]).ends_with(3).stdout;
    assert!(shown.contains("~ anna, its task stays where it runs\n"), "{shown}");
    assert!(shown.contains("~ ben, its task has to leave its node and is started anew\n"), "{shown}");
    scenario.applies(&["--timeout", "40s"]).ends_with(0).says("2 servers changed");
    let [anna_now, ben_now] = tasks(&scenario);
    assert_eq!((&anna_now, &*ben_now.1), (&anna, "node1"));
    assert_ne!(ben_now.0, ben.0);
    scenario.plans(&[]).is_empty();

    // Both nodes are meant again, other ones are liked better, and neither has the processor: nothing moves.
    configure(
        &scenario,
        r#"preferences = ["spread=node.labels.moving"], platforms = [["arm64", "linux"]], maxreplicas = 1"#,
        None,
    );
    assert_eq!(planned(&scenario), [STAYS, STAYS]);
    scenario.applies(&["--timeout", "40s"]).ends_with(0).says("2 servers changed");
    assert_eq!(tasks(&scenario), [anna_now, ben_now]);

    // No node is meant: what ran waits.
    configure(&scenario, r#"constraints = ["node.labels.moving==there"]"#, None);
    assert_eq!(planned(&scenario), [MOVES, MOVES]);
    let shown = scenario.ran(&["plan", "--resolve-image", "never"]).ends_with(3).says("warning[SG513]").stdout;
    assert!(shown.contains("~ anna, ben, each task has to leave its node and is started anew\n"), "{shown}");
    let ran = scenario.applies(&["--timeout", "8s"]).ends_with(4);
    ran.says("no suitable node (scheduling constraints not satisfied on 2 nodes)").says("2 servers failed");

    // What no node has yet loses nothing by a new task.
    configure(&scenario, r#"constraints = ["node.labels.moving==here"]"#, None);
    assert_eq!(planned(&scenario), [STAYS, STAYS]);
    scenario.applies(&["--timeout", "40s"]).ends_with(0);
    assert_eq!(tasks(&scenario).map(|(_, node)| node), ["node1", "node1"]);
    run(&mut pair.docker(&["node", "update", "--label-rm", "moving", "node1"]));
}
