//! SG511 missing-object.

use super::ClusterView;
use crate::diag::{Diagnostic, closest, code};
use crate::ir::FileReference;
use crate::plan::observed::ObservedObject;
use crate::resolve::object::ObjectKind;

/// Finds Swarm configs and secrets that are neither on the swarm nor about to be made.
pub(super) fn check(view: &ClusterView<'_>) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for server in view.servers {
        let container = &server.service.container;
        let both = [
            (ObjectKind::Config, &container.configs, &view.state.configs),
            (ObjectKind::Secret, &container.secrets, &view.state.secrets),
        ];
        for (kind, references, there) in both {
            for (index, reference) in references.iter().enumerate() {
                let Some(problem) = problem(kind, reference, there, view.made) else { continue };
                let word = kind.word();
                let at = format!("/container_spec/{word}s/{index}");
                let finding = server.finding(&code::MISSING_OBJECT, problem, &at, "not on the swarm");
                let names = there.iter().map(|object| &*object.name);
                findings.push(match closest(reference.name.expose(), names) {
                    Some(near) => finding.help(format!("did you mean `{near}`?")),
                    None => finding.help(format!(
                        "create it with `docker {word} create`, or declare its content under `swarm_{word}s`"
                    )),
                });
            }
        }
    }
    findings
}

fn problem(kind: ObjectKind, reference: &FileReference, there: &[ObservedObject], made: &[String]) -> Option<String> {
    let (name, word) = (&reference.name, kind.word());
    let is_it = |other: &str| other == name.expose();
    match &reference.id {
        Some(id) => match there.iter().find(|object| object.id == id.expose()) {
            None => Some(format!("the swarm has no {word} with the id `{id}`")),
            Some(object) if !is_it(&object.name) => {
                Some(format!("the {word} with the id `{id}` is called `{}`, not `{name}`", object.name))
            }
            Some(_) => None,
        },
        None => {
            let is_there = there.iter().any(|object| is_it(&object.name)) || made.iter().any(|made| is_it(made));
            (!is_there).then(|| format!("the swarm has no {word} `{name}`"))
        }
    }
}
