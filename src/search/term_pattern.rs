//! Words that are open on one side or both: the terms that hold a piece.

use tantivy::{Result, SegmentReader};

use crate::index::columns::Located;
use crate::index::term_cache::{TERM_END, TermCache, Vocabulary};
use crate::index::tokenizer::is_code;

/// What a word's term must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TermPattern {
    Anywhere(String),
    AtStart(String),
    AtEnd(String),
}

impl TermPattern {
    fn piece(&self) -> &str {
        match self {
            TermPattern::Anywhere(piece)
            | TermPattern::AtStart(piece)
            | TermPattern::AtEnd(piece) => piece,
        }
    }

    /// The piece as [`TermCache::each_term`] looks for it.
    fn sought(&self) -> String {
        match self {
            TermPattern::Anywhere(piece) => piece.clone(),
            TermPattern::AtStart(piece) => format!("{TERM_END}{piece}"),
            TermPattern::AtEnd(piece) => format!("{piece}{TERM_END}"),
        }
    }
}

/// Hands each word and each code of a segment that fits to `take`.
pub(super) fn each_word(
    segment: &SegmentReader,
    pattern: &TermPattern,
    terms: &TermCache,
    take: &mut dyn FnMut(&Located) -> Result<()>,
) -> Result<()> {
    each_word_of(&Vocabulary::Words, segment, pattern, terms, take)?;
    each_word_of(&Vocabulary::Codes, segment, pattern, terms, take)
}

/// Hands each word of a segment that fits, or each code, to `take`.
pub(super) fn each_word_of(
    vocabulary: &Vocabulary,
    segment: &SegmentReader,
    pattern: &TermPattern,
    terms: &TermCache,
    take: &mut dyn FnMut(&Located) -> Result<()>,
) -> Result<()> {
    if *vocabulary == Vocabulary::Words && is_code(pattern.piece()) {
        return Ok(());
    }
    terms.each_term(segment, vocabulary, &pattern.sought(), &mut |_, term| take(term))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::testing::{message, open};
    use crate::log::{Store, batch};
    use crate::model::testing::Dice;

    #[tokio::test]
    async fn cache_and_walk_find_the_same() {
        let dice = &mut Dice::new(3);
        let dir = tempfile::tempdir().expect("a directory");
        let (mut store, reader) = open(dir.path()).expect("opens");
        let word = |dice: &mut Dice| -> String {
            (0..1 + dice.roll(6))
                .map(|_| *dice.pick(&["a", "b", "7", "я", "к", "क", "ि", "退", " "]))
                .collect()
        };
        for offset in 0..300 {
            store
                .apply(batch(vec![message(offset, "c", &format!("x{}", word(dice)))]))
                .await
                .expect("applies");
            if offset % 100 == 99 {
                store.commit().await.expect("commits");
            }
        }
        let snapshot = reader.snapshot().unwrap();
        let (kept, walked) = (TermCache::default(), TermCache::new(0));
        let mut with_terms = 0;
        for number in 0..300 {
            let piece = word(dice).replace([' ', '退'], "a");
            let pattern = match number % 3 {
                0 => TermPattern::Anywhere(piece),
                1 => TermPattern::AtStart(piece),
                _ => TermPattern::AtEnd(piece),
            };
            for reader in snapshot.searcher().segment_readers() {
                let found = |terms: &TermCache| {
                    let mut found = Vec::new();
                    let mut take = |term: &Located| -> Result<()> {
                        found.push(term.info.clone());
                        Ok(())
                    };
                    each_word(reader, &pattern, terms, &mut take).expect("finds");
                    found
                };
                assert_eq!(found(&kept), found(&walked), "{pattern:?}");
                with_terms += usize::from(!found(&kept).is_empty());
            }
        }
        assert!(with_terms > 100, "{with_terms}");
    }
}
