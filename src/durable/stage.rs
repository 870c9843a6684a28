//! One file on its way to its name: staged, written, synced, named.
//!
//! Invariant: a file has its name only with all its bytes on stable storage, or keeps its staging
//! name and goes.
//! It does not know where on the disk it may lie: see [`Disk`].

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::Disk;
use super::seam::Call;

/// How a staged file gets its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// Fails with `AlreadyExists` when the name is taken: one of two racing writers wins.
    Create,
    /// Replaces whatever has the name, in one step.
    Overwrite,
}

/// Who may read a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Whoever the process's umask lets.
    Usual,
    /// Its owner alone.
    Private,
}

/// A file under its staging name. Dropped without [`Staged::publish`], it is removed.
#[derive(Debug)]
pub(crate) struct Staged {
    writer: StagedWriter,
    name: PathBuf,
    is_named: bool,
}

/// A handle on the bytes of a staged file. What it writes after the publishing began may be lost in
/// a power cut.
#[derive(Debug)]
pub(crate) struct StagedWriter {
    disk: Arc<Disk>,
    file: File,
    staging: PathBuf,
}

impl Staged {
    /// Starts a file that will be called `name`; the folders that lead to it are made.
    pub(crate) fn create(disk: &Arc<Disk>, name: &Path, mode: Mode) -> io::Result<Staged> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(mode.bits());
        Staged::under_free_name(disk, name, |staging| options.open(staging))
    }

    /// Starts a file on a disk of its own, in a folder that is there.
    pub(crate) fn alone(name: &Path, mode: Mode) -> io::Result<Staged> {
        let name = std::path::absolute(name)?;
        let (Some(directory), Some(_)) = (name.parent(), name.file_name()) else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path names no file"));
        };
        Staged::create(&Arc::new(Disk::at(directory)), &name, mode)
    }

    /// Stages the bytes of `existing` once more, as a second link to them, to be called `name`.
    pub(crate) fn link(disk: &Arc<Disk>, existing: &Path, name: &Path) -> io::Result<Staged> {
        Staged::under_free_name(disk, name, |staging| {
            fs::hard_link(existing, staging)?;
            File::open(staging)
        })
    }

    fn under_free_name(
        disk: &Arc<Disk>,
        name: &Path,
        make: impl Fn(&Path) -> io::Result<File>,
    ) -> io::Result<Staged> {
        disk.make_parent(name)?;
        let mut attempt = 1_u64;
        loop {
            let staging = staging_path(name, attempt);
            disk.ask(Call::Stage(staging.clone()))?;
            match make(&staging) {
                Ok(file) => {
                    let writer = StagedWriter { disk: disk.clone(), file, staging };
                    return Ok(Staged { writer, name: name.to_path_buf(), is_named: false });
                }
                // Left by a process that died, or in use by another writer: take the next number.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Syncs the file, gives it the name it was staged for, syncs its directory.
    pub(crate) fn publish(self, naming: Naming) -> io::Result<()> {
        let name = self.name.clone();
        self.publish_as(&name, naming)
    }

    /// As [`Staged::publish`], under another name in the same directory.
    pub(crate) fn publish_as(mut self, name: &Path, naming: Naming) -> io::Result<()> {
        let StagedWriter { disk, file, staging } = &self.writer;
        disk.sync_file(file, staging)?;
        disk.ask(Call::Name { from: staging.clone(), to: name.to_path_buf() })?;
        match naming {
            Naming::Overwrite => {
                fs::rename(staging, name)?;
                self.is_named = true;
            }
            // The staging name goes when `self` is dropped; until then both names lead to the same
            // synced bytes.
            Naming::Create => fs::hard_link(staging, name)?,
        }
        self.writer.disk.sync_parent(name)
    }

    /// Makes the file so many bytes long, of which those that nobody wrote are zeros.
    pub(crate) fn extend(&self, bytes: u64) -> io::Result<()> {
        let StagedWriter { disk, file, staging } = &self.writer;
        disk.ask(Call::Write(staging.clone()))?;
        file.set_len(bytes)
    }

    /// A second handle on the bytes, for whoever wants a writer of its own.
    pub(crate) fn writer(&self) -> io::Result<StagedWriter> {
        let StagedWriter { disk, file, staging } = &self.writer;
        Ok(StagedWriter { disk: disk.clone(), file: file.try_clone()?, staging: staging.clone() })
    }
}

impl StagedWriter {
    /// Writes `bytes` at `position`, wherever the other writes go.
    pub(crate) fn write_all_at(&self, bytes: &[u8], position: u64) -> io::Result<()> {
        self.disk.ask(Call::Write(self.staging.clone()))?;
        self.file.write_all_at(bytes, position)
    }
}

impl Write for StagedWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.disk.ask(Call::Write(self.staging.clone()))?;
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Write for Staged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.is_named {
            // Best effort: nothing refers to a staging name. What stays in a table is swept by its
            // vacuum.
            let _ = self.writer.disk.unlink(&self.writer.staging);
        }
    }
}

impl Mode {
    /// The permission bits to ask for, of which the umask takes some away.
    pub(super) fn bits(self) -> u32 {
        match self {
            Mode::Usual => 0o666,
            Mode::Private => 0o600,
        }
    }
}

/// `NAME#N`.
fn staging_path(name: &Path, number: u64) -> PathBuf {
    let mut staging = name.as_os_str().to_owned();
    staging.push(format!("#{number}"));
    PathBuf::from(staging)
}

/// Whether a file name is a staging name.
pub(crate) fn is_staging_name(name: &str) -> bool {
    name.rsplit_once('#')
        .is_some_and(|(_, digits)| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}
