//! `ssh HOST docker system dial-stdio`, as the docker CLI does.

use std::io;
use std::pin::Pin;
use std::process::Stdio;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;

use crate::apply::connect::SshRemote;

/// How much of what ssh says is kept, in bytes.
const KEPT: usize = 4096;

/// ssh ended without a word from the engine.
#[derive(Debug, thiserror::Error)]
#[error("ssh did not reach the engine: {0}")]
pub(in crate::apply) struct SshEnded(String);

/// Starts ssh. It ends with the connection.
pub(super) fn connect(remote: &SshRemote) -> io::Result<Tunnel> {
    let mut child = Command::new("ssh")
        .args(arguments(remote))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| io::Error::new(error.kind(), SshEnded(format!("it does not start: {error}"))))?;
    let missing = || io::Error::other(SshEnded("it has no pipes".to_owned()));
    let stdin = child.stdin.take().ok_or_else(missing)?;
    let stdout = child.stdout.take().ok_or_else(missing)?;
    let words = tokio::spawn(kept(child.stderr.take().ok_or_else(missing)?));
    Ok(Tunnel { stdin, stdout, words: Some(words), heard: false, _child: child })
}

fn arguments(SshRemote { user, host, port, socket }: &SshRemote) -> Vec<String> {
    let mut arguments = vec!["-o".to_owned(), "ConnectTimeout=30".to_owned(), "-T".to_owned()];
    for (flag, value) in [("-l", user), ("-p", port)] {
        if let Some(value) = value {
            arguments.extend([flag.to_owned(), value.clone()]);
        }
    }
    arguments.extend(["--".to_owned(), host.clone(), "docker".to_owned()]);
    if let Some(socket) = socket {
        arguments.push(quoted(&format!("--host=unix://{socket}")));
    }
    arguments.extend(["system".to_owned(), "dial-stdio".to_owned()]);
    arguments
}

/// A word as the shell on the other side reads it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=+,@".contains(c);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// The end of what ssh says.
async fn kept(mut stderr: ChildStderr) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 1024];
    while let Ok(length @ 1..) = stderr.read(&mut buffer).await {
        bytes.extend_from_slice(buffer.get(..length).unwrap_or_default());
        bytes.drain(..bytes.len().saturating_sub(KEPT));
    }
    String::from_utf8_lossy(&bytes).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The two ends of ssh's connection.
pub(super) struct Tunnel {
    stdin: ChildStdin,
    stdout: ChildStdout,
    words: Option<JoinHandle<String>>,
    heard: bool,
    _child: Child,
}

impl AsyncRead for Tunnel {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.stdout).poll_read(cx, buffer))?;
        this.heard |= buffer.filled().len() > before;
        if this.heard {
            return Poll::Ready(Ok(()));
        }
        let Some(words) = &mut this.words else { return Poll::Ready(Ok(())) };
        let said = ready!(Pin::new(words).poll(cx)).unwrap_or_default();
        this.words = None;
        let said = if said.is_empty() { "it ended without a word".to_owned() } else { said };
        Poll::Ready(Err(io::Error::other(SshEnded(said))))
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        match ready!(Pin::new(&mut self.stdin).poll_write(cx, buffer)) {
            // What ssh says tells more than its closed pipe; whoever reads hears of it.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe && !self.heard => Poll::Pending,
            result => Poll::Ready(result),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stdin).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stdin).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ssh_is_called_as_the_docker_cli_calls_it() {
        let remote = SshRemote { host: "host".into(), ..SshRemote::default() };
        let always = ["-o", "ConnectTimeout=30", "-T"];
        let dial = ["system", "dial-stdio"];
        assert_eq!(arguments(&remote), [&always[..], &["--", "host", "docker"], &dial].concat());
        let remote = SshRemote {
            user: Some("-u".into()),
            host: "host".into(),
            port: Some("22".into()),
            socket: Some("/run/my docker's.sock".into()),
        };
        let socket = r"'--host=unix:///run/my docker'\''s.sock'";
        let expected = [&always[..], &["-l", "-u", "-p", "22", "--", "host", "docker", socket], &dial].concat();
        assert_eq!(arguments(&remote), expected);
    }
}
