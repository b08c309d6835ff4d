//! What comes out: one pure function for each target.
//!
//! Every emitter takes the [`ir`](crate::ir) apart without `..`, so that a field that a target does not handle does
//! not compile. What a target cannot express is an [`Inexpressible`], never left out in silence; all of them are told
//! at once.

pub(crate) mod amount;
pub mod cli;
pub mod compose;
pub mod engine;
#[cfg(test)]
pub(crate) mod fixture;
pub mod template;

use std::fmt;

use crate::diag::{Code, code};
use crate::ir::SelinuxContext;
use crate::source::Pointer;

/// Something of a service that a target cannot say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inexpressible {
    /// Where it stands in the resolved config tree (`/container_spec/mounts/2/subpath`).
    pub pointer: Pointer,
    /// What the target cannot say, in the form of a diagnostic's message.
    pub message: String,
    /// What to do instead, in the imperative.
    pub help: Option<String>,
    /// The diagnostic's code.
    pub code: &'static Code,
}

/// The version of the Engine API that a service body is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiVersion {
    /// The part before the dot.
    pub major: u32,
    /// The part after the dot.
    pub minor: u32,
}

impl ApiVersion {
    /// The oldest API that knows every field of the IR but those that name a newer one: 1.41 (Engine 20.10).
    pub const V1_41: Self = Self { major: 1, minor: 41 };
    /// The first API with a health check's start interval (Engine 25).
    pub const V1_44: Self = Self { major: 1, minor: 44 };
    /// The first API with a volume's subpath (Engine 26).
    pub const V1_45: Self = Self { major: 1, minor: 45 };

    /// Reads `1.41` or `v1.41`.
    pub fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.strip_prefix('v').unwrap_or(text).split_once('.')?;
        Some(Self { major: major.parse().ok()?, minor: minor.parse().ok()? })
    }
}

impl Default for ApiVersion {
    fn default() -> Self {
        Self::V1_41
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// What an emitter could not say so far.
#[derive(Debug, Default)]
struct Refusals(Vec<Inexpressible>);

impl Refusals {
    fn add(&mut self, pointer: Pointer, message: impl Into<String>, help: Option<&str>) {
        self.add_code(&code::INEXPRESSIBLE, pointer, message, help);
    }

    fn add_code(&mut self, code: &'static Code, pointer: Pointer, message: impl Into<String>, help: Option<&str>) {
        self.0.push(Inexpressible { pointer, message: message.into(), help: help.map(str::to_owned), code });
    }

    /// Refuses a field that needs a newer API, since an older engine drops it without a word.
    fn needs_api(&mut self, api: ApiVersion, needed: ApiVersion, pointer: Pointer, key: &str) {
        if api < needed {
            let message = format!("`{key}` needs Engine API {needed}, and this is for {api}");
            self.add(pointer, message, Some("remove it, or update the engine"));
        }
    }

    fn into_result<T>(self, value: T) -> Result<T, Vec<Inexpressible>> {
        if self.0.is_empty() { Ok(value) } else { Err(self.0) }
    }
}

/// Points at a key of `container_spec`.
fn container_at(key: &str) -> Pointer {
    Pointer::parse("/container_spec").child(key)
}

/// Points at an entry of a list of `container_spec`.
fn entry_at(list: &str, index: usize) -> Pointer {
    container_at(list).child(index)
}

/// Refuses every SELinux setting that says something.
fn refuse_selinux(context: &SelinuxContext, message: &str, refusals: &mut Refusals) {
    let SelinuxContext { disable, user, role, kind, level } = context;
    let set = [
        ("selinux_disable", *disable == Some(true)),
        ("selinux_user", user.is_some()),
        ("selinux_role", role.is_some()),
        ("selinux_type", kind.is_some()),
        ("selinux_level", level.is_some()),
    ];
    for (key, _) in set.into_iter().filter(|(_, set)| *set) {
        refusals.add(container_at("privileges").child(key), message, Some("leave it out, or render `service`"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert!(ApiVersion::parse("1.9") < ApiVersion::parse("v1.41"));
        assert_eq!(ApiVersion::parse("1.45"), Some(ApiVersion::V1_45));
        assert_eq!(ApiVersion::parse("1"), None);
        assert_eq!(ApiVersion::default().to_string(), "1.41");
    }
}
