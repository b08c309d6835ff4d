//! How what was sent is waited for.

use std::time::Duration;

use swarmgen::apply::observe;
use swarmgen::apply::wait::standing;
use swarmgen::plan::graph::{Item, Verdict};

use super::*;

fn task_lists(swarm: &FakeSwarm) -> Vec<tokio::time::Instant> {
    swarm.calls("tasks").iter().map(|call| call.at).collect()
}

#[track_caller]
fn assert_at_most_one_a_second(swarm: &FakeSwarm) {
    for pair in task_lists(swarm).windows(2) {
        assert!(pair[1] - pair[0] >= Duration::from_secs(1), "{:?}", pair[1] - pair[0]);
    }
}

#[tokio::test(start_paused = true)]
async fn there_is_at_most_one_task_list_a_second() {
    let swarm = swarm_with(&users(20)).await;
    let slow: Vec<NewService> = users(60).iter().map(|new| wanted(&new.user, "slow:20000")).collect();
    swarm.fault("tasks", 3, Fault::Slow(Duration::from_secs(5)));
    swarm.faults("tasks", 8, 12, Fault::CutAfter);
    let start = tokio::time::Instant::now();
    converge(&swarm, &slow).await.assert_complete();
    assert_at_most_one_a_second(&swarm);
    let lists = task_lists(&swarm).len();
    let seconds = usize::try_from(start.elapsed().as_secs()).unwrap();
    assert!((15..=seconds + 1).contains(&lists), "{lists} lists in {seconds} s");
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_last_look_is_when_the_last_task_has_run_for_long_enough() {
    for shift in [0, 300, 600] {
        let swarm = FakeSwarm::new();
        // One after the other: each tells how late it is by the clock of its node, which is not the one that answers.
        let wait = |number: u64| 300 + shift + number * 130;
        let services: Vec<NewService> =
            (0..60).map(|number| wanted(&format!("u{number:03}"), &format!("slow:{}@node2", wait(number)))).collect();
        let start = tokio::time::Instant::now();
        apply(&swarm, &creating(&services)).await.assert_complete();
        let runs_for = start.elapsed() - Duration::from_millis(wait(59));
        assert!(runs_for >= Duration::from_secs(2), "{runs_for:?}");
        assert!(
            runs_for < Duration::from_millis(2_300),
            "80 ms until it was made, 130 ms of not knowing: {runs_for:?}"
        );
        assert_at_most_one_a_second(&swarm);
    }
}

#[tokio::test(start_paused = true)]
async fn what_runs_on_the_node_that_answers_is_known_to_run_since_then() {
    for wait in [1_100, 1_500, 1_900] {
        let swarm = FakeSwarm::new();
        let start = tokio::time::Instant::now();
        apply(&swarm, &creating(&[wanted("a", &format!("slow:{wait}"))])).await.assert_complete();
        let runs_for = start.elapsed() - Duration::from_millis(wait);
        assert!(runs_for >= Duration::from_secs(2), "{runs_for:?}");
        assert!(runs_for < Duration::from_millis(2_060), "{runs_for:?}");
        assert_at_most_one_a_second(&swarm);
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_must_keep_running() {
    let swarm = FakeSwarm::new();
    let ran = apply(&swarm, &creating(&[wanted("a", "flaky")])).await;
    let State::Converged { after } = ran.assert_complete().state("jupyter-a") else { panic!() };
    assert!(after > Duration::from_secs(12), "two attempts, each with a pause of 5 s: {after:?}");
    // It runs for 1.5 s each time.
    let swarm = FakeSwarm::new();
    let ran = apply(&swarm, &creating(&[wanted("a", "relapses")])).await;
    assert_eq!(ran.reason("jupyter-a"), "task: non-zero exit (3) (3 attempts)");
    let swarm = FakeSwarm::new();
    let settings = Settings { stable_for: Duration::from_millis(500), ..settings() };
    apply_with(&swarm, &creating(&[wanted("a", "relapses")]), settings).await.assert_complete();
}

#[tokio::test(start_paused = true)]
async fn an_update_waits_for_its_own_task() {
    let swarm = swarm_with(&[wanted("a", "runs")]).await;
    let new = wanted("a", "slow:7000");
    let ran = apply(&swarm, &plan(vec![Action::UpdateService(update(&swarm.services()[0], &new))])).await;
    let State::Converged { after } = ran.assert_complete().state("jupyter-a") else { panic!() };
    assert!(after > Duration::from_secs(10), "1 s for the old task, 7 s until it runs, 2 s of running: {after:?}");
    assert_at_most_one_a_second(&swarm);
}

#[tokio::test(start_paused = true)]
async fn an_update_whose_tasks_cannot_be_listed_before_is_waited_for_all_the_same() {
    let swarm = swarm_with(&[wanted("a", "runs")]).await;
    swarm.fault("tasks", 1, Fault::Fails("no"));
    let new = wanted("a", "slow:7000");
    let ran = apply(&swarm, &plan(vec![Action::UpdateService(update(&swarm.services()[0], &new))])).await;
    let State::Converged { after } = ran.assert_complete().state("jupyter-a") else { panic!() };
    assert!(after > Duration::from_secs(10), "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn an_update_is_waited_for_also_where_each_answer_takes_seconds() {
    let swarm = swarm_with(&[wanted("a", "runs")]).await;
    swarm.faults("services", 1, 99, Fault::Slow(Duration::from_secs(6)));
    let new = wanted("a", "slow:7000");
    let ran = apply(&swarm, &plan(vec![Action::UpdateService(update(&swarm.services()[0], &new))])).await;
    let State::Converged { after } = ran.assert_complete().state("jupyter-a") else { panic!() };
    assert!(after < Duration::from_secs(40), "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_may_have_to_move_is_waited_for() {
    let swarm = swarm_with(&[wanted("a", "runs")]).await;
    let new = with(wanted("a", "slow:7000"), "TaskTemplate/Placement", json!({"Constraints": ["node.role==worker"]}));
    let update = ServiceUpdate { task: TaskFate::Moves, ..update(&swarm.services()[0], &new) };
    let ran = apply(&swarm, &plan(vec![Action::UpdateService(update)])).await;
    let State::Converged { after } = ran.assert_complete().state("jupyter-a") else { panic!("not waited for") };
    assert!(after > Duration::from_secs(9), "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn an_old_task_that_runs_until_the_new_one_does_is_not_taken_for_it() {
    for is_blind in [false, true] {
        let swarm = swarm_with(&[wanted("a", "runs")]).await;
        if is_blind {
            swarm.fault("tasks", 1, Fault::Fails("no"));
        }
        let new = with(wanted("a", "slow:7000"), "UpdateConfig", json!({"Order": "start-first"}));
        let ran = apply(&swarm, &plan(vec![Action::UpdateService(update(&swarm.services()[0], &new))])).await;
        let State::Converged { after } = ran.assert_complete().state("jupyter-a") else { panic!() };
        assert!(after > Duration::from_secs(9), "blind: {is_blind}: {after:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn old_failures_do_not_count() {
    let broken = wanted("a", "exits");
    for is_blind in [false, true] {
        let swarm = swarm_with(std::slice::from_ref(&broken)).await;
        tokio::time::sleep(Duration::from_secs(20)).await;
        assert!(swarm.tasks().iter().filter(|task| task.state == "failed").count() > 3);
        if is_blind {
            swarm.fault("tasks", 1, Fault::Fails("no"));
        }
        let mended = wanted("a", "runs");
        let update = Action::UpdateService(update(&swarm.services()[0], &mended));
        apply(&swarm, &plan(vec![update])).await.assert_complete();
    }
    // One that needs no change has its own attempts, too.
    let swarm = swarm_with(std::slice::from_ref(&broken)).await;
    tokio::time::sleep(Duration::from_secs(20)).await;
    let ran = converge(&swarm, std::slice::from_ref(&broken)).await;
    assert_eq!(ran.reason("jupyter-a"), "task: non-zero exit (3) (3 attempts)");
    let progress = ran.events.iter().filter(|event| matches!(event, Event::Waiting(_))).count();
    assert!(progress > 10, "{progress}");
}

#[tokio::test(start_paused = true)]
async fn a_rollback_of_the_engine_is_no_success() {
    let swarm = swarm_with(&[wanted("a", "runs")]).await;
    let new = with(wanted("a", "exits"), "UpdateConfig", json!({"FailureAction": "rollback"}));
    let ran = apply(&swarm, &plan(vec![Action::UpdateService(update(&swarm.services()[0], &new))])).await;
    assert_eq!(ran.reason("jupyter-a"), "the engine has rolled it back to what it was: rollback completed");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_removed_meanwhile_ends_the_wait() {
    let swarm = FakeSwarm::new();
    let plan = creating(&[wanted("a", "slow:50000")]);
    let remove = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        swarm.now(|state| state.remove("jupyter-a")).unwrap();
    };
    let start = tokio::time::Instant::now();
    let (ran, ()) = tokio::join!(apply(&swarm, &plan), remove);
    assert_eq!(ran.reason("jupyter-a"), "it was removed by somebody else");
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn each_service_has_its_own_time() {
    let swarm = FakeSwarm::new();
    let quick = NewService { start_timeout: 5_000_000_000, ..wanted("quick", "slow:20000") };
    let plan = creating(&[quick, wanted("patient", "slow:20000")]);
    let ran = apply(&swarm, &plan).await;
    assert!(ran.reason("jupyter-quick").starts_with("does not run after 5 s: "));
    assert!(matches!(ran.state("jupyter-patient"), State::Converged { .. }));
    let swarm = FakeSwarm::new();
    let settings = Settings { timeout: Some(Duration::from_secs(3)), ..settings() };
    let start = tokio::time::Instant::now();
    let ran = apply_with(&swarm, &plan, settings).await;
    assert_eq!(ran.outcome.failed().count(), 2);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_began_to_run_in_time_may_show_that_it_stays() {
    let swarm = FakeSwarm::new();
    let settings = Settings { timeout: Some(Duration::from_secs(5)), ..settings() };
    apply_with(&swarm, &creating(&[wanted("a", "slow:4500")]), settings).await.assert_complete();
}

#[tokio::test(start_paused = true)]
async fn tasks_that_cannot_be_listed_end_in_time() {
    for fault in [Fault::Hangs, Fault::Unreachable, Fault::Fails("no")] {
        let swarm = FakeSwarm::new();
        swarm.faults("tasks", 1, 10_000, fault.clone());
        let start = tokio::time::Instant::now();
        let settings = Settings { timeout: Some(Duration::from_secs(20)), ..settings() };
        let ran = apply_with(&swarm, &creating(&users(3)), settings).await;
        assert_eq!(ran.outcome.failed().count(), 3, "{fault:?}");
        let reason = ran.reason("jupyter-u000");
        assert!(
            reason.starts_with("was not seen to run after 20 s, as the engine does not list the tasks: "),
            "{reason}"
        );
        assert!(start.elapsed() < Duration::from_secs(25), "{fault:?}: {:?}", start.elapsed());
        assert_at_most_one_a_second(&swarm);
        let told = ran.events.iter().filter(|event| matches!(event, Event::Blind { .. })).count();
        assert!((1..=2).contains(&told), "{fault:?} is told {told} times");
    }
}

#[tokio::test(start_paused = true)]
async fn what_stands_still_is_waited_for() {
    let swarm = FakeSwarm::new();
    let slow = wanted("a", "slow:8000");
    swarm.create_service(&slow.body.0, None).await.unwrap();
    let ran = converge(&swarm, &[slow]).await;
    let State::Converged { after } = ran.assert_complete().state("jupyter-a") else { panic!() };
    assert!(after > Duration::from_secs(9), "{after:?}");
    assert_eq!(swarm.calls("create_service").len(), 1);
}

/// The services that a run would wait for whose plan leaves all as they are.
async fn standing_now(swarm: &FakeSwarm) -> Vec<Standing> {
    let state = observe(swarm, DEPLOYMENT).await.unwrap();
    let item = |service: &ObservedService| Item {
        service: service.name().to_owned(),
        user: service.label("swarmgen.user").unwrap().to_owned(),
        server: String::new(),
        profile: String::new(),
        verdict: Verdict::Unchanged,
        task: TaskFate::Untouched,
        cause: None,
    };
    let plan = Plan { items: state.services.iter().map(item).collect(), ..plan(Vec::new()) };
    standing(&plan, &state, 60_000_000_000, Duration::from_secs(2))
}

#[tokio::test(start_paused = true)]
async fn what_just_runs_is_watched_until_it_has_stayed_up() {
    for (image, until, stands) in [
        ("runs", 200, true),
        ("runs", 1_300, true),
        ("runs", 2_250, true),
        ("runs", 2_400, false),
        ("runs", 60_000, false),
        // It runs from 0.3 s to 0.5 s, and again and again.
        ("exits", 400, true),
        ("exits", 5_900, true),
    ] {
        let context = format!("{image} after {until} ms");
        let swarm = FakeSwarm::new();
        swarm.create_service(&wanted("a", image).body.0, None).await.unwrap();
        tokio::time::sleep(Duration::from_millis(until)).await;
        let watched = standing_now(&swarm).await;
        assert_eq!(watched.len(), usize::from(stands), "{context}");
        if !stands {
            continue;
        }
        let start = tokio::time::Instant::now();
        let redactor = Redactor::default();
        let run = Run { api: &swarm, replan: &Compare, auth: &|_| None, redactor: &redactor, settings: settings() };
        let outcome = run.apply(&plan(Vec::new()), &watched, &mut |_| (), std::future::pending()).await;
        assert_eq!(outcome.is_complete(), image == "runs", "{context}: {outcome:?}");
        if image == "runs" {
            // What it has run already counts; between two looks there is a second.
            let runs_for = start.elapsed() + Duration::from_millis(until) - Duration::from_millis(300);
            let most = if until < 2_000 { 2_200 } else { 3_000 };
            assert!((2_000..most).contains(&runs_for.as_millis()), "{context}: {runs_for:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_swarm_has_given_up_fails_without_waiting_for_it() {
    for (policy, reason) in [
        (json!({"Condition": "none"}), "the swarm has given it up: task: non-zero exit (3)"),
        (json!({"MaxAttempts": 1}), "the swarm has given it up: task: non-zero exit (3)"),
        (json!({}), "task: non-zero exit (3) (3 attempts)"),
    ] {
        let swarm = FakeSwarm::new();
        let new = with(wanted("a", "exits"), "TaskTemplate/RestartPolicy", policy);
        swarm.create_service(&new.body.0, None).await.unwrap();
        tokio::time::sleep(Duration::from_secs(60)).await;
        let watched = standing_now(&swarm).await;
        let start = tokio::time::Instant::now();
        let redactor = Redactor::default();
        let run = Run { api: &swarm, replan: &Compare, auth: &|_| None, redactor: &redactor, settings: settings() };
        let outcome = run.apply(&plan(Vec::new()), &watched, &mut |_| (), std::future::pending()).await;
        assert!(format!("{outcome:?}").contains(&format!("reason: \"{reason}\"")), "{outcome:?}");
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn what_runs_on_another_node_is_known_to_stay_by_what_came_from_there_later() {
    let swarm = FakeSwarm::new();
    let names = |standing: Vec<Standing>| standing.iter().map(|one| one.subject.name().to_owned()).collect::<Vec<_>>();
    swarm.create_service(&wanted("a", "runs@node2").body.0, None).await.unwrap();
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(names(standing_now(&swarm).await), ["jupyter-a"], "its clock may show any time");
    swarm.create_service(&wanted("b", "runs@node2").body.0, None).await.unwrap();
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(names(standing_now(&swarm).await), ["jupyter-b"]);
}

#[tokio::test(start_paused = true)]
async fn a_task_of_before_an_update_does_not_tell_that_the_next_one_stays() {
    let swarm = swarm_with(&[wanted("a", "runs")]).await;
    let new = with(wanted("a", "slow:7000"), "UpdateConfig", json!({"Order": "start-first"}));
    let settings = Settings { detach: true, ..settings() };
    let change = update(&swarm.services()[0], &new);
    apply_with(&swarm, &plan(vec![Action::UpdateService(change)]), settings).await.assert_complete();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(swarm.tasks().iter().any(|task| task.state == "running" && task.desired_state == "running"));
    let watched = standing_now(&swarm).await;
    assert_eq!(watched.len(), 1);
    let start = tokio::time::Instant::now();
    let redactor = Redactor::default();
    let run = Run { api: &swarm, replan: &Compare, auth: &|_| None, redactor: &redactor, settings: super::settings() };
    assert!(run.apply(&plan(Vec::new()), &watched, &mut |_| (), std::future::pending()).await.is_complete());
    assert!(start.elapsed() > Duration::from_secs(4), "2 s until it runs, 2 s of running: {:?}", start.elapsed());
    assert!(standing_now(&swarm).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_task_of_before_a_paused_update_is_not_what_is_wanted() {
    let redactor = Redactor::default();
    for (state, began_now, beside, fails) in [
        ("paused", true, false, true),
        // With `start-first` the old one runs on, while the engine tries the new one again and again.
        ("paused", true, true, true),
        ("paused", false, false, false),
        ("rollback_completed", true, false, false),
        ("completed", true, false, false),
    ] {
        let swarm = FakeSwarm::new();
        swarm.create_service(&wanted("a", "runs").body.0, None).await.unwrap();
        // Not for long enough yet to be known to stay.
        tokio::time::sleep(Duration::from_secs(1)).await;
        swarm.now(|now| now.tells_of_update("jupyter-a", state, began_now));
        if beside {
            tokio::time::sleep(Duration::from_millis(10)).await;
            swarm.now(|now| now.begins_beside("jupyter-a", "homeless"));
        }
        let watched = standing_now(&swarm).await;
        assert_eq!(watched.len(), 1, "{state}");
        let run = Run { api: &swarm, replan: &Compare, auth: &|_| None, redactor: &redactor, settings: settings() };
        let outcome = run.apply(&plan(Vec::new()), &watched, &mut |_| (), std::future::pending()).await;
        assert_eq!(outcome.is_complete(), !fails, "{state}: {outcome:?}");
        if fails {
            let reason = "the engine has paused its update: due to failure or early termination of task t1";
            assert!(format!("{outcome:?}").contains(reason), "{outcome:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn as_many_tasks_as_are_wanted_must_stay() {
    let swarm = FakeSwarm::new();
    for (user, replicas) in [("a", 0), ("b", 2)] {
        let new = with(wanted(user, "runs"), "Mode/Replicated/Replicas", json!(replicas));
        swarm.create_service(&new.body.0, None).await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(10)).await;
    let standing = standing_now(&swarm).await;
    assert_eq!(standing.iter().map(|one| one.subject.name()).collect::<Vec<_>>(), ["jupyter-b"], "the fake has one");
}

#[tokio::test(start_paused = true)]
async fn the_slow_ones_are_told_by_name() {
    let swarm = FakeSwarm::new();
    let mut services = users(50);
    services.push(wanted("slow", "slow:20000"));
    let ran = apply(&swarm, &creating(&services)).await;
    ran.assert_complete();
    let progress = ran.events.iter().filter_map(|event| match event {
        Event::Waiting(progress) => Some(progress),
        _ => None,
    });
    let late: Vec<_> = progress.filter(|progress| progress.converged == 50).collect();
    assert!(late.iter().all(|progress| progress.slowest == ["jupyter-slow"]), "{late:?}");
    assert!(late.len() > 10 && late[0].states["preparing"] == 1, "{late:?}");
    let stuck = ran.events.iter().filter(|event| matches!(event, Event::Stuck { .. })).count();
    assert_eq!(stuck, 1, "a reason is told once");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_drained_starts_the_wait_anew() {
    for (next, result) in [("runs", None), ("homeless", Some("does not run after 60 s: no suitable node"))] {
        let swarm = FakeSwarm::new();
        let drain = async {
            tokio::time::sleep(Duration::from_millis(1_500)).await;
            swarm.now(|state| state.displace("jupyter-a", next));
        };
        let plan = creating(&[wanted("a", "runs")]);
        let (ran, ()) = tokio::join!(apply(&swarm, &plan), drain);
        match (ran.state("jupyter-a"), result) {
            (State::Converged { after }, None) => assert!(after > Duration::from_millis(3_500), "{after:?}"),
            (State::Failed { reason, .. }, Some(start)) => assert!(reason.starts_with(start), "{reason}"),
            other => panic!("{other:?}"),
        }
    }
}
