//! YAML text to a tree.
//!
//! The parser's events become a tree, but for values with anchors: to those an alias first is one more edge. How many
//! values and levels the tree will have is known before anything is copied.

mod graph;
mod scalar;
mod scan;

use granit_parser::{Event, ScalarStyle, Tag};

use super::assembly::{Assembly, Bound, Stop};
use super::{Fault, FaultKind, MAX_DEPTH, Node, SourceId, Span};
use graph::Graph;
use scalar::Written;

/// Reads a YAML document.
///
/// # Errors
///
/// The faults found up to the first one of the grammar.
pub fn parse(id: SourceId, text: &str) -> Result<Node, Vec<Fault>> {
    parse_within(id, text, Bound::CONFIG)
}

/// Reads a YAML document that may hold so many values, aliases counted each time.
pub(super) fn parse_within(id: SourceId, text: &str, bound: Bound) -> Result<Node, Vec<Fault>> {
    let mut assembly = Assembly::new(id, text, bound);
    let graph = read(&mut assembly);
    match graph {
        Ok(graph) if assembly.faults.is_empty() => match graph.into_node() {
            Some(node) => Ok(node),
            None => Err(vec![empty(&assembly)]),
        },
        _ => Err(assembly.faults),
    }
}

fn empty(assembly: &Assembly<'_>) -> Fault {
    Fault::new(FaultKind::Empty, assembly.span(0, 0), "the document is empty")
}

/// Reads the events of the one document.
fn read(assembly: &mut Assembly<'_>) -> Result<Graph, Stop> {
    let text = assembly.text;
    let mut graph = Graph::default();
    let mut documents = 0;
    for event in scan::events(text, MAX_DEPTH) {
        let (event, place) = match event {
            Ok(event) => event,
            Err(error) => return Err(scan::broken(assembly, graph.blocks(), &error)),
        };
        let range = place.byte_range().unwrap_or(0..0);
        let span = assembly.span(range.start, range.end);
        if let Some(tag) = event.tag().filter(|tag| foreign(tag, &event)) {
            let range = place.tag_span().and_then(|tag| tag.byte_range()).unwrap_or(range.clone());
            let message = format!("the tag `{}` has no meaning here", tag.original().escape_debug());
            let span = assembly.span(range.start, range.end);
            assembly.fault(Fault::new(FaultKind::Unsupported, span, message).help("remove the tag"));
        }
        match event {
            Event::DocumentStart(..) => {
                documents += 1;
                if documents > 1 {
                    let fault = Fault::new(FaultKind::Unsupported, span, "a second document begins here");
                    return Err(assembly.stop(fault.help("keep one document in a file")));
                }
            }
            Event::Scalar(value, style, anchor, tag) => {
                let span = trimmed(assembly, span);
                let tag = tag.as_deref().and_then(meaning);
                let written = Written { text: &value, plain: style == ScalarStyle::Plain, tag };
                graph.scalar(assembly, &written, span, anchor)?;
            }
            Event::Alias(target) => graph.alias(assembly, target, span)?,
            Event::UnresolvedAlias(name) => {
                let message = format!("there is no anchor `{}` before this alias", name.escape_debug());
                let fault = Fault::new(FaultKind::Syntax, span, message);
                assembly.fault(fault.help("put the anchor, `&` and its name, before the value that is meant"));
                graph.scalar(assembly, &Written { text: "", plain: false, tag: None }, span, 0)?;
            }
            Event::SequenceStart(_, anchor, _) => graph.open(assembly, false, span, anchor)?,
            Event::MappingStart(_, anchor, _) => graph.open(assembly, true, span, anchor)?,
            Event::SequenceEnd | Event::MappingEnd => graph.close(assembly, span)?,
            _ => {}
        }
    }
    match graph.is_written() {
        true => Ok(graph),
        false if assembly.faults.is_empty() => {
            let fault = empty(assembly);
            Err(assembly.stop(fault))
        }
        false => Err(Stop),
    }
}

/// What a tag says of a scalar: the end of a core schema tag's name; `!` alone says string.
fn meaning(tag: &Tag) -> Option<&str> {
    if tag.parts() == ("", "!") { Some("str") } else { tag.core_suffix() }
}

/// Tells whether a tag is none of the core schema's, or not for this kind of value.
fn foreign(tag: &Tag, event: &Event<'_>) -> bool {
    let fits: &[&str] = match event {
        Event::SequenceStart(..) => &["seq"],
        Event::MappingStart(..) => &["map"],
        _ => &["bool", "float", "int", "null", "str"],
    };
    tag.parts() != ("", "!") && !tag.core_suffix().is_some_and(|suffix| fits.contains(&suffix))
}

/// A scalar's span without the line breaks that end a block scalar.
fn trimmed(assembly: &Assembly<'_>, span: Span) -> Span {
    let text = assembly.text.get(span.range()).unwrap_or("");
    span.slice(0, text.trim_end_matches(['\n', '\r', ' ', '\t']).len())
}
