//! What SwarmSpawner was recorded to send, against what swarmgen makes of the same settings.
//!
//! `SWARMGEN_RECORDINGS=DIR cargo test --release fidelity -- --nocapture` replays other recordings.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by it")]
#![allow(clippy::print_stdout, reason = "the replay's list is what one runs it for")]

mod case;
mod compare;
mod python;
mod replay;
mod rules;

use std::collections::BTreeSet;
use std::path::PathBuf;

use swarmgen::diag::Diagnostics;
use swarmgen::import::draft::Form;
use swarmgen::import::text::Dialect;
use swarmgen::import::translate::translate;
use swarmgen::resolve::document::{self, Inputs};
use swarmgen::source::{self, Disk, Node, SourceMap};

/// The folders of recordings: those that are asked for, or our own.
fn recordings() -> Vec<PathBuf> {
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fidelity");
    match std::env::var_os("SWARMGEN_RECORDINGS") {
        Some(folder) => vec![PathBuf::from(folder)],
        None => vec![own.join("recordings"), own.join("further")],
    }
}

/// What becomes of a case.
#[derive(Debug, Default)]
struct Verdict {
    /// The findings that explain what differs.
    findings: BTreeSet<&'static str>,
    says: BTreeSet<&'static str>,
    unexplained: Vec<String>,
}

fn judge(case: &case::Case) -> Verdict {
    let mut verdict = Verdict::default();
    for step in &case.steps {
        match step.op.as_str() {
            "spawn" | "api_spawn" | "restart_same_spawner" => {
                let outcome = replay::replay(case, step);
                for difference in &compare::differences(&step.expected, &outcome) {
                    let facts = rules::Facts { case, step, outcome: &outcome, difference };
                    if rules::both_refuse(&facts) {
                        continue;
                    }
                    match rules::explain(&facts) {
                        Some(rule) => {
                            verdict.findings.insert(rule.finding);
                            verdict.says.insert(rule.says);
                        }
                        None => verdict.unexplained.push(format!("{difference:?}\n{}", outcome.config)),
                    }
                }
            }
            "options_form" => {
                let (theirs, ours) = replay::offered(case, step);
                let hidden = theirs.iter().filter(|name| !ours.contains(name)).count();
                let listed = case.traits["images"].as_array().is_some_and(|images| {
                    images.iter().filter(|image| image.get("access").is_some()).count() == hidden
                });
                if theirs.len() != ours.len() + hidden || !listed {
                    verdict.unexplained.push(format!("offered: {theirs:?}, by us: {ours:?}"));
                } else if hidden > 0 {
                    verdict.findings.insert("S5");
                    verdict.says.insert("its form offers images that the user may not have; ours does not");
                }
            }
            // What a stop does is not the compiler's.
            "stop" => {}
            other => panic!("{}: no step is called {other}", case.name),
        }
    }
    verdict
}

/// What differs wherever a server is started.
const EVERYWHERE: &str =
    "its URL of the server has port 0 of this machine; ours has the port at which the server listens";

/// Text in a table's cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "\\<")
}

/// Compares the list in docs/fidelity.md with what the replay found; `SWARMGEN_UPDATE=1` writes it.
fn document(list: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/fidelity.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (start, end) = ("<!-- generated: fidelity -->\n", "<!-- end -->");
    let from = text.find(start).unwrap() + start.len();
    let to = from + text[from..].find(end).unwrap();
    if std::env::var_os("SWARMGEN_UPDATE").is_some() {
        std::fs::write(&path, format!("{}{list}{}", &text[..from], &text[to..])).unwrap();
        return;
    }
    assert!(
        text[from..to] == *list,
        "docs/fidelity.md is out of date: run `SWARMGEN_UPDATE=1 cargo test --test fidelity`"
    );
}

#[test]
fn fidelity() {
    let cases: Vec<case::Case> = recordings().iter().flat_map(|folder| case::read_all(folder)).collect();
    let (mut same, mut better, mut unexplained) = (0, 0, 0);
    let mut rows = String::new();
    for case in &cases {
        let verdict = judge(case);
        let findings: Vec<&str> = verdict.findings.iter().copied().collect();
        let (count, word) = match (verdict.unexplained.is_empty(), findings.is_empty()) {
            (false, _) => (&mut unexplained, "unexplained".to_owned()),
            (true, true) => (&mut same, "same".to_owned()),
            (true, false) => (&mut better, format!("better ({})", findings.join(", "))),
        };
        *count += 1;
        println!("{}: {word}", case.name);
        let says: Vec<&str> =
            verdict.says.iter().copied().filter(|says| *says != EVERYWHERE || verdict.says.len() == 1).collect();
        rows.push_str(&format!("| {} | {word} | {} |\n", cell(&case.title), says.join("; ")));
        for difference in &verdict.unexplained {
            println!("    {difference}");
        }
    }
    println!("{same} same, {better} better, {unexplained} unexplained");
    if std::env::var_os("SWARMGEN_RECORDINGS").is_none() {
        document(&format!("{same} same, {better} better.\n\n| settings | verdict | why |\n|---|---|---|\n{rows}"));
    }
    assert_eq!(unexplained, 0, "differences that no rule explains");
}

/// A config as it is checked; none if it is refused.
fn checked(text: &str, file: &str) -> Option<Node> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(file);
    std::fs::write(&path, text).unwrap();
    let inputs = Inputs { configs: vec![path], ..Inputs::default() };
    let (sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
    let mut root = document::load(&inputs, &Disk, &sources, &mut diagnostics)?.root;
    settle(&mut root);
    Some(root)
}

/// Writes modes as text and puts keys in order, which differ between the syntaxes.
fn settle(node: &mut Node) {
    match &mut node.value {
        source::Value::Seq(items) => items.iter_mut().for_each(settle),
        source::Value::Map(map) => {
            map.entries.sort_by(|one, other| one.key.cmp(&other.key));
            for entry in map.entries.iter_mut() {
                if entry.key.ends_with("mode")
                    && let source::Value::Int(mode) = entry.value.value
                {
                    entry.value = Node::string(entry.value.span, format!("{mode:04o}"));
                }
                settle(&mut entry.value);
            }
        }
        _ => {}
    }
}

#[test]
fn yaml_says_the_same_of_each_case() {
    let mut configs = 0;
    for case in recordings().iter().flat_map(|folder| case::read_all(folder)) {
        let imported = translate(&case.settings, Dialect::Swarm);
        let [toml, yaml] = [Form::Toml, Form::Yaml].map(|form| checked(&imported.text(&[], form), form.file()));
        assert!(toml == yaml, "{}:\n{}", case.name, imported.text(&[], Form::Yaml));
        configs += usize::from(toml.is_some());
    }
    assert!(configs > 0);
}
