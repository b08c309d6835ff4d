//! The parser's errors in our words, at the places where the other syntaxes have them.

use std::collections::HashMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue, Error};

use super::repeat;
use crate::source::assembly::{Assembly, MAX_FAULTS, duplicate};
use crate::source::{Fault, FaultKind, MAX_DEPTH, Span};

/// The bytes of an escape such as `\U0001F600`.
const LONGEST_ESCAPE: usize = 10;

/// Where the recovered tree has quotes and brackets.
#[derive(Default)]
struct Tokens {
    /// The start of the string that ends at an offset.
    strings: HashMap<usize, usize>,
    /// Arrays and inline tables, each before those within it.
    brackets: Vec<Range<usize>>,
}

impl Tokens {
    fn of(tree: &DeTable<'_>, text: &str) -> Self {
        let mut tokens = Self::default();
        tree.values().for_each(|value| tokens.take(value, text));
        tokens
    }

    fn take(&mut self, value: &Spanned<DeValue<'_>>, text: &str) {
        let span = value.span();
        match text.as_bytes().get(span.start) {
            Some(b'"' | b'\'') => {
                self.strings.insert(span.end, span.start);
            }
            Some(b'[' | b'{') => self.brackets.push(span),
            _ => {}
        }
        match value.get_ref() {
            DeValue::Table(table) => table.values().for_each(|value| self.take(value, text)),
            DeValue::Array(items) => items.iter().for_each(|value| self.take(value, text)),
            _ => {}
        }
    }
}

fn unclosed(error: &Error) -> bool {
    error.message().starts_with("unclosed array") || error.message().starts_with("unclosed inline table")
}

/// Notes the parser's errors, in our words and at the places where the other syntaxes have them.
pub(super) fn explain(assembly: &mut Assembly<'_>, tree: &DeTable<'_>, errors: &[Error]) {
    let known = assembly.faults.iter().any(|fault| fault.kind == FaultKind::TooDeep);
    if let Some(error) = errors.iter().find(|error| recursion(error)).filter(|_| !known) {
        note_depth(assembly, error);
    }
    let errors = errors.get(..MAX_FAULTS).unwrap_or(errors);
    let tokens = Tokens::of(tree, assembly.text);
    // What the recovered tree holds in an error's place is made up.
    let broken: Vec<_> = errors.iter().filter_map(Error::span).collect();
    let made_up =
        |span: Span| broken.iter().any(|error| error.start <= span.end as usize && span.start as usize <= error.end);
    assembly.faults.retain(|fault| fault.kind == FaultKind::TooDeep || !made_up(fault.span));
    let deepest = assembly.faults.iter().find(|fault| fault.kind == FaultKind::TooDeep).map(|fault| fault.span.start);
    let mut repeats = Vec::new();
    for error in errors.iter().filter(|error| !recursion(error)) {
        let range = error.span().unwrap_or(0..0);
        if deepest.is_some_and(|start| start as usize <= range.start) {
            continue;
        }
        if error.message() == "duplicate key" || error.message().ends_with("with a dotted key") {
            repeats.push(range);
        } else {
            let fault = syntax(assembly, &tokens, errors, error);
            if !assembly.faults.iter().any(|known| known.span.start == fault.span.start && known.kind == fault.kind) {
                assembly.fault(fault);
            }
        }
    }
    settle_brackets(assembly);
    let firsts = repeat::firsts(assembly.text, &repeats);
    for (repeat, first) in repeats.into_iter().zip(firsts) {
        let key = repeat::decode(assembly.text, repeat.clone());
        let fault = duplicate(&key, assembly.span(repeat.start, repeat.end));
        match first {
            repeat::First::At(first) => {
                let first = assembly.span(first.start, first.end);
                assembly.fault(fault.and(first, "first set here"));
            }
            repeat::First::Unknown => assembly.fault(fault),
            repeat::First::WithinAnother => {}
        }
    }
}

fn recursion(error: &Error) -> bool {
    error.message().contains("recursion")
}

/// Notes the place where nesting becomes too deep for us, of an error of the parser, which bears more.
fn note_depth(assembly: &mut Assembly<'_>, error: &Error) {
    let Some(range) = error.span() else {
        let range = dotted_line(assembly.text);
        let span = assembly.span(range.start, range.end);
        let _ = assembly.too_deep(span);
        return;
    };
    // It drops the value that it gives up on, but keeps one that ends too early.
    let (tree, _) = DeTable::parse_recoverable(assembly.text.get(..range.start).unwrap_or(""));
    let mut shorter = Assembly::new(assembly.id, assembly.text, usize::MAX);
    let _ = super::grow_table(&mut shorter, tree.get_ref(), assembly.span(0, 0), 1);
    match shorter.faults.into_iter().find(|fault| fault.kind == FaultKind::TooDeep) {
        Some(fault) => assembly.stop(fault),
        None => assembly.too_deep(assembly.span(range.start, range.end)),
    };
}

/// Drops what follows from an unclosed bracket, or the unclosed bracket if a wrong one closes it.
fn settle_brackets(assembly: &mut Assembly<'_>) {
    let unclosed = |fault: &Fault| fault.message.starts_with("unclosed") && !fault.message.ends_with("string");
    let Some(open) = assembly.faults.iter().find(|fault| unclosed(fault)).map(|fault| fault.span.start) else { return };
    let text = assembly.text;
    let inside = |fault: &Fault| fault.kind == FaultKind::Syntax && fault.span.start > open;
    let wrong = |fault: &Fault| {
        inside(fault) && text.get(fault.span.start as usize..).is_some_and(|text| text.starts_with(['}', ']']))
    };
    if assembly.faults.iter().any(wrong) {
        assembly.faults.retain(|fault| !unclosed(fault));
    } else {
        assembly.faults.retain(|fault| unclosed(fault) || !inside(fault));
    }
}

/// The line with a key of too many parts, of which the parser does not tell the place.
fn dotted_line(text: &str) -> Range<usize> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if line.bytes().filter(|byte| *byte == b'.').count() >= MAX_DEPTH {
            let lead = line.len() - line.trim_start().len();
            return start + lead..start + lead + 1;
        }
        start += line.len();
    }
    0..0
}

/// One error of the grammar.
fn syntax(assembly: &Assembly<'_>, tokens: &Tokens, errors: &[Error], error: &Error) -> Fault {
    let range = error.span().unwrap_or(0..0);
    let message = error.message();
    let fault = |start, end, message: &str| Fault::new(FaultKind::Syntax, assembly.span(start, end), message);
    let unclosed_string = range.is_empty() && message.starts_with("invalid") && message.contains(" string, expected");
    if let Some(start) = tokens.strings.get(&range.start).filter(|_| unclosed_string) {
        return fault(*start, range.end, "unclosed string");
    }
    if unclosed(error) {
        let count = errors.iter().filter(|other| unclosed(other) && other.span() == error.span()).count();
        // Of the brackets that reach to the end, the inner ones may be closed.
        let mut reach =
            tokens.brackets.iter().filter(|bracket| bracket.start < range.start && bracket.end >= range.start);
        if let Some(bracket) = reach.nth(count - 1) {
            let open = assembly.text.get(bracket.start..bracket.start + 1).unwrap_or("[");
            return fault(bracket.start, bracket.start + 1, &format!("unclosed `{open}`"));
        }
    }
    let escape = message.contains("escaped value") || message.contains("unicode");
    let before = assembly.text.get(..range.start).and_then(|text| text.rfind('\\'));
    if let Some(backslash) = before.filter(|at| escape && range.start - at <= LONGEST_ESCAPE) {
        let next = assembly.character(backslash + 1);
        return fault(backslash, next.end as usize, "unknown escape in a string")
            .help("write a backslash as `\\\\`, or use single quotes");
    }
    if range.is_empty()
        && let Some(bracket @ ("}" | "]")) = assembly.text.get(range.start..range.start + 1)
    {
        return fault(range.start, range.start + 1, &format!("a `{bracket}` that closes no bracket"));
    }
    let found = fault(range.start, range.end, message.split(", expected literal string").next().unwrap_or(message));
    if message.starts_with("string values must be quoted") { found.help("put text in quotes") } else { found }
}
