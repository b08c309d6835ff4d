//! docs/spawner-protocol.md names what the program says and reads: each event, key, stage, code and exit code, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use swarmgen::spawner::event::{
    Failed, FailureCode, Kind, Offer, Removed, Settings, Stage, Started, Status, Unreachable,
};

use super::*;

const PAGE: &str = include_str!("../../docs/spawner-protocol.md");

/// What this side of the protocol cannot say: the program's caller does, where the program itself is at fault.
const BY_THE_CALLER: (&str, u8) = ("internal", 4);

/// All codes: another one does not compile here.
fn codes() -> Vec<FailureCode> {
    use FailureCode as Code;
    let all = [
        Code::Refused,
        Code::Config,
        Code::Protocol,
        Code::Conflict,
        Code::NoNode,
        Code::NoImage,
        Code::Rejected,
        Code::Exited,
        Code::Unhealthy,
        Code::NotListening,
        Code::Timeout,
        Code::EngineRefused,
        Code::EngineAway,
        Code::Cancelled,
    ];
    for code in all {
        match code {
            Code::Refused | Code::Config | Code::Protocol | Code::Conflict | Code::NoNode | Code::NoImage => {}
            Code::Rejected | Code::Exited | Code::Unhealthy | Code::NotListening | Code::Timeout => {}
            Code::EngineRefused | Code::EngineAway | Code::Cancelled => {}
        }
    }
    all.to_vec()
}

/// All stages: another one does not compile here.
fn stages() -> Vec<Stage> {
    let all = [
        Stage::Checking,
        Stage::Creating,
        Stage::Pending,
        Stage::Preparing,
        Stage::Starting,
        Stage::Running,
        Stage::Removing,
    ];
    for stage in all {
        match stage {
            Stage::Checking | Stage::Creating | Stage::Pending | Stage::Preparing => {}
            Stage::Starting | Stage::Running | Stage::Removing => {}
        }
    }
    all.to_vec()
}

/// All events, with all that they can hold; another one does not compile here.
fn events() -> Vec<Event> {
    let text = || "x".to_owned();
    let unreachable =
        || vec![Unreachable { kind: Kind::Volume, name: text(), node: text(), reason: Some(text()), command: text() }];
    let state = State { version: 1, service: text(), service_id: text(), ..State::default() };
    let all = vec![
        Event::Progress { stage: Stage::Pending, percent: 20, message: text() },
        Event::Started(Box::new(Started {
            address: text(),
            port: PORT,
            service: text(),
            profile: text(),
            mem_limit: Some(1),
            cpu_limit: Some(1.0),
            state: state.clone(),
            unreachable: unreachable(),
        })),
        Event::Exists { running: true, changed: true, on_changed: "keep", api_token: Some(text()) },
        Event::Failed(Box::new(Failed {
            code: FailureCode::Exited,
            message: text(),
            hint: Some(text()),
            detail: text(),
            exit_code: Some(3),
            left: vec![text()],
            unreachable: unreachable(),
        })),
        Event::Status(Box::new(Status {
            running: json!(true),
            exists: Some(true),
            address: Some(text()),
            port: Some(PORT),
            exit_code: Some(3),
            reason: Some(text()),
            state: Some(state),
        })),
        Event::Stopped {
            removed: Removed { service: Some(text()), configs: vec![text()], volumes: vec![text()] },
            unreachable: unreachable(),
        },
        Event::Settings(Box::new(Settings {
            version: 1,
            program: "0",
            deployment: text(),
            jupyterhub_service_name: Some(text()),
            service_port: PORT,
            start_timeout: Some(1.0),
            http_timeout: Some(1.0),
            notebook_dir: Some(text()),
            mem_limit: Some(1),
            mem_guarantee: Some(1),
            cpu_limit: Some(1.0),
            cpu_guarantee: Some(1.0),
            user_format_attributes: vec![text()],
            warnings: vec![text()],
        })),
        Event::Form {
            html: Some(text()),
            profile: Some(text()),
            profiles: vec![Offer { name: text(), description: Some(text()), image: text() }],
        },
        Event::Options { user_options: json!({}) },
    ];
    for event in &all {
        match event {
            Event::Progress { .. } | Event::Started(_) | Event::Exists { .. } | Event::Failed(_) => {}
            Event::Status(_) | Event::Stopped { .. } | Event::Settings(_) => {}
            Event::Form { .. } | Event::Options { .. } => {}
        }
    }
    all
}

fn name(value: impl serde::Serialize) -> String {
    serde_json::to_value(value).unwrap().as_str().unwrap().to_owned()
}

/// The keys of a value at every depth; what a user has chosen is not the protocol's.
fn keys(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                let path = format!("{path}.{key}");
                found.insert(path.clone());
                if !matches!(&**key, "user_options" | "last_options" | "env" | "attributes" | "fields" | "files") {
                    keys(inner, &path, found);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| keys(item, path, found)),
        _ => {}
    }
}

/// The objects that stand on lines of their own, of requests or of events.
fn examples(is_event: bool) -> Vec<Value> {
    let objects = PAGE.lines().filter(|line| line.starts_with('{'));
    let values = objects.map(|line| serde_json::from_str::<Value>(line).unwrap());
    values.filter(|value| value.get("event").is_some() == is_event).collect()
}

fn keys_by_event(events: impl IntoIterator<Item = Value>) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for event in events {
        let kind = event["event"].as_str().unwrap().to_owned();
        keys(&event, "", found.entry(kind).or_default());
    }
    found
}

#[test]
fn the_page_lists_each_code_with_its_exit_code() {
    let mut said: BTreeMap<String, u8> = codes().into_iter().map(|code| (name(code), code.exit_code())).collect();
    said.insert(BY_THE_CALLER.0.to_owned(), BY_THE_CALLER.1);
    let rows = PAGE.lines().filter_map(|line| {
        let cells: Vec<&str> = line.strip_prefix("| `")?.strip_suffix(" |")?.split(" | ").collect();
        let [code, _, exit] = *cells else { return None };
        Some((code.strip_suffix('`')?.to_owned(), exit.parse().ok()?))
    });
    assert_eq!(rows.collect::<BTreeMap<String, u8>>(), said);
    let exits: BTreeSet<u8> = said.values().copied().chain([0]).collect();
    let listed = PAGE.lines().filter_map(|line| line.strip_prefix("| ")?.split(' ').next()?.parse().ok());
    assert_eq!(listed.collect::<BTreeSet<u8>>(), exits);
}

#[test]
fn the_page_shows_each_event_with_each_key() {
    let mut shown = keys_by_event(examples(true));
    // Only where a server has ended.
    assert!(PAGE.contains("`exit_code` is there if known"));
    shown.get_mut("failed").unwrap().insert(".exit_code".to_owned());
    // Only where something stays.
    let unreachable: Vec<String> = shown["stopped"].iter().filter(|key| key.contains("unreachable")).cloned().collect();
    for event in ["started", "failed"] {
        assert!(PAGE.contains("stay, as [`stopped`](#stop) has it"));
        shown.get_mut(event).unwrap().extend(unreachable.clone());
    }
    assert_eq!(shown, keys_by_event(events().into_iter().map(|event| serde_json::to_value(event).unwrap())));
}

#[test]
fn the_page_shows_each_stage() {
    let shown =
        examples(true).into_iter().filter_map(|event| Some((event.get("stage")?.clone(), event["percent"].clone())));
    let shown: BTreeSet<(String, u64)> =
        shown.map(|(stage, percent)| (name(stage), percent.as_u64().unwrap())).collect();
    assert_eq!(shown, stages().into_iter().map(|stage| (name(stage), stage.percent().into())).collect());
}

#[test]
fn the_program_reads_each_key_of_the_pages_requests_and_no_others() {
    let sources = SourceMap::new();
    let mut shown = BTreeSet::new();
    for example in examples(false) {
        Request::read(&example.to_string(), &sources).unwrap();
        for key in example.as_object().unwrap().keys() {
            // What is read is refused if it is of no type that a request has.
            let mut wrong = example.clone();
            wrong[key] = json!([[1]]);
            assert!(Request::read(&wrong.to_string(), &sources).is_err(), "`{key}` is not read");
            shown.insert(key.clone());
        }
    }
    // In the text alone.
    assert!(PAGE.contains("With `typed`"));
    shown.insert("typed".to_owned());
    let Request {
        user: _,
        server: _,
        hub_env: _,
        options: _,
        last_options: _,
        form: _,
        typed: _,
        state: _,
        existing: _,
        wait: _,
        timeout: _,
        http_timeout: _,
        cancel_on_eof: _,
        now: _,
    } = Request::read(r#"{"version": 1}"#, &sources).unwrap();
    let read = [
        "version",
        "user",
        "server",
        "hub",
        "user_options",
        "last_options",
        "form",
        "typed",
        "state",
        "existing",
        "wait",
        "timeout",
        "http_timeout",
        "cancel_on_eof",
        "now",
    ];
    assert_eq!(shown, read.map(str::to_owned).into());
}
