//! The parser's set-up, and its errors in our words.

use granit_parser::{ErrorKind, Event, Parser, ScanError, Span as Place, options};

use crate::source::assembly::{Assembly, Stop};
use crate::source::{Fault, FaultKind, MAX_DEPTH, Span};

/// Far above what is ever let through, since depth is checked event by event: only keeps the parser's stacks small.
const BLOCK_LIMIT: usize = 4096;

/// The events of a text that may nest brackets so deep.
pub(super) fn events<'t>(
    text: &'t str,
    brackets: usize,
) -> impl Iterator<Item = Result<(Event<'t>, Place), ScanError>> {
    let options = options! {
        emit_comments: false,
        emit_unresolved_aliases: true,
        flow_nesting_limit: brackets,
        block_nesting_limit: BLOCK_LIMIT,
    };
    Parser::new_from_str_with_options(text, options)
}

/// Notes the fault of an error that came when so many block collections were open.
pub(super) fn broken(assembly: &mut Assembly<'_>, blocks: usize, error: &ScanError) -> Stop {
    // The scanner runs ahead of the events and knows only of brackets, so the place where all levels together are too
    // many has to be found with what the blocks have left.
    let text = assembly.text;
    let deeper = (blocks > 0)
        .then(|| events(text, MAX_DEPTH.saturating_sub(blocks)).find_map(Result::err))
        .flatten()
        .filter(|error| matches!(error.kind(), ErrorKind::RecursionLimitExceeded));
    let error = deeper.as_ref().unwrap_or(error);
    let at = error.marker().byte_offset().unwrap_or(text.len()).min(text.len());
    let span = assembly.character(at);
    if matches!(error.kind(), ErrorKind::RecursionLimitExceeded) {
        return assembly.too_deep(span);
    }
    let fault = describe(text, at, span, error);
    assembly.stop(fault)
}

fn describe(text: &str, at: usize, span: Span, error: &ScanError) -> Fault {
    let rest = text.get(at..).unwrap_or("");
    let line = rest.find(['\n', '\r']).unwrap_or(rest.len());
    let syntax = |span: Span, message: &str| Fault::new(FaultKind::Syntax, span, message);
    match error.kind() {
        ErrorKind::UnclosedQuotedScalar => syntax(Span::new(span.source, at, at + line), "unclosed string"),
        ErrorKind::UnclosedFlowCollection { open } => syntax(span, &format!("unclosed `{open}`")),
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => {
            // The error stands at the bracket that opens.
            let end = at + wrong_bracket(rest).unwrap_or(0);
            syntax(Span::new(span.source, end, end + 1), &format!("`{close}` closes a `{open}`"))
        }
        ErrorKind::UnexpectedCharacter { character } => {
            syntax(span, &format!("a value cannot start with `{}`", character.escape_debug()))
                .help("put the value in quotes")
        }
        ErrorKind::UnknownQuotedScalarEscape
        | ErrorKind::InvalidQuotedScalarHexEscape
        | ErrorKind::InvalidLowSurrogateHexEscape
        | ErrorKind::InvalidLowSurrogate
        | ErrorKind::MissingLowSurrogate
        | ErrorKind::UnpairedLowSurrogate
        | ErrorKind::InvalidUnicodeEscape => {
            // The error stands at the string's start.
            let escape = bad_escape(rest).unwrap_or(0);
            let letter = rest.get(escape + 1..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
            let start = at + escape;
            syntax(Span::new(span.source, start, start + 1 + letter), "unknown escape in a string")
                .help("write a backslash as `\\\\`, or use single quotes")
        }
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart => syntax(span, "a tab where spaces are needed").help("indent with spaces"),
        ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement => {
            syntax(span, "a `:` where no key can be").help("put text with a colon in quotes")
        }
        ErrorKind::ExpectedBlockMappingKey | ErrorKind::ExpectedBlockSequenceEntry => {
            syntax(span, "this line belongs to nothing above it").help("indent it as far as what it stands beside")
        }
        _ if rest.starts_with(',') => syntax(span, "a `,` with no value before it"),
        kind => syntax(span, kind.to_string().trim_end_matches('.')),
    }
}

/// The offset of the bracket that ends the flow collection at the start of a text, quoted text left aside.
fn wrong_bracket(text: &str) -> Option<usize> {
    let mut open = 0;
    let mut quote = None;
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (Some('"'), '\\') if !escaped => escaped = true,
            (Some(own), _) => {
                if character == own && !escaped {
                    quote = None;
                }
                escaped = false;
            }
            (None, '"' | '\'') => quote = Some(character),
            (None, '[' | '{') => open += 1,
            (None, ']' | '}') if open == 1 => return Some(at),
            (None, ']' | '}') => open -= 1,
            _ => {}
        }
    }
    None
}

/// The offset of the first escape in a double-quoted string that YAML does not know.
fn bad_escape(string: &str) -> Option<usize> {
    let bytes = string.as_bytes();
    let mut at = 1;
    loop {
        at += bytes.get(at..)?.iter().position(|byte| *byte == b'\\')?;
        let digits = match bytes.get(at + 1)? {
            b'x' => 2,
            b'u' => 4,
            b'U' => 8,
            b'0' | b'a' | b'b' | b't' | b'\t' | b'n' | b'v' | b'f' | b'r' | b'e' | b' ' | b'"' | b'/' | b'\\'
            | b'N' | b'_' | b'L' | b'P' | b'\n' | b'\r' => 0,
            _ => return Some(at),
        };
        let code = string.get(at + 2..at + 2 + digits);
        let number = code.and_then(|code| u32::from_str_radix(code, 16).ok());
        // Halves of a surrogate pair come in twos; a lone one is what is wrong.
        let pair = number.is_some_and(|code| (0xd800..0xdc00).contains(&code))
            && string.get(at + 6..at + 8) == Some("\\u")
            && string
                .get(at + 8..at + 12)
                .and_then(|code| u32::from_str_radix(code, 16).ok())
                .is_some_and(|low| (0xdc00..0xe000).contains(&low));
        if pair {
            at += 12;
        } else if digits == 0 || number.and_then(char::from_u32).is_some() {
            at += 2 + digits;
        } else {
            return Some(at);
        }
    }
}
