//! `[swarm_configs]` and `[swarm_secrets]`: content that `apply` puts on the swarm.
//!
//! The engine cannot change a config or a secret, so that each content gets a name of its own: the config's name with a
//! suffix made from the content. What refers to it by the config's name gets the suffixed one.

use std::path::Path;
use std::sync::Arc;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::check::canonical::printable;
use crate::check::object::{MOST_NAME, MOST_OF_CONFIG, MOST_OF_SECRET};
use crate::diag::{Diagnostic, Diagnostics, code};
use crate::ir::{FileReference, Service, Text};
use crate::source::{Entry, Node, Span};

use super::roster::User;
use super::scope::Scope;
use super::{Asked, Compiler, Request, secret};

/// The variable that holds the key of secrets' names.
pub const KEY_VARIABLE: &str = "SWARMGEN_KEY";

/// How many hex digits a suffix has.
const SUFFIX: usize = 10;

/// Config or secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    /// A Swarm config.
    Config,
    /// A Swarm secret.
    Secret,
}

impl ObjectKind {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Secret => "secret",
        }
    }
}

/// A Swarm config or secret with the content that it is to have.
#[derive(Clone, Debug)]
pub struct Object {
    /// Config or secret.
    pub kind: ObjectKind,
    /// Its name in the config.
    pub name: Arc<str>,
    /// Its name on the swarm, which its content decides.
    pub swarm_name: String,
    /// The content.
    pub content: Text,
    /// Where the config names it.
    pub span: Span,
}

impl Compiler<'_> {
    /// The names of what `[swarm_configs]` and `[swarm_secrets]` declare, which need not be readable here.
    pub fn declared_objects(&self) -> Vec<String> {
        let tables = ["swarm_configs", "swarm_secrets"].into_iter().filter_map(|key| self.root.get(key)?.as_map());
        tables.flatten().map(|entry| entry.key.to_string()).collect()
    }

    /// Reads what `[swarm_configs]` and `[swarm_secrets]` declare; configs first, each sorted by name.
    ///
    /// `None` means that errors were found. Secrets are read, so that their files, variables and commands must be there.
    pub fn objects(&self, diagnostics: &mut Diagnostics) -> Option<Vec<Object>> {
        let before = diagnostics.counts().errors;
        let mut objects = Vec::new();
        let declared = |key: &str| self.root.get(key).and_then(Node::as_map).into_iter().flatten();
        for entry in declared("swarm_configs") {
            match self.config_content(entry) {
                Ok(content) => self.declare(ObjectKind::Config, entry, content, None, &mut objects, diagnostics),
                Err(finding) => self.push(*finding, diagnostics),
            }
        }
        let mut secrets = declared("swarm_secrets").peekable();
        if let Some(first) = secrets.peek() {
            match self.naming_key(first) {
                Ok(key) => {
                    for entry in secrets {
                        match self.constant_secret(&entry.value) {
                            Ok(content) => {
                                let key = Some(&key);
                                self.declare(ObjectKind::Secret, entry, content, key, &mut objects, diagnostics);
                            }
                            Err(finding) => self.push(*finding, diagnostics),
                        }
                    }
                }
                Err(finding) => self.push(*finding, diagnostics),
            }
        }
        objects.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
        (diagnostics.counts().errors == before).then_some(objects)
    }

    fn declare(
        &self,
        kind: ObjectKind,
        entry: &Entry,
        content: Text,
        key: Option<&Text>,
        objects: &mut Vec<Object>,
        diagnostics: &mut Diagnostics,
    ) {
        let most = match kind {
            ObjectKind::Config => MOST_OF_CONFIG,
            ObjectKind::Secret => MOST_OF_SECRET,
        };
        let size = content.expose().len();
        if size == 0 || size > most {
            let what = if size == 0 { "is empty" } else { "is too large" };
            let message = format!("the {} `{}` {what}", kind.word(), printable(&entry.key));
            let diagnostic = Diagnostic::new(&code::OBJECT_SIZE, message)
                .at(entry.key_span, format!("the engine takes from 1 to {most} bytes"));
            self.push(diagnostic, diagnostics);
            return;
        }
        let swarm_name = swarm_name(&entry.key, &content, key);
        objects.push(Object { kind, name: Arc::clone(&entry.key), swarm_name, content, span: entry.key_span });
    }

    fn config_content(&self, entry: &Entry) -> Result<Text, Box<Diagnostic>> {
        if let Some(content) = entry.value.get("content") {
            return Ok(Text::from(content.as_str().unwrap_or_default()));
        }
        let Some(node) = entry.value.get("file") else { return Ok(Text::default()) };
        let path = self.sources.get(node.span.source).directory().join(node.as_str().unwrap_or_default());
        match self.world.read(&path, Some(MOST_OF_CONFIG as u64)) {
            Ok(text) => Ok(Text::from(text.as_str())),
            Err(error) => Err(Box::new(unreadable(node, &path, &error.to_string()))),
        }
    }

    /// A secret that is the same for all users.
    fn constant_secret(&self, reference: &Node) -> Result<Text, Box<Diagnostic>> {
        let user = User::unlisted("nobody");
        let request = Request::default();
        let names = self.names(&user, &request);
        let asked = Asked { user: &user, names: &names, request: &request, probe: false };
        let profile: Arc<str> = "".into();
        let scope = Scope::new(self, asked, &self.root, &profile);
        secret::read(&scope, reference)
    }

    /// The key that secrets' names are made with: without one, a name would give a weak secret away.
    fn naming_key(&self, first: &Entry) -> Result<Text, Box<Diagnostic>> {
        let key = match self.root.get("key") {
            Some(reference) => self.constant_secret(reference)?,
            None => self.world.variable(KEY_VARIABLE).map(Text::secret).unwrap_or_default(),
        };
        if key.expose().is_empty() {
            return Err(Box::new(
                Diagnostic::new(&code::NO_KEY, "there is no key to name Swarm secrets with")
                    .at(first.key_span, "its name on the swarm is made from its content")
                    .help(format!("set `{KEY_VARIABLE}` to a long random text, and keep it the same; or set `key`"))
                    .note("without a key, a weak secret could be guessed from the name"),
            ));
        }
        Ok(key)
    }
}

/// The name with the suffix that the content decides; long names are cut, and the suffix tells them apart.
fn swarm_name(name: &str, content: &Text, key: Option<&Text>) -> String {
    let digest: Zeroizing<Vec<u8>> = Zeroizing::new(match key {
        Some(key) => {
            // A key of any length is one.
            let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.expose().as_bytes()) else { return name.to_owned() };
            mac.update(name.as_bytes());
            mac.update(b"\0");
            mac.update(content.expose().as_bytes());
            mac.finalize().into_bytes().to_vec()
        }
        None => {
            let mut hash = Sha256::new();
            hash.update(name.as_bytes());
            hash.update(b"\0");
            hash.update(content.expose().as_bytes());
            hash.finalize().to_vec()
        }
    });
    let kept: String = name.chars().take(MOST_NAME - SUFFIX - 1).collect();
    let mut suffix = hex::encode(&*digest);
    suffix.truncate(SUFFIX);
    format!("{kept}-{suffix}")
}

fn unreadable(node: &Node, path: &Path, error: &str) -> Diagnostic {
    Diagnostic::new(&code::UNREADABLE, "the Swarm config's file cannot be read")
        .at(node.span, error)
        .note(format!("the file is `{}`", path.display()))
}

/// Lets a service refer to the objects by their names on the swarm.
pub fn bind(service: &mut Service, objects: &[Object]) {
    let bind = |references: &mut [FileReference], kind| {
        for reference in references.iter_mut().filter(|reference| reference.id.is_none()) {
            let declared = |object: &&Object| object.kind == kind && *object.name == *reference.name.expose();
            if let Some(object) = objects.iter().find(declared) {
                reference.name = Text::from(object.swarm_name.as_str());
            }
        }
    };
    bind(&mut service.container.configs, ObjectKind::Config);
    bind(&mut service.container.secrets, ObjectKind::Secret);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_content_has_a_name_of_its_own() {
        let name = |name: &str, content: &str, key: Option<&str>| {
            swarm_name(name, &Text::from(content), key.map(Text::from).as_ref())
        };
        assert_eq!(name("motd", "a", None), name("motd", "a", None));
        assert_ne!(name("motd", "a", None), name("motd", "b", None));
        assert_ne!(name("motd", "a", Some("k")), name("motd", "a", None));
        assert_ne!(name("motd", "a", Some("k")), name("motd", "a", Some("l")));
        let long = "x".repeat(64);
        assert_eq!(name(&long, "a", None).len(), 64);
        assert_ne!(name(&long, "a", None), name(&format!("{}y", &long[1..]), "a", None));
        assert!(name("motd", "a", None).starts_with("motd-"));
    }
}
