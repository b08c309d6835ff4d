//! What becomes of a wait whose tasks cannot be listed: an engine that is away for a moment is waited for, a lost one is told
//! from one that only does not tell of tasks.

use std::time::Duration;

use tokio::time::Instant;

use super::super::api::{ApiError, SwarmApi};
use super::super::event::Event;
use super::super::observe::check;
use super::super::outcome::Stop;
use super::super::work::Work;

/// How long the engine may take to tell that it is there.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);

/// The tasks cannot be listed now.
pub(super) struct Blind {
    /// When the first list was asked for that failed.
    pub(super) since: Instant,
    /// Why; searched for secrets.
    pub(super) reason: String,
}

impl<A: SwarmApi> Work<'_, A> {
    /// Writes down that a list failed, and tells it unless it was told before.
    pub(super) fn is_blind<'b>(&self, blind: &'b mut Option<Blind>, asked: Instant, error: &ApiError) -> &'b Blind {
        let reason = self.words(error);
        let blind = blind.get_or_insert_with(|| Blind { since: asked, reason: String::new() });
        if reason != blind.reason {
            self.tell(&Event::Blind { reason: reason.clone() });
            blind.reason = reason;
        }
        blind
    }

    /// Why the engine is of no use any more, if it is not.
    pub(super) async fn lost(&self) -> Option<Stop> {
        match self.call_within(PROBE_TIMEOUT, self.run.api.info()).await {
            Ok(info) => check(&info).err().map(|error| Stop::NoSwarm(self.run.redactor.redact(&error.to_string()))),
            Err(error @ (ApiError::Unreachable { .. } | ApiError::NoAnswer { .. })) => {
                Some(Stop::NoEngine(self.words(&error)))
            }
            // It is there.
            Err(_) => None,
        }
    }
}
