//! The fields that hold secrets: named for the label, and found again in a spec that has the label.
//!
//! Both sides have the words of the table of fields.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::Value;

use super::{HIDDEN, parse_hidden};
use crate::check::image::Reference;
use crate::ir::{At, Service, Text};
use crate::plan::field::{Leaf, NAMED_BY_TEXT, Unit, entry_name, full_name, masked_name, units};
use crate::plan::normalize::canonical;
use crate::resolve::decode::LABEL_PREFIX;
use crate::resolve::merge::normal_target;
use crate::resolve::settings::SecretNames;

/// What the names of networks start with.
const NETWORKS: &str = "networks:";
/// A shorter part of an image reference says nothing by itself.
const SHORTEST_PART: usize = 4;

/// The fields of a service that hold secrets, in the words of the table of fields.
pub fn hidden_fields(service: &Service) -> BTreeSet<String> {
    let mut hidden = BTreeSet::new();
    if !service.has_secrets() {
        return hidden;
    }
    service.for_each_text(&mut |at, text| {
        if text.is_secret() {
            hidden.insert(field_at(service, at));
        }
    });
    for (list, key) in named_by_text(service) {
        if key.is_secret() {
            hidden.insert(entry(list, key));
        }
    }
    hidden
}

/// What names the entries of lists.
fn named_by_text(service: &Service) -> impl Iterator<Item = (&'static str, &Text)> {
    let container = &service.container;
    let mounts = container.mounts.iter().map(|mount| ("mounts:", &mount.target));
    let configs = container.configs.iter().map(|file| ("configs:", &file.file));
    let secrets = container.secrets.iter().map(|file| ("secrets:", &file.file));
    let hosts = container.hosts.iter().map(|host| ("hosts.", &host.name));
    let networks = service.networks.iter().map(|network| ("networks:", &network.target));
    mounts.chain(configs).chain(secrets).chain(hosts).chain(networks)
}

/// The name of a list's entry, masked if it is a secret.
fn entry(list: &str, key: &Text) -> String {
    let name = if list == "mounts:" { normal_target(key.expose()) } else { Cow::Borrowed(key.expose()) };
    if key.is_secret() { masked_name(list, &name) } else { format!("{list}{name}") }
}

/// The field of a text, by its place in the service.
fn field_at(service: &Service, at: &At<'_>) -> String {
    let pointer = at.pointer();
    let segments: Vec<_> = pointer.segments().collect();
    let segments: Vec<&str> = segments.iter().map(|segment| &**segment).collect();
    let container = &service.container;
    let index = |text: &str| text.parse::<usize>().unwrap_or(usize::MAX);
    let named = |list: &str, key: Option<&Text>| key.map_or_else(|| list.to_owned(), |key| entry(list, key));
    match segments.as_slice() {
        ["container_spec", "mounts", i, rest @ ..] => {
            let unit = named("mounts:", container.mounts.get(index(i)).map(|mount| &mount.target));
            let leaf = match rest {
                ["driver_config", "name"] => "driver".to_owned(),
                ["driver_config", "options", key] => format!("options.{key}"),
                rest => rest.join("."),
            };
            full_name(&unit, &leaf)
        }
        ["container_spec", list @ ("configs" | "secrets"), i, leaf] => {
            let files = if *list == "configs" { &container.configs } else { &container.secrets };
            let unit = named(&format!("{list}:"), files.get(index(i)).map(|file| &file.file));
            full_name(&unit, leaf)
        }
        ["container_spec", "hosts", name] => {
            let by_name = container.hosts.iter().find(|host| host.name.expose() == *name);
            named("hosts.", by_name.or_else(|| container.hosts.get(index(name))).map(|host| &host.name))
        }
        ["container_spec", "labels", key] => format!("container_spec.labels.{key}"),
        ["container_spec", "healthcheck", "test", _] => "healthcheck.test".to_owned(),
        ["container_spec", "dns_config", list, _] => format!("dns_config.{list}"),
        ["container_spec", pair @ ("env" | "sysctls" | "privileges"), key] => format!("{pair}.{key}"),
        ["container_spec", attribute, ..] => (*attribute).to_owned(),
        ["networks", i, rest @ ..] => {
            let unit = named("networks:", service.networks.get(index(i)).map(|network| &network.target));
            let leaf = match rest {
                ["aliases", ..] => "aliases".to_owned(),
                rest => rest.join("."),
            };
            full_name(&unit, &leaf)
        }
        ["placement", list, ..] => format!("placement.{list}"),
        segments => segments.join("."),
    }
}

/// Tells whether the name of a volume that a `ServiceSpec` mounts is a secret, or nothing says that it is none.
pub fn hides_volume(spec: &Value, volume: &str) -> bool {
    let hidden = label(spec).map(parse_hidden);
    mounts(spec).any(|mount| {
        let text = |key: &str| mount.get(key).and_then(Value::as_str).unwrap_or_default();
        let hides = |hidden: &BTreeSet<String>| {
            let unit = entry_name("mounts:", &normal_target(text("Target")), hidden);
            hidden.contains(&full_name(&unit, "source"))
        };
        text("Source") == volume && hidden.as_ref().is_none_or(hides)
    })
}

/// Visits the secrets of a `ServiceSpec`, by its label of hidden paths; where it has none, by their names.
///
/// If one of the paths is not found in the spec, everything in it that may be a secret is visited.
pub fn for_each_secret(spec: &Value, visit: &mut dyn FnMut(&str)) {
    let Some(label) = label(spec) else { return for_each_named(spec, visit) };
    let hidden = parse_hidden(label);
    if hidden.is_empty() {
        return;
    }
    let form = canonical(spec, &[]);
    let units = units(&form, &hidden);
    let fields: Vec<Field<'_>> = units.iter().flat_map(|unit| fields(unit, spec)).collect();
    let found: Vec<Vec<&Field<'_>>> = hidden.iter().map(|path| meant(path, &fields)).collect();
    let secrets: Vec<&Field<'_>> = match found.iter().any(Vec::is_empty) {
        true => fields.iter().filter(|field| field.may_be_secret).collect(),
        false => found.into_iter().flatten().collect(),
    };
    secrets.into_iter().flat_map(|field| &field.texts).for_each(|text| visit(text));
}

/// Visits what is a secret by its name: `docker` has deployed a stack, which has no label of hidden paths.
fn for_each_named(spec: &Value, visit: &mut dyn FnMut(&str)) {
    let names = SecretNames::default();
    let form = canonical(spec, &[]);
    let units = units(&form, &BTreeSet::new());
    for field in units.iter().flat_map(|unit| fields(unit, spec)).filter(|field| field.may_be_secret) {
        // A file, a path or an object that is called so is not the secret itself.
        let is_key = field.leaves.first().is_none_or(|leaf| leaf.is_empty())
            && NAMED_BY_TEXT.iter().any(|list| field.unit.starts_with(list));
        let full = field.leaves.first().map(|leaf| full_name(field.unit, leaf)).unwrap_or_default();
        if !is_key && full.rsplit('.').next().is_some_and(|name| names.matches(name)) {
            field.texts.iter().for_each(|text| visit(text));
        }
    }
}

/// The fields that a path of the label means.
fn meant<'f, 's>(path: &str, fields: &'f [Field<'s>]) -> Vec<&'f Field<'s>> {
    let found: Vec<&Field<'_>> = fields.iter().filter(|field| field.is(path)).collect();
    if !found.is_empty() {
        return found;
    }
    // The engine stores a network's id in the place of its name: it may be any of them.
    fields.iter().filter(|field| field.is_of_a_network(path)).collect()
}

/// What may be secret as one.
struct Field<'s> {
    /// The name of its unit.
    unit: &'s str,
    /// What the label may call it within the unit; nothing is the unit itself.
    leaves: Vec<&'s str>,
    /// Its texts, as they were sent and in their canonical form.
    texts: Vec<&'s str>,
    /// Whether it may hold a text of the config's.
    may_be_secret: bool,
}

impl Field<'_> {
    /// Tells whether it is what a path of the label means.
    fn is(&self, path: &str) -> bool {
        let rest = path.strip_prefix(self.unit);
        rest.is_some_and(|rest| self.leaves.iter().any(|leaf| rest.strip_prefix('.').unwrap_or(rest) == *leaf))
    }

    /// Tells whether it is what a path means of some network.
    fn is_of_a_network(&self, path: &str) -> bool {
        let names_network = |text: &str| text.starts_with('«') && text.ends_with('»');
        path.strip_prefix(NETWORKS).filter(|_| self.unit.starts_with(NETWORKS)).is_some_and(|rest| {
            let mut leaves = self.leaves.iter();
            leaves.any(|leaf| if leaf.is_empty() { names_network(rest) } else { ends_with_leaf(rest, leaf) })
        })
    }
}

fn ends_with_leaf(path: &str, leaf: &str) -> bool {
    path.strip_suffix(leaf).is_some_and(|before| before.ends_with('.'))
}

/// The fields of a unit: what names it, and what it holds.
fn fields<'s>(unit: &'s Unit<'s>, spec: &'s Value) -> Vec<Field<'s>> {
    let mut fields = Vec::with_capacity(unit.leaves.len() + 1);
    if NAMED_BY_TEXT.iter().any(|list| unit.name.starts_with(list)) {
        let sent = mounts(spec).filter_map(|mount| mount.get("Target")?.as_str());
        let texts = sent.filter(|target| normal_target(target) == unit.key).chain([&*unit.key]).collect();
        // A host's name that is no secret names its address.
        let is_plain_host = unit.name.starts_with("hosts.") && !unit.name.ends_with('»');
        let leaves = if is_plain_host { Vec::new() } else { vec!["", "target", "filename"] };
        fields.push(Field { unit: &unit.name, leaves, texts, may_be_secret: true });
    }
    for leaf in &unit.leaves {
        let mut texts = Vec::new();
        strings(leaf.value, &mut texts);
        if let Some(sent) = sent(unit, leaf, spec) {
            strings(sent, &mut texts);
        }
        if unit.name == "image" {
            texts = texts.into_iter().flat_map(image_parts).collect();
        }
        let is_own = unit.name.strip_prefix("labels.").is_some_and(|key| key.starts_with(LABEL_PREFIX));
        let may_be_secret = !is_own && leaf.row.is_none_or(|row| !row.word);
        fields.push(Field { unit: &unit.name, leaves: vec![&*leaf.name], texts, may_be_secret });
    }
    fields
}

/// What was sent for a leaf, where its canonical form may be another.
fn sent<'s>(unit: &Unit<'_>, leaf: &Leaf<'_>, spec: &'s Value) -> Option<&'s Value> {
    let below = leaf.row?.at;
    let path = unit.chunk.iter().copied().chain(below.split('/').filter(|key| !key.is_empty()));
    path.into_iter().try_fold(spec, |value, key| value.get(key))
}

/// Collects the texts of a value that are no keys.
fn strings<'v>(value: &'v Value, texts: &mut Vec<&'v str>) {
    match value {
        Value::String(text) => texts.push(text),
        Value::Array(items) => items.iter().for_each(|item| strings(item, texts)),
        Value::Object(map) => map.values().for_each(|value| strings(value, texts)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// An image reference with the parts in which engines and registries quote it.
pub fn image_parts(image: &str) -> Vec<&str> {
    let mut parts = vec![image];
    if let Some(Reference { name, tag, digest }) = Reference::parse(image) {
        let registry = name.split_once('/').filter(|(first, _)| first.contains(['.', ':']) || *first == "localhost");
        let (host, path) = registry.map_or((None, name), |(host, path)| (Some(host), path));
        let tagged = image.split('@').next();
        let all = [tagged, Some(name), host, Some(path), tag.filter(|tag| *tag != "latest"), digest];
        parts.extend(all.into_iter().flatten().filter(|part| part.len() >= SHORTEST_PART));
    }
    parts
}

fn label(spec: &Value) -> Option<&str> {
    spec.get("Labels")?.get(HIDDEN)?.as_str()
}

fn mounts(spec: &Value) -> impl Iterator<Item = &Value> {
    let mounts = spec.pointer("/TaskTemplate/ContainerSpec/Mounts").and_then(Value::as_array);
    mounts.into_iter().flatten()
}
