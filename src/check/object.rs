//! What the engine takes as a Swarm config or secret.

/// The most characters of a name.
pub const MOST_NAME: usize = 64;
/// The most bytes of a Swarm config.
pub const MOST_OF_CONFIG: usize = 1_023_999;
/// The most bytes of a Swarm secret.
pub const MOST_OF_SECRET: usize = 511_999;

/// The engine's rule for these names.
pub fn is_name(name: &str) -> bool {
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    name.len() <= MOST_NAME
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
