//! `swarmgen schema`.

use super::args::Schema;
use super::error::Failure;
use super::ui::Ui;
use super::{output, ui};

/// Writes the config's JSON Schema.
pub(super) fn run(schema: &Schema, _: &Ui) -> Result<(), Failure> {
    let text = crate::model::CONFIG_SCHEMA.as_bytes();
    match &schema.output {
        Some(path) => output::write_file(path, text, false),
        None => ui::result(text),
    }
}
