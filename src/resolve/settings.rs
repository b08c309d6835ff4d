//! What a document says besides the service attributes.

use std::collections::HashSet;
use std::sync::Arc;

use crate::diag::{Diagnostic, Diagnostics, code};
use crate::source::{Entry, Map, Node, Span, Value};

use super::amount::{self, Raw};
use super::naming::Scheme;
use super::secret::is_reference;
use super::upload;

/// JupyterHub's default for how long a server may take to start, in nanoseconds (`Spawner.start_timeout`: 60 s).
const START_TIMEOUT: i64 = 60_000_000_000;

/// What becomes of a server that runs and that the config would make otherwise now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnChanged {
    /// It stays as it is until it is stopped.
    #[default]
    Keep,
    /// It is replaced when its user starts it again.
    Replace,
}

impl OnChanged {
    /// The config's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Replace => "replace",
        }
    }
}

/// A document's settings, with their defaults.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The deployment's name, which stands in labels; by default the prefix.
    pub deployment: Arc<str>,
    /// The name of the hub's service; `None` where there is no hub.
    pub hub: Option<Arc<str>>,
    /// Where it is named.
    pub hub_span: Option<Span>,
    /// The first part of every service's name.
    pub prefix: Arc<str>,
    /// Where the prefix is set.
    pub prefix_span: Option<Span>,
    /// The port that a server listens on.
    pub port: u16,
    /// The directory that a server shows; a template.
    pub notebook_dir: Option<Node>,
    /// How long a server may take to start, in nanoseconds.
    pub start_timeout: i64,
    /// How owners are named.
    pub scheme: Scheme,
    /// Whether a request may choose a profile.
    pub use_user_options: bool,
    /// Variables that the config keeps from the hub.
    pub env_override: HashSet<Arc<str>>,
    /// Names of the hub's user attributes that templates may use.
    pub user_format_attributes: Vec<Arc<str>>,
    /// Which attributes are secrets.
    pub secret_names: SecretNames,
    /// What becomes of a running server that the config would make otherwise now.
    pub on_changed: OnChanged,
    /// Whether a request may bring files.
    pub uploads: bool,
    /// The extensions that these may have.
    pub upload_extensions: Vec<Arc<str>>,
    /// Where they appear in the container.
    pub upload_directory: Arc<str>,
}

impl Settings {
    /// Reads a document's settings.
    pub fn read(root: &Node, diagnostics: &mut Diagnostics) -> Self {
        for key in ["deployment", "jupyterhub_service_name", "service_prefix"] {
            diagnostics.extend(root.get(key).and_then(|node| no_template(key, node)));
        }
        let text = |key: &str| root.get(key).and_then(Node::as_str).map(Arc::<str>::from);
        let list = |key: &str| strings(root.get(key));
        let prefix = text("service_prefix").unwrap_or_else(|| "jupyter".into());
        Self {
            deployment: text("deployment").unwrap_or_else(|| Arc::clone(&prefix)),
            hub: text("jupyterhub_service_name").filter(|name| !name.is_empty()),
            hub_span: root.get("jupyterhub_service_name").map(|node| node.span),
            prefix,
            prefix_span: root.get("service_prefix").map(|node| node.span),
            port: port(root, diagnostics),
            notebook_dir: root.get("notebook_dir").cloned(),
            start_timeout: seconds(root, "start_timeout", START_TIMEOUT, diagnostics),
            scheme: root
                .get("naming")
                .and_then(|naming| naming.get("scheme"))
                .and_then(Node::as_str)
                .and_then(Scheme::find)
                .unwrap_or(Scheme::Sha256),
            use_user_options: root.get("use_user_options").and_then(Node::as_bool).unwrap_or(false),
            env_override: list("env_override").into_iter().collect(),
            user_format_attributes: list("user_format_attributes"),
            secret_names: SecretNames::new(root.get("secret_attributes")),
            on_changed: match root.get("on_changed").and_then(Node::as_str) {
                Some("replace") => OnChanged::Replace,
                _ => OnChanged::Keep,
            },
            uploads: root.get("enable_user_upload_install_files").and_then(Node::as_bool).unwrap_or(false),
            upload_extensions: match root.get("allowed_user_upload_extensions") {
                Some(node) => strings(Some(node)),
                None => vec![".txt".into()],
            },
            upload_directory: text("user_upload_destination_directory").unwrap_or_else(|| upload::DIRECTORY.into()),
        }
    }
}

/// The port, also where it is written as text.
fn port(root: &Node, diagnostics: &mut Diagnostics) -> u16 {
    const DEFAULT: u16 = 8888;
    let Some(node) = root.get("service_port") else { return DEFAULT };
    let port = match &node.value {
        Value::Str(text) => text.trim().parse().ok(),
        _ => node.as_int().and_then(|port| u16::try_from(port).ok()),
    };
    port.filter(|port| *port != 0).unwrap_or_else(|| {
        diagnostics.push(
            Diagnostic::new(&code::OUT_OF_RANGE, "`service_port` must be a whole number, from 1 to 65535")
                .at(node.span, ""),
        );
        DEFAULT
    })
}

/// What is the same for all users takes no templates.
pub(super) fn no_template(key: &str, node: &Node) -> Option<Diagnostic> {
    (!is_plain(node)).then(|| {
        Diagnostic::new(&code::BAD_VALUE, format!("`{key}` is the same for all users and takes no template"))
            .at(node.span, "")
            .help("write it out")
    })
}

/// What says who may do what takes no templates either: that is known before there is a server.
fn no_template_of_users(key: &str, node: &Node) -> Option<Diagnostic> {
    (!is_plain(node)).then(|| {
        Diagnostic::new(&code::BAD_VALUE, format!("`{key}` takes no template")).at(node.span, "").help("write it out")
    })
}

/// Tells whether a text holds no template.
fn is_plain(node: &Node) -> bool {
    use super::scope::BUILTINS;
    use super::template::{Segment, segments};
    node.as_str().is_none_or(|text| {
        segments(text).all(|segment| match segment {
            Segment::Literal(_) => true,
            Segment::Angle { path, .. } => !BUILTINS.contains(&path),
            _ => false,
        })
    })
}

/// Finds templates in texts that are taken as they are, besides those of which [`Settings`] and profiles are made.
pub(super) fn check_literals(root: &Node, diagnostics: &mut Diagnostics) {
    fn items(node: Option<&Node>) -> &[Node] {
        node.and_then(Node::as_seq).unwrap_or_default()
    }
    fn entries(node: Option<&Node>) -> impl Iterator<Item = &Entry> {
        node.and_then(Node::as_map).into_iter().flatten()
    }
    for profile in items(root.get("images")) {
        let access = profile.get("access");
        diagnostics.extend(items(access).iter().filter_map(|entry| no_template_of_users("access", entry)));
        diagnostics.extend(access.and_then(|access| no_template("file", access.get("file")?)));
        diagnostics.extend(profile.get("description").and_then(|node| no_template("description", node)));
    }
    for option in entries(root.get("user_options").and_then(|options| options.get("allow"))) {
        let values = items(option.value.get("values")).iter();
        diagnostics.extend(values.filter_map(|value| no_template_of_users("values", value)));
    }
    for user in entries(root.get("users")) {
        let groups = user.value.get("groups");
        let groups = groups.into_iter().chain(items(groups));
        diagnostics.extend(groups.filter_map(|group| no_template_of_users("groups", group)));
        diagnostics.extend(user.value.get("profile").and_then(|node| no_template_of_users("profile", node)));
    }
    for config in entries(root.get("swarm_configs")) {
        let refused = config.value.get("content").and_then(|node| no_template("content", node));
        diagnostics.extend(refused.map(|found| found.help("put text with braces that is meant so into a `file`")));
        diagnostics.extend(config.value.get("file").and_then(|node| no_template("file", node)));
    }
    let secrets = entries(root.get("swarm_secrets")).map(|secret| ("swarm_secrets", &secret.value));
    for (key, secret) in secrets.chain(root.get("key").map(|key| ("key", key))) {
        let texts = ["file", "env"].into_iter().filter_map(|key| secret.get(key)).chain(items(secret.get("command")));
        diagnostics.extend(texts.filter_map(|text| no_template(key, text)));
    }
}

/// The strings of a list; nothing for anything else.
pub fn strings(node: Option<&Node>) -> Vec<Arc<str>> {
    let items = node.and_then(Node::as_seq).unwrap_or_default();
    items.iter().filter_map(|item| item.as_str().map(Arc::from)).collect()
}

fn seconds(root: &Node, key: &str, default: i64, diagnostics: &mut Diagnostics) -> i64 {
    let Some(node) = root.get(key) else { return default };
    let Some(raw) = raw(&node.value) else { return default };
    amount::duration(raw).unwrap_or_else(|error| {
        diagnostics.push(Diagnostic::new(&code::BAD_AMOUNT, error.message).at(node.span, "").help(error.help));
        default
    })
}

/// A scalar as an amount's parser takes it.
pub fn raw(value: &Value) -> Option<Raw<'_>> {
    match value {
        Value::Int(number) => Some(Raw::Int(*number)),
        Value::Float(number) => Some(Raw::Float(*number)),
        Value::Str(text) => Some(Raw::Text(text)),
        _ => None,
    }
}

/// Which attributes hold secrets, told by their names.
#[derive(Clone, Debug)]
pub struct SecretNames {
    patterns: Vec<Arc<str>>,
}

impl Default for SecretNames {
    fn default() -> Self {
        let patterns = ["password", "id_rsa", "token", "*_password", "*_key", "*_token"];
        Self { patterns: patterns.into_iter().map(Arc::from).collect() }
    }
}

impl SecretNames {
    /// Takes the patterns of `secret_attributes`: names, with `*` at the start for any beginning.
    pub fn new(node: Option<&Node>) -> Self {
        match node {
            Some(node) => Self { patterns: strings(Some(node)) },
            None => Self::default(),
        }
    }

    /// Tells whether an attribute of this name holds a secret; case does not matter.
    pub fn matches(&self, name: &str) -> bool {
        self.patterns.iter().any(|pattern| match pattern.strip_prefix('*') {
            Some(end) => {
                name.len() >= end.len()
                    && name.as_bytes()[name.len() - end.len()..].eq_ignore_ascii_case(end.as_bytes())
            }
            None => name.eq_ignore_ascii_case(pattern),
        })
    }

    /// Tells whether a name is, or could be a slip of the pen for, that of a secret: what diagnostics hide.
    fn resembles(&self, name: &str) -> bool {
        if self.matches(name) {
            return true;
        }
        let folded = name.to_lowercase();
        let last = folded.rsplit(['_', '-']).next().unwrap_or_default();
        self.patterns.iter().any(|pattern| {
            let word = pattern.trim_start_matches(['*', '_']);
            // A short word with another letter is another word.
            let most = if word.len() < 5 { 0 } else { word.len() / 3 };
            let near = |name: &&str| {
                name.len().abs_diff(word.len()) <= most
                    && !lacks(name, word, most)
                    && strsim::osa_distance(name, word) <= most
            };
            most > 0 && (near(&&*folded) || (last.len() < folded.len() && near(&last)))
        })
    }

    /// Visits every literal string below a node that stands under a secret's name, or one that resembles it: a mistyped
    /// key is an error whose snippet would show the value.
    pub fn visit_literals(&self, node: &Node, visit: &mut impl FnMut(&Node)) {
        match &node.value {
            Value::Map(map) => self.visit_map(map, visit),
            Value::Seq(items) => items.iter().for_each(|item| self.visit_literals(item, visit)),
            _ => {}
        }
    }

    /// Visits every value of an entry that no template is, such as a users file's, if it stands under a secret's name.
    pub fn visit_data(&self, entry: &Entry, visit: &mut impl FnMut(&Node)) {
        self.visit_below(&entry.value, self.matches(&entry.key), visit);
    }

    fn visit_below(&self, node: &Node, secret: bool, visit: &mut impl FnMut(&Node)) {
        match &node.value {
            Value::Map(map) => {
                map.iter().for_each(|entry| self.visit_below(&entry.value, secret || self.matches(&entry.key), visit));
            }
            Value::Seq(items) => items.iter().for_each(|item| self.visit_below(item, secret, visit)),
            _ if secret => visit(node),
            _ => {}
        }
    }

    fn visit_map(&self, map: &Map, visit: &mut impl FnMut(&Node)) {
        for entry in map {
            let secret = || self.resembles(&entry.key);
            match &entry.value.value {
                Value::Str(text) if has_literal(text) && secret() => visit(&entry.value),
                Value::Int(_) | Value::Float(_) if secret() => visit(&entry.value),
                // A reference with a mistyped key may hold the secret itself.
                Value::Map(map) if !is_reference(map) && secret() => self.visit_below(&entry.value, true, visit),
                _ => self.visit_literals(&entry.value, visit),
            }
        }
    }
}

/// Tells whether more than so many letters of a word are nowhere in a name: no fewer edits lead from one to the other, and
/// it is quicker told.
fn lacks(name: &str, word: &str, most: usize) -> bool {
    word.chars().filter(|letter| !name.contains(*letter)).nth(most).is_some()
}

/// Tells whether a string says anything itself; one of nothing but placeholders gives nothing away.
fn has_literal(text: &str) -> bool {
    use super::template::{Segment, segments};
    segments(text).any(|segment| matches!(segment, Segment::Literal(_) | Segment::Unclosed { .. }))
}
