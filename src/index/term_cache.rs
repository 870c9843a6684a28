//! The terms of each segment's words as one string, so that "which words contain `fund`" is a
//! search in memory and not a walk over the dictionary's automaton (350,000 words: 3 ms instead of
//! 100 ms); and so those of its orders, customers and agents.
//!
//! Invariants: segments never change, so neither do their terms; a segment's terms are read once,
//! however many questions ask for them at once; at most [`KEPT_BYTES_MAX`] are kept, and of a
//! segment with more than that only that it has too many: its dictionary is walked.

use std::ops::Range;
use std::sync::Arc;

use memchr::memmem::Finder;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use tantivy::SegmentReader;
use tantivy::index::SegmentId;
use tantivy::postings::TermInfo;

use super::cache::cache;
use super::schema::schema;

/// 256 MiB of the process's 2 GiB: the terms (about 28 bytes each, with where they lie) of some 30 M
/// messages.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Vocabulary {
    /// Of words in texts, without the letter that says so.
    Words,
    /// Of `known_as`.
    KnownAs,
}

/// The terms of one segment; `None` where they are too many to keep.
type Kept = Option<Arc<SegmentTerms>>;

/// The terms of one vocabulary of a segment, each between two [`TERM_END`]s, in the order of the
/// dictionary.
///
/// Where their documents and places lie is kept, too: to ask the dictionary takes a microsecond for each
/// of what may be a million terms with a `1`.
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
    documents: u32,
    /// From the first term's on.
    postings: u32,
    positions: u32,
}

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
    pub info: TermInfo,
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

    /// The terms of `segment`; `None` if they are too many to keep. Blocks while they are read, by
    /// this question or by another.
    pub fn terms_of(
        &self,
        segment: &SegmentReader,
        vocabulary: Vocabulary,
    ) -> tantivy::Result<Option<Arc<SegmentTerms>>> {
        self.segments.get_or_insert_with(&(segment.segment_id(), vocabulary), || {
            Ok(SegmentTerms::read(segment, vocabulary, self.bytes_max)?.map(Arc::new))
        })
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
        vocabulary: Vocabulary,
        bytes_max: usize,
    ) -> tantivy::Result<Option<SegmentTerms>> {
        // Terms of words begin with `w`, and no others do; it is left out here.
        let (field, letters) = match vocabulary {
            Vocabulary::Words => (schema().placed, 1),
            Vocabulary::KnownAs => (schema().known_as, 0),
        };
        let index = segment.inverted_index(field)?;
        let all = index.terms().range();
        let mut words = match vocabulary {
            Vocabulary::Words => all.ge("w").lt("x").into_stream()?,
            Vocabulary::KnownAs => all.into_stream()?,
        };
        let mut terms = SegmentTerms {
            text: String::from(TERM_END),
            terms: Vec::new(),
            within: (At::default(), At::default()),
        };
        while words.advance() {
            // Terms are UTF-8: the tokenizer makes them from strings.
            let text = std::str::from_utf8(&words.key()[letters..]).unwrap_or_default();
            if !terms.push(text, words.value()) || terms.bytes() > bytes_max {
                return Ok(None);
            }
        }
        terms.text.shrink_to_fit();
        terms.terms.shrink_to_fit();
        Ok(Some(terms))
    }

    /// False where what is of it does not begin where that of the one before it ends, or too far on.
    fn push(&mut self, text: &str, info: &TermInfo) -> bool {
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
        self.terms.push(Start { text: start, documents: info.doc_freq, postings, positions });
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
            info: TermInfo {
                doc_freq: start.documents,
                postings_range: from.postings..to.postings,
                positions_range: from.positions..to.positions,
            },
        }
    }

    /// The terms that contain `piece`, which may begin or end with [`TERM_END`] to stand for a term
    /// that begins or ends there.
    pub fn containing<'a>(&'a self, piece: &'a str) -> impl Iterator<Item = KeptTerm<'a>> {
        self.containing_within(piece, 0, self.text.len())
    }

    /// The terms of `range` that contain `piece`.
    pub fn containing_in<'a>(
        &'a self,
        piece: &'a str,
        range: &Range<String>,
    ) -> impl Iterator<Item = KeptTerm<'a>> {
        let place = |bound: &String| {
            let number = self.terms.partition_point(|start| self.text_at(*start) < bound.as_str());
            self.terms.get(number).map_or(self.text.len(), |start| start.text as usize)
        };
        let (from, to) = (place(&range.start), place(&range.end));
        self.containing_within(piece, from - TERM_END.len_utf8().min(from), to)
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

    /// `from` is the end of a term, or the beginning of all, and `to` the beginning of one, or the end.
    fn containing_within<'a>(
        &'a self,
        piece: &'a str,
        from: usize,
        to: usize,
    ) -> impl Iterator<Item = KeptTerm<'a>> {
        let opening = if piece.starts_with(TERM_END) { TERM_END.len_utf8() } else { 0 };
        let finder = Finder::new(piece);
        let (mut from, mut after) = (from, 0);
        std::iter::from_fn(move || {
            let inside = from + finder.find(self.text.as_bytes().get(from..to)?)? + opening;
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
            .terms_of(segment, Vocabulary::Words)
            .expect("reads")
            .expect("keeps");
        let check = |piece: &str, expected: &[&str]| {
            let found: Vec<KeptTerm<'_>> = terms.containing(piece).collect();
            let texts: Vec<&str> = found.iter().map(|term| term.text).collect();
            assert_eq!(texts, expected, "{piece:?}");
            let index = segment.inverted_index(schema().placed).expect("an index");
            for term in found {
                let info = index.terms().get(format!("w{}", term.text)).expect("reads");
                assert_eq!(info, Some(term.info));
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
                let is_kept = cache.terms_of(segment, Vocabulary::Words).expect("reads").is_some();
                let is_small =
                    SegmentTerms::read(segment, Vocabulary::Words, 44).expect("reads").is_some();
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
        let bytes = SegmentTerms::read(segment, Vocabulary::Words, 100)
            .expect("reads")
            .expect("few")
            .bytes();
        for (bytes_max, is_kept) in [(bytes, true), (bytes - 1, false)] {
            let cache = TermCache::new(bytes_max);
            assert_eq!(
                cache.terms_of(segment, Vocabulary::Words).expect("reads").is_some(),
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
                cache.terms_of(segment, Vocabulary::Words).expect("reads").expect("keeps")
            };
            let answers: Vec<Arc<SegmentTerms>> = std::thread::scope(|scope| {
                let questions: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
                questions.into_iter().map(|question| question.join().expect("answers")).collect()
            });
            assert!(answers.iter().all(|terms| Arc::ptr_eq(terms, &answers[0])));
        }
    }
}
