//! Scenarios on a real engine in swarm mode, which the tests start for themselves (scripts/engine): as root, on Debian.
//!
//! `scripts/test` runs them. By themselves: `scripts/setup`, then `cargo test --features live --test live`.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod client;
mod engine;
mod equivalence;
#[path = "../examples/mod.rs"]
mod examples;
#[path = "../fake_engine/mod.rs"]
#[allow(dead_code, reason = "only its comparison is used")]
mod fake_engine;
mod faults;
mod homes;
mod http;
mod isolation;
mod proxy;
mod running;
mod scenario;
mod two_nodes;
mod until;
