//! A config being written, and its TOML and YAML.

mod yaml;

use std::fmt::Write as _;

use toml_writer::{TomlKeyBuilder, TomlStringBuilder};

/// The syntaxes that a config is written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// TOML.
    #[default]
    Toml,
    /// YAML.
    Yaml,
}

impl Form {
    /// What a config in it is called.
    pub fn file(self) -> &'static str {
        match self {
            Self::Toml => "swarmgen.toml",
            Self::Yaml => "swarmgen.yaml",
        }
    }
}

/// A value of a config being written.
#[derive(Clone, Debug, PartialEq)]
pub enum Out {
    /// A string.
    Str(String),
    /// A whole number.
    Int(i64),
    /// A whole number, written in octal: a file's mode.
    Octal(u32),
    /// A finite number with a fraction.
    Float(f64),
    /// `true` or `false`.
    Bool(bool),
    /// A list.
    List(Vec<Self>),
    /// A table.
    Table(Draft),
}

/// A table being written: its entries in order, each with the comments above it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draft {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    key: String,
    value: Out,
    comments: Vec<String>,
}

/// How wide a line may become before a list or table is spread over several.
const WIDTH: usize = 100;

impl Draft {
    /// Adds an entry, or replaces the value of the one with this key.
    pub fn set(&mut self, key: impl Into<String>, value: Out) {
        let key = key.into();
        match self.entries.iter_mut().find(|entry| entry.key == key) {
            Some(entry) => entry.value = value,
            None => self.entries.push(Entry { key, value, comments: Vec::new() }),
        }
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Out> {
        self.entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// The value of a key, to change it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Out> {
        self.entries.iter_mut().find(|entry| entry.key == key).map(|entry| &mut entry.value)
    }

    /// Takes an entry out.
    pub fn remove(&mut self, key: &str) -> Option<Out> {
        let index = self.entries.iter().position(|entry| entry.key == key)?;
        Some(self.entries.remove(index).value)
    }

    /// Adds a line of comment above a key that is there.
    pub fn comment(&mut self, key: &str, comment: impl Into<String>) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.key == key) {
            entry.comments.push(comment.into());
        }
    }

    /// The table of this key, made if there is none.
    pub fn table(&mut self, key: &str) -> &mut Self {
        if !matches!(self.get(key), Some(Out::Table(_))) {
            self.set(key, Out::Table(Self::default()));
        }
        match self.get_mut(key) {
            Some(Out::Table(table)) => table,
            _ => unreachable!("it was just set"),
        }
    }

    /// The keys and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Out)> {
        self.entries.iter().map(|entry| (entry.key.as_str(), &entry.value))
    }

    /// Tells whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Writes the whole as a document under lines of comment.
    pub fn text(&self, head: &[String], form: Form) -> String {
        match form {
            Form::Toml => self.toml(head),
            Form::Yaml => self.yaml(head),
        }
    }

    /// Writes the whole as a TOML document under lines of comment.
    pub fn toml(&self, head: &[String]) -> String {
        let mut text = String::new();
        for line in head {
            comment(line, 0, &mut text);
        }
        self.write(&mut Vec::new(), &mut text);
        text
    }

    fn write(&self, path: &mut Vec<String>, text: &mut String) {
        let (tables, values): (Vec<&Entry>, Vec<&Entry>) =
            self.entries.iter().partition(|entry| entry.value.stands_apart(entry.key.len()));
        let mut commented = true;
        for entry in values {
            if !entry.comments.is_empty() && !commented {
                text.push('\n');
            }
            commented = !entry.comments.is_empty() && text.is_empty();
            entry.comments.iter().for_each(|line| comment(line, 0, text));
            let _ = write!(text, "{} = ", key(&entry.key));
            entry.value.write(entry.key.len() + 3, 0, text);
            text.push('\n');
        }
        for entry in tables {
            path.push(key(&entry.key));
            let header = path.join(".");
            match &entry.value {
                Out::List(items) => {
                    for (index, item) in items.iter().enumerate() {
                        text.push('\n');
                        if index == 0 {
                            entry.comments.iter().for_each(|line| comment(line, 0, text));
                        }
                        let _ = writeln!(text, "[[{header}]]");
                        if let Out::Table(table) = item {
                            table.write(path, text);
                        }
                    }
                }
                Out::Table(table) => {
                    text.push('\n');
                    entry.comments.iter().for_each(|line| comment(line, 0, text));
                    let _ = writeln!(text, "[{header}]");
                    table.write(path, text);
                }
                _ => unreachable!("only tables and lists of tables stand apart"),
            }
            path.pop();
        }
    }
}

/// Writes a comment; what would end it, and what no text may hold, is left out.
pub(super) fn comment(line: &str, indent: usize, text: &mut String) {
    let is_bare = |c: char| match c {
        '\u{2028}' | '\u{2029}' | '\u{feff}' => false,
        c => !c.is_control() && u32::from(c) & 0xfffe != 0xfffe,
    };
    let line: String = line.chars().map(|c| if is_bare(c) { c } else { ' ' }).collect();
    let _ = writeln!(text, "{:indent$}{}", "", format!("# {line}").trim_end());
}

fn key(key: &str) -> String {
    let builder = TomlKeyBuilder::new(key);
    let written = builder.as_unquoted().unwrap_or_else(|| builder.as_basic());
    toml_writer::ToTomlKey::to_toml_key(&written)
}

fn string(text: &str) -> String {
    let written = TomlStringBuilder::new(text).as_basic();
    toml_writer::ToTomlValue::to_toml_value(&written)
}

impl Out {
    /// Makes a list of strings.
    pub fn strings<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::List(texts.into_iter().map(|text| Self::Str(text.into())).collect())
    }

    /// Tells whether it is written under a header of its own.
    fn stands_apart(&self, key: usize) -> bool {
        match self {
            Self::Table(table) => {
                table.entries.iter().any(|entry| !entry.comments.is_empty()) || key + 3 + self.inline().len() > WIDTH
            }
            Self::List(items) => {
                let commented = |item: &Self| match item {
                    Self::Table(table) => table.entries.iter().any(|entry| !entry.comments.is_empty()),
                    _ => false,
                };
                !items.is_empty()
                    && items.iter().all(|item| matches!(item, Self::Table(table) if !table.is_empty()))
                    && (items.iter().any(commented) || items.iter().any(|item| item.inline().len() + 6 > WIDTH))
            }
            _ => false,
        }
    }

    /// On one line.
    fn inline(&self) -> String {
        match self {
            Self::Str(text) => string(text),
            Self::Int(number) => number.to_string(),
            Self::Octal(number) => format!("0o{number:o}"),
            Self::Float(number) => format!("{number:?}"),
            Self::Bool(value) => value.to_string(),
            Self::List(items) => format!("[{}]", items.iter().map(Self::inline).collect::<Vec<_>>().join(", ")),
            Self::Table(table) if table.is_empty() => "{}".to_owned(),
            Self::Table(table) => {
                let entries = table.entries.iter();
                let entries = entries.map(|entry| format!("{} = {}", key(&entry.key), entry.value.inline()));
                format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
            }
        }
    }

    /// From column `at`, over several lines where one is too short.
    fn write(&self, at: usize, indent: usize, text: &mut String) {
        let inline = self.inline();
        match self {
            Self::List(items) if at + inline.len() > WIDTH && !items.is_empty() => {
                text.push_str("[\n");
                for item in items {
                    let _ = write!(text, "{:indent$}", "", indent = indent + 2);
                    item.write(indent + 2, indent + 2, text);
                    text.push_str(",\n");
                }
                let _ = write!(text, "{:indent$}]", "");
            }
            _ => text.push_str(&inline),
        }
    }
}
