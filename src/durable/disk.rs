//! Files and directories made durable: the one way a file is made to survive a power cut.
//!
//! Every file is written under a staging name (`NAME#N`, which object_store's listings skip), synced, then given its
//! name by one link or rename, then its directory is synced. So:
//! - sync before naming: whoever finds a file under its name after a power cut finds all its bytes, never an empty one;
//! - sync of the directory after naming: a name, once reported, survives a power cut;
//! - the chain of directories up to the root is synced when this process first writes into one of them, so that a
//!   `day=…` folder made by an earlier process that died before its sync cannot be lost either.
//!
//! A failed sync is reported and never retried: the caller must take the outcome as unknown.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// What was done to a path, in order; tests read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Written(PathBuf),
    FileSynced(PathBuf),
    Named { from: PathBuf, to: PathBuf },
    DirectorySynced(PathBuf),
}

/// The disk below one directory.
#[derive(Debug)]
pub(crate) struct Disk {
    root: PathBuf,
    durable_directories: Mutex<HashSet<PathBuf>>,
    files_synced: AtomicU64,
    directories_synced: AtomicU64,
    #[cfg(test)]
    pub(crate) steps: Mutex<Vec<Step>>,
    /// The control of the sync tests: leaves out every sync.
    #[cfg(test)]
    pub(crate) skips_syncs: bool,
}

impl Disk {
    /// Makes `root` if it is missing, durably.
    pub(crate) fn open(root: &Path) -> io::Result<Disk> {
        Disk::at(root).make_directories(root)?;
        Ok(Disk::at(&root.canonicalize()?))
    }

    /// The disk below `root`, which must be absolute and without links. Makes nothing.
    pub(crate) fn at(root: &Path) -> Disk {
        Disk {
            root: root.to_path_buf(),
            durable_directories: Mutex::default(),
            files_synced: AtomicU64::new(0),
            directories_synced: AtomicU64::new(0),
            #[cfg(test)]
            steps: Mutex::default(),
            #[cfg(test)]
            skips_syncs: false,
        }
    }

    /// A disk that leaves out every sync, to show that the tests would notice.
    #[cfg(test)]
    pub(crate) fn without_syncs(root: &Path) -> io::Result<Disk> {
        fs::create_dir_all(root)?;
        Ok(Disk { skips_syncs: true, ..Disk::at(&root.canonicalize()?) })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// How many files and directories were synced so far.
    pub(crate) fn syncs(&self) -> (u64, u64) {
        (self.files_synced.load(Ordering::Relaxed), self.directories_synced.load(Ordering::Relaxed))
    }

    /// Removes a file, durably.
    pub(crate) fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)?;
        self.sync_parent(path)
    }

    /// Makes what already lies at `path` durable: it may have been written by a process that died before its sync.
    pub(crate) fn sync_existing(&self, path: &Path) -> io::Result<()> {
        self.sync_file(&File::open(path)?, path)
    }

    /// Syncs the directory that holds `path`.
    pub(crate) fn sync_parent(&self, path: &Path) -> io::Result<()> {
        match path.parent() {
            Some(directory) => self.sync_directory(directory),
            None => Ok(()),
        }
    }

    pub(crate) fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        if self.is_synced() {
            File::open(directory)?.sync_all()?;
            self.directories_synced.fetch_add(1, Ordering::Relaxed);
            self.note(|| Step::DirectorySynced(directory.to_path_buf()));
        }
        Ok(())
    }

    pub(super) fn sync_file(&self, file: &File, path: &Path) -> io::Result<()> {
        if self.is_synced() {
            file.sync_data()?;
            self.files_synced.fetch_add(1, Ordering::Relaxed);
            self.note(|| Step::FileSynced(path.to_path_buf()));
        }
        Ok(())
    }

    /// Makes the directory that is to hold `path`, durably.
    pub(crate) fn make_parent(&self, path: &Path) -> io::Result<()> {
        match path.parent() {
            Some(directory) => self.make_directories(directory),
            None => Ok(()),
        }
    }

    /// Makes `directory` and its ancestors, and syncs each ancestor that holds a link of the chain: down from the
    /// root always (once per process), above the root only what had to be made.
    fn make_directories(&self, directory: &Path) -> io::Result<()> {
        if self.known().contains(directory) {
            return Ok(());
        }
        let is_new = match fs::create_dir(directory) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let parent = directory.parent().ok_or(error)?;
                self.make_directories(parent)?;
                fs::create_dir(directory)?;
                true
            }
            Err(error) => return Err(error),
        };
        let is_below_root = directory.starts_with(&self.root);
        if let Some(parent) = directory.parent()
            && (is_new || is_below_root)
        {
            if parent.starts_with(&self.root) {
                self.make_directories(parent)?;
            }
            self.sync_directory(parent)?;
        }
        self.known().insert(directory.to_path_buf());
        Ok(())
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashSet<PathBuf>> {
        self.durable_directories.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    fn is_synced(&self) -> bool {
        !self.skips_syncs
    }

    #[cfg(not(test))]
    fn is_synced(&self) -> bool {
        true
    }

    #[cfg(test)]
    pub(super) fn note(&self, step: impl FnOnce() -> Step) {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner).push(step());
    }

    #[cfg(not(test))]
    pub(super) fn note(&self, _step: impl FnOnce() -> Step) {}
}
