//! The merge table: each file under `tests/merge` says what layers make of an attribute, and where each value came from.
//!
//! `config` and `second` are config documents, `hub_env` and `user_options` what a hub hands over. `expected` is part of
//! what `render --format service` prints: objects may have further keys, lists are whole, `null` means absent. `from`
//! gives, for a place in the merged tree, the line that its value comes from; `documents` the same for what is no server's,
//! and `gone` places that nothing has there. `rows` names the rows of the table that a case is for.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its own files has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use swarmgen::diag::Diagnostics;
use swarmgen::resolve::document::{Inputs, read_document};
use swarmgen::resolve::{Compiler, Request, policy};
use swarmgen::source::{Author, Disk, Node, Pointer, SourceMap};

/// One file under `tests/merge`.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    about: String,
    #[serde(default)]
    rows: Vec<String>,
    config: String,
    second: Option<String>,
    hub_env: Option<String>,
    user_options: Option<String>,
    expected: String,
    from: BTreeMap<String, String>,
    #[serde(default)]
    documents: BTreeMap<String, String>,
    #[serde(default)]
    gone: Vec<String>,
}

/// A case's texts as files.
struct Files {
    configs: Vec<PathBuf>,
    hub_env: Option<PathBuf>,
    user_options: Option<PathBuf>,
    ids: PathBuf,
}

impl Files {
    fn write(case: &Case, folder: &Path) -> Self {
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let ids = ["motd", "kernel", "kernel-2", "start-2", "extra", "database", "licence-2", "alices"];
        let ids: serde_json::Map<String, Value> =
            ids.iter().map(|name| ((*name).to_owned(), Value::from(format!("id-of-{name}")))).collect();
        Self {
            configs: std::iter::once(write("config.toml", &case.config))
                .chain(case.second.as_ref().map(|text| write("second.toml", text)))
                .collect(),
            hub_env: case.hub_env.as_ref().map(|text| write("hub-env.json", text)),
            user_options: case.user_options.as_ref().map(|text| write("user-options.json", text)),
            ids: write("ids.json", &Value::Object(ids).to_string()),
        }
    }
}

fn cases() -> Vec<(String, Case)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/merge");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let case = toml::from_str(&fs::read_to_string(&path).unwrap());
            (name.clone(), case.unwrap_or_else(|error| panic!("{name}: {error}")))
        })
        .collect()
}

/// What `render --format service` prints for alice.
fn rendered(files: &Files) -> Result<Value, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_swarmgen"));
    command.env_remove("SWARMGEN_CONFIG").args(["render", "--user", "alice", "--format", "service", "--ids"]);
    command.arg(&files.ids);
    for config in &files.configs {
        command.arg("-c").arg(config);
    }
    for (flag, path) in [("--hub-env", &files.hub_env), ("--user-options", &files.user_options)] {
        if let Some(path) = path {
            command.arg(flag).arg(path);
        }
    }
    let output = command.output().unwrap();
    if !output.status.success() || !output.stderr.is_empty() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(serde_json::from_slice(&output.stdout).unwrap())
}

/// Adds to `wrong` where a value is not as expected.
fn compare(expected: &Value, found: Option<&Value>, at: &str, wrong: &mut Vec<String>) {
    match (expected, found) {
        (Value::Null, None) => {}
        (Value::Object(expected), Some(Value::Object(found))) => {
            for (key, value) in expected {
                compare(value, found.get(key), &format!("{at}/{key}"), wrong);
            }
        }
        (Value::Array(expected), Some(Value::Array(found))) if expected.len() == found.len() => {
            for (index, (expected, found)) in expected.iter().zip(found).enumerate() {
                compare(expected, Some(found), &format!("{at}/{index}"), wrong);
            }
        }
        // Absent objects have absent keys.
        (Value::Object(expected), None) if expected.values().all(Value::is_null) => {}
        (expected, Some(found)) if expected == found => {}
        (expected, found) => wrong.push(format!(
            "{at}: expected {expected}, found {}",
            found.map_or_else(|| "nothing".to_owned(), Value::to_string)
        )),
    }
}

/// The line that each place of `from` comes from, where it is another one.
fn wrong_origins(case: &Case, files: &Files) -> Vec<String> {
    let sources = SourceMap::new();
    let mut diagnostics = Diagnostics::new();
    let inputs = Inputs { configs: files.configs.clone(), users_files: Vec::new(), levels: Vec::new() };
    let compiler = Compiler::load(&inputs, &Disk, &sources, &mut diagnostics).unwrap();
    let options = files
        .user_options
        .as_ref()
        .map(|path| read_document(path, Author::Data, &Disk, &sources, &mut diagnostics).unwrap());
    let user = compiler.user("alice", &mut diagnostics).unwrap();
    let request = Request { options: options.as_ref(), ..Request::default() };
    let server = compiler.resolve(&user, &request, &mut diagnostics).unwrap();
    let mut wrong = origins(&sources, &server.spec, &case.from);
    wrong.extend(origins(&sources, compiler.root(), &case.documents));
    let left = case.gone.iter().filter(|place| compiler.root().at(&Pointer::parse(place.as_str())).is_some());
    wrong.extend(left.map(|place| format!("{place} is still there")));
    wrong
}

/// Where values come from another line than the one given for their place.
fn origins(sources: &SourceMap, root: &Node, lines: &BTreeMap<String, String>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (place, line) in lines {
        let Some(node) = root.at(&Pointer::parse(place)) else {
            wrong.push(format!("{place}: the merged tree has no such place"));
            continue;
        };
        let source = sources.get(node.span.source);
        let at = sources.position(node.span);
        let found = source.text().lines().nth(at.line as usize - 1).unwrap_or_default().trim();
        if found != line {
            wrong.push(format!(
                "{place}: expected to come from `{line}`, comes from {}:{}: `{found}`",
                source.name(),
                at.line
            ));
        }
    }
    wrong
}

/// The attributes that a later layer replaces whole, and the scalars.
const REPLACED: [&str; 9] = [
    "accelerators",
    "args",
    "command",
    "endpoint_spec",
    "healthcheck",
    "networks",
    "placement",
    "resource_spec",
    "scalars",
];

#[test]
fn every_row_of_the_table_has_a_case() {
    const OTHERS: &str = "everything else";
    let cases = cases();
    let said: BTreeSet<&str> = cases.iter().flat_map(|(_, case)| case.rows.iter().map(String::as_str)).collect();
    let rows: BTreeSet<&str> = policy::TABLE.iter().map(|(row, _)| *row).chain([OTHERS]).collect();
    assert_eq!(said, rows);
    let others = cases.iter().filter(|(_, case)| case.rows.iter().any(|row| row == OTHERS));
    let others: Vec<&str> = others.map(|(name, _)| name.as_str()).collect();
    assert_eq!(others, REPLACED);
    // Two layers have to say something for it to combine.
    for (name, case) in &cases {
        let texts = case.config.clone() + case.second.as_deref().unwrap_or_default();
        for key in
            case.rows.iter().filter(|row| *row != OTHERS).filter_map(|row| row.split('.').rfind(|key| *key != "*"))
        {
            assert!(texts.matches(key).count() > 1, "{name}: `{key}` stands in one layer");
        }
    }
}

#[test]
fn layers_combine_as_the_table_says() {
    let mut failures = Vec::new();
    let cases = cases();
    assert!(cases.len() > 30, "the cases are not found");
    for (name, case) in &cases {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::write(case, folder.path());
        let mut wrong = Vec::new();
        match rendered(&files) {
            Ok(found) => {
                let expected: Value = serde_json::from_str(&case.expected).unwrap_or_else(|e| panic!("{name}: {e}"));
                compare(&expected, Some(&found), "", &mut wrong);
                wrong.extend(wrong_origins(case, &files));
            }
            Err(stderr) => wrong.push(stderr),
        }
        if case.from.is_empty() {
            wrong.push("`from` is empty".to_owned());
        }
        if !wrong.is_empty() {
            failures.push(format!("{name}: {}\n  {}", case.about, wrong.join("\n  ")));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
