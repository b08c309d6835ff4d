//! SG202 floating-tag.

use super::ServerView;
use crate::check::image::{Pin, Reference};
use crate::diag::{Diagnostic, code};

/// Finds images whose reference names no fixed version, so that what runs changes without the config changing.
pub(super) fn check(view: &ServerView<'_>) -> Vec<Diagnostic> {
    let image = &view.service.container.image;
    let Some(node) = view.spec.get("image") else { return Vec::new() };
    if Reference::parse(image.expose()).map(|reference| reference.pin()) != Some(Pin::Floating) {
        return Vec::new();
    }
    let message = if image.expose().ends_with(":latest") {
        "the tag `latest` moves"
    } else {
        "an image without a tag means `latest`, which moves"
    };
    vec![
        Diagnostic::new(&code::FLOATING_TAG, message)
            .at(node.span, "")
            .help("name a version: a dated tag, or a digest")
            .note("two nodes may run different images under one floating tag"),
    ]
}
