//! The hashes on the disk: a file a level, 32 bytes a hash, in order. A tile is 8 KiB of one.
//!
//! ```text
//! ledger/hashes-0   the leaves                    32 bytes a record
//! ledger/hashes-1   roots of 256 leaves each      1/256 of that
//! ledger/hashes-2   roots of 65,536 leaves each   …
//! ```
//! Invariant: what lies below the committed size never changes. What lies beyond it was never
//! committed, and whoever opens the files to write cuts it off.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::RwLock;
use tlog_tiles::{HashReader, split_stored_hash_index};

use super::LedgerError;
use super::multiproof::{empty_root, node, split};
use super::tree::{HASH_BYTES, Hash, TILE_HEIGHT, hashes_at, levels_of, root_of_complete};
use crate::durable::{Disk, GrowingFile};

#[derive(Debug)]
pub(super) struct HashFiles {
    folder: PathBuf,
    /// By level.
    files: RwLock<Vec<Arc<GrowingFile>>>,
}

impl HashFiles {
    /// Opens the files of a tree of `size` leaves to go on from there.
    pub(super) fn open(disk: &Arc<Disk>, size: u64) -> Result<HashFiles, LedgerError> {
        let folder = disk.root().to_path_buf();
        let mut files = Vec::new();
        for level in 0.. {
            let path = path_of(&folder, level);
            if level >= levels_of(size) && !path.exists() {
                break;
            }
            let file =
                GrowingFile::open_or_create(disk, &path).map_err(LedgerError::of_io(&path))?;
            let bytes = file.bytes().map_err(LedgerError::of_io(&path))?;
            let committed = hashes_at(level, size) * HASH_BYTES as u64;
            if bytes < committed {
                return Err(too_short(&path, bytes, committed));
            }
            if bytes > committed {
                file.cut(committed).map_err(LedgerError::of_io(&path))?;
            }
            files.push(Arc::new(file));
        }
        Ok(HashFiles { folder, files: RwLock::new(files) })
    }

    /// Opens them to read, beside whoever writes.
    pub(super) fn open_to_read(folder: &Path, size: u64) -> Result<HashFiles, LedgerError> {
        let mut files = Vec::new();
        for level in 0..levels_of(size) {
            let path = path_of(folder, level);
            let file = GrowingFile::open_to_read(&path).map_err(|source| match source.kind() {
                std::io::ErrorKind::NotFound => LedgerError::damaged(&path, "it is missing"),
                _ => LedgerError::Io { path: path.clone(), source },
            })?;
            let bytes = file.bytes().map_err(LedgerError::of_io(&path))?;
            let committed = hashes_at(level, size) * HASH_BYTES as u64;
            if bytes < committed {
                return Err(too_short(&path, bytes, committed));
            }
            files.push(Arc::new(file));
        }
        Ok(HashFiles { folder: folder.to_path_buf(), files: RwLock::new(files) })
    }

    /// Writes the next hashes of a level, which has `from`, and makes them durable.
    pub(super) fn append(
        &self,
        disk: &Arc<Disk>,
        level: usize,
        from: u64,
        hashes: &[Hash],
    ) -> Result<(), LedgerError> {
        let path = path_of(&self.folder, level);
        if level == self.files.read().len() {
            let file =
                GrowingFile::open_or_create(disk, &path).map_err(LedgerError::of_io(&path))?;
            self.files.write().push(Arc::new(file));
        }
        let file = self.file(level)?;
        file.write_all_at(hashes.as_flattened(), from * HASH_BYTES as u64)
            .and_then(|()| file.sync())
            .map_err(LedgerError::of_io(&path))
    }

    /// The hashes `range` of a level.
    pub(super) fn read(&self, level: usize, range: Range<u64>) -> Result<Vec<Hash>, LedgerError> {
        let count = usize::try_from(range.end - range.start)
            .map_err(|_| LedgerError::BadRange { detail: "too many hashes".to_string() })?;
        let mut hashes = vec![[0; HASH_BYTES]; count];
        if count > 0 {
            let file = self.file(level)?;
            file.read_exact_at(hashes.as_flattened_mut(), range.start * HASH_BYTES as u64)
                .map_err(LedgerError::of_io(file.path()))?;
        }
        Ok(hashes)
    }

    /// The root of the tree of the leaves of `range`, which must be a subtree of one that is
    /// committed.
    pub(super) fn subtree(&self, range: Range<u64>) -> Result<Hash, LedgerError> {
        let leaves = range.end - range.start;
        if leaves == 0 {
            return Ok(empty_root());
        }
        if leaves.is_power_of_two() && range.start.is_multiple_of(leaves) {
            return self.complete(leaves.ilog2(), range.start / leaves);
        }
        let middle = split(&range);
        Ok(node(&self.subtree(range.start..middle)?, &self.subtree(middle..range.end)?))
    }

    /// The root of the tree of the first `size` leaves.
    pub(super) fn root(&self, size: u64) -> Result<Hash, LedgerError> {
        self.subtree(0..size)
    }

    /// The root of the `index`th complete subtree of a height.
    fn complete(&self, height: u32, index: u64) -> Result<Hash, LedgerError> {
        let (level, within) = ((height / TILE_HEIGHT) as usize, height % TILE_HEIGHT);
        let hashes = self.read(level, index << within..(index + 1) << within)?;
        Ok(root_of_complete(&hashes))
    }

    fn file(&self, level: usize) -> Result<Arc<GrowingFile>, LedgerError> {
        let file = self.files.read().get(level).cloned();
        file.ok_or_else(|| LedgerError::damaged(&path_of(&self.folder, level), "it is missing"))
    }
}

/// As the library asks for hashes, by its own numbers.
pub(super) struct Numbered<'a> {
    files: &'a HashFiles,
    /// What failed, for which the library's errors have no room.
    failed: std::cell::RefCell<Option<LedgerError>>,
}

impl<'a> Numbered<'a> {
    pub(super) fn new(files: &'a HashFiles) -> Numbered<'a> {
        Numbered { files, failed: std::cell::RefCell::default() }
    }

    /// What the library's failure was.
    pub(super) fn failure(self, error: &tlog_tiles::Error) -> LedgerError {
        let detail = error.to_string();
        self.failed.into_inner().unwrap_or(LedgerError::BadRange { detail })
    }
}

impl HashReader for Numbered<'_> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        let mut hashes = Vec::with_capacity(indexes.len());
        for index in indexes {
            let (height, number) = split_stored_hash_index(*index);
            match self.files.complete(u32::from(height), number) {
                Ok(hash) => hashes.push(tlog_tiles::Hash(hash)),
                Err(error) => {
                    *self.failed.borrow_mut() = Some(error);
                    return Err(tlog_tiles::Error::IndexesNotInTree);
                }
            }
        }
        Ok(hashes)
    }
}

fn path_of(folder: &Path, level: usize) -> PathBuf {
    folder.join(format!("hashes-{level}"))
}

fn too_short(path: &Path, bytes: u64, committed: u64) -> LedgerError {
    LedgerError::damaged(path, format!("it has {bytes} bytes, where {committed} were committed"))
}
