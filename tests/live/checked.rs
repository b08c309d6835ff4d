//! `validate --cluster` on a real engine: what is not there is told, and nothing else.

use serde_json::Value;

use crate::engine::{Engine, NOTEBOOK, RESOURCE, run};
use crate::homes::Homes;
use crate::scenario::Scenario;

/// What is told of the swarm: the codes, and the messages.
fn checked(scenario: &Scenario<'_>, code: i32) -> (Vec<String>, Vec<String>) {
    let ran = scenario.ran(&["validate", "--cluster", "--message-format", "json"]).ends_with(code);
    let document: Value = serde_json::from_str(&ran.stdout).unwrap();
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
    let findings = document["diagnostics"].as_array().unwrap().iter();
    let of_swarm = findings.filter(|finding| text(finding, "code").starts_with("SG51"));
    let mut found: Vec<(String, String)> =
        of_swarm.map(|finding| (text(finding, "code"), text(finding, "message"))).collect();
    found.sort();
    found.into_iter().unzip()
}

#[test]
fn what_a_swarm_lacks_is_told_before_anybody_waits_for_it() {
    let scenario = Scenario::new(Engine::shared(), "checked");
    let engine = scenario.engine();
    let create = ["service", "create", "--detach", "--no-resolve-image", "--replicas", "0", "--name"];
    run(engine.docker(&create).args(["checked-taken-1", NOTEBOOK]));
    let seats = format!("resource_spec.generic_resources = {{ {RESOURCE} = 2 }}");
    let lacks = [
        ("net", "networks = [\"checked-none\"]"),
        ("page", "configs = [\"checked-none\"]"),
        ("word", "secrets = [\"checked-none\"]"),
        ("nowhere", "placement.constraints = [\"node.labels.nowhere==true\"]"),
        ("memory", "resource_spec.mem_reservation = \"900G\""),
        ("seats", &*seats),
        ("desk", "resource_spec.generic_resources = { desk = 1 }"),
        ("image", "image = \"registry.invalid/none:1\""),
        ("taken", ""),
    ];
    let users = lacks.map(|(user, lacks)| format!("[users.{user}.overrides]\n{lacks}\n")).concat();
    let plugin = "[[users.plugin.overrides.mounts]]\ntype = \"volume\"\nsource = \"checked-{name}\"\ntarget = \"/s\"\n\
                  driver_config.name = \"nowhere/none\"\n";
    scenario.has_config("", &format!("{users}{plugin}"));
    let (codes, messages) = checked(&scenario, 1);
    let expected = ["SG510", "SG511", "SG511", "SG512", "SG513", "SG514", "SG514", "SG514", "SG515", "SG517"];
    assert_eq!(codes, expected, "{messages:?}");
    for message in [
        "the swarm has no network `checked-none`",
        "the swarm has no config `checked-none`",
        "the swarm has no secret `checked-none`",
        "no node of the swarm lists the volume plugin `nowhere/none`",
        "no node that takes tasks fulfils `node.labels.nowhere==true`",
        &format!("2 `{RESOURCE}` are asked for, and no such node has more than 1"),
        "no node that may run it has `desk` resources",
        "the swarm has a service `checked-taken-1` already",
    ] {
        assert!(messages.iter().any(|told| told == message), "{message}: {messages:?}");
    }
}

#[test]
fn nothing_is_told_of_a_swarm_that_lacks_nothing() {
    // The plugin has been used, so that the node lists it.
    Homes::shared();
    let scenario = Scenario::new(Engine::shared(), "fits");
    let engine = scenario.engine();
    engine.has_network("fits-net");
    engine.has_object("configs", "fits-page");
    engine.has_object("secrets", "fits-word");
    scenario.write("password", "a password");
    scenario.has_config(
        "",
        &format!(
            "networks = [\"fits-net\"]\nconfigs = [\"fits-page\"]\nsecrets = [\"fits-word\"]\n\
             placement.constraints = [\"node.role==manager\"]\n\
             resource_spec = {{ mem_reservation = \"8M\", generic_resources = {{ {RESOURCE} = 1 }} }}\n\
             mounts = [{{ type = \"sshfs\", source = \"fits-{{name}}\", target = \"/s\", \
             sshcmd = \"a@b.example:\", password = {{ file = \"password\" }} }}]\n[users.anna]\n"
        ),
    );
    let (_, messages) = checked(&scenario, 0);
    assert_eq!(messages, [""; 0]);
}
