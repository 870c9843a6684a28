//! The disk below one directory: folders made, names taken away, both made durable.
//!
//! Every file is written under a staging name (`NAME#N`, which object_store's listings skip),
//! synced, then given its name by one link or rename, then its directory is synced. So:
//! - sync before naming: whoever finds a file under its name after a power cut finds all its bytes,
//!   never an empty one;
//! - sync of the directory after naming: a name, once reported, survives a power cut;
//! - the chain of directories up to the root is synced when this process first writes into one of
//!   them, so that a `day=…` folder made by an earlier process that died before its sync cannot be
//!   lost either.
//!
//! A failed sync is reported and never retried: the caller must take the outcome as unknown.

use std::collections::HashSet;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{self, Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::seam::{Call, Real, Seam};

/// The disk below one directory.
#[derive(Debug)]
pub(crate) struct Disk {
    root: PathBuf,
    seam: Arc<dyn Seam>,
    /// Folders that are there and whose names are on stable storage.
    durable_directories: Mutex<HashSet<PathBuf>>,
}

impl Disk {
    /// The disk below `root`, which is made, durably, where it is missing.
    pub(crate) fn open(root: &Path) -> io::Result<Disk> {
        Disk::open_through(root, Arc::new(Real))
    }

    /// As [`Disk::open`], with `seam` before every call.
    pub(crate) fn open_through(root: &Path, seam: Arc<dyn Seam>) -> io::Result<Disk> {
        let root = path::absolute(root)?;
        let above = Disk { root: root.clone(), seam, durable_directories: Mutex::default() };
        above.make_directories(&root)?;
        Ok(Disk::through(&root.canonicalize()?, above.seam))
    }

    /// The disk below `root`, which must be there, with an absolute path. Makes nothing; the name
    /// of `root` itself is not its business.
    pub(crate) fn at(root: &Path) -> Disk {
        Disk::through(root, Arc::new(Real))
    }

    fn through(root: &Path, seam: Arc<dyn Seam>) -> Disk {
        let durable_directories = Mutex::new(HashSet::from([root.to_path_buf()]));
        Disk { root: root.to_path_buf(), seam, durable_directories }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Removes a file, durably.
    pub(crate) fn remove(&self, path: &Path) -> io::Result<()> {
        self.unlink(path)?;
        self.sync_parent(path)
    }

    /// Removes a file; after a power cut it may be there again until its directory is synced.
    pub(crate) fn unlink(&self, path: &Path) -> io::Result<()> {
        self.ask(Call::Remove(path.to_path_buf()))?;
        fs::remove_file(path)
    }

    /// Makes what already lies at `path` durable: it may have been written by a process that died
    /// before its sync.
    pub(crate) fn sync_existing(&self, path: &Path) -> io::Result<()> {
        self.make_parent(path)?;
        self.sync_file(&File::open(path)?, path)?;
        self.sync_parent(path)
    }

    /// Looks for every folder again: somebody took one away.
    pub(crate) fn forget_directories(&self) {
        self.durable_directories.lock().clear();
    }

    /// Syncs the directory that holds `path`.
    pub(super) fn sync_parent(&self, path: &Path) -> io::Result<()> {
        match path.parent() {
            Some(directory) => self.sync_directory(directory),
            None => Ok(()),
        }
    }

    pub(crate) fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        if !self.seam.syncs() {
            return Ok(());
        }
        self.ask(Call::SyncDirectory(directory.to_path_buf()))?;
        File::open(directory)?.sync_all()
    }

    pub(super) fn sync_file(&self, file: &File, path: &Path) -> io::Result<()> {
        if !self.seam.syncs() {
            return Ok(());
        }
        self.ask(Call::SyncFile(path.to_path_buf()))?;
        file.sync_data()
    }

    /// Makes the directory that is to hold `path`, durably.
    pub(super) fn make_parent(&self, path: &Path) -> io::Result<()> {
        match path.parent() {
            Some(directory) => self.make_directories(directory),
            None => Ok(()),
        }
    }

    /// To be called before whatever changes the disk.
    pub(super) fn ask(&self, call: Call) -> io::Result<()> {
        self.seam.before(call)
    }

    /// Makes `directory` and its ancestors, and syncs each ancestor that holds a link of the chain:
    /// down from the root always (once per process), above the root only what had to be made.
    fn make_directories(&self, directory: &Path) -> io::Result<()> {
        if self.durable_directories.lock().contains(directory) {
            return Ok(());
        }
        let is_new = match self.make_directory(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let parent = directory.parent().ok_or(error)?;
                self.make_directories(parent)?;
                self.make_directory(directory)?
            }
            made => made?,
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
        self.durable_directories.lock().insert(directory.to_path_buf());
        Ok(())
    }

    /// Makes a directory. Whether it was not there: of several who make it at once, one does.
    fn make_directory(&self, directory: &Path) -> io::Result<bool> {
        self.ask(Call::MakeDirectory(directory.to_path_buf()))?;
        // Chats are for whoever runs the service.
        match DirBuilder::new().mode(0o700).create(directory) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            made => made.map(|()| true),
        }
    }
}
