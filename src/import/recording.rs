//! What the shim tells: one JSON document, read strictly.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::report::Origin;
use super::translate::Setting;
use super::value::{Object, Py};

/// What a Python config set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recording {
    /// The interpreter's version, such as `3.11.7`.
    pub python: String,
    /// The settings, in the order in which they were set first. What another class of the spawner overrides is left out.
    pub settings: Vec<Setting>,
    /// The class of `c.JupyterHub.spawner_class`, if it was set.
    pub spawner: Option<Spawner>,
    /// The version of the package jhub-swarmspawner that the interpreter has.
    pub spawner_version: Option<String>,
    /// The modules that are not installed.
    pub stood_in_for: Vec<String>,
    /// The config and what it loaded with `load_subconfig`.
    pub files: Vec<PathBuf>,
    /// What `load_subconfig` named and did not find, which JupyterHub passes over.
    pub missing: Vec<(String, Origin)>,
    /// Where the config first wrote to standard output, if it did.
    pub printed: Option<Origin>,
    /// What ended the config early.
    pub failure: Option<Failure>,
}

/// The class of a spawner.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spawner {
    /// Its name.
    pub name: String,
    /// Its module.
    pub module: String,
    /// It and the classes that it is derived from, the nearest first, each with its module.
    pub bases: Vec<(String, String)>,
    /// Those of them that the operator wrote.
    pub own: Vec<String>,
    /// Where `spawner_class` was set.
    pub origin: Origin,
    /// Where the class is, if the operator wrote it.
    pub class_origin: Option<Origin>,
}

/// Whose spawner it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// SwarmSpawner of the package `jhub`.
    Swarm,
    /// SwarmSpawner of `cassinyspawner`.
    Cassiny,
    /// SwarmSpawner of `dockerspawner`.
    DockerSwarm,
    /// Another spawner of `dockerspawner`.
    Docker,
    /// None of these.
    Other,
}

impl Spawner {
    /// Tells whose spawner it is or is derived from; a SwarmSpawner of a package that is not known counts as `jhub`'s.
    pub fn kind(&self) -> Kind {
        let known = |(name, module): &(String, String)| match (module.split('.').next()?, name.as_str()) {
            ("jhub", "SwarmSpawner") => Some(Kind::Swarm),
            ("cassinyspawner", "SwarmSpawner") => Some(Kind::Cassiny),
            ("dockerspawner", "SwarmSpawner") => Some(Kind::DockerSwarm),
            ("dockerspawner", _) => Some(Kind::Docker),
            _ => None,
        };
        let named = || self.bases.iter().any(|(name, _)| name == "SwarmSpawner");
        let kind = self.bases.iter().find_map(known);
        kind.or_else(|| named().then_some(Kind::Swarm)).unwrap_or(Kind::Other)
    }
}

/// What ended a config early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What it was.
    pub cause: Cause,
    /// The exception's class; may be empty.
    pub class: String,
    /// The exception's text, or the name of what is missing, on one line.
    pub message: String,
    /// The line of the config that led there, if one did.
    pub origin: Option<Origin>,
    /// The column, from 1; 0 where it is not known.
    pub column: u32,
    /// Where it happened, if not in a config.
    pub through: Option<Origin>,
}

/// What can end a config early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// An exception.
    Raised,
    /// The text is not Python.
    Syntax,
    /// `sys.exit`.
    Exit,
    /// A variable of the environment is not set.
    MissingVariable,
    /// A file is not there.
    MissingFile,
    /// A file cannot be read.
    UnreadableFile,
    /// A module is not installed.
    MissingModule,
    /// The time was up.
    Timeout,
    /// Somebody pressed Ctrl-C.
    Interrupted,
    /// The config itself is not there.
    NoConfig,
}

/// Why a document is none of the shim's.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// Not JSON, or not the document's form.
    #[error("the shim's document cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// Of another version.
    #[error("the shim's document has version {0}, not 1")]
    Version(u64),
    /// A value that stands for none of Python's.
    #[error("`{setting}` has {found}, which stands for no value of Python's")]
    Value {
        /// The setting.
        setting: String,
        /// What was found.
        found: &'static str,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u64,
    python: String,
    settings: Vec<RawSetting>,
    spawner: Option<RawSpawner>,
    spawner_version: Option<String>,
    stood_in_for: Vec<String>,
    files: Vec<PathBuf>,
    missing: Vec<RawMissing>,
    printed: Option<RawPlace>,
    error: Option<RawFailure>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPlace {
    file: PathBuf,
    line: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSetting {
    class: String,
    name: String,
    value: Value,
    file: Option<PathBuf>,
    line: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSpawner {
    name: String,
    module: String,
    bases: Vec<(String, String)>,
    own: Vec<String>,
    file: Option<PathBuf>,
    line: u32,
    class_file: Option<PathBuf>,
    class_line: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMissing {
    name: String,
    file: PathBuf,
    line: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFailure {
    kind: Cause,
    r#type: String,
    message: String,
    file: Option<PathBuf>,
    line: u32,
    column: u32,
    through: Vec<Value>,
}

impl Recording {
    /// Reads the shim's document. Paths below `folder` are shown as they are from there.
    ///
    /// # Errors
    ///
    /// If it is none.
    pub fn read(json: &[u8], folder: &Path) -> Result<Self, RecordingError> {
        let document: Document = serde_json::from_slice(json)?;
        if document.version != 1 {
            return Err(RecordingError::Version(document.version));
        }
        let origin = |file: PathBuf, line: u32| Origin { file: shown(&file, folder), line };
        let maybe = |file: Option<PathBuf>, line: u32| file.map(|file| origin(file, line));
        let mut settings = Vec::with_capacity(document.settings.len());
        for RawSetting { class, name, value: raw, file, line } in document.settings {
            let value =
                value(raw).map_err(|found| RecordingError::Value { setting: format!("c.{class}.{name}"), found })?;
            settings.push(Setting { class, name, value, origin: maybe(file, line).unwrap_or_default() });
        }
        let spawner = document.spawner.map(|raw| Spawner {
            name: raw.name,
            module: raw.module,
            bases: raw.bases,
            own: raw.own,
            origin: maybe(raw.file, raw.line).unwrap_or_default(),
            class_origin: maybe(raw.class_file, raw.class_line),
        });
        let failure = document.error.map(|raw| {
            let through = match raw.through.as_slice() {
                [Value::String(file), Value::Number(line)] => {
                    Some(origin(file.into(), line.as_u64().and_then(|line| u32::try_from(line).ok()).unwrap_or(0)))
                }
                _ => None,
            };
            Failure {
                cause: raw.kind,
                class: raw.r#type,
                message: raw.message,
                origin: maybe(raw.file, raw.line),
                column: raw.column,
                through,
            }
        });
        Ok(Self {
            python: document.python,
            settings,
            spawner,
            spawner_version: document.spawner_version,
            stood_in_for: document.stood_in_for,
            files: document.files.into_iter().map(|file| shown(&file, folder)).collect(),
            missing: document.missing.into_iter().map(|raw| (raw.name, origin(raw.file, raw.line))).collect(),
            printed: document.printed.map(|raw| origin(raw.file, raw.line)),
            failure,
        })
    }

    /// The settings for translation: those of the operator's own spawner classes count as the class's that they are
    /// derived from.
    pub fn settings_for_translation(&self) -> Vec<Setting> {
        let Some(spawner) = &self.spawner else { return self.settings.clone() };
        let known = spawner.bases.iter().map(|(name, _)| name).find(|name| !spawner.own.contains(name));
        let rename = |setting: &Setting| match known {
            Some(known) if spawner.own.contains(&setting.class) => Setting { class: known.clone(), ..setting.clone() },
            _ => setting.clone(),
        };
        self.settings.iter().map(rename).collect()
    }
}

/// A path as it is seen from a folder that it is below.
fn shown(file: &Path, folder: &Path) -> PathBuf {
    file.strip_prefix(folder).unwrap_or(file).to_owned()
}

/// A value of Python's; the error says what stands there instead. The JSON reader has bounded the depth.
fn value(json: Value) -> Result<Py, &'static str> {
    Ok(match json {
        Value::Null => Py::None,
        Value::Bool(truth) => Py::Bool(truth),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => Py::Int(number),
            (None, Some(float)) if number.is_f64() && float.is_finite() => Py::Float(float),
            _ => return Err("a number beyond 64 bits"),
        },
        Value::String(text) => Py::Str(text),
        Value::Array(items) => Py::List(values(items)?),
        Value::Object(_) => return tagged(Tagged::deserialize(json).map_err(|_| "an unknown object")?),
    })
}

#[derive(Deserialize)]
#[serde(tag = "py", rename_all = "lowercase", deny_unknown_fields)]
enum Tagged {
    Tuple { items: Vec<Value> },
    Dict { items: Vec<(Value, Value)> },
    Object { class: String, args: Vec<Value>, kwargs: Vec<(String, Value)> },
    Opaque { what: String },
}

fn tagged(tagged: Tagged) -> Result<Py, &'static str> {
    Ok(match tagged {
        Tagged::Tuple { items } => Py::Tuple(values(items)?),
        Tagged::Dict { items } => {
            let pairs = items.into_iter().map(|(key, item)| Ok((value(key)?, value(item)?)));
            Py::Dict(pairs.collect::<Result<_, &'static str>>()?)
        }
        Tagged::Object { class, args, kwargs } => {
            let kwargs = kwargs.into_iter().map(|(key, item)| Ok((key, value(item)?)));
            Py::Object(Object { class, args: values(args)?, kwargs: kwargs.collect::<Result<_, &'static str>>()? })
        }
        Tagged::Opaque { what } => Py::Opaque(what),
    })
}

fn values(items: Vec<Value>) -> Result<Vec<Py>, &'static str> {
    items.into_iter().map(value).collect()
}

#[cfg(test)]
mod tests;
