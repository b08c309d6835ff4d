//! What the names in one server's templates stand for.

mod assembly;
mod evaluate;
mod memo;

use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::diag::{Diagnostic, code};
use crate::ir::Text;
use crate::source::{Author, Entry, Node, Span, Value};

use super::decode::is_plugin;
use super::roster::User;
use super::secret;
use super::template::{Segment, may_be_template, segments, swarm};
use super::{Asked, Compiler, Names};

pub use assembly::Assembly;
use memo::Expanded;
pub use memo::Memo;

/// The names that every template may use, sorted. Attributes may not be called so, but for those of [`OF_USERS`].
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

/// Built-ins that a user's attribute of that name comes before: who they run as is often known of users.
pub const OF_USERS: &[&str] = &["gid", "uid"];

/// Built-ins whose value is the same for every user.
pub const SAME_FOR_ALL: &[&str] = &["deployment", "hub", "image", "notebook_dir", "port", "prefix", "profile"];

/// Built-ins that tell users apart: what is named after one of them is meant for one user.
pub const OF_ONE_USER: &[&str] = &["name", "owner", "service", "uid", "username"];

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
/// How much text all placeholders of one server may insert, in bytes: many times what the engine takes of a service.
const MAX_INSERTED: usize = 64 << 20;

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
    /// How many bytes have been inserted.
    pub(super) inserted: Cell<usize>,
    /// Findings that do not stop the evaluation.
    pub(super) warnings: RefCell<Vec<Diagnostic>>,
    /// Room of earlier texts, for the next one.
    pub(super) buffers: RefCell<Vec<Assembly>>,
    /// Whether what was evaluated depends on the profile.
    pub(super) of_profile: Cell<bool>,
    /// What earlier profiles of the same user left.
    pub(super) memo: &'a Memo,
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
    /// The names of the server that is asked for, with its merged tree and its profile's name.
    pub(super) fn new(compiler: &'a Compiler<'a>, asked: Asked<'a>, spec: &'a Node, profile: &'a Arc<str>) -> Self {
        let Asked { user, names, request, probe } = asked;
        Self {
            compiler,
            user,
            spec,
            profile,
            set: request.set,
            names,
            server_name: request.server_name,
            probe,
            pending: RefCell::default(),
            evaluated: Cell::default(),
            inserted: Cell::default(),
            warnings: RefCell::default(),
            buffers: RefCell::default(),
            of_profile: Cell::default(),
            memo: &names.memo,
        }
    }

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
        self.compiler.is_template(node)
    }

    /// Tells whether nothing in a tree differs from server to server.
    pub fn is_constant(&self, node: &Node) -> bool {
        match &node.value {
            Value::Map(map) => {
                // A mount over SSHFS may take the user's credential.
                let driver = map.get("driver_config").and_then(|driver| driver.get("name")).and_then(Node::as_str);
                let sshfs = map.get("type").and_then(Node::as_str) == Some("sshfs") || driver.is_some_and(is_plugin);
                !sshfs && !secret::is_reference(map) && map.iter().all(|entry| self.is_constant(&entry.value))
            }
            Value::Seq(items) => items.iter().all(|item| self.is_constant(item)),
            _ => !self.is_template(node),
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
        // What attributes refer to is evaluated each time, so that its size is bounded by how often that is.
        if !self.pending.borrow().is_empty() {
            return self.expand(node, text, place);
        }
        if let Some(text) = self.memo.text(node.span, place, text) {
            return Ok(text);
        }
        let (before, warned) = (self.of_profile.replace(false), self.warnings.borrow().len());
        let expanded = self.expand(node, text, place);
        if let Ok(expanded) = &expanded
            && !self.of_profile.get()
            && self.warnings.borrow().len() == warned
        {
            let template = Arc::clone(text);
            self.memo.keep(Expanded { span: node.span, place, template, text: expanded.clone() });
        }
        self.of_profile.set(before || self.of_profile.get());
        expanded
    }

    fn expand(&self, node: &Node, text: &Arc<str>, place: Place) -> Result<Text, Failure> {
        let mut assembly = self.buffers.borrow_mut().pop().unwrap_or_default();
        for segment in segments(text) {
            match segment {
                Segment::Literal(text) => assembly.literal.push_str(text),
                Segment::Placeholder { path, range } => {
                    let span = || self.part(node, text, &range);
                    let value = self.inserted(place, self.placeholder(path, &span)?, &span)?;
                    assembly.push(&value);
                }
                Segment::Angle { path, range } => {
                    let root = path.split('.').next().unwrap_or(path);
                    if self.compiler.is_known(root) || self.set.iter().any(|entry| &*entry.key == root) {
                        let span = || self.part(node, text, &range);
                        let value = self.inserted(place, self.placeholder(path, &span)?, &span)?;
                        assembly.push(&value);
                    } else {
                        assembly.literal.push_str(&text[range]);
                    }
                }
                Segment::Expression { source, range } => {
                    let span = || self.part(node, text, &range);
                    let value = self.inserted(place, self.expression(source, &span)?, &span)?;
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
                    } else if let Some(problem) = swarm::problem(template, || self.part(node, text, &range)) {
                        return Err(Box::new(problem));
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

    /// Refuses a value that may not be inserted.
    fn inserted(&self, place: Place, value: Text, span: &dyn Fn() -> Span) -> Result<Text, Failure> {
        let value = guard(place, value, span)?;
        let inserted = self.inserted.get().saturating_add(value.expose().len());
        self.inserted.set(inserted);
        if inserted > MAX_INSERTED {
            return Err(Box::new(
                Diagnostic::new(
                    &code::TEMPLATE_FAILED,
                    format!("the templates of one server insert more than {} MiB", MAX_INSERTED >> 20),
                )
                .at(span(), "this is too much")
                .help("the engine takes no service over 1.5 MiB: put long texts into a Swarm config or a volume"),
            ));
        }
        Ok(value)
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
        // One that is null is none, as an empty cell of a table.
        let of =
            |entries: &'a [Entry]| entries.iter().find(|entry| &*entry.key == name && entry.value.value != Value::Null);
        of(self.set).or_else(|| of(&self.user.attributes)).or_else(|| self.compiler.defaults.entry(name))
    }

    fn builtin(&self, name: &str) -> Result<Option<Found<'_>>, Failure> {
        let settings = &self.compiler.settings;
        let shared = |text: &Arc<str>| Ok(Some(Found::Builtin(Text::from(Arc::clone(text)))));
        if matches!(name, "gid" | "image" | "profile" | "uid") {
            self.of_profile.set(true);
        }
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
            _ if OF_USERS.contains(&name) && self.entry(name).is_some() => Ok(None),
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
