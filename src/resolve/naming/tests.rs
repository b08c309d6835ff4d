use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

fn name(scheme: Scheme, user: &str, server: &str) -> String {
    service_name(scheme, "jupyter", &owner(scheme, user), &server_part(server)).unwrap()
}

/// Asserts that no two different pairs of user and server have the same service name.
fn assert_distinct(scheme: Scheme, pairs: impl IntoIterator<Item = (String, String)>) {
    let mut seen: HashMap<String, (String, String)> = HashMap::new();
    for pair in pairs {
        let Ok(name) = service_name(scheme, "jupyter", &owner(scheme, &pair.0), &server_part(&pair.1)) else {
            assert_eq!(scheme, Scheme::Escaped, "only an escaped owner may be too long");
            continue;
        };
        assert!(name.len() <= MAX_SERVICE_NAME && is_dns_label(&name), "{scheme:?} {pair:?} -> {name}");
        let earlier = seen.entry(name.clone()).or_insert_with(|| pair.clone());
        assert_eq!(*earlier, pair, "{scheme:?}: both are {name}");
    }
}

#[test]
fn slugs_are_those_of_kubespawner() {
    // Computed with the logic of kubespawner/slugs.py.
    for (text, of_32, of_20) in [
        ("alice", "alice", "alice"),
        ("a-1", "a-1", "a-1"),
        ("Alice", "alice---3bc51062", "alice---3bc51062"),
        ("alice@example.org", "alice-example-org---7a64adf2", "alice-exa---7a64adf2"),
        ("1", "x-1---6b86b273", "x-1---6b86b273"),
        ("007", "x-007---629f4cf9", "x-007---629f4cf9"),
        ("", "x---e3b0c442", "x---e3b0c442"),
        ("-", "x---3973e022", "x---3973e022"),
        ("a--b", "a-b---90827a2e", "a-b---90827a2e"),
        ("a-", "a---9baf4407", "a---9baf4407"),
        ("-a", "a---c2748917", "a---c2748917"),
        ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "aaaaaaaaa---3ba3f5f4"),
        ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaaaaaaa---852785c8", "aaaaaaaaa---852785c8"),
        ("123456789012345678-901234", "x-123456789012345678----b0850bc1", "x-1234567---b0850bc1"),
        ("älice", "lice---fc84e77d", "lice---fc84e77d"),
        ("日本", "x---cf2abf0c", "x---cf2abf0c"),
        ("İstanbul", "i-stanbul---24ec8f72", "i-stanbul---24ec8f72"),
        ("\u{212a}elvin", "kelvin---4a274a98", "kelvin---4a274a98"),
        ("alice\n", "alice---f87165e3", "alice---f87165e3"),
        ("x---6b86b273", "x-6b86b273---bb416499", "x-6b86b27---bb416499"),
        ("a.b..c__d", "a-b-c-d---6ec50334", "a-b-c-d---6ec50334"),
    ] {
        assert_eq!(slug(text, 32), of_32, "{text:?}");
        assert_eq!(slug(text, 20), of_20, "{text:?}");
    }
}

#[test]
fn owners() {
    let hundred = format!("{}é{}", "x".repeat(68), "y".repeat(31));
    for (scheme, user, expected) in [
        (Scheme::Sha256, "alice", "2bd806c97f0e00af1a1fc3328fa763a9"),
        (Scheme::Md5, "alice", "6384e2b2184bcbf58eccf10ca7a6563c"),
        (Scheme::Username, "Alice@example.org", "Alice@example.org"),
        (Scheme::Last32, "alice", "alice"),
        (Scheme::Last32, &hundred, &format!("é{}", "y".repeat(31))),
        (Scheme::Escaped, "alice7", "alice7"),
        (Scheme::Escaped, "Alice-b", "-41lice-2db"),
        (Scheme::Escaped, "é@x", "-c3-a9-40x"),
        (Scheme::Escaped, "a\nb", "a-ab"),
    ] {
        assert_eq!(owner(scheme, user), expected, "{scheme:?} {user}");
    }
}

#[test]
fn schemes_are_found_by_name() {
    for scheme in Scheme::ALL {
        assert_eq!(Scheme::find(scheme.name()), Some(scheme));
    }
    assert_eq!(Scheme::find("sha512"), None);
}

#[test]
fn names() {
    assert_eq!(name(Scheme::Sha256, "alice", ""), "jupyter-2bd806c97f0e00af1a1fc3328fa763a9-1");
    assert_eq!(name(Scheme::Sha256, "alice", "gpu"), "jupyter-2bd806c97f0e00af1a1fc3328fa763a9-gpu");
    assert_eq!(name(Scheme::Slug, "alice", ""), "jupyter-alice-1");
    assert_eq!(name(Scheme::Slug, "alice", "gpu"), "jupyter-alice--gpu");
    assert_eq!(name(Scheme::Slug, "alice", "1"), "jupyter-alice--x-1---6b86b273");
    assert_eq!(name(Scheme::Last32, "alice", ""), "jupyter-alice-1");
    assert_eq!(name(Scheme::Username, "Alice", ""), "jupyter-alice-1");
    assert_eq!(name(Scheme::Escaped, "Alice", "b"), "jupyter--41lice--b");
}

#[test]
fn the_part_at_fault_is_named() {
    let label = |part, text: &str| Err(NameError::NotALabel { part, text: text.to_owned() });
    let long = |part, part_length, length| Err(NameError::TooLong { part, part_length, length });
    let of = |prefix: &str, owner: &str, server: &str| service_name(Scheme::Slug, prefix, owner, server);
    assert_eq!(of("", "alice", "1"), label(Part::Prefix, ""));
    assert_eq!(of("-j", "alice", "1"), label(Part::Prefix, "-j"));
    assert_eq!(of("Jupyter", "alice", "1"), label(Part::Prefix, "Jupyter"));
    assert_eq!(of("j_p", "alice", "1"), label(Part::Prefix, "j_p"));
    assert_eq!(of("jupyter", "", "1"), label(Part::Owner, ""));
    assert_eq!(of("jupyter", "a.b", "1"), label(Part::Owner, "a.b"));
    assert_eq!(of("jupyter", "é", "1"), label(Part::Owner, "é"));
    assert_eq!(of("jupyter", "alice", ""), label(Part::Server, ""));
    assert_eq!(of("jupyter", "alice", "b-"), label(Part::Server, "b-"));

    let owner = "a".repeat(32);
    assert_eq!(of(&"j".repeat(28), &owner, "1").map(|name| name.len()), Ok(63));
    assert_eq!(of(&"j".repeat(29), &owner, "1"), long(Part::Prefix, 29, 64));
    assert_eq!(of("jupyter", &"a".repeat(53), "1").map(|name| name.len()), Ok(63));
    assert_eq!(of("jupyter", &"a".repeat(54), "1"), long(Part::Owner, 54, 64));
    assert_eq!(of("jupyter", &owner, &"b".repeat(20)).map(|name| name.len()), Ok(62));
    assert_eq!(of("jupyter-notebook", &owner, &"b".repeat(20)), long(Part::Server, 20, 71));
    assert_eq!(
        of(&"j".repeat(29), &owner, "1").unwrap_err().to_string(),
        "the service's name would be 64 characters long, 63 are allowed: `service_prefix` takes 29"
    );
}

#[test]
fn all_short_pairs_are_told_apart() {
    let mut texts = vec![String::new()];
    for length in 0..4 {
        let longer: Vec<String> = texts.iter().filter(|text| text.len() == length).cloned().collect();
        texts.extend(longer.iter().flat_map(|text| ["a", "1", "-"].map(|c| format!("{text}{c}"))));
    }
    assert_eq!(texts.len(), 121);
    for scheme in [Scheme::Sha256, Scheme::Md5, Scheme::Slug, Scheme::Escaped] {
        let pairs = texts.iter().flat_map(|user| texts.iter().map(|server| (user.clone(), server.clone())));
        // Hubs have no users without a name, and an empty owner is an error.
        assert_distinct(scheme, pairs.filter(|(user, _)| !user.is_empty()));
    }
}

proptest! {
    /// Users and servers that are made out of another pair's own service name do not get that name.
    #[test]
    fn derived_pairs_are_told_apart(
        user in "[a-c0-2A-]{1,12}|[a-z]{0,30}-[0-9]{1,8}|[^\\p{Cc}]{1,40}",
        server in "|1|[a-c1-]{1,8}|[^\\p{Cc}]{1,30}",
        more in proptest::collection::vec(("[ab1-]{1,6}", "[ab1-]{0,6}"), 0..20),
    ) {
        for scheme in [Scheme::Sha256, Scheme::Md5, Scheme::Slug, Scheme::Escaped] {
            let (owner, part) = (owner(scheme, &user), server_part(&server));
            let whole = format!("{owner}--{part}-1");
            let mut pairs = vec![
                (user.clone(), server.clone()),
                (user.clone(), String::new()),
                (user.clone(), part.clone()),
                (owner.clone(), server.clone()),
                (owner.clone(), part.clone()),
                (format!("{user}-{server}"), String::new()),
                (format!("{user}--{server}"), String::new()),
                (format!("{owner}-{part}"), String::new()),
                (format!("{owner}--{part}"), String::new()),
                (user.to_lowercase(), server.to_lowercase()),
            ];
            for (dash, _) in whole.match_indices('-') {
                let (before, after) = whole.split_at(dash);
                let after = &after[1..];
                pairs.push((before.to_owned(), after.to_owned()));
                pairs.push((before.to_owned(), after.trim_start_matches('-').to_owned()));
                pairs.push((format!("{before}-"), after.to_owned()));
                pairs.push((before.to_owned(), after.trim_end_matches("-1").to_owned()));
            }
            pairs.extend(more.iter().cloned());
            assert_distinct(scheme, pairs.into_iter().filter(|(user, _)| !user.is_empty()));
        }
    }

    #[test]
    fn safe_schemes_yield_a_name_for_anything(user in "\\PC{0,50}|.{0,50}", server in ".{0,50}") {
        for scheme in [Scheme::Sha256, Scheme::Md5, Scheme::Slug] {
            let name = service_name(scheme, "jupyter", &owner(scheme, &user), &server_part(&server));
            prop_assert!(name.is_ok_and(|name| is_dns_label(&name)));
        }
        for scheme in Scheme::ALL {
            if let Ok(name) = service_name(scheme, "jupyter", &owner(scheme, &user), &server_part(&server)) {
                let label = if scheme.keeps_underscores() { name.replace('_', "-") } else { name };
                prop_assert!(label.len() <= MAX_SERVICE_NAME && is_dns_label(&label));
            }
        }
    }
}
