//! How far each store is: what `verbatim status` and `GET /v1/status` show.

use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use utoipa::ToSchema;

use super::DataDir;
use super::background::Trouble;
use super::derived::Derived;
use super::stores::{AllWatched, Watched};
use crate::durable::bytes_under;
use crate::ledger;
use crate::log::{Damage, LogReader, Scrubbed, State, Store};
use crate::model::{MaintenanceState, Micros, Offset};
use crate::relay::{LookupStore, Relay, lookup_aside};
use crate::trail::{Trail, TrailStatus};

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// First offset not yet durable in the log.
    pub head: Offset,
    pub log: LogStatus,
    /// Why no events are taken for now, if none are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<String>,
    /// How the record of who looked at what stands, where somebody serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trail: Option<TrailStatus>,
    pub stores: Vec<StoreStatus>,
    /// What the ledger has signed, where it has begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<LedgerStatus>,
}

/// The ledger's last checkpoint.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LedgerStatus {
    /// The name under which it is signed.
    pub origin: String,
    /// Records that it stands for.
    pub signed: Offset,
    /// Hex, as in the checkpoint itself in base64.
    pub root: String,
    pub signed_at: Micros,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LogStatus {
    /// First offset still in the log.
    pub oldest: Offset,
    /// Sealed records below it were read and checked since the last round of scrubbing began.
    pub scrubbed_to: Offset,
    /// What is not as it was written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub damaged: Vec<DamageStatus>,
    /// What is wrong with the work on its old parts: scrubbing, and letting go of what the archive
    /// has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trouble: Vec<String>,
}

/// The records of `[from, to)`, which cannot be read or not be trusted.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DamageStatus {
    pub from: Offset,
    pub to: Offset,
    pub path: String,
    pub detail: String,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
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
    /// What a person should know of it, though it goes on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What the maintenance of its tables is at, where it has any and somebody does it.
    #[serde(default, skip_serializing_if = "is_idle")]
    pub maintenance: MaintenanceState,
}

fn is_idle(maintenance: &MaintenanceState) -> bool {
    *maintenance == MaintenanceState::default()
}

impl Status {
    /// Whether nothing needs a person.
    pub fn is_well(&self) -> bool {
        let goes_on = |store: &StoreStatus| {
            let MaintenanceState { set_aside, failed, .. } = &store.maintenance;
            store.failed.is_none() && failed.is_none() && set_aside.is_empty()
        };
        let log = &self.log;
        let log_is_well = log.damaged.is_empty() && log.trouble.is_empty();
        self.held.is_none() && log_is_well && self.stores.iter().all(goes_on)
    }

    /// What a command in place says: with nobody to feed them, stores are as far as they have
    /// committed.
    pub(super) fn in_place(log: &LogReader, data: &DataDir, stores: Vec<StoreStatus>) -> Status {
        let head = log.head();
        let stores = std::iter::once(StoreStatus::of_log(data, head)).chain(stores).collect();
        // Nobody has read the old parts for this process.
        let oldest = log.oldest();
        let (damaged, trouble) = (Vec::new(), Vec::new());
        let log = LogStatus { oldest, scrubbed_to: oldest, damaged, trouble };
        let ledger = ledger_status(data);
        Status { head, log, held: None, trail: None, stores, ledger }
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
        let (notes, maintenance) = (notes_on(store.name, data), MaintenanceState::default());
        StoreStatus { name, cursor, applied: cursor, lag, bytes, failed, notes, maintenance }
    }

    fn of_log(data: &DataDir, head: Offset) -> StoreStatus {
        let (name, bytes) = ("log".to_string(), bytes_under(&data.log()));
        let (notes, maintenance) = (Vec::new(), MaintenanceState::default());
        let (cursor, applied, lag, failed) = (head, head, 0, None);
        StoreStatus { name, cursor, applied, lag, bytes, failed, notes, maintenance }
    }
}

/// Reads how far each store is.
#[derive(Clone)]
pub struct StatusReader {
    pub(super) log: LogReader,
    pub(super) data: DataDir,
    pub(super) stores: AllWatched,
    pub(super) scrubbed: watch::Receiver<Scrubbed>,
    pub(super) background: Vec<Trouble>,
    pub(super) trail: Trail,
    pub(super) relay: Relay,
}

impl StatusReader {
    /// Whether events are taken. A store that stands still is for a person, not for whoever sends
    /// traffic here or elsewhere.
    pub fn is_ready(&self) -> bool {
        self.held().is_none()
    }

    /// Why no events are taken for now, if none are.
    fn held(&self) -> Option<String> {
        if !self.relay.knows_ids() {
            return Some("the lookup is being opened again; nothing is taken until it is".into());
        }
        self.relay.held().map(|held| held.to_string())
    }

    /// What is left on the disk of the data directory; `None` where it does not say.
    pub fn free_bytes(&self) -> Option<u64> {
        fs4::available_space(self.data.root()).ok()
    }

    /// What people of `shop` are told; whoever runs the service, for whom that is `None`, all of it.
    pub fn read(&self, shop: Option<&str>) -> Status {
        let head = self.log.head();
        let log = StoreStatus::of_log(&self.data, head);
        let stores = self.stores.now();
        let stores = stores.iter().map(|store| self.store(store, head));
        let stores = std::iter::once(log).chain(stores).collect();
        let held = self.held();
        let trail = Some(self.trail.status());
        let ledger = ledger_status(&self.data);
        Status { head, log: self.log_status(shop), held, trail, stores, ledger }
    }

    fn log_status(&self, shop: Option<&str>) -> LogStatus {
        let scrubbed = self.scrubbed.borrow();
        // Reads may meet a damage before the scrubber does.
        let met = self.log.damages_met();
        let is_new = |damage: &&Damage| {
            !scrubbed.damages.iter().any(|known| known.offsets.contains(&damage.offsets.start))
        };
        let damages = scrubbed.damages.iter().chain(met.iter().filter(is_new));
        let damaged = damages.map(|damage| DamageStatus {
            from: damage.offsets.start,
            to: damage.offsets.end,
            path: damage.path.display().to_string(),
            detail: damage.detail.clone(),
        });
        LogStatus {
            oldest: self.log.oldest(),
            scrubbed_to: scrubbed.to,
            damaged: damaged.collect(),
            trouble: self.background.iter().flat_map(|work| work.told(shop)).collect(),
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
            notes: notes_on(store.name, &self.data),
            maintenance: store.maintenance(),
        }
    }
}

/// What was signed last; nothing where it cannot be read, of which the store tells.
fn ledger_status(data: &DataDir) -> Option<LedgerStatus> {
    let (signed, at) = ledger::last_signed(&data.keys()).ok().flatten()?;
    let at = at.duration_since(UNIX_EPOCH).ok()?;
    Some(LedgerStatus {
        origin: signed.origin,
        signed: Offset(signed.size),
        root: hex::encode(signed.root),
        signed_at: Micros(i64::try_from(at.as_micros()).ok()?),
    })
}

/// What lies beside a store's folder and tells of its past.
fn notes_on(store: &str, data: &DataDir) -> Vec<String> {
    let aside = lookup_aside(&data.lookup());
    if store != LookupStore::NAME || !aside.is_dir() {
        return Vec::new();
    }
    vec![format!(
        "it was damaged, and was made anew; what was damaged lies in `{}` and may be removed",
        aside.display()
    )]
}
