//! Amounts as Go's parsers read them back exactly.

/// Writes nanoseconds as Go's `time.ParseDuration` reads them: `1m30s`, `1500ms`, `1ns`.
///
/// Parts of a second are whole numbers of the next smaller unit, so that no fraction is rounded.
pub(crate) fn duration(nanoseconds: i64) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let rest = nanoseconds.unsigned_abs();
    if rest == 0 {
        return "0s".to_owned();
    }
    for (unit, name) in [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us"), (1, "ns")] {
        if !rest.is_multiple_of(unit) {
            continue;
        }
        let count = rest / unit;
        if name != "s" {
            return format!("{sign}{count}{name}");
        }
        let mut text = sign.to_owned();
        for (count, name) in [(count / 3600, "h"), (count / 60 % 60, "m"), (count % 60, "s")] {
            if count > 0 {
                text.push_str(&format!("{count}{name}"));
            }
        }
        return text;
    }
    format!("{nanoseconds}ns")
}

/// Writes 10^-9ths of a CPU as a decimal of CPUs, which the CLI reads as an exact fraction: `1.5`.
pub(crate) fn cpus(nano: i64) -> String {
    let sign = if nano < 0 { "-" } else { "" };
    let (whole, part) = (nano.unsigned_abs() / 1_000_000_000, nano.unsigned_abs() % 1_000_000_000);
    if part == 0 {
        return format!("{sign}{whole}");
    }
    let text = format!("{sign}{whole}.{part:09}");
    text.trim_end_matches('0').to_owned()
}

/// Tells whether the CLI reads a count of bytes back exactly: it passes them through a 64-bit float.
pub(crate) fn bytes_survive(bytes: i64) -> bool {
    // 2^53: from here on not every whole number is a float.
    bytes.unsigned_abs() <= 1 << 53
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_exact() {
        for (nanoseconds, text) in [
            (0, "0s"),
            (1, "1ns"),
            (1_500, "1500ns"),
            (2_000, "2us"),
            (1_500_000_000, "1500ms"),
            (90_000_000_000, "1m30s"),
            (3_600_000_000_000, "1h"),
            (3_601_000_000_000, "1h1s"),
            (i64::MAX, "9223372036854775807ns"),
            (-90_000_000_000, "-1m30s"),
        ] {
            assert_eq!(duration(nanoseconds), text);
        }
    }

    #[test]
    fn cpus_are_exact() {
        for (nano, text) in [
            (0, "0"),
            (1, "0.000000001"),
            (1_500_000_000, "1.5"),
            (10_000_000_000, "10"),
            (250_000_000, "0.25"),
            (i64::MAX, "9223372036.854775807"),
        ] {
            assert_eq!(cpus(nano), text);
        }
    }
}
