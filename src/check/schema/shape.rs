//! The schema as it is asked first: does a tree fit?
//!
//! Compiling it takes longer than reading a config does, and is only needed to say what is wrong. What is asked here is
//! made of the schema's own text when the program is built (`build.rs`); a keyword that is not known there is an error, so
//! that none can be passed over.

use crate::source::{Node, Value};

/// The committed schema.
pub(super) static SHAPE: Shape = include!(concat!(env!("OUT_DIR"), "/shape.rs"));

/// The schema, or a part of it. What is no keyword of validation is left out.
#[derive(Debug)]
pub(super) struct Shape {
    /// The name of a definition.
    reference: Option<&'static str>,
    /// Sorted by their names, as `properties` are.
    definitions: &'static [(&'static str, Shape)],
    types: Types,
    /// The only values that it may be; empty for any.
    words: &'static [Word],
    /// Empty where there is no choice.
    any_of: &'static [Shape],
    properties: &'static [(&'static str, Shape)],
    further: Further,
    property_names: Option<&'static Shape>,
    required: &'static [&'static str],
    items: Option<&'static Shape>,
    minimum: Option<i64>,
    maximum: Option<i64>,
    min_length: Option<usize>,
    max_length: Option<usize>,
    min_items: Option<usize>,
    max_items: Option<usize>,
    min_properties: Option<usize>,
    max_properties: Option<usize>,
    has_pattern: bool,
}

/// What holds for keys that are not named.
#[derive(Debug)]
enum Further {
    Allowed,
    Refused,
    Each(&'static Shape),
}

/// One of a few values.
#[derive(Clone, Copy, Debug)]
#[allow(dead_code, reason = "the schema may name values of every type")]
enum Word {
    Null,
    Bool(bool),
    Int(i64),
    Text(&'static str),
}

/// The types that a value may have; none named allows all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Types(u8);

/// What a value may be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Takes {
    /// `true` or `false`.
    pub truth: bool,
    /// A whole number.
    pub whole: bool,
    /// A number with a fraction.
    pub fraction: bool,
    /// Text.
    pub text: bool,
    /// A list of texts.
    pub list: bool,
    /// A table of texts, with any keys.
    pub table: bool,
    /// The only texts that it may be; empty for any.
    pub words: Vec<String>,
}

const NULL: u8 = 1;
const BOOLEAN: u8 = 1 << 1;
const INTEGER: u8 = 1 << 2;
const NUMBER: u8 = 1 << 3;
const STRING: u8 = 1 << 4;
const ARRAY: u8 = 1 << 5;
const OBJECT: u8 = 1 << 6;

impl Shape {
    /// What everything fits.
    const ANY: Self = Self {
        reference: None,
        definitions: &[],
        types: Types(0),
        words: &[],
        any_of: &[],
        properties: &[],
        further: Further::Allowed,
        property_names: None,
        required: &[],
        items: None,
        minimum: None,
        maximum: None,
        min_length: None,
        max_length: None,
        min_items: None,
        max_items: None,
        min_properties: None,
        max_properties: None,
        has_pattern: false,
    };

    /// A definition of the schema.
    pub(super) fn definition(&self, name: &str) -> Option<&'static Shape> {
        find(self.definitions, name)
    }

    /// Tells whether a tree surely fits a part of this schema. One that does not may fit still, where a pattern is asked
    /// for.
    pub(super) fn fits(&self, part: &Self, node: &Node) -> bool {
        let fits = |part: &Self| self.fits(part, node);
        part.types.allow(&node.value)
            && (part.words.is_empty() || part.words.iter().any(|word| word.is(&node.value)))
            && part.reference.is_none_or(|name| self.definition(name).is_some_and(fits))
            && (part.any_of.is_empty() || part.any_of.iter().any(fits))
            && match &node.value {
                Value::Null | Value::Bool(_) => true,
                Value::Int(number) => {
                    part.minimum.is_none_or(|least| *number >= least) && part.maximum.is_none_or(|most| *number <= most)
                }
                Value::Float(number) => {
                    part.minimum.is_none_or(|least| *number >= least as f64)
                        && part.maximum.is_none_or(|most| *number <= most as f64)
                }
                Value::Str(text) => !part.has_pattern && part.has_length(text),
                Value::Seq(items) => {
                    within(items.len(), part.min_items, part.max_items)
                        && part.items.as_ref().is_none_or(|each| items.iter().all(|item| self.fits(each, item)))
                }
                Value::Map(map) => {
                    within(map.entries.len(), part.min_properties, part.max_properties)
                        && part.required.iter().all(|key| map.get(key).is_some())
                        && map.iter().all(|entry| self.fits_entry(part, &entry.key, &entry.value))
                }
            }
    }

    fn fits_entry(&self, part: &Self, key: &str, value: &Node) -> bool {
        part.property_names.as_ref().is_none_or(|names| names.fits_key(key))
            && match (find(part.properties, key), &part.further) {
                (Some(named), _) => self.fits(named, value),
                (None, Further::Allowed) => true,
                (None, Further::Refused) => false,
                (None, Further::Each(each)) => self.fits(each, value),
            }
    }

    /// Tells whether a key surely fits; of keys, only the length is asked for.
    fn fits_key(&self, key: &str) -> bool {
        let Self { reference, words, any_of, has_pattern, .. } = self;
        let plain = reference.is_none() && words.is_empty() && any_of.is_empty() && !has_pattern;
        plain && self.types.allows(STRING) && self.has_length(key)
    }

    fn has_length(&self, text: &str) -> bool {
        (self.min_length.is_none() && self.max_length.is_none())
            || within(text.chars().count(), self.min_length, self.max_length)
    }

    /// Tells whether a definition may have a value at this path, keys joined by dots.
    pub(super) fn knows(&self, definition: &str, path: &str) -> bool {
        !self.parts(definition, path.split('.')).is_empty()
    }

    /// What a definition's value at this path may be.
    pub(super) fn takes(&self, definition: &str, keys: &[&str]) -> Takes {
        let mut parts = self.parts(definition, keys.iter().copied());
        let mut takes = Takes::default();
        let mut words: Vec<&Word> = Vec::new();
        let mut any_word = false;
        while let Some(part) = parts.pop() {
            parts.extend(part.reference.and_then(|name| self.definition(name)));
            parts.extend(part.any_of);
            let names = |types: u8| part.types.0 & types != 0;
            takes.truth |= names(BOOLEAN);
            takes.whole |= names(INTEGER | NUMBER);
            takes.fraction |= names(NUMBER);
            takes.text |= names(STRING);
            takes.list |= names(ARRAY) && part.items.as_ref().is_none_or(|each| self.takes_text(each));
            let further = match &part.further {
                Further::Each(each) => self.takes_text(each),
                Further::Allowed | Further::Refused => false,
            };
            takes.table |= names(OBJECT) && further;
            words.extend(part.words);
            any_word |= part.words.is_empty() && names(STRING);
        }
        if !any_word {
            takes.words = words.into_iter().filter_map(Word::text).map(str::to_owned).collect();
        }
        takes
    }

    fn takes_text(&self, part: &Self) -> bool {
        part.types.0 & STRING != 0
            || part.reference.and_then(|name| self.definition(name)).is_some_and(|part| self.takes_text(part))
            || part.any_of.iter().any(|branch| self.takes_text(branch))
    }

    /// The parts of the schema that a definition's value at this path may fit.
    fn parts<'k>(&self, definition: &str, keys: impl Iterator<Item = &'k str>) -> Vec<&'static Shape> {
        let mut parts: Vec<&'static Shape> = self.definition(definition).into_iter().collect();
        for key in keys {
            let mut next = Vec::new();
            while let Some(part) = parts.pop() {
                parts.extend(part.reference.and_then(|name| self.definition(name)));
                parts.extend(part.any_of);
                let any = match part.further {
                    Further::Each(each) => Some(each),
                    Further::Allowed | Further::Refused => None,
                };
                next.extend(find(part.properties, key).or(any));
            }
            parts = next;
        }
        parts
    }
}

fn within(count: usize, least: Option<usize>, most: Option<usize>) -> bool {
    least.is_none_or(|least| count >= least) && most.is_none_or(|most| count <= most)
}

/// The part of a name.
fn find(sorted: &'static [(&'static str, Shape)], name: &str) -> Option<&'static Shape> {
    let index = sorted.binary_search_by_key(&name, |(known, _)| known).ok()?;
    Some(&sorted[index].1)
}

impl Word {
    fn is(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Null, Value::Null) => true,
            (Self::Bool(word), Value::Bool(truth)) => word == truth,
            (Self::Int(word), Value::Int(number)) => word == number,
            (Self::Int(word), Value::Float(number)) => *word as f64 == *number,
            (Self::Text(word), Value::Str(text)) => *word == &**text,
            _ => false,
        }
    }

    fn text(&self) -> Option<&'static str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Null | Self::Bool(_) | Self::Int(_) => None,
        }
    }
}

impl Types {
    /// Tells whether a value has one of the types. A number that is written with a fraction is no integer.
    fn allow(self, value: &Value) -> bool {
        let own = match value {
            Value::Null => NULL,
            Value::Bool(_) => BOOLEAN,
            Value::Int(_) => INTEGER | NUMBER,
            Value::Float(_) => NUMBER,
            Value::Str(_) => STRING,
            Value::Seq(_) => ARRAY,
            Value::Map(_) => OBJECT,
        };
        self.allows(own)
    }

    fn allows(self, types: u8) -> bool {
        self.0 == 0 || self.0 & types != 0
    }
}

#[cfg(test)]
mod tests;
