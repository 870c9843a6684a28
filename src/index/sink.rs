//! The follower that keeps the index: records in, documents and cursor out in one atomic commit.
//!
//! Invariants: a commit's documents are exactly the records below its cursor, since tantivy drops what was added
//! but not committed; `commit` returns after the directory is synced ([`super::directory`]); after a failure nothing
//! more is taken until the index is opened again, as what the writer then holds is unknown.
//! It does not open an index (`open.rs` does) and never repairs one.

use std::path::Path;
use std::sync::Arc;

use tantivy::indexer::UserOperation;
use tantivy::{IndexReader, IndexWriter};

use super::IndexError;
use super::cursor::Committed;
use super::document::document;
use super::snapshot::{IndexHandle, check_order};
use crate::log::Sink;
use crate::model::{Offset, Record};

/// Documents sent to the indexing thread at once, which wakes it as often. Its queue takes 10,000 sends: × 16 × about
/// 1 KiB = 160 MiB, and never more documents than the records in the tail.
const SENT_TOGETHER: usize = 16;

/// The index as a follower of the log.
pub struct IndexSink {
    dir: Arc<Path>,
    position: Offset,
    handle: IndexHandle,
    /// `None` while a step is under way on another thread, and for good once one has failed.
    live: Option<Live>,
}

/// What applies and commits.
struct Live {
    dir: Arc<Path>,
    writer: IndexWriter,
    reader: IndexReader,
    handle: IndexHandle,
    applied: Committed,
    committed: Offset,
}

impl IndexSink {
    /// A sink that goes on from `committed`, which is what the writer's index holds.
    pub(super) fn new(
        dir: &Path,
        writer: IndexWriter,
        reader: IndexReader,
        handle: IndexHandle,
        committed: Committed,
    ) -> IndexSink {
        let dir: Arc<Path> = Arc::from(dir);
        let position = committed.cursor;
        let live = Live {
            dir: dir.clone(),
            writer,
            reader,
            handle: handle.clone(),
            applied: committed,
            committed: position,
        };
        IndexSink { dir, position, handle, live: Some(live) }
    }

    /// First offset not in the committed index.
    pub fn cursor(&self) -> Offset {
        self.handle.snapshot().cursor()
    }

    /// Where questions get their snapshots.
    pub fn handle(&self) -> &IndexHandle {
        &self.handle
    }

    /// Runs one step where blocking is allowed. If the future is dropped meanwhile, the sink stays closed.
    async fn step<T: Send + 'static>(
        &mut self,
        step: impl FnOnce(&mut Live) -> Result<T, IndexError> + Send + 'static,
    ) -> Result<T, IndexError> {
        let closed = IndexError::Closed { dir: self.dir.to_path_buf() };
        let Some(mut live) = self.live.take() else { return Err(closed) };
        let done =
            tokio::task::spawn_blocking(move || step(&mut live).map(|value| (live, value))).await;
        let (live, value) = done.map_err(|_| closed)??;
        self.position = live.applied.cursor;
        self.live = Some(live);
        Ok(value)
    }
}

impl Sink for IndexSink {
    type Error = IndexError;

    fn position(&self) -> Offset {
        self.position
    }

    async fn apply(&mut self, records: Vec<Arc<Record>>) -> Result<(), IndexError> {
        self.step(|live| live.apply(records)).await
    }

    async fn commit(&mut self) -> Result<Offset, IndexError> {
        self.step(Live::commit).await
    }
}

impl Live {
    fn apply(&mut self, records: Vec<Arc<Record>>) -> Result<(), IndexError> {
        check_order(self.applied.cursor, &records)?;
        for group in records.chunks(SENT_TOGETHER) {
            let documents: Vec<UserOperation> =
                group.iter().map(|record| UserOperation::Add(document(record))).collect();
            self.writer.run(documents).map_err(|source| IndexError::of(&self.dir, source))?;
        }
        self.applied.cursor = self.applied.cursor + records.len() as u64;
        self.applied.documents += records.len() as u64;
        self.handle.append(records);
        Ok(())
    }

    fn commit(&mut self) -> Result<Offset, IndexError> {
        if self.applied.cursor == self.committed {
            return Ok(self.committed);
        }
        let of = |source| IndexError::of(&self.dir, source);
        let mut prepared = self.writer.prepare_commit().map_err(of)?;
        prepared.set_payload(&self.applied.payload());
        prepared.commit().map_err(of)?;
        self.reader.reload().map_err(of)?;
        self.committed = self.applied.cursor;
        self.handle.replace(self.reader.searcher(), self.committed);
        Ok(self.committed)
    }
}
