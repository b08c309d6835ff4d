//! What a config string is made of.
//!
//! Three kinds of braces meet in one string: swarmgen's placeholders, MiniJinja's expressions and Swarm's own
//! templates. This module tells them apart; it evaluates nothing.

pub(super) mod swarm;

use std::ops::Range;

/// A part of a string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment<'a> {
    /// Text that stands for itself.
    Literal(&'a str),
    /// `{ident.ident}`: an attribute by its path.
    Placeholder {
        /// The path, without the braces.
        path: &'a str,
        /// Where the whole placeholder stands in the string.
        range: Range<usize>,
    },
    /// `<ident>`: a placeholder where the name is known, else plain text.
    Angle {
        /// The path, without the brackets.
        path: &'a str,
        /// Where the whole placeholder stands in the string.
        range: Range<usize>,
    },
    /// `{{ expression }}`.
    Expression {
        /// The expression, without the braces.
        source: &'a str,
        /// Where the whole of it stands in the string.
        range: Range<usize>,
    },
    /// `{{ .Node.Hostname }}`: Swarm's, whole.
    Swarm {
        /// The template with its braces.
        text: &'a str,
        /// Where it stands in the string.
        range: Range<usize>,
    },
    /// `{{` without its end.
    Unclosed {
        /// From the braces to the end of the string.
        range: Range<usize>,
    },
}

/// Tells whether a string can hold anything but literal text.
pub fn may_be_template(text: &str) -> bool {
    text.bytes().any(|byte| byte == b'{' || byte == b'<')
}

/// Tells whether values leave nothing of a folder's name in the path that a template became, so that it leads to the folder
/// above.
pub fn loses_folder(template: &str, path: &str) -> bool {
    let is_nothing = |part: &&str| part.is_empty() || *part == ".";
    // What stands before the first slash is empty where a value is an absolute path.
    let vanished = |path: &str| path.split('/').skip(1).filter(is_nothing).count();
    let folders = |path: &str| path.split('/').filter(|part| !is_nothing(part)).count();
    let own = segments(template).map(|segment| match segment {
        Segment::Literal(text) => text,
        _ => "value",
    });
    let own: String = own.collect();
    vanished(path) > vanished(&own) || folders(path) < folders(&own)
}

/// Splits a string into its parts.
pub fn segments(text: &str) -> Segments<'_> {
    Segments { text, at: 0 }
}

/// An iterator over a string's parts.
#[derive(Clone, Debug)]
pub struct Segments<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Iterator for Segments<'a> {
    type Item = Segment<'a>;

    fn next(&mut self) -> Option<Segment<'a>> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let mut at = start;
        while at < bytes.len() {
            let special = match bytes[at] {
                b'{' if bytes.get(at + 1) == Some(&b'{') => Some(double_brace(self.text, at)),
                b'{' if at == 0 || bytes[at - 1] != b'$' => {
                    delimited(self.text, at, b'}').map(|(path, end)| Segment::Placeholder { path, range: at..end })
                }
                b'<' => delimited(self.text, at, b'>').map(|(path, end)| Segment::Angle { path, range: at..end }),
                _ => None,
            };
            match special {
                Some(_) if at > start => {
                    self.at = at;
                    return Some(Segment::Literal(&self.text[start..at]));
                }
                Some(segment) => {
                    self.at = segment.end();
                    return Some(segment);
                }
                None => at += 1,
            }
        }
        self.at = at;
        (start < at).then(|| Segment::Literal(&self.text[start..at]))
    }
}

impl Segment<'_> {
    /// Where the segment ends; a literal's end is not asked for.
    fn end(&self) -> usize {
        match self {
            Self::Literal(text) => text.len(),
            Self::Placeholder { range, .. }
            | Self::Angle { range, .. }
            | Self::Expression { range, .. }
            | Self::Swarm { range, .. }
            | Self::Unclosed { range } => range.end,
        }
    }
}

/// `{path}` or `<path>` at `start`: the path and where the whole ends.
fn delimited(text: &str, start: usize, close: u8) -> Option<(&str, usize)> {
    let bytes = text.as_bytes();
    let mut at = start + 1;
    let mut part_is_empty = true;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'_' => part_is_empty = false,
            b'0'..=b'9' if !part_is_empty => {}
            b'.' if !part_is_empty => part_is_empty = true,
            byte if *byte == close && !part_is_empty => return Some((&text[start + 1..at], at + 1)),
            _ => return None,
        }
        at += 1;
    }
    None
}

/// `{{ .. }}` at `start`.
fn double_brace(text: &str, start: usize) -> Segment<'_> {
    let inside = &text[start + 2..];
    let swarm = inside.strip_prefix('-').unwrap_or(inside).trim_start_matches([' ', '\t']).starts_with('.');
    let Some(length) = closing(inside, swarm) else { return Segment::Unclosed { range: start..text.len() } };
    let range = start..start + 2 + length + 2;
    if swarm {
        Segment::Swarm { text: &text[range.clone()], range }
    } else {
        Segment::Expression { source: &inside[..length], range }
    }
}

/// The offset of the `}}` that closes, quotes and (for expressions) nested braces skipped.
fn closing(inside: &str, swarm: bool) -> Option<usize> {
    let bytes = inside.as_bytes();
    let mut depth = 0_usize;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            quote @ (b'"' | b'\'' | b'`') if quote != b'`' || swarm => {
                at += 1;
                while bytes.get(at).is_some_and(|byte| *byte != quote) {
                    at += if bytes[at] == b'\\' && quote != b'`' { 2 } else { 1 };
                }
            }
            b'{' => depth += 1,
            b'}' if depth > 0 && !swarm => depth -= 1,
            b'}' if bytes.get(at + 1) == Some(&b'}') => return Some(at),
            _ => {}
        }
        at += 1;
    }
    None
}

/// Writes literal text so that Swarm expands nothing in it: each run of braces that would open an action becomes an
/// action that prints it (swarm-facts: ``{{`{{`}}``).
///
/// `before_action` tells whether one of Swarm's own templates follows directly, which makes a single brace dangerous.
pub fn escape_for_swarm(literal: &str, before_action: bool, out: &mut String) {
    let mut rest = literal;
    while let Some(at) = rest.find('{') {
        let run = rest[at..].bytes().take_while(|byte| *byte == b'{').count();
        let last = at + run == rest.len();
        out.push_str(&rest[..at]);
        if run > 1 || (last && before_action) {
            out.push_str("{{`");
            out.push_str(&rest[at..at + run]);
            out.push_str("`}}");
        } else {
            out.push('{');
        }
        rest = &rest[at + run..];
    }
    out.push_str(rest);
}

/// What Swarm makes of `` {{`x`}} ``: `x`. All else stays as it is.
pub fn unescape_for_swarm(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{`") {
        let Some((inside, after)) = after.split_once("`}}") else { break };
        plain.push_str(before);
        plain.push_str(inside);
        rest = after;
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        segments(text)
            .map(|segment| match segment {
                Segment::Literal(text) => text.to_owned(),
                Segment::Placeholder { path, .. } => format!("P:{path}"),
                Segment::Angle { path, .. } => format!("A:{path}"),
                Segment::Expression { source, .. } => format!("E:{source}"),
                Segment::Swarm { text, .. } => format!("S:{text}"),
                Segment::Unclosed { .. } => "!".to_owned(),
            })
            .collect()
    }

    #[test]
    fn a_folder_is_lost_where_values_leave_nothing_of_its_name() {
        for (template, path) in [
            ("{home}", "/mnt/alice"),
            ("{home}/work", "/mnt/alice/work"),
            ("/srv/{name}", "/srv/a/b"),
            ("{base}/{name}", "/srv/nfs/alice"),
            ("./keys/{name}", "./keys/alice"),
            ("keys//{name}", "keys//alice"),
            ("{e}x", "x"),
        ] {
            assert!(!loses_folder(template, path), "{template} {path}");
        }
        for (template, path) in [
            ("/srv/{e}", "/srv/"),
            ("/srv/{e}/x", "/srv//x"),
            ("/srv/{e}/x", "/srv/./x"),
            ("keys/{e}/id", "keys//id"),
            ("{e}/id", "/id"),
            ("{a}/{e}/x", "p/q//x"),
        ] {
            assert!(loses_folder(template, path), "{template} {path}");
        }
    }

    #[test]
    fn placeholders_are_found() {
        assert_eq!(shown("{name}"), ["P:name"]);
        assert_eq!(shown("a-{user.home_dir}-b"), ["a-", "P:user.home_dir", "-b"]);
        assert_eq!(shown("<name>x"), ["A:name", "x"]);
        assert_eq!(shown("{a}{b}"), ["P:a", "P:b"]);
    }

    #[test]
    fn other_braces_stay() {
        for text in ["${VAR}", "${VAR:-{}", "{a,b}", r#"{"json": 1}"#, "{}", "{1}", "{a.}", "{ a }", "}", "{", "<a b>"]
        {
            assert_eq!(shown(text), [text], "{text}");
        }
        assert_eq!(shown("awk '{print}'"), ["awk '", "P:print", "'"]);
    }

    #[test]
    fn expressions_end_where_they_should() {
        assert_eq!(shown("{{ a }}b"), ["E: a ", "b"]);
        assert_eq!(shown(r#"{{ "{print}" }}"#), [r#"E: "{print}" "#]);
        assert_eq!(shown(r#"{{ "}}" }}"#), [r#"E: "}}" "#]);
        assert_eq!(shown("{{ {'a': {'b': 1}}|tojson }}"), ["E: {'a': {'b': 1}}|tojson "]);
        assert_eq!(shown("a{{ b"), ["a", "!"]);
    }

    #[test]
    fn swarm_templates_pass() {
        assert_eq!(shown("x-{{.Node.ID}}"), ["x-", "S:{{.Node.ID}}"]);
        assert_eq!(shown("{{- .Task.Slot }}{name}"), ["S:{{- .Task.Slot }}", "P:name"]);
        assert_eq!(shown("{{ .X | printf `}}` }}"), ["S:{{ .X | printf `}}` }}"]);
    }

    #[test]
    fn literals_are_escaped_for_swarm() {
        let escape = |text, before| {
            let mut out = String::new();
            escape_for_swarm(text, before, &mut out);
            out
        };
        assert_eq!(escape("a{b", false), "a{b");
        assert_eq!(escape("a{", true), "a{{`{`}}");
        assert_eq!(escape("{a", true), "{a");
        assert_eq!(escape("a{{b}}", false), "a{{`{{`}}b}}");
        assert_eq!(escape("{{{{", false), "{{`{{{{`}}");
        assert_eq!(escape("{{{", false), "{{`{{{`}}");
    }
}
