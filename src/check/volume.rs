//! How services define the volumes that they name: a node has one volume of a name, made by whoever comes first.

use std::collections::BTreeSet;

use super::canonical::printable;
use crate::diag::{Diagnostic, code};
use crate::ir::{Driver, Mount, MountKind, Pairs, Service, Text};
use crate::source::Span;

/// How two definitions of a volume differ, where they cannot be compared.
pub const ANY_DIFFERENCE: &str = "another driver, options or labels";

/// What helps against two definitions of a volume.
pub const CONFLICT_HELP: &str = "give the volumes different names, or the same definition";

/// What a mount says of the volume that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Definition<'s> {
    /// The index of the mount.
    pub mount: usize,
    /// The volume's name, which may be secret.
    pub name: &'s Text,
    /// Its labels.
    pub labels: &'s Pairs,
    /// Its driver.
    pub driver: Option<&'s Driver>,
}

/// The definitions of a service's named volumes, in the order of its mounts.
pub fn definitions(mounts: &[Mount]) -> impl Iterator<Item = Definition<'_>> {
    mounts.iter().enumerate().filter_map(
        |(mount, Mount { target: _, read_only: _, consistency: _, kind })| match kind {
            MountKind::Volume { source: Some(name), no_copy: _, labels, driver, subpath: _ } => {
                Some(Definition { mount, name, labels, driver: driver.as_ref() })
            }
            MountKind::Volume { source: None, .. }
            | MountKind::Bind { .. }
            | MountKind::Tmpfs { .. }
            | MountKind::Npipe { .. } => None,
        },
    )
}

/// In what a service's volume differs from what another service, or an earlier mount, makes of it: names, no values.
pub fn difference(first: &Service, second: &Service, mount: usize) -> Option<String> {
    let own = definitions(&second.container.mounts).find(|own| own.mount == mount)?;
    definitions(&first.container.mounts).find(|known| known.name == own.name)?.difference(&own)
}

/// The second of two definitions of a volume where they differ, each with its place; `by` has given the first.
pub fn conflict(
    (known, known_span): (&Definition<'_>, Span),
    (own, span): (&Definition<'_>, Span),
    by: &str,
) -> Option<Diagnostic> {
    let difference = known.difference(own)?;
    let name = if own.name.is_secret() { own.name.to_string() } else { printable(own.name.expose()) };
    let message = format!("volume `{name}` has {difference} than {by} gives it");
    let finding = Diagnostic::new(&code::VOLUME_CONFLICT, message).at(span, "");
    let finding = finding.maybe_at((known_span != span).then_some(known_span), "the definition that came first");
    Some(finding.note("a node makes it once, as whoever comes first defines it").help(CONFLICT_HELP))
}

impl Definition<'_> {
    /// In what another definition differs from this one: names, no values.
    pub fn difference(&self, own: &Definition<'_>) -> Option<String> {
        let none = Pairs::new();
        let options = |driver: Option<&'_ Driver>| driver.map_or(none.clone(), |driver| driver.options.clone());
        let name = |definition: &Definition<'_>| definition.driver.and_then(|driver| driver.name.clone());
        let mut differences = Vec::new();
        if name(self) != name(own) {
            differences.push("another driver".to_owned());
        }
        differences.extend(other_pairs("option", &options(self.driver), &options(own.driver)));
        differences.extend(other_pairs("label", self.labels, own.labels));
        (!differences.is_empty()).then(|| differences.join(" and "))
    }
}

fn other_pairs(what: &str, known: &Pairs, own: &Pairs) -> Option<String> {
    let value =
        |pairs: &Pairs, key: &str| pairs.iter().find(|(name, _)| &**name == key).map(|(_, value)| value.clone());
    let keys: BTreeSet<&str> = known.iter().chain(own).map(|(key, _)| &**key).collect();
    let other = keys.into_iter().filter(|key| value(known, key) != value(own, key));
    let other: Vec<String> = other.map(|key| format!("`{}`", printable(key))).collect();
    match other.as_slice() {
        [] => None,
        [only] => Some(format!("another {what} {only}")),
        several => Some(format!("other {what}s {}", several.join(", "))),
    }
}
