//! What differs between the wanted services and the swarm, and what to do about it. Nothing is read or sent here.
//!
//! ```text
//! ObservedState  (the swarm, read once)      Wanted  (each user's server, as the compiler makes it)
//!        \______________ normalize: one canonical form, the engine's defaults filled in ________/
//!                                 diff: Changes, each with its Cause
//!                                 planner: Plan { items, actions in stages }, shown by show
//! ```
//!
//! Planning decides and `apply` acts: an action holds all that its call needs.

mod admission;
pub mod cluster;
pub mod diff;
pub mod field;
pub mod fingerprint;
mod graft;
pub mod graph;
pub mod label;
pub mod normalize;
pub mod object;
pub mod observed;
pub mod place;
pub mod planner;
pub mod report;
pub mod show;
pub mod status;

pub use graph::{Action, Plan};
pub use observed::ObservedState;
pub use planner::{Options, Wanted, plan};
