//! From the text sought to terms that every hit has.
//!
//! The text sought is split into tokens as texts are ([`crate::index::tokenizer`]). In a text that
//! contains it, its inner tokens stand as they are; the first, if a word, may go on to the left and
//! the last to the right, unless a separator keeps them apart. So inner tokens are terms, in a row;
//! an outer word is any word that ends or begins with it. Candidates are a superset of the hits;
//! [`Proof`] says when they are the hits.
//!
//! ```text
//! fund            a word with fund                                         proves it (in stable texts)
//! 退款            b退款                                                    proves it
//! 申请退款        b申请 b请退 b退款 in a row                               proves it
//! no refund now   a word that ends with no, wrefund, one that begins with now     does not: to be read
//! ```
//!
//! Whether an outer word stands next to the others is left to verification, which must read the
//! text anyway for what stands between the words. (tantivy's `RegexPhraseQuery` would check it by
//! the positions of each of, say, 5,000 words that end with `e`, which costs more than reading, and
//! has a limit that one-letter words exceed.)

use std::collections::BTreeSet;

use tantivy::Result;
use tantivy::SegmentReader;
use tantivy::query::{BooleanQuery, EnableScoring, PhraseQuery, Query, Scorer, TermQuery, Weight};
use tantivy::schema::{IndexRecordOption, Term};

use super::SearchQuery;
use super::scope::{scope_query, term_query};
use super::term_pattern::{TermPattern, TermPatternQuery};
use crate::index::IndexSnapshot;
use crate::index::characters::is_stable;
use crate::index::schema::{TEXT_STABLE, TEXT_UNSTABLE, schema};
use crate::index::tokenizer::{
    Token, TokenKind, Tokenized, WORD_CHARS_MAX, WORD_STEP_CHARS, bigram_term, chars_end,
    token_term, word_term,
};

/// Most tokens looked for; verification looks at the rest. 32 in a row leave next to nothing to
/// verify.
const PIECES_MAX: usize = 32;

/// When a candidate is a hit without a look at its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    Never,
    /// When the text is stable: its terms tell all there is.
    OfStable,
    /// There is no text to look for.
    Always,
}

/// What every hit has, at a position relative to the first token.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Piece {
    position: usize,
    pattern: Pattern,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    Term(String),
    AnyTerm(TermPattern),
}

/// Finds the candidates, segment by segment.
pub(super) struct Plan {
    weight: Box<dyn Weight>,
    pub(super) proof: Proof,
}

impl Plan {
    /// The plan for `query`, within the conversations of `scope` if there is one.
    pub(super) fn new(
        snapshot: &IndexSnapshot,
        query: &SearchQuery,
        scope: Option<&BTreeSet<String>>,
    ) -> Result<Plan> {
        let (pieces, proof) = pieces_of(query);
        let mut clauses = filters(query, scope);
        clauses.extend(text_clauses(snapshot, pieces));
        let scoring = EnableScoring::disabled_from_searcher(snapshot.searcher());
        Ok(Plan { weight: BooleanQuery::intersection(clauses).weight(scoring)?, proof })
    }

    /// The candidates of one segment, ascending.
    pub(super) fn candidates(&self, reader: &SegmentReader) -> Result<Box<dyn Scorer>> {
        self.weight.scorer(reader, 1.0)
    }
}

fn filters(query: &SearchQuery, scope: Option<&BTreeSet<String>>) -> Vec<Box<dyn Query>> {
    let fields = schema();
    let mut clauses = vec![term_query(fields.shop, &query.shop)];
    clauses.extend(scope.map(scope_query));
    clauses.extend(query.filters.role.map(|role| term_query(fields.sender_role, role.as_str())));
    clauses.extend(query.filters.kind.map(|kind| term_query(fields.kind, kind.as_str())));
    clauses
}

/// Every piece; those that are terms in a row.
fn text_clauses(snapshot: &IndexSnapshot, pieces: Vec<Piece>) -> Vec<Box<dyn Query>> {
    let text = schema().text;
    let mut clauses: Vec<Box<dyn Query>> = Vec::new();
    let mut terms: Vec<(usize, Term)> = Vec::new();
    for piece in pieces {
        match piece.pattern {
            Pattern::Term(term) => terms.push((piece.position, Term::from_field_text(text, &term))),
            Pattern::AnyTerm(pattern) => {
                clauses.push(Box::new(TermPatternQuery::new(pattern, snapshot.terms())))
            }
        }
    }
    match terms.len() {
        0 if clauses.is_empty() => clauses.push(any_text()),
        0 => {}
        1 => clauses.extend(terms.into_iter().map(|(_, term)| one_term(term))),
        _ => clauses.push(Box::new(PhraseQuery::new_with_offset(terms))),
    }
    clauses
}

fn one_term(term: Term) -> Box<dyn Query> {
    Box::new(TermQuery::new(term, IndexRecordOption::Basic))
}

fn any_text() -> Box<dyn Query> {
    let form = |form| one_term(Term::from_field_u64(schema().text_form, form));
    Box::new(BooleanQuery::union(vec![form(TEXT_STABLE), form(TEXT_UNSTABLE)]))
}

/// The pieces every hit has, and what they prove.
fn pieces_of(query: &SearchQuery) -> (Vec<Piece>, Proof) {
    if query.text.is_empty() {
        return (Vec::new(), Proof::Always);
    }
    let sought = Tokenized::of(&query.text);
    let mut pieces = Vec::new();
    let mut is_whole = true;
    for (number, token) in sought.tokens.iter().copied().enumerate() {
        if pieces.len() == PIECES_MAX {
            is_whole = false;
            break;
        }
        let text = sought.base_of(token);
        let pattern = match token.kind {
            TokenKind::Word => {
                is_whole &= text.chars().count() <= WORD_STEP_CHARS;
                word_pattern(&sought, number, token)
            }
            _ if sought.is_bigram(number) => {
                let next = sought.tokens[number + 1];
                Pattern::Term(bigram_term(&sought.base[token.from..next.to]))
            }
            // The bigram before has it already.
            TokenKind::Unspaced if number > 0 && sought.is_bigram(number - 1) => continue,
            kind => Pattern::Term(token_term(kind, text)),
        };
        pieces.push(Piece { position: number, pattern });
    }
    let is_proof = is_whole && is_one_run(&sought) && !query.exact && is_stable(&query.text);
    (pieces, if is_proof { Proof::OfStable } else { Proof::Never })
}

/// Whether the tokens follow each other without a gap that terms do not show: a single one, or
/// bigrams throughout.
fn is_one_run(sought: &Tokenized) -> bool {
    let Some(first) = sought.tokens.first() else { return false };
    let is_alone = !first.is_separated && !sought.ends_separated;
    is_alone && (0..sought.tokens.len() - 1).all(|number| sought.is_bigram(number))
}

/// What a word of a hit must be to hold word `number` of the text sought. Patterns longer than any
/// term is sure to hold whole are cut.
fn word_pattern(sought: &Tokenized, number: usize, token: Token) -> Pattern {
    let word = sought.base_of(token);
    let opens_left = number == 0 && !token.is_separated;
    let opens_right = number + 1 == sought.tokens.len() && !sought.ends_separated;
    let head = &word[..chars_end(word, WORD_STEP_CHARS)];
    let count = word.chars().count();
    let tail = &word[chars_end(word, count.saturating_sub(WORD_STEP_CHARS))..];
    match (opens_left, opens_right) {
        (true, true) => Pattern::AnyTerm(TermPattern::Anywhere(head.to_string())),
        (true, false) => Pattern::AnyTerm(TermPattern::AtEnd(tail.to_string())),
        (false, true) => Pattern::AnyTerm(TermPattern::AtStart(head.to_string())),
        (false, false) => Pattern::Term(word_term(&word[..chars_end(word, WORD_CHARS_MAX)])),
    }
}

#[cfg(test)]
mod tests {
    use tantivy::query::RegexQuery;

    use super::*;

    fn check(sought: &str, expected: &str, proof: Proof) {
        let (pieces, proved) = pieces_of(&SearchQuery::new("s", sought));
        let shown: Vec<String> = pieces
            .iter()
            .map(|piece| match &piece.pattern {
                Pattern::Term(term) => format!("{}:{term}", piece.position),
                Pattern::AnyTerm(pattern) => format!("{}:/{}/", piece.position, pattern.regex()),
            })
            .collect();
        assert_eq!(shown.join(" "), expected, "{sought:?}");
        assert_eq!(proved, proof, "{sought:?}");
    }

    #[test]
    fn words_become_pieces() {
        check("Fund", "0:/w.*fund.*/", Proof::OfStable);
        check(" fund", "0:/wfund.*/", Proof::Never);
        check("fund ", "0:/w.*fund/", Proof::Never);
        check(" fund ", "0:wfund", Proof::Never);
        check("no refund p", "0:/w.*no/ 1:wrefund 2:/wp.*/", Proof::Never);
        check("退", "0:c退", Proof::OfStable);
        check("退款", "0:b退款", Proof::OfStable);
        check("申请退款", "0:b申请 1:b请退 2:b退款", Proof::OfStable);
        check("退 款", "0:c退 1:c款", Proof::Never);
        check("跑gen后", "0:c跑 1:wgen 2:c后", Proof::Never);
        check("gen后", "0:/w.*gen/ 1:c后", Proof::Never);
        check("!", "0:s!", Proof::OfStable);
        check("🙂", "0:s🙂", Proof::OfStable);
        check("A-1", "0:/w.*a/ 1:s- 2:/w1.*/", Proof::Never);
        check("é", "0:/w.*e.*/", Proof::Never);
        check("\u{301}", "", Proof::Never);
        check("1.5", "0:/w.*1/ 1:s. 2:/w5.*/", Proof::Never);
    }

    #[test]
    fn long_words_of_any_script_become_automata_within_limits() {
        for char in ['a', 'я', 'क', '𐎀', '𐍈'] {
            let word = char.to_string().repeat(WORD_STEP_CHARS + 1);
            let (pieces, proof) = pieces_of(&SearchQuery::new("s", word));
            assert_eq!((pieces.len(), proof), (1, Proof::Never));
            let Pattern::AnyTerm(pattern) = &pieces[0].pattern else { panic!("not a word") };
            for pattern in [pattern.clone(), TermPattern::AtEnd("x".repeat(WORD_STEP_CHARS))] {
                assert!(
                    RegexQuery::from_pattern(&pattern.regex(), schema().text).is_ok(),
                    "{pattern:?}"
                );
            }
        }
        let (pieces, _) = pieces_of(&SearchQuery::new("s", "退款 ".repeat(200)));
        assert_eq!(pieces.len(), PIECES_MAX);
    }
}
