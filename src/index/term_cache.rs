//! The terms of each segment's words as one string, so that "which words contain `fund`" is a
//! search in memory and not a walk over the dictionary's automaton (350,000 words: 3 ms instead of
//! 100 ms); and so those of its orders, customers and agents.
//!
//! Invariants: segments never change, so neither do their terms; a segment's terms are read once,
//! however many questions ask for them at once; at most [`KEPT_BYTES_MAX`] are kept, and of a
//! segment with more than that only that it has too many: its dictionary is walked.

use std::sync::Arc;

use memchr::memmem::Finder;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use tantivy::index::SegmentId;
use tantivy::postings::TermInfo;
use tantivy::schema::Field;
use tantivy::{DocId, SegmentReader};

use super::cache::cache;
use super::columns::{Located, TermDocuments};
use super::known_as::of_shop;
use super::schema::schema;
use super::tokenizer::{CODE, WORD};

/// 256 MiB of the process's 2 GiB: the terms (16 bytes each, and their letters) of some 20 M messages
/// (`docs/search.md`).
const KEPT_BYTES_MAX: usize = 256 * 1024 * 1024;
/// About as many as an index of 100 M documents has, twice.
const SEGMENTS_EXPECTED: usize = 64;
/// What ends a term, and so begins the next: a separator, in no term.
pub const TERM_END: char = '\n';

/// What is known of the segments' terms.
pub struct TermCache {
    bytes_max: usize,
    segments: Cache<(SegmentId, Vocabulary), Kept, ByBytes>,
}

/// Which terms of a segment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Vocabulary {
    /// Of words in texts.
    Words,
    /// Of codes in texts: words with a digit.
    Codes,
    /// What a shop's orders, customers and agents are known as, without the shop.
    KnownAs { shop: String },
}

impl Vocabulary {
    /// In which field its terms are, and what they begin with as no others do. That is left out of what is kept.
    pub fn lead(&self) -> (Field, String) {
        match self {
            Vocabulary::Words => (schema().placed, String::from(WORD)),
            Vocabulary::Codes => (schema().placed, String::from(CODE)),
            Vocabulary::KnownAs { shop } => (schema().known_as, of_shop(shop)),
        }
    }
}

/// The terms of one segment; `None` where they are too many to keep.
type Kept = Option<Arc<SegmentTerms>>;

/// The terms of one vocabulary of a segment, each between two [`TERM_END`]s, in the order of the
/// dictionary.
///
/// Where their documents and places lie is kept, too: to ask the dictionary takes a microsecond for each
/// of what may be a million terms with a `1`. So is the document of a term that has no other, as of most
/// codes.
pub struct SegmentTerms {
    text: String,
    terms: Vec<Start>,
    /// Where all that is of the terms begins in the segment's files, and ends.
    within: (At, At),
}

/// Where what is of one term begins; it ends where the next one's does.
#[derive(Clone, Copy)]
struct Start {
    text: u32,
    documents: Count,
    /// From the first term's on.
    postings: u32,
    positions: u32,
}

/// How many documents a term has; of one, which it is, with [`ONLY`] added.
#[derive(Clone, Copy)]
struct Count(u32);

/// A segment has at most 2^31 documents.
const ONLY: u32 = 1 << 31;

/// Bytes of the files of postings and positions.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct At {
    postings: usize,
    positions: usize,
}

/// A term as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptTerm<'a> {
    pub text: &'a str,
    pub located: Located,
}

impl Default for TermCache {
    fn default() -> TermCache {
        TermCache::new(KEPT_BYTES_MAX)
    }
}

impl TermCache {
    /// A cache of at most `bytes_max`.
    pub fn new(bytes_max: usize) -> TermCache {
        TermCache { bytes_max, segments: cache(SEGMENTS_EXPECTED, bytes_max, ByBytes) }
    }

    /// Hands each term of a segment that contains `piece` to `take`, with where it lies. The piece may begin or end
    /// with [`TERM_END`] to stand for a term that begins or ends there. Blocks while terms are read.
    pub fn each_term(
        &self,
        segment: &SegmentReader,
        vocabulary: &Vocabulary,
        piece: &str,
        take: &mut dyn FnMut(&str, &Located) -> tantivy::Result<()>,
    ) -> tantivy::Result<()> {
        let start = piece.strip_prefix(TERM_END);
        if let Some(terms) = self.terms_of(segment, vocabulary)? {
            let mut take = |term: KeptTerm<'_>| take(term.text, &term.located);
            return match start.filter(|start| !start.ends_with(TERM_END)) {
                Some(start) => terms.starting_with(start).try_for_each(&mut take),
                None => terms.containing(piece).try_for_each(&mut take),
            };
        }
        // Too many to keep: that stretch of the dictionary is walked.
        let (field, lead) = vocabulary.lead();
        let first = lead.clone() + start.unwrap_or_default().trim_end_matches(TERM_END);
        let index = segment.inverted_index(field)?;
        let mut walk = index.terms().range().ge(&first).into_stream()?;
        while walk.advance() && walk.key().starts_with(first.as_bytes()) {
            let text = std::str::from_utf8(&walk.key()[lead.len()..]).unwrap_or_default();
            if contains(text, piece) {
                take(text, &Located { info: walk.value().clone(), only: None })?;
            }
        }
        Ok(())
    }

    /// The terms of `segment`; `None` if they are too many to keep. Blocks while they are read, by
    /// this question or by another.
    fn terms_of(
        &self,
        segment: &SegmentReader,
        vocabulary: &Vocabulary,
    ) -> tantivy::Result<Option<Arc<SegmentTerms>>> {
        self.segments.get_or_insert_with(&(segment.segment_id(), vocabulary.clone()), || {
            Ok(SegmentTerms::read(segment, vocabulary, self.bytes_max)?.map(Arc::new))
        })
    }
}

/// Whether a term contains a piece, as [`TermCache::each_term`] means it.
fn contains(term: &str, piece: &str) -> bool {
    let inner = piece.trim_matches(TERM_END);
    match (piece.starts_with(TERM_END), piece.ends_with(TERM_END)) {
        (false, false) => term.contains(inner),
        (true, false) => term.starts_with(inner),
        (false, true) => term.ends_with(inner),
        (true, true) => term == inner,
    }
}

impl Count {
    fn only(self) -> Option<DocId> {
        (self.0 & ONLY != 0).then_some(self.0 & !ONLY)
    }

    fn count(self) -> u32 {
        if self.only().is_some() { 1 } else { self.0 }
    }
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<(SegmentId, Vocabulary), Kept> for ByBytes {
    fn weight(&self, _segment: &(SegmentId, Vocabulary), terms: &Kept) -> u64 {
        // What weighs nothing is never dropped: that a segment has too many terms is found out
        // once.
        terms.as_ref().map_or(0, |terms| terms.bytes() as u64)
    }
}

impl SegmentTerms {
    fn read(
        segment: &SegmentReader,
        vocabulary: &Vocabulary,
        bytes_max: usize,
    ) -> tantivy::Result<Option<SegmentTerms>> {
        let (field, lead) = vocabulary.lead();
        let index = segment.inverted_index(field)?;
        let mut words = index.terms().range().ge(&lead).into_stream()?;
        let mut of_term = TermDocuments::of(&index);
        let mut terms = SegmentTerms {
            text: String::from(TERM_END),
            terms: Vec::new(),
            within: (At::default(), At::default()),
        };
        while words.advance() {
            let Some(text) = words.key().strip_prefix(lead.as_bytes()) else { break };
            // Terms are UTF-8: the tokenizer makes them from strings.
            let text = std::str::from_utf8(text).unwrap_or_default();
            let (info, mut documents) = (words.value(), Count(words.value().doc_freq));
            if info.doc_freq == 1 {
                of_term.each(info, |document| documents = Count(document | ONLY))?;
            }
            if !terms.push(text, info, documents) || terms.bytes() > bytes_max {
                return Ok(None);
            }
        }
        terms.text.shrink_to_fit();
        terms.terms.shrink_to_fit();
        Ok(Some(terms))
    }

    /// False where what is of it does not begin where that of the one before it ends, or too far on.
    fn push(&mut self, text: &str, info: &TermInfo, documents: Count) -> bool {
        let from =
            At { postings: info.postings_range.start, positions: info.positions_range.start };
        if self.terms.is_empty() {
            self.within = (from, from);
        }
        let (first, end) = self.within;
        let far = |from: usize, first: usize| u32::try_from(from - first).ok();
        let (true, Some(postings), Some(positions), Ok(start)) = (
            from == end,
            far(from.postings, first.postings),
            far(from.positions, first.positions),
            u32::try_from(self.text.len()),
        ) else {
            return false;
        };
        self.terms.push(Start { text: start, documents, postings, positions });
        self.text.push_str(text);
        self.text.push(TERM_END);
        self.within.1 =
            At { postings: info.postings_range.end, positions: info.positions_range.end };
        true
    }

    fn bytes(&self) -> usize {
        self.text.len() + self.terms.len() * size_of::<Start>()
    }

    fn term(&self, number: usize) -> KeptTerm<'_> {
        let (first, end) = self.within;
        let start = self.terms[number];
        let next = self.terms.get(number + 1);
        let at = |start: &Start| At {
            postings: first.postings + start.postings as usize,
            positions: first.positions + start.positions as usize,
        };
        let (from, to) = (at(&start), next.map_or(end, at));
        let text_end = next.map_or(self.text.len(), |next| next.text as usize);
        KeptTerm {
            text: &self.text[start.text as usize..text_end - TERM_END.len_utf8()],
            located: Located {
                info: TermInfo {
                    doc_freq: start.documents.count(),
                    postings_range: from.postings..to.postings,
                    positions_range: from.positions..to.positions,
                },
                only: start.documents.only(),
            },
        }
    }

    /// The terms that begin with `lead`.
    fn starting_with<'a>(&'a self, lead: &'a str) -> impl Iterator<Item = KeptTerm<'a>> {
        let first = self.terms.partition_point(|start| self.text_at(*start) < lead);
        let terms = (first..self.terms.len()).map(|number| self.term(number));
        terms.take_while(move |term| term.text.starts_with(lead))
    }

    /// The number of the first term that begins after byte `inside`, which is `from` or more. Where each
    /// second term fits it is near.
    fn first_after(&self, inside: usize, from: usize) -> usize {
        let is_before = |start: &Start| start.text as usize <= inside;
        let mut step = 1;
        while self.terms.get(from + step).is_some_and(is_before) {
            step *= 2;
        }
        let to = self.terms.len().min(from + step);
        from + self.terms[from..to].partition_point(is_before)
    }

    fn text_at(&self, start: Start) -> &str {
        let rest = &self.text[start.text as usize..];
        &rest[..rest.find(TERM_END).unwrap_or(rest.len())]
    }

    /// The terms that contain `piece`, as [`TermCache::each_term`] means it.
    fn containing<'a>(&'a self, piece: &'a str) -> impl Iterator<Item = KeptTerm<'a>> {
        let opening = if piece.starts_with(TERM_END) { TERM_END.len_utf8() } else { 0 };
        let finder = Finder::new(piece);
        let (mut from, mut after) = (0, 0);
        std::iter::from_fn(move || {
            let inside = from + finder.find(self.text.as_bytes().get(from..)?)? + opening;
            after = self.first_after(inside, after);
            let number = after.checked_sub(1)?;
            // On with the end of this term, which is the beginning of the next; after the last term
            // nothing is left.
            from = match self.terms.get(after) {
                Some(next) => next.text as usize - TERM_END.len_utf8(),
                None => self.text.len(),
            };
            Some(self.term(number))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::FullTextReader;
    use crate::index::testing::{message, open};
    use crate::log::{Store, batch};

    async fn index_of(texts: &[&str]) -> (tempfile::TempDir, FullTextReader) {
        let dir = tempfile::tempdir().expect("a directory");
        let (mut store, reader) = open(dir.path()).expect("opens");
        for (offset, text) in texts.iter().enumerate() {
            store.apply(batch(vec![message(offset as u64, "c", text)])).await.expect("applies");
            store.commit().await.expect("commits");
        }
        (dir, reader)
    }

    #[tokio::test]
    async fn terms_are_found_by_what_they_hold() {
        let (_dir, reader) = index_of(&["退款 refund funder, fun! re fun refun"]).await;
        let snapshot = reader.snapshot().unwrap();
        let segment = snapshot.searcher().segment_reader(0);
        let terms = TermCache::default()
            .terms_of(segment, &Vocabulary::Words)
            .expect("reads")
            .expect("keeps");
        let check = |piece: &str, expected: &[&str]| {
            let found: Vec<KeptTerm<'_>> = terms.containing(piece).collect();
            let texts: Vec<&str> = found.iter().map(|term| term.text).collect();
            assert_eq!(texts, expected, "{piece:?}");
            let index = segment.inverted_index(schema().placed).expect("an index");
            for term in found {
                let info = index.terms().get(format!("w{}", term.text)).expect("reads");
                assert_eq!(info, Some(term.located.info));
                assert_eq!(term.located.only, Some(0));
            }
        };
        check("fun", &["fun", "funder", "refun", "refund"]);
        check("\nfun", &["fun", "funder"]);
        check("fun\n", &["fun", "refun"]);
        check("\nfun\n", &["fun"]);
        check("fund", &["funder", "refund"]);
        check("d\n", &["refund"]);
        check("\nr", &["re", "refun", "refund"]);
        check("x", &[]);
        check("e", &["funder", "re", "refun", "refund"]);
        let starting = |lead| terms.starting_with(lead).map(|term| term.text).collect::<Vec<_>>();
        assert_eq!(starting("refu"), ["refun", "refund"]);
        assert_eq!(starting("fun"), ["fun", "funder"]);
        assert!(starting("z").is_empty() && starting("refunds").is_empty());
    }

    #[tokio::test]
    async fn what_is_kept_is_bounded() {
        let (_dir, reader) =
            index_of(&["one two", "three fours", "five", "退", &"x ".repeat(3), "yy"]).await;
        let snapshot = reader.snapshot().unwrap();
        // A term takes 17 bytes more than its letters, a segment one: only `three fours` is too
        // much.
        let cache = TermCache::new(44);
        let mut refused = 0;
        for _ in 0..3 {
            for segment in snapshot.searcher().segment_readers() {
                let is_kept = cache.terms_of(segment, &Vocabulary::Words).expect("reads").is_some();
                let is_small =
                    SegmentTerms::read(segment, &Vocabulary::Words, 44).expect("reads").is_some();
                assert_eq!(is_kept, is_small);
                refused += usize::from(!is_small);
                let bytes: usize =
                    cache.segments.iter().filter_map(|(_, terms)| Some(terms?.bytes())).sum();
                assert!(bytes <= 44 && cache.segments.weight() == bytes as u64);
            }
        }
        assert_eq!(refused, 3);
    }

    /// A segment that fills the cache alone is kept, and one that is too large is found out once.
    #[tokio::test]
    async fn what_is_known_of_a_segment_stays_known() {
        let (_dir, reader) = index_of(&["three fours"]).await;
        let snapshot = reader.snapshot().unwrap();
        let segment = snapshot.searcher().segment_reader(0);
        let bytes = SegmentTerms::read(segment, &Vocabulary::Words, 100)
            .expect("reads")
            .expect("few")
            .bytes();
        for (bytes_max, is_kept) in [(bytes, true), (bytes - 1, false)] {
            let cache = TermCache::new(bytes_max);
            assert_eq!(
                cache.terms_of(segment, &Vocabulary::Words).expect("reads").is_some(),
                is_kept
            );
            assert!(
                cache.segments.contains_key(&(segment.segment_id(), Vocabulary::Words)),
                "{bytes_max}"
            );
        }
    }

    #[tokio::test]
    async fn questions_at_once_read_a_segment_once() {
        let text: String = (0..2_000).map(|number| format!("w{number} ")).collect();
        let (_dir, reader) = index_of(&[&text]).await;
        let snapshot = reader.snapshot().unwrap();
        let segment = snapshot.searcher().segment_reader(0);
        for _ in 0..20 {
            let (cache, together) = (TermCache::default(), std::sync::Barrier::new(4));
            let ask = || {
                together.wait();
                cache.terms_of(segment, &Vocabulary::Codes).expect("reads").expect("keeps")
            };
            let answers: Vec<Arc<SegmentTerms>> = std::thread::scope(|scope| {
                let questions: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
                questions.into_iter().map(|question| question.join().expect("answers")).collect()
            });
            assert!(answers.iter().all(|terms| Arc::ptr_eq(terms, &answers[0])));
        }
    }
}
