//! A world in memory, and compilers in it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use proptest::test_runner::Config;
use swarmgen::diag::render::{human, short};
use swarmgen::diag::{Diagnostics, Severity};
use swarmgen::emit::compose;
use swarmgen::ir::Service;
use swarmgen::resolve::document::Inputs;
use swarmgen::resolve::{Compiler, Request};
use swarmgen::source::{Author, Disk, Node, ReadError, SourceMap, Syntax, World, parse};
use zeroize::Zeroizing;

/// How many cases a property is tried with, without files of earlier failures; `PROPTEST_CASES` multiplies nothing but
/// replaces it.
pub(crate) fn cases(cases: u32) -> Config {
    let asked = std::env::var("SWARMGEN_CASES").ok().and_then(|text| text.parse().ok());
    Config {
        cases: asked.unwrap_or(cases),
        failure_persistence: None,
        max_shrink_iters: 400,
        max_shrink_time: 15_000,
        ..Config::default()
    }
}

/// Files, variables and commands that exist nowhere else.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    pub(crate) files: BTreeMap<PathBuf, String>,
    pub(crate) variables: BTreeMap<String, String>,
    /// What a command of one word prints.
    pub(crate) outputs: BTreeMap<String, String>,
    /// Whether files that are not here are read from the disk.
    pub(crate) over_disk: bool,
}

impl Memory {
    /// A world with one config.
    pub(crate) fn with(name: &str, text: impl Into<String>) -> Self {
        Self::default().and(name, text)
    }

    /// The disk, with the variables that examples need.
    pub(crate) fn over_disk() -> Self {
        let variables = BTreeMap::from([("BOB_SSH_PASSWORD".to_owned(), "x".to_owned())]);
        Self { over_disk: true, variables, ..Self::default() }
    }

    pub(crate) fn and(mut self, name: &str, text: impl Into<String>) -> Self {
        self.files.insert(name.into(), text.into());
        self
    }
}

impl World for Memory {
    fn read(&self, path: &Path, limit: Option<u64>) -> Result<Zeroizing<String>, ReadError> {
        match self.files.get(path) {
            Some(text) => match limit {
                Some(limit) if text.len() as u64 > limit => Err(ReadError::TooLarge { limit }),
                _ => Ok(Zeroizing::new(text.clone())),
            },
            None if self.over_disk => Disk.read(path, limit),
            None => Err(ReadError::NotFound),
        }
    }

    fn variable(&self, name: &str) -> Result<Zeroizing<String>, ReadError> {
        self.variables.get(name).cloned().map(Zeroizing::new).ok_or(ReadError::NoVariable)
    }

    fn output(&self, command: &[String], _: &Path) -> Result<Zeroizing<String>, ReadError> {
        let output = command.first().and_then(|word| self.outputs.get(word)).cloned();
        output.map(Zeroizing::new).ok_or_else(|| ReadError::Command("there is none".to_owned()))
    }
}

/// What was found, in both formats.
pub(crate) fn told(diagnostics: &Diagnostics, sources: &SourceMap) -> String {
    let mut text = String::new();
    for diagnostic in diagnostics.sorted() {
        text += &human::render(diagnostic, sources, false);
        text += "\n";
        text += &short::render(diagnostic, sources);
        text += "\n";
    }
    text
}

/// The codes of the errors, in the order found.
pub(crate) fn errors(diagnostics: &Diagnostics) -> Vec<&'static str> {
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
    errors.map(|diagnostic| diagnostic.code.id).collect()
}

/// Loads the configs of a world and does something with them.
///
/// # Errors
///
/// What was found, if loading fails.
pub(crate) fn load<T>(
    world: &Memory,
    configs: &[&str],
    act: impl FnOnce(&Compiler<'_>, &mut Diagnostics, &SourceMap) -> T,
) -> Result<T, String> {
    let sources = SourceMap::new();
    let mut diagnostics = Diagnostics::new();
    let inputs =
        Inputs { configs: configs.iter().map(PathBuf::from).collect(), users_files: Vec::new(), levels: Vec::new() };
    let compiler = Compiler::load(&inputs, world, &sources, &mut diagnostics);
    match compiler {
        Some(compiler) => Ok(act(&compiler, &mut diagnostics, &sources)),
        None => {
            assert!(diagnostics.has_errors(), "loading failed and nothing says why");
            Err(told(&diagnostics, &sources))
        }
    }
}

/// Resolves one user's server.
///
/// # Errors
///
/// What was found, if there is no service.
pub(crate) fn service(world: &Memory, configs: &[&str], user: &str, request: &Request<'_>) -> Result<Service, String> {
    load(world, configs, |compiler, diagnostics, sources| {
        let server = compiler.user(user, diagnostics).and_then(|user| {
            let server = compiler.resolve(&user, request, diagnostics)?;
            Some(server.service)
        });
        assert_eq!(server.is_none(), diagnostics.has_errors(), "{}", told(diagnostics, sources));
        server.ok_or_else(|| told(diagnostics, sources))
    })?
}

/// Reads data as what no operator wrote: every string in it is literal.
pub(crate) fn data(sources: &SourceMap, json: &serde_json::Value) -> Node {
    let id = sources.add("request.json", "", Author::Data, json.to_string());
    parse(sources, id, Syntax::Json).unwrap()
}

/// The stack of some services, as YAML.
pub(crate) fn stack(services: &[Service]) -> String {
    String::from_utf8(compose::stack(services, "00").unwrap()).unwrap()
}
