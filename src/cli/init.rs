//! `swarmgen init`.

use std::path::Path;

use anyhow::anyhow;

use super::args::Init;
use super::error::Failure;
use super::output;
use super::ui::Ui;

/// The starter config: the quickstart example, which the tests render.
const STARTER: &str = include_str!("../../templates/init.toml");

/// Writes the starter config.
pub(super) fn run(init: &Init, ui: &Ui) -> Result<(), Failure> {
    if !matches!(init.path.extension().and_then(|extension| extension.to_str()), Some("toml")) {
        return Err(Failure::Usage(anyhow!("the starter config is TOML: name it `.toml`")));
    }
    if init.path.exists() && !init.force {
        return Err(Failure::Other(anyhow!("`{}` exists: use --force to replace it", init.path.display())));
    }
    output::write_file(&init.path, STARTER.as_bytes(), false)?;
    ui.note(&format!("wrote {}", init.path.display()));
    let shown =
        if init.path == Path::new("swarmgen.toml") { String::new() } else { format!(" -c {}", init.path.display()) };
    ui.note(&format!("next: swarmgen validate{shown} && swarmgen render{shown} --user alice"));
    Ok(())
}
