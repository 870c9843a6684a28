//! A data directory that nobody serves, opened for questions. Each store is opened when it is first
//! asked, and brought up to the log's head in memory; nothing is committed. A store that is not there
//! is made only where the log is young.
//!
//! Invariant: the directory is owned while this lives, so that no service begins to change under a
//! question what it reads.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use tokio::sync::OnceCell;

use super::derived::{DERIVED, log_behind};
use super::status::{Status, StoreStatus};
use super::{Config, DataDir, OwnerLock};
use crate::archive::{Archive, ArchiveReader};
use crate::audit::{Audited, Report, audit};
use crate::durable;
use crate::erasure::ErasureStore;
use crate::facts::FactStore;
use crate::index::{self, FullText};
use crate::ledger::{Ledger, LedgerReader};
use crate::log::{Followed, LogError, LogReader, Store};
use crate::model::Offset;
use crate::records::Records;
use crate::relay::{AttachmentStore, Lookup, LookupStore};
use crate::search::Search;
use crate::sql::Sql;

/// Records applied at once.
const BATCH_RECORDS: usize = 4_096;
/// A log that is read in a moment: as many records as a store has uncommitted at most.
const YOUNG: Offset = Offset(65_536);
/// Where an audit folds the facts again.
const AUDIT_FOLDER: &str = "audit";

/// A data directory in this process's hands.
pub struct InPlace {
    pub config: Config,
    data: DataDir,
    log: LogReader,
    records: OnceCell<Records>,
    _lock: OwnerLock,
}

impl InPlace {
    /// Opens the log of `data`, which must be there.
    pub async fn open(data: DataDir, config: Config) -> anyhow::Result<InPlace> {
        data.must_exist()?;
        let lock = data.own_in_turn().await?;
        let log = LogReader::open_read_only(&data.log())?;
        let opened = InPlace { config, data, log, records: OnceCell::new(), _lock: lock };
        if opened.log.oldest() > Offset(0) {
            let archive = opened.bring::<Archive>(()).await?;
            opened.log.set_history(Arc::new(archive));
        }
        Ok(opened)
    }

    /// First offset not in the log: what answers are complete to.
    pub fn head(&self) -> Offset {
        self.log.head()
    }

    pub async fn sql(&self) -> anyhow::Result<Sql> {
        let (archive, facts) =
            (self.bring::<Archive>(()).await?, self.bring::<FactStore>(()).await?);
        let (archive, facts) = (self.standing(archive), self.standing(facts));
        let (queries, reserve) = (self.data.queries(), self.config.disk_reserve_bytes());
        Ok(Sql::new(archive, facts, queries, self.config.zone, None, reserve)?)
    }

    pub fn search(&self) -> anyhow::Result<Search> {
        let reader = index::FullTextReader::showing(self.index()?);
        Ok(Search::new(self.standing(reader)))
    }

    pub async fn records(&self) -> anyhow::Result<&Records> {
        let open = async || -> anyhow::Result<Records> {
            // What the log has, it is not asked for.
            let archive = match self.log.oldest() {
                Offset(0) => ArchiveReader::default(),
                _ => self.bring::<Archive>(()).await?,
            };
            Ok(Records::new(self.log.clone(), self.lookup()?, archive))
        };
        self.records.get_or_try_init(open).await
    }

    /// The files that were sent; `None` where none ever was.
    pub fn attachments(&self) -> anyhow::Result<Option<AttachmentStore>> {
        let folder = self.data.attachments();
        if !folder.is_dir() {
            return Ok(None);
        }
        Ok(Some(AttachmentStore::open_or_create(&folder, 0)?))
    }

    /// How far each store is: with nobody to feed it, as far as it has committed.
    pub async fn status(&self) -> anyhow::Result<Status> {
        let mut stores = Vec::with_capacity(DERIVED.len());
        for store in &DERIVED {
            let cursor = match self.must_have(store.name, store.folders) {
                Ok(()) => store.committed(&self.data).await,
                Err(missing) => Err(missing),
            };
            stores.push(StoreStatus::in_place(store, &self.data, self.head(), cursor));
        }
        Ok(Status::in_place(&self.log, &self.data, stores))
    }

    fn index_folder(&self) -> anyhow::Result<PathBuf> {
        self.must_have(FullText::NAME, FullText::FOLDERS)?;
        let folder = self.data.root().join(FullText::FOLDERS[0]);
        if index::is_of_earlier_version(&folder)? {
            if self.head() > YOUNG {
                bail!(
                    "the index in `{}` is of an earlier version; `verbatim serve` makes it anew when it starts, `verbatim rebuild index` now",
                    folder.display()
                );
            }
            index::remove_if_earlier(&folder)?;
        }
        index::make_if_missing(&folder)?;
        Ok(folder)
    }

    /// Compares all stores, record by record. The facts are folded again in a folder of the data
    /// directory, which is removed afterwards.
    async fn audit(&self, progress: impl FnMut(Offset)) -> anyhow::Result<Report> {
        let shown = |error: anyhow::Error| format!("{error:#}");
        let end = log_behind(&self.data, self.head()).await.map_or(self.head(), |lost| lost.to);
        let archive = self.bring::<Archive>(()).await.map_err(shown);
        let archive =
            archive.and_then(|reader| reader.snapshot().map_err(|error| error.to_string()));
        let facts = self.bring::<FactStore>(()).await.map_err(shown);
        let (index, lookup) = (self.whole_index().map_err(shown), self.lookup().map_err(shown));
        let ledger = self.ledger().map_err(shown);
        let erasures = self.bring::<ErasureStore>(()).await.map_err(shown);
        let scratch = self.data.root().join(AUDIT_FOLDER);
        let clear = || {
            durable::remove_directory(&scratch)
                .with_context(|| format!("cannot remove `{}`", scratch.display()))
        };
        clear()?;
        let stores = Audited {
            log: &self.log,
            end,
            archive,
            index,
            lookup,
            ledger,
            facts,
            erasures,
            scratch: &scratch,
        };
        let report = audit(stores, progress).await;
        clear()?;
        Ok(report?)
    }

    /// Opens a store and brings it up to the head. What it then holds beyond its cursor is dropped
    /// with its reader.
    async fn bring<S: Store>(&self, options: S::Options) -> anyhow::Result<S::Reader> {
        self.must_have(S::NAME, S::FOLDERS)?;
        let reader = S::Reader::default();
        let mut store = S::open(self.data.root(), &self.log, &options, &reader).await?;
        let mut scan = self.log.scan(store.applied());
        loop {
            let batch = scan.next_batch(BATCH_RECORDS)?;
            if batch.is_empty() {
                return Ok(reader);
            }
            store.apply(batch).await?;
        }
    }

    /// The index, read beside whoever writes it, with the log beyond it.
    fn index(&self) -> anyhow::Result<index::IndexSnapshot> {
        let mut snapshot = index::open_read_only(&self.index_folder()?)?;
        let mut scan = self.log.scan(snapshot.applied());
        loop {
            let batch = scan.next_batch(BATCH_RECORDS)?;
            if batch.is_empty() {
                return Ok(snapshot);
            }
            snapshot = snapshot.with_log_tail(batch)?;
        }
    }

    /// [`InPlace::index`], once every byte of it was read: to open a file that is not what was written
    /// may end in a panic.
    fn whole_index(&self) -> anyhow::Result<index::IndexSnapshot> {
        if let Some(file) = index::damaged_files(&self.index_folder()?)?.first() {
            bail!("`{}` is not what was written", file.display());
        }
        self.index()
    }

    fn lookup(&self) -> anyhow::Result<Lookup> {
        self.must_have(LookupStore::NAME, LookupStore::FOLDERS)?;
        Ok(Lookup::open_to_read(&self.data.lookup(), &self.log)?)
    }

    /// The ledger as far as it has committed: nobody signs what is read in place. `None` where the log
    /// is so young that it may not have begun.
    pub fn ledger(&self) -> anyhow::Result<Option<LedgerReader>> {
        self.must_have(Ledger::NAME, Ledger::FOLDERS)?;
        if !self.data.ledger().is_dir() {
            return Ok(None);
        }
        let reader = LedgerReader::open_read_only(&self.data.ledger(), &self.data.keys())?;
        Ok(Some(reader))
    }

    /// Refuses a store that is not there, unless the log is so young that making it is a moment's
    /// work: a service that was killed in its first second has made some stores only.
    fn must_have(&self, name: &str, folders: &[&str]) -> anyhow::Result<()> {
        let missing = folders.iter().find(|folder| !self.data.root().join(folder).is_dir());
        match missing {
            None => Ok(()),
            Some(_) if self.head() <= YOUNG => Ok(()),
            Some(folder) => bail!(
                "`{}` is missing; `verbatim rebuild {name}` makes it anew",
                self.data.root().join(folder).display()
            ),
        }
    }

    fn standing<R>(&self, reader: R) -> Followed<R> {
        Followed::standing(reader, self.log.clone())
    }
}

/// Compares all stores of a data directory, record by record; `progress` hears the head, then to
/// which offset.
pub async fn audit_data(
    data: DataDir,
    config: Config,
    progress: impl FnMut(Offset, Offset),
) -> anyhow::Result<Report> {
    let opened = match InPlace::open(data, config).await {
        Ok(opened) => opened,
        Err(error) => {
            return match error.downcast_ref::<LogError>() {
                Some(LogError::Damaged { offsets, .. }) => {
                    Ok(Report::of_damaged_log(offsets.clone(), error.to_string()))
                }
                _ => Err(error),
            };
        }
    };
    let (head, mut progress) = (opened.head(), progress);
    opened.audit(|to| progress(head, to)).await
}
