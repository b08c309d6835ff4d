//! What is the same for all servers of a profile is decoded once.
//!
//! A slot holds the value of an attribute that has no templates and gave no findings; one that has is decoded for every
//! server, so that each finding is told with everybody whom it concerns.

use std::sync::OnceLock;

use crate::ir::{
    DnsConfig, Driver, Endpoint, FileReference, Healthcheck, Host, Mount, Network, Pairs, Placement, Privileges,
    Resources, RestartPolicy, Text, Ulimit, UpdateConfig,
};
use crate::source::Node;

use super::super::judgement::Judgement;
use super::Decoder;

/// `None` once it is known that the value differs from server to server.
pub(super) type Slot<T> = OnceLock<Option<T>>;

/// The slots of a profile.
#[derive(Debug, Default)]
pub struct Fixed {
    pub(super) image: Slot<Text>,
    pub(super) command: Slot<Option<Vec<Text>>>,
    pub(super) args: Slot<Option<Vec<Text>>>,
    /// The variables that have no templates, and by index those that have.
    pub(super) env: Slot<(Pairs, Vec<usize>)>,
    /// By index, the mounts that have no templates; `None` for one that has.
    pub(super) mounts: Slot<Vec<Option<Option<Mount>>>>,
    pub(super) healthcheck: Slot<Option<Healthcheck>>,
    pub(super) hosts: Slot<Vec<Host>>,
    pub(super) dns_config: Slot<Option<DnsConfig>>,
    pub(super) configs: Slot<Vec<FileReference>>,
    pub(super) secrets: Slot<Vec<FileReference>>,
    pub(super) privileges: Slot<Option<Privileges>>,
    pub(super) cap_add: Slot<Vec<Text>>,
    pub(super) cap_drop: Slot<Vec<Text>>,
    pub(super) sysctls: Slot<Pairs>,
    pub(super) ulimits: Slot<Vec<Ulimit>>,
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
}

impl Decoder<'_> {
    /// Decodes what `nodes` say, or takes what an earlier server of the profile left in the slot.
    pub(super) fn once<T: Clone>(
        &mut self,
        slot: impl Fn(&Fixed) -> &Slot<T>,
        nodes: &[Option<&Node>],
        decode: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let Some(slot) = self.fixed.map(slot) else { return decode(self) };
        match slot.get() {
            Some(Some(value)) => return value.clone(),
            Some(None) => return decode(self),
            None => {}
        }
        let before = self.found();
        let value = decode(self);
        let constant = self.found() == before && nodes.iter().flatten().all(|node| self.is_constant(node));
        // Another thread may have been faster: its value is the same.
        let _ = slot.set(constant.then(|| value.clone()));
        value
    }

    pub(super) fn found(&self) -> usize {
        self.findings.len() + self.scope.warnings.borrow().len()
    }

    /// Tells whether nothing in a tree differs from server to server.
    pub(super) fn is_constant(&self, node: &Node) -> bool {
        self.scope.is_constant(node)
    }
}
