//! Plans carried out on a swarm in memory, in virtual time.

#![cfg(feature = "apply")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

#[path = "../fake_swarm/mod.rs"]
mod fake_swarm;

mod away;
mod calls;
mod cancel;
mod faults;
mod kill;
mod reasons;
mod redact;
mod remove;
mod rollback;
mod waiting;

use std::time::Duration;

use serde_json::{Value, json};
use swarmgen::apply::api::SwarmApi;
use swarmgen::apply::{Event, Outcome, Redactor, Replan, Replanned, Run, Settings, Standing, State};
use swarmgen::plan::graph::{
    Action, Body, NewObject, NewService, ObjectKind, Plan, Removal, ServiceUpdate, TaskFate, VolumeRemoval,
};
use swarmgen::plan::observed::{Labels, ObservedService};

use fake_swarm::{FakeSwarm, Fault};

const DEPLOYMENT: &str = "class";

/// A user's service; what was applied is told by its image and environment.
fn wanted(user: &str, image: &str) -> NewService {
    with_env(user, image, &[])
}

fn with_env(user: &str, image: &str, env: &[&str]) -> NewService {
    let name = format!("jupyter-{user}");
    let body = json!({
        "Name": name,
        "Labels": {
            "swarmgen.deployment": DEPLOYMENT,
            "swarmgen.user": user,
            "swarmgen.server": "",
            "swarmgen.made-by": "apply",
            "swarmgen.applied": format!("{image} {env:?}"),
        },
        "TaskTemplate": {"ContainerSpec": {"Image": image, "Env": env}},
        "Mode": {"Replicated": {"Replicas": 1}},
    });
    let start_timeout = 60_000_000_000;
    NewService { name, user: user.to_owned(), server: String::new(), body: Body(body), start_timeout }
}

/// The body of a service with one thing set.
fn with(mut new: NewService, at: &str, value: Value) -> NewService {
    let mut place = &mut new.body.0;
    for key in at.split('/') {
        place = &mut place[key];
    }
    *place = value;
    new
}

fn labels() -> Labels {
    [("swarmgen.deployment", DEPLOYMENT), ("swarmgen.made-by", "apply")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}

fn object(kind: ObjectKind, name: &str) -> Action {
    Action::CreateObject(NewObject {
        kind,
        name: name.to_owned(),
        labels: labels(),
        content: "content".into(),
        place: "swarmgen.toml:1:1".to_owned(),
    })
}

fn old_volume(name: &str) -> VolumeRemoval {
    VolumeRemoval { name: name.to_owned(), is_secret: false, cause: None }
}

fn old_object(kind: ObjectKind, name: &str) -> Action {
    Action::RemoveObject { kind, id: name.to_owned(), name: name.to_owned(), cause: None }
}

fn plan(actions: Vec<Action>) -> Plan {
    Plan { deployment: DEPLOYMENT.to_owned(), items: Vec::new(), actions, warnings: Vec::new() }
}

fn creating(services: &[NewService]) -> Plan {
    plan(services.iter().cloned().map(Action::CreateService).collect())
}

fn removal(live: &ObservedService) -> Removal {
    let text = |key: &str| live.label(key).unwrap_or_default().to_owned();
    Removal {
        id: live.id.clone(),
        name: live.name().to_owned(),
        user: text("swarmgen.user"),
        server: text("swarmgen.server"),
        before: Body(live.spec.clone()),
    }
}

fn update(live: &ObservedService, new: &NewService) -> ServiceUpdate {
    ServiceUpdate {
        id: live.id.clone(),
        version: live.version,
        new: new.clone(),
        before: Body(live.spec.clone()),
        task: if live.spec["TaskTemplate"] == new.body.0["TaskTemplate"] {
            TaskFate::Untouched
        } else {
            TaskFate::Anew
        },
    }
}

/// A planner that makes, changes and removes as the specs say; those that need nothing are waited for.
fn plan_for(wanted: &[NewService], live: &[ObservedService]) -> (Plan, Vec<Standing>) {
    let (mut actions, mut standing) = (Vec::new(), Vec::new());
    for new in wanted {
        match live.iter().find(|live| live.name() == new.name) {
            None => actions.push(Action::CreateService(new.clone())),
            Some(live) if live.spec == new.body.0 => standing.push(Standing {
                subject: new.into(),
                id: live.id.clone(),
                spec: new.body.clone(),
                start_timeout: new.start_timeout,
                is_updating: false,
            }),
            Some(live) => actions.push(Action::UpdateService(update(live, new))),
        }
    }
    let is_ours = |live: &&ObservedService| live.label("swarmgen.deployment") == Some(DEPLOYMENT);
    for live in live.iter().filter(is_ours) {
        if wanted.iter().all(|new| new.name != live.name()) {
            actions.push(Action::RemoveService(removal(live)));
        }
    }
    (plan(actions), standing)
}

/// Compares anew as [`plan_for`] does.
struct Compare;

impl Replan for Compare {
    fn replan(&self, wanted: &NewService, live: Option<&ObservedService>) -> Replanned {
        match live {
            None => Replanned::Create(Box::new(wanted.clone())),
            Some(live) if live.spec == wanted.body.0 => Replanned::Done,
            Some(live) => Replanned::Update(Box::new(update(live, wanted))),
        }
    }
}

/// What a run was and gave.
struct Ran {
    outcome: Outcome,
    events: Vec<Event>,
}

impl Ran {
    /// The state of a subject by its name.
    fn state(&self, name: &str) -> State {
        self.outcome.reports.iter().find(|report| report.subject.name() == name).unwrap().state.clone()
    }

    /// The reason for which one failed.
    fn reason(&self, name: &str) -> String {
        match self.state(name) {
            State::Failed { reason, .. } => reason,
            other => panic!("{name} is {other:?}"),
        }
    }

    #[track_caller]
    fn assert_complete(&self) -> &Self {
        assert!(self.outcome.is_complete(), "{:#?}", self.outcome);
        self
    }
}

fn settings() -> Settings {
    Settings { parallelism: 8, ..Settings::default() }
}

async fn apply(swarm: &FakeSwarm, plan: &Plan) -> Ran {
    apply_with(swarm, plan, settings()).await
}

async fn apply_with(swarm: &FakeSwarm, plan: &Plan, settings: Settings) -> Ran {
    let redactor = Redactor::default();
    let run = Run { api: swarm, replan: &Compare, auth: &|_| None, redactor: &redactor, settings };
    let mut events = Vec::new();
    let mut keep = |event: &Event| events.push(event.clone());
    let outcome = run.apply(plan, &[], &mut keep, std::future::pending()).await;
    Ran { outcome, events }
}

/// Makes what is wanted of what there is.
async fn converge(swarm: &FakeSwarm, wanted: &[NewService]) -> Ran {
    let (plan, standing) = plan_for(wanted, &swarm.services());
    let redactor = Redactor::default();
    let run = Run { api: swarm, replan: &Compare, auth: &|_| None, redactor: &redactor, settings: settings() };
    let mut events = Vec::new();
    let mut keep = |event: &Event| events.push(event.clone());
    let outcome = run.apply(&plan, &standing, &mut keep, std::future::pending()).await;
    Ran { outcome, events }
}

fn users(count: usize) -> Vec<NewService> {
    (0..count).map(|index| wanted(&format!("u{index:03}"), "runs")).collect()
}

/// A swarm on which services run.
async fn swarm_with(services: &[NewService]) -> FakeSwarm {
    let swarm = FakeSwarm::new();
    for new in services {
        swarm.create_service(&new.body.0, None).await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(10)).await;
    swarm.mend();
    swarm
}
