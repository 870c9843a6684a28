//! What the documents of an index say, to be compared with the records they were made of.

use std::hash::{DefaultHasher, Hash, Hasher};

use tantivy::TantivyDocument;
use tantivy::schema::document::Value;

use super::schema::schema;
use super::shown::Shown;
use super::{IndexError, IndexSnapshot, open};
use crate::model::{Offset, Record};

/// Decompressed blocks kept: documents are read in the order of the blocks.
const BLOCKS_KEPT: usize = 2;

/// Of every committed document its offset, and a mark that is the same as [`mark_of`] its record.
pub fn marks(snapshot: &IndexSnapshot) -> Result<Vec<(Offset, u64)>, IndexError> {
    open::guarded(snapshot.dir(), || marks_unguarded(snapshot))
}

fn marks_unguarded(snapshot: &IndexSnapshot) -> Result<Vec<(Offset, u64)>, IndexError> {
    let searcher = snapshot.searcher();
    let of = |source| snapshot.error(source);
    let mut marks = Vec::with_capacity(usize::try_from(searcher.num_docs()).unwrap_or(0));
    for segment in searcher.segment_readers() {
        let columns = segment.fast_fields();
        let (offsets, times) =
            (columns.i64("offset").map_err(of)?, columns.i64("occurred_at").map_err(of)?);
        let conversations = columns.str("conversation").map_err(of)?;
        let store = segment
            .get_store_reader(BLOCKS_KEPT)
            .map_err(|error| of(tantivy::TantivyError::from(error)))?;
        let mut conversation = String::new();
        for doc in segment.doc_ids_alive() {
            conversation.clear();
            if let Some(column) = &conversations
                && let Some(ord) = column.ords().first(doc)
            {
                column
                    .ord_to_str(ord, &mut conversation)
                    .map_err(|error| of(tantivy::TantivyError::from(error)))?;
            }
            let document: TantivyDocument = store.get(doc).map_err(of)?;
            let fields = schema();
            let text = document.get_first(fields.text).and_then(|value| value.as_str());
            let shown = document.get_first(fields.shown).and_then(|value| value.as_bytes());
            let occurred_at = times.first(doc).unwrap_or_default();
            let mark = mark(occurred_at, &conversation, text, shown.unwrap_or_default());
            let offset = offsets.first(doc).unwrap_or_default();
            marks.push((Offset(offset.cast_unsigned()), mark));
        }
    }
    Ok(marks)
}

/// The mark that the document of `record` has.
pub fn mark_of(record: &Record) -> u64 {
    let (event, occurred_at) = (&record.event, record.occurred_at());
    let shown = Shown::of(record).pack(occurred_at);
    mark(occurred_at.0, &event.conversation, event.text.as_deref(), &shown)
}

/// Marks are compared within one process, never kept.
fn mark(occurred_at: i64, conversation: &str, text: Option<&str>, shown: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    (occurred_at, conversation, text, shown).hash(&mut hasher);
    hasher.finish()
}
