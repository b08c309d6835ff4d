//! Nobody's values reach another's server.

use proptest::prelude::*;
use serde_json::{Value, json};
use swarmgen::emit::engine::{NoIds, body};
use swarmgen::emit::{ApiVersion, template};
use swarmgen::ir::Service;
use swarmgen::resolve::Request;

use super::world::{Memory, cases, load, stack, told};

/// What is only one user's: found by its text in whatever comes out.
fn canary(user: usize, attribute: &str) -> String {
    format!("cnry-{user}-{attribute}-q")
}

fn name(user: usize, form: usize) -> String {
    match form {
        0 => format!("u{user}"),
        1 => "u".repeat(user + 1),
        2 => format!("{}@x.org", "ab".repeat(user + 1)),
        _ => format!("ü {user}"),
    }
}

/// A config where users come from everywhere and use what is theirs everywhere.
fn world(forms: &[usize]) -> Memory {
    let mut of_file = Vec::new();
    let mut of_config = serde_json::Map::new();
    for (user, form) in forms.iter().enumerate() {
        let attributes = json!({
            "name": name(user, form % 4), "dir": canary(user, "dir"), "mail": canary(user, "mail"),
            "password": canary(user, "password"), "api_token": canary(user, "token"),
            "groups": if form % 3 == 0 { "g" } else { "" },
        });
        let key = name(user, form % 4);
        let overrides =
            json!({"container_spec": {"env": {"OWN": canary(user, "own")}}, "labels": {"own": canary(user, "label")}});
        if form % 2 == 0 {
            of_file.push(attributes);
            of_config.insert(key, json!({"overrides": overrides}));
        } else {
            let mut attributes = attributes;
            attributes.as_object_mut().unwrap().remove("name");
            attributes["overrides"] = overrides;
            attributes["groups"] = if form % 3 == 0 { json!(["g"]) } else { json!([]) };
            of_config.insert(key, attributes);
        }
    }
    let config = json!({
        "networks": ["hub"], "users_file": "users.json", "users": of_config,
        "container_spec": {
            "env": {"MAIL": "<mail>", "TOKEN": "{api_token}", "HASH": "{{ api_token|sha256 }}", "BOTH": "{{ dir ~ mail }}"},
            "labels": {"mail": "{mail}"},
            "mounts": [
                {"source": "home-{name}", "target": "/home", "labels": {"dir": "{dir}"}},
                {"type": "sshfs", "source": "ssh-{name}", "target": "/ssh", "sshcmd": "{name}@h:{dir}"},
            ],
        },
        "labels": {"dir": "{dir}"},
        "images": [
            {"name": "G", "image": "a/b:1", "access": ["group:g"], "env": {"G": "{mail}"}},
            {"name": "P", "image": "a/b:1"},
        ],
    });
    Memory::with("swarmgen.json", config.to_string()).and("users.json", Value::from(of_file).to_string())
}

fn all(world: &Memory) -> Vec<Service> {
    let services = load(world, &["swarmgen.json"], |compiler, diagnostics, sources| {
        let users = (0..compiler.roster.len()).map(|index| compiler.roster.user(index));
        let services: Vec<Option<Service>> =
            users.map(|user| Some(compiler.resolve(&user, &Request::default(), diagnostics)?.service)).collect();
        services.into_iter().collect::<Option<Vec<_>>>().ok_or_else(|| told(diagnostics, sources))
    });
    services.unwrap_or_else(|told| panic!("{told}")).unwrap_or_else(|told| panic!("{told}"))
}

/// Whose canaries a text holds.
fn whose(text: &str, users: usize) -> Vec<usize> {
    (0..users).filter(|user| text.contains(&format!("cnry-{user}-"))).collect()
}

fn whose_label(service: &Service, forms: &[usize]) -> usize {
    let label = service.labels.iter().find(|(key, _)| &**key == "swarmgen.user").unwrap().1.expose().to_owned();
    (0..forms.len()).find(|user| name(*user, forms[*user] % 4) == label).unwrap()
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn values_stay_with_their_user(forms in proptest::collection::vec(0_usize..12, 2..9)) {
        let services = all(&world(&forms));
        prop_assert_eq!(services.len(), forms.len());
        for service in &services {
            let user = whose_label(service, &forms);
            let alone = stack(std::slice::from_ref(service));
            prop_assert_eq!(whose(&alone, forms.len()), [user]);
            for attribute in ["dir", "mail", "password", "token", "own", "label"] {
                prop_assert!(alone.contains(&canary(user, attribute)), "{} is lost", attribute);
            }
            let spec = body(service, ApiVersion::V1_41, &NoIds).unwrap();
            prop_assert_eq!(whose(&spec.to_string(), forms.len()), [user]);
            let entry = template::Entry { service, spec: Some(spec) };
            let templated = template::render("t", "{{ services|tojson }}{{ spec|tojson }}", &[entry]).unwrap();
            prop_assert_eq!(whose(&templated, forms.len()), [user]);
        }
        let stack: Value = serde_yaml::from_str(&stack(&services)).unwrap();
        let blocks = stack["services"].as_object().unwrap();
        prop_assert_eq!(blocks.len(), forms.len());
        let mut volumes = 0;
        for service in &services {
            let user = whose_label(service, &forms);
            let block = &blocks[&*service.name];
            prop_assert_eq!(whose(&block.to_string(), forms.len()), [user]);
            for mount in block["volumes"].as_array().unwrap() {
                let volume = &stack["volumes"][mount["source"].as_str().unwrap()];
                prop_assert_eq!(whose(&volume.to_string(), forms.len()), [user]);
                volumes += 1;
            }
        }
        prop_assert_eq!(stack["volumes"].as_object().unwrap().len(), volumes);
    }

    #[test]
    fn a_users_service_does_not_depend_on_the_others(
        (forms, order) in proptest::collection::vec(0_usize..12, 2..9)
            .prop_flat_map(|forms| { let all: Vec<usize> = (0..forms.len()).collect(); (Just(forms), Just(all).prop_shuffle()) })
    ) {
        let world = world(&forms);
        let mut moved = world.clone();
        let shuffle = |text: &str| -> Value {
            let Value::Array(items) = serde_json::from_str(text).unwrap() else { panic!("a list") };
            let mut items: Vec<(usize, Value)> = items.into_iter().enumerate().collect();
            items.sort_by_key(|(index, _)| order.get(*index).copied());
            items.into_iter().map(|(_, item)| item).collect()
        };
        let file = moved.files.get_mut(std::path::Path::new("users.json")).unwrap();
        *file = shuffle(file).to_string();
        let text = moved.files.get_mut(std::path::Path::new("swarmgen.json")).unwrap();
        let mut config: Value = serde_json::from_str(text).unwrap();
        let users = config["users"].as_object().unwrap().clone();
        config["users"] = users.into_iter().rev().collect::<serde_json::Map<_, _>>().into();
        *text = config.to_string();
        let by_name = |mut services: Vec<Service>| {
            services.sort_by(|a, b| a.name.cmp(&b.name));
            services
        };
        prop_assert_eq!(by_name(all(&world)), by_name(all(&moved)));
    }
}
