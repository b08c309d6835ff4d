//! What a shell asks for while a command is being typed.
//!
//! `swarmgen completions SHELL` prints a script that runs the command again, with [`VARIABLE`] set and the words so far
//! after `--`. Of a config only names are read, whatever else is wrong with it: nothing is checked, no reference
//! followed and no command run, and whatever fails leaves no names and says nothing.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{ArgMatches, CommandFactory as _};
use clap_complete::engine::CompletionCandidate;
use clap_complete::env::Shells;
use zeroize::Zeroizing;

use crate::check::level::WARNINGS;
use crate::diag::render::visible;
use crate::diag::{Diagnostics, code};
use crate::resolve::document::read_document;
use crate::source::records::{Records, RecordsSyntax};
use crate::source::{Author, Disk, Node, ReadError, SourceMap, World};

use super::args::{Args, Completions};
use super::config::located;
use super::error::Failure;
use super::ui;

/// The environment variable that says which shell asks.
const VARIABLE: &str = "SWARMGEN_COMPLETE";
/// The largest users file of which names are read (64 MiB): the shell waits.
const MAX_USERS_BYTES: u64 = 64 << 20;

/// Prints the script that makes a shell ask.
pub(super) fn script(completions: &Completions) -> Result<(), Failure> {
    let mut script = Vec::new();
    if let Some(shell) = Shells::builtins().completer(&completions.shell.to_string()) {
        shell.write_registration(VARIABLE, "swarmgen", "swarmgen", "swarmgen", &mut script)?;
    }
    ui::result(&script)
}

/// Answers a shell that asks; `false` if none does.
pub(super) fn answered() -> bool {
    let Some(shell) = asking() else { return false };
    let words = words();
    let mut answer = Vec::new();
    if let Some(shell) = Shells::builtins().completer(&shell)
        && !words.is_empty()
        && shell.write_complete(&mut Args::command(), words, Some(Path::new(".")), &mut answer).is_ok()
    {
        // A shell that went away needs no answer.
        let _ = ui::result(&answer);
    }
    true
}

/// The shell that asks.
fn asking() -> Option<String> {
    std::env::var(VARIABLE).ok().filter(|shell| !shell.is_empty())
}

/// The words of the command that is being typed.
fn words() -> Vec<OsString> {
    std::env::args_os().skip_while(|word| word != "--").skip(1).collect()
}

/// The users whose names start so.
pub(super) fn users(start: &OsStr) -> Vec<CompletionCandidate> {
    candidates(start, |config, sources| {
        let mut names: Vec<Arc<str>> = Vec::new();
        for tree in &config.trees {
            names.extend(tree.get("users").and_then(Node::as_map).into_iter().flatten().map(|user| user.key.clone()));
        }
        for path in config.users_files(sources) {
            let Some(records) = records(&path, sources) else { continue };
            let name = |index| records.get(index).fields.into_iter().find(|field| &*field.key == "name");
            let read = (0..records.len()).filter_map(name);
            names.extend(read.filter_map(|field| field.value.as_str().map(Arc::from)));
        }
        names
    })
}

/// The profiles whose names start so.
pub(super) fn profiles(start: &OsStr) -> Vec<CompletionCandidate> {
    candidates(start, |config, _| {
        let images = config.trees.iter().flat_map(|tree| tree.get("images").and_then(Node::as_seq).unwrap_or_default());
        images.filter_map(|profile| profile.get("name")?.as_str().map(Arc::from)).collect()
    })
}

/// The rules whose names start so.
pub(super) fn rules(start: &OsStr) -> Vec<CompletionCandidate> {
    let names = code::ALL.iter().filter(|code| code.kind == code::Kind::Lint).map(|code| code.name).chain([WARNINGS]);
    starting(start, names.map(Arc::from).collect())
}

/// The codes that start so, and the names of what they are for.
pub(super) fn codes(start: &OsStr) -> Vec<CompletionCandidate> {
    starting(start, code::ALL.iter().flat_map(|code| [code.id, code.name]).map(Arc::from).collect())
}

fn candidates(start: &OsStr, names: impl FnOnce(&Config, &SourceMap) -> Vec<Arc<str>>) -> Vec<CompletionCandidate> {
    let sources = SourceMap::new();
    match Config::of(words(), &sources) {
        Some(config) => starting(start, names(&config, &sources)),
        None => Vec::new(),
    }
}

/// The names that start so, as the shell that asks wants them.
fn starting(start: &OsStr, names: Vec<Arc<str>>) -> Vec<CompletionCandidate> {
    let Some(start) = start.to_str() else { return Vec::new() };
    let shell = asking().unwrap_or_default();
    // Bash gives a word as it was typed.
    let start = if shell == "bash" { start.replace('\\', "") } else { start.to_owned() };
    let mut seen = HashSet::new();
    let fit = names.into_iter().filter(|name| {
        let sound = !name.is_empty() && !name.starts_with('-') && visible(name) == **name;
        name.starts_with(&start) && sound && seen.insert(Arc::clone(name))
    });
    fit.map(|name| CompletionCandidate::new(quoted(&name, &shell))).collect()
}

/// A name as it has to be typed, for the shells that do not see to that themselves.
fn quoted(name: &str, shell: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_-./:@+,%".contains(c);
    match shell {
        "bash" => name.chars().flat_map(|c| (!plain(c)).then_some('\\').into_iter().chain([c])).collect(),
        "powershell" if !name.chars().all(|c| plain(c) && !"@,%".contains(c)) => {
            format!("'{}'", name.replace('\'', "''"))
        }
        _ => name.to_owned(),
    }
}

/// What names are read from.
struct Config {
    trees: Vec<Node>,
    users_files: Vec<PathBuf>,
}

impl Config {
    /// Reads the configs that a command would.
    fn of(words: Vec<OsString>, sources: &SourceMap) -> Option<Self> {
        let matches = Args::command().ignore_errors(true).try_get_matches_from(words).ok()?;
        let own = matches.subcommand().map_or(&matches, |(_, own)| own);
        let configs = located([paths(own, "config"), paths(own, "configs")].concat())?;
        let read = |path: &PathBuf| read_document(path, Author::Config, &Names, sources, &mut Diagnostics::new());
        let trees = configs.iter().filter_map(read).collect();
        Some(Self { trees, users_files: paths(own, "users_file") })
    }

    /// The users files, those that the configs name first.
    fn users_files(&self, sources: &SourceMap) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for node in self.trees.iter().filter_map(|tree| tree.get("users_file")) {
            let directory = sources.get(node.span.source).directory().to_owned();
            let one = node.as_str().into_iter();
            let several = node.as_seq().unwrap_or_default().iter().filter_map(Node::as_str);
            files.extend(one.chain(several).map(|path| directory.join(path)));
        }
        files.extend(self.users_files.iter().cloned());
        files
    }
}

/// The paths of an argument, which not every command has.
fn paths(matches: &ArgMatches, id: &str) -> Vec<PathBuf> {
    matches.try_get_many::<PathBuf>(id).ok().flatten().into_iter().flatten().cloned().collect()
}

fn records(path: &Path, sources: &SourceMap) -> Option<Records> {
    let syntax = RecordsSyntax::of_path(path)?;
    let mut text = Names.read(path, Some(MAX_USERS_BYTES)).ok()?;
    let id = sources.add("", "", Author::Data, std::mem::take(&mut *text));
    Records::read(sources, id, syntax).ok()
}

/// Files on the disk, and nothing that could be waited for.
struct Names;

impl World for Names {
    fn read(&self, path: &Path, limit: Option<u64>) -> Result<Zeroizing<String>, ReadError> {
        if path.is_file() { Disk.read(path, limit) } else { Err(ReadError::NotFound) }
    }

    fn variable(&self, _: &str) -> Result<Zeroizing<String>, ReadError> {
        Err(ReadError::NoVariable)
    }

    fn output(&self, _: &[String], _: &Path) -> Result<Zeroizing<String>, ReadError> {
        Err(ReadError::Command("none is run".to_owned()))
    }
}
