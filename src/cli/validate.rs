//! `swarmgen validate`.

mod cluster;
mod fix;

use std::path::Path;
use std::sync::Arc;

use anyhow::anyhow;

use crate::diag::render::visible;
use crate::diag::{Counts, Diagnostics};
use crate::resolve::document::Inputs;
use crate::resolve::{Compiler, Request};
use crate::source::{Disk, Source, SourceMap, World};
use crate::spawner::form::check_template;

use super::args::{Global, Validate};
use super::error::Failure;
use super::ui::Ui;
use super::{config, ui};
use fix::Mended;

/// Checks a config and says what it found.
pub(super) fn run(validate: &Validate, global: &Global, ui: &Ui) -> Result<(), Failure> {
    let mut diagnostics = Diagnostics::new();
    let inputs = config::inputs(global, &validate.configs, &mut diagnostics);
    if let Some(inputs) = inputs.as_ref().filter(|_| validate.fix || validate.diff) {
        return mend(validate, inputs, ui);
    }
    let sources = SourceMap::new();
    let checked = match inputs {
        Some(inputs) => check(validate, &inputs, &Disk, &sources, &mut diagnostics),
        None => Ok(None),
    };
    tell(checked?, &diagnostics, &sources, ui)
}

/// Checks, mends and checks again until nothing more can be mended.
fn mend(validate: &Validate, inputs: &Inputs, ui: &Ui) -> Result<(), Failure> {
    if inputs.configs.iter().any(|path| path == Path::new("-")) {
        let message = "a config from standard input cannot be mended: put it in a file for `--fix` or `--diff`";
        return Err(Failure::Usage(anyhow!(message)));
    }
    if validate.diff && ui.writes_to_stdout() {
        let message = "`--diff` and the findings would share standard output: use `--message-format human` or `short`";
        return Err(Failure::Usage(anyhow!(message)));
    }
    let mut mended = Mended::default();
    let mut first = None;
    let mut round = 0;
    let (checked, diagnostics, sources) = loop {
        let sources = SourceMap::new();
        let mut diagnostics = Diagnostics::new();
        let checked = check(validate, inputs, &mended, &sources, &mut diagnostics)?;
        let changed = round < fix::ROUNDS && mended.mend(&inputs.configs, &sources, &diagnostics);
        round += 1;
        if !changed {
            break (checked, diagnostics, sources);
        }
        if first.is_none() {
            first = Some((checked, diagnostics, sources));
        }
    };
    let last = (checked, diagnostics, sources);
    if validate.fix {
        for (path, count) in mended.changed() {
            mended.write(path)?;
            ui.note(&format!("fixed {} in {}", self::count(count, "problem"), visible(&path.display().to_string())));
        }
    }
    if validate.diff {
        ui::result(mended.diff().as_bytes())?;
    }
    // Without `--fix` the files are as they were, and so is what is wrong with them.
    let (checked, diagnostics, sources) = if validate.fix { last } else { first.unwrap_or(last) };
    tell(checked, &diagnostics, &sources, ui)
}

/// Shows what was found.
fn tell(checked: Option<String>, diagnostics: &Diagnostics, sources: &SourceMap, ui: &Ui) -> Result<(), Failure> {
    let mut read: Vec<Arc<Source>> = sources.all();
    read.dedup_by(|next, own| next.name() == own.name());
    read.iter().for_each(|source| ui.detail(&format!("read {}", visible(source.name()))));
    ui.report_result(diagnostics, sources)?;
    let counts = diagnostics.counts();
    let found = (counts != Counts::default()).then(|| counts.to_string());
    match (checked, found) {
        (Some(_), _) | (None, None) if diagnostics.has_errors() => Err(Failure::Input),
        (Some(checked), None) => {
            ui.note(&format!("{checked}: no errors, no warnings"));
            Ok(())
        }
        (Some(checked), Some(found)) => {
            ui.note(&format!("{checked}: {found}"));
            Ok(())
        }
        (None, found) => {
            if let Some(found) = found {
                ui.note(&found);
            }
            Err(Failure::Input)
        }
    }
}

/// Says what was checked; `None` if there were errors.
fn check(
    validate: &Validate,
    inputs: &Inputs,
    world: &dyn World,
    sources: &SourceMap,
    diagnostics: &mut Diagnostics,
) -> Result<Option<String>, Failure> {
    let Some(compiler) = Compiler::load(inputs, world, sources, diagnostics) else { return Ok(None) };
    let request = Request { stack: validate.stack.as_deref(), ..Request::default() };
    let profiles = count(compiler.profile_names().count(), "profile");
    compiler.check_config(diagnostics);
    check_template(&compiler, diagnostics);
    let checked = if let Some(name) = &validate.user {
        let Some(user) = compiler.user(name, diagnostics) else { return Ok(None) };
        compiler.check_user(&user, &request, diagnostics);
        format!("checked {profiles} for 1 user")
    } else if compiler.roster.is_empty() {
        compiler.probe(diagnostics);
        format!("checked {profiles}")
    } else {
        compiler.check_all(&request, diagnostics);
        format!("checked {profiles} for {}", count(compiler.roster.len(), "user"))
    };
    if validate.cluster && !diagnostics.has_errors() {
        cluster::compare(&compiler, validate.user.as_deref(), &validate.engine, diagnostics)?;
    }
    // Of a server with an error not all is known that its comments may be for.
    if validate.user.is_none() && !diagnostics.has_errors() {
        diagnostics.extend(compiler.unused_comments());
    }
    if !diagnostics.is_empty() {
        compiler.mark_secrets();
    }
    Ok((!diagnostics.has_errors()).then_some(checked))
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
