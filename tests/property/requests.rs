//! A request changes what it may change, and nothing else.

use proptest::prelude::*;
use serde_json::{Value, json};
use swarmgen::ir::Service;
use swarmgen::resolve::Request;

use super::text::hostile;
use super::world::{Memory, cases, data, load, told};

/// Paths that an operator might open, and how a service is put back to what it was there.
type Restore = fn(&mut Service, &Service);
const PATHS: [(&str, Restore); 9] = [
    ("resource_spec.mem_limit", |new, old| new.resources.mem_limit = old.resources.mem_limit),
    ("resource_spec.cpu_limit", |new, old| new.resources.cpu_limit = old.resources.cpu_limit),
    ("container_spec.env.LEVEL", |new, old| {
        new.container.env.retain(|(name, _)| &**name != "LEVEL");
        let level = old.container.env.iter().filter(|(name, _)| &**name == "LEVEL").cloned();
        new.container.env.extend(level);
        new.container.env.sort_by(|a, b| a.0.cmp(&b.0));
    }),
    ("container_spec.env", |new, old| new.container.env = old.container.env.clone()),
    ("container_spec.workdir", |new, old| new.container.workdir = old.container.workdir.clone()),
    ("container_spec.labels", |new, old| new.container.labels = old.container.labels.clone()),
    ("labels.team", |new, old| {
        new.labels.retain(|(name, _)| &**name != "team");
        new.labels.extend(old.labels.iter().filter(|(name, _)| &**name == "team").cloned());
        new.labels.sort_by(|a, b| a.0.cmp(&b.0));
    }),
    ("placement.constraints", |new, old| new.placement.constraints = old.placement.constraints.clone()),
    ("restart_policy", |new, old| new.restart_policy = old.restart_policy.clone()),
];

fn world(allow: &[usize]) -> Memory {
    let allow: serde_json::Map<_, _> = allow.iter().map(|index| (PATHS[*index].0.to_owned(), json!(true))).collect();
    Memory::with(
        "swarmgen.json",
        json!({
            "networks": ["hub"], "use_user_options": true, "user_options": {"allow": allow},
            "images": [{"name": "P", "image": "a/b:1"}, {"name": "Q", "image": "secret/q:1", "access": ["root"]}],
            "resource_spec": {"mem_limit": "1G", "cpu_limit": 1, "pids_limit": 100},
            "container_spec": {"user": "1000:100", "env": {"LEVEL": "1", "TOKEN": "{token}"}, "labels": {"a": "b"},
                "mounts": [{"source": "home-{name}", "target": "/home"}], "cap_drop": ["ALL"]},
            "labels": {"team": "x"}, "placement": {"constraints": ["node.role==worker"]},
            "user_defaults": {"token": "s3cret-t0ken"},
        })
        .to_string(),
    )
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        hostile().prop_map(Value::from),
        proptest::sample::select(vec![
            "{token}",
            "{{ token }}",
            "<token>",
            "/",
            "root",
            "0",
            "1G",
            "a/b:2",
            "node.role==manager",
            "/:/host",
            "ALL",
            "Q"
        ])
        .prop_map(Value::from),
        proptest::sample::select(vec![
            json!({"file": "/etc/shadow"}),
            json!({"env": "HOME"}),
            json!({"command": ["id"]}),
            json!([]),
            json!({}),
            json!(["/:/host"]),
            json!([{"type": "bind", "source": "/", "target": "/host"}]),
            json!(0),
            json!(1)
        ]),
    ]
}

fn key() -> impl Strategy<Value = String> {
    let known = "resource_spec mem_limit cpu_limit pids_limit container_spec env LEVEL TOKEN workdir labels team placement \
        constraints restart_policy condition mounts user uid_gid cap_add cap_drop image command args secrets configs networks \
        privileges merge unset access name source target type profile user_selected_name user_selected_image overrides groups \
        resource_spec.mem_limit container_spec.env container_spec.env.LEVEL env.LEVEL log_driver endpoint_spec hosts";
    prop_oneof![
        9 => proptest::sample::select(known.split_whitespace().map(str::to_owned).collect::<Vec<_>>()),
        1 => hostile(),
    ]
}

fn options() -> impl Strategy<Value = Value> {
    let value = scalar().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            3 => proptest::collection::vec((key(), inner.clone()), 0..4)
                .prop_map(|pairs| pairs.into_iter().collect::<serde_json::Map<_, _>>().into()),
            1 => proptest::collection::vec(inner, 0..3).prop_map(Value::from),
        ]
    });
    // Requests that come near what is allowed, so that some pass.
    let near = proptest::collection::vec((0..PATHS.len(), value.clone()), 0..3).prop_map(|entries| {
        let mut options = json!({});
        for (path, value) in entries {
            let mut place = &mut options;
            for part in PATHS[path].0.split('.') {
                if !place.is_object() {
                    *place = json!({});
                }
                place = &mut place[part];
            }
            *place = value;
        }
        options
    });
    prop_oneof![2 => near, 1 => value]
}

/// The service of a request, or what is wrong with it.
fn asked(world: &Memory, options: Option<&Value>) -> Result<Service, String> {
    load(world, &["swarmgen.json"], |compiler, diagnostics, sources| {
        let options = options.map(|options| data(sources, options));
        let user = compiler.user("alice", diagnostics).unwrap();
        let request = Request { options: options.as_ref(), ..Request::default() };
        let server = compiler.resolve(&user, &request, diagnostics);
        assert_eq!(server.is_none(), diagnostics.has_errors());
        server.map(|server| server.service).ok_or_else(|| told(diagnostics, sources))
    })
    .unwrap_or_else(|told| panic!("{told}"))
}

proptest! {
    #![proptest_config(cases(600))]

    #[test]
    fn what_is_not_allowed_stays(allow in proptest::sample::subsequence((0..PATHS.len()).collect::<Vec<_>>(), 0..=PATHS.len()), options in options()) {
        let world = world(&allow);
        let before = asked(&world, None).unwrap();
        match asked(&world, Some(&options)) {
            Err(told) => prop_assert!(!told.contains("s3cret"), "{}", told),
            Ok(mut after) => {
                let unseen = !format!("{options}").contains("TOKEN");
                let env = |service: &Service| service.container.env.iter()
                    .filter(|(name, _)| &**name != "TOKEN").map(|(_, value)| value.expose().to_owned()).collect::<String>();
                // Nobody reads a secret by asking for it.
                prop_assert!(!unseen || !env(&after).contains("s3cret"));
                prop_assert!(after.container.workdir.as_ref().is_none_or(|text| !text.expose().contains("s3cret")));
                for index in allow {
                    PATHS[index].1(&mut after, &before);
                }
                prop_assert_eq!(after, before);
            }
        }
    }

    /// Without a list, a request has only a profile.
    #[test]
    fn nothing_is_allowed_unless_listed(options in options()) {
        let world = world(&[]);
        let before = asked(&world, None).unwrap();
        if let Ok(after) = asked(&world, Some(&options)) {
            prop_assert_eq!(after, before);
        }
    }

    #[test]
    fn bounds_hold(
        amount in prop_oneof![scalar(), prop_oneof![Just(json!(0)), Just(json!("0")), Just(json!(0.0)), Just(json!("0k"))], (0_i64..3 << 30).prop_map(Value::from), "-?[0-9]{1,3}(\\.[0-9])?[kmgGMKb]?".prop_map(Value::from),
            (0.0..4.0_f64).prop_map(Value::from)],
        key in proptest::sample::select(vec!["mem_limit", "cpu_limit", "pids_limit", "mem_reservation"])
    ) {
        let mut config: Value = serde_json::from_str(&world(&[]).files[std::path::Path::new("swarmgen.json")]).unwrap();
        let (least, most) = match key { "cpu_limit" => (json!(0.5), json!(2)), "pids_limit" => (json!(10), json!(200)), _ => (json!("64M"), json!("2G")) };
        for bounds in [json!({"max": most}), json!({"min": least, "max": most})] {
            config["user_options"]["allow"] = json!({format!("resource_spec.{key}"): bounds});
            let world = Memory::with("swarmgen.json", config.to_string());
            let Ok(service) = asked(&world, Some(&json!({"resource_spec": {key: amount}}))) else { continue };
            let resources = &service.resources;
            let (got, most) = match key {
                "cpu_limit" => (resources.cpu_limit, 2_000_000_000),
                "pids_limit" => (resources.pids_limit, 200),
                "mem_limit" => (resources.mem_limit, 2 << 30),
                _ => (resources.mem_reservation, 2 << 30),
            };
            // To the engine no limit, and a limit of 0, are none at all.
            let reserved = key == "mem_reservation";
            prop_assert!(got.is_some_and(|got| (got > 0 || reserved) && got <= most), "{} = {} gave {:?}", key, amount, got);
        }
    }
}
