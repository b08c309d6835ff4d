//! What looks like a secret in a text that could not be read, so that nobody knows which values are secret.
//!
//! It hides too much rather than too little: a line that reads `«redacted»` still has its number and its column.

use std::ops::Range;

use super::excerpt::line_range;
use crate::source::Source;

/// How far back the start of a value of several lines is looked for, in lines and in bytes.
const BACK_LINES: usize = 500;
const BACK_BYTES: usize = 256 << 10;
/// A longer line is not searched but hidden.
const LONGEST_LINE: usize = 1 << 20;
/// Parts of keys whose values are secret.
const SECRET_WORDS: [&str; 9] =
    ["password", "passwd", "passphrase", "pwd", "id_rsa", "token", "secret", "credential", "apikey"];
/// Keys of the config language that hold such a word and no secret.
const PUBLIC_KEYS: [&str; 5] = ["secrets", "swarm_secrets", "secret_attributes", "secret_name", "secret_id"];

/// The byte ranges of a line that look like secrets.
pub(super) fn secrets_by_look(source: &Source, line: Range<usize>) -> Vec<Range<usize>> {
    let text = source.text();
    let content = text.get(line.clone()).unwrap_or_default();
    if content.len() > LONGEST_LINE || content.contains("-----BEGIN") || content.contains("-----END") {
        return vec![line];
    }
    if continues_secret(source, &line) {
        return vec![line];
    }
    match value_of_secret_key(content) {
        Some(start) => vec![Range { start: line.start + start, ..line }],
        None => Vec::new(),
    }
}

/// Finds where in a line the value of the first secret-looking key starts; it is taken to go on to the end.
fn value_of_secret_key(line: &str) -> Option<usize> {
    for (at, _) in line.match_indices([':', '=']) {
        let before = line.get(..at)?.trim_end().trim_end_matches(['"', '\'']);
        let is_key = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
        let start = before.trim_end_matches(is_key).len();
        if is_secret_key(before.get(start..)?) {
            let rest = line.get(at + 1..)?;
            return Some(at + 1 + (rest.len() - rest.trim_start().len()));
        }
    }
    None
}

fn is_secret_key(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    let last = key.rsplit('.').next().unwrap_or_default();
    !PUBLIC_KEYS.contains(&last)
        && (SECRET_WORDS.iter().any(|word| key.contains(word)) || key.ends_with("_key") || key.ends_with("-key"))
}

/// Tells whether a line is inside a PEM block, or goes on with a secret that a line above began.
fn continues_secret(source: &Source, line: &Range<usize>) -> bool {
    let (text, starts) = (source.text(), source.line_starts());
    let number = starts.partition_point(|start| *start as usize <= line.start).saturating_sub(1);
    let indent = |content: &str| content.len() - content.trim_start().len();
    // The least indentation from the line in question up to the one looked at.
    let content = text.get(line.clone()).unwrap_or_default();
    let mut least = if content.trim().is_empty() { usize::MAX } else { indent(content) };
    let mut between: Vec<&str> = Vec::new();
    let first = number.saturating_sub(BACK_LINES);
    for above in (first..number).rev() {
        let range = line_range(text, starts, above);
        if line.start - range.start > BACK_BYTES {
            return true;
        }
        let content = text.get(range).unwrap_or_default();
        if content.contains("-----BEGIN") && !content.contains("-----END") {
            return true;
        }
        if content.contains("-----END") {
            return false;
        }
        if let Some(start) = value_of_secret_key(content) {
            let value = content.get(start..).unwrap_or_default().trim_end();
            let opened = TRIPLES.into_iter().find(|triple| value.matches(triple).count() % 2 == 1);
            let goes_on = opened.is_some_and(|triple| !between.contains(&triple));
            let nested = least > indent(content) && !value.trim_end_matches(',').ends_with(['"', '\'']);
            if goes_on || nested {
                return true;
            }
        }
        between.extend(TRIPLES.into_iter().filter(|triple| content.contains(triple)));
        if !content.trim().is_empty() {
            least = least.min(indent(content));
        }
    }
    false
}

/// What opens and closes TOML's strings of several lines.
const TRIPLES: [&str; 2] = ["\"\"\"", "'''"];
