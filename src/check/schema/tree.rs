//! The spanned tree as `jsonschema` reads it, without a copy.
//!
//! Errors of `jsonschema` carry the value at fault. Here they get none: what a user wrote may be a secret.

use std::borrow::Cow;
use std::cell::Cell;
use std::slice::Iter;

use jsonschema::JsonType;
use jsonschema::json::{Array, Json, JsonNumber, Node as JsonNode, NodeIdentity, Object};
use serde_json::Number;

use crate::source::{Entry, Map, Node, Value};

/// The representation.
pub(super) struct Tree;

/// A value of the tree, or a key, which `propertyNames` checks like a value.
#[derive(Clone, Copy)]
pub(super) enum View<'a> {
    /// A value, and the room that errors have.
    Value(&'a Node, Room<'a>),
    /// A key.
    Key(&'a str),
}

/// How much memory errors may take. When nothing is left, tables and lists end.
#[derive(Clone, Copy)]
pub(super) struct Room<'a> {
    /// How many bytes are left.
    left: &'a Cell<usize>,
    /// What an error of a value here takes.
    each: usize,
}

impl<'a> Room<'a> {
    /// The room of a whole tree.
    pub(super) fn new(left: &'a Cell<usize>) -> Self {
        Self { left, each: 512 }
    }

    /// The room of a value under a key: errors hold their path.
    fn under(self, key: &str) -> Self {
        Self { each: self.each + key.len(), ..self }
    }
}

/// A number of the tree. One that is written with a fraction is no integer, not even `1.0`.
pub(super) enum TreeNumber {
    /// A whole number.
    Int(i64),
    /// A number with a fraction or exponent.
    Float(f64),
}

impl Json for Tree {
    type Node<'a> = View<'a>;
    type PreparedKey = String;
    type StringBuffer = ();

    const ACYCLIC: bool = true;

    fn prepare_key(key: &str) -> String {
        key.to_owned()
    }

    fn with_string_node<T>((): &mut (), string: &str, f: impl FnOnce(View<'_>) -> T) -> T {
        f(View::Key(string))
    }
}

impl<'a> View<'a> {
    fn value(self) -> Option<&'a Value> {
        match self {
            Self::Value(node, _) => Some(&node.value),
            Self::Key(_) => None,
        }
    }
}

impl<'a> JsonNode<'a, Tree> for View<'a> {
    type Object = Holder<'a, Map>;
    type Array = Holder<'a, [Node]>;
    type Number = TreeNumber;

    fn as_object(&self) -> Option<Holder<'a, Map>> {
        match *self {
            Self::Value(Node { value: Value::Map(map), .. }, room) => Some(Holder(map, room)),
            _ => None,
        }
    }

    fn as_array(&self) -> Option<Holder<'a, [Node]>> {
        match *self {
            Self::Value(Node { value: Value::Seq(items), .. }, room) => Some(Holder(items, room)),
            _ => None,
        }
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        match *self {
            Self::Key(key) => Some(Cow::Borrowed(key)),
            Self::Value(node, _) => node.as_str().map(Cow::Borrowed),
        }
    }

    fn as_number(&self) -> Option<TreeNumber> {
        match self.value()? {
            Value::Int(number) => Some(TreeNumber::Int(*number)),
            Value::Float(number) => Some(TreeNumber::Float(*number)),
            _ => None,
        }
    }

    fn as_boolean(&self) -> Option<bool> {
        match self.value()? {
            Value::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    fn is_null(&self) -> bool {
        matches!(self.value(), Some(Value::Null))
    }

    fn json_type(&self) -> JsonType {
        match self.value() {
            None | Some(Value::Str(_)) => JsonType::String,
            Some(Value::Null) => JsonType::Null,
            Some(Value::Bool(_)) => JsonType::Boolean,
            Some(Value::Int(_) | Value::Float(_)) => JsonType::Number,
            Some(Value::Seq(_)) => JsonType::Array,
            Some(Value::Map(_)) => JsonType::Object,
        }
    }

    fn equals_value(&self, expected: &serde_json::Value) -> bool {
        match self.value() {
            None => false,
            Some(Value::Str(text)) => expected.as_str() == Some(text),
            Some(Value::Int(number)) => expected.as_i64() == Some(*number),
            Some(Value::Float(number)) => expected.as_f64() == Some(*number),
            Some(Value::Bool(truth)) => expected.as_bool() == Some(*truth),
            Some(Value::Null) => expected.is_null(),
            Some(Value::Seq(_) | Value::Map(_)) => false,
        }
    }

    /// What errors carry: a key's text, and nothing of a value. Each error asks for it once, and nothing else does.
    fn to_value(&self) -> Cow<'a, serde_json::Value> {
        match *self {
            Self::Key(key) => Cow::Owned(key.into()),
            Self::Value(_, room) => {
                room.left.set(room.left.get().saturating_sub(room.each));
                Cow::Owned(serde_json::Value::Null)
            }
        }
    }

    fn identity(&self) -> Option<NodeIdentity> {
        match *self {
            Self::Value(node, _) => Some(NodeIdentity::new(std::ptr::from_ref(node) as usize)),
            Self::Key(_) => None,
        }
    }
}

/// A table or list, and the room that errors have.
pub(super) struct Holder<'a, T: ?Sized>(&'a T, Room<'a>);

/// The values of a table or list, as long as there is room for errors.
pub(super) struct Held<'a, T>(Iter<'a, T>, Room<'a>);

impl<'a, T> Held<'a, T> {
    fn advance(&mut self) -> Option<&'a T> {
        if self.1.left.get() == 0 { None } else { self.0.next() }
    }
}

impl<'a> Iterator for Held<'a, Entry> {
    type Item = (&'a str, View<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().map(|entry| (&*entry.key, View::Value(&entry.value, self.1.under(&entry.key))))
    }
}

impl<'a> Iterator for Held<'a, Node> {
    type Item = View<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().map(|node| View::Value(node, self.1))
    }
}

impl<'a> Object<'a, Tree> for Holder<'a, Map> {
    type Node = View<'a>;
    type MemberName = &'a str;
    type MembersIter = Held<'a, Entry>;

    fn len(&self) -> usize {
        self.0.entries.len()
    }

    fn get(&self, key: &String) -> Option<View<'a>> {
        self.0.get(key).map(|node| View::Value(node, self.1.under(key)))
    }

    fn members(&self) -> Held<'a, Entry> {
        Held(self.0.iter(), self.1)
    }
}

impl<'a> Array<'a, Tree> for Holder<'a, [Node]> {
    type Node = View<'a>;
    type ElementsIter = Held<'a, Node>;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn elements(&self) -> Held<'a, Node> {
        Held(self.0.iter(), self.1)
    }
}

impl JsonNumber for TreeNumber {
    fn as_u64(&self) -> Option<u64> {
        match *self {
            Self::Int(number) => u64::try_from(number).ok(),
            Self::Float(_) => None,
        }
    }

    fn as_i64(&self) -> Option<i64> {
        match *self {
            Self::Int(number) => Some(number),
            Self::Float(_) => None,
        }
    }

    fn as_f64(&self) -> Option<f64> {
        match *self {
            Self::Int(number) => Some(number as f64),
            Self::Float(number) => Some(number),
        }
    }

    fn as_str(&self) -> Cow<'_, str> {
        Cow::Owned(self.to_number().to_string())
    }

    fn to_number(&self) -> Cow<'_, Number> {
        Cow::Owned(match *self {
            Self::Int(number) => number.into(),
            Self::Float(number) => Number::from_f64(number).unwrap_or_else(|| 0.into()),
        })
    }

    fn is_integer(&self) -> bool {
        matches!(self, Self::Int(_))
    }

    fn is_written_as_integer(&self) -> bool {
        self.is_integer()
    }
}
