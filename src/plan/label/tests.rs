use super::*;
use crate::emit::engine::{NoIds, body};
use crate::emit::{ApiVersion, fixture};
use crate::plan::field::units;
use crate::plan::normalize::canonical;
use serde_json::json;

const NEWEST: ApiVersion = ApiVersion { major: 1, minor: 99 };

fn set(items: &[&str]) -> BTreeSet<String> {
    items.iter().map(|item| (*item).to_owned()).collect()
}

#[test]
fn hidden_fields_survive_the_label() {
    let fields = set(&["env.A B", "mounts:/a%20b.source", "mounts:/grün.options.password", "env.T\n"]);
    let text = hidden_text(&fields);
    assert!(!text.contains('\n'));
    assert_eq!(parse_hidden(&text), fields);
    assert_eq!(hidden_text(&set(&[])), "");
    assert_eq!(parse_hidden(""), set(&[]));
    assert_eq!(parse_hidden("a%ZZ %"), set(&["a%ZZ", "%"]));
}

#[test]
fn digests_survive_the_label_and_tell_what_changed() {
    let spec = |value: &str| json!({"TaskTemplate": {"ContainerSpec": {"Env": [format!("A={value}"), "B=2"]}}});
    let (one, other) = (canonical(&spec("1"), &[]), canonical(&spec("2"), &[]));
    let hidden = set(&["env.B"]);
    let (one, other) = (units(&one, &hidden), units(&other, &hidden));
    let applied = Applied::of(&one, &hidden);
    let read = Applied::parse(&applied.to_text()).unwrap();
    assert_eq!(read, applied);
    let find = |units: &[Unit<'_>], name: &str, expected: bool| {
        let unit = units.iter().find(|unit| unit.name == name);
        assert_eq!(read.is(name, unit), expected, "{name}");
    };
    find(&one, "env.A", true);
    find(&other, "env.A", false);
    find(&other, "env.B", true);
    assert!(read.is("env.C", None) && !read.is("env.A", None));
    let (open, secret) = (&read.0["env.A"], &read.0["env.B"]);
    assert_eq!((open.len(), secret.len()), (10, 4), "a secret's digest is no help in guessing it");
    assert_eq!(Applied::parse(r#"{"env.A": ""}"#), None, "an empty digest would fit everything");
    assert_eq!(Applied::parse("[1]"), None);
}

#[test]
fn the_bookkeeping_is_no_difference() {
    let mut with = json!({"Labels": {"team": "physics"}});
    write(&mut with, &Applied::default(), &set(&["env.A"]));
    assert_eq!(with["Labels"][MADE_BY], "apply");
    assert_eq!(with["Labels"][HIDDEN], "env.A");
    assert_eq!(canonical(&with, &[]), canonical(&json!({"Labels": {"team": "physics"}}), &[]));
    assert_ne!(canonical(&with, &[]), canonical(&json!({}), &[]));
}

#[test]
fn names_that_tell_of_secrets() {
    for name in ["env.DB_PASSWORD", "options.password", "env.JUPYTERHUB_API_TOKEN", "env.SSH_KEY", "labels.x.pass"] {
        assert!(looks_secret(name), "{name}");
    }
    for name in ["env.TZ", "secrets:/run/secrets/key", "secret_name", "env.KEYBOARD", "mounts:/home.source"] {
        assert!(!looks_secret(name), "{name}");
    }
}

/// The texts of the fixture, each once made a secret: the field that is told holds it in the wanted body.
#[test]
fn the_field_of_every_secret_is_found() {
    let service = fixture::everything();
    let mut count = 0;
    service.for_each_text(&mut |_, _| count += 1);
    assert!(count > 80, "{count}");
    for secret in 0..count {
        let canary = format!("canary-{secret}-yranac");
        let (changed, place) = super::fixture::with_secret(&service, secret, &canary);
        let hidden = hidden_fields(&changed);
        let body = body(&changed, NEWEST, &NoIds).unwrap();
        let form = canonical(&body, &[]);
        let units = units(&form, &hidden);
        for unit in &units {
            assert!(!unit.name.contains(&canary), "{place}: {}", unit.name);
            for leaf in unit.leaves.iter().filter(|leaf| leaf.value.to_string().contains(&canary)) {
                let name = unit.full_name(leaf);
                assert!(hidden.contains(&name) || hidden.contains(&unit.name), "{place}: {name} not in {hidden:?}");
            }
        }
        let labels = format!("{} {}", Applied::of(&units, &hidden).to_text(), hidden_text(&hidden));
        assert!(!labels.contains(&canary), "{place}: {labels}");
        let held = body.to_string().contains(&canary);
        let told = units.iter().any(|unit| {
            unit.name.contains('«') || unit.leaves.iter().any(|leaf| hidden.contains(&unit.full_name(leaf)))
        });
        assert!(!held || told, "{place}: {hidden:?}");
    }
}
