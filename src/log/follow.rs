//! The one catch-up loop. A follower is a [`Sink`] with a cursor of its own; the loop feeds it records in offset
//! order and tells it when to commit.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{LogCursor, LogError, LogReader};
use crate::model::{Offset, Record};

/// Most records handed to a sink at once: × about 1 KiB = 4 MiB.
const BATCH_RECORDS: usize = 4_096;

/// A store derived from the log.
///
/// `apply` takes records into memory, where questions can see them at once; `commit` makes data **and** cursor
/// durable in one atomic step. A sink is never handed an offset twice in one run, and after a restart only those from
/// its committed cursor on.
pub trait Sink {
    type Error: std::error::Error + Send + Sync + 'static;

    /// First offset not yet applied.
    fn position(&self) -> Offset;

    /// Takes the next records, which begin at [`Sink::position`].
    fn apply(
        &mut self,
        records: Vec<Arc<Record>>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Makes everything applied durable, with the cursor; returns the cursor.
    fn commit(&mut self) -> impl Future<Output = Result<Offset, Self::Error>> + Send;
}

/// When a follower commits: as soon as either bound is reached.
#[derive(Clone, Copy, Debug)]
pub struct CommitPolicy {
    /// Applied but not yet committed records, which bounds memory.
    pub records_max: u64,
    /// Age of the oldest record not yet committed.
    pub interval: Duration,
}

/// How far a follower is. Its cursor is `committed`; `applied` is what questions can see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub applied: Offset,
    pub committed: Offset,
}

/// Longest a question waits for the stores to have what was acknowledged when it was asked.
const FRESHNESS_WAIT_MAX: Duration = Duration::from_secs(2);

/// Lets a question wait until some followers have applied everything acknowledged so far, so that whoever was just
/// told "kept" finds it. Cheap to clone.
#[derive(Clone)]
pub struct Freshness {
    log: LogReader,
    followers: Vec<watch::Receiver<Progress>>,
}

impl Freshness {
    pub fn new(log: LogReader, followers: Vec<watch::Receiver<Progress>>) -> Freshness {
        Freshness { log, followers }
    }

    /// Waits at most [`FRESHNESS_WAIT_MAX`]. A follower that is down or behind is not an error: the answer names the
    /// offset it is complete to.
    pub async fn wait(&self) {
        let head = self.log.head();
        let all_there = async {
            for follower in &self.followers {
                let mut progress = follower.clone();
                if progress.wait_for(|progress| progress.applied >= head).await.is_err() {
                    return;
                }
            }
        };
        // Running out of time is as good as an answer; see above.
        let _ = tokio::time::timeout(FRESHNESS_WAIT_MAX, all_there).await;
    }
}

#[derive(Debug, thiserror::Error)]
pub enum FollowError<E: std::error::Error + 'static> {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Sink(E),
}

/// Feeds `sink` from `cursor` until `stop`, then commits once more. The cursor must stand at the sink's position.
/// Returns early, without error, when the log's writer is gone and everything has been committed.
pub async fn follow<S: Sink>(
    mut cursor: LogCursor,
    sink: &mut S,
    policy: CommitPolicy,
    progress: &watch::Sender<Progress>,
    stop: &CancellationToken,
) -> Result<(), FollowError<S::Error>> {
    assert_eq!(cursor.position(), sink.position(), "a follower starts at its cursor");
    let mut committed = sink.position();
    let mut oldest_uncommitted = Instant::now();
    progress.send_replace(Progress { applied: committed, committed });
    loop {
        let stopping = stop.is_cancelled();
        let batch = if stopping { Vec::new() } else { cursor.next_batch(BATCH_RECORDS)? };
        let caught_up = batch.is_empty();
        if !caught_up {
            if sink.position() == committed {
                oldest_uncommitted = Instant::now();
            }
            sink.apply(batch).await.map_err(FollowError::Sink)?;
            progress.send_replace(Progress { applied: sink.position(), committed });
        }
        let uncommitted = sink.position().since(committed);
        let is_due =
            uncommitted >= policy.records_max || oldest_uncommitted.elapsed() >= policy.interval;
        if uncommitted > 0 && (is_due || stopping) {
            committed = sink.commit().await.map_err(FollowError::Sink)?;
            progress.send_replace(Progress { applied: sink.position(), committed });
        }
        if stopping {
            return Ok(());
        }
        if caught_up {
            let due_in = match sink.position() > committed {
                true => policy.interval.saturating_sub(oldest_uncommitted.elapsed()),
                false => Duration::MAX,
            };
            let position = sink.position();
            // Every branch only waits: dropping it loses nothing.
            let writer_is_gone = tokio::select! {
                more = cursor.reader().wait_beyond(position) => !more,
                () = tokio::time::sleep(due_in) => false,
                () = stop.cancelled() => false,
            };
            if writer_is_gone {
                if sink.position() > committed {
                    committed = sink.commit().await.map_err(FollowError::Sink)?;
                    progress.send_replace(Progress { applied: sink.position(), committed });
                }
                return Ok(());
            }
        }
    }
}
