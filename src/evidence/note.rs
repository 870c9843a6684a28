//! Signed notes (C2SP signed-note) and checkpoints (C2SP tlog-checkpoint), read so strictly that two
//! programs cannot see two things in one.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::ledger::{is_signed, is_weak};

/// Signatures under a note: our own, and those of witnesses.
const SIGNATURES_MAX: usize = 16;
/// The kind of key that Ed25519 is in a verifier key.
const ED25519: u8 = 1;
/// What stands before the 32 bytes of an Ed25519 key in SubjectPublicKeyInfo (RFC 8410).
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// A verifier key: `name+id+base64`, and a line feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) line: String,
    pub(super) name: String,
    id: [u8; 4],
    key: [u8; 32],
}

/// What a key says of the one that goes on with its log.
const ROTATED: &str = "verbatim/ledger-key-rotated/v1";

/// What a log of one size was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) size: u64,
    pub(super) root: [u8; 32],
}

impl Key {
    pub(super) fn parse(line: &str) -> Option<Key> {
        let mut words = line.strip_suffix('\n')?.splitn(3, '+');
        let (name, id, key) = (words.next()?, words.next()?, words.next()?);
        let bytes = from_base64(key).filter(|bytes| bytes.len() == 33 && bytes[0] == ED25519)?;
        let id_of_key: [u8; 4] =
            Sha256::digest([name.as_bytes(), b"\n", &bytes].concat())[..4].try_into().ok()?;
        if !is_name(name) || hex::encode(id_of_key) != id {
            return None;
        }
        let key = bytes[1..].try_into().ok()?;
        Some(Key { line: line.to_string(), name: name.to_string(), id: id_of_key, key })
    }

    /// Whether signatures by it prove nothing.
    pub(super) fn is_weak(&self) -> bool {
        is_weak(&self.key)
    }

    /// As other tools read it.
    pub(super) fn pem(&self) -> String {
        let key = STANDARD.encode(self.der());
        format!("-----BEGIN PUBLIC KEY-----\n{key}\n-----END PUBLIC KEY-----\n")
    }

    /// What people compare.
    pub(super) fn fingerprint(&self) -> String {
        hex::encode(Sha256::digest(self.der()))
    }

    fn der(&self) -> Vec<u8> {
        [&SPKI[..], &self.key].concat()
    }

    /// The text of a note that this key has signed, once.
    pub(super) fn opened<'a>(&self, note: &'a str) -> Option<&'a str> {
        let text = &note[..note.rfind("\n\n")? + 1];
        let block = note[text.len() + 1..].strip_suffix('\n')?;
        if text.len() < 2 || block.split('\n').count() > SIGNATURES_MAX {
            return None;
        }
        let mut own = Vec::new();
        for line in block.split('\n') {
            let (name, signature) = line.strip_prefix("— ")?.split_once(' ')?;
            if !is_name(name) || !is_base64_like(signature) {
                return None;
            }
            if name == self.name {
                let bytes = from_base64(signature).filter(|bytes| bytes.len() == 68)?;
                own.extend((bytes[..4] == self.id).then(|| bytes[4..].to_vec()));
            }
        }
        let [signature] = own.as_slice() else { return None };
        is_signed(&self.key, text.as_bytes(), signature).then_some(text)
    }

    /// Whether this key has signed that `new` goes on with its log.
    pub(super) fn named(&self, new: &Key, statement: &str) -> bool {
        let said = self.opened(statement).filter(|_| self.name == new.name);
        let size = said.and_then(|said| count(said.split('\n').nth(2)?));
        let wanted =
            size.map(|size| format!("{}\n{ROTATED}\n{size}\n{}{}", self.name, self.line, new.line));
        said.is_some() && said == wanted.as_deref()
    }

    /// Whether a note seems to be signed by it, by its id.
    pub(super) fn seems_to_sign(&self, note: &str) -> bool {
        note.contains(&STANDARD.encode(self.id)[..5])
    }

    /// The head that a checkpoint of this key states.
    pub(super) fn checkpoint(&self, note: &str) -> Option<Head> {
        let mut lines = self.opened(note)?.split('\n');
        let (name, size, root) = (lines.next()?, lines.next()?, lines.next()?);
        let size = count(size).filter(|size| name == self.name && *size > 0)?;
        Some(Head { size, root: hash_from_base64(root)? })
    }
}

/// A count as a line of text.
pub(super) fn count(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number < super::json::INTEGER_END && number.to_string() == text).then_some(number)
}

pub(super) fn hash_from_base64(text: &str) -> Option<[u8; 32]> {
    from_base64(text)?.try_into().ok()
}

pub(super) fn hash_to_base64(hash: [u8; 32]) -> String {
    STANDARD.encode(hash)
}

/// The name of a key: printable, without a plus.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'+')
}

fn is_base64_like(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    !body.is_empty() && text.len() - body.len() <= 2 && body.bytes().all(is_digit)
}

fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}
