//! Makes connections to an engine: unix sockets, TCP, TLS, and ssh.

#[cfg(feature = "remote")]
mod ssh;
#[cfg(feature = "remote")]
pub(super) mod tls;

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tower_service::Service;

use super::connect::{Address, ConnectError, Endpoint};

/// Why no connection came about.
#[derive(Debug, thiserror::Error)]
pub(super) enum DialError {
    /// The operating system's reason.
    #[error("{}", reason(.0))]
    Io(#[from] io::Error),
    /// Nothing answered within the time to connect in.
    #[error("no connection within {} s", .0.as_secs_f64())]
    Slow(Duration),
    /// The two ends could not agree on TLS.
    #[cfg(feature = "remote")]
    #[error("the TLS handshake was refused: {0}")]
    Tls(String),
}

/// The operating system's words without its number, and what they mean for a socket.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such socket; is the engine running?".to_owned(),
        io::ErrorKind::ConnectionRefused => "connection refused; is the engine running?".to_owned(),
        io::ErrorKind::PermissionDenied => {
            "permission denied; may you use the socket (is your user in the group `docker`)?".to_owned()
        }
        _ => error.to_string(),
    }
}

/// Connects to one endpoint, whatever the request's URI says.
#[derive(Clone)]
pub(super) struct Dial {
    address: Arc<Address>,
    limit: Duration,
    #[cfg(feature = "remote")]
    tls: Option<tls::Client>,
}

impl Dial {
    /// Gets ready to connect, each time within `limit`.
    ///
    /// # Errors
    ///
    /// Certificates that cannot be used, and what this program was built without.
    pub(super) fn new(endpoint: &Endpoint, limit: Duration) -> Result<Self, ConnectError> {
        #[cfg(not(feature = "remote"))]
        if !matches!(endpoint.address, Address::Unix(_)) {
            return Err(ConnectError::NotBuiltIn { endpoint: endpoint.to_string() });
        }
        #[cfg(not(unix))]
        if matches!(endpoint.address, Address::Unix(_)) {
            return Err(ConnectError::NotBuiltIn { endpoint: endpoint.to_string() });
        }
        Ok(Self {
            address: Arc::new(endpoint.address.clone()),
            limit,
            #[cfg(feature = "remote")]
            tls: match &endpoint.address {
                Address::Tcp { tls: Some(tls), .. } => Some(tls::Client::new(tls)?),
                _ => None,
            },
        })
    }

    async fn connect(self) -> Result<TokioIo<Channel>, DialError> {
        // Whoever asked for an answer counts the time that ssh takes; it has a time to connect in of its own.
        #[cfg(feature = "remote")]
        if let Address::Ssh(remote) = &*self.address {
            return Ok(TokioIo::new(Channel(Box::new(ssh::connect(remote)?))));
        }
        let limit = self.limit;
        tokio::time::timeout(limit, self.open()).await.unwrap_or(Err(DialError::Slow(limit))).map(TokioIo::new)
    }

    async fn open(self) -> Result<Channel, DialError> {
        match &*self.address {
            #[cfg(unix)]
            Address::Unix(path) => Ok(Channel(Box::new(tokio::net::UnixStream::connect(path).await?))),
            #[cfg(feature = "remote")]
            Address::Tcp { host, port, .. } => {
                let stream = tokio::net::TcpStream::connect((host.as_str(), *port)).await?;
                stream.set_nodelay(true)?;
                match &self.tls {
                    Some(tls) => Ok(Channel(Box::new(tls.shake_hands(host, stream).await?))),
                    None => Ok(Channel(Box::new(stream))),
                }
            }
            // `new` refuses what this program was built without.
            _ => Err(io::Error::from(io::ErrorKind::Unsupported).into()),
        }
    }
}

impl Service<Uri> for Dial {
    type Response = TokioIo<Channel>;
    type Error = DialError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, DialError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), DialError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        Box::pin(self.clone().connect())
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection of any kind.
pub(super) struct Channel(Box<dyn Stream>);

impl Connection for Channel {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl AsyncRead for Channel {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Channel {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[cfg(feature = "remote")]
#[cfg(test)]
mod tests;
