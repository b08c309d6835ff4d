//! What documents show of a terminal: every command runs, and prints what is shown.
//!
//! A block ```` ```console ```` holds lines `$ command`, each followed by what it prints. `...` stands for any lines,
//! `[..]` for anything in a line. A block whose language is followed by a file's name is that file: commands find it.
//! Other blocks of TOML are parts of a config and must be valid. Each document has a folder of its own, where
//! `examples` leads to the examples, and docker talks to an engine that accepts everything.

use std::path::{Path, PathBuf};

use super::fake_engine::FakeEngine;
use super::markdown::{Fence, documents, fences, lock, root, updating};

/// What a part of a config is laid over to be a whole one.
const BASE: &str = "version = 1\ncontainer_spec.image = \"registry.example.org/notebook:1\"\nnetworks = [\"hub\"]\n";

pub(super) struct Shell {
    pub(super) directory: tempfile::TempDir,
    engine: FakeEngine,
    pub(super) status: i32,
}

impl Shell {
    pub(super) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(root().join("examples"), directory.path().join("examples")).unwrap();
        Self { directory, engine: FakeEngine::start(), status: 0 }
    }

    pub(super) fn write(&self, file: &str, text: &str) {
        let path = self.directory.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Runs a command and returns all that it prints.
    pub(super) fn run(&mut self, command: &str) -> String {
        let command = command.replace("cargo run --release -- ", "swarmgen ");
        let binary = Path::new(env!("CARGO_BIN_EXE_swarmgen")).parent().unwrap();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(std::iter::once(binary.to_owned()).chain(std::env::split_paths(&path)));
        let status = self.status;
        let output = self
            .engine
            .command("sh")
            .args(["-c", &format!("umask 022\nexec 2>&1\n(exit {status})\n{command}")])
            .current_dir(self.directory.path())
            .env("PATH", path.unwrap())
            .env_remove("SWARMGEN_CONFIG")
            .output()
            .unwrap();
        self.status = output.status.code().unwrap_or(-1);
        String::from_utf8(output.stdout).unwrap()
    }

    /// Checks a part of a config.
    fn fragment(&mut self, place: &str, text: &str) {
        self.write("base.toml", BASE);
        self.write("fragment.toml", text);
        let printed = self.run("swarmgen validate base.toml fragment.toml");
        assert!(self.status == 0, "{place} is not valid:\n{printed}");
        self.status = 0;
    }
}

/// Tells whether a line is as shown.
fn line_fits(shown: &str, line: &str) -> bool {
    let mut parts = shown.split("[..]");
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    let others: Vec<&str> = parts.collect();
    let Some((last, middle)) = others.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.len() >= last.len() && rest.ends_with(last)
}

/// Tells whether lines are as shown.
fn fits(shown: &[&str], lines: &[&str]) -> bool {
    match shown.split_first() {
        None => lines.is_empty(),
        Some((&"...", rest)) => (0..=lines.len()).any(|skip| fits(rest, &lines[skip..])),
        Some((first, rest)) => {
            lines.split_first().is_some_and(|(line, lines)| line_fits(first, line) && fits(rest, lines))
        }
    }
}

/// Runs a block; returns it as it should be.
fn console(place: &str, shell: &mut Shell, body: &str) -> String {
    let mut right = String::new();
    let mut lines = body.lines().peekable();
    while let Some(line) = lines.next() {
        let mut command = line.strip_prefix("$ ").unwrap_or_else(|| panic!("{place}: no command: {line}")).to_owned();
        right.push_str(line);
        right.push('\n');
        while let Some(more) = lines.next_if(|_| command.ends_with('\\')) {
            command.push('\n');
            command.push_str(more);
            right.push_str(more);
            right.push('\n');
        }
        let mut shown = Vec::new();
        while let Some(line) = lines.next_if(|line| !line.starts_with("$ ")) {
            shown.push(line);
        }
        let printed = shell.run(&command);
        let printed = printed.trim_end();
        let open = shown.iter().any(|line| *line == "..." || line.contains("[..]"));
        let same = fits(&shown, &printed.lines().collect::<Vec<_>>());
        if !same && updating() && !open {
            right.push_str(printed);
            right.push('\n');
        } else {
            assert!(same, "{place}: `{command}` is shown to print\n{}\nand prints\n{printed}", shown.join("\n"));
            shown.iter().for_each(|line| right.push_str(&format!("{line}\n")));
        }
        let failed = shell.status != 0;
        let told = printed.contains("error") || lines.peek() == Some(&"$ echo $?");
        assert!(!failed || told, "{place}: `{command}` fails with {} and does not say so", shell.status);
    }
    right
}

fn check(document: &Path) {
    let path = root().join(document);
    let mut shell = Shell::new();
    let text = std::fs::read_to_string(&path).unwrap();
    let mut changes: Vec<(Fence, String)> = Vec::new();
    for fence in fences(&text) {
        let place = format!("{}:{}", document.display(), fence.line);
        match (fence.language.as_str(), &fence.file) {
            ("console", None) => {
                let right = console(&place, &mut shell, &fence.body);
                if right != fence.body {
                    changes.push((fence, right));
                }
            }
            (_, Some(file)) => shell.write(file, &fence.body),
            ("toml", None) => shell.fragment(&place, &fence.body),
            ("sh", None) => {
                let runs = fence.body.lines().find(|line| line.trim_start().starts_with("swarmgen "));
                assert!(runs.is_none(), "{place}: show swarmgen's commands as `console`, with what they print");
            }
            ("rust" | "text" | "caddy", None) => {}
            (language, _) => panic!("{place}: a block of `{language}` that nothing checks"),
        }
    }
    if !changes.is_empty() {
        let _lock = lock();
        let mut text = std::fs::read_to_string(&path).unwrap();
        // The other tests may have changed what stands before.
        for (fence, right) in changes {
            assert!(text.matches(&fence.body).count() == 1, "{}:{}: ambiguous", document.display(), fence.line);
            text = text.replace(&fence.body, &right);
        }
        std::fs::write(&path, text).unwrap();
    }
}

#[test]
fn documents_show_what_commands_print() {
    for document in documents() {
        check(&document);
    }
}

#[test]
fn the_examples_commands_run() {
    let mut readmes: Vec<PathBuf> = Vec::new();
    let mut folders = vec![root().join("examples")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().is_some_and(|name| name == "README.md") {
                readmes.push(path);
            }
        }
    }
    readmes.sort();
    let mut ran = 0;
    for readme in readmes {
        let mut shell = Shell::new();
        for fence in fences(&std::fs::read_to_string(&readme).unwrap()) {
            for command in fence.body.lines().filter(|line| fence.language == "sh" && line.starts_with("swarmgen ")) {
                let printed = shell.run(command);
                assert!(shell.status == 0, "{}: `{command}` fails:\n{printed}", readme.display());
                assert!(!printed.contains("warning["), "{}: `{command}` warns:\n{printed}", readme.display());
                ran += 1;
            }
        }
    }
    assert!(ran > 10, "only {ran} commands were found");
}

#[test]
fn shown_lines_are_compared() {
    let fit = |shown: &str, lines: &str| fits(&shown.lines().collect::<Vec<_>>(), &lines.lines().collect::<Vec<_>>());
    assert!(fit("a\nb", "a\nb"));
    assert!(!fit("a", "a\nb"));
    assert!(!fit("a\nb", "a"));
    assert!(fit("a\n...\nd", "a\nb\nc\nd"));
    assert!(fit("...\nd", "d"));
    assert!(!fit("...\nd", "d\ne"));
    assert!(fit("a[..]c", "abbc"));
    assert!(!fit("a[..]c", "abbd"));
    assert!(!fit("ab[..]bc", "abc"));
}
