//! Volumes on the sshfs volume plugin (ucphhpc/docker-volume-sshfs).

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::check::canonical::printable;
use crate::diag::{Diagnostic, closest, code, fix};
use crate::ir::{Driver, Text};
use crate::source::{Entry, Node, Span, Value};

use super::super::scope::Place;
use super::Decoder;

/// The plugin's image, unless a mount names another.
const PLUGIN: &str = "ucphhpc/sshfs:latest";
/// The plugin's three ways to log in, of which it takes exactly one.
const CREDENTIALS: [&str; 3] = ["id_rsa", "identity_file", "password"];

/// What the plugin reads as a truth value. Source: Go's `strconv.ParseBool`.
const TRUTHS: [&str; 12] = ["0", "1", "F", "FALSE", "False", "T", "TRUE", "True", "f", "false", "t", "true"];
/// Keys of a mount that sshfs has no options of.
const MOUNTS: [&str; 7] = ["driver", "labels", "no_copy", "read_only", "source", "target", "type"];

/// Tells whether a volume driver is the sshfs plugin, by its repository's name.
pub fn is_plugin(name: &str) -> bool {
    let repository = name.split('@').next().unwrap_or(name);
    let last = repository.rsplit('/').next().unwrap_or(repository);
    matches!(last.split(':').next(), Some("sshfs" | "docker-volume-sshfs"))
}

impl Decoder<'_> {
    /// The driver of a `type = "sshfs"` mount.
    pub(super) fn sshfs_driver(&mut self, mount: &Node) -> Driver {
        let name = self.field(mount, "driver", Place::Plain).unwrap_or_else(|| Text::from(PLUGIN));
        let mut options: Vec<(Arc<str>, Text)> = Vec::new();
        match mount.get("sshcmd") {
            Some(node) => {
                let command = self.text(node, Place::Expanded);
                self.check_sshcmd(node, &command);
                options.push(("sshcmd".into(), command));
            }
            None => self.push(
                Diagnostic::new(&code::SSHFS_COMMAND, "an sshfs mount needs an `sshcmd`")
                    .at(mount.span, "")
                    .help("say what to mount: `sshcmd = \"user@host:path\"`"),
            ),
        }
        options.extend(self.credential(mount));
        if let Some(node) = mount.get("port") {
            if let Some(port) = self.integer(mount, "port", 1..=65535) {
                options.push(("port".into(), Text::from(port.to_string())));
            } else if self.scope.probe && self.scope.is_template(node) {
                options.push(("port".into(), Text::from("22")));
            }
        }
        if let Some(ephemeral) = self.flag(mount, "ephemeral") {
            options.push(("ephemeral".into(), Text::from(if ephemeral { "true" } else { "false" })));
        }
        for entry in mount.get("options").and_then(Node::as_map).into_iter().flatten() {
            let own = matches!(&*entry.key, "sshcmd" | "port" | "ephemeral") || CREDENTIALS.contains(&&*entry.key);
            if own {
                self.push(
                    Diagnostic::new(&code::SSHFS_OPTION, format!("`{}` is a key of the mount itself", entry.key))
                        .at(entry.key_span, "")
                        .help("move it out of `options`"),
                );
                continue;
            }
            if self.check_option(entry, None) {
                options.push((Arc::clone(&entry.key), self.text(&entry.value, Place::Expanded)));
            }
        }
        Self::driver(name, options)
    }

    /// The one credential of a mount: its own, else the user's own, else the default one.
    fn credential(&mut self, mount: &Node) -> Option<(Arc<str>, Text)> {
        let named: Vec<&Entry> = mount
            .as_map()
            .into_iter()
            .flatten()
            .filter(|entry| CREDENTIALS.contains(&&*entry.key) && entry.value.value != Value::Null)
            .collect();
        match named.as_slice() {
            [] => self.users_credential(mount),
            [entry] => {
                let text = self.text(&entry.value, Place::Expanded);
                Some((Arc::clone(&entry.key), secret(&entry.key, text)))
            }
            [first, second, ..] => {
                self.push(
                    Diagnostic::new(&code::SSHFS_CREDENTIAL, "an sshfs mount takes one credential, not several")
                        .at(second.key_span, "the second")
                        .at(first.key_span, "the first")
                        .help("keep one of `password`, `id_rsa` and `identity_file`"),
                );
                None
            }
        }
    }

    fn users_credential(&mut self, mount: &Node) -> Option<(Arc<str>, Text)> {
        let scope = self.scope;
        let set = |entries: &[Entry]| -> Vec<(&'static str, Span)> {
            CREDENTIALS
                .into_iter()
                .filter_map(|key| {
                    let entry = entries.iter().find(|entry| &*entry.key == key)?;
                    (entry.value.value != Value::Null).then_some((key, entry.key_span))
                })
                .collect()
        };
        let layers = [scope.set, &scope.user.attributes, &scope.compiler.defaults.entries];
        let found = layers.into_iter().map(set).find(|found| !found.is_empty()).unwrap_or_default();
        match found.as_slice() {
            [] if scope.probe && CREDENTIALS.iter().any(|key| scope.compiler.is_known(key)) => {
                Some(("password".into(), secret("password", Text::from("x"))))
            }
            [] => {
                self.push(
                    Diagnostic::new(&code::SSHFS_CREDENTIAL, "an sshfs mount has no credential")
                        .at(mount.span, "neither the mount nor the user names one")
                        .help("give the user, or `[user_defaults]`, one of `password`, `id_rsa` and `identity_file`"),
                );
                None
            }
            [(key, _)] => {
                let node = scope.entry(key).map(|entry| entry.value.clone())?;
                let text = self.text(&node, Place::Expanded);
                Some(((*key).into(), secret(key, text)))
            }
            [(_, first), (_, second), ..] => {
                self.push(
                    Diagnostic::new(&code::SSHFS_CREDENTIAL, "several credentials are set for an sshfs mount")
                        .at(mount.span, "which names none of them")
                        .at(*first, "one here")
                        .at(*second, "another here")
                        .help("name one in the mount: `password = \"{password}\"`"),
                );
                None
            }
        }
    }

    fn check_sshcmd(&mut self, node: &Node, command: &Text) {
        let fits = command
            .expose()
            .split_once('@')
            .and_then(|(user, rest)| Some((user, rest.split_once(':')?.0)))
            .is_some_and(|(user, host)| !user.is_empty() && !user.starts_with('-') && !host.is_empty());
        if !fits || command.expose().contains(['\n', '\r']) {
            self.bad(
                &code::SSHFS_COMMAND,
                node,
                "an `sshcmd` has the form `user@host:path`",
                "the path may be empty: `user@host:` is the home directory",
            );
        }
        // The host is the config's to say, and the folder below its path.
        self.username_holds_no(&['/', ':'], node, command.expose());
        if &*self.scope.user.name == ".." {
            self.stays_in(node, command.expose(), "path");
        }
    }

    /// Reports an option that the plugin would hand to sshfs by mistake; `options` is its table where the plugin's own
    /// stand there too.
    fn check_option(&mut self, entry: &Entry, options: Option<&Node>) -> bool {
        let key = &*entry.key;
        let told = |message: String| {
            let diagnostic = Diagnostic::new(&code::SSHFS_OPTION, message);
            diagnostic.at(entry.key_span, "the plugin would hand this to sshfs")
        };
        if key == "autoremove" {
            self.push(
                Diagnostic::new(&code::SSHFS_OPTION, "`autoremove` is a volume label, not an sshfs option")
                    .at(entry.key_span, "the plugin would hand this to sshfs, which refuses it")
                    .help("move it to the mount's `labels`"),
            );
            return false;
        }
        if MOUNTS.contains(&key) {
            self.push(
                told(format!("`{key}` is a key of the mount, not an sshfs option")).help("move it out of `options`"),
            );
            return false;
        }
        let Some(own) = meant(key) else { return true };
        let shown = printable(key);
        let diagnostic = told(format!("`{shown}` is none of the plugin's options: `{own}` is"));
        self.push(match options {
            None => diagnostic.help(format!("write it as the mount's own key: `{own}`")),
            Some(options) if options.get(own).is_some() => diagnostic.help(format!("remove it: `{own}` is set too")),
            Some(_) => {
                let span = entry.key_span;
                let written = if span.range().len() == key.len() { own.to_owned() } else { fix::quoted(own) };
                diagnostic.help(format!("did you mean `{own}`?")).fix(span, written, format!("write `{own}`"))
            }
        });
        false
    }

    /// Checks the long form: a volume whose `driver_config` names the plugin.
    pub(super) fn check_sshfs_options(&mut self, config: &Node, driver: &mut Driver) {
        let Some(options) = config.get("options") else {
            self.push(
                Diagnostic::new(&code::SSHFS_COMMAND, "an sshfs volume needs an `sshcmd`")
                    .at(config.span, "")
                    .help("set `options = { sshcmd = \"user@host:path\", .. }`"),
            );
            return;
        };
        for entry in options.as_map().into_iter().flatten() {
            self.check_option(entry, Some(options));
        }
        match options.get("sshcmd") {
            Some(node) => {
                if let Some((_, command)) = driver.options.iter().find(|(key, _)| &**key == "sshcmd") {
                    let command = command.clone();
                    self.check_sshcmd(node, &command);
                }
            }
            None => self.push(
                Diagnostic::new(&code::SSHFS_COMMAND, "an sshfs volume needs an `sshcmd`")
                    .at(options.span, "")
                    .help("say what to mount: `sshcmd = \"user@host:path\"`"),
            ),
        }
        if options.get("port").is_some() {
            self.integer(options, "port", 1..=65535);
        }
        if let (Some(node), Some((_, text))) =
            (options.get("ephemeral"), driver.options.iter().find(|(key, _)| &**key == "ephemeral"))
            && !TRUTHS.contains(&text.expose())
        {
            self.bad(&code::SSHFS_OPTION, node, "`ephemeral` is `\"true\"` or `\"false\"`", "");
        }
        match self.credential(options) {
            Some((key, text)) => {
                driver.options.retain(|(own, _)| *own != key);
                driver.options.push((key, text));
                driver.options.sort_by(|a, b| a.0.cmp(&b.0));
            }
            None => driver.options.retain(|(key, _)| !CREDENTIALS.contains(&&**key)),
        }
    }
}

thread_local! {
    /// What was meant by options before: a config has few, for many servers.
    static MEANT: RefCell<HashMap<Box<str>, Option<&'static str>>> = RefCell::default();
}

/// The most options that are kept in mind.
const MOST_MEANT: usize = 256;

/// The plugin's own option that was meant by another.
fn meant(key: &str) -> Option<&'static str> {
    MEANT.with_borrow_mut(|known| {
        if let Some(meant) = known.get(key) {
            return *meant;
        }
        let meant = look_up(key);
        if known.len() < MOST_MEANT {
            known.insert(key.into(), meant);
        }
        meant
    })
}

/// Looks for the option that was meant; short names are too near to others.
fn look_up(key: &str) -> Option<&'static str> {
    let plain = |key: &str| key.replace(['_', '-'], "").to_lowercase();
    let mut own = CREDENTIALS.into_iter().chain(["ephemeral", "port", "sshcmd"]);
    if own.clone().any(|own| own == key) {
        return None;
    }
    own.clone().find(|own| plain(own) == plain(key)).or_else(|| closest(key, own.by_ref().filter(|own| own.len() > 5)))
}

/// A password or a key is secret wherever it came from; a path to one is not.
fn secret(key: &str, text: Text) -> Text {
    let text = match key {
        "identity_file" => return text,
        "id_rsa" => whole_key(text),
        _ => text,
    };
    if text.is_secret() { text } else { Text::secret(Zeroizing::new(text.expose().to_owned())) }
}

/// A key with the line break at its end that secrets are read without: the plugin writes the text to a file as it is, and
/// OpenSSH reads no key of its own format ("error in libcrypto") whose last line does not end.
fn whole_key(text: Text) -> Text {
    let key = text.expose();
    if key.is_empty() || key.ends_with('\n') {
        return text;
    }
    let mut whole = Zeroizing::new(String::with_capacity(key.len() + 1));
    whole.push_str(key);
    whole.push('\n');
    Text::secret(whole)
}
