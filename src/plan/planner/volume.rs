//! Volumes: the engine looks at neither options nor labels of one that exists, so that what is wanted of it has no effect.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Options, Wanted};
use crate::plan::diff::Differences;
use crate::plan::field::entry_name;
use crate::plan::graph::{Action, Cause, Change, Plan, Shown, StaysFor, Unseen, VolumeRemoval, Warning};
use crate::plan::label::{AUTOREMOVE, hides_volume, is_true};
use crate::plan::observed::{Labels, ObservedService, ObservedState, ObservedVolume};
use crate::plan::place::{Place, Step};
use crate::resolve::merge::normal_target;

/// How the compiler escapes braces that the engine would expand.
const ESCAPED: &str = "{{`{{`}}";

/// Volumes of the engine's node, and who uses them.
pub(super) struct Volumes<'s> {
    known: BTreeMap<&'s str, &'s ObservedVolume>,
    services: &'s [ObservedService],
    /// Whether there are nodes whose volumes nobody sees.
    elsewhere: bool,
    /// The ids of services that run on such nodes.
    away: BTreeSet<&'s str>,
}

/// What becomes of the volumes of one server.
#[derive(Default)]
pub(super) struct Outdated {
    /// Those that are removed, so that they are made anew.
    pub(super) volumes: Vec<VolumeRemoval>,
    /// How they differ.
    pub(super) changes: Vec<Change>,
}

/// A volume that a mount names.
struct Mounted<'m> {
    index: usize,
    target: &'m str,
    name: Cow<'m, str>,
    driver: &'m str,
    options: Labels,
    labels: Labels,
}

impl Mounted<'_> {
    /// Tells whether a volume that it makes goes with its server.
    fn is_autoremoved(&self) -> bool {
        self.labels.get(AUTOREMOVE).is_some_and(|value| is_true(value))
    }

    fn unit(&self, hidden: &BTreeSet<String>) -> String {
        entry_name("mounts:", &normal_target(self.target), hidden)
    }
}

/// The named volumes that a spec mounts.
fn mounted(spec: &Value) -> Vec<Mounted<'_>> {
    let mounts = spec.pointer("/TaskTemplate/ContainerSpec/Mounts").and_then(Value::as_array);
    let mut found = Vec::new();
    for (index, mount) in mounts.into_iter().flatten().enumerate() {
        let text = |key: &str| mount.get(key).and_then(Value::as_str).unwrap_or_default();
        if text("Type") != "volume" || text("Source").is_empty() {
            continue;
        }
        let options = mount.get("VolumeOptions");
        let driver = options.and_then(|options| options.get("DriverConfig"));
        found.push(Mounted {
            index,
            target: text("Target"),
            name: unescaped(text("Source")),
            driver: driver.and_then(|driver| driver.get("Name")).and_then(Value::as_str).unwrap_or_default(),
            options: pairs(driver.and_then(|driver| driver.get("Options"))),
            labels: pairs(options.and_then(|options| options.get("Labels"))),
        });
    }
    found
}

fn pairs(table: Option<&Value>) -> Labels {
    let table = table.and_then(Value::as_object).into_iter().flatten();
    table.map(|(key, value)| (key.clone(), unescaped(value.as_str().unwrap_or_default()).into_owned())).collect()
}

/// A text as the engine expands it, as far as that is known: what is still a template keeps its braces.
fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains(ESCAPED) {
        return Cow::Borrowed(text);
    }
    let is_template = text.replace(ESCAPED, "").contains("{{");
    if is_template { Cow::Borrowed(text) } else { Cow::Owned(text.replace(ESCAPED, "{{")) }
}

/// Tells whether only a node knows what a text stands for.
fn is_template(text: &str) -> bool {
    text.contains("{{.") || text.contains("{{ ") || text.contains("{{-")
}

/// Plugins' names without the tag that stands for none.
fn driver_name(name: &str) -> &str {
    let name = if name.is_empty() { "local" } else { name };
    name.strip_suffix(":latest").unwrap_or(name)
}

impl<'s> Volumes<'s> {
    pub(super) fn of(state: &'s ObservedState) -> Self {
        let away = state.tasks.iter().filter(|task| task.runs() && task.node_id != state.node);
        Self {
            known: state.volumes.iter().map(|volume| (volume.name.as_str(), volume)).collect(),
            services: &state.services,
            elsewhere: state.nodes.len() > 1,
            away: away.map(|task| &*task.service_id).collect(),
        }
    }

    /// Compares a server's volumes with those that exist.
    pub(super) fn compare(
        &self,
        wanted: &Wanted<'_>,
        live: Option<(&ObservedService, &Differences)>,
        options: &Options,
        warnings: &mut Vec<Warning>,
    ) -> Outdated {
        let mut outdated = Outdated::default();
        for mount in mounted(&wanted.service) {
            let unit = mount.unit(&wanted.hidden);
            let is_secret = wanted.hidden.contains(&format!("{unit}.source"));
            let shown = (!is_secret).then(|| mount.name.clone().into_owned());
            let Some(volume) = self.known.get(&*mount.name).filter(|_| !is_template(&mount.name)) else {
                let is_changed = |(_, found): &(_, &Differences)| {
                    let own = |change: &Change| {
                        let leaf = change.field.strip_prefix(&unit).unwrap_or_default();
                        [".options.", ".labels.", ".driver"].iter().any(|part| leaf.starts_with(part))
                    };
                    found.changes.iter().any(own)
                };
                let is_away = |(service, _): &(&ObservedService, _)| self.away.contains(&*service.id);
                let matter = match &live {
                    Some(live) if self.elsewhere && is_changed(live) => Unseen::Change,
                    Some(live) if is_away(live) && !mount.options.is_empty() => Unseen::Options,
                    _ => continue,
                };
                warnings.push(Warning::VolumeUnseen { volume: shown, user: wanted.user.clone(), matter });
                continue;
            };
            let fields = differing(&mount, volume);
            if fields.is_empty() {
                continue;
            }
            let stays_for = self.stays_for(volume, live.map(|(service, _)| service));
            if options.replace_volumes && stays_for == StaysFor::Option {
                let cause = cause(&mount, wanted);
                outdated.changes.extend(fields.iter().map(|field| change(field, &mount, wanted, volume, &cause)));
                let is_secret = is_secret || live.is_some_and(|(live, _)| hides_volume(&live.spec, &volume.name));
                outdated.volumes.push(VolumeRemoval { name: volume.name.clone(), is_secret, cause: Some(cause) });
            } else {
                let user = wanted.user.clone();
                warnings.push(Warning::VolumeDiffers { volume: shown, user, fields, stays_for });
            }
        }
        outdated
    }

    /// What keeps a volume from being made anew for the service that is there.
    fn stays_for(&self, volume: &ObservedVolume, service: Option<&ObservedService>) -> StaysFor {
        // What the volume itself is counts: the mount's driver and labels are only for new ones.
        if !volume.is_replaceable() {
            return StaysFor::Data;
        }
        let own = service.map(|service| service.id.as_str());
        if self.users(&volume.name).any(|user| Some(user.id.as_str()) != own) {
            return StaysFor::Others;
        }
        if own.is_some() { StaysFor::Option } else { StaysFor::Nobody }
    }

    /// The services that mount a volume.
    fn users(&self, name: &str) -> impl Iterator<Item = &'s ObservedService> {
        self.services.iter().filter(move |service| mounted(&service.spec).iter().any(|mount| mount.name == name))
    }

    /// Plans the removal of the volumes that go with services, for the cause for which these go.
    pub(super) fn remove(
        &self,
        removed: &[&ObservedService],
        cause: Option<&Cause>,
        wanted: &[Wanted<'_>],
        plan: &mut Plan,
    ) {
        if removed.is_empty() {
            return;
        }
        let gone: BTreeSet<&str> = removed.iter().map(|service| service.id.as_str()).collect();
        let mut used: BTreeSet<String> = BTreeSet::new();
        let staying = self.services.iter().filter(|service| !gone.contains(service.id.as_str()));
        for spec in staying.map(|service| &service.spec).chain(wanted.iter().map(|wanted| &wanted.service)) {
            used.extend(mounted(spec).into_iter().map(|mount| mount.name.into_owned()));
        }
        // A volume that several of them mount goes once.
        let mut seen: BTreeSet<String> = BTreeSet::new();
        for service in removed {
            for mount in mounted(&service.spec) {
                let volume = self.known.get(&*mount.name);
                let is_secret = hides_volume(&service.spec, &mount.name);
                if used.contains(&*mount.name) || !seen.insert(mount.name.clone().into_owned()) {
                    continue;
                }
                match volume {
                    // What the volume itself says counts: the mount's labels are only for new ones.
                    Some(volume) if volume.is_autoremoved() => plan.actions.push(Action::RemoveVolume {
                        volume: VolumeRemoval { name: volume.name.clone(), is_secret, cause: cause.cloned() },
                        service: service.name().to_owned(),
                    }),
                    None if mount.is_autoremoved() && (self.elsewhere || is_template(&mount.name)) => {
                        let user = service.label(crate::resolve::decode::LABEL_USER).unwrap_or_default().to_owned();
                        let volume = (!is_secret).then(|| mount.name.clone().into_owned());
                        plan.warnings.push(Warning::VolumeUnseen { volume, user, matter: Unseen::Removal });
                    }
                    _ => {}
                }
            }
        }
    }
}

/// What of an existing volume is not as it is wanted.
fn differing(mount: &Mounted<'_>, volume: &ObservedVolume) -> Vec<String> {
    let mut fields = Vec::new();
    if driver_name(mount.driver) != driver_name(&volume.driver) {
        fields.push("driver".to_owned());
    }
    for (word, wanted, there) in
        [("options", &mount.options, &volume.options), ("labels", &mount.labels, &volume.labels)]
    {
        let keys: BTreeSet<&String> = wanted.keys().chain(there.keys()).collect();
        for key in keys.into_iter().filter(|key| !key.starts_with("com.docker.")) {
            let is_known = wanted.get(key).is_none_or(|value| !is_template(value));
            if is_known && wanted.get(key) != there.get(key) {
                fields.push(format!("{word}.{key}"));
            }
        }
    }
    fields
}

/// Why the volume of a mount is made anew.
fn cause(mount: &Mounted<'_>, wanted: &Wanted<'_>) -> Cause {
    let steps = vec![Step::Key("container_spec".to_owned()), Step::Key("mounts".to_owned()), Step::Index(mount.index)];
    Cause::Config((wanted.places)(&[Place { needed: steps.len(), steps }]))
}

/// A volume's difference as a change of its service. The volume's own values are never shown.
fn change(field: &str, mount: &Mounted<'_>, wanted: &Wanted<'_>, volume: &ObservedVolume, cause: &Cause) -> Change {
    let unit = mount.unit(&wanted.hidden);
    let name = format!("{unit}.{field}");
    let (of_wanted, of_volume) = match field.split_once('.') {
        Some(("options", key)) => (mount.options.contains_key(key), volume.options.contains_key(key)),
        Some((_, key)) => (mount.labels.contains_key(key), volume.labels.contains_key(key)),
        None => (true, true),
    };
    Change {
        field: format!("volume of {name}"),
        before: of_volume.then_some(Shown::Hidden),
        after: of_wanted.then_some(Shown::Hidden),
        cause: cause.clone(),
    }
}
