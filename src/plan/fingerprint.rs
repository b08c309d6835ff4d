//! What a saved plan knows of what it would do: a hash that changes with every body, those of before included, and that
//! gives no secret away. Versions are left out: a service gets another one when its last update is over, too.

use pbkdf2::pbkdf2_hmac_array;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::graph::{Action, Body, NewObject, NewService, ObjectKind, Plan, Removal, ServiceUpdate, TaskFate, Verdict};

/// How often the hash is stretched: a password in a plan costs this much for each guess.
///
/// Source: OWASP's Password Storage Cheat Sheet, for PBKDF2-HMAC-SHA256.
const ROUNDS: u32 = 600_000;

/// Makes the fingerprint of a plan, in hex.
pub fn fingerprint(plan: &Plan) -> String {
    stretched(plan, ROUNDS)
}

fn stretched(plan: &Plan, rounds: u32) -> String {
    let Plan { deployment, items, actions, warnings: _ } = plan;
    let mut hash = Sha256::new();
    let mut add = |part: Value| {
        let text = zeroize::Zeroizing::new(part.to_string());
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    };
    for item in items.iter().filter(|item| matches!(item.verdict, Verdict::Conflict(_) | Verdict::TakeOver(_))) {
        // What is not done counts too: somebody may have taken a name meanwhile.
        add(json!(["item", item.service, format!("{:?}", item.verdict)]));
    }
    for action in actions {
        add(described(action));
    }
    // The salt only keeps tables for many deployments from being worth their while: a plan has to come out the same twice.
    let salt = format!("swarmgen.plan.1\0{deployment}");
    hex::encode(pbkdf2_hmac_array::<Sha256, 32>(&hash.finalize(), salt.as_bytes(), rounds))
}

fn described(action: &Action) -> Value {
    match action {
        Action::CreateObject(NewObject { kind, name, labels, content, place: _ }) => {
            json!(["create object", kind_word(*kind), name, labels, content.expose()])
        }
        Action::CreateService(new) => json!(["create", service(new)]),
        Action::UpdateService(ServiceUpdate { id, version: _, new, before, task }) => {
            json!(["update", id, service(new), body(before), fate_word(*task)])
        }
        Action::ReplaceService { old, volumes, new } => {
            let volumes: Vec<&str> = volumes.iter().map(|volume| &*volume.name).collect();
            json!(["replace", removal(old), volumes, service(new)])
        }
        Action::RemoveService(old) => json!(["remove", removal(old)]),
        Action::RemoveVolume { volume, service } => json!(["remove volume", volume.name, service]),
        Action::RemoveObject { kind, id, name, cause: _ } => json!(["remove object", kind_word(*kind), id, name]),
    }
}

fn fate_word(task: TaskFate) -> &'static str {
    match task {
        TaskFate::Untouched => "untouched",
        TaskFate::Stays => "stays",
        TaskFate::Moves => "moves",
        TaskFate::Anew => "anew",
        TaskFate::Starts => "starts",
    }
}

fn kind_word(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Config => "config",
        ObjectKind::Secret => "secret",
    }
}

fn service(new: &NewService) -> Value {
    let NewService { name, user, server, body: own, start_timeout } = new;
    json!([name, user, server, body(own), start_timeout])
}

fn removal(old: &Removal) -> Value {
    let Removal { id, name, user, server, before } = old;
    json!([id, name, user, server, body(before)])
}

/// A body with its keys in order: the engine does not promise one.
fn body(Body(value): &Body) -> Value {
    match value {
        Value::Object(map) => {
            let mut pairs: Vec<_> = map.iter().map(|(key, value)| (key, body(&Body(value.clone())))).collect();
            pairs.sort_by_key(|(key, _)| *key);
            Value::Array(vec!["{}".into(), pairs.into_iter().map(|(key, value)| json!([key, value])).collect()])
        }
        Value::Array(items) => {
            Value::Array(vec!["[]".into(), items.iter().map(|item| body(&Body(item.clone()))).collect()])
        }
        scalar => scalar.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::graph::{Conflict, Item};

    fn plan(password: &str, before: u64) -> Plan {
        let new = NewService {
            name: "a".to_owned(),
            user: "alice".to_owned(),
            server: String::new(),
            body: Body(json!({"Env": [format!("P={password}")], "B": 1})),
            start_timeout: 1,
        };
        let before = Body(json!({"B": before}));
        let update = ServiceUpdate { id: "1".to_owned(), version: 1, new, before, task: TaskFate::Anew };
        let actions = vec![Action::UpdateService(update)];
        Plan { deployment: "d".to_owned(), items: Vec::new(), actions, warnings: Vec::new() }
    }

    #[test]
    fn changes_with_every_body() {
        let one = stretched(&plan("x", 1), 2);
        assert_eq!(one, stretched(&plan("x", 1), 2));
        assert_ne!(one, stretched(&plan("y", 1), 2));
        assert_ne!(one, stretched(&plan("x", 2), 2));
        let mut other = plan("x", 1);
        other.deployment = "e".to_owned();
        assert_ne!(one, stretched(&other, 2));
        let item = Item {
            service: "b".to_owned(),
            user: String::new(),
            server: String::new(),
            profile: String::new(),
            verdict: Verdict::Conflict(Conflict::Unknown),
            task: TaskFate::Untouched,
            cause: None,
        };
        other = plan("x", 1);
        other.items.push(item);
        assert_ne!(one, stretched(&other, 2));
        // A node's label may have changed.
        other = plan("x", 1);
        let Some(Action::UpdateService(update)) = other.actions.first_mut() else { panic!() };
        update.task = TaskFate::Moves;
        assert_ne!(one, stretched(&other, 2));
    }

    #[test]
    fn the_order_of_keys_is_no_difference() {
        let (one, other) = (json!({"a": 1, "b": {"c": [], "d": 2}}), json!({"b": {"d": 2, "c": []}, "a": 1}));
        assert_eq!(body(&Body(one)), body(&Body(other)));
        assert_ne!(body(&Body(json!({}))), body(&Body(json!([]))));
    }

    #[test]
    fn every_guess_costs() {
        let (few, more) = (stretched(&plan("x", 1), 1), stretched(&plan("x", 1), 2));
        assert_ne!(few, more);
        assert_eq!(more.len(), 64);
    }
}
