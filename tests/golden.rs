//! Every folder under `examples/`, and a config with every key: what it renders is what is committed, and the
//! examples validate without a word.
//!
//! `SWARMGEN_UPDATE=1 cargo test --test golden` writes the expected files.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod examples;

use std::collections::BTreeSet;
use std::path::Path;

use examples::Example;

/// The files below a folder, as paths from its parent.
fn files(folder: &Path, prefix: &str) -> BTreeSet<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return BTreeSet::new() };
    let mut found = BTreeSet::new();
    for entry in entries {
        let path = entry.unwrap().path();
        let name = format!("{prefix}/{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            found.extend(files(&path, &name));
        } else {
            found.insert(name);
        }
    }
    found
}

/// What is wrong with an example's expected files.
fn faults(example: &Example, update: bool) -> Vec<String> {
    let mut faults = Vec::new();
    let mut named = BTreeSet::new();
    for case in &example.cases {
        let at = format!("{}/{}", example.name, case.out);
        assert!(case.out.starts_with("expected/"), "{at}: expected files stand under `expected/`");
        assert!(named.insert(case.out.clone()), "{at} is named twice");
        let rendered = example.render(case);
        let path = example.folder.join(&case.out);
        if update {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &rendered).unwrap();
        }
        match std::fs::read(&path) {
            Err(error) => faults.push(format!("{at}: {error}")),
            Ok(expected) if expected != rendered => faults.push(difference(&at, &expected, &rendered)),
            Ok(_) => {}
        }
    }
    let stray = files(&example.folder.join("expected"), "expected");
    faults.extend(stray.difference(&named).map(|file| format!("{}/{file}: no case names it", example.name)));
    faults
}

/// The first line at which a rendering is not the expected one.
fn difference(at: &str, expected: &[u8], rendered: &[u8]) -> String {
    let [expected, rendered] = [expected, rendered].map(|text| String::from_utf8_lossy(text).into_owned());
    let mut pairs = expected.split('\n').zip(rendered.split('\n')).enumerate();
    match pairs.find(|(_, (expected, rendered))| expected != rendered) {
        Some((index, (expected, rendered))) => {
            format!("{at}:{}: expected `{expected}`, rendered `{rendered}`", index + 1)
        }
        None => format!("{at}: one is longer ({} and {} bytes)", expected.len(), rendered.len()),
    }
}

#[test]
fn renderings_are_the_expected_files() {
    let update = std::env::var_os("SWARMGEN_UPDATE").is_some();
    // A config with every key: each value in the engine's terms.
    let everything = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/syntaxes/everything");
    let all = examples::all().into_iter().chain([examples::load("everything", &everything)]);
    let faults: Vec<String> = all.flat_map(|example| faults(&example, update)).collect();
    assert!(
        faults.is_empty(),
        "{}\nif this is what is meant: `SWARMGEN_UPDATE=1 cargo test --test golden`",
        faults.join("\n")
    );
}

#[test]
fn examples_validate_without_a_warning() {
    for example in examples::all() {
        let output = example.validate(&example.folder, &example.config);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {said}", example.name);
        assert!(said.starts_with("checked ") || said.starts_with("note["), "{}: {said}", example.name);
        assert!(!said.contains("warning[") && !said.contains("error["), "{}: {said}", example.name);
        assert!(output.stdout.is_empty(), "{}", example.name);
    }
}

#[test]
fn a_rendering_is_the_same_each_time() {
    for example in examples::all() {
        for case in &example.cases {
            assert!(example.render(case) == example.render(case), "{}/{}", example.name, case.out);
        }
    }
}
