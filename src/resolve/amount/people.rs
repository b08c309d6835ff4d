//! Amounts as people read them: rounded, and in words.

use crate::ir::Resources;

use super::cpus_text;

/// Writes bytes for people: `1.5 GiB`.
pub fn bytes_shown(bytes: i64) -> String {
    const UNITS: [(u32, &str); 4] = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
    match UNITS.iter().find(|(shift, _)| bytes >> shift > 0) {
        Some((shift, word)) => {
            let number = (bytes as f64 / (1_i64 << shift) as f64 * 100.0).round() / 100.0;
            format!("{number} {word}")
        }
        None => format!("{bytes} bytes"),
    }
}

/// Writes a kind of generic resource for people: `gpu` is a GPU.
pub fn kind_shown(kind: &str) -> String {
    if kind.len() <= 4 { kind.to_uppercase() } else { kind.to_owned() }
}

/// What a server may use, a name and an amount each; nothing where nothing is limited or set aside.
pub fn resources_shown(resources: &Resources) -> Vec<(String, String)> {
    let amount = |limit: Option<String>, set_aside: Option<String>| match (limit, set_aside) {
        (Some(limit), Some(set_aside)) if limit == set_aside => Some(format!("{limit}, guaranteed")),
        (Some(limit), Some(set_aside)) => Some(format!("{limit} ({set_aside} guaranteed)")),
        (Some(limit), None) => Some(limit),
        (None, Some(set_aside)) => Some(format!("{set_aside} guaranteed")),
        (None, None) => None,
    };
    let some = |amount: Option<i64>| amount.filter(|amount| *amount > 0);
    let cpus = amount(some(resources.cpu_limit).map(cpus_text), some(resources.cpu_reservation).map(cpus_text));
    let memory = amount(some(resources.mem_limit).map(bytes_shown), some(resources.mem_reservation).map(bytes_shown));
    let named = [("CPUs", cpus), ("Memory", memory)].into_iter();
    let counted = resources.generic_resources.iter().map(|(kind, count)| (kind_shown(kind), count.to_string()));
    named.filter_map(|(name, amount)| Some((name.to_owned(), amount?))).chain(counted).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_units_that_fit() {
        for (bytes, shown) in [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1024, "1 KiB"),
            (536_870_912, "512 MiB"),
            (1_610_612_736, "1.5 GiB"),
            (8_345_821_184, "7.77 GiB"),
            (i64::MAX, "8388608 TiB"),
        ] {
            assert_eq!(bytes_shown(bytes), shown, "{bytes}");
        }
        assert_eq!([kind_shown("gpu"), kind_shown("licences")], ["GPU", "licences"]);
    }
}
