//! Starts that come to a server, and what they cost.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_start_tells_each_stage_once_and_ends_with_where_the_server_is() {
    let swarm = FakeSwarm::new();
    let told = hub("alice", "Slow").start(&swarm).await;
    let state = told.started();
    assert_eq!(told.stages(), ["creating", "preparing", "running"]);
    let percents: Vec<u64> = told.progress.iter().map(|event| event["percent"].as_u64().unwrap()).collect();
    assert!(percents.is_sorted());
    assert_eq!((&told.result["event"], &told.result["profile"]), (&json!("started"), &json!("Slow")));
    assert_eq!((&*state.network, state.port, &*state.service), ("hub-id", PORT, &*hub("alice", "Slow").name()));
    assert!(state.address.starts_with("127.0.0."));
    assert_eq!(swarm.names(), std::slice::from_ref(&state.service));
}

#[tokio::test(start_paused = true)]
async fn a_start_waits_until_something_listens() {
    let swarm = FakeSwarm::new();
    let listener = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let told = Hub { wait: Wait::Listening, port, ..hub("alice", "Runs") }.start(&swarm).await;
    assert_eq!(told.started().port, port);
    drop(listener);
    let told = Hub { wait: Wait::Listening, port, http_timeout: Some(Duration::from_secs(5)), ..hub("bob", "Runs") }
        .start(&swarm)
        .await;
    assert_eq!(told.failed(), "not-listening");
    assert!((5..9).contains(&told.took.as_secs()), "{:?}", told.took);
    assert_eq!(swarm.names(), [hub("alice", "Runs").name()]);
}

#[tokio::test(start_paused = true)]
async fn a_start_makes_two_calls_and_one_a_second_while_it_waits() {
    for (profile, most_tasks, nodes) in [("Runs", 3, 0), ("Slow", 8, 0), ("Slow and published", 8, 1)] {
        let swarm = FakeSwarm::new();
        hub("alice", profile).start(&swarm).await.started();
        // Besides, a connection asks for the version once.
        assert_eq!(swarm.calls("service").len() + swarm.calls("create_service").len(), 2);
        let tasks = swarm.calls("tasks");
        assert!(tasks.len() <= most_tasks, "{} lists of tasks", tasks.len());
        assert!(tasks.is_sorted_by(|a, b| b.at - a.at >= Duration::from_secs(1)));
        // A node is asked for its address once.
        assert_eq!(swarm.calls("nodes").len(), nodes, "{profile}");
        assert_eq!(swarm.calls("").len(), 2 + tasks.len() + nodes);
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_runs_is_looked_at_less_often_the_longer_nothing_listens() {
    let swarm = FakeSwarm::new();
    let port = std::net::TcpListener::bind("0.0.0.0:0").unwrap().local_addr().unwrap().port();
    let late = Some(Duration::from_secs(24));
    let told = Hub { wait: Wait::Listening, port, http_timeout: late, ..hub("alice", "Runs") }.start(&swarm).await;
    assert_eq!(told.failed(), "not-listening");
    assert!((24..29).contains(&told.took.as_secs()), "{:?}", told.took);
    let times: Vec<_> = swarm.calls("tasks").iter().map(|call| call.at).collect();
    let gaps: Vec<_> = times.windows(2).map(|pair| (pair[1] - pair[0]).as_secs()).collect();
    // One is of the removal.
    let gaps = &gaps[..gaps.len() - 1];
    assert!(gaps.is_sorted() && gaps[..4] == [1, 1, 1, 1] && gaps.last() == Some(&4), "{gaps:?}");
    assert!(times.len() < 16, "{} lists of tasks", times.len());
}

#[tokio::test(start_paused = true)]
async fn servers_of_one_user_and_of_similar_names_are_each_their_own() {
    let swarm = FakeSwarm::new();
    let hubs = [hub("alice", "Runs"), Hub { server: "lab", ..hub("alice", "Runs") }, hub("alice-lab", "Runs")];
    for one in &hubs {
        one.start(&swarm).await.started();
    }
    assert_eq!(swarm.names().len(), 3);
    hubs[1].stop(&swarm, None).await;
    assert_eq!(swarm.names().len(), 2);
    assert!(!swarm.names().contains(&hubs[1].name()));
}

#[tokio::test(start_paused = true)]
async fn a_creation_whose_answer_is_lost_makes_one_service() {
    for fault in [Fault::CutAfter, Fault::FailsAfter, Fault::Garbage, Fault::CutBefore, Fault::Unreachable] {
        let swarm = FakeSwarm::new();
        swarm.fault("create_service", 1, fault.clone());
        let told = hub("alice", "Runs").start(&swarm).await;
        assert_eq!(told.started().service_id, swarm.services()[0].id, "{fault:?}");
        assert_eq!(swarm.names().len(), 1, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_is_away_while_the_server_starts_ends_nothing() {
    let swarm = FakeSwarm::new();
    swarm.faults("tasks", 1, 5, Fault::Unreachable);
    let told = hub("alice", "Runs").start(&swarm).await;
    told.started();
    assert!((5..8).contains(&told.took.as_secs()), "{:?}", told.took);
}

#[tokio::test(start_paused = true)]
async fn files_become_configs_of_the_server_alone() {
    let swarm = FakeSwarm::new();
    let alice = Hub { options: file("a"), ..hub("alice", "Runs") };
    let told = alice.start(&swarm).await;
    let there = swarm.now(|state| state.configs.clone());
    assert_eq!(told.started().configs, [there[0].id.clone()]);
    assert_eq!(there[0].labels["swarmgen.user"], "alice");
    let stopped = alice.stop(&swarm, told.state.as_ref()).await;
    assert_eq!(stopped.result["removed"]["configs"], json!([there[0].id]));
    assert_empty(&swarm);
}

#[tokio::test(start_paused = true)]
async fn the_token_is_told_to_nobody() {
    let swarm = FakeSwarm::new();
    let told = hub("alice", "Runs").start(&swarm).await;
    assert!(swarm.services()[0].spec.to_string().contains(TOKEN));
    assert!(!told.text().contains(TOKEN), "{}", told.text());
    // The engine's own words hold it here.
    let told = hub("bob", "Telltale").start(&swarm).await;
    assert_eq!(told.failed(), "rejected");
    assert!(told.text().contains("invalid mount config") && !told.text().contains(TOKEN), "{}", told.text());
    swarm.fault("create_service", 3, Fault::Refused("bad value canary-of-the-token of a variable"));
    let told = hub("carol", "Runs").start(&swarm).await;
    assert_eq!(told.failed(), "engine-refused");
    assert!(told.text().contains("bad value") && !told.text().contains(TOKEN), "{}", told.text());
}
