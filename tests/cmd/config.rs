//! Which config is read.

use super::*;

/// A config whose services start with a prefix.
fn prefixed(prefix: &str) -> String {
    format!("service_prefix = \"{prefix}\"\n{GOOD}")
}

fn as_yaml(prefix: &str) -> String {
    format!("service_prefix: {prefix}\nimages: [{{name: Python, image: 'registry.example.org/python:1'}}]\n")
}

fn as_json(prefix: &str) -> String {
    format!(
        r#"{{"service_prefix": "{prefix}", "images": [{{"name": "Python", "image": "registry.example.org/python:1"}}]}}"#
    )
}

/// The prefix of the service that is rendered, which tells the configs apart.
#[track_caller]
fn rendered(command: &mut Command) -> String {
    let ran = Ran::from(command.args(["render", "--user", "alice", "--format", "service"]).output().unwrap());
    let body: serde_json::Value = serde_json::from_str(&ran.ok()).unwrap();
    body["Name"].as_str().unwrap().split('-').next().unwrap().to_owned()
}

#[test]
fn a_config_is_found_by_its_name_here() {
    let folder = Folder::new();
    // The later ones come first.
    let names = [
        ("config.json", "h"),
        ("config.yml", "g"),
        ("config.yaml", "f"),
        ("config.toml", "e"),
        ("swarmgen.json", "d"),
        ("swarmgen.yml", "c"),
        ("swarmgen.yaml", "b"),
        ("swarmgen.toml", "a"),
    ];
    for (name, prefix) in names {
        let text = match name.rsplit('.').next().unwrap() {
            "toml" => prefixed(prefix),
            "json" => as_json(prefix),
            _ => as_yaml(prefix),
        };
        folder.put(name, text);
        assert_eq!(rendered(&mut folder.command(&[])), prefix, "{name}");
    }
}

#[test]
fn the_variable_comes_before_what_is_here() {
    let folder = Folder::with(&prefixed("here"));
    folder.put("other.toml", prefixed("variable"));
    assert_eq!(rendered(folder.command(&[]).env("SWARMGEN_CONFIG", "other.toml")), "variable");
    assert_eq!(rendered(folder.command(&[]).env("SWARMGEN_CONFIG", "")), "here");
    Ran::from(folder.command(&["validate"]).env("SWARMGEN_CONFIG", "missing.toml").output().unwrap()).refused("SG001");
}

#[test]
fn arguments_come_before_the_variable() {
    let folder = Folder::with(&prefixed("here"));
    folder.put("argument.toml", prefixed("argument"));
    assert_eq!(rendered(folder.command(&["-c", "argument.toml"]).env("SWARMGEN_CONFIG", "missing.toml")), "argument");
    for args in [["validate", "-cargument.toml"], ["validate", "argument.toml"]] {
        Ran::from(folder.command(&args).env("SWARMGEN_CONFIG", "missing.toml").output().unwrap()).ok();
    }
}

#[test]
fn validate_takes_configs_as_arguments() {
    let folder = Folder::with(GOOD);
    folder.put("bad.toml", BAD);
    folder.run(&["validate", "bad.toml"]).refused("SG101");
    folder.run(&["validate", "swarmgen.toml", "bad.toml"]).refused("SG101");
    folder.run(&["validate", "-c", "bad.toml"]).refused("SG101");
    folder.run(&["validate", "swarmgen.toml"]).ok();
}

#[test]
fn several_configs_are_merged_in_order() {
    let folder = Folder::new();
    folder.put("one.toml", format!("deployment = \"one\"\n{}", prefixed("one")));
    folder.put("two.yaml", "service_prefix: two\n");
    let render = ["render", "--user", "alice", "--format", "service"];
    let both = folder.run(&[&["-c", "one.toml", "-c", "two.yaml"][..], &render].concat()).ok();
    assert!(both.contains("\"Name\": \"two-") && both.contains("\"swarmgen.deployment\": \"one\""), "{both}");
    let turned = folder.run(&[&["-c", "two.yaml", "-c", "one.toml"][..], &render].concat()).ok();
    assert!(turned.contains("\"Name\": \"one-"), "{turned}");
}

#[test]
fn a_later_config_does_not_open_a_profile() {
    let folder = Folder::new();
    folder.put("one.toml", format!("{GOOD}access = [\"bob\"]\n"));
    folder.put("two.toml", "[[images]]\nname = \"Python\"\nimage = \"registry.example.org/python:2\"\n");
    folder.run(&["render", "-c", "one.toml", "-c", "two.toml", "--user", "alice"]).refused("SG306");
    assert!(folder.run(&["render", "-c", "one.toml", "-c", "two.toml", "--user", "bob"]).ok().contains("python:2"));
}

#[test]
fn a_finding_names_the_file_that_it_is_about() {
    let folder = Folder::new();
    folder.put("one.toml", GOOD);
    folder.put("two.toml", "[users.alice]\n[container_spec]\nworkdir = \"{nowhere}\"\n");
    let told = folder.run(&["validate", "one.toml", "two.toml", "--message-format", "short"]).refused("SG301");
    assert!(told.starts_with("two.toml:3:12: error[SG301]: "), "{told}");
}

#[test]
fn a_config_from_standard_input_is_known_by_its_first_line() {
    let folder = Folder::new();
    for text in [as_yaml("lab"), as_json("lab"), prefixed("lab")] {
        Ran::from(folder.command(&["validate", "-"]).write_stdin(text).output().unwrap()).ok();
    }
    Ran::from(folder.command(&["validate", "-"]).write_stdin(GOOD).output().unwrap()).ok();
    let ran = Ran::from(folder.command(&["validate", "-"]).write_stdin(BAD).output().unwrap());
    let told = ran.refused("SG101");
    assert!(told.contains("<stdin>:2:1"), "{told}");
}

#[test]
fn the_same_config_in_three_syntaxes_renders_the_same_service() {
    let folder = Folder::new();
    folder.put("a.toml", prefixed("lab"));
    folder.put("a.yaml", as_yaml("lab"));
    folder.put("a.json", as_json("lab"));
    let of = |name| folder.run(&["render", "-c", name, "--user", "alice", "--format", "service"]).ok();
    assert_eq!(of("a.toml"), of("a.yaml"));
    assert_eq!(of("a.toml"), of("a.json"));
}

#[test]
fn texts_that_are_no_config_have_their_codes() {
    let folder = Folder::new();
    folder.run(&["validate"]).refused("SG012");
    folder.run(&["validate", "missing.toml"]).refused("SG001");
    fs::create_dir(folder.path("folder.toml")).unwrap();
    folder.run(&["validate", "folder.toml"]).refused("SG001");
    folder.put("latin1.toml", b"deployment = \"Universit\xe4t\"\n");
    folder.run(&["validate", "latin1.toml"]).refused("SG002");
    for extension in ["toml", "yaml", "json"] {
        let name = format!("large.{extension}");
        fs::File::create(folder.path(&name)).unwrap().set_len((16 << 20) + 1).unwrap();
        folder.run(&["validate", &name]).refused("SG003");
        let name = format!("empty.{extension}");
        folder.put(&name, "");
        folder.run(&["validate", &name]).refused("SG004");
    }
    folder.put("config.ini", GOOD);
    folder.run(&["validate", "config.ini"]).refused("SG011");
}

#[test]
#[cfg(unix)]
fn a_config_that_may_not_be_read_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::with(GOOD);
    fs::set_permissions(folder.path("swarmgen.toml"), fs::Permissions::from_mode(0o000)).unwrap();
    // Root reads everything.
    if fs::read(folder.path("swarmgen.toml")).is_err() {
        folder.run(&["validate"]).refused("SG001");
    } else {
        folder.run(&["validate"]).ok();
    }
}

#[test]
fn all_configs_at_fault_are_told_at_once() {
    let folder = Folder::new();
    folder.put("a.toml", BAD);
    folder.put("b.toml", BAD);
    let told =
        folder.run(&["validate", "a.toml", "missing.toml", "b.toml", "--message-format", "short"]).refused("SG101");
    assert!(told.contains("a.toml:2:1:") && told.contains("b.toml:2:1:") && told.contains("SG001"), "{told}");
    assert!(told.find("a.toml:2:1:") < told.find("b.toml:2:1:"), "{told}");
    assert!(told.ends_with("3 errors\n"), "{told}");
}

#[test]
fn findings_stand_in_the_order_of_the_files() {
    let folder = Folder::new();
    folder.put("one.toml", format!("container_spec.workdir = \"{{desk}}\"\n{GOOD}[users.alice]\n"));
    folder.put("two.toml", "container_spec.hostname = \"{room}\"\n");
    // In whatever order they are found.
    for files in [["one.toml", "two.toml"], ["two.toml", "one.toml"]] {
        let args = [&["validate", "--message-format", "short"][..], &files].concat();
        let told = folder.run(&args).refused("SG301");
        let errors = told.lines().filter(|line| line.contains(": error"));
        let places: Vec<&str> = errors.filter_map(|line| line.split_once(":1:")).map(|(file, _)| file).collect();
        assert_eq!(places, files, "{told}");
    }
}
