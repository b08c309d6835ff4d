//! Checks of a config's tree.

pub mod schema;
