//! Nobody's values reach another's server.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};
use swarmgen::emit::engine::{NoIds, body};
use swarmgen::emit::{ApiVersion, cli, template};
use swarmgen::ir::Service;
use swarmgen::resolve::Request;

use super::text::{hostile, without_placeholders};
use super::world::{Memory, cases, load, stack, told};

/// What only one user has, each with a text of its own.
const ATTRIBUTES: [&str; 6] = ["dir", "mail", "password", "token", "own", "label"];

/// What is only one user's: found by its text in whatever comes out.
fn canary(user: usize, attribute: &str) -> String {
    format!("cnry-{user}-{attribute}-q")
}

/// A user of a world, by where and how it is listed.
#[derive(Clone, Debug)]
struct Person {
    form: usize,
    name: String,
    /// What stands before each value in a users file, and in the config, where templates would be filled in.
    before: (String, String),
}

impl Person {
    fn is_in_file(&self) -> bool {
        self.form.is_multiple_of(2)
    }

    /// A value of the user's own, as the users file or the config says it.
    fn value(&self, user: usize, attribute: &str) -> String {
        let (in_file, in_config) = &self.before;
        let is_in_file = self.is_in_file() && !["own", "label"].contains(&attribute);
        format!("{}{}", if is_in_file { in_file } else { in_config }, canary(user, attribute))
    }

    /// A value where line breaks mean something.
    fn line(&self, user: usize, attribute: &str) -> String {
        self.value(user, attribute).replace(['\n', '\r'], " ")
    }
}

/// Names that contain each other, and any text before them and before the values.
fn people() -> impl Strategy<Value = Vec<Person>> {
    let before_name = prop_oneof![Just(String::new()), hostile()];
    let person = (0_usize..12, before_name, hostile(), without_placeholders());
    let people = proptest::collection::vec(person, 2..9).prop_map(|all| {
        let numbered = all.into_iter().enumerate();
        let people = numbered.map(|(user, (form, before_name, in_file, in_config))| {
            let name = match form % 4 {
                0 => format!("u{user}"),
                1 => "u".repeat(user + 1),
                2 => format!("{}@x.org", "ab".repeat(user + 1)),
                _ => format!("ü {user}"),
            };
            Person { form, name: before_name + &name, before: (in_file, in_config) }
        });
        people.collect::<Vec<Person>>()
    });
    people.prop_filter("nobody is listed twice", |people| {
        people.iter().map(|person| &person.name).collect::<BTreeSet<_>>().len() == people.len()
    })
}

/// A config where users come from everywhere and use what is theirs everywhere; no command takes secrets.
fn world(people: &[Person], secrets: bool) -> Memory {
    let (credential, token) = if secrets { ("password", "api_token") } else { ("identity_file", "code") };
    let mut of_file = Vec::new();
    let mut of_config = serde_json::Map::new();
    for (user, person) in people.iter().enumerate() {
        let is_in_group = person.form % 3 == 0;
        let mut attributes = json!({
            "dir": person.line(user, "dir"), "mail": person.value(user, "mail"),
            credential: person.line(user, "password"), token: person.value(user, "token"),
        });
        let overrides = json!({
            "container_spec": {"env": {"OWN": person.value(user, "own")}},
            "labels": {"own": person.value(user, "label")},
        });
        if person.is_in_file() {
            attributes["name"] = Value::from(person.name.as_str());
            attributes["groups"] = Value::from(if is_in_group { "g" } else { "" });
            of_file.push(attributes);
            of_config.insert(person.name.clone(), json!({"overrides": overrides}));
        } else {
            attributes["overrides"] = overrides;
            attributes["groups"] = if is_in_group { json!(["g"]) } else { json!([]) };
            of_config.insert(person.name.clone(), attributes);
        }
    }
    let variable = token.to_uppercase();
    let config = json!({
        "networks": ["hub"], "users_file": "users.json", "users": of_config,
        "container_spec": {
            "env": {
                "MAIL": "<mail>", "BOTH": "{{ dir ~ mail }}",
                "HASH": format!("{{{{ {token}|sha256 }}}}"), variable: format!("{{{token}}}"),
            },
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

fn whose_label(service: &Service, people: &[Person]) -> usize {
    let label = service.labels.iter().find(|(key, _)| &**key == "swarmgen.user").unwrap().1.expose();
    people.iter().position(|person| person.name == label).unwrap()
}

/// Where a text stands in a value, as pointers.
fn places(value: &Value, text: &str) -> Vec<String> {
    let within = |key: &str, value: &Value| {
        let own = if key.contains(text) { vec![String::new()] } else { Vec::new() };
        let all = own.into_iter().chain(places(value, text));
        all.map(|below| format!("/{key}{below}")).collect::<Vec<_>>()
    };
    match value {
        Value::String(own) if own.contains(text) => vec![String::new()],
        Value::Array(items) => {
            items.iter().enumerate().flat_map(|(index, item)| within(&index.to_string(), item)).collect()
        }
        Value::Object(fields) => fields.iter().flat_map(|(key, field)| within(key, field)).collect(),
        _ => Vec::new(),
    }
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn values_stay_with_their_user(people in people()) {
        let services = all(&world(&people, true));
        prop_assert_eq!(services.len(), people.len());
        for service in &services {
            let user = whose_label(service, &people);
            let alone = stack(std::slice::from_ref(service));
            prop_assert_eq!(whose(&alone, people.len()), [user]);
            for attribute in ATTRIBUTES {
                prop_assert!(alone.contains(&canary(user, attribute)), "{} is lost", attribute);
            }
            let spec = body(service, ApiVersion::V1_41, &NoIds).unwrap();
            prop_assert_eq!(whose(&spec.to_string(), people.len()), [user]);
            // A secret is in the one place that it was meant for.
            let options = "/TaskTemplate/ContainerSpec/Mounts/1/VolumeOptions/DriverConfig/Options";
            prop_assert_eq!(places(&spec, &canary(user, "password")), [format!("{options}/password")]);
            let variables = places(&spec, &canary(user, "token"));
            prop_assert_eq!(variables.len(), 1, "{:?}", variables);
            prop_assert!(variables[0].starts_with("/TaskTemplate/ContainerSpec/Env/"), "{:?}", variables);
            let entry = template::Entry { service, spec: Some(spec) };
            let templated = template::render("t", "{{ services|tojson }}{{ spec|tojson }}", &[entry]).unwrap();
            prop_assert_eq!(whose(&templated, people.len()), [user]);
        }
        let stack: Value = serde_yaml::from_str(&stack(&services)).unwrap();
        let blocks = stack["services"].as_object().unwrap();
        prop_assert_eq!(blocks.len(), people.len());
        let mut volumes = 0;
        for service in &services {
            let user = whose_label(service, &people);
            let block = &blocks[&*service.name];
            prop_assert_eq!(whose(&block.to_string(), people.len()), [user]);
            for mount in block["volumes"].as_array().unwrap() {
                let volume = &stack["volumes"][mount["source"].as_str().unwrap()];
                prop_assert_eq!(whose(&volume.to_string(), people.len()), [user]);
                volumes += 1;
            }
        }
        prop_assert_eq!(stack["volumes"].as_object().unwrap().len(), volumes);
    }

    #[test]
    fn commands_hold_the_values_of_their_user(people in people()) {
        for service in &all(&world(&people, false)) {
            let user = whose_label(service, &people);
            let command = cli::command(service, ApiVersion::V1_41).unwrap_or_else(|refused| panic!("{refused:?}"));
            prop_assert_eq!(whose(&command, people.len()), [user]);
            for attribute in ATTRIBUTES {
                prop_assert!(command.contains(&canary(user, attribute)), "{} is lost", attribute);
            }
        }
    }

    #[test]
    fn a_users_service_does_not_depend_on_the_others(
        (people, order) in people().prop_flat_map(|people| {
            let all: Vec<usize> = (0..people.len()).collect();
            (Just(people), Just(all).prop_shuffle())
        })
    ) {
        let world = world(&people, true);
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
