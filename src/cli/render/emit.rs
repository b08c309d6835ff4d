//! One server in the format that was asked for.

use crate::diag::Diagnostic;
use crate::emit::{Inexpressible, cli, engine};
use crate::ir::Service;
use crate::source::Node;

use super::Job;

/// What an emitter could not say, at its place in the config.
pub(in super::super) fn refusal(what: Inexpressible, spec: &Node) -> Diagnostic {
    let Inexpressible { pointer, message, help, code } = what;
    let diagnostic = Diagnostic::new(code, message).at(spec.nearest(&pointer).span, "");
    match help {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}

impl Job<'_> {
    /// The JSON body of `POST /services/create`, on one line or several.
    pub(super) fn service(&self, service: &Service, pretty: bool) -> Result<Vec<u8>, Vec<Inexpressible>> {
        let body = engine::body(service, self.api, &self.ids)?;
        let mut bytes = if pretty { serde_json::to_vec_pretty(&body) } else { serde_json::to_vec(&body) }
            .unwrap_or_else(|error| unreachable!("a JSON value serializes: {error}"));
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// The `docker service create` command.
    pub(super) fn command(&self, service: &Service) -> Result<Vec<u8>, Vec<Inexpressible>> {
        cli::command(service, self.api).map(String::into_bytes)
    }
}
