//! Runs a Python config in the operator's own interpreter, under the shim.
//!
//! The shim comes through standard input and its document goes to standard output, which the config itself never gets:
//! what it prints goes where its errors go, and is kept apart. Nothing is left behind, neither files nor processes.

use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::diag::{Code, Diagnostic, code};
use crate::source::{Author, SourceId, SourceMap, Span};

use super::recording::{Cause, Failure, Recording};
use super::report::Origin;

/// What runs under the interpreter.
const SHIM: &str = concat!(
    include_str!("shim/settings.py"),
    include_str!("shim/modules.py"),
    include_str!("shim/values.py"),
    include_str!("shim/run.py")
);
/// Reads it, so that no line of its own is taken for one of the config's.
const BOOTSTRAP: &str = "import sys
if sys.version_info < (3, 7): sys.exit(107)
exec(compile(sys.stdin.buffer.read(), '<swarmgen>', 'exec'), {'__name__': 'swarmgen'})";
/// How the bootstrap says that the interpreter is too old.
const TOO_OLD: i32 = 107;
/// What a document may hold, in bytes.
const MOST_DOCUMENT: u64 = 64 << 20;
/// What is kept of the config's own output, in bytes.
pub const MOST_PRINTED: u64 = 64 << 10;
/// How long the shim may take to end itself when the time is up.
const GRACE: Duration = Duration::from_secs(5);

/// A Python config to be run.
#[derive(Clone, Debug)]
pub struct Program<'a> {
    /// The config.
    pub file: &'a Path,
    /// The interpreter.
    pub python: &'a Path,
    /// The time that it may take.
    pub timeout: Duration,
}

/// What came of a run.
#[derive(Debug)]
pub struct Run {
    /// What the config set, or what is wrong with it.
    pub recording: Result<Recording, Box<Diagnostic>>,
    /// The start of what the config wrote to standard output and standard error, [`MOST_PRINTED`] bytes at most; it may
    /// hold secrets.
    pub printed: Zeroizing<String>,
}

impl Program<'_> {
    /// Runs the config.
    pub fn run(&self, sources: &SourceMap) -> Run {
        let mut printed = Zeroizing::new(String::new());
        let recording = self.recording(sources, &mut printed);
        Run { recording, printed }
    }

    fn recording(&self, sources: &SourceMap, printed: &mut Zeroizing<String>) -> Result<Recording, Box<Diagnostic>> {
        let mut child = self.start().map_err(|error| Box::new(self.no_python(&error)))?;
        let document = child.stdout.take().map(|pipe| read(pipe, MOST_DOCUMENT));
        let output = child.stderr.take().map(|pipe| read(pipe, MOST_PRINTED));
        if let Some(mut stdin) = child.stdin.take() {
            // An interpreter that does not read it ends, and that is told.
            let _ = stdin.write_all(SHIM.as_bytes());
        }
        let status = wait(&mut child, self.timeout + GRACE);
        let taken = |pipe: Option<Receiver<Vec<u8>>>| {
            // A process that left the group may still hold the pipe.
            Zeroizing::new(pipe.and_then(|pipe| pipe.recv_timeout(GRACE).ok()).unwrap_or_default())
        };
        let document = taken(document);
        *printed = Zeroizing::new(String::from_utf8_lossy(&taken(output)).into_owned());
        let folder = std::env::current_dir().unwrap_or_default();
        match (Recording::read(&document, &folder), status) {
            (Ok(recording), _) => match &recording.failure {
                Some(failure) => Err(Box::new(self.failed(failure, sources))),
                None => Ok(recording),
            },
            (Err(_), Ended::TimeUp) => Err(Box::new(self.timed_out(None))),
            (Err(error), Ended::With(status)) => Err(Box::new(self.ended(&document, status, &error.to_string()))),
        }
    }

    fn start(&self) -> io::Result<Child> {
        let mut command = Command::new(self.python);
        command.args(["-c", BOOTSTRAP]).arg(self.file).arg(self.timeout.as_secs_f64().to_string());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command.spawn()
    }

    fn no_python(&self, error: &io::Error) -> Diagnostic {
        let why = match error.kind() {
            io::ErrorKind::NotFound => "it is not there".to_owned(),
            _ => error.to_string(),
        };
        Diagnostic::new(&code::NO_PYTHON, format!("`{}` cannot be started: {why}", self.python.display()))
            .help("install Python 3.7 or later, or name the hub's own interpreter with `--python PATH`")
    }

    /// The interpreter ended without a document.
    fn ended(&self, document: &[u8], status: ExitStatus, error: &str) -> Diagnostic {
        let python = self.python.display();
        if status.code() == Some(TOO_OLD) {
            return Diagnostic::new(&code::NO_PYTHON, format!("`{python}` is older than Python 3.7"))
                .help("name a later interpreter with `--python PATH`");
        }
        let message = format!("`{python}` ended before the config was read to its end ({status})");
        let diagnostic = Diagnostic::new(&code::PYTHON_FAILED, message)
            .help("look for `os._exit`, `os.exec*` and crashes; `--verbose` shows what was printed");
        if document.is_empty() { diagnostic } else { diagnostic.note(error.to_owned()) }
    }

    fn timed_out(&self, place: Option<Span>) -> Diagnostic {
        let message = format!("the config did not end within {}", shown(self.timeout));
        Diagnostic::new(&code::PYTHON_TIMEOUT, message)
            .maybe_at(place, "it was here")
            .help("give it more time with `--timeout`, or take out what waits")
    }

    /// What ended the config, at its line.
    fn failed(&self, failure: &Failure, sources: &SourceMap) -> Diagnostic {
        let place = failure.origin.as_ref().and_then(|origin| place(origin, failure.column, sources));
        let Failure { class, message, .. } = failure;
        let at = |code: &'static Code, message: String| Diagnostic::new(code, message).maybe_at(place, "");
        let python = self.python.display();
        let diagnostic = match failure.cause {
            Cause::NoConfig => {
                let why = if self.file.is_dir() { "it is a directory" } else { "no such file" };
                return Diagnostic::new(&code::UNREADABLE, format!("`{message}` cannot be read: {why}"));
            }
            Cause::Timeout => self.timed_out(place),
            Cause::MissingVariable => {
                at(&code::PYTHON_MISSING, format!("the config reads the variable `{message}`, which is not set"))
                    .help(format!("set it as the hub has it: `{message}=.. swarmgen import ..`"))
            }
            Cause::MissingFile => {
                at(&code::PYTHON_MISSING, format!("the config reads `{message}`, which is not there"))
                    .help("import where the hub runs, or put the file there")
            }
            Cause::UnreadableFile => {
                at(&code::PYTHON_MISSING, format!("the config reads `{message}`, which cannot be read: {class}"))
                    .help("import as the user that the hub runs as")
            }
            Cause::MissingModule => {
                at(&code::PYTHON_MISSING, format!("the config imports `{message}`, which `{python}` does not have"))
                    .help("install it, or name the hub's own interpreter with `--python PATH`")
            }
            Cause::Syntax => at(&code::PYTHON_FAILED, format!("this is not Python: {message}"))
                .help(format!("look whether `{python} -m py_compile` takes the file: the hub's Python may be another")),
            Cause::Exit => at(&code::PYTHON_FAILED, format!("the config calls `sys.exit`{}", told(message)))
                .help("meet what it checks there; `--verbose` shows what it printed"),
            Cause::Interrupted => at(&code::PYTHON_FAILED, "the config was interrupted".to_owned()),
            Cause::Raised => at(&code::PYTHON_FAILED, format!("the config raises `{class}`{}", told(message)))
                .help("let it run here as it does under the hub: same Python, same variables, same files"),
        };
        let diagnostic = match &failure.origin {
            Some(origin) if place.is_none() => diagnostic.note(format!("at {origin}")),
            _ => diagnostic,
        };
        match &failure.through {
            Some(origin) if failure.cause != Cause::MissingVariable => diagnostic.note(format!("raised in {origin}")),
            _ => diagnostic,
        }
    }
}

/// A config that writes to standard output, at the line that does so first.
pub fn printed(recording: &Recording, sources: &SourceMap) -> Option<Diagnostic> {
    let origin = recording.printed.as_ref()?;
    Some(
        Diagnostic::new(&code::PYTHON_PRINTED, "the config prints to standard output")
            .maybe_at(place(origin, 0, sources), "first here")
            .help("`--verbose` shows what it printed; nothing of it is in the result"),
    )
}

/// What follows a message, if anything does.
fn told(message: &str) -> String {
    match message {
        "" | "None" => String::new(),
        _ => format!(": {message}"),
    }
}

/// A time as `--timeout` takes it.
fn shown(time: Duration) -> String {
    match time.subsec_millis() {
        0 => format!("{}s", time.as_secs()),
        _ => format!("{}ms", time.as_millis()),
    }
}

enum Ended {
    With(ExitStatus),
    TimeUp,
}

/// Waits for the interpreter, and ends what is left of its group.
fn wait(child: &mut Child, most: Duration) -> Ended {
    let end = Instant::now() + most;
    let mut pause = Duration::from_millis(1);
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            kill_group(child);
            return Ended::With(status);
        }
        if Instant::now() >= end {
            kill_group(child);
            let _ = child.kill();
            let _ = child.wait();
            return Ended::TimeUp;
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

#[cfg(unix)]
fn kill_group(child: &Child) {
    use rustix::process::{Pid, Signal, kill_process_group};
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

#[cfg(not(unix))]
fn kill_group(_: &Child) {}

/// Reads a pipe to its end in a thread of its own, and keeps so many bytes.
fn read(mut pipe: impl Read + Send + 'static, most: u64) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.by_ref().take(most).read_to_end(&mut bytes);
        let _ = io::copy(&mut pipe, &mut io::sink());
        let _ = sender.send(bytes);
    });
    receiver
}

/// A line of a Python file from a column on, or without its indentation; the file joins the texts that diagnostics show.
fn place(origin: &Origin, column: u32, sources: &SourceMap) -> Option<Span> {
    let text = String::from_utf8(std::fs::read(&origin.file).ok()?).ok()?;
    let id = sources.add(origin.file.display().to_string(), PathBuf::new(), Author::Data, text);
    let source = sources.get(id);
    let line = usize::try_from(origin.line).ok()?.checked_sub(1)?;
    let start = *source.line_starts().get(line)? as usize;
    let text = source.text().get(start..)?.split('\n').next()?;
    mark_secrets(text, start, id, sources);
    let end = text.trim_end().len();
    let indent = text.len() - text.trim_start().len();
    let skip = usize::try_from(column).ok()?.saturating_sub(1);
    let from = text.char_indices().nth(skip).map_or(0, |(at, _)| at).max(indent);
    Some(Span::new(id, start + if from < end { from } else { indent }, start + end))
}

/// Marks the strings of a line that names a secret, so that no snippet shows them.
fn mark_secrets(line: &str, start: usize, id: SourceId, sources: &SourceMap) {
    let folded = line.to_lowercase();
    if !["secret", "token", "passw", "key", "credential"].iter().any(|word| folded.contains(word)) {
        return;
    }
    let mut rest = 0;
    while let Some(open) = line.get(rest..).and_then(|text| text.find(['"', '\''])).map(|at| rest + at) {
        let quote = line.get(open..=open).unwrap_or("\"");
        let close = line.get(open + 1..).and_then(|text| text.find(quote)).map_or(line.len(), |at| open + 1 + at);
        // A name in brackets is no secret; what follows `=`, `:` or a parenthesis may be one.
        let before = line.get(..open).unwrap_or("").trim_end();
        if before.ends_with(['=', ':', '(', ',', '+']) {
            sources.mark_secret(Span::new(id, start + open + 1, start + close));
        }
        rest = (close + 1).min(line.len());
    }
}
