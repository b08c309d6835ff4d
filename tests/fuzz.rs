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
        targets::import(&bytes);
    }
}

/// What the shim tells of a Python config.
#[cfg(unix)]
fn document(config: &Path) -> String {
    const RUN: &str =
        "import sys; exec(compile(sys.stdin.buffer.read(), '<swarmgen>', 'exec'), {'__name__': 'swarmgen'})";
    let shim = ["settings", "modules", "values", "run"].map(|part| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/import/shim/{part}.py"));
        std::fs::read_to_string(path).unwrap()
    });
    let mut python = std::process::Command::new("python3");
    python.args(["-I", "-S", "-c", RUN]).arg(config).arg("60");
    python.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    // The shim ends its whole group.
    std::os::unix::process::CommandExt::process_group(&mut python, 0);
    let mut python = python.spawn().unwrap();
    std::io::Write::write_all(&mut python.stdin.take().unwrap(), shim.concat().as_bytes()).unwrap();
    let mut document = String::new();
    std::io::Read::read_to_string(&mut python.stdout.take().unwrap(), &mut document).unwrap();
    python.wait().unwrap();
    document
}

#[test]
#[cfg(unix)]
fn the_import_holds_for_python_configs() {
    let mut all = Vec::new();
    for folder in ["examples/migration", "fuzz/seeds"] {
        files(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut all);
    }
    all.retain(|path| path.extension().is_some_and(|extension| extension == "py"));
    assert_eq!(all.len(), 4);
    for path in all {
        let document = document(&path);
        assert!(document.contains(r#""error": null"#), "{}: {document}", path.display());
        targets::import(document.as_bytes());
        for (old, new) in
            [("1", "1e3"), ("{", "{{"), (": [", ": {"), ("\"}", "\n\"}"), ("c.", "\\u2028"), ("a", "\\u0000")]
        {
            targets::import(document.replacen(old, new, 40).as_bytes());
        }
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
