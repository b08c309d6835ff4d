//! What the fuzzer found stays mended, and its targets hold for the examples: the same code as in fuzz/, without a
//! fuzzer.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

#[allow(unreachable_pub, reason = "it is a crate of its own in fuzz/")]
#[path = "../fuzz/src/lib.rs"]
mod targets;

use std::path::{Path, PathBuf};

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn what_was_found_is_mended() {
    let regressions = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/regressions");
    let mut all = Vec::new();
    if regressions.exists() {
        files(&regressions, &mut all);
    }
    all.sort();
    for path in all {
        let bytes = std::fs::read(&path).unwrap();
        // Whichever found it, all must bear it.
        targets::load(&bytes);
        targets::check(&bytes);
        targets::compile(&bytes);
    }
}

#[test]
fn the_targets_hold_for_the_examples() {
    let mut all = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples"), &mut all);
    let mut configs = 0;
    for path in all {
        let letter: &[u8] = match path.extension().and_then(|extension| extension.to_str()) {
            Some("toml") => b"t",
            Some("yaml") => b"y",
            _ => continue,
        };
        let mut bytes = [letter, &std::fs::read(&path).unwrap()].concat();
        let users = path.with_file_name("students.csv");
        if users.exists() {
            bytes.extend([b"\x1ec", &*std::fs::read(&users).unwrap()].concat());
        }
        targets::load(&bytes);
        targets::check(&bytes);
        targets::compile(&bytes);
        configs += 1;
    }
    assert!(configs > 20, "the examples are gone");
}
