//! A server's merged tree becomes its service.
//!
//! The tree has passed the schema and is canonical, so what is left to go wrong is what only the expanded text shows:
//! amounts, paths, names. All findings of a server are collected; a field that fails gets a stand-in, and the caller
//! drops the service.

mod container;
mod fixed;
mod mount;
mod service;
mod sshfs;

use std::sync::Arc;

use crate::check::canonical::printable;
use crate::diag::{Code, Diagnostic, code, fix};
use crate::ir::{Pairs, Service, Text};
use crate::source::{Node, Span, Value};

use super::amount::{AmountError, Raw};
use super::scope::{Place, Scope};

pub use fixed::Fixed;
pub use service::service;
pub use sshfs::is_plugin;

/// Ownership labels start with this.
pub const LABEL_PREFIX: &str = "swarmgen.";
/// The service label that names the deployment.
pub const LABEL_DEPLOYMENT: &str = "swarmgen.deployment";
/// The service label that names the user.
pub const LABEL_USER: &str = "swarmgen.user";
/// The service label that names the server; empty for the default one.
pub const LABEL_SERVER: &str = "swarmgen.server";

/// Turns nodes into the IR's types, collecting what goes wrong.
pub struct Decoder<'s> {
    scope: &'s Scope<'s>,
    /// What earlier servers of the same tree left.
    fixed: Option<&'s Fixed>,
    /// The service of one of them, whose parts are taken over where they are the same.
    earlier: Option<&'s mut Service>,
    findings: Vec<Diagnostic>,
    /// The strings that could not be made, whose empty stand-ins nothing more is said about.
    failed: Vec<Span>,
}

impl<'s> Decoder<'s> {
    /// Makes a decoder for one server.
    pub fn new(scope: &'s Scope<'s>) -> Self {
        Self { scope, fixed: None, earlier: None, findings: Vec::new(), failed: Vec::new() }
    }

    /// Takes what is the same from earlier servers: for servers with just the tree of the profile that `fixed` belongs to.
    /// `earlier` is the service of one of them, for the same request; what is the same is taken out of it.
    #[must_use]
    pub fn after(self, fixed: &'s Fixed, earlier: Option<&'s mut Service>) -> Self {
        Self { fixed: Some(fixed), earlier, ..self }
    }

    /// The findings, those of the scope included.
    pub fn into_findings(mut self) -> Vec<Diagnostic> {
        self.findings.append(&mut self.scope.warnings.borrow_mut());
        self.findings
    }

    fn push(&mut self, diagnostic: Diagnostic) {
        self.findings.push(diagnostic);
    }

    /// Reports a value; not when a stand-in is to blame for it.
    fn bad(&mut self, code: &'static Code, node: &Node, message: impl Into<String>, help: impl Into<String>) {
        self.bad_meant(code, node, (message.into(), help.into()), None);
    }

    /// Reports a value with the text that was surely meant, if that is known.
    fn bad_meant(
        &mut self,
        code: &'static Code,
        node: &Node,
        (message, help): (String, String),
        meant: Option<String>,
    ) {
        if self.failed.contains(&node.span) || (self.scope.probe && self.scope.is_template(node)) {
            return;
        }
        let diagnostic = Diagnostic::new(code, message).at(node.span, "");
        let diagnostic = if help.is_empty() { diagnostic } else { diagnostic.help(help) };
        self.push(match meant {
            Some(meant) => {
                let title = format!("write `{}`", printable(&meant));
                diagnostic.fix(node.span, fix::quoted(&meant), title)
            }
            None => diagnostic,
        });
    }

    /// A string as the document has it, unless it must not be shown.
    fn shown<'n>(&self, node: &'n Node) -> Option<&'n str> {
        node.as_str().filter(|_| !self.scope.compiler.is_hidden(node))
    }

    /// The text of a string, as it must stand in a place.
    fn text(&mut self, node: &Node, place: Place) -> Text {
        match self.scope.text(node, place) {
            Ok(text) => {
                if text.expose().as_bytes().contains(&0) {
                    self.bad(&code::BAD_VALUE, node, "the value holds a NUL byte", "");
                }
                text
            }
            Err(failure) => {
                self.push(*failure);
                self.failed.push(node.span);
                Text::default()
            }
        }
    }

    fn plain(&mut self, node: &Node) -> Text {
        self.text(node, Place::Plain)
    }

    fn field(&mut self, table: &Node, key: &str, place: Place) -> Option<Text> {
        table.get(key).filter(|node| node.value != Value::Null).map(|node| self.text(node, place))
    }

    fn texts(&mut self, node: Option<&Node>) -> Vec<Text> {
        let items = node.and_then(Node::as_seq).unwrap_or_default();
        items.iter().map(|item| self.plain(item)).collect()
    }

    /// A table's keys with their texts, sorted by key.
    fn pairs(&mut self, node: Option<&Node>, place: Place) -> Pairs {
        let Some(map) = node.and_then(Node::as_map) else { return Pairs::new() };
        let mut pairs: Pairs =
            map.iter().map(|entry| (Arc::clone(&entry.key), self.text(&entry.value, place))).collect();
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        pairs
    }

    fn flag(&mut self, table: &Node, key: &str) -> Option<bool> {
        table.get(key).and_then(Node::as_bool)
    }

    /// A word of a fixed set, which the schema has checked already.
    fn word(&mut self, table: &Node, key: &str) -> Option<Arc<str>> {
        match &table.get(key)?.value {
            Value::Str(text) => Some(Arc::clone(text)),
            _ => None,
        }
    }

    /// An amount, whatever its unit; a template is expanded first.
    fn amount<T>(&mut self, table: &Node, key: &str, parse: impl Fn(Raw<'_>) -> Result<T, AmountError>) -> Option<T> {
        let node = table.get(key).filter(|node| node.value != Value::Null)?;
        let (parsed, secret) = match &node.value {
            Value::Int(number) => (parse(Raw::Int(*number)), false),
            Value::Float(number) => (parse(Raw::Float(*number)), false),
            _ => {
                let text = self.text(node, Place::Plain);
                if self.scope.probe && self.scope.is_template(node) {
                    return None;
                }
                (parse(Raw::Text(text.expose())), text.is_secret())
            }
        };
        match parsed {
            Ok(amount) => Some(amount),
            Err(_) if secret => {
                self.bad(&code::BAD_AMOUNT, node, format!("`{key}` is given a secret that is no amount"), "");
                None
            }
            Err(error) => {
                self.bad(&code::BAD_AMOUNT, node, format!("`{key}`: {}", error.message), error.help);
                None
            }
        }
    }

    /// A whole number within bounds; a template is expanded first.
    fn integer(&mut self, table: &Node, key: &str, bounds: std::ops::RangeInclusive<i64>) -> Option<i64> {
        let node = table.get(key).filter(|node| node.value != Value::Null)?;
        let number = match node.as_int() {
            Some(number) => Some(number),
            None => self.text(node, Place::Plain).expose().trim().parse().ok(),
        };
        match number {
            Some(number) if bounds.contains(&number) => Some(number),
            _ => {
                let (least, most) = bounds.into_inner();
                let range =
                    if most == i64::MAX { format!("at least {least}") } else { format!("from {least} to {most}") };
                self.bad(&code::OUT_OF_RANGE, node, format!("`{key}` must be a whole number, {range}"), "");
                None
            }
        }
    }

    /// Reports a second thing with an identity that must be unique.
    fn duplicate(&mut self, what: &str, span: Span, first: Span) {
        self.push(
            Diagnostic::new(&code::DUPLICATE_TARGET, format!("two {what} have the same target"))
                .at(span, "")
                .at(first, "first used here")
                .help("remove one of them, or give it another target"),
        );
    }
}
