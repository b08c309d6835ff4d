//! Where findings go, and that there is always one document.

use super::*;

const GOOD: &str = "[[images]]\nname = \"Python\"\nimage = \"registry.example.org/python:1\"\n";
const WARNS: &str = "[[images]]\nname = \"Python\"\nimage = \"registry.example.org/python:latest\"\n";

fn in_format(folder: &tempfile::TempDir, args: &[&str], format: &str) -> Ran {
    run(command(folder.path(), &[args, &["--message-format", format]].concat()))
}

#[test]
fn validate_writes_a_document_to_standard_output_also_when_nothing_is_found() {
    let folder = folder(&[("swarmgen.toml", GOOD)]);
    let json = in_format(&folder, &["validate"], "json");
    assert_eq!((json.code, &*json.stderr), (Some(0), ""));
    let own = read(&json.stdout, &own_schema());
    assert_eq!(own["diagnostics"], Value::Array(vec![]));
    assert_eq!(own["summary"], serde_json::json!({ "errors": 0, "warnings": 0, "notes": 0 }));
    let sarif = in_format(&folder, &["validate"], "sarif");
    assert_eq!((sarif.code, &*sarif.stderr), (Some(0), ""));
    let run = &read(&sarif.stdout, &sarif_schema())["runs"][0];
    assert_eq!(run["results"], Value::Array(vec![]));
    assert_eq!(run["tool"]["driver"]["rules"], Value::Array(vec![]));
    let github = in_format(&folder, &["validate"], "github");
    assert_eq!((github.code, &*github.stdout), (Some(0), ""));
    assert_eq!(github.stderr, "checked 1 profile: no errors, no warnings\n");
}

#[test]
fn validate_writes_a_document_before_there_is_a_config() {
    let folder = folder(&[]);
    let json = in_format(&folder, &["validate"], "json");
    assert_eq!((json.code, &*json.stderr), (Some(1), ""));
    let own = read(&json.stdout, &own_schema());
    assert_eq!(own["diagnostics"][0]["code"], "SG012");
    assert_eq!(own["diagnostics"][0]["labels"], Value::Array(vec![]));
    assert_eq!(own["summary"]["errors"], 1);
    let sarif = in_format(&folder, &["validate"], "sarif");
    assert_eq!((sarif.code, &*sarif.stderr), (Some(1), ""));
    assert_eq!(read(&sarif.stdout, &sarif_schema())["runs"][0]["results"][0]["ruleId"], "SG012");
    let github = in_format(&folder, &["validate"], "github");
    assert!(
        github.stdout.starts_with("::error title=SG012 no-config::no config was found here%0Ahelp: "),
        "{github:?}"
    );
    assert_eq!(github.stderr, "1 error\n");
}

#[test]
fn other_commands_keep_standard_output_for_their_results() {
    let folder = folder(&[("swarmgen.toml", WARNS)]);
    for format in FORMATS {
        let ran = in_format(&folder, &["render", "--user", "alice"], format);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(ran.stdout.contains("services:") && !ran.stdout.contains("SG202"), "{ran:?}");
        assert!(ran.stderr.contains("SG202"), "{ran:?}");
        if format == "json" {
            assert_eq!(read(&ran.stderr, &own_schema())["summary"]["warnings"], 1);
        }
    }
    // What is written to files is told in words, but not next to a document.
    let json = in_format(&folder, &["render", "--user", "alice", "-o", "stack.yml"], "json");
    assert_eq!(read(&json.stderr, &own_schema())["summary"]["warnings"], 1);
}

#[test]
fn what_fails_last_is_in_the_one_document() {
    let folder = folder(&[("swarmgen.toml", WARNS), ("file", "")]);
    let args = ["render", "--user", "alice", "-o", "file/out/"];
    let json = in_format(&folder, &args, "json");
    assert_eq!((json.code, &*json.stdout), (Some(1), ""));
    let own = read(&json.stderr, &own_schema());
    let mut codes: Vec<&str> =
        own["diagnostics"].as_array().unwrap().iter().map(|finding| finding["code"].as_str().unwrap()).collect();
    codes.sort_unstable();
    assert_eq!(codes, ["SG202", "SG407"]);
    let short = in_format(&folder, &args, "short");
    assert_eq!((short.stderr.matches("SG202").count(), short.stderr.matches("SG407").count()), (1, 1), "{short:?}");
}

#[test]
fn quiet_leaves_errors_only() {
    let folder = folder(&[("swarmgen.toml", WARNS)]);
    let own = read(&in_format(&folder, &["validate", "-q"], "json").stdout, &own_schema());
    assert_eq!(own["summary"]["warnings"], 0);
    assert_eq!(own["diagnostics"], Value::Array(vec![]));
}

#[test]
fn columns_are_right_after_characters_of_several_bytes() {
    let line = "container_spec = { env = { A = \"ä日𝒳👩\u{200d}💻\" }, imag = \"x\" }";
    let folder = folder(&[("swärm, 𝒳:1%.toml", &format!("\u{feff}# 𝒳\r\n{line}\n"))]);
    let args = ["validate", "swärm, 𝒳:1%.toml"];
    let before = &line[..line.find("imag").unwrap()];
    let own = read(&in_format(&folder, &args, "json").stdout, &own_schema());
    let start = &own["diagnostics"][0]["labels"][0]["start"];
    assert_eq!(start["line"], 2);
    assert_eq!(start["column"], before.chars().count() + 1);
    assert_eq!(start["offset"], "# 𝒳\r\n".len() + before.len());
    let log = read(&in_format(&folder, &args, "sarif").stdout, &sarif_schema());
    let place = &log["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    let column = before.encode_utf16().count() + 1;
    assert_ne!(column, before.chars().count() + 1);
    let region =
        serde_json::json!({ "startLine": 2, "startColumn": column, "endLine": 2, "endColumn": column + "imag".len() });
    assert_eq!(place["region"], region);
    assert_eq!(place["artifactLocation"]["uri"], "sw%C3%A4rm%2C%20%F0%9D%92%B3%3A1%25.toml");
    let github = in_format(&folder, &args, "github").stdout;
    let column = before.chars().count() + 1;
    let expected =
        format!("::error file=swärm%2C 𝒳%3A1%25.toml,line=2,col={column},endLine=2,endColumn={},", column + 4);
    assert!(github.starts_with(&expected), "{github}");
}

#[test]
fn input_cannot_forge_or_steer() {
    let config = "\"a\\n::error::forged\\u001b[2J\\u009b\\u202e\" = 1\n";
    let folder = folder(&[("swarmgen.toml", config)]);
    for format in ["human", "short", "json", "sarif", "github"] {
        let ran = in_format(&folder, &["validate"], format);
        let all = ran.stdout + &ran.stderr;
        assert!(!all.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{all:?}");
        assert!(!all.lines().any(|line| line.starts_with("::error::")), "{all}");
    }
    let own = read(&in_format(&folder, &["validate"], "json").stdout, &own_schema());
    let message = own["diagnostics"][0]["message"].as_str().unwrap();
    assert!(message.contains("a\n::error::forged\u{1b}[2J\u{9b}\u{202e}"), "{message:?}");
}
