//! What a plan looks for before anything is changed: images and plugins that running servers would be ended for, and ports.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::Value;

use crate::commands::Ran;
use crate::engine::{Engine, NOTEBOOK};
use crate::proxy::Proxy;
use crate::scenario::Scenario;

/// The id of the one task that runs.
fn task(engine: &Engine, service: &str) -> String {
    let tasks = engine.tasks(service);
    let mut running = tasks.iter().filter(|task| task["Status"]["State"] == "running");
    let (Some(one), None) = (running.next(), running.next()) else { panic!("{}", engine.told(service)) };
    one["ID"].as_str().unwrap().to_owned()
}

#[test]
fn no_running_server_is_ended_for_what_is_not_there() {
    let scenario = Scenario::new(Engine::shared(), "outage");
    let engine = scenario.engine();
    let user = |fault: &str| scenario.has_config("", &format!("[users.eve.overrides]\n{fault}\n"));
    user("");
    scenario.applies(&["--timeout", "30s"]).ends_with(0);
    let before = task(engine, "outage-eve-1");
    let stays = |ran: Ran| {
        let ran = ran.ends_with(1).says("error[SG520]");
        assert_eq!(task(engine, "outage-eve-1"), before, "{}", ran.stderr);
        let services = scenario.services();
        assert_eq!(services[0]["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"], NOTEBOOK);
        ran
    };
    let plugin = "[[users.eve.overrides.mounts]]\ntype = \"volume\"\nsource = \"outage-{name}\"\ntarget = \"/data\"\n\
                  driver_config.name = \"nowhere/none\"\n";
    user(plugin);
    stays(scenario.applies(&[])).says("the volume plugin `nowhere/none`, which no node lists");
    user("image = \"stand-in/notebook:missing\"");
    stays(scenario.applies(&[])).says("for the image `stand-in/notebook:missing`, which was not found");
    stays(scenario.ran(&["apply", "--yes"]));
    // A saved plan is not carried out either.
    scenario.ran(&["plan", "-o", "plan.json"]).ends_with(1);
    stays(scenario.ran(&["apply", "plan.json"]));
    // What the engine does where it is allowed is what this is for.
    scenario.applies(&["-A", "outage", "--timeout", "12s"]).ends_with(4).says("No such image");
    assert!(!engine.runs("outage-eve-1"));
    // And back: what does not run may be ended.
    user("");
    scenario.applies(&["--timeout", "30s"]).ends_with(0);
    // An image that the node has is taken.
    engine.has_image("stand-in/notebook:outage");
    user("image = \"stand-in/notebook:outage\"");
    scenario.applies(&["--timeout", "30s"]).ends_with(0);
    // With the other order nothing is lost.
    user("image = \"stand-in/notebook:missing\"\nupdate_config = { order = \"start-first\" }");
    let before = task(engine, "outage-eve-1");
    scenario.applies(&["--timeout", "12s"]).ends_with(4).says("No such image");
    assert_eq!(task(engine, "outage-eve-1"), before);
}

#[test]
fn a_port_that_a_process_holds_is_not_published() {
    let scenario = Scenario::new(Engine::shared(), "held");
    let engine = scenario.engine();
    let config = |port: u16| {
        let ports = format!("endpoint_spec.ports = [{{ target = 8888, published = {port} }}]");
        scenario.has_config("", &format!("[users.eve.overrides]\n{ports}\n"));
    };
    // Where the node is: its addresses are not the machine's.
    let on_node = |arguments: &[&str]| -> Ran {
        let program = [&[env!("CARGO_BIN_EXE_swarmgen")], arguments].concat();
        let mut command = engine.inside(1, &program);
        command.arg("-H").arg(format!("unix://{}", engine.socket(1).display()));
        command.arg("-c").arg(scenario.folder().join("swarmgen.toml"));
        command.output().unwrap().into()
    };
    let listen =
        "import socket, sys; held = socket.create_server(('', 30791)); print('listens', flush=True); sys.stdin.read()";
    let mut process = engine.inside(1, &["python3", "-c", listen]);
    let mut process = process.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "listens\n");
    config(30791);
    let apply = ["apply", "--yes", "--timeout", "30s"];
    on_node(&apply).ends_with(1).says("error[SG521]: a process holds the port 30791 of `node1`");
    assert_eq!(scenario.service_names(), [""; 0]);
    // The engine would tell no error.
    on_node(&[&apply[..], &["-A", "port-held"]].concat()).ends_with(0);
    scenario.runs(&["destroy", "--all", "--yes"]);
    // Nothing is said of a port that nobody holds, nor of one that is published already.
    config(30792);
    on_node(&apply).ends_with(0);
    let plan = on_node(&["plan", "--format", "json"]).ends_with(0);
    assert_eq!(serde_json::from_str::<Value>(&plan.stdout).unwrap()["summary"]["unchanged"], 1);
    // It ends with its input.
    drop(process.stdin.take());
    process.wait().unwrap();
}

#[test]
fn what_is_missing_is_told_before_anything_is_changed() {
    let mut scenario = Scenario::new(Engine::shared(), "missing");
    let proxy = Proxy::before(&scenario.engine().socket(1));
    scenario.goes_through(&proxy.socket());
    scenario.has_config("", "[users.anna]\n");
    scenario.applies(&["--timeout", "30s"]).ends_with(0);
    let changes = || proxy.calls().iter().filter(|call| call.method != "GET").count();
    let (before, made) = (scenario.services(), changes());
    assert_eq!(made, 1);
    for (lacks, says) in [
        ("networks = [\"missing-net\"]", "error[SG510]: the swarm has no network `missing-net`"),
        ("configs = [\"missing-config\"]", "error[SG511]: the swarm has no config `missing-config`"),
        ("secrets = [\"missing-secret\"]", "error[SG511]: the swarm has no secret `missing-secret`"),
    ] {
        // One that stands would change, and two would come.
        let users = "env = { A = \"b\" }\n[users.anna]\n[users.ben]\n[users.carl.overrides]\n";
        scenario.has_config("", &format!("{users}{lacks}\n"));
        scenario.applies(&["--yes"]).ends_with(1).says(says);
        scenario.applies(&["--yes", "--detach"]).ends_with(1).says(says);
        assert_eq!((scenario.services(), changes()), (before.clone(), made), "{lacks}");
    }
}
