//! What `render` writes, and what it leaves alone.

use super::*;

const ALICE: &str = "jupyter-2bd806c97f0e00af1a1fc3328fa763a9-1";

#[test]
fn the_same_input_gives_the_same_bytes() {
    let folder = Folder::with(CLASS);
    for format in ["stack", "service", "cli"] {
        let render = || folder.run(&["render", "--all", "--format", format]).ok();
        assert_eq!(render(), render());
        assert!(render().contains(ALICE));
    }
}

#[test]
fn a_file_holds_what_standard_output_would() {
    let folder = Folder::with(CLASS);
    let shown = folder.run(&["render", "--all"]).ok();
    assert_eq!(folder.run(&["render", "--all", "-o", "stack.yml"]).ok(), "");
    assert_eq!(folder.read("stack.yml"), shown);
    assert_eq!(folder.run(&["render", "--all", "-o", "-"]).ok(), shown);
    assert_eq!(folder.names(""), ["stack.yml", "swarmgen.toml"]);
}

#[test]
fn services_of_all_are_a_line_each() {
    let folder = Folder::with(CLASS);
    let lines = folder.run(&["render", "--all", "--format", "service"]).ok();
    let names: Vec<String> = lines
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["Name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names.len(), 3);
    assert_eq!(names[0], ALICE);
}

#[test]
fn a_directory_gets_a_file_for_each_user() {
    let folder = Folder::with(CLASS);
    let ran = folder.run(&["render", "--all", "-o", "out/"]);
    assert!(ran.stderr.contains("wrote 3 files to out/"), "{ran:?}");
    assert_eq!(ran.ok(), "");
    let names = folder.names("out");
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(names.contains(&format!("{ALICE}.yml")), "{names:?}");
    let own = folder.run(&["render", "--user", "alice"]).ok();
    assert_eq!(folder.read(&format!("out/{ALICE}.yml")), own);
    // A directory that is there needs no slash.
    folder.run(&["render", "--all", "--format", "service", "-o", "out"]).ok();
    assert_eq!(folder.names("out").len(), 6);
    assert_eq!(
        folder.read(&format!("out/{ALICE}.json")),
        folder.run(&["render", "--user", "alice", "--format", "service"]).ok()
    );
}

#[test]
fn a_failure_leaves_everything_as_it_was() {
    let folder = Folder::with(&format!("{CLASS}\n[users.dave.overrides]\nworkdir = \"{{lack}}\"\n"));
    folder.put("stack.yml", "old");
    folder.run(&["render", "--all", "-o", "stack.yml"]).refused("SG301");
    assert_eq!(folder.read("stack.yml"), "old");
    folder.run(&["render", "--all", "-o", "out/"]).refused("SG301");
    folder.run(&["render", "--all"]).refused("SG301");
    assert_eq!(folder.names(""), ["stack.yml", "swarmgen.toml"]);
    // Those who are right have their files.
    folder.run(&["render", "--user", "alice", "-o", "stack.yml"]).ok();
    assert!(folder.read("stack.yml").contains(ALICE));
}

/// Three hundred users, of whom the last one lacks an attribute.
const LAST_ONE_LACKS: &str = "users_file = \"users.jsonl\"\n[container_spec.env]\nDESK = \"{desk}\"\n\n[[images]]\nname = \"Python\"\nimage = \"registry.example.org/python:1\"\n";

fn many_users(last: &str) -> String {
    let user = |number: usize| format!("{{\"name\": \"user{number}\", \"desk\": \"d{number}\"}}\n");
    (0..300).map(user).collect::<String>() + last
}

#[test]
fn nothing_is_written_before_the_last_of_many_has_resolved() {
    let folder = Folder::with(LAST_ONE_LACKS);
    folder.put("users.jsonl", many_users("{\"name\": \"zoe\"}\n"));
    folder.put("list.txt", "{% for service in services %}{{ service.name }}\n{% endfor %}");
    folder.put("old", "old");
    fs::create_dir(folder.path("there")).unwrap();
    let before = folder.names("");
    for format in ["stack", "service", "cli", "template"] {
        let mut render = vec!["render", "--all", "--format", format];
        if format == "template" {
            render.extend(["--template", "list.txt"]);
        }
        for destination in ["-", "old", "new", "there", "new/"] {
            let ran = folder.run(&[&render[..], &["-o", destination]].concat());
            let told = ran.refused("SG302");
            assert!(told.contains("`zoe`"), "{told}");
            assert_eq!(folder.names(""), before, "{format} {destination}");
            assert_eq!(folder.read("old"), "old", "{format}");
            assert_eq!(folder.names("there"), [""; 0], "{format}");
        }
    }
    // It is that user alone.
    folder.put("users.jsonl", many_users(""));
    folder.run(&["render", "--all", "-o", "there"]).ok();
    assert_eq!(folder.names("there").len(), 300);
}

/// Runs the program where files may hold this much, which ends a write in the middle as a full disk does.
#[cfg(unix)]
fn run_with_limit(folder: &Folder, kibibytes: u32, args: &[&str]) -> Ran {
    let limited = format!("trap '' XFSZ; ulimit -f {kibibytes}; exec \"$0\" \"$@\"");
    through_bash(folder, &limited, args)
}

/// Runs the program by a script, to which it is `$0` and its arguments `$@`.
#[cfg(unix)]
fn through_bash(folder: &Folder, script: &str, args: &[&str]) -> Ran {
    let mut command = std::process::Command::new("bash");
    command.args(["-c", script, env!("CARGO_BIN_EXE_swarmgen")]).args(args);
    Ran::from(command.current_dir(folder.path("")).env_remove("SWARMGEN_CONFIG").output().unwrap())
}

#[test]
#[cfg(unix)]
fn a_file_that_cannot_be_written_to_its_end_does_not_appear() {
    let folder = Folder::with(LAST_ONE_LACKS);
    folder.put("users.jsonl", many_users(""));
    folder.put("old", "old");
    let before = folder.names("");
    for destination in ["old", "new"] {
        let ran = run_with_limit(&folder, 64, &["render", "--all", "-o", destination]);
        let told = ran.refused("SG407");
        assert!(told.contains(&format!("cannot write `{destination}`")), "{told}");
        assert_eq!((folder.names(""), folder.read("old").as_str()), (before.clone(), "old"));
    }
    run_with_limit(&folder, 1024, &["render", "--all", "-o", "new"]).ok();
    assert!(folder.read("new").contains("DESK: d299"));
}

#[test]
#[cfg(unix)]
fn of_several_files_none_appears_before_all_are_written() {
    let folder = Folder::with(LAST_ONE_LACKS);
    let long = "d".repeat(10_000);
    folder.put("users.jsonl", many_users(&format!("{{\"name\": \"zoe\", \"desk\": \"{long}\"}}\n")));
    let before = folder.names("");
    // The last one is longer than the others.
    run_with_limit(&folder, 4, &["render", "--all", "-o", "out/"]).refused("SG407");
    assert_eq!(folder.names(""), before);
    fs::create_dir(folder.path("out")).unwrap();
    folder.put("out/mine", "");
    run_with_limit(&folder, 4, &["render", "--all", "-o", "out/"]).refused("SG407");
    assert_eq!(folder.names("out"), ["mine"]);
    run_with_limit(&folder, 64, &["render", "--all", "-o", "out/"]).ok();
    assert_eq!(folder.names("out").len(), 302);
}

#[test]
#[cfg(unix)]
fn a_process_that_dies_while_it_writes_leaves_the_files_as_they_were() {
    let long = "d".repeat(10_000);
    for (kibibytes, destination) in [(64, "old"), (64, "new"), (4, "there")] {
        let folder = Folder::with(LAST_ONE_LACKS);
        folder.put("users.jsonl", many_users(&format!("{{\"name\": \"zoe\", \"desk\": \"{long}\"}}\n")));
        folder.put("old", "old");
        fs::create_dir(folder.path("there")).unwrap();
        let before = folder.names("");
        // The write that goes too far ends the process.
        let dies = format!("ulimit -c 0; ulimit -f {kibibytes}; exec \"$0\" \"$@\"");
        let ran = through_bash(&folder, &dies, &["render", "--all", "-o", destination]);
        assert_eq!((ran.code, ran.stderr.as_str()), (None, ""), "{destination}");
        let written: Vec<String> = ["", "there"].into_iter().flat_map(|below| folder.names(below)).collect();
        // What it was in the middle of stays, under a name of its own.
        let (begun, named): (Vec<_>, Vec<_>) = written.into_iter().partition(|name| name.starts_with(".swarmgen-"));
        assert!(!begun.is_empty(), "{destination}");
        assert_eq!((named, folder.read("old").as_str()), (before, "old"), "{destination}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn standard_output_that_takes_nothing_is_told() {
    let folder = Folder::with(CLASS);
    for args in [&["render", "--all"][..], &["schema"], &["explain", "SG301"], &["completions", "bash"]] {
        let ran = through_bash(&folder, "exec \"$0\" \"$@\" >/dev/full", args);
        assert_ne!(ran.code, Some(0), "{args:?}");
        assert!(ran.stderr.contains("No space left on device"), "{args:?}: {ran:?}");
    }
}

#[test]
fn what_cannot_be_written_is_told() {
    let folder = Folder::with(GOOD);
    let told = folder.run(&["render", "--user", "alice", "-o", "missing/stack.yml"]).refused("SG407");
    assert!(told.contains("`missing`"), "{told}");
    folder.put("file", "");
    folder.run(&["render", "--user", "alice", "-o", "file/stack.yml"]).refused("SG407");
    folder.run(&["render", "--user", "alice", "-o", "file/"]).refused("SG407");
    assert_eq!(folder.names(""), ["file", "swarmgen.toml"]);
}

#[test]
#[cfg(unix)]
fn special_files_are_not_replaced() {
    let folder = Folder::with(GOOD);
    std::os::unix::fs::symlink("/dev/null", folder.path("null")).unwrap();
    folder.run(&["render", "--user", "alice", "-o", "null"]).refused("SG407");
    assert!(fs::symlink_metadata(folder.path("null")).unwrap().is_symlink());
}

#[test]
#[cfg(unix)]
fn a_link_stays_and_what_it_leads_to_is_written() {
    let folder = Folder::with(GOOD);
    fs::create_dir(folder.path("there")).unwrap();
    for (link, to) in [("first.yml", "second.yml"), ("second.yml", "there/stack.yml"), ("round.yml", "round.yml")] {
        std::os::unix::fs::symlink(to, folder.path(link)).unwrap();
    }
    // It is not there at first, and then it is.
    for _ in 0..2 {
        folder.run(&["render", "--user", "alice", "-o", "first.yml"]).ok();
        assert!(folder.read("there/stack.yml").contains("services:"));
        assert!(["first.yml", "second.yml"].iter().all(|link| folder.path(link).is_symlink()));
        assert_eq!(folder.names("there"), ["stack.yml"]);
    }
    folder.run(&["render", "--user", "alice", "-o", "round.yml"]).refused("SG407");
    assert_eq!(folder.names(""), ["first.yml", "round.yml", "second.yml", "swarmgen.toml", "there"]);
}

#[test]
#[cfg(unix)]
fn a_reader_that_leaves_is_no_error() {
    use std::process::{Command, Stdio};
    let users: String = (0..2000).map(|number| format!("[users.user{number}]\n")).collect();
    let folder = Folder::with(&format!("{GOOD}{users}"));
    let mut child = Command::new(env!("CARGO_BIN_EXE_swarmgen"))
        .args(["render", "--all"])
        .current_dir(folder.path(""))
        .env_remove("SWARMGEN_CONFIG")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert_eq!(output.status.code(), Some(141));
}

#[test]
#[cfg(unix)]
fn results_are_as_readable_as_other_files() {
    let folder = Folder::with(GOOD);
    folder.put("usual", "");
    folder.run(&["render", "--user", "alice", "-o", "stack.yml"]).ok();
    assert_eq!(mode(&folder.path("stack.yml")), mode(&folder.path("usual")));
}

#[test]
fn a_template_of_the_operators_own_is_filled() {
    let folder = Folder::with(CLASS);
    folder.put("list.txt", "{% for service in services %}{{ service.name }}\n{% endfor %}");
    let listed = folder.run(&["render", "--all", "--format", "template", "--template", "list.txt"]).ok();
    assert_eq!(listed.lines().count(), 3, "{listed}");
    assert!(listed.starts_with(ALICE), "{listed}");
}
