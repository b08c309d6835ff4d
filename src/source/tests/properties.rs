//! What holds for any text and any tree.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::Serialize;

use super::*;
use crate::source::{Entry, Value};

/// Data as all three syntaxes can hold it, in the shape that their writers take.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
enum Data {
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(String),
    List(Vec<Data>),
    Table(BTreeMap<String, Data>),
}

impl PartialEq<Node> for Data {
    fn eq(&self, node: &Node) -> bool {
        match (self, &node.value) {
            (Self::Bool(own), Value::Bool(other)) => own == other,
            (Self::Int(own), Value::Int(other)) => own == other,
            (Self::Float(own), Value::Float(other)) => own == other,
            (Self::Str(own), Value::Str(other)) => **own == **other,
            (Self::List(own), Value::Seq(other)) => {
                own.len() == other.len() && own.iter().zip(other).all(|(own, other)| own == other)
            }
            // TOML's writer puts tables after the other entries.
            (Self::Table(own), Value::Map(other)) => {
                own.len() == other.entries.len()
                    && own.iter().all(|(key, own)| other.get(key).is_some_and(|other| own == other))
            }
            _ => false,
        }
    }
}

fn strings() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-z0-9_.-]{0,8}",
        "[ \"'#:,{}\\[\\]&*!|>%@`\\\\$~\n\r\t-]{0,6}",
        "[\u{0}-\u{1f}\u{7f}-\u{a0}\u{2028}\u{2029}\u{fffe}é😀\u{10ffff}]{0,6}",
        proptest::sample::select(vec![
            "yes",
            "no",
            "null",
            "~",
            "true",
            "012",
            "0o17",
            "1_000",
            "1e3",
            ".inf",
            "<<",
            "=",
            "1:30",
            "2001-01-01",
            "-",
            "- a",
            "a: b",
            "# x",
            "---",
            "...",
            " a",
            "a ",
            "\n",
            "\n a",
            "a\n\n",
            "\ta",
            "0x1F",
            "",
        ])
        .prop_map(str::to_owned),
    ]
    // What stands for a byte order mark is dropped or refused by some reader of each syntax.
    .prop_map(|text| text.replace('\u{feff}', ""))
}

fn data() -> impl Strategy<Value = Data> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Data::Bool),
        any::<i64>().prop_map(Data::Int),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(Data::Float),
        strings().prop_map(Data::Str),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Data::List),
            table(inner).prop_map(Data::Table),
        ]
    })
}

fn table(inner: impl Strategy<Value = Data>) -> impl Strategy<Value = BTreeMap<String, Data>> {
    proptest::collection::vec((strings(), inner), 0..5).prop_map(|entries| entries.into_iter().collect())
}

/// Texts with much of each grammar in them.
fn scraps() -> impl Strategy<Value = String> {
    let scrap = proptest::sample::select(vec![
        "a", "b", "\"", "'", "\"\"\"", "'''", "\\", "\\u", "12", "-", ".", ",", ":", ": ", " = ", "[", "]", "[[", "]]",
        "{", "}", "\n", "\r\n", "\n  ", "\t", " ", "# ", "- ", "? ", "&x ", "*x", "<<: ", "!t ", "!!str ", "|", ">-",
        "---\n", "...\n", "%", "@", "é", "😀", "\u{0}", "\u{7f}", "\u{85}", "\u{feff}", "1e9", "0x", "inf", "true",
        "null", "a.b",
    ]);
    proptest::collection::vec(scrap, 0..40).prop_map(|scraps| scraps.concat())
}

/// Checks all spans of a tree: tokens are whole, and children follow each other inside of what holds them. TOML's headers
/// may come in any order, and aliases have spans elsewhere.
fn check(syntax: Syntax, text: &str, node: &Node) {
    let range = node.span.range();
    let slice = text.get(range.clone()).unwrap_or_else(|| panic!("{syntax:?} {text:?}: {range:?} is no slice"));
    match &node.value {
        Value::Str(string) => {
            let quoted = ['"', '\'']
                .iter()
                .any(|quote| slice.len() >= 2 && slice.starts_with(*quote) && slice.ends_with(*quote));
            let words =
                || slice.split_whitespace().eq(string.split_whitespace()) && !slice.ends_with([' ', '\t', '\n', '\r']);
            // A block scalar with no text has only its indicator.
            let block = || string.trim().is_empty() && slice.starts_with(['|', '>']);
            let whole = quoted || (syntax == Syntax::Yaml && (words() || block()));
            assert!(whole, "{syntax:?} {text:?}: {slice:?} is no token of {string:?}");
        }
        Value::Seq(items) => items.iter().for_each(|item| check(syntax, text, item)),
        Value::Map(map) => {
            for Entry { key, key_span, value } in map {
                let slice = text.get(key_span.range());
                assert!(slice.is_some(), "{syntax:?} {text:?}: {key_span:?} is no slice");
                assert!(!slice.unwrap_or("").is_empty(), "{syntax:?} {text:?}: the key {key:?} has no text");
                check(syntax, text, value);
            }
        }
        Value::Bool(truth) => assert_eq!(slice.to_lowercase(), truth.to_string(), "{syntax:?} {text:?}"),
        _ => {}
    }
    if syntax == Syntax::Toml || text.contains('*') {
        return;
    }
    let mut last = node.span.start;
    let mut follow = |span: crate::source::Span| {
        assert!(last <= span.start && span.end <= node.span.end, "{syntax:?} {text:?}: {span:?} of {:?}", node.span);
        last = span.end;
    };
    match &node.value {
        Value::Seq(items) => items.iter().for_each(|item| follow(item.span)),
        Value::Map(map) => map.iter().for_each(|entry| {
            follow(entry.key_span);
            follow(entry.value.span);
        }),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn written_data_reads_back_equal_from_all_syntaxes(table in table(data())) {
        prop_assume!(!table.is_empty());
        let data = Data::Table(table);
        let yaml = serde_saphyr::to_string(&data).unwrap();
        for (syntax, text) in [
            (Syntax::Toml, toml::to_string(&data).unwrap()),
            (Syntax::Toml, toml::to_string_pretty(&data).unwrap()),
            (Syntax::Json, serde_json::to_string(&data).unwrap()),
            (Syntax::Json, serde_json::to_string_pretty(&data).unwrap()),
            (Syntax::Yaml, yaml),
        ] {
            let node = read(syntax, &text);
            prop_assert!(node.is_ok(), "{:?} {:?}: {:?}", syntax, text, node);
            prop_assert!(data == node.unwrap(), "{:?} {:?}", syntax, text);
            check(syntax, &text, &good(syntax, &text));
        }
    }

    #[test]
    fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        let text = String::from_utf8_lossy(&bytes);
        for syntax in ALL {
            let _ = read(syntax, &text);
        }
    }

    #[test]
    fn scraps_give_a_tree_or_faults_with_places(text in scraps()) {
        let (sources, id) = add(&text);
        let text = sources.get(id);
        for syntax in ALL {
            match parse(&sources, id, syntax) {
                Ok(node) => check(syntax, text.text(), &node),
                Err(faults) => {
                    prop_assert!(!faults.is_empty());
                    for fault in faults {
                        let places = [Some(fault.span), fault.other.map(|(span, _)| span)];
                        for span in places.into_iter().flatten() {
                            prop_assert!(text.text().get(span.range()).is_some(), "{:?} {:?}: {:?}", syntax, text.text(), span);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn json_is_what_serde_json_says(text in scraps()) {
        let text = text.trim_start_matches('\u{feff}');
        let faults = read(Syntax::Json, text).err().unwrap_or_default();
        let grammar = faults.iter().any(|fault| matches!(fault.kind, FaultKind::Syntax | FaultKind::Empty));
        let theirs = serde_json::from_str::<serde_json::Value>(text).is_ok();
        prop_assert!(theirs != grammar || faults.iter().any(|fault| fault.kind == FaultKind::Number), "{:?}: {:?}", text, faults);
    }
}
