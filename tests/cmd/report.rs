//! `report`: the page as a file or on standard output, what it agrees with, and what it never holds.

use serde_json::{Value, json};

use super::fake_engine::{FakeEngine, swarm};
use super::page::{escaped, row};
use super::swarm::{FITS, fits, run};
use super::*;

/// A swarm with two servers of the deployment `physics`: alice's runs, and carl's ends with words that quote a secret.
fn busy() -> Value {
    let mut swarm = swarm();
    let service = |id: &str, user: &str, profile: &str| {
        json!({
            "ID": id, "Version": {"Index": 30}, "CreatedAt": "2026-01-05T08:00:00Z", "UpdatedAt": "2026-01-05T08:00:00Z",
            "Spec": {
                "Name": format!("jupyter-{user}"),
                "Labels": {
                    "swarmgen.deployment": "physics", "swarmgen.user": user, "swarmgen.server": "",
                    "swarmgen.made-by": "apply", "swarmgen.hidden": "env.TOKEN",
                },
                "TaskTemplate": {"ContainerSpec": {
                    "Image": "jupyter/base-notebook:1", "Labels": {"image_name": profile},
                    "Env": [format!("TOKEN=live-{CANARY}-{user}")],
                }},
                "Mode": {"Replicated": {"Replicas": 1}},
            },
        })
    };
    let task = |service: &str, state: &str, error: &str| {
        json!({
            "ID": format!("{service}task"), "ServiceID": service, "NodeID": "lab1id", "DesiredState": "running",
            "CreatedAt": "2026-01-05T08:00:00Z",
            "Spec": {
                "ContainerSpec": {"Image": "jupyter/base-notebook:1"},
                "Resources": {"Reservations": {"NanoCPUs": 500_000_000, "MemoryBytes": 1_073_741_824}},
            },
            "Status": {"Timestamp": "2026-01-05T08:00:00Z", "State": state, "Err": error},
        })
    };
    let services = swarm["services"].as_array_mut().unwrap();
    services.extend([service("aliceid", "alice", "Python"), service("carlid", "carl", "<i>R</i>")]);
    let refused = format!("invalid mount: live-{CANARY}-carl, and {CANARY} & \"more\"");
    swarm["tasks"] = json!([
        task("aliceid", "running", ""),
        task("carlid", "failed", &refused),
        task("foreignserviceid", "running", ""),
    ]);
    swarm
}

/// The config, whose profile has the secret, too.
fn config() -> String {
    FITS.replace(
        "image = \"jupyter/base-notebook:1\"\n",
        "image = \"jupyter/base-notebook:1\"\nenv.PASSWORD = { env = \"SECRET\" }\n",
    )
}

#[test]
fn a_page_is_one_file_whole_or_not_at_all() {
    let (engine, folder) = (FakeEngine::of(busy()), Folder::with(&config()));
    folder.put("page.html", "what was there");
    let ran = run(&engine, &folder, &["report", "-o", "page.html"]);
    assert!(ran.stderr.starts_with("wrote page.html: "), "{ran:?}");
    assert_eq!(ran.ok(), "");
    let page = folder.read("page.html");
    assert!(page.starts_with("<!DOCTYPE html>\n") && page.ends_with("</html>\n"), "{page}");
    for args in [&["report"][..], &["report", "-o", "-"]] {
        let ran = run(&engine, &folder, args);
        assert_eq!(ran.stderr, "");
        assert!(ran.ok().ends_with("</html>\n"));
    }
    let ran = run(&engine, &folder, &["report", "-o", "missing/page.html"]);
    assert!(ran.code == Some(1) && ran.stderr.contains("there is no directory `missing`"), "{ran:?}");
    assert_eq!(folder.names(""), ["page.html", "swarmgen.toml"]);
    assert!(engine.take().is_empty(), "something was sent");
}

#[test]
fn the_page_agrees_with_status_and_plan() {
    let (engine, folder) = (FakeEngine::of(busy()), Folder::with(&config()));
    let page = run(&engine, &folder, &["report"]).ok();
    let status = fits("status", &run(&engine, &folder, &["status", "--format", "json"]).ok());
    for server in status["servers"].as_array().unwrap() {
        let text = |key: &str| escaped(server[key].as_str().unwrap());
        let cells = row(&page, &text("user"));
        assert_eq!((&cells[0], &cells[1]), (&text("user"), &"default".to_owned()));
        assert_eq!([2, 3, 4].map(|at| &cells[at]), [&text("state"), &text("profile"), &text("node")]);
        assert_eq!(cells.last(), Some(&text("service")));
    }
    assert_eq!(status["servers"].as_array().unwrap().len(), 2);
    let plan = run(&engine, &folder, &["plan", "--resolve-image", "never"]);
    let counts = plan.stdout.lines().last().unwrap();
    assert!(page.contains(&format!("<code>swarmgen plan</code> would do: {counts}.")), "{counts}: {page}");
    let digest = run(&engine, &folder, &["render", "--user", "bob", "--show-secrets"]).ok();
    let digest = digest.lines().next().unwrap().split("sha256:").nth(1).unwrap().to_owned();
    assert!(page.contains(&digest), "{digest}");
    assert_eq!(row(&page, "CPUs")[1..], ["4", "0.5", "0.5", "3"]);
    assert_eq!(row(&page, "Memory")[1..], ["8 GiB", "1 GiB", "1 GiB", "6 GiB"]);
}

#[test]
fn what_validate_finds_is_on_the_page() {
    let engine = FakeEngine::of(busy());
    let config =
        config().replace("[users.alice]", "placement.constraints = [\"node.labels.gpu==true\"]\n[users.alice]");
    let folder = Folder::with(&config.replace("base-notebook:1\"", "base-notebook:latest\""));
    let validated = run(&engine, &folder, &["validate", "--cluster", "--message-format", "json"]);
    let found: Value = serde_json::from_str(&validated.stdout).unwrap();
    let found = found["diagnostics"].as_array().unwrap();
    let page = run(&engine, &folder, &["report"]).ok();
    for finding in found.iter().filter(|finding| finding["severity"] != "note") {
        let shown = format!("<code>{}</code></strong>", finding["code"].as_str().unwrap());
        assert!(page.contains(&shown), "{finding}: {page}");
    }
    assert!(found.len() >= 2 && page.contains("<code>swarmgen.toml:13:26</code> (no-node)"), "{found:?} {page}");
}

#[test]
fn a_config_that_cannot_be_read_gives_no_page_and_one_with_errors_does() {
    let engine = FakeEngine::of(busy());
    let folder = Folder::with(BAD);
    run(&engine, &folder, &["report", "-o", "page.html"]).refused("SG101");
    assert_eq!(folder.names(""), ["swarmgen.toml"]);
    // One user's error is no reason not to show the others.
    folder.put("swarmgen.toml", config().replace("[users.bob]", "[users.bob]\nprofile = \"Nothing\""));
    let ran = run(&engine, &folder, &["report", "-o", "page.html"]);
    assert!(ran.stderr.contains("wrote page.html: 1 error"), "{ran:?}");
    ran.ok();
    let page = folder.read("page.html");
    assert!(page.contains("Not compared: there are errors") && page.contains(">running</span>"), "{page}");
}

#[test]
fn servers_of_a_hub_are_shown_and_not_compared() {
    let engine = FakeEngine::of(busy());
    let folder = Folder::with(&config().replace("networks =", "jupyterhub_service_name = \"hub\"\nnetworks ="));
    let page = run(&engine, &folder, &["report"]).ok();
    assert!(page.contains("Not compared: the hub starts these servers") && !page.contains("SG502"), "{page}");
    assert_eq!(row(&page, "alice")[2], "running");
}

#[test]
fn no_secret_is_on_the_page_or_told_beside_it() {
    let (engine, folder) = (FakeEngine::of(busy()), Folder::with(&config()));
    for args in [&["report"][..], &["report", "-o", "page.html", "-vv"], &["status"], &["status", "--format", "json"]] {
        let ran = run(&engine, &folder, args);
        let told = format!("{ran:?}");
        assert!(!told.contains(&format!("live-{CANARY}")), "{args:?}: {told}");
        // Only the config knows the other one.
        assert!(args[0] == "status" || !told.contains(CANARY), "{args:?}: {told}");
    }
    let page = folder.read("page.html");
    assert!(!page.contains(CANARY), "{page}");
    assert!(page.contains("invalid mount: «redacted», and «redacted» &amp; &quot;more&quot;"), "{page}");
    assert!(row(&page, "carl")[3] == "&lt;i&gt;R&lt;&#x2f;i&gt;", "{page}");
}

/// A page would flood a terminal. Other systems' `script` takes other arguments.
#[cfg(target_os = "linux")]
#[test]
fn a_terminal_gets_no_page() {
    let (engine, folder) = (FakeEngine::of(busy()), Folder::with(&config()));
    let mut script = std::process::Command::new("script");
    let program = assert_cmd::cargo::cargo_bin("swarmgen");
    script.args(["-qec", &format!("{} report", program.display()), "/dev/null"]).current_dir(folder.path("."));
    let output = script.env("DOCKER_HOST", engine.address()).env_remove("SWARMGEN_CONFIG").output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.code() == Some(2) && told.contains("-o FILE.html"), "{told}");
}
