//! What a hub, or another program, asks for: one JSON object on a line.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::source::{Author, Entry, Node, SourceMap, Syntax, Value, parse};

/// The version of the protocol.
pub const VERSION: i64 = 1;

/// How many times a request may be larger than the files that it may bring.
const MOST_BYTES: usize = 32 << 20;

/// What is asked for.
#[derive(Debug)]
pub struct Request {
    /// The user.
    pub user: Person,
    /// The server's name; empty for the default one.
    pub server: String,
    /// The variables that the hub gives the server; all are secret.
    pub hub_env: Vec<Entry>,
    /// What the user chose.
    pub options: Option<Node>,
    /// What the user chose last.
    pub last_options: Option<Node>,
    /// A filled-in form.
    pub form: Option<Form>,
    /// A filled-in form that was refused.
    pub typed: Option<Form>,
    /// What an earlier start said.
    pub state: Option<State>,
    /// What to do about a server that is there.
    pub existing: Existing,
    /// What to wait for.
    pub wait: Wait,
    /// How long the command may take.
    pub timeout: Option<Duration>,
    /// How long a running server may take until it listens.
    pub http_timeout: Option<Duration>,
    /// Whether the end of standard input ends the command.
    pub cancel_on_eof: bool,
    /// Whether a stop waits for nothing.
    pub now: bool,
}

/// The user, as the hub knows them.
#[derive(Debug, Default)]
pub struct Person {
    /// The name.
    pub name: String,
    /// The hub's groups that the user is in.
    pub groups: Vec<Arc<str>>,
    /// What the hub knows of the user: literal values.
    pub attributes: Vec<Entry>,
}

/// A filled-in form, as it was posted.
#[derive(Debug, Default)]
pub struct Form {
    /// Each field's texts.
    pub fields: Vec<(String, Vec<String>)>,
    /// Each field's files.
    pub files: Vec<(String, Vec<PostedFile>)>,
}

/// A file of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostedFile {
    /// Its name, as the browser gave it.
    pub name: String,
    /// Its bytes in base64.
    pub content: String,
}

/// What to do about a server that is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Existing {
    /// Say so.
    #[default]
    Tell,
    /// Take it as it is.
    Keep,
    /// Remove it first.
    Replace,
}

/// What a start waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wait {
    /// Until something listens on the server's port.
    #[default]
    Listening,
    /// Until its task runs.
    Running,
}

/// What a caller keeps of a started server. It holds nothing secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The version of the protocol.
    pub version: i64,
    /// The version of the Engine API that was spoken, so that it need not be asked for.
    #[serde(default)]
    pub api: String,
    /// The service's name.
    pub service: String,
    /// The service's id.
    pub service_id: String,
    /// Where it is reached; empty while that is not known.
    #[serde(default)]
    pub address: String,
    /// The port there.
    #[serde(default)]
    pub port: u16,
    /// The id of the network that the address is on; empty where it is a node's.
    #[serde(default)]
    pub network: String,
    /// The id of the node that it runs on.
    #[serde(default)]
    pub node: String,
    /// The ids of the Swarm configs that hold the user's uploads.
    #[serde(default)]
    pub configs: Vec<String>,
    /// The volumes that go with the server.
    #[serde(default)]
    pub volumes: Vec<String>,
}

/// Why a request cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadRequest(pub String);

fn bad(message: impl Into<String>) -> BadRequest {
    BadRequest(message.into())
}

impl Request {
    /// Reads a request.
    ///
    /// The hub's variables, the user's attributes and what a form posts are marked as secret in `sources`.
    ///
    /// # Errors
    ///
    /// What is no JSON object, is of another version, or has a value of another type; values are not quoted.
    pub fn read(text: &str, sources: &SourceMap) -> Result<Self, BadRequest> {
        if text.len() > MOST_BYTES {
            return Err(bad("the request is larger than 32 MiB"));
        }
        let id = sources.add("request".to_owned(), "", Author::Data, text.to_owned());
        let root = parse(sources, id, Syntax::Json).map_err(|_| bad("the request is no JSON"))?;
        if root.as_map().is_none() {
            return Err(bad("the request is no JSON object"));
        }
        match root.get("version").and_then(Node::as_int) {
            Some(VERSION) => {}
            Some(other) => return Err(bad(format!("the request is of version {other}, and this is {VERSION}"))),
            None => return Err(bad("the request has no `version`")),
        }
        let fields = Fields { node: Some(&root), path: "" };
        let user = fields.table("user")?;
        let hub = fields.table("hub")?;
        let hub_env = hub.table("env")?.texts(sources)?;
        let attributes = user.table("attributes")?;
        if let Some(node) = attributes.node {
            hide(node, sources);
        }
        let person = Person {
            name: user.text("name")?.unwrap_or_default(),
            groups: user.list("groups")?.into_iter().map(Arc::from).collect(),
            attributes: attributes.node.and_then(Node::as_map).map(|map| map.entries.clone()).unwrap_or_default(),
        };
        let word = |key: &str| fields.text(key);
        Ok(Self {
            user: person,
            server: fields.table("server")?.text("name")?.unwrap_or_default(),
            hub_env,
            options: fields.object("user_options")?,
            last_options: fields.object("last_options")?,
            form: fields.form("form", sources)?,
            typed: fields.form("typed", sources)?,
            state: fields.state()?,
            existing: match word("existing")?.as_deref() {
                None | Some("tell") => Existing::Tell,
                Some("keep") => Existing::Keep,
                Some("replace") => Existing::Replace,
                Some(_) => return Err(bad("`existing` is `tell`, `keep` or `replace`")),
            },
            wait: match word("wait")?.as_deref() {
                None | Some("listening") => Wait::Listening,
                Some("running") => Wait::Running,
                Some(_) => return Err(bad("`wait` is `listening` or `running`")),
            },
            timeout: fields.seconds("timeout")?,
            http_timeout: fields.seconds("http_timeout")?,
            cancel_on_eof: fields.truth("cancel_on_eof")?,
            now: fields.truth("now")?,
        })
    }

    /// The user's name.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn username(&self) -> Result<&str, BadRequest> {
        if self.user.name.is_empty() { Err(bad("the request has no `user.name`")) } else { Ok(&self.user.name) }
    }
}

/// Marks everything below a node as secret.
pub(super) fn hide(node: &Node, sources: &SourceMap) {
    match &node.value {
        Value::Map(map) => map.iter().for_each(|entry| hide(&entry.value, sources)),
        Value::Seq(items) => items.iter().for_each(|item| hide(item, sources)),
        _ => sources.mark_secret(node.span),
    }
}

/// The keys of one table of the request; a table that is left out has none.
#[derive(Clone, Copy)]
struct Fields<'n> {
    node: Option<&'n Node>,
    path: &'n str,
}

impl<'n> Fields<'n> {
    fn get(&self, key: &str) -> Option<&'n Node> {
        self.node?.get(key).filter(|node| !matches!(node.value, Value::Null))
    }

    fn wrong(&self, key: &str, wanted: &str) -> BadRequest {
        let dot = if self.path.is_empty() { "" } else { "." };
        bad(format!("`{}{dot}{key}` of the request is no {wanted}", self.path))
    }

    fn table<'k>(&self, key: &'k str) -> Result<Fields<'k>, BadRequest>
    where
        'n: 'k,
    {
        match self.get(key) {
            Some(node) if node.as_map().is_none() => Err(self.wrong(key, "object")),
            node => Ok(Fields { node, path: key }),
        }
    }

    fn object(&self, key: &str) -> Result<Option<Node>, BadRequest> {
        Ok(self.table(key)?.node.cloned())
    }

    fn text(&self, key: &str) -> Result<Option<String>, BadRequest> {
        let text = |node: &Node| node.as_str().map(str::to_owned).ok_or_else(|| self.wrong(key, "string"));
        self.get(key).map(text).transpose()
    }

    fn list(&self, key: &str) -> Result<Vec<String>, BadRequest> {
        let Some(node) = self.get(key) else { return Ok(Vec::new()) };
        let items = node.as_seq().ok_or_else(|| self.wrong(key, "list"))?;
        let text = |item: &Node| item.as_str().map(str::to_owned).ok_or_else(|| self.wrong(key, "list of strings"));
        items.iter().map(text).collect()
    }

    fn truth(&self, key: &str) -> Result<bool, BadRequest> {
        let truth = |node: &Node| node.as_bool().ok_or_else(|| self.wrong(key, "boolean"));
        self.get(key).map_or(Ok(false), truth)
    }

    fn seconds(&self, key: &str) -> Result<Option<Duration>, BadRequest> {
        let Some(node) = self.get(key) else { return Ok(None) };
        let seconds = match node.value {
            Value::Int(number) => u32::try_from(number).ok().map(f64::from),
            Value::Float(number) => Some(number),
            _ => None,
        };
        let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        duration.map(Some).ok_or_else(|| self.wrong(key, "number of seconds"))
    }

    /// The entries of a table of text, all of them secret.
    fn texts(&self, sources: &SourceMap) -> Result<Vec<Entry>, BadRequest> {
        let entries = self.node.and_then(Node::as_map).into_iter().flatten();
        entries
            .map(|entry| {
                sources.mark_secret(entry.value.span);
                match entry.value.value {
                    Value::Str(_) => Ok(entry.clone()),
                    _ => Err(self.wrong(&entry.key, "string")),
                }
            })
            .collect()
    }

    fn form(&self, key: &str, sources: &SourceMap) -> Result<Option<Form>, BadRequest> {
        let form = self.table(key)?;
        let Some(node) = form.node else { return Ok(None) };
        hide(node, sources);
        let mut read = Form::default();
        let path = format!("{key}.files");
        for entry in form.table("fields")?.node.and_then(Node::as_map).into_iter().flatten() {
            let items = entry.value.as_seq().ok_or_else(|| form.wrong("fields", "table of lists"))?;
            let texts = items.iter().filter_map(Node::as_str).map(str::to_owned).collect();
            read.fields.push((entry.key.to_string(), texts));
        }
        for entry in form.table("files")?.node.and_then(Node::as_map).into_iter().flatten() {
            let items = entry.value.as_seq().ok_or_else(|| form.wrong("files", "table of lists"))?;
            let files: Result<Vec<PostedFile>, BadRequest> = items
                .iter()
                .map(|item| {
                    let fields = Fields { node: Some(item), path: &path };
                    let name = fields.text("name")?.ok_or_else(|| fields.wrong("name", "string"))?;
                    let content = fields.text("content")?.ok_or_else(|| fields.wrong("content", "string"))?;
                    Ok(PostedFile { name, content })
                })
                .collect();
            read.files.push((entry.key.to_string(), files?));
        }
        Ok(Some(read))
    }

    fn state(&self) -> Result<Option<State>, BadRequest> {
        let Some(node) = self.table("state")?.node else { return Ok(None) };
        if node.as_map().is_some_and(crate::source::Map::is_empty) {
            return Ok(None);
        }
        let state: State = serde_json::from_value(plain(node)).map_err(|_| bad("`state` is not what `start` gave"))?;
        if state.version == VERSION { Ok(Some(state)) } else { Err(bad("`state` is of another version")) }
    }
}

/// A node as plain JSON.
pub(super) fn plain(node: &Node) -> serde_json::Value {
    match &node.value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(truth) => (*truth).into(),
        Value::Int(number) => (*number).into(),
        Value::Float(number) => (*number).into(),
        Value::Str(text) => (&**text).into(),
        Value::Seq(items) => items.iter().map(plain).collect(),
        Value::Map(map) => map.iter().map(|entry| (entry.key.to_string(), plain(&entry.value))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Request, BadRequest> {
        Request::read(text, &SourceMap::new())
    }

    #[test]
    fn a_request_is_read() {
        let request = read(
            r#"{"version": 1, "user": {"name": "alice", "groups": ["gpu"], "attributes": {"uid": 7}}, "server": {"name": "x"},
               "hub": {"env": {"A": "b"}}, "user_options": {"profile": "GPU"}, "existing": "keep", "wait": "running",
               "timeout": 1.5, "cancel_on_eof": true, "other": 1,
               "state": {"version": 1, "service": "s", "service_id": "i", "more": 2}}"#,
        )
        .unwrap();
        assert_eq!((request.username().unwrap(), &*request.server), ("alice", "x"));
        assert_eq!(request.user.groups, [Arc::from("gpu")]);
        assert_eq!((request.existing, request.wait), (Existing::Keep, Wait::Running));
        assert_eq!(request.timeout, Some(Duration::from_millis(1500)));
        assert_eq!(request.state.unwrap().service_id, "i");
        assert!(request.cancel_on_eof && !request.now);
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let request = read(r#"{"version": 1, "state": {}, "user_options": null}"#).unwrap();
        assert!(request.username().is_err() && request.state.is_none() && request.options.is_none());
        assert_eq!((request.existing, request.wait), (Existing::Tell, Wait::Listening));
    }

    #[test]
    fn what_cannot_be_understood_is_said_without_its_values() {
        for (text, message) in [
            ("", "the request is no JSON"),
            ("[]", "the request is no JSON object"),
            ("{}", "the request has no `version`"),
            (r#"{"version": 2}"#, "the request is of version 2, and this is 1"),
            (r#"{"version": 1, "user": "canary"}"#, "`user` of the request is no object"),
            (r#"{"version": 1, "user": {"name": 1}}"#, "`user.name` of the request is no string"),
            (r#"{"version": 1, "hub": {"env": {"A": 1}}}"#, "`env.A` of the request is no string"),
            (r#"{"version": 1, "existing": "canary"}"#, "`existing` is `tell`, `keep` or `replace`"),
            (r#"{"version": 1, "timeout": -1}"#, "`timeout` of the request is no number of seconds"),
            (r#"{"version": 1, "state": {"version": 1}}"#, "`state` is not what `start` gave"),
        ] {
            assert_eq!(read(text).unwrap_err().0, message, "{text}");
        }
    }
}
