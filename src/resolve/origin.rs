//! Where a value of a user's server comes from.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::check::canonical::printable;
use crate::diag::{Diagnostics, closest};
use crate::source::{Map, Node, Span, Value};

use super::merge::{Mode, entry_identity, merge, normal_target};
use super::policy::{Identity, Policy, policy};
use super::profile::{check_layer, lay};
use super::roster::User;
use super::scope::{Failure, Place, Scope};
use super::settings::SecretNames;
use super::{Asked, Compiler, Request, document, options, secret};

/// What is shown in place of a secret.
const REDACTED: &str = "«redacted»";

/// A value and the layers that had a say in it.
#[derive(Debug)]
pub struct Origin {
    /// The path in its long form.
    pub path: String,
    /// What will be sent, secrets redacted; `None` where later layers took it away.
    pub value: Option<String>,
    /// What each layer says, in their order.
    pub layers: Vec<LayerSays>,
}

/// What one layer says of a value.
#[derive(Debug)]
pub struct LayerSays {
    /// The layer, in words.
    pub layer: String,
    /// Where it says so.
    pub span: Span,
    /// The value as the layer writes it, secrets redacted; `None` where it takes away what was set.
    pub value: Option<String>,
    /// Whether this is, or is part of, what holds in the end.
    pub holds: bool,
}

/// Why a value has no origin.
#[derive(Debug)]
pub enum NoOrigin {
    /// Findings told why.
    Found,
    /// No layer sets it; the nearest path that is set.
    Unset(Option<String>),
}

/// A path taken apart: the keys, and the entry of the list there.
#[derive(Clone, Debug)]
struct Route {
    keys: String,
    entry: Option<String>,
}

impl Compiler<'_> {
    /// Finds where a value comes from.
    ///
    /// A path is dotted from the root as `unset` takes it: `env.FOO`, `mounts:/data`; an item of a list may be told by
    /// its number, from 0.
    ///
    /// # Errors
    ///
    /// [`NoOrigin`], with the findings in `diagnostics`.
    pub fn origin(
        &self,
        user: &User<'_>,
        request: &Request<'_>,
        path: &str,
        diagnostics: &mut Diagnostics,
    ) -> Result<Origin, NoOrigin> {
        let failed = |failure: Failure, diagnostics: &mut Diagnostics| {
            self.push(failure.about(&user.name), diagnostics);
            NoOrigin::Found
        };
        let profile = self.profile_for(user, request).map_err(|failure| failed(failure, diagnostics))?;
        self.mark_secrets();
        let layers = self.layers(user, &profile.name, request, diagnostics)?;
        let mut specs: Vec<Node> = Vec::with_capacity(layers.len());
        for (_, layer, mode) in &layers {
            let mut spec = specs.last().cloned().unwrap_or_else(|| Node::new(layer.span, Value::Map(Map::new())));
            match mode {
                Some(mode) => merge(&mut spec, layer, *mode),
                None => lay(&mut spec, layer, &mut Vec::new()),
            }
            specs.push(spec);
        }
        let Some(last) = specs.last() else { return Err(NoOrigin::Unset(None)) };
        let route = Route::choose(path, &specs).ok_or_else(|| NoOrigin::Unset(nearest(path, &specs)))?;
        let found = route.find(last);
        let names = self.names(user, request);
        let asked = Asked { user, names: &names, request, probe: false };
        let scope = Scope::new(self, asked, last, &profile.name);
        let value = match found {
            Some(node) => {
                Some(self.shown(Some(&scope), node, &route.keys).map_err(|failure| failed(failure, diagnostics))?)
            }
            None => None,
        };
        let mut held = Vec::new();
        found.into_iter().for_each(|node| leaves(node, &mut held));
        let mut says = Vec::new();
        for (index, (name, layer, _)) in layers.iter().enumerate() {
            let before = index.checked_sub(1).and_then(|index| specs.get(index)).and_then(|spec| route.find(spec));
            let after = specs.get(index).and_then(|spec| route.find(spec));
            let (span, value, holds) = match (route.find(layer), before, after) {
                (Some(node), ..) => {
                    let mut own = Vec::new();
                    leaves(node, &mut own);
                    let value = self.shown(None, node, &route.keys).map_err(|failure| failed(failure, diagnostics))?;
                    (node.span, Some(value), own.iter().any(|span| held.contains(span)))
                }
                (None, Some(_), None) => (route.remover(layer), None, found.is_none()),
                _ => continue,
            };
            says.push(LayerSays { layer: name.clone(), span, value, holds });
        }
        Ok(Origin { path: route.to_string(), value, layers: says })
    }

    /// The layers of a server, with how each is laid on: merged, or as a profile with its `unset` and `merge`.
    fn layers(
        &self,
        user: &User<'_>,
        profile: &str,
        request: &Request<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Result<Vec<(String, Node, Option<Mode>)>, NoOrigin> {
        let mut layers = vec![("config".to_owned(), document::base(&self.root), Some(Mode::Table))];
        let images = self.root.get("images").and_then(Node::as_seq).unwrap_or_default();
        let own = images.iter().find(|layer| layer.get("name").and_then(Node::as_str) == Some(profile));
        let own = own.map_or(&[][..], |merged| self.layers.of_profile(profile, merged));
        layers.extend(own.iter().map(|layer| (format!("profile `{}`", printable(profile)), layer.clone(), None)));
        if let Some(overrides) = &user.overrides {
            let own = match overrides {
                Cow::Borrowed(merged) => self.layers.of_user(&user.name, merged).to_vec(),
                Cow::Owned(overrides) => {
                    let mut overrides = overrides.clone();
                    accept(check_layer(&mut overrides), diagnostics)?;
                    vec![overrides]
                }
            };
            let name = format!("overrides of `{}`", printable(&user.name));
            layers.extend(own.into_iter().map(|layer| (name.clone(), layer, None)));
        }
        if let Some(asked) = request.options {
            let mut found = Vec::new();
            let layer = options::layer(asked, self.allow.as_ref(), self.settings.uploads, &mut found);
            diagnostics.extend(found);
            layers.push(("user_options".to_owned(), layer.ok_or(NoOrigin::Found)?, Some(Mode::Deep)));
        }
        Ok(layers)
    }

    /// A value in one line: expanded if there is a scope, else as it is written.
    fn shown(&self, scope: Option<&Scope<'_>>, node: &Node, path: &str) -> Result<String, Failure> {
        let keys: Vec<&str> = path.split('.').collect();
        let key = keys.last().copied().unwrap_or_default();
        let named = [&self.settings.secret_names, &SecretNames::default()].iter().any(|names| names.matches(key));
        if self.is_marked(node.span) || (named && !matches!(node.value, Value::Map(_) | Value::Seq(_))) {
            return Ok(REDACTED.to_owned());
        }
        Ok(match &node.value {
            // A secret is not even read.
            Value::Map(map) if secret::is_reference(map) && policy(&keys) != Policy::ByKey => REDACTED.to_owned(),
            Value::Map(map) => {
                let mut text = String::from("{");
                for (index, entry) in map.iter().enumerate() {
                    let inner = self.shown(scope, &entry.value, &format!("{path}.{}", entry.key))?;
                    let comma = if index == 0 { "" } else { "," };
                    let _ = write!(text, "{comma} {} = {inner}", printable(&entry.key));
                }
                text.push_str(if map.is_empty() { "}" } else { " }" });
                text
            }
            Value::Seq(items) => {
                let items: Result<Vec<String>, Failure> =
                    items.iter().map(|item| self.shown(scope, item, &format!("{path}.*"))).collect();
                format!("[{}]", items?.join(", "))
            }
            Value::Str(text) => match scope {
                Some(scope) => {
                    let text = scope.text(node, Place::Plain)?;
                    if text.is_secret() { REDACTED.to_owned() } else { quoted(text.expose()) }
                }
                None => quoted(text),
            },
            Value::Null => "null".to_owned(),
            Value::Bool(truth) => truth.to_string(),
            Value::Int(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
        })
    }

    fn is_marked(&self, span: Span) -> bool {
        let secrets = self.sources.get(span.source).secrets();
        secrets.iter().any(|secret| secret.start <= span.start && span.end <= secret.end && span.start < span.end)
    }
}

fn accept(found: Diagnostics, diagnostics: &mut Diagnostics) -> Result<(), NoOrigin> {
    let fits = !found.has_errors();
    diagnostics.merge(found);
    if fits { Ok(()) } else { Err(NoOrigin::Found) }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.escape_debug())
}

/// The places of the values that a value is made of.
fn leaves(node: &Node, out: &mut Vec<Span>) {
    match &node.value {
        Value::Map(map) if !map.is_empty() => map.iter().for_each(|entry| leaves(&entry.value, out)),
        Value::Seq(items) if !items.is_empty() => items.iter().for_each(|item| leaves(item, out)),
        _ => out.push(node.span),
    }
}

impl std::fmt::Display for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.keys)?;
        self.entry.iter().try_for_each(|entry| write!(f, ":{entry}"))
    }
}

impl Route {
    /// The long form of a path that some layer sets.
    fn choose(path: &str, specs: &[Node]) -> Option<Self> {
        let (keys, entry) = match path.split_once(':') {
            Some((keys, entry)) => (keys, Some(entry.to_owned())),
            None => (path, None),
        };
        let long = options::canonical(keys).into_owned();
        let routes = [long, format!("container_spec.{keys}")].map(|keys| Self { keys, entry: entry.clone() });
        let set = routes.into_iter().find(|route| specs.iter().any(|spec| route.find(spec).is_some()))?;
        Some(specs.last().and_then(|last| set.by_identity(last)).unwrap_or(set))
    }

    /// An entry of a list that layers combine has another number in each: what identifies it is the same.
    fn by_identity(&self, spec: &Node) -> Option<Self> {
        let (keys, index) = self.keys.rsplit_once('.')?;
        let Policy::ByEntry(identity) = policy(&keys.split('.').collect::<Vec<_>>()) else { return None };
        let list = Self { keys: keys.to_owned(), entry: None };
        let item = list.find(spec)?.as_seq()?.get(index.parse::<usize>().ok()?)?;
        Some(Self { entry: Some(entry_identity(item, identity)?), ..list })
    }

    fn find<'n>(&self, spec: &'n Node) -> Option<&'n Node> {
        let node = descend(spec, &self.keys)?;
        let Some(wanted) = &self.entry else { return Some(node) };
        let Policy::ByEntry(identity) = policy(&self.keys.split('.').collect::<Vec<_>>()) else { return None };
        let wanted = if identity == Identity::Target { normal_target(wanted) } else { wanted.into() };
        node.as_seq()?.iter().find(|item| entry_identity(item, identity).is_some_and(|own| *own == *wanted))
    }

    /// Where a layer takes away what this leads to: its `unset`, or the table that replaces the one above.
    fn remover(&self, layer: &Node) -> Span {
        let short = self.to_string();
        let short = short.strip_prefix("container_spec.").unwrap_or(&short);
        let unset = layer.get("unset").and_then(Node::as_seq).unwrap_or_default().iter().find(|path| {
            path.as_str().is_some_and(|path| {
                let path = path.strip_prefix("container_spec.").unwrap_or(path);
                short.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', ':']))
            })
        });
        if let Some(unset) = unset {
            return unset.span;
        }
        let mut keys = self.keys.as_str();
        while let Some((above, _)) = keys.rsplit_once('.') {
            if let Some(node) = descend(layer, above) {
                return node.span;
            }
            keys = above;
        }
        layer.span
    }
}

/// The node at a dotted path; a key may hold dots itself.
fn descend<'n>(node: &'n Node, path: &str) -> Option<&'n Node> {
    match &node.value {
        Value::Map(map) => map.get(path).or_else(|| {
            let (key, rest) = path.split_once('.')?;
            descend(map.get(key)?, rest)
        }),
        Value::Seq(items) => match path.split_once('.') {
            Some((index, rest)) => descend(items.get(index.parse::<usize>().ok()?)?, rest),
            None => items.get(path.parse::<usize>().ok()?),
        },
        _ => None,
    }
}

/// The path that is set and differs from this one in its last key, or its entry, by a slip of the pen.
fn nearest(path: &str, specs: &[Node]) -> Option<String> {
    let (keys, entry) = path.split_once(':').map_or((path, None), |(keys, entry)| (keys, Some(entry)));
    for long in [options::canonical(keys).into_owned(), format!("container_spec.{keys}")] {
        for spec in specs.iter().rev() {
            if let Some(entry) = entry
                && let Policy::ByEntry(identity) = policy(&long.split('.').collect::<Vec<_>>())
                && let Some(items) = descend(spec, &long).and_then(Node::as_seq)
            {
                let own: Vec<String> = items.iter().filter_map(|item| entry_identity(item, identity)).collect();
                return closest(entry, own.iter().map(String::as_str)).map(|near| format!("{keys}:{near}"));
            }
            let (above, last) =
                long.rsplit_once('.').map_or((None, long.as_str()), |(above, last)| (Some(above), last));
            let table = above.map_or(Some(spec), |above| descend(spec, above));
            let own = table.and_then(Node::as_map).into_iter().flatten().map(|entry| &*entry.key);
            if let Some(near) = closest(last, own) {
                return Some(above.map_or_else(|| near.to_owned(), |above| format!("{above}.{near}")));
            }
        }
    }
    None
}
