//! What the translation makes of each spawner's settings.

use super::*;
use crate::import::draft::Form;
use crate::import::text::Dialect;

fn text(text: &str) -> Py {
    Py::Str(text.to_owned())
}

fn dict(items: &[(&str, Py)]) -> Py {
    Py::Dict(items.iter().map(|(key, value)| (text(key), value.clone())).collect())
}

fn list(items: &[Py]) -> Py {
    Py::List(items.to_vec())
}

fn set(class: &str, name: &str, value: Py) -> Setting {
    Setting { class: class.to_owned(), name: name.to_owned(), value, origin: Origin { file: "hub.py".into(), line: 7 } }
}

#[test]
fn dockerspawner() {
    let settings = [
        set("DockerSpawner", "image", text("registry.example.org/notebook:2")),
        set(
            "DockerSpawner",
            "allowed_images",
            dict(&[("Old", text("registry.example.org/notebook:1")), ("New", text("registry.example.org/notebook:2"))]),
        ),
        set("SwarmSpawner", "network_name", text("hub")),
        set(
            "DockerSpawner",
            "volumes",
            dict(&[
                ("jupyterhub-user-{username}", text("/home/jovyan/work")),
                ("/srv/{raw_username}", dict(&[("bind", text("/data")), ("mode", text("ro"))])),
            ]),
        ),
        set("Spawner", "mem_limit", text("1G")),
        set("SwarmSpawner", "extra_placement_spec", dict(&[("constraints", list(&[text("node.role==worker")]))])),
        set("Spawner", "environment", dict(&[("A", text("{not a name}"))])),
        set("Spawner", "pre_spawn_hook", Py::Opaque("function `hook`".to_owned())),
        set("JupyterHub", "ip", text("0.0.0.0")),
    ];
    let imported = translate(&settings, Dialect::Docker);
    insta::assert_snapshot!(imported.text(&["Imported".to_owned()], Form::Toml));
    let told: Vec<String> = imported
        .report
        .items
        .iter()
        .map(|item| format!("{} {:?} {}: {}; {}", item.origin, item.fate, item.subject, item.message, item.advice))
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn cassinyspawner() {
    let settings = [
        set("SwarmSpawner", "jupyterhub_service_name", text("hub")),
        set(
            "SwarmSpawner",
            "container_spec",
            dict(&[
                ("Image", text("registry.example.org/notebook:1")),
                ("args", list(&[text("start-singleuser.sh")])),
                (
                    "mounts",
                    list(&[dict(&[
                        ("type", text("volume")),
                        ("source", text("jupyterhub-user-{name}")),
                        ("target", text("/home/jovyan/work")),
                    ])]),
                ),
            ]),
        ),
        set(
            "SwarmSpawner",
            "resource_spec",
            dict(&[("cpu_limit", Py::Int(500_000_000)), ("mem_limit", Py::Int(1 << 30))]),
        ),
    ];
    insta::assert_snapshot!(translate(&settings, Dialect::Cassiny).text(&[], Form::Toml));
}

#[test]
fn what_must_not_stand_there_is_allowed_where_it_stands() {
    let options = dict(&[("sshcmd", text("{sshcmd}")), ("password", text("{password}"))]);
    let driver = dict(&[("name", text("ucphhpc/sshfs:latest")), ("options", options)]);
    let mount = dict(&[
        ("type", text("volume")),
        ("driver_config", driver),
        ("source", text("home")),
        ("target", text("/home/jovyan/work")),
    ]);
    let sshfs = Py::Object(Object { class: "SSHFSMounter".to_owned(), args: vec![mount], kwargs: Vec::new() });
    let image = dict(&[("name", text("Python")), ("image", text("a/b:1")), ("mounts", list(&[sshfs]))]);
    let settings = [set("SwarmSpawner", "images", list(&[image]))];
    insta::assert_snapshot!(translate(&settings, Dialect::Swarm).text(&[], Form::Toml));
}

#[test]
fn a_limit_that_is_sent_stands_before_one_that_is_not() {
    let sent = set("SwarmSpawner", "resource_spec", dict(&[("mem_limit", Py::Int(2 << 30))]));
    let told = [set("Spawner", "mem_limit", text("1G")), set("Spawner", "cpu_limit", Py::Int(2))];
    let [memory, cpus] = told;
    for settings in [[memory.clone(), sent.clone(), cpus.clone()], [sent, cpus, memory]] {
        let imported = translate(&settings, Dialect::Swarm);
        let text = imported.text(&[], Form::Toml);
        assert!(text.contains("resource_spec = { mem_limit = \"2G\", cpu_limit = 2 }"), "{text}");
        let items: Vec<_> = imported.report.items.iter().map(|item| (item.subject.as_str(), item.fate)).collect();
        assert!(
            items.contains(&("mem_limit", Fate::Left)) && items.contains(&("cpu_limit", Fate::Mended)),
            "{items:?}"
        );
    }
}
