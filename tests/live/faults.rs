//! The proxy's faults are what they say, and nothing of an engine is lost by them.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::engine::Engine;
use crate::http::try_ask;
use crate::proxy::{Fault, Proxy, Requests};
use crate::scenario::Scenario;
use crate::until::until;

/// The body of a service that starts nothing.
fn idle(name: &str) -> Value {
    json!({
        "Name": name,
        "TaskTemplate": {"ContainerSpec": {"Image": crate::engine::NOTEBOOK}},
        "Mode": {"Replicated": {"Replicas": 0}},
    })
}

/// Creates `a service through a proxy that does harm to it`: what the client hears, and whether the engine has the service.
fn created_despite(scenario: &Scenario<'_>, fault: Fault) -> (Option<u16>, bool) {
    let proxy = Proxy::before(&scenario.engine().socket(1));
    proxy.harms(Requests::to("POST", "/services/create"), fault);
    let name = format!("{}-a", scenario.name());
    let answer = try_ask(&proxy.socket(), "POST", "/v1.41/services/create", Some(&idle(&name)));
    // An engine that was cut off may still be at it.
    let end = Instant::now() + Duration::from_millis(500);
    let mut exists = false;
    while !exists && Instant::now() < end {
        exists = scenario.engine().service(&name).is_some();
    }
    if exists {
        scenario.engine().ask("DELETE", &format!("/services/{name}"), None);
    }
    let readable = |body: &[u8]| serde_json::from_slice::<Value>(body).is_ok();
    (answer.ok().filter(|answer| readable(&answer.body)).map(|answer| answer.status), exists)
}

#[test]
fn each_fault_is_what_it_says() {
    let scenario = Scenario::new(Engine::shared(), "faults");
    assert_eq!(created_despite(&scenario, Fault::Drop), (None, false));
    assert_eq!(created_despite(&scenario, Fault::Refuse(Duration::from_millis(50))), (None, false));
    assert_eq!(created_despite(&scenario, Fault::CutRequest), (None, false));
    assert_eq!(created_despite(&scenario, Fault::CutAnswer), (None, true));
    assert_eq!(created_despite(&scenario, Fault::CutWithinAnswer), (None, true));
    assert_eq!(created_despite(&scenario, Fault::Answer(500, "injected")), (Some(500), false));
    assert_eq!(created_despite(&scenario, Fault::Garbage), (None, false));
    assert_eq!(created_despite(&scenario, Fault::GarbledBody), (None, false));
    let begun = Instant::now();
    assert_eq!(created_despite(&scenario, Fault::Delay(Duration::from_millis(300))), (Some(201), true));
    assert!(begun.elapsed() >= Duration::from_millis(300));
}

#[test]
fn faults_meet_the_requests_that_were_meant() {
    let proxy = Proxy::before(&Engine::shared().socket(1));
    let ask = |path: &str| try_ask(&proxy.socket(), "GET", path, None).map_or(0, |answer| answer.status);
    proxy.harms(Requests::to("GET", "/services/*").nth(2), Fault::Answer(503, "away"));
    proxy.harms(Requests::to("GET", "/info").first(1), Fault::Drop);
    let asked = ["/v1.41/services/none", "/v1.41/services", "/services/none?a=b", "/services/none", "/info", "/info"];
    assert_eq!(asked.map(ask), [404, 200, 503, 404, 0, 200]);
    proxy.harms(Requests::any(), Fault::Drop);
    assert_eq!(ask("/info"), 0);
    proxy.relents();
    assert_eq!(ask("/info"), 200);
    assert_eq!(proxy.count(&Requests::to("GET", "/services/*")), 3);
    assert_eq!(proxy.count(&Requests::to("GET", "/info")), 4);
    assert_eq!(proxy.count(&Requests::any()), 8);
    let [first, .., last] = &proxy.calls()[..] else { panic!("no calls") };
    assert_eq!((first.version.as_deref(), first.query.as_str()), (Some("1.41"), ""));
    assert_eq!((last.version.as_deref(), last.path.as_str()), (None, "/info"));
    assert_eq!(proxy.calls()[2].query, "a=b");
}

#[test]
fn connections_are_refused_and_taken_again() {
    let proxy = Proxy::before(&Engine::shared().socket(1));
    let ask =
        || try_ask(&proxy.socket(), "GET", "/_ping", None).map(|answer| answer.text()).map_err(|error| error.kind());
    assert_eq!(ask(), Ok("OK".to_owned()));
    proxy.refuses_connections();
    assert_eq!(ask(), Err(std::io::ErrorKind::ConnectionRefused));
    proxy.takes_connections();
    assert_eq!(ask(), Ok("OK".to_owned()));
    proxy.harms(Requests::any().nth(1), Fault::Refuse(Duration::from_secs(1)));
    assert!(ask().is_err());
    assert_eq!(ask(), Err(std::io::ErrorKind::ConnectionRefused));
    until("it takes connections again", 5, || ask() == Ok("OK".to_owned()), String::new);
}

#[test]
fn the_docker_cli_passes_a_proxy() {
    let mut scenario = Scenario::new(Engine::shared(), "passing");
    let proxy = Proxy::before(&scenario.engine().socket(1));
    scenario.goes_through(&proxy.socket());
    let name = format!("{}-a", scenario.name());
    let mut docker = std::process::Command::new("docker");
    let image = crate::engine::NOTEBOOK;
    docker.args(["service", "create", "--no-resolve-image", "--name", &name, image]);
    // It follows the task until it is stable.
    crate::engine::run(crate::engine::reach(&mut docker, &proxy.socket()));
    assert_eq!(proxy.count(&Requests::to("POST", "/services/create")), 1);
    assert!(proxy.count(&Requests::to("GET", "/tasks")) > 1);
    assert_eq!(scenario.service_names(), [name]);
}
