//! Calls that go wrong, one after another: nothing is made twice, nothing is lost.

use std::time::Duration;

use swarmgen::plan::observed::{ObservedObject, ObservedVolume};

use super::*;

/// What a call may meet and survive.
fn survivable() -> Vec<Fault> {
    vec![
        Fault::Unreachable,
        Fault::CutBefore,
        Fault::CutAfter,
        Fault::Fails("rpc error: code = Unavailable"),
        Fault::FailsAfter,
        Fault::Garbage,
        Fault::Slow(Duration::from_secs(5)),
        Fault::Hangs,
    ]
}

/// The changes of every kind, on a swarm of their own with somebody else's things beside.
async fn everything() -> (FakeSwarm, Plan) {
    let mut decoy = wanted("decoy", "runs");
    decoy.body.0["Labels"]["swarmgen.deployment"] = json!("other");
    let swarm =
        swarm_with(&[wanted("update", "runs"), wanted("replace", "runs"), wanted("remove", "runs"), decoy]).await;
    let live = swarm.services();
    swarm.now(|state| {
        let old = |id: &str| ObservedObject { id: id.to_owned(), name: id.to_owned(), ..Default::default() };
        state.configs.extend([old("old-config"), old("decoy")]);
        state.secrets.extend([old("old-secret"), old("decoy")]);
        let volume = |name: &str| ObservedVolume { name: name.to_owned(), ..Default::default() };
        state.volumes.extend([volume("home"), volume("decoy")]);
    });
    let config = json!([{"ConfigName": "c-1"}]);
    let plan = plan(vec![
        object(ObjectKind::Config, "c-1"),
        object(ObjectKind::Secret, "s-1"),
        Action::CreateService(with(wanted("create", "runs"), "TaskTemplate/ContainerSpec/Configs", config)),
        Action::UpdateService(update(&live[0], &with_env("update", "runs", &["A=1"]))),
        Action::ReplaceService {
            old: removal(&live[1]),
            volumes: Vec::new(),
            new: with_env("replace", "runs", &["A=1"]),
        },
        Action::RemoveService(removal(&live[2])),
        Action::RemoveVolume { volume: old_volume("home"), service: "jupyter-remove".to_owned() },
        old_object(ObjectKind::Config, "old-config"),
        old_object(ObjectKind::Secret, "old-secret"),
    ]);
    (swarm, plan)
}

fn assert_everything_is_done(swarm: &FakeSwarm, context: &str) {
    assert_eq!(swarm.names(), ["jupyter-create", "jupyter-decoy", "jupyter-replace", "jupyter-update"], "{context}");
    let services = swarm.services();
    for changed in ["jupyter-replace", "jupyter-update"] {
        let service = services.iter().find(|one| one.name() == changed).unwrap();
        assert_eq!(service.spec["TaskTemplate"]["ContainerSpec"]["Env"], json!(["A=1"]), "{context}: {changed}");
    }
    let names = |objects: &[ObservedObject]| objects.iter().map(|one| one.name.clone()).collect::<Vec<_>>();
    let (configs, secrets, volumes) =
        swarm.now(|state| (names(&state.configs), names(&state.secrets), state.volumes.clone()));
    assert_eq!(
        (configs, secrets),
        (vec!["decoy".into(), "c-1".into()], vec!["decoy".into(), "s-1".into()]),
        "{context}"
    );
    assert_eq!(volumes.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["decoy"], "{context}");
    let running =
        swarm.tasks().iter().filter(|task| task.state == "running" && task.desired_state == "running").count();
    assert_eq!(running, 4, "{context}");
}

#[tokio::test(start_paused = true)]
async fn one_fault_at_any_call_changes_nothing_in_the_end() {
    let (swarm, plan) = everything().await;
    apply(&swarm, &plan).await.assert_complete();
    assert_everything_is_done(&swarm, "no fault");
    let mut calls: Vec<(&str, usize)> = Vec::new();
    for call in swarm.calls("") {
        let nth = calls.iter().filter(|(name, _)| *name == call.name).count() + 1;
        calls.push((call.name, nth));
    }
    assert!(calls.len() > 12, "{calls:?}");
    for (name, nth) in calls {
        for fault in survivable() {
            let context = format!("{fault:?} at {name} {nth}");
            let (swarm, plan) = everything().await;
            swarm.fault(name, nth, fault);
            let ran = apply(&swarm, &plan).await;
            assert!(ran.outcome.is_complete(), "{context}: {:#?}", ran.outcome);
            assert_everything_is_done(&swarm, &context);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_fails_for_ever_fails_that_call_alone() {
    let swarm = FakeSwarm::new();
    swarm.faults("create_service", 1, 1_000, Fault::Fails("raft message is too large"));
    let ran = apply(&swarm, &creating(&[wanted("a", "runs")])).await;
    assert_eq!(ran.reason("jupyter-a"), "raft message is too large");
    assert_eq!(swarm.calls("create_service").len(), 4);
    assert_eq!(ran.outcome.stopped, None);
}

/// It takes connections and never answers: it has the time of one call, and then the patience for all others.
#[tokio::test(start_paused = true)]
async fn an_engine_that_never_answers_ends_the_run_in_a_bound() {
    for number in [1, 200] {
        let swarm = FakeSwarm::new();
        for call in ["create_service", "service", "services", "tasks", "info", "nodes"] {
            swarm.faults(call, 1, 100_000, Fault::Hangs);
        }
        let start = tokio::time::Instant::now();
        let ran = apply(&swarm, &creating(&users(number))).await;
        assert!(start.elapsed() < Duration::from_secs(60 + 20 + 5), "{number}: {:?}", start.elapsed());
        assert!(matches!(ran.outcome.stopped, Some(swarmgen::apply::Stop::NoEngine(_))), "{:?}", ran.outcome.stopped);
        assert!(matches!(ran.state("jupyter-u000"), State::Unknown { .. }), "{:?}", ran.state("jupyter-u000"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_leader_is_waited_for() {
    let swarm = FakeSwarm::new();
    let words = "rpc error: The swarm does not have a leader";
    swarm.faults("create_service", 1, 6, Fault::Fails(words));
    apply(&swarm, &creating(&[wanted("a", "runs")])).await.assert_complete();
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_is_gone_ends_the_run() {
    let swarm = FakeSwarm::new();
    swarm.faults("create_service", 20, 100_000, Fault::Unreachable);
    for name in ["tasks", "service", "services", "nodes"] {
        swarm.faults(name, 2, 100_000, Fault::Unreachable);
    }
    let start = tokio::time::Instant::now();
    let ran = apply(&swarm, &creating(&users(200))).await;
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
    assert!(matches!(&ran.outcome.stopped, Some(swarmgen::apply::Stop::NoEngine(why)) if why == "connection refused"));
    let count = |fits: fn(&State) -> bool| ran.outcome.reports.iter().filter(|report| fits(&report.state)).count();
    assert_eq!(count(|state| matches!(state, State::Accepted)), 19, "they are there, and not seen to run");
    assert!(count(|state| matches!(state, State::NotDone { .. })) > 170);
    assert!(ran.events.iter().any(|event| matches!(event, Event::Stopping { .. })));
    assert_eq!(swarm.names().len(), 19);
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_goes_while_an_answer_is_under_way_ends_the_run() {
    let swarm = FakeSwarm::new();
    swarm.fault("create_service", 1, Fault::Slow(Duration::from_secs(3)));
    swarm.faults("create_service", 2, 100_000, Fault::Unreachable);
    for name in ["tasks", "service", "services", "nodes"] {
        swarm.faults(name, 1, 100_000, Fault::Unreachable);
    }
    let ran = apply(&swarm, &creating(&users(2))).await;
    assert!(matches!(ran.outcome.stopped, Some(swarmgen::apply::Stop::NoEngine(_))), "{:?}", ran.outcome);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_only_moved_is_changed_with_its_new_version() {
    let swarm = swarm_with(&[wanted("a", "runs")]).await;
    swarm.faults("update_service", 1, 3, Fault::MovedBefore);
    let new = with_env("a", "runs", &["A=1"]);
    let ran = apply(&swarm, &plan(vec![Action::UpdateService(update(&swarm.services()[0], &new))])).await;
    ran.assert_complete();
    assert_eq!(swarm.services()[0].spec, new.body.0);
    assert!(!ran.events.iter().any(|event| matches!(event, Event::Changed { .. })), "nothing to compare anew");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_keeps_moving_ends() {
    let swarm = swarm_with(&[wanted("a", "runs")]).await;
    swarm.faults("update_service", 1, 1_000, Fault::MovedBefore);
    let new = with_env("a", "runs", &["A=1"]);
    let ran = apply(&swarm, &plan(vec![Action::UpdateService(update(&swarm.services()[0], &new))])).await;
    assert_eq!(ran.reason("jupyter-a"), "rpc error: update out of sequence");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_somebody_changes_is_compared_anew() {
    let swarm = swarm_with(&[wanted("a", "runs")]).await;
    swarm.faults("update_service", 1, 2, Fault::ChangedBefore);
    let new = with_env("a", "runs", &["A=1"]);
    let action = Action::UpdateService(update(&swarm.services()[0], &new));
    let ran = apply(&swarm, &plan(vec![action.clone()])).await;
    ran.assert_complete();
    assert_eq!(swarm.services()[0].spec, new.body.0);
    let changes = ran.events.iter().filter(|event| matches!(event, Event::Changed { exists: true, .. })).count();
    assert_eq!(changes, 2);

    // Without end, it ends.
    let swarm = swarm_with(&[wanted("a", "runs")]).await;
    swarm.faults("update_service", 1, 1_000, Fault::ChangedBefore);
    let ran = apply(&swarm, &plan(vec![action])).await;
    assert_eq!(ran.reason("jupyter-a"), "somebody else keeps changing it at the same time; apply again");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_somebody_removes_is_made_again_or_refused() {
    let swarm = swarm_with(&[wanted("a", "runs")]).await;
    swarm.fault("update_service", 1, Fault::RemovedBefore);
    let new = with_env("a", "runs", &["A=1"]);
    let action = Action::UpdateService(update(&swarm.services()[0], &new));
    let ran = apply(&swarm, &plan(vec![action.clone()])).await;
    ran.assert_complete();
    assert!(ran.events.iter().any(|event| matches!(event, Event::Changed { exists: false, .. })));
    assert_eq!(swarm.services()[0].spec, new.body.0);

    let swarm = swarm_with(&[wanted("a", "runs")]).await;
    swarm.fault("update_service", 1, Fault::RemovedBefore);
    let redactor = Redactor::default();
    let run = Run {
        api: &swarm,
        replan: &swarmgen::apply::Refuse,
        auth: &|_| None,
        redactor: &redactor,
        settings: settings(),
    };
    let outcome = run.apply(&plan(vec![action]), &[], &mut |_| (), std::future::pending()).await;
    let State::Failed { reason, accepted: false } = &outcome.reports[0].state else { panic!("{outcome:?}") };
    assert_eq!(reason, "it was removed by somebody else in the meantime; plan and apply again");
    assert!(swarm.names().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_name_of_somebody_else_is_left_alone() {
    let mut other = wanted("a", "runs");
    other.body.0["Labels"] = json!({});
    other.body.0["Name"] = json!("JUPYTER-A");
    let mut spawners = wanted("b", "runs");
    spawners.body.0["Labels"]["swarmgen.made-by"] = json!("spawner");
    let mut their_config = swarmgen::plan::observed::ObservedObject { name: "c-1".to_owned(), ..Default::default() };
    their_config.id = "theirs".to_owned();
    let swarm = swarm_with(&[other.clone(), spawners.clone()]).await;
    swarm.now(|state| state.configs.push(their_config));
    let mut actions = vec![object(ObjectKind::Config, "c-1")];
    actions.extend(["a", "b"].map(|user| Action::CreateService(wanted(user, "runs"))));
    let ran = apply(&swarm, &plan(actions)).await;
    for name in ["jupyter-a", "jupyter-b"] {
        assert_eq!(ran.reason(name), "its name is taken by a service of somebody else");
    }
    assert_eq!(ran.reason("c-1"), "its name is taken by one of somebody else");
    let specs: Vec<Value> = swarm.services().into_iter().map(|service| service.spec).collect();
    assert_eq!(specs, [other.body.0, spawners.body.0]);
}

#[tokio::test(start_paused = true)]
async fn two_runs_at_once_converge() {
    let swarm = FakeSwarm::new();
    let plan = creating(&users(20));
    let (one, other) = tokio::join!(apply(&swarm, &plan), apply(&swarm, &plan));
    one.assert_complete();
    other.assert_complete();
    assert_eq!(swarm.names().len(), 20);

    // With another config, whoever is last wins, and both know how it went.
    let changed: Vec<NewService> = users(20).iter().map(|new| with_env(&new.user, "runs", &["A=1"])).collect();
    let live = swarm.services();
    let (here, there) = (plan_for(&users(20), &live).0, plan_for(&changed, &live).0);
    let (one, other) = tokio::join!(apply(&swarm, &here), apply(&swarm, &there));
    one.assert_complete();
    other.assert_complete();
    let (here, there) = (plan_for(&changed, &swarm.services()).0, plan_for(&changed, &swarm.services()).0);
    assert!(here.actions.is_empty() && there.actions.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_was_sent_to_an_engine_that_then_goes_away_has_not_failed() {
    let calls = ["create_service", "update_service", "remove_service", "create_config"];
    for call in calls {
        let swarm = swarm_with(&[wanted("there", "runs")]).await;
        let live = swarm.services().remove(0);
        let action = match call {
            "create_service" => Action::CreateService(wanted("new", "runs")),
            "update_service" => Action::UpdateService(update(&live, &with_env("there", "runs", &["A=1"]))),
            "remove_service" => Action::RemoveService(removal(&live)),
            _ => object(ObjectKind::Config, "c-1"),
        };
        swarm.fault(call, 1, Fault::CutAfter);
        swarm.faults(call, 2, 1000, Fault::Unreachable);
        for look in ["service", "services", "configs", "tasks", "info"] {
            swarm.faults(look, 1, 1000, Fault::Unreachable);
        }
        let ran = apply(&swarm, &plan(vec![action])).await;
        assert!(matches!(ran.outcome.reports[0].state, State::Unknown { .. }), "{call}: it was done");
        assert!(!ran.outcome.is_complete());
    }
}
