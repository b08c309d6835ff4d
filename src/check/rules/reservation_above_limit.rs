//! SG231 reservation-above-limit.

use super::ServerView;
use crate::diag::{Diagnostic, code};

/// Finds reservations of more than the server may ever use.
pub(super) fn check(view: &ServerView<'_>) -> Vec<Diagnostic> {
    let resources = &view.service.resources;
    let mut findings = Vec::new();
    for (what, limit, reservation, limit_key, reservation_key) in [
        ("CPU time", resources.cpu_limit, resources.cpu_reservation, "cpu_limit", "cpu_reservation"),
        ("memory", resources.mem_limit, resources.mem_reservation, "mem_limit", "mem_reservation"),
    ] {
        let (Some(limit), Some(reservation)) = (limit, reservation) else { continue };
        if reservation <= limit {
            continue;
        }
        let node = |key: &str| view.spec.get("resource_spec").and_then(|resources| resources.get(key));
        let (Some(limit), Some(reservation)) = (node(limit_key), node(reservation_key)) else { continue };
        findings.push(
            Diagnostic::new(&code::RESERVATION_ABOVE_LIMIT, format!("more {what} is reserved than the server may use"))
                .at(reservation.span, "set aside on the node")
                .at(limit.span, "the most that is used of it")
                .help(format!("lower `{reservation_key}`, or raise `{limit_key}`")),
        );
    }
    findings
}
