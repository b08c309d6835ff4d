//! The body of an update: what differs as it is wanted, and all else as it is on the swarm.
//!
//! The engine starts a task anew for differences that mean nothing, such as the order of variables or an empty table: what
//! means the same is therefore sent as it is there.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// Paths of tables whose parts are looked at one by one.
const TASK: &str = "TaskTemplate";
const CONTAINER: &str = "ContainerSpec";

/// Takes over from a live spec every part that does not differ; `changed` are the paths of those that do.
pub(super) fn graft(body: &mut Value, live: &Value, changed: &BTreeSet<Vec<String>>) {
    let mut changed = changed.clone();
    // Names and labels are ours, and networks may stand in either of two lists.
    changed.insert(vec!["Labels".to_owned()]);
    changed.insert(vec!["Name".to_owned()]);
    if changed.contains(&vec![TASK.to_owned(), "Networks".to_owned()]) {
        changed.insert(vec!["Networks".to_owned()]);
    }
    let mut path = Vec::new();
    level(body, live, &changed, &mut path);
}

fn level(body: &mut Value, live: &Value, changed: &BTreeSet<Vec<String>>, path: &mut Vec<String>) {
    let empty = Map::new();
    let live = live.as_object().unwrap_or(&empty);
    let Some(body) = body.as_object_mut() else { return };
    let keys: BTreeSet<String> = body.keys().chain(live.keys()).cloned().collect();
    for key in keys {
        path.push(key);
        let below =
            matches!(path.iter().map(String::as_str).collect::<Vec<_>>().as_slice(), [TASK] | [TASK, CONTAINER]);
        if let Some(key) = path.last() {
            match (live.get(key), below) {
                (Some(live), true) => {
                    let own = body.entry(key.clone()).or_insert_with(|| Value::Object(Map::new()));
                    level(own, live, changed, path);
                }
                _ if changed.contains(path) => {}
                (Some(live), false) => {
                    body.insert(key.clone(), live.clone());
                }
                (None, true) => {}
                (None, false) => {
                    body.shift_remove(key);
                }
            }
        }
        path.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_means_the_same_stays_as_it_is() {
        let live = json!({
            "Name": "a", "Labels": {"old": ""}, "EndpointSpec": {"Mode": "vip"}, "Networks": [{"Target": "n"}],
            "TaskTemplate": {
                "ForceUpdate": 3, "Placement": {}, "Foreign": {"Left": true},
                "ContainerSpec": {"Image": "a@sha256:1", "Env": ["B=1", "A=1"], "DNSConfig": {}, "Seccomp": {"Mode": "x"}},
            },
        });
        let mut body = json!({
            "Name": "A", "Labels": {"new": ""},
            "TaskTemplate": {
                "ContainerSpec": {"Image": "a", "Env": ["A=1", "B=1"], "Args": ["x"], "Init": true},
                "Networks": [{"Target": "n"}],
            },
        });
        let changed = [
            vec!["TaskTemplate".into(), "ContainerSpec".into(), "Args".into()],
            vec!["TaskTemplate".into(), "ContainerSpec".into(), "Seccomp".into()],
            vec!["TaskTemplate".into(), "Foreign".into()],
        ];
        graft(&mut body, &live, &changed.into_iter().collect());
        let expected = json!({
            "Name": "A", "Labels": {"new": ""}, "EndpointSpec": {"Mode": "vip"}, "Networks": [{"Target": "n"}],
            "TaskTemplate": {
                "ForceUpdate": 3, "Placement": {},
                "ContainerSpec": {"Image": "a@sha256:1", "Env": ["B=1", "A=1"], "DNSConfig": {}, "Args": ["x"]},
            },
        });
        assert_eq!(body, expected);
    }
}
