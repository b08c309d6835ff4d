//! `swarmgen apply`.

mod progress;

use std::io::{BufRead as _, IsTerminal as _};
use std::path::Path;

use anyhow::anyhow;
use clap::Parser as _;

use crate::apply::bollard::Engine;
use crate::apply::remove::{RemoteVolume, remote_volumes};
use crate::apply::{Outcome, Redactor, Run, Settings, State, Stop, wait};
use crate::diag::render::visible;
use crate::diag::{Diagnostic, Diagnostics, code};
use crate::plan::ObservedState;
use crate::plan::fingerprint::fingerprint;
use crate::plan::graph::{Action, Cause, Plan, Removal, Unseen, Verdict, Warning};
use crate::plan::show::human;
use crate::plan::show::json::Document;
use crate::source::SourceMap;

use super::args::live::{Apply, Plan as PlanArgs, Progress};
use super::args::{Args, Command, Global};
use super::error::Failure;
use super::planned::Planned;
use super::ui::Ui;
use super::{live, planned, servers};
pub(super) use progress::Shown;

/// Brings the services onto the swarm.
pub(super) fn run(args: &Apply, global: &Global, ui: &Ui) -> Result<(), Failure> {
    let ui = &ui.with_account(args.progress == Progress::Json);
    let Some(path) = &args.plan else { return apply(args, global, None, ui) };
    refuse_with_plan(global)?;
    let (document, global, then) = saved(path, global)?;
    let mut args = Apply::clone(args);
    args.wanted = then.wanted;
    if args.engine.host.is_none() && args.engine.context.is_none() {
        args.engine.host = then.engine.host;
        args.engine.context = then.engine.context;
    }
    apply(&args, &global, Some(&document), ui)
}

/// Refuses what a saved plan has settled: clap knows of no conflicts between arguments of every command and of one.
fn refuse_with_plan(global: &Global) -> Result<(), Failure> {
    let Global { config, users_file, allow, warn, deny, message_format: _, color: _, quiet: _, verbose: _ } = global;
    let given = [
        ("--config", config.is_empty()),
        ("--users-file", users_file.is_empty()),
        ("--allow", allow.is_empty()),
        ("--warn", warn.is_empty()),
        ("--deny", deny.is_empty()),
    ];
    match given.iter().find(|(_, is_absent)| !is_absent) {
        Some((name, _)) => {
            let message =
                format!("`{name}` cannot be used with a saved plan, which is carried out as it was made: plan again");
            Err(Failure::Usage(anyhow!(message)))
        }
        None => Ok(()),
    }
}

/// Reads a saved plan, and the arguments that it was made with.
fn saved(path: &Path, global: &Global) -> Result<(Document, Global, PlanArgs), Failure> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| anyhow!("cannot read `{shown}`: {error}"))?;
    let document: Document =
        serde_json::from_str(&text).map_err(|error| anyhow!("`{shown}` is no plan of swarmgen's: {error}"))?;
    let Some(saved) = &document.saved else {
        return Err(
            anyhow!("`{shown}` is a plan to look at; `swarmgen plan -o FILE` saves one that can be applied").into()
        );
    };
    let arguments = std::iter::once("swarmgen".to_owned()).chain(saved.arguments.iter().cloned());
    match Args::try_parse_from(arguments) {
        Ok(Args { global: then, command: Command::Plan(plan) }) => {
            // What is read is as it was; how it is told is as it is asked for now.
            let global = Global {
                config: then.config,
                users_file: then.users_file,
                allow: then.allow,
                warn: then.warn,
                deny: then.deny,
                ..global.clone()
            };
            Ok((document, global, *plan))
        }
        _ => Err(anyhow!("the arguments in `{shown}` are none of `swarmgen plan`; plan again").into()),
    }
}

fn apply(args: &Apply, global: &Global, document: Option<&Document>, ui: &Ui) -> Result<(), Failure> {
    let sources = SourceMap::new();
    servers::with(&args.wanted, global, &sources, ui, |compiler, servers, diagnostics| {
        live::block_on(async {
            let judge = |planned: &Planned<'_>| {
                document.and_then(|document| stale(document, planned)).or_else(|| conflict(&planned.plan))
            };
            let compared = planned::compare(compiler, servers, &args.wanted, &args.engine, (diagnostics, ui), judge);
            let (engine, planned, diagnostics) = compared.await?;
            refuse(&planned.plan, &diagnostics, ui)?;
            let is_shown = document.is_none() && !args.yes && confirm(&planned.plan, ui)?;
            if !is_shown {
                warn(&planned.plan, ui);
            }
            let start_timeout = compiler.settings.start_timeout;
            let standing = match args.detach {
                true => Vec::new(),
                false => wait::standing(&planned.plan, &planned.state, start_timeout, args.stable_for),
            };
            if planned.plan.actions.is_empty() && standing.is_empty() {
                ui.note(&format!("nothing to do: {} unchanged", count(planned.plan.items.len(), "service")));
                return Ok(());
            }
            let settings = Settings {
                parallelism: args.parallelism.into(),
                stable_for: args.stable_for,
                timeout: args.timeout,
                detach: args.detach,
                call_timeout: args.engine.engine_timeout,
                ..Settings::default()
            };
            let redactor = Redactor::default();
            servers.servers.iter().for_each(|server| redactor.learn_service(&server.service));
            let auth = |image: &str| planned.auth(image);
            let run = Run { api: &engine, replan: &planned, auth: &auth, redactor: &redactor, settings };
            let job = Job { run, plan: &planned.plan, state: &planned.state, shown: Shown::new(args.progress, ui), ui };
            job.carry_out(&standing, args.rollback).await
        })
    })
}

/// Says that a saved plan is not what would be done now.
fn stale(document: &Document, planned: &Planned<'_>) -> Option<Diagnostic> {
    let Planned { plan, state, .. } = planned;
    let then = document.saved.as_ref()?;
    if then.cluster != state.cluster {
        let other = Diagnostic::new(&code::STALE_PLAN, "the saved plan is for another swarm, and nothing was done")
            .note(visible(&format!("it was made for `{}`, and this is `{}`", then.cluster, state.cluster)).into_owned())
            .help("name an engine of that swarm with `-H` or `--context`, or plan again");
        return Some(other);
    }
    if then.fingerprint == fingerprint(plan) {
        return None;
    }
    let differences = document.differences(&Document::of(plan, None));
    let told = if differences.is_empty() {
        "the config or the swarm has changed in what a plan does not show".to_owned()
    } else {
        differences.join("; ")
    };
    let stale = Diagnostic::new(&code::STALE_PLAN, "the saved plan is stale, and nothing was done")
        .note(visible(&told).into_owned())
        .help("plan again, and look at what would be done now");
    Some(stale)
}

/// Says that services that are wanted are somebody else's.
pub(super) fn conflict(plan: &Plan) -> Option<Diagnostic> {
    let is_conflict = |verdict: &Verdict| matches!(verdict, Verdict::Conflict(_));
    let number = plan.items.iter().filter(|item| is_conflict(&item.verdict)).count();
    let message = match number {
        0 => return None,
        1 => "a service that is wanted has the name of somebody else's".to_owned(),
        _ => format!("{number} services that are wanted have the names of somebody else's"),
    };
    let finding = Diagnostic::new(&code::CONFLICT, message);
    Some(finding.help("choose another `service_prefix`, remove them, or `--take-over` what the old spawner made"))
}

/// Refuses to go on after errors, and with services that the old spawner made.
fn refuse(plan: &Plan, found: &Diagnostics, ui: &Ui) -> Result<(), Failure> {
    if plan.has_conflicts() || plan.awaits_take_over() {
        let concerned = |verdict: &Verdict| matches!(verdict, Verdict::Conflict(_) | Verdict::TakeOver(_));
        let items = plan.items.iter().filter(|item| concerned(&item.verdict)).cloned().collect();
        let shown = Plan { items, actions: Vec::new(), warnings: Vec::new(), ..plan.clone() };
        ui.note(human::render(&shown, false).trim_end());
    }
    match () {
        () if found.has_errors() => Err(Failure::Input),
        () if plan.awaits_take_over() => {
            let help = "nothing was done: the old spawner made services of these names; `--take-over` makes them ours";
            Err(anyhow!(help).into())
        }
        () => Ok(()),
    }
}

/// Tells the warnings of a plan that is not shown; that a volume will be left where this engine does not see it, also if quiet.
pub(super) fn warn(plan: &Plan, ui: &Ui) {
    let is_left = |warning: &Warning| matches!(warning, Warning::VolumeUnseen { matter: Unseen::Removal, .. });
    let (left, others): (Vec<_>, Vec<_>) = plan.warnings.iter().cloned().partition(is_left);
    human::warnings(&others).iter().for_each(|warning| ui.note(warning));
    human::warnings(&left).iter().for_each(|warning| ui.account(warning));
}

/// Asks before anything is removed, replaced or taken over; tells whether the plan was shown for that.
fn confirm(plan: &Plan, ui: &Ui) -> Result<bool, Failure> {
    let grave = |action: &&Action| {
        match action {
            Action::RemoveService(_) | Action::ReplaceService { .. } | Action::RemoveVolume { .. } => true,
            // What is old of a declared name goes by itself.
            Action::RemoveObject { cause, .. } => matches!(cause, Some(Cause::Unwanted)),
            _ => false,
        }
    };
    let taken = plan.items.iter().filter(|item| matches!(item.verdict, Verdict::TakeOver(_))).count();
    let removed = plan.actions.iter().filter(grave).count();
    if removed + taken == 0 {
        return Ok(false);
    }
    ask(&human::render(plan, false), "Do this?", ui).map(|()| true)
}

/// Shows what is about to be done, and asks.
pub(super) fn ask(shown: &str, question: &str, ui: &Ui) -> Result<(), Failure> {
    if !std::io::stdin().is_terminal() {
        let message = "this removes, replaces or takes over services: look at `swarmgen plan`, then add `--yes`";
        return Err(Failure::Other(anyhow!(message)));
    }
    ui.ask(&format!("{shown}\n{question} Only `yes` is taken: "));
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    if answer.trim() == "yes" { Ok(()) } else { Err(Failure::Other(anyhow!("nothing was done"))) }
}

/// A plan to be carried out.
pub(super) struct Job<'a> {
    pub(super) run: Run<'a, Engine>,
    pub(super) plan: &'a Plan,
    pub(super) state: &'a ObservedState,
    pub(super) shown: Shown,
    pub(super) ui: &'a Ui,
}

impl Job<'_> {
    /// Carries the plan out and tells what became of it.
    pub(super) async fn carry_out(
        mut self,
        standing: &[crate::apply::Standing],
        rollback: bool,
    ) -> Result<(), Failure> {
        let shown = &mut self.shown;
        let outcome = self.run.apply(self.plan, standing, &mut |event| shown.event(event), live::interrupted()).await;
        self.shown.done();
        let remote = self.remote(&outcome);
        self.shown.outcome(&outcome, &remote, self.ui);
        if outcome.is_complete() {
            return Ok(());
        }
        if rollback && outcome.is_final {
            self.ui.note(
                "not rolled back: all servers are as they should be, and what is removed by now does not come back",
            );
        } else if rollback && outcome.is_undoable() {
            self.ui.note("rolling back what this run changed");
            let shown = &mut self.shown;
            let undone = self
                .run
                .roll_back(
                    &self.plan.deployment,
                    &outcome,
                    &self.state.networks,
                    &mut |event| shown.event(event),
                    live::interrupted(),
                )
                .await;
            self.shown.done();
            self.shown.undone(&undone, self.ui);
        }
        Err(failure(&outcome))
    }

    /// The volumes of removed services that are on other nodes. A service that stays keeps its own.
    fn remote(&self, outcome: &Outcome) -> Vec<RemoteVolume> {
        let removed: Vec<&Removal> = self
            .plan
            .actions
            .iter()
            .zip(&outcome.reports)
            .filter_map(|(action, report)| match (action, &report.state) {
                (Action::RemoveService(old), State::Done | State::Unknown { .. }) => Some(old),
                _ => None,
            })
            .collect();
        remote_volumes(self.state, &removed)
    }
}

/// How a run ends that did not do everything.
fn failure(outcome: &Outcome) -> Failure {
    match &outcome.stopped {
        Some(stop @ (Stop::NoEngine(_) | Stop::NoSwarm(_))) => Failure::NoEngine(anyhow!(
            "{stop} (what is done stays done: see after the engine with `docker info`, then run this again)"
        )),
        Some(Stop::Cancelled) | None => Failure::NotConverged,
    }
}

/// A number with its noun.
pub(super) fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
