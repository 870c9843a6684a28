//! One segment of the index: its candidates become hits here, by the columns and, where terms prove
//! nothing, by the text.
//!
//! Conversations are numbers within a segment, and names beyond it.

use std::collections::BTreeSet;
use std::io;

use tantivy::columnar::{Column, StrColumn};
use tantivy::schema::document::{
    DeserializeError, DocumentDeserialize, DocumentDeserializer, ValueDeserialize,
    ValueDeserializer,
};
use tantivy::store::StoreReader;
use tantivy::{
    DocAddress, DocId, DocSet, Result, Searcher, SegmentReader, TERMINATED, TantivyError,
};

use super::plan::{Plan, Proof};
use super::query::HitOrder;
use super::question::{Question, Rank};
use super::verify::{Haystack, Needle};
use crate::index::schema::{TEXT_STABLE, schema};
use crate::model::{Micros, Offset};

/// Candidates between two looks at the clock: a look costs 30 ns, reading one text microseconds.
const LOOK_EVERY: u32 = 256;
/// Decompressed blocks kept while verifying: candidates come in the order of the blocks, so one
/// would do.
const BLOCKS_KEPT: usize = 2;

/// One segment with the columns that hits are sorted and grouped by.
pub(super) struct Segment<'a> {
    number: u32,
    reader: &'a SegmentReader,
    offset: Column<i64>,
    occurred_at: Column<i64>,
    text_form: Column<u64>,
    conversation: Option<StrColumn>,
    store: StoreReader,
}

impl Segment<'_> {
    /// Opens segment `number` of `searcher`.
    pub(super) fn open(searcher: &Searcher, number: u32) -> Result<Segment<'_>> {
        let reader = searcher.segment_reader(number);
        let columns = reader.fast_fields();
        Ok(Segment {
            number,
            reader,
            offset: columns.i64("offset")?,
            occurred_at: columns.i64("occurred_at")?,
            text_form: columns.u64("text_form")?,
            conversation: columns.str("conversation")?,
            store: reader.get_store_reader(BLOCKS_KEPT)?,
        })
    }

    /// Hands every hit of the segment to `take`: the number of its conversation, its address and
    /// its rank.
    pub(super) fn each_hit(
        &self,
        plan: &Plan,
        question: &Question<'_>,
        mut take: impl FnMut(u64, DocAddress, Rank),
    ) -> Result<()> {
        let filters = &question.query.filters;
        let is_outside = filters.from.is_some_and(|from| self.occurred_at.max_value() < from.0)
            || filters.to.is_some_and(|to| self.occurred_at.min_value() >= to.0);
        if is_outside {
            return Ok(());
        }
        let mut candidates = plan.candidates(self.reader)?;
        let mut seen: u32 = 0;
        while candidates.doc() != TERMINATED {
            if seen.is_multiple_of(LOOK_EVERY) && question.deadline.is_over() {
                // Whoever asked knows the deadline: what is said here is never shown.
                return Err(TantivyError::InternalError("the deadline is over".to_string()));
            }
            seen = seen.wrapping_add(1);
            let doc = candidates.doc();
            if question.query.contains_time(Micros(self.occurred_at.first(doc).unwrap_or_default()))
                && self.is_hit(plan.proof, &question.needle, doc)?
            {
                let address = DocAddress::new(self.number, doc);
                take(self.conversation_of(doc), address, self.rank(question.query.order, doc));
            }
            candidates.advance();
        }
        Ok(())
    }

    fn is_hit(&self, proof: Proof, needle: &Needle, doc: DocId) -> Result<bool> {
        match proof {
            Proof::Always => Ok(true),
            Proof::OfStable if self.text_form.first(doc) == Some(TEXT_STABLE) => Ok(true),
            _ => {
                let StoredText(text) = self.store.get(doc)?;
                Ok(text.is_some_and(|text| needle.is_in(&Haystack::new(&text))))
            }
        }
    }

    pub(super) fn rank(&self, order: HitOrder, doc: DocId) -> Rank {
        let occurred_at = self.occurred_at.first(doc).unwrap_or_default();
        let offset = self.offset.first(doc).unwrap_or_default();
        Rank::new(order, Micros(occurred_at), Offset(offset as u64))
    }

    pub(super) fn conversation_of(&self, doc: DocId) -> u64 {
        self.conversation.as_ref().and_then(|column| column.ords().first(doc)).unwrap_or_default()
    }

    pub(super) fn name_of(&self, conversation: u64) -> Result<String> {
        let mut name = String::new();
        if let Some(column) = &self.conversation {
            column.ord_to_str(conversation, &mut name)?;
        }
        Ok(name)
    }

    /// The segment's numbers of those `conversations` it knows.
    pub(super) fn numbers_of(&self, conversations: &BTreeSet<String>) -> Result<Vec<u64>> {
        let Some(column) = &self.conversation else { return Ok(Vec::new()) };
        let numbers =
            conversations.iter().filter_map(|name| column.dictionary().term_ord(name).transpose());
        Ok(numbers.collect::<io::Result<_>>()?)
    }
}

/// The text of a stored document, read without the rest: it comes first ([`crate::index`] writes it
/// so).
struct StoredText(Option<String>);

struct StoredString(String);

impl DocumentDeserialize for StoredText {
    fn deserialize<'de, D: DocumentDeserializer<'de>>(
        mut deserializer: D,
    ) -> std::result::Result<StoredText, DeserializeError> {
        match deserializer.next_field::<StoredString>()? {
            Some((field, StoredString(text))) if field == schema().text => {
                Ok(StoredText(Some(text)))
            }
            _ => Ok(StoredText(None)),
        }
    }
}

impl ValueDeserialize for StoredString {
    fn deserialize<'de, D: ValueDeserializer<'de>>(
        deserializer: D,
    ) -> std::result::Result<StoredString, DeserializeError> {
        deserializer.deserialize_string().map(StoredString)
    }
}
