//! The engine that is meant: what the docker CLI reaches by its contexts, variables and ssh, swarmgen reaches, too.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair};

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
    let cases: [Case<'_>; 10] = [
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
    let both = ["--context", "lab.one", "-H", &socket];
    assert!(!docker(&scenario, &[&both[..], &["node", "ls"]].concat()).output().unwrap().status.success());
    let program = Command::new(env!("CARGO_BIN_EXE_swarmgen"));
    let ours = own_config(&scenario, program, &[&["status"][..], &both].concat()).output().unwrap();
    Ran::from(ours).ends_with(2).says("cannot be used with '--host <URL>'");
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
    let socket = scenario.engine().socket(1).display().to_string();
    let asks = |user: &str, program: &[&str]| {
        // What the script that leads into the node would take out of the environment.
        let host = format!("DOCKER_HOST=ssh://{user}@{ADDRESS}:2222{socket}");
        let mut command = scenario.engine().inside(1, &[&["env", &host], program].concat());
        command.env("PATH", &path).env("SWARMGEN_CONFIG", &config);
        Ran::from(command.output().unwrap())
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

/// Writes what TLS wants of one end into a folder, as docker names it: `ca.pem`, `cert.pem`, `key.pem`.
fn has_certificate(folder: &Path, authority: &CertifiedIssuer<'_, KeyPair>) {
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let key = KeyPair::generate().unwrap();
    fs::create_dir_all(folder).unwrap();
    for (name, text) in [
        ("ca.pem", authority.pem()),
        ("cert.pem", params.signed_by(&key, authority).unwrap().pem()),
        ("key.pem", key.serialize_pem()),
    ] {
        fs::write(folder.join(name), text).unwrap();
    }
}

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

#[test]
fn an_engine_that_wants_certificates() {
    let certificates = tempfile::tempdir().unwrap();
    let folder = |name: &str| certificates.path().join(name);
    let (ours, theirs) = (authority("ours"), authority("theirs"));
    for (name, authority) in [("engine", &ours), ("client", &ours), ("stranger", &theirs)] {
        has_certificate(&folder(name), authority);
    }
    // Whom it trusts, and who cannot show it a certificate of theirs.
    fs::copy(folder("client/ca.pem"), folder("stranger/ca.pem")).unwrap();
    has_certificate(&folder("distrusts"), &ours);
    fs::write(folder("distrusts/ca.pem"), theirs.pem()).unwrap();
    let engine = Engine::with_certificates(&folder("engine"));
    let scenario = Scenario::new(&engine, "certified");
    scenario.has_config("", "[users.anna]\n");
    let (config, host) = (scenario.folder().join("swarmgen.toml"), "tcp://127.0.0.1:2376");
    let asks = |program: &[&str], variables: &[(&str, &str)]| {
        let set: Vec<String> = variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let set: Vec<&str> = set.iter().map(String::as_str).collect();
        let mut command = engine.inside(1, &[&["env"], &*set, program].concat());
        command.env("DOCKER_CONFIG", scenario.folder().join("docker")).env("SWARMGEN_CONFIG", &config);
        Ran::from(command.output().unwrap())
    };
    let swarmgen = env!("CARGO_BIN_EXE_swarmgen");
    let paths = ["client", "stranger", "distrusts"].map(|name| folder(name).display().to_string());
    let [client, stranger, distrusts] = &paths;
    let all = [("DOCKER_HOST", host), ("DOCKER_TLS_VERIFY", "1"), ("DOCKER_CERT_PATH", client)];
    asks(&[swarmgen, "apply", "--resolve-image", "never"], &all).ends_with(0);
    assert_eq!(scenario.service_names(), ["certified-anna-1"]);
    // A context has copies of the certificates.
    let with = format!("host={host},ca={client}/ca.pem,cert={client}/cert.pem,key={client}/key.pem");
    asks(&["docker", "context", "create", "certified", "--docker", &with], &[]).ends_with(0);
    for (case, variables, arguments, works) in [
        ("with a certificate", &all[..], &[][..], true),
        ("by its context", &[], &["--context", "certified"], true),
        ("without verifying", &[("DOCKER_HOST", host), ("DOCKER_TLS", "1"), ("DOCKER_CERT_PATH", client)], &[], true),
        ("without TLS", &all[..1], &[], false),
        ("with somebody else's", &[all[0], all[1], ("DOCKER_CERT_PATH", stranger)], &[], false),
        ("who trusts others", &[all[0], all[1], ("DOCKER_CERT_PATH", distrusts)], &[], false),
    ] {
        let theirs = asks(&[&["docker"], arguments, &["node", "ls"]].concat(), variables);
        assert_eq!(theirs.code == 0, works, "{case}: docker says {}", theirs.stderr);
        let ran = asks(&[&[swarmgen, "status"], arguments].concat(), variables);
        assert_eq!(ran.code, if works { 0 } else { 5 }, "{case}: {}", ran.stderr);
        assert!(!works || ran.stdout.contains("anna"), "{case}: {}", ran.stdout);
    }
    asks(&[swarmgen, "destroy", "--all", "--yes"], &all).ends_with(0);
}
