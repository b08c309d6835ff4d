//! What only the live swarm shows: whether what the services need is there.
//!
//! One file for each check, as for the rules about documents; each looks at an [`ObservedState`] and at all wanted servers,
//! and tells the same thing once however many servers it concerns.

mod addresses;
pub mod image;
mod names;
mod networks;
mod nodes;
mod objects;
pub mod outage;
mod plugins;
pub mod ports;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::diag::{Code, Diagnostic};
use crate::ir::Service;
use crate::resolve::Server;
use crate::source::{Node, Pointer};

use super::observed::ObservedState;
use image::ImageState;

/// A wanted server, as the checks look at it.
#[derive(Clone, Debug)]
pub struct WantedView<'a> {
    /// The user's name; empty for a stand-in.
    pub user: &'a Arc<str>,
    /// The server's name; empty for the default one.
    pub server: &'a str,
    /// What will be sent, with the names that Swarm configs and secrets have on the swarm.
    pub service: &'a Service,
    /// The merged tree that it came from.
    pub spec: &'a Node,
}

/// What the checks look at.
pub struct ClusterView<'a> {
    /// The swarm.
    pub state: &'a ObservedState,
    /// The deployment's name.
    pub deployment: &'a str,
    /// All wanted servers.
    pub servers: &'a [WantedView<'a>],
    /// What is known of the images, by their references; those that are not in it are not judged.
    pub images: &'a BTreeMap<String, ImageState>,
    /// Names of Swarm configs and secrets that are about to be made.
    pub made: &'a [String],
    /// Names of services that are about to be removed.
    pub leaving: &'a BTreeSet<String>,
    /// Whether the servers are of users, and not of a stand-in whose names mean nothing.
    pub of_users: bool,
}

/// A check.
type Check = fn(&ClusterView<'_>) -> Vec<Diagnostic>;

/// The checks of what servers need, whoever they are for.
const CHECKS: [Check; 5] = [networks::check, objects::check, plugins::check, nodes::check, image::check];
/// The checks of all servers together.
const CHECKS_OF_USERS: [Check; 2] = [addresses::check, names::check];

/// Finds what the swarm lacks for the wanted servers.
pub fn check(view: &ClusterView<'_>) -> Vec<Diagnostic> {
    let of_users = CHECKS_OF_USERS.iter().filter(|_| view.of_users);
    CHECKS.iter().chain(of_users).flat_map(|check| check(view)).collect()
}

impl<'a> WantedView<'a> {
    /// The servers of a name, as the checks look at them; `nobody` stands for their users where these are none.
    pub fn of(servers: &'a [Server<'_>], name: &'a str, nobody: Option<&'a Arc<str>>) -> Vec<Self> {
        let view = |server: &'a Server<'_>| Self {
            user: nobody.unwrap_or(&server.user),
            server: name,
            service: &server.service,
            spec: &server.spec,
        };
        servers.iter().map(view).collect()
    }

    /// A finding at a place of the server's tree, about its user.
    fn finding(&self, code: &'static Code, message: impl Into<String>, at: &str, label: &str) -> Diagnostic {
        let finding = Diagnostic::new(code, message.into()).at(self.spec.nearest(&Pointer::parse(at)).span, label);
        if self.user.is_empty() { finding } else { finding.about(self.user) }
    }
}

/// The first few of several names, for a message.
fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    const MOST: usize = 3;
    let names: Vec<&str> = names.into_iter().collect();
    let shown: Vec<String> = names.iter().take(MOST).map(|name| format!("`{name}`")).collect();
    let more = names.len().saturating_sub(MOST);
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}

#[cfg(test)]
mod tests;
