//! SG520 outage.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::image::{ImageState, told_of};
use super::plugins::{driver_of, listed_by_nodes};
use super::{ClusterView, WantedView};
use crate::diag::{Diagnostic, code};
use crate::plan::graph::{Action, Body, NewService, Plan, image};
use crate::plan::observed::ObservedState;
use crate::resolve::decode::LABEL_DEPLOYMENT;

/// What runs: looked up once, however many services there are.
struct Running<'s> {
    /// The ids of services.
    services: BTreeSet<&'s str>,
    /// Images, as tasks name them.
    images: BTreeSet<&'s str>,
}

impl<'s> Running<'s> {
    fn of(state: &'s ObservedState) -> Self {
        let tasks = || state.tasks.iter().filter(|task| task.state == "running");
        Self {
            services: tasks().map(|task| &*task.service_id).collect(),
            images: tasks().map(|task| &*task.image).collect(),
        }
    }
}

/// A service that runs, and whose task the plan ends before there is another one.
struct Ended<'p> {
    new: &'p NewService,
    before: &'p Value,
}

/// The images that the plan ends running servers for, as they are sent: where they are has to be known.
pub fn images(plan: &Plan, state: &ObservedState) -> BTreeSet<String> {
    let running = Running::of(state);
    ended(plan, &running).filter_map(|ended| ended.new_image(&running).map(str::to_owned)).collect()
}

/// Finds what running servers would be ended for and isn't there. The engine ends a task first (swarm-facts: with the order
/// `stop-first` also where the next one's image is missing).
pub fn check(plan: &Plan, view: &ClusterView<'_>) -> Vec<Diagnostic> {
    let listed = listed_by_nodes(view.state);
    let running = Running::of(view.state);
    let servers: BTreeMap<&str, &WantedView<'_>> = view.servers.iter().map(|server| (&**server.user, server)).collect();
    let mut findings = Vec::new();
    for ended in ended(plan, &running) {
        let Some(server) = servers.get(&*ended.new.user) else { continue };
        findings.extend(ended.new_image(&running).and_then(|image| no_image(server, view.images.get(image))));
        findings.extend(no_plugin(server, ended.before, &listed));
    }
    findings
}

fn no_image(server: &WantedView<'_>, known: Option<&ImageState>) -> Option<Diagnostic> {
    let (Some(ImageState::Missing(reason) | ImageState::Unknown(reason)), image) =
        (known, &server.service.container.image)
    else {
        return None;
    };
    let message = format!("running servers would be ended for the image `{image}`, which was not found");
    let finding = server.finding(&code::OUTAGE, message, "/image", "no node may have it to start them again");
    Some(
        finding
            .note(told_of(image, reason))
            .help("mend its name, or push it; where the nodes that run the servers have it: `-A outage`"),
    )
}

fn no_plugin(server: &WantedView<'_>, before: &Value, listed: &BTreeSet<&str>) -> Option<Diagnostic> {
    let mounted: Vec<&str> = drivers(before).collect();
    let mounts = server.service.container.mounts.iter().enumerate();
    let mut missing = mounts.filter_map(|(index, mount)| Some((index, driver_of(mount)?)));
    let (index, driver) =
        missing.find(|(_, driver)| !listed.contains(driver.expose()) && !mounted.contains(&driver.expose()))?;
    let message = format!("running servers would be ended for the volume plugin `{driver}`, which no node lists");
    let at = format!("/container_spec/mounts/{index}");
    let finding = server.finding(&code::OUTAGE, message, &at, "no node can start them again without it");
    Some(finding.help(format!("on each node: `docker plugin install {driver}`")))
}

impl Ended<'_> {
    /// The image that it gets, where that is another one and no task runs it.
    fn new_image(&self, running: &Running<'_>) -> Option<&str> {
        let new = image(&self.new.body.0)?;
        (image(self.before) != Some(new) && !running.images.contains(new)).then_some(new)
    }
}

/// Those of the plan's services that run and are ended.
fn ended<'p>(plan: &'p Plan, running: &'p Running<'_>) -> impl Iterator<Item = Ended<'p>> {
    let of = |action: &'p Action| match action {
        Action::UpdateService(update) if update.task.restarts() && !starts_first(&update.new.body) => {
            Some((&*update.id, &update.new, &update.before))
        }
        Action::ReplaceService { old, new, .. } => Some((&*old.id, new, &old.before)),
        _ => None,
    };
    let found = plan.actions.iter().filter_map(of);
    found
        .filter(|(id, _, before)| runs(id, &before.0, running))
        .map(|(_, new, before)| Ended { new, before: &before.0 })
}

/// Tells whether a service has a running task. Of services without our labels the tasks are not read: they are taken to run.
fn runs(id: &str, spec: &Value, running: &Running<'_>) -> bool {
    let is_ours = spec.get("Labels").and_then(|labels| labels.get(LABEL_DEPLOYMENT)).is_some();
    !is_ours || running.services.contains(id)
}

fn starts_first(Body(spec): &Body) -> bool {
    spec.pointer("/UpdateConfig/Order").and_then(Value::as_str) == Some("start-first")
}

/// The drivers of a spec's volumes.
fn drivers(spec: &Value) -> impl Iterator<Item = &str> {
    let mounts = spec.pointer("/TaskTemplate/ContainerSpec/Mounts").and_then(Value::as_array).into_iter().flatten();
    mounts.filter_map(|mount| mount.pointer("/VolumeOptions/DriverConfig/Name")?.as_str())
}

#[cfg(test)]
mod tests;
