//! `status --watch`: it looks again and again, and ends at once when it is interrupted, also in the middle of a look.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::fake_engine::{FakeEngine, swarm};
use super::proxy::{Fault, Proxy, Requests};
use super::until::until;
use super::*;

/// The deployment of which the fake's swarm has a service.
pub(super) const CHEMISTRY: &str =
    "version = 1\ndeployment = \"chemistry\"\n[[images]]\nname = \"Python\"\nimage = \"jupyter/base-notebook:1\"\n";

/// A watch, and the lines that it writes.
struct Watch {
    child: Child,
    lines: Receiver<String>,
}

impl Watch {
    fn of(folder: &Folder, proxy: &Proxy, args: &[&str]) -> Self {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_swarmgen"));
        command.args(["status", "--watch"]).args(args).current_dir(folder.path(""));
        command.env_remove("DOCKER_CONTEXT").env("DOCKER_HOST", format!("unix://{}", proxy.socket().display()));
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, lines }
    }

    /// Waits for a line that holds something.
    fn shows(&self, text: &str) {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left).unwrap_or_else(|error| panic!("{error}: never shown: {text}"));
            if line.contains(text) {
                return;
            }
        }
    }

    /// Interrupts it: it ends at once, and well.
    fn ends_at_once(mut self, signal: &str) {
        let begun = Instant::now();
        let sent = std::process::Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None if begun.elapsed() < Duration::from_secs(3) => std::thread::sleep(Duration::from_millis(20)),
                None => {
                    self.child.kill().unwrap();
                    panic!("it goes on after {signal}");
                }
            }
        };
        assert_eq!(status.code(), Some(0), "{status}");
    }
}

#[test]
fn it_shows_what_has_become_different() {
    let (engine, folder) = (FakeEngine::start(), Folder::with(CHEMISTRY));
    let proxy = Proxy::before(engine.address().trim_start_matches("unix://").as_ref());
    for args in [&[][..], &["--format", "json"]] {
        engine.becomes(swarm());
        let watch = Watch::of(&folder, &proxy, args);
        watch.shows("running");
        let mut later = swarm();
        later["tasks"][0]["Status"]["State"] = "starting".into();
        engine.becomes(later);
        watch.shows("starting");
        watch.ends_at_once("-INT");
    }
}

#[test]
fn it_ends_in_the_middle_of_a_look() {
    let (engine, folder) = (FakeEngine::start(), Folder::with(CHEMISTRY));
    let proxy = Proxy::before(engine.address().trim_start_matches("unix://").as_ref());
    for (signal, looks) in [("-INT", 0), ("-TERM", 0), ("-INT", 1), ("-TERM", 1)] {
        let tasks = Requests::to("GET", "/tasks");
        let before = proxy.count(&tasks);
        proxy.harms(tasks.clone().starting_at(looks + 1), Fault::Delay(Duration::from_secs(30)));
        let watch = Watch::of(&folder, &proxy, &[]);
        until("it looks", 20, || proxy.count(&tasks) > before + looks, String::new);
        watch.ends_at_once(signal);
        proxy.relents();
    }
}

#[test]
fn it_ends_with_the_engine() {
    let (engine, folder) = (FakeEngine::start(), Folder::with(CHEMISTRY));
    let proxy = Proxy::before(engine.address().trim_start_matches("unix://").as_ref());
    let mut watch = Watch::of(&folder, &proxy, &[]);
    watch.shows("running");
    proxy.harms(Requests::any(), Fault::Drop);
    proxy.refuses_connections();
    assert_eq!(watch.child.wait().unwrap().code(), Some(5));
}
