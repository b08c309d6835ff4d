//! TLS to an engine, with or without a certificate of our own.

use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

use super::DialError;
use crate::apply::connect::{ConnectError, Tls};

/// Shakes hands with engines.
#[derive(Clone)]
pub(in crate::apply) struct Client(TlsConnector);

impl Client {
    /// Reads the certificates and the key.
    pub(super) fn new(tls: &Tls) -> Result<Self, ConnectError> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| ConnectError::Certificates(error.to_string()))?;
        let builder = if tls.verify {
            builder.with_root_certificates(roots(tls.authority.as_deref())?)
        } else {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
        };
        let config = match &tls.identity {
            Some((certificate, key)) => {
                let chain: Result<Vec<CertificateDer<'static>>, _> =
                    CertificateDer::pem_slice_iter(certificate.as_bytes()).collect();
                let chain = chain.ok().filter(|chain| !chain.is_empty());
                let chain = chain.ok_or_else(|| unusable("cert.pem holds no certificate"))?;
                if key.contains("ENCRYPTED") {
                    return Err(unusable("key.pem is encrypted; docker takes only keys that are not"));
                }
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
                    .map_err(|_| unusable("key.pem holds no private key"))?;
                builder
                    .with_client_auth_cert(chain, key)
                    .map_err(|error| unusable(&format!("cert.pem and key.pem do not go together: {error}")))?
            }
            None => builder.with_no_client_auth(),
        };
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    /// Shakes hands; the host is what the engine's certificate must be for.
    pub(super) async fn shake_hands(&self, host: &str, stream: TcpStream) -> Result<TlsStream<TcpStream>, DialError> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| DialError::Tls(format!("`{host}` cannot be in a certificate")))?;
        self.0.connect(name, stream).await.map_err(|error| DialError::Tls(words(&error)))
    }
}

fn unusable(reason: &str) -> ConnectError {
    ConnectError::Certificates(reason.to_owned())
}

fn roots(authority: Option<&str>) -> Result<RootCertStore, ConnectError> {
    let mut store = RootCertStore::empty();
    match authority {
        Some(pem) => {
            let certificates = CertificateDer::pem_slice_iter(pem.as_bytes()).filter_map(Result::ok);
            if store.add_parsable_certificates(certificates).0 == 0 {
                return Err(unusable("ca.pem holds no certificate that can be used"));
            }
        }
        None => {
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if store.is_empty() {
                return Err(unusable("this system has no certificates, and the endpoint names none (ca.pem)"));
            }
        }
    }
    Ok(store)
}

/// What an operator needs to know of a handshake that failed.
pub(in crate::apply) fn words(error: &std::io::Error) -> String {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(error) => words_of(error),
        None if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            "the connection was closed; does the engine speak TLS there?".to_owned()
        }
        None => error.to_string(),
    }
}

/// As [`words`], where the error is one of TLS.
pub(in crate::apply) fn words_of(error: &Error) -> String {
    match error {
        Error::AlertReceived(AlertDescription::CertificateRequired) => {
            "the engine wants a client certificate (cert.pem and key.pem)".to_owned()
        }
        Error::AlertReceived(
            alert @ (AlertDescription::BadCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::CertificateUnknown
            // Another authority of the same name.
            | AlertDescription::DecryptError),
        ) => {
            format!("the engine does not take our certificate, or wants one (cert.pem and key.pem): {alert:?}")
        }
        Error::AlertReceived(alert) => format!("the engine refused: {alert:?}"),
        Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => {
            "the engine's certificate is signed by nobody that is trusted (ca.pem)".to_owned()
        }
        Error::InvalidMessage(_) => "what answers does not speak TLS".to_owned(),
        error => error.to_string(),
    }
}

/// Takes any certificate, as `skip-tls-verify` asks for; that the engine holds its key is still checked.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
