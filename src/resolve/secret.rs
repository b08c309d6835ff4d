//! References to secrets: `{ file }`, `{ env }`, `{ command }`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::diag::{Diagnostic, code};
use crate::ir::Text;
use crate::source::{Map, Node};

use super::scope::{Failure, Place, Scope};

/// The largest secret that is read, in bytes: beyond what one environment variable or driver option can carry.
const MAX_SECRET: u64 = 1 << 20;

/// Secrets read so far, so that a file is read and a command is run once a run. Zeroized when dropped.
#[derive(Default)]
pub struct Vault {
    known: Mutex<HashMap<Origin, Arc<OnceLock<Known>>>>,
}

/// What reading gave: the secret, or why there is none.
type Known = Result<Text, String>;

/// Where a secret comes from.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Origin {
    File(PathBuf),
    Variable(String),
    Command(Vec<String>, PathBuf),
}

/// Tells whether a table is a reference to a secret: exactly one key, `file`, `env` or `command`.
pub fn is_reference(map: &Map) -> bool {
    matches!(map.entries.as_slice(), [entry] if matches!(&*entry.key, "file" | "env" | "command"))
}

/// Reads the secret that a reference names.
///
/// A relative path starts at the folder of the document that holds the reference; a command runs there.
///
/// # Errors
///
/// What the path's templates lack, a value that leads out of the path's folder, and anything unreadable. The
/// secret itself is in no error.
pub fn read(scope: &Scope<'_>, node: &Node) -> Result<Text, Failure> {
    let compiler = scope.compiler;
    let directory = compiler.sources.get(node.span.source).directory().to_owned();
    let mut hidden = false;
    let mut text = |node: &Node, place| -> Result<Text, Failure> {
        let text = scope.text(node, place)?;
        hidden |= text.is_secret();
        Ok(text)
    };
    let place = if let Some(file) = node.get("file") {
        Origin::File(directory.join(text(file, Place::Path)?.expose()))
    } else if let Some(variable) = node.get("env") {
        Origin::Variable(text(variable, Place::Plain)?.expose().to_owned())
    } else {
        let words = node.get("command").and_then(Node::as_seq).unwrap_or_default();
        let words: Result<Vec<String>, Failure> =
            words.iter().map(|word| Ok(text(word, Place::Plain)?.expose().to_owned())).collect();
        Origin::Command(words?, directory)
    };
    let known = {
        let mut known = compiler.vault.known.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(place.clone()).or_default())
    };
    // Whoever asks for the same secret meanwhile waits for this one.
    let read = known.get_or_init(|| {
        let read = match &place {
            Origin::File(path) => compiler.world.read(path, Some(MAX_SECRET)),
            Origin::Variable(name) => compiler.world.variable(name),
            Origin::Command(words, directory) => compiler.world.output(words, directory),
        };
        read.map(Text::secret).map_err(|error| error.to_string())
    });
    match read {
        Ok(text) => Ok(text.clone()),
        // Where it was looked for is itself made of a secret.
        Err(error) if hidden => Err(Box::new(failed(node, error))),
        Err(error) => Err(Box::new(unreadable(node, &place, error))),
    }
}

fn failed(node: &Node, error: &str) -> Diagnostic {
    Diagnostic::new(&code::SECRET_UNREADABLE, "the secret cannot be read").at(node.span, error)
}

fn unreadable(node: &Node, place: &Origin, error: &str) -> Diagnostic {
    let diagnostic = failed(node, error);
    match place {
        Origin::File(path) => diagnostic.note(format!("the file is {}", shown(path))),
        Origin::Variable(name) => diagnostic.help(format!("set the environment variable `{name}`")),
        Origin::Command(words, _) => {
            diagnostic.note(format!("the command is `{}`", words.first().map_or("", String::as_str)))
        }
    }
}

fn shown(path: &Path) -> String {
    format!("`{}`", path.display())
}
