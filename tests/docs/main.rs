//! That the documentation is true: what is generated is up to date, and every example runs.
//!
//! `SWARMGEN_UPDATE=1 cargo test --test docs` writes what is generated and what commands print.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod ci;
mod console;
#[path = "../fake_engine/mod.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod fake_engine;
mod markdown;
mod migration;
mod pages;
mod reference;
mod tables;
