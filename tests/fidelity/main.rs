//! What SwarmSpawner was recorded to send, against what swarmgen makes of the same settings.
//!
//! `SWARMGEN_RECORDINGS=DIR cargo test --release fidelity -- --nocapture` replays other recordings.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod case;
mod compare;
mod python;
mod replay;

use std::path::PathBuf;

fn recordings() -> PathBuf {
    match std::env::var_os("SWARMGEN_RECORDINGS") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fidelity/recordings"),
    }
}

#[test]
fn fidelity() {
    let cases = case::read_all(&recordings());
    for case in &cases {
        for (index, step) in case.steps.iter().enumerate() {
            let outcome = replay::replay(case, step);
            let differences = compare::differences(&step.expected, &outcome);
            if differences.is_empty() {
                println!("same {} {index}", case.name);
            }
            for difference in differences {
                println!("diff {} {index} {difference:?}", case.name);
            }
        }
    }
}
