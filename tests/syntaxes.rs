//! TOML, YAML and JSON say the same: what is rendered, and what is wrong where.
//!
//! Mistakes stand under `tests/syntaxes/mistakes/`, each in the three syntaxes with the mistake at the same line and
//! column, and in `expected.txt` what is found there. `SWARMGEN_UPDATE=1 cargo test --test syntaxes` writes that file.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod examples;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Output;

use examples::{Case, Example, load, swarmgen};
use serde::ser::{Serialize, SerializeMap, Serializer};
use swarmgen::source::{Author, Node, SourceMap, Syntax, Value, parse};

const FORMATS: [&str; 4] = ["stack", "service", "cli", "template"];
const EXTENSIONS: [&str; 3] = ["toml", "yaml", "json"];

/// A tree, to be written in another syntax.
struct Tree<'a>(&'a Node);

impl Serialize for Tree<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0.value {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(truth) => serializer.serialize_bool(*truth),
            Value::Int(number) => serializer.serialize_i64(*number),
            Value::Float(number) => serializer.serialize_f64(*number),
            Value::Str(text) => serializer.serialize_str(text),
            Value::Seq(items) => serializer.collect_seq(items.iter().map(Tree)),
            Value::Map(map) => {
                let mut fields = serializer.serialize_map(Some(map.entries.len()))?;
                for entry in map {
                    fields.serialize_entry(&*entry.key, &Tree(&entry.value))?;
                }
                fields.end()
            }
        }
    }
}

fn read(text: &str, syntax: Syntax) -> Node {
    let sources = SourceMap::new();
    let id = sources.add("config", "", Author::Config, text.to_owned());
    parse(&sources, id, syntax).unwrap_or_else(|faults| panic!("{faults:?}\n{text}"))
}

fn write(tree: &Node, extension: &str) -> String {
    match extension {
        "toml" => toml::to_string_pretty(&Tree(tree)).unwrap(),
        "json" => serde_json::to_string_pretty(&Tree(tree)).unwrap(),
        _ => {
            let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
            serde_saphyr::to_string_with_options(&Tree(tree), options).unwrap()
        }
    }
}

/// A value in which the order of a table's keys does not count: TOML has plain keys before tables.
fn unordered(node: &Node) -> serde_json::Value {
    serde_json::to_value(Tree(node)).unwrap()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let copied = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &copied);
        } else {
            std::fs::copy(&path, &copied).unwrap();
        }
    }
}

/// The examples' configs and one that says every key.
fn configs() -> Vec<Example> {
    let mut all = examples::all();
    all.push(load("everything", &everything()));
    all
}

fn everything() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/syntaxes/everything")
}

/// The codes of what was found, sorted, with how often.
fn codes(output: &Output) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for rest in String::from_utf8_lossy(&output.stderr).split("[SG").skip(1) {
        *found.entry(rest.chars().take(3).collect()).or_default() += 1;
    }
    found
}

#[test]
fn the_same_config_renders_the_same() {
    let mut rendered: BTreeMap<&str, usize> = BTreeMap::new();
    for example in configs() {
        let config = example.folder.join(&example.config);
        let own = Syntax::of_path(&config).unwrap();
        let tree = read(&std::fs::read_to_string(&config).unwrap(), own);
        let temporary = tempfile::tempdir().unwrap();
        let folders = EXTENSIONS.map(|extension| {
            let folder = temporary.path().join(extension);
            copy(&example.folder, &folder);
            std::fs::remove_file(folder.join(&example.config)).unwrap();
            let text = write(&tree, extension);
            let name = format!("swarmgen.{extension}");
            assert_eq!(
                unordered(&read(&text, Syntax::of_path(Path::new(&name)).unwrap())),
                unordered(&tree),
                "{} as {extension}",
                example.name
            );
            std::fs::write(folder.join(&name), text).unwrap();
            (folder, name)
        });
        for (folder, name) in &folders {
            let output = example.validate(folder, name);
            let said = String::from_utf8_lossy(&output.stderr);
            // Comments that allow something are lost on the way.
            let quiet = output.status.success() && !said.contains("warning[") && !said.contains("error[");
            assert!(quiet, "{} as {name}: {said}", example.name);
        }
        let template = temporary.path().join("services.txt");
        std::fs::write(&template, "{{ services|tojson }}\n").unwrap();
        let cases: Vec<Case> = FORMATS
            .iter()
            .flat_map(|format| example.cases.iter().map(|case| case.with_format(format)))
            .map(|mut case| {
                case.secrets = true;
                if case.value_of("--format") == Some("template") {
                    case.args.extend(["--template".to_owned(), template.display().to_string()]);
                }
                case
            })
            .collect();
        for case in cases {
            let original = example.command(&example.folder, &example.config, &case).output().unwrap();
            for (folder, name) in &folders {
                let output = example.command(folder, name, &case).output().unwrap();
                let at = format!("{} as {name}: {:?}", example.name, case.args);
                assert_eq!(output.status, original.status, "{at}: {}", String::from_utf8_lossy(&output.stderr));
                assert_eq!(codes(&output), codes(&original), "{at}");
                assert!(output.stdout == original.stdout, "{at}");
            }
            if original.status.success() {
                let format = FORMATS.into_iter().find(|format| case.value_of("--format") == Some(format)).unwrap();
                *rendered.entry(format).or_default() += 1;
            }
        }
    }
    let fewest = rendered.values().min().copied();
    assert!(rendered.len() == FORMATS.len() && fewest > Some(20), "hardly anything was compared: {rendered:?}");
}

fn keys(node: &Node, found: &mut BTreeSet<String>) {
    match &node.value {
        Value::Map(map) => {
            for entry in map {
                found.insert(entry.key.to_string());
                keys(&entry.value, found);
            }
        }
        Value::Seq(items) => items.iter().for_each(|item| keys(item, found)),
        _ => {}
    }
}

#[test]
fn everything_has_every_key() {
    let text = std::fs::read_to_string(everything().join("swarmgen.toml")).unwrap();
    let mut found = BTreeSet::new();
    keys(&read(&text, Syntax::Toml), &mut found);
    let schema: serde_json::Value = serde_json::from_str(swarmgen::model::CONFIG_SCHEMA).unwrap();
    let tables = schema["$defs"].as_object().unwrap().values().chain([&schema]);
    let properties = tables.filter_map(|table| table["properties"].as_object()).flatten();
    let missing: BTreeSet<&String> = properties.map(|(key, _)| key).filter(|key| !found.contains(*key)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

fn mistakes() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/syntaxes/mistakes")
}

/// What is found in a config: a code, line and column each.
fn findings(file: &str) -> Vec<String> {
    let output = swarmgen(&mistakes()).args(["-c", file, "--message-format", "short", "validate"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!said.contains("panicked"), "{file}: {said}");
    let mut found = Vec::new();
    for line in said.lines() {
        let Some((place, rest)) = line.split_once(": ") else { continue };
        let (Some(at), Some((_, rest))) = (place.strip_prefix(&format!("{file}:")), rest.split_once('[')) else {
            continue;
        };
        found.push(format!("{} {at}", &rest[..5]));
    }
    // A message without a place would be lost here.
    assert_eq!(found.len(), said.matches("[SG").count(), "{file}: {said}");
    found
}

#[test]
fn the_same_mistake_is_found_at_the_same_place() {
    let mut names = BTreeMap::new();
    for entry in std::fs::read_dir(mistakes()).unwrap() {
        let path = entry.unwrap().path();
        let (stem, extension) = (path.file_stem().unwrap(), path.extension().unwrap());
        if EXTENSIONS.iter().any(|known| extension == *known) {
            *names.entry(stem.to_str().unwrap().to_owned()).or_insert(0) += 1;
        }
    }
    assert!(names.len() >= 25, "{names:?}");
    let mut all = String::new();
    let mut faults = String::new();
    for (name, count) in names {
        assert_eq!(count, EXTENSIONS.len(), "`{name}` is not in every syntax");
        let [toml, yaml, json] = EXTENSIONS.map(|extension| findings(&format!("{name}.{extension}")));
        if toml != yaml || yaml != json || toml.is_empty() {
            writeln!(faults, "{name}: TOML {toml:?}, YAML {yaml:?}, JSON {json:?}").unwrap();
        }
        writeln!(all, "{name}: {}", toml.join(", ")).unwrap();
    }
    assert!(faults.is_empty(), "{faults}");
    let expected = mistakes().join("expected.txt");
    if std::env::var_os("SWARMGEN_UPDATE").is_some() {
        std::fs::write(&expected, &all).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&expected).unwrap(), all);
}
