//! SG249 unit-slip.

use super::{ConfigView, ServerView};
use crate::diag::{Diagnostic, code};
use crate::ir::{Mount, MountKind};
use crate::source::{Node, Value};

const MILLISECOND: i64 = 1_000_000;
const HOUR: i64 = 3_600_000_000_000;
/// From here up a whole number is nanoseconds.
const NANOSECONDS_FROM: i64 = 1_000_000;
/// The least memory that a container can have, in bytes.
const LEAST_MEMORY: i64 = 6 << 20;
/// Less memory than any notebook server starts in, in bytes.
const LITTLE_MEMORY: i64 = 32 << 20;
/// More memory than a node has, in bytes.
const MUCH_MEMORY: i64 = 4 << 40;
/// Less CPU time than is worth setting aside, in 10^-9ths of a CPU.
const LITTLE_CPU: i64 = 10_000_000;

/// Finds amounts that the engine takes and that are almost surely those of another unit.
pub(super) fn check(view: &ServerView<'_>) -> Vec<Diagnostic> {
    let mut findings = resources(view);
    findings.extend(times(view));
    findings
}

/// Finds the same of a mount.
pub(super) fn check_mount(_: &ServerView<'_>, mount: &Mount, node: &Node) -> Option<Diagnostic> {
    match mount.kind {
        MountKind::Tmpfs { size: Some(size), .. } => much_memory("tmpfs_size", node.get("tmpfs_size")?, size),
        _ => None,
    }
}

/// Finds a time-out for starting that is almost surely one of another unit.
pub(super) fn check_config(view: &ConfigView<'_>) -> Vec<Diagnostic> {
    let Some(node) = view.root.get("start_timeout") else { return Vec::new() };
    let Ok(time) = (view.measure)("timeout", node) else { return Vec::new() };
    if time < 1000.0 * MILLISECOND as f64 {
        let diagnostic = Diagnostic::new(&code::UNIT_SLIP, "no server starts in less than a second");
        return vec![units(diagnostic.at(node.span, read_as(node)))];
    }
    slow("start_timeout", node, time as i64, ("six hours", 6 * HOUR)).into_iter().collect()
}

fn resources(view: &ServerView<'_>) -> Vec<Diagnostic> {
    let resources = &view.service.resources;
    let node = |key: &str| view.spec.get("resource_spec").and_then(|table| table.get(key));
    let mut findings = Vec::new();
    if let (Some(amount), Some(node)) = (resources.mem_limit, node("mem_limit")) {
        findings.extend(much_memory("mem_limit", node, amount));
        // With less than 6 MiB it is an error already.
        if (LEAST_MEMORY..LITTLE_MEMORY).contains(&amount) {
            let diagnostic = Diagnostic::new(&code::UNIT_SLIP, "`mem_limit` is less than a notebook server starts in");
            let diagnostic = diagnostic.at(node.span, "");
            findings.push(match gigabytes(node) {
                Some(meant) => diagnostic.help(format!("did you mean `\"{meant}\"`?")),
                None => diagnostic.help("a number without a unit is bytes: write `\"512M\"` or `\"2G\"`"),
            });
        }
    }
    if let (Some(amount), Some(node)) = (resources.mem_reservation, node("mem_reservation")) {
        findings.extend(much_memory("mem_reservation", node, amount));
    }
    if let (Some(amount), Some(node)) = (resources.cpu_reservation, node("cpu_reservation"))
        && amount < LITTLE_CPU
    {
        let message = "`cpu_reservation` is less than a hundredth of a CPU";
        let label = if is_whole(node) { "read as 10^-9ths of a CPU" } else { "" };
        let diagnostic = Diagnostic::new(&code::UNIT_SLIP, message).at(node.span, label);
        findings.push(diagnostic.help("write CPUs as a decimal (`0.5`) or thousandths of one (`\"500m\"`)"));
    }
    findings
}

fn times(view: &ServerView<'_>) -> Vec<Diagnostic> {
    let service = view.service;
    let mut findings = Vec::new();
    let mut judge = |table: &[&str], key: &str, time: Option<i64>| {
        let Some(time) = time.filter(|time| *time != 0) else { return };
        let table = table.iter().try_fold(view.spec, |node, key| node.get(key));
        let Some(node) = table.and_then(|table| table.get(key)) else { return };
        findings.extend(quick(key, node, time).or_else(|| slow(key, node, time, ("an hour", HOUR))));
    };
    judge(&["container_spec"], "stop_grace_period", service.container.stop_grace_period);
    if let Some(check) = &service.container.healthcheck {
        let table = &["container_spec", "healthcheck"];
        judge(table, "interval", check.interval);
        judge(table, "timeout", check.timeout);
        judge(table, "start_period", check.start_period);
        judge(table, "start_interval", check.start_interval);
    }
    if let Some(policy) = &service.restart_policy {
        judge(&["restart_policy"], "delay", policy.delay);
    }
    for (table, config) in [("update_config", &service.update_config), ("rollback_config", &service.rollback_config)] {
        if let Some(config) = config {
            judge(&[table], "delay", config.delay);
            judge(&[table], "monitor", config.monitor);
        }
    }
    findings
}

/// Finds a time that nothing is done in. The engine refuses health check times below a millisecond.
fn quick(key: &str, node: &Node, time: i64) -> Option<Diagnostic> {
    let (least, words) = if is_whole(node) { (100, "a tenth of a second") } else { (10, "a hundredth of a second") };
    // What is an error already is not told twice.
    if !(MILLISECOND..least * MILLISECOND).contains(&time) {
        return None;
    }
    let diagnostic = Diagnostic::new(&code::UNIT_SLIP, format!("`{key}` is less than {words}"));
    Some(units(diagnostic.at(node.span, read_as(node))))
}

/// Finds a whole number of seconds that was meant as milliseconds.
fn slow(key: &str, node: &Node, time: i64, (words, most): (&str, i64)) -> Option<Diagnostic> {
    let number = whole(node).filter(|number| time > most && (1..NANOSECONDS_FROM).contains(number))?;
    let diagnostic = Diagnostic::new(&code::UNIT_SLIP, format!("`{key}` is more than {words}"));
    let meant = format!("write the unit: `\"{number}ms\"`, or `\"{number}s\"` if it is meant");
    Some(diagnostic.at(node.span, "read as seconds").help(meant))
}

fn units(diagnostic: Diagnostic) -> Diagnostic {
    diagnostic.help("write the unit: `\"30s\"`, `\"5m\"`; `ms` are milliseconds")
}

fn read_as(node: &Node) -> &'static str {
    match whole(node) {
        Some(NANOSECONDS_FROM..) => "read as nanoseconds",
        Some(_) => "read as seconds",
        None => "",
    }
}

fn much_memory(key: &str, node: &Node, amount: i64) -> Option<Diagnostic> {
    let diagnostic = || Diagnostic::new(&code::UNIT_SLIP, format!("`{key}` is more than 4 TiB")).at(node.span, "");
    (amount > MUCH_MEMORY).then(|| diagnostic().help("a number without a unit is bytes: write `\"512M\"` or `\"8G\"`"))
}

/// A few megabytes as so many gigabytes.
fn gigabytes(node: &Node) -> Option<String> {
    let number = node.as_str()?.strip_suffix(['M', 'm'])?;
    number.bytes().all(|byte| byte.is_ascii_digit()).then(|| format!("{number}G"))
}

fn is_whole(node: &Node) -> bool {
    whole(node).is_some()
}

/// A number as the config writes it, without a unit.
fn whole(node: &Node) -> Option<i64> {
    match &node.value {
        Value::Int(number) => Some(*number),
        Value::Str(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
        _ => None,
    }
}
