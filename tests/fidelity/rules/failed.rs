//! Where the package fails, and we send a request.

use super::*;

pub(super) static RULES: &[Rule] = &[
    Rule {
        finding: "S4",
        says: "a named server is the default one, or fails; ours is a server of its own",
        explains: |facts| {
            let named = !facts.step.server.is_empty();
            let prefix = facts.setting("service_prefix").and_then(Value::as_str).unwrap_or("jupyter");
            let name = format!("{prefix}-{}--{}", facts.owner(), facts.step.server);
            let found = facts.error().is_some() || facts.at("/Name").is_some() || facts.theirs()?.is_null();
            holds(named && found && facts.sent("/Name")? == name.as_str())
        },
    },
    Rule {
        finding: "B10",
        says: "a running service is taken as it is; ours is what the config says now, to be held against it",
        explains: |facts| {
            facts.step.expected.get("reused_service")?;
            let image = facts.images().first()?.get("image")?;
            holds(facts.sent(&format!("{CONTAINER}/Image"))? == *image)
        },
    },
    Rule {
        finding: "C12",
        says: "accelerators fail; the import leaves them to a person, and the server starts without",
        explains: |facts| {
            let (.., stage) = facts.error()?;
            let left = facts.left("accelerators") || facts.left("images[0].accelerators");
            let none = facts.sent(&format!("{CONTAINER}/Env/NVIDIA_VISIBLE_DEVICES")).is_none();
            holds(matches!(stage, "start" | "hub_config") && left && none && facts.body().is_some())
        },
    },
    Rule {
        finding: "B3",
        says: "a variable that is no text fails; ours is its text, and what has none is left to a person",
        explains: |facts| {
            let (kind, message, _) = facts.error()?;
            if kind != "AttributeError" || !(message.contains("'lstrip'") || message.contains("'update'")) {
                return None;
            }
            if let Some(list) = facts.setting("container_spec/env")?.as_array() {
                return holds(
                    list.iter().filter_map(Value::as_str).filter_map(|line| line.split_once('=')).all(
                        |(name, value)| facts.sent(&format!("{CONTAINER}/Env/{name}")) == Some(Value::from(value)),
                    ),
                );
            }
            let env = facts.setting("container_spec/env")?.as_object()?;
            holds(env.iter().filter(|(_, value)| !value.is_string()).all(|(name, value)| {
                let sent = facts.sent(&format!("{CONTAINER}/Env/{name}"));
                match value {
                    Value::Number(number) => sent == Some(Value::from(number.to_string())),
                    Value::Bool(true) => sent == Some(Value::from("True")),
                    Value::Bool(false) => sent == Some(Value::from("False")),
                    Value::Null => sent.is_none(),
                    _ => sent.is_none() && facts.left(&format!("container_spec.env.{name}")),
                }
            }))
        },
    },
    Rule {
        finding: "B1",
        says: "braces end the start; ours sends what was written",
        explains: |facts| {
            let (kind, ..) = facts.error()?;
            if !matches!(kind, "IndexError" | "ValueError" | "KeyError" | "AttributeError") {
                return None;
            }
            let container = facts.setting("container_spec")?.as_object()?;
            let body = facts.body()?;
            let mut found = false;
            let env = container.get("env").and_then(Value::as_object).into_iter().flatten();
            for (name, value) in env.filter(|(_, value)| value.as_str().is_some_and(|text| text.contains(['{', '}']))) {
                let sent = body.pointer(&format!("{CONTAINER}/Env/{name}"))?.as_str()?;
                let written = value.as_str()?;
                // A template of Swarm's may have been written with its braces doubled for Python.
                let halved = written.replace("{{{{", "{{").replace("}}}}", "}}");
                if unescaped(sent) != written && !(sent == halved && halved.contains("{{.")) {
                    return None;
                }
                found = true;
            }
            for (key, ours) in [("args", "Args"), ("command", "Command"), ("hostname", "Hostname")] {
                let Some(value) = container.get(key).filter(|value| value.to_string().contains(['{', '}'])) else {
                    continue;
                };
                if body.pointer(&format!("{CONTAINER}/{ours}"))? != value {
                    return None;
                }
                found = true;
            }
            holds(found)
        },
    },
    Rule {
        finding: "B1",
        says: "braces in a mount end the start; ours sends or refuses what was written",
        explains: |facts| {
            let (kind, ..) = facts.error()?;
            let braces = facts.mounts().iter().any(|mount| mount.to_string().matches(['{', '}']).count() > 2)
                || facts.attributes().iter().any(|(_, value)| value.contains(['{', '}']));
            let ours = match facts.refused() {
                Some(codes) => matches!(codes.as_slice(), ["SG207"]),
                None => facts.sent(&format!("{CONTAINER}/Mounts")).is_some(),
            };
            holds(matches!(kind, "IndexError" | "ValueError") && braces && ours)
        },
    },
    Rule {
        finding: "C10",
        says: "a key of the service inside container_spec fails; ours has it beside",
        explains: |facts| {
            let (kind, message, _) = facts.error()?;
            if kind != "TypeError" || !message.contains("ContainerSpec.__init__() got an unexpected keyword argument") {
                return None;
            }
            let key = message.rsplit('\'').nth(1)?;
            let written = facts.setting("container_spec")?.get(key)?;
            holds(match key {
                "networks" => {
                    let wanted: Vec<Value> = written.as_array()?.iter().map(|name| json!({ "Target": name })).collect();
                    facts.sent("/TaskTemplate/Networks")? == Value::Array(wanted)
                }
                "restart_policy" => facts.sent("/TaskTemplate/RestartPolicy/Condition")? == written["condition"],
                "placement" => facts.sent("/TaskTemplate/Placement/Constraints")? == written["constraints"],
                "log_driver" => facts.sent("/TaskTemplate/LogDriver/Name")? == written["name"],
                _ => facts.left(&format!("container_spec.{key}")),
            })
        },
    },
    Rule {
        finding: "C7",
        says: "the README's `constraint` fails; ours takes it for `constraints`",
        explains: |facts| {
            let (kind, message, _) = facts.error()?;
            let placement = facts.images().first()?.get("placement").or_else(|| facts.setting("placement"))?;
            let asked = kind == "TypeError" && message.contains("'constraint'");
            holds(asked && facts.sent("/TaskTemplate/Placement/Constraints")? == placement["constraint"])
        },
    },
    Rule {
        finding: "C2",
        says: "the README's `label` fails; ours takes it for `labels`",
        explains: |facts| {
            let (kind, message, _) = facts.error()?;
            let mounts = facts.mounts();
            let (index, mount) = mounts.iter().enumerate().find(|(_, mount)| mount.get("label").is_some())?;
            let sent = facts.sent(&format!("{CONTAINER}/Mounts/{index}/VolumeOptions/Labels"))?;
            holds(kind == "TypeError" && message.contains("'label'") && sent == mount["label"])
        },
    },
    Rule {
        finding: "B5",
        says: "uid_gid fails on an image, or as a number; with ours the container runs as it",
        explains: |facts| {
            facts.error()?;
            let of_image = facts.images().first().and_then(|image| image.get("uid_gid"));
            let written = of_image.or_else(|| facts.setting("container_spec/uid_gid"))?;
            let wanted = written.as_str().map_or_else(|| written.to_string(), str::to_owned);
            let parts = wanted.split(':').count();
            match facts.refused() {
                Some(codes) => holds(parts > 2 && codes.iter().all(|code| matches!(*code, "SG106" | "SG220"))),
                None => holds(facts.sent(&format!("{CONTAINER}/User"))? == wanted.as_str()),
            }
        },
    },
    Rule {
        finding: "B16",
        says: "a mount without `source`, or of docker-py's own class, fails; ours is mounted",
        explains: |facts| {
            let (kind, ..) = facts.error()?;
            let mounts = facts.mounts();
            let (index, mount) = mounts.iter().enumerate().find(|(_, mount)| {
                mount.get("source").is_none() || mount.is_string() || mount.get("__docker__").is_some()
            })?;
            let sent = facts.sent(&format!("{CONTAINER}/Mounts/{index}"))?;
            let own = mount.get("__docker__").and_then(|pair| pair.get(1)).unwrap_or(mount);
            let right = match own.as_str() {
                Some(text) => Some(sent["Target"].as_str()?) == text.split(':').nth(1),
                None => sent["Target"] == own["target"] && (own.get("type").is_none() || sent["Type"] == own["type"]),
            };
            holds(matches!(kind, "KeyError" | "AttributeError" | "TypeError") && right)
        },
    },
    Rule {
        finding: "B17",
        says: "an SSHFS mount that lacks a key fails without saying which; ours mounts it or says so",
        explains: |facts| {
            let (kind, ..) = facts.error()?;
            let mounts = facts.mounts();
            let mount = mounts.first()?;
            if kind != "KeyError" {
                return None;
            }
            match facts.refused() {
                Some(codes) => {
                    let lacks = ["target", "driver_config", "source"].iter().any(|key| mount.get(*key).is_none());
                    holds(lacks && codes.iter().all(|code| matches!(*code, "SG105" | "SG207")))
                }
                None => {
                    let sent = facts.sent(&format!("{CONTAINER}/Mounts/0/VolumeOptions/DriverConfig/Name"))?;
                    holds(mount.get("type").is_none() && sent == mount["driver_config"]["name"])
                }
            }
        },
    },
    Rule {
        finding: "B17",
        says: "an error that names no key; ours says which is missing",
        explains: |facts| {
            let (kind, ..) = facts.error()?;
            let missing = matches!(kind, "KeyError" | "Exception" | "ValueError");
            holds(missing && matches!(facts.refused()?.as_slice(), ["SG105" | "SG205" | "SG402"]))
        },
    },
    Rule {
        finding: "B9",
        says: "the engine fails; the request that it was sent is compared",
        explains: |facts| {
            let before = normal(facts.step.expected.get("request_before_error")?);
            let mut ours = facts.body()?;
            // As the rule about this variable says.
            let url = before.pointer(&format!("{CONTAINER}/Env/JUPYTERHUB_SERVICE_URL"))?.as_str()?;
            let own = ours.pointer_mut(&format!("{CONTAINER}/Env/JUPYTERHUB_SERVICE_URL"))?;
            if *own != url.replace("127.0.0.1:0", "0.0.0.0:8888").as_str() {
                return None;
            }
            *own = Value::from(url);
            holds(ours == before)
        },
    },
];
