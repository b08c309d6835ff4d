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

/// The first cell of each record of a users file of an example's.
fn first_cells(file: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(file);
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().skip(1).map(|line| line.split(',').next().unwrap().to_owned()).collect()
}

#[test]
fn the_university_is_as_large_and_its_names_as_difficult_as_it_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/university/swarmgen.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    let config: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
    assert_eq!(config["images"].as_sequence().unwrap().len(), 12);
    assert_eq!(config["networks"].as_sequence().unwrap().len(), 2);
    let configs: BTreeSet<&str> =
        text.split("config_name: ").skip(1).filter_map(|rest| rest.split([',', ' ', '\n']).next()).collect();
    assert_eq!(configs.len(), 11, "{configs:?}");
    let names = first_cells("university/people.csv");
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), 300);
    let has = |what: &str, is: &dyn Fn(&str) -> bool| assert!(names.iter().any(|name| is(name)), "no name {what}");
    has("is alice", &|name| name == "alice");
    has("is an e-mail address", &|name| name.contains('@'));
    has("has upper case", &|name| name.chars().any(char::is_uppercase));
    has("has accents", &|name| name.chars().any(|c| ('\u{c0}'..='\u{24f}').contains(&c)));
    has("is Chinese", &|name| name.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)));
    has("has 100 characters", &|name| name.chars().count() == 100);
    has("differs from another in the first letter only", &|name| {
        let rest = |name: &str| name.chars().skip(1).collect::<String>();
        names.iter().any(|other| other != name && rest(other) == rest(name))
    });
}

#[test]
fn the_class_has_200_students_with_tokens_of_their_own() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/classroom/students.csv");
    let text = std::fs::read_to_string(path).unwrap();
    let tokens: BTreeSet<&str> = text.lines().skip(1).map(|line| line.split(',').nth(1).unwrap()).collect();
    assert!(tokens.iter().all(|token| token.len() >= 32));
    assert_eq!(tokens.len(), 200);
    assert_eq!(first_cells("classroom/students.csv").iter().collect::<BTreeSet<_>>().len(), 200);
}
