//! However a config is damaged, it is judged: no panic, no hang, and every error has its place.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};
use serde_json::Value;
use swarmgen::diag::render::{github, json, sarif};
use swarmgen::diag::{Diagnostics, Severity};
use swarmgen::resolve::document::Inputs;
use swarmgen::resolve::{Compiler, Request};
use swarmgen::source::{Disk, SourceMap, Syntax, World, parse};

use super::plain_tree::plain;
use super::world::{Memory, told};

/// Errors about files, users or the config as a whole.
const WITHOUT_PLACE: [&str; 12] =
    ["SG001", "SG002", "SG003", "SG004", "SG011", "SG012", "SG306", "SG309", "SG317", "SG322", "SG408", "SG214"];

/// One text of an example: a config in one of its syntaxes, or a users file.
struct Example {
    /// What is validated.
    config: PathBuf,
    /// What is damaged.
    path: PathBuf,
    text: String,
}

fn configs(directory: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            configs(&path, found);
        } else if path.file_stem().is_some_and(|stem| stem == "swarmgen") && Syntax::of_path(&path).is_some() {
            found.push(path);
        }
    }
}

/// Every example as written, and in the two other syntaxes; then the users files.
fn examples() -> Vec<Example> {
    let mut paths = Vec::new();
    configs(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples"), &mut paths);
    assert!(paths.len() > 20, "the examples are gone");
    let mut examples = Vec::new();
    let mut users = Vec::new();
    for path in paths {
        let text = Disk.read(&path, None).unwrap().to_string();
        let sources = SourceMap::new();
        let id = sources.add("example", "", swarmgen::source::Author::Config, text.clone());
        let own = Syntax::of_path(&path).unwrap();
        let value = plain(&parse(&sources, id, own).unwrap());
        let others = [
            (Syntax::Toml, "toml", toml::to_string(&value).unwrap()),
            (Syntax::Yaml, "yaml", serde_yaml::to_string(&value).unwrap()),
            (Syntax::Json, "json", serde_json::to_string_pretty(&value).unwrap()),
        ];
        for (syntax, extension, other) in others {
            let text = if syntax == own { text.clone() } else { other };
            let path = path.with_extension(extension);
            examples.push(Example { config: path.clone(), path, text });
        }
        if let Some(Value::String(file)) = value.get("users_file") {
            let file = path.with_file_name(file);
            let text = Disk.read(&file, None).unwrap().to_string();
            users.push(Example { config: path, path: file, text });
        }
    }
    assert!(users.len() > 1, "the users files are gone");
    examples.append(&mut users);
    examples
}

/// Changes a text at one place: another character, one less, one more, two swapped, the end, or a repetition.
pub(crate) fn damaged(text: &str, rng: &mut impl Rng) -> String {
    damaged_in(8, text, rng)
}

/// The same without repetitions, which could put a piece of a secret where nothing calls it so.
pub(crate) fn damaged_once(text: &str, rng: &mut impl Rng) -> String {
    damaged_in(7, text, rng)
}

fn damaged_in(ways: usize, text: &str, rng: &mut impl Rng) -> String {
    const JUNK: &str = "\"'\\{}[]:,=#\n\r\t -&*!|>%@`<$.09x~?\0\u{1}\u{85}\u{2028}\u{202e}\u{feff}é日👩\u{10ffff}";
    let junk: Vec<char> = JUNK.chars().collect();
    let mut characters: Vec<char> = text.chars().collect();
    let below = |rng: &mut dyn Rng, bound: usize| (rng.next_u64() % bound.max(1) as u64) as usize;
    let at = below(rng, characters.len());
    let junk = junk[below(rng, junk.len())];
    match below(rng, ways) {
        0 | 1 => drop(characters.remove(at)),
        2 | 3 => characters[at] = junk,
        4 => characters.insert(at, junk),
        5 if at + 1 < characters.len() => characters.swap(at, at + 1),
        7 => {
            let length = below(rng, 30).min(characters.len() - at);
            let repeated: Vec<char> = characters[at..at + length].to_vec();
            characters.splice(at..at, repeated);
        }
        _ => characters.truncate(at),
    }
    characters.into_iter().collect()
}

/// Validates a config as the command does.
fn validate(world: &Memory, path: &Path, sources: &SourceMap) -> Diagnostics {
    let mut diagnostics = Diagnostics::new();
    let inputs = Inputs { configs: vec![path.to_owned()], users_files: Vec::new(), levels: Vec::new() };
    if let Some(compiler) = Compiler::load(&inputs, world, sources, &mut diagnostics) {
        compiler.check_config(&mut diagnostics);
        if compiler.roster.is_empty() {
            compiler.probe(&mut diagnostics);
        } else {
            // Some of a large class stand for all.
            for index in (0..compiler.roster.len()).step_by(compiler.roster.len().div_ceil(3)) {
                compiler.check_user(&compiler.roster.user(index), &Request::default(), &mut diagnostics);
            }
            compiler.check_owners(&mut diagnostics);
        }
        diagnostics.extend(compiler.unused_comments());
        compiler.mark_secrets();
    }
    diagnostics
}

fn check_places(diagnostics: &Diagnostics, sources: &SourceMap) {
    for diagnostic in diagnostics.iter() {
        for label in &diagnostic.labels {
            let source = sources.get(label.span.source);
            let range = label.span.start as usize..label.span.end as usize;
            assert!(source.text().get(range).is_some(), "{}: no such place {:?}", diagnostic.message, label.span);
        }
        let needs_place = diagnostic.severity == Severity::Error && !WITHOUT_PLACE.contains(&diagnostic.code.id);
        assert!(
            !needs_place || diagnostic.primary().is_some(),
            "{} has no place: {}",
            diagnostic.code.id,
            diagnostic.message
        );
    }
    told(diagnostics, sources);
    let sorted = diagnostics.sorted();
    json::render(&sorted, sources);
    sarif::render(&sorted, sources);
    sorted.iter().for_each(|diagnostic| drop(github::render(diagnostic, sources)));
}

#[test]
fn every_example_is_the_same_in_every_syntax() {
    for Example { config, path, text } in examples() {
        let mut world = Memory::over_disk();
        world.files.insert(path.clone(), text);
        let sources = SourceMap::new();
        let diagnostics = validate(&world, &config, &sources);
        assert!(!diagnostics.has_errors(), "{}: {}", path.display(), told(&diagnostics, &sources));
    }
}

/// `SWARMGEN_MUTATIONS` says how many mutations there are in all, `SWARMGEN_SEED` which.
#[test]
#[allow(clippy::print_stdout, reason = "`--nocapture` shows what was done")]
fn damaged_configs_are_judged() {
    let asked = std::env::var("SWARMGEN_MUTATIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(2500);
    let seed = std::env::var("SWARMGEN_SEED").unwrap_or_default();
    let examples = examples();
    let each = usize::div_ceil(asked, examples.len());
    let (mut count, mut refused, mut longest) = (0, 0, Duration::ZERO);
    let began = Instant::now();
    for Example { config, path, text } in &examples {
        let mut bytes = [0; 32];
        for (byte, from) in bytes.iter_mut().zip(path.to_string_lossy().bytes().rev().chain(seed.bytes())) {
            *byte ^= from;
        }
        bytes[31] ^= seed.bytes().fold(0, u8::wrapping_add);
        let mut rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        for _ in 0..each {
            let text = damaged(text, &mut rng);
            let mut world = Memory::over_disk();
            world.files.insert(path.clone(), text.clone());
            let start = Instant::now();
            let judged = catch_unwind(AssertUnwindSafe(|| {
                let sources = SourceMap::new();
                let diagnostics = validate(&world, config, &sources);
                check_places(&diagnostics, &sources);
                diagnostics.has_errors()
            }));
            let took = start.elapsed();
            assert!(took < Duration::from_secs(5), "{took:?}: {}:\n{text}", path.display());
            match judged {
                Ok(errors) => refused += usize::from(errors),
                Err(_) => panic!("{}:\n{text}", path.display()),
            }
            count += 1;
            longest = longest.max(took);
        }
    }
    let (texts, took) = (examples.len(), began.elapsed());
    println!("{count} mutations of {texts} texts in {took:.1?}: {refused} with errors, the longest took {longest:.1?}");
    assert!(count >= asked && refused > count / 3, "{refused} of {count}: the damage is too slight");
}
