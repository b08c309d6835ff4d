//! The grammar of placement constraints and preferences.

/// Why the engine would refuse a constraint, if it would.
///
/// Source: swarmkit's `manager/constraint/constraint.go`.
pub fn constraint_problem(constraint: &str) -> Option<String> {
    let (key, value) = match (constraint.find("!="), constraint.find("==")) {
        (Some(not), Some(is)) if is < not => (&constraint[..is], &constraint[is + 2..]),
        (Some(at), _) | (None, Some(at)) => (&constraint[..at], &constraint[at + 2..]),
        (None, None) => return Some("it has neither `==` nor `!=`".to_owned()),
    };
    let (key, value) = (key.trim(), value.trim());
    let key_fits = key.len() > 1
        && key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if !key_fits {
        return Some("its left side is no attribute of a node".to_owned());
    }
    let in_value = |c: char| c.is_ascii_alphanumeric() || c.is_ascii_whitespace() || ":-_.*()?+[]\\^$|/".contains(c);
    if value.is_empty() {
        return Some("its right side is empty".to_owned());
    }
    if !value.chars().all(in_value) {
        return Some("its right side holds a character that constraints cannot".to_owned());
    }
    None
}

/// The descriptor of a preference, `spread=DESCRIPTOR`.
pub fn spread_descriptor(preference: &str) -> Option<&str> {
    let (strategy, descriptor) = preference.split_once('=')?;
    (strategy.trim().eq_ignore_ascii_case("spread") && !descriptor.trim().is_empty()).then(|| descriptor.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraints() {
        for good in ["node.role==worker", "node.labels.a != b", " node.id == 2ivku8 ", "engine.labels.x==a b"] {
            assert_eq!(constraint_problem(good), None, "{good}");
        }
        for bad in ["node.role", "node.role=worker", "==x", "node.labels.a==", "node.role==a,b", "node.r*==x"] {
            assert!(constraint_problem(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn preferences() {
        assert_eq!(spread_descriptor("spread=node.labels.rack"), Some("node.labels.rack"));
        assert_eq!(spread_descriptor("node.labels.rack"), None);
        assert_eq!(spread_descriptor("binpack=x"), None);
    }
}
