//! Wiring: from a data directory and a configuration to running tasks and the handles through which
//! questions are asked. Start: own the directory, recover the log, catch the lookup up, start the
//! stores and the appender. Stop: the other way round.

// Settings: flags over environment over `verbatim.toml` over defaults.
mod config;
// Where things lie, and who owns them.
mod data_dir;
// The stores as they lie there.
mod derived;
// A directory that nobody serves, opened for questions.
mod in_place;
// A copy from which a service can start.
mod backup;
// Stores made anew.
mod rebuild;
// The one list of stores, supervised.
mod stores;
// Work beside the service, supervised.
mod background;
// Threads that let others go first.
mod priority;
// Old parts of the log, read at leisure.
mod scrubber;
// Old parts of the log, removed once the archive is known to have them.
mod trimming;
// Who looked at what, written down.
mod access_trail;
// What was asked for is erased.
mod erasing;
// Which files records name.
mod attached;
// Holds and erasures, as people ask for them.
mod keeper;
// What ended gets its category.
mod categorizing;
// What broken uploads left, removed.
mod sweeper;
// Whether machine and directory are fit.
mod doctor;
// How far each store is.
mod status;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::access::Tokens;
use crate::archive::Archive;
use crate::erasure::ErasureStore;
use crate::evidence::{BundleMaker, Leases, Material};
use crate::facts::FactStore;
use crate::index::FullText;
use crate::ledger::{Ledger, LedgerOptions, LedgerReader};
use crate::log::{self, CommitPolicy, LogReader, Recovered, Scrubbed, Store};
use crate::model::{ErrorKind, Kinded, Offset};
use crate::records::Records;
use crate::relay::{
    Appending, AttachmentStore, DiskSpace, Lookup, LookupError, LookupStore, Relay, lookup_aside,
    set_lookup_aside,
};
use crate::search::Search;
use crate::sql::{Sql, WorkerProgram};
use crate::trail::Trail;

use background::Background;
pub use backup::{BackedUp, backup};
use categorizing::Categorizing;
pub use config::{Config, ConfigError, LogFormat};
pub use data_dir::{DataDir, DataDirError, Owner, OwnerLock};
pub use derived::{DERIVED, LogBehind, SignedBeyond};
pub use doctor::{Finding, Health, examine};
use erasing::Erasing;
pub use in_place::{InPlace, audit_data};
pub use keeper::{
    AskedErasure, Concerned, ErasePlan, EraseRequest, ErasuresRequest, HoldRequest, Keeper,
    KeeperError, Page, PageRequest,
};
pub(crate) use priority::give_way;
pub use rebuild::rebuild;
pub use status::{DamageStatus, LedgerStatus, LogStatus, Status, StatusReader, StoreStatus};
pub use stores::{BehindError, Stores};
use trimming::Trimming;

/// Applied records that wait for a commit at most.
const UNCOMMITTED_RECORDS_MAX: u64 = 65_536;
/// Their size in memory: 64 MiB, which stores that keep up share.
const UNCOMMITTED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Where the system does not say: what most allow.
const DESCRIPTORS_USUAL: u64 = 1_024;
/// For ten thousand WebSockets, and the files.
const DESCRIPTORS_WANTED: u64 = 16_384;

/// How often, and how long, the lookup waits for the archive: half a minute.
const TRIES_MAX: u32 = 300;
const RETRY_EVERY: Duration = Duration::from_millis(100);

/// What a process that owns a directory lets go of for good: old segments of the log, and what was
/// erased or has expired.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LetsGo {
    WhatIsOld,
    Nothing,
}

/// A running verbatim over one data directory.
pub struct App {
    pub config: Config,
    pub data: DataDir,
    pub relay: Relay,
    pub log: LogReader,
    pub records: Records,
    pub attachments: AttachmentStore,
    /// Holds and erasures.
    pub keeper: Keeper,
    pub tokens: Arc<Tokens>,
    pub sql: Sql,
    pub search: Search,
    /// Who looked at what.
    pub trail: Trail,
    pub ledger: LedgerReader,
    pub recovered: Recovered,
    /// How many files and connections this process may have open.
    pub descriptors: u64,
    leases: Leases,
    stores: Stores,
    scrubbed: watch::Receiver<Scrubbed>,
    background: Vec<Background>,
    access_trail: Background,
    /// Cancelled when nobody is answered any more.
    trail_ends: CancellationToken,
    appender: Appending,
    stop: CancellationToken,
    drain: CancellationToken,
    lock: OwnerLock,
}

impl App {
    /// Starts everything over `data`, which is made where it does not exist. Stores open on their
    /// own threads: whatever state they are in, the relay takes messages. Questions are answered by
    /// processes of `worker`, or in this one, where nobody asks but its own user.
    pub async fn start(
        data: DataDir,
        config: Config,
        worker: Option<WorkerProgram>,
    ) -> anyhow::Result<App> {
        let lock = data.own_in_turn().await?;
        App::start_owned(data, config, worker, lock, LetsGo::WhatIsOld).await
    }

    /// As [`App::start`], over a directory that this process owns already.
    async fn start_owned(
        data: DataDir,
        config: Config,
        worker: Option<WorkerProgram>,
        lock: OwnerLock,
        lets_go: LetsGo,
    ) -> anyhow::Result<App> {
        let descriptors = raise_descriptors();
        refuse_lost_records(&data).await?;
        let (writer, log, recovered) =
            log::open_with_segments(&data.log(), config.log_segment_bytes())?;
        if recovered.torn_tail_cut {
            tracing::warn!(
                head = recovered.head.0,
                "an unfinished write was cut off the log's end"
            );
        }
        let stop = CancellationToken::new();
        let policy = CommitPolicy {
            records_max: UNCOMMITTED_RECORDS_MAX,
            bytes_max: UNCOMMITTED_BYTES_MAX,
            interval: config.commit_interval(),
        };
        let mut stores = Stores::new(data.clone(), log.clone(), policy, stop.clone());
        let archive = stores.add::<Archive>(())?;
        log.set_history(Arc::new(archive.reader().clone()));
        let lookup = open_lookup(&data, &log).await?;
        let facts = stores.add::<FactStore>(())?;
        let full_text = stores.add::<FullText>(())?;
        stores.add::<LookupStore>(lookup.clone())?;
        let origin = config.evidence.origin.clone();
        let ledger = stores.add::<Ledger>(LedgerOptions { keys: data.keys(), origin })?;
        let erasures = stores.add::<ErasureStore>(())?;

        let records = Records::new(log.clone(), lookup.clone(), archive.reader().clone());
        let trimming = Trimming {
            trimmer: writer.trimmer(),
            log: log.clone(),
            archive: archive.reader().clone(),
            stores: stores.watched(),
            keep: config.log_keep(),
        };
        let kept = Arc::new(records.clone());
        let (scrubber, scrubbed) = scrubber::start(log.clone(), stop.clone())?;
        let reserve_bytes = config.disk_reserve_bytes();
        let space = DiskSpace::of(data.log(), reserve_bytes);
        let (relay, appender) =
            Relay::start(writer, &log, lookup.clone(), kept, space, stop.clone())?;
        let attachments = AttachmentStore::open_or_create(&data.attachments(), reserve_bytes)?;
        let trail = Trail::new(relay.clone());
        let trail_ends = stop.child_token();
        let access_trail = access_trail::start(trail.clone(), trail_ends.clone())?;
        let sweeper = sweeper::start(attachments.clone(), stop.clone())?;
        let pseudonyms = data.pseudonyms()?;
        let keeper = Keeper {
            relay: relay.clone(),
            records: records.clone(),
            lookup: lookup.clone(),
            archive: archive.clone(),
            erasures: erasures.clone(),
            pseudonyms: pseudonyms.clone(),
            planning: Arc::new(Semaphore::new(1)),
        };
        let leases = Leases::default();
        let erasing = Erasing {
            leases: leases.clone(),
            data: data.clone(),
            log: log.clone(),
            relay: relay.clone(),
            records: records.clone(),
            lookup,
            archive: archive.reader().clone(),
            attachments: attachments.clone(),
            erasures,
            trimming: trimming.clone(),
            stores: stores.watched(),
            pseudonyms,
            newest: relay.newest_at_start(),
            reserve_bytes,
        };
        let mut background = vec![scrubber, sweeper];
        if worker.is_some() {
            // A question of its own is answered in this process: it is none of a stranger's making.
            let (queries, zone) = (data.queries(), config.zone);
            let sql = Sql::new(archive.clone(), facts.clone(), queries, zone, None, reserve_bytes)?;
            let categorizing = Categorizing {
                data: data.clone(),
                log: log.clone(),
                relay: relay.clone(),
                records: records.clone(),
                facts: facts.clone(),
                sql,
            };
            background.push(categorizing.start(stop.clone())?);
        }
        if lets_go == LetsGo::WhatIsOld {
            background.push(trimming.start(stop.clone())?);
            background.push(erasing.start(stop.clone())?);
        }
        Ok(App {
            relay,
            records,
            attachments,
            keeper,
            tokens: Arc::new(Tokens::open_or_create(&data.keys())?),
            sql: Sql::new(archive, facts, data.queries(), config.zone, worker, reserve_bytes)?,
            search: Search::new(full_text),
            trail,
            ledger: ledger.reader().clone(),
            config,
            data,
            log,
            recovered,
            descriptors,
            leases,
            stores,
            scrubbed,
            background,
            access_trail,
            trail_ends,
            appender,
            drain: stop.child_token(),
            stop,
            lock,
        })
    }

    /// Writes down where this process can be asked, for other processes that find the directory
    /// owned; `certificate` as in [`Owner`].
    pub fn announce(&mut self, url: String, certificate: Option<String>) -> std::io::Result<()> {
        self.lock.announce(Some(url), certificate)
    }

    /// Cancelled when the service is to take nothing more: the first step of a stop. What was taken
    /// is still answered until [`App::stop`]. Cancelled too where the log failed.
    pub fn drain_token(&self) -> CancellationToken {
        self.drain.clone()
    }

    /// Makes bundles of evidence.
    pub fn bundle_maker(&self) -> BundleMaker {
        BundleMaker::of(Material {
            log: self.log.clone(),
            records: self.records.clone(),
            attachments: self.attachments.clone(),
            sql: self.sql.clone(),
            ledger: self.ledger.clone(),
            zone: self.config.zone,
            spool: DiskSpace::of(
                self.data.root().to_path_buf(),
                2 * self.config.disk_reserve_bytes(),
            ),
            leases: self.leases.clone(),
        })
    }

    /// Waits until every store has applied what is acknowledged now. Fails when one cannot.
    pub async fn catch_up(&self) -> Result<(), BehindError> {
        self.stores.catch_up().await
    }

    /// How far each store is.
    pub fn status(&self) -> Status {
        self.status_reader().read(None)
    }

    /// What reads the status after `self` has moved elsewhere.
    pub fn status_reader(&self) -> StatusReader {
        StatusReader {
            log: self.log.clone(),
            data: self.data.clone(),
            stores: self.stores.watched(),
            scrubbed: self.scrubbed.clone(),
            background: self
                .background
                .iter()
                .chain([&self.access_trail])
                .map(Background::trouble)
                .collect(),
            trail: self.trail.clone(),
            relay: self.relay.clone(),
        }
    }

    /// Stops: who looked at what is written down, no more events are taken, then each store commits what it has, then the directory is given
    /// back.
    pub fn stop(self) -> anyhow::Result<()> {
        let App {
            relay, stores, background, access_trail, trail_ends, appender, stop, lock, ..
        } = self;
        // While the log still takes what is left of it.
        trail_ends.cancel();
        let trail_panicked = access_trail.join().err();
        stop.cancel();
        drop(relay);
        let mut failures = stores.join();
        let background = background.into_iter().filter_map(|work| work.join().err());
        let panicked = background.chain(trail_panicked);
        failures.extend(panicked.map(|name| format!("{name} panicked")));
        match appender.join() {
            Ok(Ok(())) => {}
            Ok(Err(reason)) => failures.push(format!("the log failed: {reason}")),
            Err(_) => failures.push("the appender panicked".to_string()),
        }
        drop(lock);
        if failures.is_empty() { Ok(()) } else { anyhow::bail!(failures.join("; ")) }
    }
}

/// Lets this process open as many files and connections as it may, and returns how many.
fn raise_descriptors() -> u64 {
    let descriptors = rlimit::increase_nofile_limit(u64::MAX).unwrap_or_else(|error| {
        tracing::warn!(%error, "cannot raise the limit of open files");
        rlimit::Resource::NOFILE.get_soft().unwrap_or(DESCRIPTORS_USUAL)
    });
    if descriptors < DESCRIPTORS_WANTED {
        tracing::warn!(descriptors, "few files may be open at once: raise the limit (ulimit -n)");
    }
    descriptors
}

/// Refuses a log that ends before what a store has of it. Opening it would cut off for good what
/// damage has made of its last frame, and give its offsets to other records. A log that ends well
/// and is not empty needs no such look, but at what the ledger has signed: that costs nothing, and
/// no store may be left that knows of more.
async fn refuse_lost_records(data: &DataDir) -> anyhow::Result<()> {
    let end = log::end_of(&data.log())?;
    let signed = derived::signed_beyond(data, end.head);
    if (end.is_torn || end.head == Offset(0) || signed.is_some())
        && let Some(behind) = derived::log_behind(data, end.head).await
    {
        return Err(behind.into());
    }
    signed.map_or(Ok(()), |lost| Err(lost.into()))
}

/// Opens the lookup. One that is damaged, or alone stands beyond the log, is set aside and made anew
/// before anything is taken: without it no repetition could be told from a new message.
async fn open_lookup(data: &DataDir, log: &LogReader) -> anyhow::Result<Lookup> {
    let reason = match when_archive_is_open(|| Lookup::open(&data.lookup(), log)).await {
        Err(error @ LookupError::Damaged { .. }) => error,
        Err(error @ LookupError::BeyondLog { .. }) => {
            // Where others are beyond it too, it is the log that has lost something.
            match derived::log_behind(data, log.head()).await {
                Some(behind) if behind.stores != [LookupStore::NAME] => return Err(behind.into()),
                _ => error,
            }
        }
        opened => return Ok(opened?),
    };
    let aside = lookup_aside(&data.lookup());
    tracing::error!(
        %reason,
        aside = %aside.display(),
        "the lookup is set aside and made anew; events are taken when that is done"
    );
    let began = Instant::now();
    set_lookup_aside(&data.lookup())?;
    let lookup = when_archive_is_open(|| Lookup::open(&data.lookup(), log)).await?;
    let (records, seconds) = (log.head().0, began.elapsed().as_secs());
    tracing::warn!(records, seconds, "the lookup was made anew");
    Ok(lookup)
}

/// What is below the log's beginning is read from the archive, which may be a moment in opening.
async fn when_archive_is_open(
    open: impl Fn() -> Result<Lookup, LookupError>,
) -> Result<Lookup, LookupError> {
    let mut tries = 0;
    loop {
        match open() {
            Err(LookupError::Log(error))
                if error.kind() == ErrorKind::Retry && tries < TRIES_MAX =>
            {
                tries += 1;
                tokio::time::sleep(RETRY_EVERY).await;
            }
            opened => return opened,
        }
    }
}
