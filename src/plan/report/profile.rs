//! Profiles, who may use them, and what runs with them.

use serde::Serialize;

use crate::plan::status::{ServerState, ServerStatus};
use crate::resolve::Compiler;
use crate::resolve::amount::resources_shown;

/// A profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct ProfileView {
    name: String,
    description: Option<String>,
    image: String,
    /// What its servers may use, a name and an amount each.
    resources: Vec<(String, String)>,
    /// Who may use it, as the config says; absent where everybody may.
    access: Option<Vec<String>>,
    /// How many of the listed users may use it.
    users: usize,
    /// How many servers there are with it.
    servers: usize,
    /// How many of them run.
    running: usize,
}

/// The profiles, in the config's order.
pub(super) fn views(compiler: &Compiler<'_>, servers: &[ServerStatus]) -> Vec<ProfileView> {
    let choices = compiler.all_choices();
    let mut users = vec![0; choices.len()];
    for index in 0..compiler.roster.len() {
        let user = compiler.roster.user(index);
        for (count, choice) in users.iter_mut().zip(&choices) {
            *count += usize::from(choice.access.admits(&user));
        }
    }
    let views = choices.into_iter().zip(users).map(|(choice, users)| {
        let with_it = servers.iter().filter(|server| *server.profile == *choice.name);
        ProfileView {
            description: choice.description.as_deref().map(str::to_owned),
            image: choice.image.to_string(),
            resources: resources_shown(&choice.resources),
            access: choice.access.entries().map(|entries| entries.iter().map(|(entry, _)| entry.to_string()).collect()),
            users,
            servers: with_it.clone().count(),
            running: with_it.filter(|server| server.state == ServerState::Running).count(),
            name: choice.name.to_string(),
        }
    });
    views.collect()
}
