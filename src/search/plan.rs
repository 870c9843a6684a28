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
//! fund            a word with fund                                                  proves it (in stable texts)
//! 退款            b退款                                                             proves it
//! 申请退款        b申请, b退款, two places on                                       in a row, proves it
//! no refund now   a word that ends with no, wrefund, one that begins with now       in a row, proves it (in regular texts)
//! 退 款吗         c退, b款吗                                                        does not: to be read
//! ```
//!
//! Among variants ([`crate::index::variants`]) each character stands for all its forms, and a pair
//! may have pauses inside: 记录 is any of b记录 b記录 b记錄 b記錄 and the same of `p`.
//!
//! Whether terms stand in a row is told by their places ([`super::phrase`]), except of texts of which
//! places do not tell all: those are read.

use tantivy::Term;

use super::Mode;
use super::piece::{Phrase, Piece, Slot};
use super::term_pattern::TermPattern;
use super::verify::Needle;
use crate::index::characters::is_stable;
use crate::index::schema::{Trait, schema};
use crate::index::tokenizer::{
    Token, TokenKind, Tokenized, WORD_CHARS_MAX, WORD_STEP_CHARS, bigram_term, chars_end,
    irregular_term, letter_term, paused_term, symbol_term, unspaced_term, word_term,
};
use crate::index::{Sought, forms_of};

/// Most tokens looked for; verification looks at the rest. 32 leave next to nothing to verify.
const PIECES_MAX: usize = 32;

/// Of which texts that have all terms it is known whether they contain the words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// Of none: each is to be read.
    Never,
    /// Of those without any of these terms: they contain them.
    Terms { except: Vec<Term> },
    /// Of those without any of these terms: the ones with the phrase contain them, the others do not.
    Phrase { phrase: Phrase, except: Vec<Term> },
    /// Of those with the phrase: they contain them.
    PhraseAlone(Phrase),
}

/// Words, and how segments find the texts that have them.
pub(super) struct TextPlan {
    pub(super) needle: Needle,
    pub(super) pieces: Vec<Piece>,
    pub(super) proof: Proof,
}

impl TextPlan {
    pub(super) fn of(words: &str, mode: Mode) -> TextPlan {
        let needle = Needle::of(words, mode);
        match mode {
            Mode::Exact | Mode::Folded => {
                let sought = Tokenized::of(words);
                let pieces = pieces_of(&sought, false);
                let is_proof = mode == Mode::Folded && is_stable(words);
                let proof = if is_proof { folded_proof(&sought) } else { Proof::Never };
                TextPlan { needle, pieces, proof }
            }
            Mode::Variants => {
                let Sought { text, keeps_pauses } = Sought::of(words);
                let sought = Tokenized::of(&text);
                let pieces = pieces_of(&sought, !keeps_pauses);
                TextPlan { needle, pieces, proof: variants_proof(&sought) }
            }
        }
    }
}

/// What proves it of texts as they are folded.
fn folded_proof(sought: &Tokenized) -> Proof {
    let unstable = Trait::UnstableText.term();
    let irregular = Term::from_field_text(schema().placed, &irregular_term());
    let Some(form) = form_of(sought) else { return Proof::Never };
    match (form, phrase_of(sought)) {
        (Form::One, _) => Proof::Terms { except: vec![unstable] },
        (Form::Unspaced, Some(phrase)) => Proof::Phrase { phrase, except: vec![unstable] },
        (Form::Mixed, Some(phrase)) => Proof::Phrase { phrase, except: vec![unstable, irregular] },
        (_, None) => Proof::Never,
    }
}

/// What proves it of texts without what varies.
fn variants_proof(sought: &Tokenized) -> Proof {
    match (form_of(sought), phrase_of(sought)) {
        (Some(Form::One), _) => Proof::Terms { except: Vec::new() },
        (Some(Form::Unspaced), Some(phrase)) => Proof::PhraseAlone(phrase),
        _ => Proof::Never,
    }
}

/// What is sought, as far as terms can tell all of it.
#[derive(Clone, Copy)]
enum Form {
    /// One term, or one pair.
    One,
    /// Characters of scripts without spaces, nothing between.
    Unspaced,
    Mixed,
}

/// `None` where terms cannot tell: a gap at an end or of more than a space, or a word of which terms
/// need not have all.
fn form_of(sought: &Tokenized) -> Option<Form> {
    let first = sought.tokens.first()?;
    let has_ends = !first.is_separated && !sought.ends_separated;
    let is_short = |token: &Token| sought.base_of(*token).chars().count() <= WORD_STEP_CHARS;
    if !has_ends || !sought.is_regular || !sought.tokens.iter().all(is_short) {
        return None;
    }
    let count = sought.tokens.len();
    let is_one_run = run_from(sought, 0) == count;
    Some(match (is_one_run, count) {
        (true, ..=2) => Form::One,
        (true, _) => Form::Unspaced,
        (false, _) => Form::Mixed,
    })
}

/// The pieces of every text with `sought`, some [`PIECES_MAX`] of them at most. With `varies`, characters
/// stand for all their forms, with or without pauses between.
fn pieces_of(sought: &Tokenized, varies: bool) -> Vec<Piece> {
    let fields = schema();
    let mut pieces = Vec::new();
    let mut number = 0;
    while let Some(token) = sought.tokens.get(number).copied() {
        if pieces.len() >= PIECES_MAX {
            break;
        }
        let text = sought.base_of(token);
        let run = run_from(sought, number);
        match token.kind {
            TokenKind::Word => pieces.push(shortcut(word_piece(sought, number, token))),
            TokenKind::Unspaced if run == 1 => {
                let forms = if varies { forms_of_text(text) } else { vec![text.to_string()] };
                let terms = forms.iter().map(|form| unspaced_term(form)).collect();
                pieces.push(Piece::AnyOf(fields.text, terms));
            }
            TokenKind::Unspaced => {
                let pairs = (number..number + run - 1).take(PIECES_MAX);
                let terms = |first| {
                    if varies { varied_pair(sought, first) } else { vec![bigram(sought, first)] }
                };
                pieces.extend(pairs.map(|first| Piece::AnyOf(fields.placed, terms(first))));
            }
            TokenKind::Symbol => {
                pieces.push(Piece::AnyOf(fields.placed, vec![symbol_term(text)]));
            }
        }
        number += run;
    }
    pieces
}

/// How many tokens from `number` on are joined to bigrams; 1 where none is.
fn run_from(sought: &Tokenized, number: usize) -> usize {
    1 + (number + 1..).take_while(|next| sought.is_joined(*next)).count()
}

/// The term of the pair of tokens that begins with `first`.
fn bigram(sought: &Tokenized, first: usize) -> String {
    bigram_term(&sought.base[sought.tokens[first].from..sought.tokens[first + 1].to])
}

/// The terms of `sought` in a row, as few as hold all of it. `None` where a character has no place: it is
/// in no pair; and where they are too many.
fn phrase_of(sought: &Tokenized) -> Option<Phrase> {
    let mut slots = Vec::new();
    let mut number = 0;
    while let Some(token) = sought.tokens.get(number).copied() {
        let run = run_from(sought, number);
        let of_run = number..number + run;
        number += run;
        match token.kind {
            TokenKind::Unspaced if run == 1 => return None,
            TokenKind::Unspaced => {
                // Every second pair, and the last.
                let last = of_run.end - 2;
                let firsts = of_run.step_by(2).filter(|first| *first < last).chain([last]);
                slots.extend(firsts.map(|first| {
                    let piece = Piece::AnyOf(schema().placed, vec![bigram(sought, first)]);
                    Slot { place: sought.tokens[first].place as u32, piece }
                }));
            }
            TokenKind::Word | TokenKind::Symbol => {
                let piece = match token.kind {
                    TokenKind::Word => word_piece(sought, of_run.start, token),
                    _ => Piece::AnyOf(schema().placed, vec![symbol_term(sought.base_of(token))]),
                };
                slots.push(Slot { place: token.place as u32, piece });
            }
        }
    }
    (slots.len() <= PIECES_MAX).then_some(Phrase(slots))
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
            Piece::AnyOf(schema().placed, vec![term])
        }
    }
}

/// The same documents by fewer terms, where one letter or two of a word are sought. They have no places.
fn shortcut(piece: Piece) -> Piece {
    match piece {
        Piece::Word(TermPattern::Anywhere(part)) if part.chars().count() == 1 => {
            Piece::AnyOf(schema().text, vec![letter_term(&part)])
        }
        Piece::Word(TermPattern::Anywhere(part)) if part.chars().count() == 2 => {
            Piece::PairOfWord(part)
        }
        piece => piece,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(piece: &Piece) -> String {
        match piece {
            Piece::AnyOf(_, terms) => terms.join("|"),
            Piece::Word(TermPattern::Anywhere(piece)) => format!("w*{piece}*"),
            Piece::Word(TermPattern::AtStart(piece)) => format!("w{piece}*"),
            Piece::Word(TermPattern::AtEnd(piece)) => format!("w*{piece}"),
            Piece::PairOfWord(pair) => format!("d{pair}|w*{pair}*"),
        }
    }

    /// `proof`: `-` none, `=` the terms, `[]` the phrase, with the terms' places; then how many terms make
    /// an exception.
    fn check(mode: Mode, sought: &str, pieces: &str, proof: &str) {
        let plan = TextPlan::of(sought, mode);
        let of_phrase = |phrase: &Phrase| -> String {
            let slots = phrase.0.iter().map(|slot| format!("{}{}", slot.place, shown(&slot.piece)));
            format!("[{}]", slots.collect::<Vec<String>>().join(" "))
        };
        let of_proof = match &plan.proof {
            Proof::Never => "-".to_string(),
            Proof::Terms { except } => format!("={}", except.len()),
            Proof::Phrase { phrase, except } => format!("{}{}", of_phrase(phrase), except.len()),
            Proof::PhraseAlone(phrase) => format!("{}+", of_phrase(phrase)),
        };
        let of_pieces: Vec<String> = plan.pieces.iter().map(shown).collect();
        assert_eq!(
            (of_pieces.join(" ").as_str(), of_proof.as_str()),
            (pieces, proof),
            "{sought:?}"
        );
    }

    #[test]
    fn words_become_pieces() {
        let folded = |sought: &str, pieces: &str, proof| check(Mode::Folded, sought, pieces, proof);
        folded("Fund", "w*fund*", "=1");
        folded(" fund", "wfund*", "-");
        folded("fund ", "w*fund", "-");
        folded(" fund ", "wfund", "-");
        folded("no refund p", "w*no wrefund wp*", "[0w*no 2wrefund 4wp*]2");
        folded("no  refund", "w*no wrefund*", "-");
        folded("no\trefund", "w*no wrefund*", "-");
        folded("退", "c退", "=1");
        folded("退款", "b退款", "=1");
        folded("申请退", "b申请 b请退", "[0b申请 1b请退]1");
        folded("申请退款", "b申请 b请退 b退款", "[0b申请 2b退款]1");
        folded("退 款", "c退 c款", "-");
        folded("跑gen后来的", "c跑 wgen b后来 b来的", "-");
        folded("重跑gen后来", "b重跑 wgen b后来", "[0b重跑 2wgen 3b后来]2");
        folded("gen后", "w*gen c后", "-");
        folded("!", "s!", "=1");
        folded("🙂", "s🙂", "=1");
        folded("A-1", "w*a s- w1*", "[0w*a 1s- 2w1*]2");
        folded("é", "le", "-");
        folded("1", "l1", "=1");
        folded("12", "d12|w*12*", "=1");
        folded("sf1", "w*sf1*", "=1");
        folded("\u{301}", "", "-");
        folded("1.5", "w*1 s. w5*", "[0w*1 1s. 2w5*]2");
        check(Mode::Exact, "退款", "b退款", "-");
    }

    #[test]
    fn variants_stand_for_all_forms() {
        let check =
            |sought: &str, pieces: &str, proof| check(Mode::Variants, sought, pieces, proof);
        check("退款", "b退款|p退款", "=0");
        check("退，款。", "b退款|p退款", "=0");
        check("申请退", "b申請|p申請|b申请|p申请 b請退|p請退|b请退|p请退", "[0b申请 1b请退]+");
        check("é", "le", "=0");
        check("，", "s,", "=0");
        check("gen 款", "w*gen c款", "-");
    }

    #[test]
    fn long_words_are_looked_for_by_a_part() {
        for char in ['a', 'я', 'क', '𐎀', '𐍈'] {
            let part = char.to_string().repeat(WORD_STEP_CHARS);
            let plan = TextPlan::of(&format!("{part}{char}"), Mode::Folded);
            let expected = Piece::Word(TermPattern::Anywhere(part));
            assert_eq!((plan.pieces, plan.proof), (vec![expected], Proof::Never));
        }
        assert_eq!(TextPlan::of(&"退款 ".repeat(200), Mode::Folded).pieces.len(), PIECES_MAX);
        let long = TextPlan::of(&"退款".repeat(200), Mode::Folded);
        assert_eq!((long.pieces.len(), long.proof), (PIECES_MAX, Proof::Never));
    }
}
