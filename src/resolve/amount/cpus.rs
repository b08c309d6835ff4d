//! CPUs.

use super::{AmountError, Raw, Read, Unscaled, decimal, quoted, scaled};

/// 10^-9ths in a CPU: the Engine API's `NanoCPUs`.
const CPU: u64 = 1_000_000_000;
/// The least that the engine takes: a thousandth of a CPU.
const LEAST: i64 = 1_000_000;
/// The most CPUs that are believed to be meant.
const MOST: i64 = 512;

/// Reads an amount of CPUs, in 10^-9ths of a CPU.
///
/// A decimal or a text is CPUs, a text that ends in `m` thousandths of one. A whole number is CPUs up to 512, and
/// 10^-9ths from 10^6 up, as in SwarmSpawner.
///
/// # Errors
///
/// Anything else; less than the engine takes (0.001); more than 512 CPUs; a whole number between 512 and 10^6.
pub fn cpus(raw: Raw<'_>) -> Read<i64> {
    let nano = match raw {
        Raw::Int(number) => return whole(number),
        Raw::Float(number) if number <= 0.0 => return Err(too_few(&number.to_string())),
        // Displaying a float gives the digits that were written, so 0.1 is a tenth exactly.
        Raw::Float(number) => scaled(&number.to_string(), CPU),
        Raw::Text(text) if text.starts_with('-') => return Err(too_few(text)),
        Raw::Text(text) => match text.strip_suffix('m') {
            Some(thousandths) => scaled(thousandths, CPU / 1000),
            None => scaled(text, CPU),
        },
    };
    let shown = match raw {
        Raw::Text(text) => text.to_owned(),
        Raw::Float(number) => number.to_string(),
        Raw::Int(number) => number.to_string(),
    };
    match nano {
        Ok(nano) if nano < LEAST => Err(too_few(&shown)),
        Ok(nano) if nano <= MOST * CPU as i64 => Ok(nano),
        Ok(_) | Err(Unscaled::Overflow) => Err(too_many(&shown, raw)),
        Err(Unscaled::NotANumber) => Err(AmountError::new(
            format!("{} is no amount of CPUs", quoted(&shown)),
            "write CPUs as a decimal (`1.5`) or thousandths of one (`\"500m\"`)",
        )),
    }
}

fn whole(number: i64) -> Read<i64> {
    match number {
        ..=0 => Err(too_few(&number.to_string())),
        1..=MOST => Ok(number * CPU as i64),
        _ if number < LEAST => Err(AmountError::new(
            format!(
                "`{number}` CPUs need a unit: a whole number is CPUs up to {MOST}, and 10^-9ths of a CPU from 10^6"
            ),
            format!("write `\"{number}m\"` for {}", cpus_words(number * LEAST)),
        )),
        _ if number > MOST * CPU as i64 => Err(too_many(&number.to_string(), Raw::Int(number))),
        _ => Ok(number),
    }
}

fn too_few(shown: &str) -> AmountError {
    AmountError::new(
        format!("{} CPUs are less than the engine takes", quoted(shown)),
        "write at least `0.01`, or leave the key out for no limit",
    )
}

fn too_many(shown: &str, raw: Raw<'_>) -> AmountError {
    let message = format!("{} is more than {MOST} CPUs", quoted(shown));
    let help = match (raw, scaled(shown, 1)) {
        (Raw::Float(_) | Raw::Text(_), Ok(nano)) if (LEAST..=MOST * CPU as i64).contains(&nano) => {
            format!("write `{}` for {nano} 10^-9ths of a CPU", cpus_text(nano))
        }
        (Raw::Float(_) | Raw::Text(_), Ok(thousandths @ 513..=512_000)) => {
            format!("write `\"{thousandths}m\"` for {}", cpus_words(thousandths * LEAST))
        }
        _ => format!("write at most `{MOST}`, or thousandths of a CPU (`\"500m\"`)"),
    };
    AmountError::new(message, help)
}

fn cpus_words(nano: i64) -> String {
    format!("{} CPU{}", cpus_text(nano), if nano == CPU as i64 { "" } else { "s" })
}

/// Writes 10^-9ths of a CPU as a decimal number of CPUs (`1.5`), which [`cpus`] reads back from a text.
pub fn cpus_text(nano: i64) -> String {
    decimal(nano.unsigned_abs(), CPU)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_that_are_taken() {
        for (raw, expected) in [
            (Raw::Int(1), 1_000_000_000),
            (Raw::Int(512), 512_000_000_000),
            (Raw::Int(1_000_000), 1_000_000),
            (Raw::Int(1_000_000_000), 1_000_000_000),
            (Raw::Int(512_000_000_000), 512_000_000_000),
            (Raw::Float(1.5), 1_500_000_000),
            (Raw::Float(0.1), 100_000_000),
            (Raw::Float(0.001), 1_000_000),
            (Raw::Float(2.0), 2_000_000_000),
            (Raw::Float(512.0), 512_000_000_000),
            (Raw::Text("1.5"), 1_500_000_000),
            (Raw::Text("2"), 2_000_000_000),
            (Raw::Text("500m"), 500_000_000),
            (Raw::Text("1m"), 1_000_000),
            (Raw::Text("1.5m"), 1_500_000),
            (Raw::Text("1000m"), 1_000_000_000),
            (Raw::Text(".5"), 500_000_000),
            (Raw::Text("512"), 512_000_000_000),
        ] {
            assert_eq!(cpus(raw), Ok(expected), "{raw:?}");
        }
    }

    #[test]
    fn amounts_that_are_refused() {
        for (raw, message, help) in [
            (Raw::Int(0), "less than the engine takes", "at least `0.01`"),
            (Raw::Int(-1), "less than the engine takes", "at least `0.01`"),
            (Raw::Int(i64::MIN), "less than the engine takes", "at least `0.01`"),
            (Raw::Int(513), "need a unit", "`\"513m\"` for 0.513 CPUs"),
            (Raw::Int(1000), "need a unit", "`\"1000m\"` for 1 CPU"),
            (Raw::Int(999_999), "need a unit", "`\"999999m\"`"),
            (Raw::Int(512_000_000_001), "more than 512 CPUs", "at most `512`"),
            (Raw::Int(i64::MAX), "more than 512 CPUs", "at most `512`"),
            (Raw::Float(0.0), "less than the engine takes", "at least `0.01`"),
            (Raw::Float(-0.5), "less than the engine takes", "at least `0.01`"),
            (Raw::Float(0.000_999), "less than the engine takes", "at least `0.01`"),
            (Raw::Float(1e9), "more than 512 CPUs", "write `1` for 1000000000 10^-9ths"),
            (Raw::Float(1000.0), "more than 512 CPUs", "`\"1000m\"` for 1 CPU"),
            (Raw::Float(512.1), "more than 512 CPUs", "at most `512`"),
            (Raw::Float(1e300), "more than 512 CPUs", "at most `512`"),
            (Raw::Float(f64::NAN), "no amount of CPUs", "decimal"),
            (Raw::Float(f64::INFINITY), "no amount of CPUs", "decimal"),
            (Raw::Text("1000000000"), "more than 512 CPUs", "write `1` for 1000000000 10^-9ths"),
            (Raw::Text("512001m"), "more than 512 CPUs", "at most `512`"),
            (Raw::Text("0"), "less than the engine takes", "at least `0.01`"),
            (Raw::Text("0.5m"), "less than the engine takes", "at least `0.01`"),
            (Raw::Text("-1"), "less than the engine takes", "at least `0.01`"),
            (Raw::Text(""), "`` is no amount of CPUs", "decimal"),
            (Raw::Text("m"), "`m` is no amount of CPUs", "decimal"),
            (Raw::Text("1,5"), "`1,5` is no amount of CPUs", "decimal"),
            (Raw::Text("50%"), "`50%` is no amount of CPUs", "decimal"),
            (Raw::Text(" 1"), "no amount of CPUs", "decimal"),
            (Raw::Text("1e9"), "no amount of CPUs", "decimal"),
            (Raw::Text("512M"), "no amount of CPUs", "decimal"),
        ] {
            let error = cpus(raw).unwrap_err();
            assert!(error.message.contains(message), "{raw:?}: {error:?}");
            assert!(error.help.contains(help), "{raw:?}: {error:?}");
        }
    }
}
