//! What the swarm holds, and how it goes on by itself.

use std::time::Duration;

use serde_json::{Value, json};
use swarmgen::apply::api::{ApiError, ApiResult};
use swarmgen::plan::observed::{
    Labels, ObservedNode, ObservedObject, ObservedService, ObservedTask, ObservedVolume, TaskAddress, UpdateStatus,
};
use tokio::time::Instant;

use super::life::{Step, life};

/// How long a task takes to stop.
const STOP: Duration = Duration::from_secs(1);
/// How long after its task a volume stays in use.
const IN_USE: Duration = Duration::from_secs(2);
/// The delay before a task is started anew.
const RESTART_DELAY: Duration = Duration::from_secs(5);
/// How much the nodes' clocks are ahead.
const AHEAD: Duration = Duration::from_secs(3 * 3_600);
/// How long an update is watched.
const MONITOR: Duration = Duration::from_secs(5);

pub(crate) struct Task {
    id: String,
    service: String,
    labels: Labels,
    image: String,
    node: String,
    /// Its service's networks.
    networks: Vec<String>,
    created: Instant,
    /// When its life begins: after the restart delay, or once the task before it is gone.
    starts: Instant,
    steps: Vec<Step>,
    /// Since when the swarm wants it to end.
    ends: Option<Instant>,
}

impl Task {
    fn step(&self, now: Instant) -> Option<&Step> {
        let until = self.ends.map_or(now, |ends| ends.min(now));
        let age = until.checked_duration_since(self.starts)?;
        self.steps.iter().rev().find(|step| step.after <= age)
    }

    /// When it ends by itself.
    fn own_end(&self) -> Option<Instant> {
        self.steps.iter().find(|step| step.is_end()).map(|step| self.starts + step.after)
    }

    /// The node that has it: a manager chooses one for a task that is pending.
    fn node(&self, step: Option<&Step>) -> String {
        let has_none = step.is_some_and(|step| matches!(step.state, "new" | "pending"));
        if has_none { String::new() } else { self.node.clone() }
    }

    /// A manager gives a task its addresses before it looks for a node. This machine's own can be tried.
    fn addresses(&self, step: Option<&Step>) -> Vec<TaskAddress> {
        if step.is_some_and(|step| step.state == "new") {
            return Vec::new();
        }
        let number = self.id.trim_start_matches(|c: char| !c.is_ascii_digit() || c == '0');
        let address = |network: &String| TaskAddress {
            network_id: format!("{network}-id"),
            network: network.clone(),
            address: format!("127.0.0.{number}"),
        };
        self.networks.iter().map(address).collect()
    }

    /// When it came into its state: the later ones are told by its node, whose clock is hours ahead of the managers'.
    fn timestamp(&self, step: Option<&Step>, origin: Instant) -> String {
        let Some(step) = step else { return text(self.starts, origin) };
        let is_of_node = !matches!(step.state, "new" | "pending" | "assigned");
        text(self.starts + step.after + if is_of_node { AHEAD } else { Duration::ZERO }, origin)
    }

    fn is_gone(&self, now: Instant) -> bool {
        self.ends.is_some_and(|ends| now >= ends + STOP)
    }

    fn observed(&self, now: Instant, origin: Instant) -> ObservedTask {
        let step = self.step(now);
        let has_ended = step.is_some_and(Step::is_end);
        let state = match step {
            Some(step) if has_ended || !self.is_gone(now) => step.state,
            Some(_) => "shutdown",
            None => "ready",
        };
        let desired = match (self.ends.filter(|ends| *ends <= now), has_ended) {
            (None, false) if step.is_none() => "ready",
            (None, false) => "running",
            _ => "shutdown",
        };
        ObservedTask {
            id: self.id.clone(),
            service_id: self.service.clone(),
            node_id: self.node(step),
            state: state.to_owned(),
            desired_state: desired.to_owned(),
            error: step.map(|step| step.error.clone()).unwrap_or_default(),
            exit_code: step.and_then(|step| step.exit_code),
            timestamp: self.timestamp(step, origin),
            created_at: text(self.created, origin),
            image: self.image.clone(),
            labels: self.labels.clone(),
            addresses: self.addresses(step),
            ..ObservedTask::default()
        }
    }
}

/// A time as the engine writes it; a test begins at midnight.
fn text(at: Instant, origin: Instant) -> String {
    let millis = at.saturating_duration_since(origin).as_millis();
    let (hours, minutes, seconds) = (millis / 3_600_000, millis / 60_000 % 60, millis / 1_000 % 60);
    format!("2026-11-26T{hours:02}:{minutes:02}:{seconds:02}.{:03}000000Z", millis % 1_000)
}

pub(crate) struct Service {
    id: String,
    version: u64,
    spec: Value,
    previous: Option<Value>,
    created: Instant,
    /// When it was last written.
    updated: Instant,
    update: Option<UpdateStatus>,
    attempts: usize,
}

impl Service {
    fn name(&self) -> &str {
        self.spec["Name"].as_str().unwrap_or_default()
    }
}

/// A service that was removed: its name and volumes are taken for a while.
struct Leftover {
    name: String,
    volumes: Vec<String>,
    removed: Instant,
}

pub(crate) struct State {
    origin: Instant,
    ids: u64,
    pub(crate) services: Vec<Service>,
    tasks: Vec<Task>,
    leftovers: Vec<Leftover>,
    pub(crate) configs: Vec<ObservedObject>,
    pub(crate) secrets: Vec<ObservedObject>,
    pub(crate) volumes: Vec<ObservedVolume>,
    pub(crate) nodes: Vec<ObservedNode>,
    pub(crate) is_in_swarm: bool,
}

/// Tells whether a service is scaled to none.
fn has_none(spec: &Value) -> bool {
    spec["Mode"]["Replicated"]["Replicas"] == 0
}

pub(super) fn not_found(name: &str) -> ApiError {
    ApiError::NotFound { message: format!("{name} not found") }
}

pub(super) fn conflict(message: String) -> ApiError {
    ApiError::Conflict { message }
}

impl State {
    pub(super) fn new() -> Self {
        let node = ObservedNode {
            id: "node1".to_owned(),
            hostname: "one.example".to_owned(),
            state: "ready".to_owned(),
            address: "192.0.2.1".to_owned(),
            ..ObservedNode::default()
        };
        Self {
            origin: Instant::now(),
            ids: 0,
            services: Vec::new(),
            tasks: Vec::new(),
            leftovers: Vec::new(),
            configs: Vec::new(),
            secrets: Vec::new(),
            volumes: Vec::new(),
            nodes: vec![node],
            is_in_swarm: true,
        }
    }

    pub(super) fn id(&mut self) -> String {
        self.ids += 1;
        format!("id{:06}", self.ids)
    }

    /// Lets the swarm go on until now.
    pub(super) fn advance(&mut self, now: Instant) {
        for index in 0..self.services.len() {
            while self.restart(index, now) {}
            self.end_update(index, now);
        }
    }

    /// Starts a task anew that has ended; gives false if none is to be.
    fn restart(&mut self, index: usize, now: Instant) -> bool {
        let service = &self.services[index];
        let Some(task) = self.tasks.iter_mut().rev().find(|task| task.service == service.id) else { return false };
        let Some(end) = task.own_end().filter(|end| *end <= now && task.ends.is_none_or(|ends| *end < ends)) else {
            return false;
        };
        let is_success = task.step(now).is_some_and(|step| step.state == "complete");
        task.ends.get_or_insert(end);
        let policy = &service.spec["TaskTemplate"]["RestartPolicy"];
        let most = policy["MaxAttempts"].as_u64().filter(|most| *most > 0).and_then(|most| usize::try_from(most).ok());
        let restarts = match policy["Condition"].as_str().unwrap_or("any") {
            "none" => false,
            "on-failure" => !is_success,
            _ => true,
        };
        let rolls_back = service.spec["UpdateConfig"]["FailureAction"] == "rollback"
            && service.update.as_ref().is_some_and(|update| update.state == "updating");
        if rolls_back {
            let service = &mut self.services[index];
            service.spec = service.previous.take().unwrap();
            service.version += 1;
            let message = "rollback completed".to_owned();
            service.update =
                Some(UpdateStatus { state: "rollback_completed".to_owned(), message, ..UpdateStatus::default() });
            self.start(index, end, end);
            return true;
        }
        if !restarts || most.is_some_and(|most| service.attempts >= most) {
            return false;
        }
        self.services[index].attempts += 1;
        self.start(index, end, end + RESTART_DELAY);
        true
    }

    /// An update is over once its task has run for a while; that moves the version.
    fn end_update(&mut self, index: usize, now: Instant) {
        let service = &mut self.services[index];
        if service.update.as_ref().is_none_or(|update| update.state != "updating") {
            return;
        }
        let task = self.tasks.iter().rev().find(|task| task.service == service.id);
        let runs_since = task.and_then(|task| {
            let runs = task.steps.iter().find(|step| step.state == "running")?;
            Some(task.starts + runs.after)
        });
        if runs_since.is_some_and(|since| now >= since + MONITOR) {
            service.version += 1;
            service.update = Some(UpdateStatus {
                state: "completed".to_owned(),
                message: "update completed".to_owned(),
                ..UpdateStatus::default()
            });
        }
    }

    fn start(&mut self, index: usize, created: Instant, starts: Instant) {
        let id = self.id();
        let service = &self.services[index];
        let image = service.spec["TaskTemplate"]["ContainerSpec"]["Image"].as_str().unwrap_or_default().to_owned();
        let labels = service.spec["Labels"].as_object().into_iter().flatten();
        let labels = labels.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect();
        let node = image.split_once('@').map_or("node1", |(_, node)| node).to_owned();
        let steps = life(image.split('@').next().unwrap_or_default(), service.attempts);
        let networks = service.spec["TaskTemplate"]["Networks"].as_array().into_iter().flatten();
        let networks = networks.filter_map(|network| network["Target"].as_str().map(str::to_owned)).collect();
        let service = service.id.clone();
        self.tasks.push(Task { id, service, labels, image, node, networks, created, starts, steps, ends: None });
    }

    pub(crate) fn create(&mut self, spec: &Value) -> ApiResult<String> {
        let now = Instant::now();
        let name = spec["Name"].as_str().unwrap_or_default().to_owned();
        let is_taken = |other: &str| other.eq_ignore_ascii_case(&name);
        let lingers = |one: &Leftover| is_taken(&one.name) && now < one.removed + STOP;
        if self.services.iter().any(|one| is_taken(one.name())) || self.leftovers.iter().any(lingers) {
            return Err(conflict(format!("name conflicts with an existing object: service {name} already exists")));
        }
        for (list, key, there) in [("Configs", "ConfigID", &self.configs), ("Secrets", "SecretID", &self.secrets)] {
            for reference in spec["TaskTemplate"]["ContainerSpec"][list].as_array().into_iter().flatten() {
                if !there.iter().any(|one| reference[key] == *one.id) {
                    return Err(ApiError::Refused { status: 400, message: format!("{list}: not found") });
                }
            }
        }
        let id = self.id();
        let (spec, version) = (spec.clone(), 10);
        self.services.push(Service {
            id: id.clone(),
            version,
            spec,
            previous: None,
            created: now,
            updated: now,
            update: None,
            attempts: 0,
        });
        if self.services[self.services.len() - 1].spec["Mode"]["Replicated"]["Replicas"] != 0 {
            self.start(self.services.len() - 1, now, now);
        }
        Ok(id)
    }

    /// A service's place, by its id, else by its name.
    fn place(&self, key: &str) -> Option<usize> {
        let by_id = self.services.iter().position(|one| one.id == key);
        by_id.or_else(|| self.services.iter().position(|one| one.name().eq_ignore_ascii_case(key)))
    }

    pub(crate) fn update(&mut self, key: &str, version: u64, spec: &Value) -> ApiResult<()> {
        let index = self.place(key).ok_or_else(|| not_found(key))?;
        if self.services[index].version != version {
            return Err(ApiError::OutOfSequence { message: "rpc error: update out of sequence".to_owned() });
        }
        self.set(index, spec);
        Ok(())
    }

    fn set(&mut self, index: usize, spec: &Value) {
        let now = Instant::now();
        let service = &mut self.services[index];
        service.updated = now;
        let restarts = service.spec["TaskTemplate"] != spec["TaskTemplate"];
        service.version += 1;
        service.previous = Some(std::mem::replace(&mut service.spec, spec.clone()));
        if has_none(spec) {
            return self.end(index, now);
        }
        let service = &mut self.services[index];
        if restarts {
            service.attempts = 0;
            service.update = Some(UpdateStatus {
                state: "updating".to_owned(),
                message: "in progress".to_owned(),
                ..UpdateStatus::default()
            });
            let id = service.id.clone();
            let is_first = spec["UpdateConfig"]["Order"] == "start-first";
            let old = self.tasks.len();
            self.start(index, now, if is_first { now } else { now + STOP });
            // In that order the old task goes once the new one runs.
            let runs = self.tasks[old].steps.iter().find(|step| step.state == "running").map(|step| now + step.after);
            let ends = if is_first { runs } else { Some(now) };
            let old = self.tasks[..old].iter_mut().filter(|task| task.service == id && task.ends.is_none());
            old.for_each(|task| task.ends = ends);
        }
    }

    /// Somebody changes the environment.
    pub(crate) fn meddle(&mut self, key: &str) {
        let index = self.place(key).unwrap();
        let mut spec = self.services[index].spec.clone();
        spec["TaskTemplate"]["ContainerSpec"]["Env"] = json!([format!("MEDDLED={}", self.services[index].version)]);
        self.set(index, &spec);
    }

    /// The version moves, as it does with the status of an update.
    pub(crate) fn touch(&mut self, key: &str) {
        let index = self.place(key).unwrap();
        self.services[index].version += 1;
    }

    /// A node is drained: its task ends, and another one lives as those of an image do.
    pub(crate) fn displace(&mut self, key: &str, image: &str) {
        let now = Instant::now();
        let index = self.place(key).unwrap();
        let id = self.services[index].id.clone();
        self.tasks.iter_mut().filter(|task| task.service == id).for_each(|task| {
            task.ends.get_or_insert(now);
        });
        self.start(index, now, now);
        self.tasks.last_mut().unwrap().steps = life(image, 0);
    }

    /// The engine begins another task beside what runs, which lives as those of an image do.
    pub(crate) fn begins_beside(&mut self, key: &str, image: &str) {
        let (index, now) = (self.place(key).unwrap(), Instant::now());
        self.start(index, now, now);
        self.tasks.last_mut().unwrap().steps = life(image, 0);
    }

    /// A service has no task for the moment.
    #[allow(dead_code, reason = "shared by several tests")]
    pub(crate) fn forget_tasks(&mut self, key: &str) {
        let id = self.services[self.place(key).unwrap()].id.clone();
        self.tasks.retain(|task| task.service != id);
    }

    /// The engine tells of an update that began now, or with the service.
    pub(crate) fn tells_of_update(&mut self, key: &str, state: &str, began_now: bool) {
        let index = self.place(key).unwrap();
        let began = if began_now { Instant::now() } else { self.services[index].created };
        self.services[index].update = Some(UpdateStatus {
            state: state.to_owned(),
            started_at: text(began, self.origin),
            message: "due to failure or early termination of task t1".to_owned(),
        });
    }

    /// What the clock of the node that answers shows.
    pub(crate) fn time(&self) -> String {
        text(Instant::now() + AHEAD, self.origin)
    }

    /// A task is on another node.
    #[allow(dead_code, reason = "shared by several tests")]
    pub(crate) fn displace_to(&mut self, key: &str, node: &str) {
        let index = self.place(key).unwrap();
        let id = self.services[index].id.clone();
        self.tasks.iter_mut().filter(|task| task.service == id).for_each(|task| task.node = node.to_owned());
    }

    pub(crate) fn remove(&mut self, key: &str) -> ApiResult<()> {
        let now = Instant::now();
        let index = self.place(key).ok_or_else(|| not_found(key))?;
        if !has_none(&self.services[index].spec) {
            self.end(index, now);
        }
        let name = self.services.remove(index).name().to_owned();
        self.leftovers.push(Leftover { name, volumes: Vec::new(), removed: now });
        Ok(())
    }

    /// A service's tasks end, and use its volumes until they have.
    fn end(&mut self, index: usize, now: Instant) {
        let service = &self.services[index];
        for task in self.tasks.iter_mut().filter(|task| task.service == service.id) {
            task.ends.get_or_insert(now);
        }
        let mounts = service.spec["TaskTemplate"]["ContainerSpec"]["Mounts"].as_array().cloned().unwrap_or_default();
        let volumes = mounts.iter().filter_map(|mount| Some(mount["Source"].as_str()?.to_owned())).collect();
        self.leftovers.push(Leftover { name: String::new(), volumes, removed: now });
    }

    pub(crate) fn remove_volume(&mut self, name: &str) -> ApiResult<()> {
        let now = Instant::now();
        let index = self.volumes.iter().position(|one| one.name == name).ok_or_else(|| not_found(name))?;
        let mounts = |spec: &Value| spec["TaskTemplate"]["ContainerSpec"]["Mounts"].to_string();
        let mut users = self.services.iter().filter(|one| !has_none(&one.spec));
        // One that has no task has no container that would keep it.
        let has_task = |id: &str| self.tasks.iter().any(|task| task.service == id);
        let is_used = users.any(|one| has_task(&one.id) && mounts(&one.spec).contains(&format!("\"{name}\"")));
        let was_used = |one: &Leftover| one.volumes.iter().any(|one| one == name) && now < one.removed + STOP + IN_USE;
        if is_used || self.leftovers.iter().any(was_used) {
            return Err(conflict(format!("remove {name}: volume is in use")));
        }
        self.volumes.remove(index);
        Ok(())
    }

    pub(super) fn service(&self, key: &str) -> ApiResult<ObservedService> {
        let index = self.place(key).ok_or_else(|| not_found(key))?;
        Ok(self.observed(&self.services[index]))
    }

    pub(super) fn services(&self) -> Vec<ObservedService> {
        self.services.iter().map(|one| self.observed(one)).collect()
    }

    fn observed(&self, one: &Service) -> ObservedService {
        ObservedService {
            id: one.id.clone(),
            version: one.version,
            spec: one.spec.clone(),
            previous: one.previous.clone().unwrap_or_default(),
            created_at: text(one.created, self.origin),
            updated_at: text(one.updated, self.origin),
            update: one.update.clone(),
        }
    }

    /// All tasks that are listed: those of removed services until they have stopped.
    pub(super) fn tasks(&self) -> Vec<ObservedTask> {
        let now = Instant::now();
        let is_listed =
            |task: &&Task| !task.is_gone(now) || self.services.iter().any(|service| service.id == task.service);
        let mut listed: Vec<ObservedTask> =
            self.tasks.iter().filter(is_listed).map(|task| task.observed(now, self.origin)).collect();
        // The swarm lists them in no order.
        listed.reverse();
        listed
    }
}
