//! One file on its way to its name: staged, written, synced, named.
//!
//! Invariant: a file has its name only with all its bytes on stable storage, or keeps its staging name and goes.
//! It does not know where on the disk it may lie: see [`Disk`].

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::{Disk, Step};

/// How a staged file gets its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// Fails with `AlreadyExists` when the name is taken: one of two racing writers wins.
    Create,
    /// Replaces whatever has the name, in one step.
    Overwrite,
}

/// A file under its staging name. Dropped without [`Staged::publish`], it is removed.
#[derive(Debug)]
pub(crate) struct Staged {
    disk: Arc<Disk>,
    file: File,
    staging: PathBuf,
    name: PathBuf,
    is_named: bool,
}

impl Disk {
    /// Starts a file that will be called `name`.
    pub(crate) fn stage(self: &Arc<Disk>, name: &Path) -> io::Result<Staged> {
        self.make_parent(name)?;
        let mut attempt = 1_u64;
        loop {
            let staging = staging_path(name, attempt);
            match OpenOptions::new().read(true).write(true).create_new(true).open(&staging) {
                Ok(file) => {
                    return Ok(Staged {
                        disk: self.clone(),
                        file,
                        staging,
                        name: name.to_path_buf(),
                        is_named: false,
                    });
                }
                // Left by a process that died, or in use by another upload: take the next number.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }
}

impl Staged {
    /// Syncs the file, gives it the name it was staged for, syncs its directory.
    pub(crate) fn publish(self, naming: Naming) -> io::Result<()> {
        let name = self.name.clone();
        self.publish_as(&name, naming)
    }

    /// As [`Staged::publish`], under another name in the same directory.
    pub(crate) fn publish_as(mut self, name: &Path, naming: Naming) -> io::Result<()> {
        self.disk.note(|| Step::Written(self.staging.clone()));
        self.disk.sync_file(&self.file, &self.staging)?;
        match naming {
            Naming::Overwrite => {
                fs::rename(&self.staging, name)?;
                self.is_named = true;
            }
            // The staging name goes when `self` is dropped; until then both names lead to the same synced bytes.
            Naming::Create => fs::hard_link(&self.staging, name)?,
        }
        self.disk.note(|| Step::Named { from: self.staging.clone(), to: name.to_path_buf() });
        self.disk.sync_parent(name)
    }

    /// A second handle on the file, for writes by position.
    pub(crate) fn file(&self) -> io::Result<File> {
        self.file.try_clone()
    }
}

impl Write for Staged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.is_named {
            // Nothing refers to a staging name; what a crash leaves is swept by `vacuum`.
            let _ = fs::remove_file(&self.staging);
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
