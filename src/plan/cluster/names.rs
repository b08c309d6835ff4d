//! SG517 foreign-service.

use std::collections::BTreeMap;

use super::ClusterView;
use crate::diag::{Diagnostic, code};
use crate::plan::observed::ObservedService;
use crate::resolve::decode::{LABEL_DEPLOYMENT, LABEL_SERVER, LABEL_USER};

/// Finds names of services that are taken by services which are not this deployment's, whatever their case.
pub(super) fn check(view: &ClusterView<'_>) -> Vec<Diagnostic> {
    let services: BTreeMap<String, &ObservedService> =
        view.state.services.iter().map(|service| (service.name().to_ascii_lowercase(), service)).collect();
    let mut findings = Vec::new();
    for server in view.servers {
        let Some(there) = services.get(&server.service.name.to_ascii_lowercase()) else { continue };
        let is = |key, wanted| there.label(key) == Some(wanted);
        if is(LABEL_DEPLOYMENT, view.deployment) && is(LABEL_USER, server.user) && is(LABEL_SERVER, server.server) {
            continue;
        }
        let whose = match there.label(LABEL_DEPLOYMENT) {
            Some(deployment) if deployment != view.deployment => format!("it belongs to the deployment `{deployment}`"),
            Some(_) => "it is another user's or another server's of this deployment".to_owned(),
            None => "nothing says that swarmgen made it".to_owned(),
        };
        findings.push(
            Diagnostic::new(&code::FOREIGN_SERVICE, format!("the swarm has a service `{}` already", there.name()))
                .note(whose)
                .help("remove it or take it over, or set another `service_prefix`")
                .about(server.user),
        );
    }
    findings
}
