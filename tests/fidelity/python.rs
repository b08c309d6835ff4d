//! The recordings' JSON as Python's values.

use serde_json::Value;
use swarmgen::import::report::Origin;
use swarmgen::import::translate::Setting;
use swarmgen::import::value::{Object, Py};

/// What a file's placeholder is replaced with: the name of one beside the config.
fn file(text: &str, files: &mut Vec<(String, String)>) -> Py {
    let name = format!("file-{}.txt", files.len() + 1);
    files.push((name.clone(), text.to_owned()));
    Py::Str(name)
}

/// A value, markers and all.
pub(crate) fn value(json: &Value, files: &mut Vec<(String, String)>) -> Py {
    match json {
        Value::Null => Py::None,
        Value::Bool(value) => Py::Bool(*value),
        Value::Number(number) => match number.as_i64() {
            Some(number) => Py::Int(number),
            None => Py::Float(number.as_f64().unwrap()),
        },
        Value::String(text) => Py::Str(text.clone()),
        Value::Array(items) => Py::List(items.iter().map(|item| value(item, files)).collect()),
        Value::Object(map) => {
            let Some((key, inner)) = map.iter().next().filter(|(key, _)| map.len() == 1 && key.starts_with("__"))
            else {
                return Py::Dict(map.iter().map(|(key, item)| (Py::Str(key.clone()), value(item, files))).collect());
            };
            let object =
                |class: &str, args: Vec<Py>| Py::Object(Object { class: class.to_owned(), args, kwargs: Vec::new() });
            match key.as_str() {
                "__sshfs__" => object("SSHFSMounter", vec![value(inner, files)]),
                "__volume_mounter__" => object("VolumeMounter", vec![value(inner, files)]),
                "__tuple__" => match value(inner, files) {
                    Py::List(items) => Py::Tuple(items),
                    other => other,
                },
                "__pairs__" => Py::Dict(
                    inner
                        .as_array()
                        .unwrap()
                        .iter()
                        .map(|pair| (value(&pair[0], files), value(&pair[1], files)))
                        .collect(),
                ),
                "__bytes__" => Py::Opaque("bytes".to_owned()),
                "__obj__" => Py::Opaque("an object".to_owned()),
                "__accelerator_pool__" => object("AcceleratorPool", Vec::new()),
                "__docker__" => {
                    let kwargs = match value(&inner[1], files) {
                        Py::Dict(items) => items.into_iter().map(|(key, value)| (key.text(), value)).collect(),
                        other => panic!("arguments of {inner}: {other:?}"),
                    };
                    Py::Object(Object { class: inner[0].as_str().unwrap().to_owned(), args: Vec::new(), kwargs })
                }
                "__file__" => file(inner.as_str().unwrap(), files),
                other => panic!("no marker is called {other}"),
            }
        }
    }
}

/// A trait that a case sets.
pub(crate) fn setting(class: &str, name: &str, json: &Value, files: &mut Vec<(String, String)>) -> Setting {
    Setting { class: class.to_owned(), name: name.to_owned(), value: value(json, files), origin: Origin::default() }
}
