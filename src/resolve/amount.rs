//! Amounts of CPUs, memory and time, and file modes: what a config may write, and the one number that it means.
//!
//! A whole number without a unit is taken only where its magnitude leaves no doubt; anything else is an error that
//! names the likely meanings. Texts are matched strictly: no white space around them, no signs, no exponents.
//!
//! Messages quote the text that they refuse, so a caller must not show them where the text came from a secret.

mod cpus;
mod duration;
mod memory;
mod mode;
mod people;

pub use cpus::{cpus, cpus_text};
pub use duration::{duration, duration_text};
pub use memory::{memory, memory_text, size};
pub use mode::{mode, mode_text};
pub use people::{bytes_shown, kind_shown, resources_shown};

/// A scalar as the config gave it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Raw<'a> {
    /// A whole number.
    Int(i64),
    /// A number with a decimal point or an exponent.
    Float(f64),
    /// A string.
    Text(&'a str),
}

/// Why a scalar is no amount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AmountError {
    /// What is wrong, as a diagnostic's message: lower case, no final full stop.
    pub message: String,
    /// What was likely meant, in the imperative.
    pub help: String,
}

impl AmountError {
    fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into() }
    }
}

/// The outcome of reading one amount.
type Read<T> = Result<T, AmountError>;

/// Quotes a text for a message, cut after 40 characters.
fn quoted(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((cut, _)) => format!("`{}...`", text.get(..cut).unwrap_or_default()),
        None => format!("`{text}`"),
    }
}

/// Why a text is no multiple of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unscaled {
    /// It is no plain decimal number.
    NotANumber,
    /// The multiple is beyond 64-bit signed integers.
    Overflow,
}

/// Multiplies a plain decimal number (`12`, `1.5`, `.5`) by a unit, exactly, and drops what is below one.
///
/// A float would lose the last digits: 1.1 is no binary fraction. `unit` is at most 2^50.
fn scaled(text: &str, unit: u64) -> Result<i64, Unscaled> {
    /// Digits after the point that count; more are below one for every unit.
    const FRACTION_DIGITS: usize = 18;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits_only = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || !digits_only(whole) || !digits_only(fraction) {
        return Err(Unscaled::NotANumber);
    }
    let whole = whole.trim_start_matches('0');
    if whole.len() > 19 {
        return Err(Unscaled::Overflow);
    }
    let number = |digits: &str| digits.bytes().fold(0u128, |sum, digit| sum * 10 + u128::from(digit - b'0'));
    let fraction = fraction.get(..FRACTION_DIGITS).unwrap_or(fraction);
    let one = (0..fraction.len()).fold(1u128, |power, _| power * 10);
    let total = number(whole) * u128::from(unit) + number(fraction) * u128::from(unit) / one;
    i64::try_from(total).map_err(|_| Unscaled::Overflow)
}

/// Writes `units + rest / unit` without trailing zeros: the inverse of [`scaled`] for a unit that is a power of ten.
fn decimal(total: u64, unit: u64) -> String {
    let (whole, rest) = (total / unit, total % unit);
    if rest == 0 {
        return whole.to_string();
    }
    let width = unit.to_string().len() - 1;
    format!("{whole}.{rest:0width$}").trim_end_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn scaled_is_exact() {
        for (text, unit, expected) in [
            ("1.1", 1_000_000_000, Ok(1_100_000_000)),
            ("0.000000001", 1_000_000_000, Ok(1)),
            ("0.0000000019", 1_000_000_000, Ok(1)),
            (".5", 10, Ok(5)),
            ("5.", 10, Ok(50)),
            ("00000000000000000000000007", 1, Ok(7)),
            ("9223372036854775807", 1, Ok(i64::MAX)),
            ("9223372036854775808", 1, Err(Unscaled::Overflow)),
            ("99999999999999999999999999999999999999999999", 1 << 50, Err(Unscaled::Overflow)),
            ("0.99999999999999999999999999999999999999999999", 1 << 50, Ok((1 << 50) - 1)),
            ("", 1, Err(Unscaled::NotANumber)),
            (".", 1, Err(Unscaled::NotANumber)),
            ("1.2.3", 1, Err(Unscaled::NotANumber)),
            ("-1", 1, Err(Unscaled::NotANumber)),
            ("1e3", 1, Err(Unscaled::NotANumber)),
            ("١", 1, Err(Unscaled::NotANumber)),
        ] {
            assert_eq!(scaled(text, unit), expected, "{text} x {unit}");
        }
    }

    #[test]
    fn long_texts_are_cut_in_messages() {
        assert_eq!(quoted(&"ä".repeat(41)), format!("`{}...`", "ä".repeat(40)));
        assert_eq!(quoted("1 GB"), "`1 GB`");
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,12}|[0-9.]{0,30}(m|s|h|us|g|kib|)|0o?[0-9]{0,8}", int: i64, float: f64) {
            for raw in [Raw::Text(&text), Raw::Int(int), Raw::Float(float)] {
                let _ = (cpus(raw), memory(raw), size(raw), duration(raw), mode(raw));
            }
        }

        #[test]
        fn cpus_round_trip(nano in 1_000_000i64..=512_000_000_000) {
            prop_assert_eq!(cpus(Raw::Text(&cpus_text(nano))), Ok(nano));
            prop_assert_eq!(cpus(Raw::Int(nano)), Ok(nano));
        }

        #[test]
        fn memory_round_trip(count in 1i64..1 << 20, shift in 22u32..43) {
            let bytes = count << shift;
            prop_assert_eq!(memory(Raw::Text(&memory_text(bytes))), Ok(bytes));
            prop_assert_eq!(memory(Raw::Text(&memory_text(bytes + 1))), Ok(bytes + 1));
        }

        #[test]
        fn duration_round_trip(ns in 0i64.., power in 0u32..19) {
            let ns = ns / 10i64.pow(power);
            prop_assert_eq!(duration(Raw::Text(&duration_text(ns))), Ok(ns));
        }

        #[test]
        fn mode_round_trip(bits in 0u32..=0o7777) {
            prop_assert_eq!(mode(Raw::Text(&mode_text(bits))), Ok(bits));
        }
    }
}
