//! Arguments, help, and `init`, `schema`.

use std::fs;
use std::path::Path;

use super::*;

#[test]
fn wrong_arguments_are_wrong_usage() {
    let folder = Folder::with(GOOD);
    folder.run(&["frobnicate"]).misused("unrecognized subcommand");
    folder.run(&[]).misused("Usage");
    folder.run(&["validate", "--frobnicate"]).misused("unexpected argument");
    folder.run(&["render"]).misused("--user");
    folder.run(&["render", "--user", "alice", "--all"]).misused("cannot be used with");
    folder.run(&["render", "--user", "alice", "--format", "helm"]).misused("invalid value");
    folder.run(&["render", "--user", "alice", "--format", "template"]).misused("--template");
    folder.run(&["render", "--user", "alice", "--template", "list.txt"]).misused("--format template");
    folder
        .run(&["render", "--user", "alice", "--format", "cli", "--template", "list.txt"])
        .misused("--format template");
    folder.run(&["render", "--user", "alice", "--api", "newest"]).misused("--api");
    folder.run(&["validate", "--message-format", "xml"]).misused("invalid value");
    folder.run(&["init", "swarmgen.yaml"]).misused("TOML");
    assert_eq!(folder.names(""), ["swarmgen.toml"]);
}

#[test]
fn a_slip_gets_what_was_meant() {
    let folder = Folder::with(GOOD);
    folder.run(&["validat"]).misused("'validate'");
    folder.run(&["validate", "--confg", "x"]).misused("'--config'");
    folder.run(&["render", "--user", "alice", "--format", "stak"]).misused("'stack'");
}

#[test]
fn the_pre_commit_hook_is_a_command_that_works() {
    let hooks = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(".pre-commit-hooks.yaml")).unwrap();
    let hooks: serde_json::Value = serde_yaml::from_str(&hooks).unwrap();
    let hook = &hooks[0];
    for key in ["id", "name", "language", "files"] {
        assert!(hook[key].is_string(), "{key}");
    }
    assert_eq!(hook["language"], "rust");
    assert_eq!(hook["pass_filenames"], false);
    let words: Vec<&str> = hook["entry"].as_str().unwrap().split(' ').collect();
    let ["swarmgen", args @ ..] = &words[..] else { panic!("{words:?}") };
    Folder::with(GOOD).run(args).ok();
    Folder::with(BAD).run(args).refused("SG101");
}

#[test]
fn help_and_version_go_to_standard_output() {
    let folder = Folder::new();
    assert!(folder.run(&["--help"]).ok().contains("Usage: swarmgen"));
    assert!(folder.run(&["render", "--help"]).ok().contains("--hub-env"));
    assert_eq!(folder.run(&["--version"]).ok(), format!("swarmgen {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_starter_config_validates_and_renders() {
    let folder = Folder::new();
    let ran = folder.run(&["init"]);
    assert!(ran.stderr.contains("wrote swarmgen.toml"), "{ran:?}");
    assert_eq!(ran.ok(), "");
    let ran = folder.run(&["validate"]);
    assert!(ran.stderr.contains("no errors, no warnings"), "{ran:?}");
    assert_eq!(ran.ok(), "");
    assert!(folder.run(&["render", "--user", "alice"]).ok().contains("services:"));
    assert_eq!(folder.names(""), ["swarmgen.toml"]);
}

#[test]
fn init_refuses_to_overwrite() {
    let folder = Folder::with("mine");
    let ran = folder.run(&["init"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("exists"), "{ran:?}");
    assert_eq!(folder.read("swarmgen.toml"), "mine");
    folder.run(&["init", "--force"]).ok();
    assert!(folder.read("swarmgen.toml").contains("[[images]]"));
    assert_eq!(folder.names(""), ["swarmgen.toml"]);
}

#[test]
fn init_writes_where_it_is_told() {
    let folder = Folder::new();
    let ran = folder.run(&["init", "lab.toml"]);
    assert!(ran.stderr.contains("swarmgen validate -c lab.toml"), "{ran:?}");
    ran.ok();
    folder.run(&["validate", "-c", "lab.toml"]).ok();
    let ran = folder.run(&["init", "missing/lab.toml"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(folder.names(""), ["lab.toml"]);
}

#[test]
fn the_starter_config_is_the_quickstart() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let bare = |path: &str| -> toml::Table { toml::from_str(&fs::read_to_string(root.join(path)).unwrap()).unwrap() };
    assert_eq!(bare("templates/init.toml"), bare("examples/quickstart/swarmgen.toml"));
}

#[test]
fn the_schema_is_the_committed_one() {
    let folder = Folder::new();
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/config.schema.json");
    let committed = fs::read_to_string(committed).unwrap();
    let ran = folder.run(&["schema"]);
    assert_eq!(ran.stderr, "");
    assert_eq!(ran.ok(), committed);
    assert_eq!(folder.run(&["schema", "-o", "schema.json"]).ok(), "");
    assert_eq!(folder.read("schema.json"), committed);
}

#[test]
fn long_help_has_examples_and_short_help_has_none() {
    let folder = Folder::new();
    for command in commands(&folder).iter().filter(|command| *command != "help") {
        let long = folder.run(&[command, "--help"]).ok();
        assert!(long.contains(&format!("\nExamples:\n  swarmgen {command}")), "{long}");
        let short = folder.run(&[command, "-h"]).ok();
        assert!(!short.contains("Examples:") && short.len() < long.len(), "{short}");
    }
}

/// The commands that the help lists.
pub(crate) fn commands(folder: &Folder) -> Vec<String> {
    let help = folder.run(&["--help"]).ok();
    let list = help.split("Commands:\n").nth(1).unwrap().split("\n\nOptions:").next().unwrap();
    let names = list.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names: Vec<String> = names.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect();
    assert!(names.len() > 6 && names.contains(&"render".to_owned()), "{names:?}");
    names
}

#[test]
fn the_manual_has_every_command() {
    let folder = Folder::new();
    let page = folder.run(&["man"]).ok();
    assert!(page.contains(".TH swarmgen 1"), "{page}");
    let ran = folder.run(&["man", "-o", "man/man1"]);
    let commands: Vec<String> = commands(&folder).into_iter().filter(|command| command != "help").collect();
    assert_eq!(ran.stderr, format!("wrote {} pages to man/man1\n", commands.len() + 1));
    assert_eq!(folder.read("man/man1/swarmgen.1"), page);
    for command in &commands {
        assert!(page.contains(&format!("swarmgen\\-{command}(1)")), "{command}: {page}");
        let own = folder.read(&format!("man/man1/swarmgen-{command}.1"));
        assert!(own.contains(&format!(".TH swarmgen-{command} 1")), "{own}");
    }
    assert_eq!(folder.names("man/man1").len(), commands.len() + 1);
}
