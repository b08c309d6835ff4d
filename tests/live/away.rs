//! An engine that goes away while `apply` has nothing left to do but to wait.

use std::time::{Duration, Instant};

use crate::commands::Ran;
use crate::engine::Engine;
use crate::proxy::{Fault, Proxy, Requests};
use crate::scenario::Scenario;
use crate::until::until;

/// Waits until so many more lists of tasks were asked for, which is once a second.
fn looks(proxy: &Proxy, more: usize) {
    let lists = || proxy.count(&Requests::to("GET", "/tasks"));
    let enough = lists() + more;
    until("it looks at the tasks", 40, || lists() >= enough, || lists().to_string());
}

fn leaves(proxy: &Proxy) {
    proxy.harms(Requests::any(), Fault::Drop);
    proxy.refuses_connections();
}

fn returns(proxy: &Proxy) {
    proxy.relents();
    proxy.takes_connections();
}

#[test]
fn a_lost_engine_is_told_with_what_is_done_and_the_next_run_finishes() {
    let mut scenario = Scenario::new(Engine::shared(), "leaves");
    let proxy = Proxy::before(&scenario.engine().socket(1));
    scenario.goes_through(&proxy.socket());
    let nowhere = "overrides.placement.constraints = [\"node.labels.nowhere==true\"]\n";
    for (user, progress) in [("anna", "json"), ("ben", "plain")] {
        scenario.has_config("", &format!("[users.{user}]\n[users.slow-{user}]\n{nowhere}"));
        let child = scenario.begins_to_apply(&["--timeout", "5m", "--progress", progress]);
        scenario.engine().wait_for(&format!("leaves-{user}-1"));
        looks(&proxy, 4);
        leaves(&proxy);
        let begun = Instant::now();
        let ran = Ran::from(child.wait_with_output().unwrap()).ends_with(5);
        assert!(begun.elapsed() < Duration::from_secs(40), "{:?}", begun.elapsed());
        let ran = ran
            .says("error: the engine does not answer: cannot connect to unix://")
            .says("(what is done stays done: see after the engine with `docker info`, then run this again)");
        if progress == "json" {
            assert_eq!([ran.users_that("converged"), ran.users_that("accepted")], [["anna"], ["slow-anna"]]);
            let outcome = ran.outcome();
            assert!(outcome["stopped"].as_str().unwrap().contains("connection refused"), "{outcome}");
            assert!(ran.stdout.contains(r#""event":"blind""#), "{}", ran.stdout);
        } else {
            ran.says("ben (service `leaves-ben-1`) runs after ").says("2 servers created; 1 server not seen to run");
        }
        returns(&proxy);
        scenario.has_config("", &format!("[users.{user}]\n[users.slow-{user}]\n"));
        scenario.applies(&["--timeout", "60s"]).ends_with(0);
        scenario.plans(&[]).is_empty();
    }
}

#[test]
fn an_engine_that_is_soon_back_is_waited_for() {
    let mut scenario = Scenario::new(Engine::shared(), "returns");
    let proxy = Proxy::before(&scenario.engine().socket(1));
    scenario.goes_through(&proxy.socket());
    scenario.has_config("", "[users.anna]\n[users.ben]\n");
    // The time of both is over while it is away.
    let child = scenario.begins_to_apply(&["--timeout", "6s", "--stable-for", "5s", "--progress", "json"]);
    scenario.engine().wait_for("returns-anna-1");
    scenario.engine().wait_for("returns-ben-1");
    leaves(&proxy);
    std::thread::sleep(Duration::from_secs(12));
    returns(&proxy);
    let ran = Ran::from(child.wait_with_output().unwrap()).ends_with(0);
    assert_eq!(ran.users_that("converged"), ["anna", "ben"]);
    assert!(ran.stdout.contains(r#""event":"blind""#), "{}", ran.stdout);
}
