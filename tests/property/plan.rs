//! Plans: what was just applied needs nothing, whatever it is, and what is secret is not shown.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use swarmgen::plan::graph::{Action, Verdict};
use swarmgen::plan::normalize::canonical;
use swarmgen::plan::observed::{ObservedNetwork, ObservedService};
use swarmgen::plan::show::{human, json as document};
use swarmgen::plan::{ObservedState, Options, Plan, Wanted, plan};

use super::stored_spec::stored;
use super::world::cases;

fn word() -> BoxedStrategy<&'static str> {
    proptest::sample::select(vec!["a", "b", "c", "d", ""]).boxed()
}

fn table() -> BoxedStrategy<Value> {
    proptest::collection::btree_map(word().prop_filter("a key", |key| !key.is_empty()), word(), 0..4)
        .prop_map(|table| json!(table))
        .boxed()
}

fn words() -> BoxedStrategy<Value> {
    proptest::collection::vec(word(), 0..4).prop_map(|words| json!(words)).boxed()
}

fn amount() -> BoxedStrategy<Value> {
    proptest::sample::select(vec![0_i64, 1, 5_000_000_000, 10_000_000_000]).prop_map(|number| json!(number)).boxed()
}

fn truth() -> BoxedStrategy<Value> {
    any::<bool>().prop_map(|truth| json!(truth)).boxed()
}

fn one_of(values: &'static [&'static str]) -> BoxedStrategy<Value> {
    proptest::sample::select(values).prop_map(|value| json!(value)).boxed()
}

/// A table with some of these keys, each of them absent, null or a value.
fn some(keys: Vec<(&'static str, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    let keys: Vec<BoxedStrategy<(&'static str, Option<Value>)>> = keys
        .into_iter()
        .map(|(key, value)| {
            let value = prop_oneof![3 => Just(None), 4 => value.prop_map(Some), 1 => Just(Some(Value::Null))];
            (Just(key), value).boxed()
        })
        .collect();
    keys.prop_map(|pairs| {
        let map: Map<String, Value> =
            pairs.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect();
        json!(map)
    })
    .boxed()
}

/// Entries of a list with distinct keys under `key`.
fn distinct(key: &'static str, names: &'static [&'static str], rest: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    let names = proptest::sample::subsequence(names.to_vec(), 0..=names.len()).prop_shuffle();
    (names, proptest::collection::vec(rest, names_length()))
        .prop_map(move |(names, rest)| {
            let entries = names.into_iter().zip(rest).map(|(name, mut entry)| {
                entry[key] = json!(name);
                entry
            });
            entries.collect()
        })
        .boxed()
}

fn names_length() -> std::ops::Range<usize> {
    4..5
}

fn mounts() -> BoxedStrategy<Value> {
    let driver = some(vec![("Name", word().prop_map(|word| json!(word)).boxed()), ("Options", table())]);
    let rest = some(vec![
        ("Type", one_of(&["bind", "volume", "tmpfs", ""])),
        ("Source", one_of(&["v", "/x", ""])),
        ("ReadOnly", truth()),
        ("Consistency", one_of(&["cached", "default"])),
        ("BindOptions", some(vec![("Propagation", one_of(&["rprivate", "rslave"])), ("NonRecursive", truth())])),
        ("VolumeOptions", some(vec![("NoCopy", truth()), ("Labels", table()), ("DriverConfig", driver)])),
        ("TmpfsOptions", some(vec![("SizeBytes", amount()), ("Mode", amount())])),
    ]);
    distinct("Target", &["/a", "/b", "/c/", "/d"], rest)
}

fn files(id: &'static str, name: &'static str) -> BoxedStrategy<Value> {
    let file = some(vec![("UID", one_of(&["0", ""])), ("GID", one_of(&["5"])), ("Mode", amount())]);
    proptest::collection::vec(file, 0..3)
        .prop_map(move |files| {
            let reference = |(index, mut file): (usize, Value)| {
                file["Name"] = json!(format!("/file{index}"));
                json!({"File": file, id: format!("id{index}"), name: format!("name{index}")})
            };
            files.into_iter().enumerate().map(reference).collect()
        })
        .boxed()
}

fn container() -> BoxedStrategy<Value> {
    let duration = || amount();
    let env = proptest::collection::vec(one_of(&["A=1", "A=2", "B=", "C", "D=x=y"]), 0..5);
    let text = || word().prop_map(|word| json!(word)).boxed();
    let selinux = some(vec![("Disable", truth()), ("User", text()), ("Type", text())]);
    some(vec![
        ("Labels", table()),
        ("Command", words()),
        ("Args", words()),
        ("Hostname", text()),
        ("Env", env.prop_map(|env| json!(env)).boxed()),
        ("Dir", text()),
        ("User", text()),
        ("Groups", words()),
        ("Privileges", some(vec![("CredentialSpec", some(vec![("File", text())])), ("SELinuxContext", selinux)])),
        ("TTY", truth()),
        ("OpenStdin", truth()),
        ("ReadOnly", truth()),
        ("Init", truth()),
        ("Mounts", mounts()),
        ("StopSignal", text()),
        ("StopGracePeriod", duration()),
        (
            "Healthcheck",
            some(vec![("Test", words()), ("Interval", duration()), ("Retries", amount()), ("Timeout", duration())]),
        ),
        (
            "Hosts",
            proptest::collection::vec(one_of(&["1.1.1.1 a", "2.2.2.2 b", "::1 a"]), 0..3)
                .prop_map(|all| json!(all))
                .boxed(),
        ),
        ("DNSConfig", some(vec![("Nameservers", words()), ("Search", words()), ("Options", words())])),
        ("Configs", files("ConfigID", "ConfigName")),
        ("Secrets", files("SecretID", "SecretName")),
        ("Isolation", one_of(&["default", ""])),
        ("Sysctls", table()),
        ("CapabilityAdd", words()),
        ("CapabilityDrop", words()),
        ("Ulimits", distinct("Name", &["nofile", "nproc", "core"], some(vec![("Soft", amount()), ("Hard", amount())]))),
    ])
}

/// A spec such as might be sent, in every way to leave things out.
fn spec() -> BoxedStrategy<Value> {
    let update = || {
        some(vec![
            ("Parallelism", amount()),
            ("Delay", amount()),
            ("FailureAction", one_of(&["pause", "rollback", ""])),
            ("Monitor", amount()),
            (
                "MaxFailureRatio",
                proptest::sample::select(vec![0.0, 0.1, 0.123_456_789, 1.0]).prop_map(|own| json!(own)).boxed(),
            ),
            ("Order", one_of(&["stop-first", "start-first"])),
        ])
    };
    let networks = || {
        let rest = some(vec![("Aliases", words()), ("DriverOpts", table())]);
        distinct("Target", &["hub", "storage", "unknown"], rest)
    };
    let generic = proptest::collection::vec(one_of(&["gpu", "ssd"]), 0..2).prop_map(|kinds| {
        kinds.into_iter().map(|kind| json!({"DiscreteResourceSpec": {"Kind": kind, "Value": 1}})).collect()
    });
    let limits = || some(vec![("NanoCPUs", amount()), ("MemoryBytes", amount()), ("Pids", amount())]);
    let reservations = some(vec![("NanoCPUs", amount()), ("GenericResources", generic.boxed())]);
    let spread =
        one_of(&["node.labels.a", "node.labels.b"]).prop_map(|over| json!({"Spread": {"SpreadDescriptor": over}}));
    let platform = one_of(&["amd64", "arm64"]).prop_map(|own| json!({"Architecture": own, "OS": "linux"}));
    let port = some(vec![
        ("Protocol", one_of(&["tcp", "udp"])),
        ("TargetPort", proptest::sample::select(vec![80, 443]).prop_map(|port| json!(port)).boxed()),
        ("PublishedPort", proptest::sample::select(vec![0, 8080]).prop_map(|port| json!(port)).boxed()),
        ("PublishMode", one_of(&["ingress", "host"])),
    ]);
    let list = |item: BoxedStrategy<Value>| proptest::collection::vec(item, 0..3).prop_map(|all| json!(all)).boxed();
    let task = some(vec![
        ("Resources", some(vec![("Limits", limits()), ("Reservations", reservations)])),
        (
            "RestartPolicy",
            some(vec![
                ("Condition", one_of(&["any", "none", ""])),
                ("Delay", amount()),
                ("MaxAttempts", amount()),
                ("Window", amount()),
            ]),
        ),
        (
            "Placement",
            some(vec![
                ("Constraints", list(one_of(&["node.role==manager", "node.labels.a != b"]))),
                ("Preferences", list(spread.boxed())),
                ("MaxReplicas", amount()),
                ("Platforms", list(platform.boxed())),
            ]),
        ),
        ("Networks", networks()),
        ("LogDriver", some(vec![("Name", one_of(&["json-file", ""])), ("Options", table())])),
    ]);
    let mode = prop_oneof![
        Just(json!({"Replicated": {}})),
        Just(json!({"Replicated": {"Replicas": 0}})),
        Just(json!({"Replicated": {"Replicas": 1}})),
    ];
    let rest = some(vec![
        ("Mode", mode.boxed()),
        ("UpdateConfig", update()),
        ("RollbackConfig", update()),
        ("Networks", networks()),
        ("EndpointSpec", some(vec![("Mode", one_of(&["vip", "dnsrr", ""])), ("Ports", list(port))])),
    ]);
    (rest, task, container(), table())
        .prop_map(|(mut spec, mut task, mut container, labels)| {
            container["Image"] = json!("jupyter/a:1");
            task["ContainerSpec"] = container;
            spec["TaskTemplate"] = task;
            spec["Name"] = json!("jupyter-alice-1");
            spec["Labels"] = labels;
            for (key, value) in [("deployment", "physics"), ("user", "alice"), ("server", "")] {
                spec["Labels"][format!("swarmgen.{key}")] = json!(value);
            }
            spec
        })
        .boxed()
}

fn swarm() -> ObservedState {
    let network = |id: &str, name: &str| ObservedNetwork {
        id: id.to_owned(),
        name: name.to_owned(),
        scope: "swarm".to_owned(),
        ..ObservedNetwork::default()
    };
    ObservedState { networks: vec![network("n1", "hub"), network("n2", "storage")], ..ObservedState::default() }
}

fn planned(spec: &Value, hidden: &BTreeSet<String>, state: &ObservedState) -> Plan {
    let wanted = Wanted {
        user: "alice".to_owned(),
        server: String::new(),
        profile: "A".to_owned(),
        service: spec.clone(),
        hidden: hidden.clone(),
        start_timeout: 1,
        listed: None,
        places: Box::new(|_| None),
    };
    plan("physics", &[wanted], state, &Options::default())
}

/// Carries a plan of one service out.
fn carry_out(plan: &Plan, state: &mut ObservedState) {
    let body = match plan.actions.as_slice() {
        [] => return,
        [Action::CreateService(new) | Action::ReplaceService { new, .. }] => &new.body.0,
        [Action::UpdateService(update)] => &update.new.body.0,
        actions => panic!("{actions:?}"),
    };
    state.services = vec![ObservedService {
        id: "1".to_owned(),
        version: 1,
        spec: stored(body, &state.networks),
        ..ObservedService::default()
    }];
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn what_is_stored_is_what_was_sent(spec in spec()) {
        let networks = swarm().networks;
        let once = stored(&spec, &networks);
        prop_assert!(canonical(&spec, &networks) == canonical(&once, &networks), "{spec}\n{once}");
        // An engine that is sent what it stored stores the same.
        prop_assert_eq!(&stored(&once, &networks), &once);
    }

    #[test]
    fn a_plan_after_its_own_is_empty(spec in spec()) {
        let mut state = swarm();
        let none = BTreeSet::new();
        carry_out(&planned(&spec, &none, &state), &mut state);
        let again = planned(&spec, &none, &state);
        prop_assert!(again.actions.is_empty(), "{spec}\n{}", human::render(&again, false));
        prop_assert!(matches!(again.items[0].verdict, Verdict::Unchanged));
    }

    #[test]
    fn an_update_leads_to_what_is_wanted(before in spec(), after in spec()) {
        let mut state = swarm();
        let none = BTreeSet::new();
        carry_out(&planned(&before, &none, &state), &mut state);
        let update = planned(&after, &none, &state);
        if let [Action::UpdateService(update)] = update.actions.as_slice() {
            // What is sent means what is wanted, and tasks stay if nothing says that they go.
            let sent = &update.new.body.0;
            prop_assert!(canonical(sent, &state.networks) == canonical(&after, &state.networks), "{sent}");
            let kept = |key: &str| stored(sent, &state.networks)["TaskTemplate"].get(key).cloned();
            if !update.task.restarts() {
                for key in ["ContainerSpec", "Resources", "RestartPolicy", "LogDriver", "Networks"] {
                    prop_assert_eq!(kept(key), state.services[0].spec["TaskTemplate"].get(key).cloned(), "{}", key);
                }
            }
        }
        carry_out(&update, &mut state);
        let again = planned(&after, &none, &state);
        prop_assert!(again.actions.is_empty(), "{before}\n{after}\n{}", human::render(&again, false));
    }

    #[test]
    fn no_secret_is_shown(before in spec(), after in spec()) {
        // Some variables of the first spec were secrets; those of the second one are, or are no longer.
        let secret = |spec: &Value, canary: &str| {
            let text = spec.to_string();
            let text = text.replace("A=1", &format!("A={canary}1")).replace("A=2", &format!("A={canary}2"));
            let text = text.replace("D=x=y", &format!("D=x={canary}"));
            serde_json::from_str::<Value>(&text).unwrap()
        };
        let hidden: BTreeSet<String> = ["env.A", "env.D"].iter().map(|name| (*name).to_owned()).collect();
        let mut state = swarm();
        carry_out(&planned(&secret(&before, "canary-old"), &hidden, &state), &mut state);
        for (after, hidden) in [(&secret(&after, "canary-new"), &hidden), (&after, &BTreeSet::new())] {
            let plan = planned(after, hidden, &state);
            let shown = format!("{}{}{plan:?}", human::render(&plan, true), document::render(&plan, None));
            prop_assert!(!shown.contains("canary"), "{shown}");
        }
    }
}
