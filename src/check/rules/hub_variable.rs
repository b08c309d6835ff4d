//! SG233 hub-variable.

use super::SpecView;
use crate::diag::{Diagnostic, code};
use crate::source::Node;

/// What a hub gives every server, sorted. Source: JupyterHub's `Spawner.get_env`.
const HUBS: &[&str] = &[
    "JPY_API_TOKEN",
    "JUPYTERHUB_ACTIVITY_URL",
    "JUPYTERHUB_API_TOKEN",
    "JUPYTERHUB_API_URL",
    "JUPYTERHUB_BASE_URL",
    "JUPYTERHUB_CLIENT_ID",
    "JUPYTERHUB_HOST",
    "JUPYTERHUB_OAUTH_ACCESS_SCOPES",
    "JUPYTERHUB_OAUTH_CALLBACK_URL",
    "JUPYTERHUB_OAUTH_CLIENT_ALLOWED_SCOPES",
    "JUPYTERHUB_OAUTH_SCOPES",
    "JUPYTERHUB_SERVER_NAME",
    "JUPYTERHUB_SERVICE_PREFIX",
    "JUPYTERHUB_SERVICE_URL",
    "JUPYTERHUB_USER",
];

/// Finds variables that the hub sets too: its values win, unless `env_override` lists them.
pub(super) fn check(view: &SpecView<'_>) -> Vec<Diagnostic> {
    if view.hub.is_none() {
        return Vec::new();
    }
    let env = view.spec.get("container_spec").and_then(|container| container.get("env")).and_then(Node::as_map);
    env.into_iter()
        .flatten()
        .filter(|entry| HUBS.binary_search(&&*entry.key).is_ok() && !(view.keeps)(&entry.key))
        .map(|entry| {
            Diagnostic::new(&code::HUB_VARIABLE, format!("the hub sets `{}` itself, and its value wins", entry.key))
                .at(entry.key_span, "this has no effect under the hub")
                .help("remove it, or list it in `env_override` to keep it from the hub")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_names_are_sorted() {
        assert!(super::HUBS.is_sorted());
    }
}
