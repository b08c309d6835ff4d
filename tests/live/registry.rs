//! A registry that answers: images are pinned by it, asked for once, with the credentials that the docker config names.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;

use crate::commands::Ran;
use crate::engine::{Engine, NOTEBOOK, run};
use crate::proxy::{Proxy, Requests};
use crate::scenario::Scenario;
use crate::until::until;

/// Where it listens on the node: the engine speaks to registries of its own machine without TLS.
const ADDRESS: &str = "127.0.0.1:5055";
const USER: &str = "anna";
const PASSWORD: &str = "canary-registry-2c4f";

/// A registry on an engine's node, which ends with the engine.
struct Registry<'e> {
    engine: &'e Engine,
    log: PathBuf,
}

impl<'e> Registry<'e> {
    fn on(engine: &'e Engine, folder: &Path) -> Self {
        let log = folder.join("registry.log");
        std::fs::write(&log, "").unwrap();
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/live/registry/registry.py");
        let (port, log_name) = (ADDRESS.split_once(':').unwrap().1, log.to_str().unwrap());
        let registry = ["setsid", "--fork", "python3", program.to_str().unwrap(), port, USER, PASSWORD, log_name];
        let mut start = engine.inside(1, &registry);
        start.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        assert!(start.status().unwrap().success());
        let ping = format!("printf 'GET /v2/ HTTP/1.0\\r\\n\\r\\n' >/dev/tcp/{}", ADDRESS.replace(':', "/"));
        let listens = || engine.inside(1, &["bash", "-c", &ping]).output().unwrap().status.success();
        until("the registry listens", 20, listens, String::new);
        Self { engine, log }
    }

    /// Gives it the stand-in under a name, which the node then has no more.
    fn has(&self, config: &Path, image: &str) {
        let docker = |arguments: &[&str]| {
            run(self.engine.docker(arguments).env("DOCKER_CONFIG", config));
        };
        docker(&["tag", NOTEBOOK, image]);
        docker(&["push", image]);
        docker(&["rmi", image]);
    }

    /// What it was asked since this was last told.
    fn asked(&self) -> Vec<String> {
        let asked = std::fs::read_to_string(&self.log).unwrap();
        std::fs::write(&self.log, "").unwrap();
        asked.lines().map(str::to_owned).collect()
    }
}

impl Drop for Registry<'_> {
    fn drop(&mut self) {
        let port = ADDRESS.split_once(':').unwrap().1;
        let end = format!("kill $(pgrep -f 'registry.py {port} ')");
        let _ = self.engine.inside(1, &["sh", "-c", &end]).output();
    }
}

/// The images of a scenario's services, which have to be pinned.
fn pinned(scenario: &Scenario<'_>) -> Vec<String> {
    let image = |service: &Value| {
        let image = &service["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"];
        let image = image.as_str().unwrap().to_owned();
        let (_, digest) = image.split_once("@sha256:").unwrap_or_else(|| panic!("not pinned: {image}"));
        assert_eq!(digest.len(), 64, "{image}");
        image
    };
    scenario.services().iter().map(image).collect()
}

#[test]
fn images_are_pinned_and_pulled_with_the_credentials_of_the_docker_config() {
    let mut scenario = Scenario::new(Engine::shared(), "registry");
    let engine = scenario.engine();
    let registry = Registry::on(engine, scenario.folder());
    let proxy = Proxy::before(&engine.socket(1));
    scenario.goes_through(&proxy.socket());
    // "anna:canary-registry-2c4f" in base64, as `docker login` writes it.
    let login = scenario.write(
        "login/config.json",
        &format!(r#"{{"auths": {{"{ADDRESS}": {{"auth": "YW5uYTpjYW5hcnktcmVnaXN0cnktMmM0Zg=="}}}}}}"#),
    );
    let helper = scenario.write(
        "bin/docker-credential-stand-in",
        &format!("#!/bin/sh\nread -r server\necho \"{{\\\"ServerURL\\\":\\\"$server\\\",\\\"Username\\\":\\\"{USER}\\\",\\\"Secret\\\":\\\"{PASSWORD}\\\"}}\"\n"),
    );
    std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).unwrap();
    let helped = scenario.write("helped/config.json", &format!(r#"{{"credHelpers": {{"{ADDRESS}": "stand-in"}}}}"#));
    let nobody = scenario.write("nobody/config.json", "{}");
    let path = std::env::join_paths(
        std::iter::once(helper.parent().unwrap().to_owned())
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    let path = path.unwrap();
    let ran = |config: &Path, arguments: &[&str]| -> Ran {
        let mut command = scenario.swarmgen(arguments);
        command.env("DOCKER_CONFIG", config.parent().unwrap()).env("PATH", &path);
        let ran = Ran::from(command.output().unwrap());
        assert!(!format!("{}{}", ran.stdout, ran.stderr).contains(PASSWORD), "{}", ran.stderr);
        ran
    };
    let questions = || proxy.count(&Requests::to("GET", "/distribution/*/registry/*/json"));
    for (round, config) in [&login, &helped].into_iter().enumerate() {
        let images = ["a", "b"].map(|name| format!("{ADDRESS}/registry/{name}{round}:1"));
        images.iter().for_each(|image| registry.has(login.parent().unwrap(), image));
        registry.asked();
        let mut users = String::new();
        for user in 0..6 {
            let image = &images[user % 2];
            writeln!(users, "[users.u{user}.overrides]\nimage = \"{image}\"").unwrap();
        }
        scenario.has_config("", &users);
        let before = questions();
        ran(config, &["apply", "--yes", "--timeout", "60s"]).ends_with(0);
        assert_eq!(questions() - before, 2, "each image is asked for once, whatever the class");
        let pinned = pinned(&scenario);
        for (user, image) in pinned.iter().enumerate() {
            assert!(image.starts_with(&images[user % 2]), "{pinned:?}");
            assert!(engine.runs(&format!("registry-u{user}-1")));
        }
        let asked = registry.asked();
        for name in ["a", "b"] {
            // Looked up by the engine for the program, and pulled by the node with what went along with the service.
            let of = |what: &str| {
                let path = format!("/v2/registry/{name}{round}/{what}/");
                asked.iter().filter(|line| line.contains(&path) && line.ends_with(&format!(" {USER}"))).count()
            };
            assert!(of("manifests") >= 2 && of("blobs") >= 1, "{asked:?}");
        }
        // What stands is not asked for again, unless that is asked for.
        let before = questions();
        ran(config, &["apply", "--yes", "--timeout", "60s"]).ends_with(0);
        assert_eq!(questions(), before);
        ran(config, &["plan", "--resolve-image", "always"]).ends_with(0);
        assert_eq!(questions() - before, 2);
    }
    // Without credentials the tag is not known, and that is told.
    let image = format!("{ADDRESS}/registry/a0:1");
    scenario.has_config("", &format!("[users.u9.overrides]\nimage = \"{image}\"\n"));
    let ran = ran(&nobody, &["plan"]).ends_with(3).says("warning[SG518]");
    ran.says(&format!("the digest of `{image}` is not known"));
}
