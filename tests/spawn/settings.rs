//! What a hub is told of a config, and which limits a server is told of.

use swarmgen::spawner::{set_limits, settings};

use super::*;

const FULL: &str = r#"
version = 1
deployment = "class"
jupyterhub_service_name = "hub"
networks = ["net"]
service_port = 8890
start_timeout = "4m30s"
http_timeout = 45
notebook_dir = "/work"
user_format_attributes = ["uid", "desk"]
resource_spec = { mem_limit = "2G", mem_reservation = "512M", cpu_limit = 1.5, cpu_reservation = "250m" }
images = [
    { name = "Plain", image = "plain:1" },
    { name = "Small", image = "small:1", resource_spec = { mem_limit = "300M" } },
]
"#;

const BARE: &str = r#"
version = 1
jupyterhub_service_name = "hub"
networks = ["net"]
notebook_dir = "/work/{name}"
images = [{ name = "Plain", image = "plain:1" }]
"#;

fn compiled<T>(config: &'static str, look: impl FnOnce(&Compiler<'_>, &SourceMap) -> T) -> T {
    let sources = SourceMap::new();
    let inputs = Inputs { configs: vec!["c.toml".into()], users_files: Vec::new(), levels: Vec::new() };
    let mut found = Diagnostics::new();
    let world = Memory(config);
    let compiler = Compiler::load(&inputs, &world, &sources, &mut found).unwrap();
    look(&compiler, &sources)
}

fn told(config: &'static str) -> Value {
    let warnings = vec!["a warning".to_owned()];
    compiled(config, |compiler, _| serde_json::to_value(settings(compiler, warnings)).unwrap())
}

#[test]
fn a_hub_is_told_what_the_config_says_of_its_business() {
    let wanted = json!({
        "event": "settings", "version": 1, "program": env!("CARGO_PKG_VERSION"), "deployment": "class",
        "jupyterhub_service_name": "hub", "service_port": 8890, "start_timeout": 270.0, "http_timeout": 45.0,
        "notebook_dir": "/work", "mem_limit": 2_i64 << 30, "mem_guarantee": 512 << 20, "cpu_limit": 1.5,
        "cpu_guarantee": 0.25, "user_format_attributes": ["uid", "desk"], "warnings": ["a warning"],
    });
    assert_eq!(told(FULL), wanted);
}

#[cfg(feature = "cli")]
#[test]
fn what_a_listed_user_lacks_keeps_nobody_from_starting() {
    let config = r#"
user_format_attributes = ["desk"]

[container_spec.env]
DESK = "{desk}"
KEY = { file = "nowhere/{name}" }

[users.alice]
[users.bob]
"#;
    let told = asked(config, "settings", &json!({"version": 1}));
    assert_eq!((&told["event"], &told["user_format_attributes"]), (&json!("settings"), &json!(["desk"])));
}

/// The result of a command of the program, with a config that says this besides what a hub's must.
#[cfg(feature = "cli")]
fn asked(config: &str, verb: &str, request: &Value) -> Value {
    const HEAD: &str = r#"
version = 1
jupyterhub_service_name = "hub"
networks = ["net"]
images = [{ name = "Plain", image = "plain:1" }]
"#;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("swarmgen.toml"), format!("{HEAD}{config}")).unwrap();
    let mut command = assert_cmd::Command::cargo_bin("swarmgen").unwrap();
    command.current_dir(folder.path()).env_remove("SWARMGEN_CONFIG").args(["spawner", verb]);
    command.args(["-H", "unix:///nowhere/docker.sock"]);
    let ran = command.write_stdin(format!("{request}\n")).output().unwrap();
    let lines = String::from_utf8(ran.stdout).unwrap();
    serde_json::from_str(lines.lines().last().unwrap()).unwrap()
}

/// A caller may hand over more than it should.
#[cfg(feature = "cli")]
#[test]
fn of_a_users_attributes_only_the_listed_ones_are_used() {
    let config = r#"
user_format_attributes = ["listed"]

[user_defaults]
listed = "2G"
unlisted = "1G"

[resource_spec]
mem_limit = "{listed}"
mem_reservation = "{unlisted}"
"#;
    for (attribute, is_used) in [("listed", true), ("unlisted", false)] {
        let request = json!({
            "version": 1, "user": {"name": "alice", "groups": [], "attributes": {attribute: "a lot"}},
            "server": {"name": ""}, "hub": {"env": {}}, "wait": "running", "timeout": 1,
        });
        let told = asked(config, "start", &request);
        // With a limit that is none the swarm is not asked.
        assert_eq!(told["code"] != "engine-away", is_used, "{attribute}: {told}");
    }
}

/// Each would get the volumes of the other.
#[cfg(feature = "cli")]
#[test]
fn two_users_of_one_owner_start_nothing_and_others_may() {
    let config = r#"
naming.scheme = "last32"
[users.anna-maria-bianchi-of-the-physics-department]
[users.maria-bianchi-of-the-physics-department]
[users.bob]
"#;
    assert_eq!(asked(config, "settings", &json!({"version": 1}))["event"], "settings");
    for (user, code) in [
        ("anna-maria-bianchi-of-the-physics-department", "config"),
        ("maria-bianchi-of-the-physics-department", "config"),
        ("giulia-bianchi-of-the-physics-department", "config"),
        ("bob", "engine-away"),
    ] {
        let request = json!({
            "version": 1, "user": {"name": user, "admin": false, "groups": []}, "server": {"name": ""},
            "hub": {"env": {}}, "existing": "tell", "wait": "running", "timeout": 1,
        });
        let told = asked(config, "start", &request);
        assert_eq!(told["code"], code, "{user}: {told}");
        assert_eq!(told["detail"].as_str().unwrap().contains("SG316"), code == "config", "{told}");
    }
}

#[test]
fn what_the_config_leaves_open_or_to_templates_is_null() {
    let told = told(BARE);
    let open =
        ["start_timeout", "http_timeout", "notebook_dir", "mem_limit", "mem_guarantee", "cpu_limit", "cpu_guarantee"];
    for key in open {
        assert_eq!(told[key], Value::Null, "{key}");
    }
    assert_eq!((&told["service_port"], &told["user_format_attributes"]), (&json!(8888), &json!([])));
}

/// The variables of limits that alice's server has, in a start where the hub says something else.
fn limits(config: &'static str, profile: &str) -> Vec<(String, String)> {
    compiled(config, |compiler, sources| {
        let line = r#"{"version": 1, "hub": {"env": {"MEM_LIMIT": "7", "JUPYTERHUB_USER": "alice"}}}"#;
        let request = Request::read(line, sources).unwrap();
        let mut found = Diagnostics::new();
        let user = compiler.user("alice", &mut found).unwrap();
        let asked = Asked { profile: Some(profile), hub_env: &request.hub_env, ..Asked::default() };
        let mut service = compiler.resolve(&user, &asked, &mut found).unwrap().service;
        set_limits(&mut service);
        let env = service.container.env.iter().map(|(name, value)| (name.to_string(), value.expose().to_owned()));
        let env: Vec<(String, String)> = env.collect();
        assert!(env.is_sorted(), "{env:?}");
        env.into_iter().filter(|(name, _)| name.ends_with("_LIMIT") || name.ends_with("_GUARANTEE")).collect()
    })
}

#[test]
fn a_server_is_told_the_limits_that_it_has() {
    let pairs = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>()
    };
    let all =
        [("CPU_GUARANTEE", "0.25"), ("CPU_LIMIT", "1.5"), ("MEM_GUARANTEE", "536870912"), ("MEM_LIMIT", "2147483648")];
    assert_eq!(limits(FULL, "Plain"), pairs(&all));
    // A profile's own table stands in place of the general one.
    assert_eq!(limits(FULL, "Small"), pairs(&[("MEM_LIMIT", "314572800")]));
    // What has no limit keeps what the hub says.
    assert_eq!(limits(BARE, "Plain"), pairs(&[("MEM_LIMIT", "7")]));
}
