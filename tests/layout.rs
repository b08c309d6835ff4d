//! What a reader of the sources may rely on.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::{Path, PathBuf};
use std::process::Command;

use swarmgen::diag::code;

/// A module uses only those before it.
const ORDER: [&str; 12] =
    ["source", "diag", "model", "ir", "check", "resolve", "emit", "plan", "apply", "spawner", "import", "cli"];

/// Beyond this many lines a file wants to be two.
const MOST_LINES: usize = 600;

fn visit(folder: &Path, files: &mut Vec<(PathBuf, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            visit(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            files.push((path, text));
        }
    }
}

/// The Rust files below a folder of the repository, as paths from the folder, sorted, with their text.
fn rust_files(folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files = Vec::new();
    visit(&root, &mut files);
    files.sort();
    files.into_iter().map(|(path, text)| (path.strip_prefix(&root).unwrap().display().to_string(), text)).collect()
}

/// The modules of the crate that a text names, with the lines.
fn modules(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for rest in line.split("crate::").skip(1) {
            // `crate::{a, b::c}` names several.
            let words = match rest.strip_prefix('{') {
                Some(several) => several.split('}').next().unwrap_or_default().split(',').collect(),
                None => vec![rest],
            };
            for word in words {
                let name: String = word.trim().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                found.push((index + 1, name));
            }
        }
    }
    found
}

#[test]
fn modules_use_only_earlier_ones() {
    let place = |name: &str| ORDER.iter().position(|module| *module == name);
    let mut uses = 0;
    for (path, text) in rust_files("src") {
        let own = path.split(['/', '.']).next().unwrap();
        let Some(own_place) = place(own) else {
            assert!(matches!(own, "lib" | "main"), "{path}: `{own}` has no place in the order");
            continue;
        };
        // Tests may look ahead.
        let shipped = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        if path.contains("tests") {
            continue;
        }
        for (line, used) in modules(shipped) {
            let used_place = place(&used).unwrap_or_else(|| panic!("{path}:{line}: no module `{used}`"));
            assert!(used_place <= own_place, "{path}:{line}: `{own}` comes before `{used}`");
            uses += usize::from(used_place < own_place);
        }
    }
    assert!(uses > 100, "only {uses} uses were found");
}

#[test]
fn uses_are_found() {
    let text = "use crate::diag::code;\nuse crate::{ir, source::Node};\nlet x = crate::emit::yaml(crate::ir::Y);";
    let found: Vec<String> = modules(text).into_iter().map(|(line, name)| format!("{line} {name}")).collect();
    assert_eq!(found, ["1 diag", "2 ir", "2 source", "3 emit", "3 ir"]);
}

#[test]
fn files_are_short() {
    for folder in ["src", "tests"] {
        for (path, text) in rust_files(folder) {
            let lines = text.lines().count();
            assert!(lines <= MOST_LINES, "{folder}/{path} has {lines} lines");
        }
    }
}

#[test]
fn nothing_is_left_to_do() {
    let marks = ["TO DO", "FIX ME", "XX X", "todo !", "unimplemented !", "dbg !"].map(|mark| mark.replace(' ', ""));
    for folder in ["src", "tests"] {
        for (path, text) in rust_files(folder) {
            for (index, line) in text.lines().enumerate() {
                let mark = marks.iter().find(|mark| line.contains(*mark));
                assert!(mark.is_none(), "{folder}/{path}:{}: {line}", index + 1);
            }
        }
    }
}

#[test]
fn every_code_is_used() {
    let registry = include_str!("../src/diag/code.rs");
    let constant = |id: &str| {
        let line = registry.lines().find(|line| line.contains(&format!("\"{id}\""))).unwrap();
        line.split_whitespace().next().unwrap().to_owned()
    };
    let sources: Vec<String> =
        rust_files("src").into_iter().filter(|(path, _)| path != "diag/code.rs").map(|(_, text)| text).collect();
    let unused = |name: &String| {
        let is_word = |text: &str| {
            text.match_indices(name.as_str()).any(|(at, _)| {
                let after = text[at + name.len()..].chars().next();
                text[..at].ends_with("code::") && !after.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_')
            })
        };
        !sources.iter().any(|text| is_word(text))
    };
    let unused: Vec<String> = code::ALL.iter().map(|code| constant(code.id)).filter(unused).collect();
    assert_eq!(unused, [""; 0], "no source uses these codes");
}

/// Whether a line of code takes something apart and leaves the rest of it out.
fn leaves_out(line: &str) -> bool {
    let code = line.trim();
    let rests = ["{ .. }", ", .. }", "(..)", ", ..)"];
    !code.starts_with("//") && (code == ".." || rests.iter().any(|rest| code.contains(*rest)))
}

#[test]
fn emitters_leave_nothing_out() {
    let mut read = 0;
    for (path, text) in rust_files("src") {
        let emits = path == "emit.rs" || path.starts_with("emit/");
        // Tests may look at a part.
        if !emits || path == "emit/fixture.rs" || path.ends_with("/tests.rs") {
            continue;
        }
        read += 1;
        for (index, line) in text.lines().enumerate() {
            assert!(!leaves_out(line), "src/{path}:{}: {line}", index + 1);
        }
    }
    assert!(read >= 10, "only {read} emitters were found");
}

#[test]
fn what_is_left_out_is_found() {
    for line in ["let A { b, .. } = c;", "A { .. } => {}", "    ..", "(a, ..) = b", "A(..) => {}"] {
        assert!(leaves_out(line), "{line}");
    }
    for line in ["let A { b, c: _ } = d;", "b.get(..2)", "&a[1..]", "A { b, ..a() }", "/// Without `{ .. }`."] {
        assert!(!leaves_out(line), "{line}");
    }
}

/// `1.89` or `1.88.0` as numbers.
fn version(text: &str) -> Vec<u32> {
    text.split('.').map(|part| part.parse().unwrap()).collect()
}

#[test]
fn dependencies_need_no_newer_rust() {
    let host = Command::new("rustc").arg("-vV").output().unwrap();
    let host = String::from_utf8(host.stdout).unwrap();
    let host = host.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--format-version", "1", "--locked", "--offline", "--all-features", "--filter-platform"]);
    let output = cargo.arg(host).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let ours = version(env!("CARGO_PKG_RUST_VERSION"));
    assert!(packages.len() > 50);
    for package in packages {
        let Some(needed) = package["rust_version"].as_str() else { continue };
        assert!(version(needed)[..2] <= ours[..2], "{} needs Rust {needed}", package["id"]);
    }
}
