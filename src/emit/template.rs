//! `template`: a MiniJinja file of the operator's.
//!
//! MiniJinja's expressions, statements and filters can be used (macros and includes are not built in), with the filters
//! `yaml` (a value as YAML on one line) and `shell` (a value as words for a POSIX shell) besides; nothing is escaped by
//! itself, an undefined name is an error, and a template that goes on without end is stopped. It is given:
//!
//! | name | is |
//! |---|---|
//! | `services` | every service, in the keys of the config language: `services[0].container_spec.env` |
//! | `service` | the service, where there is exactly one |
//! | `spec` | its Engine API body, where there is exactly one; each of `services` has its own as `spec` |
//!
//! In a service every key is there; what is not set is none, an empty list or an empty mapping. Amounts are in the
//! engine's units: nanoseconds, bytes, 10^-9ths of a CPU. `spec` is undefined where the ids of configs or secrets are
//! not known. Secrets are in it in full.

mod context;

use std::fmt::Write as _;
use std::ops::Range;

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value};

use super::cli::quote;
use super::compose::scalar;
use crate::ir::Service;

/// Instructions that a template may run, besides those for each service.
const FUEL: u64 = 10_000_000;
/// Instructions that a template may run for each service.
const FUEL_PER_SERVICE: u64 = 100_000;

/// A service to render.
#[derive(Clone, Debug)]
pub struct Entry<'s> {
    /// The service.
    pub service: &'s Service,
    /// Its Engine API body, where all ids are known.
    pub spec: Option<serde_json::Value>,
}

/// What is wrong with an operator's template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    /// What is wrong, without secrets.
    pub message: String,
    /// Where in the template's source, in bytes.
    pub range: Option<Range<usize>>,
}

/// Renders the operator's template.
///
/// # Errors
///
/// The first thing that is wrong: its syntax, an undefined name, a filter that fails, or too much work.
pub fn render(name: &str, source: &str, entries: &[Entry<'_>]) -> Result<String, TemplateError> {
    let rendered =
        || environment(entries.len())?.template_from_named_str(name, source)?.render(context::context(entries));
    rendered().map_err(|error| TemplateError {
        message: redact(explain(&error), entries),
        range: error.range().filter(|range| source.get(range.clone()).is_some()),
    })
}

fn environment(services: usize) -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_syntax(SyntaxConfig::builder().keep_trailing_newline(true).build()?);
    environment.set_debug(true);
    let services = u64::try_from(services).unwrap_or(u64::MAX);
    environment.set_fuel(Some(FUEL.saturating_add(services.saturating_mul(FUEL_PER_SERVICE))));
    environment.add_filter("yaml", |value: Value| Ok::<_, Error>(yaml(&json(&value)?)));
    environment.add_filter("shell", |value: Value| shell(&json(&value)?));
    Ok(environment)
}

/// What is wrong, in MiniJinja's words.
pub(crate) fn explain(error: &Error) -> String {
    match (error.kind(), error.detail()) {
        (ErrorKind::OutOfFuel, _) => "the template takes too many steps".to_owned(),
        (kind, Some(detail)) => format!("{kind}: {detail}"),
        (kind, None) => kind.to_string(),
    }
}

/// MiniJinja's messages may quote values.
fn redact(mut message: String, entries: &[Entry<'_>]) -> String {
    for entry in entries {
        entry.service.for_each_text(&mut |_, text| {
            if text.is_secret() && !text.expose().is_empty() {
                message = message.replace(text.expose(), "«redacted»");
            }
        });
    }
    message
}

fn json(value: &Value) -> Result<serde_json::Value, Error> {
    if value.is_undefined() {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    serde_json::to_value(value)
        .map_err(|_| Error::new(ErrorKind::BadSerialization, "the value is no text, number, list or mapping"))
}

/// Writes a value as YAML that every reader takes for the same, on one line.
fn yaml(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => scalar(text),
        serde_json::Value::Array(values) => {
            format!("[{}]", values.iter().map(yaml).collect::<Vec<_>>().join(", "))
        }
        serde_json::Value::Object(fields) => {
            let mut out = String::from("{");
            for (index, (key, value)) in fields.iter().enumerate() {
                let separator = if index > 0 { ", " } else { "" };
                let _infallible = write!(out, "{separator}{}: {}", scalar(key), yaml(value));
            }
            out + "}"
        }
        serde_json::Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(float) => yaml_float(float),
            None => number.to_string(),
        },
        serde_json::Value::Null | serde_json::Value::Bool(_) => value.to_string(),
    }
}

/// Writes a float with the point and the sign of the exponent without which YAML 1.1 takes it for a string.
fn yaml_float(float: f64) -> String {
    let text = format!("{float:?}");
    let Some((mantissa, exponent)) = text.split_once('e') else { return text };
    let point = if mantissa.contains('.') { "" } else { ".0" };
    let sign = if exponent.starts_with('-') { "" } else { "+" };
    format!("{mantissa}{point}e{sign}{exponent}")
}

fn shell(value: &serde_json::Value) -> Result<String, Error> {
    let word = |text: &str| {
        if text.contains('\0') {
            return Err(Error::new(ErrorKind::InvalidOperation, "no argument of a command can hold a NUL"));
        }
        Ok(quote(text))
    };
    match value {
        serde_json::Value::String(text) => word(text),
        serde_json::Value::Array(values) => {
            let words: Result<Vec<String>, Error> = values.iter().map(shell).collect();
            Ok(words?.join(" "))
        }
        serde_json::Value::Object(_) => {
            Err(Error::new(ErrorKind::InvalidOperation, "a mapping makes no words; quote its values one by one"))
        }
        other => word(&other.to_string()),
    }
}

#[cfg(test)]
mod tests;
