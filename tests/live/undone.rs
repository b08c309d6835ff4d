//! `--rollback` brings back what was there when a run fails.

use serde_json::Value;

use crate::engine::Engine;
use crate::scenario::Scenario;

/// What a scenario's services say, without what a rollback cannot bring back: ids and versions.
fn specs(scenario: &Scenario<'_>) -> Vec<Value> {
    scenario.services().into_iter().map(|mut service| service["Spec"].take()).collect()
}

fn configs(scenario: &Scenario<'_>) -> Vec<Value> {
    let configs = scenario.engine().get("/configs");
    let ours = configs.as_array().unwrap().iter();
    ours.filter(|config| config["Spec"]["Labels"]["swarmgen.deployment"] == scenario.name())
        .map(|config| config["ID"].clone())
        .collect()
}

fn configure(scenario: &Scenario<'_>, state: &str, users: &str) {
    let name = scenario.name();
    let declared = format!("networks = []\n[swarm_configs.{name}-page]\ncontent = \"{state}\"");
    let profile = format!("env = {{ STATE = \"{state}\" }}\nconfigs = [\"{name}-page\"]\n{users}");
    scenario.has_config(&declared, &profile);
}

#[test]
fn what_a_failed_run_changed_is_undone() {
    let scenario = Scenario::new(Engine::shared(), "undone");
    configure(&scenario, "one", "[users.anna]\n[users.ben]\n");
    scenario.applies(&["--timeout", "60s"]).ends_with(0);
    let (before, contents) = (specs(&scenario), configs(&scenario));
    assert_eq!((before.len(), contents.len()), (2, 1));
    let bad = "[users.anna]\n[users.ben]\n[users.carl]\n[users.dora]\noverrides.image = \"stand-in/notebook:absent\"\n";
    configure(&scenario, "two", bad);
    let ran = scenario.applies(&["--timeout", "15s", "--rollback"]).ends_with(4);
    let ran =
        ran.says("dora (service `undone-dora-1`): ").says("No such image").says("rolling back what this run changed");
    ran.says("rolled back 5 of 5 changes");
    assert_eq!((specs(&scenario), configs(&scenario)), (before, contents));
    let running = || ["undone-anna-1", "undone-ben-1"].iter().all(|name| scenario.engine().runs(name));
    crate::until::until("they run as before", 30, running, || scenario.engine().told("undone-anna-1"));
    configure(&scenario, "one", "[users.anna]\n[users.ben]\n");
    scenario.plans(&[]).is_empty();
}
