//! Swarm configs and secrets of the deployment: which are made, and which are collected.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::emit::engine::Ids;
use crate::resolve::decode::LABEL_DEPLOYMENT;
use crate::resolve::object::{Object, ObjectKind};
use crate::source::Span;

use super::graph::{Action, Cause, NewObject};
use super::label::{BY_APPLY, MADE_BY};
use super::observed::{Labels, ObservedObject, ObservedState};

/// The label of a config or secret that holds its name in the config.
pub const LABEL_OBJECT: &str = "swarmgen.object";
/// The ids of Swarm configs and secrets by their names.
///
/// One that is about to be made has an empty id, and so has one that is missing, of which the cluster's checks tell.
#[derive(Clone, Debug, Default)]
pub struct ObservedIds {
    known: BTreeMap<(ObjectKind, String), String>,
}

impl ObservedIds {
    /// Takes the ids that a swarm has.
    pub fn new(state: &ObservedState) -> Self {
        let all = both(state).map(|(kind, object)| ((kind, object.name.clone()), object.id.clone()));
        Self { known: all.collect() }
    }

    fn find(&self, kind: ObjectKind, name: &str) -> Option<String> {
        Some(self.known.get(&(kind, name.to_owned())).cloned().unwrap_or_default())
    }
}

impl Ids for ObservedIds {
    fn config(&self, name: &str) -> Option<String> {
        self.find(ObjectKind::Config, name)
    }

    fn secret(&self, name: &str) -> Option<String> {
        self.find(ObjectKind::Secret, name)
    }
}

/// All configs and secrets of a swarm.
fn both(state: &ObservedState) -> impl Iterator<Item = (ObjectKind, &ObservedObject)> {
    let configs = state.configs.iter().map(|object| (ObjectKind::Config, object));
    configs.chain(state.secrets.iter().map(|object| (ObjectKind::Secret, object)))
}

/// What becomes of the deployment's configs and secrets.
#[derive(Clone, Debug, Default)]
pub struct Objects {
    /// Those to be made, as actions.
    pub create: Vec<Action>,
    /// Those to be removed, as actions.
    pub collect: Vec<Action>,
    /// Names that are taken by somebody else's object.
    pub taken: Vec<(ObjectKind, String)>,
}

/// Whose objects are looked at, and how many old ones stay.
#[derive(Clone, Copy, Debug)]
pub struct Policy<'a> {
    /// The deployment.
    pub deployment: &'a str,
    /// How many contents of one name stay, the wanted one included.
    pub keep: usize,
    /// Whether it is a config that tells what is wanted, and so why something goes.
    pub of_config: bool,
    /// Whether those of names go that the config does not declare: another config of the deployment may.
    pub undeclared: bool,
}

/// Compares the wanted objects with the swarm's. `specs` are those of all services as they will be: what one of them refers
/// to stays. `place` writes places of the config, such as [`place`](super::place::place) does.
pub fn plan<'a>(
    wanted: &[Object],
    state: &ObservedState,
    specs: impl Iterator<Item = &'a Value>,
    policy: Policy<'_>,
    place: &dyn Fn(Span) -> String,
) -> Objects {
    let mut objects = Objects::default();
    let is_ours = |object: &ObservedObject| {
        let label = |key: &str| object.labels.get(key).map(String::as_str);
        label(LABEL_DEPLOYMENT) == Some(policy.deployment) && label(MADE_BY) == Some(BY_APPLY)
    };
    for object in wanted {
        match both(state).find(|(kind, there)| *kind == object.kind && there.name == object.swarm_name) {
            Some((_, there)) if is_ours(there) => {}
            Some(_) => objects.taken.push((object.kind, object.swarm_name.clone())),
            None => objects.create.push(Action::CreateObject(new_object(object, policy.deployment, place))),
        }
    }
    let referenced: BTreeSet<(ObjectKind, &str)> = specs.flat_map(references).collect();
    let mut old: BTreeMap<(ObjectKind, &str), Vec<&ObservedObject>> = BTreeMap::new();
    for (kind, object) in both(state).filter(|(_, object)| is_ours(object)) {
        let Some(name) = object.labels.get(LABEL_OBJECT) else { continue };
        let is_wanted = |wanted: &Object| wanted.kind == kind && wanted.swarm_name == object.name;
        if !wanted.iter().any(is_wanted) && !referenced.contains(&(kind, &*object.name)) {
            old.entry((kind, name)).or_default().push(object);
        }
    }
    for ((kind, name), mut unused) in old {
        unused.sort_by(|a, b| (&b.created_at, &b.name).cmp(&(&a.created_at, &a.name)));
        let declared = wanted.iter().find(|object| object.kind == kind && *object.name == *name);
        if declared.is_none() && !policy.undeclared {
            continue;
        }
        // Nothing of a name that is not declared any more is the wanted one.
        let keep = if declared.is_some() { policy.keep.saturating_sub(1) } else { 0 };
        let cause = declared.map_or(Cause::Unwanted, |object| Cause::Config(Some(place(object.span))));
        objects.collect.extend(unused.into_iter().skip(keep).map(|object| Action::RemoveObject {
            kind,
            id: object.id.clone(),
            name: object.name.clone(),
            cause: policy.of_config.then(|| cause.clone()),
        }));
    }
    objects
}

fn new_object(object: &Object, deployment: &str, place: &dyn Fn(Span) -> String) -> NewObject {
    let labels = [(LABEL_DEPLOYMENT, deployment), (MADE_BY, BY_APPLY), (LABEL_OBJECT, &*object.name)];
    NewObject {
        kind: object.kind,
        name: object.swarm_name.clone(),
        labels: labels.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect::<Labels>(),
        content: object.content.clone(),
        place: place(object.span),
    }
}

/// The names of the configs and secrets that a service's spec refers to.
pub fn references(spec: &Value) -> impl Iterator<Item = (ObjectKind, &str)> {
    let container = spec.get("TaskTemplate").and_then(|task| task.get("ContainerSpec"));
    let list = move |kind, list: &str, name: &'static str| {
        let entries = container.and_then(|container| container.get(list)).and_then(Value::as_array);
        let names = entries.into_iter().flatten().filter_map(move |entry| entry.get(name).and_then(Value::as_str));
        names.map(move |name| (kind, name))
    };
    list(ObjectKind::Config, "Configs", "ConfigName").chain(list(ObjectKind::Secret, "Secrets", "SecretName"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use crate::ir::Text;
    use crate::source::{SourceMap, Span};

    use super::*;

    fn object(name: &str, swarm_name: &str) -> Object {
        let source = SourceMap::new().add("x", "", crate::source::Author::Config, String::new());
        Object {
            kind: ObjectKind::Config,
            name: Arc::from(name),
            swarm_name: swarm_name.to_owned(),
            content: Text::from("x"),
            span: Span::new(source, 0, 0),
        }
    }

    fn there(name: &str, object: &str, created_at: &str) -> ObservedObject {
        let labels = [(LABEL_DEPLOYMENT, "physics"), (MADE_BY, BY_APPLY), (LABEL_OBJECT, object)];
        ObservedObject {
            id: format!("id-of-{name}"),
            name: name.to_owned(),
            created_at: created_at.to_owned(),
            labels: labels.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
        }
    }

    fn names(actions: &[Action]) -> Vec<String> {
        let name = |action: &'_ Action| match action {
            Action::RemoveObject { name, .. } => name.clone(),
            Action::CreateObject(new) => new.name.clone(),
            _ => String::new(),
        };
        actions.iter().map(name).collect()
    }

    fn causes(actions: &[Action]) -> Vec<Option<Cause>> {
        let cause = |action: &Action| match action {
            Action::RemoveObject { cause, .. } => cause.clone(),
            _ => None,
        };
        actions.iter().map(cause).collect()
    }

    #[test]
    fn old_contents_are_collected_but_for_the_newest_and_those_in_use() {
        let state = ObservedState {
            configs: vec![
                there("motd-1", "motd", "2026-01-01"),
                there("motd-2", "motd", "2026-01-02"),
                there("motd-3", "motd", "2026-01-03"),
                there("motd-4", "motd", "2026-01-04"),
                there("gone-1", "gone", "2026-01-04"),
                ObservedObject { name: "motd-0".to_owned(), ..ObservedObject::default() },
            ],
            ..ObservedState::default()
        };
        let spec = json!({"TaskTemplate": {"ContainerSpec": {"Configs": [{"ConfigName": "motd-1"}]}}});
        let policy = Policy { deployment: "physics", keep: 2, of_config: true, undeclared: true };
        let objects = plan(&[object("motd", "motd-5")], &state, [&spec].into_iter(), policy, &|_| "here".to_owned());
        assert_eq!(names(&objects.create), ["motd-5"]);
        assert_eq!(names(&objects.collect), ["gone-1", "motd-3", "motd-2"]);
        let declared = Some(Cause::Config(Some("here".to_owned())));
        assert_eq!(causes(&objects.collect), [Some(Cause::Unwanted), declared.clone(), declared]);
        assert!(objects.taken.is_empty());
        let careful = Policy { undeclared: false, ..policy };
        let objects = plan(&[object("motd", "motd-5")], &state, [&spec].into_iter(), careful, &|_| "here".to_owned());
        assert_eq!(names(&objects.collect), ["motd-3", "motd-2"], "another config may declare what this one does not");
        let other = Policy { deployment: "chemistry", ..policy };
        let objects = plan(&[object("motd", "motd-4")], &state, [].into_iter(), other, &|_| String::new());
        assert!(objects.collect.is_empty(), "only this deployment's objects are collected");
        assert_eq!(objects.taken, [(ObjectKind::Config, "motd-4".to_owned())]);
    }

    #[test]
    fn what_is_there_is_not_made_again() {
        let state = ObservedState { configs: vec![there("motd-5", "motd", "")], ..ObservedState::default() };
        let policy = Policy { deployment: "physics", keep: 2, of_config: true, undeclared: true };
        let objects = plan(&[object("motd", "motd-5")], &state, [].into_iter(), policy, &|_| String::new());
        assert!(objects.create.is_empty() && objects.collect.is_empty() && objects.taken.is_empty());
        let ids = ObservedIds::new(&state);
        assert_eq!(ids.config("motd-5").as_deref(), Some("id-of-motd-5"));
        assert_eq!(ids.config("motd-6").as_deref(), Some(""));
    }
}
