//! `swarmgen explain`.

use std::fmt::Write as _;

use anyhow::anyhow;

use crate::diag::code;
use crate::diag::render::visible;
use crate::diag::{Counts, Diagnostics, Severity, closest};
use crate::resolve::origin::{NoOrigin, Origin};
use crate::resolve::{Compiler, Request};
use crate::source::{Disk, SourceMap};

use super::args::{Explain, Global};
use super::error::Failure;
use super::ui::Ui;
use super::{config, ui};

/// Explains a code, or where a user's value comes from.
pub(super) fn run(explain: &Explain, global: &Global, ui: &Ui) -> Result<(), Failure> {
    match &explain.user {
        Some(user) => value(explain, user, global, ui),
        None => ui::result(page(&explain.subject)?.as_bytes()),
    }
}

/// What is known of a code.
fn page(subject: &str) -> Result<&'static str, Failure> {
    let Some(code) = code::find(subject) else {
        let near = closest(subject, code::ALL.iter().flat_map(|code| [code.name, code.id]));
        let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        let subject = visible(subject);
        let hint = "docs/diagnostics.md lists the codes, `--user NAME` explains a value";
        return Err(Failure::Other(anyhow!("no code or rule is called `{subject}`{near} ({hint})")));
    };
    Ok(code.page)
}

/// Where a value comes from.
fn value(explain: &Explain, user: &str, global: &Global, ui: &Ui) -> Result<(), Failure> {
    let sources = SourceMap::new();
    let mut diagnostics = Diagnostics::new();
    let found = find(explain, user, global, &sources, &mut diagnostics);
    ui.report_from(Severity::Warning, &diagnostics, &sources);
    match found {
        Some(Ok(origin)) => ui::result(shown(&origin, &sources).as_bytes()),
        Some(Err(NoOrigin::Unset(near))) => {
            let near = near.map(|near| format!("; did you mean `{}`?", visible(&near))).unwrap_or_default();
            Err(Failure::Other(anyhow!("nothing sets `{}`{near}", visible(&explain.subject))))
        }
        Some(Err(NoOrigin::Found)) | None => {
            ui.note(&Counts { notes: 0, ..diagnostics.counts() }.to_string());
            Err(Failure::Input)
        }
    }
}

fn find(
    explain: &Explain,
    user: &str,
    global: &Global,
    sources: &SourceMap,
    diagnostics: &mut Diagnostics,
) -> Option<Result<Origin, NoOrigin>> {
    let inputs = config::inputs(global, &[], diagnostics)?;
    let compiler = Compiler::load(&inputs, &Disk, sources, diagnostics)?;
    let options = match &explain.user_options {
        Some(path) => Some(config::data_file(path, &Disk, sources, diagnostics)?),
        None => None,
    };
    let user = compiler.user(user, diagnostics)?;
    let request = Request { profile: explain.profile.as_deref(), options: options.as_ref(), ..Request::default() };
    Some(compiler.origin(&user, &request, &explain.subject, diagnostics))
}

/// The value, then a line for each layer; `>` marks what holds.
fn shown(origin: &Origin, sources: &SourceMap) -> String {
    let mut text = match &origin.value {
        Some(value) => format!("{} = {}\n\n", visible(&origin.path), visible(value)),
        None => format!("{} is not set\n\n", visible(&origin.path)),
    };
    let places: Vec<String> = origin
        .layers
        .iter()
        .map(|says| {
            let position = sources.position(says.span);
            let source = sources.get(says.span.source);
            format!("{}:{}:{}", visible(source.name()), position.line, position.column)
        })
        .collect();
    let width = |texts: &mut dyn Iterator<Item = &String>| texts.map(|text| text.chars().count()).max().unwrap_or(0);
    let name_width = width(&mut origin.layers.iter().map(|says| &says.layer));
    let place_width = width(&mut places.iter());
    for (says, place) in origin.layers.iter().zip(&places) {
        let mark = if says.holds { '>' } else { ' ' };
        let value = says.value.as_deref().map_or("takes it away".into(), visible);
        let _ = writeln!(text, "{mark} {:name_width$}  {place:place_width$}  {value}", says.layer);
    }
    text
}
