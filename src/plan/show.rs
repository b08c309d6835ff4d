//! How a plan is shown: to people, and to programs. No body is shown and no secret.

pub mod human;
pub mod json;

use super::graph::{Action, Cause, Item, Plan, StaysFor, Unseen, Verdict, VolumeRemoval, Warning};
use crate::resolve::object::ObjectKind;

/// How many services have which fate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Made.
    pub create: usize,
    /// Changed, those that become ours included.
    pub change: usize,
    /// Removed and made anew.
    pub replace: usize,
    /// Removed.
    pub remove: usize,
    /// Left alone since they are as they should be.
    pub unchanged: usize,
    /// Somebody else's.
    pub conflict: usize,
}

impl Counts {
    /// Counts a plan's services.
    pub fn of(plan: &Plan) -> Self {
        let mut counts = Self::default();
        for item in &plan.items {
            *match item.verdict {
                Verdict::Create => &mut counts.create,
                Verdict::Update(_) | Verdict::TakeOver(_) => &mut counts.change,
                Verdict::Replace(_) => &mut counts.replace,
                Verdict::Remove => &mut counts.remove,
                Verdict::Unchanged => &mut counts.unchanged,
                Verdict::Conflict(_) => &mut counts.conflict,
            } += 1;
        }
        counts
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { create, change, replace, remove, unchanged, conflict } = self;
        write!(f, "{create} to create, {change} to change, ")?;
        if *replace > 0 {
            write!(f, "{replace} to replace, ")?;
        }
        write!(f, "{remove} to remove, {unchanged} unchanged")?;
        if *conflict > 0 {
            write!(f, ", {conflict} in conflict")?;
        }
        Ok(())
    }
}

/// What is made or removed besides services.
#[derive(Clone, Debug)]
struct Beside<'p> {
    fate: Fate,
    thing: Thing,
    /// Its name; `None` where that is a secret.
    name: Option<&'p str>,
    /// Why, in a plan that compares with a config.
    cause: Option<Cause>,
}

impl<'p> Beside<'p> {
    fn of_volume(volume: &'p VolumeRemoval, fate: Fate) -> Self {
        let name = (!volume.is_secret).then_some(volume.name.as_str());
        Self { fate, thing: Thing::Volume, name, cause: volume.cause.clone() }
    }

    /// What those have in common that are told in one line.
    fn kind(&self) -> (Fate, Thing, bool) {
        (self.fate, self.thing, matches!(self.cause, Some(Cause::Config(_))))
    }
}

/// What becomes of a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Made,
    /// Removed, to be made anew.
    Replaced,
    Removed,
}

/// What there is besides services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Thing {
    Volume,
    Config,
    Secret,
}

impl From<ObjectKind> for Thing {
    fn from(kind: ObjectKind) -> Self {
        match kind {
            ObjectKind::Config => Self::Config,
            ObjectKind::Secret => Self::Secret,
        }
    }
}

/// What a plan makes and removes besides services, sorted.
fn beside(plan: &Plan) -> Vec<Beside<'_>> {
    let mut all = Vec::new();
    for action in &plan.actions {
        match action {
            Action::CreateObject(new) => {
                let cause = Some(Cause::Config(Some(new.place.clone())));
                all.push(Beside { fate: Fate::Made, thing: new.kind.into(), name: Some(&new.name), cause });
            }
            Action::RemoveObject { kind, name, cause, .. } => {
                let (thing, cause) = ((*kind).into(), cause.clone());
                all.push(Beside { fate: Fate::Removed, thing, name: Some(name), cause });
            }
            Action::RemoveVolume { volume, .. } => all.push(Beside::of_volume(volume, Fate::Removed)),
            Action::ReplaceService { volumes, .. } => {
                all.extend(volumes.iter().map(|volume| Beside::of_volume(volume, Fate::Replaced)));
            }
            Action::CreateService(_) | Action::UpdateService(_) | Action::RemoveService(_) => {}
        }
    }
    all.sort_by(|a, b| (a.kind(), a.name).cmp(&(b.kind(), b.name)));
    all
}

/// A server as people call it: the user's name, and the server's where it has one.
fn server_name(item: &Item) -> String {
    if item.server.is_empty() { item.user.clone() } else { format!("{}/{}", item.user, item.server) }
}

/// What a warning says of one or several users' things.
fn warning_text(warning: &Warning, whose: &str, several: bool) -> String {
    let volume = |name: &Option<String>| match (name, several) {
        (_, true) => format!("volumes of {whose}"),
        (Some(name), false) => format!("the volume `{name}` of {whose}"),
        (None, false) => format!("a volume of {whose}"),
    };
    let one_or_more = |one: &'static str, more: &'static str| if several { more } else { one };
    match warning {
        Warning::VolumeDiffers { volume: name, fields, stays_for, .. } => {
            let (volume, fields) = (volume(name), fields.join(", "));
            let (differ, stay) = (one_or_more("differs", "differ"), one_or_more("stays as it is", "stay as they are"));
            let (it, its) = (one_or_more("it", "them"), one_or_more("its server", "their servers"));
            let rest = match stays_for {
                StaysFor::Option => format!("`--replace-volumes` makes {it} anew"),
                StaysFor::Data => format!(
                    "{} hold data and {} never touched; save that, remove {its} and `docker volume rm` {it}, or mount {}",
                    one_or_more("it may", "they may"),
                    one_or_more("is", "are"),
                    one_or_more("another one", "other ones")
                ),
                StaysFor::Others => format!("others use {it}; `docker volume rm` {it} once nobody does"),
                StaysFor::Nobody => format!("no server uses {it} yet; `docker volume rm` {it} to have {it} made anew"),
            };
            format!("{volume} {differ} from what is wanted in {fields} and {stay}: {rest}")
        }
        Warning::VolumeUnseen { volume: name, matter: Unseen::Removal, .. } => {
            let go = one_or_more("goes with its server, but is", "go with their servers, but are");
            format!(
                "{} {go} not on this node: on another one, `docker volume rm` there removes {}",
                volume(name),
                one_or_more("it", "them")
            )
        }
        Warning::VolumeUnseen { volume: name, matter: Unseen::Change, .. } => {
            let are = one_or_more("is", "are");
            let keep = one_or_more("it keeps its old options", "they keep their old options");
            format!("{} {are} not on this node: on another one, {keep} and labels", volume(name))
        }
        Warning::VolumeUnseen { volume: name, matter: Unseen::Options, .. } => {
            let are = one_or_more("is on a node", "are on nodes");
            let have = one_or_more("it has", "they have");
            format!(
                "{} {are} that this engine cannot see: whether {have} the wanted options is not known",
                volume(name)
            )
        }
        Warning::Unwanted { service, .. } => match several {
            true => format!("services of {whose} are wanted by nobody and stay: `--prune` removes them"),
            false => format!("the service `{service}` of {whose} is wanted by nobody and stays: `--prune` removes it"),
        },
    }
}
