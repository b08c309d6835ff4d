//! Services and volumes that go.

use std::time::Duration;

use swarmgen::apply::remove::{RemoteVolume, remote_volumes};
use swarmgen::plan::observed::{ObservedNode, ObservedState, ObservedTask, ObservedVolume};

use tokio::time::timeout;

use super::*;

fn with_volumes(user: &str, mounts: &Value) -> NewService {
    with(wanted(user, "runs"), "TaskTemplate/ContainerSpec/Mounts", mounts.clone())
}

fn volume(name: &str) -> ObservedVolume {
    ObservedVolume { name: name.to_owned(), ..ObservedVolume::default() }
}

pub(super) async fn leaving() -> (FakeSwarm, Plan) {
    let mount = json!([{"Type": "volume", "Source": "home", "Target": "/home"}]);
    let swarm = swarm_with(&[with_volumes("a", &mount)]).await;
    swarm.now(|state| state.volumes.extend([volume("home"), volume("decoy")]));
    let actions = vec![
        Action::RemoveService(removal(&swarm.services()[0])),
        Action::RemoveVolume { volume: old_volume("home"), service: "jupyter-a".to_owned() },
    ];
    (swarm, plan(actions))
}

#[tokio::test(start_paused = true)]
async fn a_volume_goes_once_nothing_uses_it() {
    let (swarm, plan) = leaving().await;
    let ran = apply(&swarm, &plan).await;
    assert_eq!(ran.assert_complete().state("home"), State::Done);
    assert_eq!(swarm.now(|state| state.volumes.clone()), [volume("decoy")]);
    assert_eq!(swarm.calls("remove_volume").len(), 4, "it is in use for 3 s");
}

#[tokio::test(start_paused = true)]
async fn a_volume_that_stays_in_use_is_told() {
    let (swarm, plan) = leaving().await;
    let mount = json!([{"Type": "volume", "Source": "home", "Target": "/home"}]);
    swarm.create_service(&with_volumes("b", &mount).body.0, None).await.unwrap();
    let start = tokio::time::Instant::now();
    let ran = apply(&swarm, &plan).await;
    assert_eq!(ran.reason("home"), "it is still in use after 30 s: remove home: volume is in use");
    assert!(start.elapsed() < Duration::from_secs(33));
    let reason =
        "the service has no tasks any more, and is still there: its volumes are not; run this again to remove both";
    assert_eq!(ran.state("jupyter-a"), State::Begun { reason: reason.to_owned() });
    assert_eq!(swarm.names(), ["jupyter-a", "jupyter-b"]);
    // The next run knows of it, and removes both.
    swarm.now(|state| state.remove("jupyter-b")).unwrap();
    apply(&swarm, &plan).await.assert_complete();
    assert_eq!((swarm.names().len(), swarm.now(|state| state.volumes.clone())), (0, vec![volume("decoy")]));
}

#[tokio::test(start_paused = true)]
async fn a_removal_that_is_cut_between_its_updates_says_that_the_tasks_are_ended() {
    for fault in [("update_service", 2), ("service", 2)] {
        let (swarm, plan) = leaving().await;
        swarm.faults(fault.0, fault.1, 100, Fault::Unreachable);
        let ran = cancel::cancelled(&swarm, &plan, Duration::from_secs(1)).await;
        let reason = "the service has no tasks any more, and is still there: interrupted".to_owned();
        assert_eq!(ran.state("jupyter-a"), State::Begun { reason }, "{fault:?}");
        assert_eq!(swarm.services()[0].spec["Mode"]["Replicated"]["Replicas"], 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_stays_as_long_as_its_volume() {
    let mut seen = [0; 3];
    // Around its calls, which take 10 ms each.
    for millis in (0..60).chain(3_000..3_100) {
        let (swarm, plan) = leaving().await;
        let killed = timeout(Duration::from_millis(millis), apply(&swarm, &plan)).await.is_err();
        let has_volume = swarm.now(|state| state.volumes.len()) == 2;
        seen[if has_volume { 0 } else { 1 + usize::from(!killed) }] += 1;
        assert!(!has_volume || swarm.names() == ["jupyter-a"], "after {millis} ms the volume is nobody's");
        apply(&swarm, &plan).await.assert_complete();
        assert_eq!((swarm.names().len(), swarm.now(|state| state.volumes.clone())), (0, vec![volume("decoy")]));
    }
    assert!(seen.iter().all(|number| *number > 3), "before, between and after: {seen:?}");
}

#[tokio::test(start_paused = true)]
async fn a_volume_stays_with_its_service() {
    let (swarm, plan) = leaving().await;
    swarm.fault("update_service", 1, Fault::Refused("not that either"));
    swarm.fault("remove_service", 1, Fault::Refused("no"));
    let ran = apply(&swarm, &plan).await;
    assert_eq!(ran.reason("jupyter-a"), "no");
    assert_eq!(ran.state("home"), State::NotDone { reason: "its service `jupyter-a` is still there".to_owned() });
    assert!(swarm.calls("remove_volume").is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_others_removed_is_gone() {
    let (swarm, plan) = leaving().await;
    swarm.now(|state| {
        state.remove("jupyter-a").unwrap();
        state.volumes.clear();
    });
    let ran = apply(&swarm, &plan).await;
    ran.assert_complete();
    assert!(!ran.outcome.is_undoable());
}

/// A server with a volume that goes, beside one that is made and does not run.
pub(super) async fn leaving_beside_a_failure() -> (FakeSwarm, Plan) {
    let (swarm, mut plan) = leaving().await;
    plan.actions.insert(0, Action::CreateService(wanted("fails", "missing")));
    (swarm, plan)
}

#[tokio::test(start_paused = true)]
async fn no_volume_goes_where_another_server_does_not_run() {
    let (swarm, plan) = leaving_beside_a_failure().await;
    let ran = apply(&swarm, &plan).await;
    assert_eq!(ran.outcome.failed().count(), 1);
    let reason = "something that comes before it failed";
    assert_eq!(ran.state("home"), State::NotDone { reason: reason.to_owned() });
    let told = format!(
        "the service has no tasks any more, and is still there: {reason}; run this again to remove it and its volumes"
    );
    assert_eq!(ran.state("jupyter-a"), State::Begun { reason: told });
    assert_eq!(swarm.names(), ["jupyter-a", "jupyter-fails"]);
    assert_eq!(swarm.now(|state| state.volumes.clone()), [volume("home"), volume("decoy")]);
    assert!(swarm.calls("remove_volume").is_empty());
    // The next run, in which all runs, removes both.
    let mut actions = plan.actions.clone();
    actions[0] = Action::UpdateService(update(&swarm.services()[1], &wanted("fails", "runs")));
    let next = apply(&swarm, &super::plan(actions)).await;
    assert_eq!(next.assert_complete().state("home"), State::Done);
    assert_eq!(swarm.names(), ["jupyter-fails"]);
    assert_eq!(swarm.now(|state| state.volumes.clone()), [volume("decoy")]);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_cannot_be_removed_keeps_the_volumes_of_others_unless_all_are_to_go() {
    for keep_going in [false, true] {
        let (swarm, mut plan) = leaving().await;
        swarm.create_service(&wanted("b", "runs").body.0, None).await.unwrap();
        plan.actions.insert(1, Action::RemoveService(removal(&swarm.services()[1])));
        swarm.fault("remove_service", 1, Fault::Refused("no"));
        let ran = apply_with(&swarm, &plan, Settings { keep_going, ..settings() }).await;
        assert_eq!(ran.reason("jupyter-b"), "no");
        assert_eq!(ran.state("home") == State::Done, keep_going);
        assert_eq!(swarm.names().contains(&"jupyter-a".to_owned()), !keep_going);
    }
}

#[test]
fn volumes_of_other_nodes_are_told_with_their_commands() {
    let mount = |source: &str, autoremove: &str| json!({"Type": "volume", "Source": source, "Target": format!("/{source}"), "VolumeOptions": {"Labels": {"autoremove": autoremove}}});
    let mounts = json!([
        mount("one", "True"),
        mount("two", "1"),
        json!({"Type": "volume", "Source": "canary", "Target": "/three/", "VolumeOptions": {"Labels": {"autoremove": "1"}}}),
        mount("kept", "False"),
        {"Type": "volume", "Source": "unlabelled"},
        {"Type": "bind", "Source": "/bind", "VolumeOptions": {"Labels": {"autoremove": "true"}}},
        mount("home-{{.Task.ID}}", "true"),
    ]);
    let mut spec = with_volumes("a", &mounts).body;
    spec.0["Labels"]["swarmgen.hidden"] = json!("mounts:/three.source");
    let text = |text: &str| text.to_owned();
    let old = |id: &str| Removal {
        id: text(id),
        name: text("jupyter-a"),
        user: text("a"),
        server: String::new(),
        before: spec.clone(),
    };
    let task = |service: &str, node: &str| ObservedTask {
        service_id: text(service),
        node_id: text(node),
        ..Default::default()
    };
    let node = |id: &str, hostname: &str| ObservedNode { id: text(id), hostname: text(hostname), ..Default::default() };
    let state = ObservedState {
        node: text("here"),
        nodes: vec![node("here", "here.example"), node("there", "there.example")],
        tasks: vec![task("a", "there"), task("a", "there"), task("a", "here"), task("a", ""), task("b", "there")],
        ..ObservedState::default()
    };
    let volumes = remote_volumes(&state, &[&old("a")]);
    let commands: Vec<String> = volumes.iter().map(RemoteVolume::command).collect();
    assert_eq!(
        commands,
        [
            "docker -H ssh://there.example volume ls --filter label=autoremove",
            "docker -H ssh://there.example volume rm one",
            "docker -H ssh://there.example volume rm two",
        ]
    );
    assert!(remote_volumes(&state, &[&old("c")]).is_empty());
}
