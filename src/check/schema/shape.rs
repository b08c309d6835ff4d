//! The schema as it is asked first: does a tree fit?
//!
//! Compiling it takes longer than reading a config does, and is only needed to say what is wrong. What is read here is
//! the schema's own text; a keyword that is not known here is an error, so that none can be passed over.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value as Json;

use crate::model::CONFIG_SCHEMA;
use crate::source::{Node, Value};

/// How references start.
const DEFINITIONS: &str = "#/$defs/";

/// The schema, or a part of it. What is no keyword of validation is read over.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Shape<'s> {
    #[serde(rename = "$ref")]
    reference: Option<&'s str>,
    #[serde(rename = "$defs", borrow)]
    definitions: BTreeMap<&'s str, Shape<'s>>,
    #[serde(rename = "type")]
    types: Types,
    #[serde(rename = "enum")]
    words: Option<Vec<Json>>,
    any_of: Option<Vec<Shape<'s>>>,
    properties: BTreeMap<&'s str, Shape<'s>>,
    #[serde(borrow)]
    additional_properties: Further<'s>,
    property_names: Option<Box<Shape<'s>>>,
    required: Vec<&'s str>,
    items: Option<Box<Shape<'s>>>,
    minimum: Option<i64>,
    maximum: Option<i64>,
    min_length: Option<usize>,
    max_length: Option<usize>,
    min_items: Option<usize>,
    max_items: Option<usize>,
    min_properties: Option<usize>,
    max_properties: Option<usize>,
    pattern: Option<IgnoredAny>,
    #[serde(rename = "$id")]
    _id: IgnoredAny,
    #[serde(rename = "$schema")]
    _schema: IgnoredAny,
    #[serde(rename = "title")]
    _title: IgnoredAny,
    #[serde(rename = "description")]
    _description: IgnoredAny,
    #[serde(rename = "default")]
    _default: IgnoredAny,
    #[serde(rename = "examples")]
    _examples: IgnoredAny,
}

/// What holds for keys that are not named.
#[derive(Debug, Default)]
enum Further<'s> {
    #[default]
    Allowed,
    Refused,
    Each(Box<Shape<'s>>),
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

impl<'s> Shape<'s> {
    /// Reads the committed schema.
    ///
    /// # Errors
    ///
    /// A keyword of it is not known here.
    pub(super) fn read() -> Result<Shape<'static>, serde_json::Error> {
        serde_json::from_str(CONFIG_SCHEMA)
    }

    /// A definition of the schema.
    pub(super) fn definition(&self, name: &str) -> Option<&Shape<'s>> {
        self.definitions.get(name)
    }

    /// Tells whether a tree surely fits a part of this schema. One that does not may fit still, where a pattern is asked
    /// for.
    pub(super) fn fits(&self, part: &Self, node: &Node) -> bool {
        let fits = |part: &Self| self.fits(part, node);
        part.types.allow(&node.value)
            && part.words.as_ref().is_none_or(|words| words.iter().any(|word| is_word(&node.value, word)))
            && part.reference.is_none_or(|name| self.target(name).is_some_and(fits))
            && part.any_of.as_ref().is_none_or(|branches| branches.iter().any(fits))
            && match &node.value {
                Value::Null | Value::Bool(_) => true,
                Value::Int(number) => {
                    part.minimum.is_none_or(|least| *number >= least) && part.maximum.is_none_or(|most| *number <= most)
                }
                Value::Float(number) => {
                    part.minimum.is_none_or(|least| *number >= least as f64)
                        && part.maximum.is_none_or(|most| *number <= most as f64)
                }
                Value::Str(text) => part.pattern.is_none() && part.has_length(text),
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
            && match (part.properties.get(key), &part.additional_properties) {
                (Some(named), _) => self.fits(named, value),
                (None, Further::Allowed) => true,
                (None, Further::Refused) => false,
                (None, Further::Each(each)) => self.fits(each, value),
            }
    }

    /// Tells whether a key surely fits; of keys, only the length is asked for.
    fn fits_key(&self, key: &str) -> bool {
        let Self { reference, words, any_of, pattern, .. } = self;
        let plain = reference.is_none() && words.is_none() && any_of.is_none() && pattern.is_none();
        plain && self.types.allows(STRING) && self.has_length(key)
    }

    fn has_length(&self, text: &str) -> bool {
        (self.min_length.is_none() && self.max_length.is_none())
            || within(text.chars().count(), self.min_length, self.max_length)
    }

    fn target(&self, reference: &str) -> Option<&Shape<'s>> {
        self.definition(reference.strip_prefix(DEFINITIONS)?)
    }

    /// Tells whether a definition may have a value at this path, keys joined by dots.
    pub(super) fn knows(&self, definition: &str, path: &str) -> bool {
        !self.parts(definition, path.split('.')).is_empty()
    }

    /// What a definition's value at this path may be.
    pub(super) fn takes(&self, definition: &str, keys: &[&str]) -> Takes {
        let mut parts = self.parts(definition, keys.iter().copied());
        let mut takes = Takes::default();
        let mut words: Vec<&Json> = Vec::new();
        let mut any_word = false;
        while let Some(part) = parts.pop() {
            parts.extend(part.reference.and_then(|name| self.target(name)));
            parts.extend(part.any_of.iter().flatten());
            let names = |types: u8| part.types.0 & types != 0;
            takes.truth |= names(BOOLEAN);
            takes.whole |= names(INTEGER | NUMBER);
            takes.fraction |= names(NUMBER);
            takes.text |= names(STRING);
            takes.list |= names(ARRAY) && part.items.as_ref().is_none_or(|each| self.takes_text(each));
            let further = match &part.additional_properties {
                Further::Each(each) => self.takes_text(each),
                Further::Allowed | Further::Refused => false,
            };
            takes.table |= names(OBJECT) && further;
            match &part.words {
                Some(own) => words.extend(own),
                None => any_word |= names(STRING),
            }
        }
        if !any_word {
            takes.words = words.into_iter().filter_map(Json::as_str).map(str::to_owned).collect();
        }
        takes
    }

    fn takes_text(&self, part: &Self) -> bool {
        part.types.0 & STRING != 0
            || part.reference.and_then(|name| self.target(name)).is_some_and(|part| self.takes_text(part))
            || part.any_of.iter().flatten().any(|branch| self.takes_text(branch))
    }

    /// The parts of the schema that a definition's value at this path may fit.
    fn parts<'k>(&self, definition: &str, keys: impl Iterator<Item = &'k str>) -> Vec<&Shape<'s>> {
        let mut parts: Vec<&Shape<'s>> = self.definition(definition).into_iter().collect();
        for key in keys {
            let mut next = Vec::new();
            while let Some(part) = parts.pop() {
                parts.extend(part.reference.and_then(|name| self.target(name)));
                parts.extend(part.any_of.iter().flatten());
                let any = match &part.additional_properties {
                    Further::Each(each) => Some(&**each),
                    Further::Allowed | Further::Refused => None,
                };
                next.extend(part.properties.get(key).or(any));
            }
            parts = next;
        }
        parts
    }
}

fn within(count: usize, least: Option<usize>, most: Option<usize>) -> bool {
    least.is_none_or(|least| count >= least) && most.is_none_or(|most| count <= most)
}

fn is_word(value: &Value, word: &Json) -> bool {
    match value {
        Value::Null => word.is_null(),
        Value::Bool(truth) => word.as_bool() == Some(*truth),
        Value::Int(number) => word.as_i64() == Some(*number),
        Value::Float(number) => word.as_f64() == Some(*number),
        Value::Str(text) => word.as_str() == Some(text),
        Value::Seq(_) | Value::Map(_) => false,
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

    fn add<E: serde::de::Error>(&mut self, name: &str) -> Result<(), E> {
        self.0 |= match name {
            "null" => NULL,
            "boolean" => BOOLEAN,
            "integer" => INTEGER,
            "number" => NUMBER,
            "string" => STRING,
            "array" => ARRAY,
            "object" => OBJECT,
            _ => return Err(E::custom(format!("no type `{name}`"))),
        };
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Types {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = Types;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a type or a list of types")
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Types, E> {
                let mut types = Types::default();
                types.add(name).map(|()| types)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<Types, A::Error> {
                let mut types = Types::default();
                while let Some(name) = names.next_element::<&str>()? {
                    types.add(name)?;
                }
                Ok(types)
            }
        }
        deserializer.deserialize_any(Names)
    }
}

impl<'de: 's, 's> Deserialize<'de> for Further<'s> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TruthOrShape;
        impl<'de> Visitor<'de> for TruthOrShape {
            type Value = Further<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a truth value or a schema")
            }

            fn visit_bool<E>(self, allowed: bool) -> Result<Further<'de>, E> {
                Ok(if allowed { Further::Allowed } else { Further::Refused })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Further<'de>, A::Error> {
                Shape::deserialize(MapAccessDeserializer::new(map)).map(|each| Further::Each(Box::new(each)))
            }
        }
        deserializer.deserialize_any(TruthOrShape)
    }
}

#[cfg(test)]
mod tests;
