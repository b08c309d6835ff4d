//! Scenarios on a real engine in swarm mode, which the tests start for themselves (scripts/engine): as root, on Debian.
//!
//! `scripts/test` runs them. By themselves: `scripts/setup`, then `cargo test --features live --test live`.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod attributes;
mod away;
mod checked;
mod classes;
mod client;
mod commands;
mod drift;
mod endpoints;
mod engine;
mod equivalence;
#[path = "../examples/mod.rs"]
mod examples;
#[path = "../fake_engine/mod.rs"]
#[allow(dead_code, reason = "only some of it is used")]
mod fake_engine;
mod fakes;
mod faults;
mod homes;
mod http;
mod injected;
mod isolation;
mod killed;
mod moving;
mod outages;
mod owners;
#[path = "../page/mod.rs"]
mod page;
mod proxy;
mod racing;
mod registry;
mod report;
mod running;
mod scenario;
mod served;
mod task_faults;
mod two_nodes;
mod undone;
mod until;
mod volumes;
