//! A `jupyterhub_config.py` as a config.
//!
//! ```text
//! python3 --shim--> Recording (Py values, each with its line) --translate--> Draft (a config being written) + Report
//! ```
//!
//! The Python program is run by the operator's own interpreter; what it set is translated here, in pure functions.

pub mod allow;
pub mod draft;
#[cfg(feature = "cli")]
pub mod python;
pub mod recording;
pub mod report;
pub mod text;
pub mod translate;
pub mod value;
pub mod version;
