//! The calls that a plan takes.

use std::time::Duration;

use super::*;

#[tokio::test(start_paused = true)]
async fn two_hundred_are_made_within_the_parallelism() {
    let swarm = FakeSwarm::new();
    let start = tokio::time::Instant::now();
    let ran = apply(&swarm, &creating(&users(200))).await;
    ran.assert_complete();
    assert_eq!(swarm.names().len(), 200);
    assert_eq!(swarm.calls("create_service").len(), 200);
    // Two more may be the task list and the look at the clock.
    assert!((8..=10).contains(&swarm.most_running()), "{}", swarm.most_running());
    let last = swarm.calls("create_service").last().unwrap().at;
    assert_eq!((last - start).as_millis(), 240, "8 at once, 10 ms each");
    assert!(ran.outcome.reports.iter().all(|report| matches!(report.state, State::Converged { .. })));
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn stages_follow_each_other() {
    let [old, stays, changes] = ["old", "stays", "changes"].map(|user| wanted(user, "runs"));
    let swarm = swarm_with(&[old, stays.clone(), changes]).await;
    let live = swarm.services();
    let config = with(
        wanted("new", "runs"),
        "TaskTemplate/ContainerSpec/Configs",
        json!([{"ConfigName": "c-1", "ConfigID": ""}, {"ConfigName": "there", "ConfigID": "id000001"}]),
    );
    let secret = with(
        wanted("changes", "runs"),
        "TaskTemplate/ContainerSpec/Secrets",
        json!([{"SecretName": "s-1", "File": {}}]),
    );
    swarm.now(|state| {
        let there = |id: &str| swarmgen::plan::observed::ObservedObject { id: id.to_owned(), ..Default::default() };
        state.configs.extend([there("id000001"), there("unused")]);
    });
    let ran = apply(
        &swarm,
        &plan(vec![
            object(ObjectKind::Config, "c-1"),
            object(ObjectKind::Secret, "s-1"),
            Action::CreateService(config),
            Action::UpdateService(update(&live[2], &secret)),
            Action::RemoveService(removal(&live[0])),
            old_object(ObjectKind::Config, "unused"),
        ]),
    )
    .await;
    ran.assert_complete();
    assert_eq!(swarm.names(), ["jupyter-changes", "jupyter-new", "jupyter-stays"]);
    let spec = |name: &str| {
        let services = swarm.services();
        services.iter().find(|one| one.name() == name).unwrap().spec["TaskTemplate"]["ContainerSpec"].clone()
    };
    let made = swarm.now(|state| (state.configs[1].clone(), state.secrets[0].clone()));
    assert_eq!((made.0.name.as_str(), made.1.name.as_str()), ("c-1", "s-1"));
    assert_eq!(spec("jupyter-new")["Configs"][0]["ConfigID"], made.0.id.as_str());
    assert_eq!(spec("jupyter-new")["Configs"][1]["ConfigID"], "id000001", "what has an id keeps it");
    assert_eq!(spec("jupyter-changes")["Secrets"][0]["SecretID"], made.1.id.as_str());
    let calls = swarm.calls("");
    let place = |name: &str| calls.iter().position(|call| call.name == name).unwrap();
    assert!(place("create_config") < place("create_service"));
    assert!(place("create_service") < place("remove_service"));
    assert!(place("remove_service") < place("remove_config"));
    let last_list = calls.iter().rposition(|call| call.name == "tasks").unwrap();
    assert!(last_list < place("remove_config"), "old configs stay until all has converged");
    assert_eq!(swarm.now(|state| state.configs.len()), 2);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_removed_when_something_failed_before() {
    let swarm = swarm_with(&[wanted("old", "runs")]).await;
    swarm.fault("create_service", 1, Fault::Refused("invalid"));
    let mut actions = vec![Action::CreateService(wanted("a", "runs")), Action::CreateService(wanted("b", "runs"))];
    actions.push(Action::RemoveService(removal(&swarm.services()[0])));
    let ran = apply(&swarm, &plan(actions)).await;
    assert_eq!(ran.reason("jupyter-a"), "invalid");
    assert!(matches!(ran.state("jupyter-b"), State::Converged { .. }));
    assert!(matches!(ran.state("jupyter-old"), State::NotDone { .. }));
    assert_eq!(swarm.names(), ["jupyter-b", "jupyter-old"]);
    assert!(!ran.outcome.is_complete());
    assert_eq!(ran.outcome.failed().count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_service_without_its_config_is_not_made() {
    let swarm = FakeSwarm::new();
    swarm.fault("create_config", 1, Fault::Refused("config data too large"));
    let reference = json!([{"ConfigName": "c-1"}]);
    let new = with(wanted("a", "runs"), "TaskTemplate/ContainerSpec/Configs", reference);
    let actions = vec![object(ObjectKind::Config, "c-1"), Action::CreateService(new)];
    let ran = apply(&swarm, &plan(actions)).await;
    assert_eq!(ran.reason("c-1"), "config data too large");
    assert_eq!(ran.reason("jupyter-a"), "its config `c-1` is not there");
    assert!(swarm.calls("create_service").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_replaced_service_is_made_once_its_name_and_volumes_are_free() {
    let mount = json!([{"Type": "volume", "Source": "home-a", "Target": "/home"}]);
    let old = with(wanted("a", "runs"), "TaskTemplate/ContainerSpec/Mounts", mount);
    let swarm = swarm_with(std::slice::from_ref(&old)).await;
    let volume = swarmgen::plan::observed::ObservedVolume { name: "home-a".to_owned(), ..Default::default() };
    swarm.now(|state| state.volumes.push(volume));
    let live = swarm.services().remove(0);
    let mut new = old.clone();
    new.body.0["Labels"]["swarmgen.applied"] = json!("other");
    let volumes = vec![old_volume("home-a")];
    let replace = |volumes| Action::ReplaceService { old: removal(&live), volumes, new: new.clone() };
    apply(&swarm, &plan(vec![replace(volumes)])).await.assert_complete();
    assert!(swarm.now(|state| state.volumes.is_empty()));
    let now = swarm.services().remove(0);
    assert_ne!(now.id, live.id);
    assert_eq!(now.label("swarmgen.applied"), Some("other"));
    assert!(swarm.calls("remove_volume").len() > 1, "it is in use for a while");

    // Without a volume to wait for, the name itself is still taken.
    swarm.mend();
    let again = Action::ReplaceService { old: removal(&now), volumes: Vec::new(), new: old };
    apply(&swarm, &plan(vec![again])).await.assert_complete();
    assert!(swarm.calls("create_service").len() > 1);
    assert_eq!(swarm.names(), ["jupyter-a"]);
}

#[tokio::test(start_paused = true)]
async fn an_update_without_a_restart_is_not_waited_for() {
    let swarm = swarm_with(&[wanted("a", "runs")]).await;
    let mut new = wanted("a", "runs");
    new.body.0["Labels"]["other"] = json!("x");
    let ran = apply(&swarm, &plan(vec![Action::UpdateService(update(&swarm.services()[0], &new))])).await;
    assert_eq!(ran.assert_complete().state("jupyter-a"), State::Done);
    assert!(swarm.calls("tasks").is_empty());
}

#[tokio::test(start_paused = true)]
async fn detached_nothing_is_waited_for() {
    let swarm = FakeSwarm::new();
    let settings = Settings { detach: true, ..settings() };
    let ran = apply_with(&swarm, &creating(&users(3)), settings).await;
    assert_eq!(ran.assert_complete().state("jupyter-u000"), State::Accepted);
    assert!(swarm.calls("tasks").is_empty());
    assert_eq!(swarm.names().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_happens_is_told_in_order() {
    let swarm = FakeSwarm::new();
    let ran = apply(&swarm, &creating(&[wanted("a", "runs")])).await;
    let told: Vec<&str> = ran
        .events
        .iter()
        .map(|event| match event {
            Event::Started { actions: 1 } => "started",
            Event::Accepted { .. } => "accepted",
            Event::Waiting(progress) if progress.pending() == 1 => "waiting",
            Event::Waiting(_) => "none left",
            Event::Converged { .. } => "converged",
            _ => "other",
        })
        .collect();
    assert_eq!(told, ["started", "accepted", "waiting", "waiting", "converged", "none left"]);
}
