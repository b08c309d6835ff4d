//! Runs that are undone.

use super::*;

async fn roll_back(swarm: &FakeSwarm, outcome: &Outcome) -> Ran {
    let redactor = Redactor::default();
    let run = Run { api: swarm, replan: &Compare, auth: &|_| None, redactor: &redactor, settings: settings() };
    let mut events = Vec::new();
    let mut keep = |event: &Event| events.push(event.clone());
    let outcome = run.roll_back(DEPLOYMENT, outcome, &[], &mut keep, std::future::pending()).await;
    Ran { outcome, events }
}

fn specs(swarm: &FakeSwarm) -> Vec<Value> {
    let mut specs: Vec<Value> = swarm.services().into_iter().map(|service| service.spec).collect();
    specs.sort_by_key(|spec| spec["Name"].to_string());
    specs
}

/// A swarm of three, and a plan that makes, changes, replaces and removes; one of those that it makes does not run.
async fn failing() -> (FakeSwarm, Plan) {
    let swarm = swarm_with(&["change", "replace", "remove"].map(|user| wanted(user, "runs"))).await;
    let live = swarm.services();
    let actions = vec![
        object(ObjectKind::Config, "c-1"),
        object(ObjectKind::Secret, "s-1"),
        Action::CreateService(with(
            wanted("fails", "missing"),
            "TaskTemplate/ContainerSpec/Configs",
            json!([{"ConfigName": "c-1"}]),
        )),
        Action::CreateService(wanted("runs", "runs")),
        Action::UpdateService(update(&live[0], &with_env("change", "runs", &["A=1"]))),
        Action::ReplaceService {
            old: removal(&live[1]),
            volumes: Vec::new(),
            new: with_env("replace", "runs", &["A=1"]),
        },
        Action::RemoveService(removal(&live[2])),
    ];
    (swarm, plan(actions))
}

#[tokio::test(start_paused = true)]
async fn everything_is_as_before() {
    let (swarm, plan) = failing().await;
    let before = specs(&swarm);
    let ran = apply(&swarm, &plan).await;
    assert_eq!(ran.outcome.failed().count(), 1);
    assert_ne!(specs(&swarm), before);
    let back = roll_back(&swarm, &ran.outcome).await;
    back.assert_complete();
    assert_eq!(specs(&swarm), before);
    assert_eq!(swarm.now(|state| state.configs.len() + state.secrets.len()), 0);
    let undone = back.events.iter().filter(|event| matches!(event, Event::Undone { .. })).count();
    assert_eq!(undone, 8, "a replaced service was removed and made");
}

#[tokio::test(start_paused = true)]
async fn calls_without_an_answer_are_undone_too() {
    for call in ["create_service", "update_service", "remove_service", "create_config"] {
        for fault in [Fault::CutAfter, Fault::CutBefore, Fault::Hangs] {
            let (swarm, plan) = failing().await;
            let before = specs(&swarm);
            swarm.faults(call, 1, 100, fault.clone());
            let redactor = Redactor::default();
            let run = Run { api: &swarm, replan: &Compare, auth: &|_| None, redactor: &redactor, settings: settings() };
            let cancel = tokio::time::sleep(std::time::Duration::from_secs(5));
            let outcome = run.apply(&plan, &[], &mut |_| (), cancel).await;
            swarm.mend();
            roll_back(&swarm, &outcome).await.assert_complete();
            assert_eq!(specs(&swarm), before, "{fault:?} at {call}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_have_been_made_or_changed_is_looked_for() {
    let swarm = swarm_with(&[wanted("change", "runs")]).await;
    let before = specs(&swarm);
    for call in ["create_service", "update_service", "create_config", "create_secret"] {
        swarm.faults(call, 1, 100, Fault::CutAfter);
    }
    for call in ["service", "configs", "secrets"] {
        swarm.faults(call, 1, 100, Fault::Refused("no"));
    }
    let change = update(&swarm.services()[0], &with_env("change", "runs", &["A=1"]));
    let actions = vec![
        object(ObjectKind::Config, "c-1"),
        object(ObjectKind::Secret, "s-1"),
        Action::CreateService(wanted("new", "runs")),
        Action::UpdateService(change),
    ];
    let ran = apply(&swarm, &plan(actions)).await;
    // All were done, and nobody knows.
    assert!(
        ran.outcome.reports.iter().all(|report| matches!(report.state, State::Unknown { .. })),
        "{:?}",
        ran.outcome.reports
    );
    assert_eq!(specs(&swarm).len(), 2);
    assert_ne!(specs(&swarm)[0], before[0]);
    let objects = |swarm: &FakeSwarm| swarm.now(|state| state.configs.len() + state.secrets.len());
    assert_eq!(objects(&swarm), 2);
    swarm.mend();
    roll_back(&swarm, &ran.outcome).await.assert_complete();
    assert_eq!((specs(&swarm), objects(&swarm)), (before, 0));
}

#[tokio::test(start_paused = true)]
async fn faults_of_the_rollback_itself_are_survived() {
    for call in ["service", "update_service", "remove_service", "create_service", "remove_config"] {
        for fault in [Fault::Unreachable, Fault::CutAfter, Fault::Garbage, Fault::Fails("no")] {
            let (swarm, plan) = failing().await;
            let before = specs(&swarm);
            let ran = apply(&swarm, &plan).await;
            swarm.mend();
            swarm.fault(call, 1, fault.clone());
            let back = roll_back(&swarm, &ran.outcome).await;
            assert!(back.outcome.is_complete(), "{fault:?} at {call}: {:#?}", back.outcome);
            assert_eq!(specs(&swarm), before, "{fault:?} at {call}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_others_changed_since_stays() {
    let (swarm, plan) = failing().await;
    let ran = apply(&swarm, &plan).await;
    for service in swarm.services() {
        let mut spec = service.spec.clone();
        // By hand, by another run, and both.
        match service.name() {
            "jupyter-runs" => spec["Labels"]["swarmgen.applied"] = json!("somebody else's"),
            _ => spec["TaskTemplate"]["ContainerSpec"]["Env"] = json!(["MINE=1"]),
        }
        swarm.now(|state| state.update(&service.id, service.version, &spec)).unwrap();
    }
    let after = specs(&swarm);
    let back = roll_back(&swarm, &ran.outcome).await;
    for name in ["jupyter-fails", "jupyter-runs", "jupyter-change"] {
        assert_eq!(back.reason(name), "it was changed by somebody else since, and is left as it is");
    }
    let mut kept = specs(&swarm);
    kept.retain(|spec| spec["Name"] != "jupyter-remove");
    assert_eq!(kept, after);
    assert!(back.reason("c-1").contains("in use"), "what refers to it stays");
    let told = back.events.iter().filter(|event| matches!(event, Event::NotUndone { .. })).count();
    assert_eq!(told, back.outcome.failed().count());
}

#[tokio::test(start_paused = true)]
async fn nothing_of_an_untouched_swarm_is_undone() {
    let swarm = swarm_with(&[wanted("a", "runs")]).await;
    let mut twin = wanted("b", "runs");
    twin.body.0["TaskTemplate"]["ContainerSpec"]["Image"] = json!("missing");
    swarm.fault("create_service", 1, Fault::Refused("no"));
    let ran = apply(&swarm, &creating(&[twin])).await;
    assert!(!ran.outcome.is_undoable());
    // Another run has made the same service: this one did not.
    let ran = apply(&swarm, &creating(&[wanted("a", "runs"), wanted("c", "missing")])).await;
    roll_back(&swarm, &ran.outcome).await.assert_complete();
    assert_eq!(swarm.names(), ["jupyter-a"]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_was_to_go_is_brought_back_with_its_volume() {
    let (swarm, plan) = remove::leaving_beside_a_failure().await;
    let (before, volumes) = (specs(&swarm), swarm.now(|state| state.volumes.clone()));
    let ran = apply(&swarm, &plan).await;
    assert_eq!(ran.outcome.failed().count(), 1);
    roll_back(&swarm, &ran.outcome).await.assert_complete();
    assert_eq!(specs(&swarm), before);
    assert_eq!(swarm.now(|state| state.volumes.clone()), volumes);
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_is_told() {
    let swarm = swarm_with(&[wanted("a", "runs")]).await;
    let volume = swarmgen::plan::observed::ObservedVolume { name: "home".to_owned(), ..Default::default() };
    swarm.now(|state| state.volumes.push(volume));
    let before = specs(&swarm);
    let actions = vec![
        Action::ReplaceService {
            old: removal(&swarm.services()[0]),
            volumes: vec![old_volume("home")],
            new: with_env("a", "runs", &["A=1"]),
        },
        Action::CreateService(wanted("fails", "missing")),
    ];
    let ran = apply(&swarm, &plan(actions)).await;
    let back = roll_back(&swarm, &ran.outcome).await;
    assert_eq!(back.reason("home"), "it is gone for good");
    assert_eq!(specs(&swarm), before);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_undone_once_what_is_not_needed_any_more_goes() {
    let config = |id: &str| json!([{"ConfigName": id, "ConfigID": id}]);
    let with_config = |id: &str| with(wanted("a", "runs"), "TaskTemplate/ContainerSpec/Configs", config(id));
    for (nth, fault) in [(1, Fault::Refused("no")), (2, Fault::Refused("no")), (2, Fault::Hangs)] {
        let swarm = swarm_with(&[]).await;
        let there = |id: &str| swarmgen::plan::observed::ObservedObject {
            id: id.to_owned(),
            name: id.to_owned(),
            ..Default::default()
        };
        swarm.now(|state| state.configs.extend(["c-0", "c-1", "c-2"].map(there)));
        swarm.create_service(&with_config("c-1").body.0, None).await.unwrap();
        let change = update(&swarm.services()[0], &with_config("c-2"));
        let actions = vec![
            Action::UpdateService(change),
            old_object(ObjectKind::Config, "c-1"),
            old_object(ObjectKind::Config, "c-0"),
        ];
        swarm.fault("remove_config", nth, fault.clone());
        let ran = cancel::cancelled(&swarm, &plan(actions), std::time::Duration::from_secs(20)).await;
        assert!(!ran.outcome.is_complete() && ran.outcome.is_final, "{fault:?}: {:#?}", ran.outcome);
        let after = specs(&swarm);
        swarm.mend();
        let back = roll_back(&swarm, &ran.outcome).await;
        assert!(back.outcome.reports.is_empty(), "{fault:?}: {:?}", back.outcome);
        assert_eq!(specs(&swarm), after, "it refers to what is there");
    }
    // Whatever ends a run before that is undone.
    let (swarm, plan) = remove::leaving_beside_a_failure().await;
    assert!(!apply(&swarm, &plan).await.outcome.is_final);
}
