//! How far each store is: what `verbatim status` and `GET /v1/status` show.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::DataDir;
use super::derived::Derived;
use super::stores::{AllWatched, Watched};
use crate::log::{LogReader, Scrubbed, State};
use crate::model::Offset;
use crate::relay::Relay;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {
    /// First offset not yet durable in the log.
    pub head: Offset,
    pub log: LogStatus,
    /// Why no events are taken for now, if none are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<String>,
    pub stores: Vec<StoreStatus>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LogStatus {
    /// First offset still in the log.
    pub oldest: Offset,
    /// Sealed records below it were read and checked since the last round of scrubbing began.
    pub scrubbed_to: Offset,
    /// What is not as it was written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub damaged: Vec<DamageStatus>,
}

/// The records of `[from, to)`, which cannot be read or not be trusted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DamageStatus {
    pub from: Offset,
    pub to: Offset,
    pub path: String,
    pub detail: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StoreStatus {
    pub name: String,
    /// Every record below it is in this store for good.
    pub cursor: Offset,
    /// Every record below it can be asked for.
    pub applied: Offset,
    /// Records acknowledged and not yet applied.
    pub lag: u64,
    pub bytes: u64,
    /// Why this store stands still, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

impl Status {
    /// What a command in place says: with nobody to feed them, stores are as far as they have
    /// committed.
    pub(super) fn in_place(log: &LogReader, data: &DataDir, stores: Vec<StoreStatus>) -> Status {
        let head = log.head();
        let stores = std::iter::once(StoreStatus::of_log(data, head)).chain(stores).collect();
        // Nobody has read the old parts for this process.
        let oldest = log.oldest();
        let log = LogStatus { oldest, scrubbed_to: oldest, damaged: Vec::new() };
        Status { head, log, held: None, stores }
    }
}

impl StoreStatus {
    pub(super) fn in_place(
        store: &Derived,
        data: &DataDir,
        head: Offset,
        cursor: anyhow::Result<Offset>,
    ) -> StoreStatus {
        let folders = store.folders.iter().map(|folder| data.root().join(folder));
        let bytes = folders.map(|folder| bytes_under(&folder)).sum();
        let (cursor, failed) = match cursor {
            Ok(cursor) if cursor > head => {
                let lost = format!("it stands beyond the log, which has lost [{head}, {cursor})");
                (cursor, Some(lost))
            }
            Ok(cursor) => (cursor, None),
            Err(error) => (Offset(0), Some(error.to_string())),
        };
        let (name, lag) = (store.name.to_string(), head.since(cursor));
        StoreStatus { name, cursor, applied: cursor, lag, bytes, failed }
    }

    fn of_log(data: &DataDir, head: Offset) -> StoreStatus {
        let (name, bytes) = ("log".to_string(), bytes_under(&data.log()));
        StoreStatus { name, cursor: head, applied: head, lag: 0, bytes, failed: None }
    }
}

/// Reads how far each store is.
#[derive(Clone)]
pub struct StatusReader {
    log: LogReader,
    data: DataDir,
    stores: AllWatched,
    scrubbed: watch::Receiver<Scrubbed>,
    relay: Relay,
}

impl StatusReader {
    pub(super) fn new(
        log: LogReader,
        data: DataDir,
        stores: AllWatched,
        scrubbed: watch::Receiver<Scrubbed>,
        relay: Relay,
    ) -> StatusReader {
        StatusReader { log, data, stores, scrubbed, relay }
    }

    /// Whether events are taken and every store is open.
    pub fn is_ready(&self) -> bool {
        let is_open = |store: &Watched| store.state().is_open && store.state().failed.is_none();
        self.relay.held().is_none() && self.stores.now().iter().all(is_open)
    }

    pub fn read(&self) -> Status {
        let head = self.log.head();
        let log = StoreStatus::of_log(&self.data, head);
        let stores = self.stores.now();
        let stores = stores.iter().map(|store| self.store(store, head));
        let stores = std::iter::once(log).chain(stores).collect();
        let held = self.relay.held().map(|held| held.to_string());
        Status { head, log: self.log_status(), held, stores }
    }

    fn log_status(&self) -> LogStatus {
        let scrubbed = self.scrubbed.borrow();
        let damaged = scrubbed.damages.iter().map(|damage| DamageStatus {
            from: damage.offsets.start,
            to: damage.offsets.end,
            path: damage.path.display().to_string(),
            detail: damage.detail.clone(),
        });
        LogStatus {
            oldest: self.log.oldest(),
            scrubbed_to: scrubbed.to,
            damaged: damaged.collect(),
        }
    }

    fn store(&self, store: &Watched, head: Offset) -> StoreStatus {
        let State { applied, committed, failed, is_open: _ } = store.state();
        let folders = store.folders.iter().map(|folder| self.data.root().join(folder));
        StoreStatus {
            name: store.name.to_string(),
            cursor: committed,
            applied,
            lag: head.since(applied),
            bytes: folders.map(|folder| bytes_under(&folder)).sum(),
            failed: failed.map(|failure| failure.text),
        }
    }
}

/// Bytes allocated to the files under a folder; files that vanish while it looks count nothing.
fn bytes_under(folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
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
