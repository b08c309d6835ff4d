//! What is read, beside what the `toml` crate reads.

mod rules;

use ::toml as reference;
use proptest::prelude::*;
use toml_parser::Source;

use super::batch::{BATCH, Batches, Cut, SLACK};
use super::parse_in_batches;
use crate::source::assembly::Bound;
use crate::source::{Author, Fault, FaultKind, Node, SourceMap, Value};

fn read(text: &str, batch: usize) -> Result<Node, Vec<Fault>> {
    let id = SourceMap::new().add("text", "", Author::Config, String::new());
    parse_in_batches(id, text, Bound::NONE, batch)
}

fn same(theirs: &reference::Value, ours: &Node) -> bool {
    match (theirs, &ours.value) {
        (reference::Value::Boolean(theirs), Value::Bool(ours)) => theirs == ours,
        (reference::Value::Integer(theirs), Value::Int(ours)) => theirs == ours,
        (reference::Value::Float(theirs), Value::Float(ours)) => theirs == ours,
        (reference::Value::String(theirs), Value::Str(ours)) => **theirs == **ours,
        (reference::Value::Array(theirs), Value::Seq(ours)) => {
            theirs.len() == ours.len() && theirs.iter().zip(ours).all(|(theirs, ours)| same(theirs, ours))
        }
        (reference::Value::Table(theirs), Value::Map(ours)) => {
            theirs.len() == ours.entries.len()
                && theirs.iter().all(|(key, theirs)| ours.get(key).is_some_and(|ours| same(theirs, ours)))
        }
        _ => false,
    }
}

/// Whether a value holds what TOML has and a config has not.
fn foreign(value: &reference::Value) -> bool {
    match value {
        reference::Value::Datetime(_) => true,
        reference::Value::Float(number) => !number.is_finite(),
        reference::Value::Array(items) => items.iter().any(foreign),
        reference::Value::Table(table) => table.values().any(foreign),
        _ => false,
    }
}

/// Checks that a text is read as the `toml` crate reads it; tells whether it is valid.
fn compare(text: &str) -> bool {
    let theirs = reference::from_str::<reference::Table>(text);
    match (theirs, read(text, BATCH)) {
        (Ok(theirs), Ok(ours)) => {
            assert!(same(&reference::Value::Table(theirs.clone()), &ours), "{text:?}: {theirs:?} {ours:?}");
            true
        }
        (Ok(theirs), Err(faults)) => {
            let kinds = [FaultKind::Unsupported, FaultKind::Number, FaultKind::Empty];
            let refused = theirs.is_empty() || foreign(&reference::Value::Table(theirs));
            assert!(refused && faults.iter().all(|fault| kinds.contains(&fault.kind)), "{text:?}: {faults:?}");
            true
        }
        (Err(error), Ok(ours)) => panic!("{text:?}: {error} {ours:?}"),
        (Err(_), Err(faults)) => {
            assert!(!faults.is_empty(), "{text:?}: an error without a fault");
            false
        }
    }
}

/// Checks that it makes no difference where a text is cut.
fn cut(text: &str) {
    let whole = read(text, usize::MAX - SLACK);
    for batch in [1, 2, 3, 7] {
        match (&whole, read(text, batch)) {
            (Ok(whole), Ok(parts)) => {
                assert_eq!(*whole, parts, "{text:?} by {batch}");
                assert_eq!(format!("{whole:?}"), format!("{parts:?}"), "{text:?} by {batch}");
            }
            (Err(whole), Err(parts)) => {
                // What follows the first error in a value is not looked at, such as the wrong one for an open bracket.
                let place = |fault: &Fault| (fault.span.start, fault.kind);
                let known = |fault: &&Fault| {
                    whole.iter().any(|other| place(other) == place(fault)) || fault.message.starts_with("unclosed")
                };
                let added: Vec<_> = parts.iter().filter(|fault| !known(fault)).collect();
                assert!(added.is_empty(), "{text:?} by {batch}: {added:?} is not in {whole:?}");
                assert!(!parts.is_empty(), "{text:?} by {batch}");
            }
            (_, parts) => panic!("{text:?} by {batch}: {whole:?} {parts:?}"),
        }
    }
}

fn value() -> impl Strategy<Value = reference::Value> {
    let text =
        prop_oneof![any::<String>(), "[a-c.\"'\\\\\n\r\t #=]{0,6}"].prop_map(|text| text.replace('\u{feff}', ""));
    let leaf = prop_oneof![
        any::<bool>().prop_map(reference::Value::Boolean),
        any::<i64>().prop_map(reference::Value::Integer),
        any::<f64>().prop_map(reference::Value::Float),
        text.clone().prop_map(reference::Value::String),
    ];
    leaf.prop_recursive(4, 40, 5, move |inner| {
        let key = prop_oneof!["[a-c.]{0,3}", text.clone()];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(reference::Value::Array),
            proptest::collection::vec((key, inner), 0..5)
                .prop_map(|entries| reference::Value::Table(entries.into_iter().collect())),
        ]
    })
}

/// Lines that set and open tables of a few names.
fn lines() -> impl Strategy<Value = String> {
    let path =
        || proptest::collection::vec(proptest::sample::select(vec!["a", "b", "c"]), 1..4).prop_map(|key| key.join("."));
    let value = prop_oneof![
        Just("1".to_owned()),
        Just("{}".to_owned()),
        Just("[{a = 1}]".to_owned()),
        (path(), path()).prop_map(|(one, two)| format!("{{{one} = 1, {two} = {{a.b = 2}}}}")),
    ];
    let line = prop_oneof![
        path().prop_map(|path| format!("[{path}]\n")),
        path().prop_map(|path| format!("[[{path}]]\n")),
        (path(), value).prop_map(|(path, value)| format!("{path} = {value}\n")),
    ];
    proptest::collection::vec(line, 1..8).prop_map(|lines| lines.concat())
}

fn scraps() -> impl Strategy<Value = String> {
    let scraps = vec![
        "a",
        "b",
        "a",
        "\"a\"",
        "'b'",
        "\"\"\"x\n\"\"\"",
        "'''\n'''",
        "\"",
        "'",
        "\\",
        "1",
        "0x1F",
        "1_0",
        "1e3",
        "-",
        "+inf",
        "nan",
        "1979-05-27",
        "07:32:00",
        "true",
        ".",
        ",",
        ",",
        ", ",
        "=",
        " = ",
        " = ",
        "=",
        "[",
        "[",
        "]",
        "]",
        "[[",
        "]]\n",
        "{",
        "{",
        "}",
        "}",
        "\n",
        "\n",
        "\r\n",
        "\r",
        " ",
        "\t",
        "#",
        "# x\n",
        "é",
        "a = 1\n",
        "[a]\n",
        "b.a = [",
        "a = {",
    ];
    proptest::collection::vec(proptest::sample::select(scraps), 0..30).prop_map(|scraps| scraps.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn written_trees_are_read_as_the_reference_reads_them(value in value()) {
        let table = reference::Table::from_iter([("root".to_owned(), value)]);
        for text in [reference::to_string(&table).unwrap(), reference::to_string_pretty(&table).unwrap()] {
            prop_assert!(compare(&text), "{:?}", text);
            cut(&text);
        }
    }

    #[test]
    fn tables_are_set_and_extended_as_the_reference_does(text in lines()) {
        compare(&text);
        cut(&text);
    }

    #[test]
    fn scraps_are_refused_as_the_reference_does(text in scraps()) {
        compare(&text);
        cut(&text);
    }
}

#[test]
fn batches_are_bounded_whatever_the_text() {
    let fill = |lead: &str, pattern: &str| format!("{lead}{}", pattern.repeat(200_000 / pattern.len()));
    for (text, valid) in [
        (fill("", "a=1\n"), false),
        (fill("a = [", "1,") + "]", true),
        (fill("a = [", "\n") + "]", true),
        (fill("a = [", "\n # x \n \t") + "]", true),
        (fill("a = [[{b = [", "1.5 ,\n") + "]}]]", true),
        (fill("a = [{b = {c = [", "{d.e = [1, 2]}, ") + "]}}]", true),
        (fill("a = ", "1."), false),
        (fill("a = [", "1 "), false),
        (fill("", "a."), false),
        (fill("a", ".a"), false),
        (fill("", "["), false),
        (fill("a = ", "["), false),
        (fill("a = [", "\"\""), false),
        (fill("a = ", "{a = "), false),
        (fill("a ", "= "), false),
    ] {
        let mut batches = Batches::new(Source::new(&text), BATCH);
        loop {
            let cut = batches.fill(&mut ());
            assert!(batches.tokens().len() <= 2 * (BATCH + SLACK), "{}", &text[..20]);
            match cut {
                Cut::End => break,
                Cut::Line => batches.clear(),
                Cut::Comma => {
                    let lead = batches.resume();
                    assert!(lead > 0 && batches.tokens().len() < 100, "{}", &text[..20]);
                }
                Cut::Anywhere => batches.skip(),
            }
        }
        assert_eq!(read(&text, BATCH).is_ok(), valid, "{}", &text[..20]);
    }
}

#[test]
fn errors_after_a_long_value_at_fault_are_told() {
    let text = format!("a = [{} 2 = ,]\nb = @\n[c]\nd = [1,\n", "1,".repeat(BATCH));
    let faults = read(&text, BATCH).unwrap_err();
    let starts: Vec<usize> = faults.iter().map(|fault| fault.span.start as usize).collect();
    assert!(starts.contains(&text.find("= ,").unwrap()), "{faults:?}");
    assert!(starts.contains(&text.find('@').unwrap()), "{faults:?}");
    assert!(starts.contains(&text.rfind('[').unwrap()), "{faults:?}");
}

#[test]
fn a_text_with_no_place_to_cut_is_told_as_what_it_is() {
    let faults = read(&format!("a = {}\n", "1.".repeat(2 * BATCH)), BATCH).unwrap_err();
    assert_eq!(faults.iter().map(|fault| &*fault.message).collect::<Vec<_>>(), ["invalid float"]);
}

#[test]
fn values_cost_no_more_for_being_under_construction() {
    assert_eq!(super::tables::SLOT, size_of::<Node>());
}
