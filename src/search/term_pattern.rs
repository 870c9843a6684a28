//! Documents with a word that is open on one side or both: with any of the terms that hold a piece.
//!
//! The terms come from the cache of each segment's terms ([`crate::index::term_cache`]); where a
//! segment has too many for it, from an automaton that walks the dictionary (tantivy's
//! `RegexQuery`). Both find the same.

use tantivy::query::{EnableScoring, Query, RegexQuery};
use tantivy::{DocSet, Result, SegmentReader, TERMINATED};

use crate::index::columns::add_documents_with;
use crate::index::documents::Documents;
use crate::index::schema::schema;
use crate::index::term_cache::{TERM_END, TermCache, Vocabulary};
use crate::index::tokenizer::word_term;

/// What a word's term must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TermPattern {
    Anywhere(String),
    AtStart(String),
    AtEnd(String),
}

impl TermPattern {
    /// The piece as [`SegmentTerms::containing`](crate::index::term_cache::SegmentTerms::containing) looks for it.
    fn piece(&self) -> String {
        match self {
            TermPattern::Anywhere(piece) => piece.clone(),
            TermPattern::AtStart(piece) => format!("{TERM_END}{piece}"),
            TermPattern::AtEnd(piece) => format!("{piece}{TERM_END}"),
        }
    }

    /// The pattern in the syntax of tantivy-fst, which matches whole terms. Words are letters,
    /// digits and marks, none of which has a meaning there.
    pub(super) fn regex(&self) -> String {
        match self {
            TermPattern::Anywhere(piece) => format!("w.*{piece}.*"),
            TermPattern::AtStart(piece) => format!("w{piece}.*"),
            TermPattern::AtEnd(piece) => format!("w.*{piece}"),
        }
    }
}

/// Adds the documents of a segment that have a word that fits.
pub(super) fn documents_of_words(
    documents: &mut Documents,
    segment: &SegmentReader,
    pattern: &TermPattern,
    terms: &TermCache,
) -> Result<()> {
    if let Some(terms) = terms.terms_of(segment, Vocabulary::Words)? {
        for word in terms.containing(&pattern.piece()) {
            let term = word_term(word);
            add_documents_with(documents, segment, schema().text, term.as_bytes())?;
        }
        return Ok(());
    }
    let walk = RegexQuery::from_pattern(&pattern.regex(), schema().text)?;
    let weight = walk.weight(EnableScoring::disabled_from_schema(segment.schema()))?;
    let mut found = weight.scorer(segment, 1.0)?;
    while found.doc() != TERMINATED {
        documents.insert(found.doc());
        found.advance();
    }
    Ok(())
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
        let mut with_documents = 0;
        for number in 0..300 {
            let piece = word(dice).replace([' ', '退'], "a");
            let pattern = match number % 3 {
                0 => TermPattern::Anywhere(piece),
                1 => TermPattern::AtStart(piece),
                _ => TermPattern::AtEnd(piece),
            };
            for reader in snapshot.searcher().segment_readers() {
                let documents = |terms: &TermCache| {
                    let mut documents = Documents::none(reader.max_doc());
                    documents_of_words(&mut documents, reader, &pattern, terms).expect("finds");
                    documents
                };
                assert_eq!(documents(&kept), documents(&walked), "{pattern:?}");
                with_documents += usize::from(!documents(&kept).is_empty());
            }
        }
        assert!(with_documents > 100, "{with_documents}");
    }
}
