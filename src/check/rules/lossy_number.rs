//! SG235 lossy-number.
//!
//! In what servers are made of, and in attributes, which templates insert as text.

use super::SpecView;
use crate::diag::{Diagnostic, code};
use crate::source::{Entry, Node, Value};

/// How the document spells what it says.
pub struct Spelled<'a> {
    /// How it spells a node.
    pub spelling: &'a dyn Fn(&Node) -> Option<String>,
    /// Tells whether that must not be shown.
    pub is_hidden: &'a dyn Fn(&Node) -> bool,
    /// Tells whether what has this name is a secret.
    pub is_secret: &'a dyn Fn(&str) -> bool,
}

/// Finds the same in an attribute.
pub fn attribute(entry: &Entry, spelled: &Spelled<'_>) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    below(&entry.value, (spelled.is_secret)(&entry.key), spelled, &mut findings);
    findings
}

fn below(node: &Node, is_secret: bool, spelled: &Spelled<'_>, findings: &mut Vec<Diagnostic>) {
    match &node.value {
        Value::Map(map) => map
            .iter()
            .for_each(|entry| below(&entry.value, is_secret || (spelled.is_secret)(&entry.key), spelled, findings)),
        Value::Seq(items) => items.iter().for_each(|item| below(item, is_secret, spelled, findings)),
        _ => findings.extend(found(node, is_secret, spelled, "inserted")),
    }
}

/// Finds numbers and truths where text is wanted whose text is not what the document shows.
pub(super) fn check(view: &SpecView<'_>) -> Vec<Diagnostic> {
    let container = view.spec.get("container_spec");
    let mut findings = Vec::new();
    for table in [container, Some(view.spec)].into_iter().flatten() {
        for key in ["env", "labels", "sysctls"] {
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
    let SpecView { spelling, is_hidden, is_secret, .. } = view;
    let spelled = Spelled { spelling, is_hidden, is_secret };
    for entry in table.and_then(Node::as_map).into_iter().flatten() {
        findings.extend(found(&entry.value, is_secret(&entry.key), &spelled, "sent"));
    }
}

fn found(node: &Node, is_secret: bool, spelled: &Spelled<'_>, does: &str) -> Option<Diagnostic> {
    let sent = match &node.value {
        Value::Bool(truth) => truth.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        _ => return None,
    };
    let written = (spelled.spelling)(node)?;
    let is_scalar = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.' | '_'))
    };
    if written == sent || !is_scalar(&written) {
        return None;
    }
    let span = node.span;
    Some(if is_secret || (spelled.is_hidden)(node) {
        Diagnostic::new(&code::LOSSY_NUMBER, "the text of this value is not what stands here")
            .at(span, "")
            .help("quote it")
    } else {
        Diagnostic::new(&code::LOSSY_NUMBER, format!("`{written}` is {does} as the text `{sent}`")).at(span, "").fix(
            span,
            format!("\"{written}\""),
            "quote it",
        )
    })
}
