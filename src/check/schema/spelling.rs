//! Which known word was meant by an unknown one.

/// The longest word, in bytes, that is compared with known ones, which are all far shorter.
pub(super) const LONGEST: usize = 256;

/// Finds the word that was most likely meant, if any is near enough.
///
/// Case, dashes and underscores do not count; else words may differ by one letter in three (Damerau-Levenshtein), or
/// agree in their beginning (Jaro-Winkler).
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > LONGEST {
        return None;
    }
    let plain = normalized(word);
    let limit = (plain.chars().count() / 3).clamp(1, 3);
    let mut best: Option<(usize, &str)> = None;
    for candidate in known {
        let other = normalized(candidate);
        if plain == other {
            return Some(candidate);
        }
        let distance = strsim::damerau_levenshtein(&plain, &other);
        let near = distance <= limit && distance < other.chars().count().min(plain.chars().count());
        let alike = plain.chars().count() > 3 && strsim::jaro_winkler(&plain, &other) >= 0.93;
        if (near || alike) && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Drops what people write differently without meaning anything else: `MaxReplicas`, `max-replicas`, `max_replicas`.
pub(super) fn normalized(word: &str) -> String {
    word.chars().filter(|c| !matches!(c, '_' | '-' | ' ' | '.')).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_mistakes_are_mended() {
        let known = ["constraints", "preferences", "platforms", "maxreplicas"];
        for (word, meant) in [
            ("constraint", Some("constraints")),
            ("contsraints", Some("constraints")),
            ("max_replicas", Some("maxreplicas")),
            ("MaxReplicas", Some("maxreplicas")),
            ("zone", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), meant, "{word}");
        }
        assert_eq!(nearest("vpi", ["vip", "dnsrr"]), Some("vip"));
        assert_eq!(nearest("x", ["vip", "y"]), None);
        assert_eq!(nearest(&"constraints".repeat(2), ["constraintsconstraint"]), Some("constraintsconstraint"));
        assert_eq!(nearest(&"constraints".repeat(30), [&*"constraint".repeat(33)]), None);
    }
}
