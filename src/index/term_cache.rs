//! The terms of each segment's words as one string, so that "which words contain `fund`" is a
//! search in memory and not a walk over the dictionary's automaton (350,000 words: 3 ms instead of
//! 100 ms); and so those of its orders, customers and agents.
//!
//! Invariants: segments never change, so neither do their terms; a segment's terms are read once,
//! however many questions ask for them at once; at most [`KEPT_BYTES_MAX`] are kept, and of a
//! segment with more than that only that it has too many: its dictionary is walked.

use std::ops::Range;
use std::sync::Arc;

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, Options, OptionsBuilder, Weighter};
use tantivy::SegmentReader;
use tantivy::index::SegmentId;

use super::schema::schema;

/// 256 MiB of the process's 2 GiB: the terms (about 16 bytes each, with their place) of some 50 M
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
pub struct SegmentTerms {
    text: String,
    starts: Vec<u32>,
}

impl Default for TermCache {
    fn default() -> TermCache {
        TermCache::new(KEPT_BYTES_MAX)
    }
}

impl TermCache {
    /// A cache of at most `bytes_max`.
    pub fn new(bytes_max: usize) -> TermCache {
        let (hashes, drops) = (DefaultHashBuilder::default(), DefaultLifecycle::default());
        let segments = Cache::with_options(options(bytes_max), ByBytes, hashes, drops);
        TermCache { bytes_max, segments }
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

/// One shard, all of it for hot segments: each may then be as large as the whole.
fn options(bytes_max: usize) -> Options {
    let options = OptionsBuilder::new()
        .shards(1)
        .hot_allocation(1.0)
        .estimated_items_capacity(SEGMENTS_EXPECTED)
        .weight_capacity(bytes_max as u64)
        .build();
    match options {
        Ok(options) => options,
        Err(_) => unreachable!("both capacities are given"),
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
            Vocabulary::Words => (schema().text, 1),
            Vocabulary::KnownAs => (schema().known_as, 0),
        };
        let index = segment.inverted_index(field)?;
        let all = index.terms().range();
        let mut words = match vocabulary {
            Vocabulary::Words => all.ge("w").lt("x").into_stream()?,
            Vocabulary::KnownAs => all.into_stream()?,
        };
        let mut terms = SegmentTerms { text: String::from(TERM_END), starts: Vec::new() };
        while words.advance() {
            terms.starts.push(terms.text.len() as u32);
            // Terms are UTF-8: the tokenizer makes them from strings.
            terms.text.push_str(std::str::from_utf8(&words.key()[letters..]).unwrap_or_default());
            terms.text.push(TERM_END);
            if terms.bytes() > bytes_max {
                return Ok(None);
            }
        }
        terms.text.shrink_to_fit();
        terms.starts.shrink_to_fit();
        Ok(Some(terms))
    }

    fn bytes(&self) -> usize {
        self.text.len() + self.starts.len() * size_of::<u32>()
    }

    /// The terms that contain `piece`, which may begin or end with [`TERM_END`] to stand for a term
    /// that begins or ends there.
    pub fn containing<'a>(&'a self, piece: &'a str) -> impl Iterator<Item = &'a str> {
        self.containing_within(piece, 0, self.text.len())
    }

    /// The terms of `range` that contain `piece`.
    pub fn containing_in<'a>(
        &'a self,
        piece: &'a str,
        range: &Range<String>,
    ) -> impl Iterator<Item = &'a str> {
        let place = |bound: &String| {
            let number = self.starts.partition_point(|start| self.term_at(*start) < bound.as_str());
            self.starts.get(number).map_or(self.text.len(), |start| *start as usize)
        };
        let (from, to) = (place(&range.start), place(&range.end));
        self.containing_within(piece, from - TERM_END.len_utf8().min(from), to)
    }

    fn term_at(&self, start: u32) -> &str {
        let rest = &self.text[start as usize..];
        &rest[..rest.find(TERM_END).unwrap_or(rest.len())]
    }

    /// `from` is the end of a term, or the beginning of all, and `to` the beginning of one, or the end.
    fn containing_within<'a>(
        &'a self,
        piece: &'a str,
        from: usize,
        to: usize,
    ) -> impl Iterator<Item = &'a str> {
        let opening = if piece.starts_with(TERM_END) { TERM_END.len_utf8() } else { 0 };
        let mut from = from;
        std::iter::from_fn(move || {
            let inside = from + self.text.get(from..to)?.find(piece)? + opening;
            let number =
                self.starts.partition_point(|start| *start as usize <= inside).checked_sub(1)?;
            let start = self.starts[number] as usize;
            let next = self.starts.get(number + 1).map_or(self.text.len(), |next| *next as usize);
            // On with the end of this term, which is the beginning of the next; after the last term
            // nothing is left.
            from = if number + 1 < self.starts.len() { next - TERM_END.len_utf8() } else { next };
            Some(&self.text[start..next - TERM_END.len_utf8()])
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
            assert_eq!(terms.containing(piece).collect::<Vec<&str>>(), expected, "{piece:?}");
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
        // A term takes 5 bytes more than its letters, a segment one: only `three fours` is too
        // much.
        let cache = TermCache::new(20);
        let mut refused = 0;
        for _ in 0..3 {
            for segment in snapshot.searcher().segment_readers() {
                let is_kept = cache.terms_of(segment, Vocabulary::Words).expect("reads").is_some();
                let is_small =
                    SegmentTerms::read(segment, Vocabulary::Words, 20).expect("reads").is_some();
                assert_eq!(is_kept, is_small);
                refused += usize::from(!is_small);
                let bytes: usize =
                    cache.segments.iter().filter_map(|(_, terms)| Some(terms?.bytes())).sum();
                assert!(bytes <= 20 && cache.segments.weight() == bytes as u64);
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
