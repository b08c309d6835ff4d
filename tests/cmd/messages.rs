//! How diagnostics are written, and what `validate` says.

use super::*;

#[test]
fn findings_go_to_standard_error() {
    let folder = Folder::with(WARNS);
    let ran = folder.run(&["validate"]);
    assert!(ran.stderr.contains("warning[SG202]"), "{ran:?}");
    assert!(ran.stderr.ends_with("checked 1 profile: 1 warning\n"), "{ran:?}");
    assert_eq!(ran.ok(), "");
    let ran = folder.run(&["render", "--user", "alice"]);
    assert!(ran.stderr.contains("warning[SG202]"), "{ran:?}");
    let stack = ran.ok();
    assert!(stack.contains("services:") && !stack.contains("SG202"), "{stack}");
}

#[test]
fn short_messages_are_a_line_each() {
    let folder = Folder::with(&format!("{BAD}service_port = 0\n"));
    let told = folder.run(&["validate", "--message-format", "short"]).refused("SG101");
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 3, "{told}");
    assert!(lines[0].starts_with("swarmgen.toml:2:1: error[SG101]: unknown key `service_prefx`"), "{told}");
    assert!(lines[1].starts_with("swarmgen.toml:3:16: error[SG104]: "), "{told}");
    assert_eq!(lines[2], "2 errors");
}

#[test]
fn quiet_leaves_errors_only() {
    let folder = Folder::with(WARNS);
    for args in [&["validate", "-q"][..], &["-q", "validate"], &["render", "-q", "--user", "alice", "-o", "stack.yml"]]
    {
        let ran = folder.run(args);
        assert_eq!(ran.stderr, "");
        assert_eq!(ran.ok(), "");
    }
    folder.put("swarmgen.toml", BAD);
    let told = folder.run(&["validate", "--quiet"]).refused("SG101");
    assert!(!told.contains("1 error\n"), "{told}");
}

#[test]
fn a_rule_that_is_denied_stops_and_one_that_is_allowed_is_silent() {
    let folder = Folder::with(&format!("lints = {{ floating-tag = \"deny\" }}\n{WARNS}"));
    folder.run(&["validate"]).refused("SG202");
    folder.run(&["render", "--user", "alice"]).refused("SG202");
    folder.put("swarmgen.toml", format!("lints = {{ SG202 = \"allow\" }}\n{WARNS}"));
    let ran = folder.run(&["validate"]);
    assert_eq!(ran.stderr, "checked 1 profile: no errors, no warnings\n");
    ran.ok();
}

#[test]
fn colour_is_for_terminals_or_on_demand() {
    let folder = Folder::with(BAD);
    let told = |args: &[&str], variables: &[(&str, &str)]| {
        Ran::from(folder.command(args).envs(variables.iter().copied()).output().unwrap()).refused("SG101")
    };
    let is_coloured = |text: &str| text.contains('\u{1b}');
    // Standard error is a pipe here.
    assert!(!is_coloured(&told(&["validate"], &[])));
    assert!(!is_coloured(&told(&["validate", "--color", "never"], &[("CLICOLOR_FORCE", "1")])));
    assert!(is_coloured(&plain_code(&folder, &["validate", "--color", "always"], &[])));
    assert!(is_coloured(&plain_code(&folder, &["validate", "--color=always"], &[("NO_COLOR", "1")])));
    assert!(is_coloured(&plain_code(&folder, &["validate"], &[("CLICOLOR_FORCE", "1")])));
}

/// What is told where colours stand between the words.
fn plain_code(folder: &Folder, args: &[&str], variables: &[(&str, &str)]) -> String {
    let ran = Ran::from(folder.command(args).envs(variables.iter().copied()).output().unwrap());
    assert_eq!(ran.code, Some(1), "{ran:?}");
    ran.stderr
}

#[test]
fn validate_says_what_it_checked() {
    let folder = Folder::with(CLASS);
    let told = |args: &[&str]| {
        let ran = folder.run(args);
        let told = ran.stderr.clone();
        assert_eq!(ran.ok(), "");
        told
    };
    assert_eq!(told(&["validate"]), "checked 1 profile for 3 users: no errors, no warnings\n");
    assert_eq!(told(&["validate", "--user", "bob"]), "checked 1 profile for 1 user: no errors, no warnings\n");
    let near = told(&["validate", "--user", "bbo"]);
    assert!(near.contains("warning[SG309]") && near.contains("did you mean `bob`?"), "{near}");
}

#[test]
fn validate_checks_every_profile_of_every_user() {
    let folder = Folder::with(
        r#"
        [[images]]
        name = "Python"
        image = "registry.example.org/python:1"
        [[images]]
        name = "R"
        image = "registry.example.org/r:1"
        access = ["bob"]
        env = { COURSE = "{course}" }
        [users.alice]
        [users.bob]
        [users.carol]
        course = "physics"
        "#,
    );
    let told = folder.run(&["validate"]).refused("SG302");
    assert!(told.contains("for user `bob`") && !told.contains("alice"), "{told}");
    folder.run(&["validate", "--user", "alice"]).ok();
    // Bob's default profile is the first, which is right.
    folder.run(&["render", "--user", "bob"]).ok();
    folder.run(&["render", "--user", "bob", "--profile", "R"]).refused("SG302");
}

#[test]
fn the_stack_counts_towards_the_length_of_names() {
    let folder = Folder::with(CLASS);
    // 42 characters of the service, one of the joint, 20 of the stack.
    folder.run(&["validate", "--stack", "a2345678901234567890"]).ok();
    let told = folder.run(&["validate", "--stack", "a23456789012345678901"]).refused("SG214");
    assert!(told.contains("64 characters"), "{told}");
    folder.run(&["render", "--user", "alice", "--stack", "a23456789012345678901"]).refused("SG214");
}

#[test]
fn verbose_tells_the_files_and_the_notes() {
    let folder = Folder::with(&format!(
        "users_file = \"class.csv\"\ncontainer_spec.mounts = [\"home-{{username}}:/home\"]\n{GOOD}"
    ));
    folder.put("class.csv", "name\nalice\n");
    let note = "note[SG226]";
    for verbose in ["-v", "--verbose", "-vv"] {
        let ran = folder.run(&["validate", verbose]);
        assert!(ran.stderr.starts_with("read swarmgen.toml\nread class.csv\n"), "{ran:?}");
        assert!(ran.stderr.contains(note), "{ran:?}");
        let ran = folder.run(&[verbose, "render", "--all"]);
        assert!(ran.stderr.contains(note), "{ran:?}");
        ran.ok();
    }
    assert!(!folder.run(&["validate"]).stderr.contains("read "));
    assert_eq!(folder.run(&["render", "--all"]).stderr, "");
    folder.run(&["validate", "-v", "-q"]).misused("cannot be used with");
}

#[test]
fn what_concerns_all_of_many_users_is_told_once() {
    const USERS: usize = 20_000;
    let users: String = (1..=USERS).map(|number| format!("u{number:05},..\n")).collect();
    let folder = Folder::with(
        "users_file = \"class.csv\"
[[images]]
name = \"Python\"
image = \"registry.example.org/python:1\"
[container_spec]
mounts = [{ type = \"bind\", source = \"/srv/{team}\", target = \"/srv\" }]
",
    );
    std::fs::write(folder.path("class.csv"), format!("name,team\n{users}")).unwrap();
    let told = folder.run(&["validate"]).refused("SG314");
    assert_eq!(told.matches("error[").count(), 1, "{told}");
    assert!(told.contains("for 20000 users: `u00001`, `u00002`, `u00003` and 19997 more"), "{told}");
}
