//! `swarmgen destroy`.

use crate::apply::{Redactor, Refuse, Run, Settings};
use crate::diag::Diagnostics;
use crate::diag::render::visible;
use crate::plan::ObservedState;
use crate::plan::graph::{Action, Body, Item, Plan, Removal, TaskFate, Verdict};
use crate::plan::label::{BY_APPLY, BY_SPAWNER, MADE_BY};
use crate::plan::object;
use crate::plan::observed::ObservedService;
use crate::plan::planner;
use crate::plan::show::human;
use crate::resolve::decode::{LABEL_DEPLOYMENT, LABEL_SERVER, LABEL_USER};
use crate::source::SourceMap;

use super::apply::{Job, Shown, ask, count, warn};
use super::args::Global;
use super::args::live::{Destroy, Progress};
use super::error::Failure;
use super::live;
use super::status::deployment;
use super::ui::Ui;

/// Removes servers, and the volumes that go with them.
pub(super) fn run(destroy: &Destroy, global: &Global, ui: &Ui) -> Result<(), Failure> {
    let ui = &ui.with_account(destroy.progress == Progress::Json);
    let deployment = deployment(global, ui)?;
    // There are none, which a document says, too.
    ui.report(&Diagnostics::new(), &SourceMap::new());
    live::block_on(async {
        let engine = live::engine(&destroy.engine).await?;
        let state = live::snapshot(&engine, &deployment).await?;
        let plan = plan(&state, &deployment, destroy);
        tell_of_stacks(&state, &deployment, destroy, ui);
        if plan.actions.is_empty() {
            ui.note("nothing to remove");
            return Ok(());
        }
        if destroy.yes {
            warn(&plan, ui);
        } else {
            ask(&human::render(&plan, false), "Remove them?", ui)?;
        }
        let settings = Settings {
            parallelism: destroy.parallelism.into(),
            keep_going: true,
            call_timeout: destroy.engine.engine_timeout,
            ..Settings::default()
        };
        let redactor = Redactor::default();
        let run = Run { api: &engine, replan: &Refuse, auth: &|_| None, redactor: &redactor, settings };
        let job = Job { run, plan: &plan, state: &state, shown: Shown::new(destroy.progress, ui), ui };
        job.carry_out(&[], false).await
    })
}

/// Tells whether a service is one of the deployment's servers that are meant, whoever made it.
fn is_meant(service: &ObservedService, deployment: &str, destroy: &Destroy) -> bool {
    let label = |key| service.label(key).unwrap_or_default();
    label(LABEL_DEPLOYMENT) == deployment
        && destroy.user.as_deref().is_none_or(|user| label(LABEL_USER) == user)
        && destroy.server.as_deref().is_none_or(|server| label(LABEL_SERVER) == server)
}

fn plan(state: &ObservedState, deployment: &str, destroy: &Destroy) -> Plan {
    let mut plan =
        Plan { deployment: deployment.to_owned(), items: Vec::new(), actions: Vec::new(), warnings: Vec::new() };
    let is_ours = |service: &ObservedService| matches!(service.label(MADE_BY), Some(BY_APPLY | BY_SPAWNER));
    let goes = |service: &&ObservedService| is_meant(service, deployment, destroy) && is_ours(service);
    let removed: Vec<&ObservedService> = state.services.iter().filter(goes).collect();
    for service in &removed {
        let label = |key| service.label(key).unwrap_or_default().to_owned();
        let (user, server, name) = (label(LABEL_USER), label(LABEL_SERVER), service.name().to_owned());
        plan.items.push(Item {
            service: name.clone(),
            user: user.clone(),
            server: server.clone(),
            profile: String::new(),
            verdict: Verdict::Remove,
            task: TaskFate::Untouched,
            cause: None,
        });
        plan.actions.push(Action::RemoveService(Removal {
            id: service.id.clone(),
            name,
            user,
            server,
            before: Body(service.spec.clone()),
        }));
    }
    plan.items.sort_by(|a, b| (&a.user, &a.server, &a.service).cmp(&(&b.user, &b.server, &b.service)));
    planner::remove_volumes(state, &removed, &mut plan);
    if destroy.all {
        let specs = state.services.iter().filter(|service| !goes(service)).map(|service| &service.spec);
        let policy = object::Policy { deployment, keep: 0, of_config: false, undeclared: true };
        plan.actions.extend(object::plan(&[], state, specs, policy, &|_| String::new()).collect);
    }
    plan
}

/// A stack's services come back with the next deployment of the stack: they are for `docker stack rm`.
fn tell_of_stacks(state: &ObservedState, deployment: &str, destroy: &Destroy, ui: &Ui) {
    let of_stack = |service: &&ObservedService| {
        is_meant(service, deployment, destroy) && service.label(MADE_BY).is_none_or(|by| by.is_empty())
    };
    let number = state.services.iter().filter(of_stack).count();
    let stack = state.services.iter().filter(of_stack).find_map(|service| service.label("com.docker.stack.namespace"));
    if let Some(stack) = stack.filter(|_| number > 0) {
        let text = format!(
            "{} were deployed as a stack and stay: remove them with `docker stack rm {stack}`",
            count(number, "service")
        );
        ui.note(&visible(&text));
    }
}
