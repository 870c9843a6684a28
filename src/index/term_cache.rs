//! The words of each segment's dictionary as one string, so that "which words contain `fund`" is a search in memory
//! and not a walk over the dictionary's automaton (350,000 words: 3 ms instead of 100 ms).
//!
//! Invariants: segments never change, so neither does what is kept of one; at most [`KEPT_BYTES_MAX`] are kept, the
//! least recently used go first; a segment with more words than that is not kept, and its dictionary is walked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tantivy::SegmentReader;
use tantivy::index::SegmentId;

use super::schema::schema;

/// 256 MiB of the process's 2 GiB: the words (about 16 bytes each, with their place) of some 50 M messages.
const KEPT_BYTES_MAX: usize = 256 * 1024 * 1024;
/// What ends a word, and so begins the next: a separator, in no word.
pub const TERM_END: char = '\n';

/// What is known of the segments' words.
pub struct TermCache {
    bytes_max: usize,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// `None` for a segment with too many words.
    segments: HashMap<SegmentId, Entry>,
    bytes: usize,
    uses: u64,
}

struct Entry {
    words: Option<Arc<SegmentTerms>>,
    last_use: u64,
}

/// The words of one segment, each between two [`TERM_END`]s, in the order of the dictionary.
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
        TermCache { bytes_max, kept: Mutex::default() }
    }

    /// The words of `segment`; `None` if they are too many to keep.
    pub fn terms_of(&self, segment: &SegmentReader) -> tantivy::Result<Option<Arc<SegmentTerms>>> {
        if let Some(words) = self.known(segment.segment_id()) {
            return Ok(words);
        }
        // Read without the lock: a second reader may do the same work, but none has to wait.
        let words = SegmentTerms::read(segment, self.bytes_max)?.map(Arc::new);
        self.keep(segment.segment_id(), words.clone());
        Ok(words)
    }

    fn known(&self, segment: SegmentId) -> Option<Option<Arc<SegmentTerms>>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.uses += 1;
        let uses = kept.uses;
        let entry = kept.segments.get_mut(&segment)?;
        entry.last_use = uses;
        Some(entry.words.clone())
    }

    fn keep(&self, segment: SegmentId, words: Option<Arc<SegmentTerms>>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = bytes_of(&words);
        while kept.bytes + bytes > self.bytes_max {
            let oldest = kept.segments.iter().filter(|(_, entry)| entry.words.is_some());
            let Some(oldest) =
                oldest.min_by_key(|(_, entry)| entry.last_use).map(|(segment, _)| *segment)
            else {
                break;
            };
            kept.remove(oldest);
        }
        kept.remove(segment);
        kept.bytes += bytes;
        let last_use = kept.uses;
        kept.segments.insert(segment, Entry { words, last_use });
    }
}

impl Kept {
    fn remove(&mut self, segment: SegmentId) {
        if let Some(entry) = self.segments.remove(&segment) {
            self.bytes -= bytes_of(&entry.words);
        }
    }
}

fn bytes_of(words: &Option<Arc<SegmentTerms>>) -> usize {
    words.as_ref().map_or(0, |words| words.bytes())
}

impl SegmentTerms {
    fn read(segment: &SegmentReader, bytes_max: usize) -> tantivy::Result<Option<SegmentTerms>> {
        let index = segment.inverted_index(schema().text)?;
        // Terms of words begin with `w`, and no others do.
        let mut terms = index.terms().range().ge("w").lt("x").into_stream()?;
        let mut words = SegmentTerms { text: String::from(TERM_END), starts: Vec::new() };
        while terms.advance() {
            words.starts.push(words.text.len() as u32);
            // Terms are UTF-8: the tokenizer makes them from strings.
            words.text.push_str(std::str::from_utf8(&terms.key()[1..]).unwrap_or_default());
            words.text.push(TERM_END);
            if words.bytes() > bytes_max {
                return Ok(None);
            }
        }
        words.text.shrink_to_fit();
        words.starts.shrink_to_fit();
        Ok(Some(words))
    }

    fn bytes(&self) -> usize {
        self.text.len() + self.starts.len() * size_of::<u32>()
    }

    /// The words that contain `piece`, which may begin or end with [`TERM_END`] to stand for a word that begins or
    /// ends there.
    pub fn containing<'a>(&'a self, piece: &'a str) -> impl Iterator<Item = &'a str> {
        let opening = if piece.starts_with(TERM_END) { TERM_END.len_utf8() } else { 0 };
        let mut from = 0;
        std::iter::from_fn(move || {
            let inside = from + self.text.get(from..)?.find(piece)? + opening;
            let number =
                self.starts.partition_point(|start| *start as usize <= inside).checked_sub(1)?;
            let start = self.starts[number] as usize;
            let next = self.starts.get(number + 1).map_or(self.text.len(), |next| *next as usize);
            // On with the end of this word, which is the beginning of the next; after the last word nothing is left.
            from = if number + 1 < self.starts.len() { next - TERM_END.len_utf8() } else { next };
            Some(&self.text[start..next - TERM_END.len_utf8()])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::testing::message;
    use crate::index::{IndexHandle, open};
    use crate::log::{Sink, shared};

    async fn index_of(texts: &[&str]) -> (tempfile::TempDir, IndexHandle) {
        let dir = tempfile::tempdir().expect("a directory");
        let (mut sink, handle) = open(dir.path()).expect("opens");
        for (offset, text) in texts.iter().enumerate() {
            sink.apply(shared(vec![message(offset as u64, "c", text)])).await.expect("applies");
            sink.commit().await.expect("commits");
        }
        (dir, handle)
    }

    #[tokio::test]
    async fn words_are_found_by_what_they_hold() {
        let (_dir, handle) = index_of(&["退款 refund funder, fun! re fun refun"]).await;
        let snapshot = handle.snapshot();
        let segment = snapshot.searcher().segment_reader(0);
        let words = TermCache::default().terms_of(segment).expect("reads").expect("keeps");
        let check = |piece: &str, expected: &[&str]| {
            assert_eq!(words.containing(piece).collect::<Vec<&str>>(), expected, "{piece:?}");
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
        let (_dir, handle) =
            index_of(&["one two", "three fours", "five", "退", &"x ".repeat(3), "yy"]).await;
        let snapshot = handle.snapshot();
        // A word takes 5 bytes more than its letters, a segment one: only `three fours` is too much.
        let cache = TermCache::new(20);
        let mut refused = 0;
        for _ in 0..3 {
            for segment in snapshot.searcher().segment_readers() {
                let is_kept = cache.terms_of(segment).expect("reads").is_some();
                let is_small = SegmentTerms::read(segment, 20).expect("reads").is_some();
                assert_eq!(is_kept, is_small);
                refused += usize::from(!is_small);
                let kept = cache.kept.lock().expect("not poisoned");
                let bytes: usize = kept.segments.values().map(|entry| bytes_of(&entry.words)).sum();
                assert!(kept.bytes <= 20 && kept.bytes == bytes);
            }
        }
        assert_eq!(refused, 3);
    }
}
