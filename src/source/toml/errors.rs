//! The parser's errors in our words, at the places where the other syntaxes have them.

use toml_parser::{Expected, ParseError, Span as Range};

use crate::source::{Fault, FaultKind, SourceId, Span};

/// The bytes of an escape such as `\U0001F600`.
const LONGEST_ESCAPE: usize = 10;

fn syntax(id: SourceId, start: usize, end: usize, message: impl Into<String>) -> Fault {
    Fault::new(FaultKind::Syntax, Span::new(id, start, end), message)
}

/// The fault of a bracket that nothing closes.
pub(super) fn unclosed(id: SourceId, text: &str, bracket: usize) -> Fault {
    let open = text.get(bracket..bracket + 1).unwrap_or("[");
    syntax(id, bracket, bracket + 1, format!("unclosed `{open}`"))
}

/// An error of how tokens follow each other.
pub(super) fn of_grammar(id: SourceId, text: &str, error: &ParseError) -> Fault {
    let range = error.unexpected().unwrap_or_default();
    if let ("unclosed array" | "unclosed inline table", Some(bracket)) = (error.description(), error.context()) {
        return unclosed(id, text, bracket.start());
    }
    if range.is_empty()
        && let Some(bracket @ ("}" | "]")) = text.get(range.start()..range.start() + 1)
    {
        return syntax(id, range.start(), range.start() + 1, format!("a `{bracket}` that closes no bracket"));
    }
    syntax(id, range.start(), range.end(), message(error))
}

/// An error within a token.
pub(super) fn of_token(id: SourceId, text: &str, error: &ParseError, token: Range) -> Fault {
    let range = error.unexpected().unwrap_or(token);
    let message = message(error);
    let string = text.get(token.start()..).is_some_and(|text| text.starts_with(['"', '\'']));
    if string && range.is_empty() && range.start() == token.end() && message.contains(" string, expected") {
        return syntax(id, token.start(), token.end(), "unclosed string");
    }
    let before = range.start().saturating_sub(LONGEST_ESCAPE).max(token.start());
    let before = text.as_bytes().get(before..range.start()).unwrap_or(&[]);
    if (message.contains("escaped value") || message.contains("unicode"))
        && let Some(back) = before.iter().rev().position(|byte| *byte == b'\\')
    {
        let backslash = range.start() - back - 1;
        let letter = text.get(backslash + 1..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        return syntax(id, backslash, backslash + 1 + letter, "unknown escape in a string")
            .help("write a backslash as `\\\\`, or use single quotes");
    }
    if error.description() == "string values must be quoted" {
        return syntax(id, range.start(), range.end(), error.description()).help("put text in quotes");
    }
    syntax(id, range.start(), range.end(), message)
}

fn message(error: &ParseError) -> String {
    let Some(expected) = error.expected().filter(|expected| !expected.is_empty()) else {
        return error.description().to_owned();
    };
    let expected: Vec<_> = expected
        .iter()
        .map(|expected| match expected {
            Expected::Literal("\n") => "a new line".to_owned(),
            Expected::Literal(literal) => format!("`{literal}`"),
            Expected::Description(description) => (*description).to_owned(),
            _ => "something else".to_owned(),
        })
        .collect();
    format!("{}, expected {}", error.description(), expected.join(", "))
}

/// Drops what follows from an unclosed bracket, or the unclosed bracket if a wrong one closes it.
pub(super) fn settle_brackets(text: &str, faults: &mut Vec<Fault>) {
    let unclosed = |fault: &Fault| matches!(&*fault.message, "unclosed `[`" | "unclosed `{`");
    let Some(open) = faults.iter().filter(|fault| unclosed(fault)).map(|fault| fault.span.start).min() else { return };
    let inside = |fault: &Fault| fault.kind == FaultKind::Syntax && fault.span.start > open;
    let wrong = |fault: &Fault| {
        inside(fault) && text.get(fault.span.start as usize..).is_some_and(|text| text.starts_with(['}', ']']))
    };
    if faults.iter().any(wrong) {
        faults.retain(|fault| !unclosed(fault));
    } else {
        faults.retain(|fault| unclosed(fault) || !inside(fault));
    }
}
