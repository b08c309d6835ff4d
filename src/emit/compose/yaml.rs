//! The YAML of a stack.
//!
//! Stacks have a fixed shape and up to 100,000 services, so that their structure is written straight to bytes. Scalars
//! follow one rule: what is made of letters, digits, `_`, `-`, `.` and `/`, starts with a letter or `/`, and is no word
//! that some YAML reads as a boolean, null or float, is written plain; all else is double-quoted, with the escapes that
//! YAML 1.1 (PyYAML) and go-yaml (the docker CLI) share. Everything is thereby one line, whatever the text holds, and
//! nothing is left to a reader's resolver: `yes`, `1:30`, `2001-01-01`, `0o17`, `1_000`, `<<` and `=` stay strings.

use std::fmt::{Display, Write as _};

use crate::ir::{Pairs, Text};

/// Words that some reader takes for something else than a string, in any case.
const WORDS: [&str; 11] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"];

/// Beyond this many bytes a key is written in the explicit form: readers give up on implicit keys of 1,024 characters.
const LONGEST_IMPLICIT_KEY: usize = 1000;

fn is_plain(text: &str) -> bool {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/');
    text.bytes().next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'/')
        && text.bytes().all(safe)
        && !(text.len() <= 5 && WORDS.iter().any(|word| text.eq_ignore_ascii_case(word)))
}

/// Characters that stand for themselves between double quotes in every YAML, and look like what they are.
fn is_literal(c: char) -> bool {
    match c {
        '"' | '\\' => false,
        ' '..='~' => true,
        '\0'..='\u{a0}' | '\u{ad}' => false,
        // Zero-width and bidirectional controls, line separators, the byte order mark, noncharacters.
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' => false,
        '\u{fff0}'..='\u{ffff}' => false,
        _ => u32::from(c) & 0xfffe != 0xfffe,
    }
}

/// How a string is read back.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// As it stands.
    Literal,
    /// After Compose's interpolation, which turns `$$` into `$`.
    Interpolated,
}

/// Bytes that stand for themselves in any position: nearly all of nearly every text, so that it is copied in runs.
const COPIED: [bool; 256] = {
    let mut copied = [false; 256];
    let mut byte = b' ';
    while byte <= b'~' {
        copied[byte as usize] = !matches!(byte, b'"' | b'\\' | b'$');
        byte += 1;
    }
    copied
};

fn write_scalar(out: &mut Vec<u8>, text: &str, reading: Reading) {
    if is_plain(text) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    out.push(b'"');
    let mut rest = text;
    loop {
        let copied = rest.bytes().position(|byte| !COPIED[usize::from(byte)]).unwrap_or(rest.len());
        // What is copied is ASCII, so that no character is cut.
        let (run, others) = rest.split_at(copied);
        out.extend_from_slice(run.as_bytes());
        let mut others = others.chars();
        let Some(c) = others.next() else { break };
        write_char(out, c, reading);
        rest = others.as_str();
    }
    out.push(b'"');
}

fn write_char(out: &mut Vec<u8>, c: char, reading: Reading) {
    match c {
        '$' if reading == Reading::Interpolated => out.extend_from_slice(b"$$"),
        _ if is_literal(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        '"' => out.extend_from_slice(b"\\\""),
        '\\' => out.extend_from_slice(b"\\\\"),
        '\n' => out.extend_from_slice(b"\\n"),
        '\r' => out.extend_from_slice(b"\\r"),
        '\t' => out.extend_from_slice(b"\\t"),
        _ => {
            let code = u32::from(c);
            let escape = match code {
                0..=0xff => format!("\\x{code:02x}"),
                0x100..=0xffff => format!("\\u{code:04x}"),
                _ => format!("\\U{code:08x}"),
            };
            out.extend_from_slice(escape.as_bytes());
        }
    }
}

/// Writes a string as a YAML scalar on one line.
pub(crate) fn scalar(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    write_scalar(&mut out, text, Reading::Literal);
    String::from_utf8_lossy(&out).into_owned()
}

/// Writes nested mappings and lists line by line.
///
/// Keys given as `&'static str` are the format's own and are written as they are.
pub(super) struct Writer<'o> {
    out: &'o mut Vec<u8>,
    depth: usize,
    /// The line ends in `key:` and the mapping or list below has no entry yet.
    unfinished: bool,
    /// The next line starts a list's entry.
    dash: bool,
}

/// Where a mapping or list began.
pub(super) struct Opened {
    length: usize,
    unfinished: bool,
    dash: bool,
}

impl<'o> Writer<'o> {
    pub(super) fn new(out: &'o mut Vec<u8>, depth: usize) -> Self {
        Self { out, depth, unfinished: false, dash: false }
    }

    fn line(&mut self) {
        if std::mem::take(&mut self.unfinished) {
            self.out.push(b'\n');
        }
        let dash = std::mem::take(&mut self.dash);
        let spaces = 2 * self.depth - if dash { 2 } else { 0 };
        self.out.resize(self.out.len() + spaces, b' ');
        if dash {
            self.out.extend_from_slice(b"- ");
        }
    }

    /// Starts a mapping or list below a key of the format.
    pub(super) fn open(&mut self, key: &'static str) -> Opened {
        let opened = self.mark();
        self.line();
        self.out.extend_from_slice(key.as_bytes());
        self.out.push(b':');
        self.unfinished = true;
        self.depth += 1;
        opened
    }

    /// Starts a mapping or list below a key that the config chose.
    pub(super) fn open_named(&mut self, key: &str) -> Opened {
        let opened = self.mark();
        self.line();
        write_scalar(self.out, key, Reading::Literal);
        self.out.push(b':');
        self.unfinished = true;
        self.depth += 1;
        opened
    }

    fn mark(&self) -> Opened {
        Opened { length: self.out.len(), unfinished: self.unfinished, dash: self.dash }
    }

    /// Ends a mapping; one without entries is written as such.
    pub(super) fn close(&mut self) {
        self.close_with(b" {}\n");
    }

    fn close_with(&mut self, empty: &[u8]) {
        self.depth -= 1;
        if std::mem::take(&mut self.unfinished) {
            self.out.extend_from_slice(empty);
        }
    }

    /// Ends a mapping or list; one without entries is taken back with its key.
    pub(super) fn close_unless_empty(&mut self, opened: Opened) {
        self.depth -= 1;
        if self.unfinished {
            self.out.truncate(opened.length);
            self.unfinished = opened.unfinished;
            self.dash = opened.dash;
        }
    }

    /// Starts an entry of the list around, which is a mapping.
    pub(super) fn entry(&mut self) {
        self.dash = true;
    }

    /// Writes a key with a number or boolean.
    pub(super) fn plain(&mut self, key: &'static str, value: impl Display) {
        self.line();
        let _infallible = write!(Bytes(self.out), "{key}: {value}");
        self.out.push(b'\n');
    }

    /// Writes a key with a string.
    pub(super) fn string(&mut self, key: &'static str, value: &str) {
        self.line();
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b": ");
        write_scalar(self.out, value, Reading::Interpolated);
        self.out.push(b'\n');
    }

    /// Writes a key with a string, if there is one.
    pub(super) fn maybe(&mut self, key: &'static str, value: Option<&Text>) {
        if let Some(value) = value {
            self.string(key, value.expose());
        }
    }

    /// Writes a list of strings, an empty one too.
    pub(super) fn list<'t>(&mut self, key: &'static str, values: impl IntoIterator<Item = &'t Text>) {
        self.open(key);
        for value in values {
            self.entry();
            self.line();
            write_scalar(self.out, value.expose(), Reading::Interpolated);
            self.out.push(b'\n');
        }
        self.close_with(b" []\n");
    }

    /// Writes a list of strings unless it is empty.
    pub(super) fn some_list(&mut self, key: &'static str, values: &[Text]) {
        if !values.is_empty() {
            self.list(key, values);
        }
    }

    /// Writes a mapping of strings unless it is empty.
    pub(super) fn some_pairs(&mut self, key: &'static str, pairs: &Pairs) {
        if !pairs.is_empty() {
            self.open(key);
            for (key, value) in pairs {
                self.pair(key, Some(value.expose()));
            }
            self.close();
        }
    }

    /// Writes a key that the config chose with its value; `None` is null.
    pub(super) fn pair(&mut self, key: &str, value: Option<&str>) {
        self.line();
        let start = self.out.len();
        write_scalar(self.out, key, Reading::Literal);
        if self.out.len() - start > LONGEST_IMPLICIT_KEY {
            self.out.splice(start..start, *b"? ");
            self.out.push(b'\n');
            self.line();
        }
        self.out.extend_from_slice(b": ");
        match value {
            Some(value) => write_scalar(self.out, value, Reading::Interpolated),
            None => self.out.extend_from_slice(b"null"),
        }
        self.out.push(b'\n');
    }
}

/// Lets numbers be formatted into bytes without a string in between.
struct Bytes<'o>(&'o mut Vec<u8>);

impl std::fmt::Write for Bytes<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_is_only_what_no_reader_doubts() {
        for text in ["a", "jupyter-alice-1", "/home/jovyan/work", "node.labels.gpu", "Notebook", "/"] {
            assert_eq!(scalar(text), text);
        }
        for text in ["", "yes", "No", "TRUE", "null", "NaN", "1", "1:30", "a:b", "a b", "-x", ".5", "~", "<<", "=", "é"]
        {
            assert_eq!(scalar(text), format!("\"{text}\""));
        }
        assert_eq!(scalar("a\"\\\n\u{0}\u{85}\u{2028}\u{1f600}\u{e0001}"), "\"a\\\"\\\\\\n\\x00\\x85\\u2028😀󠀁\"");
    }

    #[test]
    fn only_values_are_interpolated() {
        let mut out = Vec::new();
        Writer::new(&mut out, 0).pair("A$B", Some("x$y$$z"));
        assert_eq!(String::from_utf8_lossy(&out), "\"A$B\": \"x$$y$$$$z\"\n");
    }

    #[test]
    fn empty_mappings_say_so_or_go() {
        let mut out = Vec::new();
        let mut writer = Writer::new(&mut out, 0);
        let all = writer.open("deploy");
        let resources = writer.open("resources");
        let limits = writer.open("limits");
        writer.close_unless_empty(limits);
        writer.close_unless_empty(resources);
        writer.open("placement");
        writer.close();
        writer.list("constraints", []);
        writer.close_unless_empty(all);
        assert_eq!(String::from_utf8_lossy(&out), "deploy:\n  placement: {}\n  constraints: []\n");
    }

    #[test]
    fn long_keys_are_explicit() {
        let mut out = Vec::new();
        let key = "k".repeat(1100);
        Writer::new(&mut out, 1).pair(&key, Some("v"));
        assert_eq!(String::from_utf8_lossy(&out), format!("  ? {key}\n  : v\n"));
    }
}
