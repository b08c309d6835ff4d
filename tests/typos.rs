//! For each key of the language, one letter changed: the suggestion is the key.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Map, Value, json};
use swarmgen::check::schema::check;
use swarmgen::diag::Note;
use swarmgen::model::CONFIG_SCHEMA;
use swarmgen::source::{Author, SourceMap, Syntax, parse};

/// A way from the document's root to a table.
#[derive(Clone)]
enum Step {
    Key(String),
    Item,
}

/// The tables that a schema may mean: itself, what it refers to, the branches of a union.
fn targets<'s>(root: &'s Value, schema: &'s Value) -> Vec<&'s Value> {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap();
        return targets(root, &root["$defs"][name]);
    }
    match schema["anyOf"].as_array() {
        Some(branches) => branches.iter().flat_map(|branch| targets(root, branch)).collect(),
        None => vec![schema],
    }
}

/// Each table of the schema with its keys, once.
fn tables(root: &Value) -> Vec<(Vec<Step>, &Map<String, Value>)> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    let mut queue = VecDeque::from([(Vec::new(), root)]);
    while let Some((way, schema)) = queue.pop_front() {
        for table in targets(root, schema) {
            if !seen.insert(std::ptr::from_ref(table) as usize) {
                continue;
            }
            let longer = |step: Step| way.iter().cloned().chain([step]).collect::<Vec<_>>();
            if let Some(keys) = table["properties"].as_object() {
                // Where any key is an attribute's name, none is mistyped.
                if table["additionalProperties"] == false {
                    found.push((way.clone(), keys));
                }
                for (key, schema) in keys {
                    queue.push_back((longer(Step::Key(key.clone())), schema));
                }
            }
            if table["items"].is_object() {
                queue.push_back((longer(Step::Item), &table["items"]));
            }
            if table["additionalProperties"].is_object() {
                queue.push_back((longer(Step::Key("any".to_owned())), &table["additionalProperties"]));
            }
        }
    }
    found
}

/// A document with one table at the end of a way.
fn document(way: &[Step], table: Value) -> Value {
    way.iter().rev().fold(table, |inner, step| match step {
        Step::Key(key) => json!({ key: inner }),
        Step::Item => json!([inner]),
    })
}

/// A key with one letter too few, too many, wrong, or in its neighbour's place.
fn slips(key: &str) -> BTreeSet<String> {
    let letters: Vec<char> = key.chars().collect();
    let mut slips = BTreeSet::new();
    for at in 0..letters.len() {
        let mut fewer = letters.clone();
        fewer.remove(at);
        let mut more = letters.clone();
        more.insert(at, 'x');
        let mut wrong = letters.clone();
        wrong[at] = 'q';
        let mut swapped = letters.clone();
        if at + 1 < letters.len() {
            swapped.swap(at, at + 1);
        }
        slips.extend([fewer, more, wrong, swapped].map(|letters| letters.into_iter().collect::<String>()));
    }
    slips
}

/// What a document's mistyped key is told to be.
fn suggestions(document: &Value, slip: &str) -> Vec<String> {
    let sources = SourceMap::new();
    let id = sources.add("a.json", "", Author::Config, document.to_string());
    let root = parse(&sources, id, Syntax::Json).unwrap();
    let quoted = format!("\"{slip}\"");
    let found = check(&root);
    let of_key = found.iter().filter(|found| {
        let label = found.primary().unwrap();
        sources.get(label.span.source).text().get(label.span.range()) == Some(&quoted)
    });
    let notes = of_key.flat_map(|found| &found.notes);
    notes
        .map(|note| match note {
            Note::Help(text) | Note::Note(text) => text.clone(),
        })
        .collect()
}

#[test]
fn one_slip_is_known_to_be_the_key() {
    let schema: Value = serde_json::from_str(CONFIG_SCHEMA).unwrap();
    let mut wrong: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut tried = 0;
    let tables = tables(&schema);
    assert!(tables.len() > 20, "the schema's tables are not found");
    let all: Vec<&Map<String, Value>> = tables.iter().map(|(_, keys)| *keys).collect();
    for (way, keys) in tables {
        for key in keys.keys().filter(|key| key.chars().count() > 3) {
            // A slip that is another table's key is told to belong there.
            let is_other = |slip: &str| all.iter().any(|keys| keys.contains_key(slip));
            for slip in slips(key).into_iter().filter(|slip| !is_other(slip)) {
                tried += 1;
                let told = suggestions(&document(&way, json!({ &slip: null })), &slip);
                if !told.iter().any(|text| text.contains(&format!("{key}`"))) {
                    wrong.entry(key.clone()).or_default().push(format!("{slip} -> {told:?}"));
                }
            }
        }
    }
    assert!(tried > 5_000, "only {tried} slips");
    assert!(wrong.is_empty(), "{wrong:#?}");
}
