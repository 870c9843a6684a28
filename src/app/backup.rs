//! A copy of a data directory from which a service can start, made while one serves it or while
//! nobody does.
//!
//! It holds what cannot be made again: records, attachments, keys, settings, queries. The order keeps
//! it whole. The archive goes first, as one snapshot whose files a lease keeps, then the small files
//! that say how far something has come, and then the log, which holds all of what the archive has but
//! for what was trimmed: so nothing of the copy stands beyond its log. Attachments go after the records
//! that name them. What is derived is left out and made anew by the first start.
//!
//! The key with which the ledger signs is left out: two directories that sign under one key would sooner
//! or later sign two trees, and a copy in other hands could be made to. A copy begins a ledger of its
//! own when it is first served, and names the one before.
//!
//! Invariant: a copy has its name once it is whole and on stable storage, and not before.

use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use serde::Serialize;

use super::data_dir::{FORMAT_FILE, OWNER_FILE, SQL_HISTORY_FILE};
use super::{DERIVED, DataDir, DataDirError};
use crate::archive;
use crate::durable::{self, Disk, Mode, Naming, Staged, is_staging_name};
use crate::ledger;
use crate::log::{self, Damage, LogError, LogFile, LogReader};
use crate::model::Offset;
use crate::table;

/// How often it is begun again: the log was trimmed, or a file went, while it was copied.
const TRIES: usize = 5;

/// What a backup holds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct BackedUp {
    /// First offset that is not in it.
    #[serde(rename = "complete_to")]
    pub head: Offset,
    pub files: u64,
    pub bytes: u64,
}

/// Copies `data` to `to`, which must not be there or be empty. Every record that was acknowledged
/// before the call is in the copy.
pub async fn backup(data: DataDir, to: &Path) -> anyhow::Result<BackedUp> {
    data.must_exist()?;
    let data = DataDir::new(data.root().canonicalize()?);
    // Where nobody serves it, nobody begins to meanwhile; where somebody does, the copy is made
    // beside them.
    let _lock = match data.own_in_turn().await {
        Ok(lock) => Some(lock),
        Err(DataDirError::Owned { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let to = std::path::absolute(to)?;
    check_target(&data, &to)?;
    let mut name = to.file_name().context("the path names no folder")?.to_os_string();
    name.push(".partial");
    let partial = to.with_file_name(name);
    let remove_partial = || {
        let removed = durable::remove_directory(&partial);
        removed.with_context(|| format!("cannot make or remove `{}`", partial.display()))
    };
    let mut tries = 1;
    let copied = loop {
        remove_partial()?;
        match copy_all(&data, &partial).await {
            Err(error) if tries < TRIES && is_moved(&error) => {
                tracing::info!(error = %format!("{error:#}"), "the copy is begun again");
                tries += 1;
            }
            copied => break copied,
        }
    };
    if copied.is_err() {
        remove_partial()?;
    }
    let copied = copied?;
    durable::rename_directory(&partial, &to)
        .with_context(|| format!("cannot give `{}` its name", to.display()))?;
    Ok(copied)
}

fn check_target(data: &DataDir, to: &Path) -> anyhow::Result<()> {
    let is_free = !to.exists() || (to.is_dir() && fs::read_dir(to)?.next().is_none());
    ensure!(is_free, "`{}` is there already: give a new folder for each copy", to.display());
    let parent = to.parent().context("the path names no folder")?;
    durable::make_directory(parent)
        .with_context(|| format!("cannot make `{}`", parent.display()))?;
    ensure!(
        !parent.canonicalize()?.starts_with(data.root()),
        "`{}` lies in the data directory: a copy in itself",
        to.display()
    );
    Ok(())
}

const IS_DAMAGED: &str =
    "the copy is damaged, and was removed; `verbatim audit` tells whether what it was made of is";

/// The log was trimmed beyond the copy of the archive.
#[derive(Debug, thiserror::Error)]
#[error("the log was trimmed to {oldest} after the archive was copied up to {cursor}")]
struct Gap {
    oldest: Offset,
    cursor: Offset,
}

/// Whether a copy failed because what was copied went meanwhile.
fn is_moved(error: &anyhow::Error) -> bool {
    let is_missing = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    error.is::<Gap>()
        || error.chain().any(|cause| match cause.downcast_ref::<LogError>() {
            Some(LogError::Read { source, .. }) => is_missing(source),
            _ => cause.downcast_ref::<io::Error>().is_some_and(is_missing),
        })
}

async fn copy_all(data: &DataDir, to: &Path) -> anyhow::Result<BackedUp> {
    let mut copy = Copy::begin(data.root(), to)?;
    // The snapshot is the lease: it lives until its files are copied.
    let archived = archive::committed_snapshot(data.root()).await?;
    let cursor = archived.as_ref().map_or(Offset(0), |snapshot| snapshot.cursor);
    if let Some(snapshot) = &archived {
        for path in table::files_of(snapshot)? {
            let place = path.strip_prefix(&snapshot.root)?;
            copy.file_to(&path, &archive::events_folder().join(place))?;
        }
        // A copy of damage must not take the place of a good one.
        for file in snapshot.files.iter() {
            let copied = snapshot.verify_copy(file, &to.join(archive::events_folder()));
            copied.context(IS_DAMAGED)?;
        }
    }
    drop(archived);
    for path in beside(data)?.iter().filter(|path| path.is_file()) {
        copy.tree(path)?;
    }
    for file in log::files(&data.log())? {
        copy.log_file(file)?;
    }
    // Looked for anew: the first attachment may have come meanwhile, with a record that names it.
    for path in beside(data)?.iter().filter(|path| path.is_dir()) {
        copy.tree(path)?;
    }
    let format = data.root().join(FORMAT_FILE);
    copy.file(&format)?;
    // As the first start will see it.
    let log = LogReader::open_read_only(&to.join("log"))?;
    let (oldest, head) = (log.oldest(), log.head());
    if oldest > cursor {
        return Err(Gap { oldest, cursor }.into());
    }
    if let Some(Damage { path, offsets, detail }) = log::damages(&log).first() {
        let range = format!("records {} to below {}", offsets.start, offsets.end);
        bail!("{IS_DAMAGED}: {range} of the log, in `{}`: {detail}", path.display());
    }
    ensure!(cursor <= head, "the archive stands at {cursor}, the log at {head}: one was exchanged");
    Ok(BackedUp { head, ..copy.done })
}

/// A copy in the making.
struct Copy {
    from: PathBuf,
    disk: Arc<Disk>,
    done: BackedUp,
}

impl Copy {
    fn begin(from: &Path, to: &Path) -> anyhow::Result<Copy> {
        let disk = Disk::open(to).with_context(|| format!("cannot make `{}`", to.display()))?;
        Ok(Copy { from: from.to_path_buf(), disk: Arc::new(disk), done: BackedUp::default() })
    }

    /// Copies one file to the same place.
    fn file(&mut self, path: &Path) -> anyhow::Result<()> {
        let place = path.strip_prefix(&self.from)?.to_path_buf();
        self.file_to(path, &place)
    }

    fn file_to(&mut self, path: &Path, place: &Path) -> anyhow::Result<()> {
        let cannot = || format!("cannot copy `{}`", path.display());
        let file = File::open(path).with_context(cannot)?;
        self.write(file, place, None).with_context(cannot)
    }

    fn log_file(&mut self, file: LogFile) -> anyhow::Result<()> {
        let LogFile { path, file, written_bytes } = file;
        let Some(file) = file else { return self.file(&path) };
        let place = path.strip_prefix(&self.from)?.to_path_buf();
        let cannot = || format!("cannot copy `{}`", path.display());
        self.write(file, &place, written_bytes).with_context(cannot)
    }

    /// Copies a file, or a folder with all that is in it; what is being written is no part of it.
    fn tree(&mut self, path: &Path) -> anyhow::Result<()> {
        let is_staged =
            path.file_name().and_then(|name| name.to_str()).is_some_and(is_staging_name);
        let kind = match fs::metadata(path) {
            Ok(metadata) => metadata.file_type(),
            // A staged file that has got its name.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read `{}`", path.display()));
            }
        };
        if kind.is_dir() {
            return listed(path)?.iter().try_for_each(|path| self.tree(path));
        }
        let is_signing_key = path == self.from.join("keys").join(ledger::KEY_FILE);
        if is_staged || is_signing_key || !kind.is_file() {
            return Ok(());
        }
        self.file(path)
    }

    /// Writes the first `bytes` of `file`, all of it where `None`, to `place`. The rest of a segment is
    /// as empty as it was allocated.
    fn write(&mut self, mut file: File, place: &Path, bytes: Option<u64>) -> anyhow::Result<()> {
        let metadata = file.metadata()?;
        let is_private = metadata.permissions().mode() & 0o077 == 0;
        let mode = if is_private { Mode::Private } else { Mode::Usual };
        let mut staged = Staged::create(&self.disk, &self.disk.root().join(place), mode)?;
        // Another handle may have read on.
        file.rewind()?;
        let copied = io::copy(&mut file.take(bytes.unwrap_or(u64::MAX)), &mut staged)?;
        if bytes.is_some() {
            staged.extend(metadata.len())?;
        }
        staged.publish(Naming::Create)?;
        self.done.files += 1;
        self.done.bytes += copied;
        Ok(())
    }
}

/// What lies beside archive and log and is neither derived nor another's to copy: attachments, keys,
/// models, settings, queries, and whatever else somebody put there. What was typed at a prompt is its
/// owner's alone. `docs/operations/plain-copy` has the same list.
fn beside(data: &DataDir) -> anyhow::Result<Vec<PathBuf>> {
    let derived = DERIVED.iter().flat_map(|store| store.folders);
    let mut left_out = vec!["archive", "log", OWNER_FILE, FORMAT_FILE, "audit", SQL_HISTORY_FILE];
    left_out.extend(derived);
    let mut paths = listed(data.root())?;
    paths.retain(|path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        let is_leftover = ["aside", "damaged", "removed", "anew", "exchanging"].contains(&ending);
        !left_out.contains(&name) && !is_leftover
    });
    Ok(paths)
}

fn listed(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let cannot = || format!("cannot read `{}`", folder.display());
    let entries = fs::read_dir(folder).with_context(cannot)?;
    entries.map(|entry| Ok(entry.with_context(cannot)?.path())).collect()
}
