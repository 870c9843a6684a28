//! Wiring: from a data directory and a configuration to running tasks and the handles through which questions are
//! asked. Start: own the directory, recover the log, catch the lookup up, open the stores, start the appender and one
//! thread per follower. Stop: the other way round.

mod config;
mod config_file;
mod data_dir;

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::access::Tokens;
use crate::archive::EventsSink;
use crate::facts::{FactsSink, FoldConfig};
use crate::index;
use crate::log::{self, CommitPolicy, Freshness, LogReader, Progress, Recovered, Sink};
use crate::model::Offset;
use crate::records::Records;
use crate::relay::{self, AttachmentStore, Hub, Lookup, Relay};
use crate::search::Search;
use crate::sql::Sql;

pub use config::Config;
pub use config_file::{ConfigError, ConfigFile};
pub use data_dir::{DataDir, DataDirError, Owner, OwnerLock};

/// Applied records that wait for a commit at most: × about 1 KiB × three followers = 200 MiB.
const UNCOMMITTED_RECORDS_MAX: u64 = 65_536;

/// A running verbatim over one data directory.
pub struct App {
    pub config: Config,
    pub data: DataDir,
    pub relay: Relay,
    pub log: LogReader,
    pub records: Records,
    pub attachments: AttachmentStore,
    pub tokens: Arc<Tokens>,
    pub sql: Sql,
    pub search: Search,
    pub recovered: Recovered,
    followers: Vec<Follower>,
    appender: JoinHandle<()>,
    stop: CancellationToken,
    lock: OwnerLock,
}

/// One follower's thread, and how far it is.
struct Follower {
    name: &'static str,
    progress: watch::Receiver<Progress>,
    failed: Arc<Mutex<Option<String>>>,
    thread: JoinHandle<()>,
}

/// How far each store is. What `verbatim status` and `GET /v1/status` show.
#[derive(Clone, Debug, Serialize, serde::Deserialize)]
pub struct Status {
    /// First offset not yet durable in the log.
    pub head: Offset,
    pub stores: Vec<StoreStatus>,
}

#[derive(Clone, Debug, Serialize, serde::Deserialize)]
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

impl App {
    /// Starts everything over `data`, which is made where it does not exist.
    pub async fn start(data: DataDir, config: Config) -> anyhow::Result<App> {
        let lock = data.own(None)?;
        let (writer, log, recovered) = log::open(&data.log())?;
        if recovered.torn_tail_cut {
            tracing::warn!(
                head = recovered.head.0,
                "an unfinished write was cut off the log's end; it was never acknowledged"
            );
        }
        let lookup = Lookup::open(&data.lookup(), &log)?;
        let events = EventsSink::open(&data.archive()).await?;
        let fold = FoldConfig { idle: Duration::from_hours(config.idle_hours.into()) };
        let facts = FactsSink::open(&data.archive(), &data.facts(), &log, fold).await?;
        let (index, index_handle) = index::open(&data.index())?;
        let (archive_handle, facts_handle) = (events.handle(), facts.handle());

        let stop = CancellationToken::new();
        let policy = CommitPolicy {
            records_max: UNCOMMITTED_RECORDS_MAX,
            interval: config.commit_interval(),
        };
        let followers = vec![
            Follower::start("archive", events, &log, policy, &stop)?,
            Follower::start("facts", facts, &log, policy, &stop)?,
            Follower::start("index", index, &log, policy, &stop)?,
        ];
        let freshness = |names: &[&str]| {
            let wanted = followers.iter().filter(|follower| names.contains(&follower.name));
            Freshness::new(log.clone(), wanted.map(|follower| follower.progress.clone()).collect())
        };
        let sql = Sql::new(
            freshness(&["archive", "facts"]),
            archive_handle,
            facts_handle,
            data.queries(),
            config.zone,
        )?;
        let search = Search::new(freshness(&["index"]), index_handle);

        let hub = Hub::default();
        let (append, appender) =
            relay::spawn_appender(writer, &log, lookup.clone(), hub.clone(), stop.clone())?;
        Ok(App {
            relay: Relay::new(append, lookup.clone(), hub),
            records: Records::new(log.clone(), lookup),
            attachments: AttachmentStore::new(data.attachments()),
            tokens: Arc::new(Tokens::open_or_create(&data.keys())?),
            config,
            data,
            log,
            sql,
            search,
            recovered,
            followers,
            appender,
            stop,
            lock,
        })
    }

    /// Writes down where this process can be asked, for other processes that find the directory owned.
    pub fn announce(&mut self, url: String) -> std::io::Result<()> {
        self.lock.announce(Some(url))
    }

    /// Cancelled when the service is to stop.
    pub fn stop_token(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Waits until every store has applied what is acknowledged now. Fails when one cannot.
    pub async fn catch_up(&self) -> anyhow::Result<()> {
        let head = self.log.head();
        for follower in &self.followers {
            let mut progress = follower.progress.clone();
            if progress.wait_for(|progress| progress.applied >= head).await.is_err() {
                let reason = follower.failed().unwrap_or_else(|| "it stopped".to_string());
                anyhow::bail!(
                    "the {} stands at {}, the log at {head}: {reason}",
                    follower.name,
                    progress.borrow().applied
                );
            }
        }
        Ok(())
    }

    /// How far each store is.
    pub fn status(&self) -> Status {
        self.status_reader().read()
    }

    /// A handle that reads the status after `self` has moved elsewhere.
    pub fn status_reader(&self) -> StatusReader {
        StatusReader {
            log: self.log.clone(),
            data: self.data.clone(),
            followers: self
                .followers
                .iter()
                .map(|follower| (follower.name, follower.progress.clone(), follower.failed.clone()))
                .collect(),
        }
    }

    /// Stops: no more events, then each follower commits what it has, then the directory is given back.
    pub fn stop(self) -> anyhow::Result<()> {
        let App { relay, followers, appender, stop, lock, .. } = self;
        stop.cancel();
        drop(relay);
        let mut failures = Vec::new();
        for follower in followers {
            let failed = follower.failed.clone();
            if follower.thread.join().is_err() {
                failures.push(format!("the {} panicked", follower.name));
            }
            let reason = failed.lock().unwrap_or_else(PoisonError::into_inner).clone();
            failures.extend(reason.map(|reason| format!("the {}: {reason}", follower.name)));
        }
        if appender.join().is_err() {
            failures.push("the appender panicked".to_string());
        }
        drop(lock);
        if failures.is_empty() { Ok(()) } else { anyhow::bail!(failures.join("; ")) }
    }
}

impl Follower {
    /// Runs `sink` on a thread of its own: encoding and indexing would hold up connections, and they each other.
    fn start<S: Sink + Send + 'static>(
        name: &'static str,
        mut sink: S,
        log: &LogReader,
        policy: CommitPolicy,
        stop: &CancellationToken,
    ) -> anyhow::Result<Follower> {
        let position = sink.position();
        let (progress, seen) = watch::channel(Progress { applied: position, committed: position });
        let failed = Arc::new(Mutex::new(None));
        if position > log.head() {
            anyhow::bail!(
                "the {name} stands at {position}, beyond the log's head {}: the log was cut, or belongs to another",
                log.head()
            );
        }
        let (cursor, stop, failure) = (log.cursor(position), stop.clone(), failed.clone());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new().name(name.to_string()).spawn(move || {
            let followed = runtime.block_on(log::follow(cursor, &mut sink, policy, &progress, &stop));
            if let Err(error) = followed {
                tracing::error!(follower = name, %error, "a follower stopped; the relay goes on, what this store answers stands still");
                *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
            }
        })?;
        Ok(Follower { name, progress: seen, failed, thread })
    }

    fn failed(&self) -> Option<String> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

type FollowerState = (&'static str, watch::Receiver<Progress>, Arc<Mutex<Option<String>>>);

/// Reads how far each store is. Cheap to clone.
#[derive(Clone)]
pub struct StatusReader {
    log: LogReader,
    data: DataDir,
    followers: Vec<FollowerState>,
}

impl StatusReader {
    pub fn read(&self) -> Status {
        let head = self.log.head();
        let mut stores = vec![StoreStatus {
            name: "log".to_string(),
            cursor: head,
            applied: head,
            lag: 0,
            bytes: bytes_under(&self.data.log()),
            failed: None,
        }];
        for (name, progress, failed) in &self.followers {
            let Progress { applied, committed } = *progress.borrow();
            let folders = match *name {
                "archive" => vec![self.data.archive().join("events")],
                "facts" => {
                    vec![
                        self.data.archive().join("turns"),
                        self.data.archive().join("episodes"),
                        self.data.facts(),
                    ]
                }
                _ => vec![self.data.index()],
            };
            stores.push(StoreStatus {
                name: name.to_string(),
                cursor: committed,
                applied,
                lag: head.since(applied),
                bytes: folders.iter().map(|folder| bytes_under(folder)).sum(),
                failed: failed.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            });
        }
        Status { head, stores }
    }
}

/// Bytes allocated to the files under a folder; files that vanish while it looks count nothing.
fn bytes_under(folder: &std::path::Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let Ok(listing) = std::fs::read_dir(folder) else { return 0 };
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
