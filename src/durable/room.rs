//! What of a disk stays free: it is for messages, and nothing else is written into it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Why something is not written that takes much.
#[derive(Debug, thiserror::Error)]
#[error(
    "writing what is in `{root}` anew takes {} MiB, and {} MiB are free, of which {} MiB are to stay so", .wanted_bytes >> 20, .free_bytes >> 20, .reserve_bytes >> 20
)]
pub struct NoRoom {
    root: PathBuf,
    wanted_bytes: u64,
    free_bytes: u64,
    reserve_bytes: u64,
}

/// Refuses to write so much below `root` where less than `reserve_bytes` would stay free.
pub(crate) fn require_room(
    root: &Path,
    wanted_bytes: u64,
    reserve_bytes: u64,
) -> Result<(), NoRoom> {
    // A disk that does not answer is not taken for a full one.
    let free_bytes = fs4::available_space(root).unwrap_or(u64::MAX);
    if free_bytes < wanted_bytes.saturating_add(reserve_bytes) {
        return Err(NoRoom { root: root.to_path_buf(), wanted_bytes, free_bytes, reserve_bytes });
    }
    Ok(())
}

/// Bytes allocated to the files under a folder; files that vanish while it looks count nothing.
pub(crate) fn bytes_under(folder: &Path) -> u64 {
    let Ok(listing) = fs::read_dir(folder) else { return 0 };
    listing
        .filter_map(Result::ok)
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes_under(&entry.path()),
            // Blocks of 512 bytes: log segments are allocated ahead and filled later.
            Ok(metadata) => metadata.blocks() * 512,
            Err(_) => 0,
        })
        .sum()
}
