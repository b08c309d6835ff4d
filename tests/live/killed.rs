//! An apply that is killed at any moment, or interrupted: the next one finishes, with nothing twice and nothing lost.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::commands::Ran;
use crate::engine::{Engine, run};
use crate::proxy::{Fault, Proxy, Requests};
use crate::scenario::Scenario;
use crate::until::until;

/// How many users there are.
const CLASS: usize = 50;
/// How often it is killed; the environment may ask for another number.
const KILLS: usize = 50;
/// Removes what is no more wanted, and old contents.
const APPLY: [&str; 5] = ["--prune", "--yes", "--keep", "1", "--detach"];

/// A class that differs from round to round: some come, some go, all change.
fn configure(scenario: &Scenario<'_>, round: usize) {
    let name = scenario.name();
    let mut users = format!("env = {{ ROUND = \"{round}\" }}\nconfigs = [\"{name}-page\"]\n");
    (round * 7..round * 7 + CLASS).for_each(|user| writeln!(users, "[users.u{user:03}]").unwrap());
    scenario.has_config(&format!("networks = []\n[swarm_configs.{name}-page]\ncontent = \"{round}\""), &users);
}

/// The names of the services, and of the contents of the deployment.
fn is_complete(scenario: &Scenario<'_>, round: usize) {
    let name = scenario.name();
    let wanted: Vec<String> = (round * 7..round * 7 + CLASS).map(|user| format!("{name}-u{user:03}-1")).collect();
    assert_eq!(scenario.service_names(), wanted);
    let env = |service: &Value| service["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"][0].clone();
    assert!(scenario.services().iter().all(|service| env(service) == format!("ROUND={round}")));
    let configs = scenario.engine().get("/configs");
    let ours = |config: &&Value| config["Spec"]["Labels"]["swarmgen.deployment"] == name;
    assert_eq!(configs.as_array().unwrap().iter().filter(ours).count(), 1);
}

#[test]
#[expect(clippy::print_stdout, reason = "shown where the test fails")]
fn killed_at_any_moment_the_next_one_finishes() {
    let kills = std::env::var("SWARMGEN_KILLS").map_or(KILLS, |number| number.parse().unwrap());
    let mut scenario = Scenario::new(Engine::idle(), "killed");
    let proxy = Proxy::before(&scenario.engine().socket(1));
    scenario.goes_through(&proxy.socket());
    let asked = || proxy.count(&Requests::any());
    configure(&scenario, 0);
    scenario.applies(&APPLY).ends_with(0);
    // How many requests a run makes in which some come, some go and all change.
    let begun = asked();
    configure(&scenario, 1);
    scenario.applies(&APPLY).ends_with(0);
    is_complete(&scenario, 1);
    let whole = asked() - begun;
    assert!(whole >= CLASS + 7 + 7, "the removals are not among the {whole} requests");
    let seed = std::env::var("SWARMGEN_SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    println!("the same moments again: SWARMGEN_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut partly = 0;
    for round in (2..).take(kills) {
        configure(&scenario, round);
        let before = scenario.services();
        let point = asked() + random.usize(0..=whole);
        let mut child = scenario.begins_to_apply(&APPLY);
        while asked() < point && child.try_wait().unwrap().is_none() {
            thread::sleep(Duration::from_millis(2));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let after = scenario.services();
        let env =
            |service: &Value| service["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"][0] == format!("ROUND={round}");
        let changed = after.iter().filter(|service| env(service)).count();
        partly += usize::from(after != before && (changed < CLASS || after.len() > CLASS));
        scenario.applies(&APPLY).ends_with(0);
        is_complete(&scenario, round);
    }
    scenario.plans(&["--prune", "--keep", "1"]).is_empty();
    // What was agreed on is sent with each request but the one by which it is.
    let calls = proxy.calls();
    let versions = calls.iter().filter(|call| call.path != "/version").map(|call| call.version.as_deref());
    assert_eq!(versions.collect::<BTreeSet<_>>(), BTreeSet::from([Some("1.41")]));
    assert!(partly * 2 >= kills, "only {partly} of {kills} kills met a run that was half done");
    scenario.ran(&["destroy", "--all", "--yes"]).ends_with(0);
    assert_eq!(scenario.service_names(), [""; 0]);
}

#[test]
fn an_interrupted_apply_says_what_is_done() {
    let mut scenario = Scenario::new(Engine::idle(), "interrupted");
    let proxy = Proxy::before(&scenario.engine().socket(1));
    scenario.goes_through(&proxy.socket());
    let creations = Requests::to("POST", "/services/create");
    proxy.harms(creations.clone(), Fault::Delay(Duration::from_millis(400)));
    configure(&scenario, 0);
    let child = scenario.begins_to_apply(&["--detach", "--parallelism", "4", "--progress", "json"]);
    until("ten are sent", 20, || proxy.count(&creations) >= 10, String::new);
    let begun = Instant::now();
    run(Command::new("kill").args(["-INT", &child.id().to_string()]));
    let ran = Ran::from(child.wait_with_output().unwrap()).ends_with(4);
    assert_eq!(ran.outcome()["stopped"], "interrupted");
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    proxy.relents();
    let done: Vec<String> = ran.users_that("accepted").iter().map(|user| format!("interrupted-{user}-1")).collect();
    assert_eq!(scenario.service_names(), done);
    assert_eq!(done.len() + ran.users_that("not_done").len(), CLASS);
    assert!((10..20).contains(&done.len()), "{done:?}");
    scenario.applies(&APPLY).ends_with(0);
    is_complete(&scenario, 0);
}

#[test]
fn an_interrupted_wait_ends_at_once() {
    let scenario = Scenario::new(Engine::shared(), "unwaited");
    scenario.has_config("", "[users.anna]");
    for (signal, told) in [("-INT", "1 server created"), ("-TERM", "interrupted")] {
        let child = scenario.begins_to_apply(&["--stable-for", "60s", "--progress", "plain"]);
        scenario.engine().wait_for("unwaited-anna-1");
        // One that a run before has started is looked at anew.
        thread::sleep(Duration::from_secs(2));
        let begun = Instant::now();
        run(Command::new("kill").args([signal, &child.id().to_string()]));
        let ran = Ran::from(child.wait_with_output().unwrap()).ends_with(4).says("interrupted");
        assert!(begun.elapsed() < Duration::from_secs(3), "{signal}: {:?}", begun.elapsed());
        ran.says(told);
        scenario.has_config("", "env = { A = \"1\" }\n[users.anna]");
    }
    scenario.applies(&[]).ends_with(0);
}
