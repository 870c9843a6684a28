//! One segment of the index, with what its documents are sorted, grouped and shown by.

use std::sync::{Arc, LazyLock};

use strum::VariantNames;
use tantivy::columnar::{Column, StrColumn};
use tantivy::store::StoreReader;
use tantivy::{DocId, Result, SegmentReader, Term};

use super::piece::Piece;
use super::stored::Stored;
use super::term_pattern::{TermPattern, each_word, each_word_of};
use crate::index::columns::{
    BLOCK_DOCUMENTS, Block, Located, TermDocuments, add_documents_with, has_document_with,
    list_documents_with,
};
use crate::index::documents::Documents;
use crate::index::schema::{Trait, kind_term, schema};
use crate::index::term_cache::Vocabulary;
use crate::index::tokenizer::code_pair_term;
use crate::index::{IndexSnapshot, Shown};
use crate::model::{Kind, Micros, Offset};

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

    /// The documents below `before` that `shop` may find at all: with text, or with attachments; of
    /// what is said of keeping a conversation only the kinds that are `named`.
    pub(super) fn searched(
        &self,
        shop: &str,
        before: Offset,
        named: &[Kind],
    ) -> Result<Arc<Documents>> {
        let of_shop = Term::from_field_text(schema().shop, shop);
        let mut searched = self.snapshot.columns().searched(self.reader, &of_shop, || {
            let mut searched = self.filled()?;
            searched.difference_with(&*self.administrative()?);
            searched.intersect_with(&*self.cached(&of_shop)?);
            Ok(searched)
        })?;
        for kind in named {
            let mut of_kind = self.filled()?;
            of_kind.intersect_with(&*self.cached(&kind_term(*kind))?);
            of_kind.intersect_with(&*self.cached(&of_shop)?);
            Arc::make_mut(&mut searched).union_with(&of_kind);
        }
        if self.is_cut(before) {
            self.keep_below(Arc::make_mut(&mut searched), before);
        }
        Ok(searched)
    }

    /// The messages of `shop` below `before`, and their versions, of which erasure left nothing to
    /// find: nobody sends one that is empty.
    pub(super) fn emptied(&self, shop: &str, before: Offset) -> Result<Documents> {
        let mut emptied = Documents::clone(&*self.cached(&kind_term(Kind::Message))?);
        emptied.union_with(&*self.cached(&kind_term(Kind::Edit))?);
        emptied.difference_with(&self.filled()?);
        emptied.intersect_with(&*self.of_shop(shop)?);
        self.keep_below(&mut emptied, before);
        Ok(emptied)
    }

    /// The documents with text or attachments, of whatever shop.
    fn filled(&self) -> Result<Documents> {
        let mut filled = Documents::clone(&*self.cached(&Trait::Text.term())?);
        filled.union_with(&*self.cached(&Trait::Attachment.term())?);
        Ok(filled)
    }

    /// What a shop's administration says, of whatever shop: no part of a chat, and nobody who says so
    /// takes part in it.
    pub(super) fn administrative(&self) -> Result<Arc<Documents>> {
        static KINDS: LazyLock<Vec<Term>> = LazyLock::new(|| {
            let kinds = Kind::VARIANTS.iter().filter_map(|name| name.parse::<Kind>().ok());
            kinds.filter(|kind| kind.is_administrative()).map(kind_term).collect()
        });
        self.snapshot.columns().documents_of_any(self.reader, &KINDS)
    }

    /// Whether the order, customer or agent of a `known_as` term is named in a chat, and not by those
    /// alone who hold, release or erase it.
    pub(super) fn is_in_chat(&self, term: &Located) -> Result<bool> {
        let administrative = self.administrative()?;
        let is_said = |document| !administrative.contains(document);
        has_document_with(self.reader, schema().known_as, term, is_said)
    }

    /// Adds the documents of a `known_as` term.
    pub(super) fn add_known(&self, documents: &mut Documents, term: &Located) -> Result<()> {
        TermDocuments::of(&*self.reader.inverted_index(schema().known_as)?).add(documents, term)
    }

    /// Leaves of `documents` those of chats, below `before`.
    pub(super) fn keep_chats(&self, documents: &mut Documents, before: Offset) -> Result<()> {
        documents.difference_with(&*self.administrative()?);
        self.keep_below(documents, before);
        Ok(())
    }

    /// All documents of `shop`.
    pub(super) fn of_shop(&self, shop: &str) -> Result<Arc<Documents>> {
        self.cached(&Term::from_field_text(schema().shop, shop))
    }

    /// The documents of a term that many questions ask for, kept from one to the next.
    pub(super) fn cached(&self, term: &Term) -> Result<Arc<Documents>> {
        self.snapshot.columns().documents(self.reader, term)
    }

    /// Whether anything of the segment stands at or above `before`, or is deleted.
    fn is_cut(&self, before: Offset) -> bool {
        let before = before.signed();
        self.reader.has_deletes() || self.blocks.iter().any(|block| block.offset.1 >= before)
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

    /// The documents whose time fits; `fits` changes at one time only.
    pub(super) fn occurred(&self, fits: impl Fn(i64) -> bool) -> Documents {
        let mut documents = self.none();
        for (from, block) in self.placed_blocks() {
            let ends = (fits(block.occurred_at.0), fits(block.occurred_at.1));
            let to = (from + BLOCK_DOCUMENTS).min(self.reader.max_doc());
            match ends {
                (false, false) => {}
                (true, true) => documents.insert_range(from..to),
                _ => (from..to)
                    .filter(|document| self.occurred_at.first(*document).is_some_and(&fits))
                    .for_each(|document| documents.insert(document)),
            }
        }
        documents
    }

    /// The documents that have a term of `piece`.
    pub(super) fn documents_of(&self, piece: &Piece) -> Result<Documents> {
        let mut documents = self.none();
        let index = self.reader.inverted_index(piece.field())?;
        let mut of_term = TermDocuments::of(&index);
        let mut add = |term: &Located| of_term.add(&mut documents, term);
        match piece {
            Piece::PairOfWord(pair) => {
                let inside = TermPattern::Anywhere(pair.clone());
                let terms = self.snapshot.terms();
                each_word_of(&Vocabulary::Words, self.reader, &inside, terms, &mut add)?;
                let of_codes = code_pair_term(pair);
                add_documents_with(
                    &mut documents,
                    self.reader,
                    schema().text,
                    of_codes.as_bytes(),
                )?;
            }
            piece => self.each_term(piece, &mut add)?,
        }
        Ok(documents)
    }

    /// Hands each term of `piece` that the segment has to `take`.
    pub(super) fn each_term(
        &self,
        piece: &Piece,
        take: &mut dyn FnMut(&Located) -> Result<()>,
    ) -> Result<()> {
        match piece {
            Piece::AnyOf(field, terms) => {
                let index = self.reader.inverted_index(*field)?;
                for term in terms {
                    if let Some(info) = index.terms().get(term)? {
                        take(&Located { info, only: None })?;
                    }
                }
                Ok(())
            }
            Piece::Word(pattern) => each_word(self.reader, pattern, self.snapshot.terms(), take),
            Piece::PairOfWord(pair) => {
                let inside = TermPattern::Anywhere(pair.clone());
                each_word(self.reader, &inside, self.snapshot.terms(), take)
            }
        }
    }

    /// Adds the documents of a conversation, of whatever shop.
    pub(super) fn add_conversation(&self, documents: &mut Documents, name: &str) -> Result<()> {
        add_documents_with(documents, self.reader, schema().conversation, name.as_bytes())
    }

    /// The documents of a conversation, of whatever shop: few, so that a set of all would be mostly empty.
    pub(super) fn of_conversation(&self, name: &str) -> Result<Vec<DocId>> {
        let term = Term::from_field_text(schema().conversation, name);
        list_documents_with(self.reader, &term)
    }

    /// The edits and retractions of `shop` below `before`, or those of one conversation of it.
    pub(super) fn changes(
        &self,
        shop: &str,
        conversation: Option<&str>,
        before: Offset,
    ) -> Result<Vec<DocId>> {
        let edits = self.cached(&kind_term(Kind::Edit))?;
        let retractions = self.cached(&kind_term(Kind::Retract))?;
        let of_shop = self.of_shop(shop)?;
        let Some(conversation) = conversation else {
            let mut changes = Documents::clone(&edits);
            changes.union_with(&retractions);
            changes.intersect_with(&of_shop);
            self.keep_below(&mut changes, before);
            return Ok(changes.iter().collect());
        };
        let mut changes = self.of_conversation(conversation)?;
        let alive = self.reader.alive_bitset();
        changes.retain(|document| {
            (edits.contains(*document) || retractions.contains(*document))
                && of_shop.contains(*document)
                && alive.is_none_or(|alive| alive.is_alive(*document))
                && self.place(*document).1 < before
        });
        Ok(changes)
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
