//! What a POSIX shell and `docker service create` make of our commands.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod fake_engine;
#[path = "../src/emit/fixture.rs"]
#[allow(dead_code)]
mod fixture;
mod ir {
    pub(crate) use swarmgen::ir::*;
}

use std::process::Command;

use fake_engine::{FakeEngine, differences, prune, run};
use proptest::prelude::*;
use serde_json::Value;
use swarmgen::emit::engine::{NoIds, body};
use swarmgen::emit::{ApiVersion, cli};
use swarmgen::ir::{Healthcheck, Service, Text};

/// Runs the command as it is pasted into a shell.
fn create(engine: &FakeEngine, service: &Service) -> Value {
    let line = cli::command(service, ApiVersion::V1_41).unwrap();
    // Not resolving the image is no part of the service.
    let script = format!("docker() {{ shift 2; command docker service create -d --no-resolve-image \"$@\"; }}\n{line}");
    run(engine.command("sh").args(["-c", &script]).env("EMPTY", "leaked"));
    let mut created = engine.take();
    assert_eq!(created.len(), 1);
    created.remove(0)
}

#[test]
fn a_created_service_is_the_service() {
    let mut service = fixture::most();
    service.container.open_stdin = None;
    service.container.args.as_mut().unwrap().push("--init".into());
    let mut inherits = fixture::least();
    inherits.container.healthcheck = Some(Healthcheck { start_period: Some(1_000_000), ..Healthcheck::default() });
    let mut off = fixture::least();
    off.container.healthcheck = Some(Healthcheck { test: Some(vec!["NONE".into()]), ..Healthcheck::default() });
    let engine = FakeEngine::start();
    for service in [service, inherits, off] {
        let expected = prune(body(&service, ApiVersion::V1_41, &NoIds).unwrap());
        assert_eq!(differences(&prune(create(&engine, &service)), &expected), [""; 0]);
    }
}

/// The words that a shell passes to the command.
fn words(service: &Service) -> Vec<String> {
    let line = cli::command(service, ApiVersion::V1_41).unwrap();
    let script = format!("docker() {{ printf '%s\\0' \"$@\"; }}\n{line}");
    let output = String::from_utf8(run(Command::new("sh").args(["-c", &script]))).unwrap();
    output.split_terminator('\0').map(str::to_owned).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_word_passes_the_shell(texts in proptest::collection::vec("(\\PC|[^\\x00]|[ \\n'\"\\\\$`!~*?]){0,12}", 1..30)) {
        let mut service = fixture::least();
        service.container.args = Some(texts.iter().map(|text| Text::from(text.as_str())).collect());
        let words = words(&service);
        prop_assert_eq!(&words[words.len() - texts.len()..], &texts[..]);
    }

    #[test]
    fn any_text_passes_the_cli(texts in proptest::collection::vec("(\\PC|[ \\n'\"\\\\$`!,=#]){1,12}", 6)) {
        let mut service = fixture::most();
        let container = &mut service.container;
        container.open_stdin = None;
        container.command = Some(texts.iter().map(|text| Text::from(text.as_str())).collect());
        container.env = texts.iter().enumerate().map(|(n, text)| (format!("E{n}").into(), text.as_str().into())).collect();
        if let swarmgen::ir::MountKind::Volume { driver: Some(driver), labels, .. } = &mut container.mounts[0].kind {
            driver.options = container.env.clone();
            *labels = container.env.clone();
        }
        container.configs[0].file = format!("/{}", texts[0]).as_str().into();
        let expected = prune(body(&service, ApiVersion::V1_41, &NoIds).unwrap());
        prop_assert_eq!(differences(&prune(create(&FakeEngine::start(), &service)), &expected), [""; 0]);
    }
}
