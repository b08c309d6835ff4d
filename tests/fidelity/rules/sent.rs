//! Where both send a request, and ours says something else.

use swarmgen::import::report::Fate;

use super::*;

pub(super) static RULES: &[Rule] = &[
    Rule {
        finding: "B12",
        says: "its URL of the server has port 0 of this machine; ours has the port at which the server listens",
        explains: |facts| {
            facts.at(&format!("{CONTAINER}/Env/JUPYTERHUB_SERVICE_URL"))?;
            let (theirs, ours) = facts.texts()?;
            let port = facts.setting("service_port").and_then(Value::as_i64).unwrap_or(8888);
            holds(
                theirs.contains("//127.0.0.1:0/") && ours == theirs.replace("127.0.0.1:0", &format!("0.0.0.0:{port}")),
            )
        },
    },
    Rule {
        finding: "S1",
        says: "it fills in the hub's secrets; ours sends what was written",
        explains: |facts| {
            let theirs = facts.theirs()?;
            if !leaks(theirs) {
                return None;
            }
            match facts.outcome.body {
                Ok(_) => {
                    let name = facts.below(&format!("{CONTAINER}/Env"))?;
                    holds(facts.ours()? == facts.variable(name)?)
                }
                Err(_) => holds(matches!(facts.refused()?.as_slice(), ["SG207" | "SG301" | "SG305"])),
            }
        },
    },
    Rule {
        finding: "S1",
        says: "it fills in whatever can be reached from its objects; ours refuses a name that no user has",
        explains: |facts| {
            let reaches = |value: &Value| {
                value.as_str().is_some_and(|text| text.contains('{') && text.contains('.') && text.contains('}'))
            };
            let env = facts.setting("container_spec/env").and_then(Value::as_object)?;
            holds(env.values().any(reaches) && facts.refused_with("SG301").is_some())
        },
    },
    Rule {
        finding: "B2",
        says: "it takes a plain word for its own attribute's name; ours sends the word",
        explains: |facts| {
            let name = facts.below(&format!("{CONTAINER}/Env"))?;
            let written = match facts.variable(name) {
                Some(written) => written.clone(),
                None => hub_env(facts.step)?.get(name)?.clone(),
            };
            let word = written.as_str()?;
            let plain = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            holds(plain && facts.theirs()? != &written && facts.ours()? == &written)
        },
    },
    Rule {
        finding: "B19",
        says: "an image's variables replace the hub's, its token too; with us the hub's stay",
        explains: |facts| {
            let name = facts.below(&format!("{CONTAINER}/Env"))?;
            let of_image = facts.images().first()?.get("env")?.get(name)?;
            holds(facts.theirs()? == of_image && facts.ours()? == hub_env(facts.step)?.get(name)?)
        },
    },
    Rule {
        finding: "B14",
        says: "it drops an image's env that is a list; ours reads it",
        explains: |facts| {
            let name = facts.below(&format!("{CONTAINER}/Env"))?;
            let list = facts.images().first()?.get("env")?.as_array()?;
            let line = format!("{name}={}", facts.ours()?.as_str()?);
            holds(facts.theirs().is_none() && list.iter().any(|own| own.as_str() == Some(&line)))
        },
    },
    Rule {
        finding: "B14",
        says: "it drops an image's misspelt key; ours takes it for the key meant",
        explains: |facts| {
            let found = facts.below("/TaskTemplate")?;
            let misspelt =
                facts.images().first()?.as_object()?.iter().find(|(key, _)| !IMAGE_KEYS.contains(&key.as_str()))?.1;
            let wanted = match found {
                "Placement" => json!({ "Constraints": misspelt.get("constraints")? }),
                "ContainerSpec/Args" | "ContainerSpec/Command" => misspelt.clone(),
                _ => return None,
            };
            holds(facts.theirs().is_none() && *facts.ours()? == wanted)
        },
    },
    Rule {
        finding: "B14",
        says: "it drops an image's args or command of another type; ours splits the text",
        explains: |facts| {
            let key = facts.below(CONTAINER).filter(|key| matches!(*key, "Args" | "Command"))?;
            let written = facts.images().first()?.get(key.to_lowercase())?.as_str()?;
            holds(*facts.ours()? == json!(written.split_whitespace().collect::<Vec<_>>()))
        },
    },
    Rule {
        finding: "C10",
        says: "it throws a container's labels away; ours sends them",
        explains: |facts| {
            let name = facts.below(&format!("{CONTAINER}/Labels"))?;
            let written = facts.setting("container_spec/labels")?.get(name)?;
            holds(facts.theirs().is_none() && facts.ours()? == written)
        },
    },
    Rule {
        finding: "C5",
        says: "it ignores an image's networks and container_spec; ours has them as its README promises",
        explains: |facts| {
            let image = facts.images().first()?;
            if facts.difference.path.starts_with("/TaskTemplate/Networks") {
                let names = image.get("networks")?.as_array()?;
                let wanted: Vec<Value> = names.iter().map(|name| json!({ "Target": name })).collect();
                return holds(facts.sent("/TaskTemplate/Networks")? == Value::Array(wanted));
            }
            let spec = image.get("container_spec")?;
            let found = facts.below(CONTAINER)?;
            let key = found.split('/').next()?;
            let own = match key {
                "Env" => spec.get("env")?.get(found.strip_prefix("Env/")?)?,
                "Dir" => spec.get("workdir")?,
                other => spec.get(other.to_lowercase())?,
            };
            holds(facts.ours()? == own)
        },
    },
    Rule {
        finding: "B11",
        says: "it sends None as a text; ours leaves it to the image",
        explains: |facts| {
            let key = facts.below(CONTAINER).filter(|key| matches!(*key, "User" | "Dir"))?;
            let setting = if key == "User" { "user" } else { "workdir" };
            let of_image = facts.images().first().and_then(|image| image.get(setting));
            let written = of_image.or_else(|| facts.setting("container_spec")?.get(setting))?;
            holds(*facts.theirs()? == "None" && facts.ours().is_none() && written.is_null())
        },
    },
    Rule {
        finding: "B5",
        says: "it drops a uid without a gid; with ours the container runs as it",
        explains: |facts| {
            facts.at(&format!("{CONTAINER}/User"))?;
            let written = facts.setting("container_spec/uid_gid")?;
            holds(facts.theirs().is_none() && facts.ours()? == written && !written.as_str()?.contains(':'))
        },
    },
    Rule {
        finding: "B4",
        says: "a placeholder for which the user has nothing is sent as it is; ours refuses",
        explains: |facts| {
            let shown = facts.theirs()?.to_string();
            let codes = facts.refused()?;
            let braces = shown.match_indices('{').any(|(at, _)| {
                let rest = &shown[at + 1..];
                let end = rest.find('}').unwrap_or(0);
                end > 0 && rest[..end].bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            });
            holds(braces && matches!(codes.as_slice(), ["SG302" | "SG303"]))
        },
    },
    Rule {
        finding: "S9",
        says: "it leaves {username} and {user.name} as they are, the same for all; ours fills them in",
        explains: |facts| {
            let (theirs, ours) = facts.texts()?;
            let written = facts.mounts().into_iter().filter_map(|mount| mount["source"].as_str());
            let mut meant = written.filter(|source| source.contains("{username}") || source.contains("{user.name}"));
            let variable = facts.below(&format!("{CONTAINER}/Env")).and_then(|name| facts.variable(name)?.as_str());
            let variable = variable.filter(|text| text.contains("{username}") || text.contains("{user.name}"));
            holds(
                theirs != ours && meant.any(|text| facts.filled(text) == ours)
                    || variable.is_some_and(|text| facts.filled(text) == ours),
            )
        },
    },
    Rule {
        finding: "C1",
        says: "{name} becomes a Python object's text in a mount; ours is the owner, as its README promises",
        explains: |facts| {
            facts.below(&format!("{CONTAINER}/Mounts"))?;
            let (theirs, ours) = facts.texts()?;
            holds(theirs.contains("<property object at ") && ours == facts.filled(theirs))
        },
    },
    Rule {
        finding: "B4",
        says: "it does not fill placeholders there; ours does",
        explains: |facts| {
            let (theirs, ours) = facts.texts()?;
            holds(theirs != ours && ours == facts.filled(theirs))
        },
    },
    Rule {
        finding: "B1",
        says: "it takes a user's own braces for placeholders; ours sends the text",
        explains: |facts| {
            facts.below(CONTAINER)?;
            let (theirs, ours) = facts.texts()?;
            let own =
                facts.attributes().into_iter().any(|(_, value)| value.contains(['{', '}']) && value == unescaped(ours));
            holds(own && theirs != ours)
        },
    },
    // Not in the recordings' list: found with a real sshfs.
    Rule {
        finding: "K1",
        says: "OpenSSH reads no key whose last line does not end; ours ends it",
        explains: |facts| {
            let found = facts.below(&format!("{CONTAINER}/Mounts"))?;
            let (theirs, ours) = facts.texts()?;
            let is_key = found.ends_with("/VolumeOptions/DriverConfig/Options/id_rsa");
            holds(is_key && ours.strip_suffix('\n') == Some(theirs) && !theirs.ends_with('\n'))
        },
    },
    Rule {
        finding: "C9",
        says: "autoremove goes to the driver, which refuses it, and the volume stays; ours is a label",
        explains: |facts| {
            let found = facts.below(&format!("{CONTAINER}/Mounts"))?;
            let (index, place) = found.split_once('/')?;
            let mount = format!("{CONTAINER}/Mounts/{index}/VolumeOptions");
            let option = facts.recorded(&format!("{mount}/DriverConfig/Options/autoremove"))?;
            let label = facts.sent(&format!("{mount}/Labels/autoremove"))?;
            match place {
                "VolumeOptions/DriverConfig/Options/autoremove" => holds(facts.ours().is_none() && label == option),
                "VolumeOptions/Labels" => holds(*facts.ours()? == json!({ "autoremove": option })),
                _ => None,
            }
        },
    },
    Rule {
        finding: "L1",
        says: "a table's keys go out as they are written, which the engine does not read; ours are the engine's",
        explains: |facts| {
            let path = &facts.difference.path;
            let (parent, key) = path.rsplit_once('/')?;
            let table = ["Healthcheck", "DriverConfig", "DNSConfig", "Privileges"]
                .iter()
                .find(|table| parent.contains(**table))?;
            let _ = table;
            let (lower, upper) = match facts.theirs() {
                Some(_) => (key.to_owned(), upper_camel(key)),
                None => {
                    let theirs = facts.recorded(parent)?;
                    let lower = theirs.as_object()?.keys().find(|own| upper_camel(own) == key)?.clone();
                    (lower, key.to_owned())
                }
            };
            let written = facts.recorded(&format!("{parent}/{lower}"))?;
            holds(lower != upper && facts.sent(&format!("{parent}/{upper}"))? == written)
        },
    },
    Rule {
        finding: "L1",
        says: "text goes out where the engine takes a number; ours is a number",
        explains: |facts| {
            facts.below("/EndpointSpec/Ports")?;
            holds(facts.theirs()?.as_str()?.parse().ok() == Some(facts.ours()?.as_i64()?))
        },
    },
    Rule {
        finding: "L1",
        says: "two mounts of one target go out; ours is the image's, which comes later",
        explains: |facts| {
            facts.at(&format!("{CONTAINER}/Mounts"))?;
            let theirs = facts.theirs()?.as_array()?;
            let later =
                |index: usize| theirs[index + 1..].iter().any(|mount| mount["Target"] == theirs[index]["Target"]);
            let kept: Vec<&Value> =
                (0..theirs.len()).filter(|index| !later(*index)).map(|index| &theirs[index]).collect();
            let ours: Vec<&Value> = facts.ours()?.as_array()?.iter().collect();
            let has = |mount: &&Value| ours.contains(mount);
            holds(kept.len() < theirs.len() && kept.len() == ours.len() && kept.iter().all(has))
        },
    },
    Rule {
        finding: "L1",
        says: "the request is one that the engine refuses: less than a thousandth of a CPU; the import takes it for \
               thousandths, or for CPUs up to 512, and says so",
        explains: |facts| {
            let key = match facts.below("/TaskTemplate/Resources")? {
                "Limits/NanoCPUs" => "cpu_limit",
                "Reservations/NanoCPUs" => "cpu_reservation",
                _ => return None,
            };
            let written = facts.theirs()?.as_i64().filter(|nano| (1..1_000_000).contains(nano))?;
            let meant = if written <= 512 { written * 1_000_000_000 } else { written * 1_000_000 };
            let told = facts.outcome.report.items.iter().any(|item| {
                item.fate == Fate::Mended && item.subject.ends_with(key) && item.message.contains(&written.to_string())
            });
            holds(facts.ours()?.as_i64()? == meant && told)
        },
    },
    Rule {
        finding: "B13",
        says: "the spawner's own limits limit nothing; ours are the container's",
        explains: |facts| {
            facts.at("/TaskTemplate/Resources")?;
            let mut limits = Map::new();
            if let Some(cpus) = facts.setting("cpu_limit").and_then(Value::as_f64) {
                #[expect(clippy::cast_possible_truncation, reason = "amounts are small")]
                limits.insert("NanoCPUs".to_owned(), Value::from((cpus * 1e9).round() as i64));
            }
            if let Some(memory) = facts.setting("mem_limit") {
                let memory = memory.as_i64().or_else(|| bytes(memory.as_str()?))?;
                limits.insert("MemoryBytes".to_owned(), Value::from(memory));
            }
            holds(facts.theirs().is_none() && *facts.ours()? == json!({ "Limits": limits }))
        },
    },
    Rule {
        finding: "S2",
        says: "a request empties what the config sets; ours keeps it",
        explains: |facts| {
            let (key, pointer) = match facts.difference.path.as_str() {
                "/TaskTemplate/Placement" => ("placement", "/Constraints"),
                "/TaskTemplate/LogDriver" => ("log_driver", "/Name"),
                "/TaskTemplate/Networks" => ("networks", ""),
                _ => return None,
            };
            let asked = facts.options()?.get(key)?;
            let empty = asked.as_object().is_some_and(Map::is_empty) || asked.as_array().is_some_and(Vec::is_empty);
            let written = match key {
                "placement" => facts.setting("placement/constraints")?.clone(),
                "log_driver" => facts.setting("log_driver/name")?.clone(),
                _ => facts.setting("networks")?.as_array()?.iter().map(|name| json!({ "Target": name })).collect(),
            };
            holds(empty && facts.theirs().is_none() && *facts.ours()?.pointer(pointer)? == written)
        },
    },
    Rule {
        finding: "B15",
        says: "a profile chosen by its name alone is not started; with ours it is",
        explains: |facts| {
            let options = facts.options()?;
            if options.contains_key("user_selected_image") {
                return None;
            }
            let name = options.get("user_selected_name")?;
            let image = facts.images().iter().find(|image| image["name"] == *name)?;
            facts.below(CONTAINER)?;
            holds(facts.sent(&format!("{CONTAINER}/Image"))? == image["image"])
        },
    },
    Rule {
        finding: "B15",
        says: "of two images of one name the last wins; with ours the second has a name of its own",
        explains: |facts| {
            facts.below(CONTAINER)?;
            let chosen = facts.sent(&format!("{CONTAINER}/Labels/image_name"))?;
            let mut alike = facts.images().iter().filter(|image| image["name"] == chosen);
            let (first, second) = (alike.next()?, alike.next());
            let args = first.get("args").cloned().unwrap_or(Value::Null);
            holds(second.is_some() && facts.sent(&format!("{CONTAINER}/Args")).unwrap_or(Value::Null) == args)
        },
    },
    Rule {
        finding: "L1",
        says: "a number goes out where the engine takes text; ours is text",
        explains: |facts| {
            let theirs = facts.theirs()?.as_i64()?.to_string();
            let ours = facts.ours()?;
            holds(ours.as_str() == Some(&theirs) || *ours == json!({ "Target": theirs }))
        },
    },
    Rule {
        finding: "L1",
        says: "a text goes out where the engine takes a list; ours is a list",
        explains: |facts| {
            let theirs = facts.theirs()?.as_str()?;
            let ours = facts.ours()?;
            let words: Vec<&str> = theirs.split_whitespace().collect();
            holds(*ours == json!([theirs]) || (facts.difference.path.ends_with("/Args") && *ours == json!(words)))
        },
    },
    Rule {
        finding: "L1",
        says: "an amount goes out as it is written; ours is in the engine's unit",
        explains: |facts| {
            facts.below("/TaskTemplate/Resources")?;
            let ours = facts.ours()?.as_i64()?;
            match facts.theirs()? {
                Value::String(text) => holds(bytes(text) == Some(ours)),
                Value::Number(number) if number.is_f64() => {
                    #[expect(clippy::cast_possible_truncation, reason = "amounts are small")]
                    let nano = (number.as_f64()? * 1e9).round() as i64;
                    holds(facts.difference.path.ends_with("NanoCPUs") && nano == ours)
                }
                _ => None,
            }
        },
    },
    Rule {
        finding: "L1",
        says: "an option's number goes out where the engine takes text; ours is text",
        explains: |facts| {
            facts.below("/TaskTemplate/LogDriver/Options")?;
            let number = facts.theirs()?.as_i64()?.to_string();
            holds(facts.ours()?.as_str() == Some(&number))
        },
    },
    Rule {
        finding: "C6",
        says: "a preference goes out as text; ours is the engine's",
        explains: |facts| {
            facts.below("/TaskTemplate/Placement/Preferences")?;
            let descriptor = match facts.theirs()? {
                Value::String(text) => text.strip_prefix("spread=")?.to_owned(),
                Value::Array(pair) => match pair.as_slice() {
                    [strategy, descriptor] if strategy == "spread" => descriptor.as_str()?.to_owned(),
                    _ => return None,
                },
                _ => return None,
            };
            holds(*facts.ours()? == json!({ "Spread": { "SpreadDescriptor": descriptor } }))
        },
    },
    Rule {
        finding: "C3",
        says: "capitals stay in a service's name, which DNS does not find; ours are lower case",
        explains: |facts| {
            facts.at("/Name")?;
            let (theirs, ours) = facts.texts()?;
            holds(theirs.bytes().any(|byte| byte.is_ascii_uppercase()) && ours == theirs.to_ascii_lowercase())
        },
    },
    Rule {
        finding: "D3",
        says: "a list that a server changed is there again at the next start; ours is as configured",
        explains: |facts| {
            if !(facts.case.subclass || facts.step.op == "restart_same_spawner") {
                return None;
            }
            match (facts.below(CONTAINER)?, facts.theirs()?) {
                ("Configs", Value::Array(theirs)) => {
                    let ours = facts.ours().and_then(Value::as_array).cloned().unwrap_or_default();
                    let mut kept = theirs.clone();
                    kept.dedup();
                    let of_others = |config: &Value| {
                        let name = config["ConfigName"].as_str().unwrap_or_default();
                        name.contains("-upload-") && !name.contains(&facts.owner())
                    };
                    kept.retain(|config| !of_others(config));
                    holds(kept.len() < theirs.len() && ours == kept)
                }
                (path, Value::String(_)) if path.starts_with("Args/") => {
                    let index: usize = path.strip_prefix("Args/")?.parse().ok()?;
                    let written = facts.images().first()?["args"].get(index)?.as_str()?;
                    holds(facts.ours()?.as_str()? == facts.filled(written))
                }
                _ => None,
            }
        },
    },
];
