//! Judgements: what is well-formed and yet not what anybody wants.
//!
//! A rule is a function in a file of its own that returns findings. Rules about a document see its tree before it is
//! merged; rules about a server see its service and the merged tree that it came from, spans and all.

mod bad_bound;
mod bind_by_username;
mod bound_beyond_profile;
mod contradictory_constraints;
mod docker_socket;
mod duplicate_profile;
mod floating_tag;
mod folded_name;
mod health_test;
mod host_keys_unchecked;
mod host_network;
mod hub_name;
mod hub_variable;
pub mod lossy_number;
mod name_from_user;
mod no_network;
mod node_local_volume;
mod not_a_key;
pub mod not_per_user;
mod object_name;
mod object_size;
mod open_mounts;
mod open_notebook;
mod plain_secret;
mod read_only_anonymous_volume;
mod reservation_above_limit;
mod restricted_default;
mod service_size;
mod shared_sshfs;
mod shared_volume;
mod target_clash;
mod unit_slip;
mod unknown_access;
mod unknown_node_attribute;
mod unknown_option;
mod unused_attribute;
mod unused_profile;

use std::sync::Arc;

use crate::diag::{Code, Diagnostic, Diagnostics, code};
use crate::ir::{Mount, Service};
use crate::source::{Node, Span};

/// The tree of one profile's servers, for the rules that need nothing of a single server: they are asked once for each
/// profile, unless a user's own layers change the tree.
pub struct SpecView<'a> {
    /// The merged tree.
    pub spec: &'a Node,
    /// The name of the hub's service.
    pub hub: Option<&'a str>,
    /// Tells whether a node's text is sent as it stands in a config document.
    pub is_literal: &'a dyn Fn(&Node) -> bool,
    /// How the document spells a node.
    pub spelling: &'a dyn Fn(&Node) -> Option<String>,
    /// Tells whether how the document spells a node must not be shown.
    pub is_hidden: &'a dyn Fn(&Node) -> bool,
    /// Tells whether what has this name is a secret.
    pub is_secret: &'a dyn Fn(&str) -> bool,
    /// Tells whether the config keeps this variable from the hub.
    pub keeps: &'a dyn Fn(&str) -> bool,
}

/// One server, for the rules about servers.
pub struct ServerView<'a> {
    /// What will be sent.
    pub service: &'a Service,
    /// The merged tree that it came from.
    pub spec: &'a Node,
    /// The name of the hub's service.
    pub hub: Option<&'a str>,
    /// Where the config names the hub's service.
    pub hub_span: Option<Span>,
    /// Tells whether the text of a node can differ from user to user.
    pub varies: &'a dyn Fn(&Node) -> bool,
    /// Tells the same of all texts below a node, and of what the attributes say that they name.
    pub differs: &'a dyn Fn(&Node) -> bool,
    /// Tells whether users have this attribute, each with a value of its own.
    pub own: &'a dyn Fn(&str) -> bool,
    /// The first name in a node's template whose value its user may have chosen; not what is last given to one of these
    /// filters.
    pub chosen: &'a dyn Fn(&Node, &[&str]) -> Option<String>,
    /// The same where a name in DNS is made: what else somebody can choose there.
    pub chosen_in_dns: &'a dyn Fn(&Node, &[&str]) -> Option<String>,
    /// Whether `{name}` tells nothing of the username.
    pub hidden: bool,
    /// Whether `{name}` is each user's own, also among users that are not listed.
    pub owned: bool,
    /// Whether the user is a stand-in.
    pub probe: bool,
    /// Whether the servers of others, who are not listed, are not compared with this one.
    pub others: bool,
    /// Whether only one user may use the profile.
    pub lone: bool,
}

/// One profile, for the rules about configs.
pub struct ProfileView<'a> {
    /// Its name.
    pub name: &'a str,
    /// The config's tree with the profile laid over it.
    pub spec: &'a Node,
    /// The profile as its document writes it; `None` for the one of a config without `images`.
    pub entry: Option<&'a Node>,
    /// The entries of its `access`, from the document or a file; `None` if everybody may use it.
    pub access: Option<&'a [(Arc<str>, Span)]>,
    /// How many of the listed users may use it.
    pub admitted: usize,
}

/// An amount in its key's unit, or what is wrong with it and what helps.
pub type Measured = Result<f64, (String, String)>;

/// A whole config, for the rules about configs.
pub struct ConfigView<'a> {
    /// All documents merged, without `users`.
    pub root: &'a Node,
    /// The profiles, in their order.
    pub profiles: Vec<ProfileView<'a>>,
    /// How many users are listed; none means that the hub alone knows them.
    pub users: usize,
    /// Tells whether a user of this name is listed.
    pub has_user: &'a dyn Fn(&str) -> bool,
    /// Tells whether a listed user is in this group.
    pub has_group: &'a dyn Fn(&str) -> bool,
    /// The listed user whose name is closest; looks at all of them.
    pub near_user: &'a dyn Fn(&str) -> Option<&'a str>,
    /// The group of a listed user whose name is closest; looks at all of them.
    pub near_group: &'a dyn Fn(&str) -> Option<&'a str>,
    /// Where the first listed user stands whose owner name holds capitals, and how many there are.
    pub capitals: Option<(Span, usize)>,
    /// How many listed users choose no profile and may not use the first one.
    pub passed_over: usize,
    /// The names of the attributes that users have, and where each is first named.
    pub attributes: &'a [(Arc<str>, Span)],
    /// Tells whether a template of the config names this attribute.
    pub uses: &'a dyn Fn(&str) -> bool,
    /// Reads a value as its key takes it, for comparing.
    pub measure: &'a dyn Fn(&str, &Node) -> Measured,
    /// Tells whether the text of a node can differ from user to user.
    pub varies: &'a dyn Fn(&Node) -> bool,
    /// How many bytes a reference to a file or a variable leads to, as a secret or else as it is; some number above the
    /// one given where there are more, and none where it cannot be told.
    pub size: &'a dyn Fn(&Node, bool, usize) -> Option<usize>,
}

/// A rule about a whole config.
pub type ConfigRule = fn(&ConfigView<'_>) -> Vec<Diagnostic>;
/// A rule about one document.
pub type DocumentRule = fn(&Node) -> Vec<Diagnostic>;
/// A rule about the tree of a profile's servers.
pub type SpecRule = fn(&SpecView<'_>) -> Vec<Diagnostic>;
/// A rule about one server.
#[derive(Debug)]
pub struct ServerRule {
    /// The code of what it finds.
    pub code: &'static Code,
    /// Tells what it finds.
    pub check: fn(&ServerView<'_>) -> Vec<Diagnostic>,
    /// The parts of the tree that it looks at, keys joined by dots, `*` for each item of a list. Where none of them differs
    /// from server to server of a profile, the rule is asked once.
    pub reads: &'static [&'static str],
}

/// A rule about one mount of a server.
#[derive(Debug)]
pub struct MountRule {
    /// The code of what it finds.
    pub code: &'static Code,
    /// Tells what it finds.
    pub check: fn(&ServerView<'_>, &Mount, &Node) -> Option<Diagnostic>,
    /// The parts of the tree that it looks at besides the mount. Where neither they nor the mount differ from server to
    /// server of a profile, the rule is asked once.
    pub reads: &'static [&'static str],
}

/// The nodes of a tree that a rule reads.
pub fn nodes<'n>(reads: &'static [&'static str], spec: &'n Node) -> impl Iterator<Item = &'n Node> {
    reads.iter().flat_map(move |path| {
        path.split('.').fold(vec![spec], |nodes, key| match key {
            "*" => nodes.into_iter().filter_map(Node::as_seq).flatten().collect(),
            key => nodes.into_iter().filter_map(|node| node.get(key)).collect(),
        })
    })
}

/// The nodes of a tree's mounts.
pub fn mount_nodes(spec: &Node) -> &[Node] {
    let container = spec.get("container_spec");
    container.and_then(|container| container.get("mounts")).and_then(Node::as_seq).unwrap_or_default()
}

/// The rules about documents, sorted by code.
pub static DOCUMENT_RULES: &[(&Code, DocumentRule)] = &[(&code::DUPLICATE_PROFILE, duplicate_profile::check)];

/// The rules about whole configs, sorted by code.
pub static CONFIG_RULES: &[(&Code, ConfigRule)] = &[
    (&code::UNKNOWN_KEY, unknown_option::check),
    (&code::BAD_REFERENCE, object_name::check),
    (&code::UNKNOWN_ACCESS, unknown_access::check),
    (&code::UNUSED_PROFILE, unused_profile::check),
    (&code::RESTRICTED_DEFAULT, restricted_default::check),
    (&code::UNUSED_ATTRIBUTE, unused_attribute::check),
    (&code::BAD_BOUND, bad_bound::check),
    (&code::BOUND_BEYOND_PROFILE, bound_beyond_profile::check),
    (&code::OPEN_MOUNTS, open_mounts::check),
    (&code::OBJECT_SIZE, object_size::check),
    (&code::FOLDED_NAME, folded_name::check),
    (&code::UNIT_SLIP, unit_slip::check_config),
    (&code::HOST_KEYS_UNCHECKED, host_keys_unchecked::check),
];

/// The rules about the trees of servers, sorted by code.
pub static SPEC_RULES: &[(&Code, SpecRule)] = &[
    (&code::HUB_VARIABLE, hub_variable::check),
    (&code::PLAIN_SECRET, plain_secret::check),
    (&code::LOSSY_NUMBER, lossy_number::check),
];

/// The rules about servers, sorted by code.
pub static SERVER_RULES: &[ServerRule] = &[
    ServerRule { code: &code::FLOATING_TAG, check: floating_tag::check, reads: &["image"] },
    ServerRule { code: &code::HUB_NAME_TAKEN, check: hub_name::check, reads: &["container_spec.hostname", "networks"] },
    ServerRule {
        code: &code::CONTRADICTORY_CONSTRAINTS,
        check: contradictory_constraints::check,
        reads: &["placement"],
    },
    ServerRule {
        code: &code::RESERVATION_ABOVE_LIMIT,
        check: reservation_above_limit::check,
        reads: &["resource_spec"],
    },
    ServerRule {
        code: &code::NAME_FROM_USER,
        check: name_from_user::check,
        reads: &["container_spec.hostname", "networks"],
    },
    ServerRule { code: &code::NO_NETWORK, check: no_network::check, reads: &["networks"] },
    ServerRule { code: &code::HOST_NETWORK, check: host_network::check, reads: &["networks"] },
    ServerRule {
        code: &code::OPEN_NOTEBOOK,
        check: open_notebook::check,
        reads: &["container_spec.command", "container_spec.args", "networks", "endpoint_spec"],
    },
    ServerRule {
        code: &code::OBJECT_SIZE,
        check: service_size::check,
        reads: &["container_spec", "image", "labels", "log_driver", "networks", "placement"],
    },
    ServerRule { code: &code::UNKNOWN_NODE_ATTRIBUTE, check: unknown_node_attribute::check, reads: &["placement"] },
    ServerRule {
        code: &code::UNIT_SLIP,
        check: unit_slip::check,
        reads: &[
            "container_spec.healthcheck",
            "container_spec.stop_grace_period",
            "resource_spec",
            "restart_policy",
            "rollback_config",
            "update_config",
        ],
    },
    ServerRule { code: &code::HEALTH_TEST, check: health_test::check, reads: &["container_spec.healthcheck"] },
    ServerRule {
        code: &code::TARGET_CLASH,
        check: target_clash::check,
        reads: &["container_spec.mounts.*.target", "container_spec.configs", "container_spec.secrets"],
    },
    ServerRule {
        code: &code::NOT_PER_USER,
        check: not_per_user::check,
        reads: &["container_spec.hostname", "container_spec.mounts", "endpoint_spec", "networks"],
    },
    ServerRule {
        code: &code::SHARED_ALIAS,
        check: not_per_user::check_aliases,
        reads: &["container_spec.hostname", "networks"],
    },
];

/// The rules about single mounts, sorted by code.
pub static MOUNT_RULES: &[MountRule] = &[
    MountRule { code: &code::SHARED_VOLUME, check: shared_volume::check, reads: &[] },
    MountRule { code: &code::DOCKER_SOCKET, check: docker_socket::check, reads: &[] },
    MountRule { code: &code::BIND_BY_USERNAME, check: bind_by_username::check, reads: &[] },
    MountRule { code: &code::NODE_LOCAL_VOLUME, check: node_local_volume::check, reads: &["placement"] },
    MountRule { code: &code::READ_ONLY_ANONYMOUS_VOLUME, check: read_only_anonymous_volume::check, reads: &[] },
    MountRule { code: &code::SHARED_SSHFS, check: shared_sshfs::check, reads: &[] },
    MountRule { code: &code::UNIT_SLIP, check: unit_slip::check_mount, reads: &[] },
    MountRule { code: &code::NOT_A_KEY, check: not_a_key::check, reads: &[] },
];

/// Applies the rules about documents.
pub fn document(root: &Node, diagnostics: &mut Diagnostics) {
    for (_, rule) in DOCUMENT_RULES {
        diagnostics.extend(rule(root));
    }
}

/// Applies the rules about whole configs.
pub fn config(view: &ConfigView<'_>) -> Vec<Diagnostic> {
    CONFIG_RULES.iter().flat_map(|(_, rule)| rule(view)).collect()
}

/// Applies the rules about the trees of servers.
pub fn spec(view: &SpecView<'_>) -> Vec<Diagnostic> {
    SPEC_RULES.iter().flat_map(|(_, rule)| rule(view)).collect()
}

/// Applies those of the rules about servers that `asked` picks by their index.
pub fn server(view: &ServerView<'_>, asked: impl Fn(usize) -> bool) -> Vec<Diagnostic> {
    let rules = SERVER_RULES.iter().enumerate().filter(|(index, _)| asked(*index));
    rules.flat_map(|(_, rule)| (rule.check)(view)).collect()
}

/// Applies those of the rules about mounts that `asked` picks by the rule's and the mount's index; none if some mounts
/// could not be made.
pub fn mounts(view: &ServerView<'_>, asked: impl Fn(usize, usize) -> bool) -> Vec<Diagnostic> {
    let (mounts, nodes) = (&view.service.container.mounts, mount_nodes(view.spec));
    let mut findings = Vec::new();
    for (index, (mount, node)) in mounts.iter().zip(nodes).enumerate().filter(|_| mounts.len() == nodes.len()) {
        let rules = MOUNT_RULES.iter().enumerate().filter(|(rule, _)| asked(*rule, index));
        findings.extend(rules.filter_map(|(_, rule)| (rule.check)(view, mount, node)));
    }
    findings
}

/// Tells whether SG228 is about a mount, allowed or not: an sshfs volume of one name for all, with options of each user's.
pub fn is_shared_sshfs(view: &ServerView<'_>, mount: usize) -> bool {
    let found = view.service.container.mounts.get(mount).zip(mount_nodes(view.spec).get(mount));
    found.is_some_and(|(mount, node)| shared_sshfs::different(view, mount, node).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registries_are_sorted() {
        assert!(CONFIG_RULES.windows(2).all(|pair| pair[0].0.id < pair[1].0.id));
        assert!(DOCUMENT_RULES.windows(2).all(|pair| pair[0].0.id < pair[1].0.id));
        assert!(SPEC_RULES.windows(2).all(|pair| pair[0].0.id < pair[1].0.id));
        assert!(SERVER_RULES.windows(2).all(|pair| pair[0].code.id < pair[1].code.id));
        assert!(MOUNT_RULES.windows(2).all(|pair| pair[0].code.id < pair[1].code.id));
    }
}
