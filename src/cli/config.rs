//! Finding the config, and loading it with what else the command line names.

use std::path::{Path, PathBuf};

use crate::check::canonical::printable;
use crate::check::level::Level;
use crate::diag::{Diagnostic, Diagnostics, code};
use crate::resolve::document::{Inputs, read_document};
use crate::resolve::roster;
use crate::resolve::scope::{BUILTINS, OF_USERS};
use crate::resolve::settings::SecretNames;
use crate::source::{Author, Entry, Node, SourceMap, Span, Syntax, Value, World};

use super::args::Global;

/// Where a config is looked for.
const STEMS: [&str; 2] = ["swarmgen", "config"];
const EXTENSIONS: [&str; 4] = ["toml", "yaml", "yml", "json"];

/// The configs that were named, else the one of the environment, else the one that is here.
pub(super) fn located(mut configs: Vec<PathBuf>) -> Option<Vec<PathBuf>> {
    if configs.is_empty() {
        configs.extend(std::env::var_os("SWARMGEN_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from));
    }
    if configs.is_empty() {
        let here = STEMS
            .iter()
            .flat_map(|stem| EXTENSIONS.iter().map(move |extension| PathBuf::from(format!("{stem}.{extension}"))))
            .find(|path| path.is_file())?;
        configs.push(here);
    }
    Some(configs)
}

/// What to load: what the arguments name, else what `SWARMGEN_CONFIG` does, else a file of a usual name here.
pub(super) fn inputs(global: &Global, named: &[PathBuf], diagnostics: &mut Diagnostics) -> Option<Inputs> {
    let Some(configs) = located(global.config.iter().chain(named).cloned().collect()) else {
        diagnostics.push(
            Diagnostic::new(&code::NO_CONFIG, "no config was found here")
                .help("name it with `-c FILE`, or write a starter with `swarmgen init`")
                .note("looked for `swarmgen` and `config` with `.toml`, `.yaml`, `.yml` and `.json`"),
        );
        return None;
    };
    // Of several levels for one rule the strictest counts.
    let levels = [(&global.allow, Level::Allow), (&global.warn, Level::Warn), (&global.deny, Level::Deny)];
    let levels = levels.into_iter().flat_map(|(subjects, level)| subjects.iter().map(move |subject| (*subject, level)));
    Some(Inputs { configs, users_files: global.users_file.clone(), levels: levels.collect() })
}

/// Reads a file that holds a table of data: TOML, YAML or JSON by its extension.
pub(super) fn data_file(
    path: &Path,
    world: &dyn World,
    sources: &SourceMap,
    diagnostics: &mut Diagnostics,
) -> Option<Node> {
    if path != Path::new("-") && Syntax::of_path(path).is_none() {
        diagnostics.push(
            Diagnostic::new(
                &code::UNKNOWN_FORMAT,
                format!("`{}` has no extension that tells its syntax", path.display()),
            )
            .help("name it `.json`, `.yaml` or `.toml`"),
        );
        return None;
    }
    let node = read_document(path, Author::Data, world, sources, diagnostics)?;
    for entry in node.as_map().into_iter().flatten() {
        SecretNames::default().visit_data(entry, &mut |node| sources.mark_secret(node.span));
    }
    Some(node)
}

/// The entries of a table of text: the hub's environment, or ids.
pub(super) fn text_table(node: &Node, diagnostics: &mut Diagnostics) -> Vec<Entry> {
    let Some(map) = node.as_map() else {
        diagnostics.push(
            Diagnostic::new(&code::WRONG_TYPE, format!("expected a table, found {}", node.type_name()))
                .at(node.span, ""),
        );
        return Vec::new();
    };
    let mut entries = Vec::new();
    for entry in map {
        let text = match &entry.value.value {
            Value::Str(_) => {
                entries.push(entry.clone());
                continue;
            }
            Value::Int(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
            Value::Bool(truth) => truth.to_string(),
            Value::Null | Value::Seq(_) | Value::Map(_) => {
                diagnostics.push(
                    Diagnostic::new(
                        &code::WRONG_TYPE,
                        format!("`{}`: expected text, found {}", printable(&entry.key), entry.value.type_name()),
                    )
                    .at(entry.value.span, ""),
                );
                continue;
            }
        };
        entries.push(Entry { value: Node::string(entry.value.span, text), ..entry.clone() });
    }
    entries
}

/// Reads the hub's environment: a table, or lines of `NAME=VALUE` as `env` prints them.
pub(super) fn hub_env(
    path: &Path,
    world: &dyn World,
    sources: &SourceMap,
    diagnostics: &mut Diagnostics,
) -> Vec<Entry> {
    if path != Path::new("-") && Syntax::of_path(path).is_none() {
        return env_lines(path, world, sources, diagnostics);
    }
    let Some(node) = data_file(path, world, sources, diagnostics) else { return Vec::new() };
    // Which of its values are secret is the hub's to know: none is shown.
    match node.as_map() {
        Some(map) => map.iter().for_each(|entry| sources.mark_secret(entry.value.span)),
        None => sources.mark_secret(node.span),
    }
    text_table(&node, diagnostics)
}

fn env_lines(path: &Path, world: &dyn World, sources: &SourceMap, diagnostics: &mut Diagnostics) -> Vec<Entry> {
    let text = match world.read(path, None) {
        Ok(text) => text,
        Err(error) => {
            diagnostics
                .push(Diagnostic::new(&code::UNREADABLE, format!("`{}` cannot be read: {error}", path.display())));
            return Vec::new();
        }
    };
    let id = sources.add(path.display().to_string(), "", Author::Data, text.to_string());
    let mut entries: Vec<Entry> = Vec::new();
    let mut start = 0;
    for line in sources.get(id).text().split('\n') {
        let span = Span::new(id, start, start + line.len());
        start += line.len() + 1;
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        // The value may be a secret: the whole line is never shown.
        sources.mark_secret(span);
        match line.split_once('=') {
            Some((name, _)) if name.contains(char::is_whitespace) => diagnostics.push(
                Diagnostic::new(&code::SYNTAX, "the name of a variable in the hub's environment has spaces in it")
                    .at(span, "")
                    .help("write `NAME=VALUE` as `env` prints it, without `export` and without spaces around the `=`"),
            ),
            Some((name, value)) if !name.is_empty() => {
                let entry = Entry { key: name.into(), key_span: span, value: Node::string(span, value) };
                match entries.iter_mut().find(|own| own.key == entry.key) {
                    Some(own) => *own = entry,
                    None => entries.push(entry),
                }
            }
            _ => diagnostics.push(
                Diagnostic::new(&code::SYNTAX, "a line of the hub's environment has the form `NAME=VALUE`")
                    .at(span, ""),
            ),
        }
    }
    entries
}

/// Turns `--set NAME=VALUE` into attributes.
pub(super) fn attributes(set: &[String], sources: &SourceMap, diagnostics: &mut Diagnostics) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for text in set {
        let id = sources.add("--set", "", Author::Data, text.clone());
        let Some((name, value)) = text.split_once('=').filter(|(name, _)| !name.is_empty()) else {
            diagnostics.push(
                Diagnostic::new(&code::SYNTAX, "`--set` takes `NAME=VALUE`").at(Span::new(id, 0, text.len()), ""),
            );
            continue;
        };
        let value_span = Span::new(id, name.len() + 1, text.len());
        sources.mark_secret(value_span);
        let refusal = |what| Diagnostic::new(&code::RESERVED_ATTRIBUTE, format!("`{name}` {what}"));
        let refusal = if name == "profile" {
            Some(refusal("is no attribute").help("choose one with `--profile`"))
        } else if roster::RESERVED.contains(&name) {
            Some(refusal("is no attribute").help("set it in the user's entry under `[users]` or in a users file"))
        } else if BUILTINS.contains(&name) && !OF_USERS.contains(&name) {
            Some(refusal("is a built-in and cannot be set"))
        } else {
            None
        };
        if let Some(refusal) = refusal {
            diagnostics.push(refusal.at(Span::new(id, 0, name.len()), ""));
            continue;
        }
        entries.retain(|own| &*own.key != name);
        entries.push(Entry {
            key: name.into(),
            key_span: Span::new(id, 0, name.len()),
            value: Node::string(value_span, value),
        });
    }
    entries
}
