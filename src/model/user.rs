//! Users, their names, and what their requests may set.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::profile::Overrides;
use super::value::{AttributeValue, Scalar};

/// How services are named after users.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Naming {
    /// What a service's name holds of the user's.
    #[schemars(extend("default" = "sha256", "examples" = ["slug"]))]
    pub scheme: Option<NamingScheme>,
}

/// What a service's name holds of the user's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NamingScheme {
    /// The first 32 hex digits of its SHA-256.
    Sha256,
    /// A safe name as it is, any other with a hash, as KubeSpawner does it.
    Slug,
    /// Its MD5, as SwarmSpawner did before 0.6.
    Md5,
    /// The name as it is.
    Username,
    /// Its last 32 characters, as SwarmSpawner 0.6 does it.
    Last32,
    /// The name with unsafe characters escaped, as DockerSpawner does it.
    Escaped,
}

/// What requests may set.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UserOptions {
    /// The attributes that a request may set besides its profile, as paths, each with its bounds; `true` allows any
    /// value.
    #[schemars(extend("examples" = [{"resource_spec.mem_limit": {"max": "4G"}, "container_spec.env.THEME": true}]))]
    pub allow: Option<BTreeMap<String, Allowance>>,
}

/// What a request may set an attribute to: `true` for anything, or a table of bounds.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Allowance {
    /// Anything.
    Anything(#[schemars(extend("enum" = [true]))] bool),
    /// What the bounds permit.
    Within(Bounds),
}

/// The bounds of an attribute's value.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub struct Bounds {
    /// The least amount. Absent: no lower bound.
    #[schemars(extend("examples" = [0.5, "256M"]))]
    pub min: Option<Bound>,
    /// The greatest amount. Absent: no upper bound.
    #[schemars(extend("examples" = [4, "4G"]))]
    pub max: Option<Bound>,
    /// The values to choose from. Absent: any.
    #[schemars(length(min = 1), extend("examples" = [["512M", "1G", "4G"]]))]
    pub values: Option<Vec<Scalar>>,
}

/// An amount as the attribute takes it.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum Bound {
    /// A number.
    Number(f64),
    /// Text with a unit.
    Text(String),
}

/// A user. All keys but the three named here are attributes, which templates insert.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
pub struct User {
    /// The groups that the user belongs to.
    #[schemars(extend("examples" = [["gpu"]]))]
    pub groups: Option<Vec<String>>,
    /// The profile that the user gets unless the request names one. Absent: the first that the user may use.
    #[schemars(extend("examples" = ["GPU"]))]
    pub profile: Option<String>,
    /// What differs for this user.
    #[schemars(extend("examples" = [{"resource_spec": {"mem_limit": "8G"}}]))]
    pub overrides: Option<Box<Overrides>>,
    /// The user's attributes.
    #[serde(flatten)]
    pub attributes: BTreeMap<String, AttributeValue>,
}
