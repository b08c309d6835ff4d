//! Texts that are made to cost much.

use std::time::{Duration, Instant};

use super::*;
use crate::source::{MAX_CONFIG_BYTES, MAX_DEPTH, MAX_NODES};

/// Generous for a debug build on a busy machine; what these texts would take unbounded is far longer.
const PATIENCE: Duration = Duration::from_secs(20);

fn swiftly(name: &str, check: impl FnOnce()) {
    let start = Instant::now();
    check();
    assert!(start.elapsed() < PATIENCE, "{name} took {:?}", start.elapsed());
}

#[test]
fn alias_bombs_are_counted_and_not_expanded() {
    let mut text = String::from("l0: &l0 [x, x]\n");
    for level in 1..30 {
        text.push_str(&format!("l{level}: &l{level} [*l{0}, *l{0}]\n", level - 1));
    }
    swiftly("lists", || assert_eq!(places(Syntax::Yaml, &text)[0].0, FaultKind::TooMany));
    let mut text = String::from("l0: &l0 {a: x, b: x}\n");
    for level in 1..30 {
        text.push_str(&format!("l{level}: &l{level} {{a: *l{0}, b: {{<<: *l{0}}}}}\n", level - 1));
    }
    swiftly("merges", || assert_eq!(places(Syntax::Yaml, &text)[0].0, FaultKind::TooMany));
}

#[test]
fn aliases_count_towards_the_depth() {
    let half = MAX_DEPTH / 2;
    let nest = |inner: &str, levels: usize| format!("{}{inner}{}", "[".repeat(levels), "]".repeat(levels));
    let text = |levels: usize| format!("a: &a {}\nb: {}\n", nest("1", half), nest("*a", levels));
    good(Syntax::Yaml, &text(MAX_DEPTH - half - 1));
    assert_eq!(places(Syntax::Yaml, &text(MAX_DEPTH - half)), [(FaultKind::TooDeep, 2, 4 + (MAX_DEPTH - half) as u32)]);
}

#[test]
fn long_chains_of_merges_are_read() {
    let mut text = String::from("m0: &m0 {k: 1}\n");
    for level in 1..20_000 {
        text.push_str(&format!("m{level}: &m{level} {{<<: *m{}}}\n", level - 1));
    }
    swiftly("chain", || {
        let root = good(Syntax::Yaml, &text);
        assert_eq!(root.get("m19999").and_then(|node| node.get("k")).and_then(Node::as_int), Some(1));
    });
}

#[test]
fn nested_anchors_of_a_large_value_cost_no_copies() {
    let anchors: String = (0..50).map(|level| format!("&a{level} [")).collect();
    let text = format!("{anchors}{}{}", "1,".repeat(20_000), "]".repeat(50));
    swiftly("anchors", || assert!(read(Syntax::Yaml, &text).is_ok()));
}

#[test]
fn texts_of_brackets_are_too_deep_at_once() {
    let size = MAX_CONFIG_BYTES as usize;
    let fill = |pattern: &str| pattern.repeat(size / pattern.len());
    for (syntax, text) in [
        (Syntax::Json, fill("[")),
        (Syntax::Json, fill("{\"a\":")),
        (Syntax::Yaml, fill("[")),
        (Syntax::Yaml, fill("{")),
        (Syntax::Yaml, fill("a: {")),
        (Syntax::Yaml, fill("- ")),
        (Syntax::Yaml, fill("? ")),
        (Syntax::Toml, format!("a = {}", fill("["))),
        (Syntax::Toml, format!("a = {}", fill("{a="))),
        (Syntax::Toml, format!("b = 1\n{}a = 1", fill("a."))),
    ] {
        swiftly(&text[..10], || {
            let kinds: Vec<_> = places(syntax, &text).into_iter().map(|(kind, ..)| kind).collect();
            assert_eq!(kinds.first(), Some(&FaultKind::TooDeep), "{syntax:?} {:?}", &text[..10]);
        });
    }
    for (syntax, text) in [(Syntax::Json, fill("{")), (Syntax::Toml, fill("[")), (Syntax::Toml, fill("{"))] {
        swiftly(&text[..10], || assert!(read(syntax, &text).is_err()));
    }
}

#[test]
fn nesting_just_under_the_limit_passes() {
    let inner = MAX_DEPTH - 1;
    let lists = format!("{}{}", "[".repeat(inner), "]".repeat(inner));
    let tables = |open: &str| format!("{}1{}", open.repeat(inner), "}".repeat(inner));
    let dotted = vec!["a"; MAX_DEPTH].join(".");
    let blocks: String = (0..MAX_DEPTH).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
    good(Syntax::Toml, &format!("a = {lists}"));
    good(Syntax::Toml, &format!("a = {}", tables("{a=")));
    good(Syntax::Toml, &format!("{dotted} = 1"));
    good(Syntax::Toml, &format!("[{}]\n", &dotted[2..]));
    good(Syntax::Yaml, &format!("a: {lists}"));
    good(Syntax::Yaml, &format!("a: {}", tables("{a: ")));
    good(Syntax::Yaml, &blocks);
    good(Syntax::Yaml, &format!("{}x", "- ".repeat(MAX_DEPTH)));
    good(Syntax::Json, &format!("{{\"a\":{lists}}}"));
    assert_eq!(places(Syntax::Toml, &format!("{dotted}.a = 1"))[0].0, FaultKind::TooDeep);
    assert_eq!(places(Syntax::Yaml, &format!("{}x", "- ".repeat(MAX_DEPTH + 1)))[0].0, FaultKind::TooDeep);
}

#[test]
fn numbers_of_megabytes_are_read_at_once() {
    let digits = "9".repeat(4 << 20);
    for (syntax, before, after, column) in
        [(Syntax::Toml, "a = ", "\n", 5), (Syntax::Yaml, "a: ", "\n", 4), (Syntax::Json, "{\"a\":", "}", 6)]
    {
        swiftly("a number", || {
            let whole = format!("{before}{digits}{after}");
            assert_eq!(places(syntax, &whole), [(FaultKind::Number, 1, column)], "{syntax:?}");
            let fraction = format!("{before}0.{digits}{after}");
            assert!(read(syntax, &fraction).is_ok(), "{syntax:?}");
        });
    }
}

#[test]
fn more_values_than_allowed_are_too_many() {
    let values = "1,".repeat(MAX_NODES);
    for (syntax, text) in [
        (Syntax::Toml, format!("a=[{values}]")),
        (Syntax::Json, format!("[{}]", values.trim_end_matches(','))),
        (Syntax::Yaml, format!("[{values}]")),
    ] {
        let faults = bad(syntax, &text);
        assert_eq!(faults.iter().map(|fault| fault.kind).collect::<Vec<_>>(), [FaultKind::TooMany], "{syntax:?}");
    }
}

#[test]
fn faults_are_bounded() {
    let text = "a = 1\n".repeat(5000);
    let faults = bad(Syntax::Toml, &text);
    assert_eq!(faults.len(), crate::source::assembly::MAX_FAULTS);
    assert_eq!(bad(Syntax::Yaml, &"a: 1\n".repeat(5000)).len(), crate::source::assembly::MAX_FAULTS);
}
