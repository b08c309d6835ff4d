//! The three syntaxes beside each other.

mod bounds;
mod faults;
mod properties;
mod trees;

use super::{Author, Fault, FaultKind, Node, SourceId, SourceMap, Syntax, parse};

const ALL: [Syntax; 3] = [Syntax::Toml, Syntax::Yaml, Syntax::Json];

fn add(text: &str) -> (SourceMap, SourceId) {
    let sources = SourceMap::new();
    let id = sources.add("text", "", Author::Config, text.to_owned());
    (sources, id)
}

fn read(syntax: Syntax, text: &str) -> Result<Node, Vec<Fault>> {
    let (sources, id) = add(text);
    parse(&sources, id, syntax)
}

fn good(syntax: Syntax, text: &str) -> Node {
    read(syntax, text).unwrap_or_else(|faults| panic!("{syntax:?} {text:?}: {faults:#?}"))
}

fn bad(syntax: Syntax, text: &str) -> Vec<Fault> {
    match read(syntax, text) {
        Ok(node) => panic!("{syntax:?} {text:?} was read as {node:?}"),
        Err(faults) => {
            assert!(!faults.is_empty(), "{syntax:?} {text:?}: an error without a fault");
            faults
        }
    }
}

/// Each fault's kind, line and column, in the text's order.
fn places(syntax: Syntax, text: &str) -> Vec<(FaultKind, u32, u32)> {
    let (sources, id) = add(text);
    let Err(faults) = parse(&sources, id, syntax) else { return Vec::new() };
    let mut places: Vec<_> = faults
        .iter()
        .map(|fault| {
            let place = sources.position(fault.span);
            (fault.kind, place.line, place.column)
        })
        .collect();
    places.sort_by_key(|(_, line, column)| (*line, *column));
    places
}
