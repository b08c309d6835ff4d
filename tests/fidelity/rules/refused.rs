//! Where the package sends a request, or fails, and we refuse.

use super::*;

pub(super) static RULES: &[Rule] = &[
    Rule {
        finding: "S5",
        says: "an image's access list is ignored; ours refuses who is not on it",
        explains: |facts| {
            let listed = facts.images().iter().any(|image| image.get("access").is_some());
            facts.theirs()?.get("TaskTemplate")?;
            holds(listed && matches!(facts.refused()?.as_slice(), ["SG306" | "SG307"]))
        },
    },
    Rule {
        finding: "C3",
        says: "the name is none that a service can have; ours refuses it with a way out",
        explains: |facts| {
            let invalid = facts.step.expected.get("swarm_name_valid") == Some(&Value::Bool(false));
            let empty = facts.setting("service_prefix").and_then(Value::as_str) == Some("");
            holds(invalid && (facts.refused()?.contains(&"SG214") || (empty && facts.refused_with("SG104").is_some())))
        },
    },
    Rule {
        finding: "B1",
        says: "a user's name with a brace ends the start; ours says which names can be",
        explains: |facts| {
            facts.error()?;
            holds(facts.step.user.contains(['{', '}']) && facts.refused_with("SG214").is_some())
        },
    },
    Rule {
        finding: "L1",
        says: "the request is one that the engine refuses; ours says so before",
        explains: |facts| {
            let request = facts.theirs()?.get("TaskTemplate")?;
            let container = &request["ContainerSpec"];
            let mounts = container["Mounts"].as_array().map(Vec::as_slice).unwrap_or_default();
            let is_bad_volume = |mount: &Value| {
                mount["Type"] == "volume" && mount["Source"].as_str().is_some_and(|name| !is_volume_name(name))
            };
            let targets: Vec<&Value> = mounts.iter().map(|mount| &mount["Target"]).collect();
            let twice = |items: &[&Value]| (1..items.len()).any(|index| items[..index].contains(&items[index]));
            let networks: Vec<&Value> = request["Networks"].as_array().into_iter().flatten().collect();
            let image = container["Image"].as_str().unwrap_or_default();
            let repository = image.rsplit_once('/').map_or(image, |(_, name)| name);
            let memory = request["Resources"]["Limits"]["MemoryBytes"].as_i64();
            for code in facts.refused()? {
                let right = match code {
                    "SG104" => {
                        image.is_empty()
                            || request["Resources"].to_string().contains("NamedResourceSpec")
                            || memory.is_some_and(|bytes| bytes < 0)
                    }
                    "SG204" => {
                        image.is_empty() || image.chars().any(|c| c.is_ascii_uppercase()) || repository.is_empty()
                    }
                    "SG205" => {
                        targets.iter().any(|target| !target.as_str().is_some_and(|target| target.starts_with('/')))
                    }
                    "SG206" => twice(&targets),
                    "SG207" => mounts.iter().any(is_bad_volume),
                    "SG212" => {
                        memory.is_some_and(|bytes| bytes < 4 << 20)
                            || request["Resources"]["Limits"]["NanoCPUs"].as_i64().is_some_and(|nano| nano < 1_000_000)
                    }
                    "SG216" => twice(&networks),
                    "SG218" => container["Env"].as_object()?.keys().any(|_| {
                        facts
                            .setting("container_spec/env")
                            .and_then(Value::as_object)
                            .is_some_and(|env| env.keys().any(|name| name.contains('=') || name.is_empty()))
                    }),
                    _ => false,
                };
                if !right {
                    return None;
                }
            }
            holds(true)
        },
    },
    Rule {
        finding: "B14",
        says: "a log driver without a name is dropped; ours refuses it",
        explains: |facts| {
            let driver = facts.setting("log_driver")?;
            holds(driver.get("name").is_none() && facts.refused_with("SG105").is_some())
        },
    },
    Rule {
        finding: "S2",
        says: "a request may set whatever the package reads; ours refuses what the config does not open",
        explains: |facts| {
            let on = facts.setting("use_user_options") != Some(&Value::Bool(false));
            let reads = facts.options()?.keys().any(|key| OPTION_KEYS.contains(&key.as_str()));
            holds(on && reads && facts.theirs()?.get("TaskTemplate").is_some() && facts.refused_with("SG305").is_some())
        },
    },
    Rule {
        finding: "C8",
        says: "a request's key that the package does not read is dropped; ours refuses it",
        explains: |facts| {
            let unread = facts
                .options()?
                .keys()
                .any(|key| !OPTION_KEYS.contains(&key.as_str()) && !key.starts_with("user_selected_"));
            let crashed = facts.error().is_some_and(|(kind, ..)| kind == "TypeError");
            let nested = facts.options()?.get("container_spec").is_some();
            holds((unread || (crashed && nested)) && facts.refused_with("SG305").is_some())
        },
    },
    Rule {
        finding: "S2",
        says: "what a request chooses while it may choose nothing is dropped; ours refuses it",
        explains: |facts| {
            let off = facts.setting("use_user_options").and_then(Value::as_bool) != Some(true);
            let asked = facts.options().is_some() || facts.step.form.is_some();
            holds(off && asked && facts.refused_with("SG305").is_some())
        },
    },
    Rule {
        finding: "B15",
        says: "an image chosen without its name is dropped; ours refuses it",
        explains: |facts| {
            let options = facts.options()?;
            let alone = options.contains_key("user_selected_image") && !options.contains_key("user_selected_name");
            holds(alone && facts.refused_with("SG308").is_some())
        },
    },
    Rule {
        finding: "B15",
        says: "a form that holds no choice ends in an exception; ours refuses it",
        explains: |facts| {
            let (kind, _, stage) = facts.error()?;
            let form = facts.step.form.is_some() && matches!(stage, "form" | "start");
            holds(
                form && matches!(kind, "TypeError" | "SyntaxError" | "ValueError")
                    && facts.refused_with("SG305").is_some(),
            )
        },
    },
    Rule {
        finding: "S7",
        says: "two files of a name land on one path; ours refuses them",
        explains: |facts| {
            let configs = facts.theirs()?.pointer(&format!("{CONTAINER}/Configs"))?.as_array()?;
            let files: Vec<&Value> = configs.iter().map(|config| &config["File"]["Name"]).collect();
            let twice = (1..files.len()).any(|index| files[..index].contains(&files[index]));
            holds(twice && facts.refused_with("SG206").is_some())
        },
    },
    Rule {
        finding: "S7",
        says: "a file's name leads out of its directory, or the API brings any file; ours refuses it",
        explains: |facts| {
            facts.theirs()?.get("TaskTemplate")?;
            let asked = facts.step.form.is_some() || facts.options()?.contains_key("user_install_files");
            holds(asked && matches!(facts.refused()?.as_slice(), ["SG304" | "SG305" | "SG314"]))
        },
    },
];
