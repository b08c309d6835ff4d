//! A plan for programs: one JSON document, in a format with a version.
//!
//! `schema/plan.v1.schema.json` is derived from these types. Within a version keys may be added, none changes or goes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Beside, Counts, Fate, Thing, beside, warning_text};
use crate::diag::render::{document, document_schema};
use crate::plan::graph::{self, Plan, TaskFate, Verdict};

/// The schema's identifier. A URN: it names the schema wherever it is kept.
pub const SCHEMA_ID: &str = "urn:swarmgen:plan:1";

/// Renders a plan as a document, with a final line end.
pub fn render(plan: &Plan, saved: Option<Saved>) -> String {
    document(&Document::of(plan, saved))
}

/// Derives the JSON Schema (draft 2020-12) of the document.
pub fn schema() -> schemars::Schema {
    document_schema::<Document>("swarmgen plan", SCHEMA_ID)
}

/// What `swarmgen plan --message-format json` writes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Document {
    /// The version of this format.
    #[schemars(range(min = 1, max = 1))]
    pub version: u32,
    /// The deployment's name.
    pub deployment: String,
    /// How many services have which fate.
    pub summary: Summary,
    /// The services, sorted by user and server.
    pub services: Vec<Service>,
    /// What is made or removed besides them: volumes, Swarm configs and secrets.
    #[serde(default)]
    pub objects: Vec<Object>,
    /// What the plan does not do, or cannot know.
    pub warnings: Vec<Warning>,
    /// What `apply` needs to carry the plan out later; absent unless it was saved for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Saved")]
    pub saved: Option<Saved>,
}

/// What `apply` needs to carry a plan out later: it plans anew and compares.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Saved {
    /// The arguments that the plan was made with.
    pub arguments: Vec<String>,
    /// The id of the swarm that the plan was made for.
    pub cluster: String,
    /// What the plan would send and to which versions, as a hash from which no secret can be guessed.
    pub fingerprint: String,
}

/// How many services have which fate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Made.
    pub create: usize,
    /// Changed, those that become ours included.
    pub change: usize,
    /// Removed and made anew.
    pub replace: usize,
    /// Removed.
    pub remove: usize,
    /// As they should be.
    pub unchanged: usize,
    /// Somebody else's: with any, the plan cannot be applied.
    pub conflict: usize,
}

/// One service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Service {
    /// The service's name.
    pub service: String,
    /// The user's name.
    pub user: String,
    /// The server's name; empty for the default one.
    pub server: String,
    /// The profile's name; empty for a service that is removed.
    pub profile: String,
    /// What becomes of it.
    pub action: Action,
    /// Whether its task is started anew.
    pub restarts: bool,
    /// Whether that is since its node does not fulfil the new placement constraints: it goes to another one, or waits.
    #[serde(default)]
    pub moves: bool,
    /// What differs.
    pub changes: Vec<Change>,
    /// Why it is made (`config`) or removed (`unwanted`); absent for others, whose changes have causes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Cause")]
    pub cause: Option<Cause>,
    /// Where its user is listed, as `file:line:column`, if it is made; absent where the user was asked for by name alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub place: Option<String>,
    /// Whose it is, where it is somebody else's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Conflict")]
    pub conflict: Option<Conflict>,
}

/// A volume, or a Swarm config or secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Object {
    /// What it is.
    pub kind: ObjectKind,
    /// Its name; absent where that is a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub name: Option<String>,
    /// What becomes of it: `create` or `remove`, or `replace` for a volume that is removed, to be made anew.
    pub action: Action,
    /// Why: the config declares it, or says otherwise now (`config`), or it goes with its server or declaration (`unwanted`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Cause")]
    pub cause: Option<Cause>,
    /// Where the config says so, as `file:line:column`; absent where nothing in it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub place: Option<String>,
}

/// A kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ObjectKind {
    /// A volume of the engine's node, with what it holds.
    Volume,
    /// A Swarm config.
    Config,
    /// A Swarm secret.
    Secret,
}

/// What becomes of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// It is as it should be.
    Unchanged,
    /// It is made.
    Create,
    /// It is changed.
    Update,
    /// It is removed and made anew.
    Replace,
    /// It is removed.
    Remove,
    /// It was an old spawner's and becomes ours.
    TakeOver,
    /// It is somebody else's and left alone.
    Conflict,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// What differs, in the config's words.
    pub field: String,
    /// What is there; absent where nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Shown")]
    pub before: Option<Shown>,
    /// What is wanted; absent where nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Shown")]
    pub after: Option<Shown>,
    /// Why.
    pub cause: Cause,
    /// Where the config says it, as `file:line:column`; absent where nothing in it does: it is so by default, or is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub place: Option<String>,
}

/// A value, or that it is not shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Shown {
    /// Whether it is a secret, or may be one.
    pub hidden: bool,
    /// The value in one line; absent where it is hidden.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub text: Option<String>,
}

/// Why something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The config says so now.
    Config,
    /// It was changed by hand.
    Drift,
    /// Both.
    ConfigAndDrift,
    /// The tag stands for another image now.
    Image,
    /// A Swarm config or secret has new content.
    Content,
    /// Who made it and what was applied is written down anew.
    Ownership,
    /// The config says no more that it is wanted.
    Unwanted,
}

/// Whose a service is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Conflict {
    /// Of which kind its owner is.
    pub kind: Owner,
    /// The deployment, the user or the user and the server after a slash; absent where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub name: Option<String>,
}

/// A kind of owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Owner {
    /// Another deployment.
    Deployment,
    /// Another user or another server of this deployment.
    User,
    /// The hub's spawner.
    Spawner,
    /// Nothing tells who.
    Unknown,
}

/// What the plan does not do, or cannot know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Warning {
    /// Of which kind it is.
    pub kind: WarningKind,
    /// The user whom it concerns.
    pub user: String,
    /// The volume or the service; absent where the name is a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub name: Option<String>,
    /// The words.
    pub message: String,
}

/// A kind of warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WarningKind {
    /// A volume differs from what is wanted and stays as it is.
    VolumeDiffers,
    /// A volume is not on the engine's node and may be on another one.
    VolumeUnseen,
    /// A service of the deployment that nobody wants.
    Unwanted,
}

impl Document {
    /// Makes the document of a plan.
    pub fn of(plan: &Plan, saved: Option<Saved>) -> Self {
        let Counts { create, change, replace, remove, unchanged, conflict } = Counts::of(plan);
        Self {
            version: 1,
            deployment: plan.deployment.clone(),
            summary: Summary { create, change, replace, remove, unchanged, conflict },
            services: plan.items.iter().map(service).collect(),
            objects: beside(plan).into_iter().map(object).collect(),
            warnings: plan.warnings.iter().map(warning).collect(),
            saved,
        }
    }

    /// Tells what is not the same in a later plan of the same arguments, in a few words each.
    pub fn differences(&self, later: &Self) -> Vec<String> {
        let mut found = Vec::new();
        let by_name = |document: &Self, name: &str| document.services.iter().position(|own| own.service == name);
        for own in &self.services {
            match by_name(later, &own.service).and_then(|index| later.services.get(index)) {
                None => found.push(format!("`{}` is gone", own.service)),
                Some(other) if other.action != own.action => {
                    found.push(format!(
                        "`{}`: {} by now, {} in the plan",
                        own.service,
                        word(other.action),
                        word(own.action)
                    ));
                }
                Some(other) if other != own => found.push(format!("`{}` has other changes", own.service)),
                Some(_) => {}
            }
        }
        let is_new = |other: &&Service| by_name(self, &other.service).is_none();
        found.extend(later.services.iter().filter(is_new).map(|other| format!("`{}` is new", other.service)));
        if self.objects != later.objects {
            found.push("other volumes, Swarm configs or secrets are made or removed".to_owned());
        }
        found
    }
}

fn object(one: Beside<'_>) -> Object {
    let kind = match one.thing {
        Thing::Volume => ObjectKind::Volume,
        Thing::Config => ObjectKind::Config,
        Thing::Secret => ObjectKind::Secret,
    };
    let action = match one.fate {
        Fate::Made => Action::Create,
        Fate::Replaced => Action::Replace,
        Fate::Removed => Action::Remove,
    };
    let (cause, place) = one.cause.as_ref().map(cause).unzip();
    Object { kind, name: one.name.map(str::to_owned), action, cause, place: place.flatten() }
}

fn word(action: Action) -> &'static str {
    match action {
        Action::Unchanged => "unchanged",
        Action::Create => "to create",
        Action::Update => "to change",
        Action::Replace => "to replace",
        Action::Remove => "to remove",
        Action::TakeOver => "to take over",
        Action::Conflict => "in conflict",
    }
}

fn service(item: &graph::Item) -> Service {
    let graph::Item { service, user, server, profile, verdict, task, cause: why } = item;
    let (action, changes, conflict) = match verdict {
        Verdict::Unchanged => (Action::Unchanged, &[][..], None),
        Verdict::Create => (Action::Create, &[][..], None),
        Verdict::Update(changes) => (Action::Update, &changes[..], None),
        Verdict::Replace(changes) => (Action::Replace, &changes[..], None),
        Verdict::Remove => (Action::Remove, &[][..], None),
        Verdict::TakeOver(changes) => (Action::TakeOver, &changes[..], None),
        Verdict::Conflict(conflict) => (Action::Conflict, &[][..], Some(owner(conflict))),
    };
    let (cause, place) = why.as_ref().map(cause).unzip();
    Service {
        service: service.clone(),
        user: user.clone(),
        server: server.clone(),
        profile: profile.clone(),
        action,
        restarts: task.restarts(),
        moves: *task == TaskFate::Moves,
        changes: changes.iter().map(change).collect(),
        conflict,
        cause,
        place: place.flatten(),
    }
}

/// A cause, and the place that it names.
fn cause(cause: &graph::Cause) -> (Cause, Option<String>) {
    match cause {
        graph::Cause::Config(place) => (Cause::Config, place.clone()),
        graph::Cause::Drift(place) => (Cause::Drift, place.clone()),
        graph::Cause::ConfigAndDrift(place) => (Cause::ConfigAndDrift, place.clone()),
        graph::Cause::Image(place) => (Cause::Image, place.clone()),
        graph::Cause::Content(place) => (Cause::Content, place.clone()),
        graph::Cause::Ownership => (Cause::Ownership, None),
        graph::Cause::Unwanted => (Cause::Unwanted, None),
    }
}

fn change(change: &graph::Change) -> Change {
    let graph::Change { field, before, after, cause } = change;
    let shown = |shown: &graph::Shown| match shown {
        graph::Shown::Text(text) => Shown { hidden: false, text: Some(text.clone()) },
        graph::Shown::Hidden => Shown { hidden: true, text: None },
    };
    let (cause, place) = self::cause(cause);
    Change { field: field.clone(), before: before.as_ref().map(shown), after: after.as_ref().map(shown), cause, place }
}

fn owner(conflict: &graph::Conflict) -> Conflict {
    let (kind, name) = match conflict {
        graph::Conflict::Deployment(name) => (Owner::Deployment, Some(name.clone())),
        graph::Conflict::User { user, server } if server.is_empty() => (Owner::User, Some(user.clone())),
        graph::Conflict::User { user, server } => (Owner::User, Some(format!("{user}/{server}"))),
        graph::Conflict::Spawner => (Owner::Spawner, None),
        graph::Conflict::Unknown => (Owner::Unknown, None),
    };
    Conflict { kind, name }
}

fn warning(warning: &graph::Warning) -> Warning {
    let (kind, user, name) = match warning {
        graph::Warning::VolumeDiffers { volume, user, .. } => (WarningKind::VolumeDiffers, user, volume.clone()),
        graph::Warning::VolumeUnseen { volume, user, .. } => (WarningKind::VolumeUnseen, user, volume.clone()),
        graph::Warning::Unwanted { service, user } => (WarningKind::Unwanted, user, Some(service.clone())),
    };
    Warning { kind, user: user.clone(), name, message: warning_text(warning, user, false) }
}
