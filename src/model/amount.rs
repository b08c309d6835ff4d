//! Amounts: numbers in a fixed unit, or text with one. Any text may be a template.

use schemars::JsonSchema;
use serde::Deserialize;

/// CPUs: a decimal or text is CPUs (`1.5`, `"500m"`); a whole number from 1 to 512 is CPUs, from 10^6 up it is
/// 10^-9ths of a CPU as docker-py takes it.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Cpus {
    /// A number of CPUs, or of 10^-9ths.
    Number(#[schemars(range(min = 0))] f64),
    /// Text, with `m` for thousandths.
    Text(String),
}

/// Memory: a whole number of bytes, or text with a unit of 1024 as Docker reads it (`"512M"` is 536870912 bytes).
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Memory {
    /// Bytes.
    Bytes(#[schemars(range(min = 0))] i64),
    /// Text with a unit.
    Text(String),
}

/// A duration: a whole number of seconds (from 10^6 up: nanoseconds, as docker-py takes them), or text as Go writes it
/// (`"1h30m"`, `"500ms"`).
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Duration {
    /// Seconds or nanoseconds.
    Number(#[schemars(range(min = 0))] i64),
    /// Text with units.
    Text(String),
}

/// A file's mode: text in octal (`"0440"`), or a number that is the mode's value (`0o440` in TOML and YAML, 288 in
/// JSON).
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum FileMode {
    /// The mode's value.
    Number(#[schemars(range(min = 0))] i64),
    /// Octal digits.
    Text(String),
}

/// A port: a number from 1 to 65535, or text that is one.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Port {
    /// The number.
    Number(#[schemars(range(min = 1))] u16),
    /// Text, for templates.
    Text(String),
}

/// How many: a whole number from 0 up, or text that is one.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Count {
    /// The number.
    Number(#[schemars(range(min = 0))] i64),
    /// Text, for templates.
    Text(String),
}

/// How many of something that must be there: a whole number from 1 up, or text that is one.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum PositiveCount {
    /// The number.
    Number(#[schemars(range(min = 1))] i64),
    /// Text, for templates.
    Text(String),
}

/// A part of a whole, from 0 to 1, or text that is one.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Ratio {
    /// The number.
    Number(#[schemars(range(min = 0, max = 1))] f64),
    /// Text, for templates.
    Text(String),
}

/// A user or group: its number, or text with a number or a name.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Id {
    /// The number.
    Number(#[schemars(range(min = 0))] i64),
    /// Text, for names and templates.
    Text(String),
}

/// A limit of a process's resources, where -1 is none.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Limit {
    /// The number.
    Number(#[schemars(range(min = -1))] i64),
    /// Text, for templates.
    Text(String),
}
