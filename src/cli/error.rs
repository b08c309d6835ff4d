//! How a command ends that does not succeed.

use std::process::ExitCode;

/// Why a command did not succeed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The input is wrong; its diagnostics have been shown.
    Input,
    /// The arguments do not go together.
    Usage(anyhow::Error),
    /// Done, and something that was told needs a person.
    Attention,
    /// Some servers do not run; which, and why, has been told.
    NotConverged,
    /// There is no engine to talk to.
    NoEngine(anyhow::Error),
    /// Something else, told once at the end.
    Other(anyhow::Error),
    /// Whoever read the output has left.
    BrokenPipe,
}

impl Failure {
    /// The process's exit code.
    pub(super) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Input | Self::Other(_) => 1,
            Self::Usage(_) => 2,
            Self::Attention => 3,
            Self::NotConverged => 4,
            Self::NoEngine(_) => 5,
            // As a process ends that SIGPIPE kills.
            Self::BrokenPipe => 141,
        })
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe { Self::BrokenPipe } else { Self::Other(error.into()) }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(error)
    }
}
