//! What each diagnostic looks like: a folder under `tests/ui` for every code.
//!
//! `case.toml` says how the command is run in its folder, `expected.txt` what it writes to standard error. With
//! `SWARMGEN_UPDATE=1` the latter is written anew; read what changed. A run with `each` is repeated with each of these
//! files in place of `CONFIG`: the same mistake in three syntaxes, which has to give the same code, line and column.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its own files has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use swarmgen::diag::code;

/// Stands in secrets only, so that nothing written may hold it.
const CANARY: &str = "canary";

/// One `case.toml`.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    about: String,
    #[serde(default)]
    make: Vec<Make>,
    run: Vec<Run>,
}

/// What cannot stand in a repository: an empty folder, a large file.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Make {
    folder: Option<PathBuf>,
    file: Option<PathBuf>,
    #[serde(default)]
    size: u64,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Run {
    args: Vec<String>,
    #[serde(default)]
    each: Vec<String>,
    #[serde(default)]
    agree: Agree,
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// A file that standard output goes to, readable by all.
    stdout: Option<PathBuf>,
    #[serde(default = "one")]
    exit: i32,
    /// Whether the folder's code is found.
    #[serde(default = "yes")]
    finds: bool,
}

fn yes() -> bool {
    true
}

fn one() -> i32 {
    1
}

/// What the repetitions of a run have in common.
#[derive(Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum Agree {
    /// Codes and places.
    #[default]
    Place,
    /// Codes: each syntax breaks in its own way.
    Code,
}

fn folders() -> Vec<PathBuf> {
    let ui = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui");
    let mut folders: Vec<PathBuf> = fs::read_dir(ui).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders
}

fn name_of(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

/// A copy of a case's folder, so that runs leave nothing behind.
fn copy(folder: &Path, case: &Case) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if !matches!(name_of(&path), "case.toml" | "expected.txt") {
            fs::copy(&path, copy.path().join(name_of(&path))).unwrap();
        }
    }
    for make in &case.make {
        if let Some(folder) = &make.folder {
            fs::create_dir(copy.path().join(folder)).unwrap();
        }
        if let Some(file) = &make.file {
            fs::File::create(copy.path().join(file)).unwrap().set_len(make.size).unwrap();
        }
    }
    copy
}

/// Runs the command and gives back what it wrote to standard error.
fn execute(run: &Run, args: &[String], folder: &Path, wrong: &mut Vec<String>) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_swarmgen"));
    command.args(args).current_dir(folder).env_clear().envs(&run.env).stdin(Stdio::null());
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    if let Some(path) = &run.stdout {
        let path = folder.join(path);
        let file = fs::File::create(&path).unwrap();
        #[cfg(unix)]
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
        command.stdout(file);
    }
    let output = command.output().unwrap();
    let shown = args.join(" ");
    if output.status.code() != Some(run.exit) {
        wrong.push(format!("`{shown}` ended with {}, not {}", output.status, run.exit));
    }
    if !output.stdout.is_empty() {
        wrong.push(format!("`{shown}` wrote to standard output"));
    }
    String::from_utf8(output.stderr).unwrap()
}

/// Whether a diagnostic's line of `--message-format short` has this code.
fn has_code(short: &str, id: &str) -> bool {
    short.lines().any(|line| line.contains(&format!("[{id}]:")))
}

/// What of the short form has to be the same in all syntaxes: places and codes, without file names.
fn essence(short: &str, file: &str, agree: Agree) -> BTreeSet<String> {
    short
        .lines()
        .filter_map(|line| {
            let (place, rest) = line.split_once("[SG")?;
            let place = place.strip_prefix(file).unwrap_or(place);
            let id = rest.get(..3)?;
            Some(if agree == Agree::Place { format!("{place}[SG{id}]") } else { format!("SG{id}") })
        })
        .collect()
}

/// Runs all of a case; the snapshot is what they write.
fn check(folder: &Path, wrong: &mut Vec<String>) -> String {
    let id = name_of(folder).split('-').next().unwrap().to_uppercase();
    let case: Case = toml::from_str(&fs::read_to_string(folder.join("case.toml")).unwrap())
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut snapshot = format!("{}\n", case.about);
    for run in &case.run {
        let files: Vec<&str> = match run.each.as_slice() {
            [] => vec![""],
            each => each.iter().map(String::as_str).collect(),
        };
        let mut first: Option<BTreeSet<String>> = None;
        for file in files {
            let mut args: Vec<String> =
                run.args.iter().map(|arg| if arg == "CONFIG" { file.to_owned() } else { arg.clone() }).collect();
            let human = execute(run, &args, copy(folder, &case).path(), wrong);
            write!(snapshot, "\n$ swarmgen {}\n{human}", args.join(" ")).unwrap();
            args.extend(["--message-format", "short"].map(str::to_owned));
            let short = execute(run, &args, copy(folder, &case).path(), wrong);
            if has_code(&short, &id) != run.finds {
                let does = if run.finds { "does not find" } else { "finds" };
                wrong.push(format!("`{}` {does} {id}: {short}", args.join(" ")));
            }
            let essence = essence(&short, file, run.agree);
            match &first {
                Some(first) if *first != essence => {
                    wrong.push(format!("`{}` differs: {first:?} and {essence:?}", args.join(" ")));
                }
                Some(_) => {}
                None => first = Some(essence),
            }
        }
    }
    if snapshot.contains(CANARY) {
        wrong.push("a secret is shown".to_owned());
    }
    snapshot
}

#[test]
fn diagnostics_look_as_committed() {
    let update = std::env::var_os("SWARMGEN_UPDATE").is_some();
    let folders = folders();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let failures: String = std::thread::scope(|scope| {
        let started: Vec<_> = folders
            .chunks(folders.len().div_ceil(threads))
            .map(|folders| {
                scope.spawn(move || folders.iter().map(|folder| compare(folder, update)).collect::<String>())
            })
            .collect();
        started.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(failures.is_empty(), "{failures}");
}

/// Compares a folder's snapshot with what its runs write now, and tells what is wrong.
fn compare(folder: &Path, update: bool) -> String {
    let mut wrong = Vec::new();
    let found = check(folder, &mut wrong);
    let path = folder.join("expected.txt");
    let expected = fs::read_to_string(&path).unwrap_or_default();
    if found != expected && update {
        fs::write(&path, &found).unwrap();
    } else if found != expected {
        let differs = expected.lines().zip(found.lines()).find(|(expected, found)| expected != found);
        wrong.push(format!("`expected.txt` differs: {differs:?}; SWARMGEN_UPDATE=1 writes it anew"));
    }
    wrong.into_iter().map(|wrong| format!("{}: {wrong}\n", name_of(folder))).collect()
}

#[test]
fn every_code_has_a_folder() {
    let found: BTreeSet<String> = folders().iter().map(|folder| name_of(folder).to_owned()).collect();
    let expected: BTreeSet<String> =
        code::ALL.iter().map(|code| format!("{}-{}", code.id.to_lowercase(), code.name)).collect();
    assert_eq!(found, expected);
}
