//! The `swarmgen` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    swarmgen::cli::main()
}
