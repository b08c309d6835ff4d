//! Python's values, as far as configs are made of them.

/// A value of a Python program.
#[derive(Clone, Debug, PartialEq)]
pub enum Py {
    /// `None`.
    None,
    /// `True` or `False`.
    Bool(bool),
    /// An integer that fits 64 bits.
    Int(i64),
    /// A finite float.
    Float(f64),
    /// A string.
    Str(String),
    /// A list.
    List(Vec<Py>),
    /// A tuple.
    Tuple(Vec<Py>),
    /// A dict, in its order.
    Dict(Vec<(Py, Py)>),
    /// An object made by a class that is known, such as `docker.types.Healthcheck`.
    Object(Object),
    /// What no config file can hold: a function, bytes, a number beyond 64 bits. The text says what it is.
    Opaque(String),
}

/// An object and how it was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// The class's last name, such as `Healthcheck`.
    pub class: String,
    /// The arguments by position.
    pub args: Vec<Py>,
    /// The arguments by name.
    pub kwargs: Vec<(String, Py)>,
}

impl Py {
    /// A string's text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The items of a list or a tuple.
    pub fn as_items(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) | Self::Tuple(items) => Some(items),
            _ => None,
        }
    }

    /// The value of a dict's string key.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Dict(items) => items.iter().find(|(name, _)| name.as_str() == Some(key)).map(|(_, value)| value),
            _ => None,
        }
    }

    /// As Python writes it, for keys and for texts; long ones are cut.
    pub fn repr(&self) -> String {
        let list = |items: &[Self]| items.iter().map(Self::repr).collect::<Vec<_>>().join(", ");
        match self {
            Self::None => "None".to_owned(),
            Self::Bool(true) => "True".to_owned(),
            Self::Bool(false) => "False".to_owned(),
            Self::Int(number) => number.to_string(),
            Self::Float(number) => format!("{number:?}"),
            Self::Str(text) => format!("'{}'", text.escape_debug()),
            Self::List(items) => format!("[{}]", list(items)),
            Self::Tuple(items) => format!("({})", list(items)),
            Self::Dict(items) => {
                let items = items.iter().map(|(key, value)| format!("{}: {}", key.repr(), value.repr()));
                format!("{{{}}}", items.collect::<Vec<_>>().join(", "))
            }
            Self::Object(object) => format!("{}(..)", object.class),
            Self::Opaque(what) => what.clone(),
        }
    }

    /// The text that Python's `str()` makes of it.
    pub fn text(&self) -> String {
        match self {
            Self::Str(text) => text.clone(),
            other => other.repr(),
        }
    }

    /// What kind of value it is, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Bool(_) => "a boolean",
            Self::Int(_) => "an integer",
            Self::Float(_) => "a float",
            Self::Str(_) => "a string",
            Self::List(_) => "a list",
            Self::Tuple(_) => "a tuple",
            Self::Dict(_) => "a dict",
            Self::Object(_) | Self::Opaque(_) => "an object",
        }
    }
}
