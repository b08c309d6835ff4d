//! Whose service it is that has a wanted name.

use serde_json::Value;

use super::Wanted;
use crate::plan::graph::{Conflict, variable};
use crate::plan::label;
use crate::plan::observed::ObservedService;
use crate::resolve::decode::{LABEL_DEPLOYMENT, LABEL_SERVER, LABEL_USER};

/// The variable in which the hub tells a server whose it is.
const HUB_USER: &str = "JUPYTERHUB_USER";
/// The variable in which the hub tells a server its name.
const HUB_SERVER: &str = "JUPYTERHUB_SERVER_NAME";
/// The container label that SwarmSpawner sets.
const SPAWNER_LABEL: &str = "image_name";

/// Whose it is.
pub(super) enum Owner {
    /// Made by `apply` for this very server.
    Ours,
    /// It has our labels, but not the one that says who made it: somebody deployed what `render` wrote.
    Unmarked,
    /// An old spawner's, for the same user.
    OldSpawner,
    /// Somebody else's.
    Conflict(Conflict),
}

pub(super) fn of(live: &ObservedService, deployment: &str, wanted: &Wanted<'_>) -> Owner {
    if let Some(own) = live.label(LABEL_DEPLOYMENT) {
        let user = live.label(LABEL_USER).unwrap_or_default();
        let server = live.label(LABEL_SERVER).unwrap_or_default();
        if own != deployment {
            return Owner::Conflict(Conflict::Deployment(own.to_owned()));
        }
        if user != wanted.user || server != wanted.server {
            return Owner::Conflict(Conflict::User { user: user.to_owned(), server: server.to_owned() });
        }
        return match live.label(label::MADE_BY) {
            Some(label::BY_APPLY) => Owner::Ours,
            Some(label::BY_SPAWNER) => Owner::Conflict(Conflict::Spawner),
            Some(_) => Owner::Conflict(Conflict::Unknown),
            None => Owner::Unmarked,
        };
    }
    let has_ours =
        |labels: &Value| labels.as_object().is_some_and(|labels| labels.keys().any(|key| key.starts_with("swarmgen.")));
    if live.spec.get("Labels").is_some_and(has_ours) {
        return Owner::Conflict(Conflict::Unknown);
    }
    old_spawner(live, wanted)
}

/// What an old spawner left: the hub's variables, and its own label on the container.
fn old_spawner(live: &ObservedService, wanted: &Wanted<'_>) -> Owner {
    let container = live.spec.get("TaskTemplate").and_then(|task| task.get("ContainerSpec"));
    let server = variable(&live.spec, HUB_SERVER);
    match variable(&live.spec, HUB_USER) {
        Some(user) if user != wanted.user || server.is_some_and(|server| server != wanted.server) => {
            let server = server.unwrap_or_default().to_owned();
            Owner::Conflict(Conflict::User { user: user.to_owned(), server })
        }
        Some(_) => Owner::OldSpawner,
        None => {
            let labels = container.and_then(|container| container.get("Labels"));
            match labels.and_then(|labels| labels.get(SPAWNER_LABEL)) {
                Some(_) => Owner::OldSpawner,
                None => Owner::Conflict(Conflict::Unknown),
            }
        }
    }
}
