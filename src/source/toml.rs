//! TOML text to a tree.

mod errors;
mod repeat;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::assembly::{Assembly, Stop, Table};
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
        errors::explain(&mut assembly, &tree, &errors);
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

fn grow(assembly: &mut Assembly<'_>, value: &Spanned<DeValue<'_>>, key_span: Span, depth: usize) -> Result<Node, Stop> {
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
            let fault = Fault::new(FaultKind::Unsupported, own, "a date or time means nothing here");
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
