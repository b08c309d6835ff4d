//! Single requests to an engine's socket, and the parts of HTTP that the proxy needs too.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

/// A request's or an answer's first line and headers, with the empty line that ends them.
pub(crate) struct Head {
    pub(crate) first: String,
    pub(crate) bytes: Vec<u8>,
    length: Option<usize>,
    chunked: bool,
}

/// How a body's end is known.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    Bytes(usize),
    Chunks,
    /// As long as the connection lasts.
    Rest,
}

impl Head {
    /// Reads one; nothing if the connection ended before it.
    pub(crate) fn read(reader: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut head = Self { first: String::new(), bytes: Vec::new(), length: None, chunked: false };
        loop {
            let from = head.bytes.len();
            if reader.read_until(b'\n', &mut head.bytes)? == 0 {
                return Ok(None);
            }
            let line = String::from_utf8_lossy(&head.bytes[from..]).trim_end().to_owned();
            if line.is_empty() {
                return Ok(Some(head));
            }
            if head.first.is_empty() {
                head.first.clone_from(&line);
            }
            let line = line.to_ascii_lowercase();
            if let Some(length) = line.strip_prefix("content-length:") {
                head.length = length.trim().parse().ok();
            }
            head.chunked |= line.starts_with("transfer-encoding:") && line.contains("chunked");
        }
    }

    /// The word after the first: a request's target, an answer's status.
    pub(crate) fn second_word(&self) -> &str {
        self.first.split(' ').nth(1).unwrap_or_default()
    }

    /// What follows a request's head.
    pub(crate) fn request_extent(&self) -> Extent {
        if self.chunked { Extent::Chunks } else { Extent::Bytes(self.length.unwrap_or(0)) }
    }

    /// What follows the head of an answer to a method.
    pub(crate) fn answer_extent(&self, method: &str) -> Extent {
        match (self.second_word(), self.length) {
            ("204" | "304", _) => Extent::Bytes(0),
            _ if method == "HEAD" => Extent::Bytes(0),
            _ if self.chunked => Extent::Chunks,
            (_, Some(length)) => Extent::Bytes(length),
            _ => Extent::Rest,
        }
    }
}

/// Reads the next part of a chunked body as it is on the wire, and tells whether it is the last.
pub(crate) fn read_chunk(reader: &mut impl BufRead) -> io::Result<(Vec<u8>, bool)> {
    let mut bytes = Vec::new();
    reader.read_until(b'\n', &mut bytes)?;
    let size = String::from_utf8_lossy(&bytes).trim().to_owned();
    let size = usize::from_str_radix(size.split(';').next().unwrap_or_default(), 16)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, format!("chunk of {size:?}")))?;
    let from = bytes.len();
    // The content and the line's end.
    bytes.resize(from + size + 2, 0);
    reader.read_exact(&mut bytes[from..])?;
    Ok((bytes, size == 0))
}

/// Reads a body as it is on the wire.
pub(crate) fn read_body(reader: &mut impl BufRead, extent: Extent) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    match extent {
        Extent::Bytes(length) => {
            body.resize(length, 0);
            reader.read_exact(&mut body)?;
        }
        Extent::Chunks => loop {
            let (chunk, last) = read_chunk(reader)?;
            body.extend(chunk);
            if last {
                break;
            }
        },
        Extent::Rest => {
            reader.read_to_end(&mut body)?;
        }
    }
    Ok(body)
}

/// What chunks on the wire hold.
fn unchunked(mut wire: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok((chunk, false)) = read_chunk(&mut wire) {
        let from = chunk.iter().position(|&byte| byte == b'\n').unwrap() + 1;
        body.extend(&chunk[from..chunk.len() - 2]);
    }
    body
}

/// What an engine answered.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

pub(crate) fn get(socket: &Path, path: &str) -> Answer {
    ask(socket, "GET", path, None)
}

/// Makes one request over a connection of its own.
pub(crate) fn ask(socket: &Path, method: &str, path: &str, body: Option<&Value>) -> Answer {
    try_ask(socket, method, path, body)
        .unwrap_or_else(|error| panic!("{method} {path} at {}: {error}", socket.display()))
}

/// Makes one request over a connection of its own, which may fail.
pub(crate) fn try_ask(socket: &Path, method: &str, path: &str, body: Option<&Value>) -> io::Result<Answer> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let body = body.map(Value::to_string).unwrap_or_default();
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\n");
    write!(stream, "{head}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}")?;
    let mut reader = BufReader::new(stream);
    let early = || io::Error::new(io::ErrorKind::UnexpectedEof, "no answer");
    let head = Head::read(&mut reader)?.ok_or_else(early)?;
    let status =
        head.second_word().parse().map_err(|_| io::Error::new(io::ErrorKind::InvalidData, head.first.clone()))?;
    let extent = head.answer_extent(method);
    let body = read_body(&mut reader, extent)?;
    Ok(Answer { status, body: if extent == Extent::Chunks { unchunked(&body) } else { body } })
}

/// Percent-encodes what stands in a query.
pub(crate) fn encode(text: &str) -> String {
    use std::fmt::Write;
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").unwrap();
        }
    }
    encoded
}
