//! Memory and other sizes in bytes.

use super::{AmountError, Raw, Read, Unscaled, quoted, scaled};

/// The least memory that the engine takes as a limit or a reservation, in bytes (4 MiB).
const LEAST: i64 = 4 << 20;
/// Below a memory page, a size without a unit cannot be bytes.
const PAGE: i64 = 4096;
/// Docker's units and the binary logarithm of each.
const UNITS: [(char, u32); 6] = [('b', 0), ('k', 10), ('m', 20), ('g', 30), ('t', 40), ('p', 50)];

/// Reads an amount of memory for a limit or a reservation, in bytes.
///
/// A number is bytes. A text may have one of Docker's units `b`, `k`, `m`, `g`, `t`, `p` in any case, with `b` or `ib`
/// after it and a space before; they are binary multiples, so `512M` is 536870912.
///
/// # Errors
///
/// Anything else; less than the engine takes (4 MiB); more than 64-bit integers hold.
pub fn memory(raw: Raw<'_>) -> Read<i64> {
    let bytes = bytes(raw)?;
    if bytes >= LEAST {
        return Ok(bytes);
    }
    let least = AmountError::new(
        format!("{} of memory is less than the engine takes, 4 MiB", counted(bytes)),
        "write at least `\"6M\"`, or leave the key out for no limit",
    );
    Err(unit_for(raw, bytes).unwrap_or(least))
}

/// Reads a size, such as a tmpfs's, in bytes: as [`memory`], without the engine's minimum for limits.
///
/// # Errors
///
/// Anything that is no size; zero; a number without a unit that is below one memory page.
pub fn size(raw: Raw<'_>) -> Read<i64> {
    let bytes = bytes(raw)?;
    if bytes == 0 {
        return Err(AmountError::new("a size of 0 holds nothing", "leave the key out for no limit"));
    }
    match unit_for(raw, bytes) {
        Some(error) if bytes < PAGE => Err(error),
        _ => Ok(bytes),
    }
}

/// The error for a small number that has no unit, if this is one: the unit was forgotten.
fn unit_for(raw: Raw<'_>, bytes: i64) -> Option<AmountError> {
    let bare = match raw {
        Raw::Text(text) => text.bytes().all(|byte| byte.is_ascii_digit()),
        Raw::Int(_) | Raw::Float(_) => true,
    };
    if !bare || bytes == 0 {
        return None;
    }
    let help = match bytes {
        ..64 => format!("write `\"{bytes}G\"` for gibibytes or `\"{bytes}M\"` for mebibytes"),
        64..65_536 => format!("write `\"{bytes}M\"` for mebibytes"),
        _ => format!("write `\"{bytes}K\"` for kibibytes, or an amount with another unit, such as `\"512M\"`"),
    };
    Some(AmountError::new(
        format!("{} of memory cannot be meant: a number without a unit is bytes", counted(bytes)),
        help,
    ))
}

fn counted(bytes: i64) -> String {
    if bytes == 1 { "1 byte".to_owned() } else { format!("{bytes} bytes") }
}

fn bytes(raw: Raw<'_>) -> Read<i64> {
    let (read, shown) = match raw {
        Raw::Int(number) if number >= 0 => return Ok(number),
        Raw::Int(number) => return Err(negative(&number.to_string())),
        Raw::Float(number) if number < 0.0 => return Err(negative(&number.to_string())),
        Raw::Float(number) if number.fract() == 0.0 => (scaled(&number.to_string(), 1), number.to_string()),
        Raw::Float(number) => (Err(Unscaled::NotANumber), number.to_string()),
        Raw::Text(text) if text.starts_with('-') => return Err(negative(text)),
        Raw::Text(text) => (with_unit(text), text.to_owned()),
    };
    read.map_err(|error| match error {
        Unscaled::NotANumber => AmountError::new(
            format!("{} is no amount of memory", quoted(&shown)),
            "write bytes or a number with one of Docker's units `K`, `M`, `G`, `T`: `\"512M\"`, `\"1.5G\"`",
        ),
        Unscaled::Overflow => {
            AmountError::new(format!("{} is more memory than can be counted", quoted(&shown)), "write a smaller amount")
        }
    })
}

fn negative(shown: &str) -> AmountError {
    AmountError::new(
        format!("an amount of memory cannot be negative: {}", quoted(shown)),
        "leave the key out for no limit",
    )
}

fn with_unit(text: &str) -> Result<i64, Unscaled> {
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text.get(number.len()..).unwrap_or_default().to_ascii_lowercase();
    if unit.is_empty() {
        // A fraction of a byte is a forgotten unit.
        return if number.contains('.') { Err(Unscaled::NotANumber) } else { scaled(number, 1) };
    }
    let known = UNITS.iter().find(|(letter, _)| {
        unit.strip_prefix(*letter).is_some_and(|rest| rest.is_empty() || (*letter != 'b' && matches!(rest, "b" | "ib")))
    });
    let (_, shift) = known.ok_or(Unscaled::NotANumber)?;
    scaled(number.strip_suffix(' ').unwrap_or(number), 1 << shift)
}

/// Writes bytes with the largest of Docker's units that leaves a whole number (`512M`), which [`memory`] reads back.
pub fn memory_text(bytes: i64) -> String {
    let units = [(40, "T"), (30, "G"), (20, "M"), (10, "K")];
    let exact = units.iter().find(|(shift, _)| bytes != 0 && bytes.trailing_zeros() >= *shift);
    match exact {
        Some((shift, unit)) => format!("{}{unit}", bytes >> shift),
        None => bytes.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_that_are_taken() {
        for (raw, expected) in [
            (Raw::Int(4_194_304), 4_194_304),
            (Raw::Int(512_000_000), 512_000_000),
            (Raw::Int(i64::MAX), i64::MAX),
            (Raw::Float(1e9), 1_000_000_000),
            (Raw::Text("512M"), 536_870_912),
            (Raw::Text("512m"), 536_870_912),
            (Raw::Text("512MB"), 536_870_912),
            (Raw::Text("512mib"), 536_870_912),
            (Raw::Text("512 MiB"), 536_870_912),
            (Raw::Text("1.5g"), 1_610_612_736),
            (Raw::Text("0.5G"), 536_870_912),
            (Raw::Text("8192k"), 8_388_608),
            (Raw::Text("2t"), 2_199_023_255_552),
            (Raw::Text("1p"), 1 << 50),
            (Raw::Text("536870912"), 536_870_912),
            (Raw::Text("536870912b"), 536_870_912),
            (Raw::Text("4M"), 4_194_304),
        ] {
            assert_eq!(memory(raw), Ok(expected), "{raw:?}");
        }
    }

    #[test]
    fn amounts_that_are_refused() {
        for (raw, message, help) in [
            (Raw::Int(0), "0 bytes of memory is less than the engine takes", "leave the key out"),
            (Raw::Int(1), "1 byte of memory cannot be meant", "`\"1G\"` for gibibytes or `\"1M\"`"),
            (Raw::Int(512), "a number without a unit is bytes", "`\"512M\"` for mebibytes"),
            (Raw::Int(1_000_000), "a number without a unit is bytes", "`\"1000000K\"` for kibibytes"),
            (Raw::Int(4_194_303), "a number without a unit is bytes", "`\"512M\"`"),
            (Raw::Int(-1), "cannot be negative: `-1`", "leave the key out"),
            (Raw::Float(-2.0), "cannot be negative: `-2`", "leave the key out"),
            (Raw::Float(1.5), "`1.5` is no amount of memory", "`\"1.5G\"`"),
            (Raw::Float(512.0), "a number without a unit is bytes", "`\"512M\"`"),
            (Raw::Float(1e30), "more memory than can be counted", "smaller"),
            (Raw::Float(f64::NAN), "no amount of memory", "Docker's units"),
            (Raw::Float(f64::INFINITY), "no amount of memory", "Docker's units"),
            (Raw::Text("512"), "a number without a unit is bytes", "`\"512M\"` for mebibytes"),
            (Raw::Text("1.5"), "`1.5` is no amount of memory", "Docker's units"),
            (Raw::Text("100k"), "102400 bytes of memory is less than the engine takes", "`\"6M\"`"),
            (Raw::Text("-512M"), "cannot be negative: `-512M`", "leave the key out"),
            (Raw::Text("9000000t"), "more memory than can be counted", "smaller"),
            (Raw::Text("99999999999999999999"), "more memory than can be counted", "smaller"),
            (Raw::Text(""), "`` is no amount of memory", "Docker's units"),
            (Raw::Text("M"), "no amount of memory", "Docker's units"),
            (Raw::Text("512x"), "no amount of memory", "Docker's units"),
            (Raw::Text("512bb"), "no amount of memory", "Docker's units"),
            (Raw::Text("512bib"), "no amount of memory", "Docker's units"),
            (Raw::Text("512Mi"), "no amount of memory", "Docker's units"),
            (Raw::Text("512  M"), "no amount of memory", "Docker's units"),
            (Raw::Text("512M "), "no amount of memory", "Docker's units"),
            (Raw::Text("50%"), "no amount of memory", "Docker's units"),
        ] {
            let error = memory(raw).unwrap_err();
            assert!(error.message.contains(message), "{raw:?}: {error:?}");
            assert!(error.help.contains(help), "{raw:?}: {error:?}");
        }
    }

    #[test]
    fn sizes_have_no_engine_minimum() {
        assert_eq!(size(Raw::Text("64k")), Ok(65_536));
        assert_eq!(size(Raw::Text("1b")), Ok(1));
        assert_eq!(size(Raw::Int(4096)), Ok(4096));
        for raw in [Raw::Int(0), Raw::Int(64), Raw::Int(-1), Raw::Text("100"), Raw::Text("0M"), Raw::Text("x")] {
            assert!(size(raw).is_err(), "{raw:?}");
        }
    }

    #[test]
    fn texts() {
        for (bytes, expected) in [
            (0, "0"),
            (1, "1"),
            (1024, "1K"),
            (1_610_612_736, "1536M"),
            (536_870_912, "512M"),
            (512_000_000, "500000K"),
            (1_000_000_001, "1000000001"),
            (1 << 40, "1T"),
        ] {
            assert_eq!(memory_text(bytes), expected);
        }
    }
}
