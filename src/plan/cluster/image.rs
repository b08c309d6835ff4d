//! SG515 image-not-found.

use super::ClusterView;
use crate::diag::{Diagnostic, code};
use crate::ir::Text;

/// What is known of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageState {
    /// Its registry knows it.
    Resolved,
    /// The engine's node has it, and no registry was needed.
    OnNode,
    /// Its registry does not know it, and the engine's node does not have it; with the registry's words.
    Missing(String),
    /// No registry answered, and the engine's node does not have it; with the reason.
    Unknown(String),
}

/// What was told of an image; it may name the image in parts.
pub fn told_of<'r>(image: &Text, reason: &'r str) -> &'r str {
    if image.is_secret() { "what was told of it is not shown, since its name holds a secret" } else { reason }
}

/// Finds images that no node could get. Whether another node has one is known only where a task runs it.
pub(super) fn check(view: &ClusterView<'_>) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for server in view.servers {
        let image = &server.service.container.image;
        let (message, reason) = match view.images.get(image.expose()) {
            Some(ImageState::Missing(reason)) => (format!("the image `{image}` was not found"), reason),
            Some(ImageState::Unknown(reason)) => (format!("nothing is known of the image `{image}`"), reason),
            Some(ImageState::Resolved | ImageState::OnNode) | None => continue,
        };
        if runs(image.expose(), view) {
            continue;
        }
        let finding = server.finding(&code::IMAGE_NOT_FOUND, message, "/image", "this image");
        findings.push(
            finding
                .note(told_of(image, reason))
                .help("check its name and the registry's credentials, or load it on each node that may run it"),
        );
    }
    findings
}

/// Tells whether a task runs an image, with or without its digest, so that the task's node has it.
fn runs(image: &str, view: &ClusterView<'_>) -> bool {
    let is_it = |own: &str| own.strip_prefix(image).is_some_and(|rest| rest.is_empty() || rest.starts_with('@'));
    view.state.tasks.iter().any(|task| task.runs() && is_it(&task.image))
}
