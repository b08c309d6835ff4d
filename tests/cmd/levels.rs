//! Levels: flags over `[lints]`, comments, notes.

use super::*;

const FLOATING: &str = "[container_spec]\nimage = \"registry.example.org/notebook:latest\"\n";

#[test]
fn flags_set_levels() {
    let folder = Folder::with(FLOATING);
    for args in [&["validate", "-A", "floating-tag"][..], &["-A", "SG202", "validate"], &["validate", "-A", "warnings"]]
    {
        let ran = folder.run(args);
        assert_eq!(ran.stderr, "checked 1 profile: no errors, no warnings\n");
        assert_eq!(ran.ok(), "");
    }
    for args in [&["validate", "-D", "floating-tag"][..], &["validate", "-D", "warnings"], &["validate", "-D", "SG202"]]
    {
        let told = folder.run(args).refused("SG202");
        assert!(told.contains("error[SG202]"), "{told}");
    }
    let told = folder.run(&["render", "--user", "alice", "-D", "warnings"]).refused("SG202");
    assert!(told.contains("error[SG202]"), "{told}");
    let ran = folder.run(&["validate", "-D", "warnings", "-W", "floating-tag"]);
    assert!(ran.stderr.contains("warning[SG202]"), "{ran:?}");
    let ran = folder.run(&["validate", "-A", "floating-tag", "-D", "floating-tag"]);
    assert!(ran.stderr.contains("error[SG202]"), "the strictest counts: {ran:?}");
}

#[test]
fn flags_win_over_the_config() {
    let folder = Folder::with(&format!("lints.floating-tag = \"allow\"\n{FLOATING}"));
    assert_eq!(folder.run(&["validate", "-D", "warnings"]).ok(), "");
    folder.run(&["validate", "-D", "floating-tag"]).refused("SG202");
    let folder = Folder::with(&format!("lints.warnings = \"deny\"\n{FLOATING}"));
    folder.run(&["validate"]).refused("SG202");
    assert_eq!(folder.run(&["validate", "-A", "warnings"]).ok(), "");
}

#[test]
fn a_flag_for_no_rule_is_wrong_usage() {
    let folder = Folder::with(FLOATING);
    for (name, says) in [
        ("floating-tags", "did you mean `floating-tag`?"),
        ("unknown-key", "the level of `unknown-key` cannot be changed"),
        ("nothing-like-it", "no rule is called `nothing-like-it`"),
    ] {
        let ran = folder.run(&["validate", "-D", name]);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.stderr.contains(says), "{ran:?}");
    }
}

#[test]
fn comments_silence_what_stands_beside_them() {
    let image = "image = \"registry.example.org/notebook:latest\"";
    let quiet = [
        format!("[container_spec]\n{image} # swarmgen: allow(floating-tag)\n"),
        format!("[container_spec]\n{image} # moves on purpose; #swarmgen:allow( SG202 )\n"),
        format!("[container_spec]\n# swarmgen: allow(floating-tag)\n\n# because\n{image}\n"),
    ];
    for config in quiet {
        let ran = Folder::with(&config).run(&["validate", "-D", "warnings"]);
        assert_eq!(ran.stderr, "checked 1 profile: no errors, no warnings\n", "{config}");
    }
    let told = [
        // Another line, another rule, no comment.
        format!("# swarmgen: allow(floating-tag)\n[container_spec]\n{image}\n"),
        format!("[container_spec]\n{image} # swarmgen: allow(shared-volume)\n"),
        format!("[container_spec]\nenv.A = \"# swarmgen: allow(floating-tag)\"\n{image}\n"),
    ];
    for config in told {
        let ran = Folder::with(&config).run(&["validate"]);
        assert!(ran.stderr.contains("warning[SG202]"), "{config}: {ran:?}");
    }
}

#[test]
fn comments_that_say_nothing_are_told() {
    let config = |comment: &str| format!("{FLOATING}workdir = \"/work\" # swarmgen: {comment}\n");
    for (comment, says) in [
        ("allow(floting-tag)", "did you mean `floating-tag`?"),
        ("allow(unknown-key)", "the level of `unknown-key` cannot be changed"),
        ("allow(warnings)", "name the rules one by one"),
        ("alow(floating-tag)", "this comment cannot be read"),
        ("allow(", "this comment cannot be read"),
        ("allow()", "this comment cannot be read"),
    ] {
        let ran = Folder::with(&config(comment)).run(&["validate", "-D", "unknown-lint"]);
        assert!(ran.stderr.contains("error[SG222]"), "{comment}: {ran:?}");
        assert!(ran.stderr.contains(says), "{comment}: {ran:?}");
    }
    let ran = Folder::with(&config("allow(floating-tag)")).run(&["validate"]);
    assert!(ran.stderr.contains("warning[SG223]"), "{ran:?}");
}

#[test]
fn notes_are_for_validate() {
    let folder = Folder::with(
        "[container_spec]\nimage = \"registry.example.org/notebook:2026.1\"\nmounts = [{ source = \"home-{name}\", target = \"/w\" }]\n",
    );
    let ran = folder.run(&["validate", "-D", "warnings"]);
    assert!(ran.stderr.contains("note[SG226]"), "{ran:?}");
    assert!(ran.stderr.ends_with("checked 1 profile: 1 note\n"), "{ran:?}");
    assert_eq!(ran.code, Some(0));
    assert_eq!(folder.run(&["validate", "-q"]).stderr, "");
    assert_eq!(folder.run(&["render", "--user", "alice", "-o", "stack.yml"]).stderr, "");
    folder.run(&["validate", "-D", "node-local-volume"]).refused("SG226");
}

#[test]
fn a_later_documents_levels_lie_over_those_before() {
    let folder = Folder::with(&format!("lints = {{ floating-tag = \"deny\", docker-socket = \"deny\" }}\n{FLOATING}"));
    folder.put("later.toml", "lints.floating-tag = \"allow\"\n");
    folder.run(&["validate", "swarmgen.toml"]).refused("SG202");
    let both = ["validate", "swarmgen.toml", "later.toml"];
    assert_eq!(folder.run(&both).ok(), "");
    // What it says nothing of stays.
    let socket = "container_spec.mounts = [\"/var/run/docker.sock:/var/run/docker.sock\"]";
    folder.put("later.toml", format!("lints.floating-tag = \"allow\"\n{socket}\n"));
    let told = folder.run(&both).refused("SG224");
    assert!(told.contains("error[SG224]") && !told.contains("SG202"), "{told}");
}
