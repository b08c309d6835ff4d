use super::*;

fn network(id: &str, name: &str, scope: &str) -> ObservedNetwork {
    ObservedNetwork { id: id.to_owned(), name: name.to_owned(), scope: scope.to_owned(), ..ObservedNetwork::default() }
}

fn form(spec: Value) -> Value {
    canonical(&spec, &[]).spec
}

fn container(container: Value) -> Value {
    json!({"TaskTemplate": {"ContainerSpec": container}})
}

/// Two specs that mean the same.
fn same(one: Value, other: Value) {
    assert_eq!(form(one), form(other));
}

/// Two specs that do not.
fn different(one: Value, other: Value) {
    assert_ne!(form(one), form(other));
}

#[test]
fn what_an_engine_stored_is_what_it_was_sent() {
    let recorded: Value = serde_json::from_str(include_str!("../../../tests/plan/stored.json")).unwrap();
    let text = |value: &Value, key: &str| value[key].as_str().unwrap().to_owned();
    let networks: Vec<ObservedNetwork> = recorded["networks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|own| network(&text(own, "id"), &text(own, "name"), &text(own, "scope")))
        .collect();
    let pairs = recorded["pairs"].as_array().unwrap();
    assert!(pairs.len() > 7);
    for pair in pairs {
        let (sent, stored) = (canonical(&pair["sent"], &networks), canonical(&pair["stored"], &networks));
        assert_eq!(sent.spec, stored.spec, "{}", pair["sent"]);
    }
}

#[test]
fn what_the_engine_fills_in_is_the_same_as_nothing() {
    let policy = |policy: Value| json!({"TaskTemplate": {"RestartPolicy": policy}});
    same(json!({}), policy(json!({"Condition": "any", "Delay": 5_000_000_000_i64, "MaxAttempts": 0, "Window": 0})));
    different(json!({}), policy(json!({"Delay": 0})));
    let update = |config: Value| json!({"UpdateConfig": config});
    let all = json!({"Parallelism": 1, "FailureAction": "pause", "Monitor": 5_000_000_000_i64, "Order": "stop-first"});
    same(json!({}), update(all));
    different(json!({}), update(json!({})));
    same(update(json!({})), update(json!({"Parallelism": 0, "Delay": 0, "Monitor": 0, "MaxFailureRatio": 0.0})));
    same(json!({}), json!({"EndpointSpec": {"Mode": "vip", "Ports": []}}));
    different(json!({}), json!({"EndpointSpec": {"Mode": "dnsrr"}}));
    same(json!({}), json!({"Mode": {"Replicated": {"Replicas": 1}}}));
    different(json!({}), json!({"Mode": {"Replicated": {"Replicas": 0}}}));
    different(json!({}), json!({"Mode": {"Global": {}}}));
    same(container(json!({})), container(json!({"StopGracePeriod": 10_000_000_000_i64, "Isolation": "default"})));
    different(container(json!({})), container(json!({"StopGracePeriod": 0})));
    different(container(json!({})), container(json!({"Init": false})));
    same(json!({"TaskTemplate": {"ForceUpdate": 3, "Runtime": "container"}}), json!({}));
}

#[test]
fn empty_values_say_something_only_under_keys_of_the_configs_own() {
    let nothing =
        json!({"TTY": false, "Groups": [], "Healthcheck": {"Test": []}, "Privileges": {"SELinuxContext": null}});
    same(container(json!({})), container(nothing));
    different(container(json!({})), container(json!({"Labels": {"a": ""}})));
    different(container(json!({"Env": ["A="]})), container(json!({"Env": ["A"]})));
    different(container(json!({})), container(json!({"Env": ["A"]})));
    different(container(json!({"Args": [""]})), container(json!({})));
}

#[test]
fn order_is_no_difference_where_it_means_nothing() {
    same(container(json!({"Env": ["B=1", "A=0", "A=2"]})), container(json!({"Env": ["A=2", "B=1"]})));
    let (one, other) = (json!({"Type": "volume", "Target": "/a"}), json!({"Type": "tmpfs", "Target": "/b/"}));
    same(
        container(json!({"Mounts": [one, other]})),
        container(json!({"Mounts": [other, {"Target": "/a", "Type": "volume"}]})),
    );
    same(
        container(json!({"Hosts": ["1.1.1.1 a", "2.2.2.2 b"]})),
        container(json!({"Hosts": ["2.2.2.2 b", "1.1.1.1 a"]})),
    );
    different(
        container(json!({"Hosts": ["1.1.1.1 a", "2.2.2.2 a"]})),
        container(json!({"Hosts": ["2.2.2.2 a", "1.1.1.1 a"]})),
    );
    different(container(json!({"Args": ["a", "b"]})), container(json!({"Args": ["b", "a"]})));
    let placement = |placement: Value| json!({"TaskTemplate": {"Placement": placement}});
    same(placement(json!({"Constraints": ["b==1", "a != x"]})), placement(json!({"Constraints": ["a!=x", "b == 1"]})));
    let spread = |over: &str| json!({"Spread": {"SpreadDescriptor": over}});
    different(
        placement(json!({"Preferences": [spread("a"), spread("b")]})),
        placement(json!({"Preferences": [spread("b"), spread("a")]})),
    );
    let port = |target: u16| json!({"TargetPort": target});
    let full = json!({"TargetPort": 2, "Protocol": "tcp", "PublishMode": "ingress", "PublishedPort": 0});
    let ports = |ports: Value| json!({"EndpointSpec": {"Ports": ports}});
    same(ports(json!([port(1), full])), ports(json!([port(2), port(1)])));
}

#[test]
fn mounts_are_compared_with_what_the_engine_makes_of_them() {
    let mount = |rest: Value| {
        let mut mount = json!({"Target": "/a", "Source": "/b"});
        mount.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        container(json!({"Mounts": [mount]}))
    };
    same(
        mount(json!({})),
        mount(json!({"Type": "bind", "BindOptions": {"Propagation": "rprivate"}, "Consistency": "cached"})),
    );
    same(mount(json!({"Type": "volume", "VolumeOptions": {"DriverConfig": {}}})), mount(json!({"Type": "volume"})));
    let driver = |name: &str| mount(json!({"Type": "volume", "VolumeOptions": {"DriverConfig": {"Name": name}}}));
    same(driver(""), mount(json!({"Type": "volume"})));
    different(driver("local"), mount(json!({"Type": "volume"})));
}

#[test]
fn networks_are_known_by_name_and_id() {
    let known = [network("id1", "hub", "swarm"), network("id2", "hub", "local"), network("id3", "other", "swarm")];
    let task = |target: &str| json!({"TaskTemplate": {"Networks": [{"Target": target, "Aliases": ["b", "a"]}]}});
    let top = |target: &str| json!({"Networks": [{"Target": target, "Aliases": ["a", "b"]}], "TaskTemplate": {"Networks": []}});
    let form = |spec: Value| canonical(&spec, &known).spec;
    assert_eq!(form(task("hub")), form(task("id1")));
    assert_eq!(form(top("hub")), form(task("id1")));
    assert_ne!(form(task("hub")), form(task("id2")), "another network of the same name");
    assert_ne!(form(task("hub")), form(task("gone")));
}

#[test]
fn images_are_named_as_the_cli_names_them() {
    for (image, expected) in [
        ("nginx", "nginx:latest"),
        ("docker.io/library/nginx:1", "nginx:1"),
        ("library/nginx:1", "nginx:1"),
        ("docker.io/jupyter/x:1", "jupyter/x:1"),
        ("localhost:5000/library/x", "localhost:5000/library/x:latest"),
        ("not an image", "not an image"),
    ] {
        assert_eq!(canonical_image(image), expected);
    }
}

/// What a live spec becomes beside a wanted one.
fn aligned(live: Value, wanted: Value) -> (bool, Option<String>) {
    let (mut live, wanted) = (canonical(&live, &[]), canonical(&wanted, &[]));
    let digest = live.align(&wanted);
    (live == wanted, digest)
}

#[test]
fn a_digest_is_kept_as_long_as_the_tag_is_the_same() {
    let digest = format!("sha256:{}", "a".repeat(64));
    let pinned = |image: &str| {
        let mut spec = container(json!({"Image": format!("{image}@{digest}")}));
        spec["TaskTemplate"]["Placement"] = json!({"Platforms": [{"Architecture": "amd64", "OS": "linux"}]});
        spec
    };
    assert_eq!(aligned(pinned("a:1"), container(json!({"Image": "a:1"}))), (true, Some(digest.clone())));
    assert!(!aligned(pinned("a:1"), container(json!({"Image": "a:2"}))).0);
    assert!(!aligned(container(json!({"Image": "a:1"})), pinned("a:1")).0, "a digest of the config's counts");
    let mut wanted = container(json!({"Image": "a:1"}));
    wanted["TaskTemplate"]["Placement"] = json!({"Platforms": [{"Architecture": "arm64", "OS": "linux"}]});
    assert!(!aligned(pinned("a:1"), wanted).0, "platforms of the config's count");
}

#[test]
fn ids_count_where_both_know_them() {
    let file = |id: &str, name: &str| {
        container(json!({"Configs": [{"ConfigID": id, "ConfigName": name, "File": {"Name": "/x", "Mode": 1}}]}))
    };
    assert!(aligned(file("1", "a"), file("", "a")).0);
    assert!(aligned(file("1", "a"), file("1", "a")).0);
    assert!(!aligned(file("1", "a"), file("2", "a")).0);
    assert!(!aligned(file("1", "a"), file("", "b")).0);
}

#[test]
fn what_is_no_spec_has_an_empty_form() {
    for spec in [json!(null), json!([1]), json!("x")] {
        assert_eq!(canonical(&spec, &[]).spec, json!({}));
    }
}
