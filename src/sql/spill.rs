//! The folder for what finds no room in memory, of one server: gone with it, or with the next one that starts.
//!
//! Invariant: a folder goes only when nobody holds the lock in it, which ends with its server, however that ends.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use tempfile::TempDir;

const PREFIX: &str = "verbatim-sql-";
/// In the folder: locked by its server.
const OWNER_FILE: &str = "owner";

pub(super) struct Spill {
    folder: TempDir,
    _owner: File,
}

impl Spill {
    /// A folder of this process's own, where the system puts what is temporary, after what servers left there that
    /// were killed.
    pub(super) fn create() -> io::Result<Spill> {
        Spill::create_in(&std::env::temp_dir())
    }

    fn create_in(parent: &Path) -> io::Result<Spill> {
        remove_left(parent);
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent)?;
        let owner = File::create(folder.path().join(OWNER_FILE))?;
        owner.lock()?;
        Ok(Spill { folder, _owner: owner })
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Removes folders of servers that are gone. What cannot be removed is another's.
fn remove_left(parent: &Path) {
    let Ok(listing) = fs::read_dir(parent) else { return };
    for entry in listing.filter_map(Result::ok) {
        let is_one = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        // One without this file is being made.
        let owner = File::open(entry.path().join(OWNER_FILE));
        if let (true, Ok(owner)) = (is_one, owner)
            && owner.try_lock().is_ok()
            && let Err(error) = fs::remove_dir_all(entry.path())
        {
            let path = entry.path();
            tracing::warn!(%error, path = %path.display(), "what a server left cannot be removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_server_left_goes_with_the_next_start() {
        let parent = tempfile::tempdir().unwrap();
        let left = parent.path().join(format!("{PREFIX}left"));
        fs::create_dir(&left).unwrap();
        fs::write(left.join(OWNER_FILE), "").unwrap();
        fs::write(left.join("spilled"), "x").unwrap();
        let (other, making) = (parent.path().join("other"), parent.path().join("verbatim-sql-new"));
        fs::create_dir(&other).unwrap();
        fs::create_dir(&making).unwrap();
        let first = Spill::create_in(parent.path()).unwrap();
        assert!(!left.exists() && other.exists() && making.exists());
        let second = Spill::create_in(parent.path()).unwrap();
        assert!(first.path().exists(), "it is in use");
        let path = second.path().to_path_buf();
        drop(second);
        assert!(!path.exists());
    }
}
