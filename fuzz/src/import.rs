//! What the shim tells of a Python config, read and translated: whatever the document is, the config that comes out can
//! be read, says the same in both syntaxes, and comments change nothing of it.

use std::path::Path;

use swarmgen::import::allow::{allowed, refused};
use swarmgen::import::draft::Form;
use swarmgen::import::recording::Recording;
use swarmgen::import::translate::translate;
use swarmgen::import::version;
use swarmgen::source::{Author, Node, SourceMap, Syntax, Value, parse};

/// Reads a document of the shim's and writes what it becomes.
pub fn import(bytes: &[u8]) {
    let Ok(recording) = Recording::read(bytes, Path::new("/srv/hub")) else { return };
    let told = version::told(&recording);
    let mut imported = translate(&recording.settings_for_translation(), told.dialect);
    told.explain(&mut imported);
    let head =
        [format!("From {}.", recording.files.first().map(|file| file.display().to_string()).unwrap_or_default())];
    let [toml, yaml] = [Form::Toml, Form::Yaml].map(|form| {
        let plain = imported.draft.text(&head, form);
        let commented = allowed(plain.clone(), form);
        assert!(commented.len() >= plain.len(), "comments only add");
        refused(&commented, form);
        let tree = read(&commented, form);
        assert!(tree == read(&plain, form), "a comment changes the config:\n{commented}");
        tree
    });
    assert!(same(&toml, &yaml), "TOML and YAML differ:\n{:?}\n{:?}", toml.value, yaml.value);
    for item in &imported.report.items {
        assert!(!item.subject.is_empty() && !item.message.is_empty() && !item.advice.is_empty(), "{item:?}");
    }
}

fn read(text: &str, form: Form) -> Node {
    let sources = SourceMap::new();
    let id = sources.add(form.file(), "", Author::Config, text.to_owned());
    let syntax = match form {
        Form::Toml => Syntax::Toml,
        Form::Yaml => Syntax::Yaml,
    };
    parse(&sources, id, syntax).unwrap_or_else(|faults| panic!("{faults:?} in\n{text}"))
}

/// Tells whether two trees say the same; a file's mode is a number in TOML and text in YAML.
fn same(toml: &Node, yaml: &Node) -> bool {
    match (&toml.value, &yaml.value) {
        (Value::Map(one), Value::Map(other)) => {
            one.iter().count() == other.iter().count()
                && one.iter().all(|entry| yaml.get(&entry.key).is_some_and(|other| same(&entry.value, other)))
        }
        (Value::Seq(one), Value::Seq(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Int(mode), Value::Str(text)) => format!("{mode:04o}") == **text,
        _ => toml == yaml,
    }
}
