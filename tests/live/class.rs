//! A class: brought up, changed, partly removed and torn down, and what a run does not tell.

use serde_json::Value;

use crate::engine::{Engine, run};
use crate::http;
use crate::scenario::Scenario;

/// How many there are. The engine stores them all; as many as a small machine holds run in another test.
const CLASS: usize = 200;

fn users(numbers: impl IntoIterator<Item = usize>) -> String {
    numbers.into_iter().map(|number| format!("student{number:03}\n")).collect()
}

#[test]
fn a_class_comes_changes_shrinks_and_goes() {
    let scenario = Scenario::new(Engine::idle(), "class");
    let config = |greeting: &str| {
        scenario.has_config(
            "users_file = \"class.txt\"\nlints.no-node = \"allow\"",
            &format!("env = {{ GREETING = \"{greeting}\" }}\n"),
        );
    };
    scenario.write("class.txt", &users(1..=CLASS));
    config("hello");
    scenario.applies(&["--detach"]).ends_with(0).says("200 servers created");
    assert_eq!(scenario.service_names().len(), CLASS);
    scenario.plans(&[]).is_empty();

    config("good morning");
    let shown = scenario.ran(&["plan", "--resolve-image", "never"]).ends_with(3);
    // All share one change, which is shown once.
    assert!(shown.stdout.lines().count() < 15, "{}", shown.stdout);
    assert!(shown.stdout.contains("0 to create, 200 to change, 0 to remove, 0 unchanged"), "{}", shown.stdout);
    scenario.applies(&["--detach"]).ends_with(0).says("200 servers changed");
    scenario.plans(&[]).is_empty();

    // Without `--prune` nobody goes.
    scenario.write("class.txt", &users(51..=CLASS));
    scenario.applies(&["--detach"]).ends_with(0).says("nothing to do: 150 services unchanged");
    assert_eq!(scenario.service_names().len(), CLASS);
    // Nobody is asked, so nothing is removed without `--yes`.
    scenario.applies(&["--detach", "--prune"]).ends_with(1).says("add `--yes`");
    assert_eq!(scenario.service_names().len(), CLASS);
    scenario.applies(&["--detach", "--prune", "--yes"]).ends_with(0).says("50 servers removed");
    assert_eq!(scenario.service_names().len(), 150);
    assert_eq!(scenario.service_names()[0], "class-student051-1");

    scenario.ran(&["destroy", "--user", "student051", "--yes"]).ends_with(0).says("1 server removed");
    scenario.destroys_all().ends_with(0).says("149 servers removed");
    assert_eq!(scenario.service_names(), [""; 0]);
    scenario.destroys_all().ends_with(0).says("nothing to remove");
}

#[test]
fn a_class_runs_and_is_shown() {
    let scenario = Scenario::new(Engine::shared(), "lesson");
    scenario.write("class.txt", &users(1..=10));
    scenario.has_config("users_file = \"class.txt\"", "");
    scenario.applies(&[]).ends_with(0).says("10 servers created");
    let status = scenario.ran(&["status", "--format", "json"]).ends_with(0);
    let status: Value = serde_json::from_str(&status.stdout).unwrap();
    let servers = status["servers"].as_array().unwrap();
    assert_eq!(servers.len(), 10);
    for server in servers {
        let (state, node, profile) = (&server["state"], &server["node"], &server["profile"]);
        assert_eq!((state, node, profile), (&"running".into(), &"node1".into(), &"Stand-in".into()), "{server}");
    }
    let shown = scenario.ran(&["status", "--user", "student003"]).ends_with(0).stdout;
    assert!(shown.contains("student003") && shown.contains("1 running") && !shown.contains("student004"), "{shown}");
    scenario.destroys_all().ends_with(0);
}

#[test]
fn volumes_go_only_where_they_are_said_to() {
    let scenario = Scenario::new(Engine::shared(), "volumes");
    let mount = |source: &str, labels: &str| {
        format!(
            "[[images.mounts]]\ntype = \"volume\"\nsource = \"volumes-{source}-{{name}}\"\ntarget = \"/{source}\"\n{labels}\n"
        )
    };
    let mounts = [
        mount("kept", ""),
        mount("said", "labels = { autoremove = \"True\" }"),
        mount("unsaid", "labels = { autoremove = \"no\" }"),
    ];
    scenario
        .has_config("lints.node-local-volume = \"allow\"", &format!("{}[users.anna]\n[users.ben]\n", mounts.concat()));
    scenario.applies(&[]).ends_with(0);
    let volumes = || {
        let all = scenario.engine().get("/volumes");
        let names = all["Volumes"].as_array().unwrap().iter().map(|volume| volume["Name"].as_str().unwrap().to_owned());
        let mut names: Vec<String> =
            names.filter(|name| name.starts_with("volumes-") && !name.starts_with("volumes-x")).collect();
        names.sort();
        names
    };
    let all = ["kept-anna", "kept-ben", "said-anna", "said-ben", "unsaid-anna", "unsaid-ben"]
        .map(|name| format!("volumes-{name}"));
    assert_eq!(volumes(), all);
    scenario.ran(&["destroy", "--user", "anna", "--yes"]).ends_with(0);
    assert_eq!(
        volumes(),
        ["kept-anna", "kept-ben", "said-ben", "unsaid-anna", "unsaid-ben"].map(|name| format!("volumes-{name}"))
    );
    scenario.destroys_all().ends_with(0);
    assert_eq!(volumes(), ["kept-anna", "kept-ben", "unsaid-anna", "unsaid-ben"].map(|name| format!("volumes-{name}")));
}

#[test]
fn a_failed_run_is_undone() {
    let scenario = Scenario::new(Engine::shared(), "undone");
    let users = "[users.anna]\n[users.ben]\n";
    scenario.has_config("", &format!("env = {{ A = \"1\" }}\n{users}"));
    scenario.applies(&[]).ends_with(0);
    let specs =
        || -> Vec<Value> { scenario.services().into_iter().map(|mut service| service["Spec"].take()).collect() };
    let before = specs();
    let ill = "[users.carl.overrides]\nimage = \"stand-in/notebook:missing\"\n";
    scenario.has_config("", &format!("env = {{ A = \"2\" }}\n{users}{ill}"));
    let ran = scenario.applies(&["--rollback", "--timeout", "15s"]).ends_with(4);
    ran.says("No such image").says("rolling back what this run changed").says("rolled back 3 of 3 changes");
    assert_eq!(specs(), before);
    // Without it, what could be done is kept.
    scenario.applies(&["--timeout", "15s"]).ends_with(4);
    assert_eq!(scenario.service_names(), ["undone-anna-1", "undone-ben-1", "undone-carl-1"]);
}

#[test]
fn services_of_the_old_spawner_are_taken_over_when_asked_to() {
    let scenario = Scenario::new(Engine::idle(), "taken");
    let mut create = scenario.engine().docker(&["service", "create", "--detach", "--name", "taken-anna-1"]);
    let marks = ["--env", "JUPYTERHUB_USER=anna", "--container-label", "image_name=Stand-in"];
    run(create.args(marks).args(["--label", "kept=yes", crate::engine::NOTEBOOK]));
    // Somebody else's of a name that is wanted.
    run(&mut scenario.engine().docker(&[
        "service",
        "create",
        "--detach",
        "--name",
        "taken-carl-1",
        crate::engine::NOTEBOOK,
    ]));
    scenario.has_config("lints.no-node = \"allow\"", "[users.anna]\n[users.ben]\n");
    let before = scenario.services();
    scenario.applies(&["--detach"]).ends_with(1).says("`--take-over` makes them ours");
    assert_eq!(scenario.services(), before);
    scenario.has_config("lints.no-node = \"allow\"", "[users.anna]\n[users.ben]\n[users.carl]\n");
    scenario.applies(&["--detach", "--take-over", "--yes"]).ends_with(1).says("taken-carl-1 is there already");
    assert_eq!(scenario.services(), before);
    scenario.has_config("lints.no-node = \"allow\"", "[users.anna]\n[users.ben]\n");
    let ran = scenario.applies(&["--detach", "--take-over"]);
    ran.ends_with(1).says("add `--yes`");
    assert_eq!(scenario.services(), before);
    scenario.applies(&["--detach", "--take-over", "--yes"]).ends_with(0);
    scenario.plans(&[]).is_empty();
    assert_eq!(scenario.service_names(), ["taken-anna-1", "taken-ben-1", "taken-carl-1"]);
}

#[test]
fn secrets_are_told_nowhere() {
    const CANARY: &str = "canary-9c4e";
    let scenario = Scenario::new(Engine::shared(), "secrets");
    let config = |word: &str| {
        scenario.write("word", &format!("{CANARY}-{word}"));
        scenario.write("key", &format!("{CANARY}-key-that-is-long-enough"));
        scenario.has_config(
            "key = { file = \"key\" }\n[swarm_secrets.secrets-word]\nfile = \"word\"\n",
            "env = { WORD = { file = \"word\" }, ALSO = \"{{ password }}\" }\nsecrets = [\"secrets-word\"]\n\
             [users.anna]\npassword = { file = \"word\" }\n[users.ben]\npassword = { file = \"word\" }\n\
             [users.ben.overrides]\nimage = \"stand-in/notebook:exits\"\n",
        );
    };
    let mut told = String::new();
    let mut tell = |arguments: &[&str]| {
        let ran = scenario.ran(arguments);
        told.push_str(&format!("{arguments:?}: {}\n{}{}\n", ran.code, ran.stdout, ran.stderr));
    };
    config("one");
    tell(&["validate", "--cluster"]);
    tell(&["plan"]);
    tell(&["plan", "--format", "json", "-o", "plan.json"]);
    tell(&["apply", "plan.json", "--timeout", "5s"]);
    config("two");
    tell(&["plan"]);
    tell(&["plan", "--format", "json"]);
    tell(&["apply", "--timeout", "5s", "--progress", "json", "--rollback"]);
    tell(&["apply", "--timeout", "5s", "-v"]);
    tell(&["status"]);
    tell(&["status", "--format", "json"]);
    tell(&["destroy", "--user", "anna", "--yes", "--progress", "plain"]);
    for text in [&told, &std::fs::read_to_string(scenario.folder().join("plan.json")).unwrap()] {
        assert!(!text.contains(CANARY), "{text}");
    }
    // The runs did something: the secret is where it belongs, and in no label or name.
    let services = scenario.services();
    assert_eq!(services.len(), 1);
    let env = services[0]["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"].to_string();
    assert!(env.contains(&format!("{CANARY}-two")), "{told}");
    let secrets = http::get(&scenario.engine().socket(1), "/secrets").text();
    assert!(secrets.contains("secrets-word-") && !secrets.contains(CANARY), "{secrets}");
    for labels in [&services[0]["Spec"]["Labels"], &services[0]["Spec"]["TaskTemplate"]["ContainerSpec"]["Labels"]] {
        assert!(!labels.to_string().contains(CANARY), "{labels}");
    }
    scenario.destroys_all().ends_with(0);
    let secrets = http::get(&scenario.engine().socket(1), "/secrets").text();
    assert!(!secrets.contains("secrets-word-"), "{secrets}");
}
