//! Addresses of engines.

use std::fmt;
use std::path::PathBuf;

use super::{ConnectError, Tls};

/// Where an engine listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// At a unix socket.
    Unix(PathBuf),
    /// At a TCP port.
    Tcp {
        /// The host's name or address, an IPv6 address without brackets.
        host: String,
        /// The port.
        port: u16,
        /// What its paths start with: empty, or from a slash on and without one at the end.
        path: String,
        /// How TLS is spoken, if it is.
        tls: Option<Tls>,
    },
    /// At a unix socket of another machine, through ssh.
    Ssh(SshRemote),
}

/// Another machine, reached by `ssh`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SshRemote {
    /// The user there.
    pub user: Option<String>,
    /// The host's name or address.
    pub host: String,
    /// ssh's port.
    pub port: Option<String>,
    /// The engine's socket there, where it is not the default.
    pub socket: Option<String>,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp { host, port, path, .. } => write!(f, "tcp://{}:{port}{path}", bracketed(host)),
            Self::Ssh(SshRemote { user, host, port, socket }) => {
                f.write_str("ssh://")?;
                if let Some(user) = user {
                    write!(f, "{user}@")?;
                }
                f.write_str(&bracketed(host))?;
                if let Some(port) = port {
                    write!(f, ":{port}")?;
                }
                f.write_str(socket.as_deref().unwrap_or_default())
            }
        }
    }
}

/// A host as it stands in a URL.
pub(in crate::apply) fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

const DEFAULT_SOCKET: &str = "/var/run/docker.sock";

fn wrong(address: &str, reason: &'static str) -> ConnectError {
    ConnectError::Address { address: without_password(address), reason }
}

/// An address that may be shown: a password in it is left out.
fn without_password(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else { return address.to_owned() };
    match rest.rsplit_once('@') {
        Some((user, host)) => {
            let user = user.split(':').next().unwrap_or_default();
            format!("{scheme}://{user}@{host}")
        }
        None => address.to_owned(),
    }
}

/// Reads what `-H` or `DOCKER_HOST` says; an empty text means this machine.
///
/// Without a scheme, what looks like a path is a socket and anything else `host[:port]`. `http://` and `https://` are
/// refused, as the docker CLI does here.
pub(super) fn of_host(text: &str, speaks_tls: bool) -> Result<Address, ConnectError> {
    let text = text.trim();
    let port = if speaks_tls { 2376 } else { 2375 };
    if text.is_empty() {
        return match speaks_tls {
            true => tcp("localhost", text, port),
            false if cfg!(windows) => Err(wrong("npipe:////./pipe/docker_engine", NO_PIPES)),
            false => Ok(Address::Unix(DEFAULT_SOCKET.into())),
        };
    }
    match text.split_once("://") {
        // The CLI takes 2375 here whether it speaks TLS or not.
        Some(("tcp", rest)) => tcp(rest, text, 2375),
        Some(("http" | "https", _)) => Err(wrong(text, "write `tcp://`, and set DOCKER_TLS_VERIFY=1 for TLS")),
        Some((scheme, rest)) => of_scheme(scheme, rest, text),
        None if text.starts_with('/') || text.starts_with("./") => Ok(Address::Unix(text.into())),
        None => tcp(text, text, 2375),
    }
}

/// Reads what a context says: also `http://` and `https://`, which are TCP; ports default to those of HTTP, as in the
/// docker CLI. Whether TLS is spoken is the context's to say, except that `https://` always means TLS.
pub(super) fn of_context(text: &str, tls: Option<Tls>) -> Result<Address, ConnectError> {
    let Some((scheme, rest)) = text.split_once("://") else { return Err(wrong(text, NO_SCHEME)) };
    let tls = match scheme {
        "https" => tls.or_else(|| Some(Tls { verify: true, ..Tls::default() })),
        "tcp" | "http" => tls,
        _ => return of_scheme(scheme, rest, text),
    };
    let mut address = tcp(rest, text, if tls.is_some() { 443 } else { 80 })?;
    if let Address::Tcp { tls: slot, .. } = &mut address {
        *slot = tls;
    }
    Ok(address)
}

const NO_SCHEME: &str = "it has no scheme, such as `unix://` or `tcp://`";
const NO_PIPES: &str = "named pipes are not supported; name an engine by `tcp://` or `ssh://`";

fn of_scheme(scheme: &str, rest: &str, text: &str) -> Result<Address, ConnectError> {
    match scheme {
        "unix" if rest.contains("://") => Err(wrong(text, "a socket's path has no scheme")),
        "unix" if rest.is_empty() => Ok(Address::Unix(DEFAULT_SOCKET.into())),
        "unix" => Ok(Address::Unix(rest.into())),
        "ssh" => ssh(rest, text),
        "npipe" => Err(wrong(text, NO_PIPES)),
        "fd" => Err(wrong(text, "a client cannot use `fd://`; name the socket by `unix://`")),
        _ => Err(wrong(text, "its scheme is none of unix, tcp and ssh")),
    }
}

fn tcp(rest: &str, text: &str, default_port: u16) -> Result<Address, ConnectError> {
    if rest.contains("://") {
        return Err(wrong(text, "it has two schemes"));
    }
    if rest.contains(['@', '?', '#']) || rest.contains(char::is_whitespace) {
        return Err(wrong(text, "expected `host:port`"));
    }
    let (authority, path) = match rest.find('/') {
        Some(slash) => rest.split_at(slash),
        None => (rest, ""),
    };
    let (host, port) = host_and_port(authority).ok_or_else(|| wrong(text, "expected `host:port`"))?;
    let port = match port {
        None | Some("") => default_port,
        Some(port) => port.parse().map_err(|_| wrong(text, "its port is no number up to 65535"))?,
    };
    let host = if host.is_empty() { "localhost" } else { host };
    Ok(Address::Tcp { host: host.to_owned(), port, path: path.trim_end_matches('/').to_owned(), tls: None })
}

/// Splits `host`, `host:port` and `[IPv6]:port`.
fn host_and_port(authority: &str) -> Option<(&str, Option<&str>)> {
    if let Some(inside) = authority.strip_prefix('[') {
        let (host, rest) = inside.split_once(']')?;
        return match rest.strip_prefix(':') {
            Some(port) => Some((host, Some(port))),
            None => rest.is_empty().then_some((host, None)),
        };
    }
    match authority.split_once(':') {
        Some((_, port)) if port.contains(':') => None,
        Some((host, port)) => Some((host, Some(port))),
        None => Some((authority, None)),
    }
}

fn ssh(rest: &str, text: &str) -> Result<Address, ConnectError> {
    if rest.contains(['?', '#']) {
        return Err(wrong(text, "queries and fragments have no meaning for ssh"));
    }
    let (authority, socket) = match rest.find('/') {
        Some(slash) => rest.split_at(slash),
        None => (rest, ""),
    };
    let (user, authority) = match authority.rsplit_once('@') {
        Some((user, _)) if user.contains(':') => {
            return Err(wrong(text, "ssh takes no password from here; use a key or an agent"));
        }
        Some((user, authority)) => (Some(user), authority),
        None => (None, authority),
    };
    let broken = || wrong(text, "expected `ssh://user@host:port`");
    let (host, port) = host_and_port(authority).ok_or_else(broken)?;
    let user = user.filter(|user| !user.is_empty()).map(|user| decoded(user).ok_or_else(broken)).transpose()?;
    if host.is_empty() {
        return Err(wrong(text, "its host is empty"));
    }
    let port = port.filter(|port| !port.is_empty());
    if port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return Err(wrong(text, "its port is no number up to 65535"));
    }
    Ok(Address::Ssh(SshRemote {
        user,
        host: host.to_owned(),
        port: port.map(str::to_owned),
        socket: Some(socket.to_owned()).filter(|socket| !socket.trim_matches('/').is_empty()),
    }))
}

/// Undoes percent-encoding.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend_from_slice(before.as_bytes());
        bytes.push(u8::from_str_radix(after.get(..2)?, 16).ok()?);
        rest = after.get(2..)?;
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).ok()
}
