//! Plans become calls: reading the swarm, carrying out a [`Plan`](crate::plan), waiting until what was sent runs.
//!
//! No decision about what should be is taken here. [`api`] is the one door to the engine; `bollard` is the
//! only module that knows the client.

pub mod api;
pub mod bollard;
pub mod connect;
pub mod credentials;
mod dial;
pub mod event;
mod execute;
#[cfg(test)]
mod fake;
pub mod observe;
mod outcome;
pub mod ports;
pub mod redact;
pub mod remove;
pub mod resolve;
mod rollback;
pub mod wait;
mod work;

pub use api::SwarmApi;
pub use event::Event;
pub use observe::observe;
pub use outcome::{Outcome, Report, State, Stop};
pub use redact::Redactor;
pub use wait::Standing;
pub use work::{Refuse, Replan, Replanned, Run, Settings};
