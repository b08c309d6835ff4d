//! Who the users are.
//!
//! Users come from `[users]` in the config documents and from users files. Large files are not turned into trees: a
//! record is read again when its user is asked for.

use std::collections::HashMap;
use std::sync::Arc;

use crate::diag::{Diagnostic, Diagnostics, code};
use crate::source::records::{MOST_TOLD, Records};
use crate::source::{Entry, Node, Span, Value};

use super::settings::strings;

/// The keys of a user's entry that are no attributes.
pub const RESERVED: &[&str] = &["groups", "overrides", "profile"];

/// One user.
#[derive(Debug)]
pub struct User<'a> {
    /// The name as JupyterHub knows it.
    pub name: Arc<str>,
    /// Where the user is listed.
    pub span: Option<Span>,
    /// The user's own attributes.
    pub attributes: Vec<Entry>,
    /// The groups that the user is in.
    pub groups: Vec<Arc<str>>,
    /// The profile that the config gives the user, and where.
    pub profile: Option<(Arc<str>, Span)>,
    /// The user's own layer.
    pub overrides: Option<std::borrow::Cow<'a, Node>>,
}

/// Where a user is listed.
#[derive(Clone, Copy, Debug, Default)]
struct Listing {
    /// The index among the config's `[users]`.
    config: Option<u32>,
    /// The users file and the record in it.
    record: Option<(u16, u32)>,
}

/// All users, in the order of their listing: users files first, then those that only the config lists.
#[derive(Debug, Default)]
pub struct Roster {
    config: Vec<Entry>,
    files: Vec<Records>,
    listings: Vec<Listing>,
    by_name: HashMap<Arc<str>, u32>,
    /// Every attribute that some user has, and where it is first named.
    attributes: Vec<(Arc<str>, Span)>,
}

impl Roster {
    /// Puts the config's users and the users files together.
    ///
    /// `config` has an entry for each user of `[users]`. A user of a file may have one too, whose keys come first. Of
    /// what is wrong with a file's users, the first twenty findings are told.
    pub fn new(config: Vec<Entry>, files: Vec<Records>, diagnostics: &mut Diagnostics) -> Self {
        let mut roster = Self { config, files, ..Self::default() };
        roster.by_name.reserve(roster.files.iter().map(Records::len).sum());
        for (file, records) in roster.files.iter().enumerate() {
            diagnostics.extend(records.faults().iter().cloned().map(Diagnostic::from));
            let mut told = Vec::new();
            let mut tell = |diagnostic: Diagnostic| {
                if told.len() < MOST_TOLD {
                    told.push(diagnostic);
                }
            };
            for index in 0..records.len() {
                let record = records.get(index);
                let Some(entry) = record.fields.iter().find(|field| &*field.key == "name") else { continue };
                let Some(name) = entry.value.as_str() else {
                    let message = format!("a user's name is a string, found {}", entry.value.type_name());
                    let diagnostic = Diagnostic::new(&code::BAD_USER, message).at(entry.value.span, "");
                    tell(match entry.value.value {
                        Value::Seq(_) | Value::Map(_) => diagnostic.help("write the name alone"),
                        _ => diagnostic.help("put it in quotes"),
                    });
                    continue;
                };
                // One without a name has been told.
                if name.trim().is_empty() {
                    continue;
                }
                if let Some(problem) = bad_name(name) {
                    tell(nobody(problem).at(entry.value.span, ""));
                    continue;
                }
                record.fields.iter().filter_map(bad_field).for_each(&mut tell);
                let listing = Listing { config: None, record: Some((file as u16, index as u32)) };
                match roster.by_name.entry(name.into()) {
                    std::collections::hash_map::Entry::Occupied(first) => {
                        let first = roster.listings.get(*first.get() as usize).and_then(|listing| listing.record);
                        let first = first.and_then(|(file, index)| {
                            let record = roster.files.get(usize::from(file))?.get(index as usize);
                            Some(record.fields.iter().find(|field| &*field.key == "name")?.value.span)
                        });
                        tell(
                            Diagnostic::new(&code::DUPLICATE_USER, "this user is listed twice")
                                .at(entry.value.span, "")
                                .maybe_at(first, "first listed here"),
                        );
                    }
                    std::collections::hash_map::Entry::Vacant(vacant) => {
                        vacant.insert(roster.listings.len() as u32);
                        roster.listings.push(listing);
                    }
                }
            }
            diagnostics.extend(told);
        }
        for (index, entry) in roster.config.iter().enumerate() {
            if let Some(problem) = bad_name(&entry.key) {
                diagnostics.push(nobody(problem).at(entry.key_span, ""));
                continue;
            }
            let known = roster.by_name.get(&entry.key).and_then(|known| roster.listings.get_mut(*known as usize));
            match known {
                Some(listing) => listing.config = Some(index as u32),
                None => {
                    roster.by_name.insert(Arc::clone(&entry.key), roster.listings.len() as u32);
                    roster.listings.push(Listing { config: Some(index as u32), record: None });
                }
            }
        }
        roster.attributes = roster.find_attributes();
        roster
    }

    fn find_attributes(&self) -> Vec<(Arc<str>, Span)> {
        let of_files = self.files.iter().flat_map(|records| records.keys().iter().cloned());
        let of_config = self.config.iter().filter_map(|entry| entry.value.as_map());
        let of_config = of_config.flat_map(|map| map.iter().map(|entry| (Arc::clone(&entry.key), entry.key_span)));
        let is_attribute = |name: &str| name != "name" && !RESERVED.contains(&name);
        let mut attributes: Vec<_> = of_files.chain(of_config).filter(|(name, _)| is_attribute(name)).collect();
        attributes.sort();
        attributes.dedup_by(|next, first| next.0 == first.0);
        attributes
    }

    /// What the config itself says of users.
    pub fn config_values(&self) -> impl Iterator<Item = &Node> {
        self.config.iter().map(|entry| &entry.value)
    }

    /// Every attribute that some user has, sorted by name, and where it is first named.
    pub fn attributes(&self) -> &[(Arc<str>, Span)] {
        &self.attributes
    }

    /// How many users are listed.
    pub fn len(&self) -> usize {
        self.listings.len()
    }

    /// Tells whether no user is listed.
    pub fn is_empty(&self) -> bool {
        self.listings.is_empty()
    }

    /// The users files.
    pub fn files(&self) -> &[Records] {
        &self.files
    }

    /// The names of all users, in no particular order.
    pub fn user_names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(|name| &**name)
    }

    /// Tells whether a user is listed.
    pub fn contains(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// Finds a user by name.
    pub fn find(&self, name: &str) -> Option<User<'_>> {
        self.by_name.get(name).map(|index| self.user(*index as usize))
    }

    /// The user at an index below [`Roster::len`].
    pub fn user(&self, index: usize) -> User<'_> {
        let listing = self.listings.get(index).copied().unwrap_or_default();
        let mut user = User {
            name: "".into(),
            span: None,
            attributes: Vec::new(),
            groups: Vec::new(),
            profile: None,
            overrides: None,
        };
        if let Some((file, index)) = listing.record
            && let Some(records) = self.files.get(usize::from(file))
        {
            let record = records.get(index as usize);
            user.span = Some(record.span);
            for field in record.fields {
                match &*field.key {
                    "name" => {
                        user.span = Some(field.value.span);
                        if let Value::Str(name) = &field.value.value {
                            user.name = Arc::clone(name);
                        }
                    }
                    "groups" => user.groups = groups(&field.value),
                    "profile" => user.profile = field.value.as_str().map(|name| (name.into(), field.value.span)),
                    "overrides" => user.overrides = Some(std::borrow::Cow::Owned(field.value)),
                    _ => user.attributes.push(field),
                }
            }
        }
        if let Some(entry) = listing.config.and_then(|index| self.config.get(index as usize)) {
            user.name = Arc::clone(&entry.key);
            user.span = Some(entry.key_span);
            for field in entry.value.as_map().into_iter().flatten() {
                match &*field.key {
                    "groups" => user.groups = groups(&field.value),
                    "profile" => user.profile = field.value.as_str().map(|name| (name.into(), field.value.span)),
                    "overrides" => user.overrides = Some(std::borrow::Cow::Borrowed(&field.value)),
                    _ => match user.attributes.iter_mut().find(|own| own.key == field.key) {
                        Some(own) => *own = field.clone(),
                        None => user.attributes.push(field.clone()),
                    },
                }
            }
        }
        user
    }
}

impl User<'_> {
    /// A user that the config does not list.
    pub fn unlisted(name: &str) -> Self {
        Self {
            name: name.into(),
            span: None,
            attributes: Vec::new(),
            groups: Vec::new(),
            profile: None,
            overrides: None,
        }
    }
}

/// A list, or one string split at `;`.
fn groups(node: &Node) -> Vec<Arc<str>> {
    match &node.value {
        Value::Str(text) => text.split(';').map(str::trim).filter(|name| !name.is_empty()).map(Arc::from).collect(),
        _ => strings(Some(node)),
    }
}

/// What is wrong with a reserved key of a users file, which no schema has checked.
fn bad_field(field: &Entry) -> Option<Diagnostic> {
    let (fits, expected) = match (&*field.key, &field.value.value) {
        (_, Value::Null) => return None,
        ("groups", Value::Seq(items)) => (items.iter().all(|item| item.as_str().is_some()), "a list of strings"),
        ("groups", value) => (matches!(value, Value::Str(_)), "a list of strings"),
        ("profile", value) => (matches!(value, Value::Str(_)), "a string"),
        ("overrides", value) => (matches!(value, Value::Map(_)), "a table"),
        _ => return None,
    };
    (!fits).then(|| {
        Diagnostic::new(&code::BAD_USER, format!("`{}` of a user is {expected}", field.key))
            .at(field.value.span, "")
            .help(format!("write {expected}"))
    })
}

/// Why nobody can have a name, if nobody can, and what helps.
pub fn bad_name(name: &str) -> Option<(&'static str, &'static str)> {
    if name.is_empty() {
        Some(("a user's name is empty", "write the name that the user has in JupyterHub"))
    } else if name.contains('\0') {
        Some(("a user's name holds a NUL byte", "remove that byte"))
    } else if name.len() > 1024 {
        Some(("a user's name is over 1024 bytes long", "shorten it"))
    } else {
        None
    }
}

/// The finding of such a name.
pub(super) fn nobody((problem, help): (&'static str, &'static str)) -> Diagnostic {
    Diagnostic::new(&code::BAD_USER, problem).help(help)
}
