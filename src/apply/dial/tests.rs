//! Connections of the kinds that need more than a socket: TLS and ssh.

use std::net::TcpListener;
use std::sync::{Arc, mpsc};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{self, RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use zeroize::Zeroizing;

use crate::apply::api::{ApiError, SwarmApi};
use crate::apply::bollard::{Engine, Limits};
use crate::apply::connect::{Address, ConnectError, Endpoint, Origin, SshRemote, Tls};
use crate::apply::fake::{FakeEngine, ok, run, serve};

/// Somebody who signs certificates.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        Self::named("authority")
    }

    fn named(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for a host, also usable by a client, and its key.
    fn sign(&self, host: &str) -> (String, Zeroizing<String>) {
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.0).unwrap().pem(), Zeroizing::new(key.serialize_pem()))
    }
}

/// An engine that wants a client certificate of the authority, at a port of this machine.
fn engine(authority: &Authority, host: &str) -> u16 {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()).unwrap();
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().unwrap();
    let (certificate, key) = authority.sign(host);
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients)
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()],
            PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
        )
        .unwrap();
    let config = Arc::new(config);
    listen(move |stream| {
        let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
        serve(StreamOwned::new(connection, stream), |asked| match asked.target.as_str() {
            "/version" => ok(r#"{"ApiVersion": "1.41"}"#),
            _ => ok("[]"),
        });
    })
}

fn listen(serve: impl Fn(std::net::TcpStream) + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || listener.incoming().flatten().for_each(serve));
    port
}

fn nodes_at(port: u16, tls: Tls) -> Result<usize, ConnectError> {
    let address = Address::Tcp { host: "127.0.0.1".into(), port, path: String::new(), tls: Some(tls) };
    nodes_of(address)
}

fn nodes_of(address: Address) -> Result<usize, ConnectError> {
    let endpoint = Endpoint { address, origin: Origin::Argument, api: None };
    run(async { Ok(Engine::connect(&endpoint, Limits::default()).await?.nodes().await?.len()) })
}

fn unreachable_words(result: Result<usize, ConnectError>) -> String {
    match result {
        Err(ConnectError::Api(ApiError::Unreachable { message })) => message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn both_ends_show_certificates() {
    let authority = Authority::new();
    let port = engine(&authority, "127.0.0.1");
    let identity = Some(authority.sign("me"));
    let tls = Tls { authority: Some(authority.pem()), identity, verify: true };
    assert_eq!(nodes_at(port, tls).unwrap(), 0);
}

#[test]
fn a_client_without_a_certificate_is_told_that_it_needs_one() {
    let authority = Authority::new();
    let port = engine(&authority, "127.0.0.1");
    let tls = Tls { authority: Some(authority.pem()), identity: None, verify: true };
    // The refusal comes after the client's handshake: each time, and not only by luck.
    for _ in 0..20 {
        let words = unreachable_words(nodes_at(port, tls.clone()));
        let expected = "the TLS handshake was refused: the engine wants a client certificate (cert.pem and key.pem)";
        assert_eq!(words, format!("cannot connect to tcp://127.0.0.1:{port}: {expected}"));
    }
}

/// Somebody else, by another name and by the same.
fn others() -> [Authority; 2] {
    [Authority::named("other"), Authority::new()]
}

#[test]
fn a_certificate_of_somebody_else_is_refused() {
    let authority = Authority::new();
    let port = engine(&authority, "127.0.0.1");
    for other in others() {
        let tls = Tls { authority: Some(authority.pem()), identity: Some(other.sign("me")), verify: true };
        let words = unreachable_words(nodes_at(port, tls));
        // rustls sends no certificate whose issuer the engine does not name.
        let expected = ["the engine does not take our certificate", "the engine wants a client certificate"];
        assert!(expected.iter().any(|expected| words.contains(expected)), "{words}");
    }
}

#[test]
fn an_engine_that_nobody_vouches_for_is_refused_unless_told_otherwise() {
    let authority = Authority::new();
    let port = engine(&authority, "127.0.0.1");
    for other in others() {
        let tls = Tls { authority: Some(other.pem()), identity: Some(authority.sign("me")), verify: true };
        let words = unreachable_words(nodes_at(port, tls.clone()));
        assert!(words.ends_with("the engine's certificate is signed by nobody that is trusted (ca.pem)"), "{words}");
        assert_eq!(nodes_at(port, Tls { verify: false, ..tls.clone() }).unwrap(), 0);
        assert_eq!(nodes_at(port, Tls { verify: false, authority: None, ..tls }).unwrap(), 0);
    }
}

#[test]
fn a_certificate_for_another_host_is_refused() {
    let authority = Authority::new();
    let port = engine(&authority, "elsewhere.example.org");
    let tls = Tls { authority: Some(authority.pem()), identity: Some(authority.sign("me")), verify: true };
    let words = unreachable_words(nodes_at(port, tls.clone()));
    assert!(words.contains("the TLS handshake was refused: ") && words.contains("127.0.0.1"), "{words}");
    assert_eq!(nodes_at(port, Tls { verify: false, ..tls }).unwrap(), 0);
}

#[test]
fn an_engine_without_tls_is_told() {
    let port = listen(|stream| serve(stream, |_| ok("{}")));
    let authority = Authority::new();
    let tls = Tls { authority: Some(authority.pem()), identity: None, verify: true };
    let words = unreachable_words(nodes_at(port, tls.clone()));
    assert!(words.contains("the TLS handshake was refused: "), "{words}");
    let port = listen(|mut stream| {
        let _ = std::io::Write::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    let words = unreachable_words(nodes_at(port, tls));
    assert!(words.ends_with("what answers does not speak TLS"), "{words}");
}

#[test]
fn certificates_that_cannot_be_used() {
    let authority = Authority::new();
    let (certificate, key) = authority.sign("me");
    let (_, other_key) = authority.sign("me");
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let tls = |authority: &str, certificate: &str, key: &str| Tls {
        authority: Some(authority.to_owned()),
        identity: Some((certificate.to_owned(), Zeroizing::new(key.to_owned()))),
        verify: true,
    };
    let ca = authority.pem();
    for (tls, expected) in [
        (tls("nothing", &certificate, &key), "ca.pem holds no certificate that can be used"),
        (tls(&ca, "nothing", &key), "cert.pem holds no certificate"),
        (tls(&ca, &certificate, "s3cret"), "key.pem holds no private key"),
        (tls(&ca, &certificate, encrypted), "key.pem is encrypted; docker takes only keys that are not"),
        (tls(&ca, &certificate, &other_key), "cert.pem and key.pem do not go together"),
    ] {
        let error = nodes_at(1, tls).unwrap_err().to_string();
        assert!(error.starts_with(&format!("cannot speak TLS: {expected}")), "{error}");
    }
}

/// Says that this is the process in which another `ssh` is first in PATH.
const INSIDE: &str = "SWARMGEN_TEST_SSH";

/// Runs a test once more with this script as `ssh`; tells whether this is that run.
fn with_ssh(test: &str, script: &str) -> bool {
    use std::os::unix::fs::PermissionsExt;
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("ssh");
    std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("apply::dial::tests::{test}")])
        .env("PATH", path)
        .env(INSIDE, "yes")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && told.contains("1 passed"), "{told}{}", String::from_utf8_lossy(&output.stderr));
    false
}

fn remote(socket: Option<String>) -> Address {
    Address::Ssh(SshRemote { user: Some("me".into()), host: "remote".into(), port: None, socket })
}

#[test]
fn an_engine_behind_ssh() {
    // Drops ssh's own arguments, and runs the rest as the shell on the other side would.
    if !with_ssh("an_engine_behind_ssh", "while [ \"$1\" != -- ]; do shift; done; shift 2; exec sh -c \"$*\"") {
        return;
    }
    let fake = FakeEngine::start(|_| ok(r#"[{"ID": "n1"}]"#));
    assert_eq!(nodes_of(remote(Some(fake.socket().display().to_string()))).unwrap(), 1);
    // The docker CLI asks for a ping before it connects the two.
    assert_eq!(fake.take().last().unwrap().target, "/v1.41/nodes");
}

#[test]
fn what_ssh_says_is_told() {
    let script = "echo 'me@remote: Permission denied (publickey).' >&2; exit 255";
    if !with_ssh("what_ssh_says_is_told", script) {
        return;
    }
    let error = nodes_of(remote(None)).unwrap_err().to_string();
    let expected =
        "no answer from ssh://me@remote: ssh did not reach the engine: me@remote: Permission denied (publickey).";
    assert_eq!(error, expected);
}

#[test]
fn ssh_ends_with_the_connection() {
    let (told, heard) = mpsc::channel();
    if !with_ssh("ssh_ends_with_the_connection", "echo $$ > \"${0%/*}/pid\"; exec cat >/dev/null") {
        return;
    }
    let limits = Limits { answer: std::time::Duration::from_millis(300), ..Limits::default() };
    let endpoint = Endpoint { address: remote(None), origin: Origin::Argument, api: None };
    let error = run(async { Engine::connect(&endpoint, limits).await }).unwrap_err();
    assert!(matches!(error, ConnectError::Api(ApiError::NoAnswer { .. })), "{error:?}");
    let path = std::env::var("PATH").unwrap();
    let pid = std::fs::read_to_string(format!("{}/pid", path.split(':').next().unwrap())).unwrap();
    for _ in 0..100 {
        let state = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
        // Gone, or ended and not yet fetched by its parent.
        if state.is_empty() || state.contains(") Z ") {
            told.send(()).unwrap();
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    heard.try_recv().unwrap();
}
