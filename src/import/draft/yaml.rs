//! The YAML of a config being written: a line for each scalar and each list of scalars, blocks for the rest.

use std::fmt::Write as _;

use super::{Draft, Entry, Out, WIDTH, comment};
use crate::emit::compose::scalar;

/// Beyond this many bytes a key is written in the explicit form: readers give up on implicit keys of 1,024 characters.
const LONGEST_IMPLICIT_KEY: usize = 1000;

impl Draft {
    /// Writes the whole as a YAML document under lines of comment.
    pub fn yaml(&self, head: &[String]) -> String {
        let mut text = String::new();
        for line in head {
            comment(line, 0, &mut text);
        }
        if self.entries.is_empty() {
            text.push_str("{}\n");
        }
        for (index, entry) in self.entries.iter().enumerate() {
            if index > 0 && !entry.comments.is_empty() {
                text.push('\n');
            }
            entry.comments.iter().for_each(|line| comment(line, 0, &mut text));
            entry.yaml(0, &mut text);
        }
        text
    }
}

impl Entry {
    /// From where its key starts; what follows lines is indented further than that.
    fn yaml(&self, indent: usize, text: &mut String) {
        let key = scalar(&self.key);
        let width = key.len() + 2;
        let _ = match key.len() > LONGEST_IMPLICIT_KEY {
            true => write!(text, "? {key}\n{:indent$}:", ""),
            false => write!(text, "{key}:"),
        };
        self.value.yaml(indent + width, indent + 2, text);
    }
}

/// A table's entries, the first of them where the line stands.
fn entries(table: &Draft, indent: usize, text: &mut String) {
    for (index, entry) in table.entries.iter().enumerate() {
        if index > 0 {
            entry.comments.iter().for_each(|line| comment(line, indent, text));
            let _ = write!(text, "{:indent$}", "");
        }
        entry.yaml(indent, text);
    }
}

/// What stands above the first of a table's entries.
fn above(table: &Draft, indent: usize, text: &mut String) {
    table.entries.iter().take(1).flat_map(|entry| &entry.comments).for_each(|line| comment(line, indent, text));
}

impl Out {
    /// After a key or a dash: the rest of the line from column `at` and, where that is too short, lines that are
    /// indented so far.
    fn yaml(&self, at: usize, indent: usize, text: &mut String) {
        match self {
            Self::Table(table) if !table.entries.is_empty() => {
                text.push('\n');
                above(table, indent, text);
                let _ = write!(text, "{:indent$}", "");
                entries(table, indent, text);
            }
            Self::List(items) => match self.flow() {
                Some(line) if at + line.len() <= WIDTH || items.is_empty() => {
                    let _ = writeln!(text, " {line}");
                }
                _ => {
                    text.push('\n');
                    for item in items {
                        if let Self::Table(table) = item {
                            above(table, indent, text);
                        }
                        let _ = write!(text, "{:indent$}-", "");
                        match item {
                            Self::Table(table) if !table.entries.is_empty() => {
                                text.push(' ');
                                entries(table, indent + 2, text);
                            }
                            item => item.yaml(indent + 2, indent + 2, text),
                        }
                    }
                }
            },
            one => {
                let _ = writeln!(text, " {}", one.flow().unwrap_or_default());
            }
        }
    }

    /// On one line; `None` for what has entries.
    fn flow(&self) -> Option<String> {
        Some(match self {
            Self::Str(text) => scalar(text),
            // As text, which YAML 1.1 reads as the same: there, 0o440 is no number.
            Self::Octal(number) => format!("\"{number:04o}\""),
            Self::Int(_) | Self::Float(_) | Self::Bool(_) => self.inline(),
            Self::Table(table) if table.entries.is_empty() => "{}".to_owned(),
            Self::Table(_) => return None,
            Self::List(items) => {
                let items: Option<Vec<String>> =
                    items.iter().map(|item| if matches!(item, Self::List(_)) { None } else { item.flow() }).collect();
                format!("[{}]", items?.join(", "))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_have_their_comments() {
        let mut mount = Draft::default();
        mount.set("source", Out::Str("home-{name}".to_owned()));
        mount.set("labels", Out::Table(Draft::default()));
        mount.comment("source", "why");
        mount.comment("labels", "and\nmore");
        let mut spec = Draft::default();
        spec.set("args", Out::strings(["a", "yes", "1"]));
        spec.set("mounts", Out::List(vec![Out::Table(mount), Out::List(vec![Out::List(Vec::new())])]));
        let mut draft = Draft::default();
        draft.set("version", Out::Int(1));
        draft.set("container_spec", Out::Table(spec));
        draft.comment("container_spec", "hub.py:3");
        draft.set("mode", Out::Octal(0o440));
        draft.set("cpus", Out::Float(1.5));
        let text = "# head
version: 1

# hub.py:3
container_spec:
  args: [a, \"yes\", \"1\"]
  mounts:
    # why
    - source: \"home-{name}\"
      # and more
      labels: {}
    -
      - []
mode: \"0440\"
cpus: 1.5
";
        assert_eq!(draft.yaml(&["head".to_owned()]), text);
    }

    #[test]
    fn long_lists_and_keys_are_spread() {
        let mut draft = Draft::default();
        draft.set("k".repeat(1001), Out::strings(["a".repeat(60), "b".repeat(60)]));
        let (key, a, b) = ("k".repeat(1001), "a".repeat(60), "b".repeat(60));
        assert_eq!(draft.yaml(&[]), format!("? {key}\n:\n  - {a}\n  - {b}\n"));
        assert_eq!(Draft::default().yaml(&[]), "{}\n");
    }
}
