use super::*;
use crate::source::{Author, MAX_NODES, Value};

fn read(syntax: RecordsSyntax, text: &str) -> (SourceMap, Result<Records, Vec<Fault>>) {
    let sources = SourceMap::new();
    let id = sources.add("users", "", Author::Data, text.to_owned());
    let records = Records::read(&sources, id, syntax);
    (sources, records)
}

fn good(syntax: RecordsSyntax, text: &str) -> Records {
    read(syntax, text).1.unwrap_or_else(|faults| panic!("{syntax:?} {text:?}: {faults:#?}"))
}

/// Each record's fields as `key=text`.
fn shown(records: &Records) -> Vec<Vec<String>> {
    let field = |entry: Entry| match entry.value.value {
        Value::Str(text) => format!("{}={text}", entry.key),
        other => format!("{}={other:?}", entry.key),
    };
    (0..records.len()).map(|index| records.get(index).fields.into_iter().map(field).collect()).collect()
}

fn keys(records: &Records) -> Vec<&str> {
    records.keys().iter().map(|(key, _)| &**key).collect()
}

/// Each fault's kind, line, column and message.
fn told(syntax: RecordsSyntax, text: &str) -> Vec<(FaultKind, u32, u32, String)> {
    let (sources, records) = read(syntax, text);
    let faults = match records {
        Ok(records) => records.faults().to_vec(),
        Err(faults) => faults,
    };
    let place = |fault: &Fault| {
        let place = sources.position(fault.span);
        (fault.kind, place.line, place.column, fault.message.clone())
    };
    faults.iter().map(place).collect()
}

#[test]
fn extensions_tell_the_syntax() {
    for (name, syntax) in [
        ("a.csv", Some(RecordsSyntax::Csv)),
        ("a.b.JSON", Some(RecordsSyntax::Json)),
        ("a.jsonl", Some(RecordsSyntax::JsonLines)),
        ("a.ndjson", Some(RecordsSyntax::JsonLines)),
        ("a.yml", Some(RecordsSyntax::Yaml)),
        ("a.yaml", Some(RecordsSyntax::Yaml)),
        ("a.toml", Some(RecordsSyntax::Toml)),
        ("a.txt", Some(RecordsSyntax::Lines)),
        ("a.xlsx", None),
        ("csv", None),
    ] {
        assert_eq!(RecordsSyntax::of_path(Path::new(name)), syntax, "{name}");
    }
}

#[test]
fn the_same_users_in_every_syntax() {
    let expected = [vec!["name=ada", "groups=a;b"], vec!["name=\"é\""]];
    for (syntax, text) in [
        (RecordsSyntax::Csv, "username, groups \nada,a;b\n\"\"\"é\"\"\",\n"),
        (RecordsSyntax::Json, r#"[{"name": "ada", "groups": "a;b"}, "\"é\""]"#),
        (RecordsSyntax::Json, r#"{"ada": {"groups": "a;b"}, "\"é\"": {}}"#),
        (RecordsSyntax::Json, r#"{"people": [{"username": "ada", "groups": "a;b"}, {"name": "\"é\""}]}"#),
        (RecordsSyntax::JsonLines, "{\"name\": \"ada\", \"groups\": \"a;b\"}\r\n\n \"\\\"é\\\"\"\r\n"),
        (RecordsSyntax::Yaml, "- name: ada\n  groups: a;b\n- '\"é\"'\n"),
        (RecordsSyntax::Yaml, "ada: {groups: a;b}\n'\"é\"':\n"),
        (RecordsSyntax::Toml, "[ada]\ngroups = 'a;b'\n['\"é\"']\n"),
        (RecordsSyntax::Toml, "[users.ada]\ngroups = 'a;b'\n[users.'\"é\"']\n"),
        (RecordsSyntax::Yaml, "users:\n  ada: {groups: a;b}\n  '\"é\"':\n"),
        (RecordsSyntax::Toml, "[[users]]\nusername = 'ada'\ngroups = 'a;b'\n[[users]]\nname = '\"é\"'\n"),
    ] {
        let records = good(syntax, text);
        assert_eq!(shown(&records), expected, "{text:?}");
        assert_eq!(keys(&records), ["name", "groups"], "{text:?}");
    }
    let lines = good(RecordsSyntax::Lines, "# the class\r\n\r\n  ada  \r\n\"é\"\n# end");
    assert_eq!(shown(&lines), [["name=ada"], ["name=\"é\""]]);
    assert_eq!(shown(&good(RecordsSyntax::Toml, "users = ['ada', 'bob']")), [["name=ada"], ["name=bob"]]);
    // One user may have that name.
    assert_eq!(shown(&good(RecordsSyntax::Json, r#"{"users": {"room": "1"}}"#)), [["name=users", "room=1"]]);
    let config = told(RecordsSyntax::Json, r#"{"users": {"a": {}}, "user_defaults": {}}"#);
    assert_eq!(config.len(), 1, "{config:?}");
    assert_eq!(config[0].3, "a users file has nothing beside its users");
}

#[test]
fn csv_cells_have_their_places() {
    let text = "name,\tnote ,empty\r\nada,\"two\r\nlines, \"\"é\"\"\",\r\n\r\nbob, x ,\"\"";
    let records = good(RecordsSyntax::Csv, text);
    assert_eq!(shown(&records), [vec!["name=ada", "note=two\r\nlines, \"é\""], vec!["name=bob", "note= x "]]);
    let slice = |span: Span| &text[span.range()];
    let record = records.get(0);
    assert_eq!(slice(record.span), "ada,\"two\r\nlines, \"\"é\"\"\",");
    assert_eq!(slice(record.fields[1].value.span), "two\r\nlines, \"\"é\"\"");
    assert_eq!(slice(record.fields[1].key_span), "note");
    assert_eq!(slice(records.get(1).fields[1].value.span), " x ");
    assert_eq!(records.keys().iter().map(|(_, span)| slice(*span)).collect::<Vec<_>>(), ["name", "note", "empty"]);
    assert!(Arc::ptr_eq(&record.fields[1].key, &records.get(1).fields[1].key));
}

#[test]
fn csv_faults_name_the_row_and_quote_no_cell() {
    let rows = "name,password\nada,secret1,secret2\nbob\ncy,\"secret4\"x\ndee,se\"cret5\neve,\"secret6\n";
    let told = told(RecordsSyntax::Csv, rows);
    let places: Vec<_> = told.iter().map(|(_, line, column, _)| (*line, *column)).collect();
    assert_eq!(places, [(2, 1), (3, 1), (4, 13), (5, 7), (6, 5)]);
    assert_eq!(told[0].3, "the row has 3 cells, the header 2");
    assert!(
        told.iter().all(|(kind, _, _, message)| *kind == FaultKind::Syntax && !message.contains("cret")),
        "{told:#?}"
    );
}

#[test]
fn csv_headers_are_checked() {
    for (text, kind, line, column) in [
        ("name,a, a\n", FaultKind::DuplicateKey, 1, 9),
        ("\n\nname,username\n", FaultKind::DuplicateKey, 3, 6),
        ("a,b\nx,y\n", FaultKind::Syntax, 1, 1),
        ("name;b\nx;y\n", FaultKind::Syntax, 1, 1),
        ("name,,b\n", FaultKind::Syntax, 1, 6),
        ("na\"me,b\n", FaultKind::Syntax, 1, 3),
        ("\n\r\n", FaultKind::Empty, 1, 1),
        ("", FaultKind::Empty, 1, 1),
    ] {
        let told = told(RecordsSyntax::Csv, text);
        assert_eq!((told[0].0, told[0].1, told[0].2), (kind, line, column), "{text:?}: {told:?}");
    }
    assert_eq!(good(RecordsSyntax::Csv, "\u{feff}name\n").len(), 0);
}

#[test]
fn records_that_are_none_are_told() {
    for (syntax, text, kind, line, column) in [
        (RecordsSyntax::Json, "[\n{\"a\": 1}]", FaultKind::User, 2, 1),
        (RecordsSyntax::Json, "[\n\"\"]", FaultKind::User, 2, 1),
        (RecordsSyntax::Json, "[\n1]", FaultKind::User, 2, 1),
        (RecordsSyntax::Json, "\n1", FaultKind::Syntax, 2, 1),
        (RecordsSyntax::Json, "{\"a\": {},\n\"b\": 1}", FaultKind::User, 2, 6),
        (RecordsSyntax::Json, "[{\"name\": \"a\",\n\"username\": \"b\"}]", FaultKind::DuplicateKey, 2, 1),
        (RecordsSyntax::Json, "{\"a\":\n{\"name\": \"b\"}}", FaultKind::DuplicateKey, 2, 2),
        (RecordsSyntax::JsonLines, "\"a\"\n\n{\"name\": \"b\",}\n", FaultKind::Syntax, 3, 13),
        (RecordsSyntax::JsonLines, "\"a\"\r\n{\"name\":\r\n", FaultKind::Syntax, 2, 1),
        (RecordsSyntax::JsonLines, "\"a\"\n{}\n", FaultKind::User, 2, 1),
        (RecordsSyntax::JsonLines, "\"a\" \"b\"\n", FaultKind::Syntax, 1, 5),
        (RecordsSyntax::JsonLines, " \n", FaultKind::Empty, 1, 1),
        (RecordsSyntax::Lines, "# nobody\n", FaultKind::Empty, 1, 1),
        (RecordsSyntax::Yaml, "- a: 1\n", FaultKind::User, 1, 3),
        (RecordsSyntax::Csv, "name,a\nada,1\n ,2\n", FaultKind::User, 3, 1),
        (RecordsSyntax::Toml, "[[u]]\n[[u]]\nname = 'a'\n", FaultKind::User, 1, 3),
    ] {
        let told = told(syntax, text);
        assert_eq!(told.len(), 1, "{text:?}: {told:?}");
        assert_eq!((told[0].0, told[0].1, told[0].2), (kind, line, column), "{text:?}: {told:?}");
    }
}

#[test]
fn what_cannot_be_told_from_a_secret_is_hidden() {
    for (syntax, text, hidden) in [
        (RecordsSyntax::Yaml, "- 20231234\n", ""),
        (RecordsSyntax::Yaml, "- [ada, canary]\n", "[ada, canary]"),
        (RecordsSyntax::Yaml, "ada: canary\n", "canary"),
        (RecordsSyntax::Json, "[{\"a\": 1}]", ""),
    ] {
        let (sources, records) = read(syntax, text);
        assert_eq!(records.map(|records| records.faults().len()).ok(), Some(1), "{text:?}");
        let secrets = sources.all()[0].secrets();
        let shown: Vec<&str> = secrets.iter().map(|range| &text[range.start as usize..range.end as usize]).collect();
        assert_eq!(shown.concat(), hidden, "{text:?}");
    }
}

#[test]
fn the_first_twenty_faults_are_told() {
    let csv = format!("name,a\n{}", "x\n".repeat(5000));
    let told = told(RecordsSyntax::Csv, &csv);
    assert_eq!(told.iter().map(|fault| fault.1).collect::<Vec<_>>(), (2..22).collect::<Vec<u32>>());
    assert_eq!(self::told(RecordsSyntax::JsonLines, &"{}\n".repeat(5000)).len(), 20);
}

#[test]
fn long_lists_are_read_row_by_row() {
    let rows: String = (0..100_000).map(|index| format!("user{index},\"a;b\",{index}\n")).collect();
    let records = good(RecordsSyntax::Csv, &format!("name,groups,id\n{rows}"));
    assert_eq!(records.len(), 100_000);
    let ids = std::thread::scope(|scope| {
        let part = |from: usize| {
            let records = &records;
            move || {
                (from..100_000).step_by(2).map(|index| records.get(index).fields[2].value.clone()).collect::<Vec<_>>()
            }
        };
        [scope.spawn(part(0)), scope.spawn(part(1))].map(|thread| thread.join().unwrap())
    });
    for (odd, ids) in ids.iter().enumerate() {
        for (index, id) in ids.iter().enumerate() {
            assert_eq!(id.as_str(), Some((index * 2 + odd).to_string().as_str()));
        }
    }
    match &records.form {
        Form::Csv { rows, .. } => assert!(rows.capacity() <= 100_000, "an offset per row and no more"),
        form => panic!("{form:?}"),
    }
    assert!(records.get(100_000).fields.is_empty());
}

#[test]
fn documents_of_records_may_hold_more_values_than_a_config() {
    let record = format!("{{\"name\":\"a\",\"x\":[{}0]}}", "0,".repeat(20_000));
    for syntax in [RecordsSyntax::Json, RecordsSyntax::Yaml] {
        let text = format!("[{}{record}]", format!("{record},").repeat(MAX_NODES / 20_000));
        assert_eq!(good(syntax, &text).len(), MAX_NODES / 20_000 + 1);
    }
}

proptest::proptest! {
    #[test]
    fn what_the_csv_crate_writes_reads_back(rows in proptest::collection::vec(proptest::collection::vec("[ -~é😀\n\r\"',;]{0,6}", 3), 0..6)) {
        let mut writer = ::csv::Writer::from_writer(Vec::new());
        writer.write_record(["name", "a", "b", "c"]).unwrap();
        for row in &rows {
            writer.write_record(std::iter::once("n").chain(row.iter().map(String::as_str))).unwrap();
        }
        let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
        let records = good(RecordsSyntax::Csv, &text);
        let expected: Vec<Vec<String>> = rows.iter().map(|row| {
            let cells = row.iter().zip(["a", "b", "c"]).filter(|(cell, _)| !cell.is_empty());
            std::iter::once("name=n".to_owned()).chain(cells.map(|(cell, key)| format!("{key}={cell}"))).collect()
        }).collect();
        proptest::prop_assert_eq!(shown(&records), expected, "{:?}", text);
    }

    #[test]
    fn any_text_gives_records_or_faults(text in "[a,\"\n\r;#{}:\\[\\] é-]{0,30}") {
        for syntax in [RecordsSyntax::Csv, RecordsSyntax::Json, RecordsSyntax::JsonLines, RecordsSyntax::Yaml, RecordsSyntax::Toml, RecordsSyntax::Lines] {
            for text in [text.clone(), format!("name,a\n{text}")] {
                match read(syntax, &text).1 {
                    Ok(records) if !records.faults().is_empty() => assert!(records.faults().len() <= MOST_TOLD),
                    Ok(records) => for index in 0..records.len() {
                        let record = records.get(index);
                        assert_eq!(record.fields.iter().filter(|field| &*field.key == NAME).count(), 1, "{text:?}");
                        assert!(record.fields.iter().all(|field| text.get(field.value.span.range()).is_some()));
                    },
                    Err(faults) => assert!(!faults.is_empty() && faults.len() <= MOST_TOLD),
                }
            }
        }
    }
}
