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
///
/// A mount that says nothing of its volume has none where another one does: the engine makes volumes by those first that do.
pub fn definitions(mounts: &[Mount]) -> impl Iterator<Item = Definition<'_>> {
    let says_more = |own: &Definition<'_>, other: &Definition<'_>| other.name == own.name && !other.is_empty();
    named(mounts).filter(move |own| !own.is_empty() || !named(mounts).any(|other| says_more(own, &other)))
}

fn named(mounts: &[Mount]) -> impl Iterator<Item = Definition<'_>> {
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

/// In what two definitions of a volume differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Names of what differs, no values.
    pub words: String,
    /// Whether the driver or its options differ, which decide what is in the volume.
    pub is_grave: bool,
}

/// In what a service's volume differs from what another service, or an earlier mount, makes of it.
pub fn difference(first: &Service, second: &Service, mount: usize) -> Option<Difference> {
    let own = definitions(&second.container.mounts).find(|own| own.mount == mount)?;
    let mut known = definitions(&first.container.mounts).filter(|known| known.name == own.name);
    known.find_map(|known| known.difference(&own))
}

/// Who gave the first of two definitions of a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By<'s> {
    /// Another mount of the service.
    Mount,
    /// Another service.
    Service,
    /// The same user's server with this profile.
    Profile(&'s str),
}

/// The second of two definitions of a volume where they differ, each with its place.
pub fn conflict(
    (known, known_span): (&Definition<'_>, Span),
    (own, span): (&Definition<'_>, Span),
    by: By<'_>,
) -> Option<Diagnostic> {
    let Difference { words, is_grave } = known.difference(own)?;
    let name = if own.name.is_secret() { own.name.to_string() } else { printable(own.name.expose()) };
    let code = if is_grave { &code::VOLUME_CONFLICT } else { &code::VOLUME_LABELS };
    let message = match by {
        By::Mount => format!("volume `{name}` has {words} than another mount of the service gives it"),
        By::Service => format!("volume `{name}` has {words} than another service gives it"),
        // Each user has such a volume, and is told the same.
        By::Profile(profile) => format!("this volume has {words} than profile `{}` gives it", printable(profile)),
    };
    let finding = Diagnostic::new(code, message).at(span, "");
    let finding = finding.maybe_at((known_span != span).then_some(known_span), "the definition that came first");
    Some(finding.note("a node makes it once, as whoever comes first defines it").help(CONFLICT_HELP))
}

impl<'s> Definition<'s> {
    /// Tells whether it says nothing.
    fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.driver.is_none()
    }

    /// What tells definitions apart, in a form of its own for each.
    pub fn parts(&self) -> impl Iterator<Item = &'s str> {
        fn pairs(pairs: &Pairs) -> impl Iterator<Item = &str> {
            pairs.iter().flat_map(|(key, text)| [&**key, text.expose()])
        }
        // Labels come in pairs, so a driver's name cannot be taken for one.
        pairs(self.labels)
            .chain([self.driver_name()])
            .chain(self.driver.into_iter().flat_map(|driver| pairs(&driver.options)))
    }

    /// The driver's name; empty for the engine's usual one.
    fn driver_name(&self) -> &'s str {
        let name = self.driver.and_then(|driver| driver.name.as_ref()).map_or("", Text::expose);
        if name == "local" { "" } else { name }
    }

    /// In what another definition differs from this one.
    pub fn difference(&self, own: &Definition<'_>) -> Option<Difference> {
        let none = Pairs::new();
        let options = |driver: Option<&'_ Driver>| driver.map_or(none.clone(), |driver| driver.options.clone());
        let mut differences = Vec::new();
        if self.driver_name() != own.driver_name() {
            differences.push("another driver".to_owned());
        }
        differences.extend(other_pairs("option", &options(self.driver), &options(own.driver)));
        let is_grave = !differences.is_empty();
        differences.extend(other_pairs("label", self.labels, own.labels));
        (!differences.is_empty()).then(|| Difference { words: differences.join(" and "), is_grave })
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
