//! What is committed at receipt: salted hashes of the canonical parts, bound to the conversation's
//! record before it, to the time and to the kind. The hash of the leaf is the receipt in the ack. So
//! each conversation is a chain of its own, whatever log carried it. Layout:
//!
//! ```text
//! leaf   = "verbatim/leaf/v2" ‖ thread[16] ‖ seq u32 ‖ prev[32] ‖ received_at_us i64 ‖ kind u8
//!          ‖ C(sender) ‖ C(body) ‖ C(meta)                   integers big-endian, C 32 bytes each
//! hash   = SHA-256(0x00 ‖ leaf)                              the RFC 6962 leaf hash
//! C(x)   = SHA-256(salt_x ‖ canonical(x))
//! salt_x = SHA-256("verbatim/salt/v2" ‖ x ‖ salt)[..16]
//! salt   = 16 random bytes of this record
//! prev   = hash of the conversation's record before this one; zeros in its first
//! thread = first 16 bytes of the hash of the conversation's first leaf; zeros in that leaf
//! ```
//!
//! `thread` and `prev` are not kept with a record: they are the hashes of records that are kept.
//! `tests/golden/leaf.json` holds leaves that an independent script computes again.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::{Kind, Micros, Seq};

const LEAF_DOMAIN: &[u8] = b"verbatim/leaf/v2";
const SALT_DOMAIN: &[u8] = b"verbatim/salt/v2";

/// 16 random bytes of one record. Whoever knows them can test guesses against its commitments, so
/// they are never printed, searched, queried or exported; erasing a message forgets them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Salt(pub [u8; 16]);

/// SHA-256 of a leaf, as RFC 6962 hashes leaves. Lower-case hex in JSON.
#[derive(Clone, Copy, PartialEq, Eq, Hash, ToSchema)]
#[schema(value_type = String, pattern = "^[0-9a-f]{64}$")]
pub struct LeafHash(pub [u8; 32]);

/// Where a conversation's chain of leaves stands: all that the next leaf needs of those before it.
/// The default is a conversation without records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chain {
    pub thread: [u8; 16],
    pub last_seq: Seq,
    pub last_leaf: [u8; 32],
}

/// What a leaf binds together.
#[derive(Clone, Copy, Debug)]
pub struct Leaf<'a> {
    /// The conversation before this record.
    pub chain: &'a Chain,
    pub received_at: Micros,
    pub kind: Kind,
    pub commitments: &'a Commitments,
}

/// What a record says, hidden: `C(sender)`, `C(body)` and `C(meta)`, in the order of the leaf.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Commitments(pub [[u8; 32]; 3]);

impl Chain {
    /// Position of the next record in the conversation.
    pub fn next_seq(&self) -> Seq {
        Seq(self.last_seq.0 + 1)
    }

    /// Moves past a record that has this leaf.
    pub fn add(&mut self, leaf: LeafHash) {
        if self.last_seq == Seq(0) {
            self.thread = first_16(leaf.0);
        }
        self.last_seq = self.next_seq();
        self.last_leaf = leaf.0;
    }
}

impl Salt {
    /// A salt that nobody can guess.
    pub fn random() -> Salt {
        Salt(rand::random())
    }

    /// What salts one part. Disclosing a part discloses this alone: the other parts' salts do not
    /// follow from it.
    pub fn of_part(&self, part: &str) -> [u8; 16] {
        first_16(sha256(&[SALT_DOMAIN, part.as_bytes(), &self.0].concat()))
    }
}

impl Leaf<'_> {
    /// Its bytes, in the layout at the top of this file.
    pub fn bytes(&self) -> Vec<u8> {
        self.hashed().split_off(1)
    }

    /// The receipt.
    pub fn hash(&self) -> LeafHash {
        LeafHash(sha256(&self.hashed()))
    }

    /// The bytes after the zero that RFC 6962 puts before a leaf. In one piece: the hash takes whole
    /// blocks from there, and copies small pieces first.
    fn hashed(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(1 + LEAF_DOMAIN.len() + 16 + 4 + 32 + 8 + 1 + 3 * 32);
        bytes.push(0x00);
        bytes.extend_from_slice(LEAF_DOMAIN);
        bytes.extend_from_slice(&self.chain.thread);
        bytes.extend_from_slice(&self.chain.next_seq().0.to_be_bytes());
        bytes.extend_from_slice(&self.chain.last_leaf);
        bytes.extend_from_slice(&self.received_at.0.to_be_bytes());
        bytes.push(self.kind as u8);
        bytes.extend_from_slice(self.commitments.0.as_flattened());
        bytes
    }
}

pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

fn first_16(digest: [u8; 32]) -> [u8; 16] {
    std::array::from_fn(|index| digest[index])
}

impl fmt::Debug for Salt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Salt(…)")
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

impl Serialize for LeafHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut digits = [0; 64];
        // Each byte has its two places.
        let _ = hex::encode_to_slice(self.0, &mut digits);
        serializer.serialize_str(str::from_utf8(&digits).unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for LeafHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<LeafHash, D::Error> {
        let digits = String::deserialize(deserializer)?;
        let mut bytes = [0; 32];
        hex::decode_to_slice(&digits, &mut bytes)
            .map_err(|error| de::Error::custom(format!("`{digits}`: {error}")))?;
        Ok(LeafHash(bytes))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::model::{Authority, By, CanonicalParts, Event, Origin};

    /// One conversation whose records have every kind of part.
    fn conversation() -> Vec<(Value, Option<By>, Origin)> {
        let by = |role| Some(By { sub: "desk-7".to_string(), role });
        let event = |id: &str, kind: &str, role: &str, more: Value| {
            let mut event = json!({"id": id, "conversation": "c-林/1", "kind": kind,
                "sender": {"id": "u1", "role": role}});
            for (name, value) in more.as_object().unwrap() {
                event[name] = value.clone();
            }
            event
        };
        let file = json!({"sha256": "ab".repeat(32), "name": "a \"b\".png", "media_type": "image/png",
            "bytes": 9007199254740991_u64});
        vec![
            (
                event("m1", "open", "customer", json!({"order": "A-1", "channel": "app"})),
                None,
                Origin::Live,
            ),
            (
                event(
                    "m2",
                    "message",
                    "customer",
                    json!({"text": "broken 😀\n\u{7f}\u{2028}</script>",
                    "attachments": [file], "sent_at": "2026-01-03T02:13:05.25+08:00"}),
                ),
                None,
                Origin::Live,
            ),
            (
                event(
                    "m3",
                    "message",
                    "human",
                    json!({"text": "", "reply_to": "m2",
                    "visibility": "private", "data": {"b": 1.10, "a": null}}),
                ),
                by(Authority::Importer),
                Origin::Imported,
            ),
            (
                event("m4", "rate", "customer", json!({"rating": 5})),
                by(Authority::Admin),
                Origin::Live,
            ),
        ]
    }

    /// The chain of [`conversation`], with all that a leaf is made of.
    fn vectors() -> Vec<Value> {
        let mut chain = Chain::default();
        let leaf_of = |(index, (event, by, origin)): (usize, (Value, Option<By>, Origin))| {
            let event = Event::parse(event.to_string().as_bytes()).unwrap();
            let parts = CanonicalParts::of("shop", origin, by.as_ref(), &event);
            let received_at = Micros(1_767_377_585_250_000 + index as i64);
            let salt = Salt(std::array::from_fn(|byte| (byte * 16 + index) as u8));
            let commitments = Commitments::of("shop", origin, by.as_ref(), &event, &salt);
            let leaf =
                Leaf { chain: &chain, received_at, kind: event.kind, commitments: &commitments };
            let hash = leaf.hash();
            let vector = json!({
                "thread": hex::encode(chain.thread), "seq": chain.next_seq(),
                "prev": hex::encode(chain.last_leaf), "received_at_us": received_at.0,
                "kind": event.kind as u8, "salt": hex::encode(salt.0),
                "sender": parts.sender, "body": parts.body, "meta": parts.meta,
                "leaf": hex::encode(leaf.bytes()), "hash": hash,
            });
            chain.add(hash);
            vector
        };
        conversation().into_iter().enumerate().map(leaf_of).collect()
    }

    /// Receipts are kept by the other side for years: no build may compute another leaf for what
    /// was committed to. `tests/golden/leaf.py` computes the same file's leaves without this code.
    #[test]
    fn leaves_stand_for_ever() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/leaf.json");
        let computed = format!("{}\n", serde_json::to_string_pretty(&vectors()).unwrap());
        if std::env::var("VERBATIM_BLESS").is_ok_and(|bless| bless == "1") {
            std::fs::write(path, &computed).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), computed);
    }

    #[test]
    fn a_leaf_depends_on_all_that_it_binds() {
        let (json, by, origin) = conversation().swap_remove(1);
        let event = Event::parse(json.to_string().as_bytes()).unwrap();
        let salted = |salt| Commitments::of("shop", origin, by.as_ref(), &event, &Salt([salt; 16]));
        let commitments = salted(1);
        let (chain, at) = (Chain::default(), Micros(7));
        let hash = |chain: &Chain, received_at, kind, commitments: &Commitments| {
            Leaf { chain, received_at, kind, commitments }.hash()
        };
        let mut later = chain;
        later.add(LeafHash([9; 32]));
        let mut said = event.clone();
        said.text = Some("broken".to_string());
        let other = Commitments::of("shop", origin, by.as_ref(), &said, &Salt([1; 16]));
        let leaves = [
            hash(&chain, at, event.kind, &commitments),
            hash(&later, at, event.kind, &commitments),
            hash(&Chain { thread: [8; 16], ..later }, at, event.kind, &commitments),
            hash(&Chain { last_seq: Seq(2), ..later }, at, event.kind, &commitments),
            hash(&chain, Micros(8), event.kind, &commitments),
            hash(&chain, at, Kind::Edit, &commitments),
            hash(&chain, at, event.kind, &other),
            hash(&chain, at, event.kind, &salted(2)),
        ];
        let distinct: std::collections::HashSet<LeafHash> = leaves.into_iter().collect();
        assert_eq!(distinct.len(), leaves.len());
    }
}
