//! How layers combine: by docs/merging.md, whatever stands in them.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use swarmgen::ir::{MountKind, Service};
use swarmgen::resolve::Request;
use swarmgen::resolve::merge::{Mode, merge};
use swarmgen::source::{Author, Node, SourceMap, Syntax, parse};

use super::world::{Memory, cases, service};

/// A layer in its long form: the attributes that a profile and an override have in common.
fn layer() -> impl Strategy<Value = Value> {
    let word = || proptest::sample::select(vec!["a", "b", "c", "d"]);
    let table = move || proptest::collection::btree_map(word(), word(), 0..4);
    let mount = (proptest::sample::select(vec!["/m", "/n", "/n/", "/o"]), word(), any::<bool>()).prop_map(|(target, source, read_only)| {
        json!({"target": target, "source": format!("vol-{source}-{{name}}"), "read_only": read_only})
    });
    let mounts = proptest::collection::vec(mount, 0..4).prop_map(|mounts| {
        let mut distinct: BTreeMap<String, Value> = BTreeMap::new();
        for mount in mounts {
            let target = mount["target"].as_str().unwrap().trim_end_matches('/').to_owned();
            distinct.entry(target).or_insert(mount);
        }
        distinct.into_values().collect::<Vec<_>>()
    });
    let words = proptest::collection::vec(word(), 0..3);
    let limits =
        proptest::collection::btree_map(proptest::sample::select(vec!["cpu_limit", "cpu_reservation"]), 1..4_i64, 0..3);
    let option = proptest::option::weighted::<BoxedStrategy<Value>>;
    let parts: Vec<(&str, BoxedStrategy<Option<Value>>)> = vec![
        ("env", option(0.7, table().prop_map(|table| json!(table)).boxed()).boxed()),
        ("labels", option(0.5, table().prop_map(|table| json!(table)).boxed()).boxed()),
        ("mounts", option(0.7, mounts.prop_map(|mounts| json!(mounts)).boxed()).boxed()),
        ("args", option(0.5, words.prop_map(|words| json!(words)).boxed()).boxed()),
        ("workdir", option(0.3, word().prop_map(|word| json!(format!("/{word}"))).boxed()).boxed()),
    ];
    let container: Vec<BoxedStrategy<(&str, Option<Value>)>> =
        parts.into_iter().map(|(key, value)| (Just(key), value).boxed()).collect();
    (
        container,
        option(0.5, table().prop_map(|table| json!(table)).boxed()),
        option(0.5, limits.prop_map(|limits| json!(limits)).boxed()),
    )
        .prop_map(|(container, labels, limits)| {
            let container: Map<String, Value> =
                container.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect();
            let mut layer = Map::new();
            layer.insert("container_spec".to_owned(), container.into());
            layer.extend(labels.map(|labels| ("labels".to_owned(), labels)));
            layer.extend(limits.map(|limits| ("resource_spec".to_owned(), limits)));
            layer.into()
        })
}

/// The contract's table, on plain values: what two layers make.
fn combined(below: &Value, above: &Value) -> Value {
    let mut all = below.clone();
    for (key, value) in above.as_object().unwrap() {
        match key.as_str() {
            "container_spec" => {
                for (key, value) in value.as_object().unwrap() {
                    let own = &mut all["container_spec"][key];
                    match key.as_str() {
                        "env" | "labels" if own.is_object() => by_key(own, value),
                        "mounts" if own.is_array() => by_target(own, value),
                        _ => *own = value.clone(),
                    }
                }
            }
            "labels" if all.get("labels").is_some() => by_key(&mut all["labels"], value),
            key => all[key] = value.clone(),
        }
    }
    all
}

fn by_key(own: &mut Value, above: &Value) {
    for (key, value) in above.as_object().unwrap() {
        own[key] = value.clone();
    }
}

fn target(mount: &Value) -> &str {
    mount["target"].as_str().unwrap().trim_end_matches('/')
}

fn by_target(own: &mut Value, above: &Value) {
    let own = own.as_array_mut().unwrap();
    for mount in above.as_array().unwrap() {
        match own.iter_mut().find(|known| target(known) == target(mount)) {
            Some(known) => *known = mount.clone(),
            None => own.push(mount.clone()),
        }
    }
}

fn tree(json: &Value) -> Node {
    let sources = SourceMap::new();
    let id = sources.add("layer.json", "", Author::Config, json.to_string());
    parse(&sources, id, Syntax::Json).unwrap()
}

fn merged(layers: &[&Node], mode: Mode) -> Node {
    let (first, rest) = layers.split_first().unwrap();
    let mut all = (*first).clone();
    for layer in rest {
        merge(&mut all, layer, mode);
    }
    all
}

fn config(base: &Value, profile: &Value, overrides: &Value) -> Value {
    let mut config = base.clone();
    let fields = config.as_object_mut().unwrap();
    fields.insert("networks".to_owned(), json!(["hub"]));
    let mut profile = profile.clone();
    profile["name"] = "P".into();
    profile["image"] = "a/b:1".into();
    fields.insert("images".to_owned(), json!([profile]));
    fields.insert("users".to_owned(), json!({"u": {"overrides": overrides}}));
    config
}

fn of_config(config: &Value) -> Service {
    let world = Memory::with("swarmgen.json", config.to_string());
    service(&world, &["swarmgen.json"], "u", &Request::default()).unwrap_or_else(|told| panic!("{config}: {told}"))
}

proptest! {
    #![proptest_config(cases(250))]

    /// Without drivers, which a layer may leave unnamed, it does not matter which two layers are combined first.
    #[test]
    fn merging_is_associative((a, b, c) in (layer(), layer(), layer())) {
        let (a, b, c) = (tree(&a), tree(&b), tree(&c));
        for mode in [Mode::Table, Mode::Deep] {
            let left = merged(&[&merged(&[&a, &b], mode), &c], mode);
            let right = merged(&[&a, &merged(&[&b, &c], mode)], mode);
            prop_assert_eq!(left, right);
        }
    }

    #[test]
    fn a_layer_twice_is_a_layer_once((a, b) in (layer(), layer())) {
        let (a, b) = (tree(&a), tree(&b));
        for mode in [Mode::Table, Mode::Deep] {
            prop_assert_eq!(merged(&[&a, &b, &b], mode), merged(&[&a, &b], mode));
            prop_assert_eq!(merged(&[&a, &a], mode), a.clone());
        }
    }

    #[test]
    fn layers_combine_by_the_table((base, profile, overrides) in (layer(), layer(), layer())) {
        let layered = of_config(&config(&base, &profile, &overrides));
        let all = combined(&combined(&base, &profile), &overrides);
        prop_assert_eq!(layered, of_config(&config(&all, &json!({}), &json!({}))));
    }

    #[test]
    fn a_config_twice_is_a_config_once((base, profile, overrides) in (layer(), layer(), layer())) {
        let config = config(&base, &profile, &overrides);
        let world = Memory::with("a.json", config.to_string()).and("b.yaml", serde_yaml::to_string(&config).unwrap());
        let of = |configs: &[&str]| service(&world, configs, "u", &Request::default()).unwrap();
        prop_assert_eq!(of(&["a.json", "b.yaml"]), of(&["a.json"]));
        prop_assert_eq!(of(&["a.json", "a.json"]), of(&["a.json"]));
    }

    #[test]
    fn documents_combine_by_the_table((first, second) in (layer(), layer())) {
        let rest = config(&json!({}), &json!({}), &json!({}));
        let world = Memory::with("a.json", first.to_string())
            .and("b.json", second.to_string())
            .and("rest.json", rest.to_string())
            .and("all.json", combined(&first, &second).to_string());
        let of = |configs: &[&str]| service(&world, configs, "u", &Request::default()).unwrap();
        prop_assert_eq!(of(&["a.json", "b.json", "rest.json"]), of(&["all.json", "rest.json"]));
    }

    /// What is unset is gone, what is not is there, and it can be set again by the same layer.
    #[test]
    fn unset_removes(base in layer(), own in layer(), picks in proptest::collection::vec(any::<prop::sample::Index>(), 0..4), in_overrides: bool) {
        let mut paths: Vec<String> = Vec::new();
        let container = &base["container_spec"];
        let keys = |table: &Value| table.as_object().map(|table| table.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
        paths.extend(keys(&container["env"]).iter().map(|key| format!("env.{key}")));
        paths.extend(keys(&container["labels"]).iter().map(|key| format!("container_spec.labels.{key}")));
        paths.extend(keys(&base["labels"]).iter().map(|key| format!("labels.{key}")));
        paths.extend(keys(&base["resource_spec"]).iter().map(|key| format!("resource_spec.{key}")));
        paths.extend(container["mounts"].as_array().into_iter().flatten().map(|mount| format!("mounts:{}", target(mount))));
        paths.extend(["args", "workdir"].iter().filter(|key| !container[**key].is_null()).map(|key| (*key).to_owned()));
        prop_assume!(!paths.is_empty());
        let mut unset: Vec<String> = picks.iter().map(|pick| pick.get(&paths).clone()).collect();
        unset.sort();
        unset.dedup();
        let mut removed = base.clone();
        for path in &unset {
            let container = |removed: &mut Value, table: &str, key: &str| {
                removed["container_spec"][table].as_object_mut().unwrap().remove(key);
            };
            match path.split_once(['.', ':']) {
                Some(("env", key)) => container(&mut removed, "env", key),
                Some(("container_spec", key)) => container(&mut removed, "labels", key.strip_prefix("labels.").unwrap()),
                Some(("mounts", path)) => {
                    removed["container_spec"]["mounts"].as_array_mut().unwrap().retain(|mount| target(mount) != path);
                }
                Some((table, key)) => drop(removed[table].as_object_mut().unwrap().remove(key)),
                None => drop(removed["container_spec"].as_object_mut().unwrap().remove(path)),
            }
        }
        let mut layer = own.clone();
        layer["unset"] = json!(unset);
        let (layered, meant) = match in_overrides {
            true => (config(&base, &json!({}), &layer), config(&removed, &json!({}), &own)),
            false => (config(&base, &layer, &json!({})), config(&removed, &own, &json!({}))),
        };
        let layered = of_config(&layered);
        prop_assert_eq!(&layered, &of_config(&meant));
        // The same, seen in the service itself.
        let own_env = own["container_spec"]["env"].as_object();
        for path in &unset {
            if let Some(key) = path.strip_prefix("env.").filter(|key| own_env.is_none_or(|env| !env.contains_key(*key))) {
                prop_assert!(layered.container.env.iter().all(|(name, _)| **name != *key));
            }
        }
        let volumes = layered.container.mounts.iter().filter(|mount| matches!(mount.kind, MountKind::Volume { .. })).count();
        prop_assert_eq!(volumes, layered.container.mounts.len());
    }
}
