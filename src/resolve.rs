//! From a checked document and a user to a server.

pub mod amount;
pub mod naming;
