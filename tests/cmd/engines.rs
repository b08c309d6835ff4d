//! Engines that cannot be used (exit code 5, and what to do), and what is found missing on those that can.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ServerConfig, ServerConnection, crypto};

use super::fake_engine::{FakeEngine, swarm};
use super::proxy::{Fault, Proxy, Requests};
use super::swarm::{FITS, command};
use super::*;

/// Every command that asks an engine.
const COMMANDS: [&[&str]; 6] = [
    &["plan"],
    &["apply", "--yes"],
    &["destroy", "--all", "--yes"],
    &["status"],
    &["report", "-o", "page.html"],
    &["validate", "--cluster"],
];

/// Checks that each command ends with 5 and says something, and that nothing is written.
fn cannot_be_used(folder: &Folder, set: impl Fn(&mut Command), says: &str) {
    for args in COMMANDS {
        let mut command = folder.command(args);
        command.env_remove("DOCKER_CONTEXT").env("SECRET", CANARY).env("KEY", "0123456789abcdef");
        set(&mut command);
        let ran = Ran::from(command.output().unwrap());
        assert!(ran.code == Some(5) && ran.stderr.contains(says), "{args:?}: {ran:?}");
        assert_eq!(ran.stdout, "", "{args:?}");
    }
    assert!(!folder.path("page.html").exists());
}

#[test]
fn engines_that_answer_for_no_swarm() {
    let folder = Folder::with(FITS);
    let managers = json!([{"NodeID": "x", "Addr": "192.0.2.7:2377"}]);
    for (state, says) in [
        (json!({"LocalNodeState": "inactive"}), "error: this engine is in no swarm; make one with `docker swarm init`"),
        (
            json!({"LocalNodeState": "active", "ControlAvailable": false, "RemoteManagers": managers}),
            "name one of 192.0.2.7:2377 with `-H`",
        ),
        (json!({"LocalNodeState": "locked"}), "open it with `docker swarm unlock`"),
    ] {
        let mut swarm = swarm();
        swarm["info"]["Swarm"] = state;
        let engine = FakeEngine::of(swarm);
        let set = |command: &mut Command| {
            command.env("DOCKER_HOST", engine.address());
        };
        cannot_be_used(&folder, set, says);
        assert!(engine.take().is_empty());
    }
}

#[test]
fn a_handshake_that_is_refused() {
    let folder = Folder::with(FITS);
    let certified = || rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let (own, other) = (certified(), certified());
    let config = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], PrivateKeyDer::Pkcs8(own.signing_key.serialize_der().into()))
        .unwrap();
    let (config, listener) = (Arc::new(config), TcpListener::bind("127.0.0.1:0").unwrap());
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // The other side is expected to refuse.
            let _ = ServerConnection::new(Arc::clone(&config)).unwrap().complete_io(&mut stream);
        }
    });
    fs::create_dir(folder.path("certificates")).unwrap();
    folder.put("certificates/ca.pem", other.cert.pem());
    let set = |command: &mut Command| {
        command.env("DOCKER_HOST", &address).env("DOCKER_TLS_VERIFY", "1");
        command.env("DOCKER_CERT_PATH", folder.path("certificates"));
    };
    cannot_be_used(
        &folder,
        set,
        "the TLS handshake was refused: the engine's certificate is signed by nobody that is trusted (ca.pem)",
    );
}

/// A proxy before an engine.
fn before(engine: &FakeEngine) -> Proxy {
    Proxy::before(engine.address().trim_start_matches("unix://").as_ref())
}

/// Runs beside the engine behind a proxy.
fn run_through(proxy: &Proxy, folder: &Folder, args: &[&str]) -> Ran {
    let address = format!("unix://{}", proxy.socket().display());
    Ran::from(command(&address, folder, args).output().unwrap())
}

#[test]
fn what_is_missing_is_told_before_anything_is_changed() {
    let (engine, folder) = (FakeEngine::start(), Folder::with(FITS));
    let proxy = before(&engine);
    let changes = || proxy.calls().iter().filter(|call| call.method != "GET").count();
    for (present, missing, says) in [
        (
            "[\"jupyterhub_default\"]",
            "[\"jupyterhub_default\", \"nowhere\"]",
            "error[SG510]: the swarm has no network `nowhere`",
        ),
        ("\"motd\"", "\"modt\"", "error[SG511]: the swarm has no config `modt`"),
        ("[\"database\"]", "[\"database\", \"absent\"]", "error[SG511]: the swarm has no secret `absent`"),
    ] {
        let config = FITS.replace(present, missing);
        assert_ne!(config, FITS);
        folder.put("swarmgen.toml", config);
        for args in [&["apply", "--yes", "--detach"][..], &["plan", "-o", "plan.json"], &["apply", "--user", "bob"]] {
            let ran = run_through(&proxy, &folder, args);
            assert!(ran.code == Some(1) && ran.stderr.contains(says), "{args:?}: {ran:?}");
        }
        assert_eq!(changes(), 0, "{says}");
    }
    folder.put("swarmgen.toml", FITS);
    run_through(&proxy, &folder, &["apply", "--yes", "--detach"]).ok();
    assert_eq!(changes(), 4, "a config, a secret and two services");
}

#[test]
fn the_key_of_the_environment_names_secrets() {
    let (engine, folder) = (FakeEngine::start(), Folder::with(&FITS.replace("key = { env = \"KEY\" }\n", "")));
    let plan = |key: Option<&str>| {
        let mut command = folder.command(&["plan", "--resolve-image", "never"]);
        command.env("DOCKER_HOST", engine.address()).env_remove("DOCKER_CONTEXT").env("SECRET", CANARY);
        command.env("KEY", "0123456789abcdef").env_remove("SWARMGEN_KEY").envs(key.map(|key| ("SWARMGEN_KEY", key)));
        Ran::from(command.output().unwrap())
    };
    let name = |key: &str| {
        let ran = plan(Some(key));
        assert_eq!(ran.code, Some(3), "{ran:?}");
        let at = ran.stdout.find("database-").unwrap_or_else(|| panic!("{ran:?}"));
        ran.stdout[at..at + "database-".len() + 10].to_owned()
    };
    let one = name("the key of one operator");
    assert_eq!(name("the key of one operator"), one);
    assert_ne!(name("the key of another one"), one);
    assert!(plan(None).refused("SG501").contains("set `SWARMGEN_KEY`"));
    // What the config says comes first.
    folder.put("swarmgen.toml", FITS);
    let named = name("the key of one operator");
    assert_ne!(named, one);
    assert_eq!(name("the key of another one"), named);
}

/// The small swarm with a worker, on which chemistry's server runs and has a volume that goes with it.
fn with_a_worker() -> Value {
    let mut swarm = swarm();
    let mut worker = swarm["nodes"][0].clone();
    worker["ID"] = "lab2id".into();
    worker["Description"]["Hostname"] = "lab2".into();
    worker["Spec"]["Role"] = "worker".into();
    worker.as_object_mut().unwrap().remove("ManagerStatus");
    swarm["nodes"].as_array_mut().unwrap().push(worker);
    let services = swarm["services"].as_array_mut().unwrap().iter_mut();
    let ours = services.filter(|service| service["Spec"]["Labels"]["swarmgen.deployment"] == "chemistry");
    for service in ours {
        // As `apply` leaves it: without the label, all that may be a secret is taken for one.
        service["Spec"]["Labels"]["swarmgen.hidden"] = "".into();
        service["Spec"]["TaskTemplate"]["ContainerSpec"]["Mounts"] = json!([{
            "Type": "volume", "Source": "home-alice", "Target": "/home",
            "VolumeOptions": {"Labels": {"autoremove": "True"}},
        }]);
    }
    swarm["tasks"][0]["NodeID"] = "lab2id".into();
    swarm
}

#[test]
fn a_volume_out_of_reach_is_told_where_its_service_is_gone() {
    let (engine, folder) = (FakeEngine::of(with_a_worker()), Folder::with(watch::CHEMISTRY));
    let proxy = before(&engine);
    let destroy = |more: &[&str]| run_through(&proxy, &folder, &[&["destroy", "--all", "--yes"], more].concat());
    let volumes = |ran: &Ran| {
        let outcome = ran.stdout.lines().last().unwrap_or_else(|| panic!("{ran:?}"));
        serde_json::from_str::<Value>(outcome).unwrap()["unreachable_volumes"].clone()
    };
    let ran = destroy(&["--progress", "json"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let service = "chem-2bd806c97f0e00af1a1fc3328fa763a9-1";
    let command = "docker -H ssh://lab2 volume rm home-alice";
    let told = json!([{"volume": "home-alice", "service": service, "node": "lab2", "command": command}]);
    assert_eq!(volumes(&ran), told);
    let ran = destroy(&[]);
    let says = format!(
        "volume `home-alice` of `{service}` may be on node `lab2`, which this engine cannot reach; there: {command}"
    );
    assert!(ran.code == Some(0) && ran.stderr.contains(&says), "{ran:?}");
    // The service stays, and with it the volume.
    proxy.harms(Requests::to("DELETE", "/services/*"), Fault::Answer(403, "removing is not for you"));
    let ran = destroy(&["--progress", "json"]);
    assert!(ran.code == Some(4) && ran.stdout.contains("removing is not for you"), "{ran:?}");
    assert_eq!(volumes(&ran), json!([]));
    let ran = destroy(&[]);
    assert!(ran.code == Some(4) && ran.stderr.contains("removing is not for you"), "{ran:?}");
    assert!(!ran.stderr.contains("may be on node"), "{ran:?}");
}

#[test]
fn an_image_that_is_a_secret_is_not_shown_with_the_engines_reason() {
    let folder = Folder::with(watch::CHEMISTRY);
    let mut swarm = swarm();
    for service in swarm["services"].as_array_mut().unwrap() {
        service["Spec"]["Labels"]["swarmgen.hidden"] = "image args".into();
        service["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"] = format!("reg.example/{CANARY}:1").into();
        service["Spec"]["TaskTemplate"]["ContainerSpec"]["Args"] = json!(["--token=secret"]);
        service["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"] = json!(["LAB=1"]);
    }
    let told = format!("No such image: reg.example/{CANARY}:1, exit (1)");
    swarm["tasks"][0]["Status"] = json!({"State": "rejected", "Timestamp": "2026-01-05T09:00:00Z", "Err": told});
    let engine = FakeEngine::of(swarm);
    let proxy = before(&engine);
    for format in ["human", "json"] {
        let shown = run_through(&proxy, &folder, &["status", "--format", format]).ok();
        assert!(shown.contains("No such image: «redacted», exit (1)") && !shown.contains(CANARY), "{shown}");
    }
}

/// Only what `apply` or the hub's spawner made goes.
#[test]
fn what_somebody_else_made_stays() {
    let folder = Folder::with(watch::CHEMISTRY);
    for (made_by, goes) in [("apply", true), ("spawner", true), ("another-tool", false), ("", false)] {
        let mut swarm = with_a_worker();
        let services = swarm["services"].as_array_mut().unwrap().iter_mut();
        for service in services.filter(|service| service["Spec"]["Labels"]["swarmgen.deployment"] == "chemistry") {
            service["Spec"]["Labels"]["swarmgen.made-by"] = made_by.into();
        }
        let engine = FakeEngine::of(swarm);
        let proxy = before(&engine);
        run_through(&proxy, &folder, &["destroy", "--all", "--yes"]).ok();
        let removes = |call: &super::proxy::Call| call.method == "DELETE" && call.path.starts_with("/services/");
        assert_eq!(proxy.calls().iter().any(removes), goes, "{made_by}");
    }
}

/// Whatever format findings have, and also if quiet: what failed, and what is left for a person to do, is told.
#[test]
fn the_account_of_what_was_done_is_never_lost() {
    let (engine, folder) = (FakeEngine::of(with_a_worker()), Folder::with(watch::CHEMISTRY));
    let proxy = before(&engine);
    let formats: [(&[&str], bool); 4] = [
        (&["--message-format", "json"], true),
        (&["--message-format", "sarif"], true),
        (&["--message-format", "json", "-q"], true),
        (&["-q"], false),
    ];
    let is_document = |text: &str| serde_json::from_str::<Value>(text).is_ok();
    for (format, is_for_programs) in formats {
        let ran = run_through(&proxy, &folder, &[&["destroy", "--all", "--yes"], format].concat());
        assert!(ran.code == Some(0) && is_document(&ran.stdout) == is_for_programs, "{ran:?}");
        assert!(ran.stderr.contains("docker -H ssh://lab2 volume rm home-alice"), "{ran:?}");
        assert_eq!(ran.stderr.contains("1 server removed"), !format.contains(&"-q"), "{ran:?}");
    }
    let (engine, folder) = (FakeEngine::start(), Folder::with(FITS));
    let proxy = before(&engine);
    proxy.harms(Requests::to("POST", "/services/create"), Fault::Answer(400, "rpc error: invalid reference"));
    for (format, is_for_programs) in formats {
        let ran = run_through(&proxy, &folder, &[&["apply", "--detach", "--yes"], format].concat());
        assert!(ran.code == Some(4) && is_document(&ran.stdout) == is_for_programs, "{ran:?}");
        for says in ["error: alice (service `jupyter-", "error: bob (", "invalid reference", "2 servers failed"] {
            assert!(ran.stderr.contains(says), "{says}: {ran:?}");
        }
    }
}

/// A create hangs and the run is asked to end: it may have been done, which is told by name.
#[test]
fn what_may_have_been_done_is_told_by_name() {
    let (engine, folder) = (FakeEngine::start(), Folder::with(FITS));
    let proxy = before(&engine);
    proxy.harms(Requests::to("POST", "/services/create").nth(1), Fault::Delay(Duration::from_secs(120)));
    let address = format!("unix://{}", proxy.socket().display());
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_swarmgen"));
    command.args(["apply", "--yes", "--detach", "--progress", "none", "--parallelism", "1"]);
    command.current_dir(folder.path("")).env_remove("DOCKER_CONTEXT").env("DOCKER_HOST", address);
    command.env("DOCKER_CONFIG", folder.path("docker")).env("SECRET", CANARY).env("KEY", "0123456789abcdef");
    let child = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let creates = || proxy.calls().iter().filter(|call| call.path == "/services/create").count();
    super::until::until("it creates", 30, || creates() > 0, || format!("{:?}", proxy.calls()));
    let sent = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!(ran.code, Some(4), "{ran:?}");
    for says in [
        "error: alice (service `jupyter-2bd806c97f0e00af1a1fc3328fa763a9-1`): may have been created: \
         its answer was not waited for\n",
        "\nbob (service `jupyter-81b637d8fcd2c6da6359e6963113a117-1`): not created: ",
        "1 step may have been done; 1 step not done",
    ] {
        assert!(ran.stderr.contains(says), "{says}: {ran:?}");
    }
}

#[test]
fn what_a_start_has_to_say_to_the_operator_goes_to_standard_error() {
    let (engine, folder) = (FakeEngine::start(), Folder::with(FITS));
    std::fs::create_dir(folder.path("docker")).unwrap();
    folder.put("docker/config.json", r#"{"credsStore": "nowhere-to-be-found"}"#);
    let request = serde_json::json!({"version": 1, "user": {"name": "alice"}, "server": {"name": ""}, "timeout": 2});
    let mut command = command(&engine.address(), &folder, &["spawner", "start"]);
    let output = command.write_stdin(format!("{request}\n")).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("`docker-credential-nowhere-to-be-found get` does not start"), "{output:?}");
    assert!(!told.contains(CANARY), "{told}");
}

#[test]
fn an_engine_is_waited_for_as_long_as_it_may_take() {
    let (engine, folder) = (FakeEngine::start(), Folder::with(FITS));
    for args in
        [&["plan"][..], &["apply", "--yes"], &["destroy", "--all", "--yes"], &["status"], &["validate", "--cluster"]]
    {
        let proxy = before(&engine);
        proxy.harms(Requests::to("GET", "/services"), Fault::Delay(Duration::from_secs(120)));
        let begun = Instant::now();
        let ran = run_through(&proxy, &folder, &[args, &["--engine-timeout", "1s"]].concat());
        assert_eq!(ran.code, Some(5), "{args:?}: {ran:?}");
        assert!(ran.stderr.contains("1 s"), "{args:?}: {}", ran.stderr);
        // The default is a minute.
        assert!(begun.elapsed() < Duration::from_secs(40), "{args:?}: {:?}", begun.elapsed());
    }
}
