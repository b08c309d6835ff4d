//! A proxy in front of an engine's socket that counts what passes and does harm when told to.

use std::io::{self, BufReader, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::thread;
use std::time::Duration;

use crate::http::{Extent, Head, read_body, read_chunk};

/// What happens to a request.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// It waits, and then passes.
    Delay(Duration),
    /// The connection ends before the engine hears of it.
    Drop,
    /// The engine hears the half of it, then the connection ends.
    CutRequest,
    /// All connections end before the engine hears of it, and new ones are refused for this time.
    Refuse(Duration),
    /// The engine carries it out; the connection ends before its answer.
    CutAnswer,
    /// The engine carries it out; the connection ends within its answer.
    CutWithinAnswer,
    /// The engine never hears of it: this status and message are the answer.
    Answer(u16, &'static str),
    /// The engine never hears of it: the answer is no HTTP.
    Garbage,
    /// The engine never hears of it: the answer is `200 OK` with a body that is no JSON.
    GarbledBody,
}

/// Which requests a fault meets.
#[derive(Clone, Debug)]
pub(crate) struct Requests {
    method: Option<&'static str>,
    path: String,
    skip: usize,
    count: usize,
}

impl Requests {
    /// All.
    pub(crate) fn any() -> Self {
        Self { method: None, path: String::new(), skip: 0, count: usize::MAX }
    }

    /// Those with a method and a path (without version and query) in which `*` stands for one part.
    pub(crate) fn to(method: &'static str, path: &str) -> Self {
        Self { method: Some(method), path: path.to_owned(), ..Self::any() }
    }

    /// Of these, only the n-th, from 1.
    pub(crate) fn nth(self, n: usize) -> Self {
        Self { skip: n - 1, count: 1, ..self }
    }

    /// Of these, all from the n-th on, from 1.
    pub(crate) fn starting_at(self, n: usize) -> Self {
        Self { skip: n - 1, ..self }
    }

    /// Of these, only the first few.
    pub(crate) fn first(self, count: usize) -> Self {
        Self { count, ..self }
    }

    /// Tells whether these are meant, without regard to their number.
    fn include(&self, call: &Call) -> bool {
        let parts = |path: &str| path.split('/').map(str::to_owned).collect::<Vec<_>>();
        let (pattern, path) = (parts(&self.path), parts(&call.path));
        let same = pattern.len() == path.len() && pattern.iter().zip(&path).all(|(a, b)| a == "*" || a == b);
        self.method.is_none_or(|method| method == call.method) && (self.path.is_empty() || same)
    }

    /// Tells whether a request is one of these, which are counted.
    fn meet(&mut self, call: &Call) -> bool {
        if !self.include(call) || self.count == 0 {
            return false;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        self.count -= 1;
        true
    }
}

/// A request that came to the proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) method: String,
    /// Without the API's version.
    pub(crate) path: String,
    pub(crate) query: String,
    /// The API's version that it names, if any.
    pub(crate) version: Option<String>,
}

impl Call {
    fn new(head: &Head) -> Self {
        let method = head.first.split(' ').next().unwrap_or_default().to_owned();
        let (target, query) = head.second_word().split_once('?').unwrap_or((head.second_word(), ""));
        let first = target.split('/').nth(1).unwrap_or_default();
        let digits = first.strip_prefix('v').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        let path = if digits.is_some() { &target[first.len() + 1..] } else { target };
        Self { method, path: path.to_owned(), query: query.to_owned(), version: digits.map(str::to_owned) }
    }
}

struct State {
    /// Where it listens.
    socket: PathBuf,
    engine: PathBuf,
    calls: Mutex<Vec<Call>>,
    faults: Mutex<Vec<(Requests, Fault)>>,
    closed: AtomicBool,
    /// The connections that last.
    clients: Mutex<Vec<Weak<UnixStream>>>,
}

/// A proxy; it ends when this goes.
pub(crate) struct Proxy {
    /// Goes with it.
    _folder: tempfile::TempDir,
    state: Arc<State>,
}

impl Proxy {
    /// Listens before an engine's socket.
    pub(crate) fn before(engine: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let state = Arc::new(State {
            socket: folder.path().join("docker.sock"),
            engine: engine.to_owned(),
            calls: Mutex::default(),
            faults: Mutex::default(),
            closed: AtomicBool::new(false),
            clients: Mutex::default(),
        });
        listen(&state);
        Self { _folder: folder, state }
    }

    /// The socket to use in place of the engine's.
    pub(crate) fn socket(&self) -> PathBuf {
        self.state.socket.clone()
    }

    /// Does harm to some requests. Of several faults the one that was asked for first meets a request.
    pub(crate) fn harms(&self, requests: Requests, fault: Fault) {
        self.state.faults.lock().unwrap().push((requests, fault));
    }

    /// Lets everything pass again.
    pub(crate) fn relents(&self) {
        self.state.faults.lock().unwrap().clear();
    }

    /// What came so far, in order.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.state.calls.lock().unwrap().clone()
    }

    /// How often some requests came so far.
    pub(crate) fn count(&self, requests: &Requests) -> usize {
        self.calls().iter().filter(|call| requests.include(call)).count()
    }

    /// Refuses connections from now on; those that last are not ended.
    pub(crate) fn refuses_connections(&self) {
        refuse(&self.state);
    }

    /// Tells whether it takes connections now.
    pub(crate) fn takes_any(&self) -> bool {
        UnixStream::connect(self.socket()).is_ok()
    }

    /// Takes connections again.
    pub(crate) fn takes_connections(&self) {
        take(&self.state);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.closed.store(true, Ordering::SeqCst);
        let _ = UnixStream::connect(self.socket());
    }
}

/// Takes connections from now on, until the state is closed.
fn listen(state: &Arc<State>) {
    let listener = UnixListener::bind(&state.socket).unwrap();
    let state = Arc::clone(state);
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            if state.closed.load(Ordering::SeqCst) {
                return;
            }
            let (state, client) = (Arc::clone(&state), Arc::new(client));
            state.clients.lock().unwrap().push(Arc::downgrade(&client));
            // Whatever ends a connection ends it for both sides.
            thread::spawn(move || {
                let _ = serve(&client, &state);
                let _ = client.shutdown(Shutdown::Both);
            });
        }
    });
}

/// Refuses connections from now on.
fn refuse(state: &State) {
    state.closed.store(true, Ordering::SeqCst);
    // The listener learns of it by one more connection, and goes.
    let _ = UnixStream::connect(&state.socket);
    while UnixStream::connect(&state.socket).is_ok() {
        thread::sleep(Duration::from_millis(5));
    }
}

/// Takes connections again.
fn take(state: &Arc<State>) {
    let _ = std::fs::remove_file(&state.socket);
    state.closed.store(false, Ordering::SeqCst);
    listen(state);
}

/// Ends all connections, and refuses new ones for some time.
fn refuse_for(time: Duration, state: &Arc<State>) {
    refuse(state);
    let state = Arc::clone(state);
    let clients = std::mem::take(&mut *state.clients.lock().unwrap());
    thread::spawn(move || {
        thread::sleep(time);
        take(&state);
    });
    clients.iter().filter_map(Weak::upgrade).for_each(|client| drop(client.shutdown(Shutdown::Both)));
}

fn serve(client: &UnixStream, state: &Arc<State>) -> io::Result<()> {
    let engine = UnixStream::connect(&state.engine)?;
    let result = relay(client, &engine, state);
    let _ = engine.shutdown(Shutdown::Both);
    result
}

/// Passes requests and answers on, one after another.
fn relay(mut client: &UnixStream, mut engine: &UnixStream, state: &Arc<State>) -> io::Result<()> {
    let mut requests = BufReader::new(client);
    let mut answers = BufReader::new(engine);
    while let Some(head) = Head::read(&mut requests)? {
        let call = Call::new(&head);
        let fault = {
            let mut faults = state.faults.lock().unwrap();
            faults.iter_mut().find_map(|(requests, fault)| requests.meet(&call).then(|| fault.clone()))
        };
        let method = call.method.clone();
        state.calls.lock().unwrap().push(call);
        let body = read_body(&mut requests, head.request_extent())?;
        match fault {
            Some(Fault::Delay(time)) => thread::sleep(time),
            Some(Fault::Drop) => return Ok(()),
            Some(Fault::Refuse(time)) => {
                refuse_for(time, state);
                return Ok(());
            }
            Some(Fault::CutRequest) => {
                let whole = [head.bytes, body].concat();
                return engine.write_all(&whole[..whole.len() / 2]);
            }
            Some(Fault::Answer(status, message)) => {
                let body = serde_json::json!({ "message": message }).to_string();
                answer(client, &format!("{status} Injected"), body.as_bytes())?;
                continue;
            }
            Some(Fault::GarbledBody) => {
                answer(client, "200 OK", b"{\"ID\": \"cut o")?;
                continue;
            }
            Some(Fault::Garbage) => return client.write_all(b"\x00\x01\x02 this is no HTTP\r\n\r\n"),
            Some(Fault::CutAnswer | Fault::CutWithinAnswer) | None => {}
        }
        engine.write_all(&head.bytes)?;
        engine.write_all(&body)?;
        let Some(head) = Head::read(&mut answers)? else { return Ok(()) };
        match fault {
            Some(Fault::CutAnswer) => return Ok(()),
            Some(Fault::CutWithinAnswer) => {
                let body = read_body(&mut answers, head.answer_extent(&method))?;
                client.write_all(&head.bytes)?;
                return client.write_all(&body[..body.len() / 2]);
            }
            _ => client.write_all(&head.bytes)?,
        }
        match head.answer_extent(&method) {
            // Events and logs come as they come.
            Extent::Chunks => loop {
                let (chunk, last) = read_chunk(&mut answers)?;
                client.write_all(&chunk)?;
                if last {
                    break;
                }
            },
            Extent::Rest => {
                io::copy(&mut answers, &mut client)?;
                return Ok(());
            }
            extent @ Extent::Bytes(_) => client.write_all(&read_body(&mut answers, extent)?)?,
        }
    }
    Ok(())
}

fn answer(mut client: &UnixStream, status: &str, body: &[u8]) -> io::Result<()> {
    let length = body.len();
    write!(client, "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n")?;
    client.write_all(body)
}
