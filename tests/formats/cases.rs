//! The cases of tests/ui in every format.

use std::fs;
use std::path::Path;

use jsonschema::Validator;
use serde_json::Value;

use super::ui_cases::{Case, Run, folders, id_of, name_of, shared};
use super::*;

/// Runs a command in one format and gives back the findings as written.
fn findings(run: &Run, args: &[String], folder: &Path, format: &str) -> String {
    let mut command = run.command(args, folder);
    command.args(["--message-format", format]);
    let ran = super::run(command);
    assert_eq!(ran.code, Some(run.exit), "{args:?}: {ran:?}");
    // Those that change the swarm tell of that beside.
    let changes = ["apply", "destroy"].contains(&&*args[0]);
    let (text, other) =
        if args[0] == "validate" || changes { (ran.stdout, ran.stderr) } else { (ran.stderr, ran.stdout) };
    if format == "github" {
        return text.lines().filter(|line| line.starts_with("::")).map(|line| format!("{line}\n")).collect();
    }
    assert!(changes || other.is_empty(), "{args:?} in {format}: {other}");
    text
}

/// The line and the columns of an offset, in characters and in UTF-16 code units.
fn position(text: &str, offset: usize) -> (u64, u64, u64) {
    let before = &text[..offset];
    let line = before.rsplit('\n').next().unwrap();
    let number = before.matches('\n').count() + 1;
    (number as u64, line.chars().count() as u64 + 1, line.chars().map(char::len_utf16).sum::<usize>() as u64 + 1)
}

/// Compares a document's place with the log's, and both with the text.
fn compare_places(label: &Value, place: &Value, folder: &Path) -> bool {
    let place = &place["physicalLocation"];
    let Ok(text) = fs::read_to_string(folder.join(label["file"].as_str().unwrap())) else { return false };
    let text = text.trim_start_matches('\u{feff}');
    for (end, line, column) in [("start", "startLine", "startColumn"), ("end", "endLine", "endColumn")] {
        let own = &label[end];
        let (number, characters, units) = position(text, own["offset"].as_u64().unwrap() as usize);
        assert_eq!((own["line"].as_u64(), own["column"].as_u64()), (Some(number), Some(characters)), "{label}");
        let region = &place["region"];
        assert_eq!((region[line].as_u64(), region[column].as_u64()), (Some(number), Some(units)), "{label} {place}");
    }
    true
}

/// Compares one finding in all formats; returns how many places were compared.
fn compare(own: &Value, result: &Value, annotation: &str, folder: &Path) -> usize {
    assert_eq!(own["code"], result["ruleId"]);
    assert_eq!(own["severity"], result["level"]);
    let command = match own["severity"].as_str().unwrap() {
        "note" => "notice",
        severity => severity,
    };
    assert!(annotation.starts_with(&format!("::{command} ")), "{annotation}");
    let title = format!("title={} {}::", own["code"].as_str().unwrap(), own["name"].as_str().unwrap());
    assert!(annotation.contains(&title), "{annotation}");
    let labels = own["labels"].as_array().unwrap();
    let primary: Vec<bool> = labels.iter().map(|label| label["primary"].as_bool().unwrap()).collect();
    assert!(primary.iter().enumerate().all(|(index, primary)| *primary == (index == 0)), "{own}");
    assert_eq!(annotation.contains("file="), !labels.is_empty(), "{annotation}");
    let empty = Vec::new();
    let places: Vec<&Value> = result["locations"]
        .as_array()
        .unwrap()
        .iter()
        .chain(result.get("relatedLocations").map_or(&empty, |places| places.as_array().unwrap()))
        .collect();
    assert_eq!(labels.len(), places.len(), "{own} {result}");
    assert_eq!(own.get("fix").is_some(), result.get("fixes").is_some());
    labels.iter().zip(places).filter(|(label, place)| compare_places(label, place, folder)).count()
}

/// Checks that a rule's help is its code's page.
fn has_page(rule: &Value) {
    let page = format!("docs/codes/{}.md", rule["id"].as_str().unwrap());
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(&page)).unwrap();
    assert_eq!(rule["help"]["markdown"], text.as_str(), "{page}");
    assert!(rule["help"]["text"].as_str().unwrap().contains(&page), "{rule}");
}

/// Runs a case; returns how many places were compared.
fn check(case_folder: &Path, own_schema: &Validator, sarif_schema: &Validator) -> usize {
    let name = name_of(case_folder);
    let id = id_of(case_folder);
    let case = Case::read(case_folder);
    let mut compared = 0;
    for run in &case.run {
        for file in run.files() {
            let args = run.args(file);
            let [json, sarif, github] =
                FORMATS.map(|format| findings(run, &args, case.copy(case_folder).path(), format));
            let own = read(&json, own_schema);
            let log = read(&sarif, sarif_schema);
            let own = own["diagnostics"].as_array().unwrap();
            let results = log["runs"][0]["results"].as_array().unwrap();
            let annotations: Vec<&str> = github.lines().collect();
            assert_eq!((own.len(), own.len()), (results.len(), annotations.len()), "{name}: {args:?}\n{github}");
            log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap().iter().for_each(has_page);
            let found = own.iter().any(|finding| finding["code"] == id.as_str());
            assert_eq!(found, run.finds, "{name}: {args:?}");
            for ((own, result), annotation) in own.iter().zip(results).zip(annotations) {
                compared += compare(own, result, annotation, case_folder);
            }
        }
    }
    compared
}

#[test]
fn findings_are_the_same_in_every_format() {
    let (own_schema, sarif_schema) = (own_schema(), sarif_schema());
    let compared: usize = shared(&folders(), |folders| -> usize {
        folders.iter().map(|folder| check(folder, &own_schema, &sarif_schema)).sum()
    })
    .into_iter()
    .sum();
    assert!(compared > 200, "only {compared} places were compared");
}
