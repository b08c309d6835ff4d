//! What the fuzz targets do with an input, and what must hold whatever it is: see [`input`] for how it is read.
//!
//! No panic, no error without a reason, every place inside its text, and no secret in what is shown. The world is in
//! memory: no file, variable or command outside is touched. `tests/fuzz.rs` runs the inputs in `regressions/`.

mod import;
mod input;
mod world;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use swarmgen::check::canonical::canonicalize;
use swarmgen::diag::fix::{apply, edits, readable};
use swarmgen::diag::render::{github, human, json, sarif, short};
use swarmgen::diag::{Diagnostic, Diagnostics, Severity};
use swarmgen::emit::engine::NoIds;
use swarmgen::emit::template::Entry;
use swarmgen::emit::{ApiVersion, cli, compose, engine, template};
use swarmgen::ir::Service;
use swarmgen::resolve::document::{self, Inputs};
use swarmgen::resolve::roster::User;
use swarmgen::resolve::{Compiler, Request};
use swarmgen::source::records::Records;
use swarmgen::source::{Author, Node, SourceMap, Span, Syntax, Value, parse};

pub use import::import;
use input::{Input, Kind};
use world::Shelf;

/// Users of an input whose servers are resolved.
const MOST_USERS: usize = 3;
/// Errors about files, users or the config as a whole; all others have a place.
const WITHOUT_PLACE: [&str; 12] =
    ["SG001", "SG002", "SG003", "SG004", "SG011", "SG012", "SG214", "SG306", "SG309", "SG317", "SG322", "SG408"];
/// Uses every filter and everything that a template is given.
const TEMPLATE: &str =
    "{% for s in services %}{{ s | yaml }}{{ s.spec }}{{ s.container_spec.command | shell }}{% endfor %}";

/// Reads each text of an input as a tree or as records.
pub fn load(bytes: &[u8]) {
    for (kind, text) in Input::new(bytes).parts {
        let sources = SourceMap::new();
        let id = sources.add("text", "", Author::Config, text);
        let faults = match kind {
            Kind::Config(syntax) | Kind::Options(syntax) => match parse(&sources, id, syntax) {
                Ok(tree) => {
                    walk(&tree, &mut |span| inside(span, &sources));
                    continue;
                }
                Err(faults) => faults,
            },
            Kind::Users(syntax) => match Records::read(&sources, id, syntax) {
                Ok(records) => {
                    records.keys().iter().for_each(|(_, span)| inside(*span, &sources));
                    for index in 0..=records.len() {
                        let record = records.get(index);
                        inside(record.span, &sources);
                        assert_eq!(index < records.len(), record.fields.iter().any(|field| &*field.key == "name"));
                        for field in &record.fields {
                            inside(field.key_span, &sources);
                            walk(&field.value, &mut |span| inside(span, &sources));
                        }
                    }
                    continue;
                }
                Err(faults) => faults,
            },
        };
        assert!(!faults.is_empty(), "no tree, and nothing says why");
        let mut diagnostics = Diagnostics::new();
        diagnostics.extend(faults.into_iter().map(Diagnostic::from));
        told(&diagnostics, &sources);
    }
}

/// Loads and checks the documents of an input as one.
pub fn check(bytes: &[u8]) {
    let input = Input::new(bytes);
    let Some((shelf, inputs)) = shelve(&input) else { return };
    let sources = SourceMap::new();
    let mut diagnostics = Diagnostics::new();
    let loaded = document::load(&inputs, &shelf, &sources, &mut diagnostics);
    assert_eq!(loaded.is_none(), diagnostics.has_errors(), "{}", told(&diagnostics, &sources));
    if let Some(document) = loaded {
        walk(&document.root, &mut |span| inside(span, &sources));
        let mut again = document.root.clone();
        canonicalize(&mut again, &mut Diagnostics::new());
        assert!(again == document.root, "the canonical form is none");
        diagnostics.extend(document.levels.unused(|_| true));
    }
    shelf.check_shown(&told(&diagnostics, &sources));
}

/// Resolves the servers of an input's first users with every profile that they may use, and emits them.
pub fn compile(bytes: &[u8]) {
    let input = Input::new(bytes);
    let Some((shelf, inputs)) = shelve(&input) else { return };
    let sources = SourceMap::new();
    let mut diagnostics = Diagnostics::new();
    let Some(compiler) = Compiler::load(&inputs, &shelf, &sources, &mut diagnostics) else {
        assert!(diagnostics.has_errors(), "no compiler, and nothing says why");
        return shelf.check_shown(&told(&diagnostics, &sources));
    };
    let options = input.options().and_then(|(syntax, text)| {
        let id = sources.add("options", "", Author::Data, text.to_owned());
        parse(&sources, id, syntax).ok()
    });
    compiler.check_config(&mut diagnostics);
    compiler.probe(&mut diagnostics);
    let mut users: Vec<User<'_>> =
        (0..compiler.roster.len().min(MOST_USERS)).map(|index| compiler.roster.user(index)).collect();
    users.extend(compiler.user("nobody@example.org", &mut diagnostics));
    for user in &users {
        compiler.check_user(user, &Request::default(), &mut diagnostics);
        compiler.check_owner(user, &mut diagnostics);
    }
    compiler.check_owners(&mut diagnostics);
    let mut services = Vec::new();
    for user in &users {
        let asked = [("", None), ("Second Server", options.as_ref())];
        let asked = asked.into_iter().filter(|(name, options)| name.is_empty() || options.is_some());
        for (server_name, options) in asked {
            for profile in compiler.allowed_profiles(user) {
                let request =
                    Request { profile: Some(&profile), server_name, options, stack: Some("hub"), ..Request::default() };
                let mut found = Diagnostics::new();
                let server = compiler.resolve(user, &request, &mut found);
                assert_eq!(server.is_none(), found.has_errors(), "{}", told(&found, &sources));
                if let Some(server) = server {
                    walk(&server.spec, &mut |span| inside(span, &sources));
                    found.extend(emitted(&server.service, &server.spec));
                    services.push(server.service);
                }
                diagnostics.merge(found);
            }
        }
    }
    let _ = template::render("template", TEMPLATE, &services.iter().map(|service| entry(service)).collect::<Vec<_>>());
    // A stack has one server of each name; two users with one are told of above.
    let mut names = HashSet::new();
    services.retain(|service: &Service| names.insert(Arc::clone(&service.name)));
    if let Ok(stack) = compose::stack(&services, &compiler.digest) {
        let stack = String::from_utf8(stack).expect("a stack is text");
        let ours = SourceMap::new();
        let id = ours.add("stack", "", Author::Data, stack.clone());
        assert!(parse(&ours, id, Syntax::Yaml).is_ok(), "the stack is no YAML:\n{stack}");
    }
    compiler.mark_secrets();
    diagnostics.extend(compiler.unused_comments());
    shelf.check_shown(&told(&diagnostics, &sources));
}

/// The input's texts as files; `None` if no config is among them.
fn shelve(input: &Input) -> Option<(Shelf, Inputs)> {
    let mut shelf = Shelf::default();
    let mut inputs = Inputs::default();
    for (index, (kind, text)) in input.parts.iter().enumerate() {
        let path = PathBuf::from(format!("part{index}.{}", kind.extension()));
        match kind {
            Kind::Config(_) => inputs.configs.push(path.clone()),
            Kind::Users(_) => inputs.users_files.push(path.clone()),
            Kind::Options(_) => continue,
        }
        shelf.add(path, text);
    }
    (!inputs.configs.is_empty()).then_some((shelf, inputs))
}

fn entry(service: &Service) -> Entry<'_> {
    Entry { service, spec: engine::body(service, ApiVersion::V1_45, &NoIds).ok() }
}

/// Emits a service in each format; what a format cannot say.
fn emitted(service: &Service, spec: &Node) -> Vec<Diagnostic> {
    let mut refused = Vec::new();
    for api in [ApiVersion::V1_41, ApiVersion::V1_45] {
        refused.extend(engine::body(service, api, &NoIds).err().into_iter().flatten());
        match cli::command(service, api) {
            Ok(command) => assert!(!command.contains('\0'), "a command with a NUL"),
            Err(inexpressible) => refused.extend(inexpressible),
        }
    }
    refused.extend(compose::service_fragment(service, &mut Vec::new()).err().into_iter().flatten());
    let diagnostic = |what: swarmgen::emit::Inexpressible| {
        Diagnostic::new(what.code, what.message).at(spec.nearest(&what.pointer).span, "")
    };
    refused.into_iter().map(diagnostic).collect()
}

fn walk(node: &Node, visit: &mut impl FnMut(Span)) {
    visit(node.span);
    match &node.value {
        Value::Seq(items) => items.iter().for_each(|item| walk(item, visit)),
        Value::Map(map) => map.iter().for_each(|entry| {
            visit(entry.key_span);
            walk(&entry.value, visit);
        }),
        _ => {}
    }
}

/// A place is a piece of its text that starts and ends between characters.
fn inside(span: Span, sources: &SourceMap) {
    let source = sources.get(span.source);
    assert!(source.text().get(span.range()).is_some(), "no such place in `{}`: {span:?}", source.name());
}

/// What was found, in every format; its places and mends are checked.
fn told(diagnostics: &Diagnostics, sources: &SourceMap) -> String {
    for diagnostic in diagnostics.iter() {
        diagnostic.labels.iter().for_each(|label| inside(label.span, sources));
        diagnostic.fix.iter().for_each(|fix| inside(fix.span, sources));
        let needs_place = diagnostic.severity == Severity::Error && !WITHOUT_PLACE.contains(&diagnostic.code.id);
        assert!(!needs_place || diagnostic.primary().is_some(), "without a place: {diagnostic:?}");
    }
    for (id, edits) in edits(diagnostics, sources) {
        let source = sources.get(id);
        let Some(syntax) = Syntax::of_path(source.name().as_ref()) else { continue };
        let mended = apply(source.text(), &readable(source.text(), syntax, edits));
        let ours = SourceMap::new();
        let id = ours.add("mended", "", Author::Config, mended);
        assert!(parse(&ours, id, syntax).is_ok(), "a mended text cannot be read");
    }
    let sorted = diagnostics.sorted();
    let mut text = json::render(&sorted, sources) + &sarif::render(&sorted, sources);
    for diagnostic in sorted {
        text += &human::render(diagnostic, sources, true);
        text += &short::render(diagnostic, sources);
        text += &github::render(diagnostic, sources);
    }
    text
}
