//! The engine that the arguments name, and a runtime to talk to it.

use std::future::Future;
use std::time::Duration;

use anyhow::anyhow;

use crate::apply::bollard::{Engine, Limits};
use crate::apply::connect::{self, Arguments};
use crate::apply::observe::{ObserveError, observe};
use crate::plan::ObservedState;
use crate::source::Disk;

use super::args::live::EngineArgs;
use super::error::Failure;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);

/// Runs something that talks to an engine.
pub(super) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let done = runtime.block_on(work);
    // What still looks up a name is not waited for.
    runtime.shutdown_background();
    done
}

/// Finds the engine as the docker CLI does, and connects to it.
pub(super) async fn engine(args: &EngineArgs) -> Result<Engine, Failure> {
    let arguments = Arguments { hosts: args.host.iter().cloned().collect(), context: args.context.clone() };
    let endpoint = connect::find(&arguments, &Disk).map_err(|error| Failure::NoEngine(error.into()))?;
    let limits = Limits { connect: CONNECT, answer: args.engine_timeout };
    Engine::connect(&endpoint, limits).await.map_err(|error| Failure::NoEngine(error.into()))
}

/// Reads the swarm once.
pub(super) async fn snapshot(engine: &Engine, deployment: &str) -> Result<ObservedState, Failure> {
    observe(engine, deployment).await.map_err(|error: ObserveError| Failure::NoEngine(anyhow!(error)))
}

/// Ends when the process is asked to end, by SIGINT or SIGTERM.
pub(super) async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let (Ok(mut end), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
            tokio::select! {
                _ = end.recv() => {}
                _ = interrupt.recv() => {}
            }
            return;
        }
    }
    // Without signals of its own a system has this one.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
