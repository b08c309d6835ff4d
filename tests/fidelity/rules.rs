//! Why a difference is right: by what differs, never by a case's name.
//!
//! Each rule names the finding about the package, and holds only if ours is exactly what it says.

mod failed;
mod refused;
mod sent;

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

/// The rule that explains a difference: the first that holds.
pub(crate) fn explain(facts: &Facts<'_>) -> Option<&'static Rule> {
    let mut rules = [sent::RULES, refused::RULES, failed::RULES].into_iter().flatten();
    rules.find(|rule| (rule.explains)(facts) == Some(true))
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
