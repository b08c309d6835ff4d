//! TOML text to a tree.
//!
//! The `toml` crate keeps all tokens and events of a text at once, which is twenty times the text; here the same
//! project's parser is given the tokens in batches, and its events become the tree at once.

mod batch;
mod builder;
mod errors;
mod tables;

use std::collections::HashSet;

use toml_parser::Source;
use toml_parser::parser::{ValidateWhitespace, parse_document};

use self::batch::{BATCH, Batches, Cut};
use self::builder::{Builder, Errors, Signals};
use super::assembly::{Assembly, Bound, MAX_FAULTS};
use super::{Fault, FaultKind, Node, SourceId, Span, Value};

/// Reads a TOML document.
///
/// # Errors
///
/// All faults that could be found; of a value of over some thousand tokens those up to the first of the grammar.
pub fn parse(id: SourceId, text: &str) -> Result<Node, Vec<Fault>> {
    parse_within(id, text, Bound::CONFIG)
}

/// Reads a TOML document that may hold so many values.
pub(super) fn parse_within(id: SourceId, text: &str, bound: Bound) -> Result<Node, Vec<Fault>> {
    parse_in_batches(id, text, bound, BATCH)
}

/// Reads a TOML document with batches of so many tokens.
fn parse_in_batches(id: SourceId, text: &str, bound: Bound, batch: usize) -> Result<Node, Vec<Fault>> {
    let mut assembly = Assembly::new(id, text, bound);
    let signals = Signals::default();
    let source = Source::new(text);
    let mut batches = Batches::new(source, batch);
    let mut errors = Errors::new(id, text, &signals);
    let mut builder = Builder::new(&mut assembly, &signals);
    let last = loop {
        let cut = batches.fill(&mut errors);
        signals.partial.set(matches!(cut, Cut::Comma | Cut::Anywhere));
        parse_document(batches.tokens(), &mut ValidateWhitespace::new(&mut builder, source), &mut errors);
        let full = errors.faults.len() >= MAX_FAULTS || builder.assembly.faults.len() >= MAX_FAULTS;
        if cut == Cut::End || full || signals.stopped.get() {
            break cut;
        }
        let broken = errors.last.is_some_and(|last| last >= batches.expression());
        match cut {
            Cut::Line => batches.clear(),
            Cut::Comma if !broken => signals.repeated.set(batches.resume()),
            _ => {
                let told = |fault: &Fault| fault.span.start as usize >= batches.expression();
                if !broken && !builder.assembly.faults.iter().any(told) {
                    let message = format!("more than {batch} words and signs without a comma or a new line");
                    let span = builder.assembly.character(batches.expression());
                    builder.assembly.fault(Fault::new(FaultKind::Syntax, span, message));
                }
                builder.abandon();
                batches.skip();
            }
        }
    };
    if last == Cut::End && !signals.stopped.get() {
        // The parser has not told if the value was skipped.
        errors.faults.extend(batches.open().map(|bracket| errors::unclosed(id, text, bracket.start())));
    }
    let root = builder.finish();
    let mut known = HashSet::new();
    for fault in errors.faults {
        assembly.fault(fault);
    }
    let mut faults = assembly.faults;
    faults.retain(|fault| known.insert((fault.span.start, fault.kind)));
    errors::settle_brackets(text, &mut faults);
    if !faults.is_empty() {
        return Err(faults);
    }
    match &root.value {
        Value::Map(map) if !map.is_empty() => Ok(root),
        _ => Err(vec![Fault::new(FaultKind::Empty, Span::new(id, 0, 0), "the document is empty")]),
    }
}

#[cfg(test)]
mod tests;
