//! From users to files: everything is resolved before anything appears.

use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use zeroize::Zeroizing;

use crate::check::canonical::printable;
use crate::diag::{Diagnostic, Diagnostics, code};
use crate::emit::compose::{self, Conflict, Part, Stack};
use crate::emit::{engine, template};
use crate::resolve::everybody::in_order;
use crate::resolve::ledger::{Claims, Ledger};
use crate::resolve::{Compiler, Server, object};
use crate::source::{Author, Span};

use super::super::args::Format;
use super::super::error::Failure;
use super::super::output::{Destination, Output, Several, Unwritable};
use super::super::ui::Ui;
use super::emit::refusal;
use super::{Job, Users, extension};

/// A finished result that has not appeared yet.
pub(super) struct Rendered<'c> {
    /// Whether it holds secrets.
    pub(super) has_secrets: bool,
    content: Content<'c>,
}

enum Content<'c> {
    /// One result.
    Whole(Output),
    /// A file for each server in a directory, made when it is written: every server has been resolved once already.
    Each(PathBuf, Making<'c>),
}

impl Rendered<'_> {
    /// Lets the result appear.
    pub(super) fn write(self, ui: &Ui) -> Result<(), Failure> {
        match self.content {
            Content::Whole(output) => output.appear(self.has_secrets),
            Content::Each(directory, making) => {
                let is_new = !directory.exists();
                std::fs::create_dir_all(&directory)
                    .with_context(|| format!("cannot make `{}`", directory.display()))?;
                if let Err(failure) = making.write_each(&directory) {
                    // Where it holds something by now, it stays.
                    let _ = is_new.then(|| std::fs::remove_dir(&directory));
                    return Err(failure);
                }
                let count = making.count();
                ui.note(&format!("wrote {count} file{} to {}", if count == 1 { "" } else { "s" }, directory.display()));
                Ok(())
            }
        }
    }
}

/// Renders everything that was asked for; `None` if there were errors.
pub(super) fn render<'c>(
    job: &'c Job<'c>,
    compiler: &'c Compiler<'c>,
    users: Users<'c>,
    destination: Destination,
    diagnostics: &mut Diagnostics,
) -> Option<Rendered<'c>> {
    if matches!(users, Users::All) {
        compiler.check_owners(diagnostics);
    }
    let making = Making { job, compiler, users };
    match destination {
        Destination::File(path) if path.is_dir() || path.as_os_str().to_string_lossy().ends_with('/') => {
            making.each(path, diagnostics)
        }
        destination if job.render.format == Format::Template => making.templated(destination, diagnostics),
        destination => making.whole(destination, diagnostics),
    }
}

struct Making<'c> {
    job: &'c Job<'c>,
    compiler: &'c Compiler<'c>,
    users: Users<'c>,
}

/// What one run of users gave.
#[derive(Default)]
struct Piece {
    found: Diagnostics,
    claims: Claims,
    part: Part,
    bytes: Zeroizing<Vec<u8>>,
    has_secrets: bool,
}

/// One server's file.
struct File {
    name: String,
    bytes: Zeroizing<Vec<u8>>,
    has_secrets: bool,
}

impl<'c> Making<'c> {
    fn count(&self) -> usize {
        match self.users {
            Users::One(_) => 1,
            Users::All => self.compiler.roster.len(),
        }
    }

    /// Resolves the server of a user; `None` if there were errors.
    fn server(&self, index: usize, diagnostics: &mut Diagnostics) -> Option<Server<'c>> {
        let request = self.job.request();
        let mut server = match &self.users {
            Users::One(user) => self.compiler.resolve(user, &request, diagnostics),
            Users::All => self.compiler.resolve(&self.compiler.roster.user(index), &request, diagnostics),
        }?;
        object::bind(&mut server.service, &self.job.objects);
        Some(server)
    }

    /// One result with all servers.
    fn whole(self, destination: Destination, diagnostics: &mut Diagnostics) -> Option<Rendered<'c>> {
        let mut gathering = Gathering::begin(destination, diagnostics)?;
        let stacked = self.job.render.format == Format::Stack;
        let mut ledger = self.ledger();
        gathering.push(&self.head());
        in_order(
            self.count(),
            |range| self.piece(range),
            |Piece { found, claims, part, bytes, has_secrets }| {
                diagnostics.merge(found);
                ledger.join(claims, diagnostics);
                gathering.has_secrets |= has_secrets;
                // After an error only the other errors matter.
                if diagnostics.has_errors() {
                    return ControlFlow::Continue(());
                }
                if !stacked {
                    gathering.push(&bytes);
                } else if let Err(conflicts) = gathering.join(part) {
                    conflicts.into_iter().for_each(|conflict| self.conflict(conflict, diagnostics));
                }
                ControlFlow::Continue(())
            },
        );
        ledger.finish(diagnostics);
        if stacked {
            gathering.tail();
        }
        let Gathering { output, has_secrets, failure, stack: _ } = gathering;
        if let Some(failure) = failure {
            diagnostics.push(output_failed(&failure));
        }
        (!diagnostics.has_errors()).then_some(Rendered { has_secrets, content: Content::Whole(output) })
    }

    /// What comes before the first server: who made this from what, where the format has comments.
    fn head(&self) -> Vec<u8> {
        let mut head = Vec::new();
        match self.job.render.format {
            Format::Stack => Stack::head(&self.compiler.digest, &mut head),
            Format::Cli => {
                let version = env!("CARGO_PKG_VERSION");
                head.extend(format!("# swarmgen {version}, config sha256:{}\n", self.compiler.digest).bytes());
            }
            Format::Service | Format::Template => {}
        }
        head
    }

    fn piece(&self, range: Range<usize>) -> Piece {
        let mut piece = Piece::default();
        let pretty = matches!(self.users, Users::One(_));
        for index in range {
            let Some(server) = self.server(index, &mut piece.found) else { continue };
            piece.claims.add(self.compiler, index, &server);
            piece.has_secrets |= server.service.has_secrets();
            let emitted = match self.job.render.format {
                Format::Stack => piece.part.add(&server.service),
                Format::Service => {
                    self.job.service(&server.service, pretty).map(|bytes| piece.bytes.extend(&*Zeroizing::new(bytes)))
                }
                Format::Cli => self.job.command(&server.service).map(|bytes| piece.bytes.extend(bytes)),
                Format::Template => Ok(()),
            };
            for what in emitted.err().into_iter().flatten() {
                piece.found.push(refusal(what, &server.spec).about(&server.user));
            }
        }
        piece
    }

    /// What all servers claim; whose clash is told of is resolved again.
    fn ledger(&self) -> Ledger<'_, impl Fn(usize) -> Vec<Server<'c>>> {
        Ledger::new(self.compiler, |index| self.server(index, &mut Diagnostics::new()).into_iter().collect())
    }

    /// Two servers that define a volume differently, and that the ledger lets pass: both are resolved again.
    fn conflict(&self, mut conflict: Conflict, diagnostics: &mut Diagnostics) {
        let mut known = Diagnostics::new();
        let Some(second) = self.server(conflict.second, &mut known) else { return };
        let first = self.server(conflict.first, &mut known);
        if let Some(first) = &first {
            conflict.compare(&first.service, &second.service);
        }
        let mut diagnostic = refusal(conflict.what, &second.spec).about(&second.user);
        if let Some(first) = first {
            diagnostic = diagnostic.note(format!("user `{}` has the first definition", printable(&first.user)));
        }
        diagnostics.push(diagnostic);
    }

    /// The operator's template over all servers at once: it may want to loop over them.
    fn templated(self, destination: Destination, diagnostics: &mut Diagnostics) -> Option<Rendered<'c>> {
        let servers: Vec<Server<'_>> = (0..self.count()).filter_map(|index| self.server(index, diagnostics)).collect();
        let mut claims = Claims::default();
        servers.iter().enumerate().for_each(|(index, server)| claims.add(self.compiler, index, server));
        let mut ledger = self.ledger();
        ledger.join(claims, diagnostics);
        ledger.finish(diagnostics);
        if diagnostics.has_errors() {
            return None;
        }
        let bytes = self.fill(&servers, diagnostics)?;
        let has_secrets = servers.iter().any(|server| server.service.has_secrets());
        let mut gathering = Gathering::begin(destination, diagnostics)?;
        gathering.push(&bytes);
        if let Some(failure) = gathering.failure {
            diagnostics.push(output_failed(&failure));
            return None;
        }
        Some(Rendered { has_secrets, content: Content::Whole(gathering.output) })
    }

    fn fill(&self, servers: &[Server<'_>], diagnostics: &mut Diagnostics) -> Option<Zeroizing<Vec<u8>>> {
        let (name, text) = self.job.template.as_ref()?;
        let entries: Vec<template::Entry<'_>> = servers
            .iter()
            .map(|server| template::Entry {
                service: &server.service,
                spec: engine::body(&server.service, self.job.api, &self.job.ids).ok(),
            })
            .collect();
        match template::render(name, text, &entries) {
            Ok(text) => Some(Zeroizing::new(text.into_bytes())),
            Err(error) => {
                let id = self.compiler.sources().add(name.clone(), "", Author::Config, text.clone());
                let range = error.range.unwrap_or(0..0);
                let span = Span::new(id, range.start, range.end);
                diagnostics.push(Diagnostic::new(&code::OUTPUT_TEMPLATE, error.message).at(span, ""));
                None
            }
        }
    }

    /// A file for each server, in one directory.
    fn each(self, directory: PathBuf, diagnostics: &mut Diagnostics) -> Option<Rendered<'c>> {
        let mut has_secrets = false;
        let mut ledger = self.ledger();
        in_order(
            self.count(),
            |range| {
                let mut piece = Piece::default();
                for index in range {
                    let file = self.file(index, &mut piece.found, |server| {
                        piece.claims.add(self.compiler, index, server);
                    });
                    piece.has_secrets |= file.is_some_and(|file| file.has_secrets);
                }
                piece
            },
            |Piece { found, claims, has_secrets: secret, part: _, bytes: _ }| {
                diagnostics.merge(found);
                ledger.join(claims, diagnostics);
                has_secrets |= secret;
                ControlFlow::Continue(())
            },
        );
        ledger.finish(diagnostics);
        (!diagnostics.has_errors()).then_some(Rendered { has_secrets, content: Content::Each(directory, self) })
    }

    /// Writes a file for each server, none of which appears before all could be written.
    fn write_each(&self, directory: &Path) -> Result<(), Failure> {
        let mut files = Several::default();
        for index in 0..self.count() {
            let Some(file) = self.file(index, &mut Diagnostics::new(), |_| ()) else {
                let message = "a file or a secret changed while it was read".to_owned();
                return Err(Unwritable { message, help: "try again" }.into());
            };
            files.add(&directory.join(&file.name), &file.bytes, file.has_secrets)?;
        }
        files.appear()
    }

    /// The file of a user's server, which `look` is shown.
    fn file(&self, index: usize, diagnostics: &mut Diagnostics, look: impl FnOnce(&Server<'_>)) -> Option<File> {
        let server = self.server(index, diagnostics)?;
        look(&server);
        let service = &server.service;
        let emitted = match self.job.render.format {
            Format::Stack => compose::stack(std::slice::from_ref(service), &self.compiler.digest)
                .map_err(|refused| refused.into_iter().flat_map(|(_, what)| what).collect::<Vec<_>>()),
            Format::Service => self.job.service(service, true),
            Format::Cli => self.job.command(service).map(|command| [self.head(), command].concat()),
            Format::Template => Ok(std::mem::take(&mut *self.fill(std::slice::from_ref(&server), diagnostics)?)),
        };
        match emitted {
            Ok(bytes) => Some(File {
                name: format!("{}.{}", service.name, extension(self.job.render.format)),
                bytes: Zeroizing::new(bytes),
                has_secrets: service.has_secrets(),
            }),
            Err(refused) => {
                diagnostics.extend(refused.into_iter().map(|what| refusal(what, &server.spec).about(&server.user)));
                None
            }
        }
    }
}

/// One result while it grows; the first failure to write is kept.
struct Gathering {
    stack: Stack,
    output: Output,
    has_secrets: bool,
    failure: Option<Failure>,
}

impl Gathering {
    fn begin(destination: Destination, diagnostics: &mut Diagnostics) -> Option<Self> {
        match Output::begin(destination) {
            Ok(output) => Some(Self { stack: Stack::new(), output, has_secrets: false, failure: None }),
            Err(failure) => {
                diagnostics.push(output_failed(&failure));
                None
            }
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        if self.failure.is_none() {
            self.failure = self.output.push(bytes).err();
        }
    }

    fn push_last(&mut self, bytes: &[u8]) {
        if self.failure.is_none() {
            self.failure = self.output.push_last(bytes).err();
        }
    }

    fn join(&mut self, part: Part) -> Result<(), Vec<Conflict>> {
        let mut volumes = Zeroizing::new(Vec::new());
        let services = self.stack.join(part, &mut volumes)?;
        self.push(&services);
        self.push_last(&volumes);
        Ok(())
    }

    fn tail(&mut self) {
        let mut tail = Vec::new();
        self.stack.tail(&mut tail);
        self.push_last(&tail);
    }
}

pub(super) fn output_failed(failure: &Failure) -> Diagnostic {
    let new = |text| Diagnostic::new(&code::OUTPUT_FAILED, text);
    match failure {
        Failure::Other(error) | Failure::Usage(error) | Failure::NoEngine(error) => match error
            .downcast_ref::<Unwritable>()
        {
            Some(Unwritable { message, help }) => new(message.clone()).help(*help),
            None => new(format!("{error:#}")).help("make room or get access there, or name another place with `-o`"),
        },
        Failure::Input | Failure::Attention | Failure::NotConverged | Failure::BrokenPipe => {
            new("the output cannot be written".to_owned())
        }
    }
}
