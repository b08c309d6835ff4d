//! What a scalar means (YAML 1.2.2, section 10.3).

use crate::source::Value;

/// A scalar as the parser tells it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written<'a> {
    /// The text, unescaped and unfolded.
    pub(super) text: &'a str,
    /// Whether it stands without quotes, on no block of its own.
    pub(super) plain: bool,
    /// The core schema's name of the type that a tag gives.
    pub(super) tag: Option<&'a str>,
}

/// Why a scalar has no value.
#[derive(Debug, PartialEq)]
pub(super) enum Trouble {
    /// A number that no value can hold.
    Number,
    /// Not of the type that its tag names.
    Tag,
}

impl Written<'_> {
    /// The value.
    pub(super) fn value(&self) -> Result<Value, Trouble> {
        let text = || Value::Str(self.text.into());
        match self.tag {
            Some("str") => Ok(text()),
            Some(tag) => match (tag, resolve(self.text)?) {
                ("float", Some(Value::Int(number))) => Ok(Value::Float(number as f64)),
                ("null", Some(value @ Value::Null))
                | ("bool", Some(value @ Value::Bool(_)))
                | ("int", Some(value @ Value::Int(_)))
                | ("float", Some(value @ Value::Float(_))) => Ok(value),
                _ => Err(Trouble::Tag),
            },
            None if self.plain => Ok(resolve(self.text)?.unwrap_or_else(text)),
            None => Ok(text()),
        }
    }
}

/// The value of a plain scalar; `None` for a string.
fn resolve(text: &str) -> Result<Option<Value>, Trouble> {
    Ok(Some(match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => return number(text),
    }))
}

fn number(text: &str) -> Result<Option<Value>, Trouble> {
    let all = |text: &str, good: fn(&u8) -> bool| !text.is_empty() && text.as_bytes().iter().all(good);
    let whole = |number: Result<i64, _>| number.map(|number| Some(Value::Int(number))).map_err(|_| Trouble::Number);
    if let Some(digits) = text.strip_prefix("0o").filter(|rest| all(rest, |byte| matches!(byte, b'0'..=b'7'))) {
        return whole(i64::from_str_radix(digits, 8));
    }
    if let Some(digits) = text.strip_prefix("0x").filter(|rest| all(rest, u8::is_ascii_hexdigit)) {
        return whole(i64::from_str_radix(digits, 16));
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if all(unsigned, u8::is_ascii_digit) {
        // The core schema reads `0440` as 440 and YAML 1.1 as 288: as text, whoever knows the key decides.
        return if unsigned.len() > 1 && unsigned.starts_with('0') { Ok(None) } else { whole(text.parse()) };
    }
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Err(Trouble::Number);
    }
    if !is_float(unsigned) {
        return Ok(None);
    }
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(Some(Value::Float(number))),
        _ => Err(Trouble::Number),
    }
}

/// Matches `( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`.
fn is_float(text: &str) -> bool {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let before = digits(text);
    let mut rest = text.get(before..).unwrap_or("");
    let mut after = 0;
    if let Some(fraction) = rest.strip_prefix('.') {
        after = digits(fraction);
        rest = fraction.get(after..).unwrap_or("");
    }
    let exponent = match rest.strip_prefix(['e', 'E']) {
        Some(exponent) => {
            let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            !exponent.is_empty() && digits(exponent) == exponent.len()
        }
        None => rest.is_empty(),
    };
    before + after > 0 && exponent
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Result<Value, Trouble> {
        Written { text, plain: true, tag: None }.value()
    }

    #[test]
    fn plain_scalars_follow_the_core_schema() {
        for (text, value) in [
            ("~", Value::Null),
            ("Null", Value::Null),
            ("TRUE", Value::Bool(true)),
            ("False", Value::Bool(false)),
            ("0", Value::Int(0)),
            ("+12", Value::Int(12)),
            ("-9223372036854775808", Value::Int(i64::MIN)),
            ("0o17", Value::Int(15)),
            ("0xFF", Value::Int(255)),
            ("1.5", Value::Float(1.5)),
            (".5", Value::Float(0.5)),
            ("1.", Value::Float(1.0)),
            ("-1e3", Value::Float(-1000.0)),
        ] {
            assert_eq!(plain(text), Ok(value), "{text}");
        }
    }

    #[test]
    fn what_yaml_1_1_would_convert_stays_text() {
        for text in [
            "yes",
            "no",
            "on",
            "off",
            "Y",
            "tRUE",
            "0440",
            "-012",
            "00",
            "1_000",
            "0b1",
            "0O17",
            "1:30",
            "2001-01-01",
            "e3",
            ".",
            "+",
            "-",
            "1e",
            "1e+",
            "0x",
            "0o8",
            "..5",
            "+.inf0",
            "-0x1",
        ] {
            assert_eq!(plain(text), Ok(Value::Str(text.into())), "{text}");
        }
    }

    #[test]
    fn numbers_without_a_value_are_told() {
        for text in ["9223372036854775808", "-9223372036854775809", "0xFFFFFFFFFFFFFFFF", "1e999", "-.INF", ".nan"] {
            assert_eq!(plain(text), Err(Trouble::Number), "{text}");
        }
    }

    #[test]
    fn tags_give_the_type() {
        let tagged = |text, tag| Written { text, plain: true, tag: Some(tag) }.value();
        assert_eq!(tagged("12", "str"), Ok(Value::Str("12".into())));
        assert_eq!(tagged("1", "float"), Ok(Value::Float(1.0)));
        assert_eq!(tagged("x", "int"), Err(Trouble::Tag));
    }
}
