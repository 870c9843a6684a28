//! The key with which vCons are signed, and its certificates.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use tokio_rustls::rustls::SignatureScheme;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::sign::{CertifiedKey, SigningKey};

use crate::evidence::interchange::Signer;

/// An RSA key and the certificates that say whose it is.
pub(super) struct RsaSigner {
    chain: Vec<CertificateDer<'static>>,
    key: Arc<dyn SigningKey>,
}

impl RsaSigner {
    /// Reads them from PEM files, and refuses what does not belong together.
    pub(super) fn open(certificate: &Path, key: &Path) -> anyhow::Result<RsaSigner> {
        let holds_none =
            |path: &Path, what| format!("`{}` holds no {what} in PEM form", path.display());
        let chain = CertificateDer::pem_file_iter(certificate)
            .and_then(|chain| chain.collect::<Result<Vec<_>, _>>())
            .with_context(|| holds_none(certificate, "certificate"))?;
        anyhow::ensure!(!chain.is_empty(), holds_none(certificate, "certificate"));
        let secret =
            PrivateKeyDer::from_pem_file(key).with_context(|| holds_none(key, "private key"))?;
        let pair = CertifiedKey::from_der(chain.clone(), secret, &default_provider())
            .with_context(|| {
                let (certificate, key) = (certificate.display(), key.display());
                format!("`{certificate}` and `{key}` cannot be used together")
            })?;
        let signer = RsaSigner { chain, key: pair.key };
        let is_rsa = signer.key.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256]).is_some();
        anyhow::ensure!(is_rsa, "`{}` is no RSA key, and vCons are signed by RS256", key.display());
        Ok(signer)
    }
}

impl Signer for RsaSigner {
    fn chain(&self) -> Vec<Vec<u8>> {
        self.chain.iter().map(|certificate| certificate.to_vec()).collect()
    }

    fn sign(&self, text: &[u8]) -> Result<Vec<u8>, String> {
        let signer = self.key.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256]);
        let signer = signer.ok_or("the key is no RSA key")?;
        signer.sign(text).map_err(|error| error.to_string())
    }
}
