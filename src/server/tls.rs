//! Certificate and key of the one port, read anew on demand: connections that are open keep what
//! they began with, new ones are shown the new certificate.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::RwLock;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, ServerConfig};
use tokio_rustls::server::TlsStream;

/// What is wrong with certificate or key: whoever set them must change them.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("cannot read `{path}`: {source}")]
    Read { path: PathBuf, source: io::Error },
    #[error("`{path}` holds no {what} in PEM form")]
    Missing { path: PathBuf, what: &'static str },
    #[error("`{certificate}` and `{key}` cannot be used together: {source}")]
    Refused { certificate: PathBuf, key: PathBuf, source: rustls::Error },
    #[error("no protocol that is safe can be spoken: {0}")]
    Protocol(rustls::Error),
}

/// What encrypts connections.
pub struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    shown: Arc<Shown>,
    acceptor: TlsAcceptor,
    postgres: TlsAcceptor,
}

/// The certificate that new connections are shown.
struct Shown {
    current: RwLock<Arc<CertifiedKey>>,
}

impl Tls {
    /// Reads certificate chain and key from PEM files.
    pub fn open(certificate: PathBuf, key: PathBuf) -> Result<Tls, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let current = RwLock::new(Arc::new(read(&certificate, &key, &provider)?));
        let shown = Arc::new(Shown { current });
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Protocol)?
            .with_no_client_auth()
            .with_cert_resolver(shown.clone());
        config.alpn_protocols = vec![b"postgresql".to_vec()];
        let postgres = TlsAcceptor::from(Arc::new(config.clone()));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Ok(Tls { certificate, key, shown, acceptor, postgres })
    }

    /// Reads both files again. Where that fails, what is shown stays.
    pub fn reload(&self) -> Result<(), TlsError> {
        let provider = aws_lc_rs::default_provider();
        *self.shown.current.write() = Arc::new(read(&self.certificate, &self.key, &provider)?);
        Ok(())
    }

    /// SHA-256, in hex, of the certificate that is shown.
    pub fn fingerprint(&self) -> String {
        let current = self.shown.current.read();
        let leaf: &[u8] = current.cert.first().map(AsRef::as_ref).unwrap_or_default();
        hex::encode(Sha256::digest(leaf))
    }

    pub(super) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
    ) -> io::Result<TlsStream<S>> {
        self.acceptor.accept(stream).await
    }

    /// As [`Tls::accept`], for a client that will speak Postgres.
    pub(super) async fn accept_postgres<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
    ) -> io::Result<TlsStream<S>> {
        self.postgres.accept(stream).await
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.read().clone())
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Shown")
    }
}

fn read(
    certificate: &Path,
    key: &Path,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, TlsError> {
    let bytes = |path: &Path| {
        fs::read(path).map_err(|source| TlsError::Read { path: path.to_path_buf(), source })
    };
    let missing = |path: &Path, what| TlsError::Missing { path: path.to_path_buf(), what };
    let chain: Result<Vec<CertificateDer<'static>>, _> =
        CertificateDer::pem_slice_iter(&bytes(certificate)?).collect();
    let chain = chain.ok().filter(|chain| !chain.is_empty());
    let chain = chain.ok_or_else(|| missing(certificate, "certificate"))?;
    let secret = PrivateKeyDer::from_pem_slice(&bytes(key)?);
    let secret = secret.map_err(|_| missing(key, "private key"))?;
    CertifiedKey::from_der(chain, secret, provider).map_err(|source| TlsError::Refused {
        certificate: certificate.to_path_buf(),
        key: key.to_path_buf(),
        source,
    })
}
