//! Rules that a translated config breaks on purpose, as it does what the Python config did, and what is refused in it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::diag::code::{self, Kind};
use crate::diag::{Diagnostic, Diagnostics, Note, Severity};
use crate::resolve::Compiler;
use crate::resolve::document::Inputs;
use crate::source::{ReadError, SourceMap, World};

use super::draft::{Form, comment};

/// How often: a comment may bring another rule to light.
const ROUNDS: usize = 4;

/// A world that holds one config; the lists of users that it names are empty.
struct One<'a> {
    path: &'a Path,
    text: &'a str,
}

impl World for One<'_> {
    fn read(&self, path: &Path, _: Option<u64>) -> Result<Zeroizing<String>, ReadError> {
        Ok(Zeroizing::new(if path == self.path { self.text.to_owned() } else { String::new() }))
    }

    fn variable(&self, _: &str) -> Result<Zeroizing<String>, ReadError> {
        Err(ReadError::NoVariable)
    }

    fn output(&self, _: &[String], _: &Path) -> Result<Zeroizing<String>, ReadError> {
        Err(ReadError::NotFound)
    }
}

/// Something in a config that no comment can allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The line, from 1; 0 for the config as a whole.
    pub line: u32,
    /// What is wrong, with its code.
    pub message: String,
    /// What to do.
    pub help: String,
}

/// Allows, above the lines that break them, the rules whose level would keep the config from being used.
pub fn allowed(mut text: String, form: Form) -> String {
    for _ in 0..ROUNDS {
        let found = broken(&text, form);
        if found.is_empty() {
            break;
        }
        let mut out = String::with_capacity(text.len());
        for (number, line) in (1..).zip(text.split_inclusive('\n')) {
            for (rule, reason) in found.get(&number).into_iter().flatten() {
                let indent = line.len() - line.trim_start().len();
                comment(&format!("As the Python config has it: {reason}."), indent, &mut out);
                comment(&format!("swarmgen: allow({rule})"), indent, &mut out);
            }
            out.push_str(line);
        }
        text = out;
    }
    text
}

/// What keeps a config from being used all the same, besides what is not there to be read.
pub fn refused(text: &str, form: Form) -> Vec<Refused> {
    let outside = [&code::UNREADABLE, &code::SECRET_UNREADABLE];
    let (sources, diagnostics) = checked(text, form);
    let found = diagnostics.sorted().into_iter().filter(|diagnostic| {
        diagnostic.severity == Severity::Error && !outside.iter().any(|code| diagnostic.code.id == code.id)
    });
    let refused = found.map(|diagnostic| Refused {
        line: diagnostic.labels.first().map_or(0, |label| sources.position(label.span).line),
        message: format!("{} ({})", diagnostic.message, diagnostic.code.id),
        help: help(diagnostic),
    });
    refused.collect()
}

fn help(diagnostic: &Diagnostic) -> String {
    let help = diagnostic.notes.iter().find_map(|note| match note {
        Note::Help(text) => Some(text.clone()),
        Note::Note(_) => None,
    });
    help.unwrap_or_else(|| format!("see `swarmgen explain {}`", diagnostic.code.id))
}

/// By line, from 1, the rules that are errors there, and what each finds.
fn broken(text: &str, form: Form) -> BTreeMap<u32, Vec<(&'static str, String)>> {
    let (sources, diagnostics) = checked(text, form);
    let mut lines: BTreeMap<u32, Vec<(&'static str, String)>> = BTreeMap::new();
    for diagnostic in diagnostics.sorted() {
        let Some(label) = diagnostic.labels.first() else { continue };
        if diagnostic.severity == Severity::Error && diagnostic.code.kind == Kind::Lint {
            let rules = lines.entry(sources.position(label.span).line).or_default();
            if rules.iter().all(|(name, _)| *name != diagnostic.code.name) {
                rules.push((diagnostic.code.name, diagnostic.message.clone()));
            }
        }
    }
    lines
}

/// What is found in a config, whoever its users are.
fn checked(text: &str, form: Form) -> (SourceMap, Diagnostics) {
    let path = PathBuf::from(form.file());
    let world = One { path: &path, text };
    let (sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
    let inputs = Inputs { configs: vec![path.clone()], ..Inputs::default() };
    if let Some(compiler) = Compiler::load(&inputs, &world, &sources, &mut diagnostics) {
        compiler.check_config(&mut diagnostics);
        compiler.probe(&mut diagnostics);
    }
    (sources, diagnostics)
}
