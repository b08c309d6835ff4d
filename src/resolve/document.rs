//! From files to one checked document.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::check;
use crate::check::level::{Level, Levels, Subject};
use crate::diag::{Diagnostic, Diagnostics, code};
use crate::source::records::{Records, RecordsSyntax};
use crate::source::{
    self, Author, Fault, FaultKind, MAX_CONFIG_BYTES, Map, Node, ReadError, SourceMap, Syntax, Value, World,
};

use super::layers::Layers;
use super::merge::{Mode, merge};
use super::settings::SecretNames;

/// A config that has passed the schema, canonical, all its documents merged.
#[derive(Debug)]
pub struct Document {
    /// The merged tree.
    pub root: Node,
    /// The SHA-256 of what the merged tree says, in hex: the same in each syntax.
    pub digest: String,
    /// The users files.
    pub users: Vec<Records>,
    /// The levels of the rules.
    pub levels: Levels,
    /// What several of its documents say of one profile or user.
    pub layers: Layers,
}

/// What to load.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// The config documents, the later ones over the earlier ones; `-` is standard input.
    pub configs: Vec<PathBuf>,
    /// Users files besides those that the documents name.
    pub users_files: Vec<PathBuf>,
    /// Levels over those of `[lints]`, in their order.
    pub levels: Vec<(Subject, Level)>,
}

/// Loads and checks documents.
///
/// All findings of a stage are collected; a stage that finds errors is the last. `None` means that there were some.
pub fn load(
    inputs: &Inputs,
    world: &dyn World,
    sources: &SourceMap,
    diagnostics: &mut Diagnostics,
) -> Option<Document> {
    let mut trees = Vec::new();
    let mut levels = Levels::default();
    for path in &inputs.configs {
        let Some(mut tree) = read_tree(path, world, sources, diagnostics) else { continue };
        SecretNames::default().visit_literals(&tree, &mut |node| sources.mark_secret(node.span));
        if let Some(names) = tree.get("secret_attributes") {
            SecretNames::new(Some(names)).visit_literals(&tree, &mut |node| sources.mark_secret(node.span));
        }
        let found = check::schema::check(&tree);
        let fits = !found.has_errors();
        diagnostics.merge(found);
        if fits {
            levels.read_comments(&sources.get(tree.span.source), &tree, diagnostics);
            check::rules::document(&tree, diagnostics);
            check::canonical::canonicalize(&mut tree, diagnostics);
            trees.push(tree);
        }
    }
    if diagnostics.has_errors() {
        return None;
    }
    let mut users_files: Vec<(PathBuf, Option<source::Span>)> = Vec::new();
    let layers = Layers::new(&trees);
    // A document may name what is secret in another one, and what is laid over is there all the same.
    let names = trees.iter().rev().find_map(|tree| tree.get("secret_attributes"));
    let names = SecretNames::new(names);
    trees.iter().for_each(|tree| names.visit_literals(tree, &mut |node| sources.mark_secret(node.span)));
    let mut trees = trees.into_iter();
    let first = trees.next();
    let mut root = first?;
    name_users_files(&root, sources, &mut users_files);
    for tree in trees {
        name_users_files(&tree, sources, &mut users_files);
        merge(&mut root, &tree, Mode::Table);
    }
    levels.read(root.get("lints"), diagnostics);
    for (subject, level) in &inputs.levels {
        levels.set(*subject, *level);
    }
    users_files.extend(inputs.users_files.iter().map(|path| (path.clone(), None)));
    let users: Vec<Records> =
        users_files.iter().filter_map(|(path, span)| read_records(path, *span, world, sources, diagnostics)).collect();
    if diagnostics.has_errors() {
        return None;
    }
    let digest = digest(std::iter::once(&root).chain(layers.iter()));
    Some(Document { root, digest, users, levels, layers })
}

/// The SHA-256 of what trees say, in hex. The order of a table's keys says nothing.
fn digest<'n>(trees: impl Iterator<Item = &'n Node>) -> String {
    fn add(node: &Node, hash: &mut Sha256) {
        let mut tagged = |tag: u8, bytes: &[u8]| {
            hash.update([tag]);
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        match &node.value {
            Value::Null => tagged(b'n', b""),
            Value::Bool(value) => tagged(b'b', &[u8::from(*value)]),
            Value::Int(value) => tagged(b'i', &value.to_le_bytes()),
            Value::Float(value) => tagged(b'f', &value.to_le_bytes()),
            Value::Str(value) => tagged(b's', value.as_bytes()),
            Value::Seq(items) => {
                tagged(b'l', &(items.len() as u64).to_le_bytes());
                items.iter().for_each(|item| add(item, hash));
            }
            Value::Map(map) => {
                let mut entries: Vec<_> = map.iter().collect();
                entries.sort_by(|a, b| a.key.cmp(&b.key));
                tagged(b't', &(entries.len() as u64).to_le_bytes());
                for entry in entries {
                    hash.update((entry.key.len() as u64).to_le_bytes());
                    hash.update(entry.key.as_bytes());
                    add(&entry.value, hash);
                }
            }
        }
    }
    let mut hash = Sha256::new();
    trees.for_each(|tree| add(tree, &mut hash));
    hex::encode(hash.finalize())
}

/// A users file named in a document starts at that document's folder.
fn name_users_files(tree: &Node, sources: &SourceMap, out: &mut Vec<(PathBuf, Option<source::Span>)>) {
    for item in tree.get("users_file").and_then(Node::as_seq).unwrap_or_default() {
        let Some(path) = item.as_str() else { continue };
        let directory = sources.get(item.span.source).directory().to_owned();
        let path = if path == "-" { PathBuf::from("-") } else { directory.join(path) };
        out.push((path, Some(item.span)));
    }
}

fn read_tree(path: &Path, world: &dyn World, sources: &SourceMap, diagnostics: &mut Diagnostics) -> Option<Node> {
    if path != Path::new("-") && Syntax::of_path(path).is_none() {
        diagnostics.push(
            Diagnostic::new(
                &code::UNKNOWN_FORMAT,
                format!("`{}` has no extension that tells its syntax", path.display()),
            )
            .help("name it `.toml`, `.yaml`, `.yml` or `.json`"),
        );
        return None;
    }
    read_document(path, Author::Config, world, sources, diagnostics)
}

/// Reads one file as a tree; of standard input (`-`) the first line tells the syntax.
pub fn read_document(
    path: &Path,
    author: Author,
    world: &dyn World,
    sources: &SourceMap,
    diagnostics: &mut Diagnostics,
) -> Option<Node> {
    let mut text = match world.read(path, Some(MAX_CONFIG_BYTES)) {
        Ok(text) => text,
        Err(error) => {
            diagnostics.push(unreadable(path, &error));
            return None;
        }
    };
    let syntax = Syntax::of_path(path).unwrap_or_else(|| Syntax::of_text(&text));
    let text = std::mem::take(&mut *text);
    let id = sources.add(shown(path), path.parent().unwrap_or(Path::new("")), author, text);
    match source::parse(sources, id, syntax) {
        Ok(tree) => Some(tree),
        Err(faults) => {
            let help = match author {
                Author::Config => "write a config in it: `swarmgen init` makes one to start from",
                Author::Data => "write a table in it",
            };
            diagnostics.extend(faults.into_iter().map(|fault| told(fault, help)));
            None
        }
    }
}

/// A fault as a finding; `help` is for an empty text, of which only its reader knows what it is for.
fn told(fault: Fault, help: &str) -> Diagnostic {
    let empty = fault.kind == FaultKind::Empty;
    let diagnostic = Diagnostic::from(fault);
    if empty { diagnostic.help(help) } else { diagnostic }
}

fn shown(path: &Path) -> String {
    if path == Path::new("-") { "<stdin>".to_owned() } else { path.display().to_string() }
}

fn unreadable(path: &Path, error: &ReadError) -> Diagnostic {
    let name = shown(path);
    match error {
        ReadError::NotUtf8 { utf16: true, .. } => {
            Diagnostic::new(&code::NOT_UTF8, format!("`{name}` is not UTF-8 text but UTF-16"))
                .note("it starts with the byte order mark of UTF-16")
                .help("save the file as UTF-8")
        }
        ReadError::NotUtf8 { offset, line, utf16: false } => {
            Diagnostic::new(&code::NOT_UTF8, format!("`{name}` is not UTF-8 text"))
                .note(format!("the first invalid byte is at offset {offset}, on line {line}"))
                .help("save the file as UTF-8")
        }
        ReadError::TooLarge { limit } => {
            Diagnostic::new(&code::TOO_LARGE, format!("`{name}` is larger than {} MiB", limit >> 20))
                .help("put users into a users file, which may be of any size")
        }
        ReadError::Directory => {
            Diagnostic::new(&code::UNREADABLE, format!("`{name}` is a directory")).help("name a file in it")
        }
        error => Diagnostic::new(&code::UNREADABLE, format!("`{name}` cannot be read: {error}")),
    }
}

/// Reads a users file; of standard input (`-`) the first line tells the syntax.
fn read_records(
    path: &Path,
    span: Option<source::Span>,
    world: &dyn World,
    sources: &SourceMap,
    diagnostics: &mut Diagnostics,
) -> Option<Records> {
    if path != Path::new("-") && RecordsSyntax::of_path(path).is_none() {
        diagnostics.push(
            Diagnostic::new(
                &code::UNKNOWN_FORMAT,
                format!("`{}` has no extension that tells how users are written in it", path.display()),
            )
            .maybe_at(span, "named here")
            .help("name it `.csv`, `.json`, `.jsonl`, `.yaml`, `.toml` or `.txt`"),
        );
        return None;
    }
    let mut text = match world.read(path, None) {
        Ok(text) => text,
        Err(error) => {
            diagnostics.push(unreadable(path, &error).maybe_at(span, "named here"));
            return None;
        }
    };
    let syntax = RecordsSyntax::of_path(path).unwrap_or_else(|| RecordsSyntax::of_text(&text));
    // Moved, not copied: a class list may be large.
    let text = std::mem::take(&mut *text);
    let id = sources.add(shown(path), path.parent().unwrap_or(Path::new("")), Author::Data, text);
    match Records::read(sources, id, syntax) {
        Ok(records) => {
            if records.is_empty() && records.faults().is_empty() {
                let start = source::Span::new(id, 0, 0);
                diagnostics.push(
                    Diagnostic::new(&code::EMPTY_USERS_FILE, "this users file lists nobody")
                        .at(span.unwrap_or(start), "")
                        .help("check what writes it, or remove it until there are users"),
                );
            }
            Some(records)
        }
        Err(faults) => {
            let help = "list users in it, or remove it";
            diagnostics.extend(faults.into_iter().map(|fault| told(fault, help)));
            None
        }
    }
}

/// The part of a document that a server's tree starts from: the service attributes.
pub fn base(root: &Node) -> Node {
    const SERVICE: &[&str] = &[
        "accelerators",
        "container_spec",
        "endpoint_spec",
        "image",
        "labels",
        "log_driver",
        "networks",
        "placement",
        "resource_spec",
        "restart_policy",
        "rollback_config",
        "update_config",
    ];
    let mut map = Map::new();
    for entry in root.as_map().into_iter().flatten() {
        if SERVICE.contains(&&*entry.key) {
            map.insert(entry.clone());
        }
    }
    Node::new(root.span, Value::Map(map))
}
