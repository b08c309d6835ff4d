//! Where secrets may go.

use super::*;

fn with_secret(folder: &Folder, args: &[&str]) -> Command {
    let mut command = folder.command(args);
    command.env("SECRET", CANARY);
    command
}

#[test]
fn what_a_later_document_calls_secret_is_masked_in_an_earlier_one() {
    let folder = Folder::new();
    folder.put(
        "a.toml",
        format!(
            "version = 1\nnetworks = [\"hub\"]\n[[images]]\nname = \"A\"\nimage = \"registry.example.org/a:1\"\n\
             mounts = [{{ target = \"/d\", source = \"d\", driver_config = {{ name = \"x\", options = {{ pin = \"{CANARY}\" }} }}, \
             labels = {{ note = \"{{nobody}}\" }} }}]\n"
        ),
    );
    folder.put(
        "b.toml",
        "secret_attributes = [\"pin\"]\n\
         images = [{ name = \"A\", merge = \"deep\", mounts = [{ target = \"/d\", read_only = true }] }]\n",
    );
    let told = folder.run(&["validate", "-c", "a.toml", "-c", "b.toml"]).refused("SG301");
    assert!(!told.contains(CANARY) && told.contains("a.toml:6"), "{told}");
}

#[test]
fn an_attribute_that_only_a_layer_names_is_used() {
    let folder = Folder::new();
    folder.put(
        "a.toml",
        "version = 1\nnetworks = [\"hub\"]\nuser_defaults.cpu = \"2\"\n\
         images = [{ name = \"A\", image = \"registry.example.org/a:1\", resource_spec = { cpu_limit = \"{cpu}\" } }]\n",
    );
    folder.put("b.toml", "images = [{ name = \"A\", merge = \"deep\", resource_spec = { mem_limit = \"8G\" } }]\n");
    let ran = folder.run(&["validate", "-c", "a.toml", "-c", "b.toml"]);
    assert!(!ran.stderr.contains("SG242"), "{ran:?}");
}

#[test]
fn a_pipe_gets_no_secret_unless_told() {
    let folder = Folder::with(SECRET);
    for args in [&["render", "--user", "alice"][..], &["render", "--all"], &["render", "--all", "--format", "service"]]
    {
        let told = Ran::from(with_secret(&folder, args).output().unwrap()).refused("SG404");
        assert!(!told.contains(CANARY) && told.contains("--show-secrets"), "{told}");
        let shown = with_secret(&folder, args).arg("--show-secrets").output().unwrap();
        assert!(Ran::from(shown).ok().contains(CANARY));
    }
    assert_eq!(folder.names(""), ["swarmgen.toml"]);
}

#[test]
#[cfg(unix)]
fn files_with_secrets_are_for_their_owner() {
    let folder = Folder::with(SECRET);
    folder.put("stack.yml", "old, readable by all");
    Ran::from(with_secret(&folder, &["render", "--all", "-o", "stack.yml"]).output().unwrap()).ok();
    assert!(folder.read("stack.yml").contains(CANARY));
    assert_eq!(mode(&folder.path("stack.yml")), 0o600);
    Ran::from(with_secret(&folder, &["render", "--all", "-o", "out/"]).output().unwrap()).ok();
    let names = folder.names("out");
    assert_eq!(names.len(), 2);
    for name in names {
        assert_eq!(mode(&folder.path("out").join(name)), 0o600);
    }
}

/// Renders with standard output redirected to a file of a mode.
#[cfg(unix)]
fn redirected(folder: &Folder, permissions: u32) -> Ran {
    use std::os::unix::fs::PermissionsExt as _;
    let file = fs::File::create(folder.path("redirected")).unwrap();
    file.set_permissions(fs::Permissions::from_mode(permissions)).unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_swarmgen"))
        .args(["render", "--user", "alice"])
        .current_dir(folder.path(""))
        .env_remove("SWARMGEN_CONFIG")
        .env("SECRET", CANARY)
        .stdout(file)
        .output()
        .unwrap();
    Ran::from(output)
}

#[test]
#[cfg(unix)]
fn a_redirect_that_others_can_read_is_warned_of() {
    let folder = Folder::with(SECRET);
    for (permissions, warned) in [(0o644, true), (0o640, true), (0o600, false)] {
        let ran = redirected(&folder, permissions);
        assert_eq!(ran.stderr.contains("warning[SG405]"), warned, "{permissions:o}: {ran:?}");
        ran.ok();
        assert!(folder.read("redirected").contains(CANARY));
    }
    folder.put("swarmgen.toml", GOOD);
    assert_eq!(redirected(&folder, 0o644).stderr, "");
}

#[test]
fn a_command_line_holds_no_secret() {
    let folder = Folder::with(SECRET);
    for extra in [&[][..], &["--show-secrets"], &["-o", "create.sh"]] {
        let args = [&["render", "--user", "alice", "--format", "cli"][..], extra].concat();
        let told = Ran::from(with_secret(&folder, &args).output().unwrap()).refused("SG403");
        assert!(!told.contains(CANARY), "{told}");
    }
    assert_eq!(folder.names(""), ["swarmgen.toml"]);
}

#[test]
fn findings_show_no_secret() {
    let folder = Folder::new();
    folder.put("class.csv", format!("name,password,port\nalice,{CANARY},x\nalice,{CANARY},y\n"));
    folder.put(
        "swarmgen.toml",
        format!("users_file = \"class.csv\"\n[container_spec.env]\nA_KEY = \"{CANARY}\"\nB = \"{{nothing}}\"\n{GOOD}"),
    );
    for args in [&["validate"][..], &["render", "--all"], &["render", "--user", "alice", "--set", "port=canary-5f2a"]] {
        let ran = folder.run(args);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(!ran.stderr.contains(CANARY) && !ran.stdout.contains(CANARY), "{ran:?}");
    }
}

#[test]
fn attributes_with_a_secrets_name_are_secret() {
    let folder = Folder::with(&format!(
        "user_format_attributes = [\"db_token\"]\n[container_spec.env]\nDB = \"{{db_token}}\"\n{GOOD}"
    ));
    let set = format!("db_token={CANARY}");
    let args = ["render", "--user", "alice", "--set", &set];
    assert!(!folder.run(&args).refused("SG404").contains(CANARY));
    assert!(folder.run(&[&args[..], &["--show-secrets"]].concat()).ok().contains(CANARY));
    folder.put("swarmgen.toml", format!("secret_attributes = []\nuser_format_attributes = [\"db_token\"]\n[container_spec.env]\nDB = \"{{db_token}}\"\n{GOOD}"));
    assert!(folder.run(&args).ok().contains(CANARY));
}

#[test]
fn the_value_of_a_key_that_breaks_off_is_not_shown() {
    let folder = Folder::with(&format!("[user_defaults]\nnested = {{ api_日ey = \"{CANARY}\" }}\n"));
    let told = folder.run(&["validate"]).refused("SG005");
    assert!(!told.contains(CANARY) && told.contains("«redacted»"), "{told}");
}

#[test]
#[cfg(unix)]
fn a_file_that_is_there_keeps_its_permissions() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::with(GOOD);
    for permissions in [0o600, 0o664] {
        folder.put("stack.yml", "old");
        std::fs::set_permissions(folder.path("stack.yml"), std::fs::Permissions::from_mode(permissions)).unwrap();
        folder.run(&["render", "--user", "alice", "-o", "stack.yml"]).ok();
        assert!(folder.read("stack.yml").contains("services:"));
        assert_eq!(mode(&folder.path("stack.yml")), permissions);
    }
}
