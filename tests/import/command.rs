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
