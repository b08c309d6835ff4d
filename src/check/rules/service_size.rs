//! SG246 object-size, of services.

use super::ServerView;
use crate::diag::{Diagnostic, code};

/// The most that the engine stores at once (swarm-facts 5: 1.5 MiB), in bytes.
const MOST: usize = 3 << 19;

/// Finds services that the engine would not take for their size, and tells the largest of their texts.
pub(super) fn check(view: &ServerView<'_>) -> Vec<Diagnostic> {
    let size = view.service.size();
    if size <= MOST {
        return Vec::new();
    }
    let (mut largest, mut place) = (0, None);
    view.service.for_each_text(&mut |at, text| {
        if text.expose().len() > largest {
            (largest, place) = (text.expose().len(), Some(at.pointer()));
        }
    });
    let span = place.map_or(view.spec.span, |place| view.spec.nearest(&place).span);
    vec![
        Diagnostic::new(&code::OBJECT_SIZE, "the service is too large")
            .at(span, "the largest of its texts")
            .note(format!("they have {size} bytes together, and the engine takes 1.5 MiB of a service"))
            .help("put long text into a config, which is a file in the container, or into the image"),
    ]
}
