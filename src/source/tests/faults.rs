//! What is told of texts that cannot be read.

use super::*;
use FaultKind::{DuplicateKey, Empty, Number, Syntax as Grammar, TooDeep, Unsupported};

/// A name, a TOML, a YAML and a JSON text with the same mistakes, and what all three must give.
type Case = (&'static str, [String; 3], Vec<(FaultKind, u32, u32)>);

fn cases() -> Vec<Case> {
    // Lines of entries `"key" : value`, put into each syntax with the columns kept.
    let lines = |lines: &[&str]| {
        let toml: Vec<String> = lines.iter().map(|line| line.replacen(" :", " =", 1)).collect();
        let json: Vec<String> = lines.iter().map(|line| format!("{line},")).collect();
        [
            format!("\n{}\n", toml.join("\n")),
            format!("\n{}\n", lines.join("\n")),
            format!("{{\n{}\n}}", json.join("\n").trim_end_matches(',')),
        ]
    };
    let crlf = |texts: [String; 3]| texts.map(|text| text.replace('\n', "\r\n"));
    vec![
        ("duplicate", lines(&["\"a\" : 1", "\"b\" : 2", "\"a\" : 3"]), vec![(DuplicateKey, 4, 1)]),
        (
            "all duplicates",
            lines(&["\"a\" : 1", "\"a\" : 2", "\"b\" : 3", "\"a\" : 4", "\"b\" : 5"]),
            vec![(DuplicateKey, 3, 1), (DuplicateKey, 5, 1), (DuplicateKey, 6, 1)],
        ),
        ("duplicate after multi-byte text", lines(&["\"é\" : \"日本\"", "\"é\" : 2"]), vec![(DuplicateKey, 3, 1)]),
        ("CRLF", crlf(lines(&["\"a\" : \"é\"", "\"a\" : 3"])), vec![(DuplicateKey, 3, 1)]),
        ("tabs", lines(&["\"a\" :\t1", "\"b\" :\t99999999999999999999"]), vec![(Number, 3, 7)]),
        ("integer too large", lines(&["\"é\" : 9223372036854775808"]), vec![(Number, 2, 7)]),
        ("integer too small", lines(&["\"a\" : -9223372036854775809"]), vec![(Number, 2, 7)]),
        ("float too large", lines(&["\"a\" : 1.5e999"]), vec![(Number, 2, 7)]),
        ("several", lines(&["\"a\" : 1e999", "\"a\" : 2"]), vec![(Number, 2, 7), (DuplicateKey, 3, 1)]),
        ("unclosed string", lines(&["\"ä\" : 1", "\"b\" : \"ü"]), vec![(Grammar, 3, 7)]),
        ("unknown escape", lines(&["\"ä\" : \"ü\\q\""]), vec![(Grammar, 2, 9)]),
        ("short escape", lines(&["\"a\" : \"\\u12\""]), vec![(Grammar, 2, 8)]),
        ("no value", lines(&["\"é\" : @"]), vec![(Grammar, 2, 7)]),
        ("two commas", lines(&["\"é\" : [\"x\",, 2]"]), vec![(Grammar, 2, 12)]),
        ("wrong bracket", lines(&["\"é\" : [\"x\"}"]), vec![(Grammar, 2, 11)]),
        ("text after a string", lines(&["\"é\" : \"x\" y"]), vec![(Grammar, 2, 11)]),
        (
            "unclosed list",
            ["\"a\" = [[1, 2]".into(), "\"a\" : [[1, 2]".into(), "{\"a\": [[1, 2]".into()],
            vec![(Grammar, 1, 7)],
        ),
        ("too deep", lines(&[&format!("\"é\" : {}{}", "[".repeat(64), "]".repeat(64))]), vec![(TooDeep, 2, 70)]),
        ("too deep without an end", lines(&[&format!("\"é\" : {}", "[".repeat(64))]), vec![(TooDeep, 2, 70)]),
        ("far too deep", lines(&[&format!("\"é\" : {}", "[".repeat(300))]), vec![(TooDeep, 2, 70)]),
        (
            "unclosed list before another line",
            ["\"a\" = [1, 2\n# x\n".into(), "\"a\" : [1, 2\n# x\n".into(), "{\"a\": [1, 2\n\n".into()],
            vec![(Grammar, 1, 7)],
        ),
        ("empty", [String::new(), String::new(), String::new()], vec![(Empty, 1, 1)]),
        ("blank", ["\n \t\n".into(), "\n \n".into(), "\n \t\n".into()], vec![(Empty, 1, 1)]),
    ]
}

#[test]
fn the_same_mistake_is_told_alike_in_all_syntaxes() {
    for (name, texts, expected) in cases() {
        for (syntax, text) in ALL.iter().zip(&texts) {
            assert_eq!(places(*syntax, text), expected, "{name} in {syntax:?}: {text:?}");
        }
    }
}

#[test]
fn a_duplicate_names_its_first() {
    for (syntax, text, first, second) in [
        (Syntax::Toml, "b = 0\na = 1\n'a' = 2\n", (2, 1), (3, 1)),
        (Syntax::Toml, "[b]\n[a]\nx = 1\n[a]\nx = 2\n", (2, 2), (4, 2)),
        (Syntax::Toml, "[c]\n[c.a]\nx = 1\n[ c.a ]\nx = 2\n", (2, 4), (4, 5)),
        (Syntax::Toml, "k = { b = 'é', a = 1, \"a\" = 2 }\n", (1, 16), (1, 23)),
        (Syntax::Toml, "[c]\nb = 0\na.x = 1\n[c.a]\n", (3, 1), (4, 4)),
        (Syntax::Toml, "[[c]]\n[[c]]\na = 1\n\"\\u0061\" = 2\n", (3, 1), (4, 1)),
        (Syntax::Toml, "a = 1\na.b = 2\n", (1, 1), (2, 1)),
        (Syntax::Yaml, "b: 0\nä: 1\n'ä': 2\n", (2, 1), (3, 1)),
        (Syntax::Json, "{\"ä\": 1, \"\\u00e4\": 2}", (1, 2), (1, 10)),
    ] {
        let (sources, id) = add(text);
        let faults = parse(&sources, id, syntax).unwrap_err();
        assert_eq!(faults.len(), 1, "{text:?}: {faults:#?}");
        let place = |span| {
            let place = sources.position(span);
            (place.line, place.column)
        };
        let (other, label) = faults[0].other.unwrap_or_else(|| panic!("{text:?}: no first place"));
        assert_eq!((faults[0].kind, label), (DuplicateKey, "first set here"), "{text:?}");
        assert_eq!((place(other), place(faults[0].span)), (first, second), "{text:?}");
    }
}

#[test]
fn a_duplicate_inside_of_a_duplicate_is_told_once() {
    assert_eq!(places(Syntax::Toml, "[a]\nx = 1\n[a]\nx = 2\n"), [(DuplicateKey, 3, 2)]);
    assert_eq!(places(Syntax::Json, "{\"a\":{\"x\":1},\n\"a\":{\"x\":2}}"), [(DuplicateKey, 2, 1)]);
}

#[test]
fn large_tables_find_duplicates_too() {
    let keys: Vec<String> = (0..100).map(|index| format!("k{index}")).chain(["k0".into(), "k17".into()]).collect();
    let json: Vec<String> = keys.iter().map(|key| format!("\"{key}\": 1")).collect();
    let json = format!("{{\n{}}}", json.join(",\n"));
    let yaml: String = keys.iter().map(|key| format!("{key}: 1\n")).collect();
    let toml: String = keys.iter().map(|key| format!("{key} = 1\n")).collect();
    assert_eq!(places(Syntax::Json, &json), [(DuplicateKey, 102, 1), (DuplicateKey, 103, 1)]);
    assert_eq!(places(Syntax::Yaml, &yaml), [(DuplicateKey, 101, 1), (DuplicateKey, 102, 1)]);
    assert_eq!(places(Syntax::Toml, &toml), [(DuplicateKey, 101, 1), (DuplicateKey, 102, 1)]);
}

#[test]
fn what_the_language_has_no_use_for_is_refused_with_advice() {
    for (syntax, text, kind, line, column) in [
        (Syntax::Toml, "a = 1979-05-27", Unsupported, 1, 5),
        (Syntax::Toml, "a = 07:32:00", Unsupported, 1, 5),
        (Syntax::Toml, "a = inf", Number, 1, 5),
        (Syntax::Toml, "b = 1\na = -nan", Number, 2, 5),
        (Syntax::Toml, "a = 0xFFFFFFFFFFFFFFFF", Number, 1, 5),
        (Syntax::Yaml, "a: .inf", Number, 1, 4),
        (Syntax::Yaml, "a: [.NaN]", Number, 1, 5),
        (Syntax::Yaml, "a: !foo x", Unsupported, 1, 4),
        (Syntax::Yaml, "a: !!binary x", Unsupported, 1, 4),
        (Syntax::Yaml, "a: !!set {x: }", Unsupported, 1, 4),
        (Syntax::Yaml, "a: !!int x", Unsupported, 1, 10),
        (Syntax::Yaml, "? [a]\n: 1", Unsupported, 1, 3),
        (Syntax::Yaml, "{{a: 1}: 2}", Unsupported, 1, 2),
        (Syntax::Yaml, ": 1", Unsupported, 1, 1),
        (Syntax::Yaml, "a: 1\n---\nb: 2", Unsupported, 2, 1),
        (Syntax::Yaml, "a: &x [*x]", Unsupported, 1, 8),
        (Syntax::Yaml, "a: 1\n<<: 2", Unsupported, 2, 5),
        (Syntax::Yaml, "x: &x {a: 1}\ny:\n  <<: *x\n  <<: *x", DuplicateKey, 4, 3),
        (Syntax::Yaml, "a: *x", Grammar, 1, 4),
        (Syntax::Yaml, "a:\n\tb: 1", Grammar, 2, 2),
        (Syntax::Yaml, "a: b: c", Grammar, 1, 5),
        (Syntax::Json, "{\"a\": NaN}", Number, 1, 7),
        (Syntax::Json, "{\"a\": -Infinity}", Number, 1, 7),
        (Syntax::Json, "{\"a\": True}", Grammar, 1, 7),
        (Syntax::Json, "{\"a\": 1 // x\n}", Grammar, 1, 9),
        (Syntax::Json, "{a: 1}", Grammar, 1, 2),
        (Syntax::Json, "{'a': 1}", Grammar, 1, 2),
        (Syntax::Json, "[1, ]", Grammar, 1, 3),
        (Syntax::Json, "{\"a\": 1,\n}", Grammar, 1, 8),
        (Syntax::Json, "{\"a\": 01}", Grammar, 1, 7),
        (Syntax::Json, "[\"a\tb\"]", Grammar, 1, 4),
    ] {
        assert_eq!(places(syntax, text), [(kind, line, column)], "{syntax:?} {text:?}");
        assert!(bad(syntax, text)[0].help.is_some(), "{syntax:?} {text:?}: no advice");
    }
}

#[test]
fn comments_alone_are_an_empty_document() {
    for text in ["# nothing\n", "\n#\n# x"] {
        assert_eq!(places(Syntax::Toml, text), [(Empty, 1, 1)], "{text:?}");
        assert_eq!(places(Syntax::Yaml, text), [(Empty, 1, 1)], "{text:?}");
    }
    assert_eq!(places(Syntax::Yaml, "---\n"), [(Empty, 1, 1)]);
    assert_eq!(places(Syntax::Yaml, "--- # x\n...\n"), [(Empty, 1, 1)]);
}

#[test]
fn toml_tells_all_errors() {
    let found = places(Syntax::Toml, "a = @\nb = 1\nc = \"x\nd = 99999999999999999999\nb = 2\n");
    let expected = [(Grammar, 1, 5), (Grammar, 3, 5), (Number, 4, 5), (DuplicateKey, 5, 1)];
    assert_eq!(found, expected);
}

#[test]
fn messages_are_in_the_style_of_diagnostics() {
    for (_, texts, _) in cases() {
        for (syntax, text) in ALL.iter().zip(&texts) {
            for fault in bad(*syntax, text) {
                let first = fault.message.chars().next().unwrap_or('X');
                assert!(!first.is_uppercase() && !fault.message.ends_with('.'), "{:?}", fault.message);
            }
        }
    }
}
