//! SG515 image-not-found.

use super::ClusterView;
use crate::diag::{Diagnostic, code};

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

/// Finds images that no node could get. Whether another node has one is not known.
pub(super) fn check(view: &ClusterView<'_>) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for server in view.servers {
        let image = server.service.container.image.expose();
        let (message, reason) = match view.images.get(image) {
            Some(ImageState::Missing(reason)) => (format!("the image `{image}` was not found"), reason),
            Some(ImageState::Unknown(reason)) => (format!("nothing is known of the image `{image}`"), reason),
            Some(ImageState::Resolved | ImageState::OnNode) | None => continue,
        };
        let finding = server.finding(&code::IMAGE_NOT_FOUND, message, "/image", "this image");
        findings.push(
            finding
                .note(reason.clone())
                .help("check its name and the registry's credentials, or load it on each node that may run it"),
        );
    }
    findings
}
