//! What the names in one server's templates stand for.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use indexmap::IndexMap;
use minijinja::Value as JinjaValue;
use zeroize::Zeroizing;

use crate::diag::{Diagnostic, code};
use crate::ir::Text;
use crate::source::{Author, Entry, Node, Span, Value};

use super::{Compiler, Names};
use super::roster::User;
use super::secret;
use super::template::{Segment, escape_for_swarm, may_be_template, segments};

/// The names that every template may use, sorted. Attributes may not be called so.
pub const BUILTINS: &[&str] = &[
    "deployment",
    "gid",
    "hub",
    "image",
    "name",
    "notebook_dir",
    "owner",
    "port",
    "prefix",
    "profile",
    "server",
    "server_name",
    "service",
    "uid",
    "username",
];

/// Built-ins whose value is the same for every user.
pub const SAME_FOR_ALL: &[&str] = &["deployment", "hub", "image", "notebook_dir", "port", "prefix", "profile"];

/// Whether Swarm expands templates where a string goes (swarm-facts 4: six places).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Environment values, host name, mount source and target, values of volume labels and driver options.
    Expanded,
    /// Everywhere else.
    Plain,
    /// A path to a file that this machine reads: what is inserted may not lead elsewhere.
    Path,
}

/// How many attributes may refer to the next one in a row.
const MAX_REFERENCES: usize = 32;
/// How many attributes one server may expand: each that names the next one twice doubles the work.
const MAX_EVALUATIONS: u32 = 100_000;

/// What went wrong with a string; boxed because it is rare.
pub type Failure = Box<Diagnostic>;

/// The names of one server of one user.
pub struct Scope<'a> {
    pub(super) compiler: &'a Compiler<'a>,
    pub(super) user: &'a User<'a>,
    /// The merged tree of the server.
    pub(super) spec: &'a Node,
    /// The profile's name.
    pub(super) profile: &'a Arc<str>,
    /// Literal attributes for this run: `--set`, or what a hub hands over. They come first.
    pub(super) set: &'a [Entry],
    pub(super) names: &'a Names,
    pub(super) server_name: &'a str,
    /// Stand in for attributes whose value is not known, when a config is checked without users.
    pub(super) probe: bool,
    /// The attributes being evaluated, to find circles.
    pub(super) pending: RefCell<Vec<Arc<str>>>,
    /// How many attributes have been expanded.
    pub(super) evaluated: Cell<u32>,
    /// Findings that do not stop the evaluation.
    pub(super) warnings: RefCell<Vec<Diagnostic>>,
    /// Room of earlier texts, for the next one.
    pub(super) buffers: RefCell<Vec<Assembly>>,
}

/// Text being put together.
#[derive(Default)]
pub struct Assembly {
    done: String,
    /// Literal text since the last of Swarm's templates, not yet escaped.
    literal: String,
    secret: bool,
}

impl Assembly {
    /// Takes the text; what is left is empty room.
    fn finish(&mut self, place: Place) -> Text {
        if self.done.is_empty() && (place != Place::Expanded || !self.literal.contains("{{")) {
            std::mem::swap(&mut self.done, &mut self.literal);
        } else {
            self.flush(place, false);
        }
        if std::mem::take(&mut self.secret) {
            return Text::secret(Zeroizing::new(std::mem::take(&mut self.done)));
        }
        let text = Text::from(self.done.as_str());
        self.done.clear();
        text
    }

    fn flush(&mut self, place: Place, before_action: bool) {
        match place {
            Place::Expanded => escape_for_swarm(&self.literal, before_action, &mut self.done),
            Place::Plain | Place::Path => self.done.push_str(&self.literal),
        }
        if self.secret {
            zeroize::Zeroize::zeroize(&mut self.literal);
        }
        self.literal.clear();
    }

    fn push(&mut self, text: &Text) {
        self.secret |= text.is_secret();
        self.literal.push_str(text.expose());
    }
}

impl Drop for Assembly {
    fn drop(&mut self) {
        if self.secret {
            zeroize::Zeroize::zeroize(&mut self.done);
            zeroize::Zeroize::zeroize(&mut self.literal);
        }
    }
}

/// An attribute found by its path.
enum Found<'a> {
    Builtin(Text),
    Node {
        node: &'a Node,
        secret: bool,
    },
    /// Declared somewhere, but this user has none.
    Missing,
    /// Declared nowhere.
    Unknown,
}

impl<'a> Scope<'a> {
    /// The text of a string, with its templates expanded if the operator wrote it.
    ///
    /// # Errors
    ///
    /// Unknown placeholders, attributes that the user lacks, circles, expressions that fail, unreadable secrets.
    pub fn text(&self, node: &Node, place: Place) -> Result<Text, Failure> {
        match &node.value {
            Value::Str(text) => self.string(node, text, place),
            Value::Bool(truth) => Ok(Text::from(if *truth { "true" } else { "false" })),
            Value::Int(number) => Ok(Text::from(number.to_string())),
            Value::Float(number) => Ok(Text::from(number.to_string())),
            Value::Map(map) if secret::is_reference(map) => {
                let text = self.secret(node)?;
                Ok(self.literal(&text, place))
            }
            Value::Null | Value::Seq(_) | Value::Map(_) => Err(Box::new(
                Diagnostic::new(&code::WRONG_TYPE, format!("expected text, found {}", node.type_name()))
                    .at(node.span, ""),
            )),
        }
    }

    /// Literal text as it must stand in a place.
    pub fn literal(&self, text: &Text, place: Place) -> Text {
        if place != Place::Expanded || !text.expose().contains("{{") {
            return text.clone();
        }
        let mut assembly = Assembly::default();
        assembly.push(text);
        assembly.finish(place)
    }

    /// Tells whether a node's text differs from server to server, or is not known before a server is.
    pub fn is_template(&self, node: &Node) -> bool {
        match &node.value {
            Value::Str(text) => {
                may_be_template(text)
                    && self.author(node) == Author::Config
                    && segments(text).any(|segment| !matches!(segment, Segment::Literal(_) | Segment::Swarm { .. }))
            }
            Value::Map(map) => secret::is_reference(map),
            _ => false,
        }
    }

    fn author(&self, node: &Node) -> Author {
        self.compiler.author(node.span.source)
    }

    fn string(&self, node: &Node, text: &Arc<str>, place: Place) -> Result<Text, Failure> {
        if !may_be_template(text) {
            return Ok(Text::from(Arc::clone(text)));
        }
        if self.author(node) == Author::Data {
            return Ok(self.literal(&Text::from(Arc::clone(text)), place));
        }
        let mut assembly = self.buffers.borrow_mut().pop().unwrap_or_default();
        for segment in segments(text) {
            match segment {
                Segment::Literal(text) => assembly.literal.push_str(text),
                Segment::Placeholder { path, range } => {
                    let span = || self.part(node, text, &range);
                    let value = guard(place, self.placeholder(path, &span)?, &span)?;
                    assembly.push(&value);
                }
                Segment::Angle { path, range } => {
                    let root = path.split('.').next().unwrap_or(path);
                    if self.compiler.is_known(root) || self.set.iter().any(|entry| &*entry.key == root) {
                        let span = || self.part(node, text, &range);
                        let value = guard(place, self.placeholder(path, &span)?, &span)?;
                        assembly.push(&value);
                    } else {
                        assembly.literal.push_str(&text[range]);
                    }
                }
                Segment::Expression { source, range } => {
                    let span = || self.part(node, text, &range);
                    let value = guard(place, self.expression(source, &span)?, &span)?;
                    assembly.push(&value);
                }
                Segment::Swarm { text: template, range } => {
                    if place != Place::Expanded {
                        self.warnings.borrow_mut().push(
                            Diagnostic::new(&code::SWARM_TEMPLATE, "Swarm expands no template here")
                                .at(self.part(node, text, &range), "this stays as it is")
                                .note(
                                    "Swarm expands templates in environment values, the host name, mount sources and \
                                     targets, volume labels and driver options",
                                ),
                        );
                    }
                    assembly.flush(place, true);
                    assembly.done.push_str(template);
                }
                Segment::Unclosed { range } => {
                    return Err(Box::new(
                        Diagnostic::new(&code::TEMPLATE_SYNTAX, "an expression starts with `{{` and never ends")
                            .at(self.part(node, text, &range), "no `}}` follows")
                            .help("close it with `}}`, or write `{{ \"{{\" }}` for two literal braces"),
                    ));
                }
            }
        }
        let text = assembly.finish(place);
        self.buffers.borrow_mut().push(assembly);
        Ok(text)
    }

    /// The span of a part of a string, where the source shows the part as it is; else the whole string's.
    fn part(&self, node: &Node, text: &str, range: &Range<usize>) -> Span {
        let source = self.compiler.sources.get(node.span.source);
        let raw = source.text().get(node.span.range()).unwrap_or_default();
        let Some(wanted) = text.get(range.clone()) else { return node.span };
        // The part may occur several times: as often before it in the source as in the string.
        let before = text[..range.start].matches(wanted).count();
        match raw.match_indices(wanted).nth(before) {
            Some((at, _)) => node.span.slice(at, at + wanted.len()),
            None => node.span,
        }
    }

    fn placeholder(&self, path: &str, span: &dyn Fn() -> Span) -> Result<Text, Failure> {
        match self.find(path)? {
            Found::Builtin(text) => Ok(text),
            Found::Node { node, secret } => self.attribute(path, node, secret, span),
            Found::Missing if self.probe && !BUILTINS.contains(&path) => Ok(Text::from("x")),
            Found::Missing => Err(Box::new(self.missing(path, span()))),
            Found::Unknown => Err(Box::new(self.unknown(path, span()))),
        }
    }

    /// The text of an attribute, itself a template if the operator wrote it.
    fn attribute(&self, path: &str, node: &Node, secret: bool, span: &dyn Fn() -> Span) -> Result<Text, Failure> {
        let text = match &node.value {
            Value::Str(_) => {
                let _guard = self.enter(path, node, span)?;
                self.text(node, Place::Plain).map_err(|failure| Box::new(failure.at(span(), "needed here")))?
            }
            Value::Map(map) if secret::is_reference(map) => {
                let _guard = self.enter(path, node, span)?;
                self.secret(node).map_err(|failure| Box::new(failure.at(span(), "needed here")))?
            }
            Value::Null | Value::Seq(_) | Value::Map(_) => {
                return Err(Box::new(
                    Diagnostic::new(
                        &code::WRONG_TYPE,
                        format!("attribute `{path}` is {}, which is no text", node.type_name()),
                    )
                    .at(span(), "used here")
                    .at(node.span, "set here")
                    .help(format!("name one of its values (`{{{path}.key}}`), or write `{{{{ {path}|tojson }}}}`")),
                ));
            }
            _ => self.text(node, Place::Plain)?,
        };
        Ok(if secret && !text.is_secret() { Text::secret(Zeroizing::new(text.expose().to_owned())) } else { text })
    }

    fn enter(&self, path: &str, node: &Node, span: &dyn Fn() -> Span) -> Result<Pending<'_>, Failure> {
        if self.author(node) == Author::Config && may_be_template_node(node) {
            let mut pending = self.pending.borrow_mut();
            if let Some(start) = pending.iter().position(|name| &**name == path) {
                let mut circle: Vec<&str> = pending[start..].iter().map(|name| &**name).collect();
                circle.push(path);
                return Err(Box::new(
                    Diagnostic::new(&code::ATTRIBUTE_CYCLE, format!("`{path}` refers to itself"))
                        .at(span(), "")
                        .note(format!("the circle is {}", circle.join(" -> "))),
                ));
            }
            if pending.len() >= MAX_REFERENCES {
                return Err(Box::new(
                    Diagnostic::new(
                        &code::TEMPLATE_FAILED,
                        format!("attributes refer to each other more than {MAX_REFERENCES} deep"),
                    )
                    .at(span(), ""),
                ));
            }
            let evaluated = self.evaluated.get() + 1;
            self.evaluated.set(evaluated);
            if evaluated > MAX_EVALUATIONS {
                return Err(Box::new(
                    Diagnostic::new(&code::TEMPLATE_FAILED, "attributes refer to each other too often").at(span(), ""),
                ));
            }
            pending.push(path.into());
            return Ok(Pending(Some(&self.pending)));
        }
        Ok(Pending(None))
    }

    fn find(&self, path: &str) -> Result<Found<'_>, Failure> {
        let (root, rest) = match path.split_once('.') {
            Some((root, rest)) => (root, Some(rest)),
            None => (path, None),
        };
        if rest.is_none()
            && let Some(found) = self.builtin(root)?
        {
            return Ok(found);
        }
        let entry = self.entry(root);
        let Some(entry) = entry else {
            return Ok(if self.compiler.is_known(root) { Found::Missing } else { Found::Unknown });
        };
        let names = &self.compiler.settings.secret_names;
        let mut secret = names.matches(root);
        let mut node = &entry.value;
        for key in rest.into_iter().flat_map(|rest| rest.split('.')) {
            match node.get(key) {
                Some(next) => node = next,
                None => return Ok(Found::Missing),
            }
            secret |= names.matches(key);
        }
        Ok(if node.value == Value::Null { Found::Missing } else { Found::Node { node, secret } })
    }

    /// The entry of an attribute: of this run, of the user, of all users.
    pub(super) fn entry(&self, name: &str) -> Option<&Entry> {
        let of = |entries: &'a [Entry]| entries.iter().find(|entry| &*entry.key == name);
        of(self.set).or_else(|| of(&self.user.attributes)).or_else(|| self.compiler.defaults.entry(name))
    }

    fn builtin(&self, name: &str) -> Result<Option<Found<'_>>, Failure> {
        let settings = &self.compiler.settings;
        let shared = |text: &Arc<str>| Ok(Some(Found::Builtin(Text::from(Arc::clone(text)))));
        match name {
            "name" | "owner" => shared(&self.names.owner),
            "username" => shared(&self.user.name),
            "service" => shared(&self.names.service),
            "server" => shared(&self.names.server),
            "prefix" => shared(&settings.prefix),
            "deployment" => shared(&settings.deployment),
            "server_name" => Ok(Some(Found::Builtin(Text::from(self.server_name)))),
            "profile" => shared(self.profile),
            "port" => Ok(Some(Found::Builtin(Text::from(settings.port.to_string())))),
            "hub" => Ok(Some(match &settings.hub {
                Some(hub) => Found::Builtin(Text::from(Arc::clone(hub))),
                None => Found::Missing,
            })),
            "notebook_dir" => self.setting(name, settings.notebook_dir.as_ref()).map(Some),
            "image" => self.setting(name, self.spec.get("image")).map(Some),
            "uid" | "gid" => self.identity(name).map(Some),
            _ => Ok(None),
        }
    }

    fn setting(&self, name: &str, node: Option<&Node>) -> Result<Found<'_>, Failure> {
        let Some(node) = node else { return Ok(Found::Missing) };
        let _guard = self.enter(name, node, &|| node.span)?;
        self.text(node, Place::Plain).map(Found::Builtin)
    }

    /// The numeric parts of the container's user.
    fn identity(&self, name: &str) -> Result<Found<'_>, Failure> {
        let Some(node) = self.spec.get("container_spec").and_then(|spec| spec.get("user")) else {
            return Ok(Found::Missing);
        };
        if self.probe && self.is_template(node) {
            return Ok(Found::Builtin(Text::from("1000")));
        }
        let _guard = self.enter(name, node, &|| node.span)?;
        let user = self.text(node, Place::Plain)?;
        let (uid, gid) = match user.expose().split_once(':') {
            Some((uid, gid)) => (uid, Some(gid)),
            None => (user.expose(), None),
        };
        let part = if name == "uid" { Some(uid) } else { gid };
        Ok(match part.filter(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())) {
            Some(part) => Found::Builtin(Text::from(part)),
            None => Found::Missing,
        })
    }

    fn secret(&self, node: &Node) -> Result<Text, Failure> {
        // Else whoever may send a request could read this machine's files and run its commands.
        if self.author(node) == Author::Data {
            return Err(Box::new(
                Diagnostic::new(&code::WRONG_TYPE, "only a config document may refer to a secret")
                    .at(node.span, "this comes from elsewhere")
                    .help("write the value itself, or move the reference into the config"),
            ));
        }
        if self.probe {
            return Ok(Text::secret(Zeroizing::new("x".to_owned())));
        }
        secret::read(self, node)
    }

    fn expression(&self, source: &str, span: &dyn Fn() -> Span) -> Result<Text, Failure> {
        let compiled = self.compiler.expressions.get(source).map_err(|error| {
            Box::new(
                Diagnostic::new(&code::TEMPLATE_SYNTAX, format!("the expression does not compile: {}", told(&error)))
                    .at(span(), "")
                    .help("`{{ .. }}` holds a MiniJinja expression; `{{ \"{{\" }}` writes two literal braces"),
            )
        })?;
        let mut context = HashMap::new();
        let mut secret = false;
        for name in compiled.names.iter().chain(&compiled.sliced) {
            match self.find(name)? {
                Found::Builtin(text) => {
                    secret |= text.is_secret();
                    context.insert(name.clone(), JinjaValue::from(text.expose()));
                }
                Found::Node { node, secret: is_secret } => {
                    let value = self.value(name, node, span, &mut secret)?;
                    secret |= is_secret;
                    context.insert(name.clone(), value);
                }
                Found::Missing if self.probe && !BUILTINS.contains(&name.as_str()) => {
                    context.insert(name.clone(), JinjaValue::from("x"));
                }
                Found::Missing => {}
                Found::Unknown if compiled.is_global(name) || compiled.sliced.contains(name) => {}
                Found::Unknown => return Err(Box::new(self.unknown(name, span()))),
            }
        }
        let lacking: Vec<&String> = compiled.names.iter().filter(|name| !context.contains_key(*name)).collect();
        match compiled.text(context) {
            Ok(text) if secret => Ok(Text::secret(Zeroizing::new(text))),
            Ok(text) => Ok(Text::from(text)),
            Err(error) => match lacking.as_slice() {
                [name] if error.kind() == minijinja::ErrorKind::UndefinedError => Err(Box::new(
                    self.missing(name, span()).help(format!("or give it a default: `{{{{ {name} or \"..\" }}}}`")),
                )),
                // The details of an error can quote values.
                _ if secret => Err(Box::new(
                    Diagnostic::new(&code::TEMPLATE_FAILED, "the expression failed on a secret").at(span(), ""),
                )),
                _ => Err(Box::new(
                    Diagnostic::new(&code::TEMPLATE_FAILED, format!("the expression failed: {}", told(&error)))
                        .at(span(), ""),
                )),
            },
        }
    }

    fn value(
        &self,
        path: &str,
        node: &Node,
        span: &dyn Fn() -> Span,
        secret: &mut bool,
    ) -> Result<JinjaValue, Failure> {
        Ok(match &node.value {
            Value::Null => JinjaValue::from(()),
            Value::Bool(truth) => JinjaValue::from(*truth),
            Value::Int(number) => JinjaValue::from(*number),
            Value::Float(number) => JinjaValue::from(*number),
            Value::Seq(items) => {
                let items: Result<Vec<_>, _> = items.iter().map(|item| self.value(path, item, span, secret)).collect();
                JinjaValue::from(items?)
            }
            Value::Map(map) if !secret::is_reference(map) => {
                let mut values = IndexMap::new();
                for entry in map {
                    *secret |= self.compiler.settings.secret_names.matches(&entry.key);
                    values.insert(JinjaValue::from(&*entry.key), self.value(path, &entry.value, span, secret)?);
                }
                JinjaValue::from(values)
            }
            Value::Str(_) | Value::Map(_) => {
                let text = self.attribute(path, node, false, span)?;
                *secret |= text.is_secret();
                JinjaValue::from(text.expose())
            }
        })
    }

    fn missing(&self, path: &str, span: Span) -> Diagnostic {
        if path == "hub" {
            return Diagnostic::new(&code::NO_HUB, "`{hub}` names the hub's service and the config has no hub")
                .at(span, "needed here")
                .help("set `jupyterhub_service_name`");
        }
        let diagnostic =
            Diagnostic::new(&code::MISSING_ATTRIBUTE, format!("`{path}` is not set")).at(span, "needed here");
        match path {
            "notebook_dir" => diagnostic.help("set `notebook_dir`"),
            "image" => diagnostic.help("give the profile an `image`"),
            "uid" | "gid" => diagnostic.help("set `uid_gid`, or a numeric `user`, to both ids (`\"1000:100\"`)"),
            _ => diagnostic.help(format!("give the user a `{path}`, or set a default under `[user_defaults]`")),
        }
    }

    fn unknown(&self, path: &str, span: Span) -> Diagnostic {
        let root = path.split('.').next().unwrap_or(path);
        let diagnostic = Diagnostic::new(
            &code::UNKNOWN_PLACEHOLDER,
            format!("`{path}` is no built-in and no attribute that the config declares"),
        )
        .at(span, "unknown placeholder");
        match self.compiler.suggest(root) {
            Some(name) => diagnostic.help(format!("did you mean `{{{name}}}`?")),
            None => diagnostic.help(format!(
                "declare it under `[user_defaults]` or for a user; for literal text write `{{{{ \"{{{path}}}\" }}}}`"
            )),
        }
    }
}

/// Refuses a value that would change which folder a path leads to.
fn guard(place: Place, value: Text, span: &dyn Fn() -> Span) -> Result<Text, Failure> {
    let text = value.expose();
    // A value of dots alone makes `..` of the dots beside it, or a folder of itself.
    let dots = !text.is_empty() && text.bytes().all(|byte| byte == b'.');
    if place == Place::Path && (dots || text.contains(['/', '\\', '\0']) || text.contains("..")) {
        return Err(Box::new(
            Diagnostic::new(&code::UNSAFE_PATH, "this value would lead the path out of its folder")
                .at(span(), "it holds `/`, `\\` or `..`, or is `.`")
                .help("use `{name}`, which is safe in paths for every user, or rename the file"),
        ));
    }
    Ok(value)
}

/// Takes its name off the stack when the evaluation of an attribute ends.
struct Pending<'s>(Option<&'s RefCell<Vec<Arc<str>>>>);

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if let Some(pending) = self.0 {
            pending.borrow_mut().pop();
        }
    }
}

fn may_be_template_node(node: &Node) -> bool {
    match &node.value {
        Value::Str(text) => may_be_template(text),
        _ => true,
    }
}

/// A MiniJinja error's own words, without its place in a template that nobody sees.
fn told(error: &minijinja::Error) -> String {
    let mut text = match error.detail() {
        Some(detail) => detail.to_owned(),
        None => error.kind().to_string(),
    };
    if text.len() > 200 {
        text = text.chars().take(200).collect();
    }
    text.to_lowercase()
}
