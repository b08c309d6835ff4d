//! A service's name is legal, always the same, and nobody else's.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::json;
use sha2::{Digest, Sha256};
use swarmgen::ir::Service;
use swarmgen::resolve::Request;

use super::text::hostile;
use super::world::{Memory, cases, errors, load, service, told};

const SCHEMES: [&str; 6] = ["sha256", "slug", "md5", "username", "last32", "escaped"];
/// What may be wrong with a name or two.
const ABOUT_NAMES: [&str; 3] = ["SG214", "SG316", "SG317"];

/// Names that differ in what a scheme may overlook.
fn usernames() -> impl Strategy<Value = BTreeSet<String>> {
    let base = prop_oneof![
        4 => "[a-c]{1,3}(-{1,3}[a-c1]{1,2}){0,2}",
        1 => "[a-cA-C]{1,3}@[a-b]\\.org",
        1 => "[a-b]{30,34}",
        1 => hostile(),
    ];
    let variants = |name: String| {
        vec![
            name.to_uppercase(),
            format!("{name}-1"),
            format!("{name}--1"),
            format!("{name}\u{301}"),
            format!("x{name}"),
            name.replace('-', "_"),
            format!("{}{name}", "y".repeat(32)),
            format!("{}{name}", "z".repeat(32)),
            format!("{name}---{}", &hex::encode(Sha256::digest(&name))[..8]),
            name.replace('a', "-61"),
            name,
        ]
    };
    proptest::collection::vec((base, proptest::collection::vec(any::<prop::sample::Index>(), 1..4)), 1..5).prop_map(
        move |bases| {
            let chosen = bases.into_iter().flat_map(|(name, picks)| {
                let variants = variants(name);
                picks.into_iter().map(move |pick| pick.get(&variants).clone()).collect::<Vec<_>>()
            });
            chosen.filter(|name| !name.is_empty()).collect()
        },
    )
}

fn world(scheme: &str, users: impl Iterator<Item = String>) -> Memory {
    let users: serde_json::Map<_, _> = users.map(|name| (name, json!({}))).collect();
    let config = json!({
        "naming": {"scheme": scheme}, "networks": ["hub"], "users": users,
        "images": [{"name": "P", "image": "a/b:1"}],
        "container_spec": {"mounts": [{"source": "home-{name}", "target": "/home"}]},
    });
    Memory::with("swarmgen.json", config.to_string())
}

/// The services of each user and each of some servers, or what is wrong.
fn services(world: &Memory, servers: &[&str]) -> Result<BTreeMap<(String, String), Service>, Vec<&'static str>> {
    let all = load(world, &["swarmgen.json"], |compiler, diagnostics, sources| {
        compiler.check_all(&Request::default(), diagnostics);
        let found = errors(diagnostics);
        if !found.is_empty() {
            assert!(found.iter().any(|code| ABOUT_NAMES.contains(code)), "{}", told(diagnostics, sources));
            return Err(found);
        }
        let mut services = BTreeMap::new();
        for index in 0..compiler.roster.len() {
            let user = compiler.roster.user(index);
            for server in servers {
                let request = Request { server_name: server, ..Request::default() };
                if let Some(resolved) = compiler.resolve(&user, &request, diagnostics) {
                    services.insert((user.name.to_string(), (*server).to_owned()), resolved.service);
                }
            }
        }
        Ok(services)
    });
    all.unwrap_or_else(|told| panic!("{told}"))
}

fn is_dns_label(name: &str) -> bool {
    regex::Regex::new("^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$").unwrap().is_match(name)
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn default_servers_never_share_a_name(users in usernames()) {
        for scheme in SCHEMES {
            let world = world(scheme, users.iter().cloned());
            let found = services(&world, &[""]);
            let Ok(found) = found else {
                prop_assert!(!["sha256", "slug", "md5"].contains(&scheme), "{scheme} takes any name: {found:?}");
                continue;
            };
            prop_assert_eq!(found.len(), users.len());
            let names: BTreeSet<String> = found.values().map(|service| service.name.to_lowercase()).collect();
            prop_assert_eq!(names.len(), users.len(), "{} gives two of {:?} one name", scheme, users);
            for ((user, _), service) in &found {
                // What these schemes keep of a name, services of older spawners have in theirs.
                let keeps = ["username", "last32"].contains(&scheme);
                let name = if keeps { service.name.replace('_', "-") } else { service.name.to_string() };
                prop_assert!(is_dns_label(&name), "{scheme}: {user:?} -> {}", service.name);
                let owner = service.labels.iter().find(|(key, _)| &**key == "swarmgen.user").unwrap();
                prop_assert_eq!(owner.1.expose(), user);
            }
            // The order of the users says nothing, and the same input gives the same names.
            let world = self::world(scheme, users.iter().rev().cloned());
            prop_assert_eq!(services(&world, &[""]).unwrap(), found);
        }
    }

    /// Also when only one user is asked about, so that nothing can be compared.
    #[test]
    fn no_two_pairs_of_user_and_server_share_a_name(
        users in usernames(), servers in proptest::collection::vec(prop_oneof!["[ab1]{1,2}(-{1,3}[ab1]){0,2}", hostile()], 1..5)
    ) {
        let mut servers: Vec<&str> = servers.iter().map(String::as_str).chain(["", "1", "a", "A"]).collect();
        servers.sort_unstable();
        servers.dedup();
        for scheme in ["sha256", "slug", "md5", "escaped"] {
            let Ok(found) = services(&world(scheme, users.iter().cloned()), &servers) else {
                prop_assert!(scheme == "escaped");
                continue;
            };
            let mut owners: BTreeMap<&str, &(String, String)> = BTreeMap::new();
            for (pair, service) in &found {
                prop_assert!(is_dns_label(&service.name), "{scheme}: {pair:?} -> {}", service.name);
                let known = owners.insert(&service.name, pair);
                // DockerSpawner escapes bytes below 16 with one digit.
                let ambiguous = scheme == "escaped" && users.iter().any(|name| name.bytes().any(|byte| byte < 16));
                prop_assert!(known.is_none() || ambiguous, "{scheme}: {known:?} and {pair:?} -> {}", service.name);
            }
        }
    }

    #[test]
    fn names_are_what_the_contract_says(user in "[a-zé_.@-]{1,40}") {
        let owner = |scheme| {
            let found = services(&world(scheme, std::iter::once(user.clone())), &[""]).unwrap();
            let name = &found[&(user.clone(), String::new())].name;
            name.strip_prefix("jupyter-").unwrap().strip_suffix("-1").unwrap().to_owned()
        };
        prop_assert_eq!(owner("sha256"), &hex::encode(Sha256::digest(&user))[..32]);
        let safe = user.len() <= 32
            && !user.contains("--")
            && user.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
            && !user.starts_with('-')
            && !user.ends_with('-');
        let slug = owner("slug");
        if safe {
            prop_assert_eq!(slug, user);
        } else {
            let form = regex::Regex::new("^([a-z0-9]+(-[a-z0-9]+)*)---[0-9a-f]{8}$").unwrap();
            prop_assert!(form.is_match(&slug) && slug.len() <= 32, "{user} -> {slug}");
        }
    }
}

/// A NUL or more than 1,024 bytes, wherever the user is named: in the config, in a users file, or by whoever asks.
#[test]
fn names_that_nobody_can_have_are_refused_everywhere() {
    let no_users = world("sha256", std::iter::empty());
    let names = [
        ("x".repeat(1024), true),
        ("\u{e9}".repeat(512), true),
        ("x".repeat(1025), false),
        ("\u{e9}".repeat(513), false),
        ("x".repeat(1_000_000), false),
        ("a\0b".to_owned(), false),
        ("\0".to_owned(), false),
    ];
    for (name, fits) in &names {
        let start: String = name.chars().take(3).collect();
        let at = format!("{start:?}, {} bytes", name.len());
        let in_config = world("sha256", std::iter::once(name.clone()));
        let mut in_file = no_users.clone().and("users.json", json!([{"name": name}]).to_string());
        let config = in_file.files.get_mut(std::path::Path::new("swarmgen.json")).unwrap();
        *config = config.replacen('{', "{\"users_file\": \"users.json\", ", 1);
        for listing in [&in_config, &in_file] {
            let listed = load(listing, &["swarmgen.json"], |compiler, _, _| compiler.roster.len());
            match listed {
                Ok(count) => assert!(*fits && count == 1, "{at}"),
                Err(told) => assert!(!fits && told.contains("error[SG317]"), "{at}: {told}"),
            }
        }
        for world in [&in_config, &in_file, &no_users] {
            match service(world, &["swarmgen.json"], name, &Request::default()) {
                Ok(service) => assert!(*fits && is_dns_label(&service.name), "{at}: {}", service.name),
                Err(told) => assert!(!fits && told.contains("error[SG317]"), "{at}: {told}"),
            }
        }
    }
}
