//! What happens while a plan is carried out, as it happens: bars, lines and JSON are made of it elsewhere.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::plan::graph::{NewService, ObjectKind, Removal};

/// What a call is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A service.
    Service {
        /// Its name.
        name: String,
        /// The user's name.
        user: String,
        /// The server's name; empty for the default one.
        server: String,
    },
    /// A Swarm config or secret.
    Object {
        /// Config or secret.
        kind: ObjectKind,
        /// Its name.
        name: String,
    },
    /// A volume.
    Volume {
        /// Its name.
        name: String,
        /// The service that used it.
        service: String,
    },
}

impl Subject {
    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Self::Service { name, .. } | Self::Object { name, .. } | Self::Volume { name, .. } => name,
        }
    }
}

impl From<&NewService> for Subject {
    fn from(new: &NewService) -> Self {
        Self::Service { name: new.name.clone(), user: new.user.clone(), server: new.server.clone() }
    }
}

impl From<&Removal> for Subject {
    fn from(old: &Removal) -> Self {
        Self::Service { name: old.name.clone(), user: old.user.clone(), server: old.server.clone() }
    }
}

/// The kind first: "service `x`".
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self::Service { .. } => "service",
            Self::Object { kind: ObjectKind::Config, .. } => "config",
            Self::Object { kind: ObjectKind::Secret, .. } => "secret",
            Self::Volume { .. } => "volume",
        };
        write!(f, "{kind} `{}`", self.name())
    }
}

/// What is done to a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// It is made.
    Create,
    /// It is changed.
    Update,
    /// It is removed, and made anew.
    Replace,
    /// It is removed.
    Remove,
    /// It is only waited for: it is as it should be, but does not run.
    Await,
}

/// What happens. Words of the engine in it have been searched for secrets.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The first call is about to be made.
    Started {
        /// How many actions there are.
        actions: usize,
    },
    /// The engine has taken a call: a service that is made need not run yet.
    Accepted {
        /// What it is about.
        subject: Subject,
        /// What was done.
        act: Act,
    },
    /// A call failed and will be made again.
    Retrying {
        /// What it is about.
        subject: Subject,
        /// Why.
        reason: String,
        /// The pause until then.
        pause: Duration,
    },
    /// A service was changed or removed by somebody else in the meantime, and compared anew.
    Changed {
        /// Which.
        subject: Subject,
        /// Whether it is there.
        exists: bool,
    },
    /// The tasks were looked at.
    Waiting(Progress),
    /// The tasks could not be looked at; waiting goes on.
    Blind {
        /// Why.
        reason: String,
    },
    /// A service does not run yet, for a reason that was not told before.
    Stuck {
        /// Which.
        subject: Subject,
        /// Why.
        reason: String,
    },
    /// A service runs, and has kept running for the time that was asked for.
    Converged {
        /// Which.
        subject: Subject,
        /// The time since the engine took the call.
        after: Duration,
    },
    /// Something failed for good.
    Failed {
        /// What it is about.
        subject: Subject,
        /// What was tried.
        act: Act,
        /// Why.
        reason: String,
    },
    /// No new calls are made; those under way are waited for.
    Stopping {
        /// Why.
        reason: String,
        /// How many calls are under way.
        running: usize,
    },
    /// What was done is undone.
    Undone {
        /// What it is about.
        subject: Subject,
        /// What had been done.
        act: Act,
    },
    /// What was done cannot be undone.
    NotUndone {
        /// What it is about.
        subject: Subject,
        /// What had been done.
        act: Act,
        /// Why.
        reason: String,
    },
}

/// How far the services are that are waited for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// How many are waited for, by the state of their newest task (`none` without one).
    pub states: BTreeMap<String, usize>,
    /// How many have converged.
    pub converged: usize,
    /// How many have failed.
    pub failed: usize,
    /// The names of those that have been waited for longest, at most [`Progress::SLOWEST`], the slowest first.
    pub slowest: Vec<String>,
}

impl Progress {
    /// How many names are told.
    pub const SLOWEST: usize = 3;

    /// How many are still waited for.
    pub fn pending(&self) -> usize {
        self.states.values().sum()
    }
}
