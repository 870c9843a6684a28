//! The index forgets: the documents of a conversation are replaced by those of its records as they are
//! now, and the segments that had the old ones are merged away.
//!
//! A deleted document is only marked as such: its words stay in the dictionary, its text in the store.
//! So every segment with such a mark is written anew, and its files are removed, before anything is
//! reported as gone. A file that a search still reads stays as long as it does.

use std::collections::BTreeSet;
use std::fs;
use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tantivy::collector::DocSetCollector;
use tantivy::index::SegmentId;
use tantivy::indexer::NoMergePolicy;
use tantivy::query::{BooleanQuery, Query, RangeQuery, TermQuery};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{IndexReader, IndexWriter, Term};

use super::cursor::Committed;
use super::document::document;
use super::open::merge_policy;
use super::schema::schema;
use super::snapshot::IndexSnapshot;
use super::{IndexError, NAME};
use crate::log::{Forgot, Forgotten};
use crate::model::{ConversationKey, Offset};

/// How long merges that are under way already are waited for.
const MERGING_TIME_MAX: Duration = Duration::from_secs(60);
/// How long files that were removed from the index are waited for: searches read them.
const READING_TIME_MAX: Duration = Duration::from_secs(2);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// An index that forgets: everything applied is committed.
pub(super) struct Forgetting<'a> {
    pub(super) dir: &'a Path,
    pub(super) writer: &'a mut IndexWriter,
    pub(super) reader: &'a IndexReader,
    pub(super) committed: Committed,
    pub(super) shown: &'a Arc<Mutex<IndexSnapshot>>,
}

pub(super) fn forget(
    index: &mut Forgetting<'_>,
    forgotten: &Forgotten,
) -> Result<Forgot, IndexError> {
    forgotten.note(NAME, index.concerned(forgotten)?);
    // Merges that the commit would begin take hold of the segments that are to be written anew, and
    // each may be of gigabytes.
    index.writer.set_merge_policy(Box::new(NoMergePolicy));
    let is_forgotten =
        index.replace_documents(forgotten).and_then(|()| index.merge_away(forgotten));
    index.writer.set_merge_policy(merge_policy());
    is_forgotten?;
    Ok(Forgot::once_read(index.remove_files()?))
}

impl Forgetting<'_> {
    /// The segments that have any of the documents which are replaced.
    fn concerned(&self, forgotten: &Forgotten) -> Result<BTreeSet<String>, IndexError> {
        let searcher = self.reader.searcher();
        let mut concerned = BTreeSet::new();
        for (key, of) in forgotten.conversations() {
            let Some(last) = of.records.last() else { continue };
            let found = searcher.search(&up_to(key, last.offset), &DocSetCollector);
            for document in found.map_err(self.failed())? {
                let segment = searcher.segment_reader(document.segment_ord);
                concerned.insert(segment.segment_id().uuid_string());
            }
        }
        Ok(concerned)
    }

    fn replace_documents(&mut self, forgotten: &Forgotten) -> Result<(), IndexError> {
        for (key, of) in forgotten.conversations() {
            let Some(last) = of.records.last() else { continue };
            // What was said since its records were read is not among them, and stays.
            let old = up_to(key, last.offset);
            self.writer.delete_query(Box::new(old)).map_err(self.failed())?;
            let below = of.records.iter().filter(|record| record.offset < self.committed.cursor);
            for record in below {
                self.writer.add_document(document(record)).map_err(self.failed())?;
            }
        }
        let of = self.failed();
        // As many documents as before, and the same cursor.
        let mut prepared = self.writer.prepare_commit().map_err(&of)?;
        prepared.set_payload(&self.committed.payload());
        prepared.commit().map_err(&of)?;
        drop(of);
        self.show()
    }

    /// Writes every segment anew that has deleted documents.
    fn merge_away(&mut self, forgotten: &Forgotten) -> Result<(), IndexError> {
        let since = Instant::now();
        loop {
            let marked = self.marked();
            if marked.is_empty() {
                return Ok(());
            }
            forgotten.note(NAME, marked.iter().map(SegmentId::uuid_string));
            for segment in marked {
                let merged = self.writer.merge(&[segment]).wait();
                if let Err(source) = merged
                    && since.elapsed() > MERGING_TIME_MAX
                {
                    return Err(IndexError::of(self.dir, source));
                }
            }
            self.show()?;
            // One that is merged already, with others, ends by itself.
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Removes files that no commit names; false where one stays.
    fn remove_files(&mut self) -> Result<bool, IndexError> {
        let since = Instant::now();
        loop {
            self.writer.garbage_collect_files().wait().map_err(self.failed())?;
            if self.has_only_live_files()? {
                return Ok(true);
            }
            if since.elapsed() > READING_TIME_MAX {
                return Ok(false);
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Whether every segment file in the folder is one of the newest commit.
    fn has_only_live_files(&self) -> Result<bool, IndexError> {
        let live = self.segments();
        let cannot = |error| IndexError::of_io(self.dir, &error);
        for entry in fs::read_dir(self.dir).map_err(cannot)? {
            let name = entry.map_err(cannot)?.file_name();
            let stem = name.to_str().and_then(|name| name.split('.').next()).unwrap_or_default();
            let is_segment = stem.len() == 32 && stem.bytes().all(|byte| byte.is_ascii_hexdigit());
            if is_segment && !live.contains(stem) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The segments of the newest commit.
    fn segments(&self) -> BTreeSet<String> {
        let searcher = self.reader.searcher();
        let segments = searcher.segment_readers().iter();
        segments.map(|segment| segment.segment_id().uuid_string()).collect()
    }

    fn marked(&self) -> Vec<SegmentId> {
        let searcher = self.reader.searcher();
        let segments = searcher.segment_readers().iter();
        segments.filter(|of| of.num_deleted_docs() > 0).map(|of| of.segment_id()).collect()
    }

    /// Shows questions the newest commit, and nothing of the words of older ones.
    fn show(&mut self) -> Result<(), IndexError> {
        self.reader.reload().map_err(self.failed())?;
        let snapshot =
            IndexSnapshot::new(Arc::from(self.dir), self.reader.searcher(), self.committed.cursor);
        *self.shown.lock() = snapshot;
        Ok(())
    }

    fn failed(&self) -> impl Fn(tantivy::TantivyError) -> IndexError + use<> {
        let dir = self.dir.to_path_buf();
        move |source| IndexError::of(&dir, source)
    }
}

/// Every document of a conversation up to a record.
fn up_to(key: &ConversationKey, last: Offset) -> BooleanQuery {
    let term = |field: Field, value: &str| -> Box<dyn Query> {
        Box::new(TermQuery::new(Term::from_field_text(field, value), IndexRecordOption::Basic))
    };
    let fields = schema();
    // Offsets stay far below 2^63.
    let last = Term::from_field_i64(fields.offset, last.0 as i64);
    BooleanQuery::intersection(vec![
        term(fields.shop, &key.shop),
        term(fields.conversation, &key.id),
        Box::new(RangeQuery::new(Bound::Unbounded, Bound::Included(last))),
    ])
}
