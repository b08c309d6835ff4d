//! That the workflows in docs/ci.md can be copied: they are YAML, and their own commands do what is said of them.

use serde_json::Value;

use super::console::Shell;
use super::markdown::{fences, root};

const WARNS: &str = "[[images]]\nname = \"Python\"\nimage = \"registry.example.org/python:latest\"\n";

/// A class that fits the swarm of the tests' engine.
const CLASS: &str = "networks = [\"jupyterhub_default\"]\n[[images]]\nname = \"Python\"\n\
                     image = \"jupyter/base-notebook:1\"\n[users.alice]\n[users.bob]\n";

/// All commands of a workflow that need nothing but what it installs.
fn commands(value: &Value, out: &mut Vec<String>) {
    let Value::Object(map) = value else {
        return value.as_array().into_iter().flatten().for_each(|item| commands(item, out));
    };
    for (key, item) in map {
        match (key.as_str(), item) {
            ("run", Value::String(command)) => out.push(command.clone()),
            ("script", Value::Array(script)) => {
                out.extend(script.iter().map(|command| command.as_str().unwrap().to_owned()));
            }
            _ => commands(item, out),
        }
    }
}

/// Runs a workflow's commands on a config; those that fail.
fn run(shell: &mut Shell, workflow: &Value, config: &str) -> Vec<String> {
    let mut all = Vec::new();
    commands(workflow, &mut all);
    all.retain(|command| !command.starts_with("cargo install "));
    assert!(all.len() > 1, "{all:?}");
    shell.write("swarmgen.toml", config);
    let mut failed = Vec::new();
    for command in all {
        assert!(["swarmgen ", "jq "].iter().any(|word| command.starts_with(word)), "{command}");
        let printed = shell.run(&command);
        if shell.status != 0 {
            assert!(shell.status == 1 && printed.contains("error"), "`{command}` fails otherwise: {printed}");
            failed.push(command);
        }
    }
    failed
}

fn read(shell: &Shell, file: &str) -> Value {
    let text = std::fs::read_to_string(shell.directory.path().join(file)).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}:\n{text}"))
}

#[test]
fn workflows_can_be_copied() {
    let mut shell = Shell::new();
    let document = std::fs::read_to_string(root().join("docs/ci.md")).unwrap();
    let mut workflows: Vec<Value> = Vec::new();
    for fence in fences(&document) {
        if fence.language == "yaml" {
            let workflow = serde_yaml::from_str(&fence.body);
            workflows.push(workflow.unwrap_or_else(|error| panic!("docs/ci.md:{}: {error}", fence.line)));
        }
        shell.write(&fence.file.unwrap(), &fence.body);
    }
    let [github, gitlab, class @ ..] = &workflows[..] else { panic!("{} workflows", workflows.len()) };

    let quickstart = std::fs::read_to_string(root().join("examples/quickstart/swarmgen.toml")).unwrap();
    assert_eq!(run(&mut shell, github, &quickstart), [""; 0]);
    assert_eq!(run(&mut shell, gitlab, &quickstart), [""; 0]);

    assert_eq!(run(&mut shell, github, WARNS), [""; 0]);
    let results = &read(&shell, "swarmgen.sarif")["runs"][0]["results"];
    assert_eq!(results[0]["ruleId"], "SG202");
    assert_eq!(run(&mut shell, gitlab, WARNS), ["swarmgen validate -D warnings"]);
    let report = read(&shell, "gl-code-quality-report.json");
    assert_eq!(report.as_array().unwrap().len(), 1);
    assert_eq!(report[0]["severity"], "minor");
    assert_eq!(report[0]["check_name"], "SG202 floating-tag");
    assert_eq!(report[0]["location"], serde_json::json!({ "path": "swarmgen.toml", "lines": { "begin": 3 } }));
    assert!(report[0]["fingerprint"].is_string() && report[0]["description"].is_string());

    for wrong in ["bogus = 1\n", "[["] {
        assert_eq!(run(&mut shell, github, wrong), ["swarmgen validate --message-format github"]);
        assert_eq!(read(&shell, "swarmgen.sarif")["runs"][0]["results"][0]["level"], "error");
        assert_eq!(run(&mut shell, gitlab, wrong), ["swarmgen validate -D warnings"]);
        assert_eq!(read(&shell, "gl-code-quality-report.json")[0]["severity"], "major");
    }

    // What brings a class up and down; that it does so is for tests/live.
    assert_eq!(class.len(), 2);
    for workflow in class {
        let mut all = Vec::new();
        commands(workflow, &mut all);
        let [plan, apply, destroy] = &all[..] else { panic!("{all:?}") };
        shell.write("swarmgen.toml", CLASS);
        let planned = shell.run(plan);
        assert!(shell.status == 0 && planned.contains("2 to create"), "{planned}");
        // The engine of these tests starts nothing that could be waited for.
        let applied = shell.run(&format!("{apply} --detach"));
        assert!(shell.status == 0 && applied.contains("2 servers created"), "{applied}");
        let destroyed = shell.run(destroy);
        assert!(shell.status == 0 && destroyed.contains("nothing to remove"), "{destroyed}");
        shell.write("swarmgen.toml", "bogus = 1\n");
        for command in all {
            shell.run(&command);
            assert_eq!(shell.status, 1, "{command}");
        }
    }
}
