//! TOML's rules of which table may be defined where, by hand.

use super::{compare, cut};

/// Texts, and whether TOML allows them.
const CASES: &[(&str, bool)] = &[
    // Keys.
    ("a = 1\na = 2\n", false),
    ("a = 1\n\"a\" = 2\n", false),
    ("'a' = 1\n\"\\u0061\" = 2\n", false),
    ("a = 1\n\"a \" = 2\n", true),
    ("\"\" = 1\n'' = 2\n", false),
    ("1.2 = 3\n1.3 = 4\n", true),
    ("a . b = 1\na.\tc = 2\n", true),
    ("\"a.b\" = 1\na.b = 2\n", true),
    ("a.b = 1\na.b = 2\n", false),
    ("a.b = 1\na = 2\n", false),
    ("a = 1\na.b = 2\n", false),
    ("a.b = 1\na.b.c = 2\n", false),
    ("a.b.c = 1\na.b.d = 2\nx = 3\na.e = 4\n", true),
    ("a = [1]\na.b = 2\n", false),
    ("a = \"x\"\n[a.b]\n", false),
    ("a = []\n[a]\n", false),
    // Headers.
    ("[a]\n[a]\n", false),
    ("[a]\nb = 1\n[a.b]\n", false),
    ("[a]\nb = 1\n[a.b.c]\n", false),
    ("[a.b]\n[a]\nc = 1\n", true),
    ("[a.b]\n[a]\n[a]\n", false),
    ("[a.b]\n[a]\nb = 1\n", false),
    ("[a]\n[a.b]\n[a.b.c]\n[a.d]\n", true),
    ("[a.b.c]\n[a.b]\n[a]\n", true),
    ("[a.b.c]\n[a]\n[a.b.c]\n", false),
    ("[ a . 'b' ]\n[a.\"b\"]\n", false),
    ("[]\n", false),
    ("[a.]\n", false),
    ("[.a]\n", false),
    ("[a]]\n", false),
    ("[[a]\n", false),
    ("[a] b = 1\n", false),
    ("[a] # b = 1\n", true),
    ("[a\n]\n", false),
    // Dotted keys and headers.
    ("[a]\nb.c = 1\n[a.b]\n", false),
    ("[a]\nb.c = 1\n[a.b.d]\n", true),
    ("[a]\nb.c.d = 1\n[a.b.c]\n", false),
    ("a.b = 1\n[a]\n", false),
    ("a.b = 1\n[a.c]\n", true),
    ("[a.b]\nc = 1\n[a]\nb.d = 2\n", false),
    ("[a.b.c]\nz = 9\n[a]\nb.c.t = 1\n", false),
    ("[a.b.c.d]\nz = 9\n[a]\nb.c.d.k.t = 1\n", false),
    ("[a.b]\n[a]\nc.d = 1\n", true),
    // Arrays of tables.
    ("[[a]]\n[[a]]\n", true),
    ("[[a]]\n[a]\n", false),
    ("[a]\n[[a]]\n", false),
    ("[a.b]\n[[a]]\n", false),
    ("a = []\n[[a]]\n", false),
    ("a = [{}]\n[[a]]\n", false),
    ("a = [{}]\n[a.b]\n", false),
    ("[[a]]\n[a.b]\n[[a]]\n[a.b]\n", true),
    ("[[a]]\n[a.b]\n[a.b]\n", false),
    ("[[a]]\n[[a.b]]\n[[a.b]]\n[[a]]\n[[a.b]]\n", true),
    ("[[a]]\n[[a.b]]\n[a.b]\n", false),
    ("[[a]]\n[a.b]\n[[a.b]]\n", false),
    ("[[a]]\nb = 1\n[[a]]\nb = 2\n", true),
    ("[[a.b]]\n[a]\nb.y = 2\n", false),
    ("[[a.b]]\n[a]\nc = 2\n", true),
    ("[[a.b]]\n[[a]]\n", false),
    // Tables in braces.
    ("a = {b = 1, b = 2}\n", false),
    ("a = {b.c = 1, b.d = 2}\n", true),
    ("a = {b.c = 1, b = 2}\n", false),
    ("a = {b = 1, b.c = 2}\n", false),
    ("a = {b = {c = 1}, b.d = 2}\n", false),
    ("a = {b.c = 1, b.c = 2}\n", false),
    ("a = {b = {}}\na.c = 1\n", false),
    ("a = {b = {}}\n[a.c]\n", false),
    ("a = {b = {}}\n[a.b]\n", false),
    ("a = {b = [{}]}\n[[a.b]]\n", false),
    ("a = {}\n[a]\n", false),
    ("a = {}\n[[a]]\n", false),
    ("[t]\na = {}\n[t.a]\n", false),
    ("[t]\na.b = {}\na.b.c = 1\n", false),
    ("[t]\na.b = {}\na.c = {}\n", true),
    ("a = {b = 1,\n# x\n c = 2,\n}\n", true),
    ("a = {b = 1,, c = 2}\n", false),
    ("a = {b = 1 c = 2}\n", false),
    ("a = {, b = 1}\n", false),
    ("a = [{b = 1}, {b = 2}]\n", true),
    ("a = [[{b = 1, b = 2}]]\n", false),
];

#[test]
fn tables_are_defined_as_toml_allows() {
    for (text, valid) in CASES {
        assert_eq!(compare(text), *valid, "{text:?}");
        cut(text);
    }
}
