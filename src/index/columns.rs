//! What is known of each segment's columns and of its most frequent terms, kept from one question to the
//! next: between which times and offsets each block of documents lies, and the documents of terms that
//! many questions ask for, such as a shop.
//!
//! Invariants: segments never change, so neither does what is known of them; at most
//! [`KEPT_BYTES_MAX`] are kept.

use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use tantivy::columnar::Column;
use tantivy::index::SegmentId;
use tantivy::postings::{BlockSegmentPostings, TermInfo};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocId, InvertedIndexReader, Result, SegmentReader, Term};

use super::cache::cache;
use super::documents::Documents;

/// 128 MiB of the process's 2 GiB: of 100 M documents, blocks take 3 MiB and each term 12.
const KEPT_BYTES_MAX: usize = 128 * 1024 * 1024;
/// About as many as an index of 100 M documents has segments, times what is asked of each.
const ITEMS_EXPECTED: usize = 512;
/// Documents in a block; a multiple of 64, so that a block of a set is whole words.
pub const BLOCK_DOCUMENTS: u32 = 1_024;

/// What is known of the segments.
pub struct ColumnCache {
    items: Cache<(SegmentId, Key), Item, ByBytes>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Blocks,
    /// Documents with one of these.
    Terms(Vec<Term>),
    /// Documents that the shop of this term may find.
    Searched(Term),
}

#[derive(Clone)]
enum Item {
    Blocks(Arc<Vec<Block>>),
    Documents(Arc<Documents>),
}

/// Least and greatest of what the documents of a block have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    pub occurred_at: (i64, i64),
    pub offset: (i64, i64),
}

impl Default for ColumnCache {
    fn default() -> ColumnCache {
        ColumnCache { items: cache(ITEMS_EXPECTED, KEPT_BYTES_MAX, ByBytes) }
    }
}

impl ColumnCache {
    /// The blocks of `segment`, in order.
    pub fn blocks(&self, segment: &SegmentReader) -> Result<Arc<Vec<Block>>> {
        let read = || -> Result<Item> { Ok(Item::Blocks(Arc::new(read_blocks(segment)?))) };
        match self.items.get_or_insert_with(&(segment.segment_id(), Key::Blocks), read)? {
            Item::Blocks(blocks) => Ok(blocks),
            Item::Documents(_) => Ok(Arc::new(read_blocks(segment)?)),
        }
    }

    /// The documents of `segment` that have `term`: for terms that many documents have and many
    /// questions ask for.
    pub fn documents(&self, segment: &SegmentReader, term: &Term) -> Result<Arc<Documents>> {
        self.documents_of_any(segment, std::slice::from_ref(term))
    }

    /// The same for those that have one of `terms`, as one set.
    pub fn documents_of_any(
        &self,
        segment: &SegmentReader,
        terms: &[Term],
    ) -> Result<Arc<Documents>> {
        self.kept(segment, Key::Terms(terms.to_vec()), || {
            let mut documents = Documents::none(segment.max_doc());
            for term in terms {
                let bytes = term.serialized_value_bytes();
                add_documents_with(&mut documents, segment, term.field(), bytes)?;
            }
            Ok(documents)
        })
    }

    /// The documents of `segment` that the shop of a term may find, as `read` finds them out.
    pub fn searched(
        &self,
        segment: &SegmentReader,
        of_shop: &Term,
        read: impl FnOnce() -> Result<Documents>,
    ) -> Result<Arc<Documents>> {
        self.kept(segment, Key::Searched(of_shop.clone()), read)
    }

    fn kept(
        &self,
        segment: &SegmentReader,
        key: Key,
        read: impl FnOnce() -> Result<Documents>,
    ) -> Result<Arc<Documents>> {
        let read = || read().map(|documents| Item::Documents(Arc::new(documents)));
        match self.items.get_or_insert_with(&(segment.segment_id(), key), read)? {
            Item::Documents(documents) => Ok(documents),
            Item::Blocks(_) => unreachable!("blocks have a key of their own"),
        }
    }
}

/// The documents of `segment` that have `term`.
pub fn documents_with(segment: &SegmentReader, term: &Term) -> Result<Documents> {
    let mut documents = Documents::none(segment.max_doc());
    add_documents_with(&mut documents, segment, term.field(), term.serialized_value_bytes())?;
    Ok(documents)
}

/// Adds the documents of `segment` whose `field` has the term of these bytes.
pub fn add_documents_with(
    documents: &mut Documents,
    segment: &SegmentReader,
    field: Field,
    term: &[u8],
) -> Result<()> {
    let index = segment.inverted_index(field)?;
    if let Some(term) = index.terms().get(term)? {
        TermDocuments::of(&index).each(&term, |document| documents.insert(document))?;
    }
    Ok(())
}

/// Whether a document of `segment` whose `field` has this term is as `is_meant` says.
pub fn has_document_with(
    segment: &SegmentReader,
    field: Field,
    term: &Located,
    is_meant: impl Fn(DocId) -> bool,
) -> Result<bool> {
    if let Some(document) = term.only {
        return Ok(is_meant(document));
    }
    let index = segment.inverted_index(field)?;
    let mut postings =
        index.read_block_postings_from_terminfo(&term.info, IndexRecordOption::Basic)?;
    while !postings.docs().is_empty() {
        if postings.docs().iter().any(|document| is_meant(*document)) {
            return Ok(true);
        }
        postings.advance();
    }
    Ok(false)
}

/// Where what is of a term lies in a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    pub info: TermInfo,
    /// Its document, where it is known to have one alone.
    pub only: Option<DocId>,
}

/// Reads the documents of one term of a field after the other.
pub struct TermDocuments<'a> {
    index: &'a InvertedIndexReader,
    /// What was read last, to be used again: it takes a KiB.
    postings: Option<BlockSegmentPostings>,
}

impl<'a> TermDocuments<'a> {
    pub fn of(index: &'a InvertedIndexReader) -> TermDocuments<'a> {
        TermDocuments { index, postings: None }
    }

    /// Adds the documents of `term`.
    pub fn add(&mut self, documents: &mut Documents, term: &Located) -> Result<()> {
        if let Some(document) = term.only {
            documents.insert(document);
            return Ok(());
        }
        self.each(&term.info, |document| documents.insert(document))
    }

    /// Hands each document of a term to `take`.
    pub fn each(&mut self, term: &TermInfo, take: impl FnMut(DocId)) -> Result<()> {
        let postings = match &mut self.postings {
            Some(postings) => {
                self.index.reset_block_postings_from_terminfo(term, postings)?;
                postings
            }
            none => none.insert(
                self.index.read_block_postings_from_terminfo(term, IndexRecordOption::Basic)?,
            ),
        };
        each_document(postings, take);
        Ok(())
    }
}

/// The documents of `segment` whose `field` has `term`, as a list: for terms of few.
pub fn list_documents_with(segment: &SegmentReader, term: &Term) -> Result<Vec<DocId>> {
    let index = segment.inverted_index(term.field())?;
    let mut documents = Vec::new();
    if let Some(mut postings) = index.read_block_postings(term, IndexRecordOption::Basic)? {
        each_document(&mut postings, |document| documents.push(document));
    }
    Ok(documents)
}

fn each_document(postings: &mut BlockSegmentPostings, mut take: impl FnMut(DocId)) {
    while !postings.docs().is_empty() {
        postings.docs().iter().for_each(|document| take(*document));
        postings.advance();
    }
}

fn read_blocks(segment: &SegmentReader) -> Result<Vec<Block>> {
    let columns = segment.fast_fields();
    let (times, offsets) = (columns.i64("occurred_at")?, columns.i64("offset")?);
    let starts = (0..segment.max_doc()).step_by(BLOCK_DOCUMENTS as usize);
    let block = |from: u32| {
        let to = (from + BLOCK_DOCUMENTS).min(segment.max_doc());
        Block {
            occurred_at: least_and_greatest(&times, from, to),
            offset: least_and_greatest(&offsets, from, to),
        }
    };
    Ok(starts.map(block).collect())
}

/// Every document has a value in these columns.
fn least_and_greatest(column: &Column<i64>, from: u32, to: u32) -> (i64, i64) {
    let values = (from..to).filter_map(|document| column.first(document));
    values.fold((i64::MAX, i64::MIN), |(least, greatest), value| {
        (least.min(value), greatest.max(value))
    })
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<(SegmentId, Key), Item> for ByBytes {
    fn weight(&self, _key: &(SegmentId, Key), item: &Item) -> u64 {
        match item {
            Item::Blocks(blocks) => (blocks.len() * size_of::<Block>()) as u64,
            Item::Documents(documents) => documents.bytes() as u64,
        }
    }
}
