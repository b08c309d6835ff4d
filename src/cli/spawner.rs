//! `swarmgen spawner`: what the hub's spawner asks, as docs/spawner-protocol.md says.

use std::collections::BTreeSet;
use std::future::Future;
use std::io::{BufRead as _, Read as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::apply::api::SwarmApi as _;
use crate::apply::bollard::{Engine, Limits};
use crate::apply::connect::{self, Arguments, ConnectError};
use crate::apply::credentials::Credentials;
use crate::apply::redact::Redactor;
use crate::diag::render::short;
use crate::diag::{Code, Diagnostic, Diagnostics, Severity, code};
use crate::emit::ApiVersion;
use crate::resolve::object::{self, Object};
use crate::resolve::roster::User;
use crate::resolve::{Compiler, Request as Asked, Server};
use crate::source::{Disk, SourceMap};
use crate::spawner::event::{Event, Failed, FailureCode, Stage};
use crate::spawner::form::check_template;
use crate::spawner::request::{BadRequest, Request};
use crate::spawner::{Form, Owner, Start, Stop, Which, poll, set_limits, settings, stop, words};

use super::args::Global;
use super::args::live::EngineArgs;
use super::args::spawner::{Spawner, SpawnerCommand};
use super::config;

/// How long a connection to the engine may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a start may take unless the request says.
const START: Duration = Duration::from_secs(60);
/// How long a stop may take unless the request says.
const STOP: Duration = Duration::from_secs(60);
/// How long a poll may take unless the request says.
const POLL: Duration = Duration::from_secs(10);
/// How long an engine may take to say which images its node has.
const GLANCE: Duration = Duration::from_millis(300);
/// How long an engine that is away is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two tries to reach it.
const BETWEEN: Duration = Duration::from_millis(500);
/// How long the registries' credentials may take: nobody is there whom a helper could ask.
const CREDENTIALS: Duration = Duration::from_secs(10);

/// Answers one request of a hub.
pub(super) fn run(spawner: &Spawner, global: &Global) -> ExitCode {
    let mut line = String::new();
    let mut input = std::io::stdin().lock();
    let read = input.by_ref().take(64 << 20).read_line(&mut line);
    drop(input);
    let sources = SourceMap::new();
    let request = match read {
        Ok(_) => Request::read(line.trim_end(), &sources),
        Err(error) => Err(BadRequest(format!("the request cannot be read: {error}"))),
    };
    let result = match request {
        Ok(request) => {
            let job = Job { global, engine: &spawner.engine, request: &request, sources: &sources };
            job.answer(spawner.command).unwrap_or_else(Event::Failed)
        }
        Err(bad) => Event::Failed(failure(FailureCode::Protocol, "The hub's request cannot be understood.", bad.0)),
    };
    tell(&result);
    ExitCode::from(result.exit_code())
}

/// Writes an event. Whoever does not read any more cannot be told so.
fn tell(event: &Event) {
    if let Ok(text) = serde_json::to_string(event) {
        let mut stdout = std::io::stdout().lock();
        let _ = stdout.write_all(format!("{text}\n").as_bytes()).and_then(|()| stdout.flush());
    }
}

fn failure(code: FailureCode, message: &str, detail: impl Into<String>) -> Box<Failed> {
    Box::new(Failed {
        code,
        message: message.to_owned(),
        hint: None,
        detail: detail.into(),
        exit_code: None,
        left: Vec::new(),
        unreachable: Vec::new(),
    })
}

fn away(error: &dyn std::fmt::Display) -> Box<Failed> {
    Box::new(Failed {
        hint: Some("Try again in a few minutes.".to_owned()),
        ..*failure(FailureCode::EngineAway, "The servers' swarm cannot be reached now.", error.to_string())
    })
}

/// Tells whether an error is about what the user asked for, and not about the config.
fn is_of_request(finding: &Diagnostic) -> bool {
    const CODES: [&Code; 8] = [
        &code::OPTION_OUT_OF_BOUNDS,
        &code::OPTION_NOT_ALLOWED,
        &code::NO_PROFILE,
        &code::ACCESS_DENIED,
        &code::UNKNOWN_PROFILE,
        &code::WRONG_TYPE,
        &code::UNSAFE_PATH,
        &code::DUPLICATE_TARGET,
    ];
    CODES.iter().any(|code| code.id == finding.code.id)
}

/// Tells whether a finding is about the profile: users do not learn which ones there are for others.
fn is_of_profile(finding: &Diagnostic) -> bool {
    [code::ACCESS_DENIED.id, code::UNKNOWN_PROFILE.id].contains(&finding.code.id)
}

type Answer = Result<Event, Box<Failed>>;

/// One request.
struct Job<'a> {
    global: &'a Global,
    engine: &'a EngineArgs,
    request: &'a Request,
    sources: &'a SourceMap,
}

impl Job<'_> {
    fn answer(&self, command: SpawnerCommand) -> Answer {
        // What its start said of a server is enough to ask for it and to end it, whatever has become of the config.
        match (command, &self.request.state) {
            (SpawnerCommand::Poll, Some(state)) => return self.poll(Which::State(state)),
            (SpawnerCommand::Stop, Some(state)) => return self.stop(Which::State(state)),
            _ => {}
        }
        let mut diagnostics = Diagnostics::new();
        let compiler = config::inputs(self.global, &[], &mut diagnostics)
            .and_then(|inputs| Compiler::load(&inputs, &Disk, self.sources, &mut diagnostics));
        let Some(compiler) = compiler else { return Err(self.bad_config(&diagnostics)) };
        match command {
            SpawnerCommand::Settings => self.settings(&compiler),
            SpawnerCommand::Form => self.form(&compiler),
            SpawnerCommand::Start => self.start(&compiler),
            SpawnerCommand::Poll | SpawnerCommand::Stop => {
                let name = compiler.service_name(&self.user(&compiler)?, &self.request.server);
                let which = Which::Name { owner: self.owner(&compiler), name: &name, port: compiler.settings.port };
                if matches!(command, SpawnerCommand::Poll) { self.poll(which) } else { self.stop(which) }
            }
        }
    }

    fn lines(&self, diagnostics: &Diagnostics) -> Vec<String> {
        let told = diagnostics.sorted().into_iter().filter(|finding| finding.severity <= Severity::Warning);
        told.map(|finding| short::render(finding, self.sources)).collect()
    }

    fn bad_config(&self, diagnostics: &Diagnostics) -> Box<Failed> {
        let message = "The settings of this hub's servers have an error. Tell those who run this hub.";
        failure(FailureCode::Config, message, self.lines(diagnostics).join("\n"))
    }

    fn settings(&self, compiler: &Compiler<'_>) -> Answer {
        let mut diagnostics = Diagnostics::new();
        compiler.check_config(&mut diagnostics);
        // Not each listed user: what one of them lacks is no matter of the others, and the hub knows more of them.
        compiler.probe(&mut diagnostics);
        check_template(compiler, &mut diagnostics);
        compiler.mark_secrets();
        if diagnostics.has_errors() {
            return Err(self.bad_config(&diagnostics));
        }
        Ok(settings(compiler, self.lines(&diagnostics)))
    }

    /// The user, with the groups that the hub knows besides the config's.
    fn user<'c>(&self, compiler: &'c Compiler<'_>) -> Result<User<'c>, Box<Failed>> {
        let name = self
            .request
            .username()
            .map_err(|bad| failure(FailureCode::Protocol, "The hub's request cannot be understood.", bad.0))?;
        let mut diagnostics = Diagnostics::new();
        let Some(mut user) = compiler.user(name, &mut diagnostics) else {
            let message = "A server cannot be started for a user of this name.";
            return Err(failure(FailureCode::Refused, message, self.lines(&diagnostics).join("\n")));
        };
        user.groups.extend(self.request.user.groups.iter().cloned());
        Ok(user)
    }

    /// What is asked for, in the compiler's words: of the user's attributes only those that the config names.
    fn asked<'r>(&'r self, attributes: &'r [crate::source::Entry]) -> Asked<'r> {
        Asked {
            profile: None,
            server_name: &self.request.server,
            options: self.request.options.as_ref(),
            set: attributes,
            hub_env: &self.request.hub_env,
            stack: None,
        }
    }

    /// Of the user's attributes, those that the config names.
    fn attributes(&self, compiler: &Compiler<'_>) -> Vec<crate::source::Entry> {
        let named = &compiler.settings.user_format_attributes;
        self.request.user.attributes.iter().filter(|entry| named.contains(&entry.key)).cloned().collect()
    }

    fn form(&self, compiler: &Compiler<'_>) -> Answer {
        let user = self.user(compiler)?;
        let attributes = self.attributes(compiler);
        let asked = Asked { options: None, ..self.asked(&attributes) };
        let form =
            Form::new(compiler, &user, &asked, self.request.last_options.as_ref()).again(self.request.typed.as_ref());
        if let Some(posted) = &self.request.form {
            return form.options(posted);
        }
        let present = if form.asks() { self.present(&form.images()) } else { BTreeSet::new() };
        form.offer(&present).map_err(|finding| {
            let mut diagnostics = Diagnostics::new();
            diagnostics.push(*finding);
            self.bad_config(&diagnostics)
        })
    }

    /// Those of the images that the engine's node has; none if it does not say so at once.
    fn present(&self, images: &BTreeSet<&str>) -> BTreeSet<String> {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
            return BTreeSet::new();
        };
        let mut present = BTreeSet::new();
        let asking = async {
            let Ok(engine) = self.connect(None, Instant::now() + GLANCE).await else { return };
            let each = images.iter().map(|image| engine.has_image(image));
            let has = futures_util::future::join_all(each).await;
            let has = images.iter().zip(has).filter(|(_, has)| has.as_ref().is_ok_and(|has| *has));
            present.extend(has.map(|(image, _)| (*image).to_owned()));
        };
        // A time-out wants the runtime's clock, and so is made inside it.
        let _in_time = runtime.block_on(async { tokio::time::timeout(GLANCE, asking).await });
        runtime.shutdown_background();
        present
    }

    fn owner<'o>(&'o self, compiler: &'o Compiler<'_>) -> Owner<'o> {
        Owner { deployment: &compiler.settings.deployment, user: &self.request.user.name, server: &self.request.server }
    }

    fn start(&self, compiler: &Compiler<'_>) -> Answer {
        let begun = Instant::now();
        let stage = Stage::Checking;
        tell(&Event::Progress { stage, percent: stage.percent(), message: "Checking the request".to_owned() });
        let user = self.user(compiler)?;
        let attributes = self.attributes(compiler);
        let asked = self.asked(&attributes);
        let mut diagnostics = Diagnostics::new();
        // Whose name makes the same owner would get the other one's volumes.
        compiler.check_owner(&user, &mut diagnostics);
        let clashes = diagnostics.has_errors();
        let server = compiler.resolve(&user, &asked, &mut diagnostics).filter(|_| !clashes);
        let objects = server.as_ref().and_then(|_| compiler.objects(&mut diagnostics));
        compiler.mark_secrets();
        let (Some(mut server), Some(objects)) = (server, objects) else {
            return Err(self.refused(compiler, &user, &diagnostics));
        };
        super::ui::log(&self.lines(&diagnostics));
        object::bind(&mut server.service, &objects);
        set_limits(&mut server.service);
        let redactor = Redactor::default();
        redactor.learn_service(&server.service);
        objects.iter().for_each(|object| redactor.learn(object.content.expose()));
        let deadline = begun + self.request.timeout.unwrap_or(START);
        self.on_engine(None, deadline, |engine| self.start_on(engine, compiler, &server, &objects, &redactor, deadline))
    }

    /// Connects to the engine and asks it something. With the version of the API that it is known to speak, nothing is
    /// asked first.
    fn on_engine<W: Future<Output = Event>>(
        &self,
        api: Option<ApiVersion>,
        deadline: Instant,
        work: impl FnOnce(Engine) -> W,
    ) -> Answer {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| away(&error))?;
        let done = runtime.block_on(async { Ok(work(self.connect(api, deadline).await?).await) });
        // Whoever still reads standard input, or looks up a name, is not waited for.
        runtime.shutdown_background();
        done
    }

    async fn connect(&self, api: Option<ApiVersion>, deadline: Instant) -> Result<Engine, Box<Failed>> {
        let arguments =
            Arguments { hosts: self.engine.host.iter().cloned().collect(), context: self.engine.context.clone() };
        let endpoint = connect::find(&arguments, &Disk).map_err(|error| away(&error))?;
        let left = deadline.saturating_duration_since(Instant::now());
        let limits = Limits { connect: CONNECT.min(left), answer: self.engine.engine_timeout.min(left) };
        if let Some(api) = api {
            return Engine::known(&endpoint, limits, api).map_err(|error| away(&error));
        }
        let patience = Instant::now() + PATIENCE.min(left);
        loop {
            match Engine::connect(&endpoint, limits).await {
                Err(ConnectError::Api(_)) if Instant::now() + BETWEEN < patience => tokio::time::sleep(BETWEEN).await,
                connected => return connected.map_err(|error| away(&error)),
            }
        }
    }

    /// Ends when the caller gives up: by a signal, or by the end of standard input if the request says so.
    async fn cancelled(&self) {
        let (gone, input) = oneshot::channel();
        if self.request.cancel_on_eof {
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
                let _ = gone.send(());
            });
        } else {
            // Dropped, it would count as the end.
            std::mem::forget(gone);
        }
        tokio::select! {
            _ = input => {}
            () = super::live::interrupted() => {}
        }
    }

    async fn start_on(
        &self,
        engine: Engine,
        compiler: &Compiler<'_>,
        server: &Server<'_>,
        objects: &[Object],
        redactor: &Redactor,
        deadline: Instant,
    ) -> Event {
        let env = server.spec.get("container_spec").and_then(|container| container.get("env"));
        let is_configs = |name: &&str| {
            compiler.settings.env_override.contains(*name) && env.is_some_and(|env| env.get(name).is_some())
        };
        let hub_names = self.request.hub_env.iter().map(|entry| &*entry.key);
        let hub_names: Vec<&str> = hub_names.filter(|name| !is_configs(name)).collect();
        let limit = CREDENTIALS.min(deadline.saturating_duration_since(Instant::now()));
        let credentials = Credentials::gather([server.service.container.image.expose()], &Disk, limit).await;
        super::ui::log(&credentials.problems);
        let start = Start {
            api: &engine,
            version: engine.api(),
            owner: self.owner(compiler),
            service: &server.service,
            profile: &server.profile,
            objects,
            uploads: &server.uploads,
            hub_names: &hub_names,
            port: compiler.settings.port,
            existing: self.request.existing,
            on_changed: compiler.settings.on_changed.word(),
            wait: self.request.wait,
            http_timeout: self.request.http_timeout,
            deadline,
            auth: &|image| credentials.of(image).cloned(),
            redactor,
        };
        start.run(&tell, self.cancelled()).await
    }

    fn poll(&self, which: Which<'_>) -> Answer {
        let deadline = Instant::now() + self.request.timeout.unwrap_or(POLL);
        let ask = |api| self.on_engine(api, deadline, async |engine| poll(&engine, which).await);
        let known = match which {
            Which::State(state) => ApiVersion::parse(&state.api),
            Which::Name { .. } => None,
        };
        let polled = match ask(known) {
            // An engine that was updated may not speak the version of then any more.
            Ok(event) if known.is_some() && event.is_unknown() => ask(None),
            polled => polled,
        };
        match polled {
            // A hub must not take a server for dead because the engine is away.
            Err(failed) if failed.code == FailureCode::EngineAway => Ok(crate::spawner::unknown(failed.detail)),
            polled => polled,
        }
    }

    fn stop(&self, which: Which<'_>) -> Answer {
        let deadline = Instant::now() + self.request.timeout.unwrap_or(STOP);
        let now = self.request.now;
        self.on_engine(None, deadline, async |engine| stop(&Stop { api: &engine, which, now, deadline }, &tell).await)
    }

    /// Why the request or the config gives no server.
    fn refused(&self, compiler: &Compiler<'_>, user: &User<'_>, diagnostics: &Diagnostics) -> Box<Failed> {
        let errors: Vec<&Diagnostic> =
            diagnostics.sorted().into_iter().filter(|finding| finding.severity == Severity::Error).collect();
        let detail = self.lines(diagnostics).join("\n");
        if errors.is_empty() || !errors.iter().all(|finding| is_of_request(finding)) {
            return self.bad_config(diagnostics);
        }
        let unavailable = compiler.unavailable(user, self.request.options.as_ref()).map(words::unavailable);
        let sentences = errors.iter().map(|finding| match &unavailable {
            Some(words) if is_of_profile(finding) => words.clone(),
            _ => words::sentence(&finding.message),
        });
        words::refused(&sentences.collect::<Vec<_>>(), detail)
    }
}
