//! `swarmgen validate`.

use crate::diag::{Counts, Diagnostics};
use crate::resolve::{Compiler, Request};
use crate::source::{Disk, SourceMap};

use super::args::{Global, Validate};
use super::config;
use super::error::Failure;
use super::ui::Ui;

/// Checks a config and says what it found.
pub(super) fn run(validate: &Validate, global: &Global, ui: &Ui) -> Result<(), Failure> {
    let sources = SourceMap::new();
    let mut diagnostics = Diagnostics::new();
    let checked = check(validate, global, &sources, &mut diagnostics);
    ui.report_result(&diagnostics, &sources)?;
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
fn check(validate: &Validate, global: &Global, sources: &SourceMap, diagnostics: &mut Diagnostics) -> Option<String> {
    let inputs = config::inputs(global, &validate.configs, diagnostics)?;
    let compiler = Compiler::load(&inputs, &Disk, sources, diagnostics)?;
    let request = Request { stack: validate.stack.as_deref(), ..Request::default() };
    let profiles = count(compiler.profile_names().count(), "profile");
    compiler.check_config(diagnostics);
    let checked = if let Some(name) = &validate.user {
        let user = compiler.user(name, diagnostics)?;
        compiler.check_user(&user, &request, diagnostics);
        format!("checked {profiles} for 1 user")
    } else if compiler.roster.is_empty() {
        compiler.probe(diagnostics);
        format!("checked {profiles}")
    } else {
        compiler.check_all(&request, diagnostics);
        format!("checked {profiles} for {}", count(compiler.roster.len(), "user"))
    };
    if validate.user.is_none() {
        diagnostics.extend(compiler.unused_comments());
    }
    if !diagnostics.is_empty() {
        compiler.mark_secrets();
    }
    (!diagnostics.has_errors()).then_some(checked)
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
