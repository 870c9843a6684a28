//! A file that grows at its end and is read while it does.
//!
//! Invariant: nothing is durable before [`GrowingFile::sync`] returns; who commits to a length
//! elsewhere does so after it, and cuts off what lies beyond that length when the file is opened again.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::Disk;
use super::seam::Call;
use super::stage::Mode;

#[derive(Debug)]
pub(crate) struct GrowingFile {
    disk: Arc<Disk>,
    file: File,
    path: PathBuf,
}

impl GrowingFile {
    /// Opens the file at `path`, which is made where it is not there; its name is durable then.
    pub(crate) fn open_or_create(disk: &Arc<Disk>, path: &Path) -> io::Result<GrowingFile> {
        disk.make_parent(path)?;
        let is_new = !path.exists();
        if is_new {
            disk.ask(Call::Stage(path.to_path_buf()))?;
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).mode(Mode::Private.bits());
        let file = options.open(path)?;
        // A name that an earlier process left may not be durable either.
        disk.sync_parent(path)?;
        Ok(GrowingFile { disk: disk.clone(), file, path: path.to_path_buf() })
    }

    /// Opens a file that is there, to read it.
    pub(crate) fn open_to_read(path: &Path) -> io::Result<GrowingFile> {
        let disk = Arc::new(Disk::at(path.parent().unwrap_or(path)));
        Ok(GrowingFile { disk, file: File::open(path)?, path: path.to_path_buf() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn bytes(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    pub(crate) fn write_all_at(&self, bytes: &[u8], position: u64) -> io::Result<()> {
        self.disk.ask(Call::Write(self.path.clone()))?;
        self.file.write_all_at(bytes, position)
    }

    pub(crate) fn read_exact_at(&self, bytes: &mut [u8], position: u64) -> io::Result<()> {
        self.file.read_exact_at(bytes, position)
    }

    /// Cuts off what lies beyond `bytes`.
    pub(crate) fn cut(&self, bytes: u64) -> io::Result<()> {
        self.disk.ask(Call::Write(self.path.clone()))?;
        self.file.set_len(bytes)
    }

    /// Makes what was written durable.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.disk.sync_file(&self.file, &self.path)
    }
}
