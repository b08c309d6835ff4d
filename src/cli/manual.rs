//! `swarmgen man`: manual pages, made from the arguments themselves.

use anyhow::Context as _;
use clap::CommandFactory as _;
use clap_mangen::Man;

use super::args::{Args, Manual};
use super::error::Failure;
use super::ui::Ui;
use super::{output, ui};

/// Prints the manual page, or writes it and one of each command to a directory.
pub(super) fn man(manual: &Manual, ui: &Ui) -> Result<(), Failure> {
    let mut command = Args::command().disable_help_subcommand(true);
    command.build();
    let Some(directory) = &manual.output else { return ui::result(&page(&Man::new(command))?) };
    std::fs::create_dir_all(directory).with_context(|| format!("cannot make `{}`", directory.display()))?;
    let mut count = 1;
    for own in command.get_subcommands() {
        let man = Man::new(own.clone());
        output::write_file(&directory.join(man.get_filename()), &page(&man)?, false)?;
        count += 1;
    }
    output::write_file(&directory.join("swarmgen.1"), &page(&Man::new(command))?, false)?;
    ui.note(&format!("wrote {count} pages to {}", directory.display()));
    Ok(())
}

fn page(man: &Man) -> Result<Vec<u8>, Failure> {
    let mut text = Vec::new();
    man.render(&mut text)?;
    Ok(text)
}
