//! Whatever is not the deployment's own stays as it is, and secrets are told nowhere.

use serde_json::{Value, json};

use crate::engine::{Engine, NOTEBOOK, run};
use crate::proxy::{Fault, Proxy, Requests};
use crate::scenario::Scenario;

/// What secrets hold, each in its own way to be told from all else.
const CANARIES: [&str; 5] =
    ["canary-env-7f3a", "canary-swarm-91bc", "canary-sshfs-55de", "canary-key-0a1b", "canary-hub-c3d8"];

/// Everything of the swarm but what this deployment has.
fn others(scenario: &Scenario<'_>) -> Value {
    let mut all = json!({});
    for kind in ["services", "networks", "configs", "secrets"] {
        let list = scenario.engine().get(&format!("/{kind}"));
        let theirs = |object: &&Value| {
            let spec = object.get("Spec").unwrap_or(object);
            let name = spec["Name"].as_str().unwrap_or_default();
            name.starts_with("owners-") && spec["Labels"]["swarmgen.deployment"] != "owners"
        };
        // Whether a task runs is no matter of ours.
        let objects = list.as_array().unwrap().iter().filter(theirs).cloned();
        all[kind] = objects.collect();
    }
    let volumes = scenario.engine().get("/volumes");
    let named = |volume: &&Value| volume["Name"].as_str().unwrap().starts_with("owners-t");
    all["volumes"] = volumes["Volumes"].as_array().unwrap().iter().filter(named).cloned().collect();
    all
}

#[test]
fn nothing_of_another_owner_is_touched() {
    let scenario = Scenario::new(Engine::idle(), "owners");
    let engine = scenario.engine();
    // Another deployment of the same program, whose names begin alike.
    let ours = |deployment: &str, prefix: &str, users: &str| {
        format!(
            "version = 1\ndeployment = \"{deployment}\"\nservice_prefix = \"{prefix}\"\nnaming.scheme = \"slug\"\n\
             networks = []\nkey = {{ file = \"key\" }}\n\
             [swarm_configs.{prefix}-page]\ncontent = \"{deployment}\"\n[swarm_secrets.{prefix}-word]\nfile = \"key\"\n\
             [[images]]\nname = \"Stand-in\"\nimage = \"{NOTEBOOK}\"\nconfigs = [\"{prefix}-page\"]\n\
             secrets = [\"{prefix}-word\"]\n{users}\n"
        )
    };
    scenario.write("key", "a key that is long enough to be one");
    scenario.write("theirs.toml", &ours("owners-theirs", "owners-theirs", "[users.anna]\n[users.zoe]\n"));
    scenario.ran(&["-c", "theirs.toml", "apply", "--detach", "--resolve-image", "never"]).ends_with(0);
    // Ours before the spawner's time, a hub's, a stack's, and what nobody labelled.
    for (name, labels) in [
        (
            "owners-spawned",
            json!({"swarmgen.deployment": "owners-hub", "swarmgen.user": "u", "swarmgen.made-by": "spawner"}),
        ),
        (
            "owners-spawned-2",
            json!({"swarmgen.deployment": "OWNERS", "swarmgen.user": "u", "swarmgen.made-by": "apply"}),
        ),
        ("owners-nobody", json!({})),
    ] {
        let body = json!({"Name": name, "Labels": labels, "TaskTemplate": {"ContainerSpec": {"Image": NOTEBOOK}}});
        assert_eq!(engine.ask("POST", "/services/create", Some(&body)).status, 201);
        engine.has_object("configs", name);
        engine.has_object("secrets", name);
        engine.has_network(name);
    }
    run(&mut engine.docker(&["volume", "create", "--label", "autoremove=True", "owners-theirs-v"]));
    let before = others(&scenario);
    assert_eq!(before["services"].as_array().unwrap().len(), 6);
    let untouched = |at: &str| {
        assert_eq!(others(&scenario), before, "{at}");
        scenario.leaves_others_alone();
    };
    for (arguments, users, code) in [
        (&["apply", "--detach", "--prune", "--yes", "--keep", "1"] as &[&str], "[users.anna]\n[users.ben]\n", 0),
        (&["apply", "--detach", "--prune", "--yes", "--keep", "1"], "[users.ben]\n", 0),
        (&["apply", "--detach", "--prune", "--yes"], "", 1),
        (&["apply", "--detach", "--prune", "--yes", "--allow-empty", "--keep", "1"], "", 0),
        (&["apply", "--detach"], "[users.ben]\n", 0),
        // A user whose service would have the name of somebody else's.
        (&["apply", "--detach", "--prune", "--yes", "--take-over", "--replace-volumes"], "[users.theirs-anna]\n", 1),
        (&["destroy", "--user", "anna", "--yes"], "[users.ben]\n", 0),
        (&["destroy", "--all", "--yes"], "[users.ben]\n", 0),
        (&["destroy", "--all", "--yes"], "[users.ben]\n", 0),
    ] {
        scenario.write("swarmgen.toml", &ours("owners", "owners", users));
        scenario.ran(arguments).ends_with(code);
        untouched(&format!("{arguments:?}"));
    }
    scenario.ran(&["-c", "theirs.toml", "destroy", "--all", "--yes"]).ends_with(0);
}

#[test]
fn secrets_are_told_nowhere() {
    let mut scenario = Scenario::new(Engine::idle(), "canaries");
    let proxy = Proxy::before(&scenario.engine().socket(1));
    scenario.goes_through(&proxy.socket());
    let [env, swarm, sshfs, key, hub] = CANARIES;
    for (file, text) in [("env", env), ("word", swarm), ("password", sshfs), ("key", key)] {
        scenario.write(file, text);
    }
    scenario.write("hub.json", &json!({ "JUPYTERHUB_API_TOKEN": hub }).to_string());
    let configure = |more: &str| {
        scenario.has_config(
            "networks = []\nkey = { file = \"key\" }\n[swarm_secrets.canaries-word]\nfile = \"word\"\n",
            &format!(
                "env = {{ TOKEN = {{ file = \"env\" }}, TWICE = \"before {{canary_token}} after\" }}\n\
                 secrets = [\"canaries-word\"]\nmounts = [{{ type = \"sshfs\", driver = \"local\", source = \"canaries-{{name}}\", \
                 target = \"/s\", sshcmd = \"a@b.example:\" }}]\n{more}\n[user_defaults]\ncanary_token = {{ file = \"env\" }}\n\
                 password = {{ file = \"password\" }}\n[users.anna]\n[users.ben]\n"
            ),
        );
    };
    configure("");
    let mut told = String::new();
    let mut tell = |arguments: &[&str], code: i32| {
        let ran = scenario.ran(arguments).ends_with(code);
        told += &format!("{arguments:?}\n{}\n{}\n", ran.stdout, ran.stderr);
    };
    tell(&["-vv", "plan"], 3);
    tell(&["plan", "--format", "json", "-o", "plan.json"], 3);
    tell(&["-vv", "apply", "--detach", "--progress", "json", "plan.json"], 0);
    // Changed by hand, so that plans have an old value that is none of the config's.
    let update = [
        "service",
        "update",
        "--detach",
        "--quiet",
        "--no-resolve-image",
        "--env-add",
        "TOKEN=canary-env-7f3a-by-hand",
    ];
    run(scenario.engine().docker(&update).arg("canaries-anna-1"));
    tell(&["-vv", "plan"], 3);
    tell(&["plan", "--format", "json"], 3);
    tell(&["-vv", "apply", "--detach", "--progress", "plain"], 0);
    scenario.write("env", "canary-env-7f3a-changed");
    scenario.write("password", "canary-sshfs-55de-changed");
    tell(&["plan", "--message-format", "json", "-o", "plan2.json"], 3);
    tell(&["apply", "--yes", "--rollback", "--timeout", "2s"], 4);
    tell(&["apply", "--timeout", "3s", "--progress", "bars"], 4);
    tell(&["status", "--format", "json"], 0);
    tell(&["status"], 0);
    tell(&["report"], 0);
    tell(&["validate", "--cluster", "--message-format", "json"], 0);
    // Refused by an engine that quotes what it was sent.
    let quotes = "rpc error: code = InvalidArgument desc = no such thing: TOKEN=canary-env-7f3a-changed";
    proxy.harms(Requests::to("POST", "/services/*/update"), Fault::Answer(400, quotes));
    configure("container_spec.hostname = \"elsewhere\"");
    tell(&["apply", "--detach", "--progress", "json"], 4);
    proxy.relents();
    // A hub's token, which the next plan wants gone.
    tell(&["-vv", "plan", "--hub-env", "hub.json"], 3);
    tell(&["-vv", "apply", "--detach", "--progress", "plain", "--hub-env", "hub.json"], 0);
    tell(&["plan", "--prune"], 3);
    tell(&["plan", "--prune", "--format", "json"], 3);
    let labels: Vec<String> = scenario
        .services()
        .iter()
        .map(|service| {
            let spec = &service["Spec"];
            format!("{} {}", spec["Labels"], spec["TaskTemplate"]["ContainerSpec"]["Labels"])
        })
        .collect();
    assert_eq!(labels.len(), 2);
    let objects = ["configs", "secrets"].map(|kind| {
        let all = scenario.engine().get(&format!("/{kind}"));
        let ours = |object: &&Value| object["Spec"]["Labels"]["swarmgen.deployment"] == "canaries";
        all.as_array().unwrap().iter().filter(ours).map(Value::to_string).collect::<String>()
    });
    assert!(objects[1].contains("canaries-word-"), "{objects:?}");
    tell(&["destroy", "--user", "anna", "--yes"], 0);
    tell(&["destroy", "--all", "--yes", "--progress", "json"], 0);
    for file in ["plan.json", "plan2.json"] {
        told += &std::fs::read_to_string(scenario.folder().join(file)).unwrap();
    }
    told += &labels.concat();
    told += &objects.concat();
    assert!(told.contains("- env.JUPYTERHUB_API_TOKEN: «redacted»"), "{told}");
    assert!(told.contains("no such thing: TOKEN=«redacted»"), "{told}");
    for canary in CANARIES {
        let at = told.lines().find(|line| line.contains(canary));
        assert_eq!(at, None, "{canary}");
    }
}

#[test]
fn volumes_go_only_where_they_are_said_to() {
    let scenario = Scenario::new(Engine::shared(), "volumes");
    let mount = |source: &str, labels: &str| {
        format!(
            "[[images.mounts]]\ntype = \"volume\"\nsource = \"volumes-{source}-{{name}}\"\ntarget = \"/{source}\"\n{labels}\n"
        )
    };
    let mounts = [
        mount("kept", ""),
        mount("said", "labels = { autoremove = \"True\" }"),
        mount("unsaid", "labels = { autoremove = \"no\" }"),
    ];
    let users = "[users.anna]\n[users.ben]\n[users.carl]\n";
    scenario.has_config("lints.node-local-volume = \"allow\"", &format!("{}{users}", mounts.concat()));
    // It was there before, and nobody said that it goes: the engine looks at no labels of a mount then.
    run(&mut scenario.engine().docker(&["volume", "create", "volumes-said-carl"]));
    scenario.applies(&[]).ends_with(0);
    let volumes = || {
        let all = scenario.engine().get("/volumes");
        let names = all["Volumes"].as_array().unwrap().iter().map(|volume| volume["Name"].as_str().unwrap().to_owned());
        let mut names: Vec<String> =
            names.filter(|name| name.starts_with("volumes-") && !name.starts_with("volumes-x")).collect();
        names.sort();
        names
    };
    let named = |said: &[&str]| {
        let users = ["anna", "ben", "carl"];
        let kept = ["kept", "unsaid"].into_iter().flat_map(|kind| users.map(|user| format!("volumes-{kind}-{user}")));
        let mut all: Vec<String> = kept.chain(said.iter().map(|user| format!("volumes-said-{user}"))).collect();
        all.sort();
        all
    };
    assert_eq!(volumes(), named(&["anna", "ben", "carl"]));
    scenario.ran(&["destroy", "--user", "anna", "--yes"]).ends_with(0);
    assert_eq!(volumes(), named(&["ben", "carl"]));
    scenario.has_config("lints.node-local-volume = \"allow\"", &format!("{}[users.carl]\n", mounts.concat()));
    let plan = scenario.ran(&["plan", "--prune"]).ends_with(3);
    let line = "- 1 volume with what it holds: volumes-said-ben  # its server is no longer in the config\n";
    assert!(plan.stdout.contains(line), "{}", plan.stdout);
    scenario.applies(&["--prune", "--yes"]).ends_with(0);
    assert_eq!(volumes(), named(&["carl"]));
    scenario.destroys_all().ends_with(0);
    assert_eq!(volumes(), named(&["carl"]));
}

#[test]
fn servers_of_another_name_are_not_pruned() {
    let scenario = Scenario::new(Engine::shared(), "labs");
    let servers = || {
        let label = |service: &Value, key: &str| service["Spec"]["Labels"][key].as_str().unwrap().to_owned();
        let name =
            |service: &Value| format!("{}/{}", label(service, "swarmgen.user"), label(service, "swarmgen.server"));
        let mut names: Vec<String> = scenario.services().iter().map(name).collect();
        names.sort();
        names
    };
    scenario.has_config("", "[users.anna]\n[users.ben]\n");
    scenario.applies(&[]).ends_with(0);
    scenario.applies(&["--server", "lab"]).ends_with(0);
    assert_eq!(servers(), ["anna/", "anna/lab", "ben/", "ben/lab"]);
    scenario.has_config("", "[users.anna]\n");
    scenario.applies(&["--prune", "--yes"]).ends_with(0);
    assert_eq!(servers(), ["anna/", "anna/lab", "ben/lab"]);
    scenario.applies(&["--server", "lab", "--prune", "--yes"]).ends_with(0);
    assert_eq!(servers(), ["anna/", "anna/lab"]);
    scenario.ran(&["destroy", "--user", "anna", "--server", "lab", "--yes"]).ends_with(0);
    assert_eq!(servers(), ["anna/"]);
    scenario.destroys_all().ends_with(0);
}

#[test]
fn what_a_config_does_not_declare_goes_with_prune_of_everybody_alone() {
    let scenario = Scenario::new(Engine::shared(), "undeclared");
    let configs = || {
        let all = scenario.engine().get("/configs");
        let names = all.as_array().unwrap().iter().map(|config| config["Spec"]["Name"].as_str().unwrap().to_owned());
        names.filter(|name| name.starts_with("undeclared-motd-")).count()
    };
    scenario.has_config("", "[swarm_configs.undeclared-motd]\ncontent = \"hello\"\n[users.anna]\n");
    scenario.applies(&[]).ends_with(0);
    scenario.has_config("", "[users.anna]\n");
    for (arguments, left) in
        [(&["--yes"][..], 1), (&["--prune", "--user", "anna", "--yes"], 1), (&["--prune", "--yes"], 0)]
    {
        assert_eq!(configs(), 1);
        scenario.applies(arguments).ends_with(0);
        assert_eq!(configs(), left, "{arguments:?}");
    }
    scenario.destroys_all().ends_with(0);
}

#[test]
fn services_of_the_old_spawner_are_taken_over_when_asked_to() {
    let scenario = Scenario::new(Engine::idle(), "taken");
    let mut create = scenario.engine().docker(&["service", "create", "--detach", "--name", "taken-anna-1"]);
    let marks = ["--env", "JUPYTERHUB_USER=anna", "--container-label", "image_name=Stand-in"];
    run(create.args(marks).args(["--label", "kept=yes", crate::engine::NOTEBOOK]));
    // Somebody else's of a name that is wanted.
    run(&mut scenario.engine().docker(&[
        "service",
        "create",
        "--detach",
        "--name",
        "taken-carl-1",
        crate::engine::NOTEBOOK,
    ]));
    scenario.has_config("lints.no-node = \"allow\"", "[users.anna]\n[users.ben]\n");
    let before = scenario.services();
    scenario.applies(&["--detach"]).ends_with(1).says("`--take-over` makes them ours");
    assert_eq!(scenario.services(), before);
    scenario.has_config("lints.no-node = \"allow\"", "[users.anna]\n[users.ben]\n[users.carl]\n");
    scenario.applies(&["--detach", "--take-over", "--yes"]).ends_with(1).says("taken-carl-1 is there already");
    assert_eq!(scenario.services(), before);
    scenario.has_config("lints.no-node = \"allow\"", "[users.anna]\n[users.ben]\n");
    let ran = scenario.applies(&["--detach", "--take-over"]);
    ran.ends_with(1).says("add `--yes`");
    assert_eq!(scenario.services(), before);
    scenario.applies(&["--detach", "--take-over", "--yes"]).ends_with(0);
    scenario.plans(&[]).is_empty();
    assert_eq!(scenario.service_names(), ["taken-anna-1", "taken-ben-1", "taken-carl-1"]);
}

#[test]
fn a_server_that_is_taken_over_is_waited_for() {
    let scenario = Scenario::new(Engine::shared(), "adopted");
    let engine = scenario.engine();
    // With the hub's variables, and with nothing but the spawner's own label.
    for (user, mark) in [("anna", &["--env", "JUPYTERHUB_USER=anna"][..]), ("ben", &[])] {
        let name = format!("adopted-{user}-1");
        let mut create = engine.docker(&["service", "create", "--detach", "--no-resolve-image", "--name", &name]);
        run(create.args(["--container-label", "image_name=Stand-in"]).args(mark).arg(NOTEBOOK));
        engine.wait_for(&name);
    }
    let containers = || ["anna", "ben"].map(|user| engine.container(1, &format!("adopted-{user}-1")));
    let (before, old) = (scenario.services(), containers());
    scenario.has_config("container_spec.hostname = \"ours\"", "[users.anna]\n[users.ben]\n");
    let plan = scenario.plans(&["--take-over"]);
    assert_eq!((plan.code, plan.users("take-over")), (3, vec!["anna", "ben"]));
    assert_eq!(scenario.services(), before);
    let ran = scenario.applies(&["--take-over", "--yes", "--progress", "json"]).ends_with(0);
    assert_eq!(ran.users_that("converged"), ["anna", "ben"]);
    for (new, old) in containers().iter().zip(&old) {
        assert_ne!(new, old);
        let hostname = run(&mut engine.docker(&["inspect", "--format", "{{.Config.Hostname}}", new]));
        assert_eq!(String::from_utf8(hostname).unwrap().trim(), "ours");
    }
    let ids = |services: &[Value]| services.iter().map(|service| service["ID"].to_string()).collect::<Vec<_>>();
    assert_eq!(ids(&scenario.services()), ids(&before));
    scenario.plans(&[]).is_empty();
    scenario.destroys_all().ends_with(0);
    assert_eq!(scenario.service_names(), [""; 0]);
}
