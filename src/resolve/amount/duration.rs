//! Durations.

use super::{AmountError, Raw, Read, Unscaled, decimal, quoted, scaled};

/// Nanoseconds in a second.
const SECOND: u64 = 1_000_000_000;
/// From here up a whole number is nanoseconds, as docker-py takes them; below it is seconds.
const NANOSECONDS_FROM: i64 = 1_000_000;
/// The units of [Go's grammar](https://pkg.go.dev/time#ParseDuration), in nanoseconds; of two that start alike the
/// longer one first. The micro sign and the Greek letter both count.
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", SECOND),
    ("m", 60 * SECOND),
    ("h", 3600 * SECOND),
];

/// Reads a duration, in nanoseconds.
///
/// A number is seconds; a whole one from 10^6 up is nanoseconds, as in docker-py. A text is such a number or Go's
/// grammar: decimal numbers, each with a unit (`1h30m`, `1.5s`, `100ms`).
///
/// # Errors
///
/// Anything else; a negative duration; one beyond 64-bit integers (about 292 years).
pub fn duration(raw: Raw<'_>) -> Read<i64> {
    let shown = match raw {
        Raw::Int(number) => number.to_string(),
        // Adding zero turns a negative zero into zero.
        Raw::Float(number) => (number + 0.0).to_string(),
        Raw::Text(text) => text.to_owned(),
    };
    // Displaying a float gives the digits that were written and no exponent, so one path reads all three.
    if shown.starts_with('-') {
        return Err(AmountError::new(
            format!("a duration cannot be negative: {}", quoted(&shown)),
            "write a duration of 0 or more, such as `\"30s\"`",
        ));
    }
    let read = match shown.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        true => bare(&shown),
        false => with_units(&shown),
    };
    read.map_err(|error| match error {
        Unscaled::NotANumber => AmountError::new(format!("{} is no duration", quoted(&shown)), advice(&shown)),
        Unscaled::Overflow => {
            AmountError::new(format!("{} is longer than 292 years", quoted(&shown)), "write a shorter duration")
        }
    })
}

fn bare(number: &str) -> Result<i64, Unscaled> {
    match scaled(number, 1)? {
        count if count < NANOSECONDS_FROM => scaled(number, SECOND),
        _ if number.contains('.') => Err(Unscaled::NotANumber),
        count => Ok(count),
    }
}

fn with_units(text: &str) -> Result<i64, Unscaled> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    let mut total: i64 = 0;
    if rest.is_empty() {
        return Err(Unscaled::NotANumber);
    }
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or(Unscaled::NotANumber)?;
        let (number, from_unit) = rest.split_at(unit_at);
        let next = from_unit.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(from_unit.len());
        let (unit, after) = from_unit.split_at(next);
        let (_, nanoseconds) = UNITS.iter().find(|(name, _)| *name == unit).ok_or(Unscaled::NotANumber)?;
        total = total.checked_add(scaled(number, *nanoseconds)?).ok_or(Unscaled::Overflow)?;
        rest = after;
    }
    Ok(total)
}

fn advice(shown: &str) -> String {
    let days = shown.strip_suffix('d').and_then(|days| days.parse::<u32>().ok());
    match days {
        Some(days) => format!("write `\"{}h\"`: days are no unit", u64::from(days) * 24),
        None => "write seconds (`90`) or numbers with the units `h`, `m`, `s`, `ms`: `\"1m30s\"`".to_owned(),
    }
}

/// Writes nanoseconds in Go's grammar (`1m30s`, `1.5s`, `100ms`), which [`duration`] reads back.
pub fn duration_text(ns: i64) -> String {
    let sign = if ns < 0 { "-" } else { "" };
    let ns = ns.unsigned_abs();
    let small = [(SECOND, 1_000_000, "ms"), (1_000_000, 1_000, "us"), (1_000, 1, "ns")];
    if let Some((_, unit, name)) = small.iter().rev().find(|(below, ..)| 0 < ns && ns < *below) {
        return format!("{sign}{}{name}", decimal(ns, *unit));
    }
    let (hours, minutes, seconds) = (ns / (3600 * SECOND), ns / (60 * SECOND) % 60, ns % (60 * SECOND));
    let mut text = sign.to_owned();
    if hours > 0 {
        text += &format!("{hours}h");
    }
    if minutes > 0 {
        text += &format!("{minutes}m");
    }
    if seconds > 0 || ns == 0 {
        text += &format!("{}s", decimal(seconds, SECOND));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_that_are_taken() {
        const S: i64 = 1_000_000_000;
        for (raw, expected) in [
            (Raw::Int(0), 0),
            (Raw::Int(300), 300 * S),
            (Raw::Int(999_999), 999_999 * S),
            (Raw::Int(1_000_000), 1_000_000),
            (Raw::Int(30_000_000_000), 30 * S),
            (Raw::Int(i64::MAX), i64::MAX),
            (Raw::Float(1.5), S + S / 2),
            (Raw::Float(0.1), S / 10),
            (Raw::Float(-0.0), 0),
            (Raw::Float(3e10), 30 * S),
            (Raw::Text("90"), 90 * S),
            (Raw::Text("1.5"), S + S / 2),
            (Raw::Text("30000000000"), 30 * S),
            (Raw::Text("0"), 0),
            (Raw::Text("5m"), 300 * S),
            (Raw::Text("1h30m"), 5400 * S),
            (Raw::Text("1.5s"), S + S / 2),
            (Raw::Text(".5s"), S / 2),
            (Raw::Text("100ms"), S / 10),
            (Raw::Text("2us"), 2000),
            (Raw::Text("2µs"), 2000),
            (Raw::Text("2μs"), 2000),
            (Raw::Text("5ns"), 5),
            (Raw::Text("+5s"), 5 * S),
            (Raw::Text("1m1m"), 120 * S),
            (Raw::Text("1h2m3s4ms5us6ns"), 3_723_004_005_006),
            (Raw::Text("2540400h10m10.000000001s"), 9_145_440_610_000_000_001),
        ] {
            assert_eq!(duration(raw), Ok(expected), "{raw:?}");
        }
    }

    #[test]
    fn durations_that_are_refused() {
        for (raw, message, help) in [
            (Raw::Int(-1), "cannot be negative: `-1`", "0 or more"),
            (Raw::Float(-1.5), "cannot be negative: `-1.5`", "0 or more"),
            (Raw::Text("-5s"), "cannot be negative: `-5s`", "0 or more"),
            (Raw::Float(1e30), "longer than 292 years", "shorter"),
            (Raw::Float(1_000_000.5), "no duration", "seconds"),
            (Raw::Float(f64::NAN), "no duration", "seconds"),
            (Raw::Float(f64::INFINITY), "no duration", "seconds"),
            (Raw::Text("9223372036854775808"), "longer than 292 years", "shorter"),
            (Raw::Text("2562048h"), "longer than 292 years", "shorter"),
            (Raw::Text("2562047h60m"), "longer than 292 years", "shorter"),
            (Raw::Text(""), "`` is no duration", "seconds"),
            (Raw::Text("+"), "no duration", "seconds"),
            (Raw::Text("."), "no duration", "seconds"),
            (Raw::Text("s"), "no duration", "seconds"),
            (Raw::Text(".s"), "no duration", "seconds"),
            (Raw::Text("1h30"), "no duration", "seconds"),
            (Raw::Text("5 m"), "no duration", "seconds"),
            (Raw::Text("5M"), "no duration", "seconds"),
            (Raw::Text("5min"), "no duration", "seconds"),
            (Raw::Text("1.2.3s"), "no duration", "seconds"),
            (Raw::Text("1e3s"), "no duration", "seconds"),
            (Raw::Text("2d"), "`2d` is no duration", "write `\"48h\"`"),
        ] {
            let error = duration(raw).unwrap_err();
            assert!(error.message.contains(message), "{raw:?}: {error:?}");
            assert!(error.help.contains(help), "{raw:?}: {error:?}");
        }
    }

    #[test]
    fn texts() {
        for (ns, expected) in [
            (0, "0s"),
            (1, "1ns"),
            (1_500, "1.5us"),
            (100_000_000, "100ms"),
            (1_500_000_000, "1.5s"),
            (90_000_000_000, "1m30s"),
            (5_400_000_000_000, "1h30m"),
            (3_600_000_000_001, "1h0.000000001s"),
            (-1_000_000_000, "-1s"),
        ] {
            assert_eq!(duration_text(ns), expected);
        }
    }
}
