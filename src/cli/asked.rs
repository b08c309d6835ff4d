//! What decides users' servers besides the config: attributes, the hub's environment, the user's own request.

use crate::diag::Diagnostics;
use crate::resolve::Request;
use crate::source::{Disk, Entry, Node, SourceMap};

use super::args::server::ServerArgs;
use super::config;

/// The arguments about a server with the files that they name read.
pub(super) struct Asked<'a> {
    server: &'a ServerArgs,
    set: Vec<Entry>,
    hub_env: Vec<Entry>,
    options: Option<Node>,
}

impl<'a> Asked<'a> {
    /// Reads what the arguments name; `None` means that errors were found.
    pub(super) fn read(server: &'a ServerArgs, sources: &SourceMap, diagnostics: &mut Diagnostics) -> Option<Self> {
        let hub_env = match &server.hub_env {
            Some(path) => config::hub_env(path, &Disk, sources, diagnostics),
            None => Vec::new(),
        };
        let options = match &server.user_options {
            Some(path) => Some(config::data_file(path, &Disk, sources, diagnostics)?),
            None => None,
        };
        let set = config::attributes(&server.set, sources, diagnostics);
        Some(Self { server, set, hub_env, options })
    }

    /// The request, for a service in a stack if one is named.
    pub(super) fn request<'r>(&'r self, stack: Option<&'r str>) -> Request<'r> {
        Request {
            profile: self.server.profile.as_deref(),
            server_name: &self.server.server,
            options: self.options.as_ref(),
            set: &self.set,
            hub_env: &self.hub_env,
            stack,
        }
    }

    /// Tells whether the hub's environment was given.
    pub(super) fn has_hub_env(&self) -> bool {
        self.server.hub_env.is_some()
    }
}
