//! A class that is brought up, changed, partly removed and torn down, with three commands: 200 on an engine whose node is drained,
//! which stores services as any other and starts none, and a few that run, or as many as that where it is asked for, by the
//! pipeline of docs/ci.md.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::commands::Ran;
use crate::engine::{Engine, reach};
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

/// What a job of the pipeline in docs/ci.md runs, word for word.
fn job(name: &str) -> String {
    let document = include_str!("../../docs/ci.md");
    let (_, workflow) = document.split_once("```yaml .github/workflows/class.yml\n").unwrap();
    let (workflow, _) = workflow.split_once("```").unwrap();
    let workflow: Value = serde_yaml::from_str(workflow).unwrap();
    let steps = workflow["jobs"][name]["steps"].as_array().unwrap();
    let commands: Vec<&str> = steps.iter().filter_map(|step| step["run"].as_str()).collect();
    let [command] = commands[..] else { panic!("{name}: {commands:?}") };
    command.to_owned()
}

/// Runs a job of the pipeline, which has to be green.
fn pipeline(scenario: &Scenario<'_>, name: &str) -> Ran {
    let program = Path::new(env!("CARGO_BIN_EXE_swarmgen")).parent().unwrap().to_owned();
    let path = std::env::var_os("PATH").unwrap();
    let path = std::env::join_paths(std::iter::once(program).chain(std::env::split_paths(&path))).unwrap();
    let mut command = Command::new("bash");
    command.args(["-e", "-c", &job(name)]).current_dir(scenario.folder()).env("PATH", path);
    Ran::from(reach(&mut command, &scenario.engine().socket(1)).output().unwrap()).ends_with(0)
}

#[test]
fn a_class_runs_is_shown_changes_shrinks_and_goes() {
    let size = std::env::var("SWARMGEN_CLASS").map_or(RUNNING, |number| number.parse().unwrap());
    let scenario = Scenario::new(Engine::shared(), "lesson");
    let configure = |size, greeting| scenario.has_config("start_timeout = \"10m\"", &class(size, greeting));
    configure(size, "hello");
    let shown = pipeline(&scenario, "plan").stdout;
    assert!(shown.contains(&format!("{size} to create, 0 to change, 0 to remove")), "{shown}");
    pipeline(&scenario, "apply").says(&format!("{size} servers created"));
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

    configure(size, "hi");
    let shown = pipeline(&scenario, "plan").stdout;
    assert!(shown.contains(&format!("0 to create, {size} to change, 0 to remove")), "{shown}");
    pipeline(&scenario, "apply").says(&format!("{size} servers changed"));
    all_run(&scenario, size, "hi");

    let rest = size / 2;
    configure(rest, "hi");
    let shown = pipeline(&scenario, "plan").stdout;
    assert!(shown.contains(&format!("0 to create, 0 to change, {} to remove", size - rest)), "{shown}");
    pipeline(&scenario, "apply").says(&format!("{} servers removed", size - rest));
    all_run(&scenario, rest, "hi");
    scenario.plans(&["--prune"]).is_empty();

    pipeline(&scenario, "destroy").says(&format!("{rest} servers removed"));
    assert_eq!(scenario.service_names(), [""; 0]);
}
