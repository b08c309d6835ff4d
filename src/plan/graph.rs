//! The plan: what becomes of each service, and the calls that it takes, in their order.
//!
//! ```text
//! stage 1  CreateObject                       what services refer to exists first
//! stage 2  CreateService, UpdateService, ReplaceService
//! stage 3  RemoveService                      only with everything else in place
//! stage 4  RemoveVolume                       what went with them
//! stage 5  RemoveObject                       what nothing uses any more
//! ```
//!
//! A service that has volumes to go with it is scaled to none in stage 3, and removed once they are gone.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::ir::Text;
pub use crate::resolve::object::ObjectKind;

use super::observed::Labels;

/// Everything that is to be done, and what needs nothing.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The deployment's name.
    pub deployment: String,
    /// What becomes of each service, sorted by user, server and name.
    pub items: Vec<Item>,
    /// The calls, in the order of their stages; within one stage they may be made at once.
    pub actions: Vec<Action>,
    /// What is worth knowing and changes nothing.
    pub warnings: Vec<Warning>,
}

impl Plan {
    /// Tells whether a service that is somebody else's has a name that is wanted, so that the plan cannot be applied.
    pub fn has_conflicts(&self) -> bool {
        self.items.iter().any(|item| matches!(item.verdict, Verdict::Conflict(_)))
    }

    /// The images that services start with anew, without those that have a digest: what a registry may be asked about.
    pub fn images(&self) -> BTreeSet<String> {
        let image = |Body(body): &Body| image(body).unwrap_or_default().to_owned();
        let new = self.actions.iter().filter_map(|action| match action {
            Action::CreateService(new) | Action::ReplaceService { new, .. } => Some(image(&new.body)),
            Action::UpdateService(update) => Some(image(&update.new.body)).filter(|new| *new != image(&update.before)),
            _ => None,
        });
        new.filter(|image| !image.is_empty() && !image.contains('@')).collect()
    }

    /// Tells whether services would be taken over that nobody asked to.
    pub fn awaits_take_over(&self) -> bool {
        let is_made = |item: &Item| {
            self.actions.iter().any(|action| match action {
                Action::UpdateService(update) => update.new.name == item.service,
                Action::ReplaceService { new, .. } => new.name == item.service,
                _ => false,
            })
        };
        self.items.iter().any(|item| matches!(item.verdict, Verdict::TakeOver(_)) && !is_made(item))
    }
}

/// What a plan does not do, or cannot know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Warning {
    /// A volume differs from what is wanted and stays as it is: the engine looks at neither options nor labels of a volume
    /// that exists.
    VolumeDiffers {
        /// Its name; `None` where that is a secret.
        volume: Option<String>,
        /// The user whose server mounts it.
        user: String,
        /// What differs: `driver`, `options.KEY`, `labels.KEY`.
        fields: Vec<String>,
        /// What keeps it from being made anew.
        stays_for: StaysFor,
    },
    /// A volume that was to be looked at or removed is not on the engine's node, and may be on another one.
    VolumeUnseen {
        /// Its name; `None` where that is a secret.
        volume: Option<String>,
        /// The user whose server mounts it.
        user: String,
        /// What it was to be looked at for.
        matter: Unseen,
    },
    /// A service of the deployment that no wanted server has, and that stays without `--prune`.
    Unwanted {
        /// The service's name.
        service: String,
        /// The user's name.
        user: String,
    },
}

/// What a volume that nobody sees is looked at for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unseen {
    /// It goes with its server.
    Removal,
    /// Other options or labels are wanted of it than were.
    Change,
    /// Its server runs on a node that is not the engine's, so that nobody knows which options it has.
    Options,
}

/// What keeps a volume that differs from being made anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StaysFor {
    /// `--replace-volumes` was not given: it holds no data, or is removed with its server anyway.
    Option,
    /// It may hold data: it is neither an sshfs one nor labelled `autoremove` itself.
    Data,
    /// Other services mount it.
    Others,
    /// No service mounts it yet: it was there before the server that is to.
    Nobody,
}

/// One service: of a user who is wanted, or one that is on the swarm.
#[derive(Clone, Debug)]
pub struct Item {
    /// The service's name.
    pub service: String,
    /// The user's name.
    pub user: String,
    /// The server's name; empty for the default one.
    pub server: String,
    /// The profile's name; empty where the service is not wanted.
    pub profile: String,
    /// What becomes of it.
    pub verdict: Verdict,
    /// What becomes of its task.
    pub task: TaskFate,
    /// Why it is made or removed, in a plan that compares with a config. A service that stays has a cause for each change.
    pub cause: Option<Cause>,
}

/// What becomes of the task of a service that stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TaskFate {
    /// Nothing, or no node has it yet.
    #[default]
    Untouched,
    /// It keeps running: its node fulfils the new constraints.
    Stays,
    /// It is started anew on another node, or waits for one: its node does not fulfil the new constraints.
    Moves,
    /// It is started anew.
    Anew,
    /// None runs, or not as many as are to run: one is started, if not by this then by the swarm.
    Starts,
}

impl TaskFate {
    /// Tells whether what runs is ended.
    pub fn restarts(self) -> bool {
        matches!(self, Self::Moves | Self::Anew)
    }
}

/// What becomes of a service.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// It is as it should be.
    Unchanged,
    /// It is missing.
    Create,
    /// It differs.
    Update(Vec<Change>),
    /// It differs in what no update can change, so that it is removed and made anew.
    Replace(Vec<Change>),
    /// Nobody wants it any more.
    Remove,
    /// The old spawner made it for the same user: it becomes ours, if that is asked for.
    TakeOver(Vec<Change>),
    /// It is somebody else's: nothing is done, and the plan cannot be applied.
    Conflict(Conflict),
}

/// Whose service has the name that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// Another deployment's, by its name.
    Deployment(String),
    /// Another user's or another server's of this deployment.
    User {
        /// The user.
        user: String,
        /// The server.
        server: String,
    },
    /// The hub's spawner runs it: its servers are started and stopped by the hub.
    Spawner,
    /// Nothing tells whose.
    Unknown,
}

/// One difference of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What differs, in the config's words: `env.TZ`, `mounts:/data`, `resource_spec.mem_limit`.
    pub field: String,
    /// What is there; `None` where nothing is.
    pub before: Option<Shown>,
    /// What is wanted; `None` where nothing is.
    pub after: Option<Shown>,
    /// Why.
    pub cause: Cause,
}

/// A value as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// In one line.
    Text(String),
    /// A secret, or what may be one.
    Hidden,
}

/// Why something is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The config says so now, and said otherwise when it was last applied; with the place that says it, as
    /// `file:line:column`. What no place says is as it is by default. A server that is made is said by its user's listing; one
    /// without a place was asked for by name.
    Config(Option<String>),
    /// It was changed by hand since it was last applied; with the place that says what comes back.
    Drift(Option<String>),
    /// Both.
    ConfigAndDrift(Option<String>),
    /// The tag stands for another image now; with the place of the image.
    Image(Option<String>),
    /// A Swarm config or secret that it refers to has new content; with the place that declares it.
    Content(Option<String>),
    /// Who made it is written down anew.
    Ownership,
    /// The config says no more that it is wanted.
    Unwanted,
}

/// One call, with all that it needs.
#[derive(Clone, Debug)]
pub enum Action {
    /// Makes a Swarm config or secret.
    CreateObject(NewObject),
    /// Makes a service.
    CreateService(NewService),
    /// Changes a service.
    UpdateService(ServiceUpdate),
    /// Removes a service, and makes it anew once it is gone.
    ReplaceService {
        /// What is removed.
        old: Removal,
        /// The volumes that are removed before it is made anew.
        volumes: Vec<VolumeRemoval>,
        /// What is made.
        new: NewService,
    },
    /// Removes a service.
    RemoveService(Removal),
    /// Removes a volume from the engine's node.
    RemoveVolume {
        /// Which.
        volume: VolumeRemoval,
        /// The service that used it.
        service: String,
    },
    /// Removes a Swarm config or secret of ours that nothing refers to.
    RemoveObject {
        /// Config or secret.
        kind: ObjectKind,
        /// Its id.
        id: String,
        /// Its name.
        name: String,
        /// Why, in a plan that compares with a config.
        cause: Option<Cause>,
    },
}

impl Action {
    /// Its stage, from 1: those of one stage may be made at once.
    pub fn stage(&self) -> usize {
        match self {
            Self::CreateObject(_) => 1,
            Self::CreateService(_) | Self::UpdateService(_) | Self::ReplaceService { .. } => 2,
            Self::RemoveService(_) => 3,
            Self::RemoveVolume { .. } => 4,
            Self::RemoveObject { .. } => 5,
        }
    }
}

/// A Swarm config or secret to be made.
#[derive(Clone, Debug)]
pub struct NewObject {
    /// Config or secret.
    pub kind: ObjectKind,
    /// Its name on the swarm.
    pub name: String,
    /// Its labels.
    pub labels: Labels,
    /// Its content.
    pub content: Text,
    /// Where the config declares it, as `file:line:column`.
    pub place: String,
}

/// A service to be made.
#[derive(Clone, Debug)]
pub struct NewService {
    /// Its name.
    pub name: String,
    /// The user's name.
    pub user: String,
    /// The server's name.
    pub server: String,
    /// The body of `POST /services/create`. The ids of Swarm configs and secrets that the plan makes are empty in it.
    pub body: Body,
    /// How long it may take until it runs, in nanoseconds.
    pub start_timeout: i64,
}

/// A service to be changed.
#[derive(Clone, Debug)]
pub struct ServiceUpdate {
    /// Its id.
    pub id: String,
    /// The version that was compared; a service that has another one by now is read and compared anew.
    pub version: u64,
    /// What it is to be.
    pub new: NewService,
    /// What it was: where a rollback leads.
    pub before: Body,
    /// What becomes of its task.
    pub task: TaskFate,
}

/// A service to be removed.
#[derive(Clone, Debug)]
pub struct Removal {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The user's name.
    pub user: String,
    /// The server's name.
    pub server: String,
    /// What it was: where a rollback leads.
    pub before: Body,
}

/// A volume of the engine's node to be removed, with what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeRemoval {
    /// Its name.
    pub name: String,
    /// Whether its name holds a secret.
    pub is_secret: bool,
    /// Why, in a plan that compares with a config.
    pub cause: Option<Cause>,
}

/// A `ServiceSpec` with its secrets in full: it shows nothing of itself.
#[derive(Clone, PartialEq)]
pub struct Body(pub Value);

/// The image that a `ServiceSpec` names.
pub fn image(spec: &Value) -> Option<&str> {
    spec.pointer("/TaskTemplate/ContainerSpec/Image")?.as_str()
}

/// The value of a variable of a `ServiceSpec`; of several of one name the last counts.
pub fn variable<'s>(spec: &'s Value, name: &str) -> Option<&'s str> {
    let env = spec.pointer("/TaskTemplate/ContainerSpec/Env")?.as_array()?;
    env.iter().rev().filter_map(Value::as_str).find_map(|entry| entry.strip_prefix(name)?.strip_prefix('='))
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Body(«redacted»)")
    }
}
