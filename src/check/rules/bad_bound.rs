//! SG243 bad-bound.

use super::{ConfigView, unknown_option};
use crate::diag::{Diagnostic, code};
use crate::source::Node;

/// Keys whose values are texts, lists or tables: none has an amount.
const NO_AMOUNTS: &[&str] = &[
    "args",
    "command",
    "configs",
    "container_spec",
    "hostname",
    "image",
    "mounts",
    "networks",
    "placement",
    "resource_spec",
    "secrets",
    "user",
    "workdir",
];

/// Keys whose values are amounts with units.
const AMOUNTS: &[&str] = &["cpu_limit", "cpu_reservation", "mem_limit", "mem_reservation", "tmpfs_size"];

/// Tables whose keys are the operator's own names.
const FREE: &[&str] = &["env", "labels", "options", "sysctls"];

/// Finds bounds that no amount can be compared with, and those that leave nothing: every request would be refused.
pub(super) fn check(view: &ConfigView<'_>) -> Vec<Diagnostic> {
    let allow = view.root.get("user_options").and_then(|options| options.get("allow")).and_then(Node::as_map);
    let mut findings = Vec::new();
    for entry in allow.into_iter().flatten().filter(|entry| unknown_option::problem(entry).is_none()) {
        let mut path = entry.key.rsplit('.');
        let key = path.next().unwrap_or_default();
        let free = path.next().is_some_and(|table| FREE.contains(&table));
        let mut limits = Vec::new();
        for side in ["min", "max"] {
            let Some(limit) = entry.value.get(side) else { continue };
            if !free && NO_AMOUNTS.contains(&key) {
                findings.push(
                    Diagnostic::new(&code::BAD_BOUND, format!("`{key}` is no amount and has no `{side}`"))
                        .at(limit.span, "")
                        .help("list the `values` that a request may choose from, or allow anything with `true`"),
                );
                continue;
            }
            match (view.measure)(key, limit) {
                Ok(amount) => limits.push((limit, amount)),
                Err((message, help)) => findings.push(
                    Diagnostic::new(&code::BAD_BOUND, format!("`{side}`: {message}"))
                        .at(limit.span, "")
                        .note("every request that sets this would be refused")
                        .help(help),
                ),
            }
        }
        if !free && AMOUNTS.contains(&key) {
            let values = entry.value.get("values").and_then(Node::as_seq).unwrap_or_default();
            for value in values {
                let Err((message, help)) = (view.measure)(key, value) else { continue };
                findings.push(
                    Diagnostic::new(&code::BAD_BOUND, format!("`values`: {message}"))
                        .at(value.span, "")
                        .note("a server that asks for this could not be made")
                        .help(help),
                );
            }
        }
        if let [(least, min), (most, max)] = limits.as_slice()
            && min > max
        {
            findings.push(
                Diagnostic::new(&code::BAD_BOUND, "`min` is above `max`: every request would be refused")
                    .at(least.span, "")
                    .at(most.span, "`max`")
                    .help("exchange them"),
            );
        }
    }
    findings
}
