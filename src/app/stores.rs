//! The one list of stores, each supervised: status, catching up and stopping walk it, and nobody
//! matches on a name. A new store is a folder with an `impl Store` and an [`Stores::add`].

use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use futures::FutureExt;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::DataDir;
use crate::log::{
    self, CommitPolicy, Failure, Followed, Forgot, Forgotten, LogReader, Request, Requests, State,
    Store,
};
use crate::model::{ErrorKind, Kinded, MaintenanceState, Micros, panic_text};

/// First pause after a failure that may go away by itself; doubled with each further one.
const PAUSE_MIN: Duration = Duration::from_secs(1);
/// First pause after damage: a person has to look, and each opening reads much.
const PAUSE_AFTER_DAMAGE: Duration = Duration::from_secs(60);

/// The stores of one data directory.
pub struct Stores {
    dir: DataDir,
    log: LogReader,
    policy: CommitPolicy,
    stop: CancellationToken,
    list: Vec<Running>,
    watched: AllWatched,
}

/// One store and the thread that feeds it.
struct Running {
    watched: Watched,
    thread: JoinHandle<()>,
}

/// What status sees of a store.
#[derive(Clone)]
pub(super) struct Watched {
    pub(super) name: &'static str,
    pub(super) folders: &'static [&'static str],
    state: watch::Receiver<State>,
    maintenance: Arc<dyn Fn() -> MaintenanceState + Send + Sync>,
    asking: mpsc::Sender<Request>,
}

/// Every store, as it is. Whoever trims the log must not miss one.
#[derive(Clone, Default)]
pub(super) struct AllWatched {
    list: Arc<Mutex<Vec<Watched>>>,
}

impl AllWatched {
    pub(super) fn now(&self) -> Vec<Watched> {
        self.list.lock().clone()
    }
}

impl Watched {
    pub(super) fn state(&self) -> State {
        self.state.borrow().clone()
    }

    pub(super) fn maintenance(&self) -> MaintenanceState {
        (self.maintenance)()
    }

    /// Lets the store forget, and gives what it did; `None` where it ended or failed meanwhile.
    pub(super) async fn forget(&self, forgotten: Arc<Forgotten>) -> Option<Forgot> {
        let (answer, answered) = oneshot::channel();
        self.asking.send(Request { forgotten, answer }).await.ok()?;
        answered.await.ok()
    }
}

/// A store that did not catch up.
#[derive(Debug, thiserror::Error)]
#[error("the store `{store}` stands at {applied}, the log at {head}: {reason}", applied = .state.applied)]
pub struct BehindError {
    store: &'static str,
    head: crate::model::Offset,
    state: State,
    reason: String,
}

impl Stores {
    pub fn new(
        dir: DataDir,
        log: LogReader,
        policy: CommitPolicy,
        stop: CancellationToken,
    ) -> Stores {
        Stores { dir, log, policy, stop, list: Vec::new(), watched: AllWatched::default() }
    }

    /// Starts a store on a thread of its own and returns at once: one that cannot open does not
    /// stop the relay.
    pub fn add<S: Store + 'static>(
        &mut self,
        options: S::Options,
    ) -> io::Result<Followed<S::Reader>> {
        let reader = S::Reader::default();
        let (report, state) = watch::channel(State::default());
        // One at a time: whoever asks waits for the answer.
        let (asking, requests) = mpsc::channel(1);
        let supervisor = Supervisor::<S> {
            dir: self.dir.clone(),
            log: self.log.clone(),
            policy: self.policy,
            stop: self.stop.clone(),
            options,
            reader: reader.clone(),
            report,
            requests,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        // Encoding and indexing would hold up connections, and stores each other. The store's
        // futures are made on its thread, so they need not be `Send`.
        let thread = std::thread::Builder::new()
            .name(S::NAME.to_string())
            .spawn(move || runtime.block_on(supervisor.run()))?;
        let maintained = reader.clone();
        let watched = Watched {
            name: S::NAME,
            folders: S::FOLDERS,
            state: state.clone(),
            maintenance: Arc::new(move || S::maintenance(&maintained)),
            asking,
        };
        self.watched.list.lock().push(watched.clone());
        self.list.push(Running { watched, thread });
        Ok(Followed::new(reader, self.log.clone(), state))
    }

    /// What status and trimming look at: every store, those that are added later too.
    pub(super) fn watched(&self) -> AllWatched {
        self.watched.clone()
    }

    /// Waits until every store has applied what is acknowledged now.
    ///
    /// # Errors
    /// The first store that stands still, and why.
    pub async fn catch_up(&self) -> Result<(), BehindError> {
        let head = self.log.head();
        for Running { watched, .. } in &self.list {
            let mut state = watched.state.clone();
            // An error means that its thread has ended: it is then as it is.
            let _ = state.wait_for(|state| state.is_settled(head)).await;
            let state = state.borrow().clone();
            if !state.shows(head) {
                let reason = state.failed.as_ref().map(|failed| failed.text.clone());
                let reason = reason.unwrap_or_else(|| "it stopped".to_string());
                return Err(BehindError { store: watched.name, head, state, reason });
            }
        }
        Ok(())
    }

    /// Waits for every store to commit and end, once `stop` is cancelled. Returns which panicked; a
    /// store that stands still has said so and reads on at the next start.
    pub fn join(mut self) -> Vec<String> {
        self.join_all()
    }

    fn join_all(&mut self) -> Vec<String> {
        let mut failures = Vec::new();
        for Running { watched, thread } in self.list.drain(..) {
            if thread.join().is_err() {
                failures.push(format!("the store `{}` panicked", watched.name));
            }
        }
        failures
    }
}

/// A start that fails half way leaves no store running that writes into its folders.
impl Drop for Stores {
    fn drop(&mut self) {
        if !self.list.is_empty() {
            self.stop.cancel();
            self.join_all();
        }
    }
}

/// Opens a store, feeds it, and after an error opens it again, until it is told to stop.
struct Supervisor<S: Store> {
    dir: DataDir,
    log: LogReader,
    policy: CommitPolicy,
    stop: CancellationToken,
    options: S::Options,
    reader: S::Reader,
    report: watch::Sender<State>,
    requests: Requests,
}

impl<S: Store> Supervisor<S> {
    async fn run(mut self) {
        let mut tries = 0;
        loop {
            let before = self.report.borrow().committed;
            let failure = match self.follow_supervised().await {
                Ok(()) => return,
                Err(failure) => failure,
            };
            let moved_on = self.report.borrow().committed > before;
            tries = if moved_on { 1 } else { tries + 1 };
            let pause = pause_after(failure.kind, tries, S::PAUSE_MAX);
            tracing::error!(
                store = S::NAME,
                error = failure.text,
                tries,
                "a store stands still and is opened again in {} s; the relay goes on",
                pause.as_secs()
            );
            let next_try =
                Micros(Micros::now().0.saturating_add_unsigned(pause.as_micros() as u64));
            self.report.send_modify(|state| {
                state.failed = Some(Failure { tries, next_try, ..failure });
            });
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.stop.cancelled() => return,
            }
        }
    }

    /// As [`Supervisor::follow`]; a panic is a failure like others, and the store is opened again.
    async fn follow_supervised(&mut self) -> Result<(), Failure> {
        // Nothing of the store outlives the panic: it is opened anew from what is on disk.
        let followed = AssertUnwindSafe(self.follow()).catch_unwind().await;
        followed.unwrap_or_else(|panic| {
            let text = format!("it panicked: {}", panic_text(panic));
            Err(Failure { text, kind: ErrorKind::Bug, tries: 0, next_try: Micros(0) })
        })
    }

    /// Opens the store and feeds it until the end, or its first error.
    async fn follow(&mut self) -> Result<(), Failure> {
        let root = self.dir.root();
        let mut store = S::open(root, &self.log, &self.options, &self.reader)
            .await
            .map_err(|error| failure(&error))?;
        let (policy, requests) = (self.policy, &mut self.requests);
        log::follow(&mut store, &self.log, policy, &self.report, requests, &self.stop)
            .await
            .map_err(|error| failure(&error))
    }
}

fn failure(error: &impl Kinded) -> Failure {
    Failure { text: error.to_string(), kind: error.kind(), tries: 0, next_try: Micros(0) }
}

/// How long to wait before a store is opened again.
fn pause_after(kind: ErrorKind, tries: u32, pause_max: Duration) -> Duration {
    let first = match kind {
        ErrorKind::Retry | ErrorKind::Closed | ErrorKind::Conflict => PAUSE_MIN,
        ErrorKind::Corrupt
        | ErrorKind::Bug
        | ErrorKind::NotFound
        | ErrorKind::BadInput
        | ErrorKind::Gone
        | ErrorKind::Denied
        | ErrorKind::Unauthenticated => PAUSE_AFTER_DAMAGE,
    };
    first.saturating_mul(1 << tries.saturating_sub(1).min(16)).min(pause_max)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::log::{Batch, LogError, LogWriter};
    use crate::model::{Offset, testing};

    /// A store whose third commit fails, once.
    struct Failing {
        applied: Offset,
        fault: Fault,
        seen: Seen,
    }

    #[derive(Clone, Copy)]
    enum Fault {
        Error,
        Panic,
    }

    /// What happened to it, over all its openings.
    #[derive(Clone, Default)]
    struct Seen {
        openings: Arc<AtomicU32>,
        commits: Arc<AtomicU32>,
        durable: Arc<parking_lot::Mutex<Vec<Offset>>>,
        pending: Arc<parking_lot::Mutex<Vec<Offset>>>,
    }

    impl Store for Failing {
        const NAME: &'static str = "failing";
        const FOLDERS: &'static [&'static str] = &["failing"];
        type Error = LogError;
        type Options = Fault;
        type Reader = Seen;

        async fn open(
            _root: &Path,
            _log: &LogReader,
            fault: &Fault,
            reader: &Seen,
        ) -> Result<Failing, LogError> {
            reader.openings.fetch_add(1, Ordering::SeqCst);
            reader.pending.lock().clear();
            let applied = reader.durable.lock().last().map_or(Offset(0), |last| last.next());
            Ok(Failing { applied, fault: *fault, seen: reader.clone() })
        }

        async fn committed(_root: &Path) -> Result<Offset, LogError> {
            Ok(Offset(0))
        }

        fn applied(&self) -> Offset {
            self.applied
        }

        async fn apply(&mut self, batch: Batch) -> Result<(), LogError> {
            self.applied = batch.end();
            self.seen.pending.lock().extend(batch.records().iter().map(|record| record.offset));
            Ok(())
        }

        async fn commit(&mut self) -> Result<Offset, LogError> {
            if self.seen.commits.fetch_add(1, Ordering::SeqCst) == 2 {
                if matches!(self.fault, Fault::Panic) {
                    panic!("beyond the end");
                }
                let source = io::Error::other("no space");
                return Err(LogError::Read { path: "x".into(), position: 0, source });
            }
            self.seen.durable.lock().append(&mut self.seen.pending.lock());
            Ok(self.applied)
        }

        async fn forget(&mut self, _: &Forgotten) -> Result<Forgot, LogError> {
            Ok(Forgot::All)
        }
    }

    fn append(writer: &mut LogWriter, offset: u64) {
        let event =
            r#"{"id":"m","conversation":"c","kind":"open","sender":{"id":"u","role":"system"}}"#;
        writer.append(Arc::new(testing::record(offset, event))).unwrap();
        writer.commit().unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_store_that_fails_is_opened_again_and_misses_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let (mut writer, log, _) = log::open(&dir.path().join("log")).unwrap();
        let policy = CommitPolicy {
            records_max: 1,
            bytes_max: usize::MAX,
            interval: Duration::from_secs(3_600),
        };
        let stop = CancellationToken::new();
        let mut stores = Stores::new(DataDir::new(dir.path()), log, policy, stop.clone());
        let followed = stores.add::<Failing>(Fault::Error).unwrap();
        for offset in 0..2 {
            append(&mut writer, offset);
            stores.catch_up().await.unwrap();
        }
        append(&mut writer, 2);
        let mut state = stores.list[0].watched.state.clone();
        let failed = state.wait_for(|state| state.failed.is_some()).await.unwrap().clone();
        let failed = failed.failed.unwrap();
        assert!(failed.text.contains("no space") && failed.tries == 1, "{failed:?}");
        assert!(failed.next_try > Micros::now(), "{failed:?}");
        // It heals by itself, and what the failed commit held is read again.
        let healed = |state: &State| state.failed.is_none() && state.committed == Offset(3);
        state.wait_for(healed).await.unwrap();
        stop.cancel();
        assert_eq!(stores.join(), Vec::<String>::new());
        let seen = followed.caught_up().await;
        assert_eq!(*seen.durable.lock(), [Offset(0), Offset(1), Offset(2)]);
        assert_eq!(seen.openings.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_store_that_panics_stands_still_and_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let (mut writer, log, _) = log::open(&dir.path().join("log")).unwrap();
        let policy = CommitPolicy {
            records_max: 1,
            bytes_max: usize::MAX,
            interval: Duration::from_secs(3_600),
        };
        let stop = CancellationToken::new();
        let mut stores = Stores::new(DataDir::new(dir.path()), log, policy, stop.clone());
        stores.add::<Failing>(Fault::Panic).unwrap();
        let mut state = stores.list[0].watched.state.clone();
        for offset in 0..3 {
            append(&mut writer, offset);
            state
                .wait_for(|state| state.committed == Offset(offset + 1) || state.failed.is_some())
                .await
                .unwrap();
        }
        append(&mut writer, 3);
        let behind = stores.catch_up().await.unwrap_err().to_string();
        assert!(behind.contains("failing") && behind.contains("beyond the end"), "{behind}");
        stop.cancel();
        assert_eq!(stores.join(), Vec::<String>::new(), "it waited to be opened again");
    }

    #[test]
    fn pauses_grow_to_a_bound() {
        let pause = |kind, tries| pause_after(kind, tries, Failing::PAUSE_MAX);
        assert_eq!(pause(ErrorKind::Retry, 1), Duration::from_secs(1));
        assert_eq!(pause(ErrorKind::Retry, 4), Duration::from_secs(8));
        assert_eq!(pause(ErrorKind::Retry, 4_000), Failing::PAUSE_MAX);
        assert_eq!(pause(ErrorKind::Corrupt, 1), PAUSE_AFTER_DAMAGE);
    }
}
