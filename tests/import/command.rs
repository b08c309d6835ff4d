//! What `swarmgen import` does with a config.

use std::process::{Command, Output};

use super::Folder;

const CONFIG: &str = "c.JupyterHub.spawner_class = 'jhub.SwarmSpawner'
c.SwarmSpawner.container_spec = {'env': {'A': '1'}}
c.SwarmSpawner.images = [{'image': 'registry.example.org/notebook:1', 'name': 'Lab'}]
c.SwarmSpawner.networks = ['hub']
";

fn run(folder: &Folder, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_swarmgen"));
    command.args(["import", "config.py"]).args(args).current_dir(folder.path("")).env_remove("SWARMGEN_CONFIG");
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn a_config_comes_out_with_its_lines() {
    let folder = Folder::bare(&[("config.py", CONFIG)]);
    let output = run(&folder, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("\n# config.py:4\nnetworks = [\"hub\"]\n"), "{}", text(&output.stdout));
    let value: toml::Value = toml::from_str(text(&output.stdout)).unwrap();
    assert_eq!(value["networks"][0].as_str(), Some("hub"));
}

#[test]
fn a_file_is_replaced_only_when_told() {
    let folder = Folder::bare(&[("config.py", CONFIG), ("out.toml", "mine")]);
    let output = run(&folder, &["-o", "out.toml"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(std::fs::read_to_string(folder.path("out.toml")).unwrap(), "mine");
    let output = run(&folder, &["-o", "out.toml", "--force"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(std::fs::read_to_string(folder.path("out.toml")).unwrap().contains("networks"));
    let mut left: Vec<String> =
        std::fs::read_dir(folder.path("")).unwrap().map(|entry| super::name_of(&entry.unwrap().path())).collect();
    left.sort();
    assert_eq!(left, ["config.py", "out.toml", "python"]);
}

#[test]
fn what_has_no_equivalent_is_reported() {
    let config = format!(
        "{CONFIG}def hook(spawner): pass\nc.Spawner.pre_spawn_hook = hook\nload_subconfig('gone.py')\nprint(1)\n"
    );
    let folder = Folder::bare(&[("config.py", &config)]);
    let output = run(&folder, &["-o", "out.toml"]);
    assert_eq!(output.status.code(), Some(3));
    let told = text(&output.stderr);
    assert!(told.contains("config.py:6: left: c.Spawner.pre_spawn_hook: "), "{told}");
    assert!(told.contains("config.py:7: left: load_subconfig: `gone.py` is not there"), "{told}");
    let output = run(&folder, &["-o", "out.toml", "--force", "--report", "json"]);
    assert_eq!(output.status.code(), Some(3));
    let report: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(report["needs_a_person"], true);
    assert_eq!(report["spawner"], "jhub.SwarmSpawner");
    assert_eq!(report["printed"], "config.py:8");
    let items = report["items"].as_array().unwrap();
    assert!(items.iter().any(|item| item["subject"] == "c.Spawner.pre_spawn_hook" && item["line"] == 6), "{items:?}");
}

#[test]
fn a_check_shows_the_service() {
    let folder = Folder::bare(&[("config.py", CONFIG)]);
    let output = run(&folder, &["--check", "--user", "alice"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let spec: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(spec["TaskTemplate"]["ContainerSpec"]["Image"], "registry.example.org/notebook:1");
    assert_eq!(run(&folder, &["--check"]).status.code(), Some(2));
    assert_eq!(run(&folder, &["--user", "alice"]).status.code(), Some(2));
}

#[test]
fn times_are_bounded() {
    let folder = Folder::bare(&[("config.py", CONFIG)]);
    for wrong in ["0s", "1h", "", "-1s", "2d", "99999999999s"] {
        assert_eq!(run(&folder, &[&format!("--timeout={wrong}")]).status.code(), Some(2), "{wrong}");
    }
}

#[test]
fn an_old_python_is_told() {
    let folder = Folder::bare(&[("config.py", CONFIG)]).interpreter("exit 107");
    let output = run(&folder, &["--python", "./python"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("[SG701]: `./python` is older than Python 3.7"), "{}", text(&output.stderr));
}

#[test]
fn what_is_no_config_is_told() {
    let folder = Folder::bare(&[("config.py/inner", "")]);
    let output = run(&folder, &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("[SG001]: `config.py` cannot be read: it is a directory"));
}

#[test]
fn much_output_is_not_kept() {
    let folder = Folder::bare(&[("config.py", "print('x\\n' * 5_000_000)\nraise ValueError('late')\n")]);
    let output = run(&folder, &["--verbose"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("the config raises `ValueError`: late"));
    assert!(output.stderr.len() < 1 << 20, "{}", output.stderr.len());
}

#[test]
fn dockerspawners_settings_are_told_by_its_class() {
    let config = "c.JupyterHub.spawner_class = 'dockerspawner.SwarmSpawner'
c.DockerSpawner.image = 'registry.example.org/notebook:1'
c.SwarmSpawner.network_name = 'hub'
";
    for config in [config, &config.lines().skip(1).collect::<Vec<_>>().join("\n")] {
        let output = run(&Folder::bare(&[("config.py", config)]), &[]);
        let made = text(&output.stdout);
        assert!(made.contains("escaped") && made.contains("registry.example.org/notebook:1"), "{made}");
    }
}

/// A config with what is commented, allowed, escaped and mended.
const RICH: &str = "from docker.types import *
c.JupyterHub.spawner_class = 'jhub.SwarmSpawner'
c.SwarmSpawner.container_spec = {
    'env': {'A': '{{x}}', 'B': 'yes', 'C': 'a: # b'},
    'mounts': [{'type': 'volume', 'source': 'home', 'target': '/home/jovyan/work',
                'driver_config': {'name': 'ucphhpc/sshfs:latest',
                                  'options': {'sshcmd': '{sshcmd}', 'password': '{password}'}}}],
    'healthcheck': Healthcheck(test=['CMD', 'true'], interval=30 * 10 ** 9),
}
c.SwarmSpawner.configs = [{'config_name': 'app', 'filename': '/etc/app', 'mode': 0o440}]
c.SwarmSpawner.images = [{'image': 'registry.example.org/notebook:1', 'name': 'Lab'}]
c.SwarmSpawner.resource_spec = {'cpu_limit': 1000, 'mem_limit': 512 * 1024 ** 2}
";

/// What `render` makes of a config for alice.
fn rendered(folder: &Folder, config: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_swarmgen"));
    command.args(["render", "-c", config, "--user=alice", "--set=sshcmd=alice@h:", "--set=password=p"]);
    command.args(["--show-secrets", "--format=service", "--ids=ids.json"]);
    let output = command.current_dir(folder.path("")).env_remove("SWARMGEN_CONFIG").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{config}: {}", text(&output.stderr));
    text(&output.stdout).to_owned()
}

#[test]
fn yaml_says_what_toml_says() {
    let folder = Folder::bare(&[("config.py", RICH), ("ids.json", r#"{"app": "one"}"#)]);
    for file in ["out.toml", "out.yaml", "out.yml"] {
        let output = run(&folder, &["-o", file]);
        assert_eq!(output.status.code(), Some(0), "{file}: {}", text(&output.stderr));
        let made = std::fs::read_to_string(folder.path(file)).unwrap();
        for line in [
            "# Imported from config.py by swarmgen ",
            "# config.py:3\n",
            "# config.py:12\n",
            "# As the Python config has it: every user of a node would be given the first one's files.\n",
            "# swarmgen: allow(shared-sshfs)\n",
            "# attributes of users that the templates name\n",
        ] {
            assert!(made.contains(line), "{file} lacks {line}: {made}");
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_swarmgen"));
        let validated = command.args(["validate", "-c", file]).current_dir(folder.path("")).output().unwrap();
        let told = text(&validated.stderr);
        assert_eq!(validated.status.code(), Some(0), "{file}: {told}");
        assert!(!told.contains("error[") && !told.contains("unused-allow"), "{file}: {told}");
    }
    let yaml = std::fs::read_to_string(folder.path("out.yaml")).unwrap();
    assert!(
        yaml.contains("\n    # swarmgen: allow(shared-sshfs)\n    - type: sshfs\n")
            || yaml.contains("\n      # swarmgen: allow(shared-sshfs)\n      source: home\n"),
        "{yaml}"
    );
    assert_eq!(rendered(&folder, "out.toml"), rendered(&folder, "out.yaml"));
    assert_eq!(yaml, std::fs::read_to_string(folder.path("out.yml")).unwrap());
    let asked = run(&folder, &["--format", "yaml"]);
    assert_eq!(text(&asked.stdout), yaml);
    let toml = run(&folder, &["--format", "toml", "-o", "toml.yaml"]);
    assert_eq!(toml.status.code(), Some(0));
    assert!(std::fs::read_to_string(folder.path("toml.yaml")).unwrap().contains("[container_spec]"));
    let json = run(&folder, &["-o", "out.json"]);
    assert_eq!(json.status.code(), Some(1));
    assert!(text(&json.stderr).contains("no room for comments") && !folder.path("out.json").exists());
}

#[test]
fn the_old_readmes_limit_is_mended_and_told() {
    for (limit, made, told) in [
        ("1000", "cpu_limit = 1\n", Some("thousandths of a CPU: `1`")),
        ("1500", "cpu_limit = 1.5\n", Some("thousandths of a CPU: `1.5`")),
        ("2", "cpu_limit = 2\n", Some("taken for 2 CPUs")),
        ("int(1.5 * 1e9)", "cpu_limit = 1.5\n", None),
    ] {
        let config = format!("{CONFIG}c.SwarmSpawner.resource_spec = {{'cpu_limit': {limit}, 'mem_limit': 1 << 30}}\n");
        let folder = Folder::bare(&[("config.py", &config)]);
        let output = run(&folder, &["-o", "out.toml"]);
        assert_eq!(output.status.code(), Some(0), "{limit}: {}", text(&output.stderr));
        let config = std::fs::read_to_string(folder.path("out.toml")).unwrap().replace(", mem_limit = \"1G\" }", "\n");
        assert!(config.contains(made), "{limit}: {config}");
        let report = text(&output.stderr);
        assert_eq!(report.contains("mended: resource_spec.cpu_limit: "), told.is_some(), "{limit}: {report}");
        assert!(report.contains(told.unwrap_or("wrote")), "{limit}: {report}");
    }
}

#[test]
fn what_the_config_may_not_hold_needs_a_person() {
    let config = format!("{CONFIG}c.SwarmSpawner.resource_spec = {{'mem_limit': 1000}}\n");
    let folder = Folder::bare(&[("config.py", &config)]);
    for (file, place) in [("out.toml", "out.toml:"), ("out.yaml", "out.yaml:")] {
        let output = run(&folder, &["-o", file]);
        assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
        let told = text(&output.stderr);
        assert!(told.contains(&format!("left: {place}")) && told.contains("(SG212); "), "{told}");
    }
}

#[test]
fn the_version_decides_how_owners_are_called() {
    let metadata = |version: &str| format!("Metadata-Version: 2.1\nName: jhub-swarmspawner\nVersion: {version}\n");
    let old = CONFIG.replace("c.SwarmSpawner.images", "c.SwarmSpawner.dockerimages");
    for (config, version, scheme, comment) in [
        (CONFIG, None, "last32", "write `md5` if yours do."),
        (CONFIG, Some("0.6.3"), "last32", "# jhub-swarmspawner 0.6.3 is installed."),
        (CONFIG, Some("0.4.1"), "md5", "# jhub-swarmspawner 0.4.1 is installed."),
        (CONFIG, Some("strange"), "last32", "write `md5` if yours do."),
        (old.as_str(), None, "md5", "`dockerimages` tells a version of jhub-SwarmSpawner before 0.6."),
        (old.as_str(), Some("0.6.3"), "last32", "# jhub-swarmspawner 0.6.3 is installed."),
    ] {
        let about = version.map(metadata).unwrap_or_default();
        let name = "installed/jhub_swarmspawner-0.dist-info/METADATA";
        let mut files = vec![("config.py", config), ("installed/none.py", "")];
        files.extend(version.map(|_| (name, about.as_str())));
        let made = run(&Folder::installed(&files), &["--python=./python"]);
        let made = text(&made.stdout);
        assert!(made.contains(&format!("naming = {{ scheme = \"{scheme}\" }}")), "{version:?}: {made}");
        assert!(made.contains(comment), "{version:?}: {made}");
    }
    let files = [
        ("config.py", CONFIG),
        ("installed/jhub/__init__.py", "class SwarmSpawner: pass"),
        ("installed/jhub/_version.py", "__version__ = '0.5.2'\n"),
    ];
    let made = run(&Folder::installed(&files), &["--python=./python"]);
    assert!(text(&made.stdout).contains("# jhub-swarmspawner 0.5.2 is installed."), "{}", text(&made.stdout));
    let other = run(&Folder::bare(&[("config.py", &CONFIG.replace("jhub.", "cassinyspawner."))]), &[]);
    assert!(text(&other.stdout).contains("md5") && !text(&other.stdout).contains("0.6"), "{}", text(&other.stdout));
}
