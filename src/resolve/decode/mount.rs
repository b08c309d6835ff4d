//! Mounts.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use crate::check::canonical::printable;
use crate::check::volume::{By, Definition, conflict, definitions};
use crate::diag::{Diagnostic, code};
use crate::ir::{Driver, Mount, MountKind, Text};
use crate::source::{Entry, Node, Span, Value};

use super::super::amount;
use super::super::merge::normal_target;
use super::super::scope::Place;
use super::super::template::{loses_folder, unescape_for_swarm};
use super::Decoder;
use super::sshfs;

/// Options that belong to some types of mount only, sorted by key.
static OPTIONS: &[(&str, &[&str])] = &[
    ("driver", &["sshfs"]),
    ("driver_config", &["volume"]),
    ("ephemeral", &["sshfs"]),
    ("id_rsa", &["sshfs"]),
    ("identity_file", &["sshfs"]),
    ("labels", &["volume", "sshfs"]),
    ("no_copy", &["volume", "sshfs"]),
    ("non_recursive", &["bind"]),
    ("options", &["sshfs"]),
    ("password", &["sshfs"]),
    ("port", &["sshfs"]),
    ("propagation", &["bind"]),
    ("sshcmd", &["sshfs"]),
    ("subpath", &["volume", "sshfs"]),
    ("tmpfs_mode", &["tmpfs"]),
    ("tmpfs_size", &["tmpfs"]),
];

impl Decoder<'_> {
    /// All mounts of a container, in their order.
    pub(super) fn mounts(&mut self, node: Option<&Node>) -> Vec<Mount> {
        let items = node.and_then(Node::as_seq).unwrap_or_default();
        let constant = |own: &mut Self, item| own.is_constant(item).then(|| own.mount(item));
        let all = |own: &mut Self| items.iter().map(|item| constant(own, item)).collect::<Vec<_>>();
        let fixed = self.kept(|fixed| &fixed.mounts, |_| true, all);
        // What an earlier server has in the place of a mount without templates is that mount.
        let earlier = match (&fixed, &mut self.earlier) {
            (Cow::Borrowed(_), Some(service)) => std::mem::take(&mut service.container.mounts),
            _ => Vec::new(),
        };
        let mut earlier = Some(earlier).filter(|earlier| earlier.len() == items.len()).map(Vec::into_iter);
        let mut mounts = Vec::with_capacity(items.len());
        let mut made_from = Vec::with_capacity(items.len());
        for (index, (item, fixed)) in items.iter().zip(&*fixed).enumerate() {
            let earlier = earlier.as_mut().and_then(Iterator::next);
            let made = match fixed {
                Some(fixed) => earlier.or_else(|| fixed.clone()),
                None => self.own_mount(index, item),
            };
            if let Some(mount) = made {
                mounts.push(mount);
                made_from.push(item);
            }
        }
        let is_fixed = |own: &Self, item: &Node| item.get("target").is_some_and(|target| own.is_constant(target));
        self.kept(
            |fixed| &fixed.targets,
            |own| made_from.len() == items.len() && items.iter().all(|item| is_fixed(own, item)),
            |own| own.check_targets(&mounts, &made_from),
        );
        self.check_volumes(&mounts, &made_from);
        mounts
    }

    /// Two mounts of one volume: a node makes it once, by the one or the other.
    fn check_volumes(&mut self, mounts: &[Mount], items: &[&Node]) {
        let span = |item: &Node| item.get("source").unwrap_or(item).span;
        let all = definitions(mounts).filter_map(|definition| Some((definition, *items.get(definition.mount)?)));
        // Without users, a template's text says nothing of what it comes to be, but that the same comes to be the same.
        let probe = self.scope.probe;
        let is_fixed = |entry: &Entry| matches!(&*entry.key, "source" | "target") || self.is_constant(&entry.value);
        let known = all.filter(|(_, item)| !probe || item.as_map().into_iter().flatten().all(is_fixed));
        let mut firsts: HashMap<&str, (Definition<'_>, Span)> = HashMap::new();
        let mut conflicts = Vec::new();
        for (own, item) in known {
            let template = item.get("source").and_then(Node::as_str).filter(|_| probe);
            match firsts.entry(template.unwrap_or(own.name.expose())) {
                std::collections::hash_map::Entry::Occupied(first) => {
                    let (known, known_span) = first.get();
                    conflicts.extend(conflict((known, *known_span), (&own, span(item)), By::Mount));
                }
                std::collections::hash_map::Entry::Vacant(vacant) => {
                    vacant.insert((own, span(item)));
                }
            }
        }
        self.findings.append(&mut conflicts);
    }

    fn check_targets(&mut self, mounts: &[Mount], items: &[&Node]) {
        let mut targets: HashMap<Cow<'_, str>, Span> = HashMap::with_capacity(mounts.len());
        for (mount, item) in mounts.iter().zip(items) {
            let span = item.get("target").map_or(item.span, |target| target.span);
            match targets.entry(normal_target(mount.target.expose())) {
                std::collections::hash_map::Entry::Occupied(first) => self.duplicate("mounts", span, *first.get()),
                std::collections::hash_map::Entry::Vacant(vacant) => {
                    vacant.insert(span);
                }
            }
        }
    }

    /// A mount of one user: the same for each of their profiles that has it, unless it names the profile.
    fn own_mount(&mut self, index: usize, item: &Node) -> Option<Mount> {
        let Some(alike) = self.fixed.and_then(|fixed| fixed.mounts_alike.get(index).copied()) else {
            return self.mount(item);
        };
        if let Some(mount) = self.scope.memo.mount(alike) {
            return Some(mount);
        }
        let (before, found) = (self.scope.of_profile.replace(false), self.found());
        let mount = self.mount(item);
        if let Some(mount) = &mount
            && !self.scope.of_profile.get()
            && self.found() == found
        {
            self.scope.memo.keep_mount(alike, mount);
        }
        self.scope.of_profile.set(before || self.scope.of_profile.get());
        mount
    }

    fn mount(&mut self, node: &Node) -> Option<Mount> {
        let target = self.target(node)?;
        let kind = node.get("type").and_then(Node::as_str).unwrap_or("volume");
        self.foreign_options(node, kind);
        let source = node.get("source").filter(|source| source.value != Value::Null);
        let kind = match kind {
            "bind" => MountKind::Bind {
                source: self.bind_source(node, source)?,
                propagation: self.word(node, "propagation"),
                non_recursive: self.flag(node, "non_recursive"),
            },
            "tmpfs" => {
                if let Some(source) = source.filter(|source| source.as_str() != Some("")) {
                    self.bad(&code::BAD_MOUNT_SOURCE, source, "a tmpfs mount has no source", "remove `source`");
                }
                MountKind::Tmpfs {
                    size: self.amount(node, "tmpfs_size", amount::size),
                    mode: self.amount(node, "tmpfs_mode", amount::mode),
                }
            }
            "npipe" => {
                let Some(source) = source else {
                    self.bad(&code::BAD_MOUNT_SOURCE, node, "a named pipe needs a source", "");
                    return None;
                };
                MountKind::Npipe { source: self.text(source, Place::Expanded) }
            }
            kind => {
                let sshfs = kind == "sshfs";
                let driver = if sshfs { Some(self.sshfs_driver(node)) } else { self.volume_driver(node) };
                MountKind::Volume {
                    source: self.volume_name(source),
                    no_copy: self.flag(node, "no_copy").unwrap_or(false),
                    labels: self.pairs(node.get("labels"), Place::Expanded),
                    driver,
                    subpath: self.subpath(node),
                }
            }
        };
        Some(Mount {
            target,
            read_only: self.flag(node, "read_only").unwrap_or(false),
            consistency: self.word(node, "consistency"),
            kind,
        })
    }

    fn target(&mut self, node: &Node) -> Option<Text> {
        let Some(target) = node.get("target") else {
            self.bad(&code::MISSING_KEY, node, "a mount needs a `target`", "say where in the container it appears");
            return None;
        };
        let text = self.text(target, Place::Expanded);
        let path = text.expose();
        let windows = path.get(1..3).is_some_and(|drive| drive == ":\\" || drive == ":/") || path.starts_with(r"\\");
        self.stays_in(target, path, "target");
        if self.scope.probe && self.scope.is_template(target) {
            if starts_relative(target) {
                let message = "a mount's target must be an absolute path";
                self.push(
                    Diagnostic::new(&code::BAD_MOUNT_TARGET, message).at(target.span, "").help("start it with `/`"),
                );
            }
            return Some(text);
        }
        if !path.starts_with('/') && !path.starts_with("{{") && !windows {
            let help = if path.is_empty() || text.is_secret() {
                "write an absolute path inside the container, such as `/home/jovyan/work`".to_owned()
            } else {
                format!("write an absolute path: `/{}`", printable(path))
            };
            self.bad(&code::BAD_MOUNT_TARGET, target, "a mount's target must be an absolute path", help);
        } else if path.bytes().all(|byte| byte == b'/') {
            self.bad(
                &code::BAD_MOUNT_TARGET,
                target,
                "a mount's target cannot be the root of the container",
                "name a directory below it",
            );
        }
        Some(text)
    }

    fn foreign_options(&mut self, node: &Node, kind: &str) {
        for entry in node.as_map().into_iter().flatten() {
            let Ok(index) = OPTIONS.binary_search_by_key(&&*entry.key, |(key, _)| key) else { continue };
            let (key, types) = OPTIONS[index];
            if types.contains(&kind) || entry.value.value == Value::Null {
                continue;
            }
            let types: Vec<String> = types.iter().map(|kind| format!("`{kind}`")).collect();
            let of = types.join(" and ");
            let diagnostic = Diagnostic::new(&code::MOUNT_OPTION, format!("`{key}` is no option of a `{kind}` mount"))
                .at(entry.key_span, format!("an option of {of} mounts"))
                .maybe_at(node.get("type").map(|kind| kind.span), "the mount's type");
            self.push(if kind == "bind" && key == "driver_config" {
                diagnostic.help("a driver makes volumes: set `type = \"volume\"` and name the volume in `source`")
            } else {
                diagnostic.help(format!("remove it, or set `type` to {}", types.join(" or ")))
            });
        }
    }

    fn bind_source(&mut self, node: &Node, source: Option<&Node>) -> Option<Text> {
        let Some(source) = source.filter(|source| source.as_str() != Some("")) else {
            self.bad(&code::BAD_MOUNT_SOURCE, node, "a bind mount needs a source", "name a directory of the node");
            return None;
        };
        let text = self.text(source, Place::Expanded);
        let path = text.expose();
        let windows = path.get(1..3).is_some_and(|drive| drive == ":\\" || drive == ":/");
        if !path.starts_with('/') && !path.starts_with("{{") && !windows {
            const MESSAGE: &str = "a bind mount's source must be an absolute path of the node";
            const HELP: &str = "write the whole path; for a volume set `type = \"volume\"`";
            match starts_relative(source) {
                true => self.push(Diagnostic::new(&code::BAD_MOUNT_SOURCE, MESSAGE).at(source.span, "").help(HELP)),
                false => self.bad(&code::BAD_MOUNT_SOURCE, source, MESSAGE, HELP),
            }
        }
        self.stays_in(source, path, "source");
        // A value that is empty or `.` mounts the folder of all users.
        if source.as_str().is_some_and(|template| loses_folder(template, path)) {
            self.bad(
                &code::UNSAFE_PATH,
                source,
                "a value leaves nothing of a folder's name, so that the folder above would be mounted",
                "use `{name}`, which is safe in paths for every user",
            );
        }
        self.username_holds_no(&['/'], source, path);
        Some(text)
    }

    /// Refuses a username that would say more in a text than a name; `path` is the text with what templates stand for.
    pub(super) fn username_holds_no(&mut self, marks: &[char], node: &Node, path: &str) {
        let username = &self.scope.user.name;
        let Some(mark) = username.chars().find(|mark| marks.contains(mark)) else { return };
        // As Swarm expands it, and as a filter may have spelled it.
        if unescape_for_swarm(path).to_lowercase().contains(&username.to_lowercase()) {
            let would = match mark {
                '/' => "make it several folders",
                ':' => "end the host's name",
                _ => "end this option and begin another",
            };
            let message = format!("the user's name holds `{mark}`, which would {would}");
            self.bad(&code::UNSAFE_PATH, node, message, "use `{name}`, which is safe in paths for every user");
        }
    }

    /// A folder of a volume; which one may not be left to a value with `..`, as others' lie beside it.
    fn subpath(&mut self, node: &Node) -> Option<Text> {
        let text = self.field(node, "subpath", Place::Plain)?;
        self.stays_in(node.get("subpath")?, text.expose(), "subpath");
        Some(text)
    }

    /// Refuses a path with a step to the folder above.
    pub(super) fn stays_in(&mut self, node: &Node, path: &str, what: &str) {
        if !leads_up(path) {
            return;
        }
        const HELP: &str = "write the path without `..`; `{name}` is safe in paths for every user";
        let message = format!("the {what} leads out of its folder by `..`");
        // What the config itself writes is so for every user.
        match node.as_str() {
            Some(own) if leads_up(own) => {
                self.push(Diagnostic::new(&code::UNSAFE_PATH, message).at(node.span, "").help(HELP));
            }
            _ => self.bad(&code::UNSAFE_PATH, node, message, HELP),
        }
    }

    fn volume_name(&mut self, source: Option<&Node>) -> Option<Text> {
        let source = source?;
        let text = self.text(source, Place::Expanded);
        let name = text.expose();
        if name.is_empty() {
            if source.as_str() != Some("") {
                let message = "a value leaves the volume without a name: what is in it would go with its container";
                let help = "use `{name}`, which is never empty; for a volume without a name leave `source` out";
                self.bad(&code::BAD_MOUNT_SOURCE, source, message, help);
            }
            return None;
        }
        let legal = name.len() > 1
            && name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
        if !legal && !name.contains("{{") {
            let help = if name.starts_with('/') {
                "to mount a directory of the node set `type = \"bind\"`"
            } else {
                "use letters, digits, `_`, `.` and `-`, at least two, the first a letter or digit; `{name}` always fits"
            };
            self.bad(&code::BAD_MOUNT_SOURCE, source, "the engine takes no volume of this name", help);
        }
        Some(text)
    }

    fn volume_driver(&mut self, node: &Node) -> Option<Driver> {
        let config = node.get("driver_config")?;
        let name = self.field(config, "name", Place::Plain);
        let options = self.pairs(config.get("options"), Place::Expanded);
        let mut driver = Driver { name, options };
        for (key, text) in &driver.options {
            let Some(node) = config.get("options").and_then(|options| options.get(key)) else { continue };
            match &**key {
                // A share or folder that is mounted, as a bind mount's is.
                "device" => {
                    self.stays_in(node, text.expose(), "device");
                    self.username_holds_no(&['/'], node, text.expose());
                }
                "o" => self.username_holds_no(&[','], node, text.expose()),
                _ => {}
            }
        }
        if driver.name.as_ref().is_some_and(|name| sshfs::is_plugin(name.expose())) {
            self.check_sshfs_options(config, &mut driver);
        }
        Some(driver)
    }

    /// Puts options in their order and makes the text of some of them secret.
    pub(super) fn driver(name: Text, mut options: Vec<(Arc<str>, Text)>) -> Driver {
        options.sort_by(|a, b| a.0.cmp(&b.0));
        Driver { name: Some(name), options }
    }
}

/// Tells whether a path is relative whatever its templates stand for.
fn starts_relative(path: &Node) -> bool {
    path.as_str().is_some_and(|path| {
        let windows = path.get(1..2) == Some(":");
        path.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '.') && !windows
    })
}

/// Tells whether a path has a step to the folder above.
fn leads_up(path: &str) -> bool {
    path.split(['/', '\\']).any(|part| part == "..")
}
