//! Somebody else is at work at the same time: another apply, the docker CLI, whoever removes a service under our feet.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::commands::Ran;
use crate::engine::{Engine, run};
use crate::proxy::{Fault, Proxy, Requests};
use crate::scenario::Scenario;
use crate::until::until;

/// A class that is greeted.
fn class(size: usize, greeting: &str) -> String {
    let mut text = format!("env = {{ GREETING = \"{greeting}\" }}\n");
    (0..size).for_each(|user| writeln!(text, "[users.u{user:03}]").unwrap());
    text
}

/// The greetings of a scenario's services.
fn greetings(scenario: &Scenario<'_>) -> BTreeSet<String> {
    let services = scenario.services();
    services.iter().map(|service| service["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"].to_string()).collect()
}

/// Applies from two places at once, and waits for both.
fn apply_twice(scenario: &Scenario<'_>, arguments: &[&str]) -> [Ran; 2] {
    let both = [scenario.begins_to_apply(arguments), scenario.begins_to_apply(arguments)];
    both.map(|child| child.wait_with_output().unwrap().into())
}

#[test]
fn two_applies_at_once_converge() {
    let scenario = Scenario::new(Engine::idle(), "twice");
    for greeting in ["one", "two", "three"] {
        scenario.has_config("", &class(60, greeting));
        for ran in apply_twice(&scenario, &["--detach"]) {
            ran.ends_with(0);
        }
        assert_eq!((scenario.services().len(), greetings(&scenario).len()), (60, 1));
        scenario.plans(&[]).is_empty();
    }
    // They do not want the same: neither stops halfway, and the next one settles it.
    scenario.has_config("", &class(60, "four"));
    let first = scenario.begins_to_apply(&["--detach"]);
    scenario.has_config("", &class(60, "five"));
    let second = scenario.begins_to_apply(&["--detach"]);
    for child in [first, second] {
        let ran = Ran::from(child.wait_with_output().unwrap());
        assert!([0, 4].contains(&ran.code), "{}", ran.stderr);
    }
    assert_eq!(scenario.services().len(), 60);
    scenario.applies(&["--detach"]).ends_with(0);
    assert_eq!((scenario.services().len(), greetings(&scenario).len()), (60, 1));
    scenario.plans(&[]).is_empty();
}

#[test]
fn two_applies_that_wait_converge() {
    let scenario = Scenario::new(Engine::shared(), "waiting-twice");
    for greeting in ["one", "two"] {
        scenario.has_config("", &class(3, greeting));
        for ran in apply_twice(&scenario, &["--timeout", "60s"]) {
            ran.ends_with(0);
        }
        scenario.plans(&[]).is_empty();
    }
    assert!(scenario.service_names().iter().all(|name| scenario.engine().runs(name)));
}

#[test]
fn an_update_out_of_sequence_is_made_again() {
    let mut scenario = Scenario::new(Engine::idle(), "sequence");
    scenario.has_config("", &class(3, "one"));
    scenario.applies(&["--detach"]).ends_with(0);
    let proxy = Proxy::before(&scenario.engine().socket(1));
    scenario.goes_through(&proxy.socket());
    let updates = Requests::to("POST", "/services/*/update");
    proxy
        .harms(updates.clone().first(5), Fault::Answer(500, "rpc error: code = Unknown desc = update out of sequence"));
    scenario.has_config("", &class(3, "two"));
    scenario.applies(&["--detach"]).ends_with(0);
    assert_eq!(proxy.count(&updates), 8);
    scenario.plans(&[]).is_empty();

    // For ever: it ends, and says of whom.
    proxy.harms(updates, Fault::Answer(500, "rpc error: code = Unknown desc = update out of sequence"));
    scenario.has_config("", &class(3, "three"));
    scenario.applies(&["--detach"]).ends_with(4).says("u000 (service `sequence-u000-1`): ").says("out of sequence");
    proxy.relents();
    scenario.applies(&["--detach"]).ends_with(0);
    scenario.plans(&[]).is_empty();
}

#[test]
fn others_who_change_the_same_services_do_not_win() {
    let scenario = Scenario::new(Engine::idle(), "rivals");
    scenario.has_config("", &class(8, "one"));
    scenario.applies(&["--detach"]).ends_with(0);
    let (over, changes) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::SeqCst) {
                for mut service in scenario.services() {
                    let (id, version) =
                        (service["ID"].as_str().unwrap().to_owned(), service["Version"]["Index"].clone());
                    let number = changes.load(Ordering::SeqCst).to_string();
                    service["Spec"]["Labels"]["rival"] = number.into();
                    let path = format!("/services/{id}/update?version={version}");
                    let answer = scenario.engine().ask("POST", &path, Some(&service["Spec"]));
                    changes.fetch_add(usize::from(answer.status == 200), Ordering::SeqCst);
                }
            }
        });
        let mut rounds = 0;
        while rounds < 4 || changes.load(Ordering::SeqCst) <= 20 {
            rounds += 1;
            assert!(rounds < 100, "the rival is idle");
            scenario.has_config("", &class(8, &format!("round {rounds}")));
            let ran = scenario.applies(&["--detach"]);
            // One who never rests may win eight rounds; it is told of whom then.
            assert!(ran.code == 0 || ran.code == 4 && ran.stderr.contains("at the same time"), "{}", ran.stderr);
        }
        over.store(true, Ordering::SeqCst);
    });
    scenario.applies(&["--detach"]).ends_with(0);
    assert!(scenario.services().iter().all(|service| service["Spec"]["Labels"].get("rival").is_none()));
    scenario.plans(&[]).is_empty();
}

#[test]
fn a_service_that_is_removed_while_it_is_waited_for_is_told() {
    let scenario = Scenario::new(Engine::shared(), "removed");
    scenario.has_config("", &class(3, "one"));
    let child = scenario.begins_to_apply(&["--stable-for", "6s", "--timeout", "60s", "--progress", "json"]);
    scenario.engine().wait_for("removed-u001-1");
    run(&mut scenario.engine().docker(&["service", "rm", "removed-u001-1"]));
    let ran = Ran::from(child.wait_with_output().unwrap()).ends_with(4);
    assert_eq!(ran.users_that("converged"), ["u000", "u002"]);
    assert_eq!(ran.users_that("failed"), ["u001"]);
    assert!(ran.outcome().to_string().contains("removed by somebody else"), "{}", ran.outcome());
    scenario.applies(&["--timeout", "60s"]).ends_with(0);
    assert_eq!(scenario.services().len(), 3);
}

#[test]
fn a_service_that_is_removed_before_its_update_is_made_anew() {
    let mut scenario = Scenario::new(Engine::idle(), "gone");
    scenario.has_config("", &class(3, "one"));
    scenario.applies(&["--detach"]).ends_with(0);
    let proxy = Proxy::before(&scenario.engine().socket(1));
    scenario.goes_through(&proxy.socket());
    let updates = Requests::to("POST", "/services/*/update");
    proxy.harms(updates.clone(), Fault::Delay(Duration::from_secs(2)));
    scenario.has_config("", &class(3, "two"));
    let child = scenario.begins_to_apply(&["--detach"]);
    until("an update is sent", 20, || proxy.count(&updates) > 0, String::new);
    run(&mut scenario.engine().docker(&["service", "rm", "gone-u001-1"]));
    Ran::from(child.wait_with_output().unwrap())
        .ends_with(0)
        .says("u001 (service `gone-u001-1`) was removed by somebody else");
    assert_eq!(scenario.services().len(), 3);
    scenario.plans(&[]).is_empty();
}
