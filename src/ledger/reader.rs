//! What questions see of the ledger: its last checkpoint, its tiles, and proofs.
//!
//! Invariant: a proof is checked against what was signed before it is handed out, so that damage of the
//! tree is an error here and never a proof that fails elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use tlog_tiles::{check_record, prove_record, prove_tree};

use super::LedgerError;
use super::checkpoint::{Checkpoint, check_consistency};
use super::files::{HashFiles, Numbered};
use super::key_files::PublicKeys;
use super::keys::{last_signed, public_keys};
use super::multiproof;
use super::tree::{HASH_BYTES, Hash, TILE_HASHES, TILE_HEIGHT, hashes_at};
use super::writer::{Committed, Shown};
use crate::log::Slot;

/// Leaves of one proof at most: × 24 hashes of 32 bytes at worst = 77 MB, in a tree of 10 million.
pub const PROVED_LEAVES_MAX: usize = 100_000;

const NAME: &str = "ledger";

/// The ledger, to be asked.
#[derive(Clone, Default)]
pub struct LedgerReader {
    slot: Slot<Shown>,
}

/// That one leaf is in a tree, in the form of RFC 6962.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inclusion {
    pub index: u64,
    pub leaf: [u8; 32],
    pub size: u64,
    /// From the leaf's neighbour up.
    pub path: Vec<[u8; 32]>,
}

/// One moment of the ledger: what was signed last and has been committed.
struct Now {
    files: Arc<HashFiles>,
    committed: Committed,
    signed: Checkpoint,
}

impl LedgerReader {
    /// Opens the ledger of a data directory to read, beside whoever writes it: its folder, and the
    /// folder of keys.
    pub fn open_read_only(folder: &Path, keys: &Path) -> Result<LedgerReader, LedgerError> {
        let none = || LedgerError::NoLedger { path: folder.to_path_buf() };
        // In this order: what is signed was committed before.
        let (signed, _) = last_signed(keys)?.ok_or_else(none)?;
        let committed = Committed::read(folder)?;
        let files = Arc::new(HashFiles::open_to_read(folder, committed.size)?);
        let (public, key) = (public_keys(keys)?, None);
        let reader = LedgerReader::default();
        reader.show(Arc::new(Mutex::new(Shown { files, committed, signed, public, key })));
        Ok(reader)
    }

    pub(super) fn show(&self, shown: Arc<Mutex<Shown>>) {
        self.slot.show(shown);
    }

    /// What was signed last.
    pub fn checkpoint(&self) -> Result<Checkpoint, LedgerError> {
        Ok(self.slot.current(NAME)?.lock().signed.clone())
    }

    /// The public keys, of now and before.
    pub fn public_keys(&self) -> Result<PublicKeys, LedgerError> {
        Ok(self.slot.current(NAME)?.lock().public.clone())
    }

    /// Leaves that are committed. Less than what is signed only while the tree is being made again.
    pub fn size(&self) -> Result<u64, LedgerError> {
        Ok(self.slot.current(NAME)?.lock().committed.size)
    }

    /// `text` as a note with the ledger's signature; only where a service has it open. Nothing that
    /// could be taken for a checkpoint is signed so.
    pub fn sign(&self, text: &str) -> Result<String, LedgerError> {
        let shown = self.slot.current(NAME)?;
        let (key, origin) = {
            let shown = shown.lock();
            (shown.key.clone(), shown.public.origin.clone())
        };
        let key = key.ok_or(LedgerError::BadRange { detail: "no key is open".to_string() })?;
        if text.lines().next() == Some(origin.as_str()) {
            let detail = "what begins with the ledger's name is a checkpoint".to_string();
            return Err(LedgerError::Note(super::NoteError::Unsignable { detail }));
        }
        Ok(key.sign(text)?)
    }

    /// The proof that the leaves at `disclosed` are in the tree of `size` leaves: see
    /// [`multiproof`].
    pub fn prove(
        &self,
        size: u64,
        disclosed: &BTreeSet<u64>,
    ) -> Result<Vec<[u8; 32]>, LedgerError> {
        if disclosed.len() > PROVED_LEAVES_MAX {
            let detail = format!("{} leaves, of {PROVED_LEAVES_MAX} at most", disclosed.len());
            return Err(LedgerError::BadRange { detail });
        }
        let now = self.now(size)?;
        let root = now.root_of(size)?;
        let hashes = multiproof::prove(size, disclosed, |range| now.files.subtree(range))?;
        let leaves = disclosed
            .iter()
            .map(|index| Ok((*index, now.leaf(*index)?)))
            .collect::<Result<BTreeMap<u64, Hash>, LedgerError>>()?;
        if multiproof::root(size, &leaves, &hashes)? != root {
            return Err(super::Inconsistent::NotProved { older: size, newer: size }.into());
        }
        Ok(hashes)
    }

    /// That the leaf at `index` is in the tree of `size` leaves.
    pub fn inclusion(&self, index: u64, size: u64) -> Result<Inclusion, LedgerError> {
        let now = self.now(size)?;
        if index >= size {
            return Err(LedgerError::NotThatFar { asked: index.saturating_add(1), size });
        }
        let root = now.root_of(size)?;
        let numbered = Numbered::new(&now.files);
        let path = match prove_record(size, index, &numbered) {
            Ok(path) => path,
            Err(error) => return Err(numbered.failure(&error)),
        };
        let leaf = now.leaf(index)?;
        let hash = tlog_tiles::Hash;
        check_record(&path, size, hash(root), index, hash(leaf))
            .map_err(|_| super::Inconsistent::NotProved { older: size, newer: size })?;
        Ok(Inclusion { index, leaf, size, path: path.iter().map(|hash| hash.0).collect() })
    }

    /// RFC 6962's proof that the tree of `to` leaves begins with that of `from`.
    pub fn consistency(&self, from: u64, to: u64) -> Result<Vec<[u8; 32]>, LedgerError> {
        if from > to {
            let detail = format!("a tree of {to} leaves does not begin with one of {from}");
            return Err(LedgerError::BadRange { detail });
        }
        let now = self.now(to)?;
        let proof = now.consistency(from, to)?;
        check_consistency((from, now.files.root(from)?), (to, now.root_of(to)?), &proof)?;
        Ok(proof)
    }

    /// The hashes of a tile: of the `number`th of its level, so many of 256.
    pub fn tile(&self, level: usize, number: u64, width: usize) -> Result<Vec<u8>, LedgerError> {
        let now = self.now(0)?;
        let from = number.saturating_mul(TILE_HASHES as u64);
        let to = from.saturating_add(width as u64);
        let size = now.committed.size.min(now.signed.size);
        let there = hashes_at(level, size);
        if width > TILE_HASHES || to > there {
            let asked = to.saturating_mul(leaves_below(level));
            return Err(LedgerError::NotThatFar { asked, size });
        }
        let mut tile = Vec::with_capacity(width * HASH_BYTES);
        tile.extend_from_slice(now.files.read(level, from..to)?.as_flattened());
        Ok(tile)
    }

    /// The hash of the leaf at each offset of `range`, for whoever compares them.
    pub fn leaves(&self, range: std::ops::Range<u64>) -> Result<Vec<[u8; 32]>, LedgerError> {
        self.hashes(0, range)
    }

    /// The hashes that are kept of a level.
    pub fn hashes(
        &self,
        level: usize,
        range: std::ops::Range<u64>,
    ) -> Result<Vec<[u8; 32]>, LedgerError> {
        let now = self.now(0)?;
        if range.end > hashes_at(level, now.committed.size) {
            let size = now.committed.size;
            return Err(LedgerError::NotThatFar { asked: range.end, size });
        }
        now.files.read(level, range)
    }

    /// The committed root.
    pub fn root(&self) -> Result<[u8; 32], LedgerError> {
        Ok(self.slot.current(NAME)?.lock().committed.root)
    }

    /// The ledger as it is, with a tree of at least `size` signed leaves.
    fn now(&self, size: u64) -> Result<Now, LedgerError> {
        let shown = self.slot.current(NAME)?;
        let shown = shown.lock();
        let (committed, signed) = (shown.committed, shown.signed.clone());
        if size > signed.size {
            return Err(LedgerError::NotThatFar { asked: size, size: signed.size });
        }
        if size > committed.size {
            let (size, signed) = (committed.size, signed.size);
            return Err(LedgerError::CatchingUp { size, signed });
        }
        Ok(Now { files: shown.files.clone(), committed, signed })
    }
}

/// Leaves below one hash of a level.
fn leaves_below(level: usize) -> u64 {
    u32::try_from(level)
        .ok()
        .and_then(|level| 1_u64.checked_shl(level.saturating_mul(TILE_HEIGHT)))
        .unwrap_or(u64::MAX)
}

impl Now {
    fn leaf(&self, index: u64) -> Result<Hash, LedgerError> {
        let leaf = self.files.read(0, index..index + 1)?;
        Ok(leaf.first().copied().unwrap_or_default())
    }

    /// The root of the tree of `size` leaves, proved to be the beginning of what was signed, or of
    /// what was committed while that is being made again.
    fn root_of(&self, size: u64) -> Result<Hash, LedgerError> {
        let whole = match self.signed.size {
            signed if signed <= self.committed.size => (signed, self.signed.root),
            _ => (self.committed.size, self.committed.root),
        };
        if size == whole.0 {
            return Ok(whole.1);
        }
        let root = self.files.root(size)?;
        let proof = self.consistency(size, whole.0)?;
        check_consistency((size, root), whole, &proof)?;
        Ok(root)
    }

    fn consistency(&self, from: u64, to: u64) -> Result<Vec<Hash>, LedgerError> {
        if from == 0 || from == to {
            return Ok(Vec::new());
        }
        let numbered = Numbered::new(&self.files);
        match prove_tree(to, from, &numbered) {
            Ok(proof) => Ok(proof.iter().map(|hash| hash.0).collect()),
            Err(error) => Err(numbered.failure(&error)),
        }
    }
}
