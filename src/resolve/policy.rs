//! How a later layer combines with an earlier one, attribute by attribute.

/// What becomes of a value that two layers set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// The later value stands alone.
    Replace,
    /// Tables combine key by key, each key by its own policy.
    ByKey,
    /// Lists of tables combine by what identifies an entry; new entries are added at the end.
    ByEntry(Identity),
    /// Options combine by key as long as both layers mean the same driver; another driver stands alone.
    ByDriver,
}

/// What identifies an entry of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// A mount's target, a slash at its end aside.
    Target,
    /// A config's or secret's file, by default its name.
    File(&'static str),
    /// A profile's name.
    Name,
}

/// The table: a path with `*` for any one key, and the policy there. Everything else is [`Policy::Replace`].
///
/// Sorted by path. The first block is about the layers of a server, the second about several config documents.
pub static TABLE: &[(&str, Policy)] = &[
    ("container_spec", Policy::ByKey),
    ("container_spec.configs", Policy::ByEntry(Identity::File("config_name"))),
    ("container_spec.env", Policy::ByKey),
    ("container_spec.labels", Policy::ByKey),
    ("container_spec.mounts", Policy::ByEntry(Identity::Target)),
    ("container_spec.secrets", Policy::ByEntry(Identity::File("secret_name"))),
    ("container_spec.sysctls", Policy::ByKey),
    ("container_spec.ulimits", Policy::ByKey),
    ("images", Policy::ByEntry(Identity::Name)),
    ("labels", Policy::ByKey),
    ("lints", Policy::ByKey),
    ("log_driver", Policy::ByDriver),
    ("naming", Policy::ByKey),
    ("swarm_configs", Policy::ByKey),
    ("swarm_secrets", Policy::ByKey),
    ("user_defaults", Policy::ByKey),
    ("user_options", Policy::ByKey),
    ("user_options.allow", Policy::ByKey),
    ("users", Policy::ByKey),
    ("users.*", Policy::ByKey),
    ("users.*.overrides", Policy::ByKey),
];

/// The policy at a path of keys from the root.
pub fn policy(path: &[&str]) -> Policy {
    match path {
        [] => return Policy::ByKey,
        // What two documents say of one user combines as two layers of a server do.
        ["users", _, "overrides", attribute @ ..] if !attribute.is_empty() => return policy(attribute),
        _ => {}
    }
    TABLE
        .iter()
        .find(|(pattern, _)| {
            let mut keys = path.iter();
            let fits = pattern.split('.').all(|want| keys.next().is_some_and(|key| want == "*" || want == *key));
            fits && keys.next().is_none()
        })
        .map_or(Policy::Replace, |(_, policy)| *policy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(TABLE.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn paths_find_their_policy() {
        assert_eq!(policy(&[]), Policy::ByKey);
        assert_eq!(policy(&["container_spec", "env"]), Policy::ByKey);
        assert_eq!(policy(&["container_spec", "env", "A"]), Policy::Replace);
        assert_eq!(policy(&["users", "alice", "overrides"]), Policy::ByKey);
        assert_eq!(policy(&["users", "alice", "overrides", "container_spec", "env"]), Policy::ByKey);
        assert_eq!(policy(&["users", "alice", "overrides", "placement"]), Policy::Replace);
        assert_eq!(policy(&["resource_spec"]), Policy::Replace);
    }
}
