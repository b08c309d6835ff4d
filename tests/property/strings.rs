//! Every output says the strings that were meant.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};
use swarmgen::emit::engine::{NoIds, body};
use swarmgen::emit::{ApiVersion, cli};
use swarmgen::ir::Service;
use swarmgen::resolve::Request;
use swarmgen::source::{Author, Entry, Node, SourceMap, Span};

use super::fake_engine::{FakeEngine, run};
use super::readers::{arguments, pyyaml, record, words};
use super::text::{Go, go, hostile, push_literal, without_placeholders};
use super::world::{Memory, cases, load, service, stack, told};

/// A piece of a config string.
#[derive(Clone, Debug)]
enum Piece {
    Plain(String),
    /// `{zz_N}`.
    Braces(usize),
    /// `<zz_N>`.
    Angle(usize),
    /// `{{ zz_N }}`.
    Expression(usize),
    /// Swarm's own; only where Swarm expands it.
    Swarm,
}

/// The places that strings stand in, and whether Swarm expands them there (swarm-facts 4).
const PLACES: [(&str, bool); 14] = [
    ("arg", false),
    ("command", false),
    ("env", true),
    ("label", false),
    ("service label", false),
    ("volume label", true),
    ("driver option", true),
    ("health", false),
    ("log option", false),
    ("target", true),
    ("source", true),
    ("hostname", true),
    ("sshfs credential", true),
    ("sshfs option", true),
];

/// A config whose strings are pieces, one for each place, and the literal values that they name.
#[derive(Clone, Debug)]
struct Case {
    user: String,
    /// From a users file, from `--set`, and from a secret's file, variable and command.
    values: Vec<String>,
    strings: Vec<Vec<Piece>>,
    /// The key of the labels and of the variable.
    key: String,
}

/// How many of the values are no secrets.
const PUBLIC: usize = 2;
const SWARM: &str = "{{ .Node.Hostname }}";

fn pieces(values: usize, swarm: bool) -> impl Strategy<Value = Vec<Piece>> {
    let piece = prop_oneof![
        4 => without_placeholders().prop_map(Piece::Plain),
        2 => (0..values).prop_map(Piece::Braces),
        1 => (0..values).prop_map(Piece::Angle),
        1 => (0..values).prop_map(Piece::Expression),
        1 => Just(if swarm { Piece::Swarm } else { Piece::Braces(0) }),
    ];
    proptest::collection::vec(piece, 0..5).prop_map(|pieces| {
        let mut apart: Vec<Piece> = Vec::new();
        for piece in pieces {
            match (apart.last_mut(), piece) {
                // Two plain ones could make a placeholder together.
                (Some(Piece::Plain(_)), Piece::Plain(_)) => {}
                // A brace before braces makes others of them, and `$` only escapes the single ones.
                (Some(Piece::Plain(before)), piece) => {
                    let ends: &[char] = if matches!(piece, Piece::Braces(_)) { &['{'] } else { &['{', '$', '<'] };
                    *before = before.trim_end_matches(ends).to_owned();
                    apart.push(piece);
                }
                (_, piece) => apart.push(piece),
            }
        }
        apart
    })
}

fn case(secrets: bool) -> impl Strategy<Value = Case> {
    let values = if secrets { 5 } else { PUBLIC };
    let strings: Vec<_> = PLACES.iter().map(|(_, expanded)| pieces(values, *expanded).boxed()).collect();
    let user = hostile().prop_filter("a record has a name", |name| !name.trim().is_empty());
    let key = if secrets { hostile().boxed() } else { Just(String::new()).boxed() };
    (user, proptest::collection::vec(hostile(), values), strings, key).prop_map(|(user, values, strings, key)| Case {
        user,
        values,
        strings,
        key: format!("k{}", key.replace('=', "")),
    })
}

impl Case {
    /// The string as the config writes it.
    fn written(&self, place: &str) -> String {
        let index = PLACES.iter().position(|(known, _)| *known == place).unwrap();
        let text: String = self.strings[index]
            .iter()
            .map(|piece| match piece {
                Piece::Plain(text) => text.clone(),
                Piece::Braces(value) => format!("{{zz_{value}}}"),
                Piece::Angle(value) => format!("<zz_{value}>"),
                Piece::Expression(value) => format!("{{{{ zz_{value} }}}}"),
                Piece::Swarm => SWARM.to_owned(),
            })
            .collect();
        format!("{}{text}", Self::prefix(place))
    }

    /// Paths start with something that no rule is against.
    fn prefix(place: &str) -> &'static str {
        match place {
            "target" => "/t/",
            "source" => "/s/s",
            "health" => "true ",
            "hostname" => "h",
            "sshfs credential" => "/k/",
            _ => "",
        }
    }

    /// What its sshfs mount logs in with: no command shows a password.
    fn credential(&self) -> &'static str {
        if self.values.len() > PUBLIC { "password" } else { "identity_file" }
    }

    /// A value as it is meant: one line break at the end of a secret's file is no part of the secret.
    fn value(&self, index: usize) -> &str {
        let value = self.values[index].as_str();
        if index != 2 {
            return value;
        }
        let line = value.strip_suffix('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
        line.unwrap_or(value)
    }

    /// What the string means, by docs/templates.md.
    fn meant(&self, place: &str) -> Vec<Go> {
        let index = PLACES.iter().position(|(known, _)| *known == place).unwrap();
        let mut parts = Vec::new();
        push_literal(&mut parts, Self::prefix(place));
        let mut after_dollar = false;
        for piece in &self.strings[index] {
            match piece {
                Piece::Plain(text) => push_literal(&mut parts, text),
                Piece::Braces(value) if after_dollar => push_literal(&mut parts, &format!("{{zz_{value}}}")),
                Piece::Braces(value) | Piece::Angle(value) | Piece::Expression(value) => {
                    push_literal(&mut parts, self.value(*value));
                }
                Piece::Swarm => parts.push(Go::Action(" .Node.Hostname ".to_owned())),
            }
            after_dollar = matches!(piece, Piece::Plain(text) if text.ends_with('$'));
        }
        parts
    }

    fn world(&self) -> Memory {
        let (key, credential) = (&self.key, self.credential());
        let written = |place| Value::from(self.written(place));
        let mut defaults = serde_json::Map::new();
        let references = [json!({"file": "secret"}), json!({"env": "SECRET"}), json!({"command": ["secret"]})];
        for (index, reference) in references.into_iter().enumerate().take(self.values.len() - PUBLIC) {
            defaults.insert(format!("zz_{}", index + PUBLIC), reference);
        }
        let config = json!({
            "networks": ["hub"], "users_file": "users.json", "user_defaults": defaults,
            // No user has it otherwise, so that it is declared.
            "user_format_attributes": ["zz_1"],
            "images": [{"name": "P", "image": "a/b:1"}],
            "container_spec": {
                "args": ["first", written("arg")],
                "command": ["first", written("command")],
                "env": {key: written("env")},
                "labels": {key: written("label")},
                "healthcheck": {"test": written("health")},
                "hostname": written("hostname"),
                "mounts": [
                    {"source": "home-{name}", "target": "/home", "labels": {key: written("volume label")},
                     "driver_config": {"name": "local", "options": {key: written("driver option")}}},
                    {"type": "bind", "source": written("source"), "target": written("target")},
                    {"type": "sshfs", "source": "ssh-{name}", "target": "/ssh", "sshcmd": "u@h:",
                     credential: written("sshfs credential"), "options": {key: written("sshfs option")}},
                ],
            },
            "labels": {key: written("service label")},
            "log_driver": {"name": "json-file", "options": {key: written("log option")}},
            "lints": {"bind-by-username": "allow"},
        });
        let users = json!([{"name": self.user, "zz_0": self.values[0]}]);
        let mut world = Memory::with("swarmgen.json", config.to_string()).and("users.json", users.to_string());
        let secret = |index: usize| self.values.get(PUBLIC + index).cloned().unwrap_or_default();
        world = world.and("secret", secret(0));
        world.variables.insert("SECRET".to_owned(), secret(1));
        world.outputs.insert("secret".to_owned(), secret(2));
        world
    }

    fn service(&self) -> Result<Service, String> {
        load(&self.world(), &["swarmgen.json"], |compiler, diagnostics, sources| {
            let id = sources.add("--set", "", Author::Data, self.values[1].clone());
            let span = Span::new(id, 0, 0);
            let value = Node::string(span, Arc::<str>::from(self.values[1].as_str()));
            let set = [Entry { key: "zz_1".into(), key_span: span, value }];
            let request = Request { set: &set, ..Request::default() };
            let user = compiler.user(&self.user, diagnostics).unwrap();
            let server = compiler.resolve(&user, &request, diagnostics);
            server.map(|server| server.service).ok_or_else(|| told(diagnostics, sources))
        })?
    }

    /// The case's service; `None` where a rule is against one of its paths.
    fn fair_service(&self) -> Option<Service> {
        match self.service() {
            Ok(service) => Some(service),
            Err(told) => {
                // What leads a bind's source elsewhere is refused.
                let codes = told.lines().filter_map(|line| line.strip_prefix("error["));
                assert!(codes.clone().count() > 0 && codes.clone().all(|line| line.starts_with("SG314")), "{told}");
                None
            }
        }
    }

    fn check(&self, output: &str, read: &BTreeMap<&'static str, String>) {
        assert_eq!(read.len(), PLACES.len(), "{output}");
        for (place, expanded) in PLACES {
            let read = &read[place];
            if expanded {
                assert_eq!(go(read), self.meant(place), "{output}: {place}: {read:?} in {self:?}");
            } else {
                let meant = self.meant(place);
                let ([] | [Go::Literal(_)]) = meant.as_slice() else { panic!("no action there") };
                let meant = meant.into_iter().map(|part| match part {
                    Go::Literal(text) | Go::Action(text) => text,
                });
                assert_eq!(*read, meant.collect::<String>(), "{output}: {place} in {self:?}");
            }
        }
    }

    /// What a service's body says in each place.
    fn in_body(&self, spec: &Value) -> BTreeMap<&'static str, String> {
        let container = &spec["TaskTemplate"]["ContainerSpec"];
        let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("no text: {value} in {spec}")).to_owned();
        let key = self.key.as_str();
        let variable = container["Env"].as_array().unwrap().iter().map(text).find_map(|entry| {
            let (name, value) = entry.split_once('=')?;
            (name == key).then(|| value.to_owned())
        });
        let volume = &container["Mounts"][0]["VolumeOptions"];
        let sshfs = &container["Mounts"][2]["VolumeOptions"]["DriverConfig"]["Options"];
        BTreeMap::from([
            ("arg", text(&container["Args"][1])),
            ("command", text(&container["Command"][1])),
            ("env", variable.unwrap_or_else(|| panic!("no variable {key:?} in {spec}"))),
            ("label", text(&container["Labels"][key])),
            ("service label", text(&spec["Labels"][key])),
            ("volume label", text(&volume["Labels"][key])),
            ("driver option", text(&volume["DriverConfig"]["Options"][key])),
            ("health", text(&container["Healthcheck"]["Test"][1])),
            ("log option", text(&spec["TaskTemplate"]["LogDriver"]["Options"][key])),
            ("target", text(&container["Mounts"][1]["Target"])),
            ("source", text(&container["Mounts"][1]["Source"])),
            ("hostname", text(&container["Hostname"])),
            ("sshfs credential", text(&sshfs[self.credential()])),
            ("sshfs option", text(&sshfs[key])),
        ])
    }

    /// What a stack says in each place, `$$` being Compose's `$`.
    fn in_stack(&self, stack: &Value) -> BTreeMap<&'static str, String> {
        let services = stack["services"].as_object().unwrap();
        let service =
            services.values().find(|service| service["deploy"]["labels"]["swarmgen.user"] == doubled(&self.user));
        let service = service.unwrap();
        let text = |value: &Value| {
            let text = value.as_str().unwrap_or_else(|| panic!("no text: {value} in {service}"));
            assert!(!text.replace("$$", "").contains('$'), "a single `$` in {text:?}");
            text.replace("$$", "$")
        };
        let key = &*self.key;
        let environment = &service["environment"];
        let variable = match environment.get(key) {
            Some(value) => text(value),
            // An empty value is a key that ends in `=` and has none.
            None => {
                assert_eq!(environment.get(format!("{key}=")), Some(&Value::Null), "{service}");
                String::new()
            }
        };
        let volume = |index: usize| &stack["volumes"][service["volumes"][index]["source"].as_str().unwrap()];
        let (volume, sshfs) = (volume(0), &volume(2)["driver_opts"]);
        BTreeMap::from([
            ("arg", text(&service["command"][1])),
            ("command", text(&service["entrypoint"][1])),
            ("env", variable),
            ("label", text(&service["labels"][key])),
            ("service label", text(&service["deploy"]["labels"][key])),
            ("volume label", text(&volume["labels"][key])),
            ("driver option", text(&volume["driver_opts"][key])),
            ("health", text(&service["healthcheck"]["test"][1])),
            ("log option", text(&service["logging"]["options"][key])),
            ("target", text(&service["volumes"][1]["target"])),
            ("source", text(&service["volumes"][1]["source"])),
            ("hostname", text(&service["hostname"])),
            ("sshfs credential", text(&sshfs[self.credential()])),
            ("sshfs option", text(&sshfs[key])),
        ])
    }

    /// What the arguments of `docker service create` say in each place.
    fn in_arguments(&self, arguments: &[String]) -> BTreeMap<&'static str, String> {
        let of = |flag: &str, prefix: &str| -> String {
            let mut pairs = arguments.windows(2).filter(|pair| pair[0] == flag);
            let found = pairs.find_map(|pair| pair[1].strip_prefix(prefix));
            found.unwrap_or_else(|| panic!("no {flag} {prefix}: {arguments:?}")).to_owned()
        };
        let mounts = arguments.windows(2).filter(|pair| pair[0] == "--mount").map(|pair| record(&pair[1]));
        let mounts: Vec<Vec<String>> = mounts.collect();
        let field = |mount: usize, prefix: &str| -> String {
            let found = mounts[mount].iter().find_map(|field| field.strip_prefix(prefix));
            found.unwrap_or_else(|| panic!("no {prefix}: {mounts:?}")).to_owned()
        };
        let key = &*self.key;
        let entrypoint = words(&of("--entrypoint", ""));
        BTreeMap::from([
            ("arg", arguments.last().unwrap().clone()),
            ("command", entrypoint[1].clone()),
            ("env", of("--env", &format!("{key}="))),
            ("label", of("--container-label", &format!("{key}="))),
            ("service label", of("--label", &format!("{key}="))),
            ("volume label", field(0, &format!("volume-label={key}="))),
            ("driver option", field(0, &format!("volume-opt={key}="))),
            ("health", of("--health-cmd", "")),
            ("log option", of("--log-opt", &format!("{key}="))),
            ("target", field(1, "target=")),
            ("source", field(1, "source=")),
            ("hostname", of("--hostname", "")),
            ("sshfs credential", field(2, &format!("volume-opt={}=", self.credential()))),
            ("sshfs option", field(2, &format!("volume-opt={key}="))),
        ])
    }
}

fn doubled(text: &str) -> String {
    text.replace('$', "$$")
}

proptest! {
    #![proptest_config(cases(12))]

    #[test]
    fn stacks_and_bodies_say_what_was_meant(all in proptest::collection::vec(case(true), 30)) {
        let mut stacks = Vec::new();
        let mut kept = Vec::new();
        for case in all {
            let Some(service) = case.fair_service() else { continue };
            case.check("service", &case.in_body(&body(&service, ApiVersion::V1_41, &NoIds).unwrap()));
            stacks.push(stack(std::slice::from_ref(&service)));
            kept.push((case, service));
        }
        for (((case, _), yaml), python) in kept.iter().zip(&stacks).zip(pyyaml(&stacks)) {
            let read: Value = serde_yaml::from_str(yaml).unwrap();
            case.check("stack", &case.in_stack(&read));
            prop_assert_eq!(python, read);
        }
    }

    #[test]
    fn a_deployed_stack_says_what_was_meant(all in proptest::collection::vec(case(true), 12)) {
        let engine = FakeEngine::start();
        let mut by_name: BTreeMap<String, (Case, Service)> = BTreeMap::new();
        for case in all {
            if let Some(service) = case.fair_service() {
                by_name.insert(format!("st_{}", service.name), (case, service));
            }
        }
        let services: Vec<Service> = by_name.values().map(|(_, service)| service.clone()).collect();
        let file = engine.file("stack.yml", stack(&services).as_bytes());
        let mut docker = engine.command("docker");
        run(docker.args(["stack", "config", "-c"]).arg(&file).env("HOME", "/nobody"));
        let mut docker = engine.command("docker");
        docker.args(["stack", "deploy", "--detach=true", "--resolve-image", "never", "-c"]).arg(&file).arg("st");
        // What the deployer's environment says is no part of what was meant.
        run(docker.env("k", "leaked").env("HOME", "leaked").env("SECRET", "leaked"));
        let created = engine.take();
        prop_assert_eq!(created.len(), services.len());
        for spec in created {
            let (case, _) = &by_name[spec["Name"].as_str().unwrap()];
            case.check("deployed", &case.in_body(&spec));
        }
    }

    #[test]
    fn commands_say_what_was_meant(all in proptest::collection::vec(case(false), 30)) {
        let mut commands = Vec::new();
        let mut kept = Vec::new();
        for case in all {
            let Some(service) = case.fair_service() else { continue };
            match cli::command(&service, ApiVersion::V1_41) {
                Ok(command) => {
                    commands.push(command);
                    kept.push(case);
                }
                Err(refused) => {
                    // `--mount` is a record, in which a line end of two characters becomes one.
                    let record =
                        ["volume label", "driver option", "target", "source", "sshfs credential", "sshfs option"];
                    let returns = record.iter().any(|place| format!("{:?}", case.meant(place)).contains("\\r"));
                    prop_assert!(returns, "{refused:?}");
                }
            }
        }
        let read = arguments(&commands);
        prop_assert_eq!(read.len(), kept.len());
        for (case, arguments) in kept.iter().zip(read) {
            case.check("cli", &case.in_arguments(&arguments));
        }
    }

    /// The hub's environment is literal too, whatever it holds.
    #[test]
    fn the_hubs_environment_arrives(values in proptest::collection::vec(hostile(), 1..6), secret in hostile()) {
        let config = json!({"networks": ["hub"], "container_spec": {"image": "a/b:1"}});
        let world = Memory::with("swarmgen.json", config.to_string());
        let mut hub: BTreeMap<String, String> =
            values.into_iter().enumerate().map(|(index, value)| (format!("V{index}"), value)).collect();
        hub.insert("JUPYTERHUB_API_TOKEN".to_owned(), secret);
        let service = load(&world, &["swarmgen.json"], |compiler, diagnostics, sources| {
            let node = super::world::data(sources, &json!(hub));
            let entries = node.as_map().unwrap().entries.clone();
            let user = compiler.user("u", diagnostics).unwrap();
            let request = Request { hub_env: &entries, ..Request::default() };
            compiler.resolve(&user, &request, diagnostics).map(|server| server.service)
        }).unwrap().unwrap();
        for (name, meant) in &hub {
            let (_, read) = service.container.env.iter().find(|(own, _)| **own == **name).unwrap();
            let mut parts = Vec::new();
            push_literal(&mut parts, meant);
            prop_assert_eq!(go(read.expose()), parts);
        }
    }
}

/// What of an sshfs mount is no place above: where it leads, which has a form, and the user's own credential.
#[test]
fn an_sshfs_mount_says_what_was_meant_of_its_user() {
    let value = "a{{ .Node.ID }}b{{`$x";
    for credential in ["password", "identity_file"] {
        let config = json!({
            "networks": ["hub"], "users_file": "users.json", "images": [{"name": "P", "image": "a/b:1"}],
            "container_spec": {"mounts": [
                {"type": "sshfs", "source": "ssh-{name}", "target": "/ssh", "sshcmd": "u@h:{zz}"},
            ]},
        });
        let users = json!([{"name": "u", "zz": value, credential: value}]);
        let world = Memory::with("swarmgen.json", config.to_string()).and("users.json", users.to_string());
        let service = service(&world, &["swarmgen.json"], "u", &Request::default()).unwrap();
        let spec = body(&service, ApiVersion::V1_41, &NoIds).unwrap();
        let mount = &spec["TaskTemplate"]["ContainerSpec"]["Mounts"][0];
        let options = &mount["VolumeOptions"]["DriverConfig"]["Options"];
        for (option, meant) in [("sshcmd", format!("u@h:{value}")), (credential, value.to_owned())] {
            assert_eq!(go(options[option].as_str().unwrap()), [Go::Literal(meant)], "{option}");
        }
    }
}

/// A NUL can stand in no argument and no variable, so it is refused wherever it comes from.
#[test]
fn nul_is_refused() {
    for index in 0..5 {
        for place in 0..PLACES.len() {
            let mut strings = vec![Vec::new(); PLACES.len()];
            strings[place] = vec![Piece::Braces(index)];
            let mut values = vec!["v".to_owned(); 5];
            values[index] = "a\0b".to_owned();
            let case = Case { user: "u".to_owned(), values, strings, key: "k".to_owned() };
            let told = case.service().map(|service| format!("{service:?}")).unwrap_err();
            assert!(told.contains("NUL"), "{:?}: {told}", PLACES[place]);
        }
    }
}

#[test]
fn nul_from_the_hub_is_refused() {
    let world =
        Memory::with("swarmgen.json", json!({"networks": ["hub"], "container_spec": {"image": "a/b:1"}}).to_string());
    for hub in [json!({"V": "a\0b"}), json!({"V\0": "a"}), json!({"": "a"}), json!({"V=": "a"})] {
        let resolved = load(&world, &["swarmgen.json"], |compiler, diagnostics, sources| {
            let entries = super::world::data(sources, &hub).as_map().unwrap().entries.clone();
            let user = compiler.user("u", diagnostics).unwrap();
            let request = Request { hub_env: &entries, ..Request::default() };
            compiler.resolve(&user, &request, diagnostics).is_some()
        });
        assert_eq!(resolved, Ok(false), "{hub}");
    }
}

#[test]
fn a_megabyte_is_a_string_like_any_other() {
    let engine = FakeEngine::start();
    let mut yaml = Vec::new();
    let mut read = Vec::new();
    let mut check = |place: &str, value: String, strings: Vec<Vec<Piece>>| {
        let mut values = vec![String::new(); 5];
        values[2] = value;
        let case = Case { user: "u".to_owned(), values, strings, key: "k".to_owned() };
        let service = case.service().unwrap();
        case.check("service", &case.in_body(&body(&service, ApiVersion::V1_41, &NoIds).unwrap()));
        let refused = cli::command(&service, ApiVersion::V1_41).unwrap_err();
        assert!(!refused.is_empty(), "{place}");
        yaml.push(stack(&[service]));
        let text = yaml.last().unwrap();
        let one: Value = serde_yaml::from_str(text).unwrap();
        case.check("stack", &case.in_stack(&one));
        read.push(one);
        let deployed = engine.deploy(text.as_bytes());
        case.check("deployed", &case.in_body(&deployed[0]));
    };
    // The engine takes no two of them in one service; where Swarm expands templates, braces take more.
    for (place, length) in [("label", 1_000_000), ("service label", 1_000_000), ("driver option", 600_000)] {
        let mut value = format!("x{}", "é{{$'\"\\\n".repeat(120_000));
        value.truncate(length);
        check(place, value, only(place, &Piece::Braces(2)));
    }
    let own = "é$'\"\\\n #".repeat(111_112);
    check("label", String::new(), only("label", &Piece::Plain(own)));
    assert_eq!(pyyaml(&yaml), read);
}

/// One piece, at one place.
fn only(place: &str, piece: &Piece) -> Vec<Vec<Piece>> {
    let pieces = |own: &str| if own == place { vec![piece.clone()] } else { Vec::new() };
    PLACES.iter().map(|(own, _)| pieces(own)).collect()
}

/// The kernel hands no process a word or a variable of 128 KiB, so it is refused from everywhere.
#[test]
fn too_long_words_and_variables_are_refused() {
    // What stands before the value counts.
    for (place, before) in [("env", "k="), ("arg", ""), ("command", ""), ("health", "true ")] {
        let most = 131_071 - before.len();
        for (length, fits) in [(most, true), (most + 1, false), (1_000_000, false)] {
            let mut values = vec![String::new(); 5];
            values[0] = "x".repeat(length);
            let strings = only(place, &Piece::Braces(0));
            let case = Case { user: "u".to_owned(), values, strings, key: "k".to_owned() };
            assert_eq!(case.service().is_ok(), fits, "{place}: {length}");
        }
    }
    let world =
        Memory::with("swarmgen.json", json!({"networks": ["hub"], "container_spec": {"image": "a/b:1"}}).to_string());
    let resolved = load(&world, &["swarmgen.json"], |compiler, diagnostics, _| {
        let hub = SourceMap::new();
        let entries = super::world::data(&hub, &json!({"V": "x".repeat(200_000)})).as_map().unwrap().entries.clone();
        let user = compiler.user("u", diagnostics).unwrap();
        compiler.resolve(&user, &Request { hub_env: &entries, ..Request::default() }, diagnostics).is_some()
    });
    assert_eq!(resolved, Ok(false));
}
