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

/// Gives a folder another name beside it, durably. An empty folder of that name is replaced.
pub(crate) fn rename_directory(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    sync_parent(to)
}

/// Makes names durable that were given or taken away beside `path`.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) => Disk::at(parent).sync_directory(parent),
        None => Ok(()),
    }
}

/// Removes a folder and all that is in it, where it is there. A crash leaves it whole or away from
/// its name, as `NAME.removed`: half a folder could be taken for a whole one.
pub(crate) fn remove_directory(path: &Path) -> io::Result<()> {
    let removed = path.with_extension("removed");
    // What an earlier removal left is in the way.
    missing_is_fine(fs::remove_dir_all(&removed))?;
    missing_is_fine(rename_directory(path, &removed))?;
    missing_is_fine(fs::remove_dir_all(&removed))
}

fn missing_is_fine(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}
