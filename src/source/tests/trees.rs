//! What texts are read as, and where.

use super::*;
use crate::source::{Pointer, Value};

/// The text under a node.
fn slice<'t>(text: &'t str, root: &Node, pointer: &str) -> &'t str {
    let node = root.at(&Pointer::parse(pointer)).unwrap_or_else(|| panic!("no {pointer}"));
    &text[node.span.range()]
}

fn key<'t>(text: &'t str, root: &Node, pointer: &str, key: &str) -> &'t str {
    let entry = root.at(&Pointer::parse(pointer)).and_then(|node| node.entry(key)).unwrap();
    &text[entry.key_span.range()]
}

#[test]
fn toml_spans() {
    let text =
        "ä.\"b\" = 'x'\n[ t . \"u v\" ]\nn = 0o440\n[[l]]\nm = [1, {y = 2}]\n[[ l ]]\n[l.'q']\r\nz = \"\"\"\r\né\"\"\"";
    let text = &text.replace('ä', "a");
    let root = good(Syntax::Toml, text);
    assert_eq!(root.span.range(), 0..text.len());
    assert_eq!(slice(text, &root, "/a"), "a");
    assert_eq!(slice(text, &root, "/a/b"), "'x'");
    assert_eq!(key(text, &root, "/a", "b"), "\"b\"");
    assert_eq!(slice(text, &root, "/t"), "t");
    assert_eq!(slice(text, &root, "/t/u v"), "\"u v\"");
    assert_eq!(slice(text, &root, "/t/u v/n"), "0o440");
    assert_eq!(root.at(&Pointer::parse("/t/u v/n")).unwrap().as_int(), Some(0o440));
    assert_eq!(slice(text, &root, "/l"), "l");
    assert_eq!(slice(text, &root, "/l/0"), "l");
    assert_eq!(slice(text, &root, "/l/0/m"), "[1, {y = 2}]");
    assert_eq!(slice(text, &root, "/l/0/m/1"), "{y = 2}");
    assert_eq!(root.at(&Pointer::parse("/l/1")).unwrap().span.start as usize, text.rfind("l ]]").unwrap());
    assert_eq!(slice(text, &root, "/l/1/q"), "'q'");
    assert_eq!(slice(text, &root, "/l/1/q/z"), "\"\"\"\r\né\"\"\"");
}

#[test]
fn yaml_spans() {
    let text = "\"ä\": 'é'\r\nlist:\r\n  - plain text # no\r\n  -   - 1\r\n\r\n# no\r\nmap:\r\n  b: {c: [ 2 ]}\r\n  d: |\r\n    one\r\n\r\n    two\r\n\r\nlast:\r\n";
    let root = good(Syntax::Yaml, text);
    assert_eq!(&text[root.span.range()], text.trim_end().trim_end_matches(':'));
    assert_eq!(key(text, &root, "", "ä"), "\"ä\"");
    assert_eq!(slice(text, &root, "/ä"), "'é'");
    assert_eq!(slice(text, &root, "/list"), "- plain text # no\r\n  -   - 1");
    assert_eq!(slice(text, &root, "/list/0"), "plain text");
    assert_eq!(slice(text, &root, "/list/1"), "- 1");
    assert_eq!(slice(text, &root, "/map"), "b: {c: [ 2 ]}\r\n  d: |\r\n    one\r\n\r\n    two");
    assert_eq!(slice(text, &root, "/map/b"), "{c: [ 2 ]}");
    assert_eq!(slice(text, &root, "/map/d"), "one\r\n\r\n    two");
    assert_eq!(root.at(&Pointer::parse("/map/d")).unwrap().as_str(), Some("one\n\ntwo\n"));
    assert_eq!(slice(text, &root, "/last"), "");
    assert_eq!(root.get("last").unwrap().value, Value::Null);
}

#[test]
fn json_spans() {
    let text = " {\"ä\\n\" :\t[1, -2.5e3 ,\"é\\ud83d\\ude00\"], \"x\":{ }} ";
    let root = good(Syntax::Json, text);
    assert_eq!(&text[root.span.range()], text.trim());
    assert_eq!(key(text, &root, "", "ä\n"), "\"ä\\n\"");
    assert_eq!(slice(text, &root, "/ä\n/1"), "-2.5e3");
    assert_eq!(slice(text, &root, "/ä\n/2"), "\"é\\ud83d\\ude00\"");
    assert_eq!(root.at(&Pointer::parse("/ä\n/2")).unwrap().as_str(), Some("é😀"));
    assert_eq!(slice(text, &root, "/x"), "{ }");
}

#[test]
fn json_strings_may_hold_what_yaml_forbids() {
    let root = good(Syntax::Json, "[\"\u{7f}\u{85}\u{feff}\u{2028}\"]");
    assert_eq!(root.as_seq().unwrap()[0].as_str(), Some("\u{7f}\u{85}\u{feff}\u{2028}"));
    let long = format!("{{\"{}\"\n:\n\t1}}", "k".repeat(5000));
    assert_eq!(good(Syntax::Json, &long).as_map().unwrap().entries.len(), 1);
}

#[test]
fn yaml_plain_scalars() {
    let text = "[yes, off, 0440, 1_000, 12, 0o17, 0xFF, 1.5, true, ~, '12', \"true\", ! 12, !!str 12, !!float 1, 1:30]";
    let root = good(Syntax::Yaml, text);
    let json = r#"["yes","off","0440","1_000",12,15,255,1.5,true,null,"12","true","12","12",1.0,"1:30"]"#;
    assert_eq!(root, good(Syntax::Json, json));
}

#[test]
fn yaml_keys_are_their_text() {
    let text = "1: a\ntrue: b\n0x10: c\n1.50: d\nnull: e\n'q': f\n!!str 7: g\n&k key: h\nx: *k\n*k : i\n";
    let faults = bad(Syntax::Yaml, text);
    assert_eq!(faults.len(), 1, "only the alias repeats a key: {faults:#?}");
    assert_eq!(faults[0].kind, FaultKind::DuplicateKey);
    let root = good(Syntax::Yaml, text.trim_end_matches("*k : i\n"));
    let keys: Vec<&str> = root.as_map().unwrap().iter().map(|entry| &*entry.key).collect();
    assert_eq!(keys, ["1", "true", "0x10", "1.50", "null", "q", "7", "key", "x"]);
    assert_eq!(root.get("x").unwrap().as_str(), Some("key"));
    let root = good(Syntax::Yaml, "a: &n 0x10\nb: {*n : 1}\n");
    assert_eq!(root.get("b").unwrap().as_map().unwrap().entries[0].key.as_ref(), "0x10");
}

#[test]
fn yaml_aliases_have_their_anchors_place() {
    let text = "a: &x [1, &y 'ä']\nb: *x\nc: {d: *y}\n";
    let root = good(Syntax::Yaml, text);
    assert_eq!(root.get("b"), root.get("a"));
    assert_eq!(root.get("b").unwrap().span, root.get("a").unwrap().span);
    assert_eq!(slice(text, &root, "/c/d"), "'ä'");
    assert_eq!(slice(text, &root, "/c"), "{d: *y}");
}

#[test]
fn yaml_an_anchor_may_be_set_again() {
    let root = good(Syntax::Yaml, "- &x 1\n- *x\n- &x 2\n- *x\n");
    assert_eq!(root, good(Syntax::Json, "[1, 1, 2, 2]"));
}

#[test]
fn yaml_merge_keys() {
    let text = "base: &b {x: 1, y: 2}\nmore: &m\n  <<: *b\n  z: 3\n  y: 4\nboth:\n  k: 0\n  <<: [*m, {x: 9, w: 5}, *b]\n  z: 6\nquoted: {\"<<\": 1}\n";
    let root = good(Syntax::Yaml, text);
    let keys = |name: &str| {
        let map = root.get(name).unwrap().as_map().unwrap();
        map.iter().map(|entry| (entry.key.to_string(), entry.value.as_int().unwrap())).collect::<Vec<_>>()
    };
    let pairs =
        |pairs: &[(&str, i64)]| pairs.iter().map(|(key, value)| ((*key).to_owned(), *value)).collect::<Vec<_>>();
    assert_eq!(keys("more"), pairs(&[("z", 3), ("y", 4), ("x", 1)]));
    assert_eq!(keys("both"), pairs(&[("k", 0), ("z", 6), ("y", 4), ("x", 1), ("w", 5)]));
    assert_eq!(keys("quoted"), pairs(&[("<<", 1)]));
    let merged = root.get("more").unwrap().entry("x").unwrap();
    assert_eq!(merged.key_span.start as usize, text.find("x: 1").unwrap());
}

#[test]
fn byte_order_marks_are_no_part_of_the_text() {
    for (syntax, text) in [(Syntax::Toml, "a = 1"), (Syntax::Yaml, "a: 1\r\nb: 2"), (Syntax::Json, "{\"a\": 1}")] {
        assert_eq!(good(syntax, &format!("\u{feff}{text}")), good(syntax, text));
    }
}
