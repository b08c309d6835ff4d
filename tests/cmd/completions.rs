//! What a shell is told while a command is being typed.

use super::usage::commands;
use super::*;

const SHELLS: [&str; 5] = ["bash", "elvish", "fish", "powershell", "zsh"];

/// Users and profiles, some with names that a shell or a terminal would take amiss.
const NAMES: &str = r#"
users_file = ["class.csv", "missing.csv", "class.ini", "-"]
[users.alice]
password = { command = ["touch", "ran"] }
[users."b o'b$(touch ran)"]
[users."evil\u001b[31m"]
[users."two\nlines"]
[users."--all"]
[[images]]
name = "Python 3.12"
image = "registry.example.org/python:1"
env.TOKEN = { command = ["touch", "ran"] }
access.file = "missing.txt"
[[images]]
name = "R"
image = "registry.example.org/r:1"
"#;

/// What a shell is told about the last of the words, which is being typed.
fn asked_with(folder: &Folder, shell: &str, words: &[&str], config: Option<&str>) -> Vec<String> {
    let mut command = folder.command(&["--", "swarmgen"]);
    command.args(words).env("SWARMGEN_COMPLETE", shell).env("_CLAP_IFS", "\n");
    command.env("_CLAP_COMPLETE_INDEX", words.len().to_string()).envs(config.map(|path| ("SWARMGEN_CONFIG", path)));
    let ran = Ran::from(command.output().unwrap());
    assert_eq!(ran.stderr, "", "{words:?}");
    // Some shells are told what a word is for, too.
    let word = |line: &str| line.split(['\t']).next().unwrap().to_owned();
    ran.ok().lines().map(word).collect()
}

fn asked(folder: &Folder, words: &[&str]) -> Vec<String> {
    asked_with(folder, "fish", words, None)
}

#[test]
fn every_shell_has_a_script() {
    let folder = Folder::new();
    for shell in SHELLS {
        let script = folder.run(&["completions", shell]).ok();
        assert!(script.contains("SWARMGEN_COMPLETE") && script.contains(shell), "{script}");
    }
    folder.put("swarmgen.bash", folder.run(&["completions", "bash"]).ok());
    let checked = std::process::Command::new("bash").arg("-n").arg(folder.path("swarmgen.bash")).output().unwrap();
    assert!(checked.status.success() && checked.stderr.is_empty(), "{checked:?}");
    folder.run(&["completions", "tcsh"]).misused("invalid value");
}

#[test]
fn shells_can_complete_every_command() {
    let folder = Folder::new();
    for shell in SHELLS {
        let told = asked_with(&folder, shell, &[""], None);
        for command in commands(&folder) {
            // zsh is told `word:what it is for`.
            assert!(told.iter().any(|word| word.split(':').next() == Some(&command)), "{shell}: {command}: {told:?}");
        }
    }
    assert_eq!(asked(&folder, &["render", "--form"]), ["--format"]);
    assert_eq!(asked(&folder, &["render", "--format", "s"]), ["stack", "service"]);
    assert_eq!(asked(&folder, &["validate", "-D", "floating"]), ["floating-tag"]);
    assert_eq!(asked(&folder, &["validate", "-D", "unknown-key"]), [""; 0], "no level can change it");
    assert_eq!(asked(&folder, &["explain", "SG20"]).first().map(String::as_str), Some("SG201"));
}

#[test]
fn users_and_profiles_come_from_the_config() {
    let folder = Folder::with(NAMES);
    folder.put("class.csv", "name,token\nanna,x\nalice,y\nÅsa,z\n");
    for shell in SHELLS {
        assert_eq!(asked_with(&folder, shell, &["render", "--user", "al"], None), ["alice"], "{shell}");
        assert_eq!(asked_with(&folder, shell, &["render", "--user", "alice", "-p", "R"], None), ["R"], "{shell}");
    }
    assert_eq!(asked(&folder, &["validate", "-u", ""]), ["alice", "b o'b$(touch ran)", "anna", "Åsa"]);
    assert_eq!(asked(&folder, &["explain", "env.TZ", "--user=an"]), ["--user=anna"]);
    assert_eq!(asked(&folder, &["explain", "--user", "anna", "--profile", ""]), ["Python 3.12", "R"]);
    assert!(!folder.path("ran").exists(), "a command was run");
}

#[test]
fn names_are_quoted_for_shells_that_do_not() {
    let folder = Folder::with(NAMES);
    let told = |shell, words: &[&str]| asked_with(&folder, shell, words, None);
    assert_eq!(told("bash", &["render", "-p", "Py"]), [r"Python\ 3.12"]);
    assert_eq!(told("bash", &["render", "-p", r"Python\ 3"]), [r"Python\ 3.12"]);
    assert_eq!(told("bash", &["render", "-u", "b"]), [r"b\ o\'b\$\(touch\ ran\)"]);
    assert_eq!(told("powershell", &["render", "-p", "Py"]), ["'Python 3.12'"]);
    assert_eq!(told("powershell", &["render", "-u", "b"]), ["'b o''b$(touch ran)'"]);
}

#[test]
fn the_config_is_the_one_that_the_command_would_read() {
    let folder = Folder::with("[users.here]\n");
    folder.put("a.yaml", "users: {from-a: {}}\nusers_file: below/more.txt\nimages: [{name: A}]\n");
    folder.put("b.json", "{\"users\": {\"from-b\": null}, \"images\": [{\"name\": \"B\"}]}");
    fs::create_dir(folder.path("below")).unwrap();
    folder.put("below/more.txt", "from-more\n");
    let named = ["-c", "a.yaml", "--config=b.json"];
    assert_eq!(asked(&folder, &["render", "--user", ""]), ["here"]);
    assert_eq!(asked_with(&folder, "fish", &["render", "--user", ""], Some("b.json")), ["from-b"]);
    assert_eq!(asked_with(&folder, "fish", &["render", "-c", "a.yaml", "-p", ""], Some("b.json")), ["A"]);
    assert_eq!(asked(&folder, &[&named[..], &["render", "-u", ""]].concat()), ["from-a", "from-b", "from-more"]);
    assert_eq!(asked(&folder, &[&["render"], &named[..], &["--profile", ""]].concat()), ["A", "B"]);
    assert_eq!(asked(&folder, &["validate", "b.json", "--user", ""]), ["from-b"]);
    let more = ["render", "--users-file", "below/more.txt", "-u", ""];
    assert_eq!(asked(&folder, &more), ["here", "from-more"]);
}

#[test]
fn what_fails_says_nothing() {
    let none = [""; 0];
    let folder = Folder::new();
    assert_eq!(asked(&folder, &["render", "--user", ""]), none);
    for config in ["[users.alice", "users = 1\nimages = 2\n", "", "users_file = \"swarmgen.toml\"", "\0"] {
        folder.put("swarmgen.toml", config);
        assert_eq!(asked(&folder, &["render", "--user", ""]), none, "{config}");
        assert_eq!(asked(&folder, &["render", "--profile", ""]), none, "{config}");
    }
    for config in ["-", "missing.toml", ".", "/dev/null", "swarmgen.ini"] {
        assert_eq!(asked(&folder, &["render", "-c", config, "--user", ""]), none, "{config}");
    }
    assert_eq!(asked_with(&folder, "tcsh", &["render", "--user", ""], None), none);
    assert_eq!(asked_with(&folder, "fish", &[], None), none);
    // A config that is wrong elsewhere has names all the same.
    folder.put(
        "swarmgen.toml",
        "bogus = 1\n[users.alice]\nuid = [\"x\"]\n[[images]]\nnam = 1\n[[images]]\nname = \"R\"\n",
    );
    assert_eq!(asked(&folder, &["render", "--user", "a"]), ["alice"]);
    assert_eq!(asked(&folder, &["render", "--profile", ""]), ["R"]);
}

/// The script in a real shell, as far as one can be had without a terminal.
#[test]
fn bash_completes_names() {
    let folder = Folder::with(NAMES);
    folder.put("swarmgen.bash", folder.run(&["completions", "bash"]).ok());
    let test = r#"
        . ./swarmgen.bash
        COMP_WORDS=(swarmgen render --profile P) COMP_CWORD=3 COMP_TYPE=9
        _clap_complete_swarmgen swarmgen P --profile
        printf '%s\n' "${#COMPREPLY[@]}" "${COMPREPLY[@]}"
    "#;
    let program = PathBuf::from(env!("CARGO_BIN_EXE_swarmgen"));
    let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let mut bash = std::process::Command::new("bash");
    let ran = Ran::from(bash.args(["-c", test]).current_dir(folder.0.path()).env("PATH", path).output().unwrap());
    assert_eq!(ran.stderr, "");
    assert_eq!(ran.ok(), "1\nPython\\ 3.12\n");
}
