//! What the page shows, and that it shows everything as text.

use serde_json::json;

use super::*;
use crate::diag::code;
use crate::plan::observed::{Amounts, ObservedNode, ObservedService};
use crate::plan::status::servers;
use crate::resolve::document::Inputs;
use crate::source::Disk;

const CONFIG: &str = r#"
version = 1
deployment = "physics"
[[images]]
name = "Python"
description = "For most courses"
image = "registry.example.org/python:1"
resource_spec = { mem_limit = "2G", mem_reservation = "1G", cpu_limit = 1.5 }
[[images]]
name = "GPU"
image = "registry.example.org/gpu:1"
access = ["group:gpu", "carl"]
[users]
bob = { groups = ["gpu"], profile = "GPU" }
alice = { password = "canary-1c77" }
"#;

/// A server of a user's with one task on the node `n1`, which sets aside half a CPU and 1 GiB.
struct Has<'t> {
    user: &'t str,
    server: &'t str,
    profile: &'t str,
    state: &'t str,
    error: &'t str,
}

const ALICES: Has<'_> = Has { user: "alice", server: "", profile: "Python", state: "running", error: "" };

fn service(id: &str, deployment: &str, has: &Has<'_>) -> ObservedService {
    let labels = json!({
        "swarmgen.deployment": deployment, "swarmgen.user": has.user, "swarmgen.server": has.server,
    });
    let container = json!({ "Labels": { "image_name": has.profile } });
    ObservedService {
        id: id.to_owned(),
        version: 1,
        spec: json!({ "Name": format!("s-{id}"), "Labels": labels, "TaskTemplate": { "ContainerSpec": container } }),
        ..ObservedService::default()
    }
}

fn task(service: &str, has: &Has<'_>) -> ObservedTask {
    ObservedTask {
        id: format!("t-{service}"),
        service_id: service.to_owned(),
        node_id: if has.state == "pending" { String::new() } else { "n1".to_owned() },
        state: has.state.to_owned(),
        desired_state: "running".to_owned(),
        error: has.error.to_owned(),
        timestamp: "2026-01-05T09:00:00Z".to_owned(),
        reserved: Amounts {
            nano_cpus: 500_000_000,
            memory: 1 << 30,
            generic_resources: [("gpu".to_owned(), 1)].into(),
        },
        ..ObservedTask::default()
    }
}

fn node(id: &str, hostname: &str, availability: &str, state: &str) -> ObservedNode {
    ObservedNode {
        id: id.to_owned(),
        hostname: hostname.to_owned(),
        role: "worker".to_owned(),
        availability: availability.to_owned(),
        state: state.to_owned(),
        engine: "28.5.1".to_owned(),
        os: "linux".to_owned(),
        architecture: "x86_64".to_owned(),
        nano_cpus: 4_000_000_000,
        memory: 8 << 30,
        generic_resources: [("gpu".to_owned(), 4)].into(),
        ..ObservedNode::default()
    }
}

/// A swarm of three nodes on which the deployment has some servers.
fn swarm(all: &[Has<'_>]) -> ObservedState {
    let id = |index: usize| format!("{index:03}");
    ObservedState {
        services: all.iter().enumerate().map(|(index, has)| service(&id(index), "physics", has)).collect(),
        tasks: all.iter().enumerate().map(|(index, has)| task(&id(index), has)).collect(),
        nodes: vec![
            node("n2", "lab2", "drain", "ready"),
            node("n1", "lab1", "active", "ready"),
            node("n3", "lab3", "active", "down"),
        ],
        ..ObservedState::default()
    }
}

/// The report of a config and a swarm with these findings, and its page.
fn made(config: &str, state: &ObservedState, tasks: &[ObservedTask], found: Vec<Diagnostic>) -> (Report, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("swarmgen.toml");
    std::fs::write(&path, config).unwrap();
    let (sources, mut findings) = (SourceMap::new(), Diagnostics::new());
    let inputs = Inputs { configs: vec![path], users_files: Vec::new(), levels: Vec::new() };
    let compiler = Compiler::load(&inputs, &Disk, &sources, &mut findings);
    let compiler = compiler.unwrap_or_else(|| panic!("{config}: {findings:?}"));
    findings.extend(found);
    let report = Report::of(&Material {
        compiler: &compiler,
        state,
        tasks,
        servers: &servers(state, "physics"),
        findings: &findings,
        differences: Err("Not compared."),
        made: "2026-01-05 10:00:00 UTC".to_owned(),
        age: &|since| format!("since {since}"),
    });
    let page = render(&report).unwrap();
    (report, page)
}

fn page_of(config: &str, all: &[Has<'_>]) -> (Report, String) {
    let state = swarm(all);
    made(config, &state, &state.tasks, Vec::new())
}

/// The page's tags in their order, with the names of their attributes.
fn tags(page: &str) -> Vec<String> {
    let named = |tag: &str| {
        let tag = tag.split('>').next().unwrap();
        let mut quoted = false;
        tag.chars()
            .filter(|c| {
                (*c == '"' && {
                    quoted = !quoted;
                    true
                }) || !quoted
            })
            .collect()
    };
    page.split('<').skip(1).map(named).collect()
}

#[test]
fn a_page_shows_what_there_is() {
    let failing = Has { user: "carl", server: "thesis", profile: "GPU", state: "failed", error: "non-zero exit (3)" };
    let (report, page) = page_of(CONFIG, &[ALICES, failing]);
    let Summary { running, failing, ready, drained, away, .. } = report.summary;
    assert_eq!((running, failing, ready, drained, away), (1, 1, 1, 1, 1));
    let table = page.split("id=\"users-all\"").nth(1).unwrap();
    let users: Vec<&str> =
        table.split("<th scope=\"row\">").skip(1).map(|row| row.split('<').next().unwrap()).collect();
    assert_eq!(users, ["alice", "bob", "carl "]);
    for text in [
        "<h1>Deployment physics</h1>",
        "2026-01-05 10:00:00 UTC",
        "<th scope=\"row\">carl</th><td>thesis</td><td><span class=\"state failing\">failing</span></td><td>GPU</td>",
        "<td>lab1</td><td>since 2026-01-05T09:00:00Z</td><td class=\"wide said\">non-zero exit (3)</td>",
        "<dd>group:gpu, carl</dd>",
        "<dt>Memory</dt><dd>2 GiB (1 GiB guaranteed)</dd>",
        "<dt>CPUs</dt><dd>1.5</dd>",
        "For most courses",
        "Engine 28.5.1",
        "carl <span class=\"quiet\">(not in the config)</span>",
        "Not compared.",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert!(!page.contains("canary-1c77"), "an attribute of a user's");
}

#[test]
fn a_server_that_runs_again_tells_why_it_did_not() {
    let mut state = swarm(&[ALICES, Has { user: "bob", ..ALICES }]);
    let (_, page) = made(CONFIG, &state, &state.tasks, Vec::new());
    assert!(!page.contains("Last error"), "{page}");
    let failed = ObservedTask { id: "failed".to_owned(), state: "failed".to_owned(), ..state.tasks[1].clone() };
    let failed = ObservedTask { desired_state: "shutdown".to_owned(), error: "killed".to_owned(), ..failed };
    state.tasks.push(failed);
    let (_, page) = made(CONFIG, &state, &state.tasks, Vec::new());
    assert!(page.contains("<th scope=\"col\">Last error</th>"), "{page}");
    assert!(
        page.contains("<td class=\"wide said\"></td>") && page.contains("<td class=\"wide said\">killed</td>"),
        "{page}"
    );
}

#[test]
fn a_page_needs_nothing_and_runs_nothing() {
    let (_, page) = page_of(CONFIG, &[ALICES]);
    for (tag, start) in [("script", "<script"), ("link", "<link"), ("image", "<img"), ("frame", "<iframe")] {
        assert!(!page.contains(start), "{tag}");
    }
    let references = page.split(" href=\"").skip(1).chain(page.split(" src=\"").skip(1));
    let outside: Vec<&str> = references.filter(|rest| !rest.starts_with('#')).collect();
    assert_eq!(outside, [""; 0]);
    assert!(!page.contains("url(") && !page.contains("@import"), "{page}");
}

#[test]
fn each_node_tells_what_is_set_aside_for_whom() {
    let others = Has { user: "x", ..ALICES };
    let mut state = swarm(&[
        ALICES,
        Has { state: "preparing", user: "bob", ..ALICES },
        Has { state: "failed", user: "carl", ..ALICES },
        Has { state: "pending", user: "dora", ..ALICES },
    ]);
    // Another deployment's, and one of ours whose service has just been removed.
    state.services.push(service("theirs", "chemistry", &others));
    state.tasks.push(ObservedTask { node_id: "n2".to_owned(), ..task("gone", &ALICES) });
    let ended = ObservedTask { state: "shutdown".to_owned(), id: "old".to_owned(), ..task("theirs", &others) };
    let tasks: Vec<ObservedTask> = state.tasks.iter().cloned().chain([task("theirs", &others), ended]).collect();
    let (_, page) = made(CONFIG, &state, &tasks, Vec::new());
    let rows = |node: &str| -> Vec<String> {
        let table = page.split(&format!("Reserved on {node}</caption>")).nth(1).unwrap();
        let rows = table.split("</table>").next().unwrap().split("<tr>").skip(2);
        let cells =
            |row: &str| row.split("<td>").skip(1).map(|cell| cell.split('<').next().unwrap().to_owned()).collect();
        rows.map(|row| {
            let cells: Vec<String> = cells(row);
            cells.join(", ")
        })
        .collect()
    };
    assert_eq!(rows("lab1"), ["4, 1, 0.5, 2.5", "8 GiB, 2 GiB, 1 GiB, 5 GiB", "4, 2, 1, 1"]);
    assert_eq!(rows("lab2"), ["4, 0.5, 0, 3.5", "8 GiB, 1 GiB, 0 bytes, 7 GiB", "4, 1, 0, 3"]);
    assert_eq!(rows("lab3"), ["4, 0, 0, 4", "8 GiB, 0 bytes, 0 bytes, 8 GiB", "4, 0, 0, 4"]);
    assert!(page.contains("2 tasks of this deployment, 1 of others"), "{page}");
    assert!(page.contains("<span style=\"width: 25%\"></span><span style=\"width: 12%\"></span>"), "{page}");
}

#[test]
fn more_may_be_set_aside_than_there_is() {
    let mut state = swarm(&[ALICES]);
    for node in &mut state.nodes {
        (node.nano_cpus, node.memory, node.generic_resources) = (100, 0, [("gpu".to_owned(), 0)].into());
    }
    let mut theirs = task("theirs", &ALICES);
    theirs.reserved.nano_cpus = i64::MAX;
    let tasks = [state.tasks[0].clone(), theirs.clone(), ObservedTask { id: "more".to_owned(), ..theirs }];
    let (_, page) = made(CONFIG, &state, &tasks, Vec::new());
    assert!(page.contains("<span style=\"width: 100%\"></span><span style=\"width: 0%\"></span>"), "{page}");
    assert!(page.contains("<td>0.0000001</td><td>0.5</td><td>9223372036.854775807</td><td>0</td>"), "{page}");
}

#[test]
fn what_wants_a_person_comes_first_and_the_rest_is_folded() {
    let names: Vec<String> = (0..200).map(|index| format!("u{index:03}")).collect();
    let mut all: Vec<Has<'_>> = names.iter().map(|user| Has { user, ..ALICES }).collect();
    for (index, state) in [(3, "pending"), (70, "failed"), (140, "preparing"), (199, "failed")] {
        all[index].state = state;
    }
    let (report, page) = page_of(CONFIG, &all);
    let waiting: Vec<&str> = report.servers.waiting.iter().map(|server| &*server.user).collect();
    assert_eq!(waiting, ["u070", "u199", "u003", "u140"]);
    assert!(report.servers.running.is_sorted_by(|a, b| a.user < b.user));
    let (open, folded) = page.split_once("<summary>196 servers running</summary>").unwrap();
    assert!(open.contains("u070") && !open.contains("u071") && folded.contains("u071"));
    assert!(page.contains("<summary>202 users</summary>"), "all of them, and those of the config");
    let (_, small) = page_of(CONFIG, &all[..10]);
    assert!(!small.contains("<details>"));
}

#[test]
fn the_same_swarm_gives_the_same_page() {
    let all = [ALICES, Has { user: "bob", state: "failed", ..ALICES }, Has { server: "b", ..ALICES }];
    let mut state = swarm(&all);
    let (_, page) = made(CONFIG, &state, &state.tasks, Vec::new());
    state.services.reverse();
    state.nodes.reverse();
    state.tasks.reverse();
    assert_eq!(made(CONFIG, &state, &state.tasks, Vec::new()).1, page);
}

#[test]
fn findings_are_told_with_help_and_place_errors_first() {
    let warning = Diagnostic::new(&code::NO_NODE, "no node").help("label one").note("for users");
    let note = Diagnostic { severity: Severity::Note, ..Diagnostic::new(&code::FLOATING_TAG, "only a note") };
    let error = Diagnostic::new(&code::OWNER_CLASH, "two users").at(crate::source::Span::new(first_source(), 1, 2), "");
    let state = swarm(&[]);
    let (report, page) = made(CONFIG, &state, &[], vec![warning, note, error]);
    let told: Vec<&str> = report.problems.iter().map(|problem| &*problem.message).collect();
    assert_eq!(told, ["two users", "no node"]);
    for text in ["Help: label one", "for users", "swarmgen.toml:2:1</code> (owner-clash)", ">1 error, 1 warning</dd>"] {
        assert!(page.contains(text), "{text}: {page}");
    }
    let (_, page) = made(CONFIG, &state, &[], Vec::new());
    assert!(page.contains("None was found in the config"), "{page}");
}

/// The source that a config is, where it is read first.
fn first_source() -> crate::source::SourceId {
    let sources = SourceMap::new();
    sources.add("x", "", crate::source::Author::Config, String::new())
}

#[test]
fn whatever_is_named_is_shown_as_text() {
    let with = |evil: &str, user: &str| {
        let quoted = serde_json::to_string(evil).unwrap();
        let config = format!(
            "version = 1\ndeployment = \"physics\"\n[[images]]\nname = {quoted}\ndescription = {quoted}\n\
             image = \"registry.example.org/x:1\"\naccess = [{quoted}]\n[users.{}]\ngroups = [{quoted}]\nprofile = {quoted}\n",
            serde_json::to_string(user).unwrap()
        );
        let has = Has { user, server: evil, profile: evil, state: "failed", error: evil };
        let mut state = swarm(&[has, Has { user, server: evil, profile: evil, state: "running", error: "" }]);
        state.services[0].spec["Name"] = evil.into();
        for node in &mut state.nodes {
            let ObservedNode { hostname, role, engine, os, address, .. } = node;
            for text in [hostname, role, engine, os, address] {
                *text = evil.to_owned();
            }
            node.generic_resources = [(evil.to_owned(), 1)].into();
        }
        state.nodes[1].availability = evil.to_owned();
        state.nodes[1].state = evil.to_owned();
        let finding = Diagnostic::new(&code::NO_NODE, evil).help(evil).note(evil);
        made(&config, &state, &state.tasks, vec![finding]).1
    };
    let plain = with("harmless", "anna");
    for evil in [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "' onmouseover='alert(1)",
        "</title></style></details><h1>",
        "-->]]>&lt;script&gt;",
    ] {
        let page = with(evil, evil);
        assert_eq!(tags(&page), tags(&plain), "{evil}");
        assert!(!page.contains(evil), "{evil}");
    }
    let page = with("\u{202e}evil\u{1b}[2J", "zoe");
    assert!(page.contains("\\u{202e}evil\\u{1b}[2J") && !page.contains(['\u{202e}', '\u{1b}']), "{page}");
}
