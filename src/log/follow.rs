//! The one catch-up loop: feeds a store records in offset order and tells it when to commit.

use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::forgotten::{Request, Requests};
use super::state::State;
use super::store::Store;
use super::{Batch, LogError, LogScan};
use crate::model::{ErrorKind, Kinded, Offset};

/// Most records handed to a store at once; a scan bounds their bytes.
const BATCH_RECORDS: usize = 4_096;

/// How long a store that has everything lets records gather: each sync would wake every store, and
/// small syncs come thousands of times a second. Questions wait for it, acks and listeners never.
const GATHER_TIME: Duration = Duration::from_millis(5);

/// How often, and how long, a store waits for the archive to open, which has what was trimmed: half
/// a minute.
const HISTORY_TRIES: u32 = 300;
const HISTORY_RETRY: Duration = Duration::from_millis(100);

/// When a store commits: as soon as one of the bounds is reached.
#[derive(Clone, Copy, Debug)]
pub struct CommitPolicy {
    /// Applied but not yet committed records.
    pub records_max: u64,
    /// Their size in memory. A commit holds at most one batch more, so no column of it comes near
    /// the 2 GiB that Arrow's offsets reach.
    pub bytes_max: usize,
    /// Age of the oldest record not yet committed.
    pub interval: Duration,
}

impl CommitPolicy {
    /// How long until a commit is due for so many uncommitted records of so many bytes, of which
    /// the oldest is `age` old; `None` when there is nothing to commit.
    fn due_in(&self, records: u64, bytes: usize, age: Duration) -> Option<Duration> {
        if records == 0 {
            return None;
        }
        if records >= self.records_max || bytes >= self.bytes_max {
            return Some(Duration::ZERO);
        }
        Some(self.interval.saturating_sub(age))
    }
}

#[derive(Debug, thiserror::Error)]
pub enum FollowError<E: std::error::Error + 'static> {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Store(E),
    #[error(
        "it stands at {applied}, beyond the log's head {head}: the log was cut, or belongs to another"
    )]
    BeyondLog { applied: Offset, head: Offset },
}

impl<E: Kinded> Kinded for FollowError<E> {
    fn kind(&self) -> ErrorKind {
        match self {
            FollowError::Log(error) => error.kind(),
            FollowError::Store(error) => error.kind(),
            FollowError::BeyondLog { .. } => ErrorKind::Corrupt,
        }
    }
}

/// Feeds `store` from where it stands until `stop`, then commits once more. Returns early, without
/// error, when the log's writer is gone and everything has been committed.
///
/// # Errors
/// The first error of log or store; what was applied since the last commit is then to be read
/// again.
pub async fn follow<S: Store>(
    store: &mut S,
    log: &super::LogReader,
    policy: CommitPolicy,
    report: &watch::Sender<State>,
    requests: &mut Requests,
    stop: &CancellationToken,
) -> Result<(), FollowError<S::Error>> {
    let (applied, head) = (store.applied(), log.head());
    if applied > head {
        return Err(FollowError::BeyondLog { applied, head });
    }
    report.send_replace(State { is_open: true, applied, committed: applied, failed: None });
    let scan = log.scan(applied);
    let mut follower = Follower {
        store,
        scan,
        policy,
        report,
        committed: applied,
        uncommitted_bytes: 0,
        uncommitted_since: None,
        history_tries: 0,
        is_ending: false,
    };
    loop {
        match follower.next(requests, stop).await? {
            Next::Apply(batch) => follower.apply(batch).await?,
            Next::Commit => follower.commit().await?,
            Next::Forget(request) => follower.forget(request).await?,
            Next::End => return follower.commit().await,
        }
    }
}

struct Follower<'a, S> {
    store: &'a mut S,
    scan: LogScan,
    policy: CommitPolicy,
    report: &'a watch::Sender<State>,
    committed: Offset,
    uncommitted_bytes: usize,
    /// When the oldest record not yet committed was applied.
    uncommitted_since: Option<Instant>,
    /// How often it has waited for the archive.
    history_tries: u32,
    /// It has read its last batch.
    is_ending: bool,
}

enum Next {
    Apply(Batch),
    Commit,
    Forget(Request),
    End,
}

impl<S: Store> Follower<'_, S> {
    /// What is to be done now, after waiting until something is.
    async fn next(
        &mut self,
        requests: &mut Requests,
        stop: &CancellationToken,
    ) -> Result<Next, LogError> {
        loop {
            if stop.is_cancelled() {
                return self.last();
            }
            if let Ok(request) = requests.try_recv() {
                return Ok(Next::Forget(request));
            }
            let age = self.uncommitted_since.map_or(Duration::ZERO, |since| since.elapsed());
            let uncommitted = self.store.applied().since(self.committed);
            let due_in = self.policy.due_in(uncommitted, self.uncommitted_bytes, age);
            if due_in == Some(Duration::ZERO) {
                return Ok(Next::Commit);
            }
            let batch = match self.scan.next_batch(BATCH_RECORDS) {
                // All stores open at once, and one may need another, the archive.
                Err(LogError::History { kind: ErrorKind::Retry, .. })
                    if self.history_tries < HISTORY_TRIES =>
                {
                    self.history_tries += 1;
                    tokio::select! {
                        () = tokio::time::sleep(HISTORY_RETRY) => {}
                        () = stop.cancelled() => {}
                    }
                    continue;
                }
                batch => batch?,
            };
            if !batch.is_empty() {
                return Ok(Next::Apply(batch));
            }
            // Every branch only waits: dropping it loses nothing.
            tokio::select! {
                more = gathered(&mut self.scan) => if !more { return Ok(Next::End) },
                // Nobody will ask any more where there is none.
                Some(request) = requests.recv() => return Ok(Next::Forget(request)),
                () = tokio::time::sleep(due_in.unwrap_or(Duration::MAX)) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// What is to be done at a stop: the records that gathered meanwhile are one more batch.
    fn last(&mut self) -> Result<Next, LogError> {
        if std::mem::replace(&mut self.is_ending, true) {
            return Ok(Next::End);
        }
        let batch = self.scan.next_batch(BATCH_RECORDS)?;
        Ok(if batch.is_empty() { Next::End } else { Next::Apply(batch) })
    }

    async fn apply(&mut self, batch: Batch) -> Result<(), FollowError<S::Error>> {
        self.uncommitted_since.get_or_insert_with(Instant::now);
        self.uncommitted_bytes += batch.bytes();
        self.store.apply(batch).await.map_err(FollowError::Store)?;
        let applied = self.store.applied();
        self.report.send_modify(|state| state.applied = applied);
        Ok(())
    }

    async fn forget(&mut self, request: Request) -> Result<(), FollowError<S::Error>> {
        self.commit().await?;
        let forgot = self.store.forget(&request.forgotten).await.map_err(FollowError::Store)?;
        // Whoever asked may be gone, and asks again.
        let _ = request.answer.send(forgot);
        Ok(())
    }

    async fn commit(&mut self) -> Result<(), FollowError<S::Error>> {
        if self.store.applied() == self.committed {
            return Ok(());
        }
        let committed = self.store.commit().await.map_err(FollowError::Store)?;
        self.committed = committed;
        self.uncommitted_bytes = 0;
        self.uncommitted_since = None;
        self.report.send_modify(|state| state.committed = committed);
        Ok(())
    }
}

/// Waits until there are records, and a little longer for their neighbours. False when no more will
/// come.
async fn gathered(scan: &mut LogScan) -> bool {
    let more = scan.wait_for_more().await;
    if more {
        tokio::time::sleep(GATHER_TIME).await;
    }
    more
}

#[cfg(test)]
mod tests {
    use std::ops::Range;
    use std::path::Path;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::log::folder::LogFolder;
    use crate::log::recent::Recent;
    use crate::log::segments::Segments;
    use crate::log::{Forgot, Forgotten, History, LogReader};
    use crate::model::{Record, testing};

    const EVENT: &str =
        r#"{"id":"m","conversation":"c","kind":"open","sender":{"id":"u","role":"system"}}"#;

    /// What was trimmed, in an archive that opens after some tries.
    struct OpensLater {
        tries: AtomicU32,
        opens_after: u32,
        kind: ErrorKind,
    }

    impl History for OpensLater {
        fn read(&self, range: Range<Offset>) -> Result<Vec<Record>, LogError> {
            if self.tries.fetch_add(1, Ordering::SeqCst) < self.opens_after {
                let shown = "not open yet".to_string();
                return Err(LogError::History { range, kind: self.kind, shown });
            }
            Ok((range.start.0..range.end.0).map(|offset| testing::record(offset, EVENT)).collect())
        }
    }

    /// A store that keeps nothing but its cursor.
    struct Cursor(Offset);

    impl Store for Cursor {
        const NAME: &'static str = "cursor";
        const FOLDERS: &'static [&'static str] = &[];
        type Error = LogError;
        type Options = ();
        type Reader = ();

        async fn open(_: &Path, _: &LogReader, (): &(), (): &()) -> Result<Cursor, LogError> {
            Ok(Cursor(Offset(0)))
        }

        async fn committed(_: &Path) -> Result<Offset, LogError> {
            Ok(Offset(0))
        }

        fn applied(&self) -> Offset {
            self.0
        }

        async fn apply(&mut self, batch: Batch) -> Result<(), LogError> {
            self.0 = batch.end();
            Ok(())
        }

        async fn commit(&mut self) -> Result<Offset, LogError> {
            Ok(self.0)
        }

        async fn forget(&mut self, _: &Forgotten) -> Result<Forgot, LogError> {
            Ok(Forgot::All)
        }
    }

    /// Where a store stands that follows a log of five trimmed records to its end.
    async fn followed(opens_after: u32, kind: ErrorKind) -> Result<Offset, FollowError<LogError>> {
        let dir = tempfile::tempdir().unwrap();
        let (end, head) = watch::channel(Offset(5));
        let folder = LogFolder::new(dir.path());
        let segments = Segments::new(folder, Offset(5), Vec::new(), Vec::new(), None);
        let log = LogReader::new(Arc::new(segments), head, Recent::default());
        log.set_history(Arc::new(OpensLater { tries: AtomicU32::new(0), opens_after, kind }));
        drop(end);
        let policy = CommitPolicy {
            records_max: 9,
            bytes_max: usize::MAX,
            interval: Duration::from_secs(9),
        };
        let (report, _) = watch::channel(State::default());
        let mut store = Cursor(Offset(0));
        let (_asking, mut asked) = tokio::sync::mpsc::channel(1);
        follow(&mut store, &log, policy, &report, &mut asked, &CancellationToken::new()).await?;
        Ok(store.applied())
    }

    #[tokio::test]
    async fn a_store_waits_for_an_archive_that_is_still_opening() {
        assert_eq!(followed(3, ErrorKind::Retry).await.unwrap(), Offset(5));
    }

    #[tokio::test]
    async fn a_store_does_not_wait_for_a_damaged_archive() {
        let error = followed(1, ErrorKind::Corrupt).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
    }

    #[test]
    fn a_commit_is_due_by_count_by_bytes_or_by_age() {
        let interval = Duration::from_secs(2);
        let policy = CommitPolicy { records_max: 10, bytes_max: 1_000, interval };
        let due_in =
            |records, bytes, age_ms| policy.due_in(records, bytes, Duration::from_millis(age_ms));
        assert_eq!(due_in(0, 0, 60_000), None);
        assert_eq!(due_in(1, 999, 500), Some(Duration::from_millis(1_500)));
        assert_eq!(due_in(9, 999, 2_000), Some(Duration::ZERO));
        assert_eq!(due_in(9, 999, 60_000), Some(Duration::ZERO));
        assert_eq!(due_in(10, 0, 0), Some(Duration::ZERO));
        assert_eq!(due_in(1, 1_000, 0), Some(Duration::ZERO));
    }
}
