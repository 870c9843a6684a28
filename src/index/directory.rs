//! tantivy's directory of memory-mapped files, with one promise more: when `meta.json` has been
//! replaced, the replacement survives a power cut.
//!
//! tantivy syncs every file's bytes and, before it renames `meta.json` into place, the directory;
//! but not after. So a power cut could bring an old commit back, and could do so after the files
//! that only the old one names have been deleted (it deletes them right after a commit or a merge).
//! Syncing in here, rather than after a commit, covers the merges too, which happen on tantivy's
//! own threads.

use std::io;
use std::path::Path;
use std::sync::Arc;

use tantivy::Directory;
use tantivy::directory::error::{DeleteError, LockError, OpenReadError, OpenWriteError};
use tantivy::directory::{
    DirectoryLock, FileHandle, Lock, MmapDirectory, WatchCallback, WatchHandle, WritePtr,
};

/// The file whose replacement is a commit.
pub(super) const META_FILE: &str = "meta.json";

#[derive(Clone, Debug)]
pub(super) struct SyncedDirectory(pub MmapDirectory);

impl Directory for SyncedDirectory {
    fn atomic_write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        self.0.atomic_write(path, data)?;
        // `.managed.json` is written with every new file and needs no such care: it lists what may
        // be deleted, and what it forgets merely stays.
        if path == Path::new(META_FILE) {
            self.0.sync_directory()?;
        }
        Ok(())
    }

    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        self.0.get_file_handle(path)
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        self.0.delete(path)
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        self.0.exists(path)
    }

    /// A name is written once: segments are called by chance, and what marks their documents as deleted by the number of
    /// the commit that will name it. So a file that is there was made for a commit that a death has prevented, and the
    /// next one has its number: without this, nothing would be deleted from that segment ever again.
    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        match self.0.open_write(path) {
            Err(OpenWriteError::FileAlreadyExists(_)) => {
                tracing::info!(path = %path.display(), "a file of a commit that never was is written again");
                match self.0.delete(path) {
                    Ok(()) | Err(DeleteError::FileDoesNotExist(_)) => self.0.open_write(path),
                    Err(DeleteError::IoError { io_error, filepath }) => {
                        Err(OpenWriteError::IoError { io_error, filepath })
                    }
                }
            }
            written => written,
        }
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        self.0.atomic_read(path)
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.0.sync_directory()
    }

    fn acquire_lock(&self, lock: &Lock) -> Result<DirectoryLock, LockError> {
        self.0.acquire_lock(lock)
    }

    fn watch(&self, watch_callback: WatchCallback) -> tantivy::Result<WatchHandle> {
        self.0.watch(watch_callback)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use tantivy::directory::TerminatingWrite;

    use super::*;

    /// The index stood still, and each erasure with it, until it was made anew.
    #[test]
    fn what_a_death_left_under_a_name_is_written_over() {
        let dir = tempfile::tempdir().unwrap();
        let directory = SyncedDirectory(MmapDirectory::open(dir.path()).unwrap());
        let path = Path::new("0123456789abcdef0123456789abcdef.40.del");
        for bytes in [&b"left by one that died"[..], b"new"] {
            let mut file = directory.open_write(path).unwrap();
            file.write_all(bytes).unwrap();
            file.terminate().unwrap();
            assert_eq!(std::fs::read(dir.path().join(path)).unwrap(), bytes);
        }
    }
}
