//! One option that `user_options.allow` opens: how it is asked for, and what an answer means.

use serde_json::{Map, Value, json};

use crate::check::schema::{self, Takes};
use crate::resolve::amount::{bytes_shown, cpus_text, duration_text, kind_shown};
use crate::resolve::options::{canonical, measure};
use crate::source::{Entry, Node};

/// Tables whose keys are the operator's own names, and may hold dots.
const FREE: &[&str] = &["env", "labels", "options", "sysctls"];

/// One option.
#[derive(Debug)]
pub(super) struct Field<'c> {
    /// Its path, as the config writes it.
    pub(super) path: &'c str,
    /// The keys of its one form.
    pub(super) keys: Vec<String>,
    /// What the user reads.
    pub(super) label: String,
    pub(super) kind: Kind,
    takes: Takes,
}

/// How an option is asked for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// One of these, each with the text that stands for it.
    Choice(Vec<(String, Value)>),
    /// A number in a unit, within bounds.
    Number { unit: Unit, min: Option<f64>, max: Option<f64>, whole: bool },
    /// A line.
    Text,
    /// A text a line.
    List,
    /// `NAME=VALUE` on each line.
    Table,
}

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    None,
    Cpus,
    Mebibytes,
    Gibibytes,
    Seconds,
}

impl Unit {
    /// What stands behind a number that has no unit of its own: as the config language writes it.
    pub(super) fn suffix(self) -> &'static str {
        match self {
            Self::None | Self::Cpus => "",
            Self::Mebibytes => "M",
            Self::Gibibytes => "G",
            Self::Seconds => "s",
        }
    }

    /// What the user reads.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::None | Self::Cpus => "",
            Self::Mebibytes => "MiB",
            Self::Gibibytes => "GiB",
            Self::Seconds => "seconds",
        }
    }

    /// How many of the engine's own it is.
    fn size(self) -> f64 {
        match self {
            Self::None => 1.0,
            Self::Cpus | Self::Seconds => 1e9,
            Self::Mebibytes => 1_048_576.0,
            Self::Gibibytes => 1_073_741_824.0,
        }
    }
}

impl<'c> Field<'c> {
    /// How an option is asked for; `None` if only a program can ask for it.
    pub(super) fn new(allowance: &'c Entry) -> Option<Self> {
        let path = canonical(&allowance.key);
        let keys = keys(&path);
        let takes = schema::overrides_take(&keys.iter().map(String::as_str).collect::<Vec<_>>());
        if takes == Takes::default() {
            return None;
        }
        let kind = kind(&keys, &takes, allowance)?;
        Some(Self { path: &allowance.key, label: label(&keys), keys, kind, takes })
    }

    fn key(&self) -> &str {
        self.keys.last().map_or("", String::as_str)
    }

    pub(super) fn keys(&self) -> Vec<&str> {
        self.keys.iter().map(String::as_str).collect()
    }

    /// What an answer means; `None` for one that is empty. `unit` stands behind a number without one.
    ///
    /// # Errors
    ///
    /// Why it means nothing, as the end of a sentence.
    pub(super) fn read(&self, text: &str, unit: &str) -> Result<Option<Value>, String> {
        if text.contains('\0') {
            return Err("holds a character that cannot be used".to_owned());
        }
        if text.trim().is_empty() {
            return Ok(None);
        }
        match &self.kind {
            Kind::Choice(values) => match values.iter().find(|(own, _)| own == text) {
                Some((_, value)) => Ok(Some(value.clone())),
                None => Err(self.bounds()),
            },
            Kind::Number { .. } => Ok(Some(self.number(text.trim(), unit))),
            Kind::Text => Ok(Some(text.into())),
            Kind::List => Ok(Some(lines(text).map(Value::from).collect())),
            Kind::Table => {
                let pair = |line: &str| {
                    let (name, value) = line.split_once('=').filter(|(name, _)| !name.trim().is_empty())?;
                    Some((name.trim().to_owned(), Value::from(value)))
                };
                let pairs: Option<Map<String, Value>> = lines(text).map(pair).collect();
                pairs.map(|pairs| Some(pairs.into())).ok_or_else(|| "takes NAME=VALUE on each line".to_owned())
            }
        }
    }

    fn number(&self, text: &str, unit: &str) -> Value {
        let bare = text.bytes().last().is_some_and(|byte| byte.is_ascii_digit() || byte == b'.');
        if bare && !unit.is_empty() {
            return format!("{text}{unit}").into();
        }
        match text.parse::<i64>() {
            Ok(number) if !self.takes.text => number.into(),
            _ => match text.parse::<f64>() {
                Ok(number) if !self.takes.text && number.is_finite() => number.into(),
                _ => text.into(),
            },
        }
    }

    /// Tells whether a value can be counted, where it has to be.
    pub(super) fn is_amount(&self, value: &Node) -> bool {
        !matches!(self.kind, Kind::Number { .. }) || measure(self.key(), value).is_ok()
    }

    /// What may be asked for, as the end of a sentence.
    pub(super) fn bounds(&self) -> String {
        match &self.kind {
            Kind::Choice(values) => {
                let values: Vec<&str> = values.iter().map(|(text, _)| &**text).collect();
                format!("has to be one of: {}", values.join(", "))
            }
            Kind::Number { .. } => match self.range() {
                Some(range) => format!("has to be {range}"),
                None => "has to be a number".to_owned(),
            },
            Kind::Text | Kind::List | Kind::Table => "cannot be that".to_owned(),
        }
    }

    /// The bounds of a number, with its unit.
    pub(super) fn range(&self) -> Option<String> {
        let Kind::Number { unit, min, max, .. } = &self.kind else { return None };
        let space = if unit.word().is_empty() { "" } else { " " };
        let unit = unit.word();
        match (min, max) {
            (Some(min), Some(max)) => Some(format!("from {min} to {max}{space}{unit}")),
            (Some(min), None) => Some(format!("at least {min}{space}{unit}")),
            (None, Some(max)) => Some(format!("at most {max}{space}{unit}")),
            (None, None) => None,
        }
    }

    /// A value as the input holds it; `None` if it cannot.
    pub(super) fn held(&self, node: &Node) -> Option<String> {
        match &self.kind {
            Kind::Choice(values) => {
                let own = super::super::request::plain(node);
                values.iter().find(|(_, value)| *value == own).map(|(text, _)| text.clone())
            }
            Kind::Number { unit, .. } => {
                let number = measure(self.key(), node).ok()? / unit.size();
                let shown = rounded(number, f64::round);
                (shown == number).then(|| shown.to_string())
            }
            Kind::Text => scalar(node),
            Kind::List => node
                .as_seq()?
                .iter()
                .map(|item| item.as_str())
                .collect::<Option<Vec<_>>>()
                .map(|lines| lines.join("\n")),
            Kind::Table => {
                let map = node.as_map()?;
                let line = |entry: &Entry| Some(format!("{}={}", entry.key, scalar(&entry.value)?));
                map.iter().map(line).collect::<Option<Vec<_>>>().map(|lines| lines.join("\n"))
            }
        }
    }

    /// A value as the user reads it.
    pub(super) fn shown(&self, node: &Node) -> Option<String> {
        let amount = || measure(self.key(), node).ok().map(|amount| amount as i64);
        match &self.kind {
            Kind::Number { unit: Unit::Mebibytes | Unit::Gibibytes, .. } => amount().map(bytes_shown),
            Kind::Number { unit: Unit::Cpus, .. } => amount().map(cpus_text),
            Kind::Number { unit: Unit::Seconds, .. } => amount().map(duration_text),
            Kind::List => node.as_seq().map(|items| items.iter().filter_map(scalar).collect::<Vec<_>>().join(" ")),
            Kind::Table => None,
            _ => scalar(node),
        }
        .filter(|text| !text.is_empty())
    }

    /// A request that sets this option and nothing else.
    pub(super) fn request(&self, value: Value) -> Value {
        self.keys.iter().rev().fold(value, |value, key| json!({ key.as_str(): value }))
    }
}

/// The non-empty lines of a text.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

/// The keys of a path; below a table with free keys the rest is one.
fn keys(path: &str) -> Vec<String> {
    let parts: Vec<&str> = path.split('.').collect();
    let head = parts.iter().position(|key| FREE.contains(key)).map_or(parts.len(), |at| at + 1);
    let (head, rest) = parts.split_at(head);
    let mut keys: Vec<String> = head.iter().map(|key| (*key).to_owned()).collect();
    if !rest.is_empty() {
        keys.push(rest.join("."));
    }
    keys
}

fn kind(keys: &[String], takes: &Takes, allowance: &Entry) -> Option<Kind> {
    let key = keys.last().map_or("", String::as_str);
    let above = keys.len().checked_sub(2).and_then(|at| keys.get(at));
    let free = above.is_some_and(|above| FREE.contains(&&**above));
    let bound = |side: &str| allowance.value.get(side);
    if let Some(values) = bound("values").and_then(Node::as_seq) {
        let shown = |node: &Node| scalar(node).map(|text| (text, super::super::request::plain(node)));
        return Some(Kind::Choice(values.iter().filter_map(shown).collect()));
    }
    let limits = [bound("min"), bound("max")];
    let bounded = limits.iter().any(Option::is_some);
    let unit = match key {
        "cpu_limit" | "cpu_reservation" => Unit::Cpus,
        "mem_limit" | "mem_reservation" | "tmpfs_size" => memory_unit(key, &limits),
        "delay" | "interval" | "monitor" | "start_interval" | "start_period" | "stop_grace_period" | "timeout"
        | "window" => Unit::Seconds,
        _ => Unit::None,
    };
    let number = |unit: Unit| {
        let limit = |node: Option<&Node>, round: fn(f64) -> f64| {
            node.and_then(|node| measure(key, node).ok()).map(|amount| rounded(amount / unit.size(), round))
        };
        let whole = |node: &&Node| node.as_int().is_some();
        let whole = unit == Unit::None && (!takes.fraction || (bounded && limits.iter().flatten().all(whole)));
        Kind::Number { unit, min: limit(bound("min"), f64::ceil), max: limit(bound("max"), f64::floor), whole }
    };
    let truth = || [("yes", true), ("no", false)].map(|(text, truth)| (text.to_owned(), Value::from(truth)));
    match () {
        // To the compiler it is an amount with a unit all the same; here it is the operator's own name.
        () if free && unit != Unit::None => Some(Kind::Text),
        () if unit != Unit::None || bounded => Some(number(unit)),
        () if free && takes.text => Some(Kind::Text),
        () if takes.table => Some(Kind::Table),
        () if takes.list => Some(Kind::List),
        () if takes.truth => Some(Kind::Choice(truth().into())),
        () if !takes.words.is_empty() => {
            Some(Kind::Choice(takes.words.iter().map(|word| (word.clone(), word.as_str().into())).collect()))
        }
        () if takes.whole && key != "user" => Some(number(Unit::None)),
        () if takes.text => Some(Kind::Text),
        () => None,
    }
}

/// The unit in which the limits are plain numbers.
fn memory_unit(key: &str, limits: &[Option<&Node>; 2]) -> Unit {
    let quarters = |limit: f64| (limit * 4.0 / Unit::Gibibytes.size()).fract() == 0.0;
    let known: Vec<f64> = limits.iter().flatten().filter_map(|limit| measure(key, limit).ok()).collect();
    let large = known.iter().any(|limit| *limit >= Unit::Gibibytes.size());
    if known.is_empty() || (large && known.iter().all(|limit| quarters(*limit))) {
        Unit::Gibibytes
    } else {
        Unit::Mebibytes
    }
}

/// A number with at most three decimals.
fn rounded(number: f64, round: fn(f64) -> f64) -> f64 {
    round(number * 1000.0) / 1000.0
}

fn scalar(node: &Node) -> Option<String> {
    match super::super::request::plain(node) {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(if truth { "yes" } else { "no" }.to_owned()),
        _ => None,
    }
}

/// A path's last key as a user reads it.
fn label(keys: &[String]) -> String {
    let key = keys.last().map_or("", String::as_str);
    let above = keys.len().checked_sub(2).and_then(|at| keys.get(at)).map_or("", String::as_str);
    let known = match (above, key) {
        ("resource_spec", "cpu_limit") => "CPUs",
        ("resource_spec", "cpu_reservation") => "CPUs set aside",
        ("resource_spec", "mem_limit") => "Memory",
        ("resource_spec", "mem_reservation") => "Memory set aside",
        ("resource_spec", "pids_limit") => "Processes",
        ("container_spec", "args") => "Arguments",
        ("container_spec", "env") => "Environment variables",
        ("container_spec", "workdir") => "Working directory",
        ("generic_resources", kind) => return kind_shown(kind),
        // The operator's own names.
        (table, own) if FREE.contains(&table) => return own.to_owned(),
        _ => "",
    };
    if !known.is_empty() {
        return known.to_owned();
    }
    let words = key.replace('_', " ");
    let mut chars = words.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
