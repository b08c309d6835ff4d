//! Python's format strings as templates.
//!
//! SwarmSpawner gives most strings to `str.format`, several times over: a doubled brace stands for one, a name that is
//! not known leaves the whole string as it is, and anything else in braces ends the start. What it sends is kept; where
//! it fails, the string is taken as it is written.

use std::collections::BTreeSet;

use crate::resolve::scope::BUILTINS;
use crate::resolve::template::{Segment, segments};

/// How often SwarmSpawner formats what stands in `container_spec`: with its class's attributes, its own and the user's.
pub const ROUNDS: usize = 3;

/// A template made of a Python string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The template.
    pub template: String,
    /// What SwarmSpawner would have done instead, if the template says something else.
    pub mended: Option<&'static str>,
}

/// Which spawner a Python config was written for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// jhub-SwarmSpawner from 0.6 on.
    #[default]
    Swarm,
    /// jhub-SwarmSpawner before 0.6, and cassinyspawner, from which it comes: owners are MD5 digests.
    Cassiny,
    /// dockerspawner's SwarmSpawner.
    Docker,
}

/// What names in braces mean, and those that users must have something for.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Whose names they are.
    pub dialect: Dialect,
    /// The attributes that templates name.
    pub attributes: BTreeSet<String>,
}

/// A part of a format string.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    /// Text, its doubled braces made single.
    Literal(String),
    /// A replacement field: the whole with its braces, and its name.
    Field { raw: String, name: String, plain: bool },
}

/// Splits a format string as Python does; `None` where Python raises an error.
fn parse(text: &str) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        literal.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix(brace) {
            literal.push_str(brace);
            rest = after;
            continue;
        }
        if brace == "}" {
            return None;
        }
        let end = field_end(rest)?;
        let field = &rest[..end];
        let name = &field[..field.find(['!', ':']).unwrap_or(field.len())];
        let first = name.split(['.', '[']).next().unwrap_or_default();
        // A number counts the arguments, of which there are none.
        if first.is_empty() || first.bytes().all(|byte| byte.is_ascii_digit()) || name.contains('{') {
            return None;
        }
        if !literal.is_empty() {
            parts.push(Part::Literal(std::mem::take(&mut literal)));
        }
        parts.push(Part::Field { raw: format!("{{{field}}}"), name: name.to_owned(), plain: name == field });
        rest = &rest[end + 1..];
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        parts.push(Part::Literal(literal));
    }
    Some(parts)
}

/// Where a field's closing brace is; its format may hold fields.
fn field_end(text: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Our name for what a spawner's strings can name.
fn known(name: &str, dialect: Dialect) -> Option<&'static str> {
    if dialect == Dialect::Docker {
        return Some(match name {
            "username" | "safe_username" => "name",
            "raw_username" => "username",
            "servername" | "raw_servername" => "server_name",
            "prefix" => "prefix",
            _ => return None,
        });
    }
    if dialect == Dialect::Cassiny && name == "username" {
        // "username will be the hashed version of the username", says its README.
        return Some("name");
    }
    Some(match name {
        "name" | "service_owner" => "name",
        "username" | "user.name" => "username",
        "service_prefix" => "prefix",
        "service_name" => "service",
        "service_port" => "port",
        "notebook_dir" => "notebook_dir",
        "jupyterhub_service_name" => "hub",
        _ => return None,
    })
}

/// The template of a string that SwarmSpawner formats this many times.
pub fn formatted(text: &str, rounds: usize, names: &mut Names) -> Text {
    let mut now = text.to_owned();
    // What to fall back to: the last that is a template of Swarm's.
    let mut meant = text.to_owned();
    for round in 0..rounds {
        let Some(parts) = parse(&now) else {
            return Text { template: written(&meant, names), mended: Some("SwarmSpawner fails at its braces") };
        };
        if parts.iter().any(|part| matches!(part, Part::Field { .. })) {
            if round == 0 {
                return filled(text, &parts, names);
            }
            // Who doubles braces means what is left of them.
            break;
        }
        let next: String = parts
            .into_iter()
            .map(|part| match part {
                Part::Literal(text) | Part::Field { raw: text, .. } => text,
            })
            .collect();
        if next == now {
            break;
        }
        if segments(&next).any(|segment| matches!(segment, Segment::Swarm { .. })) {
            meant.clone_from(&next);
        }
        now = next;
    }
    Text { template: literal(&now), mended: None }
}

/// The template of a string with fields, of which those are filled whose names are plain.
fn filled(text: &str, parts: &[Part], names: &mut Names) -> Text {
    let after_dollar = |index: usize| {
        let before = index.checked_sub(1).and_then(|index| parts.get(index));
        matches!(before, Some(Part::Literal(text)) if text.ends_with('$'))
    };
    let can_be_filled = |(index, part): (usize, &Part)| match part {
        Part::Literal(_) => true,
        Part::Field { name, plain, .. } => {
            *plain && !after_dollar(index) && (is_identifier(name) || known(name, names.dialect).is_some())
        }
    };
    if !parts.iter().enumerate().all(can_be_filled) {
        // A name that nobody has leaves the whole as it is; ours fills what it can.
        return Text { template: written(text, names), mended: None };
    }
    let mut template = String::new();
    let mut mended = None;
    for part in parts {
        match part {
            Part::Literal(text) => template.push_str(&literal(text)),
            Part::Field { name, .. } => {
                let fills = match names.dialect {
                    Dialect::Swarm => false,
                    Dialect::Cassiny => name == "username",
                    Dialect::Docker => true,
                };
                if !fills && matches!(name.as_str(), "name" | "username" | "user.name") {
                    mended = Some("SwarmSpawner does not fill it in");
                }
                template.push_str(&placeholder(name, names));
            }
        }
    }
    Text { template, mended }
}

/// The template of an environment variable's value: one that is a name in braces is that attribute as it is.
pub fn variable(text: &str, names: &mut Names) -> Text {
    let stripped = text.trim_start_matches('{').trim_end_matches('}');
    if stripped == "name" && stripped != text {
        return Text { template: "{username}".to_owned(), mended: None };
    }
    if stripped != text && known(stripped, names.dialect).is_some() {
        return Text { template: placeholder(stripped, names), mended: None };
    }
    if stripped != text && is_identifier(stripped) && text == format!("{{{stripped}}}") {
        return Text { template: placeholder(stripped, names), mended: None };
    }
    let bare = is_identifier(text) && SPAWNER_STRINGS.contains(&text);
    let text = formatted(text, ROUNDS, names);
    if bare {
        return Text { mended: Some("SwarmSpawner sends its own attribute of that name instead"), ..text };
    }
    text
}

/// String attributes of a spawner or a user that SwarmSpawner takes a variable's plain value for.
const SPAWNER_STRINGS: &[&str] = &[
    "name",
    "service_prefix",
    "service_name",
    "service_owner",
    "ip",
    "url",
    "api_token",
    "notebook_dir",
    "default_url",
    "jupyterhub_service_name",
    "json_escaped_name",
    "escaped_name",
    "proxy_spec",
    "base_url",
    "host",
];

/// The template of a string that SwarmSpawner sends as it is.
pub fn written(text: &str, names: &mut Names) -> String {
    let mut template = String::new();
    for segment in segments(text) {
        match segment {
            Segment::Literal(text) | Segment::Swarm { text, .. } => template.push_str(text),
            Segment::Placeholder { path, .. } => template.push_str(&placeholder(path, names)),
            Segment::Angle { path, range } if BUILTINS.contains(&path) => template.push_str(&quoted(&text[range])),
            Segment::Angle { range, .. } => template.push_str(&text[range]),
            Segment::Expression { range, .. } | Segment::Unclosed { range } => {
                template.push_str(&quoted(&text[range]));
            }
        }
    }
    template
}

/// A placeholder for what SwarmSpawner calls by this name.
fn placeholder(name: &str, names: &mut Names) -> String {
    let ours = known(name, names.dialect).unwrap_or(name);
    if !BUILTINS.contains(&ours) && is_identifier(ours) {
        names.attributes.insert(ours.to_owned());
    }
    format!("{{{ours}}}")
}

/// A template that says just this; Swarm's own templates stay.
pub fn literal(text: &str) -> String {
    let stands = |segment| match segment {
        Segment::Literal(text) => !text.ends_with('{'),
        Segment::Swarm { .. } => true,
        Segment::Angle { path, .. } => !BUILTINS.contains(&path),
        _ => false,
    };
    if segments(text).all(stands) { text.to_owned() } else { quoted(text) }
}

/// Text as an expression.
fn quoted(text: &str) -> String {
    format!("{{{{ {} }}}}", serde_json::Value::from(text))
}

fn is_identifier(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_are_what_swarmspawner_sends() {
        for (python, ours) in [
            ("plain", "plain"),
            ("{{x}}", r#"{{ "{x}" }}"#),
            ("${HOME}", "${HOME}"),
            ("${HOME:-/root}", "${HOME:-/root}"),
            (r#"{"a": 1}"#, r#"{"a": 1}"#),
            ("{{.Node.Hostname}}", "{{.Node.Hostname}}"),
            ("[{}]", "[{}]"),
            ("a}b", "a}b"),
            ("{0}", "{0}"),
            ("--user={name}", "--user={name}"),
            ("{user.name}-{service_prefix}", "{username}-{prefix}"),
            ("{team}/{{x}}", r#"{team}{{ "/{x}" }}"#),
            ("{settings[cookie_secret]}", "{settings[cookie_secret]}"),
            ("<name>", r#"{{ "<name>" }}"#),
            ("{{{{.Node.Hostname}}}}", "{{.Node.Hostname}}"),
            ("{{{{{{{{.Node.Hostname}}}}}}}}", "{.Node.Hostname}"),
            ("{{{{{{{{{{{{{{{{.Node.Hostname}}}}}}}}}}}}}}}}", "{{.Node.Hostname}}"),
        ] {
            assert_eq!(formatted(python, ROUNDS, &mut Names::default()).template, ours, "{python}");
        }
    }

    #[test]
    fn the_name_of_a_volume_is_that_of_its_spawner() {
        for (dialect, ours, mended) in [
            (Dialect::Swarm, "{username}", true),
            (Dialect::Cassiny, "{name}", false),
            (Dialect::Docker, "{name}", false),
        ] {
            let text = formatted("home-{username}", ROUNDS, &mut Names { dialect, ..Names::default() });
            assert_eq!((text.template, text.mended.is_some()), (format!("home-{ours}"), mended), "{dialect:?}");
        }
    }

    #[test]
    fn names_that_are_not_ours_are_attributes() {
        let mut names = Names::default();
        formatted("{team} {name} {sshcmd}", ROUNDS, &mut names);
        assert_eq!(names.attributes.into_iter().collect::<Vec<_>>(), ["sshcmd", "team"]);
    }

    #[test]
    fn a_variable_that_is_a_name_is_that_attribute() {
        for (python, ours) in
            [("{name}", "{username}"), ("{name}}}", "{username}"), ("name", "name"), ("{team}", "{team}")]
        {
            assert_eq!(variable(python, &mut Names::default()).template, ours, "{python}");
        }
    }
}
