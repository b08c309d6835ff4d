//! Values that many keys share: scalars, lists or one, references to secrets.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// A string, a number or a boolean.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum Scalar {
    /// Text.
    Text(String),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// `true` or `false`.
    Bool(bool),
}

/// One string, or a list of strings.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum Texts {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

/// Keys with scalar values.
pub type Scalars = BTreeMap<String, Scalar>;

/// Where a secret is read from, at the time it is needed: exactly one of the keys.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub struct SecretRef {
    /// Reads a file; one newline at its end is dropped. Relative paths start at the config's directory. May be a
    /// template, whose values may not bring `/` or `..` into it. Absent: `env` or `command`.
    #[schemars(extend("examples" = ["keys/{username}/id_rsa"]))]
    pub file: Option<String>,
    /// Reads an environment variable of the swarmgen process. Absent: `file` or `command`.
    #[schemars(extend("examples" = ["BOB_SSH_PASSWORD"]))]
    pub env: Option<String>,
    /// Runs a program with its arguments, without a shell, and reads its standard output; one newline at its end is
    /// dropped.
    #[schemars(length(min = 1), extend("examples" = [["pass", "show", "storage/{username}"]]))]
    pub command: Option<Vec<String>>,
}

/// The value of an environment variable or a driver's option: a scalar, or a reference to a secret.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum EnvValue {
    /// The value itself.
    Scalar(Scalar),
    /// Where it is read from.
    Secret(SecretRef),
}

/// A string, or a reference to a secret.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum SecretText {
    /// The text itself.
    Text(String),
    /// Where it is read from.
    Secret(SecretRef),
}

/// A user's attribute, which templates insert: a scalar, a reference to a secret (a table with one key, `file`, `env`
/// or `command`), a list, or a table whose values are attributes in turn (`{mount.path}`).
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum AttributeValue {
    /// A scalar.
    Scalar(Scalar),
    /// A list.
    List(Vec<AttributeValue>),
    /// A table, or a reference to a secret.
    Table(BTreeMap<String, AttributeValue>),
}
