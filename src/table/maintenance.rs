//! Keeps a table in shape beside its commits: compaction, vacuum, checkpoints.
//!
//! A task of its own, which looks at the table now and then, whether anything is committed or not,
//! and does what is due until nothing is: many steps in sequence, one at a time, each slowed down
//! to half a core. It goes on after every failure. A file that is damaged is set aside: no
//! later step of this task touches it. What else fails is tried again at the next look, and what is
//! due beside it is done.
//!
//! It commits through the same handle as the store, so that the two never overtake each other.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::NaiveDate;
use futures::FutureExt;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::blocking::on_blocking;
use super::compaction::Compaction;
use super::merge::Pace;
use super::{Table, TableError};
use crate::model::{MaintenanceState, panic_text};

/// How often the table is looked at: a look without work costs microseconds.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long a file stays after it left the table, for engines that take no lease. Longer than
/// reading the log and opening the files it names takes; a long question of theirs can lose one.
const REST: Duration = Duration::from_secs(60);
/// Most files that are named in the state.
const ASIDE_SHOWN_MAX: usize = 16;

/// The maintenance of one table. Dropped, it ends after the step it is at.
#[derive(Debug)]
pub struct Maintenance {
    task: Option<JoinHandle<()>>,
    stop: Option<DropGuard>,
}

/// The task.
struct Caretaker {
    table: Table,
    rest: Duration,
    /// Days that may have something to compact.
    backlog: BTreeSet<NaiveDate>,
    aside: BTreeSet<PathBuf>,
    stop: CancellationToken,
}

impl Maintenance {
    /// Takes care of `table` from now on.
    pub fn start(table: &Table) -> Maintenance {
        Maintenance::start_with(table, LOOK_EVERY, REST)
    }

    /// As [`Maintenance::start`], looking `every` so often, removed files resting for `rest`.
    pub(super) fn start_with(table: &Table, every: Duration, rest: Duration) -> Maintenance {
        let stop = CancellationToken::new();
        let caretaker = Caretaker {
            table: table.clone(),
            rest,
            backlog: BTreeSet::new(),
            aside: BTreeSet::new(),
            stop: stop.clone(),
        };
        let task = tokio::spawn(caretaker.run(every));
        Maintenance { task: Some(task), stop: Some(stop.drop_guard()) }
    }

    /// Ends it and waits for the step it is at.
    pub async fn finish(mut self) -> Result<(), TableError> {
        self.stop = None;
        match self.task.take() {
            Some(task) => task.await.map_err(|source| TableError::Task { source }),
            None => Ok(()),
        }
    }
}

impl Caretaker {
    async fn run(mut self, every: Duration) {
        while !self.stop.is_cancelled() {
            self.guarded(async |caretaker| caretaker.look().await).await;
            tokio::select! {
                () = tokio::time::sleep(every) => {}
                () = self.stop.cancelled() => {}
            }
        }
    }

    /// A look that panics is told like one that fails, and the next one comes all the same.
    async fn guarded(&mut self, look: impl AsyncFnOnce(&mut Caretaker)) {
        // What a look takes apart it puts together at its end: days that are lost are touched again.
        let Err(panic) = AssertUnwindSafe(look(self)).catch_unwind().await else { return };
        self.show(Some(TableError::Panicked { said: panic_text(panic) }));
    }

    /// Does everything that is due.
    async fn look(&mut self) {
        let mut failed = None;
        // With those that could not be read at this look, and may be at the next.
        let mut aside = self.aside.clone();
        self.backlog.extend(self.table.touched_days());
        let days_due = self.backlog.len() as u64;
        self.table.change_maintenance(|state| state.days_due = days_due);
        let mut again = BTreeSet::new();
        // The newest day first: there questions meet the most small files.
        while let Some(day) = self.backlog.pop_last() {
            while let Some(due) = self.table.compaction_due(day, &aside) {
                if self.stop.is_cancelled() {
                    return;
                }
                let compaction = self.table.compaction(due);
                let inputs = compaction.paths();
                if let Err(error) = self.compact(compaction).await {
                    let input =
                        error.path().filter(|path| inputs.iter().any(|input| input == path));
                    let input = input.map(Path::to_path_buf);
                    let is_damaged = matches!(error, TableError::Damaged { .. });
                    if is_damaged {
                        tracing::error!(%error, "a file is left out of compactions");
                        self.aside.extend(input.clone());
                    } else {
                        again.insert(day);
                        failed = Some(error);
                    }
                    let Some(input) = input else { break };
                    aside.insert(input);
                }
                // What was committed meanwhile may be newer.
                self.backlog.extend(self.table.touched_days());
            }
        }
        self.backlog = again;
        failed = self.sweep().await.err().or(failed);
        failed = self.table.checkpoint_if_due().await.err().or(failed);
        self.show(failed);
    }

    async fn compact(&self, compaction: Compaction) -> Result<(), TableError> {
        let stop = self.stop.clone();
        let compacted = on_blocking(move || compaction.run(Pace::Half, stop)).await?;
        self.table.commit_compaction(compacted).await?;
        self.table.change_maintenance(|state| state.compactions += 1);
        Ok(())
    }

    async fn sweep(&self) -> Result<(), TableError> {
        match self.table.vacuum(self.rest).await?.failed {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn show(&self, failed: Option<TableError>) {
        let failed = failed.filter(|error| !matches!(error, TableError::Stopped));
        let failed = failed.map(|error| error.to_string());
        if let Some(error) = &failed
            && self.table.maintenance().failed.as_ref() != Some(error)
        {
            tracing::warn!(error, "the maintenance of a table failed and is tried again");
        }
        let (removed_files, removed_bytes) = self.table.garbage();
        let set_aside = self.aside.iter().take(ASIDE_SHOWN_MAX).cloned().collect();
        let days_due = self.backlog.len() as u64;
        self.table.change_maintenance(|state| {
            let compactions = state.compactions;
            *state = MaintenanceState {
                compactions,
                days_due,
                removed_files,
                removed_bytes,
                set_aside,
                failed,
            };
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::tests::open;

    /// A panic in a look ended maintenance for good, and nothing said so.
    #[tokio::test]
    async fn a_look_that_panics_is_told_and_the_next_one_comes() {
        let folder = tempfile::tempdir().unwrap();
        let table = open(folder.path()).await;
        let (stop, rest) = (CancellationToken::new(), Duration::ZERO);
        let (backlog, aside) = (BTreeSet::new(), BTreeSet::new());
        let mut caretaker = Caretaker { table: table.clone(), rest, backlog, aside, stop };
        caretaker.guarded(async |_| panic!("beyond the end")).await;
        let failed = table.maintenance().failed.unwrap();
        assert_eq!(failed, "the maintenance of a table panicked: beyond the end");
        caretaker.guarded(async |caretaker| caretaker.look().await).await;
        assert_eq!(table.maintenance().failed, None);
    }
}
