use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::*;
#[cfg(feature = "remote")]
use crate::apply::connect::{Address, Origin};
use crate::apply::fake::{Answer, FakeEngine, at_socket, ok, run};
use crate::emit::engine::{NoIds, body as body_of};
use crate::emit::fixture;
use crate::plan::observed::UpdateStatus;

fn auth(text: &str) -> RegistryAuth {
    RegistryAuth::new(Zeroizing::new(text.to_owned()))
}

fn nothing_found() -> FakeEngine {
    FakeEngine::start(|_| Answer::Status(404, r#"{"message": "nothing there"}"#.to_owned()))
}

#[test]
fn the_newest_version_that_both_know_is_on_the_wire() {
    for (version, expected) in [
        (r#"{"ApiVersion": "1.41", "MinAPIVersion": "1.12"}"#, "/v1.41/nodes"),
        (r#"{"ApiVersion": "1.47"}"#, "/v1.47/nodes"),
        (r#"{"ApiVersion": "1.99", "MinAPIVersion": "1.44"}"#, "/v1.53/nodes"),
    ] {
        let fake = FakeEngine::of_version(version, |_| ok("[]"));
        assert_eq!(run(async { fake.connect().await.nodes().await }), Ok(Vec::new()));
        assert_eq!(fake.take()[0].target, expected);
    }
}

#[test]
fn a_pinned_version_is_spoken() {
    let fake = FakeEngine::of_version(r#"{"ApiVersion": "1.47"}"#, |_| ok("[]"));
    let endpoint = Endpoint { api: Some(ApiVersion::V1_44), ..fake.endpoint() };
    run(async { Engine::connect(&endpoint, Limits::default()).await.unwrap().nodes().await }).unwrap();
    assert_eq!(fake.take()[0].target, "/v1.44/nodes");
}

#[test]
fn engines_that_are_none_of_ours_are_told() {
    for (version, expected) in [
        (r#"{"ApiVersion": "1.40"}"#, "speaks API 1.40 at most; swarmgen needs 1.41 (Engine 20.10): update the engine"),
        (
            r#"{"ApiVersion": "1.99", "MinAPIVersion": "1.60"}"#,
            "speaks API 1.60 at least; swarmgen knows 1.53 at most: update swarmgen",
        ),
        ("<html>hello</html>", "is no Docker engine: its version cannot be read"),
        ("{}", "is no Docker engine: its version cannot be read"),
    ] {
        let fake = FakeEngine::of_version(version, |_| ok("{}"));
        let error = run(fake.connect_within(Duration::from_secs(5))).unwrap_err().to_string();
        assert!(error.ends_with(expected), "{error}");
        assert!(error.contains(&format!("unix://{}", fake.socket().display())), "{error}");
    }
}

#[test]
fn every_body_arrives_as_it_was_made() {
    let fake = FakeEngine::of_version(r#"{"ApiVersion": "1.45"}"#, |_| ok(r#"{"ID": "new", "Warnings": null}"#));
    let mut bodies = Vec::new();
    for api in [ApiVersion::V1_41, ApiVersion::V1_44, ApiVersion::V1_45, NEWEST_API] {
        let services = [fixture::least(), fixture::most(), fixture::everything()];
        bodies.extend(services.iter().filter_map(|service| body_of(service, api, &NoIds).ok()));
    }
    // `everything` has a field that only 1.45 knows.
    assert_eq!(bodies.len(), 10);
    run(async {
        let engine = fake.connect().await;
        for body in &bodies {
            assert_eq!(engine.create_service(body, Some(&auth("a-b_c="))).await, Ok("new".to_owned()));
            assert_eq!(engine.update_service("id/1", 12, body, None).await, Ok(()));
        }
    });
    let asked = fake.take();
    assert_eq!(asked.len(), 2 * bodies.len());
    for (pair, body) in asked.chunks(2).zip(&bodies) {
        let [created, updated] = pair else { panic!() };
        for asked in pair {
            assert_eq!(String::from_utf8(asked.body.clone()).unwrap(), body.to_string());
            assert_eq!((asked.method.as_str(), asked.header("content-type")), ("POST", Some("application/json")));
        }
        assert_eq!(created.target, "/v1.45/services/create");
        assert_eq!(created.header("x-registry-auth"), Some("a-b_c="));
        assert_eq!(updated.target, "/v1.45/services/id%2F1/update?version=12");
        assert_eq!(updated.header("x-registry-auth"), None);
    }
}

#[test]
fn a_service_is_read_as_it_is_stored() {
    let spec = body_of(&fixture::everything(), NEWEST_API, &NoIds).unwrap();
    assert!(spec["TaskTemplate"]["ContainerSpec"]["Healthcheck"].is_object(), "bollard's models lose it");
    let stored = json!({
        "ID": "s1", "Version": {"Index": 42}, "CreatedAt": "2026-01-01T00:00:00Z", "UpdatedAt": "2026-01-02T00:00:00Z",
        "Spec": spec, "PreviousSpec": {"Name": "before"}, "Endpoint": {"Spec": {}},
        "UpdateStatus": {"State": "paused", "StartedAt": "2026-01-02T00:00:00Z", "Message": "why"},
    });
    let one = stored.clone();
    let fake = FakeEngine::start(move |asked| match asked.target.as_str() {
        "/v1.41/services/s1" => ok(&one),
        _ => ok(json!([one, {"ID": "s2", "Version": {"Index": 1}, "Spec": {"Name": "x"}, "UpdateStatus": {}}])),
    });
    let (one, all) = run(async {
        let engine = fake.connect().await;
        (engine.service("s1").await.unwrap(), engine.services(Some("a.b=c d")).await.unwrap())
    });
    assert_eq!(one.spec.to_string(), spec.to_string(), "key by key, in their order");
    assert_eq!(one.previous, json!({"Name": "before"}));
    assert_eq!(
        (one.version, one.created_at.as_str(), one.updated_at.as_str()),
        (42, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")
    );
    assert_eq!(
        one.update,
        Some(UpdateStatus { state: "paused".into(), started_at: "2026-01-02T00:00:00Z".into(), message: "why".into() })
    );
    assert_eq!(all[0], one);
    assert_eq!((all[1].name(), &all[1].update, &all[1].previous), ("x", &None, &Value::Null));
    assert_eq!(fake.take()[1].target, "/v1.41/services?filters=%7B%22label%22%3A%5B%22a.b%3Dc%20d%22%5D%7D");
}

#[test]
fn refusals_are_told_apart() {
    let told = |message: &str| json!({"message": message}).to_string();
    type Judge = fn(ApiError) -> bool;
    let cases: [(u16, String, Judge); 9] = [
        (400, told("bad"), |e| e == ApiError::Refused { status: 400, message: "bad".into() }),
        (403, told("no"), |e| e == ApiError::Refused { status: 403, message: "no".into() }),
        (404, told("gone"), |e| e == ApiError::NotFound { message: "gone".into() }),
        (409, told("twice"), |e| e == ApiError::Conflict { message: "twice".into() }),
        (500, told("rpc error: update out of sequence"), |e| matches!(e, ApiError::OutOfSequence { .. })),
        (500, told("broken"), |e| e == ApiError::Engine { status: 500, message: "broken".into() }),
        (503, "upstream is away\n".into(), |e| {
            e == ApiError::Engine { status: 503, message: "upstream is away".into() }
        }),
        (
            502,
            String::new(),
            |e| matches!(e, ApiError::Engine { status: 502, message } if message.contains("no message")),
        ),
        (302, String::new(), |e| matches!(e, ApiError::NoAnswer { message } if message.contains("status 302"))),
    ];
    for (status, text, judge) in cases {
        let fake = FakeEngine::start(move |_| Answer::Status(status, text.clone()));
        let error = run(async { fake.connect().await.remove_service("x").await }).unwrap_err();
        assert!(judge(error.clone()), "{status}: {error:?}");
        assert_eq!(fake.take().len(), 1, "asked once");
    }
}

#[test]
fn what_comes_back_broken_is_no_answer_and_is_not_asked_for_again() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n[{\"ID\": ".to_vec();
    for raw in [Vec::new(), b"HTTP/1.1 2".to_vec(), head, b"\x16\x03\x01garbage garbage garbage\r\n\r\n".to_vec()] {
        let shown = String::from_utf8_lossy(&raw).into_owned();
        let fake = FakeEngine::start(move |_| Answer::Raw(raw.clone()));
        let error = run(async { fake.connect().await.create_service(&json!({}), None).await }).unwrap_err();
        assert!(
            matches!(&error, ApiError::NoAnswer { message } if message.contains("engine.sock")),
            "{shown}: {error:?}"
        );
        assert_eq!(fake.take().len(), 1, "{shown}");
    }
}

#[test]
fn answers_that_cannot_be_read_are_not_quoted() {
    for answer in [r#"{"ID": 1, "s3cret": "#, r#"[{"s3cret": 1}]"#, r#"{"ID": ["s3cret"]}"#, "s3cret"] {
        let fake = FakeEngine::start(move |_| ok(answer));
        let error = run(async { fake.connect().await.create_service(&json!({}), None).await }).unwrap_err();
        assert!(matches!(&error, ApiError::NoAnswer { message } if message.contains("line 1, column")), "{error:?}");
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    }
}

#[test]
fn what_only_looks_like_consent_is_none() {
    let fake = FakeEngine::start(|_| ok("<html>welcome</html>"));
    run(async {
        let engine = fake.connect().await;
        let updated = engine.update_service("s1", 1, &json!({}), None).await;
        assert!(matches!(updated, Err(ApiError::NoAnswer { .. })), "{updated:?}");
        let removed = engine.remove_service("s1").await;
        assert!(matches!(removed, Err(ApiError::NoAnswer { .. })), "{removed:?}");
    });
}

#[test]
fn a_slow_answer_is_waited_for_and_no_longer_than_told() {
    let slow = || Answer::Slow(Duration::from_millis(700), Box::new(ok("[]")));
    let fake = FakeEngine::start(move |_| slow());
    run(async {
        assert_eq!(fake.connect().await.nodes().await, Ok(Vec::new()));
        let start = Instant::now();
        let engine = fake.connect_within(Duration::from_millis(100)).await.unwrap();
        let error = engine.nodes().await.unwrap_err();
        assert!(matches!(&error, ApiError::NoAnswer { message } if message.ends_with("within 0.1 s")), "{error:?}");
        assert!(start.elapsed() < Duration::from_millis(600));
    });
}

#[test]
fn a_slow_body_counts_too() {
    // The head and half of the body, and then nothing.
    let fake = FakeEngine::start(|_| Answer::Slow(Duration::ZERO, Box::new(ok("[]"))));
    let listener = std::os::unix::net::UnixListener::bind(fake.socket().with_extension("slow")).unwrap();
    std::thread::spawn(move || {
        use std::io::{Read, Write};
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n{");
            std::mem::forget(stream);
        }
    });
    let endpoint = at_socket(fake.socket().with_extension("slow"));
    let limits = Limits { answer: Duration::from_millis(100), ..Limits::default() };
    let error = run(async { Engine::connect(&endpoint, limits).await }).unwrap_err();
    assert!(matches!(&error, ConnectError::Api(ApiError::NoAnswer { .. })), "{error:?}");
}

#[test]
fn where_nothing_listens_nothing_was_done() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing.sock");
    let dead = directory.path().join("dead.sock");
    drop(std::os::unix::net::UnixListener::bind(&dead).unwrap());
    for (socket, words) in [(missing, "there is no such socket"), (dead, "connection refused; is the engine running?")]
    {
        let error = run(Engine::connect(&at_socket(socket), Limits::default())).unwrap_err();
        let ConnectError::Api(ApiError::Unreachable { message }) = error else { panic!("{error:?}") };
        assert!(message.starts_with("cannot connect to unix:///") && message.contains(words), "{message}");
    }
}

#[test]
fn an_engine_that_left_between_calls_is_told() {
    let fake = nothing_found();
    run(async {
        let engine = fake.connect().await;
        assert!(!engine.has_image("a").await.unwrap());
        std::fs::remove_file(fake.socket()).unwrap();
        // The kept connection still serves; a second one at the same time cannot be made.
        let (one, other) = tokio::join!(engine.has_image("a"), engine.has_image("b"));
        let results = [one, other];
        assert!(results.contains(&Ok(false)), "{results:?}");
        assert!(results.iter().any(|result| matches!(result, Err(ApiError::Unreachable { .. }))), "{results:?}");
    });
}

#[test]
fn a_kept_connection_that_the_engine_closed_is_made_anew() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let closing = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]".to_vec();
    let fake = FakeEngine::start(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        Answer::Raw(closing.clone())
    });
    run(async {
        let engine = fake.connect().await;
        for _ in 0..3 {
            assert_eq!(engine.nodes().await, Ok(Vec::new()));
            // The connection's end is seen before it is used again.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    assert_eq!(calls.load(Ordering::SeqCst), 3);
}

#[test]
fn configs_and_secrets_are_sent_encoded() {
    let fake = FakeEngine::start(|asked| match asked.method.as_str() {
        "DELETE" => ok(""),
        _ => Answer::Status(201, r#"{"ID": "o1"}"#.to_owned()),
    });
    let labels = Labels::from([("swarmgen.deployment".to_owned(), "a}\"b}".to_owned())]);
    run(async {
        let engine = fake.connect().await;
        let secret = Text::secret(Zeroizing::new("s3cret?>".to_owned()));
        assert_eq!(engine.create_secret("one", &labels, &secret).await, Ok("o1".to_owned()));
        assert_eq!(engine.create_config("two", &Labels::new(), &[0, 255]).await, Ok("o1".to_owned()));
        engine.remove_config("o1").await.unwrap();
        engine.remove_secret("o1").await.unwrap();
        engine.remove_volume("a b/../c").await.unwrap();
        engine.remove_service("s1").await.unwrap();
    });
    let asked = fake.take();
    let told: Vec<String> = asked.iter().map(|asked| format!("{} {}", asked.method, asked.target)).collect();
    assert_eq!(
        told,
        [
            "POST /v1.41/secrets/create",
            "POST /v1.41/configs/create",
            "DELETE /v1.41/configs/o1",
            "DELETE /v1.41/secrets/o1",
            "DELETE /v1.41/volumes/a%20b%2F..%2Fc",
            "DELETE /v1.41/services/s1",
        ]
    );
    let body = |index: usize| serde_json::from_slice::<Value>(&asked[index].body).unwrap();
    assert_eq!(body(0), json!({"Name": "one", "Labels": labels, "Data": "czNjcmV0Pz4="}));
    assert_eq!(body(1), json!({"Name": "two", "Labels": {}, "Data": "AP8="}));
}

#[test]
fn images_are_asked_for_by_their_references() {
    let fake = FakeEngine::start(|asked| match asked.target.as_str() {
        "/v1.41/distribution/host:5000/a/b:1/json" => ok(json!({
            "Descriptor": {"mediaType": "x", "digest": "sha256:abc", "size": 1},
            "Platforms": [{"architecture": "amd64", "os": "linux"}, {"architecture": "arm64", "os": "linux", "variant": "v8"}],
        })),
        "/v1.41/images/there:1/json" => ok("{}"),
        _ => Answer::Status(404, "{}".to_owned()),
    });
    run(async {
        let engine = fake.connect().await;
        let digest = engine.image_digest("host:5000/a/b:1", Some(&auth("e30="))).await.unwrap();
        assert_eq!(digest.digest, "sha256:abc");
        assert_eq!(digest.platforms, [("amd64".into(), "linux".into()), ("arm64".into(), "linux".into())]);
        assert!(matches!(engine.image_digest("other", None).await, Err(ApiError::NotFound { .. })));
        assert_eq!((engine.has_image("there:1").await, engine.has_image("away").await), (Ok(true), Ok(false)));
    });
    let asked = fake.take();
    assert_eq!((asked[0].header("x-registry-auth"), asked[1].header("x-registry-auth")), (Some("e30="), None));
}

#[cfg(feature = "remote")]
#[test]
fn a_path_of_the_address_comes_first_and_the_host_is_told() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (told, heard) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            crate::apply::fake::serve(stream, |asked| {
                told.send((asked.target.clone(), asked.header("host").unwrap().to_owned())).unwrap();
                if asked.target.ends_with("/version") { ok(r#"{"ApiVersion": "1.41"}"#) } else { ok("[]") }
            });
        }
    });
    let address = Address::Tcp { host: "127.0.0.1".into(), port, path: "/engine".into(), tls: None };
    let endpoint = Endpoint { address, origin: Origin::Argument, api: None };
    run(async { Engine::connect(&endpoint, Limits::default()).await.unwrap().nodes().await }).unwrap();
    let host = format!("127.0.0.1:{port}");
    assert_eq!(heard.recv().unwrap(), ("/engine/version".to_owned(), host.clone()));
    assert_eq!(heard.recv().unwrap(), ("/engine/v1.41/nodes".to_owned(), host));
}

#[cfg(feature = "remote")]
#[test]
fn a_host_that_never_answers_is_given_up_in_time() {
    // Its queue of connections is full: nobody accepts.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let timeout = Duration::from_millis(300);
    let mut held = Vec::new();
    while let Ok(stream) = std::net::TcpStream::connect_timeout(&address, timeout) {
        held.push(stream);
    }
    let address = Address::Tcp { host: "127.0.0.1".into(), port: address.port(), path: String::new(), tls: None };
    let endpoint = Endpoint { address, origin: Origin::Variable, api: None };
    let limits = Limits { connect: Duration::from_millis(200), ..Limits::default() };
    let error = run(Engine::connect(&endpoint, limits)).unwrap_err();
    let ConnectError::Api(ApiError::Unreachable { message }) = error else { panic!("{error:?}") };
    assert!(message.ends_with("(from DOCKER_HOST): no connection within 0.2 s"), "{message}");
}

#[cfg(not(feature = "remote"))]
#[test]
fn what_was_not_built_in_is_told() {
    for host in ["tcp://a:1", "ssh://a"] {
        let arguments = crate::apply::connect::Arguments { hosts: vec![host.to_owned()], context: None };
        let endpoint = crate::apply::connect::find(&arguments, &crate::source::Disk).unwrap();
        let error = run(Engine::connect(&endpoint, Limits::default())).unwrap_err().to_string();
        let expected = "this swarmgen was built without what {} needs (the feature `remote`); use a unix socket";
        assert_eq!(error, expected.replace("{}", host));
    }
}

mod lists;
