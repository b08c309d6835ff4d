//! The hub's spawner: one server of one user, started, watched and stopped for whoever asks.
//!
//! ```text
//! Request (a line of JSON) -> resolve -> Start { look, create, wait } -> Events (lines of JSON), the result last
//! ```
//!
//! docs/spawner-protocol.md is the contract. What is started is what [`resolve`](crate::resolve) makes of the config; nothing
//! of a request reaches the swarm but through it.

pub mod event;
pub mod form;
mod poll;
mod reach;
pub mod request;
mod settings;
mod start;
mod stop;
mod wait;
pub mod words;

pub use event::Event;
pub use form::Form;
pub use poll::{poll, unknown};
pub use request::Request;
pub use settings::settings;
pub use start::{Start, set_limits};
pub use stop::{Stop, stop};

use std::cell::RefCell;

use crate::apply::Redactor;
use crate::plan::label::{BY_APPLY, MADE_BY};
use crate::plan::observed::{ObservedService, ObservedTask};
use crate::resolve::decode::{LABEL_DEPLOYMENT, LABEL_SERVER, LABEL_USER};

use event::{Failed, FailureCode};

/// The service label that holds a digest of what was wanted, but for what the hub says.
const LABEL_WANTED: &str = "swarmgen.wanted";

/// Whom a service belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner<'a> {
    /// The deployment.
    pub deployment: &'a str,
    /// The user's name.
    pub user: &'a str,
    /// The server's name; empty for the default one.
    pub server: &'a str,
}

/// Which server is meant.
#[derive(Clone, Copy, Debug)]
pub enum Which<'a> {
    /// The one of which its start said this.
    State(&'a request::State),
    /// The one of this name, if it is this owner's.
    Name {
        /// Whose server it is.
        owner: Owner<'a>,
        /// The service's name.
        name: &'a str,
        /// The port that it listens on, if it does not say so itself.
        port: u16,
    },
}

impl Owner<'_> {
    /// Tells whether a service is this owner's, and not one that `apply` looks after.
    fn owns(&self, service: &ObservedService) -> bool {
        service.label(MADE_BY) != Some(BY_APPLY)
            && service.label(LABEL_DEPLOYMENT) == Some(self.deployment)
            && service.label(LABEL_USER) == Some(self.user)
            && service.label(LABEL_SERVER) == Some(self.server)
    }
}

/// A failure in the making: for the user in sentences, for the operator in the engine's words.
fn failed(code: FailureCode, message: impl Into<String>, detail: impl Into<String>) -> Box<Failed> {
    Box::new(Failed {
        code,
        message: message.into(),
        hint: None,
        detail: detail.into(),
        exit_code: None,
        left: Vec::new(),
        unreachable: Vec::new(),
    })
}

/// The engine failed, or cannot be reached.
fn engine_failed(error: &crate::apply::api::ApiError, redactor: &Redactor) -> Box<Failed> {
    let detail = redactor.redact(&error.to_string());
    if error.is_passing() {
        let message = "The servers' swarm cannot be reached now.";
        Box::new(Failed {
            hint: Some("Try again in a few minutes.".to_owned()),
            ..*failed(FailureCode::EngineAway, message, detail)
        })
    } else {
        let message = "The swarm refused to run this server.";
        Box::new(Failed {
            hint: Some("Ask those who run this hub.".to_owned()),
            ..*failed(FailureCode::EngineRefused, message, detail)
        })
    }
}

/// The task that is to run: the newest one that the swarm wants.
fn wanted_task(tasks: &[ObservedTask]) -> Option<&ObservedTask> {
    let newest = |a: &&ObservedTask, b: &&ObservedTask| a.created_at.cmp(&b.created_at);
    let wanted = tasks.iter().filter(|task| matches!(&*task.desired_state, "running" | "ready" | "accepted"));
    wanted.max_by(newest)
}

/// Tells of each step; percentages never go back, and the same step is told once.
struct Teller<'a> {
    tell: &'a dyn Fn(&Event),
    last: RefCell<(u8, String)>,
}

impl<'a> Teller<'a> {
    fn new(tell: &'a dyn Fn(&Event)) -> Self {
        Self { tell, last: RefCell::default() }
    }

    fn progress(&self, stage: event::Stage, message: impl Into<String>) {
        let message = message.into();
        let mut last = self.last.borrow_mut();
        if last.1 == message {
            return;
        }
        let percent = stage.percent().max(last.0);
        *last = (percent, message.clone());
        (self.tell)(&Event::Progress { stage, percent, message });
    }
}
