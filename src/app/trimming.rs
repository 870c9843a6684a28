//! Removes old parts of the log: what every store has committed, what is old
//! enough, and what the archive was just read to have. From then on the archive alone holds it.
//!
//! A failure is told and changes nothing: the log stays longer.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::background::{Background, Trouble};
use super::stores::AllWatched;
use crate::archive::ArchiveReader;
use crate::log::{LogReader, Trimmer};
use crate::model::{Micros, Offset};

/// How often is looked, at most: a look without work reads a few numbers.
const LOOK_EVERY_MAX: Duration = Duration::from_secs(10 * 60);
const LOOK_EVERY_MIN: Duration = Duration::from_secs(1);
/// Records compared at once: × offset, leaf and salt = 64 MiB.
const WINDOW_RECORDS: u64 = 1_048_576;

/// What trimming needs to know.
#[derive(Clone)]
pub(super) struct Trimming {
    pub(super) trimmer: Trimmer,
    pub(super) log: LogReader,
    pub(super) archive: ArchiveReader,
    pub(super) stores: AllWatched,
    /// How long a record stays in the log at least.
    pub(super) keep: Duration,
}

impl Trimming {
    pub(super) fn start(self, stop: CancellationToken) -> io::Result<Background> {
        let (trimming, told) = (Arc::new(self), stop.clone());
        let looking = move |trouble| trimming.clone().look_on(trouble, told.clone());
        Background::start("trimming", stop, looking)
    }

    /// Looks now and then until `stop`.
    async fn look_on(self: Arc<Trimming>, trouble: Trouble, stop: CancellationToken) {
        let every = (self.keep / 100).clamp(LOOK_EVERY_MIN, LOOK_EVERY_MAX);
        let mut verified = self.log.oldest();
        loop {
            tokio::select! {
                () = tokio::time::sleep(every) => {}
                () = stop.cancelled() => return,
            }
            let failed = self.look(&mut verified).err();
            if let Some(error) = &failed {
                tracing::warn!(%error, "the log stays as long as it is");
            }
            trouble.set(failed.map(|error| format!("the log stays as long as it is: {error:#}")));
        }
    }

    /// Lets go of the sealed segments that hold only records below `below`, however young, as far as
    /// every store has committed them and the archive was just read to have them. Returns where the
    /// log begins.
    pub(super) fn let_go(&self, below: Offset) -> anyhow::Result<Offset> {
        let (at_once, whenever) = (Duration::ZERO, Micros(i64::MAX));
        let below = below.min(self.committed());
        let end = self.trimmer.trimmable(below, at_once, whenever)?;
        let mut verified = self.log.oldest();
        while verified < end {
            let to = (verified + WINDOW_RECORDS).min(end);
            self.verify(verified..to)?;
            verified = to;
        }
        Ok(self.trimmer.trim(end, at_once, whenever)?)
    }

    fn look(&self, verified: &mut Offset) -> anyhow::Result<()> {
        let end = self.trimmer.trimmable(self.committed(), self.keep, Micros::now())?;
        // An erasure may have let go of more.
        *verified = self.log.oldest().max(*verified);
        while *verified < end {
            let to = (*verified + WINDOW_RECORDS).min(end);
            self.verify(*verified..to)?;
            *verified = to;
        }
        if end > self.log.oldest() {
            let oldest = self.trimmer.trim(end, self.keep, Micros::now())?;
            tracing::info!(oldest = oldest.0, "what the archive holds was removed from the log");
        }
        Ok(())
    }

    /// All offsets below it are committed in every store. The newest record stays in the log,
    /// whatever its age: the next one continues from it.
    fn committed(&self) -> Offset {
        let stores = self.stores.now();
        let last = Offset(self.log.head().0.saturating_sub(1));
        stores.iter().map(|store| store.state().committed).fold(last, Offset::min)
    }

    /// Fails unless the archive's files hold each record of `range` once, with the same receipt and
    /// salt, and are to the last bit as they were written.
    fn verify(&self, range: Range<Offset>) -> anyhow::Result<()> {
        let snapshot = self.archive.snapshot()?;
        snapshot.verify_files(&range)?;
        let archived = snapshot.receipts_of_range(range.clone())?;
        let mut archived = archived.into_iter();
        let mut scan = self.log.scan(range.start);
        let mut offset = range.start;
        while offset < range.end {
            let count = usize::try_from(range.end.since(offset)).unwrap_or(usize::MAX);
            let batch = scan.next_batch(count)?;
            anyhow::ensure!(!batch.is_empty(), "the log ends at {offset}, before {}", range.end);
            for record in batch.records() {
                let kept = (record.offset, record.leaf, record.salt);
                let row = archived.next();
                anyhow::ensure!(
                    row == Some(kept),
                    "the archive does not hold the record at offset {} as the log does; `verbatim audit` says more",
                    record.offset
                );
            }
            offset = batch.end();
        }
        anyhow::ensure!(
            archived.next().is_none(),
            "the archive holds a record below {offset} twice"
        );
        Ok(())
    }
}
