//! One whole small file, written or replaced in one step.

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
