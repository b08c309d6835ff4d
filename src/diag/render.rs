//! Diagnostics as text.

pub mod human;
pub mod short;
