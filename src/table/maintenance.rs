//! Keeps a table in shape beside its commits: one merge at a time in the background, and a vacuum now and then.
//!
//! The owner of the table calls [`Upkeep::after_commit`]; nothing happens behind its back. A merge runs off the async
//! threads while commits go on; its result enters the table at the next call.

use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use super::compaction::{Compacted, StopMerge};
use super::{Table, TableError};
use crate::model::Micros;

/// How often removed files are looked for. Well below the grace period they have to wait for anyway.
const VACUUM_EVERY: Duration = Duration::from_secs(5 * 60);

/// The upkeep of one table. Dropped, it ends the running merge.
#[derive(Debug)]
pub struct Upkeep {
    merge: Option<(JoinHandle<Result<Compacted, TableError>>, StopMerge)>,
    vacuumed_at: Instant,
}

impl Default for Upkeep {
    fn default() -> Upkeep {
        Upkeep { merge: None, vacuumed_at: Instant::now() }
    }
}

impl Upkeep {
    /// Puts a finished merge into the table, starts the next one that is due, and vacuums when it is time.
    pub async fn after_commit(&mut self, table: &mut Table) -> Result<(), TableError> {
        if self.merge.as_ref().is_some_and(|(merge, _)| merge.is_finished()) {
            self.finish_merge(table).await?;
        }
        if self.merge.is_none()
            && let Some(job) = table.compaction_due()
        {
            let stop = job.stop_handle();
            self.merge = Some((tokio::task::spawn_blocking(move || job.run()), stop));
        }
        if self.vacuumed_at.elapsed() >= VACUUM_EVERY {
            self.vacuumed_at = Instant::now();
            table.vacuum(Micros::now()).await?;
        }
        Ok(())
    }

    /// Waits for the running merge, if there is one, and puts it into the table.
    pub async fn finish_merge(&mut self, table: &mut Table) -> Result<(), TableError> {
        let Some((merge, _)) = &mut self.merge else { return Ok(()) };
        // The handle stays in place while this waits, so that being dropped here loses nothing.
        let compacted = merge.await;
        self.merge = None;
        table.replace(compacted.map_err(|source| TableError::Task { source })??).await?;
        Ok(())
    }
}

impl Drop for Upkeep {
    fn drop(&mut self) {
        if let Some((_, stop)) = &self.merge {
            stop.stop();
        }
    }
}
