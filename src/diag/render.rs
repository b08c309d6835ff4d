//! Diagnostics as text: for people, and for programs.

pub mod github;
pub mod human;
pub mod json;
pub mod sarif;
pub mod short;

use std::borrow::Cow;

use crate::diag::{Diagnostic, Fix, Note, Subjects};
use crate::source::SourceMap;

/// Makes every character visible that a terminal obeys instead of showing, so that input cannot forge output: control
/// characters, line ends, bidirectional overrides and what takes no room.
///
/// Each becomes its Rust escape (`\u{1b}`, `\n`). Joiners stay: scripts and emoji need them.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unseen) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match is_unseen(c) {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// Tells whether a character acts on the terminal or the layout and shows nothing itself.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Derives the JSON Schema (draft 2020-12) of a document that is written.
pub(crate) fn document_schema<T: schemars::JsonSchema>(title: &str, id: &str) -> schemars::Schema {
    let settings = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.insert("title".into(), title.into());
    schema.insert("$id".into(), id.into());
    schema
}

/// Writes a JSON document over several lines, with a final line end. What [`visible`] would show is escaped: programs
/// read it as it was, terminals do not obey it.
pub(crate) fn document(value: &impl serde::Serialize) -> String {
    // Only maps whose keys are no strings cannot be written, and there are none.
    let written = serde_json::to_string_pretty(value).unwrap_or_default();
    let mut text = String::with_capacity(written.len() + 1);
    for c in written.chars() {
        // Line ends are those between values: within strings they are escaped already.
        match c != '\n' && is_unseen(c) {
            true => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| text.push_str(&format!("\\u{unit:04x}"))),
            false => text.push(c),
        }
    }
    text.push('\n');
    text
}

/// A diagnostic's mend, unless it would take a secret apart or hold one.
fn open_fix<'d>(diagnostic: &'d Diagnostic, sources: &SourceMap) -> Option<&'d Fix> {
    let fix = diagnostic.fix.as_ref()?;
    let source = sources.get(fix.span.source);
    let is_open = |range: std::ops::Range<u32>| {
        let apart = range.end <= fix.span.start || fix.span.end <= range.start;
        let text = source.text().get(range.start as usize..range.end as usize).unwrap_or_default();
        let text = text.trim_matches(['"', '\'']);
        apart && (text.is_empty() || !fix.replacement.contains(text))
    };
    source.secrets().into_iter().all(is_open).then_some(fix)
}

/// Tells of a mend, unless advice already does.
fn fix_text(diagnostic: &Diagnostic, sources: &SourceMap) -> Option<String> {
    let fix = open_fix(diagnostic, sources)?;
    if diagnostic.notes.iter().any(|note| matches!(note, Note::Help(_))) {
        return None;
    }
    let shows_it = fix.replacement.is_empty() || fix.title.contains(&fix.replacement);
    let title = visible(&fix.title);
    Some(if shows_it { title.into_owned() } else { format!("{title}: `{}`", visible(&fix.replacement)) })
}

/// Tells which users a finding concerns.
fn subjects_text(subjects: &Subjects) -> Option<String> {
    let names: Vec<String> = subjects.first.iter().map(|name| format!("`{}`", visible(name))).collect();
    let rest = subjects.count.saturating_sub(names.len());
    match names.as_slice() {
        [] => None,
        [name] if rest == 0 => Some(format!("for user {name}")),
        _ if rest == 0 => Some(format!("for {} users: {}", subjects.count, names.join(", "))),
        _ => Some(format!("for {} users: {} and {rest} more", subjects.count, names.join(", "))),
    }
}

/// Advice and background as lines `help: ..` and `note: ..`: the diagnostic's own, its mend, its users.
pub(crate) fn notes_text(diagnostic: &Diagnostic, sources: &SourceMap) -> Vec<String> {
    let own = diagnostic.notes.iter().map(|note| match note {
        Note::Help(text) => format!("help: {}", visible(text)),
        Note::Note(text) => format!("note: {}", visible(text)),
    });
    let fix = fix_text(diagnostic, sources).map(|text| format!("help: {text}"));
    let subjects = subjects_text(&diagnostic.subjects).map(|text| format!("note: {text}"));
    own.chain(fix).chain(subjects).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::code;
    use crate::source::{Author, Span};

    #[test]
    fn a_mend_that_touches_or_holds_a_secret_is_left_out() {
        let sources = SourceMap::new();
        let id = sources.add("a.toml", "", Author::Config, "pasword = \"canary\"".to_owned());
        sources.mark_secret(Span::new(id, 10, 18));
        for (start, end, replacement, kept) in
            [(0, 7, "password", true), (0, 7, "canary", false), (0, 18, "password = 1", false), (17, 18, "'", false)]
        {
            let fixed = Diagnostic::new(&code::UNKNOWN_KEY, "m").fix(Span::new(id, start, end), replacement, "mend it");
            assert_eq!(open_fix(&fixed, &sources).is_some(), kept, "{start} {replacement}");
            assert_eq!(notes_text(&fixed, &sources).len(), usize::from(kept));
        }
    }

    #[test]
    fn what_acts_becomes_visible() {
        for (text, expected) in [
            ("plain ä 日本 e\u{301} 👩\u{200d}💻", "plain ä 日本 e\u{301} 👩\u{200d}💻"),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("a\r\nb\tc\0\u{7f}", "a\\r\\nb\\tc\\u{0}\\u{7f}"),
            ("\u{202e}evil\u{2066}", "\\u{202e}evil\\u{2066}"),
            ("\u{feff}\u{200b}\u{e0041}", "\\u{feff}\\u{200b}\\u{e0041}"),
        ] {
            assert_eq!(visible(text), expected, "{text:?}");
        }
    }
}
