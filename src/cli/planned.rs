//! What `plan` and `apply` have in common: the wanted servers are compared with the swarm.

use std::collections::{BTreeMap, BTreeSet};

use crate::apply::api::RegistryAuth;
use crate::apply::bollard::Engine;
use crate::apply::credentials::{Credentials, HELPER_LIMIT};
use crate::apply::ports;
use crate::apply::resolve::{self, resolve};
use crate::apply::{Replan, Replanned};
use crate::diag::{Counts, Diagnostic, Diagnostics, Severity, code};
use crate::emit::engine;
use crate::plan::ObservedState;
use crate::plan::cluster::image::{ImageState, told_of};
use crate::plan::cluster::{self, ClusterView, WantedView, outage};
use crate::plan::graph::{Action, NewService, Plan, Verdict, image};
use crate::plan::label::hidden_fields;
use crate::plan::object::{self, ObservedIds, Policy};
use crate::plan::observed::ObservedService;
use crate::plan::place::{locator, place};
use crate::plan::planner::{self, Options, Pin, Wanted};
use crate::resolve::{Compiler, Server};
use crate::source::{Disk, Pointer};

use super::args::live::{self, ResolveImage};
use super::error::Failure;
use super::live::snapshot;
use super::render::refusal;
use super::servers::Servers;
use super::ui::Ui;

/// A plan, and what it was made of.
pub(super) struct Planned<'s> {
    /// What is to be done.
    pub(super) plan: Plan,
    /// The swarm.
    pub(super) state: ObservedState,
    /// The wanted servers, as they were compared.
    pub(super) wanted: Vec<Wanted<'s>>,
    /// How they were compared.
    pub(super) options: Options,
    /// The credentials of registries.
    pub(super) credentials: Credentials,
}

/// Compares the wanted servers with the swarm; what the swarm lacks for them is in `diagnostics`. `None` means that some server
/// cannot be sent to this engine.
async fn plan<'s>(
    compiler: &'s Compiler<'_>,
    servers: &'s Servers<'_>,
    args: &live::Wanted,
    engine: &Engine,
    diagnostics: &mut Diagnostics,
) -> Result<Option<Planned<'s>>, Failure> {
    let deployment = &*compiler.settings.deployment;
    let state = snapshot(engine, deployment).await?;
    let Some(wanted) = wanted(compiler, servers, engine, &state, diagnostics) else { return Ok(None) };
    let mut options = Options {
        prune: args.prune,
        only_user: args.user.clone(),
        only_server: Some(servers.name.clone()),
        take_over: args.take_over,
        replace_volumes: args.replace_volumes,
        refresh_images: args.resolve_image == ResolveImage::Always,
        pins: BTreeMap::new(),
        contents: contents(compiler, servers),
    };
    let mut plan = planner::plan(deployment, &wanted, &state, &options);
    let images = images(&plan, &wanted, args.resolve_image);
    let all = plan.actions.iter().filter_map(image_of).chain(images.iter().map(String::as_str));
    let credentials = Credentials::gather(all, &Disk, HELPER_LIMIT).await;
    let mut problems = BTreeMap::new();
    let unread = credentials.problems.iter().map(|problem| {
        Diagnostic::new(&code::REGISTRY_CREDENTIALS, problem.as_str())
            .help("its registries are asked without a login; `docker login` writes what is read here")
    });
    unread.for_each(|finding| compiler.push(finding, diagnostics));
    if !images.is_empty() {
        let resolved = resolve(engine, &images, &credentials, resolve::LIMIT).await;
        let unresolved = resolved.problems.iter().filter_map(|(image, problem)| unresolved(image, problem, servers));
        unresolved.for_each(|finding| compiler.push(finding, diagnostics));
        problems = resolved.problems;
        options.pins = resolved.pinned.into_iter().filter_map(|(image, pinned)| Some((image, pin(pinned)?))).collect();
        if !options.pins.is_empty() {
            plan = planner::plan(deployment, &wanted, &state, &options);
        }
    }
    let asks = args.resolve_image != ResolveImage::Never;
    let images =
        images_to_come(engine, outage::images(&plan, &state), &options.pins, problems, asks.then_some(&credentials));
    let ports = cluster::ports::to_come(&servers.servers, &state);
    let ahead = Ahead { images: images.await, held: ports::held(engine, &ports, &state.nodes).await };
    look_at_cluster(compiler, servers, &state, (&plan, &ahead), diagnostics);
    add_objects(&mut plan, compiler, servers, &state, (args.keep, args.prune && args.user.is_none()), diagnostics);
    Ok(Some(Planned { plan, state, wanted, options, credentials }))
}

/// The Swarm configs and secrets that the config declares, by their names on the swarm, with the places that declare them.
pub(super) fn contents(compiler: &Compiler<'_>, servers: &Servers<'_>) -> BTreeMap<String, String> {
    let objects = servers.objects.iter();
    objects.map(|object| (object.swarm_name.clone(), place(object.span, compiler.sources()))).collect()
}

/// The servers in the planner's form.
pub(super) fn wanted<'s>(
    compiler: &'s Compiler<'_>,
    servers: &'s Servers<'_>,
    engine: &Engine,
    state: &ObservedState,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<Wanted<'s>>> {
    let ids = ObservedIds::new(state);
    let mut wanted = Vec::with_capacity(servers.servers.len());
    let mut refused = false;
    for server in &servers.servers {
        match engine::body(&server.service, engine.api(), &ids) {
            Ok(service) => wanted.push(Wanted {
                user: server.user.to_string(),
                server: servers.name.clone(),
                profile: server.profile.to_string(),
                service,
                hidden: hidden_fields(&server.service),
                start_timeout: compiler.settings.start_timeout,
                listed: server.listed.map(|span| place(span, compiler.sources())),
                places: Box::new(locator(&server.spec, compiler.sources())),
            }),
            Err(what) => {
                refused = true;
                diagnostics.extend(what.into_iter().map(|what| refusal(what, &server.spec).about(&server.user)));
            }
        }
    }
    (!refused).then_some(wanted)
}

/// What was looked for since a plan needs it.
struct Ahead {
    /// What is known of the images that running servers would be ended for.
    images: BTreeMap<String, ImageState>,
    /// New ports at which something answers already, with the nodes.
    held: BTreeMap<u16, Vec<String>>,
}

/// What is known of images that running servers would be ended for: first the engine's node, then registries, those that were
/// asked already not again.
async fn images_to_come(
    engine: &Engine,
    mut images: BTreeSet<String>,
    pins: &BTreeMap<String, Pin>,
    problems: BTreeMap<String, String>,
    credentials: Option<&Credentials>,
) -> BTreeMap<String, ImageState> {
    let pinned: BTreeSet<String> = pins.iter().map(|(image, pin)| pin.pinned(image)).collect();
    images.retain(|image| !pinned.contains(image));
    for image in resolve::on_node(engine, &images).await {
        images.remove(&image);
    }
    let known = problems.into_iter().filter(|(image, _)| images.contains(image));
    let mut states: BTreeMap<_, _> = known.map(|(image, problem)| (image, ImageState::Unknown(problem))).collect();
    images.retain(|image| !states.contains_key(image));
    match credentials {
        Some(credentials) => states.extend(resolve::at_registries(engine, &images, credentials).await),
        None => {
            let reason = "the engine's node does not have it, and no registry was asked";
            states.extend(images.into_iter().map(|image| (image, ImageState::Unknown(reason.to_owned()))));
        }
    }
    states
}

/// Finds what the swarm lacks, for the servers and for a plan's changes of them. Whose services are in the way is the plan's to tell.
fn look_at_cluster(
    compiler: &Compiler<'_>,
    servers: &Servers<'_>,
    state: &ObservedState,
    (plan, ahead): (&Plan, &Ahead),
    diagnostics: &mut Diagnostics,
) {
    let made: Vec<String> = servers.objects.iter().map(|object| object.swarm_name.clone()).collect();
    let leaving = plan.actions.iter().filter_map(|action| match action {
        Action::RemoveService(old) => Some(old.name.clone()),
        _ => None,
    });
    let leaving: BTreeSet<String> = leaving.collect();
    let view = ClusterView {
        state,
        deployment: &compiler.settings.deployment,
        servers: &WantedView::of(&servers.servers, &servers.name, None),
        images: &BTreeMap::new(),
        made: &made,
        leaving: &leaving,
        of_users: true,
    };
    let findings = cluster::check(&view).into_iter().filter(|finding| finding.code.id != code::FOREIGN_SERVICE.id);
    let findings = findings.chain(cluster::ports::check(&view, &ahead.held));
    let findings = findings.chain(outage::check(plan, &ClusterView { images: &ahead.images, ..view }));
    findings.for_each(|finding| compiler.push(finding, diagnostics));
}

/// Tells that the tag of an image could not be resolved.
fn unresolved(image: &str, problem: &str, servers: &Servers<'_>) -> Option<Diagnostic> {
    let is_of = |server: &&Server<'_>| server.service.container.image.expose() == image;
    let Server { service, spec, .. } = servers.servers.iter().find(is_of)?;
    let image = &service.container.image;
    let finding = Diagnostic::new(&code::UNRESOLVED_IMAGE, format!("the digest of `{image}` is not known"))
        .at(spec.nearest(&Pointer::parse("/image")).span, "nodes may run different images")
        .note(told_of(image, problem))
        .help("check its name and the registry's credentials; `--resolve-image never` asks no registry");
    Some(finding)
}

/// The images whose tags are to be resolved.
fn images(plan: &Plan, wanted: &[Wanted<'_>], when: ResolveImage) -> BTreeSet<String> {
    let all = wanted.iter().filter_map(|wanted| image(&wanted.service).map(str::to_owned));
    match when {
        ResolveImage::Never => BTreeSet::new(),
        ResolveImage::Changed => plan.images(),
        ResolveImage::Always => all.collect(),
    }
}

fn image_of(action: &Action) -> Option<&str> {
    match action {
        Action::CreateService(new) | Action::ReplaceService { new, .. } => image(&new.body.0),
        Action::UpdateService(update) => image(&update.new.body.0),
        _ => None,
    }
}

fn pin(pinned: resolve::Pinned) -> Option<Pin> {
    let (_, digest) = pinned.image.split_once('@')?;
    Some(Pin { digest: digest.to_owned(), platforms: pinned.platforms })
}

/// Adds what becomes of the deployment's Swarm configs and secrets: how many old ones are kept, and whether it is pruned.
pub(super) fn add_objects(
    plan: &mut Plan,
    compiler: &Compiler<'_>,
    servers: &Servers<'_>,
    state: &ObservedState,
    (keep, prune): (u16, bool),
    diagnostics: &mut Diagnostics,
) {
    let changes: BTreeMap<&str, Option<&serde_json::Value>> = plan
        .actions
        .iter()
        .filter_map(|action| match action {
            Action::CreateService(new) => Some((&*new.name, Some(&new.body.0))),
            Action::ReplaceService { old, new, .. } => Some((&*old.name, Some(&new.body.0))),
            Action::UpdateService(update) => Some((&*update.new.name, Some(&update.new.body.0))),
            Action::RemoveService(old) => Some((&*old.name, None)),
            _ => None,
        })
        .collect();
    let stay =
        state.services.iter().filter(|service| !changes.contains_key(service.name())).map(|service| &service.spec);
    let specs = stay.chain(changes.values().copied().flatten());
    let deployment = &compiler.settings.deployment;
    let policy = Policy { deployment, keep: keep.into(), of_config: true, undeclared: prune };
    let place = |span| place(span, compiler.sources());
    let objects = object::plan(&servers.objects, state, specs, policy, &place);
    for (kind, name) in &objects.taken {
        let diagnostic = Diagnostic::new(
            &code::OBJECT_TAKEN,
            format!("the swarm has a {} `{name}` that is not this deployment's", kind.word()),
        );
        diagnostics.push(diagnostic.help("remove it, or give the declared one another name"));
    }
    plan.actions.splice(0..0, objects.create);
    plan.actions.extend(objects.collect);
}

impl Planned<'_> {
    /// What is sent along with a service for its image's registry.
    pub(super) fn auth(&self, image: &str) -> Option<RegistryAuth> {
        self.credentials.of(image).cloned()
    }
}

impl Replan for Planned<'_> {
    fn replan(&self, new: &NewService, live: Option<&ObservedService>) -> Replanned {
        let is_it =
            |wanted: &&Wanted<'_>| wanted.service.get("Name").and_then(serde_json::Value::as_str) == Some(&new.name);
        let Some(wanted) = self.wanted.iter().find(is_it) else {
            return Replanned::Refuse(
                "it was changed by somebody else in the meantime; plan and apply again".to_owned(),
            );
        };
        let state = ObservedState { services: live.into_iter().cloned().collect(), ..self.without_services() };
        let options = Options { prune: false, ..self.options.clone() };
        let plan = planner::plan(&self.plan.deployment, std::slice::from_ref(wanted), &state, &options);
        let is_service = |action: &Action| action.stage() == 2;
        match plan.actions.into_iter().find(is_service) {
            Some(Action::CreateService(new)) => Replanned::Create(Box::new(new)),
            Some(Action::UpdateService(update)) => Replanned::Update(Box::new(update)),
            Some(_) => Replanned::Refuse("it would have to be replaced now; plan and apply again".to_owned()),
            None if plan.items.iter().all(|item| matches!(item.verdict, Verdict::Unchanged)) => Replanned::Done,
            None => Replanned::Refuse("a service of this name is somebody else's now".to_owned()),
        }
    }
}

impl Planned<'_> {
    fn without_services(&self) -> ObservedState {
        let ObservedState { api, cluster, node, networks, configs, secrets, nodes, .. } = &self.state;
        ObservedState {
            api: *api,
            cluster: cluster.clone(),
            node: node.clone(),
            networks: networks.clone(),
            configs: configs.clone(),
            secrets: secrets.clone(),
            nodes: nodes.clone(),
            ..ObservedState::default()
        }
    }
}

/// Compares the wanted servers with the engine's swarm, and shows all that was found: with the config, on the swarm, and by
/// `judge` with the plan.
///
/// # Errors
///
/// An engine that cannot be asked, and servers of which there is no plan. Whoever goes on looks for errors among the findings.
pub(super) async fn compare<'s>(
    compiler: &'s Compiler<'_>,
    servers: &'s Servers<'_>,
    args: &live::Wanted,
    engine: &live::EngineArgs,
    (mut diagnostics, ui): (Diagnostics, &Ui),
    judge: impl FnOnce(&Planned<'_>) -> Option<Diagnostic>,
) -> Result<(Engine, Planned<'s>, Diagnostics), Failure> {
    // What the config has to be told of is told, too, where there is no engine.
    let compared: Result<_, Failure> = async {
        let engine = super::live::engine(engine).await?;
        let planned = plan(compiler, servers, args, &engine, &mut diagnostics).await?;
        Ok((engine, planned))
    }
    .await;
    if let Ok((_, Some(planned))) = &compared {
        diagnostics.extend(judge(planned));
    }
    ui.report_from(Severity::Warning, &diagnostics, compiler.sources());
    match compared? {
        (engine, Some(planned)) => Ok((engine, planned, diagnostics)),
        (_, None) => {
            ui.note(&Counts { notes: 0, ..diagnostics.counts() }.to_string());
            Err(Failure::Input)
        }
    }
}
