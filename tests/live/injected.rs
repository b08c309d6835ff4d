//! Calls that go wrong at each stage of an apply: the account is right, nothing is made twice or lost, and the next one finishes.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::commands::Ran;
use crate::engine::{Engine, run};
use crate::http;
use crate::proxy::{Fault, Proxy, Requests};
use crate::scenario::Scenario;
use crate::until::until;

/// The calls of an apply, by the stage that they belong to.
const STAGES: [(&str, &str); 17] = [
    ("GET", "/version"),
    ("GET", "/info"),
    ("GET", "/services"),
    ("GET", "/networks"),
    ("GET", "/configs"),
    ("GET", "/secrets"),
    ("GET", "/nodes"),
    ("GET", "/volumes"),
    ("GET", "/tasks"),
    ("POST", "/configs/create"),
    ("POST", "/secrets/create"),
    ("POST", "/services/create"),
    ("POST", "/services/*/update"),
    ("DELETE", "/services/*"),
    ("DELETE", "/volumes/*"),
    ("DELETE", "/configs/*"),
    ("DELETE", "/secrets/*"),
];

/// All that a run changes: `--keep 1` has old contents removed.
const APPLY: [&str; 6] = ["--prune", "--yes", "--keep", "1", "--progress", "json"];

/// A class in which one is, one goes and, in the second state, one comes, with content that changes.
fn configure(scenario: &Scenario<'_>, state: &str, users: [&str; 2]) {
    let name = scenario.name();
    scenario.write("key", "a key that is long enough to be one");
    scenario.write("secret", &format!("secret {state}"));
    let contents = format!(
        "key = {{ file = \"key\" }}\nnetworks = []\nlints.node-local-volume = \"allow\"\n\
         [swarm_configs.{name}-page]\ncontent = \"{state}\"\n[swarm_secrets.{name}-word]\nfile = \"secret\"\n"
    );
    let [first, second] = users;
    let profile = format!(
        "env = {{ STATE = \"{state}\" }}\nconfigs = [\"{name}-page\"]\nsecrets = [\"{name}-word\"]\n\
         mounts = [{{ type = \"volume\", source = \"{name}-{{name}}\", target = \"/home/jovyan\", \
         labels = {{ autoremove = \"True\" }} }}]\n[users.{first}]\n[users.{second}]\n"
    );
    scenario.has_config(&contents, &profile);
}

/// The states of a scenario's services, by user.
fn states(scenario: &Scenario<'_>) -> Value {
    let of = |service: &Value| {
        let user = service["Spec"]["Labels"]["swarmgen.user"].as_str().unwrap().to_owned();
        (user, service["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"][0].clone())
    };
    scenario.services().iter().map(of).collect::<serde_json::Map<_, _>>().into()
}

/// The numbers of the contents that are on the swarm.
fn contents(scenario: &Scenario<'_>) -> [usize; 2] {
    ["configs", "secrets"].map(|kind| {
        let objects = scenario.engine().get(&format!("/{kind}"));
        let ours = |object: &&Value| object["Spec"]["Labels"]["swarmgen.deployment"] == scenario.name();
        objects.as_array().unwrap().iter().filter(ours).count()
    })
}

/// Checks that what a run says it has done is done, and what it says is not, is not.
fn is_true(scenario: &Scenario<'_>, ran: &Ran, at: &str) {
    if ran.code == 5 && !ran.stdout.contains("outcome") {
        // It did not begin.
        assert_eq!(states(scenario), json!({"goes": "STATE=one", "stays": "STATE=one"}), "{at}");
        assert_eq!(contents(scenario), [1, 1], "{at}");
        return;
    }
    let (outcome, states) = (ran.outcome(), states(scenario));
    assert_eq!(outcome["complete"], ran.code == 0, "{at}: {outcome}");
    for report in outcome["reports"].as_array().unwrap() {
        let Some(user) = report["subject"]["user"].as_str() else { continue };
        let done = match report["act"].as_str().unwrap() {
            "remove" => states.get(user).is_none(),
            _ => states.get(user) == Some(&json!("STATE=two")),
        };
        match report["state"].as_str().unwrap() {
            "accepted" | "done" | "converged" => assert!(done, "{at}: {report}: {states}"),
            "not_done" | "begun" | "failed" => assert!(!done, "{at}: {report}: {states}"),
            state => assert_eq!(state, "unknown", "{at}"),
        }
    }
}

/// Lets some calls at each stage meet a fault, and checks what becomes of an apply and of the next one; `code` says how the
/// first one ends, given what was met.
fn injected(
    name: &str,
    fault: &Fault,
    requests: impl Fn(Requests) -> Requests,
    code: impl Fn(&str, &str) -> &'static [i32],
) {
    let mut scenario = Scenario::new(Engine::idle(), name);
    let proxy = Proxy::before(&scenario.engine().socket(1));
    scenario.goes_through(&proxy.socket());
    for (method, path) in STAGES {
        let at = format!("{fault:?} at {method} {path}");
        configure(&scenario, "one", ["goes", "stays"]);
        scenario.applies(&[&APPLY[..], &["--detach"]].concat()).ends_with(0);
        assert_eq!(states(&scenario), json!({"goes": "STATE=one", "stays": "STATE=one"}), "{at}");
        // What the node would make if it ran the server.
        let volume = format!("{name}-goes");
        run(&mut scenario.engine().docker(&["volume", "create", "--label", "autoremove=True", &volume]));
        configure(&scenario, "two", ["stays", "comes"]);
        let before = proxy.count(&Requests::to(method, path));
        proxy.harms(requests(Requests::to(method, path)), fault.clone());
        let ran = scenario.applies(&[&APPLY[..], &["--detach"]].concat());
        proxy.relents();
        until("connections are taken", 5, || proxy.takes_any(), || at.clone());
        assert!(proxy.count(&Requests::to(method, path)) > before, "{at}: never called");
        assert!(code(method, path).contains(&ran.code), "{at}: {} {} {}", ran.code, ran.stdout, ran.stderr);
        is_true(&scenario, &ran, &at);
        if matches!(fault, Fault::Refuse(_)) && method != "GET" {
            assert!(ran.stdout.contains("connection refused"), "{at}: {}", ran.stdout);
        }

        scenario.applies(&[&APPLY[..], &["--detach"]].concat()).ends_with(0);
        assert_eq!(states(&scenario), json!({"comes": "STATE=two", "stays": "STATE=two"}), "{at}");
        assert_eq!(contents(&scenario), [1, 1], "{at}");
        assert_eq!(http::get(&scenario.engine().socket(1), &format!("/volumes/{volume}")).status, 404, "{at}");
        scenario.plans(&["--prune", "--keep", "1"]).is_empty();
        scenario.leaves_others_alone();
    }
}

/// How a run ends that meets one fault: what cannot be read ends it before anything is changed, and what cannot be changed is
/// tried again.
fn once(method: &str, _: &str) -> &'static [i32] {
    if method == "GET" { &[5] } else { &[0] }
}

/// How a run ends that meets a fault whenever it asks for something: what cannot be changed is given up in the end.
fn always(method: &str, _: &str) -> &'static [i32] {
    if method == "GET" { &[5] } else { &[4] }
}

#[test]
fn a_connection_that_ends_before_the_engine_hears() {
    injected("drops", &Fault::Drop, |requests| requests.nth(1), once);
}

#[test]
fn a_connection_that_ends_in_mid_request() {
    injected("cut-request", &Fault::CutRequest, |requests| requests.nth(1), once);
}

#[test]
fn a_connection_that_ends_between_the_deed_and_the_answer() {
    injected("cut-answer", &Fault::CutAnswer, |requests| requests.nth(1), once);
}

#[test]
fn a_connection_that_ends_within_the_answer() {
    injected("cut-within", &Fault::CutWithinAnswer, |requests| requests.nth(1), once);
}

#[test]
fn an_engine_that_fails_once() {
    injected("fails", &Fault::Answer(500, "rpc error: code = Unavailable"), |requests| requests.nth(1), once);
}

#[test]
fn an_engine_that_fails_for_ever() {
    let fault = Fault::Answer(500, "rpc error: code = Internal desc = no disk");
    injected("lasting", &fault, |requests| requests, always);
}

#[test]
fn an_engine_that_refuses_connections_for_a_moment() {
    injected("refused", &Fault::Refuse(Duration::from_secs(1)), |requests| requests.nth(1), once);
}

#[test]
fn garbage() {
    injected("garbage", &Fault::Garbage, |requests| requests.nth(1), once);
}

#[test]
fn a_garbled_body() {
    injected("garbled", &Fault::GarbledBody, |requests| requests.nth(1), once);
}

/// A class in its first state that is to come into the second, behind a proxy.
fn in_the_first_state<'e>(engine: &'e Engine, name: &str) -> (Scenario<'e>, Proxy) {
    let mut scenario = Scenario::new(engine, name);
    let proxy = Proxy::before(&engine.socket(1));
    scenario.goes_through(&proxy.socket());
    configure(&scenario, "one", ["goes", "stays"]);
    scenario.applies(&[&APPLY[..], &["--detach"]].concat()).ends_with(0);
    configure(&scenario, "two", ["stays", "comes"]);
    (scenario, proxy)
}

/// Applies again, which finishes.
fn finishes(scenario: &Scenario<'_>, proxy: &Proxy) {
    proxy.relents();
    scenario.applies(&[&APPLY[..], &["--timeout", "60s"]].concat()).ends_with(0);
    assert_eq!(states(scenario), json!({"comes": "STATE=two", "stays": "STATE=two"}));
    assert_eq!(contents(scenario), [1, 1]);
    scenario.plans(&["--prune", "--keep", "1"]).is_empty();
}

#[test]
fn a_slow_engine() {
    let (scenario, proxy) = in_the_first_state(Engine::shared(), "slow");
    proxy.harms(Requests::any(), Fault::Delay(Duration::from_secs(5)));
    let ran = scenario.applies(&APPLY).ends_with(0);
    is_true(&scenario, &ran, "slow");
    finishes(&scenario, &proxy);
}

#[test]
fn an_engine_that_refuses_connections() {
    let (scenario, proxy) = in_the_first_state(Engine::shared(), "refuses");
    proxy.refuses_connections();
    for arguments in
        [&["plan"] as &[&str], &["apply"], &["destroy", "--all", "--yes"], &["status"], &["validate", "--cluster"]]
    {
        scenario.ran(arguments).ends_with(5).says("error: cannot connect to unix://").says("connection refused");
    }
    proxy.takes_connections();
    finishes(&scenario, &proxy);
}

#[test]
fn an_engine_that_does_not_tell_of_images() {
    let mut scenario = Scenario::new(Engine::shared(), "images");
    let proxy = Proxy::before(&scenario.engine().socket(1));
    scenario.goes_through(&proxy.socket());
    scenario.has_config("", "[users.anna]\n");
    scenario.applies(&["--timeout", "60s"]).ends_with(0);
    let registry = Requests::to("GET", "/distribution/*/*/json");
    let faults = [
        Fault::Drop,
        Fault::Answer(500, "away"),
        Fault::Garbage,
        Fault::GarbledBody,
        Fault::Delay(Duration::from_secs(20)),
    ];
    for (number, fault) in faults.into_iter().enumerate() {
        scenario.has_config("", &format!("[users.anna]\n[users.u{number}]\n"));
        let (before, begun) = (proxy.count(&registry), Instant::now());
        proxy.harms(registry.clone(), fault.clone());
        scenario.ran(&["apply", "--detach"]).ends_with(0).says("warning[SG518]").says("1 server created");
        proxy.relents();
        assert_eq!(proxy.count(&registry) - before, 1, "{fault:?}");
        // All registries together have 5 s.
        assert!(begun.elapsed() < Duration::from_secs(9), "{fault:?}: {:?}", begun.elapsed());
    }

    // Where nobody tells that the node has an image, no server is ended for it.
    scenario.engine().has_image("stand-in/notebook:images");
    scenario.has_config("", "[users.anna.overrides]\nimage = \"stand-in/notebook:images\"\n");
    let node = Requests::to("GET", "/images/*/*/json");
    let server = || scenario.engine().service("images-anna-1");
    let stands = server();
    for fault in [Fault::Drop, Fault::Answer(500, "away"), Fault::Garbage] {
        let before = proxy.count(&node);
        proxy.harms(node.clone(), fault.clone());
        scenario.applies(&[]).ends_with(1).says("error[SG520]");
        proxy.relents();
        assert_eq!(proxy.count(&node) - before, 1, "{fault:?}");
        assert_eq!(server(), stands, "{fault:?}");
    }
    scenario.applies(&["--timeout", "60s"]).ends_with(0);
}

#[test]
fn an_engine_that_never_creates() {
    let (scenario, proxy) = in_the_first_state(Engine::shared(), "never");
    proxy.harms(
        Requests::to("POST", "/services/create"),
        Fault::Answer(500, "rpc error: code = Internal desc = no disk"),
    );
    let ran = scenario.applies(&[&APPLY[..], &["--timeout", "60s"]].concat()).ends_with(4);
    is_true(&scenario, &ran, "never");
    assert_eq!(
        [ran.users_that("failed"), ran.users_that("converged"), ran.users_that("not_done")],
        [
            ["comes"],
            ["stays"],
            // What comes after is left alone.
            ["goes"]
        ]
    );
    assert!(ran.outcome().to_string().contains("no disk"));
    finishes(&scenario, &proxy);
}

#[test]
fn an_engine_that_goes_in_mid_apply() {
    let (scenario, proxy) = in_the_first_state(Engine::shared(), "goes-away");
    proxy.harms(Requests::to("POST", "/services/create"), Fault::CutAnswer);
    proxy.harms(Requests::to("POST", "/services/*/update"), Fault::Delay(Duration::from_secs(1)));
    let creations = || proxy.count(&Requests::to("POST", "/services/create"));
    let before = creations();
    let child = scenario.begins_to_apply(&APPLY);
    until("a service is created", 20, || creations() > before, String::new);
    proxy.relents();
    proxy.harms(Requests::any(), Fault::Drop);
    proxy.refuses_connections();
    let ran = Ran::from(child.wait_with_output().unwrap()).ends_with(5).says("the engine does not answer");
    is_true(&scenario, &ran, "goes away");
    proxy.takes_connections();
    finishes(&scenario, &proxy);
}

#[test]
fn an_engine_that_does_not_tell_of_tasks() {
    let (scenario, proxy) = in_the_first_state(Engine::shared(), "blind");
    let tasks = Requests::to("GET", "/tasks");
    let faults = [
        ("two", Fault::Answer(500, "away")),
        ("three", Fault::Drop),
        ("four", Fault::CutWithinAnswer),
        ("five", Fault::Garbage),
        ("two", Fault::GarbledBody),
    ];
    for (state, fault) in faults {
        configure(&scenario, state, ["stays", "comes"]);
        // The first two are looks before anything is changed.
        proxy.harms(tasks.clone().starting_at(3).first(3), fault.clone());
        let ran = scenario.applies(&[&APPLY[..], &["--timeout", "60s"]].concat()).ends_with(0);
        assert!(ran.stdout.contains(r#""event":"blind""#), "{fault:?}: {}", ran.stdout);
        proxy.relents();
    }
    finishes(&scenario, &proxy);

    configure(&scenario, "three", ["stays", "comes"]);
    proxy.harms(tasks.starting_at(3), Fault::Answer(500, "away"));
    let ran = scenario.applies(&[&APPLY[..], &["--timeout", "5s"]].concat()).ends_with(4);
    assert_eq!(ran.users_that("failed"), ["comes", "stays"]);
    assert!(ran.outcome().to_string().contains("the engine does not list the tasks: away"), "{}", ran.outcome());
    proxy.relents();
    scenario.applies(&APPLY).ends_with(0);
}

/// The calls of a rollback, each with the number that it has among those of the whole run.
const UNDOING: [(&str, &str, usize); 5] = [
    ("GET", "/services/*", 1),
    ("POST", "/services/*/update", 2),
    ("DELETE", "/services/*", 1),
    ("DELETE", "/configs/*", 1),
    ("DELETE", "/secrets/*", 1),
];

#[test]
fn a_fault_in_a_rollback_is_overcome() {
    let (scenario, proxy) = in_the_first_state(Engine::idle(), "undoing");
    let before = (states(&scenario), contents(&scenario));
    // On this engine nothing comes to run.
    let apply = ["--timeout", "1s", "--rollback", "--progress", "json"];
    for (method, path, number) in UNDOING {
        for fault in [Fault::Drop, Fault::CutAnswer, Fault::Answer(500, "rpc error: code = Unavailable")] {
            let at = format!("{fault:?} at {method} {path}");
            let requests = Requests::to(method, path);
            let count = proxy.count(&requests);
            proxy.harms(requests.clone().nth(number), fault);
            let ran = scenario.applies(&apply).ends_with(4);
            proxy.relents();
            assert!(proxy.count(&requests) - count > number, "{at}: not asked again: {}", ran.stdout);
            let undone = ran.stdout.lines().find(|line| line.contains(r#""event":"rolled_back""#));
            let undone: Value = serde_json::from_str(undone.unwrap_or_else(|| panic!("{at}: {}", ran.stdout))).unwrap();
            assert_eq!(undone["complete"], true, "{at}: {undone}");
            assert_eq!((states(&scenario), contents(&scenario)), before, "{at}");
        }
    }
}
