//! What is told to whoever asked: a JSON object a line, the result last.

use serde::Serialize;
use serde_json::Value;

use super::request::State;

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Something is under way.
    Progress {
        /// Which part of it.
        stage: Stage,
        /// How far it is, in hundredths; it never goes back.
        percent: u8,
        /// What happens, in a sentence for the user.
        message: String,
    },
    /// The server can be reached.
    Started(Box<Started>),
    /// There is a server of this user and name, and nothing was done.
    Exists {
        /// Whether it runs.
        running: bool,
        /// Whether it differs from what the request would give.
        changed: bool,
        /// What the config says is to be done about one that differs: `keep` or `replace`.
        on_changed: &'static str,
        /// Its `JUPYTERHUB_API_TOKEN`: the one secret that an event can hold.
        api_token: Option<String>,
    },
    /// It was not done.
    Failed(Box<Failed>),
    /// How a server is.
    Status(Box<Status>),
    /// The server is gone.
    Stopped {
        /// What was removed.
        removed: Removed,
        /// What this engine cannot reach.
        unreachable: Vec<Unreachable>,
    },
    /// What a hub must know of the config.
    Settings(Box<Settings>),
    /// What a user may choose.
    Form {
        /// The part of a page that stands inside the caller's `<form>`; `None` where there is nothing to choose.
        html: Option<String>,
        /// The profile to offer first.
        profile: Option<String>,
        /// The profiles that the user may use.
        profiles: Vec<Offer>,
    },
    /// What a filled-in form means.
    Options {
        /// What `start` takes as `user_options`.
        user_options: Value,
    },
}

impl Event {
    /// Tells whether it says that nothing is known of a server.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Status(status) if status.running == "unknown")
    }

    /// The exit code of a process whose result this is.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Failed(failed) => failed.code.exit_code(),
            _ => 0,
        }
    }
}

/// A part of a start or a stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The request is compared with the config.
    Checking,
    /// The engine is asked for the service.
    Creating,
    /// No node has been found yet.
    Pending,
    /// A node makes the server ready.
    Preparing,
    /// The container starts.
    Starting,
    /// The container runs, and does not listen yet.
    Running,
    /// The service and what goes with it is removed.
    Removing,
}

impl Stage {
    /// How far a start is that has come to this.
    pub fn percent(self) -> u8 {
        match self {
            Self::Checking => 5,
            Self::Creating => 10,
            Self::Pending => 20,
            Self::Preparing => 40,
            Self::Removing => 50,
            Self::Starting => 70,
            Self::Running => 85,
        }
    }
}

/// A server that can be reached.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Started {
    /// Where.
    pub address: String,
    /// The port there.
    pub port: u16,
    /// The service's name.
    pub service: String,
    /// The profile's name.
    pub profile: String,
    /// The most memory that it may take, in bytes.
    pub mem_limit: Option<i64>,
    /// The most CPU time, in CPUs.
    pub cpu_limit: Option<f64>,
    /// What the caller keeps.
    pub state: State,
    /// What of the server that it took the place of this engine cannot reach.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unreachable: Vec<Unreachable>,
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Failed {
    /// What happened, for programs.
    pub code: FailureCode,
    /// What happened, in sentences for the user.
    pub message: String,
    /// What the user can do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The engine's words, or the diagnostics, for the operator; secrets are masked.
    pub detail: String,
    /// The exit code of the server's process, if it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
    /// What could not be removed.
    pub left: Vec<String>,
    /// What this engine cannot reach.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unreachable: Vec<Unreachable>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureCode {
    /// The request asks for what this user may not have.
    Refused,
    /// The config has errors, or lacks something for this user.
    Config,
    /// The request cannot be understood.
    Protocol,
    /// A service of this name is not ours, or another user's.
    Conflict,
    /// No node could take the server in time.
    NoNode,
    /// The image is nowhere to be had.
    NoImage,
    /// A node refused the task for another reason.
    Rejected,
    /// The server ended.
    Exited,
    /// The image's health check failed.
    Unhealthy,
    /// The server runs, but nothing listens on its port in time.
    NotListening,
    /// Anything else took too long.
    Timeout,
    /// The engine refused a request.
    EngineRefused,
    /// The engine could not be reached, or is no swarm manager.
    EngineAway,
    /// The caller gave up.
    Cancelled,
}

impl FailureCode {
    /// The process's exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Refused | Self::Config => 1,
            Self::Protocol => 2,
            Self::EngineAway => 5,
            _ => 4,
        }
    }
}

/// How a server is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Status {
    /// `true`, `false` or `"unknown"`.
    pub running: Value,
    /// Whether the service is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exists: Option<bool>,
    /// Where it is reached now.
    pub address: Option<String>,
    /// The port there.
    pub port: Option<u16>,
    /// The exit code, if it ended and that is known.
    pub exit_code: Option<i64>,
    /// Why it does not run, or is not known to.
    pub reason: Option<String>,
    /// The new state, if it differs from the request's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
}

/// What was removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Removed {
    /// The service, if it was there.
    pub service: Option<String>,
    /// The Swarm configs of the user's uploads, by their ids.
    pub configs: Vec<String>,
    /// The volumes.
    pub volumes: Vec<String>,
}

/// What the engine at hand cannot remove, or has refused to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unreachable {
    /// What it is, as the docker command calls it.
    pub kind: Kind,
    /// A volume's or service's name, or a config's id.
    pub name: String,
    /// The host's name of its node; empty where it is the engine's own.
    pub node: String,
    /// The engine's reason, where it gave one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The command that removes it.
    pub command: String,
}

/// What a server has on the swarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The service.
    Service,
    /// A config that holds an upload.
    Config,
    /// A volume that goes with it.
    Volume,
}

impl Kind {
    /// The docker command for such objects.
    pub fn word(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Config => "config",
            Self::Volume => "volume",
        }
    }
}

/// What a hub must know of a config.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Settings {
    /// The version of the protocol.
    pub version: i64,
    /// The version of the program.
    pub program: &'static str,
    /// The deployment's name.
    pub deployment: String,
    /// The hub's service on the swarm.
    pub jupyterhub_service_name: Option<String>,
    /// The port that servers listen on.
    pub service_port: u16,
    /// How long a server may take to start, in seconds.
    pub start_timeout: Option<f64>,
    /// How long a started server may take to answer, in seconds.
    pub http_timeout: Option<f64>,
    /// The directory that servers show.
    pub notebook_dir: Option<String>,
    /// The most memory of `resource_spec`, in bytes.
    pub mem_limit: Option<i64>,
    /// The reserved memory of `resource_spec`, in bytes.
    pub mem_guarantee: Option<i64>,
    /// The most CPU time of `resource_spec`, in CPUs.
    pub cpu_limit: Option<f64>,
    /// The reserved CPU time of `resource_spec`, in CPUs.
    pub cpu_guarantee: Option<f64>,
    /// The user's attributes that templates may use.
    pub user_format_attributes: Vec<String>,
    /// What `validate` warns of, a line each.
    pub warnings: Vec<String>,
}

/// A profile that is offered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Offer {
    /// Its name.
    pub name: String,
    /// Its description.
    pub description: Option<String>,
    /// Its image.
    pub image: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_flat_objects_that_say_what_they_are() {
        let failed = Failed {
            code: FailureCode::NoNode,
            message: "No node.".to_owned(),
            hint: None,
            detail: String::new(),
            exit_code: None,
            left: Vec::new(),
            unreachable: Vec::new(),
        };
        let event = Event::Failed(Box::new(failed));
        assert_eq!(event.exit_code(), 4);
        let json = serde_json::to_value(&event).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"event": "failed", "code": "no-node", "message": "No node.", "detail": "", "left": []})
        );
        let progress = Event::Progress { stage: Stage::Pending, percent: 20, message: "x".to_owned() };
        assert_eq!(serde_json::to_value(&progress).unwrap()["stage"], "pending");
    }
}
