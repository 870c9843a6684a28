//! Splits text into tokens and tokens into terms. Indexing and planning use the same function, so
//! they cannot disagree.
//!
//! Separators stand between tokens. A character of a script without spaces is a token; neighbouring
//! letters, digits and marks of one script are a token (`mm-2026` is `mm`, `-`, `2026`; `重跑gen后` is
//! `重`, `跑`, `gen`, `后`); any other visible character is a token. Terms begin with a letter that says their kind, so that an
//! automaton over words visits words only:
//!
//! ```text
//! cX      a character of a script without spaces
//! lX      a letter or digit of a word                    dXY    two of a code          in `text`, without places
//! wWORD   a word, or the pieces of an over-long one      nCODE  the same with a digit
//! bXY     two such characters, nothing between           pXY    two such characters, only pauses between
//! sX      a symbol
//! x       places do not tell all: see [`Tokenized::is_regular`]                        in `placed`, with them
//! ```
//! A code is a word with a digit: an order number, a price, a model. Nearly each is its own, so that there are as
//! many as messages, and a `1` or a `12` is in a tenth of them: too many to look up one by one. Terms `l` and
//! `d` say it of a text at once. Of words without digits there are few, and of three letters fewer still.
//!
//!
//! Terms `c` and `b` are the unigrams and bigrams of Lucene's `CJKBigramFilter` with
//! `outputUnigrams`, except that ours pair any script without spaces, Thai and Tibetan too, and
//! leave Hangul, which has spaces, to words. Terms `p` are for searches to which the punctuation and
//! spaces between such characters mean nothing. Single characters have no places, which would take a
//! byte for each: pairs have them.
//!
//! A gap between two tokens takes a place of its own, so that of a regular text the places of terms
//! tell whether they stand in a row as they do in what is sought.
//!
//! Invariant: tokens depend on the base letters alone ([`super::characters`]), and whether two
//! characters share a token depends on those two alone: the tokens of a piece are tokens of any
//! text that contains it, except that its first may go on to the left there and its last to the
//! right.

// What tantivy calls a token is a term with its position: each of our tokens gives one or more.
use tantivy::tokenizer::{Token as PlacedTerm, TokenStream, Tokenizer};

use super::characters::{Character, Class, character};

/// Names under which the schema finds the two tokenizers.
pub const TEXT_TOKENIZER: &str = "verbatim_text";
pub const PLACED_TOKENIZER: &str = "verbatim_placed";
/// A longer word becomes terms of this many characters, each beginning [`WORD_STEP_CHARS`] after
/// the one before. × 4 bytes of UTF-8 = 256 bytes, far below the 65,530 above which tantivy drops a
/// term.
pub const WORD_CHARS_MAX: usize = 64;
/// Any stretch of this length lies whole in one of the terms of its word, at the end of the last
/// one if the word ends with it and at the start of the first one if the word starts with it.
pub const WORD_STEP_CHARS: usize = 32;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    Word,
    Unspaced,
    Symbol,
}

/// One token: a range of [`Tokenized::base`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    pub kind: TokenKind,
    pub from: usize,
    pub to: usize,
    /// How many tokens and gaps stand before it.
    pub place: usize,
    /// Whether a separator stands before it; false for a token that begins the text.
    pub is_separated: bool,
    /// Of a character of a script without spaces, the number of the one before it, if nothing or
    /// only pauses stand between the two.
    pub pairs_with: Option<usize>,
}

/// A text in tokens.
#[derive(Clone, Debug, Default)]
pub struct Tokenized {
    /// The base letters of all tokens, one after the other, without separators.
    pub base: String,
    pub tokens: Vec<Token>,
    /// Whether a separator stands after the last token.
    pub ends_separated: bool,
    /// Whether nothing but single spaces stands between tokens, and each word is one term.
    pub is_regular: bool,
}

impl Tokenized {
    /// The tokens of `text`.
    pub fn of(text: &str) -> Tokenized {
        let mut tokenized = Tokenized::default();
        tokenized.split(text);
        tokenized
    }

    /// The base letters of `token`.
    pub fn base_of(&self, token: Token) -> &str {
        &self.base[token.from..token.to]
    }

    /// Whether token `number` makes a bigram with the one before it: characters of scripts without
    /// spaces, nothing between.
    pub fn is_joined(&self, number: usize) -> bool {
        self.tokens.get(number).is_some_and(|token| {
            !token.is_separated && token.pairs_with.is_some_and(|before| before + 1 == number)
        })
    }

    fn split(&mut self, text: &str) {
        self.base.clear();
        self.tokens.clear();
        self.ends_separated = false;
        self.is_regular = true;
        let mut before = Before::default();
        for char in text.chars() {
            if char.is_ascii() {
                self.push(char.to_ascii_lowercase(), &mut before);
            } else {
                for char in character(char).base.chars() {
                    self.push(char, &mut before);
                }
            }
        }
    }

    /// Takes one character of the base.
    fn push(&mut self, char: char, before: &mut Before) {
        let Character { class, is_pause, .. } = character(char);
        let kind = match class {
            Class::Separator => {
                before.is_odd_gap = char != ' ' || self.ends_separated;
                self.ends_separated = true;
                before.class = Some(class);
                return;
            }
            Class::Unspaced => TokenKind::Unspaced,
            Class::Word(_) => TokenKind::Word,
            Class::Symbol => TokenKind::Symbol,
        };
        let from = self.base.len();
        self.base.push(char);
        let to = self.base.len();
        let number = self.tokens.len();
        match self.tokens.last_mut() {
            Some(word) if kind == TokenKind::Word && before.class == Some(class) => {
                word.to = to;
                before.word_chars += 1;
                self.is_regular &= before.word_chars <= WORD_CHARS_MAX;
            }
            last => {
                let pairs_with = before.unspaced.filter(|_| kind == TokenKind::Unspaced);
                let is_separated = self.ends_separated;
                let after = last.map(|last| last.place + 1);
                let place = after.unwrap_or_default() + usize::from(is_separated);
                self.is_regular &= after.is_none() || !is_separated || !before.is_odd_gap;
                before.word_chars = 1;
                self.tokens.push(Token { kind, from, to, place, is_separated, pairs_with });
            }
        }
        if kind == TokenKind::Unspaced {
            before.unspaced = Some(number);
        } else if !is_pause {
            before.unspaced = None;
        }
        self.ends_separated = false;
        before.class = Some(class);
    }
}

/// What stands before a character.
#[derive(Default)]
struct Before {
    /// Of the character right before it.
    class: Option<Class>,
    /// The last character of a script without spaces, if nothing but pauses followed it.
    unspaced: Option<usize>,
    /// Of the separators right before it, whether they are anything but one space.
    is_odd_gap: bool,
    /// Characters of the word it may go on with.
    word_chars: usize,
}

/// The term of a word, or of a piece of one.
pub fn word_term(word: &str) -> String {
    format!("{}{word}", word_tag(word))
}

/// The term of a letter or digit of a word.
pub fn letter_term(letter: &str) -> String {
    format!("{LETTER}{letter}")
}

/// The term of two letters or digits that follow each other in a code.
pub fn code_pair_term(pair: &str) -> String {
    format!("{CODE_PAIR}{pair}")
}

/// Whether a word, or a piece of one, is a code.
pub fn is_code(word: &str) -> bool {
    word.chars().any(char::is_numeric)
}

/// The term of a character of a script without spaces.
pub fn unspaced_term(text: &str) -> String {
    format!("{UNSPACED}{text}")
}

/// The term of a symbol.
pub fn symbol_term(text: &str) -> String {
    format!("{SYMBOL}{text}")
}

/// The term of two characters with nothing between.
pub fn bigram_term(bigram: &str) -> String {
    format!("{BIGRAM}{bigram}")
}

/// The term of two characters with only pauses between.
pub fn paused_term(pair: &str) -> String {
    format!("{PAUSED}{pair}")
}

/// The term of texts that are not regular.
pub fn irregular_term() -> String {
    IRREGULAR.to_string()
}

/// What terms of words and of codes begin with.
pub const WORD: char = 'w';
pub const CODE: char = 'n';
const LETTER: char = 'l';
const CODE_PAIR: char = 'd';
const UNSPACED: char = 'c';
const SYMBOL: char = 's';
const BIGRAM: char = 'b';
const PAUSED: char = 'p';
const IRREGULAR: char = 'x';

fn word_tag(word: &str) -> char {
    if is_code(word) { CODE } else { WORD }
}

/// Byte position in `text` after its first `count` characters, or its end.
pub fn chars_end(text: &str, count: usize) -> usize {
    text.char_indices().nth(count).map_or(text.len(), |(position, _)| position)
}

/// The tokenizer of the field `text`, with buffers that are used again for each text.
#[derive(Clone, Default)]
pub struct TextTokenizer {
    text: Tokenized,
    term: PlacedTerm,
}

/// The tokenizer of the field `placed`.
#[derive(Clone, Default)]
pub struct PlacedTokenizer(TextTokenizer);

/// Hands out the single characters of one text, those of words once, and the pairs of its codes.
pub struct Characters<'a> {
    text: &'a Tokenized,
    term: &'a mut PlacedTerm,
    /// Of the token, and the byte of the base, to go on with.
    number: usize,
    at: usize,
    /// The letter that begins there is done, and its pair is not.
    is_pair_next: bool,
    /// Of the word that it is in: looked at once, for a word may be as long as a text.
    is_in_code: bool,
    letters: Letters,
}

/// Letters that were handed out.
#[derive(Default)]
struct Letters {
    ascii: u128,
    others: Vec<char>,
}

/// Hands out words, symbols and pairs of one text, and at the end whether it is regular.
pub struct Placed<'a> {
    text: &'a Tokenized,
    term: &'a mut PlacedTerm,
    number: usize,
    /// The byte of the base at which the next piece of an over-long word begins.
    piece: Option<usize>,
}

impl Tokenizer for TextTokenizer {
    type TokenStream<'a> = Characters<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Characters<'a> {
        self.text.split(text);
        self.term.reset();
        let letters = Letters::default();
        let (text, term) = (&self.text, &mut self.term);
        let (is_pair_next, is_in_code) = (false, false);
        Characters { text, term, number: 0, at: 0, is_pair_next, is_in_code, letters }
    }
}

impl Tokenizer for PlacedTokenizer {
    type TokenStream<'a> = Placed<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Placed<'a> {
        let PlacedTokenizer(TextTokenizer { text: tokenized, term }) = self;
        tokenized.split(text);
        term.reset();
        Placed { text: tokenized, term, number: 0, piece: None }
    }
}

/// Makes `term` the one of `tag` and `parts`, at `place`.
fn set(term: &mut PlacedTerm, place: usize, tag: char, parts: &[&str]) {
    term.position = place;
    term.text.clear();
    term.text.push(tag);
    parts.iter().for_each(|part| term.text.push_str(part));
}

impl Placed<'_> {
    /// Sets what `token` gives next. False where that is nothing: a character that ends no pair.
    fn set_next(&mut self, token: Token) -> bool {
        let text = self.text.base_of(token);
        match token.kind {
            TokenKind::Word => {
                self.set_piece(token, self.piece.unwrap_or(token.from));
                return true;
            }
            TokenKind::Symbol => set(self.term, token.place, SYMBOL, &[text]),
            TokenKind::Unspaced => {
                if let Some(before) = token.pairs_with {
                    // A pair stands where its first character does.
                    let first = self.text.tokens[before];
                    let tag = if self.text.is_joined(self.number) { BIGRAM } else { PAUSED };
                    set(self.term, first.place, tag, &[self.text.base_of(first), text]);
                }
            }
        }
        self.number += 1;
        token.kind == TokenKind::Symbol || token.pairs_with.is_some()
    }

    /// Sets the piece that begins at `from` and says where the one after it begins.
    fn set_piece(&mut self, token: Token, from: usize) {
        let rest = &self.text.base[from..token.to];
        let length = chars_end(rest, WORD_CHARS_MAX);
        let piece = &rest[..length];
        set(self.term, token.place, word_tag(piece), &[piece]);
        if length < rest.len() {
            self.piece = Some(from + chars_end(rest, WORD_STEP_CHARS));
        } else {
            self.piece = None;
            self.number += 1;
        }
    }
}

impl Letters {
    /// Whether `letter` is a new one.
    fn add(&mut self, letter: char) -> bool {
        if letter.is_ascii() {
            let bit = 1 << u32::from(letter);
            let is_new = self.ascii & bit == 0;
            self.ascii |= bit;
            return is_new;
        }
        let is_new = !self.others.contains(&letter);
        if is_new {
            self.others.push(letter);
        }
        is_new
    }
}

impl Characters<'_> {
    /// Sets the next letter or pair of `word`. False where nothing is left.
    fn set_next(&mut self, word: Token) -> bool {
        if self.at == word.from && !self.is_pair_next {
            self.is_in_code = is_code(self.text.base_of(word));
        }
        while self.at < word.to {
            let rest = &self.text.base[self.at..word.to];
            let letter = &rest[..chars_end(rest, 1)];
            if !self.is_pair_next {
                self.is_pair_next = true;
                if letter.chars().all(|letter| self.letters.add(letter)) {
                    set(self.term, word.place, LETTER, &[letter]);
                    return true;
                }
            }
            self.is_pair_next = false;
            self.at += letter.len();
            if letter.len() < rest.len() && self.is_in_code {
                set(self.term, word.place, CODE_PAIR, &[&rest[..chars_end(rest, 2)]]);
                return true;
            }
        }
        false
    }
}

impl TokenStream for Characters<'_> {
    fn advance(&mut self) -> bool {
        while let Some(token) = self.text.tokens.get(self.number).copied() {
            if token.kind == TokenKind::Word && self.set_next(token) {
                return true;
            }
            self.number += 1;
            self.at = token.to;
            if token.kind == TokenKind::Unspaced {
                set(self.term, token.place, UNSPACED, &[self.text.base_of(token)]);
                return true;
            }
        }
        false
    }

    fn token(&self) -> &PlacedTerm {
        self.term
    }

    fn token_mut(&mut self) -> &mut PlacedTerm {
        self.term
    }
}

impl TokenStream for Placed<'_> {
    fn advance(&mut self) -> bool {
        while let Some(token) = self.text.tokens.get(self.number).copied() {
            if self.set_next(token) {
                return true;
            }
        }
        let is_last = self.number == self.text.tokens.len() && !self.text.is_regular;
        if is_last {
            set(self.term, 0, IRREGULAR, &[]);
            self.number += 1;
        }
        is_last
    }

    fn token(&self) -> &PlacedTerm {
        self.term
    }

    fn token_mut(&mut self) -> &mut PlacedTerm {
        self.term
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(mut stream: impl TokenStream) -> Vec<(usize, String)> {
        let mut terms = Vec::new();
        while stream.advance() {
            terms.push((stream.token().position, stream.token().text.clone()));
        }
        terms
    }

    fn terms(text: &str) -> Vec<(usize, String)> {
        let (mut single, mut placed) = (TextTokenizer::default(), PlacedTokenizer::default());
        let mut terms = all(single.token_stream(text));
        terms.retain(|(_, term)| term.starts_with(UNSPACED));
        terms.extend(all(placed.token_stream(text)));
        terms.sort_by_key(|(place, term)| (*place, !term.starts_with(['w', 'n', 'c', 's'])));
        terms
    }

    fn check(text: &str, expected: &str) {
        let shown: Vec<String> =
            terms(text).iter().map(|(position, term)| format!("{position}{term}")).collect();
        assert_eq!(shown.join(" "), expected, "{text:?}");
    }

    #[test]
    fn texts_become_terms_at_true_positions() {
        check("", "");
        check(" \t\n\u{200b}", "");
        check("Hello, World", "0whello 1s, 3wworld");
        check("mm-2026", "0wmm 1s- 2n2026");
        check("SF1234567890CN", "0nsf1234567890cn");
        check("退款", "0c退 0b退款 1c款");
        check("退 款", "0c退 0p退款 2c款");
        check("退，款！ 吗", "0c退 0p退款 1s, 2c款 2p款吗 3s! 5c吗");
        check("退🙂款", "0c退 1s🙂 2c款");
        check("重跑gen后", "0c重 0b重跑 1c跑 2wgen 3c后");
        check("コーヒー", "0cコ 0bコー 1cー 1bーヒ 2cヒ 2bヒー 3cー");
        check("ＡＢＣ１２", "0nabc12");
        check("straße", "0wstrasse");
        check("ﬁx", "0wfix");
        check("cafe\u{301}", "0wcafe");
        check("café", "0wcafe");
        check("ﾊﾞ", "0cハ");
        check("Привет hello", "0wпривет 2whello");
        check("abcгде", "0wabc 1wгде");
        check("a\u{200b}b", "0wab");
        check("👨‍👩‍👧!", "0s👨 1s👩 2s👧 3s!");
        check("a_b", "0wa 1s_ 2wb");
        check("हिन्दी", "0wहिनदी");
        check("مرحبا", "0wمرحبا");
        check("가각", "0w\u{1100}\u{1161}\u{1100}\u{1161}\u{11a8}");
        check("x\u{0}y", "0wx 0x 2wy");
    }

    #[test]
    fn letters_come_once_and_codes_in_pairs() {
        let check = |text: &str, expected: &str| {
            let mut single = TextTokenizer::default();
            let terms: Vec<String> =
                all(single.token_stream(text)).into_iter().map(|(_, term)| term).collect();
            assert_eq!(terms.join(" "), expected, "{text:?}");
        };
        check("", "");
        check("Hello", "lh le ll lo");
        check("a ab, ba", "la lb");
        check("A12 退 1b2", "la da1 l1 d12 l2 c退 d1b lb db2");
        check("я٣", "lя l٣");
        check("7-7", "l7");
    }

    /// Each letter looked at all of its word again: while messages of one word each came, the index stood still.
    #[test]
    fn a_word_as_long_as_a_text_is_looked_at_once() {
        let terms = |length: usize| {
            let mut single = TextTokenizer::default();
            let began = std::time::Instant::now();
            let text = format!("{}1", "x".repeat(length));
            assert_eq!(all(single.token_stream(&text)).len(), length + 2);
            began.elapsed()
        };
        let (short, long) = (terms(2_000), terms(200_000));
        assert!(
            long < short.max(std::time::Duration::from_millis(1)) * 2_000,
            "{short:?} {long:?}"
        );
    }

    #[test]
    fn regular_texts_have_single_spaces_and_whole_words() {
        let long = "x".repeat(WORD_CHARS_MAX);
        for regular in ["", "one", " one, two ", "  one\u{a0}two\n", "退 款", "a\u{200b}b", &long]
        {
            assert!(Tokenized::of(regular).is_regular, "{regular:?}");
        }
        for irregular in
            ["one  two", "one\ntwo", "a\tb", "a \nb", "退\u{3000}\u{3000}款", &format!("{long}x")]
        {
            assert!(!Tokenized::of(irregular).is_regular, "{irregular:?}");
            assert_eq!(
                terms(irregular).iter().filter(|(_, term)| *term == irregular_term()).count(),
                1
            );
        }
    }

    #[test]
    fn every_short_stretch_of_a_long_word_lies_in_a_term() {
        let word: String = (0..1_000_u32)
            .filter_map(|number| char::from_u32('a' as u32 + number * 7 % 26))
            .collect();
        for length in [63, 64, 65, 96, 97, 128, 129, 500, 1_000] {
            let word = &word[..length];
            let terms = terms(word);
            assert!(
                terms.iter().all(|(place, term)| *place == 0 && term.len() <= WORD_CHARS_MAX + 1)
            );
            let terms: Vec<_> =
                terms.into_iter().filter(|(_, term)| term.starts_with('w')).collect();
            for from in 0..=length - WORD_STEP_CHARS {
                let stretch = &word[from..from + WORD_STEP_CHARS];
                assert!(terms.iter().any(|(_, term)| term.contains(stretch)), "{length} {from}");
            }
            assert!(terms[0].1[1..].starts_with(&word[..WORD_STEP_CHARS]));
            assert!(terms[terms.len() - 1].1.ends_with(&word[length - WORD_STEP_CHARS..]));
        }
    }
}
