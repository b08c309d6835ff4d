//! From a config's text to what is wanted.

use std::path::{Path, PathBuf};

use swarmgen::diag::Diagnostics;
use swarmgen::emit::ApiVersion;
use swarmgen::emit::engine::{Ids, body};
use swarmgen::plan::label::hidden_fields;
use swarmgen::plan::place::{locator, place};
use swarmgen::plan::{ObservedState, Options, Plan, Wanted, plan};
use swarmgen::resolve::document::Inputs;
use swarmgen::resolve::{Compiler, Request, Server};
use swarmgen::source::{ReadError, SourceMap, World};
use zeroize::Zeroizing;

/// One file and nothing else.
struct OneFile<'t>(&'t str);

impl World for OneFile<'_> {
    fn read(&self, path: &Path, _: Option<u64>) -> Result<Zeroizing<String>, ReadError> {
        if path == Path::new("swarmgen.toml") {
            Ok(Zeroizing::new(self.0.to_owned()))
        } else {
            Err(ReadError::NotFound)
        }
    }

    fn variable(&self, name: &str) -> Result<Zeroizing<String>, ReadError> {
        Ok(Zeroizing::new(format!("canary-{name}")))
    }

    fn output(&self, _: &[String], _: &Path) -> Result<Zeroizing<String>, ReadError> {
        Err(ReadError::NotFound)
    }
}

/// Knows an id for every name.
struct AllIds;

impl Ids for AllIds {
    fn config(&self, name: &str) -> Option<String> {
        Some(format!("id-of-{name}"))
    }

    fn secret(&self, name: &str) -> Option<String> {
        self.config(name)
    }
}

/// Compiles a config for all of its users.
pub(crate) fn with_wanted<T>(text: &str, act: impl FnOnce(&str, &[Wanted<'_>]) -> T) -> T {
    let (world, sources, mut diagnostics) = (OneFile(text), SourceMap::new(), Diagnostics::new());
    let inputs = Inputs { configs: vec![PathBuf::from("swarmgen.toml")], users_files: Vec::new(), levels: Vec::new() };
    let told = |diagnostics: &Diagnostics| {
        let all = diagnostics.sorted().into_iter();
        all.map(|own| swarmgen::diag::render::short::render(own, &sources)).collect::<Vec<_>>().join("\n")
    };
    let compiler = Compiler::load(&inputs, &world, &sources, &mut diagnostics);
    let compiler = compiler.unwrap_or_else(|| panic!("{}", told(&diagnostics)));
    let servers: Vec<Server<'_>> = (0..compiler.roster.len())
        .map(|index| {
            let server = compiler.resolve(&compiler.roster.user(index), &Request::default(), &mut diagnostics);
            server.unwrap_or_else(|| panic!("{}", told(&diagnostics)))
        })
        .collect();
    let wanted: Vec<Wanted<'_>> = servers
        .iter()
        .map(|server| Wanted {
            user: server.user.to_string(),
            server: String::new(),
            profile: server.profile.to_string(),
            service: body(&server.service, ApiVersion::V1_41, &AllIds).unwrap(),
            hidden: hidden_fields(&server.service),
            start_timeout: 60_000_000_000,
            listed: server.listed.map(|span| place(span, &sources)),
            places: Box::new(locator(&server.spec, &sources)),
        })
        .collect();
    act(&compiler.settings.deployment, &wanted)
}

/// Plans what is wanted.
pub(crate) fn plan_of(deployment: &str, wanted: &[Wanted<'_>], state: &ObservedState, options: &Options) -> Plan {
    plan(deployment, wanted, state, options)
}
