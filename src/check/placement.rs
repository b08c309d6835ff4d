//! The grammar of placement constraints and preferences.

/// A constraint's parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Constraint<'a> {
    /// The attribute of a node.
    pub key: &'a str,
    /// Whether it must have the value, or must not.
    pub equal: bool,
    /// The value.
    pub value: &'a str,
}

/// Takes a constraint apart at its operator.
pub fn parse(constraint: &str) -> Option<Constraint<'_>> {
    let (at, equal) = match (constraint.find("!="), constraint.find("==")) {
        (Some(not), Some(is)) if is < not => (is, true),
        (Some(at), _) => (at, false),
        (None, Some(at)) => (at, true),
        (None, None) => return None,
    };
    Some(Constraint { key: constraint[..at].trim(), equal, value: constraint[at + 2..].trim() })
}

/// Why the engine would refuse a constraint, if it would.
///
/// Source: swarmkit's `manager/constraint/constraint.go`.
pub fn constraint_problem(constraint: &str) -> Option<String> {
    let Some(Constraint { key, value, .. }) = parse(constraint) else {
        return Some("it has neither `==` nor `!=`".to_owned());
    };
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

/// The constraint that was meant by one with a single `=`, as the grammar of preferences has it.
pub fn meant_constraint(constraint: &str) -> Option<String> {
    let (key, value) = constraint.split_once('=')?;
    let meant = format!("{key}=={value}");
    (!value.contains('=') && constraint_problem(&meant).is_none()).then_some(meant)
}

/// The preference that was meant by a label alone.
pub fn meant_preference(preference: &str) -> Option<String> {
    let label = preference.trim();
    let named = |prefix| label.strip_prefix(prefix).is_some_and(|name: &str| !name.is_empty());
    let is_label = named("node.labels.") || named("engine.labels.");
    (is_label && !label.contains(['=', ' '])).then(|| format!("spread={label}"))
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

    #[test]
    fn what_was_meant() {
        assert_eq!(meant_constraint("node.role=worker").as_deref(), Some("node.role==worker"));
        for unclear in ["node.role", "node.role=", "=x", "a=b=c", "node.role=!worker"] {
            assert_eq!(meant_constraint(unclear), None, "{unclear}");
        }
        assert_eq!(meant_preference("node.labels.rack").as_deref(), Some("spread=node.labels.rack"));
        for unclear in ["node.hostname", "node.labels.", "binpack=node.labels.rack", "rack"] {
            assert_eq!(meant_preference(unclear), None, "{unclear}");
        }
    }
}
