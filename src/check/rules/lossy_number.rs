//! SG235 lossy-number.

use super::SpecView;
use crate::diag::{Diagnostic, code};
use crate::source::{Entry, Node, Value};

/// Finds numbers and truths where text is wanted whose text is not what the document shows.
pub(super) fn check(view: &SpecView<'_>) -> Vec<Diagnostic> {
    let container = view.spec.get("container_spec");
    let mut findings = Vec::new();
    for table in [container, Some(view.spec)].into_iter().flatten() {
        for key in ["env", "labels"] {
            each(view, table.get(key), &mut findings);
        }
    }
    each(view, view.spec.get("log_driver").and_then(|log| log.get("options")), &mut findings);
    for network in view.spec.get("networks").and_then(Node::as_seq).unwrap_or_default() {
        each(view, network.get("options"), &mut findings);
    }
    for mount in container.and_then(|container| container.get("mounts")).and_then(Node::as_seq).unwrap_or_default() {
        each(view, mount.get("labels"), &mut findings);
        each(view, mount.get("options"), &mut findings);
        each(view, mount.get("driver_config").and_then(|driver| driver.get("options")), &mut findings);
    }
    findings
}

fn each(view: &SpecView<'_>, table: Option<&Node>, findings: &mut Vec<Diagnostic>) {
    for entry in table.and_then(Node::as_map).into_iter().flatten() {
        findings.extend(found(view, entry));
    }
}

fn found(view: &SpecView<'_>, entry: &Entry) -> Option<Diagnostic> {
    let sent = match &entry.value.value {
        Value::Bool(truth) => truth.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        _ => return None,
    };
    let written = (view.spelling)(&entry.value)?;
    let is_scalar = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.' | '_'))
    };
    if written == sent || !is_scalar(&written) {
        return None;
    }
    let span = entry.value.span;
    Some(if (view.is_secret)(&entry.key) || (view.is_hidden)(&entry.value) {
        Diagnostic::new(&code::LOSSY_NUMBER, "the text of this value is not what stands here")
            .at(span, "")
            .help("quote it")
    } else {
        Diagnostic::new(&code::LOSSY_NUMBER, format!("`{written}` is sent as the text `{sent}`")).at(span, "").fix(
            span,
            format!("\"{written}\""),
            "quote it",
        )
    })
}
