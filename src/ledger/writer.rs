//! The tree on its way to the disk, and what is signed of it.
//!
//! One commit, each step durable before the next:
//! 1. the hashes, level by level, beyond what is committed;
//! 2. the check: the tree must have the root that was signed last, at the size it was signed at;
//! 3. `ledger/state`: the new size and root. From here on the hashes count;
//! 4. `keys/ledger.checkpoint`: the new checkpoint;
//! 5. whoever asks is shown it.
//!
//! Invariants: no checkpoint is signed that contradicts an earlier one, whatever was lost of the tree
//! or made anew (2 and 4: test `no_two_checkpoints_contradict`); no checkpoint is shown that a power
//! cut could make forgotten (4 before 5).

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::LedgerError;
use super::checkpoint::Checkpoint;
use super::files::HashFiles;
use super::key_files::PublicKeys;
use super::keys::LedgerKeys;
use super::multiproof::empty_root;
use super::note::LedgerKey;
use super::tree::{Frontier, Hash, hashes_at};
use crate::durable::{Disk, Mode, Naming, Staged};

const STATE_FILE: &str = "state";

/// What is committed of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Committed {
    pub(super) size: u64,
    pub(super) root: Hash,
}

/// The same as it is written.
#[derive(Serialize, Deserialize)]
struct StateFile {
    size: u64,
    root: String,
}

/// What is shown of the ledger.
pub(super) struct Shown {
    pub(super) files: Arc<HashFiles>,
    pub(super) committed: Committed,
    /// What was signed last. While the tree is being made again it is ahead of the tree.
    pub(super) signed: Checkpoint,
    pub(super) public: PublicKeys,
    pub(super) key: Option<Arc<LedgerKey>>,
}

/// The ledger, open to grow.
pub(super) struct Writer {
    disk: Arc<Disk>,
    files: Arc<HashFiles>,
    keys: LedgerKeys,
    committed: Committed,
    frontier: Frontier,
    /// Of each level the hashes that are not written yet.
    pending: Vec<Vec<Hash>>,
    shown: Arc<Mutex<Shown>>,
}

impl Committed {
    /// What is committed in the folder; an empty tree where nothing is.
    pub(super) fn read(folder: &Path) -> Result<Committed, LedgerError> {
        let path = folder.join(STATE_FILE);
        match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Ok(Committed { size: 0, root: empty_root() })
            }
            text => {
                let damaged = |detail: String| LedgerError::damaged(&path, detail);
                let state: StateFile =
                    serde_json::from_slice(&text.map_err(LedgerError::of_io(&path))?)
                        .map_err(|error| damaged(error.to_string()))?;
                let mut root = [0; 32];
                hex::decode_to_slice(&state.root, &mut root)
                    .map_err(|error| damaged(error.to_string()))?;
                Ok(Committed { size: state.size, root })
            }
        }
    }
}

impl Writer {
    /// Opens the tree below `disk`, with the keys in `keys`.
    pub(super) fn open(disk: Arc<Disk>, keys: LedgerKeys) -> Result<Writer, LedgerError> {
        let folder = disk.root().to_path_buf();
        let committed = Committed::read(&folder)?;
        let files = HashFiles::open(&disk, committed.size)?;
        let frontier = Frontier::read(committed.size, |level, count| {
            let end = hashes_at(level, committed.size);
            files.read(level, end - count as u64..end)
        })?;
        if frontier.root() != committed.root {
            let detail =
                format!("its hashes do not give the root of its {} leaves", frontier.size());
            return Err(LedgerError::damaged(&folder, detail));
        }
        let files = Arc::new(files);
        let (signed, public) = (keys.signed.clone(), keys.public.clone());
        let key = Some(Arc::new(keys.key.copy()?));
        let shown = Shown { files: files.clone(), committed, signed, public, key };
        let shown = Arc::new(Mutex::new(shown));
        let mut writer =
            Writer { disk, files, keys, committed, frontier, pending: Vec::new(), shown };
        writer.check_signed(0, committed)?;
        writer.sign()?;
        Ok(writer)
    }

    pub(super) fn shown(&self) -> Arc<Mutex<Shown>> {
        self.shown.clone()
    }

    /// Leaves that it has, committed or not.
    pub(super) fn size(&self) -> u64 {
        self.frontier.size()
    }

    pub(super) fn push(&mut self, leaf: Hash) {
        let pending = &mut self.pending;
        self.frontier.push(leaf, |level, hash| {
            if pending.len() == level {
                pending.push(Vec::new());
            }
            pending[level].push(hash);
        });
    }

    /// Makes all leaves durable, and signs the tree. After an error it is opened again.
    pub(super) fn commit(&mut self) -> Result<u64, LedgerError> {
        let new = Committed { size: self.frontier.size(), root: self.frontier.root() };
        if new.size == self.committed.size {
            return Ok(new.size);
        }
        for (level, hashes) in self.pending.iter_mut().enumerate() {
            if !hashes.is_empty() {
                let from = hashes_at(level, self.committed.size);
                self.files.append(&self.disk, level, from, hashes)?;
                hashes.clear();
            }
        }
        self.check_signed(self.committed.size, new)?;
        self.write_state(new)?;
        self.committed = new;
        self.shown.lock().committed = new;
        self.sign()?;
        Ok(new.size)
    }

    /// Refuses a tree that does not have the root that was signed, where it now has as many leaves, and
    /// had fewer before.
    fn check_signed(&self, before: u64, now: Committed) -> Result<(), LedgerError> {
        let signed = &self.keys.signed;
        if signed.size < before || signed.size > now.size {
            return Ok(());
        }
        let found = match signed.size {
            size if size == now.size => now.root,
            size => self.files.root(size)?,
        };
        if found != signed.root {
            let (signed_root, found) = (hex::encode(signed.root), hex::encode(found));
            return Err(LedgerError::Contradiction {
                size: signed.size,
                signed: signed_root,
                found,
            });
        }
        Ok(())
    }

    /// Signs what is committed, unless it is signed, or is less than what was signed before.
    fn sign(&mut self) -> Result<(), LedgerError> {
        let Committed { size, root } = self.committed;
        let signed = &self.keys.signed;
        let is_by_this_key = signed.key == *self.keys.key.public();
        if size < signed.size || (size == signed.size && is_by_this_key) {
            return Ok(());
        }
        let signed = self.keys.sign(size, root)?.clone();
        self.shown.lock().signed = signed;
        Ok(())
    }

    fn write_state(&self, committed: Committed) -> Result<(), LedgerError> {
        let path: PathBuf = self.disk.root().join(STATE_FILE);
        let state = StateFile { size: committed.size, root: hex::encode(committed.root) };
        let text = serde_json::to_vec(&state)
            .map_err(|error| LedgerError::damaged(&path, error.to_string()))?;
        let write = || -> io::Result<()> {
            let mut staged = Staged::create(&self.disk, &path, Mode::Private)?;
            staged.write_all(&text)?;
            staged.publish(Naming::Overwrite)
        };
        write().map_err(LedgerError::of_io(&path))
    }
}
