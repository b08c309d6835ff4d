//! What each diagnostic looks like: a folder under `tests/ui` for every code.
//!
//! `case.toml` says how the command is run in its folder, `expected.txt` what it writes to standard error. With
//! `SWARMGEN_UPDATE=1` the latter is written anew; read what changed. A run with `each` is repeated with each of these
//! files in place of `CONFIG`: the same mistake in three syntaxes, which has to give the same code, line and column.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its own files has failed")]

mod ui_cases;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use swarmgen::diag::code;

use ui_cases::{Agree, Case, Run, folders, id_of, name_of, shared};

/// Stands in secrets only, so that nothing written may hold it.
const CANARY: &str = "canary";

/// Runs the command and gives back what it wrote to standard error.
fn execute(run: &Run, args: &[String], folder: &Path, wrong: &mut Vec<String>) -> String {
    let output = run.command(args, folder).output().unwrap();
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
    let id = id_of(folder);
    let case = Case::read(folder);
    let mut snapshot = format!("{}\n", case.about);
    for run in &case.run {
        let mut first: Option<BTreeSet<String>> = None;
        for file in run.files() {
            let mut args = run.args(file);
            let human = execute(run, &args, case.copy(folder).path(), wrong);
            write!(snapshot, "\n$ swarmgen {}\n{human}", args.join(" ")).unwrap();
            args.extend(["--message-format", "short"].map(str::to_owned));
            let short = execute(run, &args, case.copy(folder).path(), wrong);
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
    let failures =
        shared(&folders(), |folders| folders.iter().map(|folder| compare(folder, update)).collect::<String>());
    let failures = failures.concat();
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
