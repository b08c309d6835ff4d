//! What is only done on a terminal: bars, and the question before something is removed. `script` makes the terminal.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use serde_json::json;

use super::fake_engine::{FakeEngine, swarm};
use super::proxy::Proxy;
use super::until::until;
use super::*;

/// The width of the terminal.
const COLUMNS: usize = 160;

/// A command on a terminal of its own.
struct Terminal {
    child: Child,
    keys: ChildStdin,
    screen: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Terminal {
    /// Runs the program in a folder, beside the engine behind a proxy.
    fn runs(folder: &Folder, proxy: &Proxy, args: &str) -> Self {
        // Who starts the tests in the background lets them ignore Ctrl-C, and all that they start.
        let program = format!(
            "stty cols {COLUMNS} rows 40; exec env --default-signal=INT {} {args}",
            env!("CARGO_BIN_EXE_swarmgen")
        );
        let mut command = std::process::Command::new("script");
        command.args(["--quiet", "--return", "--command", &program, "/dev/null"]).current_dir(folder.path(""));
        for variable in ["DOCKER_CONTEXT", "SWARMGEN_CONFIG", "CLICOLOR_FORCE", "NO_COLOR"] {
            command.env_remove(variable);
        }
        command.env("TERM", "xterm").env("DOCKER_CONFIG", folder.path("docker"));
        command.env("DOCKER_HOST", format!("unix://{}", proxy.socket().display()));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (keys, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let screen = Arc::new(Mutex::new(Vec::new()));
        let written = Arc::clone(&screen);
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = output.read(&mut buffer) {
                written.lock().unwrap().extend(&buffer[..length]);
            }
        });
        Self { child, keys, screen, reader }
    }

    /// What was written so far.
    fn written(&self) -> String {
        String::from_utf8_lossy(&self.screen.lock().unwrap()).into_owned()
    }

    /// Waits until something is written.
    fn shows(&self, text: &str) {
        until(&format!("it shows {text:?}"), 20, || self.written().contains(text), || self.written());
    }

    fn types(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Waits for its end: the exit code, 128 more than a signal's number where that ended it, and all that was written.
    fn ends(mut self) -> (Option<i32>, String) {
        let written = || String::from_utf8_lossy(&self.screen.lock().unwrap()).into_owned();
        until("it ends", 60, || self.child.try_wait().unwrap().is_some(), written);
        self.reader.join().unwrap();
        (self.child.wait().unwrap().code(), written())
    }
}

fn before(engine: &FakeEngine) -> Proxy {
    Proxy::before(engine.address().trim_start_matches("unix://").as_ref())
}

/// How often something was changed.
fn changes(proxy: &Proxy) -> usize {
    proxy.calls().iter().filter(|call| call.method != "GET").count()
}

#[test]
fn only_yes_is_taken_for_yes() {
    let folder = Folder::with(watch::CHEMISTRY);
    for command in ["destroy --all", "apply --prune --allow-empty --resolve-image never"] {
        // Ctrl-C ends it as it ends any program; Ctrl-D is an end without an answer.
        for (keys, code) in [
            ("no\n", 1),
            ("\n", 1),
            ("y\n", 1),
            ("YES\n", 1),
            ("yes please\n", 1),
            ("\x04", 1),
            ("\x03", 130),
            ("yes\n", 0),
        ] {
            let engine = FakeEngine::of(swarm());
            let proxy = before(&engine);
            let mut terminal = Terminal::runs(&folder, &proxy, command);
            terminal.shows("Only `yes` is taken: ");
            assert_eq!(changes(&proxy), 0);
            terminal.types(keys);
            let (ended, written) = terminal.ends();
            assert_eq!(ended, Some(code), "{command}, {keys:?}: {written}");
            assert_eq!(written.contains("nothing was done"), code == 1, "{command}, {keys:?}: {written}");
            assert_eq!(written.contains("1 server removed"), code == 0, "{command}, {keys:?}: {written}");
            assert_eq!(changes(&proxy), usize::from(code == 0), "{command}, {keys:?}: {written}");
        }
    }
}

/// What is left of an output when the terminal's own signs are taken out: its lines, and what was drawn anew in one.
fn lines(written: &str) -> Vec<String> {
    let (mut text, mut column) = (String::new(), 0);
    let mut rest = written.chars();
    while let Some(char) = rest.next() {
        match char {
            // ESC [ .. letter
            '\x1b' => drop(rest.by_ref().skip(1).find(char::is_ascii_alphabetic)),
            '\r' | '\n' => {
                text.push('\n');
                column = 0;
            }
            // What follows a full line is in the next one: bars are drawn as wide as the terminal, without an end.
            char => {
                if column == COLUMNS {
                    text.push('\n');
                    column = 0;
                }
                text.push(char);
                column += 1;
            }
        }
    }
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn bars_are_a_line_for_each_stage_with_the_slow_ones_by_name() {
    // No node takes any, and the engine says so at once.
    let mut config = format!("naming.scheme = \"slug\"\nservice_prefix = \"bars\"\n{}", watch::CHEMISTRY);
    (0..40).for_each(|user| writeln!(config, "[users.u{user:02}]").unwrap());
    let mut swarm = swarm();
    let pending = |number: usize| {
        json!({
            "ID": format!("task{number}"), "ServiceID": format!("new{number}"), "DesiredState": "running",
            "Status": {"State": "pending", "Err": "no suitable node (no node has it)"},
        })
    };
    swarm["tasks"] = (1..=40).map(pending).collect();
    let (engine, folder) = (FakeEngine::of(swarm), Folder::with(&config));
    let proxy = before(&engine);
    let terminal = Terminal::runs(&folder, &proxy, "apply --resolve-image never --timeout 4s");
    let (code, written) = terminal.ends();
    assert_eq!(code, Some(4), "{written}");
    let lines = lines(&written);
    let of = |stage: &str| lines.iter().filter(|line| line.starts_with(stage)).cloned().collect::<Vec<_>>();
    let (requests, running) = (of("requests"), of("running"));
    assert!(requests.iter().any(|line| line.contains("40/40")), "{written}");
    let named = |line: &String| line.matches("bars-u").count();
    assert!(running.iter().any(|line| line.contains("0/40") && named(line) == 3), "{written}");
    assert!(running.iter().any(|line| line.contains("(the first: no suitable node")), "{written}");
    let drawn = lines.iter().filter(|line| line.contains("/40"));
    assert!(drawn.clone().all(|line| line.starts_with("requests") || line.starts_with("running")), "{written}");
    assert!(drawn.clone().all(|line| named(line) <= 3), "{written}");
    // Nothing is written for single servers but the account, which names the first of those that failed.
    let servers = lines.iter().filter(|line| line.contains("(service `bars-u"));
    assert_eq!(servers.count(), 20, "{written}");
    assert_eq!(written.matches("and 20 more").count(), 1, "{written}");
}
