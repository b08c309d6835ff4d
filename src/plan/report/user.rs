//! Users, what they get, and what they have.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::plan::status::ServerStatus;
use crate::resolve::{Compiler, Request};

/// A user that the config lists, or that has a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct UserView {
    name: String,
    /// Whether the config lists it.
    listed: bool,
    groups: Vec<String>,
    /// The profile of its server, unless it asks for another one; absent where it may use none, or is not listed.
    profile: Option<String>,
    /// Its servers.
    servers: Vec<UserServer>,
}

/// A user's server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct UserServer {
    /// Its name; empty for the default one.
    name: String,
    state: &'static str,
}

/// The users, by their names.
pub(super) fn views(compiler: &Compiler<'_>, servers: &[ServerStatus]) -> Vec<UserView> {
    let mut of_users: BTreeMap<&str, Vec<UserServer>> = BTreeMap::new();
    for server in servers {
        let own = UserServer { name: server.server.clone(), state: server.state.word() };
        of_users.entry(&server.user).or_default().push(own);
    }
    let listed = (0..compiler.roster.len()).map(|index| compiler.roster.user(index));
    let mut users: Vec<UserView> = listed
        .map(|user| UserView {
            listed: true,
            groups: user.groups.iter().map(|group| group.to_string()).collect(),
            profile: compiler.profile_name(&user, &Request::default()).ok().map(|name| name.to_string()),
            servers: of_users.remove(&*user.name).unwrap_or_default(),
            name: user.name.to_string(),
        })
        .collect();
    users.extend(of_users.into_iter().map(|(name, servers)| UserView {
        name: name.to_owned(),
        listed: false,
        groups: Vec::new(),
        profile: None,
        servers,
    }));
    users.sort_by(|a, b| a.name.cmp(&b.name));
    users
}
