//! `explain`: where a value comes from, and what a code means.

use super::*;

const LAYERS: &str = r#"use_user_options = true
user_options.allow."env.WHO" = { values = ["me"] }
networks = ["hub", "lab"]
container_spec.env = { WHO = "nobody", TZ = "Etc/UTC", API_TOKEN = "canary-5f2a", FROM = { env = "SECRET" } }
container_spec.mounts = ["home:/data", "tmp:/scratch"]
resource_spec = { cpu_limit = 1, mem_limit = "1G" }

[[images]]
name = "Large"
image = "registry.example.org/large:1"
env = { WHO = "{username} of {course}" }
mounts = ["big:/data/"]
resource_spec = { mem_limit = "8G" }

[[images]]
name = "Small"
image = "registry.example.org/small:1"
unset = ["env.TZ"]

[users.alice]
course = "physics"
password = "canary-5f2a"
overrides = { env = { WHO = "Alice", NOTE = "{password}" } }

[users.bob]
course = "chemistry"
"#;

fn explained(args: &[&str]) -> String {
    let folder = Folder::with(LAYERS);
    folder.put("request.json", r#"{"env": {"WHO": "me"}}"#);
    let ran = folder.run(&[&["explain"][..], args].concat());
    assert_eq!(ran.stderr, "", "{ran:?}");
    let told = ran.ok();
    assert!(!told.contains(CANARY), "{told}");
    told
}

#[test]
fn every_layer_is_told_with_its_place() {
    let expected = "container_spec.env.WHO = \"Alice\"\n\n  \
         config                swarmgen.toml:4:30   \"nobody\"\n  \
         profile `Large`       swarmgen.toml:11:15  \"{username} of {course}\"\n\
         > overrides of `alice`  swarmgen.toml:23:29  \"Alice\"\n";
    for path in ["container_spec.env.WHO", "env.WHO"] {
        assert_eq!(explained(&["--user", "alice", path]), expected);
    }
    let told = explained(&["--user", "alice", "env.WHO", "--user-options", "request.json"]);
    assert!(told.starts_with("container_spec.env.WHO = \"me\"\n"), "{told}");
    assert!(told.ends_with("\n> user_options          request.json:1:17    \"me\"\n"), "{told}");
    assert_eq!(told.matches('>').count(), 1, "{told}");
}

#[test]
fn what_several_documents_say_is_a_layer_each() {
    let folder = Folder::with(LAYERS);
    folder.put(
        "second.toml",
        "images = [{ name = \"Large\", unset = [\"mounts:/data\"], env = { WHO = \"second\" } }]\n\
         users.alice.overrides.env.WHO = \"Alice again\"\n",
    );
    let explained =
        |path: &str| folder.run(&["explain", "-c", "swarmgen.toml", "-c", "second.toml", "--user", "alice", path]).ok();
    assert_eq!(
        explained("env.WHO"),
        "container_spec.env.WHO = \"Alice again\"\n\n  \
         config                swarmgen.toml:4:30   \"nobody\"\n  \
         profile `Large`       swarmgen.toml:11:15  \"{username} of {course}\"\n  \
         profile `Large`       second.toml:1:69     \"second\"\n  \
         overrides of `alice`  swarmgen.toml:23:29  \"Alice\"\n\
         > overrides of `alice`  second.toml:2:33     \"Alice again\"\n"
    );
    let told = explained("container_spec.mounts:/data");
    assert!(told.starts_with("container_spec.mounts:/data is not set\n"), "{told}");
    assert!(told.ends_with("\n> profile `Large`  second.toml:1:38     takes it away\n"), "{told}");
}

#[test]
fn templates_are_expanded_in_what_is_sent() {
    let told = explained(&["-u", "bob", "env.WHO"]);
    assert!(told.starts_with("container_spec.env.WHO = \"bob of chemistry\"\n"), "{told}");
    assert!(told.contains("\n> profile `Large`  swarmgen.toml:11:15  \"{username} of {course}\"\n"), "{told}");
    let told = explained(&["-u", "bob", "env.WHO", "--profile", "Small"]);
    assert!(told.contains("= \"nobody\"\n\n> config  swarmgen.toml:4:30"), "{told}");
}

#[test]
fn what_a_layer_takes_away_is_told() {
    let told = explained(&["-u", "bob", "-p", "Small", "env.TZ"]);
    assert!(told.starts_with("container_spec.env.TZ is not set\n"), "{told}");
    assert!(told.contains("\n> profile `Small`  swarmgen.toml:18:10  takes it away\n"), "{told}");
    // A table that is replaced whole.
    let told = explained(&["-u", "bob", "resource_spec.cpu_limit"]);
    assert!(told.contains("> profile `Large`  swarmgen.toml:13:17  takes it away\n"), "{told}");
}

#[test]
fn entries_of_lists_are_found_by_target_or_number() {
    for path in ["mounts:/data", "mounts:/data/", "container_spec.mounts.0"] {
        let told = explained(&["-u", "bob", path]);
        assert!(told.contains("\n  config "), "{path}: {told}");
        assert!(told.contains("\n> profile `Large`  swarmgen.toml:12:11"), "{path}: {told}");
        assert!(told.contains("source = \"big\""), "{path}: {told}");
    }
    let told = explained(&["-u", "bob", "networks.1"]);
    assert_eq!(told, "networks.1 = { target = \"lab\" }\n\n> config  swarmgen.toml:3:20  { target = \"lab\" }\n");
    let told = explained(&["-u", "alice", "networks"]);
    assert!(told.starts_with("networks = [{ target = \"hub\" }, { target = \"lab\" }]\n"), "{told}");
}

#[test]
fn secrets_are_redacted() {
    for path in ["env.API_TOKEN", "env.FROM", "env.NOTE"] {
        let told = explained(&["-u", "alice", path]);
        assert!(told.contains(" = «redacted»\n"), "{told}");
    }
    let all = explained(&["-u", "alice", "env"]);
    assert!(all.contains("API_TOKEN = «redacted»") && all.contains("NOTE = «redacted»"), "{all}");
    // Every layer has its part in a table.
    assert_eq!(all.matches("\n>").count(), 2, "{all}");
}

#[test]
fn an_unknown_path_is_an_error() {
    let folder = Folder::with(LAYERS);
    let refused = |args: &[&str]| {
        let ran = folder.run(&[&["explain", "--user", "bob"][..], args].concat());
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{ran:?}");
        ran.stderr
    };
    assert_eq!(
        refused(&["container_spec.env.WHOO"]),
        "error: nothing sets `container_spec.env.WHOO`; did you mean `container_spec.env.WHO`?\n"
    );
    assert!(refused(&["mounts:/date"]).ends_with("did you mean `mounts:/data`?\n"));
    assert_eq!(refused(&["frobnicate.x"]), "error: nothing sets `frobnicate.x`\n");
    assert!(refused(&["env.WHO", "--profile", "Huge"]).contains("[SG308]"));
    assert!(refused(&["env.NOTE\u{1b}[31m"]).is_ascii());
}

#[test]
fn a_code_has_a_page() {
    let folder = Folder::new();
    let page = folder.run(&["explain", "SG202"]).ok();
    assert_eq!(page, folder.run(&["explain", "floating-tag"]).ok());
    assert!(page.starts_with("# SG202 floating-tag\n\nAn image reference names no fixed version.\n"), "{page}");
    assert_eq!(page, include_str!("../../docs/codes/SG202.md"));
    let page = folder.run(&["explain", "sg101"]).ok();
    assert!(page.contains("error[SG101]") && page.contains("\nIt is always an error: "), "{page}");
    assert!(!page.contains("-A"), "{page}");
    let ran = folder.run(&["explain", "floting-tag"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("did you mean `floating-tag`?"), "{ran:?}");
    folder.run(&["explain"]).misused("CODE|PATH");
    folder.run(&["explain", "env.WHO", "--profile", "Large"]).misused("--user");
}
