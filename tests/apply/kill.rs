//! Runs that are killed, and run again.

use std::time::Duration;

use tokio::time::timeout;

use super::*;

/// A sequence of numbers that looks random.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Fifty users of whom some are there, some differ, and some are to go.
async fn class() -> (FakeSwarm, Vec<NewService>) {
    let there: Vec<NewService> = (0..30).map(|index| wanted(&format!("u{index:03}"), "runs")).collect();
    let mut decoy = wanted("decoy", "runs");
    decoy.body.0["Labels"]["swarmgen.deployment"] = json!("other");
    let swarm = swarm_with(&[there.as_slice(), &[decoy]].concat()).await;
    let wanted = (10..60).map(|index| {
        let user = format!("u{index:03}");
        let config = json!([{"ConfigName": "c-1", "ConfigID": ""}]);
        match index % 3 {
            0 => wanted(&user, "runs"),
            1 => with_env(&user, "runs", &["A=1"]),
            _ => with(with_env(&user, "runs", &["B=1"]), "TaskTemplate/ContainerSpec/Configs", config),
        }
    });
    (swarm, wanted.collect())
}

/// What is wanted with the ids of what is there, as a planner knows them.
fn planned(swarm: &FakeSwarm, wanted: &[NewService]) -> (Plan, Vec<Standing>) {
    let id = swarm.now(|state| state.configs.first().map(|config| config.id.clone()));
    let mut wanted = wanted.to_vec();
    if let Some(id) = &id {
        for new in &mut wanted {
            let configs = &mut new.body.0["TaskTemplate"]["ContainerSpec"];
            if configs.get("Configs").is_some() {
                configs["Configs"][0]["ConfigID"] = json!(id);
            }
        }
    }
    let (mut plan, standing) = plan_for(&wanted, &swarm.services());
    if id.is_none() {
        plan.actions.insert(0, object(ObjectKind::Config, "c-1"));
    }
    (plan, standing)
}

async fn run(swarm: &FakeSwarm, wanted: &[NewService]) -> Outcome {
    let (plan, standing) = planned(swarm, wanted);
    let redactor = Redactor::default();
    let run = Run { api: swarm, replan: &Compare, auth: &|_| None, redactor: &redactor, settings: settings() };
    run.apply(&plan, &standing, &mut |_| (), std::future::pending()).await
}

#[tokio::test(start_paused = true)]
async fn killed_at_fifty_points_the_next_run_finishes() {
    let mut numbers = Numbers(1);
    let mut killed = 0;
    for _ in 0..50 {
        let (swarm, wanted) = class().await;
        // Most of the calls are made in the first tenth of a second.
        let bound = if numbers.below(4) == 0 { 6_000 } else { 150 };
        let after = Duration::from_micros(numbers.below(bound * 1_000));
        killed += usize::from(timeout(after, run(&swarm, &wanted)).await.is_err());
        let outcome = run(&swarm, &wanted).await;
        assert!(outcome.is_complete(), "after {after:?}: {outcome:#?}");
        let mut names: Vec<String> = wanted.iter().map(|new| new.name.clone()).collect();
        names.insert(0, "jupyter-decoy".to_owned());
        assert_eq!(swarm.names(), names, "after {after:?}");
        let (plan, _) = planned(&swarm, &wanted);
        assert!(plan.actions.is_empty(), "after {after:?}: {:?}", plan.actions);
        let running =
            swarm.tasks().iter().filter(|task| task.state == "running" && task.desired_state == "running").count();
        assert_eq!(running, 51, "after {after:?}");
        assert_eq!(swarm.now(|state| state.configs.len()), 1);
    }
    assert!(killed > 40, "{killed}");
}
