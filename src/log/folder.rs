//! Where the files of a log lie, and how they are called.
//!
//! ```text
//! active/NNNNNNNNNNNNNNNNNNNN.wal       by the number (LSN, from 1) of its first frame: `open-wal` names it
//! sealed/NNNNNNNNNNNNNNNNNNNN.wal       by its first offset: a listing says where every record lies
//! sealed/NNNNNNNNNNNNNNNNNNNN.sidecar
//! oldest
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use super::LogError;
use crate::model::Offset;

/// The folder of one log.
#[derive(Clone, Debug)]
pub(super) struct LogFolder {
    root: PathBuf,
}

impl LogFolder {
    pub(super) fn new(root: &Path) -> LogFolder {
        LogFolder { root: root.to_path_buf() }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// What `open-wal` sees: the segment that is written, and those not yet moved.
    pub(super) fn active(&self) -> PathBuf {
        self.root.join("active")
    }

    pub(super) fn active_path(&self, lsn: u64) -> PathBuf {
        self.active().join(format!("{lsn:020}.wal"))
    }

    pub(super) fn sealed(&self) -> PathBuf {
        self.root.join("sealed")
    }

    pub(super) fn sealed_path(&self, first: Offset) -> PathBuf {
        self.sealed().join(format!("{:020}.wal", first.0))
    }

    pub(super) fn sidecar_path(&self, first: Offset) -> PathBuf {
        self.sealed().join(format!("{:020}.sidecar", first.0))
    }

    pub(super) fn oldest_path(&self) -> PathBuf {
        self.root.join("oldest")
    }

    /// The numbers of the first frames of the active segments, ascending.
    pub(super) fn list_active(&self) -> Result<Vec<u64>, LogError> {
        numbered(&self.active(), "wal")
    }

    /// The first offsets of the sealed segments, ascending.
    pub(super) fn list_sealed(&self) -> Result<Vec<Offset>, LogError> {
        Ok(numbered(&self.sealed(), "wal")?.into_iter().map(Offset).collect())
    }

    /// The first offsets of the sidecars, ascending.
    pub(super) fn list_sidecars(&self) -> Result<Vec<Offset>, LogError> {
        Ok(numbered(&self.sealed(), "sidecar")?.into_iter().map(Offset).collect())
    }
}

/// The numbers that files of this ending have for names, ascending; none in a folder that is not
/// there.
fn numbered(folder: &Path, ending: &str) -> Result<Vec<u64>, LogError> {
    let cannot = |source| LogError::read(folder, 0, source);
    let listing = match fs::read_dir(folder) {
        Ok(listing) => listing,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(cannot(source)),
    };
    let mut numbers = Vec::new();
    for entry in listing {
        let name = entry.map_err(cannot)?.file_name();
        if let Some((digits, found)) = name.to_str().and_then(|name| name.split_once('.'))
            && found == ending
            && let Ok(number) = digits.parse()
        {
            numbers.push(number);
        }
    }
    numbers.sort_unstable();
    Ok(numbers)
}
