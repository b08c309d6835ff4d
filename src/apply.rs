//! Plans become calls: reading the swarm, carrying out a [`Plan`](crate::plan), waiting until what was sent runs.
//!
//! No decision about what should be is taken here. [`api`] is the one door to the engine; `bollard` is the
//! only module that knows the client.

pub mod api;
pub mod bollard;
pub mod connect;
pub mod credentials;
mod dial;
#[cfg(test)]
mod fake;
pub mod observe;
pub mod resolve;

pub use api::SwarmApi;
pub use observe::observe;
