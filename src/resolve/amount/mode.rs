//! File modes.

use super::{AmountError, Raw, Read, quoted};

/// All bits that a mode can have: permissions, sticky, setgid, setuid.
const ALL: u32 = 0o7777;

/// Reads a file mode.
///
/// A number is its value, so TOML's `0o440` (which arrives as 288) is mode 0440. A text is octal digits, with or
/// without `0` or `0o` before them.
///
/// # Errors
///
/// Anything else; more than `0o7777`; a number such as 440 whose decimal digits are a usual mode, which is octal
/// written in decimal: as a value it would be 0670.
pub fn mode(raw: Raw<'_>) -> Read<u32> {
    match raw {
        Raw::Int(number) => number_mode(number),
        Raw::Float(number) => Err(no_mode(&number.to_string())),
        Raw::Text(text) => {
            let digits = text.strip_prefix("0o").unwrap_or(text);
            match octal(digits) {
                Some(bits) if bits <= ALL => Ok(bits),
                Some(_) => Err(too_large(text)),
                None => Err(no_mode(text)),
            }
        }
    }
}

fn number_mode(number: i64) -> Read<u32> {
    let digits = number.to_string();
    let as_octal = octal(&digits).filter(|bits| (3..=4).contains(&digits.len()) && is_usual(*bits));
    match (u32::try_from(number), as_octal) {
        // 0o777 is 511, and far likelier than 0o511: the only number that is usual both ways.
        (Ok(0o777), _) => Ok(0o777),
        (_, Some(bits)) => Err(AmountError::new(
            format!("`{number}` looks like an octal file mode written in decimal"),
            match u32::try_from(number) {
                Ok(value) if value <= ALL => {
                    format!(
                        "write `\"{}\"`; if the value {number} is meant, write `\"{}\"`",
                        mode_text(bits),
                        mode_text(value)
                    )
                }
                _ => format!("write `\"{}\"`", mode_text(bits)),
            },
        )),
        (Ok(value), None) if value <= ALL => Ok(value),
        (Err(_), None) if number < 0 => Err(no_mode(&digits)),
        _ => Err(too_large(&digits)),
    }
}

/// Tells whether somebody would ask for this mode: the owner may read, and the group may do no more than the owner,
/// all others no more than the group; and at most one of sticky, setgid and setuid.
fn is_usual(bits: u32) -> bool {
    let (special, owner, group, other) = (bits >> 9, bits >> 6 & 7, bits >> 3 & 7, bits & 7);
    matches!(special, 0 | 1 | 2 | 4) && owner & 4 != 0 && owner & group == group && group & other == other
}

fn octal(digits: &str) -> Option<u32> {
    // `from_str_radix` takes a sign.
    let plain = !digits.is_empty() && digits.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
    plain.then(|| u32::from_str_radix(digits, 8).unwrap_or(u32::MAX))
}

fn no_mode(shown: &str) -> AmountError {
    AmountError::new(format!("{} is no file mode", quoted(shown)), "write octal digits in quotes, such as `\"0440\"`")
}

fn too_large(shown: &str) -> AmountError {
    AmountError::new(
        format!("{} is more than the largest file mode, 7777 in octal", quoted(shown)),
        "write up to four octal digits in quotes, such as `\"0440\"`",
    )
}

/// Writes a file mode as four octal digits (`0440`), which [`mode`] reads back from a text.
pub fn mode_text(bits: u32) -> String {
    format!("{bits:04o}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_octal() {
        for (text, expected) in [
            ("0440", 0o440),
            ("440", 0o440),
            ("0o440", 0o440),
            ("00440", 0o440),
            ("1777", 0o1777),
            ("0o1777", 0o1777),
            ("7777", 0o7777),
            ("0", 0),
            ("000", 0),
            ("7", 7),
        ] {
            assert_eq!(mode(Raw::Text(text)), Ok(expected), "{text}");
        }
        for text in ["", "0o", "0o0o440", "288", "448", "0x120", "+440", "-440", " 440", "rw-r--r--", "4.0", "４４０"]
        {
            assert!(mode(Raw::Text(text)).unwrap_err().message.contains("no file mode"), "{text}");
        }
        for text in ["10000", "0o10000", "77777777777777777777777"] {
            assert!(mode(Raw::Text(text)).unwrap_err().message.contains("more than the largest"), "{text}");
        }
    }

    #[test]
    fn every_usual_octal_literal_is_taken() {
        let usual = [
            0o000, 0o400, 0o440, 0o444, 0o500, 0o550, 0o555, 0o600, 0o640, 0o644, 0o660, 0o664, 0o666, 0o700, 0o711,
            0o740, 0o744, 0o750, 0o755, 0o770, 0o775, 0o777, 0o1700, 0o1770, 0o1777, 0o2770, 0o2775, 0o4755,
        ];
        for bits in usual {
            assert_eq!(mode(Raw::Int(i64::from(bits))), Ok(bits), "{bits:o}");
        }
    }

    #[test]
    fn octal_written_in_decimal_is_refused() {
        for number in [
            400, 440, 444, 500, 550, 555, 600, 640, 644, 660, 664, 666, 700, 711, 740, 744, 750, 755, 770, 775, 777,
            1700, 1770, 1777, 2770, 2775, 4755, 4777,
        ] {
            let error = mode(Raw::Int(number)).unwrap_err();
            assert!(error.message.contains("looks like an octal file mode"), "{number}: {error:?}");
            assert!(error.help.contains(&format!("`\"{number:04}\"`")), "{number}: {error:?}");
        }
        assert_eq!(
            mode(Raw::Int(440)).unwrap_err().help,
            "write `\"0440\"`; if the value 440 is meant, write `\"0670\"`"
        );
    }

    #[test]
    fn other_numbers_are_refused() {
        assert!(mode(Raw::Int(-1)).unwrap_err().message.contains("no file mode"));
        assert!(mode(Raw::Int(4096)).unwrap_err().message.contains("more than the largest"));
        assert!(mode(Raw::Int(i64::MAX)).unwrap_err().message.contains("more than the largest"));
        assert!(mode(Raw::Int(i64::MIN)).unwrap_err().message.contains("no file mode"));
        assert!(mode(Raw::Float(288.0)).unwrap_err().message.contains("no file mode"));
    }
}
