//! Secrets stand where they belong and nowhere else, least of all in what is said about a damaged config.

use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use proptest::test_runner::{RngAlgorithm, TestRng};
use swarmgen::emit::engine::{NoIds, body};
use swarmgen::emit::{ApiVersion, cli};
use swarmgen::resolve::Request;
use swarmgen::source::{Author, Node, SourceMap, Syntax, Value, parse};

use super::mutations::damaged_once;
use super::world::{Memory, load, service, stack};

/// Every secret of the configs below starts with this and differs after it.
const CANARIES: [&str; 13] = [
    "Kq7vWn3xZt9b",
    "Hs4mPd8yRc2j",
    "Uf6gLk1wQe5z",
    "Nb9tXv2oJa7i",
    "Ym3rCe6sGu8p",
    "Dz5hBw4kVl1q",
    "Tj8nFo7aIx3d",
    "Pe2uMy9cSr6f",
    "Wg1iZq5lOh4v",
    "Rx7bKt3eNd8m",
    "Ca6jUs2pYf9w",
    "Lv4oHg8rEz1k",
    "Oi5dTm7nBc3x",
];
/// So many characters of a secret in a row are too many.
const TOO_MANY: usize = 6;

const TOML: &str = r#"
networks = ["hub"]
lints.not-a-key = "warn"
users_file = "users.csv"
secret_attributes = ["password", "id_rsa", "token", "vault_pin", "*_password", "*_key", "*_token"]

[container_spec.env]
LAB = "{lab_token}"
HOOK = { env = "HOOK" }
API_TOKEN = "Kq7vWn3xZt9b"
MIXED = "user={username};token={token};end"
HASHED = "{{ token|sha256 }}"

[[container_spec.mounts]]
type = "sshfs"
source = "ssh-{name}"
target = "/ssh"
sshcmd = "{username}@h:"

[[container_spec.mounts]]
type = "sshfs"
source = "shared-{name}"
target = "/shared"
sshcmd = "lab@h:"
password = "Hs4mPd8yRc2j"

[[container_spec.mounts]]
type = "volume"
source = "long-{name}"
target = "/long"
driver_config = { name = "ucphhpc/sshfs:latest", options = { sshcmd = "x@h:", id_rsa = """
-----BEGIN OPENSSH PRIVATE KEY-----
Uf6gLk1wQe5z
-----END OPENSSH PRIVATE KEY-----
""" } }

[[images]]
name = "P"
image = "a/b:1"

[user_defaults]
lab_token = "Nb9tXv2oJa7i"
spare_key = { file = "keys/{name}" }
nested = { deep = { api_key = "Ym3rCe6sGu8p" } }

[users.alice]
password = "Dz5hBw4kVl1q"
token = { command = ["cat", "keys/token"] }
overrides.container_spec.env.OWN = "{nested.deep.api_key}"
[users.bob]
id_rsa = { env = "BOB" }
token = "Tj8nFo7aIx3d"
vault_pin = 4711
"#;

const YAML: &str = r#"
lints: {not-a-key: warn}
networks: [hub]
users_file: users.csv
container_spec:
  env:
    LAB: "{lab_token}"
    API_TOKEN: Kq7vWn3xZt9b
    DB_PASSWORD: &db 'Wg1iZq5lOh4v'
    DB_PASSWORD_AGAIN: *db
  mounts:
    - {type: sshfs, source: "ssh-{name}", target: /ssh, sshcmd: "{username}@h:"}
    - type: sshfs
      source: shared-{name}
      target: /shared
      sshcmd: "lab@h:"
      password: Hs4mPd8yRc2j
    - type: sshfs
      source: key-{name}
      target: /key
      sshcmd: "lab@h:"
      id_rsa: |
        -----BEGIN OPENSSH PRIVATE KEY-----
        Uf6gLk1wQe5z
        -----END OPENSSH PRIVATE KEY-----
images:
  - {name: P, image: "a/b:1"}
user_defaults:
  lab_token: Nb9tXv2oJa7i
users:
  alice: {password: Dz5hBw4kVl1q, token: "Rx7bKt3eNd8m"}
  bob:
    id_rsa: >-
      Pe2uMy9cSr6f
    token: Tj8nFo7aIx3d
"#;

const JSON: &str = r#"{
  "networks": ["hub"],
  "lints": {"not-a-key": "warn"},
  "users_file": "users.csv",
  "container_spec": {
    "env": {"LAB": "{lab_token}", "API_TOKEN": "Kq7vWn3xZt9b"},
    "mounts": [
      {"type": "sshfs", "source": "ssh-{name}", "target": "/ssh", "sshcmd": "{username}@h:"},
      {"type": "sshfs", "source": "shared-{name}", "target": "/shared", "sshcmd": "lab@h:", "password": "Hs4mPd8yRc2j"}
    ]
  },
  "images": [{"name": "P", "image": "a/b:1"}],
  "user_defaults": {"lab_token": "Nb9tXv2oJa7i"},
  "users": {"alice": {"password": "Dz5hBw4kVl1q", "token": "Rx7bKt3eNd8m"}, "bob": {"id_rsa": "Pe2uMy9cSr6f", "token": "Tj8nFo7aIx3d"}}
}
"#;

const CSV: &str =
    "name,password,api_token,groups\ncarol,Ca6jUs2pYf9w,Lv4oHg8rEz1k,g\ndave,\"Ca6jUs2pYf9w\",\"Lv4oHg8rEz1k\",\n";
const HUB: &str = "{\n  \"JUPYTERHUB_API_TOKEN\": \"Oi5dTm7nBc3x\",\n  \"JUPYTERHUB_USER\": \"alice\",\n  \"JPY_API_TOKEN\": \"Oi5dTm7nBc3x\"\n}\n";
const DOT_ENV: &str = "JUPYTERHUB_USER=alice\nJUPYTERHUB_API_TOKEN=Oi5dTm7nBc3x\nJPY_API_TOKEN=Oi5dTm7nBc3x\n";

/// Pieces of a secret that a text holds, as they are or encoded.
fn leaks(text: &str) -> Option<String> {
    leaks_but(text, &[])
}

/// The same, apart from some secrets.
fn leaks_but(text: &str, lost: &[&str]) -> Option<String> {
    for canary in CANARIES.into_iter().filter(|canary| !lost.contains(canary)) {
        for start in 0..=canary.len() - TOO_MANY {
            let piece = &canary[start..start + TOO_MANY];
            if text.contains(piece) {
                return Some(format!("{piece} of {canary}"));
            }
        }
        let encoded = base64::engine::general_purpose::STANDARD.encode(canary);
        let percent: String = canary.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let hexed = hex::encode(canary);
        for form in [&encoded[..8], &percent[..18], &hexed[..12]] {
            if text.contains(form) {
                return Some(format!("{form}, which is {canary}"));
            }
        }
    }
    text.contains("4711").then(|| "4711".to_owned())
}

/// Those secrets that nothing calls so any more: a damage moved them under another name.
fn lost(file: &str, text: &str) -> Vec<&'static str> {
    fn visit(node: &Node, lost: &mut Vec<&'static str>) {
        let look = |text: &str, lost: &mut Vec<&'static str>| {
            let pieces = |canary: &str| {
                (0..=canary.len() - TOO_MANY).any(|start| text.contains(&canary[start..start + TOO_MANY]))
            };
            lost.extend(CANARIES.into_iter().filter(|canary| pieces(canary)));
        };
        match &node.value {
            Value::Str(text) => look(text, lost),
            Value::Seq(items) => items.iter().for_each(|item| visit(item, lost)),
            Value::Map(map) => map.iter().for_each(|entry| {
                look(&entry.key, lost);
                let secret =
                    regex::Regex::new("(?i)^(password|id_rsa|token|vault_pin|.*_(password|key|token))$").unwrap();
                if !secret.is_match(&entry.key) || !matches!(entry.value.value, Value::Str(_)) {
                    visit(&entry.value, lost);
                }
            }),
            _ => {}
        }
    }
    let Some(syntax) = Syntax::of_path(Path::new(file)) else { return Vec::new() };
    let sources = SourceMap::new();
    let id = sources.add(file, "", Author::Config, text.to_owned());
    let mut lost = Vec::new();
    if let Ok(tree) = parse(&sources, id, syntax) {
        visit(&tree, &mut lost);
    }
    lost
}

fn write(directory: &Path, name: &str, text: &str) {
    let path = directory.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// The files that the configs refer to.
fn surroundings(directory: &Path) {
    write(directory, "users.csv", CSV);
    write(directory, "hub.json", HUB);
    write(directory, "hub.env", DOT_ENV);
    write(directory, "keys/token", "Rx7bKt3eNd8m");
    for user in ["alice", "bob", "carol", "dave"] {
        write(directory, &format!("keys/{user}"), "Pe2uMy9cSr6f");
    }
}

fn swarmgen(directory: &Path, arguments: &[&str]) -> std::process::Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_swarmgen"));
    command
        .args(arguments)
        .current_dir(directory)
        .env_remove("SWARMGEN_CONFIG")
        .env("HOOK", "Wg1iZq5lOh4v")
        .env("BOB", "Pe2uMy9cSr6f");
    command.output().unwrap()
}

/// Runs a command whose output may tell no secret: it goes to a pipe, and nobody asked to see any.
fn run(directory: &Path, arguments: &[&str], lost: &[&str], damaged: &str) -> bool {
    let output = swarmgen(directory, arguments);
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let code = output.status.code();
    assert!(matches!(code, Some(0 | 1)), "{arguments:?} ended with {code:?}: {stderr}\n{damaged}");
    if let Some(leak) = leaks_but(&stderr, lost) {
        panic!("{arguments:?} tells {leak}:\n{stderr}\nfor:\n{damaged}");
    }
    let told_there = arguments[0] == "validate" && arguments.iter().any(|argument| DOCUMENTS.contains(argument));
    if told_there {
        if let Some(leak) = leaks_but(&stdout, lost) {
            panic!("{arguments:?} tells {leak}:\n{stdout}\nfor:\n{damaged}");
        }
    } else if code == Some(1) {
        assert!(stdout.is_empty(), "{arguments:?} failed and wrote {stdout}");
    }
    code == Some(0)
}

const CASES: [&[&str]; 7] = [
    &["validate"],
    &["render", "--all"],
    &["render", "--user", "alice", "--format", "service", "--hub-env", "hub.json", "--set", "x_token=Oi5dTm7nBc3x"],
    &["render", "--user", "bob", "--format", "cli", "--hub-env", "hub.env"],
    &["render", "--all", "--format", "cli", "-o", "out"],
    &["render", "--user", "carol", "--set", "token=Oi5dTm7nBc3x", "--set", "vault_pin=Oi5dTm7nBc3x"],
    &["validate", "--user", "nobody"],
];

const FORMATS: [&str; 5] = ["human", "short", "json", "sarif", "github"];
/// Those that `validate` writes to standard output.
const DOCUMENTS: &[&str] = &["json", "sarif", "github"];

/// Damages one file at a time, and looks at what is said about it.
fn damage(file: &str, text: &str, config: &str, config_text: &str) {
    let rounds: usize = std::env::var("SWARMGEN_LEAK_MUTATIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(40);
    let seed: u8 = std::env::var("SWARMGEN_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    surroundings(directory);
    write(directory, config, config_text);
    let mut rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[file.len() as u8 ^ seed; 32]);
    for round in 0..rounds {
        let damaged = damaged_once(text, &mut rng);
        write(directory, file, &damaged);
        // Each format meets each case within so many rounds.
        for index in [round * 2, round * 2 + 1] {
            let format = FORMATS[index % FORMATS.len()];
            let mut arguments = CASES[index % CASES.len()].to_vec();
            arguments.extend(["-c", config, "--message-format", format]);
            run(directory, &arguments, &lost(file, &damaged), &damaged);
        }
    }
}

#[test]
fn damaged_toml_tells_no_secret() {
    damage("swarmgen.toml", TOML, "swarmgen.toml", TOML);
}

#[test]
fn damaged_yaml_tells_no_secret() {
    damage("swarmgen.yaml", YAML, "swarmgen.yaml", YAML);
}

#[test]
fn damaged_json_tells_no_secret() {
    damage("swarmgen.json", JSON, "swarmgen.json", JSON);
}

#[test]
fn damaged_users_tell_no_secret() {
    damage("users.csv", CSV, "swarmgen.toml", TOML);
}

#[test]
fn damaged_hub_environments_tell_no_secret() {
    damage("hub.json", HUB, "swarmgen.toml", TOML);
    damage("hub.env", DOT_ENV, "swarmgen.toml", TOML);
}

/// What is not damaged is refused where everybody could see it, and written whole where only the owner can.
#[test]
fn secrets_go_only_where_they_are_asked_for() {
    for (name, text) in [("swarmgen.toml", TOML), ("swarmgen.yaml", YAML), ("swarmgen.json", JSON)] {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        surroundings(directory);
        // Carol and Dave have no token of their own, which only the TOML asks for.
        write(directory, "users.csv", &CSV.replace("api_token", "token"));
        write(directory, name, text);
        for arguments in
            [&["validate"][..], &["render", "--user", "alice"], &["render", "--all", "--format", "service"]]
        {
            let mut arguments = arguments.to_vec();
            arguments.extend(["-c", name]);
            assert_eq!(run(directory, &arguments, &[], text), arguments[0] == "validate", "{name}: {arguments:?}");
        }
        let shown = swarmgen(directory, &["render", "--user", "alice", "--show-secrets", "-c", name]);
        let shown = String::from_utf8(shown.stdout).unwrap();
        for own in ["Kq7vWn3xZt9b", "Hs4mPd8yRc2j", "Nb9tXv2oJa7i", "Dz5hBw4kVl1q"] {
            assert!(shown.contains(own), "{name}: {own}");
        }
        for others in ["Tj8nFo7aIx3d", "Pe2uMy9cSr6f", "Ca6jUs2pYf9w", "Lv4oHg8rEz1k", "4711"] {
            assert!(!shown.contains(others), "{name}: {others}");
        }
        let refused =
            swarmgen(directory, &["render", "--user", "alice", "--format", "cli", "--show-secrets", "-c", name]);
        assert_eq!((refused.status.code(), refused.stdout.len()), (Some(1), 0));
        assert_eq!(leaks(&String::from_utf8_lossy(&refused.stderr)), None);
        assert!(run(directory, &["render", "--user", "alice", "-c", name, "-o", "out.yml"], &[], text));
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(directory.join("out.yml")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(std::fs::read_to_string(directory.join("out.yml")).unwrap(), shown);
    }
}

fn world() -> Memory {
    let mut world = Memory::with("swarmgen.toml", TOML).and("users.csv", CSV).and("keys/alice", "Pe2uMy9cSr6f");
    world.variables.insert("HOOK".to_owned(), "Wg1iZq5lOh4v".to_owned());
    world.outputs.insert("cat".to_owned(), "Rx7bKt3eNd8m".to_owned());
    world
}

#[test]
fn a_service_shows_no_secret_by_itself() {
    let service = service(&world(), &["swarmgen.toml"], "alice", &Request::default()).unwrap();
    // A variable's name makes no attribute: this one is the config's own text, and plain.
    let plain = ["Kq7vWn3xZt9b"];
    assert_eq!(leaks_but(&format!("{service:?} {service:#?}"), &plain), None);
    service.for_each_text(&mut |_, text| assert_eq!(leaks_but(&format!("{text} {text:?}"), &plain), None));
    let yaml = stack(std::slice::from_ref(&service));
    let json = body(&service, ApiVersion::V1_41, &NoIds).unwrap().to_string();
    let belong = [
        "Kq7vWn3xZt9b",
        "Hs4mPd8yRc2j",
        "Uf6gLk1wQe5z",
        "Nb9tXv2oJa7i",
        "Ym3rCe6sGu8p",
        "Dz5hBw4kVl1q",
        "Wg1iZq5lOh4v",
        "Rx7bKt3eNd8m",
    ];
    for canary in CANARIES {
        assert_eq!(yaml.contains(canary), belong.contains(&canary), "{canary}");
        assert_eq!(json.contains(canary), belong.contains(&canary), "{canary}");
    }
    let refused = cli::command(&service, ApiVersion::V1_41).unwrap_err();
    assert_eq!(leaks_but(&format!("{refused:?}"), &plain), None);
}

/// A secret in every place that takes a string, most of which are wrong for one.
#[test]
fn no_rule_quotes_a_secret() {
    let places = [
        r#"networks = ["{token}", "{token}"]"#,
        r#"image = "{token}""#,
        r#"container_spec.image = "A B{token}""#,
        r#"container_spec.hostname = "{token}""#,
        r#"container_spec.user = "{token}""#,
        r#"container_spec.workdir = "{token}""#,
        r#"container_spec.mounts = [{ source = "{token}/", target = "/a" }, { source = "{token}", target = "{token}" }]"#,
        r#"container_spec.mounts = [{ source = "v-{token}", target = "/a" }, { source = "v-{token}", target = "/b", labels = { a = "b" } }]"#,
        r#"container_spec.mounts = [{ type = "bind", source = "{token}", target = "/{token}/.." }]"#,
        r#"container_spec.mounts = [{ type = "bind", source = "/{token}/../x", target = "/x", read_only = true, consistency = "default" }]"#,
        r#"container_spec.mounts = [{ type = "tmpfs", target = "/x", tmpfs_size = "{token}", tmpfs_mode = "{token}" }]"#,
        r#"container_spec.mounts = [{ type = "sshfs", source = "s-{name}", target = "/x", sshcmd = "{token}", port = "{token}" }]"#,
        r#"container_spec.cap_add = ["{token}", "{token}"]"#,
        r#"container_spec.hosts = { "a:b" = "{token}" }"#,
        r#"container_spec.dns_config = { nameservers = ["{token}", "{token}"], search = ["{token}"], options = ["{token}"] }"#,
        r#"container_spec.configs = [{ config_name = "{token} ", filename = "{token}", uid = "{token}", mode = "{token}" }]"#,
        r#"container_spec.secrets = [{ secret_name = "{token} ", filename = "{token}", gid = "{token}" }]"#,
        r#"container_spec.stop_grace_period = "{token}""#,
        r#"container_spec.stop_signal = "{token}""#,
        r#"container_spec.healthcheck = { test = ["{token}"], interval = "{token}", retries = "{token}" }"#,
        r#"container_spec.ulimits = { nofile = "{token}" }"#,
        r#"container_spec.isolation = "{token}""#,
        r#"container_spec.groups = ["{token}"]"#,
        r#"container_spec.env = { A = "{{ token|int }}", B = "{{ token.x.y }}", C = "{{ token|nosuch }}", D = "{{ token + 1 }}" }"#,
        r#"container_spec.env = { A = "{{ token|regex_replace(token, '(') }}", B = "{{ 'x'|regex_replace('(' ~ token, '') }}" }"#,
        r#"container_spec.env = { A = { file = "{token}" }, B = { env = "{token}" }, C = { command = ["{token}", "{token}"] } }"#,
        r#"resource_spec = { cpu_limit = "{token}", mem_limit = "{token}", pids_limit = "{token}", generic_resources = { gpu = "{token}" } }"#,
        r#"placement = { constraints = ["{token}"], preferences = ["{token}"], platforms = ["{token}"], maxreplicas = "{token}" }"#,
        r#"placement = { constraints = ["node.{token}==1"], preferences = ["spread={token}=="], platforms = ["/{token}"] }"#,
        r#"log_driver = { name = "{token}", options = { a = "{token}" } }"#,
        r#"restart_policy = { delay = "{token}", max_attempts = "{token}" }"#,
        r#"update_config = { parallelism = "{token}", max_failure_ratio = "{token}" }"#,
        r#"accelerators = [{ kind = "{token}", count = "{token}" }]"#,
        r#"labels = { a = "{token}", "swarmgen.user" = "{token}" }"#,
        r#"notebook_dir = "{token}""#,
        r#"service_prefix = "{token}""#,
    ];
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let mut refused = 0;
    for (round, place) in places.iter().enumerate() {
        let networks = if place.starts_with("networks") { "" } else { "networks = [\"hub\"]\n" };
        let image = if place.starts_with("image") || place.contains("_spec.image") {
            ""
        } else {
            "container_spec.image = \"a/b:1\"\n"
        };
        for (token, of) in [("Kq7vWn3xZt9b", "inline"), ("Kq7vWn3xZt9b", "env"), ("../Kq7vWn3xZt9b\\n ,=:", "inline")] {
            let token = if of == "inline" { format!("\"{token}\"") } else { "{ env = \"TOKEN\" }".to_owned() };
            let text = format!(
                "{networks}{image}{place}\nuser_defaults.password = {token}\nuser_defaults.token = {token}\n[users.alice]\n"
            );
            write(directory, "swarmgen.toml", &text);
            for format in ["stack", "service", "cli"] {
                let message = if round % 2 == 0 { "human" } else { "short" };
                for message in [message, "human"] {
                    let arguments = ["render", "--user", "alice", "--message-format", message, "--format", format];
                    let mut command = Command::new(env!("CARGO_BIN_EXE_swarmgen"));
                    command
                        .args(arguments)
                        .current_dir(directory)
                        .env("TOKEN", "Kq7vWn3xZt9b")
                        .env_remove("SWARMGEN_CONFIG");
                    let output = command.output().unwrap();
                    let stderr = String::from_utf8_lossy(&output.stderr);
                    assert!(matches!(output.status.code(), Some(0 | 1)), "{text}: {stderr}");
                    assert_eq!(leaks(&stderr), None, "{text}: {stderr}");
                    assert_eq!(leaks(&String::from_utf8_lossy(&output.stdout)), None, "{text}: {stderr}");
                    refused += usize::from(output.status.code() == Some(1));
                }
            }
        }
    }
    assert!(refused > places.len(), "most of the places refuse secrets on a pipe");
}

/// A line end in the middle of a secret leaves its second half on a line of its own.
#[test]
fn a_secret_broken_in_two_stays_hidden() {
    for (name, text) in [
        ("a.toml", "[users.alice]\n  password = \"Kq7vWn\n3xZt9bKq7vWn\"\n[users.bob]\n"),
        ("a.toml", "[users.alice]\ntoken = 'Kq7vWn\nKq7vWn3xZt9b\nKq7vWn3xZt9b' x\n"),
        ("a.toml", "API_TOKEN = \nKq7vWn3xZt9b\"\n"),
        ("a.yaml", "alice: {password: x, token\n: \"Kq7vWn3xZt9b\"}\n"),
        ("a.yaml", "alice:\n  id_rsa: >-\n!    Kq7vWn3xZt9b\nb: [\n"),
        ("a.json", "{\"users\": {\"alice\": {\n  \"token\": \"Kq7vWn\nKq7vWn3xZt9b\"x}}}\n"),
        ("a.yaml", "users:\n  alice:\n    token: \"Kq7vWn\n3xZt9bKq7vWn\": [\n"),
    ] {
        let told = load(&Memory::with(name, text), &[name], |_, _, _| ()).unwrap_err();
        assert_eq!(leaks(&told), None, "{told}");
    }
}

/// A key that is nearly a secret's is an error, which does not show what was meant to be one.
#[test]
fn mistyped_keys_tell_no_secret() {
    for key in ["pasword", "Password", "passwrod", "idrsa", "id_rsaa", "passwd"] {
        let mount = format!(
            "{{ type = \"sshfs\", source = \"s-{{name}}\", target = \"/x\", sshcmd = \"a@b:\", {key} = \"Kq7vWn3xZt9b\" }}"
        );
        let text =
            format!("networks = [\"hub\"]\ncontainer_spec.image = \"a/b:1\"\ncontainer_spec.mounts = [{mount}]\n");
        let told = load(&Memory::with("swarmgen.toml", text), &["swarmgen.toml"], |_, _, _| ()).unwrap_err();
        assert!(told.contains("SG101"), "{told}");
        assert_eq!(leaks(&told), None, "{told}");
    }
}

/// In-process, since a canary in a span's text would show in the place's label too.
#[test]
fn no_load_error_quotes_a_secret() {
    let mut world = world();
    for (from, to) in [
        ("\"P\"", "5"),
        ("[[images]]", "[[imags]]"),
        ("/ssh\"", "ssh\""),
        ("{username}@h:", "{usrname}"),
        ("sshcmd = \"x@h:\", ", ""),
    ] {
        let text = TOML.replacen(from, to, 1);
        assert_ne!(text, TOML);
        world.files.insert("swarmgen.toml".into(), text);
        let told = load(&world, &["swarmgen.toml"], |compiler, diagnostics, sources| {
            compiler.check_all(&Request::default(), diagnostics);
            compiler.mark_secrets();
            super::world::told(diagnostics, sources)
        });
        let told = told.unwrap_or_else(|told| told);
        assert!(!told.is_empty() && leaks(&told).is_none(), "{told}");
    }
}
