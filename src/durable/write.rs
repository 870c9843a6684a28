//! Whole things in one step: a small file written or replaced, a folder made or removed.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use super::disk::Disk;
use super::stage::{Mode, Naming, Staged};

/// Writes `bytes` to `path`, in a folder that is there. After a power cut the file holds what it
/// held before or all of `bytes`; on return, all of `bytes`.
pub(crate) fn write(path: &Path, mode: Mode, bytes: &[u8]) -> io::Result<()> {
    let mut staged = Staged::alone(path, mode)?;
    staged.write_all(bytes)?;
    staged.publish(Naming::Overwrite)
}

/// Makes a folder and those above it, durably, where they are missing.
pub(crate) fn make_directory(path: &Path) -> io::Result<()> {
    Disk::open(path).map(drop)
}

/// Removes a folder and all that is in it, where it is there. A crash leaves it whole or away from
/// its name, as `NAME.removed`: half a folder could be taken for a whole one.
pub(crate) fn remove_directory(path: &Path) -> io::Result<()> {
    let removed = path.with_extension("removed");
    match fs::rename(path, &removed) {
        // What an earlier removal left is in the way.
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
            fs::remove_dir_all(&removed)?;
            fs::rename(path, &removed)?;
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    if let Some(parent) = path.parent().filter(|parent| parent.is_dir()) {
        Disk::at(parent).sync_directory(parent)?;
    }
    match fs::remove_dir_all(&removed) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
