//! Hostile strings, and what Swarm would make of a string.

use std::sync::LazyLock;

use proptest::prelude::*;
use regex::{Captures, Regex};

/// A piece that some reader could take for something else.
fn awkward() -> impl Strategy<Value = String> {
    const PIECES: &[&str] = &[
        "\"",
        "'",
        "`",
        "\\",
        "$",
        "$$",
        "${HOME}",
        "${HOME:-x}",
        "$(id)",
        "{",
        "}",
        "{{",
        "}}",
        "{{`",
        "`}}",
        "{ ",
        "<",
        ">",
        "<div>",
        "{%",
        "{#",
        "#",
        " #",
        ": ",
        "- ",
        "? ",
        "! ",
        "&a",
        "*a",
        "|",
        ">-",
        "%",
        "@",
        ",",
        "[",
        "]",
        "=",
        "~",
        "null",
        "yes",
        "1:30",
        "0x1f",
        "2001-01-01",
        "<<",
        "---",
        "...",
        "\n",
        "\r",
        "\r\n",
        "\t",
        " ",
        "\u{1}",
        "\u{1b}[2J",
        "\u{7f}",
        "\u{85}",
        "\u{a0}",
        "\u{2028}",
        "\u{202e}",
        "\u{200f}",
        "\u{feff}",
        "\u{fffe}",
        "é",
        "e\u{301}",
        "日本",
        "👩\u{200d}💻",
        "\u{10ffff}",
        "{a,b}",
        "{\"json\": 1}",
        "{}",
        "{1}",
        "*/",
        "/*",
        "-",
        "--rm",
        "\\n",
        "\\\"",
        "\\u0000",
        "{{.Node.ID}}",
        "{{ 1 }}",
        "{username}",
        "<username>",
        "/",
        "..",
        ";",
        "&&",
        "!",
        "a",
        "b",
        "Z",
        "0",
    ];
    prop_oneof![
        6 => proptest::sample::select(PIECES).prop_map(str::to_owned),
        2 => "[a-z0-9 ]{1,6}",
        1 => any::<char>().prop_filter("no argument holds NUL", |c| *c != '\0').prop_map(String::from),
    ]
}

/// Any string without NUL, mostly of what some syntax on the way gives a meaning.
pub(crate) fn hostile() -> impl Strategy<Value = String> {
    proptest::collection::vec(awkward(), 0..7).prop_map(|pieces| pieces.concat())
}

/// A string that stands for itself in a config: no placeholder, no expression, no template of Swarm's.
pub(crate) fn without_placeholders() -> impl Strategy<Value = String> {
    hostile().prop_map(|text| disarmed(&text))
}

static PLACEHOLDER: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(\$?)(\{)([\w.]+\})").unwrap());
static ANGLE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"<([\w.]+>)").unwrap());

/// Takes apart what docs/templates.md calls a placeholder.
fn disarmed(text: &str) -> String {
    let mut text = text.to_owned();
    while text.contains("{{") {
        text = text.replace("{{", "{ {");
    }
    let text = PLACEHOLDER.replace_all(&text, |found: &Captures<'_>| {
        let space = if found[1].is_empty() && !found[3].starts_with(|c: char| c.is_ascii_digit()) { " " } else { "" };
        format!("{}{{{space}{}", &found[1], &found[3])
    });
    // `<div>` is no placeholder; a built-in's name would be.
    ANGLE
        .replace_all(&text, |found: &Captures<'_>| match &found[1] {
            "div>" => "<div>".to_owned(),
            rest => format!("< {rest}"),
        })
        .into_owned()
}

/// What a text is to Go's `text/template`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Go {
    /// Comes out as it is.
    Literal(String),
    /// Is evaluated.
    Action(String),
}

/// Adds literal text, so that no two literals stand side by side.
pub(crate) fn push_literal(parts: &mut Vec<Go>, text: &str) {
    match parts.last_mut() {
        _ if text.is_empty() => {}
        Some(Go::Literal(last)) => last.push_str(text),
        _ => parts.push(Go::Literal(text.to_owned())),
    }
}

/// Reads a text as Go's lexer does: an action starts at the first `{{`, and a raw string ends at its backquote.
pub(crate) fn go(text: &str) -> Vec<Go> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("{{") {
        push_literal(&mut parts, &rest[..start]);
        let inside = &rest[start + 2..];
        if let Some(raw) = inside.strip_prefix('`') {
            let (literal, after) = raw.split_once('`').expect("a raw string ends");
            push_literal(&mut parts, literal);
            rest = after.strip_prefix("}}").expect("an action with a raw string holds nothing else");
        } else {
            let end = inside.find("}}").expect("an action ends");
            parts.push(Go::Action(inside[..end].to_owned()));
            rest = &inside[end + 2..];
        }
    }
    push_literal(&mut parts, rest);
    parts
}

#[test]
fn the_model_of_go_reads_escapes() {
    assert_eq!(go("a{{`{{`}}b}}"), [Go::Literal("a{{b}}".to_owned())]);
    assert_eq!(go("x{{.A}}"), [Go::Literal("x".to_owned()), Go::Action(".A".to_owned())]);
}
