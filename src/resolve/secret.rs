//! References to secrets: `{ file }`, `{ env }`, `{ command }`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use zeroize::Zeroizing;

use crate::diag::{Diagnostic, code};
use crate::ir::Text;
use crate::source::{Map, Node, ReadError};

use super::Compiler;
use super::scope::{Failure, Place, Scope};
use super::template::{Segment, loses_folder, segments};

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
        let path = text(file, Place::Path)?;
        if file.as_str().is_some_and(|template| loses_folder(template, path.expose())) {
            return Err(Box::new(
                Diagnostic::new(&code::UNSAFE_PATH, "an empty value would lead the path to another folder's file")
                    .at(file.span, "nothing is left of a folder's name")
                    .help("use `{name}`, which is safe in paths for every user, or give the user a value"),
            ));
        }
        Origin::File(directory.join(path.expose()))
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
            Origin::File(path) => compiler.world.read(path, Some(MAX_SECRET)).map(without_line_break),
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

/// How many bytes a reference leads to that is the same for all users, of a secret without a final line break; some
/// number above `most` where there are more. No command is run for it, and what cannot be read is not told.
pub(super) fn size(compiler: &Compiler<'_>, node: &Node, secret: bool, most: usize) -> Option<usize> {
    const LINE_BREAK: u64 = 2;
    let constant = |key: &str| {
        let text = node.get(key)?.as_str()?;
        segments(text).all(|segment| matches!(segment, Segment::Literal(_))).then_some(text).filter(|text| *text != "-")
    };
    let Some(file) = constant("file") else {
        return Some(compiler.world.variable(constant("env")?).ok()?.len());
    };
    let path = compiler.sources.get(node.span.source).directory().join(file);
    match compiler.world.read(&path, Some(most as u64 + LINE_BREAK)) {
        Ok(text) => Some(if secret { without_line_break(text).len() } else { text.len() }),
        Err(ReadError::TooLarge { .. }) => most.checked_add(1),
        Err(_) => None,
    }
}

/// What editors and `echo` put at the end of a file is no part of a password.
fn without_line_break(mut text: Zeroizing<String>) -> Zeroizing<String> {
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    text
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_break_at_the_end_is_dropped() {
        for (text, left) in [("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), ("a", "a"), ("\n", ""), (" a ", " a ")] {
            assert_eq!(*without_line_break(Zeroizing::new(text.to_owned())), left);
        }
    }
}
