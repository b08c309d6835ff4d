//! swarmgen: a compiler from a declarative config to the Docker Swarm services of JupyterHub's users.
//!
//! ```text
//! texts --source--> Node --check--> Document --resolve--> ir::Service --emit--> stack | service | cli | template
//!                     \________________ diag: what went wrong, and where ________________/
//! ir::Service + the live swarm --plan--> Plan --apply--> services that run, or a clear failure
//! ```
//!
//! A module uses only those before it in this order: [`source`], [`diag`], [`model`], [`ir`], [`check`],
//! [`resolve`], [`emit`], [`plan`], `apply`, `spawner`, [`import`], `cli`.

#[cfg(feature = "apply")]
pub mod apply;
pub mod check;
#[cfg(feature = "cli")]
pub mod cli;
pub mod diag;
pub mod emit;
pub mod import;
pub mod ir;
pub mod model;
pub mod plan;
pub mod resolve;
pub mod source;
#[cfg(feature = "apply")]
pub mod spawner;
