//! `validate --fix` and `--diff`.

use super::*;

/// Three findings with a mend, of one kind each, and a secret beside one.
const MENDABLE: &str = "# The lab's config.\nuse_user_options = \"yes\" # asked for\nservice_prefx   = \"lab\"\n\n[container_spec]\nimage = \"registry.example.org/python:1\"\nenv = { TOKEN = \"canary-5f2a\" } # swarmgen: allow(plain-secret)\n\n[endpoint_spec]\nmode = \"dnsr\"\n";

fn mended() -> String {
    MENDABLE.replace("\"yes\"", "true").replace("service_prefx", "service_prefix").replace("dnsr\"", "dnsrr\"")
}

#[test]
fn all_that_can_be_mended_is() {
    let folder = Folder::with(MENDABLE);
    let told = folder.run(&["validate"]).refused("SG101");
    assert!(told.contains("[SG102]") && told.contains("[SG103]"), "{told}");
    let ran = folder.run(&["validate", "--fix"]);
    assert_eq!(ran.stderr, "fixed 3 problems in swarmgen.toml\nchecked 1 profile: no errors, no warnings\n", "{ran:?}");
    assert_eq!(ran.ok(), "");
    assert_eq!(folder.read("swarmgen.toml"), mended());
    assert_eq!(folder.names(""), ["swarmgen.toml"]);
    // Nothing is left to mend.
    let ran = folder.run(&["validate", "--fix", "--diff"]);
    assert_eq!(ran.stderr, "checked 1 profile: no errors, no warnings\n");
    assert_eq!(ran.ok(), "");
}

#[test]
fn one_text_becomes_a_list_and_an_extension_gets_its_dot() {
    let image = "registry.example.org/python:1";
    for (name, text) in [
        (
            "a.toml",
            format!(
                "networks = 'hub' # x\nallowed_user_upload_extensions = [\"txt\"]\ncontainer_spec.image = \"{image}\"\n"
            ),
        ),
        (
            "a.yaml",
            format!(
                "networks: hub # x\nallowed_user_upload_extensions: [txt]\ncontainer_spec: {{image: \"{image}\"}}\n"
            ),
        ),
        (
            "a.json",
            format!(
                "{{\"networks\": \"hub\", \"allowed_user_upload_extensions\": [\"txt\"],\n\"container_spec\": {{\"image\": \"{image}\"}}}}"
            ),
        ),
    ] {
        let folder = Folder::new();
        folder.put(name, &text);
        folder.run(&["validate", "--fix", name]).ok();
        let mended = folder.read(name);
        assert!(mended.contains("[\"hub\"]") && mended.contains("[\".txt\"]"), "{mended}");
    }
}

#[test]
fn a_text_that_may_be_several_stays() {
    for (key, value) in [
        ("networks", "hub, data"),
        ("networks", "a;b"),
        ("container_spec.groups", "a b"),
        ("networks", ""),
        ("images", "python"),
    ] {
        let folder = Folder::with(&format!("{key} = \"{value}\"\n"));
        folder.run(&["validate", "--fix"]).refused("SG102");
    }
    let folder = Folder::with("allowed_user_upload_extensions = [\"*.txt\"]\n");
    folder.run(&["validate", "--fix"]).refused("SG106");
}

#[test]
fn the_other_syntaxes_are_mended_too() {
    let folder = Folder::new();
    let yaml = "service_prefx: lab # mine\nuse_user_options: 'yes'\nimages:\n- {name: Python, image: 'registry.example.org/python:1'}\n";
    folder.put("a.yaml", yaml);
    folder.run(&["validate", "--fix", "a.yaml"]).ok();
    assert_eq!(folder.read("a.yaml"), yaml.replace("prefx", "prefix").replace("'yes'", "true"));
    let json = "{\"service_prefx\": \"lab\",\n  \"use_user_options\": 1,\n  \"images\": [{\"name\": \"Python\", \"image\": \"registry.example.org/python:1\"}]}";
    folder.put("a.json", json);
    folder.run(&["validate", "--fix", "a.json"]).ok();
    assert_eq!(folder.read("a.json"), json.replace("prefx", "prefix").replace(": 1,", ": true,"));
}

#[test]
fn a_diff_changes_nothing() {
    let folder = Folder::with(MENDABLE);
    let ran = folder.run(&["validate", "--diff"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("[SG101]") && ran.stderr.ends_with("3 errors\n"), "{ran:?}");
    assert_eq!(folder.read("swarmgen.toml"), MENDABLE);
    let lines: Vec<&str> = ran.stdout.lines().filter(|line| line.starts_with(['-', '+'])).collect();
    let expected = [
        "--- swarmgen.toml",
        "+++ swarmgen.toml",
        "-use_user_options = \"yes\" # asked for",
        "-service_prefx   = \"lab\"",
        "+use_user_options = true # asked for",
        "+service_prefix   = \"lab\"",
        "-mode = \"dnsr\"",
        "+mode = \"dnsrr\"",
    ];
    assert_eq!(lines, expected, "{ran:?}");
    // With `--fix` it shows the same.
    let both = folder.run(&["validate", "--fix", "--diff"]);
    assert_eq!(both.stdout, ran.stdout);
    assert_eq!(folder.read("swarmgen.toml"), mended());
}

#[test]
fn a_diff_shows_no_secret() {
    let folder = Folder::with(MENDABLE);
    let ran = folder.run(&["validate", "--diff"]);
    assert!(ran.stdout.contains(" env = { TOKEN = «redacted» }"), "{ran:?}");
    assert!(!ran.stdout.contains(CANARY) && !ran.stderr.contains(CANARY), "{ran:?}");
    // What is secret is known only after the first mend.
    folder.put("swarmgen.toml", format!("secret_atributes = [\"pin\"]\n[users.alice]\npin = \"{CANARY}\"\n\n{GOOD}"));
    let ran = folder.run(&["validate", "--diff"]);
    assert!(ran.stdout.contains("+secret_attributes") && ran.stdout.contains(" pin = «redacted»"), "{ran:?}");
    assert!(!ran.stdout.contains(CANARY), "{ran:?}");
    assert!(!folder.run(&["validate", "--fix", "--diff"]).stdout.contains(CANARY));
    assert!(folder.read("swarmgen.toml").contains(CANARY));
}

#[test]
fn line_ends_and_byte_order_marks_stay() {
    let folder = Folder::new();
    let text = format!("\u{feff}{}", MENDABLE.replace('\n', "\r\n"));
    folder.put("swarmgen.toml", &text);
    folder.run(&["validate", "--fix"]).ok();
    assert_eq!(folder.read("swarmgen.toml"), format!("\u{feff}{}", mended().replace('\n', "\r\n")));
}

#[test]
fn each_file_is_mended_by_itself() {
    let folder = Folder::with(GOOD);
    folder.put("one.toml", "service_prefx = \"lab\"\n");
    folder.put("two.yaml", "use_user_options: 'on'\n");
    let args = ["validate", "--fix", "swarmgen.toml", "one.toml", "two.yaml", "one.toml"];
    let ran = folder.run(&args);
    assert!(ran.stderr.starts_with("fixed 1 problem in one.toml\nfixed 1 problem in two.yaml\nchecked "), "{ran:?}");
    ran.ok();
    assert_eq!(folder.read("swarmgen.toml"), GOOD);
}

#[test]
fn what_cannot_be_mended_is_left_and_told() {
    let folder = Folder::new();
    // Both would be `image`.
    folder.put("swarmgen.toml", "[container_spec]\nimgae = \"a:1\"\niamge = \"b:1\"\n");
    let told = folder.run(&["validate", "--fix"]).refused("SG101");
    assert!(told.starts_with("fixed 1 problem in swarmgen.toml\n") && told.ends_with("\n1 error\n"), "{told}");
    assert_eq!(folder.read("swarmgen.toml"), "[container_spec]\nimage = \"a:1\"\niamge = \"b:1\"\n");
    let broken = "service_prefx = \"lab\"\nx =\n";
    folder.put("swarmgen.toml", broken);
    folder.run(&["validate", "--fix", "--diff"]).refused("SG005");
    assert_eq!(folder.read("swarmgen.toml"), broken);
}

#[test]
fn standard_input_cannot_be_mended() {
    let folder = Folder::new();
    for option in ["--fix", "--diff"] {
        folder.run(&["validate", option, "-c", "-"]).misused("standard input cannot be mended");
    }
    // Users from there are read once and used in each round.
    folder.put("swarmgen.toml", MENDABLE);
    let args = ["validate", "--fix", "--users-file", "-"];
    let ran = Ran::from(folder.command(&args).write_stdin("name\nalice\nbob\n").output().unwrap());
    assert!(ran.stderr.ends_with("checked 1 profile for 2 users: no errors, no warnings\n"), "{ran:?}");
}

#[test]
#[cfg(unix)]
fn links_and_permissions_stay() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
    fs::create_dir(folder.path("real")).unwrap();
    folder.put("real/lab.toml", MENDABLE);
    fs::set_permissions(folder.path("real/lab.toml"), fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink("real/lab.toml", folder.path("swarmgen.toml")).unwrap();
    folder.run(&["validate", "--fix"]).ok();
    assert!(fs::symlink_metadata(folder.path("swarmgen.toml")).unwrap().is_symlink());
    assert_eq!(folder.read("real/lab.toml"), mended());
    assert_eq!(mode(&folder.path("real/lab.toml")), 0o640);
    assert_eq!(
        (folder.names(""), folder.names("real")),
        (vec!["real".into(), "swarmgen.toml".into()], vec!["lab.toml".into()])
    );
}

#[test]
#[cfg(unix)]
fn what_may_not_be_written_stays_whole() {
    use std::os::unix::fs::PermissionsExt as _;
    let allow = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let folder = Folder::with(MENDABLE);
    allow(&folder.path("swarmgen.toml"), 0o444);
    let ran = folder.run(&["validate", "--fix"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(ran.stderr, "error: cannot write `swarmgen.toml`: it is read-only\n");
    assert_eq!(folder.read("swarmgen.toml"), MENDABLE);
    allow(&folder.path("swarmgen.toml"), 0o644);
    allow(&folder.path(""), 0o555);
    // Root writes everywhere.
    if fs::write(folder.path("probe"), "").is_err() {
        let ran = folder.run(&["validate", "--fix"]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.stderr.starts_with("error: cannot write in `"), "{ran:?}");
        assert_eq!(folder.read("swarmgen.toml"), MENDABLE);
    }
    allow(&folder.path(""), 0o755);
}

#[test]
fn a_diff_and_a_document_do_not_share_standard_output() {
    let folder = Folder::with(MENDABLE);
    for format in ["json", "sarif", "github"] {
        let ran = folder.run(&["validate", "--diff", "--message-format", format]);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert_eq!(ran.stdout, "");
        assert_eq!(folder.read("swarmgen.toml"), MENDABLE);
    }
    let ran = folder.run(&["validate", "--fix", "--message-format", "json"]);
    assert!(ran.stdout.contains("\"diagnostics\": []"), "{ran:?}");
    assert_eq!(folder.read("swarmgen.toml"), mended());
}
