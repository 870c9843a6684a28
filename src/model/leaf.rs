//! What is committed at receipt: salted hashes of the canonical parts, bound to offset, time and
//! order. The hash of the leaf is the receipt in the ack. Layout:
//!
//! ```text
//! leaf   = "verbatim/leaf/v1" ‖ offset u64 ‖ received_at_us i64 ‖ tag[16] ‖ seq u32 ‖ prev u64 ‖ kind u8
//!          ‖ C(sender) ‖ C(body) ‖ C(meta)                           integers big-endian, C 32 bytes each
//! hash   = SHA-256(0x00 ‖ leaf)                                      the RFC 6962 leaf hash
//! C(x)   = SHA-256(salt_x ‖ canonical(x))
//! salt_x = SHA-256("verbatim/salt/v1" ‖ x ‖ salt)[..16]
//! salt   = SHA-256("verbatim/salt/v1" ‖ secret ‖ offset u64)[..16]
//! tag    = SHA-256("verbatim/tag/v1" ‖ secret)[..16]
//! ```

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};

use super::{CanonicalParts, Kind, Micros, Offset, Seq};

/// `prev` of a conversation's first record.
pub const NO_PREVIOUS: u64 = u64::MAX;

const LEAF_DOMAIN: &[u8] = b"verbatim/leaf/v1";
const SALT_DOMAIN: &[u8] = b"verbatim/salt/v1";
const TAG_DOMAIN: &[u8] = b"verbatim/tag/v1";

/// 32 random bytes of one conversation, made with its first record. Whoever knows it can test
/// guesses against the commitments, so it is never printed, searched, queried or exported.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Secret(pub [u8; 32]);

/// SHA-256 of a leaf, as RFC 6962 hashes leaves. Lower-case hex in JSON.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct LeafHash(pub [u8; 32]);

/// What a leaf binds together.
#[derive(Clone, Copy, Debug)]
pub struct Leaf<'a> {
    pub offset: Offset,
    pub received_at: Micros,
    pub seq: Seq,
    /// Offset of the conversation's previous record.
    pub prev: Option<Offset>,
    pub kind: Kind,
    pub parts: &'a CanonicalParts,
}

impl Secret {
    /// The public name of the conversation's secret: the same in all its leaves, telling nothing of
    /// it.
    pub fn tag(&self) -> [u8; 16] {
        first_16(&[TAG_DOMAIN, &self.0])
    }

    fn salt(&self, offset: Offset) -> [u8; 16] {
        first_16(&[SALT_DOMAIN, &self.0, &offset.0.to_be_bytes()])
    }
}

impl Leaf<'_> {
    /// The bytes that are hashed, in the layout at the top of this file.
    pub fn bytes(&self, secret: &Secret) -> Vec<u8> {
        let salt = secret.salt(self.offset);
        let mut bytes = Vec::with_capacity(LEAF_DOMAIN.len() + 8 + 8 + 16 + 4 + 8 + 1 + 3 * 32);
        bytes.extend_from_slice(LEAF_DOMAIN);
        bytes.extend_from_slice(&self.offset.0.to_be_bytes());
        bytes.extend_from_slice(&self.received_at.0.to_be_bytes());
        bytes.extend_from_slice(&secret.tag());
        bytes.extend_from_slice(&self.seq.0.to_be_bytes());
        bytes.extend_from_slice(&self.prev.map_or(NO_PREVIOUS, |prev| prev.0).to_be_bytes());
        bytes.push(self.kind as u8);
        let parts = [
            ("sender", &self.parts.sender),
            ("body", &self.parts.body),
            ("meta", &self.parts.meta),
        ];
        for (name, canonical) in parts {
            let part_salt = first_16(&[SALT_DOMAIN, name.as_bytes(), &salt]);
            bytes.extend_from_slice(&sha256(&[&part_salt, canonical.as_bytes()]));
        }
        bytes
    }

    /// The receipt.
    pub fn hash(&self, secret: &Secret) -> LeafHash {
        LeafHash(sha256(&[&[0x00], &self.bytes(secret)]))
    }
}

fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

fn first_16(parts: &[&[u8]]) -> [u8; 16] {
    let digest = sha256(parts);
    std::array::from_fn(|index| digest[index])
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

impl fmt::Display for LeafHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for LeafHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

fn bytes_32<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
    let digits = String::deserialize(deserializer)?;
    let mut bytes = [0; 32];
    hex::decode_to_slice(&digits, &mut bytes)
        .map_err(|error| de::Error::custom(format!("`{digits}`: {error}")))?;
    Ok(bytes)
}

impl Serialize for LeafHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LeafHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<LeafHash, D::Error> {
        bytes_32(deserializer).map(LeafHash)
    }
}

/// Only the log writes secrets; see [`super::Record`].
impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(self.0))
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        bytes_32(deserializer).map(Secret)
    }
}
