//! What `docker stack deploy` and PyYAML make of our stacks.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod fake_engine;
#[path = "../src/emit/fixture.rs"]
#[allow(dead_code)]
mod fixture;
mod ir {
    pub(crate) use swarmgen::ir::*;
}

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

use fake_engine::{FakeEngine, differences, prune, without_stack};
use proptest::prelude::*;
use serde_json::Value;
use swarmgen::emit::engine::{NoIds, body};
use swarmgen::emit::{ApiVersion, compose};
use swarmgen::ir::{Pairs, Service, Text, UpdateConfig};

/// Deploys services as the stack `st`.
fn deploy(engine: &FakeEngine, services: &[Service]) -> Vec<Value> {
    engine.deploy(&compose::stack(services, "00").unwrap())
}

#[test]
fn a_deployed_stack_is_the_service() {
    let mut all_at_once = fixture::most();
    all_at_once.name = "jupyter-bob-1".into();
    all_at_once.update_config = Some(UpdateConfig::default());
    all_at_once.rollback_config = None;
    all_at_once.container.init = Some(false);
    all_at_once.container.secrets[0].mode = 0;
    all_at_once.container.user = Some("$USER".into());
    let services = [fixture::most(), all_at_once];
    let created = deploy(&FakeEngine::start(), &services);
    assert_eq!(created.len(), services.len());
    for (service, created) in services.iter().zip(created) {
        assert_eq!(created["TaskTemplate"]["ContainerSpec"]["Init"], service.container.init.unwrap());
        let expected = prune(body(service, ApiVersion::V1_41, &NoIds).unwrap());
        assert_eq!(differences(&without_stack(created), &expected), [""; 0]);
    }
}

#[test]
fn no_network_takes_the_place_of_none() {
    let mut with = fixture::least();
    with.networks =
        vec![swarmgen::ir::Network { target: "default".into(), aliases: Vec::new(), driver_opts: Vec::new() }];
    let without = Service { name: "jupyter-bob-1".into(), ..fixture::least() };
    let created = deploy(&FakeEngine::start(), &[with, without]);
    assert_eq!(created[0]["TaskTemplate"]["Networks"][0]["Target"], "default");
    assert_eq!(created[1]["TaskTemplate"]["Networks"][0]["Target"], "st_default");
}

fn labelled(labels: &BTreeMap<String, String>) -> Service {
    let mut service = fixture::least();
    let pairs: Pairs = labels.iter().map(|(key, value)| (key.as_str().into(), Text::from(value.as_str()))).collect();
    service.container.labels = pairs.clone();
    service.container.args = Some(pairs.into_iter().map(|(_, value)| value).collect());
    service
}

/// Reads a stack's labels with PyYAML.
fn pyyaml(service: &Service) -> BTreeMap<String, String> {
    let stack = compose::stack(std::slice::from_ref(service), "00").unwrap();
    let script = "import json, sys, yaml
service, = yaml.safe_load(sys.stdin.buffer.read())['services'].values()
assert list(service['labels'].values()) == service['command']
json.dump(service['labels'], sys.stdout)";
    let mut python = Command::new("python3");
    python.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = python.spawn().unwrap_or_else(|error| panic!("these tests need `python3`: {error}"));
    // If it did not start, its own words below say why.
    let _ = child.stdin.take().unwrap().write_all(&stack);
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!stderr.contains("No module named 'yaml'"), "these tests need PyYAML: `pip install pyyaml`");
    assert!(output.status.success(), "{stderr}");
    let labels: BTreeMap<String, String> = serde_json::from_slice(&output.stdout).unwrap();
    labels.into_iter().map(|(key, value)| (key, value.replace("$$", "$"))).collect()
}

/// Reads a stack's labels with go-yaml and Compose's interpolation.
fn docker(engine: &FakeEngine, service: &Service) -> BTreeMap<String, String> {
    let [created] = <[Value; 1]>::try_from(deploy(engine, std::slice::from_ref(service))).unwrap();
    let container = &created["TaskTemplate"]["ContainerSpec"];
    let mut labels: BTreeMap<String, String> = serde_json::from_value(container["Labels"].clone()).unwrap();
    labels.remove("com.docker.stack.namespace");
    let args: Vec<String> = serde_json::from_value(container["Args"].clone()).unwrap();
    assert_eq!(args, labels.values().cloned().collect::<Vec<_>>());
    labels
}

fn assert_read_back(engine: &FakeEngine, labels: &BTreeMap<String, String>) {
    let service = labelled(labels);
    let differs = |read: BTreeMap<String, String>| {
        let mut pairs = labels.iter().zip(&read).filter(|(ours, theirs)| ours != theirs);
        (pairs.next().map(|pair| format!("{pair:?}")), labels.len() == read.len())
    };
    assert_eq!(differs(pyyaml(&service)), (None, true), "PyYAML");
    assert_eq!(differs(docker(engine, &service)), (None, true), "docker");
}

#[test]
fn every_character_is_read_back() {
    let mut labels = BTreeMap::new();
    let planes = (0..=0x1_ffff).chain(0xe_0000..=0xe_00ff).chain(0x10_ff00..=0x10_ffff);
    let characters: Vec<char> = planes.filter_map(char::from_u32).collect();
    for (index, group) in characters.chunks(64).enumerate() {
        let text: String = group.iter().collect();
        labels.insert(format!("{index} {text}"), text);
    }
    let alone = |c: &char| (*c as u32) < 0x300 || ((*c as u32) & 0xf000 == 0x2000 && (*c as u32) < 0x2100);
    for c in characters.into_iter().filter(alone).chain(['\u{feff}', '\u{fffe}', '\u{ffff}']) {
        // Compose's schema takes no key of line feeds only.
        let key = if c == '\n' { "\nx".to_owned() } else { c.to_string() };
        labels.insert(key, c.to_string());
        labels.insert(format!("a{c}"), format!("a{c}"));
        labels.insert(format!("{c}{c}b"), format!("{c}{c}b"));
    }
    assert_read_back(&FakeEngine::start(), &labels);
}

#[test]
fn words_that_readers_doubt_are_read_back() {
    let words = "y Y n yes Yes no On off true FALSE null Null ~ nan .nan .NaN inf .inf -.INF << = ! & * - ? : | > % @ ` # , \
                 [ ] { } -- --- ... 1 0 01 0o17 0O17 0x1f 0b1 1_000 1.5 1e3 1e+3 .5 +1 -1 1:30 190:20:30 12e03 2001-01-01 \
                 2001-12-14t21:59:43.10-05:00 a:b a: :a a#b -a ?a !!str !a &a *a 'a 'a' \"a \"a\" \\ \\n $ $$ $$$ $HOME \
                 ${HOME} ${HOME:-x} ${HOME?x} $1 ${ x-y a/b /a a.b a-b a_b a@b a%b ~a";
    let mut labels: BTreeMap<String, String> =
        words.split_whitespace().map(|word| (word.to_owned(), word.to_owned())).collect();
    let sentences =
        [" a", "a ", "a: b", "a #b", "- a", "? a", "a\nb", "\na", "a\n", "\n\n", "a\r\nb", "\ta", "a\t", "a\n  b\n"];
    labels.extend(sentences.iter().map(|text| (format!("{text}k"), (*text).to_owned())));
    for length in [900, 990, 1010, 1024, 1025, 5000] {
        labels.insert("k".repeat(length), "v".repeat(length));
        labels.insert(format!("\u{1}{}", "é".repeat(length)), "é ".repeat(length));
    }
    labels.insert("empty".to_owned(), String::new());
    let key = "-----BEGIN KEY-----\nabc+/=\n-----END KEY-----\n";
    labels.insert("pem".to_owned(), key.to_owned());
    assert_read_back(&FakeEngine::start(), &labels);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, max_shrink_iters: 40, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_back(
        texts in proptest::collection::vec("(\\PC|[ \\n\\t:#$'\"\\\\{}\\[\\]&*!|>%@`,-]|[a-z0-9.]){1,12}", 200)
    ) {
        let keys = texts.iter().map(|text| format!("{text}k"));
        let labels = keys.zip(texts.iter().cloned()).collect();
        assert_read_back(&FakeEngine::start(), &labels);
    }
}
