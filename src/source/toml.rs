//! TOML text to a tree.

mod repeat;

use toml::Spanned;
use toml::de::{DeTable, DeValue, Error};

use super::assembly::{Assembly, Stop, Table, duplicate};
use super::{Fault, FaultKind, MAX_NODES, Node, SourceId, Span, Value};

/// The longest text, in bytes, of which all errors are gathered: the parser keeps one for every stray byte.
const RECOVERABLE: usize = 4 << 20;

/// Reads a TOML document.
///
/// # Errors
///
/// All faults that could be found; of a text over 4 MiB the first one of the grammar.
pub fn parse(id: SourceId, text: &str) -> Result<Node, Vec<Fault>> {
    parse_within(id, text, MAX_NODES)
}

/// Reads a TOML document that may hold so many values.
pub(super) fn parse_within(id: SourceId, text: &str, nodes: usize) -> Result<Node, Vec<Fault>> {
    let mut assembly = Assembly::new(id, text, nodes);
    let (tree, errors) = if text.len() <= RECOVERABLE {
        DeTable::parse_recoverable(text)
    } else {
        match DeTable::parse(text) {
            Ok(tree) => (tree, Vec::new()),
            Err(error) => (Spanned::new(0..0, DeTable::new()), vec![error]),
        }
    };
    let tree = tree.into_inner();
    if tree.is_empty() && errors.is_empty() {
        return Err(vec![Fault::new(FaultKind::Empty, assembly.span(0, 0), "the document is empty")]);
    }
    let whole = assembly.span(0, text.len());
    let root = grow_table(&mut assembly, &tree, whole, 1);
    if !errors.is_empty() {
        explain(&mut assembly, &tree, &errors);
    }
    match root {
        Ok(root) if assembly.faults.is_empty() => Ok(root),
        _ => Err(assembly.faults),
    }
}

/// Makes a table's node, whose span is not that which the parser gives: for a header it covers the header alone.
fn grow_table(assembly: &mut Assembly<'_>, table: &DeTable<'_>, span: Span, depth: usize) -> Result<Node, Stop> {
    assembly.nest(depth, span)?;
    assembly.count(1, span)?;
    let mut grown = Table::new();
    for (key, value) in table {
        let key_span = assembly.span(key.span().start, key.span().end);
        let name = assembly.key(key.get_ref());
        let value = grow(assembly, value, key_span, depth + 1)?;
        // The parser lets no key through twice.
        let _ = grown.add(name, key_span, value);
    }
    Ok(Node::new(span, Value::Map(grown.into_map())))
}

fn grow(
    assembly: &mut Assembly<'_>,
    value: &Spanned<DeValue<'_>>,
    key_span: Span,
    depth: usize,
) -> Result<Node, Stop> {
    let own = assembly.span(value.span().start, value.span().end);
    let grown = match value.get_ref() {
        DeValue::Table(table) => {
            let inline = assembly.text.get(own.range()).is_some_and(|text| text.starts_with('{'));
            return grow_table(assembly, table, if inline { own } else { key_span }, depth);
        }
        DeValue::Array(items) => {
            // An array of tables has its first header's span, as has its first table.
            let headers = items.first().is_some_and(|first| first.span() == value.span());
            let span = if headers { key_span } else { own };
            assembly.nest(depth, assembly.character(span.start as usize))?;
            assembly.count(1, span)?;
            let mut grown = Vec::with_capacity(items.len());
            for item in items {
                let place = if headers { header_key(assembly, item.span()) } else { own };
                grown.push(grow(assembly, item, place, depth + 1)?);
            }
            return Ok(Node::new(span, Value::Seq(grown)));
        }
        DeValue::String(text) => Value::Str(text.as_ref().into()),
        DeValue::Boolean(truth) => Value::Bool(*truth),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Value::Int(number),
            Err(_) => {
                assembly.number(own);
                Value::Null
            }
        },
        DeValue::Float(number) => match number.as_str().parse::<f64>() {
            Ok(number) if number.is_finite() => Value::Float(number),
            _ => {
                assembly.number(own);
                Value::Null
            }
        },
        DeValue::Datetime(_) => {
            let fault = Fault::new(FaultKind::Unsupported, own, "a date or time");
            assembly.fault(fault.help("put it in quotes"));
            Value::Null
        }
    };
    assembly.count(1, own)?;
    Ok(Node::new(own, grown))
}

/// The span of the last key in a header such as `[[users.groups]]`.
fn header_key(assembly: &Assembly<'_>, header: std::ops::Range<usize>) -> Span {
    let text = assembly.text.get(header.clone()).unwrap_or("");
    let open = text.len() - text.trim_start_matches('[').len();
    let close = text.trim_end_matches(']').len().max(open);
    let inner = text.get(open..close).unwrap_or("");
    let mut quote = None;
    let mut escaped = false;
    let mut start = 0;
    for (at, character) in inner.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some('"') if character == '\\' => escaped = true,
            Some(open) if character == open => quote = None,
            Some(_) => {}
            None if matches!(character, '"' | '\'') => quote = Some(character),
            None if character == '.' => start = at + 1,
            None => {}
        }
    }
    let key = inner.get(start..).unwrap_or("");
    let lead = key.len() - key.trim_start().len();
    let from = header.start + open + start + lead;
    assembly.span(from, from + key.trim().len())
}

/// Notes the parser's errors, in our words and at the places where the other syntaxes have them.
fn explain(assembly: &mut Assembly<'_>, tree: &DeTable<'_>, errors: &[Error]) {
    // What the recovered tree holds in an error's place is made up.
    let broken: Vec<_> = errors.iter().filter_map(Error::span).collect();
    let made_up = |span: Span| {
        broken.iter().any(|error| error.start <= span.end as usize && span.start as usize <= error.end)
    };
    assembly.faults.retain(|fault| fault.kind == FaultKind::TooDeep || !made_up(fault.span));
    let deepest = assembly.faults.iter().find(|fault| fault.kind == FaultKind::TooDeep).map(|fault| fault.span.start);
    let mut repeats = Vec::new();
    for error in errors {
        let range = error.span().unwrap_or(0..0);
        if deepest.is_some_and(|start| start as usize <= range.start || range.is_empty() && range.start == 0) {
            continue;
        }
        if error.message().contains("recursion") || error.message().contains("recurse") {
            let span = assembly.span(range.start, range.end);
            let _ = assembly.too_deep(span);
        } else if error.message() == "duplicate key" || error.message().ends_with("with a dotted key") {
            repeats.push(range);
        } else {
            let fault = syntax(assembly, tree, range, error.message());
            if !assembly.faults.iter().any(|known| known.span.start == fault.span.start && known.kind == fault.kind) {
                assembly.fault(fault);
            }
        }
    }
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

/// One error of the grammar.
fn syntax(assembly: &Assembly<'_>, tree: &DeTable<'_>, range: std::ops::Range<usize>, message: &str) -> Fault {
    let fault = |start, end, message: &str| Fault::new(FaultKind::Syntax, assembly.span(start, end), message);
    let unclosed_string = range.is_empty() && message.starts_with("invalid") && message.contains(" string, expected");
    if let Some(start) = unclosed_string.then(|| innermost(tree, range.start, &['"', '\''], assembly.text)).flatten() {
        return fault(start, range.end, "unclosed string");
    }
    if message.starts_with("unclosed array") || message.starts_with("unclosed inline table") {
        let bracket = if message.starts_with("unclosed array") { '[' } else { '{' };
        if let Some(start) = innermost(tree, range.start, &[bracket], assembly.text) {
            return fault(start, start + 1, &format!("unclosed `{bracket}`"));
        }
    }
    let before = range.start.checked_sub(1).filter(|at| assembly.text.as_bytes().get(*at) == Some(&b'\\'));
    if let Some(backslash) = before.filter(|_| message.starts_with("missing escaped value")) {
        let next = assembly.character(range.start);
        return fault(backslash, next.end as usize, "unknown escape in a string")
            .help("write a backslash as `\\\\`, or use single quotes");
    }
    let found = fault(range.start, range.end, message.split(", expected literal string").next().unwrap_or(message));
    if message.starts_with("string values must be quoted") { found.help("put text in quotes") } else { found }
}

/// Where the last value starts that begins with one of these characters and reaches an offset.
fn innermost(table: &DeTable<'_>, end: usize, open: &[char], text: &str) -> Option<usize> {
    fn search(value: &Spanned<DeValue<'_>>, end: usize, open: &[char], text: &str) -> Option<usize> {
        let below = match value.get_ref() {
            DeValue::Table(table) => table.values().filter_map(|value| search(value, end, open, text)).max(),
            DeValue::Array(items) => items.iter().filter_map(|value| search(value, end, open, text)).max(),
            _ => None,
        };
        let span = value.span();
        let own = (span.start < end && span.end >= end)
            .then(|| text.get(span.start..).is_some_and(|text| text.starts_with(open)))
            .unwrap_or(false);
        below.or(own.then_some(span.start))
    }
    table.values().filter_map(|value| search(value, end, open, text)).max()
}
