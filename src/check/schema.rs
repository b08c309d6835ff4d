//! The check of a tree against the config's JSON Schema.
//!
//! Whether a tree fits is told from the schema's text (see `shape`). Where it does not, the `jsonschema` crate, which
//! reads the spanned tree itself (see `tree`), says what is violated and where; the words, the place in the text and the
//! advice are made here, from the schema's own keys, types and values. Every violation is told at once; of a union, the
//! one of the branch that was meant. Values never enter a message, except that of a key which takes one of a few words.

mod finder;
mod foreign;
mod outline;
mod rename;
mod shape;
mod spelling;
mod tree;
mod unknown;
mod violation;

use std::cell::Cell;
use std::sync::LazyLock;

use serde_json::Value;

use crate::diag::{Diagnostics, Note};
use crate::model::CONFIG_SCHEMA;
use crate::source::Node;
use outline::Outline;
use shape::SHAPE;
pub use shape::Takes;
use tree::{Room, Tree, View};

/// The committed schema, compiled.
struct Compiled {
    document: Value,
    validator: jsonschema::Validator<Tree>,
}

static DOCUMENT: LazyLock<Compiled> =
    LazyLock::new(|| compile(None).unwrap_or_else(|error| unreachable!("the schema is part of the program: {error}")));

/// The definition of a user's overrides as a schema of its own.
static OVERRIDES: LazyLock<Compiled> = LazyLock::new(|| {
    compile(Some(LAYER)).unwrap_or_else(|error| unreachable!("the schema is part of the program: {error}"))
});

/// The most mistakes of one document that are told: nobody reads more, and each is looked up in the whole.
const MOST_TOLD: usize = 500;

/// How many bytes the crate's errors of one document may take: it holds all at once, and makes several of some mistakes.
const ROOM: usize = 4 << 20;

/// The definition of a layer that stands alone.
const LAYER: &str = "Overrides";

/// What the schema is called while it is compiled.
const NAME: &str = "urn:swarmgen:config";

/// Compiles the schema, or one of its definitions.
fn compile(definition: Option<&str>) -> Result<Compiled, String> {
    let mut document: Value = serde_json::from_str(CONFIG_SCHEMA).map_err(|error| error.to_string())?;
    if let Some(name) = definition {
        let definitions = document.get("$defs").cloned().unwrap_or_default();
        document = definitions.get(name).cloned().ok_or_else(|| format!("no definition `{name}`"))?;
        document["$defs"] = definitions;
    }
    let draft = jsonschema::Draft::Draft202012;
    let registry = jsonschema::Registry::new().draft(draft).add(NAME, &document);
    let registry = registry.and_then(|registry| registry.prepare()).map_err(|error| error.to_string())?;
    // The crate checks what it builds against its draft's meta-schema. That of the schema itself takes a third of the
    // time, for what a test has found already; a reference in the smallest draft takes none.
    let options = jsonschema::options_for::<Tree>().with_draft(jsonschema::Draft::Draft4).with_registry(&registry);
    let validator = options.build(&serde_json::json!({ "$ref": NAME })).map_err(|error| error.to_string())?;
    drop(registry);
    Ok(Compiled { document, validator })
}

/// Checks a config document's tree against the schema; an empty result means that it fits.
///
/// Findings have the codes SG101 to SG108. The tree must be that of one whole document.
pub fn check(root: &Node) -> Diagnostics {
    if SHAPE.fits(&SHAPE, root) {
        return Diagnostics::new();
    }
    violations(root, &DOCUMENT)
}

/// Checks a layer that stands alone, a user's overrides or a request's options, as [`check`] does a document.
pub fn check_overrides(layer: &Node) -> Diagnostics {
    if SHAPE.definition(LAYER).is_some_and(|overrides| SHAPE.fits(overrides, layer)) {
        return Diagnostics::new();
    }
    violations(layer, &OVERRIDES)
}

/// Tells whether a layer may have a value at this path, keys joined by dots; told without compiling anything.
pub fn overrides_know(path: &str) -> bool {
    SHAPE.knows(LAYER, path)
}

/// What a layer's value at this path may be; nothing where it may have none.
pub fn overrides_take(keys: &[&str]) -> Takes {
    SHAPE.takes(LAYER, keys)
}

fn violations(root: &Node, compiled: &Compiled) -> Diagnostics {
    let mut diagnostics = Diagnostics::new();
    let left = Cell::new(ROOM);
    let view = View::Value(root, Room::new(&left));
    if compiled.validator.is_valid(view) {
        return diagnostics;
    }
    let mut violations = Vec::new();
    for error in compiled.validator.iter_errors(view) {
        violation::flatten(&error, &mut violations);
        if violations.len() > MOST_TOLD {
            break;
        }
    }
    let cut = violations.len() > MOST_TOLD || left.get() == 0;
    violations.truncate(MOST_TOLD);
    let told = violations.len();
    let mut explained = violation::explain(root, Outline::new(&compiled.document, root), violations);
    if let Some(last) = explained.last_mut().filter(|_| cut) {
        last.notes.push(Note::Note(format!("only the first {told} mistakes of this document are told")));
    }
    diagnostics.extend(explained);
    diagnostics
}

#[cfg(test)]
mod tests;
