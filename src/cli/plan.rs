//! `swarmgen plan`.

use std::ffi::OsString;
use std::path::Path;

use anyhow::anyhow;

use crate::plan::fingerprint::fingerprint;
use crate::plan::show::json::Saved;
use crate::plan::show::{human, json};
use crate::source::SourceMap;

use super::apply::conflict;
use super::args::Global;
use super::args::live::{Plan, PlanFormat};
use super::error::Failure;
use super::planned::Planned;
use super::ui::Ui;
use super::{live, output, planned, servers, ui};

/// Shows what differs between the config and the swarm.
pub(super) fn run(args: &Plan, global: &Global, ui: &Ui) -> Result<(), Failure> {
    if args.output.is_some() && !args.wanted.server.set.is_empty() {
        let message = "`--set` and `-o` do not go together: a saved plan holds its arguments, and may hold no secret; \
                       put the attributes into a users file";
        return Err(Failure::Usage(anyhow!(message)));
    }
    let sources = SourceMap::new();
    servers::with(&args.wanted, global, &sources, ui, |compiler, servers, diagnostics| {
        live::block_on(async {
            let found = (diagnostics, ui);
            let compared = planned::compare(compiler, servers, &args.wanted, &args.engine, found, |planned| {
                conflict(&planned.plan)
            });
            let (_, planned, diagnostics) = compared.await?;
            if let Some(path) = &args.output {
                save(&planned, path)?;
            }
            match args.format {
                PlanFormat::Human => ui::result(human::render(&planned.plan, ui.colours_results()).as_bytes())?,
                PlanFormat::Json => ui::result(json::render(&planned.plan, None).as_bytes())?,
            }
            match () {
                () if diagnostics.has_errors() => Err(Failure::Input),
                () if planned.plan.actions.is_empty() && !planned.plan.awaits_take_over() => Ok(()),
                () => Err(Failure::Attention),
            }
        })
    })
}

/// Saves a plan for `apply`: what it shows, the arguments that it was made with, and a fingerprint of all of it.
fn save(planned: &Planned<'_>, path: &Path) -> Result<(), Failure> {
    let arguments: Result<Vec<String>, OsString> =
        std::env::args_os().skip(1).map(|argument| argument.into_string()).collect();
    let Ok(arguments) = arguments else {
        return Err(Failure::Usage(anyhow!("a plan cannot be saved with arguments that are no UTF-8")));
    };
    let Planned { plan, state, .. } = planned;
    let saved = Saved { arguments, cluster: state.cluster.clone(), fingerprint: fingerprint(plan) };
    output::write_file(path, json::render(plan, Some(saved)).as_bytes(), false)
}
