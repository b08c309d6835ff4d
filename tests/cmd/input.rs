//! What `render` takes besides the config.

use super::*;

const CHOICE: &str = r#"
use_user_options = true

[user_options.allow]
"resource_spec.mem_limit" = { max = "4G" }

[[images]]
name = "Python"
image = "registry.example.org/python:1"

[[images]]
name = "GPU"
image = "registry.example.org/gpu:1"
access = ["group:gpu"]

[users.alice]
groups = ["gpu"]

[users.bob]
"#;

/// The service that is rendered.
#[track_caller]
fn service(folder: &Folder, args: &[&str]) -> serde_json::Value {
    let args = [&["render", "--format", "service", "--show-secrets"][..], args].concat();
    serde_json::from_str(&folder.run(&args).ok()).unwrap()
}

fn env(service: &serde_json::Value) -> Vec<&str> {
    let env = &service["TaskTemplate"]["ContainerSpec"]["Env"];
    env.as_array().into_iter().flatten().filter_map(serde_json::Value::as_str).collect()
}

#[test]
fn profiles_are_chosen_by_name() {
    let folder = Folder::with(CHOICE);
    let image = |args: &[&str]| service(&folder, args)["TaskTemplate"]["ContainerSpec"]["Image"].clone();
    assert_eq!(image(&["--user", "alice"]), "registry.example.org/python:1");
    assert_eq!(image(&["--user", "alice", "--profile", "GPU"]), "registry.example.org/gpu:1");
    let near = folder.run(&["render", "--user", "bob", "--profile", "Pyton"]).refused("SG308");
    assert!(near.contains("did you mean `Python`?"), "{near}");
    folder.run(&["render", "--user", "bob", "--profile", "GPU"]).refused("SG307");
    // Whoever may not use a profile is not told its name.
    let far = folder.run(&["render", "--user", "bob", "--profile", "GPUs"]).refused("SG308");
    assert!(far.contains("choose `Python`") && !far.contains("`GPU`"), "{far}");
}

#[test]
fn the_operators_choice_comes_before_the_requests_and_that_before_the_users_own() {
    let folder = Folder::with(&CHOICE.replace("groups = [\"gpu\"]", "groups = [\"gpu\"]\nprofile = \"GPU\""));
    let image = |args: &[&str]| {
        let args = [&["--user", "alice"][..], args].concat();
        service(&folder, &args)["TaskTemplate"]["ContainerSpec"]["Image"].clone()
    };
    let (python, gpu) = ("registry.example.org/python:1", "registry.example.org/gpu:1");
    assert_eq!(image(&[]), gpu);
    folder.put("python.json", r#"{"profile": "Python"}"#);
    folder.put("gpu.json", r#"{"user_selected_name": "GPU"}"#);
    assert_eq!(image(&["--user-options", "python.json"]), python);
    assert_eq!(image(&["--user-options", "python.json", "--profile", "GPU"]), gpu);
    assert_eq!(image(&["--user-options", "gpu.json", "--profile", "Python"]), python);
    assert_eq!(image(&["--profile", "Python"]), python);
}

#[test]
fn a_request_stays_within_its_bounds() {
    let folder = Folder::with(CHOICE);
    let refused = |text: &str, id: &str| {
        folder.put("request.json", text);
        folder.run(&["render", "--user", "bob", "--user-options", "request.json"]).refused(id)
    };
    refused(r#"{"profile": "GPU"}"#, "SG307");
    refused(r#"{"profile": "Julia"}"#, "SG308");
    refused(r#"{"resource_spec": {"mem_limit": "5G"}}"#, "SG304");
    refused(r#"{"container_spec": {"mounts": ["/:/host"]}}"#, "SG305");
    refused(r#"{"image": "evil"}"#, "SG305");
    refused(r#"["GPU"]"#, "SG102");
    refused("", "SG004");
    folder.put("request.json", r#"{"resource_spec": {"mem_limit": "2G"}, "user_selected_name": "Python"}"#);
    let body = service(&folder, &["--user", "bob", "--user-options", "request.json"]);
    assert_eq!(body["TaskTemplate"]["Resources"]["Limits"]["MemoryBytes"], 2_147_483_648_u64);
    folder.put("request.json", r#"{"user_selected_name": "GPU", "user_selected_image": "registry.example.org/gpu:1"}"#);
    let body = service(&folder, &["--user", "alice", "--user-options", "request.json"]);
    assert_eq!(body["TaskTemplate"]["ContainerSpec"]["Image"], "registry.example.org/gpu:1");
}

#[test]
fn a_short_form_stays_within_the_bounds_of_what_it_says() {
    let folder = Folder::with(
        r#"
networks = ["hub"]
images = [{ name = "Python", image = "registry.example.org/python:1" }]
[user_options.allow]
"env" = true
"container_spec.env.THEME" = { values = ["dark", "light"] }
"container_spec.ulimits" = true
"container_spec.ulimits.nofile.hard" = { max = 1024 }
"#,
    );
    let asked = |request: serde_json::Value| {
        folder.put("request.json", request.to_string());
        folder.run(&["render", "--user", "alice", "--user-options", "request.json"])
    };
    for (within, beyond) in [
        (serde_json::json!({"env": ["THEME=dark", "A=b"]}), serde_json::json!({"env": ["THEME=pink"]})),
        (
            serde_json::json!({"container_spec": {"ulimits": {"nofile": 1000}}}),
            serde_json::json!({"container_spec": {"ulimits": {"nofile": 999_999}}}),
        ),
    ] {
        asked(within).ok();
        asked(beyond).refused("SG304");
    }
}

#[test]
fn an_image_that_is_chosen_is_compared_with_what_the_user_would_get() {
    let folder = Folder::with(
        r#"
use_user_options = true
networks = ["hub"]
user_defaults.release = "1"
users.alice.release = "2"
users.bob.overrides.image = "registry.example.org/other:{release}"
images = [{ name = "Python", image = "registry.example.org/python:{release}" }]
"#,
    );
    let choose = |user: &str, image: &str| {
        let request = serde_json::json!({"user_selected_name": "Python", "user_selected_image": image});
        folder.put("request.json", request.to_string());
        folder.run(&["render", "--user", user, "--user-options", "request.json"])
    };
    for (user, image) in [("alice", "registry.example.org/python:2"), ("bob", "registry.example.org/other:1")] {
        assert!(choose(user, image).ok().contains(image));
    }
    for (user, image) in [
        ("alice", "registry.example.org/python:1"),
        ("bob", "registry.example.org/python:1"),
        ("alice", "registry.example.org/python:{release}"),
    ] {
        choose(user, image).refused("SG308");
    }
}

#[test]
fn a_null_in_a_users_file_is_as_an_empty_cell() {
    let folder = Folder::with(
        r#"
users_file = "users.json"
networks = ["hub"]
user_defaults.room = "hall"
container_spec.env = { ROOM = "{room}", DESK = "{desk}" }
images = [{ name = "Python", image = "registry.example.org/python:1" }]
"#,
    );
    folder.put("users.json", r#"[{"name": "alice", "room": null, "desk": "7"}, {"name": "bob", "desk": null}]"#);
    assert_eq!(env(&service(&folder, &["--user", "alice"])), ["DESK=7", "ROOM=hall"]);
    folder.run(&["render", "--user", "bob"]).refused("SG302");
}

#[test]
fn the_hubs_environment_comes_in_two_forms() {
    let folder = Folder::with(GOOD);
    folder.put(
        "hub.json",
        r#"{"JUPYTERHUB_USER": "alice", "EMPTY": "", "NUMBER": 3, "BRACES": "{name} {{ .Node.ID }}"}"#,
    );
    folder.put(
        "hub.env",
        "# as `env` prints it\nJUPYTERHUB_USER=alice\r\nEMPTY=\n\nNUMBER=3\nBRACES={name} {{ .Node.ID }}\n",
    );
    let expected = ["BRACES={name} {{`{{`}} .Node.ID }}", "EMPTY=", "JUPYTERHUB_USER=alice", "NUMBER=3"];
    for file in ["hub.json", "hub.env"] {
        assert_eq!(env(&service(&folder, &["--user", "alice", "--hub-env", file])), expected, "{file}");
    }
    let args = ["render", "--user", "alice", "--format", "service", "--hub-env", "-"];
    let piped = Ran::from(folder.command(&args).write_stdin(folder.read("hub.json")).output().unwrap());
    assert_eq!(env(&serde_json::from_str(&piped.ok()).unwrap()), expected);
    folder.run(&["render", "--user", "alice", "--hub-env", "missing.env"]).refused("SG001");
    for line in ["export JUPYTERHUB_USER=alice", "JUPYTERHUB_USER = alice"] {
        folder.put("shell.env", format!("{line}\n"));
        let told = folder.run(&["render", "--user", "alice", "--hub-env", "shell.env"]).refused("SG005");
        assert!(told.contains("without `export`") && !told.contains("alice"), "{told}");
    }
}

#[test]
fn ids_come_from_a_file() {
    let folder = Folder::with(&format!("configs = [\"motd\"]\n{GOOD}"));
    folder.run(&["render", "--user", "alice", "--format", "service"]).refused("SG402");
    folder.put("ids.json", r#"{"motd": "abc"}"#);
    let body = service(&folder, &["--user", "alice", "--ids", "ids.json"]);
    assert_eq!(body["TaskTemplate"]["ContainerSpec"]["Configs"][0]["ConfigID"], "abc");
    folder.put("others.json", r#"{"other": "abc"}"#);
    folder.run(&["render", "--user", "alice", "--format", "service", "--ids", "others.json"]).refused("SG402");
    // A stack needs none.
    folder.run(&["render", "--user", "alice"]).ok();
}

#[test]
fn attributes_are_set_as_literal_text() {
    let folder = Folder::with(&format!(
        "user_defaults = {{ course = \"none\", home = \"/home/{{course}}\" }}\n[container_spec.env]\nCOURSE = \"{{course}}\"\nHOME = \"{{home}}\"\n{GOOD}"
    ));
    let with = |set: &[&str]| {
        let args: Vec<&str> =
            ["--user", "alice"].into_iter().chain(set.iter().flat_map(|set| ["--set", set])).collect();
        env(&service(&folder, &args)).join(" ")
    };
    assert_eq!(with(&[]), "COURSE=none HOME=/home/none");
    assert_eq!(with(&["course=physics"]), "COURSE=physics HOME=/home/physics");
    assert_eq!(with(&["course=a", "course={name}=b"]), "COURSE={name}=b HOME=/home/{name}=b");
    assert_eq!(with(&["course="]), "COURSE= HOME=/home/");
    folder.run(&["render", "--user", "alice", "--set", "course"]).refused("SG005");
    folder.run(&["render", "--user", "alice", "--set", "username=bob"]).refused("SG310");
    // What an entry of a user means besides attributes would be taken for none.
    for set in ["groups=gpu", "overrides=x", "profile=Python"] {
        folder.run(&["render", "--user", "alice", "--set", set]).refused("SG310");
    }
}

#[test]
fn named_servers_have_names_of_their_own() {
    let folder = Folder::with(&format!("[container_spec.env]\nSERVER = \"{{server}} {{server_name}}\"\n{GOOD}"));
    let name =
        |server: &str| service(&folder, &["--user", "alice", "--server", server])["Name"].as_str().unwrap().to_owned();
    assert!(name("").ends_with("-1"));
    assert!(name("gpu").ends_with("-gpu"));
    assert_ne!(name("1"), name(""));
    assert_ne!(name("A"), name("a"));
    let body = service(&folder, &["--user", "alice", "--server", "gpu"]);
    assert_eq!(env(&body), ["SERVER=gpu gpu"]);
    assert_eq!(body["Labels"]["swarmgen.server"], "gpu");
}

#[test]
fn users_come_from_files_and_standard_input() {
    let folder = Folder::with(&format!("[container_spec.env]\nCOURSE = \"{{course}}\"\n{GOOD}"));
    folder.put("class.csv", "username,course\nalice,physics\n\"bob, the second\",chemistry\n");
    let ran = folder.run(&["validate", "--users-file", "class.csv"]);
    assert_eq!(ran.stderr, "checked 1 profile for 2 users: no errors, no warnings\n");
    ran.ok();
    let from_file = folder.run(&["render", "--all", "--users-file", "class.csv"]).ok();
    assert!(from_file.contains("chemistry"));
    let args = ["render", "--all", "--users-file", "-"];
    let piped = folder.command(&args).write_stdin(folder.read("class.csv")).output().unwrap();
    assert_eq!(Ran::from(piped).ok(), from_file);
    let written = [
        "- name: alice\n  course: physics\n- {name: 'bob, the second', course: chemistry}\n",
        "[[users]]\nname = \"alice\"\ncourse = \"physics\"\n[[users]]\nname = \"bob, the second\"\ncourse = \"chemistry\"\n",
        "{\"name\": \"alice\", \"course\": \"physics\"}\n{\"name\": \"bob, the second\", \"course\": \"chemistry\"}\n",
        "{\"alice\": {\"course\": \"physics\"},\n\"bob, the second\": {\"course\": \"chemistry\"}}",
        "[{\"name\": \"alice\", \"course\": \"physics\"}, {\"name\": \"bob, the second\", \"course\": \"chemistry\"}]",
    ];
    for text in written {
        let piped = folder.command(&args).write_stdin(text).output().unwrap();
        assert_eq!(Ran::from(piped).ok(), from_file, "{text}");
    }
    let names =
        folder.command(&["validate", "--users-file", "-"]).write_stdin("# class\nalice\nbob\n").output().unwrap();
    let told = Ran::from(names).refused("SG301");
    assert!(told.contains("`alice`"), "{told}");
    folder.run(&["render", "--all"]).refused("SG322");
    folder.run(&["render", "--all", "--users-file", "missing.csv"]).refused("SG001");
    folder.run(&["render", "--all", "--users-file", "class.xlsx"]).refused("SG011");
}

#[test]
fn standard_input_is_read_once() {
    let folder = Folder::new();
    let twice = folder.command(&["validate", "-", "--users-file", "-"]).write_stdin(GOOD).output().unwrap();
    let told = Ran::from(twice).refused("SG001");
    assert!(told.contains("name `-` once"), "{told}");
}

#[test]
fn a_stack_has_a_name_that_swarm_takes() {
    let folder = Folder::with(GOOD);
    for name in ["A B", "", "-a", "a.b", "\u{e9}"] {
        for command in [&["render", "--user", "alice"][..], &["validate"]] {
            let ran = folder.run(&[command, &["--stack", name]].concat());
            assert_eq!(ran.code, Some(2), "{name}: {}", ran.stderr);
        }
    }
    folder.run(&["render", "--user", "alice", "--stack", "Physics_2-b"]).ok();
}

#[test]
fn a_user_that_is_not_listed_is_rendered_with_a_warning() {
    let folder = Folder::with(CLASS);
    let ran = folder.run(&["render", "--user", "carol"]);
    assert!(ran.stderr.contains("warning[SG309]"), "{ran:?}");
    ran.ok();
    let ran = folder.run(&["render", "--user", "alice"]);
    assert_eq!(ran.stderr, "");
    ran.ok();
    folder.run(&["render", "--user", ""]).refused("SG317");
}

/// Each kind of file that is read, as a config names it or an argument does.
#[cfg(unix)]
#[test]
fn files_that_cannot_be_read_are_told() {
    let folder = Folder::with(GOOD);
    folder.put("plain", "");
    std::os::unix::fs::symlink("loop.toml", folder.path("loop.toml")).unwrap();
    std::os::unix::fs::symlink("nowhere", folder.path("dangling.toml")).unwrap();
    fs::create_dir(folder.path("folder.toml")).unwrap();
    let mut unreadable = vec![
        ("plain/below.toml", "Not a directory"),
        ("loop.toml", "Too many levels of symbolic links"),
        ("dangling.toml", "no such file"),
        ("missing.toml", "no such file"),
        ("folder.toml", "directory"),
    ];
    if cfg!(target_os = "linux") {
        // It opens, and then nobody can read it, root neither.
        std::os::unix::fs::symlink("/proc/self/mem", folder.path("broken.toml")).unwrap();
        unreadable.push(("broken.toml", "Input/output error"));
    }
    for (name, reason) in unreadable {
        let render = |args: &[&str]| folder.run(&[&["render", "--user", "alice", "--show-secrets"], args].concat());
        let told = |ran: Ran| {
            let told = ran.refused("SG001");
            assert!(told.contains(reason) && told.contains(&format!("`{name}`")), "{name}: {told}");
        };
        told(render(&["-c", name]));
        told(render(&["--users-file", name]));
        told(render(&["--format", "service", "--ids", name]));
        told(render(&["--hub-env", name]));
        told(render(&["--format", "template", "--template", name]));
        for config in [
            format!("users_file = \"{name}\"\n{GOOD}"),
            format!("container_spec.env.A = {{ file = \"{name}\" }}\n{GOOD}"),
            format!("{GOOD}access = {{ file = \"{name}\" }}\n"),
        ] {
            folder.put("names.toml", &config);
            let ran = render(&["-c", "names.toml"]);
            let shown = ran.stderr.clone();
            assert_eq!(ran.code, Some(1), "{name}: {config}: {shown}");
            assert!(shown.contains(reason) && shown.contains("names.toml:"), "{name}: {config}: {shown}");
        }
    }
}
