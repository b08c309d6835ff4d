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
    match value_of_secret_key(content, &own_words(text)) {
        Some(start) => vec![Range { start: line.start + start, ..line }],
        None => Vec::new(),
    }
}

/// The value of a line after a place where the grammar is broken: if that is in a key, nobody knows the key.
pub(super) fn value_of_broken_key(source: &Source, line: &Range<usize>, place: &Range<usize>) -> Option<Range<usize>> {
    if !line.contains(&place.start) {
        return None;
    }
    let rest = source.text().get(place.start..line.end)?;
    // What breaks at a separator or an opening quote leaves the key whole.
    let separator = rest.find(['=', ':']).filter(|at| *at > 0 && !rest.starts_with(['"', '\'']))?;
    let start = place.start + after_separator(rest, separator);
    let value = source.text().get(start..line.end)?.trim();
    (!matches!(value, "" | "true" | "false" | "null" | "~")).then_some(start..line.end)
}

/// The names that the text's own `secret_attributes` lists, as far as it can be read.
fn own_words(text: &str) -> Vec<String> {
    // Looked for once for each label, and texts may be large.
    let end = (0..=LONGEST_LINE.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    let Some((_, list)) = text.get(..end).and_then(|start| start.split_once("secret_attributes")) else {
        return Vec::new();
    };
    let list = list.split_once(']').map_or("", |(list, _)| list);
    let words = list.split(|c: char| !c.is_alphanumeric() && c != '_').map(|word| word.trim_start_matches('_'));
    words.filter(|word| word.len() > 2).map(str::to_lowercase).collect()
}

/// Finds where in a line the value of the first secret-looking key starts; it is taken to go on to the end.
fn value_of_secret_key(line: &str, own_words: &[String]) -> Option<usize> {
    let intact = line.match_indices([':', '=']).find_map(|(at, _)| {
        let before = line.get(..at)?.trim_end().trim_end_matches(['"', '\'']);
        let start = before.trim_end_matches(is_key).len();
        is_secret_key(before.get(start..)?).then_some((start, at))
    });
    let before = line.get(..intact.map_or(line.len(), |(start, _)| start)).unwrap_or_default();
    let end = end_of_damaged_word(before, own_words).or(intact.map(|(_, separator)| separator))?;
    Some(after_separator(line, end))
}

/// Tells whether a line breaks off before the value of a secret-looking key.
fn ends_with_secret_key(line: &str, own_words: &[String]) -> bool {
    let ends = |c: char| c.is_whitespace() || matches!(c, ':' | '=' | '"' | '\'' | '|' | '>' | '-' | '+');
    let line = line.trim_end_matches(ends);
    let key = line.get(line.trim_end_matches(is_key).len()..).unwrap_or_default();
    is_secret_key(key) || end_of_damaged_word(key, own_words).is_some()
}

fn is_key(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.')
}

/// Where a value starts whose key ends at `end`.
fn after_separator(line: &str, end: usize) -> usize {
    let rest = line.get(end..).unwrap_or_default();
    let rest = rest.trim_start_matches(['"', '\'']).trim_start();
    line.len() - rest.strip_prefix([':', '=']).unwrap_or(rest).trim_start().len()
}

/// Finds where a secret's word ends that may have a character too few, too many or a wrong one, or lie in pieces: what
/// made the text unreadable may stand in the key itself.
fn end_of_damaged_word(line: &str, own_words: &[String]) -> Option<usize> {
    let mut line = line.to_ascii_lowercase();
    for key in PUBLIC_KEYS {
        line = line.replace(key, &" ".repeat(key.len()));
    }
    let (ends, letters): (Vec<usize>, Vec<char>) = line
        .char_indices()
        .filter(|(_, c)| c.is_alphanumeric() || *c == '_')
        .map(|(at, c)| (at + c.len_utf8(), c))
        .unzip();
    let words = SECRET_WORDS.into_iter().chain(own_words.iter().map(String::as_str));
    let last = words.filter_map(|word| last_of_word(&letters, word)).min()?;
    ends.get(last).copied()
}

/// The index of the last letter of a word that is nearly the one looked for.
fn last_of_word(letters: &[char], word: &str) -> Option<usize> {
    let word: Vec<char> = word.chars().collect();
    // A short word with a change is another word.
    let slack = usize::from(word.len() > 4);
    let (first, second) = (word.first()?, word.get(1)?);
    // Of a word's first two letters one stays, where it was or beside; most places have neither.
    let may_start = |start: &usize| {
        let mut two = letters.iter().skip(*start).take(2);
        two.any(|letter| letter == first || letter == second)
    };
    (0..letters.len()).filter(may_start).find_map(|start| {
        (word.len() - slack..=word.len() + slack).find_map(|length| {
            let window = letters.get(start..start + length)?;
            let fits = if slack == 0 { window == word } else { is_one_slip(window, &word) };
            fits.then_some(start + length - 1)
        })
    })
}

/// Tells whether two words differ by no more than one letter too few, too many or wrong, or two that changed places.
fn is_one_slip(one: &[char], other: &[char]) -> bool {
    let start = one.iter().zip(other).take_while(|(a, b)| a == b).count();
    let (one, other) = (one.get(start..).unwrap_or_default(), other.get(start..).unwrap_or_default());
    let end = one.iter().rev().zip(other.iter().rev()).take_while(|(a, b)| a == b).count();
    let (one, other) =
        (one.get(..one.len() - end).unwrap_or_default(), other.get(..other.len() - end).unwrap_or_default());
    match (one, other) {
        ([] | [_], [] | [_]) => true,
        ([a, b], [c, d]) => a == d && b == c,
        _ => false,
    }
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
    let own_words = own_words(text);
    let mut between: Vec<&str> = Vec::new();
    let mut is_next = true;
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
        if is_next && ends_with_secret_key(content, &own_words) {
            return true;
        }
        is_next &= content.trim().is_empty();
        // Only such a line can open a value that reaches down here; few are left to be searched.
        let is_open = |text: &str, quote: &str| text.matches(quote).count() % 2 == 1;
        let opens = least > indent(content) || QUOTES.into_iter().any(|quote| is_open(content, quote));
        if let Some(start) = opens.then(|| value_of_secret_key(content, &own_words)).flatten() {
            let value = content.get(start..).unwrap_or_default().trim_end();
            let goes_on = QUOTES.into_iter().any(|quote| is_open(value, quote) && !between.contains(&quote));
            let nested = least > indent(content) && !value.trim_end_matches(',').ends_with(['"', '\'']);
            if goes_on || nested {
                return true;
            }
        }
        between.extend(QUOTES.into_iter().filter(|quote| content.contains(quote)));
        if !content.trim().is_empty() {
            least = least.min(indent(content));
        }
    }
    false
}

/// What opens and closes strings: TOML's of several lines, and those that a line end broke in two.
const QUOTES: [&str; 4] = ["\"\"\"", "'''", "\"", "'"];
