//! Signed notes of C2SP: a text, and below it who signed it. The form of checkpoints, of the statement
//! that a key has followed another, and of a bundle's seal.
//!
//! ```text
//! NAME\n…\n                                    the text: lines, the last one ended too
//! \n
//! — NAME base64(key id u32 ‖ Ed25519)\n         one line a signature
//! ```
//! A public key is written as C2SP does it, `NAME+id+base64(1 ‖ key)`, and for `openssl` as PEM.
//!
//! Invariants: a private key is never printed, and its type has no `Debug`; a text comes out of a
//! note only after its signature was checked. Files of keys are elsewhere.

use std::fmt;

use ed25519_dalek::pkcs8::EncodePublicKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::{Signature, SignatureError, Signer, SigningKey, Verifier, VerifyingKey};
use signed_note::{
    Note, StandardVerifier, VerifierList, is_key_name_valid, new_ed25519_verifier_key,
};

use crate::model::{ErrorKind, Kinded};

/// Length of a key's name at most, as of any other id.
const NAME_BYTES_MAX: usize = 128;
/// What C2SP writes before an Ed25519 key.
const ED25519: u8 = 1;
/// What a note may be at most: room for the sums of a bundle's ten thousand files.
const NOTE_BYTES_MAX: usize = 1_000_000;

/// Why a note, or a key, is not believed.
#[derive(Debug, thiserror::Error)]
pub enum NoteError {
    #[error(
        "`{name}` cannot name a key: it has 1 to {NAME_BYTES_MAX} bytes, without spaces, control characters and `+`"
    )]
    Name { name: String },
    #[error("`{vkey}` is not a public key as C2SP writes it, NAME+ID+KEY: {detail}")]
    Key { vkey: String, detail: String },
    #[error("this is not a signed note: {detail}")]
    Malformed { detail: String },
    #[error("the note is not signed by {wanted}: {detail}")]
    NotSigned { wanted: String, detail: String },
    #[error("this text cannot be signed: {detail}")]
    Unsignable { detail: String },
}

impl Kinded for NoteError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::BadInput
    }
}

/// A public key with its name.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    key: VerifyingKey,
}

/// A private key with its name.
pub struct LedgerKey {
    signing: SigningKey,
    public: VerifierKey,
}

/// A text that one of the keys asked for has signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedNote {
    pub text: String,
    pub by: VerifierKey,
}

impl VerifierKey {
    /// Reads `NAME+ID+KEY`.
    pub fn parse(vkey: &str) -> Result<VerifierKey, NoteError> {
        let refused = |detail: &str| {
            let vkey = vkey.chars().take(2 * NAME_BYTES_MAX).collect();
            NoteError::Key { vkey, detail: detail.to_string() }
        };
        let vkey = vkey.trim();
        StandardVerifier::new(vkey).map_err(|error| refused(&error.to_string()))?;
        let (name, rest) = vkey.split_once('+').ok_or_else(|| refused("no `+`"))?;
        let (_, encoded) = rest.split_once('+').ok_or_else(|| refused("one `+`"))?;
        let bytes = decode(encoded).ok_or_else(|| refused("no base64"))?;
        let key = bytes.get(1..).and_then(|key| <[u8; 32]>::try_from(key).ok());
        let key = key.ok_or_else(|| refused("not 32 bytes"))?;
        let key = key_of(&key).map_err(refused)?;
        VerifierKey::new(name, key)
    }

    fn new(name: &str, key: VerifyingKey) -> Result<VerifierKey, NoteError> {
        check_name(name)?;
        Ok(VerifierKey { name: name.to_string(), key })
    }

    /// The name that it signs under: of a ledger, the origin of its checkpoints.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What C2SP calls a key's id: the beginning of a hash of its name and itself.
    pub fn id(&self) -> u32 {
        signed_note::key_id(&self.name, &[&[ED25519], self.key.as_bytes().as_slice()].concat())
    }

    /// For `openssl pkeyutl -verify -pubin`: SubjectPublicKeyInfo in PEM.
    pub fn to_pem(&self) -> String {
        // Fails for keys that have no such form, which an Ed25519 key is not.
        self.key.to_public_key_pem(LineEnding::LF).unwrap_or_default()
    }

    /// The text of a note that this key has signed.
    pub fn open(&self, note: &[u8]) -> Result<String, NoteError> {
        open(note, std::slice::from_ref(self)).map(|opened| opened.text)
    }

    fn verifier(&self) -> Result<StandardVerifier, NoteError> {
        let vkey = self.to_string();
        StandardVerifier::new(&vkey)
            .map_err(|error| NoteError::Key { vkey, detail: error.to_string() })
    }
}

/// The text of a note that any of `keys` has signed, and which did. Signatures of others are passed
/// over; a wrong one of any of these is not.
pub fn open(note: &[u8], keys: &[VerifierKey]) -> Result<OpenedNote, NoteError> {
    if note.len() > NOTE_BYTES_MAX {
        let detail = format!("{} bytes, where {NOTE_BYTES_MAX} are the most", note.len());
        return Err(NoteError::Malformed { detail });
    }
    let malformed =
        |error: signed_note::NoteError| NoteError::Malformed { detail: error.to_string() };
    let parsed = Note::from_bytes(note).map_err(malformed)?;
    let mut known: Vec<Box<dyn signed_note::Verifier>> = Vec::with_capacity(keys.len());
    for key in keys {
        known.push(Box::new(key.verifier()?));
    }
    let not_signed = |detail: String| {
        let names: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
        NoteError::NotSigned { wanted: names.join(" or "), detail }
    };
    let (verified, _) =
        parsed.verify(&VerifierList::new(known)).map_err(|error| not_signed(error.to_string()))?;
    let signed =
        |key: &&VerifierKey| verified.iter().any(|by| by.name() == key.name && by.id() == key.id());
    let by = keys.iter().find(signed).ok_or_else(|| not_signed("by nobody".to_string()))?;
    let text = String::from_utf8(parsed.text().to_vec())
        .map_err(|error| NoteError::Malformed { detail: error.to_string() })?;
    Ok(OpenedNote { text, by: by.clone() })
}

impl LedgerKey {
    /// A key that nobody can guess.
    pub fn random(name: &str) -> Result<LedgerKey, NoteError> {
        LedgerKey::from_bytes(name, &rand::random())
    }

    pub fn from_bytes(name: &str, secret: &[u8; 32]) -> Result<LedgerKey, NoteError> {
        let signing = SigningKey::from_bytes(secret);
        let public = VerifierKey::new(name, signing.verifying_key())?;
        Ok(LedgerKey { signing, public })
    }

    /// What is written to the file of the key, and nowhere else.
    pub(super) fn secret(&self) -> [u8; 32] {
        self.signing.to_bytes()
    }

    /// The same key once more.
    pub(super) fn copy(&self) -> Result<LedgerKey, NoteError> {
        LedgerKey::from_bytes(&self.public.name, &self.secret())
    }

    /// What whoever checks its signatures must have.
    pub fn public(&self) -> &VerifierKey {
        &self.public
    }

    /// `text` as a note with this key's signature. It consists of whole lines.
    pub fn sign(&self, text: &str) -> Result<String, NoteError> {
        let unsignable =
            |error: signed_note::NoteError| NoteError::Unsignable { detail: error.to_string() };
        let mut note = Note::new(text.as_bytes(), &[]).map_err(unsignable)?;
        note.add_sigs(&[self]).map_err(unsignable)?;
        String::from_utf8(note.to_bytes())
            .map_err(|error| NoteError::Unsignable { detail: error.to_string() })
    }
}

impl signed_note::Signer for LedgerKey {
    fn name(&self) -> &str {
        &self.public.name
    }

    fn key_id(&self) -> u32 {
        self.public.id()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        Ok(self.signing.try_sign(message)?.to_vec())
    }
}

/// As C2SP writes it: `NAME+ID+KEY`.
impl fmt::Display for VerifierKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&new_ed25519_verifier_key(&self.name, &self.key))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// Whether `signature` is one by the key with these bytes over `text`: Ed25519 as `openssl` checks it, for
/// whoever reads notes of a stranger's.
pub fn is_signed(key: &[u8; 32], text: &[u8], signature: &[u8]) -> bool {
    let signature = Signature::from_slice(signature);
    match (key_of(key), signature) {
        (Ok(key), Ok(signature)) => key.verify(text, &signature).is_ok(),
        _ => false,
    }
}

/// Whether the key with these bytes would seem to have signed anything.
pub fn is_weak(key: &[u8; 32]) -> bool {
    VerifyingKey::from_bytes(key).is_ok_and(|key| key.is_weak())
}

/// The key with these bytes, where signatures by it prove anything.
fn key_of(bytes: &[u8; 32]) -> Result<VerifyingKey, &'static str> {
    match VerifyingKey::from_bytes(bytes) {
        Err(_) => Err("no point of the curve"),
        // Any text would seem to be signed by it, so that its owner could disown what they said.
        Ok(key) if key.is_weak() => Err("signatures by it would prove nothing"),
        Ok(key) => Ok(key),
    }
}

pub(super) fn check_name(name: &str) -> Result<(), NoteError> {
    let is_fine = is_key_name_valid(name)
        && name.len() <= NAME_BYTES_MAX
        && !name.chars().any(char::is_control);
    if is_fine {
        Ok(())
    } else {
        Err(NoteError::Name { name: name.chars().take(NAME_BYTES_MAX).collect() })
    }
}

fn decode(text: &str) -> Option<Vec<u8>> {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the C2SP specification of signed notes, and what its public key is.
    #[test]
    fn the_notes_of_others_are_opened() {
        let key = LedgerKey::from_bytes("ledger", &[3; 32]).unwrap();
        let vkey = key.public().to_string();
        assert_eq!(VerifierKey::parse(&vkey).unwrap(), *key.public());
        let note = key.sign("one line\nand another\n").unwrap();
        assert_eq!(key.public().open(note.as_bytes()).unwrap(), "one line\nand another\n");
        // Go's package of the same name gives this pair in its documentation.
        let other = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        let note = "If you think cryptography is the answer to your problem,\n\
            then you don't know what your problem is.\n\n\
            — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
        let opened = VerifierKey::parse(other).unwrap().open(note.as_bytes()).unwrap();
        assert!(opened.ends_with("what your problem is.\n"));
    }

    #[test]
    fn a_key_that_is_none_is_refused_with_what_was_given() {
        let good = LedgerKey::from_bytes("ledger", &[3; 32]).unwrap().public().to_string();
        let weak = new_ed25519_verifier_key("ledger", &VerifyingKey::from_bytes(&[0; 32]).unwrap());
        for refused in [
            "",
            "ledger",
            &good.replace("ledger", "other"),
            &good.replace("ledger+", "led ger+"),
            &good[..good.len() - 4],
            &weak,
        ] {
            let error = VerifierKey::parse(refused).unwrap_err();
            assert!(error.to_string().contains(refused), "{error}");
        }
        for name in ["", "a b", "a+b", "a\nb", "a\u{7f}b", &"n".repeat(129)] {
            assert!(matches!(LedgerKey::random(name), Err(NoteError::Name { .. })), "{name:?}");
        }
    }

    #[test]
    fn only_whole_lines_are_signed() {
        let key = LedgerKey::random("ledger").unwrap();
        for text in ["", "no end", "a\tb\n", "a\rb\n"] {
            assert!(matches!(key.sign(text), Err(NoteError::Unsignable { .. })), "{text:?}");
        }
        assert_ne!(key.public(), LedgerKey::random("ledger").unwrap().public());
    }

    /// A text with an empty line in it has more than one place where its signatures could begin.
    #[test]
    fn a_text_with_empty_lines_comes_out_as_it_went_in() {
        let key = LedgerKey::random("ledger").unwrap();
        for text in ["a\n\nb\n", "a\n\n", "\n", "— ledger AAAA\n\nx\n"] {
            let note = key.sign(text).unwrap();
            assert_eq!(key.public().open(note.as_bytes()).unwrap(), text);
            let other = note.replacen('\n', "\n\n", 1);
            assert!(key.public().open(other.as_bytes()).is_err());
        }
    }
}
