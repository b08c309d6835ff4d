//! Writes the config's schema as the statics that `src/check/schema/shape.rs` asks: a start reads no schema.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use serde_json::{Map, Value};

const SCHEMA: &str = "schema/config.schema.json";

fn main() {
    println!("cargo::rerun-if-changed={SCHEMA}");
    println!("cargo::rerun-if-changed=build.rs");
    if let Err(error) = write() {
        println!("cargo::error={SCHEMA}: {error}");
    }
}

fn write() -> Result<(), String> {
    let text = fs::read_to_string(SCHEMA).map_err(|error| error.to_string())?;
    let schema = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let folder = env::var_os("OUT_DIR").ok_or("no OUT_DIR")?;
    fs::write(Path::new(&folder).join("shape.rs"), shape(&schema)?).map_err(|error| error.to_string())
}

/// A schema as an expression: a `Shape`.
///
/// # Errors
///
/// A keyword, or what is said with it, is not known here: nothing that validates may be passed over.
pub(crate) fn shape(schema: &Value) -> Result<String, String> {
    let mut fields = String::new();
    let mut field = |name: &str, value: String| {
        let _ = write!(fields, "{name}: {value}, ");
    };
    for (keyword, said) in schema.as_object().ok_or("a schema that is no object")? {
        let wrong = || format!("`{keyword}` with {said}");
        let schemas = || said.as_object().ok_or_else(wrong);
        let items = || said.as_array().ok_or_else(wrong);
        // Empty means that there is no choice to `Shape`, and that nothing fits to JSON Schema.
        let choices = || items().and_then(|choices| if choices.is_empty() { Err(wrong()) } else { Ok(choices) });
        let number = || said.as_i64().map(|number| format!("Some({number})")).ok_or_else(wrong);
        match keyword.as_str() {
            "$ref" => {
                let name = said.as_str().and_then(|name| name.strip_prefix("#/$defs/")).ok_or_else(wrong)?;
                field("reference", format!("Some({name:?})"));
            }
            "$defs" => field("definitions", named(schemas()?)?),
            "properties" => field("properties", named(schemas()?)?),
            "type" => field("types", types(said).ok_or_else(wrong)?),
            "enum" => field("words", list(choices()?, |word| word_of(word).ok_or_else(wrong))?),
            "anyOf" => field("any_of", list(choices()?, shape)?),
            "required" => {
                let key = |key: &Value| key.as_str().map(|key| format!("{key:?}")).ok_or_else(wrong);
                field("required", list(items()?, key)?);
            }
            "additionalProperties" => {
                let further = match said {
                    Value::Bool(true) => "Further::Allowed".to_owned(),
                    Value::Bool(false) => "Further::Refused".to_owned(),
                    each => format!("Further::Each(&{})", shape(each)?),
                };
                field("further", further);
            }
            "propertyNames" => field("property_names", format!("Some(&{})", shape(said)?)),
            "items" => field("items", format!("Some(&{})", shape(said)?)),
            "pattern" => field("has_pattern", "true".to_owned()),
            "minimum" => field("minimum", number()?),
            "maximum" => field("maximum", number()?),
            "minLength" => field("min_length", number()?),
            "maxLength" => field("max_length", number()?),
            "minItems" => field("min_items", number()?),
            "maxItems" => field("max_items", number()?),
            "minProperties" => field("min_properties", number()?),
            "maxProperties" => field("max_properties", number()?),
            // They say nothing of what fits.
            "$id" | "$schema" | "title" | "description" | "default" | "examples" => {}
            _ => return Err(format!("`{keyword}` is not known to build.rs")),
        }
    }
    Ok(format!("Shape {{ {fields}..Shape::ANY }}"))
}

/// Schemas with their names, sorted by them.
fn named(schemas: &Map<String, Value>) -> Result<String, String> {
    let mut sorted: Vec<(&String, &Value)> = schemas.iter().collect();
    sorted.sort_by_key(|(name, _)| *name);
    list(&sorted, |(name, schema)| Ok(format!("({name:?}, {})", shape(schema)?)))
}

fn list<T>(items: &[T], each: impl Fn(&T) -> Result<String, String>) -> Result<String, String> {
    let items: Vec<String> = items.iter().map(each).collect::<Result<_, _>>()?;
    Ok(format!("&[{}]", items.join(", ")))
}

fn types(said: &Value) -> Option<String> {
    let one = |name: &Value| {
        let name = name.as_str()?;
        let known = ["null", "boolean", "integer", "number", "string", "array", "object"].contains(&name);
        known.then(|| name.to_uppercase())
    };
    let names: Vec<String> = match said {
        Value::Array(names) => names.iter().map(one).collect::<Option<_>>()?,
        name => vec![one(name)?],
    };
    Some(format!("Types({})", names.join(" | ")))
}

fn word_of(word: &Value) -> Option<String> {
    Some(match word {
        Value::Null => "Word::Null".to_owned(),
        Value::Bool(truth) => format!("Word::Bool({truth})"),
        Value::Number(number) => format!("Word::Int({})", number.as_i64()?),
        Value::String(text) => format!("Word::Text({text:?})"),
        Value::Array(_) | Value::Object(_) => return None,
    })
}
