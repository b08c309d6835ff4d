//! Volumes that go with their servers, and those that are made anew; whatever ends a run in between.

use std::process::Stdio;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::engine::Engine;
use crate::http;
use crate::proxy::{Proxy, Requests};
use crate::scenario::Scenario;

/// The volumes of a scenario's servers, with the size that each was made for.
fn volumes(scenario: &Scenario<'_>) -> Vec<(String, String)> {
    let all = http::get(&scenario.engine().socket(1), "/volumes").json();
    let beginning = format!("{}-v-", scenario.name());
    let ours = all["Volumes"].as_array().into_iter().flatten().filter_map(|volume| {
        let user = volume["Name"].as_str()?.strip_prefix(&beginning)?;
        Some((user.to_owned(), volume["Options"]["o"].as_str().unwrap_or_default().to_owned()))
    });
    let mut ours: Vec<_> = ours.collect();
    ours.sort();
    ours
}

/// Servers with a volume each that goes with its server.
fn configure(scenario: &Scenario<'_>, size: &str, users: &[&str]) {
    let name = scenario.name();
    let options = format!("type = \"tmpfs\", device = \"tmpfs\", o = \"size={size}\"");
    let users: String = users.iter().map(|user| format!("[users.{user}]\n")).collect();
    scenario.has_config(
        "lints.node-local-volume = \"allow\"\nnetworks = []",
        &format!(
            "mounts = [{{ type = \"volume\", source = \"{name}-v-{{name}}\", target = \"/v\", \
             labels = {{ autoremove = \"True\" }}, driver_config = {{ name = \"local\", options = {{ {options} }} }} }}]\n{users}"
        ),
    );
}

/// Runs the program and kills it once it has made a number of requests; tells whether it was still at it.
fn is_killed(scenario: &Scenario<'_>, proxy: &Proxy, arguments: &[&str], requests: usize) -> bool {
    let last = proxy.count(&Requests::any()) + requests;
    let mut child = scenario.swarmgen(arguments).stderr(Stdio::null()).spawn().unwrap();
    while proxy.count(&Requests::any()) < last && child.try_wait().unwrap().is_none() {
        thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    !child.wait().unwrap().success()
}

#[test]
fn killed_in_a_removal_no_volume_is_left() {
    let users = ["anna", "ben", "carl"];
    let mut scenario = Scenario::new(Engine::shared(), "leaving");
    let proxy = Proxy::before(&scenario.engine().socket(1));
    scenario.goes_through(&proxy.socket());
    let (mut before, mut between, mut after) = (0, 0, 0);
    // A whole removal makes ten requests to see what there is, and from then on at least four for each server.
    for requests in [9, 11, 13, 15, 17, 19, 21, 24] {
        configure(&scenario, "1m", &users);
        scenario.applies(&["--prune", "--yes"]).ends_with(0);
        assert_eq!(volumes(&scenario).len(), users.len());
        configure(&scenario, "1m", &["none"]);
        let is_killed =
            is_killed(&scenario, &proxy, &["apply", "--resolve-image", "never", "--prune", "--yes"], requests);
        let there: Vec<String> = volumes(&scenario).into_iter().map(|(user, _)| user).collect();
        for user in there.iter().filter(|user| *user != "none") {
            let service = format!("leaving-{user}-1");
            assert!(scenario.service_names().contains(&service), "{requests}: nobody knows of the volume of {user}");
        }
        let ended = |service: &&Value| service["Spec"]["Mode"]["Replicated"]["Replicas"] == 0;
        match scenario.services().iter().filter(ended).count() {
            0 if !is_killed => after += 1,
            0 => before += 1,
            _ => between += 1,
        }
        scenario.applies(&["--prune", "--yes"]).ends_with(0);
        assert_eq!(scenario.service_names(), ["leaving-none-1"]);
        assert_eq!(volumes(&scenario).len(), 1, "{requests}");
    }
    assert!(between >= 2, "before {before}, between {between}, after {after}");
    scenario.destroys_all().ends_with(0);
    assert_eq!(volumes(&scenario), []);
}

#[test]
fn a_volume_is_made_anew_only_when_asked_for() {
    let mut scenario = Scenario::new(Engine::shared(), "anew");
    let proxy = Proxy::before(&scenario.engine().socket(1));
    scenario.goes_through(&proxy.socket());
    let has = |size: &str| assert_eq!(volumes(&scenario), [("anna".to_owned(), format!("size={size}"))]);
    configure(&scenario, "1m", &["anna"]);
    scenario.applies(&[]).ends_with(0);
    has("1m");
    configure(&scenario, "2m", &["anna"]);
    let told = "the volume `anew-v-anna` of anna differs from what is wanted in options.o and stays as it is: \
                `--replace-volumes` makes it anew";
    scenario.applies(&["--yes"]).ends_with(0).says(told);
    has("1m");
    scenario.applies(&["--replace-volumes", "--yes"]).ends_with(0).says("1 server replaced");
    has("2m");
    scenario.plans(&["--replace-volumes"]).is_empty();

    // Killed between the end of the old server and the new one, the next run finishes.
    let (mut size, mut half) = (2, 0);
    for requests in 11..20 {
        size += 1;
        configure(&scenario, &format!("{size}m"), &["anna"]);
        let arguments = ["apply", "--resolve-image", "never", "--replace-volumes", "--yes"];
        is_killed(&scenario, &proxy, &arguments, requests);
        half += usize::from(
            !matches!(scenario.services().as_slice(), [one] if one["Spec"]["Mode"]["Replicated"]["Replicas"] == 1),
        );
        scenario.applies(&["--replace-volumes", "--yes"]).ends_with(0);
        has(&format!("{size}m"));
        scenario.plans(&["--replace-volumes"]).is_empty();
    }
    assert!(half >= 2, "only {half} kills met a server that was half replaced");
    scenario.destroys_all().ends_with(0);
    assert_eq!(volumes(&scenario), []);
}
