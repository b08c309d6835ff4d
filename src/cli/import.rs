//! `swarmgen import`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use serde_json::json;
use zeroize::Zeroizing;

use crate::diag::render::visible;
use crate::diag::{Counts, Diagnostics, Severity};
use crate::import::allow;
use crate::import::draft::Form;
use crate::import::python::{self, Program};
use crate::import::recording::{Kind, Recording};
use crate::import::report::{Fate, Item, Origin, Report};
use crate::import::translate::translate;
use crate::import::version;
use crate::source::{Disk, ReadError, SourceMap, World};

use super::args::live::EngineArgs;
use super::args::server::ServerArgs;
use super::args::{Format, Global, Import, ImportForm, ImportReport, Render};
use super::error::Failure;
use super::ui::Ui;
use super::{output, render, ui};

/// Translates a Python config.
pub(super) fn run(import: &Import, global: &Global, ui: &Ui) -> Result<(), Failure> {
    let output = import.output.as_deref().filter(|path| *path != Path::new("-"));
    if let Some(path) = output.filter(|path| !import.force && path.exists()) {
        return Err(Failure::Other(anyhow!("`{}` exists: use --force to replace it", path.display())));
    }
    let form = form(import, output)?;
    let recording = record(import, ui)?;
    let told = version::told(&recording);
    let mut imported = translate(&recording.settings_for_translation(), told.dialect);
    told.explain(&mut imported);
    let report = &mut imported.report;
    for (name, origin) in &recording.missing {
        report.items.push(Item {
            fate: Fate::Left,
            origin: origin.clone(),
            subject: "load_subconfig".to_owned(),
            message: format!("`{}` is not there", visible(name)),
            advice: "import where the hub runs, so that its settings come along".to_owned(),
        });
    }
    if let Some(spawner) = recording.spawner.as_ref().filter(|spawner| spawner.kind() == Kind::Other) {
        report.items.push(Item {
            fate: Fate::Left,
            origin: spawner.origin.clone(),
            subject: "c.JupyterHub.spawner_class".to_owned(),
            message: format!("is `{}`, which is no spawner for Docker that is known here", visible(&spawner.name)),
            advice: "write by hand what its settings mean for a Swarm service".to_owned(),
        });
    }
    let head = [format!("Imported from {} by swarmgen {}.", import.file.display(), env!("CARGO_PKG_VERSION"))];
    let text = imported.text(&head, form);
    let mut report = imported.report;
    if import.check {
        return check(import, global, ui, form, text);
    }
    report.items.extend(refused(&text, form, output));
    match output {
        Some(path) => output::write_file(path, text.as_bytes(), false)?,
        None => ui::result(text.as_bytes())?,
    }
    match import.report {
        ImportReport::Json => ui.document(&report_json(&recording, &report)),
        ImportReport::Human => {
            report.items.iter().for_each(|item| ui.note(&line(item)));
            if let Some(path) = output {
                ui.note(&format!("wrote {}", path.display()));
            }
            if let Some(counts) = counts(&report) {
                ui.note(&counts);
            }
        }
    }
    if report.needs_a_person() { Err(Failure::Attention) } else { Ok(()) }
}

/// The syntax of the config: the one asked for, or that of the file's name.
fn form(import: &Import, output: Option<&Path>) -> Result<Form, Failure> {
    if let Some(form) = import.format {
        return Ok(match form {
            ImportForm::Toml => Form::Toml,
            ImportForm::Yaml => Form::Yaml,
        });
    }
    let extension = output.filter(|_| !import.check).and_then(Path::extension).and_then(|extension| extension.to_str());
    match extension.map(str::to_ascii_lowercase).as_deref() {
        Some("yaml" | "yml") => Ok(Form::Yaml),
        Some("json") => {
            Err(Failure::Other(anyhow!("a config in JSON has no room for comments: name a file in `.toml` or `.yaml`")))
        }
        _ => Ok(Form::Toml),
    }
}

/// What keeps the config that was made from being used, for a person to mend.
fn refused(text: &str, form: Form, output: Option<&Path>) -> impl Iterator<Item = Item> {
    let name = output.map_or_else(|| form.file().to_owned(), |path| path.display().to_string());
    allow::refused(text, form).into_iter().map(move |refused| Item {
        fate: Fate::Left,
        origin: Origin::default(),
        subject: if refused.line == 0 { name.clone() } else { format!("{name}:{}", refused.line) },
        message: refused.message,
        advice: refused.help,
    })
}

/// Runs the Python config, and tells what is wrong with it.
fn record(import: &Import, ui: &Ui) -> Result<Recording, Failure> {
    let sources = SourceMap::new();
    let mut diagnostics = Diagnostics::new();
    let python = import.python.clone().unwrap_or_else(|| PathBuf::from("python3"));
    let program = Program { file: &import.file, python: &python, timeout: import.timeout };
    let run = program.run(&sources);
    for line in run.printed.lines() {
        ui.detail(&format!("{}: {}", import.file.display(), visible(line)));
    }
    let recording = match run.recording {
        Ok(recording) => {
            // The report for programs tells it itself, and stands alone.
            if import.report == ImportReport::Human {
                diagnostics.extend(python::printed(&recording, &sources));
            }
            Some(recording)
        }
        Err(diagnostic) => {
            let lines = run.printed.lines().count();
            diagnostics.push(match lines {
                0 => *diagnostic,
                _ if ui.is_verbose() => *diagnostic,
                1 => diagnostic.note("Python printed a line: `--verbose` shows it"),
                _ if run.printed.len() as u64 >= python::MOST_PRINTED => {
                    diagnostic.note(format!("Python printed over {lines} lines: `--verbose` shows the first"))
                }
                _ => diagnostic.note(format!("Python printed {lines} lines: `--verbose` shows them")),
            });
            None
        }
    };
    ui.report_from(Severity::Note, &diagnostics, &sources);
    let Some(recording) = recording else {
        ui.note(&Counts { notes: 0, ..diagnostics.counts() }.to_string());
        return Err(Failure::Input);
    };
    if !recording.stood_in_for.is_empty() {
        ui.detail(&format!("not installed, and stood in for: {}", visible(&recording.stood_in_for.join(", "))));
    }
    Ok(recording)
}

/// An item of the report on one line.
fn line(item: &Item) -> String {
    let Item { fate, origin, subject, message, advice } = item;
    let place = if origin.file.as_os_str().is_empty() { String::new() } else { format!("{origin}: ") };
    let fate = match fate {
        Fate::Left => "left",
        Fate::Mended => "mended",
        Fate::Stays => "stays",
    };
    visible(&format!("{place}{fate}: {subject}: {message}; {advice}")).into_owned()
}

/// How many items there are of each fate.
fn counts(report: &Report) -> Option<String> {
    let mut text = String::new();
    for (fate, words) in [(Fate::Left, "for you to look at"), (Fate::Mended, "mended"), (Fate::Stays, "the hub's own")]
    {
        let count = report.items.iter().filter(|item| item.fate == fate).count();
        if count > 0 {
            let _ = write!(text, "{}{count} {words}", if text.is_empty() { "" } else { ", " });
        }
    }
    Some(text).filter(|text| !text.is_empty())
}

fn report_json(recording: &Recording, report: &Report) -> String {
    let items = report.items.iter().map(|item| {
        let fate = match item.fate {
            Fate::Left => "left",
            Fate::Mended => "mended",
            Fate::Stays => "stays",
        };
        let file = Some(item.origin.file.display().to_string()).filter(|file| !file.is_empty());
        let line = Some(item.origin.line).filter(|line| *line > 0);
        json!({
            "fate": fate, "file": file, "line": line,
            "subject": item.subject, "message": item.message, "advice": item.advice,
        })
    });
    let document = json!({
        "version": 1,
        "python": recording.python,
        "spawner": recording.spawner.as_ref().map(|spawner| format!("{}.{}", spawner.module, spawner.name)),
        "files": recording.files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>(),
        "stood_in_for": recording.stood_in_for,
        "printed": recording.printed.as_ref().map(ToString::to_string),
        "needs_a_person": report.needs_a_person(),
        "items": items.collect::<Vec<_>>(),
    });
    format!("{document:#}\n")
}

/// A world with one more file: the config that was made.
struct WithConfig {
    path: PathBuf,
    text: String,
}

impl World for WithConfig {
    fn read(&self, path: &Path, limit: Option<u64>) -> Result<Zeroizing<String>, ReadError> {
        if path == self.path { Ok(Zeroizing::new(self.text.clone())) } else { Disk.read(path, limit) }
    }

    fn variable(&self, name: &str) -> Result<Zeroizing<String>, ReadError> {
        Disk.variable(name)
    }

    fn output(&self, command: &[String], directory: &Path) -> Result<Zeroizing<String>, ReadError> {
        Disk.output(command, directory)
    }
}

/// Writes the ServiceSpec of one user's server.
fn check(import: &Import, global: &Global, ui: &Ui, form: Form, text: String) -> Result<(), Failure> {
    let path = import.file.with_file_name(form.file());
    let global = Global { config: vec![path.clone()], ..global.clone() };
    let render = Render {
        user: import.user.clone(),
        all: false,
        server: ServerArgs { set: import.set.clone(), hub_env: import.hub_env.clone(), ..ServerArgs::default() },
        format: Format::Service,
        template: None,
        stack: None,
        ids: import.ids.clone(),
        cluster: false,
        api: Some(import.api.clone()),
        output: import.output.clone(),
        show_secrets: import.show_secrets,
        engine: EngineArgs::default(),
    };
    render::run_in(&render, &global, ui, &WithConfig { path, text })
}
