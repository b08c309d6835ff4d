//! The grammar of the names of Swarm configs and secrets.

/// The engine's rule for these names.
pub fn is_name(name: &str) -> bool {
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    name.len() <= 64
        && ends(name.chars().next())
        && ends(name.chars().next_back())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert!(is_name("a") && is_name("a.b_c-1"));
        assert!(!is_name("") && !is_name("-a") && !is_name("a b") && !is_name(&"a".repeat(65)));
    }
}
