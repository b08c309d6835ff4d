//! `swarmgen render`.

mod emit;
mod files;

pub(super) use emit::refusal;

use anyhow::anyhow;

use crate::diag::{Counts, Diagnostic, Diagnostics, Severity, code};
use crate::emit::ApiVersion;
use crate::emit::engine::Ids;
use crate::plan::ObservedState;
use crate::plan::observed::ObservedObject;
use crate::resolve::object::Object;
use crate::resolve::roster::User;
use crate::resolve::{Compiler, Request};
use crate::source::{Disk, Entry, SourceMap, World};

use super::args::{Format, Global, Render};
use super::asked::Asked;
use super::config;
use super::error::Failure;
use super::live;
use super::output::{Destination, StdoutKind, stdout_kind};
use super::ui::Ui;

/// Everything besides the config that a rendering depends on.
struct Job<'a> {
    render: &'a Render,
    api: ApiVersion,
    ids: KnownIds,
    /// The declared Swarm configs and secrets, if they are to be named as the swarm does.
    objects: Vec<Object>,
    asked: Asked<'a>,
    /// The operator's template and its text.
    template: Option<(String, String)>,
}

/// The ids of configs and secrets.
enum KnownIds {
    /// From `--ids`.
    Table(Vec<Entry>),
    /// From `--cluster`.
    Swarm(Box<ObservedState>),
}

impl Ids for KnownIds {
    fn config(&self, name: &str) -> Option<String> {
        match self {
            Self::Table(table) => table.iter().find(|entry| &*entry.key == name)?.value.as_str().map(str::to_owned),
            Self::Swarm(state) => id_of(&state.configs, name),
        }
    }

    fn secret(&self, name: &str) -> Option<String> {
        match self {
            Self::Table(_) => self.config(name),
            Self::Swarm(state) => id_of(&state.secrets, name),
        }
    }
}

fn id_of(objects: &[ObservedObject], name: &str) -> Option<String> {
    objects.iter().find(|object| object.name == name).map(|object| object.id.clone())
}

/// Renders what would be deployed.
pub(super) fn run(render: &Render, global: &Global, ui: &Ui) -> Result<(), Failure> {
    run_in(render, global, ui, &Disk)
}

/// Renders what would be deployed, the config and what it names read from this world.
pub(super) fn run_in(render: &Render, global: &Global, ui: &Ui, world: &dyn World) -> Result<(), Failure> {
    let api = render.api.as_deref().map(|api| {
        ApiVersion::parse(api).ok_or_else(|| Failure::Usage(anyhow!("`--api` takes a version such as 1.41")))
    });
    let api = api.transpose()?;
    if render.template.is_some() && render.format != Format::Template {
        return Err(Failure::Usage(anyhow!("`--template` is read by `--format template` alone")));
    }
    let sources = SourceMap::new();
    let mut diagnostics = Diagnostics::new();
    let prepared = prepare(render, api, global, world, &sources, &mut diagnostics);
    let prepared = match prepared {
        Some((compiler, job)) => job.on_cluster(&compiler, &mut diagnostics)?.map(|job| (compiler, job)),
        None => None,
    };
    let rendered = prepared.as_ref().and_then(|(compiler, job)| job.render_all(compiler, &mut diagnostics));
    if let Some((compiler, _)) = prepared.as_ref().filter(|_| !diagnostics.is_empty()) {
        compiler.mark_secrets();
    }
    let rendered = rendered.filter(|rendered| {
        let levelled = prepared.as_ref().filter(|_| rendered.has_secrets);
        levelled.is_none_or(|(compiler, _)| may_write_secrets(compiler, render, &mut diagnostics))
    });
    // Notes are for `validate`: a config is rendered many times.
    let least = if ui.is_verbose() { Severity::Note } else { Severity::Warning };
    let report = |diagnostics: &Diagnostics| ui.report_from(least, diagnostics, &sources);
    let Some(rendered) = rendered.filter(|_| !diagnostics.has_errors()) else {
        report(&diagnostics);
        let counts = Counts { notes: 0, ..diagnostics.counts() };
        if counts != Counts::default() {
            ui.note(&counts.to_string());
        }
        return Err(Failure::Input);
    };
    // A document waits for what may still fail.
    if !ui.writes_documents() {
        report(&std::mem::take(&mut diagnostics));
    }
    let done = match rendered.write(ui) {
        Err(failure @ Failure::Other(_)) => {
            diagnostics.push(files::output_failed(&failure));
            Err(Failure::Input)
        }
        done => done,
    };
    if ui.writes_documents() || !diagnostics.is_empty() {
        report(&diagnostics);
    }
    done
}

/// Loads the config and what else the command line names.
fn prepare<'a>(
    render: &'a Render,
    api: Option<ApiVersion>,
    global: &Global,
    world: &'a dyn World,
    sources: &'a SourceMap,
    diagnostics: &mut Diagnostics,
) -> Option<(Compiler<'a>, Job<'a>)> {
    let inputs = config::inputs(global, &[], diagnostics)?;
    let compiler = Compiler::load(&inputs, world, sources, diagnostics);
    let ids = match &render.ids {
        Some(path) => config::data_file(path, &Disk, sources, diagnostics)
            .map(|node| config::text_table(&node, diagnostics))
            .unwrap_or_default(),
        None => Vec::new(),
    };
    let asked = Asked::read(&render.server, sources, diagnostics)?;
    let template = match &render.template {
        Some(path) => match crate::source::World::read(&Disk, path, None) {
            Ok(text) => Some((path.display().to_string(), text.to_string())),
            Err(error) => {
                let message = format!("`{}` cannot be read: {error}", path.display());
                diagnostics.push(Diagnostic::new(&code::UNREADABLE, message));
                None
            }
        },
        None => None,
    };
    let api = api.unwrap_or(ApiVersion::V1_41);
    let job = Job { render, api, ids: KnownIds::Table(ids), objects: Vec::new(), asked, template };
    compiler.filter(|_| !diagnostics.has_errors()).map(|compiler| (compiler, job))
}

/// Tells whether secrets may go where the output goes, and says so if not.
fn may_write_secrets(compiler: &Compiler<'_>, render: &Render, diagnostics: &mut Diagnostics) -> bool {
    if render.show_secrets || render.output_path().is_some() {
        return true;
    }
    match stdout_kind() {
        StdoutKind::Private => true,
        StdoutKind::Readable => {
            let finding =
                Diagnostic::new(&code::SECRETS_READABLE, "secrets are written to a file that others can read")
                    .help("write it with `-o FILE`, which only you can read, or `chmod 600` it first");
            compiler.push(finding, diagnostics);
            true
        }
        StdoutKind::Shown => {
            diagnostics.push(
                Diagnostic::new(&code::SECRETS_SHOWN, "the output holds secrets and would go to a terminal or a pipe")
                    .help("write it to a file with `-o FILE`, or show them with `--show-secrets`"),
            );
            false
        }
    }
}

impl Job<'_> {
    /// Reads the ids, and what API it is for, from the engine if that was asked for; `None` if there were errors.
    ///
    /// # Errors
    ///
    /// No engine that can be used.
    fn on_cluster(mut self, compiler: &Compiler<'_>, diagnostics: &mut Diagnostics) -> Result<Option<Self>, Failure> {
        if !self.render.cluster {
            return Ok(Some(self));
        }
        let Some(objects) = compiler.objects(diagnostics) else {
            compiler.mark_secrets();
            return Ok(None);
        };
        let (api, state) = live::block_on(async {
            let engine = live::engine(&self.render.engine).await?;
            Ok((engine.api(), live::snapshot(&engine, &compiler.settings.deployment).await?))
        })?;
        if self.render.api.is_none() {
            self.api = api;
        }
        self.ids = KnownIds::Swarm(Box::new(state));
        self.objects = objects;
        Ok(Some(self))
    }

    fn request(&self) -> Request<'_> {
        self.asked.request(self.render.stack.as_deref())
    }

    /// Renders the user's server, or everybody's; `None` if there were errors.
    fn render_all<'c>(
        &'c self,
        compiler: &'c Compiler<'c>,
        diagnostics: &mut Diagnostics,
    ) -> Option<files::Rendered<'c>> {
        let destination = match self.render.output_path() {
            Some(path) => Destination::File(path.to_owned()),
            None => Destination::Stdout,
        };
        let users = match &self.render.user {
            Some(name) => {
                let user = compiler.user(name, diagnostics)?;
                compiler.check_owner(&user, diagnostics);
                Users::One(user)
            }
            None => {
                if compiler.roster.is_empty() {
                    diagnostics.push(
                        Diagnostic::new(
                            &code::NO_USERS,
                            "`--all` renders the users that the config lists, and it lists none",
                        )
                        .help("list them under `[users]`, or name a file with `users_file`"),
                    );
                    return None;
                }
                Users::All
            }
        };
        files::render(self, compiler, users, destination, diagnostics)
    }
}

/// Whose servers to render.
enum Users<'c> {
    One(User<'c>),
    All,
}

/// What a format's files are called.
fn extension(format: Format) -> &'static str {
    match format {
        Format::Stack => "yml",
        Format::Service => "json",
        Format::Cli => "sh",
        Format::Template => "txt",
    }
}
