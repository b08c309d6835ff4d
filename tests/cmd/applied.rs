//! What `apply` does with services, and Swarm configs, that are there.

use serde_json::{Value, json};

use super::fake_engine::{FakeEngine, swarm};
use super::proxy::{Fault, Proxy, Requests};
use super::swarm::{FITS, command, fits, run};
use super::*;

/// A config of one server.
const ONE: &str = "version = 1\ndeployment = \"physics\"\nnetworks = [\"jupyterhub_default\"]\n[[images]]\nname = \"Python\"\nimage = \"jupyter/base-notebook:1\"\n[users.alice]\n";

/// The small swarm with the service that the config makes, and its task, which runs since a time.
fn with_its_service(folder: &Folder, since: &str) -> Value {
    let engine = FakeEngine::start();
    run(&engine, folder, &["apply", "--detach", "--resolve-image", "never"]).ok();
    let mut swarm = swarm();
    let at = "2026-01-05T08:00:00Z";
    swarm["info"]["SystemTime"] = "2026-01-05T09:00:00Z".into();
    let version = json!({"Index": 30});
    swarm["services"] = json!([
        {"ID": "oursid", "Version": version, "CreatedAt": at, "UpdatedAt": at, "Spec": engine.take().remove(0)},
    ]);
    swarm["tasks"] = json!([{
        "ID": "ourtaskid", "Version": version, "CreatedAt": at, "UpdatedAt": since, "ServiceID": "oursid",
        "NodeID": "lab1id", "DesiredState": "running", "Status": {"Timestamp": since, "State": "running"},
    }]);
    swarm
}

#[test]
fn what_is_made_anew_is_asked_about() {
    let folder = Folder::with(ONE);
    let mut swarm = with_its_service(&folder, "2026-01-05T08:00:01Z");
    // The engine takes names for the same that differ in such letters: no update changes them.
    let name = swarm["services"][0]["Spec"]["Name"].as_str().unwrap().to_uppercase();
    swarm["services"][0]["Spec"]["Name"] = name.into();
    let engine = FakeEngine::of(swarm);
    let apply = ["apply", "--detach", "--resolve-image", "never"];
    let ran = run(&engine, &folder, &apply);
    assert!(ran.code == Some(1) && ran.stderr.contains("this removes, replaces or takes over services"), "{ran:?}");
    assert!(engine.take().is_empty(), "something was sent");
    let ran = run(&engine, &folder, &[&apply[..], &["--yes"]].concat());
    assert!(ran.stderr.contains("1 server replaced"), "{ran:?}");
    ran.ok();
    assert_eq!(engine.take().len(), 1);
}

#[test]
fn what_runs_is_watched_until_it_has_stayed_up() {
    let folder = Folder::with(ONE);
    let apply = ["apply", "--resolve-image", "never"];
    for since in ["2026-01-05T08:00:01Z", "2026-01-05T08:59:57.5Z"] {
        let engine = FakeEngine::of(with_its_service(&folder, since));
        let ran = run(&engine, &folder, &apply);
        assert!(ran.stderr.contains("nothing to do: 1 service unchanged"), "{since}: {ran:?}");
        ran.ok();
    }
    let mut swarm = with_its_service(&folder, "2026-01-05T08:59:59.5Z");
    let engine = FakeEngine::of(swarm.clone());
    let ran = run(&engine, &folder, &apply);
    assert!(!ran.stderr.contains("nothing to do"), "{ran:?}");
    ran.ok();
    // It had ended when it was looked at next.
    let engine = FakeEngine::of(swarm.clone());
    let proxy = Proxy::before(engine.address().trim_start_matches("unix://").as_ref());
    proxy.harms(Requests::to("GET", "/tasks").nth(2), Fault::Delay(std::time::Duration::from_secs(1)));
    let address = format!("unix://{}", proxy.socket().display());
    let child = std::thread::spawn({
        let mut command = command(&address, &folder, &[&apply[..], &["--timeout", "3s"]].concat());
        move || Ran::from(command.output().unwrap())
    });
    until::until("it looks again", 20, || proxy.count(&Requests::to("GET", "/tasks")) == 2, String::new);
    swarm["tasks"][0]["Status"] =
        json!({"Timestamp": "2026-01-05T08:59:59.6Z", "State": "failed", "Err": "task: non-zero exit (3)"});
    swarm["tasks"][0]["DesiredState"] = "shutdown".into();
    engine.becomes(swarm);
    let ran = child.join().unwrap();
    assert_eq!(ran.code, Some(4), "{ran:?}");
}

/// The small swarm with old contents of a config, the last one the newest.
fn with_contents(count: usize) -> Value {
    let mut swarm = swarm();
    let labels = json!({"swarmgen.deployment": "physics", "swarmgen.made-by": "apply", "swarmgen.object": "welcome"});
    let content = |index: usize| {
        let (at, name) = (format!("2026-01-05T08:00:0{index}Z"), format!("welcome-{index}"));
        let spec = json!({"Name": name, "Labels": labels});
        json!({"ID": format!("{name}-id"), "Version": {"Index": 1}, "CreatedAt": at, "UpdatedAt": at, "Spec": spec})
    };
    swarm["configs"].as_array_mut().unwrap().extend((0..count).map(content));
    swarm
}

#[test]
fn as_many_contents_stay_as_are_asked_for() {
    let folder = Folder::with(FITS);
    for (keep, goes) in [(None, 3), (Some("1"), 5), (Some("2"), 4), (Some("4"), 2), (Some("6"), 0)] {
        let engine = FakeEngine::of(with_contents(5));
        let proxy = Proxy::before(engine.address().trim_start_matches("unix://").as_ref());
        let address = format!("unix://{}", proxy.socket().display());
        let keep = keep.map_or_else(Vec::new, |keep| vec!["--keep", keep]);
        let ran = |args: &[&str]| {
            let args = [args, &["--resolve-image", "never"], &keep].concat();
            Ran::from(command(&address, &folder, &args).output().unwrap())
        };
        let plan = fits("plan", &ran(&["plan", "--format", "json"]).stdout);
        let removed = plan["objects"].as_array().unwrap().iter().filter(|object| object["action"] == "remove");
        let removed: Vec<Value> = removed.cloned().collect();
        // The oldest ones go, since the config declares another content.
        let expected = |index: usize| {
            let name = format!("welcome-{index}");
            json!({"kind": "config", "name": name, "action": "remove", "cause": "config", "place": "swarmgen.toml:6:15"})
        };
        assert_eq!(removed, (0..goes).map(expected).collect::<Vec<_>>(), "{keep:?}");
        ran(&["apply", "--detach"]).ok();
        assert_eq!(proxy.count(&Requests::to("DELETE", "/configs/*")), goes, "{keep:?}");
    }
    let engine = FakeEngine::of(with_contents(1));
    assert_eq!(run(&engine, &folder, &["plan", "--keep", "0"]).code, Some(2));
}

#[test]
fn a_failed_collection_is_not_rolled_back() {
    let folder = Folder::with(&FITS.replace("[users.alice]\n[users.bob]\n", ""));
    let engine = FakeEngine::of(with_contents(5));
    let proxy = Proxy::before(engine.address().trim_start_matches("unix://").as_ref());
    proxy.harms(Requests::to("DELETE", "/configs/*").nth(2), Fault::Answer(400, "in use"));
    let address = format!("unix://{}", proxy.socket().display());
    let ran = Ran::from(command(&address, &folder, &["apply", "--rollback", "--keep", "1"]).output().unwrap());
    assert_eq!(ran.code, Some(4), "{ran:?}");
    assert!(ran.stderr.contains("not rolled back: all servers are as they should be"), "{ran:?}");
    assert_eq!(proxy.count(&Requests::to("DELETE", "/configs/new")), 0, "what was made stays");
}
