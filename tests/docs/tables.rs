//! Tables in the documentation that follow from the code.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use swarmgen::diag::code::{self, Kind};
use swarmgen::diag::{Code, Severity};
use swarmgen::resolve::naming::{self, Scheme};
use swarmgen::resolve::policy::{self, Identity, Policy};
use swarmgen::resolve::scope::BUILTINS;
use swarmgen::resolve::settings::SecretNames;

use super::markdown::{code, computed, fences, root, section, table, uncode};

fn swarmgen(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_swarmgen"));
    command.args(arguments).current_dir(directory).env_remove("SWARMGEN_CONFIG");
    command.output().unwrap()
}

/// The first finding, as `SG000: message`.
fn first_finding(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let line = text.lines().find(|line| line.contains("error[")).unwrap_or_else(|| panic!("no error in {text}"));
    let (_, finding) = line.split_once("error[").unwrap();
    finding.replacen(']', "", 1)
}

#[test]
fn the_diagnostics_are_the_registrys() {
    let rows = |wanted: &dyn Fn(&Code) -> bool| {
        let chosen = code::ALL.iter().filter(|code| wanted(code));
        table(
            &["code", "name", "level", "means"],
            chosen.map(|code| {
                let level = match (code.kind, code.severity) {
                    (Kind::Hard, Severity::Warning) => "warning, always",
                    (Kind::Hard, Severity::Note) => "note, always",
                    (Kind::Hard, _) => "error, always",
                    (Kind::Lint, Severity::Warning) => "warn",
                    (Kind::Lint, Severity::Note) => "note",
                    (Kind::Lint, _) => "deny",
                };
                let page = format!("[{id}](codes/{id}.md)", id = code.id);
                vec![page, format!("`{}`", code.name), level.to_owned(), code.summary.to_owned()]
            }),
        )
    };
    let of = |digit: char| move |code: &Code| code.id.starts_with(&format!("SG{digit}"));
    let mut told = 0;
    let names = ["syntax", "schema", "rules", "resolving", "targets", "swarm", "import"];
    for (digit, name) in ['0', '1', '2', '3', '4', '5', '7'].into_iter().zip(names) {
        section("docs/diagnostics.md", name, |_| rows(&of(digit)));
        told += code::ALL.iter().filter(|code| of(digit)(code)).count();
    }
    assert_eq!(told, code::ALL.len(), "a block of codes has no section");
}

#[test]
fn the_merge_table_is_the_policys() {
    section("docs/merging.md", "policy", |_| {
        let rows = policy::TABLE.iter().map(|(path, policy)| {
            let how = match policy {
                Policy::Replace => "replaces whole".to_owned(),
                Policy::ByKey => "by key".to_owned(),
                Policy::ByEntry(Identity::Target) => "by entry: the same `target`".to_owned(),
                Policy::ByEntry(Identity::File(name)) => format!("by entry: the same `filename`, else `{name}`"),
                Policy::ByEntry(Identity::Name) => {
                    "by entry: the same `name`; two of one name combine as layers do".to_owned()
                }
                Policy::ByDriver => "by driver".to_owned(),
            };
            vec![format!("`{path}`"), how]
        });
        let rest = vec!["everything else".to_owned(), "replaces whole".to_owned()];
        table(&["attribute", "a later layer combines"], rows.chain([rest]))
    });
}

#[test]
fn the_owners_are_the_schemes() {
    computed("docs/naming.md", "owners", |username, schemes| {
        let scheme = |name: &str| Scheme::find(uncode(name)).unwrap();
        schemes.iter().map(|name| code(&naming::owner(scheme(name), username))).collect()
    });
    section("docs/naming.md", "services", |_| {
        let row = |scheme: Scheme| {
            let owner = naming::owner(scheme, "bob");
            let name = |server: &str| naming::service_name(scheme, "jupyter", &owner, &naming::server_part(server));
            let mut row = vec![format!("`{}`", scheme.name())];
            row.extend(["", "lab", "Lab 2"].map(|server| code(&name(server).unwrap())));
            row
        };
        let header = ["scheme", "bob's default server", "his server `lab`", "his server `Lab 2`"];
        table(&header, Scheme::ALL.into_iter().map(row))
    });
}

#[test]
fn the_templates_are_worth_what_the_tables_say() {
    let document = std::fs::read_to_string(root().join("docs/templates.md")).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let config = fences(&document).into_iter().find(|fence| fence.file.as_deref() == Some("swarmgen.toml")).unwrap();
    std::fs::write(directory.path().join("swarmgen.toml"), config.body).unwrap();
    let value = |template: &str, place: &str| {
        let template = Value::from(template);
        let (key, pointer) = match place {
            "value" => ("labels.v", "/Labels/v"),
            "value in `env`" => ("container_spec.env.v", "/TaskTemplate/ContainerSpec/Env"),
            "error" => ("labels.v", ""),
            other => panic!("unknown column {other}"),
        };
        std::fs::write(directory.path().join("row.toml"), format!("{key} = {template}\n")).unwrap();
        let arguments = ["-c", "swarmgen.toml", "-c", "row.toml", "--message-format", "short", "render", "--user"];
        let output =
            swarmgen(directory.path(), &[&arguments[..], &["alice", "--format", "service", "--show-secrets"]].concat());
        if place == "error" {
            return first_finding(&output);
        }
        assert!(output.status.success(), "{template}: {}", String::from_utf8_lossy(&output.stderr));
        let body: Value = serde_json::from_slice(&output.stdout).unwrap();
        let found = body.pointer(pointer).unwrap();
        let text = match found {
            Value::Array(env) => env.iter().filter_map(Value::as_str).find_map(|line| line.strip_prefix("v=")),
            other => other.as_str(),
        };
        code(text.unwrap())
    };
    for name in ["placeholders", "expressions", "filters", "braces", "swarm", "errors"] {
        computed("docs/templates.md", name, |template, columns| {
            columns.iter().map(|place| value(template, place)).collect()
        });
    }
    computed("docs/templates.md", "builtins", |builtin, columns| {
        assert_eq!(columns, ["is", "here"]);
        assert!(BUILTINS.contains(&builtin.trim_matches(['{', '}'])), "{builtin}");
        let mut listed = document.lines().skip_while(|line| *line != "## Built-ins");
        let is = listed.find(|line| line.starts_with(&format!("| `{builtin}` |"))).unwrap();
        vec![super::markdown::cells(is).swap_remove(1), value(builtin, "value")]
    });
    for builtin in BUILTINS {
        assert!(document.contains(&format!("| `{{{builtin}}}` |")), "docs/templates.md lacks `{builtin}`");
    }
}

#[test]
fn the_targets_can_say_what_the_table_says() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("base.toml"), "container_spec.image = \"notebook:1\"\nnetworks = [\"hub\"]\n")
        .unwrap();
    computed("docs/outputs.md", "targets", |key, targets| {
        std::fs::write(directory.path().join("row.toml"), format!("{key}\n")).unwrap();
        let says = |format: &str, api: &str| {
            let arguments = ["-c", "base.toml", "-c", "row.toml", "--message-format", "short", "render", "--user", "a"];
            let output = swarmgen(directory.path(), &[&arguments[..], &["--format", format, "--api", api]].concat());
            let refused = |output: &Output| first_finding(output).starts_with("SG401");
            assert!(output.status.success() || refused(&output), "{key}: {}", String::from_utf8_lossy(&output.stderr));
            output.status.success()
        };
        let word = |target: &&str| {
            let format = uncode(target);
            let since = ["1.41", "1.44", "1.45"].into_iter().find(|api| says(format, api));
            match since {
                Some("1.41") => "yes".to_owned(),
                Some(api) => format!("from API {api}"),
                None => "no".to_owned(),
            }
        };
        targets.iter().map(word).collect()
    });
}

#[test]
fn the_secret_names_are_the_defaults() {
    computed("docs/secrets.md", "names", |attribute, _| {
        vec![if SecretNames::default().matches(attribute) { "yes" } else { "no" }.to_owned()]
    });
}

#[test]
fn links_lead_somewhere() {
    for document in super::markdown::documents() {
        let path = root().join(&document);
        let text = std::fs::read_to_string(&path).unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            if file.contains("://") {
                continue;
            }
            let linked = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            assert!(linked.exists(), "{}: {target} is not there", document.display());
            let anchors = |text: &str| {
                let heading = |line: &str| line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
                text.lines().any(|line| line.starts_with('#') && heading(line) == anchor)
            };
            assert!(
                anchor.is_empty() || anchors(&std::fs::read_to_string(&linked).unwrap()),
                "{}: {target}: no such heading",
                document.display()
            );
        }
    }
}
