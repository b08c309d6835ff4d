//! Each case of tests/ui again, so that every rule is made to fire, with secrets wherever one may stand: no format tells
//! any of them.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use swarmgen::diag::Diagnostics;
use swarmgen::diag::code;
use swarmgen::diag::render::{github, human, sarif, short};
use swarmgen::resolve::document::Inputs;
use swarmgen::resolve::{Compiler, Request};
use swarmgen::source::{Author, Disk, ReadError, SourceMap, Syntax, World, parse};
use zeroize::Zeroizing;

use super::plain_tree::plain;
use super::ui_cases::{Case, Run, folders, id_of, shared};

/// Stands in secrets only, whatever its case.
const CANARY: &str = "canary-7d31";

const ALL_FORMATS: [&str; 5] = ["human", "short", "json", "sarif", "github"];

/// A config with every place for a secret; `@` stands for it.
const BESIDE: &str = r#"
# Else no config would get further.
[lints]
not-a-key = "warn"
[user_defaults]
password = "@"
id_rsa = "-----BEGIN OPENSSH PRIVATE KEY-----\n@\n-----END OPENSSH PRIVATE KEY-----\n"
file_token = { file = "canary.key" }
env_token = { env = "CANARY" }
command_token = { command = ["cat", "canary.key"] }
[container_spec.env]
CANARY_TOKEN = "@"
CANARY_FILE = { file = "canary.key" }
CANARY_ENV = { env = "CANARY" }
CANARY_COMMAND = { command = ["cat", "canary.key"] }
CANARY_ATTRIBUTES = "{password}{id_rsa}{file_token}{env_token}{command_token}"
CANARY_EXPRESSION = "{{ password | upper }}{{ id_rsa | trim }}"
[container_spec.labels]
canary_token = "@"
[[container_spec.mounts]]
type = "volume"
source = "canary-1-{owner}"
target = "/canary-1"
driver_config.name = "rclone"
driver_config.options = { sshcmd = "host:/home", password = "@" }
[[container_spec.mounts]]
type = "volume"
source = "canary-2-{owner}"
target = "/canary-2"
driver_config.name = "rclone"
driver_config.options = { sshcmd = "host:/home", id_rsa = "{id_rsa}" }
[placement]
constraints = ["node.labels.canary == {password}"]
"#;

/// The rest of it: users.
const USERS: &str = r#"
[users.zoe]
password = "@"
overrides.env = { ZOE_TOKEN = "@", ZOE_FILE = { file = "canary.key" } }
"#;

/// Parts for a config's own text, each put at its start if it can then still be read.
const WITHIN: [(Syntax, &[&str]); 3] = [
    (
        Syntax::Toml,
        &[
            "user_defaults.password = \"@\"\nuser_defaults.id_rsa = \"\"\"\n@\n\"\"\"\n\
             user_defaults.file_token.file = \"canary.key\"\nuser_defaults.env_token.env = \"CANARY\"\n",
            "users.zoe.password = \"@\"\nusers.zoe.id_rsa = '''\n@\n'''\nusers.zoe.overrides.env.ZOE_TOKEN = \"@\"\n",
            "container_spec.env.CANARY_TOKEN = \"@\"\ncontainer_spec.env.CANARY_ID = \"{id_rsa}\"\n",
        ],
    ),
    (
        Syntax::Yaml,
        &[
            "user_defaults:\n  password: \"@\"\n  id_rsa: |\n    @\n    @\n  file_token: {file: canary.key}\n  \
             env_token: {env: CANARY}\n",
            "users:\n  zoe:\n    password: '@'\n    id_rsa: >\n      @\n    overrides: {env: {ZOE_TOKEN: @}}\n",
            "container_spec:\n  env:\n    CANARY_TOKEN: \"@\"\n    CANARY_ID: \"{id_rsa}\"\n",
        ],
    ),
    (
        Syntax::Json,
        &[
            "\"user_defaults\": {\"password\": \"@\", \"id_rsa\": \"@\\n@\",\n\
             \"file_token\": {\"file\": \"canary.key\"}, \"env_token\": {\"env\": \"CANARY\"}},\n",
            "\"users\": {\"zoe\": {\"password\": \"@\",\n\"overrides\": {\"env\": {\"ZOE_TOKEN\": \"@\"}}}},\n",
            "\"container_spec\": {\"env\": {\"CANARY_TOKEN\": \"@\", \"CANARY_ID\": \"{id_rsa}\"}},\n",
        ],
    ),
];

fn with_canary(text: &str) -> String {
    text.replace('@', CANARY)
}

/// Tells whether a text holds the secret, or a piece of it.
fn leaks(text: &str) -> bool {
    text.to_lowercase().contains(&CANARY[CANARY.len() - 4..])
}

fn reads(text: &str, syntax: Syntax) -> bool {
    let sources = SourceMap::new();
    let id = sources.add("", "", Author::Config, text.to_owned());
    parse(&sources, id, syntax).is_ok()
}

/// Which of the arguments are configs.
fn configs(args: &[String]) -> Vec<usize> {
    let is_config = |index: &usize| {
        let before = &args[index - 1];
        before == "-c"
            || index + 1 > 1 && args[0] == "validate" && !before.starts_with("--") && !args[*index].starts_with('-')
    };
    (1..args.len()).filter(is_config).collect()
}

/// Puts secrets into a config's own text; tells whether any fitted.
fn put_within(path: &Path) -> bool {
    let (Some(syntax), Ok(mut text)) = (Syntax::of_path(path), fs::read_to_string(path)) else { return false };
    let (_, parts) = WITHIN.into_iter().find(|(own, _)| *own == syntax).unwrap();
    let was_read = reads(&text, syntax);
    let mut fitted = false;
    for (index, part) in parts.iter().enumerate() {
        let part = with_canary(part);
        let start = if syntax == Syntax::Json { text.find('{').map_or(0, |brace| brace + 1) } else { 0 };
        let mut changed = text.clone();
        changed.insert_str(start, &part);
        // Of a text that cannot be read, one part is before what breaks it.
        if reads(&changed, syntax) || !was_read && index == 0 {
            text = changed;
            fitted = true;
        }
    }
    fs::write(path, text).unwrap();
    fitted
}

/// Gives a users file a secret column, and the hub's environment a secret.
fn put_into_data(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let text = match path.extension().and_then(|extension| extension.to_str()) {
            Some("csv") => {
                let lines = text.lines().enumerate();
                let added = |index| if index == 0 { "canary_token".to_owned() } else { CANARY.to_owned() };
                lines.map(|(index, line)| format!("{line},{}\n", added(index))).collect()
            }
            Some("env") => format!("CANARY={CANARY}\n{text}"),
            _ => continue,
        };
        fs::write(path, text).unwrap();
    }
}

/// What a run told in all formats, with the codes that were found.
#[derive(Default)]
struct Told {
    codes: BTreeSet<String>,
    runs: usize,
    wrong: String,
}

impl Told {
    fn run(&mut self, run: &Run, args: &[String], folder: &Path) {
        for format in ALL_FORMATS {
            let mut command = run.command(args, folder);
            command.args(["--message-format", format]).env("CANARY", CANARY);
            let ran = super::run(command);
            let all = ran.stdout + &ran.stderr;
            if leaks(&all) || !matches!(ran.code, Some(0 | 1 | 3)) {
                write!(self.wrong, "{args:?} in {format} ended with {:?}:\n{all}", ran.code).unwrap();
            }
            self.codes.extend(all.match_indices("SG").filter_map(|(at, _)| all.get(at..at + 5)).map(str::to_owned));
            self.runs += 1;
        }
    }

    fn join(all: Vec<Self>) -> Self {
        let mut joined = Self::default();
        for told in all {
            joined.codes.extend(told.codes);
            joined.runs += told.runs;
            joined.wrong += &told.wrong;
        }
        joined
    }

    #[track_caller]
    fn check(self, but: &[&str]) {
        assert!(self.wrong.is_empty(), "{}", self.wrong);
        let missing = code::ALL.iter().map(|code| code.id).filter(|id| !self.codes.contains(*id));
        assert_eq!(missing.collect::<Vec<_>>(), but, "not found in {} runs with secrets", self.runs);
    }
}

/// A copy of a case's folder with the files that hold secrets.
fn prepared(case: &Case, folder: &Path) -> tempfile::TempDir {
    let copy = case.copy(folder);
    fs::write(copy.path().join("canary.key"), with_canary("-----BEGIN OPENSSH PRIVATE KEY-----\n@\n")).unwrap();
    fs::write(copy.path().join("canary.csv"), with_canary("name,password,id_rsa,api_token\nyann,@,\"@\n@\",@\n"))
        .unwrap();
    // The one code that is about a config without users.
    let (before, after) = if id_of(folder) == "SG322" { ("", "") } else { ("users_file = \"canary.csv\"", USERS) };
    fs::write(copy.path().join("canary.toml"), with_canary(&[before, BESIDE, after].concat())).unwrap();
    copy
}

/// One of the files that a run is repeated with: the cases take turns with the syntaxes.
fn one_file(run: &Run, turn: usize) -> &str {
    let files = run.files();
    files[turn % files.len()]
}

#[test]
fn secrets_in_a_config_beside_are_not_told() {
    let told = shared(&folders(), |folders| {
        let mut told = Told::default();
        for (turn, folder) in folders.iter().enumerate() {
            let case = Case::read(folder);
            for run in &case.run {
                let mut args = run.args(one_file(run, turn));
                let copy = prepared(&case, folder);
                if !configs(&args).is_empty() {
                    args.splice(1..1, ["-c".to_owned(), "canary.toml".to_owned()]);
                }
                told.run(run, &args, copy.path());
            }
        }
        told
    });
    Told::join(told).check(&[]);
}

#[test]
fn secrets_in_the_same_text_are_not_told() {
    let told = shared(&folders(), |folders| {
        let mut told = Told::default();
        for (turn, folder) in folders.iter().enumerate() {
            let case = Case::read(folder);
            for run in &case.run {
                let args = run.args(one_file(run, turn + 1));
                let copy = prepared(&case, folder);
                put_into_data(copy.path());
                for index in configs(&args) {
                    put_within(&copy.path().join(&args[index]));
                }
                told.run(run, &args, copy.path());
            }
        }
        told
    });
    // The parts make a text of one that says nothing, and users where there were none.
    Told::join(told).check(&["SG004", "SG322"]);
}

/// The disk, with one config in place of what is there.
struct Changed<'a> {
    path: &'a Path,
    text: String,
}

impl World for Changed<'_> {
    fn read(&self, path: &Path, limit: Option<u64>) -> Result<Zeroizing<String>, ReadError> {
        if path == self.path { Ok(Zeroizing::new(self.text.clone())) } else { Disk.read(path, limit) }
    }

    fn variable(&self, _: &str) -> Result<Zeroizing<String>, ReadError> {
        Ok(Zeroizing::new(CANARY.to_owned()))
    }

    fn output(&self, _: &[String], _: &Path) -> Result<Zeroizing<String>, ReadError> {
        Ok(Zeroizing::new(CANARY.to_owned()))
    }
}

/// The pointers of all values that are no tables or lists.
fn leaves(value: &Value, pointer: &str, out: &mut Vec<String>) {
    match value {
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| leaves(item, &format!("{pointer}/{index}"), out));
        }
        Value::Object(map) => {
            for (key, item) in map {
                leaves(item, &format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1")), out);
            }
        }
        _ => out.push(pointer.to_owned()),
    }
}

/// What `validate` tells in all formats, one after the other; the codes join the others.
fn validated(world: &Changed<'_>, codes: &mut BTreeSet<String>) -> String {
    let sources = SourceMap::new();
    let mut diagnostics = Diagnostics::new();
    let inputs = Inputs { configs: vec![world.path.to_owned()], ..Inputs::default() };
    if let Some(compiler) = Compiler::load(&inputs, world, &sources, &mut diagnostics) {
        compiler.check_config(&mut diagnostics);
        compiler.probe(&mut diagnostics);
        compiler.check_all(&Request::default(), &mut diagnostics);
        compiler.mark_secrets();
    }
    let sorted = diagnostics.sorted();
    let mut told = swarmgen::diag::render::json::render(&sorted, &sources) + &sarif::render(&sorted, &sources);
    for diagnostic in sorted {
        codes.insert(diagnostic.code.id.to_owned());
        told += &human::render(diagnostic, &sources, false);
        told += &short::render(diagnostic, &sources);
        told += &github::render(diagnostic, &sources);
    }
    told
}

/// What a rule finds fault with may have come from a secret: a placeholder for one in every place of every case, alone
/// and next to what is there.
#[test]
fn secrets_at_fault_are_not_told() {
    const SECRETS: [&str; 3] = ["canary-7d31", "/../7D31//:7d31 {}=\n\u{1}", "7d31G"];
    let told = shared(&folders(), |folders| {
        let mut told = Told::default();
        for folder in folders {
            let case = Case::read(folder);
            let files: BTreeSet<&str> = case.run.iter().map(|run| run.files()[0]).collect();
            for file in files {
                let path = folder.join(file);
                let Some(syntax) = Syntax::of_path(&path) else { continue };
                let Ok(text) = fs::read_to_string(&path) else { continue };
                let sources = SourceMap::new();
                let id = sources.add("", "", Author::Config, text);
                let Ok(tree) = parse(&sources, id, syntax) else { continue };
                let mut tree = plain(&tree);
                let mut places = Vec::new();
                leaves(&tree, "", &mut places);
                // Some lists are long to be too long.
                for place in places.iter().take(60) {
                    let was = tree.pointer(place).unwrap().clone();
                    let beside = was.as_str().map(|text| format!("{text}{{canary_token}}"));
                    for (secret, new) in SECRETS.into_iter().zip([beside, None, None]) {
                        *tree.pointer_mut(place).unwrap() = new.unwrap_or_else(|| "{canary_token}".to_owned()).into();
                        let mut changed = tree.clone();
                        if let Value::Object(root) = &mut changed
                            && let Value::Object(defaults) = root.entry("user_defaults").or_insert_with(|| json!({}))
                        {
                            defaults.insert("canary_token".to_owned(), secret.into());
                        }
                        let name = path.with_extension("json");
                        let changed = Changed { path: &name, text: format!("{changed:#}") };
                        let text = validated(&changed, &mut told.codes);
                        if leaks(&text) {
                            write!(told.wrong, "{} with {secret:?} at {place}:\n{text}", path.display()).unwrap();
                        }
                        told.runs += 1;
                    }
                    *tree.pointer_mut(place).unwrap() = was;
                }
            }
        }
        told
    });
    let told = Told::join(told);
    assert!(told.wrong.is_empty(), "{}", told.wrong);
    assert!(told.runs > 2000 && told.codes.len() > 60, "{} runs found {:?}", told.runs, told.codes);
}
