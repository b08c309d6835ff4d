//! Diagnostics as SARIF 2.1.0, the format that code scanners exchange.
//!
//! <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>; the sections named here are of that text.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{notes_text, open_fix, visible};
use crate::diag::{Code, Diagnostic, Severity};
use crate::source::{SourceMap, Span};

/// Renders findings as a log with one run, with a final line end.
pub fn render(diagnostics: &[&Diagnostic], sources: &SourceMap) -> String {
    // Sorted by their identifiers.
    let rules: BTreeMap<&str, &Code> =
        diagnostics.iter().map(|diagnostic| (diagnostic.code.id, diagnostic.code)).collect();
    let index_of = |id: &str| rules.keys().position(|rule| *rule == id);
    let results: Vec<Value> = diagnostics
        .iter()
        .map(|diagnostic| result(diagnostic, index_of(diagnostic.code.id).unwrap_or_default(), sources))
        .collect();
    let mut driver = Map::new();
    driver.insert("name".into(), env!("CARGO_PKG_NAME").into());
    driver.insert("version".into(), env!("CARGO_PKG_VERSION").into());
    let repository = env!("CARGO_PKG_REPOSITORY");
    if !repository.is_empty() {
        driver.insert("informationUri".into(), repository.into());
    }
    driver.insert("rules".into(), rules.values().map(|code| rule(code)).collect());
    super::document(&json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{ "tool": { "driver": driver }, "columnKind": "utf16CodeUnits", "results": results }],
    }))
}

fn rule(code: &Code) -> Value {
    json!({
        "id": code.id,
        "name": code.name,
        "shortDescription": { "text": text(code.summary) },
        "fullDescription": { "text": text(code.summary) },
        // Viewers show the page as it is: doubled, the braces of its configs would have another meaning.
        "help": {
            "text": text(&format!("{} See docs/codes/{}.md.", code.summary, code.id)),
            "markdown": code.page,
        },
        "defaultConfiguration": { "level": level(code.severity) },
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

fn result(diagnostic: &Diagnostic, rule: usize, sources: &SourceMap) -> Value {
    let mut lines = vec![visible(&diagnostic.message).into_owned()];
    lines.extend(notes_text(diagnostic, sources));
    let mut result = Map::new();
    result.insert("ruleId".into(), diagnostic.code.id.into());
    result.insert("ruleIndex".into(), rule.into());
    result.insert("level".into(), level(diagnostic.severity).into());
    result.insert("message".into(), json!({ "text": text(&lines.join("\n")) }));
    let mut places = diagnostic.labels.iter().map(|label| {
        let mut place = json!({ "physicalLocation": {
            "artifactLocation": { "uri": uri(sources.get(label.span.source).name()) },
            "region": region(label.span, sources),
        } });
        if !label.text.is_empty() {
            place["message"] = json!({ "text": text(&visible(&label.text)) });
        }
        place
    });
    let primary: Vec<Value> = places.next().into_iter().collect();
    let others: Vec<Value> = places.collect();
    // A result without a place has an empty list (3.27.12).
    result.insert("locations".into(), primary.into());
    if !others.is_empty() {
        result.insert("relatedLocations".into(), others.into());
    }
    if let Some(fix) = open_fix(diagnostic, sources) {
        let change = json!({
            "artifactLocation": { "uri": uri(sources.get(fix.span.source).name()) },
            "replacements": [{
                "deletedRegion": region(fix.span, sources),
                "insertedContent": { "text": fix.replacement },
            }],
        });
        let description = json!({ "text": text(&visible(&fix.title)) });
        result.insert("fixes".into(), json!([{ "description": description, "artifactChanges": [change] }]));
    }
    result.into()
}

fn region(span: Span, sources: &SourceMap) -> Value {
    let source = sources.get(span.source);
    let (start, end) = (source.utf16_position(span.start), source.utf16_position(span.end));
    json!({ "startLine": start.line, "startColumn": start.column, "endLine": end.line, "endColumn": end.column })
}

/// A message: braces are doubled, as single ones are placeholders (3.11.5).
fn text(message: &str) -> String {
    message.replace('{', "{{").replace('}', "}}")
}

/// A file's name as a relative reference; one from the root as a `file` URI.
///
/// Names are the paths as they were given, so that a name may also be `<stdin>` or `--set`.
fn uri(name: &str) -> String {
    let name = if cfg!(windows) { name.replace('\\', "/") } else { name.to_owned() };
    let drive = cfg!(windows) && name.get(1..3) == Some(":/");
    let mut uri = match (name.starts_with('/'), drive) {
        (true, _) => "file:///".to_owned(),
        (false, true) => format!("file:///{}:/", &name[..1]),
        (false, false) => String::new(),
    };
    let path = if drive { name.get(3..).unwrap_or_default() } else { &name };
    let mut separator = "";
    for segment in path.split('/').filter(|segment| !matches!(*segment, "" | ".")) {
        uri.push_str(separator);
        separator = "/";
        for byte in segment.bytes() {
            // What RFC 3986 calls unreserved.
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => uri.push(char::from(byte)),
                _ => uri.push_str(&format!("%{byte:02X}")),
            }
        }
    }
    uri
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by it")]
mod tests {
    use super::*;
    use crate::diag::code;
    use crate::source::Author;

    fn results(diagnostics: &[&Diagnostic], sources: &SourceMap) -> Value {
        let log: Value = serde_json::from_str(&render(diagnostics, sources)).unwrap();
        log["runs"][0]["results"].clone()
    }

    #[test]
    fn names_become_references() {
        for (name, expected) in [
            ("swarmgen.toml", "swarmgen.toml"),
            ("./a//b c/100%.toml", "a/b%20c/100%25.toml"),
            ("../ä/𝒳#?.toml", "../%C3%A4/%F0%9D%92%B3%23%3F.toml"),
            ("a:b\n.toml", "a%3Ab%0A.toml"),
            ("/etc/swarm gen.toml", "file:///etc/swarm%20gen.toml"),
            ("<stdin>", "%3Cstdin%3E"),
        ] {
            assert_eq!(uri(name), expected, "{name:?}");
        }
    }

    #[test]
    fn columns_count_utf16_code_units() {
        let sources = SourceMap::new();
        let line = "'ä𝒳日👩\u{200d}💻' = bad";
        let id = sources.add("a.toml", "", Author::Config, format!("x = 1\r\n{line}\n"));
        let start = 7 + line.find("bad").unwrap();
        let diagnostic = Diagnostic::new(&code::UNKNOWN_KEY, "m").at(Span::new(id, start, start + 3), "");
        // A quote, 1, 2, 1, 2, 1 and 2 units, ` ' = ` less its first blank.
        let region = json!({ "startLine": 2, "startColumn": 15, "endLine": 2, "endColumn": 18 });
        let found = results(&[&diagnostic], &sources);
        assert_eq!(found[0]["locations"][0]["physicalLocation"]["region"], region);
    }

    #[test]
    fn rules_are_those_found_and_results_point_at_them() {
        let sources = SourceMap::new();
        let id = sources.add("a.toml", "", Author::Config, "x = 1\ny = 2\n".to_owned());
        let unknown = Diagnostic::new(&code::UNKNOWN_KEY, "no `{x}`")
            .at(Span::new(id, 0, 1), "here {}")
            .at(Span::new(id, 6, 7), "there")
            .help("do it")
            .fix(Span::new(id, 0, 1), "{z}", "write `{z}`");
        let denied = Diagnostic { severity: Severity::Error, ..Diagnostic::new(&code::FLOATING_TAG, "m") };
        let log: Value = serde_json::from_str(&render(&[&denied, &unknown, &denied], &sources)).unwrap();
        let run = &log["runs"][0];
        let rules: Vec<&Value> = run["tool"]["driver"]["rules"].as_array().unwrap().iter().collect();
        assert_eq!(rules.iter().map(|rule| &rule["id"]).collect::<Vec<_>>(), ["SG101", "SG202"]);
        assert_eq!(rules[1]["defaultConfiguration"]["level"], "warning");
        let results = run["results"].as_array().unwrap();
        for result in results {
            assert_eq!(rules[result["ruleIndex"].as_u64().unwrap() as usize]["id"], result["ruleId"]);
        }
        assert_eq!(results[0]["level"], "error");
        assert_eq!(results[0]["locations"], json!([]));
        assert_eq!(results[1]["message"]["text"], "no `{{x}}`\nhelp: do it");
        assert_eq!(results[1]["locations"][0]["message"]["text"], "here {{}}");
        assert_eq!(results[1]["relatedLocations"][0]["message"]["text"], "there");
        // What is inserted is no message.
        let change = &results[1]["fixes"][0]["artifactChanges"][0];
        assert_eq!(change["replacements"][0]["insertedContent"]["text"], "{z}");
        assert_eq!(run["columnKind"], "utf16CodeUnits");
    }
}
