//! A second apply has nothing to do: attribute by attribute of the language, when each is set, changed, and taken away.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

use crate::engine::Engine;
use crate::proxy::Proxy;
use crate::scenario::Scenario;

/// Attributes of a profile with two values each; the first is the path that the schema knows it by.
const ATTRIBUTES: &[(&str, &str, &str)] = &[
    ("image", r#"image = "stand-in/notebook:serves""#, r#"image = "stand-in/notebook:checked""#),
    ("command", r#"command = "tini -g --""#, r#"command = ["tini"]"#),
    ("args", r#"args = ["a", "", " b "]"#, r#"args = "a 'b c'""#),
    ("env", r#"env = { A = "1", B = "", C = "x=y" }"#, r#"env = { B = "2", A = "1", D = "{{ .Node.Hostname }}" }"#),
    ("mounts", r#"mounts = ["v-{name}:/v", "/srv:/srv:ro"]"#, r#"mounts = ["/srv:/srv", "v-{name}:/v:ro"]"#),
    ("user", r#"user = "jovyan""#, r#"user = 1000"#),
    ("uid_gid", r#"uid_gid = "1000:100""#, r#"uid_gid = 1001"#),
    ("workdir", r#"workdir = "/""#, r#"workdir = "/tmp""#),
    ("secrets", r#"secrets = ["attributes-a"]"#, r#"secrets = ["attributes-b", "attributes-a"]"#),
    ("configs", r#"configs = ["attributes-b", "attributes-a"]"#, r#"configs = ["attributes-b"]"#),
    ("labels", r#"labels = { "a.b" = "1", c = "" }"#, r#"labels = { c = "1" }"#),
    (
        "accelerators",
        r#"accelerators = [{ kind = "fpga", count = 2 }]"#,
        r#"accelerators = [{ kind = "gpu", count = 1 }]"#,
    ),
    ("networks", r#"networks = ["attributes-b", "attributes-a"]"#, r#"networks = ["attributes-a"]"#),
    ("container_spec.image", r#"container_spec.image = "a/b:1""#, r#"container_spec.image = "a/b:2""#),
    ("container_spec.command", r#"container_spec.command = ["a", "b"]"#, r#"container_spec.command = []"#),
    ("container_spec.args", r#"container_spec.args = ["a"]"#, r#"container_spec.args = []"#),
    ("container_spec.hostname", r#"container_spec.hostname = "h-{name}""#, r#"container_spec.hostname = "h""#),
    ("container_spec.env", r#"container_spec.env = { Z = "1", A = "ü" }"#, r#"container_spec.env = { A = "$x" }"#),
    ("container_spec.workdir", r#"container_spec.workdir = "/a""#, r#"container_spec.workdir = "/b""#),
    ("container_spec.user", r#"container_spec.user = "a:b""#, r#"container_spec.user = "a""#),
    ("container_spec.uid_gid", r#"container_spec.uid_gid = "1:1""#, r#"container_spec.uid_gid = "1:2""#),
    (
        "container_spec.labels",
        r#"container_spec.labels = { a = "" }"#,
        r#"container_spec.labels = { a = "1", b = "2" }"#,
    ),
    (
        "container_spec.mounts",
        r#"container_spec.mounts = [{ target = "/anonymous" }, { type = "bind", source = "/srv", target = "/b" }]"#,
        r#"container_spec.mounts = [{ target = "/anonymous", no_copy = true }]"#,
    ),
    (
        "container_spec.stop_grace_period",
        r#"container_spec.stop_grace_period = "90s""#,
        "container_spec.stop_grace_period = 0",
    ),
    ("container_spec.secrets", r#"container_spec.secrets = ["attributes-a"]"#, "container_spec.secrets = []"),
    ("container_spec.configs", r#"container_spec.configs = ["attributes-a"]"#, "container_spec.configs = []"),
    ("container_spec.tty", "container_spec.tty = true", "container_spec.tty = false"),
    ("container_spec.groups", r#"container_spec.groups = ["users", 100]"#, r#"container_spec.groups = ["users"]"#),
    ("container_spec.open_stdin", "container_spec.open_stdin = true", "container_spec.open_stdin = false"),
    ("container_spec.read_only", "container_spec.read_only = true", "container_spec.read_only = false"),
    (
        "container_spec.stop_signal",
        r#"container_spec.stop_signal = "SIGINT""#,
        r#"container_spec.stop_signal = "SIGTERM""#,
    ),
    (
        "container_spec.healthcheck",
        r#"container_spec.healthcheck = { test = "true", interval = "30s", timeout = 10, start_period = "1m", retries = 3 }"#,
        r#"container_spec.healthcheck = { test = ["NONE"] }"#,
    ),
    (
        "container_spec.hosts",
        r#"container_spec.hosts = { b = "192.0.2.1", a = "2001:db8::1" }"#,
        r#"container_spec.hosts = { a = "192.0.2.1" }"#,
    ),
    (
        "container_spec.dns_config",
        r#"container_spec.dns_config = { nameservers = ["192.0.2.54"], search = ["a.example"], options = ["ndots:1"] }"#,
        "container_spec.dns_config = {}",
    ),
    (
        "container_spec.privileges",
        r#"container_spec.privileges = { selinux_user = "u", selinux_role = "r", selinux_type = "t", selinux_level = "s0" }"#,
        "container_spec.privileges = { selinux_disable = true }",
    ),
    ("container_spec.isolation", r#"container_spec.isolation = "default""#, r#"container_spec.isolation = "process""#),
    ("container_spec.init", "container_spec.init = true", "container_spec.init = false"),
    (
        "container_spec.cap_add",
        r#"container_spec.cap_add = ["NET_ADMIN", "CAP_SYS_PTRACE"]"#,
        r#"container_spec.cap_add = ["net_admin"]"#,
    ),
    ("container_spec.cap_drop", r#"container_spec.cap_drop = ["ALL"]"#, r#"container_spec.cap_drop = ["MKNOD"]"#),
    (
        "container_spec.sysctls",
        r#"container_spec.sysctls = { "net.core.somaxconn" = 1024 }"#,
        "container_spec.sysctls = {}",
    ),
    (
        "container_spec.ulimits",
        "container_spec.ulimits = { nproc = 100, nofile = { soft = 0, hard = 2048 } }",
        "container_spec.ulimits = { nofile = 2048 }",
    ),
    ("resource_spec.cpu_limit", "resource_spec.cpu_limit = 1.5", r#"resource_spec.cpu_limit = "500m""#),
    ("resource_spec.cpu_reservation", "resource_spec.cpu_reservation = 1", r#"resource_spec.cpu_reservation = "10m""#),
    ("resource_spec.mem_limit", r#"resource_spec.mem_limit = "512M""#, "resource_spec.mem_limit = 1073741824"),
    (
        "resource_spec.mem_reservation",
        r#"resource_spec.mem_reservation = "64M""#,
        r#"resource_spec.mem_reservation = "65M""#,
    ),
    ("resource_spec.pids_limit", "resource_spec.pids_limit = 100", "resource_spec.pids_limit = 0"),
    (
        "resource_spec.generic_resources",
        "resource_spec.generic_resources = { b = 2, a = 1 }",
        "resource_spec.generic_resources = { a = 1 }",
    ),
    (
        "placement.constraints",
        r#"placement.constraints = ["node.role==manager", "node.labels.a != b"]"#,
        r#"placement.constraints = ["node.labels.a!=b"]"#,
    ),
    (
        "placement.preferences",
        r#"placement.preferences = ["spread=node.labels.a", ["spread", "node.labels.b"]]"#,
        r#"placement.preferences = ["spread=node.labels.b"]"#,
    ),
    (
        "placement.platforms",
        r#"placement.platforms = ["linux/amd64", ["arm64", "linux"]]"#,
        r#"placement.platforms = ["linux/amd64"]"#,
    ),
    ("placement.maxreplicas", "placement.maxreplicas = 1", "placement.maxreplicas = 2"),
    (
        "log_driver",
        r#"log_driver = { name = "json-file", options = { max-size = "10m", max-file = 3 } }"#,
        r#"log_driver = { name = "none" }"#,
    ),
    ("endpoint_spec.mode", r#"endpoint_spec.mode = "vip""#, r#"endpoint_spec.mode = "dnsrr""#),
    (
        "endpoint_spec.ports",
        r#"endpoint_spec.ports = [{ target = 8888, published = 30010, mode = "host" }, { target = 8889, mode = "host", protocol = "udp" }]"#,
        r#"endpoint_spec.ports = { 30011 = 8888 }"#,
    ),
    (
        "restart_policy",
        r#"restart_policy = { condition = "on-failure", delay = "5s", max_attempts = 3, window = "1m" }"#,
        "restart_policy = {}",
    ),
    (
        "update_config",
        r#"update_config = { parallelism = 1, delay = "1s", failure_action = "rollback", monitor = "10s", max_failure_ratio = 0.25, order = "start-first" }"#,
        "update_config = {}",
    ),
    (
        "rollback_config",
        r#"rollback_config = { parallelism = 0, delay = "1s", failure_action = "pause", monitor = "10s", max_failure_ratio = 0.5, order = "start-first" }"#,
        "rollback_config = {}",
    ),
    // Parts that no key of its own in the schema stands for, or whose longest form differs.
    (
        "networks[]",
        r#"networks = [{ target = "attributes-a", aliases = ["z.{name}", "a"], options = { "com.example.mtu" = 1400 } }]"#,
        r#"networks = [{ target = "attributes-a", aliases = ["a"] }]"#,
    ),
    (
        "configs[]",
        r#"configs = [{ config_name = "attributes-a", filename = "/etc/full", uid = 1000, gid = "100", mode = "0440" }]"#,
        r#"configs = [{ config_name = "attributes-a", filename = "/etc/full", mode = 0 }]"#,
    ),
    (
        "secrets[]",
        r#"secrets = [{ secret_name = "attributes-a", filename = "key", uid = "0", gid = 0, mode = "0400" }]"#,
        r#"secrets = [{ secret_name = "attributes-a", filename = "key2" }]"#,
    ),
    (
        "configs[id]",
        r#"configs = [{ config_name = "attributes-a", config_id = "id of configs attributes-a" }]"#,
        r#"configs = [{ config_name = "attributes-b", config_id = "id of configs attributes-b" }]"#,
    ),
    (
        "secrets[id]",
        r#"secrets = [{ secret_name = "attributes-a", secret_id = "id of secrets attributes-a" }]"#,
        r#"secrets = [{ secret_name = "attributes-b", secret_id = "id of secrets attributes-b" }]"#,
    ),
    (
        "mounts[volume]",
        r#"mounts = [{ source = "v-{name}", target = "/v", no_copy = true, labels = { autoremove = "False" }, driver_config = { name = "local", options = { type = "nfs", o = "addr=nfs.example,rw", device = ":/{name}" } } }]"#,
        r#"mounts = [{ source = "v-{name}", target = "/v", no_copy = false, labels = { autoremove = "True" } }]"#,
    ),
    (
        "mounts[bind]",
        r#"mounts = [{ type = "bind", source = "/srv", target = "/b", consistency = "cached", propagation = "rslave" }]"#,
        r#"mounts = [{ type = "bind", source = "/srv", target = "/b", non_recursive = true, consistency = "default" }]"#,
    ),
    (
        "mounts[tmpfs]",
        r#"mounts = [{ type = "tmpfs", target = "/t", tmpfs_size = "64M", tmpfs_mode = "1777" }]"#,
        r#"mounts = [{ type = "tmpfs", target = "/t", read_only = true }]"#,
    ),
    (
        "mounts[options]",
        r#"mounts = [{ source = "o-{name}", target = "/o", driver_config = { name = "local", options = { o = { file = "secret.txt" } } } }]"#,
        r#"mounts = [{ source = "o-{name}", target = "/o", driver_config = { name = "local", options = { o = "plain" } } }]"#,
    ),
    (
        "mounts[sshfs]",
        r#"mounts = [{ type = "sshfs", driver = "local", source = "s-{name}", target = "/s", sshcmd = "a@b.example:/", password = { file = "secret.txt" }, port = 2222, ephemeral = true, options = { allow_other = "" } }]"#,
        r#"mounts = [{ type = "sshfs", driver = "local", source = "s-{name}", target = "/s", sshcmd = "a@b.example:/", id_rsa = { file = "key.txt" } }]"#,
    ),
    (
        "mounts[identity]",
        r#"mounts = [{ type = "sshfs", driver = "local", source = "i-{name}", target = "/s", sshcmd = { file = "remote.txt" }, identity_file = "/keys/{name}" }]"#,
        r#"mounts = [{ type = "sshfs", driver = "local", source = "i-{name}", target = "/s", sshcmd = "a@b.example:/", identity_file = "/keys/all" }]"#,
    ),
    (
        "env[secret]",
        r#"env = { TOKEN = { file = "secret.txt" } }"#,
        r#"env = { TOKEN = { file = "secret.txt" }, OTHER = { command = ["printf", "%s", "a b"] } }"#,
    ),
    (
        "privileges[file]",
        r#"container_spec.privileges.credentialspec_file = "a.json""#,
        r#"container_spec.privileges.credentialspec_registry = "a""#,
    ),
];

/// Keys that say nothing about a service.
const NO_ATTRIBUTES: &[&str] = &["name", "description", "access", "merge", "unset"];
/// Keys that are newer than this engine: what is sent of them is tested without one (src/emit/engine.rs).
const NEWER: &[&str] = &["container_spec.healthcheck.start_interval", "mounts.subpath"];

/// What exists on the swarm: of which kind, by which name.
const OBJECTS: [(&str, &str); 4] = [
    ("configs", "attributes-a"),
    ("configs", "attributes-b"),
    ("secrets", "attributes-a"),
    ("secrets", "attributes-b"),
];

const HEAD: &str = r#"
version = 1
deployment = "attributes"
service_prefix = "attributes"
naming.scheme = "slug"
networks = []

[swarm_configs.attributes-declared]
content = "a"
"#;

/// A config with a profile and a user for each attribute, with one of its values or none.
fn config(engine: &Engine, value: Option<usize>) -> String {
    let mut text = HEAD.to_owned();
    for (key, first, second) in ATTRIBUTES {
        let mut set = value.map_or("", |value| [*first, *second][value]).to_owned();
        for (kind, name) in OBJECTS {
            if set.contains(&format!("id of {kind} {name}")) {
                set = set.replace(&format!("id of {kind} {name}"), &engine.has_object(kind, name));
            }
        }
        let image = if set.contains("image =") { "" } else { "image = \"stand-in/notebook:serves\"\n" };
        write!(text, "\n[[images]]\nname = \"{key}\"\n{image}{set}\n[users.\"{key}\"]\nprofile = \"{key}\"\n").unwrap();
    }
    text
}

/// What the schema knows of a profile, however deep: the paths of its keys, a list's items being no step.
fn known() -> BTreeSet<String> {
    let schema: Value = serde_json::from_str(include_str!("../../schema/config.schema.json")).unwrap();
    let mut known = BTreeSet::new();
    below("", &schema["$defs"]["Profile"], &schema["$defs"], &mut known);
    NO_ATTRIBUTES.iter().for_each(|key| assert!(known.remove(*key), "{key}"));
    NEWER.iter().for_each(|key| assert!(known.remove(*key), "{key}"));
    known
}

/// Adds the keys of a part of the schema. The forms of a secret are no attributes.
fn below(path: &str, schema: &Value, defs: &Value, known: &mut BTreeSet<String>) {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/"))
        && !["SecretRef", "AccessFile"].contains(&name)
    {
        below(path, &defs[name], defs, known);
    }
    for (key, part) in schema["properties"].as_object().into_iter().flatten() {
        let path = joined(path, key);
        below(&path, part, defs, known);
        known.insert(path);
    }
    let choices = ["anyOf", "prefixItems"].into_iter().filter_map(|list| schema[list].as_array()).flatten();
    choices.chain(schema.get("items")).for_each(|part| below(path, part, defs, known));
    if let Some(part @ Value::Object(_)) = schema.get("additionalProperties") {
        below(&joined(path, "*"), part, defs, known);
    }
}

/// A key below a path. What the container has in both places is one from the second key on.
fn joined(path: &str, key: &str) -> String {
    let path = path.strip_prefix("container_spec.").filter(|rest| IN_BOTH.contains(rest)).unwrap_or(path);
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// What stands in a profile itself or in its `container_spec`.
const IN_BOTH: [&str; 5] = ["env", "mounts", "secrets", "configs", "labels"];

/// The paths of the keys of a value; a key of the user's own is also `*`.
fn set(path: &str, value: &Value, tried: &mut BTreeSet<String>) {
    for (key, part) in value.as_object().into_iter().flatten() {
        for path in [joined(path, key), joined(path, "*")] {
            set(&path, part, tried);
            tried.insert(path);
        }
    }
    value.as_array().into_iter().flatten().for_each(|item| set(path, item, tried));
}

#[test]
fn every_attribute_is_tried() {
    let mut tried = BTreeSet::new();
    for text in ATTRIBUTES.iter().flat_map(|(_, first, second)| [first, second]) {
        set("", &toml::from_str(text).unwrap(), &mut tried);
    }
    let left: Vec<String> = known().into_iter().filter(|key| !tried.contains(key)).collect();
    assert_eq!(left, Vec::<String>::new());
}

#[test]
fn a_second_plan_is_empty_for_each_attribute() {
    let mut scenario = Scenario::new(Engine::idle(), "attributes");
    let engine = scenario.engine();
    ["attributes-a", "attributes-b"].iter().for_each(|name| engine.has_network(name));
    for (kind, name) in OBJECTS {
        engine.has_object(kind, name);
    }
    scenario.write("remote.txt", "a@b.example:/other");
    scenario.write("secret.txt", "correct horse {{ battery");
    scenario.write("key.txt", "-----BEGIN OPENSSH PRIVATE KEY-----\nbm9uZQ==\n-----END OPENSSH PRIVATE KEY-----\n");
    let proxy = Proxy::before(&engine.socket(1));
    scenario.goes_through(&proxy.socket());
    // What the engine does by itself, too.
    let default = ["image", "container_spec.isolation"].as_slice();
    for (value, unchanged) in
        [(None, [].as_slice()), (Some(0), default), (Some(1), &[]), (Some(0), &[]), (None, default)]
    {
        scenario.write("swarmgen.toml", &config(engine, value));
        let plan = scenario.plans(&[]);
        assert_eq!(plan.users("unchanged").into_iter().collect::<BTreeSet<_>>(), unchanged.iter().copied().collect());
        scenario.applies(&["--detach"]).ends_with(0);
        scenario.plans(&[]).is_empty();
    }
    let written = || proxy.calls().iter().filter(|call| call.method != "GET" && call.method != "HEAD").count();
    let before = written();
    scenario.applies(&["--detach"]).ends_with(0).says("nothing to do");
    assert_eq!(written(), before);
    assert!(before > 4 * ATTRIBUTES.len() - 10);
}

/// What the config says above its profiles that ends up in a service, and a user's own overrides, with two values each.
const AROUND: [(&str, &str); 3] = [
    ("", ""),
    (
        r#"
notebook_dir = "/a"
service_port = 9000
labels = { room = "a", "b.c" = "" }
container_spec = { env = { PORT = "{port}", DESK = "{desk}", A = "a" }, hostname = "h-{name}" }
resource_spec = { mem_limit = "1G" }
user_defaults = { desk = "1" }
"#,
        r#"
env = { B = "b" }
labels = { own = "a" }
container_spec = { init = true }
"#,
    ),
    (
        r#"
notebook_dir = "/b"
service_port = 9001
labels = { room = "b" }
container_spec = { env = { PORT = "{port}", DESK = "{desk}" }, hostname = "h" }
resource_spec = { mem_limit = "2G" }
user_defaults = { desk = "2" }
"#,
        r#"
env = { B = "", C = "c" }
labels = { own = "b" }
container_spec = { init = false }
"#,
    ),
];

#[test]
fn a_second_plan_is_empty_for_what_stands_around_profiles() {
    let mut scenario = Scenario::new(Engine::idle(), "around");
    let proxy = Proxy::before(&scenario.engine().socket(1));
    scenario.goes_through(&proxy.socket());
    for value in [0, 1, 2, 1, 0] {
        let (root, overrides) = AROUND[value];
        scenario.has_config(&format!("networks = []\n{root}"), &format!("[users.anna.overrides]\n{overrides}"));
        assert_eq!(scenario.plans(&[]).code, 3, "{root}");
        scenario.applies(&["--detach"]).ends_with(0);
        scenario.plans(&[]).is_empty();
        // Nor is it empty because nobody looks: what was said is there.
        let shown = scenario.runs(&["render", "--user", "anna", "--format", "service"]);
        let mut wanted: Value = serde_json::from_slice(&shown).unwrap();
        let mut live = scenario.services().remove(0)["Spec"].take();
        for key in ["room", "b.c", "own"] {
            assert_eq!(live["Labels"][key], wanted["Labels"][key], "{root}");
        }
        let container = |spec: &mut Value| spec["TaskTemplate"]["ContainerSpec"].take();
        let (live, wanted) = (container(&mut live), container(&mut wanted));
        for key in ["Env", "Hostname", "Init"] {
            assert_eq!(live[key], wanted[key], "{root}");
        }
    }
    let written = || proxy.calls().iter().filter(|call| call.method != "GET" && call.method != "HEAD").count();
    let before = written();
    scenario.applies(&["--detach"]).ends_with(0).says("nothing to do");
    assert_eq!((before, written()), (5, 5));
}
