//! A plan for people: what servers have in common is said once.

use std::fmt::Write as _;

use indexmap::{IndexMap, IndexSet};
use serde::Serialize;

use super::{Beside, Counts, Fate, Thing, beside, server_name, warning_text};
use crate::diag::render::visible;
use crate::plan::diff::quoted;
use crate::plan::graph::{Cause, Change, Conflict, Item, Plan, Shown, TaskFate, Verdict, Warning};

/// How many names are listed.
const NAMES: usize = 3;
/// Longer values are cut, in characters.
const LONGEST: usize = 120;
/// What is shown in place of a secret.
const REDACTED: &str = "«redacted»";

/// Terminal colours by their codes.
#[derive(Clone, Copy)]
enum Colour {
    Red = 31,
    Green = 32,
    Yellow = 33,
    Dim = 2,
    Bold = 1,
}

/// Renders a plan with a final line end.
pub fn render(plan: &Plan, colour: bool) -> String {
    let mut page = Page { text: String::new(), colour };
    let groups = grouped(plan);
    for items in &groups {
        page.group(items);
    }
    page.beside(plan);
    if !page.text.is_empty() {
        page.text.push('\n');
    }
    page.warnings(&plan.warnings);
    let counts = Counts::of(plan).to_string();
    let counts = page.painted(&counts, Colour::Bold);
    page.text.push_str(&counts);
    page.text.push('\n');
    page.text
}

/// What becomes of some services, and what differs in them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Group {
    /// The word for what becomes of them.
    pub action: &'static str,
    /// Whose they are, and what there is to say of them.
    pub services: String,
    /// Their differences, a line each.
    pub changes: Vec<String>,
}

/// The parts of a plan's [`render`]ing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Parts {
    /// What becomes of services.
    pub groups: Vec<Group>,
    /// What the plan does not do, or cannot know.
    pub warnings: Vec<String>,
}

/// Gives what [`render`] says in its parts, without colours.
pub fn parts(plan: &Plan) -> Parts {
    let group = |items: &Vec<&Item>| {
        let mut lines = lines(&|page| page.group(items)).into_iter();
        // The sign is for those who know it.
        let services = lines.next()?.split_once(' ')?.1.to_owned();
        let action = match items.first()?.verdict {
            Verdict::Create => "create",
            Verdict::Update(_) => "change",
            Verdict::Replace(_) => "replace",
            Verdict::TakeOver(_) => "take over",
            Verdict::Remove => "remove",
            Verdict::Conflict(_) => "conflict",
            Verdict::Unchanged => "none",
        };
        Some(Group { action, services, changes: lines.collect() })
    };
    let beside = lines(&|page: &mut Page| page.beside(plan)).into_iter().filter_map(|line| {
        let (sign, what) = line.split_once(' ')?;
        let action = match sign {
            "+" => "create",
            "-/+" => "replace",
            _ => "remove",
        };
        Some(Group { action, services: what.to_owned(), changes: Vec::new() })
    });
    let warnings = warnings(&plan.warnings).into_iter();
    Parts {
        groups: grouped(plan).iter().filter_map(group).chain(beside).collect(),
        warnings: warnings.map(|line| line.trim_start_matches("warning: ").to_owned()).collect(),
    }
}

/// Gives the warnings of a plan's [`render`]ing, a line each.
pub fn warnings(warnings: &[Warning]) -> Vec<String> {
    lines(&|page| page.warnings(warnings))
}

/// The lines that a part of a page has, without colours and indents.
fn lines(tell: &dyn Fn(&mut Page)) -> Vec<String> {
    let mut page = Page { text: String::new(), colour: false };
    tell(&mut page);
    page.text.lines().map(|line| line.trim_start().to_owned()).filter(|line| !line.is_empty()).collect()
}

/// The services that are not as they should be, by what they have in common.
fn grouped(plan: &Plan) -> Vec<Vec<&Item>> {
    let mut groups: IndexMap<(u8, String), Vec<&Item>> = IndexMap::new();
    for item in plan.items.iter().filter(|item| !matches!(item.verdict, Verdict::Unchanged)) {
        groups.entry((rank(&item.verdict), common(item))).or_default().push(item);
    }
    // Stable: groups of one kind are in the order of their first users.
    groups.sort_by(|a, _, b, _| a.0.cmp(&b.0));
    groups.into_values().collect()
}

/// The order of the groups.
fn rank(verdict: &Verdict) -> u8 {
    match verdict {
        Verdict::Create => 0,
        Verdict::Update(_) => 1,
        Verdict::Replace(_) => 2,
        Verdict::TakeOver(_) => 3,
        Verdict::Remove => 4,
        Verdict::Conflict(_) => 5,
        Verdict::Unchanged => 6,
    }
}

/// What servers share that are shown as one. Their values may differ, as each user's do.
fn common(item: &Item) -> String {
    let kinds = |changes: &[Change]| {
        let mut text = String::new();
        for Change { field, before, after, cause } in changes {
            // Writing to a string cannot fail.
            let _ = write!(text, "{field:?} {} {} {cause:?};", before.is_some(), after.is_some());
        }
        text
    };
    match &item.verdict {
        Verdict::Create => item.profile.clone(),
        Verdict::Update(changes) | Verdict::Replace(changes) | Verdict::TakeOver(changes) => {
            format!("{} {}", task_text(item.task, false), kinds(changes))
        }
        Verdict::Conflict(conflict) => format!("{conflict:?}"),
        Verdict::Remove | Verdict::Unchanged => String::new(),
    }
}

fn changes(item: &Item) -> &[Change] {
    match &item.verdict {
        Verdict::Update(changes) | Verdict::Replace(changes) | Verdict::TakeOver(changes) => changes,
        _ => &[],
    }
}

struct Page {
    text: String,
    colour: bool,
}

impl Page {
    fn painted(&self, text: &str, colour: Colour) -> String {
        if self.colour { format!("\u{1b}[{}m{text}\u{1b}[0m", colour as u8) } else { text.to_owned() }
    }

    /// A cause behind what it causes; nothing where there is none.
    fn comment(&self, cause: &str) -> String {
        if cause.is_empty() { String::new() } else { format!("  {}", self.painted(&format!("# {cause}"), Colour::Dim)) }
    }

    fn line(&mut self, indent: usize, line: &str) {
        self.text.push_str(&" ".repeat(indent));
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn group(&mut self, items: &[&Item]) {
        let Some(first) = items.first() else { return };
        let (sign, colour) = match first.verdict {
            Verdict::Create => ("+", Colour::Green),
            Verdict::Update(_) => ("~", Colour::Yellow),
            Verdict::Replace(_) => ("-/+", Colour::Yellow),
            Verdict::TakeOver(_) => (">", Colour::Yellow),
            Verdict::Remove => ("-", Colour::Red),
            Verdict::Conflict(_) => ("!", Colour::Red),
            Verdict::Unchanged => ("=", Colour::Dim),
        };
        let names = names(items.iter().map(|item| server_name(item)));
        let mut line = format!("{} {names}", self.painted(sign, colour));
        let several = items.len() > 1;
        let task = task_text(first.task, several);
        match &first.verdict {
            Verdict::Create => line.push_str(&format!(", profile `{}`", visible(&first.profile))),
            Verdict::Update(_) => line.push_str(task),
            Verdict::Replace(_) => line.push_str(", removed and made anew"),
            Verdict::TakeOver(_) => {
                line.push_str(", made by something else for this user and taken over with `--take-over`");
                line.push_str(task);
            }
            Verdict::Conflict(conflict) => {
                let services = names_of(items.iter().map(|item| item.service.clone()));
                line.push_str(&format!(": {services} {}", conflict_text(conflict, several)));
            }
            Verdict::Remove | Verdict::Unchanged => {}
        }
        line.push_str(&self.comment(&items_causes_text(items)));
        self.line(2, &line);
        for (index, change) in changes(first).iter().enumerate() {
            let others = items.iter().filter_map(|item| changes(item).get(index));
            let is_same = others.clone().all(|other| other.before == change.before && other.after == change.after);
            let whose = (!is_same).then(|| server_name(first));
            self.change(change, whose.as_deref());
        }
    }

    /// What is made or removed besides services.
    fn beside(&mut self, plan: &Plan) {
        for of_kind in beside(plan).chunk_by(|a, b| a.kind() == b.kind()) {
            let Some(Beside { fate, thing, .. }) = of_kind.first() else { continue };
            let (one, more) = match thing {
                Thing::Volume => ("volume with what it holds", "volumes with what they hold"),
                Thing::Config => ("Swarm config", "Swarm configs"),
                Thing::Secret => ("Swarm secret", "Swarm secrets"),
            };
            let (number, word) = (of_kind.len(), if of_kind.len() == 1 { one } else { more });
            let names = names_of(of_kind.iter().map(|one| one.name.unwrap_or(REDACTED).to_owned()));
            let (sign, colour) = match fate {
                Fate::Made => ("+", Colour::Green),
                Fate::Replaced => ("-/+", Colour::Yellow),
                Fate::Removed => ("-", Colour::Red),
            };
            let causes = match thing {
                Thing::Volume if *fate == Fate::Removed => goes_with_text(of_kind),
                _ => causes_text(of_kind.iter().map(|one| one.cause.as_ref())),
            };
            let causes = self.comment(&causes);
            self.line(2, &format!("{} {number} {word}: {names}{causes}", self.painted(sign, colour)));
        }
    }

    fn change(&mut self, change: &Change, whose: Option<&str>) {
        let Change { field, before, after, cause } = change;
        let field = visible(field);
        let (sign, colour, values) = match (before, after) {
            (Some(before), Some(after)) => ("~", Colour::Yellow, format!(": {} -> {}", shown(before), shown(after))),
            (None, Some(after)) => ("+", Colour::Green, format!(": {}", shown(after))),
            (Some(before), None) => ("-", Colour::Red, format!(": {}", shown(before))),
            (None, None) => ("~", Colour::Yellow, String::new()),
        };
        // `networks:hub: hub` says it twice.
        let values = if values.strip_prefix(": ").is_some_and(|value| field.ends_with(&format!(":{value}"))) {
            String::new()
        } else {
            values
        };
        let whose = whose.map_or_else(String::new, |whose| format!(" (of {})", visible(whose)));
        let cause = self.comment(&cause_text(cause, before.is_some(), after.is_some()));
        self.line(6, &format!("{} {field}{values}{whose}{cause}", self.painted(sign, colour)));
    }

    fn warnings(&mut self, warnings: &[Warning]) {
        let mut groups: IndexMap<String, Vec<&Warning>> = IndexMap::new();
        for warning in warnings {
            // What is the same of several users is said once.
            groups.entry(warning_text(warning, "", true)).or_default().push(warning);
        }
        for warnings in groups.values() {
            let Some(first) = warnings.first() else { continue };
            let users = names_of(warnings.iter().map(|warning| match warning {
                Warning::VolumeDiffers { user, .. }
                | Warning::VolumeUnseen { user, .. }
                | Warning::Unwanted { user, .. } => user.clone(),
            }));
            let text = visible(&warning_text(first, &users, warnings.len() > 1)).into_owned();
            let word = self.painted("warning", Colour::Yellow);
            self.line(0, &format!("{word}: {text}"));
        }
        if !groups.is_empty() {
            self.text.push('\n');
        }
    }
}

/// The first names, with how many more there are.
fn names(all: impl Iterator<Item = String>) -> String {
    let all: Vec<String> = all.collect();
    let count = if all.len() > NAMES { format!("{} servers: ", all.len()) } else { String::new() };
    format!("{count}{}", names_of(all.into_iter()))
}

fn names_of(all: impl Iterator<Item = String>) -> String {
    let all: Vec<String> = all.collect();
    let first: Vec<String> = all.iter().take(NAMES).map(|name| visible(name).into_owned()).collect();
    match all.len().saturating_sub(NAMES) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

/// What becomes of a task, to follow who has it.
fn task_text(task: TaskFate, several: bool) -> &'static str {
    match (task, several) {
        (TaskFate::Untouched | TaskFate::Starts, _) => "",
        (TaskFate::Stays, false) => ", its task stays where it runs",
        (TaskFate::Stays, true) => ", each task stays where it runs",
        (TaskFate::Moves, false) => ", its task has to leave its node and is started anew",
        (TaskFate::Moves, true) => ", each task has to leave its node and is started anew",
        (TaskFate::Anew, false) => ", its task is started anew",
        (TaskFate::Anew, true) => ", each task is started anew",
    }
}

fn conflict_text(conflict: &Conflict, several: bool) -> String {
    let is = if several { "are" } else { "is" };
    match conflict {
        Conflict::Deployment(name) => format!("{is} of the deployment `{}`", visible(name)),
        Conflict::User { user, server } if server.is_empty() => format!("{is} the user `{}`'s", visible(user)),
        Conflict::User { user, server } => format!("{is} the user `{}`'s server `{}`", visible(user), visible(server)),
        Conflict::Spawner => {
            format!("{is} run by the hub, which starts and stops {}", if several { "them" } else { "it" })
        }
        Conflict::Unknown => format!("{is} there already, and nothing tells whose"),
    }
}

fn cause_text(cause: &Cause, was_there: bool, is_wanted: bool) -> String {
    match cause {
        Cause::Config(Some(place)) => visible(place).into_owned(),
        Cause::Config(None) if was_there && !is_wanted => "no longer in the config".to_owned(),
        Cause::Config(None) => "by default".to_owned(),
        Cause::Drift(place) if !is_wanted => with_place("added by hand", place.as_deref()),
        Cause::Drift(place) if !was_there => with_place("removed by hand", place.as_deref()),
        Cause::Drift(place) => with_place("changed by hand", place.as_deref()),
        Cause::ConfigAndDrift(Some(place)) => format!("{}; changed by hand, too", visible(place)),
        Cause::ConfigAndDrift(None) => "changed by hand, and in the config".to_owned(),
        Cause::Image(place) => with_place("the tag stands for another image now", place.as_deref()),
        Cause::Content(place) => with_place("its content is new", place.as_deref()),
        Cause::Ownership => "says whose it is and what was applied".to_owned(),
        Cause::Unwanted => "no longer in the config".to_owned(),
    }
}

/// What happened to a value, with the place that says what is wanted.
fn with_place(words: &str, place: Option<&str>) -> String {
    match place {
        Some(place) => format!("{words}; {}", visible(place)),
        None => words.to_owned(),
    }
}

/// Why servers are made or removed.
fn items_causes_text(items: &[&Item]) -> String {
    match items.first().and_then(|item| item.cause.as_ref()) {
        Some(Cause::Config(None)) => "asked for with `--user`".to_owned(),
        _ => causes_text(items.iter().map(|item| item.cause.as_ref())),
    }
}

/// Why several things of one kind are made or removed.
fn causes_text<'c>(mut causes: impl Iterator<Item = Option<&'c Cause>> + Clone) -> String {
    let places = causes.clone().filter_map(|cause| match cause {
        Some(Cause::Config(place)) => place.as_deref(),
        _ => None,
    });
    match causes.next().flatten() {
        Some(Cause::Config(Some(_))) => and_more(places),
        Some(cause) => cause_text(cause, true, false),
        None => String::new(),
    }
}

/// Why volumes go: it is not they that the config has wanted.
fn goes_with_text(volumes: &[Beside<'_>]) -> String {
    let causes = causes_text(volumes.iter().map(|one| one.cause.as_ref()));
    match (causes.is_empty(), volumes.len()) {
        (true, _) => causes,
        (false, 1) => format!("its server is {causes}"),
        (false, _) => format!("their servers are {causes}"),
    }
}

/// The first of several places, with how many others there are.
fn and_more<'p>(places: impl Iterator<Item = &'p str>) -> String {
    let places: IndexSet<&str> = places.collect();
    let Some(first) = places.first() else { return String::new() };
    match places.len().saturating_sub(1) {
        0 => visible(first).into_owned(),
        more => format!("{} and {more} more", visible(first)),
    }
}

fn shown(value: &Shown) -> String {
    match value {
        Shown::Hidden => REDACTED.to_owned(),
        Shown::Text(text) => {
            // Lists and entries quote their parts themselves.
            let text = if text.starts_with('[') || text.contains('=') { text.clone() } else { quoted(text) };
            let text = visible(&text);
            match text.char_indices().nth(LONGEST) {
                Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
                None => text.into_owned(),
            }
        }
    }
}
