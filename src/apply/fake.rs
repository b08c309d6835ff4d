//! An engine for tests, which answers what a test says, over any stream.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::bollard::{Engine, Limits};
use super::connect::{Address, ConnectError, Endpoint, Origin};

/// A request as it came over the wire.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) target: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// What is answered.
pub(crate) enum Answer {
    /// A status with a text.
    Status(u16, String),
    /// Bytes as they are, after which the connection ends.
    Raw(Vec<u8>),
    /// Another answer after a while.
    Slow(Duration, Box<Answer>),
}

pub(crate) fn ok(text: impl ToString) -> Answer {
    Answer::Status(200, text.to_string())
}

/// Answers one request after another until the stream ends.
pub(crate) fn serve(stream: impl Read + Write, note: impl Fn(&Asked) -> Answer) {
    let mut stream = BufReader::new(stream);
    while let Some(asked) = read(&mut stream) {
        let mut answer = note(&asked);
        while let Answer::Slow(time, then) = answer {
            std::thread::sleep(time);
            answer = *then;
        }
        let stream = stream.get_mut();
        match answer {
            Answer::Status(status, text) => {
                let head = format!("HTTP/1.1 {status} Told\r\nContent-Type: application/json\r\nContent-Length: ");
                if write!(stream, "{head}{}\r\n\r\n{text}", text.len()).and_then(|()| stream.flush()).is_err() {
                    return;
                }
            }
            Answer::Raw(bytes) => {
                let _ = stream.write_all(&bytes).and_then(|()| stream.flush());
                return;
            }
            Answer::Slow(..) => unreachable!(),
        }
    }
}

fn read(stream: &mut impl BufRead) -> Option<Asked> {
    let mut line = String::new();
    stream.read_line(&mut line).ok().filter(|length| *length > 0)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let mut asked = Asked { method: words.next()?, target: words.next()?, ..Asked::default() };
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        match line.trim().split_once(": ") {
            Some((key, value)) => asked.headers.push((key.to_owned(), value.to_owned())),
            None => break,
        }
    }
    let length = asked.header("content-length").map_or(0, |length| length.parse().unwrap());
    asked.body = vec![0; length];
    stream.read_exact(&mut asked.body).ok()?;
    Some(asked)
}

/// An engine at a unix socket, until the test's process ends.
pub(crate) struct FakeEngine {
    directory: tempfile::TempDir,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl FakeEngine {
    /// Starts one that speaks API 1.41 and answers everything else as told.
    pub(crate) fn start(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        Self::of_version(r#"{"ApiVersion": "1.41", "MinAPIVersion": "1.12"}"#, answer)
    }

    /// Starts one that says this of its version.
    pub(crate) fn of_version(version: &'static str, answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join("engine.sock")).unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (noted, answer) = (Arc::clone(&asked), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (noted, answer) = (Arc::clone(&noted), Arc::clone(&answer));
                std::thread::spawn(move || {
                    serve(stream, |asked| {
                        if asked.target == "/version" {
                            return ok(version);
                        }
                        noted.lock().unwrap().push(asked.clone());
                        answer(asked)
                    });
                });
            }
        });
        Self { directory, asked }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.path().join("engine.sock")
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        at_socket(self.socket())
    }

    pub(crate) async fn connect(&self) -> Engine {
        self.connect_within(Duration::from_secs(10)).await.unwrap()
    }

    pub(crate) async fn connect_within(&self, answer: Duration) -> Result<Engine, ConnectError> {
        Engine::connect(&self.endpoint(), Limits { answer, ..Limits::default() }).await
    }

    /// The requests so far but those for the version, which are then forgotten.
    pub(crate) fn take(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

/// An endpoint at a socket.
pub(crate) fn at_socket(socket: PathBuf) -> Endpoint {
    Endpoint { address: Address::Unix(socket), origin: Origin::Argument, api: None }
}

/// Runs a future as the command line does.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
