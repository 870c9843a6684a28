//! Who reads which version, so that vacuum deletes nothing that is being read: in this process by
//! counting, in others by locks on files.
//!
//! `_leases/` in the table's folder holds:
//! - `writer`: locked for as long as a handle that may write, or any snapshot taken from it, lives.
//!   Whoever holds it knows that no other process or earlier handle reads or writes by counting;
//! - `VERSION-RANDOM`: a reader of that version in another process holds a lock on it. The system
//!   drops the lock when that process dies, so a file that is not locked is stale;
//! - `gate`: shared by a reader while it loads the newest version and takes its lease, held alone
//!   while vacuum looks at the leases: no reader is between the two.
//!
//! Engines that know nothing of leases are not protected but by the rest that
//! [`super::Maintenance`] gives a removed file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::TableError;

pub(super) const LEASES_FOLDER: &str = "_leases";
const WRITER: &str = "writer";
const GATE: &str = "gate";

/// Keeps the files of a version on disk while it, or a clone of it, lives.
#[derive(Clone, Debug)]
pub(super) struct Lease {
    _held: Arc<Held>,
}

#[derive(Debug)]
enum Held {
    Counted {
        version: u64,
        leases: Arc<Leases>,
    },
    Locked {
        path: PathBuf,
        _file: File,
    },
    /// The folder cannot be written: whoever gave it to us to read sees to it that it stays.
    Nothing,
}

/// The leases of the snapshots of one handle.
#[derive(Debug)]
pub(super) struct Leases {
    folder: PathBuf,
    counts: Mutex<BTreeMap<u64, usize>>,
    /// The lock on `writer`, once it was free. It stays until the last snapshot of this handle is
    /// gone.
    writer: Mutex<Option<File>>,
}

/// Versions that are being read.
#[derive(Debug, Default)]
pub(super) struct Leased {
    versions: BTreeSet<u64>,
}

impl Leased {
    /// Whether a reader may need a file that the versions from `since` on and before `until` list.
    pub(super) fn needs(&self, since: u64, until: u64) -> bool {
        since < until && self.versions.range(since..until).next().is_some()
    }
}

impl Leases {
    pub(super) fn of(root: &Path) -> Arc<Leases> {
        let leases = Arc::new(Leases {
            folder: root.join(LEASES_FOLDER),
            counts: Mutex::default(),
            writer: Mutex::default(),
        });
        // So that an earlier handle's files are known to be ours as early as they can be.
        if let Err(error) = leases.is_sole() {
            tracing::debug!(folder = %leases.folder.display(), %error, "no lock for the writer");
        }
        leases
    }

    /// A lease on `version`.
    pub(super) fn take(self: &Arc<Leases>, version: u64) -> Lease {
        *self.counts.lock().entry(version).or_default() += 1;
        Lease { _held: Arc::new(Held::Counted { version, leases: self.clone() }) }
    }

    /// Whether neither an earlier handle nor one of its snapshots is left, in any process.
    pub(super) fn is_sole(&self) -> io::Result<bool> {
        let mut writer = self.writer.lock();
        if writer.is_none() {
            let file = open_lock_file(&self.folder, WRITER)?;
            *writer = try_lock(&file)?.then_some(file);
        }
        Ok(writer.is_some())
    }

    /// The versions that are being read now, here and elsewhere. Leases of the dead are removed.
    pub(super) fn leased(&self) -> Result<Leased, TableError> {
        let failed = TableError::io("look at the leases in", &self.folder);
        let gate = open_lock_file(&self.folder, GATE).map_err(failed)?;
        gate.lock().map_err(failed)?;
        let mut versions: BTreeSet<u64> = self.counts.lock().keys().copied().collect();
        for entry in fs::read_dir(&self.folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let Some(version) = version_in(&path) else { continue };
            if is_held(&path).map_err(TableError::io("look at the lease", &path))? {
                versions.insert(version);
            }
        }
        Ok(Leased { versions })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        match self {
            Held::Counted { version, leases } => {
                let mut counts = leases.counts.lock();
                if let Some(count) = counts.get_mut(version) {
                    *count -= 1;
                    if *count == 0 {
                        counts.remove(version);
                    }
                }
            }
            // What stays, a vacuum finds unlocked and removes.
            Held::Locked { path, .. } => drop(fs::remove_file(path)),
            Held::Nothing => {}
        }
    }
}

/// The shared side of the gate: held while the newest version is loaded and leased.
#[derive(Debug)]
pub(super) struct Gate {
    folder: PathBuf,
    /// `None` where the folder cannot be written.
    file: Option<File>,
}

impl Gate {
    /// Enters, after waiting for a vacuum that is looking at the leases. Blocks.
    pub(super) fn enter(root: &Path) -> Gate {
        let folder = root.join(LEASES_FOLDER);
        let entered = open_lock_file(&folder, GATE).and_then(|file| {
            file.lock_shared()?;
            Ok(file)
        });
        if let Err(error) = &entered {
            tracing::debug!(folder = %folder.display(), %error, "reading without a lease");
        }
        Gate { folder, file: entered.ok() }
    }

    /// A lease on `version`, which was loaded behind this gate.
    pub(super) fn lease(self, version: u64) -> Lease {
        let lock = || {
            let name = format!("{version:020}-{:016x}", rand::random::<u64>());
            let path = self.folder.join(&name);
            let file = open_lock_file(&self.folder, &name)?;
            file.lock()?;
            Ok(Held::Locked { path, _file: file })
        };
        let held = match &self.file {
            Some(_) => lock().unwrap_or_else(|error: io::Error| {
                tracing::debug!(folder = %self.folder.display(), %error, "reading without a lease");
                Held::Nothing
            }),
            None => Held::Nothing,
        };
        Lease { _held: Arc::new(held) }
    }
}

fn open_lock_file(folder: &Path, name: &str) -> io::Result<File> {
    let open = || File::options().create(true).truncate(false).write(true).open(folder.join(name));
    match open() {
        // A lease need not survive a power cut: neither does its holder.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(folder)?;
            open()
        }
        opened => opened,
    }
}

fn try_lock(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Whether someone holds the lease in `path`; one that nobody holds is removed.
fn is_held(path: &Path) -> io::Result<bool> {
    let file = match File::options().write(true).open(path) {
        Ok(file) => file,
        // Given back since the folder was read.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    if !try_lock(&file)? {
        return Ok(true);
    }
    fs::remove_file(path).or_else(|error| match error.kind() {
        io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    })?;
    Ok(false)
}

fn version_in(path: &Path) -> Option<u64> {
    let (version, _) = path.file_name()?.to_str()?.split_once('-')?;
    (version.len() == 20).then(|| version.parse().ok())?
}
