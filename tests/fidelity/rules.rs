//! Why a difference is right: by what differs, never by a case's name.
//!
//! Each rule names the finding about the package, and holds only if ours is exactly what it says.

use serde_json::{Map, Value, json};

use super::case::{Case, Step};
use super::compare::{Difference, normal};
use super::replay::{Outcome, hub_env};

/// A step and one place where it differs.
pub(crate) struct Facts<'a> {
    pub(crate) case: &'a Case,
    pub(crate) step: &'a Step,
    pub(crate) outcome: &'a Outcome,
    pub(crate) difference: &'a Difference,
}

/// One rule.
pub(crate) struct Rule {
    /// The finding, as the recordings' list calls it.
    pub(crate) finding: &'static str,
    /// What the package does, and what we do.
    pub(crate) says: &'static str,
    explains: fn(&Facts<'_>) -> Option<bool>,
}

/// The rule that explains a difference.
pub(crate) fn explain(facts: &Facts<'_>) -> Option<&'static Rule> {
    RULES.iter().find(|rule| (rule.explains)(facts) == Some(true))
}

const CONTAINER: &str = "/TaskTemplate/ContainerSpec";

impl<'a> Facts<'a> {
    /// What follows a path's beginning, if the difference is there.
    fn below(&self, start: &str) -> Option<&'a str> {
        self.difference.path.strip_prefix(start)?.strip_prefix('/')
    }

    fn at(&self, path: &str) -> Option<()> {
        (self.difference.path == path).then_some(())
    }

    fn theirs(&self) -> Option<&'a Value> {
        self.difference.theirs.as_ref()
    }

    fn ours(&self) -> Option<&'a Value> {
        self.difference.ours.as_ref()
    }

    fn texts(&self) -> Option<(&'a str, &'a str)> {
        Some((self.theirs()?.as_str()?, self.ours()?.as_str()?))
    }

    /// Our whole request, as it is compared.
    fn body(&self) -> Option<Value> {
        self.outcome.body.as_ref().ok().map(normal)
    }

    /// Something in our request.
    fn sent(&self, pointer: &str) -> Option<Value> {
        self.body()?.pointer(pointer).cloned()
    }

    /// Something in the recorded request.
    fn recorded(&self, pointer: &str) -> Option<Value> {
        normal(self.step.expected.get("request")?).pointer(pointer).cloned()
    }

    /// The codes of the errors with which we refuse.
    fn refused(&self) -> Option<Vec<&'a str>> {
        let told = self.outcome.body.as_ref().err()?;
        let codes =
            told.match_indices("error[").filter_map(|(at, found)| told.get(at + found.len()..at + found.len() + 5));
        let mut codes: Vec<&str> = codes.collect();
        codes.dedup();
        Some(codes)
    }

    fn refused_with(&self, code: &str) -> Option<()> {
        (self.refused()? == [code]).then_some(())
    }

    /// The package's error: its type, message and stage.
    fn error(&self) -> Option<(&'a str, &'a str, &'a str)> {
        let error = self.step.expected.get("error")?;
        Some((error["type"].as_str()?, error["message"].as_str()?, error["stage"].as_str()?))
    }

    fn setting(&self, pointer: &str) -> Option<&'a Value> {
        let (name, rest) = match pointer.split_once('/') {
            Some((name, rest)) => (name, format!("/{rest}")),
            None => (pointer, String::new()),
        };
        self.case.traits.get(name)?.pointer(&rest)
    }

    /// The images, as recorded; none if they are no list.
    fn images(&self) -> &'a [Value] {
        self.setting("images").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    }

    /// The value that the config gives a variable.
    fn variable(&self, name: &str) -> Option<&'a Value> {
        let of_image = self.images().first().and_then(|image| image.get("env")).and_then(|env| env.get(name));
        of_image.or_else(|| self.case.traits.get("container_spec")?.get("env")?.get(name))
    }

    /// All mounts of the config, the image's last.
    fn mounts(&self) -> Vec<&'a Value> {
        let global = self.setting("container_spec/mounts").and_then(Value::as_array);
        let own = self.images().first().and_then(|image| image["mounts"].as_array());
        global.into_iter().chain(own).flatten().map(|mount| mount.get("__sshfs__").unwrap_or(mount)).collect()
    }

    /// A text with every placeholder filled as the README promises.
    fn filled(&self, text: &str) -> String {
        let mut text = text.to_owned();
        // What Python shows of a property in place of its value.
        while let Some(start) = text.find("<property object at ") {
            let end = text[start..].find('>').map_or(text.len(), |end| start + end + 1);
            text.replace_range(start..end, &self.owner());
        }
        for (name, value) in self.attributes() {
            text = text.replace(&format!("{{{name}}}"), &value);
        }
        text.replace("{name}", &self.owner())
            .replace("{username}", &self.step.user)
            .replace("{user.name}", &self.step.user)
    }

    fn owner(&self) -> String {
        let surplus = self.step.user.chars().count().saturating_sub(32);
        self.step.user.chars().skip(surplus).collect()
    }

    /// The user's attributes as text; a dict's keys are attributes.
    fn attributes(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let mut out = Vec::new();
        for (name, value) in &self.step.attributes {
            match value {
                Value::Object(inner) => out.extend(inner.iter().map(|(name, value)| (name.clone(), text(value)))),
                other => out.push((name.clone(), text(other))),
            }
        }
        out
    }

    /// Tells whether the import says of a setting that a person must see to it.
    fn left(&self, subject: &str) -> bool {
        use swarmgen::import::report::Fate;
        self.outcome.report.items.iter().any(|item| item.fate == Fate::Left && item.subject == subject)
    }

    /// The options of the step's request.
    fn options(&self) -> Option<&'a Map<String, Value>> {
        self.step.options.as_ref()?.as_object()
    }
}

fn holds(fact: bool) -> Option<bool> {
    Some(fact)
}

/// A text as Swarm would make it of our template.
fn unescaped(text: &str) -> String {
    text.replace("{{`{{`}}", "{{")
}

/// An octal text, as a number.
fn octal(value: &Value) -> Option<i64> {
    i64::from_str_radix(value.as_str()?, 8).ok()
}

/// A number with its unit, in bytes.
fn bytes(text: &str) -> Option<i64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let shift = match text[digits..].to_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" => 10,
        "m" | "mb" => 20,
        "g" | "gb" => 30,
        _ => return None,
    };
    text[..digits].parse::<i64>().ok().map(|number| number << shift)
}

fn upper_camel(key: &str) -> String {
    key.split('_').map(|word| word[..1].to_uppercase() + &word[1..]).collect()
}

/// Whether a value of the package's is text that it filled with what no user may see.
fn leaks(value: &Value) -> bool {
    value.to_string().contains("ORACLE-")
}

/// Whether a volume's name is one that the engine takes.
fn is_volume_name(name: &str) -> bool {
    name.len() > 1
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}

/// The keys that an image may have.
const IMAGE_KEYS: &[&str] = &[
    "image",
    "name",
    "mounts",
    "args",
    "command",
    "env",
    "user",
    "workdir",
    "uid_gid",
    "configs",
    "resource_spec",
    "placement",
    "accelerators",
    "endpoint_spec",
    "log_driver",
    "access",
    "container_spec",
    "networks",
];

/// What a request may say that SwarmSpawner reads.
const OPTION_KEYS: &[&str] =
    &["container_spec", "resource_spec", "networks", "log_driver", "accelerators", "placement", "user_install_files"];

/// All rules; the first that holds explains a difference.
pub(crate) static RULES: &[Rule] = &[
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

/// Whether both refuse: the package on purpose, with words of its own or of docker-py's, and we with the code for it.
pub(crate) fn both_refuse(facts: &Facts<'_>) -> bool {
    let refuses = || {
        let (kind, message, stage) = facts.error()?;
        let imported = |subject: &str| facts.left(subject);
        let name = message.split('\'').nth(1).unwrap_or_default();
        if let Some(codes) = facts.refused() {
            let among = |wanted: &[&str]| codes.iter().all(|code| wanted.contains(code));
            return Some(match (kind, stage) {
                ("TraitError", _) => among(&["SG102", "SG104", "SG106", "SG306"]),
                ("RuntimeError", "form") => among(&["SG304", "SG305", "SG308"]),
                ("InvalidArgument", _) => among(&["SG102", "SG208", "SG220"]),
                ("InvalidRepository", _) => among(&["SG204"]),
                ("Exception", _) if message.contains("couldn't be found") => among(&["SG308"]),
                ("TypeError", _) if message.contains("unexpected keyword argument") => among(&["SG101"]),
                _ => false,
            });
        }
        // A value of another type is left to a person, or is a list of one.
        Some(match kind {
            "TraitError" => imported(name) || message.contains("expected a list") && facts.body().is_some(),
            "TypeError" if message.contains("must be a list") => {
                let written = facts.setting("container_spec")?.get(message.split(' ').next()?)?.as_str()?;
                facts.sent(&format!("{CONTAINER}/CapabilityAdd"))? == json!([format!("CAP_{written}")])
            }
            "InvalidArgument" if message.contains("tmpfs_mode") => {
                let written = facts.mounts().into_iter().find_map(|mount| mount.get("tmpfs_mode"))?;
                facts.sent(&format!("{CONTAINER}/Mounts/0/TmpfsOptions/Mode"))?.as_i64() == octal(written)
            }
            // The engine's word about something else than the request.
            "APIError" => stage == "start" && facts.step.expected.get("request_before_error").is_none(),
            _ => false,
        })
    };
    refuses() == Some(true)
}
