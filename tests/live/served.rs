//! One user's server by the spawner's protocol (docs/spawner-protocol.md), as a hub asks for it: what is told, what is asked of the
//! engine, and what is left.

use std::io::Write as _;
use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::commands::Ran;
use crate::engine::{Engine, NOTEBOOK, run};
use crate::proxy::{Fault, Proxy, Requests};
use crate::scenario::Scenario;
use crate::until::until;

/// The hub's token, and nobody else's to see.
const TOKEN: &str = "canary-token-41d7";

/// What a command told, event by event.
struct Answer {
    code: i32,
    events: Vec<Value>,
    log: String,
}

impl Answer {
    fn of(child: Child) -> Self {
        let ran = Ran::from(child.wait_with_output().unwrap());
        let events: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let told = format!("{}{}", ran.stdout, ran.stderr);
        // The one event that may hold it.
        if events.last().unwrap()["event"] != "exists" {
            assert!(!told.contains(TOKEN), "{told}");
        }
        Self { code: ran.code, events, log: ran.stderr }
    }

    /// The result, which must be this.
    #[track_caller]
    fn is(&self, event: &str, code: i32) -> &Value {
        let last = self.events.last().unwrap();
        assert_eq!((&last["event"], self.code), (&event.into(), code), "{last}\n{}", self.log);
        last
    }

    /// The result, which must be a failure of this kind that left nothing.
    #[track_caller]
    fn fails(&self, code: &str) -> &Value {
        let exit = if code == "engine-away" { 5 } else { 4 };
        let last = self.is("failed", exit);
        assert_eq!((&last["code"], &last["left"]), (&code.into(), &json!([])), "{last}");
        last
    }

    /// The stages, each once, in their order.
    fn stages(&self) -> Vec<&str> {
        let mut stages: Vec<&str> = self.events.iter().filter_map(|event| event["stage"].as_str()).collect();
        stages.dedup();
        stages
    }
}

/// Begins a command with a request, to which `more` is added.
fn begins(scenario: &Scenario<'_>, command: &str, user: &str, more: &Value) -> Child {
    let mut request = json!({
        "version": 1,
        "user": {"name": user, "admin": false, "groups": [], "attributes": {}},
        "server": {"name": ""},
        "hub": {"env": {"JUPYTERHUB_USER": user, "JUPYTERHUB_API_TOKEN": TOKEN}},
        "wait": "running",
        "timeout": 30,
    });
    for (key, value) in more.as_object().unwrap() {
        request[key] = value.clone();
    }
    let mut command = scenario.swarmgen(&["spawner", command]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Its end stays open, as a hub's does: the process holds it.
    writeln!(child.stdin.as_mut().unwrap(), "{request}").unwrap();
    child
}

fn asks(scenario: &Scenario<'_>, command: &str, user: &str, more: &Value) -> Answer {
    let mut child = begins(scenario, command, user, more);
    let stdin = child.stdin.take();
    let answer = Answer::of(child);
    drop(stdin);
    answer
}

fn configure(scenario: &Scenario<'_>, before: &str, profile: &str) {
    scenario.engine().has_network("live");
    let before = format!("networks = [\"live\"]\nuse_user_options = true\n{before}");
    scenario.has_config(&before, profile);
}

/// What of this scenario's is on the swarm: services, configs, volumes.
fn left(scenario: &Scenario<'_>) -> Vec<String> {
    let engine = scenario.engine();
    let mut names = scenario.service_names();
    let named = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    names.extend(engine.get("/configs").as_array().unwrap().iter().map(|config| named(&config["Spec"]["Name"])));
    names.extend(engine.get("/volumes")["Volumes"].as_array().unwrap().iter().map(|volume| named(&volume["Name"])));
    names.retain(|name| name.starts_with(scenario.name()) && !scenario.is_theirs(name));
    names
}

#[test]
fn a_server_is_started_looked_at_and_stopped_with_few_calls() {
    let mut scenario = Scenario::new(Engine::shared(), "served");
    configure(
        &scenario,
        "lints.node-local-volume = \"allow\"",
        "mounts = [{ type = \"volume\", source = \"served-scratch-{name}\", target = \"/s\", labels = { autoremove = \"True\" } }]",
    );
    let proxy = Proxy::before(&scenario.engine().socket(1));
    scenario.goes_through(&proxy.socket());
    let made = |proxy: &Proxy| {
        let tasks = proxy.count(&Requests::to("GET", "/tasks"));
        (proxy.calls().len() - tasks, tasks)
    };

    let answer = asks(&scenario, "start", "anna", &json!({}));
    let started = answer.is("started", 0).clone();
    assert_eq!(answer.stages().first(), Some(&"checking"));
    let percents: Vec<i64> = answer.events.iter().filter_map(|event| event["percent"].as_i64()).collect();
    assert!(percents.is_sorted() && percents.len() > 2, "{percents:?}");
    assert_eq!((&started["service"], &started["profile"]), (&"served-anna-1".into(), &"Stand-in".into()));
    let (calls, lists) = made(&proxy);
    assert!(calls <= 4 && lists <= 30, "{:?}", proxy.calls());
    let spec = &scenario.services()[0]["Spec"];
    assert!(spec["TaskTemplate"]["ContainerSpec"]["Env"].to_string().contains(TOKEN));
    assert!(!spec["Labels"].to_string().contains(TOKEN));

    let proxy = Proxy::before(&scenario.engine().socket(1));
    scenario.goes_through(&proxy.socket());
    let state = json!({ "state": started["state"] });
    let answer = asks(&scenario, "poll", "anna", &state);
    assert_eq!(answer.is("status", 0)["running"], true);
    assert_eq!(proxy.calls().len(), 1, "{:?}", proxy.calls());
    // A hub that has lost its memory.
    assert_eq!(asks(&scenario, "poll", "anna", &json!({})).is("status", 0)["running"], true);
    let answer = asks(&scenario, "poll", "ben", &json!({}));
    assert_eq!((&answer.is("status", 0)["running"], &answer.events[0]["exists"]), (&false.into(), &false.into()));

    let proxy = Proxy::before(&scenario.engine().socket(1));
    scenario.goes_through(&proxy.socket());
    let answer = asks(&scenario, "stop", "anna", &state);
    let stopped = answer.is("stopped", 0);
    assert_eq!(stopped["removed"]["volumes"], json!(["served-scratch-anna"]));
    // Two, and what the volume needs: what is secret of the service that a refusal may quote, where the task was, whether that is this node, whether it has the label itself, its
    // removal, tried until nothing uses it, and whether another server does.
    let needed =
        [("DELETE", "/volumes/*"), ("GET", "/info"), ("GET", "/volumes"), ("GET", "/services"), ("GET", "/services/*")];
    let volumes: usize = needed.iter().map(|(method, path)| proxy.count(&Requests::to(method, path))).sum();
    assert!(made(&proxy).0 - volumes <= 2, "{:?}", proxy.calls());
    assert_eq!(left(&scenario), [""; 0]);
    let answer = asks(&scenario, "stop", "anna", &state);
    assert_eq!(answer.is("stopped", 0)["removed"]["service"], Value::Null);
    assert_eq!(asks(&scenario, "poll", "anna", &state).is("status", 0)["running"], false);
}

#[test]
fn a_server_goes_though_the_config_is_faulty_by_now() {
    let scenario = Scenario::new(Engine::shared(), "unserved");
    configure(&scenario, "", "");
    let started = asks(&scenario, "start", "anna", &json!({})).is("started", 0).clone();
    configure(&scenario, "strat_timeout = \"1m\"", "");
    // Without the config the service's name is not known.
    assert_eq!(asks(&scenario, "stop", "anna", &json!({})).is("failed", 1)["code"], "config");
    assert_eq!(left(&scenario), ["unserved-anna-1"]);
    let stopped = asks(&scenario, "stop", "anna", &json!({"state": started["state"]}));
    assert_eq!(stopped.is("stopped", 0)["removed"]["service"], "unserved-anna-1");
    assert_eq!(left(&scenario), [""; 0]);
}

#[test]
fn a_server_that_is_there_is_told_kept_or_replaced() {
    let scenario = Scenario::new(Engine::shared(), "there");
    configure(&scenario, "on_changed = \"replace\"", "env = { A = \"1\" }");
    let first = asks(&scenario, "start", "anna", &json!({})).is("started", 0)["state"]["service_id"].clone();
    let answer = asks(&scenario, "start", "anna", &json!({}));
    let exists = answer.is("exists", 0);
    let told = (&exists["running"], &exists["changed"], &exists["on_changed"], &exists["api_token"]);
    assert_eq!(told, (&true.into(), &false.into(), &"replace".into(), &TOKEN.into()));
    configure(&scenario, "", "env = { A = \"2\" }");
    let answer = asks(&scenario, "start", "anna", &json!({}));
    assert_eq!(
        (&answer.is("exists", 0)["changed"], &answer.events.last().unwrap()["on_changed"]),
        (&true.into(), &"keep".into())
    );
    let kept = asks(&scenario, "start", "anna", &json!({"existing": "keep"}));
    assert_eq!(kept.is("started", 0)["state"]["service_id"], first);
    let replaced = asks(&scenario, "start", "anna", &json!({"existing": "replace"}));
    assert_ne!(replaced.is("started", 0)["state"]["service_id"], first);
    assert_eq!(scenario.service_names(), ["there-anna-1"]);

    // Neither somebody else's nor `apply`'s is touched, whatever the request says.
    run(&mut scenario.engine().docker(&["service", "create", "--detach", "--name", "there-ben-1", NOTEBOOK]));
    configure(&scenario, "", "[users.carl]");
    scenario.applies(&["--detach"]).ends_with(0);
    let before = scenario.services();
    for user in ["ben", "carl"] {
        for existing in ["tell", "keep", "replace"] {
            let answer = asks(&scenario, "start", user, &json!({ "existing": existing }));
            answer.fails("conflict");
        }
    }
    assert!(matches!(asks(&scenario, "stop", "ben", &json!({})).code, 0 | 4));
    let ids = |services: &[Value]| services.iter().map(|service| service["ID"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&scenario.services()), ids(&before));
}

#[test]
fn a_failure_is_told_at_once_and_leaves_nothing() {
    let scenario = Scenario::new(Engine::shared(), "failing");
    let volume = "mounts = [{ type = \"volume\", source = \"failing-{name}\", target = \"/s\", labels = { autoremove = \"True\" } }]";
    let profile = |name: &str, image: &str, more: &str| {
        format!("{volume}\n[[images]]\nname = \"{name}\"\nimage = \"stand-in/notebook:{image}\"\n{more}\n")
    };
    let profiles = [
        profile("missing", "missing", ""),
        profile("exits", "exits", ""),
        profile("nowhere", "serves", "placement.constraints = [\"node.labels.nowhere==true\"]"),
        profile("too-large", "serves", "resource_spec.mem_reservation = \"900G\""),
        profile("unhealthy", "unhealthy", ""),
        profile("no-directory", "serves", "command = [\"/no/such/command\"]"),
        profile("no-source", "serves", "mounts = [{ type = \"bind\", source = \"/nowhere\", target = \"/n\" }]"),
    ];
    configure(&scenario, "lints.node-local-volume = \"allow\"", &profiles.concat());
    for (profile, code, seconds, says) in [
        ("missing", "no-image", 20, "image"),
        ("exits", "exited", 20, "ended"),
        ("nowhere", "no-node", 8, "No node"),
        ("too-large", "no-node", 8, "No node"),
        ("unhealthy", "unhealthy", 20, "does not work as it should"),
        ("no-directory", "rejected", 20, "its start command is not in the image"),
        ("no-source", "rejected", 20, "its storage could not be mounted"),
    ] {
        let request = json!({"user_options": {"profile": profile}, "timeout": seconds});
        let begun = std::time::Instant::now();
        let answer = asks(&scenario, "start", "anna", &request);
        let failed = answer.fails(code);
        assert!(failed["message"].as_str().unwrap().contains(says), "{failed}");
        assert!(begun.elapsed() < Duration::from_secs(30), "{profile}: {:?}", begun.elapsed());
        assert_eq!(left(&scenario), [""; 0], "{profile}");
    }
    let answer = asks(&scenario, "start", "anna", &json!({"user_options": {"profile": "None"}}));
    assert_eq!(answer.is("failed", 1)["code"], "refused");
    let answer = asks(&scenario, "start", "anna", &json!({"user_options": {"mounts": []}}));
    assert_eq!(answer.is("failed", 1)["code"], "refused");
    assert_eq!(left(&scenario), [""; 0]);
}

#[test]
fn a_start_that_is_given_up_leaves_nothing() {
    let scenario = Scenario::new(Engine::shared(), "given-up");
    configure(&scenario, "", "placement.constraints = [\"node.labels.nowhere==true\"]");
    let there = || !scenario.service_names().is_empty();
    // The hub dies: the end of standard input.
    let mut child = begins(&scenario, "start", "anna", &json!({"cancel_on_eof": true}));
    until("the service is there", 10, there, String::new);
    drop(child.stdin.take());
    Answer::of(child).fails("cancelled");
    assert_eq!(left(&scenario), [""; 0]);
    // The hub is stopped.
    let mut child = begins(&scenario, "start", "anna", &json!({}));
    until("the service is there", 10, there, String::new);
    run(std::process::Command::new("kill").arg(child.id().to_string()));
    let stdin = child.stdin.take();
    Answer::of(child).fails("cancelled");
    drop(stdin);
    assert_eq!(left(&scenario), [""; 0]);
}

/// Whether what a test waits for has come.
type HasCome = fn(&Scenario<'_>) -> bool;

#[test]
fn a_start_that_is_killed_is_taken_up_and_leaves_nothing() {
    let scenario = Scenario::new(Engine::shared(), "cut-off");
    let before = "enable_user_upload_install_files = true\nuser_upload_destination_directory = \"/home/jovyan\"";
    configure(&scenario, before, "");
    let file = json!({"name": "requirements", "extension": ".txt", "data": "numpy\n"});
    let request = json!({"user_options": {"user_install_files": [file]}});
    let moments: [(&str, HasCome); 3] = [
        ("the file", |scenario| !left(scenario).is_empty()),
        ("the service", |scenario| !scenario.service_names().is_empty()),
        ("the task", |scenario| {
            let services = scenario.services();
            let runs = |task: &Value| {
                services.iter().any(|service| task["ServiceID"] == service["ID"])
                    && task["Status"]["State"] == "running"
            };
            scenario.engine().get("/tasks").as_array().unwrap().iter().any(runs)
        }),
    ];
    for (what, has_come) in moments {
        let mut child = begins(&scenario, "start", "anna", &request);
        until(what, 20, || has_come(&scenario), String::new);
        child.kill().unwrap();
        child.wait().unwrap();
        let made = scenario.services().first().map(|service| service["ID"].clone());
        let mut answer = asks(&scenario, "start", "anna", &request);
        if let Some(made) = &made {
            let exists = answer.is("exists", 0);
            assert_eq!((&exists["changed"], &exists["api_token"]), (&false.into(), &TOKEN.into()), "{what}");
            answer = asks(&scenario, "start", "anna", &json!({"existing": "keep"}));
            assert_eq!(&answer.is("started", 0)["state"]["service_id"], made, "{what}");
        }
        assert!(made.is_some() || what == "the file", "{what}");
        let state = json!({"state": answer.is("started", 0)["state"]});
        assert_eq!(asks(&scenario, "poll", "anna", &state).is("status", 0)["running"], true, "{what}");
        asks(&scenario, "stop", "anna", &state).is("stopped", 0);
        assert_eq!(left(&scenario), [""; 0], "{what}");
    }
}

#[test]
fn an_engine_that_is_away_ends_no_server() {
    let mut scenario = Scenario::new(Engine::shared(), "away");
    configure(&scenario, "", "");
    let proxy = Proxy::before(&scenario.engine().socket(1));
    scenario.goes_through(&proxy.socket());
    // A start waits for it.
    proxy.refuses_connections();
    let mut child = begins(&scenario, "start", "anna", &json!({}));
    thread::sleep(Duration::from_secs(3));
    proxy.takes_connections();
    let stdin = child.stdin.take();
    let answer = Answer::of(child);
    drop(stdin);
    let state = json!({"state": answer.is("started", 0)["state"], "timeout": 5});
    // It is not dead because nothing is known.
    proxy.refuses_connections();
    assert_eq!(asks(&scenario, "poll", "anna", &state).is("status", 0)["running"], "unknown");
    asks(&scenario, "stop", "anna", &state).is("failed", 5);
    asks(&scenario, "start", "ben", &json!({"timeout": 3})).is("failed", 5);
    proxy.takes_connections();
    assert_eq!(asks(&scenario, "poll", "anna", &state).is("status", 0)["running"], true);
    // The answer to the creation is lost: there is one service all the same.
    proxy.harms(Requests::to("POST", "/services/create").nth(1), Fault::CutAnswer);
    asks(&scenario, "start", "ben", &json!({})).is("started", 0);
    assert_eq!(scenario.service_names(), ["away-anna-1", "away-ben-1"]);
    proxy.relents();
    for user in ["anna", "ben"] {
        asks(&scenario, "stop", user, &json!({"timeout": 20})).is("stopped", 0);
    }
    assert_eq!(left(&scenario), [""; 0]);
}

#[test]
fn uploads_are_the_users_own_and_go_with_the_server() {
    let scenario = Scenario::new(Engine::shared(), "files");
    let before = "enable_user_upload_install_files = true\nuser_upload_destination_directory = \"/home/jovyan\"";
    configure(&scenario, before, "");
    let file = |name: &str, extension: &str| json!({"user_options": {"user_install_files": [{"name": name, "extension": extension, "data": "numpy\n"}]}});
    let uploads = file("requirements", ".txt");
    let answer = asks(&scenario, "start", "anna", &uploads);
    let state = json!({"state": answer.is("started", 0)["state"]});
    let container = scenario.engine().container(1, "files-anna-1");
    let cat = run(&mut scenario.engine().docker(&["exec", &container, "cat", "/home/jovyan/requirements.txt"]));
    assert_eq!(cat, b"numpy\n");
    asks(&scenario, "start", "ben", &json!({})).is("started", 0);
    asks(&scenario, "stop", "anna", &state).is("stopped", 0);
    assert_eq!(left(&scenario), ["files-ben-1"]);
    for (name, extension) in [("../etc/passwd", ".txt"), ("a/b", ".txt"), ("x", ".sh"), ("", ".txt"), ("..", ".txt")] {
        let answer = asks(&scenario, "start", "anna", &file(name, extension));
        assert_eq!(answer.is("failed", 1)["code"], "refused", "{name}");
    }
    assert_eq!(left(&scenario), ["files-ben-1"]);
}
