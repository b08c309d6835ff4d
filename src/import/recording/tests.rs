//! Documents as the shim writes them, and as it never does.

use super::*;

/// A document with these settings.
fn document(settings: &str) -> String {
    format!(
        r#"{{"version": 1, "python": "3.11.7", "settings": {settings}, "spawner": null, "spawner_version": null, "stood_in_for": [],
        "files": ["/srv/hub/config.py"], "missing": [], "printed": null, "error": null}}"#
    )
}

fn read(json: &str) -> Result<Recording, RecordingError> {
    Recording::read(json.as_bytes(), Path::new("/srv/hub"))
}

/// The value of a setting that has this JSON.
fn one(json: &str) -> Result<Py, RecordingError> {
    let setting = format!(r#"[{{"class": "A", "name": "b", "value": {json}, "file": "/srv/hub/x.py", "line": 7}}]"#);
    read(&document(&setting)).map(|recording| recording.settings[0].value.clone())
}

#[test]
fn values_come_back() {
    assert_eq!(one("null").unwrap(), Py::None);
    assert_eq!(one("[1, -2.5, true]").unwrap(), Py::List(vec![Py::Int(1), Py::Float(-2.5), Py::Bool(true)]));
    assert_eq!(one(r#"{"py": "tuple", "items": ["a"]}"#).unwrap(), Py::Tuple(vec![Py::Str("a".to_owned())]));
    assert_eq!(
        one(r#"{"py": "dict", "items": [[1, {"py": "opaque", "what": "a set"}]]}"#).unwrap(),
        Py::Dict(vec![(Py::Int(1), Py::Opaque("a set".to_owned()))])
    );
    let object = one(r#"{"py": "object", "class": "Mount", "args": ["/t"], "kwargs": [["type", "bind"]]}"#).unwrap();
    let kwargs = vec![("type".to_owned(), Py::Str("bind".to_owned()))];
    assert_eq!(object, Py::Object(Object { class: "Mount".to_owned(), args: vec![Py::Str("/t".to_owned())], kwargs }));
}

#[test]
fn paths_are_seen_from_the_folder() {
    let recording =
        read(&document(r#"[{"class": "A", "name": "b", "value": 1, "file": "/srv/hub/a/x.py", "line": 7}]"#)).unwrap();
    assert_eq!(recording.settings[0].origin.to_string(), "a/x.py:7");
    assert_eq!(recording.files, [PathBuf::from("config.py")]);
}

#[test]
fn what_the_shim_never_writes_is_refused() {
    for json in [
        "18446744073709551615",
        r#"{"py": "set", "items": []}"#,
        r#"{"py": "dict", "items": [[1]]}"#,
        r#"{"py": "dict", "items": [[1, 2, 3]]}"#,
        r#"{"py": "tuple"}"#,
        r#"{"py": "opaque", "what": "x", "more": 1}"#,
        r#"{"py": "object", "class": "A", "args": [], "kwargs": [[1, 2]]}"#,
        "{}",
        "NaN",
        "1e999",
        r#""\ud800""#,
    ] {
        assert!(one(json).is_err(), "{json}");
    }
    let whole = document("[]");
    assert!(read(&whole).is_ok());
    for end in 0..whole.len() {
        assert!(read(&whole[..end]).is_err(), "{end}");
    }
    assert!(matches!(read(&whole.replace("\"version\": 1", "\"version\": 2")), Err(RecordingError::Version(2))));
    assert!(read(&whole.replace("\"error\": null", "\"error\": null, \"error\": null")).is_err());
    assert!(read(&whole.replace("\"error\"", "\"errors\"")).is_err());
    assert!(read(&format!("{whole} {whole}")).is_err());
    assert!(Recording::read(b"\xff", Path::new("")).is_err());
}

#[test]
fn deep_values_are_refused_and_not_followed() {
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(one(&deep).is_err());
    let deep = format!("{}1{}", r#"{"py": "tuple", "items": ["#.repeat(50_000), "]}".repeat(50_000));
    assert!(one(&deep).is_err());
}

#[test]
fn a_failure_has_its_place() {
    let error = r#""error": {"kind": "missing-variable", "type": "KeyError", "message": "HUB", "file": "/srv/hub/config.py",
        "line": 3, "column": 0, "through": ["/usr/lib/os.py", 680]}"#;
    let recording = read(&document("[]").replace("\"error\": null", error)).unwrap();
    let failure = recording.failure.unwrap();
    assert_eq!(failure.cause, Cause::MissingVariable);
    assert_eq!(failure.origin.unwrap().to_string(), "config.py:3");
    assert_eq!(failure.through.unwrap().to_string(), "/usr/lib/os.py:680");
}

#[test]
fn a_spawner_of_the_operator_is_of_the_kind_it_is_derived_from() {
    let spawner = r#""spawner": {"name": "Mine", "module": "builtins", "bases": [["Mine", "builtins"],
        ["SwarmSpawner", "dockerspawner"], ["DockerSpawner", "dockerspawner"]], "own": ["Mine"], "file": null, "line": 0,
        "class_file": "/srv/hub/config.py", "class_line": 2}"#;
    let setting = r#"[{"class": "Mine", "name": "image", "value": "a", "file": null, "line": 0}]"#;
    let recording = read(&document(setting).replace("\"spawner\": null", spawner)).unwrap();
    assert_eq!(recording.spawner.as_ref().unwrap().kind(), Kind::DockerSwarm);
    assert_eq!(recording.settings_for_translation()[0].class, "SwarmSpawner");
}

proptest::proptest! {
    #[test]
    fn a_broken_document_is_an_error_or_a_recording(at in 0_usize..400, byte in 0_u8..128, cut in 0_usize..400) {
        let setting = r#"[{"class": "A", "name": "b", "value": {"py": "dict", "items": [[1, [2.5, null]]]}, "file": null, "line": 0}]"#;
        let mut bytes = document(setting).into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        let _ = Recording::read(&bytes, Path::new("/"));
        bytes.remove(cut % bytes.len());
        let _ = Recording::read(&bytes, Path::new("/"));
    }
}
