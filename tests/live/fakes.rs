//! The fake engine of the other tests answers as a real one does: what it tells is there, of the same type.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::engine::{Engine, run};
use crate::fake_engine::FakeEngine;
use crate::http;
use crate::scenario::Scenario;

type Types = BTreeMap<String, BTreeSet<&'static str>>;

/// The types at each path, which are several where items differ; what is in a list or under names of the user's own is one.
fn types(at: &str, value: &Value, found: &mut Types) {
    let kind = match value {
        // Nothing is told: a list or a table that is empty, say.
        Value::Null => return,
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(items) => {
            items.iter().for_each(|item| types(&format!("{at}/*"), item, found));
            "list"
        }
        Value::Object(fields) => {
            let names_are_the_users = at.ends_with("/Labels");
            for (key, value) in fields {
                let key = if names_are_the_users { "*" } else { key };
                types(&format!("{at}/{key}"), value, found);
            }
            "table"
        }
    };
    found.entry(at.to_owned()).or_default().insert(kind);
}

fn types_of(value: &Value) -> Types {
    let mut found = BTreeMap::new();
    types("", value, &mut found);
    found
}

#[test]
fn the_fake_engine_answers_as_a_real_one() {
    let (fake, scenario) = (FakeEngine::start(), Scenario::new(Engine::shared(), "fakes"));
    let engine = scenario.engine();
    // A service without networks, as the fake's; the scenario's own somebody else has the rest.
    let create = ["service", "create", "--detach", "--name", "fakes-plain", crate::engine::NOTEBOOK];
    run(&mut engine.docker(&create));
    run(&mut engine.docker(&["node", "update", "--label-add", "fakes=yes", "node1"]));
    let fake_socket = std::path::PathBuf::from(fake.address().trim_start_matches("unix://"));
    for path in ["/version", "/info", "/services", "/networks", "/nodes", "/configs", "/secrets", "/volumes"] {
        let (faked, real) = (http::get(&fake_socket, path), http::get(&engine.socket(1), path));
        assert_eq!((faked.status, real.status), (200, 200), "{path}");
        let (faked, real) = (types_of(&faked.json()), types_of(&real.json()));
        let wrong: Vec<String> = faked
            .iter()
            .filter(|(at, kinds)| !real.get(*at).is_some_and(|real| real.is_superset(kinds)))
            .map(|(at, kinds)| format!("{at} is {kinds:?}, not {:?}", real.get(at)))
            .collect();
        assert_eq!(wrong, [""; 0], "{path}");
    }
    run(&mut engine.docker(&["node", "update", "--label-rm", "fakes", "node1"]));

    // What is not there, and what is made.
    let path = "/images/stand-in/notebook:none/json";
    let (faked, real) = (http::get(&fake_socket, path), http::get(&engine.socket(1), path));
    assert_eq!((faked.status, types_of(&faked.json())), (real.status, types_of(&real.json())));
    let here = "/images/stand-in/notebook:serves/json";
    assert_eq!(http::get(&engine.socket(1), here).json()["Id"].as_str().map(|id| &id[..7]), Some("sha256:"));
    let body = json!({"Name": "fakes-made", "Labels": {}, "Data": "c29tZQ=="});
    for kind in ["configs", "secrets"] {
        let path = format!("/{kind}/create");
        let [faked, real] = [&fake_socket, &engine.socket(1)].map(|at| http::ask(at, "POST", &path, Some(&body)));
        assert_eq!((faked.status, types_of(&faked.json())), (real.status, types_of(&real.json())), "{kind}");
    }
    let body = json!({"Name": "fakes-made", "TaskTemplate": {"ContainerSpec": {"Image": crate::engine::NOTEBOOK}}});
    let [faked, real] =
        [&fake_socket, &engine.socket(1)].map(|at| http::ask(at, "POST", "/services/create", Some(&body)));
    assert_eq!((faked.status, &types_of(&faked.json())["/ID"]), (real.status, &types_of(&real.json())["/ID"]));
}
