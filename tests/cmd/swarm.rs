//! The commands that talk to an engine: exit codes, streams, what they refuse. The engine is tests/fake_engine; what comes of it
//! on a real one is for tests/live.

use super::fake_engine::FakeEngine;
use super::*;

/// A config whose servers fit the fake's swarm, with a declared config and a declared secret.
pub(super) const FITS: &str = "\
version = 1
deployment = \"physics\"
networks = [\"jupyterhub_default\"]
configs = [{ config_name = \"welcome\", filename = \"/etc/motd\" }, { config_name = \"motd\", filename = \"/etc/old\" }]
container_spec.secrets = [\"database\"]
swarm_configs.welcome = { content = \"Welcome\" }
swarm_secrets.database = { env = \"SECRET\" }
key = { env = \"KEY\" }
[[images]]
name = \"Python\"
image = \"jupyter/base-notebook:1\"
[users.alice]
[users.bob]
";

/// A command on the engine at an address, where the secret and the key are set.
pub(super) fn command(address: &str, folder: &Folder, args: &[&str]) -> Command {
    let mut command = folder.command(args);
    command.env("DOCKER_HOST", address).env_remove("DOCKER_CONTEXT").env_remove("SWARMGEN_KEY");
    command.env("DOCKER_CONFIG", folder.path("docker")).env("SECRET", CANARY).env("KEY", "0123456789abcdef");
    command
}

/// Runs beside the fake, where the secret and the key are set.
pub(super) fn run(engine: &FakeEngine, folder: &Folder, args: &[&str]) -> Ran {
    Ran::from(command(&engine.address(), folder, args).output().unwrap())
}

/// Checks a document against its committed schema.
pub(super) fn fits(name: &str, document: &str) -> serde_json::Value {
    let path = format!("{}/schema/{name}.v1.schema.json", env!("CARGO_MANIFEST_DIR"));
    let schema: serde_json::Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let document: serde_json::Value = serde_json::from_str(document).unwrap();
    let problem = jsonschema::validator_for(&schema).unwrap().validate(&document).err().map(|error| error.to_string());
    assert_eq!(problem, None, "{document}");
    document
}

#[test]
fn without_an_engine_the_exit_code_is_5() {
    let folder = Folder::with(FITS);
    let nowhere = format!("unix://{}", folder.path("nothing.sock").display());
    let commands: [&[&str]; 7] = [
        &["plan"],
        &["apply"],
        &["destroy", "--all"],
        &["status"],
        &["report", "-o", "page.html"],
        &["validate", "--cluster"],
        &["render", "--user", "alice", "--cluster", "-o", "out.yml"],
    ];
    for args in commands {
        let mut command = folder.command(args);
        command.args(["-H", &nowhere]).env("SECRET", CANARY).env("KEY", "k");
        let ran = Ran::from(command.output().unwrap());
        assert_eq!(ran.code, Some(5), "{ran:?}");
        assert!(ran.stdout.is_empty() && ran.stderr.contains("nothing.sock"), "{ran:?}");
    }
    assert_eq!(folder.names("."), ["swarmgen.toml"]);
    // What the config has to be told of is told all the same.
    folder.put("swarmgen.toml", FITS.replace("base-notebook:1", "base-notebook:latest"));
    for command in ["plan", "apply"] {
        let mut command = folder.command(&[command, "-H", &nowhere]);
        let ran = Ran::from(command.env("SECRET", CANARY).env("KEY", "k").output().unwrap());
        assert!(ran.code == Some(5) && ran.stderr.contains("warning[SG202]"), "{ran:?}");
    }
}

#[test]
fn wrong_usage_ends_before_an_engine_is_asked() {
    let folder = Folder::with(FITS);
    let commands: [&[&str]; 17] = [
        &["apply", "plan.json", "-c", "other.toml"],
        &["-c", "other.toml", "apply", "plan.json"],
        &["apply", "plan.json", "--users-file", "class.csv"],
        &["apply", "plan.json", "-A", "floating-tag", "-W", "floating-tag"],
        &["apply", "plan.json", "-D", "warnings"],
        &["destroy"],
        &["destroy", "--all", "--user", "alice"],
        &["destroy", "--server", "x"],
        &["plan", "--allow-empty"],
        &["plan", "-H", "unix:///x", "--context", "y"],
        &["plan", "-o", "plan.json", "--set", "a=b"],
        &["apply", "plan.json", "--prune"],
        &["apply", "plan.json", "--server", "x"],
        &["apply", "plan.json", "--keep", "1"],
        &["apply", "plan.json", "--resolve-image", "never"],
        &["apply", "--detach", "--rollback"],
        &["render", "--user", "alice", "--cluster", "--ids", "ids.json"],
    ];
    for args in commands {
        assert_eq!(folder.run(args).code, Some(2), "{args:?}");
    }
}

#[test]
fn a_plan_is_the_result_and_findings_are_told_beside_it() {
    let (engine, folder) = (FakeEngine::start(), Folder::with(FITS));
    let ran = run(&engine, &folder, &["plan", "--format", "json"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    fits("plan", &ran.stdout);
    assert!(ran.stderr.contains("warning[SG518]"), "{ran:?}");
    let silent = run(&engine, &folder, &["plan", "--resolve-image", "never"]);
    assert_eq!((silent.code, silent.stderr.as_str()), (Some(3), ""), "{silent:?}");
    for ran in [ran, silent] {
        assert!(!format!("{ran:?}").contains(CANARY), "{ran:?}");
    }
}

#[test]
fn findings_of_the_config_and_of_the_swarm_are_one_document() {
    let (engine, folder) =
        (FakeEngine::start(), Folder::with(&FITS.replace("base-notebook:1", "base-notebook:latest")));
    let commands: [&[&str]; 3] = [&["plan"], &["apply", "--detach", "--progress", "json"], &["apply", "--detach"]];
    for command in commands {
        let ran = run(&engine, &folder, &[command, &["--message-format", "json", "--user", "alice"]].concat());
        // Where standard output has something else already, they are beside it.
        let told = if command == commands[2] { &ran.stdout } else { &ran.stderr };
        let told: serde_json::Value = serde_json::from_str(told).unwrap();
        let codes: Vec<&str> =
            told["diagnostics"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap()).collect();
        assert_eq!(codes, ["SG202", "SG518"], "{ran:?}");
    }
}

#[test]
fn what_is_rendered_with_a_cluster_is_what_is_applied() {
    let (engine, folder) = (FakeEngine::start(), Folder::with(FITS));
    let args = ["apply", "--user", "alice", "--detach", "--resolve-image", "never"];
    let ran = run(&engine, &folder, &args);
    assert!(!format!("{ran:?}").contains(CANARY), "{ran:?}");
    ran.ok();
    let sent = engine.take().remove(0);
    let references = |list: &str| sent["TaskTemplate"]["ContainerSpec"][list].as_array().unwrap().clone();
    let name = |object: &serde_json::Value, key: &str| object[key].as_str().unwrap().to_owned();
    let (config, secret) = (&references("Configs")[1], &references("Secrets")[0]);
    assert!(name(config, "ConfigName").starts_with("welcome-"), "{config}");
    assert_eq!(name(&references("Configs")[0], "ConfigID"), "motdid");

    // They are not there in the fake's listing, so that only a stack, which needs no ids, can name them.
    let stack = run(&engine, &folder, &["render", "--user", "alice", "--cluster"]).ok();
    for name in [name(config, "ConfigName"), name(secret, "SecretName")] {
        assert!(stack.contains(&format!("name: {name}")), "{stack}");
    }
    let told = run(&engine, &folder, &["render", "--user", "alice", "--cluster", "--format", "service"]);
    assert!(told.refused("SG402").contains("the id of config `welcome-"));
    folder.put(
        "swarmgen.toml",
        FITS.replace("{ config_name = \"welcome\", filename = \"/etc/motd\" }, ", "")
            .replace("container_spec.secrets", "#"),
    );
    let body = run(&engine, &folder, &["render", "--user", "alice", "--cluster", "--format", "service"]).ok();
    assert!(body.contains("\"ConfigID\": \"motdid\""), "{body}");
}

#[test]
fn a_saved_plan_is_read_with_care() {
    let (engine, folder) = (FakeEngine::start(), Folder::with(FITS));
    run(&engine, &folder, &["plan", "-o", "plan.json"]);
    let plan = folder.read("plan.json");
    assert!(!plan.contains(CANARY) && !plan.contains("0123456789abcdef"), "{plan}");
    for (text, says) in [
        ("", "is no plan of swarmgen's"),
        ("{\"version\": 1}", "is no plan of swarmgen's"),
        (plan.split_at(plan.len() / 2).0, "is no plan of swarmgen's"),
        (&*run(&engine, &folder, &["plan", "--format", "json"]).stdout, "is a plan to look at"),
        (&*plan.replace("\"plan\"", "\"validate\""), "are none of `swarmgen plan`"),
    ] {
        folder.put("wrong.json", text);
        let ran = run(&engine, &folder, &["apply", "wrong.json"]);
        assert!(ran.code == Some(1) && ran.stderr.contains(says), "{says}: {ran:?}");
    }
    let ran = run(&engine, &folder, &["apply", "missing.json"]);
    assert!(ran.code == Some(1) && ran.stderr.contains("cannot read `missing.json`"), "{ran:?}");
    assert!(engine.take().is_empty(), "something was sent");
    let ran = run(&engine, &folder, &["apply", "plan.json", "--detach"]);
    assert!(ran.stderr.contains("2 servers created"), "{ran:?}");
    ran.ok();
    assert_eq!(engine.take().len(), 2);
}

#[test]
fn pruning_everything_has_to_be_said() {
    let (engine, folder) = (FakeEngine::start(), Folder::with(GOOD));
    let ran = run(&engine, &folder, &["plan", "--prune"]);
    assert!(ran.code == Some(1) && ran.stderr.contains("add `--allow-empty` if that is meant"), "{ran:?}");
    let ran = run(&engine, &folder, &["plan", "--prune", "--allow-empty"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

#[test]
fn a_deployment_without_servers() {
    let (engine, folder) = (FakeEngine::start(), Folder::with(FITS));
    let ran = run(&engine, &folder, &["status"]);
    assert!(ran.stderr.contains("the deployment `physics` has no servers on this swarm"), "{ran:?}");
    assert_eq!(ran.ok(), "");
    let document = fits("status", &run(&engine, &folder, &["status", "--format", "json"]).ok());
    assert_eq!(document["servers"], serde_json::json!([]), "{document}");
    assert!(run(&engine, &folder, &["destroy", "--all"]).stderr.contains("nothing to remove"));
}

#[test]
fn a_later_document_declares_over_those_before() {
    let engine = FakeEngine::start();
    let folder = Folder::with(FITS);
    let objects = |args: &[&str]| {
        let args = [&["plan", "--format", "json", "--resolve-image", "never"], args].concat();
        let ran = run(&engine, &folder, &args);
        assert_eq!(ran.code, Some(3), "{ran:?}");
        let plan = fits("plan", &ran.stdout);
        let objects = plan["objects"].as_array().unwrap().iter();
        objects.map(|object| (object["name"].clone(), object["place"].clone())).collect::<Vec<_>>()
    };
    let one = objects(&[]);
    // A declaration is replaced whole, others stay, and each is of the document that says it.
    folder
        .put("later.toml", "swarm_configs.welcome = { content = \"Hello\" }\nswarm_secrets.more = { env = \"KEY\" }\n");
    let both = objects(&["-c", "swarmgen.toml", "-c", "later.toml"]);
    assert_eq!((one.len(), both.len()), (2, 3), "{one:?} {both:?}");
    assert_ne!(one[0].0, both[0].0, "the content is another one");
    let starts = |object: &(serde_json::Value, serde_json::Value), name: &str, file: &str| {
        object.0.as_str().unwrap().starts_with(name) && object.1.as_str().unwrap().starts_with(file)
    };
    assert!(starts(&both[0], "welcome-", "later.toml:1:"), "{both:?}");
    assert!(both[1] == one[1] && starts(&both[1], "database-", "swarmgen.toml:7:"), "{both:?}");
    assert!(starts(&both[2], "more-", "later.toml:2:"), "{both:?}");
}
