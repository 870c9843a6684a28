//! What somebody outside makes of a ledger that they look at now and then: whether what it shows
//! follows from what it showed before.
//!
//! Pure: who looks fetches what is asked for, and hands it in. So a server that lies is tried in a test
//! against the same code.
//!
//! Invariant: whatever is called a contradiction can be shown to a third party, by what the ledger
//! itself signed: the notes of both sides are in it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::checkpoint::{Checkpoint, Inconsistent};
use super::key_files::PublicKeys;
use super::keys::{Succession, successor};
use super::note::VerifierKey;
use super::{LedgerError, NoteError};
use crate::model::Micros;

/// What is remembered of a ledger from one look to the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watched {
    /// The key that it is believed by.
    pub vkey: String,
    /// Whether somebody gave that key, or it was what the ledger itself showed first.
    pub given: bool,
    /// Keys before it, each with the statement that led to the next.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub followed: Vec<Followed>,
    /// The last checkpoint that was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<String>,
}

/// A key that named another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Followed {
    pub vkey: String,
    pub statement: String,
}

/// That a ledger did not keep to what it signed. Each is evidence by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Contradiction {
    /// It has fewer leaves than it had.
    Rollback { older: String, newer: String, detail: String },
    /// Of one size it has two roots.
    Fork { older: String, newer: String, detail: String },
    /// The later tree does not begin with the earlier one, or nobody can show that it does.
    Rewritten { older: String, newer: String, proof: Vec<String>, detail: String },
    /// A message that it acknowledged is not where it said.
    Omitted { receipt: Receipt, checkpoint: String, detail: String },
    /// It acknowledged two messages at one place.
    Doubled { receipt: Receipt, other: Receipt, checkpoint: String, detail: String },
    /// It is signed by a key that the one before did not name.
    OtherKey { vkey: String, checkpoint: String, detail: String },
    /// It says that it has ended, and that another one begins.
    Ended { vkey: String, statement: String, detail: String },
}

/// What an ack says of a message; other fields of it are passed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    pub offset: u64,
    pub leaf: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received_at: Option<Micros>,
}

/// What was made of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judged {
    /// It follows: to be remembered.
    Follows(Box<Checkpoint>),
    /// It needs a proof of consistency from the size of the one before to its own.
    NeedsProof(Box<Checkpoint>, Box<Checkpoint>),
    Contradicts(Box<Contradiction>),
}

impl Watched {
    /// Begins with a key that was given.
    pub fn by_key(vkey: &str) -> Result<Watched, NoteError> {
        let vkey = VerifierKey::parse(vkey)?.to_string();
        Ok(Watched { vkey, given: true, followed: Vec::new(), checkpoint: None })
    }

    /// Begins with what the ledger shows: from here on it is held to that.
    pub fn at_first_sight(keys: &PublicKeys) -> Result<Watched, NoteError> {
        Ok(Watched { given: false, ..Watched::by_key(&keys.vkey)? })
    }

    /// Whether it is believed by this key, or by one that this key led to.
    pub fn knows(&self, vkey: &str) -> bool {
        let vkey = vkey.trim();
        self.vkey == vkey || self.followed.iter().any(|followed| followed.vkey == vkey)
    }

    /// The checkpoint that was seen last.
    pub fn last(&self) -> Result<Option<Checkpoint>, NoteError> {
        let mut keys = vec![VerifierKey::parse(&self.vkey)?];
        for followed in &self.followed {
            keys.push(VerifierKey::parse(&followed.vkey)?);
        }
        let open = |note: &String| Checkpoint::open(note.as_bytes(), &keys);
        self.checkpoint.as_ref().map(open).transpose()
    }

    /// Goes on to the key that signs now, by what each key said of the next.
    pub fn follow_keys(&mut self, keys: &PublicKeys) -> Result<Option<Contradiction>, NoteError> {
        // Each step takes a key that was not there before.
        for previous in &keys.previous {
            let Some(statement) = previous.statement.as_ref() else { continue };
            if previous.vkey != self.vkey {
                continue;
            }
            let old = VerifierKey::parse(&self.vkey)?;
            let (new, succession, until) = match successor(&old, statement) {
                Ok(named) => named,
                Err(error) => {
                    let detail = format!("what should name the next key does not: {error}");
                    return Ok(Some(self.other_key("", detail)));
                }
            };
            if succession == Succession::Ended {
                let detail = format!(
                    "it says that it ended at {until} leaves, and that `{}` begins: whatever was signed before is not bound by that",
                    new.name()
                );
                let (vkey, statement) = (self.vkey.clone(), statement.clone());
                return Ok(Some(Contradiction::Ended { vkey, statement, detail }));
            }
            let vkey = std::mem::replace(&mut self.vkey, new.to_string());
            self.followed.push(Followed { vkey, statement: statement.clone() });
        }
        Ok(None)
    }

    /// What a checkpoint that was just shown says beside the last one.
    pub fn judge(&self, note: &str) -> Result<Judged, LedgerError> {
        let key = VerifierKey::parse(&self.vkey)?;
        let newer = match Checkpoint::open(note.as_bytes(), &[key]) {
            Ok(newer) => newer,
            Err(error) => {
                let contradiction = self.other_key(note, error.to_string());
                return Ok(Judged::Contradicts(Box::new(contradiction)));
            }
        };
        let Some(older) = self.last()? else { return Ok(Judged::Follows(Box::new(newer))) };
        Ok(match older.check_followed_by(&newer, &[]) {
            Ok(()) => Judged::Follows(Box::new(newer)),
            Err(Inconsistent::NotProved { .. }) => {
                Judged::NeedsProof(Box::new(older), Box::new(newer))
            }
            Err(error) => Judged::Contradicts(Box::new(contradiction(&older, &newer, &[], &error))),
        })
    }

    /// What the proof that was asked for says.
    pub fn judge_proof(
        older: &Checkpoint,
        newer: &Checkpoint,
        proof: &[[u8; 32]],
    ) -> Option<Contradiction> {
        let error = older.check_followed_by(newer, proof).err()?;
        Some(contradiction(older, newer, proof, &error))
    }

    /// Remembers a checkpoint that follows.
    pub fn remember(&mut self, checkpoint: &Checkpoint) {
        self.checkpoint = Some(checkpoint.note.clone());
    }

    fn other_key(&self, note: &str, detail: String) -> Contradiction {
        let (vkey, checkpoint) = (self.vkey.clone(), note.to_string());
        Contradiction::OtherKey { vkey, checkpoint, detail }
    }
}

impl Receipt {
    /// Whether it should have been signed by now.
    pub fn is_overdue(&self, now: Micros, within: Duration) -> bool {
        let within_ms = i64::try_from(within.as_millis()).unwrap_or(i64::MAX);
        self.received_at.is_some_and(|received_at| now.ms_since(received_at) > within_ms)
    }

    /// Whether the leaf that was acknowledged is where it should be, in the tree of `checkpoint`; `path`
    /// is RFC 6962's, as it was shown for this offset.
    pub fn judge(&self, checkpoint: &Checkpoint, path: &[[u8; 32]]) -> Option<Contradiction> {
        let mut leaf = [0; 32];
        let is_in = hex::decode_to_slice(&self.leaf, &mut leaf).is_ok()
            && self.offset < checkpoint.size
            && is_included(checkpoint, self.offset, leaf, path);
        if is_in {
            return None;
        }
        let detail = format!(
            "it is not shown that the leaf {} is at {} of the {} that were signed",
            self.leaf, self.offset, checkpoint.size
        );
        let (receipt, checkpoint) = (self.clone(), checkpoint.note.clone());
        Some(Contradiction::Omitted { receipt, checkpoint, detail })
    }
}

/// Reads receipts, one JSON object a line; of an offset that is there twice both must hold.
///
/// # Errors
/// The number of a line that is none, and what is wrong with it.
pub fn receipts(lines: &str) -> Result<Vec<Receipt>, (usize, String)> {
    let mut receipts = Vec::new();
    for (number, line) in (1..).zip(lines.lines()) {
        if line.trim().is_empty() {
            continue;
        }
        let receipt: Receipt =
            serde_json::from_str(line).map_err(|error| (number, error.to_string()))?;
        if receipt.leaf.len() != 64 || !receipt.leaf.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err((number, format!("leaf `{}` must be 64 hex digits", receipt.leaf)));
        }
        receipts.push(receipt);
    }
    Ok(receipts)
}

/// Two receipts of one place that say different things: the tree can have one of them only.
pub fn two_of_one(receipts: &[Receipt], checkpoint: &Checkpoint) -> Option<Contradiction> {
    let mut by_offset: BTreeMap<u64, &Receipt> = BTreeMap::new();
    for receipt in receipts {
        match by_offset.insert(receipt.offset, receipt) {
            Some(other) if !other.leaf.eq_ignore_ascii_case(&receipt.leaf) => {
                let detail = format!("two leaves were acknowledged at {}", receipt.offset);
                return Some(Contradiction::Doubled {
                    receipt: receipt.clone(),
                    other: other.clone(),
                    checkpoint: checkpoint.note.clone(),
                    detail,
                });
            }
            _ => {}
        }
    }
    None
}

fn is_included(checkpoint: &Checkpoint, index: u64, leaf: [u8; 32], path: &[[u8; 32]]) -> bool {
    // One hash for each level of the highest tree.
    if path.len() > 64 {
        return false;
    }
    let hash = tlog_tiles::Hash;
    let path: Vec<tlog_tiles::Hash> = path.iter().map(|node| hash(*node)).collect();
    let (size, root) = (checkpoint.size, hash(checkpoint.root));
    tlog_tiles::check_record(&path, size, root, index, hash(leaf)).is_ok()
}

fn contradiction(
    older: &Checkpoint,
    newer: &Checkpoint,
    proof: &[[u8; 32]],
    error: &Inconsistent,
) -> Contradiction {
    let (older, newer, detail) = (older.note.clone(), newer.note.clone(), error.to_string());
    match error {
        Inconsistent::Shrunk { .. } => Contradiction::Rollback { older, newer, detail },
        Inconsistent::TwoRoots { .. } => Contradiction::Fork { older, newer, detail },
        Inconsistent::NotProved { .. } | Inconsistent::OtherOrigin { .. } => {
            let proof = proof.iter().map(hex::encode).collect();
            Contradiction::Rewritten { older, newer, proof, detail }
        }
    }
}

impl Contradiction {
    /// In one line, for people.
    pub fn told(&self) -> String {
        match self {
            Contradiction::Rollback { detail, .. } => format!("rolled back: {detail}"),
            Contradiction::Fork { detail, .. } => format!("forked: {detail}"),
            Contradiction::Rewritten { detail, .. } => format!("rewritten: {detail}"),
            Contradiction::Omitted { detail, .. } => format!("omitted or altered: {detail}"),
            Contradiction::Doubled { detail, .. } => format!("acknowledged twice: {detail}"),
            Contradiction::OtherKey { detail, .. } => format!("signed by another: {detail}"),
            Contradiction::Ended { detail, .. } => format!("ended: {detail}"),
        }
    }
}
