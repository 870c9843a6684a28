//! Keeps a table in shape beside its commits: one compaction at a time in the background, and a
//! vacuum now and then.
//!
//! The owner of the table calls [`Maintenance::after_commit`]; nothing happens behind its back. A
//! compaction runs off the async threads while commits go on; its result enters the table at the
//! next call.

use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::compaction::{Compacted, Compaction};
use super::{Table, TableError};
use crate::model::Micros;

/// How often removed files are looked for. Well below the grace period they have to wait for
/// anyway.
const VACUUM_EVERY: Duration = Duration::from_secs(5 * 60);

/// The maintenance of one table. Dropped, it ends the running compaction.
#[derive(Debug)]
pub struct Maintenance {
    compaction: Option<Running>,
    vacuumed_at: Instant,
}

/// A compaction in the background.
#[derive(Debug)]
struct Running {
    task: JoinHandle<Result<Compacted, TableError>>,
    /// Stops the task when it is dropped.
    _stop: DropGuard,
}

impl Default for Maintenance {
    fn default() -> Maintenance {
        Maintenance { compaction: None, vacuumed_at: Instant::now() }
    }
}

impl Maintenance {
    /// Puts a finished compaction into the table, starts the next one that is due, and vacuums when
    /// it is time.
    pub async fn after_commit(&mut self, table: &mut Table) -> Result<(), TableError> {
        if self.compaction.as_ref().is_some_and(|running| running.task.is_finished()) {
            self.finish_compaction(table).await?;
        }
        if self.compaction.is_none() {
            self.compaction = table.compaction_due().map(Running::start);
        }
        if self.vacuumed_at.elapsed() >= VACUUM_EVERY {
            self.vacuumed_at = Instant::now();
            table.vacuum(Micros::now()).await?;
        }
        Ok(())
    }

    /// Waits for the running compaction, if there is one, and puts it into the table.
    pub async fn finish_compaction(&mut self, table: &mut Table) -> Result<(), TableError> {
        let Some(running) = &mut self.compaction else { return Ok(()) };
        // The task stays in place while this waits, so that being dropped here loses nothing.
        let compacted = (&mut running.task).await;
        self.compaction = None;
        let compacted = compacted.map_err(|source| TableError::Task { source })??;
        table.commit_compaction(compacted).await?;
        Ok(())
    }
}

impl Running {
    fn start(compaction: Compaction) -> Running {
        let stop = CancellationToken::new();
        let task = tokio::task::spawn_blocking({
            let stop = stop.clone();
            move || compaction.run(stop)
        });
        Running { task, _stop: stop.drop_guard() }
    }
}
