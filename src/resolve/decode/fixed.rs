//! What is the same for all servers of a profile is decoded once.
//!
//! A slot holds the value of an attribute that has no templates and gave no findings; one that has is decoded for every
//! server, so that each finding is told with everybody whom it concerns.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use crate::ir::{
    DnsConfig, Driver, Endpoint, FileReference, Healthcheck, Host, Mount, Network, Pairs, Placement, Privileges,
    Resources, RestartPolicy, Service, Text, Ulimit, UpdateConfig,
};
use crate::source::{Entry, Map, Node};

use super::super::judgement::Judgement;
use super::Decoder;

/// The value of an attribute; `None` once it is known that the value differs from server to server.
pub(super) type Slot<T> = OnceLock<Option<T>>;

/// Pairs that have no templates, and by index the entries that have.
pub(super) type Split = (Pairs, Vec<usize>);

/// The slots of a profile.
#[derive(Debug, Default)]
pub struct Fixed {
    pub(super) image: Slot<Text>,
    pub(super) command: Slot<Option<Vec<Text>>>,
    pub(super) args: Slot<Option<Vec<Text>>>,
    pub(super) hostname: Slot<Option<Text>>,
    pub(super) env: Slot<Split>,
    pub(super) workdir: Slot<Option<Text>>,
    pub(super) user: Slot<Option<Text>>,
    pub(super) groups: Slot<Vec<Text>>,
    /// The service's labels.
    pub(super) service_labels: Slot<Split>,
    /// The container's labels.
    pub(super) labels: Slot<Pairs>,
    /// By index, the mounts that have no templates; `None` for one that has.
    pub(super) mounts: Slot<Vec<Option<Option<Mount>>>>,
    /// That no two mounts have one target.
    pub(super) targets: Slot<()>,
    pub(super) stop_grace_period: Slot<Option<i64>>,
    pub(super) stop_signal: Slot<Option<Text>>,
    pub(super) healthcheck: Slot<Option<Healthcheck>>,
    pub(super) hosts: Slot<Vec<Host>>,
    pub(super) dns_config: Slot<Option<DnsConfig>>,
    pub(super) configs: Slot<Vec<FileReference>>,
    pub(super) secrets: Slot<Vec<FileReference>>,
    pub(super) privileges: Slot<Option<Privileges>>,
    pub(super) isolation: Slot<Option<Text>>,
    pub(super) init: Slot<Option<bool>>,
    pub(super) cap_add: Slot<Vec<Text>>,
    pub(super) cap_drop: Slot<Vec<Text>>,
    pub(super) sysctls: Slot<Pairs>,
    pub(super) ulimits: Slot<Vec<Ulimit>>,
    pub(super) tty: Slot<Option<bool>>,
    pub(super) open_stdin: Slot<Option<bool>>,
    pub(super) read_only: Slot<Option<bool>>,
    pub(super) resources: Slot<Resources>,
    pub(super) restart_policy: Slot<Option<RestartPolicy>>,
    pub(super) placement: Slot<Placement>,
    pub(super) networks: Slot<Vec<Network>>,
    pub(super) log_driver: Slot<Option<Driver>>,
    pub(super) endpoint: Slot<Endpoint>,
    pub(super) update_config: Slot<Option<UpdateConfig>>,
    pub(super) rollback_config: Slot<Option<UpdateConfig>>,
    /// What the rules found in it.
    pub judgement: OnceLock<Judgement>,
    /// By index, what tells the mounts of all profiles apart: those that stand in one place and say the same share it.
    pub(super) mounts_alike: Vec<usize>,
}

impl Fixed {
    /// Empty slots for a profile's tree, with what tells its mounts apart.
    pub fn new(mounts_alike: Vec<usize>) -> Self {
        Self { mounts_alike, ..Self::default() }
    }

    /// Empty slots for a copy of the tree.
    pub fn apart(&self) -> Self {
        Self::new(self.mounts_alike.clone())
    }
}

/// A part of a service, and the slot for what all servers of a profile have there.
pub(super) struct Part<S, T> {
    pub(super) slot: fn(&Fixed) -> &Slot<S>,
    pub(super) field: fn(&mut Service) -> &mut T,
}

/// Names a [`Part`]; its slot is called like the field.
macro_rules! part {
    (container.$field:ident) => {
        $crate::resolve::decode::fixed::Part {
            slot: |fixed| &fixed.$field,
            field: |service| &mut service.container.$field,
        }
    };
    ($field:ident) => {
        $crate::resolve::decode::fixed::Part { slot: |fixed| &fixed.$field, field: |service| &mut service.$field }
    };
}
pub(super) use part;

impl<'s> Decoder<'s> {
    /// Decodes some of a table's keys, or takes what an earlier server of the profile left.
    pub(super) fn once<T: Clone + Default + 's>(
        &mut self,
        part: Part<T, T>,
        (table, keys): (&Node, &[&str]),
        decode: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let is_constant = |own: &Self| keys.iter().filter_map(|key| table.get(key)).all(|node| own.is_constant(node));
        match self.kept(part.slot, is_constant, decode) {
            Cow::Borrowed(value) => match &mut self.earlier {
                Some(service) => std::mem::take((part.field)(service)),
                None => value.clone(),
            },
            Cow::Owned(value) => value,
        }
    }

    /// The texts of a table by their keys, of which those without templates are made once; `text` leaves one out.
    pub(super) fn mixed(
        &mut self,
        part: Option<Part<Split, Pairs>>,
        map: Option<&Map>,
        text: impl Fn(&mut Self, &Entry) -> Option<Text>,
    ) -> Pairs {
        let entries = map.map(|map| map.entries.as_slice()).unwrap_or_default();
        let split = |own: &mut Self| {
            let (mut pairs, mut varying) = (Pairs::with_capacity(entries.len()), Vec::new());
            for (index, entry) in entries.iter().enumerate() {
                if !own.is_constant(&entry.value) {
                    varying.push(index);
                } else if let Some(text) = text(own, entry) {
                    pairs.push((Arc::clone(&entry.key), text));
                }
            }
            pairs.sort_by(|a, b| a.0.cmp(&b.0));
            (pairs, varying)
        };
        let (mut pairs, varying) = match part {
            Some(part) => match self.kept(part.slot, |_| true, split) {
                Cow::Borrowed((pairs, varying)) => match &mut self.earlier {
                    Some(service) => (std::mem::take((part.field)(service)), Cow::Borrowed(varying)),
                    None => (pairs.clone(), Cow::Borrowed(varying)),
                },
                Cow::Owned((pairs, varying)) => (pairs, Cow::Owned(varying)),
            },
            None => {
                let (pairs, varying) = split(self);
                (pairs, Cow::Owned(varying))
            }
        };
        for entry in varying.iter().filter_map(|index| entries.get(*index)) {
            if let Some(text) = text(self, entry) {
                put(&mut pairs, &entry.key, text, || Arc::clone(&entry.key));
            }
        }
        pairs
    }

    /// Decodes something and, if it is the same for all servers and gave no findings, keeps it in the slot.
    pub(super) fn kept<T: Clone + 's>(
        &mut self,
        slot: impl Fn(&Fixed) -> &Slot<T>,
        is_constant: impl FnOnce(&Self) -> bool,
        decode: impl FnOnce(&mut Self) -> T,
    ) -> Cow<'s, T> {
        let Some(slot) = self.fixed.map(slot) else { return Cow::Owned(decode(self)) };
        match slot.get() {
            Some(Some(value)) => return Cow::Borrowed(value),
            Some(None) => return Cow::Owned(decode(self)),
            None => {}
        }
        let before = self.found();
        let value = decode(self);
        let constant = self.found() == before && is_constant(self);
        // Another thread may have been faster: its value is the same.
        let _ = slot.set(constant.then(|| value.clone()));
        Cow::Owned(value)
    }

    pub(super) fn found(&self) -> usize {
        self.findings.len() + self.scope.warnings.borrow().len()
    }

    /// Tells whether nothing in a tree differs from server to server.
    pub(super) fn is_constant(&self, node: &Node) -> bool {
        self.scope.is_constant(node)
    }
}

/// Puts a value in its place among sorted pairs, over one of the same key.
pub(super) fn put(pairs: &mut Pairs, key: &str, value: Text, owned: impl FnOnce() -> Arc<str>) {
    match pairs.binary_search_by(|(own, _)| (**own).cmp(key)) {
        Ok(at) => pairs[at].1 = value,
        Err(at) => pairs.insert(at, (owned(), value)),
    }
}
