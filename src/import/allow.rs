//! Rules that a translated config breaks on purpose: it does what the Python config did.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::diag::code::Kind;
use crate::diag::{Diagnostics, Severity};
use crate::resolve::Compiler;
use crate::resolve::document::Inputs;
use crate::source::{ReadError, SourceMap, World};

/// The name under which the text is checked.
const NAME: &str = "swarmgen.toml";

/// How often: a comment may bring another rule to light.
const ROUNDS: usize = 4;

/// A world that holds one text.
struct One<'a>(&'a str);

impl World for One<'_> {
    fn read(&self, path: &Path, _: Option<u64>) -> Result<Zeroizing<String>, ReadError> {
        if path == Path::new(NAME) { Ok(Zeroizing::new(self.0.to_owned())) } else { Err(ReadError::NotFound) }
    }

    fn variable(&self, _: &str) -> Result<Zeroizing<String>, ReadError> {
        Err(ReadError::NoVariable)
    }

    fn output(&self, _: &[String], _: &Path) -> Result<Zeroizing<String>, ReadError> {
        Err(ReadError::NotFound)
    }
}

/// Allows, above the lines that break them, the rules whose level would keep the config from being used.
pub fn allowed(mut text: String) -> String {
    for _ in 0..ROUNDS {
        let found = broken(&text);
        if found.is_empty() {
            break;
        }
        let mut out = String::with_capacity(text.len());
        for (number, line) in (1..).zip(text.split_inclusive('\n')) {
            for rule in found.get(&number).into_iter().flatten() {
                let indent = " ".repeat(line.len() - line.trim_start().len());
                out.push_str(&format!("{indent}# As the Python config has it.\n{indent}# swarmgen: allow({rule})\n"));
            }
            out.push_str(line);
        }
        text = out;
    }
    text
}

/// By line, from 1, the rules that are errors there.
fn broken(text: &str) -> BTreeMap<u32, Vec<&'static str>> {
    let world = One(text);
    let (sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
    let inputs = Inputs { configs: vec![PathBuf::from(NAME)], ..Inputs::default() };
    if let Some(compiler) = Compiler::load(&inputs, &world, &sources, &mut diagnostics) {
        compiler.check_config(&mut diagnostics);
        compiler.probe(&mut diagnostics);
    }
    let mut lines: BTreeMap<u32, Vec<&'static str>> = BTreeMap::new();
    for diagnostic in diagnostics.sorted() {
        let Some(label) = diagnostic.labels.first() else { continue };
        if diagnostic.severity == Severity::Error && diagnostic.code.kind == Kind::Lint {
            let rules = lines.entry(sources.position(label.span).line).or_default();
            if !rules.contains(&diagnostic.code.name) {
                rules.push(diagnostic.code.name);
            }
        }
    }
    lines
}
