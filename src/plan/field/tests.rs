use super::*;
use crate::emit::engine::{NoIds, body};
use crate::emit::{ApiVersion, fixture};
use crate::plan::normalize::canonical;
use serde_json::json;

const NEWEST: ApiVersion = ApiVersion { major: 1, minor: 99 };

fn everything() -> Value {
    body(&fixture::everything(), NEWEST, &NoIds).unwrap()
}

#[test]
fn the_table_is_sorted_and_complete_in_itself() {
    assert!(CHUNKS.is_sorted_by(|a, b| a.at < b.at));
    for chunk in CHUNKS {
        for row in chunk.rows {
            assert_eq!(row.at.contains('*'), format!("{}{}", row.unit, row.leaf).contains("{}"), "{:?}", row.at);
            assert!(row.places.iter().all(|place| place.starts_with('/')), "{:?}", row.at);
        }
    }
}

#[test]
fn every_leaf_of_a_service_has_a_row() {
    let form = canonical(&everything(), &[]);
    let units = units(&form, &BTreeSet::new());
    let unknown: Vec<&str> =
        units.iter().filter(|unit| unit.leaves.iter().any(|leaf| leaf.row.is_none())).map(|unit| &*unit.name).collect();
    assert_eq!(unknown, [""; 0]);
    let leaves: usize = units.iter().map(|unit| unit.leaves.len()).sum();
    assert!(leaves > 90, "{leaves}");
}

#[test]
fn every_row_is_needed() {
    let mut other = fixture::most();
    other.container.privileges = fixture::most().container.privileges;
    let bodies = [everything(), body(&other, NEWEST, &NoIds).unwrap()];
    let mut seen = BTreeSet::new();
    for body in &bodies {
        let form = canonical(body, &[]);
        for unit in units(&form, &BTreeSet::new()) {
            seen.extend(unit.leaves.iter().filter_map(|leaf| leaf.row).map(|row| (row.unit, row.at)));
        }
    }
    let unused: Vec<_> = CHUNKS
        .iter()
        .flat_map(|chunk| chunk.rows.iter().map(|row| (row.unit, row.at)))
        .filter(|row| !seen.contains(row))
        .collect();
    // The fixture leaves these two at the engine's defaults.
    assert_eq!(unused, [("isolation", "")]);
}

#[test]
fn fields_have_the_configs_words() {
    let form = canonical(&everything(), &[]);
    let units = units(&form, &BTreeSet::new());
    let names: Vec<String> =
        units.iter().flat_map(|unit| unit.leaves.iter().map(|leaf| unit.full_name(leaf))).collect();
    for name in [
        "args",
        "configs:/etc/motd.mode",
        "container_spec.labels.we$rd",
        "endpoint_spec.ports",
        "env.GREETING",
        "hosts.storage",
        "image",
        "labels.team",
        "mounts:/home/jovyan/remote.labels.autoremove",
        "mounts:/home/jovyan/remote.options.password",
        "networks:jupyterhub_default.aliases",
        "placement.constraints",
        "privileges.selinux_type",
        "replicas",
        "resource_spec.generic_resources.gpu",
        "resource_spec.mem_limit",
        "secrets:api-key.secret_name",
        "ulimits.nofile.soft",
        "update_config.order",
    ] {
        assert!(names.iter().any(|own| own == name), "{name} in {names:#?}");
    }
    let distinct: BTreeSet<&String> = names.iter().collect();
    assert_eq!(distinct.len(), names.len());
}

#[test]
fn what_no_row_knows_is_named_by_its_path() {
    let spec = json!({"TaskTemplate": {"ContainerSpec": {"Image": "a:1", "Seccomp": {"Mode": "x"}, "Env": ["A=1"]}}, "New": [1]});
    let form = canonical(&spec, &[]);
    let units = units(&form, &BTreeSet::new());
    let unknown: Vec<(&str, bool)> = units
        .iter()
        .filter(|unit| unit.leaves.iter().any(|leaf| leaf.row.is_none()))
        .map(|unit| (&*unit.name, unit.restarts))
        .collect();
    assert_eq!(unknown, [("New", false), ("TaskTemplate.ContainerSpec.Seccomp", true)]);
}

#[test]
fn digests_depend_on_all_but_ids_and_order() {
    let digest = |mount: Value| {
        let spec = json!({"TaskTemplate": {"ContainerSpec": {"Image": "a:1", "Mounts": [mount]}}});
        let form = canonical(&spec, &[]);
        let units = units(&form, &BTreeSet::new());
        units.iter().find(|unit| unit.name == "mounts:/a").unwrap().digest()
    };
    let one = digest(
        json!({"Type": "volume", "Source": "v", "Target": "/a", "VolumeOptions": {"Labels": {"a": "1", "b": "2"}}}),
    );
    let same = digest(
        json!({"Target": "/a", "VolumeOptions": {"Labels": {"b": "2", "a": "1"}}, "Source": "v", "Type": "volume"}),
    );
    let other = digest(
        json!({"Type": "volume", "Source": "v", "Target": "/a", "VolumeOptions": {"Labels": {"a": "12", "b": ""}}}),
    );
    assert_eq!(one, same);
    assert_ne!(one, other);
    let file = |id: &str| {
        let file = json!({"ConfigID": id, "ConfigName": "n", "File": {"Name": "/n", "Mode": 1}});
        let form = canonical(&json!({"TaskTemplate": {"ContainerSpec": {"Configs": [file]}}}), &[]);
        let units = units(&form, &BTreeSet::new());
        units.iter().find(|unit| unit.name == "configs:/n").unwrap().digest()
    };
    assert_eq!(file("1"), file("2"));
}

#[test]
fn places_name_the_entry_of_the_config() {
    let wanted = everything();
    let form = canonical(&wanted, &[]);
    let units = units(&form, &BTreeSet::new());
    let places = |unit: &str, leaf: &str| {
        let unit = units.iter().find(|own| own.name == unit).unwrap();
        unit.places(unit.leaf(leaf).unwrap(), &wanted)
    };
    let key = |text: &str| Step::Key(text.to_owned());
    let mount = [key("container_spec"), key("mounts"), Step::Index(0)];
    let expected = |rest: &[&str]| {
        let steps = mount.iter().cloned().chain(rest.iter().map(|text| key(text))).collect();
        Place { steps, needed: 3 }
    };
    assert_eq!(
        places("mounts:/home/jovyan/remote", "options.password"),
        [
            expected(&["driver_config", "options", "password"]),
            expected(&["options", "password"]),
            expected(&["password"])
        ]
    );
    assert_eq!(
        places("env.GREETING", ""),
        [Place { steps: vec![key("container_spec"), key("env"), key("GREETING")], needed: 3 }]
    );
    let entry = Step::Entry { key: "config_name", value: "motd".to_owned() };
    assert_eq!(
        places("configs:/etc/motd", "mode"),
        [Place { steps: vec![key("container_spec"), key("configs"), entry, key("mode")], needed: 3 }]
    );
    assert!(places("replicas", "").is_empty());
}
