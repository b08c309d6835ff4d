//! What tasks do and what is refused, in plain words.

use crate::ir::Resources;
use crate::plan::observed::{ObservedNode, ObservedTask};

use super::event::{Failed, FailureCode, Stage};

/// A profile that there is not, or not for this user: who asks does not learn which.
#[must_use]
pub fn unavailable(name: &str) -> String {
    format!("There is no “{}” that you may use.", shown(name))
}

/// A refusal, by a form or by a start.
#[must_use]
pub fn refused(sentences: &[String], detail: String) -> Box<Failed> {
    let hint = Some("Nothing was started: change this, and try again.".to_owned());
    Box::new(Failed { hint, ..*super::failed(FailureCode::Refused, sentences.join(" "), detail) })
}

/// What somebody wrote, safe and short enough for a sentence.
pub(super) fn shown(text: &str) -> String {
    const MOST: usize = 80;
    let plain = |c: char| if matches!(c, '\'' | '"' | '\\') { c.to_string() } else { c.escape_debug().to_string() };
    let end = if text.chars().nth(MOST).is_some() { "…" } else { "" };
    text.chars().take(MOST).map(plain).chain(std::iter::once(end.to_owned())).collect()
}

/// A diagnostic's message as a sentence.
#[must_use]
pub fn sentence(message: &str) -> String {
    let mut chars = message.chars();
    let first = chars.next().into_iter().flat_map(char::to_uppercase);
    first.chain(chars).chain(std::iter::once('.')).filter(|c| *c != '`').collect()
}

/// The generic resources of which no node has as many as a server needs, used or not.
pub(super) fn absent(resources: &Resources, nodes: &[ObservedNode]) -> Vec<(String, i64)> {
    let has = |node: &ObservedNode, kind: &str| node.generic_resources.get(kind).copied().unwrap_or_default();
    let wanted = resources.generic_resources.iter().map(|(kind, count)| (kind.to_string(), *count));
    wanted.filter(|(kind, count)| nodes.iter().all(|node| has(node, kind) < *count)).collect()
}

/// Tells whether a task waits for resources that are not to be had now.
pub(super) fn is_short(task: &ObservedTask) -> bool {
    matches!(&*task.state, "new" | "allocated" | "pending") && task.error.contains("insufficient resources")
}

/// What a task is doing, for the user. `absent` are the generic resources that it would wait for in vain.
pub(super) fn progress(
    task: Option<&ObservedTask>,
    resources: &Resources,
    absent: &[(String, i64)],
) -> (Stage, String) {
    let Some(task) = task else { return (Stage::Creating, "The swarm plans the server".to_owned()) };
    match &*task.state {
        "new" | "allocated" | "pending" if task.error.is_empty() => {
            (Stage::Pending, format!("Waiting for a node{}", with(resources)))
        }
        "new" | "allocated" | "pending" => (Stage::Pending, waiting(&task.error, resources, absent)),
        "assigned" | "accepted" => (Stage::Preparing, "A node takes the server".to_owned()),
        "preparing" => (Stage::Preparing, "The node fetches the image and mounts the volumes".to_owned()),
        "ready" | "starting" => (Stage::Starting, "The server starts".to_owned()),
        _ => (Stage::Running, "Waiting for the server to answer".to_owned()),
    }
}

/// What kinds of resources the node must have.
fn with(resources: &Resources) -> String {
    let kinds: Vec<String> = resources.generic_resources.iter().map(|(kind, _)| kind.to_uppercase()).collect();
    if kinds.is_empty() { String::new() } else { format!(" with a free {}", kinds.join(" and ")) }
}

/// Why no node takes the server.
fn waiting(error: &str, resources: &Resources, absent: &[(String, i64)]) -> String {
    let busy = error.contains("insufficient resources");
    let unfit = error.contains("scheduling constraints not satisfied");
    let node = with(resources);
    match (busy, unfit) {
        (true, _) if !absent.is_empty() => in_vain(absent),
        (true, _) if !node.is_empty() => format!("Waiting for a node{node}: all are in use"),
        (true, _) => "Waiting for a node with enough free memory and processors".to_owned(),
        (false, true) => "Waiting for a node that may run this server: none is there now".to_owned(),
        _ if error.contains("missing plugin") => {
            "Waiting for a node with the storage that this server needs".to_owned()
        }
        _ => format!("Waiting for a node{node}"),
    }
}

/// What no node has.
fn in_vain(absent: &[(String, i64)]) -> String {
    let kinds: Vec<String> = absent
        .iter()
        .map(|(kind, count)| match count {
            1 => format!("a {}", kind.to_uppercase()),
            _ => format!("{count} {}", kind.to_uppercase()),
        })
        .collect();
    let none = match absent {
        [(_, 1)] => "one",
        [_] => "so many",
        _ => "them",
    };
    format!("Waiting for a node with {}: no node has {none}", kinds.join(" and "))
}

/// Why a task that ended or was refused did not become a server. `detail` is free of secrets.
pub(super) fn of_ended(task: &ObservedTask, detail: String) -> Box<Failed> {
    let missing = detail.contains("No such image");
    let unhealthy = detail.contains("unhealthy container");
    let (code, message, hint) = match &*task.state {
        "rejected" if missing => (
            FailureCode::NoImage,
            "The image of this server was not found.".to_owned(),
            "Choose another one, and tell those who run this hub.",
        ),
        "rejected" => (
            FailureCode::Rejected,
            unable("prepare", &detail),
            "Try again; if that does not help, tell those who run this hub.",
        ),
        _ if unhealthy => (
            FailureCode::Unhealthy,
            "The server started, and does not work as it should.".to_owned(),
            "Try again; if that does not help, tell those who run this hub.",
        ),
        "failed" if task.exit_code == Some(137) || detail.contains("(137)") => (
            FailureCode::Exited,
            "The server was ended, most likely as it needed more memory than it may have.".to_owned(),
            "Choose one with more memory.",
        ),
        "failed" if detail.contains("starting container failed") => (
            FailureCode::Rejected,
            unable("start", &detail),
            "Try again; if that does not help, tell those who run this hub.",
        ),
        _ => (
            FailureCode::Exited,
            match task.exit_code {
                Some(code) => format!("The server ended right after its start, with exit code {code}."),
                None => "The server ended right after its start.".to_owned(),
            },
            "Try again; if that does not help, tell those who run this hub.",
        ),
    };
    Box::new(Failed { hint: Some(hint.to_owned()), exit_code: task.exit_code, ..*super::failed(code, message, detail) })
}

/// What a node could not do with a server, and why as far as the engine's words tell.
fn unable(what: &str, detail: &str) -> String {
    let detail = detail.to_lowercase();
    let says = |either: &str, or: &str| detail.contains(either) || detail.contains(or);
    let why = if says("exec: \"", "executable file") {
        if says("not found", "no such file") {
            ": its start command is not in the image"
        } else {
            ": its start command cannot be run"
        }
    } else if says("mount", "volume") {
        ": its storage could not be mounted"
    } else if detail.contains("network") {
        ": it could not be connected to its network"
    } else {
        ""
    };
    format!("The node could not {what} this server{why}.")
}

/// Why a server did not come in time. `detail` is free of secrets.
pub(super) fn of_late(
    task: Option<&ObservedTask>,
    resources: &Resources,
    absent: &[(String, i64)],
    detail: String,
) -> Box<Failed> {
    let state = task.map_or("", |task| &*task.state);
    let (code, message, hint) = match state {
        "pending" | "new" | "allocated" if task.is_some_and(|task| task.error.is_empty()) => (
            FailureCode::Timeout,
            "The swarm has not found a place for this server in time.".to_owned(),
            "Try again later; if that does not help, tell those who run this hub that a network may be full.",
        ),
        "pending" | "new" | "allocated" => (
            FailureCode::NoNode,
            format!("No node could run this server in time: {}.", uncapitalized(&progress(task, resources, absent).1)),
            if absent.is_empty() {
                "Choose a smaller one, or try again later."
            } else {
                "Choose another one, and tell those who run this hub."
            },
        ),
        "assigned" | "accepted" | "preparing" => (
            FailureCode::Timeout,
            "The node was not ready in time: it may still be fetching the image.".to_owned(),
            "Try again in a few minutes.",
        ),
        "running" => (
            FailureCode::NotListening,
            "The server runs, and does not answer.".to_owned(),
            "Try again; if that does not help, tell those who run this hub.",
        ),
        _ => (
            FailureCode::Timeout,
            "The server did not start in time.".to_owned(),
            "Try again; if that does not help, tell those who run this hub.",
        ),
    };
    Box::new(Failed { hint: Some(hint.to_owned()), ..*super::failed(code, message, detail) })
}

fn uncapitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(state: &str, error: &str) -> ObservedTask {
        ObservedTask { state: state.to_owned(), error: error.to_owned(), ..ObservedTask::default() }
    }

    fn gpus(count: i64) -> Resources {
        Resources { generic_resources: vec![("gpu".into(), count)], ..Resources::default() }
    }

    #[test]
    fn users_read_what_they_wait_for() {
        let said =
            |state: &str, error: &str, resources: &Resources| progress(Some(&task(state, error)), resources, &[]).1;
        let none = Resources::default();
        assert_eq!(said("pending", "", &none), "Waiting for a node");
        let busy = "no suitable node (insufficient resources on 3 nodes)";
        assert_eq!(said("pending", busy, &gpus(1)), "Waiting for a node with a free GPU: all are in use");
        assert_eq!(said("pending", busy, &none), "Waiting for a node with enough free memory and processors");
        let unfit = "no suitable node (scheduling constraints not satisfied on 1 node)";
        assert_eq!(said("pending", unfit, &none), "Waiting for a node that may run this server: none is there now");
        assert_eq!(progress(None, &none, &[]).0, Stage::Creating);
    }

    #[test]
    fn the_page_says_what_users_read() {
        let page = include_str!("../../docs/spawner-protocol.md");
        let events = page.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let messages = events.filter_map(|event| Some(event.get("message")?.as_str()?.to_owned()));
        let busy = task("pending", "no suitable node (insufficient resources on 3 nodes)");
        let states = [&busy, &task("preparing", ""), &task("starting", ""), &task("running", "")];
        let mut known: Vec<String> = states.map(|task| progress(Some(task), &gpus(1), &[]).1).to_vec();
        known.push(of_late(Some(&busy), &gpus(1), &[], String::new()).message);
        let before = ["Checking the request", "Asking the swarm for a server", "Stopping the server"];
        known.extend(before.map(str::to_owned));
        let mut told: Vec<String> = messages.collect();
        told.sort();
        known.sort();
        assert_eq!(told, known);
    }

    #[test]
    fn what_no_node_has_is_not_in_use() {
        let node = |kind: &str, count: i64| ObservedNode {
            generic_resources: [(kind.to_owned(), count)].into(),
            ..ObservedNode::default()
        };
        let busy = task("pending", "no suitable node (insufficient resources on 2 nodes)");
        let said = |resources: &Resources, nodes: &[ObservedNode]| {
            progress(Some(&busy), resources, &absent(resources, nodes)).1
        };
        assert_eq!(said(&gpus(1), &[node("gpu", 1)]), "Waiting for a node with a free GPU: all are in use");
        assert_eq!(said(&gpus(1), &[node("fpga", 1)]), "Waiting for a node with a GPU: no node has one");
        // Two nodes with two each cannot give four to one server.
        let pair = [node("gpu", 2), node("gpu", 2)];
        assert_eq!(said(&gpus(4), &pair), "Waiting for a node with 4 GPU: no node has so many");
        assert_eq!(said(&gpus(2), &pair), "Waiting for a node with a free GPU: all are in use");
        let both = Resources { generic_resources: vec![("fpga".into(), 1), ("gpu".into(), 1)], ..Resources::default() };
        assert_eq!(said(&both, &[]), "Waiting for a node with a FPGA and a GPU: no node has them");
        assert!(is_short(&busy) && !is_short(&task("pending", "")) && !is_short(&task("running", &busy.error)));
    }

    #[test]
    fn failures_have_their_codes() {
        let of = |state: &str, detail: &str| of_ended(&task(state, ""), detail.to_owned()).code;
        assert_eq!(of("rejected", "No such image: x"), FailureCode::NoImage);
        assert_eq!(of("rejected", "bind source path does not exist: /x"), FailureCode::Rejected);
        assert_eq!(of("failed", "task: non-zero exit (3)"), FailureCode::Exited);
        assert_eq!(of("failed", "task: non-zero exit (137): dockerexec: unhealthy container"), FailureCode::Unhealthy);
        assert_eq!(of("complete", ""), FailureCode::Exited);
        let late = |state: &str, error: &str| of_late(Some(&task(state, error)), &gpus(1), &[], String::new());
        let no_node = late("pending", "no suitable node (insufficient resources on 1 node)");
        assert_eq!(no_node.code, FailureCode::NoNode);
        assert_eq!(
            no_node.message,
            "No node could run this server in time: waiting for a node with a free GPU: all are in use."
        );
        assert_eq!(late("new", "").code, FailureCode::Timeout);
        assert_eq!(late("running", "").code, FailureCode::NotListening);
    }

    #[test]
    fn what_a_node_could_not_do_is_told_with_the_reason() {
        let said = |state: &str, detail: &str| {
            let failed = of_ended(&task(state, ""), detail.to_owned());
            assert_eq!(failed.code, FailureCode::Rejected, "{detail}");
            failed.message
        };
        let start = |detail: &str| said("failed", &format!("starting container failed: {detail}"));
        assert_eq!(
            said("rejected", "invalid mount config for type \"bind\": bind source path does not exist: /x"),
            "The node could not prepare this server: its storage could not be mounted."
        );
        let storage = "The node could not start this server: its storage could not be mounted.";
        for detail in [
            "error while mounting volume '/run/v': VolumeDriver.Mount: sshfs command failed (Network is unreachable)",
            "failed to mount local volume: mount /x:/v, flags: 0x1000: no such file or directory",
            "OCI runtime create failed: error mounting \"/x\" to rootfs at \"/y\": no such file or directory",
        ] {
            assert_eq!(start(detail), storage);
        }
        let missing = "The node could not start this server: its start command is not in the image.";
        for detail in [
            "unable to start container process: exec: \"start.sh\": executable file not found in $PATH: unknown",
            "unable to start container process: exec: \"/mount/x\": stat /mount/x: no such file or directory: unknown",
        ] {
            assert_eq!(start(detail), missing);
        }
        assert_eq!(
            start("unable to start container process: exec: \"/start\": permission denied: unknown"),
            "The node could not start this server: its start command cannot be run."
        );
        assert_eq!(
            said("rejected", "network hub-net not found"),
            "The node could not prepare this server: it could not be connected to its network."
        );
        assert_eq!(said("rejected", "cannot set property"), "The node could not prepare this server.");
    }
}
