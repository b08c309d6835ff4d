//! Each test writes a config as JSON, with its spans, and looks at what is said about it and where.

use serde_json::json;

use super::check;
use crate::diag::{Diagnostic, Note};
use crate::source::{Author, Entry, Map, Node, SourceId, SourceMap, Span, Syntax, Value};

/// A config with its text.
struct Written {
    text: String,
    source: SourceId,
}

impl Written {
    fn new(value: &serde_json::Value) -> (Self, Node) {
        let source = SourceMap::new().add("test", "", Author::Config, String::new());
        let mut written = Self { text: String::new(), source };
        let node = written.write(value);
        (written, node)
    }

    fn write(&mut self, value: &serde_json::Value) -> Node {
        let start = self.text.len();
        let value = match value {
            serde_json::Value::Object(map) => {
                self.text.push('{');
                let entries = map.iter().map(|(key, value)| {
                    let key_start = self.text.len();
                    self.text.push_str(&format!("{key:?}"));
                    let key_span = Span::new(self.source, key_start, self.text.len());
                    self.text.push(':');
                    let value = self.write(value);
                    self.text.push(',');
                    Entry { key: key.as_str().into(), key_span, value }
                });
                let entries = entries.collect();
                self.text.push('}');
                Value::Map(Map { entries })
            }
            serde_json::Value::Array(items) => {
                self.text.push('[');
                let items = items.iter().map(|item| {
                    let node = self.write(item);
                    self.text.push(',');
                    node
                });
                let items = items.collect();
                self.text.push(']');
                Value::Seq(items)
            }
            scalar => {
                self.text.push_str(&scalar.to_string());
                match scalar {
                    serde_json::Value::Bool(truth) => Value::Bool(*truth),
                    serde_json::Value::String(text) => Value::Str(text.as_str().into()),
                    serde_json::Value::Number(number) => {
                        number.as_i64().map_or_else(|| Value::Float(number.as_f64().unwrap()), Value::Int)
                    }
                    _ => Value::Null,
                }
            }
        };
        Node::new(Span::new(self.source, start, self.text.len()), value)
    }

    /// `CODE text: message (help)`, the text being that of the primary place, `...` for longer ones.
    fn told(&self, diagnostic: &Diagnostic) -> String {
        let range = diagnostic.primary().unwrap().span.range();
        let place = &self.text[range];
        let place = if place.len() > 24 { "..." } else { place };
        let help: Vec<String> = diagnostic
            .notes
            .iter()
            .map(|note| match note {
                Note::Help(text) => format!(" ({text})"),
                Note::Note(text) => format!(" [{text}]"),
            })
            .collect();
        format!("{} {place}: {}{}", diagnostic.code.id, diagnostic.message, help.concat())
    }
}

fn findings(value: &serde_json::Value) -> Vec<String> {
    let (written, root) = Written::new(value);
    check(&root).sorted().into_iter().map(|diagnostic| written.told(diagnostic)).collect()
}

#[track_caller]
fn expect(value: serde_json::Value, expected: &[&str]) {
    assert_eq!(findings(&value), expected);
}

/// Applies the only finding's mend.
fn mended(value: &serde_json::Value) -> serde_json::Value {
    let (written, root) = Written::new(value);
    let diagnostics = check(&root);
    let sorted = diagnostics.sorted();
    assert_eq!(sorted.len(), 1, "{sorted:?}");
    let fix = sorted[0].fix.as_ref().unwrap();
    let mut text = written.text.clone();
    text.replace_range(fix.span.range(), &fix.replacement);
    serde_json::from_str(&text.replace(",}", "}").replace(",]", "]")).unwrap()
}

#[test]
fn what_fits_says_nothing() {
    expect(json!({}), &[]);
    expect(
        json!({
            "$schema": "x", "version": 1, "networks": ["a", {"target": "b", "aliases": ["c"]}], "start_timeout": 300,
            "container_spec": {"env": {"A": 1, "B": {"file": "x"}}, "mounts": ["a:/b:ro", {"target": "/c"}],
                "ulimits": {"nofile": 3, "core": {"soft": "{x}", "hard": -1}}},
            "placement": ["node.role==worker"],
            "endpoint_spec": {"ports": {"80": [8888, "tcp", "host"], "81": "{port}"}},
            "images": [{"name": "a", "image": "b", "access": {"file": "x"}, "merge": "deep"}],
            "user_options": {"allow": {"resource_spec.mem_limit": {"max": "4G"}, "profile": true}},
            "users": {"alice": {"groups": ["x"], "a": {"b": [1, true, {"c": 1.5}]}, "id_rsa": {"file": "x"}}}
        }),
        &[],
    );
}

#[test]
fn all_violations_are_told_at_once() {
    expect(
        json!({"netwroks": ["a"], "networks": "a", "resource_spec": {"cpu_limit": true}, "images": [{"image": "b"}]}),
        &[
            "SG101 \"netwroks\": unknown key `netwroks` (join it to `networks`, which is set too)",
            "SG102 \"a\": `networks`: expected a list of strings or tables, found a string (put it in brackets, as a list of one)",
            "SG102 true: `resource_spec.cpu_limit`: expected a number or a string, found a boolean",
            "SG105 {\"image\":\"b\",}: `images[0]` lacks the key `name` (add `name`)",
        ],
    );
}

#[test]
fn old_names_are_mended() {
    for (old, new) in [
        (json!({"dockerimages": []}), json!({"images": []})),
        (json!({"network": ["a"]}), json!({"networks": ["a"]})),
        (json!({"placement": {"constraint": ["a"]}}), json!({"placement": {"constraints": ["a"]}})),
        (json!({"placement": {"preference": []}}), json!({"placement": {"preferences": []}})),
        (json!({"placement": {"max_replicas": 1}}), json!({"placement": {"maxreplicas": 1}})),
        (json!({"container_spec": {"Image": "a"}}), json!({"container_spec": {"image": "a"}})),
        (json!({"container_spec": {"volumes": ["a:/b"]}}), json!({"container_spec": {"mounts": ["a:/b"]}})),
        (json!({"container_spec": {"environment": {}}}), json!({"container_spec": {"env": {}}})),
        (
            json!({"container_spec": {"mounts": [{"target": "/a", "label": {"x": "y"}}]}}),
            json!({"container_spec": {"mounts": [{"target": "/a", "labels": {"x": "y"}}]}}),
        ),
        (
            json!({"container_spec": {"mounts": [{"target": "/a", "IdentityFile": "y"}]}}),
            json!({"container_spec": {"mounts": [{"target": "/a", "identity_file": "y"}]}}),
        ),
        (json!({"images": [{"nmae": "a"}]}), json!({"images": [{"name": "a"}]})),
        (json!({"log_driver": {"opts": {}}}), json!({"log_driver": {"options": {}}})),
        (json!({"accelerators": [{"type": "gpu"}]}), json!({"accelerators": [{"kind": "gpu"}]})),
        (json!({"use_user_options": "yes"}), json!({"use_user_options": true})),
        (json!({"use_user_options": 0}), json!({"use_user_options": false})),
        (json!({"endpoint_spec": {"mode": "vpi"}}), json!({"endpoint_spec": {"mode": "vip"}})),
        (
            json!({"container_spec": {"mounts": [{"target": "/a", "type": "Bind"}]}}),
            json!({"container_spec": {"mounts": [{"target": "/a", "type": "bind"}]}}),
        ),
    ] {
        assert_eq!(mended(&old), new);
        assert_eq!(findings(&new), Vec::<String>::new());
    }
}

#[test]
fn a_name_that_is_set_already_is_not_written_twice() {
    expect(
        json!({"networks": ["a"], "network": ["b"], "networs": ["c"]}),
        &[
            "SG101 \"network\": unknown key `network` (join it to `networks`, which is set too)",
            "SG101 \"networs\": unknown key `networs` (join it to `networks`, which is set too)",
        ],
    );
}

#[test]
fn misplaced_keys_are_told_where_they_belong() {
    for (key, belongs, write) in [
        ("mounts", "under `container_spec`", "container_spec.mounts"),
        ("image", "under `container_spec`", "container_spec.image"),
        ("volumes", "under `container_spec`", "container_spec.mounts"),
        ("cpu_limit", "under `resource_spec`", "resource_spec.cpu_limit"),
        ("mem_guarantee", "under `resource_spec`", "resource_spec.mem_reservation"),
        ("constraints", "under `placement`", "placement.constraints"),
        ("order", "under `update_config` or `rollback_config`", "update_config.order"),
    ] {
        let name = write.rsplit_once('.').unwrap().1;
        expect(
            json!({key: 1}),
            &[&format!(
                "SG101 \"{key}\": unknown key `{key}` at the top level: `{name}` belongs {belongs} (write it as `{write}`)"
            )],
        );
    }
    expect(
        json!({"container_spec": {"restart_policy": {}}}),
        &[
            "SG101 \"restart_policy\": unknown key `restart_policy` in `container_spec`: `restart_policy` belongs at the top level (write it as `restart_policy` at the top level)",
        ],
    );
    expect(
        json!({"images": [{"name": "a", "hostname": "b"}]}),
        &[
            "SG101 \"hostname\": unknown key `hostname` in `images[0]`: `hostname` belongs under `images[0].container_spec` (write it as `images[0].container_spec.hostname`)",
        ],
    );
}

#[test]
fn what_swarm_lacks_says_what_to_use() {
    let found = findings(&json!({"container_spec": {"devices": [], "shm_size": "1G"}, "restart": "always",
        "images": [{"name": "a", "privileged": true}], "resource_spec": {"gpus": 1}}));
    let codes: Vec<&str> = found.iter().map(|line| &line[..5]).collect();
    assert_eq!(codes, ["SG107"; 5], "{found:?}");
    assert!(found[0].contains("generic_resources"));
    assert!(found[1].contains("/dev/shm"));
    assert!(found[2].contains("`restart_policy`"));
    // A mount's `devices` is just an unknown key.
    let found = findings(&json!({"container_spec": {"mounts": [{"target": "/a", "devices": 1}]}}));
    assert!(found[0].starts_with("SG101"), "{found:?}");
}

#[test]
fn of_a_union_the_branch_that_was_meant_is_told() {
    expect(
        json!({"container_spec": {"env": {"A": {"fiel": "x"}, "B": {}, "C": {"file": "x", "env": "y"}, "D": [1]}}}),
        &[
            "SG101 \"fiel\": unknown key `fiel` in `container_spec.env.A` (did you mean `file`?)",
            "SG105 {}: `container_spec.env.B` is empty: it needs `file`, `env` or `command` (add `file`, `env` or `command`)",
            "SG108 \"env\": `container_spec.env.C` takes exactly one of `file`, `env` or `command` (remove all but one)",
            "SG102 [1,]: `container_spec.env.D`: expected a string, a number, a boolean or a table, found a list (take it out of the brackets)",
        ],
    );
    expect(
        json!({"container_spec": {"mounts": [3, {"source": "x"}, null]}, "placement": [1]}),
        &[
            "SG102 3: `container_spec.mounts[0]`: expected a string or a table, found an integer (put it in quotes)",
            "SG105 {\"source\":\"x\",}: `container_spec.mounts[1]` lacks the key `target` (add `target`)",
            "SG102 null: `container_spec.mounts[2]`: expected a string or a table, found null (remove the item)",
            "SG102 1: `placement[0]`: expected a string, found an integer (put it in quotes)",
        ],
    );
}

#[test]
fn values_out_of_bounds() {
    expect(
        json!({
            "version": 2, "service_port": 70000, "service_prefix": "", "use_user_options": null,
            "allowed_user_upload_extensions": ["txt"], "service_port ": 1,
            "placement": {"preferences": [["spread"]]}, "resource_spec": {"generic_resources": {"gpu": 0}},
            "swarm_configs": {"x".repeat(65): {"content": ""}},
            "user_options": {"allow": {"x": false}}, "naming": {"scheme": 3}
        }),
        &[
            "SG103 2: `version` must be `1`, found `2` (write `1`: this swarmgen reads version 1 of the config language)",
            "SG104 70000: `service_port` must be at most 65535",
            "SG104 \"\": `service_prefix` must not be empty",
            "SG102 null: `use_user_options`: expected a boolean, found null (remove the key)",
            "SG106 \"txt\": `allowed_user_upload_extensions[0]` does not have the right form (start it with a dot: `.txt`)",
            "SG101 \"service_port \": unknown key `service_port ` (join it to `service_port`, which is set too)",
            "SG104 [\"spread\",]: `placement.preferences[0]` must have 2 items",
            "SG104 0: `resource_spec.generic_resources.gpu` must be at least 1",
            "SG104 ...: a name in `swarm_configs` has more than 64 characters (shorten the name)",
            "SG103 false: `user_options.allow.x` must be `true`, found `false` (remove the key)",
            "SG102 3: `naming.scheme`: expected one of `sha256`, `slug`, `md5`, `username`, `last32`, `escaped`, found an integer",
        ],
    );
    expect(
        json!({"service_port": 8888.0}),
        &["SG102 8888.0: `service_port`: expected an integer or a string, found a number with a fraction"],
    );
}

#[test]
fn the_root_must_be_a_table() {
    expect(json!([]), &["SG102 []: the config: expected a table, found a list"]);
    expect(json!(null), &["SG102 null: the config: expected a table, found null"]);
}

#[test]
fn values_do_not_enter_messages() {
    let (_, root) = Written::new(&json!({
        "container_spec": {"mounts": [{"target": "/a", "type": "sshfs", "password": ["hunter2"], "hunter2x": 1}]},
        "users": {"a": {"password": null, "groups": "hunter2", "overrides": "hunter2"}},
        "swarm_secrets": {"token": "hunter2"}
    }));
    for diagnostic in check(&root).iter() {
        let told = format!("{} {:?}", diagnostic.message, diagnostic.notes);
        assert!(!told.replace("hunter2x", "").contains("hunter2"), "{told}");
    }
    assert_eq!(check(&root).counts().errors, 6);
}

/// What compiling it leaves out.
#[test]
fn the_schema_fits_its_meta_schema() {
    let schema = &super::DOCUMENT.document;
    assert!(jsonschema::meta::is_valid(schema));
    let mut broken = schema.clone();
    broken["properties"]["networks"]["type"] = "no type".into();
    assert!(!jsonschema::meta::is_valid(&broken));
}

#[test]
fn countless_mistakes_take_no_long_time() {
    let text: String = (0..120_000).map(|index| format!("k{index} = 1\n")).collect();
    let sources = SourceMap::new();
    let id = sources.add("a.toml", "", Author::Config, text);
    let root = crate::source::parse(&sources, id, Syntax::Toml).unwrap();
    let found = check(&root);
    assert_eq!(found.counts().errors, super::MOST_TOLD);
    let notes = found.iter().filter(|diagnostic| !diagnostic.notes.is_empty()).count();
    assert_eq!(notes, 1);
}
