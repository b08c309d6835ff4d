//! The command line: arguments become options, one file for each command, all terminal writes in `ui`.

mod apply;
mod args;
mod asked;
mod complete;
mod config;
mod destroy;
mod error;
mod explain;
mod import;
mod init;
mod live;
mod manual;
mod output;
mod plan;
mod planned;
mod render;
mod report;
mod schema;
mod servers;
mod spawner;
mod status;
mod ui;
mod validate;

use std::process::ExitCode;

use clap::Parser as _;

use args::{Args, Command};
use error::Failure;
use ui::Ui;

/// Runs the command that the process was started with.
///
/// Exit codes: 0 done; 1 the input is wrong; 2 usage; 3 done, and something needs a person; 4 some servers do not
/// run; 5 no usable engine.
pub fn main() -> ExitCode {
    if complete::answered() {
        return ExitCode::SUCCESS;
    }
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return ui::usage(&error),
    };
    let ui = Ui::new(&args.global);
    let done = match &args.command {
        Command::Init(init) => init::run(init, &ui),
        Command::Validate(validate) => validate::run(validate, &args.global, &ui),
        Command::Render(render) => render::run(render, &args.global, &ui),
        Command::Report(report) => report::run(report, &args.global, &ui),
        Command::Status(status) => status::run(status, &args.global, &ui),
        Command::Spawner(spawner) => return spawner::run(spawner, &args.global),
        Command::Import(import) => import::run(import, &args.global, &ui),
        Command::Explain(explain) => explain::run(explain, &args.global, &ui),
        Command::Schema(schema) => schema::run(schema, &ui),
        Command::Completions(completions) => complete::script(completions),
        Command::Plan(plan) => plan::run(plan, &args.global, &ui),
        Command::Apply(apply) => apply::run(apply, &args.global, &ui),
        Command::Destroy(destroy) => destroy::run(destroy, &args.global, &ui),
        Command::Man(man) => manual::man(man, &ui),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Failure::Other(error) | Failure::Usage(error) | Failure::NoEngine(error) = &failure {
                ui.error(error);
            }
            failure.exit_code()
        }
    }
}
