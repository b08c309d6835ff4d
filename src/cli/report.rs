//! `swarmgen report`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use anyhow::anyhow;
use jiff::Timestamp;

use crate::apply::api::{SwarmApi as _, TaskFilter};
use crate::apply::bollard::Engine;
use crate::apply::observe::ObserveError;
use crate::apply::redact::Redactor;
use crate::apply::resolve::look;
use crate::diag::render::visible;
use crate::diag::{Counts, Diagnostic, Diagnostics};
use crate::plan::cluster::image::ImageState;
use crate::plan::cluster::{self, ClusterView, WantedView};
use crate::plan::observed::{ObservedState, ObservedTask};
use crate::plan::planner::{self, Options};
use crate::plan::report::{self, Material};
use crate::plan::{Plan, status};
use crate::resolve::{Compiler, Request, Server};
use crate::source::{Disk, SourceMap};

use super::args::Global;
use super::args::live::{KEPT, Report};
use super::args::server::ServerArgs;
use super::asked::Asked;
use super::error::Failure;
use super::ui::Ui;
use super::{config, live, output, planned, servers, ui};

/// Why there is no comparison of a hub's servers.
const OF_A_HUB: &str = "Not compared: the hub starts these servers, each with an environment of its own.";
/// Why there is no comparison without users.
const OF_NOBODY: &str = "Not compared: the config lists no users.";
/// Why there is no comparison of a config with errors.
const OF_ERRORS: &str = "Not compared: there are errors in the config or in what it names.";

/// Writes a page of the deployment.
pub(super) fn run(args: &Report, global: &Global, ui: &Ui) -> Result<(), Failure> {
    let path = args.output.as_deref().filter(|path| *path != Path::new("-"));
    if path.is_none() && ui::is_terminal() {
        return Err(Failure::Usage(anyhow!("a page is no use on a terminal: name a file with `-o FILE.html`")));
    }
    let sources = SourceMap::new();
    let mut findings = Diagnostics::new();
    let compiler = config::inputs(global, &[], &mut findings)
        .and_then(|inputs| Compiler::load(&inputs, &Disk, &sources, &mut findings));
    let Some(compiler) = compiler else {
        ui.report(&findings, &sources);
        ui.note(&Counts { notes: 0, ..findings.counts() }.to_string());
        return Err(Failure::Input);
    };
    let deployment = &*compiler.settings.deployment;
    let all = resolved(&compiler, &mut findings);
    let swarm = live::block_on(Swarm::read(args, deployment, &all))?;
    let lacks = swarm.lacks(&compiler, &all);
    lacks.into_iter().for_each(|finding| compiler.push(finding, &mut findings));
    let differences = swarm.compared(&compiler, &mut findings);
    compiler.mark_secrets();
    let mut servers = status::servers(&swarm.state, deployment);
    super::status::redact(&mut servers, &redactor(&all, &swarm.state, deployment));
    let now = Timestamp::now();
    let page = report::render(&report::Report::of(&Material {
        compiler: &compiler,
        state: &swarm.state,
        tasks: &swarm.tasks,
        servers: &servers,
        findings: &findings,
        differences: differences.as_ref().map_err(|reason| *reason),
        made: now.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        age: &|since| super::status::age(since, now),
    }))
    .map_err(anyhow::Error::from)?;
    let Some(path) = path else { return ui::result(page.as_bytes()) };
    output::write_file(path, page.as_bytes(), false)?;
    let counts = Counts { notes: 0, ..findings.counts() };
    let found = if counts == Counts::default() { "no problems".to_owned() } else { counts.to_string() };
    ui.note(&format!("wrote {}: {found}", visible(&path.display().to_string())));
    Ok(())
}

/// Checks the config as `validate` does, and gives each user's server with every allowed profile, or one with every profile.
fn resolved<'c>(compiler: &'c Compiler<'_>, findings: &mut Diagnostics) -> Vec<Server<'c>> {
    compiler.check_config(findings);
    if compiler.roster.is_empty() {
        compiler.probe(findings);
        return compiler.stand_ins();
    }
    compiler.check_all(&Request::default(), findings);
    let users = (0..compiler.roster.len()).map(|index| compiler.roster.user(index));
    users.flat_map(|user| compiler.servers_of(&user)).collect()
}

/// What was read of the swarm.
struct Swarm {
    engine: Engine,
    state: ObservedState,
    /// All tasks, also those of others.
    tasks: Vec<ObservedTask>,
    images: BTreeMap<String, ImageState>,
}

impl Swarm {
    /// Reads the swarm, and looks for the servers' images.
    async fn read(args: &Report, deployment: &str, servers: &[Server<'_>]) -> Result<Self, Failure> {
        let engine = live::engine(&args.engine).await?;
        let (state, tasks) = tokio::try_join!(live::snapshot(&engine, deployment), tasks(&engine))?;
        let images = servers.iter().map(|server| server.service.container.image.expose());
        let images = look(&engine, images, &Disk).await;
        Ok(Self { engine, state, tasks, images })
    }

    /// Finds what it lacks for the servers, as `validate --cluster` does.
    fn lacks(&self, compiler: &Compiler<'_>, servers: &[Server<'_>]) -> Vec<Diagnostic> {
        let nobody: Arc<str> = "".into();
        let of_users = !compiler.roster.is_empty();
        cluster::check(&ClusterView {
            state: &self.state,
            deployment: &compiler.settings.deployment,
            servers: &WantedView::of(servers, "", (!of_users).then_some(&nobody)),
            images: &self.images,
            made: &compiler.declared_objects(),
            leaving: &BTreeSet::new(),
            of_users,
        })
    }

    /// Compares it with the config as `plan` does, without asking registries; or tells why that cannot be done.
    fn compared(&self, compiler: &Compiler<'_>, findings: &mut Diagnostics) -> Result<Plan, &'static str> {
        if compiler.settings.hub.is_some() {
            return Err(OF_A_HUB);
        }
        if compiler.roster.is_empty() {
            return Err(OF_NOBODY);
        }
        let (args, mut again) = (ServerArgs::default(), Diagnostics::new());
        let plan = Asked::read(&args, compiler.sources(), &mut again).and_then(|asked| {
            let servers = servers::wanted(compiler, &asked, None, &mut again)?;
            let wanted = planned::wanted(compiler, &servers, &self.engine, &self.state, &mut again)?;
            let contents = planned::contents(compiler, &servers);
            let options = Options { contents, only_server: Some(servers.name.clone()), ..Options::default() };
            let mut plan = planner::plan(&compiler.settings.deployment, &wanted, &self.state, &options);
            planned::add_objects(&mut plan, compiler, &servers, &self.state, (KEPT, false), &mut again);
            Some(plan)
        });
        // Most of it has been found already.
        findings.extend_new(again);
        plan.ok_or(OF_ERRORS)
    }
}

/// All tasks of the swarm.
async fn tasks(engine: &Engine) -> Result<Vec<ObservedTask>, Failure> {
    let tasks = engine.tasks(&TaskFilter::All).await;
    tasks.map_err(|error| Failure::NoEngine(anyhow!(ObserveError::from(error))))
}

/// Knows the secrets that the engine may quote: what was compiled, and what the deployment's services hold.
fn redactor(servers: &[Server<'_>], state: &ObservedState, deployment: &str) -> Redactor {
    let redactor = super::status::redactor(state, deployment);
    servers.iter().for_each(|server| redactor.learn_service(&server.service));
    redactor
}
