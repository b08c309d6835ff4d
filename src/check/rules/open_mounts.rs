//! SG245 open-mounts.

use super::ConfigView;
use crate::check::canonical::printable;
use crate::diag::{Diagnostic, code};
use crate::source::Node;

/// Finds paths of `user_options.allow` that lead a request to others' data or to the node, unless `values` bound them.
pub(super) fn check(view: &ConfigView<'_>) -> Vec<Diagnostic> {
    let allow = view.root.get("user_options").and_then(|options| options.get("allow")).and_then(Node::as_map);
    let mut findings = Vec::new();
    for entry in allow.into_iter().flatten() {
        let path = entry.key.strip_prefix("container_spec.").unwrap_or(&entry.key);
        let what = match path.split('.').next().unwrap_or_default() {
            "container_spec" => "set mounts, secrets and its user as it likes",
            "mounts" => "mount other users' volumes and the node's own files",
            "configs" | "secrets" => "read any config or secret of the swarm",
            "networks" => "join any network of the swarm",
            "hostname" => "answer under the name of another user's server",
            "cap_add" | "privileges" => "loosen what keeps its container from the node",
            "uid_gid" | "user" => "run as root, or as another user of shared files",
            _ => continue,
        };
        if entry.value.get("values").is_some() {
            continue;
        }
        findings.push(
            Diagnostic::new(&code::OPEN_MOUNTS, format!("with `{}` a request may {what}", printable(&entry.key)))
                .at(entry.key_span, "opened to everybody here")
                .help("remove it and offer profiles instead, or bound it with `values`"),
        );
    }
    findings
}
