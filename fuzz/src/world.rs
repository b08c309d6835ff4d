//! A world of a few texts, in which everything else is a secret.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use swarmgen::source::{ReadError, World};
use zeroize::Zeroizing;

/// What every variable and command that is not there says.
const CANARY: &str = "C4nary.7f3a";
/// What every file that is not there holds. A list of users may be in one, and users' names are no secrets.
const KEY: &str = "-----BEGIN OPENSSH PRIVATE KEY-----\nYWdlbnQ0c3dhcm1nZW4\n-----END OPENSSH PRIVATE KEY-----\n";

/// The texts that there are.
#[derive(Default)]
pub(crate) struct Shelf {
    texts: BTreeMap<PathBuf, String>,
}

impl Shelf {
    /// Adds a text.
    pub(crate) fn add(&mut self, path: PathBuf, text: &str) {
        self.texts.insert(path, text.to_owned());
    }

    /// What is shown holds no secret, unless the input said it itself.
    pub(crate) fn check_shown(&self, shown: &str) {
        let says = |what: &str| self.texts.values().any(|text| text.contains(what));
        assert!(!shown.contains(CANARY) || says(CANARY), "a secret is shown:\n{shown}");
        assert!(!shown.contains("YWdlbnQ0") || says("YWdlbnQ0") || says("access"), "a key is shown:\n{shown}");
    }
}

impl World for Shelf {
    fn read(&self, path: &Path, limit: Option<u64>) -> Result<Zeroizing<String>, ReadError> {
        let like = |own: &&PathBuf| path.extension() == own.extension() && path.extension() == Some("csv".as_ref());
        let known = self.texts.get(path).or_else(|| self.texts.keys().find(like).and_then(|own| self.texts.get(own)));
        let text = known.map_or(KEY, String::as_str);
        match limit {
            Some(limit) if text.len() as u64 > limit => Err(ReadError::TooLarge { limit }),
            _ if path.extension().is_some_and(|extension| extension == "missing") => Err(ReadError::NotFound),
            _ => Ok(Zeroizing::new(text.to_owned())),
        }
    }

    fn variable(&self, name: &str) -> Result<Zeroizing<String>, ReadError> {
        if name.contains("MISSING") { Err(ReadError::NoVariable) } else { Ok(Zeroizing::new(CANARY.to_owned())) }
    }

    fn output(&self, command: &[String], _: &Path) -> Result<Zeroizing<String>, ReadError> {
        match command {
            [] => Err(ReadError::Command("it is empty".to_owned())),
            _ => Ok(Zeroizing::new(CANARY.to_owned())),
        }
    }
}
