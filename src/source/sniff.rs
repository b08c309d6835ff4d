//! The syntax of a text that has no file name, by how it begins.

use super::Syntax;
use super::records::RecordsSyntax;

impl Syntax {
    /// Tells the syntax of a config by its first line of any meaning; TOML if it tells nothing.
    pub fn of_text(text: &str) -> Self {
        match first_line(text) {
            Some(line) if line.starts_with('{') => Self::Json,
            // No line of TOML begins like an explicit key, a tag, an anchor, a block of text or a directive.
            Some(line) if line.starts_with(['?', '!', '&', '|', '>', '%']) || is_yaml(line) => Self::Yaml,
            _ => Self::Toml,
        }
    }
}

impl RecordsSyntax {
    /// Tells the syntax of a users file by its first line of any meaning; CSV if it tells nothing.
    ///
    /// A line with one word is a name, but for the headers `name` and `username` of a CSV file with one column.
    pub fn of_text(text: &str) -> Self {
        let Some(line) = first_line(text) else { return Self::Csv };
        let is_record = || {
            let record: Option<serde_json::Map<String, serde_json::Value>> = serde_json::from_str(line).ok();
            record.is_some_and(|record| ["name", "username"].iter().any(|key| record.contains_key(*key)))
        };
        // After its bracket a TOML header has a word, a list a value in quotes or in brackets, or a new line.
        let header = line.strip_prefix('[').and_then(|rest| rest.trim_start_matches('[').chars().next());
        match header {
            // `[alice, bob]` is YAML.
            Some(c) if (c.is_alphanumeric() || matches!(c, '_' | '-')) && line.contains(',') => Self::Yaml,
            Some(c) if c.is_alphanumeric() || matches!(c, '_' | '-') => Self::Toml,
            None if !line.starts_with('[') => match line {
                line if line.starts_with('{') && is_record() => Self::JsonLines,
                line if line.starts_with('{') => Self::Json,
                line if is_header(line) => Self::Csv,
                line if line.starts_with('"') && serde_json::from_str::<String>(line).is_ok() => Self::JsonLines,
                line if is_yaml(line) => Self::Yaml,
                line if is_set(line) => Self::Toml,
                line if !line.contains(',') => Self::Lines,
                _ => Self::Csv,
            },
            _ => Self::Json,
        }
    }
}

/// The first line that is neither blank nor a comment.
fn first_line(text: &str) -> Option<&str> {
    text.trim_start_matches('\u{feff}').lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'))
}

/// Tells whether a line is YAML: a marker, a directive, an item, or a key with a colon where TOML would have `=`.
fn is_yaml(line: &str) -> bool {
    let is_key = |(at, _): (usize, &str)| {
        let (key, rest) = line.split_at(at);
        !key.contains(['=', ',']) && (rest.len() == 1 || rest.starts_with(": ") || rest.starts_with(":\t"))
    };
    let is_item = || line == "-" || line.starts_with("- ");
    line == "---"
        || line.starts_with("--- ")
        || line.starts_with("%YAML")
        || is_item()
        || line.match_indices(':').any(is_key)
}

/// Tells whether a line of TOML sets a key.
fn is_set(line: &str) -> bool {
    let starts_a_value = |rest: &str| {
        rest.starts_with(['"', '\'', '[', '{', '+', '-']) || rest.starts_with(|c: char| c.is_ascii_digit())
    };
    line.split_once('=').is_some_and(|(key, rest)| !key.contains(',') && starts_a_value(rest.trim_start()))
}

/// Tells whether a line is the header of a CSV file, be its separator the right one or not.
fn is_header(line: &str) -> bool {
    let cells = line.split([',', ';', '\t']).map(|cell| cell.trim().trim_matches('"'));
    !line.contains([':', '=']) && cells.into_iter().any(|cell| matches!(cell, "name" | "username"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_config_is_known_by_its_first_line() {
        for (text, syntax) in [
            ("", Syntax::Toml),
            ("# a: b\n\nversion = 1\n", Syntax::Toml),
            ("[[images]]\nname = \"a: b\"\n", Syntax::Toml),
            ("a = \"b: c\"", Syntax::Toml),
            ("\"a: b\" = 1", Syntax::Yaml),
            ("\u{feff}{\"version\": 1}", Syntax::Json),
            ("\n  {\n", Syntax::Json),
            ("---\nversion: 1\n", Syntax::Yaml),
            ("%YAML 1.2\n---\n", Syntax::Yaml),
            ("? version\n: 1\n", Syntax::Yaml),
            ("!!map\nversion: 1\n", Syntax::Yaml),
            ("&config\nversion: 1\n", Syntax::Yaml),
            ("# c\nimages:\n", Syntax::Yaml),
            ("version: 1 # x = 2\r\n", Syntax::Yaml),
        ] {
            assert_eq!(Syntax::of_text(text), syntax, "{text:?}");
        }
    }

    #[test]
    fn users_are_known_by_their_first_line() {
        for (text, syntax) in [
            ("", RecordsSyntax::Csv),
            ("name\nalice\n", RecordsSyntax::Csv),
            ("username,mail\nalice,a=b\n", RecordsSyntax::Csv),
            ("name,note: x\n", RecordsSyntax::Csv),
            ("# class of 2026\nalice\nbob\n", RecordsSyntax::Lines),
            ("alice@example.org\n", RecordsSyntax::Lines),
            ("a:b\n", RecordsSyntax::Lines),
            ("name;groups\nalice;x\n", RecordsSyntax::Csv),
            ("name\tgroups\nalice\tx\n", RecordsSyntax::Csv),
            ("\"name\"\n\"alice\"\n", RecordsSyntax::Csv),
            ("uid=alice,ou=people\n", RecordsSyntax::Csv),
            ("[alice, bob]\n", RecordsSyntax::Yaml),
            ("{\"name\": \"alice\"}\n{\"name\": \"bob\"}\n", RecordsSyntax::JsonLines),
            ("{\"username\": \"alice\", \"x\": {}}", RecordsSyntax::JsonLines),
            ("\"alice\"\n\"bob\"\n", RecordsSyntax::JsonLines),
            ("{\"alice\": {}, \"bob\": {}}", RecordsSyntax::Json),
            ("{\n  \"users\": []\n}", RecordsSyntax::Json),
            ("[\"alice\"]", RecordsSyntax::Json),
            ("[\n\"alice\"]", RecordsSyntax::Json),
            ("[{\"name\": \"alice\"}]", RecordsSyntax::Json),
            ("[]", RecordsSyntax::Json),
            ("[[users]]\nname = \"alice\"\n", RecordsSyntax::Toml),
            ("[alice]\nroom = 1\n", RecordsSyntax::Toml),
            ("users = [\n", RecordsSyntax::Toml),
            ("- alice\n- bob\n", RecordsSyntax::Yaml),
            ("-\n  name: alice\n", RecordsSyntax::Yaml),
            ("--- # class\n- alice\n", RecordsSyntax::Yaml),
            ("users:\n- alice\n", RecordsSyntax::Yaml),
        ] {
            assert_eq!(RecordsSyntax::of_text(text), syntax, "{text:?}");
        }
    }
}
