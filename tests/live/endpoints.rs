//! The engine that is meant: what the docker CLI reaches by its contexts, variables and ssh, swarmgen reaches, too.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use crate::commands::Ran;
use crate::engine::{Engine, reach, run};
use crate::homes::{ADDRESS, Homes};
use crate::scenario::Scenario;

/// The docker CLI with the scenario's own docker config, and no engine named.
fn docker(scenario: &Scenario<'_>, arguments: &[&str]) -> Command {
    own_config(scenario, Command::new("docker"), arguments)
}

fn own_config(scenario: &Scenario<'_>, mut command: Command, arguments: &[&str]) -> Command {
    reach(&mut command, &scenario.engine().socket(1)).env_remove("DOCKER_HOST").args(arguments);
    command.env("DOCKER_CONFIG", scenario.folder().join("docker"));
    command
}

#[test]
fn the_context_is_the_one_that_docker_takes() {
    let scenario = Scenario::new(Engine::shared(), "contexts");
    scenario.has_config("", "[users.anna]\n");
    let socket = format!("unix://{}", scenario.engine().socket(1).display());
    for (name, host) in [("lab.one", &*socket), ("gone", "unix:///nowhere/docker.sock")] {
        run(&mut docker(&scenario, &["context", "create", name, "--docker", &format!("host={host}")]));
    }
    let (lab, gone) = (["--context", "lab.one"], ["--context", "gone"]);
    let nowhere = "unix:///nowhere/else.sock";
    // What is in use, the variables, the arguments; whether that is an engine, and what swarmgen says where it is none.
    type Case<'c> = (&'c str, &'c [(&'c str, &'c str)], &'c [&'c str], Option<&'c str>);
    let cases: [Case<'_>; 11] = [
        ("lab.one", &[], &[], None),
        ("gone", &[], &[], Some("unix:///nowhere/docker.sock (context `gone`)")),
        ("gone", &[("DOCKER_CONTEXT", "lab.one")], &[], None),
        ("lab.one", &[("DOCKER_CONTEXT", "gone")], &[], Some("unix:///nowhere/docker.sock (context `gone`)")),
        ("gone", &[], &lab, None),
        ("lab.one", &[], &gone, Some("unix:///nowhere/docker.sock (context `gone`)")),
        ("gone", &[("DOCKER_CONTEXT", "gone"), ("DOCKER_HOST", nowhere)], &lab, None),
        ("lab.one", &[("DOCKER_HOST", nowhere)], &[], Some("unix:///nowhere/else.sock (from DOCKER_HOST)")),
        ("gone", &[("DOCKER_CONTEXT", "gone"), ("DOCKER_HOST", nowhere)], &["-H", &socket], None),
        ("lab.one", &[], &["--context", "absent"], Some("there is no context `absent` in")),
        ("lab.one", &[], &["--context", "lab.one", "-H", &socket], Some("`-H` and `--context` both name an engine")),
    ];
    for case @ (current, variables, arguments, refusal) in cases {
        // With DOCKER_HOST set it is of no effect, of which docker warns.
        run(&mut docker(&scenario, &["context", "use", current]));
        let theirs =
            docker(&scenario, &[arguments, &["node", "ls"]].concat()).envs(variables.to_vec()).output().unwrap();
        assert_eq!(theirs.status.success(), refusal.is_none(), "{case:?}: {}", String::from_utf8_lossy(&theirs.stderr));
        let program = Command::new(env!("CARGO_BIN_EXE_swarmgen"));
        let mut ours = own_config(&scenario, program, &[&["status"], arguments].concat());
        ours.current_dir(scenario.folder()).envs(variables.to_vec());
        let ran = Ran::from(ours.output().unwrap());
        match refusal {
            None => assert_eq!(ran.code, 0, "{case:?}: {}", ran.stderr),
            Some(says) => assert!(ran.code == 5 && ran.stderr.contains(says), "{case:?}: {}: {}", ran.code, ran.stderr),
        }
    }
}

#[test]
fn an_engine_behind_a_real_ssh_server() {
    let scenario = Scenario::new(Engine::shared(), "tunnel");
    scenario.has_config("", "[users.anna]\n[users.ben]\n");
    let key = Homes::shared().has_user("root").key;
    let (key, known) = (scenario.write("key", &key), scenario.folder().join("known_hosts"));
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    // Both programs start what is called ssh: the real one, without this machine's settings.
    let settings = scenario.write(
        "settings",
        &format!(
            "IdentityFile {}\nIdentitiesOnly yes\nUserKnownHostsFile {}\nStrictHostKeyChecking accept-new\n",
            key.display(),
            known.display()
        ),
    );
    let ssh = scenario.write("bin/ssh", &format!("#!/bin/sh\nexec /usr/bin/ssh -F {} \"$@\"\n", settings.display()));
    fs::set_permissions(&ssh, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", ssh.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let config = scenario.folder().join("swarmgen.toml");
    let host = |user: &str| format!("ssh://{user}@{ADDRESS}:2222{}", scenario.engine().socket(1).display());
    let asks = |user: &str, program: &[&str]| {
        let mut command = scenario.engine().inside(1, program);
        reach(&mut command, &scenario.engine().socket(1)).env("PATH", &path).env("DOCKER_HOST", host(user));
        Ran::from(command.env("SWARMGEN_CONFIG", &config).output().unwrap())
    };
    let swarmgen = env!("CARGO_BIN_EXE_swarmgen");
    asks("root", &["docker", "node", "ls"]).ends_with(0);
    asks("root", &[swarmgen, "apply", "--resolve-image", "never"]).ends_with(0);
    assert_eq!(scenario.service_names(), ["tunnel-anna-1", "tunnel-ben-1"]);
    let listed = asks("root", &[swarmgen, "status"]).ends_with(0).stdout;
    assert!(listed.contains("anna") && listed.contains("running"), "{listed}");
    // A user whom this key does not let in.
    let _ = Homes::shared().has_user("nobody-here");
    asks("nobody-here", &["docker", "node", "ls"]).ends_with(1);
    let refused = asks("nobody-here", &[swarmgen, "status"]).ends_with(5);
    refused.says("ssh did not reach the engine").says("Permission denied");
    asks("root", &[swarmgen, "destroy", "--all", "--yes"]).ends_with(0);
    assert_eq!(scenario.service_names(), [""; 0]);
}
