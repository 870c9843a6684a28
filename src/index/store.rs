//! The store that keeps the index: records in, documents and cursor out in one atomic commit.
//!
//! Invariants: a commit's documents are exactly the records below its cursor, since tantivy drops
//! what was added but not committed; `commit` returns after the directory is synced
//! ([`super::directory`]); after a failure nothing more is taken until the index is opened again,
//! as what the writer then holds is unknown.
//! It does not open an index's files (`open.rs` does) and never repairs one.

use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use tantivy::indexer::UserOperation;
use tantivy::{IndexReader, IndexWriter};

use super::cursor::Committed;
use super::document::document;
use super::forget::{self, Forgetting};
use super::snapshot::{FullTextReader, IndexSnapshot};
use super::{IndexError, NAME, open};
use crate::log::{Batch, Forgot, Forgotten, LogReader, Store};
use crate::model::Offset;

/// Documents sent to the indexing thread at once, which wakes it as often. Its queue takes 10,000
/// sends: × 16 × about 1 KiB = 160 MiB, and never more documents than the records in the tail.
const SENT_TOGETHER: usize = 16;

/// The index as a store of the log.
pub struct FullText {
    dir: Arc<Path>,
    writer: IndexWriter,
    reader: IndexReader,
    applied: Committed,
    committed: Offset,
    /// False from the start of a step until it has succeeded.
    is_sound: bool,
    shown: Arc<Mutex<IndexSnapshot>>,
}

impl FullText {
    /// Opens or creates the index in `dir`. Only one process can have it open for writing.
    pub(super) fn open_in(dir: &Path, reader: &FullTextReader) -> Result<FullText, IndexError> {
        let open::Opened { writer, reader: committed_reader, committed, snapshot } =
            open::open(dir)?;
        let shown = Arc::new(Mutex::new(snapshot));
        reader.show(shown.clone());
        Ok(FullText {
            dir: Arc::from(dir),
            writer,
            reader: committed_reader,
            applied: committed,
            committed: committed.cursor,
            is_sound: true,
            shown,
        })
    }

    /// What questions see.
    #[cfg(test)]
    pub(super) fn shown(&self) -> IndexSnapshot {
        self.shown.lock().clone()
    }

    fn begin(&mut self) -> Result<(), IndexError> {
        if std::mem::replace(&mut self.is_sound, false) {
            Ok(())
        } else {
            Err(IndexError::Closed { dir: self.dir.to_path_buf() })
        }
    }

    fn add(&mut self, batch: Batch) -> Result<(), IndexError> {
        // First, since it refuses a batch that does not follow.
        self.shown.lock().append(batch.clone())?;
        for group in batch.records().chunks(SENT_TOGETHER) {
            let documents: Vec<UserOperation> =
                group.iter().map(|record| UserOperation::Add(document(record))).collect();
            self.writer.run(documents).map_err(|source| IndexError::of(&self.dir, source))?;
        }
        self.applied.cursor = batch.end();
        self.applied.documents += batch.len() as u64;
        Ok(())
    }

    fn commit_applied(&mut self) -> Result<(), IndexError> {
        let of = |source| IndexError::of(&self.dir, source);
        let mut prepared = self.writer.prepare_commit().map_err(of)?;
        prepared.set_payload(&self.applied.payload());
        prepared.commit().map_err(of)?;
        self.reader.reload().map_err(of)?;
        self.committed = self.applied.cursor;
        let before = self.shown.lock().replace(self.reader.searcher(), self.committed);
        // Freeing the tail takes milliseconds: not under the lock.
        drop(before);
        Ok(())
    }
}

impl Store for FullText {
    const NAME: &'static str = NAME;
    const FOLDERS: &'static [&'static str] = &[NAME];

    type Error = IndexError;
    type Options = ();
    type Reader = FullTextReader;

    async fn open(
        root: &Path,
        _log: &LogReader,
        _options: &(),
        reader: &FullTextReader,
    ) -> Result<FullText, IndexError> {
        FullText::open_in(&root.join(NAME), reader)
    }

    async fn committed(root: &Path) -> Result<Offset, IndexError> {
        let folder = root.join(NAME);
        if !folder.is_dir() || open::is_of_earlier_version(&folder)? {
            return Ok(Offset(0));
        }
        Ok(open::open_read_only(&folder)?.cursor())
    }

    fn applied(&self) -> Offset {
        self.applied.cursor
    }

    async fn apply(&mut self, batch: Batch) -> Result<(), IndexError> {
        self.begin()?;
        self.add(batch)?;
        self.is_sound = true;
        Ok(())
    }

    async fn commit(&mut self) -> Result<Offset, IndexError> {
        self.begin()?;
        if self.applied.cursor > self.committed {
            self.commit_applied()?;
        }
        self.is_sound = true;
        Ok(self.committed)
    }

    async fn forget(&mut self, forgotten: &Forgotten) -> Result<Forgot, IndexError> {
        self.begin()?;
        let forgot = forget::forget(
            &mut Forgetting {
                dir: &self.dir,
                writer: &mut self.writer,
                reader: &self.reader,
                committed: self.applied,
                shown: &self.shown,
            },
            forgotten,
        )?;
        self.is_sound = true;
        Ok(forgot)
    }
}
