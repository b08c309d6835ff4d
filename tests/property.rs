//! What holds for any input: the tests' own reading of the contract against what the compiler makes of random configs.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

#[allow(dead_code, reason = "shared with the emitters' tests")]
mod fake_engine;
#[path = "property/layers.rs"]
mod layers;
#[path = "property/mutations.rs"]
mod mutations;
#[path = "property/names.rs"]
mod names;
mod plain_tree;
#[path = "property/plan.rs"]
mod plan;
#[path = "property/readers.rs"]
mod readers;
#[path = "property/requests.rs"]
mod requests;
#[path = "property/roster.rs"]
mod roster;
#[path = "property/secrets.rs"]
mod secrets;
#[path = "property/series.rs"]
mod series;
mod stored_spec;
#[path = "property/strings.rs"]
mod strings;
#[path = "property/text.rs"]
mod text;
#[path = "property/world.rs"]
mod world;
