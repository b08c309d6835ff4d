//! A class of 200, brought up, changed, partly removed and torn down, with three commands, on an engine whose node is drained: it
//! stores services as any other, and starts none of 200 notebooks. A small one runs.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::engine::Engine;
use crate::proxy::{Proxy, Requests};
use crate::scenario::Scenario;

const CLASS: usize = 200;

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

#[test]
fn a_class_runs_and_is_shown() {
    let scenario = Scenario::new(Engine::shared(), "lesson");
    scenario.has_config("", &class(10, "hello"));
    scenario.applies(&[]).ends_with(0).says("10 servers created");
    let status = scenario.ran(&["status", "--format", "json"]).ends_with(0);
    let status: Value = serde_json::from_str(&status.stdout).unwrap();
    let servers = status["servers"].as_array().unwrap();
    assert_eq!(servers.len(), 10);
    for server in servers {
        let (state, node, profile) = (&server["state"], &server["node"], &server["profile"]);
        assert_eq!((state, node, profile), (&"running".into(), &"node1".into(), &"Stand-in".into()), "{server}");
    }
    let shown = scenario.ran(&["status", "--user", "u003"]).ends_with(0).stdout;
    assert!(shown.contains("u003") && shown.contains("1 running") && !shown.contains("u004"), "{shown}");
    scenario.destroys_all().ends_with(0);
}
