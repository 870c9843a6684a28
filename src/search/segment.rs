//! One segment of the index: which of its documents are hits. First by sets of documents, as far as
//! terms and columns tell; then, where they leave it open, by the text.
//!
//! Each part of a question is two sets: the documents that may have it, and those that surely have
//! it. Sets join as the parts do, so that a text is read only where the whole question depends on it.
//! Cost (measured on 1 M messages): a document of a term 2 ns, one that must be read 0.7 µs, since
//! neighbours share blocks and are read in order; up to 4 µs where they are far between.

use std::sync::Arc;

use tantivy::columnar::{Column, StrColumn};
use tantivy::query::{EnableScoring, Scorer};
use tantivy::schema::document::{
    DeserializeError, DocumentDeserialize, DocumentDeserializer, ValueDeserialize,
    ValueDeserializer, ValueVisitor,
};
use tantivy::store::StoreReader;
use tantivy::{DocId, Result, SegmentReader, TERMINATED, Term};

use super::deadline::Deadline;
use super::leaf::{Asked, Check, Leaf, is_version, trait_term};
use super::plan::{Piece, Proof, TextPlan, row_weight};
use super::term_pattern::documents_of_words;
use super::verify::Haystack;
use crate::index::columns::{BLOCK_DOCUMENTS, Block, add_documents_with};
use crate::index::documents::Documents;
use crate::index::schema::{Trait, schema};
use crate::index::{IndexSnapshot, Shown};
use crate::model::{Micros, Offset};

/// Documents between two looks at the clock: a look costs 30 ns, reading one text microseconds.
const LOOK_EVERY: u32 = 256;
/// Decompressed blocks kept while verifying: documents come in the order of the blocks, so one would
/// do.
const BLOCKS_KEPT: usize = 2;

/// One segment with what its documents are sorted, grouped and shown by.
pub(super) struct Segment<'a> {
    snapshot: &'a IndexSnapshot,
    reader: &'a SegmentReader,
    offset: Column<i64>,
    occurred_at: Column<i64>,
    conversation: Option<StrColumn>,
    store: StoreReader,
    blocks: Arc<Vec<Block>>,
}

/// The documents that may have something, and those that surely have it.
struct Sets {
    maybe: Arc<Documents>,
    sure: Arc<Documents>,
}

/// What is stored of a document.
pub(super) struct Stored {
    pub(super) text: Option<String>,
    shown: Vec<u8>,
}

impl<'a> Segment<'a> {
    /// Every segment of `snapshot`.
    pub(super) fn all(snapshot: &'a IndexSnapshot) -> Result<Vec<Segment<'a>>> {
        let readers = snapshot.searcher().segment_readers().iter();
        readers.map(|reader| Segment::open(snapshot, reader)).collect()
    }

    fn open(snapshot: &'a IndexSnapshot, reader: &'a SegmentReader) -> Result<Segment<'a>> {
        let columns = reader.fast_fields();
        Ok(Segment {
            snapshot,
            reader,
            offset: columns.i64("offset")?,
            occurred_at: columns.i64("occurred_at")?,
            conversation: columns.str("conversation")?,
            store: reader.get_store_reader(BLOCKS_KEPT)?,
            blocks: snapshot.columns().blocks(reader)?,
        })
    }

    pub(super) fn reader(&self) -> &'a SegmentReader {
        self.reader
    }

    /// Least and greatest of times and offsets, by blocks of [`BLOCK_DOCUMENTS`].
    pub(super) fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    pub(super) fn none(&self) -> Documents {
        Documents::none(self.reader.max_doc())
    }

    /// The documents below `before` that `shop` may find at all: with text, or with attachments.
    pub(super) fn searched(&self, shop: &str, before: Offset) -> Result<Documents> {
        let mut searched = Documents::clone(&*self.wide(&trait_term(Trait::Text))?);
        searched.add(&*self.wide(&trait_term(Trait::Attachment))?);
        searched.keep(&*self.of_shop(shop)?);
        self.keep_below(&mut searched, before);
        Ok(searched)
    }

    /// All documents of `shop`.
    pub(super) fn of_shop(&self, shop: &str) -> Result<Arc<Documents>> {
        self.wide(&Term::from_field_text(schema().shop, shop))
    }

    /// The documents of a term that many questions ask for.
    pub(super) fn wide(&self, term: &Term) -> Result<Arc<Documents>> {
        self.snapshot.columns().documents(self.reader, term)
    }

    /// Takes away what stands at or above `before`, and what is deleted: terms still have it until its
    /// segment is merged.
    pub(super) fn keep_below(&self, documents: &mut Documents, before: Offset) {
        if let Some(alive) = self.reader.alive_bitset() {
            let deleted: Vec<DocId> =
                documents.iter().filter(|document| alive.is_deleted(*document)).collect();
            deleted.into_iter().for_each(|document| documents.remove(document));
        }
        let before = before.signed();
        for (from, block) in self.placed_blocks() {
            if block.offset.1 >= before {
                let beyond: Vec<DocId> = documents
                    .iter_in(from, from + BLOCK_DOCUMENTS)
                    .filter(|document| self.offset.first(*document).is_none_or(|at| at >= before))
                    .collect();
                beyond.into_iter().for_each(|document| documents.remove(document));
            }
        }
    }

    /// The document of the greatest offset among `documents`, with that offset.
    pub(super) fn last_received(&self, documents: &Documents) -> Option<(Offset, DocId)> {
        let mut blocks: Vec<(DocId, &Block)> = self.placed_blocks().collect();
        blocks.sort_unstable_by_key(|(_, block)| std::cmp::Reverse(block.offset.1));
        let mut last: Option<(Offset, DocId)> = None;
        for (from, block) in blocks {
            if last.is_some_and(|(offset, _)| offset.signed() >= block.offset.1) {
                break;
            }
            let inside = documents.iter_in(from, from + BLOCK_DOCUMENTS);
            last = inside.map(|document| (self.place(document).1, document)).chain(last).max();
        }
        last
    }

    fn placed_blocks(&self) -> impl Iterator<Item = (DocId, &Block)> {
        (0..).step_by(BLOCK_DOCUMENTS as usize).zip(self.blocks.iter())
    }

    /// The documents of `within` that are hits.
    pub(super) fn hits(
        &self,
        asked: &Asked,
        within: &Documents,
        deadline: &Deadline,
    ) -> Result<Documents> {
        let mut leaves = Vec::with_capacity(asked.leaves.len());
        for leaf in &asked.leaves {
            deadline.check()?;
            leaves.push(self.sets(leaf, deadline)?);
        }
        let (mut open, mut hits) = join(&asked.check, &leaves);
        hits.keep(within);
        open.keep(within);
        open.take(&hits);
        let mut seen: u32 = 0;
        for document in open.iter() {
            if seen.is_multiple_of(LOOK_EVERY) {
                deadline.check()?;
            }
            seen = seen.wrapping_add(1);
            if self.is_hit(asked, &leaves, document)? {
                hits.insert(document);
            }
        }
        Ok(hits)
    }

    /// Whether a document is a hit of which sets leave it open.
    fn is_hit(&self, asked: &Asked, leaves: &[Sets], document: DocId) -> Result<bool> {
        let stored = self.stored(document)?;
        let text = Haystack::new(stored.text.as_deref().unwrap_or_default());
        let mut failed = Ok(());
        let is_hit = asked.check.holds(&mut |number| {
            let sets = &leaves[number];
            if sets.sure.contains(document) || !sets.maybe.contains(document) {
                return sets.sure.contains(document);
            }
            match &asked.leaves[number] {
                Leaf::Text(plan) => stored.text.is_some() && plan.needle.is_in(&text),
                Leaf::Messages(messages) => {
                    let named = self.name_of(document).and_then(|conversation| {
                        Ok(messages.get(&conversation).zip(Some(self.shown(&stored, document)?)))
                    });
                    match named {
                        Ok(Some((ids, shown))) => ids.contains(&shown.id) && is_version(shown.kind),
                        Ok(None) => false,
                        Err(error) => {
                            failed = Err(error);
                            false
                        }
                    }
                }
                // Of the others sets tell all.
                _ => false,
            }
        });
        failed.map(|()| is_hit)
    }

    fn sets(&self, leaf: &Leaf, deadline: &Deadline) -> Result<Sets> {
        if let Some(term) = leaf.term() {
            return Ok(Sets::of(self.wide(&term)?));
        }
        match leaf {
            Leaf::Text(plan) => self.text_sets(plan, deadline),
            Leaf::Conversations(names) => {
                let mut documents = self.none();
                for name in names {
                    self.add_conversation(&mut documents, name)?;
                }
                Ok(Sets::of(Arc::new(documents)))
            }
            Leaf::Messages(messages) => {
                let mut documents = self.none();
                for conversation in messages.keys() {
                    self.add_conversation(&mut documents, conversation)?;
                }
                Ok(Sets { maybe: Arc::new(documents), sure: Arc::new(self.none()) })
            }
            Leaf::From(from) => Ok(Sets::of(Arc::new(self.occurred(|at| from.0 <= at)))),
            Leaf::To(to) => Ok(Sets::of(Arc::new(self.occurred(|at| at < to.0)))),
            Leaf::Role(_) | Leaf::Kind(_) | Leaf::Private | Leaf::Attachment => {
                unreachable!("each is a term")
            }
        }
    }

    /// The documents whose time fits; `fits` changes at one time only.
    fn occurred(&self, fits: impl Fn(i64) -> bool) -> Documents {
        let mut documents = self.none();
        for (from, block) in self.placed_blocks() {
            let ends = (fits(block.occurred_at.0), fits(block.occurred_at.1));
            let to = (from + BLOCK_DOCUMENTS).min(self.reader.max_doc());
            match ends {
                (false, false) => {}
                (true, true) => (from..to).for_each(|document| documents.insert(document)),
                _ => (from..to)
                    .filter(|document| self.occurred_at.first(*document).is_some_and(&fits))
                    .for_each(|document| documents.insert(document)),
            }
        }
        documents
    }

    fn text_sets(&self, plan: &TextPlan, deadline: &Deadline) -> Result<Sets> {
        let mut maybe: Option<Documents> = None;
        for piece in &plan.pieces {
            deadline.check()?;
            let of_piece = self.documents_of(piece, deadline)?;
            match &mut maybe {
                Some(maybe) => maybe.keep(&of_piece),
                None => maybe = Some(of_piece),
            }
            if maybe.as_ref().is_some_and(Documents::is_empty) {
                break;
            }
        }
        let maybe = match maybe {
            Some(maybe) => maybe,
            // Words without a base letter: any text may have them.
            None => Documents::clone(&*self.wide(&trait_term(Trait::Text))?),
        };
        Ok(match plan.proof {
            Proof::Never => Sets { maybe: Arc::new(maybe), sure: Arc::new(self.none()) },
            Proof::Always => Sets::of(Arc::new(maybe)),
            Proof::OfStable => {
                let mut sure = maybe.clone();
                sure.take(&*self.wide(&trait_term(Trait::UnstableText))?);
                Sets { maybe: Arc::new(maybe), sure: Arc::new(sure) }
            }
            Proof::InARow => {
                let mut sure = match &plan.row {
                    Some(row) => self.documents_of(row, deadline)?,
                    None => self.none(),
                };
                sure.keep(&maybe);
                Sets { maybe: Arc::new(maybe), sure: Arc::new(sure) }
            }
        })
    }

    fn documents_of(&self, piece: &Piece, deadline: &Deadline) -> Result<Documents> {
        let mut documents = self.none();
        match piece {
            Piece::AnyOf(field, terms) => {
                for term in terms {
                    add_documents_with(&mut documents, self.reader, *field, term.as_bytes())?;
                }
            }
            Piece::Word(pattern) => {
                documents_of_words(&mut documents, self.reader, pattern, self.snapshot.terms())?;
            }
            Piece::Row(terms) => {
                let scoring = EnableScoring::disabled_from_searcher(self.snapshot.searcher());
                let mut found = row_weight(scoring, terms)?.scorer(self.reader, 1.0)?;
                add_scored(&mut documents, &mut *found, deadline)?;
            }
        }
        Ok(documents)
    }

    /// Adds the documents of a conversation, of whatever shop.
    pub(super) fn add_conversation(&self, documents: &mut Documents, name: &str) -> Result<()> {
        add_documents_with(documents, self.reader, schema().conversation, name.as_bytes())
    }

    pub(super) fn place(&self, document: DocId) -> (Micros, Offset) {
        let occurred_at = self.occurred_at.first(document).unwrap_or_default();
        let offset = self.offset.first(document).unwrap_or_default();
        (Micros(occurred_at), Offset(offset.cast_unsigned()))
    }

    /// The segment's number of the conversation a document is in.
    pub(super) fn conversation_of(&self, document: DocId) -> u64 {
        let column = self.conversation.as_ref();
        column.and_then(|column| column.ords().first(document)).unwrap_or_default()
    }

    /// The name of the conversation a document is in.
    pub(super) fn name_of(&self, document: DocId) -> Result<String> {
        let mut name = String::new();
        if let Some(column) = &self.conversation {
            column.ord_to_str(self.conversation_of(document), &mut name)?;
        }
        Ok(name)
    }

    /// Hands the name of each conversation of `documents` to `take`, once.
    pub(super) fn each_name(
        &self,
        documents: &Documents,
        mut take: impl FnMut(&str),
    ) -> Result<()> {
        let Some(column) = &self.conversation else { return Ok(()) };
        let mut known = Documents::none(u32::try_from(column.num_terms()).unwrap_or(u32::MAX));
        for document in documents.iter() {
            // Numbers are dense, and a segment has fewer documents than 2^32.
            known.insert(self.conversation_of(document) as u32);
        }
        let numbers: Vec<u64> = known.iter().map(u64::from).collect();
        column.dictionary().sorted_ords_to_term_cb(&numbers, |name| {
            take(std::str::from_utf8(name).unwrap_or_default());
        })?;
        Ok(())
    }

    pub(super) fn stored(&self, document: DocId) -> Result<Stored> {
        self.store.get(document)
    }

    pub(super) fn shown(&self, stored: &Stored, document: DocId) -> Result<Shown> {
        let occurred_at = self.place(document).0;
        Shown::unpack(&stored.shown, occurred_at).ok_or_else(|| {
            let said = format!("the stored document {document} does not say what it is");
            tantivy::error::DataCorruption::comment_only(said).into()
        })
    }
}

impl Sets {
    /// Of what sets tell all.
    fn of(documents: Arc<Documents>) -> Sets {
        Sets { maybe: documents.clone(), sure: documents }
    }
}

/// The documents of which it may hold, and of which it surely holds.
fn join(check: &Check, leaves: &[Sets]) -> (Documents, Documents) {
    let joined = |checks: &[Check], with: fn(&mut Documents, &Documents)| {
        let mut parts = checks.iter().map(|check| join(check, leaves));
        let first = parts.next().unwrap_or((Documents::none(0), Documents::none(0)));
        parts.fold(first, |(mut maybe, mut sure), (other_maybe, other_sure)| {
            with(&mut maybe, &other_maybe);
            with(&mut sure, &other_sure);
            (maybe, sure)
        })
    };
    match check {
        Check::Leaf(number) => {
            let Sets { maybe, sure } = &leaves[*number];
            (Documents::clone(maybe), Documents::clone(sure))
        }
        Check::All(checks) => joined(checks, Documents::keep),
        Check::Any(checks) => joined(checks, Documents::add),
        Check::Not(check) => {
            let (maybe, sure) = join(check, leaves);
            (sure.complement(), maybe.complement())
        }
    }
}

fn add_scored(
    documents: &mut Documents,
    found: &mut dyn Scorer,
    deadline: &Deadline,
) -> Result<()> {
    let mut seen: u32 = 0;
    while found.doc() != TERMINATED {
        if seen.is_multiple_of(LOOK_EVERY) {
            deadline.check()?;
        }
        seen = seen.wrapping_add(1);
        documents.insert(found.doc());
        found.advance();
    }
    Ok(())
}

impl DocumentDeserialize for Stored {
    /// The text comes first where there is one, then what is shown ([`crate::index`] writes it so).
    fn deserialize<'de, D: DocumentDeserializer<'de>>(
        mut deserializer: D,
    ) -> std::result::Result<Stored, DeserializeError> {
        let mut stored = Stored { text: None, shown: Vec::new() };
        while let Some((_, value)) = deserializer.next_field::<StoredValue>()? {
            match value {
                StoredValue::Text(text) => stored.text = Some(text),
                StoredValue::Shown(shown) => stored.shown = shown,
            }
        }
        Ok(stored)
    }
}

enum StoredValue {
    Text(String),
    Shown(Vec<u8>),
}

impl ValueDeserialize for StoredValue {
    fn deserialize<'de, D: ValueDeserializer<'de>>(
        deserializer: D,
    ) -> std::result::Result<StoredValue, DeserializeError> {
        deserializer.deserialize_any(StoredVisitor)
    }
}

struct StoredVisitor;

impl ValueVisitor for StoredVisitor {
    type Value = StoredValue;

    fn visit_string(&self, text: String) -> std::result::Result<StoredValue, DeserializeError> {
        Ok(StoredValue::Text(text))
    }

    fn visit_bytes(&self, shown: Vec<u8>) -> std::result::Result<StoredValue, DeserializeError> {
        Ok(StoredValue::Shown(shown))
    }
}
