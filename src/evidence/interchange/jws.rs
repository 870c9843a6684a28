//! JSON Web Signatures (RFC 7515) as vCon takes them: the General JSON Serialization, RS256, the certificates in the
//! unprotected header. `alg` stands in the protected one alone: RFC 7515, 7.2.1 has no parameter in both, though an
//! example of the draft does.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// Signs with an RSA key: RS256 is what the vCon draft asks for so that everybody can check it, and one text has one such
/// signature (RSASSA-PKCS1-v1_5 with SHA-256).
pub trait Signer {
    /// DER certificates, that of the key first.
    fn chain(&self) -> Vec<Vec<u8>>;

    /// The RS256 signature of `text`.
    ///
    /// # Errors
    /// In a few words, why there is none.
    fn sign(&self, text: &[u8]) -> Result<Vec<u8>, String>;
}

/// `payload`, signed. `uuid` stands beside it for whoever does not open it.
pub(super) fn signed(payload: &[u8], uuid: &str, signer: &dyn Signer) -> Result<Value, String> {
    let protected = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256"}"#);
    let payload = URL_SAFE_NO_PAD.encode(payload);
    let signature = signer.sign(format!("{protected}.{payload}").as_bytes())?;
    // Certificates are in plain base64 there, as RFC 7515, 4.1.6 says.
    let chain: Vec<String> = signer.chain().iter().map(|der| STANDARD.encode(der)).collect();
    Ok(json!({
        "payload": payload,
        "signatures": [{
            "header": {"uuid": uuid, "x5c": chain},
            "protected": protected,
            "signature": URL_SAFE_NO_PAD.encode(signature),
        }],
    }))
}
