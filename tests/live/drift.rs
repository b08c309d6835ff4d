//! What is changed by hand is found and mended; a saved plan is carried out as it was, or not at all.

use serde_json::Value;

use crate::engine::{Engine, run};
use crate::proxy::{Proxy, Requests};
use crate::scenario::Scenario;
use crate::until::until;

const CLASS: &str =
    "env = { GREETING = \"hello\" }\nresource_spec = { mem_limit = \"64M\" }\n[users.anna]\n[users.ben]\n";

/// The specs of a scenario's services.
fn specs(scenario: &Scenario<'_>) -> Vec<Value> {
    scenario.services().into_iter().map(|mut service| service["Spec"].take()).collect()
}

#[test]
fn changes_by_hand_are_found_and_mended() {
    let scenario = Scenario::new(Engine::idle(), "drift");
    scenario.has_config("", CLASS);
    scenario.applies(&["--detach"]).ends_with(0);
    let before = specs(&scenario);
    for change in [
        &["--env-add", "EXTRA=s3cr3t"] as &[&str],
        &["--env-rm", "GREETING"],
        &["--limit-memory", "32M"],
        &["--limit-cpu", "0.5", "--reserve-cpu", "0.1"],
        &["--image", "stand-in/notebook:checked"],
        &["--replicas", "0"],
        &["--label-add", "mine=too"],
        &["--container-label-add", "mine=too"],
        &["--mount-add", "type=volume,source=drift-v,target=/v"],
        &["--args", "a b"],
        &["--user", "1000"],
        &["--constraint-add", "node.role==worker"],
        &["--publish-add", "published=30099,target=8888,mode=host"],
        &["--restart-condition", "none"],
        &["--update-order", "start-first"],
        &["--stop-grace-period", "3s"],
        &["--health-cmd", "true"],
        &["--log-driver", "none"],
        &["--hostname", "mine"],
        &["--endpoint-mode", "vip"],
        &["--ulimit-add", "nofile=100"],
        &["--cap-add", "NET_ADMIN"],
        &["--read-only"],
        &["--tty"],
    ] {
        let update = ["service", "update", "--detach", "--no-resolve-image", "--quiet"];
        run(scenario.engine().docker(&update).args(change).arg("drift-anna-1"));
        let plan = scenario.plans(&[]);
        assert_eq!((plan.code, plan.users("update")), (3, vec!["anna"]), "{change:?}");
        let causes = plan.causes();
        assert!(!causes.is_empty() && causes.iter().all(|cause| cause == "drift"), "{change:?}: {:?}", plan.changes());
        scenario.applies(&["--detach"]).ends_with(0);
        scenario.plans(&[]).is_empty();
        assert_eq!(specs(&scenario), before, "{change:?}");
    }
    // Both at once.
    run(&mut scenario.engine().docker(&["service", "update", "--detach", "--env-add", "GREETING=mine", "drift-ben-1"]));
    scenario.has_config("", &CLASS.replace("hello", "hi"));
    let plan = scenario.plans(&[]);
    assert_eq!(plan.causes(), ["config", "config-and-drift"], "{:?}", plan.changes());
    assert!(!plan.changes().concat().contains("mine"), "a value by hand may be a secret");
}

#[test]
fn a_saved_plan_is_applied_or_stale() {
    let scenario = Scenario::new(Engine::idle(), "saved");
    scenario.has_config("", CLASS);
    let proxy = Proxy::before(&scenario.engine().socket(1));
    let through = format!("unix://{}", proxy.socket().display());
    scenario.plans(&["-o", "plan.json", "-H", &through]);
    assert_eq!(scenario.service_names(), [""; 0]);
    let elsewhere = format!("unix://{}", Engine::shared().socket(1).display());
    let refused = scenario.ran(&["apply", "--detach", "plan.json", "-H", &elsewhere]).ends_with(1);
    refused.says("the saved plan is for another swarm, and nothing was done");
    assert_eq!(proxy.count(&Requests::to("POST", "/services/create")), 0);
    // Where it says nothing else, it goes where the plan was made.
    scenario.ran(&["apply", "--detach", "plan.json"]).ends_with(0);
    assert_eq!(proxy.count(&Requests::to("POST", "/services/create")), 2);
    assert_eq!(scenario.service_names(), ["saved-anna-1", "saved-ben-1"]);
    scenario.plans(&[]).is_empty();

    // Applied already, and stale: the services exist.
    let refused = scenario.ran(&["apply", "--detach", "plan.json"]).ends_with(1);
    refused.says("the saved plan is stale");
    // The swarm has changed meanwhile.
    scenario.has_config("", &CLASS.replace("hello", "hi"));
    scenario.plans(&["-o", "plan.json"]);
    run(&mut scenario.engine().docker(&[
        "service",
        "update",
        "--detach",
        "--env-add",
        "GREETING=mine",
        "saved-anna-1",
    ]));
    let before = specs(&scenario);
    scenario.ran(&["apply", "--detach", "plan.json"]).ends_with(1).says("stale");
    assert_eq!(specs(&scenario), before);
    // The config has.
    scenario.plans(&["-o", "plan.json"]);
    scenario.has_config("", &CLASS.replace("hello", "hey"));
    scenario.ran(&["apply", "--detach", "plan.json"]).ends_with(1).says("stale");
    assert_eq!(specs(&scenario), before);
    // Nothing has.
    scenario.plans(&["-o", "plan.json"]);
    scenario.ran(&["apply", "--detach", "plan.json"]).ends_with(0);
    scenario.plans(&[]).is_empty();
    // A plan holds that `--prune` was asked for, and `apply` does what it holds without asking.
    scenario.has_config("", "[users.ben]");
    scenario.plans(&["--prune", "-o", "plan.json"]);
    scenario.ran(&["apply", "--detach", "plan.json"]).ends_with(0);
    assert_eq!(scenario.service_names(), ["saved-ben-1"]);
}

#[test]
fn a_server_that_does_not_run_is_waited_for_whatever_changes() {
    let scenario = Scenario::new(Engine::shared(), "down");
    let server = "down-anna-1";
    scenario.has_config("", "[users.anna]");
    scenario.applies(&[]).ends_with(0);
    run(&mut scenario.engine().docker(&["service", "scale", "--detach", "down-anna-1=0"]));
    until("it has ended", 30, || !scenario.engine().runs(server), String::new);
    scenario.applies(&[]).ends_with(0);
    assert!(scenario.engine().runs(server));
    // Its command ends at once; a label starts nothing, and does not make it right.
    let ends = "[users.anna.overrides]\nimage = \"stand-in/notebook:exits\"";
    scenario.has_config("", ends);
    scenario.applies(&["--timeout", "10s"]).ends_with(4);
    scenario.has_config("labels.room = \"5\"", ends);
    scenario.applies(&["--timeout", "10s"]).ends_with(4).says("exit");
    assert_eq!(scenario.services()[0]["Spec"]["Labels"]["room"], "5");
}
