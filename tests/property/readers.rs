//! Readers of the outputs: a shell, PyYAML, and what the docker CLI makes of a record.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::fake_engine::run;

/// Reads one record of comma-separated values.
pub(crate) fn record(text: &str) -> Vec<String> {
    let (mut fields, mut field, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => field.extend(chars.next()),
            '"' if quoted || field.is_empty() => quoted = !quoted,
            ',' if !quoted => fields.push(std::mem::take(&mut field)),
            c => field.push(c),
        }
    }
    fields.push(field);
    fields
}

/// Splits words as a shell does that knows single quotes and backslashes only.
pub(crate) fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\'' => quoted = !quoted,
            '\\' if !quoted => word.extend(chars.next()),
            ' ' if !quoted => words.push(std::mem::take(&mut word)),
            c => word.push(c),
        }
    }
    words.push(word);
    words
}

/// Reads many YAML documents with PyYAML, in one process.
pub(crate) fn pyyaml(documents: &[String]) -> Vec<Value> {
    let script = "import json, sys, yaml
for document in json.load(sys.stdin.buffer):
    print(json.dumps(yaml.safe_load(document)))";
    let mut python = Command::new("python3");
    python.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = python.spawn().unwrap_or_else(|error| panic!("these tests need `python3` with PyYAML: {error}"));
    let mut stdin = child.stdin.take().unwrap();
    let input = serde_json::to_vec(documents).unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "PyYAML: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Runs commands in one shell where `docker` prints its arguments.
pub(crate) fn arguments(commands: &[String]) -> Vec<Vec<String>> {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let docker = directory.path().join("docker");
    std::fs::write(&docker, "#!/bin/sh\nprintf '%s\\0' $# \"$@\"\n").unwrap();
    std::fs::set_permissions(&docker, PermissionsExt::from_mode(0o755)).unwrap();
    let script = directory.path().join("script");
    std::fs::write(&script, commands.concat()).unwrap();
    let path = format!("{}:{}", directory.path().display(), std::env::var("PATH").unwrap());
    // The folder is empty but for the two: a pattern that the shell expands would show.
    let output = run(Command::new("sh").arg("-e").arg(&script).env("PATH", path).current_dir(directory.path()));
    let mut words = output.split(|byte| *byte == 0).map(|word| String::from_utf8(word.to_vec()).unwrap());
    let mut all = Vec::new();
    while let Some(count) = words.next().filter(|count| !count.is_empty()) {
        all.push((0..count.parse().unwrap()).map(|_| words.next().unwrap()).collect());
    }
    all
}
