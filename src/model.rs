//! The config language as types, from which its JSON Schema is derived.
//!
//! Keys are the trait names of jhub-SwarmSpawner and the argument names of docker-py
//! (<https://docker-py.readthedocs.io/en/stable/api.html#docker.types.ContainerSpec>). The types say what may be
//! written and with what shape; the compiler itself works on the spanned tree, so that every finding has its place.
//! A key whose description says "Absent:" has no default value, and that is what leaving it out means.

pub mod amount;
pub mod container;
pub mod mount;
pub mod profile;
mod schema;
pub mod service;
pub mod user;
pub mod value;

pub use profile::{Config, Overrides, Profile};
pub use schema::{SCHEMA_ID, schema};
pub use user::User;

/// The JSON Schema of a config document as committed: the text that `swarmgen schema` prints.
pub const CONFIG_SCHEMA: &str = include_str!("../schema/config.schema.json");
