//! The check of a tree against the config's JSON Schema.
//!
//! The `jsonschema` crate reads the spanned tree itself (see `tree`), says what is violated and where; the words, the
//! place in the text and the advice are made here, from the schema's own keys, types and values. Every violation is
//! told at once; of a union, the one of the branch that was meant. Values never enter a message, except that of a key
//! which takes one of a few words.

mod finder;
mod foreign;
mod outline;
mod rename;
mod spelling;
mod tree;
mod unknown;
mod violation;

use std::sync::LazyLock;

use serde_json::Value;

use crate::diag::Diagnostics;
use crate::model::CONFIG_SCHEMA;
use crate::source::Node;
use outline::Outline;
use tree::{Tree, View};

/// The committed schema, read and compiled.
struct Compiled {
    document: Value,
    validator: jsonschema::Validator<Tree>,
}

static COMPILED: LazyLock<Compiled> = LazyLock::new(|| {
    compile(CONFIG_SCHEMA).unwrap_or_else(|error| unreachable!("the schema is part of the program: {error}"))
});

fn compile(text: &str) -> Result<Compiled, String> {
    let document: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let options = jsonschema::options_for::<Tree>().with_draft(jsonschema::Draft::Draft202012);
    let validator = options.build(&document).map_err(|error| error.to_string())?;
    Ok(Compiled { document, validator })
}

/// Checks a config document's tree against the schema; an empty result means that it fits.
///
/// Findings have the codes SG101 to SG108. The tree must be that of one whole document.
pub fn check(root: &Node) -> Diagnostics {
    let mut diagnostics = Diagnostics::new();
    let compiled = &*COMPILED;
    if compiled.validator.is_valid(View::Value(root)) {
        return diagnostics;
    }
    let mut violations = Vec::new();
    for error in compiled.validator.iter_errors(View::Value(root)) {
        violation::flatten(&error, &mut violations);
    }
    diagnostics.extend(violation::explain(root, Outline::new(&compiled.document), violations));
    diagnostics
}

#[cfg(test)]
mod tests;
