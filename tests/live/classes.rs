//! A class that is brought up, changed, partly removed and torn down, with three commands: 200 on an engine whose node is drained,
//! which stores services as any other and starts none, and a few that run, or as many as that where it is asked for.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::engine::Engine;
use crate::proxy::{Proxy, Requests};
use crate::scenario::Scenario;

const CLASS: usize = 200;
/// How many servers run; the environment may ask for more, as scripts/test does.
const RUNNING: usize = 10;

fn class(size: usize, greeting: &str) -> String {
    let mut text = format!("env = {{ GREETING = \"{greeting}\" }}\n");
    (0..size).for_each(|user| writeln!(text, "[users.u{user:03}]").unwrap());
    text
}

#[test]
fn a_class_comes_changes_shrinks_and_goes() {
    let mut scenario = Scenario::new(Engine::idle(), "classes");
    let proxy = Proxy::before(&scenario.engine().socket(1));
    scenario.goes_through(&proxy.socket());
    let timed = |arguments: &[&str]| {
        let begun = Instant::now();
        let ran = scenario.ran(arguments).ends_with(0);
        // Seconds on a quiet machine; this is for what grows with the class where it should not.
        assert!(begun.elapsed() < Duration::from_secs(60), "{arguments:?}: {:?}", begun.elapsed());
        ran
    };
    let apply = ["apply", "--detach", "--resolve-image", "never"];
    scenario.has_config("", &class(CLASS, "hello"));
    timed(&apply).says("200 servers created");
    assert_eq!(scenario.services().len(), CLASS);
    // A handful of calls, whatever the class.
    let before = proxy.count(&Requests::any());
    scenario.plans(&[]).is_empty();
    assert!(proxy.count(&Requests::any()) - before <= 10);

    scenario.has_config("", &class(CLASS, "hi"));
    let plan = scenario.ran(&["plan", "--resolve-image", "never"]).ends_with(3).stdout;
    assert!(plan.lines().count() < 30 && plan.contains("200 to change"), "one change is shown once: {plan}");
    timed(&apply).says("200 servers changed");

    scenario.has_config("", &class(CLASS / 2, "hi"));
    // Whoever left stays until it is asked for.
    timed(&apply).says("nothing to do");
    assert_eq!(scenario.services().len(), CLASS);
    let refused = scenario.ran(&[&apply[..], &["--prune"]].concat());
    refused.ends_with(1).says("`--yes`");
    assert_eq!(scenario.services().len(), CLASS);
    timed(&[&apply[..], &["--prune", "--yes"]].concat()).says("100 servers removed");
    assert_eq!(scenario.services().len(), CLASS / 2);
    scenario.plans(&["--prune"]).is_empty();

    timed(&["destroy", "--all", "--yes"]).says("100 servers removed");
    assert_eq!(scenario.service_names(), [""; 0]);
}

/// Checks that every server of the scenario runs with a greeting, and in all so many.
fn all_run(scenario: &Scenario<'_>, size: usize, greeting: &str) {
    let services = scenario.services();
    assert_eq!(services.len(), size);
    let tasks = scenario.engine().get("/tasks?filters=%7B%22desired-state%22%3A%5B%22running%22%5D%7D");
    let tasks = tasks.as_array().unwrap();
    for service in services {
        let mut own = tasks.iter().filter(|task| task["ServiceID"] == service["ID"]);
        let (Some(task), None) = (own.next(), own.next()) else { panic!("not one task: {}", service["Spec"]["Name"]) };
        let env = &task["Spec"]["ContainerSpec"]["Env"];
        assert_eq!((&task["Status"]["State"], &env[0]), (&"running".into(), &format!("GREETING={greeting}").into()));
    }
}

#[test]
fn a_class_runs_is_shown_changes_shrinks_and_goes() {
    let size = std::env::var("SWARMGEN_CLASS").map_or(RUNNING, |number| number.parse().unwrap());
    let scenario = Scenario::new(Engine::shared(), "lesson");
    let timed = |arguments: &[&str]| {
        let begun = Instant::now();
        let ran = scenario.ran(arguments).ends_with(0);
        println!("{size} servers, {}: {:.1?}", arguments[0], begun.elapsed());
        ran
    };
    let apply = ["apply", "--resolve-image", "never", "--timeout", "10m"];
    scenario.has_config("", &class(size, "hello"));
    timed(&apply).says(&format!("{size} servers created"));
    all_run(&scenario, size, "hello");
    scenario.plans(&[]).is_empty();

    let status = scenario.ran(&["status", "--format", "json"]).ends_with(0);
    let status: Value = serde_json::from_str(&status.stdout).unwrap();
    let servers = status["servers"].as_array().unwrap();
    assert_eq!(servers.len(), size);
    for server in servers {
        let (state, node, profile) = (&server["state"], &server["node"], &server["profile"]);
        assert_eq!((state, node, profile), (&"running".into(), &"node1".into(), &"Stand-in".into()), "{server}");
    }
    let shown = scenario.ran(&["status", "--user", "u003"]).ends_with(0).stdout;
    assert!(shown.contains("u003") && shown.contains("1 running") && !shown.contains("u004"), "{shown}");

    scenario.has_config("", &class(size, "hi"));
    timed(&apply).says(&format!("{size} servers changed"));
    all_run(&scenario, size, "hi");

    let rest = size / 2;
    scenario.has_config("", &class(rest, "hi"));
    timed(&[&apply[..], &["--prune", "--yes"]].concat()).says(&format!("{} servers removed", size - rest));
    all_run(&scenario, rest, "hi");
    scenario.plans(&["--prune"]).is_empty();

    timed(&["destroy", "--all", "--yes"]).says(&format!("{rest} servers removed"));
    assert_eq!(scenario.service_names(), [""; 0]);
}
