//! Whether a config says what can be said, and what is wise.
//!
//! The schema comes first: what passes it has only known keys with values of the right types. Then [`canonical`]
//! brings it into one form, and [`rules`] judge it.

pub mod canonical;
pub mod image;
pub mod known;
pub mod level;
pub mod object;
pub mod placement;
pub mod rules;
pub mod schema;
pub mod volume;
