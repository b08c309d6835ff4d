//! The page of a deployment, beside what else tells of it.

use serde_json::Value;

use crate::engine::{Engine, run};
use crate::page::{escaped, row};
use crate::scenario::Scenario;
use crate::until::until;

/// A profile's name that a browser must not take for anything else.
const EXITS: &str = "Exits <b>\"&";

#[test]
fn a_page_says_what_status_plan_and_the_engine_say() {
    let scenario = Scenario::new(Engine::shared(), "report");
    let quoted = serde_json::to_string(EXITS).unwrap();
    scenario.has_config(
        "key = { file = \"key\" }\n",
        &format!(
            "resource_spec = {{ mem_reservation = \"8M\", cpu_reservation = 0.02 }}\nenv.A_TOKEN = {{ file = \"key\" }}\n\
             [[images]]\nname = {quoted}\nimage = \"stand-in/notebook:exits\"\n\
             [[images]]\nname = \"Nowhere\"\nimage = \"stand-in/notebook:serves\"\n\
             placement.constraints = [\"node.labels.nowhere==true\"]\n\
             [users.anna]\n[users.ben]\nprofile = {quoted}\n[users.carl]\nprofile = \"Nowhere\"\n"
        ),
    );
    scenario.write("key", "canary-report-5b2e");
    scenario.applies(&["--timeout", "8s"]).ends_with(4);
    let by_hand = ["service", "update", "--detach", "--label-add", "theirs=yes", "report-anna-1"];
    run(&mut scenario.engine().docker(&by_hand));

    let before = scenario.services();
    let schema = include_str!("../../schema/status.v1.schema.json");
    let schema = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
    let told = || {
        let status: Value = serde_json::from_slice(&scenario.runs(&["status", "--format", "json"])).unwrap();
        assert_eq!(schema.validate(&status).err().map(|error| error.to_string()), None, "{status}");
        status["servers"].as_array().unwrap().clone()
    };
    let states = |servers: &[Value]| -> Vec<String> {
        servers.iter().map(|server| server["state"].as_str().unwrap().to_owned()).collect()
    };
    // Ben's tasks end and are begun again: between two looks he may run for a moment, or another of them may.
    let (mut page, mut servers) = (String::new(), Vec::new());
    until(
        "status tells the same before and after the page",
        60,
        || {
            servers = told();
            scenario.ran(&["report", "-o", "page.html"]).ends_with(0).says("wrote page.html: 1 warning");
            page = std::fs::read_to_string(scenario.folder().join("page.html")).unwrap();
            told() == servers && states(&servers) == ["running", "failing", "pending"]
        },
        || String::from_utf8(scenario.runs(&["status"])).unwrap(),
    );
    assert_eq!(scenario.services(), before, "a report changes nothing");
    assert!(!page.contains("canary-report-5b2e"));

    for server in &servers {
        let text = |key: &str| escaped(server[key].as_str().unwrap());
        let cells = row(&page, &text("user"));
        let node = if text("node").is_empty() { "none".to_owned() } else { text("node") };
        assert_eq!([&cells[2], &cells[3], &cells[4]], [&text("state"), &text("profile"), &node], "{server}");
        assert_eq!(cells.last(), Some(&text("service")));
        assert!(text("error").is_empty() || cells[6] == text("error"), "{server}: {cells:?}");
    }

    let plan = scenario.ran(&["plan", "--resolve-image", "never"]).ends_with(3).stdout;
    let counts = plan.lines().last().unwrap();
    assert!(page.contains(&format!("would do: {counts}.")), "{counts}: {page}");
    assert!(page.contains("- labels.theirs: «redacted»  # added by hand"), "{page}");
    assert!(page.contains("SG513"), "no node for carl: {page}");

    // Of all that the engine runs for this and other tests, ours is anna's, and what ben's and carl's profiles do not ask for.
    let node = &scenario.engine().get("/nodes")[0];
    let (cpus, memory) = (row(&page, "CPUs"), row(&page, "Memory"));
    assert_eq!((&*cpus[2], &*memory[2]), ("0.02", "8 MiB"));
    let total = node["Description"]["Resources"]["NanoCPUs"].as_f64().unwrap() / 1e9;
    assert_eq!(cpus[1], total.to_string());
    let version = node["Description"]["Engine"]["EngineVersion"].as_str().unwrap();
    assert!(page.contains(&format!("Engine {version},")), "{version}: {page}");

    scenario.destroys_all().ends_with(0);
    let page = String::from_utf8(scenario.runs(&["report"])).unwrap();
    assert!(page.contains("The deployment has no servers on this swarm."), "{page}");
}

#[test]
fn a_named_server_is_no_difference_from_the_config() {
    let scenario = Scenario::new(Engine::shared(), "page-named");
    scenario.has_config("", "[users.anna]\n");
    scenario.applies(&[]).ends_with(0);
    scenario.applies(&["--server", "lab"]).ends_with(0);
    let page = String::from_utf8(scenario.runs(&["report"])).unwrap();
    assert!(page.contains("page-named-anna--lab"), "{page}");
    let plan = scenario.ran(&["plan", "--resolve-image", "never"]).ends_with(0).stdout;
    let counts = plan.lines().last().unwrap();
    assert!(page.contains(&format!("would do: {counts}.")) && counts.contains("1 unchanged"), "{counts}: {page}");
}

#[test]
fn a_page_of_a_class_whose_node_takes_no_tasks() {
    let scenario = Scenario::new(Engine::idle(), "report-class");
    let users: String = (0..150).map(|index| format!("[users.u{index:03}]\n")).collect();
    scenario.has_config("", &users);
    scenario.applies(&["--detach"]).ends_with(0);
    let status: Value = serde_json::from_slice(&scenario.runs(&["status", "--format", "json"])).unwrap();
    let page = String::from_utf8(scenario.runs(&["report"])).unwrap();
    for server in status["servers"].as_array().unwrap() {
        assert_eq!(row(&page, server["user"].as_str().unwrap())[2], "pending", "{server}");
    }
    for text in [
        "150 servers not running</caption>",
        "<dt>Servers pending</dt><dd>150</dd>",
        "1 drained or paused",
        "ready, drain</span>",
        "no node takes tasks now",
        "for 150 users: `u000`, `u001`, `u002` and 147 more",
        "150 unchanged",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    scenario.destroys_all().ends_with(0);
}
