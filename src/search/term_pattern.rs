//! The tantivy query for a word that is open on one side or both: documents with any of the terms
//! that hold a piece.
//!
//! The terms come from the cache of each segment's terms ([`crate::index::term_cache`]); where a
//! segment has too many for it, from an automaton that walks the dictionary (tantivy's
//! `RegexQuery`). Both find the same.

use std::fmt;
use std::sync::Arc;

use tantivy::query::{
    BitSetDocSet, ConstScorer, EnableScoring, Explanation, Query, RegexQuery, Scorer, Weight,
};
use tantivy::schema::IndexRecordOption;
use tantivy::{BitSet, DocId, DocSet, Result, Score, SegmentReader, TantivyError};

use crate::index::schema::schema;
use crate::index::term_cache::{SegmentTerms, TERM_END, TermCache};
use crate::index::tokenizer::word_term;

/// What a word's term must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TermPattern {
    Anywhere(String),
    AtStart(String),
    AtEnd(String),
}

impl TermPattern {
    /// The piece as [`SegmentTerms::containing`] looks for it.
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

#[derive(Clone)]
pub(super) struct TermPatternQuery {
    pattern: TermPattern,
    terms: Arc<TermCache>,
}

struct TermPatternWeight(TermPatternQuery);

impl TermPatternQuery {
    pub(super) fn new(pattern: TermPattern, terms: &Arc<TermCache>) -> TermPatternQuery {
        TermPatternQuery { pattern, terms: terms.clone() }
    }
}

impl fmt::Debug for TermPatternQuery {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pattern.fmt(formatter)
    }
}

impl Query for TermPatternQuery {
    fn weight(&self, _scoring: EnableScoring<'_>) -> Result<Box<dyn Weight>> {
        Ok(Box::new(TermPatternWeight(self.clone())))
    }
}

impl Weight for TermPatternWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> Result<Box<dyn Scorer>> {
        let TermPatternWeight(TermPatternQuery { pattern, terms }) = self;
        match terms.terms_of(reader)? {
            Some(terms) => documents_with(reader, &terms, &pattern.piece(), boost),
            None => {
                let walk = RegexQuery::from_pattern(&pattern.regex(), schema().text)?;
                walk.weight(EnableScoring::disabled_from_schema(reader.schema()))?
                    .scorer(reader, boost)
            }
        }
    }

    fn explain(&self, reader: &SegmentReader, doc: DocId) -> Result<Explanation> {
        if self.scorer(reader, 1.0)?.seek(doc) == doc {
            return Ok(Explanation::new_with_string(format!("has a term {:?}", self.0), 1.0));
        }
        let message = format!("document {doc} has no term {:?}", self.0);
        Err(TantivyError::InvalidArgument(message))
    }
}

fn documents_with(
    reader: &SegmentReader,
    terms: &SegmentTerms,
    piece: &str,
    boost: Score,
) -> Result<Box<dyn Scorer>> {
    let index = reader.inverted_index(schema().text)?;
    let mut documents = BitSet::with_max_value(reader.max_doc());
    for word in terms.containing(piece) {
        let Some(term) = index.terms().get(word_term(word))? else { continue };
        let mut postings =
            index.read_block_postings_from_terminfo(&term, IndexRecordOption::Basic)?;
        while !postings.docs().is_empty() {
            for doc in postings.docs() {
                documents.insert(*doc);
            }
            postings.advance();
        }
    }
    Ok(Box::new(ConstScorer::new(BitSetDocSet::from(documents), boost)))
}

#[cfg(test)]
mod tests {
    use tantivy::TERMINATED;

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
        let scoring = EnableScoring::disabled_from_searcher(snapshot.searcher());
        let (kept, walked) = (Arc::new(TermCache::default()), Arc::new(TermCache::new(0)));
        let mut with_documents = 0;
        for number in 0..300 {
            let piece = word(dice).replace([' ', '退'], "a");
            let pattern = match number % 3 {
                0 => TermPattern::Anywhere(piece),
                1 => TermPattern::AtStart(piece),
                _ => TermPattern::AtEnd(piece),
            };
            for reader in snapshot.searcher().segment_readers() {
                let documents = |terms: &Arc<TermCache>| {
                    let weight = TermPatternQuery::new(pattern.clone(), terms)
                        .weight(scoring)
                        .expect("a weight");
                    let mut scorer = weight.scorer(reader, 1.0).expect("a scorer");
                    let mut documents = Vec::new();
                    while scorer.doc() != TERMINATED {
                        documents.push(scorer.doc());
                        scorer.advance();
                    }
                    documents
                };
                assert_eq!(documents(&kept), documents(&walked), "{pattern:?}");
                with_documents += usize::from(!documents(&kept).is_empty());
            }
        }
        assert!(with_documents > 100, "{with_documents}");
    }
}
