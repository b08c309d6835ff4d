//! What a review found, each as a whole run of the binary.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use tempfile::TempDir;

/// A run's standard output and standard error.
struct Run {
    out: String,
    err: String,
    code: Option<i32>,
}

impl Run {
    #[track_caller]
    fn refused(self, words: &str) -> Self {
        assert_eq!(self.code, Some(1), "{}{}", self.out, self.err);
        assert!(self.err.contains(words), "{}", self.err);
        self
    }

    #[track_caller]
    fn hides(self, secret: &str) -> Self {
        assert!(!self.err.contains(secret), "{}", self.err);
        self
    }
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        write(folder.path(), name, text);
    }
    folder
}

fn write(folder: &Path, name: &str, text: &str) {
    fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
    fs::write(folder.join(name), text).unwrap();
}

/// Runs swarmgen in a folder, split at spaces.
fn run(files: &[(&str, &str)], arguments: &str) -> Run {
    let folder = folder(files);
    let mut command = Command::new(env!("CARGO_BIN_EXE_swarmgen"));
    command.current_dir(folder.path()).args(arguments.split(' ')).timeout(std::time::Duration::from_secs(60));
    let output = command.output().unwrap();
    Run {
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
        code: output.status.code(),
    }
}

const OPEN: &str = r#"
[container_spec]
image = "a/b:1"
[user_options.allow]
"container_spec.env.A" = true
"resource_spec.pids_limit" = { max = 100 }
"resource_spec.mem_limit" = { max = "4 apples" }
"container_spec.ulimits.nofile" = { max = 100 }
"#;

fn asked(request: &str) -> Run {
    run(&[("swarmgen.toml", OPEN), ("o.json", request)], "render -u al -f service --show-secrets --user-options o.json")
}

#[test]
fn a_request_reads_no_files_and_runs_no_commands() {
    for reference in [r#"{"command": ["id"]}"#, r#"{"file": "o.json"}"#, r#"{"env": "PATH"}"#] {
        asked(&format!(r#"{{"container_spec": {{"env": {{"A": {reference}}}}}}}"#))
            .refused("only a config document may refer to a secret");
    }
    let config = ("swarmgen.toml", "users_file = \"u.json\"\n[container_spec]\nimage = \"a/b:1\"\nenv.A = \"{a}\"\n");
    run(&[config, ("u.json", r#"[{"name": "al", "a": {"file": "u.json"}}]"#)], "validate")
        .refused("only a config document may refer to a secret");
}

#[test]
fn a_request_cannot_lift_a_limit() {
    for request in [
        r#"{"resource_spec": {"pids_limit": 0}}"#,
        r#"{"resource_spec": {"pids_limit": "0"}}"#,
        r#"{"container_spec": {"ulimits": {"nofile": -1}}}"#,
    ] {
        asked(request).refused("exceeds what user options may ask for");
    }
    asked(r#"{"resource_spec": {"mem_limit": "1T"}}"#).refused("has a limit that is no amount");
    assert_eq!(asked(r#"{"resource_spec": {"pids_limit": 100}}"#).code, Some(0));
}

#[test]
fn diagnostics_about_users_files_show_no_secrets() {
    let config = ("swarmgen.toml", "users_file = \"u.csv\"\n[container_spec]\nimage = \"a/b:1\"\n");
    run(&[config, ("u.csv", "name,password\nal,hunter2\nal,hunter3\n")], "validate")
        .refused("listed twice")
        .hides("hunter");
    let config = ("swarmgen.toml", "users_file = \"u.json\"\n[container_spec]\nimage = \"a/b:1\"\n");
    let users = r#"[{"name": "al", "ssh": {"password": "hunter2"}}, {"name": "al", "token": "hunter3"}]"#;
    run(&[config, ("u.json", users)], "validate").refused("listed twice").hides("hunter");
    let users = r#"[{"name": "al", "ssh": {"password": "hunter2"}, "overrides": {"envv": 1}}]"#;
    run(&[config, ("u.json", users)], "validate").refused("unknown key").hides("hunter");
}

#[test]
fn diagnostics_about_requests_and_the_hubs_environment_show_no_secrets() {
    asked(r#"{"resource_spec": {"x": 1}, "password": "hunter2"}"#).refused("may not set").hides("hunter");
    let hub = ("h.json", r#"{"JUPYTERHUB_API_TOKEN": "hunter2", "COOKIE": "hunter3", "X": null}"#);
    run(&[("swarmgen.toml", OPEN), hub], "render -u al --hub-env h.json").refused("found null").hides("hunter");
}

#[test]
fn the_hubs_token_is_a_secret_whatever_the_attributes_are() {
    let config = ("swarmgen.toml", "secret_attributes = [\"pin\"]\n[container_spec]\nimage = \"a/b:1\"\n");
    let hub = ("h.env", "JUPYTERHUB_API_TOKEN=hunter2\n");
    let run = run(&[config, hub], "render -u al --hub-env h.env").refused("secrets");
    assert!(run.out.is_empty(), "{}", run.out);
}

#[test]
fn the_hubs_environment_is_checked_as_the_configs() {
    let with =
        |text: &str| run(&[("swarmgen.toml", OPEN), ("h.json", text)], "render -u al --show-secrets --hub-env h.json");
    with(r#"{"A=B": "1"}"#).refused("holds `=`");
    with(r#"{"": "1"}"#).refused("is empty");
    with(r#"{"A": "a\u0000b"}"#).refused("NUL byte");
    with(&format!(r#"{{"A": "{}"}}"#, "x".repeat(131_072))).refused("too long");
}

#[test]
fn a_secret_in_a_secrets_place_is_not_told() {
    for place in [r#"{ file = "keys/{token}" }"#, r#"{ env = "X_{token}" }"#, r#"{ command = ["/nope/{token}"] }"#] {
        let config = format!("[container_spec]\nimage = \"a/b:1\"\nenv.A = {place}\n[users.al]\ntoken = \"hunter2\"\n");
        run(&[("swarmgen.toml", &config)], "validate").refused("the secret cannot be read").hides("hunter");
    }
    let config =
        "networks = [\"{token}\", \"{token}\"]\n[container_spec]\nimage = \"a/b:1\"\n[users.al]\ntoken = \"hunter2\"\n";
    run(&[("swarmgen.toml", config)], "validate").refused("listed twice").hides("hunter");
}

#[test]
fn values_of_dots_lead_out_of_no_folder() {
    for path in ["keys/{a}{a}/id", "keys/.{a}/id", "keys/{a}/id"] {
        let config =
            format!("[container_spec]\nimage = \"a/b:1\"\nenv.A = {{ file = \"{path}\" }}\n[users.al]\na = \".\"\n");
        run(&[("swarmgen.toml", &config), ("id", "x"), ("keys/id", "x")], "validate").refused("out of its folder");
    }
}

#[test]
fn a_bind_never_falls_back_to_the_folder_of_all() {
    let config = |source: &str, user: &str| {
        format!(
            "[container_spec]\nimage = \"a/b:1\"\n[[container_spec.mounts]]\ntype = \"bind\"\nsource = \"{source}\"\n\
             target = \"/home\"\n[users.\"{user}\"]\nhome = \"\"\n"
        )
    };
    for (source, user) in [("/srv/{home}", "al"), ("/srv/{home}/work", "al"), ("/srv/{username}", ".")] {
        run(&[("swarmgen.toml", &config(source, user))], "validate").refused("leaves nothing of a folder's name");
    }
    assert_eq!(run(&[("swarmgen.toml", &config("/srv/{username}/", "al"))], "validate").code, Some(0));
}

#[test]
fn ports_in_short_form_are_checked() {
    let with = |ports: &str| {
        let config = format!("[container_spec]\nimage = \"a/b:1\"\n[endpoint_spec]\nports = {ports}\n");
        run(&[("swarmgen.toml", &config)], "render -u al")
    };
    with(r#"{ 8080 = [8888, "quic"] }"#).refused("expected one of `tcp`, `udp`, `sctp`");
    with(r#"{ 8080 = [8888, "tcp", "hosts"] }"#).refused("expected one of `ingress`, `host`");
    with(r#"{ 8080 = [8888, 17] }"#).refused("expected one of `tcp`, `udp`, `sctp`");
    with("{ 0 = 8888 }").refused("from 1 to 65535");
    assert_eq!(with(r#"{ 8080 = [8888, "udp", "host"] }"#).code, Some(0));
}

#[test]
fn reserved_keys_of_users_files_are_checked() {
    let config = ("swarmgen.toml", "users_file = \"u.json\"\n[container_spec]\nimage = \"a/b:1\"\n");
    for wrong in [r#""groups": [2024]"#, r#""groups": {"a": true}"#, r#""groups": 7"#, r#""overrides": 3"#] {
        run(&[config, ("u.json", &format!(r#"[{{"name": "al", {wrong}}}]"#))], "validate").refused("of a user is a");
    }
    let right = r#"[{"name": "al", "groups": null}, {"name": "bo", "groups": "a;b"}, {"name": "cy", "groups": ["a"]}]"#;
    assert_eq!(run(&[config, ("u.json", right)], "validate").code, Some(0));
}

#[test]
fn attributes_refer_to_each_other_within_bounds() {
    let config = |count: usize, value: &dyn Fn(usize) -> String| {
        let mut config =
            format!("[container_spec]\nimage = \"a/b:1\"\nenv.A = \"{{a{count}}}\"\n[user_defaults]\na0 = \"x\"\n");
        for index in 1..=count {
            config += &format!("a{index} = \"{}\"\n", value(index - 1));
        }
        config
    };
    let chain = |before: usize| format!("{{a{before}}}");
    run(&[("swarmgen.toml", &config(20_000, &chain))], "validate").refused("more than 32 deep");
    let tree = |before: usize| format!("{{a{before}}}{{a{before}}}");
    run(&[("swarmgen.toml", &config(31, &tree))], "validate").refused("too often");
    assert_eq!(run(&[("swarmgen.toml", &config(31, &chain))], "validate").code, Some(0));
}

#[cfg(unix)]
#[test]
fn only_regular_files_are_replaced() {
    use std::os::unix::fs::FileTypeExt as _;
    let folder = folder(&[("swarmgen.toml", OPEN)]);
    let socket = folder.path().join("out");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_swarmgen"));
    command.current_dir(folder.path()).args(["render", "-u", "al", "-o", "out"]).assert().failure();
    assert!(fs::metadata(&socket).unwrap().file_type().is_socket());
}

#[test]
fn a_later_document_names_what_is_secret_in_an_earlier_one() {
    let config = "[container_spec]\nimage = \"a/b:1\"\nenv.A = \"{pin}\"\n[users.al]\npin = \"hunter2{zzz}\"\n";
    let names = "secret_attributes = [\"pin\"]\n";
    run(&[("a.toml", config), ("b.toml", names)], "validate -c a.toml -c b.toml").refused("zzz").hides("hunter");
}

#[test]
fn expressions_over_settings_with_secrets_are_secret() {
    let config = "notebook_dir = \"/x/{token}\"\n[container_spec]\nimage = \"a/b:1\"\nenv.A = \"{{ notebook_dir }}\"\n\
                  env.JUPYTERHUB_ROOT_DIR = \"/\"\n[users.al]\ntoken = \"hunter2\"\n";
    run(&[("swarmgen.toml", config)], "render -u al").refused("the output holds secrets");
}

#[test]
fn unset_knows_keys_by_the_name_they_were_set_under() {
    let config = "[container_spec]\nimage = \"a/b:1\"\nuid_gid = \"1:2\"\n[[images]]\nname = \"p\"\nimage = \"a/b:2\"\n\
                  unset = [\"uid_gid\", \"container_spec.image\"]\n";
    let run = run(&[("swarmgen.toml", config)], "render -u al");
    assert_eq!(run.code, Some(0));
    assert!(!run.out.contains("\n    user:") && !run.err.contains("nothing sets"), "{}{}", run.out, run.err);
}

#[test]
fn expressions_may_slice() {
    let config = "[container_spec]\nimage = \"a/b:1\"\nenv.A = \"{{ username[:3] }}{{ 'x[0]'[1:] }}\"\n";
    let run = run(&[("swarmgen.toml", config)], "render -u charlotte");
    assert!(run.out.contains("A: \"cha[0]\""), "{}{}", run.out, run.err);
}
