//! What is wanted and what is there become a plan.
//!
//! Services of somebody else are never touched; of this deployment's, only what `apply` made is changed or removed. What an
//! old spawner made for the same user under the same name is taken over when that is asked for.

mod owner;
mod volume;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use self::owner::Owner;
use self::volume::Volumes;
use super::admission::fate;
use super::diff::{Comparison, Differences};
use super::field::{Unit, units};
use super::graft::graft;
use super::graph::{
    Action, Body, Cause, Change, Item, NewService, Plan, Removal, ServiceUpdate, Shown, TaskFate, Verdict, Warning,
};
use super::label::{self, Applied, parse_hidden};
use super::normalize::{Canonical, canonical};
use super::observed::{ObservedService, ObservedState};
use super::place::Locate;
use crate::resolve::decode::{LABEL_DEPLOYMENT, LABEL_SERVER, LABEL_USER};

/// How much of an image's digest is shown, in characters.
const SHOWN_OF_DIGEST: usize = "sha256:".len() + 12;

/// One server that is wanted.
pub struct Wanted<'a> {
    /// The user's name.
    pub user: String,
    /// The server's name; empty for the default one.
    pub server: String,
    /// The profile's name.
    pub profile: String,
    /// The body of `POST /services/create`, without the labels of the bookkeeping. Ids of Swarm configs and secrets may be
    /// missing in it.
    pub service: Value,
    /// The fields that hold secrets, as [`label::hidden_fields`] finds them.
    pub hidden: BTreeSet<String>,
    /// How long it may take until it runs, in nanoseconds.
    pub start_timeout: i64,
    /// Where the user is listed, as `file:line:column`; `None` for one who is not.
    pub listed: Option<String>,
    /// Writes a place of the config, such as [`locator`](super::place::locator) does.
    pub places: Box<Locate<'a>>,
}

/// An image's tag, as a registry resolved it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pin {
    /// The image's digest: `sha256:..`.
    pub digest: String,
    /// The platforms that it runs on, as architecture and operating system.
    pub platforms: Vec<(String, String)>,
}

impl Pin {
    /// An image's reference with this digest.
    pub fn pinned(&self, image: &str) -> String {
        format!("{image}@{}", self.digest)
    }
}

/// How to plan.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Whether services of the deployment that nobody wants are removed.
    pub prune: bool,
    /// Only this user's services are removed.
    pub only_user: Option<String>,
    /// Only the services of servers of this name are removed.
    pub only_server: Option<String>,
    /// Whether services of an old spawner's become ours.
    pub take_over: bool,
    /// Whether volumes that differ are removed and made anew, where that loses nothing.
    pub replace_volumes: bool,
    /// Whether a tag that stands for another image now is a difference.
    pub refresh_images: bool,
    /// What tags stand for, by the image as the config says it.
    pub pins: BTreeMap<String, Pin>,
    /// Names of Swarm configs and secrets whose content is the config's, with the places that declare them, as
    /// `file:line:column`.
    pub contents: BTreeMap<String, String>,
}

/// Plans what becomes of each wanted server and of each service that is there.
pub fn plan(deployment: &str, wanted: &[Wanted<'_>], state: &ObservedState, options: &Options) -> Plan {
    let mut planner = Planner {
        deployment,
        state,
        options,
        services: BTreeMap::new(),
        running: state.running(),
        volumes: Volumes::of(state),
        plan: Plan {
            deployment: deployment.to_owned(),
            items: Vec::with_capacity(wanted.len()),
            actions: Vec::new(),
            warnings: Vec::new(),
        },
    };
    for service in &state.services {
        planner.services.insert(service.name().to_lowercase(), service);
    }
    for server in wanted {
        planner.server(server);
    }
    planner.unwanted(wanted);
    let Plan { deployment, mut items, mut actions, mut warnings } = planner.plan;
    items.sort_by(|a, b| (&a.user, &a.server, &a.service).cmp(&(&b.user, &b.server, &b.service)));
    // Stable: within a stage the order of users is kept.
    actions.sort_by_key(Action::stage);
    warnings.sort();
    warnings.dedup();
    Plan { deployment, items, actions, warnings }
}

/// Plans the removal of the volumes that go with services, once these are removed.
pub fn remove_volumes(state: &ObservedState, removed: &[&ObservedService], plan: &mut Plan) {
    Volumes::of(state).remove(removed, None, &[], plan);
}

struct Planner<'p> {
    deployment: &'p str,
    state: &'p ObservedState,
    options: &'p Options,
    /// All services by their names in lower case: the engine compares them so.
    services: BTreeMap<String, &'p ObservedService>,
    /// The ids of those that run.
    running: BTreeSet<&'p str>,
    volumes: Volumes<'p>,
    plan: Plan,
}

/// A wanted server in the forms that it is compared in.
struct Prepared<'w> {
    wanted: &'w Wanted<'w>,
    name: &'w str,
    units: Vec<Unit<'w>>,
    applied: Applied,
}

impl Planner<'_> {
    fn server(&mut self, wanted: &Wanted<'_>) {
        let form = canonical(&wanted.service, &self.state.networks);
        let units = units(&form, &wanted.hidden);
        let applied = Applied::of(&units, &wanted.hidden);
        let name = wanted.service.get("Name").and_then(Value::as_str).unwrap_or_default();
        let prepared = Prepared { wanted, name, units, applied };
        let live = self.services.get(&name.to_lowercase()).copied();
        let (verdict, task) = match live {
            None => {
                let new = self.new_service(&prepared, wanted.service.clone(), true);
                self.plan.actions.push(Action::CreateService(new));
                self.volumes.compare(wanted, None, self.options, &mut self.plan.warnings);
                (Verdict::Create, TaskFate::Untouched)
            }
            Some(live) => match owner::of(live, self.deployment, wanted) {
                Owner::Conflict(conflict) => (Verdict::Conflict(conflict), TaskFate::Untouched),
                Owner::Unmarked if !self.options.take_over => {
                    (Verdict::Conflict(super::graph::Conflict::Unknown), TaskFate::Untouched)
                }
                Owner::Ours => self.compare(&prepared, &form, live, true),
                Owner::Unmarked | Owner::OldSpawner => self.compare(&prepared, &form, live, false),
            },
        };
        let cause = matches!(verdict, Verdict::Create).then(|| Cause::Config(wanted.listed.clone()));
        self.plan.items.push(Item {
            service: name.to_owned(),
            user: wanted.user.clone(),
            server: wanted.server.clone(),
            profile: wanted.profile.clone(),
            verdict,
            task,
            cause,
        });
    }

    /// Compares with a service that is ours, or that may become ours.
    fn compare(
        &mut self,
        prepared: &Prepared<'_>,
        form: &Canonical,
        live: &ObservedService,
        is_ours: bool,
    ) -> (Verdict, TaskFate) {
        let wanted = prepared.wanted;
        let mut live_form = canonical(&live.spec, &self.state.networks);
        let pinned = live_form.align(form);
        let was_hidden = live.label(label::HIDDEN).filter(|_| is_ours).map(parse_hidden);
        let was_applied = live.label(label::APPLIED).filter(|_| is_ours);
        let mut found = match live_form == *form {
            true => Differences::default(),
            false => {
                let mut names = wanted.hidden.clone();
                names.extend(was_hidden.iter().flatten().cloned());
                // A label that nobody can read leaves open who changed what.
                let applied = is_ours.then(|| was_applied.and_then(Applied::parse).unwrap_or_default());
                let comparison = Comparison {
                    wanted: &prepared.units,
                    live: &units(&live_form, &names),
                    body: &wanted.service,
                    applied: applied.as_ref(),
                    hidden: &wanted.hidden,
                    was_hidden: was_hidden.as_ref(),
                    contents: &self.options.contents,
                    place: &*wanted.places,
                };
                comparison.differences()
            }
        };
        let moved = self.moved_tag(prepared, pinned.as_deref(), &mut found);
        // Whatever else is written, the bookkeeping is written with it.
        if is_ours && found.changes.is_empty() && !self.is_bookkept(prepared, was_applied, was_hidden.as_ref()) {
            found.changes.push(Change {
                field: "bookkeeping".to_owned(),
                before: None,
                after: None,
                cause: Cause::Ownership,
            });
        }
        let outdated = self.volumes.compare(wanted, Some((live, &found)), self.options, &mut self.plan.warnings);
        let replaces = found.changes.iter().any(|change| change.field == "mode")
            || live.name() != prepared.name
            || !outdated.volumes.is_empty();
        found.changes.extend(outdated.changes);
        if live.name() != prepared.name {
            let (before, after) = (Shown::Text(live.name().to_owned()), Shown::Text(prepared.name.to_owned()));
            let cause = Cause::Config(None);
            found.changes.push(Change { field: "name".to_owned(), before: Some(before), after: Some(after), cause });
        }
        found.changes.sort_by(|a, b| a.field.cmp(&b.field));
        if found.changes.is_empty() && is_ours {
            return (Verdict::Unchanged, TaskFate::Untouched);
        }
        let task = match () {
            () if found.restarts || replaces => TaskFate::Anew,
            () if found.has(&["TaskTemplate", "Placement"]) => fate(&live.id, &wanted.service, self.state),
            () => TaskFate::Untouched,
        };
        let task = match task {
            TaskFate::Untouched if found.has(&["Mode"]) || !self.running.contains(&*live.id) => TaskFate::Starts,
            task => task,
        };
        if is_ours || self.options.take_over {
            let mut body = wanted.service.clone();
            graft(&mut body, &live.spec, &found.chunks);
            let new_image = found.has(&["TaskTemplate", "ContainerSpec", "Image"]);
            if new_image || moved {
                forget_platforms(&mut body, &wanted.service);
            } else if pinned.is_some() {
                keep_platforms(&mut body, &live.spec);
            }
            let new = self.new_service(prepared, body, new_image || moved);
            self.plan.actions.push(match replaces {
                true => {
                    let old = removal(live, &wanted.user, &wanted.server);
                    Action::ReplaceService { old, volumes: outdated.volumes, new }
                }
                false => Action::UpdateService(ServiceUpdate {
                    id: live.id.clone(),
                    version: live.version,
                    new,
                    before: Body(live.spec.clone()),
                    task,
                }),
            });
        }
        let verdict = match (is_ours, replaces) {
            (false, _) => Verdict::TakeOver(found.changes),
            (true, true) => Verdict::Replace(found.changes),
            (true, false) => Verdict::Update(found.changes),
        };
        (verdict, task)
    }

    /// Adds a change where the image's tag stands for another image by now, and that counts.
    fn moved_tag(&self, prepared: &Prepared<'_>, pinned: Option<&str>, found: &mut Differences) -> bool {
        let wanted = prepared.wanted;
        let image = wanted.service.pointer("/TaskTemplate/ContainerSpec/Image").and_then(Value::as_str);
        let image =
            image.filter(|_| self.options.refresh_images && !found.has(&["TaskTemplate", "ContainerSpec", "Image"]));
        let Some(pin) = image.and_then(|image| self.options.pins.get(image)) else { return false };
        if pinned == Some(pin.digest.as_str()) {
            return false;
        }
        let shown = |digest: &str| Shown::Text(digest.chars().take(SHOWN_OF_DIGEST).collect());
        let unit = prepared.units.iter().find(|unit| unit.name == "image");
        let places = unit.and_then(|unit| Some(unit.places(unit.leaves.first()?, &wanted.service)));
        found.changes.push(Change {
            field: "image".to_owned(),
            before: pinned.map(shown),
            after: Some(shown(&pin.digest)),
            cause: Cause::Image((wanted.places)(&places.unwrap_or_default())),
        });
        found.restarts = true;
        true
    }

    /// Tells whether the labels of the bookkeeping say what they should.
    fn is_bookkept(&self, prepared: &Prepared<'_>, applied: Option<&str>, hidden: Option<&BTreeSet<String>>) -> bool {
        applied.is_some_and(|text| text == prepared.applied.to_text()) && hidden == Some(&prepared.wanted.hidden)
    }

    /// A service to be made, from a body without bookkeeping; a new image may be pinned.
    fn new_service(&self, prepared: &Prepared<'_>, mut body: Value, may_pin: bool) -> NewService {
        let wanted = prepared.wanted;
        let own = wanted.service.pointer("/TaskTemplate/ContainerSpec/Image").and_then(Value::as_str);
        let image = own.filter(|image| may_pin && !image.contains('@')).map(str::to_owned);
        if let Some(image) = &image
            && let Some(pin) = self.options.pins.get(image)
        {
            pin_image(&mut body, image, pin);
        }
        label::write(&mut body, &prepared.applied, &wanted.hidden);
        NewService {
            name: prepared.name.to_owned(),
            user: wanted.user.clone(),
            server: wanted.server.clone(),
            body: Body(body),
            start_timeout: wanted.start_timeout,
        }
    }

    /// What becomes of the deployment's services that nobody wants.
    fn unwanted(&mut self, wanted: &[Wanted<'_>]) {
        let names = wanted.iter().filter_map(|wanted| wanted.service.get("Name").and_then(Value::as_str));
        let names: BTreeSet<String> = names.map(str::to_lowercase).collect();
        let mut removed: Vec<&ObservedService> = Vec::new();
        for service in &self.state.services {
            let is_ours = service.label(LABEL_DEPLOYMENT) == Some(self.deployment)
                && service.label(label::MADE_BY) == Some(label::BY_APPLY);
            let user = service.label(LABEL_USER).unwrap_or_default();
            let server = service.label(LABEL_SERVER).unwrap_or_default();
            let is_meant = self.options.only_user.as_deref().is_none_or(|only| only == user)
                && self.options.only_server.as_deref().is_none_or(|only| only == server);
            if !is_ours || !is_meant || names.contains(&service.name().to_lowercase()) {
                continue;
            }
            if !self.options.prune {
                let (service, user) = (service.name().to_owned(), user.to_owned());
                self.plan.warnings.push(Warning::Unwanted { service, user });
                continue;
            }
            removed.push(service);
            self.plan.items.push(Item {
                service: service.name().to_owned(),
                user: user.to_owned(),
                server: server.to_owned(),
                profile: String::new(),
                verdict: Verdict::Remove,
                task: TaskFate::Untouched,
                cause: Some(Cause::Unwanted),
            });
            self.plan.actions.push(Action::RemoveService(removal(service, user, server)));
        }
        self.volumes.remove(&removed, Some(&Cause::Unwanted), wanted, &mut self.plan);
    }
}

fn removal(service: &ObservedService, user: &str, server: &str) -> Removal {
    Removal {
        id: service.id.clone(),
        name: service.name().to_owned(),
        user: user.to_owned(),
        server: server.to_owned(),
        before: Body(service.spec.clone()),
    }
}

/// The platforms of an image that is gone say nothing of the new one.
fn forget_platforms(body: &mut Value, wanted: &Value) {
    if wanted.pointer("/TaskTemplate/Placement/Platforms").is_none()
        && let Some(placement) = body.pointer_mut("/TaskTemplate/Placement").and_then(Value::as_object_mut)
    {
        placement.shift_remove("Platforms");
    }
}

/// The platforms that a client pinned along with an image stay with it.
fn keep_platforms(body: &mut Value, live: &Value) {
    if body.pointer("/TaskTemplate/Placement/Platforms").is_none()
        && let Some(platforms) = live.pointer("/TaskTemplate/Placement/Platforms")
    {
        set_platforms(body, platforms.clone());
    }
}

fn set_platforms(body: &mut Value, platforms: Value) {
    if let Some(task) = body.get_mut("TaskTemplate").and_then(Value::as_object_mut)
        && let Some(placement) = task.entry("Placement").or_insert_with(|| json!({})).as_object_mut()
    {
        placement.insert("Platforms".to_owned(), platforms);
    }
}

/// Pins an image to the digest that its tag stands for.
fn pin_image(body: &mut Value, image: &str, pin: &Pin) {
    if let Some(container) = body.pointer_mut("/TaskTemplate/ContainerSpec").and_then(Value::as_object_mut) {
        container.insert("Image".to_owned(), pin.pinned(image).into());
    }
    let has_own = body.pointer("/TaskTemplate/Placement/Platforms").is_some();
    if !has_own && !pin.platforms.is_empty() {
        let platforms = pin.platforms.iter().map(|(arch, os)| json!({"Architecture": arch, "OS": os})).collect();
        set_platforms(body, platforms);
    }
}

#[cfg(test)]
mod tests;
