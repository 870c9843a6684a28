//! From words to terms that every text with them has.
//!
//! The words are split into tokens as texts are ([`crate::index::tokenizer`]). In a text that
//! contains them, their inner tokens stand as they are; the first, if a word, may go on to the left and
//! the last to the right, unless a separator keeps them apart. So inner tokens are terms; an outer word
//! is any word that ends or begins with it. Characters of scripts without spaces that follow each
//! other are bigrams in a row. What has all these terms is a superset of the texts sought; [`Proof`]
//! says of which of them the terms prove it.
//!
//! ```text
//! fund            a word with fund                                         proves it (in stable texts)
//! 退款            b退款                                                    proves it
//! 申请退款        b申请 b请退 b退款 in a row                               proves it
//! no refund now   a word that ends with no, wrefund, one that begins with now     does not: to be read
//! ```
//!
//! Among variants ([`crate::index::variants`]) each character stands for all its forms, and a pair
//! may have pauses inside: 记录 is any of b记录 b記录 b记錄 b記錄 and the same of `p`.
//!
//! Whether an outer word stands next to the others is left to verification, which must read the
//! text anyway for what stands between the words.

use tantivy::Term;
use tantivy::query::{EnableScoring, PhraseQuery, Query, Weight};
use tantivy::schema::Field;

use super::Mode;
use super::term_pattern::TermPattern;
use super::verify::Needle;
use crate::index::characters::is_stable;
use crate::index::schema::schema;
use crate::index::tokenizer::{
    Token, TokenKind, Tokenized, WORD_CHARS_MAX, WORD_STEP_CHARS, bigram_term, chars_end,
    paused_term, token_term, word_term,
};
use crate::index::{Sought, forms_of};

/// Most tokens looked for; verification looks at the rest. 32 leave next to nothing to verify.
const PIECES_MAX: usize = 32;

/// Of which texts that have all terms it is proved that they contain the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// Of none: each is to be read.
    Never,
    /// Of stable ones: their terms tell all there is.
    OfStable,
    Always,
    /// Of those that also have the typed characters in a row.
    InARow,
}

/// What every text with the words has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// One of these terms of a field.
    AnyOf(Field, Vec<String>),
    /// A word with one of the terms that fit.
    Word(TermPattern),
    /// Bigrams, each where the one before it is, one further.
    Row(Vec<String>),
}

/// Words, and how segments find the texts that have them.
pub(super) struct TextPlan {
    pub(super) needle: Needle,
    pub(super) pieces: Vec<Piece>,
    pub(super) proof: Proof,
    /// Of [`Proof::InARow`], the row.
    pub(super) row: Option<Piece>,
}

impl TextPlan {
    pub(super) fn of(words: &str, mode: Mode) -> TextPlan {
        let needle = Needle::of(words, mode);
        match mode {
            Mode::Exact | Mode::Folded => {
                let (pieces, is_whole) = pieces_of(&Tokenized::of(words), false);
                let is_proof = is_whole && mode == Mode::Folded && is_stable(words);
                let proof = if is_proof { Proof::OfStable } else { Proof::Never };
                TextPlan { needle, pieces, proof, row: None }
            }
            Mode::Variants => {
                let Sought { text, keeps_pauses } = Sought::of(words);
                let sought = Tokenized::of(&text);
                let (pieces, is_whole) = pieces_of(&sought, !keeps_pauses);
                let row = row_of(&sought).map(Piece::Row);
                let proof = match (&row, is_whole) {
                    (Some(_), true) => Proof::InARow,
                    (None, true) => Proof::Always,
                    (_, false) => Proof::Never,
                };
                let row = row.filter(|_| proof == Proof::InARow);
                TextPlan { needle, pieces, proof, row }
            }
        }
    }
}

/// Finds the documents with `terms` in a row.
pub(super) fn row_weight(
    scoring: EnableScoring<'_>,
    terms: &[String],
) -> tantivy::Result<Box<dyn Weight>> {
    let pairs = schema().pairs;
    let placed = terms.iter().enumerate();
    let placed = placed.map(|(place, term)| (place, Term::from_field_text(pairs, term))).collect();
    PhraseQuery::new_with_offset(placed).weight(scoring)
}

/// The pieces of every text with `sought`, and whether a text with all of them has it, as far as terms
/// tell. With `varies`, characters stand for all their forms, with or without pauses between.
fn pieces_of(sought: &Tokenized, varies: bool) -> (Vec<Piece>, bool) {
    let fields = schema();
    let mut pieces = Vec::new();
    let mut is_whole = is_one_run(sought);
    let mut number = 0;
    while let Some(token) = sought.tokens.get(number).copied() {
        if pieces.len() == PIECES_MAX {
            return (pieces, false);
        }
        let text = sought.base_of(token);
        let run = run_from(sought, number);
        number += run;
        match token.kind {
            TokenKind::Word => {
                is_whole &= text.chars().count() <= WORD_STEP_CHARS;
                pieces.push(word_piece(sought, number - 1, token));
            }
            TokenKind::Unspaced if run == 1 => {
                let forms = if varies { forms_of_text(text) } else { vec![text.to_string()] };
                let terms = forms.iter().map(|form| token_term(token.kind, form)).collect();
                pieces.push(Piece::AnyOf(fields.text, terms));
            }
            TokenKind::Unspaced if varies => {
                // A row of variants is read; its pairs narrow down what is.
                let pairs = (number - run..number - 1).take(PIECES_MAX);
                is_whole &= run <= PIECES_MAX;
                pieces.extend(
                    pairs.map(|first| Piece::AnyOf(fields.pairs, varied_pair(sought, first))),
                );
            }
            TokenKind::Unspaced => {
                let length = run.min(PIECES_MAX);
                is_whole &= run == length;
                pieces.push(row_piece(bigrams(sought, number - run, length)));
            }
            TokenKind::Symbol => {
                pieces.push(Piece::AnyOf(fields.text, vec![token_term(token.kind, text)]));
            }
        }
    }
    (pieces, is_whole)
}

/// How many tokens from `number` on are joined to bigrams; 1 where none is.
fn run_from(sought: &Tokenized, number: usize) -> usize {
    1 + (number + 1..).take_while(|next| sought.is_joined(*next)).count()
}

/// The bigrams of `length` tokens from `first` on.
fn bigrams(sought: &Tokenized, first: usize, length: usize) -> Vec<String> {
    let pairs = first..first + length - 1;
    let text = |pair: usize| &sought.base[sought.tokens[pair].from..sought.tokens[pair + 1].to];
    pairs.map(|pair| bigram_term(text(pair))).collect()
}

fn row_piece(mut bigrams: Vec<String>) -> Piece {
    match bigrams.len() {
        1 => Piece::AnyOf(schema().pairs, bigrams.split_off(0)),
        _ => Piece::Row(bigrams),
    }
}

/// The row that `sought` is, if it is one of three characters or more.
fn row_of(sought: &Tokenized) -> Option<Vec<String>> {
    let length = sought.tokens.len();
    let is_row = (3..=PIECES_MAX).contains(&length) && run_from(sought, 0) == length;
    is_row.then(|| bigrams(sought, 0, length))
}

/// The terms of the pair of tokens that begins with `first`, in all forms.
fn varied_pair(sought: &Tokenized, first: usize) -> Vec<String> {
    let forms = |number: usize| forms_of_text(sought.base_of(sought.tokens[number]));
    let seconds = forms(first + 1);
    let pairs = forms(first).into_iter().flat_map(|first| {
        seconds.iter().map(move |second| format!("{first}{second}")).collect::<Vec<String>>()
    });
    pairs.flat_map(|pair| [bigram_term(&pair), paused_term(&pair)]).collect()
}

/// A token of one character in all its forms.
fn forms_of_text(text: &str) -> Vec<String> {
    text.chars()
        .next()
        .map_or_else(Vec::new, |char| forms_of(char).into_iter().map(String::from).collect())
}

/// Whether the tokens follow each other without a gap that terms do not show: a single one, or
/// bigrams throughout.
fn is_one_run(sought: &Tokenized) -> bool {
    let Some(first) = sought.tokens.first() else { return false };
    let is_alone = !first.is_separated && !sought.ends_separated;
    is_alone && run_from(sought, 0) == sought.tokens.len()
}

/// What a word of a text must be to hold word `number` of the text sought. Patterns longer than any
/// term is sure to hold whole are cut.
fn word_piece(sought: &Tokenized, number: usize, token: Token) -> Piece {
    let word = sought.base_of(token);
    let opens_left = number == 0 && !token.is_separated;
    let opens_right = number + 1 == sought.tokens.len() && !sought.ends_separated;
    let head = &word[..chars_end(word, WORD_STEP_CHARS)];
    let count = word.chars().count();
    let tail = &word[chars_end(word, count.saturating_sub(WORD_STEP_CHARS))..];
    match (opens_left, opens_right) {
        (true, true) => Piece::Word(TermPattern::Anywhere(head.to_string())),
        (true, false) => Piece::Word(TermPattern::AtEnd(tail.to_string())),
        (false, true) => Piece::Word(TermPattern::AtStart(head.to_string())),
        (false, false) => {
            let term = word_term(&word[..chars_end(word, WORD_CHARS_MAX)]);
            Piece::AnyOf(schema().text, vec![term])
        }
    }
}

#[cfg(test)]
mod tests {
    use tantivy::query::RegexQuery;

    use super::*;

    fn check(mode: Mode, sought: &str, expected: &str, proof: Proof) {
        let plan = TextPlan::of(sought, mode);
        let shown: Vec<String> = plan
            .pieces
            .iter()
            .map(|piece| match piece {
                Piece::AnyOf(_, terms) => terms.join("|"),
                Piece::Word(pattern) => format!("/{}/", pattern.regex()),
                Piece::Row(terms) => format!("[{}]", terms.join(" ")),
            })
            .collect();
        assert_eq!(shown.join(" "), expected, "{sought:?}");
        assert_eq!(plan.proof, proof, "{sought:?}");
        assert_eq!(plan.row.is_some(), proof == Proof::InARow);
    }

    #[test]
    fn words_become_pieces() {
        let folded =
            |sought: &str, expected: &str, proof| check(Mode::Folded, sought, expected, proof);
        folded("Fund", "/w.*fund.*/", Proof::OfStable);
        folded(" fund", "/wfund.*/", Proof::Never);
        folded("fund ", "/w.*fund/", Proof::Never);
        folded(" fund ", "wfund", Proof::Never);
        folded("no refund p", "/w.*no/ wrefund /wp.*/", Proof::Never);
        folded("退", "c退", Proof::OfStable);
        folded("退款", "b退款", Proof::OfStable);
        folded("申请退款", "[b申请 b请退 b退款]", Proof::OfStable);
        folded("退 款", "c退 c款", Proof::Never);
        folded("跑gen后来的", "c跑 wgen [b后来 b来的]", Proof::Never);
        folded("gen后", "/w.*gen/ c后", Proof::Never);
        folded("!", "s!", Proof::OfStable);
        folded("🙂", "s🙂", Proof::OfStable);
        folded("A-1", "/w.*a/ s- /w1.*/", Proof::Never);
        folded("é", "/w.*e.*/", Proof::Never);
        folded("\u{301}", "", Proof::Never);
        folded("1.5", "/w.*1/ s. /w5.*/", Proof::Never);
        check(Mode::Exact, "退款", "b退款", Proof::Never);
    }

    #[test]
    fn variants_stand_for_all_forms() {
        let check =
            |sought: &str, expected: &str, proof| check(Mode::Variants, sought, expected, proof);
        check("退款", "b退款|p退款", Proof::Always);
        check("退，款。", "b退款|p退款", Proof::Always);
        check("申请退", "b申請|p申請|b申请|p申请 b請退|p請退|b请退|p请退", Proof::InARow);
        check("é", "/w.*e.*/", Proof::Always);
        check("，", "s,", Proof::Always);
        check("gen 款", "/w.*gen/ c款", Proof::Never);
    }

    #[test]
    fn long_words_of_any_script_become_automata_within_limits() {
        for char in ['a', 'я', 'क', '𐎀', '𐍈'] {
            let word = char.to_string().repeat(WORD_STEP_CHARS + 1);
            let plan = TextPlan::of(&word, Mode::Folded);
            assert_eq!((plan.pieces.len(), plan.proof), (1, Proof::Never));
            let Piece::Word(pattern) = &plan.pieces[0] else { panic!("not a word") };
            for pattern in [pattern.clone(), TermPattern::AtEnd("x".repeat(WORD_STEP_CHARS))] {
                assert!(
                    RegexQuery::from_pattern(&pattern.regex(), schema().text).is_ok(),
                    "{pattern:?}"
                );
            }
        }
        assert_eq!(TextPlan::of(&"退款 ".repeat(200), Mode::Folded).pieces.len(), PIECES_MAX);
        let long = TextPlan::of(&"退款".repeat(200), Mode::Folded);
        assert_eq!((long.pieces.len(), long.proof), (1, Proof::Never));
    }
}
